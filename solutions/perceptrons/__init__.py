"""Chapter 3, multilayer perceptrons."""

from solutions.perceptrons.initialization import (
    fans,
    forward_stats,
    fp16_flush,
    jacobian_product_norms,
    loss_scale_search,
    measured_gain,
    which_reading,
    xavier,
)

__all__ = [
    "fans",
    "forward_stats",
    "fp16_flush",
    "jacobian_product_norms",
    "loss_scale_search",
    "measured_gain",
    "which_reading",
    "xavier",
]
