"""setp, set, selp, slct: comparing, and choosing by what was found."""

from __future__ import annotations

from llvmlite import ir

from autograder.cuda.lowering import halves
from autograder.cuda.lowering.function import FunctionLowering
from autograder.cuda.lowering.types import FLOAT, FLOATS, HALVES, constant, integer, is_signed, type_of, unsupported
from autograder.cuda.ptx.model import WIDTHS, Instruction, Operand, Pair

SYMBOLS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
UNSIGNED_SYMBOLS = {"lo": "<", "ls": "<=", "hi": ">", "hs": ">="}
COMBINATIONS = ("and", "or", "xor")


def _compare(code: FunctionLowering, instruction: Instruction, type_: str) -> list[ir.Value]:
    """The comparison of the first two sources: one predicate, or two for a pair of halves."""
    comparison = instruction.modifiers[0]
    left, right = instruction.operands[1:3]
    if type_ in HALVES:
        lanes = zip(halves.unpack(code, left, type_), halves.unpack(code, right, type_), strict=True)
        return [_compare_floats(code, instruction, comparison, *lane) for lane in lanes]
    if type_ in FLOATS:
        return [_compare_floats(code, instruction, comparison, code.value(left, type_), code.value(right, type_))]
    return [_compare_integers(code, instruction, comparison, left, right, type_)]


def _compare_floats(code: FunctionLowering, instruction: Instruction, comparison: str, left: ir.Value, right: ir.Value) -> ir.Value:
    """`lt` is false where one is a NaN, `ltu` is true."""
    if comparison == "num":
        return code.builder.fcmp_ordered("ord", left, right)
    if comparison == "nan":
        return code.builder.fcmp_unordered("uno", left, right)
    if comparison in SYMBOLS:
        return code.builder.fcmp_ordered(SYMBOLS[comparison], left, right)
    if comparison[:-1] in SYMBOLS:
        return code.builder.fcmp_unordered(SYMBOLS[comparison[:-1]], left, right)
    raise unsupported(instruction)


def _compare_integers(code: FunctionLowering, instruction: Instruction, comparison: str, left: Operand, right: Operand, type_: str) -> ir.Value:
    sources = code.bits(left, WIDTHS[type_]), code.bits(right, WIDTHS[type_])
    if comparison in UNSIGNED_SYMBOLS:
        return code.builder.icmp_unsigned(UNSIGNED_SYMBOLS[comparison], *sources)
    if comparison not in SYMBOLS:
        raise unsupported(instruction)
    compare = code.builder.icmp_signed if is_signed(type_) else code.builder.icmp_unsigned
    return compare(SYMBOLS[comparison], *sources)


def _combined(code: FunctionLowering, instruction: Instruction, predicates: list[ir.Value]) -> list[ir.Value]:
    """With a third source: `.and`, `.or` or `.xor` of each predicate and it."""
    name = next((modifier for modifier in instruction.modifiers if modifier in COMBINATIONS), None)
    if name is None:
        return predicates
    combine = {"and": code.builder.and_, "or": code.builder.or_, "xor": code.builder.xor}[name]
    third = code.bits(instruction.operands[3], 1)
    return [combine(predicate, third) for predicate in predicates]


def set_predicate(code: FunctionLowering, instruction: Instruction) -> None:
    """setp: a second destination takes the opposite, or the second lane's answer."""
    predicates = _compare(code, instruction, type_of(instruction))
    destination = instruction.operands[0]
    destinations = [destination.first, destination.second] if isinstance(destination, Pair) else [destination]
    if len(predicates) < len(destinations):
        predicates.append(code.builder.not_(predicates[0]))
    for place, predicate in zip(destinations, _combined(code, instruction, predicates), strict=True):
        code.set(place, predicate)


def set_number(code: FunctionLowering, instruction: Instruction) -> None:
    """set: all ones or zero as an integer, 1 or 0 as a float."""
    builder = code.builder
    result_type, source_type = instruction.modifiers[-2:]
    predicates = _combined(code, instruction, _compare(code, instruction, source_type))
    if result_type in FLOATS:
        result = builder.uitofp(predicates[0], FLOATS[result_type])
    elif result_type in HALVES:
        result = halves.pack(code, [builder.uitofp(predicate, FLOAT) for predicate in predicates], result_type)
    elif len(predicates) == 2:
        result = halves.join(code, [builder.sext(predicate, integer(16)) for predicate in predicates])
    else:
        result = builder.sext(predicates[0], integer(WIDTHS[result_type]))
    code.set(instruction.operands[0], result)


def select_by_predicate(code: FunctionLowering, instruction: Instruction) -> None:
    width = WIDTHS[type_of(instruction)]
    yes, no = (code.bits(operand, width) for operand in instruction.operands[1:3])
    code.set(instruction.operands[0], code.builder.select(code.bits(instruction.operands[3], 1), yes, no))


def select_by_sign(code: FunctionLowering, instruction: Instruction) -> None:
    """slct: the first source where the third is not negative."""
    type_, sign_type = instruction.modifiers[-2:]
    yes, no = (code.bits(operand, WIDTHS[type_]) for operand in instruction.operands[1:3])
    third = code.value(instruction.operands[3], sign_type)
    if sign_type in FLOATS:
        chosen = code.builder.fcmp_ordered(">=", third, constant(third.type, 0.0))
    else:
        chosen = code.builder.icmp_signed(">=", third, constant(third.type, 0))
    code.set(instruction.operands[0], code.builder.select(chosen, yes, no))


TABLE = {"setp": set_predicate, "set": set_number, "selp": select_by_predicate, "slct": select_by_sign}
