"""`cp.cuda`: streams, events, the device, and the errors by CuPy's names."""

from __future__ import annotations

from types import SimpleNamespace
from typing import NoReturn

from autograder.cuda.faults import CompileError, KernelFault
from autograder.cuda.standin.streams import Device, Event, Stream, get_current_stream, get_elapsed_time


def is_available() -> bool:
    """Whether there is a GPU. There is none."""
    return False


compiler = SimpleNamespace(CompileException=CompileError)
# What a GPU's driver answers to a wrong launch, or after a wrong access.
driver = SimpleNamespace(CUDADriverError=KernelFault)
runtime = SimpleNamespace(
    CUDARuntimeError=KernelFault,
    getDevice=lambda: 0,
    getDeviceCount=lambda: 0,
    deviceSynchronize=lambda: None,
)

__all__ = ["Device", "Event", "Stream", "compiler", "driver", "get_current_stream", "get_elapsed_time", "is_available", "runtime"]


def __getattr__(name: str) -> NoReturn:
    raise AttributeError(f"CuPy's stand-in for machines without a GPU has no `cuda.{name}`: it has what timing code needs ({', '.join(__all__)})")
