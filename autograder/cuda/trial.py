"""One try of a student's kernel: what it writes, what it costs, or what it does wrong. The probes of kernel exercises use it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.cuda import KernelFault, step_budget
from autograder.cuda import standin as cp  # also where there is a GPU: grading checks every access

RUBBISH = -777  # what stands in an output before the launch, and stays where nobody writes

Argument = Any  # a NumPy array (an input), an `Output`, or a number


@dataclass(frozen=True, eq=False)
class Output:
    """An array that the kernel is to write. `fill` stands in it before: a number, or an array that the kernel changes in place."""

    shape: int | tuple[int, ...]
    dtype: Any = np.float32
    fill: Any = RUBBISH

    def values(self) -> np.ndarray:
        return np.full(self.shape, self.fill, self.dtype)


@dataclass(frozen=True, eq=False)
class Trial:
    """What came of a launch. `outputs` are the `Output`s' values in their order; `cost` is None where nobody asked for it."""

    outputs: list[np.ndarray]
    arguments: list[Any]
    cost: Any = None

    def reads(self, argument: int) -> np.ndarray:
        """How often each element of an array was read, by the array's position among the arguments."""
        return np.asarray(self.cost.reads(self.arguments[argument]))

    def writes(self, argument: int) -> np.ndarray:
        """How often each element of an array was written."""
        return np.asarray(self.cost.writes(self.arguments[argument]))


def try_kernel(
    source: str,
    name: str,
    grid: int | tuple[int, ...],
    block: int | tuple[int, ...],
    *arguments: Argument,
    shared_mem: int = 0,
    budget: int = 3_000_000,
    costs: bool = False,
) -> Trial:
    """Launch the kernel once on the checked device.

    Args:
        source: what the student's function returned.
        name: the kernel's name.
        grid: the number of blocks, along x or along several axes.
        block: the number of threads in a block.
        arguments: a NumPy array is an input, an `Output` is written, anything else is passed as it is.
        shared_mem: bytes of dynamic shared memory.
        budget: how many steps the launch may take; an endless loop ends there.
        costs: whether to count what the kernel costs, which takes longer.

    Raises:
        TypeError: the source is no string.
        CompileError: the source is not valid.
        KernelFault: a thread does what it may not, or an input was written to. Without the source line, so that
            the same mistake says the same wherever it stands.
    """
    if not isinstance(source, str):
        raise TypeError(f"the answer is of type {type(source).__name__}; return the kernel's CUDA C source, one string")
    on_device = [_to_device(argument) for argument in arguments]
    kernel = cp.RawKernel(source, name)
    try:
        with step_budget(budget):
            cost = _launch(kernel, _extent(grid), _extent(block), on_device, shared_mem, costs)
    except KernelFault as fault:
        raise KernelFault(fault.what) from None
    for k, (argument, array) in enumerate(zip(arguments, on_device, strict=True)):
        if _is_input(argument) and not np.array_equal(array.get(), argument, equal_nan=argument.dtype.kind == "f"):
            raise KernelFault(f"the kernel writes into its input {_name(source, name, k, len(arguments))}")
    outputs = [array.get() for argument, array in zip(arguments, on_device, strict=True) if isinstance(argument, Output)]
    return Trial(outputs, on_device, cost)


def _launch(kernel: Any, grid: tuple[int, ...], block: tuple[int, ...], arguments: Sequence[Any], shared_mem: int, costs: bool) -> Any:
    if not costs:
        kernel(grid, block, tuple(arguments), shared_mem=shared_mem)
        return None
    from autograder.cuda import measure

    with measure() as counted:
        kernel(grid, block, tuple(arguments), shared_mem=shared_mem)
    return counted[-1]


def _to_device(argument: Argument) -> Any:
    if isinstance(argument, Output):
        return cp.asarray(argument.values())
    return cp.asarray(argument) if _is_input(argument) else argument


def _is_input(argument: Argument) -> bool:
    return isinstance(argument, np.ndarray)


def _extent(given: int | tuple[int, ...]) -> tuple[int, ...]:
    return given if isinstance(given, tuple) else (given,)


def _name(source: str, kernel: str, position: int, count: int) -> str:
    """A parameter's name as the source declares it, if the declaration is plain enough to be read."""
    code = re.sub(r"//[^\n]*|/\*.*?\*/", " ", source, flags=re.DOTALL)
    declared = re.search(rf"\b{re.escape(kernel)}\s*\(([^)]*)\)\s*\{{", code)
    names = [re.search(r"(\w+)\s*(?:\[\w*\])?\s*$", parameter) for parameter in declared[1].split(",")] if declared else []
    found = names[position] if len(names) == count else None
    return found[1] if found else f"(argument {position + 1})"
