"""The plug-in for nbgrader: named in `course/nbgrader_config.py`."""

from autograder.nbgrader.examine import Examine
from autograder.nbgrader.exporter import SubmissionExporter
from autograder.nbgrader.marking import MarkingScheme

__all__ = ["Examine", "MarkingScheme", "SubmissionExporter"]
