"""Grade one notebook: run the student's cells, and at each graded cell ask, compare, score and write the cell's output."""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from autograder.build.course import BuildError, Chapter, find_chapter, import_exercises
from autograder.build.notebook import DEMONSTRATION
from autograder.build.question import questions_of
from autograder.check.asking import MAIN, Reply
from autograder.check.card import FOLDER
from autograder.check.forbidden_names import forbidden_name
from autograder.check.verdict import Verdict, forbidden_sentence, judge, no_answer
from autograder.examiner.feedback import graded_outputs
from autograder.examiner.follow import follow_through
from autograder.examiner.rebuild import rebuild
from autograder.examiner.sanitise import safe_outputs
from autograder.examiner.submission import Submission, Unreadable, read_submission
from autograder.examiner.workers.host import Request, Snapshot, Worker
from autograder.examiner.workers.process import OutOfTime, WorkerDied
from autograder.exercise import Exam, get_exercise
from autograder.worker.kinds import WITH_KERNELS, WITH_TORCH, WITHOUT_TORCH
from autograder.worker.limits import Limits

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """`seed` makes the hidden cases. Demonstrations are cells that no exercise needs.

    `unsafe` allows to grade where nothing confines a submission.
    """

    seed: int = 1
    limits: Limits = field(default_factory=Limits)
    run_demonstrations: bool = False
    unsafe: bool = False


@dataclass
class Graded:
    """A graded notebook: its verdicts in order, and what the student should know beside them."""

    notebook: NotebookNode
    verdicts: list[Verdict]
    notes: list[str]

    @property
    def score(self) -> float:
        return sum(v.score for v in self.verdicts)

    @property
    def max_score(self) -> float:
        return sum(v.max_score for v in self.verdicts)

    @property
    def by_hand(self) -> float:
        """The points of the questions, which are not in `max_score`: a person marks them."""
        return sum(questions_of(self.notebook).values())


def released_notebook(release: Path, chapter: str, notebook: str) -> NotebookNode:
    """The notebook as students got it.

    Raises:
        BuildError: there is no such release.
    """
    path = release / chapter / f"{notebook}.ipynb"
    if not path.exists():
        raise BuildError(f"{chapter}/{notebook}.ipynb has not been released; run `scratchgrad release {chapter}` first.")
    return nbformat.read(path, as_version=4)


@functools.cache
def exam(name: str, seed: int) -> Exam:
    """An exam is worked out once for a class."""
    return Exam.of(get_exercise(name), seed)


@functools.cache
def request(name: str, seed: int, hidden: bool) -> Request:
    """The visible or the hidden questions of an exam."""
    key = exam(name, seed)
    return Request(name, [question for question in key.questions if question.hidden == hidden], key.probe, key.forbid, key.seconds)


def grade_file(path: Path, release: Path, settings: Settings) -> Graded:
    """Grade a submitted file against the release that it says it belongs to.

    Raises:
        Unreadable: the file is no notebook, or none of this course.
        BuildError: its chapter is not released.
        NoWorker: this machine cannot run it, or not safely.
    """
    submission = read_submission(path)
    folder, name = _notebook_of(submission, path)
    released = released_notebook(release, folder.name, name)
    notebook, notes = rebuild(released, submission)
    return examine_notebook(notebook, notes, folder, path.parent, release / folder.name / FOLDER, settings)


def _notebook_of(submission: Submission, path: Path) -> tuple[Chapter, str]:
    """Which notebook of the course this is. One that lost its metadata is known by its own name and its folder's."""
    chapter, name = submission.chapter, submission.notebook
    if not chapter or not name:
        chapter, name = path.resolve().parent.name, path.stem
    try:
        folder = find_chapter(chapter)
    except BuildError as error:
        raise Unreadable(f"{path.name} is not a notebook of this course. {error}") from error
    known = [notebook.stem for notebook in folder.notebooks]
    if name not in known:
        raise Unreadable(f"{path.name} is not a notebook of this course: {folder.name} has {', '.join(known)}.")
    return folder, name


def examine_notebook(notebook: NotebookNode, notes: list[str], chapter: Chapter, folder: Path, cards: Path, settings: Settings) -> Graded:
    """Run and grade a rebuilt notebook. `folder` holds what was handed in beside it.

    First all cells run, and at each graded cell the state is kept. Then the questions that may be shown are asked, of all
    exercises; then the hidden ones. So nothing that a submission learns from a hidden question can be in what it shows.

    Raises:
        NoWorker: this machine cannot run it, or not safely; the message says what to do.
    """
    import_exercises(chapter)
    with Worker(folder, cards, settings.limits, kind_of_worker(notebook, settings.run_demonstrations), settings.seed, settings.unsafe) as worker:
        states = _run_cells(notebook, worker, settings.run_demonstrations)
        asked = [_Asked(name, settings.seed, state, notebook, worker.deadline) for name, state in states.items()]
        for hidden in (False, True):
            for one in asked:
                one.ask(hidden)
    verdicts: list[Verdict] = []
    for one in asked:
        verdicts.append(_verdict(one, verdicts))
    graded = {verdict.name: verdict for verdict in verdicts}
    for cell in notebook.cells:
        if name := exercise_name(cell):
            cell.outputs = graded_outputs(graded[name])
    return Graded(with_notes(notebook, notes), verdicts, notes)


def kind_of_worker(notebook: NotebookNode, run_demonstrations: bool) -> str:
    """What a worker must have loaded for this notebook, as the release says."""
    says = notebook.metadata["scratchgrad"]
    if says.get("torch", True) or (run_demonstrations and says.get("torch_in_demonstrations", False)):
        return WITH_TORCH
    return WITH_KERNELS if says.get("kernels", False) else WITHOUT_TORCH


def _run_cells(notebook: NotebookNode, worker: Worker, run_demonstrations: bool) -> dict[str, Snapshot]:
    """Run the cells up to the last graded one, and keep the state at each of those."""
    states = {}
    last = max((k for k, cell in enumerate(notebook.cells) if exercise_name(cell)), default=-1)
    for cell in notebook.cells[: last + 1]:
        if name := exercise_name(cell):
            states[name] = worker.snapshot()
        elif cell.cell_type == "code" and (run_demonstrations or not is_demonstration(cell)) and cell.source.strip():
            cell.outputs = worker.run(cell.source)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = safe_outputs(cell.outputs)
    return states


def exercise_name(cell: NotebookNode) -> str:
    """The exercise that this cell grades, or nothing."""
    return str(cell.metadata.get("scratchgrad", {}).get("exercise", ""))


def is_demonstration(cell: NotebookNode) -> bool:
    return DEMONSTRATION in cell.metadata.get("tags", [])


class _Asked:
    """An exercise that is being asked: the replies so far, or the verdict where there is nothing to ask."""

    def __init__(self, name: str, seed: int, state: Snapshot, notebook: NotebookNode, deadline: float) -> None:
        key = self.key = exam(name, seed)
        self.replies: list[Reply] = []
        self.verdict: Verdict | None = None
        self._seed, self._state, self._notebook, self._deadline = seed, state, notebook, deadline
        if used := _forbidden_in(notebook, key.name, key.forbid):
            self.verdict = no_answer(key.name, key.points, "forbidden", forbidden_sentence(used))

    def ask(self, hidden: bool) -> None:
        """Ask the visible questions, or the hidden ones. What would cost the same again is not asked."""
        key = self.key
        asks = request(key.name, self._seed, hidden)
        if self.verdict is not None or not asks.questions:
            return
        if given_up := self._given_up():
            self.replies += [given_up] * len(asks.questions)
            return
        try:
            replies = self._state.ask(asks, self._deadline)
        except OutOfTime as late:
            self.verdict = no_answer(key.name, key.points, "timeout", str(late))
        except WorkerDied as died:
            self.verdict = no_answer(key.name, key.points, "error", str(died))
        else:
            if isinstance(replies, str):
                error = _error_in_own_cell(self._notebook, key.name)
                self.verdict = no_answer(key.name, key.points, "error" if error else "missing", error or replies)
            else:
                self.replies += replies

    def _given_up(self) -> Reply | None:
        for question, reply in zip(self.key.questions, self.replies, strict=False):
            if reply.kind == "forbidden" or (reply.kind == "timeout" and question.group == MAIN):
                return reply
        return None


def _verdict(asked: _Asked, earlier: list[Verdict]) -> Verdict:
    """The verdict on one exercise. Whatever an answer does to the examiner, the others are graded."""
    key = asked.key
    try:
        return follow_through(key, asked.verdict or judge(key, asked.replies), earlier)
    except Exception as error:
        log.exception("%s could not be judged", key.name)
        return no_answer(key.name, key.points, "error", f"This answer could not be judged ({type(error).__name__}). Ask your instructor.")


def _error_in_own_cell(notebook: NotebookNode, name: str) -> str:
    """Why the exercise's own cell defined nothing, if it ran into an error."""
    outputs: list[NotebookNode] = next((cell.outputs for cell in notebook.cells if cell.get("id") == name and cell.cell_type == "code"), [])
    errors = [f"{o.ename}: {o.evalue}" for o in outputs if o.output_type == "error"]
    return f"The cell that should define {name} stops with {errors[0]}." if errors else ""


def _forbidden_in(notebook: NotebookNode, name: str, forbid: tuple[str, ...]) -> str | None:
    """A forbidden call in the exercise's own cell. Elsewhere, only what is called while asking counts."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    own = next((k for k, cell in enumerate(cells) if cell.get("id") == name), 0)
    return forbidden_name(cells[own].source, forbid, *(cell.source for cell in cells[:own]))


def with_notes(notebook: NotebookNode, notes: list[str]) -> NotebookNode:
    """The notebook with notes for the student on top."""
    if notes:
        text = "\n".join(["**Notes on your submission**", "", *(f"- {note}" for note in notes)])
        notebook.cells.insert(0, new_markdown_cell(text, id="notes"))
    return notebook


def unreadable_notebook(released: NotebookNode, reason: str) -> NotebookNode:
    """The graded notebook of a file that could not be read: the release, and the reason on top."""
    notebook, _ = rebuild(released, Submission(()))
    notebook.metadata["scratchgrad"]["unreadable"] = reason
    return with_notes(notebook, [reason])


def examine_unreadable(notebook: NotebookNode, chapter: Chapter, reason: str) -> Graded:
    """Every exercise is missing, for the same reason."""
    import_exercises(chapter)
    verdicts = []
    for cell in notebook.cells:
        if name := exercise_name(cell):
            verdicts.append(no_answer(name, get_exercise(name).points, "missing", reason))
            cell.outputs = graded_outputs(verdicts[-1])
    return Graded(notebook, verdicts, [reason])


def as_record(verdict: Verdict) -> dict[str, Any]:
    """A verdict as it is reported: what `grade --json` prints and what the graded notebook keeps."""
    return {
        "name": verdict.name, "score": verdict.score, "max_score": verdict.max_score,
        "status": verdict.status, "mistake": verdict.mistake, "message": verdict.message,
    }  # fmt: skip
