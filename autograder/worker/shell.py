"""IPython in this process, whose outputs leave it as a Jupyter kernel's would: what a notebook's cells run in."""

from __future__ import annotations

import asyncio
import base64
import builtins
import contextvars
import getpass
import io
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn

from ipykernel.compiler import XCachingCompiler
from IPython.core import page
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.error import StdinNotImplementedError
from IPython.core.interactiveshell import InteractiveShell
from IPython.external.pickleshare import PickleShareDB
from traitlets import Type
from traitlets.config import Config

from autograder.worker.channel import MAX_OUTPUT

Event = dict[str, Any]
Sink = Callable[[bytes], None]

_DESCRIPTORS = {"stdout": 1, "stderr": 2}
_FLUSH_SECONDS = 0.2
_FLUSH_CHARACTERS = 2**16
_TOO_LARGE = {"output_type": "display_data", "data": {"text/plain": "(This output is too large to be shown.)"}, "metadata": {}}


class Outputs:
    """Collects what a cell shows, in order, and passes it on as JSON: text when there is enough of it, the rest at once.

    Without a sink, as in a process that a cell forks, text goes to the descriptor, like that of any other process.
    """

    def __init__(self) -> None:
        self.raw: list[RawOutput] = []
        self._forked()
        os.register_at_fork(after_in_child=self._forked)

    def _forked(self) -> None:
        self.sink: Sink | None = None
        self._waiting: list[bytes] = []
        self._is_sending = False
        self._lock = threading.RLock()
        self._forget()

    def _forget(self) -> None:
        self._stream, self._size, self._since = "", 0, time.monotonic()
        self._text: list[str] = []

    def write(self, stream: str, text: str) -> None:
        if self.sink is None:
            os.write(_DESCRIPTORS[stream], text.encode("utf-8", "replace"))
            return
        with self._lock:
            self._take_raw()
            self._append(stream, text)
            if self._size > _FLUSH_CHARACTERS or time.monotonic() - self._since > _FLUSH_SECONDS:
                self._pass_text_on()

    def flush(self) -> None:
        if self.sink is None:
            return
        with self._lock:
            self._take_raw()
            self._pass_text_on()

    def show(self, event: Event) -> None:
        with self._lock:
            self.flush()
            self._pass_on(event)

    def _take_raw(self) -> None:
        """What other processes wrote up to now stands before what Python writes next."""
        for raw in self.raw:
            if text := raw.take():
                self._append(raw.name, text)

    def _append(self, stream: str, text: str) -> None:
        if stream != self._stream:
            self._pass_text_on()
            self._stream = stream
        self._text.append(text)
        self._size += len(text)

    def _pass_text_on(self) -> None:
        if self._text:
            text = "".join(self._text)
            for start in range(0, len(text), _FLUSH_CHARACTERS):
                self._pass_on({"output_type": "stream", "name": self._stream, "text": text[start : start + _FLUSH_CHARACTERS]})
        self._forget()

    def _pass_on(self, event: Event) -> None:
        if self.sink is None:
            return
        encoded = json.dumps(event, default=_as_json).encode()
        self._waiting.append(encoded if len(encoded) <= MAX_OUTPUT else json.dumps(_TOO_LARGE).encode())
        if self._is_sending:  # by a signal's handler, in the middle of another event: that one first
            return
        self._is_sending = True
        try:
            while self._waiting:
                self.sink(self._waiting.pop(0))
        finally:
            self._is_sending = False


def _as_json(x: object) -> object:
    """Images are bytes; what else JSON cannot hold is shown as its text."""
    return base64.b64encode(x).decode() if isinstance(x, bytes) else str(x)


class Stream(io.TextIOBase):
    """sys.stdout or sys.stderr of a cell."""

    encoding = "UTF-8"

    def __init__(self, name: str, outputs: Outputs) -> None:
        self.name, self._outputs = name, outputs

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text)}")
        self._outputs.write(self.name, text)
        return len(text)

    def flush(self) -> None:
        self._outputs.flush()

    def fileno(self) -> int:
        return _DESCRIPTORS[self.name]

    def writable(self) -> bool:
        return True


class RawOutput:
    """What is written to a descriptor past Python: by C code and by other processes. It is kept in memory until the cell ends."""

    def __init__(self, name: str, descriptor: int) -> None:
        self.name = name
        self._kept = os.memfd_create(name)
        self._read = 0
        os.dup2(self._kept, descriptor)

    def take(self) -> str:
        """What is new."""
        size = os.fstat(self._kept).st_size
        new = os.pread(self._kept, min(size - self._read, MAX_OUTPUT), self._read) if size > self._read else b""
        self._read = size
        return new.decode("utf-8", "replace")


class _Publisher(DisplayPublisher):
    outputs: Outputs

    def publish(
        self,
        data: dict[str, Any],
        metadata: dict[str, Any] | None = None,
        *,
        transient: dict[str, Any] | None = None,
        update: bool = False,
        **more: Any,
    ) -> None:
        display_id = (transient or {}).get("display_id")
        kind = "update_display_data" if update else "display_data"
        self.outputs.show({"output_type": kind, "data": data, "metadata": metadata or {}, "display_id": display_id})

    def clear_output(self, wait: bool = False) -> None:
        self.outputs.show({"output_type": "clear_output", "wait": wait})


class _Hook(DisplayHook):
    outputs: Outputs
    _shown: tuple[dict[str, Any], dict[str, Any] | None] | None = None

    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None) -> None:
        self._shown = format_dict, md_dict

    def finish_displayhook(self) -> None:
        if self._shown and self._shown[0]:
            data, metadata = self._shown
            count = self.prompt_count
            self.outputs.show({"output_type": "execute_result", "data": data, "metadata": metadata or {}, "execution_count": count})
        self._shown = None


class NotebookShell(InteractiveShell):
    """An interactive shell that shows everything through `outputs`."""

    display_pub_class = Type(_Publisher)
    displayhook_class = Type(_Hook)
    compiler_class = Type(XCachingCompiler)  # cells have the file names that a kernel gives them

    def init_display_formatter(self) -> None:
        super().init_display_formatter()
        self.display_formatter.active_types = self.display_formatter.format_types

    def init_hooks(self) -> None:
        super().init_hooks()
        self.set_hook("show_in_pager", page.as_hook(lambda *args, **kwargs: None), 99)  # help texts are no output

    def init_environment(self) -> None:
        """As in a kernel: colours for programs that cells call, and no pagers."""
        os.environ.update(TERM="xterm-color", CLICOLOR="1", FORCE_COLOR="1", CLICOLOR_FORCE="1", PAGER="cat", GIT_PAGER="cat")

    def enable_gui(self, gui: str | None = None) -> None:
        """There is no screen."""

    def system(self, command: str) -> None:
        """`!command`, in a terminal where there is one: programs write in colours to it."""
        try:
            self.system_piped(command)
        except OSError:
            self.system_raw(command)

    def ask_exit(self) -> None:
        """`exit()` in a cell ends nothing."""

    def _showtraceback(self, etype: type[BaseException], evalue: BaseException, stb: list[str]) -> None:
        self.displayhook.outputs.show({"output_type": "error", "ename": etype.__name__, "evalue": str(evalue), "traceback": stb})
        self._last_traceback = stb


# rich, tqdm and others look for a notebook by this name.
NotebookShell.__name__ = NotebookShell.__qualname__ = "ZMQInteractiveShell"


class Cells:
    """Runs cells one after the other. Made once, before the fork; `begin` is called in each worker."""

    def __init__(self) -> None:
        config = Config()
        config.HistoryManager.hist_file = ":memory:"  # a file would be written by a thread
        config.IPKernelApp.parent_appname = "scratchgrad"  # tqdm looks for this section
        self.outputs = Outputs()
        self.shell = NotebookShell.instance(config=config)
        self.shell.extension_manager.load_extension("storemagic")  # as a kernel does
        self.shell.display_pub.outputs = self.shell.displayhook.outputs = self.outputs
        self._context = contextvars.copy_context()

    def begin(self) -> None:
        """Take over the streams of this process, and its interrupts."""
        self._own_descriptors_and_loop()
        sys.stdout, sys.stderr = (Stream(name, self.outputs) for name in _DESCRIPTORS)
        builtins.input, getpass.getpass = _refusing("raw_input"), _refusing("getpass")
        self.shell.db = PickleShareDB(f"{tempfile.gettempdir()}/ipython")  # where %store, %cd and others write
        sys.argv = ["ipykernel_launcher.py", "-f", "kernel.json"]
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        if "matplotlib" in sys.modules:
            from matplotlib_inline.backend_inline import _enable_matplotlib_integration

            _enable_matplotlib_integration()

    def begin_fork(self) -> None:
        """In a fork, show nothing in cells, and leave the event loop to the process that it belongs to: closing it would disturb that one."""
        self._loop_of_parent = self._loop
        self._own_descriptors_and_loop()

    def _own_descriptors_and_loop(self) -> None:
        self.outputs.raw = [RawOutput(name, descriptor) for name, descriptor in _DESCRIPTORS.items()]
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)

    def run(self, source: str) -> None:
        """Run a cell. Its errors are outputs."""
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
            self._loop.run_until_complete(self._loop.create_task(self._run(source), context=self._context))
        except KeyboardInterrupt:  # between the cell's last line and here
            pass
        finally:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            if signal.SIGINT in signal.sigpending():  # it came too late, and is not meant for the next cell
                signal.sigwait({signal.SIGINT})
            self.outputs.flush()

    async def _run(self, source: str) -> None:
        """As a kernel does: within a running loop, and as a coroutine only where the cell awaits something."""
        shell = self.shell
        try:
            transformed = shell.transform_cell(source)
        except Exception:
            transformed = source
        if not shell.should_run_async(source, transformed_cell=transformed):
            shell.run_cell(source, store_history=True)
            return
        result = None
        try:
            result = await shell.run_cell_async(source, store_history=True, transformed_cell=transformed)
        finally:
            shell.events.trigger("post_execute")
            shell.events.trigger("post_run_cell", result)


def _refusing(name: str) -> Callable[..., NoReturn]:
    """There is nobody who could type."""

    def refuse(*args: object, **kwargs: object) -> NoReturn:
        raise StdinNotImplementedError(f"{name} was called, but this frontend does not support input requests.")

    return refuse
