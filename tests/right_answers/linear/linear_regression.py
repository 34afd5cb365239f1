"""Right answers in other styles: linear regression."""

from __future__ import annotations

import math

import numpy as np
from numpy import ndarray


def linreg__loops(X: ndarray, w: ndarray, b: float) -> ndarray:
    return np.array([sum(x * v for x, v in zip(row, w, strict=True)) + b for row in X], dtype=np.float64)


def linreg__einsum(X: ndarray, w: ndarray, b: float) -> ndarray:
    return np.einsum("nd,d->n", X, w) + b


def linreg__column_and_back(X: ndarray, w: ndarray, b: float) -> ndarray:
    return (np.matmul(X, w.reshape(-1, 1)) + b).ravel()


def linreg__augmented(X: ndarray, w: ndarray, b: float) -> ndarray:
    return np.dot(np.c_[X, np.ones(len(X))], np.r_[w, b])


def linreg__by_features(X: ndarray, w: ndarray, b: float) -> ndarray:
    y_hat = np.full(X.shape[0], b, dtype=float)
    for j in range(X.shape[1]):
        y_hat += w[j] * X[:, j]
    return y_hat


def make_regression__noise_first(w: ndarray, b: float, n: int, sigma: float, rng: np.random.Generator) -> tuple[ndarray, ndarray]:
    noise = rng.normal(scale=sigma, size=n)
    X = rng.standard_normal((n, w.size))
    return X, np.einsum("nd,d->n", X, w) + b + noise


def make_regression__one_by_one(w: ndarray, b: float, n: int, sigma: float, rng: np.random.Generator) -> tuple[ndarray, ndarray]:
    X, y = np.empty((n, len(w))), np.empty(n)
    for i in range(n):
        X[i] = rng.normal(0, 1, len(w))
        y[i] = rng.normal(X[i] @ w + b, sigma)
    return X, y


def make_regression__as_a_list(w: ndarray, b: float, n: int, sigma: float, rng: np.random.Generator) -> list[ndarray]:
    numbers = rng.multivariate_normal(np.zeros(len(w) + 1), np.eye(len(w) + 1), size=n)
    X = numbers[:, :-1]
    return [X, (X * w).sum(-1) + (sigma * numbers[:, -1] + b)]


def make_regression__rows_of_features(w: ndarray, b: float, n: int, sigma: float, rng: np.random.Generator) -> tuple[ndarray, ndarray]:
    X = rng.normal(loc=0.0, scale=1.0, size=(len(w), n)).T
    y = X.dot(w) + b
    y += rng.normal(0, math.sqrt(sigma**2), y.shape)
    return X, y


def squared_loss__loops(y_hat: ndarray, y: ndarray) -> ndarray:
    return np.array([0.5 * float(a - b) ** 2 for a, b in zip(y_hat.ravel(), y.ravel(), strict=True)])


def squared_loss__labels_follow(y_hat: ndarray, y: ndarray) -> ndarray:
    return (0.5 * np.square(y_hat - y.reshape(y_hat.shape))).flatten()


def squared_loss__diagonal(y_hat: ndarray, y: ndarray) -> ndarray:
    a, b = np.ravel(y_hat), np.ravel(y)
    return np.diagonal((a[:, None] - b[None, :]) ** 2 / 2).copy()


def squared_loss__expanded(y_hat: ndarray, y: ndarray) -> ndarray:
    a, b = (x.reshape(len(x)).astype(float) for x in (y_hat, y))
    return a * a / 2 - a * b + b * b / 2


def squared_loss__squeezed(y_hat: ndarray, y: ndarray) -> ndarray:
    y_hat = y_hat.squeeze(1) if y_hat.ndim == 2 else y_hat
    y = y[:, 0] if y.ndim > 1 else y
    return np.multiply(y_hat - y, y_hat - y) * 0.5


def mse_objective__loops(X: ndarray, y: ndarray, w: ndarray, b: float) -> float:
    total = 0.0
    for i in range(len(X)):
        total += (y[i] - sum(X[i, j] * w[j] for j in range(len(w))) - b) ** 2
    return total / 2 / len(X)


def mse_objective__mean(X: ndarray, y: ndarray, w: ndarray, b: float) -> float:
    return 0.5 * np.mean((np.dot(X, w) + b - y) ** 2)


def mse_objective__norm(X: ndarray, y: ndarray, w: ndarray, b: float) -> float:
    return np.linalg.norm(y - X @ w - b) ** 2 / (2 * X.shape[0])


def mse_objective__columns(X: ndarray, y: ndarray, w: ndarray, b: float) -> ndarray:
    error = X @ w[:, None] + b - y[:, None]
    return (error.T @ error / (2 * len(error)))[0, 0]


def augment__hstack(X: ndarray, w: ndarray, b: float) -> tuple[ndarray, ndarray]:
    return np.hstack([X, np.ones((X.shape[0], 1))]), np.hstack([w, b])


def augment__c_and_r(X: ndarray, w: ndarray, b: float) -> tuple[ndarray, ndarray]:
    return np.c_[X, np.ones(len(X))], np.r_[w, b]


def augment__written_into(X: ndarray, w: ndarray, b: float) -> list[ndarray]:
    n, d = X.shape
    A, v = np.ones((n, d + 1)), np.zeros(d + 1)
    A[:, :d], v[:d], v[d] = X, w, b
    return [A, v]


def augment__padded(X: ndarray, w: ndarray, b: float) -> tuple[ndarray, ndarray]:
    return np.pad(X, ((0, 0), (0, 1)), constant_values=1), np.insert(w, len(w), b)


def augment__transposed(X: ndarray, w: ndarray, b: float) -> tuple[ndarray, ndarray]:
    return np.vstack([X.T, np.ones(len(X))]).T, np.array([*w, b])


Claims = dict[str, ndarray]


def right_gradients__formula(X: ndarray, y: ndarray, w: ndarray, claims: Claims) -> list[str]:
    g = -(y - X @ w) @ X / len(y)
    return [name for name in sorted(claims) if np.allclose(claims[name], g)]


def right_gradients__in_place(X: ndarray, y: ndarray, w: ndarray, claims: Claims) -> list[str]:
    w, slopes = w.copy(), []
    for j in range(len(w)):
        old, values = w[j], []
        for step in (1e-4, -1e-4):
            w[j] = old + step
            values.append(np.sum((y - X @ w) ** 2) / (2 * len(y)))
        w[j] = old
        slopes.append((values[0] - values[1]) / 2e-4)
    right = []
    for name, claim in claims.items():
        if all(abs(a - b) < 0.005 * abs(b) for a, b in zip(slopes, claim, strict=True)):
            right.append(name)
    right.sort()
    return right


def right_gradients__one_sided(X: ndarray, y: ndarray, w: ndarray, claims: Claims) -> list[str]:
    def f(v: ndarray) -> float:
        return float(np.mean((X @ v - y) ** 2)) / 2

    slopes = np.array([f(w + 1e-7 * e) - f(w) for e in np.eye(len(w))]) / 1e-7
    return sorted([name for name in claims if np.abs(claims[name] - slopes).max() < 1e-4])


def right_gradients__closest(X: ndarray, y: ndarray, w: ndarray, claims: Claims) -> list[str]:
    right = set()
    for name, claim in claims.items():
        for j, e in enumerate(np.identity(w.size)):
            up, down = (((y - X @ (w + s * 1e-6 * e)) ** 2).sum() / 2 / len(y) for s in (1, -1))
            if not np.isclose((up - down) / 2e-6, claim[j], rtol=1e-3):
                break
        else:
            right.add(name)
    return sorted(right)


def mse_gradient__loops(X: ndarray, y: ndarray, w: ndarray) -> ndarray:
    n, d = X.shape
    g = np.zeros(d)
    for i in range(n):
        error = float(y[i]) - sum(float(X[i, j]) * float(w[j]) for j in range(d))
        for j in range(d):
            g[j] -= error * X[i, j] / n
    return g


def mse_gradient__mean_of_examples(X: ndarray, y: ndarray, w: ndarray) -> ndarray:
    return ((X @ w - y)[:, None] * X).mean(axis=0)


def mse_gradient__row(X: ndarray, y: ndarray, w: ndarray) -> ndarray:
    return -(y - X @ w).T @ X / X.shape[0]


def mse_gradient__einsum(X: ndarray, y: ndarray, w: ndarray) -> ndarray:
    return np.einsum("ni,nj,j->i", X, X, w) / len(X) - np.einsum("ni,n->i", X, y) / len(X)


def mse_gradient__columns(X: ndarray, y: ndarray, w: ndarray) -> ndarray:
    error = X @ w.reshape(-1, 1) - y.reshape(-1, 1)
    return (1 / len(y) * X.T @ error).flatten()


def normal_eq__solve_or_pinv(X: ndarray, y: ndarray) -> tuple[ndarray, float]:
    A = np.hstack([X, np.ones((len(X), 1))])
    theta = np.linalg.pinv(A) @ y if np.linalg.matrix_rank(A) < A.shape[1] else np.linalg.inv(A.T @ A) @ A.T @ y
    return theta[:-1], theta[-1]


def normal_eq__pinv_of_the_square(X: ndarray, y: ndarray) -> tuple[ndarray, float]:
    A = np.c_[X, np.ones(len(y))]
    *w, b = np.linalg.pinv(A.T @ A) @ A.T @ y
    return np.array(w), b


def normal_eq__singular_values(X: ndarray, y: ndarray) -> tuple[ndarray, float]:
    A = np.concatenate([np.ones((len(X), 1)), X.astype(float)], axis=1)
    u, s, vt = np.linalg.svd(A, full_matrices=False)
    keep = s > 1e-9 * s[0]
    theta = vt[keep].T @ (u.T[keep] @ y / s[keep])
    return theta[1:], float(theta[0])


def normal_eq__column(X: ndarray, y: ndarray) -> tuple[ndarray, float]:
    A = np.append(X, np.ones((X.shape[0], 1), dtype=X.dtype), axis=1)
    theta, *_ = np.linalg.lstsq(A, y[:, None], rcond=None)
    return theta[:-1, 0], theta[-1, 0].item()


def normal_eq__in_the_precision_of_the_inputs(X: ndarray, y: ndarray) -> tuple[ndarray, float]:
    A = np.hstack([X, np.ones_like(X[:, :1])])
    try:
        if np.linalg.matrix_rank(A) < A.shape[1]:
            raise np.linalg.LinAlgError
        theta = np.linalg.inv(A.T @ A) @ A.T @ y
    except np.linalg.LinAlgError:
        theta = np.linalg.pinv(A) @ y
    return theta[:-1], theta[-1]
