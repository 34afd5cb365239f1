"""The fault corpus: programs that go wrong, and what must be said of them.

`// here` marks the line of the thread that is caught, `// there` the line of the other party. Where chance decides who
of the two is caught, both lines have both marks.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels.program import Empty, Launch, Program

F4 = np.float32
X = np.arange(100, dtype=F4)
X64 = np.arange(64, dtype=F4)
KEYS = (np.arange(64) * 7 % 5).astype(np.int32)
OUT = ("out", Empty(100))
OUT64 = ("out", Empty(64))
N = np.int32(100)


@dataclass(frozen=True)
class Fault:
    """`threads` and `blocks`: who may be caught (None: anyone). `words`: what the message holds, the array's name among it.

    A thread may come by before the one whose value it should have waited for: `UNORDERED` is said in either of two ways.
    `missed` says why this fault is not found yet.
    """

    topic: str
    name: str
    kind: str | tuple[str, ...]
    program: Program
    words: tuple[str, ...] = ()
    threads: Collection[Any] | None = None
    blocks: Collection[Any] | None = None
    missed: str = ""

    @property
    def kinds(self) -> tuple[str, ...]:
        return (self.kind,) if isinstance(self.kind, str) else self.kind

    def lines(self, mark: str) -> set[int]:
        """The lines of the source that bear a mark."""
        return {k for k, line in enumerate(self.program.source.split("\n"), 1) if re.search(rf"//.*\b{mark}\b", line)}


def fault(
    topic: str,
    name: str,
    kind: str | tuple[str, ...],
    source: str,
    *arguments: Any,
    words: tuple[str, ...] = (),
    threads: Collection[Any] | None = None,
    blocks: Collection[Any] | None = None,
    grid: tuple[int, ...] = (1,),
    block: tuple[int, ...] = (64,),
    shared_mem: int = 0,
    options: tuple[str, ...] = (),
    architecture: int = 75,
    missed: str = "",
) -> Fault:
    """A fault of one launch of the kernel `k`. An array is a pair (name, array); all else is passed as it is."""
    arrays: Mapping[str, Any] = {a[0]: a[1] for a in arguments if isinstance(a, tuple)}
    passed = tuple(a[0] if isinstance(a, tuple) else a for a in arguments)
    program = Program(name, source, (Launch("k", grid, block, passed, shared_mem),), arrays, options=options, architecture=architecture)
    return Fault(topic, name, kind, program, words, threads, blocks, missed)


BOUNDS, RACE, BARRIER, WARP, LAUNCH = "out of bounds", "race", "divergent barrier", "warp mask", "launch"
UNINITIALISED = "uninitialised"
# What a missing barrier is called: a race, or, if nobody has written yet, a read of shared memory that nobody has written.
UNORDERED = (RACE, UNINITIALISED)

GLOBAL_FAULTS = [
    fault("global out of bounds", "no guard: a read", BOUNDS, """
extern "C" __global__ void k(const float* x, float* out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    out[i] = x[i];  // here
}""", ("x", X), ("out", Empty(128)), N, grid=(2,), words=("reads", "x[100]", "100 elements"), threads=[36], blocks=[1]),
    fault("global out of bounds", "no guard: a write", BOUNDS, """
extern "C" __global__ void k(float* out) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    out[i] = 1;  // here
}""", OUT, grid=(2,), words=("writes", "out[100]"), threads=[36], blocks=[1]),
    fault("global out of bounds", "the guard lets one more pass", BOUNDS, """
extern "C" __global__ void k(const float* x, float* out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i <= n)
        out[i] = x[0];  // here
}""", ("x", X), OUT, N, grid=(2,), words=("out[100]",), threads=[36], blocks=[1]),
    fault("global out of bounds", "rows and columns are swapped", BOUNDS, """
extern "C" __global__ void k(const float* image, float* out, int h, int w) {
    int x = threadIdx.x, y = threadIdx.y;
    out[y * w + x] =
        image[x * w + y];  // here
}""", ("image", X[:32].reshape(4, 8)), ("out", Empty((4, 8))), np.int32(4), np.int32(8), block=(8, 4), words=("image[32]",), threads=[(4, 0)], blocks=[(0, 0)]),
    fault("global out of bounds", "a 64-bit index", BOUNDS, """
extern "C" __global__ void k(const float* x, float* out, int n) {
    long long i = (long long)threadIdx.x * n * 1000000;
    out[threadIdx.x] = x[i];  // here
}""", ("x", X), OUT, N, words=("x[100000000]",), threads=[1]),
    fault("global out of bounds", "only the end of a vector lies outside", BOUNDS, """
extern "C" __global__ void k(const float4* x, float* out) {
    float4 v = x[threadIdx.x];  // here
    out[threadIdx.x] = v.x + v.w;
}""", ("x", np.arange(10, dtype=F4)), ("out", Empty(3)), block=(3,), words=("reads", "x["), threads=[2]),
    fault("global out of bounds", "an atomic update", BOUNDS, """
extern "C" __global__ void k(const int* keys, int* counts) {
    atomicAdd(&counts[keys[threadIdx.x]], 1);  // here
}""", ("keys", KEYS), ("counts", np.zeros(4, np.int32)), words=("counts[4]", "atomic"), threads=[k for k in range(64) if KEYS[k] == 4]),
    fault("global out of bounds", "in a function that is called", BOUNDS, """
__device__ __noinline__ float at(const float* x, int i) {
    return x[i];  // here
}
extern "C" __global__ void k(const float* x, float* out) {
    out[threadIdx.x] = at(x, threadIdx.x + 40);
}""", ("x", X), OUT, words=("x[100]",), threads=[60]),
    fault("global out of bounds", "a byte too far", BOUNDS, """
extern "C" __global__ void k(const unsigned char* x, int* out) {
    int i = threadIdx.x;
    out[i] = x[i + 1];  // here
}""", ("x", np.zeros(64, np.uint8)), ("out", Empty(64, np.int32)), words=("x[64]",), threads=[63]),
    fault("global out of bounds", "the module's own array", BOUNDS, """
__device__ float table[8];
extern "C" __global__ void k(float* out) {
    table[threadIdx.x] = 1;  // here
    out[threadIdx.x] = 0;
}""", OUT, words=("writes", "8"), threads=[8], block=(16,)),
    fault("negative index", "the left neighbour of the first", BOUNDS, """
extern "C" __global__ void k(const float* x, float* out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n)
        out[i] = x[i] - x[i - 1];  // here
}""", ("x", X), OUT, N, grid=(2,), words=("x[-1]",), threads=[0], blocks=[0]),
    fault("negative index", "a write before the beginning", BOUNDS, """
extern "C" __global__ void k(float* out, int n) {
    int i = threadIdx.x;
    out[n - 1 - 2 * i] = i;  // here
}""", OUT, N, words=("out[-1]", "writes"), threads=[50]),
    fault("negative index", "an index that wraps around", BOUNDS, """
extern "C" __global__ void k(const float* x, float* out) {
    unsigned i = threadIdx.x;
    out[i] = x[(int)(i - 3)];  // here
}""", ("x", X), OUT, words=("x[-3]",), threads=[0]),
    fault("misaligned", "a vector of four at any float", "misaligned", """
extern "C" __global__ void k(const float* x, float4* out) {
    int i = threadIdx.x;
    out[i] = *(const float4*)(x + i);  // here
}""", ("x", X), OUT, block=(8,), words=("x", "16"), threads=[1]),
    fault("misaligned", "a long at an int", "misaligned", """
extern "C" __global__ void k(int* out) {
    *(long long*)(out + threadIdx.x) = 0;  // here
}""", ("out", Empty(64, np.int32)), block=(4,), words=("out", "8"), threads=[1]),
    fault("misaligned", "an int among bytes in shared memory", "misaligned", """
extern "C" __global__ void k(int* out) {
    __shared__ unsigned char bytes[256];
    for (int k = 0; k < 4; k++) bytes[threadIdx.x * 4 + k] = k;
    __syncthreads();
    out[threadIdx.x] = *(int*)(bytes + threadIdx.x);  // here
}""", ("out", Empty(60, np.int32)), block=(60,), words=("4",), threads=[1]),
    fault("null pointer", "a read", "wild pointer", """
extern "C" __global__ void k(const float* bias, float* out) {
    out[threadIdx.x] = bias[threadIdx.x];  // here
}""", np.uint64(0), OUT, words=("null",), threads=[0]),
    fault("null pointer", "a write", "wild pointer", """
extern "C" __global__ void k(const float* x, float* out) {
    out[threadIdx.x] = x[threadIdx.x];  // here
}""", ("x", X), np.uint64(0), words=("null", "writes"), threads=[0]),
    fault("null pointer", "an atomic update", "wild pointer", """
extern "C" __global__ void k(int* count) {
    if (threadIdx.x == 5)
        atomicAdd(count, 1);  // here
}""", np.uint64(0), words=("null",), threads=[5]),
    fault("null pointer", "one that the kernel makes", "wild pointer", """
__device__ __noinline__ float* find(float* out, int i) { return i == 3 ? nullptr : out; }
extern "C" __global__ void k(float* out) {
    float* p = find(out, threadIdx.x);
    p[threadIdx.x] = 1;  // here
}""", OUT, words=("null",), threads=[3]),
    fault("host pointer", "a read", "wild pointer", """
extern "C" __global__ void k(const float* x, float* out) {
    out[threadIdx.x] = x[threadIdx.x];  // here
}""", np.uint64(X.ctypes.data), OUT, words=("reads", "device"), threads=[0]),
    fault("host pointer", "a write", "wild pointer", """
extern "C" __global__ void k(float* out) {
    out[threadIdx.x] = 1;  // here
}""", np.uint64(X.ctypes.data), words=("writes", "device"), threads=[0]),
    fault("host pointer", "a NumPy array as an argument", LAUNCH, """
extern "C" __global__ void k(float* out) { out[threadIdx.x] = 1; }""", X, words=("out", "NumPy")),
    fault("constant memory", "a write", "read only", """
__constant__ float factors[4] = {1, 2, 3, 4};
extern "C" __global__ void k(float* out) {
    asm volatile("st.f32 [%0], %1;" :: "l"(factors + (threadIdx.x & 3)), "f"(out[0]));  // here
}""", ("out", X), words=("factors", "writes"), threads=[0]),
    fault("constant memory", "an index beyond the end", BOUNDS, """
__constant__ float factors[4] = {1, 2, 3, 4};
extern "C" __global__ void k(float* out) {
    out[threadIdx.x] = factors[threadIdx.x];  // here
}""", OUT, words=("reads", "4"), threads=[4]),
    fault("constant memory", "an index before the beginning", BOUNDS, """
__constant__ int steps[4] = {1, 2, 3, 4};
extern "C" __global__ void k(int* out, int n) {
    out[threadIdx.x] = steps[(int)threadIdx.x - n];  // here
}""", ("out", Empty(64, np.int32)), np.int32(2), words=("reads",), threads=[0]),
]  # fmt: skip

SHARED_FAULTS = [
    fault("shared out of bounds", "one too many in a tile", BOUNDS, """
#define TILE 8
extern "C" __global__ void k(const float* x, float* out) {
    __shared__ float tile[TILE];
    int t = threadIdx.x;
    tile[t] = x[t];
    __syncthreads();
    float s = 0;
    for (int k = 0; k <= TILE; k++)
        s += tile[k];  // here
    out[t] = s;
}""", ("x", X), OUT, block=(8,), words=("tile[8]", "reads"), threads=range(8)),
    fault("shared out of bounds", "a halo without room", BOUNDS, """
extern "C" __global__ void k(const float* x, float* out) {
    __shared__ float row[64];
    int t = threadIdx.x;
    row[t + 1] = x[t];  // here
    __syncthreads();
    out[t] = row[t];
}""", ("x", X), OUT, words=("row[64]", "writes"), threads=[63]),
    fault("shared out of bounds", "before the beginning", BOUNDS, """
extern "C" __global__ void k(const float* x, float* out) {
    __shared__ float row[64];
    int t = threadIdx.x;
    row[t] = x[t];
    __syncthreads();
    out[t] = row[t - 1];  // here
}""", ("x", X), OUT, words=("row[-1]",), threads=[0]),
    fault("shared out of bounds", "from the first array into the second", BOUNDS, """
extern "C" __global__ void k(const float* x, float* out) {
    __shared__ float first[32];
    __shared__ float second[32];
    int t = threadIdx.x;
    second[t] = 0;
    first[t + 4] = x[t];  // here
    __syncthreads();
    out[t] = first[t] + second[t];
}""", ("x", X), OUT, block=(32,), words=("first",), threads=range(28, 32)),
    fault("shared out of bounds", "the launch gives too little", BOUNDS, """
extern "C" __global__ void k(const float* x, float* out) {
    extern __shared__ float buffer[];
    int t = threadIdx.x;
    buffer[t] = x[t];  // here
    __syncthreads();
    out[t] = buffer[63 - t];
}""", ("x", X), OUT, shared_mem=128, words=("buffer[32]", "shared_mem"), threads=[32]),
    fault("shared out of bounds", "the launch gives none", BOUNDS, """
extern "C" __global__ void k(const float* x, float* out) {
    extern __shared__ float buffer[];
    int t = threadIdx.x;
    buffer[t] = x[t];  // here
    __syncthreads();
    out[t] = buffer[63 - t];
}""", ("x", X), OUT, words=("shared_mem",), threads=[0]),
    fault("local out of bounds", "an array of its own, one too far", BOUNDS, """
extern "C" __global__ void k(float* out, int n) {
    float own[4];
    for (int k = 0; k < 4; k++) own[k] = k * n;
    out[threadIdx.x] = own[n + (int)threadIdx.x];  // here
}""", OUT, np.int32(0), words=("own",), threads=[4]),
    fault("local out of bounds", "before the beginning", BOUNDS, """
extern "C" __global__ void k(float* out, int n) {
    float own[4];
    for (int k = 0; k < 4; k++) own[k] = k * n;
    own[n - (int)threadIdx.x] = 5;  // here
    out[threadIdx.x] = own[0] + own[3];
}""", OUT, np.int32(2), words=("own",), threads=[3]),
    fault("local out of bounds", "through a pointer in a function", BOUNDS, """
__device__ __noinline__ int sum(const int* p, int n) {
    int s = 0;
    for (int k = 0; k < n; k++)
        s += p[k];  // here
    return s;
}
extern "C" __global__ void k(int* out, int n) {
    int own[5] = {1, 2, 3, 4, 5};
    own[threadIdx.x % 5] = 7;
    out[threadIdx.x] = sum(own, n);
}""", ("out", Empty(64, np.int32)), np.int32(6), words=("own",), threads=range(64)),
    fault("uninitialised shared", "nobody has written", UNINITIALISED, """
extern "C" __global__ void k(float* out) {
    __shared__ float s[64];
    out[threadIdx.x] = s[threadIdx.x];  // here
}""", OUT, words=("s[0]",), threads=[0]),
    fault("uninitialised shared", "the guard leaves the last tile open", UNINITIALISED, """
extern "C" __global__ void k(const float* x, float* out, int n) {
    __shared__ float tile[64];
    int t = threadIdx.x, i = blockIdx.x * 64 + t;
    if (i < n) tile[t] = x[i];
    __syncthreads();
    float s = 0;
    for (int k = 0; k < 64; k++)
        s += tile[k];  // here
    if (i < n) out[i] = s;
}""", ("x", X), OUT, N, grid=(2,), words=("tile[36]",), threads=range(64), blocks=[1]),
    fault("uninitialised shared", "a counter that begins as rubbish", UNINITIALISED, """
extern "C" __global__ void k(const int* keys, int* out) {
    __shared__ int counts[5];
    atomicAdd(&counts[keys[threadIdx.x]], 1);  // here
    __syncthreads();
    if (threadIdx.x < 5) out[threadIdx.x] = counts[threadIdx.x];
}""", ("keys", KEYS), ("out", Empty(5, np.int32)), words=("counts[0]",), threads=[0]),
    fault("uninitialised shared", "the block before has not written for this one", UNINITIALISED, """
extern "C" __global__ void k(const float* x, float* out) {
    __shared__ float s[32];
    int t = threadIdx.x;
    if (blockIdx.x == 0) s[t] = x[t];
    __syncthreads();
    out[blockIdx.x * 32 + t] = s[31 - t];  // here
}""", ("x", X), OUT64, grid=(2,), block=(32,), words=("s[31]",), blocks=[1], threads=[0]),
    fault("uninitialised global", "an input that nobody filled", UNINITIALISED, """
extern "C" __global__ void k(const float* x, float* out) {
    out[threadIdx.x] = x[threadIdx.x] * 2;  // here
}""", ("x", Empty(64)), OUT64, words=("x[0]",), threads=[0]),
    fault("uninitialised global", "a sum into memory that is not zero", UNINITIALISED, """
extern "C" __global__ void k(const float* x, float* out) {
    out[threadIdx.x] += x[threadIdx.x];  // here
}""", ("x", X64), OUT64, words=("out[0]",), threads=[0]),
    fault("uninitialised global", "an atomic sum into memory that is not zero", UNINITIALISED, """
extern "C" __global__ void k(const float* x, float* out) {
    atomicAdd(out, x[threadIdx.x]);  // here
}""", ("x", X64), ("out", Empty(1)), words=("out[0]",), threads=[0]),
    fault("uninitialised global", "half of what is read is written", UNINITIALISED, """
extern "C" __global__ void k(float* out, float* scratch) {
    int t = threadIdx.x;
    if (t % 2 == 0) scratch[t] = t;
    __syncthreads();
    out[t] = scratch[63 - t];  // here
}""", OUT64, ("scratch", Empty(64)), words=("scratch[63]",), threads=[0]),
]  # fmt: skip

RACE_FAULTS = [
    fault("missing barrier: read after write", "a neighbour's value", UNORDERED, """
extern "C" __global__ void k(const float* x, float* out) {
    __shared__ float s[64];
    int t = threadIdx.x;
    s[t] = x[t];  // here there
    out[t] = s[63 - t];  // here there
}""", ("x", X64), OUT64, words=("s[",), threads=range(64)),
    fault("missing barrier: read after write", "a tile, before it is full", UNORDERED, """
extern "C" __global__ void k(const float* a, const float* b, float* out, int n) {
    __shared__ float ta[8][8];
    __shared__ float tb[8][8];
    int x = threadIdx.x, y = threadIdx.y;
    float s = 0;
    for (int t = 0; t < n; t += 8) {
        ta[y][x] = a[y * n + t + x];  // here there
        tb[y][x] = b[(t + y) * 8 + x];  // here there
        for (int k = 0; k < 8; k++)
            s += ta[y][k] * tb[k][x];  // here there
        __syncthreads();
    }
    out[y * 8 + x] = s;
}""", ("a", np.ones((8, 16), F4)), ("b", np.ones((16, 8), F4)), OUT64, np.int32(16), block=(8, 8), words=("[",)),
    fault("missing barrier: read after write", "one thread's total, read by all", RACE, """
extern "C" __global__ void k(const float* x, float* out) {
    __shared__ float total;
    int t = threadIdx.x;
    if (t == 0) {
        float s = 0;
        for (int k = 0; k < 64; k++) s += x[k];
        total = s;  // here there
    }
    out[t] = x[t] / total;  // here there
}""", ("x", X64), OUT64, words=("total",)),
    fault("missing barrier: read after write", "in global memory, within a block", RACE, """
extern "C" __global__ void k(float* x, float* out) {
    int t = threadIdx.x;
    x[t] = t;  // here there
    out[t] = x[(t + 1) % 64];  // here there
}""", ("x", X64), OUT64, words=("x[",)),
    fault("missing barrier: read after write", "a tree without barriers between its levels", RACE, """
extern "C" __global__ void k(const float* x, float* out) {
    __shared__ float s[64];
    int t = threadIdx.x;
    s[t] = x[t];
    __syncthreads();
    for (int o = 32; o > 0; o /= 2)
        if (t < o) s[t] += s[t + o];  // here there
    if (t == 0) out[0] = s[0];
}""", ("x", X64), ("out", Empty(1)), words=("s[",), threads=range(32)),
    fault("missing barrier: write after read", "a tile that is filled again too early", RACE, """
extern "C" __global__ void k(const float* a, float* out, int n) {
    __shared__ float tile[64];
    int t = threadIdx.x;
    float s = 0;
    for (int start = 0; start < n; start += 64) {
        tile[t] = a[start + t];  // here there
        __syncthreads();
        for (int k = 0; k < 64; k++)
            s += tile[k];  // here there
    }
    out[t] = s;
}""", ("a", np.ones(128, F4)), OUT64, np.int32(128), words=("tile[",)),
    fault("missing barrier: write after read", "shifted in place", RACE, """
extern "C" __global__ void k(const float* x, float* out) {
    __shared__ float s[64];
    int t = threadIdx.x;
    s[t] = x[t];
    __syncthreads();
    float v = s[(t + 1) % 64];  // here there
    s[t] = v;  // here there
    __syncthreads();
    out[t] = s[t];
}""", ("x", X64), OUT64, words=("s[",)),
    fault("missing barrier: write after read", "the sum's buffer is used for the next sum", RACE, """
extern "C" __global__ void k(const float* x, float* out) {
    __shared__ float s[64];
    int t = threadIdx.x;
    s[t] = x[t];
    __syncthreads();
    float first = s[0];  // here there
    s[t] = x[t] - first;  // here there
    __syncthreads();
    out[t] = s[63 - t];
}""", ("x", X64), OUT64, words=("s[0]",)),
    fault("missing barrier: write after read", "in place in global memory", RACE, """
extern "C" __global__ void k(float* x) {
    int t = threadIdx.x;
    float v = x[63 - t];  // here there
    x[t] = v;  // here there
}""", ("x", X64), words=("x[",)),
    fault("missing barrier: between warps and within", "a warp without __syncwarp", UNORDERED, """
extern "C" __global__ void k(const float* x, float* out) {
    __shared__ float s[32];
    int t = threadIdx.x;
    s[t] = x[t];  // here there
    out[t] = s[31 - t];  // here there
}""", ("x", X64[:32]), OUT64, block=(32,), words=("s[",)),
    fault("missing barrier: between warps and within", "volatile is no barrier", RACE, """
extern "C" __global__ void k(const float* x, float* out) {
    __shared__ volatile float s[64];
    int t = threadIdx.x;
    s[t] = x[t];
    __syncthreads();
    if (t < 32) {
        s[t] += s[t + 32];  // here there
        s[t] += s[t + 16];  // here there
        s[t] += s[t + 8];  // here there
        s[t] += s[t + 4];  // here there
        s[t] += s[t + 2];  // here there
        s[t] += s[t + 1];  // here there
    }
    if (t == 0) out[0] = s[0];
}""", ("x", X64), ("out", Empty(1)), words=("s[",), threads=range(32)),
    fault("missing barrier: between warps and within", "__syncwarp does not reach the other warp", UNORDERED, """
extern "C" __global__ void k(const float* x, float* out) {
    __shared__ float s[64];
    int t = threadIdx.x;
    s[t] = x[t];  // here there
    __syncwarp();
    out[t] = s[63 - t];  // here there
}""", ("x", X64), OUT64, words=("s[",)),
    fault("missing barrier: between warps and within", "a named barrier for the other half", RACE, """
extern "C" __global__ void k(const float* x, float* out) {
    __shared__ float s[128];
    int t = threadIdx.x;
    s[t] = x[t];  // here there
    asm volatile("bar.sync %0, 64;" :: "r"(t / 64 + 1) : "memory");
    out[t] = s[127 - t];  // here there
}""", ("x", np.ones(128, F4)), ("out", Empty(128)), block=(128,), words=("s[",), missed="a named barrier counts as one of the whole block"),
    fault("race between blocks", "the next block's part", RACE, """
extern "C" __global__ void k(float* x, float* out) {
    int i = blockIdx.x * 32 + threadIdx.x;
    x[i] = i;  // here there
    __syncthreads();
    out[i] = x[63 - i];  // here there
}""", ("x", X64), OUT64, grid=(2,), block=(32,), words=("x[", "block"), blocks=[1]),
    fault("race between blocks", "all write the same element", RACE, """
extern "C" __global__ void k(float* out) {
    if (threadIdx.x == 0)
        out[0] = blockIdx.x;  // here there
}""", ("out", np.zeros(1, F4)), grid=(3,), words=("out[0]", "block"), blocks=[1]),
    fault("race between blocks", "the last block without a fence", RACE, """
__device__ int arrived = 0;
extern "C" __global__ void k(const float* x, float* partial, float* out) {
    if (threadIdx.x == 0) {
        partial[blockIdx.x] = x[blockIdx.x];  // there
        if (atomicAdd(&arrived, 1) == gridDim.x - 1) {
            float s = 0;
            for (int b = 0; b < gridDim.x; b++)
                s += partial[b];  // here
            out[0] = s;
        }
    }
}""", ("x", X), ("partial", np.zeros(4, F4)), ("out", np.zeros(1, F4)), grid=(4,), words=("partial[",), blocks=[3], threads=[0]),
    fault("race between blocks", "the last block without an atomic", RACE, """
extern "C" __global__ void k(const float* x, float* partial, float* out) {
    if (threadIdx.x == 0) {
        partial[blockIdx.x] = x[blockIdx.x];  // there
        __threadfence();
        if (blockIdx.x == gridDim.x - 1) {
            float s = 0;
            for (int b = 0; b < gridDim.x; b++)
                s += partial[b];  // here
            out[0] = s;
        }
    }
}""", ("x", X), ("partial", np.zeros(4, F4)), ("out", np.zeros(1, F4)), grid=(4,), words=("partial[",), blocks=[3], threads=[0]),
    fault("non-atomic update", "a histogram", RACE, """
extern "C" __global__ void k(const int* keys, int* counts) {
    counts[keys[threadIdx.x]] += 1;  // here there
}""", ("keys", KEYS), ("counts", np.zeros(5, np.int32)), words=("counts[",)),
    fault("non-atomic update", "a sum of all threads", RACE, """
extern "C" __global__ void k(const float* x, float* sum) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    *sum += x[i];  // here there
}""", ("x", X64), ("sum", np.zeros(1, F4)), grid=(2,), block=(32,), words=("sum[0]",)),
    fault("non-atomic update", "a sum of all blocks", RACE, """
extern "C" __global__ void k(const float* x, float* sum) {
    if (threadIdx.x == 0)
        *sum += x[blockIdx.x];  // here there
}""", ("x", X64), ("sum", np.zeros(1, F4)), grid=(4,), words=("sum[0]", "block"), blocks=[1]),
    fault("non-atomic update", "a counter in shared memory", RACE, """
extern "C" __global__ void k(const int* keys, int* out) {
    __shared__ int count;
    if (threadIdx.x == 0) count = 0;
    __syncthreads();
    if (keys[threadIdx.x] == 2)
        count++;  // here there
    __syncthreads();
    if (threadIdx.x == 0) out[0] = count;
}""", ("keys", KEYS), ("out", Empty(1, np.int32)), words=("count",)),
    fault("non-atomic update", "the largest, by comparison", RACE, """
extern "C" __global__ void k(const int* keys, int* most) {
    if (keys[threadIdx.x] > *most)  // here there
        *most = keys[threadIdx.x];  // here there
}""", ("keys", KEYS), ("most", np.zeros(1, np.int32)), words=("most[0]",)),
    fault("non-atomic update", "atomic here, plain there", RACE, """
extern "C" __global__ void k(const int* keys, int* count) {
    if (threadIdx.x % 2)
        atomicAdd(count, keys[threadIdx.x]);  // here there
    else
        count[0] += 1;  // here there
}""", ("keys", KEYS), ("count", np.zeros(1, np.int32)), words=("count[0]",)),
    fault("non-atomic update", "two threads own one element", RACE, """
extern "C" __global__ void k(const float* x, float* out) {
    out[threadIdx.x / 2] = x[threadIdx.x];  // here there
}""", ("x", X64), OUT64, words=("out[0]",), threads=[0, 1]),
]  # fmt: skip

BARRIER_FAULTS = [
    fault("divergent barrier", "in a branch that half the block takes", BARRIER, """
extern "C" __global__ void k(float* x) {
    __shared__ float s[64];
    int t = threadIdx.x;
    s[t] = x[t];
    if (t < 32) {
        __syncthreads();  // here
        s[t] += s[t + 32];  // here there
    }
    x[t] = s[t];
}""", ("x", X64), threads=range(32)),
    fault("divergent barrier", "in a branch that every second thread takes", BARRIER, """
extern "C" __global__ void k(float* x) {
    int t = threadIdx.x;
    float v = x[t];
    if (t & 1) {
        __syncthreads();  // here
        v += 1;
    }
    x[t] = v;
}""", ("x", X64), threads=range(1, 64, 2)),
    fault("divergent barrier", "two barriers, one in each branch", BARRIER, """
extern "C" __global__ void k(float* x, float* y) {
    int t = threadIdx.x;
    if (t < 32) {
        x[t] = 1;
        __syncthreads();  // here there
        x[t] = y[t];
    } else {
        y[t] = 2;
        __syncthreads();  // here there
        y[t] = x[t];
    }
}""", ("x", X64), ("y", X64)),
    fault("divergent barrier", "behind an early return", BARRIER, """
extern "C" __global__ void k(const float* x, float* out, int n) {
    __shared__ float s[64];
    int t = threadIdx.x, i = blockIdx.x * 64 + t;
    if (i >= n) return;
    s[t] = x[i];
    __syncthreads();  // here
    out[i] = s[0];
}""", ("x", X), OUT, N, grid=(2,), blocks=[1], threads=range(36)),
    fault("divergent barrier", "in a loop that some leave sooner", BARRIER, """
extern "C" __global__ void k(const int* rounds, float* out) {
    __shared__ float s[64];
    int t = threadIdx.x;
    s[t] = 0;
    for (int r = 0; r < rounds[t]; r++) {
        s[t] += 1;
        __syncthreads();  // here
    }
    out[t] = s[t];
}""", ("rounds", KEYS + 1), OUT64),
    fault("divergent barrier", "a barrier that counts, in a branch", BARRIER, """
extern "C" __global__ void k(const float* x, int* out) {
    int t = threadIdx.x, c = 0;
    if (x[t] > 10)
        c = __syncthreads_count(x[t] > 20);  // here
    out[t] = c;
}""", ("x", X64), ("out", Empty(64, np.int32)), threads=range(11, 64)),
    fault("divergent barrier", "in a function that some call", BARRIER, """
__device__ __noinline__ void meet(float* s, int t) {
    s[t] = t;
    __syncthreads();  // here
}
extern "C" __global__ void k(float* out) {
    __shared__ float s[64];
    int t = threadIdx.x;
    if (t != 7) meet(s, t);
    out[t] = t;
}""", OUT64, threads=[*range(7), *range(8, 64)]),
    fault("divergent barrier", "a named barrier that waits for more than come", BARRIER, """
extern "C" __global__ void k(float* out) {
    if (threadIdx.x < 32)
        asm volatile("bar.sync 1, 64;" ::: "memory");  // here
    out[threadIdx.x] = 1;
}""", OUT64, threads=range(32)),
    fault("shuffle mask", "all lanes named, half of them come", WARP, """
extern "C" __global__ void k(float* out) {
    int t = threadIdx.x;
    float v = t;
    if (t < 16)
        v += __shfl_down_sync(0xffffffffu, v, 8);  // here
    out[t] = v;
}""", OUT64, block=(32,), threads=range(16)),
    fault("shuffle mask", "the last warp is not full", WARP, """
extern "C" __global__ void k(float* out) {
    int t = threadIdx.x;
    float v = t;
    v += __shfl_down_sync(0xffffffffu, v, 8);  // here
    out[t] = v;
}""", OUT64, block=(20,), threads=range(20)),
    fault("shuffle mask", "a mask without oneself", WARP, """
extern "C" __global__ void k(float* out) {
    int t = threadIdx.x;
    float v = t;
    v += __shfl_xor_sync(0x0000ffffu, v, 1);  // here
    out[t] = v;
}""", OUT64, block=(32,), threads=range(16, 32)),
    fault("shuffle mask", "a lane outside the mask is asked", WARP, """
extern "C" __global__ void k(float* out) {
    int t = threadIdx.x;
    float v = t;
    if (t < 16)
        v += __shfl_down_sync(0x0000ffffu, v, 8);  // here
    out[t] = v;
}""", OUT64, block=(32,), threads=range(8, 16)),
    fault("shuffle mask", "some lanes have returned", WARP, """
extern "C" __global__ void k(int* out, int n) {
    int t = threadIdx.x;
    if (t >= n) return;
    out[t] = __shfl_sync(0xffffffffu, t, 31 - t);  // here
}""", ("out", Empty(64, np.int32)), np.int32(20), block=(32,), threads=range(12)),
    fault("shuffle mask", "a vote in a loop that some leave sooner", WARP, """
extern "C" __global__ void k(const int* rounds, int* out) {
    int t = threadIdx.x, s = 0;
    for (int r = 0; r < rounds[t]; r++)
        s += __any_sync(0xffffffffu, r == t);  // here
    __syncthreads();
    out[t] = s;
}""", ("rounds", KEYS + 1), ("out", Empty(64, np.int32)), block=(32,)),
    fault("shuffle mask", "__syncwarp that not all reach", WARP, """
extern "C" __global__ void k(int* out) {
    __shared__ int s[32];
    int t = threadIdx.x;
    s[t] = t;
    if (t != 9)
        __syncwarp();  // here
    __syncthreads();
    out[t] = s[31 - t];
}""", ("out", Empty(64, np.int32)), block=(32,)),
    fault("shuffle mask", "a reduction of lanes that do not come", WARP, """
extern "C" __global__ void k(int* out) {
    int t = threadIdx.x, v = 0;
    if (t < 8)
        v = __reduce_add_sync(0xffffffffu, t);  // here
    __syncthreads();
    out[t] = v;
}""", ("out", Empty(64, np.int32)), block=(32,), threads=range(8), architecture=80),
]  # fmt: skip

SCALE = """
extern "C" __global__ void k(const float* x, float factor, float* out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) out[i] = x[i] * factor;
}"""
FILL = 'extern "C" __global__ void k(float* out) { int i = threadIdx.x + blockDim.x * threadIdx.y; if (i < 100) out[i] = 1; }'
FACTOR = F4(2)

LAUNCH_FAULTS = [
    fault("argument count", "one is missing", LAUNCH, SCALE, ("x", X), FACTOR, OUT, words=("4 arguments", "3", "x, factor, out, n")),
    fault("argument count", "one is too much", LAUNCH, SCALE, ("x", X), FACTOR, OUT, N, N, words=("4 arguments", "5")),
    fault("argument count", "none", LAUNCH, FILL, words=("1 argument", "0")),
    fault("argument size", "a Python float is a double", LAUNCH, SCALE, ("x", X), 2.0, OUT, N, words=("factor", "float32", "np.float32")),
    fault("argument size", "a double for a float", LAUNCH, SCALE, ("x", X), np.float64(2), OUT, N, words=("factor", "float64", "float32")),
    fault("argument size", "an integer for a float", LAUNCH, SCALE, ("x", X), np.int32(2), OUT, N, words=("factor", "int32", "float32")),
    fault("argument size", "a float for an integer", LAUNCH, SCALE, ("x", X), FACTOR, OUT, F4(100), words=("`n`", "float32", "int32")),
    fault("argument size", "a number that is too large", LAUNCH, SCALE, ("x", X), FACTOR, OUT, 2**31, words=("`n`", "2147483648")),
    fault("argument size", "a struct of another size", LAUNCH, 'struct P { float a; double b; }; extern "C" __global__ void k(P p, float* out) { out[0] = p.a; }', np.zeros((), [("a", "f4"), ("b", "f8")]), OUT, words=("`p`", "16", "12")),
    fault("argument dtype", "an array of doubles for floats", LAUNCH, SCALE, ("x", X.astype(np.float64)), FACTOR, OUT, N, words=("`x`", "float64", "float32")),
    fault("argument dtype", "an array of integers for floats", LAUNCH, SCALE, ("x", X.astype(np.int32)), FACTOR, OUT, N, words=("`x`", "int32", "float32")),
    fault("argument dtype", "an array of 64-bit integers for int", LAUNCH, 'extern "C" __global__ void k(int* out) { out[0] = 1; }', ("out", np.zeros(4, np.int64)), words=("`out`", "int64", "int32")),
    fault("argument dtype", "an array for a number", LAUNCH, SCALE, ("x", X), FACTOR, OUT, ("n", X), words=("`n`", "array")),
    fault("argument dtype", "a number for an array", LAUNCH, SCALE, np.int32(5), FACTOR, OUT, N, words=("`x`", "int32")),
    fault("argument dtype", "None for a number", LAUNCH, SCALE, ("x", X), FACTOR, OUT, None, words=("`n`", "None")),
    fault("too many threads", "2048 in a row", LAUNCH, FILL, OUT, block=(2048,), words=("2048", "1024")),
    fault("too many threads", "33 by 33", LAUNCH, FILL, OUT, block=(33, 33), words=("33 × 33", "1089", "1024")),
    fault("too many threads", "too deep", LAUNCH, FILL, OUT, block=(1, 1, 65), words=("65",)),
    fault("too many threads", "more than the kernel promises", LAUNCH, 'extern "C" __global__ void __launch_bounds__(32) k(float* out) { out[threadIdx.x] = 1; }', OUT, words=("64", "32", "__launch_bounds__")),
    fault("too many threads", "no block at all", LAUNCH, FILL, OUT, grid=(0,), words=("0",)),
    fault("too much shared memory", "the launch asks for it", LAUNCH, FILL, OUT, shared_mem=50_000, words=("50000",)),
    fault("too much shared memory", "the kernel declares it", LAUNCH, 'extern "C" __global__ void k(float* out) { __shared__ float s[16384]; s[threadIdx.x] = 1; __syncthreads(); out[threadIdx.x] = s[63 - threadIdx.x]; }', OUT64, words=("65536",)),
    fault("too much shared memory", "both together", LAUNCH, 'extern "C" __global__ void k(float* out) { __shared__ float s[10000]; s[threadIdx.x] = 1; __syncthreads(); out[threadIdx.x] = s[63 - threadIdx.x]; }', OUT64, shared_mem=20_000, words=("60000", "40000", "20000")),
    fault("no such kernel", "another name", LAUNCH, 'extern "C" __global__ void other(float* out) { out[0] = 1; }', OUT, words=("`k`", "`other`")),
    fault("no such kernel", 'no extern "C"', LAUNCH, "__global__ void k(float* out) { out[0] = 1; }", OUT, words=('extern "C"',)),
    fault("no such kernel", "only a device function", LAUNCH, '__device__ int k(int x) { return x; }', OUT, words=("__global__",)),
]  # fmt: skip

STOPPED = [
    fault("endless loop", "a condition that stays true", "endless", """
extern "C" __global__ void k(volatile int* x) {
    int i = 0;
    while (i < 10)  // here
        x[0] = i;  // here
}""", ("x", np.zeros(4, np.int32)), block=(1,), threads=[0]),
    fault("endless loop", "an unsigned number is never negative", "endless", """
extern "C" __global__ void k(volatile float* x) {
    for (unsigned i = 10; i >= 0; i--)  // here
        x[threadIdx.x] = i;  // here
}""", ("x", X64), block=(1,), threads=[0]),
    fault("endless loop", "a flag that nobody sets", "endless", """
extern "C" __global__ void k(int* flag, float* out) {
    while (atomicAdd(flag, 0) == 0) { }  // here
    out[0] = 1;
}""", ("flag", np.zeros(1, np.int32)), OUT, block=(1,), threads=[0]),
    fault("endless loop", "a step of zero", "endless", """
extern "C" __global__ void k(const float* x, float* out, int n, int step) {
    float s = 0;
    for (int i = threadIdx.x; i < n; i += step)  // here
        s += ((volatile const float*)x)[i];  // here
    out[threadIdx.x] = s;
}""", ("x", X64), OUT64, np.int32(64), np.int32(0)),
    fault("endless loop", "a lock that is never released", "endless", """
__device__ int lock = 0;
extern "C" __global__ void k(float* out) {
    while (atomicCAS(&lock, 0, 1) != 0) { }  // here
    out[0] += 1;
}""", ("out", np.zeros(1, F4)), grid=(2,), block=(1,), blocks=[1]),
    fault("assertion", "a bound", "assertion", """
extern "C" __global__ void k(float* out, int n) {
    int i = threadIdx.x;
    assert(i < n);  // here
    out[i] = 1;
}""", OUT, np.int32(40), threads=range(40, 64)),
    fault("assertion", "in a function", "assertion", """
__device__ __noinline__ float root(float x) {
    assert(x >= 0 && "no root of a negative number");  // here
    return sqrtf(x);
}
extern "C" __global__ void k(const float* x, float* out) { out[threadIdx.x] = root(x[threadIdx.x]); }""", ("x", X64 - 1), OUT64, threads=[0]),
    fault("assertion", "a trap", "assertion", """
extern "C" __global__ void k(float* out) {
    if (threadIdx.x == 13)
        __trap();  // here
    out[threadIdx.x] = 1;
}""", OUT64, threads=[13]),
    fault("assertion", "in the second block", "assertion", """
extern "C" __global__ void k(const float* x, float* out, int n) {
    int i = blockIdx.x * 64 + threadIdx.x;
    if (i < n) {
        assert(x[i] != 77.f);  // here
        out[i] = x[i];
    }
}""", ("x", X), OUT, N, grid=(2,), threads=[13], blocks=[1]),
    fault("stack", "a recursion without an end", "stack overflow", """
__device__ __noinline__ int down(volatile int* p, int n) {
    int own[16];
    own[n & 15] = p[0] + n;
    return down(p, own[(n + 1) & 15] == 12345 ? n : n + 1) + own[n & 15];
}
extern "C" __global__ void k(int* out) { out[threadIdx.x] = down(out + 64, 1); }""", ("out", np.zeros(128, np.int32)), threads=[0]),
    fault("stack", "a call through no function", "bad call", """
typedef int (*Operation)(int);
__device__ Operation operation;
extern "C" __global__ void k(int* out) {
    out[threadIdx.x] = operation(3);  // here
}""", ("out", Empty(64, np.int32)), threads=[0]),
]  # fmt: skip

FAULTS: list[Fault] = [*GLOBAL_FAULTS, *SHARED_FAULTS, *RACE_FAULTS, *BARRIER_FAULTS, *LAUNCH_FAULTS, *STOPPED]


@dataclass(frozen=True)
class Unwritten:
    """A kernel that ends well and leaves some of its output as it found it."""

    program: Program
    unwritten: np.ndarray


def unwritten(name: str, source: str, mask: np.ndarray, *arguments: Any, grid: tuple[int, ...] = (1,), block: tuple[int, ...] = (64,)) -> Unwritten:
    made = fault("unwritten output", name, "", source, *arguments, grid=grid, block=block)
    return Unwritten(made.program, mask)


UNWRITTEN = [
    unwritten("too few blocks", SCALE, np.arange(100) >= 64, ("x", X), FACTOR, OUT, N),
    unwritten("the guard stops the last one", 'extern "C" __global__ void k(float* out, int n) { int i = blockIdx.x * blockDim.x + threadIdx.x; if (i < n - 1) out[i] = 1; }', np.arange(100) == 99, OUT, N, grid=(2,)),
    unwritten("every second element", 'extern "C" __global__ void k(float* out, int n) { int i = threadIdx.x; if (2 * i < n) out[2 * i] = 1; }', np.arange(100) % 2 == 1, OUT, N),
    unwritten("bytes beside each other", 'extern "C" __global__ void k(unsigned char* out) { out[threadIdx.x * 3] = 1; }', np.arange(100) % 3 > 0, ("out", Empty(100, np.uint8)), block=(34,)),
]  # fmt: skip
