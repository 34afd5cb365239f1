"""The language corpus: legitimate programs. Each must compile, raise no fault, and compute what NumPy computes."""

from __future__ import annotations

from kernels import algorithms, atomics, barriers, control, floats, integers, memory, types, warps
from kernels.program import Program

MODULES = (integers, floats, types, control, memory, warps, barriers, atomics, algorithms)
PROGRAMS: list[Program] = [program for module in MODULES for program in module.PROGRAMS]
