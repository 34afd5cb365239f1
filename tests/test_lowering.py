"""Every family of PTX instructions, compiled to machine code and compared with NumPy or with plain Python."""

from __future__ import annotations

import ctypes
import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from compiled_kernels import Kernel, native

from autograder.cuda import NotSupported
from autograder.cuda.lowering.layout import FaultKind
from autograder.cuda.ptx import parse

TYPES = {  # PTX's type: C's type, letter of the asm constraint, NumPy's type
    "s16": ("short", "h", np.int16),
    "u16": ("unsigned short", "h", np.uint16),
    "s32": ("int", "r", np.int32),
    "u32": ("unsigned", "r", np.uint32),
    "s64": ("long long", "l", np.int64),
    "u64": ("unsigned long long", "l", np.uint64),
    "f32": ("float", "f", np.float32),
    "f64": ("double", "d", np.float64),
}
INTEGERS = (0, 1, 2, 3, 5, 31, 32, 33, 63, 64, 100, 127, 128, 255, 256, 65535, -1, -2, -7, -128, 0x12345678, 0x7FFFFFFF, -0x80000000, 2**62, -(2**63))
FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 1.5, 2.5, -2.5, 3.7, -3.7, 1e-3, 16777217.0, 3e9, -3e9, 1e19, 65504.0, 1e-8, math.inf, -math.inf, math.nan)
SMALL = (0, 1, 2, 3, 4, 7, 8, 16, 31, 32, 33, 40)


@dataclass(frozen=True)
class Case:
    """An instruction, the types of its result and sources, and what it computes, on Python's numbers."""

    instruction: str
    result: str
    sources: tuple[str, ...]
    expected: Callable
    small: bool = False  # the sources after the first are small numbers: widths, amounts

    @property
    def code(self) -> str:
        """A function in CUDA C that runs the instruction on each row of its sources."""
        result_type, result_letter, _ = TYPES[self.result]
        operands = ", ".join(f"%{k + 1}" for k in range(len(self.sources)))
        inputs = ", ".join(f'"{TYPES[type_][1]}"(s{k}[i])' for k, type_ in enumerate(self.sources))
        pointers = ", ".join(f"const {TYPES[type_][0]} *s{k}" for k, type_ in enumerate(self.sources))
        text = self.instruction if "%" in self.instruction else f"{self.instruction} %0, {operands};"
        body = f'{result_type} r; asm("{text}" : "={result_letter}"(r) : {inputs}); out[i] = r;'
        return f'extern "C" __device__ void run({result_type} *out, {pointers}, int n) {{ for (int i = 0; i < n; i++) {{ {body} }} }}'


def wrap(value: int, type_: str) -> int:
    """An integer as two's complement has it."""
    info = np.iinfo(TYPES[type_][2])
    return (int(value) - info.min) % (1 << info.bits) + info.min


def inputs_of(case: Case) -> list[np.ndarray]:
    """All combinations of numbers worth trying, at most 4000 rows."""
    columns = []
    for k, type_ in enumerate(case.sources):
        numbers = FLOATS if type_[0] == "f" else SMALL if case.small and k else INTEGERS
        with np.errstate(over="ignore"):
            columns.append([TYPES[type_][2](number) if type_[0] == "f" else TYPES[type_][2](wrap(number, type_)) for number in numbers])
    grids = np.meshgrid(*(np.array(column, TYPES[type_][2]) for column, type_ in zip(columns, case.sources, strict=True)), indexing="ij")
    rows = [np.ascontiguousarray(grid.ravel()) for grid in grids]
    picked = np.random.default_rng(0).permutation(rows[0].size)[:4000]
    return [np.ascontiguousarray(row[picked]) for row in rows]


def run(case: Case) -> tuple[list[np.ndarray], np.ndarray]:
    rows = inputs_of(case)
    out = np.zeros(rows[0].size, TYPES[case.result][2])
    code = native(case.code)
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (1 + len(rows)), ctypes.c_int)(code.address("run"))
    function(out.ctypes.data, *(row.ctypes.data for row in rows), out.size)
    return rows, out


def check(case: Case) -> None:
    rows, out = run(case)
    for row, actual in zip(zip(*rows, strict=True), out, strict=True):
        with np.errstate(all="ignore"):
            expected = case.expected(*(value if isinstance(value, np.floating) else int(value) for value in row))
            wanted = TYPES[case.result][2](expected if case.result[0] == "f" else wrap(expected, case.result))
        assert actual.tobytes() == wanted.tobytes() or (actual != actual and wanted != wanted), f"{case.instruction} of {row}: {actual}, not {wanted}"


def ids(cases: list[Case]) -> list[str]:
    return [case.instruction.replace(" ", "_") for case in cases]


# ---- integers


def c_divide(a: int, b: int) -> int:
    return -1 if b == 0 else abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def c_remainder(a: int, b: int) -> int:
    return -1 if b == 0 else a - c_divide(a, b) * b


def low_24(value: int, signed: bool) -> int:
    low = value & 0xFFFFFF
    return low - (1 << 24) if signed and low >> 23 else low


def clamp(value: int, type_: str) -> int:
    info = np.iinfo(TYPES[type_][2])
    return min(max(value, int(info.min)), int(info.max))


INTEGER_CASES = [
    *(Case(f"add.{t}", t, (t, t), lambda a, b: a + b) for t in ("s16", "u32", "s64")),
    *(Case(f"sub.{t}", t, (t, t), lambda a, b: a - b) for t in ("u16", "s32", "u64")),
    Case("add.sat.s32", "s32", ("s32", "s32"), lambda a, b: clamp(a + b, "s32")),
    Case("sub.sat.s32", "s32", ("s32", "s32"), lambda a, b: clamp(a - b, "s32")),
    *(Case(f"mul.lo.{t}", t, (t, t), lambda a, b: a * b) for t in ("s16", "u32", "s64")),
    *(
        Case(f"mul.hi.{t}", t, (t, t), functools.partial(lambda bits, a, b: a * b >> bits, bits))
        for t, bits in (("u16", 16), ("s32", 32), ("u32", 32), ("s64", 64), ("u64", 64))
    ),
    Case("mul.wide.s32", "s64", ("s32", "s32"), lambda a, b: a * b),
    Case("mul.wide.u16", "u32", ("u16", "u16"), lambda a, b: a * b),
    Case("mad.lo.s32", "s32", ("s32", "s32", "s32"), lambda a, b, c: a * b + c),
    Case("mad.hi.u32", "u32", ("u32", "u32", "u32"), lambda a, b, c: (a * b >> 32) + c),
    Case("mad.wide.u32", "u64", ("u32", "u32", "u64"), lambda a, b, c: a * b + c),
    Case("mad.hi.sat.s32", "s32", ("s32", "s32", "s32"), lambda a, b, c: clamp((a * b >> 32) + c, "s32")),
    Case("mul24.lo.s32", "s32", ("s32", "s32"), lambda a, b: low_24(a, True) * low_24(b, True)),
    Case("mul24.hi.u32", "u32", ("u32", "u32"), lambda a, b: low_24(a, False) * low_24(b, False) >> 16),
    Case("mad24.lo.u32", "u32", ("u32", "u32", "u32"), lambda a, b, c: low_24(a, False) * low_24(b, False) + c),
    *(Case(f"div.{t}", t, (t, t), c_divide) for t in ("s16", "u32", "s32", "s64", "u64")),
    *(Case(f"rem.{t}", t, (t, t), c_remainder) for t in ("u16", "u32", "s32", "s64", "u64")),
    *(Case(f"min.{t}", t, (t, t), min) for t in ("s16", "u32", "s64")),
    *(Case(f"max.{t}", t, (t, t), max) for t in ("u16", "s32", "u64")),
    Case("abs.s32", "s32", ("s32",), abs),
    Case("neg.s64", "s64", ("s64",), lambda a: -a),
    Case("sad.s32", "s32", ("s32", "s32", "s32"), lambda a, b, c: abs(a - b) + c),
    Case("sad.u32", "u32", ("u32", "u32", "u32"), lambda a, b, c: abs(a - b) + c),
]


@pytest.mark.parametrize("case", INTEGER_CASES, ids=ids(INTEGER_CASES))
def test_integer_arithmetic(case: Case) -> None:
    check(case)


def bytes_of(value: int, signed: bool) -> list[int]:
    return [int.from_bytes(bytes([value >> 8 * k & 255]), "little", signed=signed) for k in range(4)]


def test_dot_products_of_bytes() -> None:
    check(
        Case(
            "dp4a.s32.u32",
            "s32",
            ("s32", "u32", "s32"),
            lambda a, b, c: sum(x * y for x, y in zip(bytes_of(a, True), bytes_of(b, False), strict=True)) + c,
        )
    )


def test_carries_run_through_a_chain() -> None:
    chain = "{ .reg .b32 a, b, c, d; mov.b64 {a, b}, %1; mov.b64 {c, d}, %2; add.cc.u32 a, a, c; addc.u32 b, b, d; mov.b64 %0, {a, b}; }"
    check(Case(chain, "u64", ("u64", "u64"), lambda a, b: a + b))


def test_borrows_run_through_a_chain() -> None:
    chain = "{ .reg .b32 a, b, c, d; mov.b64 {a, b}, %1; mov.b64 {c, d}, %2; sub.cc.u32 a, a, c; subc.u32 b, b, d; mov.b64 %0, {a, b}; }"
    check(Case(chain, "u64", ("u64", "u64"), lambda a, b: a - b))


def test_products_carry() -> None:
    chain = "{ .reg .b32 l, h; mad.lo.cc.u32 l, %1, %2, %3; madc.hi.u32 h, %1, %2, 0; mov.b64 %0, {l, h}; }"
    check(Case(chain, "u64", ("u32", "u32", "u32"), lambda a, b, c: a * b + c))


# ---- bits


def extracted(value: int, position: int, length: int, width: int, signed: bool) -> int:
    """PTX ISA's own description of bfe, bit by bit."""
    position, length = position & 255, length & 255
    top = min(position + length - 1, width - 1)
    sign = value >> top & 1 if signed and length else 0
    return sum((value >> position + k & 1 if k < length and position + k < width else sign) << k for k in range(width))


def inserted(field: int, base: int, position: int, length: int, width: int) -> int:
    for k in range(min(length & 255, width)):
        if (position & 255) + k < width:
            bit = 1 << (position & 255) + k
            base = base & ~bit | (bit if field >> k & 1 else 0)
    return base


def permuted(a: int, b: int, selectors: int) -> int:
    both = a | b << 32
    result = 0
    for k in range(4):
        selector = selectors >> 4 * k & 15
        byte = both >> 8 * (selector & 7) & 255
        result |= (byte if selector < 8 else 255 * (byte >> 7)) << 8 * k
    return result


def highest(value: int, signed: bool, width: int) -> int:
    if signed and value < 0:
        value = ~value
    return value.bit_length() - 1


BIT_CASES = [
    Case("and.b32", "u32", ("u32", "u32"), lambda a, b: a & b),
    Case("or.b64", "u64", ("u64", "u64"), lambda a, b: a | b),
    Case("xor.b16", "u16", ("u16", "u16"), lambda a, b: a ^ b),
    Case("not.b32", "u32", ("u32",), lambda a: ~a),
    Case("cnot.b32", "u32", ("u32",), lambda a: a == 0),
    *(Case(f"shl.b{w}", f"u{w}", (f"u{w}", "u32"), lambda a, n: a << n, True) for w in (16, 32, 64)),
    *(Case(f"shr.u{w}", f"u{w}", (f"u{w}", "u32"), lambda a, n: a >> n, True) for w in (16, 32, 64)),
    *(Case(f"shr.s{w}", f"s{w}", (f"s{w}", "u32"), lambda a, n: a >> n, True) for w in (16, 32, 64)),
    Case("shf.l.wrap.b32", "u32", ("u32", "u32", "u32"), lambda a, b, n: ((b << 32 | a) << (n & 31)) >> 32, True),
    Case("shf.r.wrap.b32", "u32", ("u32", "u32", "u32"), lambda a, b, n: (b << 32 | a) >> (n & 31), True),
    Case("shf.l.clamp.b32", "u32", ("u32", "u32", "u32"), lambda a, b, n: ((b << 32 | a) << min(n, 32)) >> 32, True),
    Case("shf.r.clamp.b32", "u32", ("u32", "u32", "u32"), lambda a, b, n: (b << 32 | a) >> min(n, 32), True),
    Case("lop3.b32 %0, %1, %2, %3, 0xCA;", "u32", ("u32", "u32", "u32"), lambda a, b, c: a & b | ~a & c),
    Case("lop3.b32 %0, %1, %2, %3, 0x96;", "u32", ("u32", "u32", "u32"), lambda a, b, c: a ^ b ^ c),
    Case("popc.b32", "u32", ("u32",), lambda a: bin(a).count("1")),
    Case("popc.b64", "u32", ("u64",), lambda a: bin(a).count("1")),
    Case("clz.b32", "u32", ("u32",), lambda a: 32 - a.bit_length()),
    Case("clz.b64", "u32", ("u64",), lambda a: 64 - a.bit_length()),
    Case("brev.b32", "u32", ("u32",), lambda a: int(f"{a:032b}"[::-1], 2)),
    Case("bfind.u32", "u32", ("u32",), lambda a: highest(a, False, 32)),
    Case("bfind.s64", "u32", ("s64",), lambda a: highest(a, True, 64)),
    Case("bfind.shiftamt.u32", "u32", ("u32",), lambda a: 31 - highest(a, False, 32) if a else -1),
    Case("bfe.u32", "u32", ("u32", "u32", "u32"), lambda a, p, n: extracted(a, p, n, 32, False), True),
    Case("bfe.s32", "s32", ("s32", "u32", "u32"), lambda a, p, n: extracted(a, p, n, 32, True), True),
    Case("bfe.s64", "s64", ("s64", "u32", "u32"), lambda a, p, n: extracted(a, p, n, 64, True), True),
    Case("bfi.b32", "u32", ("u32", "u32", "u32", "u32"), lambda f, a, p, n: inserted(f, a, p, n, 32), True),
    Case("prmt.b32", "u32", ("u32", "u32", "u32"), permuted),
    Case("fns.b32 %0, %1, 0, 3;", "u32", ("u32",), lambda a: ([k for k in range(32) if a >> k & 1] + [-1] * 3)[2]),
    Case("fns.b32 %0, %1, 20, -2;", "u32", ("u32",), lambda a: ([k for k in range(20, -1, -1) if a >> k & 1] + [-1] * 2)[1]),
    Case("{ .reg .pred p; setp.lt.u32 p, %1, %2; selp.b32 %0, %1, %2, p; }", "u32", ("u32", "u32"), min),
    Case("slct.s32.s32", "s32", ("s32", "s32", "s32"), lambda a, b, c: a if c >= 0 else b),
    Case("slct.u32.f32", "u32", ("u32", "u32", "f32"), lambda a, b, c: a if c >= 0 else b),
]


@pytest.mark.parametrize("case", BIT_CASES, ids=ids(BIT_CASES))
def test_bits(case: Case) -> None:
    check(case)
