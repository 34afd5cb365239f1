"""Machine code from LLVM IR, and the cache of it on disk."""

from __future__ import annotations

import ctypes
import os
import stat
from pathlib import Path

import pytest

from autograder.cuda import jit

ANSWER = "define i32 @answer() { ret i32 %d }"
TWICE = """declare i32 @number()
define i32 @twice() {
  %one = call i32 @number()
  %two = add i32 %one, %one
  ret i32 %two
}"""


def call(code: jit.Code, name: str) -> int:
    return ctypes.CFUNCTYPE(ctypes.c_int)(code.address(name))()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "scratchgrad" / "kernels"


@pytest.mark.parametrize("level", [0, 1, 2])
def test_ir_becomes_code_that_runs(level: int) -> None:
    assert call(jit.load(jit.compile_ir(ANSWER % 42, level=level)), "answer") == 42


def test_many_objects_live_side_by_side_even_with_the_same_names() -> None:
    codes = [jit.load(jit.compile_ir(ANSWER % k)) for k in range(5)]
    del codes[0]
    assert [call(code, "answer") for code in codes] == [1, 2, 3, 4]


def test_code_calls_the_functions_that_it_is_given() -> None:
    number = ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 21)
    address = ctypes.cast(number, ctypes.c_void_p).value
    assert address is not None
    assert call(jit.load(jit.compile_ir(TWICE), {"number": address}), "twice") == 42


def test_only_what_is_exported_can_be_found() -> None:
    text = ANSWER % 1 + "\ndefine i32 @other() { ret i32 2 }"
    code = jit.load(jit.compile_ir(text, exports=("answer",)))
    assert code.address("answer") != 0
    assert code.address("other") == 0


def test_invalid_ir_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="expected"):
        jit.compile_ir("define nonsense")


# ---- the cache


def counted(answers: list[int]) -> tuple[bytes, str]:
    answers.append(1)
    return b"object", "about"


def test_what_was_made_once_is_read_the_second_time(folder: Path) -> None:
    made: list[int] = []
    for _ in range(3):
        assert jit.cached(("a", "b"), lambda: counted(made)) == (b"object", "about")
    assert len(made) == 1
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize("other", [("a",), ("ab", ""), ("a", "b", ""), ("b", "a")])
def test_every_part_of_the_key_counts(other: tuple[str, ...]) -> None:
    jit.cached(("a", "b"), lambda: (b"first", None))
    assert jit.cached(other, lambda: (b"second", None)) == (b"second", None)


@pytest.mark.parametrize("content", [b"", b"\x80garbage", b"cut off"])
def test_a_damaged_entry_is_made_anew(folder: Path, content: bytes) -> None:
    jit.cached(("a",), lambda: (b"object", None))
    (entry,) = folder.iterdir()
    entry.write_bytes(content)
    assert jit.cached(("a",), lambda: (b"object", None)) == (b"object", None)
    assert jit.cached(("a",), lambda: (b"not made", None)) == (b"object", None)


def test_a_disk_that_cannot_be_written_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(file))
    assert jit.cached(("a",), lambda: (b"object", None)) == (b"object", None)


def test_a_full_disk_leaves_nothing_behind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: str, target: str) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert jit.cached(("a",), lambda: (b"object", None)) == (b"object", None)
    assert list(folder.iterdir()) == []


def test_entries_are_for_their_owner_only(folder: Path) -> None:
    """They hold machine code, which whoever can write it can make us run."""
    jit.cached(("a",), lambda: (b"object", None))
    (entry,) = folder.iterdir()
    assert stat.S_IMODE(entry.stat().st_mode) & 0o077 == 0


def test_the_cache_forgets_its_oldest_entries(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jit, "MOST_ENTRIES", 10)
    for k in range(11):
        jit.cached((str(k),), lambda: (b"object", None))
        newest = max(folder.iterdir(), key=lambda entry: entry.stat().st_mtime_ns)
        os.utime(newest, (k, k))
    made: list[int] = []
    jit.cached(("10",), lambda: counted(made))
    jit.cached(("0",), lambda: counted(made))
    assert len(made) == 1
    assert len(list(folder.iterdir())) <= 10


def test_a_mistake_while_making_is_not_kept() -> None:
    def fail() -> tuple[bytes, None]:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        jit.cached(("a",), fail)
    assert jit.cached(("a",), lambda: (b"object", None)) == (b"object", None)
