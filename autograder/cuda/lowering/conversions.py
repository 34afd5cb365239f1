"""cvt: between integers and floats of all widths, with rounding and saturation."""

from __future__ import annotations

from llvmlite import ir

from autograder.cuda.lowering import floats, halves
from autograder.cuda.lowering.function import FunctionLowering
from autograder.cuda.lowering.rounding import direction_of, towards
from autograder.cuda.lowering.types import DOUBLE, FLOAT, FLOATS, HALVES, constant, integer, is_signed, unsupported, width_of
from autograder.cuda.ptx.model import WIDTHS, Instruction

TO_INTEGRAL = {"rni": "roundeven", "rzi": "trunc", "rmi": "floor", "rpi": "ceil"}


def convert(code: FunctionLowering, instruction: Instruction) -> None:
    result_type, source_type = instruction.modifiers[-2:]
    for type_ in (result_type, source_type):
        width_of(type_, instruction)
    if result_type in ("f16x2", "bf16x2"):
        _pair_of_halves(code, instruction, result_type)
    elif _is_float(result_type) and _is_float(source_type):
        _float_to_float(code, instruction, result_type, source_type)
    elif _is_float(source_type):
        _float_to_integer(code, instruction, result_type, source_type)
    elif _is_float(result_type):
        _integer_to_float(code, instruction, result_type, source_type)
    else:
        _integer_to_integer(code, instruction, result_type, source_type)


def _is_float(type_: str) -> bool:
    return type_ in FLOATS or type_ in HALVES


def _source(code: FunctionLowering, instruction: Instruction, type_: str) -> ir.Value:
    operand = instruction.operands[1]
    return halves.unpack(code, operand, type_)[0] if type_ in HALVES else code.value(operand, type_)


def _pair_of_halves(code: FunctionLowering, instruction: Instruction, type_: str) -> None:
    """Two f32 side by side; the first source goes into the upper half."""
    if direction_of(instruction.modifiers) or instruction.modifiers[-1] != "f32":
        raise unsupported(instruction)
    high, low = (code.value(operand, "f32") for operand in instruction.operands[1:3])
    if "relu" in instruction.modifiers:
        high, low = (floats.of_numbers(code, "max", lane, constant(FLOAT, 0.0)) for lane in (high, low))
    code.set(instruction.operands[0], halves.pack(code, [low, high], type_))


def _integral(code: FunctionLowering, instruction: Instruction, value: ir.Value) -> ir.Value:
    """`.rni` and its like: a whole number, still a float."""
    name = next((TO_INTEGRAL[modifier] for modifier in instruction.modifiers if modifier in TO_INTEGRAL), None)
    return code.intrinsic(name, value) if name else value


def _float_to_float(code: FunctionLowering, instruction: Instruction, result_type: str, source_type: str) -> None:
    value = _integral(code, instruction, _source(code, instruction, source_type))
    if "sat" in instruction.modifiers:
        value = floats.saturate(code, value)
    if "relu" in instruction.modifiers:
        value = floats.of_numbers(code, "max", value, constant(value.type, 0.0))
    if result_type in HALVES:
        code.set(instruction.operands[0], _to_half(code, instruction, value, result_type))
    elif value.type == DOUBLE and result_type == "f32":
        code.set(instruction.operands[0], _narrowed(code, instruction, value))
    else:
        code.set(instruction.operands[0], code.builder.fpext(value, DOUBLE) if value.type == FLOAT and result_type == "f64" else value)


def _narrowed(code: FunctionLowering, instruction: Instruction, value: ir.Value) -> ir.Value:
    """A double as a float, rounded as the instruction says."""
    nearest = code.builder.fptrunc(value, FLOAT)
    direction = direction_of(instruction.modifiers)
    if direction is None:
        return nearest
    return towards(code, direction, nearest, code.builder.fsub(value, code.builder.fpext(nearest, DOUBLE)))


def _to_half(code: FunctionLowering, instruction: Instruction, value: ir.Value, type_: str) -> ir.Value:
    direction = direction_of(instruction.modifiers)
    if value.type == DOUBLE:
        if direction:
            raise unsupported(instruction)
        return halves.narrow_double(code, value, type_)
    if direction:
        return halves.narrow_towards(code, value, type_, direction)
    return halves.narrow(code, value, type_)


def _float_to_integer(code: FunctionLowering, instruction: Instruction, result_type: str, source_type: str) -> None:
    """Out of range: the nearest integer there is. Not a number: 0, or only the top bit set where 64 bits take part."""
    builder = code.builder
    value = _source(code, instruction, source_type)
    name = next((TO_INTEGRAL[modifier] for modifier in instruction.modifiers if modifier in TO_INTEGRAL), "trunc")
    value = code.intrinsic(name, value)
    width, signed = WIDTHS[result_type], is_signed(result_type)
    source = "f64" if value.type == DOUBLE else "f32"
    result = code.external(f"llvm.fpto{'s' if signed else 'u'}i.sat.i{width}.{source}", integer(width), value)
    if source_type == "f64" or width == 64:
        nan = builder.fcmp_unordered("uno", value, value)
        result = builder.select(nan, constant(integer(width), 1 << (width - 1)), result)
    code.set(instruction.operands[0], result, signed=signed)


def _integer_to_float(code: FunctionLowering, instruction: Instruction, result_type: str, source_type: str) -> None:
    builder, signed = code.builder, is_signed(source_type)
    source = code.bits(instruction.operands[1], WIDTHS[source_type])
    convert_to = builder.sitofp if signed else builder.uitofp
    direction = direction_of(instruction.modifiers)
    if result_type in HALVES:
        wide = convert_to(source, DOUBLE)  # where 53 bits do not hold it, f16 is infinite
        code.set(instruction.operands[0], _to_half(code, instruction, wide, result_type))
        return
    nearest = convert_to(source, FLOATS[result_type])
    if direction is None:
        code.set(instruction.operands[0], nearest)
        return
    code.set(instruction.operands[0], towards(code, direction, nearest, _sign_of_error(code, source, nearest, signed=signed)))


def _sign_of_error(code: FunctionLowering, source: ir.Value, nearest: ir.Value, *, signed: bool) -> ir.Value:
    """-1 where an integer is below the float that it was rounded to, 1 where it is above."""
    builder, width = code.builder, source.type.width
    float_name = "f64" if nearest.type == DOUBLE else "f32"
    back = code.external(f"llvm.fpto{'s' if signed else 'u'}i.sat.i{width}.{float_name}", source.type, nearest)
    compare = builder.icmp_signed if signed else builder.icmp_unsigned
    beyond = builder.fcmp_ordered(">=", nearest, constant(nearest.type, 2.0 ** (width - signed)))
    below = builder.or_(compare("<", source, back), beyond)
    sign = builder.select(compare(">", source, back), constant(DOUBLE, 1.0), constant(DOUBLE, 0.0))
    return builder.select(below, constant(DOUBLE, -1.0), sign)


def _integer_to_integer(code: FunctionLowering, instruction: Instruction, result_type: str, source_type: str) -> None:
    source = code.bits(instruction.operands[1], WIDTHS[source_type])
    if "sat" in instruction.modifiers:
        source = _clamped(code, source, result_type, source_type)
    result = code.resize(source, WIDTHS[result_type], signed=is_signed(source_type))
    code.set(instruction.operands[0], result, signed=is_signed(result_type))


def _clamped(code: FunctionLowering, source: ir.Value, result_type: str, source_type: str) -> ir.Value:
    """Into what the result's type can hold, as the source's type sees it."""
    width = WIDTHS[result_type]
    lowest, highest = (-(1 << (width - 1)), (1 << (width - 1)) - 1) if is_signed(result_type) else (0, (1 << width) - 1)
    if is_signed(source_type):
        if lowest > -(1 << (source.type.width - 1)):
            source = code.intrinsic("smax", source, constant(source.type, lowest))
        if highest < (1 << (source.type.width - 1)) - 1:
            source = code.intrinsic("smin", source, constant(source.type, highest))
    elif highest < (1 << source.type.width) - 1:
        source = code.intrinsic("umin", source, constant(source.type, highest))
    return source


TABLE = {"cvt": convert}
