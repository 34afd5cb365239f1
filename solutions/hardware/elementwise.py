"""CuPy's elementwise and reduction kernels: one line of C for every element, and a sum of your own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from autograder.exercise import Case, Made, cases, exercise, mistakes, probe
from solutions.hardware.kernels import NO_ARRAYS_OF_OTHER_KINDS, normal

NO_LETTER = "Your kernel takes one type only. With a letter for the type, such as T, it takes the type of the arrays that it is called with."


# ---- leaky_relu --------------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["4.3"], without=NO_ARRAYS_OF_OTHER_KINDS)
def leaky_relu() -> dict[str, str]:
    """The parts of a CuPy elementwise kernel: a dictionary with "in_params", "out_params" and
    "operation", for cp.ElementwiseKernel.

    Called as kernel(x, slope), it returns an array y with y = x where x is positive, and
    slope · x elsewhere. slope is a number or an array that is broadcast against x. All types
    are the same: float32 or float64, whatever x has.
    """
    return {
        "in_params": "T x, T slope",
        "out_params": "T y",
        "operation": "y = x > 0 ? x : slope * x",
    }


@cases(leaky_relu)
def visible_leaky_relu(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("7 numbers, slope 0.25", normal(rng, 7), 0.25)
    yield Case("5 × 3 numbers in float64, slope 1.5", normal(rng, 5, 3, dtype=np.float64), 1.5)


@cases(leaky_relu, hidden=True)
def hidden_leaky_relu(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("many numbers", normal(rng, 1009), round(float(rng.uniform(0.05, 0.4)), 3))
    yield Case("a slope for each column", normal(rng, 11, 7), normal(rng, 7))
    yield Case("a slope for each row, float64", normal(rng, 5, 13, dtype=np.float64), normal(rng, 5, 1, dtype=np.float64))
    yield Case("a negative slope", normal(rng, 23), -1.0)
    yield Case("large and small numbers", normal(rng, 29, scale=100), 0.01)


@probe(leaky_relu)
def call_leaky_relu(answer: Any, x: Any, slope: Any) -> Any:
    from autograder.cuda.trial import try_elementwise

    return try_elementwise(answer(), "leaky_relu", x, slope)


@mistakes(
    leaky_relu,
    float32_only=NO_LETTER,
    larger_of_both="You take the larger of x and slope · x. That is the same only while the slope lies between 0 and 1.",
    slope_above_zero="You multiply the positive numbers by the slope. They stay as they are, and the others are multiplied.",
    everything_sloped="You multiply everything by the slope.",
    zero_below="Your negative numbers become 0. They leak: slope · x.",
    slope_alone="Below zero you return the slope itself. It is multiplied by x.",
    absolute="Your negative numbers are turned around first: multiply x itself by the slope.",
    parameters_swapped="You declare slope before x. Arguments come in the order in which they are declared.",
    divided="You divide by the slope. Multiply by it.",
    output_is_an_integer="Your output is of an integer type, which cuts fractions off. Its type is that of x.",
    shifted="You add slope and x below zero. Multiply them.",
    not_assigned="Your operation computes y but assigns it to nothing: it needs `y = ...`.",
)
def leaky_relu_with(made: Made) -> dict[str, str]:
    kind = "float32" if made.float32_only else "T"
    above = "slope * x" if made.slope_above_zero or made.everything_sloped else "x"
    below = (
        "0" if made.zero_below
        else "x" if made.slope_above_zero
        else "slope" if made.slope_alone
        else "slope * fabs(x)" if made.absolute
        else "x / slope" if made.divided
        else "slope + x" if made.shifted
        else "slope * x"
    )  # fmt: skip
    value = "max(x, slope * x)" if made.larger_of_both else f"x > 0 ? {above} : {below}"
    return {
        "in_params": f"{kind} slope, {kind} x" if made.parameters_swapped else f"{kind} x, {kind} slope",
        "out_params": "int32 y" if made.output_is_an_integer else f"{kind} y",
        "operation": value if made.not_assigned else f"y = {value}",
    }


# ---- gelu --------------------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["4.3"], without=NO_ARRAYS_OF_OTHER_KINDS)
def gelu() -> dict[str, str]:
    """The parts of a CuPy elementwise kernel: a dictionary with "in_params", "out_params" and
    "operation", for cp.ElementwiseKernel.

    Called as kernel(x), it returns GELU(x) = x · Φ(x), where Φ(x) = ½ (1 + erf(x / √2)) is the
    probability that a standard normal number is below x: this exact form, no approximation. The
    result has the type of x, float32 or float64, and its precision.
    """
    return {
        "in_params": "T x",
        "out_params": "T y",
        "operation": "y = T(0.5) * x * (1 + erf(x * T(0.7071067811865476)))",
    }


@cases(gelu)
def visible_gelu(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("7 numbers", np.array([-2, -1, -0.5, 0, 0.5, 1, 2], np.float32))
    yield Case("5 × 3 numbers in float64", normal(rng, 5, 3, dtype=np.float64))


@cases(gelu, hidden=True)
def hidden_gelu(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("many numbers", normal(rng, 1009, scale=1.5))
    yield Case("float64", normal(rng, 211, dtype=np.float64))
    yield Case("3 axes", normal(rng, 3, 5, 7))
    yield Case("large numbers", np.array([-30, 30, 12.5, -9.25, float(rng.uniform(5, 6))], np.float32))


@probe(gelu)
def call_gelu(answer: Any, x: Any) -> Any:
    from autograder.cuda.trial import try_elementwise

    return try_elementwise(answer(), "gelu", x)


@mistakes(
    gelu,
    float32_only=NO_LETTER,
    by_tanh="That is the approximation with tanh, which many libraries offer. The exact form, with erf, is asked for.",
    by_sigmoid="That is the approximation x · σ(1.702 x). The exact form, with erf, is asked for.",
    no_half="The factor ½ is missing: Φ lies between 0 and 1, and 1 + erf between 0 and 2.",
    no_one="You leave out the 1: Φ(x) is ½ (1 + erf(x / √2)), and erf alone is negative below zero.",
    not_scaled="You take erf(x). Its argument is x / √2.",
    multiplied_by_root="You multiply by √2 inside erf. Divide by it.",
    divided_by_two="You divide by 2 inside erf. Divide by the root of 2.",
    probability_only="You return Φ(x). It is multiplied by x.",
    density="You multiply x by the normal density. Φ is the probability of being below x, the integral of that density.",
    minus="You use 1 - erf, which is erfc, and the probability of being above x. Here erf is added.",
)
def gelu_with(made: Made) -> dict[str, str]:
    inner = "x" if made.not_scaled else "x * sqrt(T(2))" if made.multiplied_by_root else "x / 2" if made.divided_by_two else "x / sqrt(T(2))"
    half = "1" if made.no_half else "T(0.5)"
    bracket = f"erf({inner})" if made.no_one else f"(1 {'-' if made.minus else '+'} erf({inner}))"
    value = f"{half} * {bracket}" if made.probability_only else f"{half} * x * {bracket}"
    if made.by_tanh:
        value = "T(0.5) * x * (1 + tanh(T(0.7978845608028654) * (x + T(0.044715) * x * x * x)))"
    if made.by_sigmoid:
        value = "x / (1 + exp(-T(1.702) * x))"
    if made.density:
        value = "x * T(0.3989422804014327) * exp(-x * x / 2)"
    kind = "float32" if made.float32_only else "T"
    return {
        "in_params": f"{kind} x",
        "out_params": f"{kind} y",
        "operation": "y = " + (value.replace("T(", "float(") if made.float32_only else value),
    }


# ---- momentum_update ---------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["4.3"], without=NO_ARRAYS_OF_OTHER_KINDS)
def momentum_update() -> dict[str, str]:
    """The parts of a CuPy elementwise kernel: a dictionary with "in_params", "out_params" and
    "operation", for cp.ElementwiseKernel.

    Called as kernel(w, v, g, lr, beta), it takes one step of gradient descent with momentum and
    returns the pair (new w, new v): the new velocity is beta · v + g, and the weights move by
    minus lr times the new velocity. w, v and g are arrays of one type, lr and beta are numbers.
    The arrays that come in stay as they are.
    """
    return {
        "in_params": "T w, T v, T g, T lr, T beta",
        "out_params": "T new_w, T new_v",
        "operation": "new_v = beta * v + g; new_w = w - lr * new_v;",
    }


def in_motion(rng: np.random.Generator, *shape: int, dtype: Any = np.float32) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return normal(rng, *shape, dtype=dtype), normal(rng, *shape, dtype=dtype, scale=2), normal(rng, *shape, dtype=dtype)


@cases(momentum_update)
def visible_momentum_update(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("5 weights", *in_motion(rng, 5), 0.1, 0.9)
    yield Case("a 3 × 2 matrix in float64, lr 0.3", *in_motion(rng, 3, 2, dtype=np.float64), 0.3, 0.7)


@cases(momentum_update, hidden=True)
def hidden_momentum_update(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("many weights", *in_motion(rng, 1009), 0.2, round(float(rng.uniform(0.5, 0.8)), 3))
    yield Case("3 axes", *in_motion(rng, 2, 3, 5), 0.25, 0.95)
    yield Case("lr greater than 1, float64", *in_motion(rng, 17, dtype=np.float64), 1.7, 0.6)
    yield Case("beta is 0", *in_motion(rng, 7), 0.3, 0.0)


@probe(momentum_update)
def call_momentum_update(answer: Any, w: Any, v: Any, g: Any, lr: float, beta: float) -> Any:
    from autograder.cuda.trial import try_elementwise

    return try_elementwise(answer(), "momentum_update", w, v, g, lr, beta)


@mistakes(
    momentum_update,
    float32_only=NO_LETTER,
    old_velocity="You move by the old velocity. Compute the new one first: the gradient is in it.",
    lr_in_velocity="You put lr into the velocity. Here it multiplies the whole velocity when the weights move.",
    lr_twice="You multiply by lr twice: once inside the velocity, once when the weights move. Only the second belongs there.",
    moving_average="You multiply the gradient by 1 - beta. Here the gradient counts in full.",
    ascent="You add the step. To go downhill, subtract it.",
    no_lr="You move by the whole velocity. Multiply it by lr.",
    nothing_forgotten="Your velocity never forgets. Multiply the old one by beta.",
    beta_on_gradient="Your beta multiplies the gradient. It belongs to the old velocity.",
    outputs_swapped="You declare new v before new w. The results come in the order in which they are declared.",
    writes_inputs="Your operation assigns to an input, and those are constant. Declare outputs, and assign to them.",
    weights_only="You declare one output. The new velocity is asked for too: the next step needs it.",
    nesterov="You look a step further ahead, by beta times the new velocity. That is Nesterov's momentum; here the weights move by the new velocity itself.",
    plain_descent="You keep a velocity but move along the gradient.",
    steps="You return the step where the new weights are due: subtract it from w.",
    numbers_swapped="You declare beta before lr. Arguments come in the order in which they are declared.",
)
def momentum_update_with(made: Made) -> dict[str, str]:
    kind = "float32" if made.float32_only else "T"
    keep = "1" if made.nothing_forgotten or made.beta_on_gradient else "beta"
    share = "(1 - beta)" if made.moving_average else "beta" if made.beta_on_gradient else "lr" if made.lr_in_velocity or made.lr_twice else "1"
    direction = "v" if made.old_velocity else "g" if made.plain_descent else "(g + beta * new_v)" if made.nesterov else "new_v"
    rate = "1" if made.no_lr or made.lr_in_velocity else "lr"
    start = "" if made.steps else "w"
    operation = f"new_v = {keep} * v + {share} * g; new_w = {start} {'+' if made.ascent else '-'} {rate} * {direction};"
    outputs = f"{kind} new_v, {kind} new_w" if made.outputs_swapped else f"{kind} new_w, {kind} new_v"
    if made.writes_inputs:
        outputs, operation = f"{kind} new_w", "v = beta * v + g; new_w = w - lr * v;"
    if made.weights_only:
        outputs, operation = f"{kind} new_w", "new_w = w - lr * (beta * v + g);"
    numbers = f"{kind} beta, {kind} lr" if made.numbers_swapped else f"{kind} lr, {kind} beta"
    return {"in_params": f"{kind} w, {kind} v, {kind} g, {numbers}", "out_params": outputs, "operation": operation}


# ---- squared_distance --------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["4.3"], without=NO_ARRAYS_OF_OTHER_KINDS)
def squared_distance() -> dict[str, str]:
    """The parts of a CuPy reduction kernel: a dictionary with "in_params", "out_params",
    "map_expr", "reduce_expr", "post_map_expr" and "identity", for cp.ReductionKernel.

    Called as kernel(x, y, axis=...), it returns the sum of the squares of x - y along that
    axis, or over all elements. x and y are broadcast against each other and have one type,
    float32 or float64, which is the result's too.
    """
    return {
        "in_params": "T x, T y",
        "out_params": "T z",
        "map_expr": "(x - y) * (x - y)",
        "reduce_expr": "a + b",
        "post_map_expr": "z = a",
        "identity": "0",
    }


@cases(squared_distance)
def visible_squared_distance(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("two vectors of 7 numbers", normal(rng, 7), normal(rng, 7), None)
    yield Case("each of 5 rows to one vector, float64", normal(rng, 5, 3, dtype=np.float64), normal(rng, 3, dtype=np.float64), 1)


@cases(squared_distance, hidden=True)
def hidden_squared_distance(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("each row to one vector", normal(rng, 37, 7), normal(rng, 7), 1)
    yield Case("each row to one vector, float64", normal(rng, 13, 4, dtype=np.float64), normal(rng, 4, dtype=np.float64), 1)
    yield Case("along the first axis", normal(rng, 601, 3), normal(rng, 601, 3), 0)
    yield Case("long vectors", normal(rng, 1500), normal(rng, 1500), None)
    yield Case("each with each", normal(rng, 5, 1, 11), normal(rng, 1, 7, 11), 2)
    yield Case("vectors of 5 numbers", normal(rng, 5), normal(rng, 5), None)


@probe(squared_distance)
def call_squared_distance(answer: Any, x: Any, y: Any, axis: int | None) -> Any:
    from autograder.cuda.trial import try_reduction

    return try_reduction(answer(), "squared_distance", x, y, axis=axis)


@mistakes(
    squared_distance,
    float32_only=NO_LETTER,
    not_squared="You add the differences. Square them first: otherwise those with other signs cancel.",
    absolute="You add absolute differences. Squares are asked for.",
    root="You take the root at the end. The squared distance is asked for.",
    squared_at_the_end="You square the sum. Each difference is squared, and then they are added.",
    squared_when_reducing="You square in reduce_expr. There a and b are partial sums already, and which of the two is b is chance: square in map_expr.",
    starts_at_one='Your identity is 1. It is what changes no sum: "0". Every thread begins with it.',
    products="You multiply the squares. Add them.",
    largest="You keep the largest square. Their sum is asked for.",
    difference_of_squares="You take x² - y². The difference is squared.",
    inner_product="You add products of x and y. That is the inner product; the squared difference is asked for.",
    sum_inside="You add x and y. Their difference is asked for.",
    half="You halve the sum.",
    mean="You divide by the number of elements. The sum is asked for.",
    not_assigned="Your post_map_expr assigns nothing: it needs `z = ...`.",
    output_is_an_integer="Your output is of an integer type, which cuts fractions off. Its type is that of x.",
)
def squared_distance_with(made: Made) -> dict[str, str]:
    kind = "float32" if made.float32_only else "T"
    map_expr = (
        "x - y" if made.not_squared or made.squared_at_the_end or made.squared_when_reducing
        else "fabs(x - y)" if made.absolute
        else "x * x - y * y" if made.difference_of_squares
        else "x * y" if made.inner_product
        else "(x + y) * (x + y)" if made.sum_inside
        else "(x - y) * (x - y)"
    )  # fmt: skip
    reduce_expr = "a * b" if made.products else "max(a, b)" if made.largest else "a + b * b" if made.squared_when_reducing else "a + b"
    result = (
        "sqrt(a)" if made.root
        else "a * a" if made.squared_at_the_end
        else "a / 2" if made.half
        else "a / (_in_ind.size() / _out_ind.size())" if made.mean
        else "a"
    )  # fmt: skip
    return {
        "in_params": f"{kind} x, {kind} y",
        "out_params": "int32 z" if made.output_is_an_integer else f"{kind} z",
        "map_expr": map_expr,
        "reduce_expr": reduce_expr,
        "post_map_expr": result if made.not_assigned else f"z = {result}",
        "identity": "1" if made.starts_at_one or made.products else "0",
    }


# ---- log_sum_exp -------------------------------------------------------------------------------------------------------


@exercise(points=3, rows=["4.3"], shares={"large numbers": 0.4}, without=NO_ARRAYS_OF_OTHER_KINDS)
def log_sum_exp() -> dict[str, str]:
    """The parts of a CuPy reduction kernel: a dictionary with "in_params", "out_params",
    "map_expr", "reduce_expr", "post_map_expr", "identity", "reduce_type" and "preamble", for
    cp.ReductionKernel.

    Called as kernel(x, axis=1), it returns the logarithm of the sum of exp(x) over every row,
    in one pass, for numbers like 1000 or -1000 too. All types are float32.
    """
    return {
        "in_params": "float32 x",
        "out_params": "float32 y",
        "preamble": """
            struct State { float largest, sum; };
            __device__ State join(State a, State b) {
                float largest = fmaxf(a.largest, b.largest);
                return {largest, a.sum * expf(a.largest - largest) + b.sum * expf(b.largest - largest)};
            }
        """,
        "reduce_type": "State",
        "map_expr": "State{x, 1}",
        "reduce_expr": "join(a, b)",
        "post_map_expr": "y = a.largest + logf(a.sum)",
        "identity": "State{-3.4e38f, 0}",
    }


OVERFLOW = (
    "With large numbers the result is not finite. exp(100) is too large for a float, and exp(-200) is 0: every sum must be of exp(x - m),"
    " where m is the largest number in it, and a state must begin with an m below every number."
)


@cases(log_sum_exp)
def visible_log_sum_exp(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("2 rows of 5 numbers", normal(rng, 2, 5))
    yield Case("3 rows of 8 numbers", normal(rng, 3, 8, scale=2))
    yield Case("numbers around 500", 500 + normal(rng, 2, 6), group="large numbers", hint=OVERFLOW)


@cases(log_sum_exp, hidden=True)
def hidden_log_sum_exp(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("many rows", normal(rng, 41, 7, scale=2))
    yield Case("long rows", normal(rng, 2, 1301, scale=2))
    yield Case("increasing numbers", np.sort(normal(rng, 3, 1027, scale=3)))
    yield Case("decreasing numbers", -np.sort(normal(rng, 3, 611, scale=3)))
    yield Case("one number in a row", normal(rng, 7, 1))
    yield Case("numbers around -500", normal(rng, 3, 529) - 500, group="large numbers", hint=OVERFLOW)
    yield Case("some far above the others", 300 * normal(rng, 4, 8), group="large numbers", hint=OVERFLOW)


@probe(log_sum_exp)
def call_log_sum_exp(answer: Any, x: Any) -> Any:
    from autograder.cuda.trial import try_reduction

    return try_reduction(answer(), "log_sum_exp", x, axis=1)


@mistakes(
    log_sum_exp,
    largest_ignored="You add exponentials as they are. exp(100) is too large for a float: keep the largest number beside the sum, and let the sum be of exp(x - largest).",
    not_rescaled="You add two sums that belong to different largest numbers. Bring both to the new one first: each is multiplied by exp(its own largest - the new one).",
    only_one_rescaled="You rescale one of the two sums only. Either may be the one with the smaller largest number.",
    smaller_dropped="You get the largest number alone. When two states meet, the sum of the one with the smaller number counts too.",
    begins_at_zero="Your identity begins with the largest number 0. When all numbers are far below 0, their exponentials vanish beside it: begin below every number.",
    elements_count_exp="A single element brings the sum exp(x). Its largest number is x itself, so the sum of exp(x - x) is 1.",
    largest_not_added="You return the logarithm of the rescaled sum. The largest number was subtracted before, so it is added in the end.",
    largest_subtracted="You subtract the largest number in the end. It was subtracted before: add it.",
    no_logarithm="You return the sum. Its logarithm is asked for.",
    base_two="You take the logarithm to the base 2. The natural one is `log`.",
    mean="You divide by the number of elements. The sum is asked for.",
)
def log_sum_exp_with(made: Made) -> dict[str, str]:
    scale_a, scale_b = (f"expf({s}.largest - largest)" for s in "ab")
    if made.not_rescaled:
        scale_a = scale_b = "1"
    if made.only_one_rescaled:
        scale_b = "1"
    if made.smaller_dropped:
        scale_a, scale_b = (f"({s}.largest == largest)" for s in "ab")
    element = "expf(x)" if made.elements_count_exp else "1"
    logarithm = "log2f(a.sum)" if made.base_two else "logf(a.sum * _out_ind.size() / _in_ind.size())" if made.mean else "logf(a.sum)"
    result = (
        logarithm if made.largest_not_added
        else f"-a.largest + {logarithm}" if made.largest_subtracted
        else "a.sum * expf(a.largest)" if made.no_logarithm
        else f"a.largest + {logarithm}"
    )  # fmt: skip
    parts = {
        "in_params": "float32 x",
        "out_params": "float32 y",
        "preamble": f"""
            struct State {{ float largest, sum; }};
            __device__ State join(State a, State b) {{
                float largest = fmaxf(a.largest, b.largest);
                return {{largest, a.sum * {scale_a} + b.sum * {scale_b}}};
            }}
        """,
        "reduce_type": "State",
        "map_expr": f"State{{x, {element}}}",
        "reduce_expr": "join(a, b)",
        "post_map_expr": f"y = {result}",
        "identity": "State{0, 0}" if made.begins_at_zero else "State{-3.4e38f, 0}",
    }
    plain = {"preamble": "", "reduce_type": "float", "map_expr": "expf(x)", "reduce_expr": "a + b", "post_map_expr": "y = logf(a)", "identity": "0"}
    return parts | plain if made.largest_ignored else parts


# ---- heat_step ---------------------------------------------------------------------------------------------------------


@exercise(points=3, rows=["4.3"], without=NO_ARRAYS_OF_OTHER_KINDS)
def heat_step() -> dict[str, str]:
    """The parts of a CuPy elementwise kernel: a dictionary with "in_params", "out_params" and
    "operation", for cp.ElementwiseKernel.

    Called as kernel(u, rate, columns, next), it lets heat spread for one step over a plate of
    rows × columns cells: every cell of next is u + rate · (the sum of its four neighbours in u,
    minus 4 u). Nothing leaves the plate: a neighbour beyond the edge counts as warm as the cell
    itself. u and next are arrays of one type, float32 or float64, which rate has too; columns is
    an int32. u is raw, and the kernel reads nothing beyond it.
    """
    return {
        "in_params": "raw T u, T rate, int32 columns",
        "out_params": "T next",
        "operation": """
            int column = i % columns;
            T here = u[i];
            T left = column > 0 ? u[i - 1] : here;
            T right = column < columns - 1 ? u[i + 1] : here;
            T above = i >= columns ? u[i - columns] : here;
            T below = i + columns < u.size() ? u[i + columns] : here;
            next = here + rate * (left + right + above + below - 4 * here);
        """,
    }


@cases(heat_step)
def visible_heat_step(rng: np.random.Generator) -> Iterator[Case]:
    hot_spot = np.zeros((4, 6), np.float32)
    hot_spot[1, 2] = 100
    yield Case("4 × 6 cells, one of them hot", hot_spot, 0.1)
    yield Case("5 × 3 cells in float64", normal(rng, 5, 3, dtype=np.float64), 0.2)


@cases(heat_step, hidden=True)
def hidden_heat_step(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("a wide plate", normal(rng, 7, 31, scale=10), 0.2)
    yield Case("a tall plate", normal(rng, 29, 5, scale=10), round(float(rng.uniform(0.05, 0.25)), 3))
    yield Case("a square plate, float64", normal(rng, 13, 13, dtype=np.float64), 0.25)
    yield Case("one row", normal(rng, 1, 17), 0.1)
    yield Case("one column", normal(rng, 17, 1), 0.1)
    yield Case("one cell", normal(rng, 1, 1), 0.2)


@probe(heat_step)
def call_heat_step(answer: Any, u: Any, rate: float) -> Any:
    from autograder.cuda.trial import Output, try_elementwise

    return try_elementwise(answer(), "heat_step", u, rate, u.shape[1], Output(u.shape, u.dtype))


@mistakes(
    heat_step,
    float32_only=NO_LETTER,
    no_edges="At the edges you read beyond the plate. A cell in the first column has no left neighbour, and so on.",
    only_the_ends="You look only whether a neighbour lies in the array. The cell before a row's first one does, but it is the last one of the row above.",
    round_the_corner="Your plate has no edges: beyond one, it goes on at the opposite side. A neighbour beyond the edge counts as warm as the cell itself.",
    cold_outside="Beyond the edge you count 0, and heat flows out there. A neighbour beyond the edge counts as warm as the cell itself.",
    rows_and_columns_swapped="You take the remainder of i by the number of rows. The plate lies row after row, so that a row's length, columns, tells where a cell stands.",
    stride_of_rows="The cell above is `columns` places before, one whole row.",
    edges_stay="Your cells at the edges stay as they are. They have neighbours too, three or two.",
    not_minus_four="You do not subtract the cell itself four times: heat appears from nowhere.",
    minus_three="You subtract the cell itself less than four times. Each neighbour brings its difference to the cell.",
    mean_of_neighbours="You return the change only. It is added to u.",
    cools="You subtract the change: heat flows from the colder cell to the warmer one.",
    diagonals="You count the diagonal neighbours too. A cell has four.",
    two_neighbours="You count left and right only. The cells above and below are neighbours too.",
    no_rate="You leave out rate.",
    not_raw="Without `raw`, u is one number, the cell itself, and cannot be indexed. Declare it `raw T u`.",
    not_assigned="Your operation computes the new cell but assigns it to nothing: it needs `next = ...`.",
)
def heat_step_with(made: Made) -> dict[str, str]:
    kind = "float32" if made.float32_only else "T"
    number = "float" if made.float32_only else "T"
    row_length = "(int)(u.size() / columns)" if made.rows_and_columns_swapped else "columns"
    outside = "T(0)" if made.cold_outside else "here"
    stride = "(u.size() / columns)" if made.stride_of_rows else "columns"
    inside = {"left": "column > 0", "right": f"column < {row_length} - 1", "above": f"i >= {stride}", "below": f"i + {stride} < u.size()"}
    if made.only_the_ends:
        inside |= {"left": "i > 0", "right": "i + 1 < u.size()"}
    if made.no_edges:
        inside = dict.fromkeys(inside, "true")
    places = {"left": "i - 1", "right": "i + 1", "above": f"i - {stride}", "below": f"i + {stride}"}
    if made.round_the_corner:
        inside = dict.fromkeys(inside, "true")
        places = {
            "left": "i - column + (column + columns - 1) % columns",
            "right": "i - column + (column + 1) % columns",
            "above": "(i + u.size() - columns) % u.size()",
            "below": "(i + columns) % u.size()",
        }
    neighbours = "".join(f"{number} {side} = {inside[side]} ? u[{places[side]}] : {outside};\n" for side in places)
    total = "left + right" if made.two_neighbours else "left + right + above + below"
    itself = "0" if made.not_minus_four else "3 * here" if made.minus_three else "2 * here" if made.two_neighbours else "4 * here"
    if made.diagonals:
        total += "".join(
            f" + ({inside[across]} && {inside[along]} ? u[i {'-' if across == 'above' else '+'} columns {'-' if along == 'left' else '+'} 1] : here)"
            for across in ("above", "below")
            for along in ("left", "right")
        )
        itself = "8 * here"
    start = "" if made.mean_of_neighbours else "here"
    value = f"{start} {'-' if made.cools else '+'} {'' if made.no_rate else 'rate *'} ({total} - {itself})"
    if made.edges_stay:
        value = f"{' && '.join(inside.values())} ? {value} : here"
    return {
        "in_params": f"{'' if made.not_raw else 'raw '}{kind} u, {kind} rate, int32 columns",
        "out_params": f"{kind} next",
        "operation": f"""
            int column = i % {row_length};
            {number} here = u[i];
            {neighbours}
            {"" if made.not_assigned else "next ="} {value};
        """,
    }
