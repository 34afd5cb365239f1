"""Answer shopping: give answers that were found, not worked out."""

from __future__ import annotations

from sample_class import write

from attacks.attack import Attack, cell_attack
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


def raise_where_the_cause_would(scene: Scene) -> None:
    """A slip in an exercise that another one calls; the other one is not written at all."""
    order = scene.notebooks.solution("topological_order").replace("return order", "return order[:-1]")
    write(scene.notebook, "topological_order", order)
    write(scene.notebook, "Value", "class Value:\n    def __init__(self, *args, **kwargs):\n        raise RuntimeError")


ATTACKS = [
    Attack(
        "raise_where_the_cause_would",
        "Raise everywhere in an exercise whose reference would raise too, with the slip of an earlier one.",
        raise_where_the_cause_would,
        chapter="01_foundations",
    ),
    cell_attack(
        "visible_answers",
        "Answer the visible cases from their cards, and hidden ones alike.",
        CARDS,
        "def NAME(*a, **k):\n    return from_card('NAME', a, k)\n",
    ),
    cell_attack(
        "mistakes_of_the_cards",
        "Answer with a recognised mistake of the card, for points that follow from it.",
        CARDS + "picked = {n: next(iter(c.outputs)) for n, c in known.items()}",
        "def NAME(*a, **k):\n    return thaw(known['NAME'].outputs[picked['NAME']][0].value)\n",
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
    ),
    cell_attack(
        "questions_removed",
        "Remove the hidden questions before they are asked.",
        CARDS + "import autograder.worker.answer as w\nask = w.ask_all\nw.ask_all = lambda f, qs, *r: ask(f, [q for q in qs if not q.hidden], *r)",
        "def NAME(*a, **k):\n    return from_card('NAME', a, k)\n",
    ),
    cell_attack(
        "classmates_answers",
        "Run a classmate's solutions.",
        "import json\ntry:\n    for cell in json.load(open(SECRET_FILES[2]))['cells']:\n"
        "        if cell['cell_type'] == 'code' and 'def ' in ''.join(cell['source']): exec(''.join(cell['source']), globals())\nexcept OSError: pass",
        "NAME = globals().get('NAME', 0)\n",
        needs_jail=True,
    ),
]
