"""Chapters, and what is made of them in `build/course`: nbgrader's course directory."""

from __future__ import annotations

import difflib
import importlib
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import nbformat
from filelock import FileLock

from autograder.build.notebook import BadNotebook, exercises_of, source_form
from autograder.check.card import FOLDER, SUFFIX
from autograder.exercise import BadExercise, Exercise, all_exercises, get_exercise, make_card

ROOT = Path(__file__).resolve().parents[2]
COURSE = ROOT / "course"
BUILD = ROOT / "build" / "course"
CONFIG = "nbgrader_config.py"

# The student half of the package: what the bundle ships.
STUDENT_HALF = ("__init__.py", "plots.py", "check", "cuda")
SOURCES = (".py", ".cu", ".cuh")
STUDENT_NEEDS = "jupyterlab\nipykernel\nnumpy\ntorch\nmatplotlib\nscikit-learn\nscipy\njaxtyping\nsafetensors\n"


class BuildError(Exception):
    """The course cannot be built; the message says what is wrong and where."""


@dataclass(frozen=True)
class Chapter:
    """A folder of `course/`: `07_attention`, whose exercises are in `solutions.attention`."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def package(self) -> str:
        return "solutions." + self.name.split("_", 1)[1]

    @property
    def notebooks(self) -> list[Path]:
        return sorted(self.folder.glob("*.md"))


def all_chapters() -> list[Chapter]:
    """Every chapter of the course, in its order."""
    return [Chapter(folder) for folder in sorted(COURSE.glob("[0-9][0-9]_*")) if any(folder.glob("*.md"))]


def find_chapter(name: str) -> Chapter:
    """The chapter called `07_attention`, `attention` or `7`.

    Raises:
        BuildError: there is none; the message names the nearest.
    """
    chapters = all_chapters()
    for chapter in chapters:
        number, _, word = chapter.name.partition("_")
        if name in (chapter.name, word, number, number.lstrip("0")):
            return chapter
    names = [chapter.name for chapter in chapters]
    near = difflib.get_close_matches(name, [*names, *(n.partition("_")[2] for n in names)], n=1)
    hint = f" Did you mean {near[0]}?" if near else f" There are {', '.join(names)}."
    raise BuildError(f"There is no chapter {name!r}.{hint}")


def import_exercises(chapter: Chapter) -> list[Exercise]:
    """Import the chapter's package of solutions and return its exercises."""
    try:
        importlib.import_module(chapter.package)
    except (ImportError, BadExercise) as error:
        raise BuildError(f"{chapter.package} cannot be imported: {error}") from error
    return [e for e in all_exercises() if e.reference.__module__.startswith(chapter.package + ".")]


def build_chapter(chapter: Chapter, into: Path = BUILD) -> list[str]:
    """Write the chapter's source notebooks and cards into nbgrader's course directory.

    Returns the names of the exercises that its notebooks grade.

    Raises:
        BuildError: a notebook or exercise module is not in order.
    """
    import_exercises(chapter)
    into.mkdir(parents=True, exist_ok=True)
    shutil.copy(COURSE / CONFIG, into / CONFIG)
    target = into / "source" / chapter.name
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    names: list[str] = []
    for path in chapter.notebooks:
        try:
            notebook = source_form(path, chapter.name)
        except BadNotebook as error:
            raise BuildError(f"{chapter.name}: {error}") from error
        nbformat.write(notebook, target / f"{path.stem}.ipynb")
        names += exercises_of(notebook)
    for name in names:
        make_card(get_exercise(name)).save(target / FOLDER / (name + SUFFIX))
    return names


def generate_assignment(chapter: Chapter, into: Path = BUILD) -> Path:
    """Let nbgrader make the release of a chapter that is built. Returns the released folder.

    Raises:
        BuildError: nbgrader refuses; the message is its own.
    """
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", chapter.name, "--force"]
    with FileLock(into / ".release.lock"):  # nbgrader's gradebook takes one release at a time
        done = subprocess.run(command, cwd=into, env=nbgrader_environment(), capture_output=True, text=True)
    if done.returncode != 0:
        raise BuildError(f"nbgrader generate_assignment {chapter.name} failed:\n{done.stderr[-3000:]}")
    return into / "release" / chapter.name


def nbgrader_environment() -> dict[str, str]:
    """nbgrader calls `alembic` by name: this environment's programs come first, activated or not."""
    return {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])}


def release_bundle(chapter: Chapter, into: Path = BUILD) -> Path:
    """The student's zip: released notebooks, cards, the student half of the package, and what to install."""
    released = generate_assignment(chapter, into)
    path = into / "bundles" / f"{chapter.name}.zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for file in sorted(p for p in released.rglob("*") if p.is_file()):
            bundle.write(file, Path(chapter.name) / file.relative_to(released))
        for file in _student_half():
            bundle.write(file, Path(chapter.name) / file.relative_to(ROOT))
        bundle.writestr(f"{chapter.name}/requirements.txt", _student_needs(chapter))
    return path


def _student_needs(chapter: Chapter) -> str:
    """What pip installs for the chapter; NVIDIA's compiler only where kernels are written."""
    writes_kernels = any("autograder.cuda" in notebook.read_text() for notebook in chapter.notebooks)
    return STUDENT_NEEDS + ("nvidia-cuda-nvrtc\nllvmlite\n" if writes_kernels else "")


def _student_half() -> list[Path]:
    package = ROOT / "autograder"
    files = [package / part for part in STUDENT_HALF if (package / part).is_file()]
    folders = [package / part for part in STUDENT_HALF if (package / part).is_dir()]
    return sorted([*files, *(p for folder in folders for p in folder.rglob("*") if p.suffix in SOURCES)])


def ensure_released(chapter: Chapter, into: Path = BUILD) -> None:
    """Build and release a chapter whose release is missing or older than what it is made of.

    Several processes may ask at once: one builds, the others wait.
    """
    into.mkdir(parents=True, exist_ok=True)
    with FileLock(into / ".lock"):
        if not _is_fresh(chapter, into):
            build_chapter(chapter, into)
            generate_assignment(chapter, into)


def _is_fresh(chapter: Chapter, into: Path) -> bool:
    sources = [p for folder in ("solutions", "autograder") for p in (ROOT / folder).rglob("*") if p.suffix in SOURCES]
    made_of = [*chapter.notebooks, *sources]
    newest = max(p.stat().st_mtime for p in made_of)
    released = [into / "release" / chapter.name / f"{p.stem}.ipynb" for p in chapter.notebooks]
    return all(p.exists() and p.stat().st_mtime >= newest for p in released)
