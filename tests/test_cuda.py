"""CuPy's kernel API without a GPU: what kernels compute, and what is said of those that go wrong."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from autograder.cuda import CompileError, KernelFault, NotSupported, nvrtc, step_budget
from autograder.cuda import standin as cp

VECTOR_ADD = """
extern "C" __global__ void vector_add(const float* x, const float* y, float* out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) {
        out[i] = x[i] + y[i];
    }
}
"""


def run_map(expression: str, *inputs: Any, dtype: Any = np.float32, block: int = 32) -> np.ndarray:
    """out[i] = expression of a[i], b[i], i and n, one thread an element."""
    names = {
        np.dtype(k): v
        for k, v in {"f4": "float", "f8": "double", "i4": "int", "u4": "unsigned int", "i8": "long long", "u1": "unsigned char"}.items()
    }
    arrays = [np.asarray(a) for a in inputs]
    n = arrays[0].size
    parameters = ", ".join(f"const {names[a.dtype]}* {name}" for a, name in zip(arrays, "ab", strict=False))
    code = f"""
    extern "C" __global__ void k({parameters}, {names[np.dtype(dtype)]}* out, int n) {{
        int i = blockIdx.x * blockDim.x + threadIdx.x;
        if (i < n) out[i] = {expression};
    }}"""
    out = cp.empty(n, dtype)
    cp.RawKernel(code, "k")((-(-n // block),), (block,), (*(cp.asarray(a) for a in arrays), out, n))
    return out.get()


def numbers(n: int = 77, low: float = -5, high: float = 5) -> np.ndarray:
    return np.random.default_rng(n).uniform(low, high, n).astype(np.float32)


def integers(n: int = 77, low: int = -1000, high: int = 1000, dtype: Any = np.int32) -> np.ndarray:
    return np.random.default_rng(n).integers(low, high, n).astype(dtype)


def launch(code: str, name: str, *args: Any, grid: tuple[int, ...] = (1,), block: tuple[int, ...] = (32,)) -> None:
    cp.RawKernel(code, name)(grid, block, args)


# ---- arrays ------------------------------------------------------------------------------------------------------------


def test_arrays_come_back_as_they_were_sent() -> None:
    x = np.arange(12.0).reshape(3, 4)
    on_device = cp.asarray(x.T)
    assert (on_device.shape, on_device.dtype, on_device.size, on_device.ndim) == ((4, 3), np.float64, 12, 2)
    assert np.array_equal(on_device.get(), x.T)
    assert np.array_equal(cp.asnumpy(on_device), x.T)
    assert cp.asarray(on_device) is on_device
    assert cp.zeros((2, 3), np.float32).get().sum() == 0
    assert cp.ones(5).get().sum() == 5


def test_an_array_is_a_copy() -> None:
    x = np.zeros(3)
    on_device = cp.asarray(x)
    x[:] = 1
    assert on_device.get().sum() == 0


def test_nothing_is_copied_to_the_host_by_itself() -> None:
    with pytest.raises(TypeError, match="Implicit conversion to a NumPy array is not allowed"):
        np.asarray(cp.zeros(3))
    with pytest.raises(TypeError):
        np.zeros(3) + cp.zeros(3)


def test_unwritten_memory_is_recognisable() -> None:
    assert np.isnan(cp.empty((2, 3), np.float32).get()).all()
    assert cp.empty(3, np.uint8).get().tolist() == [0xCD] * 3


def test_there_is_no_gpu_and_the_rest_of_cupy_says_so() -> None:
    assert not cp.cuda.is_available()
    with pytest.raises(AttributeError, match="has no `fft`"):
        _ = cp.fft


# ---- legitimate programs -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 31, 32, 33, 1000, 70_000])
def test_vector_addition_of_any_length(n: int) -> None:
    x, y = numbers(n), numbers(n + 1)[:n]
    out = cp.empty(n, np.float32)
    launch(VECTOR_ADD, "vector_add", cp.asarray(x), cp.asarray(y), out, n, grid=(-(-n // 256),), block=(256,))
    assert np.array_equal(out.get(), x + y)


def test_two_dimensional_map() -> None:
    code = """
    extern "C" __global__ void transpose(const double* a, double* out, int rows, int columns) {
        int row = blockIdx.y * blockDim.y + threadIdx.y;
        int column = blockIdx.x * blockDim.x + threadIdx.x;
        if (row < rows && column < columns) out[column * rows + row] = 2 * a[row * columns + column];
    }"""
    a = np.random.default_rng(0).normal(size=(13, 37))
    out = cp.empty((37, 13))
    launch(code, "transpose", cp.asarray(a), out, 13, 37, grid=(5, 2), block=(8, 8))
    assert np.array_equal(out.get(), 2 * a.T)


def test_three_dimensional_grid() -> None:
    code = """
    extern "C" __global__ void where_am_i(int* out) {
        int block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
        int thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
        out[block * blockDim.x * blockDim.y * blockDim.z + thread] = 100 * block + thread;
    }"""
    out = cp.empty(30 * 24, np.int32)
    launch(code, "where_am_i", out, grid=(2, 3, 5), block=(4, 3, 2))
    assert out.get().tolist() == [100 * block + thread for block in range(30) for thread in range(24)]


def test_loops_of_different_length() -> None:
    code = """
    extern "C" __global__ void collatz(const int* start, int* steps, int n) {
        int i = blockIdx.x * blockDim.x + threadIdx.x;
        if (i >= n) return;
        int x = start[i], k = 0;
        while (x != 1) { x = x % 2 ? 3 * x + 1 : x / 2; ++k; }
        steps[i] = k;
    }"""

    def collatz(x: int) -> int:
        return 0 if x == 1 else 1 + collatz(3 * x + 1 if x % 2 else x // 2)

    out = cp.empty(200, np.int32)
    launch(code, "collatz", cp.asarray(np.arange(1, 201, dtype=np.int32)), out, 200, grid=(4,), block=(64,))
    assert out.get().tolist() == [collatz(x) for x in range(1, 201)]


def test_matrix_product_with_one_thread_an_element() -> None:
    code = """
    extern "C" __global__ void matmul(const float* a, const float* b, float* c, int m, int k, int n) {
        int row = blockIdx.y * blockDim.y + threadIdx.y, column = blockIdx.x * blockDim.x + threadIdx.x;
        if (row >= m || column >= n) return;
        float total = 0;
        for (int j = 0; j < k; ++j) total += a[row * k + j] * b[j * n + column];
        c[row * n + column] = total;
    }"""
    a, b = numbers(13 * 7).reshape(13, 7), numbers(7 * 19).reshape(7, 19)
    c = cp.empty((13, 19), np.float32)
    launch(code, "matmul", cp.asarray(a), cp.asarray(b), c, 13, 7, 19, grid=(3, 2), block=(8, 8))
    np.testing.assert_allclose(c.get(), a @ b, rtol=1e-5, atol=1e-4)


def test_some_threads_leave_in_the_middle() -> None:
    code = """
    extern "C" __global__ void k(int* x) {
        int i = threadIdx.x;
        x[i] += 1;
        asm volatile(".reg .pred %%q;\\n\\tsetp.lt.s32 %%q, %0, 5;\\n\\t@%%q exit;" :: "r"(i));
        x[i] += 10;
    }"""
    x = cp.zeros(8, np.int32)
    launch(code, "k", x, block=(8,))
    assert x.get().tolist() == [1] * 5 + [11] * 3


def test_shared_memory_and_barriers() -> None:
    code = """
    extern "C" __global__ void block_sum(const float* x, float* out, int n) {
        __shared__ float part[64];
        int i = blockIdx.x * blockDim.x + threadIdx.x;
        part[threadIdx.x] = i < n ? x[i] : 0;
        for (int half = 32; half > 0; half /= 2) {
            __syncthreads();
            if (threadIdx.x < half) part[threadIdx.x] += part[threadIdx.x + half];
        }
        if (threadIdx.x == 0) out[blockIdx.x] = part[0];
    }"""
    x = numbers(300)
    out = cp.empty(5, np.float32)
    launch(code, "block_sum", cp.asarray(x), out, 300, grid=(5,), block=(64,))
    np.testing.assert_allclose(out.get(), np.pad(x, (0, 20)).reshape(5, 64).sum(1), rtol=1e-5)


def test_shared_memory_of_a_size_that_the_launch_decides() -> None:
    code = """
    extern "C" __global__ void reverse(int* x) {
        extern __shared__ int copy[];
        copy[threadIdx.x] = x[threadIdx.x];
        __syncthreads();
        x[threadIdx.x] = copy[blockDim.x - 1 - threadIdx.x];
    }"""
    x = cp.asarray(np.arange(40, dtype=np.int32))
    cp.RawKernel(code, "reverse")((1,), (40,), (x,), shared_mem=160)
    assert x.get().tolist() == list(range(40))[::-1]


def test_arrays_of_a_thread_and_vectors() -> None:
    window = "([&]{ float w[4]; for (int j = 0; j < 4; ++j) w[j] = a[i] * j; return w[n % 4]; })()"
    x = numbers()
    np.testing.assert_allclose(run_map(window, x), x * 1, rtol=1e-6)
    y = numbers(80)
    assert np.array_equal(run_map("((const float4*)a)[i / 4].z", y), y.reshape(20, 4)[:, 2].repeat(4))


@pytest.mark.parametrize(
    ("expression", "expected", "low", "high"),
    [
        ("sqrtf(a[i])", np.sqrt, 0, 9),
        ("rsqrtf(a[i])", lambda x: 1 / np.sqrt(x), 0.1, 9),
        ("expf(a[i])", np.exp, -20, 20),
        ("exp2f(a[i])", np.exp2, -20, 20),
        ("logf(a[i])", np.log, 0.01, 99),
        ("log2f(a[i])", np.log2, 0.01, 99),
        ("sinf(a[i])", np.sin, -20, 20),
        ("sinf(a[i])", np.sin, 2e5, 9e5),
        ("cosf(a[i])", np.cos, -20, 20),
        ("tanf(a[i])", np.tan, -1, 1),
        ("tanhf(a[i])", np.tanh, -9, 9),
        ("atanf(a[i])", np.arctan, -9, 9),
        ("asinf(a[i])", np.arcsin, -1, 1),
        ("cbrtf(a[i])", np.cbrt, -9, 9),
        ("powf(a[i], 2.5f)", lambda x: x**2.5, 0.1, 9),
        ("atan2f(a[i], 0.3f)", lambda x: np.arctan2(x, 0.3), -9, 9),
        ("hypotf(a[i], 2)", lambda x: np.hypot(x, 2), -9, 9),
        ("fmodf(a[i], 0.7f)", lambda x: np.fmod(x, np.float32(0.7)), -9, 9),
        ("floorf(a[i])", np.floor, -9, 9),
        ("ceilf(a[i])", np.ceil, -9, 9),
        ("truncf(a[i])", np.trunc, -9, 9),
        ("rintf(a[i])", np.rint, -9, 9),
        ("fabsf(a[i])", np.abs, -9, 9),
        ("fminf(fmaxf(a[i], 0.0f), 1.0f)", lambda x: np.clip(x, 0, 1), -2, 3),
        ("__saturatef(a[i])", lambda x: np.clip(x, 0, 1), -2, 3),
        ("copysignf(2.0f, a[i])", lambda x: np.copysign(2, x), -2, 3),
        ("a[i] > 0 ? a[i] : 0.1f * a[i]", lambda x: np.where(x > 0, x, 0.1 * x), -2, 3),
        ("1 / (1 + expf(-a[i]))", lambda x: 1 / (1 + np.exp(-x)), -9, 9),
        ("(float) exp((double) a[i])", np.exp, -20, 20),
        ("(float) log((double) a[i])", np.log, 0.1, 20),
        ("__expf(a[i])", np.exp, -5, 5),
        ("__sinf(a[i])", np.sin, -3, 3),
        ("erff(a[i])", None, -3, 3),
    ],
)
def test_functions_of_a_float(expression: str, expected: Any, low: float, high: float) -> None:
    import math

    x = numbers(low=low, high=high)
    right = np.vectorize(math.erf)(x) if expected is None else expected(x.astype(np.float64))
    np.testing.assert_allclose(run_map(expression, x), right, rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a[i] / b[i]", lambda a, b: np.trunc(a / b)),
        ("a[i] % b[i]", np.fmod),
        ("a[i] / 7", lambda a, b: np.trunc(a / 7)),
        ("a[i] * b[i] + i", lambda a, b: a * b + np.arange(77)),
        ("max(a[i], b[i]) - min(a[i], 3)", lambda a, b: np.maximum(a, b) - np.minimum(a, 3)),
        ("abs(a[i])", lambda a, b: np.abs(a)),
        ("(a[i] << 3) ^ (a[i] >> 2) | ~b[i]", lambda a, b: (a << 3) ^ (a >> 2) | ~b),
        ("(unsigned) a[i] >> 5", lambda a, b: a.view(np.uint32) >> 5),
        ("(unsigned) a[i] / 3u % 1000", lambda a, b: a.view(np.uint32) // 3 % 1000),
        ("__popc(a[i]) + 100 * __clz(b[i])", lambda a, b: np.bitwise_count(a.view(np.uint32)) + 100 * (32 - np.array([int(x).bit_length() if x > 0 else 32 for x in b]))),
        ("(int) ((long long) a[i] * 1000000007LL / 1000)", lambda a, b: np.array([int(int(x) * 1000000007 / 1000) for x in a]).astype(np.int32)),
        ("a[i] > 0 && b[i] < 0 || a[i] == 5", lambda a, b: (a > 0) & (b < 0) | (a == 5)),
        ("a[i] * 2000000", lambda a, b: a * np.int32(2000000)),
        ("(int) (a[i] * 0.37f)", lambda a, b: (a.astype(np.float32) * np.float32(0.37)).astype(np.int32)),
        ("(signed char) a[i]", lambda a, b: a.astype(np.int8)),
        ("(unsigned short) a[i]", lambda a, b: a.astype(np.uint16)),
        ("[&]{ switch (b[i] & 3) { case 0: return a[i]; case 1: return 7; case 2: return -a[i]; } return 9; }()", lambda a, b: np.choose(b & 3, [a, 7 + 0 * a, -a, 9 + 0 * a])),
    ],
)  # fmt: skip
def test_arithmetic_of_integers(expression: str, expected: Any) -> None:
    a, b = integers(), integers(low=1, high=50) * np.where(np.arange(77) % 3, 1, -1).astype(np.int32)
    assert np.array_equal(run_map(expression, a, b, dtype=np.int32), expected(a, b).astype(np.int64).astype(np.int32))


def test_numbers_of_other_types() -> None:
    x = np.random.default_rng(0).normal(size=77)
    np.testing.assert_allclose(run_map("a[i] * a[i] - sqrt(fabs(a[i]))", x, dtype=np.float64), x * x - np.sqrt(np.abs(x)), rtol=1e-14, atol=1e-15)
    big = integers(low=-(2**40), high=2**40, dtype=np.int64)
    assert np.array_equal(run_map("a[i] / 1000 + i", big, dtype=np.int64), np.array([int(v / 1000) for v in big.tolist()]) + np.arange(77))
    assert np.array_equal(
        run_map("(unsigned char) (255 - a[i])", integers(low=0, high=255, dtype=np.uint8), dtype=np.uint8), 255 - integers(low=0, high=255)
    )
    assert np.array_equal(
        run_map("(int) a[i]", np.array([np.nan, np.inf, -np.inf, 1e10, -2.7], np.float32), dtype=np.int32), [0, 2**31 - 1, -(2**31), 2**31 - 1, -2]
    )


def test_comparisons_with_nan() -> None:
    x = np.array([np.nan, 1, -1], np.float32)
    assert run_map("(a[i] < 0) + 10 * !(a[i] < 0) + 100 * (a[i] != a[i]) + 1000 * isnan(a[i])", x, dtype=np.int32).tolist() == [1110, 10, 1]
    assert run_map("fmaxf(a[i], 0)", x).tolist() == [0, 1, 0]


def test_scalars_are_passed_in_the_kernels_own_types() -> None:
    code = """
    extern "C" __global__ void k(double* out, float a, double b, int c, long long d, unsigned char e, bool f) {
        out[0] = a; out[1] = b; out[2] = c; out[3] = d; out[4] = e; out[5] = f;
    }"""
    out = cp.empty(6)
    launch(code, "k", out, np.float32(0.5), 1.25, -3, 2**40, 200, True, block=(1,))
    assert out.get().tolist() == [0.5, 1.25, -3, 2**40, 200, 1]


def test_a_kernel_keeps_its_options_and_may_call_functions() -> None:
    code = """
    __device__ float twice(float x) { return SCALE * x; }
    extern "C" __global__ void k(float* x) { x[threadIdx.x] = twice(x[threadIdx.x]); }"""
    x = cp.ones(4, np.float32)
    cp.RawKernel(code, "k", options=("-DSCALE=2",))((1,), (4,), (x,))
    assert x.get().tolist() == [2, 2, 2, 2]


# ---- what is said of those that go wrong -------------------------------------------------------------------------------


def fault_of(code: str, name: str, *args: Any, grid: tuple[int, ...] = (1,), block: tuple[int, ...] = (32,)) -> str:
    with pytest.raises(KernelFault) as caught:
        launch(code, name, *args, grid=grid, block=block)
    return str(caught.value)


def one_line(body: str, parameters: str = "float* x, int n") -> str:
    return f'extern "C" __global__ void k({parameters}) {{\n    int i = blockIdx.x * blockDim.x + threadIdx.x;\n    {body}\n}}'


def test_beyond_the_end() -> None:
    x = cp.ones(50, np.float32)
    said = fault_of(one_line("x[i] = n;"), "k", x, 50, grid=(2,))
    assert said == "line 3, `x[i] = n;`: thread 18 of block 1 writes x[50], but x has 50 elements. Is a guard missing, such as `if (i < n)`?"


def test_before_the_beginning() -> None:
    said = fault_of(one_line("x[i] = x[i - 1];"), "k", cp.ones(50, np.float32), 50)
    assert said == "line 3, `x[i] = x[i - 1];`: thread 0 of block 0 reads x[-1], but x has 50 elements"


def test_threads_and_shapes_in_two_dimensions() -> None:
    code = 'extern "C" __global__ void k(float* image) {\n    image[(blockIdx.y * blockDim.y + threadIdx.y) * 7 + threadIdx.x] = 0;\n}'
    said = fault_of(code, "k", cp.ones((5, 7), np.float32), grid=(1, 2), block=(7, 3))
    assert "thread (x=0, y=2) of block (x=0, y=1) writes image[35], but image has 35 elements (5 × 7)" in said


def test_a_neighbouring_array_is_not_reached() -> None:
    x, y = cp.ones(4, np.float32), cp.ones(4, np.float32)
    said = fault_of(one_line("x[i] = y[i] + x[i + 4];", "float* x, const float* y"), "k", x, y, block=(4,))
    assert "reads x[4], but x has 4 elements" in said


def test_no_pointer_and_a_wrong_pointer() -> None:
    assert (
        fault_of(one_line("((float*) p)[i] = 0;", "long long p"), "k", 0)
        == "line 3, `((float*) p)[i] = 0;`: thread 0 of block 0 writes through a null pointer"
    )
    host = np.zeros(32, np.float32)
    said = fault_of(one_line("((float*) p)[i] = 0;", "long long p"), "k", host.ctypes.data)
    assert "writes through a pointer that leads to no array on the device" in said


def test_a_crooked_pointer() -> None:
    said = fault_of(one_line("*(float*) ((char*) x + 2) = 0;"), "k", cp.ones(5, np.float32), 5)
    assert "writes 4 bytes at byte 2 of x, which is no multiple of 4" in said


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((cp.ones(9, np.float32),), "the kernel `k` takes 2 arguments (x, n); 1 are given"),
        ((np.ones(9, np.float32), 9), "`x` is a NumPy array, which lies in the CPU's memory: copy it to the device with `cp.asarray` first"),
        ((cp.ones(9), 9), "`x` is an array of float64, but the kernel reads float32 there (`float*`): convert it first"),
        ((cp.ones(9, np.int32), 9), "`x` is an array of int32, but the kernel reads float32 there (`float*`): convert it first"),
        ((cp.ones(9, np.float32), 9.0), "`n` is a Python float (a double), but the kernel takes int32: pass `np.int32(...)`"),
        ((cp.ones(9, np.float32), np.int16(9)), "`n` is a number of type int16, but the kernel takes int32: pass `np.int32(...)`"),
        ((cp.ones(9, np.float32), cp.ones(9)), "`n` is an array, but the kernel takes one number there (`int`)"),
        ((9, cp.ones(9)), "`x` is a Python int, but the kernel takes an array there (`float*`)"),
        ((cp.ones(9, np.float32), 2**31), "`n` is 2147483648, which does not fit in int32"),
        ((cp.ones(9, np.float32), "nine"), "`n` is a str, but the kernel takes int32"),
    ],
)
def test_wrong_arguments(args: tuple[Any, ...], said: str) -> None:
    assert fault_of(one_line("if (i < n) x[i] = 0;"), "k", *args) == said


def test_a_python_float_is_no_float() -> None:
    said = fault_of(one_line("x[0] = a;", "float* x, float a"), "k", cp.ones(1, np.float32), 0.5)
    assert said == "`a` is a Python float (a double), but the kernel takes float32: pass `np.float32(...)`"


def test_impossible_launches() -> None:
    code = one_line("if (i < n) x[i] = 0;")
    x = cp.ones(9, np.float32)
    assert fault_of(code, "k", x, 9, block=(64, 32)) == "a block of 64 × 32 × 1 has 2048 threads; a GPU allows 1024"
    assert fault_of(code, "k", x, 9, grid=(0,)).startswith("a grid of 0 is not possible")
    with pytest.raises(TypeError, match="The grid is a tuple"):
        cp.RawKernel(code, "k")(3, (32,), (x, 9))  # type: ignore[arg-type]


def test_endless_loop() -> None:
    said = fault_of(one_line("while (x[i] < n) x[i] = 0;"), "k", cp.ones(32, np.float32), 5)
    assert said.startswith("line 3, `while (x[i] < n) x[i] = 0;`: thread 0 of block 0 still runs after")


def test_a_budget_stops_kernels_that_do_too_much() -> None:
    code = one_line("while (x[i] < 4000) x[i] += n;")
    with step_budget(10_000):
        assert "still runs" in fault_of(code, "k", cp.ones(32, np.float32), 1)
    launch(code, "k", cp.ones(32, np.float32), 1)


def test_a_barrier_that_some_threads_never_reach() -> None:
    said = fault_of(one_line("if (threadIdx.x < 16) __syncthreads(); x[i] = n;"), "k", cp.ones(32, np.float32), 5)
    assert "thread 0 of block 0 waits at a barrier that other threads of its block never reach" in said


def test_beyond_shared_memory() -> None:
    code = one_line("__shared__ float s[8]; s[i] = x[i]; __syncthreads(); x[i] = s[31 - i];")
    assert "thread 8 of block 0 writes s[8], but `s` is 32 bytes long" in fault_of(code, "k", cp.ones(32, np.float32), 5)


def test_a_name_that_the_source_does_not_have() -> None:
    assert fault_of(VECTOR_ADD, "add") == "the source holds no kernel `add`, only `vector_add`"
    said = fault_of(VECTOR_ADD.replace('extern "C"', ""), "vector_add")
    assert said == 'the kernel `vector_add` is compiled under a C++ name: write extern "C" before __global__'
    assert "needs __global__" in fault_of('extern "C" __device__ void k() {}', "k")


def test_compile_errors_are_nvrtcs_own_with_the_students_lines() -> None:
    with pytest.raises(CompileError) as caught:
        launch(VECTOR_ADD.replace("y[i];", "z[i];"), "vector_add")
    assert 'kernel.cu(5): error: identifier "z" is undefined' in str(caught.value)
    assert "out[i] = x[i] + z[i];" in str(caught.value)


def test_unknown_instructions_are_named() -> None:
    body = 'asm("tex.1d.v4.f32.s32 {%0, %0, %0, %0}, [p, {%1}];" : "=f"(x[0]) : "r"(i));'
    with pytest.raises(NotSupported, match=r"`tex\.1d\.v4\.f32\.s32`"):
        launch(one_line(body), "k", cp.ones(1, np.float32), 5)


def test_printf_prints_in_the_order_of_threads(capsys: pytest.CaptureFixture[str]) -> None:
    launch(one_line('if (i < n) printf("%d: %.2f|", i, x[i]);'), "k", cp.asarray(np.array([0.5, 1.5], np.float32)), 2)
    assert capsys.readouterr().out == "0: 0.50|1: 1.50|"


def test_a_notebook_shows_a_fault_without_lines_that_are_not_the_students() -> None:
    code = one_line("x[i] = n;").replace("\n", " ")
    cell = f"from autograder.cuda import standin as cp; cp.RawKernel({code!r}, 'k')((1,), (32,), (cp.zeros(9, cp.float32), 9))"
    shown = subprocess.run([sys.executable, "-m", "IPython", "--colors=NoColor", "-c", cell], capture_output=True, text=True).stdout
    assert shown.strip().startswith("KernelFault: line 1")
    assert "launch.py" not in shown


def test_without_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvrtc, "LIBRARIES", ())
    nvrtc._library.cache_clear()
    with pytest.raises(NotSupported, match=r'pip install "scratchgrad\[cuda-cpu\]"'):
        launch(VECTOR_ADD + "// not compiled before", "vector_add")
    nvrtc._library.cache_clear()


def test_freed_memory_is_not_reached() -> None:
    address = int(cp.ones(32, np.float32)._allocation.address)
    assert "leads to no array" in fault_of(one_line("((float*) p)[i] = 0;", "long long p"), "k", address)
