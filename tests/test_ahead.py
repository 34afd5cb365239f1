"""Verdicts are remembered: a class that is graded ahead, disturbed or graded again ends with the same gradebook."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from class_of_six import CHAPTER, NOTEBOOK, STUDENTS, autograde, command, environment, grade_ahead, gradebook, hand_in, remembered, run, shown

from autograder.examiner import fingerprint
from autograder.examiner.store import DAY, FILE, Grading, VerdictStore

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("ahead")]


@pytest.fixture
def handed_in(course: Path, tmp_path: Path) -> Path:
    return hand_in(course, tmp_path / "course")


# ---- the same gradebook --------------------------------------------------------------------------------------------------


def test_graded_ahead_or_not_the_gradebook_is_the_same(handed_in, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(handed_in, other)
    autograde(handed_in, "--Examine.jobs=1")
    assert grade_ahead(other) == "6 graded"
    autograde(other)
    assert gradebook(other) == gradebook(handed_in)
    assert shown(other) == shown(handed_in)
    assert len({score for (student, name), score in gradebook(other).items() if name == "check_iou"}) == 2


@pytest.mark.parametrize("argv", [("scratchgrad", "grade-ahead", CHAPTER, "--course", "."), ("nbgrader", "autograde", CHAPTER)], ids=lambda a: a[0])
def test_killed_at_any_moment_it_goes_on_where_it_was(handed_in, tmp_path, argv):
    undisturbed = tmp_path / "undisturbed"
    shutil.copytree(handed_in, undisturbed)
    autograde(undisturbed)
    kept = _run_until_remembered(handed_in, argv, least=3)
    if argv[0] == "scratchgrad":
        said = grade_ahead(handed_in)
        graded, before = (int(part.split()[0]) for part in said.split(", "))
        assert graded + before == len(STUDENTS)
        assert before >= kept
    autograde(handed_in)
    assert remembered(handed_in) == len(STUDENTS)
    assert gradebook(handed_in) == gradebook(undisturbed)
    assert shown(handed_in) == shown(undisturbed)


def _run_until_remembered(course: Path, argv: tuple[str, ...], least: int) -> int:
    """Run a command, kill it once so many verdicts are remembered, and see that nothing of it is left."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command(*argv), cwd=course, env=environment(), **quiet) as process:  # type: ignore[call-overload]
        family = psutil.Process(process.pid)
        below: set[psutil.Process] = set()
        while process.poll() is None and remembered(course) < least:
            with contextlib.suppress(psutil.Error):
                below |= set(family.children(recursive=True))
            time.sleep(0.02)
        kept = remembered(course)
        process.send_signal(signal.SIGKILL)
    _, alive = psutil.wait_procs(below, timeout=10)
    assert not [p for p in alive if p.status() != psutil.STATUS_ZOMBIE]
    return kept


def test_two_commands_at_once_disturb_nothing(handed_in):
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: grade_ahead(handed_in, "--jobs", "1"), range(2)))
    assert grade_ahead(handed_in) == "6 remembered"


# ---- what invalidates what -----------------------------------------------------------------------------------------------


def test_a_changed_answer_is_graded_again_and_no_other(handed_in):
    assert grade_ahead(handed_in) == "6 graded"
    path = handed_in / "submitted" / "s2" / CHAPTER / f"{NOTEBOOK}.ipynb"
    path.write_text(path.read_text().replace("# by s2", "# by s2, again"))
    assert grade_ahead(handed_in) == "1 graded, 5 remembered"
    (handed_in / "submitted" / "s3" / CHAPTER / "helper.py").write_text("x = 1")
    assert grade_ahead(handed_in) == "1 graded, 5 remembered"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"metadata": {}}))  # what has no say changes nothing
    assert grade_ahead(handed_in) == "6 remembered"
    assert grade_ahead(handed_in, "--force") == "6 graded"


def test_a_changed_setting_is_another_grading(handed_in):
    assert grade_ahead(handed_in) == "6 graded"
    with (handed_in / "nbgrader_config.py").open("a") as file:
        file.write("\nc.Examine.seed = 2026\n")
    assert grade_ahead(handed_in) == "6 graded"


@pytest.fixture
def repository(tmp_path, monkeypatch) -> Iterator[Path]:
    """A repository of two chapters, of which the second uses the first."""
    for name, source in {
        "solutions/first/one.py": "x = 1\n",
        "solutions/second/two.py": "from solutions.first.one import x\n",
        "solutions/third/three.py": "x = 3\n",
        "autograder/engine.py": "\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    monkeypatch.setattr(fingerprint, "ROOT", tmp_path)
    yield tmp_path
    _forget_versions()


def _forget_versions() -> None:
    fingerprint.exercises_version.cache_clear()
    fingerprint.engine_version.cache_clear()


def _versions() -> dict[str, str]:
    _forget_versions()
    versions = {chapter: fingerprint.exercises_version(f"solutions.{chapter}") for chapter in ("first", "second", "third")}
    return versions | {"engine": fingerprint.engine_version()}


@pytest.mark.parametrize(
    ("changed", "new"),
    [
        ("solutions/third/three.py", {"third"}),
        ("solutions/second/two.py", {"second"}),
        ("solutions/first/one.py", {"first", "second"}),
        ("autograder/engine.py", {"engine"}),
    ],
)
def test_a_changed_exercise_counts_for_its_chapter_and_for_those_that_build_on_it(repository, changed, new):
    before = _versions()
    (repository / changed).write_text((repository / changed).read_text() + "y = 2\n")
    after = _versions()
    assert {name for name in before if before[name] != after[name]} == new


# ---- the store -----------------------------------------------------------------------------------------------------------

GRADING = Grading({"cell": [{"output_type": "stream", "name": "stdout", "text": "ü \U0001f9ff"}]}, [{"name": "f", "score": 1.5}], ["a note"])


def test_a_store_gives_back_what_was_put(tmp_path):
    store = VerdictStore(tmp_path / "new" / FILE)
    store.put("a", GRADING)
    assert store.get("a") == GRADING
    assert store.get("b") is None
    assert VerdictStore(tmp_path / "new" / FILE).get("a") == GRADING


def test_pruning_forgets_what_nobody_asked_for(tmp_path, monkeypatch):
    store = VerdictStore(tmp_path / FILE)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 200 * DAY)
    store.put("old", GRADING)
    store.put("old, but asked for", GRADING)
    monkeypatch.setattr(time, "time", lambda: now)
    store.put("new", GRADING)
    store.get("old, but asked for")
    assert store.prune(180) == 1
    assert store.get("old") is None
    assert len(store) == 2


def test_the_command_prunes(handed_in):
    assert run(handed_in, "scratchgrad", "prune", "--course", str(handed_in)).startswith("There are no verdicts")
    grade_ahead(handed_in)
    assert run(handed_in, "scratchgrad", "prune", "--course", str(handed_in), "--days", "0") == "6 forgotten, 0 kept"
