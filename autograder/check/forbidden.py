"""The rule on forbidden calls, read from the source: what an exercise is about may not be called."""

from __future__ import annotations

import ast
from collections.abc import Sequence


def forbidden_name(source: str, forbid: Sequence[str], already_imported: str = "") -> str | None:
    """The first forbidden name that `source` uses, by whatever alias, or None.

    `already_imported` is code that ran before, whose imports give names their meaning.
    """
    aliases = {**_aliases(already_imported), **_aliases(source)}
    tree = _parse(source)
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Attribute | ast.Name):
            head, _, tail = ast.unparse(node).partition(".")
            dotted = aliases.get(head, head) + ("." + tail if tail else "")
            if dotted in forbid:
                return dotted
    return None


def _parse(source: str) -> ast.Module | None:
    """IPython's magics are no Python: lines that begin with % or ! are left out."""
    lines = ["" if line.lstrip().startswith(("%", "!")) else line for line in source.splitlines()]
    try:
        return ast.parse("\n".join(lines))
    except (SyntaxError, ValueError, RecursionError):
        return None


def _aliases(source: str) -> dict[str, str]:
    """What each imported name stands for: `import torch.nn.functional as F` gives F its dotted name."""
    found: dict[str, str] = {}
    tree = _parse(source)
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.split(".")[0]
                found[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return found
