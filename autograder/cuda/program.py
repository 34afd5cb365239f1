"""A compiled source: its kernels, ready to be launched, and its variables, which live as long as it does."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from autograder.cuda import jit
from autograder.cuda.lowering import LoweredKernel, lower_kernel
from autograder.cuda.memory import Allocation
from autograder.cuda.nvrtc import compile_source
from autograder.cuda.ptx import parse
from autograder.cuda.ptx.model import Function, Variable

# How a kernel is compiled: with all checks; stopping at each access too, so that costs can be counted; without checks.
CHECKED, TRACED, UNCHECKED = "checked", "traced", "unchecked"


@dataclass(frozen=True)
class Outline:
    """What is remembered of a source on disk: PTX, the names that were asked for, kernels without bodies, and variables."""

    ptx: str
    names: dict[str, str]
    kernels: dict[str, Function]
    variables: dict[str, Variable]


@dataclass(frozen=True)
class Launchable:
    """A kernel in memory: where its machine code begins, and the addresses of variables that it wants below its parameters."""

    kernel: Function
    lowered: LoweredKernel
    address: int
    globals: tuple[int, ...]


class Program:
    """A source's kernels and variables.

    Raises:
        CompileError: the source is not valid.
        NotSupported: it holds what this machine does not know.
    """

    def __init__(self, code: str, options: tuple[str, ...], name_expressions: tuple[str, ...]) -> None:
        self._key = jit.key("source", code, options, name_expressions)
        outline = jit.remembered(self._key, lambda: _outline(code, options, name_expressions))
        self._ptx, self.names, self.kernels = outline.ptx, outline.names, outline.kernels
        self._launchables: dict[tuple[str, str], Launchable] = {}
        variables = [v for v in outline.variables.values() if v.space in ("global", "const")]
        self.globals = {v.name: _allocate(v) for v in variables}
        for variable in variables:
            self._fill_pointers(variable)

    def _fill_pointers(self, variable: Variable) -> None:
        """Let a variable that is initialised with the addresses of others hold them."""
        target = self.globals[variable.name].bytes
        for at, symbol, _ in variable.pointers:
            address = self.globals[symbol.name].address + symbol.offset
            target[at : at + 8] = np.frombuffer(np.uint64(address).tobytes(), np.uint8)

    def launchable(self, name: str, mode: str) -> Launchable:
        """The kernel of that (lowered) name, compiled in a mode."""
        if (name, mode) not in self._launchables:
            lowered, code = jit.remembered(jit.key("kernel", self._key, name, mode), lambda: self._compile(name, mode))
            address = jit.load(code)[lowered.symbol]
            words = tuple(self.globals[symbol].address for symbol in lowered.globals)
            self._launchables[name, mode] = Launchable(self.kernels[name], lowered, address, words)
        return self._launchables[name, mode]

    def _compile(self, name: str, mode: str) -> tuple[LoweredKernel, bytes]:
        lowered = lower_kernel(parse(self._ptx), name, mode)
        code = jit.compile_ir(lowered.ir)
        return replace(lowered, ir=""), code


@functools.lru_cache(maxsize=256)
def load(code: str, options: tuple[str, ...] = (), name_expressions: tuple[str, ...] = ()) -> Program:
    """The program of a source. The same source is the same program, as in CuPy: its variables keep their values."""
    return Program(code, options, name_expressions)


def _outline(code: str, options: Sequence[str], name_expressions: Sequence[str]) -> Outline:
    compiled = compile_module(code, tuple(options), tuple(name_expressions))
    module = parse(compiled.ptx)
    kernels = {name: replace(function, body=[], registers={}, variables={}) for name, function in module.kernels.items()}
    return Outline(compiled.ptx, compiled.names, kernels, module.variables)


def _allocate(variable: Variable) -> Allocation:
    data = (variable.data or b"").ljust(variable.size, b"\0")
    return Allocation(np.frombuffer(data, np.uint8), read_only=variable.space == "const")
