"""Every row of the chapters that are written is taught, graded, and claimed by nothing that is about something else."""

from __future__ import annotations

import inspect
import json
import re

import pytest
from catalogue import EXERCISES
from typer.testing import CliRunner

from autograder.build import all_chapters, find_chapter, import_exercises
from autograder.build.notebook import exercises_of, source_form
from autograder.cli import app

# What an exercise about the row cannot help naming, in its name or its text.
ROWS = {
    "1.1": r"axis|axes|channels|pictures",
    "1.2": r"new array",
    "1.3": r"parts of x|pictures",
    "1.4": r"absolute value|\|a\|",
    "1.5": r"vector|\|a\|",
    "1.6": r"product",
    "1.7": r"norm",
    "1.8": r"symmetric",
    "1.9": r"xᵀAx",
    "1.10": r"orthogonal|permutation|δ",
    "1.11": r"eigenv",
    "1.12": r"differen|derivative",
    "1.13": r"subgradient|slope of relu",
    "1.14": r"gradient",
    "1.15": r"layout|first the axes of y",
    "1.16": r"Jacobian|derivative",
    "1.17": r"chain",
    "1.18": r"computed|differences",
    "1.19": r"tangent|gradient|backward",
    "1.20": r"multiplications|memory",
    "2.1": r"prediction",
    "2.2": r"squared loss|training data",
    "2.3": r"training loss",
    "2.4": r"weights? w|one more weight|training loss|gradient",
    "2.5": r"gradient descent",
    "2.6": r"batch",
    "2.7": r"logits|softmax regression",
    "2.8": r"label|class with the highest",
    "2.9": r"margin",
    "2.10": r"probabilit",
    "2.11": r"cross-entropy|logarithm",
    "2.12": r"residual",
    "3.1": r"perceptron|pass over the samples",
    "3.2": r"\(r² \+ 1\) / ρ²",
    "3.3": r"XOR|linear classifier",
    "3.4": r"hidden layer|hidden units|gradient",
    "3.5": r"exp|hyperbolic|activation|relu",
    "3.6": r"at random|train|models",
    "3.7": r"fold",
    "3.8": r"degree|underfitting",
    "3.9": r"label",
    "3.10": r"weight decay|squares sum",
    "3.11": r"[Dd]ropout",
    "3.12": r"precision|layers|gradients",
    "3.13": r"activation|N\(0",
    "3.14": r"fan_in",
    "4.1": r"cache|memory",
    "4.2": r"thread|kernel",
    "4.3": r"thread|block|tile|attention|softmax|kernel",
    "4.4": r"device",
    "4.5": r"grid",
    "8.1": r"constraint|Lagrangian",
    "8.2": r"Hessian|end points",
    "8.3": r"convex|minimum|nearest",
    "8.4": r"[Gg]radient descent",
    "8.5": r"sample|stochastic",
    "8.6": r"mini-batch|random rows",
    "8.7": r"momentum",
    "8.8": r"moving average|Adam",
}
# Of chapter 4, all that one device does; several devices (rows 4.6 to 4.9) are still to come.
WRITTEN = ("01", "02", "03", "04", "08")
CHAPTERS = [chapter for chapter in all_chapters() if chapter.name.startswith(WRITTEN)]


def row_number(row: str) -> tuple[int, ...]:
    return tuple(map(int, row.split(".")))


@pytest.mark.parametrize("row", ROWS)
def test_row_is_graded_in_a_notebook_of_its_chapter(row: str) -> None:
    chapter = find_chapter(row.split(".")[0])
    names = {name for path in chapter.notebooks for name in exercises_of(source_form(path, chapter.name)) if import_exercises(chapter)}
    assert any(row in exercise.rows and exercise.name in names for exercise in EXERCISES)


@pytest.mark.parametrize("exercise", [e for e in EXERCISES if e.rows], ids=lambda e: e.name)
def test_exercise_claims_rows_of_its_own_chapter_that_it_is_about(exercise) -> None:
    chapter = next(c for c in all_chapters() if c.package == f"solutions.{exercise.chapter}")
    text = f"{exercise.name} {inspect.getdoc(exercise.reference)}"
    for row in exercise.rows:
        assert row_number(row)[0] == int(chapter.name[:2])
        if chapter in CHAPTERS:
            assert row in ROWS, "there is no such row"
            assert re.search(ROWS[row], text, re.IGNORECASE), f"nothing in its text is about row {row}"


def test_every_exercise_claims_a_row_and_stands_in_a_notebook() -> None:
    for chapter in all_chapters():
        exercises = import_exercises(chapter)
        graded = [name for path in chapter.notebooks for name in exercises_of(source_form(path, chapter.name))]
        assert sorted(graded) == sorted(e.name for e in exercises)
        assert all(e.rows for e in exercises)


def test_the_list_of_exercises_names_their_rows() -> None:
    records = json.loads(CliRunner().invoke(app, ["exercises", "--json"]).output)
    assert {record["name"]: tuple(record["rows"]) for record in records} == {e.name: e.rows for e in EXERCISES}


def test_exercises_have_mistakes_and_right_answers_to_speak_of() -> None:
    written = [e for e in EXERCISES if any(e.reference.__module__.startswith(chapter.package + ".") for chapter in CHAPTERS)]
    assert sum(len(e.hints) for e in written) / len(written) >= 8
    assert all(len(e.hints) >= 4 for e in written)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda c: c.name)
def test_notebook_says_how_long_it_takes_and_asks_4_to_9_things(chapter) -> None:
    import_exercises(chapter)
    for path in chapter.notebooks:
        text = path.read_text()
        assert re.search(r"[Aa](llow|bout) (about )?(\d+ minutes|\w+ hours)", text.split("```{code-cell}")[0]), path.name
        assert 4 <= len(exercises_of(source_form(path, chapter.name))) <= 9, path.name
