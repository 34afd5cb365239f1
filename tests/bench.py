"""`make bench`: what the student's side and the jail cost, printed.

- `import autograder` in a process that has torch loaded;
- `check` on every exercise's reference, less the time that the reference itself takes;
- `check` on a wrong answer, whose mistake is to be recognised: the slowest of the exercise's mistakes;
- a worker from its start to its end, with all layers of the jail and with none, taking turns.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from catalogue import EXERCISES
from rich.console import Console
from rich.table import Table

from autograder.check import examine
from autograder.check.asking import inputs
from autograder.examiner.workers.host import Worker
from autograder.examiner.workers.tier import tier
from autograder.exercise import Exercise, make_card
from autograder.worker.limits import Limits

NOTHING = Path("/nothing")
PAIRS = 40

IMPORT = "import torch, time; t = time.perf_counter(); import autograder; print(time.perf_counter() - t)"


def seconds(f: Callable[[], object]) -> float:
    """The median of five runs."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        f()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def import_seconds() -> float:
    return statistics.median(float(subprocess.check_output([sys.executable, "-c", IMPORT])) for _ in range(5))


def check_seconds(exercise: Exercise) -> tuple[float, float]:
    """`check` on the reference, and the reference's own part of it."""
    card = make_card(exercise)
    probe = card.probe.load() if card.probe else None

    def alone() -> None:
        for question in card.questions:
            args, kwargs = inputs(question)
            for _ in range(2 if question.variant == "twice" else 1):
                probe(exercise.reference, *args, **kwargs) if probe else exercise.reference(*args, **kwargs)

    examine(card, exercise.reference)
    return seconds(lambda: examine(card, exercise.reference)), seconds(alone)


def wrong_seconds(exercise: Exercise) -> float:
    """`check` on the exercise's mistakes: the slowest, in one run each."""
    card = make_card(exercise)
    slowest = 0.0
    for mistake in exercise.hints:
        start = time.perf_counter()
        examine(card, exercise.solution(mistake))
        slowest = max(slowest, time.perf_counter() - start)
    return slowest


def worker_seconds(layers: frozenset[str]) -> float:
    """A worker with these layers that runs one cell and keeps one state, from its start to its end."""
    start = time.perf_counter()
    with Worker(NOTHING, NOTHING, Limits(), layers=layers) as worker:
        worker.run("x = 1")
        worker.snapshot()
    return time.perf_counter() - start


def jail_seconds(console: Console) -> None:
    """The jail's part of a notebook: pairs of workers, with and without, one right after the other."""
    found = tier()
    kinds = {"no layer": frozenset[str](), found.name: found.layers}
    for layers in kinds.values():
        worker_seconds(layers)  # the warm parents start here
    pairs = [{name: worker_seconds(layers) for name, layers in kinds.items()} for _ in range(PAIRS)]
    for name, layers in kinds.items():
        console.print(f"a worker with {', '.join(sorted(layers)) or 'no layer'}: {1000 * statistics.median(p[name] for p in pairs):.1f} ms")
    added = statistics.median(p[found.name] - p["no layer"] for p in pairs)
    console.print(f"the jail (tier {found.name}) adds {1000 * added:.1f} ms a notebook: the median of {PAIRS} pairs")


def main() -> None:
    console = Console()
    jail_seconds(console)
    console.print(f"import autograder, torch loaded: {import_seconds():.3f} s")
    table = Table("exercise", "check (ms)", "own compute (ms)", "added by check (ms)", "wrong answer (ms)")
    worst = 0.0
    for exercise in EXERCISES:
        whole, own = check_seconds(exercise)
        worst = max(worst, whole - own)
        table.add_row(
            exercise.name, f"{1000 * whole:.1f}", f"{1000 * own:.1f}", f"{1000 * (whole - own):.1f}", f"{1000 * wrong_seconds(exercise):.1f}"
        )
    console.print(table)
    console.print(f"most that check adds: {1000 * worst:.1f} ms")


if __name__ == "__main__":
    main()
