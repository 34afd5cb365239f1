"""Every family of PTX instructions, compiled to machine code and compared with NumPy or with plain Python."""

from __future__ import annotations

import ctypes
import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from compiled_kernels import Kernel, native

from autograder.cuda import NotSupported
from autograder.cuda.layout import FaultKind

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


def test_a_subtraction_without_a_borrow_carries() -> None:
    chain = "{ .reg .b32 a; sub.cc.u32 a, %1, %2; addc.u32 %0, 0, 0; }"
    check(Case(chain, "u32", ("u32", "u32"), lambda a, b: a >= b))


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


def distances_of_bytes(a: int, b: int) -> bytes:
    return bytes(abs(x - y) for x, y in zip(a.to_bytes(4, "little"), b.to_bytes(4, "little"), strict=True))


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
    Case("vabsdiff4.u32.u32.u32", "u32", ("u32", "u32", "u32"), lambda a, b, c: int.from_bytes(distances_of_bytes(a, b), "little")),
    Case("vabsdiff4.u32.u32.u32.add", "u32", ("u32", "u32", "u32"), lambda a, b, c: sum(distances_of_bytes(a, b)) + c),
    Case("fns.b32 %0, %1, 0, 3;", "u32", ("u32",), lambda a: ([k for k in range(32) if a >> k & 1] + [-1] * 3)[2]),
    Case("fns.b32 %0, %1, 20, -2;", "u32", ("u32",), lambda a: ([k for k in range(20, -1, -1) if a >> k & 1] + [-1] * 2)[1]),
    Case("{ .reg .pred p; setp.lt.u32 p, %1, %2; selp.b32 %0, %1, %2, p; }", "u32", ("u32", "u32"), min),
    Case("slct.s32.s32", "s32", ("s32", "s32", "s32"), lambda a, b, c: a if c >= 0 else b),
    Case("slct.u32.f32", "u32", ("u32", "u32", "f32"), lambda a, b, c: a if c >= 0 else b),
]


@pytest.mark.parametrize("case", BIT_CASES, ids=ids(BIT_CASES))
def test_bits(case: Case) -> None:
    check(case)


# ---- floats

F32, F64 = np.float32, np.float64


def fused(a: float, b: float, c: float) -> F32:
    """a × b + c, rounded once: exact in fractions, where all are finite."""
    if not all(math.isfinite(value) for value in (a, b, c)):
        return F32(F64(a) * F64(b) + F64(c))
    exact = Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))
    return rounded(exact, F32(F64(a) * F64(b) + F64(c)))


def rounded(exact: Fraction, near: F32) -> F32:
    """The f32 that is nearest to an exact number; `near` is at most one step from it."""
    if not math.isfinite(near) or exact == 0:
        return near
    candidates = [np.nextafter(near, F32(-np.inf)), near, np.nextafter(near, F32(np.inf))]
    candidates = [value for value in candidates if math.isfinite(value)]
    return min(candidates, key=lambda value: (abs(Fraction(float(value)) - exact), int(np.asarray(value).view(np.uint32)) & 1))


def towards(direction: str, exact: Fraction, near: F32) -> F32:
    """The f32 next to an exact number, on the side that PTX's `.rz`, `.rm` or `.rp` asks for."""
    if not math.isfinite(near):
        return near
    down = {"rm": True, "rp": False, "rz": exact > 0}[direction]
    value = rounded(exact, near)
    if down and Fraction(float(value)) > exact:
        return np.nextafter(value, F32(-np.inf))
    if not down and Fraction(float(value)) < exact:
        return np.nextafter(value, F32(np.inf))
    return value


def ignoring_nan(choose: Callable) -> Callable:
    """Of a number and a NaN the number; of two zeros the one that `choose` takes."""

    def chosen(a: float, b: float) -> float:
        if math.isnan(a) or math.isnan(b):
            return b if math.isnan(a) else a
        return choose((a, b), key=lambda value: (value, math.copysign(1, value)))

    return chosen


FLOAT_CASES = [
    *(Case(f"add.{t}", t, (t, t), lambda a, b: a + b) for t in ("f32", "f64")),
    *(Case(f"sub.{t}", t, (t, t), lambda a, b: a - b) for t in ("f32", "f64")),
    *(Case(f"mul.{t}", t, (t, t), lambda a, b: a * b) for t in ("f32", "f64")),
    *(Case(f"div.rn.{t}", t, (t, t), lambda a, b: a / b) for t in ("f32", "f64")),
    Case("rcp.rn.f32", "f32", ("f32",), lambda a: F32(1) / a),
    *(Case(f"sqrt.rn.{t}", t, (t,), np.sqrt) for t in ("f32", "f64")),
    Case("fma.rn.f32", "f32", ("f32", "f32", "f32"), fused),
    *(Case(f"min.{t}", t, (t, t), ignoring_nan(min)) for t in ("f32", "f64")),
    *(Case(f"max.{t}", t, (t, t), ignoring_nan(max)) for t in ("f32", "f64")),
    Case("abs.f32", "f32", ("f32",), abs),
    Case("neg.f64", "f64", ("f64",), lambda a: -a),
    Case("copysign.f32", "f32", ("f32", "f32"), lambda a, b: np.copysign(b, a)),
    Case("add.sat.f32", "f32", ("f32", "f32"), lambda a, b: F32(0) if a + b != a + b else min(max(a + b, F32(0)), F32(1)) + F32(0)),
]


@pytest.mark.parametrize("case", FLOAT_CASES, ids=ids(FLOAT_CASES))
def test_float_arithmetic_is_exact(case: Case) -> None:
    check(case)


def directed(direction: str, exactly: Callable, nearly: Callable) -> Callable:
    def expected(*values: F32) -> F32:
        near = nearly(*values)
        finite = all(math.isfinite(value) for value in (*values, near))
        return towards(direction, exactly(*(Fraction(float(value)) for value in values)), near) if finite else near

    return expected


DIRECTED_CASES = [
    Case(f"{name}.{direction}.f32", "f32", ("f32",) * count, directed(direction, exactly, nearly))
    for direction in ("rz", "rm", "rp")
    for name, count, exactly, nearly in (
        ("mul", 2, lambda a, b: a * b, lambda a, b: a * b),
        ("fma", 3, lambda a, b, c: a * b + c, fused),
    )
]


@pytest.mark.parametrize("case", DIRECTED_CASES, ids=ids(DIRECTED_CASES))
def test_rounding_in_a_direction(case: Case) -> None:
    """Except where the result is beyond all floats: there, `.rz` is infinite too."""
    rows, out = run(case)
    for row, actual in zip(zip(*rows, strict=True), out, strict=True):
        with np.errstate(all="ignore"):
            wanted = case.expected(*row)
        if math.isfinite(wanted) and abs(wanted) > 1e-30:
            assert actual == wanted, f"{case.instruction} of {row}: {actual}, not {wanted}"


def test_nan_wins_where_it_is_asked_for() -> None:
    assembly = "{ .reg .f32 r; min.NaN.f32 %0, %1, %2; }"
    source = Case(assembly, "f32", ("f32", "f32"), np.minimum).code
    code = native(source, options=("--gpu-architecture=compute_80",))
    a, b, out = np.array([1, np.nan, 2], F32), np.array([np.nan, 1, 3], F32), np.zeros(3, F32)
    ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3, ctypes.c_int)(code.address("run"))(out.ctypes.data, a.ctypes.data, b.ctypes.data, 3)
    np.testing.assert_array_equal(out, [np.nan, np.nan, 2])


TINY = 2.0**-127  # not normal


@pytest.mark.parametrize(
    ("instruction", "a", "b", "expected"),
    [
        ("mul.ftz.f32", TINY, 4.0, 0.0),
        ("mul.ftz.f32", -(2.0**-126), 0.5, -0.0),
        ("mul.f32", -(2.0**-126), 0.5, -TINY),
        ("add.ftz.f32", -TINY, -TINY, -0.0),
        ("max.ftz.f32", TINY, -1.0, 0.0),
        ("add.ftz.f32", math.inf, TINY, math.inf),
        ("{ .reg .pred p; setp.eq.ftz.f32 p, %1, %2; selp.f32 %0, 0f3F800000, 0f00000000, p; }", TINY, 0.0, 1.0),
        ("{ .reg .f32 r; mul.f32 r, %1, %2; neg.ftz.f32 %0, r; }", 0.5, 2.0**-126, -0.0),
    ],
)
def test_numbers_that_are_not_normal_are_zeros_where_that_is_asked_for(instruction: str, a: float, b: float, expected: float) -> None:
    sources, out = [np.array([number], F32) for number in (a, b)], np.full(1, np.nan, F32)
    code = native(Case(instruction, "f32", ("f32", "f32"), max).code)
    pointers = [array.ctypes.data for array in (out, *sources)]
    ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3, ctypes.c_int)(code.address("run"))(*pointers, 1)
    assert out.tobytes() == np.array([expected], F32).tobytes()


APPROXIMATE = {
    "ex2.approx.f32": np.exp2,
    "lg2.approx.f32": np.log2,
    "sin.approx.f32": np.sin,
    "cos.approx.f32": np.cos,
    "tanh.approx.f32": np.tanh,
    "rsqrt.approx.f32": lambda x: 1 / np.sqrt(x),
    "sqrt.approx.f32": np.sqrt,
    "rcp.approx.ftz.f32": lambda x: 1 / x,
}


@pytest.mark.parametrize("instruction", APPROXIMATE)
def test_approximations_are_as_good_as_floats_allow(instruction: str) -> None:
    x, out = np.linspace(0.01, 20, 100, dtype=F32), np.zeros(100, F32)
    code = native(Case(instruction, "f32", ("f32",), np.exp2).code)
    ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)(code.address("run"))(out.ctypes.data, x.ctypes.data, x.size)
    np.testing.assert_allclose(out, APPROXIMATE[instruction](x.astype(F64)), rtol=3e-6, atol=1e-6)


COMPARISONS = {
    "eq": lambda a, b: a == b, "ne": lambda a, b: a != b and a == a and b == b,
    "lt": lambda a, b: a < b, "le": lambda a, b: a <= b, "gt": lambda a, b: a > b, "ge": lambda a, b: a >= b,
    "equ": lambda a, b: not (a < b or a > b), "neu": lambda a, b: a != b,
    "ltu": lambda a, b: not a >= b, "leu": lambda a, b: not a > b, "gtu": lambda a, b: not a <= b, "geu": lambda a, b: not a < b,
    "num": lambda a, b: a == a and b == b, "nan": lambda a, b: a != a or b != b,
}  # fmt: skip


def comparison(name: str, type_: str) -> str:
    return f"{{ .reg .pred p; setp.{name}.{type_} p, %1, %2; selp.u32 %0, 1, 0, p; }}"


COMPARISON_CASES = [
    *(Case(comparison(name, "f32"), "u32", ("f32", "f32"), expected) for name, expected in COMPARISONS.items()),
    *(Case(comparison(name, "s32"), "u32", ("s32", "s32"), COMPARISONS[name]) for name in ("eq", "ne", "lt", "le", "gt", "ge")),
    *(
        Case(comparison(name, "u64"), "u32", ("u64", "u64"), COMPARISONS[like])
        for name, like in (("lo", "lt"), ("ls", "le"), ("hi", "gt"), ("hs", "ge"))
    ),
    Case("set.lt.u32.f32", "u32", ("f32", "f32"), lambda a, b: -1 if a < b else 0),
    Case("set.ge.f32.s32", "f32", ("s32", "s32"), lambda a, b: a >= b),
    Case("{ .reg .pred p, q; setp.lt.s32 p|q, %1, %2; selp.u32 %0, 1, 0, q; }", "u32", ("s32", "s32"), lambda a, b: a >= b),
    Case(
        "{ .reg .pred p, q; setp.lt.s32 q, %2, 5; setp.lt.and.s32 p, %1, %2, !q; selp.u32 %0, 1, 0, p; }",
        "u32",
        ("s32", "s32"),
        lambda a, b: a < b and b >= 5,
    ),
]


@pytest.mark.parametrize("case", COMPARISON_CASES, ids=ids(COMPARISON_CASES))
def test_comparisons(case: Case) -> None:
    check(case)


# ---- conversions


def to_integer(type_: str, round_: Callable) -> Callable:
    """Saturating, and what PTX says of NaN."""
    info = np.iinfo(TYPES[type_][2])

    def converted(value: np.floating) -> int:
        if math.isnan(value):
            return 1 << (info.bits - 1) if isinstance(value, F64) or info.bits == 64 else 0
        if math.isinf(value):
            return int(info.max if value > 0 else info.min)
        return clamp(int(round_(float(value))), type_)

    return converted


CONVERSION_CASES = [
    *(Case(f"cvt.rzi.{i}.{f}", i, (f,), to_integer(i, math.trunc)) for i in ("s32", "u32", "s64", "u64") for f in ("f32", "f64")),
    Case("cvt.rni.s32.f32", "s32", ("f32",), to_integer("s32", round)),
    Case("cvt.rmi.s32.f64", "s32", ("f64",), to_integer("s32", math.floor)),
    Case("cvt.rpi.u32.f32", "u32", ("f32",), to_integer("u32", math.ceil)),
    *(Case(f"cvt.rn.{f}.{i}", f, (i,), TYPES[f][2]) for i in ("s32", "u32", "s64", "u64") for f in ("f32", "f64")),
    Case("cvt.rn.f32.f64", "f32", ("f64",), F32),
    Case("cvt.f64.f32", "f64", ("f32",), F64),
    Case("cvt.rni.f32.f32", "f32", ("f32",), np.round),
    Case("cvt.rzi.f32.f32", "f32", ("f32",), np.trunc),
    Case("cvt.rmi.f64.f64", "f64", ("f64",), np.floor),
    Case("cvt.sat.f32.f32", "f32", ("f32",), lambda a: F32(0) if a != a else min(max(a, F32(0)), F32(1)) + F32(0)),
    Case("cvt.s64.s32", "s64", ("s32",), int),
    Case("cvt.u16.u32", "u16", ("u32",), int),
    Case("cvt.s32.s8", "s32", ("s32",), lambda a: (a + 128) % 256 - 128),
    Case("cvt.u32.u8", "u32", ("u32",), lambda a: a % 256),
    Case("cvt.sat.u16.s32", "u16", ("s32",), lambda a: clamp(a, "u16")),
    Case("cvt.sat.s16.u32", "s16", ("u32",), lambda a: clamp(a, "s16")),
    Case("cvt.sat.s32.s64", "s32", ("s64",), lambda a: clamp(a, "s32")),
    *(Case(f"cvt.{d}.f32.s32", "f32", ("s32",), directed(d, lambda a: a, F32)) for d in ("rz", "rm", "rp")),
]


@pytest.mark.parametrize("case", CONVERSION_CASES, ids=ids(CONVERSION_CASES))
def test_conversions(case: Case) -> None:
    check(case)


# ---- halves


def as_half(value: float) -> np.float16:
    with np.errstate(over="ignore"):
        return np.float16(value)


HALVES = np.array([0, -0.0, 1, -1, 0.1, 3.14159, 2048, 2049, 65504, -65504, 6e-8, 1e-4, np.inf, -np.inf, np.nan], np.float16)


def run_halves(instruction: str, *rows: np.ndarray, letter: str = "h", options: tuple[str, ...] = ()) -> np.ndarray:
    """An instruction on rows of 16 or 32 bits."""
    type_ = {"h": "unsigned short", "r": "unsigned"}[letter]
    operands = ", ".join(f"%{k + 1}" for k in range(len(rows)))
    inputs = ", ".join(f'"{letter}"(s{k}[i])' for k in range(len(rows)))
    pointers = ", ".join(f"const {type_} *s{k}" for k in range(len(rows)))
    source = f'''extern "C" __device__ void run({type_} *out, {pointers}, int n) {{
        for (int i = 0; i < n; i++) {{ {type_} r; asm("{instruction} %0, {operands};" : "={letter}"(r) : {inputs}); out[i] = r; }} }}'''
    rows = tuple(np.ascontiguousarray(row) for row in rows)
    out = np.zeros_like(rows[0])
    code = native(source, options=options)
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (1 + len(rows)), ctypes.c_int)(code.address("run"))
    function(out.ctypes.data, *(row.ctypes.data for row in rows), out.size)
    return out


HALF_OPERATIONS = {
    "add.f16": lambda a, b: a + b,
    "sub.f16": lambda a, b: a - b,
    "mul.f16": lambda a, b: a * b,
}


@pytest.mark.parametrize("instruction", HALF_OPERATIONS)
def test_f16_is_rounded_after_each_operation(instruction: str) -> None:
    a, b = (grid.ravel() for grid in np.meshgrid(HALVES, HALVES))
    out = run_halves(instruction, a.view(np.uint16), b.view(np.uint16)).view(np.float16)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(out, HALF_OPERATIONS[instruction](a, b))


def test_pairs_of_f16_are_two_lanes() -> None:
    a, b = np.random.default_rng(0).standard_normal((2, 64)).astype(np.float16)
    out = run_halves("add.f16x2", a.view(np.uint32), b.view(np.uint32), letter="r").view(np.float16)
    np.testing.assert_array_equal(out, a + b)


def test_fma_of_f16_rounds_once() -> None:
    a, b, c = np.random.default_rng(0).standard_normal((3, 2000)).astype(np.float16)
    out = run_halves("fma.rn.f16", *(row.view(np.uint16) for row in (a, b, c))).view(np.float16)
    np.testing.assert_array_equal(out, (a.astype(F64) * b.astype(F64) + c.astype(F64)).astype(np.float16))  # exact as doubles


def bf16(values: np.ndarray) -> np.ndarray:
    """The nearest bf16 as 16 bits; ties go to even."""
    bits = np.asarray(values, F32).view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def from_bf16(bits: np.ndarray) -> np.ndarray:
    return (bits.astype(np.uint32) << 16).view(F32)


def test_fma_of_bf16_rounds_once() -> None:
    """1.0078125² is halfway between two bf16; the smallest addend decides."""
    one = np.float32(1.0078125)
    a = bf16(np.array([one, one, one, 3.0], F32))
    c = bf16(np.array([0, 1e-30, -1e-30, 0.5], F32))
    out = from_bf16(run_halves("fma.rn.bf16", a, a, c, options=("--gpu-architecture=compute_80",)))
    exact = [Fraction(float(x)) ** 2 + Fraction(float(z)) for x, z in zip(from_bf16(a), from_bf16(c), strict=True)]
    for value, wanted in zip(out, exact, strict=True):
        bits = bf16(np.array([float(value)], F32))
        neighbours = from_bf16(np.concatenate([bits - 1, bits, bits + 1]).astype(np.uint16))
        assert abs(Fraction(float(value)) - wanted) == min(abs(Fraction(float(x)) - wanted) for x in neighbours)


def test_f32_becomes_f16_and_bf16_and_comes_back() -> None:
    values = np.concatenate([np.random.default_rng(1).standard_normal(500) * 10.0 ** np.arange(-8, 2).repeat(50), HALVES]).astype(F32)
    source = """extern "C" __device__ void run(unsigned short *half, unsigned short *brain, float *back, const float *x, int n) {
        for (int i = 0; i < n; i++) { unsigned short h, b; float f;
            asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h) : "f"(x[i])); half[i] = h;
            asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(b) : "f"(x[i])); brain[i] = b;
            asm("cvt.f32.f16 %0, %1;" : "=f"(f) : "h"(h)); back[i] = f; } }"""
    half, brain, back = np.zeros(values.size, np.uint16), np.zeros(values.size, np.uint16), np.zeros(values.size, F32)
    code = native(source, options=("--gpu-architecture=compute_80",))
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 4, ctypes.c_int)(code.address("run"))
    function(half.ctypes.data, brain.ctypes.data, back.ctypes.data, values.ctypes.data, values.size)
    number = ~np.isnan(values)
    np.testing.assert_array_equal(half.view(np.float16), [as_half(value) for value in values])
    np.testing.assert_array_equal(brain[number], bf16(values)[number])
    np.testing.assert_array_equal(back, half.view(np.float16).astype(F32))
    assert set(half[~number]) | set(brain[~number]) == {0x7FFF}


# ---- functions, memory


def test_native_functions_call_and_are_called_as_in_c() -> None:
    source = """
    struct Point { long long x; int y[3]; };
    __device__ __noinline__ Point moved(Point p, int by) { p.x += by; p.y[2] *= by; return p; }
    extern "C" __device__ long long use(long long x, int by) { Point p{x, {1, 2, 3}}; p = moved(p, by); return p.x * 100 + p.y[2]; }
    extern "C" __device__ int apply(int (*f)(int), int x) { return f(f(x)); }
    __device__ const int table[4] = {10, 20, 30, 40};
    extern "C" __device__ int look(int k) { return table[k]; }
    extern "C" __device__ int local(int n) { int a[8]; for (int i = 0; i < 8; i++) a[(i * n) & 7] = i; return a[n & 7]; }
    """
    code = native(source)
    integer, long = ctypes.c_int, ctypes.c_longlong
    assert ctypes.CFUNCTYPE(long, long, integer)(code.address("use"))(7, 5) == 1215
    thrice = ctypes.CFUNCTYPE(integer, integer)(lambda x: 3 * x)
    assert ctypes.CFUNCTYPE(integer, ctypes.c_void_p, integer)(code.address("apply"))(ctypes.cast(thrice, ctypes.c_void_p), 5) == 45
    assert [ctypes.CFUNCTYPE(integer, integer)(code.address("look"))(k) for k in range(4)] == [10, 20, 30, 40]
    assert ctypes.CFUNCTYPE(integer, integer)(code.address("local"))(3) == 1


def test_vectors_move_as_one() -> None:
    kernel = Kernel(
        'extern "C" __global__ void k(const float4 *x, float4 *y) { float4 v = x[threadIdx.x]; y[threadIdx.x] = make_float4(v.w, v.z, v.y, v.x); }'
    )
    x, y = np.arange(16, dtype=F32), np.zeros(16, F32)
    kernel((1,), (4,), x, y)
    np.testing.assert_array_equal(y.reshape(4, 4), x.reshape(4, 4)[:, ::-1])


ATOMICS = {
    "atomicAdd(p, 5)": lambda old: old + 5,
    "atomicSub(p, 5)": lambda old: old - 5,
    "atomicMin(p, -3)": lambda old: min(old, -3),
    "atomicMax(p, 3)": lambda old: max(old, 3),
    "atomicExch(p, 9)": lambda old: 9,
    "atomicAnd(p, 6)": lambda old: old & 6,
    "atomicOr(p, 6)": lambda old: old | 6,
    "atomicXor(p, 6)": lambda old: old ^ 6,
    "atomicCAS(p, 4, 8)": lambda old: 8 if old == 4 else old,
    "(int)atomicInc((unsigned *)p, 4u)": lambda old: 0 if old >= 4 or old < 0 else old + 1,
    "(int)atomicDec((unsigned *)p, 4u)": lambda old: 4 if old == 0 or old > 4 or old < 0 else old - 1,
}


@pytest.mark.parametrize("expression", ATOMICS)
def test_atomics_give_the_old_value_and_leave_the_new_one(expression: str) -> None:
    kernel = Kernel(f'extern "C" __global__ void k(int *x, int *old) {{ int *p = x + threadIdx.x; old[threadIdx.x] = {expression}; }}')
    before = np.array([0, 1, 4, 5, 7, -1, -8, 100], np.int32)
    x, old = before.copy(), np.zeros(8, np.int32)
    kernel((1,), (8,), x, old)
    np.testing.assert_array_equal(old, before)
    np.testing.assert_array_equal(x, [ATOMICS[expression](int(value)) for value in before])


def test_atomics_on_floats_and_halves() -> None:
    source = """#include <cuda_fp16.h>
    extern "C" __global__ void k(float *f, double *d, __half2 *h) { atomicAdd(f, 0.5f); atomicAdd(d, 0.25); atomicAdd(h, __floats2half2_rn(1.f, 2.f)); }"""
    kernel = Kernel(source)
    f, d, h = np.zeros(1, F32), np.zeros(1), np.zeros(2, np.float16)
    kernel((2,), (8,), f, d, h)
    assert (f[0], d[0], h.tolist()) == (8.0, 4.0, [16.0, 32.0])


def test_parameters_may_be_structs_and_be_indexed() -> None:
    source = (
        "struct S { char tag; int values[4]; double scale; };\n"
        'extern "C" __global__ void k(S s, double *out) { out[threadIdx.x] = s.values[threadIdx.x] * s.scale + s.tag; }'
    )
    dtype = np.dtype([("tag", "i1"), ("values", "i4", 4), ("scale", "f8")], align=True)
    out = np.zeros(4)
    Kernel(source)((1,), (4,), np.array((1, [1, 2, 3, 4], 0.5), dtype), out)
    np.testing.assert_array_equal(out, [1.5, 2, 2.5, 3])


# ---- kernels


def test_every_thread_knows_its_place() -> None:
    source = """extern "C" __global__ void k(int *out) {
        int block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
        int thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
        int lane; asm("mov.u32 %0, %%laneid;" : "=r"(lane));
        int warp; asm("mov.u32 %0, %%warpid;" : "=r"(warp));
        out[block * blockDim.x * blockDim.y * blockDim.z + thread] = block * 10000 + warp * 100 + lane; }"""
    out = np.zeros((2 * 3 * 2, 5 * 4 * 3), np.int32)
    Kernel(source)((2, 3, 2), (5, 4, 3), out)
    block, thread = np.indices(out.shape)
    np.testing.assert_array_equal(out, block * 10000 + thread // 32 * 100 + thread % 32)


def test_active_lanes_are_those_that_exist() -> None:
    kernel = Kernel('extern "C" __global__ void k(unsigned *out) { out[threadIdx.x] = __activemask(); }')
    out = np.zeros(40, np.uint32)
    kernel((1,), (40,), out)
    np.testing.assert_array_equal(out, [0xFFFFFFFF] * 32 + [0xFF] * 8)


MATMUL = """
extern "C" __global__ void matmul(const float *a, const float *b, float *c, int n) {
    __shared__ float s[16][16], t[16][16];
    int row = blockIdx.y * 16 + threadIdx.y, column = blockIdx.x * 16 + threadIdx.x;
    float sum = 0;
    for (int k = 0; k < n; k += 16) {
        s[threadIdx.y][threadIdx.x] = a[row * n + k + threadIdx.x];
        t[threadIdx.y][threadIdx.x] = b[(k + threadIdx.y) * n + column];
        __syncthreads();
        for (int i = 0; i < 16; i++) sum += s[threadIdx.y][i] * t[i][threadIdx.x];
        __syncthreads();
    }
    c[row * n + column] = sum;
}"""


def test_threads_stop_at_barriers_and_go_on_with_their_registers() -> None:
    a, b = np.random.default_rng(0).standard_normal((2, 32, 32)).astype(F32)
    c = np.zeros((32, 32), F32)
    Kernel(MATMUL)((2, 2), (16, 16), a, b, c, np.int32(32))
    np.testing.assert_allclose(c, a @ b, rtol=1e-4, atol=1e-5)


def test_barriers_answer() -> None:
    source = """extern "C" __global__ void k(int *out) { int odd = threadIdx.x & 1;
        out[threadIdx.x] = __syncthreads_count(odd) * 100 + __syncthreads_and(odd) * 10 + __syncthreads_or(odd); }"""
    out = np.zeros(6, np.int32)
    Kernel(source)((1,), (6,), out)
    assert out.tolist() == [301] * 6


def test_lanes_exchange_values() -> None:
    source = """extern "C" __global__ void k(int *out) { int x = threadIdx.x * threadIdx.x;
        for (int d = 16; d; d /= 2) x += __shfl_xor_sync(~0u, x, d);
        int left = __shfl_up_sync(~0u, (int)threadIdx.x, 1), any = __any_sync(~0u, threadIdx.x == 7), votes = __popc(__ballot_sync(~0u, threadIdx.x < 5));
        int same = __match_any_sync(~0u, threadIdx.x / 16);
        out[threadIdx.x] = x + 1000000 * votes + any; out[32 + threadIdx.x] = left; out[64 + threadIdx.x] = same; }"""
    out = np.zeros((3, 32), np.int32)
    Kernel(source)((1,), (32,), out)
    assert set(out[0]) == {sum(k * k for k in range(32)) + 5000001}
    assert out[1].tolist() == [0, *range(31)]
    assert out[2].view(np.uint32).tolist() == [0xFFFF] * 16 + [0xFFFF0000] * 16


def test_threads_stop_inside_functions_and_recursion() -> None:
    source = """
    __device__ __noinline__ int tree(int x, int depth) {
        if (depth == 0) return x + __shfl_xor_sync(~0u, x, 1);
        int below = tree(x + 1, depth - 1);
        __syncthreads();
        return below + x;
    }
    extern "C" __global__ void k(int *out) { out[threadIdx.x] = tree(threadIdx.x, 3); }"""
    kernel = Kernel(source)
    out = np.zeros(32, np.int32)
    kernel((1,), (32,), out)
    t = np.arange(32)
    np.testing.assert_array_equal(out, (t + 3) + ((t ^ 1) + 3) + (t + 2) + (t + 1) + t)
    assert kernel.lowered.recursive


def test_recursion_without_end_overflows_the_stack() -> None:
    source = """__device__ __noinline__ int deeper(volatile int *x) { return *x ? deeper(x) + *x : 0; }
    extern "C" __global__ void k(int *x) { *x = deeper(x); }"""
    kernel = Kernel(source)
    kernel((1,), (1,), np.ones(1, np.int32))
    assert [kind for kind, _ in kernel.faults] == [FaultKind.STACK_OVERFLOW]


FUNCTION_POINTERS = """
__device__ __noinline__ int twice(int x) { return 2 * x; }
__device__ __noinline__ int slow_square(int x) { __syncthreads(); return x * x; }
__device__ __noinline__ float other(float a, float b) { return a + b; }
extern "C" __global__ void k(int *out, int which, unsigned long long wild) {
    int (*f)(int) = which == 0 ? twice : which == 1 ? slow_square : (int (*)(int))wild;
    if (which == 3) f = (int (*)(int))other;
    out[threadIdx.x] = f(threadIdx.x + 3);
}"""


def test_functions_are_called_through_pointers() -> None:
    kernel = Kernel(FUNCTION_POINTERS)
    for which, expected in ((0, [6, 8, 10]), (1, [9, 16, 25])):
        out = np.zeros(3, np.int32)
        kernel((1,), (3,), out, np.int32(which), np.uint64(0))
        assert out.tolist() == expected


@pytest.mark.parametrize("wild", [0, 12345, 2**63])
def test_a_pointer_to_no_function_is_a_fault(wild: int) -> None:
    kernel = Kernel(FUNCTION_POINTERS)
    kernel((1,), (3,), np.zeros(3, np.int32), np.int32(2), np.uint64(wild))
    assert [kind for kind, _ in kernel.faults] == [FaultKind.BAD_CALL]


def test_a_function_that_does_not_fit_the_pointer_is_a_fault() -> None:
    kernel = Kernel(FUNCTION_POINTERS)
    kernel((1,), (3,), np.zeros(3, np.int32), np.int32(3), np.uint64(0))
    assert [kind for kind, _ in kernel.faults] == [FaultKind.BAD_CALL]


def test_an_endless_loop_uses_up_its_budget() -> None:
    source = """extern "C" __global__ void k(volatile int *x) {
        while (*x == 0) { }
    }"""
    kernel = Kernel(source)
    kernel((1,), (1,), np.zeros(1, np.int32), budget=1000)
    ((kind, site),) = kernel.faults
    assert kind == FaultKind.ENDLESS
    assert kernel.lowered.sites[site].line == 2


def test_a_trap_is_an_assertion_that_failed() -> None:
    kernel = Kernel('extern "C" __global__ void k(int *x) { if (threadIdx.x == 2)\n __trap(); x[threadIdx.x] = 1; }')
    x = np.zeros(4, np.int32)
    kernel((1,), (4,), x)
    ((kind, site),) = kernel.faults
    assert (kind, kernel.lowered.sites[site].line, x.tolist()) == (FaultKind.ASSERTION, 2, [1, 1, 0, 0])


def test_an_index_outside_a_parameter_is_a_fault() -> None:
    ptx = """.version 7.0
    .target sm_75
    .address_size 64
    .visible .entry k(.param .align 4 .b8 s[16], .param .u64 i) {
        .reg .b64 %rd<4>; .reg .b32 %r<2>;
        ld.param.u64 %rd1, [i];
        mov.b64 %rd2, s;
        add.s64 %rd3, %rd2, %rd1;
        ld.param.u32 %r1, [%rd3];
        ret;
    }"""
    for offset, faults in ((12, 0), (24, 1), (-4, 1)):
        kernel = Kernel(ptx, ptx=True)
        kernel((1,), (1,), np.zeros(1, "V16")[0], np.int64(offset))
        assert len(kernel.faults) == faults, offset


def test_what_cannot_run_is_named_with_its_line() -> None:
    source = 'extern "C" __global__ void k(int *x) {\n x[0] = 1;\n asm volatile("setmaxnreg.inc.sync.aligned.u32 64;"); }'
    with pytest.raises(NotSupported, match=r"line 3: the instruction `setmaxnreg"):
        Kernel(source)


def test_native_code_has_no_threads() -> None:
    with pytest.raises(NotSupported, match=r"line 1: .*%tid\.x in native code"):
        native('extern "C" __device__ int f() { return threadIdx.x; }')


# ---- what a launch must know


def test_shared_variables_have_space_between_them() -> None:
    source = """extern __shared__ float rest[];
    extern "C" __global__ void k(float *x) { __shared__ float a[3]; __shared__ double b[2]; __shared__ volatile char c;
        a[threadIdx.x] = x[0]; b[threadIdx.x & 1] = x[1]; c = 1; rest[threadIdx.x] = x[2]; __syncthreads(); x[3] = a[1] + b[0] + c + rest[2]; }"""
    lowered = Kernel(source).lowered
    end = 0
    for variable in lowered.shared_layout:
        assert variable.offset >= end + 64
        assert variable.offset % 16 == 0
        end = variable.offset + variable.size
    assert sorted(variable.size for variable in lowered.shared_layout) == [0, 1, 12, 16]
    assert lowered.shared_layout[-1].offset == lowered.dynamic_shared_offset
    assert lowered.static_shared_bytes <= 12 + 16 + 1 + 7


@pytest.mark.parametrize(("type_", "shift"), [("char", 0), ("short", 1), ("int", 2), ("double", 2)])
def test_the_smallest_access_decides_the_granule(type_: str, shift: int) -> None:
    lowered = Kernel(f'extern "C" __global__ void k({type_} *x, double *y) {{ x[threadIdx.x] += 1; y[threadIdx.x] = 1; }}').lowered
    assert lowered.granule_shift == shift


def test_only_fences_that_other_blocks_see_count() -> None:
    assert Kernel(
        'extern "C" __global__ void k(int *x) { x[0] = 1; __threadfence(); x[1] = 2; }', functions={"runtime_fence": lambda thread, launch: 0}
    ).lowered.has_fence
    assert not Kernel('extern "C" __global__ void k(int *x) { x[0] = 1; __threadfence_block(); x[1] = 2; }').lowered.has_fence


def test_variables_of_the_module_lie_where_the_launch_says() -> None:
    source = """__device__ int counter = 7; __constant__ float scale[2] = {2, 3};
    extern "C" __global__ void k(float *out) { out[threadIdx.x] = scale[threadIdx.x] * counter; if (threadIdx.x == 1) counter = 9; }"""
    kernel = Kernel(source)
    out = np.zeros(2, F32)
    kernel((1,), (2,), out)
    assert out.tolist() == [14, 21]
    assert kernel.globals["counter"].view(np.int32)[0] == 9


# ---- checked and traced kernels


CHECKS = [
    f"check_{space}_{access}_{size}"
    for space in ("global", "shared", "local", "generic")
    for access in ("load", "store", "atomic")
    for size in (1, 2, 4, 8, 16)
]


def recording(calls: list[tuple], allow: Callable[[int], bool] = lambda address: True) -> dict[str, Callable]:
    """Stand-ins for the runtime's checks of global memory: addresses are the host's own."""

    def make(name: str) -> Callable:
        def check_(thread: int, launch: int, address: int, site: int) -> int:
            calls.append((name, address, site & 0xFFFFFFFF))
            return address if allow(address) else 0

        return check_

    return {name: make(name) for name in CHECKS}


def test_every_access_is_checked_with_its_size_and_line() -> None:
    source = """extern "C" __global__ void add(const float *a, const float2 *b, double *c) {
        float2 both = b[threadIdx.x];
        c[threadIdx.x] = a[threadIdx.x] + both.x + both.y;
        atomicAdd((int *)c, 0);
    }"""
    calls: list[tuple] = []
    kernel = Kernel(source, "checked", recording(calls))
    a, b, c = np.ones(2, F32), np.ones((2, 2), F32), np.zeros(2)
    kernel((1,), (1,), a, b, c)
    assert c[0] == 3
    seen = {(name, address, kernel.lowered.sites[site].line, kernel.lowered.sites[site].kind) for name, address, site in calls}
    assert seen == {
        ("check_global_load_8", b.ctypes.data, 2, "global load"),
        ("check_global_load_4", a.ctypes.data, 3, "global load"),
        ("check_global_store_8", c.ctypes.data, 3, "global store"),
        ("check_global_atomic_4", c.ctypes.data, 4, "global atomic"),
    }


def test_a_refused_access_ends_the_launch() -> None:
    calls: list[tuple] = []
    x = np.zeros(4, np.int32)
    kernel = Kernel(
        'extern "C" __global__ void k(int *x) { x[threadIdx.x] = 1; }', "checked", recording(calls, lambda address: address != x.ctypes.data + 8)
    )
    kernel((1,), (4,), x)
    assert x.tolist() == [1, 1, 0, 0]
    assert len(calls) == 3


def test_shared_addresses_are_offsets_and_generic_ones_name_their_window() -> None:
    source = """__device__ __noinline__ void put(int *p) { *p = 5; }
    extern "C" __global__ void k(int *x) { __shared__ int s[4]; int l[2]; s[1] = 1; put(s + 2); put(l + (x != 0)); }"""
    calls: list[tuple] = []
    host = np.zeros(1, np.int32)
    kernel = Kernel(source, "checked", leading_to(host, calls))
    kernel((1,), (1,), host)
    offset = kernel.lowered.shared_layout[0].offset
    assert ("check_shared_store_4", offset + 4) in calls
    assert ("check_generic_store_4", (1 << 40) + offset + 8) in calls
    (local,) = [address for name, address in calls if name == "check_generic_store_4" and address >> 40 == 2]
    assert local & 0xFFFFF == 4


def leading_to(host: np.ndarray, calls: list[tuple]) -> dict[str, Callable]:
    """Checks that note what is asked and lead all accesses to one place."""

    def make(name: str) -> Callable:
        def check_(thread: int, launch: int, address: int, site: int) -> int:
            calls.append((name, address))
            return host.ctypes.data

        return check_

    return {name: make(name) for name in CHECKS}


def test_traced_kernels_stop_before_each_access_and_branch() -> None:
    source = """extern "C" __global__ void k(int *x, int n) {
        for (int i = threadIdx.x; i < n; i += 1) { if (x[i] == 3) x[i] = 4; }
    }"""
    calls: list[tuple] = []
    kernel = Kernel(source, "traced", recording(calls))
    x = np.array([1, 3, 3], np.int32)
    kernel((1,), (1,), x, np.int32(3))
    assert x.tolist() == [1, 4, 4]
    accesses = [(address - x.ctypes.data, size, access) for status, _, address, size, access in kernel.trace if status == "AT_ACCESS"]
    assert accesses == [(0, 4, 0), (4, 4, 0), (4, 4, 1), (8, 4, 0), (8, 4, 1)]
    assert {size for status, _, _, size, _ in kernel.trace if status == "AT_BRANCH"} == {0, 1}
    assert [address - x.ctypes.data for _, address, _ in calls] == [offset for offset, *_ in accesses]


def test_printf_is_given_generic_addresses() -> None:
    printed: list[tuple[int, int]] = []

    def runtime_printf(thread: int, launch: int, format_: int, arguments: int) -> int:
        printed.append((format_, arguments))
        return 0

    host = np.zeros(8, np.int32)
    functions = leading_to(host, []) | {"runtime_printf": runtime_printf}
    kernel = Kernel('extern "C" __global__ void k(int *x) { printf("%d\\n", x[0]); }', "checked", functions)
    kernel((1,), (1,), host)
    ((format_, arguments),) = printed
    (text,) = kernel.globals.values()
    assert (format_, text.tobytes()) == (text.ctypes.data, b"%d\n\0")
    assert arguments >> 40 == 2


def test_the_ir_of_a_kernel_depends_on_nothing_but_its_ptx() -> None:
    assert Kernel(MATMUL).lowered == Kernel(MATMUL).lowered
