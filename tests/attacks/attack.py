"""What an attack is: a change to the released notebook that solves nothing and wants something."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sample_class import ATTENTION

from attacks.scene import Scene

Change = Callable[[Scene], None]
WRONG = "def NAME(*args, **kwargs):\n    return 0\n"


@dataclass(frozen=True)
class Attack:
    """`tries` says in one sentence what is tried. Some attacks can only be held by the jail.

    `peer` is the same idea against stock nbgrader, where `change` addresses what only we have; or, as text, why the idea
    has no meaning there. By default the same change is tried.

    Some are graded several times, each time after the other, or after a classmate: what one leaves, the next may find.
    Those that are tried `alone` are measured by what they take of the whole machine.
    """

    name: str
    tries: str
    change: Change
    needs_jail: bool = False
    chapter: str = ATTENTION
    notebook: str = "*"  # where a chapter has several
    peer: Change | str | None = None
    times: int = 1
    after_classmate: bool = False
    alone: bool = False


def code(cell: str = "", answers: str = "", last: str = "") -> Change:
    """A cell after the imports, the same answer to every exercise, and a cell before the last check.

    In them, SECRET_FILES, CANARY and PLACE stand for paths that the attacker knows or guesses, SERVICE for a port, NAME for the exercise.
    """

    def change(scene: Scene) -> None:
        if answers:
            scene.answer_all(answers)
        if last:
            scene.add_cell(last, after="check_causal_mask")
        if cell:
            scene.add_cell(cell, after="cell-01")

    return change


def cell_attack(
    name: str,
    tries: str,
    cell: str = "",
    answers: str = "",
    last: str = "",
    needs_jail: bool = False,
    peer: Change | str | None = None,
    times: int = 1,
    after_classmate: bool = False,
    alone: bool = False,
) -> Attack:
    """An attack by code alone."""
    return Attack(name, tries, code(cell, answers, last), needs_jail, peer=peer, times=times, after_classmate=after_classmate, alone=alone)
