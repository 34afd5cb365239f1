"""Warm parents, from the examiner's side: start one where it is needed, and let it fork workers."""

from __future__ import annotations

import atexit
import base64
import contextlib
import functools
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import matplotlib

from autograder.examiner.workers import cgroups
from autograder.worker.jail import bubblewrap, syscalls
from autograder.worker.jail.confine import Confinement
from autograder.worker.jail.probe import Targets
from autograder.worker.kinds import PROBE, WITH_TORCH
from autograder.worker.limits import Limits

WARM_SECONDS = 120
MOST_WORKERS = 500
CREDENTIALS = struct.Struct("3i")  # the kernel's word on who sends: process, user, group
SPARE_USERS = 200_000  # as root, workers run as a user that nobody is

_PACKAGE = Path(__file__).resolve().parents[2]
# The part of the package that a worker needs; the rest is not there.
_WORKER_NEEDS = ("__init__.py", "plots.py", "check", "cuda", "worker")
_FORKS_WORKERS = "from autograder.worker.parent import main; main()"


class NoWorker(Exception):
    """No worker could be started; the message says why, for the instructor."""


class WarmParent:
    """A process that forks workers, in the jail that `layers` describe.

    `kind` says what it has loaded (see `worker.parent`). Each worker has an inbox of its own, which ends with it.
    """

    def __init__(self, kind: str, layers: frozenset[str]) -> None:
        self.kind, self.layers = kind, layers
        self.used = self.living = 0
        self._starter = threading.current_thread()
        self.group: cgroups.Group | None = None
        self._place = Path(tempfile.mkdtemp(prefix="scratchgrad-"))
        self._place.chmod(0o711)
        self._inboxes = self._place / "inbox"
        self._inboxes.mkdir(mode=0o711)
        packages, fonts = _worker_packages(self._place / "packages"), _font_list(self._place / "fonts")
        self._packages = bubblewrap.PACKAGES if self.is_jailed else str(packages)
        self._fonts = bubblewrap.FONTS if self.is_jailed else str(fonts)
        self._control, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        settings = json.dumps({"kind": kind, "bytecode": base64.b64encode(_bytecode(self.is_jailed, layers)).decode()})
        argv = [sys.executable, "-P", "-c", _FORKS_WORKERS, str(its.fileno()), settings]
        if self.is_jailed:
            argv = bubblewrap.jailed(argv, packages, self._inboxes, fonts, _hidden(kind))
        self._log = (self._place / "log").open("w+b")
        self._process = subprocess.Popen(
            argv, cwd=self._place, env=self._environment(), pass_fds=[its.fileno()],
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log,
        )  # fmt: skip
        its.close()
        atexit.register(self.close)
        self.group = self._in_a_group(self._wait_until_warm())

    @property
    def is_jailed(self) -> bool:
        return "namespaces" in self.layers

    @property
    def is_alive(self) -> bool:
        """Whether it runs, and will: bubblewrap ends with the thread that started it."""
        return self._process.poll() is None and self._starter.is_alive()

    def start(self, inbox: Path, limits: Limits, seed: int, probe: Targets | None = None) -> socket.socket:
        """Fork a worker for what lies in `inbox`, and return the examiner's end of its channel.

        With `probe`, it only tries to reach these targets and says what it reached.

        Raises:
            NoWorker: the parent is gone.
        """
        self.used += 1
        if self.group is not None:
            self.group.limit(limits)
        mine, its = socket.socketpair()
        mine.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        request = {"confinement": asdict(self._confinement(inbox, limits)), "seed": seed, "probe": asdict(probe) if probe else None}
        try:
            socket.send_fds(self._control, [json.dumps(request, default=list).encode()], [its.fileno()])
        except OSError as error:
            raise NoWorker(f"The process that starts workers has ended. {self._said()}") from error
        finally:
            its.close()
        return mine

    @contextlib.contextmanager
    def inbox(self) -> Any:
        """A folder for what a worker starts with; it is removed in the end."""
        folder = Path(tempfile.mkdtemp(dir=self._inboxes))
        self.living += 1
        try:
            yield folder
        finally:
            self.living -= 1
            shutil.rmtree(folder, ignore_errors=True)

    def give(self, inbox: Path) -> None:
        """Let the worker's user own its inbox."""
        if "user" in self.layers:
            for path in (inbox, *inbox.rglob("*")):
                os.chown(path, _spare_user(), _spare_user(), follow_symlinks=False)

    def close(self) -> None:
        """End the parent and all its workers."""
        atexit.unregister(self.close)
        self._control.close()
        self._process.kill()
        self._process.wait()
        self._log.close()
        if self.group is not None:
            self.group.close()
        shutil.rmtree(self._place, ignore_errors=True)

    def _confinement(self, inbox: Path, limits: Limits) -> Confinement:
        where = f"/inbox/{inbox.name}" if self.is_jailed else str(inbox)
        # Behind links, too: a worker may name its interpreter as this process does.
        readable = dict.fromkeys([*bubblewrap.SYSTEM, *_parts_of_interpreter(self.kind), self._packages, str(Path(sys.executable).parent)])
        return Confinement(self.layers, where, _spare_user(), tuple(readable), tuple(bubblewrap.interpreter()), has_gpu(), limits)

    def _environment(self) -> dict[str, str]:
        """All the variables that a worker has. Nothing of the instructor's is in them."""
        return {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]),
            "PYTHONPATH": self._packages,
            "HOME": "/tmp",
            "USER": "student",
            "LOGNAME": "student",
            "LANG": "C.UTF-8",
            "IPYTHONDIR": "/tmp/ipython" if self.is_jailed else str(self._place / "ipython"),
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            "MPLCONFIGDIR": "/tmp/matplotlib" if self.is_jailed else str(self._place / "matplotlib"),
            "XDG_CACHE_HOME": "/tmp/cache" if self.is_jailed else str(self._place / "cache"),
            "FONTS": self._fonts,
            **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
        }

    def _wait_until_warm(self) -> int:
        """The number of the process that forks, as it is seen from here."""
        self._control.settimeout(WARM_SECONDS)
        try:
            said, notes, _, _ = self._control.recvmsg(16, socket.CMSG_SPACE(CREDENTIALS.size))
        except OSError:
            said, notes = b"", []
        self._control.settimeout(None)
        if said != b"warm":
            reason = self._said()
            self.close()
            raise NoWorker(f"No worker can be started here. {reason}")
        return int(CREDENTIALS.unpack(notes[0][2])[0])

    def _in_a_group(self, pid: int) -> cgroups.Group | None:
        if not cgroups.available():
            return None
        group = cgroups.Group()
        group.add(pid)
        return group

    def _said(self) -> str:
        """The last line of what the process wrote."""
        self._log.seek(0)
        lines = self._log.read()[-10_000:].decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "It said nothing."


_parents: dict[tuple[str, frozenset[str]], WarmParent] = {}


def warm_parent(kind: str, layers: frozenset[str]) -> WarmParent:
    """The parent of this kind, started when there is none, when it has ended, and when it has forked very often.

    Raises:
        NoWorker: it cannot be started.
    """
    found = _parents.get((kind, layers))
    if found and (not found.is_alive or (found.used >= MOST_WORKERS and not found.living)):
        found.close()
        found = None
    if not found:
        found = _parents[kind, layers] = WarmParent(kind, layers)
    return found


def has_gpu() -> bool:
    return any(os.path.exists(device) for device in bubblewrap.GPU_DEVICES)


def _spare_user() -> int:
    """Another one for each grading process, so that the limits of one do not count the processes of another."""
    return SPARE_USERS + os.getpid() % 10_000 if os.geteuid() == 0 else os.geteuid()


@functools.cache
def _bytecode(own_files_only: bool, layers: frozenset[str]) -> bytes:
    return syscalls.compiled(own_files_only) if "seccomp" in layers else b""


def _worker_packages(into: Path) -> Path:
    """A folder with the worker's part of the package, and nothing by the name of the solutions."""
    package = into / "autograder"
    package.mkdir(parents=True)
    for part in _WORKER_NEEDS:
        source = _PACKAGE / part
        if source.is_dir():
            shutil.copytree(source, package / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, package / part)
    (into / "solutions.py").write_text('raise ImportError("The solutions are not part of what students have.")\n')
    return into


def _font_list(into: Path) -> Path:
    """matplotlib's list of fonts takes a second to make; a parent starts with this user's."""
    into.mkdir()
    for path in Path(matplotlib.get_cachedir()).glob("fontlist*.json"):
        shutil.copy(path, into)
    return into


def _packages_of_torch() -> list[str]:
    found = []
    for folder in sys.path:
        found += [str(p.resolve()) for name in ("torch", "functorch", "torchgen") if (p := Path(folder) / name).is_dir() and "packages" in folder]
    return found


def _hidden(kind: str) -> Sequence[str]:
    return () if kind in (WITH_TORCH, PROBE) else _packages_of_torch()


@functools.cache
def _parts_of_interpreter(kind: str) -> list[str]:
    """What of the interpreter may be read: all of it, or all but torch."""
    hidden = _hidden(kind)
    return [part for folder in bubblewrap.interpreter() for part in _without(Path(folder), hidden)]


def _without(folder: Path, hidden: Sequence[str]) -> list[str]:
    """The folder, or its parts where something below it is hidden."""
    if str(folder) in hidden:
        return []
    if not any(Path(path).is_relative_to(folder) for path in hidden):
        return [str(folder)]
    return [part for child in sorted(folder.iterdir()) for part in _without(child, hidden)]
