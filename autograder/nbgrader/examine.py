"""The preprocessor that takes the place of nbgrader's `Execute`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool, Float, Integer

from autograder.build.course import find_chapter
from autograder.check.card import FOLDER
from autograder.examiner.examine import Graded, Settings, as_record, examine_notebook, examine_unreadable
from autograder.nbgrader.release import release_folder
from autograder.worker.limits import Limits
from autograder.worker.tier import tier


class Examine(NbGraderPreprocessor):
    """Runs the student's cells in a worker, asks the exercises, and writes the graded cells' outputs."""

    seed = Integer(1, help="Makes the hidden cases; change it from term to term.").tag(config=True)
    cell_seconds = Float(Limits.cell_seconds, help="Time limit of one cell.").tag(config=True)
    cell_cpu_seconds = Float(Limits.cell_cpu_seconds, help="Limit of one cell's processor time.").tag(config=True)
    exercise_seconds = Float(Limits.exercise_seconds, help="Time limit of all questions of one exercise.").tag(config=True)
    notebook_seconds = Float(Limits.notebook_seconds, help="Time limit of a whole notebook; its cells may take half of it.").tag(config=True)
    notebook_cpu_seconds = Float(Limits.notebook_cpu_seconds, help="Limit of a whole notebook's processor time.").tag(config=True)
    memory_gib = Float(
        Limits.memory_gib,
        help="Memory in GiB: of one process, and of all of a submission together where control groups can be made. Not of one process where there is a GPU.",
    ).tag(config=True)
    processes = Integer(Limits.processes, help="Most processes and threads of a submission at a time.").tag(config=True)
    output_mib = Float(Limits.output_mib, help="Most output of one cell that is kept, in MiB.").tag(config=True)
    disk_gib = Float(Limits.disk_gib, help="Most that a submission may write, in GiB; of one file where there are no namespaces.").tag(config=True)
    unsafe = Bool(False, help="Grade also where nothing confines the students' code.").tag(config=True)
    run_demonstrations = Bool(False, help="Also run the cells that only show something: training, plots, play.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        graded = self._grade(nb, resources["nbgrader"])
        graded.notebook.metadata["scratchgrad"] |= {"verdicts": [as_record(v) for v in graded.verdicts], "tier": tier().name}
        self.log.info("Graded in the sandbox tier %s", tier().in_words)
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
        limits = Limits(**{field.name: getattr(self, field.name) for field in dataclasses.fields(Limits)})
        return Settings(self.seed, limits, self.run_demonstrations, self.unsafe)
