"""A chapter's notebook, from the reference form (text that runs) to nbgrader's source form."""

from __future__ import annotations

import re
from pathlib import Path

import jupytext
from jupytext.myst import MystMetadataParsingError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.build.question import BadQuestion, Question, read_question
from autograder.build.starter import solution_cell
from autograder.exercise import Exercise, get_exercise

SCHEMA_VERSION = 3
DEMONSTRATION = "demonstration"
# Jupyter's tag: "Run all" goes on behind a demonstration whose exercise is not written yet.
MAY_RAISE = "raises-exception"

_IMPORT = re.compile(r"from (?P<package>solutions(?:\.\w+)+) import (?P<name>\w+)")
_IMPORTS_TORCH = re.compile(r"^\s*(?:import|from) torch\b", re.MULTILINE)
_IMPORTS_CUDA = re.compile(r"^\s*(?:import|from) autograder\.cuda\b", re.MULTILINE)
_CHECK = re.compile(r"check\((?P<name>\w+)\)")


class BadNotebook(Exception):
    """A course notebook is not in the form that the build understands; the message says which cell."""


def read_reference(path: Path) -> NotebookNode:
    """The reference notebook, as it stands in `course/`, with cell ids that stay the same from build to build.

    Raises:
        BadNotebook: what stands behind a +++ or at the head of a code cell cannot be read.
    """
    try:
        notebook = jupytext.read(path)
    except MystMetadataParsingError as error:
        raise BadNotebook(f"{path.name}: {error}") from error
    for k, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{k:02d}"
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def source_form(path: Path, chapter: str) -> NotebookNode:
    """nbgrader's source notebook: solution regions for imports of exercises, locked graded cells for their checks.

    A question becomes two cells: its text, and the place for the answer.

    Raises:
        BadNotebook: an exercise is imported or checked, or a question asked, in a way that leaves no place for it.
    """
    reference = read_reference(path)
    cells = [made for cell in reference.cells for made in _convert(cell, path)]
    _each_name_once(cells, path)
    return new_notebook(
        cells=cells,
        metadata={
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "scratchgrad": {"chapter": chapter, "notebook": path.stem, **_needs(cells)},
        },
    )


def _needs(cells: list[NotebookNode]) -> dict[str, bool]:
    """Where the notebook imports PyTorch, and whether it runs kernels.

    Where no cell imports PyTorch that is run, PyTorch is not there when the notebook is graded.
    """
    code = [cell for cell in cells if cell.cell_type == "code"]
    imports = [DEMONSTRATION in cell.metadata.get("tags", []) for cell in code if _IMPORTS_TORCH.search(cell.source)]
    kernels = any(_IMPORTS_CUDA.search(cell.source) for cell in code)
    return {"torch": False in imports, "torch_in_demonstrations": True in imports, "kernels": kernels}


def _convert(cell: NotebookNode, path: Path) -> list[NotebookNode]:
    if cell.cell_type == "code" and "question" not in cell.metadata:
        return [_convert_code(cell, path)]
    try:
        question = read_question(cell)
    except BadQuestion as problem:
        raise BadNotebook(f"{path.name}, {cell['id']}: {problem}") from None
    cell.metadata = NotebookNode()
    return [cell] if question is None else [_asking(question, cell["id"]), _answer(question)]


def _asking(question: Question, cell_id: str) -> NotebookNode:
    """The question's text, which JupyterLab keeps as it is: answers do not go there."""
    return new_markdown_cell(question.text, id=cell_id, metadata={"editable": False, "deletable": False})


def _answer(question: Question) -> NotebookNode:
    """nbgrader's manually graded cell."""
    nbgrader = {
        "grade": True, "solution": True, "locked": False, "task": False,
        "grade_id": question.name, "points": question.points, "schema_version": SCHEMA_VERSION,
    }  # fmt: skip
    return new_markdown_cell(question.answer, id=question.name, metadata={"nbgrader": nbgrader})


def _convert_code(cell: NotebookNode, path: Path) -> NotebookNode:
    source = cell.source.strip()
    if imported := _IMPORT.fullmatch(source):
        return _solution(_exercise(imported["name"], path))
    if checked := _CHECK.fullmatch(source):
        return _graded(_exercise(checked["name"], path))
    if _IMPORT.search(source):
        raise BadNotebook(f"{path.name}, {cell['id']}: the import of an exercise stands alone in its cell, one exercise to a cell.")
    tags = list(cell.metadata.get("tags", []))
    if DEMONSTRATION in tags:
        tags.append(MAY_RAISE)
    cell.metadata = NotebookNode({"tags": tags} if tags else {})
    return cell


def _exercise(name: str, path: Path) -> Exercise:
    try:
        return get_exercise(name)
    except KeyError:
        raise BadNotebook(f"{path.name}: {name} is no exercise of the chapter's package.") from None


def _solution(exercise: Exercise) -> NotebookNode:
    nbgrader = {"grade": False, "solution": True, "locked": False, "task": False, "grade_id": exercise.name, "schema_version": SCHEMA_VERSION}
    return _cell(exercise.name, solution_cell(exercise.reference), nbgrader)


def _graded(exercise: Exercise) -> NotebookNode:
    nbgrader = {
        "grade": True, "solution": False, "locked": True, "task": False,
        "grade_id": f"check_{exercise.name}", "points": exercise.points, "schema_version": SCHEMA_VERSION,
    }  # fmt: skip
    cell = _cell(f"check_{exercise.name}", f"check({exercise.name})", nbgrader)
    cell.metadata["editable"] = cell.metadata["deletable"] = False
    cell.metadata["scratchgrad"] = {"exercise": exercise.name}
    return cell


def _cell(name: str, source: str, nbgrader: dict[str, object]) -> NotebookNode:
    cell = new_code_cell(source, metadata={"nbgrader": nbgrader})
    cell["id"] = name[:64]
    return cell


def _each_name_once(cells: list[NotebookNode], path: Path) -> None:
    named = [cell for cell in cells if "nbgrader" in cell.metadata]
    ids = [cell.metadata.nbgrader.grade_id for cell in named]
    for question in (cell.metadata.nbgrader.grade_id for cell in named if cell.cell_type == "markdown"):
        if _is_exercise(question):
            raise BadNotebook(f"{path.name}: {question} is the name of an exercise; the question needs one of its own.")
    twice = sorted({i for i in ids if ids.count(i) > 1})
    if twice:
        raise BadNotebook(f"{path.name}: {', '.join(twice)} stands there twice.")
    for name in (cell.metadata.nbgrader.grade_id for cell in named if not cell.metadata.nbgrader.grade):
        if f"check_{name}" not in ids:
            raise BadNotebook(f"{path.name}: {name} is never checked; add a cell check({name}).")


def _is_exercise(name: str) -> bool:
    try:
        get_exercise(name)
    except KeyError:
        return False
    return True


def exercises_of(notebook: NotebookNode) -> list[str]:
    """The names of the exercises that a source or released notebook grades, in order."""
    return [cell.metadata["scratchgrad"]["exercise"] for cell in notebook.cells if "exercise" in cell.metadata.get("scratchgrad", {})]
