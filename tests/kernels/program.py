"""A program of the corpora: CUDA C, the arrays it works on, its launches, and what must come out."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

C_NAMES = {
    "bool": "bool", "float32": "float", "float64": "double",
    "int8": "signed char", "uint8": "unsigned char", "int16": "short", "uint16": "unsigned short",
    "int32": "int", "uint32": "unsigned", "int64": "long long", "uint64": "unsigned long long",
}  # fmt: skip
BLOCK = 64


@dataclass(frozen=True)
class Empty:
    """An array that nobody has written to: where results go."""

    shape: tuple[int, ...] | int
    dtype: Any = np.float32


@dataclass(frozen=True)
class Within:
    """Numbers that need not be exact. `ulps` count in the output's own precision; both may be arrays, one number an element."""

    values: np.ndarray
    ulps: Any = 0
    atol: Any = 0
    dtype: Any = np.float32


@dataclass(frozen=True)
class Launch:
    """One launch. A string among the arguments names an array of the program; all else is passed as it is."""

    kernel: str
    grid: tuple[int, ...]
    block: tuple[int, ...]
    arguments: tuple[Any, ...]
    shared_mem: int = 0


@dataclass(frozen=True)
class Program:
    """`expected` says for some of the arrays what they hold after all launches. `architecture`: the first that can run it."""

    name: str
    source: str
    launches: tuple[Launch, ...]
    arrays: Mapping[str, np.ndarray | Empty]
    expected: Mapping[str, np.ndarray | Within] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    architecture: int = 75
    printed: tuple[str, ...] = ()


def rng(name: str) -> np.random.Generator:
    """The same random numbers for the same name in every process."""
    return np.random.default_rng(zlib.crc32(name.encode()))


def single(
    name: str,
    source: str,
    expected: Mapping[str, np.ndarray | Within],
    *arguments: Any,
    grid: tuple[int, ...] = (1,),
    block: tuple[int, ...] = (32,),
    kernel: str = "k",
    shared_mem: int = 0,
    **more: Any,
) -> Program:
    """A program of one launch. Arrays are among the arguments as (name, array); outputs as their name alone, written by the kernel."""
    arrays: dict[str, np.ndarray | Empty] = {}
    passed: list[Any] = []
    for argument in arguments:
        if isinstance(argument, tuple):
            arrays[argument[0]] = argument[1]
            passed.append(argument[0])
        elif isinstance(argument, str):
            arrays.setdefault(argument, empty_like(expected[argument]))
            passed.append(argument)
        else:
            passed.append(argument)
    return Program(name, source, (Launch(kernel, grid, block, tuple(passed), shared_mem),), arrays, expected, **more)


def each(name: str, body: str, expected: np.ndarray | Within, *inputs: np.ndarray, before: str = "", **more: Any) -> Program:
    """One thread for each element i of the inputs a, b, c, d; the body writes out[i] (or several rows: out[k * n + i])."""
    n = inputs[0].size
    names = "abcd"[: len(inputs)]
    parameters = [f"const {C_NAMES[x.dtype.name]}* {letter}" for letter, x in zip(names, inputs, strict=True)]
    parameters.append(f"{C_NAMES[np.dtype(expected.dtype).name]}* out")
    source = f"""{before}
extern "C" __global__ void k({", ".join(parameters)}, int n) {{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) {{
        {body}
    }}
}}"""
    pairs = list(zip(names, inputs, strict=True))
    return single(name, source, {"out": expected}, *pairs, "out", np.int32(n), grid=(-(-n // BLOCK),), block=(BLOCK,), **more)


def empty_like(expected: np.ndarray | Within) -> Empty:
    shape = expected.values.shape if isinstance(expected, Within) else expected.shape
    return Empty(shape, np.dtype(expected.dtype))


def run(program: Program, cp: ModuleType) -> dict[str, np.ndarray]:
    """All launches in turn, on CuPy or on its stand-in. Returns every array as it is afterwards."""
    arrays = {name: cp.empty(a.shape, a.dtype) if isinstance(a, Empty) else cp.asarray(a) for name, a in program.arrays.items()}
    kernels = compiled(program, cp)
    for launch in program.launches:
        arguments = tuple(arrays[a] if isinstance(a, str) else a for a in launch.arguments)
        kernels[launch.kernel](launch.grid, launch.block, arguments, shared_mem=launch.shared_mem)
    return {name: cp.asnumpy(array) for name, array in arrays.items()}


def compiled(program: Program, cp: ModuleType) -> dict[str, Any]:
    """The program's kernels by name; several kernels share one module, so they share its variables."""
    names = list(dict.fromkeys(launch.kernel for launch in program.launches))
    options = (*program.options, *architecture_option(program, cp))
    if len(names) == 1 and "<" not in names[0]:
        return {names[0]: cp.RawKernel(program.source, names[0], options=options)}
    expressions = [name for name in names if "<" in name] or None
    module = cp.RawModule(code=program.source, options=options, name_expressions=expressions)
    return {name: module.get_function(name) for name in names}


def architecture_option(program: Program, cp: ModuleType) -> tuple[str, ...]:
    """Real CuPy compiles for the card it finds; the stand-in for the oldest one unless told otherwise."""
    real = cp.__name__ == "cupy"
    return () if real or program.architecture == 75 else (f"--gpu-architecture=compute_{program.architecture}",)


def differences(expected: np.ndarray | Within, got: np.ndarray) -> str:
    """What is wrong with a result, in words; an empty string if nothing is."""
    values, bound = (expected.values, allowed(expected)) if isinstance(expected, Within) else (expected, np.zeros(()))
    if got.shape != values.shape:
        return f"shape {got.shape}, not {values.shape}"
    if got.dtype.kind == "V":
        wrong = got != values
    else:
        with np.errstate(invalid="ignore", over="ignore"):
            near = np.abs(got.astype(values.dtype) - values) <= bound if isinstance(expected, Within) else np.zeros(got.shape, bool)
        wrong = ~((got == values) | near | (_isnan(got) & _isnan(values)))
    if not wrong.any():
        return ""
    where = tuple(int(index[0]) for index in np.nonzero(wrong))
    return f"{int(wrong.sum())} of {wrong.size} wrong; at {where}: {got[where]!r}, not {values[where]!r}"


def allowed(expected: Within) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = np.abs(expected.values).astype(expected.dtype)
        spacing = np.nan_to_num(np.spacing(rounded).astype(np.float64), nan=0.0)
    return np.asarray(expected.ulps) * spacing + expected.atol


def _isnan(values: np.ndarray) -> np.ndarray:
    return np.isnan(values) if values.dtype.kind in "fc" else np.zeros(values.shape, bool)
