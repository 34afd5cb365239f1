"""The marking scheme, shown where answers are marked by hand: in formgrader, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell
from nbgrader.coursedir import CourseDirectory

from autograder.build.question import is_written_answer, solution_of

FOR_MARKERS = "Model answer and marking scheme (students do not see this)"


class MarkingScheme(Preprocessor):
    """Puts the model answer and the marking scheme, from the source notebook, below each answer that is marked by hand.

    nbgrader knows marking schemes for tasks only: for cells that nobody writes in. Feedback pages come from the same
    exporter as formgrader's, so a page gets the scheme only if formgrader, which names the submission, asks for it.
    """

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        if "submission_id" in resources and "nbgrader" not in resources and any(map(is_written_answer, nb.cells)):
            schemes = self._schemes(resources)
            nb.cells = [shown for cell in nb.cells for shown in _with_scheme(cell, schemes)]
        return nb, resources

    def _schemes(self, resources: dict[str, Any]) -> dict[str, str]:
        """By the names of the questions."""
        graded = Path(resources["metadata"]["path"])
        for root in graded.parents:
            coursedir = CourseDirectory(config=self.config, root=str(root))
            folder = coursedir.format_path(coursedir.source_directory, ".", resources["assignment_id"])
            source = Path(folder) / f"{resources['notebook_id']}.ipynb"
            if source.is_file():
                return {cell.metadata.nbgrader.grade_id: solution_of(cell) for cell in _cells(source) if is_written_answer(cell)}
        return {}


def _cells(notebook: Path) -> list[NotebookNode]:
    try:
        return list(nbformat.read(notebook, as_version=4).cells)
    except (OSError, ValueError, nbformat.ValidationError):
        return []


def _with_scheme(cell: NotebookNode, schemes: dict[str, str]) -> Iterator[NotebookNode]:
    yield cell
    if is_written_answer(cell):
        scheme = schemes.get(cell.metadata.nbgrader.grade_id) or "There is none in the course's source notebooks; `scratchgrad build` writes them."
        yield new_markdown_cell(f'<div class="alert alert-info">\n\n**{FOR_MARKERS}**\n\n{scheme}\n\n</div>')
