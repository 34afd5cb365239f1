"""Chapter 2, linear networks."""

from solutions.linear.gradient_descent import gd, max_stable_lr, minibatches, predict_descent, sgd_epoch, wrong_steps
from solutions.linear.linear_regression import augment, linreg, make_regression, mse_gradient, mse_objective, normal_eq, right_gradients, squared_loss
from solutions.linear.losses import huber_location, huber_loss, l1_loss, l2_loss, margin_loss, margin_loss_grad
from solutions.linear.softmax_regression import (
    ce_grad,
    cross_entropy,
    one_hot,
    param_count,
    predict_labels,
    softmax,
    softmax_regression_logits,
    token_cross_entropy,
)

__all__ = [
    "augment",
    "ce_grad",
    "cross_entropy",
    "gd",
    "huber_location",
    "huber_loss",
    "l1_loss",
    "l2_loss",
    "linreg",
    "make_regression",
    "margin_loss",
    "margin_loss_grad",
    "max_stable_lr",
    "minibatches",
    "mse_gradient",
    "mse_objective",
    "normal_eq",
    "one_hot",
    "param_count",
    "predict_descent",
    "predict_labels",
    "right_gradients",
    "sgd_epoch",
    "softmax",
    "softmax_regression_logits",
    "squared_loss",
    "token_cross_entropy",
    "wrong_steps",
]
