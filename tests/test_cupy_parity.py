"""The stand-in against real CuPy, as far as CuPy tells without a GPU: names, signatures, types of results, declarations, errors."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from autograder.cuda import standin

cupy = pytest.importorskip("cupy", reason="real CuPy is not installed: pip install cupy-cuda13x (it needs no GPU for this)")

MODULES = ["", "cuda", "random", "testing"]
Signature = list[tuple[str, str]]


def public(module: ModuleType) -> list[str]:
    names = getattr(module, "__all__", None) or [name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
    return [name for name in names if not name.startswith("_")]


def pairs() -> list[Any]:
    """Everything public here, with CuPy's of the same name."""
    found = []
    for path in MODULES:
        ours = importlib.import_module(f"autograder.cuda.standin.{path}".rstrip("."))
        found += [pytest.param(path, name, id=f"{path}.{name}".lstrip(".")) for name in [*public(ours), *(standin.UFUNCS if not path else ())]]
    return found


def both(path: str, name: str) -> tuple[Any, Any]:
    ours, theirs = (importlib.import_module(f"{package}.{path}".rstrip(".")) for package in ("autograder.cuda.standin", "cupy"))
    return getattr(ours, name), getattr(theirs, name)


@pytest.mark.parametrize(("path", "name"), pairs())
def test_every_name_is_cupys(path: str, name: str) -> None:
    ours, theirs = both(path, name)
    assert isinstance(ours, type) == isinstance(theirs, type)
    if isinstance(ours, type) and issubclass(ours, np.generic):
        assert ours is theirs


@pytest.mark.parametrize(
    "class_", ["ndarray", "ElementwiseKernel", "ReductionKernel", "cuda.Event", "cuda.Stream", "cuda.Device", "random.RandomState"]
)
def test_every_public_attribute_is_cupys(class_: str) -> None:
    ours, theirs = (_attribute(package, class_) for package in (standin, cupy))
    assert [name for name in vars(ours) if not name.startswith("_") and not hasattr(theirs, name)] == []


def _attribute(package: Any, path: str) -> Any:
    for name in path.split("."):
        package = getattr(package, name)
    return package


# ---- signatures --------------------------------------------------------------------------------------------------------


def signature_of(function: Any) -> Signature | None:
    """Names and defaults of the parameters, from what Python knows or from the first line that Cython writes into the docstring."""
    try:
        parameters = inspect.signature(function).parameters.values()
        return [(p.name, _default(p.default)) for p in parameters if p.name != "self" and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    except ValueError:
        return _from_docstring(_first_line(function))


def _default(value: Any) -> str:
    if value is inspect.Parameter.empty:
        return ""
    if isinstance(value, type) or value in ("l",):
        return np.dtype(value).name
    return str(value)


def _from_docstring(first_line: str) -> Signature | None:
    found = re.match(r"[\w.]+\((?P<parameters>.*?)\)(?: ->.*)?$", first_line)
    if not found:
        return None
    signature = []
    for part in found["parameters"].split(", "):
        declared, _, default = part.partition("=")
        if part and not part.startswith(("*", "/", "\\")) and declared != "self":
            signature.append((declared.split()[-1], default.strip("'\"")))
    return signature


def same_signature(ours: Any, theirs: Any) -> None:
    """The same names and defaults in the same order. What CuPy collects in **kwargs, ours names behind the others."""
    wanted, got = signature_of(theirs), signature_of(ours)
    if wanted is None:
        pytest.skip("CuPy does not tell")
    assert got is not None
    assert got[: len(wanted)] == wanted
    assert got == wanted or "**" in _first_line(theirs)


def _first_line(function: Any) -> str:
    try:
        return str(inspect.signature(function))
    except ValueError:
        return (function.__doc__ or "").strip().split("\n")[0]


@pytest.mark.parametrize(("path", "name"), [p for p in pairs() if inspect.isfunction(both(*p.values)[0])])
def test_functions_take_the_same_arguments(path: str, name: str) -> None:
    same_signature(*both(path, name))


METHODS = [name for name, value in vars(standin.ndarray).items() if inspect.isfunction(value) and not name.startswith("_")]


@pytest.mark.parametrize("name", METHODS)
def test_methods_take_the_same_arguments(name: str) -> None:
    same_signature(getattr(standin.ndarray, name), getattr(cupy.ndarray, name))


@pytest.mark.parametrize(
    "class_", ["RawKernel", "RawModule", "ElementwiseKernel", "ReductionKernel", "cuda.Event", "cuda.Stream", "cuda.Device", "random.RandomState"]
)
def test_classes_take_the_same_arguments(class_: str) -> None:
    ours, theirs = (_attribute(package, class_) for package in (standin, cupy))
    same_signature(ours, theirs)


# ---- types of results --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in standin.UFUNCS if hasattr(getattr(cupy, name), "types")])
def test_results_have_the_types_of_cupys_loops(name: str) -> None:
    function = getattr(standin, name)
    for loop in getattr(cupy, name).types:
        inputs, results = loop.split("->")
        # Complex numbers, structs, and signs of truth values, which CuPy has a loop for only to refuse them.
        if set(loop) & set("FDV") or (name in ("subtract", "negative", "positive") and "?" in inputs):
            continue
        got = function(*(standin.ones(2, t) for t in inputs))
        got = got if isinstance(got, tuple) else (got,)
        assert "".join(r.dtype.char for r in got).replace("q", "l").replace("Q", "L") == results.replace("q", "l").replace("Q", "L"), loop


# ---- elementwise and reduction kernels ---------------------------------------------------------------------------------

DECLARATIONS = [
    "", "T x", " T  x , raw S y", "float32 x, int8 y", "int x, float y, double z, bool b, long l", "raw uint64 x",
    "x", "T x,", "const T x", "raw raw T x", "flaot x", "TT x", "float32 x y", "T i",
]  # fmt: skip


def outcome(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except Exception as error:
        return error


@pytest.mark.parametrize("declared", DECLARATIONS)
@pytest.mark.parametrize("class_", ["ElementwiseKernel", "ReductionKernel"])
def test_declarations_are_read_in_the_same_way(class_: str, declared: str) -> None:
    rest = ("y = x", "k") if class_ == "ElementwiseKernel" else ("x", "a + b", "y = a", "0", "k")
    ours, theirs = (outcome(lambda package=package: getattr(package, class_)(declared, "T out", *rest)) for package in (standin, cupy))
    if isinstance(theirs, Exception):
        # A handler of CuPy's error gets ours as well.
        assert isinstance(ours, type(theirs))
        assert str(theirs) in str(ours)
    elif declared == "T i":
        assert isinstance(ours, ValueError), "a loop's own name, which CuPy refuses in elementwise kernels only"
    else:
        for ours_, theirs_ in ((ours.in_params, theirs.in_params), (ours.out_params, theirs.out_params)):
            assert [_told(p) for p in ours_] == [_told(p) for p in theirs_]
        assert (ours.nin, ours.nout, ours.nargs, ours.name, ours.__name__) == (theirs.nin, theirs.nout, theirs.nargs, theirs.name, theirs.__name__)


def _told(parameter: Any) -> tuple[Any, ...]:
    return parameter.name, parameter.dtype, parameter.ctype, parameter.raw, parameter.is_const


WRONG_CALLS_OF_KERNELS: list[Callable[[Any], Any]] = [
    lambda cp: cp.ElementwiseKernel("T x", "T y", "y = x", "k!"),
    lambda cp: cp.ElementwiseKernel("T x", "T y", "y = x", ""),
    lambda cp: cp.ElementwiseKernel(1, "T y", "y = x"),
    lambda cp: cp.ElementwiseKernel("T x", "T y", "y = x", "k")(),
    lambda cp: cp.ElementwiseKernel("T x", "T y", "y = x", "k")(1, 2, 3),
    lambda cp: cp.ElementwiseKernel("T x", "T y", "y = x", "k")(1, foo=2),
    lambda cp: cp.ElementwiseKernel("T x", "T y", "y = x", "k")(1, block_size=0),
    lambda cp: cp.ReductionKernel("T x", "T y", "x", "a + b", "y = a", "0", "k!"),
    lambda cp: cp.ReductionKernel("T x", "T y", "x", "a + b", "y = a", "0", "k")(),
    lambda cp: cp.ReductionKernel("T x", "T y", "x", "a + b", "y = a", "0", "k")(1, foo=2),
    lambda cp: cp.ReductionKernel("T x", "T y", "x", "a + b", "y = a", "0", "k")(1, 2, out=3),
    lambda cp: cp.ReductionKernel("T x", "T y, T z", "x", "a + b", "y = a", "0", "k")(1, out=3),
]
WRONG_CALLS: list[Callable[[Any], Any]] = [
    *WRONG_CALLS_OF_KERNELS,
    lambda cp: cp.ReductionKernel("T x", "", "x", "a + b", "y = a", "0", "k"),
    lambda cp: cp.exp(),
    lambda cp: cp.exp(1, 2, 3),
    lambda cp: cp.exp(1, foo=2),
    lambda cp: cp.add(1, 2, 3, out=4),
    lambda cp: cp.where(1),
    lambda cp: cp.where(1, 2),
    lambda cp: cp.stack([np.ones(3)]),
    lambda cp: cp.any(np.ones(3)),
    lambda cp: cp.expand_dims(np.ones(3), 0),
    lambda cp: cp.matmul(np.ones(3), np.ones(3)),
    lambda cp: cp.cumsum(np.ones(3)),
    lambda cp: cp.nothing_of_that_name,
    lambda cp: cp.cuda.nothing_of_that_name,
    lambda cp: cp.RawKernel(1, "name"),
]


@pytest.mark.parametrize("call", WRONG_CALLS)
def test_errors_are_cupys(call: Callable[[Any], Any]) -> None:
    ours, theirs = outcome(lambda: call(standin)), outcome(lambda: call(cupy))
    assert isinstance(theirs, Exception), "CuPy without a GPU answers this"
    assert isinstance(ours, type(theirs))


@pytest.mark.parametrize("call", WRONG_CALLS_OF_KERNELS)
def test_refusals_of_kernels_say_what_cupy_says(call: Callable[[Any], Any]) -> None:
    ours, theirs = outcome(lambda: call(standin)), outcome(lambda: call(cupy))
    assert str(theirs).split("(")[0] in str(ours)


@pytest.mark.parametrize("path", ["cuda.compiler.CompileException", "cuda.driver.CUDADriverError", "cuda.runtime.CUDARuntimeError"])
def test_errors_have_cupys_names(path: str) -> None:
    assert issubclass(_attribute(standin, path), Exception)
    assert issubclass(_attribute(cupy, path), Exception)


def test_without_a_gpu_the_course_gets_the_stand_in() -> None:
    from autograder.cuda import cupy as chosen

    assert chosen is (cupy if cupy.cuda.is_available() else standin)
