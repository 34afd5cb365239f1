"""Right answers in other styles: chapter 1, matrices."""

from __future__ import annotations

import functools
import itertools
import math

import numpy as np
from numpy import ndarray


def matvec__loops(A: ndarray, b: ndarray) -> ndarray:
    rows, cols = A.shape
    c = np.zeros(rows)
    for i in range(rows):
        for j in range(cols):
            c[i] += A[i, j] * b[j]
    return c


def matvec__columns(A: ndarray, b: ndarray) -> ndarray:
    c = np.zeros_like(A, shape=A.shape[0])
    for weight, column in zip(b, A.T, strict=True):
        c += weight * column
    return c


def matvec__python_sums(A: ndarray, b: ndarray) -> ndarray:
    return np.array([sum(x * y for x, y in zip(row, b.tolist(), strict=True)) for row in A.tolist()], dtype=float)


def matvec__columns_with_sum(A: ndarray, b: ndarray) -> ndarray:
    return sum((b[j] * A[:, j] for j in range(len(b))), np.zeros(len(A), dtype=A.dtype))


def matvec__nested_comprehension(A: ndarray, b: ndarray) -> ndarray:
    return np.array([sum(A[i, j] * b[j] for j in range(len(b))) for i in range(len(A))])


def matvec__fsum(A: ndarray, b: ndarray) -> ndarray:
    return np.array([math.fsum(np.multiply(A[i], b)) for i in range(A.shape[0])])


def matvec__in_place(A: ndarray, b: ndarray) -> ndarray:
    products = A.copy()
    products *= b
    return np.add.reduce(products, axis=-1)


def matvec__broadcast_column(A: ndarray, b: ndarray) -> ndarray:
    return np.sum(A.T * b.reshape(-1, 1), axis=0)


def matmul__loops(A: ndarray, B: ndarray) -> ndarray:
    C = np.zeros((A.shape[0], B.shape[1]))
    for i in range(A.shape[0]):
        for k in range(B.shape[1]):
            for j in range(A.shape[1]):
                C[i, k] += A[i, j] * B[j, k]
    return C


def matmul__outer_products(A: ndarray, B: ndarray) -> ndarray:
    C = np.zeros((len(A), B.shape[1]), dtype=A.dtype)
    for j in range(len(B)):
        C += np.outer(A[:, j], B[j])
    return C


def matmul__column_by_column(A: ndarray, B: ndarray) -> ndarray:
    C = np.empty((A.shape[0], B.shape[1]), dtype=np.result_type(A, B))
    for k in range(B.shape[1]):
        C[:, k] = matvec__loops(A, B[:, k])
    return C


def matmul__rows(A: ndarray, B: ndarray) -> ndarray:
    C = np.zeros(A.shape[:1] + B.shape[1:])
    for i, row in enumerate(A):
        C[i] = (row[:, np.newaxis] * B).sum(0)
    return C


def matmul__as_strided(A: ndarray, B: ndarray) -> ndarray:
    (n, m), k = A.shape, B.shape[1]
    strided = np.lib.stride_tricks.as_strided
    a = strided(A, (n, k, m), (A.strides[0], 0, A.strides[1]))
    b = strided(B, (n, k, m), (0, B.strides[1], B.strides[0]))
    return (a * b).sum(-1)


def matmul__lists(A: ndarray, B: ndarray) -> ndarray:
    columns = B.T.tolist()
    return np.array([[sum(map(lambda x, y: x * y, row, column)) for column in columns] for row in A.tolist()], dtype=float).reshape(
        len(A), len(columns)
    )


def chain_multiplications__simulated(sizes: list[int]) -> tuple[int, int]:
    def reduced(shapes: list[tuple[int, int]], from_left: bool) -> int:
        count = 0
        while len(shapes) > 1:
            at = 0 if from_left else len(shapes) - 2
            (n, m), (_, k) = shapes[at : at + 2]
            count += n * m * k
            shapes = [*shapes[:at], (n, k), *shapes[at + 2 :]]
        return count

    shapes = list(itertools.pairwise(sizes))
    return reduced(shapes, True), reduced(shapes, False)


def chain_multiplications__mirrored(sizes: list[int]) -> tuple[int, int]:
    def left(s: list[int]) -> int:
        return s[0] * sum(s[i] * s[i + 1] for i in range(1, len(s) - 1))

    return left(sizes), left(sizes[::-1])


def chain_multiplications__recursion(sizes: list[int]) -> list[int]:
    def left(s: tuple[int, ...]) -> int:
        return 0 if len(s) < 3 else left(s[:-1]) + s[0] * s[-2] * s[-1]

    def right(s: tuple[int, ...]) -> int:
        return 0 if len(s) < 3 else right(s[1:]) + s[0] * s[1] * s[-1]

    return [left(tuple(sizes)), right(tuple(sizes))]


def chain_multiplications__numpy(sizes: list[int]) -> tuple[np.int64, np.int64]:
    s = np.array(sizes)
    return (s[0] * s[1:-1] * s[2:]).sum(), (s[:-2] * s[1:-1] * s[-1]).sum()


def matmul_in_blocks__block_at_a_time(A: ndarray, B: ndarray, size: int) -> ndarray:
    C = np.empty((A.shape[0], B.shape[1]))
    for i in range(0, A.shape[0], size):
        for k in range(0, B.shape[1], size):
            pieces = [A[i : i + size, j : j + size] @ B[j : j + size, k : k + size] for j in range(0, A.shape[1], size)]
            C[i : i + size, k : k + size] = functools.reduce(np.add, pieces)
    return C


def matmul_in_blocks__inner_first_with_dot(A: ndarray, B: ndarray, size: int) -> ndarray:
    C = np.zeros((A.shape[0], B.shape[1]))
    for j in range(math.ceil(A.shape[1] / size)):
        inner = slice(j * size, (j + 1) * size)
        for i in range(-(-A.shape[0] // size)):
            for k in range(-(-B.shape[1] // size)):
                rows, columns = slice(i * size, min((i + 1) * size, len(A))), slice(k * size, (k + 1) * size)
                C[rows, columns] += np.dot(A[rows, inner], B[inner, columns])
    return C


def matmul_in_blocks__np_block(A: ndarray, B: ndarray, size: int) -> ndarray:
    def cut(X: ndarray) -> list[list[ndarray]]:
        return [[X[i : i + size, j : j + size] for j in range(0, X.shape[1], size)] for i in range(0, X.shape[0], size)]

    a, b = cut(A), cut(B)
    return np.block([[sum(a[i][j].dot(b[j][k]) for j in range(len(b))) for k in range(len(b[0]))] for i in range(len(a))])


def matmul_in_blocks__padded(A: ndarray, B: ndarray, size: int) -> ndarray:
    (n, m), k = A.shape, B.shape[1]
    up = [(-x) % size for x in (n, m, k)]
    a, b = np.pad(A, ((0, up[0]), (0, up[1]))), np.pad(B, ((0, up[1]), (0, up[2])))
    a = a.reshape(a.shape[0] // size, size, -1, size).transpose(0, 2, 1, 3)
    b = b.reshape(b.shape[0] // size, size, -1, size).transpose(0, 2, 1, 3)
    product = (a[:, :, None] @ b[None]).sum(axis=1)
    return product.transpose(0, 2, 1, 3).reshape(n + up[0], k + up[2])[:n, :k]


def fro_norm__loops(A: ndarray) -> float:
    total = 0.0
    for row in A.tolist():
        for x in row:
            total += x * x
    return math.sqrt(total)


def fro_norm__trace(A: ndarray) -> float:
    return np.sqrt(np.trace(A.T @ A))


def fro_norm__dot(A: ndarray) -> float:
    flat = A.reshape(-1).astype(float)
    return (flat @ flat) ** 0.5


def fro_norm__hypot(A: ndarray) -> float:
    return math.hypot(*A.ravel().tolist())


def fro_norm__singular_values(A: ndarray) -> float:
    return float(np.sqrt((np.linalg.svd(A, compute_uv=False) ** 2).sum()))


def induced_2_norm__gram(A: ndarray, v: ndarray, iters: int) -> float:
    gram = A.T @ A
    for _ in range(iters):
        v = gram @ v
        size = np.sqrt(v @ v)
        if size > 0:
            v = v / size
    return np.sqrt(v @ gram @ v)


def induced_2_norm__eigenvalue(A: ndarray, v: ndarray, iters: int) -> float:
    largest = 0.0
    v = v / np.linalg.norm(v)
    for _ in range(iters):
        w = A.T.dot(A.dot(v))
        largest = float(np.linalg.norm(w))
        if largest == 0:
            break
        v = w / largest
    return math.sqrt(largest)


def induced_2_norm__scaled_by_maximum(A: ndarray, v: ndarray, iters: int) -> float:
    if not A.any():
        return 0.0
    for _ in range(iters):
        v = np.einsum("ij,ik,k->j", A, A, v)
        v = v / np.abs(v).max()
    return float(np.linalg.norm(A @ v) / np.linalg.norm(v))


def induced_2_norm__both_sides(A: ndarray, v: ndarray, iters: int) -> float:
    sigma = 0.0
    for _ in range(iters):
        u = np.matmul(A, v / math.sqrt(sum(x * x for x in v)))
        sigma = math.sqrt(sum(x * x for x in u))
        if sigma == 0:
            return 0
        v = np.matmul(A.T, u / sigma)
    return sigma


def induced_2_norm__double_precision(A: ndarray, v: ndarray, iters: int) -> float:
    A, v = A.astype(np.float64), v.astype(np.float64)
    for _ in range(iters):
        v = A.T @ A @ v
        v = np.divide(v, np.linalg.norm(v) or 1.0)
    return np.linalg.norm(A @ v)
