"""Warps: votes, matches, shuffles of every width, reductions in one instruction, masks, groups of threads."""

from __future__ import annotations

import numpy as np

from kernels.program import Program, Within, rng, single

F4 = np.float32
ALL = "0xffffffffu"
T = np.arange(64)
LANE, WARP = T % 32, T // 32
X = rng("warps").normal(size=64).astype(F4)
D = rng("warps d").normal(size=64)
INTS = rng("warps i").integers(-1000, 1000, 64).astype(np.int32)
L = rng("warps l").integers(-(2**62), 2**62, 64)


def warp(
    name: str, body: str, expected: np.ndarray | Within, *inputs: np.ndarray, block: tuple[int, ...] = (64,), before: str = "", **more: object
) -> Program:
    """Thread t of one block writes out[t]; the inputs are a, b."""
    names = {"float32": "float", "float64": "double", "int32": "int", "int64": "long long", "uint32": "unsigned"}
    parameters = [f"const {names[x.dtype.name]}* {letter}" for letter, x in zip("ab", inputs, strict=False)]
    source = f"""{before}
extern "C" __global__ void k({", ".join([*parameters, f"{names[np.dtype(expected.dtype).name]}* out"])}) {{
    const unsigned ALL = {ALL};
    int t = threadIdx.x, lane = t & 31;
    {body}
}}"""
    return single(name, source, {"out": expected}, *zip("ab", inputs, strict=False), "out", block=block, **more)


def per_warp(values: np.ndarray) -> np.ndarray:
    return values.reshape(-1, 32)


def from_lane(x: np.ndarray, source: np.ndarray) -> np.ndarray:
    """What each thread gets from lane `source` of its own warp."""
    return x[WARP[: x.size] * 32 + source]


def up(x: np.ndarray, delta: int, width: int = 32) -> np.ndarray:
    return from_lane(x, np.where(LANE % width >= delta, LANE - delta, LANE))


def down(x: np.ndarray, delta: int, width: int = 32) -> np.ndarray:
    return from_lane(x, np.where(LANE % width + delta < width, LANE + delta, LANE))


def across(x: np.ndarray, mask: int, width: int = 32) -> np.ndarray:
    """A lane of a later segment than one's own is out of reach."""
    source = LANE ^ mask
    return from_lane(x, np.where(source // width <= LANE // width, source, LANE))


def index(x: np.ndarray, source: np.ndarray, width: int = 32) -> np.ndarray:
    return from_lane(x, LANE // width * width + source % width)


def halves_added(x: np.ndarray) -> np.ndarray:
    for offset in (16, 8, 4, 2, 1):
        x = x + from_lane(x, LANE ^ offset)
    return x


def bits(flags: np.ndarray) -> np.ndarray:
    """The ballot of each warp, for each of its threads."""
    ballots = (per_warp(flags).astype(np.uint64) << np.arange(32, dtype=np.uint64)).sum(1).astype(np.uint32)
    return ballots[WARP[: flags.size]]


def matches(keys: np.ndarray) -> np.ndarray:
    return np.array([sum(1 << k for k in range(32) if keys[t // 32 * 32 + k] == keys[t]) for t in range(keys.size)], np.uint32)


STAY = 20


def first_of_the_chosen(x: np.ndarray) -> np.ndarray:
    """For the positive numbers of each warp: the first of them, and how many come before; 0 for the others."""
    chosen = per_warp(x) > 0
    first = per_warp(x)[np.arange(len(chosen)), chosen.argmax(1)]
    return np.where(chosen, first[:, None] + np.cumsum(chosen, 1) - chosen, 0).ravel().astype(np.int32)


PROGRAMS: list[Program] = [
    warp("ballot, any, all", "unsigned b = __ballot_sync(ALL, a[t] > 0); out[t] = b ^ (__any_sync(ALL, t == 5) | __all_sync(ALL, t < 32) << 1 | __all_sync(ALL, lane >= 0) << 2);", bits(INTS > 0) ^ np.where(WARP == 0, 7, 4).astype(np.uint32), INTS),
    warp("lanes with the same key", "unsigned p = __match_any_sync(ALL, a[t] % 5); int all; unsigned q = __match_all_sync(ALL, t / 32, &all); int some; unsigned r = __match_all_sync(ALL, t / 33, &some); out[t] = p + (q == ALL) + all * 2 + (r != 0) * 4 + some * 8;", matches(np.fmod(INTS, 5)) + np.where(WARP == 0, 15, 3).astype(np.uint32), INTS),
    warp("lanes with the same 64-bit key", "out[t] = __match_any_sync(ALL, (a[t] & 3) << 40);", matches(L & 3), L),
    warp("a sum by xor shuffles", "float v = a[t]; for (int o = 16; o; o /= 2) v += __shfl_xor_sync(ALL, v, o); out[t] = v;", halves_added(X), X),
    warp("a sum by down shuffles", "float v = a[t]; for (int o = 16; o; o /= 2) v += __shfl_down_sync(ALL, v, o); if (lane == 0) out[t / 32] = v;", halves_added(X)[[0, 32]], X),
    warp("a running sum by up shuffles", "int v = a[t]; for (int o = 1; o < 32; o *= 2) { int u = __shfl_up_sync(ALL, v, o); if (lane >= o) v += u; } out[t] = v;", np.cumsum(per_warp(INTS), 1).ravel().astype(np.int32), INTS),
    warp("a broadcast and a rotation by index", "out[t] = __shfl_sync(ALL, a[t], 3) * 2 + __shfl_sync(ALL, a[t], lane + 1) + __shfl_sync(ALL, a[t], -1);", from_lane(INTS, LANE * 0 + 3) * 2 + from_lane(INTS, (LANE + 1) % 32) + from_lane(INTS, LANE * 0 + 31), INTS),
    warp("segments of 16 lanes", "int v = a[t]; out[t] = __shfl_up_sync(ALL, v, 3, 16) + 3 * __shfl_down_sync(ALL, v, 5, 16) + 5 * __shfl_xor_sync(ALL, v, 20, 16) + 7 * __shfl_sync(ALL, v, 18, 16);", up(INTS, 3, 16) + 3 * down(INTS, 5, 16) + 5 * across(INTS, 20, 16) + 7 * index(INTS, LANE * 0 + 18, 16), INTS),
    warp("segments of 8, 4, 2 and 1 lanes", "int v = a[t]; out[t] = __shfl_up_sync(ALL, v, 1, 8) + 3 * __shfl_down_sync(ALL, v, 1, 4) + 5 * __shfl_xor_sync(ALL, v, 1, 2) + 7 * __shfl_sync(ALL, v, 0, 1);", up(INTS, 1, 8) + 3 * down(INTS, 1, 4) + 5 * across(INTS, 1, 2) + 7 * INTS, INTS),
    warp("64-bit shuffles", "out[t] = __shfl_xor_sync(ALL, a[t], 7) - __shfl_down_sync(ALL, a[t], 9);", across(L, 7) - down(L, 9), L),
    warp("shuffles of doubles", "double v = a[t]; for (int o = 16; o; o /= 2) v += __shfl_xor_sync(ALL, v, o); out[t] = v;", halves_added(D), D),
    warp("shuffles of halves and pairs of halves", "__half2 v = __floats2half2_rn(lane, -lane); __half2 w = __shfl_up_sync(ALL, v, 1); __half h = __shfl_sync(ALL, __low2half(v), 9); out[t] = __low2float(w) * 100 + __high2float(w) + __half2float(h);", (np.maximum(LANE - 1, 0) * 99 + 9).astype(F4), before="#include <cuda_fp16.h>"),
    warp("the source lane's own answer, as PTX gives it", 'int r, valid; asm volatile("{ .reg .pred p; shfl.sync.down.b32 %0|p, %2, 4, 31, 0xffffffff; selp.s32 %1, 1, 0, p; }" : "=r"(r), "=r"(valid) : "r"(a[t])); out[t] = r * 2 + valid;', down(INTS, 4) * 2 + (LANE + 4 < 32), INTS),
    warp("a shuffle in each half of a branch, with the half's mask", "int v; if (lane < 16) v = __shfl_xor_sync(0x0000ffffu, a[t], 1); else v = -__shfl_xor_sync(0xffff0000u, a[t], 2); out[t] = v;", np.where(LANE < 16, across(INTS, 1), -across(INTS, 2)).astype(np.int32), INTS),
    warp("a mask from a ballot", "unsigned m = __ballot_sync(ALL, a[t] > 0); int v = 0; if (a[t] > 0) { int first = __ffs(m) - 1; v = __shfl_sync(m, a[t], first) + __popc(m & ((1u << lane) - 1)); } out[t] = v;", first_of_the_chosen(INTS), INTS),
    warp("the last warp is not full", "unsigned m = __ballot_sync(__activemask(), true); int v = t; if (t >= 32) v += __shfl_down_sync(0xff, v, 4, 8); out[t] = v + __popc(m) * 1000;", np.concatenate([np.arange(32) + 32000, np.arange(32, 40) + np.array([36, 37, 38, 39, 36, 37, 38, 39]) + 8000]).astype(np.int32), block=(40,)),
    warp("active lanes in a branch that all of a warp take", "int v = 0; if (t < 32) v = __popc(__activemask()); out[t] = v;", np.where(T < 32, 32, 0).astype(np.int32)),
    warp("lanes leave, the others go on with a smaller mask", "if (lane >= 20) { out[t] = -1; return; } unsigned m = (1u << 20) - 1; int v = a[t]; int s = __shfl_sync(m, v, (lane + 1) % 20); out[t] = s + __popc(__ballot_sync(m, v > 0));", np.where(LANE >= STAY, -1, from_lane(INTS, (LANE + 1) % STAY) + np.repeat((per_warp(INTS)[:, :STAY] > 0).sum(1), 32)).astype(np.int32), INTS),
    warp("lanes that have left count no more", "if (lane >= 20) { out[t] = -1; return; } out[t] = __popc(__ballot_sync(ALL, lane % 2)) * 10 + __all_sync(ALL, lane < 20);", np.where(LANE >= STAY, -1, 101).astype(np.int32)),
    warp("reductions in one instruction", "int v = a[t]; unsigned u = v; out[t] = __reduce_add_sync(ALL, v) + 3 * __reduce_max_sync(ALL, v) + 5 * __reduce_min_sync(ALL, v) + 7 * (int)__reduce_min_sync(ALL, u) + 11 * (int)__reduce_and_sync(ALL, u | 64) + 13 * (int)__reduce_or_sync(ALL, u & 255) + 17 * (int)__reduce_xor_sync(ALL, u);", np.repeat([(w.sum() + 3 * w.max() + 5 * w.min() + 7 * int(w.view(np.uint32).min()) + 11 * int(np.bitwise_and.reduce(w | 64)) + 13 * int(np.bitwise_or.reduce(w & 255)) + 17 * int(np.bitwise_xor.reduce(w))) & 0xFFFFFFFF for w in per_warp(INTS)], 32).astype(np.uint32).view(np.int32), INTS, architecture=80),
    warp("__syncwarp orders shared memory within a warp", "__shared__ int s[64]; s[t] = a[t]; __syncwarp(); int v = s[t ^ 1]; __syncwarp(); s[t] = v + 1; __syncwarp(); out[t] = s[t / 32 * 32 + 31 - lane];", (INTS[T ^ 1] + 1)[WARP * 32 + 31 - LANE], INTS),
    warp("__syncwarp of some lanes", "__shared__ int s[64]; s[t] = a[t]; int v = 0; if (lane < 8) { __syncwarp(0xff); v = s[t ^ 7]; } out[t] = v;", np.where(LANE < 8, INTS[T ^ 7], 0).astype(np.int32), INTS),
    warp("shuffles order shared memory too", "__shared__ int s[64]; s[t] = a[t]; __shfl_sync(ALL, 0, 0); out[t] = s[t ^ 3];", INTS[T ^ 3], INTS),
    warp("one atomic for the whole warp", "__shared__ int total; if (t == 0) total = 0; __syncthreads(); bool mine = a[t] > 0; unsigned m = __ballot_sync(ALL, mine); int start; if (lane == 0) start = atomicAdd(&total, __popc(m)); start = __shfl_sync(ALL, start, 0); __syncthreads(); out[t] = (start >= 0) * total * 100 + __popc(m);", ((INTS > 0).sum() * 100 + np.repeat((per_warp(INTS) > 0).sum(1), 32)).astype(np.int32), INTS),
    warp("tiles of cooperative groups", "auto block = cg::this_thread_block(); auto tile = cg::tiled_partition<32>(block); auto small = cg::tiled_partition<8>(tile); int v = a[t]; for (int o = small.size() / 2; o; o /= 2) v += small.shfl_xor(v, o); int w = tile.shfl(a[t], 5) + small.thread_rank() * 10 + small.meta_group_rank() + tile.any(a[t] > 999) + (tile.ballot(lane < 3) == 7); block.sync(); out[t] = v * 3 + w;", np.repeat(INTS.reshape(-1, 8).sum(1), 8) * 3 + from_lane(INTS, LANE * 0 + 5) + T % 8 * 10 + LANE // 8 + np.repeat((per_warp(INTS) > 999).any(1), 32) + 1, INTS, before="#include <cooperative_groups.h>\nnamespace cg = cooperative_groups;"),
    warp("reductions and scans of cooperative groups", "auto tile = cg::tiled_partition<16>(cg::this_thread_block()); out[t] = cg::reduce(tile, a[t], cg::plus<int>()) + 3 * cg::reduce(tile, a[t], cg::greater<int>()) + 5 * cg::inclusive_scan(tile, a[t]);", (np.repeat(INTS.reshape(-1, 16).sum(1), 16) + 3 * np.repeat(INTS.reshape(-1, 16).max(1), 16) + 5 * np.cumsum(INTS.reshape(-1, 16), 1).ravel()).astype(np.int32), INTS, before="#include <cooperative_groups.h>\n#include <cooperative_groups/reduce.h>\n#include <cooperative_groups/scan.h>\nnamespace cg = cooperative_groups;"),
    warp("groups of the lanes that took a branch", "int v = -1; if (t % 3 == 0) { auto g = cg::coalesced_threads(); v = g.size() * 100 + g.thread_rank(); } out[t] = v;", np.array([-1 if t % 3 else sum(k % 3 == 0 for k in range(t // 32 * 32, t // 32 * 32 + 32)) * 100 + sum(k % 3 == 0 for k in range(t // 32 * 32, t)) for t in range(64)], np.int32), before="#include <cooperative_groups.h>\nnamespace cg = cooperative_groups;"),
    warp("cub: a warp's sum", "typedef cub::WarpReduce<int> Reduce; __shared__ typename Reduce::TempStorage storage[2]; int s = Reduce(storage[t / 32]).Sum(a[t]); if (lane == 0) out[t / 32] = s;", per_warp(INTS).sum(1).astype(np.int32), INTS, before="#include <cub/warp/warp_reduce.cuh>"),
]  # fmt: skip
