"""Chapter 1, foundations."""

from solutions.foundations.arrays import axis_roles, contact_sheet, find_layout, make_array, select, to_nchw
from solutions.foundations.autograd import Dual, Value, central_difference, topological_order, unbroadcast
from solutions.foundations.vectors import abs_piecewise, dot, is_orthogonal, l2_norm, most_similar, project, triangle_gap

__all__ = [
    "Dual",
    "Value",
    "abs_piecewise",
    "axis_roles",
    "central_difference",
    "contact_sheet",
    "dot",
    "find_layout",
    "is_orthogonal",
    "l2_norm",
    "make_array",
    "most_similar",
    "project",
    "select",
    "to_nchw",
    "topological_order",
    "triangle_gap",
    "unbroadcast",
]
