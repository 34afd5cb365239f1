"""`scratchgrad quality` sees what a grader misses."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from catalogue import EXERCISES

from autograder.exercise import Case, Exam, Exercise
from autograder.quality import measure
from autograder.quality.measure import SEED, survives
from autograder.quality.mutants import Mutant, mutants


def clipped_mean(x: np.ndarray, low: float = 0.0) -> float:
    """The mean of what is not below `low`.

    >>> clipped_mean(1 + 1)
    """
    kept = [value for value in x if value >= low]
    total = sum(kept) - 0 * low
    if not kept:
        return 0.0
    return total / len(kept)


def lines(reference: Callable[..., object]) -> set[str]:
    return {mutant.line for mutant in mutants(reference)}


def survivors(exercise: Exercise) -> list[Mutant]:
    exam = Exam.of(exercise, SEED)
    return [mutant for mutant in mutants(exercise.reference) if survives(exam, mutant)]


def test_mutants_are_slips_of_the_body_alone() -> None:
    found = lines(clipped_mean)
    assert {"if not not kept:", "if kept:"} & found
    assert {"return total * len(kept)", "return total", "return total / kept"} <= found
    assert "kept = [value for value in x if value > low]" in found
    assert "total = sum(kept) + 0 * low" in found
    assert not any("def " in line or "1 + 1" in line for line in found)


def test_a_mutant_differs_from_the_reference_in_what_its_line_says() -> None:
    answers = {mutant.line: mutant.answer for mutant in mutants(clipped_mean)}
    assert clipped_mean(np.array([1.0, 3.0])) == 2
    assert answers["return total * len(kept)"](np.array([1.0, 3.0])) == 8
    assert answers["kept = [value for value in x if value > low]"](np.array([0.0, 4.0])) == 4


def between(x: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.maximum(np.clip(x, low, high), x.clip(0, high))


def test_arguments_change_places_only_where_that_makes_a_difference() -> None:
    found = lines(between)
    assert "return np.maximum(np.clip(x, low, high), x.clip(high, 0))" in found
    assert not any("clip(low, x" in line or "maximum(x.clip" in line for line in found)


def either(a: float, b: float, add: bool) -> float:
    if add:
        return a + b
    return a - b


def test_a_slip_may_read_like_another_line_of_the_reference() -> None:
    answers = [mutant.answer for mutant in mutants(either) if (mutant.was, mutant.line) == ("return a + b", "return a - b")]
    assert [answer(3, 1, True) for answer in answers] == [2]


def a_weak_exercise() -> Exercise:
    exercise = Exercise("clipped_mean", clipped_mean, 1.0, (), {}, (), ("float32", "fortran", "strided", "integers"), False, 1.0, 10.0)

    def weak(rng: np.random.Generator) -> Iterator[Case]:
        yield Case("positive", rng.uniform(1, 2, size=5))

    exercise.makers.append((weak, True))
    return exercise


def test_weak_cases_let_mutants_survive_and_strong_ones_do_not() -> None:
    weak = a_weak_exercise()
    assert "kept = [value for value in x if value > low]" in {mutant.line for mutant in survivors(weak)}

    def strong(rng: np.random.Generator) -> Iterator[Case]:
        yield Case("some at the limit", np.array([0.0, -1.0, *rng.uniform(1, 2, size=3)]))

    weak.makers.append((strong, True))
    assert "kept = [value for value in x if value > low]" not in {mutant.line for mutant in survivors(weak)}


def test_an_explanation_is_no_survivor_and_one_in_vain_is_told() -> None:
    exercise = a_weak_exercise()
    exercise.equivalents = {"total = sum(kept) + 0 * low": "Nothing times low is nothing.", "return total * len(kept)": "It is not."}
    found = measure(exercise)
    assert found.explained == {"total = sum(kept) + 0 * low": "Nothing times low is nothing."}
    assert found.explained_in_vain == ["return total * len(kept)"]
    assert not any("total = sum(kept) + 0 * low" in survivor for survivor in found.survivors)


def test_the_report_counts_what_the_contract_demands() -> None:
    iou = next(e for e in EXERCISES if e.name == "iou")
    found = measure(iou)
    assert found.mistakes == found.caught == found.named == len(iou.hints)
    assert found.right_answers == found.accepted >= 3
    assert found.margin > 1
    assert set(found.left_out) == set(iou.hints)
    assert not any(iou.hints[name] in said for name, said in found.left_out.items())


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)
def test_every_generic_mutant_is_killed_or_explained(exercise: Exercise) -> None:
    surviving = survivors(exercise)
    unexplained = [str(mutant) for mutant in surviving if mutant.line not in exercise.equivalents]
    assert not unexplained, "kill it with a case, or say with `equivalent` why it is right"
    assert set(exercise.equivalents) <= {mutant.line for mutant in surviving}, "explained in vain"
