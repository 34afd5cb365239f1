"""Logic, shifts and the picking of bits."""

from __future__ import annotations

from llvmlite import ir

from autograder.cuda.lowering.function import FunctionLowering
from autograder.cuda.lowering.types import I1, I8, I32, I64, constant, integer, is_signed, type_of, unsupported
from autograder.cuda.ptx.model import WIDTHS, Immediate, Instruction


def _sources(code: FunctionLowering, instruction: Instruction) -> list[ir.Value]:
    return [code.bits(operand, WIDTHS[type_of(instruction)]) for operand in instruction.operands[1:]]


def logic(code: FunctionLowering, instruction: Instruction) -> None:
    operation = {"and": code.builder.and_, "or": code.builder.or_, "xor": code.builder.xor}[instruction.name]
    code.set(instruction.operands[0], operation(*_sources(code, instruction)))


def invert(code: FunctionLowering, instruction: Instruction) -> None:
    (source,) = _sources(code, instruction)
    code.set(instruction.operands[0], code.builder.not_(source))


def logical_not(code: FunctionLowering, instruction: Instruction) -> None:
    """cnot: 1 for zero, 0 for all else, as C's `!`."""
    (source,) = _sources(code, instruction)
    code.set(instruction.operands[0], code.builder.icmp_unsigned("==", source, constant(source.type, 0)))


def shift(code: FunctionLowering, instruction: Instruction) -> None:
    """A shift by the width or more gives zero, or only the sign; LLVM leaves it undefined."""
    builder, type_ = code.builder, type_of(instruction)
    source = code.bits(instruction.operands[1], WIDTHS[type_])
    width = source.type.width
    arithmetic = instruction.name == "shr" and is_signed(type_)
    amount = code.bits(instruction.operands[2], 32)
    if arithmetic:
        amount = code.intrinsic("umin", amount, constant(I32, width - 1))
        result = builder.ashr(source, code.resize(amount, width))
    else:
        far = builder.icmp_unsigned(">=", amount, constant(I32, width))
        within = code.resize(builder.select(far, constant(I32, 0), amount), width)
        shifted = builder.shl(source, within) if instruction.name == "shl" else builder.lshr(source, within)
        result = builder.select(far, constant(source.type, 0), shifted)
    code.set(instruction.operands[0], result, signed=arithmetic)


def funnel_shift(code: FunctionLowering, instruction: Instruction) -> None:
    """shf: 32 of the 64 bits high:low after a shift. `.wrap` takes the amount modulo 32, `.clamp` at most 32."""
    builder = code.builder
    low, high, amount = (code.bits(operand, 32) for operand in instruction.operands[1:4])
    wraps = "wrap" in instruction.modifiers
    amount = builder.and_(amount, constant(I32, 31)) if wraps else code.intrinsic("umin", amount, constant(I32, 32))
    both = _joined(code, low, high)
    amount = builder.zext(amount, I64)
    to_the_left = "l" in instruction.modifiers
    result = builder.lshr(builder.shl(both, amount), constant(I64, 32)) if to_the_left else builder.lshr(both, amount)
    code.set(instruction.operands[0], builder.trunc(result, I32))


def _joined(code: FunctionLowering, low: ir.Value, high: ir.Value) -> ir.Value:
    return code.builder.or_(code.builder.shl(code.builder.zext(high, I64), constant(I64, 32)), code.builder.zext(low, I64))


def lookup_logic(code: FunctionLowering, instruction: Instruction) -> None:
    """lop3: any logic of three inputs; bit k of the table is the answer for inputs whose bits spell k."""
    builder = code.builder
    inputs = [code.bits(operand, 32) for operand in instruction.operands[1:4]]
    table = instruction.operands[4]
    if not isinstance(table, Immediate):
        raise unsupported(instruction)
    result = constant(I32, 0)
    for k in range(8):
        if table.bits >> k & 1:
            terms = [source if k >> (2 - place) & 1 else builder.not_(source) for place, source in enumerate(inputs)]
            result = builder.or_(result, builder.and_(builder.and_(terms[0], terms[1]), terms[2]))
    code.set(instruction.operands[0], result)


def count_ones(code: FunctionLowering, instruction: Instruction) -> None:
    (source,) = _sources(code, instruction)
    code.set(instruction.operands[0], code.intrinsic("ctpop", source))


def count_leading_zeros(code: FunctionLowering, instruction: Instruction) -> None:
    (source,) = _sources(code, instruction)
    code.set(instruction.operands[0], _leading_zeros(code, source))


def _leading_zeros(code: FunctionLowering, source: ir.Value) -> ir.Value:
    """As 32 bits; a source of zeros has as many as it is wide."""
    return code.resize(code.external(f"llvm.ctlz.i{source.type.width}", source.type, source, constant(I1, 0)), 32)


def reverse(code: FunctionLowering, instruction: Instruction) -> None:
    (source,) = _sources(code, instruction)
    code.set(instruction.operands[0], code.intrinsic("bitreverse", source))


def find_highest(code: FunctionLowering, instruction: Instruction) -> None:
    """bfind: the highest bit that differs from the sign; all ones where there is none. `.shiftamt`: counted from the top."""
    builder = code.builder
    (source,) = _sources(code, instruction)
    width = source.type.width
    if is_signed(type_of(instruction)):
        source = builder.xor(source, builder.ashr(source, constant(source.type, width - 1)))
    zeros = _leading_zeros(code, source)
    place = zeros if "shiftamt" in instruction.modifiers else builder.sub(constant(I32, width - 1), zeros)
    none = builder.icmp_unsigned("==", source, constant(source.type, 0))
    code.set(instruction.operands[0], builder.select(none, constant(I32, -1), place))


def find_nth_set(code: FunctionLowering, instruction: Instruction) -> None:
    """fns: the place of the n-th set bit at or above `base` (n > 0), at or below it (n < 0); all ones where there is none."""
    builder = code.builder
    mask, base, offset = (code.bits(operand, 32) for operand in instruction.operands[1:4])
    result = constant(I32, -1)
    upwards = builder.icmp_signed(">", offset, constant(I32, 0))
    wanted = code.external("llvm.abs.i32", I32, offset, constant(I1, 0))
    seen_up, seen_down = constant(I32, 0), constant(I32, 0)
    for up in range(32):
        seen_up, found_up = _seen(code, mask, up, builder.icmp_unsigned(">=", constant(I32, up), base), seen_up, wanted)
        down = 31 - up
        seen_down, found_down = _seen(code, mask, down, builder.icmp_unsigned("<=", constant(I32, down), base), seen_down, wanted)
        result = builder.select(builder.and_(upwards, found_up), constant(I32, up), result)
        result = builder.select(builder.and_(builder.not_(upwards), found_down), constant(I32, down), result)
    at_base = builder.and_(builder.lshr(mask, builder.and_(base, constant(I32, 31))), constant(I32, 1))
    itself = builder.select(builder.trunc(at_base, I1), base, constant(I32, -1))
    none = builder.icmp_signed("==", offset, constant(I32, 0))
    code.set(instruction.operands[0], builder.select(none, itself, result))


def _seen(code: FunctionLowering, mask: ir.Value, place: int, in_reach: ir.Value, before: ir.Value, wanted: ir.Value) -> tuple[ir.Value, ir.Value]:
    """How many set bits have been passed with this one, and whether it is the one that is wanted."""
    builder = code.builder
    here = builder.and_(in_reach, builder.trunc(builder.lshr(mask, constant(I32, place)), I1))
    now = builder.add(before, builder.zext(here, I32))
    return now, builder.and_(here, builder.icmp_unsigned("==", now, wanted))


def _field(code: FunctionLowering, instruction: Instruction, first: int, width: int) -> tuple[ir.Value, ir.Value]:
    """A bit field's position and length: the low 8 bits of two operands, as numbers of `width` bits."""
    position, length = (code.resize(code.bits(operand, 8), width) for operand in instruction.operands[first : first + 2])
    return position, length


def _shifted(code: FunctionLowering, shift_by: str, source: ir.Value, amount: ir.Value) -> ir.Value:
    """A logical shift of as many bits as one likes."""
    builder = code.builder
    far = builder.icmp_unsigned(">=", amount, constant(amount.type, amount.type.width))
    within = builder.select(far, constant(amount.type, 0), amount)
    return builder.select(far, constant(source.type, 0), getattr(builder, shift_by)(source, within))


def extract_field(code: FunctionLowering, instruction: Instruction) -> None:
    """bfe: a field that reaches beyond the top is filled with zeros, or with the field's sign."""
    builder = code.builder
    signed, width = is_signed(type_of(instruction)), WIDTHS[type_of(instruction)]
    source = code.bits(instruction.operands[1], width)
    position, length = _field(code, instruction, 2, width)
    top = constant(source.type, width - 1)
    shifted = builder.ashr(source, code.intrinsic("umin", position, top)) if signed else _shifted(code, "lshr", source, position)
    spare = builder.sub(constant(source.type, width), code.intrinsic("umin", length, constant(source.type, width)))
    spare = code.intrinsic("umin", spare, top)
    upwards = builder.shl(shifted, spare)
    field = builder.ashr(upwards, spare) if signed else builder.lshr(upwards, spare)
    empty = builder.icmp_unsigned("==", length, constant(source.type, 0))
    code.set(instruction.operands[0], builder.select(empty, constant(source.type, 0), field), signed=signed)


def insert_field(code: FunctionLowering, instruction: Instruction) -> None:
    builder, width = code.builder, WIDTHS[type_of(instruction)]
    field, base = (code.bits(operand, width) for operand in instruction.operands[1:3])
    position, length = _field(code, instruction, 3, width)
    ones = builder.not_(_shifted(code, "shl", constant(integer(width), -1), length))
    mask = _shifted(code, "shl", ones, position)
    inserted = builder.and_(_shifted(code, "shl", field, position), mask)
    code.set(instruction.operands[0], builder.or_(builder.and_(base, builder.not_(mask)), inserted))


def mask_bits(code: FunctionLowering, instruction: Instruction) -> None:
    """bmsk: `length` ones from `position` on. `.wrap` takes both modulo 32."""
    position, length = (code.bits(operand, 32) for operand in instruction.operands[1:3])
    if "wrap" in instruction.modifiers:
        position, length = (code.builder.and_(value, constant(I32, 31)) for value in (position, length))
    ones = code.builder.not_(_shifted(code, "shl", constant(I32, -1), length))
    code.set(instruction.operands[0], _shifted(code, "shl", ones, position))


def extend_sign(code: FunctionLowering, instruction: Instruction) -> None:
    """szext: the low bits of a number, extended by their sign or by zeros. `.wrap` takes their number modulo 32."""
    builder, signed = code.builder, is_signed(type_of(instruction))
    source, count = (code.bits(operand, 32) for operand in instruction.operands[1:3])
    if "wrap" in instruction.modifiers:
        count = builder.and_(count, constant(I32, 31))
    spare = builder.sub(constant(I32, 32), code.intrinsic("umin", count, constant(I32, 32)))
    empty = builder.icmp_unsigned("==", count, constant(I32, 0))
    spare = code.intrinsic("umin", spare, constant(I32, 31))
    upwards = builder.shl(source, spare)
    extended = builder.ashr(upwards, spare) if signed else builder.lshr(upwards, spare)
    code.set(instruction.operands[0], builder.select(empty, constant(I32, 0), extended))


def permute_bytes(code: FunctionLowering, instruction: Instruction) -> None:
    """prmt: each of four selectors picks one of eight bytes, or (its top bit set) repeats that byte's sign."""
    if instruction.modifiers != ("b32",):
        raise unsupported(instruction)
    builder = code.builder
    low, high, selectors = (code.bits(operand, 32) for operand in instruction.operands[1:4])
    both = _joined(code, low, high)
    result = constant(I32, 0)
    for k in range(4):
        selector = builder.lshr(selectors, constant(I32, 4 * k))
        place = builder.shl(builder.and_(selector, constant(I32, 7)), constant(I32, 3))
        byte = builder.trunc(builder.lshr(both, builder.zext(place, I64)), I8)
        wants_sign = builder.icmp_unsigned("!=", builder.and_(selector, constant(I32, 8)), constant(I32, 0))
        byte = builder.select(wants_sign, builder.ashr(byte, constant(I8, 7)), byte)
        result = builder.or_(result, builder.shl(builder.zext(byte, I32), constant(I32, 8 * k)))
    code.set(instruction.operands[0], result)


def absolute_differences(code: FunctionLowering, instruction: Instruction) -> None:
    """vabsdiff4: of four pairs of unsigned bytes; with `.add`, their sum is added to the third source."""
    if instruction.modifiers[:3] != ("u32",) * 3 or instruction.modifiers[3:] not in ((), ("add",)):
        raise unsupported(instruction)
    builder = code.builder
    left, right, total = (code.bits(operand, 32) for operand in instruction.operands[1:4])
    adds = "add" in instruction.modifiers
    result = total if adds else constant(I32, 0)
    for k in range(4):
        a, b = (builder.trunc(builder.lshr(source, constant(I32, 8 * k)), I8) for source in (left, right))
        difference = builder.zext(builder.sub(code.intrinsic("umax", a, b), code.intrinsic("umin", a, b)), I32)
        result = builder.add(result, difference) if adds else builder.or_(result, builder.shl(difference, constant(I32, 8 * k)))
    code.set(instruction.operands[0], result)


TABLE = {
    "and": logic,
    "or": logic,
    "xor": logic,
    "not": invert,
    "cnot": logical_not,
    "shl": shift,
    "shr": shift,
    "shf": funnel_shift,
    "lop3": lookup_logic,
    "popc": count_ones,
    "clz": count_leading_zeros,
    "brev": reverse,
    "bfind": find_highest,
    "fns": find_nth_set,
    "bfe": extract_field,
    "bfi": insert_field,
    "bmsk": mask_bits,
    "szext": extend_sign,
    "prmt": permute_bytes,
    "vabsdiff4": absolute_differences,
}
