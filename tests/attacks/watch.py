"""What an attack costs the machine while it lasts, and which processes outlive it."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

EVERY_SECONDS = 0.3
# More than what the limits of grading.py leave to one submission, with some room for what else the machine does.
MOST_TASKS = 400
MOST_GIGABYTES_OF_MEMORY = 3.5
MOST_GIGABYTES_OF_DISK = 1.5


class Watch(threading.Thread):
    """Looks at a process and all below it, and at the machine's memory and disk, again and again."""

    def __init__(self, pid: int, place: Path) -> None:
        super().__init__(daemon=True)
        self._root, self._place = psutil.Process(pid), place
        self._over = threading.Event()
        self._before = set(self._root.children(recursive=True))
        self._seen: set[psutil.Process] = set()
        self._most = 0
        self._memory = self._least_memory = psutil.virtual_memory().available
        self._disk = self._least_disk = shutil.disk_usage(place).free
        self.start()

    def run(self) -> None:
        while not self._over.wait(EVERY_SECONDS):
            self._look()

    def _look(self) -> None:
        try:
            below = self._root.children(recursive=True)
        except psutil.Error:
            below = []
        self._seen.update(set(below) - self._before)
        self._most = max(self._most, sum(map(_threads, below)))
        self._least_memory = min(self._least_memory, psutil.virtual_memory().available)
        self._least_disk = min(self._least_disk, shutil.disk_usage(self._place).free)

    def stop(self) -> None:
        """Look no more: what is used from now on is somebody else's."""
        self._over.set()
        self.join()

    def left(self) -> Iterator[str]:
        """Processes that outlive the grading by two seconds; they are ended."""
        for _ in range(20):
            left = [p for p in self._seen if _is_alive(p)]
            if not left:
                return
            time.sleep(0.1)
        for process in left:
            process.kill()
        yield f"{len(left)} processes were left"

    def toll(self) -> Iterator[str]:
        """What was too much."""
        if self._most > MOST_TASKS:
            yield f"{self._most} processes and threads at once"
        for what, used, most in (
            ("memory", self._memory - self._least_memory, MOST_GIGABYTES_OF_MEMORY),
            ("disk", self._disk - self._least_disk, MOST_GIGABYTES_OF_DISK),
        ):
            if used > most * 1e9:
                yield f"{used / 1e9:.1f} GB of {what} at once"


def _threads(process: psutil.Process) -> int:
    try:
        return process.num_threads()
    except psutil.Error:
        return 0


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
