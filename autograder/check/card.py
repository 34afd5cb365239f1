"""The card of an exercise: its public half, as data, shipped beside the notebook.

Visible inputs, expected outputs, the mistakes' outputs with their hints, probe, invariant and tolerance.
No hidden case and no reference.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.check.asking import Reply
from autograder.check.key import AnswerKey
from autograder.check.values import BadFrame, Value, pack, unpack
from autograder.check.wire import (
    helper_from_value,
    helper_to_value,
    questions_from_value,
    questions_to_value,
    reply_from_value,
    reply_to_value,
)

FOLDER = "cards"
SUFFIX = ".card"
FORMAT = 2


class NoCard(Exception):
    """There is no card for what is to be checked; the message says what to do."""


@dataclass
class Card(AnswerKey):
    """An answer key made of data. `outputs[name][k]` is a mistake's reply to question k."""

    outputs: dict[str, dict[int, Reply]] = field(default_factory=dict)

    def reply_of(self, mistakes: tuple[str, ...], k: int) -> Reply | None:
        return self.outputs[mistakes[0]].get(k) if len(mistakes) == 1 else None

    def pairs(self) -> list[tuple[str, str]]:
        return []

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pack(_to_value(self)))

    @classmethod
    def load(cls, path: Path) -> Card:
        """Read a card.

        Raises:
            NoCard: the file is missing, damaged, or of another version.
        """
        try:
            value = unpack(path.read_bytes())
        except (OSError, BadFrame) as error:
            raise NoCard(f"The card {path.name} cannot be read ({error}). Download the chapter again.") from error
        if not isinstance(value, dict) or value.get("format") != FORMAT:
            raise NoCard(f"The card {path.name} belongs to another version of the course. Download the chapter again.")
        return _from_value(value)


# Where the reference notebooks find their cards: the exercise modules that they import make them on the spot.
_makers: dict[str, Callable[[], Card]] = {}


def provide(name: str, make: Callable[[], Card]) -> None:
    """Let `find` make the card of exercise `name` when it is asked for."""
    _makers[name] = make


def find(name: str, folder: Path) -> Card:
    """The card of exercise `name`: of an imported exercise module, or else from `folder`/cards.

    Raises:
        NoCard: there is none; the message names the nearest one.
    """
    if name in _makers:
        return _makers[name]()
    path = folder / FOLDER / (name + SUFFIX)
    if path.exists():
        return Card.load(path)
    raise NoCard(_no_card(name, folder / FOLDER))


def _no_card(name: str, folder: Path) -> str:
    known = sorted({p.stem for p in folder.glob("*" + SUFFIX)} | set(_makers))
    if not known:
        return (
            f"There is no card for {name}: the folder `{FOLDER}` is missing beside this notebook."
            " Open the notebook in the folder of its chapter, or download the chapter again."
        )
    near = difflib.get_close_matches(name, known, n=1)
    question = f" Did you mean {near[0]}?" if near else f" The exercises here are {', '.join(known)}."
    return f"There is no exercise called {name} in this chapter.{question}"


# ---- as a value ------------------------------------------------------------------------------------------------------


def _to_value(card: Card) -> dict[str, Value]:
    return {
        "format": FORMAT,
        "name": card.name,
        "points": card.points,
        "questions": questions_to_value(card.questions),
        "expected": [reply_to_value(r) for r in card.expected],
        "hints": dict(card.hints),
        "shares": dict(card.shares),
        "forbid": list(card.forbid),
        "tolerance_factor": card.tolerance_factor,
        "seconds": card.seconds,
        "unique": card.unique,
        "probe": helper_to_value(card.probe),
        "verify": helper_to_value(card.verify),
        "outputs": {name: {str(k): reply_to_value(r) for k, r in replies.items()} for name, replies in card.outputs.items()},
    }


def _from_value(value: dict[str, Any]) -> Card:
    return Card(
        name=value["name"],
        points=value["points"],
        questions=questions_from_value(value["questions"]),
        expected=[reply_from_value(r) for r in value["expected"]],
        hints=value["hints"],
        shares=value["shares"],
        forbid=tuple(value["forbid"]),
        tolerance_factor=value["tolerance_factor"],
        seconds=value["seconds"],
        unique=value["unique"],
        probe=helper_from_value(value["probe"]),
        verify=helper_from_value(value["verify"]),
        outputs={name: {int(k): reply_from_value(r) for k, r in replies.items()} for name, replies in value["outputs"].items()},
    )
