"""ld, st, mov, cvta and what is asked of addresses."""

from __future__ import annotations

from llvmlite import ir

from autograder.cuda.lowering.function import FunctionLowering
from autograder.cuda.lowering.types import constant, integer, is_signed, type_of, unsupported
from autograder.cuda.ptx.model import WIDTHS, Address, Instruction, Operand, Symbol, Vector, size_of

SPACES = ("global", "shared", "local", "const", "param")


def space_of(instruction: Instruction) -> str:
    """`global`, `shared`, `local`, `const` or `param`; `generic` where the instruction names none."""
    plain = (modifier.partition("::")[0] for modifier in instruction.modifiers)
    return next((modifier for modifier in plain if modifier in SPACES), "generic")


def publishes(instruction: Instruction) -> bool:
    """Whether what a thread wrote before is seen by other blocks' threads after it: a fence, or a release."""
    modifiers = instruction.modifiers
    if not any(scope in modifiers for scope in ("gl", "sys", "gpu")):
        return False
    return instruction.name in ("membar", "fence") or "release" in modifiers or "acq_rel" in modifiers


def _kind(instruction: Instruction, plain: str) -> str:
    """What `cuda::atomic` loads and stores is as atomic as what it adds."""
    return "atomic" if any(modifier in ("relaxed", "acquire", "release") for modifier in instruction.modifiers) else plain


def pointer_to(code: FunctionLowering, instruction: Instruction, access: str, size: int, operand: Operand) -> ir.Value:
    space = space_of(instruction)
    if space != "param":
        return code.memory_pointer(space, access, size, operand)
    if not isinstance(operand, Address):
        raise unsupported(instruction)
    if code.function.entry and access != "load" and getattr(operand.base, "name", "") not in code.function.variables:
        raise unsupported(instruction, "a kernel's parameters are constant")
    if not isinstance(operand.base, Symbol):
        return code.computed_parameter_pointer(size, operand)
    name, offset = operand.base.name, operand.base.offset + operand.offset
    if not 0 <= offset <= code.parameter_size(name) - size:
        raise unsupported(instruction, "it reaches beyond the parameter")
    return code.at(code.parameter_pointer(name), offset)


def _elements(operand: Operand) -> tuple[Operand, ...]:
    return operand.items if isinstance(operand, Vector) else (operand,)


def load(code: FunctionLowering, instruction: Instruction) -> None:
    type_ = type_of(instruction)
    size, destinations = size_of(type_), _elements(instruction.operands[0])
    pointer = pointer_to(code, instruction, _kind(instruction, "load"), size * len(destinations), instruction.operands[1])
    values = [code.builder.load(code.at(pointer, size * k), align=1, typ=integer(8 * size)) for k in range(len(destinations))]
    for destination, value in zip(destinations, values, strict=True):
        code.set(destination, value, signed=is_signed(type_))


def store(code: FunctionLowering, instruction: Instruction) -> None:
    size, sources = size_of(type_of(instruction)), _elements(instruction.operands[1])
    if publishes(instruction):
        code.fence()
    pointer = pointer_to(code, instruction, _kind(instruction, "store"), size * len(sources), instruction.operands[0])
    for k, source in enumerate(sources):
        code.builder.store(code.bits(source, 8 * size), code.at(pointer, size * k), align=1)


def move(code: FunctionLowering, instruction: Instruction) -> None:
    """mov: also into and out of parts, `mov.b64 {%r1, %r2}, %rd1`."""
    width = WIDTHS[type_of(instruction)]
    destination, source = instruction.operands
    if isinstance(destination, Vector):
        _take_apart(code, destination, code.bits(source, width))
    elif isinstance(source, Vector):
        code.set(destination, _put_together(code, source, width))
    else:
        code.set(destination, code.bits(source, width))


def _take_apart(code: FunctionLowering, destination: Vector, whole: ir.Value) -> None:
    part = whole.type.width // len(destination.items)
    for k, item in enumerate(destination.items):
        code.set(item, code.builder.trunc(code.builder.lshr(whole, constant(whole.type, k * part)), integer(part)))


def _put_together(code: FunctionLowering, source: Vector, width: int) -> ir.Value:
    part = width // len(source.items)
    whole = constant(integer(width), 0)
    for k, item in enumerate(source.items):
        wide = code.resize(code.bits(item, part), width)
        whole = code.builder.or_(whole, code.builder.shl(wide, constant(integer(width), k * part)))
    return whole


def convert_address(code: FunctionLowering, instruction: Instruction) -> None:
    """cvta: from a space to generic addresses, `.to`: the other way."""
    convert = code.from_generic if "to" in instruction.modifiers else code.to_generic
    code.set(instruction.operands[0], convert(space_of(instruction), code.bits(instruction.operands[1], 64)))


def is_in_space(code: FunctionLowering, instruction: Instruction) -> None:
    code.set(instruction.operands[0], code.in_space(space_of(instruction), code.bits(instruction.operands[1], 64)))


def nothing(code: FunctionLowering, instruction: Instruction) -> None:
    """A hint that changes no result."""


TABLE = {
    "ld": load,
    "ldu": load,
    "st": store,
    "mov": move,
    "cvta": convert_address,
    "isspacep": is_in_space,
    "prefetch": nothing,
    "prefetchu": nothing,
    "applypriority": nothing,
    "discard": nothing,
    "nanosleep": nothing,
    "pragma": nothing,
}
