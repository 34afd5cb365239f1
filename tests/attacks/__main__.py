"""`python tests/attacks [NAME...]`: grade every attack, one line each. Exit code 1 if one succeeded."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])

from attacks import FAMILIES  # noqa: E402
from attacks.attack import Attack  # noqa: E402
from attacks.grading import prepare, skipped, try_attack  # noqa: E402

AT_ONCE = 2


def line(attack: Attack) -> tuple[bool, str]:
    """Try one attack: whether it succeeded, and what to print."""
    if reason := skipped(attack):
        return False, f"  - {attack.name}: skipped, {reason}"
    reached = try_attack(attack.name)
    return bool(reached), f"  {'✗' if reached else '✓'} {attack.name}: {attack.tries}" + "".join(f"\n      → {r}" for r in reached)


def main(names: list[str]) -> int:
    prepare()
    results = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for family, attacks in FAMILIES.items():
            chosen = [attack for attack in attacks if not names or attack.name in names]
            if not chosen:
                continue
            print(family, flush=True)
            for succeeded, text in pool.map(line, chosen):
                results.append(succeeded)
                print(text, flush=True)
            after = try_attack("honest")
            print(f"  {'✗' if after else '✓'} an honest student after these", *after, flush=True)
            results += [True] * len(after)
    print(f"{len(results)} attacks, {sum(results)} succeeded")
    return int(any(results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
