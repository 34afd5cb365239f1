"""Runs beside the student's code: ask what the notebook defined, and hand the replies out as bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from autograder.check.asking import Helper, Question, Reply, ask
from autograder.check.values import MAX_BYTES, Value, pack, unpack
from autograder.check.wire import helper_from_value, question_from_value, reply_to_value

NOTHING_THERE = "nothing there"
NOT_CALLABLE = "not callable"


def answer(asked: str, answered: str, namespace: dict[str, Any]) -> None:
    """Read questions from the file `asked`, and write the replies to the file `answered`."""
    request: Any = unpack(Path(asked).read_bytes())
    Path(answered).write_bytes(pack(_replies(request, namespace)))


def _replies(request: dict[str, Any], namespace: dict[str, Any]) -> Value:
    name = request["name"]
    if name not in namespace:
        return NOTHING_THERE
    function = namespace[name]
    if not callable(function):
        return f"{NOT_CALLABLE}: {type(function).__name__}"
    helper: Helper | None = helper_from_value(request["probe"])
    probe = helper.load() if helper else None
    replies: list[Value] = []
    size = 0
    for value in request["questions"]:
        question: Question = question_from_value(value)
        reply = ask(function, question, probe, request["forbid"], request["seconds"])
        packed = len(pack(reply_to_value(reply)))
        if size + packed > MAX_BYTES // 2:
            reply = Reply("raised", error="MemoryError", text="MemoryError: the answer is too large")
        else:
            size += packed
        replies.append(reply_to_value(reply))
        if reply.kind in ("timeout", "forbidden"):
            break  # the rest is not asked: it would cost the same again
    return replies
