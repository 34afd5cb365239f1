"""Chapter 8, optimization."""

from solutions.optimization.adam import Adam, adam_step, bias_corrected_mean, ema_weights, momentum_step

__all__ = ["Adam", "adam_step", "bias_corrected_mean", "ema_weights", "momentum_step"]
