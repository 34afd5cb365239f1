"""Chapter 3, multilayer perceptrons."""

from solutions.perceptrons.generalization import (
    cv_score,
    diagnose,
    fit_curve,
    kfold,
    memorizing_degree,
    poly_design,
    scale_features,
    select_model,
    split_indices,
)
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
from solutions.perceptrons.regularization import DropoutLayer, dropout, expected_dropout_loss, momentum_decay_step, project_l2, weight_decay_step

__all__ = [
    "DropoutLayer",
    "best_linear_accuracy",
    "count_dichotomies",
    "cv_score",
    "diagnose",
    "dropout",
    "epoch_by_reading",
    "expected_dropout_loss",
    "failed_gradient_checks",
    "fit_curve",
    "kfold",
    "memorizing_degree",
    "mlp_backward",
    "mlp_forward",
    "mlp_train_step",
    "momentum_decay_step",
    "perceptron_bound",
    "perceptron_fit",
    "poly_design",
    "project_l2",
    "scale_features",
    "select_model",
    "sigmoid",
    "slope_from_output",
    "split_indices",
    "spoil_shattering",
    "tanh",
    "weight_decay_step",
    "xor_mlp",
]
