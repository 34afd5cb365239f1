"""Chapter 4, hardware."""

from solutions.hardware.kernels import add_bias, blocks_needed, fade_image, pixel_of_thread, vector_add
from solutions.hardware.memory import addresses, cache_misses, lines_touched, predicted_misses, strides_of, tiled_order, vector_steps
from solutions.hardware.roofline import attainable, bounds, compute_bound_batch, conv_cost, matmul_cost, pick_device, softmax_cost
from solutions.hardware.systolic import skew, systolic_cycles, systolic_matmul, systolic_step, systolic_trace, utilisation

__all__ = [
    "add_bias",
    "addresses",
    "attainable",
    "blocks_needed",
    "bounds",
    "cache_misses",
    "compute_bound_batch",
    "conv_cost",
    "fade_image",
    "lines_touched",
    "matmul_cost",
    "pick_device",
    "pixel_of_thread",
    "predicted_misses",
    "skew",
    "softmax_cost",
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
