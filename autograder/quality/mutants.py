"""Generic mutants: the reference with one small slip that nobody thought of.

Mutation libraries rewrite a project's files and run a test command for each mutant, which takes seconds. Here a mutant is a
function in memory, asked the exercise's own questions, which takes milliseconds; and the slips are those of numerical code:
another axis, a term that is left out, a sum for a mean.
"""

from __future__ import annotations

import ast
import copy
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from autograder.build.starter import BEGIN, END

Body = ast.FunctionDef | ast.ClassDef

OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div, ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt, ast.GtE), ast.Gt: (ast.GtE, ast.Lt), ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
}  # fmt: skip
NAMES = {
    "max": "min", "min": "max", "argmax": "argmin", "argmin": "argmax", "maximum": "minimum", "minimum": "maximum",
    "sum": "mean", "mean": "sum", "any": "all", "all": "any", "floor": "ceil", "ceil": "floor", "sin": "cos", "cos": "sin",
    "std": "var", "var": "std", "zeros": "ones", "ones": "zeros", "zeros_like": "ones_like", "ones_like": "zeros_like",
}  # fmt: skip
TRANSPOSES = ("T", "mT")
# What makes no difference to any number.
SYMMETRIC = {"max", "min", "maximum", "minimum", "allclose", "isclose", "gcd", "result_type", "add", "multiply"}
CONVERSIONS = {"int", "float", "list", "tuple", "bool", "set"}
CHECKS = {"strict", "optimize"}
TOLERANCE = 0.01  # constants below are tolerances


@dataclass(frozen=True)
class Mutant:
    """`line` is the statement as the mutant has it, and so its name; `was` is the statement of the reference."""

    line: str
    was: str
    answer: Any

    def __str__(self) -> str:
        return f"{self.was}  →  {self.line}"


def mutants(reference: Any) -> Iterator[Mutant]:
    """Every mutant of what the student writes of a function or class; signatures and docstrings are given."""
    source = textwrap.dedent(inspect.getsource(reference))
    definition = ast.parse(source).body[0]
    assert isinstance(definition, Body)
    definition.decorator_list = []
    written = _lines_of_the_student(source)
    for statement in _statements(definition):
        if statement.lineno in written:
            was = _text(statement)
            slips = {_text(changed): changed for changed in _slips(statement)}  # what reads alike is alike
            for line, changed in slips.items():
                if line != was:
                    yield Mutant(line, was, _compiled(reference, definition, statement, changed))


def _lines_of_the_student(source: str) -> set[int]:
    """The numbers of the lines between the marks, or of all lines where there are none."""
    lines = source.splitlines()
    if not any(BEGIN in line for line in lines):
        return set(range(1, len(lines) + 1))
    written, inside = set(), False
    for number, line in enumerate(lines, start=1):
        inside = BEGIN in line or (inside and END not in line)
        if inside:
            written.add(number)
    return written


def _compiled(reference: Any, definition: Body, statement: ast.stmt, changed: ast.stmt) -> Any:
    """The function or class with one statement exchanged, among the names of its module."""
    tree = ast.fix_missing_locations(_Exchange(statement, changed).visit(_copied(definition, statement)))
    namespace = dict(vars(sys.modules[reference.__module__]))
    exec(compile(ast.Module([tree], []), f"<mutant of {reference.__name__}>", "exec"), namespace)
    return namespace[reference.__name__]


def _copied(definition: Body, but: ast.AST) -> Body:
    """A copy in which one node is still the same object."""
    return copy.deepcopy(definition, {id(but): but})


class _Exchange(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self._old, self._new = old, new

    def visit(self, node: ast.AST) -> Any:
        return self._new if node is self._old else super().generic_visit(node)


def _statements(tree: ast.AST) -> Iterator[ast.stmt]:
    """All statements below, without docstrings and definitions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and node is not tree and not isinstance(node, Body) and not _is_docstring(node):
            yield node


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _text(statement: ast.stmt) -> str:
    """A statement in one line; of a loop or a condition, its head."""
    return ast.unparse(statement).splitlines()[0]


def _slips(statement: ast.stmt) -> Iterator[ast.stmt]:
    """The statement with one slip in its own expressions, or left out."""
    if isinstance(statement, ast.AugAssign | ast.Expr):
        yield ast.Pass()
    if isinstance(statement, ast.AugAssign):
        yield ast.Assign([statement.target], statement.value, lineno=0)
        for other in _swapped_operator(statement.op):
            yield ast.AugAssign(statement.target, other, statement.value)
    if isinstance(statement, ast.If):
        yield ast.If(ast.UnaryOp(ast.Not(), statement.test), statement.body, statement.orelse)
    for node in _expressions(statement):
        for slip in (slip for kind, make in SLIPS if isinstance(node, kind) for slip in make(node)):
            yield _Exchange(node, slip).visit(copy.deepcopy(statement, {id(node): node}))


def _expressions(statement: ast.stmt) -> Iterator[ast.expr]:
    """All expressions of a statement, without those of statements inside it, annotations and targets."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.expr):
            yield node
        skipped = [node.annotation, node.target] if isinstance(node, ast.AnnAssign) else node.targets if isinstance(node, ast.Assign) else []
        waiting += [child for child in ast.iter_child_nodes(node) if not _is_no_number(child) and child not in skipped]


def _is_no_number(node: ast.AST) -> bool:
    return isinstance(node, ast.stmt | ast.JoinedStr) or (isinstance(node, ast.keyword) and node.arg in CHECKS)


# ---- slips: from an expression to what it might have been ---------------------------------------------------------------


def _swapped_operator(operator: ast.operator) -> Iterator[ast.operator]:
    if other := OPERATORS.get(type(operator)):
        yield other()


def _of_operation(node: ast.BinOp) -> Iterator[ast.expr]:
    """Another operator; operands that changed places; a term or factor that is left out."""
    for other in _swapped_operator(node.op):
        yield ast.BinOp(node.left, other, node.right)
    if isinstance(node.op, ast.MatMult):
        yield ast.BinOp(node.right, node.op, node.left)
    yield node.left
    if isinstance(node.op, ast.Add | ast.Mult | ast.MatMult):
        yield node.right


def _of_comparison(node: ast.Compare) -> Iterator[ast.expr]:
    for other in COMPARISONS[type(node.ops[0])]:
        yield ast.Compare(node.left, [other(), *node.ops[1:]], node.comparators)


def _of_condition(node: ast.BoolOp) -> Iterator[ast.expr]:
    yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    yield from node.values


def _of_sign(node: ast.UnaryOp) -> Iterator[ast.expr]:
    yield node.operand


def _of_constant(node: ast.Constant) -> Iterator[ast.expr]:
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield from (ast.Constant(value + 1), ast.Constant(value - 1) if value else ast.UnaryOp(ast.USub(), ast.Constant(1)))
    elif isinstance(value, float) and not 0 < value < TOLERANCE:
        yield ast.Constant(2 * value if value else 1.0)


def _of_call(node: ast.Call) -> Iterator[ast.expr]:
    """Arguments that changed places, a keyword that is left out, a function that is not called."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""
    symmetric = name in SYMMETRIC or (name == "clip" and len(node.args) > 2)  # np.clip(low, x, high) is np.clip(x, low, high)
    if len(node.args) >= 2 and not isinstance(node.args[0], ast.Starred) and not symmetric:
        yield ast.Call(node.func, [node.args[1], node.args[0], *node.args[2:]], node.keywords)
    for k, keyword in enumerate(node.keywords):
        if keyword.arg not in CHECKS:
            yield ast.Call(node.func, node.args, [*node.keywords[:k], *node.keywords[k + 1 :]])
    if len(node.args) == 1 and not node.keywords and not isinstance(node.args[0], ast.Starred | ast.GeneratorExp) and name not in CONVERSIONS:
        yield node.args[0]


def _of_name(node: ast.Name) -> Iterator[ast.expr]:
    if node.id in NAMES:
        yield ast.Name(NAMES[node.id], node.ctx)


def _of_attribute(node: ast.Attribute) -> Iterator[ast.expr]:
    if node.attr in NAMES:
        yield ast.Attribute(node.value, NAMES[node.attr], node.ctx)
    if node.attr in TRANSPOSES:
        yield node.value


def _of_slices(node: ast.Subscript) -> Iterator[ast.expr]:
    """A bound or a step that is left out."""
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    for k, part in enumerate(parts):
        for bound in ("lower", "upper", "step") if isinstance(part, ast.Slice) else ():
            if getattr(part, bound) is not None:
                shorter = copy.copy(part)
                setattr(shorter, bound, None)
                new = [*parts[:k], shorter, *parts[k + 1 :]]
                yield ast.Subscript(node.value, ast.Tuple(new, ast.Load()) if isinstance(node.slice, ast.Tuple) else shorter, node.ctx)


def _of_choice(node: ast.IfExp) -> Iterator[ast.expr]:
    yield from (node.body, node.orelse)


def _of_pair(node: ast.Tuple) -> Iterator[ast.expr]:
    if len(node.elts) == 2 and isinstance(node.ctx, ast.Load):
        yield ast.Tuple(node.elts[::-1], node.ctx)


SLIPS: list[tuple[type[ast.expr], Callable[[Any], Iterator[ast.expr]]]] = [
    (ast.BinOp, _of_operation),
    (ast.Compare, _of_comparison),
    (ast.BoolOp, _of_condition),
    (ast.UnaryOp, _of_sign),
    (ast.Constant, _of_constant),
    (ast.Call, _of_call),
    (ast.Name, _of_name),
    (ast.Attribute, _of_attribute),
    (ast.Subscript, _of_slices),
    (ast.IfExp, _of_choice),
    (ast.Tuple, _of_pair),
]
