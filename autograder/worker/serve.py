"""What a worker does once it is confined: run cells, fork itself to keep a state, answer questions. Until nobody asks any more."""

from __future__ import annotations

import inspect
import os
import sys

from autograder.worker.answer import replies
from autograder.worker.channel import ASK, CANNOT_FORK, DONE, FORK, OUTPUT, READY, REPLIES, RUN, Channel, Closed
from autograder.worker.jail.bubblewrap import GPU_DEVICES
from autograder.worker.shell import Cells


def serve(channel: Channel, cells: Cells) -> None:
    """Do what comes through the channel, one thing after the other."""
    cells.outputs.sink = lambda event: channel.send(OUTPUT, event)
    channel.send(READY)
    while True:
        try:
            frame = channel.receive()
        except (Closed, OSError):
            return
        if frame.kind == RUN:
            cells.run(frame.body.decode("utf-8", "replace"))
            channel.send(DONE)
        elif frame.kind == FORK:
            _fork(channel, cells)
        elif frame.kind == ASK:
            channel.send(REPLIES, replies(frame.body, cells.shell.user_ns))


def _fork(channel: Channel, cells: Cells) -> None:
    """Keep the state of this moment in a child, which answers through the socket that came along."""
    its = channel.take_socket()
    if reason := _why_not():
        channel.send(CANNOT_FORK, reason.encode())
    elif os.fork() == 0:
        channel.socket.close()
        cells.begin_fork()
        serve(Channel(its), cells)
        os._exit(0)
    else:
        channel.send(DONE)
    its.close()


def _why_not() -> str:
    """What does not survive a fork: other threads, and a GPU in use."""
    if len(os.listdir("/proc/self/task")) > 1:
        return "threads"
    cuda_in_use = inspect.getattr_static(sys.modules.get("torch.cuda"), "is_initialized", None)  # not in what stands for an absent torch
    cupy_in_use = "cupy" in sys.modules and any(os.path.exists(device) for device in GPU_DEVICES)
    if cupy_in_use or (cuda_in_use is not None and cuda_in_use()):
        return "GPU"
    return ""
