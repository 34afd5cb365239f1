"""Gradient descent: the steps, how large they may be, and minibatches."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from autograder.exercise import Case, Made, cases, equivalent, exercise, mistakes, probe, verify

# ---- gd --------------------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["2.5"], forbid=["scipy.optimize.minimize"])
def gd(gradient: Callable[[ndarray], ndarray], x0: Float[ndarray, "d"], lr: float, steps: int) -> Float[ndarray, "steps+1 d"]:
    """Gradient descent from x0: all the points that it visits, one per row.

    `gradient(x)` returns the gradient at x. Row 0 is x0, and row t is where step t has led, so there
    are steps + 1 rows.
    """
    trace = [x0]
    for _ in range(steps):
        trace.append(trace[-1] - lr * gradient(trace[-1]))
    return np.stack(trace)


@probe(gd)
def descend(answer, slope, x0, lr, steps, H, c):  # type: ignore[no-untyped-def]
    """The gradient of ½ (x - c)ᵀ H (x - c), or of a sum of cosines, which has no constant H."""
    import numpy as np

    slopes = {"bowl": lambda x: H @ (x - c), "waves": lambda x: H @ np.sin(x - c)}
    return answer(slopes[slope], x0, lr, steps)


def bowl(rng: np.random.Generator, d: int, low: float = 0.5, high: float = 3.0) -> ndarray:
    """A symmetric matrix with the eigenvalues low, high, and others well below high; its axes are turned."""
    turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
    eigenvalues = np.concatenate([[high, low], rng.uniform(low, low + 0.8 * (high - low), size=max(0, d - 2))])[:d]
    H = turn * eigenvalues @ turn.T
    return (H + H.T) / 2


@cases(gd)
def visible_gd(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("a bowl, 3 steps", "bowl", rng.normal(size=2), 0.3, 3, bowl(rng, 2), rng.normal(size=2))
    yield Case("waves, 2 steps", "waves", rng.normal(size=3), 0.5, 2, bowl(rng, 3), rng.normal(size=3))


@cases(gd, hidden=True)
def hidden_gd(rng: np.random.Generator) -> Iterator[Case]:
    for name, slope, d, steps, lr in [
        ("a bowl, 5 steps", "bowl", 3, 5, 0.2),
        ("waves, 7 steps", "waves", 2, 7, 0.4),
        ("as many rows as columns", "bowl", 5, 4, 0.3),
        ("one weight, 11 steps", "bowl", 1, 11, 0.55),
        ("one step", "waves", 5, 1, 0.7),
    ]:
        yield Case(name, slope, 2 * rng.normal(size=d), lr + round(rng.uniform(0, 0.05), 3), steps, bowl(rng, d), rng.normal(size=d))
    yield Case("no step", "bowl", rng.normal(size=3), 0.2, 0, bowl(rng, 3), rng.normal(size=3))


@mistakes(
    gd,
    ascent="You add the gradient, and climb. It points to where the function rises: subtract it.",
    same_row="All your rows are alike, the last point. You keep one array in the list many times and go on changing it: keep a copy, or make a new array in each step with `x = x - ...`.",
    start_missing="Your trace begins after the first step. Row 0 is the starting point.",
    last_missing="Your trace ends one step too early. The starting point and `steps` steps make steps + 1 rows.",
    one_step_more="You take one step too many: steps + 1 rows are the starting point and `steps` steps.",
    lr_twice="You multiply by the learning rate twice.",
    lr_missing="You subtract the whole gradient. Multiply it by the learning rate.",
    lr_decays="Your learning rate shrinks from step to step. Here it stays as it is.",
    gradient_at_start="You use the gradient at x0 for all steps. Ask for it anew at every point.",
    gradient_of_the_step_before="Each step uses the gradient at the point before the current one. Move first to a point, then ask for the gradient there.",
    one_entry_at_a_time="The entries of x move one after the other, each with a gradient at what the earlier ones have become. All move at once.",
    unit_steps="All your steps are equally long: you divide the gradient by its length. Its length matters: steps get shorter where it is flat.",
    signs_only="You use only the signs of the gradient. Its size matters too.",
    from_the_start="Each of your rows is one step away from x0. A step starts where the one before it has led.",
    last_only="You return the last point only. All points are asked for.",
    gradients="You return the gradients. The points that descent visits are asked for.",
    as_list="You return a list. Stack the points into one array.",
    transposed="Your points are columns. Each is a row.",
    reversed="Your trace runs backwards. Row 0 is the starting point.",
    float32_buffer="You write the points into a float32 array: float64 values lose half of their digits.",
)
def gd_with(made: Made, gradient: Callable[[ndarray], ndarray], x0: ndarray, lr: float, steps: int) -> Any:
    trace, slopes = [x0], [gradient(x0)]
    lr = lr**2 if made.lr_twice else 1.0 if made.lr_missing else lr
    count = steps + int(made.one_step_more) - int(made.last_missing)
    for t in range(1, count + 1):
        x = x0 if made.from_the_start else trace[-1]
        at = x0 if made.gradient_at_start else trace[-2] if made.gradient_of_the_step_before and t > 1 else trace[-1]
        g = gradient(at)
        if made.unit_steps:
            g = g / np.sqrt((g * g).sum())
        if made.signs_only:
            g = np.sign(g)
        rate = lr / t if made.lr_decays else lr
        new = x + rate * g if made.ascent else x - rate * g
        if made.one_entry_at_a_time:
            new = x.copy()
            for j in range(len(x)):
                new[j] -= rate * gradient(new)[j]
        trace.append(new)
        slopes.append(gradient(new))
    if made.same_row:
        trace = [trace[-1]] * len(trace)
    if made.start_missing:
        trace = trace[1:]
    if made.last_only:
        return 1.0 * trace[-1]
    if made.as_list:
        return trace
    result = np.stack(slopes if made.gradients else trace) if trace else np.zeros((0, len(x0)), x0.dtype)
    if made.float32_buffer:
        result = result.astype(np.float32)
    return result.T if made.transposed else result[::-1] if made.reversed else result


# ---- wrong_steps -----------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["2.5"], without=["float32", "same array"])  # the trace is exact to rounding in float64
def wrong_steps(X: Float[ndarray, "n d"], y: Float[ndarray, "n"], trace: Float[ndarray, "steps+1 d"], lr: float) -> list[int]:
    """The numbers of those steps in a trace that are not steps of gradient descent, in ascending order.

    Row t of `trace` holds the weights w_t, and step t leads from w_(t-1) to w_t, so the first step is
    number 1. It is right if w_t = w_(t-1) - lr g, where g is the gradient of the training loss
    |y - Xw|² / (2n) at w_(t-1); right steps are exact to rounding. A wrong one misses by 5% of the
    step's length or more. Each is judged by itself, from the weights that the trace holds.
    """
    wrong = []
    for t in range(1, len(trace)):
        before, after = trace[t - 1], trace[t]
        expected = before - lr * X.T @ (X @ before - y) / len(y)
        if not np.allclose(after, expected):
            wrong.append(t)
    return wrong


def slope(X: ndarray, y: ndarray, w: ndarray) -> ndarray:
    return X.T @ (X @ w - y) / len(y)


def audited(rng: np.random.Generator, n: int, d: int, plan: list[str]) -> tuple[ndarray, ndarray, ndarray, float]:
    """A trace that follows the plan: "" is a right step, everything else a wrong one. No step is short."""
    while True:
        X, y, w, lr = rng.normal(size=(n, d)), 3 * rng.normal(size=n), 3 * rng.normal(size=d), round(rng.uniform(0.1, 0.2), 3)
        trace, shortest = [w], np.inf
        for kind in plan:
            w = trace[-1]
            g = slope(X, y, w)
            shortest = min(shortest, np.abs(g).min(), np.abs(g - slope(X, y, trace[0])).max() if kind == "first gradient" else np.inf)
            step = {
                "uphill": -g,
                "no loss": np.ones(d),
                "first gradient": slope(X, y, trace[0]),
                "sum": n * g,
                "double": 2 * g,
                "one weight": g * np.eye(d)[0],
                "longer": 1.06 * g,
                "turned": g[::-1],
                "too late": (w - np.linalg.solve(np.eye(d) + lr * X.T @ X / n, w + lr * X.T @ y / n)) / lr,  # the gradient at w_t
            }.get(kind, g)
            if kind:
                shortest = min(shortest, 2 * np.abs(step - g).max() / np.abs(g).max())
            trace.append(w - lr * step)
        if shortest > 0.1:
            return X, y, np.stack(trace), lr


def plan(rng: np.random.Generator, right: int, wrong: list[str]) -> list[str]:
    """The kinds in random order; the first and the last step are wrong."""
    middle = rng.permutation([""] * right + wrong[2:]).tolist()
    return [wrong[0], *middle, wrong[1]]


@cases(wrong_steps)
def visible_wrong_steps(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("5 steps, 2 are wrong", *audited(rng, 7, 2, ["", "uphill", "", "", "double"]))
    yield Case("3 steps, all are right", *audited(rng, 5, 3, ["", "", ""]))


@cases(wrong_steps, hidden=True)
def hidden_wrong_steps(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("8 steps", *audited(rng, 11, 2, plan(rng, 4, ["longer", "uphill", "one weight", "double"])))
    yield Case("10 steps", *audited(rng, 5, 3, plan(rng, 5, ["no loss", "turned", "too late", "first gradient", "uphill"])))
    yield Case("many wrong ones", *audited(rng, 7, 2, plan(rng, 3, ["double", "longer", "no loss", "turned", "one weight"])))
    yield Case("3 weights", *audited(rng, 3, 3, plan(rng, 3, ["sum", "one weight", "too late"])))
    yield Case("all are right", *audited(rng, 13, 3, [""] * 5))


@mistakes(
    wrong_steps,
    from_zero="Your numbers are one too small. The first step leads from row 0 to row 1, and is number 1.",
    right_ones="You list the right steps. The wrong ones are asked for.",
    own_trace="You compare with a path of your own from w_0. After the first wrong step it is elsewhere, so everything seems wrong. Judge each step from the weights that the trace holds.",
    gradient_at_new_point="You take the gradient at w_t, where the step has led. Descent looks first and moves then: the gradient is the one at w_(t-1).",
    gradient_at_start="You take the gradient at w_0 for all steps. It is the one at w_(t-1).",
    uphill_only="You list the steps after which the loss is larger. A step can go down and still not be the one that the gradient prescribes.",
    loss_without_half="Your gradient is that of |y - Xw|² / n. With the ½ it is half as large.",
    summed_loss="Your gradient is that of the sum of the losses. The training loss is their mean: divide by n.",
    wrong_sign="Your gradient has the wrong sign, or you add it. Descent subtracts the gradient, which is Xᵀ(Xw - y) / n.",
    direction_only="You look at the direction of a step only. Its length matters too: lr times the gradient.",
    lengths_only="You look at the length of a step only. It must also go the right way.",
    first_weight_only="You look at the first weight only. All weights must agree.",
    too_tolerant="Some steps that you accept are several percent too long. Right ones are exact to rounding.",
    exactly_equal="You find every step wrong, as when numbers are compared with ==. Allow for rounding, as with `np.allclose`.",
    first_only="You stop at the first wrong step. List all of them.",
    last_step_missed="You do not look at the last step. Rows are one more than steps.",
    first_step_missed="You do not look at the first step, from row 0 to row 1.",
    as_mask="You return True or False for each step. Return a list of numbers.",
)
def wrong_steps_with(made: Made, X: ndarray, y: ndarray, trace: ndarray, lr: float) -> Any:
    n = len(y)
    factor = 2 if made.loss_without_half else n if made.summed_loss else -1 if made.wrong_sign else 1

    def loss(w: ndarray) -> float:
        return float(((y - X @ w) ** 2).sum())

    def is_right(t: int) -> bool:
        before, after = trace[t - 1], trace[t]
        if made.exactly_equal:
            return False
        if made.uphill_only:
            return loss(after) <= loss(before)
        expected = -lr * factor * slope(X, y, after if made.gradient_at_new_point else trace[0] if made.gradient_at_start else before)
        step = after - (own[t - 1] if made.own_trace else before)
        if made.own_trace:
            expected = own[t] - own[t - 1]
        if made.direction_only:
            return np.allclose(step / np.linalg.norm(step), expected / np.linalg.norm(expected))
        if made.lengths_only:
            return np.allclose(np.linalg.norm(step), np.linalg.norm(expected))
        if made.first_weight_only:
            return np.allclose(step[0], expected[0])
        if made.too_tolerant:
            return bool(np.abs(step - expected).max() < 0.1 * np.abs(expected).max())
        return np.allclose(step, expected)

    own = [trace[0]]
    for _ in trace[1:]:
        own.append(own[-1] - lr * slope(X, y, own[-1]))
    numbers = range(2 if made.first_step_missed else 1, len(trace) - int(made.last_step_missed))
    if made.as_mask:
        return [not is_right(t) for t in numbers]
    found = [t for t in numbers if is_right(t) == made.right_ones]
    if made.first_only:
        found = found[:1]
    return [t - 1 for t in found] if made.from_zero else found


# ---- max_stable_lr ---------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["2.5"])
def max_stable_lr(H: Float[ndarray, "d d"]) -> float:
    """The border between the learning rates with which gradient descent on f(w) = ½ wᵀHw converges
    to 0 from every starting point, and those with which it diverges.

    H is symmetric, and its eigenvalues are positive. The gradient of f is Hw.
    """
    return float(2 / np.linalg.eigvalsh(H)[-1])


@cases(max_stable_lr)
def visible_max_stable_lr(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("steeper along one axis", np.array([[1.0, 0.0], [0.0, 25.0]]))
    yield Case("a turned bowl", bowl(rng, 3, 0.4, 7.0))


@cases(max_stable_lr, hidden=True)
def hidden_max_stable_lr(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("3 weights", bowl(rng, 3, 0.3, round(rng.uniform(4, 9), 2)))
    yield Case("5 weights, all flat", bowl(rng, 5, 0.02, round(rng.uniform(0.1, 0.3), 3)))
    yield Case("2 weights, the first one steep", np.diag([round(rng.uniform(4, 9), 2), 1.5]))
    yield Case("7 weights", bowl(rng, 7, 0.1, round(rng.uniform(20, 40), 1)))
    yield Case("one weight", np.array([[round(rng.uniform(2, 5), 2)]]))


@mistakes(
    max_stable_lr,
    one="1/λ is where the steepest direction reaches its minimum in one step. Beyond it descent jumps across, and still converges until each jump is as long as the one before: the factor 1 - ηλ reaches -1 at 2/λ.",
    smallest="You use the smallest eigenvalue. Descent diverges as soon as one direction does, and the steepest one, with the largest eigenvalue, is the first.",
    best="2/(λ_min + λ_max) is the best learning rate for a bowl. The border of convergence lies further out, where the steepest direction stops converging.",
    one_over_smallest="You use 1 over the smallest eigenvalue. The border belongs to the largest one, and the factor 1 - ηλ may go down to -1.",
    mean="You use the mean of the eigenvalues. Descent diverges as soon as one direction does: the largest decides.",
    trace="You use the sum of the eigenvalues (the trace, the sum of the diagonal). Directions do not add up: the largest eigenvalue alone decides.",
    diagonal="You use the largest number on the diagonal, which is also the largest entry of H. The steepest direction need not lie along an axis: take the largest eigenvalue.",
    frobenius="You use the root of the sum of squares (the Frobenius norm), which is at least the largest eigenvalue and usually more. The border would come too early.",
    row_sums="You use the largest row sum. It is a bound for the eigenvalues; the border needs the largest eigenvalue itself.",
    upside_down="Your number grows with the steepness: it is turned upside down. Steeper bowls need smaller steps.",
    determinant="You use the determinant, the product of the eigenvalues. The largest one alone decides.",
    squared="You use squared eigenvalues (as those of HᵀH). For a symmetric H take the eigenvalues of H itself.",
    without_two="You return the largest eigenvalue. The border is where the factor 1 - ηλ reaches -1: solve that for η.",
    four="Your border is twice too far: at 2/λ already, every jump is as long as the one before.",
)
def max_stable_lr_with(made: Made, H: ndarray) -> float:
    eigenvalues = np.linalg.eigvalsh(H).astype(np.float64)
    largest, smallest = float(eigenvalues[-1]), float(eigenvalues[0])
    steepness = (
        smallest if made.smallest or made.one_over_smallest
        else (smallest + largest) if made.best
        else float(eigenvalues.mean()) if made.mean
        else float(np.trace(H)) if made.trace
        else float(np.diag(H).max()) if made.diagonal
        else float(np.sqrt((H**2).sum())) if made.frobenius
        else float(np.abs(H).sum(1).max()) if made.row_sums
        else float(np.prod(eigenvalues)) if made.determinant
        else largest**2 if made.squared
        else largest
    )  # fmt: skip
    if made.without_two:
        return largest
    if made.upside_down:
        return steepness / 2
    return (1 if made.one or made.one_over_smallest else 4 if made.four else 2) / steepness


# ---- predict_descent -------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["2.5"], without=["float32"])
def predict_descent(H: Float[ndarray, "d d"], lrs: list[float]) -> list[str]:
    """What gradient descent on f(w) = ½ wᵀHw will do, for each learning rate: one of three words.

    "slides": it converges to 0, and along no eigenvector of H does it ever change sides.
    "swings": it converges to 0, and along some eigenvector it changes sides in every step.
    "diverges": it gets farther and farther away, from almost every starting point.

    H is symmetric, and its eigenvalues are positive. No learning rate is within 1% of a border.
    """
    largest = np.linalg.eigvalsh(H)[-1]
    return ["slides" if lr * largest < 1 else "swings" if lr * largest < 2 else "diverges" for lr in lrs]


def spread_rates(rng: np.random.Generator, H: ndarray) -> list[float]:
    """Rates on both sides of every border that a misconception could draw, none near a right one, in random order.

    None is so large that trying it out for hundreds of steps overflows.
    """
    eigenvalues = np.linalg.eigvalsh(H)
    largest, smallest = float(eigenvalues[-1]), float(eigenvalues[0])
    steepness = [
        largest, smallest, smallest + largest, float(eigenvalues.mean()), float(np.trace(H)), float(np.diag(H).max()),
        float(np.sqrt((H**2).sum())), largest**2, 1.0,
    ]  # fmt: skip
    borders = sorted({k / s for s in steepness for k in (0.5, 1, 2, 4)})
    between = [float(np.sqrt(a * b)) for a, b in itertools.pairwise(borders)]
    rates = [borders[0] / 2, *between, 1.5 * borders[-1]]
    safe = [lr for lr in rates if 0.05 < lr * largest < 8 and min(abs(lr * largest / k - 1) for k in (1, 2)) > 0.015]
    return [float(f"{lr:.5g}") for lr in rng.permutation(safe)]


equivalent(
    predict_descent,
    {
        "return ['slides' if lr * largest < 1 else 'swings' if lr * largest <= 2 else 'diverges' for lr in lrs]": "No learning rate is within 1% of a border.",
        "return ['slides' if lr * largest <= 1 else 'swings' if lr * largest < 2 else 'diverges' for lr in lrs]": "No learning rate is within 1% of a border.",
    },
)


@cases(predict_descent)
def visible_predict_descent(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("steeper along one axis", np.array([[1.0, 0.0], [0.0, 4.0]]), [0.1, 0.4, 0.6, 1.5, 2.5, 0.2])
    H = bowl(rng, 3, 0.4, 7.0)
    yield Case("a turned bowl", H, spread_rates(rng, H)[:7])


@cases(predict_descent, hidden=True)
def hidden_predict_descent(rng: np.random.Generator) -> Iterator[Case]:
    for name, d, low, high in [
        ("2 weights", 2, 2.3, 3.1),
        ("3 weights", 3, 0.2, 5.3),
        ("7 weights", 7, 0.05, 0.4),
        ("5 weights, steep", 5, 2.1, 30.0),
    ]:
        H = bowl(rng, d, low, round(high * rng.uniform(1, 1.5), 3))
        yield Case(name, H, spread_rates(rng, H))
    H = np.array([[round(rng.uniform(2, 5), 2)]])
    yield Case("one weight", H, spread_rates(rng, H))


@mistakes(
    predict_descent,
    never_diverges="With a rate that is too large you expect descent to swing about the minimum. That holds up to 2/λ_max only; beyond it each jump is longer than the one before, and it diverges.",
    swinging_is_diverging="You expect descent to diverge as soon as it jumps across the minimum. If a jump is shorter than the one before, it still converges: up to 2/λ_max.",
    never_swings="You expect descent to slide until it diverges. Between 1/λ_max and 2/λ_max the factor 1 - ηλ is negative along the steepest direction: it changes sides in every step.",
    smallest="You decide by the smallest eigenvalue. The steepest direction, with the largest one, is the first to swing and to diverge.",
    all_swing="You expect descent to swing only if all directions do. One is enough: the steepest.",
    all_diverge="You expect descent to diverge only if all directions do. One is enough: the steepest.",
    mean="You decide by the mean of the eigenvalues. The largest decides.",
    trace="You decide by the sum of the eigenvalues, the trace. The largest decides.",
    diagonal="You decide by the largest number on the diagonal. The steepest direction need not lie along an axis: take the largest eigenvalue.",
    frobenius="You decide by the Frobenius norm, which is usually more than the largest eigenvalue.",
    squared="You use squared eigenvalues (as those of HᵀH). For a symmetric H take the eigenvalues of H itself.",
    fixed="You compare the rate itself with fixed numbers, 1 and 2. What is too large depends on the steepness: compare ηλ.",
    half="Your borders are at half of where they should be. Descent changes sides when 1 - ηλ < 0, and diverges when 1 - ηλ < -1.",
    double="Your borders are at twice where they should be. Descent changes sides when 1 - ηλ < 0, and diverges when 1 - ηλ < -1.",
    words_swapped="You swapped the words: small rates slide, larger ones swing.",
    sorted_by_rate="Your answers are in the order of the sorted rates. Keep the order in which they came.",
    first_only="You answer for the first rate only. One word for each is asked for.",
)
def predict_descent_with(made: Made, H: ndarray, lrs: list[float]) -> Any:
    eigenvalues = np.linalg.eigvalsh(H)
    largest, smallest = float(eigenvalues[-1]), float(eigenvalues[0])
    steepness = (
        smallest if made.smallest
        else float(eigenvalues.mean()) if made.mean
        else float(np.trace(H)) if made.trace
        else float(np.diag(H).max()) if made.diagonal
        else float(np.sqrt((H**2).sum())) if made.frobenius
        else largest**2 if made.squared
        else 1.0 if made.fixed
        else 2 * largest if made.half
        else largest / 2 if made.double
        else largest
    )  # fmt: skip
    swings = 1 / (smallest if made.all_swing else steepness)
    diverges = 2 / (smallest if made.all_diverge else steepness)
    if made.never_diverges:
        diverges = np.inf
    if made.swinging_is_diverging:
        diverges = swings
    if made.never_swings:
        swings = diverges
    words = ["diverges" if lr >= diverges else "swings" if lr >= swings else "slides" for lr in (sorted(lrs) if made.sorted_by_rate else lrs)]
    if made.words_swapped:
        words = [{"slides": "swings", "swings": "slides"}.get(word, word) for word in words]
    return words[:1] if made.first_only else words


# ---- minibatches -----------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["2.6"], shares={"one batch": 0.1})
def minibatches(n: int, b: int, rng: np.random.Generator) -> Iterable[Int[ndarray, "batch"]]:
    """The batches of one epoch: the indices 0 to n - 1, each exactly once, in random order, in arrays of b.

    If b does not divide n, the last batch is shorter. If b is greater than n, there is one batch, of
    all indices. The random order comes from `rng`, so that another call with it gives another order.
    Return a list of arrays, or `yield` one after the other.
    """
    order = rng.permutation(n)
    return [order[start : start + b] for start in range(0, n, b)]


@probe(minibatches)
def three_epochs(answer, n, b, seed):  # type: ignore[no-untyped-def]
    """Two epochs of one generator, and one of a new generator with the same seed."""
    import numpy as np

    rng = np.random.default_rng(seed)
    return [[np.asarray(batch) for batch in answer(n, b, generator)] for generator in (rng, rng, np.random.default_rng(seed))]


@verify(minibatches, unique=False)
def every_index_once(answer, n, b, seed):  # type: ignore[no-untyped-def]
    import numpy as np

    first, following, again = answer
    for epoch in answer:
        indices = np.concatenate(epoch)
        if indices.min() < 0 or indices.max() >= n:
            return "One of your indices is outside of the data: they run from 0 to n - 1."
        if len(np.unique(indices)) < n:
            return "Some index is there more than once in an epoch, and so another one is missing. Draw without replacement: shuffle all indices, and cut."
    indices = np.concatenate(first)
    if np.array_equal(indices, np.arange(n)):
        return "Your indices are in their natural order. Shuffle them first."
    if all(np.ptp(batch) == len(batch) - 1 for batch in first) and 1 < b < n:
        return "Each of your batches holds neighbours only, as when batches are cut first and shuffled then. Shuffle all indices, then cut."
    if (np.diff(indices) == 1).sum() > n / 2:
        return "Most neighbours stay neighbours in your order. Shuffle all indices."
    if not all(np.array_equal(x, y) for x, y in zip(first, again, strict=True)):
        return "The same `rng`, from the same seed, gives another order. All randomness comes from `rng`."
    if all(np.array_equal(x, y) for x, y in zip(first, following, strict=True)):
        return "The next epoch has the same order. Use the generator that you are given, not one of your own with a fixed seed."
    return None


def a_seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))


ONE_BATCH = "If b is greater than n, there is one batch, of all indices."


@cases(minibatches)
def visible_minibatches(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("23 examples, batches of 5", 23, 5, 0)
    yield Case("24 examples, batches of 4", 24, 4, 1)
    yield Case("13 examples, batches of 32", 13, 32, 2, group="one batch", hint=ONE_BATCH)


@cases(minibatches, hidden=True)
def hidden_minibatches(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("101 examples, batches of 7", 101, 7, a_seed(rng))
    yield Case("a last batch of one", 31, 3, a_seed(rng))
    yield Case("b divides n", 55, 11, a_seed(rng))
    yield Case("batches of one", 29, 1, a_seed(rng))
    yield Case("two batches", 37, 23, a_seed(rng))
    yield Case("b is greater than n", 17, 19, a_seed(rng), group="one batch", hint=ONE_BATCH)


@mistakes(
    minibatches,
    last_dropped="You drop the last, shorter batch. Its examples go unseen in this epoch. (PyTorch's DataLoader has a switch for it, `drop_last`, which is off.)",
    empty_last="When b divides n, your last batch is empty. Its mean would be 0 / 0.",
    natural_order="Your indices are in their natural order. Shuffle them first.",
    with_replacement="You draw with replacement: some indices come twice, others never. Shuffle all indices, and cut.",
    shuffled_inside="You cut first and shuffle inside each batch, so that the same examples always meet. Shuffle all indices, then cut.",
    batches_shuffled="You shuffle the batches, whose members are neighbours. Shuffle all indices, then cut.",
    own_generator="You make a generator of your own, with a fixed seed, and every epoch has the same order. Use `rng`.",
    b_batches="You make b batches. b is how many examples a batch holds.",
    equal_sizes="You cut into nearly equal parts, as `np.array_split` does. All batches hold b indices, only the last may be shorter.",
    short_first="Your shorter batch is the first. It is the last.",
    last_filled_up="You fill the last batch up with indices that were there before. Each index comes once, and the last batch is shorter.",
    from_one="Your indices run from 1 to n. They run from 0 to n - 1.",
    last_index_missing="The index n - 1 never comes.",
    overlapping="Your batches overlap: each starts at the last index of the one before. Start b further on.",
    first_only="You return the first batch only, as when `return` stands inside of the loop. All batches of the epoch are asked for.",
    b_ignored="You return one batch of all indices. Cut them into batches of b.",
    one_longer="Your batches hold b + 1 indices.",
    raises_for_one="Your code fails when b is greater than n. Then there is one batch, of all indices.",
    no_batch="When b is greater than n, you return no batch. Then there is one, of all indices.",
)
def minibatches_with(made: Made, n: int, b: int, rng: np.random.Generator) -> Any:
    if b > n and made.raises_for_one:
        raise ValueError("b is greater than n")
    if b > n and made.no_batch:
        return []
    if made.own_generator:
        rng = np.random.default_rng(0)
    order = rng.permutation(n)
    if made.with_replacement:
        order = rng.integers(n, size=n)
    if made.natural_order or made.shuffled_inside or made.batches_shuffled:
        order = np.arange(n)
    order = order + 1 if made.from_one else order[order < n - 1] if made.last_index_missing else order
    size = b + int(made.one_longer)
    if made.b_ignored:
        return [order]
    if made.b_batches or made.equal_sizes:
        return np.array_split(order, b if made.b_batches else -(-n // b))
    starts = range(0, len(order), size)
    if made.overlapping:
        starts = range(0, len(order), max(1, size - 1))
    batches = [order[start : start + size] for start in starts]
    if made.short_first and n % b:
        batches = [order[: n % b], *(order[start : start + b] for start in range(n % b, n, b))]
    if made.last_dropped:
        batches = [batch for batch in batches if len(batch) == size]
    if made.empty_last and n % b == 0:
        batches.append(order[:0])
    if made.last_filled_up:
        batches[-1] = np.concatenate([batches[-1], order[: max(0, size - len(batches[-1]))]])
    if made.shuffled_inside:
        batches = [rng.permutation(batch) for batch in batches]
    if made.batches_shuffled:
        full = [batches[k] for k in rng.permutation(n // b)]
        batches = [*full, *batches[n // b :]]
    return batches[:1] if made.first_only else batches


# ---- sgd_epoch -------------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["2.6"], forbid=["sklearn.linear_model.SGDRegressor"])
def sgd_epoch(
    X: Float[ndarray, "n d"], y: Float[ndarray, "n"], w: Float[ndarray, "d"], lr: float, batches: list[Int[ndarray, "batch"]]
) -> Float[ndarray, "d"]:
    """The weights after one epoch of minibatch SGD: one step of gradient descent for each batch, in order.

    A batch holds the indices of its examples; an index may be there more than once, and counts as
    often. Each step follows the gradient, at the current weights, of the batch's own loss
    |y - Xw|² / (2m), where X and y are those of the m examples in the batch. Batches may differ in
    size. Return new weights; w stays as it is.
    """
    for batch in batches:
        w = w - lr * X[batch].T @ (X[batch] @ w - y[batch]) / len(batch)
    return w


def regression(rng: np.random.Generator, n: int, d: int) -> tuple[ndarray, ndarray, ndarray]:
    return rng.normal(size=(n, d)), 2 * rng.normal(size=n), rng.normal(size=d)


def cut(rng: np.random.Generator, n: int, b: int) -> list[ndarray]:
    order = rng.permutation(n)
    return [order[start : start + b] for start in range(0, n, b)]


@cases(sgd_epoch)
def visible_sgd_epoch(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("7 examples, batches of 3", *regression(rng, 7, 2), 0.2, cut(rng, 7, 3))
    yield Case("one batch of all 5 examples", *regression(rng, 5, 3), 0.1, cut(rng, 5, 5))


@cases(sgd_epoch, hidden=True)
def hidden_sgd_epoch(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("17 examples, batches of 5", *regression(rng, 17, 3), round(rng.uniform(0.1, 0.2), 3), cut(rng, 17, 5))
    yield Case("11 examples, batches of 2", *regression(rng, 11, 5), round(rng.uniform(0.05, 0.1), 3), cut(rng, 11, 2))
    yield Case("batches of one", *regression(rng, 5, 2), round(rng.uniform(0.1, 0.2), 3), cut(rng, 5, 1))
    thrice = rng.permutation(7)[[2, 5, 2, 2, 3]]
    yield Case("an example that is there three times", *regression(rng, 7, 3), round(rng.uniform(0.1, 0.2), 3), [thrice, rng.permutation(7)[:3]])
    yield Case("batches of 5, 5 weights", *regression(rng, 23, 5), round(rng.uniform(0.05, 0.1), 3), cut(rng, 23, 5))


@mistakes(
    sgd_epoch,
    total="You add up the gradients of a batch. Divide by the number of its examples: otherwise a batch twice as large takes steps twice as long, and every batch size needs another learning rate.",
    divided_by_n="You divide by the number of all examples. Divide by the number of those in the batch.",
    divided_by_the_first="You divide by the size of the first batch. The last one may be shorter: divide by its own size.",
    divided_by_distinct="You count each example of a batch once. An index that is there three times counts three times.",
    no_half="Your gradient is that of |y - Xw|² / m. With the ½ it is half as large.",
    ascent="You walk uphill: the gradient Xᵀ(Xw - y) / m is subtracted.",
    gradient_at_start="All your gradients are taken at the weights from before the epoch. Each batch starts from what the one before it has made of them.",
    one_step="You average over all batches and take one step. SGD takes one step for each batch.",
    full_gradient="You use all the data in every step. A step looks at its own batch only: that is what makes it cheap.",
    next_rows="You take the next rows of X, as many as the batch holds. A batch says which rows are its own.",
    example_by_example="You take one step for each example. One step for each batch, along the mean of its gradients.",
    first_only="You stop after the first batch.",
    last_only="Only your last batch counts. Each step starts where the one before has led.",
    short_skipped="You skip the batch that is shorter than the others. It counts like any other.",
    lr_divided="You divide the learning rate by the number of batches. It holds for each step.",
    lr_missing="You take the whole gradient. Multiply it by the learning rate.",
    mean_of_weights="You return the mean of the weights over the epoch. The last ones are asked for.",
    all_weights="You return the weights after every step. The last ones are asked for.",
    reversed="You go through the batches backwards.",
    float32_buffer="You compute in float32: float64 values lose half of their digits.",
)
def sgd_epoch_with(made: Made, X: ndarray, y: ndarray, w: ndarray, lr: float, batches: list[ndarray]) -> Any:
    start, visited, seen = w, [], 0
    lr = lr / len(batches) if made.lr_divided else 1.0 if made.lr_missing else lr
    m = len(batches[0])
    if made.example_by_example:
        batches = [batch[k : k + 1] for batch in batches for k in range(len(batch))]
    if made.divided_by_distinct:
        batches = [np.unique(batch) for batch in batches]
    if made.short_skipped:
        batches = [batch for batch in batches if len(batch) == max(len(other) for other in batches)]
    batches = batches[:1] if made.first_only else batches[-1:] if made.last_only else batches[::-1] if made.reversed else batches
    for batch in batches:
        chosen = batch
        if made.next_rows:
            chosen = np.arange(seen, seen + len(batch)) % len(y)
        if made.full_gradient:
            chosen = np.arange(len(y))
        seen += len(batch)
        g = slope(X[chosen], y[chosen], start if made.gradient_at_start or made.one_step else w) * len(chosen)
        size = 1 if made.total else len(y) if made.divided_by_n else m if made.divided_by_the_first else len(chosen)
        step = (lr * g / size) * (2 if made.no_half else -1 if made.ascent else 1) / (len(batches) if made.one_step else 1)
        w = w - step
        visited.append(w)
    if made.all_weights:
        return np.stack(visited)
    if made.mean_of_weights:
        return np.mean(visited, axis=0)
    return w.astype(np.float32) if made.float32_buffer else w
