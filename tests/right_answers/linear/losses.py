"""Right answers in other styles: losses."""

from __future__ import annotations

import math

import numpy as np
from numpy import ndarray


def l2_loss__numpys(r: ndarray) -> tuple[ndarray, ndarray]:
    return np.multiply(0.5, np.square(r)), np.array(r)


def l2_loss__loops(r: ndarray) -> tuple[ndarray, ndarray]:
    losses, slopes = np.zeros(r.shape), np.zeros(r.shape)
    for i in np.ndindex(r.shape):
        losses[i] = 0.5 * r[i] * r[i]
        slopes[i] = r[i]
    return losses, slopes


def l2_loss__the_residuals_themselves(r: ndarray) -> tuple[ndarray, ndarray]:
    return r * r / 2, r


def l2_loss__list_of_both(r: ndarray) -> list[ndarray]:
    return [r**2 * 0.5, r.copy()]


def l1_loss__where(r: ndarray) -> tuple[ndarray, ndarray]:
    return np.where(r > 0, r, -r), np.where(r > 0, 1.0, np.where(r < 0, -1.0, 0.0))


def l1_loss__comparisons(r: ndarray) -> tuple[ndarray, ndarray]:
    slopes = (r > 0).astype(r.dtype) - (r < 0).astype(r.dtype)
    return r * slopes, slopes


def l1_loss__loops(r: ndarray) -> tuple[ndarray, ndarray]:
    losses, slopes = np.zeros(r.shape), np.zeros(r.shape)
    for i, x in np.ndenumerate(r):
        losses[i] = abs(x)
        slopes[i] = 0 if x == 0 else math.copysign(1, x)
    return losses, slopes


def l1_loss__masks(r: ndarray) -> tuple[ndarray, ndarray]:
    slopes = np.zeros_like(r)
    slopes[r > 0] = 1
    slopes[r < 0] = -1
    return np.sqrt(r * r), slopes


def l1_loss__safe_division(r: ndarray) -> tuple[ndarray, ndarray]:
    size = np.maximum(r, -r)
    return size, np.divide(r, size, out=np.zeros_like(r), where=size > 0)


def huber_loss__where(r: ndarray, delta: float) -> tuple[ndarray, ndarray]:
    inside = abs(r) <= delta
    return np.where(inside, 0.5 * r**2, delta * (abs(r) - 0.5 * delta)), np.where(inside, r, delta * np.sign(r))


def huber_loss__strictly_inside(r: ndarray, delta: float) -> tuple[ndarray, ndarray]:
    size = np.abs(r)
    losses = np.where(size < delta, r * r / 2, delta * size - delta**2 / 2)
    slopes = np.select([r > delta, r < -delta], [delta, -delta], r)
    return losses, slopes


def huber_loss__loops(r: ndarray, delta: float) -> tuple[ndarray, ndarray]:
    losses, slopes = np.zeros(r.shape), np.zeros(r.shape)
    for i, x in np.ndenumerate(r):
        if -delta <= x <= delta:
            losses[i], slopes[i] = x**2 / 2, x
        elif x > delta:
            losses[i], slopes[i] = delta * x - delta**2 / 2, delta
        else:
            losses[i], slopes[i] = -delta * x - delta**2 / 2, -delta
    return losses, slopes


def huber_loss__masks_on_a_copy(r: ndarray, delta: float) -> tuple[ndarray, ndarray]:
    r = r * 1.0
    losses, slopes = r * r / 2, r.copy()
    far = np.abs(r) > delta
    losses[far] = delta * (np.abs(r[far]) - delta / 2)
    slopes[far] = delta * np.sign(r[far])
    return losses, slopes


def huber_loss__parabola_less_the_rest(r: ndarray, delta: float) -> tuple[ndarray, ndarray]:
    beyond = np.maximum(np.abs(r) - delta, 0)
    return r**2 / 2 - beyond**2 / 2, r - np.sign(r) * beyond


def huber_loss__least_over_the_outlier(r: ndarray, delta: float) -> tuple[ndarray, ndarray]:
    """Huber's loss is the least sum of half a square and delta times what is left over."""
    inside = np.minimum(np.abs(r), delta)
    return inside**2 / 2 + delta * (np.abs(r) - inside), np.copysign(inside, r)


def huber_location__gradient_descent(y: ndarray, delta: float) -> float:
    c = y.mean()
    for _ in range(3000):
        c = c - np.clip(c - y, -delta, delta).mean()
    return c


def huber_location__reweighted_means(y: ndarray, delta: float) -> float:
    c = np.median(y)
    for _ in range(2000):
        weights = delta / np.maximum(abs(c - y), delta)
        c = (weights * y).sum() / weights.sum()
    return float(c)


def huber_location__winsorised_means(y: ndarray, delta: float) -> float:
    c, before = float(np.median(y)), math.inf
    while abs(c - before) > 1e-12:
        before, c = c, float(np.clip(y, c - delta, c + delta).mean())
    return c


def huber_location__exact(y: ndarray, delta: float) -> float:
    """Between neighbouring bends the slope of the sum is a line, whose zero is known."""
    bends = np.sort(np.concatenate([y - delta, y + delta]))
    slopes = [np.clip(c - y, -delta, delta).sum() for c in bends]
    k = next(k for k, slope in enumerate(slopes) if slope >= 0)
    if slopes[k] == 0:
        return bends[k]
    return bends[k - 1] - slopes[k - 1] * (bends[k] - bends[k - 1]) / (slopes[k] - slopes[k - 1])


def huber_location__ever_finer_grids(y: ndarray, delta: float) -> float:
    low, high = y.min(), y.max()
    for _ in range(12):
        grid = np.linspace(low, high, 21)
        r = np.abs(grid[:, None] - y)
        total = np.where(r <= delta, r**2 / 2, delta * (r - delta / 2)).sum(axis=1)
        best = int(total.argmin())
        low, high = grid[max(best - 1, 0)], grid[min(best + 1, 20)]
    return (low + high) / 2


def margin_loss__loops(scores: ndarray, y: ndarray, delta: float = 1.0) -> float:
    total = 0.0
    for i in range(len(scores)):
        for j in range(scores.shape[1]):
            if j != y[i]:
                total += max(0.0, scores[i, j] - scores[i, y[i]] + delta)
    return total / len(scores)


def margin_loss__true_class_subtracted(scores: ndarray, y: ndarray, delta: float = 1.0) -> float:
    true = np.take_along_axis(scores, y[:, None], axis=1)
    return (np.maximum(scores - true + delta, 0).sum() - len(scores) * delta) / len(scores)


def margin_loss__one_hot(scores: ndarray, y: ndarray, delta: float = 1.0) -> float:
    is_true = np.eye(scores.shape[1])[y]
    true = np.einsum("nk,nk->n", scores, is_true)
    return np.mean(np.sum((scores - true[:, None] + delta).clip(0) * (1 - is_true), axis=1))


def margin_loss__wrong_classes_deleted(scores: ndarray, y: ndarray, delta: float = 1.0) -> float:
    losses = [np.clip(np.delete(o, t) - o[t] + delta, 0, None).sum() for o, t in zip(scores, y, strict=True)]
    return float(np.mean(losses))


def margin_loss_grad__loops(scores: ndarray, y: ndarray, delta: float = 1.0) -> ndarray:
    n, k = scores.shape
    grad = np.zeros((n, k))
    for i in range(n):
        for j in range(k):
            if j != y[i] and scores[i, j] - scores[i, y[i]] + delta > 0:
                grad[i, j] += 1 / n
                grad[i, y[i]] -= 1 / n
    return grad


def margin_loss_grad__one_hot(scores: ndarray, y: ndarray, delta: float = 1.0) -> ndarray:
    is_true = np.eye(scores.shape[1])[y]
    true = (scores * is_true).sum(axis=1, keepdims=True)
    violated = (scores + delta > true) * (1 - is_true)
    return (violated - is_true * violated.sum(axis=1, keepdims=True)) / len(scores)


def margin_loss_grad__true_class_counted_and_cancelled(scores: ndarray, y: ndarray, delta: float = 1.0) -> ndarray:
    rows = np.arange(len(scores))
    violated = np.sign(np.maximum(0, scores - scores[rows, y, None] + delta))
    violated[rows, y] -= violated.sum(axis=1)
    return np.true_divide(violated, scores.shape[0])
