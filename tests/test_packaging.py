"""The repository's own promises: one list of dependencies in two forms, and a student half that needs nothing hidden."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

from autograder.build import ROOT, find_chapter, release_bundle

CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base", "cupy-cuda13x": "cupy"}


def test_environment_yml_lists_what_pyproject_lists():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(d for extra in project["optional-dependencies"].values() for d in extra)]
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    listed = [d for d in conda if isinstance(d, str)] + next(d["pip"] for d in conda if isinstance(d, dict))
    as_conda = {CONDA_NAMES.get(name, name) + version for name, version in (_split(d) for d in wanted)}
    assert set(listed) - {"pip", "python>=3.11"} == as_conda
    assert "python" + project["requires-python"] in listed


def _split(requirement: str) -> tuple[str, str]:
    name, _, version = requirement.partition(";")[0].partition(">=")
    return name, ">=" + version


def test_constraints_pin_every_direct_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["test"], *project["optional-dependencies"]["cuda-cpu"]]
    pinned = {line.partition("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines()}
    assert {_split(d)[0].lower() for d in wanted} <= pinned


def test_top_level_is_the_users():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.splitlines()
    if not tracked:
        pytest.skip("not a git checkout")
    top = {path.split("/")[0] for path in tracked}
    assert {"pyproject.toml", "README.md", "course", "solutions", "autograder", "tests", "environment.yml"} <= top
    assert top <= {
        "pyproject.toml", "README.md", "course", "solutions", "autograder", "tests", "environment.yml",
        "Makefile", "constraints.txt", ".ci", "LICENSE", "CONTRIBUTING.md", "SECURITY.md", ".gitignore",
    }  # fmt: skip


@pytest.fixture(scope="module")
def bundle(course: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Chapter 7 as a student unpacks it."""
    folder = tmp_path_factory.mktemp("student")
    with zipfile.ZipFile(release_bundle(find_chapter("attention"), course)) as archive:
        archive.extractall(folder)
    return folder / "07_attention"


def test_bundle_holds_notebooks_cards_and_the_student_half(bundle):
    files = {str(p.relative_to(bundle)) for p in bundle.rglob("*") if p.is_file()}
    assert {"scoring.ipynb", "cards/masked_softmax.card", "autograder/__init__.py", "autograder/check/__init__.py"} <= files
    hidden = ("solutions", "autograder/examiner", "autograder/exercise", "autograder/build", "autograder/nbgrader")
    assert not any(f.startswith(hidden) for f in files)


def test_bundle_of_the_kernels_chapter_names_nvidias_compiler(course, bundle):
    with zipfile.ZipFile(release_bundle(find_chapter("hardware"), course)) as archive:
        assert "nvidia-cuda-nvrtc" in archive.read("04_hardware/requirements.txt").decode()
    assert "nvidia" not in (bundle / "requirements.txt").read_text()


def test_bundle_checks_an_answer_by_itself(bundle):
    """In a folder of its own, without the course's repository."""
    code = (
        "import sys; sys.path[:] = [p for p in sys.path if 'scratchgrad' not in p]\n"
        "import autograder, torch\n"
        "assert autograder.__file__.startswith(sys.argv[1]), autograder.__file__\n"
        "def masked_softmax(scores, valid_lens): return torch.softmax(scores, -1)\n"
        "print(autograder.check(masked_softmax))"
    )
    script = bundle / "try_it.py"
    script.write_text(code)
    done = subprocess.run([sys.executable, str(script), str(bundle)], cwd=bundle, capture_output=True, text=True)
    assert "You ignore `valid_lens`." in done.stdout, done.stderr


def test_student_half_imports_nothing_hidden(bundle):
    """Also not by a later import inside a function."""
    for path in (bundle / "autograder").rglob("*.py"):
        text = path.read_text()
        for hidden in ("solutions", "autograder.exercise", "autograder.examiner", "autograder.build", "autograder.nbgrader"):
            assert f"import {hidden}" not in text, path
            assert f"from {hidden}" not in text, path
