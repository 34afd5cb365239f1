"""The perceptron: what a single linear classifier learns, how fast, and what it cannot learn."""

import math
from collections.abc import Iterator
from itertools import combinations, product
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Num
from numpy import ndarray
from scipy.optimize import linprog  # type: ignore[import-untyped]

from autograder.exercise import Case, Made, cases, equivalent, exercise, mistakes, probe, verify


def eighths(rng: np.random.Generator, *shape: int, largest: int = 24) -> ndarray:
    """Random multiples of 1/8. Their sums and products are exact in every precision, so a margin of 0 is exactly 0."""
    return rng.integers(-largest, largest + 1, size=shape) / 8


def separated(rng: np.random.Generator, n: int, dim: int, shift: float = 0.0, margin: float = 0.25) -> tuple[ndarray, ndarray, ndarray, float]:
    """Samples of both classes, each at least `margin` away from a hyperplane, and the hyperplane."""
    while True:
        w, b = eighths(rng, dim), float(eighths(rng))
        X = eighths(rng, 40 * n, dim) + shift
        b -= shift * float(w.sum())
        scores = X @ w + b
        far = np.flatnonzero(abs(scores) >= margin * math.sqrt(w @ w + b**2 + 1e-9))[:n]
        y = np.sign(scores[far]).astype(np.int64)
        if len(far) == n and 2 <= (y > 0).sum() <= n - 2:
            return X[far], y, w, b


# ---- perceptron_fit --------------------------------------------------------------------------------------------------

LOUD = "With labels other than -1 and +1 the rule does not work, so raise a ValueError. A loud error is better than weights that mean nothing."
ROSENBLATTS_OWN = ["sklearn.linear_model.Perceptron", "sklearn.linear_model.SGDClassifier"]


@exercise(points=3, rows=["3.1"], shares={"other labels": 0.1}, forbid=ROSENBLATTS_OWN)
def perceptron_fit(X: Num[ndarray, "n dim"], y: Int[ndarray, "n"], max_epochs: int) -> tuple[Float[ndarray, "dim"], float, int]:
    """The perceptron's weights, bias and number of updates, (w, b, updates).

    Start with w = 0 and b = 0. Go through the samples in the order given. Where y_i (w·x_i + b)
    is not positive, add y_i x_i to w and y_i to b at once. Stop after a pass without an update,
    or after `max_epochs` passes. Labels are -1 and +1; raise a ValueError if there are others.
    Rosenblatt (1958).
    """
    if not np.isin(y, [-1, 1]).all():
        raise ValueError("labels are -1 and +1")
    w, b, updates = np.zeros(X.shape[1], np.result_type(X, np.float32)), 0.0, 0
    for _ in range(max_epochs):
        before = updates
        for x_i, y_i in zip(X, y.tolist(), strict=True):
            if y_i * (w @ x_i + b) <= 0:
                w = w + y_i * x_i
                b += y_i
                updates += 1
        if updates == before:
            break
    return w, float(b), updates


@probe(perceptron_fit)
def fit_or_refuse(answer, X, y, max_epochs):  # type: ignore[no-untyped-def]
    """Other labels than -1 and +1 are to be refused, so there the refusal is the answer."""
    if set(y.tolist()) <= {-1, 1}:
        return answer(X, y, max_epochs)
    try:
        answer(X, y, max_epochs)
    except ValueError:
        return "a ValueError"
    return "no ValueError"


equivalent(
    perceptron_fit,
    {
        "if y_i * (x_i @ w + b) <= 0:": "A dot product of two vectors does not depend on their order.",
    },
)


@cases(perceptron_fit)
def visible_perceptron_fit(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("3 samples by hand", np.array([[1.0, 2.0], [2.0, 0.0], [-1.0, 1.0]]), np.array([1, -1, 1]), 10)
    X = np.array([[1.0, 1.0], [2.0, 2.0], [2.5, 1.0], [0.5, 1.5], [1.5, 3.0], [1.5, 0.5], [3.5, 1.5]])
    yield Case("7 samples, many passes", X, np.array([-1, 1, 1, -1, 1, -1, 1]), 100)
    yield Case("no line separates them, 2 passes", np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]), np.array([1, -1, 1]), 2)
    yield Case("one sample", np.array([[1.5, -1.0]]), np.array([-1]), 10)
    yield Case("integers", np.array([[1, 2], [2, 0], [-1, 1]]), np.array([1, -1, 1]), 10, group="integer inputs")
    yield Case("labels 0 and 1", np.array([[1.0, 2.0], [2.0, 0.0]]), np.array([1, 0]), 10, group="other labels", hint=LOUD)


@cases(perceptron_fit, hidden=True)
def hidden_perceptron_fit(rng: np.random.Generator) -> Iterator[Case]:
    for sign in (1, -1):
        X, y, _, _ = separated(rng, 11, 2)
        first = int(np.flatnonzero(y == sign)[0])
        order = [first, *(k for k in range(11) if k != first)]
        yield Case(f"the first label is {sign:+d}", X[order], y[order], 50)
        yield Case(f"one sample, with the label {sign:+d}", eighths(rng, 1, 3), np.array([sign]), 5)
    X, y, _, _ = separated(rng, 13, 2, shift=2.0)
    yield Case("far from the origin", X, y, 200)
    X, y, _, _ = separated(rng, 5, 5)
    yield Case("as many samples as dimensions", X, y, 100)
    yield Case("no line separates them, 3 passes", eighths(rng, 17, 2), rng.permutation([1, -1] * 8 + [1]), 3)
    X = rng.integers(-2, 3, size=(19, 3)) / 1.0
    yield Case("margins of exactly 0, one pass", X, rng.choice([-1, 1], size=19), 1)
    X, y, _, _ = separated(rng, 7, 3)
    yield Case("integers", (8 * X).astype(np.int64), y, 100, group="integer inputs")
    yield Case("labels 0 and 1", X, (y + 1) // 2, 100, group="other labels", hint=LOUD)
    yield Case("labels 1 and 2", X, (y + 3) // 2, 100, group="other labels", hint=LOUD)


@mistakes(
    perceptron_fit,
    zero_is_right="You update only where the margin is negative. At the start w and b are 0, so are all margins, and nothing ever happens: a margin of 0 is a mistake too.",
    zero_is_positive="You count a score of exactly 0 as a prediction of +1. The score is on neither side: whatever the label is, a margin of 0 is a mistake.",
    zero_is_negative="You count a score of exactly 0 as a prediction of -1. The score is on neither side: whatever the label is, a margin of 0 is a mistake.",
    zero_one_outputs="Your output is 0 or 1 and the label -1 or +1: their difference is never 0 for a sample of class -1, so even right ones move the weights.",
    doubled="Your steps are twice as long as they should be. The difference of two signs is ±2; the rule adds the label times x, which is ±1 times x.",
    tenth="Your steps are a tenth as long as they should be, as with a learning rate of 0.1. The perceptron has none: w starts at 0, so it would only change the length of (w, b).",
    always="You add every sample, the ones on the right side too. Only mistakes move the weights.",
    label_missing="You add x whatever its label is. Samples of class -1 are subtracted: the step is the label times x.",
    wrong_way="You move away from the label: mistakes get worse. Add the label times x.",
    no_bias="Your bias stays 0, so the line always goes through the origin. Add the label to b in the same update.",
    bias_not_in_score="You learn a bias and leave it out when you ask which side a sample is on: the score is w·x + b.",
    threshold="Your b has the other sign: it is a threshold that w·x has to exceed. Here the bias is added to the score, and grows by the label.",
    all_at_once="You judge all samples of a pass with the same weights and add up. Here the weights change at once, and the next sample is judged with the new ones.",
    one_pass="You stop after one pass. Go on until a pass needs no update, or `max_epochs` passes are done.",
    starts_over="After an update you go back to the first sample. Go on with the next one; the others have their turn in the next pass.",
    counts_passes="You count passes. Count updates: how often the weights have changed.",
    last_pass_only="Your count of updates starts again in every pass. Count them all.",
    integer_weights="Your w has the dtype of X. Weights are floating-point numbers, also where X holds integers.",
    accepts_any_labels="With labels other than -1 and +1 the rule does not work, so raise a ValueError. A loud error is better than weights that mean nothing.",
)
def perceptron_fit_with(made: Made, X: ndarray, y: ndarray, max_epochs: int) -> Any:
    if not made.accepts_any_labels and not np.isin(y, [-1, 1]).all():
        raise ValueError
    w, b, updates, passes = (1 if made.integer_weights else 1.0) * 0 * X[0], 0.0, 0, 0
    for _ in range(1 if made.one_pass else max_epochs):
        passes += 1
        frozen, moved = (w, b), 0
        k, restarts = 0, 0
        while k < len(X):
            x_i, y_i = X[k], int(y[k])
            step = perceptron_step_with(made, x_i, y_i, *(frozen if made.all_at_once else (w, b)))
            k += 1
            if step:
                w = (w + step * x_i).astype(w.dtype)
                b += 0.0 if made.no_bias else -step if made.threshold else step
                moved += 1
                if made.starts_over and restarts < 500:
                    k, restarts = 0, restarts + 1
        updates = moved if made.last_pass_only and moved else updates + moved
        if not moved:
            break
    return w, float(b), passes if made.counts_passes else updates


def perceptron_step_with(made: Made, x: ndarray, y: int, w: ndarray, b: float) -> float:
    """What x is multiplied by before it is added to w; 0 where it is not."""
    score = w @ x + (0 if made.bias_not_in_score else -b if made.threshold else b)
    if made.zero_one_outputs:
        return float(y - (score > 0))
    mistaken = y * score <= 0
    if score == 0:
        mistaken = not (made.zero_is_right or (made.zero_is_positive and y == 1) or (made.zero_is_negative and y == -1))
    length = 2.0 if made.doubled else 0.1 if made.tenth else 1.0
    return (mistaken or made.always) * length * (1 if made.label_missing else -y if made.wrong_way else y)


# ---- epoch_by_reading ------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["3.1"], forbid=ROSENBLATTS_OWN)
def epoch_by_reading(
    X: Float[ndarray, "n dim"], t: Int[ndarray, "n"], w: Float[ndarray, "dim"], b: float, reading: str
) -> tuple[Float[ndarray, "dim"], float, int]:
    """One pass over the samples by one reading of the rule: the new w and b, and how many samples
    changed them.

    Classes `t` are 0 and 1. At each sample, with s = w·x + b by the current weights, y = 2t - 1,
    and o = 1 if s > 0, else o = 0, add c x to w and c to b, where `reading` says what c is:
    "signs": y if y s <= 0, else 0. "outputs": t - o. "zeros": t if t s <= 0, else 0. "mixed":
    y - o.
    """
    changes = 0
    for x_i, t_i in zip(X, t.tolist(), strict=True):
        s = w @ x_i + b
        y_i, o = 2 * t_i - 1, int(s > 0)
        if reading == "signs":
            c = y_i if y_i * s <= 0 else 0
        elif reading == "outputs":
            c = t_i - o
        elif reading == "zeros":
            c = t_i if t_i * s <= 0 else 0
        else:
            c = y_i - o
        w, b = w + c * x_i, b + c
        changes += c != 0
    return w, float(b), changes


READINGS = ["signs", "outputs", "zeros", "mixed"]


equivalent(
    epoch_by_reading,
    {
        "s = x_i @ w + b": "A dot product of two vectors does not depend on their order.",
        "c = t_i if s <= 0 else 0": "For t = 0 both branches are 0.",
    },
)


@cases(epoch_by_reading)
def visible_epoch_by_reading(rng: np.random.Generator) -> Iterator[Case]:
    X, t, w = eighths(rng, 7, 3), np.array([0, 1, 1, 0, 1, 0, 0]), eighths(rng, 3)
    for reading in READINGS:
        yield Case(f'7 samples, "{reading}"', X, t, w, -2.5, reading)
    for reading in READINGS[:2]:
        yield Case(f'from 0, "{reading}"', X[:3], t[:3], np.zeros(3), 0.0, reading)


@cases(epoch_by_reading, hidden=True)
def hidden_epoch_by_reading(rng: np.random.Generator) -> Iterator[Case]:
    for reading in READINGS:
        yield Case(f'in motion, "{reading}"', eighths(rng, 11, 2), rng.permutation([0, 1] * 5 + [1]), eighths(rng, 2), float(eighths(rng)), reading)
        X, w = eighths(rng, 31, 2, largest=8), eighths(rng, 2, largest=8)
        yield Case(f'short samples, "{reading}"', X, rng.permutation([0, 1] * 15 + [1]), w, float(eighths(rng, largest=8)), reading)
    for reading in READINGS[:3]:
        for first in rng.permutation(2).tolist():
            t = np.array([first, *rng.permutation([0, 0, 1, 1])])
            yield Case(f'from 0, "{reading}"', eighths(rng, 5, 5), t, np.zeros(5), 0.0, reading)
    X = rng.integers(-2, 3, size=(13, 3)) / 1.0
    for reading in READINGS:
        yield Case(f'scores of exactly 0, "{reading}"', X, rng.permutation([0, 1] * 6 + [0]), np.zeros(3), 0.0, reading)


@mistakes(
    epoch_by_reading,
    counts_conditions="You count the samples for which the condition holds. With c = 0 nothing is added, and nothing changes: count the samples with c ≠ 0.",
    counts_amounts="Your count adds up the size of c, which can be 2. Count samples.",
    counts_both_ways="You add c itself to the count, with its sign. Count samples.",
    classes_as_signs='You use the classes 0 and 1 as they are in "signs". That is the reading "zeros": for "signs" they become y = 2t - 1 first.',
    signs_as_outputs="Your output o is -1 or +1. Here it is 1 or 0, as the text has it.",
    zero_fires="Your output is 1 where the score is exactly 0. Here o = 1 only where s > 0.",
    zero_is_right="A score of exactly 0 counts as right in your condition, which has < in the place of <=.",
    frozen_weights="You work out all scores with the weights that came in. Each sample is judged by the weights that the samples before it have left.",
    from_zero="You start at w = 0 and b = 0. Go on from the w and b that are given.",
    bias_still="Your b does not change. Add c to it whenever you add c x to w.",
    bias_not_in_score="You leave b out of the score, which is w·x + b.",
    wrong_way="You subtract c x. It is added.",
    change_only="You return what was added to w and b. Return the new w and b.",
    any_error='You use the same steps in "mixed" as in "signs". In "mixed" y - o is not 0 for a sample with y = -1, even on the right side, and it can be -2.',
)
def epoch_by_reading_with(made: Made, X: ndarray, t: ndarray, w: ndarray, b: float, reading: str) -> Any:
    first_w, first_b = w, b
    if made.from_zero:
        w, b = 0.0 * w, 0.0
    frozen, changes = (w, b), 0
    for x_i, t_i in zip(X, t.tolist(), strict=True):
        w_now, b_now = frozen if made.frozen_weights else (w, b)
        s = float(w_now @ x_i) + (0 if made.bias_not_in_score else b_now)
        y_i, o = 2 * t_i - 1, int(s >= 0 if made.zero_fires else s > 0)
        o = 2 * o - 1 if made.signs_as_outputs else o
        margin = (t_i if reading == "zeros" or made.classes_as_signs else y_i) * s
        mistaken = margin < 0 if made.zero_is_right else margin <= 0
        if reading in ("signs", "zeros") or (made.any_error and reading == "mixed"):
            c = mistaken * (t_i if reading == "zeros" or made.classes_as_signs else y_i)
        else:
            mistaken = True
            c = (t_i if reading == "outputs" else y_i) - o
        c = -c if made.wrong_way else c
        w, b = w + c * x_i, b + (0 if made.bias_still else c)
        if made.counts_conditions:
            changes += mistaken if reading in ("signs", "zeros") else c != 0
        else:
            changes += abs(c) if made.counts_amounts else c if made.counts_both_ways else c != 0
    if made.change_only:
        w, b = w - first_w, b - first_b
    return w, float(b), int(changes)


# ---- perceptron_bound ------------------------------------------------------------------------------------------------

NO_BOUND = "Where a sample is on the wrong side, or exactly on the line, its margin is not positive. There is no bound then: infinity."


@exercise(points=2, rows=["3.2"], shares={"not separating": 0.15}, without=["integers"])  # rounded, (w, b) may separate no longer
def perceptron_bound(X: Num[ndarray, "n dim"], y: Int[ndarray, "n"], w: Num[ndarray, "dim"], b: float) -> float:
    """The most updates that the perceptron can need, (r² + 1) / ρ², as (w, b) proves it.

    r is the length of the longest sample. ρ is the smallest margin y_i (w·x_i + b), once w and b
    are divided by the same number so that ‖w‖² + b² = 1. Where (w, b) does not put every sample
    strictly on its own side, it proves nothing: return infinity. Labels are -1 and +1. Novikoff
    (1962).
    """
    margin = (y * (X @ w + b)).min() / np.sqrt(w @ w + b**2)
    return float((np.square(X).sum(axis=1).max() + 1) / margin**2) if margin > 0 else math.inf


equivalent(
    perceptron_bound,
    {
        "return float((np.square(X).sum(axis=1).max() + 1) / margin ** 2) if margin >= 0 else math.inf": "A positive number divided by NumPy's 0 is infinity too.",
    },
)


@cases(perceptron_bound)
def visible_perceptron_bound(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("3 samples by hand", np.array([[1.0, 2.0], [2.0, 0.0], [-1.0, 1.0]]), np.array([1, -1, 1]), np.array([-2.0, 2.0]), 1.0)
    X, y, w, b = separated(rng, 7, 3)
    yield Case("7 samples of 3 numbers", X, y, w, b)
    yield Case("all on the wrong side", X, y, -w, -b, group="not separating", hint=NO_BOUND)


@cases(perceptron_bound, hidden=True)
def hidden_perceptron_bound(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("11 samples of 2 numbers", *separated(rng, 11, 2))
    yield Case("far from the origin", *separated(rng, 7, 2, shift=2.0))
    yield Case("as many samples as dimensions", *separated(rng, 5, 5))
    X, y, w, b = separated(rng, 13, 3)
    yield Case("long weights", X, y, 17 * w, 17 * b)
    X, y, w, _ = separated(rng, 5, 2)
    X = X + (2 - (y * (X @ w)).min()) * y[:, None] * w / (w @ w)
    yield Case("no bias", X, y, w, 0.0)
    X, y, w, b = separated(rng, 7, 3)
    yield Case("integers", (8 * X).astype(np.int64), y, (8 * w).astype(np.int64), 64 * b, group="integer inputs")
    X, y, w, b = separated(rng, 7, 3)
    yield Case("one sample on the wrong side", X, y * np.where(np.arange(7) == 3, -1, 1), w, b, group="not separating", hint=NO_BOUND)
    yield Case("all on the wrong side, but close to the line", X / 32, -y, w, b / 32, group="not separating", hint=NO_BOUND)
    yield Case(
        "a sample on the line",
        np.array([[1.0, 1.0], [3.0, 2.0]]),
        np.array([1, 1]),
        np.array([1.0, 0.0]),
        -1.0,
        group="not separating",
        hint=NO_BOUND,
    )


@mistakes(
    perceptron_bound,
    not_normalised="You take the margin as it is. Twice the same (w, b) would then have a bound four times as small: divide by √(‖w‖² + b²) first.",
    bias_not_in_length="You divide by the length of w alone. The theorem normalises w and b together: √(‖w‖² + b²).",
    squared_length="You divide the margin by ‖w‖² + b². That is the square of the length: a root is missing.",
    mean_radius="You take the mean length of the samples for r. Every sample lies within r, so r is the longest.",
    shortest="You take the shortest sample for r. Every sample lies within r, so r is the longest.",
    mean_margin="You take the mean margin for ρ. Every sample has at least the margin ρ, so it is the smallest.",
    largest_margin="You take the largest margin for ρ. Every sample has at least the margin ρ, so it is the smallest.",
    no_one="The 1 in r² + 1 is missing. It is the constant input that the bias belongs to.",
    one_outside="You add the 1 to the whole quotient. It belongs to the numerator, r² + 1.",
    radius_not_squared="Your r is not squared.",
    margin_not_squared="You divide by ρ. The margin is squared: half the margin means four times as many updates.",
    root="You return the square root of the bound.",
    largest_entry="You take the largest single number in X for r. r is the length of a sample, the root of the sum of its squares.",
    sum_of_entries="You take the sum of absolute values for the length of a sample. The length is the root of the sum of squares.",
    bias_not_in_margin="You leave b out of the margins, which are y (w·x + b).",
    margin_to_the_line="You leave b out twice: in the margins and in the length.",
    whole_number="You round to a whole number. Return the bound itself.",
    any_side="You take absolute values, or square a negative margin: a sample on the wrong side then looks like one on the right side. Ask first whether the smallest margin is positive.",
    clipped="With a margin that is not positive you return another number than infinity.",
)
def perceptron_bound_with(made: Made, X: ndarray, y: ndarray, w: ndarray, b: float) -> Any:
    margins = y * (X @ w + (0 if made.bias_not_in_margin or made.margin_to_the_line else b))
    if made.any_side:
        margins = abs(margins)
    length = w @ w + (0 if made.bias_not_in_length or made.margin_to_the_line else b**2)
    length = 1.0 if made.not_normalised else length if made.squared_length else np.sqrt(length)
    margin = (margins.mean() if made.mean_margin else margins.max() if made.largest_margin else margins.min()) / length
    X = 1.0 * X
    radii = abs(X).max(axis=1) if made.largest_entry else abs(X).sum(axis=1) if made.sum_of_entries else np.sqrt((X**2).sum(axis=1))
    radius = radii.mean() if made.mean_radius else radii.min() if made.shortest else radii.max()
    if not margin > 0:
        return 0.0 if made.clipped else math.inf
    above = radius ** (1 if made.radius_not_squared else 2) + (0 if made.no_one or made.one_outside else 1)
    bound = above / margin ** (1 if made.margin_not_squared else 2) + int(made.one_outside)
    bound = np.sqrt(bound) if made.root else np.floor(bound) if made.whole_number else bound
    return float(bound)


# ---- best_linear_accuracy --------------------------------------------------------------------------------------------


def separable(X: ndarray, y: ndarray) -> bool:
    """Whether some w and b put every sample strictly on its own side: y_i (w·x_i + b) >= 1 for all i."""
    rows = -y[:, None] * np.column_stack([X, np.ones(len(X))])
    return linprog(np.zeros(rows.shape[1]), A_ub=rows, b_ub=-np.ones(len(X)), bounds=(None, None)).status == 0


@exercise(points=2, rows=["3.3"])
def best_linear_accuracy(X: Float[ndarray, "n dim"], y: Int[ndarray, "n"]) -> float:
    """The largest share of the samples that a linear classifier can put strictly on their own side
    at the same time.

    A classifier is any w and b; sample i is on its own side where y_i (w·x_i + b) > 0. Labels
    are -1 and +1. There are at most 8 samples, so you may try everything.
    """
    for wrong in range(len(X)):
        for flipped in combinations(range(len(X)), wrong):
            signs = y.copy()
            signs[list(flipped)] *= -1
            if separable(X, signs):
                return 1 - wrong / len(X)
    return 0.0


def parallelogram(rng: np.random.Generator) -> ndarray:
    """Corners p, p + v, p + u, p + u + v: XOR, moved and bent, away from the origin."""
    while True:
        u, v = eighths(rng, 2), eighths(rng, 2)
        if abs(u[0] * v[1] - u[1] * v[0]) > 1.5:
            p = 4 + eighths(rng, 2, largest=8)
            return np.array([p, p + v, p + u, p + u + v])


def on_a_line(rng: np.random.Generator, n: int, dim: int) -> ndarray:
    direction = rng.choice([-1, 1], size=dim) * rng.integers(3, 9, size=dim) / 8
    places = rng.permutation(9)[:n]
    return eighths(rng, dim) + places[:, None] * direction


XOR = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])


equivalent(
    best_linear_accuracy,
    {
        "return 1.0": "It is never reached: labels that are all alike are separable.",
        "signs[list(flipped)] *= -2": "Only the sign of a label counts, since w and b may have any length.",
    },
)


@cases(best_linear_accuracy)
def visible_best_linear_accuracy(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("XOR", XOR, np.array([-1, 1, 1, -1]))
    yield Case("NOT AND", XOR, np.array([1, 1, 1, -1]))
    yield Case("5 numbers, alternating", np.arange(1.0, 6.0)[:, None], np.array([1, -1, 1, -1, 1]))


@cases(best_linear_accuracy, hidden=True)
def hidden_best_linear_accuracy(rng: np.random.Generator) -> Iterator[Case]:
    order = rng.permutation(4)
    yield Case("XOR, moved", parallelogram(rng)[order], np.array([1, -1, -1, 1])[order])
    X, y, _, _ = separated(rng, 7, 2, shift=3.0)
    yield Case("7 samples, separable", X, y)
    X = np.sort(eighths(rng, 1) + rng.permutation(11)[:7, None], axis=0)
    order = rng.permutation(7)
    yield Case("7 numbers on a line, in blocks", X[order], np.array([1, 1, -1, 1, 1, 1, -1])[order])
    yield Case("5 numbers, alternating", 3 + np.arange(5.0)[order[order < 5], None], np.array([-1, 1, -1, 1, -1])[order[order < 5]])
    cube = np.array(list(product([0.0, 1.0], repeat=3)))
    yield Case("an even number of ones, in 3 dimensions", cube * rng.choice([-2, 3], size=3) + 1, np.where(cube.sum(1) % 2 == 0, 1, -1))
    X = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [2.0, 2.0], [3.0, 1.0], [1.0, 3.0]])
    order = rng.permutation(6)
    yield Case("6 samples in the plane", X[order], np.array([-1, 1, 1, -1, 1, 1])[order])
    far = eighths(rng, 1, 2) + 5
    yield Case("one class only", far + eighths(rng, 3, 2), np.full(3, rng.choice([-1, 1])))


@mistakes(
    best_linear_accuracy,
    not_strict="A sample on the line counts as right in your answer, so w = 0 and b = 0 get everything right. Ask for y (w·x + b) > 0.",
    no_bias="Your lines all go through the origin. A classifier has a bias.",
    majority="You predict the larger class everywhere. A line can often do better.",
    all_or_nothing="You return 1 or 0. Where no line gets everything right, the best one still gets a part right.",
    share_wrong="You return the smallest share, or the share that is left on the wrong side. Return the largest share on the right side.",
    count="You return the number of samples on the right side. Divide by the number of samples.",
    positive_weights="Your weights cannot be negative. In `linprog` every variable is at least 0 unless `bounds` says otherwise.",
    one_flip="You give up at one wrong sample. Try two, three and more as well.",
)
def best_linear_accuracy_with(made: Made, X: ndarray, y: ndarray) -> Any:
    n = len(X)
    if made.majority:
        return float(max((y > 0).mean(), (y < 0).mean()))
    if made.not_strict:
        return 1.0
    can = separable_with(made)
    best = 0.0
    for wrong in range(1 if made.all_or_nothing else 2 if made.one_flip else n):
        if any(can(X, np.where(np.isin(np.arange(n), flipped), -y, y)) for flipped in combinations(range(n), wrong)):
            best = 1 - wrong / n
            break
    best = 1 - best if made.share_wrong else best
    return float(round(best * n)) if made.count else best


def separable_with(made: Made) -> Any:
    def can(X: ndarray, y: ndarray) -> bool:
        columns = X if made.no_bias else np.column_stack([X, np.ones(len(X))])
        low = [(0 if made.positive_weights else None, None)] * X.shape[1] + [(None, None)] * (columns.shape[1] - X.shape[1])
        room = np.zeros(len(X)) if made.not_strict else -np.ones(len(X))
        return bool(linprog(np.zeros(columns.shape[1]), A_ub=-y[:, None] * columns, b_ub=room, bounds=low).status == 0)

    return can


# ---- xor_mlp ---------------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["3.3"])
def xor_mlp(margin: float) -> tuple[Float[ndarray, "2 hidden"], Float[ndarray, "hidden"], Float[ndarray, "hidden"], float]:
    """The weights W1, b1, w2, b2 of a network that computes XOR of two inputs, each 0 or 1.

    Its score is the sum over hidden units j of w2[j] max(0, x·W1[:, j] + b1[j]), plus b2. It is
    exactly +margin where the inputs differ, and exactly -margin where they are equal. Choose
    the weights by hand, with as many hidden units as you like.
    """
    return np.array([[1.0, 1.0], [1.0, 1.0]]), np.array([0.0, -1.0]), margin * np.array([2.0, -4.0]), -margin


@probe(xor_mlp)
def scores_on_the_corners(answer, margin):  # type: ignore[no-untyped-def]
    """Scores of (0, 0), (0, 1), (1, 0) and (1, 1): there are many right weights, and they all give the same scores."""
    import numpy as np

    W1, b1, w2, b2 = (np.asarray(a, dtype=float) for a in answer(margin))
    if W1.ndim != 2 or len(W1) != 2 or b1.shape != W1.shape[1:] or w2.shape != b1.shape or b2.size != 1:
        raise ValueError(f"the shapes do not fit: W1 {W1.shape}, b1 {b1.shape}, w2 {w2.shape}, b2 {b2.shape}")
    scores = []
    for x in ((0, 0), (0, 1), (1, 0), (1, 1)):
        before = [x[0] * W1[0, j] + x[1] * W1[1, j] + b1[j] for j in range(len(b1))]
        scores.append(sum((v * z for v, z in zip(w2, before, strict=True) if z > 0), float(b2.item())))
    return np.array(scores)


equivalent(
    xor_mlp,
    {
        "return (np.array([[1.0, 1.0], [1.0, 1.0]]), [0.0, -1.0], margin * np.array([2.0, -4.0]), -margin)": "Lists of numbers are taken as arrays.",
        "return ([[1.0, 1.0], [1.0, 1.0]], np.array([0.0, -1.0]), margin * np.array([2.0, -4.0]), -margin)": "Lists of numbers are taken as arrays.",
    },
)


@cases(xor_mlp)
def visible_xor_mlp(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("margin 1", 1.0)
    yield Case("margin 0.5", 0.5)


@cases(xor_mlp, hidden=True)
def hidden_xor_mlp(rng: np.random.Generator) -> Iterator[Case]:
    for _ in range(3):
        yield Case("another margin", round(rng.uniform(1.5, 9.0), 3))
    yield Case("a small margin", round(rng.uniform(0.1, 0.4), 3))


@mistakes(
    xor_mlp,
    xnor="Your score is positive where the inputs are equal. That is XNOR: change the sign of w2 and b2.",
    conjunction="Your score is positive only where both inputs are 1. That is AND.",
    disjunction="Your score is positive at (1, 1) too. That is OR: a second hidden unit has to pull it down there.",
    nand="Your score is positive at (0, 0) too. That is NAND, the inverse of AND.",
    zero_or_margin="Your scores are 0 and margin. They should be -margin and +margin: twice as far apart, and moved down by the bias.",
    zero_or_twice="Your scores are 0 and 2·margin. The bias b2 moves all of them down by margin.",
    half="Your scores are half as large as they should be. From -margin to +margin the distance is 2·margin.",
    margin_ignored="Your scores are -1 and +1 for every margin. Scale w2 and b2 by it.",
    margin_twice="The margin is in your scores twice. One layer that scales by it is enough.",
    steps="Your weights suit hidden units that answer 0 or 1, with thresholds in the middle. A ReLU answers with how far it is above its threshold: its bias and its weight in w2 need other values.",
    not_pulled_down="At (1, 1) the score is too large: it is where the first unit gives 2. The second unit has to take away as much as both inputs together have added.",
    one_side_only="You find where one of the inputs exceeds the other. XOR is also true the other way round: add a second hidden unit for it.",
    linear="Your hidden units are never negative on the four corners, so ReLU changes nothing and the score is linear. Some unit must be cut off at 0 somewhere.",
    w2_turned="Your scores are -margin where the inputs are equal, as they should be, and go down where they differ: the sign of w2 is wrong.",
)
def xor_mlp_with(made: Made, margin: float) -> Any:
    W1, b1, w2, b2 = np.ones((2, 2)), np.array([0.0, -1.0]), np.array([2.0, -4.0]), -1.0
    if made.conjunction:
        w2 = np.array([0.0, 2.0])
    if made.disjunction:
        w2 = np.array([2.0, -2.0])
    if made.nand:
        w2, b2 = np.array([0.0, -2.0]), 1.0
    if made.zero_or_margin or made.zero_or_twice:
        w2, b2 = w2 / (2 if made.zero_or_margin else 1), 0.0
    if made.steps:
        b1, w2 = np.array([-0.5, -1.5]), np.array([2.0, -2.0])
    if made.not_pulled_down:
        w2 = np.array([2.0, -1.0])
    if made.one_side_only:
        W1, b1, w2 = np.array([[1.0], [-1.0]]), np.zeros(1), np.array([2.0])
    if made.linear:
        b1 = np.array([0.0, 1.0])
    if made.w2_turned or made.xnor:
        w2, b2 = -w2, (1.0 if made.xnor else -1.0)
    scale = 1.0 if made.margin_ignored else margin**2 if made.margin_twice else margin / 2 if made.half else margin
    return W1, b1, scale * w2, scale * b2


# ---- count_dichotomies -----------------------------------------------------------------------------------------------


@exercise(points=2, rows=["3.9"], without=["fortran", "twice"])  # each asks for many linear programs
def count_dichotomies(points: Num[ndarray, "n dim"]) -> int:
    """How many of the 2ⁿ ways to label the points with -1 and +1 a linear classifier can produce.

    It produces a labeling if some w and b put every point strictly on its own side: y_i (w·x_i +
    b) > 0. A labeling and its opposite are two, and labelings with one class only count too.
    The points are different; n is at most 5. Cover (1965).
    """
    return sum(separable(points, np.array(signs)) for signs in product([-1, 1], repeat=len(points)))


def in_general_position(rng: np.random.Generator, n: int, dim: int) -> ndarray:
    """No dim + 1 of the points lie in one hyperplane, nor nearly."""
    while True:
        points = eighths(rng, n, dim) + 2
        ones = np.column_stack([points, np.ones(n)])
        groups = [ones[list(k)] for k in combinations(range(n), min(n, dim + 1))]
        if all(np.linalg.svd(group)[1].min() > 0.25 for group in groups) and np.linalg.svd(points)[1].min() > 0.5:
            return points


equivalent(
    count_dichotomies,
    {
        "return sum((separable(points, np.array(signs)) for signs in product([-1, 2], repeat=len(points))))": "Only the sign of a label counts, since w and b may have any length.",
        "return sum((separable(points, np.array(signs)) for signs in product([-2, 1], repeat=len(points))))": "Only the sign of a label counts, since w and b may have any length.",
    },
)


@cases(count_dichotomies)
def visible_count_dichotomies(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("3 points in the plane", np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
    yield Case("3 points on a line", np.array([[0.0, 0.0], [3.0, 3.0], [1.0, 1.0]]))
    yield Case("the corners of a square", XOR)


@cases(count_dichotomies, hidden=True)
def hidden_count_dichotomies(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("3 points in general position", in_general_position(rng, 3, 2))
    yield Case("4 points on a line in the plane", on_a_line(rng, 4, 2))
    yield Case("5 points in the plane", in_general_position(rng, 5, 2))
    yield Case("4 points in 3 dimensions", in_general_position(rng, 4, 3))
    yield Case(
        "4 points in a plane in 3 dimensions", np.column_stack([parallelogram(rng), np.full(4, 2.5)]) @ np.array([[1.0, 0, 1], [0, 1, 1], [0, 0, 1]])
    )
    yield Case("4 numbers", eighths(rng, 1) + rng.permutation(9)[:4, None])
    yield Case("3 points in 3 dimensions", in_general_position(rng, 3, 3))


@mistakes(
    count_dichotomies,
    all_of_them="You count all 2ⁿ labelings. With ≥ 0 in the place of > 0 the weights w = 0, b = 0 produce every one; ask for points strictly on their own side.",
    general_position="Your count depends only on the number of points and on the dimension. That formula holds in general position; points on one line, say, allow fewer labelings.",
    no_bias="Your lines all go through the origin. A classifier has a bias.",
    half="You count a labeling and its opposite as one. They are two.",
    no_constant_ones="You leave out the labelings with one class only. A line that passes by all points produces them.",
    positive_weights="Your weights cannot be negative. In `linprog` every variable is at least 0 unless `bounds` says otherwise.",
    not_produced="You count the labelings that no line can produce.",
    shattered="You return 1 or 0 for whether all labelings can be produced. Count them.",
    exponent="You return the logarithm of the count, to base 2.",
    by_size="You count how many sizes the positive class can have. Which points are in it matters too.",
    groups="You count unordered groups of labels. Which point has which label matters.",
    first_coordinate="You use the first coordinate only.",
    share="You return the share of all labelings. Return their number.",
)
def count_dichotomies_with(made: Made, points: ndarray) -> Any:
    n, dim = points.shape
    if made.all_of_them:
        return 2**n
    if made.general_position:
        return 2 * sum(math.comb(n - 1, k) for k in range(dim + 1))
    if made.first_coordinate:
        points = points[:, :1]
    can = separable_with(made)
    labelings = [np.array(signs) for signs in product([-1, 1], repeat=n)]
    if made.groups:
        labelings = [np.array([-1] * (n - k) + [1] * k) for k in range(n + 1)]
    if made.no_constant_ones:
        labelings = [signs for signs in labelings if abs(signs.sum()) < n]
    produced = [signs for signs in labelings if can(points, signs)]
    count = len({int(signs.sum()) for signs in produced}) if made.by_size else len(produced)
    if made.half:
        count //= 2
    if made.not_produced:
        count = 2**n - count
    if made.shattered:
        return int(count == 2**n)
    return math.log2(count) if made.exponent else count / 2**n if made.share else count


# ---- spoil_shattering ------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["3.9"])
def spoil_shattering(points: Float[ndarray, "n dim"]) -> Float[ndarray, "dim"]:
    """One more point, such that the n + 1 points cannot be shattered: some labeling of them no linear
    classifier can produce.

    The points that are given can be shattered, and 2 <= n <= dim. The new point must be a real
    one: at least a thousandth of the points' smallest distance away from each of them.
    """
    return points.mean(axis=0)


@cases(spoil_shattering)
def visible_spoil_shattering(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("2 points in the plane", np.array([[0.0, 1.0], [2.0, 3.0]]))
    yield Case("3 points in 3 dimensions", np.array([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 1.0]]))


@cases(spoil_shattering, hidden=True)
def hidden_spoil_shattering(rng: np.random.Generator) -> Iterator[Case]:
    for n, dim in [(2, 2), (2, 2), (2, 3), (3, 3), (3, 5), (2, 7)]:
        yield Case(f"{n} points in {dim} dimensions", in_general_position(rng, n, dim) + 1)


@verify(spoil_shattering, unique=False)
def in_the_span(new, points):  # type: ignore[no-untyped-def]
    import numpy as np

    if not np.isfinite(new).all():
        return "Your point is not finite."
    distances = np.sqrt(((points[:, None] - points) ** 2).sum(-1))
    smallest = distances[distances > 0].min()
    if np.sqrt(((points - new) ** 2).sum(-1)).min() < 0.999e-3 * smallest:
        return "Your point is one of the given points, or hardly to be told from it."
    new, points = new.astype(float), points.astype(float)
    directions, target = (points[1:] - points[0]).T, new - points[0]
    missed = target - directions @ np.linalg.lstsq(directions, target, rcond=None)[0]
    if np.sqrt(missed @ missed) > 1e-4 * (smallest + np.sqrt(target @ target)):
        return "Together with your point they can still be shattered: it does not lie on the line (or plane) through the given ones."
    return None


@mistakes(
    spoil_shattering,
    total="You return the sum of the points. That lies on the line through the origin and their centre, not on the line through the points.",
    difference="You return the difference of two points. That is the direction of the line through them; it still has to start at one of the points.",
    half_difference="You return half the difference of two points. Halfway between them lies half their sum.",
    one_number="You average over all coordinates and repeat the one number. Each coordinate has a mean of its own.",
    given_point="You return one of the given points. The new one has to be another point.",
    corner="You take the largest of each coordinate. That is a corner of the box around the points, and in general position to them.",
    coordinates_reversed="You mirror or reverse coordinates. The new point has to lie on the line through the given ones.",
    perpendicular="You leave the line in a perpendicular direction: that gives a triangle, and every labeling of it can be produced.",
    multiple="You return a multiple of one point. That lies on the line through the origin and this point, not on the line through the given ones.",
    outside="You move from the mean by one in every coordinate, which leaves the line through the points.",
)
def spoil_shattering_with(made: Made, points: ndarray) -> Any:
    mean = points.mean(axis=0)
    if made.total:
        return points.sum(axis=0)
    if made.difference:
        return points[1] - points[0]
    if made.half_difference:
        return (points[1] - points[0]) / 2
    if made.one_number:
        return np.full_like(mean, points.mean())
    if made.given_point:
        return 1.0 * points[-1]
    if made.corner:
        return points.max(axis=0)
    if made.coordinates_reversed:
        return mean[::-1] + 0.0
    if made.perpendicular:
        along = points[1] - points[0]
        away = np.zeros_like(along)
        away[:2] = -along[1], along[0]
        return points[0] + away
    if made.multiple:
        return 2 * points[0]
    return mean + 1 if made.outside else mean
