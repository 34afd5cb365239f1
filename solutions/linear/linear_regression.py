"""Linear regression: the model, its loss, the gradient of the loss, and the weights where the gradient is zero."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float, Num
from numpy import ndarray

from autograder.exercise import Case, Made, cases, equivalent, exercise, mistakes, probe, verify

# ---- linreg ----------------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["2.1"], forbid=["sklearn.linear_model.LinearRegression"])
def linreg(X: Num[ndarray, "n d"], w: Num[ndarray, "d"], b: float) -> Float[ndarray, "n"]:
    """The prediction for each of the n examples: the weighted sum of its d features, plus the bias b.

    Each row of X is one example. The result is a vector of shape (n,).
    """
    return X @ w + b


def number(rng: np.random.Generator, low: float = 1.2, high: float = 3.0) -> float:
    """A plain number that is neither 0 nor ±1, of random sign."""
    return round(float(rng.choice([-1, 1]) * rng.uniform(low, high)), 3)


@cases(linreg)
def visible_linreg(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("5 examples, 3 features", rng.normal(size=(5, 3)), rng.normal(size=3), 1.5)
    yield Case("3 examples, 3 features", rng.normal(size=(3, 3)), rng.normal(size=3), -2.0)


@cases(linreg, hidden=True)
def hidden_linreg(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("more features than examples", rng.normal(size=(3, 7)), rng.normal(size=7), number(rng))
    yield Case("more examples than features", rng.normal(size=(11, 2)), rng.normal(size=2), number(rng))
    yield Case("as many examples as features", rng.normal(size=(5, 5)), rng.normal(size=5), number(rng))
    yield Case("one example", rng.normal(size=(1, 5)), rng.normal(size=5), number(rng))
    yield Case("one feature", rng.normal(size=(7, 1)), rng.normal(size=1), number(rng))


@mistakes(
    linreg,
    column="Your predictions form a column of shape (n, 1). They are a vector of shape (n,). The difference matters: subtract a vector of n labels from a column, and NumPy makes an n×n table of it without a word.",
    row="Your predictions form a row of shape (1, n). They are a vector of shape (n,).",
    no_bias="The bias b is missing.",
    bias_subtracted="You subtract the bias. It is added.",
    bias_per_feature="You add the bias once per feature. It is added once per example, after the weighted sum.",
    bias_in_the_weights="You add the bias to the weights, so that every feature is multiplied by it. It is added to the finished sum.",
    bias_in_the_features="You add the bias to the features, before they are weighted. It is added to the finished sum.",
    bias_multiplied="You multiply by the bias. It is added.",
    mean_of_features="You average over the features. A prediction is a sum of weighted features.",
    not_summed="You weight each feature but do not sum: the result has one row per example and one column per feature.",
    summed_over_examples="You sum over the examples and get one number per feature. Sum over the features.",
    columns_are_examples="You take the columns of X for examples. Each row is one.",
    normalised="You divide by the length of w. A prediction is the plain weighted sum.",
    integer_buffer="You write predictions into an array that takes the dtype of X. If X holds integers, the fractions are cut off.",
    float32_buffer="You write predictions into a float32 array: float64 values lose half of their digits.",
)
def linreg_with(made: Made, X: ndarray, w: ndarray, b: float) -> Any:
    if made.bias_in_the_weights:
        return X @ (w + b)
    if made.bias_in_the_features:
        return (X + b) @ w
    if made.not_summed:
        return X * w + b
    if made.summed_over_examples:
        return (X * w).sum(axis=0) + b
    weighted = X.T @ w if made.columns_are_examples else X @ w
    if made.mean_of_features:
        weighted = weighted / X.shape[1]
    if made.normalised:
        weighted = weighted / np.sqrt((w * w).sum())
    b = 0.0 if made.no_bias else -b if made.bias_subtracted else b * X.shape[1] if made.bias_per_feature else b
    y_hat = weighted * b if made.bias_multiplied else weighted + b
    if made.integer_buffer:
        y_hat = y_hat.astype(X.dtype)
    if made.float32_buffer:
        y_hat = y_hat.astype(np.float32)
    return y_hat[:, None] if made.column else y_hat[None] if made.row else y_hat


# ---- make_regression -------------------------------------------------------------------------------------------------


@exercise(
    points=2,
    rows=["2.2"],
    shares={"sigma is 0": 0.1},
    without=["float32"],  # random numbers are drawn in float64
    forbid=["sklearn.datasets.make_regression"],
)
def make_regression(
    w: Float[ndarray, "d"], b: float, n: int, sigma: float, rng: np.random.Generator
) -> tuple[Float[ndarray, "n d"], Float[ndarray, "n"]]:
    """Random training data (X, y) from a linear model whose weights w and bias b are known.

    All features are independent and standard normal. Each label is the model's prediction plus
    noise of its own, which is normal with mean 0 and standard deviation sigma. All random numbers
    come from `rng`.
    """
    X = rng.normal(size=(n, len(w)))
    return X, X @ w + b + sigma * rng.normal(size=n)


@probe(make_regression)
def three_data_sets(answer, w, b, n, sigma, seed):  # type: ignore[no-untyped-def]
    """A data set, and the first examples of two more: the next one of the same generator, and one of a new generator
    with the same seed.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    data = answer(w, b, n, sigma, rng)
    others = [answer(w, b, n, sigma, rng), answer(w, b, n, sigma, np.random.default_rng(seed))]
    return [data, *(tuple(x[:5] for x in other) if isinstance(other, (tuple, list)) else other for other in others)]


@verify(make_regression, unique=False)
def as_promised(answer, w, b, n, sigma, seed):  # type: ignore[no-untyped-def]
    """Every limit is six standard errors or wider."""
    import numpy as np

    (X, y), (following, _), (again, y_again) = answer
    noise = y - (X @ w + b)
    limit = 6 / np.sqrt(n)
    if not np.isfinite(noise).all():
        return "Your data holds NaN or infinite values."
    if not (np.abs(X.mean(0)) <= limit).all() or not (np.abs(X.std(0) - 1) <= limit).all():
        return "Your features are not standard normal: each has the mean 0 and the standard deviation 1."
    if not (np.abs((np.abs(X) < 1).mean(0) - 0.6827) <= limit / 2).all():
        return "Your features have the right mean and spread, but they are not normal."
    if not (np.abs(np.corrcoef(X.T) - np.eye(len(w))) <= limit).all():
        return "Your features are not independent of each other: draw every single one."
    if sigma == 0:
        if not np.allclose(noise, 0, atol=1e-6):
            return "With sigma = 0 there is no noise: the labels are the predictions of the model, to rounding."
    else:
        noise = noise / sigma
        if not noise.std() > 0.001:
            return "There is no noise in your labels, or all of them have the same one. Each label has its own."
        if not abs(np.mean(noise)) <= limit * max(1, noise.std()):
            return "The labels are off on average: the noise has the mean 0, and is added to Xw + b."
        if not abs((np.abs(noise) < noise.std()).mean() - 0.6827) <= limit / 2:
            return "Your noise is not normal."
        if not abs(noise.std() - 1) <= limit:
            for factor, name in [(sigma, "sigma²"), (1 / np.sqrt(sigma), "√sigma"), (1 / sigma, "1, whatever sigma is")]:
                if abs(noise.std() / factor - 1) <= limit:
                    return f"The standard deviation of your noise is {name}. It is sigma itself; sigma² is its variance."
            return "The labels spread more or less about Xw + b than they should: the noise has the standard deviation sigma."
        if not (np.abs(X.T @ noise) <= limit * n).all():
            return "Your noise is not independent of the features: draw new random numbers for it."
    if not np.array_equal(X[:5], again) or not np.array_equal(y[:5], y_again):
        return "The same `rng`, from the same seed, gives other data. All random numbers come from `rng`."
    if np.array_equal(X[:5], following):
        return "Called twice with one `rng`, your function returns the same data twice. Use the generator that you are given, not one of your own."
    return None


def seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))


equivalent(
    make_regression,
    {
        "return (X, X @ w + b - sigma * rng.normal(size=n))": "Normal noise with mean 0 is symmetric.",
    },
)


@cases(make_regression)
def visible_make_regression(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("2 features, sigma 2.5", np.array([2.0, -3.4]), 4.2, 2003, 2.5, 0)


@cases(make_regression, hidden=True)
def hidden_make_regression(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("a large sigma", rng.normal(size=3), number(rng), 5003, round(rng.uniform(3, 5), 2), seed(rng))
    yield Case("a small sigma", rng.normal(size=2), number(rng), 5009, round(rng.uniform(0.2, 0.3), 3), seed(rng))
    yield Case("5 features", rng.normal(size=5), number(rng), 2003, round(rng.uniform(1.6, 1.9), 2), seed(rng))
    exact = "With sigma = 0 there is no noise: the labels are the predictions of the model, to rounding."
    yield Case("sigma is 0", rng.normal(size=3), number(rng), 1013, 0.0, seed(rng), group="sigma is 0", hint=exact)


@mistakes(
    make_regression,
    sigma_is_variance="The standard deviation of your noise is √sigma: you take sigma for the variance. `rng.normal` wants a standard deviation, and sigma is one.",
    sigma_squared="The standard deviation of your noise is sigma². That is the variance; `rng.normal` wants the standard deviation, sigma itself.",
    unit_noise="Your noise has the standard deviation 1. Multiply it by sigma.",
    no_noise="There is no noise in your labels.",
    one_noise="You draw one random number and add it to all labels. Each label has noise of its own.",
    noise_never_negative="Your noise is never negative, so the labels are too large on average. Noise goes both ways, with the mean 0.",
    uniform_noise="Your noise is uniform. It is normal: `rng.normal`, not `rng.uniform` or `rng.random`.",
    uniform_features="Your features are uniform. They are standard normal: `rng.normal`, not `rng.random`.",
    noise_in_the_features="You add the noise to the features. It is added to the labels, after the weighted sum.",
    features_scaled="Your features are scaled by sigma. Only the noise is.",
    one_feature_repeated="All your features are equal: one random number per example, repeated. Draw one for each example and feature.",
    noise_is_a_feature="Your noise is a multiple of the first feature, as when a generator is made anew from the same seed. Draw new random numbers for it.",
    no_bias="The bias b is missing in the labels.",
    own_generator="You make a generator of your own, with a fixed seed, so every call gives the same data. Use `rng`.",
    column="Your labels form a column of shape (n, 1). They are a vector of shape (n,).",
    transposed="Your X has one row per feature. Rows are examples.",
    swapped="You return (y, X). Features come first.",
)
def make_regression_with(made: Made, w: ndarray, b: float, n: int, sigma: float, rng: np.random.Generator) -> Any:
    if made.own_generator:
        rng = np.random.default_rng(0)
    X = rng.uniform(size=(n, len(w))) if made.uniform_features else rng.normal(size=(n, len(w)))
    if made.one_feature_repeated:
        X = np.repeat(X[:, :1], len(w), axis=1)
    if made.features_scaled:
        X = sigma * X
    scale = np.sqrt(sigma) if made.sigma_is_variance else sigma**2 if made.sigma_squared else 1.0 if made.unit_noise else sigma
    noise = scale * (rng.uniform(-1, 1, size=n) if made.uniform_noise else rng.normal(size=1 if made.one_noise else n))
    if made.noise_is_a_feature:
        noise = scale * X[:, 0]
    noise = 0 if made.no_noise else np.abs(noise) if made.noise_never_negative else noise
    y_hat = X @ w if made.no_bias else X @ w + b
    y = (X + np.reshape(noise, (-1, 1))) @ w + b if made.noise_in_the_features else y_hat + noise
    y = y[:, None] if made.column else y
    return (y, X) if made.swapped else (X.T if made.transposed else X, y)


# ---- squared_loss ----------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["2.2"])
def squared_loss(
    y_hat: Num[ndarray, "n"] | Num[ndarray, "n 1"],
    y: Num[ndarray, "n"] | Num[ndarray, "n 1"],
) -> Float[ndarray, "n"]:
    """The squared loss of each of the n predictions: half of its squared error.

    Predictions and labels come as vectors of shape (n,) or as columns of shape (n, 1), and not
    always alike. Prediction i belongs to label i. The result is always a vector of shape (n,).
    """
    error = y_hat.ravel() - y.ravel()
    return error**2 / 2


@cases(squared_loss)
def visible_squared_loss(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("two vectors", rng.normal(size=5), rng.normal(size=5))
    yield Case("a column of predictions, a vector of labels", rng.normal(size=(3, 1)), rng.normal(size=3))


@cases(squared_loss, hidden=True)
def hidden_squared_loss(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("two vectors", 3 * rng.normal(size=7), rng.normal(size=7))
    yield Case("a column of predictions, a vector of labels", rng.normal(size=(5, 1)), rng.normal(size=5))
    yield Case("a vector of predictions, a column of labels", rng.normal(size=11), rng.normal(size=(11, 1)))
    yield Case("two columns", rng.normal(size=(3, 1)), rng.normal(size=(3, 1)))
    yield Case("one prediction", rng.normal(size=1), rng.normal(size=(1, 1)))


@mistakes(
    squared_loss,
    broadcast="One of the two is a column (n, 1), the other a vector (n,), and NumPy broadcasts their difference to a table (n, n): every prediction minus every label. Bring both to one shape before you subtract.",
    broadcast_flattened="You return n² losses: a column (n, 1) minus a vector (n,) is a table (n, n), every prediction minus every label, and flattening comes too late. Bring both to one shape before you subtract.",
    broadcast_averaged="Each of your losses is an average over all labels: a column (n, 1) minus a vector (n,) is a table (n, n), every prediction minus every label. Bring both to one shape before you subtract.",
    shape_of_the_predictions="Your result has the shape of the predictions, so it is a column whenever they are. It is always a vector of shape (n,).",
    always_a_column="Your result is a column of shape (n, 1). It is always a vector of shape (n,).",
    no_half="The factor ½ is missing. Many books define the loss without it; here it is there, so that the derivative is the error itself.",
    quarter="You return a quarter of the squared error. Halve once, and after squaring: (e/2)² is e²/4.",
    not_squared="You return the error itself, which is the derivative of the loss. The loss is half of its square.",
    halved_only="You halve the error without squaring it.",
    absolute="You return the absolute error. That is another loss (L1); this one is half of the square.",
    difference_of_squares="You subtract the squares. Square the difference.",
    sum_squared="You add prediction and label. The error is their difference.",
    mean="You return the mean over all examples. One loss for each example is wanted here.",
    total="You return the sum over all examples. One loss for each example is wanted here.",
    divided_by_n="You divide each loss by n. That is for the mean over all examples; one loss alone does not know how many others there are.",
    whole_numbers="`//` cuts the fractions off. Divide by 2 with `/`.",
    float32_buffer="You compute in float32: float64 values lose half of their digits.",
)
def squared_loss_with(made: Made, y_hat: ndarray, y: ndarray) -> Any:
    n = y.size
    if made.shape_of_the_predictions:
        y = y.reshape(y_hat.shape)
    elif not (made.broadcast or made.broadcast_flattened or made.broadcast_averaged):
        y_hat, y = y_hat.reshape(-1), y.reshape(-1)
    error = y_hat + y if made.sum_squared else y_hat - y
    loss = (
        error if made.not_squared
        else error / 2 if made.halved_only
        else np.abs(error) * 1.0 if made.absolute
        else (y_hat**2 - y**2) / 2 if made.difference_of_squares
        else error**2 * 1.0 if made.no_half
        else error**2 / 4 if made.quarter
        else error**2 // 2 if made.whole_numbers
        else error**2 / 2
    )  # fmt: skip
    if made.broadcast_flattened:
        loss = loss.reshape(-1)
    if made.broadcast_averaged and loss.ndim == 2:
        loss = loss.mean(axis=1)
    if made.divided_by_n:
        loss = loss / n
    if made.float32_buffer:
        loss = loss.astype(np.float32)
    if made.mean or made.total:
        return float(loss.mean() if made.mean else loss.sum())
    return loss.reshape(-1, 1) if made.always_a_column else loss


# ---- mse_objective ---------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["2.3"], forbid=["sklearn.metrics.mean_squared_error"])
def mse_objective(X: Num[ndarray, "n d"], y: Num[ndarray, "n"], w: Num[ndarray, "d"], b: float) -> float:
    """The training loss of a linear model: the sum of all squared errors, divided by 2n."""
    error = X @ w + b - y
    return float(error @ error / (2 * len(y)))


@cases(mse_objective)
def visible_mse_objective(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("5 examples, 3 features", rng.normal(size=(5, 3)), rng.normal(size=5), rng.normal(size=3), 1.5)
    yield Case("1 example, 2 features", rng.normal(size=(1, 2)), rng.normal(size=1), rng.normal(size=2), -2.0)


@cases(mse_objective, hidden=True)
def hidden_mse_objective(rng: np.random.Generator) -> Iterator[Case]:
    for name, n, d in [("7 examples", 7, 2), ("more features than examples", 3, 11), ("one example", 1, 5), ("as many of both", 5, 5)]:
        yield Case(name, rng.normal(size=(n, d)), rng.normal(size=n), rng.normal(size=d), number(rng))


@mistakes(
    mse_objective,
    no_half="You divide by n. That is the mean squared error of many books; here it is 2n, the mean of the losses with their ½.",
    halved_twice="You divide by 4n, as if half the squared error were halved again. The ½ is there once.",
    total="You add up the losses. Divide by n as well.",
    plain_total="You add up the squared errors. Divide by 2n.",
    precedence="`/ 2 * n` divides by 2 and multiplies by n: in Python / and * have equal rank and go from left to right. Put 2 * n into parentheses.",
    divided_by_features="You divide by the number of features. Divide by the number of examples, the rows of X.",
    n_minus_one="You divide by n - 1 in place of n. That is for estimating a variance; the training loss is a plain mean.",
    absolute="You add up absolute errors. They are squared.",
    length="You take the length of the vector of errors, a root. The loss has its square.",
    square_of_the_mean="You average the errors first and square then, so that positive and negative ones cancel. Square each one first.",
    root="You return a root (as in RMSE). The training loss is the mean itself.",
    no_bias="The bias b is missing in the predictions.",
    bias_added_to_labels="You subtract the bias from the predictions (or add it to the labels). The error is Xw + b - y.",
    broadcast="You subtract the labels from a column of predictions (or the other way round): n×n differences, every prediction with every label. Bring both to the shape (n,).",
    per_example="You return one loss for each example. The training loss is a single number, their mean.",
    errors_added="You add labels to predictions. The error is their difference.",
)
def mse_objective_with(made: Made, X: ndarray, y: ndarray, w: ndarray, b: float) -> Any:
    n, d = X.shape
    y_hat = X @ w + (0 if made.no_bias else -b if made.bias_added_to_labels else b)
    error = y_hat + y if made.errors_added else y_hat - y
    if made.broadcast:
        error = (y_hat[:, None] - y).ravel()
    if made.per_example:
        return error**2 / 2
    total = np.abs(error).sum() if made.absolute else np.sqrt((error**2).sum()) if made.length else (error**2).sum()
    if made.square_of_the_mean:
        total = n * error.mean() ** 2
    if made.total or made.plain_total:
        return float(total / (2 if made.total else 1))
    if made.precedence:
        return float(total / 2 * n)
    count = d if made.divided_by_features else n - 1 if made.n_minus_one else n
    if made.broadcast:
        count = n * n
    loss = np.float64(total) / (count if made.no_half else 4 * count if made.halved_twice else 2 * count)
    return float(np.sqrt(loss) if made.root else loss)


# ---- augment ---------------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["2.4"], forbid=["sklearn.preprocessing.add_dummy_feature"])
def augment(X: Float[ndarray, "n d"], w: Float[ndarray, "d"], b: float) -> tuple[Float[ndarray, "n d+1"], Float[ndarray, "d+1"]]:
    """A matrix A and a vector v with A v = X w + b: the bias as one more weight.

    A is X with one more feature at the end, which is 1 in every example. v is w with the bias at
    the end.
    """
    ones = np.ones((len(X), 1), X.dtype)
    return np.concatenate([X, ones], axis=1), np.append(w, np.asarray(b, w.dtype))


@cases(augment)
def visible_augment(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("2 examples, 3 features", rng.normal(size=(2, 3)), rng.normal(size=3), 1.5)


@cases(augment, hidden=True)
def hidden_augment(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("more features than examples", rng.normal(size=(3, 7)), rng.normal(size=7), number(rng))
    yield Case("more examples than features", rng.normal(size=(11, 2)), rng.normal(size=2), number(rng))
    yield Case("as many examples as features", rng.normal(size=(5, 5)), rng.normal(size=5), number(rng))
    yield Case("one example", rng.normal(size=(1, 3)), rng.normal(size=3), number(rng))


@mistakes(
    augment,
    row="You add a row of ones. That would be one more example; what every example needs is one more feature, so a column.",
    ones_first="You put the ones and the bias first. Many books do, and A v is the same; here they stand at the end.",
    ones_first_only="Your ones are the first feature, your bias is the last weight. They must stand at the same place, the last one.",
    bias_first_only="Your bias is the first weight, your ones are the last feature. They must stand at the same place, the last one.",
    bias_column="You add a column that holds the bias. The column holds ones, and the bias is their weight.",
    one_weight="You append 1 to the weights. The ones belong to the features; what joins the weights is the bias.",
    zeros="Your new feature is 0, so its weight, the bias, counts for nothing. It is 1.",
    last_feature_lost="You write the ones over the last feature. Append them: A has d + 1 columns.",
    ones_added="You add 1 to every number of X. The ones form a feature of their own.",
    row_and_column="You add a row too. A has as many rows as X.",
    flattened="`np.append` without an axis flattens the matrix. Name the axis: 1, the features.",
    weights_as_column="Your v is a column of shape (d + 1, 1). It is a vector of shape (d + 1,).",
    bias_left_out="Your v is w as it was. The bias stands at its end.",
    swapped="You return (v, A). The matrix comes first.",
    float32_buffer="You make the result in float32: float64 values lose half of their digits.",
)
def augment_with(made: Made, X: ndarray, w: ndarray, b: float) -> Any:
    n, d = X.shape
    value = 0.0 if made.zeros else b if made.bias_column else 1.0
    column = np.full((n, 1), value, X.dtype)
    A = np.hstack([column, X] if made.ones_first or made.ones_first_only else [X, column])
    if made.row:
        A = np.vstack([X, np.ones((1, d), X.dtype)])
    if made.last_feature_lost:
        A = np.hstack([X[:, :-1], column])
    if made.ones_added:
        A = X + 1
    if made.row_and_column:
        A = np.vstack([A, np.ones((1, d + 1), X.dtype)])
    if made.flattened:
        A = np.append(X, column)
    last = np.array([1.0 if made.one_weight else b], w.dtype)
    v = np.concatenate([last, w] if made.ones_first or made.bias_first_only else [w, last])
    if made.bias_left_out:
        v = 1.0 * w
    if made.weights_as_column:
        v = v[:, None]
    if made.float32_buffer:
        A, v = A.astype(np.float32), v.astype(np.float32)
    return (v, A) if made.swapped else (A, v)


# ---- right_gradients -------------------------------------------------------------------------------------------------

Claims = dict[str, ndarray]


@exercise(points=2, rows=["2.4"], without=["float32", "same array"])  # differences of near numbers have few digits left in float32
def right_gradients(X: Float[ndarray, "n d"], y: Float[ndarray, "n"], w: Float[ndarray, "d"], claims: dict[str, Float[ndarray, "d"]]) -> list[str]:
    """The names of the claims that are right, in alphabetical order.

    Each claim says what the gradient with respect to w of the training loss |y - Xw|² / (2n) is,
    at this w. A right claim agrees with the slopes of the loss in all its digits but the last few.
    A wrong one differs by 1% or more in at least one entry. It may be that none is right.
    """

    def loss(w: ndarray) -> float:
        return float(((y - X @ w) ** 2).mean() / 2)

    steps = 1e-5 * np.eye(len(w))
    slopes = [(loss(w + step) - loss(w - step)) / 2e-5 for step in steps]
    return sorted(name for name, claim in claims.items() if np.allclose(claim, slopes, rtol=1e-4, atol=1e-6))


WRONG = ["minus", "double", "sum", "unit", "at zero", "rolled", "one sign", "one entry", "nearly"]


def claimed(rng: np.random.Generator, n: int, d: int, right: int, wrong: list[str]) -> tuple[ndarray, ndarray, ndarray, Claims]:
    """A problem whose gradient has no small entries and no two alike, and claims under random names in random order."""
    last, first = np.eye(d)[-1], np.eye(d)[0]
    while True:
        X, y, w = rng.normal(size=(n, d)), 2 * rng.normal(size=n), rng.normal(size=d)
        g, at_zero = X.T @ (X @ w - y) / n, -X.T @ y / n
        claims = {
            "minus": -g,
            "double": 2 * g,
            "sum": n * g,
            "unit": g / np.linalg.norm(g),
            "at zero": at_zero,
            "rolled": np.roll(g, 1),
            "one sign": g * (1 - 2 * first),
            "one entry": g + 0.7 * last,
            "nearly": g * (1 + 0.02 * last),
        }
        clearly_wrong = all((np.abs(claim / g - 1)).max() > 0.015 for claim in claims.values())
        if clearly_wrong and np.abs([*g, *at_zero]).min() > 0.1 and np.diff(np.sort(np.abs(g))).min() > 0.1:
            break
    chosen = [g] * right + [claims[name] for name in wrong]
    names = rng.permutation(list("ABCDEFGHJKLMNPQRSTUVWXYZ"))[: len(chosen)].tolist()
    order = rng.permutation(len(chosen)).tolist()
    while right > 1 and [names[k] for k in order if k < right] == sorted(names[:right]):
        order = rng.permutation(len(chosen)).tolist()
    return X, y, w, {names[k]: chosen[k].copy() for k in order}


equivalent(
    right_gradients,
    {
        "return sorted((name for name, claim in claims.items() if np.allclose(claim, slopes, atol=1e-06)))": "Right claims agree in nearly all digits and wrong ones differ by 1%; both tolerances tell them apart.",
        "return sorted((name for name, claim in claims.items() if np.allclose(claim, slopes, rtol=0.0001)))": "Right claims agree in nearly all digits and wrong ones differ by 1%; both tolerances tell them apart.",
    },
)


@cases(right_gradients)
def visible_right_gradients(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("one of three is right", *claimed(rng, 5, 2, 1, ["minus", "double"]))
    yield Case("two of six are right", *claimed(rng, 7, 3, 2, ["minus", "rolled", "one entry", "nearly"]))
    yield Case("none is right", *claimed(rng, 5, 3, 0, ["sum", "one sign"]))


@cases(right_gradients, hidden=True)
def hidden_right_gradients(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("many wrong, two right", *claimed(rng, 11, 3, 2, WRONG))
    yield Case("many wrong, three right", *claimed(rng, 5, 2, 3, WRONG))
    yield Case("more weights than examples", *claimed(rng, 3, 5, 1, rng.permutation(WRONG)[:5].tolist()))
    yield Case("none is right", *claimed(rng, 7, 3, 0, WRONG))


@mistakes(
    right_gradients,
    wrong_ones="You return the names of the wrong claims. The right ones are asked for.",
    minus_taken="The claims that you take for right are the negative gradient: it points where the loss falls. The gradient points where it rises; check the order of your difference, f(w + step) - f(w - step).",
    signs_ignored="You compare without signs, and accept gradients that point the wrong way.",
    loss_without_half="You measure the slopes of |y - Xw|² / n. With the factor ½ they are half as large.",
    summed_loss="You measure the slopes of the sum of the losses. The training loss is their mean: divide by n.",
    direction_only="You compare directions only. A gradient has a length too.",
    lengths_only="You compare lengths only. Compare entry by entry.",
    sums_only="You compare the sum of all entries, as when all weights move together. Move one weight at a time, and compare entry by entry.",
    first_entry_only="You compare the first entry only. All must agree.",
    last_entry_only="You compare the last entry only. All must agree.",
    any_entry="You accept a claim of which some entry is right. All must be right.",
    at_zero="You measure the slopes at w = 0. Measure them at the w that you are given.",
    exactly_equal="You accept no claim at all, as when numbers are compared with ==. Differences carry small errors of rounding: allow for them, as with `np.allclose`.",
    too_tolerant="You accept claims that are off by a few percent. A right one agrees in nearly all of its digits.",
    unsorted="The right names, in the order of the dict. They are asked for in alphabetical order.",
    one_name="You return one name only. All right claims are asked for, as a list.",
    as_dict="You return True or False for each claim. Return a list of the names.",
)
def right_gradients_with(made: Made, X: ndarray, y: ndarray, w: ndarray, claims: Claims) -> Any:
    n = len(y)
    g = X.T @ (X @ (0 * w if made.at_zero else w) - y) / n
    if made.minus_taken:
        g = -g
    if made.loss_without_half or made.summed_loss:
        g = g * (2 if made.loss_without_half else n)

    def accepted(claim: ndarray) -> bool:
        if made.exactly_equal:
            return False
        if made.signs_ignored:
            return np.allclose(np.abs(claim), np.abs(g))
        if made.direction_only:
            return np.allclose(claim / np.linalg.norm(claim), g / np.linalg.norm(g))
        if made.lengths_only:
            return np.allclose(np.linalg.norm(claim), np.linalg.norm(g))
        if made.sums_only:
            return np.allclose(claim.sum(), g.sum())
        if made.first_entry_only or made.last_entry_only:
            return np.allclose(*(x[0 if made.first_entry_only else -1] for x in (claim, g)))
        if made.any_entry:
            return bool(np.isclose(claim, g).any())
        return np.allclose(claim, g, rtol=0.05 if made.too_tolerant else 1e-5)

    right = {name: bool(accepted(claim)) for name, claim in claims.items()}
    if made.as_dict:
        return right
    names = [name for name in claims if right[name] != made.wrong_ones]
    if made.one_name:
        return sorted(names)[:1]
    return names if made.unsorted else sorted(names)


# ---- mse_gradient ----------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["2.4"])
def mse_gradient(X: Num[ndarray, "n d"], y: Num[ndarray, "n"], w: Num[ndarray, "d"]) -> Float[ndarray, "d"]:
    """The gradient, with respect to w, of the training loss |y - Xw|² / (2n), as a vector of shape (d,).

    There is no bias: X may have a column of ones.
    """
    return X.T @ (X @ w - y) / len(y)


@cases(mse_gradient)
def visible_mse_gradient(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("5 examples, 3 features", rng.normal(size=(5, 3)), rng.normal(size=5), rng.normal(size=3))
    yield Case("3 examples, 3 features", rng.normal(size=(3, 3)), rng.normal(size=3), rng.normal(size=3))


@cases(mse_gradient, hidden=True)
def hidden_mse_gradient(rng: np.random.Generator) -> Iterator[Case]:
    sizes = [("7 examples", 7, 2), ("more features than examples", 3, 11), ("as many of both", 5, 5), ("one example", 1, 3), ("one feature", 5, 1)]
    for name, n, d in sizes:
        yield Case(name, rng.normal(size=(n, d)), rng.normal(size=n), rng.normal(size=d))


@mistakes(
    mse_gradient,
    sign="Your gradient points downhill: it has the wrong sign. The error y - Xw contains w with a minus, and the chain rule brings it out.",
    total="The factor 1/n is missing: that is the gradient of the sum of the losses.",
    no_half="That is the gradient of |y - Xw|² / n. The ½ in the loss cancels the 2 from differentiating the square.",
    halved="You have 1/(2n) in front. Differentiating the square gives a factor 2, which cancels the ½.",
    divided_by_features="You divide by the number of features. Divide by the number of examples, the rows of X.",
    divided_by_all="You average over examples and features. Each weight has an entry of its own; average over the examples only.",
    not_transposed="You multiply the errors by X where its transpose is due: sum over the examples, the rows of X.",
    with_respect_to_predictions="You return the derivative with respect to the predictions, one number per example. The chain rule goes on to the weights: multiply by the features.",
    per_example="You return the gradient of each example, in a table. Average over the examples.",
    labels_forgotten="The labels are missing: the error is Xw - y.",
    predictions_forgotten="Your gradient does not depend on w: that is the gradient at w = 0. The error is Xw - y.",
    absolute_errors="You take the absolute value of the errors. Their signs say whether a weight should grow or shrink.",
    signs_only="You use only the sign of the errors. That is the gradient of the absolute error; here errors are squared.",
    row="You return a row of shape (1, d). A vector of shape (d,) is asked for.",
    column="You return a column of shape (d, 1). A vector of shape (d,) is asked for.",
    new_weights="You subtract the gradient from w. Only the gradient is asked for.",
    integer_buffer="You write the gradient into an array that takes the dtype of w. If w holds integers, the fractions are cut off.",
)
def mse_gradient_with(made: Made, X: ndarray, y: ndarray, w: ndarray) -> Any:
    n, d = X.shape
    error = X @ w if made.labels_forgotten else -y if made.predictions_forgotten else X @ w - y
    error = np.abs(error) if made.absolute_errors else np.sign(error) if made.signs_only else -error if made.sign else error
    if made.with_respect_to_predictions:
        return error / n
    if made.per_example:
        return 1.0 * X * error[:, None]
    total = X @ error if made.not_transposed else X.T @ error
    count = 1 if made.total else n / 2 if made.no_half else 2 * n if made.halved else d if made.divided_by_features else n
    g = total / (n * d if made.divided_by_all else count)
    if made.integer_buffer:
        g = g.astype(w.dtype)
    if made.new_weights:
        g = w - g
    return g[None] if made.row else g[:, None] if made.column else g


# ---- normal_eq -------------------------------------------------------------------------------------------------------


@exercise(
    points=3,
    rows=["2.4"],
    shares={"many solutions": 0.2},
    tolerance=3.0,  # solving the normal equations squares the condition number
    forbid=["sklearn.linear_model.LinearRegression", "sklearn.linear_model.Ridge", "scipy.stats.linregress", "numpy.polyfit"],
)
def normal_eq(X: Float[ndarray, "n d"], y: Float[ndarray, "n"]) -> tuple[Float[ndarray, "d"], float]:
    """The weights w and the bias b, as (w, b), that make |y - Xw - b|² as small as possible.

    If more than one pair does, for example because there are fewer examples than weights, return the
    one for which b² plus the sum of all w² is smallest.
    """
    ones = np.ones((len(X), 1), X.dtype)
    solution = np.linalg.lstsq(np.concatenate([X, ones], axis=1), y)[0]
    return solution[:-1], float(solution[-1])


def scattered(rng: np.random.Generator, n: int, d: int) -> tuple[ndarray, ndarray]:
    """Features and labels whose means are far from 0, with noise."""
    X = rng.normal(size=(n, d)) + rng.uniform(0.5, 1.5, size=d)
    return X, X @ rng.normal(size=d) + number(rng) + 0.5 * rng.normal(size=n)


@cases(normal_eq)
def visible_normal_eq(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("11 examples, 2 features", *scattered(rng, 11, 2))
    fewer = (
        "With fewer examples than weights there are many solutions, and XᵀX has no inverse. The shortest one is wanted: `np.linalg.lstsq` returns it."
    )
    yield Case("2 examples, 3 features", rng.normal(size=(2, 3)), rng.normal(size=2), group="many solutions", hint=fewer)


@cases(normal_eq, hidden=True)
def hidden_normal_eq(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("31 examples, 3 features", *scattered(rng, 31, 3))
    yield Case("17 examples, 5 features", *scattered(rng, 17, 5))
    yield Case("one feature", *scattered(rng, 13, 1))
    fewer = (
        "With fewer examples than weights there are many solutions, and XᵀX has no inverse. The shortest one is wanted: `np.linalg.lstsq` returns it."
    )
    yield Case("fewer examples than weights", rng.normal(size=(3, 5)), rng.normal(size=3), group="many solutions", hint=fewer)
    X = rng.integers(-3, 4, size=(11, 2)).astype(float)
    twice = "When one feature is a multiple of another there are many solutions, and XᵀX has no inverse. The shortest one is wanted: `np.linalg.lstsq` returns it."
    yield Case("a feature that is there twice", np.c_[X, X[:, 0]], rng.normal(size=11), group="many solutions", hint=twice)


@mistakes(
    normal_eq,
    no_bias="Your bias is 0: the plane is forced through the origin. Append a column of ones.",
    centred_without_bias="You subtract the means, which gives the right weights, and then return the mean of y as the bias. Back in the features as they were, the bias is mean(y) - mean(X) w.",
    only_labels_centred="You subtract the mean of y but not those of X, and fit without a bias. Append a column of ones, or centre both.",
    ones_first="Your column of ones is the first, and you read the last weight as the bias.",
    swapped="You return (b, w). Weights first.",
    in_one_vector="You return one vector. Split it: weights, and the bias as a number.",
    bias_as_array="Your bias is an array with one entry. Return a number.",
    weights_as_column="Your weights form a column of shape (d, 1). A vector of shape (d,) is asked for.",
    ridge="You add something to the diagonal of XᵀX. That makes it invertible, and pulls all weights, the bias too, away from the best ones (ridge regression). `np.linalg.lstsq` needs no such help.",
    sign="Both have the wrong sign. Setting the gradient to zero gives XᵀX w = Xᵀy: if a minus stands on one side only, it was lost on the other.",
    divided_by_n="You divide the solution by n. The factor 1/n stands on both sides of the equation and cancels.",
    not_inverted="You return Xᵀy / n: the matrix XᵀX is not the identity, and has to be divided out.",
    square_part_only="You solve for the first d + 1 examples only. With more examples than weights no solution fits all of them: look for the smallest sum of squares.",
    one_by_one="You fit each feature by itself. Features share the work: solve for all weights together.",
    standardised="Your weights belong to standardised features. Return those for the features as they came.",
    singular="Where there is more than one solution, XᵀX has no inverse, and what `inv` or `solve` return is an accident or an error. The shortest solution is wanted: `np.linalg.lstsq` returns it.",
    bias_free="Of many solutions you return the one with the shortest w, whatever the bias, as when the means are subtracted first. Here the bias counts like any weight: the sum of all w² and b² is smallest.",
)
def normal_eq_with(made: Made, X: ndarray, y: ndarray) -> Any:
    n, d = X.shape
    X_mean, y_mean = X.mean(0), y.mean()
    centred = np.linalg.lstsq(X - X_mean, y - y_mean, rcond=None)[0]
    if made.centred_without_bias or made.bias_free:
        return centred, float(y_mean - (0 if made.centred_without_bias else X_mean @ centred))
    if made.no_bias or made.only_labels_centred:
        return np.linalg.lstsq(X, y - (0 if made.no_bias else y_mean), rcond=None)[0], float(0 if made.no_bias else y_mean)
    if made.one_by_one:
        w = ((X - X_mean) * (y - y_mean)[:, None]).sum(0) / ((X - X_mean) ** 2).sum(0)
        return w, float(y_mean - X_mean @ w)
    column = np.ones((n, 1), X.dtype)
    A = np.hstack([column, X] if made.ones_first else [X, column])
    if made.singular:
        solution = np.linalg.solve(A.T @ A, A.T @ y) if np.linalg.matrix_rank(A) == d + 1 else np.full(d + 1, np.nan)
    elif made.ridge:
        solution = np.linalg.solve(A.T @ A + 0.01 * np.eye(d + 1, dtype=X.dtype), A.T @ y)
    elif made.square_part_only:
        solution = np.linalg.lstsq(A[: d + 1], y[: d + 1], rcond=None)[0]
    elif made.not_inverted:
        solution = A.T @ y / n
    else:
        solution = np.linalg.lstsq(A, y, rcond=None)[0]
    solution = -solution if made.sign else solution / n if made.divided_by_n else solution
    if made.in_one_vector:
        return solution
    w, b = solution[:-1], float(solution[-1])
    if made.standardised:
        w, b = w * X.std(0), float(y_mean)
    if made.weights_as_column:
        w = w[:, None]
    if made.bias_as_array:
        return w, np.array([b], X.dtype)
    return (b, w) if made.swapped else (w, b)
