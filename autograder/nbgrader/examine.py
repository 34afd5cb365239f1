"""The preprocessor that takes the place of nbgrader's `Execute`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool, Float, Integer

from autograder.build.course import find_chapter
from autograder.check.card import FOLDER
from autograder.examiner.examine import Graded, Settings, as_record, examine_notebook, examine_unreadable
from autograder.nbgrader.exporter import release_folder
from autograder.worker.kernel import Limits


class Examine(NbGraderPreprocessor):
    """Runs the student's cells in a worker, asks the exercises, and writes the graded cells' outputs."""

    seed = Integer(1, help="Makes the hidden cases; change it from term to term.").tag(config=True)
    cell_seconds = Float(30.0, help="Time limit of one cell.").tag(config=True)
    exercise_seconds = Float(120.0, help="Time limit of all questions of one exercise.").tag(config=True)
    notebook_seconds = Float(600.0, help="Time limit of a whole notebook.").tag(config=True)
    memory_gib = Float(8.0, help="Memory of one process of a submission, in GiB; not limited where there is a GPU.").tag(config=True)
    run_demonstrations = Bool(False, help="Also run the cells that only show something: training, plots, play.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        graded = self._grade(nb, resources["nbgrader"])
        graded.notebook.metadata["scratchgrad"]["verdicts"] = [as_record(v) for v in graded.verdicts]
        return graded.notebook, resources

    def _grade(self, nb: NotebookNode, nbgrader: dict[str, str]) -> Graded:
        chapter = find_chapter(nbgrader["assignment"])
        says = nb.metadata["scratchgrad"]
        if reason := says.pop("unreadable", None):
            return examine_unreadable(nb, chapter, reason)
        coursedir = self.parent.parent.coursedir
        submitted = Path(coursedir.format_path(coursedir.submitted_directory, nbgrader["student"], nbgrader["assignment"]))
        cards = release_folder(coursedir) / chapter.name / FOLDER
        return examine_notebook(nb, says.pop("notes", []), chapter, submitted, cards, self._settings())

    def _settings(self) -> Settings:
        return Settings(self.seed, Limits(self.cell_seconds, self.exercise_seconds, self.notebook_seconds, self.memory_gib), self.run_demonstrations)
