"""PostgreSQL as gradebook: the same class through nbgrader, on a real server and on SQLite, ends with the same grades."""

from __future__ import annotations

import csv
import itertools
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook
from sample_class import Notebooks, perfect, save, typical_mistakes, untouched, write

from autograder.examiner.store import FILE

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("ahead")]

CHAPTER, NOTEBOOK = "09_vision", "nms"
SOCKET = ".s.PGSQL.5432"


class Server:
    """A PostgreSQL server in a folder of its own. It listens on a Unix socket there, which only its user can reach."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries, self._folder = binaries, folder
        self._data = folder / "data"
        self._numbers = itertools.count()
        # It refuses to run as root.
        self._user = _plain_user() if os.geteuid() == 0 else None
        if self._user:
            os.chown(folder, self._user.pw_uid, self._user.pw_gid)

    def start(self) -> None:
        self._run("initdb", "--username=owner", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        settings = f"-c listen_addresses= -c unix_socket_directories={self._folder} -c fsync=off"
        self._run("pg_ctl", "start", "--wait", f"--options={settings}", f"--log={self._folder}/log")

    def stop(self) -> None:
        self._run("pg_ctl", "stop", "--wait", "--mode=immediate")

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"course{next(self._numbers)}"
        self._run("createdb", f"--host={self._folder}", "--username=owner", name, data=False)
        return f"postgresql+psycopg://owner@/{name}?host={self._folder}"

    def _run(self, program: str, *options: str, data: bool = True) -> None:
        argv = [str(self._binaries / program), *([f"--pgdata={self._data}"] if data else []), *options]
        as_user = {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []} if self._user else {}
        # A server inherits what is captured here, so its output goes to a file: a pipe would never end.
        with (self._folder / "commands").open("a+") as said:
            done = subprocess.run(argv, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said, **as_user)
            said.seek(0)
            assert done.returncode == 0, said.read()


def _plain_user() -> pwd.struct_passwd:
    names = {user.pw_name for user in pwd.getpwall()}
    return pwd.getpwnam("postgres" if "postgres" in names else "nobody")


def _binaries() -> Path | None:
    """Where the server's programs are: Debian keeps them out of the path, in a folder for each version."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if on_path := shutil.which("initdb"):
        found.append(Path(on_path).resolve().parent)
    return max(found, key=lambda folder: folder.parent.name.zfill(3), default=None)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    binaries = _binaries()
    if binaries is None:
        pytest.skip("there is no PostgreSQL server on this machine (Debian: apt install postgresql)")
    pytest.importorskip("psycopg", reason="psycopg finds no libpq, PostgreSQL's client library (Debian: apt install libpq5)", exc_type=ImportError)
    # Not in pytest's folder, which the server's user cannot enter; the name of a socket must be short, too.
    with tempfile.TemporaryDirectory(prefix="postgresql") as folder:
        server = Server(binaries, Path(folder))
        server.start()
        yield server
        server.stop()


# ---- a class on each -----------------------------------------------------------------------------------------------------


def hand_in(notebooks: Notebooks, submitted: Path) -> None:
    """Six students; among them one with a lazy answer, one with a broken file, and one whose name is not ASCII."""
    for student, how in {"ada": perfect, "ben": untouched, "cleo": typical_mistakes, "zoë": perfect}.items():
        how(notebooks, submitted / student / CHAPTER)
    lazy = notebooks.perfect()
    write(lazy, "iou", notebooks.solution("iou").replace("return", "return 2 *"))
    save(lazy, submitted / "dan" / CHAPTER, NOTEBOOK)
    broken = submitted / "eva" / CHAPTER / f"{NOTEBOOK}.ipynb"
    broken.parent.mkdir(parents=True)
    broken.write_text("no JSON")
    (broken.parent / "timestamp.txt").write_text("2026-03-01 12:00:00 UTC")


def class_on(course: Path, folder: Path, url: str) -> Path:
    """A copy of the course, whose configuration names this database, with all that an instructor does in a term."""
    shutil.copytree(course, folder, ignore=shutil.ignore_patterns("submitted", "autograded", "feedback", "gradebook.db", FILE + "*"))
    with (folder / "nbgrader_config.py").open("a") as config:
        config.write(f"\nc.CourseDirectory.db_url = {url!r}\n")
    read = [nbformat.read(folder / kind / CHAPTER / f"{NOTEBOOK}.ipynb", as_version=4) for kind in ("source", "release")]
    hand_in(Notebooks(NOTEBOOK, *read), folder / "submitted")
    nbgrader(folder, "generate_assignment", CHAPTER, "--force")
    nbgrader(folder, "autograde", CHAPTER)
    nbgrader(folder, "generate_feedback", CHAPTER)
    nbgrader(folder, "export")
    return folder


def nbgrader(course: Path, *argv: str) -> None:
    env = {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
    done = subprocess.run([sys.executable, "-m", "nbgrader", *argv], cwd=course, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def urls(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {"postgresql": server.new_database(), "sqlite": f"sqlite:///{tmp_path_factory.mktemp('sqlite')}/gradebook.db"}


@pytest.fixture(scope="module")
def classes(course: Path, urls: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("classes")
    return {name: class_on(course, place / name, url) for name, url in urls.items()}


def scores(url: str) -> dict[tuple[str, str], tuple[float, float, bool]]:
    """What the gradebook holds: of each student and cell, the score, the most that there is, and whether a human must look."""
    with Gradebook(url, "scratchgrad") as book:
        grades = [(s.student.id, g) for s in book.assignment_submissions(CHAPTER) for notebook in s.notebooks for g in notebook.grades]
        return {(student, grade.name): (grade.auto_score, grade.max_score, grade.needs_manual_grade) for student, grade in grades}


def test_the_gradebook_holds_the_same_scores(classes, urls):
    found = scores(urls["postgresql"])
    assert found == scores(urls["sqlite"])
    assert {student for student, _ in found} == {"ada", "ben", "cleo", "dan", "eva", "zoë"}
    assert len({score for score, _, _ in found.values()}) > 2
    assert not (classes["postgresql"] / "gradebook.db").exists()  # nothing went to nbgrader's default


def test_the_exported_grades_are_the_same(classes):
    rows = {}
    for name, folder in classes.items():
        with (folder / "grades.csv").open(newline="") as file:
            rows[name] = sorted(csv.DictReader(file), key=lambda row: (row["assignment"], row["student_id"]))
    assert rows["postgresql"] == rows["sqlite"]
    assert [row["student_id"] for row in rows["postgresql"]] == ["ada", "ben", "cleo", "dan", "eva", "zoë"]


def test_the_feedback_is_the_same(classes):
    pages = {name: {path.relative_to(folder): path.read_text() for path in folder.glob("feedback/*/*/*.html")} for name, folder in classes.items()}
    assert len(pages["postgresql"]) == 6
    assert pages["postgresql"] == pages["sqlite"]


def test_graded_again_nothing_is_double(classes, urls):
    before = scores(urls["postgresql"])
    nbgrader(classes["postgresql"], "autograde", CHAPTER, "--force")
    assert scores(urls["postgresql"]) == before
