"""PTX into LLVM IR: one small function for each family of instructions, in two flavours."""

from autograder.cuda.lowering.frame import SharedVariable
from autograder.cuda.lowering.kernel import LoweredKernel, Site, lower_kernel
from autograder.cuda.lowering.native import lower_native

__all__ = ["LoweredKernel", "SharedVariable", "Site", "lower_kernel", "lower_native"]
