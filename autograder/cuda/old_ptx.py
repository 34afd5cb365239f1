"""PTX, the assembly language of NVIDIA's GPUs, as NVRTC writes it: text in, kernels out."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from autograder.cuda.faults import NotSupported

DTYPES: dict[str, np.dtype] = {
    name: np.dtype(dtype)
    for name, dtype in {
        "pred": "bool",
        "b8": "uint8", "u8": "uint8", "s8": "int8",
        "b16": "uint16", "u16": "uint16", "s16": "int16",
        "b32": "uint32", "u32": "uint32", "s32": "int32", "f32": "float32",
        "b64": "uint64", "u64": "uint64", "s64": "int64", "f64": "float64",
    }.items()
}  # fmt: skip


@dataclass(frozen=True)
class Register:
    """`%r1`, or one that the hardware sets: `%tid.x`."""

    name: str


@dataclass(frozen=True)
class Integer:
    value: int


@dataclass(frozen=True)
class Float:
    value: float


@dataclass(frozen=True)
class Symbol:
    """A variable, a parameter or a label."""

    name: str


@dataclass(frozen=True)
class Address:
    """`[base + offset]`."""

    base: Register | Symbol | Integer
    offset: int


@dataclass(frozen=True)
class Vector:
    """`{%f1, %f2}`."""

    items: tuple[Operand, ...]


Operand = Register | Integer | Float | Symbol | Address | Vector


@dataclass(frozen=True)
class Instruction:
    """`@%p1 setp.lt.s32 %p2, %r1, %r2;` with the line of the CUDA C source that it comes from."""

    opcode: str
    operands: tuple[Operand, ...]
    guard: str | None
    negated: bool
    line: int

    @property
    def name(self) -> str:
        return self.opcode.partition(".")[0]

    @property
    def modifiers(self) -> tuple[str, ...]:
        return tuple(self.opcode.split(".")[1:])


@dataclass(frozen=True)
class Parameter:
    """A kernel's parameter; `size` is its number of bytes, and a struct's type is None."""

    name: str
    type: str | None
    size: int


@dataclass(frozen=True)
class Variable:
    """An array in shared memory or in a thread's own (local) memory. Size 0: the launch decides."""

    space: str
    name: str
    size: int


@dataclass
class Kernel:
    name: str
    parameters: list[Parameter]
    registers: dict[str, np.dtype] = field(default_factory=dict)
    variables: list[Variable] = field(default_factory=list)
    instructions: list[Instruction] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)


_ENTRY = re.compile(r"\.entry\s+(?P<name>[\w$]+)\s*\((?P<parameters>[^)]*)\)[^{]*\{(?P<body>.*?)\n\}", re.DOTALL)
_PARAMETER = re.compile(r"\.param\s+(?:\.align\s+\d+\s+)?\.(?P<type>\w+)\s+(?:\.\w+(?:\s+\d+)?\s+)*(?P<name>[\w$]+)(?:\[(?P<count>\d+)\])?")
_VARIABLE = re.compile(r"\.(?P<space>shared|local)\s+(?:\.align\s+\d+\s+)?\.(?P<type>\w+)\s+(?P<name>[\w$]+)(?P<array>\[(?P<count>\d*)\])?;")
_REGISTERS = re.compile(r"\.reg\s+\.(?P<type>\w+)\s+(?P<names>[^;]+);")
_LOC = re.compile(r"\.loc\s+(?P<file>\d+)\s+(?P<line>\d+)")
_LABEL = re.compile(r"(?P<name>[$\w]+):")
_INSTRUCTION = re.compile(r"(?:@(?P<negated>!?)(?P<guard>%\w+)\s+)?(?P<opcode>[a-z][\w.]*)\s*(?P<operands>.*);", re.DOTALL)


def parse(ptx: str) -> dict[str, Kernel]:
    """The kernels of a module, by name.

    Raises:
        NotSupported: a statement is in no known form.
    """
    text = re.sub(r"//[^\n]*", "", ptx)
    shared = [_variable(m) for m in _VARIABLE.finditer(_ENTRY.sub("", text))]
    return {m["name"]: _kernel(m, shared) for m in _ENTRY.finditer(text)}


def _kernel(entry: re.Match[str], shared: list[Variable]) -> Kernel:
    parameters = [_parameter(m) for m in _PARAMETER.finditer(entry["parameters"])]
    kernel = Kernel(entry["name"], parameters, variables=[v for v in shared if v.name in entry["body"]])
    line = 0
    for statement in _statements(entry["body"]):
        if m := _LOC.match(statement):
            line = int(m["line"]) if m["file"] == "1" and m["line"] != "0" else line
        elif m := _LABEL.fullmatch(statement):
            kernel.labels[m["name"]] = len(kernel.instructions)
        elif m := _REGISTERS.fullmatch(statement):
            kernel.registers |= dict.fromkeys(_register_names(m["names"]), DTYPES[m["type"]]) if m["type"] in DTYPES else {}
        elif m := _VARIABLE.fullmatch(statement):
            kernel.variables.append(_variable(m))
        elif m := _INSTRUCTION.fullmatch(statement):
            operands = tuple(_operand(text) for text in _split(m["operands"]))
            kernel.instructions.append(Instruction(m["opcode"], operands, m["guard"], bool(m["negated"]), line))
        elif not statement.startswith((".pragma", ".param", "{", "}")):
            raise NotSupported(f"This machine does not know the PTX statement `{statement}`")
    return kernel


def _statements(body: str) -> Iterator[str]:
    """One statement at a time: a line, or the lines up to a semicolon."""
    pending = ""
    for line in body.splitlines():
        pending = f"{pending} {line.strip()}".strip()
        if pending.endswith((";", ":")) or pending in ("{", "}") or pending.startswith(".loc"):
            yield pending
            pending = ""


def _parameter(m: re.Match[str]) -> Parameter:
    size = DTYPES[m["type"]].itemsize * int(m["count"] or 1)
    return Parameter(m["name"], None if m["count"] else m["type"], size)


def _variable(m: re.Match[str]) -> Variable:
    count = int(m["count"] or 0) if m["array"] else 1
    return Variable(m["space"], m["name"], DTYPES[m["type"]].itemsize * count)


def _register_names(declared: str) -> Iterator[str]:
    for name in declared.split(","):
        stem, _, count = name.strip().rstrip(">").partition("<")
        yield from (f"{stem}{k}" for k in range(int(count))) if count else [stem]


def _split(operands: str) -> list[str]:
    """Split at the commas that are not inside brackets."""
    return [part.strip() for part in re.split(r",(?![^{\[(]*[}\])])", operands) if part.strip()]


def _operand(text: str) -> Operand:
    if text.startswith("["):
        base, offset = re.fullmatch(r"\[(.+?)(?:\+(-?\d+))?\]", text).groups()  # type: ignore[union-attr]
        return Address(_operand(base), int(offset or 0))  # type: ignore[arg-type]
    if text.startswith(("{", "(")):
        return Vector(tuple(_operand(item) for item in _split(text[1:-1])))
    if text.startswith("%"):
        return Register(text)
    if text.startswith("0f"):
        return Float(struct.unpack(">f", bytes.fromhex(text[2:]))[0])
    if text.startswith("0d"):
        return Float(struct.unpack(">d", bytes.fromhex(text[2:]))[0])
    if re.fullmatch(r"-?(0[xX][0-9a-fA-F]+|\d+)U?", text):
        return Integer(int(text.rstrip("U"), 0))
    return Symbol(text)
