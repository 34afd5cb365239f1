"""One launch: the memory that it needs, the runtime's answer, and what is said of it."""

from __future__ import annotations

import contextlib
import ctypes
import math
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field

import numpy as np

from autograder.cuda import layout, memory, runtime
from autograder.cuda.cost import EVENT, Cost, Costs, Tally
from autograder.cuda.explain import Scene, explain
from autograder.cuda.faults import KernelFault
from autograder.cuda.lowering import Mode
from autograder.cuda.program import Launchable
from autograder.cuda.runtime import printing

Extent = tuple[int, int, int]

# Backward branches and calls of all threads together after which a launch is stopped: some seconds.
BUDGET = 300_000_000
# What a thread has for the frames of the functions it calls, beyond its kernel's own.
STACK_BYTES = 16 * 1024
# So much a traced block may do; pages that it does not fill take no memory.
EVENTS = 1 << 22
COUNTED_TOGETHER = 1 << 17
LINE = 64
PRINTED_BYTES = 1 << 20

_budget = ContextVar("budget", default=BUDGET)
_watched = ContextVar("watched", default=True)
_measured: ContextVar[Costs | None] = ContextVar("measured", default=None)


@dataclass
class _Epochs:
    """The runtime counts moments; what is remembered of memory names them, so the count goes on from launch to launch."""

    now: int = layout.WRITTEN_BY_HOST


_epochs = _Epochs()


@contextlib.contextmanager
def step_budget(budget: int) -> Iterator[None]:
    """Stop launches after so many backward branches and calls of all threads: a kernel that has one element for each thread needs few."""
    token = _budget.set(budget)
    try:
        yield
    finally:
        _budget.reset(token)


@contextlib.contextmanager
def unwatched() -> Iterator[None]:
    """Let launches race for arrays and read what nobody has written; bounds are checked all the same."""
    token = _watched.set(False)
    try:
        yield
    finally:
        _watched.reset(token)


@contextlib.contextmanager
def measure() -> Iterator[Costs]:
    """Count what launches cost: `with measure() as costs: kernel(...)`, and `costs[-1]` is the last launch's.

    Counted are the stand-in's launches. Where there is a GPU, real CuPy's are out of sight: take the kernel from
    `autograder.cuda.standin` there.
    """
    costs = Costs()
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


def mode_of_launches() -> Mode:
    """How kernels must be compiled for launches from here."""
    return Mode.CHECKED if _measured.get() is None else Mode.TRACED


def launch(launchable: Launchable, setting: Setting) -> None:
    """Run all blocks, with all checks.

    Raises:
        KernelFault: with the first thread that goes wrong.
    """
    costs = _measured.get()
    if costs is None:
        Run(launchable, setting).all_blocks()
    else:
        costs.append(Run(launchable, setting).traced())


class Run:
    """The memory of one launch, laid out as the runtime wants it."""

    def __init__(self, launchable: Launchable, setting: Setting) -> None:
        self._launchable, self._setting = launchable, setting
        lowered = launchable.lowered
        self._runtime = runtime.load()
        self._fault = layout.Fault()
        self._blocks = math.prod(setting.grid)
        threads = math.prod(setting.block)
        self._state = state = layout.Launch()
        state.block_dim[:], state.grid_dim[:], state.threads = setting.block, setting.grid, threads
        state.reserve = _budget.get()
        state.fault = ctypes.addressof(self._fault)
        state.granule_shift, state.has_fence = lowered.granule_shift, lowered.has_fence
        state.epoch = _epochs.now
        try:
            self._place_everything(threads)
        except (MemoryError, ValueError):  # the latter: more than NumPy can count
            raise KernelFault(f"{self._blocks} blocks of {threads} threads need more memory than this machine has, without a GPU") from None

    def _place_everything(self, threads: int) -> None:
        state = self._state
        self._place_parameters()
        self._place_shared_memory()
        self._place_threads(threads)
        self._watch_arrays()
        self._printed = np.empty(PRINTED_BYTES, np.uint8)
        state.printed, state.printed_capacity = self._printed.ctypes.data, self._printed.size
        self._fences = np.zeros(layout.fence_words(state), np.uint64)
        state.fences = self._fences.ctypes.data

    def all_blocks(self) -> None:
        """Run them.

        Raises:
            KernelFault: with the first thread that goes wrong.
        """
        self._run(0, self._blocks)

    def traced(self) -> Cost:
        """Run them one by one, and count what they do.

        Raises:
            KernelFault: with the first thread that goes wrong.
        """
        events = np.empty(EVENTS, EVENT)
        self._state.events, self._state.event_capacity = events.ctypes.data, events.size
        tally = Tally(self._scene())
        for block in range(self._blocks):
            self._run(block, block + 1)
            if self._state.event_count > COUNTED_TOGETHER or block == self._blocks - 1:
                tally.add(events[: self._state.event_count])
                self._state.event_count = 0
        return tally.finish()

    def _run(self, first: int, last: int) -> None:
        state = self._state
        state.first_block, state.last_block = first, last
        try:
            failed = self._runtime.run(state, self._launchable.address)
        finally:
            _epochs.now = state.epoch
        if state.printed_size:
            sys.stdout.writelines(printing.texts(self._printed[: state.printed_size].tobytes()))
            state.printed_size = 0
        if state.lost_prints:
            sys.stdout.write(f"({state.lost_prints} more calls of printf found no room)\n")
            state.lost_prints = 0
        if failed:
            raise explain(self._fault, self._scene())

    def _scene(self) -> Scene:
        lowered, setting = self._launchable.lowered, self._setting
        return Scene(setting.source, lowered.sites, lowered.shared_layout, setting.grid, setting.block, setting.arrays, setting.shared_bytes)

    def _place_parameters(self) -> None:
        """The addresses of the module's variables lie below the parameters, the first one next to them."""
        words = np.array(self._launchable.globals[::-1], np.uint64).tobytes()
        self._parameters = np.frombuffer(words + self._setting.parameters + bytes(16), np.uint8)
        self._state.parameters = self._parameters.ctypes.data + len(words)

    def _place_shared_memory(self) -> None:
        lowered, dynamic = self._launchable.lowered, self._setting.shared_bytes
        size = lowered.dynamic_shared_offset + dynamic
        self._shared = np.zeros(size + LINE, np.uint8)
        granule = 1 << lowered.granule_shift
        self._shared_shadow = np.zeros(size // granule + 1, memory.SHADOW)
        self._shared_shadow["write"] = layout.REDZONE
        for variable in lowered.shared_layout:
            bytes_ = variable.size or dynamic
            self._shared_shadow["write"][variable.offset // granule : -(-(variable.offset + bytes_) // granule)] = layout.NEVER_WRITTEN
        self._state.shared = _aligned(self._shared)
        self._state.shared_size, self._state.shared_shadow = size, self._shared_shadow.ctypes.data

    def _place_threads(self, threads: int) -> None:
        """Each thread and its stack, on lines of the cache of its own."""
        lowered = self._launchable.lowered
        stack = lowered.frame_bytes + (STACK_BYTES if lowered.recursive else 0)
        stride = -(-(ctypes.sizeof(layout.Thread) + stack) // LINE) * LINE + LINE
        self._threads = np.zeros(stride * threads + LINE, np.uint8)
        self._state.thread_memory, self._state.thread_stride = _aligned(self._threads), stride

    def _watch_arrays(self) -> None:
        """What the kernel may reach has shadows; those of arrays that it does not get stay as they are."""
        shift = self._launchable.lowered.granule_shift
        self._held = [found for number in self._setting.arrays if (found := memory.find(number)) is not None]
        for allocation in (*self._held, *self._program_variables()):
            if _watched.get():
                allocation.watch(shift)
            else:
                allocation.unwatch()
        memory.agree_on_granules(shift)
        self._entries = memory.entries()
        self._state.allocations, self._state.allocation_count = self._entries.ctypes.data, self._entries.size

    def _program_variables(self) -> list[memory.Allocation]:
        return [found for address in self._launchable.globals if (found := memory.find(memory.split(address)[0])) is not None]


def _aligned(buffer: np.ndarray) -> int:
    """The first address in a buffer that is a multiple of a cache line."""
    return -(-buffer.ctypes.data // LINE) * LINE
