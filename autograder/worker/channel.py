"""Frames between the examiner and a worker: a kind, a length, and so many bytes, over a socket that both have from birth.

Either side may send anything at any time, so the reader of each frame says which kinds it takes and how long they may be.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

from autograder.check.values import MAX_BYTES, BadFrame

# From the examiner to a worker.
RUN, FORK, ASK = b"run ", b"fork", b"ask "
# From a worker to the examiner.
READY, FAILED, OUTPUT, DONE, REPLIES, CANNOT_FORK = b"redy", b"fail", b"outp", b"done", b"rply", b"nofk"

MAX_TEXT = 2**20
MAX_OUTPUT = 16 * 2**20
CAPS = {
    RUN: MAX_OUTPUT, FORK: 0, ASK: MAX_BYTES,
    READY: MAX_TEXT, FAILED: MAX_TEXT, OUTPUT: MAX_OUTPUT, DONE: MAX_TEXT, REPLIES: MAX_BYTES, CANNOT_FORK: MAX_TEXT,
}  # fmt: skip

HEADER = struct.Struct("<4sI")
_CHUNK = 2**20


class Closed(Exception):
    """The other side is gone."""


@dataclass(frozen=True)
class Frame:
    kind: bytes
    body: bytes = b""


def encode(frame: Frame) -> bytes:
    """The frame as bytes.

    Raises:
        BadFrame: the body is longer than its kind may be.
    """
    if len(frame.body) > CAPS[frame.kind]:
        raise BadFrame(f"a frame of {len(frame.body)} bytes")
    return HEADER.pack(frame.kind, len(frame.body)) + frame.body


class FrameReader:
    """Puts frames together from bytes as they come. A length is judged before anything of that length is kept."""

    def __init__(self, kinds: frozenset[bytes]) -> None:
        self.kinds = kinds
        self._buffer = bytearray()

    def feed(self, received: bytes) -> None:
        self._buffer += received

    def next(self) -> Frame | None:
        """The next whole frame, or None while there is none.

        Raises:
            BadFrame: the kind is not expected here, or the length is beyond its cap.
        """
        if len(self._buffer) < HEADER.size:
            return None
        kind, size = HEADER.unpack_from(self._buffer)
        if kind not in self.kinds:
            raise BadFrame("a frame of another kind")
        if size > CAPS[kind]:
            raise BadFrame(f"a frame of {size} bytes")
        if len(self._buffer) < HEADER.size + size:
            return None
        body = bytes(self._buffer[HEADER.size : HEADER.size + size])
        del self._buffer[: HEADER.size + size]
        return Frame(kind, body)


class Channel:
    """The worker's end: it waits for as long as it takes."""

    KINDS = frozenset((RUN, FORK, ASK))

    def __init__(self, end: socket.socket) -> None:
        self.socket = end
        self._reader = FrameReader(self.KINDS)
        self._descriptors: list[int] = []

    def send(self, kind: bytes, body: bytes = b"") -> None:
        self.socket.sendall(encode(Frame(kind, body)))

    def receive(self) -> Frame:
        """The next frame.

        Raises:
            Closed: the examiner is gone.
        """
        while (frame := self._reader.next()) is None:
            received, descriptors, _, _ = socket.recv_fds(self.socket, _CHUNK, 1)
            self._descriptors += descriptors
            if not received:
                raise Closed
            self._reader.feed(received)
        return frame

    def take_socket(self) -> socket.socket:
        """The socket that came with the frame."""
        return socket.socket(fileno=self._descriptors.pop(0))
