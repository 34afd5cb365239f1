"""The trusted side: holds solutions and hidden cases, asks the worker, compares, scores, explains."""

from autograder.examiner.examine import Graded, Settings, examine_notebook, grade_file, released_notebook
from autograder.examiner.submission import Unreadable, read_submission

__all__ = ["Graded", "Settings", "Unreadable", "examine_notebook", "grade_file", "read_submission", "released_notebook"]
