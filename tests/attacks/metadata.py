"""Metadata: say in the file what it is worth."""

from __future__ import annotations

import copy
import json

from nbformat.v4 import new_code_cell
from sample_class import cell_of, exercises

from attacks.attack import Attack
from attacks.scene import Scene


def more_points(scene: Scene) -> None:
    for cell in scene.notebook.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader.update(points=1000, locked=False, grade=True, solution=True)
            cell.source += "\n1000.0"


def skipped_checks(scene: Scene) -> None:
    for cell in scene.notebook.cells:
        cell.metadata.setdefault("tags", []).extend(["skip-execution", "demonstration", "raises-exception"])
    scene.notebook.metadata["scratchgrad"]["verdicts"] = [{"name": "attention_scores", "score": 1.0}]


def duplicated_checks(scene: Scene) -> None:
    for name in exercises(scene.notebook):
        twin = copy.deepcopy(cell_of(scene.notebook, f"check_{name}"))
        twin.source, twin.outputs = "1000.0", []
        scene.notebook.cells += [twin, copy.deepcopy(twin)]


def invented_check(scene: Scene) -> None:
    nbgrader = {"grade": True, "solution": False, "locked": True, "points": 100, "grade_id": "bonus", "cell_type": "code"}
    cell = new_code_cell("100.0", metadata={"nbgrader": nbgrader, "scratchgrad": {"exercise": "attention_scores"}}, id="bonus")
    scene.notebook.cells.insert(2, cell)


def other_kernel(scene: Scene) -> None:
    scene.notebook.metadata["kernelspec"] = {"name": "bash", "language": "bash", "display_name": "; touch x"}
    scene.notebook.metadata["language_info"] = {"name": "bash"}


def old_format(scene: Scene) -> None:
    scene.notebook["nbformat"] = 3


def swapped_ids(scene: Scene) -> None:
    for name in exercises(scene.notebook):
        answer, check = cell_of(scene.notebook, name), cell_of(scene.notebook, f"check_{name}")
        answer.metadata, check.metadata = check.metadata, answer.metadata
        answer.id, check.id = check.id, answer.id
        answer.source = "10.0"


def release_by_path(scene: Scene) -> None:
    """From `release/07_attention`, the name leads to a notebook that was not released."""
    scene.notebook.metadata["scratchgrad"]["notebook"] = "../secret"


def release_of_my_own(scene: Scene) -> None:
    """A notebook of mine stands in for the release: there only the first exercise exists."""
    mine = scene.notebooks.fresh()
    mine.cells = mine.cells[:9]
    (scene.folder / "mine.ipynb").write_text(json.dumps(mine))
    scene.notebook.metadata["scratchgrad"]["notebook"] = "../../submitted/mallory/07_attention/mine"


def half_a_character(scene: Scene) -> None:
    scene.add_cell("# \ud800", after="cell-01")


def deep_metadata(scene: Scene) -> None:
    text = json.dumps(scene.notebook)
    scene.raw = text.replace('"metadata": {', '"metadata": {"x": ' + "[" * 100_000 + "]" * 100_000 + ", ", 1)


def odd_ids(scene: Scene) -> None:
    """Ids that are numbers, paths and script."""
    for k, cell in enumerate(scene.notebook.cells):
        cell["id"] = [k, "../../x", "<script>alert(1)</script>", None][k % 4]


ATTACKS = [
    Attack("more_points", "Give every cell 1000 points, and unlock it.", more_points),
    Attack("skipped_checks", "Tag the checks so that stock tools do not run them.", skipped_checks),
    Attack("duplicated_checks", "Repeat the graded cells with an output of one's own.", duplicated_checks),
    Attack("invented_check", "Add a graded cell of 100 points.", invented_check),
    Attack("other_kernel", "Ask for a kernel of another language.", other_kernel),
    Attack("old_format", "Claim to be a notebook of format 3.", old_format),
    Attack("swapped_ids", "Swap the ids of answers and checks.", swapped_ids),
    Attack("odd_ids", "Give cells ids that are numbers, paths and script.", odd_ids),
    Attack("release_by_path", "Name an unreleased notebook as the one that this is.", release_by_path),
    Attack("release_of_my_own", "Name a notebook that was handed in as the release.", release_of_my_own),
    Attack("half_a_character", "Write half a character into a cell, which no file can hold.", half_a_character),
    Attack("deep_metadata", "Nest the metadata 100,000 lists deep.", deep_metadata),
]
