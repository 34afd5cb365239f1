"""`make bench`: what kernels cost without a GPU: checks, Numba's simulator, and compiling. Ratios are of one run on one machine.

A 256 x 256 matrix product by tiles of 16 x 16 runs with all checks, with none, and in Numba's CUDA simulator, which runs a
64 x 64 product that is multiplied by 4 x 4 x 4. Times are processor seconds, the median of several; the first kernel in a process is wall time.

Numba is installed into an environment of its own, build/bench/numba. Writes build/bench/kernels.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from kernels.correct import MATMUL
from rich.console import Console
from rich.table import Table

from autograder.cuda import standin as cp
from autograder.cuda.launch import Run, Setting
from autograder.cuda.lowering import Mode
from autograder.cuda.program import load

OUT = Path(__file__).parent.parent / "build" / "bench"
NUMBA = OUT / "numba"
TILE, SIDE, NUMBA_SIDE = 16, 256, 64
REPEATS = 7
SOURCES = 8

# What has been promised.
MOST_TIMES_UNCHECKED = 6
LEAST_TIMES_FASTER_THAN_NUMBA = 500
FIRST_S, NEXT_MS, FROM_CACHE_MS = 1.0, 100.0, 5.0

NUMBA_MATMUL = """
import json, sys, time
import numpy as np
from numba import cuda, float32

TILE, n = 16, int(sys.argv[1])

@cuda.jit
def matmul(a, b, c):
    ta = cuda.shared.array(shape=(TILE, TILE), dtype=float32)
    tb = cuda.shared.array(shape=(TILE, TILE), dtype=float32)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    row, column = cuda.blockIdx.y * TILE + ty, cuda.blockIdx.x * TILE + tx
    total = float32(0)
    for t in range(n // TILE):
        ta[ty, tx] = a[row, t * TILE + tx]
        tb[ty, tx] = b[t * TILE + ty, column]
        cuda.syncthreads()
        for k in range(TILE):
            total += ta[ty, k] * tb[k, tx]
        cuda.syncthreads()
    c[row, column] = total

rng = np.random.default_rng(0)
a, b = (rng.normal(size=(n, n)).astype(np.float32) for _ in range(2))
c = np.zeros((n, n), np.float32)
start = time.process_time()
matmul[(n // TILE, n // TILE), (TILE, TILE)](a, b, c)
seconds = time.process_time() - start
assert np.allclose(c, a @ b, atol=1e-3)
print(json.dumps({"seconds": seconds, "numba": __import__("numba").__version__}))
"""

# Runs in a fresh process: the first kernel from nothing, then others; the sources come on stdin.
COMPILES = """
import json, sys, time
sources = json.load(sys.stdin)
start = time.perf_counter()
from autograder.cuda import standin as cp
import numpy as np
out = cp.zeros(64, np.float32)
cp.RawKernel(sources[0], "k")((1,), (64,), (out,))
out.get()
first = time.perf_counter() - start
others = []
for source in sources[1:]:
    start = time.process_time()
    cp.RawKernel(source, "k").compile()
    others.append(time.process_time() - start)
print(json.dumps({"first": first, "others": others}))
"""


# ---- running -------------------------------------------------------------------------------------------------------------


def processor_seconds(launch: Callable[[], None]) -> float:
    """The median of several launches, after one that compiles."""
    launch()
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        launch()
        times.append(time.process_time() - start)
    return statistics.median(times)


def matrices(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, n)).astype(np.float32), rng.normal(size=(n, n)).astype(np.float32)


def checked() -> float:
    a, b = matrices(SIDE)
    c = cp.empty((SIDE, SIDE), np.float32)
    arguments = (cp.asarray(a), cp.asarray(b), c, SIDE, SIDE, SIDE)
    kernel = cp.RawKernel(MATMUL, "k")
    seconds = processor_seconds(lambda: kernel((SIDE // TILE, SIDE // TILE), (TILE, TILE), arguments))
    assert np.allclose(c.get(), a @ b, atol=1e-3)
    return seconds


def unchecked() -> float:
    """The same kernel without any check: its addresses are the host's own."""
    a, b = matrices(SIDE)
    c = np.zeros((SIDE, SIDE), np.float32)
    addresses = np.array([x.ctypes.data for x in (a, b, c)], np.uint64)
    parameters = addresses.tobytes() + np.full(3, SIDE, np.int32).tobytes()
    launchable = load(MATMUL, (), ()).launchable("k", Mode.UNCHECKED)
    setting = Setting((SIDE // TILE, SIDE // TILE, 1), (TILE, TILE, 1), parameters)
    seconds = processor_seconds(lambda: Run(launchable, setting).all_blocks())
    assert np.allclose(c, a @ b, atol=1e-3)
    return seconds


def numba(console: Console) -> tuple[float, str] | None:
    """Seconds for the large product, extrapolated, and Numba's version; nothing where it cannot be installed."""
    if not install_numba(console):
        return None
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1", "PYTHONPATH": ""}
    argv = [str(NUMBA / "bin" / "python"), "-c", NUMBA_MATMUL, str(NUMBA_SIDE)]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True)
    if done.returncode:
        console.print(f"Numba's simulator failed and is left out: {done.stderr.strip().splitlines()[-1:]}", style="yellow")
        return None
    found = json.loads(done.stdout)
    return found["seconds"] * (SIDE // NUMBA_SIDE) ** 3, found["numba"]


def install_numba(console: Console) -> bool:
    if (NUMBA / "ready").exists():
        return True
    console.print("Numba is being installed into build/bench/numba ...")
    for argv in ([sys.executable, "-m", "venv", str(NUMBA)], [str(NUMBA / "bin" / "pip"), "install", "--quiet", "numba", "numpy"]):
        done = subprocess.run(argv, capture_output=True, text=True)
        if done.returncode:
            console.print(f"Numba could not be installed and is left out: {done.stderr.strip().splitlines()[-1:]}", style="yellow")
            return False
    (NUMBA / "ready").touch()
    return True


def compiles(sources: list[str], cache: Path) -> dict[str, Any]:
    """Compile in a fresh process, whose cache is that folder."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    done = subprocess.run([sys.executable, "-c", COMPILES], input=json.dumps(sources), env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def variants() -> list[str]:
    """A small kernel to begin with, then matrix products that no cache knows: each has a number of its own in it."""
    mark = time.time_ns()
    small = f'extern "C" __global__ void k(float* out) {{ out[threadIdx.x] = threadIdx.x * {mark % 1000}.5f; }} // {mark}'
    return [small, *(MATMUL.replace("float sum = 0;", f"float sum = {mark % 1000 + k}.f;") + f"// {mark}" for k in range(SOURCES))]


def compile_times() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        cache, fresh = Path(folder), variants()
        ever = compiles(variants(), cache)  # compiles the runtime too
        new = compiles(fresh, cache)
        again = compiles(fresh, cache)
    return {
        "first_ever_s": ever["first"],
        "first_in_a_process_s": new["first"],
        "next_ms": 1000 * statistics.median(new["others"]),
        "from_cache_ms": 1000 * statistics.median(again["others"]),
    }


# ---- reporting -----------------------------------------------------------------------------------------------------------


def main() -> int:
    """Print the table and write the figures. Returns 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--without-numba", action="store_true", help="leave Numba's simulator out")
    chosen = parser.parse_args()
    console = Console()
    OUT.mkdir(parents=True, exist_ok=True)
    with_checks, without = checked(), unchecked()
    simulator = None if chosen.without_numba else numba(console)
    figures = {"checked_s": with_checks, "unchecked_s": without, "times_unchecked": with_checks / without, **compile_times()}
    if simulator:
        figures |= {"numba_s": simulator[0], "times_faster_than_numba": simulator[0] / with_checks}
    promises = promised(figures)
    console.print(table(figures, promises))
    document = {"figures": figures, "promises": promises, "numba": simulator[1] if simulator else None, "repeats": REPEATS}
    (OUT / "kernels.json").write_text(json.dumps(document, indent=2) + "\n")
    return int(not all(promises.values()))


def promised(figures: dict[str, float]) -> dict[str, bool]:
    kept = {
        "times_unchecked": figures["times_unchecked"] <= MOST_TIMES_UNCHECKED,
        "first_in_a_process_s": figures["first_in_a_process_s"] < FIRST_S,
        "next_ms": figures["next_ms"] < NEXT_MS,
        "from_cache_ms": figures["from_cache_ms"] < FROM_CACHE_MS,
    }
    if "times_faster_than_numba" in figures:
        kept["times_faster_than_numba"] = figures["times_faster_than_numba"] >= LEAST_TIMES_FASTER_THAN_NUMBA
    return kept


def table(figures: dict[str, float], promises: dict[str, bool]) -> Table:
    rows = {
        "checked_s": ("256 x 256 matmul, all checks", "s", ""),
        "unchecked_s": ("256 x 256 matmul, no checks", "s", ""),
        "times_unchecked": ("checks cost", "times", f"at most {MOST_TIMES_UNCHECKED}"),
        "numba_s": ("Numba's simulator, extrapolated", "s", ""),
        "times_faster_than_numba": ("faster than Numba's simulator", "times", f"at least {LEAST_TIMES_FASTER_THAN_NUMBA}"),
        "first_ever_s": ("first kernel on this machine", "s", ""),
        "first_in_a_process_s": ("first kernel in a fresh process", "s", f"under {FIRST_S:g}"),
        "next_ms": ("compiling another kernel", "ms", f"under {NEXT_MS:g}"),
        "from_cache_ms": ("compiling it again, from the cache", "ms", f"under {FROM_CACHE_MS:g}"),
    }
    made = Table("figure", "value", "unit", "promised", "")
    for key, (words, unit, promise) in rows.items():
        if key in figures:
            made.add_row(words, f"{figures[key]:.4g}", unit, promise, "" if key not in promises else "kept" if promises[key] else "[red]broken[/]")
    return made


if __name__ == "__main__":
    sys.exit(main())
