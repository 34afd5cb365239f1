"""Right answers in other styles: optimization problems."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy import ndarray


def feasible__loops(points: ndarray, equalities: Any, inequalities: Any, tol: float) -> ndarray:
    result = np.ones(len(points), dtype=bool)
    for i in range(len(points)):
        for h in equalities:
            if h(points[i]) > tol or h(points[i]) < -tol:
                result[i] = False
        for g in inequalities:
            if g(points[i]) > tol:
                result[i] = False
    return result


def feasible__worst_violation(points: ndarray, equalities: Any, inequalities: Any, tol: float) -> ndarray:
    def worst(x: ndarray) -> float:
        return max([0.0, *(abs(h(x)) for h in equalities), *(g(x) for g in inequalities)])

    return np.array(list(map(worst, points))) <= tol


def feasible__isclose(points: ndarray, equalities: Any, inequalities: Any, tol: float) -> ndarray:
    fine = np.full(points.shape[0], True)
    for h in equalities:
        fine &= np.isclose([h(x) for x in points], 0, rtol=0, atol=tol)
    for g in inequalities:
        fine = np.logical_and(fine, np.apply_along_axis(g, 1, points) <= tol)
    return fine


def lagrangian__dot(x: ndarray, f: Any, equalities: Any, inequalities: Any, lam: ndarray, mu: ndarray) -> Any:
    return f(x) + np.dot(lam, [h(x) for h in equalities]) + np.dot(mu, [g(x) for g in inequalities])


def lagrangian__loops(x: ndarray, f: Any, equalities: Any, inequalities: Any, lam: ndarray, mu: ndarray) -> Any:
    total = f(x)
    for j in range(len(equalities)):
        total += lam[j] * equalities[j](x)
    for i in range(len(inequalities)):
        total += mu[i] * inequalities[i](x)
    return total


def lagrangian__one_list(x: ndarray, f: Any, equalities: Any, inequalities: Any, lam: ndarray, mu: ndarray) -> Any:
    constraints = np.array([c(x) for c in [*equalities, *inequalities]])
    return np.float64(f(x)) + (np.concatenate([lam, mu]) * constraints).sum()


def classify_stationary__extremes(hessian: ndarray, tol: float) -> str:
    values = np.linalg.eigh(hessian)[0]
    low, high = values[0], values[-1]
    if low < -tol and high > tol:
        return "saddle"
    if low > tol:
        return "minimum"
    if high < -tol:
        return "maximum"
    return "undecided"


def classify_stationary__general_eigenvalues(hessian: ndarray, tol: float) -> str:
    values = np.linalg.eigvals(hessian).real
    signs = {0 if abs(v) <= tol else int(np.sign(v)) for v in values}
    return "saddle" if {1, -1} <= signs else {1: "minimum", -1: "maximum"}.get(next(iter(signs)), "undecided") if len(signs) == 1 else "undecided"


def classify_stationary__counting(hessian: ndarray, tol: float) -> str:
    values = np.linalg.eigvalsh(np.asarray(hessian, dtype=float))
    up, down, n = int(np.sum(values > tol)), int(np.sum(values < -tol)), len(values)
    if up == n:
        return "minimum"
    if down == n:
        return "maximum"
    return "saddle" if up * down else "undecided"


def basins__one_start_at_a_time(grad: Any, starts: ndarray, lr: float, steps: int, tol: float = 1e-3) -> tuple[ndarray, ndarray]:
    ends: list[ndarray] = []
    labels = np.empty(len(starts), dtype=np.int32)
    for i, start in enumerate(starts):
        x = start[None].copy()
        for _ in range(steps):
            x -= lr * grad(x)
        for k, end in enumerate(ends):
            if np.sqrt(((x[0] - end) ** 2).sum()) <= tol:
                labels[i] = k
                break
        else:
            labels[i] = len(ends)
            ends.append(x[0])
    return np.stack(ends), labels


def basins__distances(grad: Any, starts: ndarray, lr: float, steps: int, tol: float = 1e-3) -> tuple[ndarray, ndarray]:
    x = np.array(starts)
    for _ in range(steps):
        x -= lr * grad(x)
    distances = np.linalg.norm(x[:, None] - x, axis=-1)
    first = (distances <= tol).argmax(axis=1)
    kept, labels = np.unique(first, return_inverse=True)
    return x[kept], labels.reshape(-1)


def basins__largest_coordinate(grad: Any, starts: ndarray, lr: float, steps: int, tol: float = 1e-3) -> tuple[ndarray, ndarray]:
    x = 1.0 * starts
    while steps:
        x, steps = x - grad(x) * lr, steps - 1
    ends = x[:1]
    for point in x:
        if not (np.abs(ends - point).max(axis=1) <= tol).any():
            ends = np.vstack([ends, point])
    return ends, np.array([np.abs(ends - point).max(axis=1).argmin() for point in x])


def midpoint_counterexample__worst_pair(f: Any, points: ndarray, tol: float) -> Any:
    def excess(x: ndarray, y: ndarray) -> float:
        return f(0.5 * x + 0.5 * y) - 0.5 * f(x) - 0.5 * f(y)

    x, y = max(((x, y) for x in points for y in points), key=lambda pair: excess(*pair))
    return (x, y) if excess(x, y) > tol else None


def midpoint_counterexample__combinations(f: Any, points: ndarray, tol: float) -> Any:
    from itertools import combinations

    for x, y in combinations(points, 2):
        if 2 * f(x / 2 + y / 2) - f(x) - f(y) > 2 * tol:
            return [x.copy(), y.copy()]
    return None


def midpoint_counterexample__tables(f: Any, points: ndarray, tol: float) -> Any:
    values = np.apply_along_axis(f, 1, points)
    middles = np.apply_along_axis(f, 2, (points[:, None] + points) / 2)
    found = np.argwhere(middles - (values[:, None] + values) / 2 > tol)
    return (points[found[-1][0]], points[found[-1][1]]) if len(found) else None


def exponential_minimum__bisection(a: float, b: float, c: float) -> float | None:
    def slope(x: float) -> float:
        return a * math.exp(x) - b * math.exp(-x) + c

    low, high = -50.0, 50.0
    if slope(low) >= 0 or slope(high) <= 0:
        return None
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return low


def exponential_minimum__roots(a: float, b: float, c: float) -> Any:
    roots = np.roots([a, c, -b])
    positive = [u for u in roots.real if u > 1e-12]
    return np.log(positive[0]) if positive else None


def exponential_minimum__parabola(a: float, b: float, c: float) -> float | None:
    if a > 0 and b > 0:  # with u = e^x the slope is 0 where a u² + c u - b = 0
        root = math.sqrt(c * c + 4 * a * b)
        return math.log(2 * b / (c + root)) if c > 0 else math.log((root - c) / (2 * a))
    ratio = b / c if a == 0 and c != 0 else -c / a if a > 0 else 0.0
    return math.log(ratio) if ratio > 0 else None


def exponential_minimum__newton(a: float, b: float, c: float) -> float | None:
    if (a == 0.0 and c <= 0) or (b == 0.0 and c >= 0):
        return None
    x = 0.0
    for _ in range(500):
        step = (a * math.exp(x) - b * math.exp(-x) + c) / (a * math.exp(x) + b * math.exp(-x))
        x -= max(-1.0, min(1.0, step))
    return x


def exponential_minimum__search(a: float, b: float, c: float) -> Any:
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(lambda x: a * np.exp(x) + b * np.exp(-x) + c * x, bounds=(-30, 30), method="bounded", options={"xatol": 1e-10})
    return found.x if abs(found.x) < 20 else None


def project_ball__if_else(x: ndarray, centre: ndarray, radius: float) -> ndarray:
    d = x - centre
    length = math.sqrt(float((d * d).sum()))
    if length <= radius:
        return x.astype(np.result_type(x, np.float32)) if x.dtype.kind == "f" else x.astype(float)
    return centre + radius * d / length


def project_ball__maximum(x: ndarray, centre: ndarray, radius: float) -> ndarray:
    d = np.subtract(x, centre)
    return np.add(centre, d / max(1.0, float(np.linalg.norm(d)) / radius))


def project_ball__loops(x: ndarray, centre: ndarray, radius: float) -> ndarray:
    length = math.dist(x.tolist(), centre.tolist())
    share = radius / length if length > radius else 1.0
    return np.array([c + share * (a - c) for a, c in zip(x.tolist(), centre.tolist(), strict=True)])


def project_simplex__bisection(x: ndarray) -> ndarray:
    low, high = float(x.min()) - 1.0, float(x.max())
    for _ in range(100):
        t = (low + high) / 2
        low, high = (t, high) if np.maximum(x - t, 0).sum() > 1 else (low, t)
    return np.maximum(x - high, 0)


def project_simplex__drops_negatives(x: ndarray) -> ndarray:
    alive = np.ones(len(x), dtype=bool)
    while True:
        t = (x[alive].sum() - 1) / alive.sum()
        if (x[alive] >= t).all():
            return np.where(alive, x - t, 0.0)
        alive &= x > t


def project_simplex__every_count(x: ndarray) -> ndarray:
    """Of the candidates for t, one for each number of positive coordinates, the right one is the largest."""
    down = sorted(x.tolist(), reverse=True)
    t = max((sum(down[:k]) - 1) / k for k in range(1, len(down) + 1))
    return np.array([max(value - t, 0.0) for value in x.tolist()])
