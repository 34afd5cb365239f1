"""A submitted notebook, read as data: its cells' ids and sources, and nothing else of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAX_FILE_BYTES = 200 * 2**20
MAX_CELLS = 2_000
MAX_SOURCE = 2**20


class Unreadable(Exception):
    """The file is no notebook that can be graded; the message tells the student why and what to do."""


@dataclass(frozen=True)
class SubmittedCell:
    id: str
    grade_id: str
    cell_type: str
    source: str


@dataclass(frozen=True)
class Submission:
    """`chapter` and `notebook` are what the file says it is, or empty."""

    cells: tuple[SubmittedCell, ...]
    chapter: str = ""
    notebook: str = ""


def read_submission(path: Path) -> Submission:
    """Read a submitted notebook.

    Raises:
        Unreadable: it is missing, too large, not JSON, or not a notebook of format 4.
    """
    data = _read_json(path)
    if not isinstance(data, dict):
        raise Unreadable(f"{path.name} is JSON, but not a notebook.")
    if data.get("nbformat") != 4:
        raise Unreadable(
            f"{path.name} is a notebook of format {_short(data.get('nbformat'))}; format 4 is needed. Open it in JupyterLab, save it, and hand it in again."
        )
    cells = data.get("cells")
    if not isinstance(cells, list):
        raise Unreadable(f"{path.name} has no list of cells. Open it in JupyterLab, save it, and hand it in again.")
    if len(cells) > MAX_CELLS:
        raise Unreadable(f"{path.name} has {len(cells)} cells; at most {MAX_CELLS} are graded.")
    says = _dict(_dict(data.get("metadata")).get("scratchgrad"))
    return Submission(tuple(_cell(c) for c in cells if isinstance(c, dict)), _text(says.get("chapter")), _text(says.get("notebook")))


def _read_json(path: Path) -> Any:
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise Unreadable(f"{path.name} is {size / 2**20:.0f} MB large; clear its outputs and hand it in again.")
        if size == 0:
            raise Unreadable(f"{path.name} is empty.")
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise Unreadable(f"{path.name} was not handed in.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise Unreadable(f"{path.name} is not a notebook: it cannot be read as JSON ({_first_line(error)}).") from None


def _first_line(error: BaseException) -> str:
    return _short(str(error).splitlines()[0] if str(error) else type(error).__name__)


def _short(x: object) -> str:
    return str(x)[:80]


def _cell(cell: dict[str, Any]) -> SubmittedCell:
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(_text(line) for line in source)
    kind = cell.get("cell_type")
    grade_id = _dict(_dict(cell.get("metadata")).get("nbgrader")).get("grade_id")
    return SubmittedCell(_text(cell.get("id")), _text(grade_id), kind if kind in ("code", "markdown") else "raw", _text(source)[:MAX_SOURCE])


def _text(x: Any) -> str:
    """Text that can be written again: halves of characters are replaced."""
    return x.encode("utf-8", "replace").decode() if isinstance(x, str) else ""


def _dict(x: Any) -> dict[str, Any]:
    return x if isinstance(x, dict) else {}
