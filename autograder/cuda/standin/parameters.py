"""Parameters of elementwise and reduction kernels: what `"T x, raw T y"` declares, and the arguments that it gets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.cuda.faults import NotSupported
from autograder.cuda.standin.arrays import SCALARS, ndarray

C_NAMES = {
    "bool": "bool", "float16": "float16", "float32": "float", "float64": "double", "int8": "signed char", "uint8": "unsigned char",
    "int16": "short", "uint16": "unsigned short", "int32": "int", "uint32": "unsigned int", "int64": "long long", "uint64": "unsigned long long",
}  # fmt: skip


@dataclass(frozen=True)
class ParameterInfo:
    """One declared parameter. `dtype` is None where a letter stands for the type, which the arguments decide."""

    name: str
    dtype: np.dtype | None
    ctype: str
    raw: bool
    is_const: bool


def parse(declarations: str, is_const: bool) -> tuple[ParameterInfo, ...]:
    """The parameters that a string such as `"T x, raw float32 y"` declares.

    Raises:
        TypeError: a type is unknown.
        ValueError: the string is not of this form.
    """
    if not isinstance(declarations, str):
        raise TypeError(f"Argument 's' has incorrect type (expected str, got {type(declarations).__name__})")
    if not declarations:
        return ()
    return tuple(_parse_one(text, is_const) for text in declarations.strip().split(","))


def _parse_one(text: str, is_const: bool) -> ParameterInfo:
    *keywords, type_, name = text.split() if len(text.split()) > 1 else ("", "", "")
    if not name:
        raise ValueError(f"Syntax error: {text}")
    unknown = [word for word in keywords if word != "raw"]
    if unknown:
        raise ValueError(f'Unknown keyword "{unknown[0]}"')
    if not re.fullmatch(r"[A-Za-z_]\w*", name):
        raise ValueError(
            f"Syntax error: {text}. `{name}` is no name; an array that you index yourself is `raw {type_.rstrip('*')} {name.strip('*&')}`"
        )
    if len(type_) == 1:
        return ParameterInfo(name, None, type_, bool(keywords), is_const)
    return ParameterInfo(name, np.dtype(type_), c_name(np.dtype(type_)), bool(keywords), is_const)


def check_names(parameters: Sequence[ParameterInfo]) -> None:
    """Raises ValueError where a name is taken."""
    names = [p.name for p in parameters]
    if "i" in names:
        raise ValueError("Can not use 'i' as a parameter name")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise ValueError(f"Two parameters are called '{twice}'")


def check_kernel_name(name: str) -> None:
    """Raises ValueError where C allows no function of that name."""
    if not re.fullmatch(r"[A-Za-z_]\w*", name):
        raise ValueError(f'Invalid kernel name: "{name}"')


def check_source(**parts: Any) -> None:
    """Raises TypeError where a part of the kernel is no text."""
    for name, part in parts.items():
        if not isinstance(part, str):
            raise TypeError(f"`{name}` is CUDA C, a string, not {type(part).__name__}")


def c_name(dtype: np.dtype) -> str:
    """What C calls a type.

    Raises:
        NotSupported: complex numbers.
    """
    if dtype.name not in C_NAMES:
        raise NotSupported(f"Without a GPU, elementwise and reduction kernels do not compute with {dtype.name}: keep real and imaginary parts apart")
    return C_NAMES[dtype.name]


def check_arguments(args: Sequence[Any]) -> None:
    """Raises TypeError where one is neither on the device nor a number."""
    for arg in args:
        if not isinstance(arg, (ndarray, *SCALARS)):
            raise TypeError(f"Unsupported type {type(arg)}: copy it to the device with `cp.asarray` first")


def decide_types(parameters: Sequence[ParameterInfo], args: Sequence[Any]) -> dict[str, np.dtype]:
    """What each letter stands for: the type of the arrays given there. Numbers decide nothing.

    Raises:
        TypeError: an array has another type than its parameter, or nothing decides.
    """
    types: dict[str, np.dtype] = {}
    for parameter, arg in zip(parameters, args, strict=False):
        if isinstance(arg, ndarray):
            wanted = parameter.dtype or types.setdefault(parameter.ctype, arg.dtype)
            if wanted != arg.dtype:
                raise TypeError(f"Type is mismatched. {parameter.name} {arg.dtype} {wanted} {parameter.ctype}")
    undecided = next((p for p in parameters if p.dtype is None and p.ctype not in types), None)
    if undecided:
        raise TypeError(f"Type is undecided: no array tells what {undecided.ctype} is in `{undecided.ctype} {undecided.name}`")
    return types


def broadcast(parameters: Sequence[ParameterInfo], args: Sequence[Any], size: int | None = None) -> tuple[list[Any], tuple[int, ...]]:
    """The arguments with those that are not raw in one shape, and that shape.

    Raises:
        ValueError: they do not fit each other, or nothing says how many elements there are, or two things do.
    """
    looped = [isinstance(arg, ndarray) and not parameter.raw for parameter, arg in zip(parameters, args, strict=False)]
    if size is not None and any(looped):
        raise ValueError("Specified 'size' can be used only if all of the ndarray are 'raw'.")
    if size is None and not any(looped):
        raise ValueError("Loop size is undecided.")
    if size is not None:
        return list(args), (size,)
    shape = np.broadcast_shapes(*(arg.shape for arg, loop in zip(args, looped, strict=True) if loop))
    return [arg._view(np.broadcast_to(arg._values, shape)) if loop else arg for arg, loop in zip(args, looped, strict=True)], shape


def outputs(
    parameters: Sequence[ParameterInfo], given: Sequence[Any], types: dict[str, np.dtype], shape: tuple[int, ...], sized: bool
) -> list[ndarray]:
    """The arrays to write to: those given, or new ones.

    Raises:
        TypeError: one is no device array.
        ValueError: one has another shape than the loop, or a raw one has no size.
    """
    if not given:
        if any(p.raw for p in parameters) and not sized:
            raise ValueError("Output array size is Undecided")
        return [ndarray(shape, p.dtype or types[p.ctype]) for p in parameters]
    for parameter, arg in zip(parameters, given, strict=True):
        if not isinstance(arg, ndarray):
            raise TypeError("Output arguments type must be cupy.ndarray")
        if not parameter.raw and arg.shape != shape:
            raise ValueError("Out shape is mismatched")
    return list(given)
