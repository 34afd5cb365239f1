"""`python tests/attacks [NAME...] [--peer nbgrader]`: grade every attack, one line each. Exit code 1 if one succeeded.

With `--peer nbgrader` stock nbgrader is attacked too, with an equivalent notebook of plain asserts.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])

from attacks import FAMILIES  # noqa: E402
from attacks.attack import Attack  # noqa: E402
from attacks.grading import prepare, skipped, try_attack  # noqa: E402
from attacks.peer import Peer, PeerError  # noqa: E402

AT_ONCE = 2
WIDTH = 44  # of the column with the peer's result

# Tries one attack: whether each grader was beaten (None: not tried), and the line to print.
Trial = Callable[[Attack], tuple[list[bool | None], str]]


_slots, _queue = threading.Semaphore(AT_ONCE), threading.Lock()


@contextlib.contextmanager
def turn(attack: Attack) -> Iterator[None]:
    """Wait for one of the places, or for all of them where the attack is to be tried alone."""
    places = AT_ONCE if attack.alone else 1
    with _queue:
        for _ in range(places):
            _slots.acquire()
    try:
        yield
    finally:
        for _ in range(places):
            _slots.release()


def alone(attack: Attack) -> tuple[list[bool | None], str]:
    if reason := skipped(attack):
        return [None], f"  - {attack.name}: skipped, {reason}"
    with turn(attack):
        reached = try_attack(attack.name)
    return [bool(reached)], f"  {'✗' if reached else '✓'} {attack.name}: {attack.tries}" + "".join(f"\n      → {r}" for r in reached)


def beside(peer: Peer) -> Trial:
    """Both graders in one line."""

    def trial(attack: Attack) -> tuple[list[bool | None], str]:
        with turn(attack):
            ours = None if skipped(attack) else try_attack(attack.name)
            theirs = None if isinstance(attack.peer, str) else peer.try_attack(attack)
        not_tried = f"- not applicable: {attack.peer}"
        line = f"  scratchgrad {result(ours, '- skipped')}   nbgrader {result(theirs, not_tried):{WIDTH}}   {attack.name}: {attack.tries}"
        return [None if reached is None else bool(reached) for reached in (ours, theirs)], line

    return trial


def result(reached: list[str] | None, not_tried: str) -> str:
    if reached is None:
        return not_tried
    return f"✗ {'; '.join(reached)}" if reached else "✓ held"


def attack_all(names: list[str], trial: Trial) -> tuple[list[list[bool | None]], int]:
    """Try all attacks; what came out of each, and what was not right with honest students afterwards."""
    results, harmed = [], 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for family, attacks in FAMILIES.items():
            chosen = [attack for attack in attacks if not names or attack.name in names]
            if not chosen:
                continue
            print(family, flush=True)
            for beaten, line in pool.map(trial, chosen):
                results.append(beaten)
                print(line, flush=True)
            after = try_attack("honest")
            print(f"  {'✗' if after else '✓'} an honest student after these", *after, flush=True)
            harmed += len(after)
    return results, harmed


def main(names: list[str], with_peer: bool) -> int:
    prepare()
    if not with_peer:
        results, harmed = attack_all(names, alone)
        succeeded = harmed + count(results, 0)
        print(f"{len(results)} attacks, {succeeded} succeeded")
        return int(succeeded > 0)
    try:
        with Peer() as peer:
            print(*peer.introduction(), sep="\n", flush=True)
            results, harmed = attack_all(names, beside(peer))
    except PeerError as error:
        print(error)
        return 1
    succeeded = harmed + count(results, 0)
    not_applicable = sum(theirs is None for _, theirs in results)
    print(f"{len(results)} attacks; scratchgrad: {succeeded} succeeded; nbgrader: {count(results, 1)} succeeded, {not_applicable} not applicable")
    return int(succeeded > 0)


def count(results: list[list[bool | None]], grader: int) -> int:
    return sum(bool(beaten[grader]) for beaten in results)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="attacks to try (default: all)")
    parser.add_argument("--peer", choices=["nbgrader"], help="attack this grader too")
    arguments = parser.parse_args()
    sys.exit(main(arguments.names, arguments.peer is not None))
