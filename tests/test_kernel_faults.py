"""Every fault is found, and the message says what is wrong, at which line, by which thread, in which array, and with whom."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from kernels.faults import FAULTS, RACE, UNORDERED, UNWRITTEN, Fault, Unwritten
from kernels.program import Empty, compiled, run

from autograder.cuda import KernelFault, memory, step_budget
from autograder.cuda import standin as cp
from autograder.cuda.faults import UnwrittenWarning

BUDGET = 300_000
NUMBER = r"(\d+|\((?:[xyz]=\d+(?:, )?)+\))"


def each_fault() -> Iterator[Any]:
    for fault in FAULTS:
        marks = [pytest.mark.xfail(reason=fault.missed, strict=True)] if fault.missed else []
        yield pytest.param(fault, marks=marks, id=f"{fault.topic}: {fault.name}")


@pytest.mark.parametrize("fault", each_fault())
def test_fault(fault: Fault) -> None:
    with pytest.raises(KernelFault) as caught, step_budget(BUDGET):
        run(fault.program, cp)
    found = caught.value
    message = str(found)
    assert found.kind in fault.kinds, message
    for word in fault.words:
        assert word in message
    if fault.lines("here"):
        assert found.place.line in fault.lines("here"), message
        assert f"line {found.place.line}" in message
    if found.kind == RACE:
        assert lines_in(found.what) & fault.lines("there"), message
    elif fault.kind == UNORDERED:
        assert "__syncthreads()" in found.hint
    thread, block = who(message)
    assert fault.threads is None or thread in fault.threads, message
    assert fault.blocks is None or block in fault.blocks, message
    assert "\n" not in message.strip()


@pytest.mark.parametrize("case", UNWRITTEN, ids=lambda case: case.program.name)
def test_unwritten_output(case: Unwritten) -> None:
    out = launched(case)
    allocation = memory.find(memory.split(out.data.ptr)[0])
    assert allocation is not None
    assert np.array_equal(allocation.unwritten(), case.unwritten)


@pytest.mark.parametrize("case", UNWRITTEN, ids=lambda case: case.program.name)
def test_unwritten_output_is_told_of_when_it_comes_to_the_host(case: Unwritten) -> None:
    count, first = int(case.unwritten.sum()), int(np.argmax(case.unwritten))
    with pytest.warns(UnwrittenWarning, match=rf"{count} of 100 elements of this array were never written, the first of them \[{first}\]"):
        launched(case).get()


@pytest.mark.parametrize("case", UNWRITTEN, ids=lambda case: case.program.name)
def test_what_was_left_unwritten_is_found_when_it_is_read(case: Unwritten) -> None:
    out = launched(case)
    c_type = {"float32": "float", "uint8": "unsigned char"}[out.dtype.name]
    code = f'extern "C" __global__ void read(const {c_type}* x, float* y) {{ y[threadIdx.x] = x[threadIdx.x]; }}'
    first = int(np.argmax(case.unwritten))
    with pytest.raises(KernelFault, match=rf"thread {first} .* x\[{first}\]") as caught:
        cp.RawKernel(code, "read")((1,), (100,), (out, cp.zeros(100, np.float32)))
    assert caught.value.kind == "uninitialised"


def test_every_fault_has_three_forms() -> None:
    forms = Counter(fault.topic for fault in FAULTS)
    few = {topic: count for topic, count in forms.items() if count < 3 and topic != "stack"}
    assert few == {}
    assert len({(fault.topic, fault.name) for fault in FAULTS}) == len(FAULTS)


def test_nothing_is_left_of_a_fault() -> None:
    """The next launch is not disturbed by one that was stopped in the middle."""
    broken = next(fault for fault in FAULTS if fault.topic == "divergent barrier")
    for _ in range(3):
        with pytest.raises(KernelFault):
            run(broken.program, cp)
        out = cp.zeros(64, np.float32)
        cp.RawKernel('extern "C" __global__ void k(float* out) { out[threadIdx.x] = threadIdx.x; }', "k")((1,), (64,), (out,))
        assert np.array_equal(out.get(), np.arange(64))


def launched(case: Unwritten) -> Any:
    """The output of the one launch."""
    launch = case.program.launches[0]
    arrays = {name: cp.empty(a.shape, a.dtype) if isinstance(a, Empty) else cp.asarray(a) for name, a in case.program.arrays.items()}
    kernel = compiled(case.program, cp)[launch.kernel]
    kernel(launch.grid, launch.block, tuple(arrays[a] if isinstance(a, str) else a for a in launch.arguments))
    return arrays["out"]


def lines_in(text: str) -> set[int]:
    return {int(line) for line in re.findall(r"\bline (\d+)", text)}


def who(message: str) -> tuple[Any, Any]:
    """The thread and the block that a message speaks of first: numbers, or tuples of coordinates."""
    found = re.search(rf"thread {NUMBER} of block {NUMBER}", message)
    return (coordinates(found[1]), coordinates(found[2])) if found else (None, None)


def coordinates(text: str) -> int | tuple[int, ...]:
    return int(text) if text.isdecimal() else tuple(int(v) for v in re.findall(r"=(\d+)", text))
