"""One try of a student's kernel: what it writes, what it costs, or what it does wrong. The probes of kernel exercises use it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.cuda import standin as cp  # also where there is a GPU: grading checks every access
from autograder.cuda.arguments import declared
from autograder.cuda.cost import Cost
from autograder.cuda.faults import KernelFault
from autograder.cuda.launch import measure, step_budget, unwatched
from autograder.cuda.standin.arrays import to_device

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
    """What came of a launch. `outputs` are the `Output`s' values in their order; `cost` is empty where nobody asked for it."""

    outputs: list[np.ndarray]
    arguments: list[Any]
    cost: Cost

    def reads(self, argument: int) -> np.ndarray:
        """How often each element of an array was read, by the array's position among the arguments."""
        return self.cost.reads(self.arguments[argument])

    def writes(self, argument: int) -> np.ndarray:
        """How often each element of an array was written, atomically or not."""
        return self.cost.writes(self.arguments[argument])


def try_kernel(
    source: str,
    name: str,
    grid: int | tuple[int, ...],
    block: int | tuple[int, ...],
    *arguments: Argument,
    shared_mem: int = 0,
    budget: int = 3_000_000,
    costs: bool = False,
    races: bool = True,
) -> Trial:
    """Launch the kernel once on the checked device.

    Args:
        source: what the student's function returned.
        name: the kernel's name.
        grid: the number of blocks, along x or along several axes.
        block: the number of threads in a block.
        arguments: a NumPy array is an input, an `Output` is written, anything else is passed as it is.
        shared_mem: bytes of dynamic shared memory.
        budget: how often the launch's threads may go back in loops, all together; an endless loop ends there.
        costs: whether to count what the kernel costs, which takes longer.
        races: whether to look for races. Where each thread has an element of its own, wrong values say more.

    Raises:
        TypeError: the source is no string.
        CompileError: the source is not valid.
        KernelFault: a thread does what it may not, or an input was written to. Its message is the one of the same
            mistake in any other kernel.
    """
    if not isinstance(source, str):
        raise TypeError(f"the answer is of type {type(source).__name__}; return the kernel's CUDA C source, one string")
    on_device = [_to_device(argument) for argument in arguments]
    kernel = cp.RawKernel(source, name)
    try:
        with step_budget(budget), nullcontext() if races else unwatched():
            cost = _launch(kernel, _extent(grid), _extent(block), on_device, shared_mem, costs)
    except KernelFault as fault:
        raise fault.graded() from None
    for k, (argument, array) in enumerate(zip(arguments, on_device, strict=True)):
        if _is_input(argument) and not np.array_equal(_on_host(array), argument, equal_nan=argument.dtype.kind == "f"):
            raise KernelFault(f"the kernel writes into its input {declared(source, name, len(arguments))[k].name}")
    outputs = [_on_host(array) for argument, array in zip(arguments, on_device, strict=True) if isinstance(argument, Output)]
    return Trial(outputs, on_device, cost)


def try_elementwise(parts: dict[str, Any], name: str, *arguments: Argument) -> Any:
    """What an elementwise kernel returns, in NumPy.

    Args:
        parts: what the student's function returned, the keyword arguments of `cp.ElementwiseKernel`.
        name: the kernel's name.
        arguments: as in `try_kernel`. Inputs are constant in such kernels, so none can change.

    Raises:
        TypeError: the parts are no dictionary, or not those that CuPy takes.
        CompileError: an expression is not valid.
        KernelFault: a thread does what it may not.
    """
    return _call(cp.ElementwiseKernel(**_named(parts, name)), arguments)


def try_reduction(parts: dict[str, Any], name: str, *arguments: Argument, axis: int | None = None) -> Any:
    """What a reduction kernel returns, in NumPy; as `try_elementwise`, with `cp.ReductionKernel`."""
    return _call(cp.ReductionKernel(**_named(parts, name)), arguments, axis=axis)


def _on_host(array: Any) -> np.ndarray:
    """A copy, without a word about what nobody has written: it holds `RUBBISH`, and is compared."""
    return np.array(array._values)


def _named(parts: Any, name: str) -> dict[str, Any]:
    if not isinstance(parts, dict):
        raise TypeError(f"the answer is of type {type(parts).__name__}; return the kernel's parts, a dictionary of strings")
    return {"name": name} | parts


def _call(kernel: Any, arguments: Sequence[Argument], **options: Any) -> Any:
    try:
        result = kernel(*map(_to_device, arguments), **options)
    except KernelFault as fault:
        raise fault.graded() from None
    for parameter, array in zip(kernel.out_params, result if isinstance(result, tuple) else (result,), strict=True):
        if array._allocation.unwritten().any():
            raise KernelFault(f"the kernel leaves elements of its output {parameter.name} unwritten: is it assigned?")
    return tuple(array.get() for array in result) if isinstance(result, tuple) else result.get()


def _launch(kernel: Any, grid: tuple[int, ...], block: tuple[int, ...], arguments: Sequence[Any], shared_mem: int, costs: bool) -> Cost:
    with measure() if costs else nullcontext([Cost()]) as counted:
        kernel(grid, block, tuple(arguments), shared_mem=shared_mem)
    return counted[-1]


def _to_device(argument: Argument) -> Any:
    if isinstance(argument, Output):
        return to_device(argument.values(), written=argument.fill is not RUBBISH)
    return cp.asarray(argument) if _is_input(argument) else argument


def _is_input(argument: Argument) -> bool:
    return isinstance(argument, np.ndarray)


def _extent(given: int | tuple[int, ...]) -> tuple[int, ...]:
    return given if isinstance(given, tuple) else (given,)
