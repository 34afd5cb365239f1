"""Questions that are answered in the student's own words, and marked by hand in nbgrader's formgrader."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode

from autograder.build.starter import BEGIN, END

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")  # a cell's id, which has no more characters
_REGION = re.compile(rf"(?P<text>.*?)^{BEGIN}[ \t]*\n(?P<solution>.*?)^{END}\s*", re.DOTALL | re.MULTILINE)
# What nbgrader looks for, anywhere in a line.
_DELIMITERS = tuple(mark.removeprefix("### ") for mark in (BEGIN, END))


class BadQuestion(Exception):
    """A text cell is not in the form of a question; the message says what is missing."""


@dataclass(frozen=True)
class Question:
    """`solution` is what markers see and students never do: a model answer and a marking scheme."""

    name: str
    points: float
    text: str
    solution: str

    @property
    def answer(self) -> str:
        """The cell for the answer, as nbgrader's source form has it."""
        return f"{BEGIN}\n\n{self.solution}\n\n{END}"


def read_question(cell: NotebookNode) -> Question | None:
    """The question that a cell of a reference notebook asks; None if it is a text like any other.

    Raises:
        BadQuestion: it cannot be told apart what students see and what they do not, or what it is worth.
    """
    name = cell.metadata.get("question")
    if name is None:
        if any(mark in cell.source for mark in _DELIMITERS):
            raise BadQuestion('a text with a solution region is a question; begin it with +++ {"question": "its_name", "points": 2}.')
        return None
    if cell.cell_type != "markdown":
        raise BadQuestion("a question is a Markdown cell.")
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name.startswith("check_"):
        raise BadQuestion(f"{name!r} is no name for a question; take letters, digits and _, as in why_it_is_scaled, and not check_ in front.")
    return Question(name, _points(cell.metadata.get("points"), name), *_parts(cell.source, name))


def _points(points: Any, name: str) -> float:
    if isinstance(points, bool) or not isinstance(points, int | float) or not math.isfinite(points) or points <= 0:
        raise BadQuestion(f'the question {name} has no points; say +++ {{"question": "{name}", "points": 2}}.')
    return points


def _parts(source: str, name: str) -> tuple[str, str]:
    """The text of a question and its solution. One region, at the end: a part of it elsewhere would be released."""
    found = _REGION.fullmatch(source)
    if found is None or any(source.count(mark) != 1 for mark in _DELIMITERS):
        raise BadQuestion(f"the question {name} has no solution region; end it with {BEGIN}, the model answer and marking scheme, and {END}, each mark once.")
    text, solution = found["text"].strip(), found["solution"].strip()
    if not text or not solution:
        raise BadQuestion(f"the question {name} needs a text above {BEGIN}, and a model answer and marking scheme below.")
    return text, solution


def is_written_answer(cell: NotebookNode) -> bool:
    """Whether this cell of a source, released or graded notebook is the place of an answer that is marked by hand."""
    nbgrader = cell.metadata.get("nbgrader", {})
    return cell.cell_type == "markdown" and bool(nbgrader.get("grade") and nbgrader.get("solution"))


def questions_of(notebook: NotebookNode) -> dict[str, float]:
    """The questions of a source or released notebook and what they are worth, in order."""
    return {cell.metadata.nbgrader.grade_id: cell.metadata.nbgrader.points for cell in notebook.cells if is_written_answer(cell)}


def solution_of(cell: NotebookNode) -> str:
    """The model answer and marking scheme that an answer's cell of a source notebook holds."""
    found = _REGION.fullmatch(cell.source)
    return found["solution"].strip() if found else ""
