"""scratchgrad: build the course, release chapters, grade notebooks."""

from __future__ import annotations

import contextlib
import difflib
import importlib.metadata
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from nbformat import NotebookNode
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from autograder.build import BUILD, BuildError, Chapter, all_chapters, build_chapter, ensure_released, find_chapter, import_exercises, release_bundle
from autograder.build.notebook import BadNotebook, exercises_of, source_form
from autograder.build.question import questions_of
from autograder.examiner import Graded, Settings, Unreadable, grade_file
from autograder.examiner.ahead import Ahead, Task, cores
from autograder.examiner.cluster import Cluster, ClusterError
from autograder.examiner.examine import as_record
from autograder.examiner.store import VerdictStore
from autograder.examiner.workers import cgroups
from autograder.examiner.workers.tier import layers_for_grading, tier
from autograder.examiner.workers.warm import NoWorker
from autograder.exercise import BadExercise, Exercise, all_exercises, get_exercise
from autograder.nbgrader.ahead import progress_bar
from autograder.nbgrader.course import course_directory, store_path
from autograder.nbgrader.handed_in import course_settings, course_tasks
from autograder.quality import measure_named
from autograder.quality.page import quality_table, write_page

app = typer.Typer(
    help="Deep learning from scratch, graded automatically.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
out = Console()
err = Console(stderr=True)

ChapterName = Annotated[str, typer.Argument(help="A chapter: `07_attention`, `attention` or `7`.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")]


@contextmanager
def _explained() -> Iterator[None]:
    """What is wrong with the course or the arguments is said in a sentence, not in a traceback."""
    try:
        yield
    except (BuildError, BadExercise, ClusterError, NoWorker) as error:
        err.print(str(error), style="red", markup=False)
        raise typer.Exit(2) from None


@app.command()
def build(chapters: Annotated[list[str] | None, typer.Argument(help="Chapters to build; all of them without.", show_default=False)] = None) -> None:
    """Write nbgrader's course directory, `build/course`: source notebooks, cards, configuration."""
    with _explained():
        chosen = [find_chapter(name) for name in chapters] if chapters else all_chapters()
        with Progress(console=err, transient=True) as progress:
            for chapter in progress.track(chosen, description="Building"):
                names = build_chapter(chapter)
                out.print(f"{chapter.name}: {len(chapter.notebooks)} notebook(s), {len(names)} exercises")
    out.print(f"The course directory is {_relative(BUILD)}; nbgrader's commands work in it.")


@app.command()
def release(chapter: ChapterName) -> None:
    """Build a chapter, let nbgrader make its release, and pack the student's bundle (a zip)."""
    with _explained():
        found = find_chapter(chapter)
        build_chapter(found)
        bundle = release_bundle(found)
    out.print(f"Released {found.name}. The bundle for students is {_relative(bundle)}")


@app.command()
def lab(chapter: Annotated[str | None, typer.Argument(help="The chapter to open; all of them without.", show_default=False)] = None) -> None:
    """Open JupyterLab on the student's notebooks."""
    with _explained():
        chosen = [find_chapter(chapter)] if chapter else all_chapters()
        with Progress(console=err, transient=True) as progress:
            for each in progress.track(chosen, description="Preparing"):
                ensure_released(each)
                _copy_for_student(each)
    folder = BUILD.parent / "lab" / (chosen[0].name if chapter else "")
    as_root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []  # containers run as root
    raise typer.Exit(subprocess.call([sys.executable, "-m", "jupyterlab", *as_root, str(folder)]))


def _copy_for_student(chapter: Chapter) -> None:
    """A copy to work in, which a later build does not overwrite."""
    target = BUILD.parent / "lab" / chapter.name
    if not target.exists():
        shutil.copytree(BUILD / "release" / chapter.name, target)


@app.command()
def grade(
    notebooks: Annotated[list[Path], typer.Argument(help="Notebooks that students handed in.", show_default=False)],
    as_json: AsJson = False,
    seed: Annotated[int, typer.Option(help="Makes the hidden cases.")] = 1,
    unsafe: Annotated[bool, typer.Option("--unsafe", help="Grade also where nothing confines the notebooks' code.")] = False,
) -> None:
    """Grade notebooks without nbgrader: a table, or one JSON object per notebook."""
    with _explained(), err.status("Preparing the release"):
        for chapter in all_chapters():
            ensure_released(chapter)
    failed = False
    for path in notebooks:
        with _explained():
            record, by_hand = _grade_one(path, Settings(seed=seed, unsafe=unsafe))
        failed = failed or record["error"] is not None
        if as_json:
            print(json.dumps(record), flush=True)
        else:
            _print_grades(record, by_hand)
    if failed:
        raise typer.Exit(1)


def _grade_one(path: Path, settings: Settings) -> tuple[dict[str, Any], float]:
    """What `--json` prints of a notebook, and the points in it that a person gives."""
    try:
        with err.status(f"Grading {path.name}"):
            graded = grade_file(path, BUILD / "release", settings)
    except (Unreadable, BuildError) as reason:
        return {"notebook": str(path), "score": 0.0, "max_score": 0.0, "exercises": [], "tier": tier().name, "error": str(reason)}, 0.0
    return _record(path, graded), graded.by_hand


def _record(path: Path, graded: Graded) -> dict[str, Any]:
    return {
        "notebook": str(path), "score": graded.score, "max_score": graded.max_score,
        "exercises": [as_record(v) for v in graded.verdicts], "tier": tier().name, "error": None,
    }  # fmt: skip


def _print_grades(record: dict[str, Any], by_hand: float) -> None:
    if record["error"]:
        out.print(f"{record['notebook']}: {record['error']}", style="red", markup=False)
        return
    table = Table(title=f"{record['notebook']}: {record['score']:g} of {record['max_score']:g} points", title_justify="left")
    for column in ("exercise", "points", "status"):
        table.add_column(column, no_wrap=True)
    table.add_column("what the student reads")
    for e in record["exercises"]:
        table.add_row(e["name"], f"{e['score']:g}/{e['max_score']:g}", e["status"], e["message"])
    out.print(table)
    if by_hand:
        out.print(f"{by_hand:g} more point(s) are given by hand, in nbgrader's formgrader.")
    out.print(f"Sandbox tier: {record['tier']}", style="dim")


@app.command()
def grade_ahead(
    chapter: ChapterName,
    course: Annotated[Path, typer.Option(help="nbgrader's course directory.", show_default="build/course")] = BUILD,
    jobs: Annotated[int, typer.Option(help="How many notebooks to grade at a time; 0 for one on each core.")] = 0,
    scheduler: Annotated[str, typer.Option(help="Grade on the workers of this Dask scheduler instead: `tcp://host:8786`.", show_default=False)] = "",
    force: Annotated[bool, typer.Option("--force", help="Grade again what is remembered, too.")] = False,
) -> None:
    """Grade what was handed in on all cores, or on other machines, so that `nbgrader autograde` only has to look it up.

    Settings are those of the course directory's `nbgrader_config.py`.
    """
    if jobs and scheduler:
        raise typer.BadParameter("--jobs is for this machine's cores, --scheduler for other machines: give one of them.")
    with _explained():
        found = find_chapter(chapter)
        if not scheduler:
            layers_for_grading(course_settings(course).unsafe)
        tasks = course_tasks(course, found.name, force)
    if not tasks:
        out.print(f"Nothing was handed in for {found.name}.")
        return
    counts = Counter[str]()
    with _explained():
        ahead = Cluster(tasks, scheduler) if scheduler else Ahead(tasks, jobs or None)
    try:
        with _explained(), progress_bar() as progress:
            for task in progress.track(tasks, description=f"Grading {found.name}"):
                counts[_outcome(ahead, task)] += 1
    finally:
        ahead.close()
    out.print(", ".join(f"{count} {what}" for what, count in sorted(counts.items())))
    if counts[NOT_GRADED]:
        raise typer.Exit(1)


NOT_GRADED = "not graded"


def _outcome(ahead: Ahead | Cluster, task: Task) -> str:
    try:
        return ahead.wait(task.submitted)
    except ClusterError:
        raise
    except Exception as error:  # the others go on
        err.print(f"{_relative(task.submitted)}: {type(error).__name__}: {error}", style="red", markup=False)
        return NOT_GRADED


@app.command()
def prune(
    days: Annotated[float, typer.Option(help="Forget verdicts that nobody asked for in so many days.")] = 180,
    course: Annotated[Path, typer.Option(help="nbgrader's course directory.", show_default="build/course")] = BUILD,
) -> None:
    """Forget old verdicts."""
    path = store_path(course_directory(course))
    if not path.exists():
        out.print(f"There are no verdicts in {_relative(course)}.")
        return
    with contextlib.closing(VerdictStore(path)) as store:
        out.print(f"{store.prune(days)} forgotten, {len(store)} kept")


@app.command()
def exercises(as_json: AsJson = False) -> None:
    """List every exercise: chapter, notebook, points, cases, mistakes, rows of the syllabus."""
    with _explained():
        notebooks = [(chapter, *named) for chapter in all_chapters() for named in _source_notebooks(chapter)]
        records = [record for chapter, name, notebook in notebooks for record in _exercise_records(chapter, name, notebook)]
    if as_json:
        print(json.dumps(records, indent=1))
        return
    for chapter, name, notebook in notebooks:
        table = Table(title=f"{chapter.name}, {name}", title_justify="left")
        for column in ("exercise", "points", "cases", "hidden", "mistakes", "rows"):
            table.add_column(column, no_wrap=column == "exercise")
        for r in (r for r in records if (r["chapter"], r["notebook"]) == (chapter.name, name)):
            numbers = (r["points"], r["cases"], r["hidden_cases"], r["mistakes"])
            table.add_row(r["name"], *(f"{x:g}" for x in numbers), ", ".join(r["rows"]))
        for question, points in questions_of(notebook).items():
            table.add_row(question, f"{points:g}", "by hand")
        out.print(table)


def _source_notebooks(chapter: Chapter) -> Iterator[tuple[str, NotebookNode]]:
    import_exercises(chapter)
    for path in chapter.notebooks:
        try:
            yield path.stem, source_form(path, chapter.name)
        except BadNotebook as error:
            raise BuildError(f"{chapter.name}: {error}") from error


def _exercise_records(chapter: Chapter, name: str, notebook: NotebookNode) -> Iterator[dict[str, Any]]:
    for e in map(get_exercise, exercises_of(notebook)):
        yield {
            "chapter": chapter.name,
            "notebook": name,
            "name": e.name,
            "points": e.points,
            "cases": sum(1 for _ in e.cases(0, hidden=False)),
            "hidden_cases": sum(1 for _ in e.cases(0, hidden=True)),
            "mistakes": len(e.hints),
            "rows": list(e.rows),
        }


@app.command()
def quality(
    names: Annotated[list[str] | None, typer.Argument(help="Exercises to measure; all of them without.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """How good the graders are: mistakes caught and named, right answers accepted, tolerance, time, mutants that survive.

    The page says more: `build/quality.html`.
    """
    with _explained():
        for chapter in all_chapters():
            import_exercises(chapter)
        chosen = [_exercise(name) for name in names] if names else all_exercises()
    with ProcessPoolExecutor(cores(), multiprocessing.get_context("fork")) as pool, progress_bar() as progress:
        measured = list(progress.track(pool.map(measure_named, [e.name for e in chosen]), total=len(chosen), description="Measuring"))
    if as_json:
        print(json.dumps([asdict(found) for found in measured], indent=1))
        return
    out.print(quality_table(measured))
    write_page(measured, BUILD.parent / "quality.html")
    out.print(f"What is said where a mistake is not known, and every survivor: {_relative(BUILD.parent / 'quality.html')}")


def _exercise(name: str) -> Exercise:
    try:
        return get_exercise(name)
    except KeyError:
        near = difflib.get_close_matches(name, [e.name for e in all_exercises()], n=1)
        raise BuildError(f"There is no exercise {name!r}." + (f" Did you mean {near[0]}?" if near else "")) from None


@app.command()
def doctor() -> None:
    """Show what this machine offers: versions, GPU, sandbox tier."""
    table = Table(show_header=False)
    table.add_row("python", sys.version.split()[0])
    for package in ("nbgrader", "jupyterlab", "torch", "numpy", "nvidia-cuda-nvrtc", "llvmlite", "cupy"):
        table.add_row(package, _version(package))
    table.add_row("cores", str(os.cpu_count()))
    table.add_row("GPU", _gpu())
    found = tier()
    table.add_row("sandbox tier", found.in_words)
    layers = [*sorted(found.layers), *(["control groups"] if cgroups.available() else [])]
    table.add_row("its layers", ", ".join(layers))
    for sentence in found.advice:
        table.add_row("", sentence)
    out.print(table)


def _version(package: str) -> str:
    names = [package, *(f"cupy-cuda{n}x" for n in (11, 12, 13))] if package == "cupy" else [package]
    for name in names:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "not installed"


def _gpu() -> str:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "none; kernels run on the CPU"


def _relative(path: Path) -> str:
    return os.path.relpath(path)


if __name__ == "__main__":
    app()
