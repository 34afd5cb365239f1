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
from solutions.optimization.stochastic_gradients import (
    after_one_step,
    contraction_rate,
    minibatch_grad,
    minibatch_variance,
    quadratic_iterates,
    sgd_gradient_bias,
    steps_needed,
)

__all__ = [
    "Adam",
    "adam_step",
    "after_one_step",
    "basins",
    "bias_corrected_mean",
    "classify_stationary",
    "contraction_rate",
    "ema_weights",
    "exponential_minimum",
    "feasible",
    "lagrangian",
    "midpoint_counterexample",
    "minibatch_grad",
    "minibatch_variance",
    "momentum_step",
    "project_ball",
    "project_simplex",
    "quadratic_iterates",
    "sgd_gradient_bias",
    "steps_needed",
]
