"""Special matrices: symmetric, definite, orthogonal, permutations; and the vectors that keep their direction."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Num
from numpy import ndarray

from autograder.exercise import Case, Made, cases, equivalent, exercise, mistakes, probe, verify

# ---- sym_skew --------------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["1.8"], shares={"not square": 0.2})
def sym_skew(A: Num[ndarray, "n n"]) -> tuple[Float[ndarray, "n n"], Float[ndarray, "n n"]]:
    """Split A = S + K into a symmetric and a skew-symmetric matrix: (S, K).

    S equals its transpose, K equals minus its transpose. If A is not square, raise a ValueError.
    """
    if A.shape[0] != A.shape[1]:
        raise ValueError(f"only a square matrix has such parts, not {A.shape}")
    return (A + A.T) / 2, (A - A.T) / 2


@probe(sym_skew)
def parts_or_refusal(answer, A):  # type: ignore[no-untyped-def]
    if A.shape[0] == A.shape[1]:
        return answer(A)
    try:
        return answer(A)
    except ValueError:
        return "ValueError"


NOT_SQUARE = (
    "A matrix that is not square has no such parts: raise a ValueError. NumPy does not always do it for you,"
    " because a single column plus a single row is broadcast to a square."
)


@cases(sym_skew)
def visible_sym_skew(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("a 2×2 matrix", np.array([[1.0, 6.0], [2.0, 5.0]]))
    yield Case("a 3×3 matrix", rng.normal(size=(3, 3)))
    yield Case("2×3", rng.normal(size=(2, 3)), group="not square", hint=NOT_SQUARE)


@cases(sym_skew, hidden=True)
def hidden_sym_skew(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("5×5", rng.normal(size=(5, 5)))
    yield Case("7×7", 10 * rng.normal(size=(7, 7)))
    yield Case("integers", rng.integers(-9, 10, size=(3, 3)))
    yield Case("1×1", rng.normal(size=(1, 1)))
    yield Case("a column", rng.normal(size=(3, 1)), group="not square", hint=NOT_SQUARE)
    yield Case("a row", rng.normal(size=(1, 5)), group="not square", hint=NOT_SQUARE)


@mistakes(
    sym_skew,
    no_half="Your S and K add up to 2A. Take half of A + Aᵀ, and half of A - Aᵀ.",
    swapped="You return the two parts in the wrong order: the symmetric one comes first.",
    skew_negative="Your K is Aᵀ - A, halved, so that S + K gives the transpose of A. The order of the two matters here.",
    half_of_first_only="You halve S, not K. Both are halves.",
    half_of_second_only="You halve K, not S. Both are halves.",
    upper_mirrored="Your S mirrors what stands above the diagonal of A. That is symmetric, and the rest is not skew. Take the mean of each entry and its mirror image.",
    lower_mirrored="Your S mirrors what stands below the diagonal of A. That is symmetric, and the rest is not skew. Take the mean of each entry and its mirror image.",
    not_transposed="You add A to itself, and subtract A from itself: a transpose is missing (or there are two of them).",
    gram="You multiply A by its transpose. That is symmetric too, and no part of A: add the transpose.",
    reversed_rows="You turn A upside down where its transpose is due. A transpose exchanges rows and columns.",
    floor_division="You divide with `//`, which rounds down. Use `/`.",
    no_diagonal="The diagonal of A is missing in S. It belongs to S entirely, since K's is 0.",
    symmetric_only="You return S only. Return both parts.",
    broadcast="A matrix that is not square has no such parts: raise a ValueError. Here nothing is raised for a single column or row: NumPy broadcasts A + Aᵀ to a square.",
)
def sym_skew_with(made: Made, A: ndarray) -> Any:
    if A.shape[0] != A.shape[1] and not made.broadcast:
        raise ValueError("not square")
    T = A if made.not_transposed else A[::-1] if made.reversed_rows else A.T
    S, K = A + T, A - T
    if made.floor_division:
        S, K = S // 2, K // 2
    else:
        S, K = S / (1 if made.no_half or made.half_of_second_only else 2), K / (1 if made.no_half or made.half_of_first_only else 2)
    K = -K if made.skew_negative else K
    if made.upper_mirrored or made.lower_mirrored:
        half = np.triu(A, 1) if made.upper_mirrored else np.tril(A, -1).astype(A.dtype)
        S = (half + half.T + np.diag(np.diagonal(A))) / 1
        K = A - S
    if made.gram:
        S = (A @ A.T) / 1
        K = A - S
    if made.no_diagonal:
        S = S - np.diag(np.diagonal(S))
    return S if made.symmetric_only else (K, S) if made.swapped else (S, K)


# ---- definiteness ----------------------------------------------------------------------------------------------------


@exercise(points=3, rows=["1.9"], without=["float32"])  # rounded to float32, a singular matrix is singular no more
def definiteness(A: Float[ndarray, "n n"]) -> str:
    """What signs xᵀAx takes, for all vectors x other than 0.

    "PD": always above 0. "ND": always below 0. "PSD": never below 0, and 0 for some x. "NSD":
    never above 0, and 0 for some x. "indefinite": sometimes above and sometimes below 0. A need
    not be symmetric, and is not the zero matrix. An eigenvalue counts as 0 if it is at most
    1e-9 of the largest one, both in absolute value. NumPy's eigenvalues are allowed.
    """
    eigenvalues = np.linalg.eigvalsh(A + A.T)  # twice those of the symmetric part
    tolerance = 1e-9 * np.abs(eigenvalues).max()
    above, below = (eigenvalues > tolerance).any(), (eigenvalues < -tolerance).any()
    zero = (np.abs(eigenvalues) <= tolerance).any()
    if above and below:
        return "indefinite"
    return ("PSD" if zero else "PD") if above else ("NSD" if zero else "ND")


def with_eigenvalues(rng: np.random.Generator, eigenvalues: list[float], skew: float = 0.0) -> ndarray:
    """A symmetric matrix with these eigenvalues, plus a random skew-symmetric one."""
    n = len(eigenvalues)
    Q = np.linalg.qr(rng.normal(size=(n, n)))[0]
    K = rng.normal(size=(n, n))
    S = (Q * np.array(eigenvalues)) @ Q.T
    return (S + S.T) / 2 + skew * (K - K.T)


def spread(rng: np.random.Generator, *signs: int) -> list[float]:
    """Random eigenvalues of these signs."""
    return [float(sign * rng.uniform(0.5, 3)) for sign in signs]


def with_positive_diagonal(rng: np.random.Generator, n: int) -> ndarray:
    """Indefinite, although all entries of the diagonal (and all others) are above 0."""
    A = rng.uniform(3, 5, size=(n, n))
    A[np.diag_indices(n)] = rng.uniform(0.5, 1, size=n)
    return A


equivalent(
    definiteness,
    {
        "above, below = ((eigenvalues > tolerance).any(), (eigenvalues <= -tolerance).any())": "An eigenvalue is 0 up to rounding or far above the tolerance, never exactly at it.",
        "above, below = ((eigenvalues >= tolerance).any(), (eigenvalues < -tolerance).any())": "An eigenvalue is 0 up to rounding or far above the tolerance, never exactly at it.",
        "zero = (np.abs(eigenvalues) < tolerance).any()": "An eigenvalue is 0 up to rounding or far above the tolerance, never exactly at it.",
    },
)


@cases(definiteness)
def visible_definiteness(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("diagonal: 2 and 3", np.diag([2.0, 3.0]))
    yield Case("diagonal: 2 and 0", np.diag([2.0, 0.0]))
    yield Case("diagonal: -2 and -3", np.diag([-2.0, -3.0]))
    yield Case("ones, and 3 beside the diagonal", np.array([[1.0, 3.0], [3.0, 1.0]]))
    yield Case("not symmetric", np.array([[1.0, 4.0], [-4.0, 1.0]]))


@cases(definiteness, hidden=True)
def hidden_definiteness(rng: np.random.Generator) -> Iterator[Case]:
    for name, s in [("positive", 1), ("negative", -1)]:
        yield Case(f"all {name}, 5×5", with_eigenvalues(rng, spread(rng, s, s, s, s, s)))
        yield Case(f"all {name}, not symmetric", with_eigenvalues(rng, spread(rng, s, s, s), skew=2.0))
        yield Case(f"one is 0, others {name}", with_eigenvalues(rng, spread(rng, s, 0, s, s)))
        yield Case(f"one is 0, others {name}, not symmetric", with_eigenvalues(rng, spread(rng, s, 0, s), skew=1.0))
        yield Case(f"{name}, and tiny", 1e-13 * with_eigenvalues(rng, spread(rng, s, s, s)))
        yield Case(f"{name}, on the diagonal only after a 0", np.diag([0.0, *spread(rng, s, s)]))
        yield Case(f"a single {name} number", np.array([[s * rng.uniform(1, 2)]]))
    yield Case("indefinite, all entries positive", with_positive_diagonal(rng, 3))
    yield Case("indefinite, all entries negative", -with_positive_diagonal(rng, 3))
    yield Case("two negative", with_eigenvalues(rng, spread(rng, 1, -1, 1, -1)))
    yield Case("positive, zero, negative", np.diag(spread(rng, 1, 0, -1)))
    lower = np.tril(rng.uniform(4, 5, size=(3, 3)), -1)
    yield Case("not symmetric: indefinite at first sight", np.eye(3) * rng.uniform(1, 2) + lower - lower.T)
    eye = np.eye(3) * rng.uniform(1, 2)
    yield Case("triangular", eye + np.triu(rng.uniform(4, 5, size=(3, 3)), 1))


@mistakes(
    definiteness,
    diagonal_only="You look at the diagonal only. It holds the values for x = (1, 0, ...), (0, 1, 0, ...) and so on; another x may give another sign.",
    zero_as_definite="You call semidefinite matrices definite, as if xᵀAx ≥ 0 were enough. Definite means that it is above 0 for every x other than 0; where 0 is reached, the matrix is only semidefinite.",
    definite_as_zero="You call every definite matrix semidefinite. If xᵀAx is 0 for no x but 0, say PD or ND.",
    not_symmetrised="You use the eigenvalues of A itself. They say nothing if A is not symmetric: xᵀAx depends on the symmetric part (A + Aᵀ) / 2 only.",
    lower_triangle="You call `eigvalsh` (or `eigh`) with A itself. It trusts you that A is symmetric and reads one half of it: give it the symmetric part.",
    determinant="You decide by the sign of the determinant. It is the product of the eigenvalues: two negative ones give a positive determinant.",
    trace="You decide by the sign of the trace. It is the sum of the eigenvalues, and single ones may have another sign.",
    entries="You look at the signs of the entries. Positive entries do not make xᵀAx positive, nor negative ones negative: it is the eigenvalues that count.",
    no_tolerance="You compare with exactly 0. An eigenvalue that is 0 comes out as something like 1e-17 or -1e-17.",
    absolute_tolerance="Your tolerance does not grow and shrink with the matrix: a matrix of tiny numbers is definite as well. Compare with the largest eigenvalue in absolute value.",
    sign_reversed="Positive and negative are swapped in your answers.",
    positive_only="You look only for positive (semi)definite matrices, and call all others indefinite. Negative ones have names of their own.",
    leading_minors="You test the leading minors (determinants of the upper left blocks) with ≥ 0. For definite matrices that rule holds with > 0; a 0 among them hides what follows it.",
    largest_only="You let the largest eigenvalue alone decide. The smallest one has a say as well.",
)
def definiteness_with(made: Made, A: ndarray) -> str:
    if made.lower_triangle:
        values = np.linalg.eigvalsh(A)
    elif made.not_symmetrised:
        values = np.linalg.eigvals(A).real
    elif made.diagonal_only:
        values = np.diagonal(A)
    elif made.determinant:
        values = np.array([np.linalg.det((A + A.T) / 2)])
    elif made.trace:
        values = np.array([np.trace(A)])
    elif made.entries:
        values = ((A + A.T) / 2).ravel()
    elif made.leading_minors:
        return by_leading_minors((A + A.T) / 2)
    else:
        values = np.linalg.eigvalsh((A + A.T) / 2)
    values = -values if made.sign_reversed else values
    tolerance = 0.0 if made.no_tolerance else 1e-9 if made.absolute_tolerance else 1e-9 * np.abs(A).max()
    low, high = values.min(), values.max()
    low = high if made.largest_only else low
    if low > tolerance:
        return "PSD" if made.definite_as_zero else "PD"
    if high < -tolerance:
        return "indefinite" if made.positive_only else "NSD" if made.definite_as_zero else "ND"
    if low >= -tolerance:
        return "PD" if made.zero_as_definite else "PSD"
    if high <= tolerance:
        return "indefinite" if made.positive_only else "ND" if made.zero_as_definite else "NSD"
    return "indefinite"


def by_leading_minors(S: ndarray) -> str:
    scale = np.abs(S).max()
    minors = np.array([np.linalg.det(S[:k, :k] / scale) for k in range(1, len(S) + 1)])
    alternating = minors * (-1.0) ** np.arange(1, len(S) + 1)
    for name, numbers in [("P", minors), ("N", alternating)]:
        if (numbers > 1e-9).all():
            return f"{name}D"
        if (numbers >= -1e-9).all():
            return f"{name}SD"
    return "indefinite"


# ---- counterexample --------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["1.9"])
def counterexample(A: Float[ndarray, "n n"]) -> Float[ndarray, "n"]:
    """A vector x of length 1 for which xᵀAx is not positive: 0 (up to rounding) or below.

    There is one, since A is not positive definite; any such x is right. A need not be symmetric.
    NumPy's eigenvectors are allowed.
    """
    eigenvalues, vectors = np.linalg.eigh(A + A.T)
    return vectors[:, eigenvalues.argmin()]


def hard_to_find(rng: np.random.Generator, eigenvalues: list[float], skew: float = 0.0) -> ndarray:
    """A matrix with a positive diagonal: a vector with a single 1 is no answer."""
    while True:
        A = with_eigenvalues(rng, eigenvalues, skew)
        if np.diagonal(A).min() > 0.1:
            return A


@cases(counterexample)
def visible_counterexample(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("ones, and 3 beside the diagonal", np.array([[1.0, 3.0], [3.0, 1.0]]))
    yield Case("3×3, one eigenvalue far below 0", hard_to_find(rng, [2.0, 1.8, -2.5]))
    yield Case("3×3, semidefinite and not symmetric", hard_to_find(rng, [1.5, 0.0, 3.0], skew=1.0))


@cases(counterexample, hidden=True)
def hidden_counterexample(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("5×5, one eigenvalue slightly below 0", hard_to_find(rng, [*spread(rng, 1, 1, 1, 1), -0.1]))
    yield Case("5×5, one eigenvalue far below 0", hard_to_find(rng, [2.1, 1.9, 1.8, 2.2, -2.5]))
    yield Case("3×3, indefinite, not symmetric", hard_to_find(rng, [*spread(rng, 1, 1), -0.4], skew=1.5))
    yield Case("3×3, semidefinite", hard_to_find(rng, spread(rng, 1, 0, 1)))
    yield Case("7×7, semidefinite, not symmetric", hard_to_find(rng, spread(rng, 1, 1, 0, 1, 1, 1, 1), skew=2.0))
    yield Case("2×2, all negative", with_eigenvalues(rng, spread(rng, -1, -1)))


@verify(counterexample, unique=False)
def contradicts(x, A):  # type: ignore[no-untyped-def]
    import numpy as np

    tolerance = 1e-4 if A.dtype == np.float32 else 1e-8
    x, A = x.astype(float), A.astype(float)
    if not x.any():
        return "The zero vector says nothing, since 0ᵀA0 = 0 for every matrix: x must have length 1."
    if not abs(np.sqrt((x**2).sum()) - 1) < tolerance:
        return "Your x does not have length 1."
    if not x @ A @ x <= tolerance * np.abs(A).max():
        return "For your x, xᵀAx is positive: nothing is contradicted."
    return None


@mistakes(
    counterexample,
    largest="You take the eigenvector of the largest eigenvalue. There xᵀAx is as large as it can be; look for the smallest.",
    smallest_absolute="You take the eigenvalue that is closest to 0. If there is one below 0, it is that which contradicts.",
    largest_absolute="You take the eigenvalue that is largest in absolute value. It may be a positive one: look for the smallest, with its sign.",
    not_symmetrised="You use the eigenvectors of A itself. If A is not symmetric, the eigenvectors of its symmetric part (A + Aᵀ) / 2 are the ones that decide about xᵀAx.",
    one_triangle="You call `eigh` with A itself. It trusts you that A is symmetric and reads one half of it: give it the symmetric part.",
    row="You take a row of the matrix of eigenvectors. They are its columns.",
    axis="You look at the diagonal of A: you try only vectors with a single 1. All of them may give positive numbers, and others not.",
    not_of_length_1="Your x has not length 1.",
    eigenvalues="You return the eigenvalues. It is an eigenvector that is asked for.",
    ones="You return the vector of equal entries. It tells the sign of the sum of all entries of A, no more.",
)
def counterexample_with(made: Made, A: ndarray) -> Any:
    S = A if made.one_triangle else (A + A.T) / 2
    if made.not_symmetrised:
        complex_values, complex_vectors = np.linalg.eig(A)
        x = complex_vectors[:, complex_values.real.argmin()].real
        return (x / np.linalg.norm(x)).astype(A.dtype)
    values, vectors = np.linalg.eigh(S)
    if made.axis:
        return np.eye(len(A), dtype=A.dtype)[np.diagonal(A).argmin()]
    if made.ones:
        return np.full(len(A), 1 / np.sqrt(len(A)), dtype=A.dtype)
    if made.eigenvalues:
        return values
    k = -1 if made.largest else np.abs(values).argmin() if made.smallest_absolute else np.abs(values).argmax() if made.largest_absolute else 0
    x = vectors[k] if made.row else vectors[:, k]
    return 2 * x if made.not_of_length_1 else x


# ---- is_orthogonal_matrix --------------------------------------------------------------------------------------------


@exercise(points=1, rows=["1.10"])
def is_orthogonal_matrix(U: Float[ndarray, "rows cols"]) -> bool:
    """Whether U is an orthogonal matrix: it is square, each row has length 1, and any two rows are
    orthogonal to each other.

    All dot products may differ by 1e-5 from what they should be.
    """
    rows, cols = U.shape
    return bool(rows == cols and np.allclose(U @ U.T, np.eye(rows), rtol=0, atol=1e-5))


def orthogonal(rng: np.random.Generator, n: int, m: int, sign: int = 0) -> ndarray:
    """n orthonormal rows of m numbers; if square and `sign` is given, of that determinant."""
    Q = np.linalg.qr(rng.normal(size=(m, n)))[0].T
    if sign and np.linalg.det(Q) * sign < 0:
        Q[0] *= -1
    return Q


equivalent(
    is_orthogonal_matrix,
    {
        "return bool(rows == cols and np.allclose(U @ U.T, np.eye(rows), atol=1e-05))": "It allows 2e-5 on the diagonal, and no matrix is between the two tolerances.",
        "return bool(rows == cols and np.allclose(U.T @ U, np.eye(rows), rtol=0, atol=1e-05))": "For a square matrix, UUᵀ is the identity just when UᵀU is.",
    },
)


@cases(is_orthogonal_matrix)
def visible_is_orthogonal_matrix(rng: np.random.Generator) -> Iterator[Case]:
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    yield Case("a rotation", turn)
    yield Case("a rotation and a mirror", turn * [[1.0], [-1.0]])
    yield Case("rows of length 2", 2 * turn)
    yield Case("2 orthonormal rows of 3 numbers", orthogonal(rng, 2, 3))
    yield Case("a shear", np.array([[1.0, 0.5], [0.0, 1.0]]))


@cases(is_orthogonal_matrix, hidden=True)
def hidden_is_orthogonal_matrix(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("5×5, determinant 1", orthogonal(rng, 5, 5, 1))
    yield Case("7×7, determinant -1", orthogonal(rng, 7, 7, -1))
    yield Case("orthogonal rows of other lengths", orthogonal(rng, 3, 3) * rng.uniform(1.5, 3, size=(3, 1)))
    yield Case("orthogonal rows that are too short", orthogonal(rng, 3, 3) * rng.uniform(0.3, 0.9, size=(3, 1)))
    stretched = np.array([[2.0], [1.0], [0.5]])
    yield Case("orthogonal rows, determinant 1", orthogonal(rng, 3, 3, 1) * stretched)
    yield Case("rows of length 1, not orthogonal", (x := rng.normal(size=(5, 5))) / np.linalg.norm(x, axis=1, keepdims=True))
    yield Case("determinant 1, not orthogonal", np.eye(3) + np.triu(rng.uniform(0.5, 1, size=(3, 3)), 1))
    yield Case("wide, orthonormal rows", orthogonal(rng, 3, 7))
    yield Case("tall, orthonormal columns", orthogonal(rng, 3, 5).T)
    yield Case("nearly", orthogonal(rng, 5, 5) + 1e-3 * rng.normal(size=(5, 5)))
    yield Case("its own inverse, not orthogonal", np.array([[1.0, rng.uniform(1, 2)], [0.0, -1.0]]))
    a, b = orthogonal(rng, 2, 3)
    yield Case("first and last row alike", np.stack([a, b, a]))
    yield Case("second and last row alike", np.stack([a, b, b]))
    yield Case("only the last row is wrong", np.concatenate([orthogonal(rng, 4, 5), rng.normal(size=(1, 5))]))
    yield Case("a permutation", np.eye(5)[rng.permutation(5)])


@mistakes(
    is_orthogonal_matrix,
    lengths_ignored="You test whether rows are orthogonal to each other, and not whether they have length 1.",
    angles_ignored="You test whether rows have length 1, and not whether they are orthogonal to each other.",
    exact="You compare with `==`. Rounding makes the dot products differ from 0 and 1 in their last digits.",
    determinant_1="You test whether the determinant is 1. Shears have that too, and mirrors are orthogonal with the determinant -1.",
    determinant_plus_minus_1="You test whether the determinant is 1 or -1. That is true of every orthogonal matrix, and of many others.",
    no_mirrors="Your matrices must have the determinant 1. Mirrors are orthogonal too; without them one speaks of rotations.",
    wide_accepted="You say yes to a matrix with orthonormal rows that is not square. An orthogonal matrix is square.",
    tall_accepted="You say yes to a matrix with orthonormal columns that is not square. An orthogonal matrix is square.",
    shape_ignored="You say yes to orthonormal rows or columns of any matrix. An orthogonal matrix is square.",
    own_inverse="You test whether UU = I. It is UUᵀ that should be the identity.",
    too_lenient="Your tolerance is too large: 1e-5 is allowed.",
    neighbours_only="You compare each row only with the next one. Any two rows must be orthogonal.",
    first_row_only="You compare the first row with the others, and these not with each other.",
    opposite="Your answers are the wrong way round: True is for orthogonal matrices.",
)
def is_orthogonal_matrix_with(made: Made, U: ndarray) -> bool:
    rows, cols = U.shape
    square = rows == cols
    if not square and not (made.wide_accepted or made.tall_accepted or made.shape_ignored):
        return bool(made.opposite)
    if made.determinant_1 or made.determinant_plus_minus_1:
        d = np.linalg.det(U)
        return bool(abs((abs(d) if made.determinant_plus_minus_1 else d) - 1) < 1e-5)
    atol = 0.05 if made.too_lenient else 1e-5

    def is_identity(G: ndarray) -> bool:
        error = G - np.eye(len(G))
        if made.lengths_ignored:
            error = error - np.diag(np.diagonal(error))
        if made.angles_ignored:
            error = np.diagonal(error)
        if made.neighbours_only:
            error = error * (np.abs(np.subtract.outer(np.arange(len(G)), np.arange(len(G)))) < 2)
        if made.first_row_only:
            error = error * (np.eye(len(G), dtype=bool) | (np.arange(len(G)) == 0))
        return bool((error == 0).all() if made.exact else (np.abs(error) <= atol).all())

    if made.own_inverse:
        return is_identity(U @ U)
    result = is_identity(U.T @ U) if made.tall_accepted else is_identity(U @ U.T)
    if made.shape_ignored:
        result = result or is_identity(U.T @ U)
    if made.no_mirrors:
        result = result and bool(np.linalg.det(U) > 0)
    return not result if made.opposite else result


# ---- two_readings ----------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["1.10"])
def two_readings(U: Float[ndarray, "n m"]) -> tuple[Float[ndarray, "n n"], Float[ndarray, "n n"], list[str]]:
    """Both readings of a formula, and which of them is δ: (single, double, holds).

    For all rows i and k: single_ik is the sum over j of U_ij U_kj; double_ik is the sum over j
    and l, all pairs of columns, of U_ij U_kl. `holds` lists the names of those that are the
    identity matrix up to 1e-5: "single", "double", in this order, or only one of them, or none.
    """
    single = U @ U.T
    row_sums = U.sum(axis=1)
    double = np.outer(row_sums, row_sums)
    readings = {"single": single, "double": double}
    holds = [name for name, numbers in readings.items() if np.allclose(numbers, np.eye(len(U)), rtol=0, atol=1e-5)]
    return single, double, holds


equivalent(
    two_readings,
    {
        "holds = [name for name, numbers in readings.items() if np.allclose(numbers, np.eye(len(U)), atol=1e-05)]": "It allows 2e-5 on the diagonal, and no matrix is between the two tolerances.",
    },
)


@cases(two_readings)
def visible_two_readings(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("a rotation", np.array([[0.6, -0.8], [0.8, 0.6]]))
    yield Case("2 rows, 3 columns", rng.normal(size=(2, 3)))
    yield Case("one row with the sum 1", np.array([[0.5, 0.2, 0.3]]))


@cases(two_readings, hidden=True)
def hidden_two_readings(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("5×5, orthogonal", orthogonal(rng, 5, 5))
    yield Case("3 orthonormal rows of 7 numbers", orthogonal(rng, 3, 7))
    yield Case("no special matrix", rng.normal(size=(3, 5)))
    yield Case("orthonormal columns", orthogonal(rng, 2, 5).T)
    yield Case("rows of length 1, not orthogonal", (x := rng.normal(size=(3, 3))) / np.linalg.norm(x, axis=1, keepdims=True))
    share = rng.dirichlet(np.ones(5))
    yield Case("one row with the sum 1", share[None])
    yield Case("1×1: the number -1", np.array([[-1.0]]))


@mistakes(
    two_readings,
    swapped="You return the two readings in the wrong order: the single sum comes first.",
    columns="You multiply columns with each other. The first index of U, the row, is fixed in each factor (i and k); the sum runs over the second.",
    column_sums="Your double sum multiplies the sums of columns. i and k are rows: their sums run over j and over l.",
    counted_twice="Your double sum uses j for both sums, so the same terms are added several times. The second sum has its own index l: U_ij U_kl.",
    different_only="Your double sum leaves out the terms with j = l. All pairs of columns belong to it.",
    unordered_pairs="Your double sum has each pair of columns once, with j ≤ l. All ordered pairs belong to it.",
    total="Your double sum adds over the rows as well, and every entry is the same. i and k are fixed in each entry; only j and l run.",
    squares="You square U's entries first. The products are between entries of two rows.",
    diagonal_only="Only the diagonal is filled: you pair each row with itself only. Every row i meets every row k.",
    single_elementwise="Your single sum is no sum: it multiplies U with its transpose entry by entry (or leaves j unsummed).",
    mean="You divide by the number of columns. These are sums.",
    always_single='You say "single" for every matrix. Compare both readings with the identity matrix.',
    diagonal_compared="You compare only the diagonal with 1. In the identity everything else is 0.",
    names_missing="You return no names of readings although one holds.",
    opposite="You list the readings that do *not* hold.",
)
def two_readings_with(made: Made, U: ndarray) -> Any:
    V = U.T if made.columns else U
    V = V**2 if made.squares else V
    single = V @ V.T
    sums = V.sum(axis=1)
    double = np.outer(sums, sums)
    if made.column_sums:
        double = np.outer(V.sum(axis=0), V.sum(axis=0))
    if made.counted_twice:
        double = V.shape[1] * single
    if made.different_only:
        double = double - single
    if made.unordered_pairs:
        double = np.einsum("ij,kl,jl->ik", V, V, np.triu(np.ones((V.shape[1], V.shape[1]), dtype=V.dtype)))
    if made.total:
        double = np.full_like(single, V.sum() ** 2)
    if made.diagonal_only:
        single, double = (x * np.eye(len(x), dtype=x.dtype) for x in (single, double))
    if made.single_elementwise:
        single = U * U.T if U.shape[0] == U.shape[1] else U * U
    if made.mean:
        single, double = single / V.shape[1], double / V.shape[1]

    def is_identity(x: ndarray) -> bool:
        if len(x) != len(U):
            return False
        error = np.abs(x - np.eye(*x.shape))
        return bool((np.diagonal(error) if made.diagonal_compared else error).max() <= 1e-5)

    holds = [name for name, x in [("single", single), ("double", double)] if is_identity(x) != made.opposite]
    holds = ["single"] if made.always_single else [] if made.names_missing else holds
    return (double, single, holds) if made.swapped else (single, double, holds)


# ---- perm_matrix -----------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["1.10"])
def perm_matrix(pi: Int[ndarray, "n"]) -> Float[ndarray, "n n"]:
    """The permutation matrix with P_ij = 1 where j = pi[i], and 0 elsewhere, in float64.

    `pi` holds each of the numbers 0 to n - 1 once.
    """
    P = np.zeros((len(pi), len(pi)))
    P[np.arange(len(pi)), pi] = 1
    return P


def shuffled(rng: np.random.Generator, n: int) -> ndarray:
    """A permutation that is not its own inverse, and begins with neither 0 nor the last number."""
    while True:
        pi = rng.permutation(n)
        if not (pi[pi] == np.arange(n)).all() and pi[0] not in (0, n - 1):
            return pi


@cases(perm_matrix)
def visible_perm_matrix(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("1, 2, 0", np.array([1, 2, 0]))
    yield Case("5 numbers", shuffled(rng, 5))


@cases(perm_matrix, hidden=True)
def hidden_perm_matrix(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("7 numbers", shuffled(rng, 7))
    yield Case("11 numbers", shuffled(rng, 11))
    yield Case("13 numbers", shuffled(rng, 13))
    yield Case("two swapped", np.array([1, 0]))
    yield Case("nothing moves", np.arange(3))


@mistakes(
    perm_matrix,
    transposed="Your matrix is the transpose, which undoes the permutation. Row i has its 1 in column pi[i].",
    one_based="Your columns are shifted by one: indices count from 0, here and in NumPy.",
    filled_by_pi="You write numbers of pi where a 1 is due.",
    full_rows="You set whole rows or columns to 1: `P[:, pi]` means all rows, and these columns. To set one entry of each row, give two lists of indices, or use a loop.",
    identity="You return the identity. Row i has its 1 in column pi[i].",
    sums_to="Your ones stay on from column pi[i] to the right. There is a single 1 in each row.",
    twice="You apply the permutation twice.",
    mirrored="Your rows are in reversed order.",
    mirrored_columns="Your columns are in reversed order.",
    integers="The entries are integers. They should be float64, ready to be multiplied with data.",
    opposite="You have 0 and 1 exchanged.",
    diagonal="You write the numbers of pi onto the diagonal.",
)
def perm_matrix_with(made: Made, pi: ndarray) -> Any:
    n = len(pi)
    if made.full_rows:
        P = np.zeros((n, n))
        P[:, pi] = 1
        return P
    if made.diagonal:
        return np.diag(1.0 * pi)
    P = np.eye(n)[(pi - 1) % n if made.one_based else pi[pi] if made.twice else np.arange(n) if made.identity else pi]
    P = P * pi if made.filled_by_pi else P.cumsum(axis=1) if made.sums_to else 1 - P if made.opposite else P
    P = P.T if made.transposed else P[::-1] if made.mirrored else P[:, ::-1] if made.mirrored_columns else P
    return P.astype(int) if made.integers else P


# ---- power_iteration -------------------------------------------------------------------------------------------------

DECOMPOSITIONS = [
    "numpy.linalg.eig", "numpy.linalg.eigh", "numpy.linalg.eigvals", "numpy.linalg.eigvalsh", "numpy.linalg.svd", "numpy.linalg.svdvals",
    "scipy.linalg.eig", "scipy.linalg.eigh", "scipy.linalg.eigvals", "scipy.linalg.eigvalsh", "scipy.linalg.svd",
    "scipy.sparse.linalg.eigs", "scipy.sparse.linalg.eigsh", "scipy.sparse.linalg.svds",
]  # fmt: skip


@exercise(points=2, rows=["1.11"], forbid=DECOMPOSITIONS)
def power_iteration(A: Float[ndarray, "n n"], v0: Float[ndarray, "n"], iters: int) -> tuple[float, Float[ndarray, "n"]]:
    """The eigenvalue of A that is largest in absolute value, with its sign, and its eigenvector of
    length 1: (lam, v).

    Start at v0, multiply by A and scale to length 1, `iters` times, which is enough for all
    digits. v and -v are both right. No other eigenvalue is as large in absolute value. NumPy's
    eigenvalues and singular values may not be used.
    """
    v = v0
    for _ in range(iters):
        v = A @ v
        v = v / np.linalg.norm(v)
    return float(v @ A @ v), v


def with_dominant(rng: np.random.Generator, n: int, dominant: float, symmetric: bool = True) -> ndarray:
    """A matrix with this eigenvalue; the others are at most 0.7 as large."""
    others = dominant * rng.uniform(0.1, 0.7, size=n - 1) * rng.choice([-1, 1], size=n - 1)
    if symmetric:
        return with_eigenvalues(rng, [dominant, *others])
    X = np.linalg.qr(rng.normal(size=(n, n)))[0] + 0.3 * rng.normal(size=(n, n)) / np.sqrt(n)
    return X * np.array([dominant, *others]) @ np.linalg.inv(X)


equivalent(
    power_iteration,
    {
        "return (float(v @ (v @ A)), v)": "v is an eigenvector up to rounding, and vᵀAv is one number, in whichever order it is multiplied.",
        "return (float(A @ v @ v), v)": "v is an eigenvector up to rounding, and vᵀAv is one number, in whichever order it is multiplied.",
    },
)


@cases(power_iteration)
def visible_power_iteration(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("2 and 1 on the diagonal", np.diag([2.0, 1.0]), np.array([1.0, 1.0]), 60)
    yield Case("the largest one is negative", with_dominant(rng, 3, -3.0), rng.normal(size=3), 80)
    yield Case("not symmetric", with_dominant(rng, 3, 2.0, symmetric=False), rng.normal(size=3), 80)
    yield Case("large numbers", with_dominant(rng, 2, 2e4), rng.normal(size=2), 100)


@cases(power_iteration, hidden=True)
def hidden_power_iteration(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("positive, 5×5", with_dominant(rng, 5, rng.uniform(2, 4)), rng.normal(size=5), 100)
    yield Case("negative, 5×5", with_dominant(rng, 5, -rng.uniform(2, 4)), rng.normal(size=5), 101)
    yield Case("negative, 7×7, not symmetric", with_dominant(rng, 7, -rng.uniform(0.2, 0.4), symmetric=False), rng.normal(size=7), 120)
    yield Case("large numbers", with_dominant(rng, 5, rng.uniform(2e4, 4e4)), rng.normal(size=5), 100)
    yield Case("a single number", np.array([[-rng.uniform(1, 2)]]), np.array([rng.uniform(1, 2)]), 5)


@verify(power_iteration, unique=False)
def is_the_dominant_pair(pair, A, v0, iters):  # type: ignore[no-untyped-def]
    import numpy as np

    lam, v = float(pair[0]), pair[1].astype(float)
    size = float(np.abs(np.linalg.eigvals(A.astype(float))).max())
    tolerance = 1e-3 if A.dtype == np.float32 else 1e-6
    if not abs(np.sqrt((v**2).sum()) - 1) < tolerance:
        return "Your eigenvector does not have length 1."
    if not np.abs(A.astype(float) @ v - lam * v).max() < tolerance * size:
        return "Your numbers are no eigenvalue and eigenvector of A: Av and λv differ."
    if not abs(abs(lam) - size) < tolerance * size:
        return "You found an eigenvalue of A, and not the largest one in absolute value."
    return None


@mistakes(
    power_iteration,
    absolute="Your eigenvalue has lost its sign: the length of Av is |λ|. If Av points against v, the eigenvalue is negative.",
    scaled_at_the_end="You scale v only after the last step. Until then its length is multiplied by |λ| in each step, and overflows for large numbers: scale it each time.",
    never_scaled="You never scale v. Its length is multiplied by |λ| in each step: scale it to length 1 each time.",
    not_of_length_1="Your eigenvector does not have length 1: it is multiplied by A once more after the last scaling.",
    scaled_by_maximum="Your eigenvector is scaled so that its largest entry is 1 (or -1). It should have length 1.",
    scaled_by_sum="Your eigenvector is scaled so that its entries sum to 1. It should have length 1.",
    one_step="You take one step. Repeat it `iters` times: v turns a little further each time.",
    no_step="You return v0, scaled. Multiply by A and scale, `iters` times.",
    swapped="You return the vector first. The eigenvalue comes first.",
    transposed="You multiply by the transpose of A. It has the same eigenvalues, and other eigenvectors if A is not symmetric.",
    gram="You iterate with AᵀA. That finds the directions in which A stretches most, and a squared stretch; here it is A itself.",
    squared="You return the square of the eigenvalue.",
    smallest="That is the eigenvalue closest to 0. Dividing by A instead of multiplying finds that one.",
    one_entry="You take the eigenvalue from one entry of Av. That is λ times this entry of v: divide by it, or use vᵀAv.",
    from_start="Your eigenvalue comes from v0, not from the last v.",
)
def power_iteration_with(made: Made, A: ndarray, v0: ndarray, iters: int) -> Any:
    v = v0 / np.linalg.norm(v0)
    for _ in range(0 if made.no_step else 1 if made.one_step else iters):
        v = A.T @ v if made.transposed else A.T @ (A @ v) if made.gram else np.linalg.solve(A, v) if made.smallest else A @ v
        v = v if made.scaled_at_the_end or made.never_scaled else v / np.linalg.norm(v)
    v = v / np.linalg.norm(v) if made.scaled_at_the_end else v
    u = v0 / np.linalg.norm(v0) if made.from_start else v
    M = A.T @ A if made.gram else A
    lam = float(u @ M @ u) / (float(u @ u) if made.never_scaled else 1)
    if made.absolute:
        lam = float(np.linalg.norm(A @ v))
    lam = lam**2 if made.squared else float((A @ v)[0]) if made.one_entry else lam
    if made.not_of_length_1:
        v = A @ v
    v = v / np.abs(v).max() if made.scaled_by_maximum else v / v.sum() if made.scaled_by_sum else v
    return (v, lam) if made.swapped else (lam, v)


# ---- deflate ---------------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["1.11"])
def deflate(A: Float[ndarray, "n n"], lam: float, v: Float[ndarray, "n"]) -> Float[ndarray, "n n"]:
    """Take an eigenvector out of a symmetric matrix: the same matrix, but with the eigenvalue 0 for v.

    Av = lam v, and all other eigenvectors keep their eigenvalues. v has any length but 0.
    """
    return A - lam * np.outer(v, v) / (v @ v)


def eigenpair(rng: np.random.Generator, n: int, length: float, which: int = 0) -> tuple[ndarray, float, ndarray]:
    A = with_eigenvalues(rng, spread(rng, *[1, -1, 1, -1, 1, 1, -1][:n]))
    values, vectors = np.linalg.eigh(A)
    return A, float(values[which]), length * vectors[:, which]


@cases(deflate)
def visible_deflate(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("3 and 1 on the diagonal", np.diag([3.0, 1.0]), 3.0, np.array([1.0, 0.0]))
    yield Case("4 and 2 for (1, 1) and (1, -1)", np.array([[3.0, 1.0], [1.0, 3.0]]), 4.0, np.array([1.0, 1.0]))
    yield Case("3×3, a negative eigenvalue", *eigenpair(rng, 3, 1.0))


@cases(deflate, hidden=True)
def hidden_deflate(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("5×5, length 1", *eigenpair(rng, 5, 1.0, 4))
    yield Case("7×7, a negative eigenvalue", *eigenpair(rng, 7, 1.0))
    yield Case("v is long", *eigenpair(rng, 3, rng.uniform(2, 3), 2))
    yield Case("v is short", *eigenpair(rng, 5, rng.uniform(0.2, 0.4)))
    yield Case("1×1", np.array([[2.5]]), 2.5, np.array([-3.0]))


@mistakes(
    deflate,
    length_ignored="You rely on v having length 1. It may have any length: divide by vᵀv.",
    divided_by_length="You divide by the length of v. It stands in v vᵀ twice: divide by its square.",
    dot_product="You use the dot product vᵀv, a single number. The matrix v vᵀ has the entries v_i v_j.",
    eigenvalue_missing="You subtract v vᵀ without the eigenvalue. That lowers it by 1, not to 0.",
    added="You add where you should subtract: that doubles the eigenvalue.",
    shifted="You subtract λ on the whole diagonal. That lowers all eigenvalues by λ; only the one of v should change.",
    column_subtracted="You subtract a vector, λv, from every column of A. It is the matrix λ v vᵀ that has to go.",
    row_subtracted="You subtract a vector, λv, from every row of A. It is the matrix λ v vᵀ that has to go.",
    part_only="You return what has to be taken away. Subtract it from A.",
    absolute="You use |λ|. A negative eigenvalue has to be taken away with its sign.",
    entry_removed="You set to 0 the diagonal entry where v is largest. v is a mixture of the axes, and the whole matrix changes.",
    only_diagonal="You change the diagonal of A only. v vᵀ has entries everywhere.",
    squared="You use λ². The matrix A itself contains the eigenvalue once.",
    twice="You take the part away twice, which turns the eigenvalue around: it becomes -λ.",
)
def deflate_with(made: Made, A: ndarray, lam: float, v: ndarray) -> Any:
    square = v @ v
    divisor = 1 if made.length_ignored else np.sqrt(square) if made.divided_by_length else square
    factor = 1 if made.eigenvalue_missing else abs(lam) if made.absolute else lam**2 if made.squared else 2 * lam if made.twice else lam
    part = factor * np.outer(v, v) / divisor
    if made.dot_product:
        part = lam * square
    if made.shifted:
        part = lam * np.eye(len(A), dtype=A.dtype)
    if made.row_subtracted or made.column_subtracted:
        part = lam * (v if made.row_subtracted else v[:, None])
    if made.only_diagonal:
        part = np.diag(np.diagonal(part))
    if made.entry_removed:
        B = A.copy()
        B[np.abs(v).argmax(), np.abs(v).argmax()] = 0
        return B
    return part if made.part_only else A + part if made.added else A - part
