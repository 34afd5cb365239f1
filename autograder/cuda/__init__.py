"""CuPy's kernel API everywhere: `from autograder.cuda import cupy as cp` is CuPy where there is a GPU, and a stand-in elsewhere."""

from __future__ import annotations

import importlib
from types import ModuleType

from autograder.cuda.faults import CompileError, KernelFault, NotSupported

try:
    from autograder.cuda.launch import measure, step_budget
except ModuleNotFoundError as error:
    if error.name != "llvmlite":
        raise
    raise ImportError('Kernels are checked with LLVM, which is not installed: pip install "scratchgrad[cuda-cpu]"') from None


def _choose() -> ModuleType:
    try:
        real = importlib.import_module("cupy")
        if real.cuda.is_available():
            return real
    except ImportError:
        pass
    return importlib.import_module("autograder.cuda.standin")


cupy = _choose()

__all__ = ["CompileError", "KernelFault", "NotSupported", "cupy", "measure", "step_budget"]
