"""New arrays on the device, and copies to it and from it."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from autograder.cuda.standin.arrays import Shape, apply, ndarray, on_host, to_device


def array(
    obj: Any, dtype: Any = None, copy: bool | None = True, order: str = "K", subok: bool = False, ndmin: int = 0, *, blocking: bool = False
) -> ndarray:
    """Copy to the device.

    Args:
        obj: a device array, a NumPy array, a number, or lists of numbers (or of device arrays).
        order: "K" keeps the order in which a NumPy array lies in memory, so a transposed one stays transposed there.
    """
    if isinstance(obj, ndarray) and not copy and (dtype is None or np.dtype(dtype) == obj.dtype) and obj.ndim >= ndmin:
        return obj
    values = np.array(_gathered(obj), dtype, order=order or "K", ndmin=ndmin)  # type: ignore[call-overload]
    if order in ("K", "A", None) and not values.flags.fnc:
        values = np.ascontiguousarray(values).reshape(values.shape)
    return to_device(values)


def _gathered(obj: Any) -> Any:
    if isinstance(obj, ndarray):
        return obj._values
    return [_gathered(item) for item in obj] if isinstance(obj, list | tuple) else obj


def asarray(a: Any, dtype: Any = None, order: str | None = None, *, copy: bool | None = None, blocking: bool = False) -> ndarray:
    """Copy to the device, unless it is there already."""
    return array(a, dtype, copy=bool(copy), order=order or "K")


def ascontiguousarray(a: Any, dtype: Any = None) -> ndarray:
    """On the device, with the last axis densest, as kernels expect it. An array that is so already is returned itself."""
    if isinstance(a, ndarray) and a.flags.c_contiguous and (dtype is None or np.dtype(dtype) == a.dtype):
        return a
    return array(a, dtype, order="C")


def asnumpy(a: Any, stream: Any = None, order: str = "C", out: np.ndarray | None = None, *, blocking: bool = True) -> np.ndarray:
    """Copy to the host."""
    return a.get(stream, order, out) if isinstance(a, ndarray) else np.asarray(a)


def empty(shape: Shape, dtype: Any = float, order: str = "C") -> ndarray:
    """Memory that nobody has written: recognisable rubbish, NaN where it can be."""
    return ndarray(shape, dtype, order=order)


def zeros(shape: Shape, dtype: Any = float, order: str = "C") -> ndarray:
    return full(shape, 0, dtype, order)


def ones(shape: Shape, dtype: Any = float, order: str = "C") -> ndarray:
    return full(shape, 1, dtype, order)


def full(shape: Shape, fill_value: Any, dtype: Any = None, order: str = "C") -> ndarray:
    return to_device(np.full(shape, on_host(fill_value), dtype, order))  # type: ignore[call-overload]


def empty_like(prototype: ndarray, dtype: Any = None, order: str = "K", subok: None = None, shape: Shape | None = None) -> ndarray:
    like = np.empty_like(_gathered(prototype), dtype, order, shape=shape)  # type: ignore[call-overload]
    return ndarray(like.shape, like.dtype, order="F" if like.flags.fnc else "C")


def zeros_like(a: ndarray, dtype: Any = None, order: str = "K", subok: None = None, shape: Shape | None = None) -> ndarray:
    return full_like(a, 0, dtype, order, shape=shape)


def ones_like(a: ndarray, dtype: Any = None, order: str = "K", subok: None = None, shape: Shape | None = None) -> ndarray:
    return full_like(a, 1, dtype, order, shape=shape)


def full_like(a: ndarray, fill_value: Any, dtype: Any = None, order: str = "K", subok: None = None, shape: Shape | None = None) -> ndarray:
    made = empty_like(a, dtype, order, shape=shape)
    made[...] = fill_value
    return made


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> ndarray:
    return to_device(np.arange(start, dtype=dtype) if stop is None else np.arange(start, stop, step, dtype=dtype))


def linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None, axis: int = 0) -> Any:
    made = np.linspace(on_host(start), on_host(stop), num, endpoint, retstep, dtype, axis)  # type: ignore[call-overload]
    return (to_device(made[0]), made[1]) if retstep else to_device(made)


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = float, order: str = "C") -> ndarray:
    return to_device(np.eye(N, M, k, dtype, order))  # type: ignore[call-overload]


def identity(n: int, dtype: Any = float) -> ndarray:
    return eye(n, dtype=dtype)


def diag(v: ndarray, k: int = 0) -> ndarray:
    return apply(np.diag, v, k)


def tril(m: ndarray, k: int = 0) -> ndarray:
    return apply(np.tril, m, k)


def triu(m: ndarray, k: int = 0) -> ndarray:
    return apply(np.triu, m, k)


def get_array_module(*args: Any) -> ModuleType:
    """This module if an argument is on the device, else NumPy: for functions that work on both."""
    from autograder.cuda import standin

    return standin if any(isinstance(a, ndarray) for a in args) else np


def result_type(*arrays_and_dtypes: Any) -> np.dtype:
    """The type that a computation with all of these has."""
    return np.result_type(*(_gathered(a) for a in arrays_and_dtypes))
