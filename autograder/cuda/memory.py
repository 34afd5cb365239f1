"""Device memory. An address is an allocation's number and an offset, so that every access can be checked exactly."""

from __future__ import annotations

import weakref
from collections import deque

import numpy as np

from autograder.cuda import layout
from autograder.cuda.layout import FIRST_NUMBER, MIDDLE, NUMBER_SHIFT, OFFSET_MASK, WRITTEN_BY_HOST

# Numbers of freed allocations rest before they are used again: a pointer to one of them is found out.
RESTING = 1 << 16

ENTRY, SHADOW = np.dtype(layout.Allocation), np.dtype(layout.Shadow)


class _Table:
    """What the runtime knows of every allocation, by number."""

    def __init__(self) -> None:
        self.entries = np.zeros(1024, ENTRY)
        self.used = 0
        self.freed: deque[int] = deque()

    def take(self) -> int:
        if len(self.freed) > RESTING:
            return self.freed.popleft()
        if self.used == len(self.entries):
            self.entries = np.concatenate([self.entries, np.zeros_like(self.entries)])
        self.used += 1
        return self.used - 1

    def free(self, index: int) -> None:
        self.entries[index] = 0
        self.freed.append(index)


_table = _Table()
_allocations: weakref.WeakValueDictionary[int, Allocation] = weakref.WeakValueDictionary()


def entries() -> np.ndarray:
    """The table of allocations that the runtime reads; it moves when it grows."""
    return _table.entries[: _table.used]


class Allocation:
    """An array on the device; it is gone when nobody holds it any more.

    `written` says whether its elements have a value: what nobody has written must not be read.
    """

    def __init__(self, values: np.ndarray, *, written: bool = True, read_only: bool = False) -> None:
        self.values = np.array(values, order="C")
        self.bytes = self.values.reshape(-1).view(np.uint8)
        self._written = written
        self._shadow = np.zeros(0, SHADOW)
        self._granule_shift = 0
        self._index = _table.take()
        self._free = weakref.finalize(self, _table.free, self._index)
        _table.entries[self._index] = (self.bytes.ctypes.data, self.bytes.size, 0, read_only, 0)
        _allocations[self.number] = self

    @property
    def number(self) -> int:
        return FIRST_NUMBER + self._index

    @property
    def address(self) -> int:
        return (self.number << NUMBER_SHIFT) + MIDDLE

    def written_by_host(self) -> None:
        """Every element has a value now."""
        self._written = True
        self._shadow["write"] = WRITTEN_BY_HOST

    def unwritten(self) -> np.ndarray:
        """Which elements nobody has written, in flat order."""
        if not self._shadow.size:
            return np.full(self.values.size, not self._written)
        unwritten = np.repeat(self._shadow["write"] == 0, 1 << self._granule_shift)[: self.bytes.size]
        return np.asarray(unwritten.reshape(self.values.size, -1).any(axis=1))

    def left_unwritten(self) -> np.ndarray:
        """Where kernels have been at work: which elements they have left unwritten, as indices in flat order."""
        return np.flatnonzero(self.unwritten()) if self._shadow.size else np.zeros(0, np.int64)

    def watch(self, granule_shift: int) -> None:
        """Keep a shadow of one entry per `1 << granule_shift` bytes from now on."""
        if self._shadow.size and self._granule_shift == granule_shift:
            return
        granules = (self.bytes.size >> granule_shift) + 1
        shadow = np.zeros(granules, SHADOW)
        bytes_unwritten = np.repeat(self.unwritten(), self.values.itemsize)[:: 1 << granule_shift]
        shadow["write"] = WRITTEN_BY_HOST
        shadow["write"][: bytes_unwritten.size][bytes_unwritten] = 0
        self._shadow, self._granule_shift = shadow, granule_shift
        _table.entries[self._index]["shadow"] = shadow.ctypes.data

    @property
    def is_watched(self) -> bool:
        return self._shadow.size > 0

    def unwatch(self) -> None:
        """Forget what is known of the elements, and learn nothing more."""
        self._written = True
        self._shadow = np.zeros(0, SHADOW)
        _table.entries[self._index]["shadow"] = 0


def agree_on_granules(granule_shift: int) -> None:
    """All shadows that there are get one entry per `1 << granule_shift` bytes: kernels reach arrays by pointers in memory, too."""
    for allocation in list(_allocations.values()):
        if allocation.is_watched:
            allocation.watch(granule_shift)


def find(number: int) -> Allocation | None:
    """The allocation of that number, if it is still alive."""
    return _allocations.get(number)


def is_on_device(value: object) -> bool:
    """Is it an array that says where on the device it lies, as CuPy's do with `data.ptr`?"""
    return hasattr(getattr(value, "data", None), "ptr")


def split(address: int) -> tuple[int, int]:
    """The number of the allocation that an address points to, and the (signed) offset in bytes."""
    return address >> NUMBER_SHIFT, (address & OFFSET_MASK) - MIDDLE


def split_all(addresses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`split` for an array of addresses."""
    signed = addresses.astype(np.int64)
    return signed >> NUMBER_SHIFT, (signed & OFFSET_MASK) - MIDDLE


def is_near_null(address: int) -> bool:
    """Is it the null pointer, or one of its neighbours?"""
    return address < 1 << 16


class MemoryPointer:
    """Where device memory begins, as CuPy's: what `ndarray.data` is."""

    def __init__(self, allocation: Allocation, offset: int = 0) -> None:
        self.allocation = allocation
        self.offset = offset

    @property
    def ptr(self) -> int:
        return self.allocation.address + self.offset
