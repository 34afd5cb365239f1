"""How costs are counted from a trace, on traces small enough to count by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.cuda.cost import BARRIER, BRANCH, EVENT, GLOBAL, LOAD, SHARED, STORE, Cost, Tally
from autograder.cuda.memory import Allocation, MemoryPointer


def warp(addresses: Any, *, access: int = LOAD, space: int = GLOBAL, size: int = 4, step: int = 0, site: int = 0) -> np.ndarray:
    """One step of a warp whose lanes touch these addresses."""
    events = np.zeros(len(addresses), EVENT)
    events["address"], events["thread"] = addresses, np.arange(len(addresses))
    events["access"], events["space"], events["size"], events["step"], events["site"] = access, space, size, step, site
    return events


def cost_of(*steps: np.ndarray) -> Cost:
    tally = Tally(np.array([3, 7, 9]))
    tally.add(np.concatenate(steps))
    return tally.finish()


LANES = np.arange(32)


def test_neighbours_share_sectors() -> None:
    assert cost_of(warp(4 * LANES)).global_loads.sectors == 4
    assert cost_of(warp(4 * LANES + 4)).global_loads.sectors == 5, "a shifted row reaches into one more"


def test_a_stride_touches_a_sector_for_each_lane() -> None:
    assert cost_of(warp(128 * LANES)).global_loads.sectors == 32
    assert cost_of(warp(8 * LANES)).global_loads.sectors == 8


def test_the_same_element_for_all_is_one_sector_and_32_elements() -> None:
    loads = cost_of(warp(0 * LANES)).global_loads
    assert (loads.elements, loads.bytes, loads.requests, loads.sectors) == (32, 128, 1, 1)


def test_steps_are_counted_apart() -> None:
    loads = cost_of(warp(4 * LANES, step=1), warp(4 * LANES, step=2)).global_loads
    assert (loads.requests, loads.sectors) == (2, 8)


def test_words_in_a_row_have_a_bank_each() -> None:
    assert cost_of(warp(4 * LANES, space=SHARED)).shared_loads.conflicts == 0


def test_the_same_word_is_no_conflict() -> None:
    assert cost_of(warp(0 * LANES, space=SHARED)).shared_loads.conflicts == 0


def test_a_column_of_a_tile_of_32_is_31_conflicts_and_a_padded_one_none() -> None:
    assert cost_of(warp(4 * 32 * LANES, space=SHARED)).shared_loads.conflicts == 31
    assert cost_of(warp(4 * 33 * LANES, space=SHARED)).shared_loads.conflicts == 0


def test_a_stride_of_two_words_is_one_conflict() -> None:
    assert cost_of(warp(8 * LANES, space=SHARED)).shared_loads.conflicts == 1


def test_wide_accesses_are_served_in_parts() -> None:
    assert cost_of(warp(8 * LANES, space=SHARED, size=8)).shared_loads.conflicts == 0
    assert cost_of(warp(16 * LANES, space=SHARED, size=16)).shared_loads.conflicts == 0


def test_branches_diverge_where_lanes_disagree() -> None:
    together, apart = warp(0 * LANES, access=BRANCH, step=1, size=1), warp(0 * LANES, access=BRANCH, step=2, size=0)
    apart["size"][:5] = 1
    cost = cost_of(together, apart)
    assert (cost.branches, cost.divergent_branches) == (2, 1)


def test_a_barrier_counts_once_a_block() -> None:
    first, second = warp(0 * LANES, access=BARRIER), warp(0 * LANES, access=BARRIER, step=1)
    second["block"] = 1
    assert cost_of(first, second).barriers == 2


def test_lines_are_told_apart() -> None:
    cost = cost_of(warp(4 * LANES, site=0), warp(4 * LANES, site=2, step=1, access=STORE))
    assert set(cost.lines) == {3, 9}
    assert cost.lines[9].elements == 32


class OnDevice:
    """The part of a device array that a cost looks at."""

    def __init__(self, values: np.ndarray) -> None:
        self.allocation = Allocation(values)
        self.shape, self.size, self.dtype = values.shape, values.size, values.dtype
        self.data = MemoryPointer(self.allocation)


def test_reads_and_writes_of_each_element() -> None:
    x, out = OnDevice(np.zeros((2, 4), np.float32)), OnDevice(np.zeros(4, np.float32))
    cost = cost_of(
        warp(x.data.ptr + np.array([0, 0, 12]), step=1),
        warp(x.data.ptr + np.array([16]), step=2, size=16),
        warp(out.data.ptr + np.array([8]), step=3, access=STORE),
    )
    assert cost.reads(x).tolist() == [[2, 0, 0, 1], [1, 1, 1, 1]]
    assert cost.writes(x).sum() == 0
    assert cost.writes(out).tolist() == [0, 0, 1, 0]
