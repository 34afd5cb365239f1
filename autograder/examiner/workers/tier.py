"""How well this machine can confine a submission, found by trying: the tier, and what it takes to reach a better one.

- `namespaces`: the worker sees its own folder and the interpreter, no other file, no network and no other process.
- `landlock`: it sees names of other files, and can neither read nor change them; no network; it signals nobody else.
- `process`: none of this holds. Grading refuses, unless told that it is what is wanted.

In the first two, system calls, memory and the number of processes are limited, too.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import secrets
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder.examiner.workers import cgroups
from autograder.examiner.workers.warm import NoWorker, WarmParent
from autograder.worker.channel import DONE, FAILED, FrameReader
from autograder.worker.jail import bubblewrap, landlock, syscalls
from autograder.worker.jail.probe import LIMITS, Targets
from autograder.worker.kinds import PROBE

NAMESPACES, LANDLOCK, PROCESS = "namespaces", "landlock", "process"
IN_WORDS = {
    NAMESPACES: "the student's code sees its own folder, no other file of the course, no network and no other process",
    LANDLOCK: "the student's code can neither read nor change files of others, has no network and signals nobody; it sees names of files",
    PROCESS: "the student's code is not confined: it runs as the user who grades",
}
PROBE_SECONDS = 20
_SIGNALS_SINCE = 6


@dataclass(frozen=True)
class Tier:
    """`layers` are what a worker is confined by; `advice` says, a sentence each, why there is no better tier."""

    name: str
    layers: frozenset[str]
    advice: tuple[str, ...] = ()

    @property
    def in_words(self) -> str:
        return f"{self.name}: {IN_WORDS[self.name]}"


@functools.cache
def tier() -> Tier:
    """The best tier whose walls hold on this machine."""
    if sys.platform != "linux":
        return Tier(PROCESS, frozenset(), ("Grading needs Linux. On macOS and Windows, grade in a Linux container or virtual machine.",))
    advice = list(_missing())
    for name, layers in _candidates():
        failed = _failures(layers) and _failures(layers)  # on a busy machine, a probe may be late once
        if not failed:
            return Tier(name, layers, tuple(advice))
        advice += [f"Tier {name} was tried, and does not hold: {what}." for what in failed]
    return Tier(PROCESS, _available() - {"user"}, tuple(advice))


def layers_for_grading(unsafe: bool) -> frozenset[str]:
    """The layers to grade with.

    Raises:
        NoWorker: nothing confines a submission here, and nobody said that this is all right.
    """
    found = tier()
    if sys.platform != "linux":
        raise NoWorker(" ".join(found.advice))
    if found.name == PROCESS and not unsafe:
        raise NoWorker(
            f"Nothing would confine the students' code on this machine, so nothing is graded. {' '.join(found.advice)}"
            " To grade all the same, as when all notebooks are your own: --unsafe (nbgrader: --Examine.unsafe=True)."
        )
    return found.layers


def _available() -> frozenset[str]:
    """The layers below namespaces that this machine has."""
    found = {"limits"} | ({"landlock"} if landlock.version() else set())
    found |= {"seccomp"} if syscalls.available() else set()
    return frozenset(found | ({"user"} if os.geteuid() == 0 else set()))


def _candidates() -> Iterator[tuple[str, frozenset[str]]]:
    available = _available()
    if "seccomp" in available and bubblewrap.is_installed():
        yield NAMESPACES, available | {"namespaces"}
    if "seccomp" in available and landlock.version() >= _SIGNALS_SINCE:
        yield LANDLOCK, available


def _missing() -> Iterator[str]:
    if not bubblewrap.is_installed():
        yield "bubblewrap is not installed (Debian, Ubuntu: apt install bubblewrap)."
    if not syscalls.available():
        yield "libseccomp is not installed (Debian, Ubuntu: apt install libseccomp2)."
    if not landlock.version():
        yield "This kernel has no Landlock, or it is switched off (Linux 5.13 or newer; lsm=landlock)."
    elif landlock.version() < _SIGNALS_SINCE:
        yield "This kernel's Landlock does not guard signals, as Linux 6.12 and newer do."
    if not cgroups.available():
        yield "No control groups can be made here: memory is limited for each process, not for all of a submission together."


def _failures(layers: frozenset[str]) -> list[str]:
    """What does not hold with these layers: an empty list if all does."""
    try:
        with contextlib.closing(WarmParent(PROBE, layers)) as parent, parent.inbox() as inbox, _targets() as targets:
            parent.give(inbox)
            with parent.start(inbox, LIMITS, 0, probe=targets) as channel:
                return _answer(channel)
    except NoWorker as reason:
        return [str(reason)]


def _answer(channel: socket.socket) -> list[str]:
    reader = FrameReader(frozenset((DONE, FAILED)))
    channel.settimeout(PROBE_SECONDS)
    deadline = time.monotonic() + PROBE_SECONDS
    try:
        while (frame := reader.next()) is None:
            received = channel.recv(2**16)
            if not received or time.monotonic() > deadline:
                return ["it gives no answer"]
            reader.feed(received)
    except OSError:
        return ["it gives no answer"]
    if frame.kind == FAILED:
        return [frame.body.decode("utf-8", "replace").strip().splitlines()[-1]]
    return [str(what) for what in json.loads(frame.body)]


@contextlib.contextmanager
def _targets() -> Iterator[Targets]:
    """Things of this process that a worker must not reach."""
    name = f"\0scratchgrad-{secrets.token_hex(8)}"
    with (
        tempfile.TemporaryDirectory(prefix="scratchgrad-") as folder,
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_UNIX) as named,
        socket.socket(socket.AF_UNIX) as placed,
    ):
        os.chmod(folder, 0o777)
        file, path = Path(folder) / "file", str(Path(folder) / "socket")
        file.write_text("out of reach")
        named.bind(name)
        named.listen()
        placed.bind(path)
        os.chmod(path, 0o777)
        placed.listen()
        yield Targets(str(file), folder, os.getpid(), tcp.getsockname()[1], name, path)
