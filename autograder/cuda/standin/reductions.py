"""Sums, means, extremes and the like of device arrays. Each gives an array on the device, 0-d where one number is left."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.cuda.standin.arrays import Axis, apply, ndarray, on_device


def sum(a: ndarray, axis: Axis = None, dtype: Any = None, out: ndarray | None = None, keepdims: bool = False) -> ndarray:
    return apply(np.sum, a, axis=axis, dtype=dtype, out=out, keepdims=keepdims)


def prod(a: ndarray, axis: Axis = None, dtype: Any = None, out: ndarray | None = None, keepdims: bool = False) -> ndarray:
    return apply(np.prod, a, axis=axis, dtype=dtype, out=out, keepdims=keepdims)


def mean(a: ndarray, axis: Axis = None, dtype: Any = None, out: ndarray | None = None, keepdims: bool = False) -> ndarray:
    return apply(np.mean, a, axis=axis, dtype=dtype, out=out, keepdims=keepdims)


def var(a: ndarray, axis: Axis = None, dtype: Any = None, out: ndarray | None = None, ddof: int = 0, keepdims: bool = False) -> ndarray:
    return apply(np.var, a, axis=axis, dtype=dtype, out=out, ddof=ddof, keepdims=keepdims)


def std(a: ndarray, axis: Axis = None, dtype: Any = None, out: ndarray | None = None, ddof: int = 0, keepdims: bool = False) -> ndarray:
    return apply(np.std, a, axis=axis, dtype=dtype, out=out, ddof=ddof, keepdims=keepdims)


def max(a: ndarray, axis: Axis = None, out: ndarray | None = None, keepdims: bool = False) -> ndarray:
    return apply(np.max, a, axis=axis, out=out, keepdims=keepdims)


def min(a: ndarray, axis: Axis = None, out: ndarray | None = None, keepdims: bool = False) -> ndarray:
    return apply(np.min, a, axis=axis, out=out, keepdims=keepdims)


def argmax(a: ndarray, axis: int | None = None, dtype: Any = None, out: ndarray | None = None, keepdims: bool = False) -> ndarray:
    return on_device(a).argmax(axis, out, dtype, keepdims)


def argmin(a: ndarray, axis: int | None = None, dtype: Any = None, out: ndarray | None = None, keepdims: bool = False) -> ndarray:
    return on_device(a).argmin(axis, out, dtype, keepdims)


def any(a: ndarray, axis: Axis = None, out: ndarray | None = None, keepdims: bool = False) -> ndarray:
    return apply(np.any, a, axis=axis, out=out, keepdims=keepdims)


def all(a: ndarray, axis: Axis = None, out: ndarray | None = None, keepdims: bool = False) -> ndarray:
    return apply(np.all, a, axis=axis, out=out, keepdims=keepdims)


def cumsum(a: ndarray, axis: int | None = None, dtype: Any = None, out: ndarray | None = None) -> ndarray:
    return apply(np.cumsum, a, axis=axis, dtype=dtype, out=out)


def argsort(a: ndarray, axis: int | None = -1, kind: str | None = None) -> ndarray:
    return apply(np.argsort, a, axis=axis)


def sort(a: ndarray, axis: int | None = -1, kind: str | None = None) -> ndarray:
    return apply(np.sort, a, axis=axis)


def bincount(x: ndarray, weights: ndarray | None = None, minlength: int | None = None) -> ndarray:
    return apply(np.bincount, x, weights, minlength or 0)


def nonzero(a: ndarray) -> tuple[ndarray, ...]:
    return apply(np.nonzero, a)
