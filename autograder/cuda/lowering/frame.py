"""What a function of a kernel keeps where: its frame on the thread's stack, and the kernel's shared memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from autograder.cuda.faults import NotSupported
from autograder.cuda.layout import DEPOT_HEADER, LARGEST_DEPOT
from autograder.cuda.ptx.model import Function, Parameter, Variable

HEADER = 16  # the state, and 12 bytes of nothing
LARGEST_ARGUMENTS = 1 << 18  # bytes of all calls in a function: they lie on the host's stack
LARGEST_STACK = 1 << 20  # bytes of a thread; a GPU has half of it
REDZONE = 64  # bytes between shared variables that belong to none


def aligned(offset: int, to: int = 16) -> int:
    return -(-offset // to) * to


@dataclass(frozen=True)
class Frame:
    """Offsets in bytes.

    `registers` are those that always lie in the frame. `saved` has, for each instruction at which the function may stop,
    where its other live registers go.
    """

    results: dict[str, int]
    parameters: dict[str, int]
    registers: dict[str, int]
    saved: dict[int, dict[str, int]]
    depots: dict[str, int]
    size: int


def frame_of(function: Function, registers: Iterable[str], live: Mapping[int, Iterable[str]]) -> Frame:
    """Lay out a frame; `registers` always lie in it, `live` names those to save where the function may stop.

    Raises:
        NotSupported: local arrays of 1 MiB or more, or too much that is passed on in calls.
    """
    parameters_at = parameters_offset(function.results)
    registers_at = aligned(HEADER if function.entry else parameters_at + _end(function.parameters))
    always = _places(function, registers, registers_at)
    saved_at = max((offset + 8 for offset in always.values()), default=registers_at)
    saved = {index: _places(function, names, saved_at) for index, names in live.items()}
    arguments = sum(variable.size for variable in function.variables.values() if variable.space == "param")
    if arguments > LARGEST_ARGUMENTS:
        raise NotSupported(f"the function {function.name} passes on {arguments} bytes in its calls; {LARGEST_ARGUMENTS} is the most")
    end = max((offset + 8 for places in saved.values() for offset in places.values()), default=saved_at)
    depots: dict[str, int] = {}
    for variable in function.variables.values():
        if variable.space == "local":
            if variable.size > LARGEST_DEPOT:
                raise NotSupported(f"the function {function.name} has local arrays of {variable.size} bytes; 1 MiB is too much")
            depots[variable.name] = aligned(end) + DEPOT_HEADER
            end = depots[variable.name] + variable.size
    return Frame(
        {result.name: HEADER + result.offset for result in function.results},
        {} if function.entry else {parameter.name: parameters_at + parameter.offset for parameter in function.parameters},
        always,
        saved,
        depots,
        aligned(end),
    )


def parameters_offset(results: tuple[Parameter, ...]) -> int:
    """Where a frame's parameters begin: behind the results."""
    return HEADER + aligned(_end(results))


def _end(parameters: tuple[Parameter, ...]) -> int:
    return max((parameter.offset + parameter.size for parameter in parameters), default=0)


def _places(function: Function, names: Iterable[str], offset: int) -> dict[str, int]:
    """Wide registers first, so that no gap is needed."""
    places = {}
    for name in sorted(names, key=lambda name: (-function.registers[name], name)):
        places[name] = offset
        offset += max(1, function.registers[name] // 8)
    return places


@dataclass(frozen=True)
class SharedVariable:
    """`size` is 0 where the launch decides: there is at most one place for such, behind all others."""

    name: str
    offset: int
    size: int


@dataclass(frozen=True)
class SharedMemory:
    variables: tuple[SharedVariable, ...]
    dynamic_offset: int  # where the memory begins whose size the launch decides
    static_bytes: int  # as CUDA counts them: without redzones


def shared_memory_of(variables: Iterable[Variable]) -> SharedMemory:
    """Shared variables with redzones before, between and behind them."""
    placed, offset, static_bytes = [], REDZONE, 0
    variables = list(variables)
    for variable in (variable for variable in variables if variable.size):
        offset = aligned(offset, max(16, variable.align))
        placed.append(SharedVariable(variable.name, offset, variable.size))
        offset += variable.size + REDZONE
        static_bytes = aligned(static_bytes, variable.align) + variable.size
    offset = aligned(offset, max((variable.align for variable in variables), default=16))
    offset = aligned(offset)
    placed += [SharedVariable(variable.name, offset, 0) for variable in variables if not variable.size]
    return SharedMemory(tuple(placed), offset, static_bytes)
