"""Arrays on a device that is not there: what kernels may touch, and what must be copied to be seen."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from autograder.cuda.memory import Allocation

# The byte that fills what nobody has written; floating memory holds NaN instead.
POISON = 0xCD

Shape = int | tuple[int, ...]


class ndarray:
    """An array on the device, as CuPy's: `get` copies it to the host; nothing else does."""

    def __init__(self, values: np.ndarray) -> None:
        self._allocation = Allocation(values)

    @property
    def shape(self) -> tuple[int, ...]:
        return self._allocation.values.shape

    @property
    def dtype(self) -> np.dtype:
        return self._allocation.values.dtype

    @property
    def size(self) -> int:
        return self._allocation.values.size

    @property
    def ndim(self) -> int:
        return self._allocation.values.ndim

    @property
    def nbytes(self) -> int:
        return self._allocation.values.nbytes

    def __len__(self) -> int:
        return len(self._allocation.values)

    def get(self) -> np.ndarray:
        """A copy in NumPy."""
        return self._allocation.values.copy()

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()` to construct a NumPy array explicitly.")

    def __repr__(self) -> str:
        return repr(self._allocation.values)


def asarray(a: Any, dtype: Any = None) -> ndarray:
    """Copy to the device, unless it is there already."""
    if isinstance(a, ndarray):
        return a if dtype is None or np.dtype(dtype) == a.dtype else ndarray(a.get().astype(dtype))
    return ndarray(np.asarray(a, dtype))


def asnumpy(a: Any) -> np.ndarray:
    """Copy to the host."""
    return a.get() if isinstance(a, ndarray) else np.asarray(a)


def empty(shape: Shape, dtype: Any = float) -> ndarray:
    """Memory that nobody has written: recognisable rubbish, NaN where it can be."""
    values = np.empty(shape, dtype)
    if values.dtype.kind in "fc":
        values.fill(np.nan)
    else:
        values = np.full(values.nbytes, POISON, np.uint8).view(values.dtype).reshape(values.shape)
    return ndarray(values)


def zeros(shape: Shape, dtype: Any = float) -> ndarray:
    return ndarray(np.zeros(shape, dtype))


def ones(shape: Shape, dtype: Any = float) -> ndarray:
    return ndarray(np.ones(shape, dtype))


def full(shape: Shape, fill_value: Any, dtype: Any = None) -> ndarray:
    return ndarray(np.full(shape, fill_value, dtype))


def empty_like(a: ndarray) -> ndarray:
    return empty(a.shape, a.dtype)


def zeros_like(a: ndarray) -> ndarray:
    return zeros(a.shape, a.dtype)
