"""Right answers in other styles than the reference's: one module a chapter in `right_answers/`, one folder entry a style.

A right answer is a function or class whose name is the exercise's, two underscores, and the style: `corr2d__einsum`.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import right_answers as package


def right_answers(exercise: str) -> list[Any]:
    """Every right answer to the exercise, in all styles."""
    found = []
    for module in pkgutil.iter_modules(package.__path__):
        names = vars(importlib.import_module(f"right_answers.{module.name}"))
        found += [answer for name, answer in names.items() if name.startswith(f"{exercise}__")]
    return found
