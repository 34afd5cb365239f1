"""Exhaustion, as far as it is safe on a shared machine: no forks without end, no gigabytes."""

from __future__ import annotations

from attacks.attack import Attack, cell_attack
from attacks.scene import Scene

ANSWERS = "def NAME(*args, **kwargs):\n    return 0\n"
IGNORE = "import signal\nfor s in (signal.SIGALRM, signal.SIGINT, signal.SIGTERM):\n    signal.signal(s, signal.SIG_IGN)\n"


def slow_second_time(scene: Scene) -> None:
    scene.answer_all("def NAME(*args, **kwargs):\n    open('again', 'w').close()\n    os._exit(0)")
    for _ in range(8):
        scene.add_cell("import os, time\nif os.path.exists('again'): time.sleep(7)", after="cell-01")


ATTACKS = [
    cell_attack("endless_cell", "Loop for ever in a cell.", "while True: pass"),
    cell_attack("endless_answers", "Loop for ever in every exercise.", answers="def NAME(*args, **kwargs):\n    while True: pass\n"),
    cell_attack(
        "ignored_signals",
        "Loop for ever with all signals blocked and every exception swallowed.",
        "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\n" + IGNORE,
        "def NAME(*args, **kwargs):\n    while True:\n        try:\n            while True: pass\n        except BaseException: pass\n",
    ),
    cell_attack("exit_when_asked", "End the process when asked.", answers="def NAME(*args, **kwargs):\n    import os; os._exit(0)\n"),
    cell_attack("kill_itself", "Kill the own process, and all that it can see.", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"),
    cell_attack("kill_everyone", "Kill all processes that it may.", "import os, signal\nos.kill(-1, signal.SIGKILL)", needs_jail=True),
    cell_attack(
        "stop_itself",
        "Stop the own process with SIGSTOP.",
        answers="def NAME(*a, **k):\n    import os, signal\n    os.kill(os.getpid(), signal.SIGSTOP)\n",
    ),
    cell_attack("segfault", "Read address 0.", answers="def NAME(*a, **k):\n    import ctypes; ctypes.string_at(0)\n"),
    cell_attack(
        "exit_handler",
        "Wait in exit handlers and in a process of its own that outlives the kernel.",
        "import atexit, time, subprocess\natexit.register(time.sleep, 1000)\nsubprocess.Popen(['sleep', '999'], start_new_session=True, cwd='/')",
        ANSWERS,
    ),
    cell_attack("huge_print", "Print 50 MB.", "for _ in range(50): print('x' * 10**6)"),
    cell_attack(
        "many_descriptors",
        "Open files until there are no more.",
        "import os\nopened = []\ntry:\n    for _ in range(5000): opened.append(open('/dev/null'))\nexcept OSError: pass",
        ANSWERS,
    ),
    Attack("slow_second_time", "Be slow in many cells, only when they run again after the process ended.", slow_second_time),
]
