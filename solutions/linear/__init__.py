"""Chapter 2, linear networks."""

from solutions.linear.gradient_descent import gd, max_stable_lr, minibatches, predict_descent, sgd_epoch, wrong_steps
from solutions.linear.linear_regression import (
    augment,
    linreg,
    make_regression,
    mse_gradient,
    mse_objective,
    normal_eq,
    right_gradients,
    squared_loss,
)

__all__ = [
    "augment",
    "gd",
    "linreg",
    "make_regression",
    "max_stable_lr",
    "minibatches",
    "mse_gradient",
    "mse_objective",
    "normal_eq",
    "predict_descent",
    "right_gradients",
    "sgd_epoch",
    "squared_loss",
    "wrong_steps",
]
