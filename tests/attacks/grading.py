"""Grade attacks as a class is graded, one after the other in an examiner's process, which may hang, crash or be emptied."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import queue
import secrets
import shutil
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path

from sample_class import ATTENTION

from attacks import ATTACKS
from attacks.attack import Attack
from attacks.watch import Watch
from autograder.build import ensure_released, find_chapter
from autograder.examiner.workers import tier
from autograder.examiner.workers.warm import warm_parent
from autograder.worker.kinds import WITH_TORCH, WITHOUT_TORCH

HUNG_AFTER = 60  # seconds: longer than the limits of a notebook allow

_context = multiprocessing.get_context("forkserver")


def prepare() -> None:
    """Build what is needed, and start the process that examiners are forked from: there the exams are worked out."""
    for chapter in {ATTENTION, *(attack.chapter for attack in ATTACKS.values())}:
        ensure_released(find_chapter(chapter))
    tests = str(Path(__file__).resolve().parents[1])
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [tests, os.environ.get("PYTHONPATH")]))
    os.environ["OMP_NUM_THREADS"] = "1"  # threads that worked out the exams would be missed in the forks
    _context.set_forkserver_preload(["attacks.judging"])


def skipped(attack: Attack) -> str:
    """Why an attack cannot be tried on this machine, or nothing."""
    return "needs bubblewrap (Debian: apt install bubblewrap)" if attack.needs_jail and tier.tier().name != tier.NAMESPACES else ""


def try_attack(name: str) -> list[str]:
    """What the attack reached: an empty list if grading held. The name `honest` grades a perfect notebook."""
    try:
        examiner = _idle.get_nowait()
    except queue.Empty:
        examiner = Examiner()
    try:
        return examiner.grade(name)
    finally:
        _idle.put(examiner)


class Examiner:
    """A process that grades one attack after the other. A new one takes its place when it does not survive one."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="at"))
        atexit.register(self._close)
        self._start()

    def _start(self) -> None:
        self._connection, its = _context.Pipe()
        self._process = _context.Process(target=_grade_all, args=(its, Path(tempfile.mkdtemp(dir=self._folder))), daemon=True)
        self._process.start()
        its.close()
        self._connection.recv()

    def _end(self) -> None:
        self._process.kill()
        self._process.join()
        self._connection.close()

    def _close(self) -> None:
        self._end()
        remove(self._folder)

    def grade(self, name: str) -> list[str]:
        place = Path(tempfile.mkdtemp(prefix="p", dir=self._folder))
        assert self._process.pid is not None
        watch = Watch(self._process.pid, place)
        try:
            self._connection.send((place, name))
            answer = self._connection.recv() if self._connection.poll(HUNG_AFTER) else f"grading did not end within {HUNG_AFTER} s"
        except (EOFError, OSError):
            answer = "the examiner's process ended"
        watch.stop()
        if isinstance(answer, str):
            answer = [answer]
            self._end()
            self._start()
        reached = [*answer, *watch.left(), *(watch.toll() if name != "honest" and ATTACKS[name].alone else [])]
        remove(place)
        return reached


_idle: queue.SimpleQueue[Examiner] = queue.SimpleQueue()


def remove(folder: Path) -> None:
    """All of it, however deep: what an attack leaves is too much for shutil."""
    shutil.rmtree(folder, ignore_errors=True) if shutil.which("rm") is None else os.spawnlp(os.P_WAIT, "rm", "rm", "-rf", str(folder))


def _grade_all(connection: Connection, temporary: Path) -> None:
    from attacks.judging import graded_in

    tempfile.tempdir = str(temporary)
    os.environ["EXAM_SECRET"] = secret = "swordfish" + secrets.token_hex(8)
    for kind in (WITH_TORCH, WITHOUT_TORCH):  # these processes stay
        warm_parent(kind, tier.layers_for_grading(unsafe=True))
    connection.send("ready")
    while True:
        place, name = connection.recv()
        connection.send(graded_in(place, name, secret, temporary))
