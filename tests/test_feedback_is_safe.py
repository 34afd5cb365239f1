"""A feedback page can be opened: nothing that a submission displays or writes runs there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat
import pytest
from nbconvert import HTMLExporter
from sample_class import Notebooks

from autograder.build import BUILD, ensure_released, find_chapter
from autograder.examiner import Graded, Settings, grade_file

SCRIPT = "<script>window.hacked = 1</script>"
DISPLAYS = {
    "html": f'from IPython.display import HTML; HTML(\'{SCRIPT}<b onmouseover="window.hacked = 1">bold</b><img src=x onerror="window.hacked = 1">\')',
    "svg": 'from IPython.display import SVG; SVG(\'<svg xmlns="http://www.w3.org/2000/svg" onload="window.hacked = 1"><script>1</script></svg>\')',
    "javascript": "from IPython.display import Javascript; Javascript('window.hacked = 1')",
    "markdown": f"from IPython.display import Markdown; Markdown('hello {SCRIPT}')",
    "forged image": f"from IPython.display import display; display({{'image/png': '\">{SCRIPT}'}}, raw=True)",
    "stream": f"print('{SCRIPT}')",
    "long": "print('x' * 3_000_000)",
}


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Graded:
    """A perfect notebook with cells of the student's own that try to run scripts in the reader's browser."""
    ensure_released(find_chapter("attention"))
    read = {kind: nbformat.read(BUILD / kind / "07_attention" / "scoring.ipynb", as_version=4) for kind in ("source", "release")}
    notebook = Notebooks("scoring", read["source"], read["release"]).perfect()
    notebook.cells[1:1] = [nbformat.v4.new_code_cell(source) for source in DISPLAYS.values()]
    notebook.cells[1:1] = [nbformat.v4.new_markdown_cell(f"My notes {SCRIPT} and $a < b$"), nbformat.v4.new_markdown_cell("`i < n` and $a < b$")]
    path: Path = tmp_path_factory.mktemp("unsafe") / "scoring.ipynb"
    path.write_text(json.dumps(notebook))
    return grade_file(path, BUILD / "release", Settings())


def test_it_is_graded_like_any_other(graded):
    assert graded.score == graded.max_score


def test_no_script_reaches_the_page(graded):
    page, _ = HTMLExporter().from_notebook_node(graded.notebook)
    assert SCRIPT not in page
    assert not re.search(r"<\w+[^<>]*window\.hacked", page)  # in a tag; in the source of a cell it is escaped


def test_harmless_parts_stay(graded):
    page, _ = HTMLExporter().from_notebook_node(graded.notebook)
    assert "<b>bold</b>" in page
    assert "hello" in page
    assert "&lt;script&gt;" in page  # what was printed as text is shown as text
    assert "<code>i &lt; n</code>" in page


def test_long_outputs_are_cut(graded):
    assert len(nbformat.writes(graded.notebook)) < 2**20
