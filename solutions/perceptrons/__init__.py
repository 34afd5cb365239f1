"""Chapter 3, multilayer perceptrons."""

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
    "perceptron_bound",
    "perceptron_fit",
    "spoil_shattering",
    "xor_mlp",
]
