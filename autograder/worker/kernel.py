"""A worker that is an ordinary Jupyter kernel, in a jail where the machine has one."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import matplotlib
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, new_output

from autograder.check.asking import MAIN, Helper, Question, Reply
from autograder.check.values import MAX_BYTES, BadFrame, Value, pack, unpack
from autograder.check.wire import helper_to_value, question_to_value, reply_from_value
from autograder.worker import jail
from autograder.worker.answer import NOT_CALLABLE, NOTHING_THERE

# What lies beside a submitted notebook and must not stand in for the course's own.
NOT_COPIED = ("autograder", "solutions", "cards")


class WorkerDied(Exception):
    """The worker is gone or gave no usable answer; the message says what happened."""


class OutOfTime(WorkerDied):
    """The worker gave no answer in time."""


@dataclass(frozen=True)
class Limits:
    """Wall-clock seconds: of one cell, of all questions of one exercise, and of a whole notebook. Memory of one process."""

    cell_seconds: float = 30.0
    exercise_seconds: float = 120.0
    notebook_seconds: float = 600.0
    memory_gib: float = 8.0


class KernelWorker:
    """Runs cells and asks questions in a kernel of its own, in a copy of the folder that was handed in.

    A kernel that dies or hangs is replaced by a new one, in which the cells that had gone well run again.
    """

    def __init__(self, folder: Path, cards: Path, limits: Limits) -> None:
        self.limits = limits
        self._place = Path(tempfile.mkdtemp(prefix="scratchgrad-"))
        # The worker writes to the first two and only reads the third.
        self._folder, self._exchange, self._questions = (self._place / name for name in ("notebook", "exchange", "questions"))
        for made in (self._folder, self._exchange, self._questions):
            made.mkdir()
        self._packages = jail.worker_packages(self._place / "packages")
        _copy_helpers(folder, self._folder)
        _copy_font_list(self._folder)
        if cards.is_dir():
            shutil.copytree(cards, self._folder / cards.name)
        self._ran: list[str] = []
        self._stack = contextlib.ExitStack()
        self._client: NotebookClient | None = None
        self._deadline = time.monotonic() + limits.notebook_seconds

    def __enter__(self) -> KernelWorker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop()
        shutil.rmtree(self._place, ignore_errors=True)

    def run(self, source: str) -> list[NotebookNode]:
        """Run one cell and return its outputs. A cell that takes too long or kills its kernel says so in them."""
        if time.monotonic() > self._deadline:
            return [_error("NotebookTimeout", f"The notebook took more than {self.limits.notebook_seconds:g} seconds; this cell was not run.")]
        cell = new_code_cell(source)
        try:
            self._execute(cell, self.limits.cell_seconds)
        except CellTimeoutError:
            cell.outputs.append(_error("CellTimeout", f"This cell took more than {self.limits.cell_seconds:g} seconds."))
            self._restart()
        except DeadKernelError:
            cell.outputs.append(_error("KernelDied", "This cell ended its kernel. The cells before it were run again in a new one."))
            self._restart()
        except Exception as error:  # whatever a kernel can be made to send
            cell.outputs.append(_error("KernelTrouble", f"The kernel could not be talked to ({type(error).__name__})."))
            self._restart()
        else:
            if not any(output.output_type == "error" for output in cell.outputs):
                self._ran.append(source)
        return list(cell.outputs)

    def ask(self, name: str, questions: Sequence[Question], probe: Helper | None, forbid: Sequence[str], seconds: float) -> list[Reply] | str:
        """Ask the function or class `name` that the notebook defined.

        Returns one reply per question, or a sentence on why there is nothing to ask.

        Raises:
            WorkerDied: no usable reply came.
        """
        if time.monotonic() > self._deadline:
            raise OutOfTime(f"The notebook took more than {self.limits.notebook_seconds:g} seconds in all; {name} was not asked.")
        asked, answered = self._questions / secrets.token_hex(8), self._exchange / secrets.token_hex(8)
        request: dict[str, Value] = {
            "name": name, "questions": [question_to_value(q) for q in _without_labels(questions)],
            "probe": helper_to_value(probe), "forbid": list(forbid), "seconds": seconds,
        }  # fmt: skip
        call = f"__import__('autograder.worker.answer').worker.answer.answer({str(asked)!r}, {str(answered)!r}, globals())"
        try:
            _write_new(asked, pack(request))
            self._execute(new_code_cell(call), self.limits.exercise_seconds)
        except CellTimeoutError as error:
            self._restart()
            raise OutOfTime(f"{name} gave no answer within {self.limits.exercise_seconds:g} seconds.") from error
        except DeadKernelError as error:
            self._restart()
            raise WorkerDied(f"{name} ended its process when it was called.") from error
        except Exception as error:  # whatever a kernel can be made to send
            self._restart()
            raise WorkerDied(f"{name} could not be asked ({type(error).__name__}).") from error
        finally:
            with contextlib.suppress(OSError):
                asked.unlink()
        return _parse(answered, name, questions)

    # ---- the kernel ----

    def _execute(self, cell: NotebookNode, seconds: float) -> None:
        client = self._client or self._start()
        client.timeout = max(1, round(seconds))
        client.execute_cell(cell, 0, store_history=True)

    def _start(self) -> NotebookClient:
        """A kernel that is reached through sockets in the exchange folder: it has no network."""
        sockets = Path(tempfile.mkdtemp(prefix="k", dir=self._exchange))
        manager = AsyncKernelManager(kernel_name="python3", transport="ipc", ip=str(sockets / "s"), connection_file=str(sockets / "c.json"))
        kernel = [sys.executable, "-P", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        manager.kernel_spec.argv = jail.command(kernel, self._folder, self._exchange, [self._packages, self._questions], self.limits.memory_gib)  # type: ignore[union-attr]
        client = NotebookClient(
            new_notebook(cells=[new_code_cell()]),
            km=manager,
            allow_errors=True,
            interrupt_on_timeout=False,
            shutdown_kernel="immediate",
            extra_arguments=["--log-level=40", "--HistoryManager.hist_file=:memory:"],
        )
        variables = jail.environment(self._folder, self._packages)
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._stack.enter_context(client.setup_kernel(cwd=str(self._folder), env=variables, cleanup_kc=True, **quiet))
        self._client = client
        return client

    def _stop(self) -> None:
        with contextlib.suppress(Exception):
            self._stack.close()
        self._client = None

    def _restart(self) -> None:
        """A new kernel in the state that the good cells left, as far as the notebook's time allows."""
        self._stop()
        for source in self._ran:
            left = self._deadline - time.monotonic()
            if left <= 0:
                return
            try:
                self._execute(new_code_cell(source), min(left, self.limits.cell_seconds))
            except Exception:  # it went well once; a second time it may not
                self._stop()
                return


def _without_labels(questions: Sequence[Question]) -> list[Question]:
    """The questions without what would tell the visible from the hidden ones. Groups keep their identity, not their names."""
    names = {group: f"group {k}" for k, group in enumerate(dict.fromkeys(q.group for q in questions))}
    names[MAIN] = MAIN
    return [replace(q, label="", hint="", hidden=False, group=names[q.group]) for q in questions]


def _write_new(path: Path, content: bytes) -> None:
    """Write a file that must not exist yet, through no link."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _copy_helpers(folder: Path, into: Path) -> None:
    """The student's own files beside the notebook: modules, data."""
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if path.name in NOT_COPIED or path.name.startswith(".") or path.suffix == ".ipynb" or path.is_symlink():
            continue
        if path.is_dir():
            shutil.copytree(path, into / path.name, symlinks=True)
        else:
            shutil.copy(path, into / path.name)


def _copy_font_list(home: Path) -> None:
    """matplotlib's list of fonts takes a second to make; a worker starts with this user's."""
    made = Path(matplotlib.get_cachedir())
    if made.is_dir():
        shutil.copytree(made, home / ".matplotlib", ignore=shutil.ignore_patterns("tex.cache", "*.lock"))


def _read(path: Path) -> bytes:
    """A plain file that the worker wrote: no link out of its folder, no pipe that never ends.

    Raises:
        OSError: it is something else, or too large.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_BYTES:
            raise OSError("not a plain file of a reasonable size")
        return file.read(MAX_BYTES)


def _parse(path: Path, name: str, questions: Sequence[Question]) -> list[Reply] | str:
    """The replies in a file that the worker wrote, believed no further than their form."""
    try:
        value: Any = unpack(_read(path))
        if value == NOTHING_THERE:
            return f"There is no {name}: run the cell that defines it, under exactly this name."
        if isinstance(value, str) and value.startswith(NOT_CALLABLE):
            return f"{name} is no function or class any more, but {value.removeprefix(NOT_CALLABLE + ': ')[:50]}."
        if not isinstance(value, list) or len(value) != len(questions):
            raise BadFrame("not one reply for each question")
        replies = [reply_from_value(v) for v in value]
    except (OSError, BadFrame) as error:
        raise WorkerDied(f"{name} gave no answer that can be read.") from error
    return replies


def _error(name: str, text: str) -> NotebookNode:
    return new_output("error", ename=name, evalue=text, traceback=[f"{name}: {text}"])
