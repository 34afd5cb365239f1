"""Random kernels: as in NumPy, and faults where NumPy finds them. `python tests/fuzz_kernels.py` tries many more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fuzz_kernels import Assign, Expression, If, Kernel, make, shrink, suspect

SEEDS = range(1000, 1040)
SUSPECTS = range(60)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_kernel_is_as_in_numpy(seed: int) -> None:
    kernel = make(seed)
    assert not (wrong := kernel.failure()), f"{wrong}\n{kernel.source}"


def test_random_suspects_are_judged_as_by_numpy() -> None:
    for seed in SUSPECTS:
        assert not (wrong := suspect(seed).failure()), f"seed {seed}: {wrong}\n{suspect(seed).source}"


def test_suspects_are_guilty_and_innocent() -> None:
    kinds = [suspect(seed).kinds for seed in SUSPECTS]
    assert sum(not k for k in kinds) > len(kinds) / 10
    for kind in ("out of bounds", "race", "uninitialised"):
        assert sum(kind in k for k in kinds) > len(kinds) / 20


def test_a_seed_is_always_the_same_kernel() -> None:
    assert make(3).source == make(3).source != make(4).source


def test_a_wrong_result_is_noticed() -> None:
    """The comparison can fail: NumPy's side is given another program."""
    kernel = make(SEEDS[0])
    name = next(iter(kernel.maker.variables))
    other = Expression(kernel.maker.variables[name], "", lambda world: world.variables[name] + world.variables[name].dtype.type(1))
    changed = Kernel(kernel.maker, [*kernel.body, Assign(name, other)], kernel.seed)
    assert not np.array_equal(kernel.in_numpy()[f"out_{name}"], changed.in_numpy()[f"out_{name}"])


def test_what_fails_is_made_small() -> None:
    """A program in which one assignment is to blame ends as that assignment."""
    kernel = make(SEEDS[0])
    blamed = Assign("v0", Expression("int", "666", lambda world: world.thread))
    inside = If(Expression("int", "1", lambda world: world.thread), (list(kernel.body), [*kernel.body, blamed]))
    smallest = shrink(replace(kernel, body=[*kernel.body, inside]), lambda k: "v0 = 666;" in k.source)
    assert smallest.body == [blamed]
