"""Chapter 2, linear networks."""

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

__all__ = ["augment", "linreg", "make_regression", "mse_gradient", "mse_objective", "normal_eq", "right_gradients", "squared_loss"]
