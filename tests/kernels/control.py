"""Control: branches, jumps, loops, calls, recursion, grids of every shape, printing, time."""

from __future__ import annotations

import functools

import numpy as np

from kernels.program import Empty, Launch, Program, each, rng, single

F4 = np.float32
N = 200
A = rng("control").normal(size=N).astype(F4)
INTS = rng("control i").integers(-50, 50, N).astype(np.int32)
INDEX = np.arange(N)


def walked(i: int) -> int:
    total = 0
    while i > 0:
        match i % 4:
            case 0:
                total += 1
            case 1:
                total += 2
            case 2:
                total -= 1
            case _:
                total *= 3
        i //= 3
    return total


def fallen_through(i: int) -> int:
    value = 0
    if i % 6 in (0, 1):
        value += 1
    if i % 6 in (0, 1, 2):
        return value + 10
    if i % 6 == 3:
        return 100
    return value + 7 if i % 6 == 5 else value


@functools.cache
def fibonacci(n: int) -> int:
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


def nested(i: int) -> int:
    total = 0
    for a in range(10):
        if a == i % 10:
            continue
        for b in range(10):
            if a * b > i % 30:
                break
            total += a + b
        if total > 100:
            break
    return total


def jumped(value: int) -> int:
    steps = 1
    while value > 3:
        value, steps = value // 2 - 1, steps + 1
    return steps if value == 2 else steps + 100


def counted_down(j: int) -> int:
    total = 0
    while True:
        total += j if j > 7 else -j
        j -= 3
        if j <= 0:
            return total


def local_sums() -> np.ndarray:
    i, j = np.arange(N)[:, None], np.arange(8)
    table = np.zeros((N, 8), F4)
    table[i, (j * 3 + i) % 8] = A[:, None] * j.astype(F4)
    total = np.zeros(N, F4)
    for k in range(8):
        total += table[INDEX, (INDEX + k) % 8] * F4(k + 1)
    return total


def spread(depth: int, value: int) -> int:
    table = [0, 0, 0]
    for k in range(3):
        table[(k + value + 300) % 3] = value + k
    return table[1] if depth == 0 else spread(depth - 1, value + 1) + table[(depth + 300) % 3] + table[0]


def smoothed(a: np.ndarray, times: int) -> np.ndarray:
    for _ in range(times):
        a = np.concatenate([a[:1], (a[:-2] + a[2:]) * F4(0.5), a[-1:]])
    return a


def indices(grid: tuple[int, int, int], block: tuple[int, int, int]) -> np.ndarray:
    """blockIdx and threadIdx of every thread, blocks first, x fastest: [threads, 6]."""
    shape = (*grid[::-1], *block[::-1])
    return np.stack([axis.ravel() for axis in np.indices(shape)][::-1], 1)[:, [3, 4, 5, 0, 1, 2]].astype(np.int32)


WHERE = """
extern "C" __global__ void k(int* out) {
    int block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
    int thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
    int* mine = out + 6 * (block * (blockDim.x * blockDim.y * blockDim.z) + thread);
    mine[0] = blockIdx.x; mine[1] = blockIdx.y; mine[2] = blockIdx.z;
    mine[3] = threadIdx.x; mine[4] = threadIdx.y; mine[5] = threadIdx.z;
}"""

PROGRAMS: list[Program] = [
    each("a switch in a loop", "int s = 0; for (int j = i; j > 0; j /= 3) switch (j % 4) { case 0: s += 1; break; case 1: s += 2; break; case 2: s -= 1; break; default: s *= 3; } out[i] = s;", np.array([walked(i) for i in range(N)], np.int32), INTS),
    each("a switch with many cases becomes a table of jumps", "switch (i % 12) { " + " ".join(f"case {k}: out[i] = a[(i + {k * k}) % n] * {k + 3}; break;" for k in range(11)) + " default: out[i] = -1; }", np.array([int(INTS[(i + (i % 12) ** 2) % N]) * (i % 12 + 3) if i % 12 < 11 else -1 for i in range(N)], np.int32), INTS),
    each("cases fall through", "int v = 0; switch (i % 6) { case 0: case 1: v += 1; case 2: v += 10; break; case 3: v = 100; break; case 5: v += 7; } out[i] = v;", np.array([fallen_through(i) for i in range(N)], np.int32), INTS),
    each("goto", "int v = i, steps = 0; again: steps++; if (v > 3) { v = v / 2 - 1; goto again; } if (v == 2) goto done; steps += 100; done: out[i] = steps;", np.array([jumped(i) for i in range(N)], np.int32), INTS),
    each("break and continue in nested loops", "int s = 0; for (int p = 0; p < 10; p++) { if (p == i % 10) continue; for (int q = 0; q < 10; q++) { if (p * q > i % 30) break; s += p + q; } if (s > 100) break; } out[i] = s;", np.array([nested(i) for i in range(N)], np.int32), INTS),
    each("do while, comma, conditional operator", "int s = 0, j = a[i] & 15; do { s += j > 7 ? j : -j; } while (j -= 3, j > 0); out[i] = s;", np.array([counted_down(int(v) & 15) for v in INTS], np.int32), INTS),
    each("what is not needed is not evaluated", "int calls = 0; bool yes = i % 2 == 0 && bump(&calls) && i % 4 == 0 || bump(&calls); out[i] = calls * 2 + yes;", np.where(INDEX % 4 == 0, 1, np.where(INDEX % 2 == 0, 2, 1)).astype(np.int32) * 2 + 1, INTS, before="__device__ __noinline__ bool bump(int* c) { ++*c; return true; }"),
    each("a local array, indexed at run time", "float t[8]; for (int j = 0; j < 8; j++) t[(j * 3 + i) % 8] = a[i] * j; float s = 0; for (int j = 0; j < 8; j++) s += t[(i + j) % 8] * (j + 1); out[i] = s;", local_sums(), A, options=("--fmad=false",)),
    each("a two-dimensional local array", "int m[5][7]; for (int r = 0; r < 5; r++) for (int c = 0; c < 7; c++) m[r][c] = r * 10 + c + a[i]; int s = 0; for (int k = 0; k < 9; k++) s += m[(i + k) % 5][(i * 3 + k) % 7]; out[i] = s;", np.array([sum((i + k) % 5 * 10 + (i * 3 + k) % 7 + int(INTS[i]) for k in range(9)) for i in range(N)], np.int32), INTS),
    each("insertion sort in a local array", "float t[9]; for (int k = 0; k < 9; k++) { float v = a[(i * 7 + k * 13) % n]; int j = k; while (j > 0 && t[j - 1] > v) { t[j] = t[j - 1]; j--; } t[j] = v; } out[i] = t[4];", np.array([np.sort(A[(i * 7 + np.arange(9) * 13) % N])[4] for i in range(N)], F4), A),
    each("recursion", "out[i] = fibonacci(i % 13);", np.array([fibonacci(i % 13) for i in range(N)], np.int32), INTS, before="__device__ __noinline__ int fibonacci(int n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }"),
    each("two functions that call each other", "out[i] = even(i % 20) * 10 + odd(i % 7);", ((INDEX % 20 % 2 == 0) * 10 + (INDEX % 7 % 2 == 1)).astype(np.int32), INTS, before="__device__ bool odd(int n); __device__ __noinline__ bool even(int n) { return n == 0 || odd(n - 1); } __device__ __noinline__ bool odd(int n) { return n != 0 && even(n - 1); }"),
    each("recursion with a local array in every frame", "out[i] = spread(i % 6, a[i]);", np.array([spread(i % 6, int(INTS[i])) for i in range(N)], np.int32), INTS, before="__device__ __noinline__ int spread(int depth, int v) { int t[3]; for (int k = 0; k < 3; k++) t[(k + v + 300) % 3] = v + k; if (depth == 0) return t[1]; int s = spread(depth - 1, v + 1); return s + t[(depth + 300) % 3] + t[0]; }"),
    each("a function that is not inlined answers through a pointer", "float r; h(a[i], &r); out[i] = r;", A * F4(3) + F4(1), A, before="__device__ __noinline__ void h(float x, float* r) { *r = __fadd_rn(__fmul_rn(x, 3.f), 1.f); }"),
    each("a function with many arguments of many types", "out[i] = many(a[i], i, 2, 3.5, -1, (short)i, i * 1000000000ll, true, a);", np.array([int(INTS[i]) + i * 2 + 7 + 1 - i + i * 1000000000 // 1000000 + 1 + int(INTS[3]) for i in range(N)], np.int64), INTS, before="__device__ __noinline__ long long many(char a, int b, unsigned char c, double d, signed char e, short f, long long g, bool h, const int* p) { return a + b * c + (long long)(d * 2) - e - f + g / 1000000 + h + p[3]; }"),
    each("a function that returns a struct", "Three t = make(i); out[i] = t.a + t.b * 10 + (int)(t.c * 100);", (INDEX + (INDEX + 1) * 10 + 50).astype(np.int32), INTS, before="struct Three { int a; long long b; float c; }; __device__ __noinline__ Three make(int i) { return {i, i + 1, 0.5f}; }"),
    each("pointers to functions", "int (*f[3])(int) = {twice, square, negative}; out[i] = f[i % 3](a[i]) + apply(f[a[i] & 1], i);", (np.array([2 * INTS, INTS * INTS, -INTS])[INDEX % 3, INDEX] + np.where(INTS & 1, INDEX * INDEX, 2 * INDEX)).astype(np.int32), INTS, before="__device__ __noinline__ int twice(int x) { return 2 * x; } __device__ __noinline__ int square(int x) { return x * x; } __device__ __noinline__ int negative(int x) { return -x; } __device__ __noinline__ int apply(int (*f)(int), int x) { return f(x); }"),
    each("a table of functions in the module", "out[i] = operations[i % 2](a[i], i);", np.where(INDEX % 2, INTS * INDEX, INTS + INDEX).astype(np.int32), INTS, before="__device__ __noinline__ int add(int x, int y) { return x + y; } __device__ __noinline__ int times(int x, int y) { return x * y; } typedef int (*Operation)(int, int); __device__ Operation operations[2] = {add, times};"),
    single("a grid and blocks of three dimensions", WHERE, {"out": indices((2, 3, 4), (5, 2, 3))}, "out", grid=(2, 3, 4), block=(5, 2, 3)),
    single("a block of 1024 threads", WHERE, {"out": indices((2, 1, 1), (32, 8, 4))}, "out", grid=(2,), block=(32, 8, 4)),
    single("one thread", WHERE, {"out": indices((1, 1, 1), (1, 1, 1))}, "out", block=(1,)),
    single("forty thousand blocks", 'extern "C" __global__ void k(unsigned short* out) { out[blockIdx.x * 2 + threadIdx.x] = blockIdx.x ^ threadIdx.x; }', {"out": (np.arange(80_000) // 2 ^ np.arange(80_000) % 2).astype(np.uint16)}, "out", grid=(40_000,), block=(2,)),
    single("a grid that is high and narrow", 'extern "C" __global__ void k(int* out) { out[blockIdx.y * 3 + blockIdx.z] = blockIdx.y * 10 + blockIdx.z + gridDim.y; }', {"out": (np.arange(3000) // 3 * 10 + np.arange(3000) % 3 + 1000).astype(np.int32)}, "out", grid=(1, 1000, 3), block=(1,)),
    single("a loop in steps of the whole grid", 'extern "C" __global__ void k(const float* x, float* out, int n) { for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) out[i] = x[i] * 2; }', {"out": A * F4(2)}, ("x", A), "out", np.int32(N), grid=(3,), block=(16,)),
    single("threads that leave early, and no barrier", 'extern "C" __global__ void k(int* out, int n) { int i = blockIdx.x * blockDim.x + threadIdx.x; if (i >= n) return; if (i % 3 == 0) { out[i] = 1; return; } for (int j = 0; ; j++) if (j * j > i) { out[i] = j; return; } }', {"out": np.array([1 if i % 3 == 0 else int(i**0.5) + 1 for i in range(77)], np.int32)}, "out", np.int32(77), grid=(3,), block=(33,)),
    Program(
        "several kernels in one source",
        """
__device__ int shared_by_both(int x) { return x * x; }
extern "C" __global__ void first(int* a) { a[threadIdx.x] = shared_by_both(threadIdx.x); }
extern "C" __global__ void second(const int* a, int* b) { b[threadIdx.x] = a[31 - threadIdx.x] + 1; }""",
        (Launch("first", (1,), (32,), ("a",)), Launch("second", (1,), (32,), ("a", "b"))),
        {"a": Empty(32, np.int32), "b": Empty(32, np.int32)},
        {"a": (np.arange(32) ** 2).astype(np.int32), "b": (np.arange(31, -1, -1) ** 2 + 1).astype(np.int32)},
    ),
    Program(
        "the same kernel again and again",
        'extern "C" __global__ void step(const float* a, float* b, int n) { int i = threadIdx.x; b[i] = i == 0 || i == n - 1 ? a[i] : (a[i - 1] + a[i + 1]) * 0.5f; }',
        tuple(Launch("step", (1,), (64,), (*("a", "b")[:: 1 if k % 2 == 0 else -1], np.int32(64))) for k in range(6)),
        {"a": A[:64], "b": np.zeros(64, F4)},
        {"a": smoothed(A[:64], 6)},
    ),
    single(
        "printf",
        """
extern "C" __global__ void k(int n) {
    if (threadIdx.x < n) printf("t=%d f=%.2f s=%s %u%% %c %lld %x %5d|%-5d|\\n", threadIdx.x, threadIdx.x * 1.5f, "hi", 3u, 'q', 1ll << 40, 255, 42, 42);
}""",
        {},
        np.int32(2),
        printed=tuple(f"t={t} f={t * 1.5:.2f} s=hi 3% q 1099511627776 ff    42|42   |\n" for t in range(2)),
    ),
    single("printf without arguments, and its answer", 'extern "C" __global__ void k(int* out) { out[0] = printf("hello\\n") >= 0; }', {"out": np.array([1], np.int32)}, "out", block=(1,), printed=("hello\n",)),
    single("an assertion that holds", 'extern "C" __global__ void k(int* out, int n) { assert(n == 32 && "all threads"); out[threadIdx.x] = n; }', {"out": np.full(32, 32, np.int32)}, "out", np.int32(32)),
    single("time goes on", 'extern "C" __global__ void k(float* x, int* out) { long long t = clock64(); float s = x[threadIdx.x]; for (int k = 0; k < 100; k++) s = s * 0.5f + 1.f; x[threadIdx.x] = s; __threadfence(); out[threadIdx.x] = clock64() > t && clock() >= 0 | 1; }', {"out": np.ones(32, np.int32)}, ("x", A[:32]), "out"),
    single("registers that only PTX names", 'extern "C" __global__ void k(int* out) { unsigned lane, below, warps; asm("mov.u32 %0, %%laneid;" : "=r"(lane)); asm("mov.u32 %0, %%lanemask_lt;" : "=r"(below)); asm("mov.u32 %0, %%ntid.x;" : "=r"(warps)); out[threadIdx.x] = lane + 100 * __popc(below) + 10000 * (warps / warpSize); }', {"out": (np.arange(64) % 32 * 101 + 20000).astype(np.int32)}, "out", block=(64,)),
    each("inline PTX with predicates and labels", 'int r; asm("{ .reg .pred p; setp.gt.s32 p, %1, 10; selp.s32 %0, %1, -1, p; @p bra LATER; add.s32 %0, %0, 100; LATER: }" : "=&r"(r) : "r"(a[i])); out[i] = r;', np.where(INTS > 10, INTS, 99).astype(np.int32), INTS),
]  # fmt: skip
