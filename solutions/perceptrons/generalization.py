"""Generalization: what a model does on data that it has not seen, and how to measure it honestly."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Num
from numpy import ndarray

from autograder.exercise import Case, Made, cases, exercise, mistakes, probe, verify

Predict = Callable[[ndarray], ndarray]

# ---- split_indices ---------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["3.6"], forbid=["sklearn.model_selection.train_test_split", "sklearn.model_selection.ShuffleSplit"])
def split_indices(n: int, ratios: Sequence[int], rng: np.random.Generator) -> list[Int[ndarray, "size"]]:
    """Deal the indices 0 to n - 1 into as many parts as there are ratios, at random.

    Every index lies in exactly one part. With ratios (8, 1, 1) the first part holds 8/10 of the
    n indices, rounded down, and so on; the last part takes all that is left. All randomness
    comes from `rng`, so that the same state of `rng` gives the same parts.
    """
    sizes = [n * ratio // sum(ratios) for ratio in ratios[:-1]]
    return np.split(rng.permutation(n), np.cumsum(sizes))


@probe(split_indices)
def how_often_in_each_part(answer, n, ratios, seed):  # type: ignore[no-untyped-def]
    """How often each index lies in each part: twice with one seed, and once with another."""
    import numpy as np

    def counted(part):  # type: ignore[no-untyped-def]
        part = np.asarray(part)
        if part.ndim != 1 or (part.size and part.dtype.kind not in "iu"):
            raise TypeError("each part is an array of indices with one axis")
        if part.size and not (part.min() >= 0 and part.max() < n):
            raise ValueError("there is an index outside of 0 to n - 1")
        return np.bincount(part.astype(np.int64), minlength=n)

    def parts(seed):  # type: ignore[no-untyped-def]
        return np.array([counted(part) for part in answer(n, ratios, np.random.default_rng(seed))])  # type: ignore[no-untyped-call]

    return {"parts": parts(seed), "again": parts(seed), "another seed": parts(seed + 1)}  # type: ignore[no-untyped-call]


def any_seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))


@cases(split_indices)
def visible_split_indices(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("29 indices, 3 : 1 : 1", 29, (3, 1, 1), 7)
    yield Case("41 indices, 1 : 2 : 4", 41, (1, 2, 4), 11)


@cases(split_indices, hidden=True)
def hidden_split_indices(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("37 indices, 5 : 2 : 3", 37, (5, 2, 3), any_seed(rng))
    yield Case("43 indices, 1 : 3", 43, (1, 3), any_seed(rng))
    yield Case("53 indices in four parts", 53, (4, 1, 3, 2), any_seed(rng))
    yield Case("40 indices, nothing to round", 40, (2, 1, 1), any_seed(rng))


@verify(split_indices, unique=False)
def every_index_in_one_part(answer, n, ratios, seed):  # type: ignore[no-untyped-def]
    parts = answer["parts"]
    if (parts.sum(axis=0) > 1).any():
        return "Some index lies in your parts twice. What a model was trained on must not be used to judge it: every index belongs to one part."
    if (parts.sum(axis=0) < 1).any():
        return "Some index lies in none of your parts. The last part takes all that the others leave."
    sizes = [n * ratio // sum(ratios) for ratio in ratios[:-1]]
    if parts.sum(axis=1).tolist() != [*sizes, n - sum(sizes)]:
        return "The sizes of your parts are not the ones asked for: ratio / sum of the ratios times n, rounded down, and the rest for the last part."
    if (answer["again"] != parts).any():
        return "Asked twice with rng in the same state, you give two splits. Draw from the rng that you are given, and from nothing else."
    if parts.argmax(axis=0).tolist() == sorted(parts.argmax(axis=0).tolist()):
        return "Your parts are not shuffled: the first one holds the first indices. Data often comes sorted; shuffle all the indices before you cut."
    if (answer["another seed"] == parts).all():
        return "Your split is the same for every seed. Draw from the rng that you are given, not from a generator of your own."
    return None


@mistakes(
    split_indices,
    not_shuffled="Your parts are not shuffled: the first one holds the first indices. Data often comes sorted; shuffle all the indices before you cut.",
    with_replacement="You draw indices with replacement, so some lie in several parts and others in none. Shuffle the indices and cut: each one is then dealt once.",
    drawn_anew="You draw every part anew from all the indices, so the parts overlap. Shuffle once, then cut.",
    ratios_as_counts="You take the ratios for sizes. Each part holds its ratio, divided by the sum of all ratios, times n.",
    rest_dropped="You round the last part down as well, and some indices lie in no part. The last part takes all that is left.",
    rest_to_the_first="The rest goes to your first part. It belongs to the last one.",
    rounded_to_nearest="You round sizes to the nearest whole number. Here they are rounded down, and the last part takes the rest.",
    rounded_up="You round sizes up. Here they are rounded down, and the last part takes the rest.",
    equal_parts="Your parts are all about equally large. Their sizes follow the ratios.",
    ratios_reversed="Your sizes come in reversed order: the first ratio belongs to the first part.",
    one_in_two_parts="Where one part ends and the next begins, an index lies in both. A slice a:b ends before b, and the next one begins at b.",
    one_left_out="Where one part ends and the next begins, an index is left out. A slice a:b ends before b, and the next one begins at b.",
    by_lot="You draw a part for each index on its own, so the sizes are right on average only. Shuffle the indices and cut them at fixed places.",
    own_generator="You make a generator with a seed of your own, so every split is the same. Draw from the rng that you are given.",
    from_one="Your indices run from 1 to n. In Python they run from 0 to n - 1.",
)
def split_indices_with(made: Made, n: int, ratios: Sequence[int], rng: np.random.Generator) -> Any:
    if made.own_generator:
        rng = np.random.default_rng(0)
    if made.by_lot:
        lots = rng.choice(len(ratios), size=n, p=np.array(ratios) / sum(ratios))
        return [np.flatnonzero(lots == k) for k in range(len(ratios))]
    order = np.arange(n) if made.not_shuffled else rng.integers(n, size=n) if made.with_replacement else rng.permutation(n)
    order = order + 1 if made.from_one else order
    if made.equal_parts:
        return np.array_split(order, len(ratios))
    shares = [n * ratio / sum(ratios) for ratio in (ratios[::-1] if made.ratios_reversed else ratios)]
    whole = np.rint if made.rounded_to_nearest else np.ceil if made.rounded_up else np.floor
    sizes = [int(whole(round(share, 9))) for share in shares]
    if made.ratios_as_counts:
        sizes = list(ratios)
    elif made.rest_to_the_first:
        sizes[0] = n - sum(sizes[1:])
    elif not made.rest_dropped:
        sizes[-1] = n - sum(sizes[:-1])
    ends = np.cumsum(sizes).tolist()
    starts = [0, *ends[:-1]]
    if made.drawn_anew:
        return [rng.permutation(n)[:size] for size in sizes]
    shift = -1 if made.one_in_two_parts else 1 if made.one_left_out else 0
    return [order[start + shift * (start > 0) : end] for start, end in zip(starts, ends, strict=True)]


# ---- scale_features --------------------------------------------------------------------------------------------------


@exercise(
    points=2,
    rows=["3.6"],
    shares={"constant columns": 0.2},
    forbid=["sklearn.preprocessing.StandardScaler", "sklearn.preprocessing.scale", "scipy.stats.zscore", "scipy.stats.zmap"],
)
def scale_features(
    train: Float[ndarray, "n features"], other: Float[ndarray, "m features"]
) -> tuple[Float[ndarray, "n features"], Float[ndarray, "m features"]]:
    """Both arrays, scaled as an honest pipeline does: column by column, with what train alone says.

    From every column, in both arrays, subtract the mean of train's column and divide by train's
    standard deviation (the square root of the mean squared deviation, NumPy's default). A
    column that is constant in train is only shifted, not divided.
    """
    mean, std = train.mean(axis=0), train.std(axis=0)
    std[std == 0] = 1
    return (train - mean) / std, (other - mean) / std


def two_samples(rng: np.random.Generator, n: int, m: int, features: int) -> tuple[ndarray, ndarray]:
    """Columns of different sizes, and a second sample that lies elsewhere."""
    middle, spread = 3 * rng.normal(size=features), rng.uniform(0.5, 4, size=features)
    return middle + spread * rng.normal(size=(n, features)), middle + spread * (1 + 1.5 * rng.normal(size=(m, features)))


@cases(scale_features)
def visible_scale_features(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("7 and 5 rows of 3 features", *two_samples(rng, 7, 5, 3))
    train, other = two_samples(rng, 5, 3, 2)
    train[:, 1] = 4.0
    hint = "A column that is constant in train has the standard deviation 0. Only shift it: divide by 1."
    yield Case("a constant column", train, other, group="constant columns", hint=hint)


@cases(scale_features, hidden=True)
def hidden_scale_features(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("more rows in other", *two_samples(rng, 5, 11, 2))
    yield Case("13 and 7 rows of 5 features", *two_samples(rng, 13, 7, 5))
    yield Case("as many rows as features", *two_samples(rng, 5, 5, 5))
    yield Case("one row in other", *two_samples(rng, 7, 1, 3))
    train, other = two_samples(rng, 7, 5, 3)
    train[:, 0] = -2.0
    hint = "A column that is constant in train has the standard deviation 0. Only shift it: divide by 1."
    yield Case("a constant column", train, other, group="constant columns", hint=hint)


@mistakes(
    scale_features,
    everything="You take mean and standard deviation over both arrays together. That is a leak: what train looks like afterwards depends on data that it must not know. Use train's numbers alone.",
    each_its_own="You scale other with its own mean and standard deviation. The same value would then mean one thing in train and another in other; both are scaled with train's numbers.",
    others_numbers="You scale both arrays with other's mean and standard deviation. Use train's: other stands for data that nobody has seen yet.",
    leaking_std="Your standard deviation is taken over both arrays. That is a leak: it comes from train alone.",
    leaking_mean="Your mean is taken over both arrays. That is a leak: it comes from train alone.",
    own_mean="You shift other by its own mean. Both arrays are shifted by train's mean.",
    sample_std="You divide by n - 1 in the standard deviation. That is the other convention, the unbiased one; here it is the mean squared deviation, as np.std has it.",
    variance="You divide by the variance. Divide by its square root, the standard deviation.",
    not_divided="You subtract the mean and stop. Divide by the standard deviation too.",
    not_shifted="You divide without subtracting the mean first.",
    other_untouched="You return other as it came. A model that was trained on scaled features needs them scaled in the same way.",
    by_rows="Your mean and standard deviation are taken along the rows. A feature is a column: go down the axis 0.",
    one_number_for_all="You use one mean and one standard deviation for the whole array. Every column has its own.",
    min_max="You map each column of train to the range from 0 to 1. That is another scaling; here it is mean and standard deviation.",
    swapped="You return the two arrays in the wrong order: train first.",
    constant_nan="You divide by a standard deviation of 0. A column that is constant in train is only shifted.",
    constant_zero="You set a column that is constant in train to 0 everywhere. It may vary in other: shift it by train's mean.",
)
def scale_features_with(made: Made, train: ndarray, other: ndarray) -> Any:
    both = np.concatenate([train, other])
    axis: Any = None if made.one_number_for_all else 0
    source = both if made.everything else other if made.others_numbers else train
    if made.by_rows:
        return tuple((x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True) for x in (train, other))

    def numbers(source: ndarray) -> tuple[ndarray, ndarray]:
        mean, std = source.mean(axis), source.std(axis, ddof=int(made.sample_std))
        std = std**2 if made.variance else std
        if made.min_max:
            mean, std = source.min(0), np.ptp(source, axis=0)
        if made.not_shifted:
            mean = 0 * mean
        std = np.ones_like(std) if made.not_divided else np.array(std)
        if not made.constant_nan:
            std[std == 0] = np.inf if made.constant_zero else 1
        return mean, std

    mean, std = numbers(source)
    if made.leaking_std:
        std = numbers(both)[1]
    if made.leaking_mean:
        mean = numbers(both)[0]
    others = numbers(other) if made.each_its_own else (numbers(other)[0], std) if made.own_mean else (mean, std)
    first, second = (train - mean) / std, other + 0 if made.other_untouched else (other - others[0]) / others[1]
    return (second, first) if made.swapped else (first, second)


# ---- select_model ----------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["3.6"])
def select_model(
    train_errors: Float[ndarray, "models"], validation_errors: Float[ndarray, "models"], test_errors: Float[ndarray, "models"]
) -> tuple[int, float]:
    """Which of the trained models you hand over, as an index, and the error that you state for it.

    Entry k of each array is the error of model k on that set. Choose the best model on the set
    that is there for choosing, and state its error on the set that no choice has touched. Of
    several best models, the first is chosen.
    """
    chosen = int(validation_errors.argmin())
    return chosen, float(test_errors[chosen])


def errors_of(rng: np.random.Generator, models: int) -> tuple[ndarray, ndarray, ndarray]:
    """Three arrays whose smallest entries lie at different places, under every rule that a student may think of."""
    while True:
        train, validation, test = errors = rng.uniform(0.2, 0.9, size=(3, models))
        rules = [*errors, train + validation, validation + test, errors.sum(0), abs(validation - train), -validation]
        if len({int(rule.argmin()) for rule in rules}) >= min(models, 6) and len({int(e.argmin()) for e in errors}) == 3:
            return train, validation, test


@cases(select_model)
def visible_select_model(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("7 models", *errors_of(rng, 7))
    yield Case("5 models", *errors_of(rng, 5))


@cases(select_model, hidden=True)
def hidden_select_model(rng: np.random.Generator) -> Iterator[Case]:
    for models in (11, 13, 17, 3, 7):
        yield Case(f"{models} models", *errors_of(rng, models))


@mistakes(
    select_model,
    on_test="You choose the model with the smallest test error. Then the test set has taken part in the choice, and its error is too good to be true: choose by the validation error.",
    on_train="You choose the model with the smallest training error. That rewards learning the training data by heart: choose by the validation error.",
    states_validation="You state the validation error. It is the smallest of many, and so partly luck: state the test error of the model that you chose.",
    states_train="You state the training error. The model has seen that data: state its test error.",
    smallest_test="You state the smallest of all test errors. It belongs to another model: state the test error of the one that you chose.",
    mean_test="You state the mean of all test errors. Only one model is handed over: state its own.",
    train_and_validation="You choose by training and validation error together. What a model does on data that it has seen says nothing about new data: choose by the validation error alone.",
    validation_and_test="You choose by validation and test error together. The test set takes no part in the choice.",
    all_three="You choose by all three errors together. Choose by the validation error alone.",
    smallest_gap="You choose the model whose validation error is closest to its training error. A model that is bad everywhere has no gap: what counts is the validation error itself.",
    largest="You choose the largest validation error. Errors are to be small.",
    from_one="Your index counts from 1. In Python the first model has the index 0.",
    swapped="You return the error first. The index comes first, then the error.",
)
def select_model_with(made: Made, train_errors: ndarray, validation_errors: ndarray, test_errors: ndarray) -> Any:
    train, validation, test = train_errors, validation_errors, test_errors
    rule = test if made.on_test else train if made.on_train else train + validation if made.train_and_validation else validation
    rule = validation + test if made.validation_and_test else train + validation + test if made.all_three else rule
    rule = abs(validation - train) if made.smallest_gap else -validation if made.largest else rule
    chosen = int(rule.argmin())
    stated = (validation if made.states_validation else train if made.states_train else test)[chosen]
    stated = float(test.min() if made.smallest_test else test.mean() if made.mean_test else stated)
    chosen += int(made.from_one)
    return (stated, chosen) if made.swapped else (chosen, stated)


# ---- kfold -----------------------------------------------------------------------------------------------------------


@exercise(
    points=2,
    rows=["3.7"],
    forbid=["sklearn.model_selection.KFold", "sklearn.model_selection.ShuffleSplit", "sklearn.model_selection.RepeatedKFold"],
)
def kfold(n: int, k: int, rng: np.random.Generator) -> list[tuple[Int[ndarray, "train"], Int[ndarray, "validation"]]]:
    """The k folds of cross-validation, each a pair of index arrays (train, validation).

    The indices 0 to n - 1 are shuffled once, with `rng`, and dealt into k blocks. Fold i
    validates on block i and trains on all the others. The sizes of the blocks differ by at most
    1, also where k does not divide n. Order within a block, and within train, does not matter.
    """
    blocks = np.array_split(rng.permutation(n), k)
    return [(np.concatenate(blocks[:i] + blocks[i + 1 :]), blocks[i]) for i in range(k)]


@probe(kfold)
def how_often_in_each_fold(answer, n, k, seed):  # type: ignore[no-untyped-def]
    """How often each index lies in each fold's two parts: twice with one seed, and once with another."""
    import numpy as np

    def counted(part):  # type: ignore[no-untyped-def]
        part = np.asarray(part)
        if part.ndim != 1 or (part.size and part.dtype.kind not in "iu"):
            raise TypeError("train and validation are arrays of indices with one axis")
        if part.size and not (part.min() >= 0 and part.max() < n):
            raise ValueError("there is an index outside of 0 to n - 1")
        return np.bincount(part.astype(np.int64), minlength=n)

    def folds(seed):  # type: ignore[no-untyped-def]
        folds = list(answer(n, k, np.random.default_rng(seed)))
        if any(not isinstance(fold, tuple | list) or len(fold) != 2 or np.ndim(fold[0]) != 1 for fold in folds):
            raise TypeError("each fold is a pair of index arrays, (train, validation)")
        return [np.array([counted(fold[part]) for fold in folds]) for part in (0, 1)]  # type: ignore[no-untyped-call]

    train, validation = folds(seed)  # type: ignore[no-untyped-call]
    return {"train": train, "validation": validation, "again": folds(seed)[1], "another seed": folds(seed + 1)[1]}  # type: ignore[no-untyped-call]


@cases(kfold)
def visible_kfold(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("23 indices, 5 folds", 23, 5, 3)
    yield Case("20 indices, 4 folds", 20, 4, 5)


@cases(kfold, hidden=True)
def hidden_kfold(rng: np.random.Generator) -> Iterator[Case]:
    for label, n, k in [
        ("31 indices, 3 folds", 31, 3),
        ("29 indices, 2 folds", 29, 2),
        ("37 indices, 10 folds", 37, 10),
        ("as many folds as indices", 17, 17),
    ]:
        yield Case(label, n, k, any_seed(rng))


@verify(kfold, unique=False)
def each_index_validated_once(answer, n, k, seed):  # type: ignore[no-untyped-def]
    train, validation = answer["train"], answer["validation"]
    if k > 2 and (train.sum(axis=0) == 1).all() and (validation.sum(axis=0) == k - 1).all():
        return "Your pairs are in the wrong order: (train, validation)."
    if (validation.sum(axis=0) != 1).any():
        return "Over all folds, every index is validated exactly once. In yours some index is validated several times or never: shuffle once, before the loop, and deal all n indices."
    sizes = validation.sum(axis=1)
    if sizes.max() - sizes.min() > 1:
        return "Your blocks differ in size by more than 1. Where k does not divide n, let n % k of the blocks hold one index more than the others."
    if ((train > 0) & (validation > 0)).any():
        return "A fold trains on indices that it validates on. Train on the other blocks only."
    if (train + validation != 1).any():
        return "A fold trains on too little, or on an index twice: its training part holds everything outside of its validation block, once."
    if (answer["again"] != validation).any():
        return "Asked twice with rng in the same state, you give other folds. Draw from the rng that you are given, and from nothing else."
    fold_of = validation.argmax(axis=0).tolist()
    if fold_of == sorted(fold_of):
        return "Your blocks are not shuffled: they hold neighbouring indices in order. Shuffle all the indices once, before they are dealt."
    if (answer["another seed"] == validation).all():
        return "Your folds are the same for every seed. Draw from the rng that you are given."
    return None


@mistakes(
    kfold,
    not_shuffled="Your blocks are not shuffled: they hold neighbouring indices in order. Shuffle all the indices once, before they are dealt.",
    dealt_in_turn="You deal every k-th index to a block, without shuffling. Data may come in a pattern: shuffle all the indices once, before they are dealt.",
    shuffled_every_fold="You shuffle again for every fold, so some indices are validated several times and others never. Shuffle once, before the loop.",
    rest_never_validated="Your blocks hold n // k indices each, and the rest is never validated. Where k does not divide n, some blocks hold one more.",
    rest_dropped="You leave the rest out of training and validation. Where k does not divide n, some blocks hold one more.",
    rest_in_the_last="Your last block takes all of the rest. Spread it: sizes differ by at most 1.",
    rounded_up="You round the size of the blocks up, and little or nothing is left for the last ones. Sizes differ by at most 1.",
    trains_on_all="Each fold trains on all the indices, those that it validates on included. Leave its own block out.",
    swapped="Your pairs are in the wrong order: (train, validation).",
    only_earlier_blocks="Each fold trains on the blocks before its own. That is for time series; here it trains on all the other blocks.",
    only_the_next_block="Each fold trains on a single other block. It trains on all the others.",
    one_fold="You return the first fold only. Every block takes its turn: collect all k folds before you return.",
    blocks_only="Each fold is a pair: the indices to train on, and those to validate on. Return a list of k such pairs, not the blocks themselves.",
    own_generator="You make a generator with a seed of your own, so the folds are always the same. Draw from the rng that you are given.",
    one_in_two_blocks="Where one block ends and the next begins, an index lies in both. A slice a:b ends before b, and the next one begins at b.",
    from_one="Your indices run from 1 to n. In Python they run from 0 to n - 1.",
)
def kfold_with(made: Made, n: int, k: int, rng: np.random.Generator) -> Any:
    if made.own_generator:
        rng = np.random.default_rng(0)
    order = np.arange(n) if made.not_shuffled or made.dealt_in_turn else rng.permutation(n)
    order = order + 1 if made.from_one else order
    size = -(-n // k) if made.rounded_up else n // k
    if made.rest_dropped:
        order = order[: size * k]
    fixed = made.rest_never_validated or made.rest_dropped or made.rest_in_the_last or made.rounded_up
    ends = [size * (i + 1) for i in range(k)] if fixed else np.cumsum([n // k + (i < n % k) for i in range(k)]).tolist()
    if made.rest_in_the_last:
        ends[-1] = n
    folds = []
    for i in range(k):
        if made.shuffled_every_fold and i > 0:
            order = rng.permutation(n)
        start = (ends[i - 1] if i else 0) - (1 if made.one_in_two_blocks and i else 0)
        inside = np.zeros(len(order), dtype=bool)
        inside[start : ends[i]] = True
        if made.dealt_in_turn:
            inside = np.arange(n) % k == i
        train = order if made.trains_on_all else order[~inside]
        if made.only_earlier_blocks:
            train = order[:start]
        if made.only_the_next_block:
            j = (i + 1) % k
            train = order[(ends[j - 1] if j else 0) : ends[j]]
        folds.append((order[inside], train) if made.swapped else (train, order[inside]))
    return folds[:1] if made.one_fold else [validation for _, validation in folds] if made.blocks_only else folds


# ---- cv_score --------------------------------------------------------------------------------------------------------


@exercise(
    points=2,
    rows=["3.7"],
    forbid=["sklearn.model_selection.cross_val_score", "sklearn.model_selection.cross_validate", "sklearn.model_selection.cross_val_predict"],
)
def cv_score(
    fit: Callable[[ndarray, ndarray], Predict],
    x: Float[ndarray, "n features"],
    y: Float[ndarray, "n"],
    folds: Sequence[tuple[Int[ndarray, "train"], Int[ndarray, "validation"]]],
) -> float:
    """The cross-validated error of a method: the mean, over the folds, of each fold's validation error.

    `fit(x, y)` trains on the rows it is given and returns a function `predict`; `predict(x)` is
    an array with one number for each row. A fold is a pair of index arrays, (train,
    validation). Its validation error is the mean squared error on its validation rows, after
    training on its training rows.
    """
    errors = []
    for train, validation in folds:
        predict = fit(x[train], y[train])
        errors.append(np.mean((predict(x[validation]) - y[validation]) ** 2))
    return float(np.mean(errors))


@probe(cv_score)
def score_of_ridge_regression(answer, x, y, folds):  # type: ignore[no-untyped-def]
    """`fit` is least squares with a small penalty, in double precision."""
    import numpy as np

    def fit(x, y):  # type: ignore[no-untyped-def]
        x = np.asarray(x, dtype=float)
        w = np.linalg.solve(x.T @ x + 0.3 * np.eye(x.shape[1]), x.T @ np.asarray(y, dtype=float))
        return lambda z: np.asarray(z, dtype=float) @ w

    return answer(fit, x, y, folds)


def regression_with_folds(rng: np.random.Generator, sizes: Sequence[int], features: int) -> tuple[ndarray, ndarray, list[tuple[ndarray, ndarray]]]:
    """Noisy linear data, and folds whose validation parts have the given sizes."""
    n = sum(sizes)
    x = rng.normal(size=(n, features))
    y = x @ rng.normal(size=features) + rng.normal(size=n)
    blocks = np.split(rng.permutation(n), np.cumsum(sizes)[:-1])
    for i in (0, -1):  # neither the first nor the last fold is the best one
        y[blocks[i]] += 2.5
    return x, y, [(np.concatenate([b for j, b in enumerate(blocks) if j != i]), block) for i, block in enumerate(blocks)]


@cases(cv_score)
def visible_cv_score(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("13 rows, 3 folds", *regression_with_folds(rng, (5, 5, 3), 2))
    yield Case("23 rows, 5 folds", *regression_with_folds(rng, (5, 5, 5, 4, 4), 3))


@cases(cv_score, hidden=True)
def hidden_cv_score(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("folds of quite different sizes", *regression_with_folds(rng, (7, 2, 5), 2))
    yield Case("2 folds", *regression_with_folds(rng, (11, 6), 5))
    yield Case("a single row to validate on", *regression_with_folds(rng, (1, 3, 5, 2), 3))
    yield Case("7 folds", *regression_with_folds(rng, (5, 5, 5, 4, 4, 4, 4), 7))


@mistakes(
    cv_score,
    over_samples="You average over all rows at once, so large folds count more. Each fold has one error, and the score is the mean of these.",
    on_train="You measure the error on the rows that the fold was trained on. Measure it on its validation rows.",
    fit_on_all="You train on all rows, those that are validated included. Each fold trains on its own training rows only.",
    fit_once="You train once, on the first fold's training rows, and most of the rows that you validate on then have been seen. Train anew in every fold.",
    parts_swapped="You train on the validation rows and measure on the training rows. A fold is (train, validation).",
    all_on_validation="You train on the validation rows too, and measure there. Train on the training rows.",
    sum_of_folds="You add the errors of the folds up. The score is their mean.",
    sum_of_squares="You add the squared errors within a fold up. A fold's error is their mean.",
    root="You take the root of each fold's mean squared error. Here the error is the mean square itself.",
    root_of_mean="You take the root of the mean. Here the error is the mean square itself.",
    absolute="You average absolute errors. Here they are squared.",
    not_squared="You average the differences themselves, in which positive and negative ones cancel. Square them.",
    half="You halve the squared error. That is another convention, handy for gradients; here it is the mean square itself.",
    first_only="You return the error of the first fold only. Let every fold take its turn.",
    last_only="You return the error of the last fold only. Collect the errors of all folds.",
    best_fold="You return the error of the best fold. The score is the mean over all folds.",
    median="You return the median over the folds. The score is their mean.",
    all_errors="You return the errors of all folds. Return their mean.",
)
def cv_score_with(made: Made, fit: Any, x: ndarray, y: ndarray, folds: Any) -> Any:
    errors, weights = [], []
    predict = fit(x[folds[0][0]], y[folds[0][0]])
    for train, validation in folds:
        learn = slice(None) if made.fit_on_all else validation if made.parts_swapped or made.all_on_validation else train
        judge = train if made.on_train or made.parts_swapped else validation
        if not made.fit_once:
            predict = fit(x[learn], y[learn])
        difference = predict(x[judge]) - y[judge]
        each = difference if made.not_squared else abs(difference) if made.absolute else difference**2 / (2 if made.half else 1)
        error = each.sum() if made.sum_of_squares else each.mean()
        errors.append(float(np.sqrt(error) if made.root else error))
        weights.append(len(judge))
    if made.all_errors:
        return errors
    if made.first_only or made.last_only or made.best_fold:
        return errors[0] if made.first_only else errors[-1] if made.last_only else min(errors)
    score = (
        sum(errors) if made.sum_of_folds else np.median(errors) if made.median else np.average(errors, weights=weights if made.over_samples else None)
    )
    return float(np.sqrt(score) if made.root_of_mean else score)


# ---- poly_design -----------------------------------------------------------------------------------------------------


@exercise(
    points=1,
    rows=["3.8"],
    shares={"degree 0": 0.2},
    forbid=["numpy.vander", "numpy.polynomial.polynomial.polyvander", "sklearn.preprocessing.PolynomialFeatures"],
)
def poly_design(x: Num[ndarray, "n"], degree: int) -> Float[ndarray, "n columns"]:
    """The powers of x as features: column j is x to the power j, for j = 0, 1, ..., degree.

    With degree 0 there is one column, of ones.
    """
    x = x.astype(np.result_type(x, np.float32))
    return np.stack([x**j for j in range(degree + 1)], axis=1)


@cases(poly_design)
def visible_poly_design(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("5 points, degree 3", rng.normal(size=5), 3)
    yield Case("2 points, degree 4", rng.normal(size=2), 4)


@cases(poly_design, hidden=True)
def hidden_poly_design(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("11 points, degree 6", rng.uniform(-1.5, 1.5, size=11), 6)
    yield Case("as many points as columns", rng.normal(size=5), 4)
    yield Case("a straight line", rng.normal(size=7), 1)
    yield Case("0 is among the points", np.append(rng.normal(size=2), 0.0), 4)
    yield Case(
        "degree 0", rng.normal(size=5), 0, group="degree 0", hint="A polynomial of degree 0 is a constant: one column of ones, of shape [n, 1]."
    )


@mistakes(
    poly_design,
    no_ones="The column of ones is missing. It is x to the power 0, and without it every curve must pass through the origin.",
    one_too_few="The highest power is missing: range(degree) ends at degree - 1.",
    one_too_many="You have one power too many: the highest is degree.",
    highest_first="Your powers come in falling order, as in np.vander. Here they rise: column 0 is x to the power 0.",
    factorials="You divide column j by j factorial. Some books do, to keep columns small; here they are plain powers.",
    transposed="You have a row for each power. A row belongs to a point, a column to a power.",
    times_j="You multiply x by j. It is x to the power j.",
    j_to_the_x="You raise j to the power x. It is x to the power j.",
    always_positive="Your powers are never negative. The odd powers of a negative number are: a logarithm or an absolute value loses the sign.",
    chebyshev="Your columns are Chebyshev's polynomials. They are a good choice numerically; here the columns are plain powers.",
    summed="You add the columns up. Each power is a column of its own.",
    ones_last="Your column of ones comes last. It is x to the power 0, and comes first.",
    squared_each_time="You square the column before to get the next one, so the powers double: 1, 2, 4. Multiply by x each time.",
    constant_without_axis="With degree 0 you return an array of another shape. It is one column of ones: shape [n, 1].",
)
def poly_design_with(made: Made, x: ndarray, degree: int) -> Any:
    x = x.astype(np.result_type(x, np.float32))
    if made.constant_without_axis and degree == 0:
        return np.ones_like(x)
    powers = range(1 if made.no_ones else 0, degree + (0 if made.one_too_few else 2 if made.one_too_many else 1))
    base = abs(x) if made.always_positive else x
    columns = [base**j / (math.factorial(j) if made.factorials else 1) for j in powers]
    if made.times_j:
        columns = [x * j for j in powers]
    if made.j_to_the_x:
        columns = [np.power(x.dtype.type(j), x) for j in powers]
    if made.chebyshev:
        columns = list(np.polynomial.chebyshev.chebvander(x, degree).astype(x.dtype).T)
    if made.squared_each_time:
        columns = [x ** (2 ** (j - 1)) if j else x**0 for j in powers]
    if made.ones_last:
        columns = [*columns[1:], columns[0]]
    columns = columns[::-1] if made.highest_first else columns
    if made.summed:
        return np.sum(columns, axis=0)
    return np.stack(columns, axis=0 if made.transposed else 1) if columns else np.zeros((len(x), 0), x.dtype)


# ---- fit_curve -------------------------------------------------------------------------------------------------------


@exercise(
    points=2,
    rows=["3.8"],
    # In float32 high powers lose their digits.
    without=["float32"],
    tolerance=100,
)
def fit_curve(
    x: Float[ndarray, "n"], y: Float[ndarray, "n"], x_val: Float[ndarray, "m"], y_val: Float[ndarray, "m"], degrees: Sequence[int]
) -> tuple[Float[ndarray, "degrees"], Float[ndarray, "degrees"]]:
    """Training and validation error of polynomials of each of the degrees.

    For each degree, fit the polynomial to (x, y) by least squares. Its errors are the mean
    squared errors on (x, y) and on (x_val, y_val). There are more training points than the
    highest degree, and all arrays are float64.
    """
    train, validation = [], []
    for degree in degrees:
        polynomial = np.polynomial.Polynomial.fit(x, y, degree)
        train.append(np.mean((polynomial(x) - y) ** 2))
        validation.append(np.mean((polynomial(x_val) - y_val) ** 2))
    return np.array(train), np.array(validation)


def noisy_curve(rng: np.random.Generator, n: int, m: int) -> tuple[ndarray, ndarray, ndarray, ndarray]:
    """Points on a wave, with noise: no two training points too close to each other, and in no order."""
    x = rng.permutation(np.linspace(-1, 1, n) + rng.uniform(-0.3, 0.3, size=n) / n)
    x_val = rng.uniform(-0.95, 0.95, size=m)
    shift = rng.uniform(0, 3)
    y, y_val = (np.sin(3 * z + shift) + 0.3 * z + 0.25 * rng.normal(size=z.shape) for z in (x, x_val))
    return x, y, x_val, y_val


@cases(fit_curve)
def visible_fit_curve(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("13 points, degrees 0 to 5", *noisy_curve(rng, 13, 7), [0, 1, 2, 3, 4, 5])
    yield Case("7 points, degrees 1 and 3", *noisy_curve(rng, 7, 5), [1, 3])


@cases(fit_curve, hidden=True)
def hidden_fit_curve(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("17 points, degrees 0 to 9", *noisy_curve(rng, 17, 23), list(range(10)))
    yield Case("degrees in another order", *noisy_curve(rng, 11, 5), [4, 0, 3, 1])
    yield Case("as many coefficients as points", *noisy_curve(rng, 5, 7), [2, 4])
    yield Case("as many validation points as training points", *noisy_curve(rng, 11, 11), [0, 2, 5])


@mistakes(
    fit_curve,
    root="You take the root of the mean squared error. Here the error is the mean square itself.",
    sums="You add the squares up. The error is their mean; otherwise sets of different sizes cannot be compared.",
    absolute="You average absolute errors. Here they are squared.",
    half="You halve the squared error. That is another convention; here it is the mean square itself.",
    unbiased="You divide by the points minus the coefficients, which estimates the noise. Here the training error is the plain mean.",
    refitted="You fit another polynomial to the validation data before you measure there. Then it is training data as well: measure with the polynomial that was fitted to (x, y).",
    fit_on_both="You fit to training and validation data together. The validation data must not be seen.",
    fit_on_validation="You fit to the validation data and measure the training error elsewhere. Fit to (x, y).",
    swapped="You return the validation errors first. The training errors come first.",
    train_twice="You measure both errors on the training data.",
    degree_too_low="Your polynomials have one power too few. A polynomial of degree d has d + 1 coefficients, from power 0 to power d.",
    degree_too_high="Your polynomials have one power too many. A polynomial of degree d has d + 1 coefficients, from power 0 to power d.",
    cut_off="You fit the highest degree once and cut its coefficients off for the lower ones. The best polynomial of a lower degree has other coefficients: fit each degree by itself.",
    coefficients_reversed="You evaluate the polynomials with their coefficients in reversed order. np.polyfit and np.polyval put the highest power first, np.polynomial the lowest: do not mix them.",
    through_origin="Your polynomials have no constant term: the power 0 is missing.",
    sorted_degrees="You go through the degrees in rising order. The errors come in the order in which the degrees are given.",
    best_so_far="Your validation errors can only fall from one degree to the next: you keep the best so far. Return each degree's own error.",
)
def fit_curve_with(made: Made, x: ndarray, y: ndarray, x_val: ndarray, y_val: ndarray, degrees: Sequence[int]) -> Any:
    train, validation = [], []
    first = 1 if made.through_origin else 0

    def design(z: ndarray, count: int) -> ndarray:
        return np.stack([z**j for j in range(first, max(count, first + 1))], axis=1) if count > first else np.zeros((len(z), 1))

    def coefficients(x: ndarray, y: ndarray, count: int) -> ndarray:
        return np.linalg.lstsq(design(x, count), y, rcond=None)[0]

    def error(w: ndarray, x: ndarray, y: ndarray, unbiased: bool = False) -> float:
        difference = design(x, len(w) + first if np.any(w) else 0) @ w - y
        each = abs(difference) if made.absolute else difference**2
        mean = each.sum() if made.sums else each.sum() / max(len(x) - len(w), 1) if unbiased else each.mean()
        return float(np.sqrt(mean) if made.root else mean / 2 if made.half else mean)

    for degree in sorted(degrees) if made.sorted_degrees else degrees:
        count = degree + (0 if made.degree_too_low else 2 if made.degree_too_high else 1)
        source = (np.append(x, x_val), np.append(y, y_val)) if made.fit_on_both else (x_val, y_val) if made.fit_on_validation else (x, y)
        w = coefficients(*source, max(degrees) + 1)[:count] if made.cut_off else coefficients(*source, count)
        w = w[::-1] if made.coefficients_reversed else w
        train.append(error(w, x, y, made.unbiased))
        w = coefficients(x_val, y_val, count) if made.refitted else w
        validation.append(train[-1] if made.train_twice else error(w, x_val, y_val))
    if made.best_so_far:
        validation = np.minimum.accumulate(validation).tolist()
    errors = np.array(train), np.array(validation)
    return errors[::-1] if made.swapped else errors


# ---- diagnose --------------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["3.8"], shares={"equal to the target": 0.1})
def diagnose(train_errors: Float[ndarray, "models"], validation_errors: Float[ndarray, "models"], target: float) -> list[str]:
    """What is wrong with each model: a list of "underfitting", "overfitting" and "good".

    A model underfits where even its training error is above the target. It overfits where its
    training error meets the target and its validation error does not. It is good where both
    meet the target. An error that equals the target meets it.
    """
    labels = []
    for train, validation in zip(train_errors, validation_errors, strict=True):
        labels.append("underfitting" if train > target else "overfitting" if validation > target else "good")
    return labels


def errors_around(rng: np.random.Generator, models: int, target: float) -> tuple[ndarray, ndarray, float]:
    """Errors of models of all three kinds, in random order. Some validation errors are a little below the training error."""
    kinds = rng.permutation(np.arange(models) % 5)
    ranges = {
        0: ((1.1, 1.6), (1.8, 3.5)),
        1: ((0.1, 0.7), (1.1, 1.7)),
        2: ((0.2, 0.4), (0.5, 0.9)),
        3: ((1.4, 2.5), (1.1, 1.3)),
        4: ((0.7, 0.9), (0.3, 0.6)),
    }
    train, validation = (np.array([rng.uniform(*ranges[kind][part]) for kind in kinds.tolist()]) for part in (0, 1))
    return target * train, target * validation, target


@cases(diagnose)
def visible_diagnose(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("7 models, target 1", *errors_around(rng, 7, 1.0))
    yield Case("5 models, target 0.2", *errors_around(rng, 5, 0.2))


@cases(diagnose, hidden=True)
def hidden_diagnose(rng: np.random.Generator) -> Iterator[Case]:
    for models in (11, 13, 7):
        yield Case(f"{models} models", *errors_around(rng, models, round(rng.uniform(0.1, 5), 2)))
    hint = "An error that equals the target meets it: compare with > and not with >=."
    yield Case("equal to the target", np.array([0.5, 0.25, 0.5]), np.array([0.75, 0.5, 0.5]), 0.5, group="equal to the target", hint=hint)


@mistakes(
    diagnose,
    train_only="You look at the training errors only. They cannot show overfitting: a model that has learned its data by heart has none.",
    validation_only="Wherever the validation error misses the target, you say overfitting. Look at the training error first: a model that cannot even fit its training data underfits.",
    always_underfitting="Wherever the validation error misses the target, you say underfitting. Where the training error meets the target, the model fits well enough, and only what it learned does not carry over.",
    swapped="Your two words are swapped. Underfitting: bad even on the training data. Overfitting: good there, and bad on new data.",
    any_gap="You say overfitting wherever the validation error is above the training error. It nearly always is; what counts here is whether it misses the target.",
    gap_first="Some models miss the target on their training data and do much worse on new data. Their first trouble is underfitting: look at the training error before anything else.",
    gap_against_target="You compare the gap between the two errors with the target. Compare each error with it.",
    mean_of_both="You compare the mean of the two errors with the target. Each of them is compared for itself.",
    below_is_bad="You take errors below the target for bad ones. Errors are to be small.",
    by_the_best="You call everything before the best validation error underfitting and everything after it overfitting. That is for a curve over rising capacity; here each model is judged by itself, against the target.",
    equal_misses="You count an error that equals the target as a miss. It meets it: compare with > and not with >=.",
    one_word="You return one word for all models. There is one for each.",
)
def diagnose_with(made: Made, train_errors: ndarray, validation_errors: ndarray, target: float) -> Any:
    labels = []
    best = int(validation_errors.argmin())
    for k, (train, validation) in enumerate(zip(train_errors.tolist(), validation_errors.tolist(), strict=True)):
        bad_train, bad_validation = (e >= target if made.equal_misses else e > target for e in (train, validation))
        if made.below_is_bad:
            bad_train, bad_validation = train < target, validation < target
        if made.train_only:
            bad_validation = False
        if made.validation_only:
            bad_train = False
        if made.always_underfitting:
            bad_train = bad_train or bad_validation
        if made.any_gap:
            bad_validation = validation > train
        if made.gap_against_target:
            bad_validation = validation - train > target
        if made.mean_of_both:
            bad_train, bad_validation = train > target, (train + validation) / 2 > target
        label = "underfitting" if bad_train else "overfitting" if bad_validation else "good"
        if made.gap_first and validation > 1.2 * train and bad_validation:
            label = "overfitting"
        if made.by_the_best:
            label = "underfitting" if k < best else "overfitting" if k > best else "good"
        if made.swapped:
            label = {"underfitting": "overfitting", "overfitting": "underfitting"}.get(label, label)
        labels.append(label)
    return max(set(labels), key=lambda label: (labels.count(label), label)) if made.one_word else labels


# ---- memorizing_degree -----------------------------------------------------------------------------------------------


@exercise(points=2, rows=["3.8"])
def memorizing_degree(samples: int, features: int) -> tuple[int, int]:
    """The degree at which a polynomial can learn any data by heart, and its number of coefficients.

    A polynomial of degree d in several features has one coefficient for every product of powers
    of the features in which the exponents sum to at most d, the empty product 1 included. With
    the features a and b and degree 2 these are 1, a, b, a², ab and b². Return the smallest
    degree at which there are at least as many coefficients as samples, and their number. There
    are at least one sample and one feature.
    """
    degree = 0
    while math.comb(features + degree, degree) < samples:
        degree += 1
    return degree, math.comb(features + degree, degree)


@cases(memorizing_degree)
def visible_memorizing_degree(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("10 samples of 1 feature", 10, 1)
    yield Case("6 samples of 2 features", 6, 2)
    yield Case("7 samples of 2 features", 7, 2)
    yield Case("150 samples of 4 features", 150, 4)


@cases(memorizing_degree, hidden=True)
def hidden_memorizing_degree(rng: np.random.Generator) -> Iterator[Case]:
    for features in rng.permutation([2, 3, 4, 5, 7]).tolist():
        yield Case("some features", int(rng.integers(30, 900)), features)
    features, degree = int(rng.integers(3, 6)), int(rng.integers(3, 6))
    yield Case("exactly as many coefficients as samples", math.comb(features + degree, degree), features)
    yield Case("one more", math.comb(features + degree, degree) + 1, features)
    yield Case("one feature", int(rng.integers(5, 40)), 1)
    yield Case("one sample", 1, int(rng.integers(2, 9)))


@mistakes(
    memorizing_degree,
    one_feature="You count as if there were one feature, where degree d has d + 1 coefficients. With more features there are products of them as well.",
    no_products="You count the powers of each feature and leave out products of different features, such as ab.",
    each_up_to_d="You let every exponent go up to d by itself. It is the sum of the exponents that is at most d: in degree 2, a²b² does not occur.",
    order_counts="You count ab and ba as two. They are the same product, and have one coefficient.",
    exactly_d="You count the products whose exponents sum to exactly d. Lower ones belong to the polynomial too.",
    no_constant="You leave the constant out. It is the empty product, and has a coefficient.",
    strictly_more="You ask for more coefficients than samples. As many are enough.",
    degree_before="Your degree is one too small: with it there are fewer coefficients than samples.",
    degree_after="Your degree is one too large: a smaller one has enough coefficients already.",
    starts_at_one="You start at degree 1. A single sample is learned by heart by a constant, which has degree 0.",
    samples_returned="You return the number of samples. Return the number of coefficients, which may be larger.",
    swapped="You return the number of coefficients first. The degree comes first.",
    degree_only="You return the degree only. Return the number of coefficients with it.",
)
def memorizing_degree_with(made: Made, samples: int, features: int) -> Any:
    def count(degree: int) -> int:
        if made.one_feature:
            return degree + 1
        if made.no_products:
            return 1 + features * degree
        if made.each_up_to_d:
            return int((degree + 1) ** features)
        if made.order_counts:
            return int(sum(features**j for j in range(degree + 1)))
        if made.exactly_d:
            return math.comb(features + degree - 1, degree)
        return math.comb(features + degree, degree) - int(made.no_constant)

    if made.exactly_d and features == 1:
        return 0, 1
    degree = 1 if made.starts_at_one else 0
    while count(degree) < samples + int(made.strictly_more):
        degree += 1
    degree = max(degree - 1, 0) if made.degree_before else degree + 1 if made.degree_after else degree
    coefficients = samples if made.samples_returned else count(degree)
    return degree if made.degree_only else (coefficients, degree) if made.swapped else (degree, coefficients)
