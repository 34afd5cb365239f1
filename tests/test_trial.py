"""One try of a student's kernel, as the probes of kernel exercises make it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from autograder.cuda import CompileError, KernelFault
from autograder.cuda.trial import RUBBISH, Output, try_elementwise, try_kernel, try_reduction

SCALE = """
extern "C" __global__ void scale(const float* x, float* out, float factor, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) {
        out[i] = factor * x[i];
    }
}
"""


def numbers(n: int) -> np.ndarray:
    return np.random.default_rng(n).normal(size=n).astype(np.float32)


def scale(source: Any, x: np.ndarray, out: Output, n: int) -> list[np.ndarray]:
    return try_kernel(source, "scale", -(-n // 32), 32, x, out, np.float32(3), n).outputs


def test_outputs_come_back_and_keep_their_rubbish_where_nobody_writes() -> None:
    x = numbers(77)
    (out,) = scale(SCALE, x, Output(77), 70)
    assert out.dtype == np.float32
    assert np.array_equal(out[:70], 3 * x[:70])
    assert np.all(out[70:] == RUBBISH)


def test_an_output_has_the_shape_dtype_and_first_values_that_are_asked_for() -> None:
    source = 'extern "C" __global__ void count(int* out) { out[threadIdx.x] += threadIdx.x; }'
    (out,) = try_kernel(source, "count", 1, 6, Output((2, 3), np.int32, fill=[[10], [20]])).outputs
    assert out.tolist() == [[10, 11, 12], [23, 24, 25]]
    assert out.dtype == np.int32


def test_several_outputs_keep_their_order() -> None:
    source = 'extern "C" __global__ void split(int* low, const int* x, int* high) { low[0] = x[0] & 7; high[0] = x[0] >> 3; }'
    trial = try_kernel(source, "split", (1, 1), (1, 1, 1), Output(1, np.int32), np.array([43], np.int32), Output(1, np.int32))
    assert [out.item() for out in trial.outputs] == [3, 5]


def test_shared_memory_can_be_asked_for() -> None:
    source = """
    extern "C" __global__ void turn(const float* x, float* out) {
        extern __shared__ float row[];
        row[threadIdx.x] = x[threadIdx.x];
        __syncthreads();
        out[threadIdx.x] = row[blockDim.x - 1 - threadIdx.x];
    }"""
    x = numbers(32)
    assert np.array_equal(try_kernel(source, "turn", 1, 32, x, Output(32), shared_mem=128).outputs[0], x[::-1])


def test_a_fault_is_told_without_the_source_line() -> None:
    no_guard = SCALE.replace("if (i < n)", "")
    with pytest.raises(KernelFault, match=r"reads x\[77\], but x has 77 elements$") as fault:
        scale(no_guard, numbers(77), Output(77), 77)
    assert "x[77]" in fault.value.where


@pytest.mark.parametrize(
    ("source", "named"),
    [
        (SCALE.replace("const float* x", "float* x").replace("out[i] =", "out[i] = x[i] ="), "x"),
        (
            """
            extern "C" __global__ void scale(float* __restrict__ numbers /* mine, (really) */, float* out, // a comment, with a comma
                                             float factor, int n) { numbers[threadIdx.x] = 5; }""",
            "numbers",
        ),
        ('#define PARAMETERS float* a, float* b, float c, int n\nextern "C" __global__ void scale(PARAMETERS) { a[threadIdx.x] = 5; }', "argument 1"),
    ],
)
def test_who_writes_into_an_input_reads_its_name(source: str, named: str) -> None:
    with pytest.raises(KernelFault, match=f"^the kernel writes into its input {named}$"):
        scale(source, numbers(32), Output(32), 32)


def test_an_input_with_nan_counts_as_unchanged() -> None:
    x = np.array([1, np.nan, 2], np.float32)
    assert np.array_equal(scale(SCALE, x, Output(3), 3)[0], 3 * x, equal_nan=True)


def test_the_arrays_of_the_caller_stay_as_they_are() -> None:
    x, start = numbers(5), numbers(6)[:5]
    before = x.copy(), start.copy()
    scale(SCALE, x, Output(5, fill=start), 5)
    assert np.array_equal(x, before[0])
    assert np.array_equal(start, before[1])


def test_an_answer_that_is_no_source_is_told_so() -> None:
    with pytest.raises(TypeError, match="of type NoneType; return the kernel's CUDA C source"):
        scale(None, numbers(5), Output(5), 5)


def test_a_source_that_does_not_compile_is_the_compilers_to_explain() -> None:
    with pytest.raises(CompileError, match="expected a"):
        scale(SCALE.replace("x[i];", "x[i]"), numbers(5), Output(5), 5)


def test_an_endless_loop_ends_at_the_budget() -> None:
    with pytest.raises(KernelFault):
        try_kernel('extern "C" __global__ void spin(volatile int* out) { while (out[0] != 1) { } }', "spin", 1, 1, Output(1, np.int32), budget=10_000)


def test_costs_are_counted_where_they_are_asked_for() -> None:
    x = numbers(64)
    arguments = (x, Output(64), np.float32(3), 50)
    trial = try_kernel(SCALE, "scale", 2, 32, *arguments, costs=True)
    assert trial.reads(0).tolist() == trial.writes(1).tolist() == [1] * 50 + [0] * 14
    assert trial.cost.global_loads.requests == 2
    assert try_kernel(SCALE, "scale", 2, 32, *arguments).cost.global_loads.requests == 0


def test_an_output_that_nobody_has_written_must_not_be_read() -> None:
    with pytest.raises(KernelFault, match=r"^a thread reads an element of out that nobody has written$"):
        scale(SCALE.replace("out[i] =", "out[i] +="), numbers(40), Output(40), 40)


def test_an_elementwise_kernel_is_tried_from_its_parts() -> None:
    parts = {"in_params": "T x, T factor", "out_params": "T y, T z", "operation": "y = factor * x; z = -x"}
    x = numbers(7)
    y, z = try_elementwise(parts, "twice", x, 2.0)
    assert np.array_equal(y, 2 * x)
    assert np.array_equal(z, -x)


def test_an_elementwise_kernel_with_raw_arrays_writes_to_an_output() -> None:
    parts = {"in_params": "raw T x", "out_params": "T y", "operation": "y = x[_ind.size() - 1 - i]"}
    x = numbers(7)
    assert np.array_equal(try_elementwise(parts, "backwards", x, Output(7)), x[::-1])
    with pytest.raises(KernelFault, match=r"reads x\[-1\], but x has 7 elements$"):
        try_elementwise(parts | {"operation": "y = x[i - 1]"}, "shifted", x, Output(7))


SUM_OF_SQUARES = {
    "in_params": "T x", "out_params": "T y", "map_expr": "x * x", "reduce_expr": "a + b", "post_map_expr": "y = a", "identity": "0",
}  # fmt: skip


def test_a_reduction_kernel_is_tried_from_its_parts() -> None:
    x = np.arange(6.0).reshape(2, 3)
    assert try_reduction(SUM_OF_SQUARES, "squares", x, axis=1).tolist() == [5, 50]
    assert try_reduction(SUM_OF_SQUARES, "squares", x) == 55


def test_an_output_that_is_not_assigned_is_named() -> None:
    with pytest.raises(KernelFault, match="leaves elements of its output y unwritten"):
        try_reduction(SUM_OF_SQUARES | {"post_map_expr": "a"}, "squares", numbers(5))


def test_parts_that_are_no_dictionary_are_told_so() -> None:
    parts: Any = ("T x", "T y", "y = x")
    with pytest.raises(TypeError, match="of type tuple; return the kernel's parts, a dictionary"):
        try_elementwise(parts, "copy", numbers(5))
