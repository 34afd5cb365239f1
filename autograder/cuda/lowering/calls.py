"""What a `call` instruction says."""

from __future__ import annotations

from dataclasses import dataclass

from autograder.cuda.lowering.types import unsupported
from autograder.cuda.ptx.model import Instruction, Operand, Symbol, Vector


@dataclass(frozen=True)
class Call:
    """Names of the `param` variables that take the results and hold the arguments; `prototype` is empty in a direct call."""

    results: tuple[str, ...]
    callee: Operand
    arguments: tuple[str, ...]
    prototype: str = ""


def call_of(instruction: Instruction) -> Call:
    results, callee, arguments, *prototype = instruction.operands
    return Call(_names(results, instruction), callee, _names(arguments, instruction), *(_name(operand, instruction) for operand in prototype))


def _names(operand: Operand, instruction: Instruction) -> tuple[str, ...]:
    if not isinstance(operand, Vector):
        raise unsupported(instruction)
    return tuple(_name(item, instruction) for item in operand.items)


def _name(operand: Operand, instruction: Instruction) -> str:
    if not isinstance(operand, Symbol):
        raise unsupported(instruction)
    return operand.name
