"""How a verdict looks: HTML in JupyterLab, plain text elsewhere."""

from __future__ import annotations

import html
from dataclasses import dataclass

from autograder.check.asking import Reply
from autograder.check.compare import difference
from autograder.check.key import AnswerKey
from autograder.check.variants import PLAIN
from autograder.check.verdict import Verdict, exception_sentence

# Colours that are legible on JupyterLab's light and dark themes.
GREEN, RED = "#2e9e5b", "#d9534f"


@dataclass(frozen=True)
class Row:
    ok: bool
    label: str


@dataclass(frozen=True)
class Report:
    """What `check` answers. Displays itself; `passed` says whether everything visible is right."""

    name: str
    passed: bool
    headline: str
    rows: tuple[Row, ...] = ()
    details: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()

    def __repr__(self) -> str:
        lines = [self.headline, *(f"  {'✓' if row.ok else '✗'} {row.label}" for row in self.rows), *(f"    {d}" for d in self.details)]
        return "\n".join([*lines, *(f"→ {s}" for s in self.sentences)])

    def _repr_html_(self) -> str:
        colour = GREEN if self.passed else RED
        parts = [f'<div style="font-weight:600;color:{colour}">{_escape(self.headline)}</div>']
        parts += [_row_html(row) for row in self.rows]
        if self.details:
            parts.append(
                f'<pre style="margin:.4em 0 0 1.4em;white-space:pre-wrap;word-break:normal;overflow-wrap:anywhere">{_escape(chr(10).join(self.details))}</pre>'
            )
        if self.sentences:
            hints = "<br>".join(_prose_html(s) for s in self.sentences)
            parts.append(f'<div style="margin-top:.5em;padding:.5em .8em;border-left:3px solid {colour}">{hints}</div>')
        return f'<div class="scratchgrad" style="line-height:1.5">{"".join(parts)}</div>'


def _row_html(row: Row) -> str:
    mark, colour = ("✓", GREEN) if row.ok else ("✗", RED)
    return f'<div style="margin-left:.4em"><span style="color:{colour}">{mark}</span> {_escape(row.label)}</div>'


def _escape(text: str) -> str:
    return html.escape(text)


def _prose_html(text: str) -> str:
    """Words between backticks are code."""
    pieces = _escape(text).split("`")
    return "".join(f"<code>{piece}</code>" if k % 2 else piece for k, piece in enumerate(pieces))


def sorry(name: str, sentence: str) -> Report:
    """A report that there is nothing to check, and why."""
    return Report(name, False, f"{name}: cannot be checked", sentences=(sentence,))


def report(key: AnswerKey, verdict: Verdict) -> Report:
    """The report on the visible questions: a mark for each case, the first difference, and the hint."""
    if verdict.status == "missing":
        return Report(key.name, False, f"{key.name}: not written yet", sentences=("Write your solution in the cell above, run it, and check again.",))
    if verdict.status == "forbidden" and not verdict.replies:
        return Report(key.name, False, f"{key.name}: not by this way", sentences=verdict.sentences)
    visible, others = _visible_rows(key, verdict), _other_rows(key, verdict)
    right = sum(row.ok for row in visible)
    if not verdict.lost:
        headline = f"{key.name}: right! All visible cases pass."
    elif right == len(visible):
        headline = f"{key.name}: almost. The visible cases pass, but not in every way of asking."
    else:
        headline, others = f"{key.name}: {right} of {len(visible)} visible cases pass.", []
    if any(reply.changed_inputs for reply in verdict.replies):
        others.append(Row(False, "inputs are left as they were"))
    return Report(key.name, not verdict.lost, headline, (*visible, *others), tuple(_details(key, verdict)), verdict.sentences)


def _visible_rows(key: AnswerKey, verdict: Verdict) -> list[Row]:
    """Every case as the author wrote it."""
    return [Row(r.ok, q.label) for q, r in zip(key.questions, verdict.replies, strict=True) if q.variant == PLAIN]


def _other_rows(key: AnswerKey, verdict: Verdict) -> list[Row]:
    """The other ways of asking that fail."""
    return [
        Row(False, q.in_words)
        for q, r in zip(key.questions, verdict.replies, strict=True)
        if q.variant != PLAIN and q.group in verdict.lost and not r.ok
    ]


def _details(key: AnswerKey, verdict: Verdict) -> list[str]:
    """The first wrong case: the first differing index, expected and got, and the largest error."""
    wrong = [k for k, reply in enumerate(verdict.replies) if not reply.ok]
    if not wrong:
        return []
    k = next((k for k in wrong if key.questions[k].variant == PLAIN), wrong[0])
    return [f"{key.questions[k].in_words}:", *_what_happened(key, verdict.replies[k], k)]


def _what_happened(key: AnswerKey, reply: Reply, k: int) -> list[str]:
    if reply.kind == "raised":
        return [exception_sentence(reply, hidden=False)]
    if reply.kind != "answer":
        return [reply.text]
    if reply.broken_invariant:
        return [reply.broken_invariant]
    return difference(reply.value, key.expected[k].value, key.tolerance(k))
