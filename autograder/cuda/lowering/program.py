"""What a kernel consists of: the functions that it may reach, and the variables that they name."""

from __future__ import annotations

from collections.abc import Iterator

from autograder.cuda.lowering.memory import publishes, space_of
from autograder.cuda.ptx.model import Address, Function, Instruction, Module, Operand, Pair, Symbol, Variable, Vector, size_of

ACCESSES = ("ld", "ldu", "st", "atom", "red")
LARGEST_GRANULE_SHIFT = 2  # 4 bytes


def instructions_of(function: Function) -> Iterator[Instruction]:
    return (item for item in function.body if isinstance(item, Instruction))


def symbols_in(function: Function) -> set[str]:
    """Names of all variables, functions, labels that its instructions mention."""
    return {name for instruction in instructions_of(function) for operand in instruction.operands for name in _symbols(operand)}


def _symbols(operand: Operand) -> Iterator[str]:
    match operand:
        case Symbol(name):
            yield name
        case Address(base):
            yield from _symbols(base)
        case Vector(items):
            for item in items:
                yield from _symbols(item)
        case Pair(first, second):
            yield from _symbols(first)
            yield from _symbols(second)


def reachable(module: Module, kernel: str) -> list[Function]:
    """The kernel, and the functions that it may call, directly or through a pointer, in the module's order."""
    found, waiting = {kernel}, [kernel]
    while waiting:
        new = (symbols_in(module.functions[waiting.pop()]) & module.functions.keys()) - found
        found |= new
        waiting += new
    if any(pointer.name in module.functions for variable in module.variables.values() for _, pointer, _ in variable.pointers):
        found |= {name for name, function in module.functions.items() if not function.entry}
    return [module.functions[kernel], *(function for name, function in module.functions.items() if name in found and name != kernel)]


def shared_variables(module: Module, functions: list[Function]) -> list[Variable]:
    """Those that the functions mention, wherever they are declared."""
    mentioned = {name for function in functions for name in symbols_in(function)}
    everywhere = [*module.variables.values(), *(variable for function in functions for variable in function.variables.values())]
    return [variable for variable in everywhere if variable.space == "shared" and variable.name in mentioned]


def granule_shift(functions: list[Function]) -> int:
    """The smallest access to memory that threads share, as a power of two, at most 4 bytes."""
    smallest = LARGEST_GRANULE_SHIFT
    for function in functions:
        for instruction in instructions_of(function):
            if instruction.name in ACCESSES and space_of(instruction) not in ("param", "local"):
                smallest = min(smallest, bytes_of(instruction).bit_length() - 1)
    return smallest


def bytes_of(instruction: Instruction) -> int:
    """How many bytes a load, a store, an atomic touches."""
    vector = next((operand for operand in instruction.operands if isinstance(operand, Vector)), None)
    return size_of(instruction.modifiers[-1]) * (len(vector.items) if vector else 1)


def has_fence(functions: list[Function]) -> bool:
    return any(publishes(instruction) for function in functions for instruction in instructions_of(function))


def stack_bytes(module: Module, kernel: str, frames: dict[str, int]) -> tuple[int, bool]:
    """Bytes of the deepest chain of direct calls; and whether there may be more: recursion, pointers."""
    more = any(
        instruction.name == "call" and not isinstance(instruction.operands[1], Symbol)
        for name in frames
        for instruction in instructions_of(module.functions[name])
    )

    below: dict[str, int] = {}
    above = set()

    def deepest(name: str) -> int:
        nonlocal more
        if name in above:
            more = True
            return 0
        if name not in below:
            above.add(name)
            callees = symbols_in(module.functions[name]) & frames.keys()
            below[name] = frames[name] + max(map(deepest, callees), default=0)
            above.remove(name)
        return below[name]

    return deepest(kernel), more
