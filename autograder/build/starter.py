"""The cell in which a student writes: the reference's signature and docstring, and its body as a solution region."""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import Any

BEGIN = "### BEGIN SOLUTION"
END = "### END SOLUTION"


def solution_cell(reference: Any) -> str:
    """The source of a function or class with nbgrader's marks around what the student is to write.

    A reference that holds the marks already keeps them, and what lies outside them is given to the student.
    """
    source = textwrap.dedent(inspect.getsource(reference))
    node = ast.parse(source).body[0]
    lines = source.splitlines()
    if BEGIN not in source:
        functions = [node] if isinstance(node, ast.FunctionDef) else [n for n in ast.walk(node) if isinstance(n, ast.FunctionDef)]
        for function in sorted(functions, key=lambda f: f.lineno, reverse=True):
            _mark(lines, function)
    return "\n".join(lines[node.lineno - 1 :])


def _mark(lines: list[str], function: ast.FunctionDef) -> None:
    """Put the marks around the function's body, below its docstring."""
    first = function.body[0]
    has_docstring = ast.get_docstring(function) is not None
    start = first.end_lineno if has_docstring else first.lineno - 1
    indent = " " * first.col_offset
    assert start is not None and function.end_lineno is not None
    lines.insert(function.end_lineno, indent + END)
    lines.insert(start, indent + BEGIN)
