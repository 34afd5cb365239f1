"""Regularization: weight decay and dropout."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Num
from numpy import ndarray

from autograder.exercise import Case, Made, cases, equivalent, exercise, mistakes, probe, verify

# ---- weight_decay_step -----------------------------------------------------------------------------------------------


@exercise(points=2, rows=["3.10"])
def weight_decay_step(
    w: Num[ndarray, "*shape"], g: Num[ndarray, "*shape"], lr: float, weight_decay: float, decay_mask: Bool[ndarray, "*shape"]
) -> Float[ndarray, "*shape"]:
    """The parameters after one step of gradient descent with weight decay.

    `g` is the gradient of the loss alone. The penalty on top of it is weight_decay / 2 times the
    sum of the squares of those entries of `w` where `decay_mask` is True. The others, the
    biases, have no penalty and take the plain step. The gradients of loss and penalty are both
    taken at `w`.
    """
    return np.where(decay_mask, (1 - lr * weight_decay) * w, w) - lr * g


def parameters_to_decay(rng: np.random.Generator, *shape: int) -> tuple[ndarray, ndarray]:
    return 2 * rng.normal(size=shape), rng.normal(size=shape)


def some_decay(rng: np.random.Generator, *shape: int) -> ndarray:
    """A mask of both kinds of entries."""
    size = int(np.prod(shape))
    return rng.permutation(np.arange(size) % 3 > 0).reshape(shape)


@cases(weight_decay_step)
def visible_weight_decay_step(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("5 parameters, 3 decay", *parameters_to_decay(rng, 5), 0.1, 0.5, np.array([True, True, False, True, False]))
    yield Case("a 3×2 matrix", *parameters_to_decay(rng, 3, 2), 0.3, 0.2, some_decay(rng, 3, 2))


@cases(weight_decay_step, hidden=True)
def hidden_weight_decay_step(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("11 parameters", *parameters_to_decay(rng, 11), 0.2, 0.7, some_decay(rng, 11))
    yield Case("a square matrix", *parameters_to_decay(rng, 5, 5), 0.05, 1.5, some_decay(rng, 5, 5))
    yield Case("3 axes", *parameters_to_decay(rng, 2, 3, 5), 0.6, 0.3, some_decay(rng, 2, 3, 5))
    yield Case("everything decays", *parameters_to_decay(rng, 7), 0.3, 0.4, np.ones(7, dtype=bool))
    yield Case("weight_decay is 0", *parameters_to_decay(rng, 7), 0.3, 0.0, some_decay(rng, 7))
    w, g = parameters_to_decay(rng, 7)
    yield Case("the gradient is 0", w, 0 * g, 0.3, 0.8, some_decay(rng, 7))


@mistakes(
    weight_decay_step,
    factor_two="Your weights decay twice as fast. That belongs to the penalty λ‖w‖²; with the half in front, as here, its gradient is λw, and the 2 cancels.",
    half_as_fast="Your weights decay half as fast. The gradient of λ/2 ‖w‖² is λw: the 2 from the square cancels the half.",
    no_lr="Your weights decay by weight_decay itself. The gradient of the penalty is multiplied by lr, like any gradient.",
    mask_ignored="Everything decays, biases too. Where decay_mask is False an entry takes the plain step.",
    mask_inverted="Your mask works the other way round: True is where an entry decays.",
    others_frozen="The entries that do not decay stay where they were. They have no penalty, but they follow the gradient of the loss.",
    decay_after="You take the step first and shrink what comes out. Both gradients are taken at the old w: (1 - ηλ)w - ηg.",
    decay_times_step="You shrink the whole step. What is shrunk is the old weight.",
    growth="Your weights grow: the sign of the penalty's gradient is wrong.",
    no_decay="Nothing decays: that is plain gradient descent.",
    sign_only="All your weights move towards 0 by the same amount. That is the penalty with absolute values, L1; with squares, the pull is proportional to the weight.",
    norm_unsquared="You use the gradient of the norm, w / ‖w‖. The penalty has the squared norm.",
    penalty_added="You add the penalty itself to the gradient, one and the same number everywhere. Add its gradient.",
    ascent="You add lr times the gradient. To go downhill, subtract it.",
    step_returned="You return the step. Return the new parameters.",
    one_minus_decay_on_gradient="You shrink the gradient in place of the weight.",
)
def weight_decay_step_with(made: Made, w: ndarray, g: ndarray, lr: float, weight_decay: float, decay_mask: ndarray) -> Any:
    decay_mask = np.ones_like(decay_mask) if made.mask_ignored else ~decay_mask if made.mask_inverted else decay_mask
    factor = 2 if made.factor_two else 0.5 if made.half_as_fast else 0 if made.no_decay else -1 if made.growth else 1
    pull = factor * weight_decay * w
    if made.sign_only:
        pull = weight_decay * np.sign(w)
    if made.norm_unsquared:
        pull = weight_decay * w / max(np.sqrt((np.where(decay_mask, w, 0) ** 2).sum()), 1e-12)
    if made.penalty_added:
        pull = weight_decay / 2 * (np.where(decay_mask, w, 0) ** 2).sum() * np.ones_like(w)
    pull = np.where(decay_mask, pull, np.zeros_like(pull))
    step = lr * g
    shrink = (1 if made.no_lr else lr) * pull
    if made.decay_after:
        return np.where(decay_mask, (1 - lr * weight_decay) * (w - step), w - step)
    if made.decay_times_step:
        return w - np.where(decay_mask, (1 - lr * weight_decay) * (w + step), step)
    if made.one_minus_decay_on_gradient:
        return w - np.where(decay_mask, (1 - lr * weight_decay) * step, step)
    new = w - shrink + step if made.ascent else w - shrink - step
    if made.others_frozen:
        new = np.where(decay_mask, new, 1.0 * w if w.dtype.kind == "i" else w)
    return new - w if made.step_returned else new


# ---- momentum_decay_step ---------------------------------------------------------------------------------------------


@exercise(points=2, rows=["3.10"])
def momentum_decay_step(
    w: Num[ndarray, "*shape"],
    v: Num[ndarray, "*shape"],
    g: Num[ndarray, "*shape"],
    lr: float,
    beta: float,
    weight_decay: float,
    decoupled: bool,
) -> tuple[Float[ndarray, "*shape"], Float[ndarray, "*shape"]]:
    """One step with momentum and weight decay, in either of its two forms: the new (w, v).

    The velocity is beta times the old velocity, plus a gradient that counts in full. Then the
    weights move by lr times the new velocity.

    As an L2 penalty (`decoupled` is False), the gradient that enters the velocity is g plus
    weight_decay times w. Decoupled, only g enters the velocity, and apart from that move w is
    multiplied by 1 - lr times weight_decay: w becomes (1 - lr weight_decay) w - lr v. Loshchilov
    and Hutter (2019).
    """
    if decoupled:
        v = beta * v + g
        return (1 - lr * weight_decay) * w - lr * v, v
    v = beta * v + g + weight_decay * w
    return w - lr * v, v


def in_motion(rng: np.random.Generator, *shape: int) -> tuple[ndarray, ndarray, ndarray]:
    return 2 * rng.normal(size=shape), rng.normal(size=shape), rng.normal(size=shape)


@cases(momentum_decay_step)
def visible_momentum_decay_step(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("5 weights, L2 penalty", *in_motion(rng, 5), 0.1, 0.9, 0.5, False)
    yield Case("5 weights, decoupled", *in_motion(rng, 5), 0.1, 0.9, 0.5, True)


@cases(momentum_decay_step, hidden=True)
def hidden_momentum_decay_step(rng: np.random.Generator) -> Iterator[Case]:
    for decoupled in (False, True):
        name = "decoupled" if decoupled else "L2 penalty"
        yield Case(f"a 3×2 matrix, {name}", *in_motion(rng, 3, 2), 0.3, 0.7, 0.8, decoupled)
        yield Case(f"a square matrix, {name}", *in_motion(rng, 3, 3), 0.05, 0.6, 2.5, decoupled)
    yield Case("no momentum", *in_motion(rng, 7), 0.2, 0.0, 0.6, True)


@mistakes(
    momentum_decay_step,
    exchanged="You have the two forms exchanged. Decoupled means that the decay stays out of the velocity.",
    always_l2="Your decay goes through the velocity in both forms. Decoupled, it does not: only g enters the velocity, and w is shrunk apart from it.",
    always_decoupled="Your decay stays out of the velocity in both forms. As an L2 penalty its gradient, weight_decay times w, is a part of the gradient, and enters the velocity.",
    both_ways="Decoupled, your weights decay twice: through the velocity and apart from it. Only the second is meant.",
    decoupled_without_lr="Decoupled, you shrink the weights by weight_decay. It is lr times weight_decay.",
    decoupled_after="Decoupled, you shrink the weights after they have moved. The old weights are shrunk, the velocity's move is not.",
    lr_in_velocity="As an L2 penalty, your decay enters the velocity multiplied by lr, and is multiplied by lr once more when the weights move. What enters the velocity is weight_decay times w.",
    factor_two="Your decay is twice as strong. Here the gradient of the penalty is weight_decay times w.",
    moving_average="You multiply the new gradient by 1 - β. That is the other convention, a moving average; here it counts in full.",
    old_velocity="You move by the old velocity. Update the velocity first.",
    plain="You forget the old velocity. It stays in, β times.",
    no_decay="Nothing decays in either form.",
    growth="Your weights grow: the sign of the decay is wrong.",
    velocity_decays="Decoupled, you shrink the velocity. It is the weights that decay.",
    swapped="You return velocity and weights in the wrong order: weights first.",
    weights_only="You return the weights only. Return both: the next step needs the velocity.",
)
def momentum_decay_step_with(made: Made, w: ndarray, v: ndarray, g: ndarray, lr: float, beta: float, weight_decay: float, decoupled: bool) -> Any:
    if made.exchanged:
        decoupled = not decoupled
    decoupled = (decoupled or made.always_decoupled) and not made.always_l2
    strength = weight_decay * (2 if made.factor_two else 0 if made.no_decay else -1 if made.growth else 1)
    pull = (lr if made.lr_in_velocity else 1) * strength * w
    gradient = g + pull if made.both_ways or not decoupled else g
    old = v
    v = (0 if made.plain else beta) * v + (1 - beta if made.moving_average else 1) * gradient
    if decoupled and made.velocity_decays:
        v = (1 - lr * strength) * v
    move = lr * (old if made.old_velocity else v)
    keep = 1 - (1 if made.decoupled_without_lr else lr) * strength
    shrunk = keep * w if decoupled and not made.velocity_decays else w
    new = keep * (w - move) if decoupled and made.decoupled_after else shrunk - move
    return new if made.weights_only else (v, new) if made.swapped else (new, v)


# ---- project_l2 ------------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["3.10"], shares={"all zeros": 0.1})
def project_l2(w: Num[ndarray, "*shape"], theta: float) -> Float[ndarray, "*shape"]:
    """The point nearest to w among those whose squares sum to at most theta.

    Weights that keep the constraint stay as they are, also where all of them are 0; others are
    shrunk by one common factor, just enough. `theta` is at least 0.
    """
    squares = (w * w).sum()
    return 1.0 * w if squares <= theta else w * float(np.sqrt(theta / squares))


equivalent(
    project_l2,
    {
        "return w if squares <= theta else w * float(np.sqrt(theta / squares))": "Weights that stay as they are may stay whole numbers.",
    },
)


@cases(project_l2)
def visible_project_l2(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("5 weights outside", 2 * rng.normal(size=5), 3.0)
    yield Case("3 weights inside", 0.8 * rng.uniform(0.7, 1, size=3), 2.0)
    yield Case("a 3×2 matrix, theta 0.25", rng.normal(size=(3, 2)), 0.25)
    hint = "Weights that are all 0 keep every constraint: divide by the norm only where it is too large."
    yield Case("all zeros", np.zeros(3), 1.5, group="all zeros", hint=hint)


@cases(project_l2, hidden=True)
def hidden_project_l2(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("11 weights", rng.normal(size=11), 2.5)
    yield Case("a square matrix", 2 * rng.normal(size=(5, 5)), 7.0)
    yield Case("far outside", 30 * rng.normal(size=(2, 3, 5)), 0.3)
    inside = rng.uniform(0.6, 1.3, size=7) * rng.choice([-1, 1], size=7)  # whole numbers of this size are outside
    yield Case("inside, and theta is large", inside, 12.0)
    w = rng.normal(size=7)
    squares = float((w * w).sum())
    yield Case("the norm is below theta, its square is not", w * 3 / np.sqrt(squares), 4.0)
    yield Case("the square is below theta, the norm is not", w * 0.5 / np.sqrt(squares), 0.3)
    yield Case("theta is 0", rng.normal(size=3), 0.0)
    hint = "Weights that are all 0 keep every constraint: divide by the norm only where it is too large."
    yield Case("all zeros", np.zeros((2, 3)), 1.5, group="all zeros", hint=hint)
    yield Case("all zeros, and theta is 0", np.zeros(5), 0.0, group="all zeros", hint=hint)


@mistakes(
    project_l2,
    theta_is_the_radius="You let the norm be at most theta. It is its square that is at most theta, so the norm is at most √theta.",
    always_on_the_sphere="You also move weights that keep the constraint. They stay as they are.",
    root_forgotten="You multiply by theta / ‖w‖². Then the squares sum to theta² / ‖w‖², which is too little: the factor needs a root.",
    clipped="You clip each weight by itself. The constraint is about the sum of all squares: shrink all weights by one factor.",
    mean_square="You let the mean of the squares be at most theta. It is their sum.",
    by_rows="You treat each row by itself. The sum runs over all entries.",
    sum_of_absolute_values="You measure the weights by the sum of their absolute values. It is the sum of squares that counts.",
    largest_entry="You measure the weights by the largest of them. It is the sum of squares that counts.",
    to_length_one="You shrink weights that are too large to the length 1. They may keep the length √theta.",
    to_zero="You set weights that are too large to 0. Shrink them just enough.",
    never_shrinks="You return the weights as they are. Where their squares sum to more than theta, shrink them.",
    inside_out="You compare the wrong way round: weights outside are shrunk, those inside stay.",
    spread_off="You subtract the same amount from the size of every weight. The nearest point lies on the line to the origin: multiply by one factor.",
    compared_unsquared="You compare the norm with theta, and shrink to the length √theta. Compare the square of the norm.",
    nan_for_zeros="You divide by the norm also where it is 0. Weights that are all 0 keep every constraint.",
)
def project_l2_with(made: Made, w: ndarray, theta: float) -> Any:
    w = 1.0 * w if w.dtype.kind == "i" else w + 0
    axis = -1 if made.by_rows else None
    squares = (w * w).mean() if made.mean_square else (w * w).sum(axis=axis, keepdims=made.by_rows)
    if made.sum_of_absolute_values or made.largest_entry:
        squares = (abs(w).sum() if made.sum_of_absolute_values else abs(w).max()) ** 2
    bound = theta**2 if made.theta_is_the_radius else theta
    if made.clipped:
        return np.clip(w, -np.sqrt(theta), np.sqrt(theta)).astype(w.dtype)
    outside = squares > bound
    if made.compared_unsquared:
        outside = np.sqrt(squares) > theta
    if made.always_on_the_sphere:
        outside = squares > 0
    if made.inside_out:
        outside = (squares < bound) & (squares > 0)
    outside = outside & (not made.never_shrinks)
    with np.errstate(all="ignore"):
        factor = bound / squares if made.root_forgotten else np.sqrt(bound / squares)
        factor = 1 / np.sqrt(squares) if made.to_length_one else 0.0 * factor if made.to_zero else factor
        if made.spread_off and outside:
            return np.sign(w) * (abs(w) - (np.sqrt(squares) - np.sqrt(bound)) / np.sqrt(w.size)).astype(w.dtype)
        if made.nan_for_zeros and not np.any(w):
            return w / np.sqrt(squares)
    return (w * np.where(outside, factor, 1.0)).astype(w.dtype)


# ---- dropout ---------------------------------------------------------------------------------------------------------


# x is no array of draws, so the two are never one array.
@exercise(points=2, rows=["3.11"], shares={"p is 1": 0.2}, without=["same array"])
def dropout(
    x: Float[ndarray, "*shape"], p: float, training: bool, draws: Float[ndarray, "*shape"]
) -> tuple[Float[ndarray, "*shape"], Bool[ndarray, "*shape"]]:
    """What dropout passes on, and its mask: (y, mask).

    p is the probability of being dropped, from 0 to 1. `draws` are random numbers, uniform
    between 0 and 1. In training, an entry of x is dropped, that is, set to 0, where its draw is
    less than p; the entries that are kept are divided by 1 - p. With p = 1 everything is
    dropped. Out of training, nothing is: y equals x. The mask is True where an entry is kept.
    """
    if not training:
        return x, np.ones(x.shape, dtype=bool)
    mask = draws >= p
    y = np.zeros_like(x)
    y[mask] = x[mask] / (1 - p)
    return y, mask


def entries_and_draws(rng: np.random.Generator, p: float, training: bool, *shape: int) -> tuple[ndarray, float, bool, ndarray]:
    """Draws of which some are below p, some above, and some between p and 1 - p."""
    while True:
        draws = rng.random(shape)
        if p in (0, 1) or min((draws < p).sum(), (draws >= p).sum(), ((draws < p) != (draws < 1 - p)).sum()) > 1:
            return 3 * rng.normal(size=shape), p, training, draws


equivalent(
    dropout,
    {
        "mask = draws > p": "A uniform draw equals p with probability 0.",
    },
)


@cases(dropout)
def visible_dropout(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("7 entries, p = 0.4", *entries_and_draws(rng, 0.4, True, 7))
    yield Case("3 rows of 5 entries, p = 0.2", *entries_and_draws(rng, 0.2, True, 3, 5))
    yield Case("not in training", *entries_and_draws(rng, 0.3, False, 5, 3))
    hint = "With p = 1 everything is dropped: y is 0 everywhere. Do not divide by 1 - p there."
    yield Case("p = 1", *entries_and_draws(rng, 1.0, True, 5), group="p is 1", hint=hint)


@cases(dropout, hidden=True)
def hidden_dropout(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("p = 0.7", *entries_and_draws(rng, 0.7, True, 7, 3))
    yield Case("a square", *entries_and_draws(rng, 0.3, True, 5, 5))
    yield Case("3 axes", *entries_and_draws(rng, 0.6, True, 2, 3, 5))
    yield Case("p = 0", *entries_and_draws(rng, 0.0, True, 2, 5))
    yield Case("not in training, p = 0.6", *entries_and_draws(rng, 0.6, False, 11))
    hint = "With p = 1 everything is dropped: y is 0 everywhere. Do not divide by 1 - p there."
    yield Case("p = 1", *entries_and_draws(rng, 1.0, True, 3, 2), group="p is 1", hint=hint)


@mistakes(
    dropout,
    p_keeps="You take p for the probability of being kept. Some books and courses do; here, as in PyTorch and Keras, p is the probability of being dropped.",
    keeps_below_p="You keep the entries whose draw is less than p, a fraction p of them. These are the ones to drop.",
    other_end="You keep the entries whose draw is less than 1 - p. That is dropout too, with the other end of the draws; here those below p are dropped.",
    not_rescaled="You do not rescale. With a part of the entries gone, the mean would shrink to 1 - p of what it was: divide the rest by 1 - p.",
    rescaled_at_test="You rescale out of training, as the first paper on dropout did. Here the kept entries are divided by 1 - p in training, and out of training nothing is done.",
    multiplied="You multiply the kept entries by 1 - p. They are to make up for the missing ones: divide.",
    divided_by_p="You divide by p. A fraction 1 - p is kept, so divide by 1 - p.",
    also_out_of_training="You drop entries out of training too. There dropout passes x on as it is.",
    rescaled_always="You divide by 1 - p out of training as well, where nothing is dropped.",
    never="You drop nothing, in training either.",
    training_inverted="You drop out of training, and not in training.",
    mask_of_dropped="Your mask is True where an entry is dropped. Here it is True where one is kept.",
    mask_rescaled="Your mask holds 1 / (1 - p) and 0. That is handy for the product; here the mask is boolean, True where an entry is kept.",
    mask_of_numbers="Your mask holds the numbers 1 and 0. Here it is boolean: True where an entry is kept.",
    mask_of_draws="Your mask is made of draws out of training too, although nothing is dropped there: it is True everywhere.",
    y_only="You return y only. Return the mask with it: the backward pass needs it.",
    swapped="You return the mask first. y comes first.",
    nan_for_one="With p = 1 you divide by 0. Everything is dropped: y is 0 everywhere.",
)
def dropout_with(made: Made, x: ndarray, p: float, training: bool, draws: ndarray) -> Any:
    if made.training_inverted:
        training = not training
    if not training and not made.also_out_of_training:
        y = x * (1 - p) if made.rescaled_at_test else x / (1 - p) if made.rescaled_always and p < 1 else 1.0 * x
        mask = draws >= p if made.mask_of_draws else np.ones(x.shape, dtype=bool)
    else:
        mask = draws < p if made.p_keeps or made.keeps_below_p else draws < 1 - p if made.other_end else draws >= p
        mask = np.ones_like(mask) if made.never else mask
        kept = p if made.p_keeps or made.divided_by_p else 1 - p
        factor = 1.0 if made.not_rescaled or made.rescaled_at_test or made.never else kept if made.multiplied else 1 / kept if kept else 0.0
        with np.errstate(all="ignore"):
            y = x * np.nan if made.nan_for_one and p == 1 else np.where(mask, x * factor, np.zeros_like(x))
    if made.mask_of_dropped:
        mask = ~mask
    if made.mask_rescaled:
        mask = (mask / (1 - p if p < 1 and training else 1)).astype(x.dtype)
    if made.mask_of_numbers:
        mask = mask.astype(x.dtype)
    return y if made.y_only else (mask, y) if made.swapped else (y, mask)


# ---- DropoutLayer ----------------------------------------------------------------------------------------------------


@exercise(points=3, rows=["3.11"], without=["same array"])
class DropoutLayer:
    """Dropout as a layer of a network, with a forward and a backward pass."""

    def __init__(self, p: float, rng: np.random.Generator) -> None:
        """p is the probability of being dropped, 0 <= p < 1. All draws come from `rng`."""
        self.p = p
        self.rng = rng

    def forward(self, x: Float[ndarray, "n width"], training: bool) -> Float[ndarray, "n width"]:
        """In training, every entry of x is dropped or kept by a draw of its own, new in every call; the
        kept ones are divided by 1 - p. Out of training, x is passed on.
        """
        mask = self.rng.random(x.shape) >= self.p if training else np.ones(x.shape)
        self.scale = (mask / (1 - self.p if training else 1)).astype(x.dtype)
        return x * self.scale

    def backward(self, upstream: Float[ndarray, "n width"]) -> Float[ndarray, "n width"]:
        """The gradient with respect to the x of the latest `forward`, given that with respect to its result."""
        return upstream * self.scale


@probe(DropoutLayer)
def forward_and_backward(answer, x, upstream, p, seed):  # type: ignore[no-untyped-def]
    """Twice in training, once out of training, and two more layers, with the same seed and with another."""
    import numpy as np

    layer = answer(p, np.random.default_rng(seed))
    y = layer.forward(x, True)
    gradient = layer.backward(upstream)
    second = layer.forward(x, True)
    second_gradient = layer.backward(upstream)
    outside = layer.forward(x, False)
    outside_gradient = layer.backward(upstream)
    return {
        "y": y,
        "gradient": gradient,
        "second y": second,
        "second gradient": second_gradient,
        "out of training": outside,
        "its gradient": outside_gradient,
        "same seed": answer(p, np.random.default_rng(seed)).forward(x, True),
        "another seed": answer(p, np.random.default_rng(seed + 1)).forward(x, True),
    }


def activations(rng: np.random.Generator, n: int, width: int, p: float) -> tuple[ndarray, ndarray, float, int]:
    """Activations behind a ReLU, of which half are 0 already, and a gradient without zeros."""
    x = np.maximum(rng.normal(size=(n, width)), 0)
    upstream = rng.uniform(0.5, 2, size=(n, width)) * rng.choice([-1, 1], size=(n, width))
    return x, upstream, p, int(rng.integers(2**31))


equivalent(
    DropoutLayer,
    {
        "mask = self.rng.random(x.shape) > self.p if training else np.ones(x.shape)": "A uniform draw equals p with probability 0.",
    },
)


@cases(DropoutLayer)
def visible_dropout_layer(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("17 rows of 11 activations, p = 0.2", *activations(rng, 17, 11, 0.2))


@cases(DropoutLayer, hidden=True)
def hidden_dropout_layer(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("101 rows of 31 activations, p = 0.3", *activations(rng, 101, 31, 0.3))
    yield Case("41 rows of 67 activations, p = 0.7", *activations(rng, 41, 67, 0.7))
    yield Case("a square", *activations(rng, 53, 53, 0.4))


@verify(DropoutLayer, unique=False)
def drops_as_it_should(answer, x, upstream, p, seed):  # type: ignore[no-untyped-def]
    import numpy as np

    def close(a, b):  # type: ignore[no-untyped-def]
        return np.allclose(a, b, rtol=1e-4, atol=1e-6)

    if not close(answer["out of training"], x):  # type: ignore[no-untyped-call]
        if close(answer["out of training"], x * (1 - p)):  # type: ignore[no-untyped-call]
            return "Out of training, you multiply x by 1 - p, as the first paper on dropout did. Here the rescaling is done in training, and out of training x is passed on."
        return "Out of training, your layer changes x. There nothing is dropped, and nothing rescaled."
    if not close(answer["its gradient"], upstream):  # type: ignore[no-untyped-call]
        return "After a forward pass out of training, your backward pass changes the gradient. It belongs to the latest forward pass, which passed x on as it is."
    positive = x > 0
    for y, gradient in [(answer["y"], answer["gradient"]), (answer["second y"], answer["second gradient"])]:
        kept = y != 0

        def unlikely(share, of):  # type: ignore[no-untyped-def]
            """Further from the expected share than six standard errors: once in 500 million."""
            return abs(share - of[0]) > 6 * np.sqrt(p * (1 - p) / of[1])

        for axis in (0, 1):
            alike = np.array([len(set(a[b].tolist())) < 2 for a, b in zip(np.moveaxis(kept, axis, 0), np.moveaxis(positive, axis, 0), strict=True)])
            if alike.all():
                return "You drop whole rows or columns. Every entry has a draw of its own."
        if unlikely(np.mean(kept[positive]), (1 - p, positive.sum())):  # type: ignore[no-untyped-call]
            if not unlikely(np.mean(kept[positive]), (p, positive.sum())):  # type: ignore[no-untyped-call]
                return "You keep entries with probability p. Here p is the probability of being dropped."
            return "The share of the entries that you drop is not p, by far more than chance allows."
        if not close(y[kept], x[kept] / (1 - p)):  # type: ignore[no-untyped-call]
            if close(y[kept], x[kept]):  # type: ignore[no-untyped-call]
                return "You do not rescale. In training, the kept entries are divided by 1 - p."
            return "The entries that you keep are not x / (1 - p)."
        passed = gradient != 0
        if (passed != kept)[positive].any():
            if passed.all():
                return "Your backward pass lets the gradient through everywhere. What was dropped had no influence: its gradient is 0."
            return "Your backward pass uses another mask than the forward pass. Remember the mask: an entry that was dropped has the gradient 0, the others do not."
        if not close(gradient[passed], upstream[passed] / (1 - p)):  # type: ignore[no-untyped-call]
            return "The gradient is not scaled as it should be: forward, a kept entry is divided by 1 - p, and so is its gradient."
        if unlikely(np.mean(passed[~positive]), (1 - p, (~positive).sum())):  # type: ignore[no-untyped-call]
            return "You take an entry that is 0 for one that was dropped. Behind a ReLU many entries are 0 and kept: remember the mask itself, not the zeros."
    if ((answer["y"] != 0) == (answer["second y"] != 0)).all():
        return "Your second forward pass drops the same entries as the first. Draw a new mask in every call."
    if not close(answer["same seed"], answer["y"]):  # type: ignore[no-untyped-call]
        return "Two layers whose rng are in the same state drop different entries. Draw from the rng that the layer is given, and from nothing else."
    if ((answer["another seed"] != 0) == (answer["y"] != 0)).all():
        return "Your layer drops the same entries for every seed. Draw from the rng that it is given."
    return None


@mistakes(
    DropoutLayer,
    new_mask_backward="Your backward pass draws a new mask. The gradient must flow where the values flowed: remember the forward pass's mask.",
    unmasked_backward="Your backward pass lets the gradient through everywhere. What was dropped had no influence: its gradient is 0.",
    plain_backward="Your backward pass returns the gradient as it came. What was dropped has the gradient 0, and the rest is divided by 1 - p.",
    not_scaled_backward="Your backward pass does not divide by 1 - p. The forward pass divides, so its derivative is 1 / (1 - p).",
    scaled_twice_backward="Your backward pass divides by 1 - p twice. Once is right, as in the forward pass.",
    inverted_backward="Your backward pass lets the gradient through where entries were dropped. It flows where they were kept.",
    zeros_for_dropped="You take an entry that is 0 for one that was dropped. Behind a ReLU many entries are 0 and kept: remember the mask itself, not the zeros.",
    first_mask_backward="Your backward pass uses the mask of the first forward pass for ever. It belongs to the latest one.",
    same_mask="You draw one mask and keep it. Every forward pass in training draws a new one.",
    p_keeps="You take p for the probability of being kept. Here it is the probability of being dropped.",
    not_rescaled="You never rescale. In training the kept entries are divided by 1 - p, and so are their gradients.",
    also_out_of_training="You drop entries out of training too. There x is passed on as it is.",
    old_mask_out_of_training="After a forward pass out of training, your backward pass still uses the mask of an earlier one. Nothing was dropped: the gradient passes as it is.",
    rescaled_at_test="You rescale out of training, as the first paper on dropout did. Here kept entries are divided by 1 - p in training, and out of training x is passed on.",
    rows="You drop whole rows. Every entry has a draw of its own.",
    columns="You drop whole columns, the same ones in every row. Every entry has a draw of its own.",
    own_generator="You make a generator with a seed of your own, and drop the same entries for every seed. Draw from the rng that is given.",
)
def dropout_layer_with(made: Made, p: float, rng: np.random.Generator) -> Any:
    if made.own_generator:
        rng = np.random.default_rng(0)

    class Layer:
        mask: Any = None
        first: Any = None
        trained = False

        def draw(self, shape: tuple[int, ...]) -> Any:
            shape = (shape[0], 1) if made.rows else (1, shape[1]) if made.columns else shape
            draws = rng.random(shape)
            return draws < p if made.p_keeps else draws >= p

        def scale(self, x: ndarray) -> Any:
            return x if made.not_rescaled or made.rescaled_at_test else x / (p if made.p_keeps else 1 - p)

        def forward(self, x: ndarray, training: bool) -> Any:
            training = training or made.also_out_of_training
            if not training:
                self.trained = self.trained and made.old_mask_out_of_training
                return x * (1 - p if made.rescaled_at_test else 1.0)
            self.trained = True
            if self.mask is None or not made.same_mask:
                self.mask = self.draw(x.shape)
            if self.first is None:
                self.first = self.mask
            y = np.where(self.mask, self.scale(x), np.zeros_like(x))
            self.nonzero = y != 0
            return y

        def backward(self, upstream: ndarray) -> Any:
            if not self.trained or made.plain_backward:
                return upstream * (1 - p if made.rescaled_at_test else 1.0)
            mask = self.draw(upstream.shape) if made.new_mask_backward else self.first if made.first_mask_backward else self.mask
            mask = ~mask if made.inverted_backward else self.nonzero if made.zeros_for_dropped else mask
            mask = np.ones_like(mask) if made.unmasked_backward else mask
            scaled = (
                self.scale(self.scale(upstream)) if made.scaled_twice_backward else upstream if made.not_scaled_backward else self.scale(upstream)
            )
            return np.where(mask, scaled, np.zeros_like(upstream))

    return Layer()


# ---- expected_dropout_loss -------------------------------------------------------------------------------------------


@exercise(points=2, rows=["3.11"])
def expected_dropout_loss(x: Float[ndarray, "n features"], y: Float[ndarray, "n"], w: Float[ndarray, "features"], p: float) -> float:
    """The mean squared error of a linear model whose inputs go through dropout, averaged over all draws.

    Row i of x, after dropout, is multiplied by w to predict y[i]. Each entry of x is dropped
    with probability p, 0 <= p < 1, independently of all others, and divided by 1 - p where it
    is kept. Return the expected value of the mean of the squared errors over all rows: exactly,
    without drawing anything.
    """
    noise = p / (1 - p) * (x**2 @ w**2)
    return float(np.mean((y - x @ w) ** 2 + noise))


@cases(expected_dropout_loss)
def visible_expected_dropout_loss(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("5 rows of 3 features, p = 0.4", rng.normal(size=(5, 3)), rng.normal(size=5), rng.normal(size=3), 0.4)
    yield Case("one row of 2 features, p = 0.2", rng.normal(size=(1, 2)), rng.normal(size=1), rng.normal(size=2), 0.2)


@cases(expected_dropout_loss, hidden=True)
def hidden_expected_dropout_loss(rng: np.random.Generator) -> Iterator[Case]:
    for n, features, p in [(7, 3, 0.3), (3, 11, 0.7), (5, 5, 0.6), (11, 1, 0.25)]:
        yield Case(f"{n} rows, {features} features", rng.normal(size=(n, features)), 2 * rng.normal(size=n), rng.normal(size=features), p)
    yield Case("p = 0", rng.normal(size=(5, 2)), rng.normal(size=5), rng.normal(size=2), 0.0)


@mistakes(
    expected_dropout_loss,
    no_noise="That is the loss without dropout. The prediction is right on average, but it scatters, and its variance adds to the expected square.",
    not_rescaled="You reckon without the division by 1 - p. With it, the mean of an entry is x itself, and its variance x² p / (1 - p).",
    variance_of_the_mask="You use p (1 - p), the variance of the mask. The kept entries are divided by 1 - p, which divides the variance by (1 - p)².",
    second_moment="You add the mean square of the entries, x² / (1 - p). The variance is that minus the squared mean, x².",
    odds_inverted="Your factor is (1 - p) / p. With p near 0 there is hardly any noise: it is p / (1 - p).",
    p_alone="Your factor for the variance is p. It is p / (1 - p): the entries that are kept grow.",
    one_division_too_many="Your factor is p / (1 - p)². The variance of the mask is p (1 - p), of which one factor 1 - p cancels.",
    square_of_the_sum="You square the whole prediction. The entries are dropped independently, so their variances add: square x and w entry by entry, then sum.",
    weights_not_squared="You do not square the weights. The variance of w times something is w² times its variance.",
    inputs_not_squared="You do not square the inputs. The variance of x times a mask is x² times the mask's.",
    standard_deviation="You add the standard deviation of the prediction. To a mean square belongs the variance.",
    subtracted="You subtract the noise. It makes the expected loss larger.",
    not_averaged="You return the sum over the rows. Return their mean.",
    noise_not_averaged="You average the squared errors over the rows, and sum the noise. Average both.",
    half="You halve the squares. That is another convention; here it is the mean squared error itself.",
    prediction_rescaled="You divide the mean prediction by 1 - p. Dropping and dividing cancel on average: the mean prediction is x·w.",
)
def expected_dropout_loss_with(made: Made, x: ndarray, y: ndarray, w: ndarray, p: float) -> Any:
    factor = p / (1 - p)
    if made.not_rescaled or made.variance_of_the_mask:
        factor = p * (1 - p)
    if made.second_moment:
        factor = 1 / (1 - p)
    if made.odds_inverted:
        factor = (1 - p) / max(p, 1e-3)
    factor = p if made.p_alone else p / (1 - p) ** 2 if made.one_division_too_many else 0 if made.no_noise else factor
    squares = abs(x) @ w**2 if made.inputs_not_squared else x**2 @ abs(w) if made.weights_not_squared else x**2 @ w**2
    squares = (x @ w) ** 2 if made.square_of_the_sum else squares
    noise = np.sqrt(factor * squares) if made.standard_deviation else -factor * squares if made.subtracted else factor * squares
    prediction = x @ w * (1 - p if made.not_rescaled else 1 / (1 - p) if made.prediction_rescaled else 1)
    error = (y - prediction) ** 2
    if made.noise_not_averaged:
        return float(error.mean() + noise.sum())
    total = (error + noise) / (2 if made.half else 1)
    return float(total.sum() if made.not_averaged else total.mean())
