"""The arguments of a launch: what the source declares, what Python gives, and the bytes that the kernel finds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.cuda.faults import KernelFault
from autograder.cuda.memory import is_on_device
from autograder.cuda.ptx.model import Parameter

# What C's names of types mean to NumPy. A pointer to another type, or to char or void, takes any array.
C_TYPES = {
    "bool": "bool", "float": "float32", "double": "float64", "__half": "float16", "half": "float16",
    "signed char": "int8", "int8_t": "int8", "unsigned char": "uint8", "uint8_t": "uint8",
    "short": "int16", "int16_t": "int16", "unsigned short": "uint16", "uint16_t": "uint16",
    "int": "int32", "int32_t": "int32", "unsigned int": "uint32", "unsigned": "uint32", "uint32_t": "uint32",
    "long long": "int64", "int64_t": "int64", "unsigned long long": "uint64", "uint64_t": "uint64", "size_t": "uint64",
}  # fmt: skip


@dataclass(frozen=True)
class Declared:
    """A parameter as the source declares it."""

    name: str
    text: str
    pointee: np.dtype | None = None

    @property
    def pointer(self) -> bool:
        return self.pointee is not None or "*" in self.text

    @property
    def number(self) -> np.dtype | None:
        """The type, where it is one of C's numbers."""
        known = None if self.pointee else C_TYPES.get(" ".join(self.text.replace("const", " ").split()))
        return np.dtype(known) if known else None


def declared(code: str, name: str, count: int) -> list[Declared]:
    """The parameters' names and types, which PTX does not keep, read from the source where it is plain enough."""
    plain = re.sub(r"//[^\n]*|/\*.*?\*/", " ", code, flags=re.DOTALL)
    found = re.search(rf"\b{re.escape(name.partition('<')[0])}\s*\((?P<parameters>[^)]*)\)\s*\{{", plain)
    texts = [" ".join(text.split()) for text in found["parameters"].split(",") if text.strip()] if found else []
    if len(texts) != count:
        return [Declared(f"argument {k + 1}", "") for k in range(count)]
    return [_declaration(text) for text in texts]


def _declaration(text: str) -> Declared:
    name = re.search(r"(\w+)\s*(?:\[\d*\])?$", text)
    if name is None:
        return Declared("a parameter", text)
    before = text[: name.start()]
    plain = " ".join(re.sub(r"\b(const|volatile|__restrict__|__restrict)\b|\*", " ", before).split())
    pointer = "*" in before or text.endswith("]")
    pointee = C_TYPES.get(plain) if pointer and before.count("*") <= 1 else None
    return Declared(name[1], before.strip(), np.dtype(pointee) if pointee else None)


def pack(parameters: Sequence[Parameter], declarations: Sequence[Declared], args: Sequence[Any]) -> bytes:
    """The arguments as the kernel finds them in memory.

    Raises:
        KernelFault: an argument is not what the kernel takes there.
    """
    packed = bytearray(max((p.offset + p.size for p in parameters), default=0))
    for parameter, declaration, arg in zip(parameters, declarations, args, strict=True):
        packed[parameter.offset : parameter.offset + parameter.size] = _bytes(parameter, declaration, arg)
    return bytes(packed)


def _bytes(parameter: Parameter, declaration: Declared, arg: Any) -> bytes:
    name = f"`{declaration.name}`"
    if is_on_device(arg):
        return _pointer(parameter, declaration, arg)
    if isinstance(arg, np.ndarray) and arg.ndim:
        raise KernelFault(f"{name} is a NumPy array, which lies in the CPU's memory: copy it to the device with `cp.asarray` first")
    if parameter.type is None:
        return _struct(parameter, name, arg)
    if declaration.pointer and not isinstance(arg, np.uint64):
        raise KernelFault(f"{name} is {_in_words(arg)}, but the kernel takes an array there (`{declaration.text}`)")
    return _number(parameter, declaration, arg)


def _pointer(parameter: Parameter, declaration: Declared, array: Any) -> bytes:
    name, wanted = f"`{declaration.name}`", declaration.pointee
    if parameter.size != 8 or declaration.number is not None:
        raise KernelFault(f"{name} is an array, but the kernel takes one number there (`{declaration.text or parameter.type}`)")
    if wanted is not None and (wanted.itemsize != array.dtype.itemsize or (wanted.kind == "f") != (array.dtype.kind == "f")):
        raise KernelFault(f"{name} is an array of {array.dtype}, but the kernel reads {wanted} there (`{declaration.text}`): convert it first")
    return np.uint64(array.data.ptr).tobytes()


def _struct(parameter: Parameter, name: str, arg: Any) -> bytes:
    if not isinstance(arg, np.generic | np.ndarray):
        raise KernelFault(f"{name} is a struct of {parameter.size} bytes: pass a NumPy scalar with fields (`np.void`), not {_in_words(arg)}")
    if arg.nbytes != parameter.size:
        raise KernelFault(f"{name} is a struct of {parameter.size} bytes, and the argument has {arg.nbytes}: are all fields there, aligned?")
    return arg.tobytes()


def _number(parameter: Parameter, declaration: Declared, arg: Any) -> bytes:
    """A driver copies bytes: a Python float is a double and does not fit a float, an integer is no float at all."""
    name, known = f"`{declaration.name}`", declaration.number
    value = np.asarray(arg)
    wanted = known or _guessed(parameter, value.dtype)
    if value.dtype.kind not in "biuf" or value.ndim:
        raise KernelFault(f"{name} is {_in_words(arg)}, but the kernel takes {wanted}")
    if (value.dtype.kind == "f") != (wanted.kind == "f") or (wanted.kind == "f" and value.dtype != wanted) or value.itemsize < wanted.itemsize:
        raise KernelFault(f"{name} is {_in_words(arg)}, but the kernel takes {wanted}: pass `np.{wanted}(...)`")
    if wanted.kind in "iu" and value.itemsize > wanted.itemsize and not _fits(int(value), wanted, known is not None):
        raise KernelFault(f"{name} is {int(value)}, which does not fit in {wanted}")
    return wanted.type(value).tobytes() if wanted.kind in "fb" else int(value).to_bytes(16, "little", signed=True)[: wanted.itemsize]


def _guessed(parameter: Parameter, given: np.dtype) -> np.dtype:
    """Where the source does not tell, PTX knows the width: the argument's own kind is as good as any."""
    kind = "f" if (parameter.type or "").startswith("f") else "i" if given.kind != "f" or parameter.size not in (2, 4, 8) else "f"
    return np.dtype(f"{kind}{parameter.size}")


def _fits(value: int, wanted: np.dtype, signedness_known: bool) -> bool:
    bits = 8 * wanted.itemsize
    if not signedness_known:
        return -(1 << bits - 1) <= value < 1 << bits
    return int(np.iinfo(wanted).min) <= value <= int(np.iinfo(wanted).max)


def _in_words(arg: Any) -> str:
    if isinstance(arg, np.generic):
        return f"a number of type {arg.dtype}"
    names = {int: "a Python int", float: "a Python float (a double)", type(None): "None"}
    return names.get(type(arg), f"a {type(arg).__name__}")
