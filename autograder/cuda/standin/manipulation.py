"""Device arrays joined, and seen in other shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograder.cuda.standin.arrays import Axis, Shape, apply, ndarray, on_device
from autograder.cuda.standin.creation import array


def reshape(a: ndarray, newshape: Shape, order: str = "C", *, copy: bool | None = None) -> ndarray:
    return on_device(a).reshape(newshape, order=order)


def ravel(a: ndarray, order: str = "C") -> ndarray:
    return on_device(a).ravel(order)


def transpose(a: ndarray, axes: tuple[int, ...] | None = None) -> ndarray:
    return on_device(a).transpose(axes)


def swapaxes(a: ndarray, axis1: int, axis2: int) -> ndarray:
    return on_device(a).swapaxes(axis1, axis2)


def squeeze(a: ndarray, axis: Axis = None) -> ndarray:
    return on_device(a).squeeze(axis)


def expand_dims(a: ndarray, axis: int | tuple[int, ...]) -> ndarray:
    return on_device(a)._view(np.expand_dims(a._values, axis))


def broadcast_to(array: ndarray, shape: Shape) -> ndarray:
    return on_device(array)._view(np.broadcast_to(array._values, shape))


def concatenate(
    tup: Sequence[ndarray], axis: int | None = 0, out: ndarray | None = None, *, dtype: Any = None, casting: str = "same_kind"
) -> ndarray:
    return _joined(np.concatenate, tup, out, axis=axis, dtype=dtype, casting=casting)


def stack(tup: Sequence[ndarray], axis: int = 0, out: ndarray | None = None, *, dtype: Any = None, casting: str = "same_kind") -> ndarray:
    return _joined(np.stack, tup, out, axis=axis, dtype=dtype, casting=casting)


def vstack(tup: Sequence[ndarray], *, dtype: Any = None, casting: str = "same_kind") -> ndarray:
    return _joined(np.vstack, tup, None, dtype=dtype, casting=casting)


def hstack(tup: Sequence[ndarray], *, dtype: Any = None, casting: str = "same_kind") -> ndarray:
    return _joined(np.hstack, tup, None, dtype=dtype, casting=casting)


def _joined(function: Any, tup: Sequence[ndarray], out: ndarray | None, **kwargs: Any) -> ndarray:
    """The arrays of a sequence in one. Those on the host are refused, as by CuPy."""
    kwargs = {name: value for name, value in kwargs.items() if name == "axis" or value is not None}
    return apply(lambda *values, **given: function(values, **given), *(on_device(a) for a in tup), out=out, **kwargs)


def split(ary: ndarray, indices_or_sections: Any, axis: int = 0) -> list[ndarray]:
    return [ary._view(part) for part in np.split(on_device(ary)._values, indices_or_sections, axis)]


def repeat(a: ndarray, repeats: Any, axis: int | None = None) -> ndarray:
    return apply(lambda values: np.repeat(values, repeats, axis), a)


def tile(A: ndarray, reps: Shape) -> ndarray:
    return apply(lambda values: np.tile(values, reps), A)


def take(a: ndarray, indices: Any, axis: int | None = None, out: ndarray | None = None) -> ndarray:
    """Elements by their positions, which wrap around, as in CuPy."""
    return apply(lambda values, at, **given: np.take(values, at, axis, mode="wrap", **given), a, array(indices), out=out)


def flip(a: ndarray, axis: Axis = None) -> ndarray:
    return on_device(a)._view(np.flip(a._values, axis))


def pad(array: ndarray, pad_width: Any, mode: str = "constant", **kwargs: Any) -> ndarray:
    return apply(lambda values: np.pad(values, pad_width, mode, **kwargs), array)  # type: ignore[call-overload]
