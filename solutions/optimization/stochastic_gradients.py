"""Gradient descent on a quadratic, and the noise of gradients that look at a few samples only."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from autograder.exercise import Case, Made, cases, equivalent, exercise, mistakes, probe

# ---- quadratic_iterates ----------------------------------------------------------------------------------------------


@exercise(points=2, rows=["8.4"])
def quadratic_iterates(
    hessian: Float[ndarray, "dim dim"], b: Float[ndarray, "dim"], x0: Float[ndarray, "dim"], lr: float, steps: int
) -> Float[ndarray, "steps+1 dim"]:
    """The path of gradient descent on f(x) = ½ xᵀHx - bᵀx: the start x0 and the point after each of
    the `steps` steps.

    `hessian` is H, which is symmetric. A step is x - lr times the gradient of f at x.
    """
    path = [x0]
    for _ in range(steps):
        path.append(path[-1] - lr * (hessian @ path[-1] - b))
    return np.array(path)


def positive_definite(rng: np.random.Generator, dim: int, low: float, high: float) -> ndarray:
    """A symmetric matrix with random axes, whose eigenvalues reach from low to high."""
    values = np.r_[low, high, rng.uniform(low, high, size=max(dim - 2, 0))][:dim]
    axes = np.linalg.qr(rng.normal(size=(dim, dim)))[0]
    hessian = (axes * values) @ axes.T
    return (hessian + hessian.T) / 2


def quadratic(rng: np.random.Generator, dim: int, low: float = 0.5, high: float = 4.0) -> tuple[ndarray, ndarray, ndarray]:
    return positive_definite(rng, dim, low, high), rng.normal(size=dim), rng.normal(size=dim)


equivalent(
    quadratic_iterates,
    {
        "path.append(path[-1] - lr * (path[-1] @ hessian - b))": "H is symmetric.",
    },
)


@cases(quadratic_iterates)
def visible_quadratic_iterates(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("2 dimensions, 3 steps", *quadratic(rng, 2), 0.2, 3)
    yield Case("3 dimensions, 5 steps", *quadratic(rng, 3), 0.1, 5)


@cases(quadratic_iterates, hidden=True)
def hidden_quadratic_iterates(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("5 dimensions", *quadratic(rng, 5), 0.17, 7)
    yield Case("lr too large", *quadratic(rng, 3), 0.6, 5)
    yield Case("one step", *quadratic(rng, 7), 0.3, 1)
    hessian, b, x0 = quadratic(rng, 3)
    yield Case("b is 0, as many points as dimensions", hessian, 0 * b, x0, 0.25, 2)
    yield Case("a saddle", *quadratic(rng, 2, low=-1.0), 0.2, 5)
    yield Case("no step", *quadratic(rng, 3), 0.3, 0)


@mistakes(
    quadratic_iterates,
    mid_step="You move one coordinate after the other and use the new values at once. All coordinates of a step use the gradient at the old point.",
    start_missing="The start is missing: the path has one point more than there are steps.",
    last_only="You return the last point only. Return the whole path.",
    one_step_more="Your path has one step too many.",
    ascent="You go uphill. A step goes against the gradient.",
    no_b="The gradient of -bᵀx is missing: the gradient of f is Hx - b.",
    plus_b="Your b has the wrong sign: the gradient of f is Hx - b.",
    twice="Your gradient of ½ xᵀHx is 2Hx, or lr counts twice. With the ½ it is Hx.",
    half="You keep the ½ in the gradient. The derivative of x² is 2x, so it cancels: Hx.",
    kept_gradient="You take all steps with the gradient at x0. It changes with every step.",
    decaying="Your learning rate shrinks from step to step. Here it stays the same.",
    normalised="You step by lr in the direction of the gradient, whatever its length. Here the step is lr times the gradient.",
    diagonal_only="You use the diagonal of H only. The other entries couple the coordinates.",
    same_array="All rows of your path are the last point: you append one and the same array and change it in place. Append a copy, or make a new array in each step.",
    columns="You return one column for each point. Points are rows: [steps + 1, dim].",
)
def quadratic_iterates_with(made: Made, hessian: ndarray, b: ndarray, x0: ndarray, lr: float, steps: int) -> ndarray:
    path = [x0]
    matrix = np.diag(np.diag(hessian)) if made.diagonal_only else hessian
    share = 0 if made.no_b else -1 if made.plus_b else 1
    for t in range(steps + int(made.one_step_more)):
        x = path[-1].copy()
        if made.mid_step:
            for i in range(len(x)):
                x[i] -= lr * (matrix[i] @ x - share * b[i])
        else:
            at = path[0] if made.kept_gradient else x
            gradient = (2 if made.twice else 0.5 if made.half else 1) * (matrix @ at) - share * b
            gradient = gradient / np.linalg.norm(gradient) if made.normalised else gradient
            x = x - (-1 if made.ascent else 1) * lr / ((t + 1) if made.decaying else 1) * gradient
        path.append(x)
    result = np.array(path)
    if made.same_array:
        result[:] = result[-1]
    if made.start_missing:
        result = result[1:]
    return result[-1] if made.last_only else result.T if made.columns else result


# ---- contraction_rate ------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["8.4"])
def contraction_rate(hessian: Float[ndarray, "dim dim"], lr: float) -> float:
    """The factor by which one step of gradient descent on ½ xᵀHx multiplies the distance from the
    minimum, in the worst direction.

    `hessian` is H, symmetric with positive eigenvalues. Above 1 the descent diverges.
    """
    return float(np.abs(1 - lr * np.linalg.eigvalsh(hessian)).max())


@cases(contraction_rate)
def visible_contraction_rate(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("2 dimensions, a small lr", positive_definite(rng, 2, 0.5, 4), 0.1)
    yield Case("3 dimensions, a large lr", positive_definite(rng, 3, 0.5, 4), 0.48)
    yield Case("2 dimensions, a far too large lr", positive_definite(rng, 2, 2, 4), 0.7)


@cases(contraction_rate, hidden=True)
def hidden_contraction_rate(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("5 dimensions, a small lr", positive_definite(rng, 5, rng.uniform(0.2, 0.6), 3), 0.15)
    yield Case("3 dimensions, lr near the limit", positive_definite(rng, 3, 0.4, rng.uniform(3.5, 4)), 0.49)
    yield Case("it diverges", positive_definite(rng, 7, 0.3, rng.uniform(4, 5)), 0.7)
    yield Case("every direction overshoots", positive_definite(rng, 2, 2.1, rng.uniform(3, 3.5)), 0.55)
    yield Case("every direction falls short", positive_definite(rng, 3, rng.uniform(0.5, 1), 2), 0.3)
    yield Case("one dimension", positive_definite(rng, 1, rng.uniform(0.5, 2), 3), 0.3)


@mistakes(
    contraction_rate,
    no_absolute="You forget the absolute value: a factor of -0.9 overshoots the minimum and shrinks the distance as slowly as 0.9 does.",
    flattest="You look at the smallest eigenvalue only. With a large lr it is the steepest direction that is worst.",
    steepest="You look at the largest eigenvalue only. With a small lr it is the flattest direction that is worst.",
    best_direction="You return the smallest of the factors. The worst direction has the largest one.",
    frobenius="You take the root of the sum of all squared entries. The worst direction alone counts: the largest |1 - lr·λ|.",
    squared="You return the factor of the loss, the square. The distance shrinks by the factor itself.",
    best_lr="You return the rate at the best learning rate. It depends on the lr that is given.",
    product="You multiply the factors of all directions. They do not add up: the worst one decides.",
    averaged="You average over the directions. The worst one decides.",
    no_identity="You leave out the 1: a step subtracts lr·λ from it.",
    diagonal="You look at the diagonal of H. Its directions are the eigenvectors.",
    row_sums="You take the largest row sum of |I - lr·H|. That is a bound only; in the worst direction, an eigenvector, the factor is |1 - lr·λ|.",
    clipped="Your rate is never above 1. Where lr is too large the distance grows.",
)
def contraction_rate_with(made: Made, hessian: ndarray, lr: float) -> float:
    values = np.diag(hessian) if made.diagonal else np.linalg.eigvalsh(hessian)
    factors = (0 if made.no_identity else 1) - lr * values
    step = np.eye(len(hessian)) - lr * hessian
    if made.frobenius:
        return float(np.sqrt((step**2).sum()))
    if made.row_sums:
        return float(np.abs(step).sum(1).max())
    if made.best_lr:
        return float((values.max() - values.min()) / (values.max() + values.min()))
    if made.no_absolute:
        return float(factors.max())
    sizes = np.abs(factors)
    if made.flattest or made.steepest:
        return float(sizes[0 if made.flattest else -1])
    if made.product or made.averaged:
        return float(sizes.prod() if made.product else sizes.mean())
    rate = float(sizes.min() if made.best_direction else sizes.max())
    return min(rate, 1.0) if made.clipped else rate**2 if made.squared else rate


# ---- steps_needed ----------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["8.4"], shares={"all directions alike": 0.15})
def steps_needed(hessian: Float[ndarray, "dim dim"], shrink: float) -> int:
    """How many steps of gradient descent on ½ xᵀHx bring the distance from the minimum down to
    `shrink` times what it was, at the latest, with the best learning rate 2 / (λmin + λmax)?

    The smallest whole number of steps. `hessian` is H, symmetric with positive eigenvalues λ,
    which may all be equal; 0 < shrink < 1.
    """
    eigenvalues = np.linalg.eigvalsh(hessian)
    rate = float((eigenvalues[-1] - eigenvalues[0]) / (eigenvalues[-1] + eigenvalues[0]))
    return math.ceil(math.log(shrink) / math.log(rate)) if rate > 1e-9 else 1


@probe(steps_needed)
def for_each_hessian(answer, hessians, shrinks):  # type: ignore[no-untyped-def]
    counts = [answer(hessian, shrink) for hessian, shrink in zip(hessians, shrinks, strict=True)]
    return [int(count) if isinstance(count, float) and count.is_integer() else count for count in counts]  # 21.0 is as good


def of_conditions(rng: np.random.Generator, dim: int, *conditions: float) -> tuple[list[ndarray], list[float]]:
    """Hessians of these condition numbers, and shrinks for which the number of steps does not hang on a rounding error."""
    hessians, shrinks = [], []
    for condition in conditions:
        low = rng.uniform(0.3, 2)
        hessians.append(positive_definite(rng, dim, low, condition * low))
        steps = round(rng.uniform(2, 6) * math.log(condition) + 2) + rng.uniform(0.25, 0.75)
        shrinks.append(((condition - 1) / (condition + 1)) ** steps)
    return hessians, shrinks


equivalent(
    steps_needed,
    {
        "return math.ceil(math.log(shrink) / math.log(rate)) if rate >= 1e-09 else 1": "A rate is 0 up to rounding or far above 1e-9.",
    },
)


@cases(steps_needed)
def visible_steps_needed(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("condition numbers 10, 3 and 50", *of_conditions(rng, 2, 10, 3, 50))
    yield Case("condition numbers 100, 1.5 and 7, in 3 dimensions", *of_conditions(rng, 3, 100, 1.5, 7))


@cases(steps_needed, hidden=True)
def hidden_steps_needed(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("2 dimensions", *of_conditions(rng, 2, *rng.uniform(2, 90, size=5)))
    yield Case("5 dimensions", *of_conditions(rng, 5, *rng.uniform(4, 60, size=5)))
    yield Case("badly conditioned", *of_conditions(rng, 3, *rng.uniform(90, 300, size=3)))
    yield Case("well conditioned", *of_conditions(rng, 7, *rng.uniform(1.2, 3, size=5)))
    alike = "Where all eigenvalues are equal, the best learning rate reaches the minimum in one step: the factor is 0, and the logarithm of 0 is no number."
    round_bowls = [rng.uniform(0.5, 3) * np.eye(3), 2.0 * np.eye(2)]
    yield Case("all eigenvalues equal", round_bowls, [0.01, 0.3], group="all directions alike", hint=alike)


@mistakes(
    steps_needed,
    one_over_largest="Your factor is 1 - λmin/λmax, that of the learning rate 1/λmax. With the best one it is (λmax - λmin) / (λmax + λmin).",
    square_root="You take the root of the condition number. That is the rate of momentum at its best; plain descent has the condition number itself.",
    of_the_loss="You count until the loss has shrunk that far. The loss shrinks by the square of the factor; here it is the distance.",
    twice_the_steps="You need twice as many steps as it takes, as if the distance shrank only by the root of the factor.",
    rounded_down="You round down. After that many steps the distance is still too large: round up.",
    rounded="You round to the nearest number. Where that is down, the distance is still too large: round up.",
    one_more="You count one step too many. Logarithms that are no whole number are rounded up once.",
    not_rounded="You return a float. Count whole steps.",
    condition_only="You return the condition number. It sets the factor; the number of steps depends on shrink too.",
    approximated="You use κ/2 · log(1/shrink), which holds nearly for large condition numbers κ. Take the logarithm of the factor itself.",
    approximated_longer="You use κ · log(1/shrink), which holds nearly for large condition numbers κ and the learning rate 1/λmax. Take the logarithm of the factor itself, with the best learning rate.",
    halving="You count as if every step halved the distance. The factor depends on the condition number.",
    condition_from_diagonal="You read the condition number from the diagonal of H. It is the largest eigenvalue divided by the smallest.",
    log_of_zero="Where all eigenvalues are equal, the best learning rate reaches the minimum in one step: the factor is 0, and the logarithm of 0 is no number.",
)
def steps_needed_with(made: Made, hessian: ndarray, shrink: float) -> Any:
    values = np.sort(np.diag(hessian)) if made.condition_from_diagonal else np.linalg.eigvalsh(hessian)
    condition = float(values[-1] / values[0])
    if made.condition_only:
        return round(condition)
    condition = math.sqrt(condition) if made.square_root else condition
    rate = 1 - 1 / condition if made.one_over_largest else 0.5 if made.halving else (condition - 1) / (condition + 1)
    rate = rate**2 if made.of_the_loss else math.sqrt(rate) if made.twice_the_steps else rate
    if rate < 1e-9 and not made.log_of_zero:
        return 1.0 if made.not_rounded else 1
    exact = float(np.log(shrink) / np.log(rate))
    if made.approximated or made.approximated_longer:
        exact = condition / (2 if made.approximated else 1) * math.log(1 / shrink)
    if made.not_rounded:
        return exact
    count = math.floor(exact) if made.rounded_down else round(exact) if made.rounded else math.ceil(exact)
    return count + int(made.one_more)


# ---- sgd_gradient_bias -----------------------------------------------------------------------------------------------


@exercise(points=2, rows=["8.5"])
def sgd_gradient_bias(gradients: Float[ndarray, "n dim"], p: Float[ndarray, "n"]) -> tuple[Float[ndarray, "dim"], float]:
    """Bias and variance of the gradient of one random sample, as an estimate of the full gradient.

    Row i of `gradients` is the gradient of sample i, and the full gradient is the mean of all
    rows. Sample i is drawn with probability `p[i]`; these sum to 1. The bias is the expectation
    of the drawn gradient minus the full gradient. The variance is the expectation of its squared
    distance from its own expectation.
    """
    expected = p @ gradients
    return expected - gradients.mean(axis=0), float(p @ ((gradients - expected) ** 2).sum(axis=1))


def drawn(rng: np.random.Generator, n: int, dim: int, uniform: bool = False) -> tuple[ndarray, ndarray]:
    p = np.ones(n) if uniform else rng.uniform(0.2, 2, size=n)
    return rng.normal(size=(n, dim)) + 2 * rng.normal(size=dim), p / p.sum()


equivalent(
    sgd_gradient_bias,
    {
        "return (expected - gradients.mean(axis=0), float(((gradients - expected) ** 2).sum(axis=1) @ p))": "A dot product of two vectors does not depend on their order.",
    },
)


@cases(sgd_gradient_bias)
def visible_sgd_gradient_bias(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("5 samples, not equally likely", *drawn(rng, 5, 3))
    yield Case("7 samples, equally likely", *drawn(rng, 7, 2, uniform=True))


@cases(sgd_gradient_bias, hidden=True)
def hidden_sgd_gradient_bias(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("11 samples", *drawn(rng, 11, 5))
    yield Case("as many samples as dimensions", *drawn(rng, 3, 3))
    yield Case("equally likely", *drawn(rng, 13, 3, uniform=True))
    yield Case("two samples", *drawn(rng, 2, 7))
    yield Case("one dimension", *drawn(rng, 7, 1))
    gradients, p = drawn(rng, 5, 2)
    p = np.where(np.arange(5) == 3, 0.0, p)
    yield Case("one sample is never drawn", gradients, p / p.sum())


@mistakes(
    sgd_gradient_bias,
    not_weighted="You treat all samples as equally likely. An expectation weighs each sample with its probability.",
    bias_sign="Your bias has the wrong sign: it is the expectation minus what is estimated.",
    expectation_returned="You return the expectation. The bias is what it differs by from the full gradient.",
    summed="Your full gradient is the sum over all samples. It is their mean.",
    reweighted="You divide each drawn gradient by n·p. That removes the bias, and is another estimate; here the drawn gradient is taken as it is.",
    variance_not_weighted="Your variance treats all samples as equally likely. It is an expectation as well.",
    variance_around_full="Your variance is measured around the full gradient. That is the mean squared error, which holds the squared bias too; the variance is measured around the expectation.",
    second_moment="Your variance is the expected squared length. Subtract the expectation before you square.",
    per_coordinate="You return one variance for each coordinate. The squared distance is their sum.",
    mean_coordinate="You average the squares over the coordinates. A squared distance is their sum.",
    deviation="You return the standard deviation, the root of the variance.",
    sample_variance="You divide by n - 1, as for a sample from something larger. Here all n samples and their probabilities are known.",
    bias_length="You return the length of the bias. It is a vector.",
    swapped="You return variance and bias in the wrong order.",
)
def sgd_gradient_bias_with(made: Made, gradients: ndarray, p: ndarray) -> Any:
    n = len(p)
    uniform = np.full_like(p, 1 / n)
    if made.reweighted:
        scale = np.divide(1, n * p, out=np.zeros_like(p), where=p > 0)
        full = gradients.mean(0)
        gradients = gradients * scale[:, None]
    else:
        full = gradients.sum(0) if made.summed else gradients.mean(0)
    weights = uniform if made.not_weighted else p
    expected = weights @ gradients
    centre = 0 * expected if made.second_moment else full if made.variance_around_full else expected
    squares = (gradients - centre) ** 2
    of_each = (uniform if made.variance_not_weighted else weights) @ squares
    of_each = of_each * (n / (n - 1)) if made.sample_variance else of_each
    variance = of_each if made.per_coordinate else float(of_each.mean() if made.mean_coordinate else of_each.sum())
    variance = math.sqrt(variance) if made.deviation else variance
    bias = expected if made.expectation_returned else full - expected if made.bias_sign else expected - full
    if made.bias_length:
        return float(np.linalg.norm(bias)), variance
    return (variance, bias) if made.swapped else (bias, variance)


# ---- after_one_step --------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["8.5"])
def after_one_step(
    grad: Callable[[int, ndarray], ndarray], n: int, x: Float[ndarray, "dim"], lr: float
) -> tuple[Float[ndarray, "dim"], Float[ndarray, "dim"]]:
    """Two gradients after one step of stochastic gradient descent from x, exactly.

    `grad(i, x)` is the gradient of the loss of sample i at x, for i from 0 to n - 1. The step,
    with learning rate lr, uses a random sample i, so it leads to one of n points, each equally
    likely. Return: the expectation of the gradient that the second step uses, over its own
    random sample j, independent of i, and over all points it may start from; and the full
    gradient (the mean over all samples) at the expectation of these points.
    """
    points = [x - lr * grad(i, x) for i in range(n)]
    expected = np.mean([grad(j, point) for j in range(n) for point in points], axis=0)
    mean = np.mean(points, axis=0)
    return expected, np.mean([grad(j, mean) for j in range(n)], axis=0)


@probe(after_one_step)
def with_logistic_losses(answer, a, x, lr):  # type: ignore[no-untyped-def]
    """The loss of sample i is log(1 + exp(a[i]·x)) + sum(x⁴) / 8, whose gradient is not linear."""
    import numpy as np

    return answer(lambda i, z: a[i] / (1 + np.exp(-(a[i] @ z))) + z**3 / 2, len(a), x, lr)


@cases(after_one_step)
def visible_after_one_step(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("3 samples in the plane", 2 * rng.normal(size=(3, 2)), rng.normal(size=2), 0.7)
    yield Case("2 samples, on a line", 2 * rng.normal(size=(2, 1)), rng.normal(size=1), 0.5)


@cases(after_one_step, hidden=True)
def hidden_after_one_step(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("7 samples", 2 * rng.normal(size=(7, 3)), rng.normal(size=3), 0.6)
    yield Case("as many samples as dimensions", 2 * rng.normal(size=(5, 5)), rng.normal(size=5), 0.4)
    yield Case("2 samples, 5 dimensions", 3 * rng.normal(size=(2, 5)), rng.normal(size=5), 0.8)
    yield Case("11 samples, a small step", 2 * rng.normal(size=(11, 2)), rng.normal(size=2), 0.15)


@mistakes(
    after_one_step,
    same_sample="You use the same sample in both steps. The second step draws its own: average over all n² pairs.",
    not_moved="You take the gradients at x itself. The first step moves away from it.",
    at_mean_twice="Your first result is the gradient at the mean point, where a step with the full gradient would lead too. A stochastic step leads to n different points, and the mean of their gradients is not the gradient at their mean.",
    mean_gradient_twice="Your second result is the mean of the gradients at the n points. The gradient at their mean is something else.",
    swapped="You return the two gradients in the wrong order.",
    ascent="Your first step goes uphill.",
    no_lr="Your first step is the whole gradient. Multiply it by lr.",
    summed="You add the gradients up. An expectation over equally likely samples is their mean.",
    summed_full="Your full gradient is a sum. It is the mean over all samples.",
    lr_inside="You multiply the gradients that you return by lr. They are gradients, not steps.",
    divided_by_n="You divide the sum over n² pairs by n. There are n² of them.",
    pairs_without_equals="You leave out the pairs with j = i. The second sample is independent of the first, and may be the same.",
)
def after_one_step_with(made: Made, grad: Any, n: int, x: ndarray, lr: float) -> Any:
    points = []
    for i in range(n):
        step = (1 if made.no_lr else lr) * grad(i, x)
        points.append(x if made.not_moved else x + step if made.ascent else x - step)
    pairs = [(i, j) for i in range(n) for j in range(n)]
    if made.same_sample:
        pairs = [(i, i) for i in range(n)]
    if made.pairs_without_equals:
        pairs = [(i, j) for i, j in pairs if i != j]
    expected = sum(grad(j, points[i]) for i, j in pairs) / (1 if made.summed else n if made.divided_by_n else len(pairs))
    mean = sum(points) / n
    at_mean = sum(grad(j, mean) for j in range(n)) / (1 if made.summed or made.summed_full else n)
    if made.at_mean_twice:
        expected = at_mean
    elif made.mean_gradient_twice:
        at_mean = expected
    if made.lr_inside:
        expected, at_mean = lr * expected, lr * at_mean
    return (at_mean, expected) if made.swapped else (expected, at_mean)


# ---- minibatch_grad --------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["8.6"], forbid=["sklearn.linear_model.LogisticRegression", "sklearn.linear_model.SGDClassifier"])
def minibatch_grad(X: Float[ndarray, "n dim"], y: Int[ndarray, "n"], w: Float[ndarray, "dim"], batch: Int[ndarray, "b"]) -> Float[ndarray, "dim"]:
    """The gradient of logistic regression on a mini-batch.

    Sample i has the row X[i] and the label y[i], 0 or 1. Its loss is
    log(1 + exp(X[i]·w)) - y[i] (X[i]·w), with the gradient (sigmoid(X[i]·w) - y[i]) X[i]. The
    result is the mean over the samples whose numbers are in `batch`; a number that stands there
    twice counts twice.
    """
    rows = X[batch]
    sigmoid = 1 / (1 + np.exp(-(rows @ w)))
    return rows.T @ (sigmoid - y[batch]).astype(rows.dtype) / len(batch)


def classified(rng: np.random.Generator, n: int, dim: int, batch: list[int]) -> tuple[ndarray, ndarray, ndarray, ndarray]:
    return rng.normal(size=(n, dim)) + 0.3, rng.integers(2, size=n), rng.normal(size=dim), np.array(batch)


@cases(minibatch_grad)
def visible_minibatch_grad(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("3 of 7 samples", *classified(rng, 7, 2, [4, 1, 6]))
    yield Case("a sample twice", *classified(rng, 5, 3, [2, 0, 2, 4]))


@cases(minibatch_grad, hidden=True)
def hidden_minibatch_grad(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("5 of 17 samples", *classified(rng, 17, 3, rng.permutation(17)[:5].tolist()))
    yield Case("with repeats", *classified(rng, 7, 5, [3, 5, 3, 0, 3, 6, 5, 1, 0, 2, 4]))
    yield Case("one sample", *classified(rng, 11, 3, [int(rng.integers(1, 11))]))
    yield Case("all samples", *classified(rng, 13, 2, rng.permutation(13).tolist()))
    yield Case("as many samples as dimensions", *classified(rng, 5, 5, rng.permutation(5)[:3].tolist()))


@mistakes(
    minibatch_grad,
    summed="You add the gradients of the batch up. Divide by the size of the batch: else a batch twice as large makes steps twice as long.",
    divided_by_n="You divide by the number of all samples. The mean is over the batch.",
    scaled_up="You multiply by n / b, which estimates the sum over all samples. Here it is the mean.",
    whole_data="You use all samples. Only those in the batch count.",
    first_rows="You use the first b rows. `batch` says which ones.",
    repeats_once="A number that stands in the batch twice counts once with you. It counts twice.",
    labels_not_chosen="You take the labels of the first samples. Rows and labels are chosen by the same numbers.",
    no_sigmoid="The sigmoid is missing. Without it this is the gradient of linear regression.",
    squared_loss="You have an extra factor s(1 - s), the slope of the sigmoid s. It belongs to the squared error; in the cross-entropy it cancels.",
    residual_sign="Your residual is label minus prediction: the gradient points the other way.",
    no_residual_label="The labels are missing in your gradient.",
    plus_minus_labels="You use labels -1 and 1. Here they are 0 and 1.",
    twice="Your gradient has a factor of 2 too many. There is no square in this loss.",
    one_number="You average over the coordinates too. The gradient has one entry for each weight.",
)
def minibatch_grad_with(made: Made, X: ndarray, y: ndarray, w: ndarray, batch: ndarray) -> Any:
    b = len(batch)
    if made.whole_data:
        batch = np.arange(len(X))
    if made.first_rows:
        batch = np.arange(b) % len(X)
    if made.repeats_once:
        batch = np.unique(batch)
    rows, labels = X[batch], (y[np.arange(b) % len(y)] if made.labels_not_chosen else y[batch]).astype(X.dtype)
    prediction = rows @ w
    if not made.no_sigmoid:
        prediction = 1 / (1 + np.exp(-prediction))
    labels = 0 * labels if made.no_residual_label else 2 * labels - 1 if made.plus_minus_labels else labels
    residual = labels - prediction if made.residual_sign else prediction - labels
    if made.squared_loss:
        residual = residual * prediction * (1 - prediction)
    count = 1 if made.summed else len(X) if made.divided_by_n else b * b / len(X) if made.scaled_up else len(batch)
    gradient = rows.T @ residual / count * (2 if made.twice else 1)
    return float(gradient.mean()) if made.one_number else gradient


# ---- minibatch_variance ----------------------------------------------------------------------------------------------


@exercise(points=2, rows=["8.6"])
def minibatch_variance(gradients: Float[ndarray, "n dim"], b: int, replace: bool) -> float:
    """The variance of the mean of b random rows: the expectation of its squared distance from the
    mean of all n rows, exactly.

    With `replace`, the b rows are drawn independently and may repeat. Without, they are b
    different rows, every choice equally likely, and b is at most n. There are at least 2 rows.
    """
    n = len(gradients)
    of_one = ((gradients - gradients.mean(axis=0)) ** 2).sum(axis=1).mean()
    return float(of_one / b * (1.0 if replace else (n - b) / (n - 1)))


@cases(minibatch_variance)
def visible_minibatch_variance(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("3 of 7, with repeats", drawn(rng, 7, 2)[0], 3, True)
    yield Case("3 of 7, all different", drawn(rng, 7, 2)[0], 3, False)


@cases(minibatch_variance, hidden=True)
def hidden_minibatch_variance(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("5 of 11, with repeats", drawn(rng, 11, 3)[0], 5, True)
    yield Case("5 of 11, all different", drawn(rng, 11, 3)[0], 5, False)
    yield Case("more than there are, with repeats", drawn(rng, 3, 5)[0], 7, True)
    yield Case("all of them", drawn(rng, 5, 2)[0], 5, False)
    yield Case("one row", drawn(rng, 13, 2)[0], 1, False)
    yield Case("all but one", drawn(rng, 7, 3)[0], 6, False)
    yield Case("as many as dimensions", drawn(rng, 3, 3)[0], 2, True)


@mistakes(
    minibatch_variance,
    not_divided="Your variance does not depend on b as it should. The mean of b independent draws has the variance of one, divided by b.",
    divided_twice="You divide by b². The sum of b draws has b times the variance of one; the mean divides that by b².",
    root_of_b="You divide by the root of b. That is how the standard deviation shrinks.",
    no_correction="You treat different rows as independent. Drawn without repeats, what is taken makes the rest more balanced: the factor is (n - b) / (n - 1).",
    correction_of_sample="Your factor for different rows is (n - b) / n. That goes with the variance that divides by n - 1; with the mean over all n rows the factor is (n - b) / (n - 1).",
    sample_variance="Your variance of one row divides by n - 1, and no factor makes up for it. All rows are known: divide by n.",
    sample_variance_with_repeats="With repeats, you divide by n - 1. For different rows the factor (n - b) / n makes up for that; with repeats nothing does: divide by n.",
    always_corrected="You use the factor for different rows always. With repeats draws are independent, and there is none.",
    inverted="You have taken `replace` the other way round: True means that rows may repeat.",
    per_coordinate_mean="You average over the coordinates. A squared distance is the sum over them.",
    second_moment="You forget to subtract the mean of all rows before you square.",
    deviation="You return the standard deviation, the root of the variance.",
    correction_rooted="You take the root of the factor for different rows. That goes with the standard deviation.",
    all_entries="You measure the spread of all entries around one number. Each coordinate has its own mean.",
)
def minibatch_variance_with(made: Made, gradients: ndarray, b: int, replace: bool) -> float:
    n, dim = gradients.shape
    replace = replace ^ made.inverted
    mean = gradients.mean() if made.all_entries else gradients.mean(axis=0)
    squares = gradients**2 if made.second_moment else (gradients - mean) ** 2
    of_one = (
        float(squares.sum())
        / (n - 1 if made.sample_variance or (made.sample_variance_with_repeats and replace) else n)
        / (dim if made.per_coordinate_mean else 1)
    )
    variance = of_one / (1 if made.not_divided else b**2 if made.divided_twice else math.sqrt(b) if made.root_of_b else b)
    if (not replace or made.always_corrected) and not made.no_correction:
        factor = max(n - b, 0) / (n if made.correction_of_sample else n - 1)
        variance *= math.sqrt(factor) if made.correction_rooted else factor
    return math.sqrt(variance) if made.deviation else variance
