"""Optimization problems: constraints, local and global minima, convexity, and projections onto convex sets."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Num
from numpy import ndarray

from autograder.exercise import Case, Made, cases, equivalent, exercise, mistakes, probe, verify

Function = Callable[[ndarray], float]

# ---- feasible --------------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["8.1"])
def feasible(
    points: Float[ndarray, "n dim"],
    equalities: Sequence[Callable[[ndarray], float]],
    inequalities: Sequence[Callable[[ndarray], float]],
    tol: float,
) -> Bool[ndarray, "n"]:
    """Which of the points satisfy every constraint? True where they do.

    Each constraint is a function that takes one point, an array [dim], and returns a number. A
    point is feasible if |h(x)| <= tol for every h in `equalities`, and g(x) <= tol for every g
    in `inequalities`. Either list may be empty.
    """
    return np.array([all(abs(h(x)) <= tol for h in equalities) and all(g(x) <= tol for g in inequalities) for x in points])


@probe(feasible)
def planes_and_half_spaces(answer, points, normals, offsets, count, tol):  # type: ignore[no-untyped-def]
    """Constraint k is normals[k]·x - offsets[k]; the first `count` are equalities."""

    def constraint(k):  # type: ignore[no-untyped-def]
        return lambda x: float(normals[k] @ x - offsets[k])

    functions = [constraint(k) for k in range(len(offsets))]  # type: ignore[no-untyped-call]
    return answer(points, functions[:count], functions[count:], tol)


def constrained(rng: np.random.Generator, equalities: int, inequalities: int, tol: float, exact: bool = False) -> tuple[Any, ...]:
    """Points for which each constraint has a chosen value, in units of tol: 0.8 is within, 3 is outside.

    Where they are to be exact, each constraint looks at one coordinate, and for one point the equalities hold without any rounding error.
    """
    m = equalities + inequalities
    fine = np.concatenate([rng.choice([-0.8, 0.8], size=(m + 2, equalities)), rng.uniform(-900, -200, size=(m + 2, inequalities))], axis=1)
    rows = list(fine)
    for k in range(m):
        for value in (-3.0, 3.0) if k < equalities else (3.0, 0.5, -0.5):
            row = fine[k].copy()
            row[k] = value
            rows.append(row)
    if equalities > 1:
        cancel = fine[0].copy()
        cancel[:2] = 4.0, -4.0
        rows.append(cancel)
    if inequalities > 0:
        outside = fine[1].copy()
        outside[equalities:] = rng.uniform(200, 900, size=inequalities)
        rows += [outside, -fine[0]]
    if equalities > 0:
        rows.append(np.concatenate([rng.choice([-2, 2], size=equalities) * tol**-0.5, fine[0][equalities:]]))
    if exact:
        rows.append(np.concatenate([np.zeros(equalities), fine[0][equalities:]]))
    values = tol * rng.permutation(np.array(rows))
    normals = np.linalg.qr(rng.normal(size=(m, m)))[0] * rng.uniform(0.7, 1.5, size=(m, 1))
    offsets = rng.normal(size=m)
    if exact:
        normals, offsets = rng.permutation(np.eye(m)) * rng.choice([-2, -1, 1, 2], size=(m, 1)), np.round(offsets * 8) / 8
    return np.linalg.solve(normals, (values + offsets).T).T.copy(), normals, offsets, equalities, tol


equivalent(
    feasible,
    {
        "return np.array([all((abs(h(x)) <= tol for h in equalities)) and all((g(x) < tol for g in inequalities)) for x in points])": "No number is exactly at the limit, where rounding would decide.",
        "return np.array([all((abs(h(x)) < tol for h in equalities)) and all((g(x) <= tol for g in inequalities)) for x in points])": "No number is exactly at the limit, where rounding would decide.",
    },
)


@cases(feasible)
def visible_feasible(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("one equality, two inequalities", *constrained(rng, 1, 2, 0.01, exact=True))
    yield Case("two equalities, one inequality", *constrained(rng, 2, 1, 0.001))


@cases(feasible, hidden=True)
def hidden_feasible(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("two equalities, three inequalities", *constrained(rng, 2, 3, 0.001))
    yield Case("three equalities, two inequalities", *constrained(rng, 3, 2, 0.01))
    yield Case("equalities only", *constrained(rng, 3, 0, 0.01))
    yield Case("inequalities only", *constrained(rng, 0, 5, 0.001))
    yield Case("a wide tolerance", *constrained(rng, 2, 2, 0.03))


@mistakes(
    feasible,
    g_at_least_zero="You take g(x) >= 0 to be allowed. That is another convention (SciPy's SLSQP has it); here an inequality reads g(x) <= 0.",
    exact_equality="You ask for h(x) == 0 exactly, or nearly so. Rounding errors alone break that: |h(x)| <= tol is enough.",
    one_sided="You accept every h(x) <= tol, however negative. An equality is violated on both sides of 0: compare |h(x)|.",
    exact_inequality="You ask for g(x) <= 0 exactly. Rounding errors may lift a point on the boundary a little: g(x) <= tol is enough.",
    stricter="You ask for g(x) <= -tol. A tolerance lets more points in, not fewer.",
    any_equality="One equality that holds is enough for you. All of them must hold.",
    any_inequality="One inequality that holds is enough for you. All of them must hold.",
    no_equalities="You never look at the equalities.",
    no_inequalities="You never look at the inequalities.",
    summed="You add up the values of the equalities before you compare. Violations of opposite signs cancel: compare each one.",
    norm="You compare the norm of all equalities together with tol. Each one for itself may be as far off as tol.",
    squared="You compare h(x)² with tol. That accepts values up to the root of tol.",
    negated="You return True where a point is not feasible.",
)
def feasible_with(made: Made, points: ndarray, equalities: Any, inequalities: Any, tol: float) -> ndarray:
    h = np.array([[h(x) for h in equalities] for x in points]).reshape(len(points), len(equalities))
    g = np.array([[g(x) for g in inequalities] for x in points]).reshape(len(points), len(inequalities))
    size = h**2 if made.squared else h if made.one_sided else np.abs(h)
    if made.summed:
        size = np.abs(h.sum(1, keepdims=True))
    if made.norm:
        size = np.sqrt((h**2).sum(1, keepdims=True))
    fine_h: Any = size <= (0 if made.exact_equality else tol)
    fine_g: Any = -g <= tol if made.g_at_least_zero else g <= (0 if made.exact_inequality else -tol if made.stricter else tol)
    fine_h = fine_h.any(1) if made.any_equality and h.shape[1] else fine_h.all(1) | made.no_equalities
    fine_g = fine_g.any(1) if made.any_inequality and g.shape[1] else fine_g.all(1) | made.no_inequalities
    return (fine_h & fine_g) ^ made.negated


# ---- lagrangian ------------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["8.1"])
def lagrangian(
    x: Float[ndarray, "dim"],
    f: Callable[[ndarray], float],
    equalities: Sequence[Callable[[ndarray], float]],
    inequalities: Sequence[Callable[[ndarray], float]],
    lam: Float[ndarray, "m"],
    mu: Float[ndarray, "r"],
) -> float:
    """The Lagrangian L(x, lam, mu) of: minimise f(x), where h(x) = 0 for every h in `equalities`
    and g(x) <= 0 for every g in `inequalities`.

    To f it adds each h times its multiplier in `lam`, and each g times its multiplier in `mu`.
    Either list may be empty. Boyd and Vandenberghe (2004), section 5.1.
    """
    at_equalities = sum(float(weight) * h(x) for weight, h in zip(lam, equalities, strict=True))
    return float(f(x) + at_equalities + sum(float(weight) * g(x) for weight, g in zip(mu, inequalities, strict=True)))


@probe(lagrangian)
def balls_and_planes(answer, x, target, normals, centres, lam, mu):  # type: ignore[no-untyped-def]
    """f is half the squared distance to the target, h_j(x) = normals[j]·x - 1, g_i(x) = |x - centres[i]|² - 1."""

    def plane(normal):  # type: ignore[no-untyped-def]
        return lambda z: float(normal @ z - 1)

    def ball(centre):  # type: ignore[no-untyped-def]
        return lambda z: float(((z - centre) ** 2).sum() - 1)

    planes, balls = [plane(n) for n in normals], [ball(c) for c in centres]  # type: ignore[no-untyped-call]
    return answer(x, lambda z: float(((z - target) ** 2).sum() / 2), planes, balls, lam, mu)


def with_multipliers(rng: np.random.Generator, dim: int, m: int, r: int) -> tuple[ndarray, ...]:
    x = rng.normal(size=dim)
    directions = rng.normal(size=(r, dim))
    distance = np.where(np.arange(r) % 2, 0.4, 1.6)[:, None]  # x lies outside of every other ball
    centres = x + directions / np.linalg.norm(directions, axis=1, keepdims=True) * distance
    return x, rng.normal(size=dim), rng.normal(size=(m, dim)), centres, 2 * rng.normal(size=m), rng.uniform(0.5, 3, size=r)


@cases(lagrangian)
def visible_lagrangian(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("two equalities, three inequalities", *with_multipliers(rng, 5, 2, 3))
    yield Case("as many of both", *with_multipliers(rng, 3, 2, 2))


@cases(lagrangian, hidden=True)
def hidden_lagrangian(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("three equalities, two inequalities", *with_multipliers(rng, 7, 3, 2))
    yield Case("three of both", *with_multipliers(rng, 2, 3, 3))
    yield Case("equalities only", *with_multipliers(rng, 5, 3, 0))
    yield Case("inequalities only", *with_multipliers(rng, 3, 0, 2))
    yield Case("in one dimension", *with_multipliers(rng, 1, 2, 5))


@mistakes(
    lagrangian,
    subtracted="You subtract the constraints. That is another convention, with multipliers of the opposite sign; here they are added.",
    inequalities_subtracted="You subtract the inequalities. That fits constraints written g(x) >= 0; here g(x) <= 0, so a violation adds to the Lagrangian.",
    multipliers_swapped="Your multipliers are swapped: `lam` belongs to the equalities, `mu` to the inequalities.",
    no_objective="The objective f(x) is missing.",
    no_equalities="The equalities are missing.",
    no_inequalities="The inequalities are missing.",
    squared="You square the equalities. That is a penalty; the Lagrangian takes them as they are, and a multiplier may be negative.",
    squared_inequalities="You square the inequalities. That is a penalty; the Lagrangian takes them as they are.",
    absolute="You take absolute values of the equalities. A multiplier may be negative, and so may h(x).",
    positive_part="You count an inequality only where it is violated. That is a penalty; in the Lagrangian a negative g(x) counts as well.",
    no_multipliers="You add the constraints without their multipliers.",
    shared_multiplier="You multiply the sum of the constraints by the sum of the multipliers. Each constraint has a multiplier of its own.",
    averaged="You take the mean over the constraints of a kind. It is their sum.",
    each_alone="You return the terms one by one. The Lagrangian is one number, their sum.",
)
def lagrangian_with(made: Made, x: ndarray, f: Function, equalities: Any, inequalities: Any, lam: ndarray, mu: ndarray) -> Any:
    h, g = np.array([h(x) for h in equalities]), np.array([g(x) for g in inequalities])
    if made.multipliers_swapped:
        lam, mu = mu, lam
    h = h**2 if made.squared else np.abs(h) if made.absolute else h
    g = g**2 if made.squared_inequalities else g
    g = np.maximum(g, 0) if made.positive_part else g
    lam, mu = (np.ones(len(v)) if made.no_multipliers else v for v in (lam, mu))
    terms = [
        0.0 if made.no_objective else f(x),
        0.0 if made.no_equalities else weighted_with(made, lam, h),
        0.0 if made.no_inequalities else weighted_with(made, mu, g),
    ]
    if made.each_alone:
        return [float(t) for t in terms]
    sign = -1 if made.subtracted else 1
    return float(terms[0] + sign * terms[1] + (-1 if made.inequalities_subtracted else sign) * terms[2])


def weighted_with(made: Made, weights: ndarray, values: ndarray) -> float:
    m = min(len(weights), len(values))  # as `zip` does it
    total = float(weights.sum() * values.sum()) if made.shared_multiplier else float(weights[:m] @ values[:m])
    return total / max(len(values), 1) if made.averaged else total


# ---- classify_stationary ---------------------------------------------------------------------------------------------


@exercise(points=2, rows=["8.2"])
def classify_stationary(hessian: Float[ndarray, "dim dim"], tol: float) -> str:
    """What the Hessian, which is symmetric, tells about a point where the gradient is 0.

    One of "minimum", "maximum", "saddle" (some directions lead up and some lead down) and
    "undecided" (the Hessian alone cannot tell). Eigenvalues between -tol and tol count as 0.
    """
    eigenvalues = np.linalg.eigvalsh(hessian)
    up, down = eigenvalues > tol, eigenvalues < -tol
    if up.any() and down.any():
        return "saddle"
    return "minimum" if up.all() else "maximum" if down.all() else "undecided"


@probe(classify_stationary)
def one_after_the_other(answer, hessians, tol):  # type: ignore[no-untyped-def]
    return [answer(hessian, tol) for hessian in hessians]


def hessians(rng: np.random.Generator, *signs: str) -> list[ndarray]:
    """One for each word such as `++-0`: eigenvalues of these signs, in random directions."""
    made = []
    for word in signs:
        values = np.array([{"+": 1, "-": -1, "0": 0}[s] for s in word]) * rng.uniform(0.2, 2, size=len(word))
        axes = np.linalg.qr(rng.normal(size=(len(word), len(word))))[0]
        hessian = axes @ np.diag(values) @ axes.T
        made.append((hessian + hessian.T) / 2)
    return made


def tilted(rng: np.random.Generator) -> ndarray:
    """A saddle with a positive diagonal."""
    a, b = rng.uniform(0.5, 1, size=2)
    return np.array([[a, 2.0], [2.0, b]])


equivalent(
    classify_stationary,
    {
        "up, down = (eigenvalues > tol, eigenvalues <= -tol)": "No eigenvalue is exactly at the limit, where rounding would decide.",
        "up, down = (eigenvalues >= tol, eigenvalues < -tol)": "No eigenvalue is exactly at the limit, where rounding would decide.",
    },
)


@cases(classify_stationary)
def visible_classify_stationary(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("2×2", hessians(rng, "++", "--", "+-", "+0", "0-", "00"), 1e-3)
    yield Case("3×3", hessians(rng, "+++", "---", "+--", "++-", "+0-", "++0", "--0"), 1e-3)
    yield Case("a wide tolerance", [*hessians(rng, "+++", "--"), *(0.1 * h for h in hessians(rng, "++", "-+", "---"))], 0.6)


@cases(classify_stationary, hidden=True)
def hidden_classify_stationary(rng: np.random.Generator) -> Iterator[Case]:
    def shuffled(*signs: str) -> list[ndarray]:
        return hessians(rng, *rng.permutation(signs).tolist())

    yield Case("2×2", [*shuffled("++", "--", "+-", "-0", "0+"), tilted(rng), -tilted(rng)], 1e-3)
    yield Case("3×3", shuffled("+++", "---", "+--", "++-", "+0-", "++0", "--0", "000", "00+"), 1e-3)
    yield Case("5×5", shuffled("+++++", "-----", "++++-", "+----", "++00-", "+++00", "--000", "+-+-+", "++--0"), 1e-3)
    yield Case("1×1", [np.array([[s * rng.uniform(0.2, 2)]]) for s in rng.permutation([1, -1, 0, 1e-6, -1e-6])], 1e-3)
    yield Case("a wide tolerance", [*shuffled("+++", "++-", "---"), *(0.1 * h for h in shuffled("++", "-+", "--"))], 0.6)


@mistakes(
    classify_stationary,
    always_minimum="You call every stationary point a minimum. Where the gradient is 0 there may also be a maximum or a saddle.",
    swapped="Minimum and maximum are swapped. Where all eigenvalues are positive, every direction leads up, and the point is a minimum.",
    semidefinite="You decide although an eigenvalue is 0. Along such a direction the Hessian says nothing: x⁴ and -x⁴ have the same one.",
    flat_first="A direction that is flat does not undo the others: where one leads up and another leads down, it is a saddle in any case.",
    flat_is_saddle="You call a point with flat directions a saddle. A saddle has directions that lead up and directions that lead down.",
    determinant="You judge by the sign of the determinant, a product of all eigenvalues: two negative ones make it positive as well.",
    determinant_and_corner="You use the rule for two variables, determinant and upper left entry. With three or more variables the determinant does not tell the signs.",
    diagonal="You look at the diagonal only. Look at the eigenvalues: a Hessian with a positive diagonal may have a negative one.",
    trace="You judge by the sum of the eigenvalues. All of them must have the same sign.",
    no_tolerance="You compare eigenvalues with 0 exactly. Those between -tol and tol count as 0.",
    relative="You compare eigenvalues with tol times the largest one. Here tol is taken as it is.",
    never_undecided="You have no answer for flat directions: what is no minimum and no maximum is not yet a saddle.",
)
def classify_stationary_with(made: Made, hessian: ndarray, tol: float) -> str:
    values = np.diag(hessian) if made.diagonal else np.linalg.eigvalsh(hessian)
    if made.trace:
        values = values.sum(keepdims=True)
    if made.always_minimum:
        return "minimum"
    tol = 0.0 if made.no_tolerance else tol * np.abs(values).max() if made.relative else tol
    if made.determinant or made.determinant_and_corner:
        return by_determinant_with(made, hessian, tol)
    up, down = bool((values > tol).any()), bool((values < -tol).any())
    flat = bool((np.abs(values) <= tol).any())
    if flat and made.flat_first:
        return "undecided"
    if up and down:
        return "saddle"
    if flat and (made.flat_is_saddle or (made.never_undecided and not made.semidefinite)):
        return "saddle" if made.never_undecided or up or down else "undecided"
    if flat and not made.semidefinite:
        return "undecided"
    return "maximum" if down ^ made.swapped else "minimum"


def by_determinant_with(made: Made, hessian: ndarray, tol: float) -> str:
    determinant = np.linalg.det(hessian)
    if abs(determinant) <= tol:
        return "undecided"
    if made.determinant:
        return "minimum" if determinant > 0 else "maximum"
    return "saddle" if determinant < 0 else "minimum" if hessian[0, 0] > 0 else "maximum"


# ---- basins ----------------------------------------------------------------------------------------------------------


@exercise(points=3, rows=["8.2", "8.4"], without=["float32"])
def basins(
    grad: Callable[[ndarray], ndarray],
    starts: Float[ndarray, "n dim"],
    lr: float,
    steps: int,
    tol: float = 1e-3,
) -> tuple[Float[ndarray, "ends dim"], Int[ndarray, "n"]]:
    """Gradient descent from every start: the different end points, and for every start the row of
    the end point that it reached.

    `grad` takes points, an array [n, dim], and returns the gradient at each, of the same shape.
    All points take `steps` steps of x - lr·grad(x). End points at most `tol` apart are the same
    one. They are listed in the order in which the starts reach them: row 0 belongs to start 0.
    """
    x = starts
    for _ in range(steps):
        x = x - lr * grad(x)
    ends: list[ndarray] = []
    labels = []
    for point in x:
        near = [k for k, end in enumerate(ends) if np.linalg.norm(point - end) <= tol]
        if not near:
            ends.append(point)
        labels.append(near[0] if near else len(ends) - 1)
    return np.array(ends), np.array(labels)


@probe(basins)
def waves(answer, starts, frequency, shift, flat, lr, steps, tol=None):  # type: ignore[no-untyped-def]
    """f(x) is the sum of -cos(frequency·(x - shift)) / frequency over the coordinates, with a minimum in every trough,
    and constant where a coordinate is greater than `flat`."""
    import numpy as np

    def grad(x):  # type: ignore[no-untyped-def]
        return np.where(x > flat, 0.0, np.sin(frequency * (x - shift)))

    return answer(grad, starts, lr, steps) if tol is None else answer(grad, starts, lr, steps, tol)


def wavy(
    rng: np.random.Generator, n: int, dim: int, lr: float, steps: int, tol: float | None = None, ridge: bool = False, flat: float = 1e9
) -> tuple[Any, ...]:
    """Starts in three troughs a coordinate, away from their borders; the last but one on a ridge, if wanted, where it stays, and one near to it."""
    frequency, shift = rng.uniform(1.5, 2.0, size=dim), np.zeros(dim) if ridge else rng.normal(size=dim)
    trough = rng.integers(-1, 2, size=(n, dim))
    trough[n // 2] = trough[0]
    trough[-1] = trough[1]
    starts = shift + (2 * np.pi * trough + rng.uniform(-2.3, 2.3, size=(n, dim))) / frequency
    if ridge:  # at 0 the sine is exactly 0, and minus the sine turns this trough into a ridge
        frequency = -frequency
        starts[-2] = 0.0
        starts[1] = -0.6 / frequency
    rest = (lr, steps) if tol is None else (lr, steps, tol)
    return starts, frequency, shift, flat, *rest


equivalent(
    basins,
    {
        "near = [k for k, end in enumerate(ends) if np.linalg.norm(point - end) < tol]": "No two end points are exactly `tol` apart, where rounding would decide.",
        "labels.append(near[-1] if near else len(ends) - 1)": "The text leaves open to which of two end points within `tol` a third belongs.",
    },
)


@cases(basins)
def visible_basins(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("7 starts on a line, one of them on a ridge", *wavy(rng, 7, 1, 0.3, 150, ridge=True))
    yield Case("11 starts in the plane", *wavy(rng, 11, 2, 0.3, 150))
    yield Case("2 steps in the plane", *wavy(rng, 5, 2, 0.2, 2, tol=1e-6))


@cases(basins, hidden=True)
def hidden_basins(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("13 starts in the plane", *wavy(rng, 13, 2, 0.3, 150))
    yield Case("a start that stays on a ridge", *wavy(rng, 11, 1, 0.25, 200, ridge=True))
    yield Case("some starts on a plateau", *wavy(rng, 13, 1, 0.3, 150, flat=2.5))
    yield Case("3 steps in space", *wavy(rng, 5, 3, 0.15, 3, tol=1e-6))
    yield Case("a wide tolerance, not converged", *wavy(rng, 17, 1, 0.3, 9, tol=0.7))
    yield Case("no step", *wavy(rng, 3, 2, 0.3, 0, tol=1e-6))
    yield Case("as many starts as dimensions", *wavy(rng, 3, 3, 0.3, 150))


@mistakes(
    basins,
    ascent="You go uphill. A step goes against the gradient: x - lr·grad(x).",
    one_step_fewer="You take one step too few. Count what your loop does.",
    one_step_more="You take one step too many. Count what your loop does.",
    no_lr="You step by the whole gradient. Multiply it by lr.",
    sign_only="You step by lr in the direction of the gradient, whatever its size. Here the step is lr times the gradient.",
    gradient_kept="You take all steps with the gradient at the start. It changes with every step: ask for it again.",
    exact="You compare end points exactly. Descent stops a tiny bit before a minimum, each time elsewhere: end points at most tol apart are the same one.",
    rounded="You sort out rounded end points, as with `np.unique`. Two that lie on both sides of a rounding border are then different, and what is returned should be the end points themselves, in the order in which they are reached.",
    sorted_ends="You sort the end points. They are listed in the order in which the starts reach them.",
    counts="You return how many starts reach each end point. Return for each start which one it reached.",
    from_one="Your rows are counted from 1. Row 0 is the first.",
    nearest_to_start="You give each start the end point that is nearest to it. What counts is where its own descent leads.",
    previous_only="You compare each end point with the one before only, so one that was seen earlier is listed again.",
    starts_returned="You return the starts where the end points are due.",
    all_ends="You return every start's end point. Each different one is listed once.",
    first_coordinate="You compare only the first coordinate of end points. Two different ones may share it.",
)
def basins_with(made: Made, grad: Any, starts: ndarray, lr: float, steps: int, tol: float = 1e-3) -> Any:
    x = starts
    for _ in range(max(0, steps + made.one_step_more - made.one_step_fewer)):
        g = grad(starts if made.gradient_kept else x)
        g = np.sign(g) if made.sign_only else g
        x = x - (-1 if made.ascent else 1) * (1 if made.no_lr else lr) * g
    if made.rounded:
        ends, labels = np.unique(np.round(x, 3), axis=0, return_inverse=True)
        return ends, labels.reshape(-1)
    kept: list[int] = []
    labels = np.zeros(len(x), dtype=int)
    for i, point in enumerate(x):
        distances = np.array([distance_with(made, point, x[k]) for k in kept])
        near = np.flatnonzero(distances <= (0 if made.exact else tol))
        if made.previous_only:
            near = near[near == labels[i - 1]] if i else near
        if not len(near):
            kept.append(i)
        labels[i] = near[0] if len(near) else len(kept) - 1
    ends = (starts if made.starts_returned else x)[kept]
    if made.sorted_ends:
        order = np.lexsort(ends.T[::-1])
        ends, labels = ends[order], np.argsort(order)[labels]
    if made.nearest_to_start:
        labels = np.array([np.argmin([distance_with(made, s, e) for e in ends]) for s in starts])
    if made.counts:
        labels = np.bincount(labels)
    return x * 1.0 if made.all_ends else ends, labels + int(made.from_one)


def distance_with(made: Made, a: ndarray, b: ndarray) -> float:
    return float(abs(a[0] - b[0])) if made.first_coordinate else float(np.linalg.norm(a - b))


# ---- midpoint_counterexample -----------------------------------------------------------------------------------------


@exercise(points=3, rows=["8.3"])
def midpoint_counterexample(
    f: Callable[[ndarray], float], points: Float[ndarray, "n dim"], tol: float
) -> tuple[Float[ndarray, "dim"], Float[ndarray, "dim"]] | None:
    """Two of the points that prove that f is not convex, or None if no two do.

    The pair (x, y) is a proof if f at the middle between x and y is greater than the mean of
    f(x) and f(y) by more than `tol`. Any such pair is right. Try all pairs.
    """
    values = [f(x) for x in points]
    for i in range(len(points)):
        for j in range(i):
            if f((points[i] + points[j]) / 2) > (values[i] + values[j]) / 2 + tol:
                return points[i], points[j]
    return None


@probe(midpoint_counterexample)
def of_functions_by_name(answer, problems):  # type: ignore[no-untyped-def]
    import numpy as np

    formulas = {
        "linear": lambda x, w: w @ x,
        "log-sum-exp": lambda x, w: np.log(np.exp(w * x).sum()),
        "distance": lambda x, w: np.sqrt(((x - w) ** 2).sum()),
        "root of the distance": lambda x, w: ((x - w) ** 2).sum() ** 0.25,
        "weighted squares": lambda x, w: (w * x * x).sum(),
        "bump in a plane": lambda x, w: np.exp(-8 * ((x - w) ** 2).sum()),
        # the loss of two hidden units, each with two weights, a bias and the weight of its output, on the four cases of XOR
        "xor network": lambda x, w: ((np.maximum(w[:, :2] @ x.reshape(2, 4)[:, :2].T + x[2::4], 0) @ x[3::4] - w[:, 2]) ** 2).mean(),
    }
    return [answer(lambda x, name=name, w=w: float(formulas[name](x, w)), points, tol) for name, points, w, tol in problems]


@verify(midpoint_counterexample, unique=False)
def they_are_proofs(answers, problems):  # type: ignore[no-untyped-def]
    import numpy as np

    formulas = {
        "linear": lambda x, w: w @ x,
        "log-sum-exp": lambda x, w: np.log(np.exp(w * x).sum()),
        "distance": lambda x, w: np.sqrt(((x - w) ** 2).sum()),
        "root of the distance": lambda x, w: ((x - w) ** 2).sum() ** 0.25,
        "weighted squares": lambda x, w: (w * x * x).sum(),
        "bump in a plane": lambda x, w: np.exp(-8 * ((x - w) ** 2).sum()),
        # the loss of two hidden units, each with two weights, a bias and the weight of its output, on the four cases of XOR
        "xor network": lambda x, w: ((np.maximum(w[:, :2] @ x.reshape(2, 4)[:, :2].T + x[2::4], 0) @ x[3::4] - w[:, 2]) ** 2).mean(),
    }
    for pair, (name, points, w, tol) in zip(answers, problems, strict=True):
        if pair is None:
            continue
        if not all((np.abs(points - z).max(axis=1) < 1e-6).any() for z in pair):
            return "What you return are not two of the given points."
        at_x, at_y, at_middle = (float(formulas[name](z, w)) for z in (*pair, (pair[0] + pair[1]) / 2))
        if at_middle <= (at_x + at_y) / 2 + tol:
            return "Your two points prove nothing: at their middle f is not greater than the mean of its values there by more than tol."
    return None


Problem = tuple[str, ndarray, ndarray, float]


def one_pair(rng: np.random.Generator, n: int, dim: int, i: int, j: int) -> Problem:
    """A bump in a plane, and points i and j on either side of it: only they show that it is not convex."""
    centre, direction = rng.normal(size=(2, dim))
    direction /= np.linalg.norm(direction)
    points = centre + 9 * direction + rng.uniform(-2, 2, size=(n, dim))
    points[[i, j]] = centre + np.outer([-0.9, 0.9], direction)
    return "bump in a plane", points, centre, 0.2


def concave(rng: np.random.Generator, n: int, dim: int) -> Problem:
    return "weighted squares", rng.normal(size=(n, dim)), -rng.uniform(1, 2, size=dim), 1e-3


def xor_networks(rng: np.random.Generator, strangers: int) -> Problem:
    """A network that solves XOR nearly, the same one with its two units exchanged, and others that compute nothing."""
    solved = np.array([1.0, 1, 0, 1, 1, 1, -1, -2]) + 0.03 * rng.normal(size=8)
    others = rng.uniform(-3, -1, size=(strangers, 8))
    points = np.concatenate([others, solved[None], np.roll(solved, 4)[None]])
    truth = np.array([[0.0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]])
    return "xor network", points[rng.permutation(len(points))], truth, 1e-3


equivalent(
    midpoint_counterexample,
    {
        "if f((points[i] + points[j]) / 2) >= (values[i] + values[j]) / 2 + tol:": "No difference is exactly `tol`, where rounding would decide.",
        "return (points[j], points[i])": "The two points are a proof in either order.",
    },
)


@cases(midpoint_counterexample)
def visible_midpoint_counterexample(rng: np.random.Generator) -> Iterator[Case]:
    convex = ("distance", rng.normal(size=(7, 2)), rng.normal(size=2), 1e-3)
    yield Case("a convex function", [convex])
    yield Case("a convex function and one that is not", [convex, ("root of the distance", rng.normal(size=(7, 2)), rng.normal(size=2), 1e-3)])
    yield Case(
        "a plane, a plane with a bump, and a dome",
        [("linear", rng.normal(size=(5, 3)), rng.normal(size=3), 1e-3), one_pair(rng, 11, 3, 4, 9), concave(rng, 3, 2)],
    )


@cases(midpoint_counterexample, hidden=True)
def hidden_midpoint_counterexample(rng: np.random.Generator) -> Iterator[Case]:
    saddle = ("weighted squares", rng.normal(size=(13, 2)), np.array([1.0, -rng.uniform(0.7, 1.3)]), 1e-3)
    yield Case("convex functions, and a saddle", [("log-sum-exp", 2 * rng.normal(size=(11, 3)), rng.normal(size=3), 1e-3), saddle])
    yield Case("a network for XOR", [xor_networks(rng, 1), xor_networks(rng, 0)])
    yield Case("a linear function", [("linear", rng.normal(size=(7, 5)), rng.normal(size=5), 1e-3), concave(rng, 5, 3)])
    yield Case("one pair of many", [one_pair(rng, 17, 2, 14, 5), one_pair(rng, 13, 1, 8, 9), concave(rng, 3, 2)])
    slightly = ("weighted squares", rng.normal(size=(5, 2)), -np.array([0.01, 0.02]), 1.0)
    yield Case("one pair with the first or the last", [one_pair(rng, 7, 3, 0, 5), one_pair(rng, 5, 2, 4, 2), one_pair(rng, 7, 1, 2, 1)])
    yield Case("within the tolerance", [slightly, concave(rng, 3, 7)])
    yield Case("a single point", [("weighted squares", rng.normal(size=(1, 3)), -np.ones(3), 1e-3), concave(rng, 2, 3)])


@mistakes(
    midpoint_counterexample,
    concave="You look for the opposite: f at the middle is below the mean. For a convex function it always is; a proof has f above the mean.",
    not_strict="You count equality as a proof. Linear functions are convex, and for them both sides are equal: f must be greater by more than tol.",
    no_tolerance="You leave tol out: what exceeds the mean by less is no proof.",
    neighbours="You try only points that follow each other. A function may look convex for most pairs and fail for one: try all.",
    with_first="You try only pairs with the first point. A function may look convex for most pairs and fail for one: try all.",
    few_pairs="You give up after the first points. A function may look convex for a few pairs and fail for another: try all.",
    largest="You compare with the larger of the two values. That finds functions that are not even quasi-convex; compare with their mean.",
    smallest="You compare with the smaller of the two values. A convex function may be greater than that in the middle: compare with the mean.",
    none_ever="You find no proof where there is one. Try every pair of the points, and return as soon as a pair is a proof; None comes after all of them.",
    not_halved="You compare with the sum of the two values. It is their mean.",
    difference="Your middle is (x - y) / 2. The point halfway between two others is half their sum.",
    answers_yes_or_no="You return True or False. Return the two points: they are the proof.",
    positions="You return the positions of the two points. Return the points themselves.",
    middle_returned="You return the middle. Return the two points around it.",
)
def midpoint_counterexample_with(made: Made, f: Function, points: ndarray, tol: float) -> Any:
    n = len(points)
    if made.none_ever:
        return None
    pairs = [(i, j) for i in range(n) for j in range(i)]
    if made.neighbours:
        pairs = [(i + 1, i) for i in range(n - 1)]
    if made.with_first:
        pairs = [(i, 0) for i in range(1, n)]
    if made.few_pairs:
        pairs = pairs[:3]
    for i, j in pairs:
        x, y = points[i], points[j]
        a, b = f(x), f(y)
        bound = max(a, b) if made.largest else min(a, b) if made.smallest else a + b if made.not_halved else (a + b) / 2
        excess = f((x - y) / 2 if made.difference else (x + y) / 2) - bound
        excess = -excess if made.concave else excess
        if excess > (-tol if made.not_strict else 1e-12 if made.no_tolerance else tol):
            middle = (x + y) / 2
            return False if made.answers_yes_or_no else (i, j) if made.positions else (middle, middle) if made.middle_returned else (x, y)
    return True if made.answers_yes_or_no else None


# ---- exponential_minimum ---------------------------------------------------------------------------------------------


@exercise(points=2, rows=["8.3"], tolerance=100)  # a search finds half of the digits only
def exponential_minimum(a: float, b: float, c: float) -> float | None:
    """Where f(x) = a·e^x + b·e^(-x) + c·x has its minimum over all real x; None if it has none.

    `a` and `b` are at least 0 and not both 0, so f is strictly convex.
    """
    if a == 0:
        return math.log(b / c) if c > 0 else None
    if b == 0:
        return math.log(-c / a) if c < 0 else None
    # The slope a·e^x - b·e^(-x) + c is 2·√(ab)·sinh(x - ½ log(b / a)) + c.
    return math.log(b / a) / 2 - math.asinh(c / (2 * math.sqrt(a * b)))


@probe(exponential_minimum)
def for_each_triple(answer, triples):  # type: ignore[no-untyped-def]
    return [answer(*triple.tolist()) for triple in triples]


def triples(rng: np.random.Generator, *kinds: str) -> list[ndarray]:
    """One for each word such as `+0-`: the signs of a, b and c. Where a word comes again, its c is smaller than 1, or else larger."""
    signs = {"+": 1.0, "-": -1.0, "0": 0.0}
    made = []
    for k, word in enumerate(kinds):
        low, high = (0.4, 0.9) if kinds[:k].count(word) % 2 else (1.1, 3)
        made.append(np.array([signs[s] for s in word]) * np.r_[rng.uniform(0.4, 3, size=2), rng.uniform(low, high)])
    return made


@cases(exponential_minimum)
def visible_exponential_minimum(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("both exponentials", triples(rng, "++0", "+++", "++-"))
    yield Case("one exponential", triples(rng, "+0-", "+0+", "0++", "0+-", "+00"))


@cases(exponential_minimum, hidden=True)
def hidden_exponential_minimum(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("both exponentials", triples(rng, *rng.permutation(["++0", "+++", "++-", "+++", "++-"]).tolist()))
    yield Case("e^x only", triples(rng, *rng.permutation(["+0-", "+0+", "+0-", "+00", "+0+"]).tolist()))
    yield Case("e^-x only", triples(rng, *rng.permutation(["0+-", "0++", "0++", "0+0", "0+-"]).tolist()))
    yield Case("a mixture", triples(rng, *rng.permutation(["+++", "+0-", "+0+", "0+-", "0++", "++-", "+00"]).tolist()))


def parabola_root(a: float, b: float, c: float) -> float:
    return (-c + math.sqrt(c * c + 4 * a * b)) / (2 * a)


@mistakes(
    exponential_minimum,
    always_one="You give a minimum to every f. A strictly convex function has at most one: e^x falls forever to the left and never reaches a lowest point.",
    none_if_single="You give no minimum to any f with a single exponential. It has one where c·x climbs on the side where the exponential dies out.",
    one_side_only="You find no minimum where a is 0. With e^(-x) alone there is one if c is positive.",
    sign_of_c="Your c has the wrong sign: the slope of c·x is c.",
    sign_of_b="Your slope of b·e^(-x) is missing its minus.",
    no_logarithm="You return e^x. The minimum lies at its logarithm.",
    value="You return the value of f there. Return where the minimum lies.",
    swapped="Your a and b are swapped, so the minimum lies on the wrong side of 0.",
    c_ignored="Your minimum does not depend on c. The slope of c·x shifts it.",
    infinity_for_none="You return infinity where there is no minimum. Infinity is no real number: return None.",
    zero_for_none="You return 0 where there is no minimum. Return None: 0 is a place like any other.",
    nan_for_none="You return NaN where there is no minimum. Return None.",
)
def exponential_minimum_with(made: Made, a: float, b: float, c: float) -> Any:
    if made.swapped:
        a, b = b, a
    c = -c if made.sign_of_c else 0.0 if made.c_ignored else c
    none = (a == 0 and c <= 0) or (b == 0 and c >= 0)
    if made.none_if_single and a * b == 0:
        return None
    if made.one_side_only and a == 0:
        return None
    if none:
        far = -math.inf if b == 0 else math.inf
        if made.always_one:
            return 20.0 * (-1 if b == 0 else 1)
        return far if made.infinity_for_none else 0.0 if made.zero_for_none else math.nan if made.nan_for_none else None
    b = -b if made.sign_of_b else b
    u = parabola_root(a, b, c) if a > 0 and c * c + 4 * a * b >= 0 else b / c if a == 0 else 0.0
    x = math.log(u) if u > 0 else None
    if made.no_logarithm:
        return u
    return a * math.exp(x) + b * math.exp(-x) + c * x if made.value and x is not None else x


# ---- project_ball ----------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["8.3"], shares={"the centre itself": 0.1})
def project_ball(x: Num[ndarray, "dim"], centre: Num[ndarray, "dim"], radius: float) -> Float[ndarray, "dim"]:
    """The point nearest to x in the ball around `centre`: of all points at most `radius` (greater
    than 0) from the centre.

    A point of the ball, the centre included, is its own nearest point.
    """
    distance = np.linalg.norm(x - centre)
    return centre + (x - centre) * (1.0 if distance <= radius else radius / distance)


equivalent(
    project_ball,
    {
        "return centre + (x - centre) * (1.0 if distance < radius else radius / distance)": "At a distance of exactly the radius, the factor is 1 either way.",
    },
)


@cases(project_ball)
def visible_project_ball(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("outside", 3 * rng.normal(size=3), rng.normal(size=3), 0.5)
    yield Case("inside", np.array([0.3, -0.2]), np.array([0.1, 0.4]), 1.7)


@cases(project_ball, hidden=True)
def hidden_project_ball(rng: np.random.Generator) -> Iterator[Case]:
    centre, away = 2 * rng.normal(size=(2, 5))
    away /= np.linalg.norm(away)
    yield Case("far outside", centre + 7 * away, centre, 1.3)
    yield Case("just outside", centre + 1.5 * away, centre, 1.4)
    yield Case("well inside", centre + 0.4 * away, centre, 1.2)
    yield Case("around the origin", 4 * away, 0 * centre, 2.2)
    yield Case("on a line", np.array([rng.uniform(2, 3)]), np.array([-1.0]), 0.7)
    yield Case("inside, near the origin", 0.3 * away, 0.2 * away[::-1].copy(), 2.5)
    nothing = "For x in the centre the distance is 0, and 0 / 0 is NaN. The centre belongs to the ball and stays where it is."
    yield Case("the centre", centre, centre.copy(), 1.1, group="the centre itself", hint=nothing)


@mistakes(
    project_ball,
    always_on_sphere="You move points inside the ball to its surface too. They belong to the ball: their nearest point is they themselves.",
    no_centre="You treat the ball as if it lay around the origin. Measure from the centre, and start there again.",
    centre_not_added="You forget to add the centre again.",
    clipped="You clip each coordinate on its own. That projects onto a cube; in a ball the whole vector from the centre is shortened.",
    no_radius="You go a distance of 1 from the centre. The surface lies at the radius.",
    squared="You divide by the squared distance. A vector divided by its length has length 1.",
    sum_of_absolutes="You measure the distance by absolute values. A ball has Euclid's distance, the root of the sum of squares.",
    centre_returned="You return the centre for points outside. The nearest point lies on the surface, in the direction of x.",
    far_side="You go from the centre away from x. The nearest point lies on the same side.",
    inside_out="You move the points inside and keep those outside. It is the other way round.",
    shortened_by_radius="You shorten the vector by the radius. It should become as long as the radius.",
    divides_by_zero="For x in the centre the distance is 0, and 0 / 0 is NaN. The centre belongs to the ball and stays where it is.",
)
def project_ball_with(made: Made, x: ndarray, centre: ndarray, radius: float) -> Any:
    start = 0 * centre if made.no_centre else centre
    away = x - start
    distance = np.abs(1.0 * away).sum() if made.sum_of_absolutes else np.linalg.norm(away)
    inside = bool(distance <= radius)
    if made.divides_by_zero:
        return start + away / distance * np.minimum(distance, radius)
    if made.clipped:
        return start + np.clip(away, -radius, radius) * 1.0
    if inside ^ made.inside_out and not made.always_on_sphere:
        return x * 1.0
    if made.centre_returned:
        return centre * 1.0
    length = distance - radius if made.shortened_by_radius else 1.0 if made.no_radius else radius
    scaled = away * (length / distance**2 if made.squared else length / distance)
    return scaled if made.centre_not_added else start - scaled if made.far_side else start + scaled


# ---- project_simplex -------------------------------------------------------------------------------------------------


@exercise(points=3, rows=["8.3"])
def project_simplex(x: Num[ndarray, "dim"]) -> Float[ndarray, "dim"]:
    """The point nearest to x in the simplex: of all points whose coordinates are at least 0 and sum
    to 1.

    It is max(x - t, 0), coordinate by coordinate, with the one number t for which these sum
    to 1. Duchi et al. (2008), figure 1.
    """
    largest = np.sort(x)[::-1]
    thresholds = (np.cumsum(largest) - 1) / np.arange(1, len(x) + 1, dtype=np.result_type(x, np.float32))
    return np.maximum(x - thresholds[largest > thresholds][-1], 0)


equivalent(
    project_simplex,
    {
        "thresholds = (np.cumsum(largest) - 1) / np.arange(1, len(x) + 1)": "It is float64 for all inputs, which is precise enough.",
        "return np.maximum(x - thresholds[largest >= thresholds][-1], 0)": "A coordinate that equals its threshold leaves the threshold as it was.",
    },
)


@cases(project_simplex)
def visible_project_simplex(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("3 coordinates", np.array([0.9, -0.4, 0.6]))
    yield Case("5 coordinates", np.array([0.35, 1.1, -0.7, 0.55, 0.2]))
    yield Case("all negative", np.array([-0.5, -0.9]))


@cases(project_simplex, hidden=True)
def hidden_project_simplex(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("7 coordinates, several become 0", 0.5 * rng.normal(size=7))
    yield Case("none becomes 0", 0.3 + 0.1 * rng.uniform(size=5))
    yield Case("all negative", -1 - 0.4 * rng.uniform(size=3))
    yield Case("one far ahead", np.r_[0.3 * rng.normal(size=5), 4.0])
    on_it = rng.uniform(0.1, 1, size=5)
    yield Case("in the simplex already", on_it / on_it.sum())
    yield Case("two large ones", np.r_[2.1, -0.5 * rng.uniform(size=3), 1.9, 0.3])
    yield Case("17 coordinates", 0.4 * rng.normal(size=17) + 0.2)


@mistakes(
    project_simplex,
    softmax="You take softmax. It lands in the simplex too, but not at the nearest point: even a point of the simplex would be moved.",
    clipped_and_divided="You set negative coordinates to 0 and divide by the sum. That lands in the simplex, but not at the nearest point: all coordinates are lowered by the same t.",
    divided="You divide by the sum. Coordinates stay negative, and it is not the nearest point: all coordinates are lowered by the same t.",
    plane_only="You lower all coordinates by the same amount, and leave negative ones. They must be at least 0.",
    one_round="You lower all coordinates until they sum to 1, and cut negative ones off. After the cut they sum to more than 1: t depends on how many stay positive.",
    cut_first="You cut negative coordinates off before you look for t. They take part in x - t as well, where t may be negative.",
    one_too_few="You stop one coordinate too early: the last one that stays positive is missing in your t.",
    one_too_many="You count one coordinate too many: its x - t is no longer positive.",
    sorted_returned="You return the coordinates sorted. Each stays in its place.",
    squared_length="Your result has length 1. In the simplex the coordinates sum to 1.",
    one_hot="You put everything on the largest coordinate. That is the nearest corner, not the nearest point.",
)
def project_simplex_with(made: Made, x: ndarray) -> Any:
    x = x.astype(np.result_type(x, np.float32)) if x.dtype.kind == "f" else x.astype(np.float64)
    if made.softmax:
        return np.exp(x - x.max()) / np.exp(x - x.max()).sum()
    if made.one_hot:
        return (np.arange(len(x)) == x.argmax()).astype(x.dtype)
    positive = np.maximum(x, 0)
    if made.clipped_and_divided:
        return positive / positive.sum()
    if made.divided:
        return x / x.sum()
    if made.squared_length:
        return positive / np.sqrt((positive**2).sum())
    x = positive if made.cut_first else x
    ordered = np.sort(x)[::-1]
    thresholds = (np.cumsum(ordered) - 1) / np.arange(1, len(x) + 1, dtype=x.dtype)
    holds = np.flatnonzero(ordered > thresholds)
    last = (holds[-1] if len(holds) else 0) + int(made.one_too_many) - int(made.one_too_few)
    if made.plane_only or made.one_round:
        last = len(x) - 1
    lowered = x - thresholds[min(max(last, 0), len(x) - 1)]
    lowered = lowered if made.plane_only else np.maximum(lowered, 0)
    return np.sort(lowered)[::-1] * 1 if made.sorted_returned else lowered
