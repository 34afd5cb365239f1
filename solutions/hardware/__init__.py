"""Chapter 4, hardware."""

from solutions.hardware.kernels import add_bias, blocks_needed, fade_image, pixel_of_thread, vector_add

__all__ = ["add_bias", "blocks_needed", "fade_image", "pixel_of_thread", "vector_add"]
