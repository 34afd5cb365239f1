"""NVRTC, NVIDIA's compiler front end: CUDA C in, PTX out. It needs no GPU and no driver."""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path

from autograder.cuda.faults import CompileError, NotSupported

OPTIONS = ("--gpu-architecture=compute_75", "-lineinfo", "--std=c++17", "--disable-warnings")
FILE_NAME = "kernel.cu"
LIBRARIES = ("*/lib/libnvrtc.so.*", "*/bin/nvrtc64_*.dll", "*/bin/*/nvrtc64_*.dll")
HEADERS = ("*/include", "*/include/cccl")

# Which package brings a header, and what lies in its folder if the package is installed.
PACKAGES = (
    ("nvidia-cuda-cccl", re.compile(r"(cub|thrust|cuda|nv)/"), "cub/version.cuh"),
    ("nvidia-cuda-crt", re.compile(r"crt/"), "crt/host_defines.h"),
    ("nvidia-cuda-runtime", re.compile(r"(cuda|cooperative_groups|mma\.h|vector_|math_|device_|builtin_types|driver_types)"), "cuda_runtime.h"),
)
C_HEADERS = re.compile(r"(c?assert|c?float|c?limits|c?math|c?std\w+|c?time|complex|iostream|type_traits|vector)(\.h)?$")
WITHOUT_C_HEADERS = (
    "Kernels are compiled without C's and C++'s own headers. `printf`, `assert`, `clock` and mathematical functions need none;\n"
    "for `uint32_t`, `numeric_limits` and the like, <cuda/std/cstdint>, <cuda/std/limits> and others hold them in `cuda::std`."
)
_NOT_FOUND = re.compile(r'(?:cannot|could not) open source file "(?P<header>[^"]+)"')
_OWN_HEADER = re.compile(r'^\s*#\s*include\s*"', re.MULTILINE)
_SOURCE_PATH = re.compile(rf'(\.file\s+\d+\s+")[^"]*[/\\](?={re.escape(FILE_NAME)}")')
_NAME_EXPRESSION = re.compile(r"__nv_name_map\(\d+\)")


@dataclass(frozen=True)
class Compiled:
    """PTX, and the names that the compiler gave to what was asked for: `{"scale<float>": "_Z5scaleIfEvPT_"}`."""

    ptx: str
    names: dict[str, str]


class Missing(NotSupported):
    """NVRTC is not installed."""

    def __init__(self) -> None:
        super().__init__('Kernels without a GPU need NVIDIA\'s compiler: pip install "scratchgrad[cuda-cpu]"')


def compile_to_ptx(code: str, options: tuple[str, ...] = ()) -> str:
    """The PTX of `compile_source`."""
    return compile_source(code, options).ptx


def compile_source(code: str, options: tuple[str, ...] = (), names: tuple[str, ...] = (), *, relocatable: bool = False) -> Compiled:
    """Compile CUDA C for a machine from 2018 or later, with line numbers.

    Args:
        options: NVRTC's, as for CuPy's `RawKernel`. They come last, so they prevail over our own.
        names: C++ names of kernels and variables, such as `scale<float>`. A template exists only if it is named.
        relocatable: device functions keep their names and may be declared without a body, as for a linker.

    Raises:
        CompileError: with the compiler's log, whose line numbers are those of `code`.
        NotSupported: a header of CUDA is not installed; the message names the package that brings it.
        Missing: there is no compiler.
    """
    flags = (*OPTIONS, *(f"--include-path={folder}" for folder in include_folders()), *options)
    flags += ("--relocatable-device-code=true",) if relocatable else ()
    compile_ = _compile.__wrapped__ if includes_own_headers(code) else _compile
    return compile_(code, flags, names)


@functools.lru_cache(maxsize=256)
def _compile(code: str, flags: tuple[str, ...], names: tuple[str, ...]) -> Compiled:
    library = _library()
    program = ctypes.c_void_p()
    _check(library.nvrtcCreateProgram(ctypes.byref(program), code.encode(errors="replace"), FILE_NAME.encode(), 0, None, None))
    try:
        for name in names:
            _check(library.nvrtcAddNameExpression(program, name.encode()))
        if library.nvrtcCompileProgram(program, len(flags), (ctypes.c_char_p * len(flags))(*(flag.encode() for flag in flags))):
            raise _refusal(_text("ProgramLog", program).strip())
        # The folder that this process happens to work in is none of PTX's business.
        return Compiled(_SOURCE_PATH.sub(r"\1", _text("PTX", program)), {name: _lowered(program, name) for name in names})
    finally:
        library.nvrtcDestroyProgram(ctypes.byref(program))


def includes_own_headers(code: str) -> bool:
    """Whether source includes files by quoted names. They may change, so what was compiled is not to be kept."""
    return _OWN_HEADER.search(code) is not None


def include_folders() -> tuple[Path, ...]:
    """Where installed packages of NVIDIA's keep CUDA's headers."""
    return tuple(path for folder in _folders() for pattern in HEADERS for path in sorted(folder.glob(pattern)))


def _refusal(log: str) -> CompileError | NotSupported:
    """What to tell about source that the compiler refuses."""
    log = _readable(log)
    missing = _NOT_FOUND.search(log)
    if missing is None:
        return CompileError(log)
    header = missing["header"]
    if package := _package(header):
        return NotSupported(f"CUDA's header `{header}` is not installed: pip install {package}")
    return CompileError(f"{log}\n{WITHOUT_C_HEADERS}" if C_HEADERS.match(header) else log)


def _readable(log: str) -> str:
    """The compiler's log, with headers called as a kernel includes them."""
    for folder in reversed(include_folders()):
        log = log.replace(f"{folder}/", "").replace(f"{folder}\\", "")
    return _NAME_EXPRESSION.sub("name expression", log)


def _package(header: str) -> str | None:
    """The package that would bring a header, if it is not installed."""
    for package, headers, landmark in PACKAGES:
        if headers.match(header):
            return None if any((folder / landmark).exists() for folder in include_folders()) else package
    return None


def _lowered(program: ctypes.c_void_p, name: str) -> str:
    lowered = ctypes.c_char_p()
    _check(_library().nvrtcGetLoweredName(program, name.encode(), ctypes.byref(lowered)))
    return (lowered.value or b"").decode()


def _text(what: str, program: ctypes.c_void_p) -> str:
    library = _library()
    size = ctypes.c_size_t()
    _check(getattr(library, f"nvrtcGet{what}Size")(program, ctypes.byref(size)))
    buffer = ctypes.create_string_buffer(size.value)
    _check(getattr(library, f"nvrtcGet{what}")(program, buffer))
    return buffer.value.decode(errors="replace")


def _check(status: int) -> None:
    if status:
        raise CompileError(_library().nvrtcGetErrorString(status).decode())


def _folders() -> list[Path]:
    spec = importlib.util.find_spec("nvidia")
    return [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []


@functools.cache
def _library() -> ctypes.CDLL:
    found = sorted(path for folder in _folders() for pattern in LIBRARIES for path in folder.glob(pattern) if ".alt." not in path.name)
    if not found:
        raise Missing
    library = ctypes.CDLL(str(found[-1]))
    library.nvrtcGetErrorString.restype = ctypes.c_char_p
    return library
