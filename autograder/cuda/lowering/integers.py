"""Arithmetic on integers, with carry where the instruction says `.cc`."""

from __future__ import annotations

from llvmlite import ir

from autograder.cuda.lowering.function import FunctionLowering
from autograder.cuda.lowering.types import I1, I8, I16, I32, constant, integer, is_signed, type_of
from autograder.cuda.ptx.model import WIDTHS, Instruction


def _sources(code: FunctionLowering, instruction: Instruction) -> list[ir.Value]:
    return [code.bits(operand, WIDTHS[type_of(instruction)]) for operand in instruction.operands[1:]]


def add(code: FunctionLowering, instruction: Instruction) -> None:
    left, right = _sources(code, instruction)
    if "cc" in instruction.modifiers or instruction.name == "addc":
        result = _with_carry(code, instruction, left, right)
    elif "sat" in instruction.modifiers:
        result = code.intrinsic("sadd.sat", left, right)
    else:
        result = code.builder.add(left, right)
    code.set(instruction.operands[0], result, signed=is_signed(type_of(instruction)))


def subtract(code: FunctionLowering, instruction: Instruction) -> None:
    left, right = _sources(code, instruction)
    if "cc" in instruction.modifiers or instruction.name == "subc":
        result = _with_carry(code, instruction, left, right)
    elif "sat" in instruction.modifiers:
        result = code.intrinsic("ssub.sat", left, right)
    else:
        result = code.builder.sub(left, right)
    code.set(instruction.operands[0], result, signed=is_signed(type_of(instruction)))


def _with_carry(code: FunctionLowering, instruction: Instruction, left: ir.Value, right: ir.Value) -> ir.Value:
    """Add in twice the width: the bit above the sum is the carry. GPUs subtract as left + ~right + 1: no borrow is a carry."""
    builder, narrow, wide = code.builder, left.type, integer(2 * left.type.width)
    subtracts = instruction.name.startswith("sub")
    if subtracts:
        right = builder.not_(right)
    carry = builder.load(code.carry) if instruction.name in ("addc", "subc", "madc") else constant(I1, subtracts)
    result = builder.add(builder.add(builder.zext(left, wide), builder.zext(right, wide)), builder.zext(carry, wide))
    if "cc" in instruction.modifiers:
        above = builder.lshr(result, constant(wide, narrow.width))
        builder.store(builder.trunc(above, I1), code.carry)
    return builder.trunc(result, narrow)


def _product(code: FunctionLowering, instruction: Instruction) -> ir.Value:
    """The part of a product that `.lo`, `.hi` or `.wide` names."""
    type_, modifiers = type_of(instruction), instruction.modifiers
    width = WIDTHS[type_]
    left, right = (code.bits(operand, width) for operand in instruction.operands[1:3])
    if "lo" in modifiers:
        return code.builder.mul(left, right)
    extend = code.builder.sext if is_signed(type_) else code.builder.zext
    wide = integer(2 * width)
    product = code.builder.mul(extend(left, wide), extend(right, wide))
    if "wide" in modifiers:
        return product
    return code.builder.trunc(code.builder.lshr(product, constant(wide, width)), integer(width))


def multiply(code: FunctionLowering, instruction: Instruction) -> None:
    code.set(instruction.operands[0], _product(code, instruction), signed=is_signed(type_of(instruction)))


def multiply_add(code: FunctionLowering, instruction: Instruction) -> None:
    product = _product(code, instruction)
    addend = code.bits(instruction.operands[3], product.type.width)
    _set_sum(code, instruction, product, addend)


def _set_sum(code: FunctionLowering, instruction: Instruction, product: ir.Value, addend: ir.Value) -> None:
    if "cc" in instruction.modifiers or instruction.name == "madc":
        total = _with_carry(code, instruction, product, addend)
    elif "sat" in instruction.modifiers:
        total = code.intrinsic("sadd.sat", product, addend)
    else:
        total = code.builder.add(product, addend)
    code.set(instruction.operands[0], total, signed=is_signed(type_of(instruction)))


def _product_of_24_bits(code: FunctionLowering, instruction: Instruction) -> ir.Value:
    """The low 32, or the high 32, of the 48 bits of a product of 24-bit numbers."""
    signed, wide = is_signed(type_of(instruction)), integer(64)
    factors = []
    for operand in instruction.operands[1:3]:
        low = code.resize(code.bits(operand, 24), 64, signed=signed)
        factors.append(low)
    product = code.builder.mul(*factors)
    if "hi" in instruction.modifiers:
        product = code.builder.lshr(product, constant(wide, 16))
    return code.builder.trunc(product, I32)


def multiply_24(code: FunctionLowering, instruction: Instruction) -> None:
    code.set(instruction.operands[0], _product_of_24_bits(code, instruction))


def multiply_add_24(code: FunctionLowering, instruction: Instruction) -> None:
    _set_sum(code, instruction, _product_of_24_bits(code, instruction), code.bits(instruction.operands[3], 32))


def _quotient_or_remainder(code: FunctionLowering, instruction: Instruction, *, remainder: bool) -> None:
    """Division by zero gives all ones, as GPUs do; the host's processor would stop at it, and at INT_MIN / -1."""
    builder, signed = code.builder, is_signed(type_of(instruction))
    dividend, divisor = _sources(code, instruction)
    zero, one, ones = (constant(divisor.type, value) for value in (0, 1, -1))
    by_zero = builder.icmp_unsigned("==", divisor, zero)
    safe = builder.select(by_zero, one, divisor)
    if not signed:
        result = builder.urem(dividend, safe) if remainder else builder.udiv(dividend, safe)
    else:
        by_minus_one = builder.icmp_signed("==", safe, ones)
        safe = builder.select(by_minus_one, one, safe)
        result = builder.srem(dividend, safe) if remainder else builder.sdiv(dividend, safe)
        result = builder.select(by_minus_one, zero if remainder else builder.neg(dividend), result)
    code.set(instruction.operands[0], builder.select(by_zero, ones, result), signed=signed)


def divide(code: FunctionLowering, instruction: Instruction) -> None:
    _quotient_or_remainder(code, instruction, remainder=False)


def remainder(code: FunctionLowering, instruction: Instruction) -> None:
    _quotient_or_remainder(code, instruction, remainder=True)


def minimum_or_maximum(code: FunctionLowering, instruction: Instruction) -> None:
    signed = is_signed(type_of(instruction))
    result = code.intrinsic(f"{'s' if signed else 'u'}{instruction.name}", *_sources(code, instruction))
    if "relu" in instruction.modifiers:
        result = code.intrinsic("smax", result, constant(result.type, 0))
    code.set(instruction.operands[0], result, signed=signed)


def absolute(code: FunctionLowering, instruction: Instruction) -> None:
    (source,) = _sources(code, instruction)
    code.set(instruction.operands[0], code.external(f"llvm.abs.i{source.type.width}", source.type, source, constant(integer(1), 0)), signed=True)


def negate(code: FunctionLowering, instruction: Instruction) -> None:
    (source,) = _sources(code, instruction)
    code.set(instruction.operands[0], code.builder.neg(source), signed=True)


def sum_of_absolute_differences(code: FunctionLowering, instruction: Instruction) -> None:
    left, right, addend = _sources(code, instruction)
    sign = "s" if is_signed(type_of(instruction)) else "u"
    largest, smallest = code.intrinsic(f"{sign}max", left, right), code.intrinsic(f"{sign}min", left, right)
    code.set(instruction.operands[0], code.builder.add(code.builder.sub(largest, smallest), addend))


def dot_product(code: FunctionLowering, instruction: Instruction) -> None:
    """dp4a: four pairs of bytes. dp2a: two 16-bit numbers with the low or the high two bytes."""
    left_type, right_type = instruction.modifiers[-2:]
    left, right, total = (code.bits(operand, 32) for operand in instruction.operands[1:4])
    if instruction.name == "dp4a":
        left_part, count, first = I8, 4, 0
    else:
        left_part, count, first = I16, 2, 2 if "hi" in instruction.modifiers else 0
    for k in range(count):
        a = code.resize(_part(code, left, left_part, k), 32, signed=is_signed(left_type))
        b = code.resize(_part(code, right, I8, first + k), 32, signed=is_signed(right_type))
        total = code.builder.add(total, code.builder.mul(a, b))
    code.set(instruction.operands[0], total)


def _part(code: FunctionLowering, value: ir.Value, type_: ir.IntType, index: int) -> ir.Value:
    return code.builder.trunc(code.builder.lshr(value, constant(value.type, type_.width * index)), type_)


TABLE = {
    "add": add,
    "addc": add,
    "sub": subtract,
    "subc": subtract,
    "mul": multiply,
    "mad": multiply_add,
    "madc": multiply_add,
    "mul24": multiply_24,
    "mad24": multiply_add_24,
    "div": divide,
    "rem": remainder,
    "min": minimum_or_maximum,
    "max": minimum_or_maximum,
    "abs": absolute,
    "neg": negate,
    "sad": sum_of_absolute_differences,
    "dp4a": dot_product,
    "dp2a": dot_product,
}
