"""A worker runs a notebook's cells, keeps the state at each graded cell, and answers later."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from autograder.check.asking import Question, Reply
from autograder.examiner.workers.host import Request, Snapshot, Worker
from autograder.examiner.workers.process import OutOfTime, WorkerDied
from autograder.worker.kinds import WITH_TORCH, WITHOUT_TORCH
from autograder.worker.limits import Limits

pytestmark = [pytest.mark.timeout(120), pytest.mark.xdist_group("worker")]

NOTHING = Path("/nothing")
IGNORES_INTERRUPTS = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"


def start(kind: str = WITHOUT_TORCH, folder: Path = NOTHING, seed: int = 0, **limits: float) -> Worker:
    return Worker(folder, NOTHING, Limits(**limits), kind, seed, unsafe=True)  # type: ignore[arg-type]


def printed(worker: Worker, source: str) -> str:
    return "".join(o.text if o.output_type == "stream" else o.get("ename", "") for o in worker.run(source)).strip()


def ask(state: Snapshot, *args: int, name: str = "f", seconds: float = 60) -> list[Reply] | str:
    questions = [Question("", (arg,)) for arg in args]
    return state.ask(Request(name, questions, seconds=seconds), time.monotonic() + seconds)


def answers(state: Snapshot, *args: int) -> list[object]:
    replies = ask(state, *args)
    assert not isinstance(replies, str)
    return [reply.value for reply in replies]


# ---- states --------------------------------------------------------------------------------------------------------------


def test_a_state_is_what_it_was_at_its_cell():
    with start() as worker:
        worker.run("helper = 2\ndef f(x): return helper * x")
        early = worker.snapshot()
        worker.run("helper = 100")
        late = worker.snapshot()
        assert answers(early, 3, 4) == [6, 8]
        assert answers(late, 3) == [300]


def test_asking_one_state_does_not_change_another():
    with start() as worker:
        worker.run("calls = []\ndef f(x):\n    calls.append(x)\n    return len(calls)")
        states = [worker.snapshot(), worker.snapshot()]
        assert answers(states[0], 7, 7) == [1, 2]
        assert answers(states[1], 7) == [1]
        assert answers(states[0], 7) == [3]  # the visible questions come before the hidden ones


def test_what_the_notebook_never_defined_is_said():
    with start() as worker:
        assert "There is no f" in str(ask(worker.snapshot(), 1))
        worker.run("f = 3")
        assert "no function or class any more, but int" in str(ask(worker.snapshot(), 1))


def test_an_answer_that_ends_its_process_costs_no_other():
    with start() as worker:
        worker.run("import os\ndef f(x): return os._exit(1) if x else 5")
        one, other = worker.snapshot(), worker.snapshot()
        with pytest.raises(WorkerDied, match="ended its process"):
            ask(one, 1)
        assert answers(other, 0) == [5]


def test_an_answer_that_hangs_costs_its_time_and_no_other():
    with start(exercise_seconds=1) as worker:
        worker.run("import signal\ndef f(x):\n    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\n    while x: pass\n    return 5")
        one, other = worker.snapshot(), worker.snapshot()
        begun = time.monotonic()
        with pytest.raises(OutOfTime, match="within 1 seconds"):
            ask(one, 1)
        assert time.monotonic() - begun < 10
        assert answers(other, 0) == [5]


def test_states_survive_a_later_cell_that_ends_the_process():
    with start() as worker:
        worker.run("def f(x): return x + 1")
        state = worker.snapshot()
        worker.run("def f(x): return 0")
        assert printed(worker, "import os; os._exit(0)").endswith("KernelDied")
        assert answers(state, 1) == [2]
        assert printed(worker, "print(f(1))") == "0"


def test_a_state_with_threads_is_asked_in_a_second_run_of_the_cells():
    """A fork would leave the threads behind."""
    with start() as worker:
        worker.run("import queue, threading\nasked, answered = queue.Queue(), queue.Queue()\n")
        worker.run("def work():\n    while True: answered.put(10 * asked.get())\nthreading.Thread(target=work, daemon=True).start()")
        worker.run("def f(x):\n    asked.put(x)\n    return answered.get()")
        state = worker.snapshot()
        assert state.process is None
        worker.run("def f(x): return 0")
        assert answers(state, 1, 2) == [10, 20]


def test_a_thread_that_prints_on_disturbs_nothing():
    with start() as worker:
        source = "import threading, time\ndef talk():\n    for k in range(30): print('still here', flush=True); time.sleep(0.1)\n"
        worker.run(source + "threading.Thread(target=talk, daemon=True).start()\ndef f(x): return x")
        time.sleep(0.5)
        state = worker.snapshot()
        assert "next" in printed(worker, "print('next')")
        assert answers(state, 1) == [1]


def test_torch_with_more_threads_is_asked_like_any_other():
    """Its pool of threads does not survive a fork; an operation in the fork would wait for them for ever."""
    with start(WITH_TORCH) as worker:
        worker.run("import torch; torch.set_num_threads(2); x = torch.ones(1000, 1000) @ torch.ones(1000, 1000)")
        worker.run("def f(x): return float((torch.ones(1000, 1000) @ torch.ones(1000, 1000)).sum()) * x")
        assert answers(worker.snapshot(), 0) == [0.0]


def test_time_for_questions_is_left_when_cells_take_all_of_theirs():
    with start(notebook_seconds=12, cell_seconds=30) as worker:
        worker.run("def f(x): return x")
        state = worker.snapshot()
        assert printed(worker, IGNORES_INTERRUPTS + "while True: pass").endswith("CellTimeout")
        assert printed(worker, "print(1)") == "NotebookTimeout"
        assert answers(state, 4) == [4]


def test_a_cell_that_never_ends_a_second_time_leaves_a_fresh_start():
    with start(cell_seconds=1, notebook_seconds=60) as worker:
        worker.run("import os, time, tempfile\nmark = 'ran'\nif os.path.exists('again'): time.sleep(100)\nopen('again', 'w').close()")
        assert printed(worker, "os._exit(0)").endswith("KernelDied")
        assert printed(worker, "print(mark)") == "ran"  # its folder is a new one, too


# ---- surroundings --------------------------------------------------------------------------------------------------------


def test_files_beside_the_notebook_are_there_and_can_be_changed(tmp_path):
    (tmp_path / "mine.py").write_text("answer = 42")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "numbers.txt").write_text("1 2 3")
    (tmp_path / "other.ipynb").write_text("{}")
    (tmp_path / "link.txt").symlink_to("/etc/hostname")
    with start(folder=tmp_path) as worker:
        assert printed(worker, "import mine; print(mine.answer, open('data/numbers.txt').read())") == "42 1 2 3"
        assert printed(worker, "import os; print(sorted(os.listdir()))") == "['__pycache__', 'data', 'mine.py']"
        assert printed(worker, "print(open('data/numbers.txt', 'a').write('4'))") == "1"
    assert (tmp_path / "data" / "numbers.txt").read_text() == "1 2 3"


def test_more_files_than_the_disk_holds_do_not_stop_the_grading(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "b.bin").write_bytes(bytes(2**21))
    with start(folder=tmp_path, disk_gib=1 / 1024) as worker:
        assert printed(worker, "import os; print(os.listdir())") == "['a.txt']"


def test_the_same_seed_gives_the_same_random_numbers():
    draw = "import random, numpy as np; print(random.random(), np.random.rand())"
    drawn = []
    for seed in (1, 1, 2):
        with start(seed=seed) as worker:
            drawn.append(printed(worker, draw))
    assert drawn[0] == drawn[1] != drawn[2]


def test_where_the_notebook_is_about_numpy_torch_may_be_imported_and_not_used():
    with start(WITHOUT_TORCH) as worker:
        imports = "import torch, torch.nn.functional as F\nfrom torch import nn, Tensor\nprint('imported')"
        assert printed(worker, imports) == "imported"
        assert printed(worker, "print(isinstance(3, torch.Tensor), isinstance(3, Tensor))") == "False False"
        for use in ("torch.zeros(3)", "F.conv2d(1, 2)", "nn.Linear(2, 3)"):
            (error,) = worker.run(use)
            assert error.ename == "ModuleNotFoundError"
            assert "PyTorch is not part of this notebook" in error.evalue


def test_an_answer_too_large_to_hand_out_costs_no_other_question():
    with start() as worker:
        worker.run("def f(x): return [0.5] * x")
        replies = ask(worker.snapshot(), 3, 250_000, 4)
        assert not isinstance(replies, str)
        assert [reply.kind for reply in replies] == ["answer", "raised", "answer"]
        assert "too large" in replies[1].text


def test_what_answers_print_is_seen_nowhere():
    with start() as worker:
        worker.run("import os\ndef f(x): os.write(1, b'seen'); print('seen'); return x")
        assert answers(worker.snapshot(), 1) == [1]
        assert printed(worker, "print('nothing')") == "nothing"


def test_an_import_of_torch_that_nobody_uses_costs_nothing_where_torchs_functions_are_forbidden():
    with start(WITHOUT_TORCH) as worker:
        worker.run("import torch, torch.cuda, torch.library\ndef f(x): return x + 1")
        forbid = ["torch.conv2d", "torch.nn.functional.conv2d", "scipy.signal.correlate2d"]
        state = worker.snapshot()
        assert state.process is not None
        replies = state.ask(Request("f", [Question("", (1,))], forbid=forbid), time.monotonic() + 60)
        assert not isinstance(replies, str)
        assert [reply.value for reply in replies] == [2]
