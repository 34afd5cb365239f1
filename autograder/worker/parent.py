"""The warm parent: a process that has everything loaded, and forks a worker for each notebook.

It runs no line of a submission. It has one thread, as a fork keeps only one.
"""

from __future__ import annotations

import base64
import contextlib
import gc
import importlib
import json
import os
import random
import shutil
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any

from autograder.worker import absent
from autograder.worker.channel import DONE, FAILED, MAX_TEXT, Channel
from autograder.worker.jail import linux
from autograder.worker.jail.confine import Confinement, close_all_but, own_processes, quiet_standard_input, run_confined, seal
from autograder.worker.jail.probe import Targets, failures
from autograder.worker.kinds import PROBE, WITH_KERNELS, WITH_TORCH
from autograder.worker.serve import serve
from autograder.worker.shell import Cells

HUGE = 2 * 2**20

_NUMPY = ("numpy", "numpy.random", "numpy.testing", "scipy", "sklearn.datasets", "matplotlib.pyplot", "matplotlib_inline.backend_inline", "jaxtyping")
_TORCH = ("torch", "torch.nn", "torch.nn.functional", "torch.optim", "torch.utils.data", "torch.testing")
_OURS = ("autograder", "autograder.worker.answer", "safetensors.numpy")


def main() -> None:
    """Load, then fork a worker for each message on the socket whose descriptor is the first argument."""
    control = socket.socket(fileno=int(sys.argv[1]))
    settings = json.loads(sys.argv[2])
    cells = _warm(settings["kind"])
    bytecode = base64.b64decode(settings["bytecode"])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # supervisors are not waited for
    control.send(b"warm")
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, MAX_TEXT, 1)
        if not message:
            os._exit(0)
        request = json.loads(message)
        confinement = Confinement.from_json(request["confinement"])
        with own_processes(confinement):
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _become_worker(request, confinement, Channel(socket.socket(fileno=descriptors[0])), cells, bytecode)
        os.close(descriptors[0])


def _become_worker(request: dict[str, Any], confinement: Confinement, channel: Channel, cells: Cells | None, bytecode: bytes) -> None:
    """In the fork."""

    def work() -> None:
        quiet_standard_input()
        if request["probe"]:
            seal(confinement, bytecode)
            channel.send(DONE, json.dumps(failures(Targets(**request["probe"]))).encode())
            return
        assert cells is not None
        cells.begin()
        sys.path.insert(0, "")
        if "torch" not in sys.modules:
            absent.install()
        _reseed(request["seed"])
        seal(confinement, bytecode)
        serve(channel, cells)

    try:
        close_all_but(channel.socket.fileno())
        run_confined(confinement, work)
    except BaseException:
        channel.send(FAILED, traceback.format_exc(limit=-2).encode()[-MAX_TEXT:])
        os._exit(1)


def _warm(kind: str) -> Cells | None:
    """Import what notebooks use, and use it once: the first use of many things is slow."""
    if kind == PROBE:
        return None
    shutil.copytree(os.environ["FONTS"], os.environ["MPLCONFIGDIR"])
    cells = Cells()
    for name in (*_NUMPY, *(_TORCH if kind == WITH_TORCH else ()), *_OURS):
        importlib.import_module(name)
    _use_matplotlib()
    if kind == WITH_TORCH:
        _use_torch()
    if kind == WITH_KERNELS:
        _use_kernels()
    assert len(os.listdir("/proc/self/task")) == 1, "a library started a thread: no fork would be safe"
    gc.collect()
    gc.freeze()
    _use_huge_pages()
    return cells


def _use_huge_pages() -> None:
    """Forks are most of what a notebook costs, and half of a fork is the table of pages. Kernels that cannot do this refuse."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        where, rights, _, _, _, *name = line.split()
        start, end = (int(x, 16) for x in where.split("-"))
        start, end = -(-start // HUGE) * HUGE, end // HUGE * HUGE
        if "w" in rights and name in ([], ["[heap]"]) and end > start:
            with contextlib.suppress(OSError):
                linux.use_huge_pages(start, end - start)


def _use_torch() -> None:
    import torch

    torch.set_num_threads(1)
    layer = torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    layer(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    repr(layer.weight)
    torch.testing.assert_close(torch.ones(1), torch.ones(1))


def _use_kernels() -> None:
    """Load the compilers and what runs kernels, or leave it to the student's cells to say what is missing."""
    from autograder.cuda import NotSupported, standin

    with contextlib.suppress(NotSupported):
        kernel = standin.RawKernel('extern "C" __global__ void warm_up(float* x) { x[threadIdx.x] += 1; }', "warm_up")
        kernel((1,), (1,), (standin.zeros(1, standin.float32),))


def _use_matplotlib() -> None:
    import io

    from matplotlib import pyplot

    pyplot.figure()
    pyplot.plot([1, 2])
    pyplot.savefig(io.BytesIO(), format="png")
    pyplot.close("all")


def _reseed(seed: int) -> None:
    """Every worker starts with the same random numbers, and with others than the parent's."""
    random.seed(seed)
    sys.modules["numpy"].random.seed(seed)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(seed)
