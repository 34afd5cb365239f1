"""Compare outputs of the same cells. Only what differs between two runs of the same kernel may differ."""

from __future__ import annotations

import base64
import io
import itertools
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from nbformat import NotebookNode
from PIL import Image

# How far the mean of all pixels may be off, of 255: letters are drawn a little differently now and then.
PIXELS = 1.0
IMAGES = ("image/png", "image/jpeg")
SHOWN_CHARACTERS = 3000

_NUMBER = r"\d+(?:[.,]\d+)*(?:e[+-]?\d+)?"
CHANGING = [
    (re.compile(r"\b0x[0-9a-f]{6,}\b"), "0x…"),  # where an object lies in memory
    (re.compile(r"(?:/[\w.+-]+)*/ipykernel_\d+/\d+\.py"), "<cell>.py"),  # the name of a cell's code holds its process
    (re.compile(r"\b\d{4,10}\.py\b"), "<cell>.py"),
    # Where the notebook lies, and files without a name of their own.
    (re.compile(r"(?:/[\w.+-]+)+/notebook\b|(?:/[\w.+-]+)*/inbox/\w+|/worker/home\b|~(?=[/'\"]|$)", re.M), "<folder>"),
    (re.compile(r"(?:/[\w.+-]+)*/tmp\w{8}\b"), "<temporary>"),
    (re.compile(rf"{_NUMBER} (?:ns|[µμ]s|us|ms|s|min \d+s|min)\b"), "… s"),  # magics that measure
    (re.compile(r"\bin \d+\.\d{3}s\b"), "in … s"),  # unittest
    (re.compile(r"\b[0-9a-f]{32}\b"), "…"),  # the names of widgets
    (re.compile(r"The slowest run took .*\n.*\n?"), ""),
    (re.compile(r"<dc:date>.*?</dc:date>"), "<dc:date/>"),
    # SVG: the names of its parts are random.
    (re.compile(r'(id="|href="#|url\(#)[A-Za-z]*[0-9a-f]{10}(?:_\d+)?'), r"\1…"),
]


@dataclass(frozen=True)
class Difference:
    """The first cell whose outputs differ, and the first of them."""

    cell: int
    source: str
    what: str
    stock: list[dict[str, Any]]
    worker: list[dict[str, Any]]

    def __str__(self) -> str:
        bar = "─" * 100
        return (
            f"cell {self.cell} differs: {self.what}\n{bar}\n{self.source}\n{bar}\nstock kernel:\n{written(self.stock)}\n"
            f"{bar}\nworker:\n{written(self.worker)}\n{bar}"
        )


def differences(sources: Sequence[str], stock: Sequence[list[NotebookNode]], worker: Sequence[list[NotebookNode]]) -> list[Difference]:
    """All cells that differ, in order."""
    found = []
    for k, (source, a, b) in enumerate(zip(sources, map(normal, stock), map(normal, worker), strict=True), 1):
        if what := difference(a, b):
            found.append(Difference(k, source, what, a, b))
    return found


# ---- the same form for all -------------------------------------------------------------------------------------------


def normal(outputs: Sequence[NotebookNode]) -> list[dict[str, Any]]:
    """Outputs as plain data, without what changes from run to run.

    A kernel sends its two streams when it comes to it: between two other outputs only the text of each is determined.
    """
    found: list[dict[str, Any]] = []
    for is_stream, group in itertools.groupby(outputs, lambda output: output.output_type == "stream"):
        found += (streams if is_stream else others)(list(group))
    return found


def streams(outputs: Sequence[NotebookNode]) -> list[dict[str, Any]]:
    texts = {name: "".join(output.text for output in outputs if output.name == name) for name in ("stdout", "stderr")}
    return [{"output_type": "stream", "name": name, "text": unchanging(text)} for name, text in texts.items() if text]


def others(outputs: Sequence[NotebookNode]) -> list[dict[str, Any]]:
    return [other(output) for output in outputs]


def other(output: NotebookNode) -> dict[str, Any]:
    """How deep a recursion goes depends on what is below it: frames that repeat count once."""
    plain: dict[str, Any] = unchanging(json.loads(json.dumps(output)))
    if "traceback" in plain:
        plain["traceback"] = [line for line, _ in itertools.groupby(plain["traceback"])]
    return plain


def unchanging(x: Any) -> Any:
    if isinstance(x, dict):
        return {k: v if is_image(k, v) else unchanging(v) for k, v in x.items()}
    if isinstance(x, list):
        return [unchanging(v) for v in x]
    if isinstance(x, str):
        for pattern, replacement in CHANGING:
            x = pattern.sub(replacement, x)
    return x


# ---- what differs ----------------------------------------------------------------------------------------------------


def difference(a: list[dict[str, Any]], b: list[dict[str, Any]]) -> str:
    """In words; empty where there is none."""
    if kinds(a) != kinds(b):
        return f"outputs {kinds(a)} in a stock kernel, {kinds(b)} in the worker"
    for k, (x, y) in enumerate(zip(a, b, strict=True)):
        if parts := [key for key in dict.fromkeys([*x, *y]) if not same(x.get(key), y.get(key))]:
            return f"output {k}, {x['output_type']}: {' and '.join(parts)}"
    return ""


def kinds(outputs: list[dict[str, Any]]) -> list[str]:
    return [output.get("name", output["output_type"]) for output in outputs]


def same(a: Any, b: Any) -> bool:
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same_image(a[k], b[k]) if is_image(k, a[k], b[k]) else same(a[k], b[k]) for k in a)
    return a == b


def is_image(kind: str, *contents: Any) -> bool:
    """Metadata has the same keys as data, and no image below them."""
    return kind in IMAGES and all(isinstance(content, str) for content in contents)


def same_image(a: str, b: str) -> bool:
    x, y = pixels(a), pixels(b)
    return x.shape == y.shape and float(np.abs(x - y).mean()) < PIXELS


def pixels(encoded: str) -> np.ndarray:
    with Image.open(io.BytesIO(base64.b64decode(encoded))) as image:
        return np.asarray(image.convert("RGBA"), dtype=float)


def written(outputs: list[dict[str, Any]]) -> str:
    """For a person to read: escapes visible, images as their size."""
    return "\n".join(cut(json.dumps(without_images(output), ensure_ascii=False, indent=1)) for output in outputs) or "(nothing)"


def without_images(output: dict[str, Any]) -> dict[str, Any]:
    data = output.get("data", {})
    shown = {k: f"<{'×'.join(map(str, pixels(v).shape))}>" if is_image(k, v) else v for k, v in data.items()}
    return {**output, "data": shown} if data else output


def cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS // 2]} […] {text[-SHOWN_CHARACTERS // 2 :]}"
