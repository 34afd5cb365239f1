"""`RawKernel`: CUDA C source that is called like a function, with a grid, a block and arguments."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.cuda import old_ptx as ptx
from autograder.cuda.faults import KernelFault, NotSupported
from autograder.cuda.machine import Extent, Launch
from autograder.cuda.memory import split
from autograder.cuda.nvrtc import compile_to_ptx

MAX_THREADS = 1024
MAX_BLOCK = (1024, 1024, 64)
MAX_GRID = (2**31 - 1, 65535, 65535)
MAX_SHARED = 48 * 1024

# What C's names of types mean to NumPy. A pointer to another type, or to char or void, takes any array.
C_TYPES = {
    "bool": "bool", "float": "float32", "double": "float64",
    "signed char": "int8", "int8_t": "int8", "unsigned char": "uint8", "uint8_t": "uint8",
    "short": "int16", "unsigned short": "uint16",
    "int": "int32", "int32_t": "int32", "unsigned int": "uint32", "unsigned": "uint32", "uint32_t": "uint32",
    "long long": "int64", "int64_t": "int64", "unsigned long long": "uint64", "uint64_t": "uint64", "size_t": "uint64",
}  # fmt: skip


@dataclass(frozen=True)
class Declared:
    """A parameter as the source declares it."""

    name: str
    text: str
    pointee: np.dtype | None = None


class RawKernel:
    """A kernel from CUDA C, compiled when it is first called."""

    def __init__(self, code: str, name: str, options: Sequence[str] = ()) -> None:
        if not isinstance(code, str) or not isinstance(name, str):
            raise TypeError("RawKernel takes the kernel's CUDA C source and its name, two strings")
        self.code = code
        # What messages quote, by line: generated kernels number the parts that a person wrote with `#line`.
        self.quoted = code
        self.name = name
        self.options = tuple(options)
        self._compiled: ptx.Kernel | None = None

    def compile(self) -> ptx.Kernel:
        """The kernel's instructions.

        Raises:
            CompileError: the source is not valid.
            KernelFault: it has no kernel of that name.
            NotSupported: it prints.
        """
        if self._compiled is None:
            compiled = compile_to_ptx(self.code, self.options)
            if "vprintf" in compiled:
                raise NotSupported("Without a GPU there is no `printf` in kernels: write what you want to see to an array")
            kernels = ptx.parse(compiled)
            if self.name not in kernels:
                raise KernelFault(self._not_found(kernels))
            self._compiled = kernels[self.name]
        return self._compiled

    def _not_found(self, kernels: dict[str, ptx.Kernel]) -> str:
        if any(name.startswith(f"_Z{len(self.name)}{self.name}") for name in kernels):
            return f'the kernel `{self.name}` is compiled under a C++ name: write extern "C" before __global__'
        if not kernels:
            return f"the source holds no kernel: `{self.name}` needs __global__ before its type"
        return f"the source holds no kernel `{self.name}`, only {', '.join(f'`{name}`' for name in kernels)}"

    def __call__(self, grid: tuple[int, ...], block: tuple[int, ...], args: Sequence[Any], *, shared_mem: int = 0) -> None:
        """Run it on `grid` blocks of `block` threads.

        Raises:
            CompileError: the source is not valid.
            KernelFault: the launch is not valid, or a thread does what it may not.
            NotSupported: this machine does not know an instruction.
        """
        kernel = self.compile()
        grid, block = _extent(grid, "grid", MAX_GRID), _extent(block, "block", MAX_BLOCK)
        if np.prod(block) > MAX_THREADS:
            raise KernelFault(f"a block of {' × '.join(map(str, block))} has {np.prod(block)} threads; a GPU allows {MAX_THREADS}")
        if sum(v.size for v in kernel.variables if v.space == "shared") + shared_mem > MAX_SHARED:
            raise KernelFault(f"the kernel asks for more shared memory than a block has ({MAX_SHARED} bytes)")
        declared = self._declared(kernel)
        if len(args) != len(declared):
            names = ", ".join(d.name for d in declared)
            raise KernelFault(f"the kernel `{self.name}` takes {len(declared)} arguments ({names}); {len(args)} are given")
        arrays: dict[int, list[str]] = {}
        for d, arg in zip(declared, args, strict=True):
            if _on_device(arg):
                arrays.setdefault(int(split(np.asarray(arg.data.ptr, np.uint64))[0]), []).append(d.name)
        parameters = {p.name: _parameter(p, d, arg) for p, d, arg in zip(kernel.parameters, declared, args, strict=True)}
        Launch(kernel, grid, block, parameters, shared_mem, self.quoted.splitlines(), arrays).run()

    def _declared(self, kernel: ptx.Kernel) -> list[Declared]:
        """The parameters' names and types, which PTX does not keep, read from the source where it is plain enough."""
        code = re.sub(r"//[^\n]*|/\*.*?\*/", " ", self.code, flags=re.DOTALL)
        found = re.search(rf"\b{self.name}\s*\((?P<parameters>[^)]*)\)\s*\{{", code)
        texts = [" ".join(text.split()) for text in found["parameters"].split(",") if text.strip()] if found else []
        if len(texts) != len(kernel.parameters):
            return [Declared(f"argument {k + 1}", "") for k in range(len(kernel.parameters))]
        return [_declaration(text) for text in texts]


def _on_device(arg: Any) -> bool:
    return hasattr(arg, "data") and hasattr(arg.data, "ptr")


def _declaration(text: str) -> Declared:
    name = re.search(r"(\w+)\s*(?:\[\d*\])?$", text)
    if name is None:
        return Declared("a parameter", text)
    before = text[: name.start()]
    plain = " ".join(re.sub(r"\b(const|volatile|__restrict__|__restrict)\b|\*", " ", before).split())
    pointer = "*" in before or text.endswith("]")
    pointee = C_TYPES.get(plain) if pointer and before.count("*") <= 1 else None
    return Declared(name[1], before.strip(), np.dtype(pointee) if pointee else None)


def _extent(given: tuple[int, ...], what: str, most: Extent) -> Extent:
    if not isinstance(given, tuple) or not 1 <= len(given) <= 3:
        raise TypeError(f"The {what} is a tuple of one to three integers")
    x, y, z = (*(int(v) for v in given), 1, 1)[:3]
    if min(x, y, z) < 1 or x > most[0] or y > most[1] or z > most[2]:
        raise KernelFault(f"a {what} of {' × '.join(map(str, given))} is not possible: every number is at least 1 and at most {most}")
    return x, y, z


def _parameter(parameter: ptx.Parameter, declared: Declared, arg: Any) -> np.generic:
    """The argument in the type of the parameter, if that is what the kernel would see."""
    name = f"`{declared.name}`"
    if parameter.type is None:
        raise KernelFault(f"{name} is a struct, which cannot be passed here")
    dtype = ptx.DTYPES[parameter.type]
    if _on_device(arg):
        return _pointer(dtype, declared, arg)
    if isinstance(arg, np.ndarray) and arg.ndim:
        raise KernelFault(f"{name} is a NumPy array, which lies in the CPU's memory: copy it to the device with `cp.asarray` first")
    if declared.pointee is not None or "*" in declared.text:
        raise KernelFault(f"{name} is {_in_words(arg)}, but the kernel takes an array there (`{declared.text}`)")
    return _number(dtype, declared, arg)


def _pointer(dtype: np.dtype, declared: Declared, array: Any) -> np.generic:
    name = f"`{declared.name}`"
    if dtype != np.uint64 or (declared.text and "*" not in declared.text and declared.pointee is None and declared.text in C_TYPES):
        raise KernelFault(f"{name} is an array, but the kernel takes one number there (`{declared.text or dtype}`)")
    wanted = declared.pointee
    if wanted is not None and (wanted.itemsize != array.dtype.itemsize or (wanted.kind == "f") != (array.dtype.kind == "f")):
        raise KernelFault(f"{name} is an array of {array.dtype}, but the kernel reads {wanted} there (`{declared.text}`): convert it first")
    return np.uint64(array.data.ptr)


def _number(dtype: np.dtype, declared: Declared, arg: Any) -> np.generic:
    """A driver copies bytes: a Python float is a double and does not fit a float, an integer is no float at all."""
    name, known = f"`{declared.name}`", C_TYPES.get(declared.text.replace("const ", ""))
    wanted = np.dtype(known) if known else dtype
    value = np.asarray(arg)
    if value.dtype.kind not in "biuf":
        raise KernelFault(f"{name} is {_in_words(arg)}, but the kernel takes {wanted}")
    if (value.dtype.kind == "f") != (wanted.kind == "f") or (wanted.kind == "f" and value.dtype != wanted) or value.itemsize < wanted.itemsize:
        raise KernelFault(f"{name} is {_in_words(arg)}, but the kernel takes {wanted}: pass `np.{wanted}(...)`")
    if known and wanted.kind in "iu" and not np.iinfo(wanted).min <= int(value) <= np.iinfo(wanted).max:
        raise KernelFault(f"{name} is {int(value)}, which does not fit in {wanted}")
    return wanted.type(value)


def _in_words(arg: Any) -> str:
    if isinstance(arg, np.generic):
        return f"a number of type {arg.dtype}"
    names = {int: "a Python int", float: "a Python float (a double)", type(None): "None"}
    return names.get(type(arg), f"a {type(arg).__name__}")
