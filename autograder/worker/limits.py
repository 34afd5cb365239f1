"""What a submission may use while it is graded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits of a cell, of all questions of one exercise, and of a whole notebook.

    Seconds are of the clock on the wall, or of the processor where the name says so: on a busy machine an honest cell takes
    long by the clock, and no longer by the processor. Cells may take half of the notebook's time; the questions have the rest.
    Memory and processes are limited for each process, and for all of a submission together where the machine can do that.
    """

    cell_seconds: float = 60.0
    cell_cpu_seconds: float = 30.0
    exercise_seconds: float = 120.0
    notebook_seconds: float = 600.0
    notebook_cpu_seconds: float = 400.0
    memory_gib: float = 8.0
    processes: int = 256
    output_mib: float = 10.0
    disk_gib: float = 1.0
