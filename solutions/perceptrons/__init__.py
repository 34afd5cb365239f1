"""Chapter 3, multilayer perceptrons."""

from solutions.perceptrons.mlp import failed_gradient_checks, mlp_backward, mlp_forward, mlp_train_step, sigmoid, slope_from_output, tanh
from solutions.perceptrons.perceptron import (
    best_linear_accuracy,
    count_dichotomies,
    epoch_by_reading,
    perceptron_bound,
    perceptron_fit,
    spoil_shattering,
    xor_mlp,
)

__all__ = [
    "best_linear_accuracy",
    "count_dichotomies",
    "epoch_by_reading",
    "failed_gradient_checks",
    "mlp_backward",
    "mlp_forward",
    "mlp_train_step",
    "perceptron_bound",
    "perceptron_fit",
    "sigmoid",
    "slope_from_output",
    "spoil_shattering",
    "tanh",
    "xor_mlp",
]
