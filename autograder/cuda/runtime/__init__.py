"""What runs beside compiled kernels: the checker of every access, the scheduler of threads, and the trace.

It is CUDA C, as the kernels are, and goes through the same compiler. runtime.cuh says what it shares with kernels, and
`autograder.cuda.layout` says it to Python.
"""

from __future__ import annotations

import ctypes
import functools
from pathlib import Path

from autograder.cuda import jit, layout, nvrtc, ptx
from autograder.cuda.lowering import lower_native

__all__ = ["Runtime", "load", "load_native"]

FOLDER = Path(__file__).parent
PARTS = ("checker.cu", "printing.cu", "warp.cu", "trace.cu", "scheduler.cu")
SPACES = ("global", "shared", "local", "generic")
WHOLE_CHECKS = tuple(f"check_{space}" for space in SPACES)  # of checker.cu, for fast.cu
CHECKS = tuple(f"check_{space}_{access}_{bytes_}" for space in SPACES for access in ("load", "store", "atomic") for bytes_ in (1, 2, 4, 8, 16))
SERVICES = ("runtime_fault", "runtime_spent", "runtime_fence", "runtime_printf")
ENTRY = "run_blocks"


class Runtime:
    """The runtime in this process."""

    def __init__(self, code: jit.Code, checks: jit.Code) -> None:
        self._code = code, checks
        self.symbols = {name: checks.address(name) for name in CHECKS} | {name: code.address(name) for name in SERVICES}
        """Addresses of what compiled kernels call, for `jit.load`."""
        # Python's lock is kept: so no other thread frees an array meanwhile, and the runtime may ask for signals.
        self._run_blocks = ctypes.PYFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p, ctypes.c_uint64)(code.address(ENTRY))

    def run(self, launch: layout.Launch, kernel: int) -> layout.Status:
        """Run the launch's blocks [`first_block`, `last_block`): FINISHED, or FAULTED and `launch.fault` says why.

        `kernel` is the address of a compiled kernel. What a signal's handler raises meanwhile ends the launch.
        """
        launch.interrupted = ctypes.cast(ctypes.pythonapi.PyErr_CheckSignals, ctypes.c_void_p).value
        return layout.Status(self._run_blocks(ctypes.addressof(launch), kernel))


@functools.cache
def load() -> Runtime:
    """The runtime: compiled at its first use on this machine, later read from the cache."""

    code = jit.load(_compiled("runtime", PARTS, (*WHOLE_CHECKS, *SERVICES, ENTRY)))
    # Kernels call the checks. To inline them makes kernels faster by a third, and takes five times as long to compile.
    checks = jit.load(_compiled("checks", ("fast.cu",), CHECKS), {name: code.address(name) for name in WHOLE_CHECKS})
    return Runtime(code, checks)


def _compiled(name: str, parts: tuple[str, ...], exports: tuple[str, ...]) -> bytes:
    def compile_() -> tuple[bytes, None]:
        source = "".join(f'#include "{part}"\n' for part in parts)
        return jit.compile_ir(_native_ir(source), exports=exports), None

    return jit.cached((name,), compile_)[0]


def load_native(source: str) -> jit.Code:
    """Functions in CUDA C that use the checks and the runtime as compiled kernels do: for tests and measurements."""
    declarations = "".join(f'extern "C" __device__ u8 *{name}(Thread *, Launch *, u64 address, u32 site);\n' for name in CHECKS)

    def compile_() -> tuple[bytes, None]:
        return jit.compile_ir(_native_ir('#include "runtime.cuh"\n' + declarations + source)), None

    return jit.load(jit.cached(("native", source), compile_)[0], load().symbols)


def _native_ir(source: str) -> str:
    compiled = nvrtc.compile_source(source, (f"--include-path={FOLDER}",), relocatable=True)
    return lower_native(ptx.parse(compiled.ptx))
