"""Questions, replies and helpers as values, for cards and for the way between examiner and worker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograder.check.asking import Helper, Question, Reply
from autograder.check.values import BadFrame, Value

KINDS = ("answer", "raised", "timeout", "forbidden")
TEXTS = {"error": 100, "text": 400, "where": 200, "broken_invariant": 200}  # and how much of each is taken over
FLAGS = ("changed_inputs", "ok")


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
    """What is as usual is left out: most replies are an answer and nothing else."""
    unusual = {name: said for name in (*TEXTS, *FLAGS) if (said := getattr(reply, name))}
    return {"kind": reply.kind, "value": reply.value, **unusual}


def reply_from_value(value: Any) -> Reply:
    """A reply as the other side describes it. Whether it is right is never taken from there.

    Raises:
        BadFrame: it has another form.
    """
    match value:
        case {"kind": str(kind), "value": answer} if kind in KINDS:
            texts = {name: value[name] for name in TEXTS if name in value}
            flags = {name: value[name] for name in FLAGS if name in value}
            if all(isinstance(x, str) for x in texts.values()) and all(isinstance(x, bool) for x in flags.values()):
                return Reply(kind, answer, **{name: text[: TEXTS[name]] for name, text in texts.items()}, **flags)
    raise BadFrame("not a reply")


def helper_to_value(helper: Helper | None) -> Value:
    return None if helper is None else {"name": helper.name, "source": helper.source}


def helper_from_value(value: Any) -> Helper | None:
    return None if value is None else Helper(**value)
