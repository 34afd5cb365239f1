"""Right answers in other styles: gradient descent."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np
from numpy import ndarray

Gradient = Callable[[ndarray], ndarray]


def gd__written_into(gradient: Gradient, x0: ndarray, lr: float, steps: int) -> ndarray:
    trace = np.empty((steps + 1, x0.size))
    trace[0] = x0
    for t in range(1, steps + 1):
        trace[t] = trace[t - 1] - lr * gradient(trace[t - 1])
    return trace


def gd__copies(gradient: Gradient, x0: ndarray, lr: float, steps: int) -> ndarray:
    x = x0.copy()
    rows = [x.copy()]
    while len(rows) <= steps:
        x -= lr * gradient(x)
        rows.append(x.copy())
    return np.array(rows)


def gd__recursive(gradient: Gradient, x0: ndarray, lr: float, steps: int) -> ndarray:
    if steps == 0:
        return x0[None].copy()
    return np.vstack([x0, gd__recursive(gradient, x0 - lr * gradient(x0), lr, steps - 1)])


def gd__running_sum(gradient: Gradient, x0: ndarray, lr: float, steps: int) -> ndarray:
    moves, x = [x0.astype(float)], x0.astype(float)
    for _ in range(steps):
        moves.append(-lr * np.asarray(gradient(x)))
        x = x + moves[-1]
    return np.cumsum(moves, axis=0)


def wrong_steps__differences(X: ndarray, y: ndarray, trace: ndarray, lr: float) -> list[int]:
    def loss(w: ndarray) -> float:
        return float(np.mean((y - X @ w) ** 2) / 2)

    found = []
    for t, (before, after) in enumerate(itertools.pairwise(trace), start=1):
        g = [(loss(before + 1e-5 * e) - loss(before - 1e-5 * e)) / 2e-5 for e in np.eye(len(before))]
        if np.abs((before - after) / lr - g).max() > 0.01 * np.abs(g).max():
            found.append(t)
    return found


def wrong_steps__all_at_once(X: ndarray, y: ndarray, trace: ndarray, lr: float) -> list[int]:
    errors = trace[:-1] @ X.T - y
    expected = trace[:-1] - lr * errors @ X / len(y)
    return (1 + np.flatnonzero(~np.isclose(expected, trace[1:]).all(axis=1))).tolist()


def wrong_steps__strict(X: ndarray, y: ndarray, trace: ndarray, lr: float) -> list[int]:
    right = {t for t in range(1, len(trace)) if np.allclose((trace[t - 1] - trace[t]) / lr, ((X @ trace[t - 1] - y)[:, None] * X).mean(0), rtol=1e-9)}
    return sorted(set(range(1, len(trace))) - right)


def wrong_steps__loops(X: ndarray, y: ndarray, trace: ndarray, lr: float) -> list[int]:
    wrong = []
    for t in range(len(trace) - 1):
        g = np.zeros(X.shape[1])
        for x, label in zip(X, y, strict=True):
            g += (x @ trace[t] - label) * x / len(X)
        if np.linalg.norm(trace[t + 1] - (trace[t] - lr * g)) > 0.02 * np.linalg.norm(lr * g):
            wrong += [t + 1]
    return wrong


def max_stable_lr__eig(H: ndarray) -> float:
    return 2.0 / max(np.linalg.eig(H)[0])


def max_stable_lr__norm(H: ndarray) -> float:
    return 2 / np.linalg.norm(H, 2)


def max_stable_lr__singular_values(H: ndarray) -> float:
    return 2 / np.linalg.svd(H, compute_uv=False)[0]


def max_stable_lr__power_iteration(H: ndarray) -> float:
    v = np.linalg.matrix_power(H.astype(float) / np.linalg.norm(H), 400) @ np.arange(1.0, 1 + len(H))
    for _ in range(400):
        v = H @ v
        v /= np.sqrt(v @ v)
    return float(2 / (v @ H @ v))


def max_stable_lr__bisection(H: ndarray) -> float:
    """The rate at which the matrix of one step gets the spectral radius 1."""
    low, high = 0.0, 4 / float(np.diag(H).max())
    for _ in range(200):
        middle = (low + high) / 2
        if np.abs(np.linalg.eigvalsh(np.eye(len(H)) - middle * H)).max() < 1:
            low = middle
        else:
            high = middle
    return low


def predict_descent__factors(H: ndarray, lrs: list[float]) -> list[str]:
    words = []
    for lr in lrs:
        factors = 1 - lr * np.linalg.eigvalsh(H)
        words.append("diverges" if np.abs(factors).max() > 1 else "swings" if (factors < 0).any() else "slides")
    return words


def predict_descent__tried_out(H: ndarray, lrs: list[float]) -> list[str]:
    directions = np.linalg.eigh(H)[1]
    words = []
    for lr in lrs:
        w = directions.sum(axis=1)
        sides = directions.T @ (w - lr * H @ w)
        for _ in range(300):
            w = w - lr * H @ w
        words.append("diverges" if w @ w > len(w) else "swings" if sides.min() < 0 else "slides")
    return words


def predict_descent__digitize(H: ndarray, lrs: list[float]) -> list[str]:
    top = np.linalg.norm(H, 2)
    return [["slides", "swings", "diverges"][k] for k in np.digitize(lrs, [1 / top, 2 / top])]


def minibatches__generator(n: int, b: int, rng: np.random.Generator) -> Iterator[ndarray]:
    order = np.arange(n)
    rng.shuffle(order)
    for start in range(0, n, b):
        yield order[start : min(start + b, n)]


def minibatches__lists(n: int, b: int, rng: np.random.Generator) -> list[list[int]]:
    left = list(range(n))
    batches = []
    while left:
        batch = []
        while left and len(batch) < b:
            batch.append(left.pop(int(rng.integers(len(left)))))
        batches.append(batch)
    return batches


def minibatches__split(n: int, b: int, rng: np.random.Generator) -> list[ndarray]:
    return np.split(rng.permutation(n), np.arange(b, n, b))


def minibatches__sorted_keys(n: int, b: int, rng: np.random.Generator) -> Iterator[ndarray]:
    order = np.argsort(rng.random(n))
    yield from (order[k * b : (k + 1) * b] for k in range(-(-n // b)))


def minibatches__without_replacement(n: int, b: int, rng: np.random.Generator) -> tuple[ndarray, ...]:
    order = rng.choice(n, size=n, replace=False)
    return tuple(order[i : i + b] for i in range(0, n, b))


def sgd_epoch__in_place_on_a_copy(X: ndarray, y: ndarray, w: ndarray, lr: float, batches: list[ndarray]) -> ndarray:
    w = w.copy()
    for batch in batches:
        error = X[batch] @ w - y[batch]
        w -= lr * (error[:, None] * X[batch]).mean(axis=0)
    return w


def sgd_epoch__loops(X: ndarray, y: ndarray, w: ndarray, lr: float, batches: list[ndarray]) -> ndarray:
    w = np.array(w, dtype=float)
    for batch in batches:
        g = np.zeros_like(w)
        for i in batch:
            g += X[i] * (float(X[i] @ w) - y[i])
        w = w - lr / len(batch) * g
    return w


def sgd_epoch__one_hot(X: ndarray, y: ndarray, w: ndarray, lr: float, batches: list[ndarray]) -> ndarray:
    for batch in batches:
        counts = np.bincount(batch, minlength=len(y)).astype(X.dtype)
        w = w + lr * ((y - X @ w) * counts) @ X / counts.sum()
    return w


def sgd_epoch__recursive(X: ndarray, y: ndarray, w: ndarray, lr: float, batches: list[ndarray]) -> ndarray:
    if not batches:
        return w
    Xb, yb = np.take(X, batches[0], axis=0), np.take(y, batches[0])
    return sgd_epoch__recursive(X, y, w - lr * np.einsum("ni,n->i", Xb, np.dot(Xb, w) - yb) / Xb.shape[0], lr, batches[1:])
