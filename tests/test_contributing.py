"""CONTRIBUTING.md, followed to the letter in a copy of the repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.build import ROOT

pytestmark = pytest.mark.timeout(600)

FILE_BLOCK = re.compile(r"^(?P<fence>`{3,})\w+ file=(?P<path>\S+)\n(?P<text>.*?)^(?P=fence)$", re.MULTILINE | re.DOTALL)
SHELL_BLOCK = re.compile(r"^```sh\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", "*.egg-info")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository with the page's files written into it."""
    copy = tmp_path_factory.mktemp("contributor") / "repository"
    shutil.copytree(ROOT, copy, ignore=lambda folder, names: {*LEFT_OUT(folder, names), *(["build"] if folder == str(ROOT) else [])})
    blocks = list(FILE_BLOCK.finditer((ROOT / "CONTRIBUTING.md").read_text()))
    assert len(blocks) == 4
    for block in blocks:
        path = copy / block["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block["text"])
    return copy


def commands() -> list[str]:
    page = (ROOT / "CONTRIBUTING.md").read_text()
    return [line for block in SHELL_BLOCK.finditer(page) for line in block["text"].splitlines()]


def run(command: str, copy: Path) -> str:
    """Run a line of the page with this environment's programs, on the copy's code."""
    programs = {"pytest ": "python -m pytest -p no:cacheprovider ", "scratchgrad ": "python -m autograder.cli "}
    for name, module in programs.items():
        command = re.sub(rf"(^|&& ){name}", rf"\1{module}", command)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(copy)}
    done = subprocess.run(command, shell=True, cwd=copy, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_the_page_adds_an_exercise(copy):
    contract, build_and_grade, golden = commands()
    passed = run(contract, copy).splitlines()[-1]
    assert re.search(r"\d+ passed", passed)
    assert "failed" not in passed
    graded = run(build_and_grade, copy)
    assert "10_language: 1 notebook(s), 1 exercises" in graded
    assert "2 of 2 points" in graded
    run(golden, copy)
    assert (copy / "tests/golden/10_language/embeddings.ipynb").exists()


def test_the_pages_code_is_tidy(copy):
    done = subprocess.run([sys.executable, "-m", "ruff", "check", "solutions/language"], cwd=copy, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
