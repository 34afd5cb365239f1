"""bra, brx, call, ret, exit, trap."""

from __future__ import annotations

from autograder.cuda.lowering.function import FunctionLowering
from autograder.cuda.lowering.types import unsupported
from autograder.cuda.ptx.flow import targets
from autograder.cuda.ptx.model import Instruction, Symbol


def branch(code: FunctionLowering, instruction: Instruction) -> None:
    (target,) = instruction.operands
    if not isinstance(target, Symbol):
        raise unsupported(instruction)
    if instruction.guard is None:
        code.before_branch(None)
        code.builder.branch(code.labels[target.name])
        return
    code.before_branch(instruction.guard)
    taken = code.bits(instruction.guard, 1)  # only now: a thread may have stopped before it
    onwards = code.new_block("onwards")
    code.builder.cbranch(taken, code.labels[target.name], onwards)
    code.builder.position_at_end(onwards)


def branch_by_index(code: FunctionLowering, instruction: Instruction) -> None:
    """brx.idx: to the label that the index picks from a table."""
    code.before_branch(None)
    index = code.bits(instruction.operands[0], 32)
    nowhere = code.new_block("nowhere")
    switch = code.builder.switch(index, nowhere)
    for k, label in enumerate(targets(instruction)):
        switch.add_case(k, code.labels[label])
    code.builder.position_at_end(nowhere)
    code.trap()


def call(code: FunctionLowering, instruction: Instruction) -> None:
    code.call(instruction)


def leave(code: FunctionLowering, instruction: Instruction) -> None:
    code.leave()


def leave_kernel(code: FunctionLowering, instruction: Instruction) -> None:
    code.exit_thread()


def trap(code: FunctionLowering, instruction: Instruction) -> None:
    code.trap()


TABLE = {"bra": branch, "brx": branch_by_index, "call": call, "ret": leave, "exit": leave_kernel, "trap": trap, "brkpt": trap}
