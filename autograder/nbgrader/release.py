"""Where nbgrader keeps what was released."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def release_folder(coursedir: Any) -> Path:
    """Where the releases of all assignments lie."""
    return Path(coursedir.format_path(coursedir.release_directory, ".", "."))
