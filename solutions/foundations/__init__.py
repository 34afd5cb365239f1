"""Chapter 1, foundations."""

from solutions.foundations.autograd import Dual, Value, central_difference, topological_order, unbroadcast

__all__ = ["Dual", "Value", "central_difference", "topological_order", "unbroadcast"]
