"""Which known mistake does a wrong answer show?

Main questions decide: extreme inputs depend on how code is written (`inf * 0`), so they only break ties, and are
explained by themselves when the main questions are right. Agreeing with a mistake needs evidence: wrong values that
are finite and more than one number. Equal exceptions say little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autograder.check.asking import MAIN, Reply
from autograder.check.key import AnswerKey
from autograder.check.values import Array, leaves
from autograder.check.variants import PLAIN

# How sure a recognition is, and so how it is said.
CERTAIN, EITHER, BOTH, PARTLY, PERHAPS = "certain", "either", "both", "partly", "perhaps"
PARTLY_FROM = 0.34


@dataclass(frozen=True)
class Recognised:
    how: str
    mistakes: tuple[str, ...]


def recognise(key: AnswerKey, replies: list[Reply], lost: set[str]) -> list[Recognised]:
    """The mistakes that explain the replies: one for the main group, or else one for each lost group that has any."""
    main = [k for k in key.scope(MAIN) if key.questions[k].variant == PLAIN]
    if MAIN in lost:
        found = _explain(key, replies, main, key.scope(MAIN))
        return [found] if found else []
    explained = [_explain(key, replies, [*main, *key.scope(group)], key.scope(group)) for group in sorted(lost)]
    return [found for found in explained if found]


def _explain(key: AnswerKey, replies: list[Reply], scope: list[int], tie_break: list[int]) -> Recognised | None:
    failing = [k for k in scope if not replies[k].ok]
    if not failing:
        return None
    scope = sorted(scope, key=lambda k: replies[k].ok)  # what the student got wrong rules most mistakes out at once

    def singles(weakly: bool) -> list[str]:
        return [name for name in key.hints if _explains(key, replies, scope, (name,), weakly)]

    if found := singles(weakly=False):
        best = _closest(key, replies, tie_break, found)
        return Recognised(CERTAIN if len(best) == 1 else EITHER, tuple(best))
    if _varied(replies, failing):
        for two in key.pairs():
            if _explains(key, replies, scope, two, weakly=False):
                return Recognised(BOTH, two)
    if partly := _partly(key, replies, scope, failing):
        return Recognised(PARTLY, (partly,))
    if len(perhaps := singles(weakly=True)) == 1 and any(replies[k].kind == "answer" for k in scope):
        return Recognised(PERHAPS, tuple(perhaps))
    return None


def _explains(key: AnswerKey, replies: list[Reply], scope: list[int], mistakes: tuple[str, ...], weakly: bool) -> bool:
    """The student answers every question of the scope as these mistakes do, right or wrong, and that is no accident."""
    evidence = False
    for k in scope:
        other = key.reply_of(mistakes, k)
        if other is None:
            continue
        if not _alike(key, replies[k], other, k):
            return False
        evidence = evidence or (not replies[k].ok and _speaks(replies[k], other))
    rights = {replies[k].ok for k in scope}
    return evidence or (weakly and len(rights) == 2)


def _alike(key: AnswerKey, student: Reply, mistake: Reply, k: int) -> bool:
    if student.kind != mistake.kind or student.kind in ("timeout", "forbidden"):
        return False
    if student.kind == "raised":
        return True  # which exception it is depends on how the code is written
    return student.ok == mistake.ok and (student.ok or key.same(student, mistake, k))


def _speaks(student: Reply, mistake: Reply) -> bool:
    """Does agreeing here say anything? An exception does with its text: NumPy and torch put the shapes into it."""
    if student.kind == "raised":
        return student.text == mistake.text and student.error != "NotImplementedError"
    return any(_tells(leaf) for leaf in leaves(student.value)) or isinstance(student.value, float | str)


def _tells(leaf: object) -> bool:
    if isinstance(leaf, Array):
        return leaf.data.size > 1 and bool(np.isfinite(leaf.data).any()) and bool(leaf.data.any())
    return leaf is not None


def _closest(key: AnswerKey, replies: list[Reply], tie_break: list[int], names: list[str]) -> list[str]:
    """Of several mistakes that explain the main questions, those that agree on most of the others."""
    if len(names) == 1:
        return names

    def agreement(name: str) -> int:
        count = 0
        for k in range(len(replies)):
            other = key.reply_of((name,), k)
            count += other is not None and _alike(key, replies[k], other, k) and replies[k].text == other.text
        return count

    near = {name: agreement(name) for name in names}
    return [name for name in names if near[name] == max(near.values())]


def _varied(replies: list[Reply], failing: list[int]) -> bool:
    """Two mistakes at once are looked for only where the wrong answers are numbers, and not all the same number."""
    answers = [leaf for k in failing if replies[k].kind == "answer" for leaf in leaves(replies[k].value)]
    floats = {a for a in answers if isinstance(a, float)}
    return len(floats) > 1 or any(isinstance(a, Array) and a.data.size > 1 and np.unique(a.data).size > 1 for a in answers)


def _partly(key: AnswerKey, replies: list[Reply], scope: list[int], failing: list[int]) -> str | None:
    """One mistake that explains a good part of the failures and contradicts nothing that is right."""
    counts: dict[str, int] = {}
    for name in key.hints:
        others = {k: key.reply_of((name,), k) for k in scope}
        hits = [k for k in failing if (other := others[k]) and _hit(key, replies[k], other, k)]
        contradicted = any(replies[k].ok and (other := others[k]) is not None and not other.ok for k in scope)
        if len(hits) >= PARTLY_FROM * len(failing) and hits and not contradicted:
            counts[name] = len(hits)
    best = [name for name, count in counts.items() if count == max(counts.values())]
    return best[0] if len(best) == 1 else None


def _hit(key: AnswerKey, student: Reply, mistake: Reply, k: int) -> bool:
    """Floats only: two wrong lists of indices agree by chance."""
    numbers = all(isinstance(leaf, Array | float) for leaf in leaves(student.value))
    return student.kind == "answer" and numbers and _alike(key, student, mistake, k) and _speaks(student, mistake)
