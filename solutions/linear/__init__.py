"""Chapter 2, linear networks."""

from solutions.linear.losses import huber_location, huber_loss, l1_loss, l2_loss, margin_loss, margin_loss_grad

__all__ = ["huber_location", "huber_loss", "l1_loss", "l2_loss", "margin_loss", "margin_loss_grad"]
