"""Rounding that processors' own instructions do not offer: one step away from the nearest, or to odd.

Each function is given a result that was rounded to the nearest, and the sign of what rounding took away or added.
"""

from __future__ import annotations

from llvmlite import ir

from autograder.cuda.lowering.function import FunctionLowering
from autograder.cuda.lowering.types import DOUBLE, constant

DIRECTIONS = ("rz", "rm", "rp")  # towards zero, down, up


def direction_of(modifiers: tuple[str, ...]) -> str | None:
    """Which direction an instruction rounds in; None: to the nearest."""
    return next((direction for direction in DIRECTIONS if direction in modifiers), None)


def error_of_sum(code: FunctionLowering, left: ir.Value, right: ir.Value, total: ir.Value) -> ir.Value:
    """What `total`, the rounded sum, lacks: exact (Knuth's two-sum)."""
    builder = code.builder
    share = builder.fsub(total, left)
    return builder.fadd(builder.fsub(left, builder.fsub(total, share)), builder.fsub(right, share))


def towards(code: FunctionLowering, direction: str, nearest: ir.Value, error: ir.Value) -> ir.Value:
    """The neighbour of `nearest` on the side that `direction` asks for; `error` has the sign of the exact value minus `nearest`."""
    builder = code.builder
    zero, nothing = constant(nearest.type, 0.0), constant(error.type, 0.0)
    too_high = builder.fcmp_ordered("<", error, nothing)
    too_low = builder.fcmp_ordered(">", error, nothing)
    if direction == "rm":
        return builder.select(too_high, _step(code, nearest, up=False), nearest)
    if direction == "rp":
        return builder.select(too_low, _step(code, nearest, up=True), nearest)
    positive = builder.fcmp_ordered(">", nearest, zero)
    negative = builder.fcmp_ordered("<", nearest, zero)
    outside = builder.or_(builder.and_(positive, too_high), builder.and_(negative, too_low))
    return builder.select(outside, _as_float(code, builder.sub(code.as_integer(nearest), _one(code, nearest)), nearest.type), nearest)


def to_odd(code: FunctionLowering, nearest: ir.Value, error: ir.Value) -> ir.Value:
    """Cut off towards zero, and set the last bit where anything was cut: a second rounding, to fewer bits, is then exact."""
    builder = code.builder
    inexact = builder.fcmp_ordered("!=", error, constant(error.type, 0.0))
    inside = code.as_integer(towards(code, "rz", nearest, error))
    odd = _as_float(code, builder.or_(inside, _one(code, nearest)), nearest.type)
    return builder.select(inexact, odd, nearest)


def _step(code: FunctionLowering, value: ir.Value, *, up: bool) -> ir.Value:
    """The next float up or down. Floats of one sign are ordered as their bits are."""
    builder = code.builder
    zero, bits, one = constant(value.type, 0.0), code.as_integer(value), _one(code, value)
    away = builder.fcmp_ordered(">" if up else "<", value, zero)
    stepped = builder.select(away, builder.add(bits, one), builder.sub(bits, one))
    sign = 0 if up else 1 << (bits.type.width - 1)
    smallest = constant(bits.type, sign | 1)
    stepped = builder.select(builder.fcmp_ordered("==", value, zero), smallest, stepped)
    return _as_float(code, stepped, value.type)


def _one(code: FunctionLowering, value: ir.Value) -> ir.Constant:
    return constant(code.as_integer(value).type, 1)


def _as_float(code: FunctionLowering, bits: ir.Value, type_: ir.Type) -> ir.Value:
    return code.builder.bitcast(bits, type_)


def narrow_to_odd(code: FunctionLowering, value: ir.Value, type_: ir.Type) -> ir.Value:
    """A double as a float, rounded to odd."""
    nearest = code.builder.fptrunc(value, type_)
    return to_odd(code, nearest, code.builder.fsub(value, code.builder.fpext(nearest, DOUBLE)))
