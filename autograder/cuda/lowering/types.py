"""PTX's types in LLVM."""

from __future__ import annotations

from llvmlite import ir

from autograder.cuda.faults import NotSupported
from autograder.cuda.ptx.model import WIDTHS, Instruction

I1, I8, I16, I32, I64 = (ir.IntType(width) for width in (1, 8, 16, 32, 64))
HALF, FLOAT, DOUBLE = ir.HalfType(), ir.FloatType(), ir.DoubleType()
POINTER = ir.PointerType()
VOID = ir.VoidType()

FLOATS = {"f32": FLOAT, "f64": DOUBLE}
HALVES = ("f16", "f16x2", "bf16", "bf16x2")


def integer(width: int) -> ir.IntType:
    return ir.IntType(width)


def constant(type_: ir.Type, value: float) -> ir.Constant:
    return ir.Constant(type_, value)


def width_of(type_: str, instruction: Instruction) -> int:
    """Bits of a PTX type.

    Raises:
        NotSupported: a type that is not among `WIDTHS`, such as `e4m3x2`.
    """
    if type_ not in WIDTHS:
        raise unsupported(instruction)
    return WIDTHS[type_]


def is_signed(type_: str) -> bool:
    return type_.startswith("s")


def type_of(instruction: Instruction) -> str:
    """The type that an instruction works on: its last modifier."""
    modifiers = instruction.modifiers
    if not modifiers or modifiers[-1] not in WIDTHS:
        raise unsupported(instruction)
    return modifiers[-1]


def suffix(type_: ir.Type) -> str:
    """How an intrinsic's name ends for a type: `i32`, `f64`."""
    if isinstance(type_, ir.IntType):
        return f"i{type_.width}"
    return {HALF: "f16", FLOAT: "f32", DOUBLE: "f64"}[type_]


def unsupported(instruction: Instruction, why: str = "") -> NotSupported:
    """That this machine cannot run an instruction, by name and line."""
    place = f"line {instruction.line}: " if instruction.line else ""
    reason = f" ({why})" if why else ""
    return NotSupported(f"{place}the instruction `{instruction.opcode}` cannot run without a GPU{reason}")
