"""What a worker tries, once, to learn whether its walls hold on this machine. Runs confined, as a submission would."""

from __future__ import annotations

import errno
import mmap
import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from autograder.worker.jail import linux
from autograder.worker.limits import Limits

LIMITS = Limits(memory_gib=0.25, processes=8)
_FORKS = 4 * LIMITS.processes


@dataclass(frozen=True)
class Targets:
    """What must be out of reach: a file, a folder, a process, a TCP port, and Unix sockets by name and by path."""

    file: str
    folder: str
    pid: int
    port: int
    name: str
    path: str


def failures(targets: Targets) -> list[str]:
    """The walls that do not hold, in words."""
    tries: dict[str, Callable[[], object]] = {
        "it reads files of others": lambda: Path(targets.file).read_bytes(),
        "it writes files of others": lambda: (Path(targets.folder) / "written").write_text(""),
        "it signals processes of others": lambda: os.kill(targets.pid, 0),
        "it reaches the network": lambda: _connect(socket.AF_INET, ("127.0.0.1", targets.port)),
        "it reaches sockets of others by name": lambda: _connect(socket.AF_UNIX, targets.name),
        "it reaches sockets of others by path": lambda: _connect(socket.AF_UNIX, targets.path),
        "it may make system calls that it does not need": _unshare,
        "its memory is not limited": lambda: mmap.mmap(-1, int(2 * LIMITS.memory_gib * 2**30)),
        "the number of its processes is not limited": _fork_many,
    }
    return [what for what, attempt in tries.items() if _succeeds(attempt)]


def _succeeds(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except (OSError, MemoryError):
        return False
    return True


def _connect(family: int, address: str | tuple[str, int]) -> None:
    with socket.socket(family) as one:
        one.settimeout(1)
        one.connect(address)


def _unshare() -> None:
    """A refusal that is not the filter's counts as a success: the filter is not there."""
    try:
        linux.unshare(linux.CLONE_NEWUSER)
    except OSError as error:
        if error.errno == errno.ENOSYS:
            raise


def _fork_many() -> None:
    children = []
    try:
        for _ in range(_FORKS):
            child = os.fork()
            if child == 0:
                time.sleep(60)
                os._exit(0)
            children.append(child)
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
