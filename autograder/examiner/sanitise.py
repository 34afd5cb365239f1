"""Make what a submission displays safe to open: instructors and students see it in feedback pages and formgrader."""

from __future__ import annotations

import base64
import binascii
import re

import nh3
from nbformat import NotebookNode
from nbformat.v4 import new_output

MAX_TEXT = 100_000
MAX_LINES = 1_000
_IMAGES = ("image/png", "image/jpeg")
_AS_THEY_ARE = ("text/plain", "text/latex")
# In Markdown: where a tag begins, where a link's or image's address does, and where one that is named elsewhere does.
_ACTIVE = re.compile(r"<(?=[a-zA-Z/!?])|\](?=[(:])")


def safe_outputs(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """The outputs made anew from what is harmless in them: no scripts, SVG, widgets and metadata; long texts are cut."""
    return [_safe_output(output) for output in outputs]


def _safe_output(output: NotebookNode) -> NotebookNode:
    kind = output.get("output_type")
    if kind == "stream":
        return new_output("stream", name="stderr" if output.get("name") == "stderr" else "stdout", text=_cut(output.get("text")))
    if kind == "error":
        lines = output.get("traceback")
        traceback = [_cut(line) for line in lines[:MAX_LINES]] if isinstance(lines, list) else []
        return new_output("error", ename=_cut(output.get("ename")), evalue=_cut(output.get("evalue")), traceback=traceback)
    data = output.get("data")
    return new_output("display_data", _safe_data(data if isinstance(data, dict) else {}))


def safe_markdown(source: str) -> str:
    """A student's Markdown, in which HTML and links are text. No word is lost: `p <q` may be what an answer says.

    A space is all that it takes, and in code and formulas it changes nothing.
    """
    return _ACTIVE.sub(r"\g<0> ", source)


def _safe_data(data: dict[str, object]) -> dict[str, str]:
    safe = {}
    for kind, content in data.items():
        if not isinstance(content, str):
            continue
        if kind in _AS_THEY_ARE:
            safe[kind] = _cut(content)
        elif kind == "text/html":
            safe[kind] = nh3.clean(_cut(content))
        elif kind == "text/markdown":
            safe[kind] = safe_markdown(_cut(content))
        elif kind in _IMAGES and _is_base64(content):
            safe[kind] = content
    return safe or {"text/plain": "(This kind of output is not shown in the feedback.)"}


def _cut(text: object) -> str:
    text = text.encode("utf-8", "replace").decode() if isinstance(text, str) else ""
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}\n... and {len(text) - MAX_TEXT} characters more"


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text.replace("\n", ""), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True
