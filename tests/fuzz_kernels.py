"""`make fuzz`: random kernels must compute what the same program computes in NumPy, all threads in lockstep.

    python tests/fuzz_kernels.py --count 500 --seed 7

A program's seed is printed if it fails, and the program is made as small as it can be while it still fails. What runs at
the moment lies in build/fuzz/kernel.cu, so that a crash can be looked at too.

Integers are exact, and so are floats: one rounding an operation, since nothing is fused with --fmad=false. Programs have
no races by construction: shared memory is used between barriers that the whole block reaches, and places that several
threads change are only changed atomically, by operations whose order does not matter.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from autograder.cuda import CompileError, KernelFault, NotSupported
from autograder.cuda import standin as cp

Array = np.ndarray
BUILD = Path(__file__).parent.parent / "build" / "fuzz"
DTYPES: dict[str, type] = {"int": np.int32, "unsigned": np.uint32, "long long": np.int64, "float": np.float32}
INTEGERS = ("int", "unsigned", "long long")
BINS = 16
LOCAL = 8
OPTIONS = ("--fmad=false",)


# ---- the world of a kernel in lockstep ---------------------------------------------------------------------------------------


@dataclass
class World:
    """All threads of all blocks at once. `variables` hold one value a thread; `bins` what all of them change together."""

    blocks: int
    threads: int
    inputs: dict[str, Array]
    variables: dict[str, Array] = field(default_factory=dict)
    bins: dict[str, Array] = field(default_factory=dict)
    local: Array = field(default_factory=lambda: np.zeros(0))

    @property
    def count(self) -> int:
        return self.blocks * self.threads

    @property
    def thread(self) -> Array:
        return np.tile(np.arange(self.threads, dtype=np.int32), self.blocks)

    @property
    def block(self) -> Array:
        return np.repeat(np.arange(self.blocks, dtype=np.int32), self.threads)

    def assign(self, name: str, value: Array, mask: Array) -> None:
        self.variables[name] = np.where(mask, value, self.variables[name])


@dataclass(frozen=True)
class Expression:
    type: str
    text: str
    value: Callable[[World], Array]


# ---- operations: C++ and NumPy side by side ------------------------------------------------------------------------------------


def truncated(a: Array, b: Array) -> Array:
    """C's quotient, by a small positive divisor."""
    d = (b & b.dtype.type(255)) | b.dtype.type(1)
    floor = a // d
    return floor + ((a < 0) & (a - floor * d != 0)).astype(a.dtype)


def left(a: Array, b: Array) -> Array:
    unsigned = a.view(f"u{a.itemsize}")
    return (unsigned << (b.view(unsigned.dtype) & unsigned.dtype.type(8 * a.itemsize - 1))).view(a.dtype)


def right(a: Array, b: Array) -> Array:
    return a >> (b & b.dtype.type(8 * a.itemsize - 1))


def high(a: Array, b: Array) -> Array:
    return (a.astype(np.int64) * b >> 32).astype(np.int32)


def largest(a: Array, b: Array, sign: float = 1.0) -> Array:
    """fmaxf (fminf with -1): a NaN loses against a number, -0 against +0."""
    a, b = a * np.float32(sign), b * np.float32(sign)
    bigger = np.where((a > b) | ((a == b) & ~np.signbit(a)), a, b)
    return np.where(np.isnan(b), a, np.where(np.isnan(a), b, bigger)).astype(np.float32) * np.float32(sign)


def to_integer(x: Array, dtype: type) -> Array:
    """CUDA's conversion: towards zero, saturating; NaN is 0, or the smallest of 64 bits."""
    limits = np.iinfo(dtype)
    wide = np.trunc(x.astype(np.float64))
    inside = np.where((wide >= float(limits.max)) | (wide <= float(limits.min)) | np.isnan(wide), 0, wide).astype(dtype)
    saturated = np.where(wide >= float(limits.max), limits.max, np.where(wide <= float(limits.min), limits.min, inside))
    return np.where(np.isnan(wide), limits.min if dtype is np.int64 else 0, saturated).astype(dtype)


def population(a: Array) -> Array:
    return np.bitwise_count(a.view(f"u{a.itemsize}")).astype(np.int32)


def zeros_in_front(a: Array) -> Array:
    return np.array([32 - int(v).bit_length() for v in a.view(np.uint32)], np.int32)


def reversed_bits(a: Array) -> Array:
    return np.array([int(f"{int(v):032b}"[::-1], 2) for v in a], np.uint32)


def _prelude() -> str:
    lines = []
    for t in INTEGERS:
        u = {"int": "unsigned", "long long": "unsigned long long"}.get(t, t)
        mask = 63 if t == "long long" else 31
        for name, sign in (("add", "+"), ("sub", "-"), ("mul", "*")):
            lines.append(f"__device__ {t} {name}({t} a, {t} b) {{ return ({t})(({u})a {sign} ({u})b); }}")
        lines.append(f"__device__ {t} quo({t} a, {t} b) {{ return a / ((b & 255) | 1); }}")
        lines.append(f"__device__ {t} rem({t} a, {t} b) {{ return a % ((b & 255) | 1); }}")
        lines.append(f"__device__ {t} shl({t} a, {t} b) {{ return ({t})(({u})a << (b & {mask})); }}")
        lines.append(f"__device__ {t} shr({t} a, {t} b) {{ return a >> (b & {mask}); }}")
    for t, convert in (("int", "__float2int_rz"), ("unsigned", "__float2uint_rz"), ("long long", "__float2ll_rz")):
        lines.append(f"__device__ {t} to_{t.replace(' ', '_')}(float a) {{ return {convert}(a); }}")
    return "\n".join(lines) + "\n"


PRELUDE = _prelude()
ON_INTEGERS: dict[str, Callable[[Array, Array], Array]] = {
    "add(%s, %s)": lambda a, b: a + b,
    "sub(%s, %s)": lambda a, b: a - b,
    "mul(%s, %s)": lambda a, b: a * b,
    "quo(%s, %s)": truncated,
    "rem(%s, %s)": lambda a, b: a - truncated(a, b) * ((b & b.dtype.type(255)) | b.dtype.type(1)),
    "shl(%s, %s)": left,
    "shr(%s, %s)": right,
    "(%s & %s)": lambda a, b: a & b,
    "(%s | %s)": lambda a, b: a | b,
    "(%s ^ %s)": lambda a, b: a ^ b,
    "min(%s, %s)": np.minimum,
    "max(%s, %s)": np.maximum,
}
ON_FLOATS: dict[str, Callable[[Array, Array], Array]] = {
    "(%s + %s)": lambda a, b: a + b,
    "(%s - %s)": lambda a, b: a - b,
    "(%s * %s)": lambda a, b: a * b,
    "(%s / %s)": lambda a, b: a / b,
    "fminf(%s, %s)": lambda a, b: largest(a, b, -1.0),
    "fmaxf(%s, %s)": largest,
    "copysignf(%s, %s)": lambda a, b: np.where(np.isnan(a), a, np.copysign(a, b)),
}
ON_ONE_FLOAT: dict[str, Callable[[Array], Array]] = {
    "(-%s)": lambda a: -a,
    "fabsf(%s)": np.abs,
    "sqrtf(fabsf(%s))": lambda a: np.sqrt(np.abs(a)),
    "floorf(%s)": np.floor,
    "rintf(%s)": np.rint,
}
COMPARISONS: dict[str, Callable[[Array, Array], Array]] = {
    "<": np.less,
    "<=": np.less_equal,
    "==": np.equal,
    "!=": np.not_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
# What all threads may do to one place in any order.
ATOMICS: dict[str, tuple[int, np.ufunc]] = {
    "atomicAdd": (0, np.add), "atomicMin": (2**31 - 1, np.minimum), "atomicMax": (-(2**31), np.maximum),
    "atomicAnd": (-1, np.bitwise_and), "atomicOr": (0, np.bitwise_or), "atomicXor": (0, np.bitwise_xor),
}  # fmt: skip


# ---- statements ------------------------------------------------------------------------------------------------------------


@dataclass
class Flow:
    """Which threads of a loop have left it."""

    left: Array


class Statement:
    """A statement says itself in C, and does to a world what it would do. `bodies` are the statements within it."""

    bodies: tuple[list[Statement], ...] = ()

    def lines(self) -> Iterator[str]:
        raise NotImplementedError

    def do(self, world: World, mask: Array, loop: Flow | None) -> None:
        raise NotImplementedError


def indented(body: list[Statement]) -> Iterator[str]:
    for statement in body:
        yield from ("    " + line for line in statement.lines())


def do_all(body: list[Statement], world: World, mask: Array, loop: Flow | None) -> None:
    for statement in body:
        statement.do(world, mask & ~loop.left if loop else mask, loop)


@dataclass
class Assign(Statement):
    name: str
    expression: Expression

    def lines(self) -> Iterator[str]:
        yield f"{self.name} = {self.expression.text};"

    def do(self, world: World, mask: Array, loop: Flow | None) -> None:
        world.assign(self.name, self.expression.value(world), mask)


@dataclass
class If(Statement):
    condition: Expression
    bodies: tuple[list[Statement], ...]

    def lines(self) -> Iterator[str]:
        yield f"if ({self.condition.text}) {{"
        yield from indented(self.bodies[0])
        yield "} else {"
        yield from indented(self.bodies[1])
        yield "}"

    def do(self, world: World, mask: Array, loop: Flow | None) -> None:
        yes = self.condition.value(world) != 0
        do_all(self.bodies[0], world, mask & yes, loop)
        do_all(self.bodies[1], world, mask & ~yes, loop)


@dataclass
class Switch(Statement):
    subject: Expression
    bodies: tuple[list[Statement], ...]

    def lines(self) -> Iterator[str]:
        yield f"switch ({self.subject.text} & {len(self.bodies) - 1}) {{"
        for k, body in enumerate(self.bodies):
            yield f"case {k}: {{"
            yield from indented(body)
            yield "    break;"
            yield "}"
        yield "}"

    def do(self, world: World, mask: Array, loop: Flow | None) -> None:
        value = self.subject.value(world) & np.int32(len(self.bodies) - 1)
        for k, body in enumerate(self.bodies):
            do_all(body, world, mask & (value == k), loop)


@dataclass
class Loop(Statement):
    """At most `most` rounds. A thread goes round as long as `rounds` says, or until it breaks."""

    counter: str
    rounds: Expression
    most: int
    bodies: tuple[list[Statement], ...]

    def lines(self) -> Iterator[str]:
        yield f"for (int {self.counter} = 0, rounds = {self.rounds.text} & {self.most}; {self.counter} < rounds; {self.counter}++) {{"
        yield from indented(self.bodies[0])
        yield "}"

    def do(self, world: World, mask: Array, loop: Flow | None) -> None:
        rounds = self.rounds.value(world) & np.int32(self.most)
        flow = Flow(~mask)
        for k in range(self.most + 1):
            going = mask & (k < rounds) & ~flow.left
            world.variables[self.counter] = np.full(world.count, k, np.int32)
            do_all(self.bodies[0], world, going, flow)


@dataclass
class Break(Statement):
    condition: Expression

    def lines(self) -> Iterator[str]:
        yield f"if ({self.condition.text}) break;"

    def do(self, world: World, mask: Array, loop: Flow | None) -> None:
        if loop is not None:
            loop.left |= mask & (self.condition.value(world) != 0)


@dataclass
class Exchange(Statement):
    """Each thread of a block brings a value to shared memory and takes another's."""

    name: str
    type: str
    brought: Expression
    taken: Expression

    def lines(self) -> Iterator[str]:
        yield "{"
        yield f"    __shared__ {self.type} shared[THREADS];"
        yield f"    shared[threadIdx.x] = {self.brought.text};"
        yield "    __syncthreads();"
        yield f"    {self.name} = shared[(unsigned){self.taken.text} % THREADS];"
        yield "    __syncthreads();"
        yield "}"

    def do(self, world: World, mask: Array, loop: Flow | None) -> None:
        brought = self.brought.value(world).reshape(world.blocks, world.threads)
        source = self.taken.value(world).view(np.uint32) % np.uint32(world.threads)
        world.assign(self.name, brought[world.block, source], mask)


@dataclass
class Count(Statement):
    """A histogram of the block in shared memory, by atomic additions, read back by all."""

    name: str
    key: Expression
    amount: Expression
    taken: Expression

    def lines(self) -> Iterator[str]:
        yield "{"
        yield f"    __shared__ int counts[{BINS}];"
        yield f"    if (threadIdx.x < {BINS}) counts[threadIdx.x] = 0;"
        yield "    __syncthreads();"
        yield f"    atomicAdd(&counts[{self.key.text} & {BINS - 1}], {self.amount.text});"
        yield "    __syncthreads();"
        yield f"    {self.name} = counts[{self.taken.text} & {BINS - 1}];"
        yield "    __syncthreads();"
        yield "}"

    def do(self, world: World, mask: Array, loop: Flow | None) -> None:
        counts = np.zeros((world.blocks, BINS), np.int32)
        np.add.at(counts, (world.block, self.key.value(world) & np.int32(BINS - 1)), np.where(mask, self.amount.value(world), 0))
        world.assign(self.name, counts[world.block, self.taken.value(world) & np.int32(BINS - 1)], mask)


@dataclass
class Shuffle(Statement):
    """A value of another lane, in segments of `width` lanes. All lanes of the warp take part."""

    name: str
    kind: str
    sent: Expression
    operand: int
    width: int

    def lines(self) -> Iterator[str]:
        yield f"{self.name} = __shfl_{self.kind}sync(0xffffffffu, {self.sent.text}, {self.operand}, {self.width});"

    def do(self, world: World, mask: Array, loop: Flow | None) -> None:
        lane = world.thread % 32
        start, inside = lane // self.width * self.width, lane % self.width
        source = {
            "": start + self.operand % self.width,
            "up_": np.where(inside >= self.operand, lane - self.operand, lane),
            "down_": np.where(inside + self.operand < self.width, lane + self.operand, lane),
            "xor_": np.where((lane ^ self.operand) < start + self.width, lane ^ self.operand, lane),
        }[self.kind]
        sent = self.sent.value(world)
        world.assign(self.name, sent[np.arange(world.count) - lane + source], mask)


@dataclass
class Vote(Statement):
    name: str
    kind: str
    condition: Expression

    def lines(self) -> Iterator[str]:
        yield f"{self.name} = __{self.kind}_sync(0xffffffffu, {self.condition.text});"

    def do(self, world: World, mask: Array, loop: Flow | None) -> None:
        flags = (self.condition.value(world) != 0).reshape(-1, 32)
        values = {
            "ballot": (flags.astype(np.uint64) << np.arange(32, dtype=np.uint64)).sum(1),
            "any": flags.any(1),
            "all": flags.all(1),
        }[self.kind]
        world.assign(self.name, np.repeat(values, 32).astype(np.uint32), mask)


@dataclass
class Atomic(Statement):
    """A change of one of a few places in global memory that all threads share."""

    operation: str
    key: Expression
    amount: Expression

    def lines(self) -> Iterator[str]:
        yield f"{self.operation}(&bins_{self.operation}[{self.key.text} & {BINS - 1}], {self.amount.text});"

    def do(self, world: World, mask: Array, loop: Flow | None) -> None:
        keys = self.key.value(world) & np.int32(BINS - 1)
        ATOMICS[self.operation][1].at(world.bins[self.operation], keys[mask], self.amount.value(world)[mask])


@dataclass
class Remember(Statement):
    """A thread's own array, written at one place and read at another."""

    name: str
    at: Expression
    stored: Expression
    read: Expression

    def lines(self) -> Iterator[str]:
        yield f"own[{self.at.text} & {LOCAL - 1}] = {self.stored.text};"
        yield f"{self.name} = own[{self.read.text} & {LOCAL - 1}];"

    def do(self, world: World, mask: Array, loop: Flow | None) -> None:
        every = np.arange(world.count)
        at = self.at.value(world) & np.int32(LOCAL - 1)
        world.local[every[mask], at[mask]] = self.stored.value(world)[mask]
        world.assign(self.name, world.local[every, self.read.value(world) & np.int32(LOCAL - 1)], mask)


# ---- making programs -------------------------------------------------------------------------------------------------------


class Maker:
    """Draws one program. `uniform`: the whole block comes by; `whole_warps`: every lane of each warp that comes by does."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self.threads = int(self._rng.choice([32, 64, 96]))
        self.blocks = int(self._rng.integers(1, 4))
        self.variables = {f"v{k}": self._one_of([*DTYPES]) for k in range(6)} | {"vi": "int", "vu": "unsigned", "vf": "float", "vl": "long long"}
        self._counters: list[str] = []
        self._loops = 0
        self.functions: list[tuple[str, Expression]] = []
        for k in range(int(self._rng.integers(0, 3))):
            self.functions.append((f"f{k}", self._function_body(f"f{k}")))
        self.body = self._statements(int(self._rng.integers(3, 9)), depth=0, uniform=True, whole_warps=True, in_loop=False)

    def _one_of(self, choices: list[Any]) -> Any:
        return choices[int(self._rng.integers(len(choices)))]

    # -- statements

    def _statements(self, count: int, **context: Any) -> list[Statement]:
        return [self._statement(**context) for _ in range(count)]

    def _statement(self, depth: int, uniform: bool, whole_warps: bool, in_loop: bool) -> Statement:
        kinds = [self._assign, self._assign, self._atomic, self._remember]
        kinds += [self._exchange, self._exchange, self._count] if uniform else []
        kinds += [self._shuffle, self._shuffle, self._vote] if whole_warps else []
        if depth < 3:
            nested = {"depth": depth + 1, "uniform": uniform, "whole_warps": whole_warps, "in_loop": in_loop}
            kinds += [lambda: self._branch(nested), lambda: self._loop(nested), lambda: self._switch(nested)]
        if in_loop and not whole_warps:
            kinds.append(lambda: Break(self.expression("int", 2)))
        return self._one_of(kinds)()

    def _name(self, *types: str) -> str:
        return self._one_of([name for name, type_ in self.variables.items() if type_ in types])

    def _assign(self) -> Statement:
        name = self._one_of([*self.variables])
        return Assign(name, self.expression(self.variables[name], 4))

    def _atomic(self) -> Statement:
        return Atomic(self._one_of([*ATOMICS]), self.expression("int", 2), self.expression("int", 2))

    def _remember(self) -> Statement:
        return Remember(self._name("float"), self.expression("int", 2), self.expression("float", 2), self.expression("int", 2))

    def _exchange(self) -> Statement:
        name = self._one_of([*self.variables])
        return Exchange(name, self.variables[name], self.expression(self.variables[name], 2), self.expression("int", 2))

    def _count(self) -> Statement:
        return Count(self._name("int"), self.expression("int", 2), self.expression("int", 2), self.expression("int", 2))

    def _shuffle(self) -> Statement:
        name = self._one_of([*self.variables])
        kind = self._one_of(["", "up_", "down_", "xor_"])
        return Shuffle(name, kind, self.expression(self.variables[name], 2), int(self._rng.integers(32)), int(self._one_of([2, 4, 8, 16, 32])))

    def _vote(self) -> Statement:
        return Vote(self._name("unsigned"), self._one_of(["ballot", "any", "all"]), self.expression("int", 2))

    def _inside(self, nested: dict[str, Any], **changed: Any) -> list[Statement]:
        return self._statements(int(self._rng.integers(1, 4)), **{**nested, **changed})

    def _branch(self, nested: dict[str, Any]) -> Statement:
        condition, context = self._condition(nested)
        context["in_loop"] = nested["in_loop"] and not nested["whole_warps"]  # else some would leave a loop that holds barriers
        return If(condition, (self._inside(nested, **context), self._inside(nested, **context)))

    def _switch(self, nested: dict[str, Any]) -> Statement:
        subject, context = self._condition(nested)
        # A `break` would leave the switch, not the loop.
        return Switch(subject, tuple(self._inside(nested, **context, in_loop=False) for _ in range(int(self._one_of([2, 4])))))

    def _condition(self, nested: dict[str, Any]) -> tuple[Expression, dict[str, Any]]:
        """Something that differs between threads, or between warps only, or between blocks only."""
        draw = self._rng.random()
        if nested["uniform"] and draw < 0.25:
            return Expression("int", "(int)blockIdx.x", lambda w: w.block), {}
        if nested["whole_warps"] and draw < 0.5:
            return Expression("int", "(int)(threadIdx.x / 32)", lambda w: w.thread // np.int32(32)), {"uniform": False}
        return self.expression("int", 3), {"uniform": False, "whole_warps": False}

    def _loop(self, nested: dict[str, Any]) -> Statement:
        self._loops += 1
        counter = f"i{self._loops}"
        rounds, context = self._condition(nested)
        self._counters.append(counter)
        body = self._inside(nested, **context, in_loop=True)
        self._counters.remove(counter)
        return Loop(counter, rounds, int(self._one_of([1, 3, 7])), (body,))

    # -- expressions

    def _function_body(self, name: str) -> Expression:
        variables, self.variables = self.variables, {"x": "int", "y": "float"}
        body = self.expression(self._one_of(["int", "float"]), 3, leaves_only_variables=True)
        self.variables = variables
        return body

    def expression(self, type_: str, depth: int, leaves_only_variables: bool = False) -> Expression:
        def sub(wanted: str) -> Expression:
            return self.expression(wanted, depth - 1, leaves_only_variables)

        if depth == 0 or self._rng.random() < 0.15:
            return self._leaf(type_, leaves_only_variables)
        draw = self._rng.random()
        if draw < 0.1:
            return self._choice(sub("int"), sub(type_), sub(type_))
        if draw < 0.25:
            return self._converted(sub(self._one_of([*DTYPES])), type_)
        calls = [f for f in self.functions if f[1].type == type_]
        if draw < 0.35 and calls:
            return self._call(self._one_of(calls), sub("int"), sub("float"))
        if type_ == "float":
            return self._two(type_, ON_FLOATS, sub) if draw < 0.8 else self._one(ON_ONE_FLOAT, sub)
        if type_ == "int" and draw < 0.5:
            compared = self._one_of([*DTYPES])
            sign = self._one_of([*COMPARISONS])
            a, b = sub(compared), sub(compared)
            return Expression("int", f"({a.text} {sign} {b.text})", lambda w: COMPARISONS[sign](a.value(w), b.value(w)).astype(np.int32))
        if type_ in ("int", "unsigned") and draw < 0.6:
            return self._bits(type_, sub)
        return self._two(type_, ON_INTEGERS, sub)

    def _leaf(self, type_: str, only_variables: bool) -> Expression:
        names = [name for name, t in self.variables.items() if t == type_] + (self._counters if type_ == "int" and not only_variables else [])
        if names and self._rng.random() < 0.7:
            name = self._one_of(names)
            return Expression(type_, name, lambda w: w.variables[name])
        if type_ == "int" and not only_variables and self._rng.random() < 0.4:
            return Expression("int", "(int)threadIdx.x", lambda w: w.thread)
        return self._constant(type_)

    def _constant(self, type_: str) -> Expression:
        dtype = DTYPES[type_]
        if type_ == "float":
            number = np.float32(self._one_of([0.0, 0.5, -1.5, 3.0, 1e-3, 1e10, float(self._rng.normal())]))
            text = f"{float(number)!r}f"
        else:
            edge = int(self._one_of([0, 1, 2, 5, 31, 255, 65535, 2**31 - 1, -1, -7]))
            number = np.array(edge).astype(dtype)[()]
            text = {"int": f"{number}", "unsigned": f"{number}u", "long long": f"{number}ll"}[type_]
        return Expression(type_, f"({text})", lambda w: np.full(w.count, number, dtype))

    def _choice(self, condition: Expression, yes: Expression, no: Expression) -> Expression:
        return Expression(
            yes.type, f"({condition.text} ? {yes.text} : {no.text})", lambda w: np.where(condition.value(w) != 0, yes.value(w), no.value(w))
        )

    def _converted(self, source: Expression, type_: str) -> Expression:
        dtype = DTYPES[type_]
        if source.type == "float" and type_ != "float":
            return Expression(type_, f"to_{type_.replace(' ', '_')}({source.text})", lambda w: to_integer(source.value(w), dtype))
        return Expression(type_, f"({type_})({source.text})", lambda w: source.value(w).astype(dtype))

    def _call(self, function: tuple[str, Expression], x: Expression, y: Expression) -> Expression:
        name, body = function

        def value(w: World) -> Array:
            inner = World(w.blocks, w.threads, w.inputs, {"x": x.value(w), "y": y.value(w)})
            return body.value(inner)

        return Expression(body.type, f"{name}({x.text}, {y.text})", value)

    def _two(self, type_: str, operations: dict[str, Callable[[Array, Array], Array]], sub: Callable[[str], Expression]) -> Expression:
        form = self._one_of([*operations])
        a, b = sub(type_), sub(type_)
        return Expression(type_, form % (a.text, b.text), lambda w: operations[form](a.value(w), b.value(w)).astype(DTYPES[type_]))

    def _one(self, operations: dict[str, Callable[[Array], Array]], sub: Callable[[str], Expression]) -> Expression:
        form, a = self._one_of([*operations]), sub("float")
        return Expression("float", form % a.text, lambda w: operations[form](a.value(w)))

    def _bits(self, type_: str, sub: Callable[[str], Expression]) -> Expression:
        a, b = sub(type_), sub(type_)
        if type_ == "unsigned":
            return Expression("unsigned", f"__brev({a.text})", lambda w: reversed_bits(a.value(w)))
        return self._one_of([
            Expression("int", f"__popc({a.text})", lambda w: population(a.value(w))),
            Expression("int", f"__clz({a.text})", lambda w: zeros_in_front(a.value(w))),
            Expression("int", f"__mulhi({a.text}, {b.text})", lambda w: high(a.value(w), b.value(w))),
        ])  # fmt: skip


# ---- running both ----------------------------------------------------------------------------------------------------------


@dataclass
class Kernel:
    """A program and the data that it runs on."""

    maker: Maker
    body: list[Statement]
    seed: int

    @property
    def source(self) -> str:
        maker = self.maker
        bins = ", ".join(f"int* bins_{name}" for name in ATOMICS)
        outputs = ", ".join(f"{type_}* out_{name}" for name, type_ in maker.variables.items())
        lines = [PRELUDE + f"#define THREADS {maker.threads}"]
        lines += [f"__device__ __noinline__ {body.type} {name}(int x, float y) {{ return {body.text}; }}" for name, body in maker.functions]
        lines.append(f'extern "C" __global__ void k(const int* in, {bins}, {outputs}) {{')
        lines.append("    int thread = blockIdx.x * blockDim.x + threadIdx.x;")
        lines.append(f"    float own[{LOCAL}];")
        lines.append(f"    for (int k = 0; k < {LOCAL}; k++) own[k] = in[thread] >> k;")
        lines += [
            f"    {type_} {name} = ({type_})in[thread] {'*' if type_ == 'float' else '^'} {k + 1};"
            for k, (name, type_) in enumerate(maker.variables.items())
        ]
        lines += indented(self.body)
        lines += [f"    out_{name}[thread] = {name};" for name in maker.variables]
        return "\n".join([*lines, "}"])

    def inputs(self) -> Array:
        rng = np.random.default_rng(self.seed)
        count = self.maker.blocks * self.maker.threads
        small, large = rng.integers(-40, 40, count), rng.integers(-(2**31), 2**31, count)
        return np.where(rng.random(count) < 0.5, small, large).astype(np.int32)

    def in_numpy(self) -> dict[str, Array]:
        """What the program computes, in lockstep."""
        given = self.inputs()
        world = World(self.maker.blocks, self.maker.threads, {"in": given})
        world.bins = {name: np.full(BINS, start, np.int32) for name, (start, _) in ATOMICS.items()}
        world.local = np.stack([(given >> k).astype(np.float32) for k in range(LOCAL)], 1)
        for k, (name, type_) in enumerate(self.maker.variables.items()):
            value = given.astype(DTYPES[type_])
            world.variables[name] = value * np.float32(k + 1) if type_ == "float" else value ^ value.dtype.type(k + 1)
        with np.errstate(all="ignore"):
            do_all(self.body, world, np.ones(world.count, bool), None)
        return {**{f"bins_{name}": b for name, b in world.bins.items()}, **{f"out_{name}": world.variables[name] for name in self.maker.variables}}

    def on_device(self) -> dict[str, Array]:
        """What the kernel computes."""
        maker = self.maker
        arrays: dict[str, Any] = {f"bins_{name}": cp.asarray(np.full(BINS, start, np.int32)) for name, (start, _) in ATOMICS.items()}
        arrays |= {f"out_{name}": cp.empty(maker.blocks * maker.threads, DTYPES[type_]) for name, type_ in maker.variables.items()}
        cp.RawKernel(self.source, "k", options=OPTIONS)((maker.blocks,), (maker.threads,), (cp.asarray(self.inputs()), *arrays.values()))
        return {name: array.get() for name, array in arrays.items()}

    def failure(self) -> str:
        """What is wrong with it; an empty string if nothing is."""
        try:
            got = self.on_device()
        except (CompileError, KernelFault, NotSupported) as error:
            return f"{type(error).__name__}: {error}"
        for name, expected in self.in_numpy().items():
            wrong = ~((got[name] == expected) | ((got[name] != got[name]) & (expected != expected)))
            if wrong.any():
                k = int(wrong.argmax())
                return f"{name}[{k}] is {got[name][k]!r}, not {expected[k]!r} ({int(wrong.sum())} of {wrong.size} are wrong)"
        return ""


def make(seed: int) -> Kernel:
    """The kernel of a seed, always the same."""
    maker = Maker(seed)
    return Kernel(maker, maker.body, seed)


def shrink(kernel: Kernel, fails: Callable[[Kernel], bool]) -> Kernel:
    """Leave out statements, and put bodies in the place of what holds them, as long as the kernel still fails."""
    again = True
    while again:
        again = False
        for smaller in _smaller(kernel.body):
            candidate = Kernel(kernel.maker, smaller, kernel.seed)
            if fails(candidate):
                kernel, again = candidate, True
                break
    return kernel


def _smaller(body: list[Statement]) -> Iterator[list[Statement]]:
    for k, statement in enumerate(body):
        before, after = body[:k], body[k + 1 :]
        yield before + after
        if isinstance(statement, If | Switch):
            for inner in statement.bodies:
                yield before + inner + after
        for j, inner in enumerate(statement.bodies):
            for smaller in _smaller(inner):
                changed = object.__new__(type(statement))
                changed.__dict__.update(statement.__dict__)
                changed.bodies = (*statement.bodies[:j], smaller, *statement.bodies[j + 1 :])
                yield [*before, changed, *after]


# ---- faults ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Index:
    """How a thread finds its place in an array of `size`: in C, and in NumPy for all threads of a block."""

    text: str
    places: Array


@dataclass(frozen=True)
class Suspect:
    """A kernel that perhaps goes wrong, and the kinds of faults that NumPy finds in it; with which of them a launch may end."""

    source: str
    sizes: tuple[int, int]
    threads: int
    kinds: frozenset[str]

    def failure(self) -> str:
        """What is wrong with the checker's opinion; an empty string if nothing is."""
        x, out = (cp.asarray(np.arange(size, dtype=np.int32)) for size in self.sizes)
        try:
            cp.RawKernel(self.source, "k")((1,), (self.threads,), (x, out))
        except KernelFault as fault:
            return "" if fault.kind in self.kinds else f"said to be {fault.kind!r}, but {sorted(self.kinds) or 'nothing'} is wrong: {fault}"
        return f"nothing was found, but {sorted(self.kinds)} is wrong" if self.kinds else ""


def suspect(seed: int) -> Suspect:
    """Threads read x, bring what they read to shared memory, take it back with or without a barrier, and write it to out."""
    rng = np.random.default_rng(seed)
    threads = int(rng.choice([16, 32, 48, 64]))
    sizes = [int(threads + rng.integers(-2, 6)) for _ in range(3)]
    load, bring, take, store = (_index(rng, threads) for _ in range(4))
    barrier = bool(rng.random() < 0.7)
    kinds = {
        "out of bounds"
        for index, size in zip((load, bring, take, store), (sizes[0], sizes[1], sizes[1], sizes[2]), strict=True)
        if _outside(index, size)
    }
    kinds |= _races(bring, take, barrier)
    if len(np.unique(store.places)) < threads:
        kinds.add("race")
    lines = [
        'extern "C" __global__ void k(const int* x, int* out) {',
        f"    __shared__ volatile int s[{sizes[1]}];",
        "    int t = threadIdx.x;",
        f"    s[{bring.text}] = x[{load.text}];",
        "    __syncthreads();" if barrier else "",
        f"    out[{store.text}] = s[{take.text}];",
        "}",
    ]
    return Suspect("\n".join(lines), (sizes[0], sizes[2]), threads, frozenset(kinds))


def _index(rng: np.random.Generator, threads: int) -> Index:
    t = np.arange(threads)
    add, factor, bits = int(rng.integers(-1, 3)), int(rng.choice([3, 5, 7, 2])), int(rng.integers(1, threads))
    forms = [
        Index("t", t),
        Index("t", t),
        Index(f"{threads - 1} - t", threads - 1 - t),
        Index(f"t + {add}", t + add),
        Index(f"(t * {factor}) % {threads}", t * factor % threads),
        Index(f"t ^ {bits}", t ^ bits),
        Index(f"t == {bits} ? {bits + add} : t", np.where(t == bits, bits + add, t)),
    ]
    return forms[int(rng.integers(len(forms)))]


def _outside(index: Index, size: int) -> bool:
    return bool((index.places < 0).any() or (index.places >= size).any())


def _races(bring: Index, take: Index, barrier: bool) -> set[str]:
    kinds = set()
    if len(np.unique(bring.places)) < bring.places.size:
        kinds.add("race")
    if not set(take.places.tolist()) <= set(bring.places.tolist()):
        kinds.add("uninitialised")
    others = bring.places[:, None] == take.places
    np.fill_diagonal(others, False)
    if not barrier and others.any():
        kinds |= {"race", "uninitialised"}  # a thread may read before the other has written
    return kinds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200, help="how many kernels")
    parser.add_argument("--seed", type=int, default=0, help="the first one's seed; the others follow")
    chosen = parser.parse_args()
    BUILD.mkdir(parents=True, exist_ok=True)
    for seed in range(chosen.seed, chosen.seed + chosen.count):
        kernel = make(seed)
        (BUILD / "kernel.cu").write_text(f"// seed {seed}\n{kernel.source}\n")
        if kernel.failure():
            smallest = shrink(kernel, lambda k: bool(k.failure()))
            print(f"seed {seed}: {smallest.failure()}\n\n{smallest.source}")
            return 1
        if wrong := suspect(seed).failure():
            print(f"seed {seed}: {wrong}\n\n{suspect(seed).source}")
            return 1
    print(f"{chosen.count} kernels, from seed {chosen.seed}: all as in NumPy; {chosen.count} suspects: judged as by NumPy")
    return 0


if __name__ == "__main__":
    sys.exit(main())
