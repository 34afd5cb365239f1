"""`check(my_function)`: is it right, and if not, which misconception does it show?"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import Any

from autograder.check import card as cards
from autograder.check.asking import ask_all
from autograder.check.forbidden_names import forbidden_name
from autograder.check.key import AnswerKey
from autograder.check.show import Report, report, sorry
from autograder.check.verdict import Verdict, forbidden_sentence, judge, no_answer

__all__ = ["check"]


def check(answer: Any) -> Report:
    """Check a function or class of yours against the visible cases of the exercise of the same name.

    Returns a report that displays itself; `report.passed` is True if everything visible is right.
    The official grade also asks cases that are not shown here.
    """
    name = getattr(answer, "__name__", None)
    if name is None or not callable(answer):
        return sorry("check", f"Give `check` the function or class itself, as in `check(my_function)`; this is {_what(answer)}.")
    try:
        key = cards.find(name, Path.cwd())
    except cards.NoCard as error:
        return sorry(name, str(error))
    return report(key, examine(key, answer))


def examine(key: AnswerKey, answer: Any) -> Verdict:
    """Ask all the key's questions here, in this process, and judge the replies."""
    used = forbidden_name(_source(answer), key.forbid, *_notebook_so_far())
    if used:
        return no_answer(key.name, key.points, "forbidden", forbidden_sentence(used))
    probe = key.probe.load() if key.probe else None
    return judge(key, ask_all(answer, key.questions, probe, key.forbid, key.seconds))


def _what(answer: Any) -> str:
    return "None" if answer is None else f"a value of type {type(answer).__name__}"


def _source(answer: Any) -> str:
    try:
        return inspect.cleandoc("\n" + inspect.getsource(answer))
    except (OSError, TypeError):
        return ""


def _notebook_so_far() -> list[str]:
    """The cells run so far: they say what names mean."""
    return list(getattr(sys.modules.get("__main__"), "In", []))
