"""A class that is graded on other machines ends with the same gradebook, whichever of these machines is killed meanwhile.

The machines are processes of this one: a Dask scheduler, and workers.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import psutil
import pytest
from class_of_six import CHAPTER, STUDENTS, autograde, command, environment, grade_ahead, gradebook, hand_in, remembered, shown

from autograder.build import ROOT
from autograder.cli import app
from autograder.examiner import cluster
from autograder.examiner.ahead import GRADED, gradable
from autograder.examiner.cluster import Cluster, ClusterError, NotGraded, differences, grade_job, pack_job, versions
from autograder.examiner.fingerprint import fingerprint
from autograder.nbgrader.handed_in import course_tasks

pytest.importorskip("distributed", reason="grading on many machines needs the extra `cluster`")
pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("cluster")]

SLOW = "import time\ntime.sleep(0.5)"


class Machines:
    """A scheduler and its workers, each a process that writes to a log of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.scheduler: subprocess.Popen[bytes] | None = None
        self.workers: list[subprocess.Popen[bytes]] = []
        self._began: list[psutil.Process] = []

    def start_scheduler(self) -> None:
        self.scheduler = self._start("dask_scheduler", "--host", "127.0.0.1", "--port", str(self.port), "--dashboard-address", "127.0.0.1:0")

    def start_worker(self, **variables: str) -> subprocess.Popen[bytes]:
        options = ["--nthreads", "1", "--no-nanny", "--host", "127.0.0.1", "--local-directory", str(self._folder)]
        self.workers.append(self._start("dask_worker", self.address, *options, **variables))
        return self.workers[-1]

    def start_worker_of(self, packages: Path) -> tuple[subprocess.Popen[bytes], str]:
        """A worker that has the package from another place, and its address, once the scheduler knows it."""
        worker = self.start_worker(PYTHONPATH=str(packages))
        log = max(self._folder.glob("*.log"), key=lambda path: int(path.stem.split("-")[1]))
        _until(lambda: "Registered to" in log.read_text())
        return worker, re.findall(r"Start worker at: *(\S+)", log.read_text())[0]

    def _start(self, program: str, *argv: str, **variables: str) -> subprocess.Popen[bytes]:
        with self._log(program).open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{program}", *argv],
                cwd=self._folder, env=environment() | {"OMP_NUM_THREADS": "1"} | variables, stdout=log, stderr=log,
            )  # fmt: skip

    def _log(self, program: str) -> Path:
        return self._folder / f"{program}-{len(list(self._folder.glob('*.log')))}.log"

    def repair(self, workers: int = 1) -> None:
        """Start what is not running: the scheduler, and so many workers."""
        if self.scheduler is None or self.scheduler.poll() is not None:
            self.kill(*self.workers)
            self.start_scheduler()
        self.workers = [worker for worker in self.workers if worker.poll() is None]
        while len(self.workers) < workers:
            self.start_worker()

    def kill(self, *processes: subprocess.Popen[bytes], by: int = signal.SIGKILL) -> None:
        """Kill them, and see that nothing that they began is left."""
        began = []
        for process in processes:
            with contextlib.suppress(psutil.Error):
                began += psutil.Process(process.pid).children(recursive=True)
            process.send_signal(by)
        for process in processes:
            process.wait(30)
        _, alive = psutil.wait_procs(began, timeout=10)
        assert not [p for p in alive if p.status() != psutil.STATUS_ZOMBIE]

    def close(self) -> None:
        self.kill(*self.workers, by=signal.SIGTERM)
        if self.scheduler is not None:
            self.kill(self.scheduler, by=signal.SIGTERM)


@pytest.fixture(scope="module")
def all_machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    machines = Machines(tmp_path_factory.mktemp("machines") / "logs")
    with contextlib.closing(machines):
        yield machines


@pytest.fixture
def machines(all_machines: Machines) -> Machines:
    """A scheduler and a worker that run."""
    all_machines.repair()
    return all_machines


@pytest.fixture
def slow(course: Path, tmp_path: Path) -> Path:
    """Six notebooks that take their time: there is time to kill something."""
    return hand_in(course, tmp_path / "course", SLOW)


@contextlib.contextmanager
def in_the_middle(course: Path, scheduler: str) -> Iterator[subprocess.Popen[str]]:
    """The command, as it runs and has some of the verdicts."""
    argv = command("scratchgrad", "grade-ahead", CHAPTER, "--course", str(course), "--scheduler", scheduler)
    pipes: dict[str, IO[str] | int] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(argv, env=environment(), text=True, **pipes) as process:  # type: ignore[call-overload]
        _until(lambda: remembered(course) > 0 or process.poll() is not None)
        assert remembered(course) < len(STUDENTS)
        yield process


def _until(holds: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# ---- the same gradebook, whoever is killed -------------------------------------------------------------------------------


def test_graded_on_other_machines_the_gradebook_is_the_same(course, tmp_path, machines):
    machines.repair(workers=2)
    here, there = (hand_in(course, tmp_path / name, "import helper, os\nprint(helper.x, os.access('helper.py', os.X_OK))") for name in "ab")
    for submitted in (here, there):
        for k, student in enumerate(STUDENTS):
            path = submitted / "submitted" / student / CHAPTER / "helper.py"
            path.write_text(f"x = 'this is {student}'")
            path.chmod(0o755 if k % 2 else 0o644)
    autograde(here)
    assert grade_ahead(there, "--scheduler", machines.address) == "6 graded"
    assert grade_ahead(there, "--scheduler", "tcp://127.0.0.1:1") == "6 remembered"
    autograde(there)
    assert gradebook(there) == gradebook(here)
    assert shown(there) == shown(here)
    assert "this is s3 True" in str(shown(there)["s3"])
    assert "this is s4 False" in str(shown(there)["s4"])


def test_a_worker_that_is_killed_loses_nothing(slow, machines):
    machines.repair(workers=2)
    with in_the_middle(slow, machines.address) as process:
        machines.kill(machines.workers[0])
        said, complained = process.communicate(timeout=60)
    assert (said.strip(), complained.count("\n") > 1) == ("6 graded", False)
    assert remembered(slow) == len(STUDENTS)


def test_a_scheduler_that_begins_again_loses_nothing(slow, machines):
    with in_the_middle(slow, machines.address) as process:
        machines.kill(machines.scheduler)
        machines.repair()
        said, complained = process.communicate(timeout=60)
    assert process.returncode == 0, complained
    assert said.strip() == "6 graded"
    assert remembered(slow) == len(STUDENTS)


def test_a_scheduler_that_stays_away_is_said_and_the_next_run_goes_on(slow, machines, monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE_SECONDS", 1)
    tasks = course_tasks(slow, CHAPTER, force=False)
    with contextlib.closing(Cluster(tasks, machines.address)) as ahead:
        assert ahead.wait(tasks[0].submitted) == GRADED
        kept = remembered(slow)
        machines.kill(machines.scheduler)
        with pytest.raises(ClusterError, match=f"No scheduler answers at {machines.address} .*{kept} of 6 notebooks are done; the same command"):
            ahead.wait(tasks[-1].submitted)
    assert 0 < kept < len(STUDENTS)
    machines.repair()
    assert grade_ahead(slow, "--scheduler", machines.address) == f"{6 - kept} graded, {kept} remembered"


def test_a_command_that_is_killed_leaves_the_workers_to_the_next(slow, machines):
    with in_the_middle(slow, machines.address) as process:
        process.kill()
    kept = remembered(slow)
    assert grade_ahead(slow, "--scheduler", machines.address) == f"{6 - kept} graded, {kept} remembered"


# ---- who is refused ------------------------------------------------------------------------------------------------------


@pytest.fixture
def other_engine(tmp_path: Path) -> Path:
    """A copy of the package in which one file differs."""
    for name in ("autograder", "solutions"):
        shutil.copytree(ROOT / name, tmp_path / "copy" / name, ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "copy" / "autograder" / "plots.py").open("a") as file:
        file.write("# changed\n")
    return tmp_path / "copy"


def test_a_worker_with_another_engine_is_refused_by_name(slow, machines, other_engine):
    tasks = course_tasks(slow, CHAPTER, force=False)
    with contextlib.closing(Cluster(tasks, machines.address)) as ahead:
        assert ahead.wait(tasks[0].submitted) == GRADED
        stranger, address = machines.start_worker_of(other_engine)
        refusal = f"Refused, as verdicts may differ: worker {address} (the engine differs)."
        with pytest.raises(ClusterError, match=re.escape(refusal)):
            ahead.wait(tasks[-1].submitted)
    assert refusal in _complaint(slow, "--scheduler", machines.address)
    machines.kill(stranger)


@pytest.fixture
def job(course: Path, tmp_path: Path) -> bytes:
    notebook = gradable(course_tasks(hand_in(course, tmp_path / "course"), CHAPTER, force=False)[0])
    return pack_job(notebook, fingerprint(notebook))


def _reply_to(job: bytes, **changed: object) -> dict[str, object]:
    return cluster._unpack(grade_job(cluster._pack(cluster._unpack(job) | changed)))


def test_a_task_refuses_where_versions_differ(job):
    there = versions([CHAPTER]) | {"torch": "1.0"}
    assert str(_reply_to(job, versions=there)["refused"]).startswith("torch is ")
    assert _reply_to(job, notes=["another"]) == {"error": "NotGraded: What arrived is not what was sent."}


def test_what_differs_is_said_in_words():
    here = {"Python": "3.12", "torch": "2.6", cluster.ENGINE: "a", "the set of exercises of 09_vision": "b", cluster.TIER: "namespaces"}
    assert differences(here, dict(here)) == ""
    assert differences(here, here | {cluster.ENGINE: "c"}) == "the engine differs"
    assert differences(here, here | {"torch": "2.5", cluster.ENGINE: "c"}) == "torch is 2.5 there and 2.6 here"
    assert differences(here, here | {cluster.TIER: "process"}) == "the sandbox tier is process there and namespaces here"
    assert differences(here, here | {"the set of exercises of 09_vision": "d"}) == "the set of exercises of 09_vision differs"


def test_too_many_files_are_not_sent(course, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "MOST_MIB", 0.001)
    submitted = course_tasks(hand_in(course, tmp_path / "course"), CHAPTER, force=False)[0]
    (submitted.submitted.parent / "large.txt").write_text("large" * 1000)
    with pytest.raises(NotGraded, match="without --scheduler"):
        pack_job(gradable(submitted), "")


# ---- what else the command says ------------------------------------------------------------------------------------------


def _complaint(course: Path, *options: str) -> str:
    argv = command("scratchgrad", "grade-ahead", CHAPTER, "--course", str(course), *options)
    done = subprocess.run(argv, env=environment(), capture_output=True, text=True, timeout=30)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    return " ".join(done.stderr.split())


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "127.0.0.1"])
def test_a_scheduler_that_is_not_there(slow, address):
    began = time.monotonic()
    assert f"No scheduler answers at {address}" in _complaint(slow, "--scheduler", address)
    assert time.monotonic() - began < 15


def test_what_listens_and_says_nothing_is_no_scheduler(slow, monkeypatch):
    monkeypatch.setattr(cluster, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as mute, pytest.raises(ClusterError, match="No scheduler answers"):
        Cluster(course_tasks(slow, CHAPTER, force=False), f"tcp://127.0.0.1:{mute.getsockname()[1]}")


def test_a_scheduler_without_workers(slow, all_machines, monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE_SECONDS", 1)
    tasks = course_tasks(slow, CHAPTER, force=False)
    with contextlib.closing(Machines(slow / "logs")) as lonely:
        lonely.start_scheduler()
        with contextlib.closing(Cluster(tasks, lonely.address)) as ahead, pytest.raises(ClusterError, match=r"has no workers.*--nthreads 1"):
            ahead.wait(tasks[0].submitted)


def test_cores_here_or_machines_there(slow):
    assert "give one of them" in _complaint(slow, "--jobs", "2", "--scheduler", "tcp://127.0.0.1:1")


def test_without_dask_it_says_what_to_install(slow, monkeypatch):
    from typer.testing import CliRunner

    monkeypatch.setitem(sys.modules, "distributed", None)
    cluster._distributed.cache_clear()
    result = CliRunner().invoke(app, ["grade-ahead", CHAPTER, "--course", str(slow), "--scheduler", "tcp://127.0.0.1:1"])
    cluster._distributed.cache_clear()
    assert result.exit_code == 2
    assert "pip install 'distributed" in " ".join(result.output.split())
