"""Right answers in other styles: layer norm and attention as kernels."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy import ndarray


def layer_norm_rows__two_passes_with_shuffles() -> str:
    return """
    __device__ float sum_of_block(float v, float* parts) {
        for (int step = 16; step > 0; step /= 2) v += __shfl_xor_sync(0xffffffff, v, step);
        if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = v;
        __syncthreads();
        return parts[0] + parts[1] + parts[2] + parts[3];
    }
    extern "C" __global__ void layer_norm_rows(
            const float* x, const float* gain, const float* bias, float* out, int columns, float epsilon) {
        __shared__ float a[4], b[4];
        int row = blockIdx.x;
        float sum = 0, squares = 0;
        for (int j = threadIdx.x; j < columns; j += blockDim.x) sum += __ldg(&x[row * columns + j]);
        const float mean = sum_of_block(sum, a) / columns;
        for (int j = threadIdx.x; j < columns; j += blockDim.x) {
            float d = x[row * columns + j] - mean;
            squares = fmaf(d, d, squares);
        }
        const float spread = sqrtf(sum_of_block(squares, b) / columns + epsilon);
        for (int j = threadIdx.x; j < columns; j += blockDim.x)
            out[row * columns + j] = (x[row * columns + j] - mean) / spread * gain[j] + bias[j];
    }"""


def layer_norm_rows__row_kept_in_shared_memory() -> str:
    return """
    extern "C" __global__ void layer_norm_rows(
            const float* x, const float* gain, const float* bias, float* out, int columns, float epsilon) {
        __shared__ float row[1024], parts[128];
        int t = threadIdx.x;
        for (int j = t; j < columns; j += 128) row[j] = x[blockIdx.x * columns + j];
        __syncthreads();
        if (t == 0) {
            double sum = 0, squares = 0;
            for (int j = 0; j < columns; ++j) sum += row[j];
            double mean = sum / columns;
            for (int j = 0; j < columns; ++j) squares += (row[j] - mean) * (row[j] - mean);
            parts[0] = mean;
            parts[1] = 1 / sqrt(squares / columns + epsilon);
        }
        __syncthreads();
        for (int j = t; j < columns; j += 128) out[blockIdx.x * columns + j] = (row[j] - parts[0]) * parts[1] * gain[j] + bias[j];
    }"""


def layer_norm_rows__welford() -> str:
    return """
    struct Moments { float n, mean, squares; };
    __device__ Moments merged(Moments a, Moments b) {   // Chan, Golub, LeVeque (1979)
        float n = a.n + b.n;
        if (n == 0) return a;
        float d = b.mean - a.mean;
        return {n, a.mean + d * b.n / n, a.squares + b.squares + d * d * a.n * b.n / n};
    }
    extern "C" __global__ void layer_norm_rows(
            const float* __restrict__ x, const float* __restrict__ gain, const float* __restrict__ bias, float* __restrict__ out,
            int columns, float epsilon) {
        __shared__ Moments parts[128];
        int t = threadIdx.x;
        const float* row = x + (size_t) blockIdx.x * columns;
        Moments mine = {0, 0, 0};
        for (int j = t; j < columns; j += 128) {
            mine.n += 1;
            float d = row[j] - mine.mean;
            mine.mean += d / mine.n;
            mine.squares += d * (row[j] - mine.mean);
        }
        parts[t] = mine;
        for (int half = 64; half > 0; half >>= 1) {
            __syncthreads();
            if (t < half) parts[t] = merged(parts[t], parts[t + half]);
        }
        __syncthreads();
        Moments all = parts[0];
        for (int j = t; j < columns; j += 128)
            out[(size_t) blockIdx.x * columns + j] = gain[j] * (row[j] - all.mean) / sqrtf(all.squares / all.n + epsilon) + bias[j];
    }"""


def merge_softmax__branches(max_a: float, sum_a: float, max_b: float, sum_b: float) -> tuple[float, float]:
    if max_a < max_b:
        return max_b, sum_b + sum_a * math.exp(max_a - max_b)
    return max_a, sum_a + sum_b * math.exp(max_b - max_a)


def merge_softmax__numpy(max_a: float, sum_a: float, max_b: float, sum_b: float) -> tuple[np.float64, np.float64]:
    maxima, sums = np.array([max_a, max_b]), np.array([sum_a, sum_b])
    return maxima.max(), (sums * np.exp(maxima - maxima.max())).sum()


def merge_softmax__logarithms(max_a: float, sum_a: float, max_b: float, sum_b: float) -> tuple[float, float]:
    with np.errstate(divide="ignore"):
        total = np.logaddexp(max_a + np.log(sum_a), max_b + np.log(sum_b))
    m = max_a if max_a > max_b else max_b
    return m, float(np.exp(total - m))


def attend_to_tiles__key_by_key(query: ndarray, tiles: Iterator[tuple[ndarray, ndarray]]) -> ndarray:
    largest, total, out = None, 0.0, None
    for keys, values in tiles:
        for key, value in zip(keys, values, strict=True):
            score = float(query @ key) / len(query) ** 0.5
            if largest is None:
                largest, total, out = score, 1.0, 1.0 * value
            elif score > largest:
                total, out, largest = total * math.exp(largest - score) + 1, out * math.exp(largest - score) + value, score
            else:
                total, out = total + math.exp(score - largest), out + math.exp(score - largest) * value
    return out / total


def attend_to_tiles__normalised_all_the_way(query: ndarray, tiles: Iterator[tuple[ndarray, ndarray]]) -> ndarray:
    out, log_total = 0.0, -np.inf
    for keys, values in tiles:
        scores = keys @ (query / np.sqrt(query.size))
        tile_total = np.logaddexp.reduce(scores)
        new_total = np.logaddexp(log_total, tile_total)
        out = out * np.exp(log_total - new_total) + np.exp(scores - new_total) @ values
        log_total = new_total
    return out


def attend_to_tiles__copies(query: ndarray, tiles: Iterator[tuple[ndarray, ndarray]]) -> ndarray:
    copies = [(keys.copy(), values.copy()) for keys, values in tiles]
    keys, values = (np.concatenate(parts) for parts in zip(*copies, strict=True))
    scores = keys @ query / query.shape[0] ** 0.5
    weights = np.exp(scores - scores.max())
    return (weights / weights.sum()) @ values


def largest_tile__quadratic_formula(dim: int, shared_bytes: int) -> int:
    numbers = shared_bytes // 4
    return (math.isqrt(9 * dim * dim + 4 * numbers) - 3 * dim) // 2


def largest_tile__search_from_above(dim: int, shared_bytes: int) -> int:
    return next(t for t in range(shared_bytes, 0, -1) if (3 * t * dim + t * t) * 4 <= shared_bytes)


def largest_tile__numpy(dim: int, shared_bytes: int) -> np.int64:
    t = np.arange(1, 4096)
    return t[4 * t * (3 * dim + t) <= shared_bytes].max()


def flash_attention__shuffles() -> str:
    return r"""
#define D 16
__device__ float max_of_row(float v) { for (int s = 8; s > 0; s >>= 1) v = fmaxf(v, __shfl_xor_sync(~0u, v, s)); return v; }
__device__ float sum_of_row(float v) { for (int s = 8; s > 0; s >>= 1) v += __shfl_xor_sync(~0u, v, s); return v; }
extern "C" __global__ void flash_attention(const float* __restrict__ Q, const float* __restrict__ K, const float* __restrict__ V,
                                           float* __restrict__ O, int N, int M)
{
    __shared__ float q[D][D + 1], k[D][D + 1], v[D][D];
    const int tx = threadIdx.x, ty = threadIdx.y, row = blockIdx.x * D + ty;
    if (row < N) q[ty][tx] = Q[row * D + tx] * 0.25f; else q[ty][tx] = 0.f;
    float m = -3.4e38f, l = 0.f, acc = 0.f;
    for (int j0 = 0; j0 < M; j0 += D) {
        __syncthreads();
        k[ty][tx] = j0 + ty < M ? __ldg(K + (j0 + ty) * D + tx) : 0.f;
        v[ty][tx] = j0 + ty < M ? __ldg(V + (j0 + ty) * D + tx) : 0.f;
        __syncthreads();
        float s = 0.f;
        #pragma unroll
        for (int d = 0; d < D; ++d) s = fmaf(q[ty][d], k[tx][d], s);
        if (j0 + tx >= M) s = -3.4e38f;
        const float m_new = fmaxf(m, max_of_row(s)), p = __expf(s - m_new), alpha = __expf(m - m_new);
        l = l * alpha + sum_of_row(p);
        acc *= alpha;
        for (int j = 0; j < D; ++j) acc = fmaf(__shfl_sync(~0u, p, j, 16), v[j][tx], acc);
        m = m_new;
    }
    if (row < N) O[row * D + tx] = acc / l;
}
"""


def flash_attention__a_thread_for_a_query() -> str:
    return """
    extern "C" __global__ void flash_attention(const float* q, const float* k, const float* v, float* out, int queries, int keys) {
        __shared__ float qs[16][17], ks[16][16], vs[16][16];
        int x = threadIdx.x, y = threadIdx.y, t = y * 16 + x;
        if (blockIdx.x * 16 + y < queries) qs[y][x] = q[blockIdx.x * 256 + t];
        float largest = -1e38f, total = 0, mixed[16] = {0};
        for (int first = 0; first < keys; first += 16) {
            int count = min(16, keys - first);
            __syncthreads();
            if (y < count) ks[y][x] = k[first * 16 + t], vs[y][x] = v[first * 16 + t];
            __syncthreads();
            if (t < 16 && blockIdx.x * 16 + t < queries) {
                for (int j = 0; j < count; ++j) {
                    float score = 0;
                    for (int i = 0; i < 16; ++i) score += qs[t][i] * ks[j][i];
                    score /= sqrtf(16);
                    float larger = fmaxf(score, largest), keep = expf(largest - larger), weight = expf(score - larger);
                    total = total * keep + weight;
                    for (int i = 0; i < 16; ++i) mixed[i] = mixed[i] * keep + weight * vs[j][i];
                    largest = larger;
                }
            }
        }
        if (t < 16 && blockIdx.x * 16 + t < queries)
            for (int i = 0; i < 16; ++i) out[(blockIdx.x * 16 + t) * 16 + i] = mixed[i] / total;
    }"""


def flash_attention__maximum_and_sum_in_shared_memory() -> str:
    return """
    extern "C" __global__ void flash_attention(const float* q, const float* k, const float* v, float* out, int queries, int keys) {
        __shared__ float qs[256], ks[256], vs[256], p[256], top[16], total[16], shrink[16];
        int x = threadIdx.x, y = threadIdx.y, t = y * blockDim.x + x;
        int at = blockIdx.x * 256 + t;
        qs[t] = at < queries * 16 ? q[at] : 0;
        if (x == 0) { top[y] = -1e30f; total[y] = 0; }
        float mixed = 0;
        for (int first = 0; first < keys * 16; first += 256) {
            bool there = first + t < keys * 16;
            ks[t] = there ? k[first + t] : 0;
            vs[t] = there ? v[first + t] : 0;
            __syncthreads();
            float s = 0;
            for (int i = 0; i < 16; ++i) s += qs[y * 16 + i] * ks[x * 16 + i];
            p[t] = first + x * 16 < keys * 16 ? s * rsqrtf(16.0f) : -1e30f;
            __syncthreads();
            if (x == 0) {
                float before = top[y];
                for (int j = 0; j < 16; ++j) top[y] = max(top[y], p[y * 16 + j]);
                shrink[y] = exp(before - top[y]);
                total[y] *= shrink[y];
                for (int j = 0; j < 16; ++j) total[y] += p[y * 16 + j] = exp(p[y * 16 + j] - top[y]);
            }
            __syncthreads();
            mixed *= shrink[y];
            for (int j = 0; j < 16; ++j) mixed += p[y * 16 + j] * vs[j * 16 + x];
            __syncthreads();
        }
        if (at < queries * 16) out[at] = mixed / total[y];
    }"""
