"""Chapter 1, foundations."""

from solutions.foundations.autograd import Dual, Value, central_difference, topological_order, unbroadcast
from solutions.foundations.complexity import best_chain_cost, chain_cost, checkpointing, count_multiplications, peak_memory
from solutions.foundations.derivatives import (
    best_step,
    derivative,
    gradient_table,
    observed_order,
    relu_subgrad,
    subgradient_interval,
    wrong_gradients,
)
from solutions.foundations.jacobians import chain, derivative_shape, jacobian, jacobian_table, matmul_jacobian, to_layout, vjp_chain

__all__ = [
    "Dual",
    "Value",
    "best_chain_cost",
    "best_step",
    "central_difference",
    "chain",
    "chain_cost",
    "checkpointing",
    "count_multiplications",
    "derivative",
    "derivative_shape",
    "gradient_table",
    "jacobian",
    "jacobian_table",
    "matmul_jacobian",
    "observed_order",
    "peak_memory",
    "relu_subgrad",
    "subgradient_interval",
    "to_layout",
    "topological_order",
    "unbroadcast",
    "vjp_chain",
    "wrong_gradients",
]
