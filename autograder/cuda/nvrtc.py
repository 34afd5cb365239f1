"""NVRTC, NVIDIA's compiler front end: CUDA C in, PTX out. It needs no GPU and no driver."""

from __future__ import annotations

import ctypes
import functools
import importlib.util
from pathlib import Path

from autograder.cuda.faults import CompileError, NotSupported

OPTIONS = ("--gpu-architecture=compute_75", "-lineinfo", "--std=c++17", "--disable-warnings")
FILE_NAME = "kernel.cu"
LIBRARIES = ("*/lib/libnvrtc.so.*", "*/bin/nvrtc64_*.dll", "*/bin/*/nvrtc64_*.dll")


class Missing(NotSupported):
    """NVRTC is not installed."""

    def __init__(self) -> None:
        super().__init__('Kernels without a GPU need NVIDIA\'s compiler: pip install "scratchgrad[cuda-cpu]"')


@functools.cache
def compile_to_ptx(code: str, options: tuple[str, ...] = ()) -> str:
    """Compile CUDA C for a machine from 2018 or later, with line numbers.

    Raises:
        CompileError: with the compiler's log, whose line numbers are those of `code`.
        Missing: there is no compiler.
    """
    library = _library()
    program = ctypes.c_void_p()
    _check(library, library.nvrtcCreateProgram(ctypes.byref(program), code.encode(), FILE_NAME.encode(), 0, None, None))
    try:
        flags = [option.encode() for option in (*OPTIONS, *options)]
        failed = library.nvrtcCompileProgram(program, len(flags), (ctypes.c_char_p * len(flags))(*flags))
        if failed:
            raise CompileError(_text(library, "ProgramLog", program).strip())
        return _text(library, "PTX", program)
    finally:
        library.nvrtcDestroyProgram(ctypes.byref(program))


def _text(library: ctypes.CDLL, what: str, program: ctypes.c_void_p) -> str:
    size = ctypes.c_size_t()
    _check(library, getattr(library, f"nvrtcGet{what}Size")(program, ctypes.byref(size)))
    buffer = ctypes.create_string_buffer(size.value)
    _check(library, getattr(library, f"nvrtcGet{what}")(program, buffer))
    return buffer.value.decode()


def _check(library: ctypes.CDLL, status: int) -> None:
    if status:
        library.nvrtcGetErrorString.restype = ctypes.c_char_p
        raise CompileError(library.nvrtcGetErrorString(status).decode())


@functools.cache
def _library() -> ctypes.CDLL:
    spec = importlib.util.find_spec("nvidia")
    folders = [Path(p) for p in (spec.submodule_search_locations or [])] if spec else []
    found = sorted(path for folder in folders for pattern in LIBRARIES for path in folder.glob(pattern) if ".alt." not in path.name)
    if not found:
        raise Missing
    return ctypes.CDLL(str(found[-1]))
