"""`make bench`: what grading a class costs, side by side: stock nbgrader, otter-grader, ours, and the floor.

One run, one machine, the same answers to the same six exercises, our jail on. Every submission differs in a comment, so
that no verdict is remembered. The peers' tests are plain asserts on a few of the cases that ours asks; the floor asks all
that ours asks.

Seconds a submission are marginal: those of a larger class less those of a smaller one, divided by the difference in
size, so that no start-up counts. Processor time is that of all processes that a command starts.

Writes `build/bench/grading.json` and `build/bench/growth.png`.
"""

from __future__ import annotations

import argparse
import contextlib
import cProfile
import itertools
import json
import math
import os
import pickle
import pstats
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import nbformat
import psutil
from attacks.plain_asserts import BEGIN_HIDDEN, END_HIDDEN, stock_notebook
from nbgrader.api import Gradebook
from rich.console import Console
from rich.table import Table
from sample_class import Notebooks, save, write

from autograder.build import BUILD, ensure_released, find_chapter, import_exercises
from autograder.build.notebook import exercises_of, source_form
from autograder.check.asking import inputs
from autograder.check.card import FOLDER
from autograder.check.values import thaw
from autograder.examiner import examine, fingerprint, rebuild, remember, submission
from autograder.examiner.ahead import cores
from autograder.examiner.store import FILE, VerdictStore
from autograder.examiner.workers import host, warm
from autograder.examiner.workers.tier import layers_for_grading, tier
from autograder.examiner.workers.warm import NoWorker
from autograder.nbgrader.handed_in import course_tasks
from autograder.worker import answer

CHAPTER, NOTEBOOK = "05_convolution", "convolution"
OUT = BUILD.parent / "bench"
OTTER = OUT / "otter"
FLOOR = Path(__file__).with_name("bench_floor.py")
# One thread each, and this environment's nbgrader. A second class must not find another's fonts or history.
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}

# Every fifth student is wrong, in one of these places: an exercise, what its reference says, what they write.
EVERY = 5
WRONG = [
    ("same_padding", "return total // 2, total - total // 2", "return total - total // 2, total // 2"),
    ("conv_layers_to_reach", "while n > target", "while n >= target"),
]

GROWTH = (10, 100, 1000)
PRICE = 0.04  # dollars per core-hour, about what clouds ask for a shared core

Scores = dict[str, dict[str, float]]  # by student, then by exercise


# ---- what a command costs ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cost:
    """Of one run. Memory is the most that the command's own process held, and the most that one of those below it held."""

    wall_s: float
    cpu_s: float
    memory_mb: float = 0.0
    memory_below_mb: float = 0.0
    gradebook_mb: float = 0.0


class CpuMeter:
    """Processor time of everything that is started in it.

    A control group counts also what left its parents: the processes of a jail. Where none can be made, the whole
    machine's time is taken, which is right if nothing else runs.
    """

    def __init__(self) -> None:
        self._group, self._enter = _make_group()

    @property
    def how(self) -> str:
        return "a control group of its own" if self._group else "the whole machine's: nothing else should run"

    def inside(self, argv: list[str]) -> list[str]:
        """The command, in the group from its first moment."""
        return ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(self._enter), *argv] if self._group else argv

    def seconds(self) -> float:
        if self._group is None:
            busy = psutil.cpu_times()
            return busy.user + busy.nice + busy.system + busy.irq + busy.softirq
        if (usage := self._group / "cpuacct.usage").exists():
            return int(usage.read_text()) / 1e9
        fields = dict(line.split() for line in (self._group / "cpu.stat").read_text().splitlines())
        return int(fields["usage_usec"]) / 1e6

    def wait_until_empty(self) -> None:
        """What a command leaves behind for a moment belongs to its cost."""
        until = time.monotonic() + 5
        while self._group and any(p.read_text().strip() for p in self._group.rglob("cgroup.procs")) and time.monotonic() < until:
            time.sleep(0.01)

    def close(self) -> None:
        if self._group:
            for folder in [*sorted(p for p in self._group.rglob("*") if p.is_dir())[::-1], self._group]:
                with contextlib.suppress(OSError):
                    folder.rmdir()


def _make_group() -> tuple[Path | None, Path | None]:
    """A new group and the file to enter it by; nothing where this machine lets us make none."""
    memberships = Path("/proc/self/cgroup")
    lines = memberships.read_text().splitlines() if memberships.exists() else []
    mine = {name: path.lstrip("/") for line in lines for _, names, path in [line.split(":", 2)] for name in names.split(",")}
    root, name = Path("/sys/fs/cgroup"), f"bench-{os.getpid()}"
    with contextlib.suppress(OSError):
        if "cpuacct" in mine:
            group = root / "cpuacct" / mine["cpuacct"] / name
            group.mkdir()
            return group, group / "cgroup.procs"
        own = root / mine[""]
        group = (own if own == root else own.parent) / name
        (group / "run").mkdir(parents=True)  # below it, so that ours can make its own groups beside
        with contextlib.suppress(OSError):
            (group / "cgroup.subtree_control").write_text("+memory +pids")
        return group, group / "run" / "cgroup.procs"
    return None, None


def measure(meter: CpuMeter, argv: list[str], cwd: Path) -> tuple[Cost, str]:
    """Run a command. Returns what it cost, and what it printed.

    Raises:
        SystemExit: it failed.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        cpu, start, memory, below = meter.seconds(), time.perf_counter(), 0.0, 0.0
        with subprocess.Popen(meter.inside(argv), cwd=cwd, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=out, stderr=err) as process:
            for look in itertools.count():
                if process.poll() is not None:
                    break
                memory = max(memory, _most_megabytes(process.pid))
                if look % 10 == 5:  # to find the others takes some time
                    below = max([below, *map(_most_megabytes, _below(process.pid))])
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.1)
        wall = time.perf_counter() - start
        meter.wait_until_empty()
        out.seek(0), err.seek(0)
        if process.returncode:
            raise SystemExit(f"{' '.join(argv)} failed:\n{out.read()}\n{err.read()}")
        return Cost(wall, meter.seconds() - cpu, memory, below), out.read()


def _below(pid: int) -> list[int]:
    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return []


def _most_megabytes(pid: int) -> float:
    """The most memory that a process has held so far."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    return 0.0


# ---- the class -----------------------------------------------------------------------------------------------------------


@dataclass
class Assignment:
    """The exercises as each contender has them: our course directory, stock nbgrader's, and bare asserts."""

    place: Path
    ours: Path = field(init=False)
    stock: Path = field(init=False)
    ours_notebooks: Notebooks = field(init=False)
    stock_notebooks: Notebooks = field(init=False)
    tests: dict[str, tuple[float, str]] = field(init=False)

    def __post_init__(self) -> None:
        ensure_released(find_chapter(CHAPTER))
        import_exercises(find_chapter(CHAPTER))
        self.ours, self.stock = self.place / "ours", self.place / "stock"
        for kind in ("source", "release"):
            shutil.copytree(BUILD / kind / CHAPTER, self.ours / kind / CHAPTER)
        for name in ("nbgrader_config.py", "gradebook.db"):
            shutil.copy(BUILD / name, self.ours)
        self.ours_notebooks = self._read(self.ours)
        self._release_stock()
        self.stock_notebooks = self._read(self.stock)
        graded = [cell for cell in self.stock_notebooks.solved.cells if cell.metadata.get("nbgrader", {}).get("grade")]
        self.tests = {cell.metadata.nbgrader.grade_id: (cell.metadata.nbgrader.points, _in_sight(cell.source)) for cell in graded}

    def _release_stock(self) -> None:
        save(stock_notebook(CHAPTER, "reference"), self.stock / "source" / CHAPTER, NOTEBOOK)
        (self.stock / "nbgrader_config.py").write_text("c = get_config()\n")
        done = subprocess.run(["nbgrader", "generate_assignment", CHAPTER], cwd=self.stock, env=ENVIRONMENT, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"Stock nbgrader did not release {CHAPTER}:\n{done.stderr}")

    def _read(self, course: Path) -> Notebooks:
        return Notebooks(NOTEBOOK, *(nbformat.read(course / kind / CHAPTER / f"{NOTEBOOK}.ipynb", as_version=4) for kind in ("source", "release")))

    def handed_in(self, like: Notebooks, student: int) -> Any:
        """The same answers in either notebook, different from those of every other student."""
        notebook = like.perfect()
        for exercise in {wrong[0] for wrong in WRONG} | {"corr2d"}:
            write(notebook, exercise, self.ours_notebooks.solution(exercise))
        write(notebook, "corr2d", self.ours_notebooks.solution("corr2d") + f"\n# by {name(student)}")
        if wrong := wrong_place(student):
            exercise, right, instead = wrong
            solution = self.ours_notebooks.solution(exercise)
            assert right in solution, f"{exercise} reads differently now"
            write(notebook, exercise, solution.replace(right, instead))
        return notebook

    def hand_in(self, kind: str, size: int) -> Path:
        """A fresh course directory (`ours` or `stock`) in which so many students handed in."""
        course = Path(tempfile.mkdtemp(prefix=f"{kind}{size}-", dir=self.place))
        shutil.copytree(getattr(self, kind), course, dirs_exist_ok=True)
        for student in range(size):
            save(self.handed_in(getattr(self, f"{kind}_notebooks"), student), course / "submitted" / name(student) / CHAPTER, NOTEBOOK)
        return course

    def expected(self, size: int) -> Scores:
        scores = {}
        for student in range(size):
            wrong = wrong_place(student)
            lost = f"check_{wrong[0]}" if wrong else ""
            scores[name(student)] = {check: 0.0 if check == lost else points for check, (points, _) in self.tests.items()}
        return scores


def _in_sight(source: str) -> str:
    return source.replace(BEGIN_HIDDEN, "").replace(END_HIDDEN, "")


def name(student: int) -> str:
    return f"s{student:05}"


def wrong_place(student: int) -> tuple[str, str, str] | None:
    return WRONG[student // EVERY % len(WRONG)] if student % EVERY == EVERY - 1 else None


# ---- the contenders ------------------------------------------------------------------------------------------------------


def _submitted(course: Path) -> list[Path]:
    return sorted(course.glob(f"submitted/*/{CHAPTER}/{NOTEBOOK}.ipynb"))


def _gradebook(course: Path, cost: Cost) -> tuple[Cost, Scores]:
    path, scores = course / "gradebook.db", {}
    with Gradebook(f"sqlite:///{path}") as book:
        for one in book.assignment_submissions(CHAPTER):
            scores[one.student.id] = {grade.name: grade.auto_score for notebook in one.notebooks for grade in notebook.grades}
    return replace(cost, gradebook_mb=path.stat().st_size / 1e6), scores


def nbgrader(kind: str) -> Callable[[Assignment, CpuMeter, int], tuple[Cost, Scores]]:
    def run(assignment: Assignment, meter: CpuMeter, size: int) -> tuple[Cost, Scores]:
        course = assignment.hand_in(kind, size)
        cost, _ = measure(meter, ["nbgrader", "autograde", CHAPTER], course)
        return _gradebook(course, cost)

    return run


def grade_ahead(jobs: int) -> Callable[[Assignment, CpuMeter, int], tuple[Cost, Scores]]:
    def run(assignment: Assignment, meter: CpuMeter, size: int) -> tuple[Cost, Scores]:
        course = assignment.hand_in("ours", size)
        cost, said = measure(meter, ["scratchgrad", "grade-ahead", CHAPTER, "--course", str(course), "--jobs", str(jobs)], course)
        assert said.strip() == f"{size} graded", said
        return cost, _remembered(course)

    return run


def _remembered(course: Path) -> Scores:
    """What the verdict store holds for each student."""
    for version in (fingerprint.engine_version, fingerprint.exercises_version):
        version.cache_clear()  # whoever works on the engine meanwhile is not in the way
    scores = {}
    with contextlib.closing(VerdictStore(course / FILE)) as store:
        for task in course_tasks(course, CHAPTER, force=False):
            grading = store.get(fingerprint.fingerprint(_gradable(task)))
            if grading is None:
                raise SystemExit("A verdict is not there: did a source file of the autograder change meanwhile?")
            scores[task.submitted.parts[-3]] = {f"check_{record['name']}": record["score"] for record in grading.records}
    return scores


def _gradable(task: Any) -> fingerprint.Gradable:
    released = examine.released_notebook(task.release, CHAPTER, NOTEBOOK)
    notebook, notes = rebuild.rebuild(released, submission.read_submission(task.submitted))
    return fingerprint.Gradable(notebook, notes, find_chapter(CHAPTER), task.submitted.parent, task.release / CHAPTER / FOLDER, task.settings)


def floor(assignment: Assignment, meter: CpuMeter, size: int) -> tuple[Cost, Scores]:
    course = assignment.hand_in("stock", size)
    tests = course / "tests.pickle"
    tests.write_bytes(pickle.dumps({cell: _questions(cell, points) for cell, (points, _) in assignment.tests.items()}))
    cost, said = measure(meter, [sys.executable, str(FLOOR), str(tests), *map(str, _submitted(course))], course)
    return cost, {Path(path).parts[-3]: found for path, found in json.loads(said).items()}


def _questions(cell: str, points: float) -> tuple[float, str, list[tuple[Any, Any, Any]]]:
    """All that ours asks at a graded cell, as the floor takes it."""
    name = cell.removeprefix("check_")
    key = examine.exam(name, examine.Settings().seed)
    assert key.probe is None, "the floor only calls"
    return points, name, [(*inputs(question), thaw(expected.value)) for question, expected in zip(key.questions, key.expected, strict=True)]


def otter(assignment: Assignment, meter: CpuMeter, size: int) -> tuple[Cost, Scores]:
    """`otter run` grades one notebook; a class is as many runs."""
    course = assignment.hand_in("stock", size)
    archive = _otter_archive(assignment, course)
    costs, scores = [], {}
    for path in _submitted(course):
        notebook = nbformat.read(path, as_version=4)
        notebook.cells = [cell for cell in notebook.cells if not cell.metadata.get("nbgrader", {}).get("grade")]
        nbformat.write(notebook, path)  # its tests come with the archive
        argv = [str(OTTER / "bin" / "otter"), "run", "--no-logo", "-a", str(archive), "-o", str(path.parent), str(path)]
        cost, _ = measure(meter, argv, path.parent)
        costs.append(cost)
        found = json.loads((path.parent / "results.json").read_text())["tests"]
        scores[path.parts[-3]] = {test["name"].split()[0]: test["score"] for test in found if test.get("max_score")}
    most = [max(values) for values in zip(*((c.memory_mb, c.memory_below_mb) for c in costs), strict=True)]
    return Cost(sum(c.wall_s for c in costs), sum(c.cpu_s for c in costs), *most), scores


def _otter_archive(assignment: Assignment, course: Path) -> Path:
    """One test file for each exercise, with the same asserts in one test case."""
    tests = course / "tests"
    tests.mkdir()
    for check, (points, asserts) in assignment.tests.items():
        function = check.removeprefix("check_")
        body = "\n".join(f"    {line}" for line in asserts.splitlines() if line.strip())
        head = f"OK_FORMAT = False\nfrom otter.test_files import test_case\nname = {check!r}\npoints = {points}\n"
        (tests / f"{check}.py").write_text(f"{head}\n@test_case(points={points})\ndef test_{function}({function}):\n{body}\n")
    argv = [str(OTTER / "bin" / "otter"), "generate", "-t", str(tests), "-o", str(course / "autograder.zip"), "--no-requirements", "--no-environment"]
    subprocess.run(argv, cwd=course, env=ENVIRONMENT, check=True, capture_output=True)
    return course / "autograder.zip"


def install_otter(console: Console) -> bool:
    """Into an environment of its own, as it needs other versions of what we use."""
    if (OTTER / "ready").exists():
        return True
    console.print("otter-grader is being installed into build/bench/otter ...")
    needs = ["otter-grader", "ipykernel", "numpy", "scikit-learn", "jaxtyping"]
    for argv in ([sys.executable, "-m", "venv", str(OTTER)], [str(OTTER / "bin" / "pip"), "install", "--quiet", *needs]):
        done = subprocess.run(argv, capture_output=True, text=True)
        if done.returncode:
            console.print(f"otter-grader could not be installed and is left out: {done.stderr.strip().splitlines()[-1:]}", style="yellow")
            return False
    (OTTER / "ready").touch()
    return True


@dataclass(frozen=True)
class Contender:
    name: str
    label: str
    run: Callable[[Assignment, CpuMeter, int], tuple[Cost, Scores]]
    is_peer: bool = False


CONTENDERS = [
    Contender("stock_nbgrader", "stock nbgrader", nbgrader("stock"), is_peer=True),
    Contender("otter", "otter-grader", otter, is_peer=True),
    Contender("nbgrader_plugin", "ours, nbgrader autograde", nbgrader("ours")),
    Contender("grade_ahead_1", "ours, grade-ahead, 1 core", grade_ahead(1)),
    Contender("grade_ahead_all", f"ours, grade-ahead, {cores()} cores", grade_ahead(0)),
    Contender("floor", "floor: fork and exec", floor),
]


# ---- one run -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """The sizes of classes that are graded, the first of which is only there to be subtracted; and how often."""

    peers: tuple[int, ...]
    ours: tuple[int, ...]
    repetitions: int

    def sizes(self, contender: Contender) -> tuple[int, ...]:
        return self.peers if contender.is_peer else self.ours


QUICK = Plan(peers=(1, 6), ours=(5, 35), repetitions=2)
FULL = Plan(peers=(1, 10), ours=(5, 10, 100, 1000), repetitions=1)

Costs = dict[str, dict[int, list[Cost]]]


def compete(plan: Plan, assignment: Assignment, contenders: list[Contender], console: Console) -> tuple[Costs, str]:
    """Let all grade, in turns.

    Raises:
        SystemExit: they do not agree on the scores.
    """
    costs: Costs = defaultdict(lambda: defaultdict(list))
    meter = CpuMeter()
    try:
        for repetition in range(plan.repetitions):
            for contender in contenders:
                for size in plan.sizes(contender)[:: 1 if repetition % 2 == 0 else -1]:
                    with console.status(f"{contender.label}: {size} submissions"):
                        cost, scores = contender.run(assignment, meter, size)
                    _same(contender, scores, assignment.expected(size))
                    costs[contender.name][size].append(cost)
                    for course in assignment.place.glob("*-*"):
                        shutil.rmtree(course)
        return costs, meter.how
    finally:
        meter.close()


def _same(contender: Contender, scores: Scores, expected: Scores) -> None:
    if scores != expected:
        students = [student for student in expected | scores if scores.get(student) != expected.get(student)]
        raise SystemExit(f"{contender.label} gives {students[0]} {scores.get(students[0])}, not {expected.get(students[0])} ({len(students)} differ)")


def typical(costs: list[Cost]) -> Cost:
    return Cost(*(statistics.median(values) for values in zip(*(asdict(cost).values() for cost in costs), strict=True)))


def summary(sizes: dict[int, list[Cost]]) -> dict[str, Any]:
    """The marginal cost of a submission, and the costs of classes of each size, measured or extrapolated."""
    measured = {size: typical(costs) for size, costs in sizes.items()}
    least, most = min(measured), max(measured)
    growth = {}
    for size in GROWTH:
        found = measured.get(size) or _extrapolated(measured, size)
        a_submission = {key: _slope(measured[least], found, size - least, key) for key in ("wall_s", "cpu_s")}
        growth[str(size)] = {
            **a_submission, "total_wall_s": found.wall_s, "total_cpu_s": found.cpu_s, "memory_mb": found.memory_mb, "memory_below_mb": found.memory_below_mb,
            "gradebook_mb": found.gradebook_mb, "extrapolated": size not in measured,
        }  # fmt: skip
    marginal = {key: _slope(measured[least], measured[most], most - least, key) for key in ("wall_s", "cpu_s")}
    start = measured[least].wall_s - least * marginal["wall_s"]
    return {**marginal, "start_up_s": start, "sizes": sorted(measured), "growth": growth}


def _slope(small: Cost, large: Cost, difference: int, key: str) -> float:
    return (getattr(large, key) - getattr(small, key)) / difference


def _extrapolated(measured: dict[int, Cost], size: int) -> Cost:
    """On the line through the smallest and the largest class. Memory is that of the largest."""
    least, most = min(measured), max(measured)
    small, large = measured[least], measured[most]

    def at(key: str) -> float:
        return getattr(small, key) + _slope(small, large, most - least, key) * (size - least)

    gradebook = at("gradebook_mb") if large.gradebook_mb > small.gradebook_mb else 0.0  # it grows by pages: too small to tell
    return Cost(at("wall_s"), at("cpu_s"), large.memory_mb, large.memory_below_mb, gradebook)


# ---- the report ----------------------------------------------------------------------------------------------------------


def print_table(found: dict[str, Any], price: float, console: Console) -> None:
    table = Table(title="a submission, marginal (six exercises)", title_justify="left")
    for column in ("", "wall (s)", "CPU (s)", "wall: stock / it", "CPU: stock / it", "CPU: it / floor", "start-up (s)", "$ a million"):
        table.add_column(column, justify="left" if not column else "right")
    stock, ground = found["stock_nbgrader"], found["floor"]
    for contender in CONTENDERS:
        if one := found.get(contender.name):
            table.add_row(
                contender.label, f"{one['wall_s']:.3f}", f"{one['cpu_s']:.3f}", f"{stock['wall_s'] / one['wall_s']:.1f}",
                f"{stock['cpu_s'] / one['cpu_s']:.1f}", f"{one['cpu_s'] / ground['cpu_s']:.1f}", f"{max(0, one['start_up_s']):.1f}",
                f"{dollars(one, price):,.2f}",
            )  # fmt: skip
    console.print(table)
    console.print(f"Classes of {_sizes(stock)} (peers) and {_sizes(ground)} submissions; one in {EVERY} gives a wrong answer.")
    console.print(f"Dollars are for processor time at ${price:g} a core-hour.")


def _sizes(one: dict[str, Any]) -> str:
    return ", ".join(map(str, one["sizes"]))


def dollars(one: dict[str, Any], price: float) -> float:
    return one["cpu_s"] * 1e6 / 3600 * price


def print_growth(found: dict[str, Any], console: Console) -> None:
    """A bar for each class; every step of it is the same factor."""
    table = Table(title="a class; ~ is extrapolated, bars are logarithmic", title_justify="left")
    for column in ("", "submissions", "time", "", "memory (MB)", "below it (MB)", "gradebook (MB)"):
        table.add_column(column, justify="right" if column else "left", no_wrap=True)
    for contender in CONTENDERS:
        for size, one in found.get(contender.name, {}).get("growth", {}).items():
            mark = "~" if one["extrapolated"] else ""
            bar = "█" * max(1, round(6 * math.log10(max(one["total_wall_s"], 1))))
            gradebook = f"{mark}{one['gradebook_mb']:.2f}" if one["gradebook_mb"] else "–"
            table.add_row(
                contender.label,
                size,
                f"{mark}{one['total_wall_s']:.1f} s",
                bar,
                f"{mark}{one['memory_mb']:.0f}",
                f"{mark}{one['memory_below_mb']:.0f}",
                gradebook,
            )
        table.add_section()
    console.print(table)


def plot(found: dict[str, Any], path: Path) -> None:
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    panels = {"total_wall_s": "time of a class (s)", "memory_mb": "memory of the command's process (MB)", "gradebook_mb": "gradebook (MB)"}
    figure, axes = pyplot.subplots(1, len(panels), figsize=(15, 4.5), layout="constrained")
    for axis, (key, title) in zip(axes, panels.items(), strict=True):
        for colour, contender in enumerate(CONTENDERS):
            growth = {int(size): one for size, one in found.get(contender.name, {}).get("growth", {}).items() if one[key]}
            axis.plot(list(growth), [one[key] for one in growth.values()], "--", color=f"C{colour}", label=contender.label)
            measured = {size: one[key] for size, one in growth.items() if not one["extrapolated"]}
            axis.plot(list(measured), list(measured.values()), "o-", color=f"C{colour}")
        axis.set(xlabel="submissions", title=title, xscale="log", yscale="linear" if key == "memory_mb" else "log")
    axes[1].set_ylim(bottom=0)
    axes[0].legend(fontsize="small")
    figure.suptitle("measured: dots and solid lines; extrapolated: dashes")
    figure.savefig(path, dpi=120)


def print_figures(found: dict[str, Any], console: Console) -> list[dict[str, Any]]:
    """The figures to reach, as ratios, and whether each is."""
    stock, ground = found["stock_nbgrader"], found["floor"]
    plugin, one, every = found["nbgrader_plugin"], found["grade_ahead_1"], found["grade_ahead_all"]
    big = {contender: found[contender]["growth"] for contender in ("nbgrader_plugin", "grade_ahead_1")}
    some, many = map(str, GROWTH[-2:])
    is_measured = not any(growth[size]["extrapolated"] for growth in big.values() for size in (some, many))
    rows = [
        ("nbgrader autograde: wall, stock / ours, at least", 20, stock["wall_s"] / plugin["wall_s"], True),
        ("grade-ahead: CPU, stock / ours, at least", 50, stock["cpu_s"] / one["cpu_s"], True),
        ("grade-ahead: CPU, ours / floor, at most", 2, one["cpu_s"] / ground["cpu_s"], False),
        (f"grade-ahead: {cores()} cores / 1 core, at least", 0.9 * cores(), one["wall_s"] / every["wall_s"], True),
    ]
    for contender, growth in big.items() if is_measured else ():
        rows += [
            (f"{contender}: {what}, {many} / {some} submissions, at most", 1.1, growth[many][key] / growth[some][key], False)
            for what, key in (("memory", "memory_mb"), ("memory of the largest below", "memory_below_mb"), ("time of a submission", "wall_s"))
        ]
    figures = [
        {"figure": text, "wanted": wanted, "found": ratio, "reached": ratio >= wanted if more else ratio <= wanted}
        for text, wanted, ratio, more in rows
    ]
    table = Table("figures to reach", "wanted", "found", "", title_justify="left")
    for figure in figures:
        verdict = "[green]reached[/]" if figure["reached"] else "[red]not reached[/]"
        table.add_row(figure["figure"], f"{figure['wanted']:g}", f"{figure['found']:.2f}", verdict)
    console.print(table)
    if not is_measured:
        console.print(f"Whether memory is flat and time linear from {some} to {many}: not measured; `python tests/bench_grading.py --full` does.")
    return figures


# ---- where the time goes -------------------------------------------------------------------------------------------------


@dataclass
class Spent:
    """By the clock, by the processor in this process, and by the processor in the workers' processes."""

    clock: float = 0.0
    own: float = 0.0
    workers: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.clock + other.clock, self.own + other.own, self.workers + other.workers)

    def __sub__(self, other: Spent) -> Spent:
        return Spent(self.clock - other.clock, self.own - other.own, self.workers - other.workers)


class Phases:
    """What some functions take, less what those of them take that they call."""

    def __init__(self, workers_cpu: Callable[[], float]) -> None:
        self.spent: dict[str, Spent] = defaultdict(Spent)
        self.calls: Counter[str] = Counter()
        self._workers_cpu = workers_cpu
        self._inner = [Spent()]
        self._stack = contextlib.ExitStack()

    def now(self) -> Spent:
        return Spent(time.perf_counter(), time.process_time(), self._workers_cpu())

    def watch(self, owner: Any, name: str, label: str) -> None:
        original = getattr(owner, name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            self._inner.append(Spent())
            start = self.now()
            try:
                return original(*args, **kwargs)
            finally:
                took = self.now() - start
                self.spent[label] += took - self._inner.pop()
                self.calls[label] += 1
                self._inner[-1] += took

        setattr(owner, name, timed)
        self._stack.callback(setattr, owner, name, original)

    def __enter__(self) -> Phases:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()


WATCHED = [
    (submission, "read_submission", "read the file"),
    (examine, "released_notebook", "read the release"),
    (rebuild, "rebuild", "rebuild"),
    (remember, "fingerprint", "fingerprint"),
    (VerdictStore, "get", "store: get"),
    (VerdictStore, "put", "store: put"),
    (host, "_fill", "worker: copy files and cards into its inbox"),
    (host, "_start", "worker: fork, namespaces, limits, filters"),
    (host.Worker, "run", "worker: run a cell"),
    (host.Worker, "snapshot", "worker: keep a state (fork)"),
    (host.Snapshot, "ask", "worker: ask an exercise"),
    (host, "pack", "pack questions"),
    (host, "_parse", "read replies"),
    (host.Worker, "close", "worker: end"),
    (examine, "_forbidden_in", "look for forbidden calls"),
    (examine, "judge", "judge an exercise"),
    (examine, "exam", "expected answers"),
    (examine, "graded_outputs", "write the graded cells"),
]


def profile_one(assignment: Assignment, console: Console, count: int = 20) -> None:
    """Grade some submissions in this process, one after another, and say where the time goes."""
    course = assignment.hand_in("ours", count + 1)
    first, *tasks = course_tasks(course, CHAPTER, force=False)
    half = count // 2
    with contextlib.closing(VerdictStore(course / FILE)) as store:
        requests = _requests(lambda: remember.grade_once(_gradable(first), store))  # the warm parent starts here, too
        groups = [parent.group for parent in warm._parents.values() if parent.group]
        with Phases(lambda: sum(group.cpu_seconds() for group in groups)) as phases:
            for watched in WATCHED:
                phases.watch(*watched)
            forks, start = _forks(), phases.now()
            for task in tasks[:half]:
                remember.grade_once(_gradable(task), store)
            whole, forks = phases.now() - start, _forks() - forks
        profile = cProfile.Profile()
        for task in tasks[half:]:
            profile.runcall(remember.grade_once, _gradable(task), store)
    print_phases(phases, whole, half, forks, console)
    print_profile(profile, "the examiner's process, by own time (profiled: slower than it is)", count - half, console)
    print_profile(_asked(assignment, requests), "a worker that is asked, by own time (profiled, without the jail)", 1, console)


def _requests(grade: Callable[[], object]) -> list[bytes]:
    """What workers are asked while one submission is graded."""
    requests: list[bytes] = []
    original = host.pack

    def pack(value: Any) -> bytes:
        requests.append(original(value))
        return requests[-1]

    host.pack = pack  # type: ignore[assignment]
    try:
        grade()
    finally:
        host.pack = original
    return requests


def _asked(assignment: Assignment, requests: list[bytes]) -> cProfile.Profile:
    """The same questions put to the same answers in this process."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for cell in assignment.ours_notebooks.perfect().cells:
        if cell.cell_type == "code" and not examine.is_demonstration(cell) and not examine.exercise_name(cell):
            exec(compile(cell.source, "<cell>", "exec"), namespace)
    profile = cProfile.Profile()
    for request in requests:
        profile.runcall(answer.replies, request, namespace)
    return profile


def _forks() -> int:
    """Processes and threads that this machine ever started."""
    return next(int(line.split()[1]) for line in Path("/proc/stat").read_text().splitlines() if line.startswith("processes"))


def print_phases(phases: Phases, whole: Spent, count: int, forks: int, console: Console) -> None:
    questions = sum(len(examine.exam(name, examine.Settings().seed).questions) for name in exercise_names())
    table = Table(title=f"one submission, graded alone (mean of {count}; {questions} questions)", title_justify="left")
    for column in ("", "times", "ms by the clock", "ms CPU here", "ms CPU in workers"):
        table.add_column(column, justify="right" if column else "left")

    def row(label: str, times: str, spent: Spent) -> None:
        table.add_row(label, times, *(f"{1000 * seconds / count:.2f}" for seconds in (spent.clock, spent.own, spent.workers)))

    for label, spent in sorted(phases.spent.items(), key=lambda item: -item[1].own - item[1].workers):
        row(label, f"{phases.calls[label] / count:g}", spent)
    row("the rest", "", whole - sum(phases.spent.values(), Spent()))
    table.add_section()
    row("all", "", whole)
    console.print(table)
    console.print(f"{forks / count:.0f} processes and threads were started a submission (counted for the whole machine).")
    if not any(parent.group for parent in warm._parents.values()):
        console.print("The workers' processor time is not known: no control groups can be made here.")


def exercise_names() -> list[str]:
    return exercises_of(source_form(find_chapter(CHAPTER).notebooks[0], CHAPTER))


# Start-up and what the first submission loads do not count.
PROFILED = """
import atexit, cProfile
from autograder.nbgrader import ahead
from nbgrader.apps.nbgraderapp import main

profile, original = cProfile.Profile(), ahead.advance

def advance(converter):
    ahead.advance = original
    original(converter)
    profile.enable()

ahead.advance = advance
atexit.register(profile.dump_stats, "profile")
main()
"""


def profile_nbgrader(assignment: Assignment, console: Console, count: int = 20) -> None:
    """nbgrader's own loop on a class that was graded ahead: what is left for the process that writes the gradebook."""
    course = assignment.hand_in("ours", count + 1)
    subprocess.run(["scratchgrad", "grade-ahead", CHAPTER, "--course", str(course)], env=ENVIRONMENT, check=True, capture_output=True)
    subprocess.run([sys.executable, "-c", PROFILED, "autograde", CHAPTER], cwd=course, env=ENVIRONMENT, check=True, capture_output=True)
    for total in (True, False):
        title = f"nbgrader autograde, graded ahead, by {'total' if total else 'own'} time (profiled)"
        print_profile(str(course / "profile"), title, count, console, total)


def print_profile(profile: Any, title: str, count: int, console: Console, total: bool = False, rows: int = 25) -> None:
    """The dearest functions of those that every submission calls."""
    table = Table(title=title, title_justify="left")
    for column in ("function", "calls", "own ms", "total ms"):
        table.add_column(column, justify="left" if column == "function" else "right", no_wrap=True)
    stats: dict[tuple[str, int, str], tuple[int, int, float, float, Any]] = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    often = [item for item in stats.items() if item[1][1] >= count and "frozen" not in item[0][0]]
    for (file, line, function), (_, calls, own, whole, _) in sorted(often, key=lambda item: -item[1][3 if total else 2])[:rows]:
        place = f"{'/'.join(Path(file).parts[-2:])}:{line} " if line else ""
        table.add_row(f"{place}{function}"[:80], f"{calls / count:.1f}", f"{1000 * own / count:.2f}", f"{1000 * whole / count:.2f}")
    console.print(table)


# ---- the command ---------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def bench_folder() -> Iterator[Path]:
    """Where courses are made and graded. In the build folder, as a temporary folder may lie in memory."""
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=OUT, prefix="run") as folder:
        yield Path(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare what grading costs.")
    parser.add_argument("--full", action="store_true", help="grade 10, 100 and 1,000 submissions; takes long")
    parser.add_argument("--profile", action="store_true", help="only say where the time of a submission goes")
    parser.add_argument("--price", type=float, default=PRICE, help="dollars per core-hour")
    parser.add_argument("--only", nargs="*", choices=[c.name for c in CONTENDERS], help="measure only these, print their costs")
    options = parser.parse_args()
    console = Console() if sys.stdout.isatty() else Console(width=140)
    try:
        layers_for_grading(unsafe=False)
    except NoWorker as reason:
        raise SystemExit(str(reason)) from None
    console.print(f"Grading, with the jail (tier {tier().name}), on {cores()} cores")
    with bench_folder() as folder:
        assignment = Assignment(folder)
        if not options.profile:
            bench(assignment, FULL if options.full else QUICK, options.price, options.only, console)
        if not options.only:
            profile_one(assignment, console)
            profile_nbgrader(assignment, console)


def bench(assignment: Assignment, plan: Plan, price: float, only: list[str] | None, console: Console) -> None:
    contenders = [c for c in CONTENDERS if (not only or c.name in only) and (c.name != "otter" or install_otter(console))]
    costs, how = compete(plan, assignment, contenders, console)
    found = {name: summary(sizes) for name, sizes in costs.items()}
    if only:
        console.print_json(data=found)
        return
    console.print("All gave the same scores.")
    if "otter" not in found:
        console.print("otter-grader is not among them: it could not be installed.")
    print_table(found, price, console)
    print_growth(found, console)
    figures = print_figures(found, console)
    console.print(f"Processor time: {how}. Medians of {plan.repetitions} run(s).")
    about = {"cores": cores(), "tier": tier().name, "cpu_from": how, "repetitions": plan.repetitions, "price_per_core_hour": price}
    cost = {name: dollars(one, price) for name, one in found.items()}
    document = {**found, "otter": found.get("otter"), "figures": figures, "dollars_per_million": cost, "about": about}
    (OUT / "grading.json").write_text(json.dumps(document, indent=1))
    plot(found, OUT / "growth.png")
    console.print(f"Written: {os.path.relpath(OUT / 'grading.json')}, {os.path.relpath(OUT / 'growth.png')}")


if __name__ == "__main__":
    main()
