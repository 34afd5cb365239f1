"""What can be said of a wrong answer that is no known mistake: how it differs, never a guess why."""

from __future__ import annotations

import itertools

import numpy as np

from autograder.check.compare import Tolerance, same, type_name
from autograder.check.values import Array, Value, leaves


def remark(got: Value, expected: Value, inputs: Value, tolerance: Tolerance) -> str | None:
    """One sentence on how `got` differs from `expected`, without any of their numbers; None when nothing stands out."""
    if got is None and expected is not None:
        return "Your function returns None: is there a `return` on every path?"
    if isinstance(expected, list | tuple):
        return _sequence_remark(got, expected, inputs, tolerance)
    if isinstance(expected, dict):
        return _dict_remark(got, expected, inputs, tolerance)
    if isinstance(expected, Array):
        if isinstance(got, Array) and got.library == expected.library:
            return _array_remark(got, expected, inputs, tolerance)
        return _type_remark(got, expected, tolerance)
    if not same(got, expected, tolerance, values=False):
        return _type_remark(got, expected, tolerance)
    if isinstance(expected, float) and isinstance(got, float):
        return _number_remark(got, expected, tolerance)
    return None


def _type_remark(got: Value, expected: Value, tolerance: Tolerance) -> str:
    text = f"You return {type_name(got)}; {type_name(expected)} is expected."
    return text + " The values are right." if _same_numbers_inside(got, expected, tolerance) else text


def _same_numbers_inside(got: Value, expected: Value, tolerance: Tolerance) -> bool:
    try:
        a, b = (np.asarray(_as_nested(v), dtype=np.float64) for v in (got, expected))
    except (ValueError, TypeError):
        return False
    return a.size > 0 and a.shape == b.shape and bool(tolerance.close(a, b).all())


def _as_nested(value: Value) -> object:
    if isinstance(value, Array):
        return value.data
    if isinstance(value, list | tuple):
        return [_as_nested(v) for v in value]
    return value


def _number_remark(got: float, expected: float, tolerance: Tolerance) -> str | None:
    if np.isfinite(expected) and not np.isfinite(got):
        return "Your answer is NaN or infinite where a number is due."
    if expected and tolerance.close(np.array(-got), np.array(expected)):
        return "Right but for the sign."
    return None


def _sequence_remark(got: Value, expected: list[Value] | tuple[Value, ...], inputs: Value, tolerance: Tolerance) -> str | None:
    if not isinstance(got, list | tuple):
        return _type_remark(got, expected, tolerance)
    if len(got) != len(expected):
        return f"You return {len(got)} values; {len(expected)} are expected."
    if len(expected) > 1 and same(list(got)[::-1], list(expected), tolerance):
        return "The values are right, in reversed order."
    if all(isinstance(v, bool | int | str) for v in [*got, *expected]):
        return "The right items, in another order." if sorted(map(str, got)) == sorted(map(str, expected)) else None
    wrong = [k for k in range(len(expected)) if not same(got[k], expected[k], tolerance)]
    if not wrong:
        return None
    inner = remark(got[wrong[0]], expected[wrong[0]], inputs, tolerance)
    if len(wrong) == len(expected):
        return inner
    right = [k for k in range(len(expected)) if k not in wrong]
    if any(_says_something(expected[k]) for k in right):
        return f"Element {wrong[0]} of what you return is wrong, {right[0]} is right." + (f" {inner}" if inner else "")
    return inner


def _dict_remark(got: Value, expected: dict[str, Value], inputs: Value, tolerance: Tolerance) -> str | None:
    """What a probe asked for by name: the parts that are wrong, and how the first of them is."""
    if not isinstance(got, dict) or got.keys() != expected.keys():
        return None
    wrong = [name for name in expected if not same(got[name], expected[name], tolerance)]
    right = [name for name in expected if name not in wrong and _says_something(expected[name])]
    if not wrong:
        return None
    inner = remark(got[wrong[0]], expected[wrong[0]], inputs, tolerance)
    if not right:
        return inner
    return f"Of what was asked, `{wrong[0]}` is wrong, `{right[0]}` is right." + (f" {inner}" if inner else "")


def _says_something(value: Value) -> bool:
    """A right answer that is nothing but zeros is no achievement."""
    return any(bool(np.any(leaf.data)) if isinstance(leaf, Array) else bool(leaf) for leaf in leaves(value))


def _array_remark(got: Array, expected: Array, inputs: Value, tolerance: Tolerance) -> str | None:
    x, y = got.data, expected.data
    if x.shape != y.shape:
        return _shape_remark(x, y, inputs, tolerance)
    if got.kind != expected.kind or x.dtype.itemsize < y.dtype.itemsize:
        right = " The values are right but for that." if _near(x, y, tolerance) else ""
        return f"The dtype of your answer is {got.dtype}; {expected.dtype} is expected.{right}"
    if not x.size or _near(x, y, tolerance):
        return None
    if not np.isfinite(x).all() and np.isfinite(y).all():
        return "Your answer holds NaN or infinite values where numbers are due."
    if got.kind == "b":
        return "True and False are the wrong way round." if (x == ~y).all() else None
    return _value_remark(x.astype(np.float64), y.astype(np.float64), inputs, tolerance)


def _near(x: np.ndarray, y: np.ndarray, tolerance: Tolerance) -> bool:
    return x.shape == y.shape and bool(tolerance.close(x, y).all())


def _input_arrays(inputs: Value) -> list[np.ndarray]:
    return [leaf.data for leaf in leaves(inputs) if isinstance(leaf, Array)]


def _shape_remark(x: np.ndarray, y: np.ndarray, inputs: Value, tolerance: Tolerance) -> str:
    text = f"The shape of your answer is {x.shape}; {y.shape} is expected."
    if x.size and _near(x.squeeze(), y.squeeze(), tolerance):
        return text + " The values are right: an axis of size 1 is too many or missing."
    if x.size and x.ndim == y.ndim:
        if any(_near(x.transpose(p), y, tolerance) for p in itertools.permutations(range(x.ndim))):
            return text + " The values are right, with their axes in another order."
        corner = tuple(slice(n) for n in x.shape)
        if all(a <= b for a, b in zip(x.shape, y.shape, strict=True)) and _near(x, y[corner], tolerance):
            return text + " What is there is right; the end is missing."
    if any(x.shape == a.shape for a in _input_arrays(inputs)):
        return text + " It is the shape of an input."
    return text


def _value_remark(x: np.ndarray, y: np.ndarray, inputs: Value, tolerance: Tolerance) -> str | None:
    if y.any() and not x.any():
        return "All your values are 0."
    if any(_near(x, a, tolerance) for a in _input_arrays(inputs)):
        return "What comes back is an input, unchanged."
    if _near(-x, y, tolerance):
        return "Right but for the sign."
    if x.size > 2:
        return _factor_or_offset(x, y, tolerance) or _moved(x, y, tolerance) or _right_in_a_slice(x, y, tolerance)
    return None


def _factor_or_offset(x: np.ndarray, y: np.ndarray, tolerance: Tolerance) -> str | None:
    large = np.abs(y) > 1e-3 * np.abs(y).max()
    if large.sum() > 2:
        factor = float(np.median(x[large] / y[large]))
        if _near(x, y * factor, tolerance):
            return f"Every value is {factor:.4g} times the right one."
    offset = float(np.median(x - y))
    if _near(x - offset, y, tolerance):
        return "Every value is off by the same number."
    return None


def _moved(x: np.ndarray, y: np.ndarray, tolerance: Tolerance) -> str | None:
    for axis in range(x.ndim):
        if x.shape[axis] <= 2:
            continue
        if _near(np.flip(x, axis), y, tolerance):
            return f"The values are right, but axis {axis} is reversed."
        first, last = (np.take(a, range(1, a.shape[axis]), axis) for a in (x, y))
        head_x, head_y = (np.take(a, range(a.shape[axis] - 1), axis) for a in (x, y))
        if (_near(first, head_y, tolerance) and head_y.any()) or (_near(head_x, last, tolerance) and last.any()):
            return f"The values are right, but shifted by one along axis {axis}."
    for order in itertools.permutations(range(x.ndim)):
        if order != tuple(range(x.ndim)) and _near(x.transpose(order), y, tolerance):
            return f"The values are right, but the axes are in the order {order}."
    return None


def _right_in_a_slice(x: np.ndarray, y: np.ndarray, tolerance: Tolerance) -> str | None:
    """Places where the expected value is 0 are right for many wrong reasons and do not count."""
    close, telling = tolerance.close(x, y), y != 0
    for axis in range(x.ndim):
        others = tuple(k for k in range(x.ndim) if k != axis)
        good = close.all(axis=others) & telling.any(axis=others)
        if good.any() and not close.all(axis=others).all() and len(good) > 1:
            places = [int(k) for k in np.flatnonzero(good)]
            return f"Along axis {axis}, only {_positions(places)} of {len(good)} is right." if len(places) == 1 else (
                f"Along axis {axis}, {_positions(places)} of {len(good)} are right and the others are not."
            )  # fmt: skip
    if x.ndim >= 2:
        inside = (..., slice(1, -1), slice(1, -1))
        if (close[inside] & telling[inside]).any() and close[inside].all():
            return "The interior is right, the border is not."
    return None


def _positions(places: list[int]) -> str:
    return f"position {places[0]}" if len(places) == 1 else f"the positions {', '.join(map(str, places))}"
