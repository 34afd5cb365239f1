"""How `nbgrader autograde` reads a submission: as data, put into the released notebook. No file stops the class."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from nbconvert.exporters import NotebookExporter
from nbgrader.converters.base import NbGraderException

from autograder.build.course import BuildError
from autograder.examiner.examine import released_notebook, unreadable_notebook
from autograder.examiner.rebuild import rebuild
from autograder.examiner.submission import Unreadable, read_submission
from autograder.examiner.workers.tier import layers_for_grading
from autograder.examiner.workers.warm import NoWorker
from autograder.nbgrader import ahead
from autograder.nbgrader.course import release_folder
from autograder.nbgrader.examine import Examine
from autograder.nbgrader.gradebook import share_one_engine


class SubmissionExporter(NotebookExporter):
    """In nbgrader's first pass (sanitizing) rebuilds the submitted notebook; in the second, reads it as it is.

    Notebooks that were released and not handed in are added to nbgrader's list, so that they too get a grade
    and a feedback page that says why.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        converter = self.parent
        if converter is not None and getattr(converter, "assignments", None):
            examine = Examine(parent=converter)
            _refuse_where_nothing_confines(converter, examine.unsafe)
            _add_what_is_missing(converter)
            _begin_again_what_was_interrupted(converter)
            share_one_engine()
            ahead.start(converter, examine.settings, examine.jobs, examine.again)

    def from_filename(self, filename: str, resources: dict[str, Any] | None = None, **kwargs: Any) -> tuple[str, dict[str, Any]]:
        if not getattr(self.parent, "_sanitizing", False):
            graded = super().from_filename(filename, resources, **kwargs)
            ahead.advance(self.parent)
            return graded
        assert resources is not None
        return super().from_notebook_node(self._rebuilt(Path(filename), resources["nbgrader"]), resources, **kwargs)

    def _rebuilt(self, path: Path, nbgrader: dict[str, str]) -> Any:
        released = released_notebook(release_folder(self.parent.coursedir), nbgrader["assignment"], nbgrader["notebook"])
        try:
            notebook, notes = rebuild(released, read_submission(path))
        except Unreadable as reason:
            self.log.warning("%s: %s", nbgrader["student"], reason)
            return unreadable_notebook(released, str(reason))
        notebook.metadata["scratchgrad"]["notes"] = notes
        return notebook


def _refuse_where_nothing_confines(converter: Any, unsafe: bool) -> None:
    """Before the first student, in one sentence: nothing is graded then, and nothing is lost."""
    try:
        layers_for_grading(unsafe)
    except NoWorker as reason:
        converter.log.error(str(reason))
        raise NbGraderException(str(reason)) from None


def _begin_again_what_was_interrupted(converter: Any) -> None:
    """nbgrader takes a folder that is there for one that is done. Where an earlier run was ended in the middle, it is not."""
    for folder, notebooks in converter.assignments.items():
        student = Path(folder).parent.name
        graded = Path(converter._format_dest(converter.coursedir.assignment_id, student))
        if graded.exists() and not all(_is_graded(graded / Path(path).name) for path in notebooks):
            converter.log.warning("Autograding of %s was interrupted and begins again", student)
            shutil.rmtree(graded)


def _is_graded(path: Path) -> bool:
    try:
        return "verdicts" in json.loads(path.read_bytes())["metadata"]["scratchgrad"]
    except (OSError, ValueError, KeyError):
        return False


def _add_what_is_missing(converter: Any) -> None:
    """Extend nbgrader's list of matched submissions: folder -> notebooks."""
    coursedir = converter.coursedir
    released = release_folder(coursedir) / coursedir.assignment_id
    wanted = [p.stem for p in sorted(released.glob("*.ipynb")) if coursedir.notebook_id in ("*", p.stem)]
    pattern = converter._format_source(coursedir.assignment_id, coursedir.student_id)
    for folder in sorted(Path("/").glob(pattern.lstrip("/"))) if pattern.startswith("/") else sorted(Path().glob(pattern)):
        if folder.is_dir():
            present = converter.assignments.setdefault(str(folder), [])
            present += [path for name in wanted if (path := str(folder / f"{name}.ipynb")) not in present]
    if not wanted:
        raise BuildError(f"{coursedir.assignment_id} has not been released; run `scratchgrad release {coursedir.assignment_id}` first.")
