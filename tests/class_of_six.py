"""A class of six that handed in one notebook each, and the commands that grade it: what tests of grading ahead share."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook
from sample_class import Notebooks, write

from autograder.examiner.store import FILE, VerdictStore

CHAPTER, NOTEBOOK = "09_vision", "nms"
STUDENTS = [f"s{k}" for k in range(6)]


def hand_in(course: Path, copy: Path, more: str = "") -> Path:
    """A copy of a course directory, in which six students handed in six different notebooks. `more` code stands in each."""
    shutil.copytree(course, copy, ignore=shutil.ignore_patterns("submitted", "autograded", FILE + "*"))
    read = [nbformat.read(copy / kind / CHAPTER / f"{NOTEBOOK}.ipynb", as_version=4) for kind in ("source", "release")]
    notebooks = Notebooks(NOTEBOOK, *read)
    for k, student in enumerate(STUDENTS):
        notebook = notebooks.perfect()
        if k % 2:
            write(notebook, "iou", notebooks.solution("iou").replace("return", f"return {k} *"))
        write(notebook, "box_area", notebooks.solution("box_area") + f"\n# by {student}\n{more}")
        folder = copy / "submitted" / student / CHAPTER
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / f"{NOTEBOOK}.ipynb")
    return copy


def command(*argv: str) -> list[str]:
    return [str(Path(sys.executable).with_name(argv[0])), *argv[1:]]


def environment() -> dict[str, str]:
    return {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}


def run(course: Path, *argv: str) -> str:
    done = subprocess.run(command(*argv), cwd=course, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def grade_ahead(course: Path, *options: str) -> str:
    return run(course, "scratchgrad", "grade-ahead", CHAPTER, "--course", str(course), *options)


def autograde(course: Path, *options: str) -> None:
    run(course, "nbgrader", "autograde", CHAPTER, *options)


def gradebook(course: Path) -> dict[tuple[str, str], float]:
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        found = {}
        for submission in book.assignment_submissions(CHAPTER):
            for grade in (g for notebook in submission.notebooks for g in notebook.grades):
                found[submission.student.id, grade.name] = grade.auto_score
        return found


def shown(course: Path) -> dict[str, list[object]]:
    """What the graded notebooks show, less the numbers that nbgrader puts in."""
    pages = {}
    for student in STUDENTS:
        notebook = json.loads((course / "autograded" / student / CHAPTER / f"{NOTEBOOK}.ipynb").read_text())
        pages[student] = [(cell["id"], cell["source"], cell.get("outputs")) for cell in notebook["cells"]]
    return pages


def remembered(course: Path) -> int:
    if not (course / FILE).exists():
        return 0
    with contextlib.closing(VerdictStore(course / FILE)) as store:
        return len(store)
