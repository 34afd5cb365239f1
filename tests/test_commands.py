"""The command line and `pytest --submission`, as a new user tries them: real processes, real notebooks, bad input."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from sample_class import Notebooks, cell_of, write

from autograder.build import BUILD, all_chapters, ensure_released

pytestmark = [pytest.mark.xdist_group("commands"), pytest.mark.timeout(600)]

DIVIDED = "math.sqrt(queries.shape[-1])"


def scratchgrad(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "autograder.cli", *map(str, arguments)], cwd=cwd, capture_output=True, text=True)


@pytest.fixture(scope="module")
def notebooks() -> Notebooks:
    """Chapter 7's notebook, from the default course directory that `scratchgrad grade` uses."""
    for chapter in all_chapters():
        ensure_released(chapter)
    read = {kind: nbformat.read(BUILD / kind / "07_attention" / "scoring.ipynb", as_version=4) for kind in ("source", "release")}
    return Notebooks("scoring", read["source"], read["release"])


@pytest.fixture
def hand_in(notebooks: Notebooks, tmp_path: Path) -> Callable[..., Path]:
    """Write the perfect notebook, changed by a function, to a file."""

    def make(change: Callable[[nbformat.NotebookNode], None] = lambda nb: None, name: str = "scoring.ipynb") -> Path:
        notebook = notebooks.perfect()
        change(notebook)
        path = tmp_path / name
        path.write_text(json.dumps(notebook))
        return path

    return make


def not_scaled(notebook: nbformat.NotebookNode) -> None:
    cell = cell_of(notebook, "scaled_dot_product_attention")
    assert DIVIDED in cell.source
    cell.source = cell.source.replace(DIVIDED, "1")


def graded(*paths: Path) -> list[dict]:
    done = scratchgrad("grade", *paths, "--json")
    assert "Traceback" not in done.stderr, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


# ---- scratchgrad grade -------------------------------------------------------------------------------------------------


def test_grade_prints_one_json_object_a_notebook(hand_in):
    right, wrong = hand_in(), hand_in(not_scaled, "renamed by the browser (1).ipynb")
    first, second = graded(right, wrong)
    assert list(first) == ["notebook", "score", "max_score", "exercises", "tier", "error"]
    assert first["score"] == first["max_score"] > 0
    assert list(first["exercises"][0]) == ["name", "score", "max_score", "status", "mistake", "message"]
    found = {e["name"]: e for e in second["exercises"]}["scaled_dot_product_attention"]
    assert (found["status"], found["mistake"], found["score"]) == ("wrong", "not_scaled", 0)


def test_grade_prints_a_table_for_people(hand_in):
    done = scratchgrad("grade", hand_in(not_scaled))
    assert "scaled_dot_product_attention" in done.stdout
    assert "saturates" in done.stdout


def test_student_may_change_given_cells_and_add_helpers(hand_in):
    def restyle(notebook):
        notebook.cells[1].source = notebook.cells[1].source + "\nimport numpy as np"
        helper = nbformat.v4.new_code_cell("def scores_of(q, k):\n    return np.float32(1) * (q @ k.mT) / math.sqrt(q.shape[-1])")
        notebook.cells.insert(2, helper)
        cell = cell_of(notebook, "scaled_dot_product_attention")
        cell.source = cell.source.replace("queries @ keys.mT / " + DIVIDED, "scores_of(queries, keys)")
        assert "scores_of" in cell.source

    (record,) = graded(hand_in(restyle))
    assert record["score"] == record["max_score"]


def test_points_tags_and_locks_of_the_submission_have_no_power(hand_in):
    def tamper(notebook):
        not_scaled(notebook)
        check = cell_of(notebook, "check_scaled_dot_product_attention")
        check.metadata.nbgrader.points = 1000
        check.metadata.nbgrader.locked = False
        check.metadata.tags = ["skip-execution"]
        check.source = "1000"
        cell_of(notebook, "scaled_dot_product_attention").metadata.tags = ["demonstration"]

    (record,) = graded(hand_in(tamper))
    found = {e["name"]: e for e in record["exercises"]}["scaled_dot_product_attention"]
    assert (found["score"], found["max_score"]) == (0, 3)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "is empty"),
        ("{not json", "cannot be read as JSON"),
        ("[1, 2]", "is JSON, but not a notebook"),
        ('{"nbformat": 3, "worksheets": []}', "format 3; format 4 is needed"),
        ('{"nbformat": 4, "cells": 7}', "has no list of cells"),
        ('{"nbformat": 4, "cells": [], "metadata": {}}', "is not a notebook of this course"),
        ('{"nbformat": 4, "cells": [], "metadata": {"scratchgrad": {"chapter": "7", "notebook": "../x"}}}', "07_attention has scoring"),
    ],
)
def test_a_file_that_is_no_notebook_of_ours_gets_one_clear_sentence(tmp_path, content, sentence):
    path = tmp_path / "some.ipynb"
    path.write_text(content)
    (record,) = graded(path)
    assert sentence in record["error"]
    assert record["exercises"] == []


def test_a_file_that_is_not_there(tmp_path):
    (record,) = graded(tmp_path / "nothing.ipynb")
    assert record["error"] == "nothing.ipynb was not handed in."


BAD_ANSWERS = {
    "masked_softmax = 3": ("missing", "is no function or class any more, but int"),
    "def maskedSoftmax(s, v): return s": ("missing", "There is no masked_softmax"),
    "def masked_softmax(scores): return scores": ("error", "Your code raises TypeError"),
    "def masked_softmax(scores, valid_lens): return None": ("wrong", "returns None"),
    "def masked_softmax(scores, valid_lens): return scores.tolist()": ("wrong", "You return a list; a Tensor is expected."),
    "def masked_softmax(scores, valid_lens): return 0.5": ("wrong", "You return a float; a Tensor is expected."),
    "def masked_softmax(scores, valid_lens): return 'weights'": ("wrong", "You return a string; a Tensor is expected."),
    "def masked_softmax(scores, valid_lens):\n    yield scores": ("wrong", "a generator (it has `yield` where `return` is due)"),
    "def masked_softmax(scores, valid_lens): return scores.to('meta')": ("wrong", "a tensor on device meta"),
    "def masked_softmax(scores, valid_lens): return scores * float('nan')": ("wrong", "NaN or infinite"),
    "import os\ndef masked_softmax(scores, valid_lens): os._exit(0)": ("error", "ended its process"),
}


@pytest.fixture(scope="module")
def bad_records(notebooks: Notebooks, tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """The perfect notebook with each bad answer, graded by one command."""
    folder = tmp_path_factory.mktemp("bad")
    paths = []
    for k, source in enumerate(BAD_ANSWERS):
        notebook = notebooks.perfect()
        write(notebook, "masked_softmax", source)
        paths.append(folder / f"{k}.ipynb")
        paths[-1].write_text(json.dumps(notebook))
    return graded(*paths)


@pytest.mark.parametrize("k", range(len(BAD_ANSWERS)), ids=[source.replace("\n", " ")[-40:] for source in BAD_ANSWERS])
def test_a_bad_answer_gets_one_clear_sentence_and_harms_no_other(bad_records, k):
    status, sentence = list(BAD_ANSWERS.values())[k]
    bad = {e["name"]: e for e in bad_records[k]["exercises"]}.pop("masked_softmax")
    assert (bad["status"], bad["score"]) == (status, 0), bad["message"]
    assert sentence in bad["message"]
    assert all(e["score"] == e["max_score"] for e in bad_records[k]["exercises"] if e is not bad)


# ---- the other commands ------------------------------------------------------------------------------------------------


def test_unknown_chapter_names_the_nearest():
    done = scratchgrad("release", "atention")
    assert done.returncode == 2
    assert "There is no chapter 'atention'. Did you mean attention?" in done.stderr


def test_exercises_lists_every_exercise_with_its_rows():
    records = json.loads(scratchgrad("exercises", "--json").stdout)
    found = {r["name"]: r for r in records}["scaled_dot_product_attention"]
    assert (found["chapter"], found["notebook"], found["points"], found["rows"]) == ("07_attention", "scoring", 3, ["7.6"])
    assert found["cases"] >= 2
    assert found["hidden_cases"] >= 3
    assert found["mistakes"] >= 15


def test_doctor_names_versions_gpu_and_tier():
    said = scratchgrad("doctor").stdout
    assert "nbgrader" in said
    assert "GPU" in said
    assert "sandbox tier" in said


@pytest.mark.parametrize("command", ["build", "release", "lab", "grade", "exercises", "doctor"])
def test_help_of_every_command_says_what_it_does(command):
    assert command in scratchgrad("--help").stdout
    assert scratchgrad(command, "--help").returncode == 0


# ---- pytest --submission -----------------------------------------------------------------------------------------------


def submission_tests(path: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "--submission", str(path), "-v", "-p", "no:cacheprovider"], cwd=cwd, capture_output=True, text=True
    )


def test_submission_becomes_one_item_a_case(hand_in, tmp_path):
    done = submission_tests(hand_in(not_scaled), tmp_path)
    assert done.returncode == 1
    assert "scaled_dot_product_attention[visible: masked] FAILED" in done.stdout
    assert "masked_softmax[visible: valid_lens is None] PASSED" in done.stdout
    assert "hidden: more queries than keys] FAILED" in done.stdout
    assert "You compare queries with keys but never divide by √dim" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_right_submission_passes(hand_in, tmp_path):
    done = submission_tests(hand_in(), tmp_path)
    assert done.returncode == 0, done.stdout
    assert "failed" not in done.stdout.splitlines()[-1]


def test_an_unreadable_submission_fails_with_its_reason(tmp_path):
    path = tmp_path / "scoring.ipynb"
    path.write_text("no")
    done = submission_tests(path, tmp_path)
    assert done.returncode == 1
    assert "cannot be read as JSON" in done.stdout
