"""What was handed in for a chapter, and how it is to be graded, read from nbgrader's course directory without running nbgrader."""

from __future__ import annotations

from pathlib import Path

from autograder.build.course import BuildError
from autograder.examiner.ahead import Task
from autograder.examiner.examine import Settings
from autograder.nbgrader.course import course_directory, read_config, release_folder, store_path, submitted_folder
from autograder.nbgrader.examine import Examine


def course_settings(course: Path) -> Settings:
    """What the configuration of a course directory says about grading."""
    return Examine(config=read_config(course)).settings


def course_tasks(course: Path, assignment: str, force: bool) -> list[Task]:
    """One for each notebook of a chapter that was handed in."""
    coursedir, settings = course_directory(course), course_settings(course)
    release, store = release_folder(coursedir), store_path(coursedir)
    names = sorted(path.name for path in (release / assignment).glob("*.ipynb"))
    if not names:
        raise BuildError(f"{assignment} has not been released; run `scratchgrad release {assignment}` first.")
    folders = sorted(submitted_folder(coursedir, "*", assignment).parent.parent.glob(f"*/{assignment}"))
    paths = [path.resolve() for folder in folders for name in names if (path := folder / name).exists()]
    return [Task(path, assignment, release, store, settings, force) for path in paths]
