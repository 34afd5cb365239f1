"""From replies to a verdict: the score, and what the student is told."""

from __future__ import annotations

import builtins
import collections
from dataclasses import dataclass, field

from autograder.check.asking import MAIN, Question, Reply
from autograder.check.forbidden_names import NO_TORCH
from autograder.check.key import AnswerKey, lost_groups
from autograder.check.recognise import BOTH, EITHER, PARTLY, PERHAPS, Recognised, recognise
from autograder.check.remarks import remark
from autograder.check.values import Array, leaves
from autograder.check.variants import PLAIN, UNCHANGED

INTRODUCTIONS = {
    EITHER: "Your answers fit more than one mistake; it is one of these.",
    BOTH: "Two things seem to go wrong at once.",
    PARTLY: "At least in part:",
    PERHAPS: "Perhaps:",
}


@dataclass(frozen=True)
class Verdict:
    """`status` is one of correct, partial, wrong, missing, forbidden, error, timeout.

    `mistake` holds the recognised mistake's name (several joined by `+`); `sentences` are what the student reads.
    """

    name: str
    score: float
    max_score: float
    status: str
    mistake: str | None = None
    sentences: tuple[str, ...] = ()
    questions: tuple[Question, ...] = field(default=(), repr=False)
    replies: tuple[Reply, ...] = field(default=(), repr=False)
    lost: frozenset[str] = frozenset()

    @property
    def message(self) -> str:
        return " ".join(self.sentences)


def no_answer(name: str, points: float, status: str, sentence: str) -> Verdict:
    """The verdict where there is nothing to ask."""
    return Verdict(name, 0.0, points, status, sentences=(sentence,))


def judge(key: AnswerKey, replies: list[Reply]) -> Verdict:
    """Score the replies to the key's questions and explain what is wrong."""
    replies = [key.judge(reply, k) for k, reply in enumerate(replies)]
    lost = lost_groups(key, replies)
    fraction = key.score_fraction(lost)
    mistake, sentences = _explanation(key, replies, lost)
    status = _status(replies, lost, fraction)
    return Verdict(
        key.name,
        round(fraction * key.points, 4),
        key.points,
        status,
        mistake,
        tuple(sentences),
        tuple(key.questions),
        tuple(replies),
        frozenset(lost),
    )


def _status(replies: list[Reply], lost: set[str], fraction: float) -> str:
    if not lost:
        return "correct"
    kinds = collections.Counter(reply.kind for reply in replies)
    if is_starter(replies):
        return "missing"
    if kinds["forbidden"]:
        return "forbidden"
    if kinds["timeout"] and fraction == 0:
        return "timeout"
    if fraction > 0:
        return "partial"
    return "error" if kinds["raised"] == len(replies) else "wrong"


def is_starter(replies: list[Reply]) -> bool:
    return bool(replies) and all(reply.error == "NotImplementedError" for reply in replies)


def _explanation(key: AnswerKey, replies: list[Reply], lost: set[str]) -> tuple[str | None, list[str]]:
    """The recognised mistake's name and the sentences for the student."""
    if not lost:
        return None, _only_remarks(replies)
    if is_starter(replies):
        return None, ["Not written yet."]
    if forbidden := next((reply for reply in replies if reply.kind == "forbidden"), None):
        return None, [forbidden_sentence(forbidden.text)]
    timeouts = [k for k, reply in enumerate(replies) if reply.kind == "timeout"]
    if timeouts:
        return None, [f"No answer within {key.seconds:g} seconds: {key.questions[timeouts[0]].in_words}."]
    found = recognise(key, replies, lost)
    sentences = _hints(key, found) or _what_was_seen(key, replies, lost)
    if UNCHANGED.name in lost:
        sentences.append(UNCHANGED.hint)
    names = "+".join(dict.fromkeys(name for r in found for name in (r.mistakes[:1] if r.how == EITHER else r.mistakes)))
    return names or None, list(dict.fromkeys(sentences))


def forbidden_sentence(name: str) -> str:
    if name == NO_TORCH:
        return "PyTorch is not part of this exercise, and it is not there when it is graded: write it with NumPy."
    return f"This exercise is about writing what `{name}` does: write it without calling it, and call it in a cell of your own to compare results."


def _hints(key: AnswerKey, found: list[Recognised]) -> list[str]:
    sentences: list[str] = []
    for recognised in found:
        if recognised.how in INTRODUCTIONS:
            sentences.append(INTRODUCTIONS[recognised.how])
        sentences += [key.hints[name] for name in recognised.mistakes]
    return sentences


def _what_was_seen(key: AnswerKey, replies: list[Reply], lost: set[str]) -> list[str]:
    """No mistake was recognised: the hints of the failing cases or groups, and how the answers differ."""
    failing = [k for k, reply in enumerate(replies) if not reply.ok and key.questions[k].group in lost]
    if MAIN in lost:
        failing = [k for k in failing if key.questions[k].group == MAIN and key.questions[k].variant == PLAIN] or failing
    sentences = [invariant for k in failing if (invariant := replies[k].broken_invariant)]
    hints = {key.questions[k].hint for k in failing}
    if MAIN not in lost or len(hints) == 1:
        sentences += [h for k in failing if (h := key.questions[k].hint or key.group_hint(key.questions[k].group))]
    seen = collections.Counter(s for k in failing if (s := _seen(key, replies, k)))
    raised = any(replies[k].kind == "raised" for k in failing)
    if seen and (raised or 2 * seen.most_common(1)[0][1] >= len(failing)):  # what holds in a few cases only would mislead
        sentences.append(seen.most_common(1)[0][0])
    if not sentences and failing:
        sentences.append("Some values differ from the expected ones.")
    return list(dict.fromkeys(sentences))


def _seen(key: AnswerKey, replies: list[Reply], k: int) -> str | None:
    question, reply = key.questions[k], replies[k]
    if reply.kind == "raised":
        alike = (r for q, r in zip(key.questions, replies, strict=True) if not q.hidden and _same_exception(r, reply))
        visible = next(alike, None)
        return exception_sentence(visible or reply, hidden=question.hidden and visible is None)
    if reply.broken_invariant or (reply.value is None and _may_be_none(key)):
        return None
    return remark(reply.value, key.expected[k].value, [*question.args, *question.kwargs.values()], key.tolerance(k))


def _same_exception(one: Reply, other: Reply) -> bool:
    """From the same line, or with the same words."""
    return one.error == other.error and other.kind == one.kind and (one.where == other.where or one.text == other.text)


def _may_be_none(key: AnswerKey) -> bool:
    """Where None is an answer, it is no forgotten `return`."""
    return any(expected.value is None and expected.kind == "answer" for expected in key.expected)


def exception_sentence(reply: Reply, hidden: bool) -> str:
    """The student's own exception, and where. Of a hidden case nothing that could be made to tell its data."""
    if hidden:
        return f"Your code raises {reply.error if hasattr(builtins, reply.error) else 'an exception'} in a hidden case."
    where = f" ({reply.where})" if reply.where else ""
    return f"Your code raises {reply.text.rstrip('.')}{where}."


def _only_remarks(replies: list[Reply]) -> list[str]:
    if any(isinstance(leaf, Array) and leaf.requires_grad for reply in replies for leaf in leaves(reply.value)):
        return ["Your answer requires a gradient although no input does; that costs nothing here."]
    return []
