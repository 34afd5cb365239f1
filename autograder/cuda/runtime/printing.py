"""What printf in a kernel says: the records of printing.cu as text."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from autograder.cuda.layout import PrintRecord

CONVERSION = re.compile(r"%([-+ #0]*)(\*|\d+)?(?:\.(\*|\d+)?)?(hh|h|ll|l|L|j|z|t)?([diouxXcpsfFeEgGaA%])|%")
WIDEST = 1000  # what a width or a precision may ask for
HEADER_BYTES = 16
BITS = {"hh": 8, "h": 16, None: 32}


def texts(records: bytes) -> Iterator[str]:
    """What each call of printf printed, in order, as C's printf would."""
    at = 0
    while at < len(records):
        header = PrintRecord.from_buffer_copy(records, at)
        begin = at + HEADER_BYTES
        values = _Values(records, begin + header.format_bytes, at + header.bytes)
        form = records[begin : begin + header.format_bytes - 1].decode("utf-8", "replace")
        yield CONVERSION.sub(lambda match, values=values: _converted(match, values), form)  # type: ignore[misc]
        at += header.bytes


class _Values:
    """The values behind a record's format, one after another."""

    def __init__(self, records: bytes, at: int, end: int) -> None:
        self._records = records
        self._at, self._end = at, end

    def bits(self) -> int:
        begin, self._at = self._at, min(self._at + 8, self._end)
        return int.from_bytes(self._records[begin : self._at], "little")  # 0 where none is left: the format is none of C's

    def text(self) -> str:
        length = self.bits()
        begin, self._at = self._at, min(self._at + length, self._end)
        return self._records[begin : self._at].decode("utf-8", "replace")


def _converted(match: re.Match[str], values: _Values) -> str:
    flags, width, precision, length, letter = match.groups()
    if letter in ("%", None):
        return "%"
    width = _star(width, values)
    dot = "." in match.group().split(letter)[0]
    precision = _star(precision, values) or "0" if dot else None
    if width.startswith("-"):
        flags, width = flags + "-", width[1:]
    if precision is not None and precision.startswith("-"):
        precision = None  # as C has it: as if there were none
    return f"%{flags}{width}{'' if precision is None else f'.{precision}'}{_python_letter(letter)}" % _value(letter, length, values)


def _star(number: str | None, values: _Values) -> str:
    if not number:
        return ""
    wanted = _signed(values.bits(), 32) if number == "*" else int(number[:9])
    return str(max(-WIDEST, min(wanted, WIDEST)))


def _python_letter(letter: str) -> str:
    return {"u": "d", "i": "d", "p": "s", "a": "s", "A": "s"}.get(letter, letter)


def _value(letter: str, length: str | None, values: _Values) -> int | float | str:
    if letter == "s":
        return values.text()
    bits = values.bits()
    if letter in "fFeEgG":
        return _double(bits)
    if letter in "aA":
        return _double(bits).hex()
    if letter == "p":
        return f"{bits:#x}"
    if letter == "c":
        return chr(bits & 0xFF)
    size = BITS.get(length, 64)
    return _signed(bits, size) if letter in "di" else bits & ((1 << size) - 1)


def _double(bits: int) -> float:
    (value,) = struct.unpack("<d", struct.pack("<Q", bits))
    return float(value)


def _signed(bits: int, size: int) -> int:
    bits &= (1 << size) - 1
    return bits - (1 << size) if bits >> (size - 1) else bits
