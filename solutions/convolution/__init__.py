"""Chapter 5, convolution."""

from solutions.convolution.convolution import conv2d, conv2d_backward, conv_layers_to_reach, conv_output_size, corr2d, same_padding

__all__ = ["conv2d", "conv2d_backward", "conv_layers_to_reach", "conv_output_size", "corr2d", "same_padding"]
