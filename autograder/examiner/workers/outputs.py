"""A cell's outputs, put together from what a worker says it shows. Nothing is taken but what fits the form and the limit."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from nbformat import NotebookNode, ValidationError
from nbformat.v4 import new_output

from autograder.check.values import MAX_ITEMS

NOT_KEPT = "\n(There was more output than {mib:g} MiB; the rest was not kept.)\n"


class Displays:
    """The displays of a notebook that have an id, by which later cells may change them."""

    def __init__(self) -> None:
        self._shown: dict[str, list[NotebookNode]] = {}

    def add(self, display_id: object, output: NotebookNode) -> None:
        if isinstance(display_id, str):
            self._shown.setdefault(display_id, []).append(output)

    def update(self, display_id: object, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        for output in self._shown.get(display_id, []) if isinstance(display_id, str) else []:
            output.update(new_output("display_data", data, metadata=metadata), output_type=output.output_type)


class CellOutputs:
    """Collects the outputs of one cell, up to `mib` mebibytes."""

    def __init__(self, mib: float, displays: Displays) -> None:
        self.outputs: list[NotebookNode] = []
        self._displays = displays
        self._mib = mib
        self._left = int(mib * 2**20)
        self._clear_first = False

    def add(self, body: bytes) -> None:
        """Take one event. What is no event, or beyond the limit, is passed over."""
        if self._left < 0:
            return
        self._left -= len(body)
        if self._left < 0:
            self._add_text("stderr", NOT_KEPT.format(mib=self._mib))
            return
        event = _parsed(body)
        if event is not None:
            with contextlib.suppress(ValidationError):
                self._take(event)

    def _take(self, event: dict[str, Any]) -> None:
        kind = event.get("output_type")
        data, metadata = _dict(event.get("data")), _dict(event.get("metadata"))
        if kind == "clear_output":
            self._clear_first = True
            if event.get("wait") is not True:
                self._clear()
            return
        if kind == "update_display_data":
            self._displays.update(event.get("display_id"), data, metadata)
            return
        if self._clear_first:
            self._clear()
        if kind == "stream":
            self._add_text("stderr" if event.get("name") == "stderr" else "stdout", _text(event.get("text")))
        elif kind == "error":
            lines = event.get("traceback")
            traceback = [_text(line) for line in lines] if isinstance(lines, list) else []
            self.outputs.append(new_output("error", ename=_text(event.get("ename")), evalue=_text(event.get("evalue")), traceback=traceback))
        elif kind == "execute_result":
            count = event.get("execution_count")
            count = count if isinstance(count, int) and count >= 0 else None
            self.outputs.append(new_output("execute_result", data, metadata=metadata, execution_count=count))
        elif kind == "display_data":
            self.outputs.append(new_output("display_data", data, metadata=metadata))
            self._displays.add(event.get("display_id"), self.outputs[-1])

    def _clear(self) -> None:
        self.outputs.clear()
        self._clear_first = False

    def _add_text(self, name: str, text: str) -> None:
        if self.outputs and self.outputs[-1].get("name") == name:
            self.outputs[-1].text += text
        else:
            self.outputs.append(new_output("stream", name=name, text=text))


def _parsed(body: bytes) -> dict[str, Any] | None:
    """The event in these bytes; None for what is none, or would become many objects."""
    if body.count(b"[") + body.count(b"{") > MAX_ITEMS:
        return None
    try:
        event = json.loads(body)
        if b"\\ud" in body.lower():  # halves of characters, which no file can hold
            event = json.loads(json.dumps(event, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


def _dict(x: object) -> dict[str, Any]:
    return x if isinstance(x, dict) else {}


def _text(x: object) -> str:
    return x.encode("utf-8", "replace").decode() if isinstance(x, str) else ""
