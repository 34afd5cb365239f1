"""Arrays on a device that is not there: what kernels may touch, and what must be copied to be seen.

They behave as `cupy.ndarray` does, with NumPy underneath. A reduction gives a 0-d array on the device, and nothing
becomes a NumPy array by itself.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import EllipsisType
from typing import Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from autograder.cuda.faults import NotSupported, UnwrittenWarning
from autograder.cuda.memory import Allocation, MemoryPointer

# The byte that fills what nobody has written; floating memory holds NaN instead.
POISON = 0xCD

DTYPE_KINDS = "biufc"
SCALARS = (bool, int, float, complex, np.generic)

Axis = int | tuple[int, ...] | None
Shape = int | tuple[int, ...]


@dataclass(frozen=True)
class Flags:
    """How an array lies in memory."""

    c_contiguous: bool
    f_contiguous: bool
    owndata: bool


class ndarray(NDArrayOperatorsMixin):
    """An array on the device that holds no values yet, as CuPy's: `get` copies it to the host; nothing else does.

    Args:
        shape: its sides.
        dtype: the type of its elements.
        memptr, strides: not supported; slices and `reshape` give views.
        order: "C" (the last axis lies densest) or "F" (the first one does).
    """

    _allocation: Allocation
    # A view of the allocation's values.
    _values: np.ndarray
    base: ndarray | None

    def __init__(self, shape: Shape, dtype: Any = float, memptr: Any = None, strides: Any = None, order: str = "C") -> None:
        if memptr is not None or strides is not None:
            raise NotSupported("Without a GPU an array has memory of its own: make it with `cp.empty` and take a view (a slice, `reshape`)")
        made = to_device(_poison(shape, dtype, order), written=False)
        self._allocation, self._values, self.base = made._allocation, made._values, None

    # ---- what it is

    @property
    def shape(self) -> tuple[int, ...]:
        return self._values.shape

    @property
    def dtype(self) -> np.dtype:
        return self._values.dtype

    @property
    def size(self) -> int:
        return self._values.size

    @property
    def ndim(self) -> int:
        return self._values.ndim

    @property
    def nbytes(self) -> int:
        return self._values.nbytes

    @property
    def itemsize(self) -> int:
        return self._values.itemsize

    @property
    def strides(self) -> tuple[int, ...]:
        return self._values.strides

    @property
    def flags(self) -> Flags:
        flags = self._values.flags
        return Flags(flags.c_contiguous, flags.f_contiguous, self.base is None)

    @property
    def data(self) -> MemoryPointer:
        """The address of the first element. A kernel gets it and nothing else: it does not know of strides."""
        return MemoryPointer(self._allocation, self._values.ctypes.data - self._allocation.values.ctypes.data)

    @property
    def device(self) -> Any:
        return _package().cuda.Device(0)

    @property
    def T(self) -> ndarray:
        return self.transpose()

    # ---- copies to the host, and what asks for one number

    def get(self, stream: Any = None, order: str = "C", out: np.ndarray | None = None, blocking: bool = True) -> np.ndarray:
        """A copy in NumPy. It warns of elements that a kernel should have written, and did not."""
        self._warn_of_unwritten()
        if out is None:
            return self._values.copy(_order(order))
        if out.dtype != self.dtype:
            raise TypeError(f"{out.dtype} array cannot be obtained from {self.dtype} array")
        if out.shape != self.shape:
            raise ValueError(f"Shape mismatch. Expected shape: {self.shape}, actual shape: {out.shape}")
        out[...] = self._values
        return out

    def _warn_of_unwritten(self) -> None:
        left = self._allocation.left_unwritten()
        if left.size and self.size == self._allocation.values.size:
            first = ", ".join(str(k) for k in np.unravel_index(left[0], self._allocation.values.shape))
            what = f"{left.size} of {self.size} elements of this array were never written, the first of them [{first}]: they hold rubbish."
            warnings.warn(f"{what} Does a thread write each of them?", UnwrittenWarning, stacklevel=3)

    def set(self, arr: np.ndarray, stream: Any = None) -> None:
        """Copy a NumPy array of the same shape and dtype to here."""
        if not isinstance(arr, np.ndarray):
            raise TypeError("Only numpy.ndarray can be set to cupy.ndarray")
        if arr.dtype != self.dtype:
            raise TypeError(f"{arr.dtype} array cannot be set to {self.dtype} array")
        if arr.shape != self.shape:
            raise ValueError(f"Shape mismatch. Old shape: {self.shape}, new shape: {arr.shape}")
        self._write(..., arr)

    def item(self) -> Any:
        return self._values.item()

    def tolist(self) -> Any:
        return self._values.tolist()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()` to construct a NumPy array explicitly.")

    def __bool__(self) -> bool:
        if self.size > 1:
            raise ValueError("The truth value of an array with more than one element is ambiguous. Use a.any() or a.all()")
        return self.size == 1 and bool(self.item())

    def __int__(self) -> int:
        return int(self._one())

    def __float__(self) -> float:
        return float(self._one())

    def __complex__(self) -> complex:
        return complex(self._one())

    def _one(self) -> Any:
        if self.size != 1:
            raise TypeError("only length-1 arrays can be converted to Python scalars")
        return self.item()

    def __repr__(self) -> str:
        return repr(self._values)

    def __str__(self) -> str:
        return str(self._values)

    def __format__(self, spec: str) -> str:
        return format(self._values, spec)

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of unsized object")
        return len(self._values)

    # ---- parts, and views of the same memory

    def __iter__(self) -> Iterator[ndarray]:
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[k] for k in range(len(self)))

    def __getitem__(self, key: Any) -> ndarray:
        """A view where the key is made of numbers and slices, else a copy. Indices in arrays wrap around, as in CuPy."""
        part = self._values[_key(key, self.shape)]
        return to_device(part) if _is_advanced(key) else self._view(part)

    def __setitem__(self, key: Any, value: Any) -> None:
        advanced = _is_advanced(key)
        self._write(_key(key, self.shape), np.asarray(_anything(value)) if advanced else _to_fill_with(value))

    def _write(self, key: Any, value: Any) -> None:
        with np.errstate(all="ignore"):
            self._values[key] = value
        self._allocation.written_by_host()

    def _view(self, values: np.ndarray) -> ndarray:
        view = ndarray.__new__(ndarray)
        view._allocation, view._values, view.base = self._allocation, values, self if self.base is None else self.base
        return view

    def _view_or_copy(self, values: np.ndarray) -> ndarray:
        return self._view(values) if np.may_share_memory(values, self._values) else to_device(values)

    def reshape(self, *shape: Any, order: str = "C", copy: bool | None = None) -> ndarray:
        return self.copy().reshape(*shape, order=order) if copy else self._view_or_copy(self._values.reshape(*shape, order=_order(order)))

    def transpose(self, *axes: Any) -> ndarray:
        return self._view(self._values.transpose(*axes))

    def swapaxes(self, axis1: int, axis2: int) -> ndarray:
        return self._view(self._values.swapaxes(axis1, axis2))

    def squeeze(self, axis: Axis = None) -> ndarray:
        return self._view(self._values.squeeze(axis))

    def ravel(self, order: str = "C") -> ndarray:
        return self._view_or_copy(self._values.ravel(_order(order)))

    def view(self, dtype: Any = None, type: None = None) -> ndarray:
        """The same memory, read as elements of another type. An array is always of this class, so `type` has no effect."""
        return self._view(self._values.view() if dtype is None else self._values.view(dtype))

    # ---- copies on the device

    def copy(self, order: str = "C") -> ndarray:
        return to_device(self._values.copy(_order(order)))

    def flatten(self, order: str = "C") -> ndarray:
        return to_device(self._values.flatten(_order(order)))

    def astype(self, dtype: Any, order: str = "K", casting: Any = None, subok: None = None, copy: bool = True) -> ndarray:
        """Its values in another type; itself where it has that type and `copy` is false."""
        if not copy and checked_dtype(dtype) == self.dtype:
            return self
        with np.errstate(all="ignore"):
            return to_device(self._values.astype(checked_dtype(dtype), _order(order), casting or "unsafe"))

    def fill(self, value: Any) -> None:
        self._write(..., _to_fill_with(value))

    def __copy__(self) -> ndarray:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> ndarray:
        return self.copy()

    def __reduce__(self) -> tuple[Callable[[np.ndarray], ndarray], tuple[np.ndarray]]:
        return to_device, (self.get(),)

    # ---- reductions

    def sum(self, axis: Axis = None, dtype: Any = None, out: ndarray | None = None, keepdims: bool = False) -> ndarray:
        return apply(np.sum, self, axis=axis, dtype=dtype, out=out, keepdims=keepdims)

    def prod(self, axis: Axis = None, dtype: Any = None, out: ndarray | None = None, keepdims: bool | None = None) -> ndarray:
        return apply(np.prod, self, axis=axis, dtype=dtype, out=out, keepdims=bool(keepdims))

    def mean(self, axis: Axis = None, dtype: Any = None, out: ndarray | None = None, keepdims: bool = False) -> ndarray:
        return apply(np.mean, self, axis=axis, dtype=dtype, out=out, keepdims=keepdims)

    def var(self, axis: Axis = None, dtype: Any = None, out: ndarray | None = None, ddof: int = 0, keepdims: bool = False) -> ndarray:
        return apply(np.var, self, axis=axis, dtype=dtype, out=out, ddof=ddof, keepdims=keepdims)

    def std(self, axis: Axis = None, dtype: Any = None, out: ndarray | None = None, ddof: int = 0, keepdims: bool = False) -> ndarray:
        return apply(np.std, self, axis=axis, dtype=dtype, out=out, ddof=ddof, keepdims=keepdims)

    def max(self, axis: Axis = None, out: ndarray | None = None, keepdims: bool = False) -> ndarray:
        return apply(np.max, self, axis=axis, out=out, keepdims=keepdims)

    def min(self, axis: Axis = None, out: ndarray | None = None, keepdims: bool = False) -> ndarray:
        return apply(np.min, self, axis=axis, out=out, keepdims=keepdims)

    def argmax(self, axis: int | None = None, out: ndarray | None = None, dtype: Any = None, keepdims: bool = False) -> ndarray:
        return _index_of(np.argmax, self, axis, out, dtype, keepdims)

    def argmin(self, axis: int | None = None, out: ndarray | None = None, dtype: Any = None, keepdims: bool = False) -> ndarray:
        return _index_of(np.argmin, self, axis, out, dtype, keepdims)

    def any(self, axis: Axis = None, out: ndarray | None = None, keepdims: bool = False) -> ndarray:
        return apply(np.any, self, axis=axis, out=out, keepdims=keepdims)

    def all(self, axis: Axis = None, out: ndarray | None = None, keepdims: bool = False) -> ndarray:
        return apply(np.all, self, axis=axis, out=out, keepdims=keepdims)

    def cumsum(self, axis: int | None = None, dtype: Any = None, out: ndarray | None = None) -> ndarray:
        return apply(np.cumsum, self, axis=axis, dtype=dtype, out=out)

    # ---- others

    def dot(self, b: ndarray, out: ndarray | None = None) -> ndarray:
        return apply(np.dot, self, b, out=out)

    def clip(self, min: Any = None, max: Any = None, out: ndarray | None = None) -> ndarray:
        return apply(np.clip, self, min, max, out=out)

    def round(self, decimals: int = 0, out: ndarray | None = None) -> ndarray:
        return apply(np.round, self, decimals, out=out)

    def argsort(self, axis: int | None = -1, kind: str | None = None) -> ndarray:
        return apply(np.argsort, self, axis=axis)

    def sort(self, axis: int = -1, kind: str | None = None) -> None:
        self._write(..., np.sort(self._values, axis=axis))

    # ---- NumPy's functions on device arrays

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: tuple[Any, ...] | None = None, **kwargs: Any) -> Any:
        """`np.sin(a)`, and the operators: CuPy's function of the same name."""
        function = getattr(_package(), ufunc.__name__, None)
        if method != "__call__" or function is None:
            return NotImplemented
        return function(*inputs, out=out[0] if out else None, **kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """`np.sum(a)`: CuPy's function of the same name."""
        function = getattr(_package(), func.__name__, None) if func.__module__ == "numpy" else None
        return NotImplemented if function is None else function(*args, **kwargs)

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(
            f"CuPy's stand-in for machines without a GPU has no `ndarray.{name}`: it has what this course uses. "
            "Compute it otherwise, or on the host: `.get()` gives a NumPy array."
        )


def to_device(values: np.ndarray, *, written: bool = True) -> ndarray:
    """A copy on the device. The last axis lies densest, unless `values` are in the other order and only in that."""
    checked_dtype(values.dtype)
    array = ndarray.__new__(ndarray)
    array._allocation = Allocation(values.T if values.flags.fnc else values, written=written)
    array._values = array._allocation.values.T if values.flags.fnc else array._allocation.values
    array.base = None
    return array


def checked_dtype(dtype: Any) -> np.dtype:
    """The type, if a device knows it.

    Raises:
        ValueError: it holds strings, objects or the like.
    """
    found = np.dtype(dtype)
    if found.kind not in DTYPE_KINDS:
        raise ValueError(f"Unsupported dtype {found}")
    return found


def apply(function: Callable[..., Any], *args: Any, out: ndarray | None = None, **kwargs: Any) -> Any:
    """A NumPy function of device arrays and numbers, with its results on the device. A GPU does not warn of infinities or NaN.

    Raises:
        TypeError: an argument is on the host.
    """
    with np.errstate(all="ignore"):
        if out is None:
            return _results(function(*(on_host(a) for a in args), **kwargs))
        if not isinstance(out, ndarray):
            raise TypeError(f"Unsupported type {type(out)}: what `out` names must be on the device")
        function(*(on_host(a) for a in args), out=out._values, **kwargs)
    out._allocation.written_by_host()
    return out


def on_host(value: Any) -> Any:
    """What NumPy computes with in a device array's place: its values. Numbers and the like pass.

    Raises:
        TypeError: an array or a list is on the host.
    """
    if isinstance(value, ndarray):
        return value._values
    if value is None or isinstance(value, SCALARS):
        return value
    raise TypeError(f"Unsupported type {type(value)}: copy it to the device with `cp.asarray` first")


def on_device(a: Any) -> ndarray:
    """The argument itself.

    Raises:
        TypeError: it is on the host.
    """
    if not isinstance(a, ndarray):
        raise TypeError(f"'a' must be a cupy.ndarray object, not {type(a)}: copy it to the device with `cp.asarray` first")
    return a


def _results(result: Any) -> Any:
    if isinstance(result, tuple):
        return tuple(_results(r) for r in result)
    # A kernel that CuPy runs writes its result densely, the last axis first, whatever the order of its inputs.
    return to_device(np.ascontiguousarray(result).reshape(np.shape(result)))


def _index_of(function: Callable[..., Any], a: ndarray, axis: int | None, out: ndarray | None, dtype: Any, keepdims: bool) -> ndarray:
    found = apply(function, a, axis=axis, out=out, keepdims=keepdims)
    return found if dtype is None else found.astype(dtype)


def _poison(shape: Shape, dtype: Any, order: str) -> np.ndarray:
    values = np.empty(shape, checked_dtype(dtype), _order(order))
    if values.dtype.kind in "fc":
        values.fill(np.nan)
    elif values.dtype.kind != "b":
        values.fill(np.frombuffer(bytes([POISON]) * values.itemsize, values.dtype)[0])
    return values


def _order(order: str | None) -> Any:
    if (order or "K").upper() not in ("C", "F", "A", "K"):
        raise ValueError(f"unsupported order: {order}")
    return (order or "K").upper()


def _anything(value: Any) -> Any:
    return value._values if isinstance(value, ndarray) else value


def _to_fill_with(value: Any) -> Any:
    """What may be assigned to a slice: a device array or a number, and a NumPy array of one number."""
    if isinstance(value, np.ndarray):
        if value.ndim:
            raise ValueError("non-scalar numpy.ndarray cannot be used for fill: copy it to the device with `cp.asarray` first")
        return value.item()
    return on_host(value)


def _is_advanced(key: Any) -> bool:
    items = key if isinstance(key, tuple) else (key,)
    return any(isinstance(item, ndarray | np.ndarray | list | bool | np.bool_) for item in items)


def _key(key: Any, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """The key for NumPy: arrays on the host, integers in them within the axis, and an ellipsis, so that a view comes out where one can."""
    items = [_index(item) for item in (key if isinstance(key, tuple) else (key,))]
    if not any(isinstance(item, EllipsisType) for item in items):
        items.append(...)
    taken = sum(_axes_taken(item) for item in items)
    axis, wrapped = 0, []
    for item in items:
        if isinstance(item, np.ndarray) and item.dtype.kind in "iu" and axis < len(shape) and shape[axis]:
            item = item % shape[axis]
        wrapped.append(item)
        axis += len(shape) - taken if item is Ellipsis else _axes_taken(item)
    return tuple(wrapped)


def _index(item: Any) -> Any:
    if isinstance(item, ndarray):
        item = item._values
    elif isinstance(item, list):
        item = np.asarray(item, None if item else int)
    if isinstance(item, np.ndarray) and item.dtype.kind not in "iub":
        raise IndexError(f"arrays used as indices must be of integer or boolean type. (actual: {item.dtype.type})")
    return item


def _axes_taken(item: Any) -> int:
    if item is None or item is Ellipsis:
        return 0
    if isinstance(item, bool | np.bool_) or (isinstance(item, np.ndarray) and item.dtype.kind == "b"):
        return np.ndim(item)
    return 1


def _package() -> Any:
    return importlib.import_module("autograder.cuda.standin")
