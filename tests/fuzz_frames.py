"""`python tests/fuzz_frames.py [--scale X] [--seed N]`: some 130,000 frames, most of them wrong, to all that reads what a worker sends.

Every target runs in a process of its own, with little memory above what it starts with. Any exception but BadFrame is a crash,
2 seconds of reading a hang. What crashes or hangs is kept in build/fuzz. Exit code 1 if anything did.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import frames
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from autograder.check.values import BadFrame, unpack
from autograder.check.wire import reply_from_value

CAP_MIB = 512
MOST_SECONDS = 2.0
# A call that computes for this long does not come back: the alarm ends its process.
HANG_SECONDS = 30.0
BATCH = 1000
PROGRESS = 10_000
KEPT = Path(__file__).resolve().parents[1] / "build" / "fuzz"

# What reads, what else must hold, and how many inputs of which kind.
TARGETS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], bool], st.SearchStrategy[Any], int]] = {
    "unpack": (unpack, frames.unpacks_or_refuses, frames.bad_and_good_frames(), 70_000),
    "unpack, amplified": (unpack, frames.unpacks_or_refuses, frames.amplified(8 * 2**20), 1_000),
    "reply": (lambda frame: reply_from_value(unpack(frame)), frames.reply_or_refuses, frames.replies(), 25_000),
    "channel": (frames.read, frames.reads_or_refuses, frames.streams(), 20_000),
    "outputs": (frames.shown, frames.shows_or_passes_over, frames.outputs(), 20_000),
}


@dataclass
class Tally:
    """What a target did with its inputs."""

    inputs: int = 0
    accepted: int = 0
    crashes: int = 0
    hangs: int = 0
    slowest: float = 0.0
    peak_mib: float = 0.0
    failures: list[str] = field(default_factory=list)

    def failed(self, target: str, how: str, given: Any, detail: str = "") -> None:
        """Tell of a failure, and keep its input, if it is the first of its kind."""
        if how not in self.failures:
            self.failures.append(how)
            print(f"  {target}: {how} {detail}\n  input: {keep(target, given)}", flush=True)


def keep(target: str, given: Any) -> Path:
    KEPT.mkdir(parents=True, exist_ok=True)
    path = KEPT / f"{target.replace(', ', '-')}-{time.time_ns()}"
    path.write_bytes(written(given))
    return path


def written(given: Any) -> bytes:
    return given if isinstance(given, bytes) else repr(given).encode()


# ---- in the process of one target ------------------------------------------------------------------------------------


def try_one(target: str, given: Any, tally: Tally) -> None:
    read, check, _, _ = TARGETS[target]
    tally.inputs += 1
    signal.setitimer(signal.ITIMER_VIRTUAL, HANG_SECONDS)
    took = 0.0
    try:
        start = time.process_time()
        with contextlib.suppress(BadFrame):
            read(given)
        took = time.process_time() - start
        tally.accepted += check(given)
    except Exception as error:
        tally.crashes += 1
        at = traceback.extract_tb(error.__traceback__)[-1]
        tally.failed(target, f"{type(error).__name__} in {at.name}, line {at.lineno}", given, str(error)[:200])
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    tally.slowest = max(tally.slowest, took)
    if took > MOST_SECONDS:
        tally.hangs += 1
        tally.failed(target, "more than 2 seconds", given)


def run_target(target: str, count: int, first_seed: int, last_input: Path) -> Tally:
    """Batch after batch, because hypothesis remembers all of one: its memory is not what is measured."""
    tally = Tally()
    before = limit_memory()
    for batch in range(0, count, BATCH):
        many = settings(
            max_examples=min(BATCH, count - batch), database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
        )

        @seed(first_seed + batch)
        @many
        @given(TARGETS[target][2])
        def one(given: Any) -> None:
            last_input.write_bytes(written(given))  # for the case that this process does not survive it
            try_one(target, given, tally)

        one()
        gc.collect()
        tally.peak_mib = peak_mib() - before
        if tally.inputs % PROGRESS < BATCH or batch + BATCH >= count:
            print(f"{target}: {tally.inputs:,} inputs, {tally.accepted:,} accepted, {tally.crashes} crashes, +{tally.peak_mib:.0f} MiB", flush=True)
    return tally


def limit_memory() -> float:
    """Let this process have CAP_MIB more than it has; its peak until now, in MiB."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        size = int(statm.read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE") + CAP_MIB * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
    return peak_mib()


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


# ---- and around it ---------------------------------------------------------------------------------------------------


def in_own_process(target: str, count: int, first_seed: int) -> Tally:
    with tempfile.TemporaryDirectory() as folder:
        last_input, result = Path(folder) / "input", Path(folder) / "tally"
        command = [sys.executable, __file__, "--target", target, "--count", str(count), "--seed", str(first_seed), "--folder", folder]
        done = subprocess.run(command)
        if result.exists():
            return Tally(**json.loads(result.read_text()))
        tally = Tally(inputs=1)
        hung = -done.returncode == signal.SIGVTALRM
        tally.hangs, tally.crashes = int(hung), int(not hung)
        tally.failed(target, f"the process ended with {done.returncode}", last_input.read_bytes() if last_input.exists() else b"")
        return tally


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--scale", type=float, default=1.0, help="how many times the usual number of inputs")
    options.add_argument("--seed", type=int, default=random.randrange(2**32))
    for hidden in ("--target", "--count", "--folder"):
        options.add_argument(hidden, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.target:
        tally = run_target(chosen.target, int(chosen.count), chosen.seed, Path(chosen.folder) / "input")
        (Path(chosen.folder) / "tally").write_text(json.dumps(vars(tally)))
        return 0
    print(f"seed {chosen.seed}", flush=True)
    tallies = [in_own_process(target, round(chosen.scale * count), chosen.seed) for target, (_, _, _, count) in TARGETS.items()]
    inputs, crashes, hangs = (sum(getattr(t, name) for t in tallies) for name in ("inputs", "crashes", "hangs"))
    peak, slowest = max(t.peak_mib for t in tallies), max(t.slowest for t in tallies)
    print(f"slowest: {slowest:.2f} s of computing")
    print(f"{inputs:,} inputs, {crashes} crashes, {hangs} hangs, peak memory +{peak:.0f} MiB (cap {CAP_MIB})")
    return int(bool(crashes or hangs or peak > CAP_MIB))


if __name__ == "__main__":
    sys.exit(main())
