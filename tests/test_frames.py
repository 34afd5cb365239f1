"""What crosses from a worker to the examiner: any bytes give a value or BadFrame, soon and in little memory."""

from __future__ import annotations

import json
import resource
import struct
import time

import frames
import numpy as np
import pytest
from frames import array_tree, frame, identical
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder.check.values import MAX_HEADER_BYTES, MAX_ITEMS, MAX_TREE_BYTES, BadFrame, Value, freeze, pack, unpack
from autograder.check.wire import reply_from_value

MOST_SECONDS = 2.0
MOST_BYTES = 512 * 2**20

many = settings(max_examples=800, deadline=None, database=None, suppress_health_check=list(HealthCheck))
few = settings(many, max_examples=40)


@many
@given(frames.values())
def test_what_is_packed_unpacks_to_the_same(value: Value) -> None:
    assert identical(unpack(pack(value)), value)


@many
@given(frames.bad_and_good_frames())
def test_any_bytes_are_a_value_or_refused(bytes_: bytes) -> None:
    frames.unpacks_or_refuses(bytes_)


@many
@given(frames.replies())
def test_any_value_is_a_reply_or_refused(bytes_: bytes) -> None:
    frames.reply_or_refuses(bytes_)


@many
@given(frames.streams())
def test_a_stream_reads_the_same_however_it_is_cut(chunks: list[bytes]) -> None:
    frames.reads_or_refuses(chunks)


@many
@given(frames.outputs())
def test_any_event_is_an_output_or_passed_over(events: list[bytes]) -> None:
    frames.shows_or_passes_over(events)


@few
@given(frames.amplified(2**20))
def test_many_small_things_are_counted(bytes_: bytes) -> None:
    frames.unpacks_or_refuses(bytes_)


def header(dtype: str = "F32", shape: object = (1,), offsets: object = (0, 4), name: str = "0") -> bytes:
    return json.dumps({name: {"dtype": dtype, "shape": shape, "data_offsets": offsets}}).encode()


def arrays_in_header(count: int) -> bytes:
    return b"{" + b",".join(b'"%d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}' % k for k in range(count)) + b"}"


ARRAY = json.dumps(array_tree()).encode()
TWO = json.dumps({"list": [array_tree("0"), array_tree("1")]}).encode()
OVERLAPPING = json.dumps({str(k): {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} for k in range(2)}).encode()

MALICIOUS = {
    "nothing": b"",
    "a pickle": b"\x80\x04\x95cposix\nsystem\n(S'touch x'\ntR.",
    "a tree longer than the frame": struct.pack("<Q", 2**63) + b"0",
    "a tree longer than any may be": frame(b" " * (MAX_TREE_BYTES + 1) + b"0"),
    "no arrays": struct.pack("<Q", 1) + b"0",
    "a header longer than the frame": frame(b"0")[:-2] + b"x",
    "a header of 2**64 bytes": struct.pack("<Q", 1) + b"0" + b"\xff" * 8,
    "no tree": frame(b""),
    "another encoding": frame('{"list":["a"]}'.encode("utf-16")),
    "two trees": frame(b"0 0"),
    "a bare list": frame(b"[1]"),
    "an unknown kind": frame(b'{"set":[1]}'),
    "a number of 400 digits": frame(b"9" * 400),
    "a number of 5,000 digits": frame(b"9" * 5000),
    "a complex number larger than a float": frame(b'{"complex":[' + b"9" * 400 + b",0]}"),
    "a list in a complex number": frame(b'{"complex":[[],0]}'),
    "deep lists": frame(b'{"list":[' * 40 + b"]}" * 40),
    "100,000 lists deep": frame(b'{"list":[' * 100_000 + b"]}" * 100_000),
    "too many items": frame(b'{"list":[' + b"0," * MAX_ITEMS + b"0]}"),
    "8 MB of empty lists": frame(b'{"list":[' + b"[]," * 2_700_000 + b"[]]}"),
    "8 MB of keys": frame(b'{"dict":{' + b",".join(b'"%x":{}' % k for k in range(700_000)) + b"}}"),
    "an array that is not there": frame(ARRAY),
    "an array that nobody asked for": frame(b"0", header(), bytes(4)),
    "an array asked for twice": frame(json.dumps({"list": [array_tree()] * 2}).encode(), header(), bytes(4)),
    "another dtype than it says": frame(ARRAY, header("I32"), bytes(4)),
    "a dtype that NumPy has not": frame(ARRAY, header("BF16", (2,)), bytes(4)),
    "a dtype that no one has": frame(ARRAY, header("O"), bytes(4)),
    "an object dtype": frame(json.dumps(array_tree(dtype="object")).encode(), header(), bytes(4)),
    "another library": frame(json.dumps(array_tree(library="os")).encode(), header(), bytes(4)),
    "a shape larger than its data": frame(ARRAY, header(shape=(2,)), bytes(4)),
    "a shape smaller than its data": frame(ARRAY, header(shape=()), bytes(8)),
    "a shape whose size overflows": frame(ARRAY, header(shape=(2**62, 4, 2), offsets=(0, 0))),
    "a negative shape": frame(ARRAY, header(shape=(-1,)), bytes(4)),
    "a shape of 65 axes": frame(ARRAY, header(shape=[1] * 65), bytes(4)),
    "an empty array of 2**64 rows": frame(ARRAY, header(shape=(2**64 - 1, 0), offsets=(0, 0))),
    "data beyond the end": frame(ARRAY, header(offsets=(4, 8)), bytes(4)),
    "data that ends before it starts": frame(ARRAY, header(offsets=(4, 0)), bytes(4)),
    "overlapping arrays": frame(TWO, OVERLAPPING, bytes(4)),
    "bytes after the arrays": frame(ARRAY, header(), bytes(5)),
    "a header that is a list": frame(b"0", b"[]"),
    "an entry without a shape": frame(ARRAY, b'{"0":{"dtype":"F32","data_offsets":[0,4]}}', bytes(4)),
    "half a million arrays in the header": frame(b"0", arrays_in_header(500_000)),
    "as many arrays in the header as it may have": frame(b"0", arrays_in_header(MAX_HEADER_BYTES // 60)),
}


@pytest.mark.parametrize("name", MALICIOUS)
def test_malicious_frame_is_refused_soon_and_in_little_memory(name: str) -> None:
    before, start = peak_bytes(), time.process_time()
    with pytest.raises(BadFrame):
        unpack(MALICIOUS[name])
    assert time.process_time() - start < MOST_SECONDS
    assert peak_bytes() - before < MOST_BYTES


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


ODD_BUT_DATA = {
    "a key twice: the last one counts": (b'{"dict":{"a":1,"a":2}}', {"a": 2}),
    "half a character": (b'"\\ud800"', "?"),
    "half a character in a key": (b'{"dict":{"\\ud800":1}}', {"?": 1}),
    "half a character in words": (b'{"list":["\\udfff"]}', ["?"]),
    "beyond all floats": (b"1e999", float("inf")),
}


@pytest.mark.parametrize("name", ODD_BUT_DATA)
def test_odd_text_is_still_data(name: str) -> None:
    tree, expected = ODD_BUT_DATA[name]
    assert unpack(frame(tree)) == expected


def test_keys_of_a_students_dict_can_be_written() -> None:
    assert freeze({"\ud800": 1}) == {"?": 1}


REPLY: dict[str, Value] = {"kind": "answer", "value": 1, "error": "", "text": "", "where": "", "changed_inputs": False}
NO_REPLIES = {
    "no dict": [1],
    "no value": {k: v for k, v in REPLY.items() if k != "value"},
    "an unknown kind": {**REPLY, "kind": "right"},
    "a kind that is a list": {**REPLY, "kind": ["answer"]},
    "a number for a text": {**REPLY, "text": 1},
    "a number for a truth": {**REPLY, "changed_inputs": 1},
}


@pytest.mark.parametrize("name", NO_REPLIES)
def test_another_form_is_no_reply(name: str) -> None:
    with pytest.raises(BadFrame):
        reply_from_value(NO_REPLIES[name])


def test_what_is_as_usual_may_be_left_out() -> None:
    assert reply_from_value({"kind": "answer", "value": 1}) == reply_from_value(REPLY)


def test_no_reply_is_refused_without_writing_its_arrays_out() -> None:
    arrays: Value = [freeze(np.random.default_rng(0).normal(size=900)) for _ in range(3000)]
    start = time.process_time()
    with pytest.raises(BadFrame):
        reply_from_value({**REPLY, "broken_invariant": arrays})
    assert time.process_time() - start < 0.5


@given(st.one_of(st.tuples(st.just("else"), frames.values()), st.just(("ok", True)), st.tuples(st.just("broken_invariant"), st.text())))
def test_what_a_worker_adds_changes_no_answer(added: tuple[str, Value]) -> None:
    reply = reply_from_value({**REPLY, added[0]: added[1]})
    assert (reply.kind, reply.value, reply.error) == ("answer", 1, "")
