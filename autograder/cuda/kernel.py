"""`RawKernel` and `RawModule`: CUDA C source whose kernels are called like functions, with a grid, a block and arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograder.cuda import arguments, memory
from autograder.cuda.faults import KernelFault, NotSupported
from autograder.cuda.launch import Extent, Setting, launch, mode_of_launches
from autograder.cuda.lowering import Mode
from autograder.cuda.program import Program, load
from autograder.cuda.ptx.model import Function

MAX_THREADS = 1024
MAX_BLOCK = (1024, 1024, 64)
MAX_GRID = (2**31 - 1, 65535, 65535)
MAX_SHARED = 48 * 1024
MAX_SHARED_ON_REQUEST = 64 * 1024


class RawModule:
    """CUDA C source with several kernels, compiled when the first one is asked for."""

    def __init__(
        self,
        code: str | None = None,
        *,
        path: str | None = None,
        options: Sequence[str] = (),
        backend: str = "nvrtc",
        translate_cucomplex: bool = False,
        enable_cooperative_groups: bool = False,
        name_expressions: Sequence[str] | None = None,
        jitify: bool | None = None,
    ) -> None:
        if not isinstance(code, str):
            raise TypeError("RawModule takes CUDA C source as a string: `code=`; without a GPU it reads no compiled files (`path=`)")
        if backend != "nvrtc" or translate_cucomplex or jitify:
            raise NotSupported("Without a GPU kernels are compiled by NVRTC, without `translate_cucomplex` and `jitify`")
        self.code = code
        self.options = tuple(options)
        self.backend = backend
        self.enable_cooperative_groups = enable_cooperative_groups
        self.name_expressions = tuple(name_expressions or ())

    def compile(self, log_stream: Any = None) -> None:
        """Compile now.

        Raises:
            CompileError: the source is not valid.
            NotSupported: it holds what this machine does not know.
        """
        self._program()

    def _program(self) -> Program:
        return load(self.code, self.options, self.name_expressions)

    def get_function(self, name: str) -> RawKernel:
        """The kernel of that name; of a template, the name expression that was given."""
        return RawKernel._of(self, name)

    def get_global(self, name: str) -> memory.MemoryPointer:
        """Where a variable of the module lies: `__device__ float x;`.

        Raises:
            KernelFault: the source holds no such variable.
        """
        program = self._program()
        allocation = program.globals.get(program.names.get(name, name))
        if allocation is None:
            known = ", ".join(f"`{known}`" for known in program.globals) or "none"
            raise KernelFault(f"the source holds no variable `{name}` outside its functions; it holds {known}")
        return memory.MemoryPointer(allocation)


class RawKernel:
    """A kernel from CUDA C, compiled when it is first called."""

    def __init__(
        self,
        code: str,
        name: str,
        options: Sequence[str] = (),
        backend: str = "nvrtc",
        *,
        translate_cucomplex: bool = False,
        enable_cooperative_groups: bool = False,
        jitify: bool | None = None,
    ) -> None:
        if not isinstance(code, str) or not isinstance(name, str):
            raise TypeError("RawKernel takes the kernel's CUDA C source and its name, two strings")
        self._module = RawModule(
            code,
            options=options,
            backend=backend,
            translate_cucomplex=translate_cucomplex,
            enable_cooperative_groups=enable_cooperative_groups,
            name_expressions=[name] if "<" in name else None,
            jitify=jitify,
        )
        self._name = name
        # What messages quote, by line: generated kernels number the parts that a person wrote with `#line`.
        self.quoted = code
        self.max_dynamic_shared_size_bytes = MAX_SHARED

    @classmethod
    def _of(cls, module: RawModule, name: str) -> RawKernel:
        kernel = cls(module.code, name, module.options)
        kernel._module = module
        kernel.compile()
        return kernel

    @property
    def name(self) -> str:
        return self._name

    @property
    def code(self) -> str:
        return self._module.code

    @property
    def options(self) -> tuple[str, ...]:
        return self._module.options

    @property
    def backend(self) -> str:
        return self._module.backend

    @property
    def enable_cooperative_groups(self) -> bool:
        return self._module.enable_cooperative_groups

    @property
    def max_threads_per_block(self) -> int:
        most = self._kernel().max_threads
        return int(np.prod(most)) if most else MAX_THREADS

    @property
    def shared_size_bytes(self) -> int:
        """Shared memory that the kernel itself declares."""
        return self._program().launchable(self._kernel().name, Mode.CHECKED).lowered.static_shared_bytes

    def compile(self, log_stream: Any = None) -> None:
        """Compile now.

        Raises:
            CompileError: the source is not valid.
            KernelFault: it has no kernel of that name.
            NotSupported: it holds what this machine does not know.
        """
        self._program().launchable(self._kernel().name, Mode.CHECKED)

    def _program(self) -> Program:
        return self._module._program()

    def _kernel(self) -> Function:
        program = self._program()
        name = program.names.get(self._name, self._name)
        if name not in program.kernels:
            raise KernelFault(_not_found(self._name, list(program.kernels)))
        return program.kernels[name]

    def __call__(self, grid: tuple[int, ...], block: tuple[int, ...], args: Sequence[Any], *, shared_mem: int = 0) -> None:
        """Run it on `grid` blocks of `block` threads, with `shared_mem` bytes of shared memory beyond what it declares.

        Raises:
            CompileError: the source is not valid.
            KernelFault: the launch is not valid, or a thread does what it may not.
            NotSupported: this machine does not know an instruction.
        """
        kernel = self._kernel()
        grid, block = _extent(grid, "grid", MAX_GRID), _extent(block, "block", MAX_BLOCK)
        launchable = self._program().launchable(kernel.name, mode_of_launches())
        self._check_size(kernel, block, launchable.lowered.static_shared_bytes, shared_mem)
        declared = arguments.declared(self.code, self._name, len(kernel.parameters))
        if len(args) != len(declared):
            names = ", ".join(d.name for d in declared)
            raise KernelFault(f"the kernel `{self._name}` takes {len(declared)} arguments ({names}); {len(args)} are given")
        arrays: dict[int, list[str]] = {}
        for d, arg in zip(declared, args, strict=True):
            if memory.is_on_device(arg):
                arrays.setdefault(memory.split(arg.data.ptr)[0], []).append(d.name)
        packed = arguments.pack(kernel.parameters, declared, args)
        launch(launchable, Setting(grid, block, packed, shared_mem, self.quoted.splitlines(), arrays))

    def _check_size(self, kernel: Function, block: Extent, static: int, shared_mem: int) -> None:
        threads = int(np.prod(block))
        if threads > MAX_THREADS:
            raise KernelFault(f"a block of {' × '.join(map(str, block))} has {threads} threads; a GPU allows {MAX_THREADS}")
        bounds = kernel.max_threads
        if bounds and threads > np.prod(bounds):
            raise KernelFault(f"a block has {threads} threads, but the kernel's __launch_bounds__ promise at most {np.prod(bounds)}")
        most = max(MAX_SHARED, min(self.max_dynamic_shared_size_bytes, MAX_SHARED_ON_REQUEST))
        if static + shared_mem > most:
            raise KernelFault(
                f"the kernel asks for {static + shared_mem} bytes of shared memory ({static} that it declares, {shared_mem} that the launch adds); "
                f"a block has {most}"
            )


def _not_found(name: str, kernels: Sequence[str]) -> str:
    if any(kernel.startswith(f"_Z{len(name)}{name}") for kernel in kernels):
        return f'the kernel `{name}` is compiled under a C++ name: write extern "C" before __global__'
    if not kernels:
        return f"the source holds no kernel: `{name}` needs __global__ before its type"
    return f"the source holds no kernel `{name}`, only {', '.join(f'`{kernel}`' for kernel in kernels)}"


def _extent(given: tuple[int, ...], what: str, most: Extent) -> Extent:
    if not isinstance(given, tuple) or not 1 <= len(given) <= 3:
        raise TypeError(f"The {what} is a tuple of one to three integers")
    x, y, z = (*(int(v) for v in given), 1, 1)[:3]
    if min(x, y, z) < 1 or x > most[0] or y > most[1] or z > most[2]:
        raise KernelFault(f"a {what} of {' × '.join(map(str, given))} is not possible: every number is at least 1 and at most {most}")
    return x, y, z
