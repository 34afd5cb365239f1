"""What stands below a graded cell: a message for the student, and the score in the form that nbgrader reads."""

from __future__ import annotations

from nbformat import NotebookNode
from nbformat.v4 import new_output

from autograder.check.asking import MAIN
from autograder.check.show import Report, Row
from autograder.check.variants import PLAIN
from autograder.check.verdict import Verdict


def graded_outputs(verdict: Verdict) -> list[NotebookNode]:
    """A display of the message, and the score as the cell's result: nbgrader takes it as partial credit."""
    headline = f"{verdict.name}: {verdict.score:g} of {verdict.max_score:g} points"
    report = Report(verdict.name, verdict.status == "correct", headline, tuple(_rows(verdict)), sentences=verdict.sentences)
    shown = new_output("display_data", {"text/plain": repr(report), "text/html": report._repr_html_()})
    score = new_output("execute_result", {"text/plain": f"{verdict.score:g}"}, execution_count=None)
    return [shown, score]


def _rows(verdict: Verdict) -> list[Row]:
    """A mark for each case by its label: hidden cases too, whose labels hold no data.

    The groups of variants have a line each where they alone fail.
    """
    if verdict.status in ("missing", "forbidden", "timeout") or (verdict.status == "correct" and verdict.sentences):
        return []
    plain = [(q, r) for q, r in zip(verdict.questions, verdict.replies, strict=True) if q.variant == PLAIN]
    shown = {q.group for q, _ in plain}
    variants = [] if MAIN in verdict.lost else [Row(False, group) for group in sorted(verdict.lost - shown)]
    return [*dict.fromkeys(Row(r.ok, q.label) for q, r in plain), *variants]
