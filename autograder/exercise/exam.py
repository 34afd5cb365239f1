"""From an exercise to its questions and their answers: the exam (with the hidden part) and the card (without)."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from autograder.check.asking import MAIN, Question, Reply, ask, inputs
from autograder.check.card import Card
from autograder.check.forbidden_names import NO_TORCH
from autograder.check.key import AnswerKey
from autograder.check.values import freeze
from autograder.check.variants import PLAIN, VARIANTS, changes_anything
from autograder.exercise.vocabulary import Case, Exercise

VISIBLE_SEED = 0


@dataclass
class Exam(AnswerKey):
    """The full answer key of an exercise for one seed: visible and hidden questions.

    Mistakes are asked only when a comparison needs them, and remembered for the next student.
    """

    exercise: Exercise = field(kw_only=True)
    _replies: dict[tuple[tuple[str, ...], int], Reply] = field(default_factory=dict)

    @classmethod
    def of(cls, exercise: Exercise, seed: int, hidden: bool = True) -> Exam:
        """The visible cases come from a fixed seed, as on the card; `seed` makes the hidden ones."""
        questions = list(_questions(exercise, VISIBLE_SEED, hidden=False))
        if hidden:
            questions += _questions(exercise, seed, hidden=True)
        exam = cls(
            name=exercise.name,
            points=exercise.points,
            questions=questions,
            expected=[],
            hints=dict(exercise.hints),
            shares=dict(exercise.shares),
            forbid=exercise.forbid if exercise.uses_torch else (*exercise.forbid, NO_TORCH),
            tolerance_factor=exercise.tolerance,
            seconds=exercise.seconds,
            unique=exercise.unique,
            probe=exercise.probe,
            verify=exercise.verify,
            exercise=exercise,
        )
        exam.expected = [exam.ask(exercise.reference, k).judged(True) for k in range(len(questions))]
        return exam

    def ask(self, answer: object, k: int) -> Reply:
        """Ask question k here, of the reference or of a mistake."""
        return ask(answer, self.questions[k], self.probe.load() if self.probe else None, seconds=self.seconds)

    def reply_of(self, mistakes: tuple[str, ...], k: int) -> Reply:
        if (mistakes, k) not in self._replies:
            self._replies[mistakes, k] = self.judge(self.ask(self.exercise.solution(*mistakes), k), k)
        return self._replies[mistakes, k]

    def pairs(self) -> list[tuple[str, str]]:
        if not inspect.signature(self.exercise.reference).parameters:
            return []  # the answer is a program, and some hundred more would have to be compiled
        blocks = self.exercise.blocks
        return [two for two in itertools.combinations(self.hints, 2) if blocks[two[0]] is blocks[two[1]]]

    def without(self, mistake: str) -> Exam:
        """The exam as it would be if nobody had thought of this mistake."""
        return replace(self, hints={name: hint for name, hint in self.hints.items() if name != mistake})


def _questions(exercise: Exercise, seed: int, hidden: bool) -> list[Question]:
    plain = [_question(exercise, case, hidden) for case in exercise.cases(seed, hidden)]
    return [*plain, *(variant for question in plain if question.group == MAIN for variant in _variants(exercise, question))]


def _question(exercise: Exercise, case: Case, hidden: bool) -> Question:
    return Question(
        label=case.label,
        args=freeze(case.args),  # type: ignore[arg-type]
        kwargs=freeze(case.kwargs),  # type: ignore[arg-type]
        group=case.group,
        hint=case.hint,
        hidden=hidden,
        numbers=exercise.numbers,
    )


def _variants(exercise: Exercise, question: Question) -> Iterator[Question]:
    """The question in every other way that asks anything new."""
    args, kwargs = inputs(question)
    for name in exercise.variants:
        if changes_anything(name, (*args, *kwargs.values()), exercise.numbers):
            yield replace(question, variant=name, group=VARIANTS[name].group.name, hint="")


def make_card(exercise: Exercise) -> Card:
    """The public half: visible questions, and the mistakes' replies to them.

    A mistake's replies to other ways of asking are kept only where the plain cases do not show it.
    """
    exam = Exam.of(exercise, VISIBLE_SEED, hidden=False)
    plain = [k for k, q in enumerate(exam.questions) if q.variant == PLAIN]
    outputs = {}
    for name in exercise.hints:
        asked = plain if any(not exam.reply_of((name,), k).ok for k in plain) else range(len(exam.questions))
        outputs[name] = {k: exam.reply_of((name,), k) for k in asked}
    shared = {f: getattr(exam, f) for f in AnswerKey.__dataclass_fields__}
    return Card(**shared, outputs=outputs)
