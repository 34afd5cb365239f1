"""`cupyx`: what CuPy keeps apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from autograder.cuda.faults import NotSupported


class jit:
    """`cupyx.jit` translates Python to CUDA C, and only CuPy has it."""

    @staticmethod
    def rawkernel(*, mode: str = "cuda", device: bool = False) -> Callable[[Any], NoReturn]:
        """Raises NotSupported."""
        raise NotSupported("`cupyx.jit.rawkernel` needs real CuPy and a GPU: write the kernel in CUDA C and use `cp.RawKernel`")


def __getattr__(name: str) -> NoReturn:
    raise AttributeError(f"`cupyx.{name}` needs real CuPy and a GPU")
