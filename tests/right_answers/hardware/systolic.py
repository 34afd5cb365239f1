"""Right answers in other styles: chapter 4, the systolic array."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np


def skew__padded_rows(rows: np.ndarray) -> np.ndarray:
    m = len(rows)
    return np.array([np.pad(row, (i, m - 1 - i)) for i, row in enumerate(rows)])


def skew__reshaped(rows: np.ndarray) -> np.ndarray:
    """Rows that are longer by m, read in rows that are shorter by one, move by one each."""
    m, k = rows.shape
    return np.pad(rows, ((0, 0), (0, m))).ravel()[: m * (k + m - 1)].reshape(m, k + m - 1)


def skew__element_by_element(rows: np.ndarray) -> np.ndarray:
    m, k = rows.shape
    fed = np.empty((m, k + m - 1), rows.dtype)
    for i in range(m):
        for t in range(k + m - 1):
            fed[i, t] = rows[i, t - i] if 0 <= t - i < k else 0
    return fed


def skew__fancy_indices(rows: np.ndarray) -> np.ndarray:
    i, j = np.indices(rows.shape)
    fed = np.zeros((len(rows), sum(rows.shape) - 1))
    fed[i, i + j] = rows
    return fed


def systolic_step__loops(a: np.ndarray, b: np.ndarray, c: np.ndarray, left: np.ndarray, top: np.ndarray) -> tuple[np.ndarray, ...]:
    new_a, new_b, new_c = np.empty_like(a), np.empty_like(b), np.empty_like(c)
    for i in range(c.shape[0]):
        for j in range(c.shape[1]):
            new_a[i, j] = a[i, j - 1] if j else left[i]
            new_b[i, j] = b[i - 1, j] if i else top[j]
            new_c[i, j] = c[i, j] + new_a[i, j] * new_b[i, j]
    return new_a, new_b, new_c


def systolic_step__in_place_on_copies(a: np.ndarray, b: np.ndarray, c: np.ndarray, left: np.ndarray, top: np.ndarray) -> tuple[np.ndarray, ...]:
    a, b, c = a.copy(), b.copy(), c.copy()
    a[:, 1:], a[:, 0] = a[:, :-1].copy(), left
    b[1:], b[0] = b[:-1].copy(), top
    c += a * b
    return a, b, c


def systolic_step__rolled(a: np.ndarray, b: np.ndarray, c: np.ndarray, left: np.ndarray, top: np.ndarray) -> list[np.ndarray]:
    a, b = np.roll(a, 1, axis=1), np.roll(b, 1, axis=0)
    a[:, 0], b[0, :] = left, top
    return [a, b, np.add(c, np.multiply(a, b))]


def systolic_trace__closed_form(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Element (i, j) adds a[i, l] · b[l, j] in cycle i + j + l."""
    (m, k), n = a.shape, b.shape[1]
    trace = np.zeros((m + n + k - 2, m, n), np.result_type(a, b))
    for i in range(m):
        for j in range(n):
            for step in range(k):
                trace[i + j + step :, i, j] += a[i, step] * b[step, j]
    return trace


def systolic_trace__cumulative(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    (m, k), n = a.shape, b.shape[1]
    t, i, j = np.indices((m + n + k - 2, m, n))
    step = t - i - j
    inside = (step >= 0) & (step < k)
    step = step.clip(0, k - 1)
    return np.where(inside, a[i, step] * b[step, j], 0).astype(np.result_type(a, b)).cumsum(axis=0)


def systolic_trace__one_loop_over_time(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    (m, k), n = a.shape, b.shape[1]
    cycles = m + n + k - 2
    held_a, held_b, sums = np.zeros((m, n)), np.zeros((m, n)), np.zeros((m, n))
    trace = np.empty((cycles, m, n))
    for t in range(cycles):
        held_a = np.roll(held_a, 1, axis=1)
        held_b = np.roll(held_b, 1, axis=0)
        held_a[:, 0] = [a[i, t - i] if 0 <= t - i < k else 0 for i in range(m)]
        held_b[0] = [b[t - j, j] if 0 <= t - j < k else 0 for j in range(n)]
        sums += held_a * held_b
        trace[t] = sums
    return trace


def systolic_cycles__tile_by_tile(m: int, k: int, n: int, p: int, pipelined: bool) -> int:
    cycles = 0
    for _ in range(0, m, p):
        for _ in range(0, n, p):
            cycles += k if pipelined and cycles else 2 * p + k - 2
    return cycles


def systolic_cycles__ceil(m: int, k: int, n: int, p: int, pipelined: bool) -> int:
    tiles = math.ceil(m / p) * math.ceil(n / p)
    one = p + p + k - 2
    return one + (tiles - 1) * k if pipelined else tiles * one


def systolic_cycles__padded_sizes(m: int, k: int, n: int, p: int, pipelined: bool) -> np.int64:
    rows, columns = (np.int64(size + (-size) % p) for size in (m, n))
    tiles = rows * columns // p**2
    return tiles * k + (1 if pipelined else tiles) * 2 * (p - 1)


def systolic_matmul__pads(a: np.ndarray, b: np.ndarray, p: int) -> tuple[np.ndarray, list[int]]:
    (m, k), n = a.shape, b.shape[1]
    padded_a, padded_b = np.pad(a, ((0, -m % p), (0, 0))), np.pad(b, ((0, 0), (0, -n % p)))
    real_a, real_b = np.pad(np.ones((m, k)), ((0, -m % p), (0, 0))), np.pad(np.ones((k, n)), ((0, 0), (0, -n % p)))
    product = np.zeros((len(padded_a), padded_b.shape[1]), np.result_type(a, b))
    adding = []
    for top in range(0, len(padded_a), p):
        for left in range(0, padded_b.shape[1], p):
            rows, columns = slice(top, top + p), slice(left, left + p)
            product[rows, columns] = systolic_trace__closed_form(padded_a[rows], padded_b[:, columns])[-1]
            done = systolic_trace__closed_form(real_a[rows], real_b[:, columns]).sum(axis=(1, 2))
            adding += np.diff(done, prepend=0).astype(int).tolist()
    return product[:m, :n], adding


def systolic_matmul__counts_cycles(a: np.ndarray, b: np.ndarray, p: int) -> tuple[np.ndarray, list[int]]:
    (m, k), n = a.shape, b.shape[1]
    adding = []
    for top in range(0, m, p):
        for left in range(0, n, p):
            tile = [0] * (2 * p + k - 2)
            for i in range(min(p, m - top)):
                for j in range(min(p, n - left)):
                    for step in range(k):
                        tile[i + j + step] += 1
            adding.extend(tile)
    return np.einsum("mk,kn->mn", a, b), adding


def systolic_matmul__numpy_counts(a: np.ndarray, b: np.ndarray, p: int) -> list[object]:
    (m, k), n = a.shape, b.shape[1]
    counts = []
    for rows in np.split(np.arange(m), range(p, m, p)):
        for columns in np.split(np.arange(n), range(p, n, p)):
            pulse = np.convolve(np.convolve(np.ones(len(rows), int), np.ones(len(columns), int)), np.ones(k, int))
            counts += list(np.pad(pulse, (0, 2 * p + k - 2 - len(pulse))))
    return [a @ b, counts]


def utilisation__fractions(batch: int, m: int, k: int, n: int, p: int) -> float:
    tiles = math.ceil(Fraction(m, p)) * math.ceil(Fraction(n, p)) * batch
    return float(Fraction(batch * m * n * k, (tiles * k + 2 * (p - 1)) * p**2))


def utilisation__share_of_tiles_and_of_time(batch: int, m: int, k: int, n: int, p: int) -> float:
    down, right = (m + p - 1) // p, (n + p - 1) // p
    full = (m / (down * p)) * (n / (right * p))
    fed = batch * down * right * k
    return full * fed / (fed + 2 * p - 2)


def utilisation__numpy(batch: int, m: int, k: int, n: int, p: int) -> np.float64:
    tiles = batch * np.ceil(np.array([m, n]) / p).prod()
    return np.float64(batch * m * k * n) / p**2 / (tiles * k + 2 * p - 2)
