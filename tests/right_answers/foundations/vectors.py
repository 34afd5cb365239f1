"""Right answers in other styles: vectors."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
from numpy import ndarray


def abs_piecewise__if_else(a: float) -> float:
    if a == 0:
        return 0.0
    if a < 0:
        return -1.0 * a
    return a * 1.0


def abs_piecewise__larger_of_two(a: float) -> float:
    return float(max(a, -a)) + 0.0


def abs_piecewise__sign(a: float) -> Any:
    return np.float64(np.sign(a) * a) if a != 0 and not np.isinf(a) else np.float64(a * a)


def abs_piecewise__numpy(a: float) -> Any:
    return np.where(a > 0, np.asarray(a, dtype=float), 0.0 - a)


def triangle_gap__where(a: ndarray, b: ndarray) -> ndarray:
    return np.where(a * b < 0, 2 * np.minimum(np.abs(a), np.abs(b)), 0).astype(a.dtype)


def triangle_gap__loops(a: ndarray, b: ndarray) -> ndarray:
    gap = np.empty(a.shape)
    for i in np.ndindex(a.shape):
        gap[i] = abs(a[i]) + abs(b[i]) - abs(a[i] + b[i])
    return gap


def triangle_gap__roots(a: ndarray, b: ndarray) -> ndarray:
    a, b = a.astype(float), b.astype(float)
    return np.sqrt(a**2) + np.sqrt(b**2) - np.sqrt((a + b) ** 2)


def l2_norm__loop(v: ndarray) -> float:
    scale = max(abs(float(x)) for x in v)
    if scale == 0:
        return 0.0
    total = 0.0
    for x in v:
        total += (float(x) / scale) ** 2
    return scale * math.sqrt(total)


def l2_norm__pairwise(v: ndarray) -> Any:
    return np.hypot.reduce(v.astype(float))


def l2_norm__exact_fractions(v: ndarray) -> float:
    total = sum(Fraction(float(x)) ** 2 for x in v)
    if not total:
        return 0.0
    scale = Fraction(max(abs(float(x)) for x in v))
    return float(scale) * float(total / scale**2) ** 0.5


def l2_norm__wide_floats(v: ndarray) -> float:
    scaled = np.asarray(v, dtype=float) / (np.max(np.abs(v)) or 1)
    return float(np.sqrt(scaled @ scaled) * np.max(np.abs(v)))


def l2_norm__power_of_two(v: ndarray) -> float:
    exponent = math.frexp(float(np.max(np.abs(v))))[1]
    return math.ldexp(math.sqrt(math.fsum(math.ldexp(float(x), -exponent) ** 2 for x in v)), exponent)


def dot__sum_of_products(a: ndarray, b: ndarray) -> Any:
    return np.sum(a * b)


def dot__loop(a: ndarray, b: ndarray) -> float:
    total = 0
    for k in range(len(a)):
        total += a[k] * b[k]
    return total


def dot__exact_sum(a: ndarray, b: ndarray) -> float:
    return math.fsum(float(x) * float(y) for x, y in zip(a, b, strict=True))


def dot__polarisation(a: ndarray, b: ndarray) -> float:
    a, b = a.astype(float), b.astype(float)
    return float((((a + b) ** 2).sum() - ((a - b) ** 2).sum()) / 4)


def is_orthogonal__cosine(a: ndarray, b: ndarray, tol: float = 1e-9) -> Any:
    lengths = math.hypot(*a) * math.hypot(*b)
    return lengths == 0 or abs(np.dot(a, b)) / lengths <= tol


def is_orthogonal__unit_vectors(a: ndarray, b: ndarray, tol: float = 1e-9) -> bool:
    if not a.any() or not b.any():
        return True
    u, w = a / np.sqrt(np.sum(a**2)), b / np.sqrt(np.sum(b**2))
    return -tol <= float(np.sum(u * w)) <= tol


def is_orthogonal__squares(a: ndarray, b: ndarray, tol: float = 1e-9) -> Any:
    return sum(x * y for x, y in zip(a, b, strict=True)) ** 2 <= tol**2 * sum(x * x for x in a) * sum(y * y for y in b)


def is_orthogonal__isclose(a: ndarray, b: ndarray, tol: float = 1e-9) -> Any:
    return np.isclose(a @ b, 0, rtol=0, atol=tol * np.linalg.norm(a) * np.linalg.norm(b))


def project__direction_first(a: ndarray, b: ndarray) -> ndarray:
    direction = b / np.linalg.norm(b)
    return direction * np.dot(a, direction)


def project__matrix(a: ndarray, b: ndarray) -> ndarray:
    return np.outer(b, b) @ a / np.sum(b * b)


def project__least_squares(a: ndarray, b: ndarray) -> ndarray:
    factor = np.linalg.lstsq(b[:, None].astype(float), a.astype(float), rcond=None)[0]
    return b * factor


def project__loop(a: ndarray, b: ndarray) -> ndarray:
    over = under = 0.0
    for x, y in zip(a.tolist(), b.tolist(), strict=True):
        over += x * y
        under += y * y
    return np.array([over / under * y for y in b.tolist()])


def most_similar__sorted_list(query: ndarray, vectors: ndarray, k: int) -> list[int]:
    def angle(row: int) -> float:
        v = vectors[row].astype(float)
        return math.acos(max(-1.0, min(1.0, float(v @ query) / math.hypot(*v) / math.hypot(*query))))

    return sorted(range(len(vectors)), key=angle)[:k]


def most_similar__unit_vectors(query: ndarray, vectors: ndarray, k: int) -> ndarray:
    unit = vectors / np.sqrt((vectors**2).sum(axis=1, keepdims=True))
    cosines = np.einsum("nd,d->n", unit, query / np.sqrt((query**2).sum()))
    return np.argsort(cosines)[::-1][:k]


def most_similar__distance_of_unit_vectors(query: ndarray, vectors: ndarray, k: int) -> ndarray:
    unit = vectors / np.linalg.norm(vectors, axis=1)[:, None]
    return np.argsort(np.linalg.norm(unit - query / np.linalg.norm(query), axis=1))[:k]


def most_similar__one_after_the_other(query: ndarray, vectors: ndarray, k: int) -> list[Any]:
    cosines = [np.dot(v, query) / np.linalg.norm(v) / np.linalg.norm(query) for v in vectors]
    found: list[Any] = []
    for _ in range(k):
        found.append(np.argmax(cosines))
        cosines[found[-1]] = -np.inf
    return found
