"""While nbgrader's loop writes the gradebook, other processes grade ahead of it, and a bar tells how far it is."""

from __future__ import annotations

import contextlib
import logging
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from autograder.examiner.ahead import Ahead, Task
from autograder.examiner.examine import Settings
from autograder.nbgrader.course import release_folder, store_path

WORTH_IT = 4  # for fewer notebooks, processes take longer to start than they save


class _Run:
    """What runs beside one converter: the processes, and the bar."""

    def __init__(self, tasks: list[Task], jobs: int, log: logging.Logger) -> None:
        self.ahead = Ahead(tasks, jobs or None) if len(tasks) >= WORTH_IT else None
        self._log = log
        self._streams: list[tuple[logging.StreamHandler[Any], Any]] = []
        self._progress = progress_bar()
        self._bar = self._progress.add_task("Autograding", total=len(tasks))
        if tasks and self._progress.console.is_terminal:
            self._progress.start()
            self._log_above_the_bar()

    def _log_above_the_bar(self) -> None:
        for handler in self._log.handlers:
            if isinstance(handler, logging.StreamHandler) and handler.stream in (sys.__stdout__, sys.__stderr__):
                self._streams.append((handler, handler.setStream(sys.stderr)))

    def advance(self) -> None:
        self._progress.advance(self._bar)
        if self._progress.finished:
            self.close()

    def close(self) -> None:
        self._progress.stop()
        while self._streams:
            handler, stream = self._streams.pop()
            handler.setStream(stream)
        if self.ahead is not None:
            self.ahead.close()


_runs: weakref.WeakKeyDictionary[Any, _Run] = weakref.WeakKeyDictionary()


def progress_bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))


def start(converter: Any, settings: Settings, jobs: int, again: bool) -> None:
    """Grade ahead what this converter is going to autograde."""
    run = _Run(list(_tasks(converter, settings, again)), jobs, converter.log)
    _runs[converter] = run
    weakref.finalize(converter, run.close)


def wait(converter: Any, submitted: Path) -> bool:
    """Wait for a notebook that is graded ahead; False if it is not."""
    run = _runs.get(converter)
    return bool(run and run.ahead and run.ahead.wait(submitted.resolve()))


def advance(converter: Any) -> None:
    """One notebook is done."""
    with contextlib.suppress(KeyError):
        _runs[converter].advance()


def _tasks(converter: Any, settings: Settings, again: bool) -> Iterator[Task]:
    """One for each notebook that was released, is there, and that nbgrader has not autograded yet."""
    coursedir = converter.coursedir
    release, store = release_folder(coursedir), store_path(coursedir)
    for folder, notebooks in sorted(converter.assignments.items()):
        student = Path(folder).parent.name
        if not converter.force and Path(converter._format_dest(coursedir.assignment_id, student)).exists():
            continue
        for path in map(Path, sorted(notebooks)):
            if path.exists() and (release / coursedir.assignment_id / path.name).exists():
                yield Task(path.resolve(), coursedir.assignment_id, release, store, settings, again)
