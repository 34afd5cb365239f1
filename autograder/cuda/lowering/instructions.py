"""Which function lowers which instruction."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from autograder.cuda.lowering import atomics, bits, comparisons, control, conversions, floats, halves, integers, memory, synchronisation
from autograder.cuda.lowering.function import FunctionLowering
from autograder.cuda.lowering.types import FLOATS, HALVES, unsupported
from autograder.cuda.ptx.model import Instruction

Lowering = Callable[[FunctionLowering, Instruction], None]

# Arithmetic has the same names for all types: the last modifier decides.
BY_TYPE: dict[str, Mapping[str, Lowering]] = {
    **dict.fromkeys(("u16", "s16", "u32", "s32", "u64", "s64"), integers.TABLE),
    **dict.fromkeys(FLOATS, floats.TABLE),
    **dict.fromkeys(HALVES, halves.TABLE),
}
BY_NAME: dict[str, Lowering] = {
    **bits.TABLE,
    **comparisons.TABLE,
    **conversions.TABLE,
    **memory.TABLE,
    **atomics.TABLE,
    **control.TABLE,
    **synchronisation.TABLE,
}


def find(instruction: Instruction) -> Lowering:
    """The function that lowers an instruction.

    Raises:
        NotSupported: there is none; the message names the instruction and its line.
    """
    type_ = instruction.modifiers[-1] if instruction.modifiers else ""
    lowering = BY_NAME.get(instruction.name) or BY_TYPE.get(type_, {}).get(instruction.name)
    if lowering is None:
        raise unsupported(instruction)
    return lowering
