"""Chapter 1, foundations."""

from solutions.foundations.autograd import Dual, Value, central_difference, topological_order, unbroadcast
from solutions.foundations.derivatives import (
    best_step,
    derivative,
    gradient_table,
    observed_order,
    relu_subgrad,
    subgradient_interval,
    wrong_gradients,
)

__all__ = [
    "Dual",
    "Value",
    "best_step",
    "central_difference",
    "derivative",
    "gradient_table",
    "observed_order",
    "relu_subgrad",
    "subgradient_interval",
    "topological_order",
    "unbroadcast",
    "wrong_gradients",
]
