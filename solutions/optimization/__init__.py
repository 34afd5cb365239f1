"""Chapter 8, optimization."""

from solutions.optimization.adam import Adam, adam_step, bias_corrected_mean, ema_weights, momentum_step
from solutions.optimization.problems import (
    basins,
    classify_stationary,
    exponential_minimum,
    feasible,
    lagrangian,
    midpoint_counterexample,
    project_ball,
    project_simplex,
)

__all__ = [
    "Adam",
    "adam_step",
    "basins",
    "bias_corrected_mean",
    "classify_stationary",
    "ema_weights",
    "exponential_minimum",
    "feasible",
    "lagrangian",
    "midpoint_counterexample",
    "momentum_step",
    "project_ball",
    "project_simplex",
]
