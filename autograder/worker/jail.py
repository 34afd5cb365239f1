"""What a worker can reach: with bubblewrap, its own folder, the interpreter, and nothing else of this machine.

Two tiers, probed by really trying:

- `namespaces`: own mount, process, network, IPC and user namespaces. No file of the course, the gradebook or another
  student exists there, no network, no process but its own, and no variable of the instructor's environment.
- `process`: another process of the same user, for machines without bubblewrap. It reaches what the user reaches.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

NAMESPACES, PROCESS = "namespaces", "process"
PROBE_SECONDS = 10
MAX_FILE_BYTES = 2**30

_PACKAGE = Path(__file__).resolve().parents[1]
# The part of the package that a worker needs; the rest is not there.
_WORKER_NEEDS = ("__init__.py", "plots.py", "check", "cuda", "worker")
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/fonts", "/etc/alternatives", "/etc/localtime")
_GPU_DEVICES = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools")


@functools.cache
def tier() -> str:
    """The strongest tier that works on this machine."""
    program = shutil.which("bwrap")
    if program is None:
        return PROCESS
    try:
        done = subprocess.run([program, *_walls(), *_read_only(_SYSTEM), "true"], capture_output=True, timeout=PROBE_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return PROCESS
    return NAMESPACES if done.returncode == 0 else PROCESS


def describe(name: str) -> str:
    """A tier in words, for reports."""
    return {
        NAMESPACES: "namespaces: the student's code sees its own folder, no other file of the course, and no network",
        PROCESS: "process: the student's code runs as the same user and is not confined (Debian: apt install bubblewrap)",
    }[name]


def worker_packages(into: Path) -> Path:
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


def command(argv: Sequence[str], home: Path, exchange: Path, readable: Sequence[Path], memory_gib: float) -> list[str]:
    """The command that runs `argv` in the strongest tier: it writes to `home` and `exchange`, and reads `readable`."""
    argv = [*_limits(memory_gib), *argv]
    if tier() == PROCESS:
        return argv
    program = shutil.which("bwrap")
    assert program is not None
    python = [str(p) for p in dict.fromkeys((Path(sys.base_prefix).resolve(), Path(sys.prefix).resolve()))]
    writable = [flag for folder in (home, exchange) for flag in ("--bind", str(folder), str(folder))]
    gpu = [flag for device in _GPU_DEVICES for flag in ("--dev-bind-try", device, device)]
    places = [*_read_only(_SYSTEM), *_read_only(python), *writable, *_read_only([str(folder) for folder in readable]), *gpu]
    # A kernel ends when the process of this number is not its parent; in the jail it never is.
    return [program, *_walls(), *places, "--unsetenv", "JPY_PARENT_PID", "--chdir", str(home), *argv]


def environment(home: Path, packages: Path) -> dict[str, str]:
    """All the variables that a worker has; without a jail, beside the user's own.

    bubblewrap itself gets no others either: its own can be read in the jail.
    """
    inherited = {} if tier() == NAMESPACES else dict(os.environ)
    return inherited | {
        "HOME": str(home),
        "IPYTHONDIR": "/tmp/ipython" if tier() == NAMESPACES else str(home.parent / "ipython"),
        "LANG": "C.UTF-8",
        "MPLCONFIGDIR": str(home / ".matplotlib"),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]),
        "PYTHONPATH": str(packages),
    }


def _limits(memory_gib: float) -> list[str]:
    """Limits of each process, by util-linux's prlimit. CUDA maps more than it uses: with a GPU, memory is not limited."""
    program = shutil.which("prlimit")
    if program is None:
        return []
    has_gpu = any(os.path.exists(device) for device in _GPU_DEVICES)
    memory = [] if has_gpu else [f"--as={int(memory_gib * 2**30)}"]
    return [program, *memory, "--core=0", f"--fsize={MAX_FILE_BYTES}"]


def _walls() -> list[str]:
    return ["--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--tmpfs", "/tmp", "--proc", "/proc", "--dev", "/dev"]


def _read_only(places: Sequence[str]) -> list[str]:
    return [flag for place in places for flag in ("--ro-bind-try", place, place)]
