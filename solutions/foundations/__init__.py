"""Chapter 1, foundations."""

from solutions.foundations.autograd import Dual, Value, central_difference, topological_order, unbroadcast
from solutions.foundations.matrices import chain_multiplications, fro_norm, induced_2_norm, matmul, matmul_in_blocks, matvec
from solutions.foundations.special_matrices import (
    counterexample,
    definiteness,
    deflate,
    is_orthogonal_matrix,
    perm_matrix,
    power_iteration,
    sym_skew,
    two_readings,
)

__all__ = [
    "Dual",
    "Value",
    "central_difference",
    "chain_multiplications",
    "counterexample",
    "definiteness",
    "deflate",
    "fro_norm",
    "induced_2_norm",
    "is_orthogonal_matrix",
    "matmul",
    "matmul_in_blocks",
    "matvec",
    "perm_matrix",
    "power_iteration",
    "sym_skew",
    "topological_order",
    "two_readings",
    "unbroadcast",
]
