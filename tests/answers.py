"""Right answers in other styles than the reference's: for each module of `solutions/`, one of the same name in `right_answers/`.

A right answer is a function or class whose name is the exercise's, two underscores, and the style: `corr2d__einsum`.
"""

from __future__ import annotations

import functools
import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

FOLDER = Path(__file__).parent / "right_answers"


@functools.cache
def _modules() -> list[ModuleType]:
    paths = [path.relative_to(FOLDER.parent) for path in sorted(FOLDER.rglob("*.py"))]
    return [importlib.import_module(".".join(path.with_suffix("").parts)) for path in paths]


def right_answers(exercise: str) -> list[Any]:
    """Every right answer to the exercise, in all styles."""
    return [answer for module in _modules() for name, answer in vars(module).items() if name.startswith(f"{exercise}__")]
