"""PTX, the assembly language of NVIDIA's GPUs, as NVRTC writes it."""

from autograder.cuda.ptx import flow
from autograder.cuda.ptx.model import (
    WIDTHS,
    Address,
    Function,
    Immediate,
    Instruction,
    Label,
    Module,
    Negated,
    Operand,
    Pair,
    Parameter,
    Prototype,
    Register,
    Sink,
    Symbol,
    Variable,
    Vector,
    size_of,
)
from autograder.cuda.ptx.parser import parse

__all__ = [
    "WIDTHS",
    "Address",
    "Function",
    "Immediate",
    "Instruction",
    "Label",
    "Module",
    "Negated",
    "Operand",
    "Pair",
    "Parameter",
    "Prototype",
    "Register",
    "Sink",
    "Symbol",
    "Variable",
    "Vector",
    "flow",
    "parse",
    "size_of",
]
