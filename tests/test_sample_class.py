"""Every student of the sample class gets a grade or a clear reason, and none harms another."""

from __future__ import annotations

import csv
import html
import json
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from sample_class import ATTENTION, SLIPS, STUDENTS

from autograder.build import all_chapters, find_chapter, import_exercises
from autograder.check.values import Array, leaves
from autograder.exercise import Exam, get_exercise

pytestmark = [pytest.mark.xdist_group("sample class"), pytest.mark.timeout(1200)]

FIRST, SECOND, THIRD = "masked_softmax", "scaled_dot_product_attention", "multi_head_attention"


@pytest.fixture(scope="module")
def grades(sample_class: Path) -> list[dict[str, str]]:
    with (sample_class / "grades.csv").open() as file:
        return list(csv.DictReader(file))


def of(grades: list[dict[str, str]], student: str, chapter: str | None = None) -> dict[str, dict[str, str]]:
    found = {g["exercise"]: g for g in grades if g["student"] == student and chapter in (None, g["chapter"])}
    assert found, f"{student} has no grades"
    return found


def feedback(sample_class: Path, student: str, notebook: str = "scoring") -> str:
    return (sample_class / "course" / "feedback" / student / ATTENTION / f"{notebook}.html").read_text()


def others_are_full(grades: dict[str, dict[str, str]], *but: str) -> bool:
    return all(g["score"] == g["max_score"] for name, g in grades.items() if name not in but)


def test_columns_are_as_promised(grades):
    assert list(grades[0]) == ["student", "chapter", "notebook", "exercise", "score", "max_score", "status", "mistake"]


def test_every_student_gets_every_exercise_of_what_was_due(grades):
    for student in STUDENTS:
        chapters = {g["chapter"] for g in grades if g["student"] == student.name}
        assert chapters == set(student.chapters or [c.name for c in all_chapters()])
        assert len(of(grades, student.name, ATTENTION)) == len(of(grades, "ada_perfect", ATTENTION))


def test_perfect_student_gets_full_marks_everywhere(grades):
    assert all(g["status"] == "correct" and g["score"] == g["max_score"] for g in of(grades, "ada_perfect").values())


def test_untouched_release_scores_nothing(grades):
    assert all(g["status"] == "missing" and float(g["score"]) == 0 for g in of(grades, "ben_untouched").values())


@pytest.mark.parametrize("slip", SLIPS, ids=lambda s: s.exercise)
def test_typical_mistake_is_named_in_grades_and_feedback(grades, sample_class, slip):
    grade = of(grades, "cleo_mistaken")[slip.exercise]
    assert grade["mistake"] == slip.mistake
    assert float(grade["score"]) < float(grade["max_score"])
    page = sample_class / "course" / "feedback" / "cleo_mistaken" / grade["chapter"] / f"{grade['notebook']}.html"
    import_exercises(find_chapter(grade["chapter"]))
    first_words = get_exercise(slip.exercise).hints[slip.mistake].split("`")[0][:40]
    assert html.escape(first_words) in page.read_text()


def test_right_answer_that_calls_a_wrong_one_gets_its_points(grades, sample_class):
    """cleo's lstm_cell returns its two values in the wrong order; what is built on it is right by itself."""
    own = of(grades, "cleo_mistaken", "06_recurrent")
    assert own["lstm_cell"]["status"] == "wrong"
    assert [own[name]["status"] for name in ("lstm", "stacked_lstm")] == ["correct", "correct"]
    page = sample_class / "course" / "feedback" / "cleo_mistaken" / "06_recurrent" / "lstm.html"
    assert "This follows from your lstm_cell, which is wrong" in page.read_text()


def test_half_done_gets_the_half_that_is_done(grades):
    names = list(of(grades, "dan_half_done"))
    statuses = [of(grades, "dan_half_done")[n]["status"] for n in names]
    half = len(names) // 2
    assert statuses == ["correct"] * half + ["missing"] * (len(names) - half)


def test_forbidden_call_is_named(grades, sample_class):
    own = of(grades, "eva_forbidden")
    assert (own[SECOND]["status"], float(own[SECOND]["score"])) == ("forbidden", 0)
    assert others_are_full(own, SECOND)
    assert "write it without calling it" in feedback(sample_class, "eva_forbidden")


def test_syntax_error_costs_its_own_exercise(grades, sample_class):
    own = of(grades, "finn_syntax_error")
    assert own[FIRST]["status"] == "error"
    assert others_are_full(own, FIRST)
    assert "The cell that should define masked_softmax stops with SyntaxError" in feedback(sample_class, "finn_syntax_error")


def test_endless_loop_costs_its_own_exercise(grades, sample_class):
    own = of(grades, "gita_endless_loop")
    assert (own[FIRST]["status"], float(own[FIRST]["score"])) == ("timeout", 0)
    assert others_are_full(own, FIRST)
    assert "No answer within" in feedback(sample_class, "gita_endless_loop")


def test_deleted_and_duplicated_graded_cells_change_nothing(grades, sample_class):
    assert others_are_full(of(grades, "hugo_cells_moved"))
    page = feedback(sample_class, "hugo_cells_moved")
    assert "was missing and was put back" in page
    assert "more than once" in page


def test_extra_notebook_changes_nothing(grades):
    assert others_are_full(of(grades, "ines_extra_file"))


@pytest.mark.parametrize(("student", "reason"), [("jon_not_json", "cannot be read as JSON"), ("kim_empty_folder", "was not handed in")])
def test_unusable_submission_gets_a_clear_reason(grades, sample_class, student, reason):
    assert all(g["status"] == "missing" and float(g["score"]) == 0 for g in of(grades, student).values())
    assert reason in feedback(sample_class, student)


def test_thirty_megabytes_of_output_are_graded_and_not_passed_on(grades, sample_class):
    assert others_are_full(of(grades, "leo_thirty_mb"))
    assert len(feedback(sample_class, "leo_thirty_mb")) < 2 * 2**20


def test_gradebook_holds_the_same_scores(grades, sample_class):
    with Gradebook(f"sqlite:///{sample_class / 'course' / 'gradebook.db'}", "scratchgrad") as gradebook:
        for student in STUDENTS:
            submission = gradebook.find_submission(ATTENTION, student.name)
            assert submission.score == pytest.approx(sum(float(g["score"]) for g in of(grades, student.name, ATTENTION).values()))


def test_partial_credit_and_message_both_stand_in_the_feedback(sample_class):
    page = feedback(sample_class, "cleo_mistaken")
    assert "of 3 points" in page
    assert "The variance of a sum of dim products is dim" in page


def test_hidden_data_is_nowhere(sample_class):
    """No number of a hidden case stands in a release, submission, graded notebook or feedback page."""
    course = sample_class / "course"
    files = [p for folder in ("release", "submitted", "autograded", "feedback") for p in (course / folder).rglob("*") if p.is_file()]
    texts = [p.read_bytes() for p in files if p.stat().st_size < 5 * 2**20]
    import_exercises(find_chapter("attention"))
    hidden = [
        leaf.data
        for exercise in (FIRST, SECOND, THIRD)
        for q in Exam.of(get_exercise(exercise), seed=1).questions
        if q.hidden
        for leaf in leaves([*q.args, *q.kwargs.values()])
        if isinstance(leaf, Array) and leaf.kind == "f" and leaf.data.size > 4 and len(set(leaf.data.ravel().tolist())) > 4
    ]
    assert hidden
    for data in hidden:
        raw = data.tobytes()[: 4 * data.itemsize]
        number = repr(float(data.ravel()[0]))[:9].encode()
        assert not any(raw in text or number in text for text in texts)


def test_references_and_hidden_cases_are_not_in_the_release(sample_class):
    for path in (sample_class / "course" / "release").rglob("*.ipynb"):
        text = path.read_text()
        assert "BEGIN SOLUTION" not in text
        assert "import solutions" not in text
        assert "from solutions" not in text
        notebook = json.loads(text)
        for cell in notebook["cells"]:
            if cell["metadata"].get("nbgrader", {}).get("solution"):
                stub = "raise NotImplementedError" if cell["cell_type"] == "code" else "YOUR ANSWER HERE"
                assert stub in "".join(cell["source"])
