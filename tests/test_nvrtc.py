"""What NVRTC makes of CUDA C, and what a student reads where it refuses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from autograder.cuda import CompileError, NotSupported, nvrtc, ptx
from autograder.cuda.nvrtc import compile_source, compile_to_ptx
from autograder.cuda.ptx.model import Instruction


def kernel(body: str, before: str = "") -> str:
    return f'{before}\nextern "C" __global__ void k(float* x) {{\n{body}\n}}\n'


# ---- what compiles -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        'printf("%d %f\\n", threadIdx.x, x[0]);',
        "assert(x[0] > 0);",
        "x[0] = clock() + clock64();",
        "x[0] = sinf(x[1]) + fmaxf(x[2], x[3]) + rsqrtf(x[4]) + __expf(x[5]);",
        "x[0] = max(3, (int)x[1]) + abs(-2) + (float)sizeof(size_t);",
        "auto f = [=](float y) { return y * x[1]; }; x[0] = f(2);",
        "float4 v = *(float4*)x; x[0] = v.x; __syncthreads(); atomicAdd(x, __shfl_xor_sync(~0u, v.y, 1));",
    ],
)
def test_without_any_header(body: str) -> None:
    assert list(ptx.parse(compile_to_ptx(kernel(body))).kernels) == ["k"]


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ("cuda_fp16.h", "x[0] = __half2float(__hadd(__float2half(x[1]), __float2half(x[2])));"),
        ("cuda_bf16.h", "x[0] = __bfloat162float(__float2bfloat16(x[1]));"),
        ("cooperative_groups.h", "cooperative_groups::this_thread_block().sync();"),
        ("cooperative_groups/reduce.h", "x[0] = cooperative_groups::this_thread_block().size();"),
        ("cub/block/block_reduce.cuh", "__shared__ cub::BlockReduce<float, 32>::TempStorage t; x[0] = cub::BlockReduce<float, 32>(t).Sum(x[1]);"),
        ("mma.h", "nvcuda::wmma::fragment<nvcuda::wmma::accumulator, 16, 16, 16, float> f; nvcuda::wmma::fill_fragment(f, x[1]); x[0] = f.x[0];"),
        ("cuda/std/cstdint", "cuda::std::uint8_t y = 255; y += x[1]; x[0] = y;"),
        ("cuda_runtime.h", "x[0] = 1;"),
        ("math_constants.h", "x[0] = CUDART_INF_F;"),
    ],
)
def test_cudas_headers_are_found(header: str, body: str) -> None:
    assert "k" in ptx.parse(compile_to_ptx(kernel(body, f"#include <{header}>"))).kernels


def test_options_prevail_over_our_own() -> None:
    assert "1091567616" in compile_to_ptx(kernel("x[0] = N;"), ("-DN=9",))  # the bits of 9.0
    assert "div.approx" in compile_to_ptx(kernel("x[0] /= x[1];"), ("--use_fast_math",))
    with pytest.raises(CompileError, match="auto"):
        compile_to_ptx(kernel("auto f = [](auto y) { return y; }; x[0] = f(1);"), ("--std=c++11",))


def test_a_students_own_header_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    source, header = kernel("x[0] = two();", '#include "mine.h"'), tmp_path / "mine.h"
    header.write_text("__device__ float two() { return 2; }")
    assert "1073741824" in compile_to_ptx(source, (f"-I{tmp_path}",))
    header.write_text("__device__ float two() { return 4; }")
    assert "1082130432" in compile_to_ptx(source, (f"-I{tmp_path}",))


def test_instructions_carry_the_lines_of_the_source() -> None:
    made = ptx.parse(compile_to_ptx(kernel("x[0] =\n\n x[1];"))).kernels["k"]
    lines = {item.name: item.line for item in made.body if isinstance(item, Instruction) and "global" in item.modifiers}
    assert lines["ld"] in (3, 5)
    assert lines["st"] == 3


def test_the_same_source_is_the_same_ptx_in_any_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "three.h").write_text("const float three = 3;")
    monkeypatch.chdir(tmp_path)
    there = compile_to_ptx(kernel("x[0] = three;", '#include "three.h"'))
    here = compile_to_ptx(kernel("x[0] = three;", "const float three = 3;"))
    assert there == here
    assert '"kernel.cu"' in here


# ---- C++ names ---------------------------------------------------------------------------------------------------------

CPP = """
template <typename T, int N> __global__ void scale(T* x) { x[threadIdx.x] *= N; }
namespace inner { __constant__ float weights[3]; __global__ void copy(float* x) { x[0] = weights[1]; } }
"""


def test_names_of_cpp_are_lowered() -> None:
    names = ("scale<float, 3>", "scale<double,2>", "inner::copy", "&inner::weights")
    made = compile_source(CPP, names=names)
    module = ptx.parse(made.ptx)
    assert set(made.names) == set(names)
    assert {made.names[name] for name in names[:3]} == set(module.kernels)
    assert made.names["&inner::weights"] in module.variables


def test_a_template_exists_only_if_it_is_named() -> None:
    assert list(ptx.parse(compile_source(CPP).ptx).kernels) == ["_ZN5inner4copyEPf"]
    assert compile_source(CPP).names == {}


@pytest.mark.parametrize("name", ["nothing", "scale<floa, 3>", "scale<float,"])
def test_a_name_that_means_nothing_is_refused_by_name(name: str) -> None:
    with pytest.raises(CompileError) as refusal:
        compile_source(CPP, names=(name,))
    assert str(refusal.value).startswith("name expression: error:")
    assert name in str(refusal.value)


def test_relocatable_code_may_call_what_is_elsewhere() -> None:
    code = 'extern "C" __device__ int there(int);\nextern "C" __device__ int here(int x) { return there(x) + 1; }\n'
    module = ptx.parse(compile_source(code, relocatable=True).ptx)
    assert list(module.functions) == ["here"]
    assert list(module.declared) == ["there"]


# ---- what is refused ---------------------------------------------------------------------------------------------------


def test_errors_are_the_compilers_log_with_the_students_lines() -> None:
    with pytest.raises(CompileError) as refusal:
        compile_to_ptx(kernel("float y = x[0]\nx[1] = z;"))
    assert 'kernel.cu(4): error: expected a ";"' in str(refusal.value)
    assert os.getcwd() not in str(refusal.value)


def test_an_unknown_option_is_refused_by_the_compiler() -> None:
    with pytest.raises(CompileError, match="unrecognized option --frobnicate"):
        compile_to_ptx(kernel(""), ("--frobnicate",))


def test_headers_are_called_as_a_kernel_includes_them() -> None:
    with pytest.raises(CompileError) as refusal:
        compile_to_ptx(kernel("", "#include <thrust/complex.h>"))
    assert str(refusal.value).startswith("thrust/")
    assert "site-packages" not in str(refusal.value)


@pytest.mark.parametrize("header", ["stdio.h", "math.h", "cassert", "cstdint", "limits", "stdint.h"])
def test_cs_own_headers_are_not_needed(header: str) -> None:
    with pytest.raises(CompileError, match=r"cannot open source file(.|\n)*need none"):
        compile_to_ptx(kernel("", f"#include <{header}>"))


def test_a_header_that_is_nowhere_is_the_compilers_to_refuse() -> None:
    for header in ("mine.h", "cuda_nothing.h", "crt/nothing.h"):
        with pytest.raises(CompileError, match=f'cannot open source file "{header}"') as refusal:
            compile_to_ptx(kernel("", f"#include <{header}>"))
        assert "need none" not in str(refusal.value)


@pytest.mark.parametrize(
    ("header", "package"),
    [
        ("cuda_fp16.h", "nvidia-cuda-runtime"),
        ("cuda_bf16.h", "nvidia-cuda-runtime"),
        ("cooperative_groups.h", "nvidia-cuda-runtime"),
        ("mma.h", "nvidia-cuda-runtime"),
        ("crt/mma.h", "nvidia-cuda-crt"),
        ("cub/block/block_reduce.cuh", "nvidia-cuda-cccl"),
        ("cuda/std/cstdint", "nvidia-cuda-cccl"),
    ],
)
def test_a_missing_header_names_the_package_that_brings_it(monkeypatch: pytest.MonkeyPatch, header: str, package: str) -> None:
    monkeypatch.setattr(nvrtc, "HEADERS", ())
    with pytest.raises(NotSupported) as refusal:
        compile_to_ptx(kernel("", f"#include <{header}>"))
    assert str(refusal.value) == f"CUDA's header `{header}` is not installed: pip install {package}"


def test_text_that_is_no_unicode_is_refused_and_not_fatal() -> None:
    with pytest.raises(CompileError):
        compile_to_ptx("\udc80")
