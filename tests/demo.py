"""The main job, end to end: build, release, hand in, autograde, give feedback, and show the grades.

    python tests/demo.py [FOLDER]

Everything is done by real nbgrader in FOLDER (build/demo); only the class is made up.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from sample_class import hand_in_all

from autograder.build import ROOT, all_chapters, build_chapter, generate_assignment, nbgrader_environment
from autograder.nbgrader.grades import Grade, read_grades, write_grades

# The sample class is ours: it is graded also where nothing confines it.
AUTOGRADE = ("autograde", "--Examine.unsafe=True")
AUTOGRADING = re.compile(r"Autograding .*?/autograded/(?P<student>[^/]+)/")


class StepFailed(Exception):
    """An nbgrader command failed; the message holds the end of its log."""


def run_class(folder: Path, console: Console) -> list[Grade]:
    """The whole way from `course/` to grades and feedback, in `folder`."""
    course = folder / "course"
    shutil.rmtree(folder, ignore_errors=True)
    chapters = all_chapters()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        for chapter in progress.track(chapters, description="Building and releasing"):
            build_chapter(chapter, course)
            generate_assignment(chapter, course)
        submissions = hand_in_all(course)
        task = progress.add_task("nbgrader autograde", total=submissions)
        for chapter in chapters:
            _nbgrader(course, [*AUTOGRADE, chapter.name], lambda line: progress.advance(task) if AUTOGRADING.search(line) else None)
        for chapter in progress.track(chapters, description="nbgrader generate_feedback"):
            _nbgrader(course, ["generate_feedback", chapter.name], lambda line: None)
    grades = list(read_grades(course))
    write_grades(grades, folder / "grades.csv")
    return grades


def _nbgrader(course: Path, command: list[str], on_line: Callable[[str], None]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "nbgrader", *command],
        cwd=course,
        env=nbgrader_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    log = []
    for line in process.stdout:
        log.append(line)
        on_line(line)
    if process.wait() != 0:
        raise StepFailed(f"nbgrader {' '.join(command)} failed:\n{''.join(log[-40:])}")


def show(grades: list[Grade], console: Console) -> None:
    """One table a notebook."""
    for chapter, notebook in sorted({(g.chapter, g.notebook) for g in grades}):
        of_both = {(g.student, g.exercise): _mark(g) for g in grades if (g.chapter, g.notebook) == (chapter, notebook)}
        console.print(_table(f"{chapter}, {notebook}", of_both))


def _table(title: str, marks: dict[tuple[str, str], str]) -> Table:
    """Students by exercises, whichever are more in the rows."""
    students, names = ([*dict.fromkeys(key[k] for key in marks)] for k in (0, 1))
    rows, columns = (students, names) if len(students) > len(names) else (names, students)
    table = Table(title=title, title_justify="left")
    table.add_column("", no_wrap=True)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(row, *(marks[(row, column) if rows is students else (column, row)] for column in columns))
    return table


def _mark(grade: Grade) -> str:
    colour = {"correct": "green", "partial": "yellow"}.get(grade.status, "red")
    why = "" if grade.status == "correct" else f" {grade.mistake or grade.status}"
    return f"[{colour}]{grade.score:g}/{grade.max_score:g}[/]{why}"


def main() -> None:
    folder = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT / "build" / "demo"
    console = Console()
    try:
        grades = run_class(folder, console)
    except StepFailed as failure:
        console.print(str(failure), markup=False)
        raise SystemExit(1) from None
    show(grades, console)
    console.print(f"grades:   {folder / 'grades.csv'}")
    console.print(f"feedback: {folder / 'course' / 'feedback'}")


if __name__ == "__main__":
    main()
