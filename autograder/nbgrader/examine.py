"""The preprocessor that takes the place of nbgrader's `Execute`."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Any

from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool, Float, Integer

from autograder.build.course import find_chapter
from autograder.check.card import FOLDER
from autograder.examiner.examine import Settings, as_record, examine_unreadable
from autograder.examiner.fingerprint import Gradable
from autograder.examiner.remember import grade_once, show
from autograder.examiner.store import VerdictStore
from autograder.examiner.workers.tier import tier
from autograder.nbgrader import ahead
from autograder.nbgrader.course import release_folder, store_path, submitted_folder
from autograder.worker.limits import Limits


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
    jobs = Integer(0, help="How many processes grade at a time; 0 for one on each core.").tag(config=True)
    again = Bool(False, help="Grade again what is remembered, too.").tag(config=True)

    @property
    def settings(self) -> Settings:
        limits = Limits(**{field.name: getattr(self, field.name) for field in dataclasses.fields(Limits)})
        return Settings(self.seed, limits, self.run_demonstrations, self.unsafe)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        notebook, records = self._grade(nb, resources["nbgrader"])
        notebook.metadata["scratchgrad"] |= {"verdicts": records, "tier": tier().name}
        return notebook, resources

    def _grade(self, nb: NotebookNode, nbgrader: dict[str, str]) -> tuple[NotebookNode, list[dict[str, Any]]]:
        chapter = find_chapter(nbgrader["assignment"])
        says = nb.metadata["scratchgrad"]
        if reason := says.pop("unreadable", None):
            graded = examine_unreadable(nb, chapter, reason)
            return graded.notebook, [as_record(v) for v in graded.verdicts]
        converter = self.parent.parent
        folder = submitted_folder(converter.coursedir, nbgrader["student"], nbgrader["assignment"])
        done = ahead.wait(converter, folder / f"{nbgrader['notebook']}.ipynb")
        cards = release_folder(converter.coursedir) / chapter.name / FOLDER
        gradable = Gradable(nb, says.pop("notes", []), chapter, folder, cards, self.settings)
        with contextlib.closing(VerdictStore(store_path(converter.coursedir))) as store:
            grading, _ = grade_once(gradable, store, force=self.again and not done)
        return show(grading, nb), grading.records
