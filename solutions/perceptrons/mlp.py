"""The multilayer perceptron: activations, forwards, backwards, and how to know that the gradients are right."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Num
from numpy import ndarray

from autograder.exercise import Case, Made, cases, equivalent, exercise, mistakes, probe

TOO_LARGE = "exp of a large positive number overflows, also where its result is not used in the end. exp of a negative number never does: arrange the formula so that nothing else occurs."

# ---- sigmoid ---------------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["3.5"], shares={"huge inputs": 0.2}, forbid=["scipy.special.expit", "scipy.stats.logistic.cdf"])
def sigmoid(x: Num[ndarray, "*shape"]) -> Float[ndarray, "*shape"]:
    """1 / (1 + exp(-x)), entry by entry.

    Nothing overflows, not even on the way, where x is 1000 or -1000: no warning appears.
    """
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, e) / (1.0 + e)


@probe(sigmoid)
def without_overflow(answer, x):  # type: ignore[no-untyped-def]
    """What would be a warning stops the call here."""
    import numpy as np

    with np.errstate(over="raise", divide="raise", invalid="raise"):
        return answer(x)


equivalent(
    sigmoid,
    {
        "return np.where(x > 0, 1.0, e) / (1.0 + e)": "At 0 both branches are 1/2.",
    },
)


@cases(sigmoid)
def visible_sigmoid(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("5 numbers by hand", np.array([-2.0, -0.5, 0.0, 1.0, 3.0]))
    yield Case("a 2×3 matrix", 2 * rng.normal(size=(2, 3)))
    yield Case("integers", np.array([[-2, 0], [1, 3]]), group="integer inputs")
    yield Case("-1000", np.array([-1000.0, 0.5]), group="huge inputs", hint=TOO_LARGE)
    yield Case("1000", np.array([1000.0, -0.5]), group="huge inputs", hint=TOO_LARGE)


@cases(sigmoid, hidden=True)
def hidden_sigmoid(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("7 numbers", 3 * rng.normal(size=7))
    yield Case("positive numbers", rng.uniform(0.1, 5, size=11))
    yield Case("negative numbers", -rng.uniform(0.1, 5, size=11))
    yield Case("3 axes", rng.normal(size=(2, 3, 5)))
    yield Case("between -30 and 30", rng.uniform(-30, 30, size=(3, 7)))
    yield Case("integers", rng.integers(-4, 5, size=(3, 5)), group="integer inputs")
    for sign in (-1, 1):
        huge = np.concatenate([sign * rng.uniform(720, 1000, size=3), rng.normal(size=5)])
        yield Case(f"up to {1000 * sign}", rng.permutation(huge), group="huge inputs", hint=TOO_LARGE)


@mistakes(
    sigmoid,
    overflow_below="Where x is -1000 you compute exp(1000), which overflows, even if only to be divided by or to be thrown away by `np.where`. For negative x use exp(x) / (1 + exp(x)), which is the same.",
    overflow_above="Where x is 1000 you compute exp(1000), which overflows; infinity divided by infinity is not a number. exp(x) / (1 + exp(x)) is the form for negative x.",
    mirrored="Your curve falls. The numerator is 1 and the exponent -x: for large x, exp(-x) goes to 0 and the sigmoid to 1.",
    minus="You divide by 1 - exp(-x). The sum is wanted: then the denominator is never 0.",
    no_one="You divide by exp(-x) alone, which is just exp(x). The denominator is 1 + exp(-x).",
    hyperbolic="Your curve runs from -1 to 1: that is a tanh. The sigmoid runs from 0 to 1.",
    steeper="Your curve is twice as steep: the exponent is -x, not -2x.",
    step="You return 0 or 1. That is the perceptron's step; the sigmoid is a soft one.",
    centred="Your curve runs from -1/2 to 1/2. The sigmoid of 0 is 1/2.",
    sums_to_one="You divide by the sum over all entries: that is a softmax. A sigmoid looks at each entry by itself.",
    derivative="You return the derivative, σ(x) (1 - σ(x)).",
    clipped="You cut x off before exp, so far inside that the values change. No cut is needed if exp only sees negative numbers.",
    integer_buffer="You write into an array that takes the dtype of x. If x holds integers, the fractions are cut off.",
    float32_buffer="You compute in float32: float64 inputs lose half of their digits.",
)
def sigmoid_with(made: Made, x: ndarray) -> Any:
    if made.overflow_below:
        return np.where(x >= 0, 1 / (1 + np.exp(-x)), np.exp(np.minimum(x, 0)) / (1 + np.exp(np.minimum(x, 0))))
    if made.overflow_above:
        return np.exp(x) / (1 + np.exp(x))
    if made.step:
        return (x > 0) * np.ones_like(x, dtype=np.result_type(x, np.float32))
    z = 2 * x if made.steeper or made.hyperbolic else x
    z = z.clip(-10, 10) if made.clipped else z
    y = sigmoid(-z if made.mirrored else z)
    if made.minus or made.no_one or made.sums_to_one:
        e = np.exp(z - z.max()) if made.sums_to_one else np.exp(-z.clip(-60, 60))
        y = e / e.sum() if made.sums_to_one else 1 / (e if made.no_one else 1 - e)
    if made.hyperbolic:
        y = 2 * y - 1
    if made.centred:
        y = y - 0.5
    if made.derivative:
        y = y * (1 - y)
    return y.astype(x.dtype) if made.integer_buffer else y.astype(np.float32) if made.float32_buffer else y


# ---- tanh ------------------------------------------------------------------------------------------------------------

HYPERBOLIC = [f"{module}.{name}" for module in ("numpy", "math", "cmath") for name in ("tanh", "sinh", "cosh")]


@exercise(points=2, rows=["3.5"], shares={"huge inputs": 0.2}, forbid=HYPERBOLIC)
def tanh(x: Num[ndarray, "*shape"]) -> Float[ndarray, "*shape"]:
    """The hyperbolic tangent, (1 - exp(-2x)) / (1 + exp(-2x)), entry by entry.

    Nothing overflows, not even on the way, where x is 1000 or -1000: no warning appears.
    """
    e = np.exp(-2.0 * np.abs(x))
    return np.where(x >= 0, 1.0, -1.0).astype(e.dtype) * (1 - e) / (1 + e)


probe(tanh)(without_overflow)

equivalent(
    tanh,
    {
        "return np.where(x > 0, 1.0, -1.0).astype(e.dtype) * (1 - e) / (1 + e)": "At 0 both branches are 0.",
    },
)


@cases(tanh)
def visible_tanh(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("5 numbers by hand", np.array([-2.0, -0.5, 0.0, 1.0, 3.0]))
    yield Case("a 2×3 matrix", rng.normal(size=(2, 3)))
    yield Case("integers", np.array([[-2, 0], [1, 3]]), group="integer inputs")
    yield Case("-1000", np.array([-1000.0, 0.5]), group="huge inputs", hint=TOO_LARGE)
    yield Case("1000", np.array([1000.0, -0.5]), group="huge inputs", hint=TOO_LARGE)


@cases(tanh, hidden=True)
def hidden_tanh(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("7 numbers", rng.normal(size=7))
    yield Case("positive numbers", rng.uniform(0.1, 3, size=11))
    yield Case("negative numbers", -rng.uniform(0.1, 3, size=11))
    yield Case("3 axes", rng.normal(size=(2, 3, 5)))
    yield Case("between -30 and 30", rng.uniform(-30, 30, size=(3, 7)))
    yield Case("integers", rng.integers(-4, 5, size=(3, 5)), group="integer inputs")
    for sign in (-1, 1):
        huge = np.concatenate([sign * rng.uniform(720, 1000, size=3), rng.normal(size=5)])
        yield Case(f"up to {1000 * sign}", rng.permutation(huge), group="huge inputs", hint=TOO_LARGE)


@mistakes(
    tanh,
    overflow_below="Where x is -1000 you compute exp(2000), which overflows, and infinity divided by infinity is not a number. The function is odd, tanh(-x) = -tanh(x): work with |x| and restore the sign, or use a sigmoid that does not overflow.",
    overflow_above="Where x is 1000 you compute exp of a large positive number, which overflows; infinity divided by infinity is not a number. Arrange the formula so that exp only sees negative numbers.",
    mirrored="Your curve falls. With exp(-2x) it is 1 minus this in the numerator; with exp(2x) it is this minus 1.",
    not_doubled="The 2 in the exponent is missing. That gives tanh(x/2), or 2σ(x) - 1; tanh(x) is 2σ(2x) - 1.",
    doubled_again="Your curve is twice as steep as it should be: the exponent is -2x.",
    upside_down="Numerator and denominator are exchanged: your values lie outside of -1 and 1, and 0 has none.",
    from_zero="Your curve runs from 0 to 1. tanh runs from -1 to 1: stretch by 2 and move down by 1.",
    from_zero_to_two="Your curve runs from 0 to 2. Subtract 1.",
    half="Your values are half as large as they should be.",
    no_sign="Your values are never negative. tanh is odd: the sign of x has to come back.",
    step="You return -1 or 1. That is the sign; tanh is a soft one.",
    sinh="You return sinh, (exp(x) - exp(-x)) / 2. It is still to be divided by cosh.",
    derivative="You return the derivative, 1 - tanh²(x).",
    integer_buffer="You write into an array that takes the dtype of x. If x holds integers, the fractions are cut off.",
    float32_buffer="You compute in float32: float64 inputs lose half of their digits.",
)
def tanh_with(made: Made, x: ndarray) -> Any:
    if made.overflow_below:
        return (1 - np.exp(-2 * x)) / (1 + np.exp(-2 * x))
    if made.overflow_above:
        return (np.exp(2 * x) - 1) / (np.exp(2 * x) + 1)
    if made.sinh:
        e = np.exp(x.clip(-60, 60))
        return (e - 1 / e) / 2
    if made.step:
        return np.sign(x) * np.ones_like(x, dtype=np.result_type(x, np.float32))
    y = 2 * sigmoid((1 if made.not_doubled else 4 if made.doubled_again else 2) * x) - 1
    if made.mirrored:
        y = -y
    if made.upside_down:
        y = 1 / y
    if made.from_zero:
        y = (y + 1) / 2
    if made.from_zero_to_two:
        y = y + 1
    if made.half:
        y = y / 2
    if made.no_sign:
        y = abs(y)
    if made.derivative:
        y = 1 - y**2
    return y.astype(x.dtype) if made.integer_buffer else y.astype(np.float32) if made.float32_buffer else y


# ---- slope_from_output -----------------------------------------------------------------------------------------------


@exercise(points=2, rows=["3.5"])
def slope_from_output(activation: str, y: Float[ndarray, "*shape"]) -> Float[ndarray, "*shape"]:
    """The derivative of an activation with respect to its input x, where only its output y is known.

    `activation` is "sigmoid", "tanh" or "relu", and y is what it returned. The slope of relu at x
    = 0 is taken to be 0.
    """
    if activation == "sigmoid":
        return y * (1 - y)
    if activation == "tanh":
        return 1 - y**2
    return (y > 0).astype(y.dtype)


def outputs(rng: np.random.Generator, activation: str, *shape: int) -> ndarray:
    x = 1.5 * rng.normal(size=shape)
    return sigmoid(x) if activation == "sigmoid" else np.tanh(x) if activation == "tanh" else np.maximum(x, 0)


@cases(slope_from_output)
def visible_slope_from_output(rng: np.random.Generator) -> Iterator[Case]:
    for activation in ("sigmoid", "tanh", "relu"):
        yield Case(f"{activation}, 7 outputs", activation, outputs(rng, activation, 7))


@cases(slope_from_output, hidden=True)
def hidden_slope_from_output(rng: np.random.Generator) -> Iterator[Case]:
    for activation in ("sigmoid", "tanh", "relu"):
        yield Case(f"{activation}, a matrix", activation, outputs(rng, activation, 5, 11))
        yield Case(f"{activation}, 3 axes", activation, outputs(rng, activation, 2, 3, 5))
    yield Case("relu, steep and flat", "relu", np.concatenate([np.zeros(2), rng.uniform(0, 0.01, size=3), rng.uniform(5, 90, size=2)]))


@mistakes(
    slope_from_output,
    output_as_input="You take y for the input and apply the activation once more. y is already the output: for the sigmoid, say, the slope is y (1 - y).",
    sigmoid_squared="For the sigmoid you use 1 - y², which belongs to tanh.",
    sigmoid_complement="For the sigmoid you return 1 - y. The factor y is missing.",
    sigmoid_sign="For the sigmoid you return y (y - 1), which is negative. The sigmoid rises everywhere.",
    tanh_product="For tanh you use y (1 - y), which belongs to the sigmoid.",
    tanh_not_squared="For tanh you return 1 - y. y is squared.",
    tanh_sign="For tanh you return y² - 1, which is negative. tanh rises everywhere.",
    tanh_quotient="For tanh you return 1 / (1 + y²) or so, as for its inverse or the arc tangent. The slope is 1 - y².",
    relu_slope_at_zero="For relu your slope is 1 also where the output is 0. An output of 0 comes from an input that is negative or 0, and the slope there is 0.",
    relu_output="For relu you return y itself. Where it is positive, relu rises with slope 1, however large y is.",
    relu_half="For relu your slope at an output of 0 is 1/2. Nearly all zeros come from negative inputs, where the slope is 0.",
    relu_bool="For relu you return True and False. A slope is a number.",
    one_for_all="You use the sigmoid's slope for all three activations. Each has its own.",
)
def slope_from_output_with(made: Made, activation: str, y: ndarray) -> Any:
    x = y
    if made.output_as_input:
        return slope_from_output(activation, sigmoid(y) if activation == "sigmoid" else np.tanh(y) if activation == "tanh" else y)
    if activation == "sigmoid" or made.one_for_all:
        s = 1 - y**2 if made.sigmoid_squared else 1 - y if made.sigmoid_complement else y * (1 - y)
        return -s if made.sigmoid_sign else s
    if activation == "tanh":
        t = y * (1 - y) if made.tanh_product else 1 - y if made.tanh_not_squared else 1 / (1 + y**2) if made.tanh_quotient else 1 - y**2
        return -t if made.tanh_sign else t
    if made.relu_output:
        return 1.0 * x
    if made.relu_bool:
        return y > 0
    low = 1 if made.relu_slope_at_zero else 0.5 if made.relu_half else 0
    return np.where(y > 0, 1, low).astype(y.dtype)


# ---- mlp_forward -----------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["3.4", "3.5"])
def mlp_forward(
    X: Num[ndarray, "n inputs"],
    W1: Num[ndarray, "inputs hidden"],
    b1: Num[ndarray, "hidden"],
    W2: Num[ndarray, "hidden classes"],
    b2: Num[ndarray, "classes"],
) -> tuple[Float[ndarray, "n hidden"], Float[ndarray, "n classes"]]:
    """The hidden units' outputs and the logits, (H, logits), of a network with one hidden
    layer.

    Every row of X is a sample. The hidden layer has the activation relu, max(0, ·); the logits
    have none.
    """
    H = np.maximum(1.0 * X @ W1 + b1, 0)
    return H, H @ W2 + b2


def network(rng: np.random.Generator, n: int, inputs: int, hidden: int, classes: int) -> tuple[ndarray, ndarray, ndarray, ndarray, ndarray]:
    X = rng.normal(size=(n, inputs))
    W1, W2 = rng.normal(size=(inputs, hidden)), rng.normal(size=(hidden, classes))
    return X, W1, rng.normal(size=hidden), W2, rng.normal(size=classes)


@cases(mlp_forward)
def visible_mlp_forward(rng: np.random.Generator) -> Iterator[Case]:
    X, W1, W2 = np.array([[1.0, 2.0]]), np.array([[1.0, 0.0, -1.0], [0.0, 1.0, 0.0]]), np.array([[1.0, -1.0], [0.0, 2.0], [3.0, 3.0]])
    yield Case("a sample by hand", X, W1, np.array([0.0, -1.0, 0.0]), W2, np.array([0.5, 0.0]))
    yield Case("2 samples, 5-7-3", *network(rng, 2, 5, 7, 3))


@cases(mlp_forward, hidden=True)
def hidden_mlp_forward(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("11 samples, 5-7-3", *network(rng, 11, 5, 7, 3))
    yield Case("one sample, 3-13-2", *network(rng, 1, 3, 13, 2))
    yield Case("all sizes equal", *network(rng, 5, 5, 5, 5))
    X, W1, b1, W2, b2 = network(rng, 7, 3, 5, 2)
    yield Case("no hidden unit answers", X, W1, b1 - 50, W2, b2)


@mistakes(
    mlp_forward,
    relu_on_logits="You apply relu to the logits as well. Logits are any numbers; a class with a negative one would look like one with 0.",
    softmax_on_logits="You apply softmax to the logits. This function returns the logits themselves; softmax comes with the loss.",
    sigmoid_on_logits="You apply a sigmoid to the logits. They have no activation.",
    no_activation="Your hidden layer has no activation, so the network is one linear map. Apply relu to it.",
    sigmoid_hidden="Your hidden units use a sigmoid. Here it is relu.",
    tanh_hidden="Your hidden units use tanh. Here it is relu.",
    leaky="Your relu lets a part of the negative values through: that is a leaky relu. Here negative values become 0.",
    absolute="You take absolute values. relu makes negative values 0.",
    relu_before_bias="You add b1 after relu. The activation sees the weighted sum with its bias.",
    no_first_bias="The bias b1 of the hidden layer is missing.",
    no_second_bias="The bias b2 of the logits is missing.",
    before_activation="The H that you return is taken before relu. The hidden units' outputs are wanted.",
    order="You return logits first. The order is hidden outputs, logits.",
    logits_only="You return the logits only. The hidden outputs are needed too: backwards they say which units were on.",
    first_transposed="You multiply by the transpose of W1. Its rows belong to inputs, its columns to hidden units: X @ W1.",
    second_transposed="You multiply by the transpose of W2. Its rows belong to hidden units, its columns to classes: H @ W2.",
    negative_kept="Your relu keeps the negative values. It is max(0, ·), not min(0, ·).",
    relu_on_inputs="You apply relu to X before the first layer. The inputs come as they are.",
)
def mlp_forward_with(made: Made, X: ndarray, W1: ndarray, b1: ndarray, W2: ndarray, b2: ndarray) -> Any:
    X = 1.0 * X
    X = np.maximum(X, 0) if made.relu_on_inputs else X
    Z = X @ (W1.T if made.first_transposed else W1)
    Z = Z if made.no_first_bias or made.relu_before_bias else Z + b1
    H = np.maximum(Z, 0)
    if made.no_activation or made.absolute:
        H = abs(Z) if made.absolute else Z
    if made.sigmoid_hidden or made.tanh_hidden:
        H = sigmoid(Z) if made.sigmoid_hidden else np.tanh(Z)
    if made.leaky or made.negative_kept:
        H = np.maximum(Z, 0.01 * Z) if made.leaky else np.minimum(Z, 0)
    H = H + b1 if made.relu_before_bias else H
    O = H @ (W2.T if made.second_transposed else W2)  # noqa: E741
    O = O if made.no_second_bias else O + b2  # noqa: E741
    if made.relu_on_logits or made.sigmoid_on_logits:
        O = np.maximum(O, 0) if made.relu_on_logits else sigmoid(O)  # noqa: E741
    if made.softmax_on_logits:
        O = softmax(O)  # noqa: E741
    H = Z if made.before_activation else H
    return O if made.logits_only else (O, H) if made.order else (H, O)


def softmax(O: ndarray, axis: int = 1) -> ndarray:  # noqa: E741
    e = np.exp(O - O.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


# ---- mlp_backward ----------------------------------------------------------------------------------------------------


@exercise(points=3, rows=["3.4", "3.5"], without=["same array"])  # H is no arbitrary array
def mlp_backward(
    X: Float[ndarray, "n inputs"],
    labels: Int[ndarray, "n"],
    H: Float[ndarray, "n hidden"],
    logits: Float[ndarray, "n classes"],
    W2: Float[ndarray, "hidden classes"],
) -> tuple[Float[ndarray, "inputs hidden"], Float[ndarray, "hidden"], Float[ndarray, "hidden classes"], Float[ndarray, "classes"]]:
    """The gradients (dW1, db1, dW2, db2) of the loss, for a network with one hidden layer of relu
    units.

    H and `logits` are what `mlp_forward` computed from X. The loss is the cross-entropy of
    softmax(logits) with the labels, 0 to classes - 1, averaged over the n samples.
    """
    P = np.exp(logits - logits.max(axis=1, keepdims=True))
    P /= P.sum(axis=1, keepdims=True)
    dO = P.copy()
    dO[np.arange(len(X)), labels] -= 1
    dO /= len(X)
    dZ = (dO @ W2.T) * (H > 0)
    return X.T @ dZ, dZ.sum(axis=0), H.T @ dO, dO.sum(axis=0)


def computed(rng: np.random.Generator, n: int, inputs: int, hidden: int, classes: int, bias: float = 0.0) -> tuple[Any, ...]:
    X, W1, b1, W2, b2 = network(rng, n, inputs, hidden, classes)
    _, O = mlp_forward(X, W1, b1 + bias, W2, b2)  # noqa: E741
    W2, b2 = W2 / max(1, O.std()), b2 / max(1, O.std())  # a saturated softmax would hide much
    H, O = mlp_forward(X, W1, b1 + bias, W2, b2)  # noqa: E741
    return X, rng.integers(classes, size=n), H, O, W2


equivalent(
    mlp_backward,
    {
        "P = np.exp(logits + logits.max(axis=1, keepdims=True))": "What is added to all logits of a sample cancels, and these logits are moderate.",
        "P = np.exp(logits)": "What is added to all logits of a sample cancels, and these logits are moderate.",
        "P = np.exp(logits - logits.max(keepdims=True))": "What is added to all logits of a sample cancels, and these logits are moderate.",
        "P = np.exp(logits - logits.min(axis=1, keepdims=True))": "What is added to all logits of a sample cancels, and these logits are moderate.",
    },
)


@cases(mlp_backward)
def visible_mlp_backward(rng: np.random.Generator) -> Iterator[Case]:
    X, H, W2 = np.array([[1.0, 2.0]]), np.array([[1.0, 0.0]]), np.array([[3.0, 1.0], [0.0, 2.0]])
    yield Case("a sample by hand", X, np.array([1]), H, np.zeros((1, 2)), W2)
    yield Case("2 samples, 5-7-3", *computed(rng, 2, 5, 7, 3))


@cases(mlp_backward, hidden=True)
def hidden_mlp_backward(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("11 samples, 5-7-3", *computed(rng, 11, 5, 7, 3))
    yield Case("one sample, 3-13-2", *computed(rng, 1, 3, 13, 2))
    yield Case("all sizes equal", *computed(rng, 5, 5, 5, 5))
    yield Case("no hidden unit answers", *computed(rng, 7, 3, 5, 2, bias=-50.0))
    yield Case("all hidden units answer", *computed(rng, 3, 2, 5, 7, bias=9.0))


@mistakes(
    mlp_backward,
    summed="Your gradients add up over the samples. The loss is the mean, so divide by the number of samples.",
    averaged_twice="You divide by the number of samples twice. The loss has a single 1/n.",
    biases_averaged="Your bias gradients are means over the samples of numbers that have been averaged already. A bias is used by every sample, so its gradients add up.",
    per_class="You divide by the number of classes as well. The cross-entropy of a sample is one number; only samples are averaged.",
    no_relu="You go back through relu as if it were not there. A hidden unit that was 0 has slope 0 and passes nothing on.",
    relu_inverted="You pass the gradient on where the hidden units are 0. It is the other way round: units that answered pass it on.",
    relu_output="You multiply by H on the way back. The slope of relu is 1 where H is positive, however large it is.",
    sigmoid_slope="You multiply by H (1 - H), the slope of a sigmoid. The hidden units are relu.",
    no_softmax="You subtract the labels from the logits. They have to become probabilities first, with softmax.",
    ascent="All your gradients have the wrong sign. The gradient of the cross-entropy with respect to the logits is P - Y: probabilities minus one-hot labels.",
    no_labels="You go back from the probabilities alone. Subtract 1 at the label of each sample.",
    over_samples="Your softmax runs over the samples. Each row is a sample of its own.",
    sigmoid_outputs="You use a sigmoid for each logit. Softmax divides by the sum over all classes.",
    squared_error="Your gradient is that of a squared error of the probabilities. For the cross-entropy, softmax and logarithm cancel, and P - Y remains.",
    logits_masked="You set the gradient of negative logits to 0. The logits have no activation.",
    not_transposed="You multiply by W2 on the way back. A layer Y = H @ W2 that gets the gradient G sends G @ W2.T back.",
    second_layer_from_inputs="Your dW2 is made of X. The second layer's input is H.",
    first_layer_from_hidden="Your dW1 is made of H. The first layer's input is X.",
    weights_transposed="Your weight gradients are transposed. A gradient has the shape of its weights.",
    order="You return the second layer's gradients first.",
    no_bias_gradients="Your bias gradients are 0. Every sample uses the biases, with the derivative 1.",
)
def mlp_backward_with(made: Made, X: ndarray, labels: ndarray, H: ndarray, O: ndarray, W2: ndarray) -> Any:  # noqa: E741
    n, classes = O.shape
    P = O if made.no_softmax else sigmoid(O) if made.sigmoid_outputs else softmax(O, axis=0 if made.over_samples else 1)
    Y = np.eye(classes, dtype=O.dtype)[labels]
    dO = P if made.no_labels else P - Y
    if made.squared_error:
        dO = P * (dO - (P * dO).sum(axis=1, keepdims=True))
    dO = dO / (1 if made.summed else n**2 if made.averaged_twice else n)
    dO = dO / classes if made.per_class else -dO if made.ascent else dO
    dO = dO * (O > 0) if made.logits_masked else dO
    dH = dO @ (W2 if made.not_transposed else W2.T)
    slope = (H > 0).astype(H.dtype)
    if made.no_relu or made.relu_inverted:
        slope = 1 - slope * made.relu_inverted
    if made.relu_output or made.sigmoid_slope:
        slope = H if made.relu_output else H * (1 - H)
    dZ = dH * slope
    dW1 = (H if made.first_layer_from_hidden else X).T @ dZ
    dW2 = (X if made.second_layer_from_inputs else H).T @ dO
    db1, db2 = (0 * d[0] if made.no_bias_gradients else d.mean(axis=0) if made.biases_averaged else d.sum(axis=0) for d in (dZ, dO))
    if made.weights_transposed:
        dW1, dW2 = dW1.T, dW2.T
    return (dW2, db2, dW1, db1) if made.order else (dW1, db1, dW2, db2)


# ---- failed_gradient_checks ------------------------------------------------------------------------------------------


@exercise(points=2, rows=["3.4"], without=["float32", "same array"])  # in float32 a difference of near numbers has few digits left
def failed_gradient_checks(
    loss: Callable[[dict[str, ndarray]], float], params: dict[str, ndarray], grads: dict[str, ndarray], eps: float = 1e-5
) -> list[str]:
    """The names of the parameters whose gradient in `grads` is wrong, in the order of `params`.

    `loss` takes a dict like `params` and returns a number. Compare every entry with its central
    difference, for which this entry alone moves by `eps` to both sides. An entry is wrong if it
    is off by more than 1e-6 + 1e-3 times the size of the difference; one wrong entry is enough.
    Afterwards `params` holds exactly what it held before.
    """
    failed = []
    for name, value in params.items():
        numeric = np.zeros_like(value)
        for i in np.ndindex(value.shape):
            step = np.zeros_like(value)
            step[i] = eps
            numeric[i] = (loss({**params, name: value + step}) - loss({**params, name: value - step})) / (2 * eps)
        if not np.allclose(grads[name], numeric, rtol=1e-3, atol=1e-6):
            failed.append(name)
    return failed


@probe(failed_gradient_checks)
def checks_of_a_cubic(answer, params, grads, factors, eps=None):  # type: ignore[no-untyped-def]
    """The loss is the sum of factor · p³ over all entries, plus the sine of the sum of all entries."""
    import numpy as np

    def loss(p):  # type: ignore[no-untyped-def]
        return float(sum((factors[name] * p[name] ** 3).sum() for name in factors) + np.sin(sum(p[name].sum() for name in factors)))

    return answer(loss, params, grads) if eps is None else answer(loss, params, grads, eps)


SHAPES = {"W1": (3, 5), "b1": (5,), "W2": (5, 2), "b2": (2,), "U": (3, 3), "gain": (7,), "shift": (1,)}
SPOILT = ["sign", "twice", "one entry", "percent", "turned", "missing term"]


def claims(rng: np.random.Generator, names: list[str], spoil: dict[str, str]) -> tuple[dict[str, ndarray], dict[str, ndarray], dict[str, ndarray]]:
    """Parameters, claimed gradients of which those named in `spoil` are wrong (or nearly, if "allowed"), and the loss's factors."""
    params = {name: rng.uniform(0.3, 1.2, size=SHAPES[name]) * rng.choice([-1, 1], size=SHAPES[name]) for name in names}
    factors = {name: rng.uniform(0.5, 2, size=SHAPES[name]) * rng.choice([-1, 1], size=SHAPES[name]) for name in names}
    slope = np.cos(sum(p.sum() for p in params.values()))
    grads = {}
    for name, p in params.items():
        g = 3 * factors[name] * p**2 + slope
        how = spoil.get(name)
        last = tuple(k - 1 for k in g.shape)
        if how == "sign":
            g = -g
        elif how == "twice":
            g = 2 * g
        elif how == "one entry":
            g[last] += 0.5
        elif how == "percent":
            g = 1.02 * g
        elif how == "turned":
            g = g[::-1, ::-1].copy() if g.ndim == 2 else g[::-1].copy()
        elif how == "missing term":
            g[last] = 3 * factors[name][last] * p[last] ** 2 + slope + 0.05
        elif how == "allowed":  # off by half of what is allowed, at an entry that is 0 too
            factors[name][last] = -slope / (3 * p[last] ** 2)
            g = 1.0005 * g
            g[last] = 5e-7
        grads[name] = g
    return params, grads, factors


equivalent(
    failed_gradient_checks,
    {
        "numeric = np.ones_like(value)": "Every element is written over.",
    },
)


@cases(failed_gradient_checks)
def visible_failed_gradient_checks(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("W1 has a wrong sign", *claims(rng, ["W1", "b1"], {"W1": "sign"}))
    yield Case("b2 is twice as large, in U one entry is wrong", *claims(rng, ["U", "b2", "gain"], {"b2": "twice", "U": "one entry"}))
    yield Case("in W2 entries are at each other's place", *claims(rng, ["shift", "W2", "b1"], {"W2": "turned"}))
    yield Case("b1 is off by less than is allowed", *claims(rng, ["W2", "b1", "gain"], {"W2": "sign", "b1": "allowed"}))
    yield Case("b2 and b1 are off by two percent", *claims(rng, ["b2", "shift", "b1"], {"b2": "percent", "b1": "percent"}))


@cases(failed_gradient_checks, hidden=True)
def hidden_failed_gradient_checks(rng: np.random.Generator) -> Iterator[Case]:
    for _ in range(4):
        names = rng.permutation(list(SHAPES)).tolist()
        spoilt = dict(zip(rng.permutation(names)[:3].tolist(), rng.permutation(SPOILT)[:3].tolist(), strict=True))
        yield Case("three are wrong", *claims(rng, names, spoilt))
    yield Case(
        "every one is wrong", *claims(rng, ["gain", "U", "b2"], dict(zip(["gain", "U", "b2"], rng.permutation(SPOILT[2:]).tolist(), strict=False)))
    )
    yield Case("every one is right", *claims(rng, ["b1", "W2", "shift", "U"], {}))
    allowed = dict.fromkeys(rng.permutation(["U", "b2", "W2"]).tolist()[:2], "allowed")
    yield Case("off by less than is allowed", *claims(rng, ["gain", "U", "b2", "W2"], {"gain": "missing term"} | allowed))
    yield Case("a single number first", *claims(rng, ["shift", "gain", "b2"], {"gain": "sign"}))
    yield Case("another eps", *claims(rng, ["U", "W2", "b1", "gain"], {"gain": "turned", "W2": "missing term"}), 1e-3)


@mistakes(
    failed_gradient_checks,
    right_ones="You return the names of the right ones.",
    all_reported="You report every gradient. Either you ask for exact equality, which a difference never has, or your differences are wrong: the two points lie 2·eps apart.",
    none_reported="You report nothing, as if every gradient were right.",
    first_entry="You look at the first entry only. One wrong entry anywhere is enough.",
    whole_wrong="You report a gradient only if all its entries are wrong. One wrong entry is enough.",
    sums="You compare sums or means of the entries. Errors of both signs cancel, and entries at each other's place go unseen.",
    norms="You compare lengths. A gradient with the wrong sign, or turned, has the same length.",
    signs="You compare signs only. A gradient can be twice as large as it should be.",
    too_strict="You report gradients that are off by less than is allowed. Measured slopes carry errors of their own, so an entry may be off by 1e-6 + 1e-3 times the size of the difference; `np.allclose` allows less by itself.",
    coarse="Your tolerance is too wide: errors of a few percent pass. An entry may be off by 1e-6 plus a thousandth of the difference.",
    all_at_once="You move all entries of a parameter together. That gives the sum of its gradient; each entry has to move alone.",
    not_moved_back="An entry stays where it was moved, and all further differences are taken somewhere else. Restore it before the next one.",
    first_wrong="You stop at the first wrong gradient. Return the names of all of them.",
    by_name="Your list is sorted by name. The order is that of `params`.",
    doubled_step="You divide by eps where the points are 2·eps apart, and so your differences are twice as large.",
)
def failed_gradient_checks_with(
    made: Made, loss: Callable[..., float], params: dict[str, ndarray], grads: dict[str, ndarray], eps: float = 1e-5
) -> Any:
    here = {name: value.copy() for name, value in params.items()}
    failed = []
    for name in params:
        numeric = np.zeros_like(here[name])
        for i in np.ndindex(numeric.shape):
            step = np.zeros_like(numeric)
            step[... if made.all_at_once else i] = eps
            change = loss({**here, name: here[name] + step}) - loss({**here, name: here[name] - step})
            numeric[i] = change / (eps if made.doubled_step else 2 * eps)
            if made.not_moved_back:
                here[name] = here[name] + 1e4 * step
        wrong = ~np.isclose(
            grads[name],
            numeric,
            rtol=0.1 if made.coarse else 1e-5 if made.too_strict else 1e-3,
            atol=0.1 if made.coarse else 1e-8 if made.too_strict else 1e-6,
        )
        failed_here = bool(wrong.all() if made.whole_wrong else wrong.ravel()[0] if made.first_entry else wrong.any())
        g = grads[name]
        if made.sums:
            failed_here = not np.isclose(g.sum(), numeric.sum(), rtol=1e-3, atol=1e-6)
        if made.norms:
            failed_here = not np.isclose((g**2).sum(), (numeric**2).sum(), rtol=1e-3, atol=1e-6)
        if made.signs:
            failed_here = bool((np.sign(g) != np.sign(numeric)).any())
        if failed_here != made.right_ones:
            failed.append(name)
    if made.all_reported or made.none_reported:
        return list(params) if made.all_reported else []
    if made.first_wrong:
        return failed[:1]
    return sorted(failed) if made.by_name else failed


# ---- mlp_train_step --------------------------------------------------------------------------------------------------


@exercise(points=3, rows=["3.4"])
def mlp_train_step(
    X: Float[ndarray, "n inputs"],
    labels: Int[ndarray, "n"],
    W1: Float[ndarray, "inputs hidden"],
    b1: Float[ndarray, "hidden"],
    W2: Float[ndarray, "hidden classes"],
    b2: Float[ndarray, "classes"],
    lr: float,
) -> tuple[Float[ndarray, "inputs hidden"], Float[ndarray, "hidden"], Float[ndarray, "hidden classes"], Float[ndarray, "classes"]]:
    """One step of gradient descent on a batch: the new (W1, b1, W2, b2).

    The network is that of `mlp_forward`, the loss the mean cross-entropy of `mlp_backward`. The
    arrays that are passed in stay as they are.
    """
    H = np.maximum(X @ W1 + b1, 0)
    logits = H @ W2 + b2
    P = np.exp(logits - logits.max(axis=1, keepdims=True))
    dO = (P / P.sum(axis=1, keepdims=True) - np.eye(len(b2), dtype=P.dtype)[labels]) / len(X)
    dZ = (dO @ W2.T) * (H > 0)
    return W1 - lr * X.T @ dZ, b1 - lr * dZ.sum(axis=0), W2 - lr * H.T @ dO, b2 - lr * dO.sum(axis=0)


def batch(rng: np.random.Generator, n: int, inputs: int, hidden: int, classes: int) -> tuple[ndarray, ...]:
    X, W1, b1, W2, b2 = network(rng, n, inputs, hidden, classes)
    return X, rng.integers(classes, size=n), W1, b1, W2 / np.sqrt(hidden), b2


equivalent(
    mlp_train_step,
    {
        "P = np.exp(logits + logits.max(axis=1, keepdims=True))": "What is added to all logits of a sample cancels, and these logits are moderate.",
        "P = np.exp(logits)": "What is added to all logits of a sample cancels, and these logits are moderate.",
        "P = np.exp(logits - logits.max(keepdims=True))": "What is added to all logits of a sample cancels, and these logits are moderate.",
        "P = np.exp(logits - logits.min(axis=1, keepdims=True))": "What is added to all logits of a sample cancels, and these logits are moderate.",
        "dO = (P / P.sum(axis=1, keepdims=True) - np.eye(len(b2))[labels]) / len(X)": "It is float64 for all inputs, which is precise enough.",
    },
)


@cases(mlp_train_step)
def visible_mlp_train_step(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("3 samples, 5-7-2", *batch(rng, 3, 5, 7, 2), 0.5)


@cases(mlp_train_step, hidden=True)
def hidden_mlp_train_step(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("11 samples, 5-7-3", *batch(rng, 11, 5, 7, 3), 0.3)
    yield Case("one sample, lr 2", *batch(rng, 1, 3, 13, 2), 2.0)
    yield Case("all sizes equal", *batch(rng, 5, 5, 5, 5), 0.7)
    yield Case("7 samples, 2-11-5", *batch(rng, 7, 2, 11, 5), 1.3)


@mistakes(
    mlp_train_step,
    new_weights_backwards="You change W2 and then send the gradient back through the new W2. All gradients belong to the same place: compute them all, then change the parameters.",
    forward_in_between="You change the first layer, compute the hidden outputs again, and only then find the second layer's gradient. All gradients belong to the same place: compute them all, then change the parameters.",
    ascent="Your step goes uphill: the loss grows. Subtract the gradients.",
    no_lr="You subtract the whole gradient. Multiply it by lr.",
    summed="Your gradients add up over the samples. The loss is the mean, so divide by the number of samples.",
    averaged_twice="You divide by the number of samples twice, perhaps in the gradient and again in the step. The loss has a single 1/n.",
    weights_only="You change the weights and leave the biases as they are.",
    last_layer_only="You change the second layer only. The first one learns too.",
    first_layer_only="You change the first layer only. The second one learns too.",
    gradients="You return the gradients. Return the new parameters.",
    changes="You return what is subtracted. Return the new parameters.",
    no_relu="You go back through relu as if it were not there. A hidden unit that was 0 passes nothing on.",
    no_softmax="You subtract the labels from the logits. They have to become probabilities first, with softmax.",
    order="You return the second layer first. The order is W1, b1, W2, b2.",
    two_steps="You do two steps. One is asked for.",
)
def mlp_train_step_with(
    made: Made, X: ndarray, labels: ndarray, W1: ndarray, b1: ndarray, W2: ndarray, b2: ndarray, lr: float, last: bool = False
) -> Any:
    def gradients(W1: ndarray, b1: ndarray, W2: ndarray, backwards: ndarray) -> tuple[ndarray, ...]:
        H, O = mlp_forward(X, W1, b1, W2, b2)  # noqa: E741
        part = made.only("no_relu", "no_softmax", "summed", "averaged_twice")
        return mlp_backward_with(part, X, labels, H, O, backwards)

    rate = 1.0 if made.no_lr else -lr if made.ascent else lr
    dW1, db1, dW2, db2 = gradients(W1, b1, W2, W2)
    if made.new_weights_backwards:
        dW1, db1, _, _ = gradients(W1, b1, W2, W2 - rate * dW2)
    if made.forward_in_between:
        _, _, dW2, db2 = gradients(W1 - rate * dW1, b1 - rate * db1, W2, W2)
    if made.gradients or made.changes:
        return tuple((rate if made.changes else 1.0) * g for g in (dW1, db1, dW2, db2))
    if made.last_layer_only:
        dW1, db1 = 0 * dW1, 0 * db1
    if made.first_layer_only:
        dW2, db2 = 0 * dW2, 0 * db2
    if made.weights_only:
        db1, db2 = 0 * db1, 0 * db2
    new = W1 - rate * dW1, b1 - rate * db1, W2 - rate * dW2, b2 - rate * db2
    if made.two_steps and not last:
        return mlp_train_step_with(made, X, labels, *new, lr, last=True)
    return (*new[2:], *new[:2]) if made.order else new
