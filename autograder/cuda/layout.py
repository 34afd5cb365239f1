"""The structures of runtime.cuh, for Python."""

from __future__ import annotations

import ctypes
from ctypes import c_int64, c_uint8, c_uint16, c_uint32, c_uint64, c_void_p
from enum import IntEnum, IntFlag, auto

NUMBER_SHIFT = 40
MIDDLE = 1 << 39
OFFSET_MASK = (1 << NUMBER_SHIFT) - 1
SHARED_WINDOW, LOCAL_WINDOW, FUNCTION_WINDOW, FIRST_NUMBER = 1, 2, 3, 4096

LOCAL_SHIFT = 20
"""A local address is the bytes of stack below a depot (a function's local arrays) << 20 | the offset within the depot."""
DEPOT_MAGIC, DEPOT_HEADER = 0x10CA1, 16
"""What stands in the bytes before each depot: the magic, the depot's size, and 8 bytes of nothing."""
LARGEST_DEPOT = (1 << LOCAL_SHIFT) - 1

EPOCH_STEP = 1 << 27
NEVER_WRITTEN, WRITTEN_BY_HOST, REDZONE = 0, EPOCH_STEP, (1 << 64) - 1
"""Tags of a granule's last write, `Shadow.write`."""
UNKNOWN = 0xFFFFFFFF
"""A thread, site or block that is not known."""


class Status(IntEnum):
    """Why a compiled function stopped."""

    FINISHED = 0
    AT_BARRIER = auto()
    IN_WARP = auto()
    FAULTED = auto()
    AT_ACCESS = auto()
    AT_BRANCH = auto()
    RUNNABLE = auto()


class BarrierOperation(IntEnum):
    """What the threads at a barrier learn: nothing, how many of their predicates are true, whether all or any are. ARRIVE does not wait."""

    SYNC = 0
    COUNT = auto()
    AND = auto()
    OR = auto()
    ARRIVE = auto()


class WarpOperation(IntEnum):
    """What the lanes of a warp do together."""

    SHUFFLE_UP = 0
    SHUFFLE_DOWN = auto()
    SHUFFLE_XOR = auto()
    SHUFFLE_INDEX = auto()
    VOTE_ALL = auto()
    VOTE_ANY = auto()
    VOTE_UNIFORM = auto()
    VOTE_BALLOT = auto()
    MATCH_ANY = auto()
    MATCH_ALL = auto()
    REDUCE_ADD = auto()
    REDUCE_MIN_SIGNED = auto()
    REDUCE_MAX_SIGNED = auto()
    REDUCE_MIN = auto()
    REDUCE_MAX = auto()
    REDUCE_AND = auto()
    REDUCE_OR = auto()
    REDUCE_XOR = auto()
    SYNC_WARP = auto()
    ACTIVE_MASK = auto()


class Access(IntEnum):
    """How memory is touched, and, in a trace, what else a thread does."""

    LOAD = 0
    STORE = auto()
    ATOMIC = auto()
    BRANCH = auto()
    BARRIER = auto()
    WARP = auto()


class Space(IntEnum):
    """A memory space."""

    GLOBAL = 0
    SHARED = auto()
    LOCAL = auto()
    CONSTANT = auto()


class FaultKind(IntEnum):
    """What a thread did that it may not; runtime.cuh explains each."""

    NO_FAULT = 0
    OUT_OF_BOUNDS = auto()
    WILD_POINTER = auto()
    READ_ONLY = auto()
    MISALIGNED = auto()
    SHARED_OUT_OF_BOUNDS = auto()
    LOCAL_OUT_OF_BOUNDS = auto()
    SHARED_UNINITIALISED = auto()
    GLOBAL_UNINITIALISED = auto()
    SHARED_RACE = auto()
    GLOBAL_RACE = auto()
    BARRIER_APART = auto()
    BARRIER_LEFT = auto()
    WARP_APART = auto()
    WARP_MASK = auto()
    SHUFFLE_DEAD_LANE = auto()
    ASSERTION = auto()
    ENDLESS = auto()
    STACK_OVERFLOW = auto()
    BAD_CALL = auto()
    TRACE_FULL = auto()


class Relation(IntFlag):
    """How a race came about: one of the first three, and what is added to it."""

    READ_AFTER_WRITE = 0
    WRITE_AFTER_WRITE = 1
    WRITE_AFTER_READ = 2
    OTHER_BLOCK = 4
    PLAIN_BEFORE = 8


class Thread(ctypes.Structure):
    """A thread of the block that runs; its stack follows it."""

    _fields_ = (
        *((name, c_uint32) for name in ("x", "y", "z", "number", "status", "site", "depth", "operation")),
        *((name, c_uint32) for name in ("value", "value_high", "operand", "clamp", "mask", "result", "result_high", "predicate")),
        ("address", c_uint64),
        ("size", c_uint32),
        ("access", c_uint32),
        ("tag", c_uint64),
        ("stack", c_void_p),
        ("stack_end", c_void_p),
        ("heard_all", c_uint64),
        ("heard", c_uint64 * 32),
        *((name, c_uint64) for name in ("fence", "fence_barrier", "released", "released_at", "acquired", "doubt", "doubt_address")),
        ("doubt_site", c_uint32),
        ("doubt_access", c_uint32),
    )


class Shadow(ctypes.Structure):
    """What is known about a granule of memory."""

    _fields_ = (("write", c_uint64), ("read", c_uint64))


class Allocation(ctypes.Structure):
    """Device memory; size 0: freed."""

    _fields_ = (("base", c_void_p), ("size", c_uint64), ("shadow", c_void_p), ("read_only", c_uint32), ("reserved", c_uint32))


class Fault(ctypes.Structure):
    """The first thing that went wrong in a launch."""

    _fields_ = (
        *((name, c_uint32) for name in ("kind", "site", "thread", "block")),
        *((name, c_uint32) for name in ("other_site", "other_thread", "other_block", "relation")),
        ("address", c_uint64),
        ("size", c_uint32),
        ("access", c_uint32),
        ("extra", c_uint64),
    )


class Event(ctypes.Structure):
    """One thread's part in one step of its warp."""

    _fields_ = (
        ("address", c_uint64),
        *((name, c_uint32) for name in ("block", "thread", "site", "step", "size")),
        ("interval", c_uint16),
        ("access", c_uint8),
        ("space", c_uint8),
    )


class PrintRecord(ctypes.Structure):
    """What begins the record of one call of printf."""

    _fields_ = tuple((name, c_uint32) for name in ("bytes", "block", "thread", "format_bytes"))


class Launch(ctypes.Structure):
    """All that the threads of a launch share."""

    _fields_ = (
        ("block_dim", c_uint32 * 3),
        ("grid_dim", c_uint32 * 3),
        ("block_index", c_uint32 * 3),
        ("threads", c_uint32),
        ("budget", c_int64),
        ("shared", c_void_p),
        ("shared_size", c_uint64),
        ("shared_shadow", c_void_p),
        ("allocations", c_void_p),
        ("allocation_count", c_uint64),
        ("parameters", c_void_p),
        ("fault", c_void_p),
        ("thread_memory", c_void_p),
        ("thread_stride", c_uint64),
        ("epoch", c_uint64),
        ("block_epoch", c_uint64),
        ("launch_epoch", c_uint64),
        ("granule_shift", c_uint32),
        ("has_fence", c_uint32),
        ("first_block", c_uint64),
        ("last_block", c_uint64),
        ("events", c_void_p),
        ("event_count", c_uint64),
        ("event_capacity", c_uint64),
        ("printed", c_void_p),
        ("printed_size", c_uint64),
        ("printed_capacity", c_uint64),
        ("fences", c_void_p),
        ("barrier_epoch", c_uint64),
        ("lost_prints", c_uint64),
        *((name, c_uint32) for name in ("step", "interval", "pending_fences", "first_block_of_launch")),
        ("reserve", c_int64),
        ("interrupted", c_void_p),
        ("begun", c_uint64),
        ("host_stack_end", c_uint64),
        ("arrived", c_uint32 * 16),
    )


STRUCTURES: tuple[type[ctypes.Structure], ...] = (Thread, Shadow, Allocation, Fault, Event, PrintRecord, Launch)


def _places(structure: type[ctypes.Structure]) -> dict[str, tuple[int, int]]:
    """Where each field lies, in bytes, and how many bits it has. Three numbers are `x`, `y` and `z`: `block_dim.x`."""
    places: dict[str, tuple[int, int]] = {}
    for name, type_, *_ in structure._fields_:
        offset = getattr(structure, name).offset
        if type_ is c_uint32 * 3:
            places |= {f"{name}.{axis}": (offset + 4 * k, 32) for k, axis in enumerate("xyz")}
        else:
            places[name] = offset, 8 * ctypes.sizeof(type_)
    return places


THREAD, LAUNCH = _places(Thread), _places(Launch)
"""For compiled kernels: the places of the fields of both structures."""


def fence_words(launch: Launch) -> int:
    """How many 64-bit zeros `Launch.fences` points to."""
    width = 3 + launch.threads if launch.has_fence else 1
    return launch.grid_dim[0] * launch.grid_dim[1] * launch.grid_dim[2] * width
