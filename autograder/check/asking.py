"""Ask one question of a function: call it on fresh inputs, within a time limit, and write down what happens."""

from __future__ import annotations

import contextlib
import io
import linecache
import os
import signal
import sysconfig
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from types import FrameType, FunctionType
from typing import Any

import numpy as np

from autograder.check.forbidden_calls import ForbiddenCall, forbidding
from autograder.check.values import Array, Value, freeze, is_tensor, leaves, thaw
from autograder.check.variants import PLAIN, VARIANTS, map_arrays

MAIN = "main"


@dataclass(frozen=True)
class Question:
    """One call: arguments as values, and which share of the points it guards."""

    label: str
    args: tuple[Value, ...]
    kwargs: dict[str, Value] = field(default_factory=dict)
    group: str = MAIN
    hint: str = ""
    variant: str = PLAIN
    hidden: bool = False
    numbers: tuple[int, ...] = ()

    @property
    def in_words(self) -> str:
        return self.label if self.variant == PLAIN else f"{self.label} ({VARIANTS[self.variant].in_words})"

    @property
    def precision(self) -> str:
        """The least precise floating input decides how exact an answer can be."""
        if self.variant in ("float32", "float64"):
            return self.variant
        floats = [a.dtype for a in leaves([*self.args, *self.kwargs.values()]) if isinstance(a, Array) and a.kind == "f"]
        return "float32" if "float32" in floats else "float64"


@dataclass(frozen=True)
class Reply:
    """What happened: `kind` is answer, raised, timeout or forbidden."""

    kind: str
    value: Value = None
    error: str = ""
    text: str = ""
    where: str = ""
    changed_inputs: bool = False
    ok: bool = False
    broken_invariant: str = ""

    def judged(self, ok: bool, broken_invariant: str = "") -> Reply:
        return replace(self, ok=ok, broken_invariant=broken_invariant)


class OutOfTime(BaseException):
    """Raised inside the student's code by the alarm; not an Exception, so that `except Exception` lets it through."""


def ask(
    function: Any,
    question: Question,
    probe: Callable[..., Any] | None = None,
    forbid: Sequence[str] = (),
    seconds: float = 10.0,
) -> Reply:
    """Ask `function` (through `probe`, if the exercise has one) and return its reply; never raises but on Ctrl-C."""
    args, kwargs = inputs(question)
    before = freeze([*args, *kwargs.values()])
    try:
        gradient = _torchs_gradient() if question.variant == "gradients" else None
        with _quiet(), forbidding(forbid), _time_limit(seconds):
            if question.variant == "twice":
                _call(function, probe, None, *inputs(question))
            value = freeze(_call(function, probe, gradient, args, kwargs))
    except OutOfTime:
        return Reply("timeout", text=f"no answer within {seconds:g} s")
    except ForbiddenCall as call:
        return Reply("forbidden", text=str(call))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return Reply("raised", error=type(error).__name__, text=_in_one_line(error), where=_students_line(error))
    return Reply("answer", value=value, changed_inputs=not _unchanged(before, freeze([*args, *kwargs.values()])))


def ask_all(
    function: Any,
    questions: Sequence[Question],
    probe: Callable[..., Any] | None = None,
    forbid: Sequence[str] = (),
    seconds: float = 10.0,
) -> list[Reply]:
    """Ask every question. What would cost the same time again is not asked: the rest of a group in which one timed out,
    and everything after a timeout in the main group or a forbidden call."""
    replies: list[Reply] = []
    given_up: dict[str, Reply] = {}
    for question in questions:
        reply = given_up.get(MAIN) or given_up.get(question.group) or ask(function, question, probe, forbid, seconds)
        if reply.kind == "timeout":
            given_up[question.group] = reply
        elif reply.kind == "forbidden":
            given_up[MAIN] = reply
        replies.append(reply)
    return replies


def inputs(question: Question) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Fresh arguments, as the question's variant passes them."""
    args, kwargs = thaw(question.args), thaw(question.kwargs)
    if question.variant == PLAIN:
        return args, kwargs
    change = VARIANTS[question.variant].change
    changed = change((*args, *kwargs.values()), question.numbers)
    return changed[: len(args)], dict(zip(kwargs, changed[len(args) :], strict=True))


def _call(function: Any, probe: Callable[..., Any] | None, gradient: Callable[..., Any] | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    def once() -> Any:
        return probe(function, *args, **kwargs) if probe else function(*args, **kwargs)

    return _gradients(once, gradient, [*args, *kwargs.values()]) if gradient else once()


def _torchs_gradient() -> Callable[..., Any]:
    """A copy of `torch.autograd.grad`, made before asking: it works also where the original may not be called."""
    from torch.autograd import grad

    return FunctionType(grad.__code__, grad.__globals__, grad.__name__, grad.__defaults__, grad.__closure__)


def _gradients(once: Callable[[], Any], gradient: Callable[..., Any], arguments: list[Any]) -> list[Any]:
    """Gradients of a fixed weighted sum of all outputs, one per floating input."""
    import torch

    wanted: list[Any] = []

    def track(x: Any) -> Any:
        if is_tensor(x) and x.is_floating_point():
            wanted.append(x.requires_grad_())
        return x

    map_arrays(track, arguments)
    outputs: list[Any] = []

    def collect(y: Any) -> Any:
        outputs.append(y)
        return y

    map_arrays(collect, once())
    total = sum(((y * torch.arange(1, y.numel() + 1, dtype=y.dtype).cos().reshape(y.shape)).sum() for y in outputs), torch.zeros(()))
    found = gradient(total, wanted, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for x, g in zip(wanted, found, strict=True)]


def _unchanged(before: Value, after: Value) -> bool:
    pairs = list(zip(leaves(before), leaves(after), strict=False))
    return len(leaves(before)) == len(leaves(after)) and all(
        np.array_equal(a.data, b.data, equal_nan=a.kind == "f") if isinstance(a, Array) and isinstance(b, Array) else _equal(a, b) for a, b in pairs
    )


def _equal(a: Value, b: Value) -> bool:
    return a == b or (a != a and b != b)


# ---- around the call -------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Dozens of questions would print dozens of times."""
    with (
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """An alarm, where there is one (main thread, Unix). It repeats: a bare `except:` swallows the first."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def stop(signum: int, frame: FrameType | None) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.2)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# ---- what a student's exception says ---------------------------------------------------------------------------------

_NOT_THE_STUDENTS = tuple(
    os.path.realpath(p) + os.sep
    for p in (os.path.dirname(os.path.dirname(__file__)), sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))
)


def _in_one_line(error: BaseException) -> str:
    message = " ".join(str(error).split())
    return type(error).__name__ + (f": {message[:300]}" if message else "")


def _students_line(error: BaseException) -> str:
    """The innermost line of the student's own code, with its number in its cell; of a kernel, what its fault says itself."""
    if isinstance(where := getattr(error, "where", None), str):
        return where
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if _is_the_students(frame.filename):
            line = (frame.line or linecache.getline(frame.filename, frame.lineno or 0)).strip()
            return f"line {frame.lineno} of {frame.name}: {line}" if line else f"line {frame.lineno} of {frame.name}"
    return ""


def _is_the_students(filename: str) -> bool:
    if filename.startswith("<"):
        return filename.startswith(("<ipython", "<string", "<stdin"))
    return not os.path.realpath(filename).startswith(_NOT_THE_STUDENTS)


@dataclass(frozen=True)
class Helper:
    """A self-contained function of an exercise (its probe or its invariant), as source that travels with the questions."""

    name: str
    source: str

    def load(self) -> Callable[..., Any]:
        namespace: dict[str, Any] = {}
        exec(compile(self.source, f"<{self.name}>", "exec"), namespace)
        loaded: Callable[..., Any] = namespace[self.name]
        return loaded
