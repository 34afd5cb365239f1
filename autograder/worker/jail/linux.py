"""The system calls that Python has no name for."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID = 0x0002_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 8, 4096, 16384, 1 << 18

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 1, 4, 24, 36, 38, 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_MADV_HUGEPAGE, _MADV_COLLAPSE = 14, 25
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def syscall(number: int, *arguments: object, what: str) -> int:
    """A system call by number; integers are passed as C longs.

    Raises:
        OSError: it failed.
    """
    return _checked(_libc.syscall(number, *(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments)), what)


def unshare(flags: int) -> None:
    _checked(_libc.unshare(flags), "unshare")


def setns(descriptor: int, kind: int) -> None:
    _checked(_libc.setns(descriptor, kind), "setns")


def use_huge_pages(start: int, size: int) -> None:
    """Keep this memory in huge pages, now: a fork copies their table, and needs one entry for 512."""
    for advice in (_MADV_HUGEPAGE, _MADV_COLLAPSE):
        _checked(_libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(size), advice), "madvise")


def mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    def text(x: str | None) -> bytes | None:
        return x.encode() if x else None

    _checked(_libc.mount(text(source), text(target), text(kind), ctypes.c_ulong(flags), text(options)), f"mount {target}")


def prctl(operation: int, *arguments: int) -> None:
    padded = [*arguments, 0, 0, 0, 0][:4]
    _checked(_libc.prctl(operation, *map(ctypes.c_ulong, padded)), f"prctl {operation}")


def end_with_parent(signal_number: int) -> None:
    """Get this signal when the parent ends."""
    prctl(_PR_SET_PDEATHSIG, signal_number)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parents end."""
    prctl(_PR_SET_CHILD_SUBREAPER, 1)


def no_new_privileges() -> None:
    prctl(_PR_SET_NO_NEW_PRIVS, 1)


def own_process_files() -> None:
    """A process that changed its user may read its own files in /proc again."""
    prctl(_PR_SET_DUMPABLE, 1)


def drop_capabilities() -> None:
    """Give up every capability, now and for programs to come."""
    prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    for capability in range(int(Path("/proc/sys/kernel/cap_last_cap").read_text()) + 1):
        try:
            prctl(_PR_CAPBSET_DROP, capability)
        except OSError:  # without CAP_SETPCAP there is nothing to drop from
            break
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _checked(_libc.capset(header, (ctypes.c_uint32 * 6)()), "capset")
