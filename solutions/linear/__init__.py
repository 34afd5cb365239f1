"""Chapter 2, linear networks."""

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
    "ce_grad",
    "cross_entropy",
    "huber_location",
    "huber_loss",
    "l1_loss",
    "l2_loss",
    "margin_loss",
    "margin_loss_grad",
    "one_hot",
    "param_count",
    "predict_labels",
    "softmax",
    "softmax_regression_logits",
    "token_cross_entropy",
]
