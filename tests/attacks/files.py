"""File tampering: write where others keep their work, or leave files that the examiner trips over."""

from __future__ import annotations

from attacks.attack import Attack, cell_attack
from attacks.scene import Scene

ANSWERS = "def NAME(*args, **kwargs):\n    return 0\n"


def beside(name: str, tries: str, path: str, text: str) -> Attack:
    """A file that is handed in beside the notebook."""

    def change(scene: Scene) -> None:
        file = scene.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    return Attack(name, tries, change)


ATTACKS = [
    cell_attack(
        "overwrite",
        "Write the gradebook, the release, a classmate's notebook.",
        "for path in SECRET_FILES:\n    try: open(path, 'w').write('100')\n    except OSError: pass",
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
        "link_for_questions", "Put a link to the gradebook where the examiner writes its questions.", "(EXCHANGE / 'asked').symlink_to(CANARY)"
    ),
    cell_attack(
        "pipe_for_questions", "Put a pipe that nobody reads where the examiner writes its questions.", "import os\nos.mkfifo(EXCHANGE / 'asked')"
    ),
    cell_attack("folder_for_questions", "Put a folder where the examiner writes its questions.", "(EXCHANGE / 'asked').mkdir()"),
    cell_attack("folder_for_answers", "Put a folder where the answers are due.", "(EXCHANGE / 'answered').mkdir()"),
    cell_attack("exchange_locked", "Take away every right to the exchange folder.", "(EXCHANGE).chmod(0)"),
    beside(
        "start_up_file",
        "Hand in a start-up file of IPython that ends every kernel.",
        ".ipython/profile_default/startup/00.py",
        "import os; os._exit(0)",
    ),
    beside("own_launcher", "Hand in a module that is started in place of the kernel.", "ipykernel_launcher.py", "raise SystemExit"),
    beside("own_autograder_zip", "Hand in modules named like the course's own.", "autograder/__init__.py", "check = lambda f: 10.0"),
    beside("font_folder", "Hand in a folder named like one that the examiner makes.", ".matplotlib/x", ""),
]
