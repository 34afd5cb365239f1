"""What goes wrong with a kernel."""

from __future__ import annotations

from dataclasses import dataclass


class KernelError(Exception):
    """What went wrong with a kernel. Its message says where in the kernel, so notebooks show it without our own lines above it."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows."""
        return [f"{type(self).__name__}: {self}"]


class CompileError(KernelError):
    """The CUDA C source is not valid; the message is NVRTC's own log."""


class UnwrittenWarning(UserWarning):
    """Elements that come to the host although nobody has written them: rubbish."""


class NotSupported(KernelError):
    """A legitimate kernel that this machine cannot run; the message names what it cannot do."""


@dataclass(frozen=True)
class Place:
    """A line of the kernel's source. Line 0 is nowhere."""

    line: int = 0
    code: str = ""

    def __str__(self) -> str:
        return f"line {self.line}, `{self.code}`" if self.code else f"line {self.line}"


class KernelFault(KernelError):
    """A launch that a GPU would answer with an error or with garbage.

    `kind` names the fault ("race"), `summary` says what it is whatever the source and the data look like, and `what`
    says who did what to which element. The message puts the source line before that, and a hint behind it.
    """

    def __init__(
        self,
        what: str,
        *,
        kind: str = "launch",
        summary: str = "",
        place: Place = Place(),
        hint: str = "",
    ) -> None:
        self.what = what
        self.kind = kind
        self.summary = summary or what
        self.place = place
        self.hint = hint
        self.where = ""
        super().__init__((f"{place}: " if place.line else "") + what + (f". {hint}" if hint else ""))

    def graded(self) -> KernelFault:
        """The same fault with a message that any two kernels share that go wrong in the same way; `where` keeps the rest."""
        graded = KernelFault(self.summary, kind=self.kind)
        graded.where = str(self) if self.summary != str(self) else ""
        return graded
