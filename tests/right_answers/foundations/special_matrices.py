"""Right answers in other styles: chapter 1, special matrices."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from numpy import ndarray


def sym_skew__half_first(A: ndarray) -> tuple[ndarray, ndarray]:
    n, m = A.shape
    if n != m:
        raise ValueError("A must be square")
    half = 0.5 * A
    return half + half.transpose(), half - half.transpose()


def sym_skew__loops(A: ndarray) -> tuple[ndarray, ndarray]:
    if len(set(A.shape)) > 1:
        raise ValueError
    S, K = np.zeros(A.shape), np.zeros(A.shape)
    for i, j in np.ndindex(A.shape):
        S[i, j] = (A[i, j] + A[j, i]) / 2
        K[i, j] = (A[i, j] - A[j, i]) / 2
    return S, K


def sym_skew__rest(A: ndarray) -> tuple[ndarray, ndarray]:
    np.zeros(A.shape[0]).reshape(A.shape[1])  # reshape raises a ValueError of its own
    S = np.mean([A, np.swapaxes(A, 0, 1)], axis=0)
    return S, A - S


def sym_skew__einsum(A: ndarray) -> list[ndarray]:
    if A.shape[0] != A.shape[1]:
        raise ValueError("not square")
    T = np.einsum("ij->ji", A)
    return [np.divide(np.add(A, T), 2), np.divide(np.subtract(A, T), 2)]


def definiteness__counts(A: ndarray) -> str:
    values = np.linalg.eigvals(0.5 * (A + A.T)).real
    small = 1e-9 * max(abs(values))
    plus, minus = sum(values > small), sum(values < -small)
    if plus == len(values):
        return "PD"
    if minus == len(values):
        return "ND"
    return "indefinite" if plus and minus else "PSD" if plus else "NSD"


def definiteness__scaled(A: ndarray) -> str:
    values = np.linalg.eigh(A + A.T)[0]
    values = np.round(values / np.abs(values).max(), 8)
    low, high = values[0], values[-1]
    if low > 0:
        return "PD"
    if high < 0:
        return "ND"
    if low == 0:
        return "PSD"
    return "NSD" if high == 0 else "indefinite"


def definiteness__signs(A: ndarray) -> str:
    S = (A + A.T) / 2
    values = np.linalg.eigvalsh(S)
    scale = np.linalg.norm(S, 2)
    signs = {0 if abs(x) <= 1e-9 * scale else int(np.sign(x)) for x in values.tolist()}
    names = {(1,): "PD", (-1,): "ND", (0, 1): "PSD", (-1, 0): "NSD"}
    return names.get(tuple(sorted(signs)), "indefinite")


def definiteness__all_principal_minors(A: ndarray) -> str:
    S = (A + A.T) / 2
    S = S / np.abs(np.linalg.eigvalsh(S)).max()

    def kind(M: ndarray) -> tuple[bool, bool]:
        n = len(M)
        subsets = [c for k in range(1, n + 1) for c in itertools.combinations(range(n), k)]
        minors = [np.linalg.det(M[np.ix_(c, c)]) for c in subsets]
        leading = [np.linalg.det(M[:k, :k]) for k in range(1, n + 1)]
        return all(m > 1e-8 for m in leading), all(m > -1e-8 for m in minors)

    for name, M in [("P", S), ("N", -S)]:
        definite, semidefinite = kind(M)
        if definite or semidefinite:
            return name + ("D" if definite else "SD")
    return "indefinite"


def counterexample__first_column(A: ndarray) -> ndarray:
    return np.linalg.eigh(A + A.T)[1][:, 0]


def counterexample__other_sign(A: ndarray) -> ndarray:
    values, vectors = np.linalg.eig((A + A.T) / 2)
    return -vectors.real[:, int(np.argmin(values.real))]


def counterexample__singular_vectors(A: ndarray) -> ndarray:
    S = (A + A.T) / 2
    shift = np.abs(S).sum()
    U = np.linalg.svd(shift * np.eye(len(S)) - S)[0]  # the largest singular value belongs to the smallest eigenvalue
    return U[:, 0]


def counterexample__descent(A: ndarray) -> ndarray:
    S = (A.astype(float) + A.T) / 2
    M = np.abs(S).sum(axis=1).max() * np.eye(len(S)) - S
    for _ in range(60):
        M = M @ M
        M = M / np.abs(M).max()
    x = M[:, np.linalg.norm(M, axis=0).argmax()]
    return x / np.linalg.norm(x)


def is_orthogonal_matrix__loops(U: ndarray) -> bool:
    if U.shape[0] != U.shape[1]:
        return False
    for i in range(len(U)):
        for k in range(len(U)):
            if abs(sum(U[i, j] * U[k, j] for j in range(len(U))) - (i == k)) > 1e-5:
                return False
    return True


def is_orthogonal_matrix__columns(U: ndarray) -> Any:
    if U.shape[0] != U.shape[1]:
        return False
    return np.allclose(np.dot(U.T, U), np.identity(U.shape[1]), atol=1e-5)


def is_orthogonal_matrix__both_sides(U: ndarray) -> Any:
    n, m = U.shape
    errors = [np.abs(U @ U.T - np.eye(n)).max(), np.abs(U.T @ U - np.eye(m)).max()]
    return max(errors) < 1e-5


def is_orthogonal_matrix__singular_values(U: ndarray) -> bool:
    return len(U) == len(U.T) and bool(np.abs(np.linalg.svd(U, compute_uv=False) - 1).max() < 1e-5)


def is_orthogonal_matrix__pairs(U: ndarray) -> bool:
    square = U.shape[0] == U.shape[1]
    lengths = np.linalg.norm(U, axis=1)
    right_angles = all(abs(a @ b) < 1e-5 for a, b in itertools.combinations(U, 2))
    return square and bool(np.allclose(lengths, 1, atol=1e-5)) and right_angles


def two_readings__loops(U: ndarray) -> tuple[ndarray, ndarray, list[str]]:
    n, m = U.shape
    single, double = np.zeros((n, n)), np.zeros((n, n))
    for i in range(n):
        for k in range(n):
            for j in range(m):
                single[i, k] += U[i, j] * U[k, j]
                for l in range(m):  # noqa: E741
                    double[i, k] += U[i, j] * U[k, l]
    holds = []
    if np.abs(single - np.eye(n)).max() < 1e-5:
        holds.append("single")
    if np.abs(double - np.eye(n)).max() < 1e-5:
        holds.append("double")
    return single, double, holds


def two_readings__einsum(U: ndarray) -> tuple[ndarray, ndarray, list[str]]:
    single, double = np.einsum("ij,kj->ik", U, U), np.einsum("ij,kl->ik", U, U)
    names = np.array(["single", "double"])
    hold = [np.allclose(x, np.eye(U.shape[0]), atol=1e-5) for x in (single, double)]
    return single, double, names[hold].tolist()


def two_readings__ones(U: ndarray) -> list[Any]:
    m = U.shape[1]
    single, double = np.inner(U, U), U @ np.ones((m, m), dtype=U.dtype) @ U.T
    target = np.identity(len(U))
    pairs = zip(("single", "double"), (single, double), strict=True)
    return [single, double, [name for name, x in pairs if np.all(abs(x - target) <= 1e-5)]]


def perm_matrix__loop(pi: ndarray) -> ndarray:
    P = np.zeros((pi.size, pi.size))
    for i in range(pi.size):
        P[i, pi[i]] = 1.0
    return P


def perm_matrix__rows_of_identity(pi: ndarray) -> ndarray:
    return np.eye(len(pi))[pi]


def perm_matrix__compared(pi: ndarray) -> ndarray:
    return (pi[:, None] == np.arange(pi.shape[0])).astype(float)


def perm_matrix__lists(pi: ndarray) -> ndarray:
    return np.array([[1.0 if j == target else 0.0 for j in range(len(pi))] for target in pi.tolist()])


def power_iteration__ratio(A: ndarray, v0: ndarray, iters: int) -> tuple[float, ndarray]:
    v = v0 / np.linalg.norm(v0)
    lam = 0.0
    for _ in range(iters):
        w = A @ v
        k = np.abs(v).argmax()
        lam = w[k] / v[k]
        v = w / np.sqrt(np.sum(w**2))
    return lam, v


def power_iteration__sign_by_comparison(A: ndarray, v0: ndarray, iters: int) -> tuple[float, ndarray]:
    v = np.array(v0, dtype=float)
    for _ in range(iters):
        w = np.dot(A, v)
        v = w / math.sqrt(w.dot(w))
    w = A.dot(v)
    sign = 1 if w @ v > 0 else -1
    return sign * float(np.linalg.norm(w)), -v


def power_iteration__maximum_then_length(A: ndarray, v0: ndarray, iters: int) -> list[Any]:
    v = v0.reshape(-1, 1)
    for _ in range(iters):
        v = A @ v
        v = v / np.max(np.abs(v))
    v = (v / np.linalg.norm(v)).ravel()
    return [(v @ (A @ v)) / (v @ v), v]


def power_iteration__recursion(A: ndarray, v0: ndarray, iters: int) -> tuple[float, ndarray]:
    if iters == 0:
        unit = v0 / np.linalg.norm(v0)
        return float(np.inner(unit, A @ unit)), unit
    w = np.einsum("ij,j->i", A, v0)
    return power_iteration__recursion(A, w / np.linalg.norm(w), iters - 1)


def deflate__unit(A: ndarray, lam: float, v: ndarray) -> ndarray:
    u = v / np.linalg.norm(v)
    return A - lam * u[:, None] * u[None, :]


def deflate__projection(A: ndarray, lam: float, v: ndarray) -> ndarray:
    u = v / np.sqrt((v * v).sum())
    P = np.eye(len(v)) - np.outer(u, u)
    return P @ A @ P


def deflate__loops(A: ndarray, lam: float, v: ndarray) -> ndarray:
    B = A.copy()
    square = sum(x * x for x in v)
    for i, j in np.ndindex(A.shape):
        B[i, j] -= lam * v[i] * v[j] / square
    return B


def deflate__uses_a(A: ndarray, lam: float, v: ndarray) -> ndarray:
    return A - np.outer(A @ v, v) / np.dot(v, v)
