"""What an exercise is about may not be called: whatever way leads there, the answer is forbidden, and nothing else is touched."""

from __future__ import annotations

import contextlib
import functools
import graphlib
import importlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx
import numpy as np
import pytest
import scipy.differentiate
import scipy.ndimage
import scipy.optimize
import scipy.signal
import torch
import torch.nn.functional as F
from catalogue import EXERCISES
from torch import nn
from torch.optim.adam import adam as adam_function

from autograder.build import find_chapter, import_exercises
from autograder.build.notebook import source_form
from autograder.check import examine
from autograder.check.asking import Question, ask_all
from autograder.check.forbidden_names import forbidden_name
from autograder.check.values import freeze
from autograder.check.verdict import Verdict
from autograder.examiner.examine import kind_of_worker
from autograder.exercise import Exercise, get_exercise, make_card
from autograder.quality import right_answers
from autograder.worker.kinds import WITH_KERNELS, WITH_TORCH, WITHOUT_TORCH

NO_PYTORCH = "PyTorch is not part of this exercise"

# ---- what was captured before anything was asked ---------------------------------------------------------------------

attention = F.scaled_dot_product_attention
from_c = torch._C._nn.scaled_dot_product_attention
operator = torch.ops.aten.scaled_dot_product_attention
without_dropout = functools.partial(F.scaled_dot_product_attention, dropout_p=0.0)
compiled = torch.jit.trace(lambda q, k, v: F.scaled_dot_product_attention(q, k, v), (torch.ones(1, 2, 3),) * 3)
convolutions: dict[str, Callable[..., Any]] = {
    "torch.conv2d": torch.conv2d,
    "torch.nn.functional.conv2d": F.conv2d,
    "torch.convolution": lambda x, w: torch.convolution(x, w, None, (1, 1), (0, 0), (1, 1), False, (0, 0), 1),
    "torch.ops.aten.conv2d": torch.ops.aten.conv2d.default,
    "torch.ops.aten.convolution": lambda x, w: torch.ops.aten.convolution(x, w, None, (1, 1), (0, 0), (1, 1), False, (0, 0), 1),
    "torch._C._nn.thnn_conv2d": lambda x, w: torch._C._nn.thnn_conv2d(x, w, w.shape[2:]),
    "torch.mkldnn_convolution": lambda x, w: torch.mkldnn_convolution(x, w, None, (0, 0), (1, 1), (1, 1), 1),
    "without gradients": torch.no_grad()(F.conv2d),
    "in inference mode": torch.inference_mode()(F.conv2d),
    "vmap": torch.vmap(lambda x, w: F.conv2d(x[None], w)[0], in_dims=(0, None)),
}  # fmt: skip
correlate2d, correlate, correlate_rows = scipy.signal.correlate2d, scipy.ndimage.correlate, scipy.ndimage.correlate1d
Conv2d = nn.Conv2d
conv2d_input = nn.grad.conv2d_input
LSTM, LSTMCell, lstm_function, cell_function = nn.LSTM, nn.LSTMCell, torch.lstm, torch.lstm_cell
built_lstm, built_cell = nn.LSTM(5, 3), nn.LSTMCell(5, 3)
MultiheadAttention, heads_function = nn.MultiheadAttention, F.multi_head_attention_forward
built_heads, built_encoder = nn.MultiheadAttention(4, 2), nn.TransformerEncoderLayer(4, 2)
built_encoder_at_rest = nn.TransformerEncoderLayer(4, 2, batch_first=True).eval()
Adam, SGD = torch.optim.Adam, torch.optim.SGD
a_weight = nn.Parameter(torch.ones(3))
built_adam, built_sgd = torch.optim.Adam([a_weight]), torch.optim.SGD([a_weight])
gradient, approx_fprime, jacobian = np.gradient, scipy.optimize.approx_fprime, scipy.differentiate.jacobian
TopologicalSorter, topological_sort = graphlib.TopologicalSorter, networkx.topological_sort
built_sorter = graphlib.TopologicalSorter()
autograd_grad, tensor_backward, autograd_backward = torch.autograd.grad, torch.Tensor.backward, torch.autograd.backward
jvp, jacfwd, functional_jvp = torch.func.jvp, torch.func.jacfwd, torch.autograd.functional.jvp


def tensors(*arrays: Any) -> tuple[torch.Tensor, ...]:
    return tuple(torch.tensor(np.asarray(a, dtype=float)) for a in arrays)


def graph(parents: Any) -> networkx.DiGraph:
    return networkx.DiGraph([(p, node) for node, ps in parents.items() for p in ps])


def stepped(optimizer: torch.optim.Optimizer) -> None:
    a_weight.grad = torch.ones(3)
    optimizer.step()


def number_with(act: Callable[[], Any]) -> type:
    """A class in whose constructor `act` happens."""

    class Number:
        def __init__(self, data: float, *rest: Any) -> None:
            act()

    return Number


def tracked() -> torch.Tensor:
    return torch.ones(3, requires_grad=True)


def cubes(x: torch.Tensor) -> torch.Tensor:
    return x**3


def square(x: torch.Tensor) -> torch.Tensor:
    return (x * x).sum()


WAYS: dict[str, dict[str, Any]] = {
    "scaled_dot_product_attention": {
        "captured": lambda q, k, v, mask=None: attention(q, k, v, mask),
        "default argument": lambda q, k, v, mask=None, f=F.scaled_dot_product_attention: f(q, k, v, mask),
        "partial": lambda q, k, v, mask=None: without_dropout(q, k, v, mask),
        "getattr": lambda q, k, v, mask=None: getattr(F, "scaled_" + "dot_product_attention")(q, k, v, mask),
        "captured from torch._C": lambda q, k, v, mask=None: from_c(q, k, v, mask),
        "captured operator": lambda q, k, v, mask=None: operator(q, k, v, mask),
        "overload": lambda q, k, v, mask=None: operator.default(q, k, v, mask),
        "mathematical kernel": lambda q, k, v, mask=None: torch._scaled_dot_product_attention_math(q, k, v, mask)[0],
        "captured in TorchScript": lambda q, k, v, mask=None: compiled(q, k, v),
        "on the way to a gradient": lambda q, k, v, mask=None: torch.func.grad(lambda q: attention(q, k, v).sum())(q),
        "vmap": lambda q, k, v, mask=None: torch.vmap(attention)(q, k, v),
        "another class": lambda q, k, v, mask=None: MultiheadAttention(q.shape[-1], 1)(q, k, v),
    },
    "multi_head_attention": {
        "class": lambda x, *weights, **options: MultiheadAttention(x.shape[-1], 1)(x, x, x),
        "instance": lambda x, *weights, **options: built_heads(*[torch.ones(1, 2, 4)] * 3),
        "instance of a layer around it": lambda x, *weights, **options: built_encoder(torch.ones(1, 2, 4)),
        "fast path of that layer": lambda x, *weights, **options: torch.no_grad()(built_encoder_at_rest)(torch.ones(1, 2, 4)),
        "function": lambda x, *weights, **options: heads_function(x, x, x, x.shape[-1], 1, *[None] * 4, False, 0.0, weights[0], None),
    },
    "corr2d": {
        **{name: lambda x, k, f=f: f(*tensors(x[None, None], k[None, None]))[0, 0].numpy() for name, f in convolutions.items()},
        "scipy.signal": lambda x, k: correlate2d(x, k, "valid"),
        "scipy.ndimage": lambda x, k: correlate(x, k),
        "one row at a time": lambda x, k: sum(correlate_rows(x, row) for row in k),
        "one row at a time, torch": lambda x, k: row_by_row(x, k),
    },
    "conv2d": {
        "captured": lambda x, w, b=None, stride=1, padding=0: F.conv2d(*tensors(x, w), None, stride, padding).numpy(),
        "class": lambda x, w, b=None, stride=1, padding=0: Conv2d(*w.shape[1::-1], tuple(w.shape[2:])),
        "subclass": lambda x, w, b=None, stride=1, padding=0: type("Mine", (Conv2d,), {})(*w.shape[1::-1], tuple(w.shape[2:])),
        "transposed": lambda x, w, b=None, stride=1, padding=0: F.conv_transpose2d(*tensors(w, x)),
    },
    "conv2d_backward": {
        "torch.nn.grad": lambda g, x, w, stride=1, padding=0: conv2d_input(x.shape, *tensors(w, g), stride, padding),
        "operator": lambda g, x, w, stride=1, padding=0: torch.ops.aten.convolution_backward(
            *tensors(g, x, w), None, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], 1, [True, True, False]
        ),
    },
    "lstm_cell": {
        "class": lambda x, *rest: LSTMCell(x.shape[-1], 3)(x),
        "instance": lambda x, *rest: built_cell(torch.ones(2, 5)),
        "function": lambda x, h, c, *weights: cell_function(x, (h, c), *[w.mT.contiguous() for w in weights[:2]]),
        "a sequence of one": lambda x, *rest: built_lstm(torch.ones(1, 2, 5)),
        "without gradients": lambda x, *rest: torch.no_grad()(built_lstm)(torch.ones(1, 2, 5)),
    },
    "lstm": {
        "class": lambda x, *rest: LSTM(x.shape[-1], 3)(x),
        "instance": lambda x, *rest: built_lstm(torch.ones(1, 2, 5)),
        "function": lambda x, *rest: lstm_function(
            torch.ones(1, 2, 5), (torch.ones(1, 2, 3),) * 2, built_lstm._flat_weights, True, 1, 0.0, False, False, False
        ),
    },
    "stacked_lstm": {"instance": lambda x, *rest: built_lstm(torch.ones(1, 2, 5))},
    "momentum_step": {"class": lambda w, *rest, **options: SGD([a_weight]), "instance": lambda w, *rest, **options: stepped(built_sgd)},
    "adam_step": {
        "class": lambda w, *rest, **options: Adam([a_weight]),
        "instance": lambda w, *rest, **options: stepped(built_adam),
        "function": lambda w, *rest, **options: adam_function([], [], [], [], [], []),
        "a class that does the same": lambda w, *rest, **options: torch.optim.AdamW([a_weight], weight_decay=0),
    },
    "Adam": {"class": number_with(lambda: Adam([a_weight])), "subclass": type("Mine", (Adam,), {}), "captured class": Adam},
    "central_difference": {
        "NumPy": lambda f, x, eps=1e-5: gradient(x),
        "SciPy": lambda f, x, eps=1e-5: approx_fprime(x, f, eps),
        "another of SciPy": lambda f, x, eps=1e-5: jacobian(f, x),
    },
    "topological_order": {
        "class": lambda root, parents: list(TopologicalSorter(parents).static_order()),
        "instance": lambda root, parents: [built_sorter.add(*edge) for edge in parents.items()],
        "networkx": lambda root, parents: list(topological_sort(graph(parents))),
        "networkx, generations": lambda root, parents: [n for ns in networkx.topological_generations(graph(parents)) for n in ns],
    },
    "Value": {
        "torch.autograd.grad": number_with(lambda: autograd_grad(square(tracked()), tracked())),
        "backward": number_with(lambda: square(tracked()).backward()),
        "captured method": number_with(lambda: tensor_backward(square(tracked()))),
        "torch.autograd.backward": number_with(lambda: autograd_backward(square(tracked()))),
        "what calls it": number_with(lambda: torch.autograd.functional.jacobian(cubes, torch.ones(3))),
        "torch.func": number_with(lambda: torch.func.grad(square)(torch.ones(3))),
    },
    "Dual": {
        "torch.func.jvp": number_with(lambda: jvp(cubes, (torch.ones(3),), (torch.ones(3),))),
        "torch.autograd.functional.jvp": number_with(lambda: functional_jvp(cubes, torch.ones(3), torch.ones(3))),
        "jacfwd": number_with(lambda: jacfwd(cubes)(torch.ones(3))),
        "dual numbers": number_with(lambda: functools.partial(torch.autograd.forward_ad.make_dual, torch.ones(3))(torch.ones(3))),
    },
}  # fmt: skip


def row_by_row(x: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Row by row with the convolution of one dimension."""
    rows = [F.conv1d(*tensors(x[i : len(x) - len(k) + 1 + i, None], row[None, None]))[:, 0] for i, row in enumerate(k)]
    return sum(rows).numpy()


def verdict_on(exercise: str, answer: Any) -> Verdict:
    return examine(make_card(get_exercise(exercise)), answer)


# ---- every way is closed ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("exercise", "way"), [pytest.param(e, w, id=f"{e}-{w}") for e, ways in WAYS.items() for w in ways])
def test_what_an_exercise_is_about_may_not_be_called(exercise: str, way: str) -> None:
    verdict = verdict_on(exercise, WAYS[exercise][way])
    assert (verdict.status, verdict.score) == ("forbidden", 0), verdict.message
    assert any(f"`{name}`" in verdict.message for name in get_exercise(exercise).forbid) or NO_PYTORCH in verdict.message


def test_a_module_of_the_students_own_is_no_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "helpers_of_mine.py").write_text("from scipy.signal import correlate2d\ndef corr(x, k): return correlate2d(x, k, 'valid')")
    assert verdict_on("corr2d", importlib.import_module("helpers_of_mine").corr).status == "forbidden"


@pytest.mark.parametrize(
    ("exercise", "call"),
    [
        ("lstm", lambda: built_lstm(torch.ones(1, 2, 5))),
        ("stacked_lstm", lambda: built_lstm(torch.ones(1, 2, 5, requires_grad=True))),
        ("multi_head_attention", lambda: built_heads(*[torch.ones(1, 2, 4)] * 3)),
    ],
)
def test_gradients_are_no_way(exercise: str, call: Callable[[], Any]) -> None:
    """Who calls it only where a gradient is asked for is caught then."""
    reference = get_exercise(exercise).reference

    def answer(x: torch.Tensor, *rest: Any, **options: Any) -> Any:
        if x.requires_grad:
            call()
        return reference(x, *rest, **options)

    verdict = verdict_on(exercise, answer)
    assert (verdict.status, verdict.score < verdict.max_score) == ("forbidden", True)


def test_tracked_tensors_are_no_way() -> None:
    assert (
        verdict_on("scaled_dot_product_attention", lambda q, k, v, mask=None: attention(q.requires_grad_(), k, v, mask).detach()).status
        == "forbidden"
    )


@pytest.mark.parametrize("caught", ["Exception", "BaseException"])
@pytest.mark.parametrize(
    ("exercise", "call"),
    [
        ("scaled_dot_product_attention", lambda q, *rest: attention(q, q, q)),
        ("corr2d", lambda *arguments: correlate2d(*arguments)),
        ("lstm_cell", lambda *arguments: built_cell(torch.ones(2, 5))),
        ("topological_order", lambda root, parents: TopologicalSorter(parents)),
    ],
)
def test_who_swallows_the_refusal_and_answers_is_told_all_the_same(exercise: str, call: Callable[..., Any], caught: str) -> None:
    reference, swallowed = get_exercise(exercise).reference, {"Exception": Exception, "BaseException": BaseException}[caught]

    def answer(*arguments: Any) -> Any:
        with contextlib.suppress(swallowed):
            call(*arguments)
        return reference(*arguments)

    assert verdict_on(exercise, answer).status == "forbidden"


def test_message_names_the_function_and_says_what_to_do() -> None:
    message = verdict_on("scaled_dot_product_attention", WAYS["scaled_dot_product_attention"]["captured operator"]).message
    assert "`torch.nn.functional.scaled_dot_product_attention`" in message
    assert "write it without calling it" in message
    assert NO_PYTORCH in verdict_on("Adam", Adam).message


# ---- nothing else is touched -----------------------------------------------------------------------------------------

with_rule = pytest.mark.parametrize("exercise", [e for e in EXERCISES if e.forbid], ids=lambda e: e.name)


@with_rule
def test_right_answers_are_unaffected(exercise: Exercise) -> None:
    for answer in [exercise.reference, *right_answers(exercise.name)]:
        verdict = verdict_on(exercise.name, answer)
        assert verdict.status == "correct", verdict.message


@with_rule
def test_mistakes_are_no_forbidden_calls(exercise: Exercise) -> None:
    for mistake in exercise.hints:
        assert verdict_on(exercise.name, exercise.solution(mistake)).status != "forbidden"


def neighbours() -> list[Any]:
    """What students build such things from."""
    x, image = torch.ones(2, 3, 4, requires_grad=True), torch.ones(1, 2, 5, 5)
    return [
        x @ x.mT, torch.matmul(x, x.mT), torch.bmm(x, x.mT), torch.einsum("bij,bkj->bik", x, x), F.linear(x, torch.ones(5, 4)), nn.Linear(4, 5)(x),
        torch.softmax(x, -1), F.softmax(x, -1), torch.sigmoid(x), torch.tanh(x), F.dropout(x), F.layer_norm(x, (4,)), F.pad(x, (1, 1)),
        F.unfold(image, 3), image.unfold(2, 3, 1), F.avg_pool2d(image, 2), F.max_pool2d(image, 2), nn.GRU(4, 3)(x), nn.RNN(4, 3)(x), nn.GRUCell(4, 3)(x[0]),
        np.convolve([1, 2], [3, 4]), np.diff([1, 2]), np.fft.fft2(np.eye(3)), np.lib.stride_tricks.sliding_window_view(np.eye(5), (3, 3)),
        scipy.ndimage.uniform_filter(np.eye(3)), networkx.ancestors(networkx.path_graph(3, create_using=networkx.DiGraph), 2),
    ]  # fmt: skip


@with_rule
def test_neighbours_may_be_called(exercise: Exercise) -> None:
    (reply,) = ask_all(lambda: len(neighbours()), [Question("neighbours", ())], forbid=exercise.forbid)
    assert reply.value == len(neighbours()), reply.text


def test_attention_may_be_called_where_only_its_heads_are_forbidden() -> None:
    (reply,) = ask_all(
        lambda q: attention(q, q, q), [Question("q", (freeze(torch.ones(1, 2, 3)),))], forbid=get_exercise("multi_head_attention").forbid
    )
    assert reply.kind == "answer", reply.text


def test_the_engines_own_gradient_is_no_call_of_the_students() -> None:
    question = Question("x", (freeze(torch.ones(3)),), variant="gradients")
    forbid = get_exercise("Value").forbid
    (reply,) = ask_all(square, [question], forbid=forbid)
    assert reply.kind == "answer", reply.text
    (reply,) = ask_all(lambda x: autograd_grad(square(x), x)[0], [question], forbid=forbid)
    assert reply.kind == "forbidden"


@with_rule
def test_afterwards_everything_is_as_before(exercise: Exercise) -> None:
    before = _behind(exercise.forbid)
    verdict_on(exercise.name, next(iter(WAYS.get(exercise.name, {"": exercise.reference}).values())))
    assert _behind(exercise.forbid) == before


def _behind(names: tuple[str, ...]) -> list[Any]:
    """What every dotted name stands for, and the code of it or of its methods."""
    targets = [getattr(sys.modules.get(owner), attribute, None) for owner, _, attribute in (name.rpartition(".") for name in names)]
    members = [member for t in targets for member in (vars(t).values() if isinstance(t, type) else [t])]
    return targets + [getattr(member, "__code__", None) for member in members]


def test_afterwards_the_functions_work_again() -> None:
    q = torch.ones(1, 2, 3, requires_grad=True)
    for exercise, ways in WAYS.items():
        verdict_on(exercise, next(iter(ways.values())))
    attention(q, q, q).sum().backward()
    assert F.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2)).sum() == 16
    assert correlate2d(np.ones((3, 3)), np.ones((2, 2)), "valid").sum() == 16
    assert gradient(np.arange(3.0)).tolist() == [1, 1, 1]
    assert built_lstm(torch.ones(1, 2, 5))[0].shape == (1, 2, 3)
    assert list(topological_sort(networkx.path_graph(3, create_using=networkx.DiGraph))) == [0, 1, 2]
    assert list(TopologicalSorter({1: [0]}).static_order()) == [0, 1]
    stepped(Adam([a_weight]))


def test_a_hit_is_not_remembered_for_the_next_answer() -> None:
    assert verdict_on("corr2d", WAYS["corr2d"]["scipy.signal"]).status == "forbidden"
    assert verdict_on("corr2d", get_exercise("corr2d").reference).status == "correct"


def test_nothing_is_imported_to_be_forbidden() -> None:
    code = (
        "import sys, scipy\n"
        "from autograder.check.forbidden_calls import forbidding\n"
        "before = set(sys.modules)\n"
        "with forbidding(['torch.conv2d', 'torch.nn.LSTM', 'scipy.signal.convolve2d', 'networkx.topological_sort', 'nowhere.at_all']): pass\n"
        "print(sorted(set(sys.modules) - before))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


# ---- read from the source --------------------------------------------------------------------------------------------

CONV, ATTENTION = "torch.nn.functional.conv2d", "torch.nn.functional.scaled_dot_product_attention"
IMPORT = "import torch.nn.functional as F\n"
READ = {
    "plain": (IMPORT, "def f(x, w): return F.conv2d(x, w)", CONV),
    "imported inside": ("", "def f(x, w):\n    from torch.nn.functional import conv2d as c\n    return c(x, w)", CONV),
    "alias of an earlier cell": (IMPORT + "c = F.conv2d", "def f(x, w): return c(x, w)", CONV),
    "alias of an alias": ("import torch\nF = torch.nn.functional\nc = F.conv2d\nd = c", "def f(x, w): return d(x, w)", CONV),
    "alias of its own cell": (IMPORT, "c = F.conv2d\ndef f(x, w): return c(x, w)", CONV),
    "alias inside": (IMPORT, "def f(x, w):\n    c = F.conv2d\n    return c(x, w)", CONV),
    "default argument": (IMPORT, "def f(x, w, c=F.conv2d): return c(x, w)", CONV),
    "lambda": (IMPORT, "f = lambda x, w: F.conv2d(x, w)", CONV),
    "method": (IMPORT, "class C:\n    def forward(self, x, w): return F.conv2d(x, w)", CONV),
    "inner function": (IMPORT, "def f(x, w):\n    def g(): return F.conv2d(x, w)\n    return g()", CONV),
    "beside magics": ("%matplotlib inline\n" + IMPORT, "%%time\n!ls\ndef f(x, w): return F.conv2d(x, w)", CONV),
    "another function": (IMPORT, "def f(x, w): return F.linear(x, w)", None),
    "its own name": (IMPORT, "def conv2d(x, w): return x\ndef f(x, w): return conv2d(x, w)", None),
    "compared in an earlier cell": (IMPORT + "print(F.conv2d(x, w) - f(x, w))", "def f(x, w): return x", None),
    "compared below, in its own cell": (IMPORT, "def f(x, w): return x\nassert (f(x, w) == F.conv2d(x, w)).all()", None),
    "imported in a function of an earlier cell": (IMPORT + "def g():\n    from torch.nn.functional import conv2d", "def f(x): return conv2d(x)", None),
    "name that means something else by now": ("from torch.nn.functional import conv2d\ndef conv2d(x): return x", "def f(x): return conv2d(x)", None),
    "name of an argument": ("from torch.nn.functional import conv2d", "def f(conv2d): return conv2d(1)", None),
    "alias given away": (IMPORT + "c = F.conv2d\nc = 3", "def f(x): return x * c", None),
    "syntax error": (IMPORT, "def f(x, w: return F.conv2d(x, w)", None),
    "syntax error earlier": ("def", "import torch\ndef f(x, w): return torch.nn.functional.conv2d(x, w)", CONV),
    "too deep to be read": (IMPORT, "def f(x): return " + "(" * 150 + "x" + ")" * 150, None),
    "a long sum": (IMPORT, "def f(x): return " + " + ".join(["x"] * 800) + " + F.conv2d(x, x)", CONV),
    "many lambdas": (IMPORT, "f = " + "lambda: " * 150 + "0", None),
}  # fmt: skip


@pytest.mark.parametrize("case", READ)
def test_source_is_read_as_it_is_meant(case: str) -> None:
    earlier, source, used = READ[case]
    assert forbidden_name(source, [CONV, ATTENTION], earlier) == used


def test_an_earlier_cell_that_cannot_be_read_does_not_hide_the_others() -> None:
    assert forbidden_name("def f(x, w): return c(x, w)", [CONV], IMPORT, "def f(x", "c = F.conv2d") == CONV


# ---- exercises about NumPy -------------------------------------------------------------------------------------------


def test_a_name_of_the_students_own_is_not_the_library_of_that_name() -> None:
    source = "def f(x):\n    class torch:\n        sum = np.sum\n    return torch.sum(x)"
    assert forbidden_name(source, ["torch.*"]) is None
    assert forbidden_name("def f(x):\n    return torch.sum(x)", ["torch.*"], "import torch") == "torch.*"
    assert forbidden_name("def f(torch):\n    return torch.sum(x)", ["torch.*"], "import torch") is None


def kinds_of(chapter_name: str, notebook_name: str) -> list[str]:
    """What a worker has loaded, without and with demonstrations."""
    chapter = find_chapter(chapter_name)
    import_exercises(chapter)
    notebook = source_form(next(path for path in chapter.notebooks if path.stem == notebook_name), chapter.name)
    return [kind_of_worker(notebook, run_demonstrations) for run_demonstrations in (False, True)]


def test_pytorch_is_there_when_a_cell_that_is_run_imports_it() -> None:
    assert kinds_of("perceptrons", "05_initialization") == [WITHOUT_TORCH, WITH_TORCH]


def test_kernels_are_warm_where_a_notebook_runs_some() -> None:
    assert kinds_of("hardware", "02_kernels") == [WITH_KERNELS, WITH_KERNELS]
