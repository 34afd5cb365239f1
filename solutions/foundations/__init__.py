"""Chapter 1, foundations."""

from solutions.foundations.autograd import Dual, Value, central_difference, topological_order, unbroadcast
from solutions.foundations.matrices import chain_multiplications, fro_norm, induced_2_norm, matmul, matmul_in_blocks, matvec

__all__ = [
    "Dual",
    "Value",
    "central_difference",
    "chain_multiplications",
    "fro_norm",
    "induced_2_norm",
    "matmul",
    "matmul_in_blocks",
    "matvec",
    "topological_order",
    "unbroadcast",
]
