"""Arithmetic on f16, bf16 and pairs of them: each lane is computed as an f32 and rounded.

An f32 has more than twice the bits of either, so rounding twice is the same as rounding once for + - × ÷ and the square
root; only fma needs more care.
"""

from __future__ import annotations

from llvmlite import ir

from autograder.cuda.lowering import floats
from autograder.cuda.lowering.function import FunctionLowering
from autograder.cuda.lowering.rounding import direction_of, error_of_sum, narrow_to_odd, to_odd
from autograder.cuda.lowering.types import DOUBLE, FLOAT, HALF, I16, I32, constant, type_of, unsupported
from autograder.cuda.ptx.model import Instruction, Operand

NOT_A_NUMBER = 0x7FFF


def unpack(code: FunctionLowering, operand: Operand, type_: str) -> list[ir.Value]:
    """The lanes of an operand, one or two, as f32."""
    return lanes_of(code, code.bits(operand, 32 if type_.endswith("x2") else 16), type_)


def lanes_of(code: FunctionLowering, bits: ir.Value, type_: str) -> list[ir.Value]:
    """The lanes of 16 or 32 bits, as f32."""
    if not type_.endswith("x2"):
        return [widen(code, bits, type_)]
    high = code.builder.lshr(bits, constant(I32, 16))
    return [widen(code, code.builder.trunc(lane, I16), type_) for lane in (bits, high)]


def pack(code: FunctionLowering, lanes: list[ir.Value], type_: str) -> ir.Value:
    """Lanes of f32, rounded and put side by side, as an integer of 16 or 32 bits."""
    return join(code, [narrow(code, lane, type_) for lane in lanes])


def join(code: FunctionLowering, lanes: list[ir.Value]) -> ir.Value:
    """16-bit lanes side by side, the first one lowest."""
    if len(lanes) == 1:
        return lanes[0]
    low, high = (code.builder.zext(lane, I32) for lane in lanes)
    return code.builder.or_(low, code.builder.shl(high, constant(I32, 16)))


def widen(code: FunctionLowering, bits: ir.Value, type_: str) -> ir.Value:
    """16 bits of f16 or bf16 as an f32: exact."""
    if type_.startswith("bf16"):
        return code.builder.bitcast(code.builder.shl(code.builder.zext(bits, I32), constant(I32, 16)), FLOAT)
    return code.builder.fpext(code.builder.bitcast(bits, HALF), FLOAT)


def narrow(code: FunctionLowering, value: ir.Value, type_: str) -> ir.Value:
    """An f32 as 16 bits of f16 or bf16, rounded to the nearest, of two equally near ones to the even one."""
    builder = code.builder
    if type_.startswith("bf16"):
        bits = code.as_integer(value)
        even = builder.and_(builder.lshr(bits, constant(I32, 16)), constant(I32, 1))
        rounded = builder.add(bits, builder.add(even, constant(I32, 0x7FFF)))
        result = builder.trunc(builder.lshr(rounded, constant(I32, 16)), I16)
    else:
        result = builder.bitcast(builder.fptrunc(value, HALF), I16)
    return builder.select(builder.fcmp_unordered("uno", value, value), constant(I16, NOT_A_NUMBER), result)


def narrow_double(code: FunctionLowering, value: ir.Value, type_: str) -> ir.Value:
    """A double as 16 bits of f16 or bf16, rounded once."""
    return narrow(code, narrow_to_odd(code, value, FLOAT), type_)


def narrow_towards(code: FunctionLowering, value: ir.Value, type_: str, direction: str) -> ir.Value:
    """An f32 as 16 bits of f16 or bf16, rounded in a direction."""
    builder = code.builder
    nearest = narrow(code, value, type_)
    back = widen(code, nearest, type_)
    too_high, too_low = builder.fcmp_ordered(">", back, value), builder.fcmp_ordered("<", back, value)
    positive = builder.icmp_signed(">=", code.as_integer(value), constant(I32, 0))
    too_far = builder.select(positive, too_high, too_low)
    too_near = builder.select(positive, too_low, too_high)
    inwards, outwards = builder.sub(nearest, constant(I16, 1)), builder.add(nearest, constant(I16, 1))
    cut_off = builder.select(too_far, inwards, nearest)
    rounded_up = builder.select(too_near, outwards, nearest)
    if direction == "rz":
        return cut_off
    return builder.select(positive, cut_off, rounded_up) if direction == "rm" else builder.select(positive, rounded_up, cut_off)


def lane_by_lane(code: FunctionLowering, instruction: Instruction) -> None:
    """Any instruction of this family."""
    type_ = type_of(instruction)
    if direction_of(instruction.modifiers):
        raise unsupported(instruction)
    sources = zip(*(unpack(code, operand, type_) for operand in instruction.operands[1:]), strict=True)
    lanes = [narrow(code, _bounded(code, instruction, _compute(code, instruction, list(lane))), type_) for lane in sources]
    code.set(instruction.operands[0], join(code, lanes))


def _bounded(code: FunctionLowering, instruction: Instruction, value: ir.Value) -> ir.Value:
    if "sat" in instruction.modifiers:
        return floats.saturate(code, value)
    if "relu" in instruction.modifiers:
        return floats.of_numbers(code, "max", value, constant(FLOAT, 0.0))
    return value


def _compute(code: FunctionLowering, instruction: Instruction, sources: list[ir.Value]) -> ir.Value:
    builder = code.builder
    match instruction.name:
        case "add" | "sub" | "mul" | "div":
            return getattr(builder, f"f{instruction.name}")(*sources)
        case "fma" | "mad":
            return _fused(code, *sources)
        case "min" | "max":
            return floats.extremum(code, instruction, *sources)
        case "neg":
            return builder.fneg(*sources)
        case "abs":
            return code.intrinsic("fabs", *sources)
        case "sqrt":
            return code.intrinsic("sqrt", *sources)
        case name:
            return floats.elementary(code, name, *sources)


def _fused(code: FunctionLowering, left: ir.Value, right: ir.Value, addend: ir.Value) -> ir.Value:
    """left × right + addend as an f32 that is rounded to odd, so that the last rounding is the only one."""
    builder = code.builder
    product = builder.fmul(builder.fpext(left, DOUBLE), builder.fpext(right, DOUBLE))
    wide = builder.fpext(addend, DOUBLE)
    total = builder.fadd(product, wide)
    return narrow_to_odd(code, to_odd(code, total, error_of_sum(code, product, wide, total)), FLOAT)


TABLE = dict.fromkeys(("add", "sub", "mul", "div", "fma", "mad", "min", "max", "neg", "abs", "sqrt", "ex2", "lg2", "tanh"), lane_by_lane)
