"""The rule on forbidden calls, enforced while asking: whatever way leads to a forbidden function, its call is refused.

A name may have been captured long before: in an earlier cell, by `functools.partial`, in a module of the student's own.
So what is exchanged is not the name alone but what lies behind it, until the asking is over. It is a rule with a helpful
message, no security boundary.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any, NoReturn

# The aten operators behind forbidden names of torch: the first one on the way of a compiled function, and those further
# down that have a name of their own. `torch.convolution` is where all convolutions meet.
CONVOLUTION = (
    "convolution", "convolution_overrideable", "_convolution", "mkldnn_convolution", "_nnpack_spatial_convolution",
    "_slow_conv2d_forward", "slow_conv3d_forward", "slow_conv_dilated2d", "slow_conv_dilated3d", "slow_conv_transpose2d", "slow_conv_transpose3d",
)  # fmt: skip
ATTENTION = (
    "scaled_dot_product_attention", "_scaled_dot_product_attention_math", "_scaled_dot_product_flash_attention_for_cpu",
    "_scaled_dot_product_fused_attention_overrideable",
)  # fmt: skip
HEADS = ("_native_multi_head_attention", "_transformer_encoder_layer_fwd")
LSTM = ("lstm.input", "lstm.data", "mkldnn_rnn_layer")
LSTM_CELL = ("lstm_cell", "_thnn_fused_lstm_cell")
OPERATORS: dict[str, tuple[str, ...]] = {
    "torch.conv1d": ("conv1d", "conv1d.padding"),
    "torch.conv2d": ("conv2d", "conv2d.padding"),
    "torch.conv3d": ("conv3d", "conv3d.padding"),
    "torch.conv_transpose1d": ("conv_transpose1d",),
    "torch.conv_transpose2d": ("conv_transpose2d.input",),
    "torch.conv_transpose3d": ("conv_transpose3d.input",),
    "torch.conv_tbc": ("conv_tbc",),
    "torch.convolution": CONVOLUTION,
    "torch.nn.grad.conv2d_input": ("convolution_backward",),
    "torch.nn.grad.conv2d_weight": ("convolution_backward",),
    "torch.nn.functional.scaled_dot_product_attention": ATTENTION,
    "torch.nn.functional.multi_head_attention_forward": HEADS,
    "torch.lstm": LSTM,
    "torch.lstm_cell": LSTM_CELL,
    "torch.optim.SGD": ("_fused_sgd", "_fused_sgd_", "_fused_sgd_.tensor_lr"),
    "torch.optim.Adam": ("_fused_adam", "_fused_adam_", "_fused_adam_.tensor_lr"),
    "torch.optim.AdamW": ("_fused_adamw", "_fused_adamw_", "_fused_adamw_.tensor_lr"),
}
KEYS = ("CPU", "MkldnnCPU", "CUDA", "MPS", "FuncTorchVmapMode")  # where the dispatcher looks for kernels


class ForbiddenCall(BaseException):
    """A function was called that the exercise is about. Not an Exception, so that `except Exception` lets it through."""


_calls: list[str] = []


def refuse(name: str) -> NoReturn:
    """Take down that `name` was called, which counts even if the student's code swallows what is raised."""
    _calls.append(name)
    raise ForbiddenCall(name)


@contextlib.contextmanager
def forbidding(names: Sequence[str]) -> Iterator[None]:
    """Refuse calls of what the dotted names stand for, as far as their modules are loaded; nothing is imported.

    Raises:
        ForbiddenCall: on leaving, if there was such a call.
    """
    earlier = len(_calls)
    try:
        with contextlib.ExitStack() as undo:
            _forbid_operators(names, undo)
            for place in _places(tuple(names), len(sys.modules)):
                place.refuse(undo)
            yield
    finally:
        calls = _calls[earlier:]
        del _calls[earlier:]
        if calls:
            raise ForbiddenCall(calls[0])


def _forbid_operators(names: Sequence[str], undo: contextlib.ExitStack) -> None:
    """Raising kernels, which references captured anywhere reach, and `torch.ops` and modules too."""
    scoped = inspect.getattr_static(sys.modules.get("torch.library"), "_scoped_library", None)  # not in what stands for an absent torch
    operators = {operator: name for name in reversed(names) for operator in OPERATORS.get(name, ())}
    if scoped is None or not operators:
        return
    library = undo.enter_context(scoped("aten", "IMPL"))
    for operator, name in operators.items():
        for key in KEYS:
            library.impl(operator, _refusing(name), key)


@functools.lru_cache(maxsize=64)
def _places(names: tuple[str, ...], modules: int) -> list[Place]:
    """Where calls of these names pass. They are looked for once, and again when another module is loaded: `modules` counts them."""
    found: list[Place] = []
    for name in reversed(names):  # of several names for one thing, the first is the one that is told
        owner, _, attribute = name.rpartition(".")
        holder = _loaded(owner)
        target = inspect.getattr_static(holder, attribute, None)
        if target is not None:
            functions = [_Function(name, function) for function in _python_functions(target)]
            found += functions or [_Attribute(name, holder, attribute)]
    return found


@dataclass(frozen=True)
class _Function:
    """A function written in Python is refused by its code, whatever name it is called by."""

    name: str
    function: FunctionType

    def refuse(self, undo: contextlib.ExitStack) -> None:
        code = self.function.__code__
        undo.callback(setattr, self.function, "__code__", code)
        self.function.__code__ = _refusing_code(self.name, code.co_freevars)


@dataclass(frozen=True)
class _Attribute:
    """What has no Python code is refused where it is looked up. An inherited attribute is only covered."""

    name: str
    holder: Any
    attribute: str

    def refuse(self, undo: contextlib.ExitStack) -> None:
        own = vars(self.holder).get(self.attribute)
        with contextlib.suppress(TypeError, AttributeError):  # of a compiled class, which cannot be changed
            setattr(self.holder, self.attribute, _refusing(self.name))
            undo.callback(delattr, self.holder, self.attribute) if own is None else undo.callback(setattr, self.holder, self.attribute, own)


Place = _Function | _Attribute


def _loaded(name: str) -> Any:
    """The module or class of this dotted name, if it is loaded. Static look-ups, because some packages import on demand."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        found: Any = sys.modules.get(".".join(parts[:cut]))
        if found is not None:
            for part in parts[cut:]:
                found = inspect.getattr_static(found, part, None)
            return found
    return None


def _python_functions(target: Any) -> Iterator[FunctionType]:
    """A function and what it wraps (NumPy's dispatchers and decorators say so); of a class, the methods that it defines."""
    for member in vars(target).values() if isinstance(target, type) else [target]:
        while member is not None and not isinstance(member, type):
            if isinstance(member, FunctionType):
                yield member
            member = getattr(member, "__wrapped__", None)


@functools.cache
def _refusing_code(name: str, free_variables: tuple[str, ...]) -> CodeType:
    """Python exchanges the code of a function only for one with as many free variables."""
    code = _stand_in.__code__
    constants = tuple(name if constant == "name" else constant for constant in code.co_consts)
    return code.replace(co_consts=constants, co_freevars=free_variables)


def _stand_in(*args: Any, **kwargs: Any) -> NoReturn:
    """Its code runs among the globals of the function whose place it takes, and so imports what it needs."""
    from autograder.check.forbidden_calls import refuse

    refuse("name")


def _refusing(name: str) -> Callable[..., NoReturn]:
    def refused(*args: Any, **kwargs: Any) -> NoReturn:
        refuse(name)

    return refused
