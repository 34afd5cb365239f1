"""Whole numbers: every operation that C and CUDA's intrinsics have, at the edges where a translation goes wrong."""

from __future__ import annotations

import numpy as np

from kernels.program import Program, each, rng

EDGES = np.array([0, 1, -1, 2, -2, 7, -7, 31, 32, 33, 127, -128, 255, 65535, -65536, 2**31 - 1, -(2**31), -(2**31) + 1], np.int64)
MASK32, MASK64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF


def ints(name: str, n: int = 200) -> np.ndarray:
    return np.concatenate([EDGES, rng(name).integers(-(2**31), 2**31, n)]).astype(np.int32)


def words(name: str, n: int = 200) -> np.ndarray:
    return ints(name, n).view(np.uint32)


def longs(name: str, n: int = 200) -> np.ndarray:
    edges = np.array([*EDGES.tolist(), 2**63 - 1, -(2**63), 2**32, -(2**32) - 5], np.int64)
    return np.concatenate([edges, rng(name).integers(-(2**63), 2**63 - 1, n)])


def shuffled(a: np.ndarray, seed: str) -> np.ndarray:
    return rng(seed).permutation(a)


def python(function: object, *arrays: np.ndarray, dtype: object) -> np.ndarray:
    """An exact function of Python's unbounded integers, wrapped to the type at the end."""
    bits = np.dtype(dtype).itemsize * 8
    values = [function(*(int(v) for v in row)) & ((1 << bits) - 1) for row in zip(*arrays, strict=True)]  # type: ignore[operator]
    return np.array(values, f"u{bits // 8}").view(dtype)


def quotient(a: int, b: int) -> int:
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def remainder(a: int, b: int) -> int:
    return a - b * quotient(a, b)


def reverse(a: int, bits: int) -> int:
    return int(f"{a & ((1 << bits) - 1):0{bits}b}"[::-1], 2)


def leading_zeros(a: int, bits: int) -> int:
    return bits - (a & ((1 << bits) - 1)).bit_length()


def first_set(a: int) -> int:
    return (a & -a).bit_length()


def signed(a: int, bits: int) -> int:
    a &= (1 << bits) - 1
    return a - (1 << bits) if a >> (bits - 1) else a


def bytes_of(a: int) -> list[int]:
    return [a >> (8 * k) & 255 for k in range(4)]


def permuted(a: int, b: int, selector: int) -> int:
    source = [*bytes_of(a), *bytes_of(b)]
    return sum(source[selector >> (4 * k) & 7] << (8 * k) for k in range(4))


def clamped_shift(a: int, amount: int, bits: int) -> int:
    return a << amount if amount < bits else 0


def field(a: int, position: int, length: int) -> int:
    """PTX's bfe.s32: the field's own top bit, or the word's if the field goes beyond it, is the sign."""
    if length == 0:
        return 0
    a = signed(a, 32)
    sign = a >> min(position + length - 1, 31) & 1
    inside = (a >> min(position, 31)) & ((1 << length) - 1) if position < 32 else (-1 if a < 0 else 0)
    kept = min(length, max(32 - position, 0))
    low = inside & ((1 << kept) - 1)
    return low | (-sign << kept) if kept < 32 else low


def collatz_steps(a: int) -> int:
    value, steps = a % 1000 + 1, 0
    while value != 1:
        value, steps = (3 * value + 1 if value % 2 else value // 2), steps + 1
    return steps


def mixed(h: int) -> int:
    for k in range(5):
        h ^= h >> 16
        h = h * 0x85EBCA6B & MASK32
        h = (h << 13 | h >> 19) & MASK32
        h = h + k & MASK32
    return h


A, B = ints("a"), shuffled(ints("b"), "b order")
B_NOT_ZERO = np.where(B == 0, 3, B).astype(np.int32)
# INT_MIN / -1 does not exist.
B_DIVIDES = np.where((A == -(2**31)) & (B_NOT_ZERO == -1), 5, B_NOT_ZERO).astype(np.int32)
U, V = words("u"), shuffled(words("v"), "v order")
V_NOT_ZERO = np.where(V == 0, 3, V).astype(np.uint32)
L, M = longs("l"), shuffled(longs("m"), "m order")
M_DIVIDES = np.where((M == 0) | (M == -1), 9, M)
UL, UM = L.view(np.uint64), M_DIVIDES.view(np.uint64)
AMOUNT = rng("amount").integers(0, 80, A.size).astype(np.uint32)
LONG_AMOUNT = rng("long amount").integers(0, 100, L.size).astype(np.uint32)
SMALL = rng("small").integers(-128, 128, A.size).astype(np.int8)

PROGRAMS: list[Program] = [
    each("division of negative numbers truncates", "out[i] = a[i] / b[i];", python(quotient, A, B_DIVIDES, dtype=np.int32), A, B_DIVIDES),
    each("a remainder has the dividend's sign", "out[i] = a[i] % b[i];", python(remainder, A, B_DIVIDES, dtype=np.int32), A, B_DIVIDES),
    each("division by constants", "out[i] = a[i] / 7 + a[i] % -10 * 3 + a[i] / 8;", python(lambda a: quotient(a, 7) + remainder(a, 10) * 3 + quotient(a, 8), A, dtype=np.int32), A),
    each("unsigned division", "out[i] = a[i] / b[i] * 31u + a[i] % b[i];", U // V_NOT_ZERO * np.uint32(31) + U % V_NOT_ZERO, U, V_NOT_ZERO),
    each("64-bit division", "out[i] = a[i] / b[i] * 7 + a[i] % b[i];", python(lambda a, b: quotient(a, b) * 7 + remainder(a, b), L, M_DIVIDES, dtype=np.int64), L, M_DIVIDES),
    each("unsigned 64-bit division", "out[i] = a[i] / b[i] + a[i] % b[i] + a[i] / 1000003u;", UL // UM + UL % UM + UL // np.uint64(1000003), UL, UM),
    each("unsigned numbers wrap around", "out[i] = a[i] * b[i] + 3u * a[i] - b[i] - 5u;", U * V + np.uint32(3) * U - V - np.uint32(5), U, V),
    each("64-bit arithmetic", "out[i] = a[i] * b[i] + (a[i] ^ b[i]) - (a[i] & b[i]) + ~a[i];", UL * UM + (UL ^ UM) - (UL & UM) + ~UL, UL, UM),
    each("mixed widths", "out[i] = (long long)a[i] * b[i] + (long long)((unsigned)a[i]);", A.astype(np.int64) * B + A.view(np.uint32), A, B),
    each("shifts within the width", "out[i] = (a[i] >> (b[i] & 31)) ^ (int)((unsigned)a[i] << (b[i] & 31)) ^ (int)((unsigned)a[i] >> (b[i] & 31));", python(lambda a, b: (a >> (b & 31)) ^ (a << (b & 31)) ^ ((a & MASK32) >> (b & 31)), A, B, dtype=np.int32), A, B),
    each(
        "shifts beyond the width, as PTX defines them",
        'int left, right; unsigned logical; asm("shl.b32 %0, %1, %2;" : "=r"(left) : "r"(a[i]), "r"(b[i]));'
        ' asm("shr.s32 %0, %1, %2;" : "=r"(right) : "r"(a[i]), "r"(b[i])); asm("shr.u32 %0, %1, %2;" : "=r"(logical) : "r"(a[i]), "r"(b[i]));'
        " out[i] = left; out[n + i] = right; out[2 * n + i] = logical;",
        np.stack([
            python(lambda a, s: clamped_shift(a, s, 32), A, AMOUNT, dtype=np.int32),
            python(lambda a, s: a >> min(s, 32), A, AMOUNT, dtype=np.int32),
            python(lambda a, s: (a & MASK32) >> min(s, 32), A, AMOUNT, dtype=np.int32),
        ]),
        A, AMOUNT,
    ),
    each(
        "64-bit shifts beyond the width",
        'long long left, right; asm("shl.b64 %0, %1, %2;" : "=l"(left) : "l"(a[i]), "r"(b[i])); asm("shr.s64 %0, %1, %2;" : "=l"(right) : "l"(a[i]), "r"(b[i]));'
        " out[i] = left; out[n + i] = right;",
        np.stack([python(lambda a, s: clamped_shift(a, s, 64), L, LONG_AMOUNT, dtype=np.int64), python(lambda a, s: a >> min(s, 64), L, LONG_AMOUNT, dtype=np.int64)]),
        L, LONG_AMOUNT,
    ),
    each("the high half of a product", "out[i] = __mulhi(a[i], b[i]);", python(lambda a, b: a * b >> 32, A, B, dtype=np.int32), A, B),
    each("the high half of an unsigned product", "out[i] = __umulhi(a[i], b[i]);", python(lambda a, b: a * b >> 32, U, V, dtype=np.uint32), U, V),
    each("the high half of a 64-bit product", "out[i] = __mul64hi(a[i], b[i]);", python(lambda a, b: a * b >> 64, L, M, dtype=np.int64), L, M),
    each("the high half of an unsigned 64-bit product", "out[i] = __umul64hi(a[i], b[i]);", python(lambda a, b: a * b >> 64, UL, UM, dtype=np.uint64), UL, UM),
    each("24-bit products", "out[i] = __mul24(a[i], b[i]);", python(lambda a, b: signed(a, 24) * signed(b, 24), A, B, dtype=np.int32), A, B),
    each("population counts", "out[i] = __popc(a[i]) + 100 * __popcll(((unsigned long long)a[i] << 32) | b[i]);", python(lambda a, b: a.bit_count() + 100 * (a << 32 | b).bit_count(), U, V, dtype=np.int32), U, V),
    each("leading zeros", "out[i] = __clz(a[i]) + 100 * __clzll((long long)a[i]);", python(lambda a: leading_zeros(a, 32) + 100 * leading_zeros(a, 64), A, dtype=np.int32), A),
    each("the first bit that is set", "out[i] = __ffs(a[i]) + 100 * __ffsll((long long)a[i] << 7);", python(lambda a: first_set(a) + 100 * first_set((a << 7) & MASK64), A, dtype=np.int32), A),
    each("reversed bits", "out[i] = __brev(a[i]) ^ (unsigned)(__brevll(a[i]) >> 32);", python(lambda a: reverse(a, 32) ^ (reverse(a, 64) >> 32), U, dtype=np.uint32), U),
    each("permuted bytes", "out[i] = __byte_perm(a[i], b[i], 0x3715) + __byte_perm(a[i], b[i], a[i] & 0x7777);", python(lambda a, b: permuted(a, b, 0x3715) + permuted(a, b, a & 0x7777), U, V, dtype=np.uint32), U, V),
    each(
        "funnel shifts wrap or clamp",
        "out[i] = __funnelshift_l(a[i], b[i], c[i]); out[n + i] = __funnelshift_r(a[i], b[i], c[i]);"
        " out[2 * n + i] = __funnelshift_lc(a[i], b[i], c[i]); out[3 * n + i] = __funnelshift_rc(a[i], b[i], c[i]);",
        np.stack([
            python(lambda a, b, s: (b << 32 | a) << (s & 31) >> 32, U, V, AMOUNT, dtype=np.uint32),
            python(lambda a, b, s: (b << 32 | a) >> (s & 31), U, V, AMOUNT, dtype=np.uint32),
            python(lambda a, b, s: (b << 32 | a) << min(s, 32) >> 32, U, V, AMOUNT, dtype=np.uint32),
            python(lambda a, b, s: (b << 32 | a) >> min(s, 32), U, V, AMOUNT, dtype=np.uint32),
        ]),
        U, V, AMOUNT,
    ),
    each(
        "dot products of four bytes",
        "out[i] = __dp4a(a[i], b[i], 5); out[n + i] = (int)__dp4a((unsigned)a[i], (unsigned)b[i], 5u);",
        np.stack([
            python(lambda a, b: sum(signed(x, 8) * signed(y, 8) for x, y in zip(bytes_of(a), bytes_of(b), strict=True)) + 5, A, B, dtype=np.int32),
            python(lambda a, b: sum(x * y for x, y in zip(bytes_of(a), bytes_of(b), strict=True)) + 5, A, B, dtype=np.int32),
        ]),
        A, B,
    ),
    each(
        "averages and sums of differences",
        "out[i] = __hadd(a[i], b[i]); out[n + i] = __rhadd(a[i], b[i]); out[2 * n + i] = (int)__sad(a[i], b[i], 7u); out[3 * n + i] = (int)__uhadd((unsigned)a[i], (unsigned)b[i]);",
        np.stack([
            python(lambda a, b: (a + b) >> 1, A, B, dtype=np.int32),
            python(lambda a, b: (a + b + 1) >> 1, A, B, dtype=np.int32),
            python(lambda a, b: abs(a - b) + 7, A, B, dtype=np.int32),
            python(lambda a, b: ((a & MASK32) + (b & MASK32)) >> 1, A, B, dtype=np.int32),
        ]),
        A, B,
    ),
    each(
        "four bytes at once",
        "out[i] = __vadd4(a[i], b[i]) ^ __vmaxu4(a[i], b[i]) ^ __vabsdiffu4(a[i], b[i]);",
        python(lambda a, b: sum((((x + y) & 255) ^ max(x, y) ^ abs(x - y)) << (8 * k) for k, (x, y) in enumerate(zip(bytes_of(a), bytes_of(b), strict=True))), U, V, dtype=np.uint32),
        U, V,
    ),
    each(
        "bit fields, as PTX extracts and inserts them",
        'int got; asm("bfe.s32 %0, %1, %2, %3;" : "=r"(got) : "r"(a[i]), "r"(i % 40), "r"(i % 37)); out[i] = got;'
        ' unsigned put; asm("bfi.b32 %0, %1, %2, %3, %4;" : "=r"(put) : "r"(a[i]), "r"(b[i]), "r"(i % 32), "r"(i % 33)); out[n + i] = put;',
        np.stack([
            python(lambda a, i: field(a, i % 40, i % 37), A, np.arange(A.size), dtype=np.int32),
            python(lambda a, b, i: b & ~(((1 << i % 33) - 1) << i % 32) | ((a & ((1 << i % 33) - 1)) << i % 32), A, B, np.arange(A.size), dtype=np.int32),
        ]),
        A, B,
    ),
    each(
        "any logic of three words",
        'unsigned r; asm("lop3.b32 %0, %1, %2, %3, 0x96;" : "=r"(r) : "r"(a[i]), "r"(b[i]), "r"(0x0f0f1234u)); out[i] = r ^ ((a[i] & b[i]) | (~a[i] & 0xff00ff00u));',
        (U ^ V ^ np.uint32(0x0F0F1234)) ^ ((U & V) | (~U & np.uint32(0xFF00FF00))),
        U, V,
    ),
    each(
        "a carry goes from word to word",
        'unsigned low, high; asm("add.cc.u32 %0, %2, %4; addc.u32 %1, %3, %5;" : "=r"(low), "=r"(high) : "r"((unsigned)a[i]), "r"((unsigned)(a[i] >> 32)), "r"((unsigned)b[i]), "r"((unsigned)(b[i] >> 32)));'
        " out[i] = (unsigned long long)high << 32 | low;",
        UL + UM,
        UL, UM,
    ),
    each(
        "a borrow goes from word to word",
        'unsigned low, high; asm("sub.cc.u32 %0, %2, %4; subc.u32 %1, %3, %5;" : "=r"(low), "=r"(high) : "r"((unsigned)a[i]), "r"((unsigned)(a[i] >> 32)), "r"((unsigned)b[i]), "r"((unsigned)(b[i] >> 32)));'
        " out[i] = (unsigned long long)high << 32 | low;",
        UL - UM,
        UL, UM,
    ),
    each("minimum, maximum and magnitude", "out[i] = min(a[i], b[i]) ^ max(a[i], -3) ^ abs(b[i] / 2);", np.minimum(A, B) ^ np.maximum(A, -3) ^ python(lambda b: abs(quotient(b, 2)), B, dtype=np.int32), A, B),
    each("unsigned and 64-bit extremes", "out[i] = min(a[i], b[i]) ^ max(a[i], 5ull) ^ (unsigned long long)llabs((long long)b[i]);", np.minimum(UL, UM) ^ np.maximum(UL, np.uint64(5)) ^ python(abs, UM.view(np.int64), dtype=np.uint64), UL, UM),
    each(
        "bytes are promoted and wrap when stored",
        "signed char s = a[i]; unsigned char u = a[i]; out[i] = (signed char)(s * 3 + 100); out[n + i] = (unsigned char)(u - 200) >> 1; ",
        np.stack([python(lambda a: a * 3 + 100, SMALL, dtype=np.int8).astype(np.int32), (python(lambda a: a - 200, SMALL, dtype=np.uint8) >> 1).astype(np.int32)]),
        SMALL,
    ),
    each("16-bit numbers wrap when stored", "short s = a[i]; unsigned short u = a[i]; out[i] = (short)(s * s) - (unsigned short)(u << 3);", python(lambda a: signed(signed(a, 16) ** 2, 16) - ((a << 3) & 0xFFFF), A, dtype=np.int32), A),
    each("comparisons, signed and unsigned", "out[i] = (a[i] < b[i]) + 2 * ((unsigned)a[i] < (unsigned)b[i]) + 4 * (a[i] >= b[i]) + 8 * (a[i] == b[i]) + 16 * (a[i] <= 0 && b[i]);", ((A < B) + 2 * (A.view(np.uint32) < B.view(np.uint32)) + 4 * (A >= B) + 8 * (A == B) + 16 * ((A <= 0) & (B != 0))).astype(np.int32), A, B),
    each(
        "128-bit integers",
        "__int128 p = (__int128)a[i] * b[i]; p += (__int128)7 << 70; out[i] = (long long)(p >> 64); out[n + i] = (long long)p; out[2 * n + i] = (long long)(p / (b[i] | 1));",
        np.stack([python(lambda a, b, s=shift: (a * b + (7 << 70)) >> s, L, M, dtype=np.int64) for shift in (64, 0)] + [python(lambda a, b: quotient(a * b + (7 << 70), b | 1), L, M, dtype=np.int64)]),
        L, M,
        options=("--device-int128",),
    ),
    each(
        "Collatz: a loop of unknown length",
        "unsigned long long v = a[i] % 1000u + 1; int steps = 0; while (v != 1) { v = v & 1 ? 3 * v + 1 : v / 2; steps++; } out[i] = steps;",
        python(collatz_steps, U, dtype=np.int32),
        U,
    ),
    each(
        "a hash by shifts, rotations and multiplications",
        "unsigned h = a[i]; for (int k = 0; k < 5; k++) { h ^= h >> 16; h *= 0x85ebca6bu; h = (h << 13) | (h >> 19); h += k; } out[i] = h;",
        python(mixed, U, dtype=np.uint32),
        U,
    ),
]  # fmt: skip
