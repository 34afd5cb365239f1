"""What a grading depends on, as one number: equal fingerprints have equal verdicts."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from nbformat import NotebookNode

from autograder.build.course import ROOT, SOURCES, Chapter
from autograder.examiner.examine import Settings, exercise_name, is_demonstration, kind_of_worker
from autograder.examiner.workers.host import files_beside
from autograder.examiner.workers.tier import tier

# Whose behaviour shows in what a notebook computes or displays.
PACKAGES = (
    "torch", "numpy", "scipy", "scikit-learn", "matplotlib", "ipython", "ipykernel", "jaxtyping", "safetensors", "nh3", "llvmlite", "nvidia-cuda-nvrtc",
)  # fmt: skip


@dataclass(frozen=True)
class Gradable:
    """A rebuilt notebook, what the rebuilding noted, and all else that `examine_notebook` takes."""

    notebook: NotebookNode
    notes: list[str]
    chapter: Chapter
    folder: Path
    cards: Path
    settings: Settings


def fingerprint(gradable: Gradable) -> str:
    """The fingerprint of a rebuilt notebook and all that has a say in its grading.

    That is: the student's code and files, the release, the exercises of the chapter, the engine, and the settings.
    """
    notebook, folder = gradable.notebook, gradable.folder
    parts = [
        json.dumps([_cells(notebook), gradable.notes, kind_of_worker(notebook, gradable.settings.run_demonstrations)]),
        *(f"{path.relative_to(folder)} {_hash_of_file(path)}" for path in files_beside(folder)),
        *(f"{path.name} {_hash_of_file(path)}" for path in sorted(gradable.cards.glob("*"))),
        exercises_version(gradable.chapter.package),
        engine_version(),
        json.dumps(asdict(gradable.settings)) + tier().name,
    ]
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def _cells(notebook: NotebookNode) -> list[tuple[str, str, str, str, bool]]:
    """The cells as far as grading reads them. What is written in text cells it does not, and keeps nothing of."""
    return [
        (cell.id, cell.cell_type, cell.source if cell.cell_type == "code" else "", exercise_name(cell), is_demonstration(cell))
        for cell in notebook.cells
    ]


@functools.cache
def exercises_version(package: str) -> str:
    """Of the sources of a chapter's package, and of the other chapters that it builds on."""
    seen: dict[str, str] = {}
    waiting = [package]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        folder = ROOT.joinpath(*name.split("."))
        sources = sorted(folder.glob("*.py"))
        seen[name] = " ".join(map(_hash_of_file, sources))
        waiting += [imported for source in sources for imported in _chapters_imported(source)]
    return json.dumps(seen, sort_keys=True)


def _chapters_imported(source: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(source.read_text())):
        names = (
            [node.module]
            if isinstance(node, ast.ImportFrom) and node.module
            else [a.name for a in node.names]
            if isinstance(node, ast.Import)
            else []
        )
        yield from (".".join(name.split(".")[:2]) for name in names if name.startswith("solutions."))


@functools.cache
def engine_version() -> str:
    """Of this package's sources, of Python, and of the packages that notebooks use."""
    sources = sorted(path for path in (ROOT / "autograder").rglob("*") if path.suffix in SOURCES)
    versions = [platform.python_version(), *(importlib.metadata.version(name) for name in PACKAGES)]
    return hashlib.sha256(" ".join([*map(_hash_of_file, sources), *versions]).encode()).hexdigest()


def _hash_of_file(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
