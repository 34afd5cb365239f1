"""seccomp: the system calls that a notebook's code needs, by what they are for. All others answer "not implemented".

Written as a list of what is allowed, so that what kernels will learn tomorrow is not. `clone3` is left out on purpose: its
flags cannot be looked at, and the C library falls back to `clone`.
"""

from __future__ import annotations

import ctypes
import errno
import socket
import tempfile
from typing import Any

from autograder.worker.jail import linux

_FILES = """
access faccessat faccessat2 open openat openat2 creat close close_range read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2
lseek _llseek stat stat64 fstat fstat64 lstat lstat64 newfstatat fstatat64 statx statfs statfs64 fstatfs fstatfs64 readlink readlinkat
getdents getdents64 getcwd chdir fchdir mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 link linkat symlink symlinkat
truncate truncate64 ftruncate ftruncate64 fallocate fsync fdatasync sync_file_range syncfs msync copy_file_range sendfile sendfile64 splice tee
dup dup2 dup3 fcntl fcntl64 flock ioctl pipe pipe2 umask fadvise64 fadvise64_64 readahead memfd_create mknod mknodat
getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr
inotify_init inotify_init1 inotify_add_watch inotify_rm_watch
"""
_FILES_OWN_ATTRIBUTES = """
chmod fchmod fchmodat fchmodat2 chown chown32 fchown fchown32 lchown lchown32 fchownat utime utimes utimensat utimensat_time64 futimesat
setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr
"""
_MEMORY = """
brk mmap mmap2 munmap mremap mprotect madvise mincore mlock mlock2 munlock mlockall munlockall membarrier get_mempolicy
pkey_alloc pkey_free pkey_mprotect
"""
_PROCESSES = """
fork vfork execve execveat exit exit_group wait4 waitid waitpid getpid getppid gettid getpgid getpgrp setpgid getsid setsid
getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getgroups getgroups32 getresuid getresuid32 getresgid getresgid32
getrlimit ugetrlimit setrlimit prlimit64 getrusage times getpriority setpriority capget prctl arch_prctl set_tid_address set_robust_list
get_robust_list rseq set_thread_area get_thread_area uname sysinfo getcpu pidfd_open pidfd_send_signal
sched_yield sched_getaffinity sched_setaffinity sched_getparam sched_setparam sched_getscheduler sched_setscheduler sched_getattr sched_setattr
sched_get_priority_max sched_get_priority_min sched_rr_get_interval ioprio_get
seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self
"""
_SIGNALS = """
rt_sigaction rt_sigprocmask rt_sigpending rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_sigqueueinfo sigaltstack
sigaction sigprocmask sigreturn signalfd signalfd4 kill tkill tgkill pause alarm setitimer getitimer restart_syscall
"""
_WAITING = """
futex futex_time64 futex_waitv select _newselect pselect6 pselect6_time64 poll ppoll ppoll_time64
epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 eventfd eventfd2
timerfd_create timerfd_settime timerfd_settime64 timerfd_gettime timerfd_gettime64
timer_create timer_settime timer_settime64 timer_gettime timer_gettime64 timer_getoverrun timer_delete
nanosleep clock_nanosleep clock_nanosleep_time64 clock_gettime clock_gettime64 clock_getres clock_getres_time64 gettimeofday time getrandom
"""
# Between processes of the submission: DataLoader and multiprocessing talk through Unix sockets.
_SOCKETS = "socketpair bind listen accept accept4 getsockname getpeername getsockopt setsockopt shutdown send sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg"

_NEW_NAMESPACES = 0x7E02_0080
_PR_SET_SECCOMP, _MODE_FILTER = 22, 2


def available() -> bool:
    """Whether libseccomp is on this machine."""
    try:
        import pyseccomp  # noqa: F401
    except (ImportError, RuntimeError, OSError):
        return False
    return True


def compiled(own_files_only: bool) -> bytes:
    """The filter as the kernel's bytecode, to be made once and installed in every worker.

    `own_files_only` says that no file of others can be named. Without it, changing a file's attributes has no effect, and no
    socket is connected to by its name: Landlock does not guard these two.
    """
    import pyseccomp as seccomp

    rules = seccomp.SyscallFilter(seccomp.ERRNO(errno.ENOSYS))
    _add(rules, seccomp.ALLOW, _FILES + _MEMORY + _PROCESSES + _SIGNALS + _WAITING + _SOCKETS)
    _add(rules, seccomp.ALLOW if own_files_only else seccomp.ERRNO(0), _FILES_OWN_ATTRIBUTES)
    _add(rules, seccomp.ALLOW if own_files_only else seccomp.ERRNO(errno.EACCES), "connect")
    _add(rules, seccomp.ALLOW, "socket", seccomp.Arg(0, seccomp.EQ, socket.AF_UNIX))
    _add(rules, seccomp.ERRNO(errno.EAFNOSUPPORT), "socket", seccomp.Arg(0, seccomp.NE, socket.AF_UNIX))
    _add(rules, seccomp.ALLOW, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, _NEW_NAMESPACES, 0))
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


def _add(rules: Any, action: int, names: str, *arguments: Any) -> None:
    """Calls that this architecture or this libseccomp does not know are passed over."""
    for name in names.split():
        try:
            rules.add_rule(action, name, *arguments)
        except (OSError, RuntimeError, ValueError):
            continue


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def install(bytecode: bytes) -> None:
    """Put the filter on this process and its children, for ever.

    Raises:
        OSError: the kernel refuses it.
    """
    linux.no_new_privileges()
    program = _Program(len(bytecode) // 8, bytecode)
    linux.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(program))
