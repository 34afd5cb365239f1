"""Measure the grader of one exercise."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.check.asking import Reply, ask, ask_all
from autograder.check.compare import Tolerance, scalar
from autograder.check.values import Array, Value, leaves
from autograder.check.verdict import judge
from autograder.exercise import Exam, Exercise, get_exercise
from autograder.quality.mutants import Mutant, mutants
from autograder.quality.right_answers import right_answers

SEED = 1
MUTANT_SECONDS = 2.0  # a mutant may loop forever


@dataclass(frozen=True)
class Quality:
    """What the grader of an exercise is worth.

    `left_out` says for each mistake what its student would read if nobody had thought of it; that must be true, too.
    `margin` is how many times further than the most different right answer an answer may be. Survivors are mutants with full
    marks; those of them that are explained are right answers, for the reason given.
    """

    name: str
    chapter: str
    points: float
    mistakes: int
    caught: int
    named: int
    left_out: dict[str, str]
    right_answers: int
    accepted: int
    margin: float
    seconds: float
    mutants: int
    survivors: list[str]
    explained: dict[str, str]
    explained_in_vain: list[str]


def measure(exercise: Exercise) -> Quality:
    """Ask the exercise's questions of everything that is known to be wrong or right."""
    exam = Exam.of(exercise, SEED)
    start = time.perf_counter()
    _replies(exam, exercise.reference)
    seconds = time.perf_counter() - start
    verdicts = {name: judge(exam, _replies(exam, exercise.solution(name))) for name in exercise.hints}
    answers = [_replies(exam, answer) for answer in right_answers(exercise.name)]
    slips = list(mutants(exercise.reference))
    surviving = [mutant for mutant in slips if survives(exam, mutant)]
    lines = {mutant.line for mutant in surviving}
    return Quality(
        name=exercise.name,
        chapter=exercise.chapter,
        points=exercise.points,
        mistakes=len(verdicts),
        caught=sum(verdict.score < exercise.points for verdict in verdicts.values()),
        named=sum(verdict.mistake == name for name, verdict in verdicts.items()),
        left_out={name: judge(exam.without(name), list(verdict.replies)).message for name, verdict in verdicts.items()},
        right_answers=len(answers),
        accepted=sum(judge(exam, replies).score == exercise.points for replies in answers),
        margin=_margin(exam, answers),
        seconds=seconds,
        mutants=len(slips),
        survivors=[str(mutant) for mutant in surviving if mutant.line not in exercise.equivalents],
        explained={line: why for line, why in exercise.equivalents.items() if line in lines},
        explained_in_vain=[line for line in exercise.equivalents if line not in lines],
    )


def measure_named(name: str) -> Quality:
    return measure(get_exercise(name))


def _replies(exam: Exam, answer: Any) -> list[Reply]:
    return ask_all(answer, exam.questions, exam.probe.load() if exam.probe else None, exam.forbid, exam.seconds)


def survives(exam: Exam, mutant: Mutant) -> bool:
    """Whether it gets full marks. The first wrong answer ends it."""
    probe = exam.probe.load() if exam.probe else None
    for k, question in enumerate(exam.questions):
        reply = ask(mutant.answer, question, probe, exam.forbid, min(exam.seconds, MUTANT_SECONDS))
        if reply.changed_inputs or not exam.judge(reply, k).ok:
            return False
    return True


def _margin(exam: Exam, answers: list[list[Reply]]) -> float:
    """The tolerance, divided by the largest difference between a right answer and the reference."""
    worst = max(
        (_distance(reply.value, exam.expected[k].value, exam.tolerance(k)) for replies in answers for k, reply in enumerate(replies)), default=0.0
    )
    return math.inf if worst == 0 or not exam.unique else 1 / worst


def _distance(got: Value, expected: Value, tolerance: Tolerance) -> float:
    """The largest difference of two answers of one form, as a multiple of what is tolerated."""
    return max((_of_numbers(g, e, tolerance) for g, e in zip(leaves(got), leaves(expected), strict=False)), default=0.0)


def _of_numbers(got: Value, expected: Value, tolerance: Tolerance) -> float:
    a, b = (np.asarray(x, float) for x in _numbers(scalar(got), scalar(expected)))
    finite = np.isfinite(a) & np.isfinite(b)
    if a.shape != b.shape or not finite.any():
        return 0.0
    a, b = a[finite], b[finite]
    return float((np.abs(a - b) / (tolerance.atol + tolerance.rtol * np.abs(b))).max())


def _numbers(*values: Value) -> Iterator[Any]:
    for value in values:
        yield value.data if isinstance(value, Array) else value if isinstance(value, int | float) else np.nan
