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
from solutions.perceptrons.regularization import (
    DropoutLayer,
    dropout,
    expected_dropout_loss,
    momentum_decay_step,
    project_l2,
    weight_decay_step,
)

__all__ = [
    "DropoutLayer",
    "cv_score",
    "diagnose",
    "dropout",
    "expected_dropout_loss",
    "fit_curve",
    "kfold",
    "memorizing_degree",
    "momentum_decay_step",
    "poly_design",
    "project_l2",
    "scale_features",
    "select_model",
    "split_indices",
    "weight_decay_step",
]
