"""The peer of the attack corpus: stock nbgrader on an equivalent notebook, in a container."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from attacks import ATTACKS
from attacks.peer import Peer, PeerError
from attacks.plain_asserts import BEGIN_HIDDEN, stock_notebook
from sample_class import ATTENTION

from autograder.build import ensure_released, find_chapter

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("attacks")]


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    """Entering it also makes sure that stock nbgrader gives an honest student full points, once a course is made."""
    ensure_released(find_chapter(ATTENTION))
    try:
        with Peer() as peer:
            yield peer
    except PeerError as reason:
        pytest.skip(str(reason))


def test_the_stock_notebook_has_the_same_cells_and_nothing_of_ours() -> None:
    ensure_released(find_chapter(ATTENTION))
    notebook = stock_notebook(ATTENTION, "secret")
    checks = [cell for cell in notebook.cells if cell.id.startswith("check_")]
    assert sum(cell.metadata.nbgrader.points for cell in checks) == 10
    assert all("assert" in cell.source and BEGIN_HIDDEN in cell.source for cell in checks)
    assert not any("autograder" in cell.source for cell in notebook.cells if cell.cell_type == "code")


def test_stock_nbgrader_gives_points_to_skipped_tests_and_none_to_an_honest_zero(peer: Peer) -> None:
    assert peer.try_attack(ATTACKS["skip_tag"]) == ["10 of 10 points"]
    assert peer.try_attack(ATTACKS["more_points"]) == []
