"""`pytest --submission PATH`: one test item for each case of a submitted notebook, or of every notebook in a folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from autograder.check.verdict import Verdict


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("scratchgrad", "grade submitted notebooks")
    group.addoption("--submission", metavar="PATH", default=None, help="a submitted notebook, or a folder of them: every case becomes a test")
    group.addoption("--unsafe", action="store_true", help="grade submissions also where nothing confines their code")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """With --submission and no other argument, nothing but the submission is collected."""
    path = config.getoption("--submission")
    if path is None:
        return
    if not Path(path).exists():
        raise pytest.UsageError(f"--submission: there is no {path}")
    _refuse_where_nothing_confines(config)
    config.args = [str(Path(path).resolve())]
    config.option.nbval = config.option.nbval_lax = False


def _refuse_where_nothing_confines(config: pytest.Config) -> None:
    from autograder.examiner.workers.tier import layers_for_grading
    from autograder.examiner.workers.warm import NoWorker

    try:
        layers_for_grading(config.getoption("--unsafe"))
    except NoWorker as reason:
        raise pytest.UsageError(str(reason)) from None


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> SubmissionFile | None:
    if parent.config.getoption("--submission") is None or file_path.suffix != ".ipynb" or ".ipynb_checkpoints" in file_path.parts:
        return None
    return SubmissionFile.from_parent(parent, path=file_path)


class SubmissionFile(pytest.File):
    """A notebook, graded once; its cases are the items."""

    def collect(self) -> Iterator[pytest.Item]:
        from autograder.build import BUILD, all_chapters, ensure_released
        from autograder.examiner import Settings, Unreadable, grade_file

        for chapter in all_chapters():
            ensure_released(chapter)
        try:
            graded = grade_file(self.path, BUILD / "release", Settings(unsafe=self.config.getoption("--unsafe")))
        except Unreadable as reason:
            yield CaseItem.from_parent(self, name="readable", problem=str(reason))
            return
        for verdict in graded.verdicts:
            yield from self._items(verdict)

    def _items(self, verdict: Verdict) -> Iterable[pytest.Item]:
        explained = verdict.message or "wrong"
        if not verdict.replies:
            yield CaseItem.from_parent(self, name=verdict.name, problem=None if verdict.status == "correct" else explained)
        for question, reply in zip(verdict.questions, verdict.replies, strict=True):
            wrong = not reply.ok or reply.changed_inputs
            kind = "hidden" if question.hidden else "visible"
            yield CaseItem.from_parent(self, name=f"{verdict.name}[{kind}: {question.in_words}]", problem=explained if wrong else None)


class CaseItem(pytest.Item):
    """One case, whose outcome is known already."""

    def __init__(self, *, problem: str | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.problem = problem

    def runtest(self) -> None:
        if self.problem is not None:
            raise WrongAnswer(self.problem)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        return str(excinfo.value)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, self.name


class WrongAnswer(Exception):
    """A case that fails; the message is what the student reads."""
