"""Right answers in other styles: the perceptron."""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy import ndarray
from scipy.optimize import LinearConstraint, linprog, milp


def perceptron_fit__one_more_column(X: ndarray, y: ndarray, max_epochs: int) -> tuple[ndarray, float, int]:
    if set(np.unique(y)) - {-1, 1}:
        raise ValueError(f"labels {np.unique(y)}")
    rows = np.hstack([X, np.ones((len(X), 1))]) * y[:, None]
    weights = np.zeros(rows.shape[1])
    updates = 0
    for _ in range(max_epochs):
        clean = True
        for row in rows:
            if row @ weights <= 0:
                weights += row
                updates += 1
                clean = False
        if clean:
            break
    return weights[:-1], float(weights[-1]), updates


def perceptron_fit__lists(X: ndarray, y: ndarray, max_epochs: int) -> tuple[ndarray, float, int]:
    if any(label not in (-1, 1) for label in y.tolist()):
        raise ValueError("labels")
    w, b, updates = [0.0] * X.shape[1], 0.0, 0
    for _ in range(max_epochs):
        moved = False
        for x, label in zip(X.tolist(), y.tolist(), strict=True):
            score = sum(p * q for p, q in zip(w, x, strict=True)) + b
            if not label * score > 0:
                w = [p + label * q for p, q in zip(w, x, strict=True)]
                b, updates, moved = b + label, updates + 1, True
        if not moved:
            return np.array(w), b, updates
    return np.array(w), b, updates


def perceptron_fit__counts_of_samples(X: ndarray, y: ndarray, max_epochs: int) -> tuple[ndarray, float, int]:
    """How often each sample was added says everything."""
    if (np.abs(y) != 1).any():
        raise ValueError
    X = X.astype(float)
    kernel = X @ X.T + 1
    times = np.zeros(len(X), dtype=int)
    epoch, stable = 0, False
    while epoch < max_epochs and not stable:
        stable = True
        for i in range(len(X)):
            if y[i] * (kernel[i] @ (times * y)) <= 0:
                times[i] += 1
                stable = False
        epoch += 1
    return (times * y) @ X, np.sum(times * y) * 1.0, int(times.sum())


def perceptron_fit__signs(X: ndarray, y: ndarray, max_epochs: int) -> tuple[ndarray, float, int]:
    if not all(v == 1 or v == -1 for v in y):
        raise ValueError("?")
    w, b = np.zeros(X.shape[1], dtype=np.float64), np.float64(0)
    n_updates = 0
    for _ in range(max_epochs):
        errors = 0
        for k in range(X.shape[0]):
            if np.sign(np.dot(w, X[k]) + b) != y[k]:
                w += y[k] * X[k]
                b += y[k]
                errors += 1
        n_updates += errors
        if errors == 0:
            break
    return w, b, n_updates


def epoch_by_reading__table(X: ndarray, t: ndarray, w: ndarray, b: float, reading: str) -> tuple[ndarray, float, int]:
    w, changes = np.array(w, dtype=float), 0
    rule = {
        "signs": lambda s, t: (2 * t - 1) * ((2 * t - 1) * s <= 0),
        "outputs": lambda s, t: t - (s > 0),
        "zeros": lambda s, t: t * (t * s <= 0),
        "mixed": lambda s, t: 2 * t - 1 - (s > 0),
    }[reading]
    for k in range(len(X)):
        c = rule(X[k] @ w + b, int(t[k]))
        w += c * X[k]
        b += c
        if c:
            changes += 1
    return w, b, changes


def epoch_by_reading__one_more_column(X: ndarray, t: ndarray, w: ndarray, b: float, reading: str) -> tuple[ndarray, float, int]:
    rows, weights, changes = np.c_[X, np.ones(len(X))], np.r_[w, b], 0
    for row, label in zip(rows, t, strict=True):
        s = (row * weights).sum()
        y = 1 if label == 1 else -1
        output = 1 if s > 0 else 0
        used = y if reading in ("signs", "mixed") else label
        step = used - output if reading in ("outputs", "mixed") else used * (used * s <= 0)
        weights = weights + step * row
        changes += int(step != 0)
    return weights[:-1], weights[-1], changes


def epoch_by_reading__cases(X: ndarray, t: ndarray, w: ndarray, b: float, reading: str) -> tuple[ndarray, float, int]:
    """By class and side: what each reading does to a sample."""
    w = w.astype(np.float64)
    count = 0
    for x, label in zip(X, t, strict=True):
        s = float(np.dot(x, w)) + b
        if label == 1:
            c = 1 if s <= 0 else 0
        elif reading == "signs":
            c = -1 if s >= 0 else 0
        elif reading == "outputs":
            c = -1 if s > 0 else 0
        elif reading == "zeros":
            c = 0
        else:
            c = -2 if s > 0 else -1
        w, b, count = w + c * x, b + float(c), count + (c != 0)
    return w, b, count


def perceptron_bound__loops(X: ndarray, y: ndarray, w: ndarray, b: float) -> float:
    length = math.sqrt(sum(float(v) ** 2 for v in w) + b * b)
    rho = min(int(label) * (sum(float(p) * float(q) for p, q in zip(w, x, strict=True)) + b) / length for x, label in zip(X, y, strict=False))
    r = max(math.sqrt(sum(float(v) ** 2 for v in x)) for x in X)
    if rho <= 0:
        return float("inf")
    return (r**2 + 1) / rho**2


def perceptron_bound__one_more_column(X: ndarray, y: ndarray, w: ndarray, b: float) -> float:
    rows = np.hstack([X, np.ones((X.shape[0], 1))])
    weights = np.append(w, b) / np.linalg.norm(np.append(w, b))
    margins = rows @ weights * y
    if (margins <= 0).any():
        return np.inf
    return np.linalg.norm(rows, axis=1).max() ** 2 / margins.min() ** 2


def perceptron_bound__without_roots(X: ndarray, y: ndarray, w: ndarray, b: float) -> float:
    scores = (X.astype(float) @ w + b) * y
    if scores.min() <= 0:
        return math.inf
    return (max(x.astype(float) @ x for x in X) + 1) * (w.astype(float) @ w + b**2) / scores.min() ** 2


def best_linear_accuracy__all_labelings(X: ndarray, y: ndarray) -> float:
    best = 0.0
    for signs in itertools.product([-1, 1], repeat=len(X)):
        agree = float(np.mean(np.array(signs) == y))
        if agree > best and _linear(X, np.array(signs)):
            best = agree
    return best


def best_linear_accuracy__integer_program(X: ndarray, y: ndarray) -> float:
    n, d = X.shape
    large = 1e4
    rows = np.hstack([y[:, None] * np.hstack([X, np.ones((n, 1))]), large * np.eye(n)])
    found = milp(
        np.r_[np.zeros(d + 1), np.ones(n)],
        constraints=LinearConstraint(rows, lb=1),
        integrality=np.r_[np.zeros(d + 1), np.ones(n)],
        bounds=_bounds(d, n),
    )
    return 1 - round(found.fun) / n


def _bounds(d: int, n: int):  # type: ignore[no-untyped-def]
    from scipy.optimize import Bounds

    return Bounds(np.r_[np.full(d + 1, -np.inf), np.zeros(n)], np.r_[np.full(d + 1, np.inf), np.ones(n)])


def best_linear_accuracy__leaves_samples_out(X: ndarray, y: ndarray) -> float:
    n = len(y)
    for size in range(n, 0, -1):
        if any(_linear(X[list(kept)], y[list(kept)]) for kept in itertools.combinations(range(n), size)):
            return size / n
    return 0


def _linear(X: ndarray, y: ndarray) -> bool:
    """The widest gap t, with weights between -1 and 1."""
    n, d = X.shape
    rows = np.hstack([-y[:, None] * X, -y[:, None], np.ones((n, 1))])
    found = linprog(np.r_[np.zeros(d + 1), -1], A_ub=rows, b_ub=np.zeros(n), bounds=[(-1, 1)] * d + [(None, None), (None, 100)])
    return -found.fun > 1e-7


def xor_mlp__differences(margin: float) -> tuple[ndarray, ndarray, ndarray, float]:
    return np.array([[1, -1], [-1, 1]]), np.zeros(2), np.array([2 * margin, 2 * margin]), -margin


def xor_mlp__three_units(margin: float) -> tuple[ndarray, ndarray, ndarray, float]:
    W1 = np.array([[1, 0, 1], [0, 1, 1]])
    return W1, np.array([0, 0, -1]), margin * np.array([2, 2, -4]), -margin


def xor_mlp__one_and_none(margin: float) -> tuple[ndarray, ndarray, ndarray, float]:
    """One unit finds (1, 1), another finds (0, 0); elsewhere the score is the bias."""
    return np.array([[1.0, -1.0], [1.0, -1.0]]), np.array([-1.0, 1.0]), np.full(2, -2 * margin), margin


def xor_mlp__scaled_first_layer(margin: float) -> tuple[ndarray, ndarray, ndarray, float]:
    return np.full((2, 2), margin), np.array([0, -margin]), np.array([2.0, -4.0]), -margin


def count_dichotomies__recursion(points: ndarray) -> int:
    n = len(points)

    def count(signs: list[int]) -> int:
        if signs and not _linear(points[: len(signs)], np.array(signs)):
            return 0
        return 1 if len(signs) == n else count([*signs, 1]) + count([*signs, -1])

    return count([])


def count_dichotomies__bits(points: ndarray) -> int:
    n, found = points.shape[0], 0
    for number in range(2 ** (n - 1)):
        signs = np.array([1 if number >> k & 1 else -1 for k in range(n)])
        rows = np.c_[points, np.ones(n)] * signs[:, None]
        found += 2 * linprog(np.zeros(rows.shape[1]), A_ub=-rows, b_ub=[-1] * n, bounds=[(None, None)] * rows.shape[1]).success
    return found


def count_dichotomies__apart_from_radon(points: ndarray) -> int:
    """A labeling can be produced if the convex hulls of the two classes do not meet."""
    n = len(points)
    total = 0
    for signs in itertools.product([False, True], repeat=n):
        up = np.array(signs)
        if up.all() or not up.any():
            total += 1
            continue
        equal = np.vstack([np.where(up, 1.0, -1.0) * points.T, up * 1.0, ~up * 1.0])
        target = np.r_[np.zeros(points.shape[1]), 1, 1]
        total += linprog(np.zeros(n), A_eq=equal, b_eq=target).status == 2
    return int(total)


def spoil_shattering__beyond(points: ndarray) -> ndarray:
    return points[0] + 3 * (points[1] - points[0])


def spoil_shattering__weights(points: ndarray) -> ndarray:
    weights = np.arange(1, len(points) + 1.0)
    return np.average(points, axis=0, weights=weights)


def spoil_shattering__far_away(points: ndarray) -> ndarray:
    return np.array([1000 * a - 999 * b for a, b in zip(points[0].tolist(), points[-1].tolist(), strict=True)])


def spoil_shattering__midpoint(points: ndarray) -> ndarray:
    return (points[0] + points[1]) / 2
