"""Follow-through: an answer that is right but for an earlier wrong answer, which it calls, gets its points.

A student's `lstm` that calls their own mistaken `lstm_cell` fails every case. Where the earlier mistake is recognised,
its code is known: the reference that calls *it* tells what a right `lstm` would answer.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from autograder.check.asking import MAIN
from autograder.check.key import lost_groups
from autograder.check.values import pack
from autograder.check.verdict import Verdict
from autograder.exercise import Exam, get_exercise


def follow_through(exam: Exam, verdict: Verdict, earlier: Sequence[Verdict]) -> Verdict:
    """The verdict, or one with full points if the answer follows from a recognised mistake of an earlier exercise."""
    if verdict.status not in ("wrong", "partial", "error") or not verdict.replies:
        return verdict
    for cause in earlier:
        if cause.mistake and "+" not in cause.mistake and _follows(exam, verdict, cause):
            sentence = f"This follows from your {cause.name}, which is wrong; by itself it is right, and gets its points."
            return replace(verdict, score=verdict.max_score, status="correct", mistake=None, sentences=(sentence,), lost=frozenset())
    return verdict


def _follows(exam: Exam, verdict: Verdict, cause: Verdict) -> bool:
    """Whether the reference answers every question as the student does once it calls the mistaken function."""
    if not _says_something(exam, verdict):
        return False
    reference = exam.exercise.reference
    assert cause.mistake is not None
    with _calling(reference, cause.name, get_exercise(cause.name).solution(cause.mistake)) as is_called:
        if not is_called:
            return False
        for k, reply in enumerate(verdict.replies):  # the first difference decides
            expected = exam.ask(reference, k)
            if expected.kind != "answer" or not exam.same(reply, expected, k):
                return False
    return not lost_groups(exam, [reply.judged(True) for reply in verdict.replies])


def _says_something(exam: Exam, verdict: Verdict) -> bool:
    """Exceptions, and one answer to all questions, agree with many mistakes: they follow from none."""
    main = [reply for question, reply in zip(exam.questions, verdict.replies, strict=True) if question.group == MAIN]
    return all(reply.kind == "answer" for reply in verdict.replies) and len({pack(reply.value) for reply in main}) > 1


@contextlib.contextmanager
def _calling(reference: Any, name: str, mistaken: Any) -> Iterator[bool]:
    """Let the reference's module call `mistaken` under this name; False if the module has no such name."""
    names: dict[str, Any] = vars(inspect.getmodule(reference))
    if name not in names:
        yield False
        return
    original = names[name]
    names[name] = mistaken
    try:
        yield True
    finally:
        names[name] = original
