"""The floor under any grader: a warm process forks for each notebook, and the fork runs its cells and answers the questions.

The same cells and the same questions as ours, and no Jupyter, no jail, no gradebook, no hints. `python bench_floor.py TESTS FILE...`,
where TESTS is a pickle of {graded cell: Test}; prints the JSON of {FILE: {graded cell: points}}. Not a part of the grader: it
believes whatever the fork says.
"""

from __future__ import annotations

import contextlib
import copy
import importlib
import io
import json
import os
import pickle
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

WARM = ("numpy.testing", "sklearn.datasets", "jaxtyping")


class Test(NamedTuple):
    """What a graded cell asks: arguments, keyword arguments and the expected answer of each call."""

    points: float
    function: str
    calls: list[tuple[tuple[Any, ...], dict[str, Any], Any]]


def main() -> None:
    for name in WARM:
        importlib.import_module(name)
    tests = {cell: Test(*test) for cell, test in pickle.loads(Path(sys.argv[1]).read_bytes()).items()}
    print(json.dumps({path: graded(path, tests) for path in sys.argv[2:]}))


def graded(path: str, tests: dict[str, Test]) -> dict[str, float]:
    """Fork, and read what the fork found."""
    reading, writing = os.pipe()
    if (pid := os.fork()) == 0:
        with open(writing, "w") as said:
            json.dump(points(json.loads(Path(path).read_text()), tests), said)
        os._exit(0)
    os.close(writing)
    with open(reading) as heard:
        found = json.load(heard)
    os.waitpid(pid, 0)
    return found


def points(notebook: dict[str, Any], tests: dict[str, Test]) -> dict[str, float]:
    """Run the cells in their order; at a graded one, ask."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    found = {}
    for cell in notebook["cells"]:
        says = cell["metadata"].get("nbgrader", {})
        if says.get("grade"):
            test = tests[says["grade_id"]]
            found[says["grade_id"]] = test.points if answers(namespace.get(test.function), test) else 0.0
        elif cell["cell_type"] == "code":
            with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()):
                exec(compile("".join(cell["source"]), "<cell>", "exec"), namespace)
    return found


def answers(function: Any, test: Test) -> bool:
    """Whether all answers are right."""
    with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
        try:
            return all(same(function(*copy.deepcopy(args), **copy.deepcopy(kwargs)), expected) for args, kwargs, expected in test.calls)
        except Exception:
            return False


def same(found: Any, expected: Any) -> bool:
    if isinstance(expected, tuple):
        return len(found) == len(expected) and all(map(same, found, expected))
    return bool(np.allclose(found, expected, rtol=1e-3, atol=1e-4, equal_nan=True))


if __name__ == "__main__":
    main()
