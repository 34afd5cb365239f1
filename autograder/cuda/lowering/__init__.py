"""PTX into LLVM IR: one small function for each family of instructions, in two flavours."""

from autograder.cuda.lowering.native import lower_native

__all__ = ["lower_native"]
