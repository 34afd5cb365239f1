"""Runs beside the student's code: ask what the notebook defined, and hand the replies out as bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from autograder.check.asking import Helper, Question, Reply, ask_all
from autograder.check.values import MAX_BYTES, MAX_ITEMS, Value, count_items, pack, unpack
from autograder.check.wire import helper_from_value, question_from_value, reply_to_value

NOTHING_THERE = "nothing there"
NOT_CALLABLE = "not callable"


def replies(request: bytes, namespace: dict[str, Any]) -> bytes:
    """The replies to a packed request, packed."""
    return pack(_replies(unpack(request), namespace))


def _replies(request: Any, namespace: dict[str, Any]) -> Value:
    name = request["name"]
    if name not in namespace:
        return NOTHING_THERE
    function = namespace[name]
    if not callable(function):
        return f"{NOT_CALLABLE}: {type(function).__name__}"
    helper: Helper | None = helper_from_value(request["probe"])
    probe = helper.load() if helper else None
    questions: list[Question] = [question_from_value(value) for value in request["questions"]]
    answered = ask_all(function, questions, probe, request["forbid"], request["seconds"])
    return [reply_to_value(reply) for reply in _small_enough(answered)]


def _small_enough(answered: list[Reply]) -> Iterator[Reply]:
    """What is too much to hand out counts as raised; the others are handed out."""
    bytes_left, items_left = MAX_BYTES // 2, MAX_ITEMS // 2
    for reply in answered:
        size, items = len(pack(reply_to_value(reply))), count_items(reply.value)
        if size > bytes_left or items > items_left:
            yield Reply("raised", error="MemoryError", text="MemoryError: the answer is too large")
        else:
            bytes_left, items_left = bytes_left - size, items_left - items
            yield reply
