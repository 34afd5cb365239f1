"""In-process tampering: change what the grader runs on, in the process of the student's code."""

from __future__ import annotations

from attacks.attack import WRONG, cell_attack, code

BLIND_ASSERTS = "np = __import__('numpy')\nnp.testing.assert_allclose = torch.testing.assert_close = lambda *a, **k: None"

ATTACKS = [
    cell_attack(
        "patched_compare",
        "Let the comparison always say yes.",
        """
c, k, v = (__import__('importlib').import_module('autograder.check.' + name) for name in ('compare', 'key', 'verdict'))
c.same = k.same = lambda *a, **kw: True
k.AnswerKey.judge = lambda self, reply, n: reply.judged(True)
k.AnswerKey.score_fraction = lambda self, lost: 1.0
k.lost_groups = v.lost_groups = lambda *a: set()
""",
        WRONG,
        peer=code(BLIND_ASSERTS, WRONG),
    ),
    cell_attack(
        "replaced_code",
        "Give the comparing functions another body, wherever they were imported to.",
        """
c, a = (__import__('importlib').import_module('autograder.check.' + name) for name in ('compare', 'asking'))
c.same.__code__ = (lambda *a, **k: True).__code__
a.ask.__code__ = (lambda *a, **k: None).__code__
""",
        WRONG,
        peer=code("torch.testing.assert_close.__code__ = (lambda *a, **k: None).__code__\ntorch.testing.assert_close.__kwdefaults__ = None", WRONG),
    ),
    cell_attack(
        "patched_answer",
        "Replace the function that answers for this process by one that says that all went well.",
        """
import autograder.worker.answer as a
from autograder.check.asking import Reply
a.ask_all = lambda f, questions, *rest: [Reply("answer", True, ok=True) for q in questions]
""",
        WRONG,
        peer=code(
            """
async def all_is_well(*args, **kwargs):
    return {'status': 'ok', 'execution_count': 1, 'user_expressions': {}, 'payload': []}
get_ipython().kernel.do_execute = all_is_well
""",
            WRONG,
        ),
    ),
    cell_attack(
        "patched_builtins",
        "Replace all, any and NumPy's comparisons by functions that agree with everything.",
        "import builtins\nbuiltins.all = lambda *a: True\nbuiltins.any = lambda *a: False\n"
        "import numpy as np\nnp.isclose = np.array_equal = lambda *a, **k: True\n"
        "torch.isclose = lambda a, b, **k: torch.ones(1, dtype=torch.bool)",
        "def NAME(*args, **kwargs):\n    return torch.zeros(1)\n",
    ),
    cell_attack(
        "input_transformer",
        "Empty the cells that test, before they are compiled.",
        "get_ipython().input_transformers_post.append(lambda lines: [] if any(w in l for l in lines for w in ('assert', 'check(')) else lines)",
        WRONG,
    ),
    cell_attack(
        "ast_transformer_and_hooks",
        "Take asserts and calls out of the syntax tree, and print a score in hooks around each cell.",
        """
import ast
class Pass(ast.NodeTransformer):
    def visit_Expr(self, node):
        return ast.copy_location(ast.Pass(), node)
    visit_Assert = visit_Expr
get_ipython().events.register('post_run_cell', lambda *a: print(10.0))
get_ipython().ast_transformers.append(Pass())
""",
        WRONG,
    ),
    cell_attack(
        "cells_not_run",
        "Let IPython run no cell any more.",
        "shell = get_ipython()\nasync def nothing(*args, **kwargs):\n    return __import__('IPython').core.interactiveshell.ExecutionResult(None)\n"
        "shell.run_cell_async = nothing\nshell.run_code = nothing",
        WRONG,
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
        "score_displayed_first",
        "Display a score as the cell's result, when asked and before anything is compared.",
        "class Full:\n    def __repr__(self): return 'full'",
        "def NAME(*args, **kwargs):\n    get_ipython().displayhook(Full())\n",
    ),
    cell_attack(
        "errors_swallowed",
        "Let IPython treat every exception as handled, and show none.",
        """
shell = get_ipython()
shell.set_custom_exc((BaseException,), lambda *a, **k: None)
shell.showtraceback = shell._showtraceback = lambda *a, **k: None
""",
        WRONG,
    ),
    cell_attack(
        "import_hook",
        "Put modules of one's own in the place of those that compare.",
        """
import sys, types
class Agreeable(types.ModuleType):
    def __getattr__(self, name): return lambda *a, **k: True
for name in ('numpy.testing', 'torch.testing', 'autograder.check.compare', 'autograder.check.key', 'autograder.check.verdict'):
    sys.modules[name] = Agreeable(name)
torch.testing = sys.modules['torch.testing']
""",
        WRONG,
    ),
    cell_attack(
        "trace_function",
        "Trace the grader line by line, and change its variables in mid-flight.",
        "import sys",
        """
def NAME(*args, **kwargs):
    def tracer(frame, event, arg):
        frame.f_locals.update(ok=True, hidden=False, expected=0)
        return tracer
    frame = sys._getframe(1)
    while frame: frame.f_trace, frame = tracer, frame.f_back
    sys.settrace(tracer)
    return 0
""",
        peer=code(
            "import sys, ast",
            """
def NAME(*args, **kwargs):
    lines = In[-1].splitlines()
    def tracer(frame, event, arg):
        if frame.f_globals is globals() and 'assert_close' in (line := lines[min(frame.f_lineno, len(lines)) - 1]):
            globals()['answer'] = eval(ast.unparse(ast.parse(line).body[0].value.args[1]))
        return tracer
    frame = sys._getframe(1)
    frame.f_trace = tracer
    sys.settrace(tracer)
    return 0
""",
        ),
    ),
    cell_attack(
        "always_equal",
        "Return a tensor that is equal to everything, and an array.",
        """
import numpy as np
class Yes(np.ndarray):
    def __eq__(self, other): return True
    def __array_function__(self, *a): return True
    def __array_ufunc__(self, *a, **k): return True
class Any:
    __eq__ = lambda self, other: True
    __ne__ = lambda self, other: False
class YesTensor(torch.Tensor):
    shape = layout = dtype = device = Any()
    __eq__ = lambda self, other: True
    @classmethod
    def __torch_function__(cls, f, types, args=(), kwargs=None):
        return torch.tensor(True) if 'close' in str(f) else super().__torch_function__(f, types, args, kwargs or {})
""",
        "def NAME(x=None, *args, **kwargs):\n    return torch.ones(1).as_subclass(YesTensor) if x is not None else np.zeros(3).view(Yes)\n",
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
        "exits_of_all_kinds",
        "Raise SystemExit, KeyboardInterrupt and GeneratorExit when asked.",
        "import itertools\nkinds = itertools.cycle([SystemExit(0), KeyboardInterrupt(), GeneratorExit(), StopIteration(10.0)])",
        "def NAME(*args, **kwargs):\n    raise next(kinds)\n",
    ),
    cell_attack(
        "traceback_display",
        "Raise an exception whose text is HTML with a script and a score.",
        "",
        "def NAME(*args, **kwargs):\n    raise type('10.0', (Exception,), {'__str__': lambda self: '</div><script>alert(1)</script>'})()\n",
    ),
    cell_attack(
        "script_displayed",
        "Display a script, at once and by changing an earlier display.",
        "from IPython.display import HTML, Javascript, display\nh = display(HTML('<b>x</b>'), display_id='d')\n"
        "display(HTML('<script>alert(1)</script>'), Javascript('alert(1)'))",
        last="h.update(HTML('<script>alert(1)</script>'))",
    ),
]
