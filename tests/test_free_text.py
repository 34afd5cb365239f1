"""Questions that are answered in the student's own words: released, handed in, marked in formgrader, given back.

In a copy of the repository, whose chapter 9 asks two questions, with real nbgrader.
"""

from __future__ import annotations

import copy
import csv
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from golden_notebooks import reference
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.api import Gradebook
from nbgrader.utils import compute_checksum
from sample_class import Notebooks, cell_of, exercises, write

from autograder.build import ROOT
from autograder.build.course import CONFIG
from autograder.build.notebook import BadNotebook, read_reference, source_form
from autograder.build.question import questions_of
from autograder.examiner.rebuild import rebuild
from autograder.examiner.sanitise import safe_markdown
from autograder.examiner.submission import Submission, SubmittedCell
from autograder.nbgrader.grades import read_grades, write_grades

pytestmark = [pytest.mark.xdist_group("free text"), pytest.mark.timeout(600)]

CHAPTER, NOTEBOOK = "09_vision", "nms"
ANSWERED, OTHER = "why_boxes_are_dropped", "why_a_union"
STUB = "YOUR ANSWER HERE"
SECRETS = ("neighbours describe one flower", "names the duplicates", "size would count twice", "says twice")
QUESTIONS = f"""
+++ {{"question": "{ANSWERED}", "points": 2}}

**In your own words.** Why does suppression drop boxes? Two sentences.

### BEGIN SOLUTION

Because {SECRETS[0]}, and only the best of them is wanted.

**Marking scheme.** 1 point: {SECRETS[1]}. 1 point: says which box stays.

### END SOLUTION

+++

This text stands between two questions.

+++ {{"question": "{OTHER}", "points": 1.5}}

**In your own words.** Why is the intersection taken away from the union?

### BEGIN SOLUTION

Its {SECRETS[2]}.

**Marking scheme.** 1.5 points: {SECRETS[3]}.

### END SOLUTION
"""


# ---- what students hand in -----------------------------------------------------------------------------------------------


def answers(text: str) -> Callable[[NotebookNode], None]:
    return lambda notebook: write(notebook, ANSWERED, text)


def untouched(notebook: NotebookNode) -> None:
    pass


def deleted(notebook: NotebookNode) -> None:
    notebook.cells.remove(cell_of(notebook, ANSWERED))


def duplicated(notebook: NotebookNode) -> None:
    cell = cell_of(notebook, ANSWERED)
    pasted = copy.deepcopy(cell) | {"id": "pasted", "source": "The second words."}
    notebook.cells.insert(notebook.cells.index(cell) + 1, NotebookNode(pasted))
    cell.source = "The first words."


def answered_in_a_copy(notebook: NotebookNode) -> None:
    cell = cell_of(notebook, ANSWERED)
    notebook.cells.insert(notebook.cells.index(cell) + 1, NotebookNode(copy.deepcopy(cell) | {"id": "pasted", "source": "Words in the copy."}))


def retyped(notebook: NotebookNode) -> None:
    cell = cell_of(notebook, ANSWERED)
    code = new_code_cell("Words in a code cell.", metadata=cell.metadata, id=cell.id)
    notebook.cells[notebook.cells.index(cell)] = code


def retagged(notebook: NotebookNode) -> None:
    """Points, a checksum that is any text's, a lock: what nbgrader would believe."""
    write(notebook, ANSWERED, "Words with forged metadata.")
    nbgrader = cell_of(notebook, ANSWERED).metadata.nbgrader
    nbgrader |= {"points": 100, "grade": False, "solution": False, "locked": True, "checksum": "0" * 32}


def lost_its_metadata(notebook: NotebookNode) -> None:
    write(notebook, ANSWERED, "Words without metadata.")
    cell_of(notebook, ANSWERED).metadata = NotebookNode()


def asks_something_else(notebook: NotebookNode) -> None:
    question = notebook.cells[notebook.cells.index(cell_of(notebook, ANSWERED)) - 1]
    question.source = "What is 1 + 1?"
    write(notebook, ANSWERED, "Two.")


SCRIPT = "<script>window.hacked = 1</script>"
STUDENTS: dict[str, Callable[[NotebookNode], None]] = {
    "ada": answers("ada's words: the boxes are copies."),
    "ben_untouched": untouched,
    "cleo_empty": answers(" \n"),
    "dan_deleted": deleted,
    "eva_duplicated": duplicated,
    "finn_in_a_copy": answered_in_a_copy,
    "gita_retyped": retyped,
    "hugo_retagged": retagged,
    "ines_no_metadata": lost_its_metadata,
    "jon_other_question": asks_something_else,
    "kim_script": answers(f"{SCRIPT} [kim](javascript:alert(1)) where p <q, so $a<b$ and `i<n`"),
    "leo_like_ada": answers("leo's words: less is more."),
}
NOTHING_WRITTEN = {"ben_untouched", "cleo_empty", "dan_deleted", "mia_not_json", "nils_nothing"}


# ---- the class -----------------------------------------------------------------------------------------------------------


class Course:
    """nbgrader's course directory in the copy, and the commands that work in it."""

    def __init__(self, repository: Path) -> None:
        self.repository, self.folder = repository, repository / "build" / "course"
        self.before_marking: dict[tuple[str, str], dict[str, Any]] = {}
        self.environment = {
            **os.environ,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": str(repository),
            "JUPYTER_CONFIG_DIR": str(repository / "config"),
            "COLUMNS": "200",
        }

    def run(self, module: str, *arguments: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", module, *arguments]
        done = subprocess.run(
            argv, cwd=self.folder if self.folder.exists() else self.repository, env=self.environment, capture_output=True, text=True
        )
        assert (done.returncode == 0) == ok, done.stdout + done.stderr
        return done

    def scratchgrad(self, *arguments: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run("autograder.cli", *arguments, ok=ok)

    def nbgrader(self, *arguments: str) -> str:
        return self.run("nbgrader", *arguments).stderr

    def read(self, kind: str) -> NotebookNode:
        return nbformat.read(self.folder / kind / CHAPTER / f"{NOTEBOOK}.ipynb", as_version=4)

    def submitted(self, student: str) -> Path:
        return self.folder / "submitted" / student / CHAPTER / f"{NOTEBOOK}.ipynb"

    def graded(self, student: str) -> NotebookNode:
        return nbformat.read(self.folder / "autograded" / student / CHAPTER / f"{NOTEBOOK}.ipynb", as_version=4)

    def feedback(self, student: str) -> str:
        return (self.folder / "feedback" / student / CHAPTER / f"{NOTEBOOK}.html").read_text()

    def hand_in(self, student: str, change: Callable[[NotebookNode], None]) -> None:
        """Code that is right, and whatever a student does with the first question."""
        notebook = self.read("release")
        solved = Notebooks(NOTEBOOK, self.read("source"), notebook)
        for exercise in exercises(notebook):
            write(notebook, exercise, solved.solution(exercise))
        change(notebook)
        self.submitted(student).parent.mkdir(parents=True, exist_ok=True)
        self.submitted(student).write_text(json.dumps(notebook))

    def grade(self, student: str, question: str = ANSWERED) -> dict[str, Any]:
        with Gradebook(f"sqlite:///{self.folder}/gradebook.db") as gradebook:
            found = gradebook.find_grade(question, NOTEBOOK, CHAPTER, student)
            comment = gradebook.find_comment(question, NOTEBOOK, CHAPTER, student)
            notebook = gradebook.find_submission_notebook(NOTEBOOK, CHAPTER, student)
            kept = {name: getattr(found, name) for name in ("id", "auto_score", "manual_score", "needs_manual_grade", "score", "max_score")}
            return kept | {"comment_id": comment.id, "page": notebook.id}


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """The copy of the repository with this one chapter, built and released."""
    repository = tmp_path_factory.mktemp("free_text") / "repository"
    for part in ("autograder", "solutions", f"course/{CHAPTER}"):
        shutil.copytree(ROOT / part, repository / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "course" / CONFIG, repository / "course")
    with (repository / "course" / CHAPTER / f"{NOTEBOOK}.md").open("a") as file:
        file.write(QUESTIONS)
    course = Course(repository)
    course.scratchgrad("release", "vision")
    return course


@pytest.fixture(scope="module")
def autograded(released: Course) -> Course:
    for student, change in STUDENTS.items():
        released.hand_in(student, change)
    released.hand_in("mia_not_json", untouched)
    released.submitted("mia_not_json").write_text("no json")
    released.submitted("nils_nothing").parent.mkdir(parents=True)
    log = released.nbgrader("autograde", CHAPTER)
    assert "Traceback" not in log
    assert "not recognized" not in log
    everybody = (*STUDENTS, "mia_not_json", "nils_nothing")
    released.before_marking = {(student, question): released.grade(student, question) for student in everybody for question in (ANSWERED, OTHER)}
    return released


@pytest.fixture(scope="module")
def formgrader(autograded: Course) -> Iterator[Formgrader]:
    """Real formgrader, in the course directory."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    log = autograded.repository / "server.log"
    argv = [
        "-m",
        "jupyter_server",
        "--no-browser",
        "--allow-root",
        f"--port={port}",
        "--IdentityProvider.token=",
        "--ServerApp.disable_check_xsrf=True",
    ]
    with log.open("w") as file:
        process = subprocess.Popen([sys.executable, *argv], cwd=autograded.folder, env=autograded.environment, stdout=file, stderr=file)
    served = Formgrader(f"http://127.0.0.1:{port}/formgrader")
    try:
        served.wait(log)
        yield served
    finally:
        process.terminate()
        process.wait(30)


class Formgrader:
    def __init__(self, address: str) -> None:
        self.address = address

    def wait(self, log: Path) -> None:
        for _ in range(240):
            try:
                self.ask("manage_assignments")
            except OSError:
                time.sleep(0.25)
            else:
                return
        raise TimeoutError(log.read_text()[-3000:])

    def ask(self, what: str, data: dict[str, Any] | None = None) -> str:
        body = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(f"{self.address}/{what}", body, {"Content-Type": "application/json"}, method="PUT" if body else "GET")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return str(answer.read().decode())


@pytest.fixture(scope="module")
def marked(autograded: Course, formgrader: Formgrader) -> Course:
    """ada's answer is marked as formgrader's page does it, her work is autograded once more, and feedback is given."""
    grade = autograded.grade("ada")
    formgrader.ask(f"api/grade/{grade['id']}", {"manual_score": 1.5, "extra_credit": None})
    formgrader.ask(f"api/comment/{grade['comment_id']}", {"manual_comment": "Say which box stays."})
    autograded.nbgrader("autograde", CHAPTER, "--student=ada", "--force")
    autograded.nbgrader("generate_feedback", CHAPTER)
    return autograded


# ---- 1: the build and the release ----------------------------------------------------------------------------------------


def test_a_question_becomes_its_text_and_a_manually_graded_cell(released):
    source = released.read("source")
    cell = cell_of(source, ANSWERED)
    text = source.cells[source.cells.index(cell) - 1]
    assert (text.cell_type, text.source) == ("markdown", "**In your own words.** Why does suppression drop boxes? Two sentences.")
    assert "nbgrader" not in text.metadata
    assert (cell.cell_type, cell.id) == ("markdown", ANSWERED)
    assert {k: cell.metadata.nbgrader[k] for k in ("grade", "solution", "locked", "task", "points", "grade_id")} == {
        "grade": True, "solution": True, "locked": False, "task": False, "points": 2, "grade_id": ANSWERED,
    }  # fmt: skip
    assert cell.source.startswith("### BEGIN SOLUTION\n")
    assert "**Marking scheme.** 1 point" in cell.source
    assert questions_of(source) == {ANSWERED: 2, OTHER: 1.5}


def test_no_metadata_of_the_text_form_is_left(released):
    path = released.repository / "course" / CHAPTER / f"{NOTEBOOK}.md"
    for notebook in (released.read("source"), released.read("release"), reference(path)):
        assert not any({"question", "points"} & set(cell.metadata) for cell in notebook.cells)


def test_the_reference_notebook_holds_all_in_one_cell(released):
    notebook = read_reference(released.repository / "course" / CHAPTER / f"{NOTEBOOK}.md")
    (cell,) = (cell for cell in notebook.cells if SECRETS[0] in cell.source)
    assert cell.cell_type == "markdown"
    assert "Why does suppression drop boxes?" in cell.source


def test_students_get_nbgraders_stub(released):
    cell = cell_of(released.read("release"), ANSWERED)
    assert cell.source == STUB
    assert cell.metadata.deletable is False
    assert cell.metadata.nbgrader.checksum == compute_checksum(cell)


def test_nothing_of_the_solution_is_released(released):
    files = [p.read_bytes() for p in (released.folder / "release").rglob("*") if p.is_file()]
    with zipfile.ZipFile(released.folder / "bundles" / f"{CHAPTER}.zip") as bundle:
        files += [bundle.read(name) for name in bundle.namelist()]
    assert any(b"Why does suppression drop boxes?" in file for file in files)
    assert not any(word.encode() in file for file in files for word in (*SECRETS, "Marking scheme"))


HEAD = "---\njupytext:\n  text_representation:\n    extension: .md\n    format_name: myst\n---\n\n"
REGION = "\n\n### BEGIN SOLUTION\n\nBecause.\n\n### END SOLUTION\n"
BAD = {
    '+++ {"question": "why"}\n\nWhy?' + REGION: "the question why has no points",
    '+++ {"question": "why", "points": "two"}\n\nWhy?' + REGION: "the question why has no points",
    '+++ {"question": "why", "points": true}\n\nWhy?' + REGION: "the question why has no points",
    '+++ {"question": "why", "points": 0}\n\nWhy?' + REGION: "the question why has no points",
    '+++ {"question": "why", "points": 1}\n\nWhy?': "the question why has no solution region",
    '+++ {"question": "why", "points": 1}\n\nWhy?\n\n### BEGIN SOLUTION\n\nBecause.': "the question why has no solution region",
    '+++ {"question": "why", "points": 1}\n\nWhy?' + REGION + "\nAnd more.": "the question why has no solution region",
    '+++ {"question": "why", "points": 1}\n\nWhy?' + REGION + REGION: "the question why has no solution region",
    '+++ {"question": "why", "points": 1}\n\n' + REGION: "the question why needs a text",
    '+++ {"question": "why", "points": 1}\n\nWhy?\n\n### BEGIN SOLUTION\n\n### END SOLUTION\n': "the question why needs a text",
    '+++ {"question": "why so", "points": 1}\n\nWhy?' + REGION: "'why so' is no name",
    '+++ {"question": "check_iou", "points": 1}\n\nWhy?' + REGION: "'check_iou' is no name",
    '+++ {"question": 7, "points": 1}\n\nWhy?' + REGION: "7 is no name",
    '+++ {"question": "why", "points": 1}\n\nWhy?' + REGION + '\n+++ {"question": "why", "points": 1}\n\nAgain?' + REGION: "why stands there twice",
    '+++ {"question": "iou", "points": 1}\n\nWhy?' + REGION: "iou is the name of an exercise",
    '+++ {"qestion": "why", "points": 1}\n\nWhy?' + REGION: "a text with a solution region is a question",
    '+++ {"question": "why", points: 1}\n\nWhy?' + REGION: "could not be read",
    '```{code-cell} ipython3\n:question: why\n:points: 1\n\n"Why?"\n```\n': "a question is a Markdown cell",
}


@pytest.mark.parametrize("text", BAD, ids=BAD.values())
def test_a_wrong_form_is_said_in_a_sentence(tmp_path, text):
    from solutions import vision  # noqa: F401

    path = tmp_path / "bad.md"
    path.write_text(HEAD + text)
    with pytest.raises(BadNotebook, match=r"^bad\.md.*" + re.escape(BAD[text])):
        source_form(path, CHAPTER)


# ---- 2: markers see the scheme, students do not --------------------------------------------------------------------------


def test_formgrader_shows_the_marking_scheme_below_the_answer(autograded, formgrader):
    page = formgrader.ask(f"submissions/{autograded.grade('ada')['page']}/")
    places = [page.index(words) for words in ("ada&#39;s words" if "ada&#39;s words" in page else "ada's words", SECRETS[0], SECRETS[1], SECRETS[2])]
    assert places == sorted(places)
    assert page.count("students do not see this") == 2


def test_formgrader_says_so_where_there_is_no_scheme(autograded, formgrader):
    source = autograded.folder / "source"
    source.rename(source.with_name("hidden"))
    try:
        page = formgrader.ask(f"submissions/{autograded.grade('ada')['page']}/")
    finally:
        source.with_name("hidden").rename(source)
    assert "There is none in the course" in page


def test_no_student_sees_the_scheme(marked):
    made_for_students = [p for folder in ("autograded", "feedback") for p in (marked.folder / folder).rglob("*") if p.is_file()]
    assert len(made_for_students) > 2 * len(STUDENTS)
    for path in made_for_students:
        assert not any(word.encode() in path.read_bytes() for word in (*SECRETS, "Marking scheme", "students do not see this"))


# ---- 3: autograding ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("student", [*STUDENTS, "mia_not_json", "nils_nothing"])
def test_what_is_written_waits_for_a_marker_and_what_is_not_gets_nothing(autograded, student):
    grade = autograded.before_marking[student, ANSWERED]
    expected = (0, False) if student in NOTHING_WRITTEN else (None, True)
    assert (grade["auto_score"], grade["needs_manual_grade"]) == expected
    assert (grade["score"], grade["max_score"]) == (0, 2)
    other = autograded.before_marking[student, OTHER]
    assert (other["auto_score"], other["needs_manual_grade"]) == (0, False)


WRITTEN = {
    "eva_duplicated": ("The first words.", "stands in the notebook more than once"),
    "finn_in_a_copy": ("Words in the copy.", "stands in the notebook more than once"),
    "gita_retyped": ("Words in a code cell.", "was no text cell any more, and is read as text"),
    "hugo_retagged": ("Words with forged metadata.", ""),
    "ines_no_metadata": ("Words without metadata.", ""),
    "jon_other_question": ("Two.", "You changed the text of a question"),
    "dan_deleted": (STUB, "was missing and was put back"),
    "cleo_empty": (STUB, ""),
}


@pytest.mark.parametrize("student", WRITTEN)
def test_no_answer_is_lost_and_the_student_is_told(autograded, student):
    notebook = autograded.graded(student)
    text, note = WRITTEN[student]
    assert cell_of(notebook, ANSWERED).source == text
    assert (note in notebook.cells[0].source) if note else "Notes on your submission" not in notebook.cells[0].source


def test_the_second_of_two_answers_stands_below_the_first(autograded):
    sources = [cell.source for cell in autograded.graded("eva_duplicated").cells]
    assert sources.index("The second words.") == sources.index("The first words.") + 1


def test_the_marker_reads_the_question_that_was_asked(autograded):
    sources = [cell.source for cell in autograded.graded("jon_other_question").cells]
    place = sources.index("Two.")
    assert sources[place - 2 : place] == ["**In your own words.** Why does suppression drop boxes? Two sentences.", "What is 1 + 1?"]


def test_a_written_answer_is_data(autograded, formgrader):
    page = formgrader.ask(f"submissions/{autograded.grade('kim_script')['page']}/")
    assert "<script>window.hacked" not in page
    assert "javascript:alert" in page  # the words are there
    assert not re.search(r"<a[^>]*javascript:alert", page)
    assert "p &lt;" in page  # and none of them is lost
    assert "q, so" in page


@pytest.mark.parametrize(
    "text",
    [
        SCRIPT,
        "<!-- x",
        "</div></div>",
        "[a](javascript:x)",
        "[a]\n\n[a]: javascript:x",
        "[a][b]\n\n[b]: data:x",
        "![a](data:x)",
        "<javascript:x>",
        "<a\nhref=x>",
    ],
)
def test_no_tag_and_no_link_is_made_of_what_is_written(text):
    from nbconvert.filters.markdown_mistune import markdown2html_mistune

    page = markdown2html_mistune(safe_markdown(text))
    assert not re.search(r"<(?!/?p>)\S", page)
    assert re.sub(r"\s", "", safe_markdown(text)) == re.sub(r"\s", "", text)


def test_code_is_graded_whatever_is_written(autograded):
    grades = [g for g in read_grades(autograded.folder) if g.student in STUDENTS]
    assert {g.status for g in grades} == {"correct"}
    assert all(g.score == g.max_score for g in grades)


def test_manual_scores_stay_when_all_is_graded_again(marked):
    grade = marked.grade("ada")
    assert (grade["manual_score"], grade["score"]) == (1.5, 1.5)
    assert marked.grade("leo_like_ada")["needs_manual_grade"]


# ---- 4: the command line and the feedback --------------------------------------------------------------------------------


def test_grade_leaves_written_answers_out_and_says_so(autograded):
    record = json.loads(autograded.scratchgrad("grade", "--json", str(autograded.submitted("ada"))).stdout)
    assert list(record) == ["notebook", "score", "max_score", "exercises", "tier", "error"]
    assert record["score"] == record["max_score"] == sum(e["max_score"] for e in record["exercises"])
    assert not {ANSWERED, OTHER} & {e["name"] for e in record["exercises"]}
    assert "3.5 more point(s) are given by hand" in autograded.scratchgrad("grade", str(autograded.submitted("ada"))).stdout


def test_exercises_lists_questions_as_marked_by_hand(released):
    assert not {ANSWERED, OTHER} & {r["name"] for r in json.loads(released.scratchgrad("exercises", "--json").stdout)}
    shown = released.scratchgrad("exercises").stdout
    for question, points in ((ANSWERED, "2"), (OTHER, "1.5")):
        assert re.search(rf"{question} +│ {points} +│ by", shown)


@pytest.mark.parametrize("command", [("build", "vision"), ("exercises",)])
def test_a_wrong_form_is_no_traceback(released, command):
    path = released.repository / "course" / CHAPTER / f"{NOTEBOOK}.md"
    text = path.read_text()
    path.write_text(text.replace(', "points": 1.5', ""))
    try:
        said = released.scratchgrad(*command, ok=False).stderr
    finally:
        path.write_text(text)
    assert f"the question {OTHER} has no points" in " ".join(said.split())
    assert "Traceback" not in said


def test_feedback_shows_the_words_the_score_and_the_comment(marked):
    page = marked.feedback("ada")
    assert re.search(r"ada(&#39;|')s words: the boxes are copies\.", page)
    assert "Say which box stays." in page
    assert re.search(r"Written response</a> \(Score: 1\.5 / 2\.0\)", page)
    assert "No response." in marked.feedback("ben_untouched")


# ---- 5: grades.csv -------------------------------------------------------------------------------------------------------


def test_the_table_of_grades_has_rows_for_exercises_only(autograded, tmp_path):
    write_grades(read_grades(autograded.folder), tmp_path / "grades.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "grades.csv").read_text())))
    assert {row["exercise"] for row in rows} == set(exercises(autograded.read("release")))


# ---- 6: what is remembered -----------------------------------------------------------------------------------------------


def nothing_new(course: Course) -> bool:
    """Whether nothing is left to grade ahead."""
    said = course.scratchgrad("grade-ahead", "vision", "--jobs", "1").stdout.strip()
    return re.fullmatch(r"\d+ remembered, 1 unreadable", said) is not None


def test_other_words_are_no_other_code_and_everybody_reads_their_own(marked):
    path = marked.submitted("leo_like_ada")
    before = path.read_text()
    assert nothing_new(marked)
    path.write_text(before.replace("less is more", "even less is more"))
    try:
        assert nothing_new(marked)
        marked.nbgrader("autograde", CHAPTER, "--student=leo_like_ada", "--force")
    finally:
        path.write_text(before)
    assert cell_of(marked.graded("leo_like_ada"), ANSWERED).source == "leo's words: even less is more."
    assert cell_of(marked.graded("ada"), ANSWERED).source == "ada's words: the boxes are copies."
    assert "leo's words" not in json.dumps(marked.graded("ada"))


# ---- rebuilding, by itself -----------------------------------------------------------------------------------------------


def test_blank_copies_do_not_take_the_place_of_an_answer(released):
    notebook = released.read("release")
    cells = (
        SubmittedCell("", ANSWERED, "markdown", ""),
        SubmittedCell("", ANSWERED, "raw", "Words."),
        SubmittedCell(ANSWERED, ANSWERED, "markdown", STUB),
    )
    rebuilt, _ = rebuild(notebook, Submission(cells))
    assert cell_of(rebuilt, ANSWERED).source == "Words."


def test_text_around_the_stub_is_an_answer_and_space_is_not(released):
    for text, kept in [(f"{STUB}\n\nWords.", f"{STUB}\n\nWords."), (f"\n {STUB}  \n", STUB)]:
        rebuilt, _ = rebuild(released.read("release"), Submission((SubmittedCell(ANSWERED, "", "markdown", text),)))
        assert cell_of(rebuilt, ANSWERED).source == kept


def test_a_cell_of_ones_own_below_the_answer_stays_there(released):
    notebook = released.read("release")
    place = notebook.cells.index(cell_of(notebook, ANSWERED))
    notebook.cells.insert(place + 1, new_markdown_cell("More words."))
    cells = tuple(SubmittedCell(c.id, c.metadata.get("nbgrader", {}).get("grade_id", ""), c.cell_type, c.source) for c in notebook.cells)
    rebuilt, notes = rebuild(released.read("release"), Submission(cells))
    assert rebuilt.cells[place + 1].source == "More words."
    assert notes == []
