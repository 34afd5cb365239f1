"""Pictures of a small launch that was measured: which thread touches which element, and what a block does between barriers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from autograder.cuda import memory
from autograder.cuda.cost import ATOMIC, GLOBAL, KEPT_EVENTS, LOAD, SHARED, STORE, Cost, address_of, elements_of
from autograder.cuda.explain import Scene
from autograder.plots import COLOURS, INK, plt

NARROWEST, WIDEST = 3.6, 9.0  # inches
BESIDE = 0.7  # for labels
LARGEST_CELL = 0.36
LONGEST_ROW = 32  # of an array of one dimension
MOST_ELEMENTS = 1024
MOST_INTERVALS = 12
SMALLEST_FONT, LARGEST_FONT = 4.5, 8.0  # of numbers in cells
READS, WRITES = COLOURS[0], COLOURS[1]


class NothingToShow(ValueError):
    """The launch was too large for its trace to be kept, or does not touch what is asked for, or it would not fit a picture."""


# ---- who touches what --------------------------------------------------------------------------------------------------


def touches(cost: Cost, array: Any, *, writes: bool = False, ax: Axes | None = None) -> Axes:
    """Draw a device array's elements, each in the colour of the block that reads it, with the number of the thread.

    An element that several threads read bears the first one's number and a plus, and is grey if they are of several
    blocks. One that nobody reads is empty.

    Args:
        cost: of a launch that was measured.
        array: on the device; of one dimension (long ones are drawn in several rows) or two.
        writes: draw who writes.
        ax: where to draw, without a legend of the blocks; by default in a new figure.

    Raises:
        NothingToShow: nobody reads (or writes) the array, or the launch or the array is too large.
    """
    events, elements = _accesses(cost, array)
    chosen = events["access"] != (LOAD if writes else STORE)
    events, elements = events[chosen], elements[chosen]
    name, doing = _name(cost.scene, array), "writes" if writes else "reads"
    if not len(events):
        raise NothingToShow(f"No thread {doing} {name}, so there is nothing to draw" + ("; `writes=True` draws who writes" if not writes else ""))
    rows, columns = _sides(array)
    cell = min(LARGEST_CELL, WIDEST / columns)
    if is_alone := ax is None:
        _, ax = plt.subplots(figsize=(max(cell * columns + BESIDE, NARROWEST), cell * rows + 1.4))
    of_element = [events[elements == k] for k in range(array.size)]
    texts = [_draw_cell(ax, divmod(k, columns), mine, cost.scene) for k, mine in enumerate(of_element)]
    _shrink(texts, cell)
    _label_cells(ax, rows, columns, is_flat=array.ndim == 1)
    if is_alone:  # cells keep their size where the figure is wider than they are
        room = max((ax.figure.bbox.width / ax.figure.dpi - BESIDE) / cell - columns, 0) / 2
        ax.set_xlim(-0.6 - room, columns - 0.4 + room)
    ax.set_title(f"who {doing} {name} (colour: block, number: thread)", fontsize="small")
    if is_alone:
        _add_legend_of_blocks(ax, [np.unique(mine["block"]) for mine in of_element if len(mine)], cost.scene)
    return ax


def _sides(array: Any) -> tuple[int, int]:
    """Rows and columns of cells."""
    if array.ndim not in (1, 2) or array.size > MOST_ELEMENTS:
        raise NothingToShow(f"A picture shows arrays of one or two dimensions with at most {MOST_ELEMENTS:,} elements; this one is {array.shape}")
    if array.ndim == 2:
        return array.shape
    return -(-array.size // LONGEST_ROW), min(array.size, LONGEST_ROW)


def _draw_cell(ax: Axes, place: tuple[int, int], events: np.ndarray, scene: Scene) -> Any:
    row, column = place
    blocks, threads = np.unique(events["block"]), np.unique(events[["block", "thread"]])
    colour = "none" if not len(blocks) else INK if len(blocks) > 1 else _colour(blocks[0])
    ax.add_patch(Rectangle((column - 0.45, row - 0.45), 0.9, 0.9, facecolor=colour, edgecolor=INK if colour == "none" else colour, linewidth=0.8))
    label = _coordinates(int(threads["thread"][0]), scene.block) + "+" * (len(threads) > 1) if len(threads) else ""
    return ax.text(column, row, label, ha="center", va="center", color="white")


def _colour(block: int) -> str:
    return COLOURS[int(block) % len(COLOURS)]


def _coordinates(number: int, extent: tuple[int, int, int]) -> str:
    """`5`, or `1,2` where there are two dimensions: x and y."""
    x, y, z = extent
    if z > 1:
        return f"{number % x},{number // x % y},{number // (x * y)}"
    return f"{number % x},{number // x}" if y > 1 else str(number)


def _shrink(texts: list[Any], cell: float) -> None:
    """Let the longest text fit its cell, or leave all of them out."""
    longest = max(len(text.get_text()) for text in texts)
    size = min(LARGEST_FONT, 72 * cell / (0.62 * longest + 0.5))
    for text in texts:
        text.set(fontsize=size, visible=size >= SMALLEST_FONT)


def _label_cells(ax: Axes, rows: int, columns: int, *, is_flat: bool) -> None:
    ax.set(xlim=(-0.6, columns - 0.4), ylim=(rows - 0.4, -0.6), aspect="equal")
    ax.set_xticks(_ticks(columns))
    if is_flat:  # the only row has a tick without words: see DARKER_INK in plots.py
        ax.set(xlabel="element", yticks=range(rows), yticklabels=[f"{columns * row} +" if rows > 1 else "" for row in range(rows)])
    else:
        ax.set(xlabel="column", ylabel="row", yticks=_ticks(rows))
    ax.tick_params(length=0, labelsize="small")
    for spine in ax.spines.values():
        spine.set_visible(False)


def _ticks(count: int) -> range:
    """About every sixteenth, and never more than every single one: threads come in powers of two."""
    return range(0, count, 1 << ((count - 1) // 16).bit_length())


def _add_legend_of_blocks(ax: Axes, owners: list[np.ndarray], scene: Scene) -> None:
    """Of the blocks that share no element, if they are few enough to have a colour each."""
    alone = sorted({int(blocks[0]) for blocks in owners if len(blocks) == 1})
    if len(alone) > len(COLOURS):
        return
    handles = [Patch(color=_colour(block), label=f"block {_coordinates(block, scene.grid)}") for block in alone]
    if any(len(blocks) > 1 for blocks in owners):
        handles.append(Patch(color=INK, label="several blocks"))
    columns = max(int(ax.figure.bbox.width / ax.figure.dpi / 1.3), 1)
    shape = {"handlelength": 0.8, "handleheight": 0.8, "fontsize": "small", "columnspacing": 1.2}
    ax.figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), columns), **shape)


# ---- step by step ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Memory:
    """An array on the device, or one in a block's shared memory: one column of panels."""

    title: str
    events: np.ndarray
    elements: np.ndarray


def steps(cost: Cost, *, block: int = 0, **arrays: Any) -> Figure:
    """Draw what a block does: one row of panels for each interval between barriers, one column for each array.

    In a panel every thread has a line and every element a column: reads are rings, writes are dots.

    Args:
        cost: of a launch that was measured.
        block: the block's number; blocks are counted along x first, then y and z.
        arrays: the device arrays to show, by the names they shall have: `steps(cost, x=x, out=out)`. Arrays in shared
            memory are always shown.

    Raises:
        NothingToShow: the block touches none of them, or the launch is too large.
    """
    memories = [m for m in (*_global(cost, block, arrays), *_shared(cost, block)) if len(m.events)]
    if not memories:
        blocks = int(np.prod(cost.scene.grid))
        what = f"touches none of these arrays, and no shared memory: {', '.join(arrays) or 'name some, `steps(cost, x=x)`'}"
        raise NothingToShow(f"Block {block} {what}" if block < blocks else f"There is no block {block}: the launch had {blocks}, from 0 on")
    barriers = int(max(m.events["interval"].max() for m in memories))
    shown = min(barriers + 1, MOST_INTERVALS)
    threads = int(np.prod(cost.scene.block))
    size = (min(2.6 * len(memories) + 0.8, WIDEST), (2.0 if shown < 3 else 1.35) * shown + 0.9)
    figure, axes = plt.subplots(shown, len(memories), figsize=size, squeeze=False, sharey=True, sharex="col")
    for interval in range(shown):
        for column, memory_ in enumerate(memories):
            _draw_panel(axes[interval, column], memory_, interval, threads)
        axes[interval, 0].set_ylabel(f"{_when(interval, barriers)}thread", fontsize="small")
    for column, memory_ in enumerate(memories):
        axes[0, column].set_title(memory_.title)
        axes[-1, column].set_xlabel("element")
    _add_legend_of_steps(
        figure, f"block {_coordinates(block, cost.scene.grid)}" + (f", the first {shown} of {barriers + 1} intervals" if shown <= barriers else "")
    )
    return figure


def _when(interval: int, barriers: int) -> str:
    if not barriers:
        return ""
    if not interval:
        return "before barrier 1\n"
    return f"after barrier {interval}\n"


def _draw_panel(ax: Axes, shown: _Memory, interval: int, threads: int) -> None:
    now = shown.events["interval"] == interval
    reads, writes = now & (shown.events["access"] != STORE), now & (shown.events["access"] != LOAD)
    ax.plot(shown.elements[reads], shown.events["thread"][reads], **_RING)
    ax.plot(shown.elements[writes], shown.events["thread"][writes], **_DOT)
    count = int(shown.elements.max()) + 1
    ax.set(xlim=(-0.04 * count - 0.5, 1.04 * count - 0.5), xticks=_few_ticks(count))
    ax.set(ylim=(1.04 * threads - 0.5, -0.04 * threads - 0.5), yticks=_few_ticks(threads))


def _few_ticks(count: int) -> range:
    return range(0, count, 1 << ((count - 1) // 5).bit_length())


_RING: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 5.5, "markerfacecolor": "none", "markeredgecolor": READS}
_DOT: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 3, "color": WRITES}


def _add_legend_of_steps(figure: Figure, title: str) -> None:
    handles = [Line2D([], [], label="reads", **_RING), Line2D([], [], label="writes", **_DOT)]
    figure.legend(handles=handles, loc="outside upper center", ncols=2, title=title)


def _global(cost: Cost, block: int, arrays: dict[str, Any]) -> Iterator[_Memory]:
    for name, array in arrays.items():
        events, elements = _accesses(cost, array)
        yield _Memory(name, events[events["block"] == block], elements[events["block"] == block])


def _shared(cost: Cost, block: int) -> Iterator[_Memory]:
    """Each array in shared memory that the block touches, with elements as large as the smallest access to it."""
    events = _kept(cost)
    mine = events[(events["block"] == block) & (events["access"] <= ATOMIC) & (events["space"] == SHARED)]
    places = [cost.scene.shared_variable(int(address)) for address in mine["address"]]
    names = np.array([name or "shared memory" for name, _, _ in places])
    offsets = np.array([offset for _, offset, _ in places], np.int64)
    for name in dict.fromkeys(names):
        found, at = mine[names == name], offsets[names == name]
        access, elements = elements_of(at, found["size"], int(found["size"].min()))
        yield _Memory(f"{name} (shared)", found[access], elements)


# ---- of the trace ------------------------------------------------------------------------------------------------------


def _accesses(cost: Cost, array: Any) -> tuple[np.ndarray, np.ndarray]:
    """The accesses to an array on the device, one for each element that they touch, and these elements."""
    number, start = memory.split(address_of(array))
    events = _kept(cost)
    numbers, offsets = memory.split_all(events["address"])
    mine = (events["access"] <= ATOMIC) & (events["space"] == GLOBAL) & (numbers == number)
    access, elements = elements_of(offsets[mine] - start, events["size"][mine], array.dtype.itemsize)
    inside = (elements >= 0) & (elements < array.size)
    return events[mine][access][inside], elements[inside]


def _kept(cost: Cost) -> np.ndarray:
    if not len(cost.events):
        raise NothingToShow(
            f"This launch did nothing, or too much for a picture: more than {KEPT_EVENTS:,} accesses and branches. Measure one with fewer threads"
        )
    return cost.events


def _name(scene: Scene, array: Any) -> str:
    return " or ".join(scene.arrays.get(memory.split(address_of(array))[0], ["the array"]))
