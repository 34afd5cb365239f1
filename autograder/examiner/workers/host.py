"""A worker, from the examiner's side: run cells, keep states, ask questions. Nothing that it says is believed but its form."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil
from nbformat import NotebookNode
from nbformat.v4 import new_output

from autograder.check.asking import MAIN, Helper, Question, Reply
from autograder.check.values import BadFrame, pack, unpack
from autograder.check.wire import helper_to_value, questions_to_value, reply_from_value
from autograder.examiner.workers import cgroups
from autograder.examiner.workers.outputs import CellOutputs, Displays
from autograder.examiner.workers.process import START_SECONDS, OutOfTime, Process, WorkerDied
from autograder.examiner.workers.tier import layers_for_grading
from autograder.examiner.workers.warm import NoWorker, WarmParent, warm_parent
from autograder.worker.answer import NOT_CALLABLE, NOTHING_THERE
from autograder.worker.channel import ASK, CANNOT_FORK, DONE, FORK, MAX_OUTPUT, OUTPUT, REPLIES, RUN
from autograder.worker.kinds import WITH_TORCH
from autograder.worker.limits import Limits

log = logging.getLogger(__name__)

# What lies beside a submitted notebook and must not stand in for the course's own.
NOT_COPIED = ("autograder", "solutions", "cards")

FORK_SECONDS = 5
GRACE_SECONDS = 3
MOST_FILES = 10_000


@dataclass(frozen=True)
class Request:
    """What a name that the notebook defines is asked. It is packed once for all submissions."""

    name: str
    questions: Sequence[Question]
    probe: Helper | None = None
    forbid: Sequence[str] = ()
    seconds: float = 10.0

    @functools.cached_property
    def packed(self) -> bytes:
        asks = {"name": self.name, "questions": questions_to_value(_without_labels(self.questions)), "probe": helper_to_value(self.probe)}
        return pack({**asks, "forbid": list(self.forbid), "seconds": self.seconds})


class Snapshot:
    """The state of a notebook at one of its cells, to be asked later."""

    def __init__(self, limits: Limits, process: Process | None, revive: Callable[[], Process]) -> None:
        """`process` is a fork that keeps the state. Where there can be none, `revive` starts a worker that ran the same cells."""
        self._limits = limits
        self.process = process
        self._revive = revive
        self._used = 0.0

    def ask(self, request: Request, deadline: float) -> list[Reply] | str:
        """Ask the function or class of that name.

        Returns one reply per question, or a sentence on why there is nothing to ask.

        Raises:
            WorkerDied: no usable reply came.
        """
        name = request.name
        start = time.monotonic()
        until = min(deadline, start + self._limits.exercise_seconds - self._used)
        try:
            process = self.process = self.process or self._revive()
            process.send(ASK, request.packed, until - start)
            while (frame := process.receive((OUTPUT, REPLIES), until)).kind == OUTPUT:
                continue  # of a thread that goes on: nothing is shown any more
        except OutOfTime as error:
            self.close()
            late = deadline <= time.monotonic()
            limit = (
                f"The notebook took more than {self._limits.notebook_seconds:g} seconds in all; {name} was not asked everything."
                if late
                else f"{name} gave no answer within {self._limits.exercise_seconds:g} seconds."
            )
            raise OutOfTime(limit) from error
        except WorkerDied as error:
            self.close()
            raise WorkerDied(f"{name} ended its process when it was called.") from error
        self._used += time.monotonic() - start
        return _parse(frame.body, name, request.questions)

    def close(self) -> None:
        """End the fork: nothing more is asked."""
        if self.process is not None:
            self.process.kill()
            self.process.forget()
            self.process = None


class Worker:
    """Runs the cells of one notebook in a process of its own, in a copy of the folder that was handed in.

    A process that dies or hangs is replaced by a new one, in which the cells that ended run again. States that are kept
    survive that, too.
    """

    def __init__(
        self,
        folder: Path,
        cards: Path,
        limits: Limits,
        kind: str = WITH_TORCH,
        seed: int = 0,
        unsafe: bool = False,
        layers: frozenset[str] | None = None,
    ) -> None:
        """Start a worker, with the layers of this machine's tier if no others are named.

        Raises:
            NoWorker: there is none to be had on this machine; the message says why and what to do.
        """
        self.limits = limits
        self._seed = seed
        self._folder, self._cards = folder, cards
        self._kind = kind
        self._layers = layers_for_grading(unsafe) if layers is None else layers
        self._displays = Displays()
        self._shown = CellOutputs(limits.output_mib, self._displays)
        self._past: list[str | Snapshot] = []
        self._stack = contextlib.ExitStack()
        start = time.monotonic()
        self.deadline = start + limits.notebook_seconds
        self._cells_until = start + limits.notebook_seconds / 2
        self._revived: list[contextlib.ExitStack] = []
        self._process: Process | None = None
        self._group: cgroups.Group | None = None
        self._cpu_before = 0.0
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End everything of the submission."""
        for stack in self._revived:
            stack.close()
        self._end()

    def run(self, source: str) -> list[NotebookNode]:
        """Run one cell and return its outputs. A cell that takes too long or kills its process says so in them."""
        if time.monotonic() > self._cells_until:
            return [_error("NotebookTimeout", f"The cells took more than {self.limits.notebook_seconds / 2:g} seconds; this one was not run.")]
        shown = self._shown = CellOutputs(self.limits.output_mib, self._displays)
        try:
            self._run(source, shown, self._cells_until)
        except OutOfTime as late:
            listened = self._interrupt(shown)
            shown.outputs.append(_error("CellTimeout", f"This cell was stopped: it took more than {late}."))
            if not listened:
                self._restart()
        except WorkerDied:
            shown.outputs.append(_error("KernelDied", "This cell ended its process. The cells before it were run again in a new one."))
            self._restart()
        else:
            self._past.append(source)
        return shown.outputs

    def snapshot(self) -> Snapshot:
        """Keep the state that the notebook has now."""
        past = [cell for cell in self._past if isinstance(cell, str)]
        snapshot = Snapshot(self.limits, None, lambda: self._revive(past))
        try:
            snapshot.process = self._fork()
        except WorkerDied:
            self._restart()
        self._past.append(snapshot)
        return snapshot

    # ---- one process ----

    def _run(self, source: str, shown: CellOutputs, deadline: float) -> None:
        """Run a cell in the process.

        Raises:
            OutOfTime: it still runs.
            WorkerDied: the process has ended.
        """
        if self._process is None:
            raise WorkerDied
        process = self._process
        process.send(RUN, source.encode("utf-8", "replace")[:MAX_OUTPUT])
        used_before = self._cpu_seconds()

        def watch() -> None:
            used = self._cpu_seconds()
            if used - used_before > self.limits.cell_cpu_seconds:
                raise OutOfTime(f"{self.limits.cell_cpu_seconds:g} seconds of processor time")
            if used > self.limits.notebook_cpu_seconds:
                raise OutOfTime(f"what was left of the notebook's {self.limits.notebook_cpu_seconds:g} seconds of processor time")

        until = min(deadline, time.monotonic() + self.limits.cell_seconds)
        try:
            self._collect(process, shown, until, watch)
        except OutOfTime as late:
            raise OutOfTime(str(late) or f"{self.limits.cell_seconds:g} seconds") from late

    def _collect(self, process: Process, shown: CellOutputs, until: float, watch: Callable[[], None] = lambda: None) -> None:
        while (frame := process.receive((OUTPUT, DONE), until, watch)).kind == OUTPUT:
            shown.add(frame.body)

    def _interrupt(self, shown: CellOutputs) -> bool:
        """Stop a cell as Jupyter's stop button does; False if it does not listen."""
        if self._process is None:
            return False
        self._process.interrupt()
        try:
            self._collect(self._process, shown, time.monotonic() + GRACE_SECONDS)
        except WorkerDied:
            return False
        return True

    def _fork(self) -> Process | None:
        """A fork of the process as it is, or None where it cannot be forked."""
        if self._process is None:
            raise WorkerDied
        mine, its = socket.socketpair()
        mine.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        try:
            self._process.send(FORK, pass_on=its)
        except WorkerDied:
            mine.close()
            raise
        finally:
            its.close()
        until = time.monotonic() + FORK_SECONDS
        while (answer := self._process.receive((OUTPUT, DONE, CANNOT_FORK), until)).kind == OUTPUT:
            self._shown.add(answer.body)  # of a thread that the last cell started
        if answer.kind == CANNOT_FORK:
            mine.close()
            return None
        return Process(mine, FORK_SECONDS, is_fork=True)

    def _begin(self) -> None:
        """Start a process that has run nothing yet."""
        self._process, self._group = _start(self._stack, self._kind, self._layers, self._folder, self._cards, self.limits, self._seed)
        self._cpu_before += self._cpu_now()

    def _end(self) -> None:
        if self._process is not None:
            self._cpu_before -= self._cpu_now()
            for snapshot in self._past:
                if isinstance(snapshot, Snapshot):
                    snapshot.close()
        self._stack.close()
        self._process = self._group = None

    def _restart(self) -> None:
        """A new process in the state that the cells left, with the states that are kept. Where a cell does not end a second
        time as it did the first, what comes next starts with nothing."""
        past = self._past
        self._end()
        self._begin()
        try:
            for step in past:
                if isinstance(step, Snapshot):
                    step.process = self._fork()
                else:
                    self._run(step, CellOutputs(0, Displays()), self.deadline)
        except WorkerDied:
            self._end()
            self._past = [step for step in past if isinstance(step, Snapshot)]
            self._begin()

    def _revive(self, past: Sequence[str]) -> Process:
        """Another process that has run these cells.

        Raises:
            WorkerDied: it did not get that far.
        """
        stack = contextlib.ExitStack()
        self._revived.append(stack)
        try:
            process, _ = _start(stack, self._kind, self._layers, self._folder, self._cards, self.limits, self._seed)
        except NoWorker as error:
            raise WorkerDied from error
        for source in past:
            process.send(RUN, source.encode("utf-8", "replace")[:MAX_OUTPUT])
            self._collect(process, CellOutputs(0, Displays()), min(self.deadline, time.monotonic() + self.limits.cell_seconds))
        return process

    def _cpu_seconds(self) -> float:
        """Processor time that the submission has used, of all its processes."""
        return self._cpu_now() - self._cpu_before

    def _cpu_now(self) -> float:
        if self._group is not None:
            return self._group.cpu_seconds()
        return _cpu_seconds(self._process.pid) if self._process else 0.0


def _start(
    stack: contextlib.ExitStack, kind: str, layers: frozenset[str], folder: Path, cards: Path, limits: Limits, seed: int
) -> tuple[Process, cgroups.Group | None]:
    """A worker's process that has run nothing yet. What `stack` closes ends it, and removes all traces."""
    parent = warm_parent(kind, layers)
    inbox = stack.enter_context(parent.inbox())
    _fill(parent, inbox, folder, cards, int(limits.disk_gib * 2**30))
    process = Process(parent.start(inbox, limits, seed), START_SECONDS)
    stack.callback(process.end)
    return process, parent.group


def _fill(parent: WarmParent, inbox: Path, folder: Path, cards: Path, most_bytes: int) -> None:
    """Put the student's own files and the cards into the worker's inbox."""
    _copy_helpers(folder, inbox, most_bytes // 2)
    if cards.is_dir():
        shutil.copytree(cards, inbox / cards.name)
    parent.give(inbox)


def _copy_helpers(folder: Path, into: Path, most_bytes: int) -> None:
    """The student's own files, and no more of them than the worker's disk holds."""
    bytes_left, files_left = most_bytes, MOST_FILES
    for path in files_beside(folder):
        bytes_left, files_left = bytes_left - path.stat().st_size, files_left - 1
        if bytes_left < 0 or files_left < 0:
            log.warning("%s: files beyond %d MiB or %d are left out", folder, most_bytes // 2**20, MOST_FILES)
            return
        copy = into / path.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        copy.chmod(path.stat().st_mode & 0o777 | 0o600)


def files_beside(folder: Path) -> Iterator[Path]:
    """The student's own files beside a notebook: modules, data. No links, and nothing that may not be read."""
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        parts = path.relative_to(folder).parts
        is_ours = parts[0] in NOT_COPIED or parts[0].startswith(".") or (len(parts) == 1 and path.suffix == ".ipynb")
        if not is_ours and path.is_file() and not path.is_symlink() and os.access(path, os.R_OK):
            yield path


def _cpu_seconds(pid: int) -> float:
    """Of a process and all below it, with those that have ended."""
    try:
        process = psutil.Process(pid)
        times = [p.cpu_times() for p in (process, *process.children(recursive=True))]
    except psutil.Error:
        return 0.0
    return float(sum(t.user + t.system + t.children_user + t.children_system for t in times))


def _without_labels(questions: Sequence[Question]) -> list[Question]:
    """The questions without what would tell the visible from the hidden ones. Groups keep their identity, not their names."""
    names = {group: f"group {k}" for k, group in enumerate(dict.fromkeys(q.group for q in questions))}
    names[MAIN] = MAIN
    return [replace(q, label="", hint="", hidden=False, group=names[q.group]) for q in questions]


def _parse(body: bytes, name: str, questions: Sequence[Question]) -> list[Reply] | str:
    """The replies that a worker sent, believed no further than their form."""
    try:
        value: Any = unpack(body)
        if value == NOTHING_THERE:
            return f"There is no {name}: run the cell that defines it, under exactly this name."
        if isinstance(value, str) and value.startswith(NOT_CALLABLE):
            return f"{name} is no function or class any more, but {value.removeprefix(NOT_CALLABLE + ': ')[:50]}."
        if not isinstance(value, list) or len(value) != len(questions):
            raise BadFrame("not one reply for each question")
        return [reply_from_value(v) for v in value]
    except BadFrame as error:
        raise WorkerDied(f"{name} gave no answer that can be read.") from error


def _error(name: str, text: str) -> NotebookNode:
    return new_output("error", ename=name, evalue=text, traceback=[f"{name}: {text}"])
