"""One process of a submission, from the examiner's side: a channel to it, and a handle to end it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Sequence

from autograder.check.values import BadFrame
from autograder.examiner.workers.warm import CREDENTIALS, NoWorker
from autograder.worker.channel import FAILED, READY, Frame, FrameReader, encode

START_SECONDS = 30
END_SECONDS = 10
LOOK_SECONDS = 0.25
_CHUNK = 2**20


class WorkerDied(Exception):
    """The worker is gone or gave no usable answer; the message says what happened."""


class OutOfTime(WorkerDied):
    """The worker gave no answer in time."""


class Process:
    """One process of a submission: the channel to it, and a handle to end it that cannot mean another process."""

    def __init__(self, channel: socket.socket, seconds: float, is_fork: bool = False) -> None:
        """Wait until the process is ready. A fork runs among the student's code, and has no say in what goes wrong here.

        Raises:
            NoWorker: it could not be confined.
            WorkerDied: it ended before.
        """
        self._channel = channel
        self._reader = FrameReader(frozenset())
        self._pid, self._handle = 0, -1
        try:
            frame = self.receive((READY,) if is_fork else (READY, FAILED), time.monotonic() + seconds)
            if frame.kind == FAILED:
                raise NoWorker(f"A worker could not be confined: {frame.body.decode('utf-8', 'replace').strip().splitlines()[-1]}")
            self._handle = os.pidfd_open(self._pid)
        except BaseException:
            channel.close()
            raise
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)

    @property
    def pid(self) -> int:
        return self._pid

    def send(self, kind: bytes, body: bytes = b"", seconds: float = START_SECONDS, pass_on: socket.socket | None = None) -> None:
        self._channel.settimeout(max(0.1, seconds))
        data = encode(Frame(kind, body))
        try:
            if pass_on is not None:
                socket.send_fds(self._channel, [data], [pass_on.fileno()])
            else:
                self._channel.sendall(data)
        except TimeoutError as error:
            raise OutOfTime from error
        except OSError as error:
            raise WorkerDied("It has ended.") from error

    def receive(self, kinds: Sequence[bytes], deadline: float, meanwhile: Callable[[], None] = lambda: None) -> Frame:
        """The next frame, of one of these kinds. `meanwhile` is called now and then, and may raise.

        Raises:
            OutOfTime: none came before the deadline.
            WorkerDied: the process ended, or sent something else.
        """
        self._reader.kinds = frozenset(kinds)
        while True:
            try:
                if (frame := self._reader.next()) is not None:
                    return frame
            except BadFrame as error:
                raise WorkerDied("It sent something that cannot be read.") from error
            left = deadline - time.monotonic()
            if left <= 0:
                raise OutOfTime
            self._wait(min(left, LOOK_SECONDS))
            meanwhile()

    def _wait(self, seconds: float) -> None:
        """Take what comes within some time. That the process has ended counts once all it sent is read."""
        poll = select.poll()
        poll.register(self._channel, select.POLLIN)
        if self._handle >= 0:
            poll.register(self._handle, select.POLLIN)
        ready = [descriptor for descriptor, _ in poll.poll(1000 * seconds)]
        if self._channel.fileno() in ready:
            try:
                received = self._take()
            except OSError:
                received = b""
            if not received:
                raise WorkerDied("It has ended.")
            self._reader.feed(received)
        elif ready:
            raise WorkerDied("It has ended.")

    def _take(self) -> bytes:
        """Read from the channel; before the process is known, with the kernel's word on who sends."""
        if self._handle >= 0:
            return self._channel.recv(_CHUNK)
        received, notes, _, _ = self._channel.recvmsg(_CHUNK, socket.CMSG_SPACE(CREDENTIALS.size))
        for level, kind, data in notes:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
                self._pid = CREDENTIALS.unpack(data)[0]
        return received

    def interrupt(self) -> None:
        self._signal(signal.SIGINT)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(OSError):
            signal.pidfd_send_signal(self._handle, number)

    def end(self) -> None:
        """End the process, and wait until it and all that it started have ended: as process 1 it is the last, and elsewhere
        the supervisor lets go of the channel when all have.
        """
        if self._handle < 0:
            return
        self.kill()
        self._channel.settimeout(END_SECONDS)
        with contextlib.suppress(OSError):
            while self._channel.recv(_CHUNK):
                pass
        poll = select.poll()
        poll.register(self._handle, select.POLLIN)
        poll.poll(1000 * END_SECONDS)
        self.forget()

    def forget(self) -> None:
        self._channel.close()
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
