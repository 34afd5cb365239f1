"""PyTorch's place in a notebook that is about NumPy: it may be imported, and says when it is used that it is not there.

An import that nobody uses costs nothing; other libraries that ask whether something is a tensor are told that it is not.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Sequence
from typing import Any, NoReturn

NAME = "torch"
_SAID = "PyTorch is not part of this notebook, so `{}` is not there when it is graded: use NumPy."


class _Absent(type):
    """The type of everything in it: classes, whose attributes are more of the same and which cannot be called."""

    def __getattr__(cls, name: str) -> type:
        return _absent(f"{cls.__name__}.{name}")

    def __call__(cls, *args: object, **kwargs: object) -> NoReturn:
        raise ModuleNotFoundError(_SAID.format(cls.__name__), name=NAME)


def _absent(dotted: str) -> type:
    if dotted.rpartition(".")[2].startswith("__"):
        raise AttributeError(dotted)
    return type.__call__(_Absent, dotted, (), {})


class _Module(types.ModuleType):
    def __getattr__(self, name: str) -> Any:
        return _absent(f"{self.__name__}.{name}")


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name: str, path: Sequence[str] | None, target: types.ModuleType | None = None) -> importlib.machinery.ModuleSpec | None:
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if name.partition(".")[0] == NAME else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return _Module(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """There is nothing in it."""


def install() -> None:
    """From now on, PyTorch is absent in this process."""
    assert NAME not in sys.modules
    sys.meta_path.insert(0, _Finder())
