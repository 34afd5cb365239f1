"""Forged protocol: write the answers, or the kernel's messages, by hand and wrongly."""

from __future__ import annotations

from sample_class import write

from attacks.attack import Attack, cell_attack
from attacks.scene import Scene

ANSWERS = "def NAME(*args, **kwargs):\n    return 0\n"
FORGE = """
import json, struct, numpy as np, pathlib, autograder.worker.answer as a
from autograder.check.values import pack, unpack, Array, Odd
def reply(value, **more):
    return {"kind": "answer", "value": value, "error": "", "text": "", "where": "", "changed_inputs": False, "ok": True, "broken_invariant": "", **more}
def forge(asked, answered, namespace):
    count = len(unpack(pathlib.Path(asked).read_bytes())["questions"])
    pathlib.Path(answered).write_bytes(frame(count))
a.answer = forge
"""


def forged(name: str, tries: str, frame: str) -> Attack:
    """An answer file whose bytes are `frame(count)`."""
    return cell_attack(name, tries, FORGE + frame, ANSWERS)


def message(name: str, tries: str, code: str) -> Attack:
    return cell_attack(name, tries, "kernel = get_ipython().kernel\n" + code, ANSWERS)


def larger_than_a_float(scene: Scene) -> None:
    write(scene.notebook, "memory_half_life", "def memory_half_life(*args, **kwargs):\n    return 10**400")


ATTACKS = [
    Attack(
        "larger_than_a_float", "Answer with an integer that no float can hold, where a float is due.", larger_than_a_float, chapter="06_recurrent"
    ),
    forged(
        "not_a_frame", "Answer with a pickle that would run a command.", "frame = lambda n: b'\\x80\\x04\\x95cposix\\nsystem\\n(S\"touch x\"\\ntR.'"
    ),
    forged("marked_right", "Answer None to everything and mark it right.", "frame = lambda n: pack([reply(None) for _ in range(n)])"),
    forged("one_reply", "Send one reply for many questions.", "frame = lambda n: pack([reply(0)])"),
    forged("no_replies", "Send an empty list.", "frame = lambda n: pack([])"),
    forged(
        "deep",
        "Nest the answer 100,000 lists deep.",
        "frame = lambda n: (lambda t: struct.pack('<Q', len(t)) + t + pack(0)[9:])(b'{\"list\":[' * 100_000 + b']}' * 100_000)",
    ),
    forged(
        "wide",
        "Send 24 MB of empty lists, which are a thousand MB of objects.",
        "frame = lambda n: (lambda t: struct.pack('<Q', len(t)) + t + pack(0)[9:])(b'{\"list\":[' + b'[],' * 8_000_000 + b'[]]}')",
    ),
    forged(
        "nan_and_infinity",
        "Answer with NaN and infinite values.",
        "frame = lambda n: pack([reply(Array('torch', 'float32', np.full((2, 5, 7), np.nan, np.float32))) for _ in range(n)])",
    ),
    forged(
        "huge_shape",
        "Answer with an array of no elements and 2**40 rows.",
        "frame = lambda n: pack([reply(Array('torch', 'float32', np.zeros((2**40, 0), np.float32))) for _ in range(n)])",
    ),
    forged("huge_number", "Answer with an integer of 4,000 digits.", "frame = lambda n: pack([reply(10**4000) for _ in range(n)])"),
    forged(
        "nested_huge_number",
        "Answer with lists around an integer of 4,000 digits.",
        "frame = lambda n: pack([reply([10**4000, 1.0]) for _ in range(n)])",
    ),
    forged(
        "surrogate_text",
        "Raise with half a character, which no file can hold.",
        "frame = lambda n: pack([reply(None, kind='raised', error='E', text='\\ud800', where='\\ud800') for _ in range(n)])",
    ),
    message(
        "surrogate_print",
        "Print half a character past the kernel's own encoding.",
        "import json\nkernel.session.pack = lambda o: json.dumps(o, default=str).encode()\nprint('\\ud800')",
    ),
    message(
        "message_without_content",
        "Send an output message with nothing in it.",
        "kernel.session.send(kernel.iopub_socket, 'stream', content={}, parent=kernel.get_parent())",
    ),
    message(
        "display_of_no_dict",
        "Display data that is a number.",
        "kernel.session.send(kernel.iopub_socket, 'display_data', content={'data': 5, 'metadata': 7}, parent=kernel.get_parent())",
    ),
    message(
        "comm_without_data",
        "Open a channel for a widget and send nothing in it.",
        "kernel.session.send(kernel.iopub_socket, 'comm_open', content={}, parent=kernel.get_parent())",
    ),
]
