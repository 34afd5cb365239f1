"""Record what the corpora do on a real GPU: `python tests/record_on_gpu.py`, on a machine with an NVIDIA GPU and CuPy.

Every program of the language corpus runs with real CuPy; its arrays go to tests/kernels/recorded/language.npz. Every
program of the fault corpus runs under NVIDIA's compute-sanitizer, where that is installed, in a process of its own; what
it says goes to tests/kernels/recorded/faults.json. Commit both: tests/test_kernel_recordings.py replays them without a GPU.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from kernels.faults import FAULTS, Fault
from kernels.language import PROGRAMS
from kernels.program import Program, differences, run

RECORDED = Path(__file__).parent / "kernels" / "recorded"
SECONDS = 120
# Which of compute-sanitizer's tools looks for a kind of fault. It has none for the others.
TOOLS = {
    "out of bounds": "memcheck", "wild pointer": "memcheck", "misaligned": "memcheck", "read only": "memcheck", "assertion": "memcheck",
    "stack overflow": "memcheck", "bad call": "memcheck",
    "uninitialised": "initcheck", "race": "racecheck", "divergent barrier": "synccheck", "warp mask": "synccheck",
}  # fmt: skip


def digest(program: Program) -> str:
    """A recording belongs to this very source and these very arrays."""
    given = [a.tobytes() if isinstance(a, np.ndarray) else repr(a).encode() for a in program.arrays.values()]
    return hashlib.sha256(b"\0".join([program.source.encode(), repr(program.launches).encode(), *given])).hexdigest()[:16]


def record_language(cp: ModuleType) -> dict[str, Any]:
    """Run every program that this card can run. What differs from NumPy is told, and recorded all the same."""
    arrays: dict[str, np.ndarray] = {}
    digests: dict[str, str] = {}
    differing: dict[str, str] = {}
    for program in PROGRAMS:
        if program.architecture > int(cp.cuda.Device().compute_capability):
            continue
        try:
            results = run(program, cp)
        except Exception as error:  # one refused program must not cost the other recordings
            differing[program.name] = f"{type(error).__name__}: {error}"[:500]
            continue
        wrong = [f"{name}: {what}" for name, expected in program.expected.items() if (what := differences(expected, results[name]))]
        if wrong:
            differing[program.name] = "; ".join(wrong)
        digests[program.name] = digest(program)
        arrays |= {f"{program.name}/{name}": results[name] for name in program.expected}
    np.savez_compressed(RECORDED / "language.npz", **arrays)  # type: ignore[arg-type]
    return {"digests": digests, "differs from NumPy": differing}


def record_faults(sanitizer: str) -> dict[str, Any]:
    """What compute-sanitizer says of each fault that it has a tool for."""
    return {f"{fault.topic}: {fault.name}": _sanitized(sanitizer, number, fault) for number, fault in enumerate(FAULTS) if tool_for(fault)}


def tool_for(fault: Fault) -> str:
    """The tool for the kind that the corpus names first; empty if there is none."""
    return TOOLS.get(fault.kinds[0], "")


def _sanitized(sanitizer: str, number: int, fault: Fault) -> dict[str, Any]:
    tool = tool_for(fault)
    argv = [sanitizer, "--tool", tool, sys.executable, __file__, "--fault", str(number)]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return {"tool": tool, "errors": None, "said": [f"nothing within {SECONDS} seconds"], "digest": digest(fault.program)}
    said = [line.removeprefix("=========").strip() for line in done.stdout.splitlines() if line.startswith("=========")]
    errors = next((int(found[1]) for line in said if (found := re.search(r"(?:ERROR|RACECHECK) SUMMARY: (\d+)", line))), None)
    return {"tool": tool, "errors": errors, "said": said[:12], "digest": digest(fault.program)}


def run_fault(cp: ModuleType, number: int) -> None:
    """One fault by itself, for compute-sanitizer to look at."""
    run(FAULTS[number].program, cp)
    cp.cuda.Device().synchronize()


def about(cp: ModuleType) -> dict[str, Any]:
    properties = cp.cuda.runtime.getDeviceProperties(cp.cuda.Device().id)
    return {
        "card": properties["name"].decode(),
        "compute capability": cp.cuda.Device().compute_capability,
        "driver": cp.cuda.runtime.driverGetVersion(),
        "cuda": cp.cuda.runtime.runtimeGetVersion(),
        "nvrtc": ".".join(map(str, cp.cuda.nvrtc.getVersion())),
        "cupy": cp.__version__,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fault", type=int, help="run one program of the fault corpus, and nothing else")
    chosen = parser.parse_args()
    try:
        import cupy as cp
    except ImportError:
        print("This records what a real GPU does: install CuPy (pip install cupy-cuda13x) on a machine with an NVIDIA GPU.")
        return 1
    if not cp.cuda.is_available():
        print("CuPy is installed, but finds no NVIDIA GPU here.")
        return 1
    if chosen.fault is not None:
        run_fault(cp, chosen.fault)
        return 0
    RECORDED.mkdir(exist_ok=True)
    language = record_language(cp)
    (RECORDED / "language.json").write_text(json.dumps({"about": about(cp), **language}, indent=1, ensure_ascii=False) + "\n")
    print(f"{len(language['digests'])} programs recorded, {len(language['differs from NumPy'])} differ from NumPy:")
    for name, what in language["differs from NumPy"].items():
        print(f"  {name}: {what}")
    sanitizer = shutil.which("compute-sanitizer") or shutil.which("/usr/local/cuda/bin/compute-sanitizer")
    if sanitizer is None:
        print("compute-sanitizer is not installed: the fault corpus was not recorded.")
        return 0
    faults = record_faults(sanitizer)
    (RECORDED / "faults.json").write_text(json.dumps({"about": about(cp), "faults": faults}, indent=1, ensure_ascii=False) + "\n")
    found = sum(bool(f["errors"]) for f in faults.values())
    print(f"{len(faults)} faults run under compute-sanitizer, which reports errors in {found}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
