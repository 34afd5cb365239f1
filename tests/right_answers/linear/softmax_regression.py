"""Right answers in other styles: softmax regression."""

from __future__ import annotations

import math

import numpy as np
from numpy import ndarray


def softmax_regression_logits__loops(X: ndarray, W: ndarray, b: ndarray) -> ndarray:
    logits = np.zeros((len(X), len(b)))
    for i in range(len(X)):
        for j in range(len(b)):
            logits[i, j] = sum(X[i, c] * W[c, j] for c in range(X.shape[1])) + b[j]
    return logits


def softmax_regression_logits__einsum(X: ndarray, W: ndarray, b: ndarray) -> ndarray:
    return np.einsum("nd,dk->nk", X, W) + b[None, :]


def softmax_regression_logits__a_column_of_ones(X: ndarray, W: ndarray, b: ndarray) -> ndarray:
    return np.hstack([X, np.ones((len(X), 1), X.dtype)]) @ np.vstack([W, b])


def softmax_regression_logits__transposed_twice(X: ndarray, W: ndarray, b: ndarray) -> ndarray:
    return (np.dot(W.T, X.T) + b.reshape(-1, 1)).T


def param_count__one_input_more(d: int, k: int) -> int:
    return (d + 1) * k


def param_count__counted(d: int, k: int) -> int:
    return int(np.zeros((d, k)).size + np.zeros(k).size)


def param_count__summed(d: int, k: int) -> int:
    return sum(d + 1 for _ in range(k))


def param_count__numpys_integer(d: int, k: int) -> int:
    return np.prod([d, k]) + k


def one_hot__eye(y: ndarray, k: int) -> ndarray:
    return np.eye(k)[y]


def one_hot__comparison(y: ndarray, k: int) -> ndarray:
    return (y[:, None] == np.arange(k)).astype(np.float64)


def one_hot__loop(y: ndarray, k: int) -> ndarray:
    codes = np.zeros((y.size, k))
    for i, label in enumerate(y):
        codes[i][label] = 1.0
    return codes


def one_hot__put_along_axis(y: ndarray, k: int) -> ndarray:
    codes = np.zeros((*y.shape, k), dtype=float)
    np.put_along_axis(codes, y.reshape(-1, 1), 1, axis=1)
    return codes


def one_hot__flat_positions(y: ndarray, k: int) -> ndarray:
    codes = np.zeros(len(y) * k)
    codes[k * np.arange(len(y)) + y] = 1
    return codes.reshape(-1, k)


def predict_labels__numpys(logits: ndarray) -> ndarray:
    return np.argmax(logits, axis=-1)


def predict_labels__loops(logits: ndarray) -> ndarray:
    best = np.zeros(len(logits), dtype=int)
    for i, row in enumerate(logits):
        for j in range(len(row)):
            if row[j] > row[best[i]]:
                best[i] = j
    return best


def predict_labels__stable_sort(logits: ndarray) -> ndarray:
    return np.argsort(-logits, axis=1, kind="stable")[:, 0]


def predict_labels__comprehension(logits: ndarray) -> ndarray:
    return np.array([row.tolist().index(max(row)) for row in logits], dtype=np.int32)


def predict_labels__comparison(logits: ndarray) -> ndarray:
    is_best = logits == logits.max(axis=1, keepdims=True)
    return np.where(is_best, np.arange(logits.shape[1]), logits.shape[1]).min(axis=1)


def softmax__by_logarithm(logits: ndarray, axis: int = -1) -> ndarray:
    peak = np.max(logits, axis, keepdims=True)
    return np.exp(logits - peak - np.log(np.sum(np.exp(logits - peak), axis=axis, keepdims=True)))


def softmax__slices(logits: ndarray, axis: int = -1) -> ndarray:
    def of_one(x: ndarray) -> ndarray:
        e = np.exp(x - x.max())
        return e / e.sum()

    return np.apply_along_axis(of_one, axis, logits)


def softmax__axis_moved(logits: ndarray, axis: int = -1) -> ndarray:
    x = np.moveaxis(logits, axis, 0)
    e = np.exp(x - x.max(0))
    return np.moveaxis(e / e.sum(0), 0, axis)


def softmax__logaddexp(logits: ndarray, axis: int = -1) -> ndarray:
    return np.exp(logits - np.expand_dims(np.logaddexp.reduce(logits.astype(float), axis=axis), axis))


def softmax__in_place_on_a_copy(logits: ndarray, axis: int = -1) -> ndarray:
    p = np.array(logits, dtype=np.promote_types(logits.dtype, np.float32))
    p -= p.max(axis=axis, keepdims=True)
    np.exp(p, out=p)
    p /= p.sum(axis=axis, keepdims=True)
    return p


def softmax__one_over_a_sum_of_differences(logits: ndarray, axis: int = -1) -> ndarray:
    x = np.moveaxis(logits, axis, -1)
    differences = np.where(np.isinf(x)[..., None], np.inf, x[..., None, :] - x[..., :, None])
    return np.moveaxis(1 / np.exp(differences).sum(axis=-1), -1, axis)


def softmax__with_a_small_number(logits: ndarray, axis: int = -1) -> ndarray:
    e = np.exp(logits - np.amax(logits, axis=axis, keepdims=True))
    return e / (e.sum(axis=axis, keepdims=True) + 1e-12)


def cross_entropy__loops(logits: ndarray, y: ndarray) -> float:
    total = 0.0
    for row, label in zip(logits.tolist(), y.tolist(), strict=True):
        peak = max(row)
        total += peak + math.log(sum(math.exp(o - peak) for o in row)) - row[label]
    return total / len(y)


def cross_entropy__one_hot(logits: ndarray, y: ndarray) -> float:
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -np.mean(np.sum(np.eye(logits.shape[1])[y] * log_p, axis=1))


def cross_entropy__logaddexp(logits: ndarray, y: ndarray) -> float:
    of_true = np.take_along_axis(logits, y[:, None], axis=1)[:, 0]
    return float(np.mean(np.logaddexp.reduce(logits, axis=1) - of_true))


def cross_entropy__relative_to_the_true_class(logits: ndarray, y: ndarray) -> float:
    """log of the sum of exp(o_j - o_true), largest difference first."""
    n = len(y)
    differences = logits - logits[np.arange(n), y].reshape(n, 1)
    peak = differences.max(axis=1)
    return float((peak + np.log(np.exp(differences - peak[:, None]).sum(axis=1))).sum() / n)


def ce_grad__one_hot(logits: ndarray, y: ndarray) -> ndarray:
    e = np.exp(logits - np.max(logits, axis=1, keepdims=True))
    p = e / np.sum(e, axis=1, keepdims=True)
    return (p - np.eye(logits.shape[1])[y]) / logits.shape[0]


def ce_grad__loops(logits: ndarray, y: ndarray) -> ndarray:
    n, k = logits.shape
    grad = np.zeros((n, k))
    for i in range(n):
        e = [math.exp(o - max(logits[i])) for o in logits[i]]
        for j in range(k):
            grad[i, j] = (e[j] / sum(e) - (1 if j == y[i] else 0)) / n
    return grad


def ce_grad__through_the_jacobian(logits: ndarray, y: ndarray) -> ndarray:
    """The derivatives of the logarithms of the probabilities, all of them, and the true class's picked out."""
    n, k = logits.shape
    p = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
    of_log_p = np.eye(k) - p[:, None, :]
    return -of_log_p[np.arange(n), y] / n


def ce_grad__true_class_by_the_others(logits: ndarray, y: ndarray) -> ndarray:
    p = np.exp(logits - logits.max(axis=1)[:, None])
    p /= p.sum(axis=1)[:, None]
    rows = np.arange(len(y))
    p[rows, y] = 0
    p[rows, y] = -p.sum(axis=1)
    return p * (1 / len(y))


def token_cross_entropy__loops(logits: ndarray, y: ndarray, ignore_index: int = -100) -> float:
    losses = []
    for b in range(y.shape[0]):
        for t in range(y.shape[1]):
            if y[b, t] != ignore_index:
                row = logits[b, t]
                losses.append(np.log(np.exp(row - row.max()).sum()) + row.max() - row[y[b, t]])
    return sum(losses) / len(losses)


def token_cross_entropy__flattened(logits: ndarray, y: ndarray, ignore_index: int = -100) -> float:
    flat, labels = logits.reshape(-1, logits.shape[-1]), y.ravel()
    kept = np.flatnonzero(labels != ignore_index)
    p = np.exp(flat) / np.exp(flat).sum(axis=1, keepdims=True)
    return -np.log(p[kept, labels[kept]]).mean()


def token_cross_entropy__weights(logits: ndarray, y: ndarray, ignore_index: int = -100) -> float:
    weights = (y != ignore_index).astype(float)
    known = np.where(y == ignore_index, 0, y)
    of_true = np.take_along_axis(logits, known[:, :, None], axis=2).squeeze(2)
    losses = np.logaddexp.reduce(logits, axis=2) - of_true
    return float((losses * weights).sum() / weights.sum())


def token_cross_entropy__sequence_by_sequence(logits: ndarray, y: ndarray, ignore_index: int = -100) -> float:
    total, count = 0.0, 0
    for o, labels in zip(logits, y, strict=True):
        kept = labels != ignore_index
        codes = np.eye(o.shape[1])[labels[kept]]
        total += (np.logaddexp.reduce(o[kept], axis=1) - (codes * o[kept]).sum(axis=1)).sum()
        count += kept.sum()
    return float(total / count)
