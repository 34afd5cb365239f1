"""Control groups: what all processes of a submission use together, where this machine lets us make groups."""

from __future__ import annotations

import contextlib
import functools
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from autograder.worker.limits import Limits

_ROOT = Path("/sys/fs/cgroup")
_REMOVE_SECONDS = 2.0
_PARENT_GIB, _PARENT_PROCESSES = 1.0, 16


@dataclass(frozen=True)
class _Hierarchy:
    """Where groups can be made: one folder for each controller (version 1), or one for all (version 2)."""

    memory: Path
    pids: Path
    cpu: Path
    version: int


class Group:
    """The group of a warm parent and of the workers that it forks. To enter one takes long; to be born in one takes nothing."""

    def __init__(self) -> None:
        """Make a group.

        Raises:
            OSError: this machine does not let us.
        """
        found = _hierarchy()
        if found is None:
            raise OSError("no control groups can be made here")
        name = f"scratchgrad-{os.getpid()}-{secrets.token_hex(4)}"
        self._version = found.version
        self._limits: Limits | None = None
        self._memory, self._pids, self._cpu = (folder / name for folder in (found.memory, found.pids, found.cpu))
        self._folders = list(dict.fromkeys((self._memory, self._pids, self._cpu)))
        try:
            for folder in self._folders:
                folder.mkdir()
            self.limit(Limits())
        except OSError:
            self.close()
            raise

    def limit(self, limits: Limits) -> None:
        """Limit all that is in the group, beside what the parent needs."""
        if limits == self._limits:
            return
        self._limits = limits
        bytes_ = int((limits.memory_gib + _PARENT_GIB) * 2**30)
        (self._memory / ("memory.max" if self._version == 2 else "memory.limit_in_bytes")).write_text(str(bytes_))
        (self._pids / "pids.max").write_text(str(limits.processes + _PARENT_PROCESSES))

    def add(self, pid: int) -> None:
        for folder in self._folders:
            (folder / "cgroup.procs").write_text(str(pid))

    def cpu_seconds(self) -> float:
        """Processor time of all processes that were ever in the group."""
        if self._version == 1:
            return int((self._cpu / "cpuacct.usage").read_text()) / 1e9
        fields = dict(line.split() for line in (self._cpu / "cpu.stat").read_text().splitlines())
        return int(fields["usage_usec"]) / 1e6

    def close(self) -> None:
        """Remove the group, once its processes have ended."""
        deadline = time.monotonic() + _REMOVE_SECONDS
        for folder in self._folders:
            while folder.exists() and time.monotonic() < deadline:
                with contextlib.suppress(OSError):
                    folder.rmdir()
                    break
                time.sleep(0.005)


@functools.cache
def _hierarchy() -> _Hierarchy | None:
    memberships = Path("/proc/self/cgroup")
    if not memberships.exists():
        return None
    mine = {name: path for _, names, path in (line.split(":", 2) for line in memberships.read_text().splitlines()) for name in names.split(",")}
    if {"memory", "pids", "cpuacct"} <= set(mine):
        memory, pids, cpu = (_ROOT / name / mine[name].lstrip("/") for name in ("memory", "pids", "cpuacct"))
        return _Hierarchy(memory, pids, cpu, 1)
    own = _ROOT / mine.get("", "/").lstrip("/")
    parent = own if own == _ROOT else own.parent  # a group with processes in it can have none below it
    controllers = parent / "cgroup.subtree_control"
    if controllers.exists() and {"memory", "pids"} <= set(controllers.read_text().split()):
        return _Hierarchy(parent, parent, parent, 2)
    return None


@functools.cache
def available() -> bool:
    """Whether a group can be made and limited here, found by making one."""
    try:
        Group().close()
    except OSError:
        return False
    return True
