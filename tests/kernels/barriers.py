"""Blocks: barriers of every kind, also inside functions, fences between blocks, and cub's block algorithms."""

from __future__ import annotations

import numpy as np

from kernels.program import Launch, Program, Within, rng, single

F4 = np.float32
T = np.arange(64)
X = rng("barriers").normal(size=1024).astype(F4)
INTS = rng("barriers i").integers(-1000, 1000, 1024).astype(np.int32)
SUM = Within(np.array([X.astype(np.float64).sum()]), 0, 1e-3)

LAST_BLOCK = """
__device__ unsigned arrived = 0;
extern "C" __global__ void k(const float* x, float* partial, float* out) {
    __shared__ float s[64];
    __shared__ bool last;
    int t = threadIdx.x;
    s[t] = x[blockIdx.x * 64 + t];
    __syncthreads();
    for (int o = 32; o > 0; o /= 2) {
        if (t < o) s[t] += s[t + o];
        __syncthreads();
    }
    if (t == 0) {
        partial[blockIdx.x] = s[0];
        __threadfence();
        last = atomicInc(&arrived, gridDim.x - 1) == gridDim.x - 1;
    }
    __syncthreads();
    if (last && t == 0) {
        float sum = 0;
        for (int b = 0; b < gridDim.x; b++) sum += partial[b];
        out[0] = sum;
    }
}"""

PROGRAMS: list[Program] = [
    single("a barrier inside a function that is not inlined", "__device__ __noinline__ int exchange(int* s, int v) { s[threadIdx.x] = v; __syncthreads(); int r = s[63 - threadIdx.x]; __syncthreads(); return r; }\n" 'extern "C" __global__ void k(const int* x, int* out) { __shared__ int s[64]; int i = threadIdx.x; int once = exchange(s, x[i]); out[i] = once * 2 + exchange(s, once + i); }', {"out": (INTS[63 - T] * 2 + INTS[T] + 63 - T).astype(np.int32)}, ("x", INTS[:64]), "out", block=(64,)),
    single(
        "barriers and shuffles inside a recursion",
        """
__device__ __noinline__ int fold(int* s, int width, int v) {
    int t = threadIdx.x, local[2];
    local[t & 1] = v;
    s[t] = v;
    __syncthreads();
    int other = t < width ? s[t + width] : 0;
    other += __shfl_xor_sync(0xffffffffu, 0, 1);
    __syncthreads();
    if (width == 1) return v + other;
    return fold(s, width / 2, local[t & 1] + other);
}
extern "C" __global__ void k(const int* x, int* out) { __shared__ int s[64]; int r = fold(s, 32, x[threadIdx.x]); if (threadIdx.x == 0) out[0] = r; }""",
        {"out": np.array([INTS[:64].sum()], np.int32)},
        ("x", INTS[:64]), "out",
        block=(64,),
    ),
    single("barriers that count, and combine", 'extern "C" __global__ void k(const int* x, int* out) { int i = threadIdx.x; int n = __syncthreads_count(x[i] > 0); int any = __syncthreads_or(x[i] == 12345), all = __syncthreads_and(i < 64); out[i] = n * 100 + (any != 0) * 10 + (all != 0); }', {"out": np.full(64, (INTS[:64] > 0).sum() * 100 + 1, np.int32)}, ("x", INTS[:64]), "out", block=(64,)),
    single(
        "named barriers: each half of the block waits for itself",
        """
extern "C" __global__ void k(const int* x, int* out) {
    __shared__ int s[128];
    int t = threadIdx.x, half = t / 64;
    for (int round = 0; round <= half; round++) {
        s[t] = x[t] + round;
        asm volatile("bar.sync %0, 64;" :: "r"(half + 1) : "memory");
        int v = s[half * 64 + 63 - t % 64];
        asm volatile("bar.sync %0, 64;" :: "r"(half + 1) : "memory");
        out[t] = v;
    }
}""",
        {"out": INTS[np.concatenate([63 - T, 127 - T])] + np.repeat([0, 1], 64).astype(np.int32)},
        ("x", INTS[:128]), "out",
        block=(128,),
    ),
    single(
        "named barriers: one warp brings, the other takes",
        """
extern "C" __global__ void k(const int* x, int* out) {
    __shared__ int s[32];
    int lane = threadIdx.x % 32;
    for (int round = 0; round < 4; round++) {
        if (threadIdx.x < 32) {
            s[lane] = x[round * 32 + lane];
            asm volatile("bar.arrive 1, 64;" ::: "memory");
            asm volatile("bar.sync 2, 64;" ::: "memory");
        } else {
            asm volatile("bar.sync 1, 64;" ::: "memory");
            out[round * 32 + lane] = s[31 - lane] * 2;
            asm volatile("bar.arrive 2, 64;" ::: "memory");
        }
    }
}""",
        {"out": (INTS[:128].reshape(4, 32)[:, ::-1] * 2).ravel()},
        ("x", INTS[:128]), "out",
        block=(64,),
    ),
    single("barriers in a loop whose length the block shares", 'extern "C" __global__ void k(const int* x, int* out, int n) { __shared__ int s[64]; int t = threadIdx.x; s[t] = x[blockIdx.x * 64 + t]; __syncthreads(); for (int r = 0; r < n + blockIdx.x; r++) { int v = s[(t + 1) % 64]; __syncthreads(); s[t] = v; __syncthreads(); } out[blockIdx.x * 64 + t] = s[t]; }', {"out": np.stack([np.roll(INTS[64 * b : 64 * b + 64], -3 - b) for b in range(4)]).ravel()}, ("x", INTS[:256]), "out", np.int32(3), grid=(4,), block=(64,)),
    single("a barrier in a branch that the whole block takes", 'extern "C" __global__ void k(const int* x, int* out) { __shared__ int s[64]; int t = threadIdx.x; int v = x[t]; if (blockIdx.x % 2) { s[t] = v; __syncthreads(); v = s[63 - t]; } else { __syncthreads(); v = -v; } out[blockIdx.x * 64 + t] = v; }', {"out": np.concatenate([-INTS[:64], INTS[63 - T], -INTS[:64]])}, ("x", INTS[:64]), "out", grid=(3,), block=(64,)),
    single("a block of 33 threads has two warps", 'extern "C" __global__ void k(int* out) { __shared__ int s[33]; int t = threadIdx.x; s[t] = t * t; __syncthreads(); out[t] = s[32 - t]; }', {"out": (np.arange(32, -1, -1) ** 2).astype(np.int32)}, "out", block=(33,)),
    single("the last block adds up, after a fence", LAST_BLOCK, {"out": SUM}, ("x", X), ("partial", np.zeros(16, F4)), "out", grid=(16,), block=(64,)),
    Program("the last block, twice: the counter wraps", LAST_BLOCK, tuple(Launch("k", (16,), (64,), ("x", "partial", "out")) for _ in range(2)), {"x": X, "partial": np.zeros(16, F4), "out": np.zeros(1, F4)}, {"out": SUM}),
    single(
        "the last block works with all its threads",
        """
__device__ int arrived = 0;
extern "C" __global__ void k(const int* x, int* partial, int* out, int n) {
    __shared__ int s[64];
    __shared__ bool last;
    int t = threadIdx.x, sum = 0;
    for (int i = blockIdx.x * 64 + t; i < n; i += gridDim.x * 64) sum += x[i];
    partial[blockIdx.x * 64 + t] = sum;
    __threadfence();
    __syncthreads();
    if (t == 0) last = atomicAdd(&arrived, 1) == gridDim.x - 1;
    __syncthreads();
    if (!last) return;
    sum = 0;
    for (int b = 0; b < gridDim.x; b++) sum += partial[b * 64 + t];
    s[t] = sum;
    __syncthreads();
    for (int o = 32; o > 0; o /= 2) {
        if (t < o) s[t] += s[t + o];
        __syncthreads();
    }
    if (t == 0) out[0] = s[0];
}""",
        {"out": np.array([INTS.sum()], np.int32)},
        ("x", INTS), ("partial", np.zeros(320, np.int32)), "out", np.int32(1024),
        grid=(5,), block=(64,),
    ),
    single(
        "blocks that wait for the one before: a running sum over blocks",
        """
extern "C" __global__ void k(const int* x, int* sums, int* ready, int* out) {
    __shared__ int before;
    int t = threadIdx.x, b = blockIdx.x;
    if (t == 0) {
        int sum = 0;
        for (int j = 0; j < 32; j++) sum += x[b * 32 + j];
        before = 0;
        if (b > 0) {
            while (atomicAdd(&ready[b - 1], 0) == 0) { }
            __threadfence();
            before = sums[b - 1];
        }
        sums[b] = before + sum;
        __threadfence();
        atomicExch(&ready[b], 1);
    }
    __syncthreads();
    out[b * 32 + t] = before + x[b * 32 + t];
}""",
        {"out": INTS[:256] + np.repeat(np.cumsum(INTS[:256].reshape(8, 32).sum(1)) - INTS[:256].reshape(8, 32).sum(1), 32).astype(np.int32)},
        ("x", INTS[:256]), ("sums", np.zeros(8, np.int32)), ("ready", np.zeros(8, np.int32)), "out",
        grid=(8,),
    ),
    single(
        "a lock that blocks take in turn",
        """
__device__ int lock = 0;
extern "C" __global__ void k(int* total) {
    if (threadIdx.x == 0) {
        while (atomicCAS(&lock, 0, 1) != 0) { }
        __threadfence();
        total[0] = total[0] * 3 + 1;
        total[1] += blockIdx.x;
        __threadfence();
        atomicExch(&lock, 0);
    }
}""",
        {"total": np.array([sum(3**k for k in range(6)), 15], np.int32)},
        ("total", np.zeros(2, np.int32)),
        grid=(6,),
    ),
    single("fences of every width", 'extern "C" __global__ void k(int* out) { out[threadIdx.x] = 1; __threadfence_block(); out[threadIdx.x] += 2; __threadfence_system(); out[threadIdx.x] += 3; __threadfence(); }', {"out": np.full(32, 6, np.int32)}, "out"),
    single("cub: a block's sum", '#include <cub/block/block_reduce.cuh>\nextern "C" __global__ void k(const float* x, float* out) { typedef cub::BlockReduce<float, 128> Reduce; __shared__ typename Reduce::TempStorage storage; float s = Reduce(storage).Sum(x[blockIdx.x * 128 + threadIdx.x]); if (threadIdx.x == 0) out[blockIdx.x] = s; }', {"out": Within(X.reshape(8, 128).astype(np.float64).sum(1), 0, 1e-4)}, ("x", X), "out", grid=(8,), block=(128,)),
    single("cub: a block's running sum", '#include <cub/block/block_scan.cuh>\nextern "C" __global__ void k(const int* x, int* out) { typedef cub::BlockScan<int, 128> Scan; __shared__ typename Scan::TempStorage storage; int v, total; Scan(storage).ExclusiveSum(x[threadIdx.x], v, total); out[threadIdx.x] = v; if (threadIdx.x == 0) out[128] = total; }', {"out": np.append(0, np.cumsum(INTS[:128])).astype(np.int32)}, ("x", INTS[:128]), "out", block=(128,)),
    single("cub: a block sorts", '#include <cub/block/block_radix_sort.cuh>\nextern "C" __global__ void k(const int* x, int* out) { typedef cub::BlockRadixSort<int, 64, 2> Sort; __shared__ typename Sort::TempStorage storage; int keys[2] = {x[threadIdx.x * 2], x[threadIdx.x * 2 + 1]}; Sort(storage).Sort(keys); out[threadIdx.x * 2] = keys[0]; out[threadIdx.x * 2 + 1] = keys[1]; }', {"out": np.sort(INTS[:128])}, ("x", INTS[:128]), "out", block=(64,)),
    single("cooperative groups: a block, its ranks and its barrier", '#include <cooperative_groups.h>\nnamespace cg = cooperative_groups;\nextern "C" __global__ void k(int* out) { auto block = cg::this_thread_block(); __shared__ int s[24]; s[block.thread_rank()] = block.thread_index().y * 10 + block.group_index().x; block.sync(); out[block.group_index().x * 24 + block.thread_rank()] = s[23 - block.thread_rank()] + block.size(); }', {"out": np.concatenate([(23 - np.arange(24)) // 8 * 10 + 24 + b for b in range(2)]).astype(np.int32)}, "out", grid=(2,), block=(8, 3)),
]  # fmt: skip
