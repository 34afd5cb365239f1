"""Runs beside the student's code: ask what the notebook defined, and hand the replies out as bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from autograder.check.asking import Helper, Reply, ask_all
from autograder.check.values import MAX_BYTES, MAX_ITEMS, Value, pack, size_of, unpack
from autograder.check.wire import helper_from_value, questions_from_value, reply_to_value

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
    answered = ask_all(function, questions_from_value(request["questions"]), probe, request["forbid"], request["seconds"])
    return [reply_to_value(reply) for reply in _small_enough(answered)]


def _small_enough(answered: list[Reply]) -> Iterator[Reply]:
    """What is too much to hand out counts as raised; the others are handed out."""
    items_left, bytes_left = MAX_ITEMS // 2, MAX_BYTES // 2
    for reply in answered:
        items, size = size_of(reply_to_value(reply))
        if items > items_left or size > bytes_left:
            yield Reply("raised", error="MemoryError", text="MemoryError: the answer is too large")
        else:
            items_left, bytes_left = items_left - items, bytes_left - size
            yield reply
