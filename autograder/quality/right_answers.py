"""Right answers in other styles than the reference's: for each module of `solutions/`, one of the same name in `tests/right_answers/`.

A right answer is a function or class whose name is the exercise's, two underscores, and the style: `corr2d__einsum`.
"""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

from autograder.build import ROOT

FOLDER = ROOT / "tests" / "right_answers"


def right_answers(exercise: str) -> list[Any]:
    """Every right answer to the exercise, in all styles."""
    return [answer for module in _modules() for name, answer in vars(module).items() if name.startswith(f"{exercise}__")]


@functools.cache
def _modules() -> list[ModuleType]:
    return [_load(path) for path in sorted(FOLDER.rglob("*.py"))]


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("right_answers." + ".".join(path.relative_to(FOLDER).with_suffix("").parts), path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
