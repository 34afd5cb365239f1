"""Where an attack happens: a course directory of its own, with canaries that nobody may read or change."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from sample_class import Notebooks, exercises, write

from autograder.build import BUILD


@dataclass
class Scene:
    """`place` holds release, gradebook, submissions. `secret` is the word that must not appear in what is graded.

    At `port`, and at names made of it, listens a service that is none of the submission's business.
    """

    place: Path
    chapter: str
    notebooks: Notebooks
    notebook: NotebookNode = field(init=False)
    secret: str
    raw: str | None = None
    # Of the machine's own chance: forks of one process share Python's. Below the ports that connections get.
    port: int = field(default_factory=lambda: 20_000 + secrets.randbelow(12_000))

    def __post_init__(self) -> None:
        self.notebook = self.notebooks.fresh()
        self.folder.mkdir(parents=True)

    @property
    def release(self) -> Path:
        return self.place / "release"

    @property
    def points(self) -> float:
        """Of the exercises. What is written is marked by hand."""
        return sum(cell.metadata.get("nbgrader", {}).get("points", 0) for cell in self.notebooks.released.cells if cell.cell_type == "code")

    @property
    def folder(self) -> Path:
        """What the attacker hands in."""
        return self.place / "submitted" / "mallory" / self.chapter

    @property
    def file(self) -> Path:
        return self.folder / f"{self.notebooks.name}.ipynb"

    @property
    def classmate(self) -> Path:
        return self.place / "submitted" / "ada" / self.chapter / self.file.name

    def answer_all(self, source: str) -> None:
        for name in exercises(self.notebook):
            write(self.notebook, name, self._filled(source).replace("NAME", name))

    def add_cell(self, source: str, after: str) -> None:
        at = next(k for k, cell in enumerate(self.notebook.cells) if cell.id == after)
        self.notebook.cells.insert(at + 1, new_code_cell(self._filled(source)))

    def _filled(self, source: str) -> str:
        notebook = Path(self.chapter) / f"{self.notebooks.name}.ipynb"
        targets = ["gradebook.db", "secret.txt", Path("submitted") / "ada" / notebook, "release" / notebook, "source" / notebook]
        targets = [self.place / target for target in targets]
        return (
            source.replace("SECRET_FILES", repr([str(t) for t in targets]))
            .replace("CANARY", repr(str(targets[0])))
            .replace("SERVICE", str(self.port))
            .replace("PLACE", repr(str(self.place)))
        )

    def hand_in(self) -> None:
        """As a file of JSON, which need not be a valid notebook."""
        self.file.write_text(json.dumps(self.notebook) if self.raw is None else self.raw)

    def fingerprints(self) -> dict[str, str]:
        """Of every file."""
        return fingerprints(self.place, [])


def fingerprints(place: Path, without: Collection[Path]) -> dict[str, str]:
    """Of all plain files below a folder, but for some files and folders."""
    found = {}
    for folder, folders, names in os.walk(place):
        folders[:] = [name for name in folders if Path(folder) / name not in without]
        for path in (Path(folder) / name for name in names):
            if path not in without and path.is_file() and not path.is_symlink():
                found[str(path.relative_to(place))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def staged(place: Path, chapter: str, secret: str, notebook: str = "*") -> Scene:
    """Release, gradebook, an instructor's secrets and a classmate who solved everything."""
    notebooks = read_notebooks(chapter, notebook)
    scene = Scene(place, chapter, notebooks, secret)
    shutil.copytree(BUILD / "release" / chapter, scene.release / chapter)
    classmate = notebooks.perfect()
    classmate.cells.insert(1, new_code_cell(f"# {scene.secret}"))
    name = f"{notebooks.name}.ipynb"
    for path in (scene.release / "secret.ipynb", place / "source" / chapter / name, place / "submitted" / "ada" / chapter / name):
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(classmate, path)
    for name in ("gradebook.db", "secret.txt"):
        (place / name).write_text(scene.secret)
    return scene


def read_notebooks(chapter: str, notebook: str) -> Notebooks:
    """A notebook of a chapter, from the build."""
    path = min((BUILD / "release" / chapter).glob(f"{notebook}.ipynb"))
    read = [nbformat.read(BUILD / kind / chapter / path.name, as_version=4) for kind in ("source", "release")]
    return Notebooks(path.stem, *read)
