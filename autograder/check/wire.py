"""Questions, replies and helpers as values, for cards and for the way between examiner and worker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograder.check.asking import Helper, Question, Reply
from autograder.check.values import BadFrame, Value

KINDS = ("answer", "raised", "timeout", "forbidden")


def questions_to_value(questions: Sequence[Question]) -> Value:
    """The arguments of each call once, however many ways it is asked in."""
    calls: dict[tuple[int, int], int] = {}
    arguments: list[Value] = []
    asked: list[Value] = []
    for q in questions:
        key = id(q.args), id(q.kwargs)
        if key not in calls:
            calls[key] = len(arguments)
            arguments.append((q.args, q.kwargs))
        asked.append((calls[key], q.label, q.group, q.hint, q.variant, q.hidden, q.numbers))
    return {"calls": arguments, "asked": asked}


def questions_from_value(value: Any) -> list[Question]:
    return [
        Question(label, args, kwargs, group, hint, variant, hidden, numbers)
        for call, label, group, hint, variant, hidden, numbers in value["asked"]
        for args, kwargs in [value["calls"][call]]
    ]


def reply_to_value(reply: Reply) -> dict[str, Value]:
    return {
        "kind": reply.kind, "value": reply.value, "error": reply.error, "text": reply.text, "where": reply.where,
        "changed_inputs": reply.changed_inputs, "ok": reply.ok, "broken_invariant": reply.broken_invariant,
    }  # fmt: skip


def reply_from_value(value: Any) -> Reply:
    """A reply as the other side describes it. Whether it is right is never taken from there.

    Raises:
        BadFrame: it has another form.
    """
    match value:
        case {"kind": str(kind), "value": answer, "error": str(error), "text": str(text), "where": str(where), "changed_inputs": bool(changed)} if (
            kind in KINDS
        ):
            broken = value.get("broken_invariant")
            broken = broken[:200] if isinstance(broken, str) else ""  # never str(): many arrays take minutes to write out
            return Reply(kind, answer, error[:100], text[:400], where[:200], changed, value.get("ok") is True, broken)
    raise BadFrame("not a reply")


def helper_to_value(helper: Helper | None) -> Value:
    return None if helper is None else {"name": helper.name, "source": helper.source}


def helper_from_value(value: Any) -> Helper | None:
    return None if value is None else Helper(**value)
