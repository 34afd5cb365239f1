"""Right answers in other styles: chapter 4, memory."""

from __future__ import annotations

import itertools
from collections import deque

import numpy as np


def strides_of__products(shape: tuple[int, ...], order: str, itemsize: int) -> tuple[int, ...]:
    if order == "F":
        return tuple(itemsize * int(np.prod(shape[:k], dtype=int)) for k in range(len(shape)))
    return tuple(itemsize * int(np.prod(shape[k + 1 :], dtype=int)) for k in range(len(shape)))


def strides_of__accumulate(shape: tuple[int, ...], order: str, itemsize: int) -> list[int]:
    sides = shape if order == "F" else shape[::-1]
    strides = list(itertools.accumulate((itemsize, *sides[:-1]), lambda a, b: a * b))
    return strides if order == "F" else strides[::-1]


def strides_of__asks_numpy(shape: tuple[int, ...], order: str, itemsize: int) -> tuple[int, ...]:
    return np.empty(shape, f"V{itemsize}", order).strides


def strides_of__recursive(shape: tuple[int, ...], order: str, itemsize: int) -> tuple[int, ...]:
    if not shape:
        return ()
    if order == "C":
        return strides_of__recursive(shape[::-1], "F", itemsize)[::-1]
    return (itemsize, *strides_of__recursive(shape[1:], "F", itemsize * shape[0]))


def lines_touched__numbers_the_elements(shape: tuple[int, int], order: str, itemsize: int, line: int, i: int, j: int) -> tuple[int, int]:
    lines = np.arange(shape[0] * shape[1]).reshape(shape, order=order) * itemsize // line
    return len(np.unique(lines[i])), len(np.unique(lines[:, j]))


def lines_touched__closed_form(shape: tuple[int, int], order: str, itemsize: int, line: int, i: int, j: int) -> tuple[int, int]:
    if order == "F":
        return lines_touched__closed_form(shape[::-1], "C", itemsize, line, j, i)[::-1]
    rows, columns = shape
    first = i * columns * itemsize
    last = first + (columns - 1) * itemsize
    along = last // line - first // line + 1
    if columns * itemsize >= line:
        return along, rows
    first = j * itemsize
    last = first + (rows - 1) * columns * itemsize
    return along, last // line - first // line + 1


def lines_touched__elements_per_line(shape: tuple[int, int], order: str, itemsize: int, line: int, i: int, j: int) -> list[int]:
    per_line = line // itemsize

    def position(row: int, column: int) -> int:
        return row * shape[1] + column if order == "C" else row + column * shape[0]

    row = {position(i, column) // per_line for column in range(shape[1])}
    column = {position(row, j) // per_line for row in range(shape[0])}
    return [len(row), len(column)]


def addresses__product(shape: tuple[int, ...], strides: tuple[int, ...], loops: tuple[int, ...]) -> np.ndarray:
    found = []
    for indices in itertools.product(*(range(shape[axis]) for axis in loops)):
        found.append(sum(index * strides[axis] for index, axis in zip(indices, loops, strict=True)))
    return np.array(found)


def addresses__matrix_product(shape: tuple[int, ...], strides: tuple[int, ...], loops: tuple[int, ...]) -> np.ndarray:
    indices = np.indices([shape[axis] for axis in loops]).reshape(len(loops), -1)
    return np.array([strides[axis] for axis in loops]) @ indices


def addresses__transposed(shape: tuple[int, ...], strides: tuple[int, ...], loops: tuple[int, ...]) -> np.ndarray:
    return np.tensordot(strides, np.indices(shape), 1).transpose(loops).reshape(-1).astype(np.uint32)


def cache_misses__timestamps(accesses: np.ndarray, line: int, sets: int, ways: int) -> int:
    tags = np.full((sets, ways), -1, np.int64)
    used = np.full((sets, ways), -1)
    misses = 0
    for now, address in enumerate(accesses):
        number = address // line
        row = number % sets
        way = np.flatnonzero(tags[row] == number)
        if len(way) == 0:
            misses += 1
            way = [np.argmin(used[row])]
            tags[row, way[0]] = number
        used[row, way[0]] = now
    return misses


def cache_misses__deques(accesses: np.ndarray, line: int, sets: int, ways: int) -> int:
    cache = [deque(maxlen=ways) for _ in range(sets)]
    misses = 0
    for address in map(int, accesses):
        places = cache[(address // line) & (sets - 1)]
        if address // line in places:
            places.remove(address // line)
        else:
            misses += 1
        places.append(address // line)
    return misses


def cache_misses__distances(accesses: np.ndarray, line: int, sets: int, ways: int) -> np.int64:
    """A hit is an access with fewer than `ways` other lines of its set since the last one."""
    misses = np.int64(0)
    numbers = accesses // line
    for which in range(sets):
        own = [int(number) for number in numbers if number % sets == which]
        for k, number in enumerate(own):
            before = own[:k][::-1]
            misses += number not in before or len(set(before[: before.index(number)])) >= ways
    return misses


def cache_misses__bit_fields(accesses: np.ndarray, line: int, sets: int, ways: int) -> int:
    offset_bits, index_bits = line.bit_length() - 1, sets.bit_length() - 1
    cache: dict[int, list[int]] = {}
    misses = 0
    for address in accesses.tolist():
        index = (address >> offset_bits) & ((1 << index_bits) - 1)
        tag = address >> (offset_bits + index_bits)
        recent = cache.get(index, [])
        misses += tag not in recent
        cache[index] = [tag, *(other for other in recent if other != tag)][:ways]
    return misses


def predicted_misses__by_cases(shape: tuple[int, int], order: str, walk: str, itemsize: int, line: int, places: int) -> int:
    n = shape[0] * shape[1]
    per_line = line // itemsize
    if (order, walk) in (("C", "rows"), ("F", "columns")):
        return n // per_line
    if order == "C" and walk == "columns":
        return n // per_line if shape[0] <= places else n
    return n // per_line if shape[1] <= places else n


def predicted_misses__transposes(shape: tuple[int, int], order: str, walk: str, itemsize: int, line: int, places: int) -> int:
    if order == "F":
        return predicted_misses__transposes(shape[::-1], "C", "columns" if walk == "rows" else "rows", itemsize, line, places)
    rows, columns = shape
    per_row = -(-columns * itemsize // line)
    return rows * columns if walk == "columns" and rows > places else rows * per_row


def predicted_misses__strides(shape: tuple[int, int], order: str, walk: str, itemsize: int, line: int, places: int) -> np.int64:
    down, right = (shape[1], 1) if order == "C" else (1, shape[0])
    inner = right if walk == "rows" else down
    steps = shape[1] if walk == "rows" else shape[0]
    misses_again = inner != 1 and steps > places
    return np.prod(np.array(shape, np.int64)) // (1 if misses_again else line // itemsize)


def tiled_order__arrays(rows: int, columns: int, tile: int) -> np.ndarray:
    row, column = (index.ravel() for index in np.indices((rows, columns)))
    order = np.lexsort((column, row, column // tile, row // tile))
    return np.stack([row[order], column[order]], axis=1)


def tiled_order__skips_what_lies_outside(rows: int, columns: int, tile: int) -> np.ndarray:
    found = []
    for top in range(0, rows, tile):
        for left in range(0, columns, tile):
            for i in range(tile):
                for j in range(tile):
                    if top + i < rows and left + j < columns:
                        found.append([top + i, left + j])
    return np.array(found, dtype=np.int32)


def tiled_order__sorted(rows: int, columns: int, tile: int) -> np.ndarray:
    pairs = itertools.product(range(rows), range(columns))
    return np.array(sorted(pairs, key=lambda pair: (pair[0] // tile, pair[1] // tile, pair)))


def vector_steps__divmod(n: int, itemsize: int, register_bits: int) -> int:
    return sum(divmod(n, register_bits // (8 * itemsize)))


def vector_steps__counting(n: int, itemsize: int, register_bits: int) -> int:
    lanes = register_bits // (8 * itemsize)
    steps = 0
    while n >= lanes:
        n -= lanes
        steps += 1
    return steps + n


def vector_steps__floats(n: int, itemsize: int, register_bits: int) -> int:
    lanes = int(register_bits / 8 / itemsize)
    full = int(np.floor(n / lanes))
    return full + (n - full * lanes)
