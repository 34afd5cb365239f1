"""Memory: constant and global variables, shared memory of both kinds, addresses of every space, and what outlives a launch."""

from __future__ import annotations

import numpy as np

from kernels.program import Launch, Program, each, rng, single

F4 = np.float32
N = 200
X = rng("memory").normal(size=N).astype(F4)
INTS = rng("memory i").integers(-1000, 1000, N).astype(np.int32)
INDEX = np.arange(N)
T64 = np.arange(64)


def tree_sum(x: np.ndarray) -> np.float32:
    """Halves are added to each other, as a warp does it."""
    while x.size > 1:
        x = x[: x.size // 2] + x[x.size // 2 :]
    return x[0]


def scattered_sums() -> np.ndarray:
    k = np.arange(3000)
    table = np.zeros((8, 3000), np.int64)
    table[:, k * 7 % 3000] = k ^ np.arange(8)[:, None]
    return table[:, ::41].sum(1).astype(np.int32)


PROGRAMS: list[Program] = [
    each("constant memory, indexed at run time", "out[i] = a[i] * factors[i % 4] + offset;", X * F4([1, 2, 3, 4])[INDEX % 4] + F4(5), X, before="__constant__ float factors[4] = {1, 2, 3, 4}; __device__ float offset = 5.f;", options=("--fmad=false",)),
    each("a constant struct", "out[i] = a[i] * settings.scale + settings.table[i % 3];", INTS * 3 + np.array([10, 20, 30], np.int32)[INDEX % 3], INTS, before="struct Settings { int scale; int table[3]; }; __constant__ Settings settings = {3, {10, 20, 30}};"),
    Program(
        "a variable of the module lives on between launches",
        """
__device__ int counter = 100;
__device__ int history[8];
extern "C" __global__ void count(int slot) { if (threadIdx.x == 0) { counter += 1; history[slot] = counter; } }
extern "C" __global__ void report(int* out) { out[threadIdx.x] = history[threadIdx.x]; }""",
        (*(Launch("count", (1,), (32,), (np.int32(k),)) for k in range(3)), Launch("report", (1,), (8,), ("out",))),
        {"out": np.zeros(8, np.int32)},
        {"out": np.array([101, 102, 103, 0, 0, 0, 0, 0], np.int32)},
    ),
    each("a pointer in a module's variable", "out[i] = *middle + *(middle - 1) * 10 + (middle == numbers + 1);", np.full(N, 2 + 10 + 1, np.int32), INTS, before="__device__ int numbers[3] = {1, 2, 3}; __device__ int* middle = numbers + 1;"),
    each("__ldg and restrict", "out[i] = __ldg(a + i) * 2 + __ldg(&b[n - 1 - i]);", X * F4(2) + X[::-1], X, X.copy()),
    each("loads and stores with cache hints", "__stcs(out + i, __ldcg(a + i) + __ldcs(a + n - 1 - i));", X + X[::-1], X),
    single("shared memory reverses a block", 'extern "C" __global__ void k(const float* x, float* out) { __shared__ float s[64]; int i = threadIdx.x; s[i] = x[blockIdx.x * 64 + i]; __syncthreads(); out[blockIdx.x * 64 + i] = s[63 - i]; }', {"out": X[:192].reshape(3, 64)[:, ::-1].ravel()}, ("x", X[:192]), "out", grid=(3,), block=(64,)),
    single(
        "shared memory of a size that the launch decides, cut in two",
        """
extern "C" __global__ void k(const float* x, float* out, int n) {
    extern __shared__ float s[];
    float* first = s;
    int* second = (int*)(s + n);
    int i = threadIdx.x;
    first[i] = x[i];
    second[i] = n - 1 - i;
    __syncthreads();
    out[i] = first[second[i]] + second[n - 1 - i];
}""",
        {"out": X[:48][::-1] + np.arange(48, dtype=F4)},
        ("x", X[:48]), "out", np.int32(48),
        block=(48,), shared_mem=48 * 8,
    ),
    single(
        "shared structs, doubles and bytes beside shared memory of the launch's size",
        """
struct Pair { double d; char c; };
extern "C" __global__ void k(double* out) {
    __shared__ Pair pairs[32];
    __shared__ unsigned char bytes[33];
    extern __shared__ long long rest[];
    int i = threadIdx.x;
    pairs[i].d = i * 0.5; pairs[i].c = i; bytes[i + 1] = 2 * i; rest[i] = 1ll << i;
    __syncthreads();
    int j = 31 - i;
    out[i] = pairs[j].d + pairs[j].c + bytes[j + 1] + rest[j];
}""",
        {"out": np.array([j * 0.5 + j + 2 * j + 2.0**j for j in range(31, -1, -1)])},
        "out",
        shared_mem=256,
    ),
    single("padded rows of shared memory", 'extern "C" __global__ void k(const int* x, int* out) { __shared__ int t[8][9]; t[threadIdx.y][threadIdx.x] = x[threadIdx.y * 8 + threadIdx.x]; __syncthreads(); out[threadIdx.y * 8 + threadIdx.x] = t[threadIdx.x][threadIdx.y]; }', {"out": INTS[:64].reshape(8, 8).T.ravel()}, ("x", INTS[:64]), "out", block=(8, 8)),
    single(
        "one pointer for every space",
        """
__constant__ int fixed[2] = {7, 8};
__device__ __noinline__ int sum(const int* p) { return p[0] + p[1]; }
extern "C" __global__ void k(const int* x, int* out) {
    __shared__ int s[64];
    int i = threadIdx.x, own[2] = {i, -2 * i};
    s[i] = i * i;
    __syncthreads();
    const int* p = i % 4 == 0 ? x + i % 32 : i % 4 == 1 ? s + i % 32 : i % 4 == 2 ? own : fixed;
    out[i] = sum(p);
}""",
        {"out": np.select([T64 % 4 == 0, T64 % 4 == 1, T64 % 4 == 2], [INTS[T64 % 32] + INTS[T64 % 32 + 1], (T64 % 32) ** 2 + (T64 % 32 + 1) ** 2, -T64], 15).astype(np.int32)},
        ("x", INTS[:64]), "out",
        block=(64,),
    ),
    single("which space a pointer points to", 'extern "C" __global__ void k(int* out) { __shared__ int s[1]; int own[4]; own[threadIdx.x & 3] = 1; out[threadIdx.x] = __isGlobal(out) + 2 * __isShared(s) + 4 * __isLocal(own) + 8 * __isShared(out) + own[threadIdx.x & 3] * 16; }', {"out": np.full(32, 23, np.int32)}, "out"),
    single("shared addresses as PTX counts them", 'extern "C" __global__ void k(const int* x, int* out) { __shared__ int s[32]; int i = threadIdx.x; unsigned at = (unsigned)__cvta_generic_to_shared(s + i); asm volatile("st.shared.u32 [%0], %1;" :: "r"(at), "r"(x[i]) : "memory"); __syncthreads(); int r; asm volatile("ld.shared.u32 %0, [%1 + 4];" : "=r"(r) : "r"((unsigned)__cvta_generic_to_shared(s) + 4 * (i % 31)) : "memory"); out[i] = r; }', {"out": INTS[np.arange(32) % 31 + 1]}, ("x", INTS[:32]), "out"),
    single("an offset into the middle of an array", 'extern "C" __global__ void k(const float* x, float* out, int n) { const float* end = x + n; int i = threadIdx.x; out[i] = end[-1 - i]; }', {"out": X[::-1][:32].copy()}, ("x", X), "out", np.int32(N)),
    single("the same array as input and output", 'extern "C" __global__ void k(float* x, const float* same) { int i = threadIdx.x; x[i] = same[i] * 2; }', {"x": X[:32] * F4(2)}, ("x", X[:32]), "x"),
    single("a null pointer that nobody follows", 'extern "C" __global__ void k(const float* bias, float* out) { out[threadIdx.x] = bias ? bias[threadIdx.x] : 1.f; }', {"out": np.ones(32, F4)}, np.uint64(0), "out"),
    single("volatile shared memory, in order by __syncwarp", 'extern "C" __global__ void k(const float* x, float* out) { __shared__ volatile float s[32]; int i = threadIdx.x; s[i] = x[i]; __syncwarp(); for (int o = 16; o; o /= 2) { float other = i < o ? s[i + o] : 0.f; __syncwarp(); if (i < o) s[i] = s[i] + other; __syncwarp(); } if (i == 0) out[0] = s[0]; }', {"out": np.array([tree_sum(X[:32])], F4)}, ("x", X[:32]), "out"),
    single("arrays of 8, 16 and 64 bits", 'extern "C" __global__ void k(const signed char* a, const unsigned short* b, const unsigned long long* c, long long* out) { int i = threadIdx.x; out[i] = a[i] * 1000ll + b[i] + (long long)(c[i] >> 60); }', {"out": np.arange(-16, 16) * 1000 + np.arange(32) * 2000 + (np.arange(32, dtype=np.uint64) << np.uint64(59) >> np.uint64(60)).astype(np.int64)}, ("a", np.arange(-16, 16).astype(np.int8)), ("b", (np.arange(32) * 2000).astype(np.uint16)), ("c", np.arange(32, dtype=np.uint64) << np.uint64(59)), "out"),
    single("a large local array", 'extern "C" __global__ void k(int* out) { int t[3000]; for (int k = 0; k < 3000; k++) t[(k * 7) % 3000] = k ^ threadIdx.x; int s = 0; for (int k = 0; k < 3000; k += 41) s += t[k]; out[threadIdx.x] = s; }', {"out": scattered_sums()}, "out", block=(8,)),
]  # fmt: skip
