"""What a kernel costs, counted from a trace of its accesses.

A *request* is one step of a warp: all of its lanes that touch memory together, by one instruction. The lanes of a warp
that stand deepest in calls, and then those that stand lowest in the program, go first, so that lanes meet again where
branches join. Of each request is counted

- how many *sectors*, pieces of 32 bytes, of global memory it touches;
- how many *conflicts* it has in shared memory: 32 banks serve a 4-byte word each, and distinct words of one bank come
  one after the other. Accesses of 8 bytes are served for half a warp at a time, those of 16 bytes for a quarter; each
  of these parts has its own conflicts. That atomics at one word wait for each other is not counted.

Counted is what the compiled program (PTX) asks for. So a value that stays in a register is not read again, an unrolled
loop has no branches, and an `if` that the compiler turns into a choice between two values is none. Caches are out of
sight, as are local and constant memory. A branch that the hardware turns into predicated instructions still counts.
"""

from __future__ import annotations

import html
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any, SupportsIndex, overload

import numpy as np

from autograder.cuda import layout, memory
from autograder.cuda.explain import Scene

EVENT = np.dtype(layout.Event)
LOAD, STORE, ATOMIC, BRANCH, BARRIER = list(layout.Access)[:5]
GLOBAL, SHARED = layout.Space.GLOBAL, layout.Space.SHARED

SECTOR = 32
BANKS = 32
WORD = 4
LANES = 32
# Small launches keep their events, for pictures.
KEPT_EVENTS = 200_000
NOWHERE = Scene([], (), (), (1, 1, 1), (1, 1, 1))


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

    @property
    def sectors_per_request(self) -> float:
        """32 neighbours that have 4 bytes each lie in 4 sectors."""
        return self.sectors / max(self.requests, 1)


@dataclass(frozen=True)
class Line:
    """The traffic of one line of the source, atomics included."""

    global_memory: Traffic = Traffic()
    shared_memory: Traffic = Traffic()


@dataclass(eq=False)
class Cost:
    """What one launch cost; see the module for what is counted and how."""

    global_loads: Traffic = Traffic()
    global_stores: Traffic = Traffic()
    shared_loads: Traffic = Traffic()
    shared_stores: Traffic = Traffic()
    atomics: Traffic = Traffic()
    barriers: int = 0
    """How often a block passed a barrier, summed over blocks."""
    branches: int = 0
    """Conditional branches of warps."""
    divergent_branches: int = 0
    """Those of them that some lanes take and some do not."""
    lines: dict[int, Line] = field(default_factory=dict)
    """The traffic of each line of the source that has any; the first line is 1."""
    events: np.ndarray = field(default_factory=lambda: np.zeros(0, EVENT))
    """The trace of a small launch; of a large one, nothing."""
    scene: Scene = NOWHERE
    """The source, and how it was launched."""
    _touched: dict[tuple[int, int], np.ndarray] = field(default_factory=dict)

    def reads(self, array: Any) -> np.ndarray:
        """How often the kernel read each element of a device array, atomically or not, in its shape."""
        return self._counts(array, LOAD)

    def writes(self, array: Any) -> np.ndarray:
        """How often the kernel wrote each element of a device array, atomically or not, in its shape."""
        return self._counts(array, STORE)

    def _counts(self, array: Any, access: int) -> np.ndarray:
        number, offset = memory.split(address_of(array))
        counts = self._touched.get((number, access))
        if counts is None:
            return np.zeros(array.shape, np.int64)
        itemsize = array.dtype.itemsize
        strides = [stride // itemsize * counts.itemsize for stride in array.strides]
        return np.lib.stride_tricks.as_strided(counts[offset // itemsize :], array.shape, strides, writeable=False).copy()

    def __str__(self) -> str:
        lines = [f"{'':14}{'elements':>10}{'requests':>10}{'sectors':>10}{'conflicts':>11}"]
        for name, *_ in KINDS:
            t = getattr(self, name)
            if t.elements:
                lines.append(f"{name.replace('_', ' '):14}{t.elements:>10,}{t.requests:>10,}{t.sectors:>10,}{t.conflicts:>11,}")
        return "\n".join([*lines, self._others()])

    __repr__ = __str__

    def _others(self) -> str:
        return f"barriers: {self.barriers:,}; branches: {self.branches:,}, divergent: {self.divergent_branches:,}"

    def _repr_html_(self) -> str:
        """The source, with the traffic of each line beside it."""
        return f'<div style="overflow-x: auto">{_html_table(self)}</div><p>{self._others()}</p>'


def address_of(array: Any) -> int:
    """Where a device array begins.

    Raises:
        TypeError: it is none.
    """
    if not memory.is_on_device(array):
        raise TypeError(f"Costs are counted for arrays on the device, such as `cp.asarray(x)`; this is of type {type(array).__name__}")
    return int(array.data.ptr)


class Costs(list[Cost]):
    """What `measure()` counts, one `Cost` for each launch, the last one at [-1]."""

    @overload
    def __getitem__(self, index: SupportsIndex) -> Cost: ...
    @overload
    def __getitem__(self, index: slice) -> list[Cost]: ...
    def __getitem__(self, index: Any) -> Any:
        if not self:
            raise IndexError(
                "No launch was counted. Launch a kernel within `with measure() as costs:`; where there is a GPU, take the kernel "
                "from the stand-in, `from autograder.cuda import standin as cp`: launches on the GPU cannot be counted"
            )
        return super().__getitem__(index)


class Tally:
    """Counts events as they come. Those of a block come all at once, and those of a step one after another."""

    def __init__(self, scene: Scene) -> None:
        self.cost = Cost(scene=scene)
        self._traffic = np.zeros((len(scene.sites), ATOMIC + 1, len(layout.Space), len(fields(Traffic))), np.int64)
        self._kept: list[np.ndarray] | None = []

    def add(self, events: np.ndarray) -> None:
        """Count these events (dtype EVENT)."""
        self._keep(events)
        access, space = events["access"], events["space"]
        for counted in (GLOBAL, SHARED):
            self._count_requests(events[(access <= ATOMIC) & (space == counted)], counted)
        self._count_barriers(events[access == BARRIER])
        self._count_branches(events[access == BRANCH])
        self._count_touches(events[(access <= ATOMIC) & (space == GLOBAL)])

    def finish(self) -> Cost:
        """The cost of all that was counted."""
        cost = self.cost
        for name, access, spaces in KINDS:
            setattr(cost, name, Traffic(*self._traffic[:, access, spaces].sum(axis=(0, 1)).tolist()))
        of_site = self._traffic.sum(axis=1)
        for site in np.flatnonzero(of_site.any(axis=(1, 2))):
            line = cost.scene.sites[site].line
            global_, shared = (Traffic(*of_site[site, space].tolist()) for space in (GLOBAL, SHARED))
            before = cost.lines.get(line, Line())
            cost.lines[line] = Line(before.global_memory + global_, before.shared_memory + shared)
        if self._kept:
            cost.events = np.concatenate(self._kept)
        return cost

    def _keep(self, events: np.ndarray) -> None:
        if self._kept is not None:
            self._kept.append(events.copy())
            if sum(map(len, self._kept)) > KEPT_EVENTS:
                self._kept = None

    def _count_requests(self, events: np.ndarray, space: int) -> None:
        if not len(events):
            return
        starts = _starts(events["step"])
        first = events[starts]
        columns = (
            np.diff(starts, append=len(events)),
            np.add.reduceat(events["size"].astype(np.int64), starts),
            np.ones_like(starts),
            _sectors(events, starts) if space == GLOBAL else np.zeros_like(starts),
            _conflicts(events) if space == SHARED else np.zeros_like(starts),
        )
        np.add.at(self._traffic, (first["site"], first["access"], space), np.stack(columns, axis=1))

    def _count_barriers(self, events: np.ndarray) -> None:
        self.cost.barriers += len(_starts(events["block"].astype(np.int64) << 16 | events["interval"]))

    def _count_branches(self, events: np.ndarray) -> None:
        if not len(events):
            return
        starts = _starts(events["step"])
        lanes, taken = np.diff(starts, append=len(events)), np.add.reduceat(events["size"], starts)
        self.cost.branches += len(starts)
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
                _, elements = elements_of(memory.split_all(found["address"])[1], found["size"], allocation.values.itemsize)
                counts += np.bincount(elements, minlength=counts.size)


# Which accesses to which spaces belong to what a cost tells.
KINDS = [
    ("global_loads", LOAD, (GLOBAL,)),
    ("global_stores", STORE, (GLOBAL,)),
    ("shared_loads", LOAD, (SHARED,)),
    ("shared_stores", STORE, (SHARED,)),
    ("atomics", ATOMIC, (GLOBAL, SHARED)),
]


def elements_of(offsets: np.ndarray, sizes: np.ndarray, itemsize: int) -> tuple[np.ndarray, np.ndarray]:
    """Which elements accesses touch, by their offsets and sizes in bytes: the access's index, and the element, for each element."""
    first, last = offsets // itemsize, (offsets + sizes.astype(np.int64) - 1) // itemsize
    access, within = _repeated(last - first + 1)
    return access, first[access] + within


def _repeated(times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each index so many times, and 0, 1, ... within each."""
    which = np.repeat(np.arange(len(times)), times)
    return which, np.arange(len(which)) - np.repeat(np.cumsum(times) - times, times)


def _starts(values: np.ndarray) -> np.ndarray:
    """Where runs of equal values begin."""
    return np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]])) if len(values) else np.zeros(0, np.int64)


def _sorted_rows(values: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Runs of at most 32 values as sorted rows, and which entries of a row are new in it. Short rows repeat their first value."""
    lengths = np.diff(starts, append=len(values))
    rows = np.repeat(values[starts], LANES).reshape(-1, LANES)
    rows[_repeated(lengths)] = values
    rows.sort(axis=1)
    is_new = np.ones(rows.shape, bool)
    is_new[:, 1:] = rows[:, 1:] != rows[:, :-1]
    return rows, is_new


def _sectors(events: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """How many pieces of 32 bytes each request touches."""
    _, is_new = _sorted_rows(events["address"] // SECTOR, starts)
    return is_new.sum(axis=1)


def _conflicts(events: np.ndarray) -> np.ndarray:
    """How many passes each request needs beyond the first of each of its parts. (Accesses wider than a word come in parts.)"""
    words = np.maximum(events["size"].astype(np.int64) // WORD, 1)
    part = events["step"].astype(np.int64) * 4 + events["thread"] % LANES // (LANES // words)
    access, within = _repeated(words)
    starts = _starts(part[access])
    rows, is_new = _sorted_rows((events["address"] // WORD).astype(np.int64)[access] + within, starts)
    banks = np.arange(len(rows))[:, None] * BANKS + rows % BANKS
    passes = np.bincount(banks[is_new], minlength=rows.size).reshape(rows.shape).max(axis=1)
    return np.add.reduceat(passes - 1, _starts(events["step"][access][starts]))


# ---- for JupyterLab ----------------------------------------------------------------------------------------------------

# Colours that are legible on light and dark pages.
FAINT, STRIKING = "rgba(134, 140, 150, 0.35)", "rgba(224, 123, 57, 0.3)"
HEADERS = {"global memory": ("elements", "requests", "sectors<br>per request"), "shared memory": ("elements", "requests", "conflicts")}


def _html_table(cost: Cost) -> str:
    """As profilers do it: the numbers first, as code may be wide. Memory that is not used has no columns."""
    used = [name for k, name in enumerate(HEADERS) if any(_memories(line)[k].requests for line in cost.lines.values())]
    memories = "".join(_header(name, 3) for name in used) + _header("", 2)
    headers = "".join(_header(text) for name in used for text in HEADERS[name]) + _header("line") + _header("")
    rows = [_html_row(number, code, cost.lines.get(number, Line()), used) for number, code in _shown_lines(cost)]
    body = "".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    return f'<table style="border-collapse: collapse; border: none"><tr>{memories}</tr><tr>{headers}</tr>{body}</table>'


def _memories(line: Line) -> tuple[Traffic, Traffic]:
    return line.global_memory, line.shared_memory


def _shown_lines(cost: Cost) -> list[tuple[int, str]]:
    """The source's lines with their numbers, without the empty ones before and behind, and no further to the right than need be."""
    lines = list(enumerate(textwrap.dedent("\n".join(cost.scene.source)).split("\n"), start=1))
    filled = [number for number, code in lines if code.strip()]
    return lines[min(filled, default=1) - 1 : max(filled, default=0)]


def _header(text: str, columns: int = 1) -> str:
    align = "center" if columns > 1 else "right"
    border = f"1px solid {FAINT}" if text or columns == 1 else "none"
    style = f"text-align: {align}; vertical-align: bottom; white-space: nowrap; padding: 1px 0.5em; border: none; border-bottom: {border}"
    return f'<th colspan="{columns}" style="{style}">{text}</th>'


def _html_row(number: int, code: str, line: Line, used: list[str]) -> Iterator[str]:
    global_, shared = _memories(line)
    if "global memory" in used:
        yield from _numbers(global_, f"{global_.sectors_per_request:.3g}", _is_scattered(global_))
    if "shared memory" in used:
        yield from _numbers(shared, f"{shared.conflicts:,}", shared.conflicts > 0)
    yield _cell(str(number), "opacity: 0.6")
    yield _cell(html.escape(code), "text-align: left; white-space: pre; font-family: monospace; padding-left: 1em")


def _is_scattered(traffic: Traffic) -> bool:
    """Does it take many more sectors than neighbours would?"""
    return traffic.sectors > 1.5 * (traffic.bytes / SECTOR + traffic.requests)


def _numbers(traffic: Traffic, last: str, is_striking: bool) -> Iterator[str]:
    texts = (f"{traffic.elements:,}", f"{traffic.requests:,}", last) if traffic.requests else ("", "", "")
    yield from (_cell(text) for text in texts[:2])
    yield _cell(texts[2], f"background: {STRIKING}" if is_striking else "")


def _cell(text: str, style: str = "") -> str:
    return f'<td style="text-align: right; border: none; background: none; padding: 1px 0.5em; {style}">{text}</td>'
