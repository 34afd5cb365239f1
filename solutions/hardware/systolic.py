"""The systolic array: a grid of processing elements that multiplies matrices while their numbers flow through it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from autograder.exercise import Case, Made, cases, equivalent, exercise, mistakes

# ---- skew --------------------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["4.5"])
def skew(rows: Float[ndarray, "m k"]) -> Float[ndarray, "m k+m-1"]:
    """What enters a systolic grid from the left: row i is fed from cycle i on, one number in each
    cycle, and zeros before and after.

    Entry [i, t] of the answer enters row i of the grid in cycle t, counted from 0.
    """
    m, k = rows.shape
    fed = np.zeros((m, k + m - 1), rows.dtype)
    for i, row in enumerate(rows):
        fed[i, i : i + k] = row
    return fed


@cases(skew)
def visible_skew(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("2 rows of 5", rng.normal(size=(2, 5)))
    yield Case("3 rows of 3", rng.normal(size=(3, 3)))


@cases(skew, hidden=True)
def hidden_skew(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("5 rows of 3", rng.normal(size=(5, 3)))
    yield Case("4 rows of 4", rng.normal(size=(4, 4)))
    yield Case("one row", rng.normal(size=(1, 7)))
    yield Case("one column", rng.normal(size=(5, 1)))
    yield Case("7 rows of 11", rng.normal(size=(7, 11)))


@mistakes(
    skew,
    not_delayed="All rows start in cycle 0. Row i has to wait for i cycles: the numbers of the other matrix need that long to come down to it.",
    one_cycle_each="Every row but the first waits for one cycle. Each row waits for one cycle more than the row above.",
    wrapped="What is pushed out at the right comes in again at the left. Before and after its numbers a row feeds zeros.",
    cut_off="Your feed ends too early: the lower rows lose their last numbers.",
    one_column_more="Your feed is one cycle too long. The last row starts in cycle m - 1 and has k numbers.",
    upside_down="Your last row starts first. The first row does.",
    counted_from_one="Your row 0 starts in cycle 1. Cycles are counted from 0, so it starts at once.",
    backwards="Your rows are fed backwards: the first number goes first, and the time runs to the right.",
    two_cycles="Each row waits for two cycles more than the row above. A number needs one cycle from one element to the next.",
    time_first="Your time runs downwards. Rows of the grid are rows of the answer.",
    repeated="A row of yours repeats its first or last number while it waits. It feeds zeros.",
)
def skew_with(made: Made, rows: ndarray) -> ndarray:
    m, k = rows.shape
    rows = rows[:, ::-1] if made.backwards else rows
    width = k + (2 if made.two_cycles else 1) * (m - 1)
    fed = np.zeros((m, width + 1), rows.dtype)
    for i, row in enumerate(rows):
        start = (
            0 if made.not_delayed
            else min(i, 1) if made.one_cycle_each
            else m - 1 - i if made.upside_down
            else 2 * i if made.two_cycles
            else i
        )  # fmt: skip
        start += made.counted_from_one
        fed[i, start : start + k] = row
        if made.repeated:
            fed[i, :start], fed[i, start + k :] = row[0], row[-1]
    if made.wrapped:
        fed = np.array([np.roll(row, i) for i, row in enumerate(rows)])
    elif made.cut_off:
        fed = fed[:, :k]
    elif not made.one_column_more and not made.counted_from_one:
        fed = fed[:, :width]
    return fed.T if made.time_first else fed


# ---- systolic_step -----------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["4.5"])
def systolic_step(
    a: Float[ndarray, "m n"], b: Float[ndarray, "m n"], c: Float[ndarray, "m n"], left: Float[ndarray, "m"], top: Float[ndarray, "n"]
) -> tuple[Float[ndarray, "m n"], Float[ndarray, "m n"], Float[ndarray, "m n"]]:
    """One cycle of a grid of m × n processing elements: the new (a, b, c).

    Each element holds two numbers, a and b, and a sum c. In a cycle all of them do the same at
    once: each takes the a that its left neighbour held and the b that the one above it held, adds
    their product to c, and holds what it took. The first column takes its a from `left`, the
    first row its b from `top`.
    """
    a = np.column_stack([left, a[:, :-1]])
    b = np.vstack([top, b[:-1]])
    return a, b, c + a * b


def grid(rng: np.random.Generator, m: int, n: int) -> list[ndarray]:
    """A grid that is at work: numbers everywhere, and the numbers that come next."""
    return [rng.normal(size=(m, n)) for _ in range(3)] + [rng.normal(size=m), rng.normal(size=n)]


@cases(systolic_step)
def visible_systolic_step(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("2 × 3 elements", *grid(rng, 2, 3))
    yield Case("3 × 3 elements", *grid(rng, 3, 3))


@cases(systolic_step, hidden=True)
def hidden_systolic_step(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("5 × 7 elements", *grid(rng, 5, 7))
    yield Case("7 × 2 elements", *grid(rng, 7, 2))
    yield Case("4 × 4 elements", *grid(rng, 4, 4))
    yield Case("one element", *grid(rng, 1, 1))
    yield Case("one row", *grid(rng, 1, 5))
    yield Case("one column", *grid(rng, 5, 1))


@mistakes(
    systolic_step,
    old_product="You multiply what an element held before. It adds the product of the numbers that have just come in.",
    old_a="You multiply the new b with the old a. Both have moved.",
    old_b="You multiply the new a with the old b. Both have moved.",
    product_only="You replace the sum. The product is added to it.",
    a_stays="Your a does not move. Each element takes it from its left neighbour.",
    b_stays="Your b does not move. Each element takes it from the one above.",
    moved_backwards="Your numbers flow to the left and up. They come in at the left and at the top, and go right and down.",
    directions_swapped="Your a flows down and your b to the right. a comes from the left, b from above.",
    wrapped="What leaves the grid comes in again on the other side. New numbers come from `left` and `top`.",
    edge_zero="Your edges take zeros. They take `left` and `top`.",
    rushed="Your numbers rush through the whole grid in one cycle. All elements move at once: each takes what its neighbour held before.",
    subtracted="You subtract the product.",
    edge_not_multiplied="The elements at the edge do not work with what comes in. They multiply like all others.",
    sums_flow="Your sums move along. The sum of an element stays where it is.",
)
def systolic_step_with(made: Made, a: ndarray, b: ndarray, c: ndarray, left: ndarray, top: ndarray) -> Any:
    m, n = c.shape
    zero = 0 if made.edge_zero else 1
    if made.moved_backwards:
        new_a, new_b = np.column_stack([a[:, 1:], left]), np.vstack([b[1:], top])
    elif made.rushed:
        new_a, new_b = np.repeat(left[:, None], n, 1), np.repeat(top[None], m, 0)
    elif made.wrapped:
        new_a, new_b = np.roll(a, 1, 1), np.roll(b, 1, 0)
    elif made.directions_swapped and m == n:
        new_a, new_b = np.vstack([left, a[:-1]]), np.column_stack([top, b[:, :-1]])
    elif made.directions_swapped:
        new_a, new_b = np.vstack([np.resize(left, n), a[:-1]]), np.column_stack([np.resize(top, m), b[:, :-1]])
    else:
        new_a, new_b = np.column_stack([zero * left, a[:, :-1]]), np.vstack([zero * top, b[:-1]])
    new_a, new_b = a if made.a_stays else new_a, b if made.b_stays else new_b
    product = (a if made.old_product or made.old_a else new_a) * (b if made.old_product or made.old_b else new_b)
    if made.edge_not_multiplied:
        product[0], product[:, 0] = 0, 0
    sums = np.column_stack([np.zeros_like(left), c[:, :-1]]) if made.sums_flow else 0 * c if made.product_only else c
    return new_a, new_b, sums - product if made.subtracted else sums + product


# ---- systolic_trace ----------------------------------------------------------------------------------------------------


@exercise(points=3, rows=["4.5"])
def systolic_trace(a: Float[ndarray, "m k"], b: Float[ndarray, "k n"]) -> Float[ndarray, "m+n+k-2 m n"]:
    """The sums in a systolic grid of m × n elements after each cycle, while it multiplies a by b.

    Row i of `a` enters row i of the grid from the left, from cycle i on; column j of `b` enters
    column j from above, from cycle j on; one number in each cycle. In the cycle in which an
    element takes two numbers, it adds their product to its sum, and in the next cycle its right
    and lower neighbours take them. The answer ends with the cycle of the last product, in the
    last element: M + N + K - 2 cycles, and the product of the matrices.
    """
    m, n = len(a), b.shape[1]
    left = np.pad(skew(a), ((0, 0), (0, n - 1)))
    top = np.pad(skew(b.T), ((0, 0), (0, m - 1)))
    held_a = held_b = sums = np.zeros((m, n), np.result_type(a, b))
    trace = []
    for from_left, from_above in zip(left.T, top.T, strict=True):
        held_a, held_b, sums = systolic_step(held_a, held_b, sums, from_left, from_above)
        trace.append(sums)
    return np.array(trace)


def factors(rng: np.random.Generator, m: int, k: int, n: int) -> tuple[ndarray, ndarray]:
    return rng.normal(size=(m, k)), rng.normal(size=(k, n))


@cases(systolic_trace)
def visible_systolic_trace(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("(2, 3) times (3, 2)", *factors(rng, 2, 3, 2))
    yield Case("(3, 3) times (3, 3)", *factors(rng, 3, 3, 3))
    yield Case("(3, 5) times (5, 2)", *factors(rng, 3, 5, 2))


@cases(systolic_trace, hidden=True)
def hidden_systolic_trace(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("(5, 7) times (7, 3)", *factors(rng, 5, 7, 3))
    yield Case("(2, 3) times (3, 7)", *factors(rng, 2, 3, 7))
    yield Case("square", *factors(rng, 4, 4, 4))
    yield Case("one product", *factors(rng, 1, 1, 1))
    yield Case("a dot product", *factors(rng, 1, 7, 1))
    yield Case("an outer product", *factors(rng, 5, 1, 3))


@mistakes(
    systolic_trace,
    no_skew="You feed all rows and columns from cycle 0 on. Then a number meets the wrong partner: row i and column j have to wait for i and j cycles.",
    rows_not_skewed="The rows of a are not skewed. Row i waits for i cycles.",
    columns_not_skewed="The columns of b are not skewed. Column j waits for j cycles.",
    no_drain="Your trace ends when the last number has entered. The last product comes later: numbers have to travel to the last element.",
    one_cycle_less="Your trace ends one cycle too early.",
    one_cycle_more="Your trace has one cycle too many. It ends with the last product.",
    with_the_start="Your trace begins with the empty grid. Its first entry are the sums after the first cycle.",
    one_step_late="Your elements multiply a cycle late, when the numbers have moved on already. A product is added in the cycle in which its numbers are taken.",
    products="You return the products of each cycle. The sums up to then are asked for.",
    all_at_once="In each cycle all elements of yours add one product. The elements far from the corner have to wait for their numbers: element (i, j) begins in cycle i + j.",
    result_only="You return the product of the matrices. The sums after every cycle are asked for, and the last ones are it.",
    backwards="Your rows and columns enter with their last numbers first. The result is the same, but the sums on the way are others.",
    same_grid="All entries of your trace are the last sums: you append one and the same array and change it in place.",
    only_rows_wait="Element (i, j) of yours begins in cycle i, or in cycle j. Its numbers come from both sides: it begins in cycle i + j.",
)
def systolic_trace_with(made: Made, a: ndarray, b: ndarray) -> ndarray:
    m, k, n = len(a), len(b), b.shape[1]
    cycles = m + n + k - 2
    if made.result_only:
        return a @ b
    if made.backwards:
        a, b = a[:, ::-1], b[::-1]
    i, j = np.indices((m, n))
    trace = np.zeros((cycles + 1, m, n), np.result_type(a, b))
    for t in range(cycles + 1):
        wait = 0 * i if made.all_at_once else np.maximum(i, j) if made.only_rows_wait else i + j
        of_a, of_b = t - wait, t - wait
        if made.no_skew or made.rows_not_skewed:
            of_a = of_a + i
        if made.no_skew or made.columns_not_skewed:
            of_b = of_b + j
        here = (of_a >= 0) & (of_a < k) & (of_b >= 0) & (of_b < k)
        trace[t] = np.where(here, a[i, of_a.clip(0, k - 1)] * b[of_b.clip(0, k - 1), j], 0)
    trace = trace if made.products else trace.cumsum(0)
    if made.one_step_late:
        trace = np.concatenate([np.zeros_like(trace[:1]), trace[:-1]])
    if made.same_grid:
        trace[:] = trace[-1]
    if made.with_the_start:
        return np.concatenate([np.zeros_like(trace[:1]), trace[:cycles]])
    ends = max(m, n) + k - 1 if made.no_drain else cycles - 1 if made.one_cycle_less else cycles + 1 if made.one_cycle_more else cycles
    return trace[:ends]


# ---- systolic_cycles ---------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["4.5"])
def systolic_cycles(m: int, k: int, n: int, p: int, pipelined: bool) -> int:
    """How many cycles a grid of p × p elements needs for a product of shapes (m, k) and (k, n).

    The rows of the left and the columns of the right matrix are filled up with zeros to multiples
    of p, which cuts the result into tiles of p × p. The grid computes one tile after the other; a
    tile takes p + p + k - 2 cycles. Pipelined, the numbers of the next tile follow upon those of
    the last one without a gap, so that every further tile adds k cycles only. (A finished sum
    moves to a second register, which takes no time.)
    """
    tiles = -(-m // p) * -(-n // p)
    return tiles * k + 2 * p - 2 if pipelined else tiles * (k + 2 * p - 2)


@cases(systolic_cycles)
def visible_systolic_cycles(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("one tile that fits: 4 × 7 times 7 × 4", 4, 7, 4, 4, False)
    yield Case("one tile that is filled up: 3 × 7 times 7 × 2", 3, 7, 2, 4, False)
    yield Case("2 × 3 tiles, one after the other", 7, 5, 11, 4, False)
    yield Case("2 × 3 tiles, pipelined", 7, 5, 11, 4, True)


@cases(systolic_cycles, hidden=True)
def hidden_systolic_cycles(rng: np.random.Generator) -> Iterator[Case]:
    for pipelined in (False, True):
        for p in (3, 8, 16):
            m, k, n = (int(side) for side in rng.permutation([23, 37, 43, 61, 79])[:3])
            yield Case(f"a grid of {p} × {p}", m, k, n, p, pipelined)
        yield Case("whole tiles", 32, int(rng.integers(20, 50)), 24, 8, pipelined)
        yield Case("one tile", 5, int(rng.integers(20, 50)), 3, 7, pipelined)
        yield Case("one element", 5, int(rng.integers(20, 50)), 3, 1, pipelined)
    yield Case("a layer on a grid of 128 × 128", 1024, 4096, 4096, 128, True)


@mistakes(
    systolic_cycles,
    not_filled_up="You count the rows and columns that there are. A tile is filled up with zeros, and they take the same time.",
    rounded_down="You leave out the tiles that are not full.",
    k_filled_up="You fill up k as well. It is the time for which the numbers flow, and needs no multiple of p.",
    k_cut="You cut k into parts of p. The numbers of a row flow through the grid one after the other, however many they are.",
    fill_only="You count the cycles until the last number has entered. It still has to travel to the last element: the grid has two sides.",
    one_too_many="You count 2p - 1 cycles of filling and draining. The first product happens in the first cycle, so it is p + p - 2 in addition to k.",
    one_tile="You count a single tile.",
    never_pipelined="Pipelined, the grid does not run empty between two tiles: a further tile adds k cycles only.",
    always_pipelined="Without pipelining each tile fills and drains the grid again.",
    pipelined_without_drain="The last tile has to drain: filling and draining count once.",
    tiles_added="The tiles along both sides multiply. You add them.",
    operations="You count products. p · p elements compute at once.",
    tile_for_each_row="You count the tiles along one side only. The result has two.",
    float_result="The number is right, but it is a float. Cycles are counted.",
)
def systolic_cycles_with(made: Made, m: int, k: int, n: int, p: int, pipelined: bool) -> Any:
    pipelined = (pipelined or made.always_pipelined) and not made.never_pipelined
    down, right = (m // p, n // p) if made.rounded_down else (-(-m // p), -(-n // p))
    tiles = 1 if made.one_tile else down + right if made.tiles_added else down if made.tile_for_each_row else down * right
    if made.k_filled_up:
        k = -(-k // p) * p
    if made.k_cut:
        tiles, k = tiles * -(-k // p), p
    if made.operations:
        return m * k * n
    extra = p - 1 if made.fill_only else 2 * p - 1 if made.one_too_many else 2 * p - 2
    if made.not_filled_up:
        heights = [min(p, m - top) for top in range(0, m, p)]
        widths = [min(p, n - left) for left in range(0, n, p)]
        each = [k + height + width - 2 for height in heights for width in widths]
        return tiles * k + heights[-1] + widths[-1] - 2 if pipelined else sum(each)
    cycles = tiles * k + (0 if made.pipelined_without_drain else extra) if pipelined else tiles * (k + extra)
    return float(cycles) if made.float_result else cycles


# ---- systolic_matmul ---------------------------------------------------------------------------------------------------


@exercise(points=3, rows=["4.5"])
def systolic_matmul(a: Float[ndarray, "m k"], b: Float[ndarray, "k n"], p: int) -> tuple[Float[ndarray, "m n"], list[int]]:
    """The product of two matrices on a grid of p × p elements: (product, adding).

    `a` and `b` are filled up with zeros, to rows and columns that are multiples of p. The tiles of
    p × p results are computed one after the other, row of tiles by row of tiles, each from an empty
    grid and without pipelining. The product comes without what was filled up.

    adding[t] says how many of the grid's elements add a product of two numbers of `a` and `b` in
    cycle t; zeros that were filled up are no numbers of theirs. Its length is the number of cycles,
    p + p + k - 2 for each tile.
    """
    m, k = a.shape
    n = b.shape[1]
    product = np.zeros((m, n), np.result_type(a, b))
    adding: list[int] = []
    for top in range(0, m, p):
        for left in range(0, n, p):
            rows, columns = a[top : top + p], b[:, left : left + p]
            product[top : top + p, left : left + p] = systolic_trace(rows, columns)[-1]
            first = np.indices((len(rows), columns.shape[1])).sum(axis=0)  # the cycle in which each element begins
            adding += [int(((first <= t) & (t < first + k)).sum()) for t in range(2 * p + k - 2)]
    return product, adding


equivalent(
    systolic_matmul,
    {
        "product = np.ones((m, n), np.result_type(a, b))": "Every place is written.",
        "first = np.indices((columns.shape[1], len(rows))).sum(axis=0)": "The transposed tile has as many elements that begin in a cycle.",
    },
)


@cases(systolic_matmul)
def visible_systolic_matmul(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("one full tile: (3, 5) times (5, 3), p = 3", *factors(rng, 3, 5, 3), 3)
    yield Case("one tile, not full: (2, 5) times (5, 3), p = 4", *factors(rng, 2, 5, 3), 4)
    yield Case("four tiles: (5, 3) times (3, 4), p = 3", *factors(rng, 5, 3, 4), 3)


@cases(systolic_matmul, hidden=True)
def hidden_systolic_matmul(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("several tiles, ragged", *factors(rng, 7, 5, 11), 3)
    yield Case("a long k", *factors(rng, 5, 23, 3), 2)
    yield Case("whole tiles", *factors(rng, 8, 3, 4), 4)
    yield Case("square", *factors(rng, 6, 6, 6), 4)
    yield Case("more rows than columns", *factors(rng, 11, 2, 5), 3)
    yield Case("a grid that is far too large", *factors(rng, 2, 3, 1), 8)
    yield Case("one element", *factors(rng, 2, 5, 3), 1)


@mistakes(
    systolic_matmul,
    filled_up_result="Your product still has the zeros that were filled up.",
    rounded_down="You leave out the tiles that are not full.",
    only_first_tile="You compute the first tile only.",
    fill_counts="You count elements that add products with filled-up zeros. They are not doing any work.",
    all_work="All elements of your grid work in every cycle. They begin one after the other, as the numbers come to them, and end likewise.",
    not_filled_up="Your tiles at the edges take fewer cycles. They are filled up with zeros, which take the same time.",
    no_drain="You count the cycles until the last number has entered. It still has to travel to the last element.",
    one_cycle_more="Each tile takes one cycle too many: p + p + k - 2.",
    pipelined="You feed the next tile while the last one is still in the grid. Here each tile starts with an empty grid.",
    tiles_by_columns="You go down a column of tiles first. One row of tiles comes after the other.",
    cycles_only="You return the number of cycles. How many elements add in each of them is asked for.",
    transposed="Your product is transposed.",
    sums_kept="You do not empty the sums before the next tile. Each begins from 0.",
    share="You return shares of the grid. Count elements.",
    k_filled_up="You fill up k as well. It is the time for which the numbers flow, and needs no multiple of p.",
    tiles_added_up="You add the counts of all tiles, as if they ran at once. One tile comes after the other.",
)
def systolic_matmul_with(made: Made, a: ndarray, b: ndarray, p: int) -> Any:
    m, k, n = len(a), len(b), b.shape[1]
    down, right = (m // p, n // p) if made.rounded_down else (-(-m // p), -(-n // p))
    corners = [(i * p, j * p) for i in range(down) for j in range(right)]
    if made.tiles_by_columns:
        corners.sort(key=lambda corner: corner[::-1])
    if made.only_first_tile:
        corners = corners[:1]
    product = np.zeros((down * p, right * p), np.result_type(a, b))
    flow = -(-k // p) * p if made.k_filled_up else k
    counts = []
    sums = np.zeros((p, p), product.dtype)
    for top, left in corners:
        rows, columns = a[top : top + p], b[:, left : left + p]
        height, width = (p, p) if made.fill_counts else (len(rows), columns.shape[1])
        tile = rows @ columns
        sums = sums if made.sums_kept else np.zeros_like(sums)
        sums[: tile.shape[0], : tile.shape[1]] += tile
        product[top : top + p, left : left + p] = sums
        length = flow + 2 * p - 2
        if made.not_filled_up:
            length = flow + len(rows) + columns.shape[1] - 2
        length = flow + p - 1 if made.no_drain else length + 1 if made.one_cycle_more else length
        first = np.add.outer(np.arange(height), np.arange(width))
        counts.append([p * p if made.all_work else int(((first <= t) & (t < first + k)).sum()) for t in range(length)])
    if made.tiles_added_up:
        adding = [sum(each) for each in zip(*counts, strict=True)]
    elif made.pipelined:
        adding = [0] * (len(corners) * k + 2 * p - 2)
        for tile_number, each in enumerate(counts):
            for t, count in enumerate(each):
                adding[tile_number * k + t] += count
    else:
        adding = [count for each in counts for count in each]
    product = product if made.filled_up_result or made.rounded_down else product[:m, :n]
    if made.only_first_tile:
        product = product[:p, :p]
    result = [count / p**2 for count in adding] if made.share else len(adding) if made.cycles_only else adding
    return product.T if made.transposed else product, result


# ---- utilisation -------------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["4.5"])
def utilisation(batch: int, m: int, k: int, n: int, p: int) -> float:
    """The share of a p × p grid's work that is useful, for a batch of products, pipelined.

    Each product has the shapes (m, k) and (k, n), filled up to tiles of p × p; all tiles of all
    products follow upon each other without a gap, k cycles each, and the grid fills and drains
    once, which adds p + p - 2 cycles. In each cycle the grid could do p · p multiplications. Useful
    are the m · k · n of each product; those with zeros that were filled up are not.
    """
    tiles = batch * math.ceil(m / p) * math.ceil(n / p)
    cycles = tiles * k + 2 * p - 2
    return batch * m * k * n / (p * p * cycles)


@cases(utilisation)
def visible_utilisation(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("one product that fits", 1, 8, 5, 8, 8)
    yield Case("a batch of 7 that fit", 7, 8, 5, 8, 8)
    yield Case("a batch of 3, filled up", 3, 9, 5, 13, 8)


@cases(utilisation, hidden=True)
def hidden_utilisation(rng: np.random.Generator) -> Iterator[Case]:
    for p in (3, 8, 16):
        m, k, n = (int(side) for side in rng.permutation([23, 37, 43, 61])[:3])
        yield Case(f"a grid of {p} × {p}", int(rng.integers(2, 12)), m, k, n, p)
    yield Case("a matrix times vectors", int(rng.integers(20, 40)), 64, 64, 1, 16)
    yield Case("one element: always at work", 5, 3, 7, 11, 1)
    yield Case("a large grid, one small product", 1, 5, 7, int(rng.integers(3, 9)), 128)
    yield Case("a large batch", 512, 128, 128, int(rng.integers(129, 200)), 128)


@mistakes(
    utilisation,
    fill_counts_as_work="You count the products with filled-up zeros as useful.",
    no_drain="You leave out the cycles in which the grid fills and drains.",
    drains_for_each_product="Your grid fills and drains for each product, as if there were no batch. The products follow without a gap, so it happens once.",
    drains_for_each_tile="Your grid fills and drains for each tile. All tiles follow without a gap, so it happens once.",
    one_row_of_elements="You count p elements. The grid has p · p.",
    flops="You count two FLOP for each multiplication and its addition, but the grid's possibilities once. Count both alike.",
    inverted="You return how much the grid could do for each useful product: it is the other way round.",
    percent="You return per cent. A share of the work lies between 0 and 1.",
    one_cycle_more="You count 2p - 1 cycles of filling and draining. The first product happens in the first cycle: it is p + p - 2.",
    rounded_down="You leave out the tiles that are not full, but count their products.",
    per_cycle="You return useful products for each cycle. Compare that with what the grid could do in a cycle.",
    idle="You return the share that is lost. What is useful is asked for.",
    whole_multiples="You work with fractions of tiles. A tile takes its k cycles, however little of it is useful.",
)
def utilisation_with(made: Made, batch: int, m: int, k: int, n: int, p: int) -> float:
    down, right = -(-m // p), -(-n // p)
    of_each: float = down * right
    if made.rounded_down:
        of_each = (m // p) * (n // p)
    if made.whole_multiples:
        of_each = m * n / p**2
    extra = 0 if made.no_drain else 2 * p - 1 if made.one_cycle_more else 2 * p - 2
    extra *= batch if made.drains_for_each_product else batch * down * right if made.drains_for_each_tile else 1
    cycles = batch * of_each * k + extra
    useful = batch * k * (down * p * right * p if made.fill_counts_as_work else m * n) * (2 if made.flops else 1)
    could = (1 if made.per_cycle else p if made.one_row_of_elements else p * p) * cycles
    share = useful / could if could else 0.0
    return 1 - share if made.idle else 1 / share if made.inverted else 100 * share if made.percent else share
