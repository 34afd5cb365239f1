"""One launch: the memory that it needs, the runtime's answer, and what is said of it."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import math
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field

import numpy as np

from autograder.cuda import memory, runtime
from autograder.cuda.cost import Cost, Tally
from autograder.cuda.explain import Scene, explain
from autograder.cuda.program import CHECKED, TRACED, Launchable, Program
from autograder.cuda.runtime import layout

Extent = tuple[int, int, int]

# Backward branches of all threads together after which a launch is stopped: some seconds.
BUDGET = 1_000_000_000
# What a thread has for the frames of the functions it calls, beyond its kernel's own.
STACK_BYTES = 16 * 1024
EVENTS = 1 << 20
PRINTED_BYTES = 1 << 20

_budget = ContextVar("budget", default=BUDGET)
_measured: ContextVar[list[Cost] | None] = ContextVar("measured", default=None)
_epoch = itertools.count(1)


@contextlib.contextmanager
def step_budget(budget: int) -> Iterator[None]:
    """Stop launches after so many backward branches of all threads: a kernel that has one element for each thread needs few."""
    token = _budget.set(budget)
    try:
        yield
    finally:
        _budget.reset(token)


@contextlib.contextmanager
def measure() -> Iterator[list[Cost]]:
    """Count what launches cost: `with measure() as costs: kernel(...)`, and `costs[-1]` is the last launch's."""
    costs: list[Cost] = []
    token = _measured.set(costs)
    try:
        yield costs
    finally:
        _measured.reset(token)


@dataclass(frozen=True)
class Setting:
    """How a kernel is launched. `arrays` says by which names of parameters an allocation is known."""

    grid: Extent
    block: Extent
    parameters: bytes
    shared_bytes: int = 0
    source: list[str] = field(default_factory=list)
    arrays: dict[int, list[str]] = field(default_factory=dict)


def launch(program: Program, kernel: str, setting: Setting) -> None:
    """Run all blocks, with all checks.

    Raises:
        KernelFault: with the first thread that goes wrong.
        NotSupported: an instruction is not known.
    """
    costs = _measured.get()
    launchable = program.launchable(kernel, CHECKED if costs is None else TRACED)
    Run(launchable, setting).run(costs)
