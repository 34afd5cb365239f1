"""An honest student loses nothing: a worker shows what a stock Jupyter kernel shows, cell by cell (see tests/conformance)."""

from __future__ import annotations

from pathlib import Path

import jupytext
import pytest
from conformance import stock, worker
from conformance.compare import differences

from autograder.examiner.workers.tier import LANDLOCK, tier

pytestmark = pytest.mark.timeout(300)

HERE = Path(__file__).parent / "conformance"
NOTEBOOKS = sorted(path.stem for path in (HERE / "notebooks").glob("*.md"))
# Where others could see them, a worker has no terminals (for `!command`) and no semaphores (for multiprocessing).
NEED_NAMESPACES = ("magics_and_files", "numbers", "processes", "surroundings", "threads", "torch_training")


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_worker_shows_what_a_stock_kernel_shows(name: str) -> None:
    if name in NEED_NAMESPACES and tier().name == LANDLOCK:
        pytest.skip("no bubblewrap that works here (Debian: apt install bubblewrap)")
    cells = jupytext.read(HERE / "notebooks" / f"{name}.md").cells
    sources = [cell.source for cell in cells if cell.cell_type == "code"]
    found = differences(sources, stock.run(sources, HERE / "beside"), worker.run(sources, HERE / "beside"))
    if found:
        more = ", ".join(str(difference.cell) for difference in found[1:])
        pytest.fail(f"{name}.md, {found[0]}" + (f"\nalso cells {more}" if more else ""), pytrace=False)
