"""Where an attack happens: a course directory of its own, with canaries that nobody may read or change."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from sample_class import Notebooks, exercises, write

from autograder.build import BUILD

# Where the examiner and the worker exchange files, as the kernel's own command line tells.
EXCHANGE = "__import__('pathlib').Path(__import__('ipykernel.connect').connect.get_connection_file()).parent.parent"


@dataclass
class Scene:
    """`place` holds release, gradebook, submissions. `secrets` are the words that must not appear in what is graded."""

    place: Path
    chapter: str
    notebooks: Notebooks
    notebook: NotebookNode = field(init=False)
    secret: str = field(default_factory=lambda: "swordfish" + secrets.token_hex(8))
    raw: str | None = None

    def __post_init__(self) -> None:
        self.notebook = self.notebooks.fresh()
        shutil.copytree(BUILD / "release" / self.chapter, self.release / self.chapter)
        classmate = self.notebooks.perfect()
        classmate.cells.insert(1, new_code_cell(f"# {self.secret}"))
        for path in (self.release / "secret.ipynb", self.place / "submitted" / "ada" / self.chapter / f"{self.notebooks.name}.ipynb"):
            path.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(classmate, path)
        for name in ("gradebook.db", "secret.txt"):
            (self.place / name).write_text(self.secret)
        self.folder.mkdir(parents=True)

    @property
    def release(self) -> Path:
        return self.place / "release"

    @property
    def points(self) -> float:
        return sum(cell.metadata.get("nbgrader", {}).get("points", 0) for cell in self.notebooks.released.cells)

    @property
    def folder(self) -> Path:
        """What the attacker hands in."""
        return self.place / "submitted" / "mallory" / self.chapter

    @property
    def file(self) -> Path:
        return self.folder / f"{self.notebooks.name}.ipynb"

    def answer_all(self, source: str) -> None:
        for name in exercises(self.notebook):
            write(self.notebook, name, self._filled(source).replace("NAME", name))

    def add_cell(self, source: str, after: str) -> None:
        at = next(k for k, cell in enumerate(self.notebook.cells) if cell.id == after)
        self.notebook.cells.insert(at + 1, new_code_cell(self._filled(source)))

    def _filled(self, source: str) -> str:
        targets = [
            self.place / "gradebook.db",
            self.place / "secret.txt",
            self.place / "submitted" / "ada" / self.chapter / f"{self.notebooks.name}.ipynb",
        ]
        targets += [self.release / self.chapter / f"{self.notebooks.name}.ipynb"]
        return (
            source.replace("SECRET_FILES", repr([str(t) for t in targets]))
            .replace("CANARY", repr(str(targets[0])))
            .replace("EXCHANGE", EXCHANGE)
            .replace("PLACE", repr(str(self.place)))
        )

    def hand_in(self) -> None:
        """As a file of JSON, which need not be a valid notebook."""
        self.file.write_text(json.dumps(self.notebook) if self.raw is None else self.raw)

    def fingerprints(self) -> dict[str, str]:
        """Of every file but the examiner's temporary ones."""
        files = (p for p in self.place.rglob("*") if p.is_file() and not p.is_symlink() and self.place / "t" not in p.parents)
        return {str(p.relative_to(self.place)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def read_notebooks(chapter: str) -> Notebooks:
    """The notebook of a chapter, from the build."""
    path = next((BUILD / "release" / chapter).glob("*.ipynb"))
    read = [nbformat.read(BUILD / kind / chapter / path.name, as_version=4) for kind in ("source", "release")]
    return Notebooks(path.stem, *read)
