"""scratchgrad: implement deep learning from scratch, and be told at once whether it is right."""

from autograder.check import check

__all__ = ["check"]
