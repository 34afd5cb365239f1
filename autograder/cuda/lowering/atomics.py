"""atom and red. One thread of the host runs everything, so load, change, store is atomic."""

from __future__ import annotations

from llvmlite import ir

from autograder.cuda.lowering import halves
from autograder.cuda.lowering.function import FunctionLowering
from autograder.cuda.lowering.memory import pointer_to, publishes
from autograder.cuda.lowering.types import FLOATS, HALVES, constant, integer, is_signed, type_of, unsupported
from autograder.cuda.ptx.model import WIDTHS, Instruction, Operand, Vector

OPERATIONS = ("add", "min", "max", "exch", "cas", "inc", "dec", "and", "or", "xor")


def atomic(code: FunctionLowering, instruction: Instruction) -> None:
    """atom gives what stood there before; red does not."""
    if instruction.name == "atom":
        destination, place, *sources = instruction.operands
    else:
        destination, (place, *sources) = None, instruction.operands
    type_ = type_of(instruction)
    operation = next((modifier for modifier in instruction.modifiers if modifier in OPERATIONS), None)
    if operation is None or any(isinstance(source, Vector) for source in sources):
        raise unsupported(instruction)
    width = WIDTHS[type_]
    if publishes(instruction):
        code.fence()
    pointer = pointer_to(code, instruction, "atomic", width // 8, place)
    old = code.builder.load(pointer, align=1, typ=integer(width))
    code.builder.store(_new_value(code, operation, type_, old, sources), pointer, align=1)
    if destination is not None:
        code.set(destination, old)


def _new_value(code: FunctionLowering, operation: str, type_: str, old: ir.Value, sources: list[Operand]) -> ir.Value:
    value = code.bits(sources[0], old.type.width)
    if operation in ("add", "min", "max") and (type_ in FLOATS or type_ in HALVES):
        return _on_floats(code, operation, type_, old, sources[0])
    builder = code.builder
    match operation:
        case "add":
            return builder.add(old, value)
        case "min" | "max":
            return code.intrinsic(f"{'s' if is_signed(type_) else 'u'}{operation}", old, value)
        case "exch":
            return value
        case "cas":
            return builder.select(builder.icmp_unsigned("==", old, value), code.bits(sources[1], old.type.width), old)
        case "inc":
            return _wrapping_up(code, old, value)
        case "dec":
            return _wrapping_down(code, old, value)
        case "and":
            return builder.and_(old, value)
        case "or":
            return builder.or_(old, value)
        case _:
            return builder.xor(old, value)


def _wrapping_up(code: FunctionLowering, old: ir.Value, limit: ir.Value) -> ir.Value:
    """inc: 0 after `limit`."""
    up = code.builder.add(old, constant(old.type, 1))
    return code.builder.select(code.builder.icmp_unsigned(">=", old, limit), constant(old.type, 0), up)


def _wrapping_down(code: FunctionLowering, old: ir.Value, limit: ir.Value) -> ir.Value:
    """dec: `limit` after 0, and from above it."""
    builder = code.builder
    at_end = builder.or_(builder.icmp_unsigned("==", old, constant(old.type, 0)), builder.icmp_unsigned(">", old, limit))
    return builder.select(at_end, limit, builder.sub(old, constant(old.type, 1)))


def _on_floats(code: FunctionLowering, operation: str, type_: str, old: ir.Value, source: Operand) -> ir.Value:
    if type_ in FLOATS:
        return code.as_integer(_combined(code, operation, code.builder.bitcast(old, FLOATS[type_]), code.value(source, type_)))
    lanes = zip(halves.lanes_of(code, old, type_), halves.unpack(code, source, type_), strict=True)
    return halves.pack(code, [_combined(code, operation, *lane) for lane in lanes], type_)


def _combined(code: FunctionLowering, operation: str, left: ir.Value, right: ir.Value) -> ir.Value:
    return code.builder.fadd(left, right) if operation == "add" else code.intrinsic(f"{operation}imumnum", left, right)


TABLE = {"atom": atomic, "red": atomic}
