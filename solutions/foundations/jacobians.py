"""Jacobians: their two layouts, how to measure them, a table of them, and the chain rule as a product of matrices."""

import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from autograder.exercise import Case, Made, cases, equivalent, exercise, mistakes, probe

NUMERATOR, DENOMINATOR = "numerator", "denominator"

# ---- to_layout -------------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["1.15"])
def to_layout(derivative: Float[ndarray, "rows columns"], source: str, target: str) -> Float[ndarray, "..."]:
    """A derivative that is written in the layout `source`, rewritten in the layout `target`.

    Both are "numerator" or "denominator". In numerator layout there is a row for each output
    and a column for each input; in denominator layout a row for each input and a column for
    each output.
    """
    return derivative if source == target else derivative.T


@cases(to_layout)
def visible_to_layout(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("3 outputs, 2 inputs, to denominator layout", np.arange(6.0).reshape(3, 2), NUMERATOR, DENOMINATOR)
    yield Case("a gradient that is a row already", rng.normal(size=(1, 5)), NUMERATOR, NUMERATOR)
    yield Case("a gradient as a column, to numerator layout", rng.normal(size=(5, 1)), DENOMINATOR, NUMERATOR)


@cases(to_layout, hidden=True)
def hidden_to_layout(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("to denominator layout", rng.normal(size=(3, 7)), NUMERATOR, DENOMINATOR)
    yield Case("to numerator layout", rng.normal(size=(3, 5)), DENOMINATOR, NUMERATOR)
    yield Case("denominator layout stays", rng.normal(size=(5, 2)), DENOMINATOR, DENOMINATOR)
    yield Case("numerator layout stays", rng.normal(size=(2, 7)), NUMERATOR, NUMERATOR)
    yield Case("as many outputs as inputs", rng.normal(size=(3, 3)), NUMERATOR, DENOMINATOR)
    yield Case("one input, a column becomes a row", rng.normal(size=(7, 1)), NUMERATOR, DENOMINATOR)


@mistakes(
    to_layout,
    always_transposed="You transpose every time, also when the derivative is in the wanted layout already.",
    never_transposed="You return the derivative as it came. The two layouts are each other's transposes.",
    target_only="You transpose whenever `target` is the denominator layout. A derivative that is in this layout already must stay as it is: look at `source` too.",
    source_only="You transpose whenever `source` is the denominator layout. What counts is whether the two layouts differ.",
    reshaped="You reshape. The shape is right and the numbers stand in the wrong places: rows become columns, so transpose.",
    flattened="You drop axes of size 1. Layouts differ in nothing but whether such a derivative is a row or a column: keep both axes.",
    turned="You turn the matrix by 90 degrees. A transpose mirrors it at its diagonal.",
    vectors_only="You transpose rows and columns, but leave larger derivatives as they are. The layout concerns them as well.",
)
def to_layout_with(made: Made, derivative: ndarray, source: str, target: str) -> Any:
    turn = source != target
    turn = True if made.always_transposed else turn and not made.never_transposed
    turn = target == DENOMINATOR if made.target_only else source == DENOMINATOR if made.source_only else turn
    if made.vectors_only and 1 not in derivative.shape:
        turn = False
    if made.flattened:
        derivative = derivative.squeeze()
    if not turn:
        return derivative * 1
    return derivative.reshape(derivative.shape[::-1]) if made.reshaped else np.rot90(derivative) if made.turned else derivative.T


@mistakes(
    to_layout,
    the_wrong_way="You transpose when the layouts are equal, and do not when they differ. It is the other way round.",
)
def to_layout_the_wrong_way(made: Made, derivative: ndarray, source: str, target: str) -> Any:
    return 1 * (derivative.T if (source == target) == made.the_wrong_way else derivative)


# ---- jacobian --------------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["1.16"], without=["float32", "same array"], forbid=["scipy.optimize.approx_fprime", "scipy.differentiate.jacobian"])
def jacobian(f: Callable[[ndarray], ndarray], x: Float[ndarray, "n"], eps: float = 1e-5) -> Float[ndarray, "m n"]:
    """The Jacobian of f at x in numerator layout, by central differences: entry [i, j] is how fast
    output i changes when x[j] alone moves, by `eps` to both sides.

    `f` takes an array of shape (n,) and returns one of shape (m,). `x` is float64.
    """
    columns = [(f(x + step) - f(x - step)) / (2 * eps) for step in eps * np.eye(len(x))]
    return np.stack(columns, axis=1)


@probe(jacobian)
def jacobian_of_a_layer(answer, weights, x, eps=None):  # type: ignore[no-untyped-def]
    """f(z) = sin(W z) + |z|² / 10: every output depends on every input, in its own way."""
    import numpy as np

    def f(z):  # type: ignore[no-untyped-def]
        return np.sin(weights @ z) + (z * z).sum() / 10

    return answer(f, x) if eps is None else answer(f, x, eps)


def layer(rng: np.random.Generator, m: int, n: int) -> tuple[ndarray, ndarray]:
    return rng.normal(size=(m, n)), rng.normal(size=n)


@cases(jacobian)
def visible_jacobian(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("2 outputs, 3 inputs, eps 0.1", *layer(rng, 2, 3), 0.1)
    yield Case("5 outputs, 3 inputs", *layer(rng, 5, 3))


@cases(jacobian, hidden=True)
def hidden_jacobian(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("more inputs than outputs", *layer(rng, 3, 7), 0.2)
    yield Case("more outputs than inputs", *layer(rng, 7, 2), 0.05)
    yield Case("as many outputs as inputs", *layer(rng, 5, 5), 0.1)
    yield Case("one output", *layer(rng, 1, 3), 0.1)
    yield Case("one input", *layer(rng, 5, 1), 0.3)
    yield Case("eps not given", *layer(rng, 2, 5))


@mistakes(
    jacobian,
    transposed="You return [n, m]: a row for each input. In numerator layout rows belong to outputs and columns to inputs.",
    reshaped="You stack one row for each input and then reshape to [m, n]. That mixes entries: transpose, or stack along axis 1.",
    forward_difference="You compare f(x + eps) with f(x). That is the one-sided difference, with an error of order eps; step to both sides.",
    divided_by_eps="The two points lie 2·eps apart, and you divide by eps.",
    times_eps="In Python, / and * have equal rank and go from left to right: `/ 2 * eps` divides by 2 and multiplies by eps. Put the distance, 2·eps, into parentheses.",
    not_divided="You return the changes of f. Divide them by the distance of the two points.",
    all_at_once="You move all entries of x together. For column j, x[j] alone moves.",
    not_moved_back="The entries that were moved stay moved while you go on to the next ones. Every column starts at x itself.",
    outputs_summed="You sum over the outputs. Each output has a row of its own.",
    first_output="You return the row of the first output only. Each output has a row of its own.",
    diagonal="You move x[j] and look at output j only. Every output may depend on every input.",
    wrong_loop="You loop over the outputs where you move the inputs. There is a column for each input: n of them.",
    wrong_sign="You subtract the two values of f in the wrong order: f(x + eps) comes first.",
    relative_step="You move each entry by eps times its own size. Here the step is eps itself.",
    flattened="With a single output (or input) you drop an axis. A Jacobian always has two: (1, n) is a row, (m, 1) a column.",
)
def jacobian_with(made: Made, f: Callable[[ndarray], ndarray], x: ndarray, eps: float = 1e-5) -> Any:
    here, columns = x.copy(), []
    for j in range(len(f(x)) if made.wrong_loop else len(x)):
        h = eps * abs(x[j]) if made.relative_step else eps
        step = np.zeros_like(x)
        step[... if made.all_at_once else j] = h
        change = f(here + step) - f(here if made.forward_difference else here - step)
        distance = 1 if made.not_divided else h if made.forward_difference or made.divided_by_eps else 2 * h
        column = change / 2 * h if made.times_eps else change / distance
        columns.append(-column if made.wrong_sign else column)
        here = here + step if made.not_moved_back else here
    result = np.array(columns)
    if made.reshaped:
        return result.reshape(result.shape[::-1])
    result = result if made.transposed else result.T
    if made.diagonal:
        result = np.eye(*result.shape) * result
    if made.outputs_summed or made.first_output:
        result = result.sum(0, keepdims=True) if made.outputs_summed else result[:1]
    return result.squeeze() if made.flattened else result


# ---- jacobian_table --------------------------------------------------------------------------------------------------

TABLE = ("c", "x", "A x", "xᵀ A", "-3 u", "A u", "u + v")


@exercise(points=2, rows=["1.16"])
def jacobian_table(name: str, x: Float[ndarray, "n"], A: Float[ndarray, "rows columns"]) -> Float[ndarray, "m n"]:
    """The Jacobian ∂y/∂x of a function of the vector x, in numerator layout.

    y is named "c" (a constant vector, as long as A has rows), "x", "A x", "xᵀ A", "-3 u", "A u"
    or "u + v". Here u = sin x and v = x², both taken entry by entry. A has as many columns as x
    has entries, except in "xᵀ A", where it has as many rows.
    """
    n = len(x)
    du, dv = np.diag(np.cos(x)), np.diag(2 * x)
    if name == "c":
        return np.zeros((len(A), n), x.dtype)
    if name == "x":
        return np.eye(n, dtype=x.dtype)
    if name == "A x":
        return A
    if name == "xᵀ A":
        return A.T
    if name == "-3 u":
        return -3 * du
    return A @ du if name == "A u" else du + dv


def table_case(rng: np.random.Generator, name: str, m: int, n: int) -> Case:
    shape = (n, m) if name == "xᵀ A" else (m, n)
    return Case(f"{name}, n = {n}, A of shape {shape}", name, rng.normal(size=n), rng.normal(size=shape))


equivalent(
    jacobian_table,
    {
        "return np.eye(n)": "It is float64 for all inputs, which is precise enough.",
    },
)


@cases(jacobian_table)
def visible_jacobian_table(rng: np.random.Generator) -> Iterator[Case]:
    for name in TABLE:
        yield table_case(rng, name, 2, 3)


@cases(jacobian_table, hidden=True)
def hidden_jacobian_table(rng: np.random.Generator) -> Iterator[Case]:
    for name in TABLE:
        yield table_case(rng, name, 7, 5)
    for name in ("A x", "xᵀ A", "A u"):
        yield table_case(rng, name, 3, 3)
    yield table_case(rng, "c", 2, 5)


@mistakes(
    jacobian_table,
    denominator_layout="You write everything in denominator layout, a row for each input. Here rows belong to outputs: numerator layout.",
    ax_transposed="For A x you return Aᵀ. Output i is Σ A[i, j] x[j], so its slope in direction j is A[i, j]. (Aᵀ is the denominator layout.)",
    xa_not_transposed="For xᵀ A you return A. Output i is Σ x[j] A[j, i], so entry [i, j] of the Jacobian is A[j, i].",
    entries_as_a_vector="For functions taken entry by entry you return a vector of slopes. Output i does not depend on the other inputs, so the slopes stand on the diagonal of a matrix.",
    inner_derivative_missing="For A u you return A, as if u were x. The chain rule: A times the Jacobian of u.",
    wrong_side="For A u you multiply by the Jacobian of u from the left. The outer derivative comes first: A (∂u/∂x).",
    all_slopes_in_every_row="Every row of your Jacobian of u holds all slopes. Output i depends on x[i] alone: the slopes stand on a diagonal.",
    ones="For y = x you return ones everywhere. Output i moves with x[i] only: that is the identity matrix.",
    constant_square="For the constant you return an n × n matrix. There is a row for each output, and c is as long as A has rows.",
    constant_number="For the constant you return a number or a vector. Its Jacobian has a 0 for each pair of an output and an input.",
    factor_missing="For -3 u you forget the factor -3.",
    first_summand="Of u + v you differentiate u only.",
    product_for_sum="For u + v you multiply the two Jacobians. They are added.",
    minus_cosine="The derivative of sin is cos, with a plus.",
    square_without_two="The derivative of x² is 2x; yours is x.",
    functions_for_slopes="Your diagonal holds sin x and x² themselves. Their slopes are wanted.",
)
def jacobian_table_with(made: Made, name: str, x: ndarray, A: ndarray) -> Any:
    n = len(x)
    slopes_u, slopes_v = np.cos(x) * (-1 if made.minus_cosine else 1), (1 if made.square_without_two else 2) * x
    if made.functions_for_slopes:
        slopes_u, slopes_v = np.sin(x), x**2
    spread: Any = (lambda s: s) if made.entries_as_a_vector else (lambda s: np.tile(s, (n, 1))) if made.all_slopes_in_every_row else np.diag
    du, dv = spread(slopes_u), spread(slopes_v)
    if name == "A u":
        entry = A if made.inner_derivative_missing else du @ A if made.wrong_side else A @ du
    elif name == "c":
        if made.constant_number:
            return np.zeros(len(A), x.dtype)
        entry = np.zeros((n if made.constant_square else len(A), n), x.dtype)
    else:
        total = du if made.first_summand else du @ dv if made.product_for_sum else du + dv
        identity = np.ones((n, n), x.dtype) if made.ones else np.eye(n, dtype=x.dtype)
        entry = {
            "x": identity,
            "A x": A.T if made.ax_transposed else A,
            "xᵀ A": A if made.xa_not_transposed else A.T,
            "-3 u": du if made.factor_missing else -3 * du,
            "u + v": total,
        }[name]
    return entry.T if made.denominator_layout else entry


# ---- derivative_shape ------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["1.15", "1.16"])
def derivative_shape(y_shape: tuple[int, ...], x_shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of an array that holds the derivative of every entry of y with respect to every
    entry of x: first the axes of y, then the axes of x, each in their own order.

    A number has the shape (). This is how PyTorch's and JAX's `jacobian` arrange it.
    """
    return (*y_shape, *x_shape)


@cases(derivative_shape)
def visible_derivative_shape(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("a vector by a vector", (3,), (5,))
    yield Case("a number by a vector", (), (7,))
    yield Case("a matrix by a matrix", (2, 3), (5, 7))


@cases(derivative_shape, hidden=True)
def hidden_derivative_shape(rng: np.random.Generator) -> Iterator[Case]:
    a, b, c, d, e = (int(k) for k in rng.permutation([2, 3, 5, 7, 11, 13, 17])[:5])
    yield Case("a vector by a number", (a,), ())
    yield Case("a number by a matrix", (), (b, c))
    yield Case("a vector by a matrix", (d,), (e, a))
    yield Case("a matrix by a vector", (c, e), (b,))
    yield Case("a matrix by a matrix", (d, b), (a, c))
    yield Case("3 axes by 2", (e, a, d), (b, c))
    yield Case("a number by a number", (), ())


@mistakes(
    derivative_shape,
    x_reversed="You list the axes of x backwards. Some lectures do so (a strict numerator layout, in which a number by an (n, k) matrix has shape (k, n)); here they keep their order, as in PyTorch.",
    x_first="The axes of x come first in your shape. That is the denominator layout: here the axes of y come first.",
    y_only="You return the shape of y. Every entry of y has a derivative for every entry of x.",
    x_only="You return the shape of x. That is the gradient of a single number; every entry of y has one.",
    flattened="You count entries: a matrix of (entries of y, entries of x). That is the same data reshaped; here all axes are kept.",
    numbers_have_an_axis="You give numbers an axis of size 1, which makes rows and columns. Here a number has the shape (), no axes at all.",
    contracted="You drop the last axis of y and the first of x, as in a matrix product. Nothing is summed here: all axes stay.",
    entries="You return how many derivatives there are. Their shape is wanted.",
    twice_y="You list the axes of y twice. The second half belongs to x.",
    x_before_last="You put the axes of x before the last axis of y. All axes of y come first.",
)
def derivative_shape_with(made: Made, y_shape: tuple[int, ...], x_shape: tuple[int, ...]) -> Any:
    if made.numbers_have_an_axis:
        y_shape, x_shape = y_shape or (1,), x_shape or (1,)
    sizes = int(np.prod(y_shape)), int(np.prod(x_shape))
    if made.entries:
        return sizes[0] * sizes[1]
    if made.x_before_last:
        return (*y_shape[:-1], *x_shape, *y_shape[-1:])
    if made.contracted:
        return (*y_shape[:-1], *x_shape[1:])
    first, second = y_shape, x_shape[::-1] if made.x_reversed else x_shape
    return (
        (second + first) if made.x_first else first if made.y_only else second if made.x_only else sizes if made.flattened
        else first + first if made.twice_y else first + second
    )  # fmt: skip


# ---- matmul_jacobian -------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["1.16"], without=["same array"])
def matmul_jacobian(A: Float[ndarray, "m n"], X: Float[ndarray, "n k"]) -> Float[ndarray, "m k n k"]:
    """The derivative of the matrix Y = A X with respect to the matrix X, as an array with four
    axes: entry [i, j, p, q] is ∂Y[i, j] / ∂X[p, q].
    """
    m, n = A.shape
    k = X.shape[1]
    derivative = np.zeros((m, k, n, k), A.dtype)
    for j in range(k):
        derivative[:, j, :, j] = A
    return derivative


@cases(matmul_jacobian)
def visible_matmul_jacobian(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("2×3 times 3×2, whole numbers", np.array([[1.0, 2, 3], [4, 5, 6]]), np.array([[1.0, 0], [2, 1], [0, 3]]))
    yield Case("2×3 times 3×5", rng.normal(size=(2, 3)), rng.normal(size=(3, 5)))


@cases(matmul_jacobian, hidden=True)
def hidden_matmul_jacobian(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("5×2 times 2×3", rng.normal(size=(5, 2)), rng.normal(size=(2, 3)))
    yield Case("square matrices", rng.normal(size=(3, 3)), rng.normal(size=(3, 3)))
    yield Case("a row times a matrix", rng.normal(size=(1, 3)), rng.normal(size=(3, 7)))
    yield Case("a matrix times a column", rng.normal(size=(5, 3)), rng.normal(size=(3, 1)))


@mistakes(
    matmul_jacobian,
    a_transposed="The indices of A are swapped. Y[i, j] = Σ A[i, p] X[p, j], so the factor of X[p, j] is A[i, p].",
    columns_mixed="Your derivative does not vanish where the columns differ. Column j of Y comes from column j of X alone: for q ≠ j it is 0.",
    x_axes_swapped="The axes of X come in the order [q, p] in your answer. Here they keep their order, [p, q].",
    y_axes_swapped="The axes of Y come in the order [j, i] in your answer. Here they keep their order, [i, j].",
    x_first="The axes of X come first in your answer. The axes of Y come first: [i, j, p, q].",
    kronecker_order="Your axes come in the order [i, p, j, q], which is that of a product of A with an identity matrix. Wanted is [i, j, p, q].",
    by_a="That is the derivative with respect to A. Here X moves and A is fixed.",
    flattened="You return a matrix: the axes of Y and of X are flattened. Here all four axes stay apart.",
    matrix_only="You return A alone. That is the Jacobian for a single column; here there are four axes.",
    matrix_transposed="You return Aᵀ alone. The derivative of a matrix by a matrix has four axes.",
    rows_matched="You make the derivative vanish where row i of Y and row p of X differ. Rows are mixed by A; it is the columns that stay apart.",
    with_x="There is an X in your derivative. Y is linear in X, so its derivative depends on A alone.",
)
def matmul_jacobian_with(made: Made, A: ndarray, X: ndarray) -> Any:
    m, n = A.shape
    k = X.shape[1]
    same = np.ones((k, k), A.dtype) if made.columns_mixed else np.eye(k, dtype=A.dtype)
    if made.matrix_only:
        return A.copy()
    if made.matrix_transposed:
        return A.T.copy()
    if made.by_a:
        return np.einsum("ip,qj->ijpq", np.eye(m, dtype=A.dtype), X)
    if made.rows_matched:
        return np.einsum("jq,ip->ijpq", np.ones((k, k), A.dtype), A * np.eye(m, n, dtype=A.dtype))
    if made.with_x:
        return np.einsum("ip,pq,jq->ijpq", A, X, same)
    if made.a_transposed:
        return np.einsum("pi,jq->ijpq", A, same).reshape(m, k, n, k)
    order = (
        "ijqp" if made.x_axes_swapped else "jipq" if made.y_axes_swapped else "pqij" if made.x_first else "ipjq" if made.kronecker_order else "ijpq"
    )
    result = np.einsum(f"ip,jq->{order}", A, same)
    return result.reshape(m * k, n * k) if made.flattened else result


# ---- chain -----------------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["1.15", "1.17"], without=["same array"], forbid=["numpy.linalg.multi_dot"])
def chain(derivatives: list[Float[ndarray, "..."]], layout: str = "numerator") -> Float[ndarray, "..."]:
    """The derivative of a chain of functions: x → u₁ → u₂ → … → y.

    `derivatives` are those of its steps, in the order in which the steps are taken: ∂u₁/∂x
    first, ∂y/∂uₖ last. All of them, and the result, are in the same layout, "numerator" (a row
    for each output) or "denominator" (a row for each input). There is at least one step.
    """
    result, *others = derivatives
    for derivative in others:
        result = derivative @ result if layout == "numerator" else result @ derivative
    return result


def steps_of(rng: np.random.Generator, *sizes: int, layout: str = NUMERATOR) -> list[ndarray]:
    """The derivatives of a chain of functions between spaces of these sizes."""
    shapes = [(b, a) if layout == NUMERATOR else (a, b) for a, b in itertools.pairwise(sizes)]
    return [rng.normal(size=shape) for shape in shapes]


@cases(chain)
def visible_chain(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("3 inputs → 5 → 2", steps_of(rng, 3, 5, 2))
    yield Case("the same sizes, denominator layout", steps_of(rng, 3, 5, 2, layout=DENOMINATOR), DENOMINATOR)
    yield Case("3 steps of 2 numbers each", steps_of(rng, 2, 2, 2, 2), NUMERATOR)


@cases(chain, hidden=True)
def hidden_chain(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("4 steps", steps_of(rng, 5, 3, 7, 2, 11), NUMERATOR)
    yield Case("4 steps, denominator layout", steps_of(rng, 7, 2, 5, 3, 1, layout=DENOMINATOR), DENOMINATOR)
    yield Case("3 steps of 3 numbers each", steps_of(rng, 3, 3, 3, 3), NUMERATOR)
    yield Case("3 steps of 3 numbers each, denominator layout", steps_of(rng, 3, 3, 3, 3, layout=DENOMINATOR), DENOMINATOR)
    yield Case("a loss at the end", steps_of(rng, 7, 5, 3, 1))
    yield Case("a single step", steps_of(rng, 2, 3), NUMERATOR)


@mistakes(
    chain,
    order_reversed="You multiply in the order of the steps, which suits the denominator layout; in numerator layout the last step stands on the left: (∂y/∂u)(∂u/∂x). Your two layouts are the wrong way round.",
    layout_ignored="You take every derivative for one in numerator layout. In denominator layout the first step stands on the left.",
    always_denominator="You multiply in the order of the steps, whatever the layout. That is right in denominator layout; in numerator layout the last step stands on the left.",
    returned_in_numerator_layout="Given denominator layout, you return numerator layout. The result is in the layout of the derivatives.",
    transposed="Your result is transposed: it is in the other layout.",
    transposed_to_fit="You transpose matrices until their shapes fit. Where all shapes fit by chance that goes wrong: with the right order no transpose is needed.",
    entry_by_entry="You multiply entry by entry. A path leads through every number in between, and the paths add up: that is a matrix product.",
    added="You add the derivatives. Those of successive steps are multiplied.",
    first_and_last="You leave out the steps in between. Each has its factor.",
    last_missing="You leave out the last step.",
    first_missing="You leave out the first step.",
    last_only="You return the derivative of the last step. It is with respect to the last number before y; the chain goes back to x.",
)
def chain_with(made: Made, derivatives: list[ndarray], layout: str = NUMERATOR) -> Any:
    steps = [1 * d for d in derivatives]
    if len(steps) > 1:
        steps = steps[:-1] if made.last_missing else steps[1:] if made.first_missing else steps
        steps = [steps[0], steps[-1]] if made.first_and_last else steps[-1:] if made.last_only else steps
    if made.added:
        return functools.reduce(np.add, steps)
    if made.entry_by_entry:
        return functools.reduce(np.multiply, steps)
    if made.transposed_to_fit:
        return functools.reduce(product_that_fits, steps[::-1])
    numerator = layout == NUMERATOR
    numerator = (numerator or made.layout_ignored) and not made.always_denominator
    if numerator != made.order_reversed:
        steps = steps[::-1]
    result = functools.reduce(np.matmul, steps)
    turn = made.transposed or (made.returned_in_numerator_layout and layout == DENOMINATOR)
    return result.T if turn else result


def product_that_fits(a: ndarray, b: ndarray) -> ndarray:
    """Of a, b and their transposes the first product whose shapes fit."""
    return next(x @ y for x in (a, a.T) for y in (b, b.T) if x.shape[1] == y.shape[0])


# ---- vjp_chain -------------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["1.17"], without=["same array"], forbid=["numpy.linalg.multi_dot"])
def vjp_chain(jacobians: list[Float[ndarray, "..."]], v: Float[ndarray, "1 m"]) -> tuple[Float[ndarray, "1 n"], int]:
    """The row v times the Jacobian of a chain of functions, and how many multiplications of numbers
    that took: (row, multiplications).

    `jacobians` are in numerator layout and in the order of the steps, so the last one has m
    rows. Multiply from v's side, so that a row times a matrix is all that is ever worked out. A
    (1, a) row times an (a, b) matrix takes a·b multiplications.
    """
    multiplications = 0
    for J in reversed(jacobians):
        v = v @ J
        multiplications += J.size
    return v, multiplications


def chain_and_row(rng: np.random.Generator, *sizes: int) -> tuple[list[ndarray], ndarray]:
    return steps_of(rng, *sizes), rng.normal(size=(1, sizes[-1]))


@cases(vjp_chain)
def visible_vjp_chain(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("3 inputs → 5 → 2", *chain_and_row(rng, 3, 5, 2))
    yield Case("4 steps", *chain_and_row(rng, 7, 5, 3, 2, 5))


@cases(vjp_chain, hidden=True)
def hidden_vjp_chain(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("a long chain", *chain_and_row(rng, 11, 7, 5, 3, 13, 2))
    yield Case("3 steps of 5 numbers each", *chain_and_row(rng, 5, 5, 5, 5))
    yield Case("a loss at the end", *chain_and_row(rng, 13, 7, 3, 1))
    yield Case("a wide end", *chain_and_row(rng, 2, 3, 17))
    yield Case("a single step", *chain_and_row(rng, 7, 3))


FROM_OUTPUT = "You multiply the Jacobians with each other first, from the output's side, and v last. A matrix times a matrix costs far more than a row times a matrix: start with v."


@mistakes(
    vjp_chain,
    jacobian_from_input="You multiply the Jacobians with each other first, from the input's side, and v last. A matrix times a matrix costs far more than a row times a matrix: start with v.",
    jacobian_from_output=FROM_OUTPUT,
    jacobian_from_output_v_free=FROM_OUTPUT,
    steps_in_order="You go through the steps in the order in which they are taken. v belongs to the outputs: start with the last Jacobian.",
    jacobians_transposed="You multiply by the transposed Jacobians. In numerator layout a row times J fits as it is.",
    column="You return a column. A row times a matrix is a row, (1, n).",
    flat="You return an array with one axis. A row has two: (1, n).",
    additions_too="You count additions as well. Multiplications alone are asked for: a·b for each Jacobian.",
    rows_only="You count the rows of each Jacobian. Each of its entries is multiplied once: a·b.",
    columns_only="You count the columns of each Jacobian. Each of its entries is multiplied once: a·b.",
    products_counted="You count products of a row and a matrix. Each of them takes a·b multiplications of numbers.",
    last_count="You count the multiplications of one step only. Those of all steps add up.",
    counts_multiplied="You multiply the counts of the steps. The steps come one after the other, so their counts add up.",
    row_only="You return the row without the count.",
    swapped="You return the count first. The row comes first.",
)
def vjp_chain_with(made: Made, jacobians: list[ndarray], v: ndarray) -> Any:
    order = jacobians if made.steps_in_order else jacobians[::-1]
    costs = []
    if made.jacobian_from_input or made.jacobian_from_output or made.jacobian_from_output_v_free:
        sequence = jacobians if made.jacobian_from_input else jacobians[::-1]
        whole = sequence[0]
        for J in sequence[1:]:
            left, right = (J, whole) if made.jacobian_from_input else (whole, J)
            costs.append(left.size * right.shape[1])
            whole = left @ right
        row = v @ whole
        costs.append(0 if made.jacobian_from_output_v_free else whole.size)
    else:
        row = 1 * v
        for J in order:
            J = J.T if made.jacobians_transposed else J
            row = row @ J
            a, b = J.shape
            costs.append(
                (2 * a - 1) * b if made.additions_too else a if made.rows_only else b if made.columns_only else 1 if made.products_counted else a * b
            )
    count = costs[-1] if made.last_count else int(np.prod(costs)) if made.counts_multiplied else sum(costs)
    row = row.T if made.column else row[0] if made.flat else row
    return row if made.row_only else (count, row) if made.swapped else (row, count)
