"""Functions that work element by element, with broadcasting: CuPy's universal functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.cuda.standin.arrays import apply, ndarray, on_device


class ufunc:
    """A universal function on the device.

    Args (of a call):
        args: device arrays and numbers, and outputs behind them if you like.
        out: a device array to write to.
        dtype: the type to compute in.
        casting: which conversions to `out` are allowed.

    Types follow NumPy 2: a Python number takes the type of the array that it meets.
    """

    def __init__(self, function: np.ufunc) -> None:
        self._function = function
        self.name = self.__name__ = f"cupy_{function.__name__}"
        self.nin, self.nout, self.nargs = function.nin, function.nout, function.nargs

    def __call__(self, *args: Any, out: Any = None, dtype: Any = None, casting: str = "same_kind", **kwargs: Any) -> Any:
        if kwargs:
            raise TypeError(f"Wrong arguments {kwargs}")
        if not self.nin <= len(args) <= self.nargs:
            raise TypeError(
                f"Wrong number of arguments for {self.name!r}. It must be either {self.nin} or {self.nargs} (with outputs), but given {len(args)}."
            )
        inputs, outputs = args[: self.nin], args[self.nin :]
        if out is not None and outputs:
            raise ValueError("Cannot specify 'out' as both a positional and keyword argument")
        if dtype is not None:
            return apply(self._function, *inputs, out=outputs[0] if outputs else out, dtype=dtype, casting=casting)
        return apply(self._function, *inputs, out=outputs[0] if outputs else out, casting=casting)

    def __repr__(self) -> str:
        return f"<ufunc '{self.name}'>"


# By CuPy's names, in the order of its reference.
UFUNCS: dict[str, ufunc] = {
    name: ufunc(getattr(np, name))
    for name in [
        "add",
        "subtract",
        "multiply",
        "divide",
        "true_divide",
        "floor_divide",
        "negative",
        "positive",
        "power",
        "remainder",
        "mod",
        "fmod",
        "divmod",
        "absolute",
        "abs",
        "fabs",
        "rint",
        "sign",
        "exp",
        "exp2",
        "log",
        "log2",
        "log10",
        "expm1",
        "log1p",
        "sqrt",
        "square",
        "cbrt",
        "reciprocal",
        "sin",
        "cos",
        "tan",
        "arcsin",
        "arccos",
        "arctan",
        "arctan2",
        "hypot",
        "sinh",
        "cosh",
        "tanh",
        "arcsinh",
        "arccosh",
        "arctanh",
        "bitwise_and",
        "bitwise_or",
        "bitwise_xor",
        "invert",
        "left_shift",
        "right_shift",
        "greater",
        "greater_equal",
        "less",
        "less_equal",
        "not_equal",
        "equal",
        "logical_and",
        "logical_or",
        "logical_xor",
        "logical_not",
        "maximum",
        "minimum",
        "fmax",
        "fmin",
        "isfinite",
        "isinf",
        "isnan",
        "signbit",
        "copysign",
        "floor",
        "ceil",
        "trunc",
        "heaviside",
        "logaddexp",
        "matmul",
    ]
}


def where(condition: Any, x: Any = None, y: Any = None) -> Any:
    """`x` where the condition holds, else `y`; with the condition alone, the indices where it holds."""
    if x is None and y is None:
        return apply(np.nonzero, on_device(condition))
    if x is None or y is None:
        raise ValueError("Must provide both 'x' and 'y' or neither.")
    return apply(np.where, condition, x, y)


def clip(a: ndarray, a_min: Any, a_max: Any, out: ndarray | None = None) -> ndarray:
    return apply(np.clip, a, a_min, a_max, out=out)


def round(a: ndarray, decimals: int = 0, out: ndarray | None = None) -> ndarray:
    return apply(np.round, a, decimals, out=out)


def isclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> ndarray:
    return apply(np.isclose, a, b, rtol, atol, equal_nan)


def allclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> ndarray:
    """Whether all elements agree: a 0-d array on the device, as in CuPy."""
    return apply(np.allclose, a, b, rtol, atol, equal_nan)


def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> ndarray:
    """Whether shapes and all elements are the same: a 0-d array on the device, as in CuPy."""
    return apply(np.array_equal, a1, a2, equal_nan)


def dot(a: ndarray, b: ndarray, out: ndarray | None = None) -> ndarray:
    return apply(np.dot, a, b, out=out)


def outer(a: ndarray, b: ndarray, out: ndarray | None = None) -> ndarray:
    return apply(np.outer, a, b, out=out)


def einsum(*operands: Any, **kwargs: Any) -> ndarray:
    """Sums of products by subscripts, `einsum("ij,jk->ik", a, b)`."""
    subscripts, *arrays = operands
    return apply(lambda *values: np.einsum(subscripts, *values, **kwargs), *arrays)
