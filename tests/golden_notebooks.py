"""The reference notebooks, executed: `python tests/golden_notebooks.py` writes them to tests/golden for nbval.

Only text outputs are kept; images are left out, because they differ between machines.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from autograder.build import Chapter, all_chapters
from autograder.build.notebook import read_reference

GOLDEN = Path(__file__).parent / "golden"
IMAGES = ("image/png", "image/jpeg", "image/svg+xml")


def golden_path(chapter: Chapter, notebook: Path) -> Path:
    return GOLDEN / chapter.name / f"{notebook.stem}.ipynb"


def reference(notebook: Path) -> NotebookNode:
    """The notebook as text in `course/` says it, without outputs."""
    found = read_reference(notebook)
    found.metadata = NotebookNode({"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}})
    for cell in found.cells:
        tags = cell.metadata.get("tags", [])
        cell.metadata = NotebookNode({"tags": tags} if tags else {})
    return found


def execute(notebook: Path) -> NotebookNode:
    found = reference(notebook)
    client = NotebookClient(found, timeout=300, kernel_name="python3", record_timing=False, extra_arguments=["--log-level=40"])
    client.execute(cwd=str(notebook.parent))
    for cell in found.cells:
        for output in cell.get("outputs", []):
            for image in IMAGES:
                output.get("data", {}).pop(image, None)
    found.metadata.pop("language_info", None)
    return found


def main() -> None:
    chosen = sys.argv[1:]
    for chapter in all_chapters():
        for notebook in chapter.notebooks:
            if not chosen or chapter.name in chosen or notebook.stem in chosen:
                path = golden_path(chapter, notebook)
                path.parent.mkdir(parents=True, exist_ok=True)
                nbformat.write(execute(notebook), path)
                print(path.relative_to(GOLDEN.parent))


if __name__ == "__main__":
    main()
