"""PTX into LLVM IR: one small function for each family of instructions, in two flavours."""

from autograder.cuda.lowering.frame import SharedVariable
from autograder.cuda.lowering.kernel import LoweredKernel, Mode, Site, lower_kernel
from autograder.cuda.lowering.native import lower_native

__all__ = ["LoweredKernel", "Mode", "SharedVariable", "Site", "lower_kernel", "lower_native"]
