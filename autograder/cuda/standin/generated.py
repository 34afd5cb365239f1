"""CUDA C around the parts of a kernel that a person writes. Their lines keep their numbers, so that messages speak of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.cuda.faults import CompileError
from autograder.cuda.kernel import RawKernel
from autograder.cuda.standin.arrays import ndarray
from autograder.cuda.standin.parameters import ParameterInfo, c_name, check_kernel_name, check_names, parse

# Lines of our own are numbered from here on.
OURS = 100_001

# An array as a kernel sees it. It is indexed by a position in C's order, or by one index per axis: `int at[] = {1, 2}; x[at]`.
HEADER = """
template <typename T, int N, bool dense> struct _Array {
    T* data;
    ptrdiff_t shape_[N], strides_[N];
    __device__ const ptrdiff_t* shape() const { return shape_; }
    __device__ const ptrdiff_t* strides() const { return strides_; }
    __device__ ptrdiff_t size() const {
        ptrdiff_t size = 1;
        for (int k = 0; k < N; ++k) size *= shape_[k];
        return size;
    }
    template <typename I> __device__ T& operator[](const I (&index)[N]) const {
        ptrdiff_t offset = 0;
        for (int k = 0; k < N; ++k) offset += index[k] * strides_[k];
        return *(T*)((char*)data + offset);
    }
    __device__ T& operator[](ptrdiff_t position) const {
        if (dense) return data[position];
        ptrdiff_t offset = 0;
        for (int k = N - 1; k > 0; --k) { offset += position % shape_[k] * strides_[k]; position /= shape_[k]; }
        return *(T*)((char*)data + offset + position * strides_[0]);
    }
};
template <int N> struct _Indexer {
    ptrdiff_t shape_[N], index_[N];
    __device__ ptrdiff_t size() const {
        ptrdiff_t size = 1;
        for (int k = 0; k < N; ++k) size *= shape_[k];
        return size;
    }
    __device__ void set(ptrdiff_t position) {
        for (int k = N - 1; k > 0; --k) { index_[k] = position % shape_[k]; position /= shape_[k]; }
        index_[0] = position;
    }
    __device__ const ptrdiff_t (&get() const)[N] { return index_; }
};
"""

# Computes as a float; only its memory is half as large.
FLOAT16 = """
struct float16 {
    unsigned short bits;
    float16() = default;
    template <typename N> __device__ float16(N number) { float x = number; asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x)); }
    __device__ operator float() const { float x; asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(bits)); return x; }
    template <typename N> __device__ float16& operator+=(N x) { return *this = float(*this) + x; }
    template <typename N> __device__ float16& operator-=(N x) { return *this = float(*this) - x; }
    template <typename N> __device__ float16& operator*=(N x) { return *this = float(*this) * x; }
    template <typename N> __device__ float16& operator/=(N x) { return *this = float(*this) / x; }
};
"""


class Quoted:
    """The parts that a person wrote, numbered on from one to the next."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def quote(self, part: str) -> str:
        """The part as it goes into the generated source."""
        first = len(self.lines) + 1
        self.lines += part.split("\n")
        return f"\n#line {first}\n{part}\n#line {OURS}\n"


@dataclass(frozen=True)
class Bound:
    """A parameter and its argument, which is on the device or a number of the right type."""

    info: ParameterInfo
    dtype: np.dtype
    value: Any

    @property
    def is_array(self) -> bool:
        return isinstance(self.value, ndarray)

    @property
    def element(self) -> str:
        return ("const " if self.info.is_const else "") + c_name(self.dtype)

    @property
    def kind(self) -> tuple[Any, ...]:
        """What the generated source depends on."""
        return (self.dtype.name, self.is_array, *((self.value.ndim, self.value.flags.c_contiguous) if self.is_array else ()))

    def declaration(self) -> str:
        """How the kernel declares it: a number, or an array's address with its shape and strides."""
        if not self.is_array:
            return f"const {c_name(self.dtype)} {self.info.name}"
        sizes = (f"long long _{self.info.name}_{what}_{k}" for what in ("shape", "strides") for k in range(self.value.ndim))
        return ", ".join([f"{self.element}* {self.info.name}", *sizes])

    def arguments(self) -> list[Any]:
        return [self.value, *map(np.int64, self.value.shape + self.value.strides)] if self.is_array else [self.value]

    def view(self) -> str:
        """The array with its shape, as `_array_` and its name."""
        if not self.is_array:
            return ""
        name, axes = self.info.name, range(self.value.ndim)
        shape, strides = (", ".join(f"_{name}_{what}_{k}" for k in axes) for what in ("shape", "strides"))
        dense = "true" if self.value.flags.c_contiguous else "false"
        return f"const _Array<{self.element}, {len(axes)}, {dense}> _array_{name} = {{{name}, {{{shape}}}, {{{strides}}}}};\n"

    def whole(self) -> str:
        """A raw array under its own name."""
        return f"const auto& {self.info.name} = _array_{self.info.name};\n" if self.is_array and self.info.raw else ""

    def one(self, position: str, indexer: str) -> str:
        """The element of the loop under the array's name."""
        if not self.is_array or self.info.raw:
            return ""
        const = "const " if self.info.is_const else ""
        at = position if self.value.flags.c_contiguous else f"{indexer}.get()"
        return f"{const}{self.info.ctype}& {self.info.name} = _array_{self.info.name}[{at}];\n"


class GeneratedKernel:
    """What elementwise and reduction kernels have in common: a name, declared parameters, and what was compiled for which types.

    Raises:
        TypeError: a type is unknown.
        ValueError: a declaration or a name is not valid.
    """

    def __init__(self, in_params: str, out_params: str, name: str, reduce_dims: bool, preamble: str, options: Sequence[str]) -> None:
        check_kernel_name(name)
        self.in_params, self.out_params = parse(in_params, True), parse(out_params, False)
        self.params = self.in_params + self.out_params
        check_names(self.params)
        self.nin, self.nout, self.nargs = len(self.in_params), len(self.out_params), len(self.params)
        self.name, self.__name__ = name, name
        self.reduce_dims, self.preamble, self.options = reduce_dims, preamble, tuple(options)
        self._kernels: dict[Any, RawKernel] = {}


def bind(parameters: Sequence[ParameterInfo], args: Sequence[Any], types: dict[str, np.dtype]) -> list[Bound]:
    """Every argument with its type. An array has an axis at least.

    Raises:
        OverflowError: a number does not fit in its type.
    """
    bound = []
    for parameter, arg in zip(parameters, args, strict=True):
        dtype = parameter.dtype or types[parameter.ctype]
        value = (arg if arg.ndim else arg.reshape(1)) if isinstance(arg, ndarray) else np.array(arg, dtype)[()]
        bound.append(Bound(parameter, dtype, value))
    return bound


def indexer(name: str, shape: tuple[int, ...]) -> tuple[str, str, list[Any]]:
    """An indexer over a shape: how the kernel declares it, how it makes it, and the arguments."""
    sides = shape or (1,)
    names = [f"{name}_{k}" for k in range(len(sides))]
    made = f"_Indexer<{len(sides)}> {name} = {{{{{', '.join(names)}}}}};\n"
    return ", ".join(f"long long {n}" for n in names), made, [np.int64(side) for side in sides]


def header(bound: Sequence[Bound], types: dict[str, np.dtype]) -> str:
    """What stands before everything: the types of arrays and of half-precision numbers, and what the letters mean."""
    half = FLOAT16 if any(b.dtype == np.float16 for b in bound) else ""
    return HEADER + half + "".join(f"typedef {c_name(dtype)} {letter};\n" for letter, dtype in sorted(types.items()))


def compiled(code: str, name: str, options: tuple[str, ...], quoted: Quoted) -> RawKernel:
    """The generated kernel, whose messages quote what a person wrote."""
    kernel = RawKernel(f"#line {OURS}\n{code}", name, options)
    kernel.quoted = "\n".join(quoted.lines)
    return kernel


def launch(kernel: RawKernel, blocks: int, threads: int, args: Sequence[Any]) -> None:
    """Run a generated kernel.

    Raises:
        CompileError: what a person wrote is not valid.
        KernelFault: a thread does what it may not.
    """
    try:
        kernel((blocks,), (threads,), tuple(args))
    except CompileError as error:
        if not re.search(rf"\({OURS // 1000}\d{{3}}\)|At end of source", str(error)):
            raise
        raise CompileError(
            f"{error}\nLines from {OURS} on stand around what you wrote: is a bracket or a semicolon missing, or one too many?"
        ) from None
