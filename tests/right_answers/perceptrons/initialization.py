"""Right answers in other styles: initialization."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numpy import ndarray


def jacobian_product_norms__singular_values(jacobians: Any) -> ndarray:
    product, norms = np.eye(jacobians[0].shape[1]), []
    for jacobian in jacobians:
        product = np.dot(jacobian, product)
        norms.append(np.linalg.svd(product)[1].max())
    return np.asarray(norms)


def jacobian_product_norms__anew_each_time(jacobians: Any) -> ndarray:
    products = [functools.reduce(lambda a, b: b @ a, jacobians[:t]) for t in range(1, len(jacobians) + 1)]
    return np.array([np.linalg.norm(p, ord=2) for p in products])


def jacobian_product_norms__transposed(jacobians: Any) -> ndarray:
    result = np.zeros(len(jacobians))
    product = jacobians[0].T.astype(float)
    for t in range(len(jacobians)):
        product = product @ jacobians[t].T if t else product
        result[t] = math.sqrt(max(np.linalg.eigvalsh(product.T @ product)))
    return result


def fp16_flush__thresholds(x: ndarray) -> tuple[Any, Any]:
    size = np.abs(x)
    return np.sum((size >= 65520) & (size < np.inf)), np.sum((size <= 2.0**-25) & (size > 0))


def fp16_flush__loops(x: ndarray) -> tuple[int, int]:
    n_inf = n_zero = 0
    for value in x.ravel().tolist():
        half = float(np.float16(value))
        if math.isinf(half) and not math.isinf(value):
            n_inf += 1
        if half == 0 and value != 0:
            n_zero += 1
    return n_inf, n_zero


def fp16_flush__differences(x: ndarray) -> tuple[int, int]:
    half = np.asarray(x, dtype=np.half)
    return int(np.isinf(half).sum() - np.isinf(x).sum()), int(np.count_nonzero(x) - np.count_nonzero(half))


def loss_scale_search__logarithm(gradients: ndarray) -> float:
    largest = float(np.abs(gradients).max())
    if largest == 0:
        return 2.0**24
    return 2.0 ** max(-24, min(24, math.floor(math.log2(65504 / largest))))


def loss_scale_search__upwards(gradients: ndarray) -> Any:
    largest = np.max(np.abs(gradients))
    k = -24
    while k < 24 and largest * 2.0 ** (k + 1) <= 65504:
        k += 1
    return 2.0**k


def loss_scale_search__all_candidates(gradients: ndarray) -> Any:
    candidates = 2.0 ** np.arange(-24, 25)
    fits = [c for c in candidates if np.isfinite(np.float16(np.float64(np.abs(gradients).max()) * c))]
    return max(fits)


def loss_scale_search__integers(gradients: ndarray) -> Any:
    scale: Any = 2**24
    while scale > 2**-24 and np.any(np.isinf((scale * gradients).astype(np.float16))):
        scale = scale // 2 if scale > 1 else scale / 2
    return scale


def forward_stats__loops(x: ndarray, weights: Any, activation: Any) -> tuple[ndarray, ndarray]:
    means, stds = np.zeros(len(weights)), np.zeros(len(weights))
    h = x
    for t in range(len(weights)):
        h = activation(np.einsum("ni,io->no", h, weights[t]))
        values = h.astype(float).ravel().tolist()
        means[t] = sum(values) / len(values)
        stds[t] = math.sqrt(sum((v - means[t]) ** 2 for v in values) / len(values))
    return means, stds


def forward_stats__second_moment(x: ndarray, weights: Any, activation: Any) -> tuple[ndarray, ndarray]:
    hs = [x.astype(float)]
    for w in weights:
        hs += [activation(np.matmul(hs[-1], w))]
    means = np.array([np.average(h) for h in hs[1:]])
    return means, np.sqrt(np.array([(h**2).mean() for h in hs[1:]]) - means**2)


def forward_stats__recursion(x: ndarray, weights: Any, activation: Any) -> Any:
    if not len(weights):
        return [np.zeros(0), np.zeros(0)]
    h = activation(x @ weights[0])
    means, stds = forward_stats__recursion(h, weights[1:], activation)
    return [np.append(np.mean(h), means), np.append(np.std(h), stds)]


def which_reading__roots(draws: ndarray, number: float) -> str:
    deviation = math.sqrt(float(((draws - draws.mean()) ** 2).mean()))
    if 0.8 * number <= deviation <= 1.2 * number:
        return "standard deviation"
    if 0.8 * number <= deviation**2 <= 1.2 * number:
        return "variance"
    return "neither"


def which_reading__around_zero(draws: ndarray, number: float) -> str:
    variance = (draws**2).mean()
    for name, value in {"standard deviation": np.sqrt(variance), "variance": variance}.items():
        if abs(value / number - 1) <= 0.2:
            return name
    return "neither"


def which_reading__isclose(draws: ndarray, number: float) -> str:
    if np.isclose(np.std(draws, ddof=1), number, rtol=0.2, atol=0):
        return "standard deviation"
    return "variance" if np.isclose(np.var(draws, ddof=1), number, rtol=0.2, atol=0) else "neither"


def measured_gain__norm(activation: Any, z: ndarray) -> Any:
    return np.sqrt(len(z)) / np.linalg.norm(activation(z))


def measured_gain__loop(activation: Any, z: ndarray) -> float:
    total = 0.0
    for value in activation(z):
        total += float(value) * float(value)
    return (total / len(z)) ** -0.5


def measured_gain__dot(activation: Any, z: ndarray) -> Any:
    a = activation(z.astype(np.float64))
    return math.sqrt(a.size / (a @ a))


def fans__loop(shape: Any) -> tuple[int, int]:
    fan_out, fan_in = shape[0], shape[1]
    for side in shape[2:]:
        fan_in *= side
        fan_out *= side
    return fan_in, fan_out


def fans__numpy(shape: Any) -> tuple[Any, Any]:
    return np.prod(shape[1:]), np.prod([shape[0], *shape[2:]])


def fans__divides(shape: Any) -> list[int]:
    total = math.prod(shape)
    return [total // shape[0], total // shape[1]]


def xavier__scaled(fan_in: int, fan_out: int, kind: str, gain: float, rng: np.random.Generator) -> ndarray:
    std = gain * np.sqrt(2 / (fan_in + fan_out))
    if kind == "normal":
        return std * rng.standard_normal((fan_in, fan_out))
    return std * np.sqrt(3) * (2 * rng.random((fan_in, fan_out)) - 1)


def xavier__transposed(fan_in: int, fan_out: int, kind: str, gain: float, rng: np.random.Generator) -> ndarray:
    if kind == "uniform":
        bound = gain * math.sqrt(6 / (fan_in + fan_out))
        return rng.uniform(low=-bound, high=bound, size=(fan_out, fan_in)).T
    return rng.normal(scale=gain * math.sqrt(2 / (fan_in + fan_out)), size=(fan_out, fan_in)).T


def xavier__row_by_row(fan_in: int, fan_out: int, kind: str, gain: float, rng: np.random.Generator) -> ndarray:
    rows = []
    for _ in range(fan_in):
        row = rng.normal(size=fan_out) if kind == "normal" else rng.uniform(-(3**0.5), 3**0.5, size=fan_out)
        rows.append(row * gain / ((fan_in + fan_out) / 2) ** 0.5)
    return np.stack(rows)


def xavier__box_muller(fan_in: int, fan_out: int, kind: str, gain: float, rng: np.random.Generator) -> ndarray:
    std = gain * math.sqrt(2 / (fan_in + fan_out))
    u = rng.random((2, fan_in, fan_out))
    if kind == "uniform":
        return (u[0] - 0.5) * math.sqrt(12) * std
    return std * np.sqrt(-2 * np.log(1 - u[0])) * np.cos(2 * np.pi * u[1])


def xavier__single_precision(fan_in: int, fan_out: int, kind: str, gain: float, rng: np.random.Generator) -> ndarray:
    std = gain * (2 / (fan_in + fan_out)) ** 0.5
    if kind == "uniform":
        return ((rng.random((fan_in, fan_out), dtype=np.float32) - 0.5) * (12**0.5 * std)).astype(np.float32)
    return rng.standard_normal((fan_in, fan_out), dtype=np.float32) * np.float32(std)
