"""Barriers, fences, and what the lanes of a warp do together. At each of them a thread stops, and the scheduler answers."""

from __future__ import annotations

from llvmlite import ir

from autograder.cuda.layout import BarrierOperation, Status, WarpOperation
from autograder.cuda.lowering.function import FunctionLowering
from autograder.cuda.lowering.memory import publishes
from autograder.cuda.lowering.types import I32, I64, constant, type_of, unsupported
from autograder.cuda.ptx.model import WIDTHS, Instruction, Operand, Pair

SHUFFLES = {
    "up": WarpOperation.SHUFFLE_UP,
    "down": WarpOperation.SHUFFLE_DOWN,
    "bfly": WarpOperation.SHUFFLE_XOR,
    "idx": WarpOperation.SHUFFLE_INDEX,
}
VOTES = {
    "all": WarpOperation.VOTE_ALL,
    "any": WarpOperation.VOTE_ANY,
    "uni": WarpOperation.VOTE_UNIFORM,
    "ballot": WarpOperation.VOTE_BALLOT,
}
REDUCTIONS = {
    "add": WarpOperation.REDUCE_ADD,
    "min": WarpOperation.REDUCE_MIN,
    "max": WarpOperation.REDUCE_MAX,
    "and": WarpOperation.REDUCE_AND,
    "or": WarpOperation.REDUCE_OR,
    "xor": WarpOperation.REDUCE_XOR,
}
SIGNED_REDUCTIONS = {"min": WarpOperation.REDUCE_MIN_SIGNED, "max": WarpOperation.REDUCE_MAX_SIGNED}
BARRIER_REDUCTIONS = {"popc": BarrierOperation.COUNT, "and": BarrierOperation.AND, "or": BarrierOperation.OR}


def barrier(code: FunctionLowering, instruction: Instruction) -> None:
    """bar and barrier: of the block, or (`bar.warp`) of a warp."""
    modifiers = instruction.modifiers
    if "warp" in modifiers:
        _meet(code, WarpOperation.SYNC_WARP, instruction.operands[0])
    elif "red" in modifiers:
        _barrier_with_answer(code, instruction)
    elif "sync" in modifiers or "arrive" in modifiers:
        number, *threads = instruction.operands
        operation = BarrierOperation.SYNC if "sync" in modifiers else BarrierOperation.ARRIVE
        code.stop(Status.AT_BARRIER, operation, _barrier_fields(code, number, threads))
    else:
        raise unsupported(instruction)


def _barrier_fields(code: FunctionLowering, number: Operand, threads: list[Operand]) -> dict[str, ir.Value]:
    return {"operand": code.bits(number, 32), "clamp": code.bits(threads[0], 32) if threads else constant(I32, 0)}


def _barrier_with_answer(code: FunctionLowering, instruction: Instruction) -> None:
    """bar.red: how many threads, whether all, whether any of them came with a true predicate."""
    destination, number, *threads, predicate = instruction.operands
    operation = next(operation for name, operation in BARRIER_REDUCTIONS.items() if name in instruction.modifiers)
    fields = _barrier_fields(code, number, threads)
    fields["value"] = code.bits(predicate, 32)
    code.stop(Status.AT_BARRIER, operation, fields)
    answer = code.answer("result")
    code.set(destination, answer if operation == BarrierOperation.COUNT else _is_set(code, answer))


def _is_set(code: FunctionLowering, value: ir.Value) -> ir.Value:
    return code.builder.icmp_unsigned("!=", value, constant(value.type, 0))


def _meet(code: FunctionLowering, operation: WarpOperation, mask: Operand, **fields: ir.Value) -> None:
    code.stop(Status.IN_WARP, operation, {"mask": code.bits(mask, 32), **fields})


def shuffle(code: FunctionLowering, instruction: Instruction) -> None:
    destination, source, lane, clamp, mask = instruction.operands
    mode = next(operation for name, operation in SHUFFLES.items() if name in instruction.modifiers)
    _meet(code, mode, mask, value=code.bits(source, 32), operand=code.bits(lane, 32), clamp=code.bits(clamp, 32))
    _set_answers(code, destination, code.answer("result"))


def _set_answers(code: FunctionLowering, destination: Operand, answer: ir.Value) -> None:
    """A value, and where the instruction asks for it, a predicate."""
    if isinstance(destination, Pair):
        code.set(destination.first, answer)
        code.set(destination.second, _is_set(code, code.answer("predicate")))
    else:
        code.set(destination, answer)


def vote(code: FunctionLowering, instruction: Instruction) -> None:
    destination, predicate, mask = instruction.operands
    operation = next(operation for name, operation in VOTES.items() if name in instruction.modifiers)
    _meet(code, operation, mask, value=code.bits(predicate, 32))
    answer = code.answer("result")
    code.set(destination, answer if operation == WarpOperation.VOTE_BALLOT else _is_set(code, answer))


def match(code: FunctionLowering, instruction: Instruction) -> None:
    """Which lanes have the same value: those of one's own (`.any`), or all if all have it (`.all`)."""
    destination, source, mask = instruction.operands
    value = code.bits(source, 64) if WIDTHS[type_of(instruction)] == 64 else code.builder.zext(code.bits(source, 32), I64)
    operation = WarpOperation.MATCH_ALL if "all" in instruction.modifiers else WarpOperation.MATCH_ANY
    high = code.builder.lshr(value, constant(I64, 32))
    _meet(code, operation, mask, value=code.builder.trunc(value, I32), value_high=code.builder.trunc(high, I32))
    _set_answers(code, destination, code.answer("result"))


def reduce(code: FunctionLowering, instruction: Instruction) -> None:
    """redux: a sum, a smallest, a largest over lanes, or logic bit by bit."""
    destination, source, mask = instruction.operands
    table = REDUCTIONS if type_of(instruction) != "s32" else REDUCTIONS | SIGNED_REDUCTIONS
    operation = next((operation for name, operation in table.items() if name in instruction.modifiers), None)
    if operation is None or type_of(instruction) == "f32":
        raise unsupported(instruction)
    _meet(code, operation, mask, value=code.bits(source, 32))
    code.set(destination, code.answer("result"))


def active_mask(code: FunctionLowering, instruction: Instruction) -> None:
    """Which lanes run this together: those that are here when no other lane of the warp can go on."""
    code.stop(Status.IN_WARP, WarpOperation.ACTIVE_MASK, {"mask": constant(I32, -1)})
    code.set(instruction.operands[0], code.answer("result"))


def fence(code: FunctionLowering, instruction: Instruction) -> None:
    """Only a fence that other blocks can see orders anything: within a block, barriers do."""
    if publishes(instruction):
        code.fence()


TABLE = {
    "bar": barrier,
    "barrier": barrier,
    "shfl": shuffle,
    "vote": vote,
    "match": match,
    "redux": reduce,
    "activemask": active_mask,
    "membar": fence,
    "fence": fence,
}
