"""What a real GPU did with the corpora, against what the stand-in does. Recordings come from `tests/record_on_gpu.py`."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from kernels.faults import FAULTS
from kernels.language import PROGRAMS
from kernels.program import Program, Within, differences, run
from record_on_gpu import RECORDED, digest, tool_for

from autograder.cuda import standin as cp

LANGUAGE, SANITIZED = RECORDED / "language.json", RECORDED / "faults.json"
NONE_YET = "no recording is committed: no machine with an NVIDIA GPU was at hand (run tests/record_on_gpu.py on one)"

recorded_language = pytest.mark.skipif(not LANGUAGE.exists(), reason=NONE_YET)
recorded_faults = pytest.mark.skipif(not SANITIZED.exists(), reason=NONE_YET)


def language() -> dict[str, Any]:
    return json.loads(LANGUAGE.read_text())


@recorded_language
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_the_stand_in_agrees_with_the_gpu(program: Program) -> None:
    """Bit by bit where the corpus says so; otherwise both may be as far from the exact values as NVIDIA states."""
    if program.name not in language()["digests"]:
        pytest.skip("the recording's card could not run it")
    results = run(program, cp)
    with np.load(RECORDED / "language.npz") as arrays:
        for name, expected in program.expected.items():
            recorded = arrays[f"{program.name}/{name}"]
            if isinstance(expected, Within):
                wide = recorded.astype(np.float64)
                assert not differences(Within(wide, 2 * np.asarray(expected.ulps), 2 * np.asarray(expected.atol), expected.dtype), results[name])
            else:
                assert not differences(recorded, results[name])


@recorded_language
def test_recordings_are_of_these_programs() -> None:
    digests = language()["digests"]
    stale = [p.name for p in PROGRAMS if p.name in digests and digests[p.name] != digest(p)]
    assert not stale, "these changed since they were recorded: run tests/record_on_gpu.py again"


@recorded_language
def test_the_gpu_agrees_with_numpy() -> None:
    assert language()["differs from NumPy"] == {}


@recorded_faults
def test_the_sanitizer_finds_nothing_that_the_corpus_does_not_name() -> None:
    known = {f"{fault.topic}: {fault.name}": fault for fault in FAULTS}
    for name, recorded in json.loads(SANITIZED.read_text())["faults"].items():
        assert recorded["digest"] == digest(known[name].program)
        assert recorded["tool"] == tool_for(known[name])
