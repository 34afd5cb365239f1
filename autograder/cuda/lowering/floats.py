"""Arithmetic on f32 and f64. `.approx` is computed like the exact operation."""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir

from autograder.cuda.lowering.function import FunctionLowering
from autograder.cuda.lowering.rounding import direction_of, error_of_sum, towards
from autograder.cuda.lowering.types import DOUBLE, FLOAT, constant, type_of, unsupported
from autograder.cuda.ptx.model import Instruction


def _sources(code: FunctionLowering, instruction: Instruction) -> list[ir.Value]:
    return [code.value(operand, type_of(instruction)) for operand in instruction.operands[1:]]


def _finish(code: FunctionLowering, instruction: Instruction, result: ir.Value) -> None:
    if "sat" in instruction.modifiers:
        result = saturate(code, result)
    code.set(instruction.operands[0], result)


def saturate(code: FunctionLowering, value: ir.Value) -> ir.Value:
    """Into [0, 1]; a NaN becomes 0."""
    return of_numbers(code, "min", of_numbers(code, "max", value, constant(value.type, 0.0)), constant(value.type, 1.0))


def of_numbers(code: FunctionLowering, name: str, left: ir.Value, right: ir.Value) -> ir.Value:
    """The `min` or `max` of two floats; of a number and a NaN the number; -0 is below +0.

    LLVM's own `maximumnum` gives a NaN where it knows that the other operand is none.
    """
    builder = code.builder
    result = code.intrinsic(f"{name}imum", left, right)
    result = builder.select(builder.fcmp_unordered("uno", right, right), left, result)
    return builder.select(builder.fcmp_unordered("uno", left, left), right, result)


def _rounded(code: FunctionLowering, instruction: Instruction, nearest: ir.Value, error: Callable[[], ir.Value]) -> None:
    """Set the result in the direction that the instruction asks for; only then is `error` computed, what the nearest lacks."""
    direction = direction_of(instruction.modifiers)
    _finish(code, instruction, towards(code, direction, nearest, error()) if direction else nearest)


def add(code: FunctionLowering, instruction: Instruction) -> None:
    left, right = _sources(code, instruction)
    if instruction.name == "sub":
        right = code.builder.fneg(right)
    total = code.builder.fadd(left, right)
    _rounded(code, instruction, total, lambda: error_of_sum(code, left, right, total))


def multiply(code: FunctionLowering, instruction: Instruction) -> None:
    left, right = _sources(code, instruction)
    product = code.builder.fmul(left, right)
    _rounded(code, instruction, product, lambda: code.intrinsic("fma", left, right, code.builder.fneg(product)))


def divide(code: FunctionLowering, instruction: Instruction) -> None:
    dividend, divisor = _sources(code, instruction)
    _divide(code, instruction, dividend, divisor)


def reciprocal(code: FunctionLowering, instruction: Instruction) -> None:
    (divisor,) = _sources(code, instruction)
    _divide(code, instruction, constant(divisor.type, 1.0), divisor)


def _divide(code: FunctionLowering, instruction: Instruction, dividend: ir.Value, divisor: ir.Value) -> None:
    quotient = code.builder.fdiv(dividend, divisor)

    def error() -> ir.Value:
        rest = code.intrinsic("fma", code.builder.fneg(quotient), divisor, dividend)
        return code.builder.fmul(rest, code.intrinsic("copysign", constant(divisor.type, 1.0), divisor))

    _rounded(code, instruction, quotient, error)


def square_root(code: FunctionLowering, instruction: Instruction) -> None:
    (source,) = _sources(code, instruction)
    root = code.intrinsic("sqrt", source)
    _rounded(code, instruction, root, lambda: code.intrinsic("fma", code.builder.fneg(root), root, source))


def reciprocal_square_root(code: FunctionLowering, instruction: Instruction) -> None:
    (source,) = _sources(code, instruction)
    _finish(code, instruction, code.builder.fdiv(constant(source.type, 1.0), code.intrinsic("sqrt", source)))


def fused_multiply_add(code: FunctionLowering, instruction: Instruction) -> None:
    left, right, addend = _sources(code, instruction)
    result = code.intrinsic("fma", left, right, addend)
    _rounded(code, instruction, result, lambda: _error_of_fma(code, left, right, addend, result))


def _error_of_fma(code: FunctionLowering, left: ir.Value, right: ir.Value, addend: ir.Value, result: ir.Value) -> ir.Value:
    """What the result lacks, at least its sign: two floats' product is exact as a double."""
    if left.type == DOUBLE:
        raise unsupported(code.instruction, "rounding in a direction")
    builder = code.builder
    product = builder.fmul(builder.fpext(left, DOUBLE), builder.fpext(right, DOUBLE))
    wide = builder.fpext(addend, DOUBLE)
    total = builder.fadd(product, wide)
    return builder.fadd(builder.fsub(total, builder.fpext(result, DOUBLE)), error_of_sum(code, product, wide, total))


def minimum_or_maximum(code: FunctionLowering, instruction: Instruction) -> None:
    """Of a number and a NaN the number, unless `.NaN` is asked for; -0 is below +0."""
    first, *others = _sources(code, instruction)
    if "xorsign" in instruction.modifiers:
        raise unsupported(instruction)
    for other in others:
        first = extremum(code, instruction, first, other)
    if "abs" in instruction.modifiers:
        first = code.intrinsic("fabs", first)
    _finish(code, instruction, first)


def extremum(code: FunctionLowering, instruction: Instruction, left: ir.Value, right: ir.Value) -> ir.Value:
    """What `min` or `max` gives for two floats."""
    if "NaN" in instruction.modifiers:
        return code.intrinsic(f"{instruction.name}imum", left, right)
    return of_numbers(code, instruction.name, left, right)


def absolute(code: FunctionLowering, instruction: Instruction) -> None:
    code.set(instruction.operands[0], code.intrinsic("fabs", *_sources(code, instruction)))


def negate(code: FunctionLowering, instruction: Instruction) -> None:
    code.set(instruction.operands[0], code.builder.fneg(*_sources(code, instruction)))


def copy_sign(code: FunctionLowering, instruction: Instruction) -> None:
    """The first source's sign on the second source."""
    sign, magnitude = _sources(code, instruction)
    code.set(instruction.operands[0], code.intrinsic("copysign", magnitude, sign))


def transcendental(code: FunctionLowering, instruction: Instruction) -> None:
    (source,) = _sources(code, instruction)
    _finish(code, instruction, elementary(code, instruction.name, source))


def elementary(code: FunctionLowering, name: str, source: ir.Value) -> ir.Value:
    """ex2, lg2, sin, cos, tanh of an f32."""
    return code.intrinsic({"ex2": "exp2", "lg2": "log2"}.get(name, name), source)


def test_property(code: FunctionLowering, instruction: Instruction) -> None:
    """testp: whether a float is finite, infinite, a number, not a number, normal, subnormal."""
    builder, type_ = code.builder, type_of(instruction)
    source = code.value(instruction.operands[1], type_)
    magnitude = code.intrinsic("fabs", source)
    infinity = constant(source.type, float("inf"))
    least = constant(source.type, 2.0**-126 if source.type == FLOAT else 2.0**-1022)
    normal = builder.and_(builder.fcmp_ordered(">=", magnitude, least), builder.fcmp_ordered("<", magnitude, infinity))
    small = builder.and_(builder.fcmp_ordered("<", magnitude, least), builder.fcmp_ordered(">", magnitude, constant(source.type, 0.0)))
    answers = {
        "finite": builder.fcmp_ordered("<", magnitude, infinity),
        "infinite": builder.fcmp_ordered("==", magnitude, infinity),
        "number": builder.fcmp_ordered("ord", source, source),
        "notanumber": builder.fcmp_unordered("uno", source, source),
        "normal": normal,
        "subnormal": small,
    }
    code.set(instruction.operands[0], answers[instruction.modifiers[0]])


TABLE = {
    "add": add,
    "sub": add,
    "mul": multiply,
    "div": divide,
    "rcp": reciprocal,
    "sqrt": square_root,
    "rsqrt": reciprocal_square_root,
    "fma": fused_multiply_add,
    "mad": fused_multiply_add,
    "min": minimum_or_maximum,
    "max": minimum_or_maximum,
    "abs": absolute,
    "neg": negate,
    "copysign": copy_sign,
    "ex2": transcendental,
    "lg2": transcendental,
    "sin": transcendental,
    "cos": transcendental,
    "tanh": transcendental,
    "testp": test_property,
}
