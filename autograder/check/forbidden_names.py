"""The rule on forbidden calls, read from the source: what an exercise is about may not be called.

The reader sees what is written plainly, before anything runs; `forbidden_calls` sees the rest.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Mapping, Sequence

OWN = ""  # what a name stands for that the student gave to something else
NO_TORCH = "torch.*"  # in exercises that are about NumPy

Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef


def forbidden_name(source: str, forbid: Sequence[str], *already_run: str) -> str | None:
    """The first forbidden name that a function or class in `source` uses, by whatever alias, or None.

    A name that ends in `.*` forbids all of a package.
    `already_run` are the cells that gave names their meaning before. What stands outside functions and classes is not the
    answer: there students try things out, and compare.
    """
    names = _names_after_cells((*already_run, source))
    waiting = [(scope, names) for scope in _scopes(_parse(source))]
    while waiting:
        scope, names = waiting.pop(0)
        names = _names_after(scope, names)
        if used := next((dotted for node in _nodes(scope) if (dotted := _forbidden(_dotted(node, names), forbid))), None):
            return used
        waiting += [(inner, names) for inner in _scopes(scope)]
    return None


@functools.lru_cache(maxsize=256)  # each exercise of a notebook looks at all cells before it
def _names_after_cells(cells: tuple[str, ...]) -> dict[str, str]:
    """What names stand for when these cells have run."""
    return _names_after(_parse(cells[-1]), _names_after_cells(cells[:-1])) if cells else {}


@functools.lru_cache(maxsize=256)
def _parse(source: str) -> ast.Module:
    """IPython's magics are no Python: lines that begin with % or ! are left out. What cannot be read says nothing."""
    lines = ["" if line.lstrip().startswith(("%", "!")) else line for line in source.splitlines()]
    try:
        return ast.parse("\n".join(lines))
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # the last for brackets in brackets
        return ast.Module([], [])


def _names_after(tree: ast.Module | Scope, names: Mapping[str, str]) -> dict[str, str]:
    """What names stand for when this code has run: `import torch.nn.functional as F` gives F its dotted name, and
    `conv = F.conv2d` gives conv one; whatever else is given a name takes that name's meaning away."""
    known = dict(names)
    for node in _nodes(tree):
        if isinstance(node, ast.Import):
            known |= {alias.asname: alias.name for alias in node.names if alias.asname}
            known |= {_first(alias.name): _first(alias.name) for alias in node.names if not alias.asname}
        elif isinstance(node, ast.ImportFrom) and node.module:
            known |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            known[node.name] = OWN
        elif isinstance(node, ast.arg):
            known[node.arg] = OWN
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            known[node.id] = OWN
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and "." in (dotted := _dotted(node.value, known)):
            known[node.targets[0].id] = dotted
    return known


def _dotted(node: ast.AST, names: Mapping[str, str]) -> str:
    """`F.conv2d` in full, if that is all that the node is."""
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.append(node.attr)
        node = node.value
    return ".".join([names.get(node.id, node.id), *reversed(attributes)]) if isinstance(node, ast.Name) else ""


def _forbidden(dotted: str, forbid: Sequence[str]) -> str:
    """The entry that forbids this name, or nothing."""
    package = f"{_first(dotted)}.*"
    return dotted if dotted in forbid else package if package in forbid and "." in dotted else ""


def _first(dotted: str) -> str:
    return dotted.partition(".")[0]


def _scopes(tree: ast.Module | Scope) -> Iterator[Scope]:
    """The functions and classes that stand in this code, not those inside them."""
    return (node for node in _nodes(tree) if isinstance(node, Scope))


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes in their order, an assignment after its parts; functions and classes inside are not entered."""
    waiting = [*ast.iter_child_nodes(tree)][::-1]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Assign):
            yield from _nodes(node)
        elif not isinstance(node, Scope):
            waiting += [*ast.iter_child_nodes(node)][::-1]
        yield node
