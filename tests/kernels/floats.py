"""Floating-point numbers: IEEE's rules, CUDA's roundings, and functions within the ulps of NVIDIA's programming guide."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import special

from kernels.program import Program, Within, each, rng

F4, F8 = np.float32, np.float64
NAN, INF = F4(np.nan), F4(np.inf)
SPECIAL = np.array(
    [0.0, -0.0, 1, -1, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 1e-39, 3.4028235e38, -3.4028235e38, 0.5, 1.5, 2.5, -0.5, -1.5, 1e-20], F4
)
N = 300


def uniform(name: str, low: float, high: float, n: int = N) -> np.ndarray:
    return rng(name).uniform(low, high, n).astype(F4)


def everywhere(name: str, n: int = N) -> np.ndarray:
    """Any bits: every exponent, infinities and NaNs too."""
    random = rng(name).integers(0, 2**32, n, dtype=np.uint32).view(F4)
    return np.concatenate([SPECIAL, random])


def pairs(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Every special value with every other, and random bits."""
    a, b = (x.ravel() for x in np.meshgrid(SPECIAL, SPECIAL))
    return np.concatenate([a, everywhere(name + " 1")]), np.concatenate([b, everywhere(name + " 2")])


def toward(exact: np.ndarray, direction: str) -> np.ndarray:
    """The float32 next to an exact float64, in CUDA's direction: n(earest), z(ero), u(p), d(own)."""
    near = exact.astype(F4)
    above, below = np.nextafter(near, INF), np.nextafter(near, -INF)
    up = np.where(near.astype(F8) < exact, above, near)
    down = np.where(near.astype(F8) > exact, below, near)
    return {"n": near, "u": up, "d": down, "z": np.where(exact > 0, down, up)}[direction]


def table(name: str, rows: list[tuple[str, np.ndarray, float]], *inputs: np.ndarray, dtype: type = F4, **more: object) -> Program:
    """Many functions in one kernel: CUDA's expression, the exact values, the ulps that the programming guide states."""
    body = "\n        ".join(f"out[{k} * n + i] = {expression};" for k, (expression, _, _) in enumerate(rows))
    values = np.stack([np.asarray(exact, F8) for _, exact, _ in rows])
    ulps = np.array([[ulp] for _, _, ulp in rows])
    return each(name, body, Within(values, ulps, dtype=dtype), *inputs, **more)


def one_by_one(function: Callable[..., float], *arrays: np.ndarray) -> np.ndarray:
    return np.array([function(*(float(v) for v in row)) for row in zip(*arrays, strict=True)])


def half_away(x: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(x) & (np.abs(x) < 2**24), np.copysign(np.floor(np.abs(x.astype(F8)) + 0.5), x), x).astype(F4)


def largest(a: np.ndarray, b: np.ndarray, sign: int = 1) -> np.ndarray:
    """fmax (fmin with -1): a NaN loses against a number, -0 against +0."""
    a, b = sign * a, sign * b
    bigger = np.where((a > b) | ((a == b) & ~np.signbit(a)), a, b)
    return sign * np.where(np.isnan(b), a, np.where(np.isnan(a), b, bigger)).astype(F4)


X, Y = pairs("x")
with np.errstate(all="ignore"):
    SUM, DIFFERENCE, PRODUCT, QUOTIENT, ROOT = X + Y, X - Y, X * Y, X / Y, np.sqrt(X)
COUNTS = (np.arange(X.size) % 7).astype(np.uint32)
# Whole multiples of 2^-23 in [1, 2): products and sums of three are exact in float64.
P, Q, R = (np.float32(1) + rng(f"p{k}").integers(0, 2**23, N).astype(F4) * F4(2.0**-23) for k in range(3))
S = uniform("s", -50, 50)
T = uniform("t", 0.01, 50)
UNIT = uniform("unit", -0.999, 0.999)
WIDE = uniform("wide", -1e6, 1e6)
HUGE = np.concatenate([10.0 ** uniform("huge", 5, 38), -(10.0 ** uniform("huge -", 5, 38))]).astype(F4)
HUGE_DOUBLE = np.concatenate([10.0 ** rng("huge double").uniform(8, 300, N), [1e22, 2.0**1000]])
HALVES = np.concatenate([np.arange(-40, 40) / 2, [8388607.5, 8388608.5, 16777217.0, -8388607.5, 2147483520.0]]).astype(F4)
TO_INTEGERS = np.concatenate([HALVES, np.array([3e9, -3e9, 5e18, 1e30, -1e30, np.inf, -np.inf], F4)])
D, E = rng("d").normal(size=N), rng("e").normal(size=N) * 100
POSITIVE = np.abs(E) + 0.01
RANDOM_INTS = rng("ints").integers(-(2**31), 2**31, N).astype(np.int32)
RANDOM_LONGS = rng("longs").integers(-(2**63), 2**63 - 1, N)


def integer(x: np.ndarray, rounding: Callable[[np.ndarray], np.ndarray], dtype: type) -> np.ndarray:
    """CUDA's conversions saturate."""
    limits = np.iinfo(dtype)
    return np.array(
        [min(max(int(rounding(np.float64(v))), limits.min), limits.max) if math.isfinite(v) else (limits.max if v > 0 else limits.min) for v in x],
        dtype,
    )


def next_integer(x: np.ndarray, direction: str) -> np.ndarray:
    """Integers to float32; Python's integers decide, since they are exact."""
    near = x.astype(F4)
    exact = [int(v) for v in x]
    moved = {"u": (lambda n, v: n < v, INF), "d": (lambda n, v: n > v, -INF)}
    if direction == "n":
        return near
    if direction == "z":
        return np.where(x > 0, next_integer(x, "d"), next_integer(x, "u"))
    wrong, goal = moved[direction]
    return np.array([np.nextafter(n, goal) if wrong(int(n), v) else n for n, v in zip(near, exact, strict=True)], F4)


def escape_times(real: np.ndarray, imaginary: np.ndarray) -> np.ndarray:
    def steps(a: float, b: float) -> int:
        x = y = 0.0
        for k in range(60):
            if x * x + y * y > 4:
                return k
            x, y = x * x - y * y + a, 2 * x * y + b
        return 60

    return np.array([steps(float(a), float(b)) for a, b in zip(real, imaginary, strict=True)], np.int32)


PROGRAMS: list[Program] = [
    each("addition and subtraction of any two floats", "out[i] = a[i] + b[i]; out[n + i] = a[i] - b[i];", np.stack([SUM, DIFFERENCE]), X, Y),
    each("products of any two floats", "out[i] = a[i] * b[i];", PRODUCT, X, Y),
    each("division is rounded correctly", "out[i] = a[i] / b[i];", QUOTIENT, X, Y),
    each("square roots are rounded correctly", "out[i] = sqrtf(a[i]);", ROOT, X),
    each("a product and a sum may be fused", "out[i] = a[i] * b[i] - c[i];", Within(P.astype(F8) * Q - R, 0.5, 2.0**-23), P, Q, R),
    each("not fused with --fmad=false", "out[i] = a[i] * b[i] - c[i];", P * Q - R, P, Q, R, options=("--fmad=false",)),
    each("fmaf rounds once, the __f intrinsics never fuse", "out[i] = fmaf(a[i], b[i], -c[i]); out[n + i] = __fsub_rn(__fmul_rn(a[i], b[i]), c[i]);", np.stack([(P.astype(F8) * Q - R).astype(F4), P * Q - R]), P, Q, R),
    each("numbers below the normal ones are kept", "out[i] = a[i] * 1e-38f * 0.5f;", UNIT * F4(1e-38) * F4(0.5), UNIT),
    each("or flushed to zero with -ftz=true", "out[i] = a[i] * b[0];", np.where(np.abs(UNIT * F4(1e-38)) < F4(1.17549435e-38), F4(0), UNIT * F4(1e-38)), UNIT, np.array([1e-38] * N, F4), options=("-ftz=true",)),
    each("contraction in double precision", "out[i] = __dadd_rn(__dmul_rn(a[i], b[i]), 1.0); out[n + i] = a[i] / b[i]; out[2 * n + i] = sqrt(b[i] * b[i]);", np.stack([D * POSITIVE + 1.0, D / POSITIVE, np.sqrt(POSITIVE * POSITIVE)]), D, POSITIVE),
    *(
        each(
            f"rounding {words}",
            f"out[i] = __fadd_r{way}(a[i], b[i]); out[n + i] = __fmul_r{way}(a[i], b[i]); out[2 * n + i] = __double2float_r{way}((double)a[i] / 3);",
            np.stack([toward(S.astype(F8) + T, way), toward(S.astype(F8) * T, way), toward(S.astype(F8) / 3, way)]),
            S, T,
        )
        for way, words in (("n", "to nearest"), ("z", "towards zero"), ("u", "up"), ("d", "down"))
    ),
    each(
        "integers to floats in four roundings",
        "out[i] = __int2float_rn(a[i]); out[n + i] = __int2float_rz(a[i]); out[2 * n + i] = __int2float_ru(a[i]); out[3 * n + i] = __int2float_rd(a[i]); out[4 * n + i] = (unsigned)a[i];",
        np.stack([*(next_integer(RANDOM_INTS, way) for way in "nzud"), RANDOM_INTS.view(np.uint32).astype(F4)]),
        RANDOM_INTS,
    ),
    each(
        "64-bit integers to floats and doubles",
        "out[i] = __ll2float_rn(a[i]); out[n + i] = (double)a[i]; out[2 * n + i] = (double)(unsigned long long)a[i]; out[3 * n + i] = __ll2float_rd(a[i]);",
        np.stack([RANDOM_LONGS.astype(F4).astype(F8), RANDOM_LONGS.astype(F8), RANDOM_LONGS.view(np.uint64).astype(F8), next_integer(RANDOM_LONGS, "d").astype(F8)]),
        RANDOM_LONGS,
    ),
    each(
        "floats to integers round and saturate",
        "out[i] = __float2int_rn(a[i]); out[n + i] = __float2int_rz(a[i]); out[2 * n + i] = __float2int_ru(a[i]); out[3 * n + i] = __float2int_rd(a[i]); out[4 * n + i] = (int)__float2uint_rz(a[i]);",
        np.stack([*(integer(TO_INTEGERS, way, np.int32) for way in (np.rint, np.trunc, np.ceil, np.floor)), integer(TO_INTEGERS, np.trunc, np.uint32).view(np.int32)]),
        TO_INTEGERS,
    ),
    each("floats to 64-bit integers", "out[i] = __float2ll_rz(a[i]); out[n + i] = __double2ll_rn((double)a[i]);", np.stack([integer(TO_INTEGERS, np.trunc, np.int64), integer(TO_INTEGERS, np.rint, np.int64)]), TO_INTEGERS),
    each("NaN becomes the integer 0", "out[i] = __float2int_rz(a[i]) + (int)__float2uint_rn(a[i]);", np.zeros(40, np.int32), np.full(40, np.nan, F4)),
    each("bits of floats", "out[i] = __float_as_int(a[i]) ^ 0x80000000; out[n + i] = __float_as_int(__int_as_float(__float_as_int(a[i])));", np.stack([(X.view(np.uint32) ^ np.uint32(0x80000000)).view(np.int32), X.view(np.int32)]), X),
    each("bits of doubles", "out[i] = __double2hiint(a[i]); out[n + i] = __double2loint(__hiloint2double(7, __double2loint(a[i]))); out[2 * n + i] = (int)(__double_as_longlong(a[i]) >> 17);", np.stack([(D.view(np.int64) >> 32).astype(np.int32), D.view(np.int64).astype(np.int32), (D.view(np.int64) >> 17).astype(np.int32)]), D),
    each("fmaxf and fminf pass over NaN and know -0", "out[i] = fmaxf(a[i], b[i]); out[n + i] = fminf(a[i], b[i]);", np.stack([largest(X, Y), largest(X, Y, -1)]), X, Y),
    each(
        "a NaN loses against what was an integer, too",
        "out[i] = fmaxf(a[i] / b[i], (float)c[i]); out[n + i] = fminf((float)c[i], a[i] / b[i]); out[2 * n + i] = fmaxf(a[i] / b[i], 2.f);",
        np.stack([largest(QUOTIENT, COUNTS.astype(F4)), largest(QUOTIENT, COUNTS.astype(F4), -1), largest(QUOTIENT, np.full(X.size, 2, F4))]),
        X,
        Y,
        COUNTS,
    ),
    each("signs of zeros", "out[i] = __float_as_int(fmaxf(a[i], b[i])); out[n + i] = __float_as_int(fminf(a[i], b[i])); out[2 * n + i] = __float_as_int(a[i] + b[i]); out[3 * n + i] = __float_as_int(-a[i] * b[i]);", np.stack([v.view(np.int32) for v in (np.array([0.0, 0.0, 0.0, -0.0], F4), np.array([0.0, -0.0, -0.0, -0.0], F4), np.array([0.0, 0.0, 0.0, -0.0], F4), np.array([-0.0, 0.0, 0.0, -0.0], F4))]), np.array([0.0, 0.0, -0.0, -0.0], F4), np.array([0.0, -0.0, 0.0, -0.0], F4)),
    each(
        "comparisons with NaN are false, except unequal",
        "float x = a[i], y = b[i]; out[i] = (x < y) + 2 * (x <= y) + 4 * (x > y) + 8 * (x >= y) + 16 * (x == y) + 32 * (x != y) + 64 * !(x < y) + 128 * (isnan(x) || isnan(y));",
        ((X < Y) + 2 * (X <= Y) + 4 * (X > Y) + 8 * (X >= Y) + 16 * (X == Y) + 32 * (X != Y) + 64 * ~(X < Y) + 128 * (np.isnan(X) | np.isnan(Y))).astype(np.int32),
        X, Y,
    ),
    each("what kind of number it is", "float x = a[i]; out[i] = (isnan(x) ? 1 : 0) + (isinf(x) ? 2 : 0) + (isfinite(x) ? 4 : 0) + (signbit(x) ? 8 : 0);", (np.isnan(X) + 2 * np.isinf(X) + 4 * np.isfinite(X) + 8 * np.signbit(X)).astype(np.int32), X),
    each("magnitude and sign", "out[i] = fabsf(a[i]); out[n + i] = copysignf(a[i], b[i]); out[2 * n + i] = -a[i];", np.stack([np.abs(X), np.copysign(X, Y), -X]), X, Y),
    each(
        "rounding to whole numbers",
        "out[i] = floorf(a[i]); out[n + i] = ceilf(a[i]); out[2 * n + i] = truncf(a[i]); out[3 * n + i] = rintf(a[i]); out[4 * n + i] = roundf(a[i]); out[5 * n + i] = nearbyintf(a[i]);",
        np.stack([np.floor(HALVES), np.ceil(HALVES), np.trunc(HALVES), np.rint(HALVES), half_away(HALVES), np.rint(HALVES)]),
        HALVES,
    ),
    each("rounding doubles to whole numbers", "out[i] = floor(a[i]) + ceil(a[i]) * 2 + trunc(a[i]) * 3 + rint(a[i]) * 5 + (double)llrint(a[i]) * 7 + (double)lround(a[i]) * 11;", np.floor(E) + np.ceil(E) * 2 + np.trunc(E) * 3 + np.rint(E) * 5 + np.rint(E) * 7 + np.trunc(E + np.copysign(0.5, E)) * 11, E),
    each("remainders of floats", "out[i] = fmodf(a[i], b[i]); out[n + i] = remainderf(a[i], b[i]);", np.stack([np.fmod(WIDE, T), one_by_one(math.remainder, WIDE, T).astype(F4)]), WIDE, T),
    each("fraction, exponent and neighbours", "int e; float whole; out[i] = frexpf(a[i], &e); out[n + i] = e; out[2 * n + i] = modff(a[i], &whole); out[3 * n + i] = whole; out[4 * n + i] = ldexpf(a[i], 5); out[5 * n + i] = nextafterf(a[i], 1e9f); out[6 * n + i] = ilogbf(a[i]);", np.stack([np.frexp(S)[0], np.frexp(S)[1].astype(F4), np.modf(S)[0], np.modf(S)[1], np.ldexp(S, 5), np.nextafter(S, F4(1e9)), np.floor(np.log2(np.abs(S.astype(F8)))).astype(F4)]), S),
    each("saturation to [0, 1]", "out[i] = __saturatef(a[i]);", np.where(np.isnan(X), F4(0), np.clip(X, F4(0), F4(1))).astype(F4), X),
    table(
        "exponentials and logarithms",
        [
            ("expf(a[i])", np.exp(S.astype(F8)), 2), ("exp2f(a[i])", np.exp2(S.astype(F8)), 2), ("exp10f(a[i] * 0.5f)", 10.0 ** (S * F4(0.5)).astype(F8), 2), ("expm1f(a[i])", np.expm1(S.astype(F8)), 1),
            ("logf(b[i])", np.log(T.astype(F8)), 1), ("log2f(b[i])", np.log2(T.astype(F8)), 1), ("log10f(b[i])", np.log10(T.astype(F8)), 2), ("log1pf(b[i])", np.log1p(T.astype(F8)), 1),
        ],
        S, T,
    ),
    table(
        "roots and powers",
        [
            ("rsqrtf(b[i])", 1 / np.sqrt(T.astype(F8)), 2), ("cbrtf(a[i])", np.cbrt(S.astype(F8)), 1), ("rcbrtf(b[i])", 1 / np.cbrt(T.astype(F8)), 1), ("hypotf(a[i], b[i])", np.hypot(S.astype(F8), T), 3),
            ("powf(b[i], a[i] * 0.2f)", T.astype(F8) ** (S * F4(0.2)), 4), ("powf(b[i], 2.f)", T.astype(F8) ** 2, 4), ("norm3df(a[i], b[i], 1.f)", np.sqrt(S.astype(F8) ** 2 + T.astype(F8) ** 2 + 1), 3),
        ],
        S, T,
    ),
    table(
        "trigonometric functions",
        [
            ("sinf(a[i])", np.sin(S.astype(F8)), 2), ("cosf(a[i])", np.cos(S.astype(F8)), 2), ("tanf(a[i])", np.tan(S.astype(F8)), 4),
            ("sinpif(a[i])", np.sin(np.pi * np.remainder(S.astype(F8), 2)), 2), ("asinf(b[i])", np.arcsin(UNIT.astype(F8)), 2), ("acosf(b[i])", np.arccos(UNIT.astype(F8)), 2),
            ("atanf(a[i])", np.arctan(S.astype(F8)), 2), ("atan2f(a[i], b[i])", np.arctan2(S.astype(F8), UNIT), 3),
        ],
        S, UNIT,
    ),
    table(
        "hyperbolic functions",
        [
            ("sinhf(a[i])", np.sinh(S.astype(F8)), 3), ("coshf(a[i])", np.cosh(S.astype(F8)), 2), ("tanhf(a[i] * 0.1f)", np.tanh((S * F4(0.1)).astype(F8)), 2),
            ("asinhf(a[i])", np.arcsinh(S.astype(F8)), 3), ("acoshf(fabsf(a[i]) + 1.f)", np.arccosh((np.abs(S) + F4(1)).astype(F8)), 4), ("atanhf(b[i])", np.arctanh(UNIT.astype(F8)), 3),
        ],
        S, UNIT,
    ),
    table(
        "error and gamma functions",
        [
            ("erff(a[i] * 0.1f)", special.erf((S * F4(0.1)).astype(F8)), 2), ("erfcf(b[i])", special.erfc(UNIT.astype(F8)), 4), ("normcdff(b[i])", special.ndtr(UNIT.astype(F8)), 5),
            ("erfinvf(b[i])", special.erfinv(UNIT.astype(F8)), 2), ("tgammaf(fabsf(a[i]) * 0.5f + 0.1f)", special.gamma((np.abs(S) * F4(0.5) + F4(0.1)).astype(F8)), 5), ("lgammaf(fabsf(a[i]) + 3.f)", special.gammaln((np.abs(S) + F4(3)).astype(F8)), 6),
        ],
        S, UNIT,
    ),
    table("sine and cosine of huge numbers", [("sinf(a[i])", one_by_one(math.sin, HUGE), 2), ("cosf(a[i])", one_by_one(math.cos, HUGE), 2)], HUGE),
    table("sine and cosine of huge doubles", [("sin(a[i])", one_by_one(math.sin, HUGE_DOUBLE), 2), ("cos(a[i])", one_by_one(math.cos, HUGE_DOUBLE), 2)], HUGE_DOUBLE, dtype=F8),
    each("sine and cosine together", "float s, c; sincosf(a[i], &s, &c); out[i] = s; out[n + i] = c;", Within(np.stack([np.sin(S.astype(F8)), np.cos(S.astype(F8))]), 2), S),
    table(
        "functions of doubles",
        [
            ("exp(a[i])", np.exp(D), 1), ("log(b[i])", np.log(POSITIVE), 1), ("sin(a[i])", np.sin(D), 2), ("cos(a[i])", np.cos(D), 2), ("tanh(a[i])", np.tanh(D), 1), ("pow(b[i], a[i])", POSITIVE**D, 2),
            ("erf(a[i])", special.erf(D), 2), ("cbrt(a[i])", np.cbrt(D), 1), ("atan2(a[i], b[i])", np.arctan2(D, POSITIVE), 2), ("rsqrt(b[i])", 1 / np.sqrt(POSITIVE), 1), ("log1p(b[i])", np.log1p(POSITIVE), 1), ("fmod(b[i], 0.7)", np.fmod(POSITIVE, 0.7), 0),
        ],
        D, POSITIVE,
        dtype=F8,
    ),
    each(
        "fast intrinsics are less exact",
        "out[i] = __expf(a[i]); out[n + i] = __logf(b[i]); out[2 * n + i] = __fdividef(a[i], b[i]); out[3 * n + i] = __sinf(c[i]); out[4 * n + i] = __cosf(c[i]); out[5 * n + i] = __powf(b[i], 1.5f); out[6 * n + i] = __frsqrt_rn(b[i]); out[7 * n + i] = __tanf(c[i]);",
        Within(
            np.stack([np.exp(S.astype(F8)), np.log(T.astype(F8)), S.astype(F8) / T, np.sin(UNIT.astype(F8)), np.cos(UNIT.astype(F8)), T.astype(F8) ** 1.5, 1 / np.sqrt(T.astype(F8)), np.tan(UNIT.astype(F8))]),
            np.array([[62], [4], [2], [0], [0], [30], [1], [30]]),
            np.array([[0], [2.0**-20], [0], [2.0**-21], [2.0**-21], [0], [0], [0]]),
        ),
        S, T, UNIT,
    ),
    each("fast mathematics by an option", "out[i] = expf(a[i]) / b[i] + sqrtf(b[i]);", Within(np.exp(UNIT.astype(F8)) / T + np.sqrt(T.astype(F8)), 16), UNIT, T, options=("--use_fast_math",)),
    each("functions at infinity and NaN", "float x = a[i]; out[i] = expf(x); out[n + i] = sqrtf(x); out[2 * n + i] = tanhf(x); out[3 * n + i] = sinf(x); out[4 * n + i] = atanf(x); out[5 * n + i] = powf(x, 0.f);", Within(np.array([[np.inf, 0, np.nan], [np.inf, np.nan, np.nan], [1, -1, np.nan], [np.nan] * 3, [np.pi / 2, -np.pi / 2, np.nan], [1, 1, 1]], F8), 2), np.array([np.inf, -np.inf, np.nan], F4)),
    each("the error function in gelu", "out[i] = 0.5f * a[i] * (1.f + erff(a[i] * 0.70710678f));", Within(S * special.ndtr(S.astype(F8)), 8, 1e-5), S),
    each("a sum that is compensated is not simplified", "float s = 0, lost = 0; for (int k = 0; k < 200; k++) { float y = a[(i + k) % n] - lost; float t = s + y; lost = (t - s) - y; s = t; } out[i] = s;", Within(np.array([S.astype(F8)[(i + np.arange(200)) % N].sum() for i in range(N)]), 3, 1e-4), S),
    each("a polynomial by Horner's rule", "float p = 0; for (int k = 6; k >= 0; k--) p = fmaf(p, a[i], (float)(k + 1)); out[i] = p;", Within(sum((k + 1) * UNIT.astype(F8) ** k for k in range(7)), 16, 1e-5), UNIT),
    each("an escape-time loop in doubles", "double x = 0, y = 0; int k = 0; for (; k < 60 && x * x + y * y <= 4; k++) { double t = __dadd_rn(__dsub_rn(__dmul_rn(x, x), __dmul_rn(y, y)), a[i]); y = __dadd_rn(__dmul_rn(2 * x, y), b[i]); x = t; } out[i] = k;", escape_times(D * 0.8, E / 150), D * 0.8, E / 150),
]  # fmt: skip
