"""Chapter 4, hardware."""

from solutions.hardware.elementwise import gelu, heat_step, leaky_relu, log_sum_exp, momentum_update, squared_distance
from solutions.hardware.kernels import add_bias, blocks_needed, fade_image, pixel_of_thread, vector_add
from solutions.hardware.reductions import (
    block_sum,
    histogram,
    launch_config,
    racing_slots,
    sectors_of_request,
    shuffle_sum,
    softmax_rows,
    strided_sums,
)

__all__ = [
    "add_bias",
    "block_sum",
    "blocks_needed",
    "fade_image",
    "gelu",
    "heat_step",
    "histogram",
    "launch_config",
    "leaky_relu",
    "log_sum_exp",
    "momentum_update",
    "pixel_of_thread",
    "racing_slots",
    "sectors_of_request",
    "shuffle_sum",
    "softmax_rows",
    "squared_distance",
    "strided_sums",
    "vector_add",
]
