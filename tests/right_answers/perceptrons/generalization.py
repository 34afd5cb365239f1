"""Right answers in other styles: generalization."""

from __future__ import annotations

import itertools
import statistics
from typing import Any

import numpy as np
from numpy import ndarray


def split_indices__lists(n: int, ratios: Any, rng: np.random.Generator) -> list[ndarray]:
    order = np.arange(n)
    rng.shuffle(order)
    parts, start = [], 0
    for ratio in ratios[:-1]:
        size = int(n * ratio / sum(ratios))
        parts.append(order[start : start + size])
        start += size
    return [*parts, order[start:]]


def split_indices__draws_from_what_is_left(n: int, ratios: Any, rng: np.random.Generator) -> list[ndarray]:
    left, parts = np.arange(n), []
    for ratio in ratios[:-1]:
        part = rng.choice(left, size=n * ratio // sum(ratios), replace=False)
        left = np.setdiff1d(left, part)
        parts.append(part)
    parts.append(left)
    return parts


def split_indices__sorts_random_keys(n: int, ratios: Any, rng: np.random.Generator) -> list[list[int]]:
    order = np.argsort(rng.random(n)).tolist()
    return [[order.pop() for _ in range(n * ratio // sum(ratios))] for ratio in ratios[:-1]] + [order]


def scale_features__loops(train: ndarray, other: ndarray) -> tuple[ndarray, ndarray]:
    a, b = np.empty_like(train), np.empty_like(other)
    for j in range(train.shape[1]):
        column = train[:, j]
        mean = sum(column) / len(column)
        spread = (sum((v - mean) ** 2 for v in column) / len(column)) ** 0.5 or 1.0
        a[:, j] = (column - mean) / spread
        b[:, j] = (other[:, j] - mean) / spread
    return a, b


def scale_features__double_precision(train: ndarray, other: ndarray) -> tuple[ndarray, ndarray]:
    train, other = train.astype(float), other.astype(float)
    mean = train.mean(0)
    variance = (train**2).mean(0) - mean**2
    scale = np.where(np.ptp(train, axis=0) == 0, 1.0, np.sqrt(np.maximum(variance, 0)))
    return (train - mean) / scale, (other - mean) / scale


def scale_features__both_at_once(train: ndarray, other: ndarray) -> tuple[ndarray, ndarray]:
    scale = np.std(train, axis=0, keepdims=True)
    both = (np.vstack([train, other]) - np.mean(train, axis=0, keepdims=True)) / np.where(scale > 0, scale, np.ones_like(scale))
    return both[: len(train)], both[len(train) :]


def select_model__loop(train_errors: ndarray, validation_errors: ndarray, test_errors: ndarray) -> tuple[int, float]:
    best = 0
    for k in range(1, len(validation_errors)):
        if validation_errors[k] < validation_errors[best]:
            best = k
    return best, test_errors[best]


def select_model__sorted(train_errors: ndarray, validation_errors: ndarray, test_errors: ndarray) -> Any:
    k = np.argsort(validation_errors)[0]
    return k, test_errors[k]


def select_model__min_of_pairs(train_errors: ndarray, validation_errors: ndarray, test_errors: ndarray) -> tuple[int, float]:
    _, k, error = min(zip(validation_errors, itertools.count(), test_errors, strict=False))
    return k, float(error)


def kfold__slices(n: int, k: int, rng: np.random.Generator) -> Any:
    order = rng.permutation(n)
    for i in range(k):
        start, end = n * i // k, n * (i + 1) // k
        yield np.r_[order[:start], order[end:]], order[start:end]


def kfold__masks(n: int, k: int, rng: np.random.Generator) -> list[tuple[ndarray, ndarray]]:
    fold = np.arange(n) % k
    rng.shuffle(fold)
    return [(np.flatnonzero(fold != i), np.flatnonzero(fold == i)) for i in range(k)]


def kfold__lists(n: int, k: int, rng: np.random.Generator) -> list[list[list[int]]]:
    order = list(range(n))
    rng.shuffle(order)
    blocks = [order[i::k] for i in range(k)]
    return [[sorted(set(range(n)) - set(block)), block] for block in blocks]


def cv_score__loops(fit: Any, x: ndarray, y: ndarray, folds: Any) -> float:
    total = 0.0
    for train, validation in folds:
        predict = fit(np.array([x[i] for i in train]), np.array([y[i] for i in train]))
        error = 0.0
        for i in validation:
            error += float(predict(x[i : i + 1])[0] - y[i]) ** 2
        total += error / len(validation)
    return total / len(folds)


def cv_score__norms(fit: Any, x: ndarray, y: ndarray, folds: Any) -> Any:
    def error(train: ndarray, validation: ndarray) -> Any:
        residual = y[validation] - fit(x[train], y[train])(x[validation])
        return residual @ residual / residual.size

    return np.array([error(*fold) for fold in folds]).mean()


def cv_score__library(fit: Any, x: ndarray, y: ndarray, folds: Any) -> float:
    from sklearn.metrics import mean_squared_error

    return statistics.fmean(mean_squared_error(y[v], fit(x[t], y[t])(x[v])) for t, v in folds)


def poly_design__running_product(x: ndarray, degree: int) -> ndarray:
    columns = [np.ones(len(x), dtype=np.result_type(x, np.float32))]
    for _ in range(degree):
        columns.append(columns[-1] * x)
    return np.column_stack(columns)


def poly_design__broadcast(x: ndarray, degree: int) -> ndarray:
    return x[:, None].astype(float) ** np.arange(degree + 1)


def poly_design__loops(x: ndarray, degree: int) -> ndarray:
    return np.array([[float(v) ** j for j in range(degree + 1)] for v in x])


def poly_design__cumprod(x: ndarray, degree: int) -> ndarray:
    factors = np.ones((len(x), degree + 1))
    factors[:, 1:] = x[:, None]
    return np.cumprod(factors, axis=1)


def fit_curve__lstsq(x: ndarray, y: ndarray, x_val: ndarray, y_val: ndarray, degrees: Any) -> Any:
    errors = np.zeros((2, len(degrees)))
    for k, d in enumerate(degrees):
        w, *_ = np.linalg.lstsq(np.vander(x, d + 1), y)
        errors[0, k] = np.square(np.vander(x, d + 1) @ w - y).mean()
        errors[1, k] = np.square(np.vander(x_val, d + 1) @ w - y_val).mean()
    return errors[0], errors[1]


def fit_curve__normal_equations(x: ndarray, y: ndarray, x_val: ndarray, y_val: ndarray, degrees: Any) -> Any:
    def powers(z: ndarray, d: int) -> ndarray:
        return np.stack([z**j for j in range(d + 1)], 1)

    fits = [np.linalg.solve(powers(x, d).T @ powers(x, d), powers(x, d).T @ y) for d in degrees]
    errors = [
        np.array([float(np.mean((powers(z, d) @ w - t) ** 2)) for d, w in zip(degrees, fits, strict=True)]) for z, t in [(x, y), (x_val, y_val)]
    ]
    return tuple(errors)


def fit_curve__polyfit(x: ndarray, y: ndarray, x_val: ndarray, y_val: ndarray, degrees: Any) -> Any:
    models = [np.poly1d(np.polyfit(x, y, d)) for d in degrees]
    return np.array([np.var(m(x) - y) + np.mean(m(x) - y) ** 2 for m in models]), np.array([np.mean((m(x_val) - y_val) ** 2) for m in models])


def fit_curve__pseudo_inverse(x: ndarray, y: ndarray, x_val: ndarray, y_val: ndarray, degrees: Any) -> list[ndarray]:
    def errors(z: ndarray, t: ndarray) -> ndarray:
        return np.array([np.mean((z[:, None] ** np.arange(d + 1) @ np.linalg.pinv(x[:, None] ** np.arange(d + 1)) @ y - t) ** 2) for d in degrees])

    return [errors(x, y), errors(x_val, y_val)]


def diagnose__where(train_errors: ndarray, validation_errors: ndarray, target: float) -> list[str]:
    return np.where(train_errors > target, "underfitting", np.where(validation_errors > target, "overfitting", "good")).tolist()


def diagnose__if(train_errors: ndarray, validation_errors: ndarray, target: float) -> list[str]:
    result = []
    for k in range(len(train_errors)):
        if train_errors[k] <= target and validation_errors[k] <= target:
            result.append("good")
        elif train_errors[k] <= target:
            result.append("overfitting")
        else:
            result.append("underfitting")
    return result


def diagnose__table(train_errors: ndarray, validation_errors: ndarray, target: float) -> list[Any]:
    words = np.array([["good", "overfitting"], ["underfitting", "underfitting"]])
    return list(words[(train_errors > target).astype(int), (validation_errors > target).astype(int)])


def memorizing_degree__recurrence(samples: int, features: int) -> tuple[int, int]:
    degree, count = 0, 1
    while count < samples:
        degree += 1
        count = count * (features + degree) // degree
    return degree, count


def memorizing_degree__enumerates(samples: int, features: int) -> tuple[int, int]:
    count = 0
    for degree in itertools.count():
        count += sum(1 for _ in itertools.combinations_with_replacement(range(features), degree))
        if count >= samples:
            return degree, count
    raise AssertionError


def memorizing_degree__recursive(samples: int, features: int, degree: int = 0) -> tuple[int, int]:
    def count(f: int, d: int) -> int:
        return 1 if f == 0 or d == 0 else count(f - 1, d) + count(f, d - 1)

    found = count(features, degree)
    return (degree, found) if found >= samples else memorizing_degree__recursive(samples, features, degree + 1)
