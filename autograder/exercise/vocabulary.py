"""What an author writes: a reference, its cases, and the mistakes that students make."""

from __future__ import annotations

import functools
import inspect
import textwrap
import typing
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from autograder.check import card as cards
from autograder.check.asking import MAIN, Helper
from autograder.check.variants import GRADIENTS, GROUPS, VARIANTS

F = TypeVar("F", bound=Callable[..., Any])
Maker = Callable[[np.random.Generator], Iterable["Case"]]


class BadExercise(Exception):
    """An exercise module contradicts itself; the message says where."""


class Case:
    """The arguments of one call.

    `group` says which share of the points the case guards (`main`: all of them); `hint` is said when this case
    fails and no mistake is recognised.
    """

    def __init__(self, label: str, *args: Any, group: str = MAIN, hint: str = "", **kwargs: Any) -> None:
        self.label = label
        self.args = args
        self.kwargs = kwargs
        self.group = group
        self.hint = hint


class Made:
    """The mistakes that are switched on: `made.flipped` is True where that one is."""

    def __init__(self, *names: str) -> None:
        self._names = frozenset(names)

    def __getattr__(self, name: str) -> bool:
        if name.startswith("__"):
            raise AttributeError(name)
        return name in self._names

    def only(self, *names: str) -> Made:
        """Those of the given mistakes that are on, for a block that builds on another's."""
        return Made(*(self._names & set(names)))


@dataclass
class Exercise:
    """An exercise as registered. Its name is its identity, unique in the course."""

    name: str
    reference: Any
    points: float
    rows: tuple[str, ...]
    shares: dict[str, float]
    forbid: tuple[str, ...]
    without: tuple[str, ...]
    gradients: bool
    tolerance: float
    seconds: float
    makers: list[tuple[Maker, bool]] = field(default_factory=list)
    hints: dict[str, str] = field(default_factory=dict)
    equivalents: dict[str, str] = field(default_factory=dict)
    blocks: dict[str, Callable[..., Any]] = field(default_factory=dict)
    probe: Helper | None = None
    verify: Helper | None = None
    unique: bool = True

    @property
    def chapter(self) -> str:
        """The package of `solutions` that holds it: `attention`."""
        return str(self.reference.__module__).split(".")[1] if "." in self.reference.__module__ else self.reference.__module__

    @property
    def uses_torch(self) -> bool:
        """Whether its module imports PyTorch. Where it does not, a student's answer may not use it either."""
        return "torch" in vars(inspect.getmodule(self.reference))

    def solution(self, *names: str) -> Callable[..., Any]:
        """A solution that makes the named mistakes, which must stand in one block."""
        return functools.partial(self.blocks[names[0]], Made(*names))

    def cases(self, seed: int, hidden: bool) -> Iterator[Case]:
        for maker, is_hidden in self.makers:
            if is_hidden == hidden:
                yield from maker(np.random.default_rng([seed, is_hidden, zlib.crc32(maker.__name__.encode())]))

    @property
    def variants(self) -> list[str]:
        """The other ways in which every main case is asked."""
        names = [name for name in VARIANTS if name != "gradients" and name not in self.without]
        return [*names, "gradients"] if self.gradients else names

    @property
    def numbers(self) -> tuple[int, ...]:
        """Positions of the parameters whose annotation promises numbers, integer or not (jaxtyping's `Num`)."""
        if self.probe is not None or inspect.isclass(self.reference):
            return ()
        parameters = inspect.signature(self.reference, eval_str=True).parameters.values()
        return tuple(k for k, parameter in enumerate(parameters) if _promises_numbers(parameter.annotation))


def _promises_numbers(annotation: Any) -> bool:
    if {"int64", "float64"} <= set(getattr(annotation, "dtypes", ())):
        return True
    return any(_promises_numbers(a) for a in typing.get_args(annotation))


_registry: dict[str, Exercise] = {}


def get_exercise(name: str) -> Exercise:
    """The exercise of that name, if its module is imported.

    Raises:
        KeyError: no imported module has it.
    """
    return _registry[name]


def all_exercises() -> list[Exercise]:
    """Every exercise of the modules imported so far, in the order of their definition."""
    return list(_registry.values())


def exercise(
    *,
    points: float,
    rows: Sequence[str] = (),
    shares: dict[str, float] | None = None,
    forbid: Sequence[str] = (),
    without: Sequence[str] = (),
    gradients: bool = False,
    tolerance: float = 1.0,
    seconds: float = 10.0,
) -> Callable[[F], F]:
    """Register a reference solution, which stays what it is.

    Args:
        points: the most that a student can get.
        rows: the rows of the syllabus that it covers.
        shares: the part of the points that each group of edge cases guards.
        forbid: dotted names that may not be called, because the exercise is about writing them.
        without: names of variants that have no meaning here.
        gradients: also compare the gradients that flow back to the inputs (torch).
        tolerance: a factor on the usual tolerance.
        seconds: the time limit of one question.

    Raises:
        BadExercise: the name is taken, or the shares sum to more than 1.
    """

    def register(reference: F) -> F:
        name = reference.__name__
        taken = _registry.get(name)
        if taken and taken.reference.__module__ != reference.__module__:
            raise BadExercise(f"{name} is an exercise of {taken.reference.__module__} already; names are unique in the course.")
        if unknown := set(without) - set(VARIANTS):
            raise BadExercise(f"{name}: no variant is called {sorted(unknown)}; there are {sorted(VARIANTS)}.")
        made = Exercise(name, reference, float(points), tuple(rows), dict(shares or {}), tuple(forbid), tuple(without), gradients, tolerance, seconds)
        engine = sum(group.share for group in GROUPS.values() if group is not GRADIENTS or gradients)
        if sum(made.shares.values()) + engine > 1.0 + 1e-9:
            raise BadExercise(f"{name}: the shares sum to more than 1 ({sum(made.shares.values()):g}, and {engine:g} for the variants).")
        _registry[name] = made
        cards.provide(name, functools.partial(_make_card, name))
        return reference

    return register


def _make_card(name: str) -> cards.Card:
    from autograder.exercise.exam import make_card

    return make_card(get_exercise(name))


def _of(reference: Any) -> Exercise:
    try:
        return _registry[reference.__name__]
    except KeyError:
        raise BadExercise(f"{reference.__name__} is no exercise: decorate it with @exercise first.") from None


def cases(reference: Any, hidden: bool = False) -> Callable[[Maker], Maker]:
    """Add a generator of cases, made from a seeded `rng`. Hidden ones decide the official grade."""

    def add(maker: Maker) -> Maker:
        _of(reference).makers.append((maker, hidden))
        return maker

    return add


def mistakes(reference: Any, **hints: str) -> Callable[[F], F]:
    """Add a solution with switches. Each keyword names one misconception; its text is what the student reads.

    The block's first parameter is the `Made` that says what is on. With nothing on it equals the reference.
    """

    def add(block: F) -> F:
        owner = _of(reference)
        if twice := set(hints) & set(owner.hints):
            raise BadExercise(f"{owner.name}: the mistakes {sorted(twice)} are listed twice.")
        owner.hints |= hints
        owner.blocks |= dict.fromkeys(hints, block)
        return block

    return add


def equivalent(reference: Any, lines: dict[str, str]) -> None:
    """Name the generic mutants of the reference that are right answers: the line as the mutant has it, and why it is right.

    `scratchgrad quality` lists the mutants that survive.
    """
    _of(reference).equivalents |= lines


def probe(reference: Any) -> Callable[[F], F]:
    """How to ask, when calling is not enough: `probe(answer, *args, **kwargs)` drives a class or several calls.

    It runs beside the student's code, so it holds no secret and imports what it needs inside itself.
    """

    def add(drive: F) -> F:
        _of(reference).probe = _helper(drive)
        return drive

    return add


def verify(reference: Any, unique: bool = True) -> Callable[[F], F]:
    """An invariant: `verify(answer, *args, **kwargs)` returns what is wrong, or None.

    With `unique=False` it alone judges the values; structure, shape and dtype are still compared with the
    reference's. It imports what it needs inside itself.
    """

    def add(invariant: F) -> F:
        owner = _of(reference)
        owner.verify, owner.unique = _helper(invariant), unique
        return invariant

    return add


def _helper(function: Callable[..., Any]) -> Helper:
    """The function's own source, without its decorators."""
    lines = textwrap.dedent(inspect.getsource(function)).splitlines()
    start = next(k for k, line in enumerate(lines) if line.startswith("def "))
    return Helper(function.__name__, "from __future__ import annotations\n" + "\n".join(lines[start:]) + "\n")
