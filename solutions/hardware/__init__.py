"""Chapter 4, hardware."""

from solutions.hardware.elementwise import gelu, heat_step, leaky_relu, log_sum_exp, momentum_update, squared_distance
from solutions.hardware.kernels import add_bias, blocks_needed, fade_image, pixel_of_thread, vector_add
from solutions.hardware.memory import addresses, cache_misses, lines_touched, predicted_misses, strides_of, tiled_order, vector_steps
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
from solutions.hardware.roofline import attainable, bounds, compute_bound_batch, conv_cost, matmul_cost, pick_device, softmax_cost
from solutions.hardware.systolic import skew, systolic_cycles, systolic_matmul, systolic_step, systolic_trace, utilisation

__all__ = [
    "add_bias",
    "addresses",
    "attainable",
    "block_sum",
    "blocks_needed",
    "bounds",
    "cache_misses",
    "compute_bound_batch",
    "conv_cost",
    "fade_image",
    "gelu",
    "heat_step",
    "histogram",
    "launch_config",
    "leaky_relu",
    "lines_touched",
    "log_sum_exp",
    "matmul_cost",
    "momentum_update",
    "pick_device",
    "pixel_of_thread",
    "predicted_misses",
    "racing_slots",
    "sectors_of_request",
    "shuffle_sum",
    "skew",
    "softmax_cost",
    "softmax_rows",
    "squared_distance",
    "strided_sums",
    "strides_of",
    "systolic_cycles",
    "systolic_matmul",
    "systolic_step",
    "systolic_trace",
    "tiled_order",
    "utilisation",
    "vector_add",
    "vector_steps",
]
