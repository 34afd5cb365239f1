"""What a submission can reach while it is graded, tried by submissions that try."""

from __future__ import annotations

import json
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from sample_class import Notebooks, write

from autograder.build import BUILD, ROOT, ensure_released, find_chapter
from autograder.examiner import Settings, grade_file
from autograder.worker import jail
from autograder.worker.kernel import KernelWorker, Limits, WorkerDied

pytestmark = [pytest.mark.timeout(300)]
confined = pytest.mark.skipif(jail.tier() != jail.NAMESPACES, reason="no bubblewrap that works here (Debian: apt install bubblewrap)")

NOTHING = Path("/nothing")


@pytest.fixture
def worker() -> Iterator[KernelWorker]:
    with KernelWorker(NOTHING, NOTHING, Limits(cell_seconds=20)) as worker:
        yield worker


def printed(worker: KernelWorker, source: str) -> str:
    """What a cell prints, or the name of its error."""
    outputs = worker.run(source)
    return "".join(o.text if o.output_type == "stream" else o.get("ename", "") for o in outputs)


@confined
@pytest.mark.parametrize(
    "path", [ROOT / "solutions", ROOT / "tests", ROOT / "autograder" / "examiner", Path.home() / ".ssh", Path("/etc/passwd")], ids=str
)
def test_no_file_of_the_instructor_exists(worker, path):
    assert printed(worker, f"import os; print(os.path.exists({str(path)!r}))").strip() == "False"


@confined
def test_no_file_can_be_written_outside_the_notebooks_folder(worker):
    tries = "import sys, os\nfor p in (sys.prefix, sys.base_prefix, '/usr', os.path.dirname(__import__('autograder').__file__)):\n"
    tries += "    try:\n        open(p + '/mark', 'w'); print('written', p)\n    except OSError as e: print('no')"
    assert set(printed(worker, tries).split()) == {"no"}
    printed(worker, "open('/etc/mark', 'w')")  # its own /etc, which goes with it
    assert not Path("/etc/mark").exists()


@confined
def test_no_network(worker):
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=lambda: server.accept(), daemon=True).start()
        address = ("127.0.0.1", server.getsockname()[1])
        assert "Error" in printed(worker, f"import socket; socket.create_connection({address!r}, 2)")


@confined
def test_no_other_process_and_no_variable_of_the_instructor(worker, monkeypatch):
    monkeypatch.setenv("EXAM_SECRET", "swordfish")
    shown = printed(worker, "import os, glob; print(dict(os.environ)); print(len(glob.glob('/proc/[0-9]*')))")
    assert "swordfish" not in shown
    assert int(shown.split()[-1]) <= 3


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="no prlimit on this machine")
def test_memory_is_limited_and_the_limit_is_an_error_like_any_other(worker):
    assert printed(worker, "import numpy as np; huge = np.ones(3 * 2**30)").endswith("MemoryError")
    assert printed(worker, "print(1 + 1)").strip() == "2"


@pytest.mark.parametrize(
    "module", ["solutions", "solutions.attention", *(pytest.param(m, marks=confined) for m in ("autograder.exercise", "autograder.examiner"))]
)
def test_solutions_cannot_be_imported(worker, module):
    assert printed(worker, f"import {module}").endswith(("ImportError", "ModuleNotFoundError"))


def test_a_link_in_place_of_the_answers_is_not_followed(tmp_path, worker):
    secret = tmp_path / "secret"
    secret.write_text("x")
    worker.run(
        "import os, sys, threading, autograder.worker.answer as a\n"
        f"a.answer = lambda asked, answered, ns: os.symlink({str(secret)!r}, answered)\n"
        "def f(x): return x"
    )
    with pytest.raises(WorkerDied, match="no answer that can be read"):
        worker.ask("f", [], None, (), 1)


def test_a_pipe_in_place_of_the_answers_does_not_block(worker):
    worker.run("import os, autograder.worker.answer as a\na.answer = lambda asked, answered, ns: os.mkfifo(answered)\ndef f(x): return x")
    with pytest.raises(WorkerDied, match="no answer that can be read"):
        worker.ask("f", [], None, (), 1)


def test_nothing_of_a_worker_is_left(tmp_path):
    with KernelWorker(NOTHING, NOTHING, Limits()) as worker:
        place = worker.run("import os, subprocess; subprocess.Popen(['sleep', '4321']); print(os.getcwd())")[0].text.strip()
    assert not Path(place).exists()
    if jail.tier() == jail.NAMESPACES:
        commands = [p.read_bytes() for p in Path("/proc").glob("[0-9]*/cmdline") if p.exists()]
        assert not any(b"4321" in c for c in commands)


def test_importing_the_reference_scores_nothing(tmp_path):
    ensure_released(find_chapter("attention"))
    read = {kind: nbformat.read(BUILD / kind / "07_attention" / "scoring.ipynb", as_version=4) for kind in ("source", "release")}
    notebook = Notebooks("scoring", read["source"], read["release"]).fresh()
    write(notebook, "masked_softmax", "from solutions.attention import masked_softmax")
    path = tmp_path / "scoring.ipynb"
    path.write_text(json.dumps(notebook))
    graded = grade_file(path, BUILD / "release", Settings())
    assert graded.score == 0
