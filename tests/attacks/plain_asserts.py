"""The course's notebooks as an instructor with stock nbgrader would write them: graded cells hold plain asserts.

Same cells, same ids, same points. Where our notebook says `check(f)`, this one compares with expected values that stand
in the cell: some in sight, some between nbgrader's marks for hidden tests. Nothing of ours is imported.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

import nbformat
import numpy as np
from nbformat import NotebookNode

from autograder.build import BUILD, find_chapter, import_exercises
from autograder.build.question import is_written_answer
from autograder.check.asking import MAIN, Reply
from autograder.check.values import Array, Value, leaves
from autograder.check.variants import PLAIN
from autograder.examiner import Settings
from autograder.exercise import Exam, get_exercise

BEGIN_HIDDEN, END_HIDDEN = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"
BEGIN_SOLUTION = "### BEGIN SOLUTION"
CASES_EACH = 2  # visible ones, and as many hidden ones


def stock_notebook(chapter: str, secret: str) -> NotebookNode:
    """The source notebook of a chapter for stock nbgrader. The secret stands in each solution, as references do."""
    import_exercises(find_chapter(chapter))
    path = min((BUILD / "source" / chapter).glob("*.ipynb"))
    notebook = copy.deepcopy(nbformat.read(path, as_version=4))
    notebook.metadata.pop("scratchgrad", None)
    # Demonstrations count for nothing and are not graded with ours either; written answers are marked by hand with both.
    notebook.cells = [cell for cell in notebook.cells if "demonstration" not in cell.metadata.get("tags", []) and not is_written_answer(cell)]
    for cell in notebook.cells:
        exercise = cell.metadata.pop("scratchgrad", {}).get("exercise")
        if exercise:
            cell.source = asserts(Exam.of(get_exercise(exercise), Settings().seed))
        elif cell.cell_type == "code":
            cell.source = "\n".join(line for line in cell.source.splitlines() if "from autograder" not in line)
            cell.source = cell.source.replace(BEGIN_SOLUTION, f"{BEGIN_SOLUTION}\n    # {secret}")
    return notebook


def asserts(exam: Exam) -> str:
    """The tests of one exercise."""
    helpers = [helper.source for helper in (exam.probe, None if exam.unique else exam.verify) if helper]
    lines = [source.replace("from __future__ import annotations\n", "") for source in helpers]
    lines += [*_tests(exam, hidden=False), BEGIN_HIDDEN, *_tests(exam, hidden=True), END_HIDDEN]
    imports = ["import numpy as np"] if any("np." in line for line in lines) else []
    return "\n".join(imports + lines)


def _tests(exam: Exam, hidden: bool) -> Iterator[str]:
    """Asserts on the smallest cases, which fit into a cell."""
    numbered = [k for k, q in enumerate(exam.questions) if q.hidden is hidden and q.variant == PLAIN and q.group == MAIN]
    for k in sorted(numbered, key=lambda k: _size(exam, k))[:CASES_EACH]:
        yield from _test(exam, k)


def _size(exam: Exam, k: int) -> int:
    question = exam.questions[k]
    values = [*leaves(list(question.args)), *leaves(dict(question.kwargs)), *leaves(exam.expected[k].value)]
    return sum(v.data.size if isinstance(v, Array) else 1 for v in values)


def _test(exam: Exam, k: int) -> list[str]:
    question, expected = exam.questions[k], exam.expected[k]
    arguments = [literal(a) for a in question.args] + [f"{name}={literal(a)}" for name, a in question.kwargs.items()]
    called = f"{exam.probe.name}({', '.join([exam.name, *arguments])})" if exam.probe else f"{exam.name}({', '.join(arguments)})"
    if not exam.unique and exam.verify:
        return [f"assert {exam.verify.name}({', '.join([called, *arguments])}) is None"]
    return [f"answer = {called}", *_comparisons("answer", _value(expected))]


def _value(expected: Reply) -> Value:
    assert expected.kind == "answer", "a reference answers its main cases"
    return expected.value


def _comparisons(place: str, expected: Value) -> Iterator[str]:
    if isinstance(expected, Array):
        compare = "torch.testing.assert_close" if expected.library == "torch" else "np.testing.assert_allclose"
        yield f"{compare}({place}, {literal(expected)}, rtol=1e-4, atol=1e-5)"
    elif isinstance(expected, list | tuple):
        yield f"assert len({place}) == {len(expected)}"
        for k, value in enumerate(expected):
            yield from _comparisons(f"{place}[{k}]", value)
    elif isinstance(expected, dict):
        yield f"assert set({place}) == {{{', '.join(map(repr, expected))}}}"
        for key, value in expected.items():
            yield from _comparisons(f"{place}[{key!r}]", value)
    elif isinstance(expected, float):
        yield f"assert abs({place} - {expected!r}) < 1e-5"
    else:
        yield f"assert {place} == {expected!r}"


def literal(value: Value) -> str:
    """Python that makes this value."""
    if isinstance(value, Array):
        numbers = _numbers(value.data)
        return f"torch.tensor({numbers}, dtype=torch.{value.dtype})" if value.library == "torch" else f"np.array({numbers}, dtype=np.{value.dtype})"
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, tuple):
        return f"({', '.join(map(literal, value))},)" if value else "()"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {literal(v)}" for key, v in value.items()) + "}"
    return repr(value)


def _numbers(data: np.ndarray) -> str:
    """To six digits, as one writes them; infinity and NaN have names of their own."""
    rounded = np.round(data.astype("float64"), 6).tolist() if data.dtype.kind == "f" else data.tolist()
    return repr(rounded).replace("inf", "float('inf')").replace("nan", "float('nan')")
