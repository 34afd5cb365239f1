"""Exploding and vanishing: products of many matrices, half precision, and weights to start from."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from autograder.exercise import Case, Made, cases, equivalent, exercise, mistakes, probe, verify

# ---- jacobian_product_norms ------------------------------------------------------------------------------------------


@exercise(points=2, rows=["3.12"])
def jacobian_product_norms(jacobians: Sequence[Float[ndarray, "n_out n_in"]]) -> Float[ndarray, "depth"]:
    """How far a small change of the input can be stretched by the first t layers, for each t = 1, 2, ...,
    depth.

    `jacobians[t - 1]` is ∂h_t/∂h_{t-1}, the Jacobian of layer t, of shape [size of h_t, size of
    h_{t-1}]. Entry t - 1 of the result is the spectral norm (the largest singular value) of
    ∂h_t/∂h_0.
    """
    product = jacobians[0]
    norms = [np.linalg.norm(product, 2)]
    for jacobian in jacobians[1:]:
        product = jacobian @ product
        norms.append(np.linalg.norm(product, 2))
    return np.array(norms)


def layers(rng: np.random.Generator, *sizes: int, scale: float = 1.0) -> list[ndarray]:
    return [scale * rng.normal(size=(n_out, n_in)) / math.sqrt(n_in) for n_in, n_out in itertools.pairwise(sizes)]


@cases(jacobian_product_norms)
def visible_jacobian_product_norms(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("3 layers of different sizes", layers(rng, 3, 5, 7, 2))
    yield Case("4 square layers", layers(rng, 3, 3, 3, 3, 3))


@cases(jacobian_product_norms, hidden=True)
def hidden_jacobian_product_norms(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("5 layers of different sizes", layers(rng, 7, 3, 11, 5, 2, 13))
    yield Case("5 square layers", layers(rng, *[5] * 6))
    yield Case("100 layers, exploding", layers(rng, *[7] * 101, scale=1.25))
    yield Case("17 layers, vanishing", layers(rng, *[5] * 18, scale=0.8))
    yield Case("one layer", layers(rng, 5, 3))
    yield Case("down to a single number", layers(rng, 5, 7, 1))


@mistakes(
    jacobian_product_norms,
    product_of_norms="You multiply the norms of the layers. That is only a bound: the direction that one layer stretches most need not be the one that the next does. Multiply the matrices, then take the norm.",
    frobenius="You take the Frobenius norm, the root of the sum of all squares. The spectral norm is the largest stretch of a single direction.",
    spectral_radius="You take the largest eigenvalue. How far a vector is stretched is told by the singular values, and a product that is not square has no eigenvalues.",
    row_sums="You take the largest row sum of absolute values. That is the norm for the maximum metric; the spectral norm is the largest singular value.",
    order="You multiply from the wrong side. The chain rule puts later layers on the left: J_t ⋯ J_2 J_1.",
    each_alone="You take the norm of each layer alone. The change has gone through all the layers before.",
    summed="You add the Jacobians up. The chain rule multiplies them.",
    last_only="You return the norm of the whole product only. Return one for each depth.",
    with_depth_zero="You begin with depth 0, where nothing has happened and the norm is 1. The first entry belongs to the first layer.",
    from_the_top="You multiply from the top down: your entries belong to the last layers. Entry t - 1 belongs to the first t layers.",
    smallest="You take the smallest singular value, the direction that is stretched least.",
    squared="You return squared singular values, such as the eigenvalues of JᵀJ. Take the root.",
    elementwise="You multiply entry by entry. The chain rule multiplies matrices.",
)
def jacobian_product_norms_with(made: Made, jacobians: Sequence[ndarray]) -> Any:
    def norm(matrix: ndarray) -> Any:
        singular = np.linalg.svd(matrix, compute_uv=False)
        if made.spectral_radius:
            return np.abs(np.linalg.eigvals(matrix)).max().astype(matrix.dtype)
        if made.row_sums:
            return np.abs(matrix).sum(1).max()
        if made.frobenius:
            return np.sqrt((matrix**2).sum())
        return singular[-1] if made.smallest else singular[0] ** 2 if made.squared else singular[0]

    if made.from_the_top:
        jacobians = list(jacobians)[::-1]
    product, norms = None, []
    for jacobian in jacobians:
        if product is None or made.each_alone:
            product = jacobian
        elif made.summed:
            product = product + jacobian
        elif made.elementwise:
            product = product * jacobian
        else:
            product = product @ jacobian if made.order or made.from_the_top else jacobian @ product
        norms.append(norm(product))
    if made.product_of_norms:
        norms = np.cumprod([norm(jacobian) for jacobian in jacobians]).tolist()
    if made.with_depth_zero:
        norms = [np.ones_like(norms[0]), *norms]
    return np.array(norms[-1:] if made.last_only else norms)


# ---- fp16_flush ------------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["3.12"], shares={"not counted": 0.15})
def fp16_flush(x: Float[ndarray, "*shape"]) -> tuple[int, int]:
    """How many entries of x become infinite, and how many become 0, in half precision (float16)?

    Each entry goes to the nearest number of half precision, where infinity takes the place of
    65536, the first number beyond the largest, 65504. Entries that are 0, infinite or NaN already
    are not counted.
    """
    with np.errstate(over="ignore"):
        half = x.astype(np.float16)
    return int((np.isinf(half) & np.isfinite(x)).sum()), int(((half == 0) & (x != 0)).sum())


def magnitudes(rng: np.random.Generator, *shape: int) -> ndarray:
    """Numbers of all sizes and both signs, some of them next to a limit of half precision."""
    x = rng.choice([-1, 1], size=shape) * 10.0 ** rng.uniform(-10, 7, size=shape)
    for limit in (2.98e-8, 5.96e-8, 6.1e-5):  # nobody is to stumble over the fourth digit of a limit
        x = np.where(np.abs(np.abs(x) / limit - 1) < 0.02, 1.1 * x, x)
    rounded_down, infinite = rng.uniform(65506, 65518, size=3), rng.uniform(65522, 65600, size=2)
    smallest, zero, subnormal = rng.uniform(3.2e-8, 5.8e-8, size=4), rng.uniform(2.2e-8, 2.8e-8, size=2), rng.uniform(1e-7, 5e-5, size=3)
    near = np.concatenate([rounded_down, infinite, smallest, zero, subnormal, rng.uniform(1e5, 1e7, size=2)])
    near = near * np.where(np.arange(len(near)) % 2, 1, -1)
    spot = rng.permutation(x.size)[: len(near)]
    x.reshape(-1)[spot] = rng.permutation(near)[: len(spot)]
    return x


equivalent(
    fp16_flush,
    {
        "with np.errstate():": "It only silences a warning.",
    },
)


@cases(fp16_flush)
def visible_fp16_flush(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("29 numbers of all sizes", magnitudes(rng, 29))
    yield Case("a 7×11 matrix", magnitudes(rng, 7, 11))


@cases(fp16_flush, hidden=True)
def hidden_fp16_flush(rng: np.random.Generator) -> Iterator[Case]:
    for n in (31, 53, 101):
        yield Case(f"{n} numbers", magnitudes(rng, n))
    yield Case("3 axes", magnitudes(rng, 3, 5, 7))
    yield Case("nothing is lost", rng.uniform(1, 100, size=7))
    hint = "Entries that are 0, infinite or NaN already are not counted: half precision did not do it."
    with_zeros = magnitudes(rng, 37)
    with_zeros[:5] = 0.0
    yield Case("zeros", with_zeros, group="not counted", hint=hint)
    with_infinite = magnitudes(rng, 41)
    with_infinite[:4] = np.inf, -np.inf, np.nan, np.inf
    yield Case("infinities and NaN", with_infinite, group="not counted", hint=hint)


@mistakes(
    fp16_flush,
    above_largest="You count everything above 65504, the largest number of half precision, as infinite. Rounding goes to the nearest: up to 65520, half a step further, it is still 65504.",
    below_smallest="You count everything below 6e-8, the smallest number of half precision, as 0. Rounding goes to the nearest: what is more than half of it becomes 6e-8.",
    limits_themselves="You compare with the largest and the smallest number, 65504 and 6e-8. Rounding goes to the nearest: up to 65520 it is down to 65504, and what is more than half of 6e-8 becomes 6e-8.",
    below_normal="You count everything below 6.1e-5 as 0. That is the smallest number with full precision; below it come the subnormal ones, down to 6e-8.",
    single_precision="You ask float32, which reaches from 1e-45 to 3e38. Half precision is float16.",
    positive_only="You count positive numbers only. Large negative ones become -inf, small negative ones -0.",
    negative_as_zero="Everything that is negative counts as 0 with you. Compare absolute values.",
    swapped="You return the two counts in the wrong order: infinite first.",
    fractions="You return fractions. Count the entries.",
    places="You return what is kept, in place of what is lost.",
    relative_to_largest="You judge by the ratio to the largest entry. Each number is rounded for itself.",
    rounded_changes="You count every entry that changes. Most numbers are rounded a little; count those that become 0.",
    zeros_counted="You count zeros that were zeros before. Half precision did not do it.",
    infinities_counted="You count what was infinite before. Half precision did not do it.",
    nan_counted="You count NaN as infinite. It is no number at all, and was none before.",
)
def fp16_flush_with(made: Made, x: ndarray) -> Any:
    size = x if made.positive_only else np.abs(x)
    fine = np.isfinite(x)
    half: Any = x.astype(np.float32 if made.single_precision else np.float16)
    large, small = np.isinf(half) & (x > 0 if made.positive_only else True), (half == 0) & (x > 0 if made.positive_only else True)
    if made.above_largest or made.limits_themselves:
        large = size > 65504
    if made.below_smallest or made.below_normal or made.limits_themselves:
        small = size < (6.1e-5 if made.below_normal else 5.96e-8)
    if made.negative_as_zero:
        small = half <= 0
    if made.relative_to_largest:
        small = size < 6e-8 * size[fine].max()
    if made.rounded_changes:
        small = (half.astype(x.dtype) != x) & ~large
    if made.nan_counted:
        large = large | np.isnan(x)
    n_inf = int((large & (fine | made.infinities_counted | (made.nan_counted & np.isnan(x)))).sum())
    n_zero = int((small & ((x != 0) | made.zeros_counted)).sum())
    if made.places:
        return x.size - n_inf, x.size - n_zero
    if made.fractions:
        return n_inf / x.size, n_zero / x.size
    return (n_zero, n_inf) if made.swapped else (n_inf, n_zero)


# ---- loss_scale_search -----------------------------------------------------------------------------------------------


@exercise(points=2, rows=["3.12"], shares={"nothing to scale": 0.1})
def loss_scale_search(gradients: Float[ndarray, "*shape"]) -> float:
    """The largest power of two, at most 2**24, by which all gradients can be multiplied without any
    of them becoming infinite in half precision.

    It may be less than 1, down to 2**-24. Where nothing limits it, it is 2**24. The largest
    number of half precision is 65504.
    """
    largest = float(np.abs(gradients).max())
    scale = 2.0**24
    while largest * scale > 65504:
        scale /= 2
    return scale


@probe(loss_scale_search)
def scale_of_each(answer, several):  # type: ignore[no-untyped-def]
    return [answer(gradients) for gradients in several]


def scalable(rng: np.random.Generator, exponent: int, *shape: int, negative: bool = False) -> ndarray:
    """Gradients of many sizes, of which the largest fits when it is multiplied by 2**exponent, and not when by twice that."""
    g = rng.normal(size=shape) * 10.0 ** rng.uniform(-6, 0, size=shape)
    spot = np.unravel_index(int(np.abs(g).argmax()), shape)
    g[spot] = -abs(g[spot]) if negative else abs(g[spot])
    return g / abs(g[spot]) * 65504 * rng.uniform(0.55, 0.95) * 2.0**-exponent


equivalent(
    loss_scale_search,
    {
        "while largest * scale >= 65504:": "No product is that near to the limit, where the rounding of a logarithm would decide.",
        "while largest * scale > 65505:": "No product is that near to the limit, where the rounding of a logarithm would decide.",
        "while largest * scale > 65503:": "No product is that near to the limit, where the rounding of a logarithm would decide.",
    },
)


@cases(loss_scale_search)
def visible_loss_scale_search(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("small gradients", [scalable(rng, 10, 7), scalable(rng, 13, 5, negative=True), scalable(rng, 17, 3)])
    yield Case("a large gradient", [scalable(rng, -2, 5), scalable(rng, 3, 2, 3, negative=True)])
    yield Case("tiny gradients", [scalable(rng, 28, 5), scalable(rng, 11, 2)])


@cases(loss_scale_search, hidden=True)
def hidden_loss_scale_search(rng: np.random.Generator) -> Iterator[Case]:
    small, large = rng.integers(5, 20, size=5).tolist(), rng.integers(-6, 3, size=3).tolist()
    yield Case("small gradients", [scalable(rng, k, 11, negative=bool(i % 2)) for i, k in enumerate(small)])
    yield Case("large gradients", [scalable(rng, k, 7, negative=bool(i % 2)) for i, k in enumerate(large)])
    yield Case("enormous gradients", [scalable(rng, -24, 5), scalable(rng, -19, 3, negative=True)])
    yield Case("matrices", [scalable(rng, k, 3, 5, negative=bool(i % 2)) for i, k in enumerate((9, -1, 15))])
    yield Case("tiny gradients", [scalable(rng, 30, 5), scalable(rng, 12, 2), scalable(rng, 27, 3, negative=True)])
    nothing = "Where all gradients are 0, nothing becomes infinite at any scale: the answer is the largest allowed, 2**24."
    yield Case("zeros, and others", [np.zeros(3), scalable(rng, 8, 5)], group="nothing to scale", hint=nothing)


@mistakes(
    loss_scale_search,
    no_power="You return the exact ratio. Only a power of two changes nothing but the exponent of a number, and causes no rounding error.",
    nearest_power="You take the nearest power of two. Where it is above the ratio, the largest gradient becomes infinite: round down.",
    next_power="You return a power of two that is twice too large: the largest gradient becomes infinite.",
    one_too_small="You stop one power of two too early: twice your scale would fit as well.",
    positive_only="You look at the largest gradient with its sign. A large negative one becomes -inf: take absolute values.",
    exponent="You return the exponent. Return the power itself.",
    from_smallest="You scale by the smallest gradient. The largest one is the first to become infinite.",
    from_mean="You scale by the average size. The largest gradient is the first to become infinite.",
    no_cap="You go beyond 2**24, the largest scale allowed.",
    never_below_one="You never return less than 1. Gradients above 65504 have to be made smaller.",
    always_pytorchs="You return 65536 always, with which PyTorch's GradScaler starts. It is halved until nothing becomes infinite, and may grow as well.",
    starts_at_pytorchs="You begin at 65536, as PyTorch's GradScaler does, and only go down. Here the largest scale allowed is 2**24.",
    up_to_one="You scale the gradients up to 1. There is room up to 65504.",
    inverse="You return the factor that undoes the scaling. Return the scale itself.",
    divides_by_zero="Where all gradients are 0, nothing becomes infinite at any scale: the answer is the largest allowed, 2**24.",
)
def loss_scale_search_with(made: Made, gradients: ndarray) -> float:
    sizes = gradients if made.positive_only else np.abs(gradients)
    largest = float(sizes.min() if made.from_smallest else sizes.mean() if made.from_mean else sizes.max())
    if largest <= 0:
        return math.nan if made.divides_by_zero else 2.0**24
    ratio = (1.0 if made.up_to_one else 65504.0) / largest
    power = math.log2(ratio)
    k = round(power) if made.nearest_power else math.floor(power) + int(made.next_power) - int(made.one_too_small)
    top = 10**3 if made.no_cap else 16 if made.starts_at_pytorchs else 24
    k = 16 if made.always_pytorchs else max(0 if made.never_below_one else -24, min(top, k))
    if made.no_power:
        return min(ratio, 2.0**24)
    return float(k) if made.exponent else 2.0**-k if made.inverse else 2.0**k


# ---- forward_stats ---------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["3.13"])
def forward_stats(
    x: Float[ndarray, "n dim"], weights: Sequence[Float[ndarray, "n_in n_out"]], activation: Callable[[ndarray], ndarray]
) -> tuple[Float[ndarray, "depth"], Float[ndarray, "depth"]]:
    """Send x through a network, and return the mean and the standard deviation of the activations
    after each layer, as two arrays.

    Layer t computes h_t = activation(h_{t-1} @ weights[t - 1]) with h_0 = x; there are no
    biases. The statistics of a layer run over all samples and units together. The standard
    deviation divides by the number of values, as `numpy.std` does.
    """
    means, deviations = [], []
    for w in weights:
        x = activation(x @ w)
        means.append(x.mean())
        deviations.append(x.std())
    return np.array(means), np.array(deviations)


@probe(forward_stats)
def through_activations_by_name(answer, x, weights, name):  # type: ignore[no-untyped-def]
    import numpy as np

    activations = {
        "relu": lambda z: np.maximum(z, 0),
        "tanh": lambda z: np.tanh(z),
        "softplus": lambda z: np.log(1 + np.exp(z)),
        "leaky relu": lambda z: np.where(z > 0, z, z / 5),
    }
    return answer(x, weights, activations[name])


def network(rng: np.random.Generator, n: int, *sizes: int, scale: float = 1.3) -> tuple[ndarray, list[ndarray]]:
    return rng.normal(size=(n, sizes[0])) + 0.4, [w.T.copy() for w in layers(rng, *sizes, scale=scale)]


@cases(forward_stats)
def visible_forward_stats(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("3 layers of relu", *network(rng, 5, 3, 7, 2, 11), "relu")
    yield Case("2 square layers of tanh", *network(rng, 3, 3, 3, 3), "tanh")


@cases(forward_stats, hidden=True)
def hidden_forward_stats(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("4 layers of leaky relu", *network(rng, 7, 5, 3, 13, 2), "leaky relu")
    yield Case("3 layers of tanh", *network(rng, 11, 2, 5, 7, 3), "tanh")
    yield Case("square layers of softplus", *network(rng, 5, 5, 5, 5, 5), "softplus")
    yield Case("30 layers of relu", *network(rng, 5, *[17] * 31, scale=1.4), "relu")
    yield Case("one layer", *network(rng, 3, 7, 5), "tanh")


@mistakes(
    forward_stats,
    variance="You return variances. The standard deviation is the root.",
    before_activation="You measure before the activation. Measure what the next layer receives.",
    no_activation="You never apply the activation: what you have is one long product of matrices.",
    activation_not_passed_on="You measure after the activation, and pass on what was before it. The next layer receives the activations.",
    root_mean_square="You return the root of the mean square. The standard deviation subtracts the mean before it squares, and after ReLU the mean is not 0.",
    unbiased="Your standard deviation divides by the number of values minus 1. Here it is the number itself.",
    per_unit="You take the standard deviation of each unit and average. Here all samples and units of a layer are taken together.",
    per_sample="You take the standard deviation of each sample and average. Here all samples and units of a layer are taken together.",
    input_included="You include the input. There is one value for each layer.",
    swapped="You return standard deviations and means in the wrong order.",
    last_only="You return the last layer's values only.",
    always_from_input="Every layer of yours starts at x again. Layer t receives the activations of layer t - 1.",
    weights_transposed="You multiply with the transposed weights. They have the shape [n_in, n_out]: h @ w.",
    only_deviations="You return the standard deviations only. The means come first.",
)
def forward_stats_with(made: Made, x: ndarray, weights: Sequence[ndarray], activation: Any) -> Any:
    h = x
    measured = [x] if made.input_included else []
    for w in weights:
        z = (x if made.always_from_input else h) @ (w.T if made.weights_transposed else w)
        after = z if made.no_activation else activation(z)
        measured.append(z if made.before_activation else after)
        h = z if made.activation_not_passed_on else after
    means = np.array([m.mean() for m in measured])
    if made.variance:
        deviations = [m.var() for m in measured]
    elif made.root_mean_square:
        deviations = [np.sqrt((m**2).mean()) for m in measured]
    elif made.per_unit or made.per_sample:
        deviations = [m.std(axis=0 if made.per_unit else 1).mean() for m in measured]
    else:
        deviations = [m.std(ddof=1 if made.unbiased else 0) for m in measured]
    if made.last_only:
        return means[-1:], np.array(deviations[-1:])
    if made.only_deviations:
        return np.array(deviations)
    return (np.array(deviations), means) if made.swapped else (means, np.array(deviations))


# ---- which_reading ---------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["3.13"])
def which_reading(draws: Float[ndarray, "n"], number: float) -> str:
    """Weights are said to be drawn from N(0, number). Was the number meant as standard deviation or
    as variance?

    "standard deviation" if the standard deviation of the draws differs from `number` by at most
    20% of it, "variance" if their variance does, and "neither" if neither does. `number` is
    never so near to 1 that both do.
    """
    if abs(draws.std() - number) <= 0.2 * number:
        return "standard deviation"
    return "variance" if abs(draws.var() - number) <= 0.2 * number else "neither"


@probe(which_reading)
def reading_of_each(answer, several, numbers):  # type: ignore[no-untyped-def]
    return [answer(draws, number) for draws, number in zip(several, numbers, strict=True)]


def read_as(rng: np.random.Generator, n: int, *kinds: str) -> tuple[list[ndarray], list[float]]:
    """Draws whose standard deviation is off by a few percent from what the kind makes of the number, which is small or large."""
    several, numbers = [], []
    for k, kind in enumerate(kinds):
        number = round(float(rng.uniform(0.005, 0.3) if k % 2 else rng.uniform(3, 30)), 3)
        scale = {
            "standard deviation": number,
            "variance": number**0.5,
            "precision": number**-0.5,
            "squared": number**2,
            "near": 1.3 * number,  # off by more than a fifth, but not by much
            "near variance": (1.32 * number) ** 0.5,
        }[kind]
        z = rng.normal(size=n)
        several.append((z - z.mean()) / z.std() * scale * rng.uniform(0.96, 1.04))
        numbers.append(number)
    return several, numbers


equivalent(
    which_reading,
    {
        "if abs(draws.std() - number) < 0.2 * number:": "No difference is exactly 20%, where rounding would decide.",
        "return 'variance' if abs(draws.var() - number) < 0.2 * number else 'neither'": "No difference is exactly 20%, where rounding would decide.",
    },
)


@cases(which_reading)
def visible_which_reading(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("numbers large and small", *read_as(rng, 200, "variance", "standard deviation", "standard deviation", "variance"))
    yield Case("and neither", *read_as(rng, 100, "standard deviation", "precision", "near", "variance", "squared", "near variance"))


@cases(which_reading, hidden=True)
def hidden_which_reading(rng: np.random.Generator) -> Iterator[Case]:
    kinds = ["variance", "variance", "standard deviation", "standard deviation", "precision", "precision", "squared", "squared"]
    kinds += ["near", "near", "near variance", "near variance"]
    for n in (97, 151, 211):
        yield Case("numbers large and small", *read_as(rng, n, *rng.permutation(kinds).tolist()))


@mistakes(
    which_reading,
    swapped="Your two answers are swapped. The standard deviation has the unit of the draws, the variance that unit squared.",
    always_deviation='You answer "standard deviation" always. Measure: compare the draws\' standard deviation and variance with the number.',
    always_variance='You answer "variance" always. Measure: compare the draws\' standard deviation and variance with the number.',
    never_neither='You take the nearer of the two readings. Where both are more than 20% off, the answer is "neither".',
    absolute="You allow a difference of 0.2, whatever the number. It is 20% of the number: for 0.01 everything small is within 0.2.",
    too_strict="You allow less than 20%.",
    too_lenient="You allow more than 20%, so what is neither passes for one of the two readings.",
    upper_only="You accept every value that is not too large. A value that is too small does not fit either.",
    lower_only="You accept every value that is not too small. A value that is too large does not fit either.",
    smaller_is_deviation="You decide by whether the number is below 1. Measure the draws.",
    precision_is_variance="You accept 1/number for the variance. That is the precision, another convention of some books; here it counts as neither.",
    mean_absolute="You measure the mean absolute value, which for a normal distribution is 0.8 standard deviations. Take the standard deviation.",
    no_root="You compare the variance with the number for the first reading and its square for the second: a square too many.",
)
def which_reading_with(made: Made, draws: ndarray, number: float) -> str:
    deviation, variance = float(draws.std()), float(draws.var())
    if made.mean_absolute:
        deviation = float(np.abs(draws).mean())
        variance = deviation**2
    if made.no_root:
        deviation, variance = variance, variance**2
    if made.always_deviation or made.always_variance:
        return "standard deviation" if made.always_deviation else "variance"
    if made.smaller_is_deviation:
        return "standard deviation" if number < 1 else "variance"
    if made.never_neither:
        return "variance" if abs(variance - number) < abs(deviation - number) else "standard deviation"

    def fits(value: float) -> bool:
        off = value - number
        allowed = 0.2 if made.absolute else (0.01 if made.too_strict else 0.4 if made.too_lenient else 0.2) * number
        return (off <= allowed or made.lower_only) and (off >= -allowed or made.upper_only)

    names = ("variance", "standard deviation") if made.swapped else ("standard deviation", "variance")
    if fits(deviation):
        return names[0]
    if made.precision_is_variance and fits(1 / variance):
        return names[1]
    return names[1] if fits(variance) else "neither"


# ---- measured_gain ---------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["3.13"])
def measured_gain(activation: Callable[[ndarray], ndarray], z: Float[ndarray, "n"]) -> float:
    """The gain of an activation, measured on draws z of N(0, 1): 1 divided by the root of the mean
    of activation(z)².

    `activation` is applied to an array element by element.
    """
    return float(1 / np.sqrt(np.mean(activation(z) ** 2)))


@probe(measured_gain)
def gain_by_name(answer, name, z):  # type: ignore[no-untyped-def]
    import numpy as np

    activations = {
        "relu": lambda x: np.maximum(x, 0),
        "tanh": lambda x: np.tanh(x),
        "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
        "leaky relu": lambda x: np.where(x > 0, x, x / 5),
        "shifted": lambda x: np.minimum(x, 1) + 2,
    }
    return answer(activations[name], z)


@cases(measured_gain)
def visible_measured_gain(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("relu, 11 draws", "relu", rng.normal(size=11))
    yield Case("tanh, 7 draws", "tanh", rng.normal(size=7))


@cases(measured_gain, hidden=True)
def hidden_measured_gain(rng: np.random.Generator) -> Iterator[Case]:
    for name, n in [("relu", 13), ("tanh", 5), ("sigmoid", 7), ("leaky relu", 17), ("shifted", 23)]:
        yield Case(name, name, rng.normal(size=n))


@mistakes(
    measured_gain,
    mean_subtracted="You subtract the mean: that is the standard deviation. The next layer's variance is a sum of squares of what it receives, mean included.",
    no_root="You forget the root. The mean square is in the unit of variances, and the gain multiplies standard deviations.",
    inverted="You return how much the activation shrinks its input. The gain makes up for it: 1 divided by that.",
    mean_absolute="You average absolute values. It is the mean of the squares that is kept.",
    squared_mean="You square the mean. It is the mean of the squares.",
    normalised="You also divide by the mean square of the draws. They come from N(0, 1), where it is 1; the formula leaves it out.",
    not_activated="You never apply the activation.",
    summed="You add the squares up. It is their mean.",
    unbiased="You divide the sum of squares by n - 1. No mean was subtracted: divide by n.",
    table_relu="You return √2 always, the exact gain of ReLU. Measure it for the activation given.",
    positive_only="You leave out the draws that the activation cuts to 0 or below. They count: that ReLU loses half of its input is the whole point.",
)
def measured_gain_with(made: Made, activation: Any, z: ndarray) -> float:
    a = z if made.not_activated else activation(z)
    if made.table_relu:
        return math.sqrt(2)
    if made.mean_subtracted:
        a = a - a.mean()
    if made.positive_only:
        a = a[a > 0]
    square = np.abs(a).mean() ** 2 if made.mean_absolute else a.mean() ** 2 if made.squared_mean else (a**2).mean()
    square = square * len(a) if made.summed else square * len(a) / (len(a) - 1) if made.unbiased else square
    square = square / (z**2).mean() if made.normalised else square
    root = square if made.no_root else np.sqrt(square)
    return float(root if made.inverted else 1 / root)


# ---- fans ------------------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["3.14"])
def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """fan_in and fan_out of a layer: how many inputs one output is computed from, and how many
    outputs one input has a part in.

    `shape` is the shape of the weights as in PyTorch: (outputs, inputs) for a linear layer, and
    (channels out, channels in, *kernel) for a convolution, where the kernel may have 1, 2 or 3
    axes. Stride is 1, and borders do not count.
    """
    kernel = math.prod(shape[2:])
    return shape[1] * kernel, shape[0] * kernel


@probe(fans)
def fans_of_each(answer, shapes):  # type: ignore[no-untyped-def]
    return [answer(shape) for shape in shapes]


@cases(fans)
def visible_fans(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("linear layers", [(5, 3), (2, 7)])
    yield Case("convolutions", [(16, 3, 5, 5), (7, 11, 3), (4, 6, 1, 1)])


@cases(fans, hidden=True)
def hidden_fans(rng: np.random.Generator) -> Iterator[Case]:
    def sizes(count: int) -> tuple[int, ...]:
        return tuple(rng.permutation([2, 3, 5, 7, 11, 13])[:count].tolist())

    yield Case("linear layers", [sizes(2), sizes(2), (17, int(rng.integers(2, 17)))])
    yield Case("1 axis", [sizes(3), sizes(3)])
    yield Case("2 axes", [sizes(4), (*sizes(2), 3, 3), (*sizes(2), 1, 7)])
    yield Case("3 axes", [sizes(5), (*sizes(2), 3, 3, 3)])


@mistakes(
    fans,
    swapped="You return fan_out and fan_in in the wrong order, or read the shape as (inputs, outputs), as Keras has it. In PyTorch outputs come first.",
    no_kernel="You leave the kernel out. One output of a 3×3 convolution is computed from 9 pixels of every input channel.",
    one_side_of_kernel="You count one side of the kernel only. A k×k kernel has k² entries.",
    kernel_summed="You add the sides of the kernel up. The number of its entries is their product.",
    kernel_for_in_only="You count the kernel for fan_in only. One input pixel has a part in as many outputs as the kernel has entries, in every output channel.",
    kernel_for_out_only="You count the kernel for fan_out only. One output is computed from all entries of the kernel, in every input channel.",
    all_weights="You count all weights of the layer. One output is computed from its own only.",
    fan_in_twice="You return fan_in twice. fan_out counts output channels.",
    fan_out_twice="You return fan_out twice. fan_in counts input channels.",
    squared_side="You square the first side of the kernel. A kernel need not be square: multiply its sides.",
    averaged="You return the mean of the two. Return both.",
)
def fans_with(made: Made, shape: tuple[int, ...]) -> Any:
    out, into, *kernel = shape
    entries = math.prod(kernel)
    if made.no_kernel or not kernel:
        entries = 1
    elif made.one_side_of_kernel:
        entries = kernel[0]
    elif made.kernel_summed:
        entries = sum(kernel)
    elif made.squared_side:
        entries = kernel[0] ** 2
    fan_in, fan_out = into * (1 if made.kernel_for_out_only else entries), out * (1 if made.kernel_for_in_only else entries)
    if made.all_weights:
        return math.prod(shape), math.prod(shape)
    if made.averaged:
        return (fan_in + fan_out) / 2
    if made.fan_in_twice or made.fan_out_twice:
        return (fan_in, fan_in) if made.fan_in_twice else (fan_out, fan_out)
    return (fan_out, fan_in) if made.swapped else (fan_in, fan_out)


# ---- xavier ----------------------------------------------------------------------------------------------------------


@exercise(points=3, rows=["3.14"], shares={"the generator": 0.15})
def xavier(fan_in: int, fan_out: int, kind: str, gain: float, rng: np.random.Generator) -> Float[ndarray, "fan_in fan_out"]:
    """Random weights [fan_in, fan_out] with mean 0 and the variance gain² · 2 / (fan_in + fan_out).

    `kind` is "normal" or "uniform", the distribution. A uniform one reaches equally far to both
    sides of 0. All randomness comes from `rng`. Glorot and Bengio (2010).
    """
    variance = gain**2 * 2 / (fan_in + fan_out)
    if kind == "normal":
        return rng.normal(0, math.sqrt(variance), size=(fan_in, fan_out))
    bound = math.sqrt(3 * variance)
    return rng.uniform(-bound, bound, size=(fan_in, fan_out))


@probe(xavier)
def with_generators(answer, fan_in, fan_out, kind, gain, seeds):  # type: ignore[no-untyped-def]
    import numpy as np

    drawn = [answer(fan_in, fan_out, kind, gain, np.random.default_rng(seed)) for seed in seeds]
    return [w.astype(np.float64) if isinstance(w, np.ndarray) and w.dtype.kind == "f" else w for w in drawn]


@verify(xavier, unique=False)
def moments_are_right(drawn, fan_in, fan_out, kind, gain, seeds):  # type: ignore[no-untyped-def]
    """Bounds are 7 standard errors wide: a right answer practically never fails."""
    import math

    import numpy as np

    due, n = 2 * gain * gain / (fan_in + fan_out), fan_in * fan_out
    for w in drawn:
        if not np.isfinite(w).all():
            return "Some of your weights are not finite."
        if abs(w.mean()) > 7 * math.sqrt(due / n):
            return "The mean of your weights is too far from 0 for chance."
        if abs(w.var() / due - 1) > 7 * math.sqrt((2 if kind == "normal" else 0.8) / n):
            return (
                "The variance of your weights is too large for chance." if w.var() > due else "The variance of your weights is too small for chance."
            )
        if kind == "uniform" and np.abs(w).max() > math.sqrt(3 * due) * (1 + 1e-6):
            return "Some of your uniform weights lie outside of the interval in which they should be."
        if kind == "normal" and np.abs(w).max() < math.sqrt(3 * due) * 1.2:
            return "Your weights have no tails: they do not come from a normal distribution."
        if abs(np.corrcoef(w[:-1].ravel(), w[1:].ravel())[0, 1]) > 7 / math.sqrt(n) or abs(
            np.corrcoef(w[:, :-1].ravel(), w[:, 1:].ravel())[0, 1]
        ) > 7 / math.sqrt(n):
            return "Your weights depend on each other: each should be a draw of its own."
    if len(seeds) > 1 and not np.array_equal(drawn[0], drawn[1]):
        return "Two generators with the same seed give different weights. Take all randomness from `rng`."
    if len(seeds) > 2 and np.array_equal(drawn[0], drawn[2]):
        return "Generators with different seeds give the same weights. Take all randomness from `rng`."
    return None


def seed(rng: np.random.Generator) -> int:
    return int(rng.integers(1, 10**6))


@cases(xavier)
def visible_xavier(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("normal, 89 to 31", 89, 31, "normal", 1.0, [seed(rng)])
    yield Case("uniform, 23 to 97, gain 1.5", 23, 97, "uniform", 1.5, [seed(rng)])


@cases(xavier, hidden=True)
def hidden_xavier(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("normal, wide to narrow", 211, 17, "normal", 0.7, [seed(rng)])
    yield Case("normal, narrow to wide", 19, 173, "normal", math.sqrt(2), [seed(rng)])
    yield Case("uniform, wide to narrow", 151, 29, "uniform", 1.0, [seed(rng)])
    yield Case("uniform, narrow to wide", 13, 251, "uniform", 5 / 3, [seed(rng)])
    yield Case("square", 67, 67, "normal", 1.0, [seed(rng)])
    one = seed(rng)
    hint = "All randomness comes from `rng`: the same generator gives the same weights, another one others."
    yield Case("three generators", 41, 59, "normal", 1.0, [one, one, one + 1], group="the generator", hint=hint)


@mistakes(
    xavier,
    variance_as_deviation="You pass the variance where the standard deviation is due. `rng.normal` takes the standard deviation, its root.",
    fan_in_only="You use fan_in only. Xavier's variance has the mean of fan_in and fan_out, so that activations and gradients are both served.",
    he="You use 2 / fan_in. That is He's variance for ReLU layers; Xavier's is 2 / (fan_in + fan_out).",
    fan_out_only="You use fan_out only. Xavier's variance has the mean of fan_in and fan_out, so that activations and gradients are both served.",
    no_two="The factor 2 is missing: the mean of the two fans is half their sum.",
    multiplied="You multiply by the sum of the fans. The more inputs a unit has, the smaller each weight must be: divide.",
    bound_is_deviation="Your uniform weights reach as far as the standard deviation. A uniform distribution on [-a, a] has the variance a²/3.",
    bound_of_twelve="Your uniform bound is twice too large: the variance of an interval of width 2a is (2a)²/12.",
    one_sided="Your uniform weights lie between 0 and the bound. They should reach equally far to both sides of 0.",
    no_gain="You leave the gain out.",
    root_of_gain="Your variance has the gain, not its square. The gain multiplies the standard deviation.",
    gain_squared="Your standard deviation has the square of the gain. The gain itself multiplies it.",
    always_normal="You draw from a normal distribution always, whatever `kind` says.",
    always_uniform="You draw from a uniform distribution always, whatever `kind` says.",
    transposed="Your shape is [fan_out, fan_in]. Here it is [fan_in, fan_out].",
    fixed_seed="You make a generator of your own, so that the weights are always the same ones. Use `rng`.",
)
def xavier_with(made: Made, fan_in: int, fan_out: int, kind: str, gain: float, rng: np.random.Generator) -> ndarray:
    rng = np.random.default_rng(0) if made.fixed_seed else rng
    total = fan_in if made.he else 2 * fan_in if made.fan_in_only else 2 * fan_out if made.fan_out_only else fan_in + fan_out
    factor = 1 if made.no_gain else gain if made.root_of_gain else gain**4 if made.gain_squared else gain**2
    variance = factor * (1 if made.no_two else 2) * (total if made.multiplied else 1 / total)
    deviation = variance if made.variance_as_deviation and kind == "normal" else math.sqrt(variance)
    shape = (fan_out, fan_in) if made.transposed else (fan_in, fan_out)
    if (kind == "normal" or made.always_normal) and not made.always_uniform:
        return rng.normal(0, deviation, size=shape)
    bound = deviation * (1 if made.bound_is_deviation else math.sqrt(12) if made.bound_of_twelve else math.sqrt(3))
    return rng.uniform(0 if made.one_sided else -bound, bound, size=shape)
