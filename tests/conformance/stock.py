"""Run a notebook in a stock Jupyter kernel, as a student does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import matplotlib
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, new_output

CELL_SECONDS = 60
NOTEBOOK = "notebook"
QUIET = ["--log-level=50", "--HistoryManager.hist_file=:memory:"]


def run(sources: Sequence[str], folder: Path) -> list[list[NotebookNode]]:
    """The outputs of each cell, in a fresh kernel in a copy of `folder`."""
    with tempfile.TemporaryDirectory() as place:
        shutil.copytree(folder, Path(place) / NOTEBOOK, ignore=shutil.ignore_patterns("__pycache__"))
        cells = [new_code_cell(source) for source in sources]
        manager = AsyncKernelManager(kernel_name="python3")
        manager.kernel_spec.argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]  # type: ignore[union-attr]
        client = NotebookClient(
            new_notebook(cells=cells), km=manager, allow_errors=True, timeout=CELL_SECONDS, extra_arguments=QUIET, shutdown_kernel="immediate"
        )
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with client.setup_kernel(cwd=str(Path(place) / NOTEBOOK), env=environment(Path(place)), cleanup_kc=True, **quiet):
            for index, cell in enumerate(client.nb.cells):
                run_cell(client, cell, index)
        return [list(cell.outputs) for cell in client.nb.cells]


def run_cell(client: NotebookClient, cell: NotebookNode, index: int) -> None:
    try:
        client.execute_cell(cell, index)
    except DeadKernelError:
        cell.outputs.append(new_output("error", ename="KernelDied", evalue="", traceback=[]))
    except CellTimeoutError:
        cell.outputs.append(new_output("error", ename="CellTimeout", evalue="", traceback=[]))


def environment(place: Path) -> dict[str, str]:
    """This process's, less what changes how a kernel behaves: settings of its user, and pytest. Its home is the notebook's folder."""
    fonts = place / "matplotlib"
    fonts.mkdir()
    for path in Path(matplotlib.get_cachedir()).glob("fontlist*.json"):
        shutil.copy(path, fonts)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "IPY", "MPL", "JUPYTER"))}
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**kept, **one_thread, "HOME": str(place / NOTEBOOK), "IPYTHONDIR": str(place / "ipython"), "MPLCONFIGDIR": str(fonts), "LANG": "C.UTF-8"}
