"""LLVM IR into machine code of this machine: optimised, kept on disk, loaded."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import os
import pickle
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import llvmlite
import llvmlite.binding as llvm

T = TypeVar("T")


@functools.cache
def _target_machine() -> Any:
    """The one that code is compiled for."""
    return _new_target_machine()


def _new_target_machine() -> Any:
    """The machine that this process runs on, with all it can do."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_triple(triple()).create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=2, jit=True
    )


def triple() -> str:
    """The target's name. On Windows objects are in ELF's form: LLVM's loader knows it best."""
    name = llvm.get_process_triple()
    return f"{name}-elf" if sys.platform == "win32" else name


def compile_ir(text: str, exports: tuple[str, ...] | None = None, level: int = 1) -> bytes:
    """Optimise LLVM IR and emit an object file.

    `exports` names the functions that are called from outside (None: all of them); what else nobody calls is left out.

    Raises:
        RuntimeError: the IR is not valid; that is our mistake.
    """
    machine = _target_machine()
    module = llvm.parse_assembly(text)
    module.triple = machine.triple
    module.data_layout = str(machine.target_data)
    if exports is not None:
        _hide_all_but(module, exports)
    options = llvm.create_pipeline_tuning_options(speed_level=level)
    # They cost more time to compile than a kernel of this size gets back.
    options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = False
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return machine.emit_object(module)


def _hide_all_but(module: Any, exports: tuple[str, ...]) -> None:
    for function in module.functions:
        if not function.is_declaration and function.name not in exports:
            function.linkage = llvm.Linkage.internal


# ---- loading


class Code:
    """Machine code in this process, where it stays: disposing of engines has crashed LLVM, and a kernel is small."""

    _kept: ClassVar[list[Any]] = []

    def __init__(self, object_: bytes) -> None:
        # An engine takes hold of its target machine, so none is shared with what compiles.
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _new_target_machine())
        self._kept.append(self._engine)
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(object_))
        self._engine.finalize_object()

    def address(self, symbol: str) -> int:
        """Where a function of the object lies; 0: there is none of that name."""
        return self._engine.get_function_address(symbol)


def load(object_: bytes, symbols: Mapping[str, int] | None = None) -> Code:
    """Load an object file. `symbols` are addresses of functions that it calls, for this and all later objects."""
    _offer_math()
    for name, address in (symbols or {}).items():
        llvm.add_symbol(name, address)
    return Code(object_)


# What compiled kernels call in C's math library. On Windows LLVM does not look there by itself.
MATH = ("exp2", "log2", "sin", "cos", "tan", "tanh", "exp", "log", "pow", "fma", "sqrt", "floor", "ceil", "trunc", "rint", "roundeven")


@functools.cache
def _offer_math() -> None:
    if sys.platform != "win32":
        return
    library = ctypes.CDLL("ucrtbase")
    for name in (variant for base in MATH for variant in (base, f"{base}f")):
        function = getattr(library, name, None)
        if function is not None:
            llvm.add_symbol(name, ctypes.cast(function, ctypes.c_void_p).value)


# ---- the cache on disk

MOST_ENTRIES = 5000


def cached(parts: tuple[str, ...], make: Callable[[], tuple[bytes, T]]) -> tuple[bytes, T]:
    """An object file and what is known about it: from the disk, or else made and put there.

    `parts` are all that the result depends on, apart from this package's sources, llvmlite and the machine.
    A disk that cannot be read or written costs time, never a launch.
    """
    path = cache_folder() / _key(parts)
    with contextlib.suppress(Exception):  # not there, cut off, or of another version of Python
        return pickle.loads(path.read_bytes())
    made = make()
    with contextlib.suppress(OSError):
        _store(path, pickle.dumps(made))
    return made


def cache_folder() -> Path:
    """Where compiled kernels are kept: `XDG_CACHE_HOME`, or `~/.cache`."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "scratchgrad" / "kernels"


def _key(parts: tuple[str, ...]) -> str:
    digest = hashlib.sha256(_fingerprint())
    for part in parts:
        digest.update(f"{len(part)}:{part}".encode())
    return digest.hexdigest()


@functools.cache
def _fingerprint() -> bytes:
    """Of the machine, of llvmlite, and of our own sources."""
    digest = hashlib.sha256(f"{llvmlite.__version__} {triple()} {llvm.get_host_cpu_name()}".encode())
    digest.update(llvm.get_host_cpu_features().flatten().encode())
    folder = Path(__file__).parent
    for path in sorted(path for path in folder.rglob("*") if path.suffix in (".py", ".cu", ".cuh")):
        digest.update(f"{path.relative_to(folder)}:".encode() + path.read_bytes())
    return digest.digest()


def _store(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: another process may read it now."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(name, path)
    except OSError:
        os.unlink(name)
        raise
    _forget_oldest(path.parent)


def _forget_oldest(folder: Path) -> None:
    entries = list(folder.iterdir())
    if len(entries) > MOST_ENTRIES:
        entries.sort(key=lambda entry: entry.stat().st_mtime)
        for entry in entries[: len(entries) // 2]:
            entry.unlink(missing_ok=True)
