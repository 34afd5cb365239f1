"""Losses: how bad is a residual (squared, absolute, Huber), and how bad is a wrong class (margin loss)?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Num
from numpy import ndarray

from autograder.exercise import Case, Made, cases, equivalent, exercise, mistakes

# ---- l2_loss ---------------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["2.12"])
def l2_loss(r: Float[ndarray, "*shape"]) -> tuple[Float[ndarray, "*shape"], Float[ndarray, "*shape"]]:
    """Half the square of every residual r, and its derivative with respect to r: (losses, slopes),
    both of the shape of `r`.
    """
    return r**2 / 2, r


@cases(l2_loss)
def visible_l2(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("residuals 3, -1 and 0.5", np.array([3.0, -1.0, 0.5]))
    yield Case("5 residuals", 2 * rng.normal(size=5))


@cases(l2_loss, hidden=True)
def hidden_l2(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("7 residuals", 3 * rng.normal(size=7))
    yield Case("3 by 2 residuals", rng.normal(size=(3, 2)))
    yield Case("small residuals", 0.01 * rng.normal(size=5))
    yield Case("one residual", rng.uniform(1, 2, size=1))


@mistakes(
    l2_loss,
    square_without_half="Your losses are r², and their slope would be 2r. Here the loss is half of that, so that its slope is r itself.",
    no_half="You leave the ½ out, in the loss and in the slope. That is a convention too, but here the loss is r²/2 and its slope r.",
    slope_doubled="Your slope is 2r, that of r². The ½ of the loss cancels this 2.",
    slope_halved="Your slope keeps the ½. The derivative of r²/2 is 2r/2.",
    slope_negative="Your slope is that with respect to the target y. With respect to r, the loss grows where r grows beyond 0.",
    slope_absolute="Your slopes are never negative. Left of 0 the loss falls as r grows, so its slope is negative there.",
    slope_is_loss="You return the losses twice. The second array is their derivative.",
    absolute="You return |r| and its slope, the absolute loss. Here the residual is squared.",
    summed="You sum over the residuals. Here every residual has its own loss.",
    averaged="You take the mean over the residuals. Here every residual has its own loss.",
    swapped="You return slopes and losses in the wrong order: losses first.",
    losses_only="You return the losses only. Return their slopes too.",
    numerical="Your slope is that of a chord, the loss one unit further on minus the loss here. The derivative is the slope at r itself.",
)
def l2_loss_with(made: Made, r: ndarray) -> Any:
    losses = r**2 / (1 if made.square_without_half or made.no_half else 2)
    slopes = r * (2.0 if made.no_half or made.slope_doubled else 0.5 if made.slope_halved else -1.0 if made.slope_negative else 1.0)
    if made.absolute:
        losses, slopes = abs(r), np.sign(r)
    if made.slope_absolute:
        slopes = abs(r)
    elif made.slope_is_loss:
        slopes = losses * 1.0
    elif made.numerical:
        slopes = ((r + 1) ** 2 - r**2) / 2
    if made.summed or made.averaged:
        losses = losses.sum() if made.summed else losses.mean()
        return float(losses), slopes / (1 if made.summed else r.size)
    return losses if made.losses_only else (slopes, losses) if made.swapped else (losses, slopes)


# ---- l1_loss ---------------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["2.12"], shares={"at 0": 0.2})
def l1_loss(r: Float[ndarray, "*shape"]) -> tuple[Float[ndarray, "*shape"], Float[ndarray, "*shape"]]:
    """The absolute value of every residual r, and its derivative with respect to r: (losses,
    slopes), both floats and of the shape of `r`. The slope at r = 0 counts as 0.
    """
    return abs(r), np.sign(r)


def with_zeros(rng: np.random.Generator, *shape: int) -> ndarray:
    """Random residuals, the first and the last of which are 0."""
    r = rng.normal(size=shape)
    r.flat[0] = r.flat[-1] = 0
    return r


AT_ZERO = "At r = 0 the loss is exactly 0, and so is its slope, by agreement: |r| has a kink there, and 0 lies in the middle of the slopes -1 and 1."


@cases(l1_loss)
def visible_l1(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("residuals 3, -1 and 0.5", np.array([3.0, -1.0, 0.5]))
    yield Case("5 residuals", 2 * rng.normal(size=5))
    yield Case("some residuals are 0", np.array([2.0, 0.0, -0.5]), group="at 0", hint=AT_ZERO)


@cases(l1_loss, hidden=True)
def hidden_l1(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("7 residuals", 3 * rng.normal(size=7))
    yield Case("3 by 2 residuals", rng.normal(size=(3, 2)))
    yield Case("small residuals", rng.permutation([-1, 1, 1, -1, 1]) * rng.uniform(0.01, 0.03, size=5))
    yield Case("one residual", rng.uniform(-2, -1.1, size=1))
    yield Case("zeros among 7 residuals", with_zeros(rng, 7), group="at 0", hint=AT_ZERO)
    yield Case("zeros in a matrix", with_zeros(rng, 2, 5), group="at 0", hint=AT_ZERO)


@mistakes(
    l1_loss,
    one_at_zero="At r = 0 your slope is 1. Here it counts as 0 there, the middle between the slopes on both sides.",
    minus_one_at_zero="At r = 0 your slope is -1. Here it counts as 0 there, the middle between the slopes on both sides.",
    nan_at_zero="At r = 0 your slope is 0 / 0, which is NaN. The slope there counts as 0.",
    softened="You add a small number under a root, so your loss is not quite |r|, which shows near 0: there it should be exactly 0.",
    slope_is_r="Your slope is r, that of r²/2. The slope of |r| is the same however large r is; only its sign counts.",
    slope_one="Your slope is 1 everywhere. For negative residuals the loss falls as r grows.",
    slope_negative="Your slope has the wrong sign, as if with respect to the target y. Where r is positive, |r| grows with r.",
    halved="There is no ½ in the absolute loss; it belongs to the squared one.",
    no_absolute="Your losses are the residuals themselves, so negative ones count as gains. Take the absolute value.",
    squared="You return the squared loss. Here the absolute value is wanted.",
    summed="You sum over the residuals. Here every residual has its own loss.",
    averaged="You take the mean over the residuals. Here every residual has its own loss.",
    swapped="You return slopes and losses in the wrong order: losses first.",
    losses_only="You return the losses only. Return their slopes too.",
    integer_slopes="Your slopes are integers. Slopes are multiplied and averaged later, so here they are floats like the residuals.",
)
def l1_loss_with(made: Made, r: ndarray) -> Any:
    losses, slopes = abs(r), np.sign(r)
    if made.one_at_zero or made.minus_one_at_zero:
        slopes = np.where(r == 0, 1 if made.one_at_zero else -1, slopes).astype(r.dtype)
    elif made.nan_at_zero:
        slopes = r / abs(r)
    elif made.softened:
        losses = np.sqrt(r**2 + np.asarray(1e-10, r.dtype))
    if made.slope_is_r:
        slopes = r * 1
    elif made.slope_one:
        slopes = np.ones_like(r)
    elif made.slope_negative:
        slopes = -slopes
    if made.halved:
        losses, slopes = losses / 2, slopes / 2
    elif made.no_absolute:
        losses = r * 1
    elif made.squared:
        losses, slopes = r**2 / 2, r * 1
    if made.summed or made.averaged:
        losses = losses.sum() if made.summed else losses.mean()
        return float(losses), slopes / (1 if made.summed else r.size)
    if made.integer_slopes:
        slopes = slopes.astype(int)
    return losses if made.losses_only else (slopes, losses) if made.swapped else (losses, slopes)


# ---- huber_loss ------------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["2.12"], forbid=["scipy.special.huber"])
def huber_loss(r: Num[ndarray, "*shape"], delta: float) -> tuple[Float[ndarray, "*shape"], Float[ndarray, "*shape"]]:
    """Huber's loss of every residual r, and its derivative with respect to r: (losses, slopes),
    both of the shape of `r`.

    It is r²/2 where |r| <= delta. Further out it goes on as a straight line, without a jump and
    without a kink. `delta` is positive. Huber (1964).
    """
    slopes = np.clip(r, -delta, delta)
    return slopes * (r - slopes / 2), slopes


def around(rng: np.random.Generator, delta: float, *shape: int) -> ndarray:
    """Residuals on both sides of 0, about half of them within delta, in random order."""
    n = int(np.prod(shape))
    sizes = delta * np.where(np.arange(n) % 2 == 0, rng.uniform(0.2, 0.9, size=n), rng.uniform(1.2, 3, size=n))
    signs = np.where(np.arange(n) // 2 % 2 == 0, 1, -1)
    found: ndarray = rng.permutation(sizes * signs).reshape(shape)
    return found


@cases(huber_loss)
def visible_huber(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("delta 2, by hand", np.array([1.0, 2.0, 5.0, -1.0, -5.0]), 2.0)
    yield Case("delta 0.6, 7 residuals", around(rng, 0.6, 7), 0.6)
    yield Case("delta 1, 5 residuals", around(rng, 1.0, 5), 1.0)


@cases(huber_loss, hidden=True)
def hidden_huber(rng: np.random.Generator) -> Iterator[Case]:
    for delta, n in ((1.7, 11), (0.3, 7)):
        yield Case("residuals of all sizes", around(rng, delta, n), delta)
    yield Case("3 by 5 residuals", around(rng, 2.5, 3, 5), 2.5)
    yield Case("all beyond delta", rng.permutation([-1, 1, 1, -1, 1]) * rng.uniform(3, 9, size=5), 0.7)
    yield Case("at delta, and just beside it", 1.3 * np.array([0.999, 1, 1.001, -0.999, -1, -1.001]) * (1 + 1e-5 * rng.normal()), 1.3)
    yield Case("a zero among them", np.array([*around(rng, 2.0, 5), 0.0]), 2.0)


@mistakes(
    huber_loss,
    delta_is_one="Your delta is always 1. Use the one that is given: it says where the line begins, and how steep it is.",
    smooth_l1="You divide by delta, so that the slope is at most 1. That is the other convention (PyTorch's SmoothL1Loss); Huber's loss is r²/2 inside, whatever delta is.",
    line_not_scaled="Your line has slope 1. The parabola r²/2 has the slope delta where it ends, and the line goes on with it; |r| - ½ fits for delta = 1 only.",
    line_without_delta="Your line is |r| - delta/2, which has slope 1. It is delta times that: then it meets the parabola, at delta²/2 for |r| = delta.",
    doubled="You leave the ½ out everywhere: r² inside, and twice the line outside. That is a convention too, but here the loss is r²/2 inside.",
    half_delta_forgotten="Your line is delta·(|r| - delta): at |r| = delta it starts at 0, while the parabola ends at delta²/2. The loss jumps there.",
    offset_not_scaled="You subtract ½ on the line, which fits for delta = 1 only. At |r| = delta line and parabola must meet, at delta²/2.",
    no_offset="Your line is delta·|r| and starts at delta², while the parabola ends at delta²/2. The loss jumps there.",
    half_missing_inside="Inside you return r². There it is r²/2; only then do line and parabola meet.",
    slope_doubled_inside="Inside your slope is 2r. The ½ of the loss cancels the 2.",
    slope_not_clipped="Your slope is r everywhere. On the line the slope is delta, with the sign of r.",
    slope_one_outside="On the line your slope is ±1. It is ±delta, the slope with which the parabola ends.",
    slope_zero_outside="On the line your slope is 0, as if those residuals did not count. The loss still grows there, with slope delta.",
    slope_unsigned="Your slope on the line is delta on both sides. For negative residuals it is -delta.",
    slope_negative="Your slope has the wrong sign, as if with respect to the target y.",
    signed_condition="You compare r itself with delta, so every negative residual is squared. Compare |r|.",
    signed_line="On the line you use r in place of |r|, so large negative residuals get a negative loss.",
    branches_swapped="Line and parabola have changed places. Small residuals are squared, large ones get the line.",
    pseudo_huber="That is the pseudo-Huber loss, a root that is smooth everywhere. Huber's own has two branches.",
    truncated="Your loss stays constant beyond delta. Huber's goes on as a line, so an outlier still pulls, with a bounded force.",
    plain_square="You square all residuals. Beyond delta the loss goes on as a line.",
    summed="You sum over the residuals. Here every residual has its own loss.",
    averaged="You take the mean over the residuals. Here every residual has its own loss.",
    swapped="You return slopes and losses in the wrong order: losses first.",
    losses_only="You return the losses only. Return their slopes too.",
    integer_buffer="For integer residuals you store the losses in an integer array, which cuts their fractions off.",
)
def huber_loss_with(made: Made, r: ndarray, delta: float) -> Any:
    delta = 1.0 if made.delta_is_one else delta
    size = r if made.signed_condition else abs(r)
    inside = size > delta if made.branches_swapped else size <= delta
    parabola, line = r**2 / 2, delta * (abs(r) - delta / 2)
    slope_inside, slope_outside = 1.0 * r, delta * np.sign(r)
    if made.half_missing_inside:
        parabola = 1.0 * r**2
    elif made.line_not_scaled:
        line = abs(r) - 0.5
        slope_outside = 1.0 * np.sign(r)
    elif made.line_without_delta:
        line = abs(r) - delta / 2
    elif made.half_delta_forgotten:
        line = delta * (abs(r) - delta)
    elif made.offset_not_scaled:
        line = delta * abs(r) - 0.5
    elif made.no_offset:
        line = delta * abs(r)
    elif made.signed_line:
        line = delta * (r - delta / 2)
    elif made.truncated:
        line = np.full_like(parabola, delta**2 / 2)
        slope_outside = 0.0 * r
    if made.plain_square:
        line, slope_outside = parabola, slope_inside
    if made.slope_doubled_inside:
        slope_inside = 2.0 * r
    elif made.slope_not_clipped:
        slope_outside = slope_inside
    elif made.slope_one_outside:
        slope_outside = 1.0 * np.sign(r)
    elif made.slope_zero_outside:
        slope_outside = 0.0 * r
    elif made.slope_unsigned:
        slope_outside = np.full_like(slope_inside, delta)
    losses, slopes = np.where(inside, parabola, line), np.where(inside, slope_inside, slope_outside)
    if made.pseudo_huber:
        root = np.sqrt(1 + (r / delta) ** 2)
        losses, slopes = delta**2 * (root - 1), r / root
    if made.smooth_l1:
        losses, slopes = losses / delta, slopes / delta
    elif made.doubled:
        losses, slopes = 2 * losses, 2 * slopes
    if made.slope_negative:
        slopes = -slopes
    if made.integer_buffer and r.dtype.kind == "i":
        losses = losses.astype(r.dtype)
    if made.summed or made.averaged:
        losses = losses.sum() if made.summed else losses.mean()
        return float(losses), slopes / (1 if made.summed else r.size)
    return losses if made.losses_only else (slopes, losses) if made.swapped else (losses, slopes)


# ---- huber_location --------------------------------------------------------------------------------------------------


@exercise(
    points=2,
    rows=["2.12"],
    without=["float32"],  # who halves an interval until it is short enough would never end
    tolerance=100,
    forbid=["scipy.optimize.minimize", "scipy.optimize.minimize_scalar", "scipy.optimize.least_squares"],
)
def huber_location(y: Float[ndarray, "n"], delta: float) -> float:
    """The number c for which the sum of the Huber losses of the residuals c - y is smallest, right
    to at least five digits.

    `y` is float64, in no particular order. Its length n is odd, so there is exactly one such c.
    `delta` is positive.
    """
    low, high = float(y.min()), float(y.max())
    for _ in range(100):
        c = (low + high) / 2
        pull = np.clip(c - y, -delta, delta).sum()
        low, high = (low, c) if pull > 0 else (c, high)
    return (low + high) / 2


def with_outliers(rng: np.random.Generator, n: int, outliers: int, far: float, spread: float = 1.0) -> ndarray:
    """Numbers around a centre away from 0, a few of which lie far off on the same side."""
    y = rng.normal(size=n) * spread
    y[:outliers] += far * rng.uniform(0.7, 1.3, size=outliers)
    found: ndarray = rng.permutation(y) + rng.uniform(3, 5)
    return found


BALANCE = "At the best c the pulls of all residuals sum to 0. Work that sum out for your c: if it is small but not 0, c has not been found to five digits yet."


equivalent(
    huber_location,
    {
        "for _ in range(101):": "A halving more or less makes no difference after so many.",
        "for _ in range(99):": "A halving more or less makes no difference after so many.",
        "pull = np.clip(c - y, -delta, delta).mean()": "Only the sign of the pull counts.",
        "low, high = (low, c) if pull >= 0 else (c, high)": "Where the pull is 0, c is the answer, and both halves keep it as an end.",
    },
)


@cases(huber_location)
def visible_location(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("1, 2, 3, 4 and 20; delta 1", np.array([3.0, 20.0, 1.0, 4.0, 2.0]), 1.0, hint=BALANCE)
    yield Case("7 numbers, delta 0.5", with_outliers(rng, 7, 2, 9.0), 0.5, hint=BALANCE)
    yield Case("11 numbers, delta 3", with_outliers(rng, 11, 1, 20.0, 2.0), 3.0, hint=BALANCE)


@cases(huber_location, hidden=True)
def hidden_location(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("13 numbers, delta 0.8", with_outliers(rng, 13, 3, 15.0), 0.8, hint=BALANCE)
    yield Case("7 numbers, delta 1.7", with_outliers(rng, 7, 1, 12.0), 1.7, hint=BALANCE)
    yield Case("negative numbers", -with_outliers(rng, 11, 2, 8.0), 1.2, hint=BALANCE)
    yield Case("a small delta", with_outliers(rng, 5, 1, 5.0), 0.1, hint=BALANCE)
    yield Case("a delta larger than all distances", with_outliers(rng, 5, 1, 5.0), 40.0, hint=BALANCE)
    yield Case("three numbers", with_outliers(rng, 3, 1, 9.0), 1.4, hint=BALANCE)


@mistakes(
    huber_location,
    mean="You return the mean, which minimises the squared loss. With Huber's loss no residual pulls with more than delta.",
    median="You return the median, which minimises the absolute loss. With Huber's loss, residuals within delta pull with their own size.",
    delta_is_one="Your delta is always 1. Use the one that is given.",
    trimmed="You throw away what is further than delta from the median, and average the rest. In Huber's loss outliers still pull, with the bounded force delta.",
    trimmed_from_mean="You throw away what is further than delta from the mean, and average the rest. In Huber's loss outliers still pull, with the bounded force delta.",
    one_step_from_median="You take one step from the median: once clipped, the residuals have changed with c. Repeat until c no longer moves.",
    one_step_from_mean="You take one step from the mean: once clipped, the residuals have changed with c. Repeat until c no longer moves.",
    too_few_steps="You stop long before c has come to rest. Take more steps, or halve an interval that is known to hold c.",
    observed_only="You try only the given numbers themselves. The best c usually lies between two of them.",
    midrange="You return the middle between the smallest and the largest number, which minimises the largest residual.",
    lowest_loss="You return how small the loss gets. Wanted is the c where that happens.",
    delta_in_deviations="You measure delta in standard deviations of y. It has the unit of y itself.",
    pseudo_huber="You minimise the pseudo-Huber loss, a smooth root. Huber's loss pulls with exactly the residual inside of delta, and exactly with delta outside.",
    wrong_sign="Your steps lead away from the minimum. If c is too large, the residuals c - y have positive slopes: move down.",
    rounded="You round c, or search on a coarse grid. It should be right to five digits.",
)
def huber_location_with(made: Made, y: ndarray, delta: float) -> Any:
    delta = 1.0 if made.delta_is_one else delta * float(y.std()) if made.delta_in_deviations else delta
    mean, median = float(y.mean()), float(np.median(y))
    if made.mean or made.median:
        return mean if made.mean else median
    if made.trimmed or made.trimmed_from_mean:
        kept = y[abs(y - (median if made.trimmed else mean)) <= delta]
        return float(kept.mean()) if len(kept) else math.nan
    if made.midrange:
        return float(y.min() + y.max()) / 2
    if made.observed_only:
        return float(min(y, key=lambda c: float(huber_loss(c - y, delta)[0].sum())))
    c = mean if made.one_step_from_mean or made.too_few_steps or made.wrong_sign else median
    steps = 1 if made.one_step_from_median or made.one_step_from_mean else 20
    if made.one_step_from_median or made.one_step_from_mean or made.too_few_steps or made.wrong_sign:
        for _ in range(steps):
            pull = float(np.clip(c - y, -delta, delta).mean())
            c -= -pull if made.wrong_sign else pull * (0.05 if made.too_few_steps else 1)
        return c
    best = least_pull(y, delta) if made.pseudo_huber else huber_location(y, delta)
    if made.lowest_loss:
        return float(huber_loss(best - y, delta)[0].sum())
    return round(best, 2) if made.rounded else best


def least_pull(y: ndarray, delta: float) -> float:
    """Where the slopes of the pseudo-Huber loss sum to 0."""
    low, high = float(y.min()), float(y.max())
    for _ in range(100):
        c = (low + high) / 2
        pull = ((c - y) / np.sqrt(1 + ((c - y) / delta) ** 2)).sum()
        low, high = (low, c) if pull > 0 else (c, high)
    return (low + high) / 2


# ---- margin_loss -----------------------------------------------------------------------------------------------------

FORBIDDEN_MARGIN = ["sklearn.metrics.hinge_loss"]


@exercise(points=2, rows=["2.9"], forbid=FORBIDDEN_MARGIN)
def margin_loss(scores: Float[ndarray, "n k"], y: Int[ndarray, "n"], delta: float = 1.0) -> float:
    """How far the `scores` of n examples and k classes are from a margin of `delta`.

    For each example, sum over the wrong classes j what s_j lacks to lie `delta` below the score
    of the true class `y` (0 where it lies low enough already). Return the mean over the examples.
    """
    rows = np.arange(len(scores))
    violations = np.maximum(0, delta + scores - scores[rows, y][:, None])
    violations[rows, y] = 0
    return float(violations.sum() / len(scores))


def scores_and_labels(rng: np.random.Generator, n: int, k: int, scale: float = 1.0) -> tuple[ndarray, ndarray]:
    """Scores of n examples and their true classes, of which at least two differ."""
    y = np.append(rng.permutation(k)[:2], rng.integers(k, size=n))[:n]
    return scale * rng.normal(size=(n, k)), rng.permutation(y)


@cases(margin_loss)
def visible_margin(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("one example by hand", np.array([[3.0, 2.5, 0.0, 4.0]]), np.array([0]))
    yield Case("5 examples, 3 classes, margin 0.7", *scores_and_labels(rng, 5, 3), 0.7)
    yield Case("3 examples, 7 classes, margin 2", *scores_and_labels(rng, 3, 7), 2.0)


@cases(margin_loss, hidden=True)
def hidden_margin(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("7 examples, 5 classes", *scores_and_labels(rng, 7, 5), 1.3)
    yield Case("as many examples as classes", *scores_and_labels(rng, 5, 5), 0.6)
    yield Case("two classes", *scores_and_labels(rng, 11, 2), 0.8)
    yield Case("large scores", *scores_and_labels(rng, 3, 5, scale=50.0), 4.0)
    yield Case("delta not given", *scores_and_labels(rng, 5, 7))
    scores, y = scores_and_labels(rng, 5, 3)
    scores[np.arange(5), y] += 9
    scores[1, y[1]] -= 9
    yield Case("most examples keep the margin", scores, y, 1.1)


@mistakes(
    margin_loss,
    true_class_counted="You sum over the true class too: its score lies 0 below itself, which adds delta for every example. Leave j = y out.",
    worst_class_only="You count the worst of the wrong classes only. That is the other convention (Crammer and Singer's, and scikit-learn's hinge_loss); here all wrong classes add up.",
    mean_over_classes="You divide by the number of classes too, as PyTorch's MultiMarginLoss does. Here the violations of an example are summed, and only the examples averaged.",
    mean_over_wrong_classes="You divide by the number of wrong classes too. Here the violations of an example are summed, and only the examples averaged.",
    summed="You sum over the examples. Take their mean: then the loss does not grow with the size of the batch.",
    per_example="You return one loss for each example. Return their mean.",
    wrong_way="You subtract the wrong way round: a violation is a wrong class that scores high, s_j - s_y.",
    not_clipped="You let classes that keep the margin count negatively. A class that lies low enough counts 0: nothing is gained by pushing it further down.",
    clipped_sum="You replace a negative sum by 0, not the single terms. Each class that lies low enough counts 0 by itself.",
    delta_is_one="Your margin is always 1. Use the delta that is given.",
    delta_unused="You leave the margin out, so a true class that wins by a hair costs nothing. It should win by delta.",
    delta_subtracted="You subtract delta, so a wrong class may even win by that much. Add it: the true class must win by delta.",
    delta_outside="You add delta after the comparison with 0, so it is paid even by classes that lie low enough. It belongs inside.",
    squared="You square the violations. That is another convention, the squared hinge loss; here they count as they are.",
    counted="You count the classes that violate the margin. How far they do is wanted.",
    highest_instead_of_true="You compare with the highest score instead of that of the true class.",
    first_label="You use the first label for all examples. Each has its own.",
    all_labels="You compare each example with the scores of all labels of the batch: `scores[:, y]` is a matrix of n by n numbers. Pair the rows with their labels: `scores[np.arange(n), y]`.",
)
def margin_loss_with(made: Made, scores: ndarray, y: ndarray, delta: float = 1.0) -> Any:
    n, k = scores.shape
    rows = np.arange(n)
    y = np.full(n, y[0]) if made.first_label else y
    delta = 1.0 if made.delta_is_one else 0.0 if made.delta_unused else -delta if made.delta_subtracted else delta
    true = scores.max(axis=1) if made.highest_instead_of_true else scores[rows, y]
    lacks = (0 if made.delta_outside else delta) + (true[:, None] - scores if made.wrong_way else scores - true[:, None])
    if made.all_labels:
        every = np.maximum(0, delta + scores[:, None, :] - scores[:, y][:, :, None])
        every[:, rows, y] = 0
        return float(every.sum() / n)
    lacks[rows, y] = max(delta, 0) if made.true_class_counted else 0
    if not (made.not_clipped or made.clipped_sum):
        lacks = np.maximum(0, lacks)
    if made.counted:
        lacks = (lacks > 0) * 1.0
    elif made.squared:
        lacks = lacks**2
    elif made.delta_outside:
        lacks = np.where(np.arange(k) == y[:, None], 0, lacks + delta)
    losses = lacks.max(axis=1) if made.worst_class_only else lacks.sum(axis=1)
    if made.clipped_sum:
        losses = np.maximum(0, losses)
    if made.mean_over_classes or made.mean_over_wrong_classes:
        losses = losses / (k if made.mean_over_classes else k - 1)
    return losses if made.per_example else float(losses.sum()) if made.summed else float(losses.mean())


# ---- margin_loss_grad ------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["2.9"], shares={"at the margin": 0.2}, forbid=FORBIDDEN_MARGIN)
def margin_loss_grad(scores: Float[ndarray, "n k"], y: Int[ndarray, "n"], delta: float = 1.0) -> Float[ndarray, "n k"]:
    """The gradient of the margin loss with respect to the scores.

    The loss is that of `margin_loss`: summed over the wrong classes, averaged over the n
    examples. A class that keeps the margin exactly, s_j + delta = s_y, counts as one that keeps
    it, with gradient 0.
    """
    rows = np.arange(len(scores))
    violated = (delta + scores - scores[rows, y][:, None] > 0).astype(scores.dtype)
    violated[rows, y] = 0
    violated[rows, y] = -violated.sum(axis=1)
    return violated / len(scores)


ON_THE_LINE = "A class that lies exactly delta below the true class keeps the margin: its gradient counts as 0. Compare with > 0, not with >= 0."


def exactly_at_the_margin(rng: np.random.Generator, n: int, k: int, delta: float) -> tuple[ndarray, ndarray]:
    """Scores that are multiples of 1/4, with one class of every example exactly at the margin."""
    y = rng.integers(k, size=n)
    scores = rng.integers(-8, 9, size=(n, k)) / 4
    scores[np.arange(n), (y + 1) % k] = scores[np.arange(n), y] - delta
    return scores, y


@cases(margin_loss_grad)
def visible_margin_grad(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("one example by hand", np.array([[3.0, 2.5, 0.0, 4.0]]), np.array([0]))
    yield Case("5 examples, 3 classes, margin 0.7", *scores_and_labels(rng, 5, 3), 0.7)
    scores, y = scores_and_labels(rng, 3, 7)
    scores[0, y[0]] += 9
    yield Case("3 examples, 7 classes, margin 2", scores, y, 2.0)
    yield Case("exactly at the margin", np.array([[1.0, 2.0, 3.5]]), np.array([1]), 1.0, group="at the margin", hint=ON_THE_LINE)


@cases(margin_loss_grad, hidden=True)
def hidden_margin_grad(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("7 examples, 5 classes", *scores_and_labels(rng, 7, 5), 1.3)
    yield Case("as many examples as classes", *scores_and_labels(rng, 5, 5), 0.6)
    yield Case("two classes", *scores_and_labels(rng, 11, 2), 0.8)
    yield Case("delta not given", *scores_and_labels(rng, 5, 7))
    scores, y = scores_and_labels(rng, 5, 3)
    scores[np.arange(5), y] += 9
    scores[1, y[1]] -= 12
    yield Case("most examples keep the margin", scores, y, 1.1)
    yield Case("exactly at the margin", *exactly_at_the_margin(rng, 5, 3, 0.5), 0.5, group="at the margin", hint=ON_THE_LINE)
    yield Case("exactly at a large margin", *exactly_at_the_margin(rng, 7, 5, 2.25), 2.25, group="at the margin", hint=ON_THE_LINE)


@mistakes(
    margin_loss_grad,
    boundary_counts="A class that lies exactly delta below the true class keeps the margin, so its gradient counts as 0. You let it count as a violation.",
    not_averaged="You do not divide by the number of examples. The loss is their mean.",
    mean_over_classes="You divide by the number of classes too. The loss sums over the wrong classes, and averages over the examples only.",
    true_class_minus_one="The true class gets -1 in your gradient, however many classes violate the margin. Its score stands in every violated term: it gets minus their number.",
    true_class_always_minus_one="The true class always gets -1 in your gradient. Its score stands in every violated term: it gets minus their number, which may be 0.",
    true_class_nothing="The true class gets no gradient. Its score stands in every violated term, with a minus.",
    true_class_one_too_many="The true class gets one too many: you count it among its own violations. Leave j = y out before you count.",
    true_class_once_in_all="Every violation counts in the true class, but you divide them by the number of wrong classes. They add up.",
    wrong_sign="Your gradient has the wrong sign. It points to where the loss grows: positive for a wrong class that scores too high, negative for the true class.",
    all_classes="You let every wrong class count, also those that lie low enough. Where a term is 0 and stays 0, its slope is 0.",
    worst_class_only="Only the worst of the wrong classes counts in your gradient. That is the other convention (Crammer and Singer's); here all wrong classes that violate the margin do.",
    sizes_of_violations="You return how far the margin is violated. The slope of a violated term is 1, however far it is: twice that violation would belong to the squared hinge loss.",
    delta_is_one="Your margin is always 1. Use the delta that is given.",
    delta_unused="You leave the margin out: also a wrong class just below the true one violates it.",
    delta_subtracted="You subtract delta, so only wrong classes that win by that much count. All do that do not lie delta below.",
    summed_over_examples="You add the gradients of all examples up. Each example has its own row.",
)
def margin_loss_grad_with(made: Made, scores: ndarray, y: ndarray, delta: float = 1.0) -> Any:
    n, k = scores.shape
    rows = np.arange(n)
    delta = 1.0 if made.delta_is_one else 0.0 if made.delta_unused else -delta if made.delta_subtracted else delta
    lacks = delta + scores - scores[rows, y][:, None]
    lacks[rows, y] = -1
    violated = lacks >= 0 if made.boundary_counts else lacks > 0
    if made.all_classes:
        violated = np.arange(k) != y[:, None]
    elif made.worst_class_only:
        violated = violated & (np.arange(k) == lacks.argmax(axis=1)[:, None])
    grad = (lacks * violated if made.sizes_of_violations else violated).astype(scores.dtype)
    counts = grad.sum(axis=1)
    if made.true_class_minus_one:
        counts = (counts > 0).astype(scores.dtype)
    elif made.true_class_once_in_all:
        counts = counts / (k - 1)
    elif made.true_class_always_minus_one:
        counts = np.ones_like(counts)
    grad[rows, y] = 0 if made.true_class_nothing else -counts - int(made.true_class_one_too_many)
    grad = grad / (1 if made.not_averaged else n)
    if made.mean_over_classes:
        grad = grad / k
    grad = -grad if made.wrong_sign else grad
    return grad.sum(axis=0) if made.summed_over_examples else grad
