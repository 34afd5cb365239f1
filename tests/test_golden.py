"""The golden notebooks are today's: `pytest --nbval tests/golden` then shows that their outputs are too."""

import nbformat
import pytest
from golden_notebooks import GOLDEN, golden_path, reference

from autograder.build import all_chapters

NOTEBOOKS = [pytest.param(c, n, id=f"{c.name}/{n.stem}") for c in all_chapters() for n in c.notebooks]


@pytest.mark.parametrize(("chapter", "notebook"), NOTEBOOKS)
def test_golden_notebook_is_built_from_todays_course(chapter, notebook):
    golden = nbformat.read(golden_path(chapter, notebook), as_version=4)
    today = reference(notebook)
    assert [(c.cell_type, c.source) for c in golden.cells] == [(c.cell_type, c.source) for c in today.cells], "run `make golden`"


@pytest.mark.parametrize(("chapter", "notebook"), NOTEBOOKS)
def test_golden_notebook_passes_its_own_checks(chapter, notebook):
    """The outputs that nbval compares with were made by the right solutions, and hold no image."""
    golden = nbformat.read(golden_path(chapter, notebook), as_version=4)
    checks = [c for c in golden.cells if c.cell_type == "code" and c.source.startswith("check(")]
    assert checks
    for cell in checks:
        assert "right! All" in cell.outputs[0].data["text/plain"]
    assert not any(o.output_type == "error" for c in golden.cells for o in c.get("outputs", []))
    assert not any("image/png" in o.get("data", {}) for c in golden.cells for o in c.get("outputs", []))


def test_no_golden_notebook_is_left_over():
    wanted = {golden_path(c, n) for c in all_chapters() for n in c.notebooks}
    assert set(GOLDEN.rglob("*.ipynb")) == wanted


@pytest.mark.parametrize(("chapter", "notebook"), NOTEBOOKS)
def test_no_figure_asks_for_a_background_of_its_own(chapter, notebook):
    """They are drawn for light and dark themes: a box behind them would fit only one."""
    golden = nbformat.read(golden_path(chapter, notebook), as_version=4)
    assert not any("needs_background" in o.get("metadata", {}) for c in golden.cells for o in c.get("outputs", []))
