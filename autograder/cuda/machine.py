"""A GPU in NumPy: the threads of many blocks run in lockstep, one PTX instruction at a time.

Every register is an array with one element per thread. Threads that take different branches are told apart by their
program counters: those that stand lowest go first, so that the others are caught up with where branches join.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np

from autograder.cuda import memory
from autograder.cuda.faults import KernelFault, NotSupported
from autograder.cuda.memory import Allocation
from autograder.cuda.old_ptx import DTYPES, Address, Float, Instruction, Integer, Kernel, Register, Symbol, Vector

THREADS_IN_LOCKSTEP = 1 << 15
# A launch that costs more is stopped. An instruction costs 1 for every thread, and a fixed part for NumPy's overhead.
BUDGET = 400_000_000
OVERHEAD = 2500
_budget = ContextVar("budget", default=BUDGET)
FINISHED = np.iinfo(np.int32).max

Extent = tuple[int, int, int]
Values = Any  # an array with one element per running thread, or one scalar for all of them
Lanes = Any  # which threads run: their indices, or slice(None) for all


@contextlib.contextmanager
def step_budget(budget: int) -> Iterator[None]:
    """Stop launches earlier: a kernel that has one element for each thread needs few steps."""
    token = _budget.set(budget)
    try:
        yield
    finally:
        _budget.reset(token)


@dataclass
class Launch:
    """One call of a kernel. `arrays` says by which names of parameters an allocation is known."""

    kernel: Kernel
    grid: Extent
    block: Extent
    parameters: dict[str, np.generic]
    shared_bytes: int = 0
    source: list[str] = field(default_factory=list)
    arrays: dict[int, list[str]] = field(default_factory=dict)

    def run(self) -> None:
        """Run all blocks.

        Raises:
            KernelFault: with the first thread that goes wrong.
            NotSupported: an instruction is not known.
        """
        blocks = math.prod(self.grid)
        at_once = max(1, THREADS_IN_LOCKSTEP // math.prod(self.block))
        cost = 0
        with np.errstate(all="ignore"):
            for first in range(0, blocks, at_once):
                cost = Wave(self, first, min(first + at_once, blocks), cost).run()


class Wave:
    """Blocks `first` to `last` - 1, in lockstep."""

    def __init__(self, launch: Launch, first: int, last: int, cost: int = 0) -> None:
        self.launch = launch
        self.kernel = launch.kernel
        self.threads = math.prod(launch.block)
        self.count = (last - first) * self.threads
        self.block_of = np.repeat(np.arange(last - first), self.threads)
        self.registers = {name: np.zeros(self.count, dtype) for name, dtype in self.kernel.registers.items()}
        self.registers |= self._special(first, last)
        self.pc = np.zeros(self.count, np.int32)
        self.waiting = np.zeros(self.count, bool)
        self.cost = cost
        self.now = self.kernel.instructions[0]
        self._place_variables(last - first)

    def _special(self, first: int, last: int) -> dict[str, np.ndarray]:
        """Who am I: `%tid`, `%ctaid`, `%ntid`, `%nctaid`."""
        block, grid = self.launch.block, self.launch.grid
        thread_indices = _coordinates(np.tile(np.arange(self.threads, dtype=np.uint32), last - first), block)
        block_indices = _coordinates(np.repeat(np.arange(first, last, dtype=np.uint32), self.threads), grid)
        found: dict[str, np.ndarray] = {}
        for k, axis in enumerate("xyz"):
            found[f"%tid.{axis}"], found[f"%ctaid.{axis}"] = thread_indices[k], block_indices[k]
            found[f"%ntid.{axis}"] = np.full(self.count, block[k], np.uint32)
            found[f"%nctaid.{axis}"] = np.full(self.count, grid[k], np.uint32)
        return found

    def _place_variables(self, blocks: int) -> None:
        """Give every shared and local variable its offset, and every block and thread its own copy."""
        self.offsets: dict[str, int] = {}
        sizes = {"shared": 0, "local": 0}
        for variable in sorted(self.kernel.variables, key=lambda v: v.size == 0):
            offset = -(-sizes[variable.space] // 16) * 16
            self.offsets[variable.name] = offset
            sizes[variable.space] = offset + (variable.size or self.launch.shared_bytes)
        self.sizes = sizes
        self.own = {
            "shared": np.zeros((blocks, -(-sizes["shared"] // 16) * 16), np.uint8),
            "local": np.zeros((self.count, -(-sizes["local"] // 16) * 16), np.uint8),
        }

    # ---- control

    def run(self) -> int:
        """Run until every thread is finished; return what it cost so far."""
        targets = set(self.kernel.labels.values())
        while True:
            ready = np.where(self.waiting, FINISHED, self.pc)
            at = int(ready.min())
            if at == FINISHED:
                if not self.waiting.any():
                    return self.cost
                self._release()
                continue
            here = np.flatnonzero(ready == at)
            lanes: Lanes = slice(None) if here.size == self.count else here
            while not self._step(at, lanes, here.size):
                at += 1
                if at in targets:
                    self.pc[lanes] = at
                    break

    def _step(self, at: int, lanes: Lanes, count: int) -> bool:
        """Execute one instruction; True where it has set the program counter itself."""
        self.now = instruction = self.kernel.instructions[at]
        self.cost += count + OVERHEAD
        if self.cost > _budget.get():
            self.fault(_first(lanes), "still runs after more steps than such a launch needs, as if its loop never ended")
        everyone = lanes
        if instruction.guard is not None and instruction.name != "bra":
            lanes = self._indices(lanes)[self.guard(instruction, lanes)]
            if not lanes.size:
                return False
        if instruction.name in CONTROL:
            self.pc[everyone] = at + 1
            CONTROL[instruction.name](self, instruction, lanes)
            return True
        family = FAMILIES.get(instruction.name)
        if family is None or not set(instruction.modifiers) <= KNOWN_MODIFIERS:
            raise self.not_supported()
        family(self, instruction, lanes)
        return False

    def _release(self) -> None:
        """Every thread that is not finished waits at a barrier: let the blocks go on that wait completely."""
        for block in np.unique(self.block_of[self.waiting]):
            mine = self.block_of == block
            arrived = mine & self.waiting
            if np.any(mine & ~self.waiting) or np.unique(self.pc[arrived]).size > 1:
                thread = int(np.flatnonzero(arrived)[0])
                self.now = self.kernel.instructions[self.pc[thread] - 1]
                self.fault(thread, "waits at a barrier that other threads of its block never reach")
        self.waiting[:] = False

    def _indices(self, lanes: Lanes) -> np.ndarray:
        return np.arange(self.count) if isinstance(lanes, slice) else lanes

    # ---- operands

    def guard(self, instruction: Instruction, lanes: Lanes) -> np.ndarray:
        """For which of the lanes the instruction's guard holds."""
        predicate = self.registers[instruction.guard or ""][lanes]
        return ~predicate if instruction.negated else predicate

    def read(self, operand: Any, dtype: np.dtype, lanes: Lanes) -> Values:
        """The operand's bits, seen as numbers of that type."""
        if isinstance(operand, Register):
            if operand.name not in self.registers:
                raise self.not_supported(operand.name)
            return _as(self.registers[operand.name][lanes], dtype)
        if isinstance(operand, Float):
            return dtype.type(operand.value)
        if isinstance(operand, Integer):
            bits = np.array(operand.value & (256**dtype.itemsize - 1), f"u{dtype.itemsize}")
            return bits.view(dtype)[()]
        if isinstance(operand, Symbol) and operand.name in self.offsets:
            return dtype.type(self.offsets[operand.name])
        raise self.not_supported(getattr(operand, "name", ""))

    def write(self, operand: Any, values: Values, lanes: Lanes) -> None:
        """Store numbers in a register; a wider register keeps their value."""
        if not isinstance(operand, Register) or operand.name not in self.kernel.registers:
            raise self.not_supported()
        register = self.registers[operand.name]
        if values.dtype.itemsize < register.dtype.itemsize:
            values = values.astype(np.dtype(f"{'i' if values.dtype.kind == 'i' else 'u'}{register.dtype.itemsize}"))
        register[lanes] = _as(values, register.dtype)

    # ---- memory

    def elements(self, space: str, addresses: Values, dtype: np.dtype, lanes: Lanes, doing: str) -> list[tuple[Any, Any, Any]]:
        """Where the addresses lie: (memory, index, which of the lanes), checked."""
        threads = self._indices(lanes)
        addresses = np.broadcast_to(addresses, threads.shape)
        if space in ("shared", "local"):
            return [self._own_elements(space, addresses.astype(np.int64), dtype, threads, doing)]
        numbers, offsets = memory.split(addresses)
        if (numbers == numbers[0]).all():
            return [self._global_elements(int(numbers[0]), offsets, dtype, threads, doing, addresses, slice(None))]
        found = []
        for number in np.unique(numbers):
            those = numbers == number
            found.append(self._global_elements(int(number), offsets[those], dtype, threads[those], doing, addresses[those], those))
        return found

    def _global_elements(
        self, number: int, offsets: np.ndarray, dtype: np.dtype, threads: np.ndarray, doing: str, addresses: np.ndarray, those: Any
    ) -> tuple[Any, Any, Any]:
        allocation = memory.find(number)
        if allocation is None:
            what = "a null pointer" if addresses[0] < 1 << 16 else "a pointer that leads to no array on the device"
            self.fault(threads[0], f"{doing} through {what}")
        outside = (offsets < 0) | (offsets + dtype.itemsize > allocation.bytes.size)
        if outside.any():
            k = int(outside.argmax())
            self.fault(threads[k], self._outside(allocation, int(offsets[k]), doing))
        if (crooked := offsets % dtype.itemsize != 0).any():
            k = int(crooked.argmax())
            self.fault(
                threads[k],
                f"{doing} {dtype.itemsize} bytes at byte {offsets[k]} of {self._name(allocation)}, which is no multiple of {dtype.itemsize}",
            )
        return allocation.elements(dtype), offsets // dtype.itemsize, those

    def _outside(self, allocation: Allocation, offset: int, doing: str) -> str:
        values, name = allocation.values, self._name(allocation)
        shape = f" ({' × '.join(map(str, values.shape))})" if values.ndim > 1 else ""
        return f"{doing} {name}[{offset // values.itemsize}], but {name} has {values.size} elements{shape}"

    def _name(self, allocation: Allocation) -> str:
        return " or ".join(self.launch.arrays.get(allocation.number, ["an array"]))

    def _own_elements(self, space: str, offsets: np.ndarray, dtype: np.dtype, threads: np.ndarray, doing: str) -> tuple[Any, Any, Any]:
        size = self.sizes[space]
        outside = (offsets < 0) | (offsets + dtype.itemsize > size)
        if outside.any():
            k = int(outside.argmax())
            owner = "its block's shared memory" if space == "shared" else "its own arrays"
            self.fault(threads[k], f"{doing} byte {offsets[k]} of {owner}, {size} bytes long")
        row = self.block_of[threads] if space == "shared" else threads
        return self.own[space].view(dtype), (row, offsets // dtype.itemsize), slice(None)

    # ---- what is said

    def fault(self, thread: int, what: str) -> NoReturn:
        """Say what this thread does wrong, and where.

        Raises:
            KernelFault: always.
        """
        line = self.now.line
        code = self.launch.source[line - 1].strip() if 0 < line <= len(self.launch.source) else ""
        raise KernelFault(f"{self._who(int(thread))} {what}", line, code)

    def _who(self, thread: int) -> str:
        axes = "xyz"[: max(_dimensions(self.launch.grid), _dimensions(self.launch.block))]
        i, b = ([int(self.registers[f"%{kind}.{axis}"][thread]) for axis in axes] for kind in ("tid", "ctaid"))
        if len(axes) == 1:
            return f"thread {i[0]} of block {b[0]}"
        named = (", ".join(f"{axis}={v}" for axis, v in zip(axes, values, strict=True)) for values in (i, b))
        return "thread ({}) of block ({})".format(*named)

    def not_supported(self, name: str = "") -> NotSupported:
        what = f"`{self.now.opcode}`" + (f" with `{name}`" if name else "")
        return NotSupported(f"This machine without a GPU does not know the instruction {what} (line {self.now.line})")


def _coordinates(index: np.ndarray, extent: Extent) -> tuple[np.ndarray, ...]:
    x, y = np.uint32(extent[0]), np.uint32(extent[1])
    return index % x, index // x % y, index // (x * y)


def _dimensions(extent: Extent) -> int:
    return max(k + 1 for k in range(3) if extent[k] > 1 or k == 0)


def _first(lanes: Lanes) -> int:
    return 0 if isinstance(lanes, slice) else int(lanes[0])


def _as(values: Values, dtype: np.dtype) -> Values:
    """The lowest bits of the values, seen as another type."""
    if values.dtype.itemsize > dtype.itemsize:
        values = values.view(f"u{values.dtype.itemsize}").astype(f"u{dtype.itemsize}")
    return values if values.dtype == dtype else values.view(dtype)


# ---- instructions: one small function a family -------------------------------------------------------------------------

KNOWN_MODIFIERS = {
    *DTYPES,
    "eq", "ne", "lt", "le", "gt", "ge", "equ", "neu", "ltu", "leu", "gtu", "geu", "lo", "ls", "hi", "hs", "num", "nan", "and", "or", "xor",
    "rn", "rz", "rm", "rp", "rni", "rzi", "rmi", "rpi", "approx", "full", "ftz", "sat", "wide", "uni",
    "to", "global", "shared", "local", "param", "nc", "volatile", "v2", "v4",
}  # fmt: skip

UNARY: dict[str, Callable[[Values], Values]] = {
    "neg": np.negative,
    "abs": np.abs,
    "sqrt": np.sqrt,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "rcp": lambda x: x.dtype.type(1) / x,
    "ex2": np.exp2,
    "lg2": np.log2,
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "not": np.logical_not,
    "popc": lambda x: np.bitwise_count(x).astype(np.uint32),
    "clz": lambda x: (8 * x.itemsize - np.ceil(np.log2(x.astype(np.longdouble) + 1))).astype(np.uint32),
}
BINARY: dict[str, Callable[[Values, Values], Values]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "copysign": lambda sign, x: np.copysign(x, sign),
}
COMPARE: dict[str, Callable[[Values, Values], Values]] = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "lo": np.less,
    "ls": np.less_equal,
    "hi": np.greater,
    "hs": np.greater_equal,
    "num": lambda a, b: ~(np.isnan(a) | np.isnan(b)),
    "nan": lambda a, b: np.isnan(a) | np.isnan(b),
}
ROUND = {"rni": np.rint, "rzi": np.trunc, "rmi": np.floor, "rpi": np.ceil}


def _type(instruction: Instruction) -> np.dtype:
    return DTYPES[instruction.modifiers[-1]]


def _read_all(wave: Wave, instruction: Instruction, lanes: Lanes) -> list[Values]:
    dtype = _type(instruction)
    return [wave.read(operand, dtype, lanes) for operand in instruction.operands[1:]]


def _finish(wave: Wave, instruction: Instruction, values: Values, lanes: Lanes) -> None:
    """Clamp to [0, 1] where the instruction says so, and write."""
    if "sat" in instruction.modifiers and values.dtype.kind == "f":
        values = np.nan_to_num(np.clip(values, 0, 1), copy=True, nan=0.0).astype(values.dtype)
    wave.write(instruction.operands[0], values, lanes)


def _rounded(wide: Values, dtype: np.dtype, modifiers: tuple[str, ...]) -> Values:
    """Round to a narrower type in the direction that the modifiers name."""
    near = wide.astype(dtype)
    down = near.astype(wide.dtype) > wide
    up = near.astype(wide.dtype) < wide
    if "rz" in modifiers:
        down, up = down & (wide > 0), up & (wide < 0)
    elif "rm" not in modifiers:
        down = np.zeros_like(down)
    if "rp" not in modifiers and "rz" not in modifiers:
        up = np.zeros_like(up)
    inf = dtype.type(np.inf)
    return np.where(down, np.nextafter(near, -inf), np.where(up, np.nextafter(near, inf), near))


def unary(wave: Wave, instruction: Instruction, lanes: Lanes) -> None:
    (x,) = _read_all(wave, instruction, lanes)
    if instruction.name == "not" and x.dtype != bool:
        return _finish(wave, instruction, ~x, lanes)
    values = UNARY[instruction.name](x)
    _finish(wave, instruction, values if instruction.name in ("popc", "clz") else values.astype(x.dtype), lanes)


def binary(wave: Wave, instruction: Instruction, lanes: Lanes) -> None:
    a, b = _read_all(wave, instruction, lanes)
    f = BINARY[instruction.name]
    if a.dtype == np.float32 and {"rz", "rm", "rp"} & set(instruction.modifiers):
        return _finish(wave, instruction, _rounded(f(a.astype(np.float64), b.astype(np.float64)), a.dtype, instruction.modifiers), lanes)
    _finish(wave, instruction, f(a, b), lanes)


def multiply(wave: Wave, instruction: Instruction, lanes: Lanes) -> None:
    if _type(instruction).kind == "f":
        return binary(wave, instruction, lanes)
    a, b = _read_all(wave, instruction, lanes)
    _finish(wave, instruction, _product(a, b, instruction), lanes)


def _product(a: Values, b: Values, instruction: Instruction) -> Values:
    """The low half, the high half or all of an integer product."""
    if "lo" in instruction.modifiers:
        return a * b
    if a.itemsize == 8:
        high = np.array([int(x) * int(y) >> 64 for x, y in np.broadcast(a, b)], object)
        return (high & (2**64 - 1)).astype(np.uint64).view(a.dtype)
    wide = np.dtype(f"{a.dtype.kind}{2 * a.itemsize}")
    product = a.astype(wide) * b.astype(wide)
    return product if "wide" in instruction.modifiers else (product >> wide.type(8 * a.itemsize)).astype(a.dtype)


def multiply_add(wave: Wave, instruction: Instruction, lanes: Lanes) -> None:
    dtype = _type(instruction)
    a, b = (wave.read(operand, dtype, lanes) for operand in instruction.operands[1:3])
    if dtype.kind == "f":
        wide = np.float64 if dtype == np.float32 else np.longdouble
        c = wave.read(instruction.operands[3], dtype, lanes)
        return _finish(wave, instruction, _rounded(a.astype(wide) * b.astype(wide) + c.astype(wide), dtype, instruction.modifiers), lanes)
    product = _product(a, b, instruction)
    _finish(wave, instruction, product + wave.read(instruction.operands[3], product.dtype, lanes), lanes)


def divide(wave: Wave, instruction: Instruction, lanes: Lanes) -> None:
    """Integers round towards zero, and a division by zero has no remainder worth the name: all bits are set."""
    a, b = _read_all(wave, instruction, lanes)
    if a.dtype.kind == "f":
        return _finish(wave, instruction, a / b, lanes)
    by = np.where(b == 0, b.dtype.type(1), b)
    remainder = np.fmod(a, by)
    values = (a - remainder) // by if instruction.name == "div" else remainder
    _finish(wave, instruction, np.where(b == 0, ~np.zeros_like(values), values), lanes)


def extreme(wave: Wave, instruction: Instruction, lanes: Lanes) -> None:
    """The smaller or larger of two; a NaN loses."""
    a, b = _read_all(wave, instruction, lanes)
    _finish(wave, instruction, (np.fmin if instruction.name == "min" else np.fmax)(a, b), lanes)


def shift(wave: Wave, instruction: Instruction, lanes: Lanes) -> None:
    dtype = _type(instruction)
    x = wave.read(instruction.operands[1], dtype, lanes)
    by = wave.read(instruction.operands[2], DTYPES["u32"], lanes)
    bits = 8 * dtype.itemsize
    within = np.minimum(by, np.uint32(bits - 1)).astype(dtype)
    values = np.left_shift(x, within) if instruction.name == "shl" else np.right_shift(x, within)
    if dtype.kind == "u":
        values = np.where(by < bits, values, dtype.type(0))
    _finish(wave, instruction, values, lanes)


def bit_field_insert(wave: Wave, instruction: Instruction, lanes: Lanes) -> None:
    """Put the lowest `length` bits of a into b, at `start`."""
    dtype = _type(instruction)
    a, b = (wave.read(operand, dtype, lanes) for operand in instruction.operands[1:3])
    start, length = (wave.read(operand, DTYPES["u32"], lanes).astype(np.uint64) for operand in instruction.operands[3:])
    mask = (((np.uint64(1) << length) - np.uint64(1)) << start).astype(dtype)
    _finish(wave, instruction, (b & ~mask) | ((a << start.astype(dtype)) & mask), lanes)


def compare(wave: Wave, instruction: Instruction, lanes: Lanes) -> None:
    dtype, how = _type(instruction), instruction.modifiers[0]
    a, b = (wave.read(operand, dtype, lanes) for operand in instruction.operands[1:3])
    unordered = dtype.kind == "f" and how not in COMPARE
    values = COMPARE[how[:-1] if unordered else how](a, b)
    if dtype.kind == "f" and how != "nan":
        nan = np.isnan(a) | np.isnan(b)
        values = values | nan if unordered else values & ~nan
    if len(instruction.operands) == 4:
        other = wave.read(instruction.operands[3], DTYPES["pred"], lanes)
        values = BINARY[instruction.modifiers[1]](values, other)
    wave.write(instruction.operands[0], values, lanes)


def select(wave: Wave, instruction: Instruction, lanes: Lanes) -> None:
    dtype = _type(instruction)
    a, b = (wave.read(operand, dtype, lanes) for operand in instruction.operands[1:3])
    wave.write(instruction.operands[0], np.where(wave.read(instruction.operands[3], DTYPES["pred"], lanes), a, b), lanes)


def move(wave: Wave, instruction: Instruction, lanes: Lanes) -> None:
    """Copy; `{%r1, %r2}` stands for the two halves of a wider register."""
    target, source = instruction.operands
    dtype = _type(instruction)
    if isinstance(source, Vector):
        half = np.dtype(f"u{dtype.itemsize // len(source.items)}")
        parts = [np.broadcast_to(wave.read(item, half, lanes), wave.pc[lanes].shape) for item in source.items]
        wave.write(target, np.stack(parts, axis=-1).view(dtype)[..., 0], lanes)
    elif isinstance(target, Vector):
        half = np.dtype(f"u{dtype.itemsize // len(target.items)}")
        whole = np.ascontiguousarray(np.broadcast_to(wave.read(source, dtype, lanes), wave.pc[lanes].shape))
        for k, item in enumerate(target.items):
            wave.write(item, whole[:, None].view(half)[:, k], lanes)
    else:
        wave.write(target, wave.read(source, dtype, lanes), lanes)


def convert(wave: Wave, instruction: Instruction, lanes: Lanes) -> None:
    to, source = (DTYPES[name] for name in instruction.modifiers[-2:])
    x = wave.read(instruction.operands[1], source, lanes)
    rounding = next((ROUND[m] for m in instruction.modifiers if m in ROUND), None)
    if source.kind == "f" and to.kind in "iu":
        x = _to_integer((rounding or np.trunc)(x), to)
    elif source.kind == "f" and to.itemsize < source.itemsize:
        x = _rounded(x, to, instruction.modifiers)
    elif source.kind == "f":
        x = (rounding(x) if rounding else x).astype(to)
    elif "sat" in instruction.modifiers and to.kind in "iu":
        x = np.clip(x, max(np.iinfo(to).min, np.iinfo(source).min), min(np.iinfo(to).max, np.iinfo(source).max)).astype(to)
    else:
        x = x.astype(to)
    _finish(wave, instruction, x, lanes)


def _to_integer(x: Values, to: np.dtype) -> Values:
    """Too large and too small numbers become the largest and the smallest integer, NaN becomes 0."""
    limits = np.iinfo(to)
    values = np.where(x >= limits.max, limits.max, np.where(x <= limits.min, limits.min, 0)).astype(to)
    inside = (x > limits.min) & (x < limits.max)
    return np.where(inside, np.where(inside, x, 0).astype(to), values)


def convert_address(wave: Wave, instruction: Instruction, lanes: Lanes) -> None:
    """Global addresses are the same in both forms."""
    if instruction.modifiers[:2] != ("to", "global"):
        raise wave.not_supported()
    wave.write(instruction.operands[0], wave.read(instruction.operands[1], DTYPES["u64"], lanes), lanes)


def load(wave: Wave, instruction: Instruction, lanes: Lanes) -> None:
    target, address = instruction.operands
    dtype = _type(instruction)
    if "param" in instruction.modifiers:
        name = getattr(getattr(address, "base", None), "name", "")
        if name not in wave.launch.parameters:
            raise wave.not_supported(name)
        return wave.write(target, _as(wave.launch.parameters[name], dtype), lanes)
    for item, addresses in _addresses(wave, target, address, dtype, lanes):
        found = wave.elements(_space(instruction), addresses, dtype, lanes, "reads")
        values = np.empty(wave.pc[lanes].shape, dtype)
        for where, index, those in found:
            values[those] = where[index]
        wave.write(item, values, lanes)


def store(wave: Wave, instruction: Instruction, lanes: Lanes) -> None:
    address, source = instruction.operands
    dtype = _type(instruction)
    if "param" in instruction.modifiers:
        raise wave.not_supported()
    for item, addresses in _addresses(wave, source, address, dtype, lanes):
        values = np.broadcast_to(wave.read(item, dtype, lanes), wave.pc[lanes].shape)
        for where, index, those in wave.elements(_space(instruction), addresses, dtype, lanes, "writes"):
            where[index] = values[those]


def _space(instruction: Instruction) -> str:
    return next((m for m in instruction.modifiers if m in ("shared", "local")), "global")


def _addresses(wave: Wave, items: Any, address: Any, dtype: np.dtype, lanes: Lanes) -> list[tuple[Any, Values]]:
    """Each register that is loaded or stored, with the addresses of its numbers."""
    assert isinstance(address, Address)
    width = wave.registers[address.base.name].dtype if isinstance(address.base, Register) and address.base.name in wave.registers else DTYPES["u64"]
    base = wave.read(address.base, width, lanes)
    parts = items.items if isinstance(items, Vector) else (items,)
    return [(item, base + np.array(address.offset + k * dtype.itemsize).astype(width)[()]) for k, item in enumerate(parts)]


FAMILIES: dict[str, Callable[[Wave, Instruction, Lanes], None]] = {
    **dict.fromkeys(UNARY, unary),
    **dict.fromkeys(BINARY, binary),
    "mul": multiply,
    "mad": multiply_add,
    "fma": multiply_add,
    "div": divide,
    "rem": divide,
    "min": extreme,
    "max": extreme,
    "shl": shift,
    "shr": shift,
    "bfi": bit_field_insert,
    "setp": compare,
    "selp": select,
    "mov": move,
    "cvt": convert,
    "cvta": convert_address,
    "ld": load,
    "st": store,
}


def branch(wave: Wave, instruction: Instruction, lanes: Lanes) -> None:
    (label,) = instruction.operands
    assert isinstance(label, Symbol)
    target = wave.kernel.labels[label.name]
    wave.pc[lanes] = target if instruction.guard is None else np.where(wave.guard(instruction, lanes), target, wave.pc[lanes])


def finish(wave: Wave, instruction: Instruction, lanes: Lanes) -> None:
    wave.pc[lanes] = FINISHED


def barrier(wave: Wave, instruction: Instruction, lanes: Lanes) -> None:
    if instruction.modifiers != ("sync",) or instruction.operands != (Integer(0),):
        raise wave.not_supported()
    wave.waiting[lanes] = True


CONTROL: dict[str, Callable[[Wave, Instruction, Lanes], None]] = {"bra": branch, "ret": finish, "exit": finish, "bar": barrier, "barrier": barrier}
