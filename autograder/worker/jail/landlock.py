"""Landlock: a process gives up, for itself and its children, all files but some, TCP, and signals to others.

The numbers of its system calls are the same on every architecture. See the kernel's userspace-api/landlock.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable

from autograder.worker.jail import linux

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
_VERSION, _PATH_BENEATH = 1, 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE, _IOCTL = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14, 1 << 15
_MAKE_DEVICES = 1 << 6 | 1 << 11
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL
_READ = _EXECUTE | _READ_FILE | _READ_DIR
# How many kinds of access to files each version knows; 4 added TCP, 6 added signals and abstract sockets.
_ACCESSES = {1: 13, 2: 14, 3: 15, 4: 15}
_LATEST_ACCESSES = 16
_TCP_SINCE, _SCOPES_SINCE = 4, 6
_ALL_TCP, _ALL_SCOPES = 0b11, 0b11


def version() -> int:
    """The version of Landlock that this kernel has; 0 without."""
    try:
        return linux.syscall(_CREATE, None, 0, _VERSION, what="landlock")
    except OSError:
        return 0


def restrict(readable: Iterable[str], writable: Iterable[str]) -> None:
    """Leave this process, for ever, only these files and folders; those that do not exist are passed over.

    Raises:
        OSError: the kernel has no Landlock.
    """
    known = version()
    every = (1 << _ACCESSES.get(known, _LATEST_ACCESSES)) - 1
    rules = struct.pack("QQQ", every, _ALL_TCP if known >= _TCP_SINCE else 0, _ALL_SCOPES if known >= _SCOPES_SINCE else 0)
    size = 8 if known < _TCP_SINCE else 16 if known < _SCOPES_SINCE else 24
    ruleset = linux.syscall(_CREATE, rules[:size], size, 0, what="landlock_create_ruleset")
    for path in readable:
        _allow(ruleset, path, every & _READ)
    for path in writable:
        _allow(ruleset, path, every & ~_MAKE_DEVICES)
    linux.no_new_privileges()
    linux.syscall(_RESTRICT, ruleset, 0, what="landlock_restrict_self")
    os.close(ruleset)


def _allow(ruleset: int, path: str, access: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not os.path.isdir(path):
            access &= _OF_FILES
        rule = ctypes.create_string_buffer(struct.pack("=Qi", access, descriptor))
        linux.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0, what=f"landlock {path}")
    finally:
        os.close(descriptor)
