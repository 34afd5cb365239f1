"""Streams, events and devices, as far as timing code needs them. Here everything runs at once and in order, so nothing waits."""

from __future__ import annotations

import time
from types import TracebackType
from typing import ClassVar

from autograder.cuda.faults import KernelFault


class Event:
    """A moment in a stream: `record` it, `synchronize` with it, and measure with `get_elapsed_time`."""

    def __init__(self, block: bool = False, disable_timing: bool = False, interprocess: bool = False) -> None:
        self._timed = not disable_timing
        self._seconds: float | None = None

    def record(self, stream: Stream | None = None) -> None:
        self._seconds = time.perf_counter()

    def synchronize(self) -> None:
        """Wait until the work before the event is done, which it is."""

    @property
    def done(self) -> bool:
        return True


def get_elapsed_time(start_event: Event, end_event: Event) -> float:
    """Milliseconds between two recorded events.

    Raises:
        KernelFault: one has not been recorded, or does not keep time. CuPy raises `CUDARuntimeError`.
    """
    for event in (start_event, end_event):
        if event._seconds is None or not event._timed:
            raise KernelFault("cudaErrorInvalidResourceHandle: the time between two events is known when both are recorded and keep time")
    return 1000 * (end_event._seconds - start_event._seconds)  # type: ignore[operator]


class Stream:
    """A queue of work, `with Stream():`. Work is done when it is queued."""

    null: ClassVar[Stream]
    _current: ClassVar[list[Stream]] = []

    def __init__(self, null: bool = False, non_blocking: bool = False, ptds: bool = False, priority: int | None = None) -> None:
        self.ptr = 0 if null else id(self)
        self.done = True

    def synchronize(self) -> None:
        """Wait until its work is done, which it is."""

    def record(self, event: Event | None = None) -> Event:
        event = event or Event()
        event.record(self)
        return event

    def wait_event(self, event: Event) -> None:
        """Let later work wait for the event, which has come."""

    def use(self) -> Stream:
        """Queue work here from now on."""
        Stream._current[-1:] = [self]
        return self

    def __enter__(self) -> Stream:
        Stream._current.append(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        Stream._current.pop()


Stream.null = Stream(null=True)
Stream._current.append(Stream.null)


def get_current_stream(device_id: int = -1) -> Stream:
    return Stream._current[-1]


class Device:
    """The device with the number 0, the only one."""

    def __init__(self, device: int | None = None) -> None:
        self.id = device or 0
        if self.id:
            raise KernelFault(f"cudaErrorInvalidDevice: there is no device {self.id}, only 0")

    def synchronize(self) -> None:
        """Wait until all work is done, which it is."""

    def use(self) -> None:
        """Work on this device, as always."""

    def __enter__(self) -> Device:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Back to the device before, the same."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device)

    def __hash__(self) -> int:
        return self.id

    def __repr__(self) -> str:
        return f"<CUDA Device {self.id}>"
