"""Rebuild the graded notebook from the released one, with the student's sources in their places by cell id.

Tags, points, locks, order and metadata come from the release, whatever the submission says.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from dataclasses import replace

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell

from autograder.build.question import is_written_answer
from autograder.examiner.sanitise import safe_markdown
from autograder.examiner.submission import Submission, SubmittedCell

MISSING = "# This cell was missing from the submission."


def rebuild(released: NotebookNode, submission: Submission) -> tuple[NotebookNode, list[str]]:
    """The notebook to grade, and notes on what of the submission could not be taken as it was.

    The student's text of every cell that is not locked takes the place of the released text. A cell that the student
    added stays behind the cell it followed. Written answers are for a person to read: what was written is kept, in
    whichever of the cells that say they are its place.
    """
    places = _Places(released, submission)
    notebook = copy.deepcopy(released)
    cells: list[NotebookNode] = list(_new_cells(places.extras[None]))
    for cell in notebook.cells:
        _fill(cell, places.placed.get(cell.id))
        cells += [cell, *_new_cells(places.extras[cell.id])]
    for k, cell in enumerate(cells):
        if "id" not in cell or cell.id.startswith("extra-"):
            cell["id"] = f"extra-{k}"
    notebook.cells = cells
    return notebook, places.notes


class _Places:
    """Which submitted cell goes where: by cell id, or else by nbgrader's id. What fits nowhere is the student's own."""

    def __init__(self, released: NotebookNode, submission: Submission) -> None:
        self.placed: dict[str, SubmittedCell] = {}
        self.extras: dict[str | None, list[SubmittedCell]] = defaultdict(list)
        self._notes: list[str] = []
        self._released = {cell.id: cell for cell in released.cells}
        self._by_grade_id = {cell.metadata.nbgrader.grade_id: cell.id for cell in released.cells if "nbgrader" in cell.metadata}
        self._after: str | None = None
        for cell in submission.cells:
            self._put(cell)

    @property
    def notes(self) -> list[str]:
        missing = [home for home in self._by_grade_id.values() if home not in self.placed]
        return list(dict.fromkeys([*self._notes, *(f"The cell `{home}` was missing and was put back." for home in missing)]))

    def _put(self, cell: SubmittedCell) -> None:
        home = cell.id if cell.id in self._released else self._by_grade_id.get(cell.grade_id)
        if home is None:
            self.extras[self._after].append(cell)
            return
        released = self._released[home]
        if is_written_answer(released) and cell.cell_type != "markdown":
            self._notes.append(f"The cell `{home}` was no text cell any more, and is read as text.")
            cell = replace(cell, cell_type="markdown")
        if home not in self.placed and released.cell_type == cell.cell_type:
            self.placed[home] = cell
            self._after = home
            if _is_question(released) and cell.source.strip() != released.source.strip():
                self._notes.append("You changed the text of a question. It stands as it was given, and what you made of it below.")
                self.extras[home].append(cell)
        elif home in self.placed and "nbgrader" in released.metadata:
            self._once_more(home, cell)
        else:
            self.extras[self._after].append(cell)

    def _once_more(self, home: str, cell: SubmittedCell) -> None:
        """A cell that is in its place already. Of written answers, one that says something has the place before one that does not."""
        twice = f"The cell `{home}` stands in the notebook more than once."
        if not is_written_answer(self._released[home]):
            self._notes.append(f"{twice} The first one is in its place, the others run as cells of your own.")
            if not home.startswith("check_"):
                self.extras[self._after].append(cell)
            return
        self._notes.append(f"{twice} The first one with an answer is in its place, the others stand below.")
        if is_blank(self.placed[home].source, self._released[home].source):
            self.placed[home] = cell
        else:
            self.extras[self._after].append(cell)


def _is_question(cell: NotebookNode) -> bool:
    """A text that the build keeps from being edited."""
    return cell.cell_type == "markdown" and cell.metadata.get("editable") is False


def is_blank(answer: str, released: str) -> bool:
    """Whether a written answer is untouched or empty. It stays as it was released, which nbgrader gives 0 points."""
    return answer.strip() in ("", released.strip())


def _fill(cell: NotebookNode, submitted: SubmittedCell | None) -> None:
    """Put the student's text into a released cell, unless the cell is locked."""
    nbgrader = cell.metadata.get("nbgrader", {})
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None
    if nbgrader.get("locked") or _is_question(cell):
        return
    if is_written_answer(cell):
        if submitted is not None and not is_blank(submitted.source, cell.source):
            cell.source = safe_markdown(submitted.source)
    elif submitted is not None and submitted.source != cell.source:
        cell.source = submitted.source if cell.cell_type == "code" else safe_markdown(submitted.source)
    elif submitted is None and nbgrader.get("solution"):
        cell.source = MISSING  # the starter would undo what the student may have written elsewhere


def _new_cells(submitted: list[SubmittedCell]) -> list[NotebookNode]:
    make = {"code": new_code_cell, "markdown": new_markdown_cell, "raw": new_raw_cell}
    return [make[cell.cell_type](cell.source if cell.cell_type == "code" else safe_markdown(cell.source), id="extra-0") for cell in submitted]
