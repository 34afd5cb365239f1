"""Right answers in other styles: regularization."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from numpy import ndarray


def weight_decay_step__gradient_of_the_penalty(w: ndarray, g: ndarray, lr: float, weight_decay: float, decay_mask: ndarray) -> ndarray:
    return w - lr * (g + weight_decay * w * decay_mask)


def weight_decay_step__in_place_on_a_copy(w: ndarray, g: ndarray, lr: float, weight_decay: float, decay_mask: ndarray) -> ndarray:
    new = w.astype(np.result_type(w, np.float32))
    new[decay_mask] *= 1 - lr * weight_decay
    new -= lr * g
    return new


def weight_decay_step__loops(w: ndarray, g: ndarray, lr: float, weight_decay: float, decay_mask: ndarray) -> ndarray:
    new = np.zeros(w.shape)
    for i in np.ndindex(*w.shape):
        slope = float(g[i])
        if decay_mask[i]:
            slope += weight_decay * float(w[i])
        new[i] = w[i] - lr * slope
    return new


def momentum_decay_step__in_place(w: ndarray, v: ndarray, g: ndarray, lr: float, beta: float, weight_decay: float, decoupled: bool) -> Any:
    w, v = w * 1.0, v * 1.0
    v *= beta
    v += g
    if decoupled:
        w *= 1 - lr * weight_decay
    else:
        v += weight_decay * w
    w -= lr * v
    return w, v


def momentum_decay_step__one_formula(w: ndarray, v: ndarray, g: ndarray, lr: float, beta: float, weight_decay: float, decoupled: bool) -> Any:
    inside, outside = (0.0, weight_decay) if decoupled else (weight_decay, 0.0)
    velocity = beta * v + (g + inside * w)
    return w - lr * (velocity + outside * w), velocity


def momentum_decay_step__loops(w: ndarray, v: ndarray, g: ndarray, lr: float, beta: float, weight_decay: float, decoupled: bool) -> Any:
    new_w, new_v = np.empty(w.shape), np.empty(w.shape)
    for i in np.ndindex(*w.shape):
        new_v[i] = beta * v[i] + g[i] + (0 if decoupled else weight_decay * w[i])
        new_w[i] = w[i] - lr * new_v[i] - (lr * weight_decay * w[i] if decoupled else 0)
    return [new_w, new_v]


def project_l2__norm(w: ndarray, theta: float) -> ndarray:
    norm, radius = np.linalg.norm(w.ravel()), math.sqrt(theta)
    return w.astype(float) if norm <= radius else w / norm * radius


def project_l2__min(w: ndarray, theta: float) -> ndarray:
    squares = float(np.vdot(w.astype(float), w.astype(float)))
    return w * min(1.0, math.sqrt(theta / squares)) if squares else w * 1.0


def project_l2__loops(w: ndarray, theta: float) -> ndarray:
    total = math.fsum(float(v) ** 2 for v in w.ravel())
    factor = (theta / total) ** 0.5 if total > theta else 1.0
    return np.array([float(v) * factor for v in w.ravel()]).reshape(w.shape)


def project_l2__bisection(w: ndarray, theta: float) -> ndarray:
    low, high = 0.0, 1.0
    if (w.astype(float) ** 2).sum() <= theta:
        return w * 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if ((middle * w.astype(float)) ** 2).sum() <= theta else (low, middle)
    return w * low


def dropout__product(x: ndarray, p: float, training: bool, draws: ndarray) -> Any:
    if not training or p == 0:
        return x, np.full(x.shape, True)
    if p == 1:
        return np.zeros_like(x), np.full(x.shape, False)
    mask = ~(draws < p)
    return mask * x / (1 - p), mask


def dropout__loops(x: ndarray, p: float, training: bool, draws: ndarray) -> Any:
    y, mask = np.zeros(x.shape), np.zeros(x.shape, dtype=bool)
    for i in np.ndindex(*x.shape):
        if not training:
            y[i], mask[i] = x[i], True
        elif draws[i] >= p:
            y[i], mask[i] = x[i] / (1 - p), True
    return y, mask


def dropout__assigns(x: ndarray, p: float, training: bool, draws: ndarray) -> Any:
    mask = np.logical_or(draws >= p, not training)
    y = x.astype(float)
    y[~mask] = 0.0
    if training:
        y[mask] /= 1 - p
    return y, mask


class DropoutLayer__binomial:
    def __init__(self, p: float, rng: np.random.Generator) -> None:
        self.p, self.rng = p, rng
        self.mask: Any = None

    def forward(self, x: ndarray, training: bool) -> ndarray:
        self.mask = self.rng.binomial(1, 1 - self.p, size=x.shape) if training else None
        return x if self.mask is None else x * self.mask / (1 - self.p)

    def backward(self, upstream: ndarray) -> ndarray:
        return upstream if self.mask is None else upstream * self.mask / (1 - self.p)


class DropoutLayer__choice:
    def __init__(self, p: float, rng: np.random.Generator) -> None:
        self.options, self.chances, self.rng = [0.0, 1 / (1 - p)], [p, 1 - p], rng

    def forward(self, x: ndarray, training: bool) -> ndarray:
        self.factor = self.rng.choice(self.options, size=x.shape, p=self.chances) if training else np.ones(x.shape)
        return self.factor * x

    def backward(self, upstream: ndarray) -> ndarray:
        return self.factor * upstream


class DropoutLayer__indices:
    def __init__(self, p: float, rng: np.random.Generator) -> None:
        self.p, self.rng = p, rng

    def forward(self, x: ndarray, training: bool) -> ndarray:
        self.training = training
        y = x.copy()
        if training:
            self.dropped = np.nonzero(self.rng.uniform(size=x.shape) < self.p)
            y /= 1 - self.p
            y[self.dropped] = 0
        return y

    def backward(self, upstream: ndarray) -> ndarray:
        gradient = upstream.copy()
        if self.training:
            gradient /= 1 - self.p
            gradient[self.dropped] = 0
        return gradient


class DropoutLayer__loops:
    def __init__(self, p: float, rng: np.random.Generator) -> None:
        self.p, self.rng = p, rng

    def forward(self, x: ndarray, training: bool) -> ndarray:
        self.kept = [[not training or self.rng.random() >= self.p for _ in row] for row in x]
        self.factor = 1 / (1 - self.p) if training else 1.0
        return self.through(x)

    def through(self, x: ndarray) -> ndarray:
        return np.array(
            [[v * self.factor if keep else 0.0 for v, keep in zip(row, kept, strict=True)] for row, kept in zip(x, self.kept, strict=True)]
        )

    def backward(self, upstream: ndarray) -> ndarray:
        return self.through(upstream)


def expected_dropout_loss__loops(x: ndarray, y: ndarray, w: ndarray, p: float) -> float:
    total = 0.0
    for row, target in zip(x, y, strict=True):
        variance = sum((a * b) ** 2 for a, b in zip(row, w, strict=True)) * p / (1 - p)
        total += (float(target) - float(row @ w)) ** 2 + float(variance)
    return total / len(y)


def expected_dropout_loss__moments(x: ndarray, y: ndarray, w: ndarray, p: float) -> Any:
    terms = x * w
    mean_square = (terms**2).sum(1) / (1 - p) + terms.sum(1) ** 2 - (terms**2).sum(1)
    return (mean_square - 2 * y * terms.sum(1) + y**2).mean()


def expected_dropout_loss__all_masks(x: ndarray, y: ndarray, w: ndarray, p: float) -> float:
    total = 0.0
    for mask in itertools.product([0, 1], repeat=x.shape[1]):
        chance = p ** (len(mask) - sum(mask)) * (1 - p) ** sum(mask)
        total += chance * float(np.mean((y - x @ (np.array(mask) * w) / (1 - p)) ** 2))
    return total


def expected_dropout_loss__einsum(x: ndarray, y: ndarray, w: ndarray, p: float) -> float:
    noise = np.einsum("ij,ij,j,j->", x, x, w, w) * p / (1 - p) / len(x)
    return float(np.square(y - np.einsum("ij,j->i", x, w)).mean() + noise)
