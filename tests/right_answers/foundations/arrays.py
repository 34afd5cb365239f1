"""Right answers in other styles: arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray
from numpy.random import Generator


def axis_roles__loop(shape: tuple[int, ...], layout: str) -> dict[str, int]:
    roles = {}
    for k in range(len(shape)):
        roles[layout[k]] = shape[k]
    return roles


def axis_roles__comprehension(shape: tuple[int, ...], layout: str) -> dict[str, int]:
    return {letter: shape[layout.index(letter)] for letter in reversed(layout)}


def axis_roles__asks_an_array(shape: tuple[int, ...], layout: str) -> dict[str, int]:
    return {letter: np.int64(size) for letter, size in zip(layout, np.array(shape, dtype=np.int64), strict=True)}  # type: ignore[misc]


def find_layout__loops(picture: ndarray, down: int, right: int, channel: int) -> str:
    for i in range(picture.shape[0]):
        for j in range(picture.shape[1]):
            for k in range(picture.shape[2]):
                if picture[i, j, k] != 0:
                    layout = ""
                    for index in (i, j, k):
                        layout += "H" if index == down else "W" if index == right else "C"
                    return layout
    return ""


def find_layout__nonzero(picture: ndarray, down: int, right: int, channel: int) -> str:
    indices = [int(index[0]) for index in np.nonzero(picture)]
    layout = ["", "", ""]
    for letter, index in zip("HWC", (down, right, channel), strict=True):
        layout[indices.index(index)] = letter
    return "".join(layout)


def find_layout__tries_all(picture: ndarray, down: int, right: int, channel: int) -> str:
    place = {"H": down, "W": right, "C": channel}
    for layout in ("HWC", "HCW", "WHC", "WCH", "CHW", "CWH"):
        i, j, k = (place[letter] for letter in layout)
        if i < picture.shape[0] and j < picture.shape[1] and k < picture.shape[2] and picture[i, j, k] != 0:
            return layout
    raise ValueError


def find_layout__unravel(picture: ndarray, down: int, right: int, channel: int) -> str:
    found = np.unravel_index(np.argmax(np.abs(picture)), picture.shape)
    return "".join("HWC"[(down, right, channel).index(int(i))] for i in found)


def find_layout__flattened(picture: ndarray, down: int, right: int, channel: int) -> str:
    place = picture.flatten().tolist().index(picture.sum())
    rest, last = divmod(place, picture.shape[2])
    first, middle = divmod(rest, picture.shape[1])
    return str({down: "H", right: "W"}.get(first, "C") + {down: "H", right: "W"}.get(middle, "C") + {down: "H", right: "W"}.get(last, "C"))


def to_nchw__loops(batch: ndarray) -> ndarray:
    n, h, w, c = batch.shape
    result = np.empty((n, c, h, w), dtype=batch.dtype)
    for k in range(n):
        for channel in range(c):
            for i in range(h):
                for j in range(w):
                    result[k, channel, i, j] = batch[k, i, j, channel]
    return result


def to_nchw__moveaxis(batch: ndarray) -> ndarray:
    return np.moveaxis(batch, -1, 1)


def to_nchw__einsum(batch: ndarray) -> ndarray:
    return np.einsum("nhwc->nchw", batch).copy()


def to_nchw__two_swaps(batch: ndarray) -> ndarray:
    return np.ascontiguousarray(batch.swapaxes(2, 3).swapaxes(1, 2))


def to_nchw__stacks_channels(batch: ndarray) -> ndarray:
    return np.stack([batch[..., channel] for channel in range(batch.shape[3])], axis=1)


def contact_sheet__pads_and_transposes(pictures: ndarray, columns: int) -> ndarray:
    n, h, w = pictures.shape
    missing = -n % columns
    full = np.pad(pictures, ((0, missing), (0, 0), (0, 0)))
    return full.reshape(-1, columns, h, w).swapaxes(1, 2).reshape(-1, columns * w)


def contact_sheet__pixels(pictures: ndarray, columns: int) -> ndarray:
    n, h, w = pictures.shape
    rows = int(np.ceil(n / columns))
    sheet = np.zeros((rows * h, columns * w)).astype(pictures.dtype)
    for y in range(rows * h):
        for x in range(columns * w):
            k = (y // h) * columns + x // w
            if k < n:
                sheet[y, x] = pictures[k, y % h, x % w]
    return sheet


def contact_sheet__block(pictures: ndarray, columns: int) -> ndarray:
    rows = []
    for start in range(0, len(pictures), columns):
        row = list(pictures[start : start + columns])
        while len(row) < columns:
            row.append(np.zeros_like(pictures[0]))
        rows.append(row)
    return np.block(rows)


def contact_sheet__stacks(pictures: ndarray, columns: int) -> ndarray:
    empty = np.zeros(pictures.shape[1:], pictures.dtype)
    waiting, strips = list(pictures), []
    while waiting:
        row, waiting = waiting[:columns], waiting[columns:]
        strips.append(np.hstack(row + [empty] * (columns - len(row))))
    return np.vstack(strips)


def make_array__empty_then_filled(shape: tuple[int, ...], dtype: str, fill: float | str, rng: Generator, scale: float = 1.0) -> ndarray:
    array = np.empty(shape, dtype=np.dtype(dtype))
    if isinstance(fill, str):
        draws = scale * rng.standard_normal(size=shape) if fill == "normal" else scale * (2 * rng.random(size=shape) - 1)
        array[...] = draws
    else:
        array.fill(fill)
    return array


def make_array__zeros_plus(shape: tuple[int, ...], dtype: str, fill: float | str, rng: Generator, scale: float = 1.0) -> Any:
    if fill == "normal":
        return (np.zeros(shape) + rng.normal(size=shape) * scale).astype(dtype)
    if fill == "uniform":
        return rng.uniform(low=-scale, high=scale, size=shape).astype(dtype)
    return (np.zeros(shape) + fill).astype(dtype)


def make_array__one_by_one(shape: tuple[int, ...], dtype: str, fill: float | str, rng: Generator, scale: float = 1.0) -> ndarray:
    numbers: list[Any] = []
    for _ in range(int(np.prod(shape))):
        if fill == "normal":
            numbers.append(rng.normal(0, scale))
        elif fill == "uniform":
            numbers.append(rng.uniform(-scale, scale))
        else:
            numbers.append(fill)
    return np.array(numbers, dtype).reshape(shape)


def make_array__in_its_precision(shape: tuple[int, ...], dtype: str, fill: float | str, rng: Generator, scale: float = 1.0) -> Any:
    if fill == "normal":
        return rng.standard_normal(shape, dtype=dtype) * np.dtype(dtype).type(scale)  # type: ignore[arg-type]
    if fill == "uniform":
        return (rng.random(shape, dtype=dtype) - np.dtype(dtype).type(0.5)) * np.dtype(dtype).type(2 * scale)  # type: ignore[arg-type]
    return np.ones(shape, dtype) * np.dtype(dtype).type(fill)


def select__short(x: ndarray) -> Any:
    return x[1][2], x[1], x.T[1], x[1:3, 1:], x[::3, ::2]


def select__all_indices(x: ndarray) -> Any:
    rows, columns = x.shape
    return [x.item(1, 2), x[1, 0:columns], x[0:rows, 1], x[1:-1][:2, 1:columns] if rows > 3 else x[1:rows, 1:], x[0:rows:3, 0:columns:2]]


def select__slices(x: ndarray) -> Any:
    return (
        float(x[1, 2]) if x.dtype.kind == "f" else x[1, 2],
        x[slice(1, 2)][0],
        x[..., 1],
        x[slice(1, 3), slice(1, None)],
        x[slice(0, None, 3)][:, 0::2],
    )


def select__in_two_steps(x: ndarray) -> Any:
    row = x[1]
    middle = x[1:][:2]
    return row[2], row, x[:, 1:2].squeeze(1), middle[:, 1:], x[range(len(x))[0] :: 3].T[::2].T
