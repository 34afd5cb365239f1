"""A small class whose students hand in what real students hand in."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_output

from autograder.build.question import questions_of

ATTENTION = "07_attention"
STUB = "raise NotImplementedError"
OWN_WORDS = "Because it follows from the definition, in my own words."


@dataclass(frozen=True)
class Notebooks:
    """One notebook of the course: as the instructor has it (solved) and as students get it."""

    name: str
    solved: NotebookNode
    released: NotebookNode

    def fresh(self) -> NotebookNode:
        return copy.deepcopy(self.released)

    def perfect(self) -> NotebookNode:
        """The release with the reference solutions typed in, and something written wherever a question is asked."""
        notebook = self.fresh()
        for exercise in exercises(notebook):
            write(notebook, exercise, self.solution(exercise))
        for question in questions_of(notebook):
            write(notebook, question, OWN_WORDS)
        return notebook

    def solution(self, exercise: str) -> str:
        lines = cell_of(self.solved, exercise).source.splitlines()
        return "\n".join(line for line in lines if "### BEGIN SOLUTION" not in line and "### END SOLUTION" not in line)


def cell_of(notebook: NotebookNode, exercise: str) -> NotebookNode:
    return next(cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == exercise)


def exercises(notebook: NotebookNode) -> list[str]:
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [cell.metadata.nbgrader.grade_id for cell in code if cell.metadata.get("nbgrader", {}).get("solution")]


def write(notebook: NotebookNode, exercise: str, source: str) -> None:
    cell_of(notebook, exercise).source = source


def save(notebook: NotebookNode, folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, folder / f"{name}.ipynb")


# ---- what each student does with one notebook --------------------------------------------------------------------------


def perfect(notebooks: Notebooks, folder: Path) -> None:
    save(notebooks.perfect(), folder, notebooks.name)


def untouched(notebooks: Notebooks, folder: Path) -> None:
    save(notebooks.fresh(), folder, notebooks.name)


@dataclass(frozen=True)
class Slip:
    """A change to the reference that a student could have made, and the mistake that it is."""

    exercise: str
    right: str
    wrong: str
    mistake: str


SLIPS = [
    Slip("to_nchw", "batch.transpose(0, 3, 1, 2)", "batch.transpose(0, 3, 2, 1)", "height_and_width_swapped"),
    Slip("project", "(b @ b) * b", "np.sqrt(b @ b) * b", "one_length"),
    Slip("gradient_table", '"norm": x / length if length > 0 else x', '"norm": twice', "norm_as_squared_norm"),
    Slip("Value", "parent.grad += local", "parent.grad = local", "overwritten"),
    Slip("mse_gradient", "(X @ w - y)", "(y - X @ w)", "sign"),
    Slip("softmax", "logits.max(axis=axis, keepdims=True)", "logits.max()", "global_max"),
    Slip("perceptron_fit", "<= 0", "< 0", "zero_is_right"),
    Slip("weight_decay_step", "lr * weight_decay", "2 * lr * weight_decay", "factor_two"),
    Slip("vector_add", "blockIdx.x * blockDim.x + threadIdx.x", "threadIdx.x", "thread_only"),
    Slip("corr2d", "kw] * kernel", "kw] * kernel[::-1, ::-1]", "flipped"),
    Slip("conv2d", "(padding, padding), (padding, padding)", "(padding, padding), (0, 0)", "padding_rows_only"),
    Slip("lstm_cell", "return output_gate * torch.tanh(c_new), c_new", "return c_new, output_gate * torch.tanh(c_new)", "swapped"),
    Slip("masked_softmax", "position >= valid_lens", "position > valid_lens", "one_too_many"),
    Slip("scaled_dot_product_attention", "math.sqrt(queries.shape[-1])", "queries.shape[-1]", "divided_by_dim"),
    Slip("feasible", "g(x) <= tol", "g(x) >= -tol", "g_at_least_zero"),
    Slip("minibatch_grad", " / len(batch)", "", "summed"),
    Slip("Adam", "self.t += 1", "self.t = 1", "correction_of_the_first_step"),
    Slip("nms", "<= threshold", "< threshold", "at_least"),
]


def typical_mistakes(notebooks: Notebooks, folder: Path) -> None:
    notebook = notebooks.perfect()
    for slip in SLIPS:
        if slip.exercise in exercises(notebook):
            solution = notebooks.solution(slip.exercise)
            assert slip.right in solution, f"{slip.exercise} reads differently now"
            write(notebook, slip.exercise, solution.replace(slip.right, slip.wrong))
    save(notebook, folder, notebooks.name)


def half_done(notebooks: Notebooks, folder: Path) -> None:
    notebook = notebooks.perfect()
    names = exercises(notebook)
    for exercise in names[len(names) // 2 :]:
        write(notebook, exercise, cell_of(notebooks.released, exercise).source)
    save(notebook, folder, notebooks.name)


def calls_the_forbidden(notebooks: Notebooks, folder: Path) -> None:
    notebook = notebooks.perfect()
    write(
        notebook,
        "scaled_dot_product_attention",
        "from torch.nn import functional as F\n\n"
        "def scaled_dot_product_attention(queries, keys, values, mask=None):\n"
        "    return F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)",
    )
    save(notebook, folder, notebooks.name)


def syntax_error(notebooks: Notebooks, folder: Path) -> None:
    notebook = notebooks.perfect()
    write(notebook, "masked_softmax", "def masked_softmax(scores, valid_lens:\n    return scores")
    save(notebook, folder, notebooks.name)


def endless_loop(notebooks: Notebooks, folder: Path) -> None:
    notebook = notebooks.perfect()
    write(notebook, "masked_softmax", "def masked_softmax(scores, valid_lens):\n    while True:\n        pass")
    save(notebook, folder, notebooks.name)


def deletes_and_duplicates(notebooks: Notebooks, folder: Path) -> None:
    notebook = notebooks.perfect()
    gone = "check_masked_softmax"
    twice = "check_scaled_dot_product_attention"
    cells = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") != gone]
    notebook.cells = [
        c for cell in cells for c in ([cell, copy.deepcopy(cell)] if cell.metadata.get("nbgrader", {}).get("grade_id") == twice else [cell])
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{notebooks.name}.ipynb").write_text(json.dumps(notebook))


def extra_notebook(notebooks: Notebooks, folder: Path) -> None:
    perfect(notebooks, folder)
    scratch = nbformat.v4.new_notebook(cells=[new_code_cell("1 / 0")])
    save(scratch, folder, "my notes")


def not_json(notebooks: Notebooks, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{notebooks.name}.ipynb").write_text("{'cells': [this is no JSON")


def empty_folder(notebooks: Notebooks, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)


def thirty_megabytes(notebooks: Notebooks, folder: Path) -> None:
    notebook = notebooks.perfect()
    flood = new_output("stream", name="stdout", text="all work and no play makes a large notebook\n" * (30 * 2**20 // 44))
    next(cell for cell in notebook.cells if cell.cell_type == "code").outputs = [flood]
    save(notebook, folder, notebooks.name)


@dataclass(frozen=True)
class Student:
    """`chapters` are those that the student hands in; None for all."""

    name: str
    hand_in: Callable[[Notebooks, Path], None]
    chapters: tuple[str, ...] | None = (ATTENTION,)


STUDENTS = [
    Student("ada_perfect", perfect, None),
    Student("ben_untouched", untouched, None),
    Student("cleo_mistaken", typical_mistakes, None),
    Student("dan_half_done", half_done),
    Student("eva_forbidden", calls_the_forbidden),
    Student("finn_syntax_error", syntax_error),
    Student("gita_endless_loop", endless_loop),
    Student("hugo_cells_moved", deletes_and_duplicates),
    Student("ines_extra_file", extra_notebook),
    Student("jon_not_json", not_json),
    Student("kim_empty_folder", empty_folder),
    Student("leo_thirty_mb", thirty_megabytes),
]


def hand_in_all(course: Path) -> int:
    """Let every student hand in, from nbgrader's source and release folders. Returns the number of submissions."""
    count = 0
    for chapter in sorted(p for p in (course / "release").iterdir() if p.is_dir()):
        for student in STUDENTS:
            if student.chapters is None or chapter.name in student.chapters:
                folder = course / "submitted" / student.name / chapter.name
                for path in sorted(chapter.glob("*.ipynb")):
                    solved = nbformat.read(course / "source" / chapter.name / path.name, as_version=4)
                    student.hand_in(Notebooks(path.stem, solved, nbformat.read(path, as_version=4)), folder)
                count += 1
    return count
