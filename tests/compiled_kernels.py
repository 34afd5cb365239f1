"""Runs lowered kernels without the runtime: a scheduler in a few lines of Python, for tests of the lowering alone."""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable, Sequence

import numpy as np

from autograder.cuda import jit, nvrtc
from autograder.cuda.layout import LAUNCH, THREAD, BarrierOperation, FaultKind, Status, WarpOperation
from autograder.cuda.lowering import LoweredKernel, lower_kernel, lower_native
from autograder.cuda.ptx import parse

STACK = 16384
THREAD_BYTES = 1024


class Fields:
    """A structure of the runtime in a NumPy array of bytes."""

    def __init__(self, memory: np.ndarray, table: dict[str, tuple[int, int]]) -> None:
        self.memory, self.table = memory, table

    def __getitem__(self, name: str) -> int:
        offset, width = self.table[name]
        return int.from_bytes(self.memory[offset : offset + width // 8].tobytes(), "little")

    def __setitem__(self, name: str, value: int) -> None:
        offset, width = self.table[name]
        self.memory[offset : offset + width // 8] = np.frombuffer(int(value).to_bytes(width // 8, "little"), np.uint8)


class Kernel:
    """A kernel, compiled in one of the three modes. `functions` stands in for the runtime's functions."""

    def __init__(self, source: str, mode: str = "unchecked", functions: dict[str, Callable] | None = None, ptx: bool = False) -> None:
        self.module = parse(source if ptx else nvrtc.compile_to_ptx(source))
        (name,) = self.module.kernels
        self.lowered: LoweredKernel = lower_kernel(self.module, name, mode)
        self.faults: list[tuple[int, int]] = []
        self.trace: list[tuple[str, int, int, int, int]] = []  # status, site, address, size, access
        self._callbacks = {
            name: _callback(function) for name, function in {"runtime_fault": self._fault, "runtime_spent": self._spent, **(functions or {})}.items()
        }
        symbols = {name: ctypes.cast(callback, ctypes.c_void_p).value or 0 for name, callback in self._callbacks.items()}
        self.code = jit.load(jit.compile_ir(self.lowered.ir, exports=(self.lowered.symbol,)), symbols)
        address = self.code.address(self.lowered.symbol)
        self.function = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)(address)

    def _fault(self, thread: int, launch: int, kind: int, site: int) -> int:
        self.faults.append((kind, site))
        return 0

    def _spent(self, thread: int, launch: int, site: int) -> int:
        return self._fault(thread, launch, FaultKind.ENDLESS, site)

    def __call__(self, grid: Sequence[int], block: Sequence[int], *arguments: np.ndarray | np.generic, shared: int = 0, budget: int = 10**6) -> None:
        """Run it. Arrays are passed by their address, scalars as they are."""
        grid, block = (*grid, 1, 1)[:3], (*block, 1, 1)[:3]
        self.budget_before = budget
        launch_memory = np.zeros(512, np.uint8)
        launch = Fields(launch_memory, LAUNCH)
        memory = np.zeros(self.lowered.dynamic_shared_offset + shared + 64, np.uint8)
        parameters = self._parameters(arguments)
        for axis, letter in enumerate("xyz"):
            launch[f"block_dim.{letter}"], launch[f"grid_dim.{letter}"] = block[axis], grid[axis]
        launch["threads"], launch["budget"] = int(np.prod(block)), budget
        launch["shared"], launch["shared_size"] = memory.ctypes.data, memory.nbytes
        launch["parameters"] = parameters.ctypes.data + 8 * len(self.lowered.globals)
        self.shared = memory
        for index in itertools.product(*(range(n) for n in reversed(grid))):
            for letter, value in zip("zyx", index, strict=True):
                launch[f"block_index.{letter}"] = value
            memory[:] = 0
            if not self._run_block(launch_memory, block):
                break
        self.budget = launch["budget"]

    def _parameters(self, arguments: Sequence[np.ndarray | np.generic]) -> np.ndarray:
        (function,) = self.module.kernels.values()
        below = 8 * len(self.lowered.globals)
        parameters = np.zeros(below + 4096, np.uint8)
        self.globals = {}
        for k, name in enumerate(self.lowered.globals):
            variable = self.module.variables[name]
            self.globals[name] = np.frombuffer((variable.data or b"").ljust(variable.size, b"\0"), np.uint8).copy()
            parameters[below - 8 * (k + 1) : below - 8 * k] = np.frombuffer(self.globals[name].ctypes.data.to_bytes(8, "little"), np.uint8)
        for parameter, argument in zip(function.parameters, arguments, strict=True):
            content = argument.ctypes.data.to_bytes(8, "little") if isinstance(argument, np.ndarray) and argument.ndim else argument.tobytes()
            start = below + parameter.offset
            parameters[start : start + len(content)] = np.frombuffer(content, np.uint8)
        return parameters

    def _run_block(self, launch: np.ndarray, block: Sequence[int]) -> bool:
        count = int(np.prod(block))
        stride = THREAD_BYTES + STACK
        memory = np.zeros((count + 1) * stride, np.uint8)
        start = -memory.ctypes.data % 64
        threads = []
        for number in range(count):
            thread = Fields(memory[start + number * stride :], THREAD)
            thread["x"], thread["y"], thread["z"] = number % block[0], number // block[0] % block[1], number // block[0] // block[1]
            thread["number"] = number
            thread["stack"] = thread.memory.ctypes.data + THREAD_BYTES
            thread["stack_end"] = thread["stack"] + STACK
            threads.append(thread)
        waiting = dict.fromkeys(range(count), Status.AT_BARRIER)
        while waiting:
            for number in list(waiting):
                thread = threads[number]
                status = Status(self.function(thread.memory.ctypes.data, launch.ctypes.data, thread["stack"]))
                while status in (Status.AT_ACCESS, Status.AT_BRANCH):
                    self.trace.append((status.name, thread["site"], thread["address"], thread["size"], thread["access"]))
                    status = Status(self.function(thread.memory.ctypes.data, launch.ctypes.data, thread["stack"]))
                if status == Status.FAULTED:
                    return False
                waiting[number] = status
                if status == Status.FINISHED:
                    del waiting[number]
            self._answer([threads[number] for number, status in waiting.items() if status == Status.AT_BARRIER], [])
            lanes = [threads[number] for number, status in waiting.items() if status == Status.IN_WARP]
            for warp in {lane["number"] // 32 for lane in lanes}:
                self._answer([], [lane for lane in lanes if lane["number"] // 32 == warp])
        return True

    @staticmethod
    def _answer(at_barrier: list[Fields], lanes: list[Fields]) -> None:
        true = sum(thread["value"] != 0 for thread in at_barrier)
        for thread in at_barrier:
            operation = BarrierOperation(thread["operation"])
            thread["result"] = {BarrierOperation.COUNT: true, BarrierOperation.AND: true == len(at_barrier), BarrierOperation.OR: true > 0}.get(
                operation, 0
            )
        values = {lane["number"] % 32: lane["value"] for lane in lanes}
        for lane in lanes:
            own, operand = lane["number"] % 32, lane["operand"]
            ballot = sum(1 << other for other, value in values.items() if value)
            source = {
                WarpOperation.SHUFFLE_UP: own - operand,
                WarpOperation.SHUFFLE_DOWN: own + operand,
                WarpOperation.SHUFFLE_XOR: own ^ operand,
                WarpOperation.SHUFFLE_INDEX: operand,
            }.get(WarpOperation(lane["operation"]), own)
            lane["predicate"] = source in values
            lane["result"] = {
                WarpOperation.VOTE_ALL: len(values) == bin(ballot).count("1"),
                WarpOperation.VOTE_ANY: ballot != 0,
                WarpOperation.VOTE_BALLOT: ballot,
                WarpOperation.ACTIVE_MASK: sum(1 << other for other in values),
                WarpOperation.REDUCE_ADD: sum(values.values()) & 0xFFFFFFFF,
                WarpOperation.MATCH_ANY: sum(1 << other for other, value in values.items() if value == values[own]),
            }.get(WarpOperation(lane["operation"]), values.get(source, values[own]))


def _callback(function: Callable) -> ctypes._CFuncPtr:
    """A function of the runtime: pointers and numbers in, a pointer or nothing out."""
    count = function.__code__.co_argcount - hasattr(function, "__self__")
    return ctypes.CFUNCTYPE(ctypes.c_void_p, *[ctypes.c_uint64] * count)(function)


def native(source: str, options: tuple[str, ...] = ()) -> jit.Code:
    """CUDA C as functions of this process."""
    return jit.load(jit.compile_ir(lower_native(parse(nvrtc.compile_source(source, options, relocatable=True).ptx))))
