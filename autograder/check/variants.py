"""Other ways to ask the same question: another memory layout, precision or integer inputs, twice in a row.

The author of an exercise writes a case once. A right answer does not depend on how its inputs lie in
memory; these variants find the ones that do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.check.values import is_tensor

PLAIN = "plain"


@dataclass(frozen=True)
class Group:
    """Variants that guard one property and share its points."""

    name: str
    share: float
    hint: str


LAYOUT = Group(
    "memory layout",
    0.1,
    "Your function gives another answer when an input is a transposed or strided view of a larger array."
    " Rely on shapes and indices, never on how the numbers lie in memory: `reshape` follows the axes, `view` and `.data` do not.",
)
PRECISION = Group(
    "precision",
    0.1,
    "The precision of your answer does not follow the inputs. float32 in gives float32 (or better) out, and float64 must stay"
    " float64 all the way through: look for a buffer or a constant made with a fixed dtype.",
)
INTEGERS = Group(
    "integer inputs",
    0.1,
    "With integer inputs the answer is wrong. Integers count as float64 here: a buffer that takes the inputs' dtype cuts the fractions off.",
)
REPEAT = Group(
    "asked again",
    0.1,
    "The first answer is right, and the same question asked again gets another answer. Something is remembered between"
    " calls: a global, a default argument that is changed, or an array that is shared.",
)
UNCHANGED = Group(
    "inputs unchanged",
    0.1,
    "Your function changes its inputs, which belong to the caller. Work on a copy, or use `x = x + 1` in place of `x += 1`.",
)
GRADIENTS = Group(
    "gradients",
    0.1,
    "The values are right, the gradients that flow back through your function are not."
    " `.detach()`, `.item()`, `.numpy()` and `torch.tensor(x)` all cut the graph.",
)
GROUPS = {group.name: group for group in (LAYOUT, PRECISION, INTEGERS, REPEAT, UNCHANGED, GRADIENTS)}


def map_arrays(f: Callable[[Any], Any], x: Any) -> Any:
    """Apply f to every array and tensor inside x."""
    if isinstance(x, np.ndarray) or is_tensor(x):
        return f(x)
    if isinstance(x, list | tuple):
        return type(x)(map_arrays(f, e) for e in x)
    if isinstance(x, dict):
        return {k: map_arrays(f, v) for k, v in x.items()}
    return x


def _is_float(x: Any) -> bool:
    return x.is_floating_point() if is_tensor(x) else x.dtype.kind == "f"


def _fortran(x: Any) -> Any:
    if x.ndim < 2:
        return x
    axes = tuple(reversed(range(x.ndim)))
    if is_tensor(x):
        return x.permute(axes).contiguous().permute(axes)
    return np.asfortranarray(x)


def _strided(x: Any) -> Any:
    """The same numbers as every second element of a wider array, whose other elements are not zero."""
    if x.ndim == 0:
        return x
    if is_tensor(x):
        wide = x.new_empty((*x.shape[:-1], 2 * x.shape[-1]))
        wide[..., 1::2] = x.flip(-1)
    else:
        wide = np.empty((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
        wide[..., 1::2] = x[..., ::-1]
    wide[..., ::2] = x
    return wide[..., ::2]


def _to(precision: str) -> Callable[[Any], Any]:
    def cast(x: Any) -> Any:
        if not _is_float(x):
            return x
        if is_tensor(x):
            import torch

            return x.to(getattr(torch, precision))
        return x.astype(precision)

    return cast


def as_integers(x: Any) -> Any:
    """Round three times the float values, so that few of them become 0."""
    if not _is_float(x):
        return x
    return (3 * x).round().long() if is_tensor(x) else np.rint(3 * x).astype(np.int64)


def share_equal_arrays(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Pass the first of several arrays of one shape and dtype in place of the others."""
    seen: dict[Any, Any] = {}

    def shared(x: Any) -> Any:
        if not (isinstance(x, np.ndarray) or is_tensor(x)):
            return x
        return seen.setdefault((type(x), tuple(x.shape), x.dtype), x)

    return tuple(shared(x) for x in args)


def _everywhere(f: Callable[[Any], Any]) -> Callable[..., tuple[Any, ...]]:
    return lambda args, numbers: tuple(map_arrays(f, x) for x in args)


def _integers(args: tuple[Any, ...], numbers: tuple[int, ...]) -> tuple[Any, ...]:
    return tuple(map_arrays(as_integers, x) if k in numbers else x for k, x in enumerate(args))


def _as_is(args: tuple[Any, ...], numbers: tuple[int, ...]) -> tuple[Any, ...]:
    return args


@dataclass(frozen=True)
class Variant:
    """`change(args, numbers)` returns the arguments as this variant passes them.

    `numbers` are the positions that the exercise's text calls numbers, integer or not.
    """

    group: Group
    change: Callable[[tuple[Any, ...], tuple[int, ...]], tuple[Any, ...]]
    in_words: str


VARIANTS: dict[str, Variant] = {
    "fortran": Variant(LAYOUT, _everywhere(_fortran), "columns contiguous"),
    "strided": Variant(LAYOUT, _everywhere(_strided), "strided views"),
    "float32": Variant(PRECISION, _everywhere(_to("float32")), "in float32"),
    "float64": Variant(PRECISION, _everywhere(_to("float64")), "in float64"),
    "integers": Variant(INTEGERS, _integers, "integers"),
    "same array": Variant(REPEAT, lambda args, numbers: share_equal_arrays(args), "one array passed twice"),
    "twice": Variant(REPEAT, _as_is, "asked twice"),
    "gradients": Variant(GRADIENTS, _as_is, "gradients"),
}


def changes_anything(name: str, args: tuple[Any, ...], numbers: tuple[int, ...]) -> bool:
    """Whether this variant asks anything that the plain question does not."""
    if name in ("twice", "gradients"):
        return True
    changed = VARIANTS[name].change(args, numbers)
    if name == "same array":
        return any(a is not b for a, b in zip(args, changed, strict=True))
    before, after = _layouts(args), _layouts(changed)
    return before != after


def _layouts(args: tuple[Any, ...]) -> list[Any]:
    found: list[Any] = []

    def note(x: Any) -> Any:
        found.append((str(x.dtype), x.stride() if is_tensor(x) else x.strides))
        return x

    for x in args:
        map_arrays(note, x)
    return found
