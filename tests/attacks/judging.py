"""Grade one attack, and say what it reached: what runs in an examiner's process."""

from __future__ import annotations

import json
import re
import time
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter
from sample_class import ATTENTION

from attacks import ATTACKS
from attacks.attack import Attack
from attacks.scene import Scene, staged
from attacks.stock import Service
from autograder.build import BuildError, find_chapter, import_exercises
from autograder.check.values import Array, leaves
from autograder.examiner import Settings, Unreadable, grade_file
from autograder.examiner.examine import Graded, exam
from autograder.worker.limits import Limits

LIMITS = Limits(cell_seconds=5, cell_cpu_seconds=5, exercise_seconds=5, notebook_seconds=20, notebook_cpu_seconds=20, memory_gib=2)
START_SECONDS = 15
MOST_MEGABYTES_OF_NOTEBOOK = 20
MOST_MEGABYTES_OF_EXAMINER = 600
# What an attack prints for something that it reached and that is no secret.
REACHED = "REACHED "
SCRIPT = "alert(1)"


def graded_in(place: Path, name: str, secret: str, temporary: Path) -> list[str]:
    """What the attack of that name reached, in a scene of its own. The name `honest` grades a perfect notebook."""
    attack = ATTACKS.get(name)
    scene = staged(place, attack.chapter, secret, attack.notebook) if attack else staged(place, ATTENTION, secret)
    before = _made_for_submissions(temporary)
    reached = _attacked(scene, attack) if attack else _honest(scene)
    left = _made_for_submissions(temporary) - before
    return reached + ([f"{len(left)} temporary files were left"] if left else [])


def _honest(scene: Scene) -> list[str]:
    scene.notebook = scene.notebooks.perfect()
    scene.hand_in()
    score = grade_file(scene.file, scene.release, Settings()).score
    return [] if score == scene.points else [f"an honest student got {score:g} of {scene.points:g} points"]


def _attacked(scene: Scene, attack: Attack) -> list[str]:
    attack.change(scene)
    scene.hand_in()
    if attack.after_classmate:
        grade_file(scene.classmate, scene.release, Settings(limits=LIMITS))
    before, memory, start = scene.fingerprints(), _megabytes("VmRSS"), time.monotonic()
    with closing(Service(scene.place, scene.port, scene.secret)):
        reached = [what for _ in range(attack.times) for what in _graded(scene)]
    reached += changes(before, scene.fingerprints())
    allowed = attack.times * (LIMITS.notebook_seconds + LIMITS.cell_seconds + LIMITS.exercise_seconds) + START_SECONDS
    if (took := time.monotonic() - start) > allowed:
        reached.append(f"grading took {took:.0f} s, with a limit of {LIMITS.notebook_seconds:g} s a notebook")
    if (grown := _megabytes("VmHWM") - memory) > MOST_MEGABYTES_OF_EXAMINER:
        reached.append(f"the examiner needed {grown:.0f} MB more memory")
    return reached


def _graded(scene: Scene) -> list[str]:
    try:
        graded = grade_file(scene.file, scene.release, Settings(limits=LIMITS))
    except (Unreadable, BuildError):
        return []
    except Exception as error:
        return [f"grading stopped with {type(error).__name__}: {' '.join(str(error).split())[:100]}"]
    return [*_points(graded, scene.points), *_leaks(graded, scene), *_scripts(graded), *_cannot_be_written(graded)]


def changes(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """What became of files, in a sentence."""
    changed = sorted(path for path in {*before, *after} if before.get(path) != after.get(path))
    more = f" and {len(changed) - 1} other files were" if changed[1:] else " was"
    return [f"{changed[0]}{more} changed"] if changed else []


def _made_for_submissions(temporary: Path) -> set[Path]:
    """The examiner's temporary files, but for those of the processes that start workers: they stay as long as those do."""
    return {p for p in temporary.iterdir() if not p.name.startswith("scratchgrad-")} | set(temporary.glob("scratchgrad-*/inbox/*"))


def _points(graded: Graded, points: float) -> list[str]:
    won = [f"{v.score:g} points for {v.name}" for v in graded.verdicts if v.score]
    return won + ([f"{graded.max_score:g} points in all"] if graded.max_score != points else [])


def _leaks(graded: Graded, scene: Scene) -> list[str]:
    """Secrets anywhere in the graded notebook."""
    text = json.dumps(graded.notebook)
    found = [what for what, word in (("a secret", scene.secret), ("a reference's source", "attention_scores_with")) if word in text]
    hidden = [word for word in hidden_numbers() if word in text]
    said = reached_in([cell.get("outputs", []) for cell in graded.notebook.cells])
    return [f"{what} was shown" for what in found] + (["numbers of a hidden case were shown"] if hidden else []) + said


def reached_in(outputs: object) -> list[str]:
    """What an attack says in outputs that it reached."""
    return sorted({f"reached: {word.split()[0]}" for word in json.dumps(outputs).replace("\\n", " ").split(REACHED)[1:]})


def _scripts(graded: Graded) -> list[str]:
    """Whether the page that is made of the graded notebook runs what a submission wrote."""
    if SCRIPT not in json.dumps(graded.notebook):
        return []
    page, _ = HTMLExporter().from_notebook_node(graded.notebook)
    return ["a script stands in the feedback"] if runs_a_script(page) else []


def runs_a_script(page: str) -> bool:
    """Whether a reader's browser would run what attacks write, or run it on a click. As text it may stand there."""
    reader = _ScriptReader()
    reader.feed(page)
    reader.close()
    return reader.found


class _ScriptReader(HTMLParser):
    """Looks for the attacks' script where a page runs scripts: in elements, event handlers, and addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.found = self._in_script = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._in_script = tag == "script"
        for name, value in attributes:
            is_run = name.startswith("on") or name == "srcdoc" or (value or "").strip().lower().startswith(("javascript:", "data:"))
            self.found |= is_run and SCRIPT in (value or "")

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False

    def handle_data(self, data: str) -> None:
        self.found |= self._in_script and SCRIPT in data


def hidden_numbers() -> list[str]:
    """The first number of each hidden input of the first exercise, to six digits."""
    questions = [q for q in exam("attention_scores", Settings().seed).questions if q.hidden]
    return [f"{leaf.data.flat[0]:.6f}" for q in questions for leaf in leaves(list(q.args)) if isinstance(leaf, Array) and leaf.kind == "f"]


def _cannot_be_written(graded: Graded) -> list[str]:
    """The graded notebook must be a file that others can read."""
    try:
        data = nbformat.writes(graded.notebook).encode()
    except Exception as error:
        return [f"the graded notebook cannot be written: {type(error).__name__}"]
    size = len(data) / 1e6
    return [f"the graded notebook has {size:.0f} MB"] if size > MOST_MEGABYTES_OF_NOTEBOOK else []


def _megabytes(what: str) -> float:
    """Memory of this process: VmRSS now, which also starts a new VmHWM, the most of it."""
    if what == "VmRSS":
        Path("/proc/self/clear_refs").write_text("5")
    found = re.search(rf"{what}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


# Imported once, in the process that all attacks are forked from: the exams are worked out there.
for _exercise in import_exercises(find_chapter("attention")):
    exam(_exercise.name, Settings().seed)
