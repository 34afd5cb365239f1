"""Chapter 4, hardware."""

from solutions.hardware.kernels import add_bias, blocks_needed, fade_image, pixel_of_thread, vector_add
from solutions.hardware.memory import addresses, cache_misses, lines_touched, predicted_misses, strides_of, tiled_order, vector_steps

__all__ = [
    "add_bias",
    "addresses",
    "blocks_needed",
    "cache_misses",
    "fade_image",
    "lines_touched",
    "pixel_of_thread",
    "predicted_misses",
    "strides_of",
    "tiled_order",
    "vector_add",
    "vector_steps",
]
