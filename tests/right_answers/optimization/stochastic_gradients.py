"""Right answers in other styles: gradient descent on a quadratic, and stochastic gradients."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from numpy import ndarray


def quadratic_iterates__preallocated(hessian: ndarray, b: ndarray, x0: ndarray, lr: float, steps: int) -> ndarray:
    path = np.zeros((steps + 1, len(x0)))
    path[0] = x0
    for t in range(steps):
        path[t + 1] = path[t] - lr * (path[t] @ hessian - b)
    return path


def quadratic_iterates__eigenvectors(hessian: ndarray, b: ndarray, x0: ndarray, lr: float, steps: int) -> ndarray:
    minimum = np.linalg.solve(hessian, b)
    values, vectors = np.linalg.eigh(hessian)
    start = vectors.T @ (x0 - minimum)
    factors = (1 - lr * values) ** np.arange(steps + 1)[:, None]
    return minimum + (factors * start) @ vectors.T


def quadratic_iterates__in_place(hessian: ndarray, b: ndarray, x0: ndarray, lr: float, steps: int) -> ndarray:
    x = x0.copy()
    path = [x.copy()]
    for _ in range(steps):
        x -= lr * (np.einsum("ij,j->i", hessian, x) - b)
        path += [x.copy()]
    return np.stack(path)


def quadratic_iterates__recursion(hessian: ndarray, b: ndarray, x0: ndarray, lr: float, steps: int) -> ndarray:
    if steps == 0:
        return x0[None].copy()
    before = quadratic_iterates__recursion(hessian, b, x0, lr, steps - 1)
    step_matrix = np.eye(len(x0), dtype=hessian.dtype) - lr * hessian
    return np.vstack([before, step_matrix @ before[-1] + lr * b])


def contraction_rate__spectral_norm(hessian: ndarray, lr: float) -> Any:
    return np.linalg.norm(np.eye(len(hessian)) - lr * hessian, 2)


def contraction_rate__extremes(hessian: ndarray, lr: float) -> Any:
    values = np.linalg.eigvals(hessian).real
    return max(abs(1 - lr * values.min()), abs(1 - lr * values.max()))


def contraction_rate__singular_values(hessian: ndarray, lr: float) -> Any:
    return np.linalg.svd(np.eye(len(hessian)) - lr * hessian)[1][0]


def steps_needed__counting(hessian: ndarray, shrink: float) -> int:
    values = np.linalg.eigvalsh(hessian)
    lr = 2 / (values[0] + values[-1])
    rate, distance, steps = abs(1 - lr * values[0]), 1.0, 0
    while distance > shrink:
        distance *= rate
        steps += 1
    return steps


def steps_needed__condition(hessian: ndarray, shrink: float) -> int:
    condition = np.linalg.cond(hessian)
    rate = (condition - 1) / (condition + 1)
    if rate <= 1e-6:
        return 1
    return int(np.ceil(np.log(shrink) / np.log(rate)))


def steps_needed__whole_float(hessian: ndarray, shrink: float) -> Any:
    values = np.linalg.eigvalsh(hessian)
    rate = 1 - values[0] * 2 / (values[0] + values[-1])
    return np.ceil(np.log(shrink) / np.log(rate)) if rate > 1e-6 else 1.0


def steps_needed__powers(hessian: ndarray, shrink: float) -> Any:
    values = np.linalg.svd(hessian, compute_uv=False).astype(float)
    rate = (values.max() - values.min()) / (values.max() + values.min())
    return np.argmax(rate ** np.arange(10_000) <= shrink)


def sgd_gradient_bias__loops(gradients: ndarray, p: ndarray) -> tuple[ndarray, float]:
    n, dim = gradients.shape
    expected, full = [0.0] * dim, [0.0] * dim
    for i in range(n):
        for k in range(dim):
            expected[k] += float(p[i]) * float(gradients[i, k])
            full[k] += float(gradients[i, k]) / n
    variance = sum(float(p[i]) * sum((float(gradients[i, k]) - expected[k]) ** 2 for k in range(dim)) for i in range(n))
    return np.array(expected) - np.array(full), variance


def sgd_gradient_bias__second_moment(gradients: ndarray, p: ndarray) -> tuple[ndarray, Any]:
    g = gradients.astype(np.float64)
    expected = np.average(g, axis=0, weights=p)
    return expected - g.mean(0), p @ (g**2).sum(1) - expected @ expected


def sgd_gradient_bias__einsum(gradients: ndarray, p: ndarray) -> tuple[ndarray, Any]:
    bias = np.einsum("i,id->d", p - 1 / len(p), gradients)
    centred = gradients - (p[:, None] * gradients).sum(0)
    return bias, np.einsum("i,id,id->", p, centred, centred)


def sgd_gradient_bias__covariance(gradients: ndarray, p: ndarray) -> tuple[ndarray, Any]:
    covariance = np.cov(gradients.T, aweights=p, ddof=0).reshape(gradients.shape[1], -1)
    return (p @ gradients) - np.mean(gradients, 0), np.trace(covariance)


def after_one_step__loops(grad: Any, n: int, x: ndarray, lr: float) -> tuple[ndarray, ndarray]:
    expected, mean = np.zeros_like(x), np.zeros_like(x)
    for i in range(n):
        moved = x - lr * grad(i, x)
        mean += moved / n
        for j in range(n):
            expected += grad(j, moved) / (n * n)
    at_mean = np.zeros_like(x)
    for j in range(n):
        at_mean += grad(j, mean) / n
    return expected, at_mean


def after_one_step__full_gradient(grad: Any, n: int, x: ndarray, lr: float) -> tuple[ndarray, ndarray]:
    def full(z: ndarray) -> ndarray:
        return np.mean([grad(i, z) for i in range(n)], axis=0)

    return np.mean([full(x - lr * grad(i, x)) for i in range(n)], axis=0), full(x - lr * full(x))


def after_one_step__products(grad: Any, n: int, x: ndarray, lr: float) -> tuple[ndarray, ndarray]:
    points = np.stack([x - lr * grad(i, x) for i in range(n)])
    used = np.stack([grad(j, points[i]) for i, j in itertools.product(range(n), repeat=2)])
    return used.mean(0), np.stack([grad(j, points.mean(axis=0)) for j in range(n)]).mean(0)


def minibatch_grad__loops(X: ndarray, y: ndarray, w: ndarray, batch: ndarray) -> ndarray:
    total = np.zeros(len(w))
    for i in batch:
        s = 1 / (1 + math.exp(-float(X[i] @ w)))
        total += (s - int(y[i])) * X[i]
    return total / len(batch)


def minibatch_grad__tanh(X: ndarray, y: ndarray, w: ndarray, batch: ndarray) -> ndarray:
    rows = np.take(X, batch, axis=0)
    residual = 0.5 + 0.5 * np.tanh(0.5 * np.einsum("bd,d->b", rows, w)) - np.take(y, batch)
    return np.mean(residual[:, None] * rows, axis=0)


def minibatch_grad__counts(X: ndarray, y: ndarray, w: ndarray, batch: ndarray) -> ndarray:
    counts = np.bincount(batch, minlength=len(X))
    e = np.exp(X @ w)
    return (counts * (e / (1 + e) - y)) @ X / counts.sum()


def minibatch_variance__numpys_variance(gradients: ndarray, b: int, replace: bool) -> Any:
    n = len(gradients)
    if replace:
        return gradients.var(axis=0).sum() / b
    return gradients.var(axis=0, ddof=1).sum() / b * (1 - b / n)


def minibatch_variance__pairs(gradients: ndarray, b: int, replace: bool) -> float:
    """From the variance of one row and the covariance of two different ones, -variance / (n - 1)."""
    n = len(gradients)
    of_one = float(np.trace(np.cov(gradients.T, ddof=0).reshape(gradients.shape[1], -1)))
    covariance = 0.0 if replace else -of_one / (n - 1)
    return (b * of_one + b * (b - 1) * covariance) / b**2


def minibatch_variance__distances(gradients: ndarray, b: int, replace: bool) -> Any:
    n = len(gradients)
    g = gradients.astype(float)
    of_one = ((g[:, None] - g) ** 2).sum() / (2 * n * n)
    return of_one / b if replace else (of_one / b) * (n - b) / (n - 1)


def minibatch_variance__all_batches(gradients: ndarray, b: int, replace: bool) -> float:
    if replace:
        return float(((gradients - gradients.mean(0)) ** 2).sum() / len(gradients) / b)
    means = [gradients[list(rows)].mean(0) for rows in itertools.combinations(range(len(gradients)), b)]
    return float(np.mean([((mean - gradients.mean(0)) ** 2).sum() for mean in means]))
