"""The structures of `runtime.cuh`, as far as compiled kernels touch them: fields' offsets, and the numbers of its enumerations."""

from __future__ import annotations

from enum import IntEnum

NUMBER_SHIFT = 40
GLOBAL_WINDOW, SHARED_WINDOW, LOCAL_WINDOW, FUNCTION_WINDOW = 0, 1, 2, 3
LOCAL_SHIFT = 20  # a local address: bytes of stack below the depot << 20 | offset within the depot
DEPOT_MAGIC = 0x10CA1
DEPOT_HEADER = 16  # bytes before a depot: u32 magic, u32 size, u64 0
LARGEST_DEPOT = (1 << LOCAL_SHIFT) - 1


class Status(IntEnum):
    FINISHED, AT_BARRIER, IN_WARP, FAULTED, AT_ACCESS, AT_BRANCH = range(6)


class BarrierOperation(IntEnum):
    SYNC, COUNT, AND, OR, ARRIVE = range(5)


class WarpOperation(IntEnum):
    (
        SHUFFLE_UP, SHUFFLE_DOWN, SHUFFLE_XOR, SHUFFLE_INDEX,
        VOTE_ALL, VOTE_ANY, VOTE_UNIFORM, VOTE_BALLOT,
        MATCH_ANY, MATCH_ALL,
        REDUCE_ADD, REDUCE_MIN_SIGNED, REDUCE_MAX_SIGNED, REDUCE_MIN, REDUCE_MAX, REDUCE_AND, REDUCE_OR, REDUCE_XOR,
        SYNC_WARP, ACTIVE_MASK,
    ) = range(20)  # fmt: skip


class Access(IntEnum):
    LOAD, STORE, ATOMIC = range(3)


class Space(IntEnum):
    GLOBAL, SHARED, LOCAL, CONSTANT = range(4)


class FaultKind(IntEnum):
    OUT_OF_BOUNDS = 1
    ASSERTION, ENDLESS, STACK_OVERFLOW, BAD_CALL = 16, 17, 18, 19


# Byte offsets; the number of bits of each field.
THREAD = {
    "x": (0, 32), "y": (4, 32), "z": (8, 32), "number": (12, 32),
    "status": (16, 32), "site": (20, 32), "depth": (24, 32), "operation": (28, 32),
    "value": (32, 32), "value_high": (36, 32), "operand": (40, 32), "clamp": (44, 32),
    "mask": (48, 32), "result": (52, 32), "result_high": (56, 32), "predicate": (60, 32),
    "address": (64, 64), "size": (72, 32), "access": (76, 32),
    "stack": (88, 64), "stack_end": (96, 64),
}  # fmt: skip
LAUNCH = {
    "block_dim.x": (0, 32), "block_dim.y": (4, 32), "block_dim.z": (8, 32),
    "grid_dim.x": (12, 32), "grid_dim.y": (16, 32), "grid_dim.z": (20, 32),
    "block_index.x": (24, 32), "block_index.y": (28, 32), "block_index.z": (32, 32),
    "threads": (36, 32), "budget": (40, 64), "shared": (48, 64), "shared_size": (56, 64), "shared_shadow": (64, 64),
    "allocations": (72, 64), "allocation_count": (80, 64), "parameters": (88, 64),
    "host_stack_end": (280, 64),
}  # fmt: skip
