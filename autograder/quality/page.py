"""The report on the graders: a table for the terminal, a page for the browser."""

from __future__ import annotations

import math
from html import escape
from pathlib import Path

from rich.table import Table

from autograder.quality.measure import Quality

STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; } td, th { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid #8884; }
td:first-child, th:first-child { text-align: left; } dt { font-weight: 600; margin-top: .6rem; } .bad { color: #c33; }
summary { cursor: pointer; font-size: 1.1rem; margin-top: 1rem; } code { font-size: .9em; }
"""
COLUMNS = ("exercise", "mistakes", "caught", "named", "right answers", "accepted", "margin", "ms", "mutants", "survive", "explained")


def quality_table(measured: list[Quality]) -> Table:
    table = Table()
    for column in COLUMNS:
        table.add_column(column, justify="left" if column == "exercise" else "right")
    for found in measured:
        cells = _cells(found)
        bad = found.survivors or found.caught < found.mistakes or found.accepted < found.right_answers
        table.add_row(*cells, style="red" if bad else None)
    return table


def _cells(found: Quality) -> list[str]:
    margin = "∞" if math.isinf(found.margin) else f"{found.margin:.0f}"
    numbers = (found.mistakes, found.caught, found.named, found.right_answers, found.accepted)
    return [
        found.name, *map(str, numbers), margin, f"{1000 * found.seconds:.0f}",
        str(found.mutants), str(len(found.survivors)), str(len(found.explained)),
    ]  # fmt: skip


def write_page(measured: list[Quality], path: Path) -> None:
    """The table, and for each exercise what is said where a mistake is not known, and the mutants that survive."""
    head = "".join(f"<th>{escape(column)}</th>" for column in COLUMNS)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in _cells(found))}</tr>" for found in measured)
    details = "".join(map(_details, measured))
    text = (
        f"<!doctype html><meta charset='utf-8'><title>The graders</title><style>{STYLE}</style><h1>The graders</h1>"
        f"<table><tr>{head}</tr>{rows}</table>{details}"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _details(found: Quality) -> str:
    left_out = "".join(f"<dt>{escape(name)}</dt><dd>{escape(said)}</dd>" for name, said in found.left_out.items())
    survivors = "".join(f"<li class='bad'><code>{escape(survivor)}</code></li>" for survivor in found.survivors)
    explained = "".join(f"<li><code>{escape(line)}</code>: {escape(why)}</li>" for line, why in found.explained.items())
    return (
        f"<details><summary>{escape(found.chapter)}: {escape(found.name)}</summary>"
        f"<h3>Mutants that survive</h3><ul>{survivors or '<li>none that is not explained</li>'}{explained}</ul>"
        f"<h3>What is said where the mistake is not known</h3><dl>{left_out}</dl></details>"
    )
