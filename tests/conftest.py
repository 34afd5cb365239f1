"""What several test files share: one build of the course, and one graded sample class, for the whole run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import filelock
import pytest
from rich.console import Console

from autograder.build import all_chapters, ensure_released


def _once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Make a folder once for all the worker processes of a parallel run."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "popen" in shared.name else shared
    folder, done = shared / name, shared / f"{name}.done"
    with filelock.FileLock(str(shared / f"{name}.lock")):
        if not done.exists():
            make(folder)
            done.touch()
    return folder


@pytest.fixture(scope="session")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """nbgrader's course directory with every chapter built and released."""

    def make(folder: Path) -> None:
        for chapter in all_chapters():
            ensure_released(chapter, folder)

    return _once(tmp_path_factory, "course", make)


@pytest.fixture(scope="session")
def sample_class(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished demo: grades.csv, and nbgrader's course directory in `course`."""
    from demo import run_class

    return _once(tmp_path_factory, "sample_class", lambda folder: run_class(folder, Console(quiet=True)) and None)
