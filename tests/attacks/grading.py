"""Grade one attack as it would be graded, in a process that may hang, crash or be emptied, and say whether it held."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import shutil
import signal
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import nbformat
from sample_class import ATTENTION

from attacks import ATTACKS
from attacks.attack import Attack
from attacks.scene import Scene, read_notebooks
from autograder.build import BuildError, ensure_released, find_chapter, import_exercises
from autograder.check.values import Array, leaves
from autograder.examiner import Settings, Unreadable, grade_file
from autograder.examiner.examine import Graded, exam, exercise_name
from autograder.worker import jail
from autograder.worker.kernel import Limits

LIMITS = Limits(cell_seconds=8, exercise_seconds=6, notebook_seconds=25)
HUNG_AFTER = 70  # seconds: longer than LIMITS allow
MOST_MEGABYTES_OF_NOTEBOOK = 20
MOST_MEGABYTES_OF_EXAMINER = 600

_context = multiprocessing.get_context("forkserver")


def prepare() -> None:
    """Build what is needed, and start the process that attacks are forked from."""
    for chapter in {ATTENTION, *(attack.chapter for attack in ATTACKS.values())}:
        ensure_released(find_chapter(chapter))
    tests = str(Path(__file__).resolve().parents[1])
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [tests, os.environ.get("PYTHONPATH")]))
    _context.set_forkserver_preload(["attacks.grading"])


def skipped(attack: Attack) -> str:
    """Why an attack cannot be tried on this machine, or nothing."""
    return "needs bubblewrap (Debian: apt install bubblewrap)" if attack.needs_jail and jail.tier() != jail.NAMESPACES else ""


def try_attack(name: str) -> list[str]:
    """What the attack reached: an empty list if grading held. The name `honest` grades a perfect notebook."""
    place = Path(tempfile.mkdtemp(prefix="at"))
    mine, its = _context.Pipe(duplex=False)
    process = _context.Process(target=_graded_alone, args=(name, place, its))
    process.start()
    its.close()
    try:
        reached = mine.recv() if mine.poll(HUNG_AFTER) else [f"grading hung for {HUNG_AFTER} s"]
    except EOFError:
        reached = ["the examiner's process ended"]
    finally:
        process.kill()
        process.join()
        reached += _processes_left(place)
        shutil.rmtree(place, ignore_errors=True)
    return reached


def _graded_alone(name: str, place: Path, connection: Connection) -> None:
    tempfile.tempdir = str(place / "t")
    Path(tempfile.tempdir).mkdir()
    chapter = ATTENTION if name == "honest" else ATTACKS[name].chapter
    scene = Scene(place, chapter, read_notebooks(chapter))
    os.environ["EXAM_SECRET"] = scene.secret
    connection.send(_honest(scene) if name == "honest" else _attacked(scene, ATTACKS[name]))


def _honest(scene: Scene) -> list[str]:
    scene.notebook = scene.notebooks.perfect()
    scene.hand_in()
    score = grade_file(scene.file, scene.release, Settings()).score
    return [] if score == scene.points else [f"an honest student got {score:g} of {scene.points:g} points"]


def _attacked(scene: Scene, attack: Attack) -> list[str]:
    attack.change(scene)
    scene.hand_in()
    before, memory, start = scene.fingerprints(), _peak_megabytes(), time.monotonic()
    try:
        graded = grade_file(scene.file, scene.release, Settings(limits=LIMITS))
    except (Unreadable, BuildError):
        reached = []
    except Exception as error:
        reached = [f"grading stopped with {type(error).__name__}: {' '.join(str(error).split())[:100]}"]
    else:
        reached = [*_points(graded, scene.points), *_leaks(graded, scene), *_scripts(graded), *_cannot_be_written(graded)]
    after = scene.fingerprints()
    changed = {path for path in {*before, *after} if before.get(path) != after.get(path)}
    reached += [f"{path} was changed" for path in sorted(changed)]
    allowed = LIMITS.notebook_seconds + LIMITS.cell_seconds + LIMITS.exercise_seconds + 10
    if (took := time.monotonic() - start) > allowed:
        reached.append(f"grading took {took:.0f} s, with a limit of {LIMITS.notebook_seconds:g} s a notebook")
    if (grown := _peak_megabytes() - memory) > MOST_MEGABYTES_OF_EXAMINER:
        reached.append(f"the examiner needed {grown:.0f} MB more memory")
    return reached


def _points(graded: Graded, points: float) -> list[str]:
    won = [f"{v.score:g} points for {v.name}" for v in graded.verdicts if v.score]
    return won + ([f"{graded.max_score:g} points in all"] if graded.max_score != points else [])


def _leaks(graded: Graded, scene: Scene) -> list[str]:
    """Secrets anywhere in the graded notebook."""
    text = json.dumps(graded.notebook)
    found = [what for what, word in (("a secret", scene.secret), ("a reference's source", "attention_scores_with")) if word in text]
    hidden = [word for word in _hidden_numbers() if word in text]
    return [f"{what} was shown" for what in found] + (["numbers of a hidden case were shown"] if hidden else [])


def _scripts(graded: Graded) -> list[str]:
    """What the examiner itself writes holds no markup of a submission."""
    pages = [output.get("data", {}).get("text/html", "") for cell in graded.notebook.cells if exercise_name(cell) for output in cell.outputs]
    return ["a script stands in a graded cell"] if any("<script" in page for page in pages) else []


def _hidden_numbers() -> list[str]:
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


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _processes_left(place: Path) -> list[str]:
    """Processes that still name the place, once they had two seconds to end; they are ended."""
    for _ in range(20):
        left = [int(p.parent.name) for p in Path("/proc").glob("[0-9]*/cmdline") if str(place).encode() in _read(p)]
        if not left:
            return []
        time.sleep(0.1)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    return [f"{len(left)} processes were left"]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


# Imported once, in the process that all attacks are forked from: the exams are worked out there.
for _exercise in import_exercises(find_chapter("attention")):
    exam(_exercise.name, Settings().seed)
