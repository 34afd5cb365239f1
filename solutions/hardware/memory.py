"""Caches: which bytes lie next to each other, and what it costs to read them in another order."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from autograder.exercise import Case, Made, cases, exercise, mistakes

# ---- strides_of --------------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["4.1"])
def strides_of(shape: tuple[int, ...], order: str, itemsize: int) -> tuple[int, ...]:
    """The strides of a new array: for each axis, how many bytes further on in memory the next
    element along it lies.

    `order` is "C" (the last axis is contiguous) or "F" (the first axis is). An element takes
    `itemsize` bytes, and there are no gaps. Every side is at least 1.
    """
    axes = range(len(shape)) if order == "F" else reversed(range(len(shape)))
    strides = {}
    step = itemsize
    for axis in axes:
        strides[axis] = step
        step *= shape[axis]
    return tuple(strides[axis] for axis in range(len(shape)))


@cases(strides_of)
def visible_strides_of(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("3 × 5 doubles in C order", (3, 5), "C", 8)
    yield Case("3 × 5 doubles in Fortran order", (3, 5), "F", 8)
    yield Case("2 × 3 × 7 floats in C order", (2, 3, 7), "C", 4)


@cases(strides_of, hidden=True)
def hidden_strides_of(rng: np.random.Generator) -> Iterator[Case]:
    for order, itemsize in itertools.product("CF", (4, 2, 8)):
        shape = tuple(int(side) for side in rng.permutation([2, 3, 5, 7, 11])[: rng.integers(3, 5)])
        yield Case(f"{len(shape)} axes in {order} order, {itemsize} bytes an element", shape, order, itemsize)
    side = int(rng.integers(4, 9))
    yield Case("a square matrix in Fortran order", (side, side), "F", 4)
    yield Case("one axis", (int(rng.integers(20, 30)),), "F", 8)
    yield Case("a side of 1", (int(rng.integers(4, 9)), 1, 3), "C", 2)


@mistakes(
    strides_of,
    in_elements="You count elements. A stride is a number of bytes: an element takes itemsize of them.",
    orders_swapped="C and Fortran order are swapped. In C order the last axis is contiguous, in Fortran order the first.",
    always_c="You always answer for C order. In Fortran order the first axis is contiguous.",
    shape_itself="You multiply each side by the itemsize. A stride is about the *other* axes: how many elements lie between one and the next along this axis.",
    own_side_too="The side of the axis itself is in your product. To step along an axis one passes over all elements of the faster axes, and none of its own.",
    added="You add up the sides of the faster axes. Each of them holds a whole block of the one before, so they multiply.",
    neighbour_only="You look at the nearest faster axis only. With three axes, one step along the slowest passes over a whole matrix: all faster sides count.",
    reversed_result="Your strides stand in the wrong order: the first belongs to the first axis, whichever of them is fastest.",
    always_doubles="Every element of yours takes 8 bytes. How many it takes is given as itemsize.",
    contiguous_is_one="The stride of the contiguous axis is 1 in your answer. Its next element lies itemsize bytes further on.",
)
def strides_of_with(made: Made, shape: tuple[int, ...], order: str, itemsize: int) -> tuple[int, ...]:
    fortran = (order == "F") != made.orders_swapped and not made.always_c
    size = 1 if made.in_elements else 8 if made.always_doubles else itemsize
    if made.shape_itself:
        return tuple(side * size for side in shape)
    strides = []
    for axis, side in enumerate(shape):
        faster = shape[:axis][::-1] if fortran else shape[axis + 1 :]
        faster = faster[:1] if made.neighbour_only else faster
        passed = (sum(faster) or 1) if made.added else int(np.prod(faster, dtype=int))
        strides.append(passed * size * (side if made.own_side_too else 1))
    if made.contiguous_is_one:
        strides[0 if fortran else -1] = 1
    return tuple(strides[::-1] if made.reversed_result else strides)


# ---- lines_touched -----------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["4.1"])
def lines_touched(shape: tuple[int, int], order: str, itemsize: int, line: int, i: int, j: int) -> tuple[int, int]:
    """How many cache lines hold row i of a matrix, and how many hold column j: (row, column).

    The matrix is stored in "C" order (row after row) or in "F" order (column after column),
    without gaps, and its first byte begins a line. A line has `line` bytes, a multiple of the
    `itemsize` bytes that an element takes. A line counts as soon as one of its elements is needed.
    """
    rows, columns = shape
    step_down, step_right = (columns * itemsize, itemsize) if order == "C" else (itemsize, rows * itemsize)
    in_row = {(i * step_down + column * step_right) // line for column in range(columns)}
    in_column = {(row * step_down + j * step_right) // line for row in range(rows)}
    return len(in_row), len(in_column)


@cases(lines_touched)
def visible_lines_touched(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("6 × 16 floats in C order, lines of 32 bytes", (6, 16), "C", 4, 32, 2, 3)
    yield Case("6 × 16 floats in Fortran order, lines of 32 bytes", (6, 16), "F", 4, 32, 2, 3)
    yield Case("5 × 11 doubles in Fortran order: columns begin within a line", (5, 11), "F", 8, 64, 1, 4)


@cases(lines_touched, hidden=True)
def hidden_lines_touched(rng: np.random.Generator) -> Iterator[Case]:
    for order, itemsize in itertools.product("CF", (4, 8)):
        rows, columns = (int(side) for side in rng.permutation([37, 53, 71])[:2])
        yield Case(f"a large matrix in {order} order", (rows, columns), order, itemsize, 64, int(rng.integers(9, 30)), int(rng.integers(9, 30)))
        yield Case(f"a row begins within a line, {order} order", (29, 13), order, itemsize, 32, 3, 5)
        yield Case(f"several rows in a line, {order} order", (7, 3), order, itemsize, 64, 5, 2)
    yield Case("a square matrix in Fortran order", (24, 24), "F", 8, 64, int(rng.integers(1, 24)), int(rng.integers(1, 24)))
    yield Case("a line holds one element", (5, 7), "F", 8, 8, 3, 4)
    yield Case("one column", (19, 1), "C", 4, 16, 11, 0)


@mistakes(
    lines_touched,
    orders_swapped="You have it as it stands in the notes, where rows are the cheap ones in column-major storage. Write down the addresses of a few neighbours: in F order the next element of a *column* is the next in memory.",
    swapped="The numbers are right, in the wrong order: the row comes first.",
    elements="You count elements. Neighbours in memory share a line, and it is fetched once.",
    aligned="You round the number of bytes up to whole lines, as if each row (or column) began a line of its own, like the first. It may begin in the middle of one and so reach into one line more.",
    line_in_elements="You use `line` as a number of elements. It is a number of bytes.",
    span="You count all lines from the first element to the last. With a large stride most of those between are not needed.",
    across_always_one_each="Across the storage order you count one line for each element. Where the stride is shorter than a line, neighbours across share lines too.",
    index_swapped="You use i for the column and j for the row.",
    rounded_down="You count whole lines only. The line at the end counts, however little of it is needed.",
    always_c="You always answer for C order.",
)
def lines_touched_with(made: Made, shape: tuple[int, int], order: str, itemsize: int, line: int, i: int, j: int) -> tuple[int, int]:
    rows, columns = shape
    fortran = (order == "F") != made.orders_swapped and not made.always_c
    if made.index_swapped:
        i, j = min(j, rows - 1), min(i, columns - 1)
    down, right = (itemsize, rows * itemsize) if fortran else (columns * itemsize, itemsize)
    line = line * itemsize if made.line_in_elements else line
    counts = []
    for start, step, n in ((i * down, right, columns), (j * right, down, rows)):
        along = step == itemsize
        lines = [(start + k * step) // line for k in range(n)]
        count = len(set(lines))
        if made.elements or (made.across_always_one_each and not along):
            count = n
        if made.aligned:
            count = -(-n * itemsize // line) if along else len({k * step // line for k in range(n)})
        if made.rounded_down and along:
            count = n * itemsize // line
        if made.span:
            count = lines[-1] - lines[0] + 1
        counts.append(count)
    return (counts[1], counts[0]) if made.swapped else (counts[0], counts[1])


# ---- addresses ---------------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["4.1"])
def addresses(shape: tuple[int, ...], strides: tuple[int, ...], loops: tuple[int, ...]) -> Int[ndarray, "accesses"]:
    """The byte addresses that nested loops over all elements of an array touch in memory, in the
    order in which they touch them.

    The first element has the address 0, and axis k has the stride strides[k] in bytes. `loops`
    names the axes from the outermost loop to the innermost: (0, 1) walks through a matrix row
    after row, (1, 0) column after column. All loops count upwards.
    """
    found = np.zeros(1, int)
    for axis in loops:
        found = (found[:, None] + strides[axis] * np.arange(shape[axis])).ravel()
    return found


@cases(addresses)
def visible_addresses(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("2 × 3 in C order, row after row", (2, 3), (24, 8), (0, 1))
    yield Case("2 × 3 in C order, column after column", (2, 3), (24, 8), (1, 0))
    yield Case("2 × 3 in Fortran order, row after row", (2, 3), (8, 16), (0, 1))
    yield Case("2 × 3 × 5 in C order, the middle axis outermost", (2, 3, 5), (60, 20, 4), (1, 2, 0))


@cases(addresses, hidden=True)
def hidden_addresses(rng: np.random.Generator) -> Iterator[Case]:
    for loops in ((0, 1), (1, 0)):
        rows, columns = (int(side) for side in rng.permutation([3, 5, 7, 11])[:2])
        yield Case("a matrix in C order", (rows, columns), (4 * columns, 4), loops)
        yield Case("a matrix in Fortran order", (rows, columns), (8, 8 * rows), loops)
        yield Case("a matrix whose rows are padded", (rows, columns), (4 * columns + 12, 4), loops)
    for nest in ((2, 0, 1), (1, 2, 0), (0, 2, 1), (2, 1, 0)):
        a, b, c = (int(side) for side in rng.permutation([2, 3, 5]))
        yield Case("three axes", (a, b, c), (8 * b * c, 8 * c, 8), nest)
    yield Case("a square matrix", (4, 4), (64, 16), (1, 0))
    yield Case("one axis", (int(rng.integers(5, 9)),), (24,), (0,))
    yield Case("a broadcast row: its stride is 0", (3, int(rng.integers(4, 8))), (0, 8), (1, 0))


@mistakes(
    addresses,
    loops_ignored="Your first axis is always in the outermost loop. The order of the loops is given.",
    loops_backwards="You take the first of `loops` for the innermost. It is the outermost, the loop that moves slowest.",
    strides_not_permuted="You put the sides into the order of the loops, but not the strides. The stride of an axis goes with its side.",
    sides_not_permuted="You put the strides into the order of the loops, but not the sides. An axis brings both.",
    inverse_permutation="You use `loops` the other way round: loops[0] is the axis of the outermost loop, not the depth at which axis 0 stands.",
    in_memory_order="Your addresses are sorted. The order in which the loops come by is asked for: it is what the cache sees.",
    positions="You count positions: 0, 1, 2 and so on. An address is the sum of index times stride, in bytes.",
    own_strides="You work out strides of your own, as if the array had no gaps and were in C order. Use the ones that are given.",
    counted_from_one="Your indices begin at 1. The first element has index 0 on each axis, and the address 0.",
    inner_axis_only="You add the step of the innermost loop only. Every index takes part in the address.",
    grid="Your numbers are right, in an array with an axis for every loop. One long row of addresses is asked for.",
)
def addresses_with(made: Made, shape: tuple[int, ...], strides: tuple[int, ...], loops: tuple[int, ...]) -> ndarray:
    if made.loops_ignored:
        loops = tuple(range(len(shape)))
    if made.loops_backwards:
        loops = loops[::-1]
    if made.inverse_permutation:
        loops = tuple(int(k) for k in np.argsort(loops))
    if made.own_strides:
        strides = tuple(8 * int(np.prod(shape[k + 1 :], dtype=int)) for k in range(len(shape)))
    sides = list(shape) if made.sides_not_permuted else [shape[axis] for axis in loops]
    steps = list(strides) if made.strides_not_permuted else [strides[axis] for axis in loops]
    if made.inner_axis_only:
        steps[:-1] = [0] * (len(steps) - 1)
    found = sum(step * (index + made.counted_from_one) for step, index in zip(steps, np.indices(sides), strict=True))
    found = np.asarray(found).reshape(sides)
    if made.positions:
        return np.arange(found.size)
    return np.sort(found, axis=None) if made.in_memory_order else found if made.grid else found.ravel()


# ---- cache_misses ------------------------------------------------------------------------------------------------------


@exercise(points=3, rows=["4.1"])
def cache_misses(accesses: Int[ndarray, "accesses"], line: int, sets: int, ways: int) -> int:
    """How many of the accesses, byte addresses in order, find their line absent from the cache.

    Address a lies in line number a // line. Line number n may only stand in set n % sets, and a
    set has places for `ways` lines. The cache is empty at first. A miss brings the line into its
    set; if all places are taken, the line of this set whose last use (hit or miss) is longest ago
    makes room (LRU). `line` and `sets` are powers of two.
    """
    cache: list[list[int]] = [[] for _ in range(sets)]  # the lines of each set, the one used last at the end
    misses = 0
    for number in (accesses // line).tolist():
        places = cache[number % sets]
        if number in places:
            places.remove(number)
        else:
            misses += 1
            if len(places) == ways:
                places.pop(0)
        places.append(number)
    return misses


def wandering(rng: np.random.Generator, n: int, memory: int, step: int) -> ndarray:
    """Addresses that mostly stay near, and sometimes jump somewhere else or come back to where they were."""
    found = [int(rng.integers(memory))]
    for _ in range(n - 1):
        kind = rng.random()
        if kind < 0.15:
            found.append(int(rng.integers(memory)))
        elif kind < 0.5:
            found.append(found[int(rng.integers(max(0, len(found) - 12), len(found)))])
        else:
            found.append((found[-1] + int(rng.integers(-step, step))) % memory)
    return np.array(found)


@cases(cache_misses)
def visible_cache_misses(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("one set of 2 ways", np.array([0, 8, 64, 0, 128, 8, 64]), 64, 1, 2)
    yield Case("2 sets of 1 way", np.array([0, 64, 128, 64, 0, 8, 200]), 64, 2, 1)
    yield Case("4 sets of 2 ways", wandering(rng, 60, 2048, 100), 32, 4, 2)
    yield Case("2 sets of 3 ways", wandering(rng, 60, 1024, 60), 16, 2, 3)


@cases(cache_misses, hidden=True)
def hidden_cache_misses(rng: np.random.Generator) -> Iterator[Case]:
    for line, sets, ways in ((64, 8, 2), (32, 4, 4), (16, 16, 3), (128, 2, 5), (64, 4, 8)):
        yield Case(f"{sets} sets of {ways} ways", wandering(rng, 400, 2 * line * sets * ways, 2 * line), line, sets, ways)
    yield Case("direct mapped", wandering(rng, 300, 2048, 90), 32, 16, 1)
    yield Case("fully associative", wandering(rng, 300, 1500, 90), 32, 1, 7)
    yield Case("columns that meet in one set", np.tile(np.arange(0, 8192, 512), 3), 64, 8, 4)
    yield Case("far up in memory", wandering(rng, 200, 4096, 80) + 2**33, 64, 4, 2)


@mistakes(
    cache_misses,
    hits="You count hits. The accesses that find their line absent are asked for.",
    fifo="In your cache the line that *came in* first makes room. Under LRU a hit makes a line young again: the one whose last use is longest ago goes.",
    newest_goes="In your cache the line that was used last makes room. It is the one that will most likely be needed again: the one unused longest goes.",
    never_full="In your cache nothing ever makes room: you count different lines. A set has places for `ways` lines only.",
    one_set="You let every line stand anywhere. Line n may only stand in set n % sets, so that lines can be in each other's way while other sets are empty.",
    direct_mapped="Every set of yours has room for a single line. It has `ways` places.",
    set_by_address="You choose the set by the address. All bytes of a line lie together: the line's number decides.",
    set_by_high_bits="You choose the set by dividing the line's number. Neighbouring lines go to different sets: the remainder decides.",
    bytes_as_lines="You treat every address as a line of its own. A line has many bytes, and a miss brings all of them.",
    line_in_elements="Your lines are 8 times as long: `line` is in bytes already, as addresses are.",
    cold_not_counted="You do not count the first access to a line. The cache is empty at first, so it is a miss.",
    evictions="You count the lines that have to make room. Misses that find an empty place count as well.",
    one_way_more="Your sets have a place too many: before the line comes in there must be room for it.",
    sets_and_ways_swapped="You have exchanged sets and ways.",
    ways_in_all="Your whole cache holds `ways` lines. Each *set* holds that many.",
)
def cache_misses_with(made: Made, accesses: ndarray, line: int, sets: int, ways: int) -> int:
    if made.sets_and_ways_swapped:
        sets, ways = ways, sets
    if made.direct_mapped:
        ways = 1
    if made.one_set:
        sets, ways = 1, sets * ways
    if made.ways_in_all:
        sets = 1
    room = 10**9 if made.never_full else ways + 1 if made.one_way_more else ways
    line = 1 if made.bytes_as_lines else 8 * line if made.line_in_elements else line
    cache: dict[int, list[int]] = {}
    seen: set[int] = set()
    misses = evictions = 0
    for address in accesses.tolist():
        number = address // line
        which = address % sets if made.set_by_address else number // sets % sets if made.set_by_high_bits else number % sets
        places = cache.setdefault(which, [])
        if number in places:
            if not made.fifo:
                places.remove(number)
                places.append(number)
            continue
        misses += not made.cold_not_counted or number in seen
        seen.add(number)
        if len(places) >= room:
            evictions += 1
            places.pop(-1 if made.newest_goes else 0)
        places.append(number)
    return len(accesses) - misses if made.hits else evictions if made.evictions else misses


# ---- predicted_misses --------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["4.1"])
def predicted_misses(shape: tuple[int, int], order: str, walk: str, itemsize: int, line: int, places: int) -> int:
    """How many cache misses it costs to sum a matrix once, without simulating: there may be
    billions of elements.

    `order` is "C" or "F"; `walk` is "rows" (one row after the other) or "columns". Elements
    have `itemsize` bytes, lines `line` bytes. The cache has a single set of `places` lines, is
    empty at first, and replaces the line that was unused longest (LRU). The matrix begins at a
    line; what is contiguous (a row in C order, a column in F order) is a whole number of lines.
    """
    rows, columns = shape
    elements = rows * columns
    along = (order == "C") == (walk == "rows")
    runs = rows if order == "C" else columns
    if along or runs <= places:
        return elements * itemsize // line
    return elements


@cases(predicted_misses)
def visible_predicted_misses(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("100 × 64 doubles in C order, row after row", (100, 64), "C", "rows", 8, 64, 16)
    yield Case("100 × 64 doubles in C order, column after column", (100, 64), "C", "columns", 8, 64, 16)
    yield Case("64 × 100 doubles in Fortran order, column after column", (64, 100), "F", "columns", 8, 64, 16)
    yield Case("64 × 100 doubles in Fortran order, row after row", (64, 100), "F", "rows", 8, 64, 16)
    yield Case("8 × 4000 floats in C order, column after column", (8, 4000), "C", "columns", 4, 64, 16)
    yield Case("20 × 16 doubles in C order, column after column, a large cache", (20, 16), "C", "columns", 8, 64, 50)


@cases(predicted_misses, hidden=True)
def hidden_predicted_misses(rng: np.random.Generator) -> Iterator[Case]:
    for order, walk in itertools.product("CF", ("rows", "columns")):
        long, short = 64 * int(rng.integers(20, 90)), int(rng.integers(300, 900))
        shape = (short, long) if order == "C" else (long, short)
        yield Case(f"{order} order, {walk}, a small cache", shape, order, walk, 4, 64, 128)
        yield Case(f"{order} order, {walk}, a line of each run fits", shape, order, walk, 8, 64, 1024)
        few = (16, 6400) if order == "C" else (6400, 16)
        yield Case(f"{order} order, {walk}, just as many runs as places", few, order, walk, 8, 128, 16)
        yield Case(f"{order} order, {walk}, one run too many", few, order, walk, 8, 64, 15)
        tall = (5000, 64) if order == "C" else (64, 5000)
        yield Case(f"{order} order, {walk}, short runs", tall, order, walk, 8, 64, 512)
    yield Case("the whole matrix fits", (64, int(rng.integers(20, 40))), "F", "rows", 8, 64, 512)
    yield Case("a billion elements", (32768, 32768), "F", "rows", 4, 64, int(rng.integers(500, 900)))


@mistakes(
    predicted_misses,
    orders_swapped="You have it as it stands in the notes, with rows cheap in column-major storage. In F order a *column* is contiguous, and walking down columns is walking along memory.",
    always_along="You count each line once, whatever the walk. Across memory a line may be gone before its next element is needed.",
    cache_forgotten="Walking across, every access misses in your answer. If the cache can keep a line of each row (or column, in F order) until the walk comes back, each line is fetched once only.",
    line_in_elements="You divide the number of elements by `line`. It is in bytes.",
    no_lines="You count one miss for each element everywhere. Walking along memory, a miss brings a whole line, which serves the next elements too.",
    other_side="You compare the wrong side with the cache. Walking down the columns of a C-ordered matrix, a line of each *row* must stay.",
    whole_matrix="You ask whether the whole matrix fits into the cache. It is enough that one line of each row (or column, in F order) fits.",
    bytes_fit="You ask whether the bytes of one walk across fit. Each element of it occupies a whole line.",
    one_too_few="Just as many lines as there are places: they fit.",
    hits="You count the accesses that hit.",
    order_ignored="Walking row after row is always the cheap way in your answer. That is so in C order.",
    one_run="You count the misses for a single row or column. The whole matrix is summed.",
)
def predicted_misses_with(made: Made, shape: tuple[int, int], order: str, walk: str, itemsize: int, line: int, places: int) -> int:
    rows, columns = shape
    c = (order == "C") != made.orders_swapped or made.order_ignored
    along = c == (walk == "rows")
    runs, length = (rows, columns) if c else (columns, rows)
    elements = rows * columns
    whole = elements // line if made.line_in_elements else elements * itemsize // line
    fits = runs < places if made.one_too_few else runs <= places
    if made.other_side:
        fits = length <= places
    if made.whole_matrix:
        fits = elements * itemsize <= places * line
    if made.bytes_fit:
        fits = runs * itemsize <= places * line
    misses = whole if along or (fits and not made.cache_forgotten) or made.always_along else elements
    misses = elements if made.no_lines else misses
    if made.one_run:
        misses //= rows if walk == "rows" else columns
    return elements - misses if made.hits else misses


# ---- tiled_order -------------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["4.1"])
def tiled_order(rows: int, columns: int, tile: int) -> Int[ndarray, "rows*columns 2"]:
    """The pairs (row, column) of a matrix, in the order in which a tiled loop visits them, so that
    what is in the cache is used again.

    The matrix is cut into tiles of tile × tile, from its upper left corner; those at the right and
    at the lower edge may be smaller. One row of tiles is visited after the other, from left to
    right, and the elements within a tile likewise: row after row, from left to right.
    """
    pairs = [
        (row, column)
        for top in range(0, rows, tile)
        for left in range(0, columns, tile)
        for row in range(top, min(top + tile, rows))
        for column in range(left, min(left + tile, columns))
    ]
    return np.array(pairs)


@cases(tiled_order)
def visible_tiled_order(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("4 × 6, tiles of 2", 4, 6, 2)
    yield Case("5 × 7, tiles of 3", 5, 7, 3)


@cases(tiled_order, hidden=True)
def hidden_tiled_order(rng: np.random.Generator) -> Iterator[Case]:
    tile = int(rng.integers(3, 6))
    yield Case("whole tiles", 2 * tile, 3 * tile, tile)
    yield Case("a square of whole tiles", 3 * tile, 3 * tile, tile)
    yield Case("ragged at both edges", 3 * tile + 1, 2 * tile + 2, tile)
    yield Case("ragged at the lower edge", 2 * tile + 1, 2 * tile, tile)
    yield Case("a tile larger than the matrix", int(rng.integers(3, 6)), 5, 16)
    yield Case("tiles of one element", 3, int(rng.integers(4, 8)), 1)
    yield Case("one row", 1, int(rng.integers(11, 16)), 4)


@mistakes(
    tiled_order,
    edges_dropped="You leave out the tiles that are not full. Every element is visited.",
    beyond_the_edge="Your last tiles reach beyond the matrix. They end where it ends.",
    edge_repeated="At the edge you visit the last row or column again and again. Tiles there are smaller: every element is visited once.",
    tiles_by_columns="You finish a strip from top to bottom before you go to the right. Tiles are visited like words: a row of tiles from left to right, then the next row of tiles.",
    inside_by_columns="Within a tile you go down the columns. There, too, one row comes after the other.",
    not_tiled="You visit row after row of the whole matrix. A tile is finished before the next one begins.",
    column_first="Your pairs are (column, row). The row comes first.",
    number_of_tiles="You cut each side into `tile` parts. `tile` is how long the side of a tile is.",
    within_the_tile="Your indices begin at 0 again in each tile. They count within the whole matrix.",
    one_per_tile="You return the corner of each tile. Every element is visited.",
    two_rows="The pairs are right, as two long rows. Each pair is a row of the answer: [rows · columns, 2].",
)
def tiled_order_with(made: Made, rows: int, columns: int, tile: int) -> ndarray:
    height = -(-rows // tile) if made.number_of_tiles else rows if made.not_tiled else tile
    width = -(-columns // tile) if made.number_of_tiles else columns if made.not_tiled else tile
    corners = [(top, left) for top in range(0, rows, height) for left in range(0, columns, width)]
    if made.tiles_by_columns:
        corners.sort(key=lambda corner: corner[::-1])
    pairs = []
    for top, left in corners:
        inside = list(itertools.product(range(height), range(width)))
        if made.inside_by_columns:
            inside.sort(key=lambda pair: pair[::-1])
        full = top + height <= rows and left + width <= columns
        if made.edges_dropped and not full:
            continue
        for i, j in inside[:1] if made.one_per_tile else inside:
            row, column = top + i, left + j
            if made.edge_repeated:
                row, column = min(row, rows - 1), min(column, columns - 1)
            if made.beyond_the_edge or (row < rows and column < columns):
                pairs.append((i, j) if made.within_the_tile else (row, column))
    found = np.array(pairs, int).reshape(-1, 2)
    found = found[:, ::-1] if made.column_first else found
    return found.T if made.two_rows else found


# ---- vector_steps ------------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["4.1"])
def vector_steps(n: int, itemsize: int, register_bits: int) -> int:
    """How many additions a vectorised loop needs for two arrays of n elements in memory.

    A vector register of `register_bits` bits holds as many elements of `itemsize` bytes as fit,
    and one addition adds all of them. What is left over at the end, less than a register, is
    added one element at a time.
    """
    lanes = register_bits // 8 // itemsize
    return n // lanes + n % lanes


@cases(vector_steps)
def visible_vector_steps(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("1003 floats, 256 bits", 1003, 4, 256)
    yield Case("1003 doubles, 256 bits", 1003, 8, 256)


@cases(vector_steps, hidden=True)
def hidden_vector_steps(rng: np.random.Generator) -> Iterator[Case]:
    whole = int(rng.integers(50, 90))
    yield Case("floats, 512 bits, some left over", 16 * whole + 13, 4, 512)
    yield Case("doubles, 128 bits, one left over", 2 * whole + 1, 8, 128)
    yield Case("half precision, 256 bits", 16 * whole + 11, 2, 256)
    yield Case("bytes, 128 bits", 16 * whole + 7, 1, 128)
    yield Case("nothing left over", 8 * whole, 4, 256)
    yield Case("fewer than a register holds", 5, 4, 512)
    yield Case("nothing to add", 0, 4, 256)


@mistakes(
    vector_steps,
    bits_as_bytes="You treat the register's bits as bytes. A byte has 8 bits.",
    itemsize_ignored="You take the register's bytes for elements. An element has itemsize of them.",
    left_over_dropped="What is left over at the end is not added.",
    left_over_in_one="You add what is left over in one more step, as a padded register would. Here it goes one element at a time.",
    one_by_one="You add one element at a time. A register adds all it holds at once.",
    lanes="You return how many elements fit into a register. The number of additions is asked for.",
    left_over_only="You return what is left over. The full registers take steps too.",
    not_rounded="You divide without rounding. There is no such thing as a part of an addition.",
    always_floats="Your elements always have 4 bytes. How many they have is given.",
)
def vector_steps_with(made: Made, n: int, itemsize: int, register_bits: int) -> Any:
    size = 1 if made.itemsize_ignored else 4 if made.always_floats else itemsize
    lanes = register_bits // (1 if made.bits_as_bytes else 8) // size
    if made.lanes:
        return lanes
    if made.one_by_one:
        return n
    if made.not_rounded:
        return n / lanes
    if made.left_over_only:
        return n % lanes
    left_over = n % lanes
    return n // lanes + (0 if made.left_over_dropped else left_over > 0 if made.left_over_in_one else left_over)
