"""The same attacks against stock nbgrader, on an equivalent notebook of plain asserts, in a course of its own.

Stock nbgrader runs a submission as the user who grades. Here it does so in a container, for this machine's sake: what
an attack does to nbgrader, the gradebook and the class it does in full; beyond the course directory it reaches nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell
from sample_class import ATTENTION, Notebooks

from attacks.attack import Attack, Change
from attacks.grading import remove
from attacks.judging import MOST_MEGABYTES_OF_NOTEBOOK, changes, hidden_numbers, reached_in, runs_a_script
from attacks.plain_asserts import BEGIN_HIDDEN, BEGIN_SOLUTION, stock_notebook
from attacks.scene import Scene, fingerprints
from attacks.watch import Watch
from autograder.build import find_chapter

STOCK = Path(__file__).with_name("stock.py")
BEFORE, AFTER = "ada", "zoe"  # honest students whose names sort before and after mallory's
HUNG_AFTER = 45
GRADEBOOK_SECONDS = 20
MOST_FILES_KEPT, MOST_MEGABYTES_KEPT = 1000, 200
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/fonts", "/etc/alternatives", "/etc/passwd")


class PeerError(Exception):
    """The course for stock nbgrader could not be set up."""


@dataclass(frozen=True)
class Course:
    """A course directory with one chapter released, in which ada is graded; each attack gets a copy."""

    template: Path
    chapter: str
    notebooks: Notebooks
    secret: str

    @property
    def points(self) -> float:
        return sum(cell.metadata.get("nbgrader", {}).get("points", 0) for cell in self.notebooks.released.cells)

    def scene(self, place: Path, zoe_solves: bool) -> Scene:
        shutil.copytree(self.template, place, dirs_exist_ok=True)
        scene = Scene(place, self.chapter, self.notebooks, self.secret)
        self.hand_in_honestly(place, AFTER, solved=zoe_solves)
        return scene

    def hand_in_honestly(self, place: Path, student: str, comment: str = "", solved: bool = True) -> None:
        """Everything solved; or nothing, not even the imports, which is soon graded."""
        notebook = self.notebooks.perfect() if solved else self.notebooks.fresh()
        notebook.cells[1].source = notebook.cells[1].source if solved else ""
        notebook.cells.insert(1, new_code_cell(comment))
        path = place / "submitted" / student / self.chapter / f"{self.notebooks.name}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(notebook, path)


class Peer:
    """Stock nbgrader with a course for every chapter that attacks use."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="peer"))
        self._courses: dict[str, Course] = {}
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)

    def __enter__(self) -> Peer:
        """Start what reads gradebooks.

        Raises:
            PeerError: there is no container to run it in.
        """
        if shutil.which("bwrap") is None or subprocess.run([*_container(self._folder), "true"], capture_output=True).returncode:
            raise PeerError("Stock nbgrader is attacked in a container only, which needs bubblewrap (Debian: apt install bubblewrap).")
        self._gradebooks = Gradebooks(self._folder)
        return self

    def __exit__(self, *error: object) -> None:
        self._gradebooks.close()
        remove(self._folder)

    def introduction(self) -> list[str]:
        """What the peer is, and what it does without any attack."""
        course = self._course(ATTENTION)
        untouched = self._grade(course, lambda scene: None)
        _run(course.template, "feedback", course.chapter, BEFORE)
        page = _text(course.template / "feedback" / BEFORE / course.chapter / f"{course.notebooks.name}.html")
        return [
            f"nbgrader {version('nbgrader')}, as it comes, grades the same notebook with plain asserts: visible ones, and hidden ones.",
            "It runs in a container (no network, no file but its course directory), so that its attacks do no harm here.",
            f"  an honest student: {course.points:g} of {course.points:g} points; an untouched notebook: {'; '.join(untouched) or 'none'}",
            f"  hidden tests in the feedback of an honest student: {'shown' if BEGIN_HIDDEN in page else 'not shown'} (not counted below)",
        ]

    def try_attack(self, attack: Attack) -> list[str]:
        """What the attack reached: an empty list if grading held."""
        return self._grade(self._course(attack.chapter), attack.peer if callable(attack.peer) else attack.change, attack)

    def _course(self, chapter: str) -> Course:
        with self._locks[chapter]:
            if chapter not in self._courses:
                course = self._courses[chapter] = make_course(chapter, self._folder / chapter)
                if self._gradebooks.scores(course.template, chapter).get(BEFORE) != [course.points] * 2:
                    raise PeerError(f"Stock nbgrader does not give an honest student full points:\n{_log(course.template)}")
        return self._courses[chapter]

    def _grade(self, course: Course, change: Change, attack: Attack | None = None) -> list[str]:
        place = Path(tempfile.mkdtemp(prefix="attack", dir=self._folder))
        zoe_solves = attack is None or attack.needs_jail  # what reaches out of its process could harm her points
        try:
            scene = course.scene(place, zoe_solves)
            change(scene)
            scene.hand_in()
            before = _fingerprints(place)
            run = _run(place, "autograde", course.chapter, str(scene.port))
            toll = run.toll if attack and attack.alone else ()
            return [
                *_trouble(run),
                *toll,
                *changes(before, _fingerprints(place)),
                *self._scores(course, place, zoe_solves),
                *_kept(place),
                *_shown(scene),
            ]
        finally:
            remove(place)

    def _scores(self, course: Course, place: Path, zoe_solves: bool) -> Iterator[str]:
        """What the gradebook says that should not be there."""
        scores = self._gradebooks.scores(place, course.chapter)
        full, zero = [course.points, course.points], [0.0, course.points]
        if not scores:
            yield "the gradebook cannot be read"
        elif scores.get("mallory", zero) != zero:
            yield "{:g} of {:g} points".format(*scores["mallory"])
        for student, right in ((BEFORE, full), (AFTER, full if zoe_solves else zero)):
            if scores and student not in scores:
                yield f"{student} was not graded"
            elif scores and scores[student] != right:
                yield f"{student} has {scores[student][0]:g} points and not {right[0]:g}"


class Gradebooks:
    """Reads gradebooks by nbgrader's API, in a container of its own: who knows what is in them."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._lock = folder, threading.Lock()
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(_command(self._folder, "report"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()

    def scores(self, place: Path, chapter: str) -> dict[str, list[float]]:
        """Points and most points of each student; nothing if the gradebook cannot be read."""
        with self._lock:
            assert self._process.stdin
            assert self._process.stdout
            with contextlib.suppress(OSError, ValueError):
                self._process.stdin.write(f"{place} {chapter}\n".encode())
                self._process.stdin.flush()
                if select.select([self._process.stdout], [], [], GRADEBOOK_SECONDS)[0]:
                    return dict(json.loads(self._process.stdout.readline()))
            self.close()
            self._start()
            return {}


def make_course(chapter: str, template: Path) -> Course:
    """Let stock nbgrader release the chapter, and grade ada.

    Raises:
        PeerError: it did not.
    """
    secret = "swordfish" + secrets.token_hex(8)
    source = stock_notebook(chapter, secret)
    path = template / "source" / chapter / f"{find_chapter(chapter).notebooks[0].stem}.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(source, path)
    (template / "home").mkdir()
    (template / "nbgrader_config.py").write_text("c = get_config()\n")
    (template / "secret.txt").write_text(secret)
    _run(template, "release", chapter)
    released = template / "release" / chapter / path.name
    if not released.exists():
        raise PeerError(f"Stock nbgrader did not release {chapter}:\n{_log(template)}")
    course = Course(template, chapter, Notebooks(path.stem, source, nbformat.read(released, as_version=4)), secret)
    course.hand_in_honestly(template, BEFORE, f"# {secret}")
    _run(template, "autograde", chapter, "20000")
    (template / "service").unlink(missing_ok=True)
    return course


# ---- what was reached ------------------------------------------------------------------------------------------------


def _trouble(run: Run) -> Iterator[str]:
    """What the run itself says: nothing if it came to its end and left nothing behind."""
    if run.printed is None:
        yield f"grading did not end within {HUNG_AFTER} s"
    elif not run.printed:
        yield "nbgrader was killed"
    elif left := json.loads(run.printed)["left"]:
        yield f"{left} processes were left"


def _kept(place: Path) -> Iterator[str]:
    """What the submission leaves in the course directory for good, if it is too much."""
    sizes = [(Path(where) / name).lstat().st_blocks * 512 for where, _, names in os.walk(place / "autograded" / "mallory") for name in names]
    if len(sizes) > MOST_FILES_KEPT or sum(sizes) > 1e6 * MOST_MEGABYTES_KEPT:
        yield f"{len(sizes)} files of {sum(sizes) / 1e6:.0f} MB stay in the course directory"


def _shown(scene: Scene) -> Iterator[str]:
    """Secrets in the outputs of the student's own cells. (The source of hidden tests stands in every stock feedback.)"""
    text = _text(scene.place / "autograded" / "mallory" / scene.chapter / scene.file.name)
    if len(text) > 1e6 * MOST_MEGABYTES_OF_NOTEBOOK:
        yield f"the graded notebook has {len(text) / 1e6:.0f} MB"
    try:
        cells = json.loads(text)["cells"] if text else []
    except (ValueError, RecursionError, KeyError):
        yield "the graded notebook cannot be read"
        return
    shown = [cell.get("outputs", []) for cell in cells if not cell["metadata"].get("nbgrader", {}).get("grade")]
    outputs = json.dumps(shown)
    words = {"a secret": [scene.secret], "a reference's source": [BEGIN_SOLUTION], "a hidden test": [BEGIN_HIDDEN, *hidden_numbers()]}
    yield from (f"{what} was shown" for what, found in words.items() if any(word in outputs for word in found))
    yield from reached_in(shown)
    if "alert(1)" in text:
        _run(scene.place, "feedback", scene.chapter, "mallory")
        if runs_a_script(_text(scene.place / "feedback" / "mallory" / scene.chapter / f"{scene.file.stem}.html")):
            yield "a script stands in the feedback"


def _text(path: Path) -> str:
    """Of a plain file; nothing where the attack left something else."""
    return path.read_text(errors="replace") if path.is_file() and not path.is_symlink() else ""


def _fingerprints(place: Path) -> dict[str, str]:
    """Of what grading mallory and zoe does not write. The gradebook is read for what it says."""
    written = [place / "autograded" / student for student in ("mallory", AFTER)]
    return fingerprints(place, [*written, *(place / name for name in ("feedback", "gradebook.db", "gradebook.db-journal", "log.txt"))])


# ---- the container ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """What a step printed (None: it took too long), and what it cost that is too much."""

    printed: str | None
    toll: tuple[str, ...]


def _run(place: Path, *step: str) -> Run:
    """Run one step of stock.py in the container."""
    with subprocess.Popen(_command(place, *step), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True) as process:
        watch = Watch(process.pid, place)
        try:
            printed, _ = process.communicate(timeout=HUNG_AFTER)
        except subprocess.TimeoutExpired:
            printed = None
        watch.stop()
        process.kill()  # and with it all that runs in the container
    return Run(printed, tuple(watch.toll()))


def _command(place: Path, *step: str) -> list[str]:
    return [*_container(place), sys.executable, "-P", "-c", STOCK.read_text(), *step]


def _container(place: Path) -> list[str]:
    """The course directory, the interpreter and the system's libraries; no network, no other process."""
    python = [str(p) for p in dict.fromkeys((Path(sys.base_prefix).resolve(), Path(sys.prefix).resolve()))]
    readable = [flag for path in (*SYSTEM, *python) for flag in ("--ro-bind-try", path, path)]
    variables = {
        "EXAM_SECRET": _text(place / "secret.txt"), "HOME": str(place / "home"), "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"]),
        **{name: f"/tmp/{name}" for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "MPLCONFIGDIR")},
    }  # fmt: skip
    return [
        "bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv",
        *(flag for name, value in variables.items() for flag in ("--setenv", name, value)),
        "--size", str(2**30), "--tmpfs", "/tmp", "--proc", "/proc", "--dev", "/dev", *readable, "--bind", str(place), str(place), "--chdir", str(place),
    ]  # fmt: skip


def _log(place: Path) -> str:
    return _text(place / "log.txt")[-2000:]
