"""Right answers in other styles: memory that a block shares."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
from numpy import ndarray


def matmul_loads__ceil(m: int, n: int, k: int, tile: int) -> int:
    return k * (m * math.ceil(n / tile) + n * math.ceil(m / tile))


def matmul_loads__block_by_block(m: int, n: int, k: int, tile: int) -> int:
    loads = 0
    for row in range(0, m, tile):
        for column in range(0, n, tile):
            loads += (min(m, row + tile) - row) * k + k * (min(n, column + tile) - column)
    return loads


def matmul_loads__numpy(m: int, n: int, k: int, tile: int) -> np.int64:
    size = np.array([m, n])
    return (k * size * np.ceil(size[::-1] / tile).astype(int)).sum()


def tiled_matmul__defined_tile() -> str:
    return r"""
#define TILE 16
extern "C" __global__
void tiled_matmul(const float* __restrict__ A, const float* __restrict__ B, float* __restrict__ C, int M, int N, int K)
{
    __shared__ float As[TILE][TILE];
    __shared__ float Bs[TILE][TILE + 1];
    const int tx = threadIdx.x, ty = threadIdx.y;
    const int row = blockIdx.y * blockDim.y + ty, col = blockIdx.x * blockDim.x + tx;
    float acc = 0.0f;
    for (int t = 0; t < (K + TILE - 1) / TILE; ++t) {
        const int ac = t * TILE + tx, br = t * TILE + ty;
        if (row < M && ac < K) As[ty][tx] = __ldg(&A[row * K + ac]); else As[ty][tx] = 0.0f;
        if (br < K && col < N) Bs[ty][tx] = __ldg(&B[br * N + col]); else Bs[ty][tx] = 0.0f;
        __syncthreads();
        #pragma unroll
        for (int i = 0; i < TILE; ++i) acc = fmaf(As[ty][i], Bs[i][tx], acc);
        __syncthreads();
    }
    if (row < M && col < N) C[row * N + col] = acc;
}
"""


def tiled_matmul__stops_where_the_tile_ends() -> str:
    return """
    extern "C" __global__ void tiled_matmul(const float* a, const float* b, float* c, int m, int n, int k) {
        __shared__ float ta[256], tb[256];
        int x = threadIdx.x, y = threadIdx.y, row = blockIdx.y * 16 + y, column = blockIdx.x * 16 + x;
        double sum = 0;
        for (int first = 0; first < k; first += 16) {
            int width = min(16, k - first);
            __syncthreads();   // the tile before has been used
            if (x < width && row < m) ta[y * 16 + x] = a[row * k + first + x];
            if (y < width && column < n) tb[y * 16 + x] = b[(first + y) * n + column];
            __syncthreads();
            if (row < m && column < n)
                for (int i = 0; i < width; i++) sum += (double) ta[y * 16 + i] * tb[i * 16 + x];
        }
        if (row < m && column < n) c[row * n + column] = sum;
    }"""


def tiled_matmul__two_buffers() -> str:
    return """
    __device__ float at(const float* x, int rows, int columns, int r, int c) { return r < rows && c < columns ? x[r * columns + c] : 0.f; }
    extern "C" __global__ void tiled_matmul(const float* a, const float* b, float* c, int m, int n, int k) {
        __shared__ float ta[2][16][16], tb[2][16][16];
        int x = threadIdx.x, y = threadIdx.y, row = blockIdx.y * 16 + y, column = blockIdx.x * 16 + x;
        float sum = 0;
        int now = 0;
        for (int first = 0; first < k; first += 16, now = 1 - now) {
            ta[now][x][y] = at(a, m, k, row, first + x);   // turned
            tb[now][y][x] = at(b, k, n, first + y, column);
            __syncthreads();   // one barrier is enough: the next round fills the other buffer
            for (int i = 0; i < 16; ++i) sum += ta[now][i][y] * tb[now][i][x];
        }
        if (row < m && column < n) c[row * n + column] = sum;
    }"""


def tiled_matmul__tiles_of_32_columns() -> str:
    return """
    extern "C" __global__ void tiled_matmul(const float* a, const float* b, float* c, int m, int n, int k) {
        __shared__ float ta[16][32], tb[32][16];
        int tx = threadIdx.x, ty = threadIdx.y;
        int top = blockIdx.y * blockDim.y, left = blockIdx.x * blockDim.x;
        float sum = 0;
        for (int first = 0; first < k; first += 32) {
            for (int s = ty * 16 + tx; s < 512; s += 256) {
                int r = top + s / 32, i = first + s % 32;
                ta[s / 32][s % 32] = r < m && i < k ? a[r * k + i] : 0;
                r = first + s / 16, i = left + s % 16;
                tb[s / 16][s % 16] = r < k && i < n ? b[r * n + i] : 0;
            }
            __syncthreads();
            for (int i = 31; i >= 0; --i) sum += ta[ty][i] * tb[i][tx];
            __syncthreads();
        }
        if (top + ty < m && left + tx < n) c[(top + ty) * n + left + tx] = sum;
    }"""


def bank_passes__sets(words: ndarray) -> int:
    banks = defaultdict(set)
    for word in words.tolist():
        banks[word % 32].add(word)
    return max(len(bank) for bank in banks.values())


def bank_passes__pass_by_pass(words: ndarray) -> int:
    waiting, passes = set(words.tolist()), 0
    while waiting:
        waiting -= set({word % 32: word for word in waiting}.values())
        passes += 1
    return passes


def bank_passes__numpy(words: ndarray) -> np.int64:
    distinct = np.array(sorted(set(words)))
    return max((distinct % 32 == bank).sum() for bank in range(32))


def tiled_transpose__defined_tile() -> str:
    return r"""
#define TILE 32
extern "C" __global__ void tiled_transpose(const float* __restrict__ in, float* __restrict__ out, int height, int width)
{
    __shared__ float t[TILE][TILE + 1];
    unsigned int c = blockIdx.x * TILE + threadIdx.x, r = blockIdx.y * TILE + threadIdx.y;
    if (r < height && c < width)
        t[threadIdx.x][threadIdx.y] = in[r * width + c];   // turned when it is written
    __syncthreads();
    c = blockIdx.y * TILE + threadIdx.x;
    r = blockIdx.x * TILE + threadIdx.y;
    if (r < width && c < height)
        out[r * height + c] = t[threadIdx.y][threadIdx.x];
}
"""


def tiled_transpose__diagonal() -> str:
    return """
    extern "C" __global__ void tiled_transpose(const float* x, float* out, int rows, int columns) {
        __shared__ float tile[32 * 32];   // not padded: row r begins at its own bank
        int tx = threadIdx.x, ty = threadIdx.y, top = blockIdx.y * 32, left = blockIdx.x * 32;
        float value = 0;
        if (top + ty < rows && left + tx < columns) value = x[(top + ty) * columns + left + tx];
        tile[ty * 32 + (tx + ty) % 32] = value;
        __syncthreads();
        if (left + ty >= columns || top + tx >= rows) return;
        out[(left + ty) * rows + top + tx] = tile[tx * 32 + (tx + ty) % 32];
    }"""


def tiled_transpose__flat_and_dynamic_loops() -> str:
    return """
    extern "C" __global__ void tiled_transpose(const float* x, float* out, int rows, int columns) {
        __shared__ float tile[32 * 33];
        int warp = threadIdx.y, lane = threadIdx.x;
        const int top = 32 * blockIdx.y, left = 32 * blockIdx.x;
        for (int r = warp; r < min(32, rows - top); r += blockDim.y)
            for (int c = lane; c < min(32, columns - left); c += 32) tile[r * 33 + c] = x[(top + r) * columns + left + c];
        __syncthreads();
        for (int c = warp; c < min(32, columns - left); c += blockDim.y)
            for (int r = lane; r < min(32, rows - top); r += 32) out[(left + c) * rows + top + r] = tile[r * 33 + c];
    }"""


def convolve_1d__two_loads() -> str:
    return """
    #define R 16
    extern "C" __global__ void convolve_1d(const float* x, const float* w, float* out, int n, int radius) {
        __shared__ float s[64 + 2 * R];
        const int t = threadIdx.x, i = blockIdx.x * blockDim.x + t;
        s[R + t] = i < n ? x[i] : 0.0f;
        if (t < R) {
            int left = i - R, right = i + 64;
            s[t] = left >= 0 && left < n ? x[left] : 0.0f;
            s[R + 64 + t] = right < n ? x[right] : 0.0f;
        }
        __syncthreads();
        if (i >= n) return;
        float sum = 0.0f;
        for (int j = -radius; j <= radius; j++) sum = fmaf(w[radius + j], s[R + t + j], sum);
        out[i] = sum;
    }"""


def convolve_1d__only_what_is_inside() -> str:
    return """
    extern "C" __global__ void convolve_1d(const float* __restrict__ x, const float* __restrict__ w, float* __restrict__ out, int n, int radius) {
        __shared__ float tile[96], weights[33];
        int begin = max(0, (int) blockIdx.x * 64 - radius), end = min(n, (int) blockIdx.x * 64 + 64 + radius);
        for (int i = begin + threadIdx.x; i < end; i += blockDim.x) tile[i - begin] = x[i];
        if (threadIdx.x <= 2 * radius) weights[threadIdx.x] = w[threadIdx.x];
        __syncthreads();
        int i = blockIdx.x * 64 + threadIdx.x;
        if (i < n) {
            double sum = 0;
            for (int k = max(0, i - radius); k <= min(n - 1, i + radius); ++k) sum += weights[k - i + radius] * tile[k - begin];
            out[i] = sum;
        }
    }"""


def convolve_1d__device_function() -> str:
    return """
    __device__ float or_zero(const float* x, int i, int n) { return (unsigned) i < (unsigned) n ? x[i] : 0; }
    extern "C" __global__ void convolve_1d(const float* x, const float* w, float* out, int n, int radius) {
        __shared__ float tile[96];
        int t = threadIdx.x, i = blockIdx.x * 64 + t;
        tile[t] = or_zero(x, i - radius, n);
        if (t < 2 * radius) tile[64 + t] = or_zero(x, i - radius + 64, n);
        __syncthreads();
        float sum = 0;
        const float* from = tile + t;
        for (const float* weight = w + 2 * radius; weight >= w; --weight) sum += *weight * from[weight - w];
        if (i < n) out[i] = sum;
    }"""
