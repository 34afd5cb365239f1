"""A compiled source: its kernels, ready to be launched, and its variables, which live as long as it does."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from autograder.cuda import jit, runtime
from autograder.cuda.faults import NotSupported
from autograder.cuda.lowering import LoweredKernel, Mode, lower_kernel
from autograder.cuda.memory import Allocation
from autograder.cuda.nvrtc import compile_source, includes_own_headers
from autograder.cuda.ptx import parse
from autograder.cuda.ptx.model import Function, Variable

LARGEST_VARIABLE = 1 << 30  # bytes


@dataclass(frozen=True)
class Outline:
    """What is remembered of a source on disk: PTX, the names that were asked for, kernels without bodies, and variables."""

    ptx: str
    names: dict[str, str]
    kernels: dict[str, Function]
    variables: dict[str, Variable]


@dataclass(frozen=True)
class Launchable:
    """A kernel in memory: its machine code, and the addresses of variables that it wants below its parameters."""

    lowered: LoweredKernel
    code: jit.Code
    globals: tuple[int, ...]

    @property
    def address(self) -> int:
        return self.code.address(self.lowered.symbol)


class Program:
    """A source's kernels and variables."""

    def __init__(self, code: str, options: tuple[str, ...], name_expressions: tuple[str, ...]) -> None:
        outline = _remembered_outline(code, options, name_expressions)
        self._ptx, self.names, self.kernels = outline.ptx, outline.names, outline.kernels
        self._launchables: dict[tuple[str, Mode], Launchable] = {}
        self._variables = {name: v for name, v in outline.variables.items() if v.space in ("global", "const")}
        self.globals = {name: _allocate(v) for name, v in self._variables.items()}

    def launchable(self, name: str, mode: Mode) -> Launchable:
        """The kernel of that (lowered) name, compiled in a mode."""
        if (name, mode) not in self._launchables:
            object_, lowered = jit.cached(("kernel", self._ptx, name, mode), lambda: self._compile(name, mode))
            if not self._launchables:
                self._fill_pointers(lowered)
            words = tuple(self.globals[symbol].address for symbol in lowered.globals)
            self._launchables[name, mode] = Launchable(lowered, jit.load(object_, runtime.load().symbols), words)
        return self._launchables[name, mode]

    def _compile(self, name: str, mode: Mode) -> tuple[bytes, LoweredKernel]:
        lowered = lower_kernel(parse(self._ptx), name, mode)
        return jit.compile_ir(lowered.ir, (lowered.symbol,)), replace(lowered, ir="")

    def _fill_pointers(self, lowered: LoweredKernel) -> None:
        """Let variables that are initialised with addresses hold them."""
        for name, variable in self._variables.items():
            target = self.globals[name].bytes
            for at, symbol, _ in variable.pointers:
                known = self.globals.get(symbol.name)
                address = lowered.functions.get(symbol.name) if known is None else known.address + symbol.offset
                if address is None or at + 8 > target.size:
                    raise NotSupported(f"the variable `{name}` begins as the address of `{symbol.name}`, which cannot be had without a GPU")
                target[at : at + 8] = np.frombuffer(np.uint64(address).tobytes(), np.uint8)


@functools.lru_cache(maxsize=256)
def load(code: str, options: tuple[str, ...], name_expressions: tuple[str, ...]) -> Program:
    """The program of a source. The same source is the same program, as in CuPy: its variables keep their values.

    Raises:
        CompileError: the source is not valid.
        NotSupported: it holds what this machine does not know.
    """
    return Program(code, options, name_expressions)


def _remembered_outline(code: str, options: tuple[str, ...], name_expressions: tuple[str, ...]) -> Outline:
    if includes_own_headers(code):  # they may have changed since
        return _outline(code, options, name_expressions)
    return jit.cached(("source", code, *options, "names", *name_expressions), lambda: (b"", _outline(code, options, name_expressions)))[1]


def _outline(code: str, options: Sequence[str], name_expressions: Sequence[str]) -> Outline:
    compiled = compile_source(code, tuple(options), tuple(name_expressions))
    module = parse(compiled.ptx)
    kernels = {name: replace(function, body=[], registers={}, variables={}) for name, function in module.kernels.items()}
    return Outline(compiled.ptx, compiled.names, kernels, module.variables)


def _allocate(variable: Variable) -> Allocation:
    if variable.size > LARGEST_VARIABLE:
        raise NotSupported(f"the variable `{variable.name}` has {variable.size} bytes; without a GPU it may have {LARGEST_VARIABLE}")
    data = (variable.data or b"").ljust(variable.size, b"\0")
    return Allocation(np.frombuffer(data, np.uint8), read_only=variable.space == "const")
