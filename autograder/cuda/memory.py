"""Device memory. An address is an allocation's number and an offset, so that every access can be checked exactly."""

from __future__ import annotations

import itertools
import weakref

import numpy as np

OFFSET_BITS = 40
# An allocation begins in the middle of its range of addresses: elements before the first one are recognised too.
MIDDLE = 1 << (OFFSET_BITS - 1)
# Addresses on the host have at most 48 bits: their number is below this one.
FIRST_NUMBER = 4096

_numbers = itertools.count(FIRST_NUMBER)
_allocations: weakref.WeakValueDictionary[int, Allocation] = weakref.WeakValueDictionary()


class Allocation:
    """An array on the device; it is gone when nobody holds it any more.

    `written` says whether its elements have a value: what nobody has written must not be read.
    """

    def __init__(self, values: np.ndarray, *, written: bool = True) -> None:
        self.values = np.array(values, order="C")
        self._written = written
        self.bytes = self.values.reshape(-1).view(np.uint8)
        self.number = next(_numbers)
        _allocations[self.number] = self

    @property
    def address(self) -> int:
        return (self.number << OFFSET_BITS) + MIDDLE

    def written_by_host(self) -> None:
        """Every element has a value now."""
        self._written = True

    def unwritten(self) -> np.ndarray:
        """Which elements nobody has written, in flat order."""
        return np.full(self.values.size, not self._written)

    def elements(self, dtype: np.dtype) -> np.ndarray:
        """The same memory, read as numbers of another type."""
        return self.bytes[: self.bytes.size // dtype.itemsize * dtype.itemsize].view(dtype)


def find(number: int) -> Allocation | None:
    """The allocation of that number, if it is still alive."""
    return _allocations.get(number)


def split(addresses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of the allocations that the addresses point to, and the (signed) offsets in bytes."""
    numbers = (addresses >> np.uint64(OFFSET_BITS)).astype(np.int64)
    offsets = (addresses & np.uint64((1 << OFFSET_BITS) - 1)).astype(np.int64) - MIDDLE
    return numbers, offsets
