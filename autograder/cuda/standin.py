"""CuPy's kernel API for machines without a GPU: device arrays and `RawKernel`, and nothing else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import NoReturn

from numpy import bool_, float32, float64, int8, int16, int32, int64, uint8, uint16, uint32, uint64

from autograder.cuda.arrays import asarray, asnumpy, empty, empty_like, full, ndarray, ones, zeros, zeros_like
from autograder.cuda.kernel import RawKernel

cuda = SimpleNamespace(is_available=lambda: False)

__all__ = [
    "RawKernel", "asarray", "asnumpy", "bool_", "cuda", "empty", "empty_like", "float32", "float64", "full", "int8", "int16", "int32", "int64",
    "ndarray", "ones", "uint8", "uint16", "uint32", "uint64", "zeros", "zeros_like",
]  # fmt: skip


def __getattr__(name: str) -> NoReturn:
    raise AttributeError(f"CuPy's stand-in for machines without a GPU has no `{name}`: it runs kernels (RawKernel) and little else.")
