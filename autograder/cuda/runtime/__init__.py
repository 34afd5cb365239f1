"""What runs beside compiled kernels: the checker of every access, the scheduler of threads, and the trace.

It is CUDA C, as the kernels are, and goes through the same compiler. runtime.cuh says what it shares with kernels, and
`layout` says it to Python.
"""

from __future__ import annotations

import ctypes
import functools
import re
from pathlib import Path

from autograder.cuda import jit, nvrtc, ptx
from autograder.cuda.lowering import lower_native
from autograder.cuda.runtime import layout

__all__ = ["Runtime", "fast_paths", "layout", "load", "load_native"]

FOLDER = Path(__file__).parent
PARTS = ("checker.cu", "printing.cu", "warp.cu", "trace.cu", "scheduler.cu")
CALLED_BY_KERNELS = ("check_shared", "check_global", "check_local", "check_generic", "runtime_fault", "runtime_fence", "runtime_printf")
ENTRY = "run_blocks"


class Runtime:
    """The runtime in this process."""

    def __init__(self, code: jit.Code) -> None:
        self._code = code
        self.symbols = {name: code.address(name) for name in CALLED_BY_KERNELS}
        """Addresses of what compiled kernels call, for `jit.load`."""
        self._run_blocks = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p, ctypes.c_uint64)(code.address(ENTRY))

    def run(self, launch: layout.Launch, kernel: int) -> layout.Status:
        """Run the launch's blocks [`first_block`, `last_block`): FINISHED, or FAULTED and `launch.fault` says why.

        `kernel` is the address of a compiled kernel.
        """
        return layout.Status(self._run_blocks(ctypes.addressof(launch), kernel))


@functools.cache
def load() -> Runtime:
    """The runtime: compiled at its first use on this machine, later read from the cache."""

    def compile_() -> tuple[bytes, None]:
        source = "".join(f'#include "{part}"\n' for part in PARTS)
        return jit.compile_ir(_native_ir(source), exports=(*CALLED_BY_KERNELS, ENTRY)), None

    return Runtime(jit.load(jit.cached(("runtime",), compile_)[0]))


@functools.cache
def fast_paths() -> bytes:
    """Bitcode of the accesses' fast paths, `check_<space>_<access>_<bytes>`, to be linked into kernels.

    They call `Runtime.symbols` for whatever is not a common case.
    """
    return jit.cached(("fast paths",), lambda: (jit.bitcode(_rarely_calling(_native_ir('#include "fast.cu"\n'))), None))[0]


def _rarely_calling(ir: str) -> str:
    """Tell LLVM that the functions outside are seldom called."""
    return re.sub(r'^declare i64 @"check_.*\)$', r"\g<0> cold", ir, flags=re.MULTILINE)


def load_native(source: str) -> jit.Code:
    """Functions in CUDA C that use the checks and the runtime as compiled kernels do: for tests and measurements."""

    def compile_() -> tuple[bytes, None]:
        return jit.compile_ir(_native_ir('#include "runtime.cuh"\n' + CHECKS + source), link=fast_paths()), None

    return jit.load(jit.cached(("native", source), compile_)[0], load().symbols)


CHECKS = "".join(
    f'extern "C" __device__ u8 *check_{space}_{access}_{bytes_}(Thread *, Launch *, u64 address, u32 site);\n'
    for space in ("global", "shared", "local", "generic")
    for access in ("load", "store", "atomic")
    for bytes_ in (1, 2, 4, 8, 16)
)


def _native_ir(source: str) -> str:
    compiled = nvrtc.compile_source(source, (f"--include-path={FOLDER}",), relocatable=True)
    return lower_native(ptx.parse(compiled.ptx))
