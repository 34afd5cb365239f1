"""Right answers in other styles: chapter 8, optimization."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy import ndarray


def momentum_step__in_place_on_copies(w: ndarray, v: ndarray, g: ndarray, lr: float, beta: float) -> tuple[ndarray, ndarray]:
    w, v = w * 1.0, v * 1.0
    v *= beta
    v += g
    w -= lr * v
    return w, v


def momentum_step__loops(w: ndarray, v: ndarray, g: ndarray, lr: float, beta: float) -> tuple[ndarray, ndarray]:
    new_w, new_v = np.zeros(w.shape), np.zeros(w.shape)
    for i in np.ndindex(*w.shape):
        new_v[i] = beta * v[i] + g[i]
        new_w[i] = w[i] - lr * new_v[i]
    return new_w, new_v


def momentum_step__not_contiguous(w: ndarray, v: ndarray, g: ndarray, lr: float, beta: float) -> tuple[ndarray, ndarray]:
    velocity = np.asfortranarray(np.add(g, np.multiply(v, beta)))
    return np.asfortranarray(w - velocity * lr), velocity


def ema_weights__loop(beta: float, t: int) -> ndarray:
    weights = np.empty(t)
    weight = 1 - beta
    for i in range(t - 1, -1, -1):
        weights[i] = weight
        weight *= beta
    return weights


def ema_weights__comprehension(beta: float, t: int) -> ndarray:
    return np.array([(1 - beta) * beta ** (t - i) for i in range(1, t + 1)])


def ema_weights__impulses(beta: float, t: int) -> ndarray:
    m = np.zeros(t)
    for impulse in np.eye(t):
        m = beta * m + (1 - beta) * impulse
    return m


def ema_weights__geometric(beta: float, t: int) -> ndarray:
    return np.flip(np.cumprod(np.r_[1 - beta, np.full(t - 1, beta)]))


def bias_corrected_mean__in_place(values: ndarray, beta: float) -> ndarray:
    m = np.zeros(values.shape[1:])
    result = np.zeros(values.shape)
    for i in range(len(values)):
        m *= beta
        m += (1 - beta) * values[i]
        result[i] = m / (1 - np.power(beta, i + 1))
    return result


def bias_corrected_mean__weights(values: ndarray, beta: float) -> ndarray:
    age = np.arange(len(values))[:, None] - np.arange(len(values))
    weights = np.where(age >= 0, float(beta) ** np.maximum(age, 0), 0.0)
    return np.einsum("ti,i...->t...", weights / weights.sum(1, keepdims=True), values)


def bias_corrected_mean__numpys_average(values: ndarray, beta: float) -> ndarray:
    return np.array([np.average(values[: t + 1], axis=0, weights=ema_weights__loop(beta, t + 1)) for t in range(values.shape[0])])


def bias_corrected_mean__running_weight(values: ndarray, beta: float) -> ndarray:
    total, weight, result = 0.0 * values[0], 0.0, []
    for value in values:
        total = total + (1 - beta) * (value - total)
        weight = weight + (1 - beta) * (1 - weight)
        result += [total / weight]
    return np.asarray(result)


def adam_step__shortcut(
    w: ndarray, g: ndarray, m: ndarray, v: ndarray, t: int, lr: float, betas: tuple[float, float], eps: float
) -> tuple[ndarray, ndarray, ndarray]:
    root = math.sqrt(1 - betas[1] ** t)
    m = m + (1 - betas[0]) * (g - m)
    v = v + (1 - betas[1]) * (g * g - v)
    return w - lr * root / (1 - betas[0] ** t) * m / (np.sqrt(v) + eps * root), m, v


def adam_step__loops(
    w: ndarray, g: ndarray, m: ndarray, v: ndarray, t: int, lr: float, betas: tuple[float, float], eps: float
) -> tuple[ndarray, ndarray, ndarray]:
    b1, b2 = betas
    new = np.zeros((3, *w.shape))
    for i in np.ndindex(*w.shape):
        first = b1 * float(m[i]) + (1 - b1) * float(g[i])
        second = b2 * float(v[i]) + (1 - b2) * float(g[i]) ** 2
        new[0][i] = w[i] - lr * (first / (1 - b1**t)) / (math.sqrt(second / (1 - b2**t)) + eps)
        new[1][i], new[2][i] = first, second
    return new[0], new[1], new[2]


def adam_step__in_place_on_copies(
    w: ndarray, g: ndarray, m: ndarray, v: ndarray, t: int, lr: float, betas: tuple[float, float], eps: float
) -> tuple[ndarray, ndarray, ndarray]:
    w, g, m, v = (np.array(x, dtype=np.promote_types(x.dtype, np.float32)) for x in (w, g, m, v))
    m *= betas[0]
    m += (1 - betas[0]) * g
    v *= betas[1]
    v += (1 - betas[1]) * np.square(g)
    w -= lr * (m / (1 - betas[0] ** t)) / (np.power(v / (1 - betas[1] ** t), 0.5) + eps)
    return w, m, v


class Adam__in_place:
    def __init__(self, params: list[ndarray], lr: float = 0.001, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8) -> None:
        self.params, self.lr, self.eps, self.steps = list(params), lr, eps, 0
        self.beta1, self.beta2 = betas
        self.moments = [(np.zeros_like(p), np.zeros_like(p)) for p in params]

    def step(self, grads: list[ndarray]) -> None:
        self.steps += 1
        for p, g, (m, v) in zip(self.params, grads, self.moments, strict=True):
            m += (1 - self.beta1) * (g - m)
            v += (1 - self.beta2) * (g * g - v)
            p -= self.lr * (m / (1 - self.beta1**self.steps)) / (np.sqrt(v / (1 - self.beta2**self.steps)) + self.eps)


class Adam__loops:
    def __init__(self, params: list[ndarray], lr: float = 0.001, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8) -> None:
        self.params, self.lr, self.betas, self.eps = params, lr, betas, eps
        self.state: dict[tuple[int, ...], tuple[float, float]] = {}
        self.powers = [1.0, 1.0]

    def step(self, grads: list[ndarray]) -> None:
        b1, b2 = self.betas
        self.powers = [self.powers[0] * b1, self.powers[1] * b2]
        for k in range(len(self.params)):
            for i in np.ndindex(self.params[k].shape):
                m, v = self.state.get((k, *i), (0.0, 0.0))
                g = float(grads[k][i])
                m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
                self.state[(k, *i)] = (m, v)
                self.params[k][i] -= self.lr * m / (1 - self.powers[0]) / (math.sqrt(v / (1 - self.powers[1])) + self.eps)


class Adam__double_precision_moments:
    """Moments are made in the first step, which nothing forbids."""

    def __init__(self, params: list[ndarray], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8) -> None:
        self.w, self.lr, self.betas, self.eps = params, lr, betas, eps
        self.t: int = 0
        self.m: Any = None
        self.v: Any = None

    def step(self, grads: list[ndarray]) -> None:
        if self.m is None:
            self.m = [np.zeros(g.shape) for g in grads]
            self.v = [np.zeros(g.shape) for g in grads]
        self.t = self.t + 1
        self.m = [self.betas[0] * m + (1 - self.betas[0]) * g for m, g in zip(self.m, grads, strict=True)]
        self.v = [self.betas[1] * v + (1 - self.betas[1]) * g**2 for v, g in zip(self.v, grads, strict=True)]
        for w, m, v in zip(self.w, self.m, self.v, strict=True):
            np.copyto(
                w, w - self.lr * (m / (1 - self.betas[0] ** self.t)) / ((v / (1 - self.betas[1] ** self.t)) ** 0.5 + self.eps), casting="same_kind"
            )


class Adam__corrected_averages:
    """Keeps the corrected moments, and corrects with the weight that they have had."""

    def __init__(self, params: list[ndarray], lr: float = 0.001, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8) -> None:
        self.params, self.lr, self.betas, self.eps, self.t = params, lr, betas, eps, 0
        self.averages = [[np.zeros_like(p), np.zeros_like(p)] for p in params]

    def step(self, grads: list[ndarray]) -> None:
        self.t += 1
        for p, g, averages in zip(self.params, grads, self.averages, strict=True):
            for k, beta in enumerate(self.betas):
                share = (1 - beta) / (1 - beta**self.t)
                averages[k] = (1 - share) * averages[k] + share * g ** (k + 1)
            p[...] = p - self.lr * averages[0] / (np.sqrt(averages[1]) + self.eps)
