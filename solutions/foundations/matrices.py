"""Matrices: products from scratch, in blocks and in chains, and how far a matrix can stretch a vector."""

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Float, Num
from numpy import ndarray

from autograder.exercise import Case, Made, cases, equivalent, exercise, mistakes, probe

NUMPYS_PRODUCTS = [
    "numpy.matmul", "numpy.dot", "numpy.einsum", "numpy.inner", "numpy.vdot", "numpy.tensordot", "numpy.vecdot", "numpy.matvec",
    "numpy.vecmat", "numpy.linalg.matmul", "numpy.linalg.vecdot", "numpy.linalg.tensordot", "numpy.linalg.multi_dot", "numpy.ndarray.dot",
    "operator.matmul",
]  # fmt: skip

# ---- matvec ----------------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["1.6"], shares={"nothing to add": 0.1}, forbid=NUMPYS_PRODUCTS)
def matvec(A: Float[ndarray, "rows cols"], b: Float[ndarray, "cols"]) -> Float[ndarray, "rows"]:
    """The product of a matrix and a vector: c_i = sum over j of A_ij b_j.

    Write it with loops, or with sums of element-wise products. Not allowed are `@`, `.dot` and
    NumPy's functions for products of matrices and vectors (`matmul`, `dot`, `einsum`, ...). A
    may have no rows, or no columns: a sum of nothing is 0.
    """
    return (A * b).sum(axis=1)


@cases(matvec)
def visible_matvec(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("2 rows, 3 columns", rng.normal(size=(2, 3)), rng.normal(size=3))
    yield Case("a square matrix", rng.normal(size=(3, 3)), rng.normal(size=3))
    yield Case("no columns", np.zeros((2, 0)), np.zeros(0), group="nothing to add", hint="A sum of nothing is 0: without columns, every c_i is 0.")


@cases(matvec, hidden=True)
def hidden_matvec(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("more columns than rows", rng.normal(size=(3, 7)), rng.normal(size=7))
    yield Case("more rows than columns", rng.normal(size=(11, 5)), rng.normal(size=5))
    yield Case("a square matrix", rng.normal(size=(5, 5)), rng.normal(size=5))
    yield Case("1×1", rng.normal(size=(1, 1)), rng.normal(size=1))
    yield Case("no columns", np.zeros((3, 0)), np.zeros(0), group="nothing to add", hint="A sum of nothing is 0: without columns, every c_i is 0.")
    yield Case("no rows", np.zeros((0, 5)), rng.normal(size=5), group="nothing to add", hint="A matrix without rows gives a vector without entries.")


@mistakes(
    matvec,
    transposed="You multiply by the transpose of A: your sum runs down the columns. The sum for c_i runs along row i, over j, the index that A and b share.",
    not_summed="You return all the products A_ij b_j in a matrix. Add them up along each row.",
    summed_over_rows="Your products A_ij b_j are right, and you add them up along the wrong axis: over the rows i, where j is the index to sum over.",
    column="You return a matrix with one column. The product of a matrix and a vector is a vector again, with one axis.",
    b_ignored="You add up the rows of A and never multiply by b.",
    last_only="Each c_i holds a single product, the last one. Add every product to what is there already.",
    last_missing="The last column of A is left out. `range(n)` ends at n - 1 by itself.",
    mean="You take the mean of the products. c_i is their sum.",
    reversed_b="You run through b backwards. Column j of A belongs to b_j.",
    only_one_number="You add up everything to one number. There is one sum for every row of A.",
    float32_buffer="You write sums into a float32 array: float64 values lose half of their digits.",
    starts_with_first="You start with the product of the first column, and there may be no column. Start with zeros.",
)
def matvec_with(made: Made, A: ndarray, b: ndarray) -> Any:
    A, b = np.asarray(A), np.asarray(b)
    if made.transposed:
        return (A * b[:, None]).sum(axis=0)
    if made.starts_with_first:
        b[0], A[:, 0]
    products = A if made.b_ignored else A * (b[::-1] if made.reversed_b else b)
    products = products[:, :-1] if made.last_missing else products[:, -1:] if made.last_only else products
    if made.not_summed:
        return products
    if made.only_one_number:
        return float(products.sum())
    c = products.mean(axis=1) if made.mean else products.sum(axis=0 if made.summed_over_rows else 1)
    return c.astype(np.float32) if made.float32_buffer else c[:, None] if made.column else c


# ---- matmul ----------------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["1.6"], shares={"nothing to add": 0.1}, forbid=NUMPYS_PRODUCTS)
def matmul(A: Float[ndarray, "n m"], B: Float[ndarray, "m k"]) -> Float[ndarray, "n k"]:
    """The product of two matrices: C_ik = sum over j of A_ij B_jk.

    Write it with loops, with your `matvec`, or with sums of element-wise products. Not allowed
    are `@`, `.dot` and NumPy's functions for products of matrices and vectors (`matmul`, `dot`,
    `einsum`, ...). Each of the three sizes may be 0: a sum of nothing is 0.
    """
    return (A[:, :, None] * B[None, :, :]).sum(axis=1)


NO_INNER = "A sum of nothing is 0: where the size that both share is 0, C is full of zeros, with n rows and k columns."


@cases(matmul)
def visible_matmul(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("2×3 times 3×5", rng.normal(size=(2, 3)), rng.normal(size=(3, 5)))
    yield Case("3×3 times 3×3", rng.normal(size=(3, 3)), rng.normal(size=(3, 3)))
    yield Case("2×0 times 0×3", np.zeros((2, 0)), np.zeros((0, 3)), group="nothing to add", hint=NO_INNER)


@cases(matmul, hidden=True)
def hidden_matmul(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("n < m < k", rng.normal(size=(3, 5)), rng.normal(size=(5, 7)))
    yield Case("n > m > k", rng.normal(size=(7, 3)), rng.normal(size=(3, 2)))
    yield Case("square matrices", rng.normal(size=(5, 5)), rng.normal(size=(5, 5)))
    yield Case("a square result", rng.normal(size=(3, 7)), rng.normal(size=(7, 3)))
    yield Case("a column times a row", rng.normal(size=(5, 1)), rng.normal(size=(1, 3)))
    yield Case("1×1", rng.normal(size=(1, 1)), rng.normal(size=(1, 1)))
    yield Case("3×0 times 0×5", np.zeros((3, 0)), np.zeros((0, 5)), group="nothing to add", hint=NO_INNER)
    no_rows = "A may have no rows, or B no columns. C then has no rows, or no columns, and still two axes."
    yield Case("0×3 times 3×2", np.zeros((0, 3)), rng.normal(size=(3, 2)), group="nothing to add", hint=no_rows)


@probe(matvec)
@probe(matmul)
def without_matrix_products(answer, *args):  # type: ignore[no-untyped-def]
    """Hand over arrays that are multiplied element by element only: `@` and `.dot` are what is to be written."""
    import numpy as np

    from autograder.check.forbidden_calls import refuse

    class ElementByElement(np.ndarray):
        def __array_ufunc__(self, ufunc, method, *inputs, out=None, **kwargs):  # type: ignore[no-untyped-def]
            if ufunc.signature is not None:
                refuse("@" if ufunc.__name__ == "matmul" else f"numpy.{ufunc.__name__}")
            plain = [x.view(np.ndarray) if isinstance(x, ElementByElement) else x for x in inputs]
            if out is not None:
                kwargs["out"] = tuple(x.view(np.ndarray) if isinstance(x, ElementByElement) else x for x in out)
            return getattr(ufunc, method)(*plain, **kwargs)

        def dot(self, *others):  # type: ignore[no-untyped-def]
            refuse("numpy.ndarray.dot")

    product = answer(*(x.view(ElementByElement) for x in args))
    nothing_added = any(x.size == 0 for x in args) and isinstance(product, np.ndarray)
    return product.astype(float) if nothing_added else product  # Python's sum of nothing is the integer 0


@mistakes(
    matmul,
    elementwise="You multiply the matrices entry by entry, as `*` does. In C_ik a whole row of A meets a whole column of B.",
    b_transposed="You use B's rows where its columns are due: that is A times the transpose of B. C_ik takes row i of A and column k of B.",
    a_transposed="You use A's columns where its rows are due: that is the transpose of A, times B. C_ik takes row i of A and column k of B.",
    result_transposed="Your result is transposed: rows of C belong to A, columns to B.",
    order_swapped="You compute B times A. The order matters: AB and BA differ, where both exist at all.",
    not_summed="You return all the products A_ij B_jk, with three axes. Add them up over j, the axis in the middle.",
    last_only="Each entry of C holds a single product, the last one. Add every product to what is there already.",
    last_missing="The last term of each sum is left out. `range(m)` ends at m - 1 by itself.",
    mean="You divide the sums by the number of their terms. C_ik is a sum, not a mean.",
    like_a="You write the result into an array of A's shape. C has A's rows and B's columns.",
    first_column_only="Only the first column of C is filled. Every column of B gives one.",
    float32_buffer="You write sums into a float32 array: float64 values lose half of their digits.",
    starts_with_first="You start each sum with its first product, and there may be none. Start with zeros.",
    axis_lost="Where A has no rows, your result loses an axis: an array made from an empty list has shape (0,). Make an array of the right shape first and fill it.",
)
def matmul_with(made: Made, A: ndarray, B: ndarray) -> Any:
    A, B = np.asarray(A), np.asarray(B)
    if made.starts_with_first:
        A[:, 0], B[0]
    if made.axis_lost:
        return np.array([[(row * column).sum() for column in B.T] for row in A], dtype=np.result_type(A, B))
    if made.elementwise:
        return A * B
    A, B = (B, A) if made.order_swapped else (A.T, B) if made.a_transposed else (A, B.T) if made.b_transposed else (A, B)
    products = A[:, :, None] * B[None]
    products = products[:, :-1] if made.last_missing else products[:, -1:] if made.last_only else products
    if made.not_summed:
        return products
    C = products.sum(axis=1) / (max(1, A.shape[1]) if made.mean else 1)
    if made.like_a:
        buffer = np.zeros_like(A)
        for i, k in np.ndindex(C.shape):
            buffer[i, k] = C[i, k]
        return buffer
    if made.first_column_only:
        C[:, 1:] = 0
    return C.astype(np.float32) if made.float32_buffer else C.T if made.result_transposed else C


# ---- chain_multiplications -------------------------------------------------------------------------------------------


@exercise(points=2, rows=["1.6"], shares={"a single matrix": 0.1}, forbid=["numpy.einsum_path"])
def chain_multiplications(sizes: list[int]) -> tuple[int, int]:
    """How many multiplications of numbers a chain of matrix products takes: worked off from the
    left, and from the right.

    Matrix k of the chain has sizes[k] rows and sizes[k + 1] columns. From the left means
    ((M0 M1) M2) M3, from the right M0 (M1 (M2 M3)), every product by the definition. A chain of
    a single matrix takes none.
    """
    left = sizes[0] * sum(sizes[k] * sizes[k + 1] for k in range(1, len(sizes) - 1))
    right = sizes[-1] * sum(sizes[k] * sizes[k + 1] for k in range(len(sizes) - 2))
    return left, right


PRIMES = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31]


def chain(rng: np.random.Generator, matrices: int) -> list[int]:
    return [int(p) for p in rng.permutation(PRIMES)[: matrices + 1]]


@cases(chain_multiplications)
def visible_chain_multiplications(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("2×3, 3×5 and 5×7", [2, 3, 5, 7])
    yield Case("100×100, 100×100 and a vector", [100, 100, 100, 1])
    yield Case("four matrices", [3, 7, 2, 11, 5])


@cases(chain_multiplications, hidden=True)
def hidden_chain_multiplications(rng: np.random.Generator) -> Iterator[Case]:
    for matrices in (3, 4, 5, 7):
        yield Case(f"{matrices} matrices", chain(rng, matrices))
    yield Case("two matrices: one product, either way", chain(rng, 2))
    yield Case("a row first", [1, *chain(rng, 4)])
    yield Case("one matrix", chain(rng, 1), group="a single matrix", hint="A chain of a single matrix has no product in it: (0, 0).")


@mistakes(
    chain_multiplications,
    swapped="Your two numbers are in the wrong order: the count from the left comes first.",
    left_for_both="Both of your numbers are the count from the left. From the right it is the last matrix that stays on, and so the number of its columns that stands in every product.",
    neighbours="You add up the costs of neighbours as they stand in the chain. After the first product there is one matrix in their place: from the left it keeps the rows of M0, from the right the columns of the last.",
    entries="You count the entries of the results. Each entry of an n×m times m×k product takes m multiplications.",
    additions_too="You count additions as well (m multiplications and m - 1 additions for each entry). Only multiplications are asked for.",
    flops="You count two operations for each multiplication, as one does for floating-point operations. Only multiplications are asked for.",
    all_sizes="You multiply all sizes. That counts the terms if the whole chain were one big sum; here it is one product of two matrices after the other, and their costs add up.",
    last_product_only="You count a single product, the last one. The intermediate ones cost as well.",
    first_product_only="You count a single product, the first one. The result of each is multiplied on.",
    cubes="You count as if all matrices were square, rows³. The three sizes differ.",
    reads="You count the entries of both factors, n·m + m·k. Those are the numbers that are read; each is used more than once.",
    cheaper_only="You return only the smaller of the two. Return both.",
)
def chain_multiplications_with(made: Made, sizes: list[int]) -> Any:
    if made.neighbours or made.all_sizes:
        total = math.prod(sizes) if made.all_sizes else sum(a * b * c for a, b, c in zip(sizes, sizes[1:], sizes[2:], strict=False))
        return total, total

    def cost(n: int, m: int, k: int) -> int:
        if made.entries:
            return n * k
        if made.additions_too:
            return n * k * (2 * m - 1)
        if made.reads:
            return n * m + m * k
        return n**3 if made.cubes else 2 * n * m * k if made.flops else n * m * k

    left = [cost(sizes[0], m, k) for m, k in pairwise(sizes[1:])]
    right = [cost(n, m, sizes[-1]) for n, m in pairwise(sizes[:-1])][::-1]
    if made.last_product_only or made.first_product_only:
        left, right = (costs[-1:] if made.last_product_only else costs[:1] for costs in (left, right))
    counts = sum(left), sum(right)
    counts = (counts[0], counts[0]) if made.left_for_both else counts
    return min(counts) if made.cheaper_only else counts[::-1] if made.swapped else counts


# ---- matmul_in_blocks ------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["1.6"])
def matmul_in_blocks(A: Float[ndarray, "n m"], B: Float[ndarray, "m k"], size: int) -> Float[ndarray, "n k"]:
    """The product of two matrices, worked out block by block.

    `@` is allowed, but only for blocks: no factor may have more than `size` rows or `size`
    columns. The sizes n, m and k need not be multiples of `size`; the last block of a row or a
    column is then smaller.
    """
    C = np.zeros((A.shape[0], B.shape[1]), dtype=np.result_type(A, B))
    for i in range(0, A.shape[0], size):
        for k in range(0, B.shape[1], size):
            for j in range(0, A.shape[1], size):
                C[i : i + size, k : k + size] += A[i : i + size, j : j + size] @ B[j : j + size, k : k + size]
    return C


@probe(matmul_in_blocks)
def in_small_products(answer, A, B, size):  # type: ignore[no-untyped-def]
    """Hand over arrays that refuse to be multiplied as matrices unless they are small."""
    import numpy as np

    def small_enough(*factors: object) -> None:
        for x in factors:
            if isinstance(x, np.ndarray) and x.ndim > 0 and max(x.shape[-2:]) > size:
                raise ValueError("a factor of your product is larger than a block: at most `size` rows and columns are allowed")

    class InBlocks(np.ndarray):
        def __array_ufunc__(self, ufunc, method, *inputs, out=None, **kwargs):  # type: ignore[no-untyped-def]
            if ufunc.signature is not None:
                small_enough(*inputs)
            plain = [x.view(np.ndarray) if isinstance(x, InBlocks) else x for x in inputs]
            if out is not None:
                kwargs["out"] = tuple(x.view(np.ndarray) if isinstance(x, InBlocks) else x for x in out)
            return getattr(ufunc, method)(*plain, **kwargs)

        def __array_function__(self, function, types, args, kwargs):  # type: ignore[no-untyped-def]
            if function in (np.dot, np.inner, np.tensordot, np.einsum):
                small_enough(*args)
            return super().__array_function__(function, types, args, kwargs)

        def dot(self, other):  # type: ignore[no-untyped-def, override]
            small_enough(self, other)
            return self.view(np.ndarray).dot(np.asarray(other))

    return answer(A.view(InBlocks), B.view(InBlocks), size)


equivalent(
    matmul_in_blocks,
    {
        "C = np.zeros((A.shape[0], B.shape[1]))": "It is float64 for all inputs, which is precise enough.",
    },
)


@cases(matmul_in_blocks)
def visible_matmul_in_blocks(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("4×6 times 6×8, blocks of 2", rng.normal(size=(4, 6)), rng.normal(size=(6, 8)), 2)
    yield Case("5×7 times 7×3, blocks of 2", rng.normal(size=(5, 7)), rng.normal(size=(7, 3)), 2)
    yield Case("7×2 times 2×5, blocks of 3", rng.normal(size=(7, 2)), rng.normal(size=(2, 5)), 3)


@cases(matmul_in_blocks, hidden=True)
def hidden_matmul_in_blocks(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("blocks of 3, none left over", rng.normal(size=(6, 9)), rng.normal(size=(9, 3)), 3)
    yield Case("blocks of 3, smaller ones at the ends", rng.normal(size=(7, 11)), rng.normal(size=(11, 5)), 3)
    yield Case("a tall matrix times a wide one, blocks of 2", rng.normal(size=(11, 3)), rng.normal(size=(3, 7)), 2)
    yield Case("square matrices, blocks of 2", rng.normal(size=(6, 6)), rng.normal(size=(6, 6)), 2)
    yield Case("only the inner size is left with a smaller block", rng.normal(size=(4, 5)), rng.normal(size=(5, 4)), 2)
    yield Case("blocks of 1", rng.normal(size=(2, 3)), rng.normal(size=(3, 5)), 1)
    yield Case("one block is all", rng.normal(size=(2, 3)), rng.normal(size=(3, 5)), 7)


@mistakes(
    matmul_in_blocks,
    at_once="You multiply more than a block at once. No factor may have more than `size` rows or `size` columns: cut the inner index into blocks as well.",
    overwritten="You overwrite a block of the result each time, and only the last product is left in it. Add to it: the sum over j is cut into pieces.",
    first_inner_only="Each block of your result is a single product of two blocks. It is a sum of such products, over the inner index.",
    ends_dropped="What is left at the ends, where a size is no multiple of the block, is missing. Slices may run past the end: they just get shorter.",
    inner_end_dropped="The last, smaller piece of the inner index is missing from your sums.",
    last_block_missing="The last block is always missing. `range(0, n, size)` ends before n by itself.",
    rows_by_inner="Rows of your result are missing if A has more rows than columns: you start as many blocks of rows as fit into the inner index. Each index runs to its own end: i to n, j to m, k to k.",
    overlapping="Your blocks overlap: you move on by 1 where `size` is due, so some products are added several times.",
    b_block_swapped="You take B's block of row k and column j. It is row j, the inner index, and column k.",
    a_block_swapped="You take A's block of row j and column i. It is row i and column j, the inner index.",
    elementwise="You multiply the blocks entry by entry. Blocks are multiplied as matrices are.",
    blocks_like_entries="You pair the i-th block of a row with the block at the same place only: a product of blocks on the diagonal. All pieces of the inner index are due, for every block of the result.",
    blocks_transposed="Each block of your result is transposed in its place. Rows of a block belong to A.",
    float32_buffer="You add into a float32 array: float64 values lose half of their digits.",
)
def matmul_in_blocks_with(made: Made, A: ndarray, B: ndarray, size: int) -> Any:
    if made.at_once:
        return A @ B
    (n, m), k = A.shape, B.shape[1]
    C = np.zeros((n, k), dtype=np.float32 if made.float32_buffer else np.result_type(A, B))

    def starts(length: int, inner: bool = False) -> Any:
        if made.ends_dropped or (made.inner_end_dropped and inner):
            length = length // size * size
        return range(0, length - size if made.last_block_missing else length, 1 if made.overlapping and inner else size)

    for i in starts(m if made.rows_by_inner else n):
        for j in starts(k):
            for inner in starts(m, inner=True):
                if (made.first_inner_only and inner) or (made.blocks_like_entries and not i == j == inner):
                    continue
                a = A[inner : inner + size, i : i + size] if made.a_block_swapped else A[i : i + size, inner : inner + size]
                b = B[j : j + size, inner : inner + size] if made.b_block_swapped else B[inner : inner + size, j : j + size]
                product = a * b if made.elementwise else a @ b
                product = product.T if made.blocks_transposed else product
                if made.overwritten:
                    C[i : i + size, j : j + size] = product
                else:
                    C[i : i + size, j : j + size] += product
    return C


# ---- fro_norm --------------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["1.7"], forbid=["numpy.linalg.norm", "numpy.linalg.matrix_norm", "numpy.linalg.vector_norm", "scipy.linalg.norm"])
def fro_norm(A: Num[ndarray, "rows cols"]) -> float:
    """The Frobenius norm: the root of the sum of all squared entries, without `np.linalg.norm`."""
    return float(np.sqrt((A**2).sum()))


@cases(fro_norm)
def visible_fro_norm(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("a 2×2 matrix", np.array([[1.0, -2.0], [4.0, 2.0]]))
    yield Case("2 rows, 3 columns", rng.normal(size=(2, 3)))


@cases(fro_norm, hidden=True)
def hidden_fro_norm(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("3 rows, 5 columns", rng.normal(size=(3, 5)))
    yield Case("11 rows, 7 columns", 100 * rng.normal(size=(11, 7)))
    yield Case("a square matrix", rng.normal(size=(5, 5)))
    yield Case("an orthogonal matrix", np.linalg.qr(rng.normal(size=(7, 7)))[0])
    yield Case("1×1, below zero", -1 - rng.uniform(size=(1, 1)))


@mistakes(
    fro_norm,
    not_rooted="You return the sum of the squares. The norm is its root.",
    absolute_values="You add up absolute values. Square the entries, add, and take the root.",
    plain_sum="You do not square the entries, so that entries of opposite sign cancel.",
    summed_before_squared="You add up each column before you square. Squares come first: otherwise entries of opposite sign cancel.",
    rows_summed_before_squared="You add up each row before you square. Squares come first: otherwise entries of opposite sign cancel.",
    induced="That is the induced 2-norm (the largest singular value): how far A stretches a vector at most. It comes later; the Frobenius norm takes all entries together.",
    row_sum="That is the largest sum of absolute values in a row, the norm induced by the maximum norm.",
    column_sum="That is the largest sum of absolute values in a column, the norm induced by the 1-norm.",
    largest_entry="That is the largest absolute value. All entries count.",
    root_mean_square="You take the mean of the squares, not their sum: the root mean square.",
    lengths_added="You add up the lengths of the rows. Add up the squares of all entries before you take a root.",
    columns_added="You add up the lengths of the columns. Add up the squares of all entries before you take a root.",
    diagonal_only="You use the diagonal of A only. All entries count.",
    row_lengths="You return one length for each row. The norm of a matrix is one number.",
    nuclear="That is the sum of the singular values, the nuclear norm. The Frobenius norm is the root of the sum of their squares.",
)
def fro_norm_with(made: Made, A: ndarray) -> Any:
    A = A * np.float64(1) if A.dtype.kind == "i" else A
    if made.induced or made.nuclear:
        return float(np.linalg.svd(A, compute_uv=False).max() if made.induced else np.linalg.svd(A, compute_uv=False).sum())
    if made.row_sum or made.column_sum:
        return np.abs(A).sum(axis=1 if made.row_sum else 0).max()
    if made.largest_entry:
        return np.abs(A).max()
    if made.summed_before_squared or made.rows_summed_before_squared:
        return np.sqrt((A.sum(axis=0 if made.summed_before_squared else 1) ** 2).sum())
    if made.plain_sum:
        return np.sqrt(np.abs(A.sum()))
    if made.absolute_values:
        return np.abs(A).sum()
    squares = np.diagonal(A) ** 2 if made.diagonal_only else A**2
    if made.lengths_added or made.columns_added:
        return np.sqrt(squares.sum(axis=1 if made.lengths_added else 0)).sum()
    if made.row_lengths:
        return np.sqrt(squares.sum(axis=1))
    total = squares.mean() if made.root_mean_square else squares.sum()
    return total if made.not_rooted else np.sqrt(total)


# ---- induced_2_norm --------------------------------------------------------------------------------------------------

DECOMPOSITIONS = [
    "numpy.linalg.svd", "numpy.linalg.svdvals", "numpy.linalg.eigh", "numpy.linalg.eigvalsh", "numpy.linalg.eig", "numpy.linalg.eigvals",
    "numpy.linalg.matrix_norm", "scipy.linalg.svd", "scipy.linalg.svdvals", "scipy.linalg.eigh", "scipy.linalg.eigvalsh", "scipy.linalg.eig",
    "scipy.linalg.eigvals", "scipy.linalg.norm", "scipy.sparse.linalg.svds", "scipy.sparse.linalg.eigsh", "scipy.sparse.linalg.norm",
]  # fmt: skip


@exercise(points=2, rows=["1.7"], shares={"zero matrix": 0.1}, forbid=DECOMPOSITIONS)
def induced_2_norm(A: Float[ndarray, "rows cols"], v: Float[ndarray, "cols"], iters: int) -> float:
    """The induced 2-norm of A: the most that A multiplies the length of a vector by.

    Found by power iteration: start at v, multiply it by AᵀA and scale it to length 1, `iters`
    times, which is enough for all digits. Then return the length of Av. The norm of the zero
    matrix is 0. NumPy's products and the length of a vector are allowed, singular values and
    eigenvalues are not, and so neither is `np.linalg.norm(A, 2)`.
    """
    for _ in range(iters):
        w = A.T @ (A @ v)
        length = np.linalg.norm(w)
        if length == 0:
            return 0.0
        v = w / length
    return float(np.linalg.norm(A @ v))


def with_stretches(rng: np.random.Generator, rows: int, cols: int, largest: float) -> ndarray:
    """A matrix whose largest singular value stands well apart from the others."""
    rank = min(rows, cols)
    left, right = (np.linalg.qr(rng.normal(size=(n, rank)))[0] for n in (rows, cols))
    stretches = np.r_[1.0, rng.uniform(0.1, 0.75, size=rank - 1)]
    return largest * (left * stretches) @ right.T


@cases(induced_2_norm)
def visible_induced_2_norm(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("diagonal: 3 and -2", np.diag([3.0, -2.0]), np.array([1.0, 2.0]), 50)
    yield Case("3 rows, 2 columns", with_stretches(rng, 3, 2, 1.7), rng.normal(size=2), 50)
    yield Case("a square matrix", with_stretches(rng, 3, 3, 2.3), rng.normal(size=3), 50)
    yield Case("large numbers", with_stretches(rng, 2, 3, 3000.0), rng.normal(size=3), 60)


@cases(induced_2_norm, hidden=True)
def hidden_induced_2_norm(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("more rows than columns", with_stretches(rng, 7, 3, rng.uniform(1.5, 3)), rng.normal(size=3), 70)
    yield Case("more columns than rows", with_stretches(rng, 5, 11, rng.uniform(3, 5)), rng.normal(size=11), 70)
    yield Case("a square matrix", with_stretches(rng, 5, 5, rng.uniform(0.3, 0.7)), rng.normal(size=5), 70)
    yield Case("large numbers", with_stretches(rng, 5, 5, 1e4), rng.normal(size=5), 70)
    yield Case("an orthogonal matrix", np.linalg.qr(rng.normal(size=(5, 5)))[0], rng.normal(size=5), 30)
    yield Case("rank 1", np.outer(rng.normal(size=3), rng.normal(size=7)), rng.normal(size=7), 30)
    zero = "The zero matrix makes every vector 0, which cannot be scaled to length 1. Its norm is 0."
    yield Case("zero matrix", np.zeros((3, 2)), rng.normal(size=2), 5, group="zero matrix", hint=zero)


@mistakes(
    induced_2_norm,
    frobenius="You return the Frobenius norm. It takes all entries together, and is an upper bound only: no vector may be stretched that far.",
    not_rooted="You return the largest eigenvalue of AᵀA. Multiplying by AᵀA stretches twice: the norm of A is the root of it.",
    row_sum="You return the largest sum of absolute values in a row. That norm is induced by the maximum norm; here lengths are Euclidean.",
    column_sum="You return the largest sum of absolute values in a column. That norm is induced by the 1-norm; here lengths are Euclidean.",
    iterates_on_a="You multiply by A in each step. A need not be symmetric, and may turn vectors; AᵀA is symmetric, and its eigenvectors are the directions that A stretches most and least.",
    wrong_side="You iterate with AAᵀ. Its vectors live on A's output side; v goes into A, so the matrix is AᵀA.",
    scaled_at_the_end="You scale v only after the last step. Until then its length is multiplied in each step, and overflows for large numbers: scale it each time.",
    never_scaled="You never scale v. What you return is the length of a vector that has been stretched in each step: scale v to length 1 each time.",
    rooted_twice="You take the root of the length of Av. This length is the norm already: it is the eigenvalue of AᵀA that needs a root.",
    one_step="You take one step. Repeat it `iters` times: each one turns v a little further towards the direction that A stretches most.",
    no_step="You return how far A stretches the vector v that you were given. Another vector may be stretched more.",
    largest_entry="You return the largest entry in absolute value. A can stretch vectors further than that.",
    largest_column="You return the length of the longest column: you try only the vectors with a single 1. Others may be stretched more.",
    vector="You return the vector. Return the number by which A stretches it.",
    inverse="You return one over the norm: the length of v divided by the length of Av.",
    zero_divided="The zero matrix makes every vector 0, and you divide 0 by 0. Its norm is 0.",
)
def induced_2_norm_with(made: Made, A: ndarray, v: ndarray, iters: int) -> Any:
    if made.row_sum or made.column_sum:
        return np.abs(A).sum(axis=1 if made.row_sum else 0).max()
    if made.frobenius:
        return np.sqrt((A**2).sum())
    if made.largest_entry:
        return np.abs(A).max()
    if made.largest_column:
        return np.sqrt((A**2).sum(axis=0)).max()
    if made.no_step:
        return np.linalg.norm(A @ v) / np.linalg.norm(v)
    for _ in range(1 if made.one_step else iters):
        v = A @ v if made.iterates_on_a else A @ (A.T @ v) if made.wrong_side else A.T @ (A @ v)
        if not v.any() and not (made.zero_divided or made.scaled_at_the_end):
            return 0.0 if not made.vector else v
        v = v if made.scaled_at_the_end or made.never_scaled else v / np.linalg.norm(v)
    if made.vector:
        return v
    norm = np.linalg.norm(A @ v) / (np.linalg.norm(v) if made.scaled_at_the_end else 1)
    norm = np.sqrt(norm) if made.rooted_twice else norm
    return norm**2 if made.not_rooted else 1 / norm if made.inverse else norm
