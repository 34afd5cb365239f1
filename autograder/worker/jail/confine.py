"""What a worker does to itself, once it is forked and before it runs a line of the student's.

Where the machine has namespaces, it is born as process 1 of one: when it ends, so do all its processes. Elsewhere a supervisor
sees to that. Then it gives up rights in layers, each of which would hold by itself.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from autograder.worker.jail import landlock, linux
from autograder.worker.jail.syscalls import install
from autograder.worker.limits import Limits

# In namespaces a worker has a disk of its own, in memory, at this place.
DISK = "/worker"
HOME = f"{DISK}/home"
INBOX = "/inbox"

_GIB = 2**30
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/nvidiactl", "/dev/nvidia0", "/dev/nvidia-uvm")
_MOST_DESCRIPTORS = 1024


@dataclass(frozen=True)
class Confinement:
    """How to confine one worker.

    `layers` names what is to confine it, of `limits`, `namespaces`, `user`, `landlock` and `seccomp`. `inbox` holds what was handed in
    beside the notebook; without namespaces it is the worker's home. `readable` are the files and folders that remain; `interpreter` those
    that Python lies in.
    """

    layers: frozenset[str]
    inbox: str
    uid: int
    readable: tuple[str, ...]
    interpreter: tuple[str, ...]
    has_gpu: bool
    limits: Limits

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Confinement:
        return cls(**value | {"layers": frozenset(value["layers"]), "limits": Limits(**value["limits"])})

    @property
    def home(self) -> str:
        return HOME if "namespaces" in self.layers else self.inbox

    @property
    def temporary(self) -> str:
        return "/tmp" if "namespaces" in self.layers else f"{self.inbox}/.tmp"


@contextlib.contextmanager
def own_processes(confinement: Confinement) -> Iterator[None]:
    """The process that is forked in here is process 1 of a namespace of its own, where the machine has them."""
    if "namespaces" not in confinement.layers:
        yield
        return
    mine = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    linux.unshare(linux.CLONE_NEWPID)
    try:
        yield
    finally:
        linux.setns(mine, linux.CLONE_NEWPID)
        os.close(mine)


def run_confined(confinement: Confinement, work: Callable[[], None]) -> NoReturn:
    """In a process that was forked for it, confine this process and run `work`; nothing that it leaves goes on."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")  # where memory is short, a worker ends, not its parent
    if "namespaces" in confinement.layers:
        _own_namespaces(confinement)
    else:
        _supervise_a_child()
    _confine(confinement)
    work()
    os._exit(0)


def _supervise_a_child() -> None:
    """Go on in a child. This process waits until the child and all that it left have ended, and ends."""
    linux.end_with_parent(signal.SIGKILL)
    linux.adopt_orphans()
    child = os.fork()
    if child == 0:
        return
    os.waitpid(child, 0)
    _end_all_children()
    os._exit(0)


def _end_all_children() -> None:
    """What the worker left behind is this process's child by now. New ones may appear while the old ones end."""
    while True:
        for pid in _children():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _children() -> list[int]:
    found = []
    for task in Path("/proc/self/task").glob("*/children"):
        found += [int(pid) for pid in task.read_text().split()]
    return found


def _confine(confinement: Confinement) -> None:
    in_namespaces = "namespaces" in confinement.layers
    if in_namespaces:
        linux.mount("proc", "/proc", "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
    if "limits" in confinement.layers:
        _limit(confinement, others=0 if in_namespaces else _threads_of_user())
    if "user" in confinement.layers:
        _become(confinement.uid)
    linux.end_with_parent(signal.SIGKILL)
    linux.drop_capabilities()
    _settle(confinement)
    if "landlock" in confinement.layers:
        temporary = [confinement.temporary, "/dev/shm", "/dev/pts"] if in_namespaces else []
        landlock.restrict([*confinement.readable, "/proc"], [confinement.home, *temporary, *_DEVICES])


def seal(confinement: Confinement, bytecode: bytes) -> None:
    """The last layer, when everything is set up."""
    if "seccomp" in confinement.layers:
        install(bytecode)


# ---- namespaces -------------------------------------------------------------------------------------------------------


def _own_namespaces(confinement: Confinement) -> None:
    linux.unshare(linux.CLONE_NEWNS | linux.CLONE_NEWIPC)
    linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)
    owner = confinement.uid if "user" in confinement.layers else os.getuid()
    size = int(confinement.limits.disk_gib * _GIB)
    linux.mount("tmpfs", DISK, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, f"mode=755,size={size},nr_inodes=100000,uid={owner},gid={owner}")
    for name, mode in (("home", 0o755), ("tmp", 0o1777), ("shm", 0o1777), ("inbox", 0o755)):
        os.mkdir(f"{DISK}/{name}")
        os.chmod(f"{DISK}/{name}", mode)
        if "user" in confinement.layers:
            os.chown(f"{DISK}/{name}", owner, owner)
    linux.mount(confinement.inbox, f"{DISK}/inbox", None, linux.MS_BIND)
    linux.mount("tmpfs", INBOX, "tmpfs", linux.MS_RDONLY, "size=4k")  # those of other submissions
    linux.mount(f"{DISK}/shm", "/dev/shm", None, linux.MS_BIND)
    linux.mount("devpts", "/dev/pts", "devpts", linux.MS_NOSUID | linux.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620")
    _cover(f"{DISK}/tmp", "/tmp", [path for path in confinement.interpreter if path.startswith("/tmp/")])


def _cover(source: str, target: str, kept: list[str]) -> None:
    """Mount `source` over `target`, where what is to be kept is mounted again."""
    descriptors = [os.open(path, os.O_PATH | os.O_CLOEXEC) for path in kept]
    linux.mount(source, target, None, linux.MS_BIND)
    for path, descriptor in zip(kept, descriptors, strict=True):
        os.makedirs(path, exist_ok=True)
        linux.mount(f"/proc/self/fd/{descriptor}", path, None, linux.MS_BIND | linux.MS_REC)
        os.close(descriptor)


def _settle(confinement: Confinement) -> None:
    """Make the home, and go there."""
    if "namespaces" in confinement.layers:
        shutil.copytree(f"{DISK}/inbox", confinement.home, symlinks=True, dirs_exist_ok=True)
    os.environ.update(HOME=confinement.home, TMPDIR=confinement.temporary, MPLCONFIGDIR=f"{confinement.temporary}/matplotlib")
    os.makedirs(os.environ["MPLCONFIGDIR"], exist_ok=True)
    tempfile.tempdir = None  # what the parent found is not ours
    os.chdir(confinement.home)


# ---- limits and rights ------------------------------------------------------------------------------------------------


def _limit(confinement: Confinement, others: int) -> None:
    """Limits of each process. CUDA maps more than it uses: with a GPU, memory is not limited this way."""
    limits = confinement.limits
    for kind, most in (
        (resource.RLIMIT_CPU, int(limits.notebook_cpu_seconds) + 1),
        (resource.RLIMIT_FSIZE, int(limits.disk_gib * _GIB)),
        (resource.RLIMIT_NPROC, others + limits.processes),
        (resource.RLIMIT_NOFILE, _MOST_DESCRIPTORS),
        (resource.RLIMIT_CORE, 0),
    ):
        _lower(kind, most)
    if not confinement.has_gpu:
        _lower(resource.RLIMIT_AS, _mapped() + int(limits.memory_gib * _GIB))


def _lower(kind: int, most: int) -> None:
    _, hard = resource.getrlimit(kind)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (most, most))


def _mapped() -> int:
    """Bytes of address space that this process has already: the libraries."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _threads_of_user() -> int:
    """Without namespaces, the limit on processes counts those of the same user."""
    mine, count = os.getuid(), 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            count += len(os.listdir(process / "task")) if process.stat().st_uid == mine else 0
        except OSError:
            continue
    return count


def _become(uid: int) -> None:
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    linux.own_process_files()


def close_all_but(*kept: int) -> None:
    """Close every descriptor but the standard ones and these."""
    before = 2
    for descriptor in sorted({*kept, os.sysconf("SC_OPEN_MAX")}):
        os.closerange(before + 1, descriptor)
        before = descriptor


def quiet_standard_input() -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, sys.__stdin__.fileno() if sys.__stdin__ else 0)
    os.close(null)
