"""What a student is told: how an answer differs, which mistake it shows, and nothing that is not true."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from jaxtyping import Float, Num
from numpy import ndarray
from torch import Tensor

from autograder.check import card as cards
from autograder.check import check
from autograder.check.asking import ask
from autograder.check.compare import Tolerance, difference
from autograder.check.remarks import remark
from autograder.check.values import freeze
from autograder.check.variants import GRADIENTS, INTEGERS, LAYOUT, PRECISION, REPEAT, UNCHANGED, VARIANTS
from autograder.check.verdict import Verdict, judge
from autograder.exercise import Case, Exam, cases, exercise, get_exercise, make_card, mistakes, vocabulary

EXACT = Tolerance.of("float64")
ONLY_PLAIN = [name for name in VARIANTS if name != "gradients"]


@pytest.fixture(autouse=True)
def exercises_of_this_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exercises defined by a test are gone after it; it runs in a folder without cards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(vocabulary, "_registry", {})
    monkeypatch.setattr(cards, "_makers", {})


def named(name: str) -> Callable[[Any], Any]:
    """Give a student's function the name of the exercise."""

    def rename(f: Any) -> Any:
        f.__name__ = name
        return f

    return rename


def verdict_on(name: str, answer: Any) -> Verdict:
    key = Exam.of(get_exercise(name), seed=1)
    return judge(key, [ask(answer, q, key.probe.load() if key.probe else None, key.forbid, key.seconds) for q in key.questions])


def test_none_is_a_forgotten_return_only_where_it_is_no_answer() -> None:
    @exercise(points=1)
    def double(x: float) -> float:
        return 2 * x

    @exercise(points=1)
    def root(x: float) -> float | None:
        return x**0.5 if x >= 0 else None

    for reference in (double, root):

        @cases(reference, hidden=True)
        def hidden(rng: np.random.Generator) -> Iterator[Case]:
            yield Case("positive", 4.0)
            yield Case("negative", -4.0)

    assert "is there a `return` on every path?" in verdict_on("double", lambda x: None).message
    assert "`return`" not in verdict_on("root", lambda x: None).message


# ---- how an answer differs -------------------------------------------------------------------------------------------

RNG = np.random.default_rng(0)
Y = RNG.normal(size=(3, 5, 7))
SQUARE = RNG.normal(size=(5, 5))
INPUT = RNG.normal(size=(3, 5, 7))
OTHER = RNG.normal(size=(3, 5, 7))


def only_first_sample() -> ndarray:
    x = OTHER.copy()
    x[0] = Y[0]
    return x


def only_interior() -> ndarray:
    x = OTHER.copy()
    x[:, 1:-1, 1:-1] = Y[:, 1:-1, 1:-1]
    return x


REMARKS = [
    pytest.param(3 * Y, Y, "Every value is 3 times the right one.", id="factor"),
    pytest.param(Y + 0.5, Y, "Every value is off by the same number.", id="offset"),
    pytest.param(-Y, Y, "Right but for the sign.", id="sign"),
    pytest.param(SQUARE.T, SQUARE, "The values are right, but the axes are in the order (1, 0).", id="square transposed"),
    pytest.param(Y.transpose(0, 2, 1), Y, "The values are right, with their axes in another order.", id="transposed"),
    pytest.param(Y[:, ::-1], Y, "The values are right, but axis 1 is reversed.", id="reversed axis"),
    pytest.param(np.roll(Y, 1, axis=2), Y, "The values are right, but shifted by one along axis 2.", id="shifted right"),
    pytest.param(np.roll(Y, -1, axis=1), Y, "The values are right, but shifted by one along axis 1.", id="shifted left"),
    pytest.param(only_first_sample(), Y, "Along axis 0, only position 0 of 3 is right.", id="first sample"),
    pytest.param(only_interior(), Y, "The interior is right, the border is not.", id="border"),
    pytest.param(Y[None], Y, "The values are right: an axis of size 1 is too many or missing.", id="extra axis"),
    pytest.param(Y[:, :4, :6], Y, "What is there is right; the end is missing.", id="end missing"),
    pytest.param(Y.astype(np.float32), Y, "The values are right but for that.", id="dtype"),
    pytest.param(0 * Y, Y, "All your values are 0.", id="zeros"),
    pytest.param(INPUT, Y, "What comes back is an input, unchanged.", id="input returned"),
    pytest.param(SQUARE < 0, SQUARE >= 0, "True and False are the wrong way round.", id="inverted"),
]


@pytest.mark.parametrize(("got", "expected", "said"), REMARKS)
def test_remark_says_how_the_answer_differs(got: ndarray, expected: ndarray, said: str) -> None:
    assert said in (remark(freeze(got), freeze(expected), freeze([INPUT]), EXACT) or "")


@pytest.mark.parametrize(("got", "expected", "said"), REMARKS)
def test_remark_is_not_made_where_one_value_contradicts_it(got: ndarray, expected: ndarray, said: str) -> None:
    """The changed value is wrong by none of the patterns; it lies inside, and in the sample that was right."""
    almost = got.copy()
    middle = tuple(n // 2 for n in got.shape)
    middle = (0, *middle[1:]) if got.ndim == 3 else middle
    almost[middle] = ~almost[middle] if got.dtype == bool else 17.3
    assert said not in (remark(freeze(almost), freeze(expected), freeze([INPUT]), EXACT) or "")


@pytest.mark.parametrize("where", ["all", "one"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_remark_sees_nan_and_infinity(where: str, value: float) -> None:
    got = Y.copy()
    got[(...,) if where == "all" else (1, 2, 3)] = value
    assert remark(freeze(got), freeze(Y), [], EXACT) == "Your answer holds NaN or infinite values where numbers are due."


def test_remark_on_sequences() -> None:
    a, b = Y[0], OTHER[0]
    assert remark(freeze((b, a)), freeze((a, b)), [], EXACT) == "The values are right, in reversed order."
    assert remark(freeze((a,)), freeze((a, b)), [], EXACT) == "You return 1 values; 2 are expected."
    assert remark([0, 2, 1], [2, 0, 1], [], EXACT) == "The right items, in another order."
    assert remark([0, 2, 2], [2, 0, 1], [], EXACT) is None


@pytest.mark.parametrize("seed", range(5))
def test_remark_is_silent_where_nothing_stands_out(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for shape in [(4,), (5, 5), (2, 3, 5), (2, 2), (3, 1)]:
        x, y, z = rng.normal(size=(3, *shape))
        assert remark(freeze(x), freeze(y), freeze([z]), EXACT) is None


@pytest.mark.parametrize("y", [Y, Y[0, 0, 0], SQUARE > 0, np.arange(5), (Y, [1, "a"]), 0.5, {"a": Y}], ids=lambda y: type(y).__name__)
def test_right_answer_gets_neither_remark_nor_difference(y: Any) -> None:
    assert remark(freeze(y), freeze(y), freeze([INPUT]), EXACT) is None
    assert difference(freeze(y), freeze(y), EXACT) == []


def test_places_that_are_zero_anyway_are_no_achievement() -> None:
    expected = Y.copy()
    expected[0] = 0
    got = OTHER.copy()
    got[0] = 0
    assert remark(freeze(got), freeze(expected), [], EXACT) is None


def test_difference_gives_the_first_place_and_the_largest_error() -> None:
    got = Y.copy()
    got[1, 2, 3] += 1
    got[2, 0, 0] += 2
    first, count = difference(freeze(got), freeze(Y), EXACT)
    assert "answer[1, 2, 3]" in first
    assert count == "2 of 105 values differ; the largest error is 2."


def test_difference_names_the_part_of_a_nested_answer() -> None:
    got = difference(freeze({"a": [Y, 1]}), freeze({"a": [Y, 2]}), EXACT)
    assert got == ["answer['a'][1]: expected 2, got 1."]


@pytest.mark.parametrize(
    ("got", "said"),
    [
        (Y.tolist(), "answer is a list; an ndarray of shape (3, 5, 7) is expected."),
        (torch.tensor(Y), "answer is a Tensor; an ndarray of shape (3, 5, 7) is expected."),
        (Y[0], "answer has shape (5, 7); (3, 5, 7) is expected."),
        (Y.astype(np.float32), "answer has dtype float32; float64 is expected."),
        (None, "answer is None; an ndarray of shape (3, 5, 7) is expected."),
    ],
    ids=["list", "tensor", "shape", "dtype", "None"],
)
def test_difference_compares_the_form_before_the_values(got: Any, said: str) -> None:
    assert difference(freeze(got), freeze(Y), EXACT) == [said]


# ---- which mistake it shows ------------------------------------------------------------------------------------------


@pytest.fixture
def standardized() -> str:
    """Columns with mean 0 and variance 1; None weights every row the same."""

    @exercise(points=10, shares={"constant column": 0.2}, without=ONLY_PLAIN)
    def standardized(x: Float[ndarray, "n d"], weights: Float[ndarray, "n"] | None) -> Float[ndarray, "n d"]:
        w = np.ones(len(x)) if weights is None else weights
        centred = x - np.average(x, axis=0, weights=w)
        deviation = np.sqrt(np.average(centred**2, axis=0, weights=w))
        return centred / np.where(deviation > 0, deviation, 1)

    @cases(standardized)
    def visible(rng: np.random.Generator) -> Iterator[Case]:
        yield Case("7 rows, 3 columns", rng.normal(2, 3, size=(7, 3)), rng.uniform(1, 2, size=7))
        yield Case("no weights", rng.normal(2, 3, size=(5, 2)), None, hint="weights may be None.")

    @cases(standardized, hidden=True)
    def hidden(rng: np.random.Generator) -> Iterator[Case]:
        yield Case("11 rows, 2 columns", rng.normal(-1, 2, size=(11, 2)), rng.uniform(1, 2, size=11))
        constant = rng.normal(size=(5, 3))
        constant[:, 1] = 2
        yield Case("a constant column", constant, None, group="constant column", hint="A constant column has deviation 0.")

    @mistakes(
        standardized,
        not_centred="You do not subtract the mean.",
        variance="You divide by the variance.",
        root_twice="You take the root twice.",
        weights_ignored="You ignore the weights.",
        needs_weights="You need the weights.",
    )
    def block(made: Any, x: ndarray, weights: ndarray | None) -> ndarray:
        w = np.ones(len(x)) if weights is None else weights
        if weights is None and made.needs_weights:
            raise TypeError("no weights")
        w = np.ones(len(x)) if made.weights_ignored else w
        centred = x - np.average(x, axis=0, weights=w)
        variance = np.average(centred**2, axis=0, weights=w)
        power = 1 if made.variance else 0.25 if made.root_twice else 0.5
        return (x if made.not_centred else centred) / np.where(variance > 0, variance, 1) ** power

    return "standardized"


def solution(x: ndarray, w: ndarray | None, centre: bool = True, power: float = 0.5) -> ndarray:
    """What students write, with their slips."""
    mean = np.average(x, axis=0, weights=w)
    variance = np.average((x - mean) ** 2, axis=0, weights=w)
    return (x - mean * centre) / np.where(variance > 0, variance, 1) ** power


def test_right_answer_scores_full(standardized: str) -> None:
    verdict = verdict_on(standardized, solution)
    assert (verdict.score, verdict.status, verdict.mistake, verdict.message) == (10, "correct", None, "")


def test_a_single_mistake_is_named(standardized: str) -> None:
    verdict = verdict_on(standardized, lambda x, w: solution(x, w, power=1))
    assert (verdict.score, verdict.mistake, verdict.sentences) == (0, "variance", ("You divide by the variance.",))


def test_two_mistakes_at_once_are_named(standardized: str) -> None:
    verdict = verdict_on(standardized, lambda x, w: solution(x, w, centre=False, power=1))
    assert verdict.mistake == "not_centred+variance"
    assert verdict.sentences == ("Two things seem to go wrong at once.", "You do not subtract the mean.", "You divide by the variance.")


def test_a_mistake_that_explains_part_of_it_is_said_to_explain_a_part(standardized: str) -> None:
    verdict = verdict_on(standardized, lambda x, w: solution(x, w, power=1) if w is not None else solution(x, w) + x[::-1] ** 2)
    assert verdict.mistake == "variance"
    assert verdict.sentences == ("At least in part:", "You divide by the variance.")


def test_part_of_a_mistake_is_not_said_where_a_right_answer_contradicts_it(standardized: str) -> None:
    verdict = verdict_on(standardized, lambda x, w: solution(x, w, power=1) if len(x) == 7 else solution(x, w))
    assert verdict.score == 0
    assert verdict.mistake is None


def test_a_pattern_of_exceptions_is_perhaps_a_mistake(standardized: str) -> None:
    def answer(x: ndarray, w: ndarray | None) -> ndarray:
        return solution(x, w / w.sum())  # type: ignore[operator]

    verdict = verdict_on(standardized, answer)
    assert verdict.sentences == ("Perhaps:", "You need the weights.")


def test_equal_exceptions_everywhere_say_nothing(standardized: str) -> None:
    def answer(x: ndarray, w: ndarray | None) -> ndarray:
        raise TypeError("another reason")

    verdict = verdict_on(standardized, answer)
    assert (verdict.status, verdict.mistake) == ("error", None)
    assert not set(get_exercise(standardized).hints.values()) & set(verdict.sentences)


def test_an_unknown_mistake_is_not_named(standardized: str) -> None:
    verdict = verdict_on(standardized, lambda x, w: solution(x, w) ** 3)
    assert (verdict.score, verdict.mistake) == (0, None)


def test_an_edge_case_costs_its_share_and_says_its_hint(standardized: str) -> None:
    def answer(x: ndarray, w: ndarray | None) -> ndarray:
        centred = x - np.average(x, axis=0, weights=w)
        return centred / np.sqrt(np.average(centred**2, axis=0, weights=w))

    verdict = verdict_on(standardized, answer)
    assert (verdict.score, verdict.status) == (8, "partial")
    assert "A constant column has deviation 0." in verdict.sentences


def test_mistakes_that_no_question_separates_are_both_offered() -> None:
    @exercise(points=1, without=ONLY_PLAIN)
    def mean_square(x: Float[ndarray, "n"]) -> Float[ndarray, "2"]:
        return np.array([np.mean(x), np.mean(x**2)])

    @cases(mean_square)
    def visible(rng: np.random.Generator) -> Iterator[Case]:
        yield Case("7 numbers", rng.normal(size=7))

    @mistakes(mean_square, summed="You add up.", times_n="You multiply by n.", squared="You square the mean.")
    def block(made: Any, x: ndarray) -> ndarray:
        moments = np.array([np.mean(x), np.mean(x) ** 2 if made.squared else np.mean(x**2)])
        return moments * len(x) if made.summed or made.times_n else moments

    verdict = verdict_on("mean_square", lambda x: np.array([x.sum(), (x**2).sum()]))
    assert verdict.mistake == "summed"
    assert verdict.sentences == ("Your answers fit more than one mistake; it is one of these.", "You add up.", "You multiply by n.")


def test_a_scalar_that_happens_to_agree_is_no_evidence_in_an_array() -> None:
    """All zeros, or nothing but NaN, come out of many mistakes."""

    @exercise(points=1, without=ONLY_PLAIN)
    def log_ratio(x: Float[ndarray, "n"]) -> Float[ndarray, "n"]:
        return np.log(x / x.sum())

    @cases(log_ratio)
    def visible(rng: np.random.Generator) -> Iterator[Case]:
        yield Case("7 numbers", rng.uniform(1, 2, size=7))

    @mistakes(log_ratio, zero="You start from zeros and never fill them.", nan="You take the logarithm of a negative number.")
    def block(made: Any, x: ndarray) -> ndarray:
        return 0 * x if made.zero else np.log(-x) if made.nan else np.log(x / x.sum())

    assert verdict_on("log_ratio", lambda x: np.full(7, np.nan)).mistake is None
    zeros = verdict_on("log_ratio", lambda x: np.zeros(7))
    assert (zeros.mistake, zeros.sentences) == (None, ("All your values are 0.",))


# ---- other ways of asking --------------------------------------------------------------------------------------------


@pytest.fixture
def rectified_sum() -> str:
    @exercise(points=10)
    def rectified_sum(x: Num[ndarray, "n m"], y: Num[ndarray, "n m"]) -> Float[ndarray, "n m"]:
        return x / 2 + np.maximum(y, 0)

    @cases(rectified_sum)
    def visible(rng: np.random.Generator) -> Iterator[Case]:
        yield Case("3 by 5", rng.normal(size=(3, 5)), rng.normal(size=(3, 5)))

    return "rectified_sum"


def by_memory(x: ndarray, y: ndarray) -> ndarray:
    return (x.ravel("K") / 2 + np.maximum(y.ravel("K"), 0)).reshape(x.shape)


def in_the_inputs_dtype(x: ndarray, y: ndarray) -> ndarray:
    return (x / 2 + np.maximum(y, 0)).astype(x.dtype)


def test_layout_costs_its_share(rectified_sum: str) -> None:
    verdict = verdict_on(rectified_sum, by_memory)
    assert (verdict.score, verdict.lost) == (9, {LAYOUT.name})
    assert LAYOUT.hint in verdict.sentences


def test_integers_cost_their_share(rectified_sum: str) -> None:
    verdict = verdict_on(rectified_sum, in_the_inputs_dtype)
    assert (verdict.score, verdict.lost) == (9, {INTEGERS.name})
    assert INTEGERS.hint in verdict.sentences


def test_precision_costs_its_share() -> None:
    @exercise(points=10)
    def halved(x: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
        return x / 2

    @cases(halved)
    def visible(rng: np.random.Generator) -> Iterator[Case]:
        yield Case("7 numbers", torch.tensor(rng.normal(size=7), dtype=torch.float32))

    verdict = verdict_on("halved", lambda x: (x / 2).float())
    assert (verdict.score, verdict.lost) == (9, {PRECISION.name})
    assert PRECISION.hint in verdict.sentences
    assert verdict_on("halved", lambda x: x.double() / 2).score == 10, "more precise than asked is right"


def test_state_that_leaks_costs_its_share() -> None:
    @exercise(points=10, without=[name for name in ONLY_PLAIN if name != "twice"])
    def total(x: Float[ndarray, "n"]) -> float:
        return float(x.sum())

    @cases(total)
    def visible(rng: np.random.Generator) -> Iterator[Case]:
        yield Case("7 numbers", rng.normal(size=7))

    def answer(x: ndarray, seen: list[float] = []) -> float:  # noqa: B006
        seen.extend(x.tolist())
        return sum(seen)

    verdict = verdict_on("total", answer)
    assert (verdict.score, verdict.lost) == (9, {REPEAT.name})
    assert REPEAT.hint in verdict.sentences


def test_changed_inputs_cost_their_share() -> None:
    @exercise(points=10)
    def rectified(x: Float[ndarray, "n"]) -> Float[ndarray, "n"]:
        return np.maximum(x, 0)

    @cases(rectified)
    def visible(rng: np.random.Generator) -> Iterator[Case]:
        yield Case("7 numbers", rng.normal(size=7))

    verdict = verdict_on("rectified", lambda x: np.maximum(x, 0, out=x))
    assert (verdict.score, verdict.lost, verdict.sentences) == (9, {UNCHANGED.name}, (UNCHANGED.hint,))


def test_changed_inputs_are_not_taken_for_remembered_state(rectified_sum: str) -> None:
    def answer(x: ndarray, y: ndarray) -> ndarray:
        if x.dtype.kind == "i" or x is y:
            return x / 2 + np.maximum(y, 0)
        x /= 2
        return x + np.maximum(y, 0)

    verdict = verdict_on(rectified_sum, answer)
    assert (verdict.score, verdict.lost) == (9, {UNCHANGED.name})


def test_a_cut_graph_costs_its_share_where_gradients_are_asked_for() -> None:
    @exercise(points=10, gradients=True)
    def cubed(x: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
        return x**3

    @cases(cubed)
    def visible(rng: np.random.Generator) -> Iterator[Case]:
        yield Case("7 numbers", torch.tensor(rng.normal(size=7)))

    verdict = verdict_on("cubed", lambda x: x.detach() * x * x)
    assert (verdict.score, verdict.lost) == (9, {GRADIENTS.name})
    assert GRADIENTS.hint in verdict.sentences


# ---- answers of the wrong type ---------------------------------------------------------------------------------------


@pytest.fixture
def doubled() -> str:
    @exercise(points=1)
    def doubled(x: Float[Tensor, "n m"]) -> Float[Tensor, "n m"]:
        return 2 * x

    @cases(doubled)
    def visible(rng: np.random.Generator) -> Iterator[Case]:
        yield Case("3 by 5", torch.tensor(rng.normal(size=(3, 5)), dtype=torch.float32))

    return "doubled"


@pytest.fixture
def tripled() -> str:
    @exercise(points=1)
    def tripled(x: Float[ndarray, "n m"]) -> Float[ndarray, "n m"]:
        return 3 * x

    @cases(tripled)
    def visible(rng: np.random.Generator) -> Iterator[Case]:
        yield Case("3 by 5", rng.normal(size=(3, 5)))

    return "tripled"


def as_generator(x: Any) -> Any:
    yield from 3 * x


TENSOR_INSTEAD = {
    "None": (lambda x: None, "Your function returns None: is there a `return` on every path?"),
    "float": (lambda x: 2 * float(x.sum()), "You return a float; a Tensor is expected."),
    "list": (lambda x: (2 * x).tolist(), "You return a list; a Tensor is expected. The values are right."),
    "ndarray": (lambda x: (2 * x).numpy(), "You return an ndarray; a Tensor is expected. The values are right."),
    "tuple": (lambda x: (2 * x, x), "You return a tuple; a Tensor is expected."),
    "meta": (lambda x: (2 * x).to("meta"), "You return a tensor on device meta; a Tensor is expected."),
    "NaN": (lambda x: x * torch.nan, "Your answer holds NaN or infinite values where numbers are due."),
}
ARRAY_INSTEAD = {
    "None": (lambda x: None, "Your function returns None: is there a `return` on every path?"),
    "tensor": (lambda x: torch.from_numpy(3 * x.copy()), "You return a Tensor; an ndarray is expected. The values are right."),
    "masked array": (lambda x: np.ma.masked_array(3 * x, x < 0), "You return a masked array; an ndarray is expected."),
    "object array": (lambda x: (3 * x).astype(object), "You return an array of dtype object; an ndarray is expected."),
    "generator": (as_generator, "You return a generator (it has `yield` where `return` is due); an ndarray is expected."),
    "string": (lambda x: "3x", "You return a string; an ndarray is expected."),
    "function": (lambda x: x.sum, "You return a function (are the parentheses of a call missing?); an ndarray is expected."),
    "class": (lambda x: ndarray, "You return a class; an ndarray is expected."),
    "dict": (lambda x: {"x": 3 * x}, "You return a dict; an ndarray is expected."),
    "integer": (lambda x: 3, "You return an int; an ndarray is expected."),
    "NaN": (lambda x: x * np.nan, "Your answer holds NaN or infinite values where numbers are due."),
}


@pytest.mark.parametrize("kind", TENSOR_INSTEAD)
def test_wrong_type_for_a_tensor_gets_one_clear_sentence(doubled: str, kind: str) -> None:
    answer, said = TENSOR_INSTEAD[kind]
    report = check(named(doubled)(lambda x: answer(x)))
    assert not report.passed
    assert report.sentences == (said,)


@pytest.mark.parametrize("kind", ARRAY_INSTEAD)
def test_wrong_type_for_an_array_gets_one_clear_sentence(tripled: str, kind: str) -> None:
    answer, said = ARRAY_INSTEAD[kind]
    report = check(named(tripled)(lambda x: answer(x)))
    assert not report.passed
    assert report.sentences == (said,)


def test_a_tensor_that_requires_grad_is_right_and_gets_a_remark(doubled: str) -> None:
    report = check(named(doubled)(lambda x: 2 * torch.nn.Parameter(x)))
    assert report.passed
    assert report.sentences == ("Your answer requires a gradient although no input does; that costs nothing here.",)


# ---- check -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("what", "said"), [(None, "None"), (3.5, "a value of type float"), ("doubled", "a value of type str")])
def test_check_wants_the_function_itself(what: Any, said: str) -> None:
    report = check(what)
    assert not report.passed
    assert report.sentences == (f"Give `check` the function or class itself, as in `check(my_function)`; this is {said}.",)


def test_check_of_an_unknown_name_asks_whether_a_near_one_is_meant(doubled: str, tripled: str) -> None:
    near = check(named("doubeld")(lambda x: 2 * x))
    assert near.sentences == ("There is no exercise called doubeld in this chapter. Did you mean doubled?",)
    far = check(named("quantum")(lambda x: 2 * x))
    assert far.sentences == ("There is no exercise called quantum in this chapter. The exercises here are doubled, tripled.",)


def test_check_without_cards_says_where_they_should_be() -> None:
    report = check(named("doubled")(lambda x: 2 * x))
    assert not report.passed
    assert len(report.sentences) == 1
    assert "There is no card for doubled: the folder `cards` is missing beside this notebook." in report.sentences[0]


@pytest.fixture
def saved_card(doubled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The card of `doubled` beside the notebook, as students have it: without the exercise."""
    path = tmp_path / cards.FOLDER / f"{doubled}{cards.SUFFIX}"
    make_card(get_exercise(doubled)).save(path)
    monkeypatch.setattr(cards, "_makers", {})
    monkeypatch.setattr(vocabulary, "_registry", {})
    return path


def test_check_needs_nothing_but_the_card(saved_card: Path) -> None:
    assert check(named("doubled")(lambda x: x + x)).passed
    assert check(named("doubled")(lambda x: 6 * x)).sentences == ("Every value is 3 times the right one.",)


@pytest.mark.parametrize("damage", ["empty", "cut", "garbage", "flipped"])
def test_check_with_a_damaged_card_says_so(saved_card: Path, damage: str) -> None:
    whole = saved_card.read_bytes()
    half = len(whole) // 2
    damaged = {
        "empty": b"",
        "cut": whole[:half],
        "garbage": b"\x00\xff" * 500,
        "flipped": bytes([whole[0] ^ 0xFF]) + whole[1:],
    }
    saved_card.write_bytes(damaged[damage])
    report = check(named("doubled")(lambda x: 2 * x))
    assert not report.passed
    assert len(report.sentences) == 1
    assert "doubled.card cannot be read" in report.sentences[0]
    assert report.sentences[0].endswith("Download the chapter again.")


def test_the_starter_is_not_written_yet(doubled: str) -> None:
    @named(doubled)
    def starter(x: Tensor) -> Tensor:
        raise NotImplementedError

    report = check(starter)
    assert not report.passed
    assert report.headline == "doubled: not written yet"


def test_an_exception_points_at_the_students_line(doubled: str) -> None:
    @named(doubled)
    def answer(x: Tensor) -> Tensor:
        width = x.shape[5]  # deliberately
        return x * width

    (said,) = check(answer).sentences
    assert said.startswith("Your code raises IndexError")
    assert f"(line {answer.__code__.co_firstlineno + 2} of answer: width = x.shape[5]" in said


def test_an_exception_inside_a_library_points_at_the_students_line(tripled: str) -> None:
    @named(tripled)
    def answer(x: ndarray) -> ndarray:
        return np.linalg.inv(x)

    (said,) = check(answer).sentences
    assert said.startswith("Your code raises LinAlgError: ")
    assert "of answer: return np.linalg.inv(x)" in said


@pytest.fixture
def counted() -> str:
    @exercise(points=1, seconds=0.3, without=ONLY_PLAIN)
    def counted(n: int) -> int:
        return n + 1

    @cases(counted)
    def visible(rng: np.random.Generator) -> Iterator[Case]:
        yield Case("three", 3)

    return "counted"


def test_an_endless_loop_is_stopped(counted: str) -> None:
    @named(counted)
    def answer(n: int) -> int:
        while True:
            n += 1

    assert check(answer).sentences == ("No answer within 0.3 seconds: three.",)
    assert verdict_on(counted, answer).status == "timeout"


def test_an_endless_loop_that_swallows_exceptions_is_stopped(counted: str) -> None:
    @named(counted)
    def answer(n: int) -> int:
        while True:
            try:
                n += 1
            except Exception:
                n = 0

    assert check(answer).sentences == ("No answer within 0.3 seconds: three.",)


def test_after_a_timeout_the_next_question_is_asked_as_usual(counted: str) -> None:
    @named(counted)
    def endless(n: int) -> int:
        while True:
            n += 1

    check(endless)
    assert check(named(counted)(lambda n: n + 1)).passed
