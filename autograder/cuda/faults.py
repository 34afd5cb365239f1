"""What goes wrong with a kernel, in one sentence each."""

from __future__ import annotations


class CompileError(Exception):
    """The CUDA C source is not valid; the message is NVRTC's own log."""

    @property
    def log(self) -> str:
        """What the compiler wrote."""
        return str(self)


class NotSupported(Exception):
    """A legitimate kernel that this machine cannot run; the message names the instruction."""


class KernelFault(Exception):
    """A launch that a GPU would answer with an error or with garbage.

    `what` says what happened, whatever the source looks like; the message puts the source line before it.
    """

    def __init__(self, what: str, line: int = 0, code: str = "") -> None:
        self.what = what
        self.line = line
        self.code = code
        super().__init__(f"line {line}, `{code}`: {what}" if line else what)
