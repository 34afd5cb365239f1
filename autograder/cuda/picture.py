"""Pictures of a small launch that was measured: which thread touches which element, and what a block does between barriers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from autograder.cuda import memory
from autograder.cuda.cost import ATOMIC, GLOBAL, LOAD, SHARED, STORE, Cost
from autograder.plots import COLOURS, INK, plt

# So many elements can still be labelled with numbers.
LABELLED = 256
READS, WRITES = COLOURS[0], COLOURS[1]


class NothingToShow(ValueError):
    """The launch was too large to keep its trace, or does not touch what is asked for."""


def touches(cost: Cost, array: Any, *, writes: bool = False, ax: Axes | None = None) -> Axes:
    """Draw a device array of one or two dimensions: each element in the colour of the block that touches it, with the thread's number.

    An element that several threads touch bears the number of the first and a plus; one that none touches stays empty.
    """
    events, elements = _of_array(cost.events[cost.events["access"] == (STORE if writes else LOAD)], array)
    if not len(events):
        raise NothingToShow("The launch does not touch this array so, or was too large to keep its trace: measure one with fewer threads")
    rows, columns = (1, array.size) if len(array.shape) == 1 else (array.size // array.shape[-1], array.shape[-1])
    ax = ax or plt.subplots(figsize=(min(9, 0.6 + 0.34 * columns), min(7, 0.5 + 0.34 * rows)))[1]
    for element in range(array.size):
        row, column = divmod(element, columns)
        mine = events[elements == element]
        _draw_cell(ax, row, column, mine, labelled=array.size <= LABELLED)
    ax.set(xlim=(0, columns), ylim=(rows, 0), aspect="equal", xticks=[], yticks=[])
    ax.set_title(f"who {'writes' if writes else 'reads'} (colour: block, number: thread)")
    ax.axis("off")
    return ax


def _draw_cell(ax: Axes, row: int, column: int, events: np.ndarray, labelled: bool) -> None:
    colour = COLOURS[int(events["block"][0]) % len(COLOURS)] if len(events) else "none"
    ax.add_patch(Rectangle((column + 0.05, row + 0.05), 0.9, 0.9, facecolor=colour, edgecolor=colour if len(events) else INK))
    if len(events) and labelled:
        several = len(np.unique(events[["block", "thread"]])) > 1
        ax.text(column + 0.5, row + 0.5, f"{events['thread'][0]}{'+' if several else ''}", ha="center", va="center", fontsize=8, color="white")


@dataclass(frozen=True)
class _Memory:
    """An array on the device, or a block's shared memory, as one column of panels."""

    title: str
    events: np.ndarray
    elements: np.ndarray


def steps(cost: Cost, *, block: int = 0, **arrays: Any) -> Figure:
    """Draw what a block does: one row of panels for each interval between barriers, one column for each array and for shared memory.

    In a panel every thread has a line and every element a column: reads are rings, writes are dots. `arrays` are the
    device arrays to show, by the names they shall have: `steps(cost, x=x, out=out)`.
    """
    mine = cost.events[cost.events["block"] == block]
    if not len(mine):
        raise NothingToShow(f"There is no trace of block {block}: measure a launch with fewer threads, or choose another block")
    memories = [m for m in [*(_global(mine, name, array) for name, array in arrays.items()), _shared(mine)] if len(m.events)]
    if not memories:
        raise NothingToShow(f"Block {block} touches none of these arrays, and no shared memory")
    intervals = np.unique(np.concatenate([m.events["interval"] for m in memories]))
    size = (2.6 * len(memories) + 0.6, 1.9 * len(intervals) + 0.4)
    figure, axes = plt.subplots(len(intervals), len(memories), figsize=size, squeeze=False, sharey=True)
    for row, interval in enumerate(intervals):
        for column, memory_ in enumerate(memories):
            _draw_panel(axes[row, column], memory_, int(interval))
        axes[row, 0].set_ylabel(f"interval {interval}\nthread")
    for column, memory_ in enumerate(memories):
        axes[0, column].set_title(memory_.title)
        axes[-1, column].set_xlabel("element")
    return figure


def _draw_panel(ax: Axes, shown: _Memory, interval: int) -> None:
    now = shown.events["interval"] == interval
    reads = now & (shown.events["access"] == LOAD)
    writes = now & (shown.events["access"] != LOAD)
    ax.scatter(shown.elements[reads], shown.events["thread"][reads], s=14, facecolors="none", edgecolors=READS)
    ax.scatter(shown.elements[writes], shown.events["thread"][writes], s=14, color=WRITES)
    ax.set_xlim(-0.5, shown.elements.max() + 0.5)
    ax.set_ylim(shown.events["thread"].max() + 0.5, -0.5)


def _global(events: np.ndarray, name: str, array: Any) -> _Memory:
    mine, elements = _of_array(events, array)
    return _Memory(name, mine, elements)


def _shared(events: np.ndarray) -> _Memory:
    mine = events[(events["access"] <= ATOMIC) & (events["space"] == SHARED)]
    first = int(mine["address"].min(initial=1 << 40))
    return _Memory("shared memory", mine, (mine["address"].astype(np.int64) - first) // np.maximum(mine["size"].astype(np.int64), 1))


def _of_array(events: np.ndarray, array: Any) -> tuple[np.ndarray, np.ndarray]:
    """The events that touch an array on the device, and the elements that they touch first."""
    number, start = memory.split(array.data.ptr)
    numbers, offsets = memory.split_all(events["address"])
    mine = (events["access"] <= ATOMIC) & (events["space"] == GLOBAL) & (numbers == number)
    return events[mine], (offsets[mine] - start) // array.dtype.itemsize
