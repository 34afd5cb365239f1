"""Rebuild the graded notebook from the released one, with the student's sources in their places by cell id.

Tags, points, locks, order and metadata come from the release, whatever the submission says.
"""

from __future__ import annotations

import copy
from collections import defaultdict

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell

from autograder.examiner.sanitise import safe_markdown
from autograder.examiner.submission import Submission, SubmittedCell

MISSING = "# This cell was missing from the submission."


def rebuild(released: NotebookNode, submission: Submission) -> tuple[NotebookNode, list[str]]:
    """The notebook to grade, and notes on what of the submission could not be taken as it was.

    The student's text of every cell that is not locked takes the place of the released text. A cell that the student
    added stays behind the cell it followed.
    """
    placed, extras, notes = _place(released, submission)
    notebook = copy.deepcopy(released)
    cells: list[NotebookNode] = list(_new_cells(extras[None]))
    for cell in notebook.cells:
        _fill(cell, placed.get(cell.id))
        cells += [cell, *_new_cells(extras[cell.id])]
    for k, cell in enumerate(cells):
        if "id" not in cell or cell.id.startswith("extra-"):
            cell["id"] = f"extra-{k}"
    notebook.cells = cells
    return notebook, notes


def _place(released: NotebookNode, submission: Submission) -> tuple[dict[str, SubmittedCell], dict[str | None, list[SubmittedCell]], list[str]]:
    """Which submitted cell goes where: by cell id, or else by nbgrader's id. What fits nowhere is the student's own."""
    kinds = {cell.id: cell.cell_type for cell in released.cells}
    by_grade_id = {cell.metadata.nbgrader.grade_id: cell.id for cell in released.cells if "nbgrader" in cell.metadata}
    placed: dict[str, SubmittedCell] = {}
    extras: dict[str | None, list[SubmittedCell]] = defaultdict(list)
    notes: list[str] = []
    after: str | None = None
    for cell in submission.cells:
        home = cell.id if cell.id in kinds else by_grade_id.get(cell.grade_id)
        if home is not None and home not in placed and kinds[home] == cell.cell_type:
            placed[home] = cell
            after = home
        elif home is not None and home in by_grade_id.values() and home in placed:
            notes.append(
                f"The cell `{home}` stands in the notebook more than once. The first one is in its place, the others run as cells of your own."
            )
            if not home.startswith("check_"):
                extras[after].append(cell)
        else:
            extras[after].append(cell)
    missing = [home for home in by_grade_id.values() if home not in placed]
    notes += [f"The cell `{home}` was missing and was put back." for home in missing]
    return placed, extras, list(dict.fromkeys(notes))


def _fill(cell: NotebookNode, submitted: SubmittedCell | None) -> None:
    """Put the student's text into a released cell, unless the cell is locked."""
    nbgrader = cell.metadata.get("nbgrader", {})
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None
    if nbgrader.get("locked"):
        return
    if submitted is not None and submitted.source != cell.source:
        cell.source = submitted.source if cell.cell_type == "code" else safe_markdown(submitted.source)
    elif submitted is None and nbgrader.get("solution"):
        cell.source = MISSING  # the starter would undo what the student may have written elsewhere


def _new_cells(submitted: list[SubmittedCell]) -> list[NotebookNode]:
    make = {"code": new_code_cell, "markdown": new_markdown_cell, "raw": new_raw_cell}
    return [make[cell.cell_type](cell.source if cell.cell_type == "code" else safe_markdown(cell.source), id="extra-0") for cell in submitted]
