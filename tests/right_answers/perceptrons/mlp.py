"""Right answers in other styles: the multilayer perceptron."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray


def sigmoid__masks(x: ndarray) -> ndarray:
    result = np.empty(x.shape, dtype=np.result_type(x, np.float32))
    up = x >= 0
    result[up] = 1 / (1 + np.exp(-x[up]))
    e = np.exp(x[~up])
    result[~up] = e / (1 + e)
    return result


def sigmoid__hyperbolic(x: ndarray) -> ndarray:
    return (1 + np.tanh(x / 2)) / 2


def sigmoid__loops(x: ndarray) -> ndarray:
    def one(z: float) -> float:
        return 1 / (1 + math.exp(-z)) if z > 0 else math.exp(z) / (1 + math.exp(z))

    return np.array([one(float(z)) for z in x.ravel()]).reshape(x.shape)


def sigmoid__logaddexp(x: ndarray) -> ndarray:
    return np.exp(-np.logaddexp(0, -x))


def sigmoid__wide_clip(x: ndarray) -> ndarray:
    return 1 / (1 + np.exp(-np.clip(x, -80, 80)))


def tanh__through_a_sigmoid(x: ndarray) -> ndarray:
    return 2 * sigmoid__masks(2 * x) - 1


def tanh__loops(x: ndarray) -> ndarray:
    result = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        e = math.exp(-2 * abs(float(x[i])))
        result[i] = math.copysign((1 - e) / (1 + e), x[i])
    return result


def tanh__expm1(x: ndarray) -> ndarray:
    e = np.expm1(-2 * np.abs(x))
    return -np.sign(x) * e / (e + 2)


def tanh__masks(x: ndarray) -> ndarray:
    result = np.zeros(x.shape, dtype=float)
    for sign in (-1, 1):
        side = x * sign > 0
        e = np.exp(-2.0 * sign * x[side])
        result[side] = sign * (1 - e) / (1 + e)
    return result


def slope_from_output__table(activation: str, y: ndarray) -> ndarray:
    slopes: dict[str, Callable[[Any], Any]] = {
        "sigmoid": lambda y: y - y * y,
        "tanh": lambda y: (1 - y) * (1 + y),
        "relu": lambda y: np.where(y > 0, 1.0, 0.0),
    }
    return slopes[activation](y)


def slope_from_output__loops(activation: str, y: ndarray) -> ndarray:
    result = []
    for value in y.ravel().tolist():
        result.append(value * (1 - value) if activation == "sigmoid" else 1 - value**2 if activation == "tanh" else float(value != 0))
    return np.array(result).reshape(y.shape)


def slope_from_output__relu_by_sign(activation: str, y: ndarray) -> ndarray:
    if activation == "relu":
        return np.sign(y)
    return (y if activation == "sigmoid" else 1 + y) * (1 - y)


def slope_from_output__through_the_input(activation: str, y: ndarray) -> ndarray:
    """Finds x, and then the slope there."""
    y = y.astype(np.float64)
    if activation == "sigmoid":
        x = np.log(y / (1 - y))
        return np.exp(-x) / (1 + np.exp(-x)) ** 2
    if activation == "tanh":
        return 1 / np.cosh(np.arctanh(y)) ** 2
    return np.heaviside(y, 0.0)


def mlp_forward__einsum(X: ndarray, W1: ndarray, b1: ndarray, W2: ndarray, b2: ndarray) -> tuple[ndarray, ndarray]:
    H = np.einsum("ni,ih->nh", X, W1) + b1
    H = H * (H > 0.0)
    return H.astype(np.result_type(H, np.float32)), np.einsum("nh,hc->nc", H, W2) + b2 * 1.0


def mlp_forward__loops(X: ndarray, W1: ndarray, b1: ndarray, W2: ndarray, b2: ndarray) -> tuple[ndarray, ndarray]:
    H, O = np.zeros((len(X), len(b1))), np.zeros((len(X), len(b2)))  # noqa: E741
    for k, x in enumerate(X):
        for j in range(len(b1)):
            H[k, j] = max(0.0, sum(x[i] * W1[i, j] for i in range(len(x))) + b1[j])
        for c in range(len(b2)):
            O[k, c] = sum(H[k, j] * W2[j, c] for j in range(len(b1))) + b2[c]
    return H, O


def mlp_forward__constant_column(X: ndarray, W1: ndarray, b1: ndarray, W2: ndarray, b2: ndarray) -> tuple[ndarray, ndarray]:
    ones = np.ones((len(X), 1))
    H = np.clip(np.hstack([X, ones]) @ np.vstack([W1, b1]), 0, None)
    return H, np.hstack([H, ones]) @ np.vstack([W2, b2])


def mlp_forward__columns(X: ndarray, W1: ndarray, b1: ndarray, W2: ndarray, b2: ndarray) -> tuple[ndarray, ndarray]:
    Z = W1.T @ X.T + b1[:, None]
    H = (abs(Z) + Z) / 2
    return H.T, (W2.T @ H + b2[:, None]).T


def mlp_backward__sample_by_sample(X: ndarray, labels: ndarray, H: ndarray, O: ndarray, W2: ndarray) -> tuple[ndarray, ...]:  # noqa: E741
    n = len(X)
    dW1, db1 = np.zeros((X.shape[1], H.shape[1])), np.zeros(H.shape[1])
    dW2, db2 = np.zeros(W2.shape), np.zeros(W2.shape[1])
    for x, label, h, o in zip(X, labels, H, O, strict=True):
        p = np.exp(o) / np.exp(o).sum()
        p[label] -= 1
        dz = np.where(h > 0, W2 @ p, 0)
        dW1 += np.outer(x, dz) / n
        db1 += dz / n
        dW2 += np.outer(h, p) / n
        db2 += p / n
    return dW1, db1, dW2, db2


def mlp_backward__einsum(X: ndarray, labels: ndarray, H: ndarray, O: ndarray, W2: ndarray) -> tuple[ndarray, ...]:  # noqa: E741
    logp = O - np.logaddexp.reduce(O, axis=1, keepdims=True)
    G = np.exp(logp) - (labels[:, None] == np.arange(O.shape[1]))
    back = np.einsum("nc,hc->nh", G, W2) * np.sign(H)
    return (
        np.einsum("ni,nh->ih", X, back) / len(X),
        back.mean(0),
        np.einsum("nh,nc->hc", H, G) / len(X),
        G.mean(0),
    )


def mlp_backward__constant_column(X: ndarray, labels: ndarray, H: ndarray, O: ndarray, W2: ndarray) -> list[ndarray]:  # noqa: E741
    n = len(X)
    ones = np.ones((n, 1), dtype=X.dtype)
    G = np.exp(O)
    G = G / G.sum(1)[:, None] - np.identity(O.shape[1], dtype=O.dtype)[labels]
    second = np.c_[H, ones].T @ G / n
    G = G @ W2.transpose()
    G[H <= 0] = 0
    first = np.c_[X, ones].T @ G / n
    return [first[:-1], first[-1], second[:-1], second[-1]]


def mlp_backward__jacobian(X: ndarray, labels: ndarray, H: ndarray, O: ndarray, W2: ndarray) -> tuple[ndarray, ...]:  # noqa: E741
    """Through the probabilities, with softmax's Jacobian."""
    P = np.exp(O) / np.exp(O).sum(1, keepdims=True)
    dP = np.zeros_like(P)
    for k, label in enumerate(labels):
        dP[k, label] = -1 / P[k, label] / len(X)
    dO = np.stack([(np.diag(p) - np.outer(p, p)) @ d for p, d in zip(P, dP, strict=True)])
    dZ = dO.dot(W2.T) * (H != 0)
    return np.dot(X.T, dZ), np.sum(dZ, 0), np.dot(H.T, dO), np.sum(dO, 0)


def failed_gradient_checks__in_place(
    loss: Callable[..., float], params: dict[str, ndarray], grads: dict[str, ndarray], eps: float = 1e-5
) -> list[str]:
    failed = []
    for name, p in params.items():
        for i in np.ndindex(p.shape):
            kept = p[i]
            p[i] = kept + eps
            above = loss(params)
            p[i] = kept - eps
            below = loss(params)
            p[i] = kept
            d = (above - below) / (2 * eps)
            if abs(grads[name][i] - d) > 1e-6 + 1e-3 * abs(d):
                failed.append(name)
                break
    return failed


def failed_gradient_checks__copies(loss: Callable[..., float], params: dict[str, ndarray], grads: dict[str, ndarray], eps: float = 1e-5) -> list[str]:
    def off(name: str, i: tuple[int, ...]) -> bool:
        values = []
        for sign in (1, -1):
            copies = {k: np.array(v) for k, v in params.items()}
            copies[name][i] += sign * eps
            values.append(loss(copies))
        d = (values[0] - values[1]) / eps / 2
        return bool(np.abs(grads[name][i] - d) > 1e-6 + np.abs(d) / 1000)

    return [name for name in params if any(off(name, i) for i in np.ndindex(*params[name].shape))]


def failed_gradient_checks__flat(loss: Callable[..., float], params: dict[str, ndarray], grads: dict[str, ndarray], eps: float = 1e-5) -> list[str]:
    result: list[str] = []
    for name in list(params):
        shape, flat = params[name].shape, params[name].ravel()
        slopes = []
        for row in np.eye(flat.size) * eps:
            slopes.append(loss(params | {name: (flat + row).reshape(shape)}) - loss(params | {name: (flat - row).reshape(shape)}))
        d = np.array(slopes) / (2 * eps)
        if (abs(grads[name].ravel() - d) > 1e-6 + 1e-3 * abs(d)).any():
            result += [name]
    return result


def mlp_train_step__two_functions(X: ndarray, labels: ndarray, W1: ndarray, b1: ndarray, W2: ndarray, b2: ndarray, lr: float) -> tuple[ndarray, ...]:
    H, O = mlp_forward__constant_column(X, W1, b1, W2, b2)  # noqa: E741
    grads = mlp_backward__einsum(X, labels, H, O, W2)
    return tuple(p - lr * g for p, g in zip((W1, b1, W2, b2), grads, strict=True))


def mlp_train_step__copies_in_place(X: ndarray, labels: ndarray, W1: ndarray, b1: ndarray, W2: ndarray, b2: ndarray, lr: float) -> list[ndarray]:
    params = [p.copy() for p in (W1, b1, W2, b2)]
    grads = mlp_backward__jacobian(X, labels, *mlp_forward__einsum(X, *params), W2)
    for p, g in zip(params, grads, strict=True):
        p -= lr * g
    return params


def mlp_train_step__sample_by_sample(
    X: ndarray, labels: ndarray, W1: ndarray, b1: ndarray, W2: ndarray, b2: ndarray, lr: float
) -> tuple[ndarray, ...]:
    new = [W1, b1, W2, b2]
    for x, label in zip(X, labels, strict=True):
        h = np.maximum(0, x @ W1 + b1)
        e = np.exp(h @ W2 + b2)
        d = e / e.sum()
        d[label] -= 1
        back = (W2 @ d) * (h > 0)
        grads = [np.outer(x, back), back, np.outer(h, d), d]
        new = [p - lr / len(X) * g for p, g in zip(new, grads, strict=True)]
    return tuple(new)
