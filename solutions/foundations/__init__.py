"""Chapter 1, foundations."""

from solutions.foundations.arrays import axis_roles, contact_sheet, find_layout, make_array, select, to_nchw
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
from solutions.foundations.vectors import abs_piecewise, dot, is_orthogonal, l2_norm, most_similar, project, triangle_gap

__all__ = [
    "Dual",
    "Value",
    "abs_piecewise",
    "axis_roles",
    "central_difference",
    "chain_multiplications",
    "contact_sheet",
    "counterexample",
    "definiteness",
    "deflate",
    "dot",
    "find_layout",
    "fro_norm",
    "induced_2_norm",
    "is_orthogonal",
    "is_orthogonal_matrix",
    "l2_norm",
    "make_array",
    "matmul",
    "matmul_in_blocks",
    "matvec",
    "most_similar",
    "perm_matrix",
    "power_iteration",
    "project",
    "select",
    "sym_skew",
    "to_nchw",
    "topological_order",
    "triangle_gap",
    "two_readings",
    "unbroadcast",
]
