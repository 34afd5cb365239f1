"""Derivatives: the table and its rules, slopes measured by differences, kinks, and gradients as row vectors."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from jaxtyping import Float, Num
from numpy import ndarray

from autograder.exercise import Case, Made, cases, equivalent, exercise, mistakes, probe

# ---- derivative ------------------------------------------------------------------------------------------------------


@exercise(points=3, rows=["1.12"])
def derivative(expression: float | str | tuple[Any, ...], x: float) -> float:
    """The derivative of an expression at the number x.

    An expression is "x", or a constant number, or one of the tuples ("+", u, v), ("*", u, v),
    ("power", u, n), ("exp", u), ("log", u) and ("sin", u). Here u and v are expressions again
    and n is a constant number; "log" is the natural logarithm.
    """

    def value_and_slope(e: Any) -> tuple[float, float]:
        if e == "x":
            return x, 1.0
        if not isinstance(e, tuple):
            return e, 0.0
        operation, first, *rest = e
        u, du = value_and_slope(first)
        if operation == "exp":
            return math.exp(u), math.exp(u) * du
        if operation == "log":
            return math.log(u), du / u
        if operation == "sin":
            return math.sin(u), math.cos(u) * du
        if operation == "power":
            n = rest[0]
            return u**n, n * u ** (n - 1) * du
        v, dv = value_and_slope(rest[0])
        return (u + v, du + dv) if operation == "+" else (u * v, du * v + u * dv)

    return value_and_slope(expression)[1]


equivalent(
    derivative,
    {
        "v, dv = value_and_slope(rest[-1])": "An operation has at most two operands, so only one is left.",
        "n = rest[-1]": "An operation has at most two operands, so only one is left.",
    },
)


@cases(derivative)
def visible_derivative(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("3x + 5 at 2", ("+", ("*", 3.0, "x"), 5.0), 2.0)
    yield Case("x⁴ at -1.5", ("power", "x", 4), -1.5)
    yield Case("sin(x) log(x) at 0.7", ("*", ("sin", "x"), ("log", "x")), 0.7)
    yield Case("log(1 + x²) at 0.6", ("log", ("+", 1.0, ("power", "x", 2))), 0.6)


@cases(derivative, hidden=True)
def hidden_derivative(rng: np.random.Generator) -> Iterator[Case]:
    def number(low: float, high: float) -> float:
        return round(float(rng.uniform(low, high)), 3)

    a, b, c = number(1.2, 2.9), number(-2.9, -1.2), number(0.3, 0.9)
    yield Case("a straight line", ("+", b, ("*", "x", a)), number(0.5, 2))
    yield Case("a power of a negative number", ("*", c, ("power", "x", 5)), number(-1.9, -1.2))
    yield Case("a broken power", ("power", "x", number(-1.8, -1.3)), number(0.4, 0.8))
    yield Case("a product of three", ("*", ("exp", "x"), ("*", ("sin", "x"), ("power", "x", 3))), number(0.5, 0.9))
    yield Case("a sine inside a power", ("power", ("+", ("sin", "x"), a), 3), number(0.4, 1.1))
    yield Case("a wave that gets faster", ("sin", ("*", a, ("power", "x", 2))), number(0.6, 1.4))
    yield Case("a bell", ("exp", ("*", -c, ("power", ("+", "x", b), 2))), number(0.2, 0.9))
    yield Case("a logarithm of a sum", ("log", ("+", ("exp", ("*", b, "x")), a)), number(0.3, 0.8))
    yield Case("a sigmoid", ("power", ("+", 1.0, ("exp", ("*", -1.0, "x"))), -1), number(-1.5, -0.4))
    yield Case("log inside log", ("log", ("log", ("+", "x", 3.0))), number(0.5, 2.5))
    yield Case("a constant", a, number(0.5, 2))
    yield Case("x itself", "x", number(1.5, 2))


@mistakes(
    derivative,
    power_keeps_exponent="Your power rule keeps the exponent: n uⁿ. The exponent goes down by one, to n - 1.",
    power_without_n="In your power rule the factor n is missing.",
    power_without_inner="You forget the chain rule for powers: what is inside moves too, so its own derivative is a factor.",
    no_chain_rule="You forget the chain rule: the derivative of f(u) is f'(u) times the derivative of u.",
    outer_at_x="You take the outer derivative at x. It is taken at the value of what is inside: f'(u), not f'(x).",
    outer_at_slope="You put the inner derivative into the outer one, f'(u'). They are multiplied: f'(u) times u'.",
    product_of_slopes="Your derivative of a product is the product of the derivatives. It has two terms: one factor moves while the other stands still, and then the other way round.",
    product_first_term="In a product you let the first factor move and hold the second. Both move: there are two terms.",
    product_second_term="In a product you let the second factor move and hold the first. Both move: there are two terms.",
    product_minus="You subtract the two terms of the product rule. They are added.",
    sum_of_first="Of a sum you differentiate the first term only.",
    constant_stays="Your derivative of a constant is the constant. It does not change, so its derivative is 0.",
    constant_moves="Your derivative of a constant is 1, as if it were x. A constant does not change, so its derivative is 0.",
    minus_cosine="The sign is wrong: sin goes up where x starts from 0, so its derivative is cos, not -cos.",
    sine_stays="Your derivative of sin is sin. It is cos.",
    exp_as_power="You differentiate exp like a power. exp is its own derivative.",
    log_upside_down="Your derivative of log u multiplies by u. It is one over u.",
    log_base_10="That is the logarithm to base 10. The natural logarithm is wanted, whose derivative is one over u.",
    value_itself="You return the value of the expression. Its derivative is wanted.",
)
def derivative_with(made: Made, expression: Any, x: float) -> float:
    def value_and_slope(e: Any) -> tuple[Any, Any]:
        if isinstance(e, str):
            return np.float64(x), 1.0
        if not isinstance(e, tuple):
            return np.float64(e), e if made.constant_stays else float(made.constant_moves)
        operation, first, *rest = e
        u, du = value_and_slope(first)
        if operation in ("+", "*"):
            v, dv = value_and_slope(rest[0])
            if operation == "+":
                return u + v, du if made.sum_of_first else du + dv
            one, two = du * v, u * dv
            if made.product_of_slopes:
                return u * v, du * dv
            if made.product_minus:
                return u * v, one - two
            return u * v, (0 if made.product_second_term else one) + (0 if made.product_first_term else two)
        at = np.float64(x if made.outer_at_x else du if made.outer_at_slope else u)
        base = math.log(10) if made.log_base_10 else 1
        n = rest[0] if rest else 0
        functions: dict[str, Callable[[], tuple[Any, Any]]] = {
            "exp": lambda: (np.exp(u), at * np.exp(at - 1) if made.exp_as_power else np.exp(at)),
            "log": lambda: (np.log(u) / base, (at if made.log_upside_down else 1 / at) / base),
            "sin": lambda: (np.sin(u), np.sin(at) if made.sine_stays else -np.cos(at) if made.minus_cosine else np.cos(at)),
            "power": lambda: (u**n, (1 if made.power_without_n else n) * at ** (n if made.power_keeps_exponent else n - 1)),
        }
        value, outer = functions[operation]()
        alone = made.no_chain_rule or made.outer_at_slope or (made.power_without_inner and operation == "power")
        return value, outer * (1 if alone else du)

    return float(value_and_slope(expression)[0 if made.value_itself else 1])


# ---- observed_order --------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["1.12"])
def observed_order(steps: Float[ndarray, "n"], errors: Float[ndarray, "n"]) -> float:
    """The power of the step with which the error shrinks: p in error ≈ c · step^p.

    On logarithmic axes that is a straight line; p is the slope of the line that fits all points
    best, by least squares. All steps and errors are positive, in any order, and there are at
    least two different steps.
    """
    a, b = np.log(steps), np.log(errors)
    a = a - a.mean()
    return float((a * b).sum() / (a * a).sum())


def noisy_errors(rng: np.random.Generator, n: int, p: float, c: float = 1.0, noise: float = 0.3) -> tuple[ndarray, ndarray]:
    steps = np.exp(rng.uniform(-5, 0.5, size=n))
    return steps, c * steps**p * np.exp(noise * rng.normal(size=n))


@cases(observed_order)
def visible_observed_order(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("each halving divides the error by 4", np.array([0.4, 0.2, 0.1, 0.05]), np.array([0.48, 0.12, 0.03, 0.0075]))
    yield Case("7 noisy points", *noisy_errors(rng, 7, 1.3, c=2.0))


@cases(observed_order, hidden=True)
def hidden_observed_order(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("11 noisy points", *noisy_errors(rng, 11, rng.uniform(1.5, 2.5), c=3.0))
    yield Case("fourth order", *noisy_errors(rng, 5, rng.uniform(3.6, 4.4), c=0.2))
    yield Case("the error grows where the step shrinks", *noisy_errors(rng, 7, rng.uniform(-1.4, -0.6), c=0.01))
    yield Case("large steps", *(100 * a for a in noisy_errors(rng, 13, 0.7)))
    yield Case("two points", *noisy_errors(rng, 2, rng.uniform(1.5, 2.5), c=7.0))


@mistakes(
    observed_order,
    no_logarithms="You fit a line to the numbers themselves. A power becomes a straight line only when both axes are logarithmic.",
    steps_not_logarithmic="You take the logarithm of the errors only. That suits errors that shrink exponentially; for a power both axes are logarithmic.",
    errors_not_logarithmic="You take the logarithm of the steps only. For a power both axes are logarithmic.",
    axes_swapped="You fit the step as a function of the error. The error is a function of the step.",
    inverse="You return one over the power.",
    through_origin="Your line goes through the origin, as if c were 1. The line has an intercept, log c, of its own.",
    first_and_last="You use two points, the first and the last. The best line takes all points into account.",
    first_halving="You compare the first two errors, as if the step had been halved between them. Take all points into account, and their steps as they are.",
    neighbours="You average the slopes between neighbouring points. The best line by least squares takes all points into account at once.",
    intercept="That is where the line starts, the logarithm of c. Its slope is the power.",
    mixed_bases="You use a logarithm to another base for the errors than for the steps. Any base will do, the same on both axes.",
    sign="The sign is wrong. Where the error shrinks together with the step, the power is positive.",
    rounded="You round the power to a whole number. The slope that was measured is wanted.",
    correlation="That is the correlation of the two logarithms, which says how straight the line is. Its slope is wanted.",
    n_minus_one="One of your averages divides by n and the other by n - 1. The slope is the covariance over the variance, counted the same way.",
    factor_for_halving="You return the factor by which the error shrinks when the step is halved. The power is its logarithm to base 2.",
)
def observed_order_with(made: Made, steps: ndarray, errors: ndarray) -> float:
    a = steps if made.no_logarithms or made.steps_not_logarithmic else np.log(steps)
    b = errors if made.no_logarithms or made.errors_not_logarithmic else np.log(errors)
    b = b / math.log(10) if made.mixed_bases else b
    if made.first_and_last:
        return float((b[-1] - b[0]) / (a[-1] - a[0]))
    if made.first_halving:
        return float(np.log2(errors[0] / errors[1]))
    if made.neighbours:
        return float((np.diff(b) / np.diff(a)).mean())
    if made.axes_swapped:
        a, b = b, a
    da, db = (a, b) if made.through_origin else (a - a.mean(), b - b.mean())
    slope = (da * db).sum() / (da * da).sum()
    if made.n_minus_one:
        slope = slope * len(a) / (len(a) - 1)
    if made.intercept:
        return float(b.mean() - slope * a.mean())
    if made.correlation:
        return float((da * db).sum() / np.sqrt((da * da).sum() * (db * db).sum()))
    slope = 1 / slope if made.inverse else -slope if made.sign else 2**slope if made.factor_for_halving else slope
    return float(np.round(slope) if made.rounded else slope)


# ---- best_step -------------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["1.12"], tolerance=10)
def best_step(value: float, third_derivative: float, unit_roundoff: float) -> float:
    """The step ε > 0 at which the error bound of a central difference is smallest.

    The bound is ε² |f'''| / 6 + u |f| / ε, with the value f and the third derivative f''' of
    the function at x, and u the unit roundoff. Neither f nor f''' is 0; both may be negative.
    Give it to 6 digits.
    """
    return (3 * unit_roundoff * abs(value) / abs(third_derivative)) ** (1 / 3)


@cases(best_step)
def visible_best_step(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("exp at 1, in double precision", math.e, math.e, 2.0**-53)
    yield Case("f = -8, f''' = 3, u = 0.001", -8.0, 3.0, 1e-3)


@cases(best_step, hidden=True)
def hidden_best_step(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("single precision", float(rng.uniform(2, 9)), float(rng.uniform(0.2, 0.8)), 2.0**-24)
    yield Case("half precision", float(rng.uniform(0.2, 0.8)), float(rng.uniform(2, 9)), 2.0**-11)
    yield Case("f''' is negative", float(rng.uniform(2, 5)), -float(rng.uniform(11, 19)), 2.0**-11)
    yield Case("f is negative", -float(rng.uniform(20, 50)), float(rng.uniform(2, 5)), 2.0**-8)
    yield Case("both are negative", -float(rng.uniform(3, 7)), -float(rng.uniform(0.1, 0.3)), 2.0**-24)


@mistakes(
    best_step,
    square_root="You solve for ε². The derivative of u |f| / ε is -u |f| / ε², so it is ε³ that comes out: take a cube root.",
    one_sided_rule="You return the root of u, a rule of thumb for one-sided differences. A central difference is more exact and affords a larger step; f and f''' decide which.",
    balanced="You make the two terms equal. That is near the minimum, not at it: set the derivative of their sum to 0.",
    no_three="The factor 3 is missing: the derivative of ε² |f'''| / 6 is ε |f'''| / 3.",
    three_below="Your 3 stands in the denominator. Set ε |f'''| / 3 equal to u |f| / ε² and solve for ε³.",
    factor_one_and_a_half="Your factor is 3/2: the derivative of ε² is 2ε, and its 2 has gone astray.",
    upside_down="Your fraction is upside down. A larger third derivative asks for a smaller step.",
    negative="Your step is negative (or no real number) where f and f''' have opposite signs. The bound has absolute values.",
    cube_not_root="You stop at ε³. Take its cube root.",
    power_precedence="`a ** 1 / 3` is a, divided by 3. Put the exponent into parentheses.",
    value_forgotten="Your step does not depend on f. The rounding error is u times |f|.",
    third_forgotten="Your step does not depend on f'''. The more the function bends, the smaller the step.",
    least_error="You return the smallest value of the bound. The step at which it occurs is wanted.",
    textbook_constant="You return the cube root of u, a good rule where f and f''' are of equal size. Here they are given: use them.",
)
def best_step_with(made: Made, value: float, third_derivative: float, unit_roundoff: float) -> float:
    f, third = (1.0 if made.value_forgotten or made.textbook_constant else value), third_derivative
    third = 1.0 if made.third_forgotten or made.textbook_constant else third
    if not made.negative:
        f, third = abs(f), abs(third)
    if made.one_sided_rule:
        return math.sqrt(unit_roundoff)
    plain = made.no_three or made.textbook_constant
    factor = 1 if plain else 6 if made.balanced else 1 / 3 if made.three_below else 1.5 if made.factor_one_and_a_half else 3
    cube = factor * unit_roundoff * (third / f if made.upside_down else f / third)
    if made.cube_not_root or made.power_precedence:
        return cube / 3 if made.power_precedence else cube
    step = float(np.sqrt(cube) if made.square_root else np.cbrt(cube))
    return step**2 * third / 6 + unit_roundoff * f / step if made.least_error else step


# ---- subgradient_interval --------------------------------------------------------------------------------------------


@exercise(points=2, rows=["1.13"])
def subgradient_interval(name: str, x: Num[ndarray, "n"]) -> tuple[Float[ndarray, "n"], Float[ndarray, "n"]]:
    """The smallest and the largest subgradient of a function at every entry of x.

    The function is "abs", "relu" or "huber". Huber's function is x²/2 where |x| <= 1 and
    |x| - 1/2 elsewhere. Where a function has a derivative, both numbers are this derivative. A
    kink is a single point: at an x that is merely close to it there is a derivative.
    """
    dtype = np.result_type(x, np.float32)
    if name == "huber":
        low = high = np.clip(x, -1, 1)
    else:
        left = -1 if name == "abs" else 0
        low, high = np.where(x > 0, 1, left), np.where(x >= 0, 1, left)
    return low.astype(dtype), high.astype(dtype)


def around_zero(rng: np.random.Generator, n: int, special: tuple[float, ...]) -> ndarray:
    return rng.permutation(np.array([*(1.5 * rng.normal(size=n - len(special))), *special]))


@cases(subgradient_interval)
def visible_subgradient_interval(rng: np.random.Generator) -> Iterator[Case]:
    for name in ("abs", "relu", "huber"):
        yield Case(name, name, np.array([-2.5, -1, -0.5, 0, 0.25, 1, 1.75]))


@cases(subgradient_interval, hidden=True)
def hidden_subgradient_interval(rng: np.random.Generator) -> Iterator[Case]:
    for name, n in (("abs", 11), ("relu", 13), ("huber", 17)):
        yield Case(f"{name}, with 0, 1 and -1", name, around_zero(rng, n, (0.0, 0.0, 1.0, -1.0)))
        yield Case(f"{name}, close to a kink", name, around_zero(rng, 7, (0.0, 1e-9, -1e-9)))


@mistakes(
    subgradient_interval,
    nan_at_kink="You return NaN at a kink. There is no derivative there, but there are subgradients, a whole interval of them.",
    zero_at_kink="At 0 you return the single number 0. It is a subgradient (and PyTorch's choice), but one of many: the interval is wanted.",
    one_at_kink="At 0 you return the slope on the right only. Every number between the slopes on the left and on the right is a subgradient.",
    minus_at_kink="At 0 you return the slope on the left only. Every number between the slopes on the left and on the right is a subgradient.",
    half_at_kink="At 0 you return the middle of the interval. It is a subgradient, but one of many: the interval is wanted.",
    relu_as_abs="You treat relu like abs. Left of 0 relu is flat, so the slope there is 0, not -1.",
    abs_as_relu="You treat abs like relu. Left of 0 the absolute value falls: the slope there is -1.",
    swapped="You return the larger number first. The smallest subgradient comes first.",
    interval_everywhere="You return the interval at 0 for every x. Away from a kink the derivative is the only subgradient.",
    kink_is_wide="You treat numbers close to 0 as if they were 0. The kink is a single point; right beside it there is an ordinary slope.",
    sign="The sign is wrong: right of 0 these functions rise.",
    huber_not_clipped="Your Huber slope is x everywhere. Beyond 1 the function is a straight line with slope 1 (or -1).",
    huber_left="Left of -1 your Huber slope is 1. The function falls there: its slope is -1.",
    huber_as_abs="You treat Huber's function like abs. Near 0 it is x²/2, which is smooth: its slope is x.",
    huber_slope_twice="Inside, your Huber slope is 2x. The function is x²/2 there, so that the slopes meet at 1: there is no kink.",
    huber_kinks="You give Huber's function kinks at 1 and -1. Its pieces meet with equal slopes there, so the interval is a single number.",
    function_values="You return the values of the function. Its slopes are wanted.",
    integers="Your slopes are integers. Slopes are floating-point numbers, also where x is not.",
)
def subgradient_interval_with(made: Made, name: str, x: ndarray) -> Any:
    dtype = np.result_type(x, np.float32)
    if made.function_values:
        values = {"abs": np.abs(x), "relu": np.maximum(x, 0), "huber": np.where(np.abs(x) <= 1, x * x / 2, np.abs(x) - 0.5)}[name]
        return values.astype(dtype), values.astype(dtype)
    if name == "huber" and not made.huber_as_abs:
        inside = 2 * x if made.huber_slope_twice else x
        low = 1.0 * (x if made.huber_not_clipped else np.where(np.abs(x) <= 1, inside, 1 if made.huber_left else np.sign(x)))
        high = low.copy()
        if made.huber_kinks:
            low, high = np.where(x == 1, 0, low), np.where(x == -1, 0, high)
    else:
        left = -1 if (name in ("abs", "huber") and not made.abs_as_relu) or made.relu_as_abs else 0
        width = 1e-6 if made.kink_is_wide else 0
        low, high = np.where(x > width, 1.0, left), np.where(x >= -width, 1.0, left)
        kink = np.abs(x) <= width
        choices = {"nan_at_kink": np.nan, "zero_at_kink": 0, "one_at_kink": 1, "minus_at_kink": left, "half_at_kink": (1 + left) / 2}
        for choice, number in choices.items():
            if getattr(made, choice):
                low, high = np.where(kink, number, low), np.where(kink, number, high)
        if made.interval_everywhere:
            low, high = np.full(x.shape, float(left)), np.ones(x.shape)
    if made.sign:
        low, high = -high, -low
    if made.swapped:
        low, high = high, low
    dtype = x.dtype if made.integers else dtype
    return low.astype(dtype), high.astype(dtype)


# ---- relu_subgrad ----------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["1.13"])
def relu_subgrad(x: Num[ndarray, "*shape"], at_zero: float) -> Float[ndarray, "*shape"]:
    """A slope of relu(x) = max(0, x) for every entry of x: its derivative, and `at_zero` at the
    kink.

    `at_zero` is the subgradient that one has agreed on, a number from 0 to 1.
    """
    slope: ndarray = np.where(x == 0, at_zero, x > 0).astype(np.result_type(x, np.float32))
    return slope


equivalent(
    relu_subgrad,
    {
        "slope: ndarray = np.where(x == 0, at_zero, x >= 0).astype(np.result_type(x, np.float32))": "Where x is 0 it is `at_zero` that counts.",
    },
)


@cases(relu_subgrad)
def visible_relu_subgrad(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("0.5 at zero", np.array([-1.5, 0, 2, 0, -0.5]), 0.5)
    yield Case("0 at zero, as in PyTorch", np.array([[0.3, 0, -2], [0, 1.5, 0]]), 0.0)


@cases(relu_subgrad, hidden=True)
def hidden_relu_subgrad(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("11 numbers", around_zero(rng, 11, (0.0, 0.0, 0.0)), round(float(rng.uniform(0.1, 0.4)), 3))
    yield Case("a matrix", around_zero(rng, 35, (0.0,) * 5).reshape(5, 7), round(float(rng.uniform(0.6, 0.9)), 3))
    yield Case("3 axes, 1 at zero", around_zero(rng, 30, (0.0,) * 4).reshape(2, 3, 5), 1.0)
    yield Case("0 at zero", around_zero(rng, 13, (0.0, 0.0)), 0.0)
    yield Case("numbers close to 0", around_zero(rng, 7, (0.0, 1e-9, -1e-9)), 0.25)


@mistakes(
    relu_subgrad,
    always_zero="Your slope at 0 is 0, whatever was agreed on: `at_zero` is not used.",
    always_one="Your slope at 0 is 1, whatever was agreed on: `at_zero` is not used.",
    always_half="Your slope at 0 is the middle of the interval, 1/2, whatever was agreed on: `at_zero` is not used.",
    nan="You return NaN at 0. There is no derivative there, but one has agreed on a subgradient, `at_zero`.",
    value="You return relu(x) itself. Its slope is wanted, which is 1 for every positive x.",
    value_with_choice="Your answer is x where x is positive. That is the value of relu; the slope there is 1.",
    sign_of_x="Your slope left of 0 is -1. That is the absolute value; relu is flat there.",
    not_positive="You return `at_zero` wherever x is not positive. It is for the kink alone; left of 0 the slope is 0.",
    flipped="The wrong side is flat. relu is flat left of 0, and rises with slope 1 right of it.",
    kink_is_wide="You treat numbers close to 0 as if they were 0. The kink is a single point.",
    times_at_zero="You multiply by `at_zero` on the right side too. There the slope is 1.",
    integers="Your answer has the dtype of x. If those are integers, `at_zero` is cut off; slopes are floating-point numbers.",
    one_number="You return one number for the whole array. Each entry has a slope of its own.",
)
def relu_subgrad_with(made: Made, x: ndarray, at_zero: float) -> Any:
    dtype = np.result_type(x, np.float32)
    if made.value:
        return np.maximum(x, 0).astype(dtype)
    at = 0.0 if made.always_zero else 1.0 if made.always_one else 0.5 if made.always_half else np.nan if made.nan else at_zero
    right, left = (0.0, 1.0) if made.flipped else (1.0, -1.0 if made.sign_of_x else at if made.not_positive else 0.0)
    right = at_zero if made.times_at_zero else right
    slope = np.where(x > 0, x if made.value_with_choice else right, left)
    slope = np.where(np.abs(x) < 1e-6 if made.kink_is_wide else x == 0, at, slope)
    if made.one_number:
        return float(slope.mean())
    return slope.astype(x.dtype if made.integers else dtype)


# ---- gradient_table --------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["1.14"], shares={"at the origin": 0.2})
def gradient_table(name: str, x: Num[ndarray, "n"]) -> Float[ndarray, "1 n"]:
    """The gradient of a function of the vector x, as a row: shape (1, n).

    The function is "constant" (it ignores x), "sum" (Σ xᵢ), "squared norm" (Σ xᵢ²), "norm" (the
    root of it), "sum + squared norm", "sum * squared norm", or "<sin x, x²>" (the inner product
    of sin x and x², both taken entry by entry). At x = 0, where the norm has no derivative,
    return zeros, one of its subgradients.
    """
    x = x.astype(np.result_type(x, np.float32))
    length = np.sqrt((x * x).sum())
    one, twice = np.ones_like(x), 2 * x
    gradient: ndarray = {
        "constant": np.zeros_like(x),
        "sum": one,
        "squared norm": twice,
        "norm": x / length if length > 0 else x,
        "sum + squared norm": one + twice,
        "sum * squared norm": length**2 + x.sum() * twice,
        "<sin x, x²>": np.cos(x) * x**2 + np.sin(x) * twice,
    }[name]
    return gradient[None, :]


TABLE = ("constant", "sum", "squared norm", "norm", "sum + squared norm", "sum * squared norm", "<sin x, x²>")


@cases(gradient_table)
def visible_gradient_table(rng: np.random.Generator) -> Iterator[Case]:
    for name in TABLE:
        yield Case(name, name, np.array([3.0, 4.0]) if name == "norm" else rng.normal(size=3))


@cases(gradient_table, hidden=True)
def hidden_gradient_table(rng: np.random.Generator) -> Iterator[Case]:
    for name in TABLE:
        yield Case(f"{name} of 5 numbers", name, rng.normal(size=5))
    for name in TABLE[3:]:
        yield Case(f"{name} of 2 numbers", name, 2 * rng.normal(size=2))
    yield Case("the norm of a short vector", "norm", 0.1 * rng.normal(size=3))
    yield Case("the norm of a long vector", "norm", 100 * rng.normal(size=11))
    origin = "At x = 0 the norm has a kink: x / ‖x‖ would divide 0 by 0. Zeros are wanted there."
    yield Case("the norm at the origin", "norm", np.zeros(3), group="at the origin", hint=origin)


@mistakes(
    gradient_table,
    norm_as_squared_norm="For the norm you return 2xᵀ, which is the gradient of the squared norm. The root has a derivative too: the gradient is xᵀ / ‖x‖.",
    squared_norm_without_two="For the squared norm you return xᵀ. The derivative of xᵢ² is 2xᵢ.",
    norm_half="For the norm you return xᵀ / (2‖x‖). The root brings 1 / (2‖x‖), the squares inside bring 2x: the twos cancel.",
    norm_twice="For the norm you return 2xᵀ / ‖x‖. The root brings 1 / (2‖x‖), the squares inside bring 2x: the twos cancel.",
    norm_divided_twice="For the norm you divide by ‖x‖². Its gradient has length 1: divide by ‖x‖.",
    one_norm="For the norm you return the signs of x. They belong to the sum of absolute values, ‖x‖₁.",
    column="You return a column. A gradient is a row here, of shape (1, n) (numerator layout).",
    flat="You return an array of shape (n,). A gradient is a row here, of shape (1, n).",
    product_first="In the product you let the sum move and hold the squared norm. Both move: there are two terms.",
    product_second="In the product you let the squared norm move and hold the sum. Both move: there are two terms.",
    product_of_gradients="You multiply the gradients of the two factors. The product rule has two terms: each gradient times the other factor.",
    own_factors="In the product you multiply each gradient by its own factor. It belongs to the other one.",
    inner_first="In the inner product you let sin x move and hold x². Both move: there are two terms.",
    inner_second="In the inner product you let x² move and hold sin x. Both move: there are two terms.",
    inner_summed="For the inner product you sum over the entries. Its value is a sum, but each xᵢ has a derivative of its own.",
    minus_cosine="The derivative of sin is cos, with a plus.",
    constant_scalar="For the constant you return a single 0. Its gradient has an entry for each entry of x.",
    mean="For the sum you return 1/n, which belongs to the mean. Each entry counts with weight 1 in a sum.",
    nan_at_origin="At x = 0 you divide 0 by 0. Return zeros there, one of the norm's subgradients.",
    integers="You return integers where x has integers. A gradient consists of floating-point numbers.",
)
def gradient_table_with(made: Made, name: str, x: ndarray) -> Any:
    integers = made.integers and x.dtype.kind == "i"
    x = x.astype(np.result_type(x, np.float32))
    squares = (x * x).sum()
    length = np.sqrt(squares)
    one = np.full_like(x, 1 / len(x) if made.mean and name == "sum" else 1)
    twice = x if made.squared_norm_without_two and name != "<sin x, x²>" else 2 * x
    norm = x / length if length > 0 or made.nan_at_origin else 0 * x
    norm = norm / length if made.norm_divided_twice else norm / 2 if made.norm_half else 2 * norm if made.norm_twice else norm
    norm = 2 * x if made.norm_as_squared_norm else np.sign(x) if made.one_norm else norm
    first, second = one * squares, x.sum() * twice
    if made.own_factors:
        first, second = one * x.sum(), twice * squares
    product = first if made.product_first else second if made.product_second else one * twice if made.product_of_gradients else first + second
    left, right = np.cos(x) * x**2 * (-1 if made.minus_cosine else 1), np.sin(x) * twice
    inner = left if made.inner_first else right if made.inner_second else left + right
    if made.inner_summed:
        inner = np.full_like(x, inner.sum())
    table = dict(zip(TABLE, (0 * x, one, twice, norm, one + twice, product, inner), strict=True))
    gradient = table[name]
    if made.constant_scalar and name == "constant":
        return 0.0
    gradient = gradient.astype(np.int64) if integers else gradient
    return gradient if made.flat else gradient[:, None] if made.column else gradient[None, :]


# ---- wrong_gradients -------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["1.14"], without=["float32", "same array"], forbid=["scipy.optimize.approx_fprime", "scipy.optimize.check_grad"])
def wrong_gradients(
    functions: dict[str, Callable[[ndarray], float]],
    x: Float[ndarray, "n"],
    claims: dict[str, Float[ndarray, "1 n"]],
) -> list[str]:
    """The names of the claims that are wrong, in any order.

    `claims[name]` is said to be the gradient of `functions[name]` at x, a row. Right claims are
    right to 10 digits; a wrong one is off by at least 0.01 in at least one entry. Measure:
    nothing is known about the functions but what they return. `x` is float64.
    """
    wrong = []
    for name, claim in claims.items():
        for i, step in enumerate(1e-5 * np.eye(len(x))):
            slope = (functions[name](x + step) - functions[name](x - step)) / 2e-5
            if abs(slope - claim[0, i]) > 0.001:
                wrong.append(name)
                break
    return wrong


@probe(wrong_gradients)
def names_of_wrong_claims(answer, x, claims):  # type: ignore[no-untyped-def]
    """The functions are made here; names may come back in any order."""
    import numpy as np

    functions = {
        "sum": lambda x: float(x.sum()),
        "squared norm": lambda x: float((x * x).sum()),
        "norm": lambda x: float(np.sqrt((x * x).sum())),
        "product": lambda x: float(x.sum() * (x * x).sum()),
        "inner product": lambda x: float(np.sin(x) @ x**2),
        "log of the sum of exp": lambda x: float(np.log(np.exp(x).sum())),
    }
    named = answer({name: functions[name] for name in claims}, x, claims)
    return sorted(named) if isinstance(named, (list, tuple, set, frozenset, np.ndarray)) else named


def claims_at(x: ndarray, slips: dict[str, str]) -> dict[str, ndarray]:
    """The gradients at x as a sheet of notes claims them. `slips` says what is wrong with which."""
    length, e = np.sqrt((x * x).sum()), np.exp(x - x.max())
    right = {
        "sum": np.ones_like(x),
        "squared norm": 2 * x,
        "norm": x / length,
        "product": (x * x).sum() + x.sum() * 2 * x,
        "inner product": np.cos(x) * x**2 + np.sin(x) * 2 * x,
        "log of the sum of exp": e / e.sum(),
    }
    claims = {}
    for name, gradient in right.items():
        slip, claim = slips.get(name, ""), gradient.copy()
        if slip == "factor":
            claim = claim * 2 * length
        if slip == "order":
            claim[[1, 2]] = claim[[2, 1]]
        if slip == "sign":
            claim[1] = -claim[1]
        if slip in ("first", "second", "low"):
            claim[0 if slip == "first" else 1] += -0.02 if slip == "low" else 0.02
        if slip == "term":
            claim = claim - 0.5 * x
        claims[name] = claim[None, :]
    return claims


def clear_of_zero(rng: np.random.Generator, n: int) -> ndarray:
    """Numbers of both signs and clearly different sizes, so that a slip cannot go unnoticed."""
    signs = np.resize([1.0, -1.0], n)
    return rng.permutation(signs * (0.4 + 0.25 * np.arange(n) + rng.uniform(0, 0.1, size=n)))


equivalent(
    wrong_gradients,
    {
        "if abs(slope - claim[0, i]) >= 0.001:": "Right claims are far below this tolerance and wrong ones far above.",
        "if abs(slope - claim[-1, i]) > 0.001:": "A claim is a single row, the first and the last.",
    },
)


@cases(wrong_gradients)
def visible_wrong_gradients(rng: np.random.Generator) -> Iterator[Case]:
    x = np.array([3.0, -4.0, 1.0])
    yield Case("the sheet at (3, -4, 1)", x, claims_at(x, {"norm": "factor", "inner product": "sign"}))
    x = clear_of_zero(rng, 5)
    yield Case("5 numbers", x, claims_at(x, {"squared norm": "low", "product": "term", "norm": "order"}))


@cases(wrong_gradients, hidden=True)
def hidden_wrong_gradients(rng: np.random.Generator) -> Iterator[Case]:
    kinds = (("factor", "second", "first"), ("sign", "order", "low"), ("term", "first", "factor", "sign"), ("low", "second", "order", "term"))
    for n, slips in zip((3, 5, 7, 3), kinds, strict=True):
        names = rng.permutation(["squared norm", "norm", "product", "inner product", "log of the sum of exp"]).tolist()
        x = clear_of_zero(rng, n)
        yield Case(f"{len(slips)} slips", x, claims_at(x, dict(zip(names, slips, strict=False))))


@mistakes(
    wrong_gradients,
    right_ones="You return the names of the claims that are right.",
    everything="You name every claim, also those that are right. Measured slopes carry an error of their own, a large one if the step is tiny, so leave some room when comparing; move one entry of x at a time, and divide by the distance of the two points.",
    norm_only="You name the norm only, as if the sheet were always the same. Which claims are wrong changes: measure every one.",
    sums_compared="You compare the sums of the entries. Two slips can cancel in a sum: compare entry by entry.",
    lengths_compared="You compare the lengths of the gradients. A wrong sign or a wrong order leaves the length as it is: compare entry by entry.",
    directions_compared="You compare directions only. A gradient that is too long by a factor has the right direction: compare entry by entry.",
    first_entry="You look at the first entry only. A slip may be in any entry.",
    signs_lost="You compare absolute values. A wrong sign is a slip too.",
    too_lenient="You let differences of 0.05 and more pass. A slip may be as small as 0.01, and measuring is far more exact than that.",
    too_coarse="You name claims that are right as well. Measured with a large step, or to one side only, a slope is too inexact: step to both sides by a small ε.",
    every_entry_must_differ="You name a claim only if all of its entries are off. One wrong entry makes it wrong.",
    too_large_only="You miss claims that are too small. Compare the absolute value of the difference.",
    too_small_only="You miss claims that are too large. Compare the absolute value of the difference.",
    one_for_all="You stop at the first wrong claim. There may be several.",
)
def wrong_gradients_with(made: Made, functions: dict[str, Callable[[ndarray], float]], x: ndarray, claims: dict[str, ndarray]) -> list[str]:
    eps = 0.3 if made.too_coarse else 1e-5
    named = []
    for name, claim in claims.items():
        f = functions[name]
        slopes = np.array(
            [(f(x + step) - f(x if made.too_coarse else x - step)) / (eps if made.too_coarse else 2 * eps) for step in eps * np.eye(len(x))]
        )
        mine, theirs = slopes, claim[0]
        if made.signs_lost:
            mine, theirs = np.abs(mine), np.abs(theirs)
        if made.sums_compared:
            mine, theirs = mine.sum(keepdims=True), theirs.sum(keepdims=True)
        if made.lengths_compared:
            mine, theirs = np.sqrt((mine**2).sum(keepdims=True)), np.sqrt((theirs**2).sum(keepdims=True))
        if made.directions_compared:
            mine, theirs = mine / np.sqrt((mine**2).sum()), theirs / np.sqrt((theirs**2).sum())
        if made.first_entry:
            mine, theirs = mine[:1], theirs[:1]
        off = theirs - mine if made.too_large_only else mine - theirs if made.too_small_only else np.abs(mine - theirs)
        off = off > (0.05 if made.too_lenient else 1e-3)
        wrong = off.all() if made.every_entry_must_differ else off.any()
        wrong = name == "norm" if made.norm_only else wrong or made.everything
        if wrong != made.right_ones:
            named.append(name)
    return named[:1] if made.one_for_all else named
