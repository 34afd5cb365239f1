"""In-process tampering: change what the grader runs on, in the process of the student's code."""

from __future__ import annotations

from attacks.attack import cell_attack

CARD_ANSWER = "def NAME(*args, **kwargs):\n    return 0\n"

ATTACKS = [
    cell_attack(
        "patched_compare",
        "Let autograder's comparison and judgement always say yes.",
        """
import autograder.check.compare as c, autograder.check.key as k, autograder.check.verdict as v
c.same = k.same = lambda *a, **kw: True
k.AnswerKey.judge = lambda self, reply, n: reply.judged(True)
k.AnswerKey.score_fraction = lambda self, lost: 1.0
k.lost_groups = v.lost_groups = lambda *a: set()
""",
        CARD_ANSWER,
    ),
    cell_attack(
        "patched_answer",
        "Replace the worker's ask_all by one that replies with everything marked right.",
        """
import autograder.worker.answer as a
from autograder.check.asking import Reply
a.ask_all = lambda f, questions, *rest: [Reply("answer", True, ok=True) for q in questions]
""",
        CARD_ANSWER,
    ),
    cell_attack(
        "patched_builtins",
        "Replace all, isinstance and len by functions that agree with everything.",
        "import builtins\nbuiltins.all = lambda *a: True\nbuiltins.any = lambda *a: False\nimport numpy as np\nnp.isclose = np.array_equal = lambda *a, **k: True",
        CARD_ANSWER,
    ),
    cell_attack(
        "input_transformer",
        "Rewrite the examiner's cell before it is compiled, and print a score in its place.",
        "get_ipython().input_transformers_post.append(lambda lines: ['10.0\\n'] if any('autograder.worker' in l for l in lines) else lines)",
        CARD_ANSWER,
    ),
    cell_attack(
        "ast_transformer_and_hooks",
        "Replace every call by a number in the syntax tree, and give a score in hooks around each cell.",
        """
import ast
class All(ast.NodeTransformer):
    def visit_Expr(self, node):
        return ast.copy_location(ast.Expr(ast.copy_location(ast.Constant(10.0), node)), node)
get_ipython().events.register('post_run_cell', lambda *a: print(10.0))
get_ipython().ast_transformers.append(All())
""",
        CARD_ANSWER,
    ),
    cell_attack(
        "display_hook",
        "Let everything that is displayed be a full score.",
        """
class Ten:
    def __repr__(self): return '10.0'
shell = get_ipython()
shell.displayhook.compute_format_data = lambda result: ({'text/plain': '10.0'}, {})
import sys; sys.displayhook = lambda x: print('10.0')
""",
        "def NAME(*args, **kwargs):\n    return Ten()\n",
    ),
    cell_attack(
        "always_equal",
        "Return an object, an ndarray and a tensor that are equal to everything.",
        """
import numpy as np
class Yes(np.ndarray):
    def __eq__(self, other): return True
    def __array_function__(self, *a): return True
    def __array_ufunc__(self, *a, **k): return True
class YesTensor(torch.Tensor):
    __eq__ = lambda self, other: True
    @classmethod
    def __torch_function__(cls, f, types, args=(), kwargs=None): return super().__torch_function__(f, types, args, kwargs or {})
""",
        "def NAME(x=None, *args, **kwargs):\n    return YesTensor([1.0]) if torch.is_tensor(x) else np.zeros(3).view(Yes)\n",
    ),
    cell_attack(
        "stopped_clocks",
        "Stop every clock and timer, then loop for ever when asked.",
        """
import time, signal
time.time = time.monotonic = time.perf_counter = lambda: 0.0
signal.setitimer = lambda *a: (0.0, 0.0)
""",
        "def NAME(*args, **kwargs):\n    while True: pass\n",
    ),
    cell_attack(
        "traceback_display",
        "Raise an exception whose text is HTML with a script and a score.",
        "",
        "def NAME(*args, **kwargs):\n    raise type('10.0', (Exception,), {'__str__': lambda self: '</div><script>alert(1)</script>'})()\n",
    ),
]
