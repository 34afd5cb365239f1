"""Correct kernels, each at several sizes and block shapes, whose barriers and fences are deleted one by one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from kernels.program import Program, Within, rng, single

F4, F8 = np.float32, np.float64
ORDERS = re.compile(r"(__syncthreads|__syncwarp|__threadfence)\(\);|block\.sync\(\);")


@dataclass(frozen=True)
class Correct:
    """`redundant` says of barriers that change nothing why they do not: by their number, in the order of the source."""

    name: str
    source: str
    cases: tuple[Program, ...]
    redundant: Mapping[int, str] = field(default_factory=dict)

    def mutants(self) -> Iterator[Mutant]:
        """The kernel without its first barrier or fence, without its second, and so on."""
        for number, found in enumerate(ORDERS.finditer(self.source)):
            without = self.source[: found.start()] + " " * (found.end() - found.start()) + self.source[found.end() :]
            line = self.source[: found.start()].count("\n") + 1
            yield Mutant(self, number, line, found[0], tuple(replace(case, source=without) for case in self.cases))


@dataclass(frozen=True)
class Mutant:
    kernel: Correct
    number: int
    line: int
    deleted: str
    cases: tuple[Program, ...]

    @property
    def name(self) -> str:
        return f"{self.kernel.name}, {self.deleted} in line {self.line}"


def normal(name: str, *shape: int) -> np.ndarray:
    return rng(name).normal(size=shape).astype(F4)


def near(values: Any, atol: float = 1e-3) -> Within:
    return Within(np.asarray(values, F8), 0, atol)


def i32(value: int) -> np.int32:
    return np.int32(value)


def ceil(a: int, b: int) -> int:
    return -(-a // b)


# ---- matrices ------------------------------------------------------------------------------------------------------------

MATMUL = """
#define TILE 16
extern "C" __global__ void k(const float* a, const float* b, float* c, int m, int n, int inner) {
    __shared__ float ta[TILE][TILE];
    __shared__ float tb[TILE][TILE];
    int tx = threadIdx.x, ty = threadIdx.y;
    int row = blockIdx.y * TILE + ty, column = blockIdx.x * TILE + tx;
    float sum = 0;
    for (int t = 0; t < (inner + TILE - 1) / TILE; t++) {
        int i = t * TILE + tx, j = t * TILE + ty;
        ta[ty][tx] = row < m && i < inner ? a[row * inner + i] : 0.f;
        tb[ty][tx] = j < inner && column < n ? b[j * n + column] : 0.f;
        __syncthreads();
        for (int k = 0; k < TILE; k++) sum += ta[ty][k] * tb[k][tx];
        __syncthreads();
    }
    if (row < m && column < n) c[row * n + column] = sum;
}"""

DOUBLE_BUFFERED = """
#define TILE 8
extern "C" __global__ void k(const float* a, const float* b, float* c, int m, int n, int inner) {
    __shared__ float ta[2][TILE][TILE];
    __shared__ float tb[2][TILE][TILE];
    int tx = threadIdx.x, ty = threadIdx.y;
    int row = blockIdx.y * TILE + ty, column = blockIdx.x * TILE + tx;
    int tiles = (inner + TILE - 1) / TILE;
    float sum = 0;
    for (int t = 0; t <= tiles; t++) {
        if (t < tiles) {
            int i = t * TILE + tx, j = t * TILE + ty;
            ta[t % 2][ty][tx] = row < m && i < inner ? a[row * inner + i] : 0.f;
            tb[t % 2][ty][tx] = j < inner && column < n ? b[j * n + column] : 0.f;
        }
        if (t > 0)
            for (int k = 0; k < TILE; k++) sum += ta[(t + 1) % 2][ty][k] * tb[(t + 1) % 2][k][tx];
        __syncthreads();
    }
    if (row < m && column < n) c[row * n + column] = sum;
}"""

# Each thread has 2 x 2 results, the block's threads stand in a row.
REGISTER_TILES = """
extern "C" __global__ void k(const float* a, const float* b, float* c, int m, int n, int inner) {
    __shared__ float ta[16][16 + 1];
    __shared__ float tb[16][16];
    int t = threadIdx.x, tx = t % 8, ty = t / 8;
    float sum[2][2] = {{0, 0}, {0, 0}};
    for (int start = 0; start < inner; start += 16) {
        __syncthreads();
        for (int e = t; e < 256; e += 64) {
            int r = e / 16, q = e % 16, row = blockIdx.y * 16 + r, column = blockIdx.x * 16 + q;
            ta[r][q] = row < m && start + q < inner ? a[row * inner + start + q] : 0.f;
            tb[r][q] = start + r < inner && column < n ? b[(start + r) * n + column] : 0.f;
        }
        __syncthreads();
        for (int k = 0; k < 16; k++)
            for (int i = 0; i < 2; i++)
                for (int j = 0; j < 2; j++) sum[i][j] += ta[ty + 8 * i][k] * tb[k][tx + 8 * j];
    }
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++) {
            int row = blockIdx.y * 16 + ty + 8 * i, column = blockIdx.x * 16 + tx + 8 * j;
            if (row < m && column < n) c[row * n + column] = sum[i][j];
        }
}"""

TRANSPOSE = """
#define TILE 16
extern "C" __global__ void k(const float* x, float* y, int rows, int columns) {
    __shared__ float tile[TILE][TILE + 1];
    int c = blockIdx.x * TILE + threadIdx.x;
    for (int j = threadIdx.y; j < TILE; j += blockDim.y) {
        int r = blockIdx.y * TILE + j;
        if (r < rows && c < columns) tile[j][threadIdx.x] = x[r * columns + c];
    }
    __syncthreads();
    int r = blockIdx.y * TILE + threadIdx.x;
    for (int j = threadIdx.y; j < TILE; j += blockDim.y) {
        int c = blockIdx.x * TILE + j;
        if (r < rows && c < columns) y[c * rows + r] = tile[threadIdx.x][j];
    }
}"""


def matmul_case(source: str, m: int, n: int, inner: int, tile: int, block: tuple[int, ...]) -> Program:
    a, b = normal(f"a {m} {inner}", m, inner), normal(f"b {inner} {n}", inner, n)
    return single(
        f"{m} x {inner} x {n}",
        source,
        {"c": near(a.astype(F8) @ b)},
        ("a", a),
        ("b", b),
        "c",
        i32(m),
        i32(n),
        i32(inner),
        grid=(ceil(n, tile), ceil(m, tile)),
        block=block,
    )


def transpose_case(rows: int, columns: int, high: int) -> Program:
    x = normal(f"transpose {rows}", rows, columns)
    return single(
        f"{rows} x {columns}, {high} high",
        TRANSPOSE,
        {"y": x.T.copy()},
        ("x", x),
        "y",
        i32(rows),
        i32(columns),
        grid=(ceil(columns, 16), ceil(rows, 16)),
        block=(16, high),
    )


# ---- reductions ----------------------------------------------------------------------------------------------------------

BLOCK_SUM = """
extern "C" __global__ void k(const float* x, float* out, int n) {
    extern __shared__ float s[];
    int t = threadIdx.x;
    float sum = 0;
    for (int i = blockIdx.x * blockDim.x + t; i < n; i += gridDim.x * blockDim.x) sum += x[i];
    s[t] = sum;
    __syncthreads();
    for (int o = blockDim.x / 2; o > 0; o /= 2) {
        if (t < o) s[t] += s[t + o];
        __syncthreads();
    }
    if (t == 0) atomicAdd(out, s[0]);
}"""

SHUFFLE_SUM = """
extern "C" __global__ void k(const float* x, float* out, int n) {
    __shared__ float sums[32];
    int t = threadIdx.x, lane = t % 32, warp = t / 32;
    float v = 0;
    for (int i = blockIdx.x * blockDim.x + t; i < n; i += gridDim.x * blockDim.x) v += x[i];
    for (int o = 16; o > 0; o /= 2) v += __shfl_down_sync(0xffffffffu, v, o);
    if (lane == 0) sums[warp] = v;
    __syncthreads();
    if (warp == 0) {
        v = lane < blockDim.x / 32 ? sums[lane] : 0.f;
        for (int o = 16; o > 0; o /= 2) v += __shfl_down_sync(0xffffffffu, v, o);
        if (lane == 0) atomicAdd(out, v);
    }
}"""

WARP_SUM = """
extern "C" __global__ void k(const float* x, float* out, int n) {
    extern __shared__ float s[];
    int t = threadIdx.x, lane = t % 32;
    float* mine = s + t - lane;
    int i = blockIdx.x * blockDim.x + t;
    mine[lane] = i < n ? x[i] : 0.f;
    __syncwarp();
    for (int o = 16; o > 0; o /= 2) {
        float v = lane < o ? mine[lane + o] : 0.f;
        __syncwarp();
        if (lane < o) mine[lane] += v;
        __syncwarp();
    }
    if (lane == 0) atomicAdd(out, mine[0]);
}"""

LAST_BLOCK = """
__device__ unsigned arrived = 0;
extern "C" __global__ void k(const float* x, volatile float* partial, float* out, int n) {
    __shared__ float s[64];
    __shared__ bool last;
    int t = threadIdx.x;
    float sum = 0;
    for (int i = blockIdx.x * 64 + t; i < n; i += gridDim.x * 64) sum += x[i];
    s[t] = sum;
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
    if (last) {
        sum = 0;
        for (int b = t; b < gridDim.x; b += 64) sum += partial[b];
        s[t] = sum;
        __syncthreads();
        for (int o = 32; o > 0; o /= 2) {
            if (t < o) s[t] += s[t + o];
            __syncthreads();
        }
        if (t == 0) out[0] = s[0];
    }
}"""

LOOK_BACK = """
extern "C" __global__ void k(const int* x, volatile int* sums, int* ready, int* out, int n) {
    __shared__ int s[64];
    __shared__ int before;
    int t = threadIdx.x, b = blockIdx.x, i = b * 64 + t;
    int v = i < n ? x[i] : 0;
    s[t] = v;
    __syncthreads();
    for (int o = 1; o < 64; o *= 2) {
        int left = t >= o ? s[t - o] : 0;
        __syncthreads();
        s[t] += left;
        __syncthreads();
    }
    if (t == 63) {
        int sum = 0;
        if (b > 0) {
            while (atomicAdd(&ready[b - 1], 0) == 0) { }
            sum = sums[b - 1];
        }
        before = sum;
        sums[b] = sum + s[63];
        __threadfence();
        atomicExch(&ready[b], 1);
    }
    __syncthreads();
    if (i < n) out[i] = before + s[t];
}"""


def sum_case(source: str, n: int, blocks: int, threads: int) -> Program:
    x = normal(f"sum {n}", n)
    shared = 0 if "sums[32]" in source else 4 * threads
    return single(
        f"{n} by {blocks} blocks of {threads}",
        source,
        {"out": near([x.astype(F8).sum()])},
        ("x", x),
        ("out", np.zeros(1, F4)),
        i32(n),
        grid=(blocks,),
        block=(threads,),
        shared_mem=shared,
    )


def last_block_case(n: int, blocks: int) -> Program:
    x = normal(f"last {n}", n)
    return single(
        f"{n} by {blocks} blocks",
        LAST_BLOCK,
        {"out": near([x.astype(F8).sum()])},
        ("x", x),
        ("partial", np.zeros(blocks, F4)),
        ("out", np.zeros(1, F4)),
        i32(n),
        grid=(blocks,),
        block=(64,),
    )


def look_back_case(n: int) -> Program:
    x = rng("look back").integers(-100, 100, n).astype(np.int32)
    blocks = ceil(n, 64)
    return single(
        f"{n}",
        LOOK_BACK,
        {"out": np.cumsum(x).astype(np.int32)},
        ("x", x),
        ("sums", np.zeros(blocks, np.int32)),
        ("ready", np.zeros(blocks, np.int32)),
        "out",
        i32(n),
        grid=(blocks,),
        block=(64,),
    )


# ---- rows ----------------------------------------------------------------------------------------------------------------

SOFTMAX = """
extern "C" __global__ void k(const float* x, float* y, int rows, int columns) {
    extern __shared__ float s[];
    int t = threadIdx.x;
    const float* mine = x + blockIdx.x * columns;
    float m = -3e38f;
    for (int j = t; j < columns; j += blockDim.x) m = fmaxf(m, mine[j]);
    s[t] = m;
    __syncthreads();
    for (int o = blockDim.x / 2; o > 0; o /= 2) {
        if (t < o) s[t] = fmaxf(s[t], s[t + o]);
        __syncthreads();
    }
    m = s[0];
    __syncthreads();
    float sum = 0;
    for (int j = t; j < columns; j += blockDim.x) sum += expf(mine[j] - m);
    s[t] = sum;
    __syncthreads();
    for (int o = blockDim.x / 2; o > 0; o /= 2) {
        if (t < o) s[t] += s[t + o];
        __syncthreads();
    }
    for (int j = t; j < columns; j += blockDim.x) y[blockIdx.x * columns + j] = expf(mine[j] - m) / s[0];
}"""

LAYER_NORM = """
__device__ float sum_of_block(float v, float* s) {
    int t = threadIdx.x;
    for (int o = 16; o > 0; o /= 2) v += __shfl_xor_sync(0xffffffffu, v, o);
    if (t % 32 == 0) s[t / 32] = v;
    __syncthreads();
    float sum = 0;
    for (int w = 0; w < blockDim.x / 32; w++) sum += s[w];
    __syncthreads();
    return sum;
}
extern "C" __global__ void k(const float* x, const float* gain, const float* bias, float* y, int rows, int columns) {
    __shared__ float s[32];
    const float* mine = x + blockIdx.x * columns;
    float v = 0;
    for (int j = threadIdx.x; j < columns; j += blockDim.x) v += mine[j];
    float mean = sum_of_block(v, s) / columns;
    v = 0;
    for (int j = threadIdx.x; j < columns; j += blockDim.x) v += (mine[j] - mean) * (mine[j] - mean);
    float scale = rsqrtf(sum_of_block(v, s) / columns + 1e-5f);
    for (int j = threadIdx.x; j < columns; j += blockDim.x) y[blockIdx.x * columns + j] = (mine[j] - mean) * scale * gain[j] + bias[j];
}"""

# One block for 16 queries, all keys and values in tiles of 16; 16 x 16 threads; head dimension 16 at most.
ATTENTION = """
#define T 16
extern "C" __global__ void k(const float* q, const float* keys, const float* values, float* out, int n, int d, float scale) {
    __shared__ float sq[T][T], sk[T][T], sv[T][T], score[T][T], most[T], total[T], shrink[T], acc[T][T];
    int x = threadIdx.x, y = threadIdx.y, row = blockIdx.x * T + y;
    sq[y][x] = row < n && x < d ? q[row * d + x] : 0.f;
    acc[y][x] = 0;
    if (x == 0) { most[y] = -1e30f; total[y] = 0; }
    for (int start = 0; start < n; start += T) {
        sk[y][x] = start + y < n && x < d ? keys[(start + y) * d + x] : 0.f;
        sv[y][x] = start + y < n && x < d ? values[(start + y) * d + x] : 0.f;
        __syncthreads();
        float s = 0;
        for (int k = 0; k < T; k++) s += sq[y][k] * sk[x][k];
        score[y][x] = start + x < n ? s * scale : -1e30f;
        __syncthreads();
        if (x == 0) {
            float bigger = most[y];
            for (int k = 0; k < T; k++) bigger = fmaxf(bigger, score[y][k]);
            shrink[y] = expf(most[y] - bigger);
            most[y] = bigger;
            total[y] *= shrink[y];
            for (int k = 0; k < T; k++) total[y] += expf(score[y][k] - bigger);
        }
        __syncthreads();
        float sum = acc[y][x] * shrink[y];
        for (int k = 0; k < T; k++) sum += expf(score[y][k] - most[y]) * sv[k][x];
        acc[y][x] = sum;
        __syncthreads();
    }
    if (row < n && x < d) out[row * d + x] = acc[y][x] / total[y];
}"""


def softmax_case(rows: int, columns: int, threads: int) -> Program:
    x = normal(f"softmax {rows}", rows, columns)
    e = np.exp(x.astype(F8) - x.max(1, keepdims=True))
    return single(
        f"{rows} x {columns} by {threads}",
        SOFTMAX,
        {"y": near(e / e.sum(1, keepdims=True), 1e-5)},
        ("x", x),
        "y",
        i32(rows),
        i32(columns),
        grid=(rows,),
        block=(threads,),
        shared_mem=4 * threads,
    )


def layer_norm_case(rows: int, columns: int, threads: int) -> Program:
    x, gain, bias = normal(f"norm {rows}", rows, columns), normal("gain", columns), normal("bias", columns)
    wide = x.astype(F8)
    y = (wide - wide.mean(1, keepdims=True)) / np.sqrt(wide.var(1, keepdims=True) + 1e-5) * gain + bias
    return single(
        f"{rows} x {columns} by {threads}",
        LAYER_NORM,
        {"y": near(y)},
        ("x", x),
        ("gain", gain),
        ("bias", bias),
        "y",
        i32(rows),
        i32(columns),
        grid=(rows,),
        block=(threads,),
    )


def attention_case(n: int, d: int) -> Program:
    q, k, v = (normal(f"attention {name} {n}", n, d) for name in "qkv")
    s = q.astype(F8) @ k.T / np.sqrt(d)
    e = np.exp(s - s.max(1, keepdims=True))
    return single(
        f"{n} x {d}",
        ATTENTION,
        {"out": near(e / e.sum(1, keepdims=True) @ v)},
        ("q", q),
        ("keys", k),
        ("values", v),
        "out",
        i32(n),
        i32(d),
        F4(1 / np.sqrt(d)),
        grid=(ceil(n, 16),),
        block=(16, 16),
    )


# ---- neighbours, counting, order -----------------------------------------------------------------------------------------

CONV1D = """
#define R 2
extern "C" __global__ void k(const float* x, const float* w, float* y, int n) {
    extern __shared__ float s[];
    int t = threadIdx.x, i = blockIdx.x * blockDim.x + t;
    s[t + R] = i < n ? x[i] : 0.f;
    if (t < R) {
        int left = i - R, right = i + blockDim.x;
        s[t] = left >= 0 && left < n ? x[left] : 0.f;
        s[t + R + blockDim.x] = right < n ? x[right] : 0.f;
    }
    __syncthreads();
    float sum = 0;
    for (int k = 0; k < 2 * R + 1; k++) sum += w[k] * s[t + k];
    if (i < n) y[i] = sum;
}"""

CONV2D = """
#define TILE 8
#define R 1
extern "C" __global__ void k(const float* x, const float* w, float* y, int channels, int h, int width) {
    __shared__ float s[TILE + 2 * R][TILE + 2 * R];
    int tx = threadIdx.x, ty = threadIdx.y, t = ty * TILE + tx;
    int left = blockIdx.x * TILE - R, top = blockIdx.y * TILE - R;
    float sum = 0;
    for (int c = 0; c < channels; c++) {
        for (int e = t; e < (TILE + 2 * R) * (TILE + 2 * R); e += TILE * TILE) {
            int r = e / (TILE + 2 * R), q = e % (TILE + 2 * R), row = top + r, column = left + q;
            s[r][q] = row >= 0 && row < h && column >= 0 && column < width ? x[(c * h + row) * width + column] : 0.f;
        }
        __syncthreads();
        for (int i = 0; i < 2 * R + 1; i++)
            for (int j = 0; j < 2 * R + 1; j++) sum += s[ty + i][tx + j] * w[(c * 3 + i) * 3 + j];
        __syncthreads();
    }
    int row = top + R + ty, column = left + R + tx;
    if (row < h && column < width) y[row * width + column] = sum;
}"""

HEAT = """
extern "C" __global__ void k(const float* x, float* y, int n, int steps) {
    __shared__ float s[2][130];
    int t = threadIdx.x;
    if (t < n) s[0][t + 1] = x[t];
    if (t == 0) { s[0][0] = s[1][0] = 0; s[0][n + 1] = s[1][n + 1] = 0; }
    __syncthreads();
    for (int r = 0; r < steps; r++) {
        if (t < n) s[(r + 1) % 2][t + 1] = 0.25f * s[r % 2][t] + 0.5f * s[r % 2][t + 1] + 0.25f * s[r % 2][t + 2];
        __syncthreads();
    }
    if (t < n) y[t] = s[steps % 2][t + 1];
}"""

HISTOGRAM = """
extern "C" __global__ void k(const unsigned char* x, int* counts, int n, int bins) {
    extern __shared__ int h[];
    for (int b = threadIdx.x; b < bins; b += blockDim.x) h[b] = 0;
    __syncthreads();
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) atomicAdd(&h[x[i]], 1);
    __syncthreads();
    for (int b = threadIdx.x; b < bins; b += blockDim.x) atomicAdd(&counts[b], h[b]);
}"""

SCAN = """
extern "C" __global__ void k(const float* x, float* y, int n) {
    extern __shared__ float s[];
    int t = threadIdx.x;
    s[t] = t < n ? x[t] : 0.f;
    __syncthreads();
    for (int o = 1; o < blockDim.x; o *= 2) {
        float v = t >= o ? s[t - o] : 0.f;
        __syncthreads();
        s[t] += v;
        __syncthreads();
    }
    if (t < n) y[t] = s[t];
}"""

TREE_SCAN = """
extern "C" __global__ void k(const float* x, float* y, int n) {
    extern __shared__ float s[];
    int t = threadIdx.x, size = 2 * blockDim.x;
    s[2 * t] = 2 * t < n ? x[2 * t] : 0.f;
    s[2 * t + 1] = 2 * t + 1 < n ? x[2 * t + 1] : 0.f;
    int stride = 1;
    for (int d = size / 2; d > 0; d /= 2) {
        __syncthreads();
        if (t < d) s[stride * (2 * t + 2) - 1] += s[stride * (2 * t + 1) - 1];
        stride *= 2;
    }
    if (t == 0) s[size - 1] = 0;
    for (int d = 1; d < size; d *= 2) {
        stride /= 2;
        __syncthreads();
        if (t < d) {
            int a = stride * (2 * t + 1) - 1, b = stride * (2 * t + 2) - 1;
            float left = s[a];
            s[a] = s[b];
            s[b] += left;
        }
    }
    __syncthreads();
    for (int i = t; i < n; i += blockDim.x) y[i] = s[i];
}"""

BITONIC = """
extern "C" __global__ void k(const int* x, int* y, int n) {
    extern __shared__ int keys[];
    int t = threadIdx.x;
    keys[t] = t < n ? x[t] : 0x7fffffff;
    __syncthreads();
    for (int size = 2; size <= blockDim.x; size *= 2)
        for (int o = size / 2; o > 0; o /= 2) {
            int other = t ^ o;
            if (other > t) {
                bool up = (t & size) == 0;
                int a = keys[t], b = keys[other];
                if ((a > b) == up) { keys[t] = b; keys[other] = a; }
            }
            __syncthreads();
        }
    if (t < n) y[t] = keys[t];
}"""

ODD_EVEN = """
extern "C" __global__ void k(const int* x, int* y, int n) {
    extern __shared__ int keys[];
    int t = threadIdx.x;
    for (int i = t; i < n; i += blockDim.x) keys[i] = x[i];
    for (int round = 0; round < n; round++) {
        __syncthreads();
        int i = 2 * t + round % 2;
        if (i + 1 < n && keys[i] > keys[i + 1]) { int v = keys[i]; keys[i] = keys[i + 1]; keys[i + 1] = v; }
    }
    __syncthreads();
    for (int i = t; i < n; i += blockDim.x) y[i] = keys[i];
}"""

COMPACT = """
#include <cooperative_groups.h>
namespace cg = cooperative_groups;
extern "C" __global__ void k(const int* x, int* kept, int* count, int n) {
    __shared__ int places[128];
    auto block = cg::this_thread_block();
    int t = block.thread_rank();
    int keep = t < n && x[t] > 0;
    places[t] = keep;
    block.sync();
    for (int o = 1; o < block.size(); o *= 2) {
        int v = t >= o ? places[t - o] : 0;
        block.sync();
        places[t] += v;
        block.sync();
    }
    if (keep) kept[places[t] - 1] = x[t];
    if (t == block.size() - 1) *count = places[t];
}"""

ARGMAX = """
extern "C" __global__ void k(const float* x, int* where, int n) {
    __shared__ float best[128];
    __shared__ int place[128];
    int t = threadIdx.x;
    float v = -3e38f;
    int p = -1;
    for (int i = t; i < n; i += blockDim.x)
        if (x[i] > v) { v = x[i]; p = i; }
    best[t] = v;
    place[t] = p;
    for (int o = blockDim.x / 2; o > 0; o /= 2) {
        __syncthreads();
        if (t < o && best[t + o] > best[t]) { best[t] = best[t + o]; place[t] = place[t + o]; }
    }
    if (t == 0) where[0] = place[0];
}"""

# A warp loads side by side, so that each thread then has four neighbours to itself.
WARP_EXCHANGE = """
extern "C" __global__ void k(const float* x, float* y) {
    __shared__ float s[4][128];
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32, thread = blockIdx.x * blockDim.x + threadIdx.x;
    float sum = 0;
    for (int round = 0; round < 2; round++) {
        for (int k = 0; k < 4; k++) s[warp][k * 32 + lane] = x[(thread - lane) * 4 + k * 32 + lane];
        __syncwarp();
        for (int k = 0; k < 4; k++) sum += s[warp][lane * 4 + k];
        __syncwarp();
    }
    y[thread] = sum;
}"""


def conv1d_case(n: int, threads: int) -> Program:
    x, w = normal(f"conv1d {n}", n), normal("w", 5)
    y = np.correlate(np.pad(x.astype(F8), 2), w.astype(F8), "valid")
    return single(
        f"{n} by {threads}",
        CONV1D,
        {"y": near(y)},
        ("x", x),
        ("w", w),
        "y",
        i32(n),
        grid=(ceil(n, threads),),
        block=(threads,),
        shared_mem=4 * (threads + 4),
    )


def conv2d_case(channels: int, h: int, width: int) -> Program:
    x, w = normal(f"conv2d {h}", channels, h, width), normal(f"w2d {channels}", channels, 3, 3)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x.astype(F8), ((0, 0), (1, 1), (1, 1))), (3, 3), axis=(1, 2))
    return single(
        f"{channels} x {h} x {width}",
        CONV2D,
        {"y": near(np.einsum("chwij,cij->hw", windows, w))},
        ("x", x),
        ("w", w),
        "y",
        i32(channels),
        i32(h),
        i32(width),
        grid=(ceil(width, 8), ceil(h, 8)),
        block=(8, 8),
    )


def heat_case(n: int, steps: int, threads: int) -> Program:
    x = normal(f"heat {n}", n)
    y = x.astype(F8)
    for _ in range(steps):
        y = np.correlate(np.pad(y, 1), [0.25, 0.5, 0.25], "valid")
    return single(f"{n}, {steps} steps", HEAT, {"y": near(y)}, ("x", x), "y", i32(n), i32(steps), block=(threads,))


def histogram_case(n: int, bins: int, blocks: int, threads: int) -> Program:
    x = rng(f"histogram {n}").integers(0, bins, n).astype(np.uint8)
    return single(
        f"{n} in {bins}",
        HISTOGRAM,
        {"counts": np.bincount(x, minlength=bins).astype(np.int32)},
        ("x", x),
        ("counts", np.zeros(bins, np.int32)),
        i32(n),
        i32(bins),
        grid=(blocks,),
        block=(threads,),
        shared_mem=4 * bins,
    )


def scan_case(source: str, n: int, threads: int, exclusive: bool = False) -> Program:
    x = normal(f"scan {n}", n)
    sums = np.cumsum(x.astype(F8))
    return single(
        f"{n} by {threads}", source, {"y": near(sums - x if exclusive else sums)}, ("x", x), "y", i32(n), block=(threads,), shared_mem=8 * threads
    )


def sort_case(source: str, n: int, threads: int) -> Program:
    """From the largest to the smallest: so that there is something to swap in every round."""
    x = np.sort(rng(f"sort {n}").integers(-1000, 1000, n))[::-1].astype(np.int32)
    return single(f"{n} by {threads}", source, {"y": np.sort(x)}, ("x", x), "y", i32(n), block=(threads,), shared_mem=4 * max(n, threads))


def compact_case(n: int, threads: int) -> Program:
    x = rng(f"compact {n}").integers(-100, 100, n).astype(np.int32)
    kept = np.zeros(n, np.int32)
    kept[: (x > 0).sum()] = x[x > 0]
    return single(
        f"{n} by {threads}",
        COMPACT,
        {"kept": kept, "count": np.array([(x > 0).sum()], np.int32)},
        ("x", x),
        ("kept", np.zeros(n, np.int32)),
        ("count", np.zeros(1, np.int32)),
        i32(n),
        block=(threads,),
    )


def argmax_case(n: int, threads: int) -> Program:
    x = normal(f"argmax {n}", n)
    return single(f"{n} by {threads}", ARGMAX, {"where": np.array([x.argmax()], np.int32)}, ("x", x), "where", i32(n), block=(threads,))


def warp_exchange_case(blocks: int, threads: int) -> Program:
    x = normal(f"warp exchange {blocks}", blocks * threads, 4)
    return single(f"{blocks} of {threads}", WARP_EXCHANGE, {"y": near(2 * x.astype(F8).sum(1))}, ("x", x), "y", grid=(blocks,), block=(threads,))


CORRECT: list[Correct] = [
    Correct("tiled matmul", MATMUL, tuple(matmul_case(MATMUL, *size, 16, (16, 16)) for size in ((16, 16, 32), (50, 37, 41), (5, 40, 70)))),
    Correct("double-buffered matmul", DOUBLE_BUFFERED, tuple(matmul_case(DOUBLE_BUFFERED, *size, 8, (8, 8)) for size in ((8, 8, 24), (20, 13, 31)))),
    Correct("matmul with results in registers", REGISTER_TILES, tuple(matmul_case(REGISTER_TILES, *size, 16, (64,)) for size in ((16, 16, 48), (33, 20, 21)))),
    Correct("transpose", TRANSPOSE, tuple(transpose_case(*size) for size in ((16, 16, 16), (50, 37, 16), (20, 70, 4)))),
    Correct("block sum", BLOCK_SUM, tuple(sum_case(BLOCK_SUM, *size) for size in ((1000, 1, 128), (777, 3, 64), (100, 2, 256)))),
    Correct("block sum by shuffles", SHUFFLE_SUM, tuple(sum_case(SHUFFLE_SUM, *size) for size in ((1000, 2, 128), (70, 1, 64), (5000, 3, 256)))),
    Correct("warp sum in shared memory", WARP_SUM, tuple(sum_case(WARP_SUM, *size) for size in ((64, 1, 64), (100, 2, 64), (200, 2, 128))), {1: "within a round the warp reads the upper half of its numbers and writes the lower half"}),
    Correct("last block", LAST_BLOCK, tuple(last_block_case(*size) for size in ((1000, 5), (5000, 70), (64, 1)))),
    Correct("running sum over blocks, by looking back", LOOK_BACK, tuple(look_back_case(n) for n in (64, 200, 500))),
    Correct("softmax", SOFTMAX, tuple(softmax_case(*size) for size in ((3, 200, 64), (2, 33, 128), (4, 300, 32)))),
    Correct("layer norm", LAYER_NORM, tuple(layer_norm_case(*size) for size in ((3, 200, 64), (2, 40, 128), (2, 300, 96)))),
    Correct("attention tile", ATTENTION, tuple(attention_case(*size) for size in ((32, 16), (45, 8), (16, 16)))),
    Correct("convolution in one dimension", CONV1D, tuple(conv1d_case(*size) for size in ((200, 64), (33, 32), (500, 128)))),
    Correct("convolution in two dimensions", CONV2D, tuple(conv2d_case(*size) for size in ((2, 16, 16), (3, 13, 21)))),
    Correct("heat, step by step", HEAT, tuple(heat_case(*size) for size in ((100, 7, 128), (60, 4, 64)))),
    Correct("histogram", HISTOGRAM, tuple(histogram_case(*size) for size in ((4000, 256, 3, 128), (500, 10, 2, 64)))),
    Correct("scan", SCAN, tuple(scan_case(SCAN, *size) for size in ((200, 256), (64, 64), (100, 128)))),
    Correct("tree scan", TREE_SCAN, tuple(scan_case(TREE_SCAN, *size, exclusive=True) for size in ((200, 128), (64, 32), (250, 128)))),
    Correct("bitonic sort", BITONIC, tuple(sort_case(BITONIC, *size) for size in ((100, 128), (64, 64), (256, 256)))),
    Correct("odd-even sort", ODD_EVEN, tuple(sort_case(ODD_EVEN, *size) for size in ((60, 32), (65, 64), (100, 64)))),
    Correct("compaction with cooperative groups", COMPACT, tuple(compact_case(*size) for size in ((100, 128), (64, 64)))),
    Correct("argmax", ARGMAX, tuple(argmax_case(*size) for size in ((500, 128), (70, 64)))),
    Correct("exchange within warps", WARP_EXCHANGE, tuple(warp_exchange_case(*size) for size in ((2, 64), (1, 128)))),
]  # fmt: skip
