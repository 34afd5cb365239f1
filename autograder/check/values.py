"""Arguments and answers as data: what crosses between the student's code and whoever judges it.

A value is a number, a string, an `Array`, or a list, tuple or dict of values. Anything else becomes
`Odd`, which only says in words what it was. Bytes are a JSON tree beside the arrays, which travel
as safetensors; nothing is ever unpickled.
"""

from __future__ import annotations

import json
import struct
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

MAX_BYTES = 64 * 2**20
MAX_TREE_BYTES = 8 * 2**20
MAX_HEADER_BYTES = 4 * 2**20
MAX_INT = 2**63
MAX_ITEMS = 200_000
MAX_DEPTH = 32
_BYTES_AN_ITEM = 256  # of an array beside its numbers; less of all else

LIBRARIES = ("numpy", "torch")
DTYPES = {
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float16", "float32", "float64", "bfloat16",
}  # fmt: skip
_NAMES = {np.dtype(name): name for name in DTYPES - {"bfloat16"}}


class BadFrame(ValueError):
    """Bytes that are not a packed value, or one beyond the caps."""


@dataclass(frozen=True, eq=False)
class Array:
    """A NumPy array or torch tensor, by value. `bfloat16` is carried as float32 data."""

    library: str
    dtype: str
    data: np.ndarray
    requires_grad: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        return self.data.shape

    @property
    def kind(self) -> str:
        """`f`loat, `i`nteger (signed or not) or `b`ool."""
        return {"u": "i"}.get(self.data.dtype.kind, self.data.dtype.kind)

    @property
    def type_name(self) -> str:
        return "Tensor" if self.library == "torch" else "ndarray"


@dataclass(frozen=True)
class Odd:
    """Something that is not data. `what` completes the sentence "You return ..."."""

    what: str


Value = None | bool | int | float | complex | str | Array | Odd | list["Value"] | tuple["Value", ...] | dict[str, "Value"]


def is_tensor(x: object) -> bool:
    """Whether x is a torch tensor, without importing torch for those who do not use it."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


def freeze(x: Any, depth: int = 0) -> Value:
    """Copy an object into a value. Never raises for what a student may return."""
    if depth > MAX_DEPTH:
        return Odd("something nested too deeply")
    if isinstance(x, int) and not -MAX_INT <= x < MAX_INT:
        return Odd("an integer of more than 64 bits")
    if type(x) is str:
        return _printable(x)
    if x is None or type(x) in (bool, int, float, complex):
        return x
    if is_tensor(x):
        return _freeze_tensor(x)
    if isinstance(x, np.ma.MaskedArray):
        return Odd("a masked array")
    if isinstance(x, np.ndarray):
        return _freeze_array(x)
    if isinstance(x, np.generic):
        item = x.item()
        return item if isinstance(item, bool | int | float | complex | str) else Odd(f"a NumPy {type(x).__name__}")
    if isinstance(x, list):
        return [freeze(e, depth + 1) for e in x]
    if isinstance(x, tuple):
        return tuple(freeze(e, depth + 1) for e in x)
    if isinstance(x, dict):
        return {_printable(str(k)): freeze(v, depth + 1) for k, v in x.items()}
    if isinstance(x, int):
        return int(x)
    if isinstance(x, float):
        return float(x)
    return Odd(_in_words(x))


def _printable(text: str) -> str:
    """Text that can be written: halves of characters are replaced."""
    return text.encode("utf-8", "replace").decode()


def _in_words(x: object) -> str:
    name = type(x).__name__
    if isinstance(x, type):
        return "a class"
    if name == "generator":
        return "a generator (it has `yield` where `return` is due)"
    if callable(x) and name in ("function", "method", "builtin_function_or_method"):
        return "a function (are the parentheses of a call missing?)"
    return f"an {name}" if name[:1].lower() in "aeiou" else f"a {name}"


def _freeze_array(x: np.ndarray) -> Value:
    native = x.dtype if x.dtype.isnative else x.dtype.newbyteorder("=")
    if native not in _NAMES:
        return Odd(f"an array of dtype {x.dtype}")
    return Array("numpy", _NAMES[native], np.array(x, dtype=native, order="C", copy=True, subok=False))


def _freeze_tensor(x: Any) -> Value:
    import torch

    dtype = str(x.dtype).removeprefix("torch.")
    if x.device.type != "cpu":
        return Odd(f"a tensor on device {x.device}")
    if x.layout != torch.strided or x.is_quantized or dtype not in DTYPES:
        return Odd(f"a {dtype} tensor of layout {x.layout}")
    plain = x.detach().resolve_conj().resolve_neg()
    plain = plain.float() if dtype == "bfloat16" else plain
    return Array("torch", dtype, np.array(plain.numpy(), order="C", copy=True), bool(x.requires_grad))


def count_numbers(value: Value) -> int:
    """How many numbers the arrays in a value hold."""
    return sum(leaf.data.size for leaf in leaves(value) if isinstance(leaf, Array))


def thaw(value: Value) -> Any:
    """The object that a value stands for: a fresh one, which its owner may change."""
    if isinstance(value, Array):
        if value.library == "numpy":
            return value.data.copy()
        import torch

        tensor = torch.from_numpy(value.data.copy())
        return tensor.bfloat16() if value.dtype == "bfloat16" else tensor
    if isinstance(value, list):
        return [thaw(e) for e in value]
    if isinstance(value, tuple):
        return tuple(thaw(e) for e in value)
    if isinstance(value, dict):
        return {k: thaw(v) for k, v in value.items()}
    return value


def leaves(value: Value) -> list[Value]:
    """The parts of a value that are not containers, in order."""
    if isinstance(value, list | tuple):
        return [leaf for e in value for leaf in leaves(e)]
    if isinstance(value, dict):
        return [leaf for e in value.values() for leaf in leaves(e)]
    return [value]


def size_of(value: Value) -> tuple[int, int]:
    """How many parts a value has, with the containers, and about how many bytes it takes when it is packed: rather too many."""
    if isinstance(value, Array):
        return 1, value.data.nbytes + _BYTES_AN_ITEM
    if isinstance(value, str):
        return 1, 6 * len(value) + _BYTES_AN_ITEM  # a character may become \\u1234
    parts = value if isinstance(value, list | tuple) else [*value, *value.values()] if isinstance(value, dict) else []
    sizes = [size_of(part) for part in parts]
    keys = len(value) if isinstance(value, dict) else 0
    return 1 + sum(items for items, _ in sizes) - keys, _BYTES_AN_ITEM + sum(size for _, size in sizes)


# ---- bytes -----------------------------------------------------------------------------------------------------------


def pack(value: Value) -> bytes:
    """A value as bytes: length of the tree, the tree as JSON, the arrays as safetensors."""
    arrays: dict[str, np.ndarray] = {}
    tree = json.dumps(_to_tree(value, arrays), separators=(",", ":")).encode()
    return struct.pack("<Q", len(tree)) + tree + safetensors.numpy.save(arrays)


def unpack(frame: bytes) -> Value:
    """The value in `frame`.

    Raises:
        BadFrame: the bytes are damaged, too many, or no packed value.
    """
    if not 8 <= len(frame) <= MAX_BYTES:
        raise BadFrame(f"a frame of {len(frame)} bytes")
    (size,) = struct.unpack_from("<Q", frame)
    if size > min(len(frame) - 8, MAX_TREE_BYTES):
        raise BadFrame("the tree is longer than its frame, or than any may be")
    try:
        arrays = _unpack_arrays(frame[8 + size :])
        tree = _unpack_tree(frame[8 : 8 + size])
        value = _from_tree(tree, arrays, _Budget(MAX_ITEMS), 0)
        if arrays:
            raise BadFrame("an array that is nowhere in the tree")
        return value
    except (safetensors.SafetensorError, ValueError, RecursionError, KeyError, TypeError, OverflowError) as error:
        raise BadFrame(f"not a packed value: {type(error).__name__}") from error


def _unpack_tree(part: bytes) -> Any:
    """The tree as JSON. Its lists and dicts are counted before they are made: three bytes become a hundred."""
    if part.count(b"[") + part.count(b"{") > 2 * MAX_ITEMS:
        raise BadFrame("too many items")
    return json.loads(part.decode("ascii"))


def _unpack_arrays(part: bytes) -> dict[str, np.ndarray]:
    """The arrays in the second part of a frame. A long header can list a million empty ones: gigabytes, and seconds."""
    if len(part) < 8 or struct.unpack_from("<Q", part)[0] > MAX_HEADER_BYTES:
        raise BadFrame("the arrays have no header, or a longer one than any may have")
    return safetensors.numpy.load(part)


def _to_tree(value: Value, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, Array):
        key = str(len(arrays))
        arrays[key] = value.data
        return {"array": key, "library": value.library, "dtype": value.dtype, "requires_grad": value.requires_grad}
    if isinstance(value, Odd):
        return {"odd": value.what}
    if isinstance(value, complex):
        return {"complex": [value.real, value.imag]}
    if isinstance(value, list):
        return {"list": [_to_tree(e, arrays) for e in value]}
    if isinstance(value, tuple):
        return {"tuple": [_to_tree(e, arrays) for e in value]}
    if isinstance(value, dict):
        return {"dict": {k: _to_tree(v, arrays) for k, v in value.items()}}
    return value


class _Budget:
    """Counts items down, so that a small frame cannot become a huge tree."""

    def __init__(self, items: int) -> None:
        self.items = items

    def spend(self) -> None:
        self.items -= 1
        if self.items < 0:
            raise BadFrame("too many items")


def _from_tree(tree: Any, arrays: dict[str, np.ndarray], budget: _Budget, depth: int) -> Value:
    budget.spend()
    if depth > MAX_DEPTH + 1:
        raise BadFrame("nested too deeply")
    if isinstance(tree, int) and not -MAX_INT <= tree < MAX_INT:
        raise BadFrame("an integer of more than 64 bits")
    if isinstance(tree, str):
        return _printable(tree)
    if tree is None or isinstance(tree, bool | int | float):
        return tree
    if not isinstance(tree, dict):
        raise BadFrame(f"a bare {type(tree).__name__}")
    match tree:
        case {"array": str(key), "library": str(library), "dtype": str(dtype), "requires_grad": bool(flag)}:
            data = arrays.pop(key)  # once only: a small frame must not become a value that is large to pack
            if library not in LIBRARIES or dtype not in DTYPES or _NAMES.get(data.dtype) != {"bfloat16": "float32"}.get(dtype, dtype):
                raise BadFrame("an array that is not what it says")
            return Array(library, dtype, data, flag)
        case {"odd": str(what)}:
            return Odd(_printable(what[:200]))
        case {"complex": [float(re) | int(re), float(im) | int(im)]}:
            return complex(re, im)
        case {"list": list(items)}:
            return [_from_tree(e, arrays, budget, depth + 1) for e in items]
        case {"tuple": list(items)}:
            return tuple(_from_tree(e, arrays, budget, depth + 1) for e in items)
        case {"dict": dict(items)}:
            return {_printable(k): _from_tree(v, arrays, budget, depth + 1) for k, v in items.items()}
    raise BadFrame("an unknown kind of value")
