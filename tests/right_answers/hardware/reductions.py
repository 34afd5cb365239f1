"""Right answers in other styles: threads that work together."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def launch_config__ceil(n: int, threads_per_block: int, most_blocks: int) -> tuple[tuple[int], tuple[int]]:
    blocks = math.ceil(n / threads_per_block)
    if blocks > most_blocks:
        blocks = most_blocks
    if blocks == 0:
        blocks = 1
    return (blocks,), (threads_per_block,)


def launch_config__clip(n: int, threads_per_block: int, most_blocks: int) -> Any:
    return (int(np.clip(-(-n // threads_per_block), 1, most_blocks)),), (threads_per_block,)


def launch_config__counting(n: int, threads_per_block: int, most_blocks: int) -> Any:
    blocks = 1
    while blocks * threads_per_block < n and blocks < most_blocks:
        blocks += 1
    return [[blocks], [threads_per_block]]


def strided_sums__while() -> str:
    return """
    extern "C" __global__ void strided_sums(const float* __restrict__ x, float* __restrict__ out, int n) {
        const unsigned int t = threadIdx.x + blockDim.x * blockIdx.x, all = blockDim.x * gridDim.x;
        unsigned int i = t;
        double sum = 0.0;
        while (i < n) { sum += __ldg(x + i); i += all; }
        out[t] = (float) sum;
    }"""


def strided_sums__unrolled() -> str:
    return """
    extern "C" __global__ void strided_sums(const float* x, float* out, int n) {
        int t = blockIdx.x * blockDim.x + threadIdx.x, all = gridDim.x * blockDim.x;
        float a = 0, b = 0;
        int i = t;
        for (; i + all < n; i += 2 * all) { a += x[i]; b += x[i + all]; }
        if (i < n) a += x[i];
        out[t] = a + b;
    }"""


def strided_sums__by_rounds() -> str:
    return """
    __device__ int threads() { return gridDim.x * blockDim.x; }
    extern "C" __global__ void strided_sums(const float* x, float* out, int n) {
        const int t = blockIdx.x * blockDim.x + threadIdx.x;
        const int rounds = (n + threads() - 1) / threads();
        float sum = 0.0f;
        #pragma unroll 4
        for (int k = 0; k < rounds; k++) {
            int i = k * threads() + t;
            sum += i < n ? x[i] : 0.0f;
        }
        out[t] = sum;
    }"""


def sectors_of_request__set(index: np.ndarray, itemsize: int) -> int:
    return len({int(i) * itemsize // 32 for i in index})


def sectors_of_request__elements_of_a_sector(index: np.ndarray, itemsize: int) -> int:
    return int(np.unique(index // (32 // itemsize)).size)


def sectors_of_request__every_byte(index: np.ndarray, itemsize: int) -> int:
    bytes_read = itemsize * index[:, None] + np.arange(itemsize)
    return np.unique(bytes_read // 32).size


def racing_slots__by_slot(accesses: list[tuple[int, int, str, int]]) -> list[int]:
    parties: dict[tuple[int, int], tuple[set[int], set[int]]] = {}
    for thread, barriers, kind, slot in accesses:
        everybody, writers = parties.setdefault((slot, barriers), (set(), set()))
        everybody.add(thread)
        if kind == "write":
            writers.add(thread)
    return sorted({slot for (slot, _), (everybody, writers) in parties.items() if writers and len(everybody) > 1})


def racing_slots__pairs(accesses: list[tuple[int, int, str, int]]) -> list[int]:
    found = []
    for k in range(len(accesses)):
        for j in range(k):
            a, b = accesses[k], accesses[j]
            if a[3] == b[3] and a[1] == b[1] and a[0] != b[0] and not a[2] == b[2] == "read" and a[3] not in found:
                found.append(a[3])
    found.sort()
    return found


def racing_slots__arrays(accesses: list[tuple[int, int, str, int]]) -> list[int]:
    if not accesses:
        return []
    thread, barriers, writes, slot = (np.array(column) for column in zip(*((t, b, k == "write", s) for t, b, k, s in accesses), strict=True))
    meet = (slot[:, None] == slot) & (barriers[:, None] == barriers) & (thread[:, None] != thread) & (writes[:, None] | writes)
    return [int(s) for s in np.unique(slot[meet.any(axis=1)])]


def block_sum__neighbours_first() -> str:
    return """
    extern "C" __global__ void block_sum(const float* x, float* out, int n) {
        extern __shared__ float partial[];
        unsigned t = threadIdx.x, i = blockIdx.x * blockDim.x + threadIdx.x;
        if (i < n) partial[t] = x[i]; else partial[t] = 0.0f;
        for (unsigned step = 1; step < blockDim.x; step *= 2) {
            __syncthreads();
            if (t % (2 * step) == 0) partial[t] += partial[t + step];
        }
        if (t == 0) out[blockIdx.x] = *partial;
    }"""


def block_sum__thread_zero_keeps_its_sum() -> str:
    return """
    extern "C" __global__ void block_sum(const float* __restrict__ x, float* __restrict__ out, int n) {
        extern __shared__ float partial[];
        const int t = threadIdx.x;
        float mine = 0;
        if (blockIdx.x * blockDim.x + t < n) mine = x[blockIdx.x * blockDim.x + t];
        partial[t] = mine;
        __syncthreads();
        for (int half = blockDim.x >> 1; half; half >>= 1) {
            if (t < half) partial[t] = mine = mine + partial[t + half];
            __syncthreads();
        }
        if (!t) out[blockIdx.x] = mine;
    }"""


def block_sum__shuffles_for_the_last_warp() -> str:
    return """
    extern "C" __global__ void block_sum(const float* x, float* out, int n) {
        extern __shared__ float partial[];
        int t = threadIdx.x, i = blockIdx.x * blockDim.x + t;
        partial[t] = i < n ? __ldg(&x[i]) : 0;
        __syncthreads();
        for (int half = blockDim.x / 2; half >= 32; half /= 2) {
            if (t < half) partial[t] += partial[t + half];
            __syncthreads();
        }
        if (t < 32) {
            float sum = partial[t];
            for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(0xffffffff, sum, step);
            if (t == 0) out[blockIdx.x] = sum;
        }
    }"""


def block_sum__in_double() -> str:
    return """
    template <typename T> __device__ void halve(volatile T* values, int t) {
        for (int half = blockDim.x / 2; half > 0; half /= 2) {
            if (t < half) values[t] = values[t] + values[t + half];
            __syncthreads();
        }
    }
    extern "C" __global__ void block_sum(const float* x, float* out, int n) {
        __shared__ double partial[1024];
        int i = blockIdx.x * blockDim.x + threadIdx.x;
        partial[threadIdx.x] = i < n ? x[i] : 0.0;
        __syncthreads();
        halve(partial, threadIdx.x);
        if (threadIdx.x == 0) out[blockIdx.x] = partial[0];
    }"""


def block_sum__chunks_then_one_thread() -> str:
    """Few threads add long rows, then one of them adds the rows."""
    return """
    extern "C" __global__ void block_sum(const float* x, float* out, int n) {
        extern __shared__ float partial[];
        int t = threadIdx.x, i = blockIdx.x * blockDim.x + t, adders = 8;
        partial[t] = i < n ? x[i] : 0;
        __syncthreads();
        if (t < adders) for (int k = t + adders; k < blockDim.x; k += adders) partial[t] += partial[k];
        __syncthreads();
        if (t == 0) {
            float sum = 0;
            for (int k = 0; k < adders; ++k) sum += partial[k];
            out[blockIdx.x] = sum;
        }
    }"""


def shuffle_sum__butterfly() -> str:
    return """
    extern "C" __global__ void shuffle_sum(const float* x, float* out, int n) {
        __shared__ float slots[32];
        const unsigned all = 0xFFFFFFFFu;
        int i = blockIdx.x * blockDim.x + threadIdx.x;
        float v = 0.f;
        if (i < n) v = x[i];
        for (int mask = 1; mask < 32; mask <<= 1) v += __shfl_xor_sync(all, v, mask);
        if ((threadIdx.x & 31) == 0) slots[threadIdx.x >> 5] = v;
        __syncthreads();
        if (threadIdx.x < 32) {
            v = threadIdx.x < blockDim.x / 32 ? slots[threadIdx.x] : 0.f;
            for (int mask = 16; mask; mask >>= 1) v += __shfl_xor_sync(all, v, mask);
            if (threadIdx.x == 0) out[blockIdx.x] = v;
        }
    }"""


def shuffle_sum__one_thread_adds_the_warps() -> str:
    return """
    extern "C" __global__ void shuffle_sum(const float* __restrict__ x, float* __restrict__ out, int n) {
        __shared__ float sums[32];
        unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
        float v = i < n ? __ldg(x + i) : 0;
        #pragma unroll
        for (int d = 16; d >= 1; d /= 2) v += __shfl_down_sync(~0u, v, d);
        if (threadIdx.x % warpSize == 0) sums[threadIdx.x / warpSize] = v;
        __syncthreads();
        if (threadIdx.x == 0) {
            float sum = 0;
            for (int w = 0; w < blockDim.x / warpSize; ++w) sum += sums[w];
            out[blockIdx.x] = sum;
        }
    }"""


def shuffle_sum__atomics_in_shared_memory() -> str:
    return """
    __device__ float warp_sum(float v) {
        v += __shfl_down_sync(0xffffffff, v, 16);
        v += __shfl_down_sync(0xffffffff, v, 8);
        v += __shfl_down_sync(0xffffffff, v, 4);
        v += __shfl_down_sync(0xffffffff, v, 2);
        return v + __shfl_down_sync(0xffffffff, v, 1);
    }
    extern "C" __global__ void shuffle_sum(const float* x, float* out, int n) {
        __shared__ float total;
        if (threadIdx.x == 0) total = 0;
        __syncthreads();
        int i = blockIdx.x * blockDim.x + threadIdx.x;
        float sum = warp_sum(i < n ? x[i] : 0);
        if (threadIdx.x % 32 == 0) atomicAdd(&total, sum);
        __syncthreads();
        if (threadIdx.x == 0) out[blockIdx.x] = total;
    }"""


def shuffle_sum__first_lane_above() -> str:
    """Sums gather upwards, in the last lane."""
    return """
    extern "C" __global__ void shuffle_sum(const float* x, float* out, int n) {
        __shared__ double slots[32];
        int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, i = blockIdx.x * blockDim.x + threadIdx.x;
        double sum = i < n ? x[i] : 0;
        for (int d = 1; d < 32; d *= 2) {
            double below = __shfl_up_sync(0xffffffff, sum, d);
            if (lane >= d) sum += below;
        }
        if (lane == 31) slots[warp] = sum;
        __syncthreads();
        if (warp != 0) return;
        sum = lane < blockDim.x / 32 ? slots[lane] : 0;
        for (int d = 16; d > 0; d /= 2) sum += __shfl_down_sync(0xffffffff, sum, d);
        if (lane == 0) out[blockIdx.x] = (float) sum;
    }"""


def softmax_rows__exponentials_stored() -> str:
    return """
    extern "C" __global__ void softmax_rows(const float* __restrict__ x, float* __restrict__ out, int columns) {
        extern __shared__ float partial[];
        const int t = threadIdx.x, T = blockDim.x;
        x += blockIdx.x * columns;
        out += blockIdx.x * columns;

        float m = -1e38f;
        for (int c = t; c < columns; c += T) if (x[c] > m) m = x[c];
        partial[t] = m;
        for (int half = T / 2; half >= 1; half /= 2) {
            __syncthreads();
            if (t < half) partial[t] = max(partial[t], partial[t + half]);
        }
        __syncthreads();
        m = partial[0];
        __syncthreads();

        float s = 0;
        for (int c = t; c < columns; c += T) { float e = __expf(x[c] - m); out[c] = e; s += e; }
        partial[t] = s;
        for (int half = T / 2; half >= 1; half /= 2) {
            __syncthreads();
            if (t < half) partial[t] += partial[t + half];
        }
        __syncthreads();
        s = 1 / partial[0];
        for (int c = t; c < columns; c += T) out[c] *= s;
    }"""


def softmax_rows__shuffles() -> str:
    return """
    __device__ float all_of(float v, bool largest, float* slots) {
        for (int d = 16; d > 0; d /= 2) {
            float other = __shfl_xor_sync(0xffffffff, v, d);
            v = largest ? fmaxf(v, other) : v + other;
        }
        __syncthreads();
        if (threadIdx.x % 32 == 0) slots[threadIdx.x / 32] = v;
        __syncthreads();
        v = slots[0];
        for (int w = 1; w < blockDim.x / 32; ++w) v = largest ? fmaxf(v, slots[w]) : v + slots[w];
        return v;
    }
    extern "C" __global__ void softmax_rows(const float* x, float* out, int columns) {
        __shared__ float slots[32];
        const float* row = &x[blockIdx.x * columns];
        float m = __int_as_float(0xff800000), s = 0;
        for (int c = threadIdx.x; c < columns; c += blockDim.x) m = fmaxf(m, row[c]);
        m = all_of(m, true, slots);
        for (int c = threadIdx.x; c < columns; c += blockDim.x) s += expf(row[c] - m);
        s = all_of(s, false, slots);
        for (int c = threadIdx.x; c < columns; c += blockDim.x) out[blockIdx.x * columns + c] = expf(row[c] - m) / s;
    }"""


def softmax_rows__online() -> str:
    """Maximum and sum in one pass: the sum is rescaled whenever the maximum grows."""
    return """
    struct State { float largest, sum; };
    __device__ State join(State a, State b) {
        float largest = fmaxf(a.largest, b.largest);
        return {largest, a.sum * expf(a.largest - largest) + b.sum * expf(b.largest - largest)};
    }
    extern "C" __global__ void softmax_rows(const float* x, float* out, int columns) {
        __shared__ State partial[1024];
        const float* row = x + blockIdx.x * columns;
        State mine = {-3e38f, 0};
        for (int i = threadIdx.x; i < columns; i += blockDim.x) mine = join(mine, {row[i], 1});
        partial[threadIdx.x] = mine;
        __syncthreads();
        for (int half = blockDim.x / 2; half > 0; half /= 2) {
            if (threadIdx.x < half) partial[threadIdx.x] = join(partial[threadIdx.x], partial[threadIdx.x + half]);
            __syncthreads();
        }
        State whole = partial[0];
        for (int i = threadIdx.x; i < columns; i += blockDim.x) out[blockIdx.x * columns + i] = expf(row[i] - whole.largest) / whole.sum;
    }"""


def softmax_rows__starts_with_the_first_number() -> str:
    return """
    extern "C" __global__ void softmax_rows(const float* x, float* out, int columns) {
        extern __shared__ float partial[];
        int t = threadIdx.x, start = blockIdx.x * columns;
        float m = x[start];
        for (int i = t; i < columns; i += blockDim.x) m = fmaxf(m, x[start + i]);
        partial[t] = m;
        __syncthreads();
        for (int half = blockDim.x / 2; half > 0; half >>= 1) {
            if (t < half) partial[t] = fmaxf(partial[t], partial[t + half]);
            __syncthreads();
        }
        m = partial[0];
        double s = 0;
        for (int i = t; i < columns; i += blockDim.x) s += exp((double) x[start + i] - m);
        __syncthreads();
        partial[t] = (float) s;
        __syncthreads();
        for (int half = blockDim.x / 2; half > 0; half >>= 1) {
            if (t < half) partial[t] += partial[t + half];
            __syncthreads();
        }
        for (int i = t; i < columns; i += blockDim.x) out[start + i] = expf(x[start + i] - m - logf(partial[0]));
    }"""


def histogram__while() -> str:
    return """
    extern "C" __global__ void histogram(const unsigned char* __restrict__ pixels, int* counts, int n) {
        __shared__ int mine[256];
        int b = threadIdx.x;
        while (b < 256) { mine[b] = 0; b += blockDim.x; }
        __syncthreads();
        int i = blockIdx.x * blockDim.x + threadIdx.x;
        while (i < n) { atomicAdd(mine + pixels[i], 1); i += gridDim.x * blockDim.x; }
        __syncthreads();
        for (b = threadIdx.x; b < 256; b += blockDim.x) if (mine[b]) atomicAdd(counts + b, mine[b]);
    }"""


def histogram__first_thread_sets_up() -> str:
    return """
    #define BINS 256
    extern "C" __global__ void histogram(const unsigned char* pixels, int* counts, int n) {
        __shared__ unsigned int bins[BINS];
        if (threadIdx.x == 0) for (int b = 0; b < BINS; b++) bins[b] = 0u;
        __syncthreads();
        for (unsigned i = threadIdx.x + blockIdx.x * blockDim.x; i < n; i += blockDim.x * gridDim.x) atomicInc(&bins[pixels[i]], 0xffffffff);
        __syncthreads();
        if (threadIdx.x == 0) for (int b = 0; b < BINS; b++) atomicAdd(&counts[b], (int) bins[b]);
    }"""


def histogram__one_copy_for_each_warp() -> str:
    """Warps count apart, so that they disturb each other less; a block has at most 16 of them here."""
    return """
    extern "C" __global__ void histogram(const unsigned char* pixels, int* counts, int n) {
        __shared__ int of_warp[16 * 256];
        int warps = (blockDim.x + 31) / 32, warp = threadIdx.x / 32;
        for (int k = threadIdx.x; k < warps * 256; k += blockDim.x) of_warp[k] = 0;
        __syncthreads();
        for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
            atomicAdd(&of_warp[warp * 256 + pixels[i]], 1);
        __syncthreads();
        for (int value = threadIdx.x; value < 256; value += blockDim.x) {
            int sum = 0;
            for (int w = 0; w < warps; ++w) sum += of_warp[w * 256 + value];
            atomicAdd(&counts[value], sum);
        }
    }"""


def histogram__compare_and_swap() -> str:
    return """
    __device__ void add_one(int* address) {
        int old = atomicAdd(address, 0), assumed;
        do {
            assumed = old;
            old = atomicCAS(address, assumed, assumed + 1);
        } while (assumed != old);
    }
    extern "C" __global__ void histogram(const unsigned char* pixels, int* counts, int n) {
        __shared__ int of_block[256];
        for (int value = threadIdx.x; value < 256; value += blockDim.x) of_block[value] = 0;
        __syncthreads();
        int first = blockIdx.x * blockDim.x + threadIdx.x;
        for (int i = first; i < n; i += gridDim.x * blockDim.x) add_one(&of_block[pixels[i]]);
        __syncthreads();
        for (int value = threadIdx.x; value < 256; value += blockDim.x) atomicAdd(counts + value, of_block[value]);
    }"""
