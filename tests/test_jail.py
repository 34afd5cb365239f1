"""What a submission can reach while it is graded, tried by submissions that try, in every tier that this machine can have."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import nbformat
import psutil
import pytest
from sample_class import Notebooks, write

from autograder.build import BUILD, ROOT, ensure_released, find_chapter
from autograder.examiner import Settings, grade_file
from autograder.examiner.workers import host, tier
from autograder.examiner.workers.host import Worker
from autograder.examiner.workers.warm import NoWorker
from autograder.worker.jail import bubblewrap
from autograder.worker.kinds import WITHOUT_TORCH
from autograder.worker.limits import Limits

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("jail")]

NOTHING = Path("/nothing")
LIMITS = Limits(cell_seconds=20, cell_cpu_seconds=10, memory_gib=1, processes=40, disk_gib=0.05, output_mib=1)
confined = pytest.mark.skipif(tier.tier().name == tier.PROCESS, reason=f"nothing confines here: {' '.join(tier.tier().advice)}")
in_namespaces = pytest.mark.skipif(tier.tier().name != tier.NAMESPACES, reason="no bubblewrap that works here (Debian: apt install bubblewrap)")
limited_together = pytest.mark.skipif(not tier.cgroups.available(), reason="no control groups can be made here")


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    """A worker without PyTorch, which starts faster; its walls are the same."""
    with Worker(NOTHING, NOTHING, LIMITS, WITHOUT_TORCH, unsafe=True) as worker:
        yield worker


def printed(worker: Worker, source: str) -> str:
    """What a cell prints, or the name of its error."""
    outputs = worker.run(source)
    return "".join(o.text if o.output_type == "stream" else o.get("ename", "") for o in outputs).strip()


# ---- files, network, processes -----------------------------------------------------------------------------------------


@confined
@pytest.mark.parametrize(
    "path", [ROOT / "README.md", ROOT / "solutions" / "__init__.py", ROOT / "autograder" / "cli.py", Path("/etc/passwd")], ids=str
)
def test_no_file_of_the_instructor_can_be_read(worker, path):
    assert printed(worker, f"open({str(path)!r}).read()") in ("FileNotFoundError", "PermissionError")


@in_namespaces
@pytest.mark.parametrize("path", [ROOT / "solutions", ROOT / "tests", ROOT / "autograder" / "examiner", Path.home() / ".ssh"], ids=str)
def test_no_file_of_the_instructor_exists(worker, path):
    assert printed(worker, f"import os; print(os.path.exists({str(path)!r}))") == "False"


@confined
def test_no_file_can_be_written_outside_the_notebooks_folder(worker):
    tries = "import sys, os\nfor p in (sys.prefix, sys.base_prefix, '/usr', '/', '/etc', '/dev', '/inbox', os.path.dirname(__import__('autograder').__file__)):\n"
    tries += "    try:\n        open(p + '/mark', 'w'); print('written', p)\n    except OSError as e: print('no')"
    assert set(printed(worker, tries).split()) == {"no"}


@confined
def test_no_network(worker):
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=lambda: server.accept(), daemon=True).start()
        address = ("127.0.0.1", server.getsockname()[1])
        assert "Error" in printed(worker, f"import socket; socket.create_connection({address!r}, 2)")


@in_namespaces
def test_no_other_process_and_no_variable_of_the_instructor(monkeypatch):
    monkeypatch.setenv("EXAM_SECRET", "swordfish")
    with Worker(NOTHING, NOTHING, LIMITS, WITHOUT_TORCH) as worker:
        shown = printed(
            worker, "import os, glob; print(dict(os.environ)); print(open('/proc/self/environ').read()); print(glob.glob('/proc/[0-9]*'))"
        )
    assert "swordfish" not in shown
    assert shown.endswith("['/proc/1']")


@in_namespaces
def test_submissions_do_not_meet(tmp_path):
    """Two at the same time, from one parent: no file, no socket and no process of one is there for the other."""
    (tmp_path / "mine.txt").write_text("mine")
    with Worker(tmp_path, NOTHING, LIMITS, WITHOUT_TORCH) as one, Worker(NOTHING, NOTHING, LIMITS, WITHOUT_TORCH) as other:
        assert (
            printed(one, "import socket; print(open('mine.txt').read()); s = socket.socket(socket.AF_UNIX); s.bind('\\0here'); s.listen()") == "mine"
        )
        printed(one, "for f in ('/tmp/left', '/dev/shm/left', 'left'): open(f, 'w').close()")
        look = "import os, glob; print(glob.glob('/inbox/*'), os.listdir('/tmp'), os.listdir('/dev/shm'), os.listdir('.'), len(glob.glob('/proc/[0-9]*')))"
        assert "left" not in printed(other, look)
        assert "mine" not in printed(other, look)
        assert "Error" in printed(other, "import socket; socket.socket(socket.AF_UNIX).connect('\\0here')")


@confined
@pytest.mark.parametrize(
    "call", ["unshare(0x10000000)", "ptrace(16, 1, 0, 0)", "mount(b'/', b'/tmp', b'', 4096, b'')", "syscall(425, 8, 0)", "syscall(321, 0, 0, 0)"]
)
def test_system_calls_that_no_notebook_needs_do_not_exist(worker, call):
    """unshare, ptrace, mount, io_uring_setup and bpf (by their numbers on x86-64)."""
    assert printed(worker, f"import ctypes; c = ctypes.CDLL(None, use_errno=True); print(c.{call}, ctypes.get_errno())") == "-1 38"


@confined
def test_no_rights_are_left(worker):
    shown = printed(worker, "print([l.split()[1] for l in open('/proc/self/status') if l.startswith(('CapEff', 'CapPrm', 'CapBnd', 'NoNewPrivs'))])")
    assert shown.startswith("['0000000000000000', '0000000000000000'")
    assert shown.endswith("'1']")


@in_namespaces
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a worker another user")
def test_as_root_a_worker_has_a_user_that_nobody_is(worker):
    assert int(printed(worker, "import os; print(os.getuid())")) > 100_000


@pytest.mark.parametrize(
    "module", ["solutions", "solutions.attention", *(pytest.param(m, marks=confined) for m in ("autograder.exercise", "autograder.examiner"))]
)
def test_solutions_cannot_be_imported(worker, module):
    assert printed(worker, f"import {module}").endswith(("ImportError", "ModuleNotFoundError"))


def test_importing_the_reference_scores_nothing(tmp_path):
    ensure_released(find_chapter("attention"))
    read = {kind: nbformat.read(BUILD / kind / "07_attention" / "scoring.ipynb", as_version=4) for kind in ("source", "release")}
    notebook = Notebooks("scoring", read["source"], read["release"]).fresh()
    write(notebook, "masked_softmax", "from solutions.attention import masked_softmax")
    path = tmp_path / "scoring.ipynb"
    path.write_text(json.dumps(notebook))
    graded = grade_file(path, BUILD / "release", Settings(unsafe=True))
    assert graded.score == 0


# ---- limits --------------------------------------------------------------------------------------------------------------


def test_memory_is_limited_and_the_limit_is_an_error_like_any_other(worker):
    assert printed(worker, "import numpy as np; huge = np.ones(2**28)").endswith("MemoryError")
    assert printed(worker, "print(1 + 1)") == "2"


@limited_together
@confined
def test_memory_is_limited_for_all_processes_together():
    """Each stays below the limit; together they would need four times as much."""
    hold = "import os, numpy as np, time\nfor _ in range(8):\n    if os.fork() == 0:\n        x = np.ones(2**26); time.sleep(30); os._exit(0)\ntime.sleep(3)\nprint('done')"
    with Worker(NOTHING, NOTHING, LIMITS, WITHOUT_TORCH) as worker:
        assert worker._process is not None
        printed(worker, hold)
        held = sum(p.memory_full_info().uss for p in psutil.Process(worker._process.pid).children(recursive=True))
    assert held < 2.2 * 2**30


@confined
def test_the_number_of_processes_is_limited(worker):
    bomb = "import os, time, signal\nmade = []\ntry:\n    for _ in range(200):\n        child = os.fork()\n"
    bomb += "        if child == 0: time.sleep(60); os._exit(0)\n        made.append(child)\nexcept BlockingIOError: pass\n"
    bomb += "print(len(made))\nfor child in made: os.kill(child, signal.SIGKILL); os.waitpid(child, 0)"
    assert int(printed(worker, bomb)) <= LIMITS.processes


@in_namespaces
def test_the_disk_is_limited(worker):
    fill = "for k in range(100):\n    with open(f'big{k}', 'wb') as file: file.write(bytes(2**20))"
    assert printed(worker, fill) == "OSError"
    printed(worker, "import glob, os\nfor f in glob.glob('big*'): os.remove(f)")


def test_the_output_is_limited(worker):
    shown = printed(worker, "for _ in range(50): print('x' * 10**5)")
    assert len(shown) < 1.1 * 2**20
    assert "the rest was not kept" in shown


def test_a_long_cell_is_stopped_and_keeps_what_it_had():
    with Worker(NOTHING, NOTHING, Limits(cell_seconds=1), WITHOUT_TORCH, unsafe=True) as worker:
        shown = printed(worker, "x = 1\nprint('begun')\nwhile True: pass")
        assert shown.startswith("begun")
        assert shown.endswith("CellTimeout")
        assert printed(worker, "print(x)") == "1"


def test_processor_time_is_limited():
    with Worker(NOTHING, NOTHING, Limits(cell_seconds=60, cell_cpu_seconds=1), WITHOUT_TORCH, unsafe=True) as worker:
        outputs = worker.run("while True: pass")
        assert "1 seconds of processor time" in outputs[-1].evalue
        assert printed(worker, "import time; time.sleep(2); print('slept')") == "slept"


def test_a_cell_that_does_not_listen_loses_its_process_but_not_what_came_before():
    with Worker(NOTHING, NOTHING, Limits(cell_seconds=1), WITHOUT_TORCH, unsafe=True) as worker:
        printed(worker, "x = 1")
        kept = worker.snapshot()
        shown = printed(worker, "x = 2\nimport signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass")
        assert shown.endswith("CellTimeout")
        assert printed(worker, "print(x)") == "1"
        assert kept.process is not None


# ---- what is left --------------------------------------------------------------------------------------------------------


def test_nothing_of_a_worker_is_left(tmp_path):
    (tmp_path / "data.txt").write_text("x")
    leave = "import os, subprocess\nfor _ in range(2):\n    if os.fork() == 0:\n        os.setsid()\n        if os.fork(): os._exit(0)\n"
    leave += "        os.execvp('sleep', ['sleep', '43210'])\nsubprocess.Popen(['sleep', '43210'], start_new_session=True)"
    with Worker(tmp_path, NOTHING, LIMITS, WITHOUT_TORCH, unsafe=True) as worker:
        printed(worker, leave)
        assert worker._process is not None
        inboxes = host.warm_parent(WITHOUT_TORCH, worker._layers)._inboxes
        before = len(list(inboxes.iterdir()))
    assert len(list(inboxes.iterdir())) == before - 1
    commands = [p.read_bytes() for p in Path("/proc").glob("[0-9]*/cmdline") if p.exists()]
    assert not any(b"43210" in c for c in commands)


# ---- tiers ---------------------------------------------------------------------------------------------------------------


def test_a_tier_is_believed_only_if_its_walls_hold():
    """Without any layer, the probe gets through everywhere."""
    reached = tier._failures(frozenset())
    assert "it reads files of others" in reached
    assert "it reaches the network" in reached
    assert "it may make system calls that it does not need" in reached


@confined
@pytest.mark.parametrize("layer", ["landlock", "seccomp"])
def test_a_missing_layer_is_noticed_where_there_are_no_namespaces(layer):
    assert tier._failures(tier._available() - {"user", layer}) != []


AS_AN_ORDINARY_USER = """
import sys
from pathlib import Path
from autograder.worker.jail import bubblewrap
if "without bubblewrap" in sys.argv:
    bubblewrap.is_installed = lambda: False
from autograder.examiner.workers import tier
from autograder.examiner.workers.host import Worker
from autograder.worker.limits import Limits
from autograder.worker.kinds import WITHOUT_TORCH
with Worker(Path("/nothing"), Path("/nothing"), Limits(), WITHOUT_TORCH) as worker:
    print(tier.tier().name, worker.run("import os; print(os.getuid())")[0].text)
"""


@in_namespaces
@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="only root can become another user, with util-linux's setpriv")
@pytest.mark.parametrize(("how", "expected"), [("", tier.NAMESPACES), ("without bubblewrap", tier.LANDLOCK)])
def test_an_ordinary_user_can_grade(how, expected):
    if expected == tier.LANDLOCK and tier.landlock.version() < 6:
        pytest.skip("this kernel's Landlock does not guard signals")
    done = subprocess.run([*_as_nobody(), sys.executable, "-c", AS_AN_ORDINARY_USER, how], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == [expected, "65534"], done.stderr


def _as_nobody() -> list[str]:
    """The command before a command that nobody is to run. Interpreters like to lie where only root may go: open the way."""
    closed = [folder for python in bubblewrap.interpreter() for folder in Path(python).parents if not folder.stat().st_mode & 0o001]
    way = [flag for folder in dict.fromkeys(closed) for flag in ("--tmpfs", str(folder))]
    if way:
        way += bubblewrap.parents(bubblewrap.interpreter()) + bubblewrap.read_only(bubblewrap.interpreter())
    user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    return ["bwrap", "--dev-bind", "/", "/", *way, "--cap-add", "ALL", "--setenv", "HOME", "/tmp", *user]


def test_below_the_floor_grading_refuses_and_says_what_to_install(monkeypatch):
    monkeypatch.setattr(bubblewrap, "is_installed", lambda: False)
    monkeypatch.setattr(tier.landlock, "version", lambda: 0)
    tier.tier.cache_clear()
    try:
        with pytest.raises(NoWorker, match="bubblewrap is not installed") as refusal:
            Worker(NOTHING, NOTHING, LIMITS)
        assert "--unsafe" in str(refusal.value)
        with Worker(NOTHING, NOTHING, LIMITS, WITHOUT_TORCH, unsafe=True) as worker:
            assert printed(worker, "print(1 + 1)") == "2"
    finally:
        tier.tier.cache_clear()
