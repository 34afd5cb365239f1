"""The runtime of kernels: its checker, its scheduler, its traces. The kernels here are written as the lowering would write them."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from autograder.cuda import jit, layout, runtime
from autograder.cuda.layout import Access, FaultKind, Relation, Space
from autograder.cuda.runtime import printing

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
#define STOP(why, where) thread->site = where; *(u32 *)frame = 1 + where; return why; case 1 + where:
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

    def run(self, **options: Any) -> Run:
        return Run(self, **options)


KERNELS: list[Kernel] = []


def kernel(body: str) -> Kernel:
    KERNELS.append(Kernel(f"kernel_{len(KERNELS)}", body))
    return KERNELS[-1]


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    """All kernels of this file at once: the compiler is slow to start."""
    source = PRELUDE + "".join(KERNEL.format(name=kernel.name, body=kernel.body) for kernel in KERNELS)
    Run.code = runtime.load_native(source)


def aligned(count: int, dtype: type) -> NDArray[Any]:
    whole = np.zeros(count * np.dtype(dtype).itemsize + 64, np.uint8)
    begin = -whole.ctypes.data % 64
    return whole[begin : begin + count * np.dtype(dtype).itemsize].view(dtype)


@dataclass
class Run:
    """One launch: what it found, and the memory behind it. `x` and `y` are arrays in global memory."""

    code: ClassVar[jit.Code]

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
    budget: int = 1000  # kernels here take it as an argument
    x: NDArray[Any] = field(default_factory=lambda: aligned(64, np.uint32))
    y: NDArray[Any] = field(default_factory=lambda: aligned(64, np.uint32))
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
        self.launch = layout.Launch(
            block_dim=(self.threads, 1, 1), grid_dim=(self.blocks, 1, 1), threads=self.threads, budget=ctypes.c_int64(self.budget).value
        )
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
            self.status = runtime.load().run(self.launch, self.code.address(self.kernel.name))

    def _shadow(self, array: NDArray[Any]) -> NDArray[np.uint64]:
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


SIZES = kernel(
    "u64 *out = (u64 *)launch->allocations[0].base;"
    + "".join(f"*out++ = sizeof({s.__name__});" for s in layout.STRUCTURES if s is not layout.PrintRecord)
    + "".join(
        f"{{ {s.__name__} *at = 0; *out++ = (u64)&at->{name}; }}" for s in layout.STRUCTURES if s is not layout.PrintRecord for name, *_ in s._fields_
    )
)


def test_structures_agree_with_the_compiled_runtime() -> None:
    structures = [s for s in layout.STRUCTURES if s is not layout.PrintRecord]
    offsets = [getattr(s, name).offset for s in structures for name, *_ in s._fields_]
    expected = [ctypes.sizeof(s) for s in structures] + offsets
    assert SIZES.run(x=aligned(2 * len(expected), np.uint32)).x.view(np.uint64).tolist() == expected


ENUMERATIONS = [layout.Status, layout.BarrierOperation, layout.WarpOperation, layout.FaultKind, layout.Space]
NUMBERED = [*(member for enumeration in ENUMERATIONS for member in enumeration), Access.LOAD, Access.STORE, Access.ATOMIC]
NUMBERS = kernel("u64 *out = (u64 *)launch->allocations[0].base;" + "".join(f"*out++ = {member.name};" for member in NUMBERED))


def test_numbers_agree_with_the_compiled_runtime() -> None:
    run = NUMBERS.run(x=aligned(2 * len(NUMBERED), np.uint32))
    assert run.x.view(np.uint64).tolist() == [int(member) for member in NUMBERED]


# ---- where an access may go

NEIGHBOURS = kernel("LOAD(global, X + 4 * T, 1); STORE(shared, S + 4 * T, value, 2); LOAD(shared, S + 4 * T, 3); STORE(global, Y + 4 * T, value, 4);")
WRITES = kernel("if (T == 5) { u64 to = Y + (i64)launch->budget; STORE(global, to, 1, 7); }")
POINTERS = kernel("u64 to = (u64)launch->budget; LOAD(generic, to, 7);")
SHARED_ANYWHERE = kernel("if (T == 5) { STORE(shared, (u32)(S + launch->budget), 1, 7); }")


def test_right_accesses_are_no_fault() -> None:
    run = NEIGHBOURS.run(x=aligned(64, np.uint32) + np.arange(64, dtype=np.uint32))
    assert run.kind == FaultKind.NO_FAULT
    assert run.y[:32].tolist() == list(range(32))


@pytest.mark.parametrize("offset", [256, 260, -4, -256, 1 << 30, -(1 << 30)])
def test_outside_an_array(offset: int) -> None:
    run = WRITES.run(budget=offset)
    assert run.kind == FaultKind.OUT_OF_BOUNDS
    assert (run.fault.thread, run.fault.site, run.fault.size) == (5, 7, 4)
    assert (run.fault.address & layout.OFFSET_MASK) - layout.MIDDLE == offset
    assert run.fault.access == Access.STORE | Space.GLOBAL << 8


@pytest.mark.parametrize("offset", [0, 252, 128])
def test_inside_an_array(offset: int) -> None:
    assert WRITES.run(budget=offset).y[offset // 4] == 1


def test_half_outside_an_array() -> None:
    assert WRITES.run(budget=254).kind == FaultKind.OUT_OF_BOUNDS


def test_between_elements() -> None:
    assert WRITES.run(budget=2).kind == FaultKind.MISALIGNED


def test_freed_memory() -> None:
    assert WRITES.run(budget=0, freed=True).kind == FaultKind.WILD_POINTER


def test_constant_memory() -> None:
    assert WRITES.run(budget=0, read_only=True).kind == FaultKind.READ_ONLY


@pytest.mark.parametrize("address", [0, 8, 0x7F00_1234_5678, 5000 << layout.NUMBER_SHIFT, 3 << layout.NUMBER_SHIFT, (1 << 64) - 8])
def test_null_host_and_wild_pointers(address: int) -> None:
    run = POINTERS.run(budget=address)
    assert run.kind == FaultKind.WILD_POINTER
    assert run.fault.address == address


@pytest.mark.parametrize("offset", [-4, -64, -68, 256, 300, 320, 1 << 20])
def test_outside_shared_memory(offset: int) -> None:
    run = SHARED_ANYWHERE.run(budget=offset)
    assert run.kind == FaultKind.SHARED_OUT_OF_BOUNDS
    assert ctypes.c_int64(run.fault.address).value == 64 + offset


def test_generic_addresses_reach_all_spaces() -> None:
    shared = kernel_address(layout.SHARED_WINDOW, 64 + 8)
    assert POINTERS.run(budget=shared).kind == FaultKind.SHARED_UNINITIALISED
    assert POINTERS.run(budget=kernel_address(layout.SHARED_WINDOW, -64)).kind == FaultKind.SHARED_OUT_OF_BOUNDS
    assert POINTERS.run(budget=kernel_address(layout.FIRST_NUMBER, layout.MIDDLE + 8)).kind == FaultKind.NO_FAULT
    assert POINTERS.run(budget=kernel_address(layout.LOCAL_WINDOW, 64 << 20)).kind == FaultKind.LOCAL_OUT_OF_BOUNDS


def kernel_address(number: int, offset: int) -> int:
    return (number << layout.NUMBER_SHIFT) + offset


LOCAL = kernel("""
    u32 *header = (u32 *)(frame + 48); header[0] = DEPOT_MAGIC; header[1] = 40;  // a depot at byte 64 of the stack
    u64 to = (64 << 20) + (i64)launch->budget;
    STORE(local, to, 9, 1);
    LOAD(local, to, 2);
    TOUCH(global, store, 4, X, 3); *(u32 *)pointer = value;
""")


@pytest.mark.parametrize("offset", [0, 4, 36])
def test_local_arrays(offset: int) -> None:
    assert LOCAL.run(threads=1, budget=offset).x[0] == 9


@pytest.mark.parametrize("offset", [-4, -16, 40, 37, 5000])
def test_outside_local_arrays(offset: int) -> None:
    run = LOCAL.run(threads=1, budget=offset)
    assert run.kind == FaultKind.LOCAL_OUT_OF_BOUNDS
    assert (ctypes.c_int64(run.fault.address).value, run.fault.extra) == (offset, 40)


def test_between_elements_of_local_arrays() -> None:
    assert LOCAL.run(threads=1, budget=2).kind == FaultKind.MISALIGNED


# ---- memory that nobody has written

ADDS_SHARED = kernel("ADD(shared, S, 1, 1);")
SHARED_IN_TWO_BLOCKS = kernel("if (BLOCK == 0) { STORE(shared, S + 4 * T, 1, 1); } else { LOAD(shared, S + 4 * T, 2); }")
ONE_BLOCK_FILLS = kernel("STORE(global, X + 4 * T, 1, 1); LOAD(global, X + 4 * T, 2); LOAD(global, Y + 4 * T, 3);")


def test_shared_memory_begins_unwritten_in_each_block() -> None:
    run = SHARED_IN_TWO_BLOCKS.run(blocks=2)
    assert run.kind == FaultKind.SHARED_UNINITIALISED
    assert (run.fault.block, run.fault.thread, run.fault.site, run.fault.address) == (1, 0, 2, 64)


def test_an_atomic_reads_too() -> None:
    assert ADDS_SHARED.run().kind == FaultKind.SHARED_UNINITIALISED


def test_global_memory_that_neither_host_nor_kernel_has_written() -> None:
    run = ONE_BLOCK_FILLS.run(written=False)
    assert (run.kind, run.fault.site) == (FaultKind.GLOBAL_UNINITIALISED, 3)


def test_what_a_launch_wrote_is_written_in_the_next() -> None:
    assert NEIGHBOURS.run(launches=3).kind == FaultKind.NO_FAULT


# ---- races within a block

REVERSE = kernel("STORE(shared, S + 4 * T, T, 1); BARRIER(2); LOAD(shared, S + 4 * (63 - T), 3); STORE(global, X + 4 * T, value, 4);")
HALF_WITHOUT_BARRIER = kernel("STORE(shared, S + 4 * T, T, 1); LOAD(shared, S + 4 * (T / 2), 3);")
SHIFT = kernel("""
    STORE(shared, S + 4 * T, T, 1); BARRIER(2);
    LOAD(shared, S + 4 * ((T + 1) % 64), 3); saved[0] = value;
    BARRIER(4);
    STORE(shared, S + 4 * T, saved[0], 5);
""")
SHIFT_WITHOUT_SECOND_BARRIER = kernel("""
    STORE(shared, S + 4 * T, T, 1); BARRIER(2);
    LOAD(shared, S + 4 * ((T + 63) % 64), 3);
    STORE(shared, S + 4 * T, value, 5);
""")
READ_BY_ALL_THEN_WRITTEN = kernel("""
    if (T == 0) { STORE(shared, S, 7, 1); }
    BARRIER(2);
    LOAD(shared, S, 3);
    SYNC_LANES(~0u, 4);
    if (T == launch->budget) { STORE(shared, S, 8, 5); }
""")
READ_TOGETHER_THEN_WRITTEN = kernel("""
    if (T == 0) { STORE(shared, S, 7, 1); }
    BARRIER(2);
    LOAD(shared, S, 3);
    TRACED(SHARED, STORE, S, 4);
    if (T == 0) { STORE(shared, S, 8, 5); }
""")
SAME_PLACE = kernel("STORE(shared, S, 1, 1);")
GLOBAL_IN_BLOCK = kernel("STORE(global, X + 4 * T, T, 1); LOAD(global, X + 4 * (T / 2), 3);")
COUNTS = kernel(
    "if (T == 0) { STORE(shared, S, 0, 1); } BARRIER(2); ADD(shared, S, 1, 3); BARRIER(4); LOAD(shared, S, 5); STORE(global, X + 4 * T, value, 6);"
)
COUNTS_BEFORE_ZEROED = kernel("STORE(shared, S + 4 * T, 0, 1); ADD(shared, S + 4 * (T / 2), 1, 3);")
COUNTS_AND_OWN_ZERO = kernel("if (T == 0) { STORE(shared, S, 0, 1); } ADD(shared, S, 1, 3);")
COUNTS_THEN_READS = kernel("if (T == 0) { STORE(shared, S, 0, 1); } BARRIER(2); ADD(shared, S, 1, 3); LOAD(shared, S, 4);")
LAST_READS = kernel("if (T == 0) { STORE(shared, S, 0, 1); } BARRIER(2); if (T < 32) { ADD(shared, S, 1, 3); } else { LOAD(shared, S, 4); }")
COMPARE_AND_SWAP = kernel("LOAD(global, X, 1); ADD(global, X, 1, 2); LOAD(global, X, 3); ADD(global, X, 1, 4);")
TRACED_COMPARE_AND_SWAP = kernel("""
    thread->depth = 0;
    TRACED(GLOBAL, LOAD, X, 1); LOAD(global, X, 1);
    TRACED(GLOBAL, ATOMIC, X, 2); ADD(global, X, 1, 2);
""")
PLAIN_THEN_SYNC_THEN_ATOMIC = kernel("""
    if (T == 0) { STORE(shared, S, 0, 1); }
    SYNC_LANES(~0u, 2);
    if (T < launch->budget) { ADD(shared, S, 1, 3); }
""")


def test_barriers_order_a_block() -> None:
    run = REVERSE.run(threads=64)
    assert run.kind == FaultKind.NO_FAULT
    assert run.x.tolist() == list(range(63, -1, -1))


def test_a_missing_barrier_before_a_read() -> None:
    run = HALF_WITHOUT_BARRIER.run(threads=64)
    assert (run.kind, run.relation) == (FaultKind.SHARED_RACE, Relation.READ_AFTER_WRITE)
    assert parties(run) == ((1, 3), (0, 1))
    assert (run.fault.block, run.fault.other_block, run.fault.address) == (0, 0, 64)


def test_barriers_on_both_sides_of_a_read() -> None:
    assert SHIFT.run(threads=64).kind == FaultKind.NO_FAULT


def test_a_missing_barrier_after_a_read() -> None:
    run = SHIFT_WITHOUT_SECOND_BARRIER.run(threads=64)
    assert (run.kind, run.relation) == (FaultKind.SHARED_RACE, Relation.READ_AFTER_WRITE)
    assert parties(run) == ((1, 3), (0, 5))


@pytest.mark.parametrize("writer", [0, 1])
def test_a_read_of_what_another_warp_has_overwritten(writer: int) -> None:
    run = READ_BY_ALL_THEN_WRITTEN.run(threads=64, budget=writer)
    assert (run.kind, run.relation) == (FaultKind.SHARED_RACE, Relation.READ_AFTER_WRITE)
    assert parties(run) == ((32, 3), (writer, 5))


@pytest.mark.parametrize("writer", [33, 63])
def test_a_write_to_what_all_have_read(writer: int) -> None:
    run = READ_BY_ALL_THEN_WRITTEN.run(threads=64, budget=writer)
    assert (run.kind, run.relation) == (FaultKind.SHARED_RACE, Relation.WRITE_AFTER_READ)
    assert parties(run) == ((writer, 5), (0, 3))


def test_the_other_party_may_not_be_known() -> None:
    run = READ_TOGETHER_THEN_WRITTEN.run(traced=True)
    assert (run.kind, run.relation) == (FaultKind.SHARED_RACE, Relation.WRITE_AFTER_READ)
    assert parties(run) == ((0, 5), (layout.UNKNOWN, 3))


def test_a_write_to_what_the_own_warp_has_read_and_then_synchronized() -> None:
    assert READ_BY_ALL_THEN_WRITTEN.run(threads=32, budget=3).kind == FaultKind.NO_FAULT


def test_two_writes_to_one_place_even_of_the_same_value() -> None:
    run = SAME_PLACE.run()
    assert (run.kind, run.relation, parties(run)) == (FaultKind.SHARED_RACE, Relation.WRITE_AFTER_WRITE, ((1, 1), (0, 1)))


def test_global_memory_is_shared_by_a_block_too() -> None:
    run = GLOBAL_IN_BLOCK.run(threads=64)
    assert (run.kind, run.relation, parties(run)) == (FaultKind.GLOBAL_RACE, Relation.READ_AFTER_WRITE, ((1, 3), (0, 1)))


def test_atomics_may_meet() -> None:
    run = COUNTS.run(threads=64, blocks=1)
    assert (run.kind, set(run.x.tolist())) == (FaultKind.NO_FAULT, {64})


@pytest.mark.parametrize("wrong", [COUNTS_BEFORE_ZEROED, COUNTS_AND_OWN_ZERO])
def test_atomics_beside_a_plain_write(wrong: Kernel) -> None:
    run = wrong.run(threads=64)
    assert (run.kind, run.relation & 3) == (FaultKind.SHARED_RACE, Relation.WRITE_AFTER_WRITE)


def test_a_plain_read_beside_atomics() -> None:
    run = COUNTS_THEN_READS.run(threads=64)
    assert run.kind == FaultKind.SHARED_RACE
    assert {run.fault.site, run.fault.other_site} == {3, 4}


def test_a_plain_read_after_atomics_of_others() -> None:
    run = LAST_READS.run(threads=64)
    assert (run.kind, run.relation) == (FaultKind.SHARED_RACE, Relation.READ_AFTER_WRITE)
    assert (run.fault.thread, run.fault.site, run.fault.other_site) == (32, 4, 3)
    assert (run.fault.address, run.fault.size, run.fault.access) == (64, 4, Access.LOAD | Space.SHARED << 8)


def test_a_loop_around_a_compare_and_swap_may_begin_with_a_plain_read() -> None:
    plain, traced = COMPARE_AND_SWAP.run(threads=64, blocks=3), TRACED_COMPARE_AND_SWAP.run(threads=64, blocks=3, traced=True)
    assert (plain.kind, plain.x[0]) == (FaultKind.NO_FAULT, 2 * 64 * 3)
    assert (traced.kind, traced.x[0]) == (FaultKind.NO_FAULT, 64 * 3)


def test_a_plain_write_that_only_the_own_warp_is_behind() -> None:
    assert PLAIN_THEN_SYNC_THEN_ATOMIC.run(threads=64, budget=32).kind == FaultKind.NO_FAULT
    run = PLAIN_THEN_SYNC_THEN_ATOMIC.run(threads=64, budget=64)
    assert (run.kind, run.relation) == (FaultKind.SHARED_RACE, Relation.WRITE_AFTER_WRITE | Relation.PLAIN_BEFORE)
    assert run.fault.thread == 32


# ---- granules of other sizes

BYTES = kernel("TOUCH(shared, store, 1, S + T, 1); *pointer = T; BARRIER(2); LOAD(shared, S + 4 * (T / 4), 3); STORE(global, X + 4 * T, value, 4);")
BYTES_BESIDE_WORD = kernel("TOUCH(shared, store, 1, S + T, 1); *pointer = T; if (T == 9) { LOAD(shared, S + 8, 3); }")
HALVES = kernel("TOUCH(shared, store, 2, S + 2 * T, 1); BARRIER(2); TOUCH(shared, load, 2, S + 2 * (31 - T), 3);")
HALVES_UNORDERED = kernel("TOUCH(shared, store, 2, S + 2 * T, 1); TOUCH(shared, load, 2, S + 2 * (T / 2), 3);")
WIDE = kernel("TOUCH(shared, store, 16, S + 16 * T, 1); BARRIER(2); LOAD(shared, S + 16 * T, 3); TOUCH(shared, load, 8, S + 8 * T, 4);")
WIDE_OVER_NARROW = kernel("if (T == 0) { STORE(shared, S + 12, 1, 1); } if (T == 1) { TOUCH(shared, store, 16, S, 2); }")
WIDE_OVER_END = kernel("TOUCH(shared, store, 16, S + 256 - 8 + (u64)launch->budget, 1);")
ODD_END = kernel("TOUCH(shared, store, 1, S + (u64)launch->budget, 1);")


def test_bytes() -> None:
    run = BYTES.run(shift=0)
    assert run.kind == FaultKind.NO_FAULT
    assert run.x[4] == 0x07060504


def test_a_word_over_bytes_of_others() -> None:
    run = BYTES_BESIDE_WORD.run(shift=0)
    assert (run.kind, run.fault.thread, run.fault.other_thread, run.fault.size) == (FaultKind.SHARED_RACE, 9, 8, 4)


def test_bytes_of_one_word_are_no_race() -> None:
    assert ODD_END.run(shift=0, threads=1, shared_bytes=13, budget=12).kind == FaultKind.NO_FAULT
    assert ODD_END.run(shift=0, threads=1, shared_bytes=13, budget=13).kind == FaultKind.SHARED_OUT_OF_BOUNDS


def test_halves() -> None:
    assert HALVES.run(shift=1).kind == FaultKind.NO_FAULT
    assert HALVES_UNORDERED.run(shift=1).kind == FaultKind.SHARED_RACE


def test_wide_accesses() -> None:
    assert WIDE.run(threads=16).kind == FaultKind.NO_FAULT
    assert WIDE_OVER_NARROW.run().kind == FaultKind.SHARED_RACE
    assert WIDE_OVER_END.run(threads=1, budget=0).kind == FaultKind.SHARED_OUT_OF_BOUNDS


# ---- races between blocks

BLOCKS_WRITE_ONE_PLACE = kernel("if (T == 3) { STORE(global, X, BLOCK, 1); }")
BLOCKS_WRITE_THEIR_OWN = kernel("STORE(global, X + 4 * (32 * BLOCK + T), BLOCK, 1);")
BLOCK_READS_ANOTHER = kernel("if (BLOCK == 0) { STORE(global, X + 4 * T, T, 1); } if (BLOCK == 2) { LOAD(global, X + 4 * T, 2); }")
BLOCK_OVERWRITES_INPUT = kernel("LOAD(global, X + 4 * T, 1); if (BLOCK == 2 && T == 7) { STORE(global, X + 4 * T, 0, 2); }")
ADDS_FROM_ALL_BLOCKS = kernel("ADD(global, X, 1, 1);")
FIRST_BLOCK_ZEROES = kernel("if (BLOCK == 0 && T == 0) { STORE(global, X, 0, 1); } BARRIER(2); ADD(global, X, 1, 3);")


def test_blocks_that_keep_to_themselves() -> None:
    assert BLOCKS_WRITE_THEIR_OWN.run(blocks=2, launches=2).kind == FaultKind.NO_FAULT


def test_blocks_that_write_one_place() -> None:
    run = BLOCKS_WRITE_ONE_PLACE.run(blocks=4)
    assert (run.kind, run.relation) == (FaultKind.GLOBAL_RACE, Relation.WRITE_AFTER_WRITE | Relation.OTHER_BLOCK)
    assert (run.fault.block, run.fault.other_block, parties(run)) == (1, 0, ((3, 1), (3, 1)))


def test_a_block_that_reads_what_another_wrote() -> None:
    run = BLOCK_READS_ANOTHER.run(blocks=3)
    assert (run.kind, run.relation) == (FaultKind.GLOBAL_RACE, Relation.READ_AFTER_WRITE | Relation.OTHER_BLOCK)
    assert (run.fault.block, run.fault.other_block, parties(run)) == (2, 0, ((0, 2), (0, 1)))


def test_a_block_that_overwrites_what_others_read() -> None:
    run = BLOCK_OVERWRITES_INPUT.run(blocks=3)
    assert (run.kind, run.relation) == (FaultKind.GLOBAL_RACE, Relation.WRITE_AFTER_READ | Relation.OTHER_BLOCK)
    assert (run.fault.block, run.fault.other_block, parties(run)) == (2, 0, ((7, 2), (7, 1)))


def test_atomics_of_all_blocks() -> None:
    assert ADDS_FROM_ALL_BLOCKS.run(blocks=5).x[0] == 160


def test_a_plain_zero_in_the_first_block_is_not_ordered_before_the_others() -> None:
    assert FIRST_BLOCK_ZEROES.run(blocks=1).kind == FaultKind.NO_FAULT
    run = FIRST_BLOCK_ZEROES.run(blocks=2)
    assert (run.kind, run.fault.block, run.fault.other_block) == (FaultKind.GLOBAL_RACE, 1, 0)
    assert run.relation == Relation.WRITE_AFTER_WRITE | Relation.OTHER_BLOCK | Relation.PLAIN_BEFORE


# The last block adds up what all have left: x[0] counts blocks, x[1 + b] is block b's part.
LAST_BLOCK = """
    if (T == 40) {{ STORE(global, X + 4 + 4 * BLOCK, 10 + BLOCK, 1); {own_fence} }}
    {all_fence} BARRIER(2);
    if (T == 0) {{
        {first_fence}
        ADD(global, X, 1, 3);
        STORE(shared, S, value == launch->grid_dim[0] - 1, 4);
    }}
    BARRIER(5);
    LOAD(shared, S, 6);
    if (value && T < launch->grid_dim[0]) {{ LOAD(global, X + 4 + 4 * T, 7); STORE(global, Y + 4 * T, value, 8); if (T == 0) {{ STORE(global, X, 0, 9); }} }}
"""
FENCED = [
    kernel(LAST_BLOCK.format(own_fence="FENCE;", all_fence="", first_fence="")),
    kernel(LAST_BLOCK.format(own_fence="", all_fence="FENCE;", first_fence="")),
    kernel(LAST_BLOCK.format(own_fence="", all_fence="", first_fence="FENCE;")),
]
UNFENCED = kernel(LAST_BLOCK.format(own_fence="", all_fence="", first_fence=""))
FENCE_TOO_LATE = kernel("""
    if (T == 0) { STORE(global, X + 4 + 4 * BLOCK, 10 + BLOCK, 1); ADD(global, X, 1, 3); FENCE; saved[0] = value; }
    if (T == 0 && saved[0] == launch->grid_dim[0] - 1) { LOAD(global, X + 4, 7); }
""")
NOT_ACQUIRED = kernel(
    "if (T == 0 && BLOCK == 0) { STORE(global, X + 4, 1, 1); FENCE; ADD(global, X, 1, 3); } if (T == 0 && BLOCK == 1) { LOAD(global, X + 4, 7); }"
)
WRITTEN_AFTER_FENCE = kernel("""
    if (T == 0) { FENCE; STORE(global, X + 4 + 4 * BLOCK, 1, 1); ADD(global, X, 1, 3); LOAD(global, X + 4, 7); }
""")
LANES_THEN_FENCE = kernel("""
    STORE(global, Y + 4 * (BLOCK * 32 + T), 1, 1);
    SYNC_LANES(~0u, 2);
    if (T == 0) { FENCE; ADD(global, X, 1, 3); saved[0] = value; }
    WARP(SHUFFLE_INDEX, ~0u, saved[0], 0, 31, 4);
    if (thread->result == launch->grid_dim[0] - 1) { LOAD(global, Y + 4 * T, 5); }
""")
LOCKED = kernel("""
    ADD(global, X, 1, 1);  // takes the lock: threads run one after another here
    LOAD(global, X + 4, 2); STORE(global, X + 4, value + 1, 3);
    FENCE;
    ADD(global, X, -1, 4);
""")


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("launches", [1, 2])
def test_the_last_block_may_read_what_fences_and_atomics_released(number: int, launches: int) -> None:
    run = FENCED[number].run(threads=64, blocks=4, has_fence=True, launches=launches)
    assert run.kind == FaultKind.NO_FAULT
    assert run.y[:4].tolist() == [10, 11, 12, 13]


@pytest.mark.parametrize("has_fence", [False, True])
def test_without_its_fence_the_last_block_reads_too_early(has_fence: bool) -> None:
    run = UNFENCED.run(threads=64, blocks=4, has_fence=has_fence)
    assert (run.kind, run.relation) == (FaultKind.GLOBAL_RACE, Relation.READ_AFTER_WRITE | Relation.OTHER_BLOCK)
    assert (run.fault.block, run.fault.other_block, parties(run)) == (3, 0, ((0, 7), (40, 1)))


@pytest.mark.parametrize("wrong", [FENCE_TOO_LATE, NOT_ACQUIRED, WRITTEN_AFTER_FENCE])
def test_fences_in_the_wrong_place(wrong: Kernel) -> None:
    run = wrong.run(blocks=2, has_fence=True)
    assert (run.kind, run.fault.other_site) == (FaultKind.GLOBAL_RACE, 1)


def test_a_fence_releases_what_its_warp_has_told_it() -> None:
    assert LANES_THEN_FENCE.run(blocks=2, has_fence=True).kind == FaultKind.NO_FAULT
    assert LANES_THEN_FENCE.run(blocks=2, has_fence=True, threads=32).kind == FaultKind.NO_FAULT


def test_a_lock() -> None:
    assert LOCKED.run(threads=64, blocks=2, has_fence=True).x[1] == 128


# ---- warps

VALUES = "WARP({what}, {mask}, {value}, {operand}, {clamp}, 3); STORE(global, X + 4 * T, thread->result, 4); STORE(global, Y + 4 * T, thread->predicate, 5);"


def warp(what: str, value: str = "T * T", operand: str = "0", clamp: str = "31", mask: str = "~0u", before: str = "") -> Kernel:
    return kernel(before + VALUES.format(what=what, mask=mask, value=value, operand=operand, clamp=clamp))


LANES = range(32)
SHUFFLES = [
    (warp("SHUFFLE_DOWN", operand="3"), [(i + 3 if i + 3 < 32 else i) ** 2 for i in LANES], [i + 3 < 32 for i in LANES]),
    (warp("SHUFFLE_UP", operand="3", clamp="0"), [(i - 3 if i >= 3 else i) ** 2 for i in LANES], [i >= 3 for i in LANES]),
    (warp("SHUFFLE_XOR", operand="5"), [(i ^ 5) ** 2 for i in LANES], [True] * 32),
    (warp("SHUFFLE_INDEX", operand="T / 2"), [(i // 2) ** 2 for i in LANES], [True] * 32),
    (warp("SHUFFLE_DOWN", operand="1", clamp="0x181f"), [(i + 1 if i % 8 < 7 else i) ** 2 for i in LANES], [i % 8 < 7 for i in LANES]),
    (warp("SHUFFLE_INDEX", operand="9", clamp="0x181f"), [(i // 8 * 8 + 1) ** 2 for i in LANES], [True] * 32),
    (warp("VOTE_ALL", value="T < 31"), [0] * 32, [False] * 32),
    (warp("VOTE_ANY", value="T == 9"), [1] * 32, [True] * 32),
    (warp("VOTE_UNIFORM", value="0"), [1] * 32, [True] * 32),
    (warp("VOTE_UNIFORM", value="T & 1"), [0] * 32, [False] * 32),
    (warp("MATCH_ANY", value="T % 8"), [0x01010101 << i % 8 for i in LANES], None),
    (warp("MATCH_ALL", value="6"), [0xFFFFFFFF] * 32, [True] * 32),
    (warp("MATCH_ALL", value="T / 31"), [0] * 32, [False] * 32),
    (warp("REDUCE_ADD", value="T"), [496] * 32, None),
    (warp("REDUCE_MIN_SIGNED", value="T - 5"), [2**32 - 5] * 32, None),
    (warp("REDUCE_MAX_SIGNED", value="T - 40"), [2**32 - 9] * 32, None),
    (warp("REDUCE_MIN", value="T - 5"), [0] * 32, None),
    (warp("REDUCE_MAX", value="T - 5"), [2**32 - 1] * 32, None),
    (warp("REDUCE_AND", value="T | 6"), [6] * 32, None),
    (warp("REDUCE_OR", value="T"), [31] * 32, None),
    (warp("REDUCE_XOR", value="T + 1"), [32] * 32, None),
]
BALLOT = warp("VOTE_BALLOT", value="T % 3 == 0")
HALF = kernel(
    "if (T >= 16) { WARP(REDUCE_ADD, 0xffff0000, T, 0, 0, 1); } else { WARP(REDUCE_ADD, 0x0000ffff, T, 0, 0, 2); } STORE(global, X + 4 * T, thread->result, 3);"
)
LEFT = kernel("if (T < 3) return FINISHED; WARP(VOTE_BALLOT, ~0u, 1, 0, 0, 1); STORE(global, X + 4 * T, thread->result, 3);")
MATCH_64 = kernel("""
    thread->operation = MATCH_ANY; thread->mask = ~0u; thread->value = 1; thread->value_high = T % 2; STOP(IN_WARP, 1);
    STORE(global, X + 4 * T, thread->result, 2);
""")


@pytest.mark.parametrize("number", range(len(SHUFFLES)))
def test_warp_operations(number: int) -> None:
    tried, results, predicates = SHUFFLES[number]
    run = tried.run()
    assert run.kind == FaultKind.NO_FAULT
    assert run.x[:32].tolist() == results
    assert predicates is None or run.y[:32].tolist() == predicates


def test_matches_compare_64_bits() -> None:
    assert MATCH_64.run().x[:2].tolist() == [0x55555555, 0xAAAAAAAA]


def test_masks_name_parts_of_a_warp() -> None:
    run = HALF.run()
    assert (run.x[0], run.x[31]) == (sum(range(16)), sum(range(16, 32)))


def test_lanes_that_have_left_or_do_not_exist_take_no_part() -> None:
    assert LEFT.run().x[3] == 0xFFFFFFF8
    assert BALLOT.run(threads=10).x[0] == 0b1001001001


BRANCHES = kernel("""
    if (T % 4 == 3) { SYNC_LANES(~0u, 7); }
    if (T % 4 == 1) { WARP(ACTIVE_MASK, ~0u, 0, 0, 0, 1); STORE(global, X + 4 * T, thread->result, 2); }
    if (T % 4 == 0) { WARP(ACTIVE_MASK, ~0u, 0, 0, 0, 3); STORE(global, X + 4 * T, thread->result, 4); }
    if (T % 4 < 2) { WARP(ACTIVE_MASK, ~0u, 0, 0, 0, 5); STORE(global, Y + 4 * T, thread->result, 6); }
    if (T % 4 != 3) { SYNC_LANES(~0u, 8); }
""")


@pytest.mark.parametrize("traced", [False, True])
def test_active_lanes_are_those_that_run_together(traced: bool) -> None:
    run = BRANCHES.run(traced=traced)
    assert run.kind == FaultKind.NO_FAULT
    assert [int(mask) for mask in run.x[:4]] == [0x11111111, 0x22222222, 0, 0]
    assert [int(mask) for mask in run.y[:4]] == [0x33333333, 0x33333333, 0, 0]


# Lane 0 writes, all synchronize or not, lane 1 reads.
TELLS = "if (LANE == {writer}) {{ STORE(shared, S, 1, 1); }} {sync} if (LANE == {reader}) {{ LOAD(shared, S, 3); }}"
TOLD = [
    kernel(TELLS.format(writer=0, reader=1, sync="SYNC_LANES(~0u, 2);")),
    kernel(TELLS.format(writer=0, reader=1, sync="if (LANE < 2) { SYNC_LANES(3, 2); }")),
    kernel(TELLS.format(writer=0, reader=2, sync="if (LANE < 2) { SYNC_LANES(3, 4); } if (LANE == 1 || LANE == 2) { SYNC_LANES(6, 5); }")),
    kernel(TELLS.format(writer=0, reader=9, sync="WARP(SHUFFLE_XOR, ~0u, 1, 1, 31, 2);")),
]
NOT_TOLD = [
    kernel(TELLS.format(writer=0, reader=1, sync="")),
    kernel(TELLS.format(writer=0, reader=2, sync="if (LANE < 2) { SYNC_LANES(3, 2); } if (LANE == 2 || LANE == 3) { SYNC_LANES(12, 4); }")),
    kernel(TELLS.format(writer=0, reader=2, sync="if (LANE == 1 || LANE == 2) { SYNC_LANES(6, 5); } if (LANE < 2) { SYNC_LANES(3, 4); }")),
]


@pytest.mark.parametrize("number", range(len(TOLD)))
def test_warp_operations_order_the_lanes_that_they_name(number: int) -> None:
    assert TOLD[number].run().kind == FaultKind.NO_FAULT


@pytest.mark.parametrize("number", range(len(NOT_TOLD)))
def test_other_lanes_they_do_not_order(number: int) -> None:
    run = NOT_TOLD[number].run()
    assert (run.kind, run.fault.other_site) == (FaultKind.SHARED_RACE, 1)


def test_warps_are_not_ordered_by_warp_operations() -> None:
    assert TOLD[0].run(threads=64).kind == FaultKind.SHARED_RACE


# ---- waiting in vain

BARRIER_IN_HALF = kernel("if (T < 40) { BARRIER(1); }")
TWO_BARRIERS = kernel("if (T < 40) { BARRIER(1); } else { BARRIER(2); }")
ABSENT_LANES = kernel("if (T < 16) { SYNC_LANES(~0u, 1); } else { BARRIER(2); }")
DIFFERENT_OPERATIONS = kernel("if (T < 16) { SYNC_LANES(~0u, 1); } else { WARP(VOTE_ANY, ~0u, 0, 0, 0, 2); }")
OUTSIDE_MASK = kernel("SYNC_LANES(0xff, 1);")
DEAD_LANE = kernel("if (T < 16) { WARP(SHUFFLE_DOWN, 0xffff, T, 8, 31, 1); }")
NAMED_BARRIERS = kernel("""
    if (T < 64) { BARRIER_OF(SYNC, 1, 64, 0, 1); } else { BARRIER_OF(SYNC, 2, 32, 0, 2); }
    u64 to = T < 64 ? X + 4 * T : Y + 4 * (T - 64);
    STORE(global, to, 1, 3);
""")
TOO_FEW = kernel("if (T < 16) { BARRIER_OF(SYNC, 1, 64, 0, 1); } else if (T < 32) { BARRIER_OF(SYNC, 1, 64, 0, 2); }")
PRODUCER = kernel(
    "if (T < 32) { STORE(shared, S + 4 * T, T, 1); BARRIER_OF(SYNC, 1, 64, 0, 2); } else { BARRIER_OF(SYNC, 1, 64, 0, 3); LOAD(shared, S + 4 * (T - 32), 4); }"
)
# One warp fills a buffer, the other one empties it; the first round of "empty" is announced before anything is full.
HANDED_OVER = kernel("""
    if (T < 32) {
        BARRIER_OF(SYNC, 2, 64, 0, 1); STORE(shared, S + 4 * T, 1, 2); BARRIER_OF(ARRIVE, 1, 64, 0, 3);
        BARRIER_OF(SYNC, 2, 64, 0, 4); STORE(shared, S + 4 * T, 2, 5); BARRIER_OF(ARRIVE, 1, 64, 0, 6);
    } else {
        BARRIER_OF(ARRIVE, 2, 64, 0, 7); BARRIER_OF(SYNC, 1, 64, 0, 8); LOAD(shared, S + 4 * (63 - T), 9);
        BARRIER_OF(ARRIVE, 2, 64, 0, 10); BARRIER_OF(SYNC, 1, 64, 0, 11); LOAD(shared, S + 4 * (63 - T), 12);
    }
""")
NOT_ALL_ARRIVE = kernel("if (T < 31) { BARRIER_OF(ARRIVE, 1, 64, 0, 1); } else if (T > 31) { BARRIER_OF(SYNC, 1, 64, 0, 2); }")
REDUCING = kernel(
    "BARRIER_OF(COUNT, 0, 0, T % 3 == 0, 1); saved[0] = thread->result; BARRIER_OF(AND, 0, 0, T < 64, 2); saved[1] = thread->result; BARRIER_OF(OR, 0, 0, T == 40, 3); if (T == 0) { STORE(global, X, saved[0], 4); STORE(global, X + 4, saved[1], 5); STORE(global, X + 8, thread->predicate, 6); }"
)


def test_threads_that_leave_before_a_barrier() -> None:
    run = BARRIER_IN_HALF.run(threads=64)
    assert run.kind == FaultKind.BARRIER_LEFT
    assert parties(run) == ((0, 1), (40, layout.UNKNOWN))
    assert (run.fault.extra >> 32, run.fault.extra & layout.UNKNOWN) == (40, 24)


def test_threads_at_different_barriers() -> None:
    run = TWO_BARRIERS.run(threads=64)
    assert (run.kind, parties(run)) == (FaultKind.BARRIER_APART, ((0, 1), (40, 2)))


def test_lanes_that_never_come() -> None:
    run = ABSENT_LANES.run()
    assert (run.kind, parties(run)) == (FaultKind.WARP_APART, ((0, 1), (16, 2)))
    assert (run.fault.extra & layout.UNKNOWN, run.fault.extra >> 32) == (0xFFFFFFFF, layout.Status.AT_BARRIER)


def test_lanes_in_different_operations() -> None:
    run = DIFFERENT_OPERATIONS.run()
    assert (run.kind, parties(run)) == (FaultKind.WARP_APART, ((0, 1), (16, 2)))


def test_a_mask_without_the_caller() -> None:
    run = OUTSIDE_MASK.run()
    assert (run.kind, run.fault.thread, run.fault.site, run.fault.extra) == (FaultKind.WARP_MASK, 8, 1, 0xFF)


def test_a_shuffle_from_a_lane_that_takes_no_part() -> None:
    run = DEAD_LANE.run()
    assert (run.kind, run.fault.thread, run.fault.other_thread) == (FaultKind.SHUFFLE_DEAD_LANE, 8, 16)
    run = DEAD_LANE.run(threads=16)
    assert (run.kind, run.fault.other_thread, run.fault.extra >> 32) == (FaultKind.SHUFFLE_DEAD_LANE, layout.UNKNOWN, 16)


def test_named_barriers() -> None:
    run = NAMED_BARRIERS.run(threads=96)
    assert run.kind == FaultKind.NO_FAULT
    assert run.x.sum() + run.y.sum() == 96
    assert PRODUCER.run(threads=64).kind == FaultKind.NO_FAULT


def test_who_arrives_at_a_barrier_does_not_wait_there() -> None:
    assert HANDED_OVER.run(threads=64).kind == FaultKind.NO_FAULT
    assert NOT_ALL_ARRIVE.run(threads=64).kind == FaultKind.BARRIER_LEFT


def test_a_named_barrier_that_too_few_reach() -> None:
    run = TOO_FEW.run(threads=64)
    assert (run.kind, parties(run)) == (FaultKind.BARRIER_LEFT, ((0, 1), (32, layout.UNKNOWN)))


def test_barriers_that_count() -> None:
    assert REDUCING.run(threads=64).x[:3].tolist() == [22, 1, 1]


# ---- traces

TRACED = kernel("""
    thread->depth = 0;
    BRANCH(T % 2, 1);
    if (T % 2) { TRACED(GLOBAL, LOAD, X + 4 * T, 2); } else { TRACED(GLOBAL, STORE, Y + 4 * T, 3); }
    TRACED(SHARED, ATOMIC, S, 4);
    BARRIER(5);
    if (T >= 2) { TRACED(GLOBAL, LOAD, X, 6); return FINISHED; }
    thread->depth = 64;
    TRACED(GLOBAL, LOAD, X, 7);
""")


def test_a_trace_has_one_step_for_lanes_that_move_together() -> None:
    run = TRACED.run(threads=4, traced=True)
    seen = [(event.step, event.site, event.thread, event.access, event.size, event.interval) for event in run.trace]
    load, store, atomic, branch, barrier = Access.LOAD, Access.STORE, Access.ATOMIC, Access.BRANCH, Access.BARRIER
    assert seen == [
        *((0, 1, i, branch, i % 2, 0) for i in range(4)),
        *((1, 2, i, load, 4, 0) for i in (1, 3)),
        *((2, 3, i, store, 4, 0) for i in (0, 2)),
        *((3, 4, i, atomic, 4, 0) for i in range(4)),
        *((4, 5, i, barrier, 0, 0) for i in range(4)),
        *((5, 7, i, load, 4, 1) for i in (0, 1)),  # they stand deeper
        *((6, 6, i, load, 4, 1) for i in (2, 3)),
    ]
    assert [(event.space, event.address) for event in run.trace if event.step == 3] == [(Space.SHARED, 64)] * 4


def test_warps_and_blocks_take_their_steps_in_turn() -> None:
    run = TRACED.run(threads=40, blocks=2, traced=True)
    assert [event.block for event in run.trace] == sorted(event.block for event in run.trace)
    assert len({event.step for event in run.trace}) == 2 * (2 * 5 + 3)


def test_a_trace_that_is_full() -> None:
    assert TRACED.run(threads=4, traced=True, room=10).kind == FaultKind.TRACE_FULL


# ---- printf

PRINTS = kernel("""
    if (T == 1) {
        u8 *text = launch->allocations[0].base;
        const char *format = "%s %5d|%-4u|%lld %c %.3f %g %x %% %5.1e %*d\\n";
        for (u32 i = 0; (text[i] = format[i]) != 0; i++) {}
        text[100] = 'h'; text[101] = 'i'; text[102] = 0;
        u8 *values = launch->allocations[1].base;
        *(u64 *)values = X + 100; *(i32 *)(values + 8) = -7; *(u32 *)(values + 12) = ~0u; *(i64 *)(values + 16) = -(1ll << 40);
        *(u32 *)(values + 24) = 'c'; *(double *)(values + 32) = 3.14159; *(double *)(values + 40) = 0.5; *(u32 *)(values + 48) = 255;
        *(double *)(values + 56) = 12345.0; *(i32 *)(values + 64) = 4; *(i32 *)(values + 68) = 42;
        for (i64 i = 0; i < launch->budget; i++) runtime_printf(thread, launch, X, Y);
    }
""")


def test_printf_formats_as_c_does() -> None:
    assert PRINTS.run(budget=1).text == "hi    -7|4294967295|-1099511627776 c 3.142 0.5 ff % 1.2e+04   42\n"


def test_printf_loses_what_finds_no_room() -> None:
    run = PRINTS.run(budget=100)
    printed = run.text.count("\n")
    assert 0 < printed < 100
    assert run.launch.lost_prints == 100 - printed
