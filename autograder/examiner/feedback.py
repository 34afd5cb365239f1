"""What stands below a graded cell: a message for the student, and the score in the form that nbgrader reads."""

from __future__ import annotations

import html

from nbformat import NotebookNode
from nbformat.v4 import new_output

from autograder.check.asking import MAIN
from autograder.check.show import GREEN, GREY, RED, prose_html
from autograder.check.variants import PLAIN
from autograder.check.verdict import Verdict


def graded_outputs(verdict: Verdict) -> list[NotebookNode]:
    """A display of the message, and the score as the cell's result: nbgrader takes it as partial credit."""
    shown = new_output("display_data", {"text/plain": as_text(verdict), "text/html": as_html(verdict)})
    score = new_output("execute_result", {"text/plain": f"{verdict.score:g}"}, execution_count=None)
    return [shown, score]


def as_text(verdict: Verdict) -> str:
    lines = [headline(verdict), *(f"  {mark} {label}" for mark, label in outcomes(verdict)), *(f"→ {s}" for s in verdict.sentences)]
    return "\n".join(lines)


def as_html(verdict: Verdict) -> str:
    colour = GREEN if verdict.status == "correct" else RED
    rows = "".join(
        f'<div style="margin-left:.4em"><span style="color:{GREEN if mark == "✓" else RED}">{mark}</span> {html.escape(label)}</div>'
        for mark, label in outcomes(verdict)
    )
    hints = "<br>".join(prose_html(s) for s in verdict.sentences)
    said = f'<div style="margin-top:.5em;padding:.5em .8em;border-left:3px solid {colour if hints else GREY}">{hints}</div>' if hints else ""
    return f'<div style="line-height:1.5"><div style="font-weight:600;color:{colour}">{html.escape(headline(verdict))}</div>{rows}{said}</div>'


def headline(verdict: Verdict) -> str:
    return f"{verdict.name}: {verdict.score:g} of {verdict.max_score:g} points"


def outcomes(verdict: Verdict) -> list[tuple[str, str]]:
    """A mark for each case by its label: hidden cases too, whose labels hold no data.

    The groups of variants have a line each where they alone fail.
    """
    if verdict.status in ("missing", "forbidden", "timeout") or (verdict.status == "correct" and verdict.sentences):
        return []
    pairs = list(zip(verdict.questions, verdict.replies, strict=True))
    marks = [("✓" if r.ok else "✗", q.label) for q, r in pairs if q.variant == PLAIN]
    shown = {q.group for q, _ in pairs if q.variant == PLAIN}
    variants = [] if MAIN in verdict.lost else [("✗", group) for group in sorted(verdict.lost - shown)]
    return list(dict.fromkeys(marks)) + variants
