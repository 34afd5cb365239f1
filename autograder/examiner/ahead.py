"""Grade submissions on all cores, ahead of whoever needs their verdicts."""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from autograder.build.course import find_chapter
from autograder.check.card import FOLDER
from autograder.examiner.examine import Settings, released_notebook
from autograder.examiner.fingerprint import Gradable, fingerprint
from autograder.examiner.rebuild import rebuild
from autograder.examiner.remember import grade_once
from autograder.examiner.store import VerdictStore
from autograder.examiner.submission import Unreadable, read_submission

GRADED, REMEMBERED, UNREADABLE = "graded", "remembered", "unreadable"


@dataclass(frozen=True)
class Task:
    """A notebook that was handed in, the release it belongs to, and where verdicts are remembered."""

    submitted: Path
    chapter: str
    release: Path
    store: Path
    settings: Settings
    force: bool = False


def grade_task(task: Task) -> str:
    """Grade one notebook into the store, if it is not there. Returns what was done.

    Raises:
        NoWorker: this machine cannot run it, or not safely.
        BuildError: its chapter is not released.
    """
    try:
        notebook = gradable(task)
    except Unreadable:
        return UNREADABLE
    _, known = grade_once(notebook, _store(task.store), task.force)
    return REMEMBERED if known else GRADED


def done_already(task: Task) -> str:
    """What there is nothing to do for: remembered, or unreadable. Nothing, if there is; what is wrong with it is said then."""
    try:
        known = not task.force and _store(task.store).get(fingerprint(gradable(task)))
    except Unreadable:
        return UNREADABLE
    except Exception:  # the others go on
        return ""
    return REMEMBERED if known else ""


def gradable(task: Task) -> Gradable:
    """What was handed in, as it can be graded.

    Raises:
        Unreadable: it is no notebook.
        BuildError: its chapter is not released.
    """
    chapter = find_chapter(task.chapter)
    released = released_notebook(task.release, chapter.name, task.submitted.stem)
    notebook, notes = rebuild(released, read_submission(task.submitted))
    return Gradable(notebook, notes, chapter, task.submitted.parent, task.release / chapter.name / FOLDER, task.settings)


@functools.cache
def _store(path: Path) -> VerdictStore:
    return VerdictStore(path)


class Ahead:
    """Processes that grade tasks in their order, while this one does other things."""

    def __init__(self, tasks: Sequence[Task], jobs: int | None = None) -> None:
        """`jobs` processes, or one for each core."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])  # so that PyTorch is loaded once
        self._done = {task.submitted: done for task in tasks if (done := done_already(task))}
        left = [task for task in tasks if task.submitted not in self._done]
        self._pool = ProcessPoolExecutor(max(1, min(jobs or cores(), len(left))), context, _begin)
        self._futures: dict[Path, Future[str]] = {task.submitted: self._pool.submit(grade_task, task) for task in left}

    def wait(self, submitted: Path) -> str:
        """Wait until this notebook is graded, if it is among the tasks. What went wrong there is raised here."""
        future = self._futures.get(submitted)
        return future.result() if future else self._done.get(submitted, "")

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _begin() -> None:
    """An interrupt is for the process that asked; when it ends, however it ends, so does this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_owner, daemon=True).start()


def _end_with_owner() -> None:
    owner = multiprocessing.parent_process()
    assert owner is not None
    owner.join()
    os._exit(1)


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
