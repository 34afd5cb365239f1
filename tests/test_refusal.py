"""On a machine where nothing confines a submission, every way to grade refuses in one sentence, unless told otherwise."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.build import BUILD, ROOT, ensure_released, find_chapter

pytestmark = pytest.mark.timeout(300)

# The machine that is not there: every Python process of the test believes that it has neither bubblewrap nor Landlock.
WITHOUT_WALLS = """
from autograder.worker.jail import bubblewrap, landlock
bubblewrap.is_installed = lambda: False
landlock.version = lambda: 0
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_WALLS)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "PATH": path}

    def command(*argv: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        return subprocess.run(argv, cwd=cwd, env=env, capture_output=True, text=True)

    return command


@pytest.fixture
def solved() -> str:
    ensure_released(find_chapter("convolution"))
    return str(BUILD / "source" / "05_convolution" / "convolution.ipynb")


def refuses(done: subprocess.CompletedProcess[str]) -> bool:
    said = " ".join((done.stdout + done.stderr).split())
    assert "Traceback" not in said
    return done.returncode != 0 and "so nothing is graded" in said and "apt install bubblewrap" in said and "unsafe" in said


def test_scratchgrad_grade(run, solved):
    assert refuses(run("scratchgrad", "grade", solved))
    done = run("scratchgrad", "grade", solved, "--unsafe")
    assert done.returncode == 0, done.stderr
    assert "14 of 14" in " ".join(done.stdout.split())
    assert "process" in done.stdout


def test_pytest(run, solved):
    assert refuses(run("pytest", "--submission", solved))
    assert run("pytest", "--submission", solved, "--unsafe", "-q").returncode == 0


def test_nbgrader(run, solved, tmp_path):
    course = tmp_path / "course"
    shutil.copytree(BUILD, course, ignore=shutil.ignore_patterns("autograded", "submitted"))
    handed_in = course / "submitted" / "ada" / "05_convolution"
    handed_in.mkdir(parents=True)
    shutil.copy(solved, handed_in)
    assert refuses(run("nbgrader", "autograde", "05_convolution", cwd=course))
    assert not (course / "autograded").exists()
    done = run("nbgrader", "autograde", "05_convolution", "--Examine.unsafe=True", cwd=course)
    assert done.returncode == 0, done.stderr


def test_doctor_says_what_to_install(run):
    said = " ".join(run("scratchgrad", "doctor").stdout.replace("│", " ").split())
    assert "not confined" in said
    assert "apt install bubblewrap" in said
