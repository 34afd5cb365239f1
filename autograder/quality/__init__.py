"""How good the graders are: what they catch, what they say, and which slips of the reference go unseen."""

from autograder.quality.measure import Quality, measure, measure_named
from autograder.quality.right_answers import right_answers

__all__ = ["Quality", "measure", "measure_named", "right_answers"]
