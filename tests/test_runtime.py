"""The runtime of kernels: its checker, its scheduler, its traces. The kernels here are written as the lowering would write them."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from autograder.cuda import runtime
from autograder.cuda.runtime import layout, printing
from autograder.cuda.runtime.layout import Access, FaultKind, Relation, Space

PRELUDE = """
#define T (thread->number)
#define LANE (thread->number % 32)
#define BLOCK (launch->block_index[0])
#define X (((FIRST_NUMBER + 0) << NUMBER_SHIFT) + MIDDLE)  // two arrays in global memory
#define Y (((FIRST_NUMBER + 1) << NUMBER_SHIFT) + MIDDLE)
#define S 64  // an array in shared memory
#define TOUCH(space, access, bytes, address, site) \\
    pointer = check_##space##_##access##_##bytes(thread, launch, address, site); \\
    if (!pointer) return FAULTED
#define LOAD(space, address, site) TOUCH(space, load, 4, address, site); value = *(u32 *)pointer
#define STORE(space, address, stored, site) TOUCH(space, store, 4, address, site); *(u32 *)pointer = stored
#define ADD(space, address, added, site) TOUCH(space, atomic, 4, address, site); value = *(u32 *)pointer; *(u32 *)pointer += added
#define FENCE runtime_fence(thread, launch)
#define STOP(why, where) thread->site = where; *(u32 *)frame = __LINE__; return why; case __LINE__:
#define BARRIER_OF(what, number_, count_, value_, site) \\
    thread->operation = what; thread->operand = number_; thread->clamp = count_; thread->value = value_; STOP(AT_BARRIER, site)
#define BARRIER(site) BARRIER_OF(SYNC, 0, 0, 0, site)
#define WARP(what, mask_, value_, operand_, clamp_, site) \\
    thread->operation = what; thread->mask = mask_; thread->value = value_; thread->value_high = 0; \\
    thread->operand = operand_; thread->clamp = clamp_; STOP(IN_WARP, site)
#define SYNC_LANES(mask_, site) WARP(SYNC_WARP, mask_, 0, 0, 0, site)
#define TRACED(space_, access_, address_, site) \\
    thread->address = address_; thread->size = 4; thread->access = access_ | space_ << 8; STOP(AT_ACCESS, site)
#define BRANCH(taken, site) thread->size = (taken) ? 1 : 0; thread->access = 0; STOP(AT_BRANCH, site)
extern "C" __device__ void runtime_fence(Thread *, Launch *);
extern "C" __device__ void runtime_printf(Thread *, Launch *, u64, u64);
extern "C" __device__ void runtime_fault(Thread *, Launch *, u32, u32);
"""

KERNEL = """
extern "C" __device__ u32 {name}(Thread *thread, Launch *launch, u8 *frame) {{
    u32 value = 0, *saved = (u32 *)(frame + 16);
    u8 *pointer;
    switch (*(u32 *)frame) {{ case 0:
    {body}
    }}
    return FINISHED;
}}
"""


@dataclass
class Kernel:
    """A kernel's body. `T` is the thread's number; what lives over a stop is kept in `saved`."""

    name: str
    body: str

    def run(self, **options: int | NDArray[np.uint32] | bool) -> Run:
        return Run(self, **options)  # type: ignore[arg-type]


KERNELS: list[Kernel] = []


def kernel(body: str) -> Kernel:
    KERNELS.append(Kernel(f"kernel_{len(KERNELS)}", body))
    return KERNELS[-1]


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    """All kernels of this file at once: the compiler is slow to start."""
    source = PRELUDE + "".join(KERNEL.format(name=kernel.name, body=kernel.body) for kernel in KERNELS)
    Run.code = runtime.load_native(source)


def aligned(count: int, dtype: type) -> NDArray:
    whole = np.zeros(count * np.dtype(dtype).itemsize + 64, np.uint8)
    begin = -whole.ctypes.data % 64
    return whole[begin : begin + count * np.dtype(dtype).itemsize].view(dtype)


@dataclass
class Run:
    """One launch: what it found, and the memory behind it. `x` and `y` are arrays in global memory."""

    code = None

    kernel: Kernel
    threads: int = 32
    blocks: int = 1
    shared_bytes: int = 256  # one variable, between redzones
    shift: int = 2
    has_fence: bool = False
    traced: bool = False
    written: bool = True  # by the host: x and y
    read_only: bool = False  # y
    freed: bool = False  # y
    room: int = 1000  # for events
    launches: int = 1
    x: NDArray = field(default_factory=lambda: aligned(64, np.uint32))
    y: NDArray = field(default_factory=lambda: aligned(64, np.uint32))
    fault: layout.Fault = field(default_factory=layout.Fault)

    def __post_init__(self) -> None:
        self.shadows = [self._shadow(array) for array in (self.x, self.y)]
        self.shared = aligned(self.shared_bytes + 128, np.uint8)
        self.shared_shadow = np.zeros(((len(self.shared) >> self.shift) + 1, 2), np.uint64)
        self.shared_shadow[:, 0] = layout.REDZONE
        self.shared_shadow[64 >> self.shift : (64 + self.shared_bytes - 1 >> self.shift) + 1, 0] = layout.NEVER_WRITTEN
        stride = 1024 + 64
        self.memory = aligned(stride * self.threads, np.uint8)
        self.events = (layout.Event * self.room)()
        self.printed = aligned(4096, np.uint8)
        self.allocations = (layout.Allocation * 2)(
            *(
                layout.Allocation(array.ctypes.data, array.nbytes, shadow.ctypes.data, 0)
                for array, shadow in zip((self.x, self.y), self.shadows, strict=True)
            )
        )
        self.allocations[1].read_only = self.read_only
        if self.freed:
            self.allocations[1].size = 0
        self.launch = layout.Launch(block_dim=(self.threads, 1, 1), grid_dim=(self.blocks, 1, 1), threads=self.threads, budget=1000)
        self.launch.shared, self.launch.shared_size = self.shared.ctypes.data, self.shared.nbytes
        self.launch.shared_shadow = self.shared_shadow.ctypes.data
        self.launch.allocations, self.launch.allocation_count = ctypes.addressof(self.allocations), 2
        self.launch.fault = ctypes.addressof(self.fault)
        self.launch.thread_memory, self.launch.thread_stride = self.memory.ctypes.data, stride
        self.launch.epoch = layout.WRITTEN_BY_HOST
        self.launch.granule_shift, self.launch.has_fence = self.shift, self.has_fence
        self.launch.last_block = self.blocks
        self.launch.printed, self.launch.printed_capacity = self.printed.ctypes.data, self.printed.nbytes
        self.fences = np.zeros(layout.fence_words(self.launch), np.uint64)
        self.launch.fences = self.fences.ctypes.data
        if self.traced:
            self.launch.events, self.launch.event_capacity = ctypes.addressof(self.events), self.room
        for _ in range(self.launches):
            self.launch.launch_epoch = 0
            self.status = runtime.load().run(self.launch, Run.code.address(self.kernel.name))  # type: ignore[attr-defined]

    def _shadow(self, array: NDArray) -> NDArray[np.uint64]:
        shadow = np.zeros((array.nbytes >> self.shift, 2), np.uint64)
        shadow[:, 0] = layout.WRITTEN_BY_HOST if self.written else layout.NEVER_WRITTEN
        return shadow

    @property
    def kind(self) -> FaultKind:
        assert (self.status == layout.Status.FAULTED) == bool(self.fault.kind)
        return FaultKind(self.fault.kind)

    @property
    def relation(self) -> Relation:
        return Relation(self.fault.relation)

    @property
    def trace(self) -> list[layout.Event]:
        return list(self.events[: self.launch.event_count])

    @property
    def text(self) -> str:
        return "".join(printing.texts(self.printed[: self.launch.printed_size].tobytes()))


def parties(run: Run) -> tuple[tuple[int, int], tuple[int, int]]:
    """Thread and site of both parties."""
    return (run.fault.thread, run.fault.site), (run.fault.other_thread, run.fault.other_site)


def test_structures_agree_with_the_compiled_runtime() -> None:
    for structure in layout.STRUCTURES:
        fields = [(name, getattr(structure, name).offset) for name, *_ in structure._fields_]
        assert SIZES.run().x.tolist() is not None
        assert fields
