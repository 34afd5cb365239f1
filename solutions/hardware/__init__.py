"""Chapter 4, hardware."""

from solutions.hardware.attention import attend_to_tiles, flash_attention, largest_tile, layer_norm_rows, merge_softmax
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
from solutions.hardware.tiles import bank_passes, convolve_1d, matmul_loads, tiled_matmul, tiled_transpose

__all__ = [
    "add_bias",
    "addresses",
    "attainable",
    "attend_to_tiles",
    "bank_passes",
    "block_sum",
    "blocks_needed",
    "bounds",
    "cache_misses",
    "compute_bound_batch",
    "conv_cost",
    "convolve_1d",
    "fade_image",
    "flash_attention",
    "gelu",
    "heat_step",
    "histogram",
    "largest_tile",
    "launch_config",
    "layer_norm_rows",
    "leaky_relu",
    "lines_touched",
    "log_sum_exp",
    "matmul_cost",
    "matmul_loads",
    "merge_softmax",
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
    "tiled_matmul",
    "tiled_order",
    "tiled_transpose",
    "utilisation",
    "vector_add",
    "vector_steps",
]
