"""Make what a submission displays safe to open: instructors and students see it in feedback pages and formgrader."""

from __future__ import annotations

import base64
import binascii
import re

import nh3
from nbformat import NotebookNode

MAX_TEXT = 100_000
_CLEANED = ("text/html", "text/markdown")
_IMAGES = ("image/png", "image/jpeg")
_AS_THEY_ARE = ("text/plain", "text/latex")
_LOOKS_LIKE_A_TAG = re.compile(r"<[a-zA-Z/!?]")


def safe_outputs(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """The outputs without scripts, SVG, widgets and metadata; long texts are cut."""
    for output in outputs:
        if output.output_type == "stream":
            output["text"] = _cut(output.text)
        elif output.output_type == "error":
            output["evalue"] = _cut(output.evalue)
            output["traceback"] = [_cut(line) for line in output.traceback]
        else:
            output["data"] = NotebookNode(_safe_data(output.data))
            output["metadata"] = NotebookNode()
    return outputs


def safe_markdown(source: str) -> str:
    """A student's Markdown, in which HTML can do no harm. Text without tags stays as it is."""
    return nh3.clean(source) if _LOOKS_LIKE_A_TAG.search(source) else source


def _safe_data(data: NotebookNode) -> dict[str, str]:
    safe = {}
    for kind, content in data.items():
        if not isinstance(content, str):
            continue
        if kind in _AS_THEY_ARE:
            safe[kind] = _cut(content)
        elif kind in _CLEANED:
            safe[kind] = nh3.clean(_cut(content))
        elif kind in _IMAGES and _is_base64(content):
            safe[kind] = content
    return safe or {"text/plain": "(This kind of output is not shown in the feedback.)"}


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}\n... and {len(text) - MAX_TEXT} characters more"


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text.replace("\n", ""), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True
