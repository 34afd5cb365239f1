"""Atomic updates: every operation and type, in both memories, their old values, and what is built from compare-and-swap."""

from __future__ import annotations

import numpy as np

from kernels.program import Program, Within, rng, single

F4 = np.float32
N = 128
INTS = rng("atomics").integers(-1000, 1000, N).astype(np.int32)
U = rng("atomics u").integers(0, 2**32, N, dtype=np.uint32)
L = rng("atomics l").integers(-(2**62), 2**62, N)
X = rng("atomics x").normal(size=N).astype(F4)
KEYS = rng("keys").integers(0, 10, N).astype(np.int32)


def updates(name: str, body: str, expected: np.ndarray | Within, start: np.ndarray, x: np.ndarray, **more: object) -> Program:
    """All threads of four blocks update `at`; thread i holds x[i]."""
    names = {
        "float32": "float",
        "float64": "double",
        "int32": "int",
        "int64": "long long",
        "uint32": "unsigned",
        "uint64": "unsigned long long",
        "uint16": "unsigned short",
    }
    source = f"""{more.pop("before", "")}
extern "C" __global__ void k(const {names[x.dtype.name]}* x, {names[start.dtype.name]}* at) {{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    {body}
}}"""
    return single(name, source, {"at": expected}, ("x", x), ("at", start), grid=(4,), block=(32,), **more)  # type: ignore[arg-type]


ULL = U.astype(np.uint64) << np.uint64(20)

PROGRAMS: list[Program] = [
    updates("add, subtract, minimum, maximum", "atomicAdd(&at[0], x[i]); atomicSub(&at[1], x[i]); atomicMin(&at[2], x[i]); atomicMax(&at[3], x[i]);", np.array([5 + INTS.sum(), 5 - INTS.sum(), INTS.min(), INTS.max()], np.int32), np.full(4, 5, np.int32), INTS),
    updates("unsigned minimum and maximum, and, or, xor", "atomicMin(&at[0], x[i]); atomicMax(&at[1], x[i]); atomicAnd(&at[2], x[i] | 0xff); atomicOr(&at[3], x[i] & 0xff00ff); atomicXor(&at[4], x[i]); atomicAdd(&at[5], x[i]);", np.array([U.min(), U.max(), np.bitwise_and.reduce(U | 0xFF), np.bitwise_or.reduce(U & 0xFF00FF), np.bitwise_xor.reduce(U), U.sum(dtype=np.uint32)], np.uint32), np.array([2**32 - 1, 0, 2**32 - 1, 0, 0, 0], np.uint32), U),
    updates("64-bit: add, minimum, maximum, and, or, xor, exchange", "atomicAdd((unsigned long long*)&at[0], (unsigned long long)x[i]); atomicMin(&at[1], x[i]); atomicMax(&at[2], x[i]); atomicAnd((unsigned long long*)&at[3], (unsigned long long)x[i] | 7); atomicOr((unsigned long long*)&at[4], (unsigned long long)x[i] & 0xf0f0); atomicXor((unsigned long long*)&at[5], (unsigned long long)x[i]); if (i == 3) atomicExch((unsigned long long*)&at[6], (unsigned long long)x[i]);", np.array([L.sum(), L.min(), L.max(), np.bitwise_and.reduce(L | 7), np.bitwise_or.reduce(L & 0xF0F0), np.bitwise_xor.reduce(L), L[3]]), np.array([0, 2**62, -(2**62), -1, 0, 0, 9]), L),
    updates("unsigned 64-bit extremes", "atomicMin(&at[0], x[i]); atomicMax(&at[1], x[i]);", np.array([ULL.min(), ULL.max()]), np.array([2**64 - 1, 0], np.uint64), ULL),
    updates("sums of floats", "atomicAdd(&at[i % 3], x[i]);", Within(np.array([X[k::3].astype(np.float64).sum() for k in range(3)]), 0, 1e-4), np.zeros(3, F4), X),
    updates("sums of doubles", "atomicAdd(&at[0], x[i]); atomicAdd(&at[1], -2 * x[i]);", Within(X.astype(np.float64).sum() * np.array([1, -2]), 0, 1e-12, np.float64), np.zeros(2), X.astype(np.float64)),
    updates("sums of halves and of pairs of halves", "atomicAdd((__half*)&at[0], __int2half_rn(x[i] % 4)); atomicAdd((__half2*)&at[2], __floats2half2_rn(x[i] % 3, 1.f));", np.array([np.fmod(INTS, 4).sum(), 0, np.fmod(INTS, 3).sum(), N], np.float16).view(np.uint16), np.zeros(4, np.uint16), INTS, before="#include <cuda_fp16.h>"),
    updates("counters that wrap up and down", "atomicInc(&at[0], 9); atomicDec(&at[1], 9); if (i == 0) { atomicInc(&at[2], 4); atomicDec(&at[3], 4); }", np.array([N % 10, (0 - N) % 10, 0, 4], np.uint32), np.array([0, 0, 7, 7], np.uint32), U),
    updates("each old value is given once", "int mine = atomicAdd(&at[0], 1); at[1 + mine] = 1;", np.concatenate([[N], np.ones(N)]).astype(np.int32), np.zeros(N + 1, np.int32), INTS),
    updates("what an exchange brings goes round", "unsigned v = x[i]; for (int k = 0; k < 3; k++) v = atomicExch(&at[0], v); atomicXor(&at[1], v);", np.array([0, 0], np.uint32), np.zeros(2, np.uint32), np.zeros(N, np.uint32)),
    updates("a product by compare-and-swap", "unsigned old = atomicOr(&at[0], 0), seen; do { seen = old; old = atomicCAS(&at[0], seen, seen * (x[i] | 1)); } while (old != seen);", np.array([np.multiply.reduce(U | np.uint32(1))], np.uint32), np.ones(1, np.uint32), U),
    updates("the largest float by compare-and-swap", "int* p = (int*)at; int old = atomicAdd(p, 0); while (__int_as_float(old) < x[i]) { int seen = old; old = atomicCAS(p, seen, __float_as_int(x[i])); if (old == seen) break; }", np.array([X.max()]), np.array([-100], F4), X),
    updates("64-bit compare-and-swap: the largest with its place", "unsigned long long mine = (unsigned long long)(x[i] + 5000) << 32 | (unsigned)i; unsigned long long old = atomicAdd(&at[0], 0ull); while (old < mine) { unsigned long long seen = atomicCAS(&at[0], old, mine); if (seen == old) break; old = seen; }", np.array([max((int(v) + 5000) << 32 | k for k, v in enumerate(INTS))], np.uint64), np.zeros(1, np.uint64), INTS),
    updates("16-bit compare-and-swap", "unsigned short old = 0, seen; do { seen = old; old = atomicCAS(&at[1], seen, (unsigned short)(seen + 3)); } while (old != seen);", np.array([7, 3 * N, 7], np.uint16), np.array([7, 0, 7], np.uint16), INTS),
    updates("within a block, or with the host", "atomicAdd_block(&at[blockIdx.x], x[i]); atomicMax_system(&at[4], x[i]); atomicOr_block(&at[5 + blockIdx.x], x[i]);", np.concatenate([INTS.reshape(4, 32).sum(1), [INTS.max()], np.bitwise_or.reduce(INTS.reshape(4, 32), 1)]).astype(np.int32), np.concatenate([np.zeros(4), [-2000], np.zeros(4)]).astype(np.int32), INTS),
    updates("in shared memory: a histogram", "__shared__ int h[10]; if (threadIdx.x < 10) h[threadIdx.x] = 0; __syncthreads(); atomicAdd(&h[x[i]], 1); __syncthreads(); if (threadIdx.x < 10) atomicAdd(&at[threadIdx.x], h[threadIdx.x]);", np.bincount(KEYS, minlength=10).astype(np.int32), np.zeros(10, np.int32), KEYS),
    updates("in shared memory: floats, extremes, compare-and-swap", "__shared__ float sum; __shared__ int most; __shared__ unsigned long long wide; if (threadIdx.x == 0) { sum = 0; most = -9999; wide = 0; } __syncthreads(); atomicAdd(&sum, (float)x[i]); atomicMax(&most, x[i]); atomicCAS(&wide, 0ull, 1ull << 40); atomicAdd(&wide, 1ull); __syncthreads(); if (threadIdx.x == 0) { atomicAdd(&at[0], (int)sum); atomicMax(&at[1], most); atomicAdd(&at[2], (int)(wide >> 40) * 1000 + (int)(wide & 255)); }", np.array([INTS.sum(), INTS.max(), 4 * 1032], np.int32), np.array([0, -9999, 0], np.int32), INTS),
    updates("through a pointer of either space", "__shared__ int s; if (threadIdx.x == 0) s = 0; __syncthreads(); bump(i % 2 ? &s : &at[0], x[i]); __syncthreads(); if (threadIdx.x == 0) atomicAdd(&at[1], s);", np.array([INTS[::2].sum(), INTS[1::2].sum()], np.int32), np.zeros(2, np.int32), INTS, before="__device__ __noinline__ void bump(int* p, int v) { atomicAdd(p, v); }"),
    updates("reductions in PTX, without an answer", 'asm volatile("red.global.add.s32 [%0], %1;" :: "l"(at), "r"(x[i]) : "memory"); asm volatile("red.global.max.s32 [%0 + 4], %1;" :: "l"(at), "r"(x[i]) : "memory"); int old; asm volatile("atom.global.add.s32 %0, [%1], 1;" : "=r"(old) : "l"(at + 2) : "memory"); atomicXor(&at[3], old);', np.array([INTS.sum(), INTS.max(), N, np.bitwise_xor.reduce(np.arange(N))], np.int32), np.array([0, -9999, 0, 0], np.int32), INTS),
    single(
        "a list that grows by an atomic counter",
        """
extern "C" __global__ void k(const int* x, int n, int* count, int* kept) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n && x[i] > 500) kept[atomicAdd(count, 1)] = 1;
}""",
        {"count": np.array([(INTS > 500).sum()], np.int32), "kept": (np.arange(N) < (INTS > 500).sum()).astype(np.int32)},
        ("x", INTS), np.int32(N), ("count", np.zeros(1, np.int32)), ("kept", np.zeros(N, np.int32)),
        grid=(3,), block=(50,),
    ),
]  # fmt: skip
