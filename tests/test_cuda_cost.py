"""What kernels cost: numbers that can be derived by hand, from real kernels and from traces."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from autograder.cuda import measure
from autograder.cuda import standin as cp
from autograder.cuda.cost import EVENT, NOWHERE, SHARED, Cost, Costs, Tally, Traffic
from autograder.cuda.lowering import Site


def cost_of(
    body: str, *arrays: Any, parameters: str = "float* x", grid: Any = (1,), block: Any = (32,), before: str = "", shared_mem: int = 0
) -> Cost:
    """The cost of a kernel with this body. `i` is the thread's number in its block; x has 4096 ones unless arrays are given."""
    source = f'{before}\nextern "C" __global__ void k({parameters}) {{ int i = threadIdx.x;\n{body}\n}}'
    with measure() as costs:
        cp.RawKernel(source, "k")(grid, block, arrays or (cp.ones(4096, cp.float32),), shared_mem=shared_mem)
    return costs[-1]


def loads(index: str, **launch: Any) -> Traffic:
    """The loads of a kernel whose thread i reads x[index]."""
    return cost_of(f"x[3072 + i] = x[{index}];", **launch).global_loads


def in_shared(index: str, kind: str = "float", elements: int = 1056, **launch: Any) -> tuple[int, int]:
    """Conflicts of the stores and loads of a kernel whose thread i writes and reads element [index] of an array in shared memory."""
    cost = cost_of(f"__shared__ {kind} s[{elements}]; s[{index}] = i; __syncthreads(); x[i] = s[{index}];", **launch)
    return cost.shared_stores.conflicts, cost.shared_loads.conflicts


# ---- global memory -----------------------------------------------------------------------------------------------------


def test_32_neighbours_of_4_bytes_are_one_request_to_4_sectors() -> None:
    assert loads("i") == Traffic(elements=32, bytes=128, requests=1, sectors=4)


def test_neighbours_from_the_middle_of_a_sector_reach_into_a_fifth_one() -> None:
    assert loads("i + 4").sectors == 5
    assert loads("i + 8").sectors == 4


@pytest.mark.parametrize(("stride", "sectors"), [(2, 8), (4, 16), (8, 32), (32, 32)])
def test_a_stride_touches_more_sectors_up_to_one_for_each_lane(stride: int, sectors: int) -> None:
    assert loads(f"{stride} * i") == Traffic(elements=32, bytes=128, requests=1, sectors=sectors)


def test_the_same_element_for_all_is_one_sector_and_32_elements() -> None:
    assert loads("5") == Traffic(elements=32, bytes=128, requests=1, sectors=1)


def test_the_order_of_lanes_does_not_matter() -> None:
    assert loads("31 - i").sectors == 4


def test_each_warp_makes_its_own_requests_and_a_partial_one_touches_less() -> None:
    assert loads("i", block=(72,)) == Traffic(elements=72, bytes=288, requests=3, sectors=4 + 4 + 1)


def test_blocks_add_up() -> None:
    cost = cost_of("i += blockIdx.x * blockDim.x; x[i] = x[i] + 1;", block=(48,), grid=(5,))
    # Every block has a warp and half a one: 4 and 2 sectors.
    assert cost.global_loads == cost.global_stores == Traffic(elements=240, bytes=960, requests=10, sectors=30)


def test_a_float4_is_one_access_of_16_bytes() -> None:
    cost = cost_of("float4 v = ((float4*)x)[i]; x[3072 + i] = v.x + v.y + v.z + v.w;")
    assert cost.global_loads == Traffic(elements=32, bytes=512, requests=1, sectors=16)


def test_a_row_of_a_block_of_two_dimensions() -> None:
    # A warp is 4 rows of 8 threads. The array's rows are 64 floats apart: a sector for each row.
    cost = cost_of("x[64 * threadIdx.y + threadIdx.x] = 1;", block=(8, 8))
    assert cost.global_stores == Traffic(elements=64, bytes=256, requests=2, sectors=8)


# ---- shared memory -----------------------------------------------------------------------------------------------------


def test_words_in_a_row_have_a_bank_each() -> None:
    assert in_shared("i") == (0, 0)


def test_a_column_of_a_tile_of_32_is_31_conflicts_and_a_padded_one_none() -> None:
    assert in_shared("32 * i") == (31, 31)
    assert in_shared("33 * i") == (0, 0)


def test_a_stride_of_two_words_is_one_conflict() -> None:
    assert in_shared("2 * i") == (1, 1)


def test_the_same_word_is_no_conflict() -> None:
    cost = cost_of("__shared__ float s[32]; s[i] = i; __syncthreads(); x[i] = s[7] + s[i / 4];")
    assert cost.shared_loads == Traffic(elements=64, bytes=256, requests=2)


def test_bytes_of_one_word_are_no_conflict() -> None:
    assert in_shared("i", "char") == (0, 0)
    assert in_shared("2 * i", "short") == (0, 0)


def test_doubles_are_served_for_half_a_warp_at_a_time() -> None:
    assert in_shared("i", "double") == (0, 0)
    # 16 lanes, 2 words each, 4 words apart: words 0, 1, 4, 5, ..., 60, 61. Banks are met twice, in both halves.
    assert in_shared("2 * i", "double") == (2, 2)
    # All 16 lanes of a half meet in two banks.
    assert in_shared("16 * i", "double") == (30, 30)


def float4_in_shared(index: str) -> int:
    """Conflicts of the loads of a kernel whose thread i reads element [index] of 64 float4s."""
    body = "__shared__ float4 s[64]; s[i] = s[i + 32] = make_float4(i, 0, 0, i); __syncthreads(); float4 v = s[%s]; x[i] = v.x + v.y + v.z + v.w;"
    return cost_of(body % index).shared_loads.conflicts


def test_16_bytes_are_served_for_a_quarter_at_a_time() -> None:
    assert float4_in_shared("i") == 0
    # Of 8 lanes 8 words apart, lanes 0 and 4 meet, 1 and 5, and so on: one more pass in each of 4 quarters.
    assert float4_in_shared("2 * i") == 4


def test_a_tile_of_16_read_by_columns() -> None:
    # A warp is two rows of the block. It reads words 16 i + j and 16 i + j + 1: banks j and j + 1, and these 16 apart.
    cost = cost_of("int j = threadIdx.y; __shared__ float s[16][16]; s[j][i] = i; __syncthreads(); x[16 * j + i] = s[i][j];", block=(16, 16))
    assert (cost.shared_stores.conflicts, cost.shared_loads.conflicts) == (0, 8 * 7)


def test_dynamic_shared_memory() -> None:
    body = "extern __shared__ float s[]; s[2 * i] = i; __syncthreads(); x[i] = s[2 * i];"
    assert cost_of(body, shared_mem=256).shared_loads == Traffic(elements=32, bytes=128, requests=1, conflicts=1)


# ---- atomics, barriers -------------------------------------------------------------------------------------------------


def test_atomics_count_apart_from_loads_and_stores() -> None:
    cost = cost_of("atomicAdd(&x[i % 2], 1.0f);", block=(64,), grid=(3,))
    assert cost.atomics == Traffic(elements=192, bytes=768, requests=6, sectors=6)
    assert cost.global_loads == cost.global_stores == Traffic()


def test_atomics_in_shared_memory() -> None:
    cost = cost_of("__shared__ int h[64]; h[i] = h[i + 32] = 0; __syncthreads(); atomicAdd(&h[i % 2 * 32], 1);")
    assert cost.atomics == Traffic(elements=32, bytes=128, requests=1, conflicts=1), "two words in one bank; the same word is none"


def test_a_barrier_counts_once_a_block() -> None:
    assert cost_of("for (int k = 0; k < 5; ++k) __syncthreads();", block=(96,), grid=(2,)).barriers == 10


def test_a_barrier_of_some_warps_counts_too() -> None:
    body = 'if (i < 64) { asm volatile("bar.sync 1, 64;"); } __syncthreads();'
    assert cost_of(body, block=(96,)).barriers == 2


# ---- branches ----------------------------------------------------------------------------------------------------------

# Loops stay loops, and calls calls.
ROLLED = "\n#pragma unroll 1\n"
WORK = "__device__ __noinline__ float work(float* x, int i) { return x[i] + 1; }"


def branches(cost: Cost) -> tuple[int, int]:
    return cost.branches, cost.divergent_branches


def test_a_guard_diverges_in_the_warp_that_has_both() -> None:
    cost = cost_of("i += blockIdx.x * 32; if (i < n) x[i] = 1;", cp.ones(50, cp.float32), 50, parameters="float* x, int n", grid=(3,))
    assert branches(cost) == (3, 1)
    assert cost.global_stores == Traffic(elements=50, bytes=200, requests=2, sectors=4 + 3)


def test_a_branch_by_lane_diverges_and_by_warp_does_not() -> None:
    by_lane = "if (i % 2) x[i] = work(x, i + 1000); __syncwarp();"
    by_warp = "if (i / 32 % 2) x[i] = work(x, i + 1000); __syncwarp();"
    assert branches(cost_of(by_lane, before=WORK, block=(64,))) == (2, 2)
    assert branches(cost_of(by_warp, before=WORK, block=(64,))) == (2, 0)


def test_lanes_meet_again_behind_a_branch() -> None:
    cost = cost_of("float s = 0; if (i % 2) s = work(x, i); __syncwarp(); x[1024 + i] = s;", before=WORK)
    assert cost.divergent_branches == 1
    assert cost.global_loads == Traffic(elements=16, bytes=64, requests=1, sectors=4)
    assert cost.global_stores == Traffic(elements=32, bytes=128, requests=1, sectors=4)


def test_loops_of_different_length_run_together_as_long_as_they_can() -> None:
    cost = cost_of(f"float s = 0;{ROLLED}for (int k = 0; k < i; ++k) s += x[k]; x[1024 + i] = s;")
    # Lane i makes i rounds: 31 rounds, in the last of which only lane 31 reads. All meet at the store.
    assert cost.global_loads == Traffic(elements=31 * 32 // 2, bytes=4 * 31 * 16, requests=31, sectors=31)
    assert cost.global_stores.requests == 1
    # Before the loop (lane 0 leaves at once) and after every round; after the last one all agree.
    assert branches(cost) == (32, 31)


def test_lanes_that_skip_the_rest_of_a_round_meet_in_the_next() -> None:
    cost = cost_of(f"float s = 0;{ROLLED}for (int k = 0; k < 4; ++k) {{ if ((i ^ k) & 1) continue; s += x[i]; }} x[1024 + i] = s;")
    assert cost.global_loads == Traffic(elements=64, bytes=256, requests=4, sectors=16)
    assert branches(cost) == (8, 4)


def test_lanes_that_return_early_are_no_part_of_later_requests() -> None:
    cost = cost_of("if (i >= 20) return; x[i] = x[i + 32];")
    assert cost.global_loads == cost.global_stores == Traffic(elements=20, bytes=80, requests=1, sectors=3)


def test_functions_that_are_not_inlined() -> None:
    cost = cost_of("x[1024 + i] = work(x, i) + work(x, i + 4);", before=WORK)
    assert cost.global_loads == Traffic(elements=64, bytes=256, requests=2, sectors=4 + 5)


def test_an_unrolled_loop_has_no_branches() -> None:
    assert branches(cost_of("float s = 0; for (int k = 0; k < 4; ++k) s += x[i + k]; x[1024 + i] = s;")) == (0, 0)


# ---- which lines, which elements ---------------------------------------------------------------------------------------


def test_lines_are_told_apart_by_memory() -> None:
    cost = cost_of("__shared__ float s[32];\ns[i] = x[32 * i];\n__syncthreads();\nx[i + 2048] = s[31 - i];")
    assert set(cost.lines) == {4, 6}
    assert cost.lines[4].global_memory == Traffic(elements=32, bytes=128, requests=1, sectors=32)
    assert cost.lines[4].shared_memory == cost.lines[6].shared_memory == Traffic(elements=32, bytes=128, requests=1)
    assert cost.lines[6].global_memory.sectors_per_request == 4


def test_reads_and_writes_of_each_element() -> None:
    x, out = cp.ones((2, 3), cp.float32), cp.zeros(4, cp.float32)
    body = "if (i < 3) { out[i] = x[i] + x[3]; atomicAdd(&out[3], 1.0f); }"
    cost = cost_of(body, x, out, parameters="const float* x, float* out")
    assert cost.reads(x).tolist() == [[1, 1, 1], [3, 0, 0]]
    assert not cost.writes(x).any()
    assert cost.writes(out).tolist() == [1, 1, 1, 3]
    assert cost.reads(out).tolist() == [0, 0, 0, 3], "an atomic reads and writes"


def test_wide_accesses_reach_several_elements() -> None:
    x = cp.ones(16, cp.float32)
    cost = cost_of("if (i == 1) ((float4*)x)[i] = make_float4(1, 2, 3, 4);", x)
    assert np.flatnonzero(cost.writes(x)).tolist() == [4, 5, 6, 7]


def test_elements_of_a_part_of_an_array() -> None:
    x = cp.ones((4, 8), cp.float32)
    cost = cost_of("if (i < 8) x[8 + i] = i;", x)
    assert cost.writes(x[1:3]).tolist() == [[1] * 8, [0] * 8]
    assert cost.writes(x.T)[:, 1].all()


def test_only_arrays_on_the_device_have_counts() -> None:
    with pytest.raises(TypeError, match="on the device"):
        cost_of("x[i] = 1;").reads(np.ones(3))


# ---- launches ----------------------------------------------------------------------------------------------------------


def test_every_launch_is_counted_apart() -> None:
    x = cp.ones(64, cp.float32)
    kernel = cp.RawKernel('extern "C" __global__ void k(float* x) { x[threadIdx.x] = 1; }', "k")
    with measure() as costs:
        kernel((1,), (32,), (x,))
        kernel((1,), (64,), (x,))
    kernel((1,), (64,), (x,))
    assert [cost.global_stores.elements for cost in costs] == [32, 64]


def test_kernels_of_modules_and_elementwise_kernels() -> None:
    module = cp.RawModule(code='extern "C" __global__ void a(float* x) { x[0] = 1; } extern "C" __global__ void b(float* x) { x[1] = x[0]; }')
    double = cp.ElementwiseKernel("float32 x", "float32 y", "y = 2 * x", "double_")
    x = cp.ones(64, cp.float32)
    with measure() as costs:
        module.get_function("b")((1,), (1,), (x,))
        y = double(x)
    assert (costs[0].global_loads.elements, costs[0].global_stores.elements) == (1, 1)
    assert costs[1].reads(x).tolist() == costs[1].writes(y).tolist() == [1] * 64


def test_results_are_those_of_a_launch_that_is_not_measured() -> None:
    x = cp.arange(64, dtype=cp.float32)
    cost_of("__shared__ float s[64]; s[i] = x[i]; __syncthreads(); x[i] = s[63 - i];", x, block=(64,))
    assert x.get().tolist() == list(range(63, -1, -1))


def test_nothing_counted_is_said_in_words() -> None:
    with measure() as costs:
        pass
    with pytest.raises(IndexError, match="the stand-in"):
        costs[-1]


def test_of_several_costs_any_can_be_had() -> None:
    costs = Costs([Cost(), Cost(barriers=3)])
    assert (costs[-1].barriers, len(costs[:1])) == (3, 1)
    with pytest.raises(IndexError, match="list index out of range"):
        costs[2]


# ---- as it is shown ----------------------------------------------------------------------------------------------------


def test_the_text_names_what_there_is() -> None:
    text = str(cost_of("__shared__ float s[32]; s[i] = x[i]; __syncthreads(); x[i] = s[31 - i];"))
    assert [line.split()[:2] for line in text.splitlines()[1:-1]] == [
        ["global", "loads"],
        ["global", "stores"],
        ["shared", "loads"],
        ["shared", "stores"],
    ]
    assert text.splitlines()[-1] == "barriers: 1; branches: 0, divergent: 0"


def rows(cost: Cost) -> list[list[str]]:
    """The cells of the table in HTML."""
    return [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row) for row in re.findall(r"<tr>(.*?)</tr>", cost._repr_html_())]


def test_jupyterlab_shows_the_traffic_beside_the_source() -> None:
    table = rows(cost_of("x[i] = x[32 * i + 1024];\nif (i < 2 && i > 0) __syncwarp(2);"))
    assert table[1] == ["elements", "requests", "sectors<br>per request", "line", ""]
    assert table[3] == ["64", "2", "18", "3", "x[i] = x[32 * i + 1024];"]
    assert table[4][-1] == "if (i &lt; 2 &amp;&amp; i &gt; 0) __syncwarp(2);", "code is no HTML"


def test_jupyterlab_shows_shared_memory_where_it_is_used() -> None:
    table = rows(cost_of("__shared__ float s[64];\ns[i] = x[i];\n__syncthreads();\nx[i] = s[31 - i];"))
    assert table[0] == ["global memory", "shared memory", ""]
    assert table[4] == ["32", "1", "4", "32", "1", "0", "4", "s[i] = x[i];"]


def test_jupyterlab_marks_what_could_be_less() -> None:
    def marks(body: str) -> int:
        return cost_of(body)._repr_html_().count("rgba(224")

    assert marks("x[i] = x[i + 1025];") == 0
    assert marks("x[i] = x[8 * i + 1024];") == 1
    assert marks("__shared__ float s[64]; s[2 * i] = 1; x[i] = s[2 * i];") == 1


# ---- from traces -------------------------------------------------------------------------------------------------------


def test_lanes_of_one_step_may_be_in_different_spaces() -> None:
    """Through a generic pointer a part of a warp reads global memory and the other one shared memory."""
    events = np.zeros(32, EVENT)
    events["thread"], events["size"], events["address"] = np.arange(32), 4, 4 * np.arange(32)
    events["space"][::2] = SHARED
    tally = Tally(replace(NOWHERE, sites=(Site(1, "ld.f32", "generic load"),)))
    tally.add(events)
    cost = tally.finish()
    assert cost.global_loads == Traffic(elements=16, bytes=64, requests=1, sectors=4)
    assert cost.shared_loads == Traffic(elements=16, bytes=64, requests=1)
