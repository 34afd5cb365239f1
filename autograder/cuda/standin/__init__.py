"""CuPy for machines without a GPU: device arrays and kernels as the course uses them, with every access of a kernel checked.

Names, arguments, types of results and errors are CuPy's. What is missing says so by its name. Other than in CuPy:

- A seed gives other random numbers.
- Sums of floats may differ in the last bits: elements are added in another order.
- An element that nobody has written is NaN, or 0xCD in every byte, and a kernel that reads it is stopped.
- Streams and events are there for timing code; work is done as soon as it is asked for.
- There is one device. Elementwise and reduction kernels take no complex numbers.
"""

from __future__ import annotations

from typing import Any

from numpy import (
    bool_,
    complex64,
    complex128,
    dtype,
    e,
    finfo,
    float16,
    float32,
    float64,
    iinfo,
    inf,
    int8,
    int16,
    int32,
    int64,
    nan,
    newaxis,
    pi,
    uint8,
    uint16,
    uint32,
    uint64,
)

from autograder.cuda.kernel import RawKernel, RawModule
from autograder.cuda.standin import cuda, random, testing
from autograder.cuda.standin.arrays import ndarray
from autograder.cuda.standin.creation import (
    arange,
    array,
    asarray,
    ascontiguousarray,
    asnumpy,
    diag,
    empty,
    empty_like,
    eye,
    full,
    full_like,
    get_array_module,
    identity,
    linspace,
    ones,
    ones_like,
    result_type,
    tril,
    triu,
    zeros,
    zeros_like,
)
from autograder.cuda.standin.elementwise import ElementwiseKernel
from autograder.cuda.standin.manipulation import (
    broadcast_to,
    concatenate,
    expand_dims,
    flip,
    hstack,
    pad,
    ravel,
    repeat,
    reshape,
    split,
    squeeze,
    stack,
    swapaxes,
    take,
    tile,
    transpose,
    vstack,
)
from autograder.cuda.standin.reduction import ReductionKernel
from autograder.cuda.standin.reductions import (
    all,
    any,
    argmax,
    argmin,
    argsort,
    bincount,
    cumsum,
    max,
    mean,
    min,
    nonzero,
    prod,
    sort,
    std,
    sum,
    var,
)
from autograder.cuda.standin.ufuncs import UFUNCS, allclose, array_equal, clip, dot, einsum, isclose, outer, round, ufunc, where

amax, amin, concat = max, min, concatenate
# `add`, `exp`, `matmul` ...
globals().update(UFUNCS)

__all__ = [
    "ElementwiseKernel",
    "RawKernel",
    "RawModule",
    "ReductionKernel",
    "all",
    "allclose",
    "amax",
    "amin",
    "any",
    "arange",
    "argmax",
    "argmin",
    "argsort",
    "array",
    "array_equal",
    "asarray",
    "ascontiguousarray",
    "asnumpy",
    "bincount",
    "bool_",
    "broadcast_to",
    "clip",
    "complex64",
    "complex128",
    "concat",
    "concatenate",
    "cuda",
    "cumsum",
    "diag",
    "dot",
    "dtype",
    "e",
    "einsum",
    "empty",
    "empty_like",
    "expand_dims",
    "eye",
    "finfo",
    "flip",
    "float16",
    "float32",
    "float64",
    "full",
    "full_like",
    "get_array_module",
    "hstack",
    "identity",
    "iinfo",
    "inf",
    "int8",
    "int16",
    "int32",
    "int64",
    "isclose",
    "linspace",
    "max",
    "mean",
    "min",
    "nan",
    "ndarray",
    "newaxis",
    "nonzero",
    "ones",
    "ones_like",
    "outer",
    "pad",
    "pi",
    "prod",
    "random",
    "ravel",
    "repeat",
    "reshape",
    "result_type",
    "round",
    "sort",
    "split",
    "squeeze",
    "stack",
    "std",
    "sum",
    "swapaxes",
    "take",
    "testing",
    "tile",
    "transpose",
    "tril",
    "triu",
    "ufunc",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "var",
    "vstack",
    "where",
    "zeros",
    "zeros_like",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    raise AttributeError(
        f"CuPy's stand-in for machines without a GPU has no `{name}`: it has what this course uses. "
        "Compute it otherwise, or on the host: `cp.asnumpy` gives a NumPy array."
    )
