"""PTX, the assembly language of NVIDIA's GPUs, as NVRTC writes it."""

from autograder.cuda.ptx.parser import parse

__all__ = ["parse"]
