"""Legitimate CUDA C: what the programs of the corpus compute without a GPU, exactly or within the ulps that NVIDIA states."""

from __future__ import annotations

from collections import Counter

import pytest
from kernels.language import PROGRAMS
from kernels.program import Program, differences, run

from autograder.cuda import standin as cp


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_program(program: Program, capfd: pytest.CaptureFixture[str]) -> None:
    results = run(program, cp)
    for name, expected in program.expected.items():
        assert not (wrong := differences(expected, results[name])), f"{name}: {wrong}"
    printed = capfd.readouterr().out
    assert Counter(printed.splitlines(keepends=True)) == Counter(program.printed)


def test_the_corpus_is_large_and_its_names_differ() -> None:
    assert len({program.name for program in PROGRAMS}) == len(PROGRAMS) >= 60


def test_every_program_states_what_comes_out() -> None:
    assert [program.name for program in PROGRAMS if not program.expected and not program.printed] == []
