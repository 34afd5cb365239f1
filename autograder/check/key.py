"""An answer key: everything needed to judge the replies to an exercise's questions.

Two kinds exist. A `Card` holds the visible part as data and ships with the notebook; the examiner's `Exam`
works it out from the exercise itself and knows the hidden part.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from autograder.check.asking import MAIN, Helper, Question, Reply, inputs
from autograder.check.compare import Tolerance, same
from autograder.check.values import Odd, count_numbers, thaw
from autograder.check.variants import GRADIENTS, GROUPS, REPEAT, UNCHANGED

MANY_TIMES, MANY = 16, 2**20


@dataclass
class AnswerKey(ABC):
    """`shares` says which part of the points each group of questions guards; what is left guards `main`."""

    name: str
    points: float
    questions: list[Question]
    expected: list[Reply]
    hints: dict[str, str]
    shares: dict[str, float] = field(default_factory=dict)
    forbid: tuple[str, ...] = ()
    tolerance_factor: float = 1.0
    seconds: float = 10.0
    unique: bool = True
    probe: Helper | None = None
    verify: Helper | None = None

    @abstractmethod
    def reply_of(self, mistakes: tuple[str, ...], k: int) -> Reply | None:
        """What a solution with these mistakes replies to question k, judged; None where that is not known."""

    @abstractmethod
    def pairs(self) -> list[tuple[str, str]]:
        """The pairs of mistakes whose replies `reply_of` can tell."""

    def tolerance(self, k: int) -> Tolerance:
        return Tolerance.of(self.questions[k].precision, self.tolerance_factor)

    def same(self, a: Reply, b: Reply, k: int) -> bool:
        return same(a.value, b.value, self.tolerance(k))

    def judge(self, reply: Reply, k: int) -> Reply:
        """The reply, marked right or wrong: by its value, and by the exercise's invariant where it has one."""
        if reply.kind != "answer":
            return reply.judged(False)
        if count_numbers(reply.value) > MANY_TIMES * count_numbers(self.expected[k].value) + MANY:
            return replace(reply, value=Odd("far more numbers than are due"), ok=False)  # to look at them takes too long
        if not same(reply.value, self.expected[k].value, self.tolerance(k), values=self.unique):
            return reply.judged(False)
        broken = self.broken_invariant(reply, k)
        return reply.judged(not broken, broken)

    def broken_invariant(self, reply: Reply, k: int) -> str:
        if self.verify is None or self.questions[k].group == GRADIENTS.name:
            return ""
        args, kwargs = inputs(self.questions[k])
        return _loaded(self.verify)(thaw(reply.value), *args, **kwargs) or ""

    def scope(self, group: str) -> list[int]:
        return [k for k, q in enumerate(self.questions) if q.group == group]

    def share(self, group: str) -> float:
        return self.shares[group] if group in self.shares else GROUPS[group].share

    def score_fraction(self, lost: set[str]) -> float:
        """0 unless the main group passes; every other lost group costs its share."""
        return 0.0 if MAIN in lost else max(0.0, 1.0 - sum(self.share(group) for group in lost))

    def group_hint(self, group: str) -> str:
        return GROUPS[group].hint if group in GROUPS else ""


_memo: dict[Helper, Callable[..., Any]] = {}


def _loaded(helper: Helper) -> Callable[..., Any]:
    if helper not in _memo:
        _memo[helper] = helper.load()
    return _memo[helper]


def lost_groups(key: AnswerKey, replies: list[Reply]) -> set[str]:
    """The groups in which something is wrong."""
    lost = {key.questions[k].group for k, reply in enumerate(replies) if not reply.ok}
    if any(reply.changed_inputs for reply in replies):
        # Changed inputs also spoil the next question about them: one cause, one price.
        lost = (lost - {REPEAT.name, GRADIENTS.name}) | {UNCHANGED.name}
    return lost
