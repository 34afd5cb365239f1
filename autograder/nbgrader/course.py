"""nbgrader's course directory: where things lie in it, and what its configuration says about grading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from autograder.build.course import CONFIG
from autograder.examiner.store import FILE


def read_config(course: Path) -> Config:
    """The configuration of a course directory, as nbgrader reads it there."""
    return PyFileConfigLoader(CONFIG, path=str(course)).load_config() if (course / CONFIG).exists() else Config()


def course_directory(course: Path) -> Any:
    return CourseDirectory(config=read_config(course), root=str(course.resolve()))


def release_folder(coursedir: Any) -> Path:
    """Where the releases of all assignments lie."""
    return Path(coursedir.format_path(coursedir.release_directory, ".", "."))


def submitted_folder(coursedir: Any, student: str, assignment: str) -> Path:
    return Path(coursedir.format_path(coursedir.submitted_directory, student, assignment))


def store_path(coursedir: Any) -> Path:
    """Where the course's verdicts are remembered."""
    return Path(coursedir.root) / FILE
