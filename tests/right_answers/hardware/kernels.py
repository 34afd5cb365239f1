"""Right answers in other styles: chapter 4, hardware."""

from __future__ import annotations

import math

import numpy as np


def blocks_needed__ceil(n: int, threads_per_block: int) -> int:
    return math.ceil(n / threads_per_block)


def blocks_needed__negative_floor(n: int, threads_per_block: int) -> int:
    return -(-n // threads_per_block)


def blocks_needed__counting(n: int, threads_per_block: int) -> int:
    blocks = 0
    while blocks * threads_per_block < n:
        blocks += 1
    return blocks


def blocks_needed__numpy(n: int, threads_per_block: int) -> np.int64:
    return np.int64(np.ceil(n / threads_per_block))


def pixel_of_thread__unpacked(block_idx: tuple[int, int], thread_idx: tuple[int, int], block_dim: tuple[int, int]) -> tuple[int, int]:
    (bx, by), (tx, ty), (width, height) = block_idx, thread_idx, block_dim
    return ty + height * by, tx + width * bx


def pixel_of_thread__array(block_idx: tuple[int, int], thread_idx: tuple[int, int], block_dim: tuple[int, int]) -> tuple[int, ...]:
    x_and_y = np.array(block_idx) * np.array(block_dim) + np.array(thread_idx)
    return tuple(x_and_y[::-1])


def pixel_of_thread__list(block_idx: tuple[int, int], thread_idx: tuple[int, int], block_dim: tuple[int, int]) -> list[int]:
    return [b * d + t for b, d, t in zip(block_idx, block_dim, thread_idx, strict=True)][::-1]


def vector_add__early_return() -> str:
    return r"""
extern "C" __global__
void vector_add(const float *x, const float *y, float *out, int n)
{
    const unsigned int i = threadIdx.x + blockDim.x * blockIdx.x;
    if (i >= n)
        return;                       // beside the array
    out[i] = y[i] + x[i];
}
"""


def vector_add__grid_stride_loop() -> str:
    return """
    extern "C" __global__ void vector_add(const float* __restrict__ x, const float* __restrict__ y, float* __restrict__ out, int n) {
        for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += blockDim.x * gridDim.x) out[i] = x[i] + y[i];
    }"""


def vector_add__device_function() -> str:
    return """
    __device__ __forceinline__ int global_index() { return blockIdx.x * blockDim.x + threadIdx.x; }
    template <typename T> __device__ T add(T a, T b) { return a + b; }
    extern "C" {
    __global__ void vector_add(float* x, float* y, float* out, int n) {
        if (global_index() < n) *(out + global_index()) = add(*(x + global_index()), y[global_index()]);
    }
    }"""


def vector_add__double() -> str:
    return """
    #define I ((long long) blockIdx.x * blockDim.x + threadIdx.x)
    extern "C" __global__ void vector_add(const float* a, const float* b, float* c, int length) {
        if (I < length) { double sum = (double) a[I] + b[I]; c[I] = (float) sum; }
    }"""


def fade_image__early_return() -> str:
    return """
    extern "C" __global__ void fade_image(const float* image, float* out, int height, int width) {
        int x = blockIdx.x * blockDim.x + threadIdx.x;
        int y = blockIdx.y * blockDim.y + threadIdx.y;
        if (x >= width || y >= height) return;
        float factor = (float) x / width;
        out[y * width + x] = factor * image[y * width + x];
    }"""


def fade_image__loops_over_the_rest() -> str:
    return """
    extern "C" __global__ void fade_image(const float* image, float* out, int height, int width) {
        for (int r = blockIdx.y * blockDim.y + threadIdx.y; r < height; r += gridDim.y * blockDim.y)
            for (int c = blockIdx.x * blockDim.x + threadIdx.x; c < width; c += gridDim.x * blockDim.x)
                out[r * width + c] = image[r * width + c] * (c / (double) width);
    }"""


def fade_image__pointers_to_rows() -> str:
    return """
    extern "C" __global__ void fade_image(const float* image, float* out, int height, int width) {
        unsigned row = blockIdx.y * blockDim.y + threadIdx.y, column = blockIdx.x * blockDim.x + threadIdx.x;
        if (row < height) {
            const float* from = image + row * width;
            float* to = out + row * width;
            if (column < width) to[column] = __fdividef(from[column] * column, width);
        }
    }"""


def add_bias__early_return() -> str:
    return """
    extern "C" __global__ void add_bias(const float* x, const float* bias, float* out, int rows, int columns) {
        const int c = blockIdx.x * blockDim.x + threadIdx.x, r = blockIdx.y * blockDim.y + threadIdx.y;
        if (!(r < rows) || !(c < columns)) return;
        const int i = r * columns + c;
        out[i] = bias[i % columns] + x[i];
    }"""


def add_bias__loops_over_the_rest() -> str:
    return """
    extern "C" __global__ void add_bias(const float* x, const float* bias, float* out, int rows, int columns) {
        for (int r = blockIdx.y * blockDim.y + threadIdx.y; r < rows; r += gridDim.y * blockDim.y)
            for (int c = blockIdx.x * blockDim.x + threadIdx.x; c < columns; c += gridDim.x * blockDim.x)
                out[r * columns + c] = x[r * columns + c] + bias[c];
    }"""


def add_bias__arrays_of_a_fixed_shape() -> str:
    return """
    struct Matrix { const float* data; int columns; __device__ float at(int r, int c) const { return data[r * columns + c]; } };
    extern "C" __global__ void add_bias(const float* x, const float* bias, float* out, int rows, int columns) {
        Matrix m = {x, columns};
        size_t row = blockIdx.y * blockDim.y + threadIdx.y, column = blockIdx.x * blockDim.x + threadIdx.x;
        if (row < rows) if (column < columns) out[row * columns + column] = m.at(row, column) + bias[column];
    }"""
