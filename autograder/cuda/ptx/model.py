"""What a PTX module holds: variables, functions, instructions. Names are those of NVIDIA's PTX ISA."""

from __future__ import annotations

from dataclasses import dataclass, field

# Widths of PTX's types in bits. A predicate has one.
WIDTHS = {
    "pred": 1,
    "b8": 8, "u8": 8, "s8": 8,
    "b16": 16, "u16": 16, "s16": 16, "f16": 16, "bf16": 16,
    "b32": 32, "u32": 32, "s32": 32, "f32": 32, "f16x2": 32, "bf16x2": 32,
    "b64": 64, "u64": 64, "s64": 64, "f64": 64,
    "b128": 128,
}  # fmt: skip


def size_of(type_: str) -> int:
    """Bytes that a value of a PTX type takes in memory."""
    return max(1, WIDTHS[type_] // 8)


@dataclass(frozen=True)
class Register:
    """`%r1`, or one that the hardware sets: `%tid.x`. The sink `_` is None where a destination is asked for."""

    name: str


@dataclass(frozen=True)
class Negated:
    """`!%p1`, a predicate's opposite."""

    register: Register


@dataclass(frozen=True)
class Immediate:
    """A number as its bits: `3`, `-1`, `0f3F800000` (a float's 32 bits), `0d...` (a double's 64). Negative only for negative integers."""

    bits: int


@dataclass(frozen=True)
class Symbol:
    """A variable, a parameter, a function or a label, with a number of bytes added."""

    name: str
    offset: int = 0


@dataclass(frozen=True)
class Address:
    """`[base + offset]`."""

    base: Register | Symbol | Immediate
    offset: int = 0


@dataclass(frozen=True)
class Vector:
    """`{%f1, %f2}`, and what stands in the brackets of a call: `(param0, param1)`."""

    items: tuple[Operand, ...]


@dataclass(frozen=True)
class Pair:
    """`%p1|%p2`, two destinations."""

    first: Operand
    second: Operand


@dataclass(frozen=True)
class Sink:
    """`_`, a destination that nobody reads."""


Operand = Register | Negated | Immediate | Symbol | Address | Vector | Pair | Sink


@dataclass(frozen=True)
class Label:
    """`$L__BB0_3:`, a place in a function's body that a branch may name."""

    name: str


@dataclass(frozen=True)
class Instruction:
    """`@%p1 setp.lt.s32 %p2, %r1, %r2;` with the line of the kernel's own source that it comes from (0: unknown).

    What was inlined from a header carries the line that called it.
    """

    opcode: str
    operands: tuple[Operand, ...]
    guard: Register | Negated | None
    line: int
    text: str

    @property
    def name(self) -> str:
        return self.opcode.partition(".")[0]

    @property
    def modifiers(self) -> tuple[str, ...]:
        return tuple(self.opcode.split(".")[1:])


@dataclass(frozen=True)
class Parameter:
    """A parameter or a result of a function: `size` bytes at `offset`, aligned as C would. `type` is None for a struct or an array."""

    name: str
    type: str | None
    size: int
    align: int
    offset: int


@dataclass(frozen=True)
class Variable:
    """A variable in `global`, `const`, `shared`, `local` or `param` space.

    `size` 0 in shared memory: the launch decides. `data` holds initial bytes; `pointers` says where in them the
    address of another variable goes: (byte, symbol, whether as a generic address).
    """

    space: str
    name: str
    size: int
    align: int
    external: bool = False
    data: bytes | None = None
    pointers: tuple[tuple[int, Symbol, bool], ...] = ()


@dataclass(frozen=True)
class Prototype:
    """The parameters and the results of a function that is declared only, or that a register points to."""

    name: str
    parameters: tuple[Parameter, ...]
    results: tuple[Parameter, ...]


@dataclass
class Function:
    """A kernel (`entry`) or a device function. `registers` gives each register's width in bits.

    A `param` variable of a call lies in the scope of that call in PTX; the parser gives each its own name.
    """

    name: str
    entry: bool
    parameters: tuple[Parameter, ...]
    results: tuple[Parameter, ...]
    registers: dict[str, int] = field(default_factory=dict)
    variables: dict[str, Variable] = field(default_factory=dict)
    body: list[Instruction | Label] = field(default_factory=list)
    prototypes: dict[str, Prototype] = field(default_factory=dict)
    max_threads: tuple[int, int, int] | None = None


@dataclass
class Module:
    variables: dict[str, Variable] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    declared: dict[str, Prototype] = field(default_factory=dict)

    @property
    def kernels(self) -> dict[str, Function]:
        return {name: function for name, function in self.functions.items() if function.entry}
