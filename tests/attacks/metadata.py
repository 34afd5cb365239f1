"""Metadata: say in the file what it is worth."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output, new_raw_cell
from sample_class import cell_of, exercises

from attacks.attack import Attack, Change
from attacks.scene import Scene

BY_NAME = "stock nbgrader knows a notebook by its file's name"


def more_points(scene: Scene) -> None:
    for cell in scene.notebook.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader.update(points=1000, locked=False, grade=True, solution=True)
            cell.source += "\n1000.0"


def skipped_checks(scene: Scene) -> None:
    for cell in scene.notebook.cells:
        cell.metadata.setdefault("tags", []).extend(["skip-execution", "demonstration", "raises-exception"])
    scene.notebook.metadata.setdefault("scratchgrad", {})["verdicts"] = [{"name": "attention_scores", "score": 1.0}]


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


def each_check(change: Callable[[NotebookNode], None]) -> Change:
    """Change every graded cell, and solve nothing."""

    def change_all(scene: Scene) -> None:
        for cell in scene.notebook.cells:
            if cell.metadata.get("nbgrader", {}).get("grade"):
                change(cell)

    return change_all


def one_tag(tag: str) -> Change:
    """A tag that tools know, on every graded cell."""
    return each_check(lambda cell: cell.metadata.setdefault("tags", []).append(tag))


def set_nbgrader(**fields: Any) -> Change:
    return each_check(lambda cell: cell.metadata.nbgrader.update(fields))


def turned_into(kind: str) -> Change:
    def turn(cell: NotebookNode) -> None:
        cell.cell_type = kind
        cell.pop("outputs", None)
        cell.pop("execution_count", None)

    return each_check(turn)


def checks_deleted(scene: Scene) -> None:
    scene.notebook.cells = [cell for cell in scene.notebook.cells if not cell.metadata.get("nbgrader", {}).get("grade")]


def checks_first(scene: Scene) -> None:
    """The graded cells stand on top, before anything could fail."""
    scene.notebook.cells.sort(key=lambda cell: not cell.metadata.get("nbgrader", {}).get("grade"))
    scene.answer_all("raise SystemExit")


def answers_as_checks(scene: Scene) -> None:
    """Each answer cell says that it is the graded one, and displays a score."""
    checks_deleted(scene)
    for name in exercises(scene.notebook):
        cell = cell_of(scene.notebook, name)
        cell.metadata.nbgrader = {
            **cell.metadata.nbgrader,
            "grade_id": f"check_{name}",
            "grade": True,
            "solution": False,
            "points": 10,
            "locked": True,
        }
        cell.source = "10.0"


def twin_answers(scene: Scene) -> None:
    """Every cell twice, with the same ids."""
    scene.notebook.cells = [copy.deepcopy(cell) for cell in scene.notebook.cells for _ in range(2)]


def every_type(scene: Scene) -> None:
    """Every part of a cell is once a number, a list, a text, a dict, null and missing."""
    odd = [5, [], "x", {}, None, [[["x"]]]]
    cells = [
        dict(cell, **{part: x}) for cell in scene.notebook.cells[:3] for part in ("cell_type", "source", "metadata", "id", "outputs") for x in odd
    ]
    scene.notebook.cells = [*cells, *scene.notebook.cells, *odd, *({k: v for k, v in cells[0].items() if k != part} for part in cells[0])]


def odd_metadata(scene: Scene) -> None:
    """The metadata of nbgrader in every cell has fields of other types, and scripts."""
    odd = [5, [], "<script>alert(1)</script>", {}, None, True, -1, "../../x", float("nan"), 10**400]
    for k, cell in enumerate(scene.notebook.cells):
        cell.metadata["nbgrader"] = (
            odd[k % 10] if k % 3 else dict.fromkeys(("grade_id", "points", "grade", "schema_version", "cell_type"), odd[k % 10])
        )


def thousands_of_cells(scene: Scene) -> None:
    scene.notebook.cells += [new_code_cell("1") for _ in range(20_000)]


def huge_cell(scene: Scene) -> None:
    scene.add_cell("#" + "x" * 15_000_000, after="cell-01")


def deep_code(scene: Scene) -> None:
    """Code that breaks parsers: brackets without end, and a line of a million operators."""
    scene.answer_all("def NAME(x):\n    return " + "(" * 5000 + "x" + ")" * 5000)
    scene.add_cell("1" + "+1" * 500_000, after="cell-01")
    scene.add_cell("-" * 500_000 + "1", after="cell-01")


def null_bytes(scene: Scene) -> None:
    scene.answer_all("def NAME(x):\n    return 0\n\0\x1b]0;x\x07\u202e")


def attached_script(scene: Scene) -> None:
    """Scripts in Markdown, in raw cells, in attachments, in stored outputs and in widgets."""
    script = "<script>alert(1)</script>"
    scene.notebook.cells[0].source = f"{script}\n\n![x](attachment:x.svg)\n\n<img src=x onerror=alert(1)>"
    scene.notebook.cells[0]["attachments"] = {"x.svg": {"image/svg+xml": f"<svg>{script}</svg>"}}
    scene.notebook.cells += [new_markdown_cell(script), new_raw_cell(script, metadata={"format": "text/html"})]
    scene.notebook.cells[1].outputs = [new_output("display_data", {"text/html": script})]
    scene.notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {"x": script}, "version_major": 2}}
    scene.notebook.metadata["title"] = script


def other_lexer(scene: Scene) -> None:
    """A language that highlighters do not know."""
    scene.notebook.metadata["language_info"] = {"name": "../x", "pygments_lexer": "no such lexer", "codemirror_mode": {"name": 5}, "version": []}


def odd_minor(scene: Scene) -> None:
    scene.notebook["nbformat_minor"] = 10**9


def repeated_keys(scene: Scene) -> None:
    """JSON in which keys stand twice, with another meaning for whoever reads the first."""
    text = json.dumps(scene.notebook)
    scene.raw = text[:-1] + ', "cells": [], "cells": ' + json.dumps(scene.notebook.cells) + ', "nbformat": 4, "metadata": {}}'


def many_digits(scene: Scene) -> None:
    """A number of a million digits, which takes long to read."""
    scene.raw = json.dumps(scene.notebook).replace('"nbformat_minor": 5', '"nbformat_minor": ' + "9" * 1_000_000)


def second_notebook(scene: Scene) -> None:
    """Other notebooks beside the right one: an older one with outputs, and one of another chapter's name."""
    other = copy.deepcopy(scene.notebook)
    for cell in other.cells:
        if cell.metadata.get("nbgrader", {}).get("grade"):
            cell.source, cell.outputs = "10.0", []
    for name in ("scoring-Copy1", "a", "zzz", "autograd"):
        (scene.folder / f"{name}.ipynb").write_text(json.dumps(other))


def other_student(scene: Scene) -> None:
    """A folder for a student that does not exist, whose name is a path."""
    for name in ("mallory+", "..%2f", "-f", "zoe "):
        folder = scene.place / "submitted" / name / scene.chapter
        folder.mkdir(parents=True, exist_ok=True)
        (folder / scene.file.name).write_text("{}")


def first_of_two_ids(scene: Scene) -> None:
    """The ids of two answers swapped with nbgrader's: which one is believed must not matter."""
    names = exercises(scene.notebook)
    cells = [cell_of(scene.notebook, name) for name in names]
    for cell, name in zip(cells, [*names[1:], names[0]], strict=True):
        cell["id"] = name
        cell.source = "10.0"


ATTACKS = [
    Attack("more_points", "Give every cell 1000 points, and unlock it.", more_points),
    Attack("skipped_checks", "Tag the checks so that stock tools do not run them.", skipped_checks),
    Attack("duplicated_checks", "Repeat the graded cells with an output of one's own.", duplicated_checks),
    Attack("invented_check", "Add a graded cell of 100 points.", invented_check),
    Attack("other_kernel", "Ask for a kernel of another language.", other_kernel),
    Attack("old_format", "Claim to be a notebook of format 3.", old_format),
    Attack("swapped_ids", "Swap the ids of answers and checks.", swapped_ids),
    Attack("odd_ids", "Give cells ids that are numbers, paths and script.", odd_ids),
    Attack("release_by_path", "Name an unreleased notebook as the one that this is.", release_by_path, peer=BY_NAME),
    Attack("release_of_my_own", "Name a notebook that was handed in as the release.", release_of_my_own, peer=BY_NAME),
    Attack("half_a_character", "Write half a character into a cell, which no file can hold.", half_a_character),
    Attack("deep_metadata", "Nest the metadata 100,000 lists deep.", deep_metadata),
    Attack("skip_tag", "Tag the graded cells with the one tag that lets clients skip them.", one_tag("skip-execution")),
    Attack("error_tag", "Tag the graded cells as those that may fail.", one_tag("raises-exception")),
    Attack("not_graded", "Say that the graded cells are not graded.", set_nbgrader(grade=False)),
    Attack("graded_by_hand", "Say that the graded cells are answers, to be graded by hand.", set_nbgrader(solution=True, locked=False)),
    Attack("negative_points", "Give graded cells negative points.", set_nbgrader(points=-5)),
    Attack("points_of_no_number", "Give graded cells points that are no number.", set_nbgrader(points="NaN")),
    Attack("newer_schema", "Claim a version of the metadata that is not there yet.", set_nbgrader(schema_version=99)),
    Attack("checks_as_markdown", "Turn graded cells into text.", turned_into("markdown")),
    Attack("checks_as_raw", "Turn graded cells into raw cells.", turned_into("raw")),
    Attack("checks_emptied", "Leave graded cells empty.", each_check(lambda cell: cell.update(source=""))),
    Attack("checks_deleted", "Delete graded cells.", checks_deleted),
    Attack("checks_first", "Move graded cells to the top, where nothing is defined yet.", checks_first),
    Attack("answers_as_checks", "Pass answers off as graded cells that display a score.", answers_as_checks),
    Attack("twin_answers", "Hand in every cell twice.", twin_answers),
    Attack("first_of_two_ids", "Give answers the cell id of one exercise and nbgrader's id of another.", first_of_two_ids),
    Attack("every_type", "Hand in cells whose parts are of every type of JSON, or missing.", every_type),
    Attack("odd_metadata", "Give nbgrader's fields values of other types.", odd_metadata),
    Attack("thousands_of_cells", "Hand in 20,000 cells.", thousands_of_cells),
    Attack("huge_cell", "Hand in a cell of 15 MB.", huge_cell),
    Attack("deep_code", "Hand in code that breaks parsers.", deep_code),
    Attack("null_bytes", "Hand in code with null bytes and control characters.", null_bytes),
    Attack("attached_script", "Hide scripts in text, attachments, stored outputs and widgets.", attached_script),
    Attack("other_lexer", "Claim a language that highlighters do not know.", other_lexer),
    Attack("odd_minor", "Claim a minor format of a thousand million.", odd_minor),
    Attack("repeated_keys", "Hand in JSON whose keys stand there twice.", repeated_keys),
    Attack("many_digits", "Hand in a number of a million digits.", many_digits),
    Attack("second_notebook", "Hand in more notebooks, with scores in place of tests.", second_notebook),
    Attack("other_student", "Hand in for students who do not exist.", other_student),
]
