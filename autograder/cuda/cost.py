"""What a kernel costs, counted from a trace of its accesses.

A *request* is one step of a warp: all of its lanes that touch memory together. The lanes of a warp that stand lowest in
the program (and deepest in calls) go first, so that lanes meet again where branches join. Of each request is counted

- how many *sectors*, pieces of 32 bytes, of global memory it touches;
- how many *conflicts* it has in shared memory: 32 banks serve a 4-byte word each, and distinct words of one bank come
  one after the other. Accesses of 8 bytes are served for half a warp at a time, those of 16 bytes for a quarter.

Counted is what the compiled program (PTX) asks for: registers and caches are out of sight, and a branch that the
hardware turns into predicated instructions still counts as one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from autograder.cuda import memory
from autograder.cuda.runtime import layout

EVENT = np.dtype(layout.Event)
LOAD, STORE, ATOMIC, BRANCH, BARRIER = list(layout.Access)[:5]
GLOBAL, SHARED = layout.Space.GLOBAL, layout.Space.SHARED

SECTOR = 32
BANKS = 32
WORD = 4
LANES = 32
# Small launches keep their events, for pictures.
KEPT_EVENTS = 200_000


@dataclass(frozen=True)
class Traffic:
    """Accesses of one kind: by single threads (`elements`, `bytes`), and as their warps make them together."""

    elements: int = 0
    bytes: int = 0
    requests: int = 0
    sectors: int = 0
    conflicts: int = 0

    def __add__(self, other: Traffic) -> Traffic:
        return Traffic(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


@dataclass
class Cost:
    """What one launch cost; see the module for what is counted and how."""

    global_loads: Traffic = Traffic()
    global_stores: Traffic = Traffic()
    shared_loads: Traffic = Traffic()
    shared_stores: Traffic = Traffic()
    atomics: Traffic = Traffic()
    barriers: int = 0
    branches: int = 0
    divergent_branches: int = 0
    lines: dict[int, Traffic] = field(default_factory=dict)
    """The traffic of each line of the source."""
    events: np.ndarray = field(default_factory=lambda: np.zeros(0, EVENT))
    """The trace of a small launch; of a large one, nothing."""
    _touched: dict[tuple[int, int], np.ndarray] = field(default_factory=dict)

    def reads(self, array: Any) -> np.ndarray:
        """How often the kernel read each element of a device array, in its shape."""
        return self._counts(array, LOAD)

    def writes(self, array: Any) -> np.ndarray:
        """How often the kernel wrote each element of a device array, in its shape."""
        return self._counts(array, STORE)

    def _counts(self, array: Any, access: int) -> np.ndarray:
        number, offset = memory.split(array.data.ptr)
        counts = self._touched.get((number, access))
        if counts is None:
            return np.zeros(array.shape, np.int64)
        first = offset // array.dtype.itemsize
        return counts[first : first + array.size].reshape(array.shape)

    def __str__(self) -> str:
        rows = [
            (name.replace("_", " "), getattr(self, name)) for name in ("global_loads", "global_stores", "shared_loads", "shared_stores", "atomics")
        ]
        lines = [f"{'':14}{'elements':>10}{'requests':>10}{'sectors':>10}{'conflicts':>11}"]
        lines += [f"{name:14}{t.elements:>10,}{t.requests:>10,}{t.sectors:>10,}{t.conflicts:>11,}" for name, t in rows if t.elements]
        lines.append(f"{self.barriers:,} barriers; {self.branches:,} branches, {self.divergent_branches:,} of them divergent")
        return "\n".join(lines)

    __repr__ = __str__


class Tally:
    """Counts events as they come, all those of a step at once."""

    def __init__(self, line_of_site: np.ndarray) -> None:
        self.cost = Cost()
        self._line_of_site = line_of_site
        self._kept: list[np.ndarray] | None = []

    def add(self, events: np.ndarray) -> None:
        """Count these events (dtype EVENT)."""
        self._keep(events)
        cost = self.cost
        for name, access, space in KINDS:
            found = events[(events["access"] == access) & np.isin(events["space"], space)]
            setattr(cost, name, getattr(cost, name) + _traffic(found))
        for line, found in self._by_line(events):
            cost.lines[line] = cost.lines.get(line, Traffic()) + _traffic(found)
        barriers = events[events["access"] == BARRIER]
        cost.barriers += len(np.unique(barriers[["block", "interval"]]))
        self._count_branches(events[events["access"] == BRANCH])
        self._count_touches(events[(events["access"] <= ATOMIC) & (events["space"] == GLOBAL)])

    def finish(self) -> Cost:
        """The cost of all that was counted."""
        if self._kept:
            self.cost.events = np.concatenate(self._kept)
        return self.cost

    def _keep(self, events: np.ndarray) -> None:
        if self._kept is not None:
            self._kept.append(events.copy())
            if sum(map(len, self._kept)) > KEPT_EVENTS:
                self._kept = None

    def _by_line(self, events: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        accesses = events[events["access"] <= ATOMIC]
        lines = self._line_of_site[accesses["site"]]
        for line in np.unique(lines):
            yield int(line), accesses[lines == line]

    def _count_branches(self, events: np.ndarray) -> None:
        _, steps = np.unique(events["step"], return_inverse=True)
        lanes, taken = np.bincount(steps), np.bincount(steps, weights=events["size"])
        self.cost.branches += len(lanes)
        self.cost.divergent_branches += int(((taken > 0) & (taken < lanes)).sum())

    def _count_touches(self, events: np.ndarray) -> None:
        numbers, _ = memory.split_all(events["address"])
        for number in np.unique(numbers):
            allocation = memory.find(int(number))
            if allocation is None:
                continue
            mine = events[numbers == number]
            for access, found in ((LOAD, mine[mine["access"] != STORE]), (STORE, mine[mine["access"] != LOAD])):
                counts = self.cost._touched.setdefault((int(number), access), np.zeros(allocation.values.size, np.int64))
                _count_elements(found, allocation.values.itemsize, counts)


# Which accesses to which spaces belong to what a cost tells.
KINDS = [
    ("global_loads", LOAD, (GLOBAL,)),
    ("global_stores", STORE, (GLOBAL,)),
    ("shared_loads", LOAD, (SHARED,)),
    ("shared_stores", STORE, (SHARED,)),
    ("atomics", ATOMIC, (GLOBAL, SHARED)),
]


def _traffic(events: np.ndarray) -> Traffic:
    if not len(events):
        return Traffic()
    requests = len(np.unique(events["step"]))
    return Traffic(
        len(events),
        int(events["size"].sum()),
        requests,
        _sectors(events[events["space"] == GLOBAL]),
        _conflicts(events[events["space"] == SHARED]),
    )


def _sectors(events: np.ndarray) -> int:
    """Distinct 32-byte pieces of each request, summed."""
    return len(_unique_pairs(events["step"], events["address"] // SECTOR))


def _conflicts(events: np.ndarray) -> int:
    """Passes beyond the first of each request (and of each of its parts, where accesses are wider than a word), summed."""
    if not len(events):
        return 0
    words = np.maximum(events["size"] // WORD, 1)
    lane = events["thread"] % LANES
    part = lane // (LANES // words)
    group = events["step"].astype(np.uint64) * 4 + part
    repeated = np.repeat(np.arange(len(events)), words)
    within = np.arange(len(repeated)) - np.repeat(np.cumsum(words) - words, words)
    pairs = _unique_pairs(group[repeated], events["address"][repeated] // WORD + within.astype(np.uint64))
    banked, passes = np.unique(np.stack([pairs[:, 0], pairs[:, 1] % BANKS], axis=1), axis=0, return_counts=True)
    _, starts = np.unique(banked[:, 0], return_index=True)
    return int((np.maximum.reduceat(passes, starts) - 1).sum())


def _unique_pairs(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.unique(np.stack([first.astype(np.uint64), second.astype(np.uint64)], axis=1), axis=0)


def _count_elements(events: np.ndarray, itemsize: int, counts: np.ndarray) -> None:
    _, offsets = memory.split_all(events["address"])
    first, last = offsets // itemsize, (offsets + events["size"].astype(np.int64) - 1) // itemsize
    for k in range(int((last - first).max(initial=-1)) + 1):
        reached = first + k
        np.add.at(counts, reached[(reached <= last) & (reached < counts.size)], 1)
