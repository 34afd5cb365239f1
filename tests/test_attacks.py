"""One attack of each family, and those that once succeeded; `make attacks` tries the whole corpus (see tests/attacks)."""

from __future__ import annotations

import pytest
from attacks import ATTACKS
from attacks.grading import prepare, skipped, try_attack

pytestmark = [pytest.mark.timeout(120), pytest.mark.xdist_group("attacks")]

CHOSEN = [
    "patched_compare",
    "surrogate_print",
    "message_without_content",
    "failed_fork",
    "gradebook_updated",
    "start_up_file",
    "environment",
    "passed_on_by_a_file",
    "release_by_path",
    "raise_where_the_cause_would",
    "fork_bomb",
]


@pytest.fixture(scope="module", autouse=True)
def prepared() -> None:
    prepare()


@pytest.mark.parametrize("name", CHOSEN)
def test_attack_holds(name: str) -> None:
    if reason := skipped(ATTACKS[name]):
        pytest.skip(reason)
    assert try_attack(name) == []


def test_an_honest_student_gets_full_marks_after_them_all() -> None:
    assert try_attack("honest") == []
