"""Run a notebook in a worker, as grading does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nbformat import NotebookNode

from autograder.examiner.workers.host import Worker
from autograder.worker.limits import Limits

NO_CARDS = Path("/nothing")
LIMITS = Limits(cell_seconds=60, cell_cpu_seconds=60)


def run(sources: Sequence[str], folder: Path) -> list[list[NotebookNode]]:
    """The outputs of each cell, in a fresh worker in a copy of `folder`."""
    with Worker(folder, NO_CARDS, LIMITS, unsafe=True) as worker:
        return [worker.run(source) for source in sources]
