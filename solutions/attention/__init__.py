"""Chapter 7, attention."""

from solutions.attention.scoring import masked_softmax, multi_head_attention, scaled_dot_product_attention

__all__ = ["masked_softmax", "multi_head_attention", "scaled_dot_product_attention"]
