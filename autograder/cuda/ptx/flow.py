"""Control flow and liveness of a function: where execution may go, and which registers still matter there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from autograder.cuda.ptx.model import (
    Address,
    Function,
    Instruction,
    Label,
    Module,
    Negated,
    Operand,
    Pair,
    Register,
    Symbol,
    Vector,
)

_LEAVING = frozenset({"ret", "exit", "trap"})
BRANCHES = frozenset({"bra", "brx"})
# Instructions whose first operand is read. (Where it is an address, as in a store, nothing is written anyway.)
_WITHOUT_RESULT = frozenset({"bra", "brx", "bar", "barrier", "nanosleep"})
_WARP_OPERATIONS = frozenset({"shfl", "vote", "match", "redux", "activemask", "wmma", "mma", "ldmatrix", "movmatrix"})
_BARRIERS = frozenset({"bar", "barrier"})


def successors(function: Function) -> list[tuple[int, ...]]:
    """For each index in the body, the indices that may come next. The body's length stands for its end."""
    labels = _labels(function)
    return [_successors_of(index, item, labels) for index, item in enumerate(function.body)]


def backward_branches(function: Function) -> set[int]:
    """Indices of the branches to a label that stands before them: every loop has one."""
    labels = _labels(function)
    return {
        index for index, item in enumerate(function.body) if isinstance(item, Instruction) and any(labels[name] <= index for name in targets(item))
    }


def targets(instruction: Instruction) -> tuple[str, ...]:
    """The labels that a `bra` or a `brx.idx` names; other instructions have none."""
    if instruction.name not in BRANCHES:
        return ()
    last = instruction.operands[-1]
    symbols = last.items if isinstance(last, Vector) else (last,)
    return tuple(symbol.name for symbol in symbols if isinstance(symbol, Symbol))


def definitions(instruction: Instruction) -> tuple[str, ...]:
    """Names of the registers that an instruction writes."""
    if not instruction.operands:
        return ()
    if instruction.name in _WITHOUT_RESULT and "red" not in instruction.modifiers:
        return ()
    return tuple(_written(instruction.operands[0]))


def uses(instruction: Instruction) -> tuple[str, ...]:
    """Names of the registers that an instruction reads, its guard's and the hardware's among them."""
    written = len(definitions(instruction)) > 0
    operands = instruction.operands[1:] if written else instruction.operands
    guard = () if instruction.guard is None else (instruction.guard,)
    return tuple(name for operand in (*operands, *guard) for name in _read(operand))


def live_after(function: Function) -> Mapping[int, frozenset[str]]:
    """Per index in the body, the registers whose values after it are still read somewhere.

    An instruction with a guard may leave its destination as it was, so the old value stays alive before it.
    Reading one entry costs time in proportion to the registers in it; the flow is worked out once, here.
    """
    return _Liveness(function)


def suspends(instruction: Instruction) -> bool:
    """Whether a thread stops at it until others have come: a barrier, or an operation of its warp."""
    return instruction.name in _BARRIERS or instruction.name in _WARP_OPERATIONS


def suspending_functions(module: Module) -> frozenset[str]:
    """Names of the functions in which a thread may stop, be it in a function that they call.

    A call through a pointer may reach any device function of the module.
    """
    callers: dict[str, set[str]] = {name: set() for name in module.functions}
    found = set()
    for function in module.functions.values():
        for instruction in _instructions(function):
            if suspends(instruction):
                found.add(function.name)
            elif instruction.name == "call":
                for callee in _callees(instruction, module):
                    callers[callee].add(function.name)
    waiting = list(found)
    while waiting:
        new = callers[waiting.pop()] - found
        found |= new
        waiting += new
    return frozenset(found)


def _callees(call: Instruction, module: Module) -> Iterator[str]:
    callee = call.operands[1]
    if isinstance(callee, Symbol):
        if callee.name in module.functions:
            yield callee.name
    else:
        yield from (name for name, function in module.functions.items() if not function.entry)


def _instructions(function: Function) -> Iterator[Instruction]:
    return (item for item in function.body if isinstance(item, Instruction))


def _labels(function: Function) -> dict[str, int]:
    return {item.name: index for index, item in enumerate(function.body) if isinstance(item, Label)}


def _successors_of(index: int, item: Instruction | Label, labels: dict[str, int]) -> tuple[int, ...]:
    if isinstance(item, Label) or (item.name not in BRANCHES and item.name not in _LEAVING):
        return (index + 1,)
    reached = tuple(labels[name] for name in targets(item))
    return reached if item.guard is None else (*reached, index + 1)


def _written(operand: Operand) -> Iterator[str]:
    if isinstance(operand, Register):
        yield operand.name
    elif isinstance(operand, Vector):
        for item in operand.items:
            yield from _written(item)
    elif isinstance(operand, Pair):
        yield from _written(operand.first)
        yield from _written(operand.second)


def _read(operand: Operand) -> Iterator[str]:
    if isinstance(operand, Register):
        yield operand.name
    elif isinstance(operand, Negated):
        yield operand.register.name
    elif isinstance(operand, Address):
        yield from _read(operand.base)
    elif isinstance(operand, Vector):
        for item in operand.items:
            yield from _read(item)


@dataclass
class _Block:
    """Instructions that run one after the other: `begin` up to before `end`. Sets of registers are bits of an integer."""

    begin: int
    end: int
    next: tuple[int, ...]  # where the blocks begin that may follow
    read: int = 0  # before anything in the block writes them
    written: int = 0  # whatever happens
    live_in: int = 0
    live_out: int = 0


class _Liveness(Mapping[int, frozenset[str]]):
    """Backward data flow over basic blocks, then over the instructions of each."""

    def __init__(self, function: Function) -> None:
        self._names = list(function.registers)
        self._bits = {name: 1 << k for k, name in enumerate(self._names)}
        self._effects = [self._effect(item) for item in function.body]
        blocks = _blocks(function)
        for block in blocks:
            self._summarise(block)
        _spread(blocks)
        self._after = [0] * len(function.body)
        for block in blocks:
            self._descend(block)

    def __getitem__(self, index: int) -> frozenset[str]:
        live, names = self._after[index], []
        while live:
            lowest = live & -live
            names.append(self._names[lowest.bit_length() - 1])
            live ^= lowest
        return frozenset(names)

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self._after)))

    def __len__(self) -> int:
        return len(self._after)

    def _effect(self, item: Instruction | Label) -> tuple[int, int]:
        """The registers that it reads, and those that it writes whatever happens."""
        if isinstance(item, Label):
            return 0, 0
        return self._set(uses(item)), self._set(definitions(item)) if item.guard is None else 0

    def _set(self, names: Iterable[str]) -> int:
        bits = 0
        for name in names:
            bits |= self._bits.get(name, 0)  # the hardware's registers are always there
        return bits

    def _summarise(self, block: _Block) -> None:
        for read, written in reversed(self._effects[block.begin : block.end]):
            block.read = block.read & ~written | read
            block.written |= written

    def _descend(self, block: _Block) -> None:
        live = block.live_out
        for index in range(block.end - 1, block.begin - 1, -1):
            self._after[index] = live
            read, written = self._effects[index]
            live = live & ~written | read


def _blocks(function: Function) -> list[_Block]:
    following = successors(function)
    begins = {0, *(index for index, item in enumerate(function.body) if isinstance(item, Label))}
    begins |= {index + 1 for index, after in enumerate(following) if after != (index + 1,)}
    begins.discard(len(function.body))
    ordered = sorted(begins)
    ends = [*ordered[1:], len(function.body)]
    return [_Block(begin, end, following[end - 1]) for begin, end in zip(ordered, ends, strict=True) if end > begin]


def _spread(blocks: list[_Block]) -> None:
    """What is live at the beginning of a block is live at the end of those before it, until nothing changes."""
    at = {block.begin: block for block in blocks}
    before: dict[int, list[_Block]] = {block.begin: [] for block in blocks}
    for block in blocks:
        for begin in block.next:
            if begin in before:
                before[begin].append(block)
    waiting = list(blocks)
    while waiting:
        block = waiting.pop()
        block.live_out = 0
        for begin in block.next:
            if begin in at:
                block.live_out |= at[begin].live_in
        live_in = block.live_out & ~block.written | block.read
        if live_in != block.live_in:
            block.live_in = live_in
            waiting += before[block.begin]
