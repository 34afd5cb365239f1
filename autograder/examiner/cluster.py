"""Grade submissions on other machines: on the workers of a Dask scheduler.

What travels is bytes: the rebuilt notebook, the files beside it, cards and settings one way; the grading, as JSON, the other.
A worker writes nothing but a folder that ends with the task. Only the client writes the store, so what is in there stays
whatever becomes of workers and scheduler. Where versions differ, nothing is graded: its verdict would be another's.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import importlib.metadata
import json
import logging
import platform
import socket
import tempfile
import threading
import time
import warnings
import zlib
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat

from autograder.build.course import COURSE, ROOT, Chapter
from autograder.check.card import FOLDER
from autograder.examiner.ahead import GRADED, Task, done_already, gradable
from autograder.examiner.examine import Settings
from autograder.examiner.fingerprint import PACKAGES, Gradable, engine_version, exercises_version, fingerprint
from autograder.examiner.remember import grade
from autograder.examiner.store import Grading, VerdictStore
from autograder.examiner.workers.host import files_beside
from autograder.examiner.workers.tier import tier
from autograder.worker.limits import Limits

CONNECT_SECONDS = 5
ANSWER_SECONDS = 5
PATIENCE_SECONDS = 60  # for a scheduler that is lost, and for workers where there are none
FETCH_SECONDS = 60
CLOSE_SECONDS = 5
LOOK_SECONDS = 0.1
SENT_FOR_EACH_THREAD = 2  # one that is graded, and the next
MOST_MIB = 256  # of files beside a notebook: they pass through the scheduler's memory

ENGINE, TIER = "the engine", "the sandbox tier"

log = logging.getLogger(__name__)


class ClusterError(Exception):
    """Grading on other machines cannot go on; the message says why and what to do, for the instructor."""


class NotGraded(Exception):
    """One notebook could not be graded; the message says why. The others can."""


# ---- what must be the same here and there ------------------------------------------------------------------------------------


def versions(chapters: Sequence[str]) -> dict[str, str]:
    """Of all that has a say in a verdict, as this process has it."""
    return {
        "Python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in PACKAGES},
        ENGINE: engine_version(),
        **{f"the set of exercises of {name}": _exercises().get(Chapter(COURSE / name).package, "") for name in chapters},
        TIER: tier().name,
    }


@functools.cache
def _exercises() -> dict[str, str]:
    """Of all chapters at once: a worker keeps the modules that it began with, whatever lies on its disk later."""
    packages = (f"solutions.{path.name}" for path in sorted((ROOT / "solutions").iterdir()) if path.is_dir())
    return {package: exercises_version(package) for package in packages}


def differences(here: dict[str, str], there: dict[str, str]) -> str:
    """What differs, in words; nothing if nothing does. Of what has a hash for a version, only that it differs."""
    names = [name for name in here if here[name] != there.get(name)]
    packages = {"Python", *PACKAGES}
    if packages & set(names):
        names = [name for name in names if name != ENGINE]  # whose version counts theirs in
    named = packages | {TIER}
    return ", ".join(f"{name} is {there.get(name)} there and {here[name]} here" if name in named else f"{name} differs" for name in names)


# ---- what travels ------------------------------------------------------------------------------------------------------------


def _pack(message: dict[str, Any]) -> bytes:
    return zlib.compress(json.dumps(message).encode(), level=1)


def _unpack(data: bytes) -> dict[str, Any]:
    return json.loads(zlib.decompress(data))


def pack_job(notebook: Gradable, key: str) -> bytes:
    """A notebook to grade, its fingerprint, and all that its grading needs.

    Raises:
        NotGraded: too much lies beside it.
    """
    beside = list(files_beside(notebook.folder))
    if (mib := sum(path.stat().st_size for path in beside) / 2**20) > MOST_MIB:
        raise NotGraded(f"{mib:.0f} MiB of files lie beside it, and at most {MOST_MIB} are sent. It is graded without --scheduler.")
    job = {
        "versions": versions([notebook.chapter.name]),
        "fingerprint": key,
        "chapter": notebook.chapter.name,
        "notebook": notebook.notebook,
        "notes": notebook.notes,
        "settings": asdict(notebook.settings),
        "beside": [_file(path, notebook.folder) for path in beside],
        "cards": [_file(path, notebook.cards) for path in sorted(notebook.cards.glob("*"))],
    }
    return _pack(job)


def _file(path: Path, below: Path) -> dict[str, Any]:
    content = base64.b85encode(path.read_bytes()).decode()
    return {"path": path.relative_to(below).as_posix(), "mode": path.stat().st_mode & 0o777, "content": content}


def _unpack_job(job: dict[str, Any], place: Path) -> Gradable:
    """The notebook of a job, with its files in folders below `place`."""
    folder, cards = place / "handed_in", place / FOLDER
    for into, files in ((folder, job["beside"]), (cards, job["cards"])):
        into.mkdir()
        for file in files:
            path = into / file["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(base64.b85decode(file["content"]))
            path.chmod(file["mode"])
    settings = Settings(**job["settings"] | {"limits": Limits(**job["settings"]["limits"])})
    return Gradable(nbformat.from_dict(job["notebook"]), job["notes"], Chapter(COURSE / job["chapter"]), folder, cards, settings)


# ---- on a worker -------------------------------------------------------------------------------------------------------------

_one_at_a_time = threading.Lock()  # a process has one warm parent of a kind, however many threads Dask gives it


def grade_job(job: bytes) -> bytes:
    """Grade a notebook that was sent here. The reply holds its grading, or why it was refused, or what went wrong."""
    with _one_at_a_time:
        return _pack(_reply(_unpack(job)))


def _reply(job: dict[str, Any]) -> dict[str, Any]:
    try:
        if differing := differences(job["versions"], versions([job["chapter"]])):
            return {"refused": differing}
        return {"grading": asdict(_grade(job))}
    except Exception as error:  # our exceptions do not travel, and the others are graded
        log.exception("A notebook of %s could not be graded", job["chapter"])
        return {"error": f"{type(error).__name__}: {error}"}


def _grade(job: dict[str, Any]) -> Grading:
    with tempfile.TemporaryDirectory(prefix="scratchgrad-") as folder:
        notebook = _unpack_job(job, Path(folder))
        if fingerprint(notebook) != job["fingerprint"]:
            raise NotGraded("What arrived is not what was sent.")
        return grade(notebook)


# ---- on the client -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Sent:
    task: Task
    fingerprint: str
    future: Any


class Cluster:
    """Dask workers that grade tasks in their order, while this process remembers their verdicts. It is used like `Ahead`."""

    def __init__(self, tasks: Sequence[Task], scheduler: str) -> None:
        """Reach the scheduler at this address, if there is something to do.

        Raises:
            ClusterError: no scheduler answers there.
        """
        self._scheduler = scheduler
        self._chapters = sorted({task.chapter for task in tasks})
        self._wanted = {task.submitted for task in tasks}
        self._outcomes: dict[Path, str | NotGraded] = {task.submitted: done for task in tasks if (done := done_already(task))}
        self._left = deque(task for task in tasks if task.submitted not in self._outcomes)
        self._sent: dict[Path, _Sent] = {}
        self._met: set[str] = set()
        self._client: Any = None
        self._connection: Any = None
        self._last_with_workers = time.monotonic()
        if self._left:
            self._connect(CONNECT_SECONDS)

    def wait(self, submitted: Path) -> str:
        """Wait until this notebook is graded, if it is among the tasks. What comes back meanwhile is remembered.

        Raises:
            NotGraded: this one could not be graded.
            ClusterError: nothing can be graded any more.
        """
        while submitted in self._wanted and submitted not in self._outcomes:
            self._advance()
        outcome = self._outcomes.get(submitted, "")
        if isinstance(outcome, NotGraded):
            raise outcome
        return outcome

    def close(self) -> None:
        """Leave the scheduler, which drops what was not begun."""
        if self._client is not None:
            with contextlib.suppress(Exception):
                self._client.close(CLOSE_SECONDS)
            self._client = None

    def _advance(self) -> None:
        try:
            threads = self._client.nthreads() if self._is_connected else None
            if threads is not None:
                self._meet(threads)
        except OSError:
            threads = None
        if threads is None:
            self._reconnect()
            return
        self._send(SENT_FOR_EACH_THREAD * sum(threads.values()))
        if not self._take():
            time.sleep(LOOK_SECONDS)

    # ---- the scheduler ----

    def _connect(self, seconds: float) -> None:
        dask = _distributed()
        try:
            _wait_for_listener(self._scheduler, seconds)
            self._client = dask.Client(self._scheduler, timeout=ANSWER_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise self._ended(f"No scheduler answers at {self._scheduler} ({error}).") from error
        self._connection = self._client.scheduler_comm
        self._last_with_workers = time.monotonic()

    @property
    def _is_connected(self) -> bool:
        """By the connection that was made first: when Dask makes another by itself, what was sent is lost."""
        return self._client.status == "running" and self._client.scheduler_comm is self._connection

    def _reconnect(self) -> None:
        """A scheduler that was lost has forgotten all; what was sent is sent again."""
        self.close()
        self._left.extendleft(sent.task for sent in reversed(self._sent.values()))
        self._sent.clear()
        self._met.clear()
        self._connect(PATIENCE_SECONDS)

    # ---- the workers ----

    def _meet(self, threads: dict[str, int]) -> None:
        """Ask the workers that are new for their versions. Those that come later still refuse by themselves."""
        if threads:
            self._last_with_workers = time.monotonic()
        elif time.monotonic() - self._last_with_workers > PATIENCE_SECONDS:
            raise self._ended(f"{self._scheduler} has no workers. Start some: dask worker {self._scheduler} --nthreads 1.")
        new = sorted(set(threads) - self._met)
        if not new:
            return
        said = self._client.run(versions, self._chapters, workers=new, on_error="return")
        here = versions(self._chapters)
        refused = {}
        for address, there in said.items():
            if isinstance(there, OSError):
                continue  # it has left, or is asked again
            if why := repr(there) if isinstance(there, Exception) else differences(here, there):
                refused[address] = why
            self._met.add(address)
        if refused:
            raise self._refused(refused)

    def _refused(self, reasons: dict[str, str]) -> ClusterError:
        who = "; ".join(f"{address} ({why})" for address, why in sorted(reasons.items()))
        return self._ended(f"Refused, as verdicts may differ: worker {who}. Install there what is here and restart it, or stop it.")

    def _ended(self, why: str) -> ClusterError:
        return ClusterError(f"{why} {len(self._outcomes)} of {len(self._wanted)} notebooks are done; the same command goes on with the others.")

    # ---- the tasks ----

    def _send(self, most: int) -> None:
        """Send tasks, but not more than workers have soon: files travel through the scheduler's memory."""
        while self._left and len(self._sent) < most:
            task = self._left.popleft()
            try:
                notebook = gradable(task)
                key = fingerprint(notebook)
                job = pack_job(notebook, key)
            except Exception as error:  # the others go on
                self._outcomes[task.submitted] = NotGraded(str(error))
                continue
            self._sent[task.submitted] = _Sent(task, key, self._client.submit(grade_job, job, pure=False))

    def _take(self) -> bool:
        """Take what came back, and remember it. False if nothing did."""
        back = [sent for sent in self._sent.values() if sent.future.status != "pending"]
        for sent in back:
            del self._sent[sent.task.submitted]
            outcome = self._outcome(sent)
            if outcome is None:
                self._left.appendleft(sent.task)
            else:
                self._outcomes[sent.task.submitted] = outcome
        return bool(back)

    def _outcome(self, sent: _Sent) -> str | NotGraded | None:
        """What became of a task; None where it was lost on the way."""
        if sent.future.status == "error":
            return self._failure(sent.future.exception())
        if sent.future.status != "finished":
            return None
        try:
            reply = _unpack(sent.future.result(timeout=FETCH_SECONDS))
        except Exception:  # whoever held it has left
            return None
        if "refused" in reply:
            raise self._refused({self._who_did(sent.future): reply["refused"]})
        if "error" in reply:
            return NotGraded(reply["error"])
        with contextlib.closing(VerdictStore(sent.task.store)) as store:
            store.put(sent.fingerprint, Grading(**reply["grading"]))
        return GRADED

    def _failure(self, error: BaseException) -> NotGraded:
        """What Dask says: what goes wrong in grading comes back as a reply."""
        if isinstance(error, _distributed().KilledWorker):
            return NotGraded("Several workers ended while they graded it.")
        raise self._refused({"one of them": repr(error)})

    def _who_did(self, future: Any) -> str:
        with contextlib.suppress(Exception):
            return next(address for addresses in self._client.who_has([future]).values() for address in addresses)
        return "one of them"


def _wait_for_listener(address: str, seconds: float) -> None:
    """Wait for a scheduler, which speaks first. Dask's client would wait long for one that is not there, and forever for a mute one.

    Raises:
        OSError: nobody listens there.
        ValueError: this is no address.
    """
    where = urlsplit(address if "://" in address else f"tcp://{address}")
    if where.scheme not in ("tcp", "tls") or not where.hostname or not where.port:
        raise ValueError("an address is tcp://host:port")
    deadline = time.monotonic() + seconds
    while True:
        try:
            with socket.create_connection((where.hostname, where.port), timeout=ANSWER_SECONDS) as connection:
                if where.scheme == "tls" or connection.recv(1):
                    return
                raise ConnectionError("what listens there says nothing")
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(LOOK_SECONDS)


@functools.cache
def _distributed() -> Any:
    """Dask, which does not come with the course and takes long to load.

    Raises:
        ClusterError: it is not installed.
    """
    try:
        import distributed
    except ImportError as error:
        raise ClusterError("Grading on other machines needs Dask: pip install 'distributed>=2024.12'.") from error
    for name in ("distributed", "distributed.client", "tornado", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # what is lost is said in a sentence
    warnings.filterwarnings("ignore", "Sending large graph")
    return distributed
