"""What an attack is: a change to the released notebook that solves nothing and wants something."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sample_class import ATTENTION

from attacks.scene import Scene


@dataclass(frozen=True)
class Attack:
    """`tries` says in one sentence what is tried. Some attacks can only be held by the jail."""

    name: str
    tries: str
    change: Callable[[Scene], None]
    needs_jail: bool = False
    chapter: str = ATTENTION


def cell_attack(name: str, tries: str, cell: str = "", answers: str = "", last: str = "", needs_jail: bool = False) -> Attack:
    """An attack by code: a cell after the imports, the same answer to every exercise, and a cell before the last check.

    In them, SECRET_FILES, CANARY, NAME and EXCHANGE stand for paths that the attacker knows or guesses.
    """

    def change(scene: Scene) -> None:
        if answers:
            scene.answer_all(answers)
        if last:
            scene.add_cell(last, after="check_causal_mask")
        if cell:
            scene.add_cell(cell, after="cell-01")

    return Attack(name, tries, change, needs_jail)
