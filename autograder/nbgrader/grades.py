"""The grades of a class as rows: one for each student, notebook and exercise that nbgrader has autograded."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path


@dataclass(frozen=True)
class Grade:
    student: str
    chapter: str
    notebook: str
    exercise: str
    score: float
    max_score: float
    status: str
    mistake: str


def read_grades(course: Path) -> Iterator[Grade]:
    """The verdicts that the graded notebooks in nbgrader's course directory keep, by student."""
    for path in sorted((course / "autograded").glob("*/*/*.ipynb")):
        student, chapter = path.parts[-3:-1]
        says = json.loads(path.read_text())["metadata"].get("scratchgrad", {})
        for v in says.get("verdicts", []):
            yield Grade(student, chapter, path.stem, v["name"], v["score"], v["max_score"], v["status"], v["mistake"] or "")


def write_grades(grades: Iterable[Grade], path: Path) -> None:
    """Write the rows as CSV, with a heading."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [f.name for f in fields(Grade)])
        writer.writeheader()
        writer.writerows(asdict(grade) for grade in grades)
