"""Numbers and vectors: how long they are, how they add up, and what the angle between two of them says."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Num
from numpy import ndarray

from autograder.exercise import Case, Made, cases, equivalent, exercise, mistakes, probe, verify

# ---- abs_piecewise ---------------------------------------------------------------------------------------------------


@exercise(
    points=1,
    rows=["1.4"],
    shares={"zero": 0.2, "extremes": 0.1, "whole numbers": 0.1},
    forbid=["abs", "numpy.abs", "numpy.absolute", "numpy.fabs", "math.fabs", "math.copysign", "numpy.copysign"],
)
def abs_piecewise(a: float) -> float:
    """The absolute value of a, always as a float, also where a is an integer.

    That of 0.0 and of -0.0 is 0.0, without a sign; that of NaN is NaN, and that of ±infinity
    is infinity. Very large and very small numbers have one as well.
    """
    if a > 0:
        return float(a)
    return 0.0 - a


@verify(abs_piecewise)
def a_float_without_sign(answer, a):  # type: ignore[no-untyped-def]
    import math

    answer = answer.item() if hasattr(answer, "item") else answer
    if not isinstance(answer, float):
        return "Your answer is an integer; a float is wanted for every a."
    if answer == 0 and math.copysign(1, answer) < 0:
        return "Your answer is -0.0. An absolute value has no sign, so 0.0 is wanted."
    return None


@cases(abs_piecewise)
def visible_abs_piecewise(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("a positive number", 2.5)
    yield Case("a negative number", -1.75)
    yield Case("zero", 0.0, group="zero")
    yield Case("negative zero", -0.0, group="zero")
    yield Case("minus infinity", -math.inf, group="extremes")
    yield Case("an integer", -3, group="whole numbers")


@cases(abs_piecewise, hidden=True)
def hidden_abs_piecewise(rng: np.random.Generator) -> Iterator[Case]:
    for label, sign in [("positive", 1), ("negative", -1)]:
        yield Case(f"a {label} number below 1", sign * float(rng.uniform(0.1, 0.9)))
        yield Case(f"a {label} number above 1", sign * float(rng.uniform(2, 99)))
    yield Case("zero", 0.0, group="zero")
    yield Case("negative zero", -0.0, group="zero")
    hint = "NaN, ±infinity, and very large and very small numbers have an absolute value as well."
    for number in (math.nan, math.inf, -math.inf, -1e300, -1e-300):
        yield Case("an extreme number", number, group="extremes", hint=hint)
    yield Case("a negative integer", -int(rng.integers(2, 99)), group="whole numbers", hint="For an integer the answer is a float too.")
    yield Case("a positive integer", int(rng.integers(2, 99)), group="whole numbers", hint="For an integer the answer is a float too.")


@mistakes(
    abs_piecewise,
    unchanged="You return a as it is. Where a is below 0 the sign has to go.",
    negated="You change the sign of every number. Numbers above 0 stay what they are.",
    branches_swapped="Your two cases are swapped: your answer is never positive. Numbers below 0 change their sign, the others do not.",
    squared="You return the square. It has no sign either, but it is another number.",
    root_of_square="The root of the square is right for numbers of moderate size, but the square of 1e300 overflows and that of 1e-300 is lost. Go by the sign instead.",
    only_the_sign="You return the sign of a, 1 or -1. What is wanted is a without its sign.",
    cut_to_whole="You lose what stands after the point; `int` cuts it off.",
    negative_to_zero="Numbers below 0 become 0 in yours. That is relu; the absolute value is their distance from 0.",
    zero_forgotten="For a = 0 your function returns None: no case covers it. Make one of the two comparisons include 0.",
    zero_negated="For a = 0.0 you return -0.0, which is what `-a` gives there. Mathematics does not care, but floats have two zeros. Subtracting from 0.0 gives the one without a sign.",
    minus_zero_kept="For a = -0.0 you return -0.0, because -0.0 counts as equal to 0. Floats have two zeros; `0.0 - a` gives the one without a sign.",
    nan_lost="NaN is neither above nor below 0 nor equal to it, so it ends in your last case and becomes a number. What is unknown stays unknown.",
    integer_stays="For an integer you return an integer. A float is wanted in every case.",
)
def abs_piecewise_with(made: Made, a: float) -> Any:
    if made.integer_stays and isinstance(a, int):
        return a if a > 0 else -a
    a = float(a)
    if made.unchanged or made.negated:
        return a if made.unchanged else -a
    if made.branches_swapped:
        return a if a < 0 else -a
    if made.squared:
        return a * a
    if made.root_of_square:
        return math.sqrt(a * a)
    if made.only_the_sign:
        return float(np.sign(a))
    if made.cut_to_whole and math.isfinite(a):
        a = float(int(a))
    if made.negative_to_zero:
        return max(a, 0.0)
    if made.zero_forgotten and a == 0:
        return None
    if made.nan_lost and math.isnan(a):
        return 0.0
    if made.zero_negated and a == 0:
        return -a
    if made.minus_zero_kept and a == 0:
        return a
    return a if a > 0 else 0.0 - a


# ---- triangle_gap ----------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["1.4", "1.5"])
def triangle_gap(a: Float[ndarray, "*shape"], b: Float[ndarray, "*shape"]) -> Float[ndarray, "*shape"]:
    """How much longer it is to walk |a| and then |b| than to walk |a + b| at once, in every place of
    the two arrays: |a| + |b| - |a + b|.
    """
    gap: ndarray = np.abs(a) + np.abs(b) - np.abs(a + b)
    return gap


@cases(triangle_gap)
def visible_triangle_gap(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("four pairs by hand", np.array([3.0, 3, -3, -3]), np.array([2.0, -2, 2, -2]))
    yield Case("3 × 5 pairs", rng.normal(size=(3, 5)), rng.normal(size=(3, 5)))


@cases(triangle_gap, hidden=True)
def hidden_triangle_gap(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("11 pairs", rng.normal(size=11), rng.normal(size=11))
    yield Case("2 × 3 × 5 pairs", rng.normal(size=(2, 3, 5)), rng.normal(size=(2, 3, 5)))
    yield Case("7 × 7 pairs", 10 * rng.normal(size=(7, 7)), rng.normal(size=(7, 7)))
    yield Case("opposite signs", rng.uniform(1, 5, size=13), -rng.uniform(1, 5, size=13))


@mistakes(
    triangle_gap,
    wrong_sign="Your gaps are negative. The long way comes first: |a| + |b|, and |a + b| is subtracted.",
    sum_without_abs="You subtract a + b without its absolute value.",
    first_without_abs="You take a without its absolute value.",
    second_without_abs="You take b without its absolute value.",
    difference="You subtract |a - b|. The way at once is |a + b|.",
    last_minus_inside="You take |a| + |b| - |a| + |b|, because a + b has lost its common bars (or its parentheses). Add first, then take the absolute value.",
    product="You compare with the product |a · b|. The triangle inequality is about the sum.",
    lengths_multiplied="You multiply |a| by |b|. The two ways are added.",
    long_way_only="You return |a| + |b|, the long way only. The way at once is subtracted.",
    short_way_only="You return |a + b|, the way at once only. It is subtracted from |a| + |b|.",
    halved="You return half the gap (which is the smaller of |a| and |b| where the signs differ).",
    yes_or_no="You return whether the inequality holds. The gap itself is wanted.",
    of_the_sums="You add up over the array first. The gap is wanted in every place.",
)
def triangle_gap_with(made: Made, a: ndarray, b: ndarray) -> Any:
    first, second = a if made.first_without_abs else np.abs(a), b if made.second_without_abs else np.abs(b)
    short = np.abs(a - b if made.difference else a * b if made.product else a + b)
    if made.sum_without_abs:
        short = a + b
    long = first * second if made.lengths_multiplied else first + second
    if made.last_minus_inside:
        return first + second - first + second
    if made.long_way_only or made.short_way_only:
        return long if made.long_way_only else short
    if made.yes_or_no:
        return short <= long
    if made.of_the_sums:
        return np.abs(a).sum() + np.abs(b).sum() - np.abs((a + b).sum())
    gap = short - long if made.wrong_sign else long - short
    return gap / 2 if made.halved else gap


# ---- l2_norm ---------------------------------------------------------------------------------------------------------

NORMS = ["numpy.linalg.norm", "numpy.linalg.vector_norm", "scipy.linalg.norm", "math.hypot", "math.dist", "scipy.spatial.distance.euclidean"]


@exercise(points=2, rows=["1.5"], shares={"huge and tiny": 0.2, "zero vector": 0.1}, forbid=NORMS)
def l2_norm(v: Num[ndarray, "n"]) -> float:
    """The length of the vector v: the root of the sum of its squares.

    The zero vector has length 0. Entries may be as large as 1e200 or as small as 1e-200,
    although the squares of such numbers are beyond what a float can hold.
    """
    largest = np.abs(v).max()
    if largest == 0:
        return 0.0
    return float(largest * np.sqrt(((v / largest) ** 2).sum()))


@cases(l2_norm)
def visible_l2_norm(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("(3, -4) by hand", np.array([3.0, -4.0]))
    yield Case("5 numbers", rng.normal(size=5))
    yield Case("numbers of size 1e200", 1e200 * np.array([2.0, -3.0, 6.0]), group="huge and tiny")
    yield Case("the zero vector", np.zeros(3), group="zero vector")


@cases(l2_norm, hidden=True)
def hidden_l2_norm(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("11 numbers", rng.normal(size=11))
    yield Case("7 large numbers", 100 * rng.normal(size=7))
    yield Case("13 small numbers", rng.choice([-1, 1], size=13) * rng.uniform(0.2, 0.5, size=13))
    yield Case("all negative", -rng.uniform(1, 5, size=5))
    yield Case("a single negative number", -rng.uniform(1, 5, size=1))
    hint = "Squares of numbers like 1e200 overflow, and those of 1e-200 vanish. Divide by the largest absolute value first, and multiply by it at the end."
    yield Case("numbers of size 1e200", 1e200 * rng.normal(size=5), group="huge and tiny", hint=hint)
    yield Case("numbers of size 1e-200", 1e-200 * rng.normal(size=7), group="huge and tiny", hint=hint)
    zero = "The zero vector has length 0. Dividing by its largest entry would be dividing by 0."
    yield Case("the zero vector", np.zeros(int(rng.integers(2, 9))), group="zero vector", hint=zero)


@mistakes(
    l2_norm,
    no_root="You return the sum of the squares, which is the squared length. The root is missing.",
    sum_of_absolutes="You add up absolute values. That is the 1-norm, the way along the axes; here it is the straight line.",
    largest_entry="You return the largest absolute value. That is the maximum norm.",
    squared_sum="You add first and square then, so that the root only takes the sign away. Square every entry before you add.",
    roots_added="You take the root of every square and add then, or multiply by n: the root comes last, once.",
    root_mean_square="You divide by the number of entries: that is the root of the mean of the squares.",
    centred="You subtract the mean first. That measures the spread of the entries, not the length of the vector.",
    halved="You divide the sum of squares by 2, as in a loss. A length has no such factor.",
    not_squared="You add the entries without squaring them.",
    last_entry_missing="The last entry does not count in yours. Does a loop end too early?",
    first_entry_missing="The first entry does not count in yours. Entries count from 0.",
    scale_not_undone="You divide by the largest absolute value, and never multiply by it again.",
    scale_without_abs="You scale with the largest entry. Where the largest absolute value belongs to a negative one, that goes wrong: use absolute values.",
    overflows="The square of 1e200 is infinite and that of 1e-200 is 0. Divide by the largest absolute value first, and multiply by it at the end.",
    zero_vector_lost="For the zero vector you divide 0 by 0. Its length is 0.",
)
def l2_norm_with(made: Made, v: ndarray) -> Any:
    v = v * 1.0
    if made.first_entry_missing or made.last_entry_missing:
        v = v[1:] if made.first_entry_missing else v[:-1]
    if made.not_squared or made.sum_of_absolutes or made.roots_added:
        return float(v.sum() if made.not_squared else np.abs(v).sum() if made.sum_of_absolutes else np.sqrt(len(v)) * np.sqrt((v * v).sum()))
    if made.squared_sum:
        return float(np.abs(v.sum()))
    if made.centred:
        v = v - v.mean()
    if made.overflows:
        return float(np.sqrt((v * v).sum()))
    largest = v.max(initial=-np.inf) if made.scale_without_abs else np.abs(v).max(initial=0)
    if made.largest_entry:
        return float(largest)
    if not v.any():
        return math.nan if made.zero_vector_lost else 0.0
    total = ((v / largest) ** 2).sum()
    if made.root_mean_square or made.halved:
        total = total / (len(v) if made.root_mean_square else 2)
    if made.no_root:
        return float(total * largest * largest)
    return float(np.sqrt(total) * (1 if made.scale_not_undone else largest))


# ---- dot -------------------------------------------------------------------------------------------------------------

PRODUCTS = [f"numpy.{name}" for name in ("dot", "vdot", "inner", "matmul", "vecdot", "linalg.vecdot", "einsum", "tensordot", "linalg.multi_dot")]


@exercise(points=1, rows=["1.5"], forbid=[*PRODUCTS, "math.sumprod"])
def dot(a: Num[ndarray, "n"], b: Num[ndarray, "n"]) -> float:
    """The dot product of two vectors of the same length."""
    return float(sum(x * y for x, y in zip(a, b, strict=True)))


equivalent(
    dot,
    {
        "return float(sum((x * y for x, y in zip(b, a, strict=True))))": "Each product of two numbers is the same in either order.",
    },
)


@cases(dot)
def visible_dot(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("(1, 2, 3) with (4, -5, 6) by hand", np.array([1.0, 2, 3]), np.array([4.0, -5, 6]))
    yield Case("5 numbers each", rng.normal(size=5), rng.normal(size=5))


@cases(dot, hidden=True)
def hidden_dot(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("11 numbers each", rng.normal(size=11), rng.normal(size=11))
    yield Case("all negative", -rng.uniform(1, 3, size=7), rng.uniform(1, 3, size=7))
    yield Case("large and small", 50 * rng.normal(size=13), 0.1 * rng.normal(size=13))
    yield Case("2 numbers each", rng.normal(size=2), rng.normal(size=2))


@mistakes(
    dot,
    not_summed="You multiply entry by entry and stop there. The dot product is the sum of these products, a single number.",
    product_of_sums="You add up each vector and multiply the two sums. Multiply entry by entry first, then add.",
    entries_added="You add the entries of the two vectors. They are multiplied in pairs.",
    mean="You take the mean of the products. The dot product is their sum.",
    cosine="You divide by the lengths. That is the cosine of the angle; the dot product keeps the lengths.",
    outer="You multiply every entry of a with every entry of b. Entry k of a meets entry k of b only.",
    reversed_order="The last entry of b meets the first of a. Entry k of a meets entry k of b.",
    squared_distance="You return the squared distance between a and b.",
    with_itself="You multiply one of the vectors with itself.",
    absolute_products="You drop the signs of the products. Products below 0 count as such.",
    absolute_value="You drop the sign of the sum. A dot product may be negative: then the vectors point apart.",
    last_missing="The last pair is missing. Does a loop end too early?",
    first_missing="The first pair is missing. Entries count from 0.",
    last_only="You return the product of the last pair only: inside a loop, `=` forgets what was there before, `+=` adds to it.",
)
def dot_with(made: Made, a: ndarray, b: ndarray) -> Any:
    if made.first_missing or made.last_missing:
        a, b = (a[1:], b[1:]) if made.first_missing else (a[:-1], b[:-1])
    if made.with_itself:
        b = a
    if made.reversed_order:
        b = b[::-1]
    products = a + b if made.entries_added else (a - b) ** 2 if made.squared_distance else np.outer(a, b) if made.outer else a * b
    if made.absolute_products:
        products = np.abs(products)
    if made.not_summed or made.outer:
        return products
    if made.product_of_sums:
        return float(a.sum() * b.sum())
    if made.mean or made.last_only:
        return float(products.mean() if made.mean else products[-1])
    total = float(products.sum())
    if made.cosine:
        total = float(total / np.sqrt((1.0 * a * a).sum() * (1.0 * b * b).sum()))
    return abs(total) if made.absolute_value else total


# ---- is_orthogonal ---------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["1.5"], shares={"zero vector": 0.1}, without=["float32"])
def is_orthogonal(a: Float[ndarray, "n"], b: Float[ndarray, "n"], tol: float = 1e-9) -> bool:
    """Whether a and b are at right angles, up to rounding: whether |a · b| is at most `tol` times the
    product of their lengths. The zero vector is orthogonal to every vector.
    """
    return bool(abs(a @ b) <= tol * np.linalg.norm(a) * np.linalg.norm(b))


@probe(is_orthogonal)
def of_every_pair(answer, a, b, tol=None):  # type: ignore[no-untyped-def]
    """The answers for row k of a with row k of b."""
    return [answer(x, y) if tol is None else answer(x, y, tol) for x, y in zip(a, b, strict=True)]


def pairs(rng: np.random.Generator, dim: int, cosines: list[float], sizes: list[float]) -> tuple[ndarray, ndarray]:
    """Pairs of vectors with these cosines, up to rounding, and of these sizes; in random order."""
    a = rng.normal(size=(len(cosines), dim))
    other = rng.normal(size=(len(cosines), dim))
    unit = a / np.linalg.norm(a, axis=1, keepdims=True)
    across = other - (other * unit).sum(1, keepdims=True) * unit
    across = across - (across * unit).sum(1, keepdims=True) * unit
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    cosine, size = np.array(cosines)[:, None], np.array(sizes)[:, None]
    b = (cosine * unit + np.sqrt(1 - cosine**2) * across) * rng.uniform(1, 3, size=(len(cosines), 1)) * size
    order = rng.permutation(len(cosines))
    return (a * size)[order], b[order]


equivalent(
    is_orthogonal,
    {
        "return bool(abs(b @ a) <= tol * np.linalg.norm(a) * np.linalg.norm(b))": "A dot product of two vectors does not depend on their order.",
    },
)


@cases(is_orthogonal)
def visible_is_orthogonal(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("by hand", np.array([[1.0, 2, 0], [3, 0, 1], [1, 1, 1], [2, -1, 5]]), np.array([[-2.0, 1, 7], [0, 4, 0], [1, 1, 1], [-4, 2, -10]]))
    yield Case("up to rounding", *pairs(rng, 5, [0, 0, 0, 0.5, -0.5, 1e-3], [1.0] * 6))
    yield Case("large and small vectors", *pairs(rng, 3, [0, 0, 0.3, -0.3], [1e7, 1e-7, 1e-7, 1e7]))
    yield Case("tolerance 0.1", *pairs(rng, 5, [0.05, -0.05, 1e-3, 0.3, -0.3], [1.0] * 5), 0.1)
    yield Case("zero vectors", np.array([[0.0, 0, 0], [1, 2, 3]]), np.array([[1.0, 2, 3], [1, 2, 3]]), group="zero vector")


@cases(is_orthogonal, hidden=True)
def hidden_is_orthogonal(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("up to rounding", *pairs(rng, 7, [0, 0, 0, 0, 0.5, -0.5, 1e-3, -1e-3, 0.999], [1.0] * 9))
    yield Case("large vectors", *pairs(rng, 5, [0, 0, 0, 0.5, -0.5, -1e-3], [1e8] * 6))
    yield Case("small vectors", *pairs(rng, 3, [0, 0, 0.5, -0.5, 0.9, 1e-3], [1e-8] * 6))
    tol = round(float(rng.uniform(0.08, 0.12)), 4)
    yield Case("another tolerance", *pairs(rng, 11, [0.05, -0.05, 1e-3, 0.3, -0.3, 0.2, 0.5], [1.0, 30, 1, 30, 1, 0.03, 1]), tol)
    hint = "The zero vector is orthogonal to every vector: 0 is at most 0. A cosine does not exist for it."
    yield Case("zero vectors", np.vstack([np.zeros((2, 5)), rng.normal(size=(2, 5))]), rng.normal(size=(4, 5)), group="zero vector", hint=hint)


@mistakes(
    is_orthogonal,
    exactly_zero="You ask whether the dot product is exactly 0. Rounding leaves something like 1e-17 there, so right angles must be recognised up to a tolerance.",
    absolute_tolerance="You compare the dot product with `tol` itself, whatever the lengths are. Long vectors have large rounding errors, and very short ones a small dot product at any angle: multiply `tol` by both lengths.",
    sign_ignored="Vectors that point apart count as orthogonal in yours, because a negative dot product is always below the bound. Take its absolute value.",
    one_length="You take the length of one vector only into account. The dot product grows with both.",
    squared_lengths="You use squared lengths. The dot product grows with the lengths themselves.",
    parallel="You recognise vectors that point the same (or the opposite) way. At right angles the dot product is 0.",
    inverted="Your True and False are swapped.",
    entry_by_entry="You want every single product to be 0. Only their sum has to be.",
    tol_ignored="You do not use the `tol` that is passed in.",
    in_degrees="You compare an angle in degrees with `tol`. It bounds |a · b| relative to the lengths, so it is a cosine.",
    zero_excluded="You say False for a zero vector. It is orthogonal to all: `<` in place of `<=` misses it, and so does a cosine, which would be 0/0.",
    as_number="You return a number. The answer is True or False.",
)
def is_orthogonal_with(made: Made, a: ndarray, b: ndarray, tol: float = 1e-9) -> Any:
    product, lengths = float(a @ b), float(np.linalg.norm(a)) * float(np.linalg.norm(b))
    if made.tol_ignored:
        tol = 1e-9
    if made.as_number:
        return product
    if made.zero_excluded and lengths == 0:
        return False
    if made.exactly_zero or made.entry_by_entry:
        return product == 0 if made.exactly_zero else bool((np.abs(a * b) <= tol * lengths).all())
    if made.parallel:
        return abs(product) >= (1 - tol) * lengths
    if made.in_degrees:
        return lengths == 0 or abs(math.degrees(math.acos(max(-1.0, min(1.0, product / lengths)))) - 90) <= tol
    if made.absolute_tolerance:
        lengths = 1.0
    if made.one_length or made.squared_lengths:
        lengths = float(np.linalg.norm(a)) if made.one_length else lengths**2
    answer = (product if made.sign_ignored else abs(product)) <= tol * lengths
    return answer != made.inverted


# ---- project ---------------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["1.5"])
def project(a: Num[ndarray, "n"], b: Num[ndarray, "n"]) -> Float[ndarray, "n"]:
    """The shadow of a on the line through 0 and b: the point on this line that is closest to a.

    b is not the zero vector.
    """
    shadow: ndarray = a @ b / (b @ b) * b
    return shadow


equivalent(
    project,
    {
        "shadow: ndarray = b @ a / (b @ b) * b": "A dot product of two vectors does not depend on their order.",
    },
)


@cases(project)
def visible_project(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("(3, 4) onto (2, 0) by hand", np.array([3.0, 4]), np.array([2.0, 0]))
    yield Case("5 numbers each", rng.normal(size=5), rng.normal(size=5))


@cases(project, hidden=True)
def hidden_project(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("7 numbers each", rng.normal(size=7), rng.normal(size=7))
    yield Case("onto a long vector", rng.normal(size=11), 30 * rng.normal(size=11))
    yield Case("onto a short vector", 5 * rng.normal(size=3), rng.choice([-1, 1], size=3) * rng.uniform(0.2, 0.5, size=3))
    a = rng.uniform(1, 3, size=5)
    yield Case("pointing apart", a, -a + rng.uniform(-0.5, 0.5, size=5))


@mistakes(
    project,
    one_length="You divide by the length of b once. It stands in the formula twice: once to make b a direction, and once in the dot product. Divide by its square.",
    not_divided="You multiply b by the dot product and do not divide. The shadow must not depend on how long b is.",
    length_of_shadow="You return a number, the length of the shadow. The shadow is a vector along b.",
    coefficient="You return the factor by which b is multiplied. The shadow is this factor times b.",
    unit_of_b="You multiply the direction of b by the factor that belongs to b itself. Either both use b, or both its direction.",
    cosine="You multiply b by the cosine of the angle. The length of the shadow depends on that of a, and not on that of b: divide by the squared length of b instead.",
    onto_a="You project b onto a. The shadow lies on the line of b.",
    rejection="You return a minus its shadow, the part of a that is orthogonal to b.",
    divided_by_a="You divide by the squared length of a. It is the length of b that must not matter.",
    along_a="You multiply a by the factor in place of b. The shadow lies on the line of b.",
    reflected="You return the mirror image of a on the other side of the line. The shadow lies half-way to it.",
    wrong_sign="Your shadow points the other way.",
    never_backwards="You drop the sign of the dot product. Where a and b point apart, the shadow points against b.",
    entry_by_entry="You multiply and divide entry by entry. The factor is a single number, the same for all entries of b.",
)
def project_with(made: Made, a: ndarray, b: ndarray) -> Any:
    if made.onto_a:
        a, b = b, a
    product, square, length = a @ b, b @ b, np.sqrt(b @ b)
    if made.never_backwards:
        product = abs(product)
    if made.entry_by_entry:
        return (a * b) / square * b
    if made.length_of_shadow or made.coefficient:
        return float(product / (length if made.length_of_shadow else square))
    if made.divided_by_a or made.cosine:
        square = a @ a if made.divided_by_a else np.sqrt(a @ a) * length
    factor = product / (length if made.one_length else 1.0 if made.not_divided else square)
    shadow = factor * (a if made.along_a else b / length if made.unit_of_b else b)
    if made.rejection or made.reflected:
        return a - shadow if made.rejection else 2 * shadow - a
    return -shadow if made.wrong_sign else shadow


# ---- most_similar ----------------------------------------------------------------------------------------------------


@exercise(points=3, rows=["1.5"], forbid=["sklearn.metrics.pairwise.cosine_similarity", "sklearn.metrics.pairwise.cosine_distances"])
def most_similar(query: Float[ndarray, "dim"], vectors: Float[ndarray, "n dim"], k: int) -> Int[ndarray, "k"]:
    """The numbers of the k rows of `vectors` that make the smallest angle with `query`, the nearest
    first; so it is the cosine of the angle that decides, not the lengths.

    Rows count from 0. An array or a list. No vector is zero, and no two angles are equal.
    """
    cosines = vectors @ query / np.linalg.norm(vectors, axis=1)
    return np.argsort(-cosines)[:k]


@probe(most_similar)
def rows_as_array(answer, query, vectors, k):  # type: ignore[no-untyped-def]
    import numpy as np

    found = answer(query, vectors, k)
    return np.asarray(found) if isinstance(found, list | tuple) else found


def spread(rng: np.random.Generator, n: int, dim: int) -> tuple[ndarray, ndarray]:
    """A query, and vectors of different lengths whose cosines with it are never close to each other."""
    while True:
        query = rng.normal(size=dim) + 0.3
        vectors = (rng.normal(size=(n, dim)) + 0.3) * rng.uniform(0.3, 3, size=(n, 1))
        cosines = vectors @ query / np.linalg.norm(vectors, axis=1) / np.linalg.norm(query)
        if np.diff(np.sort(cosines)).min() > 1e-3:
            return query, vectors


@cases(most_similar)
def visible_most_similar(rng: np.random.Generator) -> Iterator[Case]:
    by_hand = np.array([[5.0, 5], [0, 1], [-3, -0.1], [0.2, 0.1], [9, -8]])
    yield Case("3 of 5 by hand", np.array([1.0, 0.2]), by_hand, 3)
    yield Case("4 of 11", *spread(rng, 11, 3), 4)


@cases(most_similar, hidden=True)
def hidden_most_similar(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("5 of 13", *spread(rng, 13, 7), 5)
    yield Case("7 of 17", *spread(rng, 17, 3), 7)
    yield Case("3 of 11", *spread(rng, 11, 5), 3)
    yield Case("all of 7", *spread(rng, 7, 7), 7)
    yield Case("5 of 13, two coordinates", *spread(rng, 13, 2), 5)


@mistakes(
    most_similar,
    dot_product="You rank by the dot product, which grows with a row's length. Divide each by the length of its row; dividing all by the same number, such as the query's length, leaves the order as it is.",
    distance="You rank by distance. A vector that points the same way may still be far away; it is the angle that counts.",
    squared_lengths="You divide by the squared lengths of the rows. The cosine divides by the lengths themselves.",
    least_similar="You return the rows with the largest angles. `argsort` sorts upwards, so the largest cosines stand at its end.",
    farthest_first="You found the right rows, in reversed order: the nearest comes first.",
    in_order_of_rows="You found the right rows, and list them in the order in which they stand. The nearest comes first.",
    absolute_cosine="You drop the signs of the cosines. A vector that points the opposite way is the least similar of all.",
    best_skipped="You leave out the nearest row, as one does when the query itself is among the rows. Here it is not.",
    one_too_many="You return one row too many.",
    best_only="You return only the nearest row. k of them are wanted.",
    cosines="You return cosines (or angles). Wanted are the numbers of the rows.",
    ranks="You return ranks: the place that each row takes. Wanted is the row that takes each place, which is what a single `argsort` gives.",
    centred="You subtract means first. That is a correlation; the cosine takes vectors as they are.",
    unsorted="You return the first k rows, whatever their angles are.",
)
def most_similar_with(made: Made, query: ndarray, vectors: ndarray, k: int) -> Any:
    if made.unsorted:
        return np.arange(k)
    if made.centred:
        query, vectors = query - query.mean(), vectors - vectors.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(vectors, axis=1)
    scores = vectors @ query / (1.0 if made.dot_product else lengths**2 if made.squared_lengths else lengths)
    if made.distance:
        scores = -np.linalg.norm(vectors - query, axis=1)
    scores = np.abs(scores) if made.absolute_cosine else scores
    order = np.argsort(scores if made.least_similar else -scores)
    if made.ranks:
        return np.argsort(order)[:k]
    if made.best_only:
        return int(order[0])
    best = order[1 : k + 1] if made.best_skipped else order[: k + 1] if made.one_too_many else order[:k]
    if made.farthest_first or made.in_order_of_rows:
        return best[::-1] if made.farthest_first else np.sort(best)
    return scores[best] / np.linalg.norm(query) if made.cosines else best
