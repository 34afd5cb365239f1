"""Softmax regression: scores, one-hot labels, probabilities, and the cross-entropy with its gradient."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Num
from numpy import ndarray

from autograder.exercise import Case, Made, cases, equivalent, exercise, mistakes, verify

# ---- softmax_regression_logits ---------------------------------------------------------------------------------------


@exercise(points=1, rows=["2.7"])
def softmax_regression_logits(X: Float[ndarray, "n d"], W: Float[ndarray, "d k"], b: Float[ndarray, "k"]) -> Float[ndarray, "n k"]:
    """The logits of n examples (rows of X) for k classes: one linear function per class.

    Column j of W holds the weights of class j, and b[j] is its bias.
    """
    return X @ W + b


def examples_weights_biases(rng: np.random.Generator, n: int, d: int, k: int) -> tuple[ndarray, ndarray, ndarray]:
    return rng.normal(size=(n, d)), rng.normal(size=(d, k)), rng.normal(size=k)


@cases(softmax_regression_logits)
def visible_logits(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("one example by hand", np.array([[1.0, 2.0]]), np.array([[1.0, 0.0, -1.0], [0.5, 1.0, 2.0]]), np.array([0.0, 1.0, -2.0]))
    yield Case("5 examples, 3 inputs, 7 classes", *examples_weights_biases(rng, 5, 3, 7))


@cases(softmax_regression_logits, hidden=True)
def hidden_logits(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("7 examples, 11 inputs, 2 classes", *examples_weights_biases(rng, 7, 11, 2))
    yield Case("as many inputs as classes", *examples_weights_biases(rng, 3, 5, 5))
    yield Case("as many examples as classes", *examples_weights_biases(rng, 5, 2, 5))
    yield Case("all sizes equal", *examples_weights_biases(rng, 3, 3, 3))


@mistakes(
    softmax_regression_logits,
    no_bias="Your logits have no bias: add b, one number per class.",
    weights_transposed="You read W the other way round, with one row per class, as PyTorch's Linear stores it. Here W has one column per class.",
    probabilities="You return probabilities. Logits are the scores before the softmax, and may be any numbers.",
    sigmoid="You apply a sigmoid. Logits are the scores themselves.",
    relu="You replace negative scores by 0. Logits may be negative.",
    labels="You return the class with the highest score. Wanted are the scores of all classes.",
    bias_subtracted="You subtract the bias. It is added.",
    bias_down_the_rows="Your bias runs down the examples. Each class has one, the same for all examples.",
    bias_before="You add the bias to the inputs. It belongs to the classes, and is added after the product.",
    same_bias="All your classes get the same bias. Each has its own.",
    transposed="Your result is [k, n]. Rows are examples, columns are classes.",
    shifted="You subtract each example's largest score. That is a step on the way to the softmax; wanted are the scores themselves.",
    averaged="You divide by the number of inputs. A linear function adds the weighted inputs up.",
)
def softmax_regression_logits_with(made: Made, X: ndarray, W: ndarray, b: ndarray) -> Any:
    if made.bias_before:
        return (X + b) @ W
    b = -b if made.bias_subtracted else b[:, None] if made.bias_down_the_rows else b[:1] if made.same_bias else b
    product = X @ (W.T if made.weights_transposed else W)
    logits = product / (X.shape[1] if made.averaged else 1) + (0 if made.no_bias else b)
    if made.probabilities:
        logits = softmax(logits)
    elif made.sigmoid:
        logits = 1 / (1 + np.exp(-logits))
    elif made.relu:
        logits = np.maximum(logits, 0)
    elif made.labels:
        return logits.argmax(axis=1)
    elif made.shifted:
        logits = logits - logits.max(axis=1, keepdims=True)
    return logits.T if made.transposed else logits


# ---- param_count -----------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["2.7"])
def param_count(d: int, k: int) -> int:
    """How many numbers softmax regression learns, for d inputs and k classes: weights and biases."""
    return d * k + k


@cases(param_count)
def visible_param_count(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("2 inputs, 3 classes", 2, 3)
    yield Case("8×8 pixels, 10 digits", 64, 10)


@cases(param_count, hidden=True)
def hidden_param_count(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("many inputs", int(rng.integers(200, 900)), int(rng.integers(11, 30)))
    yield Case("more classes than inputs", int(rng.integers(5, 20)), int(rng.integers(100, 999)))
    yield Case("as many classes as inputs", *2 * [int(rng.integers(5, 50))])
    yield Case("a single input", 1, int(rng.integers(5, 50)))


@mistakes(
    param_count,
    no_bias="You count the weights only. Each class has a bias too.",
    one_bias="You count a single bias. Each class has one.",
    bias_per_input="You count a bias for each input. Each class has one.",
    bias_for_both="You count biases for inputs and for classes. Only classes have one.",
    bias_per_weight="You count a bias for each weight. Each class has one.",
    weights_and_biases_added="You add the two sizes. Each class has a weight for every input: that is a product.",
    one_class_less="You leave one class out. That would be enough, since probabilities sum to 1, but softmax regression has weights for every class.",
    biases_only="You count the biases only. Each class has a weight for every input as well.",
    square="Your matrix of weights has as many rows as columns. It is [d, k].",
    both_sides="Your count is (d + 1)(k + 1), as if there were a bias for the inputs and one class more. Only the inputs get one entry more, a constant 1.",
)
def param_count_with(made: Made, d: int, k: int) -> int:
    weights = d * d if made.square else d * (k - 1 if made.one_class_less else k)
    biases = 0 if made.no_bias else 1 if made.one_bias else d if made.bias_per_input else d + k if made.bias_for_both else k
    if made.weights_and_biases_added:
        return d + k
    if made.both_sides:
        return (d + 1) * (k + 1)
    return (0 if made.biases_only else weights) + (weights if made.bias_per_weight else biases - int(made.one_class_less))


# ---- one_hot ---------------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["2.8"], shares={"empty batch": 0.1}, forbid=["sklearn.preprocessing.label_binarize"])
def one_hot(y: Int[ndarray, "n"], k: int) -> Float[ndarray, "n k"]:
    """A row for each label, with 1 in the label's column and 0 in all others, in float64.

    Labels are integers from 0 to k - 1. Not every class need occur in `y`, and n may be 0.
    """
    codes = np.zeros((len(y), k))
    codes[np.arange(len(y)), y] = 1
    return codes


def labels(rng: np.random.Generator, n: int, k: int, absent: tuple[int, ...] = ()) -> ndarray:
    """Random labels, of which two at least differ and those in `absent` do not occur."""
    present = [j for j in range(k) if j not in absent]
    y = np.append(rng.permutation(present)[:2], rng.choice(present, size=n))[:n]
    return rng.permutation(y)


NO_LABELS = "With no labels the result has no rows, and still k columns."


@cases(one_hot)
def visible_one_hot(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("labels 2, 0, 3 of 5 classes", np.array([2, 0, 3]), 5)
    yield Case("7 labels of 3 classes", labels(rng, 7, 3), 3)
    yield Case("no labels, 3 classes", np.zeros(0, int), 3, group="empty batch", hint=NO_LABELS)


@cases(one_hot, hidden=True)
def hidden_one_hot(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("5 labels of 11 classes", labels(rng, 5, 11, absent=(10,)), 11)
    yield Case("the first and a middle class are absent", labels(rng, 11, 7, absent=(0, 4)), 7)
    yield Case("as many labels as classes", labels(rng, 5, 5, absent=(2,)), 5)
    yield Case("two classes", labels(rng, 7, 2), 2)
    yield Case("a single label", rng.integers(1, 6, size=1), 7)
    yield Case("no labels", np.zeros(0, int), 5, group="empty batch", hint=NO_LABELS)


@mistakes(
    one_hot,
    classes_from_largest="You take the number of classes from the largest label. The last classes may not occur in this batch: there are always k columns.",
    present_only="You make a column for each class that occurs in the batch. There are always k columns, and label j has column j.",
    integers="Your result holds integers. Codes are compared with probabilities and enter gradients, so they are float64 here.",
    booleans="Your result holds True and False. Codes are compared with probabilities and enter gradients, so they are float64 here.",
    transposed="Your result is [k, n]. Rows are examples, columns are classes.",
    counts="You count how often each class occurs. Each label gets a row of its own.",
    counted_from_one="You count classes from 1. Label 0 belongs to column 0.",
    inverted="Ones and zeros have changed places.",
    all_rows="You write the 1 into a whole column, for all rows at once, as `codes[:, y] = 1` does. Pair each row with its own label.",
    sorted="Your rows are sorted by label. Row i belongs to label y[i].",
    label_as_value="You write the label itself into its column. The entry is 1, whichever class it is.",
    up_to_the_label="Your ones run up to the label. Only the label's own column holds a 1.",
    plus_and_minus_one="You write -1 for the other classes. Here they are 0.",
    reversed_columns="Your columns are in reversed order: class 0 is the first column.",
    fails_for_none="Your code fails when there are no labels. The result then has shape `(0, k)`.",
    flat_for_none="With no labels your result is an empty list. It still has k columns: its shape is `(0, k)`.",
)
def one_hot_with(made: Made, y: ndarray, k: int) -> Any:
    if not len(y) and (made.fails_for_none or made.classes_from_largest):
        raise ValueError("zero-size array to reduction operation maximum which has no identity")
    if not len(y) and made.flat_for_none:
        return np.zeros(0)
    columns = np.arange(y.max() + 1 if made.classes_from_largest else k)
    columns = np.unique(y) if made.present_only else columns[::-1] if made.reversed_columns else columns
    y = np.sort(y) if made.sorted else (y - 1) % k if made.counted_from_one else y
    hit = columns <= y[:, None] if made.up_to_the_label else columns == y[:, None]
    if made.counts:
        return hit.sum(axis=0).astype(float)
    if made.all_rows:
        hit = hit | hit.any(axis=0)
    if made.booleans or made.integers:
        return hit.astype(bool if made.booleans else int)
    codes = 1.0 * hit
    if made.inverted:
        codes = 1 - codes
    elif made.label_as_value:
        codes = codes * y[:, None]
    elif made.plus_and_minus_one:
        codes = 2 * codes - 1
    return codes.T if made.transposed else codes


# ---- predict_labels --------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["2.8"], shares={"ties": 0.2, "empty batch": 0.1})
def predict_labels(logits: Float[ndarray, "n k"]) -> Int[ndarray, "n"]:
    """The class with the highest score, for every example: an integer from 0 to k - 1.

    Where several are equally high, the lowest of these classes. n may be 0; the result is then
    an empty array of integers.
    """
    return logits.argmax(axis=1)


NO_EXAMPLES = "With no examples the result is an empty array of integers, of shape `(0,)`."
TIES = "Where several classes have the same highest score, the lowest of them is the answer."


@cases(predict_labels)
def visible_predict(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("two examples by hand", np.array([[1.0, 3.0, 2.0, 0.0], [-1.0, -5.0, -0.5, -2.0]]))
    yield Case("5 examples, 7 classes", rng.normal(size=(5, 7)))
    yield Case("two classes are equally high", np.array([[1.0, 3.0, 3.0], [0.0, 0.0, -1.0]]), group="ties", hint=TIES)
    yield Case("no examples, 3 classes", np.zeros((0, 3)), group="empty batch", hint=NO_EXAMPLES)


@cases(predict_labels, hidden=True)
def hidden_predict(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("11 examples, 5 classes", rng.normal(size=(11, 5)))
    yield Case("as many examples as classes", rng.permutation(7)[:, None] / 3 + rng.normal(size=(7, 7)))
    yield Case("all scores negative", rng.normal(size=(7, 5)) - 9)
    yield Case("scores near 1000", 1000 + rng.normal(size=(5, 3)))
    tied = rng.integers(-3, 2, size=(7, 5)) / 2
    for row in tied:
        row[rng.permutation(5)[:2]] = 1
    yield Case("ties", tied, group="ties", hint=TIES)
    yield Case("all scores equal", np.full((3, 5), rng.normal()), group="ties", hint=TIES)
    yield Case("no examples", np.zeros((0, 5)), group="empty batch", hint=NO_EXAMPLES)


@mistakes(
    predict_labels,
    wrong_axis="You look for the highest score of each class over the examples. Wanted is the best class of each example: go along the rows.",
    lowest_score="You return the class with the lowest score.",
    largest_size="You look for the score that is farthest from 0. A score of -5 is lower than one of 1.",
    score="You return the highest score. Wanted is the class that has it.",
    floats="You return floats. A class is an integer: it is used as an index.",
    one_hot_code="You return a one-hot code. Wanted is the class as a number.",
    flat_index="You number the scores of the whole batch through. The class counts within its own row.",
    second_best="You return the second best class.",
    counted_from_one="You count classes from 1. They run from 0 to k - 1.",
    probabilities="You return probabilities. Wanted is the class as a number.",
    extra_axis="Your result has an axis too many: its shape is `(n,)`.",
    above_zero="You return the first class whose score is above 0. Compare the scores with each other.",
    last_of_ties="Where several classes are equally high you return the last of them. It is the lowest here, as NumPy's argmax has it.",
    fails_for_none="Your code fails when there are no examples. The result is then an empty array of integers.",
    floats_for_none="With no examples you return an array of floats, as `np.array([])` is. It should hold integers: `dtype=int`.",
)
def predict_labels_with(made: Made, logits: ndarray) -> Any:
    n, k = logits.shape
    if not n and made.fails_for_none:
        raise ValueError("attempt to get argmax of an empty sequence")
    if not n and made.floats_for_none:
        return np.array([])
    if made.wrong_axis:
        return logits.argmax(axis=0)
    if made.score:
        return logits.max(axis=1)
    if made.probabilities:
        return softmax(logits)
    if made.above_zero:
        return (logits > 0).argmax(axis=1)
    if made.last_of_ties:
        return k - 1 - logits[:, ::-1].argmax(axis=1)
    values = -logits if made.lowest_score else abs(logits) if made.largest_size else logits
    label = values.argsort(axis=1, kind="stable")[:, -2] if made.second_best else values.argmax(axis=1)
    if made.one_hot_code:
        return np.eye(k)[label]
    if made.flat_index:
        label = label + k * np.arange(n)
    label = label + int(made.counted_from_one)
    return label.astype(float) if made.floats else label[:, None] if made.extra_axis else label


# ---- softmax ---------------------------------------------------------------------------------------------------------

FORBIDDEN_SOFTMAX = ["scipy.special.softmax", "scipy.special.log_softmax", "scipy.special.logsumexp", "sklearn.utils.extmath.softmax"]


@exercise(points=3, rows=["2.10"], shares={"large logits": 0.3, "-inf": 0.1}, forbid=FORBIDDEN_SOFTMAX)
def softmax(logits: Num[ndarray, "*shape"], axis: int = -1) -> Float[ndarray, "*shape"]:
    """Turn logits into probabilities along `axis`: they sum to 1 along it, and are in proportion to
    the exponentials of the logits.

    Logits may be large, such as 10000 or -10000. One that is -inf gets the probability 0
    exactly; not all logits along the axis are -inf.
    """
    exponentials = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return exponentials / exponentials.sum(axis=axis, keepdims=True)


LARGE = "Large logits must neither overflow nor all vanish. Subtracting one number from all logits along the axis changes no probability: choose it so that no exponent is positive, and that the largest is 0."
MINUS_INFINITY = "A logit of -inf gets the probability 0, and the others share the rest. Mind that -inf - (-inf) is NaN."


def with_minus_infinity(rng: np.random.Generator, n: int, k: int, each: int) -> ndarray:
    """Logits with some entries of -inf in every row, and none in the first column."""
    logits = rng.normal(size=(n, k))
    for row in logits:
        row[1 + rng.permutation(k - 1)[:each]] = -math.inf
    return logits


@cases(softmax)
def visible_softmax(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("logits 1, 2, 3", np.array([1.0, 2.0, 3.0]))
    yield Case("3 rows of 5, along each row", rng.normal(size=(3, 5)), -1)
    yield Case("3 rows of 5, along each column", rng.normal(size=(3, 5)), 0)
    yield Case("3 rows of 3, along each row", rng.normal(size=(3, 3)), 1)
    yield Case("logits near ±10000", 1e4 * np.array([[1.0, 0.9, -1.0], [-1.1, -1.0, -1.3]]), group="large logits", hint=LARGE)
    yield Case("a logit of -inf", np.array([0.0, -math.inf, 1.0]), group="-inf", hint=MINUS_INFINITY)


@cases(softmax, hidden=True)
def hidden_softmax(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("the middle one of 3 axes", rng.normal(size=(2, 3, 5)), axis=1)
    yield Case("the first one of 3 axes", rng.normal(size=(5, 2, 3)), axis=-3)
    yield Case("as many rows as columns, axis 1", 2 * rng.normal(size=(5, 5)), 1)
    yield Case("as many rows as columns, axis 0", rng.normal(size=(5, 5)), 0)
    yield Case("axis not given", rng.normal(size=(7, 2)) + 20)
    yield Case("one axis", rng.normal(size=11) - 15, 0)
    yield Case("logits of size 10000", 1e4 * rng.normal(size=(5, 7)), -1, group="large logits", hint=LARGE)
    yield Case("all near -5000", rng.normal(size=(5, 3)) - 5000, 0, group="large logits", hint=LARGE)
    yield Case("rows far apart", rng.normal(size=(7, 5)) + 1000.0 * rng.permutation(7)[:, None], -1, group="large logits", hint=LARGE)
    yield Case("columns far apart", rng.normal(size=(5, 7)) + 1000.0 * rng.permutation(7), 0, group="large logits", hint=LARGE)
    spread = np.array([rng.permutation([-500.0, -250, 0, 250, 500]) for _ in range(3)])
    yield Case("from -500 to 500", spread + rng.normal(size=spread.shape), -1, group="large logits", hint=LARGE)
    yield Case("some logits are -inf", with_minus_infinity(rng, 5, 7, 3), -1, group="-inf", hint=MINUS_INFINITY)
    yield Case("all but one are -inf", with_minus_infinity(rng, 3, 5, 4), -1, group="-inf", hint=MINUS_INFINITY)


@verify(softmax)
def no_probability_for_minus_infinity(probabilities, logits, axis=-1):  # type: ignore[no-untyped-def]
    import numpy as np

    if probabilities[logits == -np.inf].any():
        return "A logit of -inf gets a small probability. It must be exactly 0."


@mistakes(
    softmax,
    no_max="The exponentials of large logits overflow, and those of very negative ones all vanish. Subtract the largest logit along the axis first; the probabilities do not change.",
    global_max="You subtract the largest logit of the whole array. Where rows lie far apart, all exponentials of a row vanish: each needs its own largest logit.",
    min_subtracted="You subtract the smallest logit. Subtract the largest: then no exponent is positive, and exp cannot overflow.",
    mean_subtracted="You subtract the mean, and the largest logit may still be far above it. Subtract the largest: then exp cannot overflow.",
    clipped="You cut large logits off, which makes different logits equal. Subtract the largest one along the axis in place of that.",
    missing_as_zero="You put 0 where a logit is -inf, and exp(0) is 1. The exponential of -inf is 0 by itself.",
    other_axis_max="You subtract a maximum over another axis than the one that you sum over, so the probabilities change. Only what is the same along the axis cancels.",
    always_last="You always work along the last axis. `axis` says which.",
    always_first="You always work along the first axis. `axis` says which.",
    whole_array="All your probabilities together sum to 1. They should along the axis, for every row (or column) by itself.",
    sum_without_keepdims="You divide by sums that have lost their axis, so that NumPy lines them up with the wrong one. Keep it: `keepdims=True`.",
    max_without_keepdims="You subtract maxima that have lost their axis, so that NumPy lines them up with the wrong one. Keep it: `keepdims=True`.",
    not_divided="Your largest probability is always 1: you do not divide by the sum of the exponentials. Probabilities sum to 1.",
    exponentials_only="You return the exponentials of the logits. Divide them by their sum: probabilities sum to 1.",
    no_exponential="You divide the logits themselves by their sum. Take exponentials first: they are positive, and logits need not be.",
    squares="You use squares. They are positive too, but -2 would count as much as 2: take exponentials.",
    base_two="You raise 2 to the power of the logits. It is e: use np.exp.",
    sigmoid="You apply a sigmoid to each logit by itself. Probabilities of the classes depend on each other: they sum to 1.",
    logarithm="You return the logarithms of the probabilities.",
    twice="You apply softmax twice. Probabilities are no logits: the second time makes them nearly equal.",
    negative="Your signs are reversed: the highest logit gets the highest probability.",
    winner_takes_all="You give the highest logit everything. Softmax is softer: the others get their share.",
    integer_buffer="For integer logits you store the probabilities in an integer array, which makes them 0.",
    single_precision="You compute in float32. When the logits are float64, so are the probabilities.",
)
def softmax_with(made: Made, logits: ndarray, axis: int = -1) -> Any:
    given = logits.dtype
    logits = logits.astype(np.float32) if made.single_precision else logits
    if made.clipped:
        logits = np.clip(logits, -60, 60)
    elif made.missing_as_zero:
        logits = np.where(np.isinf(logits), 0, logits)
    elif made.negative:
        logits = -logits
    along: Any = -1 if made.always_last else 0 if made.always_first else None if made.whole_array else axis
    peak = logits.max(axis=along, keepdims=not made.max_without_keepdims)
    if made.no_max:
        peak = np.zeros_like(peak)
    elif made.global_max:
        peak = logits.max()
    elif made.min_subtracted:
        peak = logits.min(axis=along, keepdims=True)
    elif made.mean_subtracted:
        peak = logits.mean(axis=along, keepdims=True)
    elif made.other_axis_max and logits.ndim > 1:
        peak = logits.max(axis=(axis + 1) % logits.ndim, keepdims=True)
    shifted = logits - peak
    if made.sigmoid:
        return 1 / (1 + np.exp(-logits.astype(np.result_type(logits, np.float32))))
    if made.winner_takes_all:
        return (shifted == 0) * np.exp(0 * shifted)
    if made.no_exponential:
        exponentials = logits * 1
    elif made.squares:
        exponentials = logits**2
    else:
        exponentials = np.exp(shifted * (np.asarray(math.log(2), np.result_type(shifted, np.float32)) if made.base_two else 1))
    total = exponentials.sum(axis=along, keepdims=not made.sum_without_keepdims)
    if made.exponentials_only:
        return np.exp(logits * 1.0)
    probabilities = exponentials / (1 if made.not_divided else total)
    if made.twice:
        probabilities = softmax(probabilities, axis)
    if made.integer_buffer and given.kind == "i":
        probabilities = probabilities.astype(given)
    return np.log(probabilities) if made.logarithm else probabilities


# ---- cross_entropy ---------------------------------------------------------------------------------------------------

FORBIDDEN_LOSSES = ["scipy.special.log_softmax", "scipy.special.logsumexp", "sklearn.metrics.log_loss"]


@exercise(points=3, rows=["2.11"], shares={"large logits": 0.3}, tolerance=10, forbid=FORBIDDEN_LOSSES)
def cross_entropy(logits: Float[ndarray, "n k"], y: Int[ndarray, "n"]) -> float:
    """The mean over n examples of minus the natural logarithm of the probability that softmax gives
    to the true class `y`.

    It takes the logits, not the probabilities, and must be right also where they are large, as
    1000 or -1000.
    """
    shifted = logits - logits.max(axis=1, keepdims=True)
    of_true = shifted[np.arange(len(y)), y]
    return float((np.log(np.exp(shifted).sum(axis=1)) - of_true).mean())


def logits_and_labels(rng: np.random.Generator, n: int, k: int, scale: float = 1.0) -> tuple[ndarray, ndarray]:
    return scale * rng.normal(size=(n, k)), labels(rng, n, k)


FAR_APART = (
    "Large logits: exp must not overflow, and the probability of the true class may round to 0, whose logarithm is -inf."
    " A small number added inside the logarithm only hides that. The logarithm of a quotient is a difference: simplify before you compute."
)


@cases(cross_entropy)
def visible_cross_entropy(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("two examples by hand", np.log(np.array([[1.0, 2.0, 1.0], [5.0, 2.0, 1.0]])), np.array([1, 2]))
    yield Case("5 examples, 7 classes", *logits_and_labels(rng, 5, 7))
    yield Case("the true class 2000 below the best", np.array([[1000.0, -1000.0, 0.0]]), np.array([1]), group="large logits", hint=FAR_APART)
    yield Case(
        "logits near 2000 and near -2000",
        np.array([[2001.0, 2000, 2002], [-2002, -2000, -2001]]),
        np.array([0, 2]),
        group="large logits",
        hint=FAR_APART,
    )


@cases(cross_entropy, hidden=True)
def hidden_cross_entropy(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("7 examples, 3 classes", *logits_and_labels(rng, 7, 3, scale=2.0))
    yield Case("as many examples as classes", *logits_and_labels(rng, 5, 5))
    yield Case("two classes", *logits_and_labels(rng, 11, 2))
    yield Case("one example", *logits_and_labels(rng, 1, 5))
    yield Case("logits between 0 and 1", rng.uniform(0.1, 0.9, size=(7, 5)), labels(rng, 7, 5))
    yield Case("logits of size 1000", *logits_and_labels(rng, 5, 7, scale=1000.0), group="large logits", hint=FAR_APART)
    near, y = logits_and_labels(rng, 7, 3)
    yield Case("all logits near 2000", near + 2000, y, group="large logits", hint=FAR_APART)
    yield Case("all logits near -2000", near - 2000, y, group="large logits", hint=FAR_APART)
    yield Case("examples far apart", near + 800.0 * rng.permutation(7)[:, None], y, group="large logits", hint=FAR_APART)


SMALL_NUMBER = (
    "You keep the probability away from 0 with a small number inside the logarithm. That changes the loss, and hides that the"
    " probability has been rounded to 0. Simplify log(exp(o) / sum) before you compute: nothing is rounded away then."
)
OVERFLOW = "The exponentials of large logits overflow, and those of very negative ones all vanish. Subtract each example's largest logit first."


@mistakes(
    cross_entropy,
    log_of_zero="You take the logarithm of a probability that has been rounded to 0. The logarithm of a quotient is a difference: log(exp(o) / sum) is o - log(sum), and nothing is rounded away.",
    small_number=SMALL_NUMBER,
    small_number_that_shows=SMALL_NUMBER,
    no_max=OVERFLOW,
    no_max_in_softmax=OVERFLOW,
    global_max="You subtract the largest logit of the whole batch, and an example far below it vanishes. Each needs its own largest logit.",
    zero_times_infinity="You multiply a one-hot code with logarithms, and where a probability has been rounded to 0 that is 0 times -inf, which is NaN. Pick the true class by its index, and let no probability be rounded before its logarithm is taken.",
    max_not_returned="You subtract the largest logit inside the sum of exponentials only. Subtract it from the true class's logit as well, or add it again to the logarithm of the sum.",
    double_softmax="You apply softmax twice. The logits go in here as they are, and the loss takes the softmax itself.",
    no_softmax="You take the logits for probabilities. They have to go through a softmax first.",
    logit_only="You return minus the logit of the true class. The logarithm of the sum of all exponentials is missing: without it the logits could grow without end.",
    summed="You sum over the examples. Take their mean: then the loss does not grow with the size of the batch.",
    mean_over_classes="You divide by the number of classes too. The mean runs over the examples only.",
    per_example="You return one loss for each example. Return their mean.",
    log_two="You use the logarithm to base 2, which measures in bits. Here it is the natural one.",
    log_ten="You use the logarithm to base 10. Here it is the natural one.",
    no_minus="The minus is missing: logarithms of probabilities are negative, and a loss is to become small.",
    no_log="You return 1 minus the mean probability of the true class. The logarithm makes the difference: it punishes confident mistakes without limit.",
    log_of_mean="You take the logarithm of the mean probability. Take the mean of the logarithms.",
    every_class="You add the logarithms of 1 - p for the wrong classes, as if each class were a yes-or-no question of its own (binary cross-entropy). Here only the true class's probability counts; the others enter through the softmax.",
    all_logs="You sum the logarithms of all classes. Only the true class's counts: its one-hot code picks it out.",
    predicted_class="You use the probability of the predicted class. The loss compares with the true one.",
    entropy="You return the entropy of the predictions, which does not know the labels. Use the probability of the true class.",
    over_examples="Your softmax runs over the examples. The probabilities of one example's classes sum to 1.",
    all_labels="You compare each example with the labels of the whole batch: `p[:, y]` is a matrix of n by n numbers. Pair the rows with their labels: `p[np.arange(n), y]`.",
    perplexity="You return the exponential of the loss, the perplexity.",
)
def cross_entropy_with(made: Made, logits: ndarray, y: ndarray) -> Any:
    n, k = logits.shape
    rows = np.arange(n)
    axis = 0 if made.over_examples else 1
    if made.double_softmax:
        logits = softmax(logits)
    peak = logits.max(axis=axis, keepdims=True)
    peak = 0 * peak if made.no_max else logits.max() if made.global_max else peak
    log_p = logits - peak - np.log(np.exp(logits - peak).sum(axis=axis, keepdims=True))
    if made.no_softmax:
        log_p = np.log(logits)
    elif made.logit_only:
        log_p = logits
    elif made.log_of_zero:
        log_p = np.log(softmax(logits))
    elif made.small_number:
        log_p = np.log(softmax(logits) + 1e-12)
    elif made.small_number_that_shows:
        log_p = np.log(softmax(logits) + 1e-7)
    elif made.max_not_returned:
        log_p = log_p + peak
    elif made.no_max_in_softmax:
        log_p = np.log(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))
    y = logits.argmax(axis=1) if made.predicted_class else y
    if made.all_labels:
        return float(-log_p[:, y].mean())
    p = np.exp(log_p)
    if made.log_of_mean:
        return float(-np.log(p[rows, y].mean()))
    if made.no_log:
        return float(1 - p[rows, y].mean())
    losses = -log_p[rows, y]
    if made.zero_times_infinity:
        losses = -(np.eye(k)[y] * np.log(softmax(logits))).sum(axis=1)
    if made.every_class:
        wrong = np.arange(k) != y[:, None]
        losses = losses - np.log(np.where(wrong, 1 - p, 1)).sum(axis=1)
    elif made.all_logs:
        losses = -log_p.sum(axis=1)
    elif made.entropy:
        losses = -(p * log_p).sum(axis=1)
    losses = losses / (math.log(2) if made.log_two else math.log(10) if made.log_ten else -1 if made.no_minus else 1)
    if made.per_example:
        return losses
    loss = losses.sum() / ((1 if made.summed else n) * (k if made.mean_over_classes else 1))
    return float(np.exp(loss)) if made.perplexity else float(loss)


# ---- ce_grad ---------------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["2.11"], shares={"large logits": 0.2})
def ce_grad(logits: Float[ndarray, "n k"], y: Int[ndarray, "n"]) -> Float[ndarray, "n k"]:
    """The gradient of the cross-entropy with respect to the logits.

    The loss is the mean over the n examples, as in `cross_entropy`. Logits may be large, as 1000
    or -1000.
    """
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    gradient: ndarray = exponentials / exponentials.sum(axis=1, keepdims=True)
    gradient[np.arange(len(y)), y] -= 1
    return gradient / len(y)


LARGE_IN_GRADIENT = "Large logits: the probabilities in the gradient come from exponentials, which must neither overflow nor all vanish."


@cases(ce_grad)
def visible_ce_grad(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("two examples by hand", np.log(np.array([[1.0, 2.0, 1.0], [5.0, 2.0, 1.0]])), np.array([1, 2]))
    yield Case("5 examples, 7 classes", *logits_and_labels(rng, 5, 7))
    far = np.array([[2001.0, 2000, 2002], [-2002, -2000, -2001]])
    yield Case("logits near 2000 and near -2000", far, np.array([0, 2]), group="large logits", hint=LARGE_IN_GRADIENT)


@cases(ce_grad, hidden=True)
def hidden_ce_grad(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("7 examples, 3 classes", *logits_and_labels(rng, 7, 3, scale=2.0))
    yield Case("as many examples as classes", *logits_and_labels(rng, 5, 5))
    yield Case("two classes", *logits_and_labels(rng, 11, 2))
    yield Case("few examples, many classes", *logits_and_labels(rng, 2, 13))
    yield Case("logits of size 1000", *logits_and_labels(rng, 5, 7, scale=1000.0), group="large logits", hint=LARGE_IN_GRADIENT)
    near, y = logits_and_labels(rng, 7, 3)
    yield Case("examples far apart", near + 800.0 * rng.permutation(7)[:, None], y, group="large logits", hint=LARGE_IN_GRADIENT)
    yield Case("all logits near -2000", near - 2000, y, group="large logits", hint=LARGE_IN_GRADIENT)


@mistakes(
    ce_grad,
    not_averaged="You do not divide by the number of examples. The loss is their mean.",
    mean_over_classes="You divide by the number of classes too. The loss is the mean over the examples only.",
    averaged_away="You average the gradients of the examples. Each example's logits have a row of their own.",
    wrong_sign="Your signs are reversed. Where the probability of a wrong class is too high, its logit must go down, so its gradient is positive.",
    probabilities_only="You return the probabilities. The 1 of the true class is still to be subtracted.",
    true_class_only="Your gradient is 0 for the wrong classes. Their logits stand in the softmax's sum, so they have one too: it is their probability.",
    label_subtracted="You subtract the number of the class, from all places. Subtract its one-hot code.",
    logits_minus_code="You subtract the one-hot code from the logits. Subtract it from the probabilities.",
    of_probabilities="That is the derivative with respect to the probabilities, -1/p for the true class. Go on through the softmax, by the chain rule.",
    sigmoid="You use a sigmoid of each logit. The probabilities come from the softmax.",
    squared_loss="Your gradient has the factor p(1 - p) in it, as that of the squared loss behind a sigmoid. With the cross-entropy it cancels.",
    predicted_class="You subtract the 1 from the predicted class. It belongs to the true one.",
    one_from_all="You subtract 1 from all classes. Only the true class has a 1 in its one-hot code.",
    whole_column="You subtract the 1 of a label in all rows at once, as `p[:, y] -= 1` does. Pair each row with its own label.",
    over_examples="Your softmax runs over the examples. The probabilities of one example's classes sum to 1.",
    double_softmax="You apply softmax twice.",
    in_bits="Your gradient is that of a loss in bits, with the logarithm to base 2. Here the loss has the natural one.",
    no_max=OVERFLOW,
    global_max="You subtract the largest logit of the whole batch, and an example far below it vanishes. Each needs its own largest logit.",
)
def ce_grad_with(made: Made, logits: ndarray, y: ndarray) -> Any:
    n, k = logits.shape
    axis = 0 if made.over_examples else 1
    peak = 0 * logits[:1] if made.no_max else logits.max() if made.global_max else logits.max(axis=axis, keepdims=True)
    p = np.exp(logits - peak)
    p = p / p.sum(axis=axis, keepdims=True)
    p = softmax(p) if made.double_softmax else 1 / (1 + np.exp(-logits)) if made.sigmoid else p
    code = (np.arange(k) == (logits.argmax(axis=1) if made.predicted_class else y)[:, None]).astype(p.dtype)
    if made.one_from_all:
        code = np.ones_like(code)
    elif made.whole_column:
        code = code.max(axis=0) + 0 * code
    elif made.probabilities_only:
        code = 0 * code
    elif made.label_subtracted:
        code = y[:, None] + 0 * code
    gradient = (logits if made.logits_minus_code else p) - code
    if made.true_class_only:
        gradient = gradient * code
    elif made.of_probabilities:
        gradient = -code / p
    elif made.squared_loss:
        gradient = gradient * p * (1 - p)
    gradient = gradient * (math.log2(math.e) if made.in_bits else -1 if made.wrong_sign else 1)
    if made.averaged_away:
        return gradient.mean(axis=0)
    return gradient / ((1 if made.not_averaged else n) * (k if made.mean_over_classes else 1))


# ---- token_cross_entropy ---------------------------------------------------------------------------------------------


@exercise(points=2, rows=["2.11"], tolerance=10, forbid=FORBIDDEN_LOSSES)
def token_cross_entropy(logits: Float[ndarray, "batch time classes"], y: Int[ndarray, "batch time"], ignore_index: int = -100) -> float:
    """The cross-entropy of sequences, with a label for every step of time: the mean over all steps
    of the batch whose label is not `ignore_index`.

    `ignore_index` may be any integer, also that of a class. At least one step counts.
    """
    counts = y != ignore_index
    chosen, labels_ = logits[counts], y[counts]
    shifted = chosen - chosen.max(axis=1, keepdims=True)
    of_true = shifted[np.arange(len(labels_)), labels_]
    return float((np.log(np.exp(shifted).sum(axis=1)) - of_true).mean())


def padded(rng: np.random.Generator, lengths: list[int], time: int, k: int, ignore_index: int, scale: float = 1.0) -> tuple[ndarray, ndarray]:
    """Logits and labels of sequences with these lengths; the steps after them are to be ignored."""
    logits = scale * rng.normal(size=(len(lengths), time, k))
    y = rng.integers(max(ignore_index + 1, 0), k, size=(len(lengths), time))
    y[np.arange(time) >= np.array(lengths)[:, None]] = ignore_index
    return logits, y


equivalent(
    token_cross_entropy,
    {
        "shifted = chosen + chosen.max(axis=1, keepdims=True)": "What is added to all logits of a step cancels; large logits are the subject of `cross_entropy`.",
        "shifted = chosen": "What is added to all logits of a step cancels; large logits are the subject of `cross_entropy`.",
        "shifted = chosen - chosen.max(keepdims=True)": "What is added to all logits of a step cancels; large logits are the subject of `cross_entropy`.",
        "shifted = chosen - chosen.min(axis=1, keepdims=True)": "What is added to all logits of a step cancels; large logits are the subject of `cross_entropy`.",
    },
)


@cases(token_cross_entropy)
def visible_tokens(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("lengths 3 and 1", *padded(rng, [3, 1], 3, 5, -100))
    yield Case("lengths 2, 5 and 3; class 0 is ignored", *padded(rng, [2, 5, 3], 5, 7, 0), 0)
    yield Case("lengths 2 and 3; label -1 is ignored", *padded(rng, [2, 3], 3, 5, -1), -1)


@cases(token_cross_entropy, hidden=True)
def hidden_tokens(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("nothing to ignore", *padded(rng, [5, 5, 5], 5, 2, -100))
    yield Case("ignore_index is -1", *padded(rng, rng.permutation([1, 4, 7]).tolist(), 7, 5, -1), ignore_index=-1)
    yield Case("class 0 is ignored", *padded(rng, rng.permutation([2, 3, 5]).tolist(), 5, 3, 0), ignore_index=0)
    logits, y = padded(rng, [3, 3], 3, 7, -100)
    y[0, 1] = y[1, 0] = -100
    yield Case("gaps in the middle", logits, y)
    yield Case("all sizes equal", *padded(rng, [5, 1, 3, 2, 4], 5, 5, -100))
    yield Case("a whole sequence is ignored", *padded(rng, rng.permutation([0, 2, 5]).tolist(), 5, 11, -100))


@mistakes(
    token_cross_entropy,
    divided_by_all="You divide by the number of all steps. Ignored steps do not count there either: divide by the number of those that do.",
    divided_by_sequences="You divide by the number of sequences. It is a mean over steps.",
    mean_of_means="You take the mean of every sequence, and then the mean of those. Then a step of a short sequence weighs more; here all steps weigh the same.",
    summed="You sum over the steps. Take their mean.",
    nothing_ignored="Nothing is ignored: you use the label `ignore_index` as if it were a class.",
    ignored_as_class_zero="You give ignored steps the label 0 and let them count. They should not take part at all.",
    ignored_as_uniform="You set the logits of ignored steps to 0, and they still count, each with log(k). They should not take part at all.",
    negative_labels_ignored="You ignore negative labels. Which label is to be ignored is said by `ignore_index`, and it may be a class.",
    always_minus_100="You always ignore the label -100. Use the `ignore_index` that is given.",
    over_time="Your softmax runs over the steps of time. The probabilities of one step's classes sum to 1: the last axis.",
    over_batch="Your softmax runs over the sequences. The probabilities of one step's classes sum to 1: the last axis.",
    labels_by_time="Your labels run through the batch first and then through time, the logits the other way round. Flatten both in the same order.",
    axes_mixed="You reshape to [classes, steps] and transpose. `reshape` keeps the order of the numbers in memory, so it mixes the axes: the classes are the last one.",
    log_two="You use the logarithm to base 2, which measures in bits. Here it is the natural one.",
    no_minus="The minus is missing: logarithms of probabilities are negative, and a loss is to become small.",
    perplexity="You return the exponential of the loss, the perplexity.",
    double_softmax="You apply softmax twice. The logits go in here as they are, and the loss takes the softmax itself.",
    no_softmax="You return the mean of minus the logits of the true classes. The logarithm of the sum of all exponentials is missing.",
)
def token_cross_entropy_with(made: Made, logits: ndarray, y: ndarray, ignore_index: int = -100) -> Any:
    batch, time, k = logits.shape
    if made.axes_mixed:
        logits = logits.reshape(k, -1).T.reshape(batch, time, k)
    if made.double_softmax:
        logits = softmax(logits)
    ignored = y < 0 if made.negative_labels_ignored else y == (-100 if made.always_minus_100 else ignore_index)
    if made.labels_by_time:
        y, ignored = (x.T.reshape(batch, time) for x in (y, ignored))
    if made.ignored_as_uniform:
        logits = np.where(ignored[..., None], 0, logits)
    axis = 1 if made.over_time else 0 if made.over_batch else 2
    log_p = logits if made.no_softmax else np.log(softmax(logits, axis))
    known = np.where(ignored, 0, y)
    if made.nothing_ignored:
        known, ignored = y, np.zeros_like(ignored)
    elif made.ignored_as_class_zero or made.ignored_as_uniform:
        ignored = np.zeros_like(ignored)
    losses = np.where(ignored, 0, -np.take_along_axis(log_p, known[..., None], axis=2)[..., 0])
    losses = losses / (math.log(2) if made.log_two else -1 if made.no_minus else 1)
    counts = (~ignored).sum()
    if made.mean_of_means:
        return float((losses.sum(axis=1) / (~ignored).sum(axis=1)).mean())
    loss = losses.sum() / (batch * time if made.divided_by_all else batch if made.divided_by_sequences else 1 if made.summed else counts)
    return float(np.exp(loss)) if made.perplexity else float(loss)
