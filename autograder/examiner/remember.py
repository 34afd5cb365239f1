"""Grade what was not graded before, and look up the rest."""

from __future__ import annotations

from nbformat import NotebookNode

from autograder.examiner.examine import as_record, examine_notebook, with_notes
from autograder.examiner.fingerprint import Gradable, fingerprint
from autograder.examiner.store import Grading, VerdictStore


def grade_once(gradable: Gradable, store: VerdictStore, force: bool = False) -> tuple[Grading, bool]:
    """The grading of a rebuilt notebook, and whether it was remembered. `force` grades again, and remembers that.

    Raises:
        NoWorker: this machine cannot run it, or not safely.
    """
    key = fingerprint(gradable)
    if not force and (found := store.get(key)):
        return found, True
    grading = grade(gradable)
    store.put(key, grading)
    return grading, False


def grade(gradable: Gradable) -> Grading:
    """The grading of a rebuilt notebook, worked out.

    Raises:
        NoWorker: this machine cannot run it, or not safely.
    """
    graded = examine_notebook(gradable.notebook, [], gradable.chapter, gradable.folder, gradable.cards, gradable.settings)
    outputs = {cell.id: cell.outputs for cell in graded.notebook.cells if cell.cell_type == "code"}
    return Grading(outputs, [as_record(v) for v in graded.verdicts], gradable.notes)


def show(grading: Grading, notebook: NotebookNode) -> NotebookNode:
    """The rebuilt notebook with the outputs and notes of its grading."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [NotebookNode(output) for output in grading.outputs.get(cell.id, [])]
    return with_notes(notebook, grading.notes)
