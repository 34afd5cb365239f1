"""The jail of a warm parent, by bubblewrap: the interpreter, the worker's part of the package, and nothing else of this machine."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from autograder.worker.jail.confine import DISK, INBOX

PROGRAM = "bwrap"
PACKAGES, FONTS = "/packages", "/fonts"

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/fonts", "/etc/alternatives", "/etc/localtime")
GPU_DEVICES = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools")


def is_installed() -> bool:
    return shutil.which(PROGRAM) is not None


def interpreter() -> list[str]:
    """The folders that Python and its packages lie in."""
    return [str(p) for p in dict.fromkeys((Path(sys.base_prefix).resolve(), Path(sys.prefix).resolve()))]


def jailed(argv: Sequence[str], packages: Path, inbox: Path, fonts: Path, hidden: Sequence[str]) -> list[str]:
    """The command that runs `argv` in namespaces of its own, with the right to make more of them.

    It sees `packages`, `inbox` and `fonts` at fixed places and can write nowhere but to its own /tmp. `hidden` folders are empty.
    """
    program = shutil.which(PROGRAM)
    assert program is not None
    # Root needs no user namespace, and can give each worker a user of its own only without one.
    walls = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try", "--die-with-parent", "--new-session"]
    walls += [] if os.geteuid() == 0 else ["--unshare-user"]
    rights = ["--cap-add", "ALL"]
    basics = ["--tmpfs", "/tmp", "--proc", "/proc", "--dev", "/dev", "--dir", DISK]
    gpu = [flag for device in GPU_DEVICES for flag in ("--dev-bind-try", device, device)]
    ours = [flag for here, there in ((packages, PACKAGES), (inbox, INBOX), (fonts, FONTS)) for flag in ("--ro-bind", str(here), there)]
    empty = [flag for folder in hidden for flag in ("--tmpfs", folder)]
    sealed = ["--remount-ro", "/dev", "--remount-ro", "/"]
    places = [*SYSTEM, *interpreter()]
    return [program, *walls, *rights, *basics, *parents(places), *read_only(places), *gpu, *ours, *empty, *sealed, "--chdir", "/tmp", *argv]


def parents(places: Sequence[str]) -> list[str]:
    """The folders above these, open to all: bubblewrap would make them for root only."""
    above = dict.fromkeys(str(folder) for place in places for folder in reversed(Path(place).parents[:-1]) if str(folder) not in places)
    return [flag for folder in above for flag in ("--dir", folder)]


def read_only(places: Sequence[str]) -> list[str]:
    """These places as they are, those that exist, and not to be changed."""
    return [flag for place in places for flag in ("--ro-bind-try", place, place)]
