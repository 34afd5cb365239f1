"""What every exercise promises: adding an exercise adds its tests."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from catalogue import EXERCISES

from autograder.check.asking import MAIN, ask_all
from autograder.check.values import Array, Value, freeze, leaves, pack, thaw
from autograder.check.variants import PLAIN
from autograder.check.verdict import Verdict, judge
from autograder.exercise import Exam, Exercise, Made, make_card
from autograder.quality import right_answers

SEED = 1
OTHER_SEEDS = (7, 8)
SETTLED = {
    "corr2d", "conv2d", "masked_softmax", "scaled_dot_product_attention", "lstm_cell", "Adam", "iou", "nms",
}  # fmt: skip

each_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)
each_mistake = pytest.mark.parametrize(("exercise", "mistake"), [pytest.param(e, m, id=f"{e.name}-{m}") for e in EXERCISES for m in e.hints])


@functools.cache
def exam(name: str, seed: int = SEED) -> Exam:
    return Exam.of(next(e for e in EXERCISES if e.name == name), seed)


def verdict_on(exercise: Exercise, answer: Any, seed: int = SEED) -> Verdict:
    key = exam(exercise.name, seed)
    replies = ask_all(answer, key.questions, key.probe.load() if key.probe else None, key.forbid, key.seconds)
    return judge(key, replies)


@each_exercise
def test_reference_passes_with_margin(exercise: Exercise) -> None:
    for seed in (SEED, *OTHER_SEEDS):
        key = exam(exercise.name, seed)
        key.tolerance_factor = exercise.tolerance / 10
        verdict = verdict_on(exercise, exercise.reference, seed)
        key.tolerance_factor = exercise.tolerance
        assert verdict.score == exercise.points, verdict.message
        assert verdict.status == "correct"


@each_exercise
def test_solution_without_mistakes_equals_the_reference(exercise: Exercise) -> None:
    for block in dict.fromkeys(exercise.blocks.values()):
        verdict = verdict_on(exercise, functools.partial(block, Made()))
        assert verdict.status == "correct", verdict.message


@each_exercise
def test_lazy_answers_score_nothing(exercise: Exercise) -> None:
    for name, answer in lazy_answers(exercise):
        assert verdict_on(exercise, answer).score == 0, name


def lazy_answers(exercise: Exercise) -> Iterator[tuple[str, Any]]:
    """The starter, and answers that look at nothing but the shapes."""

    def starter(*args: Any, **kwargs: Any) -> None:
        raise NotImplementedError

    yield "starter", starter
    yield "None", lambda *args, **kwargs: None
    if inspect.isclass(exercise.reference):
        yield "an idle class", _idle(exercise.reference)
        return
    yield "zero", lambda *args, **kwargs: 0
    yield "an empty list", lambda *args, **kwargs: []
    for k in range(3):
        yield f"argument {k}", lambda *args, k=k, **kwargs: args[k] if k < len(args) else None
    if exercise.probe is None:
        for number in (0, 1):
            yield f"filled with {number}", lambda *args, number=number, **kwargs: _filled(exercise.reference(*args, **kwargs), number)


def _filled(answer: Any, number: int) -> Any:
    """An answer of the right form in which every number is the same."""
    if isinstance(answer, list | tuple):
        return type(answer)(_filled(x, number) for x in answer)
    if isinstance(answer, str | dict) or answer is None:
        return type(answer)() if answer is not None else None
    return type(answer)(number) if isinstance(answer, int | float) else answer * 0 + number


def _idle(reference: type) -> type:
    """Takes whatever the constructor takes, and does nothing."""

    def nothing(self: Any, *args: Any, **kwargs: Any) -> None:
        return None

    methods = {name: nothing for name, f in vars(reference).items() if inspect.isfunction(f)}
    return type(reference.__name__, (), methods)


@each_mistake
def test_mistake_loses_points_and_is_named(exercise: Exercise, mistake: str) -> None:
    verdict = verdict_on(exercise, exercise.solution(mistake))
    assert verdict.score < exercise.points, "it gets full marks"
    assert exercise.hints[mistake] in verdict.sentences, f"recognised as {verdict.mistake}: {verdict.message}"
    assert verdict.mistake == mistake


@each_exercise
def test_there_are_enough_mistakes_and_right_answers(exercise: Exercise) -> None:
    assert len(exercise.hints) >= (15 if exercise.name in SETTLED else 5)
    assert len(right_answers(exercise.name)) >= 3


@pytest.mark.parametrize(("exercise", "answer"), [pytest.param(e, a, id=f"{e.name}-{a.__name__}") for e in EXERCISES for a in right_answers(e.name)])
def test_right_answers_in_other_styles_are_accepted(exercise: Exercise, answer: Any) -> None:
    for seed in (SEED, *OTHER_SEEDS):
        verdict = verdict_on(exercise, answer, seed)
        assert verdict.score == exercise.points, verdict.message


@each_exercise
def test_other_seeds_give_other_hidden_data(exercise: Exercise) -> None:
    one, other = (
        [q.args for q in exam(exercise.name, seed).questions if q.hidden and q.group == MAIN and q.variant == PLAIN] for seed in OTHER_SEEDS
    )
    assert one, "there is no hidden main case"
    assert pack([list(a) for a in one]) != pack([list(a) for a in other])


@each_exercise
def test_hidden_data_appears_in_no_message(exercise: Exercise) -> None:
    key = exam(exercise.name)
    hidden = {repr(float(x)) for q in key.questions if q.hidden for x in _numbers([*q.args, *q.kwargs.values()]) if x != round(x, 3)}
    for mistake in exercise.hints:
        said = verdict_on(exercise, exercise.solution(mistake)).message
        assert not any(number in said for number in hidden)

    def tells_its_inputs(*args: Any, **kwargs: Any) -> None:
        raise ValueError(f"{args} {kwargs}")

    said = verdict_on(exercise, tells_its_inputs).message
    assert not any(number[:8] in said for number in hidden)


def _numbers(value: Value) -> list[float]:
    found: list[float] = []
    for leaf in leaves(value):
        if isinstance(leaf, Array) and leaf.kind == "f":
            found += leaf.data.ravel().astype(float).tolist()
        elif isinstance(leaf, float):
            found.append(leaf)
    return found


@each_exercise
def test_card_holds_nothing_hidden(exercise: Exercise) -> None:
    card = make_card(exercise)
    assert not any(q.hidden for q in card.questions)
    packed = pack(freeze([thaw(q.args) for q in card.questions]))
    assert b"hidden" not in packed
    source = inspect.getsource(exercise.reference)
    body = [line.strip() for line in source.splitlines() if len(line.strip()) > 30 and "def " not in line and '"""' not in line]
    helpers = (card.probe.source if card.probe else "") + (card.verify.source if card.verify else "")
    code_lines = [line for line in body if "=" in line and ":" not in line]
    assert not any(line in helpers for line in code_lines)


@each_exercise
def test_every_group_has_a_share_and_hidden_cases(exercise: Exercise) -> None:
    key = exam(exercise.name)
    groups = {q.group for q in key.questions}
    assert set(exercise.shares) <= groups, "a share guards nothing"
    assert all(key.share(g) > 0 for g in groups if g != MAIN)


@each_exercise
def test_reference_follows_the_precision_of_its_inputs(exercise: Exercise) -> None:
    """A reference that is more precise than its inputs would reject answers that are precise enough."""
    key = exam(exercise.name)
    for question, expected in zip(key.questions, key.expected, strict=True):
        floats = [a for a in leaves([*question.args, *question.kwargs.values()]) if isinstance(a, Array) and a.kind == "f"]
        if floats and question.variant == "float32":
            wide = [a for a in leaves(expected.value) if isinstance(a, Array) and a.data.dtype == np.float64]
            assert not wide, question.in_words
