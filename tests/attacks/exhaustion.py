"""Exhaustion: use up what a machine has, or never come to an end. What would take the machine with it needs the jail."""

from __future__ import annotations

from attacks.attack import WRONG, Attack, cell_attack
from attacks.scene import Scene

IGNORE = "import signal\nfor s in (signal.SIGALRM, signal.SIGINT, signal.SIGTERM):\n    signal.signal(s, signal.SIG_IGN)\n"


def slow_second_time(scene: Scene) -> None:
    scene.answer_all("def NAME(*args, **kwargs):\n    open('again', 'w').close()\n    os._exit(0)")
    for _ in range(8):
        scene.add_cell("import os, time\nif os.path.exists('again'): time.sleep(7)", after="cell-01")


ATTACKS = [
    # ---- time ----
    cell_attack("endless_cell", "Loop for ever in a cell.", "while True: pass"),
    cell_attack("endless_answers", "Loop for ever in every exercise.", answers="def NAME(*args, **kwargs):\n    while True: pass\n"),
    cell_attack(
        "ignored_signals",
        "Loop for ever with all signals blocked and every exception swallowed.",
        "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\n" + IGNORE,
        "def NAME(*args, **kwargs):\n    while True:\n        try:\n            while True: pass\n        except BaseException: pass\n",
    ),
    cell_attack("uninterruptible", "Compute in C, where no signal is looked at.", "x = 3 ** (10**9)", WRONG),
    cell_attack(
        "endless_interrupt",
        "Loop for ever in whatever handles an interrupt.",
        """
class Sticky:
    def __enter__(self): return self
    def __exit__(self, *error):
        while True:
            try:
                while True: pass
            except BaseException: pass
with Sticky():
    while True: pass
""",
    ),
    cell_attack(
        "endless_repr",
        "Return and display something whose text never ends.",
        "class Endless(Exception):\n    def __repr__(self):\n        while True: pass\n    __str__ = __hash__ = __eq__ = __del__ = __repr__\n",
        "def NAME(*args, **kwargs):\n    raise Endless()\n",
        "Endless()",
    ),
    cell_attack(
        "slow_everywhere",
        "Take as long as each cell may, in forty cells.",
        answers="def NAME(*args, **kwargs):\n    import time; time.sleep(5)\n",
        cell="import time\ntime.sleep(5)",
    ),
    cell_attack(
        "slow_forks",
        "Wait in whatever is called around each fork.",
        "import os, time\nos.register_at_fork(before=lambda: time.sleep(20), after_in_parent=lambda: time.sleep(20), after_in_child=lambda: time.sleep(20))",
        WRONG,
    ),
    cell_attack(
        "exit_handler",
        "Wait in exit handlers and in a process of its own that outlives the kernel.",
        "import atexit, time, subprocess\natexit.register(time.sleep, 1000)\nsubprocess.Popen(['sleep', '999'], start_new_session=True, cwd='/')",
        WRONG,
    ),
    Attack("slow_second_time", "Be slow in many cells, only when they run again after the process ended.", slow_second_time),
    cell_attack(
        "sleeping_children",
        "Let eight children compute for ever, while the own process sleeps.",
        """
import os, time
for _ in range(8):
    if os.fork() == 0:
        while True: pass
""",
        "def NAME(*args, **kwargs):\n    import time\n    time.sleep(1000)\n",
        needs_jail=True,
        alone=True,
    ),
    # ---- ends ----
    cell_attack("exit_when_asked", "End the process when asked.", answers="def NAME(*args, **kwargs):\n    import os; os._exit(0)\n"),
    cell_attack("kill_itself", "Kill the own process.", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"),
    cell_attack("kill_everyone", "Kill all processes that it may.", "import os, signal\nos.kill(-1, signal.SIGKILL)", needs_jail=True),
    cell_attack(
        "kill_the_parent",
        "Kill the parent, the group and every process that can be named, from a cell and when asked.",
        """
import os, signal, glob
def kill(number):
    for pid in [os.getppid(), *(int(p.split('/')[2]) for p in glob.glob('/proc/[0-9]*')), *range(2, 400)]:
        if pid not in (0, os.getpid()):
            try: os.kill(pid, number)
            except OSError: pass
kill(signal.SIGTERM)
kill(signal.SIGKILL)
""",
        "def NAME(*args, **kwargs):\n    kill(signal.SIGKILL)\n    return 0\n",
        needs_jail=True,
    ),
    cell_attack(
        "stop_the_parent",
        "Stop the parent and every process that can be named with SIGSTOP.",
        "import os, signal, glob\n"
        "for pid in [os.getppid(), *(int(p.split('/')[2]) for p in glob.glob('/proc/[0-9]*'))]:\n"
        "    try: pid in (0, os.getpid()) or os.kill(pid, signal.SIGSTOP)\n    except OSError: pass",
        WRONG,
        needs_jail=True,
    ),
    cell_attack(
        "stop_itself",
        "Stop the own process with SIGSTOP.",
        answers="def NAME(*a, **k):\n    import os, signal\n    os.kill(os.getpid(), signal.SIGSTOP)\n",
    ),
    cell_attack("segfault", "Read address 0.", answers="def NAME(*a, **k):\n    import ctypes; ctypes.string_at(0)\n"),
    cell_attack(
        "deep_recursion",
        "Recurse until the stack of C is used up.",
        answers="def NAME(*a, **k):\n    import sys; sys.setrecursionlimit(10**9)\n    class A:\n        def __getattr__(self, n): return getattr(self, n)\n    return A().x\n",
    ),
    # ---- memory ----
    cell_attack(
        "memory",
        "Ask for more memory again and again, and fill it.",
        """
import mmap
held = []
try:
    while len(held) < 22: held.append(mmap.mmap(-1, 2**28, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE))
except (MemoryError, OSError): pass
""",
        WRONG,
        needs_jail=True,
        alone=True,
    ),
    cell_attack(
        "memory_together",
        "Hold memory in twelve processes, half a gigabyte in each.",
        """
import os, time, numpy as np
for _ in range(12):
    try: child = os.fork()
    except OSError: break
    if child == 0:
        held = np.ones(2**29, np.uint8)
        time.sleep(1000)
time.sleep(3)
""",
        WRONG,
        needs_jail=True,
        alone=True,
    ),
    cell_attack(
        "memory_shared",
        "Hold memory that belongs to no process: in files of memory, and in /dev/shm.",
        """
import os
kept, block = [], b'x' * 2**26
try:
    for k in range(12):
        kept.append(os.memfd_create('x'))
        for _ in range(4): os.write(kept[-1], block)
except OSError: pass
try:
    with open('/dev/shm/x', 'wb') as file:
        for _ in range(30): file.write(block)
except OSError: pass
""",
        WRONG,
        needs_jail=True,
        alone=True,
    ),
    cell_attack(
        "expanded_tensor",
        "Return tensors of a million million numbers that all are the same one.",
        answers="def NAME(*a, **k):\n    return torch.zeros(1).expand(10**6, 10**6)\n",
    ),
    cell_attack(
        "endless_answer",
        "Return lists that hold themselves, and generators and dicts without end.",
        "x = []\nx.append(x)\nclass Long(list):\n    def __iter__(self):\n        while True: yield 1\nclass Dict(dict):\n    def items(self):\n        k = 0\n        while True: k += 1; yield str(k), k",
        "def NAME(*a, **k):\n    return [x, Long([1]), Dict(a=1)][len(str(a)) % 3]\n",
    ),
    # ---- processes ----
    cell_attack(
        "fork_bomb",
        "Double the processes again and again, up to a thousand.",
        """
import os, time
for _ in range(10):
    try: os.fork()
    except OSError: time.sleep(0.1)
time.sleep(3)
""",
        WRONG,
        needs_jail=True,
        alone=True,
    ),
    cell_attack(
        "fork_bomb_when_asked",
        "Double the processes when asked, and end one's own.",
        answers="def NAME(*a, **k):\n    import os, time\n    for _ in range(8):\n        try: os.fork()\n        except OSError: pass\n    os._exit(0)\n",
        needs_jail=True,
        alone=True,
    ),
    cell_attack(
        "thread_bomb",
        "Start five thousand threads.",
        """
import threading, time
try:
    for _ in range(5000): threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
except RuntimeError: pass
""",
        WRONG,
        needs_jail=True,
        alone=True,
    ),
    cell_attack(
        "orphans",
        "Start processes whose parents end at once, as fast as it goes.",
        """
import os, time
until = time.monotonic() + 5
while time.monotonic() < until:
    try:
        if os.fork() == 0:
            if os.fork() == 0:
                os.setsid()
                time.sleep(0.5)
            os._exit(0)
        os.wait()
    except OSError: pass
""",
        WRONG,
        needs_jail=True,
        alone=True,
    ),
    # ---- disk, output, descriptors ----
    cell_attack(
        "disk",
        "Write three gigabytes in many files.",
        """
import os
block = b'x' * 2**26
for folder in ('.', '/tmp', '/dev/shm', '/var/tmp'):
    for k in range(40 if folder == '.' else 12):
        try:
            with open(f'{folder}/big{k}', 'wb') as file: file.write(block)
        except OSError: break
""",
        WRONG,
        needs_jail=True,
        alone=True,
    ),
    cell_attack(
        "many_files",
        "Make 50,000 empty files and folders.",
        """
import os
try:
    for k in range(50_000): os.mkdir(f'd{k}') if k % 2 else open(f'f{k}', 'w').close()
except OSError: pass
""",
        WRONG,
        needs_jail=True,
        alone=True,
    ),
    cell_attack(
        "sparse_file",
        "Make a file that says it has a million gigabytes.",
        "import os\ntry:\n    with open('sparse', 'wb') as file: os.ftruncate(file.fileno(), 2**50)\nexcept OSError: pass",
        WRONG,
    ),
    cell_attack("huge_print", "Print 50 MB.", "for _ in range(50): print('x' * 10**6)"),
    cell_attack("endless_print", "Print without end, line by line.", "while True: print('all work and no play')"),
    cell_attack(
        "output_past_python",
        "Write 300 MB to the descriptors of the output, and let a child write more after the cell.",
        """
import os, subprocess
block = b'x' * 2**20
for k in range(300):
    try: os.write(1 + k % 2, block)
    except OSError: break
subprocess.Popen(['sh', '-c', 'sleep 2; yes | head -c 300000000'])
""",
        WRONG,
        "import time; time.sleep(4)",
        needs_jail=True,
        alone=True,
    ),
    cell_attack(
        "huge_error",
        "Raise an exception of 200 MB, with a chain of thousands.",
        "error = None\nfor k in range(2000):\n    try: raise ValueError('x' * 100_000) from error\n    except ValueError as e: error = e\nraise error",
    ),
    cell_attack(
        "many_displays",
        "Display 100,000 tables.",
        "from IPython.display import HTML, display\nfor _ in range(100_000): display(HTML('<table><tr><td>x'))",
    ),
    cell_attack(
        "many_descriptors",
        "Open files until there are no more.",
        "import os\nopened = []\ntry:\n    for _ in range(5000): opened.append(open('/dev/null'))\nexcept OSError: pass",
        WRONG,
    ),
    cell_attack(
        "full_sockets",
        "Open sockets by the hundred, and fill all their buffers.",
        """
import socket
kept = []
try:
    for _ in range(400):
        kept.append(socket.socketpair())
        kept[-1][0].setblocking(False)
        try:
            while True: kept[-1][0].send(b'x' * 65536)
        except BlockingIOError: pass
except OSError: pass
""",
        WRONG,
    ),
]
