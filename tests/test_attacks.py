"""One attack of each family, and those that once succeeded; `make attacks` tries the whole corpus (see tests/attacks)."""

from __future__ import annotations

import pytest
from attacks import ATTACKS
from attacks.grading import prepare, skipped, try_attack

pytestmark = [pytest.mark.timeout(120), pytest.mark.xdist_group("attacks")]

CHOSEN = [
    "link_for_questions",
    "environment",
    "raise_where_the_cause_would",
    "release_by_path",
    "start_up_file",
    "message_without_content",
    "surrogate_print",
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
