"""Is an answer the expected one, and if not, where does it differ?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autograder.check.values import Array, Odd, Value

# What another order of the same operations may change, with room to spare: relative to the value, and absolute.
TOLERANCES = {"float64": (1e-7, 1e-9), "float32": (1e-4, 1e-5)}


@dataclass(frozen=True)
class Tolerance:
    """How far an answer may be from the expected one: |got - expected| <= atol + rtol * |expected|."""

    rtol: float
    atol: float

    @classmethod
    def of(cls, precision: str, factor: float = 1.0) -> Tolerance:
        rtol, atol = TOLERANCES[precision]
        return cls(rtol * factor, atol * factor)

    def close(self, got: np.ndarray, expected: np.ndarray) -> np.ndarray:
        """Element by element; NaN equals NaN."""
        if expected.dtype.kind in "iub" and got.dtype.kind in "iub":
            return got == expected
        with np.errstate(all="ignore"):
            return np.isclose(got.astype(np.float64), expected.astype(np.float64), self.rtol, self.atol, equal_nan=True)


def same(got: Value, expected: Value, tolerance: Tolerance, values: bool = True) -> bool:
    """Same structure, shape, kind and precision, and values within the tolerance (unless `values` is False)."""
    if isinstance(expected, Array):
        return isinstance(got, Array) and _same_form(got, expected) and (not values or _same_numbers(got, expected, tolerance))
    if isinstance(expected, list | tuple):
        return (
            isinstance(got, list | tuple)
            and len(got) == len(expected)
            and all(same(g, e, tolerance, values) for g, e in zip(got, expected, strict=True))
        )
    if isinstance(expected, dict):
        return isinstance(got, dict) and got.keys() == expected.keys() and all(same(got[k], expected[k], tolerance, values) for k in expected)
    got = scalar(got)
    if isinstance(expected, float) and type(got) in (int, float):
        return not values or bool(tolerance.close(np.array(float(got)), np.array(expected)))  # type: ignore[arg-type]
    if isinstance(expected, Odd) or type(got) is not type(expected):
        return False
    return not values or got == expected


def scalar(value: Value) -> Value:
    """An array without axes stands for its number."""
    return value.data.item() if isinstance(value, Array) and value.shape == () else value


def _same_form(got: Array, expected: Array) -> bool:
    return got.library == expected.library and got.shape == expected.shape and got.kind == expected.kind and precise_enough(got, expected)


def precise_enough(got: Array, expected: Array) -> bool:
    """Floats are at least as precise as the reference's, which follows its inputs."""
    return expected.kind != "f" or got.data.dtype.itemsize >= expected.data.dtype.itemsize


def _same_numbers(got: Array, expected: Array, tolerance: Tolerance) -> bool:
    return bool(tolerance.close(got.data, expected.data).all())


def type_name(value: Value) -> str:
    """What a value is, with its article, for a sentence."""
    if value is None:
        return "None"
    if isinstance(value, Odd):
        return value.what
    if isinstance(value, Array):
        return "a Tensor" if value.library == "torch" else "an ndarray"
    name = {"str": "string"}.get(type(value).__name__, type(value).__name__)
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


def difference(got: Value, expected: Value, tolerance: Tolerance, name: str = "answer") -> list[str]:
    """Sentences on how `got` differs: its type, its shape or dtype, or the first differing index and the largest error."""
    if isinstance(expected, Array):
        return _array_difference(got, expected, tolerance, name)
    if isinstance(expected, list | tuple):
        return _sequence_difference(got, expected, tolerance, name)
    if isinstance(expected, dict) and isinstance(got, dict):
        return _dict_difference(got, expected, tolerance, name)
    got = scalar(got)
    if not same(got, expected, tolerance, values=False):
        return [f"{name} is {type_name(got)}; {type_name(expected)} is expected."]
    if not same(got, expected, tolerance):
        return [f"{name}: expected {number(expected)}, got {number(got)}."]
    return []


def _array_difference(got: Value, expected: Array, tolerance: Tolerance, name: str) -> list[str]:
    if not isinstance(got, Array) or got.library != expected.library:
        return [f"{name} is {type_name(got)}; {type_name(expected)} of shape {expected.shape} is expected."]
    if got.shape != expected.shape:
        return [f"{name} has shape {got.shape}; {expected.shape} is expected."]
    if got.kind != expected.kind or not precise_enough(got, expected):
        return [f"{name} has dtype {got.dtype}; {expected.dtype} is expected."]
    close = tolerance.close(got.data, expected.data)
    if close.all():
        return []
    at = tuple(int(i) for i in np.argwhere(~close)[0])
    where = f"{name}[{', '.join(map(str, at))}]" if at else name
    said = [f"First difference: {where} should be {number(expected.data[at].item())}, got {number(got.data[at].item())}."]
    if got.kind == "f" and not np.isfinite(got.data).all():
        said.append(f"{int((~np.isfinite(got.data)).sum())} of {got.data.size} values are NaN or infinite.")
    else:
        error = np.abs(got.data.astype(np.float64) - expected.data.astype(np.float64))
        said.append(f"{int((~close).sum())} of {close.size} values differ; the largest error is {number(float(error.max()))}.")
    return said


def _sequence_difference(got: Value, expected: list[Value] | tuple[Value, ...], tolerance: Tolerance, name: str) -> list[str]:
    if not isinstance(got, list | tuple):
        return [f"{name} is {type_name(got)}; {type_name(expected)} of {len(expected)} is expected."]
    if len(got) != len(expected):
        shown = f" Expected {short(expected)}, got {short(got)}." if _plain(expected) and _plain(got) else ""
        return [f"{name} has {len(got)} items; {len(expected)} are expected.{shown}"]
    for k, (g, e) in enumerate(zip(got, expected, strict=True)):
        if not same(g, e, tolerance):
            return difference(g, e, tolerance, f"{name}[{k}]")
    return []


def _dict_difference(got: dict[str, Value], expected: dict[str, Value], tolerance: Tolerance, name: str) -> list[str]:
    if got.keys() != expected.keys():
        return [f"{name} has the keys {sorted(got)}; {sorted(expected)} are expected."]
    for k in expected:
        if not same(got[k], expected[k], tolerance):
            return difference(got[k], expected[k], tolerance, f"{name}[{k!r}]")
    return []


def _plain(value: list[Value] | tuple[Value, ...]) -> bool:
    return all(isinstance(v, bool | int | float | str) for v in value)


def short(value: Value) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def number(value: Value) -> str:
    """A number as a person would write it; other values shortened."""
    if isinstance(value, bool) or not isinstance(value, float):
        return short(value)
    return f"{value:.6g}"
