"""Momentum and Adam: what an optimizer remembers of earlier gradients."""

import math
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, Num
from numpy import ndarray

from autograder.exercise import Case, Made, cases, equivalent, exercise, mistakes, probe

TORCHS_OWN = ["torch.optim.Adam", "torch.optim.adam.Adam", "torch.optim.adam.adam", "torch.optim.AdamW", "torch.optim.adamw.adamw"]

# ---- momentum_step ---------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["8.7"], forbid=["torch.optim.SGD", "torch.optim.sgd.SGD", "torch.optim.sgd.sgd"])
def momentum_step(
    w: Num[ndarray, "*shape"],
    v: Num[ndarray, "*shape"],
    g: Num[ndarray, "*shape"],
    lr: float,
    beta: float,
) -> tuple[Float[ndarray, "*shape"], Float[ndarray, "*shape"]]:
    """One step of gradient descent with momentum: the new weights and the new velocity, (w, v).

    The velocity is a sum of gradients: the new one counts in full, the old velocity `beta`
    times. The weights move by `lr` times the new velocity. Sutskever et al. (2013), in the form
    of `torch.optim.SGD`.
    """
    v = beta * v + g
    return w - lr * v, v


def weights_velocity_gradient(rng: np.random.Generator, *shape: int) -> tuple[ndarray, ndarray, ndarray]:
    return rng.normal(size=shape), 2 * rng.normal(size=shape), rng.normal(size=shape)


@cases(momentum_step)
def visible_momentum_step(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("5 weights, in motion", *weights_velocity_gradient(rng, 5), lr=0.1, beta=0.9)
    yield Case("a 3×2 matrix, lr 0.03", *weights_velocity_gradient(rng, 3, 2), lr=0.03, beta=0.7)


@cases(momentum_step, hidden=True)
def hidden_momentum_step(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("lr greater than 1", *weights_velocity_gradient(rng, 7), lr=1.7, beta=0.6)
    yield Case("3 axes", *weights_velocity_gradient(rng, 2, 3, 5), lr=0.2, beta=0.95)
    yield Case("beta is 0", *weights_velocity_gradient(rng, 5), lr=0.3, beta=0.0)
    w, v, g = weights_velocity_gradient(rng, 5)
    yield Case("at rest", w, 0 * v, g, lr=0.3, beta=0.8)
    yield Case("the gradient is 0", w, v, 0 * g, lr=0.3, beta=0.8)
    yield Case("a single weight", *weights_velocity_gradient(rng, 1), lr=0.2, beta=0.7)


@mistakes(
    momentum_step,
    moving_average="You multiply the gradient by 1 - β. That is the other convention, a moving average of gradients; here the new gradient counts in full.",
    lr_in_velocity="You put lr into the velocity. That is another convention, and the two part as soon as lr changes: here the velocity holds gradients, and lr multiplies the whole velocity when the weights move.",
    lr_twice="You multiply by lr twice: once inside the velocity, once when the weights move. Only the second belongs there.",
    velocity_downhill="Your velocity holds -lr times the gradient and is added to the weights. That is another convention (Sutskever's, and Keras's): here the velocity adds gradients up, and lr times the velocity is subtracted.",
    minus_the_gradient="You subtract the gradient from the velocity. Here the velocity adds gradients up, and the minus comes when the weights move.",
    nesterov="You look ahead by another β times the velocity. That is Nesterov's momentum; plain momentum moves by the new velocity itself.",
    old_velocity="You move by the old velocity. Update the velocity first: the new gradient is in it.",
    plain_descent="You forget the old velocity: that is plain gradient descent.",
    velocity_unused="You keep a velocity but move along the gradient. The weights move by lr times the velocity.",
    nothing_forgotten="Your velocity adds gradients up and never forgets. Multiply the old velocity by β.",
    beta_on_gradient="Your β multiplies the gradient. It belongs to the old velocity.",
    beta_on_both="Your β multiplies the new gradient too. It belongs to the old velocity only.",
    factors_swapped="Your β and 1 - β are at each other's place, and there is no 1 - β here: β times the old velocity, plus the whole gradient.",
    ascent="You add the step. To go downhill, subtract it.",
    no_lr="You move by the whole velocity. Multiply it by lr.",
    old_velocity_returned="The velocity that you return is the old one. Return the new one: the next step needs it.",
    swapped="You return velocity and weights in the wrong order: weights first.",
    weights_only="You return the weights only. Return both: the next step needs the velocity.",
    steps_from_velocity="You return the step where the new weights are due: subtract it from the weights.",
)
def momentum_step_with(made: Made, w: ndarray, v: ndarray, g: ndarray, lr: float, beta: float) -> Any:
    old = v
    if made.velocity_downhill:
        v = beta * v - lr * g
        return w + v, v
    if made.minus_the_gradient:
        v = beta * v - g
        return w + lr * v, v
    keep = 0 if made.plain_descent else 1 if made.nothing_forgotten or made.beta_on_gradient else 1 - beta if made.factors_swapped else beta
    share = 1 - beta if made.moving_average else beta if made.beta_on_gradient or made.beta_on_both or made.factors_swapped else 1
    v = keep * v + share * (lr if made.lr_in_velocity or made.lr_twice else 1) * g
    direction = old if made.old_velocity else g if made.velocity_unused else g + beta * v if made.nesterov else v
    step = (1 if made.no_lr or made.lr_in_velocity else lr) * direction
    v = 1.0 * old if made.old_velocity_returned else v
    w = -step if made.steps_from_velocity else w + step if made.ascent else w - step
    return w if made.weights_only else (v, w) if made.swapped else (w, v)


# ---- ema_weights -----------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["8.8"], shares={"beta is 0": 0.1})
def ema_weights(beta: float, t: int) -> Float[ndarray, "t"]:
    """The weights of g_1, g_2, ..., g_t (in this order) in their exponential moving average m_t.

    The average starts at m_0 = 0, and m_i = beta m_{i-1} + (1 - beta) g_i. `t` is at least 1,
    and 0 <= beta < 1.
    """
    return (1 - beta) * beta ** np.arange(t)[::-1]


@cases(ema_weights)
def visible_ema_weights(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("beta 0.9, 5 gradients", 0.9, 5)
    yield Case("beta 0.5, 3 gradients", 0.5, 3)


@cases(ema_weights, hidden=True)
def hidden_ema_weights(rng: np.random.Generator) -> Iterator[Case]:
    for t in (2, 7, 11):
        yield Case("another beta", round(rng.uniform(0.55, 0.95), 3), t)
    yield Case("one gradient", round(rng.uniform(0.55, 0.95), 3), 1)
    yield Case("a small beta", round(rng.uniform(0.1, 0.4), 3), 5)
    yield Case("beta 0.999, 1000 gradients", 0.999, 1000)
    nothing_kept = "With beta = 0 the average remembers nothing: the last weight is 1, the others are 0."
    yield Case("beta is 0", 0.0, 4, group="beta is 0", hint=nothing_kept)


@mistakes(
    ema_weights,
    one_too_many="You return t + 1 weights, but m_t holds t gradients. The exponents of β run from 0 to t - 1, not to t.",
    newest_first="Your weights are in reversed order. The newest gradient, g_t, comes last and has the largest weight: it has not been multiplied by β yet.",
    not_scaled="The factor 1 - β is missing: every gradient is multiplied by it when it enters the average.",
    normalised="You divide the weights by their sum, so that they sum to 1. The weights in m_t itself sum to less: that is its bias, and it is what comes next.",
    same_exponent="All your weights are the same, with β to the power t. The exponent counts the steps since a gradient came in: 0 for the newest, one more for each older one.",
    one_step_older="Your exponents are one too large. The newest gradient has been multiplied by β no time at all.",
    first_in_full="Your oldest gradient counts in full, as if the average started at g_1. It starts at 0, so g_1 is multiplied by 1 - β like all others.",
    oldest_scaled_only="Only your oldest gradient is multiplied by 1 - β. Every gradient is, when it enters the average.",
    factors_swapped="β and 1 - β are swapped: a gradient enters with 1 - β, and every later step multiplies it by β.",
    plain_mean="You give all gradients the weight 1 / t. In a moving average newer gradients weigh more.",
    divided_by_t="You divide the weights by t. The weights of a moving average need no number of gradients.",
    sum_only="You return the sum of the weights. Return the weights themselves, one for each gradient.",
    by_logarithms="You compute powers with a logarithm, and the logarithm of 0 is -inf. Beta may be 0: use a power.",
)
def ema_weights_with(made: Made, beta: float, t: int) -> Any:
    if made.plain_mean:
        return np.full(t, 1 / t)
    enters, stays = (beta, 1 - beta) if made.factors_swapped else (1 - beta, beta)
    age = np.arange(t + 1 if made.one_too_many else t)[::-1] + int(made.one_step_older)
    if made.newest_first:
        age = age[::-1]
    if made.same_exponent:
        age = np.full(t, t)
    powers = np.exp(age * np.log(stays)) if made.by_logarithms else stays**age
    weights = powers * (1 if made.not_scaled or made.oldest_scaled_only else enters)
    if made.first_in_full:
        weights[0] = powers[0]
    if made.oldest_scaled_only:
        weights[0] *= enters
    if made.normalised:
        weights = weights / weights.sum()
    if made.divided_by_t:
        weights = weights / t
    return float(weights.sum()) if made.sum_only else weights


# ---- bias_corrected_mean ---------------------------------------------------------------------------------------------


@exercise(points=2, rows=["8.8"])
def bias_corrected_mean(values: Num[ndarray, "steps *shape"], beta: float) -> Float[ndarray, "steps *shape"]:
    """The exponential moving average after each step, corrected for its start at 0.

    Row i of the result is the average of the rows 0 to i of `values`, divided by the sum of
    their weights. There is at least one step, and 0 <= beta < 1. Kingma and Ba (2015), section
    3.
    """
    m = np.zeros_like(values[0])
    averages = []
    for t, value in enumerate(values, start=1):
        m = beta * m + (1 - beta) * value
        averages.append(m / (1 - beta**t))
    return np.stack(averages)


equivalent(
    bias_corrected_mean,
    {
        "m = np.zeros_like(values[-1])": "All rows have the same shape.",
    },
)


@cases(bias_corrected_mean)
def visible_bias_corrected_mean(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("7 numbers, beta 0.9", 3 + rng.normal(size=7), 0.9)
    yield Case("5 gradients of 3 weights, beta 0.6", rng.normal(size=(5, 3)), 0.6)


@cases(bias_corrected_mean, hidden=True)
def hidden_bias_corrected_mean(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("11 numbers, beta 0.99", rng.normal(size=11) - 2, 0.99)
    yield Case("gradients of a matrix", rng.normal(size=(7, 2, 3)), 0.8)
    yield Case("as many steps as weights", rng.normal(size=(5, 5)), 0.7)
    yield Case("two steps", rng.normal(size=(2, 3)), 0.95)
    yield Case("one step", rng.normal(size=(1, 5)), 0.9)
    yield Case("beta is 0", rng.normal(size=(3, 2)), 0.0)


@mistakes(
    bias_corrected_mean,
    no_correction="There is no correction: the first averages are pulled towards 0, where the average starts. Divide by the sum of the weights.",
    starts_at_first="You start the average at the first value. That removes the pull to 0 too, but gives the first value too much weight; here the average starts at 0 and is divided by the sum of its weights.",
    power_too_large="You divide by 1 - β^(t+1), as if there were t + 1 weights. Count them: after the first step there is one, and they sum to 1 - β.",
    power_too_small="Your t is one too small: in the first step it is 0, and 1 - β^0 is 0. Count from 1.",
    correction_stays="Your averages are too large by the same factor, 1 / (1 - β), in all steps, as in a sum without 1 - β or with the first step's correction. The weights sum to more with every step: divide the average by 1 - β^t.",
    corrected_kept="You keep the corrected average and go on from there, so the next step corrects it again. Go on from the uncorrected one.",
    factors_swapped="β and 1 - β are swapped: β multiplies the old average, 1 - β the new value.",
    times_t="You divide by 1 - β·t. It is β to the power t.",
    not_scaled="The new value enters in full. Multiply it by 1 - β.",
    multiplied="You multiply by the sum of the weights. Divide by it.",
    divided_by_power="You divide by β^t, the part that is missing. Divide by the sum of the weights, 1 - β^t.",
    plain_mean="You take the plain mean of all values so far. In a moving average newer values weigh more.",
    steps_apart="You correct the values themselves, one by one: there is no average in it.",
    last_only="You return the last average only. Return one for each step.",
    last_correction="You correct every step as if it were the last one. Each step has its own t.",
    over_last_axis="Your average runs along the last axis. Steps are the first axis.",
    integer_buffer="You write averages into an array that takes the dtype of `values`. If those are integers, the fractions are cut off.",
    float32_buffer="You write averages into a float32 array: float64 values lose half of their digits.",
)
def bias_corrected_mean_with(made: Made, values: ndarray, beta: float) -> Any:
    if made.over_last_axis and values.ndim > 1:
        values = np.moveaxis(values, -1, 0)
    keep, share = (1 - beta, beta) if made.factors_swapped else (beta, 1 - beta)
    share = 1 if made.not_scaled else share
    m = 1.0 * values[0] if made.starts_at_first else 0.0 * values[0]
    averages = []
    for t, value in enumerate(values, start=1):
        m = value if made.steps_apart else keep * m + share * value
        if made.plain_mean:
            m = values[:t].mean(0)
        corrected = m / correction_with(made, beta, len(values) if made.last_correction else t)
        averages.append(corrected)
        m = corrected if made.corrected_kept else m
    result = np.stack(averages)
    if made.integer_buffer:
        result = result.astype(values.dtype)
    if made.float32_buffer:
        result = result.astype(np.float32)
    if made.over_last_axis and values.ndim > 1:
        result = np.moveaxis(result, 0, -1)
    return result[-1] if made.last_only else result


def correction_with(made: Made, beta: float, t: int) -> Any:
    """What an average is divided by after step t. A NumPy number: divided by 0 it gives inf."""
    if made.no_correction or made.starts_at_first or made.plain_mean:
        return np.float64(1)
    power = 1 if made.correction_stays else t + int(made.power_too_large) - int(made.power_too_small)
    correction = beta * t if made.times_t else float(beta) ** power
    correction = correction if made.divided_by_power else 1 - correction
    return 1 / np.float64(correction) if made.multiplied else np.float64(correction)


# ---- adam_step -------------------------------------------------------------------------------------------------------


@exercise(
    points=3,
    rows=["8.8"],
    shares={"zero gradients": 0.1},
    without=["same array"],  # a second moment is never negative: the weights cannot stand for it
    forbid=TORCHS_OWN,
)
def adam_step(
    w: Num[ndarray, "*shape"],
    g: Num[ndarray, "*shape"],
    m: Num[ndarray, "*shape"],
    v: Num[ndarray, "*shape"],
    t: int,
    lr: float,
    betas: tuple[float, float],
    eps: float,
) -> tuple[Float[ndarray, "*shape"], Float[ndarray, "*shape"], Float[ndarray, "*shape"]]:
    """One step of Adam: the new weights and the new moments, (w, m, v).

    `m` and `v` are the moving averages of the gradients and of their squares after the step
    before, not corrected; so are those that are returned. `t` is the number of this step, 1 for
    the first. `eps` is added to the square root of the corrected second moment. Kingma and Ba
    (2015), algorithm 1.
    """
    beta1, beta2 = betas
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return w - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def weights_gradient_moments(rng: np.random.Generator, *shape: int) -> tuple[ndarray, ndarray, ndarray, ndarray]:
    g, m = 2 * rng.normal(size=shape), rng.normal(size=shape)
    return rng.normal(size=shape), g, m, m**2 + rng.uniform(0.5, 2, size=shape)


@cases(adam_step)
def visible_adam_step(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("step 5, in motion", *weights_gradient_moments(rng, 3, 2), t=5, lr=0.1, betas=(0.9, 0.999), eps=1e-8)
    w, g, m, v = weights_gradient_moments(rng, 5)
    yield Case("step 1, from rest", w, g, 0 * m, 0 * v, t=1, lr=0.01, betas=(0.9, 0.99), eps=1e-8)


@cases(adam_step, hidden=True)
def hidden_adam_step(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("other betas", *weights_gradient_moments(rng, 7), t=3, lr=0.05, betas=(0.7, 0.95), eps=1e-8)
    yield Case("a large eps", *weights_gradient_moments(rng, 2, 5), t=5, lr=0.1, betas=(0.8, 0.9), eps=0.3)
    yield Case("step 2, 3 axes", *weights_gradient_moments(rng, 2, 3, 5), t=2, lr=0.2, betas=(0.6, 0.85), eps=1e-6)
    yield Case("step 1000", *weights_gradient_moments(rng, 5), t=1000, lr=0.1, betas=(0.9, 0.999), eps=1e-8)
    yield Case("a single weight", *weights_gradient_moments(rng, 1), t=11, lr=0.3, betas=(0.9, 0.98), eps=1e-3)
    w, g, m, v = weights_gradient_moments(rng, 5)
    remembers = "Where the gradient is 0, m and v shrink, and the weight still moves: the average remembers earlier gradients."
    yield Case("the gradient is 0", w, 0 * g, m, v, t=5, lr=0.1, betas=(0.9, 0.99), eps=1e-8, group="zero gradients", hint=remembers)
    nothing = "A weight whose gradient has always been 0 stays where it is: 0 / (0 + eps) is 0, while 0 / 0 is NaN."
    yield Case("no gradient so far", w, 0 * g, 0 * m, 0 * v, t=3, lr=0.1, betas=(0.9, 0.99), eps=1e-8, group="zero gradients", hint=nothing)


# Mistakes in the formulas, which a function and a class can make alike.
IN_THE_FORMULAS = {
    "no_correction": "There is no bias correction: the moments start at 0 and are too small in the first steps. Divide by 1 - β^t.",
    "no_correction_m": "The first moment is not bias-corrected. Divide it by 1 - β1^t.",
    "no_correction_v": "The second moment is not bias-corrected. Divide it by 1 - β2^t.",
    "correction_multiplied": "You multiply by 1 - β^t. The moments are too small in the first steps: divide.",
    "correction_times_t": "You correct by 1 - β·t. It is 1 - β to the power t.",
    "correction_of_the_first_step": "Your correction is always that of the first step, 1 - β. It is 1 - β^t, and t grows with every step.",
    "correction_swapped": "Each moment is corrected with the other's β. The first moment has β1, the second β2.",
    "correction_beta1_only": "You correct both moments with β1. The second has its own, β2.",
    "corrected_kept": "You keep the corrected moments as the moments, so the next step corrects them again. The corrected ones are for this step only.",
    "corrected_first_kept": "You keep the corrected first moment as the first moment, so the next step corrects it again.",
    "corrected_second_kept": "You keep the corrected second moment as the second moment, so the next step corrects it again.",
    "eps_inside": "You add eps under the square root. Add it to the root.",
    "eps_uncorrected": "You add eps to the root of the second moment before it is corrected (a shortcut that some libraries take). Here it is added to the root of the corrected one.",
    "no_eps": "You never add eps: where all gradients have been 0 you divide 0 by 0.",
    "fixed_eps": "You ignore the eps that is given.",
    "fixed_betas": "You ignore the betas that are given.",
    "fixed_lr": "You ignore the learning rate that is given.",
    "lr_decays": "You divide the learning rate by √t. That belongs to the proof of convergence; the algorithm keeps lr as it is.",
    "betas_swapped": "The betas are swapped: the first belongs to the first moment, the second to the second.",
    "one_beta": "Both of your moments use β1. The second moment has its own, β2.",
    "no_sqrt": "You divide by the second moment itself. Take its square root: then the step has the size of lr, whatever the unit of the gradient.",
    "whole_gradient": "The gradient enters the first moment in full, as in momentum. Here it is an average: multiply the gradient by 1 - β1.",
    "whole_square": "The squared gradient enters the second moment in full. Multiply it by 1 - β2.",
    "factors_swapped": "In the moments β and 1 - β are swapped: β multiplies the old moment, 1 - β what is new.",
    "nothing_forgotten": "Your moments never forget: the old moment is not multiplied by its β.",
    "v_of_gradient": "Your second moment averages the gradients. It averages their squares.",
    "v_of_absolute": "Your second moment averages absolute values. It averages squares.",
    "v_of_moment": "Your second moment averages the squares of the first moment. It averages the squares of the gradient.",
    "v_of_corrected_moment": "Your second moment averages the squares of the corrected first moment. It averages the squares of the gradient.",
    "v_summed": "Your second moment sums the squares over the whole array. Every weight has its own.",
    "v_averaged": "Your second moment takes the mean of the squares over the whole array. Every weight has its own.",
    "v_centred": "Your second moment averages squared distances from the first moment (a variance). It averages the squares of the gradient themselves.",
    "ascent": "You add the step. To go downhill, subtract it.",
    "old_moments": "You move the weights before you update the moments. The step uses moments that hold the new gradient already.",
    "old_second_moment": "You divide by the second moment of the step before. Update both moments first: they hold the new gradient already.",
    "gradient_not_m": "You move along the gradient, scaled (that is RMSProp). Adam moves along the corrected first moment.",
    "no_second_moment": "You never divide by the root of the second moment: that is momentum, not Adam.",
    "looks_ahead": "You mix the new gradient into the first moment a second time. That is Nesterov's look-ahead (NAdam), not Adam.",
    "largest_gradient": "Your second moment keeps the largest gradient, shrunk by β2. That is AdaMax; Adam averages squares.",
    "forgets_moments": "Your moments start from 0 in every step. They must be kept from step to step.",
    "skips_zero": "You leave weights alone where the gradient is 0. There the moments still shrink, and the first moment still moves the weight.",
}

Moments = tuple[ndarray, ndarray]


def moments_with(made: Made, g: ndarray, m: ndarray, v: ndarray, t: int, betas: tuple[float, float]) -> Moments:
    """The moments after this step."""
    beta1, beta2 = (0.9, 0.999) if made.fixed_betas else betas[::-1] if made.betas_swapped else betas
    beta2 = beta1 if made.one_beta else beta2
    if made.factors_swapped:
        beta1, beta2 = 1 - beta1, 1 - beta2
    if made.forgets_moments:
        m, v = 0 * m, 0 * v
    keep1, keep2 = (1, 1) if made.nothing_forgotten else (beta1, beta2)
    new_m = keep1 * m + (1 if made.whole_gradient else 1 - beta1) * g
    if made.largest_gradient:
        return new_m, np.maximum(beta2 * v, abs(g))
    square = (
        g if made.v_of_gradient
        else abs(g) if made.v_of_absolute
        else new_m**2 if made.v_of_moment
        else (new_m / (1 - beta1**t)) ** 2 if made.v_of_corrected_moment
        else np.full_like(g, (g**2).sum()) if made.v_summed
        else np.full_like(g, (g**2).mean()) if made.v_averaged
        else (g - new_m) ** 2 if made.v_centred
        else g**2
    )  # fmt: skip
    new_v = keep2 * v + (1 if made.whole_square else 1 - beta2) * square
    if made.skips_zero:
        return np.where(g == 0, m, new_m), np.where(g == 0, v, new_v)
    return new_m, new_v


def corrections_with(made: Made, t: int, betas: tuple[float, float]) -> tuple[np.float64, np.float64]:
    """What the moments are divided by. NumPy numbers: divided by 0 they give inf."""
    beta1, beta2 = (0.9, 0.999) if made.fixed_betas else betas[::-1] if made.betas_swapped ^ made.correction_swapped else betas
    beta2 = beta1 if made.correction_beta1_only or made.one_beta else beta2
    t = 1 if made.correction_of_the_first_step else t
    first, second = (1 - beta1 * t, 1 - beta2 * t) if made.correction_times_t else (1 - beta1**t, 1 - beta2**t)
    if made.correction_multiplied:
        first, second = 1 / first, 1 / second
    if made.no_correction or made.no_correction_m or made.starts_at_first_gradient:
        first = 1.0
    if made.no_correction or made.no_correction_v or made.starts_at_first_gradient:
        second = 1.0
    return np.float64(first), np.float64(second)


def step_with(made: Made, g: ndarray, old: Moments, new: Moments, t: int, lr: float, betas: tuple[float, float], eps: float) -> ndarray:
    """What is subtracted from the weights."""
    first, second = corrections_with(made, t, betas)
    m, v = old if made.old_moments else new
    v = old[1] if made.old_second_moment else v
    m_hat = m / first
    if made.gradient_not_m:
        m_hat = g
    if made.looks_ahead:
        m_hat = betas[0] * m_hat + (1 - betas[0]) * g / first
    eps = 0 if made.no_eps else 1e-8 if made.fixed_eps else eps
    if made.no_second_moment:
        root: Any = 1
    elif made.largest_gradient:
        root = v + eps
    elif made.eps_inside:
        root = np.sqrt(v / second + eps)
    elif made.eps_uncorrected:
        root = (np.sqrt(v) + eps) / np.sqrt(second)
    elif made.no_sqrt:
        root = v / second + eps
    else:
        root = np.sqrt(v / second) + eps
    lr = 0.001 if made.fixed_lr else lr / math.sqrt(max(t, 1)) if made.lr_decays else lr
    step = np.asarray(lr * m_hat / root * (-1 if made.ascent else 1))
    return np.where(g == 0, 0, step) if made.skips_zero else step


def kept_with(made: Made, new: Moments, t: int, betas: tuple[float, float]) -> Moments:
    """The moments that the next step starts from."""
    first, second = corrections_with(made, t, betas)
    m = new[0] / first if made.corrected_kept or made.corrected_first_kept else new[0]
    v = new[1] / second if made.corrected_kept or made.corrected_second_kept else new[1]
    return m, v


@mistakes(
    adam_step,
    **IN_THE_FORMULAS,
    t_too_large="You add 1 to t. It is the number of this step already, 1 for the first.",
    t_too_small="You subtract 1 from t, which then is 0 in the first step, where 1 - β^0 = 0. It is the number of this step, 1 for the first.",
    old_moments_returned="You return the moments that you were given. Return the new ones: the next step needs them.",
    moments_swapped="You return the moments in the wrong order: weights, first moment, second moment.",
    weights_last="You return the weights last. They come first: weights, first moment, second moment.",
    weights_only="You return the weights only. Return the new moments too: the next step needs them.",
    step_only="You return the step where the new weights are due: subtract it from the weights.",
)
def adam_step_with(made: Made, w: ndarray, g: ndarray, m: ndarray, v: ndarray, t: int, lr: float, betas: tuple[float, float], eps: float) -> Any:
    t = t + int(made.t_too_large) - int(made.t_too_small)
    new = moments_with(made, g, m, v, t, betas)
    step = step_with(made, g, (m, v), new, t, lr, betas, eps)
    w = step if made.step_only else w - step
    m, v = (1.0 * m, 1.0 * v) if made.old_moments_returned else kept_with(made, new, t, betas)
    if made.weights_only:
        return w
    return (w, v, m) if made.moments_swapped else (m, v, w) if made.weights_last else (w, m, v)


# ---- Adam ------------------------------------------------------------------------------------------------------------


@exercise(
    points=4,
    rows=["8.8"],
    shares={"gradient arrays": 0.1, "two optimizers": 0.1, "zero gradients": 0.1},
    without=["same array", "integers"],  # parameters are lists, and change in place
    forbid=TORCHS_OWN,
)
class Adam:
    """Adam with bias correction. Kingma and Ba (2015), algorithm 1.

    The optimizer changes the caller's arrays in place: whoever holds a parameter sees it move.
    Optimizers know nothing of each other; two may be at work at once.
    """

    def __init__(
        self,
        params: list[Float[ndarray, "..."]],
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        """Remember the parameters, and begin with moments that are 0.

        `eps` is added to the square root of the corrected second moment.
        """
        self.params, self.lr, self.betas, self.eps = params, lr, betas, eps
        self.t = 0
        self.m = [np.zeros_like(w) for w in params]
        self.v = [np.zeros_like(w) for w in params]

    def step(self, grads: list[Float[ndarray, "..."]]) -> None:
        """Move every parameter by one step of Adam, given its gradient.

        The gradients lie in the order of the parameters. Their arrays belong to the caller:
        leave them as they are, and expect the next gradients in the same arrays.
        """
        self.t += 1
        for k, (w, g) in enumerate(zip(self.params, grads, strict=True)):
            w[...], self.m[k], self.v[k] = adam_step(w, g, self.m[k], self.v[k], self.t, self.lr, self.betas, self.eps)


@probe(Adam)
def step_by_step(cls, params, gradients, options, reuse=False, others=None):  # type: ignore[no-untyped-def]
    """Every parameter after each step, read from the caller's own arrays. Without a step: as they are at the start.

    With `reuse` all gradients come in the same arrays. `others` are the parameters of a second optimizer, which takes
    the gradients' opposite.
    """
    import numpy as np

    params = [p.copy(order="K") for p in params]
    others = [p.copy() for p in others or []]
    buffers = [np.empty_like(p) for p in params]
    optimizer = cls(list(params), **options)
    other_optimizer = cls(list(others), **options) if others else None
    history = [[p.copy() for p in params + others]]
    for grads in gradients:
        opposite = [-g for g in grads]
        if reuse:
            for buffer, g in zip(buffers, grads, strict=True):
                buffer[...] = g
        optimizer.step(list(buffers if reuse else grads))
        if other_optimizer:
            other_optimizer.step(opposite)
        history.append([p.copy() for p in params + others])
    return [np.stack(states) for states in zip(*(history[1:] or history), strict=True)]


Shapes = list[tuple[int, ...]]


def parameters(rng: np.random.Generator, shapes: Shapes) -> list[ndarray]:
    return [rng.normal(size=shape) for shape in shapes]


def gradients(rng: np.random.Generator, shapes: Shapes, steps: int, scale: float = 1.0) -> list[list[ndarray]]:
    """Gradients whose size changes from step to step: the second moment matters."""
    return [[scale * 10 ** rng.uniform(-1, 1) * rng.normal(size=shape) for shape in shapes] for _ in range(steps)]


@cases(Adam)
def visible_adam(rng: np.random.Generator) -> Iterator[Case]:
    two: Shapes = [(3, 2), (5,)]
    yield Case("before the first step", parameters(rng, two), [], {"lr": 0.1})
    yield Case("7 steps, lr 0.1", parameters(rng, two), gradients(rng, two, 7), {"lr": 0.1})
    yield Case("3 steps, defaults", parameters(rng, two), gradients(rng, two, 3), {})


@cases(Adam, hidden=True)
def hidden_adam(rng: np.random.Generator) -> Iterator[Case]:
    three: Shapes = [(2,), (3, 5), (7,)]
    alike: Shapes = [(3,), (3,), (3,)]
    one: Shapes = [(3,)]
    yield Case("other betas", parameters(rng, three), gradients(rng, three, 7), {"lr": 0.05, "betas": (0.7, 0.95)})
    yield Case("a large eps", parameters(rng, three), gradients(rng, three, 7), {"lr": 0.1, "eps": 0.1})
    yield Case("one parameter, many steps", parameters(rng, one), gradients(rng, one, 100), {"lr": 0.1})
    yield Case("tiny gradients", parameters(rng, one), gradients(rng, one, 5, scale=1e-8), {"lr": 0.1})
    yield Case("parameters of the same shape", parameters(rng, alike), gradients(rng, alike, 5), {"lr": 0.1})
    yield Case("a matrix and a single number", parameters(rng, [(2, 3), (1,)]), gradients(rng, [(2, 3), (1,)], 3), {"lr": 0.01, "betas": (0.8, 0.9)})

    kept = "The caller uses its gradient arrays again in the next step. Keep no reference to them: copy what you need."
    yield Case(
        "gradient arrays used again", parameters(rng, three), gradients(rng, three, 5), {"lr": 0.1}, reuse=True, group="gradient arrays", hint=kept
    )
    shared = "Two optimizers at work at once disturb each other. What an optimizer remembers belongs to `self`, and is made in `__init__`."
    mine, others = parameters(rng, one), parameters(rng, one)
    yield Case("two optimizers at once", mine, gradients(rng, one, 5), {"lr": 0.1}, others=others, group="two optimizers", hint=shared)

    remembers = "Where the gradient is 0, the moments shrink, and the parameter still moves: the average remembers earlier gradients."
    sparse = gradients(rng, one, 7)
    for grads in sparse[1:6]:
        grads[0][rng.integers(3)] = 0
    yield Case("some gradients are 0", parameters(rng, one), sparse, {"lr": 0.1}, group="zero gradients", hint=remembers)
    nothing = "As long as all gradients are 0 the parameters stay where they are: 0 / (0 + eps) is 0, while 0 / 0 is NaN."
    late = [[np.zeros(3)], [np.zeros(3)], *gradients(rng, one, 3)]
    yield Case("the first gradients are 0", parameters(rng, one), late, {"lr": 0.1}, group="zero gradients", hint=nothing)


@mistakes(
    Adam,
    **IN_THE_FORMULAS,
    t_too_large="Your t is one too large: in the first step t is 1.",
    t_from_zero="In the first step your t is 0, and you divide by 1 - β^0 = 0. Count t up before you use it.",
    t_per_parameter="You count t up once per parameter. It counts steps: once per call of `step`.",
    starts_at_first_gradient="Your moments start at the first gradient and its square, without a correction. Here they start at 0 and are corrected.",
    unchanged="The caller's arrays never change. `w = w - ...` makes a new array, and so does a copy of `params`: write into the arrays that you were given.",
    first_only="Only the first parameter moves.",
    last_only="Only the last parameter moves: is the update outside of the loop?",
    one_list_for_both="The two moments are one and the same list (as after `m = v = [...]`): what you write to one is in the other.",
    shared_moments="Parameters share their moments. Each has its own.",
    moments_of_all_optimizers="Two optimizers share their moments. What an optimizer remembers belongs to `self`, not to the class or to a global variable.",
    steps_of_all_optimizers="Two optimizers share one count of steps. What an optimizer remembers belongs to `self`, not to the class or to a global variable.",
    keeps_gradients="You keep the caller's gradient arrays to average them later. The caller writes the next gradients into them: keep copies, or better only the averages.",
    default_lr="Your default learning rate is not 0.001.",
    default_betas="Your default betas are not (0.9, 0.999).",
    default_eps="Your default eps is not 1e-8.",
    largest_second_moment="You divide by the largest second moment so far. That is AMSGrad; Adam divides by the current one.",
)
class AdamWith:
    """`latest` is what a class attribute would hold: the moments and the count of the optimizer made last."""

    latest: ClassVar[Any] = None

    def __init__(self, made: Made, params: list[ndarray], lr: float = 0.001, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8) -> None:
        self.made, self.params = made, params
        self.lr = 0.01 if made.default_lr and lr == 0.001 else lr
        self.betas = (0.9, 0.99) if made.default_betas and betas == (0.9, 0.999) else betas
        self.eps = 1e-7 if made.default_eps and eps == 1e-8 else eps
        self.t = 0
        self.m, self.v = [np.zeros_like(p) for p in params], [np.zeros_like(p) for p in params]
        self.largest = [np.zeros_like(p) for p in params]
        self.seen: list[list[ndarray]] = []
        AdamWith.latest = self

    def step(self, grads: list[ndarray]) -> None:
        made = self.made
        counter = AdamWith.latest if made.steps_of_all_optimizers else self
        counter.t += 0 if made.t_per_parameter else 1
        self.seen.append(grads)
        for k, (p, g) in enumerate(zip(self.params, grads, strict=True)):
            counter.t += int(made.t_per_parameter)
            t = counter.t + int(made.t_too_large) - int(made.t_from_zero)
            step = self.step_of(k, g, t)
            if made.unchanged or (made.first_only and k > 0) or (made.last_only and k < len(grads) - 1):
                continue
            p -= step

    def step_of(self, k: int, g: ndarray, t: int) -> ndarray:
        """Update the moments of parameter k, and return what is to be subtracted from it."""
        made = self.made
        owner = AdamWith.latest if made.moments_of_all_optimizers else self
        home = 0 if made.shared_moments and self.m[0].shape == g.shape else k
        old = owner.m[home], owner.v[home]
        if made.starts_at_first_gradient and t == 1:
            old = g, g**2
        new = self.moments_of_seen(k) if made.keeps_gradients else moments_with(made, g, *old, t, self.betas)
        if made.one_list_for_both:
            both = moments_with(made, g, old[0], new[0], t, self.betas)[1]
            new = both, both
        owner.m[home], owner.v[home] = kept_with(made, new, t, self.betas)
        if made.largest_second_moment:
            self.largest[k] = np.maximum(self.largest[k], new[1])
            new = new[0], self.largest[k]
        return step_with(made, g, old, new, t, self.lr, self.betas, self.eps)

    def moments_of_seen(self, k: int) -> Moments:
        """The moments worked out anew from all gradients seen, as they are now."""
        m, v = np.zeros_like(self.params[k]), np.zeros_like(self.params[k])
        for grads in self.seen:
            m, v = moments_with(self.made, grads[k], m, v, 1, self.betas)
        return m, v
