"""Frames as they cross from a worker to the examiner: valid ones, and ones that somebody tampered with.

`test_frames.py` tries some thousands of them, `fuzz_frames.py` (`make fuzz`) a hundred thousand.
"""

from __future__ import annotations

import itertools
import json
import struct
from collections.abc import Callable
from typing import Any

import nbformat
import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_np
from nbformat.v4 import new_code_cell, new_notebook

from autograder.check.asking import Reply
from autograder.check.values import MAX_TREE_BYTES, Array, BadFrame, Odd, Value, pack, unpack
from autograder.check.wire import KINDS, reply_from_value, reply_to_value
from autograder.examiner.workers.outputs import CellOutputs, Displays
from autograder.worker.channel import CAPS, HEADER, OUTPUT, READY, REPLIES, Frame, FrameReader, encode

# ---- what must hold --------------------------------------------------------------------------------------------------


def unpacks_or_refuses(frame: bytes) -> bool:
    """Whether the frame is accepted. An accepted value packs again, and unpacks to the same."""
    try:
        value = unpack(frame)
    except BadFrame:
        return False
    again = pack(value)
    # Numbers and text may be written shorter than `pack` writes them: then the tree grows, near its cap beyond it.
    if struct.unpack_from("<Q", again)[0] <= MAX_TREE_BYTES:
        assert identical(unpack(again), value), "packed again, it is another value"
    return True


def reply_or_refuses(frame: bytes) -> bool:
    """Whether the frame holds a reply. A reply survives being packed, and its texts are as short as they are said to be."""
    try:
        reply = reply_from_value(unpack(frame))
    except BadFrame:
        return False
    assert (type(reply), len(reply.error) <= 100, len(reply.text) <= 400, len(reply.where) <= 200) == (Reply, True, True, True)
    assert len(reply.broken_invariant) <= 200
    value = reply_to_value(reply)
    assert identical(reply_to_value(reply_from_value(unpack(pack(value)))), value), "packed again, it is another reply"
    return True


KINDS_FROM_WORKER = frozenset((READY, OUTPUT, REPLIES))


def reads_or_refuses(chunks: list[bytes]) -> bool:
    """Whether all of the stream is accepted. However it is cut, it reads the same, and nothing is lost of what was read."""
    frames, refused = read(chunks)
    assert (frames, refused) == read([b"".join(chunks)]), "it depends on how the stream is cut"
    assert b"".join(chunks).startswith(b"".join(encode(frame) for frame in frames)), "other frames than were sent"
    return not refused


def read(chunks: list[bytes]) -> tuple[list[Frame], bool]:
    """The frames of a stream up to its end or the first bad one, and whether there is a bad one."""
    reader, frames = FrameReader(KINDS_FROM_WORKER), []
    for chunk in chunks:
        reader.feed(chunk)
        try:
            while (frame := reader.next()) is not None:
                frames.append(frame)
        except BadFrame:
            return frames, True
    return frames, False


OUTPUT_MIB = 0.01


def shows_or_passes_over(events: list[bytes]) -> bool:
    """Whether something of these events is shown. Whatever is shown is a notebook's output that can be written."""
    cells = shown(events)
    notebook = new_notebook(cells=[new_code_cell(outputs=cell.outputs) for cell in cells])
    nbformat.validate(notebook)
    written = nbformat.writes(notebook).encode()
    assert len(written) < 4000 + 30 * sum(map(len, events)), "more is kept than was sent"
    return any(cell.outputs for cell in cells)


def shown(events: list[bytes]) -> list[CellOutputs]:
    """The outputs of two cells: the second half of the events is another cell's, which may change what the first one displays."""
    displays = Displays()
    cells = [CellOutputs(OUTPUT_MIB, displays) for _ in range(2)]
    for k, event in enumerate(events):
        cells[2 * k // len(events)].add(event)
    return cells


def identical(a: Any, b: Any) -> bool:
    """The same to the last bit: NaN equals NaN, and 0 is not -0."""
    if type(a) is not type(b):
        return False
    if isinstance(a, Array):
        form = [(x.library, x.dtype, x.data.dtype, x.shape, x.requires_grad, x.data.tobytes()) for x in (a, b)]
        return form[0] == form[1]
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(identical, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(identical(a[k], b[k]) for k in a)
    return repr(a) == repr(b)


# ---- values ----------------------------------------------------------------------------------------------------------

DTYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64")


def _array(library: str, data: np.ndarray, requires_grad: bool, brain: bool) -> Array:
    return Array(library, "bfloat16" if brain and data.dtype == np.float32 else data.dtype.name, data, requires_grad)


def arrays() -> st.SearchStrategy[Array]:
    shapes = st_np.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3)
    data = st.sampled_from(DTYPES).flatmap(lambda dtype: st_np.arrays(dtype, shapes))
    return st.builds(_array, st.sampled_from(("numpy", "torch")), data, st.booleans(), st.booleans())


TEXT = st.text(max_size=20)
NUMBERS = st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(), st.complex_numbers())
SCALARS = st.one_of(st.none(), NUMBERS, TEXT, TEXT.map(Odd))


def values() -> st.SearchStrategy[Value]:
    """Anything that can be packed."""
    return st.recursive(
        SCALARS | arrays(),
        lambda inner: st.one_of(
            st.lists(inner, max_size=4), st.lists(inner, max_size=4).map(tuple), st.dictionaries(TEXT, inner, max_size=4)
        ),
        max_leaves=8,
    )  # fmt: skip


# ---- damage ----------------------------------------------------------------------------------------------------------

SIZES = (0, 1, 2, 7, 8, 9, 63, 64, 65, 255, 2**15, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**40, 2**53, 2**62, 2**63 - 1, 2**63, 2**64 - 1)


def mutations() -> st.SearchStrategy[Callable[[bytes], bytes]]:
    """One change of a frame, anywhere in it."""
    where = st.floats(0, 1, exclude_max=True)
    return st.one_of(
        st.builds(_flip, where, st.integers(0, 7)),
        st.builds(_replace, where, st.integers(0, 4), st.binary(max_size=6)),
        st.builds(_replace, where, st.integers(0, 4), st.sampled_from((b"[", b"]", b"{", b"}", b'"', b",", b"9" * 30, b"\\ud800", b"NaN", b"-"))),
        st.builds(_cut, where),
        st.builds(_overwrite_size, st.booleans(), st.sampled_from(SIZES) | st.integers(0, 400)),
        st.builds(_repeat, where, where, st.integers(2, 5)),
    )


def _at(frame: bytes, where: float) -> int:
    return int(len(frame) * where)


def _flip(where: float, bit: int) -> Callable[[bytes], bytes]:
    def change(frame: bytes) -> bytes:
        k = _at(frame, where)
        return frame[:k] + bytes([b ^ 1 << bit for b in frame[k : k + 1]]) + frame[k + 1 :]

    return change


def _replace(where: float, length: int, by: bytes) -> Callable[[bytes], bytes]:
    return lambda frame: frame[: (k := _at(frame, where))] + by + frame[k + length :]


def _cut(where: float) -> Callable[[bytes], bytes]:
    return lambda frame: frame[: _at(frame, where)]


def _repeat(start: float, end: float, times: int) -> Callable[[bytes], bytes]:
    def change(frame: bytes) -> bytes:
        a, b = sorted((_at(frame, start), _at(frame, end)))
        return frame[:a] + frame[a:b] * times + frame[b:]

    return change


def _overwrite_size(of_header: bool, size: int) -> Callable[[bytes], bytes]:
    """Lie about the length of the tree, or of the arrays' header."""

    def change(frame: bytes) -> bytes:
        k = 8 + struct.unpack_from("<Q", frame)[0] if of_header and len(frame) >= 8 else 0
        return frame if k > len(frame) else frame[:k] + struct.pack("<Q", size) + frame[k + 8 :]

    return change


def _changed(frame: bytes, changes: list[Callable[[bytes], bytes]]) -> bytes:
    for change in changes:
        frame = change(frame)
    return frame


def damaged(frames: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.builds(_changed, frames, st.lists(mutations(), min_size=1, max_size=3))


# ---- forgeries: each part well made, the whole not -------------------------------------------------------------------


def frame(tree: bytes, header: bytes = b"{}", data: bytes = b"") -> bytes:
    return struct.pack("<Q", len(tree)) + tree + struct.pack("<Q", len(header)) + header + data


def array_tree(key: str = "0", **more: Any) -> dict[str, Any]:
    return {"array": key, "library": "numpy", "dtype": "float32", "requires_grad": False, **more}


JSON_ATOMS = (
    "null", "true", "NaN", "-Infinity", "1e999", "-0", "-0.0", "1e-400", "9" * 19, "-" + "9" * 19, "9" * 400, "9" * 5000, "0.1",
    '""', '"\\ud800"', '"\\u0000"', '"\\ud83d\\ude00"', '"0"', "[]", "{}", "[[]]", "1.", "01", "'a'",
)  # fmt: skip


def json_trees() -> st.SearchStrategy[str]:
    """JSON of nearly the right form, as text, because no object has a key twice."""
    keys = st.sampled_from(("list", "tuple", "dict", "complex", "odd", "array", "a", "\\ud800", "")).map(lambda k: f'"{k}"')
    atoms = st.one_of(
        st.sampled_from(JSON_ATOMS), st.builds(_array_text, st.sampled_from("012"), st.sampled_from(("float32", "bool", "O", "bfloat16")))
    )

    def wrap(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        members = st.lists(st.builds("{}:{}".format, keys, inner), max_size=4)
        return st.one_of(
            st.builds('{{"{}":[{}]}}'.format, st.sampled_from(("list", "tuple", "complex")), st.lists(inner, max_size=4).map(",".join)),
            members.map(lambda found: f'{{"dict":{{{",".join(found)}}}}}'),
            members.map(lambda found: f"{{{','.join(found)}}}"),
            st.builds(_nested, st.sampled_from((20, 33, 34, 35, 70, 1000, 3000)), st.sampled_from(('{"list":[', '{"dict":{"a":', "[")), inner),
        )

    return st.recursive(atoms, wrap, max_leaves=8)


def _array_text(key: str, dtype: str) -> str:
    return json.dumps(array_tree(key, dtype=dtype))


def _nested(depth: int, opening: str, inner: str) -> str:
    closing = "".join({"{": "}", "[": "]"}[c] for c in reversed(opening) if c in "{[")
    return opening * depth + inner + closing * depth


def headers() -> st.SearchStrategy[bytes]:
    """The header of arrays with shapes, types and places of all sorts: overlapping, beyond the end, empty and huge."""
    sizes = st.sampled_from((0, 1, 2, 3, 4, 8, 16, 2**31, 2**32, 2**61, 2**63, 2**64 - 1, 2**64, -1, 1.5, "1", None))
    small = st.integers(0, 24)
    entry = st.fixed_dictionaries(
        {
            "dtype": st.sampled_from(("F32", "F32", "F64", "U8", "BOOL", "BF16", "F16", "C64", "F8_E4M3", "F4", "I64", "f32", "", "O")),
            "shape": st.lists(st.integers(0, 4), max_size=3) | st.lists(sizes, max_size=4) | st.sampled_from(([1] * 64, [1] * 65, [0] * 3000)),
            "data_offsets": st.tuples(small, small).map(sorted) | st.lists(sizes, max_size=3),
        },
        optional={"more": st.none()},
    )
    names = st.sampled_from(("0", "0", "1", "2", "", "\ud800", "__metadata__"))
    members = st.lists(st.tuples(names, entry | st.sampled_from(({}, None, {"a": "b"}))), max_size=3)
    return members.map(lambda found: ("{" + ",".join(f"{json.dumps(k)}:{json.dumps(v)}" for k, v in found) + "}").encode())


ENCODINGS = ("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "utf-32-be")


def forged() -> st.SearchStrategy[bytes]:
    trees = st.builds(lambda text, encoding: text.encode(encoding), json_trees(), st.sampled_from(ENCODINGS))
    data = st.binary(max_size=40) | st.integers(0, 64).map(bytes)
    return st.builds(frame, trees, headers() | st.sampled_from((b"{}", b"{} ", b"")), data)


def matching() -> st.SearchStrategy[bytes]:
    """Arrays that the tree asks for, in a header that fits them or nearly."""

    def build(dtype: str, name: str, shape: list[int], shift: int, extra: bytes) -> bytes:
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        header = {"0": {"dtype": name, "shape": shape, "data_offsets": [shift, shift + size]}}
        return frame(json.dumps(array_tree(dtype=dtype)).encode(), json.dumps(header).encode(), bytes(range(256))[:size] + extra)

    names = {"float32": "F32", "float64": "F64", "uint8": "U8", "bool": "BOOL", "float16": "F16", "int64": "I64"}
    dtypes = st.sampled_from(sorted(names))
    return dtypes.flatmap(
        lambda dtype: st.builds(
            build,
            st.just(dtype),
            st.just(names[dtype]) | st.sampled_from(sorted(names.values())),
            st.lists(st.integers(0, 3), max_size=3),
            st.sampled_from((0, 0, 0, 1, 8)),
            st.sampled_from((b"", b"", b"", b"\0")),
        )
    )


# Small pieces of which many make a small frame and, if nobody counts, a large value.
PIECES = (b"[],", b"{},", b'{"list":[]},', b'{"dict":{}},', b'"",', b"0,", b"1e9,", b'{"complex":[1e9,1e9]},', b'{"odd":""},', '"é",'.encode())


def amplified(most: int) -> st.SearchStrategy[bytes]:
    """Up to `most` bytes of the same small thing: items, keys, arrays in the header, uses of one array."""

    def items(piece: bytes, size: int) -> bytes:
        return frame(b'{"list":[' + piece * (size // len(piece)) + b"0]}")

    def keys(size: int) -> bytes:
        return frame(b'{"dict":{' + b",".join(b'"%x":0' % k for k in range(size // 9)) + b"}}")

    def empty_arrays(size: int, used: bool) -> bytes:
        count = size // 120
        header = {str(k): {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]} for k in range(count)}
        tree = {"list": [array_tree(str(k), dtype="uint8") for k in range(count)] if used else []}
        return frame(json.dumps(tree).encode(), json.dumps(header).encode())

    def one_array(size: int) -> bytes:
        header = {"0": {"dtype": "F32", "shape": [size // 8], "data_offsets": [0, size // 8 * 4]}}
        return frame(json.dumps({"list": [array_tree()] * (size // 160)}).encode(), json.dumps(header).encode(), bytes(size // 8 * 4))

    size = st.integers(0, 20).map(lambda k: most >> k)
    return st.one_of(
        st.builds(items, st.sampled_from(PIECES), size), size.map(keys), st.builds(empty_arrays, size, st.booleans()), size.map(one_array)
    )


def bad_and_good_frames() -> st.SearchStrategy[bytes]:
    valid = values().map(pack)
    return st.one_of(valid, damaged(valid), damaged(valid), forged(), forged(), matching(), damaged(matching()), st.binary(max_size=60))


# ---- replies ---------------------------------------------------------------------------------------------------------


def replies() -> st.SearchStrategy[bytes]:
    """Frames that hold replies, right and wrong in form."""
    good = {
        "kind": st.sampled_from(KINDS),
        "value": values(),
        "error": TEXT,
        "text": st.text(max_size=500),
        "where": TEXT,
        "changed_inputs": st.booleans(),
    }
    more = {"ok": st.booleans() | SCALARS, "broken_invariant": st.text(max_size=300) | values(), "else": SCALARS}
    right = st.fixed_dictionaries(good, optional=more)
    nearly = st.fixed_dictionaries({k: v | SCALARS for k, v in good.items()}, optional=more)
    missing = st.fixed_dictionaries({}, optional={**good, **more})
    packed = st.one_of(right, right, nearly, missing, values()).map(pack)
    return st.one_of(packed, packed, damaged(packed))


# ---- streams ---------------------------------------------------------------------------------------------------------


def streams() -> st.SearchStrategy[list[bytes]]:
    """Frames of the channel, some of them wrong, cut anywhere."""
    kinds = st.sampled_from([*KINDS_FROM_WORKER] * 6 + [*CAPS, b"none", b"\0\0\0\0"])
    good = st.builds(lambda kind, body: HEADER.pack(kind, len(body)) + body, kinds, st.binary(max_size=40))
    lying = st.builds(
        lambda kind, size, body: HEADER.pack(kind, size) + body,
        kinds,
        st.sampled_from([s for s in SIZES if s < 2**32]) | st.sampled_from([cap + d for cap in CAPS.values() for d in (0, 1)]),
        st.binary(max_size=40),
    )
    whole = st.lists(st.one_of(good, good, good, good, lying), max_size=5).map(b"".join)
    return st.builds(_cut_up, whole | damaged(whole), st.lists(st.floats(0, 1), max_size=6))


def _cut_up(stream: bytes, at: list[float]) -> list[bytes]:
    ends = [0, *sorted(int(len(stream) * where) for where in at), len(stream)]
    return [stream[a:b] for a, b in itertools.pairwise(ends)]


# ---- outputs ---------------------------------------------------------------------------------------------------------


def outputs() -> st.SearchStrategy[list[bytes]]:
    """Events that say what a cell shows, or nearly."""
    text = st.sampled_from(("text", "", "\ud800", "ü", "<b>", "x" * 3000)) | TEXT
    anything = st.recursive(
        st.one_of(st.none(), NUMBERS_OF_JSON, text), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3)
    )
    mime = st.sampled_from(("text/plain", "text/html", "image/png", "application/json", "application/vnd.x+json", "a/b", "", "\ud800", "/"))
    data = st.dictionaries(mime, text | st.lists(text, max_size=2) | anything, max_size=3)
    kinds = st.sampled_from(("stream", "display_data", "execute_result", "error", "update_display_data", "clear_output"))
    event = st.fixed_dictionaries(
        {"output_type": kinds | kinds | kinds | anything},
        optional={
            "name": st.sampled_from(("stdout", "stderr")) | anything,
            "text": text | text | anything,
            "data": data | data | anything,
            "metadata": st.just({}) | data | anything,
            "display_id": st.sampled_from(("a", "b")) | anything,
            "execution_count": st.integers() | anything,
            "wait": st.booleans() | anything,
            "ename": text | anything,
            "evalue": text | anything,
            "traceback": st.lists(text, max_size=3) | anything,
            "more": anything,
        },
    )
    encoded = event.map(lambda e: json.dumps(e).encode())
    forged_text = json_trees().map(str.encode)
    return st.lists(st.one_of(encoded, encoded, encoded, damaged(encoded), forged_text), min_size=1, max_size=6)


NUMBERS_OF_JSON = st.one_of(st.booleans(), st.integers(), st.floats())
