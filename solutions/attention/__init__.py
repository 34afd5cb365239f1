"""Chapter 7, attention."""

from solutions.attention.scoring import attention_scores, causal_mask, masked_softmax, multi_head_attention, scaled_dot_product_attention

__all__ = ["attention_scores", "causal_mask", "masked_softmax", "multi_head_attention", "scaled_dot_product_attention"]
