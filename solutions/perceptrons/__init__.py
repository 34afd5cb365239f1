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

__all__ = [
    "cv_score",
    "diagnose",
    "fit_curve",
    "kfold",
    "memorizing_degree",
    "poly_design",
    "scale_features",
    "select_model",
    "split_indices",
]
