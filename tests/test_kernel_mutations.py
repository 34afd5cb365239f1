"""No barrier of a correct kernel can be missed: each one is deleted, and the checker finds the race.

`python tests/test_kernel_mutations.py` prints what was found for each of them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
import pytest
from catalogue import EXERCISES
from kernels.correct import CORRECT, ORDERS, Correct, Mutant
from kernels.faults import UNORDERED
from kernels.program import Program, differences, run
from rich.console import Console
from rich.table import Table

from autograder.cuda import KernelFault, step_budget
from autograder.cuda import standin as cp
from autograder.exercise import Exercise

BUDGET = 3_000_000
SEED = 1
MUTANTS = [mutant for kernel in CORRECT for mutant in kernel.mutants()]
# Barriers of the course's own kernels that change nothing, by exercise and number, and why.
REDUNDANT_IN_COURSE: dict[tuple[str, int], str] = {}


def fault_of(case: Program) -> KernelFault | None:
    try:
        with step_budget(BUDGET):
            run(case, cp)
    except KernelFault as fault:
        return fault
    return None


def found(mutant: Mutant) -> KernelFault | None:
    """The first fault among its cases."""
    return next((fault for case in mutant.cases if (fault := fault_of(case)) is not None), None)


@pytest.mark.parametrize(("kernel", "case"), [pytest.param(k, c, id=f"{k.name}, {c.name}") for k in CORRECT for c in k.cases])
def test_correct_kernel_raises_no_alarm(kernel: Correct, case: Program) -> None:
    results = run(case, cp)
    for name, expected in case.expected.items():
        assert not (wrong := differences(expected, results[name])), f"{name}: {wrong}"


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_deleted_barrier_is_found(mutant: Mutant) -> None:
    fault = found(mutant)
    if mutant.number in mutant.kernel.redundant:
        assert fault is None
    else:
        assert fault is not None
        assert fault.kind in UNORDERED


def test_the_list_of_redundant_barriers_names_barriers() -> None:
    for kernel in CORRECT:
        assert set(kernel.redundant) <= {mutant.number for mutant in kernel.mutants()}


# ---- the course's own kernels --------------------------------------------------------------------------------------------


def source_of(exercise: Exercise) -> str:
    """The CUDA C that the reference returns; nothing if it is no kernel."""
    if not exercise.reference.__module__.startswith("solutions.hardware") or exercise.reference.__code__.co_argcount:
        return ""
    answer = exercise.reference()
    return answer if isinstance(answer, str) and "__global__" in answer else ""


def course_mutants() -> Iterator[tuple[Exercise, int, str]]:
    for exercise in EXERCISES:
        if callable(exercise.reference) and not isinstance(exercise.reference, type):
            for number, place in enumerate(ORDERS.finditer(source_of(exercise))):
                source = source_of(exercise)
                yield exercise, number, source[: place.start()] + source[place.end() :]


def course_fault(exercise: Exercise, source: str) -> KernelFault | None:
    """The first fault that the exercise's own cases lead to."""
    assert exercise.probe is not None
    drive = exercise.probe.load()
    for case in [*exercise.cases(SEED, hidden=False), *exercise.cases(SEED, hidden=True)]:
        arguments = [a.copy() if isinstance(a, np.ndarray) else a for a in case.args]
        try:
            drive(lambda: source, *arguments, **case.kwargs)
        except KernelFault as fault:
            return fault
    return None


@pytest.mark.parametrize("mutant", [pytest.param(m, id=f"{m[0].name}-{m[1]}") for m in course_mutants()])
def test_deleted_barrier_of_the_course_is_found(mutant: tuple[Exercise, int, str]) -> None:
    exercise, number, source = mutant
    fault = course_fault(exercise, source)
    assert (fault is None) == ((exercise.name, number) in REDUNDANT_IN_COURSE)


@pytest.mark.parametrize("exercise", {m[0].name: m[0] for m in course_mutants()}.values(), ids=lambda exercise: exercise.name)
def test_the_course_raises_no_alarm(exercise: Exercise) -> None:
    assert course_fault(exercise, source_of(exercise)) is None


# ---- the table -----------------------------------------------------------------------------------------------------------


def main() -> int:
    """Print what was found for each barrier. Returns 1 if one was missed or a correct kernel was blamed."""
    table = Table("kernel", "line", "deleted", "what is said")
    missed = false_alarms = 0
    for kernel in CORRECT:
        for case in kernel.cases:
            if fault := fault_of(case):
                false_alarms += 1
                table.add_row(kernel.name, "", "nothing", f"[red]false alarm[/] ({case.name}): {fault}")
        for mutant in kernel.mutants():
            fault = found(mutant)
            reason = kernel.redundant.get(mutant.number)
            missed += fault is None and reason is None
            table.add_row(
                kernel.name, str(mutant.line), mutant.deleted, str(fault) if fault else f"redundant: {reason}" if reason else "[red]missed[/]"
            )
    for exercise, number, source in course_mutants():
        fault = course_fault(exercise, source)
        reason = REDUNDANT_IN_COURSE.get((exercise.name, number))
        missed += fault is None and reason is None
        table.add_row(
            f"course: {exercise.name}", "", f"number {number}", str(fault) if fault else f"redundant: {reason}" if reason else "[red]missed[/]"
        )
    Console().print(table)
    total = table.row_count - false_alarms
    print(
        f"{total} barriers and fences deleted, {missed} missed; {false_alarms} false alarms on {sum(len(k.cases) for k in CORRECT)} runs of correct kernels"
    )
    return int(missed > 0 or false_alarms > 0)


if __name__ == "__main__":
    sys.exit(main())
