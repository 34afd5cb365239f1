"""Forged protocol: write the replies, or the frames of a worker, by hand and wrongly.

Stock nbgrader asks nothing; what it is sent are a Jupyter kernel's messages, and those are forged there.
"""

from __future__ import annotations

from sample_class import write

from attacks.attack import WRONG, Attack, Change, cell_attack, code
from attacks.scene import Scene

NO_REPLIES = "stock nbgrader asks for no answers"

FORGE = """
import json, struct, numpy as np, autograder.worker.serve as s
from autograder.check.values import pack, unpack, Array, Odd
def reply(value, **more):
    return {"kind": "answer", "value": value, "error": "", "text": "", "where": "", "changed_inputs": False, "ok": True, "broken_invariant": "", **more}
def tree(text): return struct.pack('<Q', len(text)) + text + pack(0)[9:]
def arrays(header, data=b''):
    text = json.dumps([{"dict": {**reply(0), "value": {"array": "0", "library": "numpy", "dtype": "float32", "requires_grad": False}}}]).encode()
    text = b'{"list":' + text + b'}'
    return struct.pack('<Q', len(text)) + text + struct.pack('<Q', len(header)) + header + data
s.replies = lambda request, namespace: frame(len(unpack(request)["questions"]))
"""
# The channel to the examiner, found through what a cell displays; `c` are the names of its frames.
CHANNEL = """
import sys, json, struct, os, autograder.worker.channel as c
def channel():
    return next(cell.cell_contents for cell in get_ipython().display_pub.outputs.sink.__closure__ if isinstance(cell.cell_contents, c.Channel))
def raw(kind, size, body=b''): channel().socket.sendall(c.HEADER.pack(kind, size) + body)
def event(content): channel().send(c.OUTPUT, content if isinstance(content, bytes) else json.dumps(content).encode())
"""
KERNEL = """
kernel, session = get_ipython().kernel, get_ipython().kernel.session
def message(kind, content): session.send(kernel.iopub_socket, kind, content=content, parent=kernel.get_parent())
"""
# Says twice over that the cell is done: to the client, before the cell has an error.
DONE_ALREADY = """
def say_done():
    parent = kernel.get_parent()
    session.send(kernel.iopub_socket, 'status', content={'execution_state': 'idle'}, parent=parent)
    content = {'status': 'ok', 'execution_count': 1, 'user_expressions': {}, 'payload': []}
    session.send(kernel.shell_stream or kernel.shell_socket, 'execute_reply', content, parent, ident=kernel._parent_ident['shell'])
"""


def forged(name: str, tries: str, frame: str, peer: Change | str = NO_REPLIES) -> Attack:
    """A reply whose bytes are `frame(count)`."""
    return cell_attack(name, tries, FORGE + frame, WRONG, peer=peer)


def message(name: str, tries: str, ours: str, theirs: str) -> Attack:
    """What a cell shows, sent past IPython: as a frame to our examiner, as a message to a Jupyter client."""
    return cell_attack(name, tries, CHANNEL + ours, WRONG, peer=code(KERNEL + theirs, WRONG))


def frames(name: str, tries: str, cell: str, answers: str = WRONG, last: str = "", peer: Change | str = NO_REPLIES) -> Attack:
    """Frames of any kind, sent at any time."""
    return cell_attack(name, tries, CHANNEL + cell, answers, last, peer=peer)


def larger_than_a_float(scene: Scene) -> None:
    write(scene.notebook, "memory_half_life", "def memory_half_life(*args, **kwargs):\n    return 10**400")


ATTACKS = [
    Attack(
        "larger_than_a_float", "Answer with an integer that no float can hold, where a float is due.", larger_than_a_float, chapter="06_recurrent"
    ),
    # ---- replies ----
    forged(
        "not_a_frame", "Answer with a pickle that would run a command.", "frame = lambda n: b'\\x80\\x04\\x95cposix\\nsystem\\n(S\"touch x\"\\ntR.'"
    ),
    forged(
        "marked_right",
        "Answer None to everything and mark it right.",
        "frame = lambda n: pack([reply(None) for _ in range(n)])",
        peer=code(KERNEL + DONE_ALREADY, "def NAME(*args, **kwargs):\n    say_done()\n    raise ValueError\n"),
    ),
    forged("one_reply", "Send one reply for many questions.", "frame = lambda n: pack([reply(0)])"),
    forged("no_replies", "Send an empty list.", "frame = lambda n: pack([])"),
    forged("too_many_replies", "Send ten times as many replies as there are questions.", "frame = lambda n: pack([reply(0) for _ in range(10 * n)])"),
    forged(
        "deep",
        "Nest the answer 100,000 lists deep.",
        "frame = lambda n: tree(b'{\"list\":[' * 100_000 + b']}' * 100_000)",
        peer=code(
            KERNEL + "import json\nsession.pack = lambda o: json.dumps(o, default=str).replace('\"DEEP\"', '[' * 100_000 + ']' * 100_000).encode()\n"
            "message('display_data', {'data': {'text/plain': 'DEEP'}, 'metadata': {}, 'transient': {}})",
            WRONG,
        ),
    ),
    forged(
        "wide",
        "Send 24 MB of empty lists, which are a thousand MB of objects.",
        "frame = lambda n: tree(b'{\"list\":[' + b'[],' * 8_000_000 + b'[]]}')",
        peer=code(
            KERNEL
            + "import json\nsession.pack = lambda o: json.dumps(o, default=str).replace('\"WIDE\"', '[' + '[],' * 8_000_000 + '[]]').encode()\n"
            "message('display_data', {'data': {'application/json': 'WIDE'}, 'metadata': {}, 'transient': {}})",
            WRONG,
        ),
    ),
    forged(
        "nan_and_infinity",
        "Answer with NaN and infinite values.",
        "frame = lambda n: pack([reply(Array('torch', 'float32', np.full((2, 5, 7), np.nan, np.float32))) for _ in range(n)])",
        peer=code("", "def NAME(x=None, *args, **kwargs):\n    return torch.full((2, 5, 7), float('nan'))\n"),
    ),
    forged(
        "huge_shape",
        "Answer with an array of no elements and 2**40 rows.",
        "frame = lambda n: pack([reply(Array('torch', 'float32', np.zeros((2**40, 0), np.float32))) for _ in range(n)])",
        peer=code("", "def NAME(*args, **kwargs):\n    return torch.zeros(2**40, 0)\n"),
    ),
    forged(
        "huge_number",
        "Answer with an integer of 4,000 digits.",
        "frame = lambda n: pack([reply(10**4000) for _ in range(n)])",
        peer=code(
            KERNEL + "message('execute_result', {'data': {'text/plain': '1'}, 'metadata': {}, 'execution_count': 10**4000})",
            "def NAME(*args, **kwargs):\n    return 10**4000\n",
        ),
    ),
    forged(
        "nested_huge_number",
        "Answer with lists around an integer of 4,000 digits.",
        "frame = lambda n: pack([reply([10**4000, 1.0]) for _ in range(n)])",
    ),
    forged(
        "surrogate_text",
        "Raise with half a character, which no file can hold.",
        "frame = lambda n: pack([reply(None, kind='raised', error='E', text='\\ud800', where='\\ud800') for _ in range(n)])",
        peer=code("", "def NAME(*args, **kwargs):\n    raise ValueError('\\ud800')\n"),
    ),
    forged(
        "html_in_every_field",
        "Put a script into every text of a reply.",
        "x = '</pre><script>alert(1)</script>'\n"
        "frame = lambda n: pack([reply(Odd(x), kind='raised', error=x, text=x, where=x, broken_invariant=x) for _ in range(n)])",
    ),
    forged(
        "arrays_that_overlap",
        "Send arrays whose bytes lie outside the frame, backwards, and on top of each other.",
        "header = json.dumps({'0': {'dtype': 'F32', 'shape': [4], 'data_offsets': [2**62, 16]}, '1': {'dtype': 'F32', 'shape': [4], 'data_offsets': [0, 16]}})\n"
        "frame = lambda n: arrays(header.encode(), b'x' * 16)",
    ),
    forged(
        "array_longer_than_its_bytes",
        "Say that an array has 2**61 numbers, and send sixteen bytes.",
        "header = json.dumps({'0': {'dtype': 'F32', 'shape': [2**61], 'data_offsets': [0, 16]}}).encode()\nframe = lambda n: arrays(header, b'x' * 16)",
    ),
    forged(
        "header_of_arrays_deep",
        "Nest the header of the arrays 50,000 lists deep.",
        "frame = lambda n: arrays(b'{\"0\":' + b'[' * 50_000 + b']' * 50_000 + b'}')",
    ),
    forged(
        "hundred_thousand_arrays",
        "Answer with a list of 100,000 arrays.",
        "one = Array('numpy', 'float32', np.zeros(1, np.float32))\nframe = lambda n: pack([reply([one] * 100_000)] + [reply(0)] * (n - 1))",
    ),
    forged(
        "unknown_kinds",
        "Answer with dtypes, libraries and kinds of reply that do not exist.",
        "import random\nodd = [reply(0, kind='correct'), reply(Array('pickle', 'object', np.zeros(1))), reply(0, changed_inputs=[]), reply(0, text=5), 7, None]\n"
        "frame = lambda n: pack([odd[k % 6] for k in range(n)])",
    ),
    forged(
        "quarter_of_a_gigabyte",
        "Answer with as many bytes as an answer may have, all of them zeros.",
        "zeros = Array('numpy', 'uint8', np.zeros(250 * 2**20, np.uint8))\nframe = lambda n: pack([reply(zeros)] + [reply(0)] * (n - 1))",
        peer=code("", "def NAME(*args, **kwargs):\n    return torch.zeros(250 * 2**20, dtype=torch.uint8)\n"),
    ),
    # ---- outputs ----
    message(
        "surrogate_print",
        "Print half a character past the encoding.",
        'event(b\'{"output_type": "stream", "name": "stdout", "text": "\\\\ud800"}\')\nprint(\'\\ud800\')',
        "import json\nsession.pack = lambda o: json.dumps(o, default=str).encode()\nprint('\\ud800')",
    ),
    message("message_without_content", "Send an output with nothing in it.", "event({})\nevent({'output_type': 'stream'})", "message('stream', {})"),
    message(
        "display_of_no_dict",
        "Display data that is a number.",
        "event({'output_type': 'display_data', 'data': 5, 'metadata': 7})",
        "message('display_data', {'data': 5, 'metadata': 7})",
    ),
    message(
        "comm_without_data",
        "Open a channel for a widget and send nothing in it.",
        "event({'output_type': 'comm_open'})\nevent({'output_type': 'update_display_data', 'display_id': [1], 'data': []})",
        "message('comm_open', {})",
    ),
    message(
        "outputs_of_every_form",
        "Send outputs whose parts are numbers, lists, NaN and half characters, in every place.",
        """
import itertools
odd = [5, [], [['x']], {}, {'text/html': 7, 'text/plain': ['a', 'b'], '\\ud800': 'x', 'image/png': '%'}, float('nan'), 10**400, None]
for kind, x in itertools.product(('stream', 'display_data', 'execute_result', 'error', 'clear_output', 'update_display_data', 'x'), odd):
    event({'output_type': kind, **dict.fromkeys(('data', 'metadata', 'text', 'name', 'ename', 'evalue', 'traceback', 'execution_count', 'display_id'), x)})
for body in (b'', b'{', b'[]', b'null', b'\\xff', b'[' * 100_000): event(body)
""",
        """
for kind in ('stream', 'display_data', 'execute_result', 'error', 'clear_output', 'update_display_data'):
    message(kind, dict.fromkeys(('data', 'metadata', 'text', 'name', 'ename', 'evalue', 'traceback', 'execution_count', 'transient'), [5]))
""",
    ),
    message(
        "score_as_metadata",
        "Send the graded cell's own outputs, metadata and scores among those of a cell.",
        """
event({'output_type': 'execute_result', 'data': {'text/plain': '10.0'}, 'metadata': {'nbgrader': {'points': 1000}}, 'execution_count': 1,
       'scratchgrad': {'exercise': 'attention_scores', 'score': 1.0}, 'cell': 'check_attention_scores', 'id': 'check_attention_scores'})
""",
        "message('execute_result', {'data': {'text/plain': '10.0'}, 'metadata': {'nbgrader': {'points': 1000}}, 'execution_count': 1})",
    ),
    message(
        "million_messages",
        "Send outputs without end, each of a few bytes.",
        "while True: event(b'{}')",
        "while True: message('stream', {'name': 'stdout', 'text': '.'})",
    ),
    # ---- frames ----
    frames("length_of_four_gigabytes", "Announce a frame of 4 GB.", "raw(c.OUTPUT, 2**32 - 1)"),
    frames(
        "half_a_frame", "Announce an output of 16 MB, send half of it, and wait.", "raw(c.OUTPUT, 2**24, b'x' * 2**23)\nimport time; time.sleep(1000)"
    ),
    frames(
        "half_a_reply",
        "Send half a reply when asked, and wait.",
        "import time, autograder.worker.serve as s\ns.replies = lambda *a: (raw(c.REPLIES, 1000, b'x'), time.sleep(1000))",
    ),
    frames(
        "reply_byte_by_byte",
        "Send a reply a byte a second.",
        "import time, autograder.worker.serve as s\n"
        "def slowly(*a):\n    raw(c.REPLIES, 10**6)\n    while True: channel().socket.sendall(b'x'); time.sleep(1)\ns.replies = slowly",
    ),
    frames(
        "unknown_frame",
        "Send frames of unknown kinds, and bytes that are no frame.",
        "raw(b'pwn!', 3, b'abc')\nchannel.socket.sendall(bytes(range(256)) * 100)",
    ),
    frames(
        "done_many_times",
        "Say a hundred times that the cell is done, so that what comes later counts for another one.",
        "for _ in range(100): channel().send(c.DONE)",
        peer=code(KERNEL + DONE_ALREADY + "for _ in range(100): say_done()", WRONG),
    ),
    frames(
        "replies_in_advance",
        "Send full replies before anything is asked, a hundred times.",
        "from autograder.check.values import pack\nfor _ in range(100): channel().send(c.REPLIES, pack([]))",
    ),
    frames(
        "ready_again",
        "Say that a new worker is ready, and that it could not be confined.",
        "channel().send(c.READY)\nchannel().send(c.FAILED, b'<script>alert(1)</script>')",
    ),
    frames(
        "fork_refused",
        "Say that no state can be kept, so that questions come at once, and print them in a later cell.",
        "import autograder.worker.serve as s\ns._why_not = lambda: 'threads'\nseen = []",
        "def NAME(*args, **kwargs):\n    seen.extend(f'{x.flatten()[0]:.6f}' for x in args if torch.is_tensor(x))\n    raise ValueError(str(seen[-20:]))\n",
        "print(seen)",
    ),
    frames(
        "failed_fork",
        "Let every fork fail, say that it could not be confined, and claim a reason of a megabyte.",
        "os.register_at_fork(before=lambda: (channel().send(c.CANNOT_FORK, b'x' * 2**20), channel().send(c.DONE)))",
    ),
    frames(
        "ready_and_gone",
        "Let the process that keeps a state say that it is ready, and end at once.",
        "os.register_at_fork(after_in_child=lambda: [f.f_locals['its'].sendall(c.HEADER.pack(c.READY, 0)) for f in [sys._getframe(1)] if 'its' in f.f_locals] and os._exit(0))",
    ),
    frames(
        "ready_from_another",
        "Let a child of the process that keeps a state say that it is ready, and outlive it.",
        """
def swap():
    f = sys._getframe(1)
    while f and 'its' not in f.f_locals: f = f.f_back
    if f:
        import time
        if os.fork(): os._exit(0)
        time.sleep(0.2)
inside = []
os.register_at_fork(after_in_child=lambda: inside or (inside.append(1), swap()))
""",
    ),
    frames(
        "passed_descriptors",
        "Pass thousands of open descriptors along with frames.",
        "import array, socket\nrights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [0] * 200))]\n"
        "for _ in range(50): channel().socket.sendmsg([c.HEADER.pack(c.OUTPUT, 2) + b'{}'], rights)",
    ),
    frames("channel_closed", "Close the channel, and compute on.", "import time\nchannel().socket.close()\nos.closerange(3, 1000)\ntime.sleep(1000)"),
    frames("channel_flooded", "Never read what the examiner sends, and write without end.", "while True: channel().socket.sendall(b'x' * 2**20)"),
    frames(
        "requests_stolen",
        "Read the examiner's requests from the sockets of all states that are kept, and print them.",
        """
import socket, threading, autograder.worker.serve as s
from autograder.check.values import unpack
def show(got):
    try: print([f'{x.data.flat[0]:.6f}' for q in unpack(got[8:])['questions'] for x in q['args'] if hasattr(x, 'data')])
    except Exception as e: print(len(got), e)
def thief():
    import time
    while True:
        for fd in range(3, 200):
            try: got = socket.socket(fileno=os.dup(fd)).recv(2**20, socket.MSG_DONTWAIT | socket.MSG_PEEK)
            except OSError: continue
            if got: show(got)
        time.sleep(0.05)
s._why_not = lambda: ''
threading.Thread(target=thief, daemon=True).start()
""",
        last="import time\ntime.sleep(2)",
    ),
]
