"""GPU kernels: one thread for one element, in one dimension and in two."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from autograder.exercise import Case, Made, cases, exercise, mistakes, probe

# A kernel fixes the type and the layout of its arrays, and a probe copies them to the device.
NO_ARRAYS_OF_OTHER_KINDS = ["fortran", "strided", "float32", "float64", "integers", "same array"]


def normal(rng: np.random.Generator, *shape: int, dtype: Any = np.float32, scale: float = 1.0) -> np.ndarray:
    return (scale * rng.normal(size=shape)).astype(dtype)


# ---- blocks_needed -----------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["4.2"])
def blocks_needed(n: int, threads_per_block: int) -> int:
    """The smallest number of blocks that have at least n threads together. Both numbers are at
    least 1.
    """
    return (n + threads_per_block - 1) // threads_per_block


@cases(blocks_needed)
def visible_blocks_needed(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("1000 elements, 256 threads", 1000, 256)
    yield Case("a multiple: 768 elements, 128 threads", 768, 128)


@cases(blocks_needed, hidden=True)
def hidden_blocks_needed(rng: np.random.Generator) -> Iterator[Case]:
    threads = int(rng.integers(40, 200))
    blocks = int(rng.integers(5, 30))
    yield Case("a few over", blocks * threads + 3, threads)
    yield Case("one short", blocks * threads - 1, threads)
    yield Case("a multiple", blocks * threads, threads)
    yield Case("fewer elements than threads", 17, threads)
    yield Case("one thread in a block", blocks, 1)


@mistakes(
    blocks_needed,
    rounded_down="You round down: the elements that are left over get no thread. Round up.",
    rounded="You round to the nearest whole number: when less than half a block is left over, its elements get no thread. Round up.",
    one_too_many="You always add a block. When the threads divide n exactly, that block has nothing to do.",
    not_rounded="You do not round. There is no such thing as a part of a block: round up.",
    float_result="The number is right, but it is a float (`np.ceil` returns one). A grid takes integers.",
    threads_in_all="You return the number of threads in the whole grid. The number of blocks is asked for.",
    left_over="You return how many elements are left over for the last block. The number of blocks is asked for.",
    swapped="You divide the threads by the elements: it is the other way round.",
)
def blocks_needed_with(made: Made, n: int, threads_per_block: int) -> Any:
    if made.swapped:
        n, threads_per_block = threads_per_block, n
    blocks = -(-n // threads_per_block)
    if made.rounded_down:
        return n // threads_per_block
    if made.rounded:
        return round(n / threads_per_block)
    if made.one_too_many:
        return n // threads_per_block + 1
    if made.not_rounded:
        return n / threads_per_block
    if made.float_result:
        return float(blocks)
    if made.threads_in_all:
        return blocks * threads_per_block
    return n % threads_per_block if made.left_over else blocks


# ---- vector_add --------------------------------------------------------------------------------------------------------


@exercise(points=3, rows=["4.2"], without=NO_ARRAYS_OF_OTHER_KINDS)
def vector_add() -> str:
    """The CUDA C source of `extern "C" __global__ void vector_add(const float* x, const float* y,
    float* out, int n)`.

    It writes x[i] + y[i] to out[i] for i from 0 to n - 1, one thread for one element, and
    touches nothing else. Grid and block have one dimension; the grid has at least n threads,
    any number of them in a block.
    """
    return """
    extern "C" __global__ void vector_add(const float* x, const float* y, float* out, int n) {
        int i = blockIdx.x * blockDim.x + threadIdx.x;
        if (i < n) {
            out[i] = x[i] + y[i];
        }
    }
    """


@cases(vector_add)
def visible_vector_add(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("77 elements, blocks of 32", normal(rng, 77), normal(rng, 77), 77, 32)
    yield Case("only the first 41 of 103 elements, blocks of 32", normal(rng, 103), normal(rng, 103), 41, 32)
    yield Case("19 elements, one block of 32", normal(rng, 19), normal(rng, 19), 19, 32)


@cases(vector_add, hidden=True)
def hidden_vector_add(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("6 elements more than blocks of 48 hold", normal(rng, 246), normal(rng, 246), 246, 48)
    yield Case("a multiple of the block", normal(rng, 96), normal(rng, 96), 96, 32)
    yield Case("only the first elements, blocks of 64", normal(rng, 400), normal(rng, 400), int(rng.integers(200, 240)), 64)
    yield Case("one block, not full", normal(rng, 29), normal(rng, 29), 23, 48)
    yield Case("one element", normal(rng, 1), normal(rng, 1), 1, 128)
    yield Case("many elements", normal(rng, 2011), normal(rng, 2011), 2011, 256)


@probe(vector_add)
def launch_vector_add(answer: Any, x: Any, y: Any, n: int, threads: int) -> Any:
    from autograder.cuda.trial import Output, try_kernel

    return try_kernel(answer(), "vector_add", -(-n // threads), threads, x, y, Output(x.shape), n, budget=5 * n + 500, races=False).outputs[0]


@mistakes(
    vector_add,
    no_guard="The guard is missing. The last block has more threads than there are elements left: a thread with i ≥ n must do nothing.",
    guard_lets_n_pass="Your guard lets thread n pass. The last element has index n - 1.",
    guard_drops_the_last="Your guard stops the last element's thread: i runs from 0 to n - 1, and n - 1 belongs to it.",
    guard_on_thread="Your guard looks at the thread's number within its block. What must be below n is the number i within the whole grid.",
    thread_only="Only the elements of the first block are written. threadIdx.x begins at 0 again in every block: which block it is must count too.",
    block_only="You use blockIdx.x alone: all threads of a block work on the same element.",
    grid_dim="You multiply the block's number by gridDim, which is how many blocks there are. How many threads a block has is blockDim.",
    not_multiplied="You add block and thread without a factor. Each block before yours has taken blockDim.x elements.",
    thread_and_block_swapped="You multiply the thread's number by blockDim and add the block's. It is the other way round: whole blocks come first, then the thread.",
    one_too_far="Your index is too large by one, as if counting began at 1: element 0 is left out.",
    block_size_fixed="You wrote the number of threads in a block as a number into the kernel. Who launches it decides: ask blockDim.x.",
    block_size_of_256="You wrote the number of threads in a block as a number into the kernel. Who launches it decides: ask blockDim.x.",
    y_axis="You ask for the y axis. A grid of one dimension runs along x, and y is 0 everywhere.",
    first_thread_of_each_block="Only the first thread of each block works. Every thread has an element of its own.",
    loop_over_all="Your threads do not come to an end soon. Each has one element of its own to work on, and needs no loop over the others.",
    block_number_missing="You add blockDim.x itself. Multiply it by the number of the block, blockIdx.x.",
    subtracts="You subtract.",
    multiplies="You multiply.",
    x_twice="You add x to itself: y plays no part.",
    accumulates="You add to what `out` holds already. That memory has never been written: assign.",
    integer_sum="You keep the sum in an integer, which cuts its fraction off.",
    into_an_input="You write the sum into an input. The result belongs into `out`, the inputs to somebody else.",
    no_extern_c='The kernel is not found under its name, because C++ compiles functions under longer ones. Write extern "C" before __global__.',
    wrong_name="The kernel has another name than the exercise asks for.",
)
def vector_add_with(made: Made) -> str:
    size = (
        "32"
        if made.block_size_fixed
        else "256"
        if made.block_size_of_256
        else "gridDim.x"
        if made.grid_dim
        else "1"
        if made.not_multiplied
        else "blockDim.x"
    )
    index = (
        "threadIdx.x" if made.thread_only
        else "blockIdx.x" if made.block_only
        else "blockDim.x + threadIdx.x" if made.block_number_missing
        else "0" if made.loop_over_all
        else "threadIdx.x * blockDim.x + blockIdx.x" if made.thread_and_block_swapped
        else "blockIdx.y * blockDim.y + threadIdx.y" if made.y_axis
        else f"blockIdx.x * {size} + threadIdx.x + {int(made.one_too_far)}"
    )  # fmt: skip
    guard = (
        "true" if made.no_guard
        else "i <= n" if made.guard_lets_n_pass
        else "i < n - 1" if made.guard_drops_the_last
        else "threadIdx.x < n" if made.guard_on_thread
        else "i < n && threadIdx.x == 0" if made.first_thread_of_each_block
        else "i < n"
    )  # fmt: skip
    value = "x[i] - y[i]" if made.subtracts else "x[i] * y[i]" if made.multiplies else "x[i] + x[i]" if made.x_twice else "x[i] + y[i]"
    target = "x" if made.into_an_input else "out"
    return f"""
    {"" if made.no_extern_c else 'extern "C"'} __global__ void {"add" if made.wrong_name else "vector_add"}(
            {"" if made.into_an_input else "const"} float* x, const float* y, float* out, int n) {{
        int i = {index};
        {"for (; i < n; ++i)" if made.loop_over_all else f"if ({guard})"} {{
            {"int" if made.integer_sum else "float"} sum = {value};
            {target}[i] {"+=" if made.accumulates else "="} sum;
        }}
    }}
    """


# ---- pixel_of_thread ---------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["4.2"])
def pixel_of_thread(block_idx: tuple[int, int], thread_idx: tuple[int, int], block_dim: tuple[int, int]) -> tuple[int, int]:
    """The (row, column) of the pixel that a thread of a two-dimensional grid works on.

    The three pairs are (x, y), as in CUDA; x runs along a row of the image, y down a column.
    """
    row = block_idx[1] * block_dim[1] + thread_idx[1]
    column = block_idx[0] * block_dim[0] + thread_idx[0]
    return row, column


@cases(pixel_of_thread)
def visible_pixel_of_thread(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("block (2, 1), thread (3, 4)", (2, 1), (3, 4), (8, 5))
    yield Case("the first thread of block (1, 3)", (1, 3), (0, 0), (16, 8))


@cases(pixel_of_thread, hidden=True)
def hidden_pixel_of_thread(rng: np.random.Generator) -> Iterator[Case]:
    for dim in ((11, 7), (5, 13)):
        block = tuple(int(v) for v in rng.permutation([2, 3, 5, 7])[:2])
        thread = tuple(int(v) for v in rng.permutation([1, 2, 3, 4])[:2])
        yield Case("some block, some thread", block, thread, dim)
    yield Case("a square block", (3, 1), (2, 5), (8, 8))
    yield Case("the first block", (0, 0), (6, 2), (9, 4))


@mistakes(
    pixel_of_thread,
    column_first="Row and column are swapped. x runs along a row, so it counts columns; and the row comes first, as in every array.",
    thread_only="You leave the block out. A thread's number begins at 0 again in every block.",
    block_only="You leave the thread out: all threads of a block get the same pixel.",
    block_dims_swapped="You multiply by the block's other side: block_dim is (x, y) too.",
    only_width="You use the block's width for rows and columns. Its height may be another.",
    not_multiplied="You add block and thread without a factor. Each block before yours covers block_dim pixels.",
    thread_times_dim="You multiply the thread's number by block_dim and add the block's. It is the other way round.",
    counted_from_one="You count from 1. The first thread of the first block has the pixel (0, 0).",
)
def pixel_of_thread_with(made: Made, block_idx: tuple[int, int], thread_idx: tuple[int, int], block_dim: tuple[int, int]) -> tuple[int, int]:
    width, height = (
        (1, 1) if made.not_multiplied else (block_dim[0],) * 2 if made.only_width else block_dim[::-1] if made.block_dims_swapped else block_dim
    )
    (bx, by), (tx, ty) = block_idx, thread_idx
    if made.thread_only:
        bx, by = 0, 0
    if made.block_only:
        tx, ty = 0, 0
    if made.thread_times_dim:
        (bx, by), (tx, ty) = (tx, ty), (bx, by)
    row, column = by * height + ty, bx * width + tx
    if made.column_first:
        row, column = column, row
    return row + made.counted_from_one, column + made.counted_from_one


# ---- fade_image --------------------------------------------------------------------------------------------------------


@exercise(points=3, rows=["4.2"], without=NO_ARRAYS_OF_OTHER_KINDS)
def fade_image() -> str:
    """The CUDA C source of `extern "C" __global__ void fade_image(const float* image, float* out,
    int height, int width)`.

    An image of height × width lies row after row in memory; out has the same form, and its
    pixel (row, column) is the image's multiplied by column / width (no whole number). One
    thread for one pixel: x runs along a row, y down a column. The grid has at least width
    threads along x and height along y. Nothing else is touched.
    """
    return """
    extern "C" __global__ void fade_image(const float* image, float* out, int height, int width) {
        int row = blockIdx.y * blockDim.y + threadIdx.y;
        int column = blockIdx.x * blockDim.x + threadIdx.x;
        if (row < height && column < width) {
            int i = row * width + column;
            out[i] = image[i] * column / width;
        }
    }
    """


@cases(fade_image)
def visible_fade_image(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("13 × 29 pixels, blocks of 8 × 4", normal(rng, 13, 29), 13, (8, 4))
    yield Case("only the first 11 of 19 rows, blocks of 8 × 4", normal(rng, 19, 29), 11, (8, 4))


@cases(fade_image, hidden=True)
def hidden_fade_image(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("taller than wide, blocks of 7 × 5", normal(rng, 31, 17), 31, (7, 5))
    yield Case("only the first rows, blocks of 16 × 8", normal(rng, 47, 37), int(rng.integers(33, 40)), (16, 8))
    yield Case("only the first rows of a tall image", normal(rng, 43, 11), 29, (5, 7))
    yield Case("a multiple of the block", normal(rng, 12, 24), 12, (8, 4))
    yield Case("a square image, square blocks", normal(rng, 16, 16), 16, (8, 8))
    yield Case("one row", normal(rng, 1, 23), 1, (8, 8))
    yield Case("one pixel", normal(rng, 1, 1), 1, (8, 4))


@probe(fade_image)
def launch_fade_image(answer: Any, image: Any, height: int, threads: tuple[int, int]) -> Any:
    from autograder.cuda.trial import Output, try_kernel

    width = image.shape[1]
    grid = -(-width // threads[0]), -(-height // threads[1])
    return try_kernel(
        answer(), "fade_image", grid, threads, image, Output(image.shape), height, width, budget=5 * image.size + 500, races=False
    ).outputs[0]


# What goes wrong between a thread and its place in an array of rows and columns, whatever the kernel computes there.
POSITION_MISTAKES = {
    "no_guard": "The guard is missing. At the right and lower edge some threads stand beside the array: they must do nothing.",
    "only_column_guard": "You guard the columns only. A thread below the last row writes beyond the end.",
    "either_guard": "One half of your guard is enough to pass it. Row and column must both lie inside: &&, not ||.",
    "guards_swapped": "Your guard compares the row with the number of columns and the column with the number of rows.",
    "one_row_too_many": "Your guard lets one row too many pass: rows are counted from 0, so that the last one is below their number, not equal to it.",
    "guard_on_index": "Your guard looks at the index only. A thread to the right of the last column has an index too: that of an element in the next row, which is not its own.",
    "axes_swapped": "You take the row from x and the column from y, so that the grid lies across: x runs along a row, so it counts columns.",
    "stride_of_height": "You multiply the row by the number of rows. To get one row further you pass a whole row: as many numbers as there are columns.",
    "column_first": "Your index runs down the columns. The array lies row after row: the row is what you multiply.",
    "width_on_column": "You multiply the column. One row further is a whole row of numbers further: it is the row that you multiply.",
    "thread_only": "Only the corner of the first block is written. threadIdx begins at 0 again in every block: which block it is must count too.",
    "block_dims_swapped": "You multiply the block's number by the block's other side: blockDim.x goes with x, blockDim.y with y.",
    "only_one_dim": "You multiply both numbers of the block by blockDim.x. Its height, blockDim.y, may be another.",
    "grid_dim": "You multiply the block's number by gridDim, which is how many blocks there are. How many threads a block has is blockDim.",
    "not_multiplied": "You add block and thread without a factor. Each block before yours has taken blockDim elements.",
    "into_an_input": "You write the result into an input. It belongs into `out`; the inputs are somebody else's.",
    "no_extern_c": 'The kernel is not found under its name, because C++ compiles functions under longer ones. Write extern "C" before __global__.',
}
ONLY_ROW_GUARD = "You guard the rows only. A thread to the right of the last column reaches into the next row, or beyond the end."
ONE_COLUMN_TOO_MANY = (
    "Your guard lets one column too many pass: columns are counted from 0, so that the last one is below their number, not equal to it."
)


def position_with(made: Made, height: str, width: str) -> tuple[str, str, str, str]:
    """Row, column, guard and index of a two-dimensional map."""
    sides = (
        ("blockDim.y", "blockDim.x") if made.block_dims_swapped
        else ("blockDim.x", "blockDim.x") if made.only_one_dim
        else ("gridDim.x", "gridDim.y") if made.grid_dim
        else ("1", "1") if made.not_multiplied
        else ("blockDim.x", "blockDim.y")
    )  # fmt: skip
    column, row = (
        f"threadIdx.{axis}" if made.thread_only else f"blockIdx.{axis} * {side} + threadIdx.{axis}" for axis, side in zip("xy", sides, strict=True)
    )
    if made.axes_swapped:
        row, column = column, row
    guard = (
        "true" if made.no_guard
        else f"row < {height}" if made.only_row_guard or made.columns_not_guarded
        else f"column < {width}" if made.only_column_guard
        else f"row < {height} || column < {width}" if made.either_guard
        else f"row < {width} && column < {height}" if made.guards_swapped
        else f"row * {width} + column < {height} * {width}" if made.guard_on_index
        else f"row {'<=' if made.one_row_too_many else '<'} {height} && column {'<=' if made.one_column_too_many else '<'} {width}"
    )  # fmt: skip
    index = (
        f"row * {height} + column" if made.stride_of_height
        else f"column * {height} + row" if made.column_first
        else f"row + column * {width}" if made.width_on_column
        else f"row * {width} + column"
    )  # fmt: skip
    return row, column, guard, index


@mistakes(
    fade_image,
    **POSITION_MISTAKES,
    only_row_guard=ONLY_ROW_GUARD,
    one_column_too_many=ONE_COLUMN_TOO_MANY,
    integer_division="column / width divides two integers and so gives 0 for every column. Make one of them a float first.",
    fades_down="You fade along the rows: the factor is column / width, not row / height.",
    fades_to_the_right="Your image fades the other way: the factor grows with the column.",
    last_column_is_whole="You divide by width - 1. The text divides by width.",
    counted_from_one="Your factor counts columns from 1. The first column is 0, and black.",
    not_faded="You copy the image: the factor column / width is missing.",
)
def fade_image_with(made: Made) -> str:
    row, column, guard, index = position_with(made, "height", "width")
    factor = (
        "(float) (column / width)" if made.integer_division
        else "(float) row / height" if made.fades_down
        else "(1 - (float) column / width)" if made.fades_to_the_right
        else "(float) column / (width - 1)" if made.last_column_is_whole
        else "(column + 1.0f) / width" if made.counted_from_one
        else "1" if made.not_faded
        else "(float) column / width"
    )  # fmt: skip
    return f"""
    {"" if made.no_extern_c else 'extern "C"'} __global__ void fade_image(
            {"" if made.into_an_input else "const"} float* image, float* out, int height, int width) {{
        int row = {row};
        int column = {column};
        if ({guard}) {{
            int i = {index};
            {"image" if made.into_an_input else "out"}[i] = image[i] * {factor};
        }}
    }}
    """


# ---- add_bias ----------------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["4.2"], without=NO_ARRAYS_OF_OTHER_KINDS)
def add_bias() -> str:
    """The CUDA C source of `extern "C" __global__ void add_bias(const float* x, const float* bias,
    float* out, int rows, int columns)`.

    x and out have rows × columns numbers, row after row, and bias has one number for each
    column, which is added to all rows: NumPy's x + bias. One thread for one element: x runs
    along a row, y down a column. The grid has at least columns threads along x and rows along
    y. Nothing else is touched.
    """
    return """
    extern "C" __global__ void add_bias(const float* x, const float* bias, float* out, int rows, int columns) {
        int row = blockIdx.y * blockDim.y + threadIdx.y;
        int column = blockIdx.x * blockDim.x + threadIdx.x;
        if (row < rows && column < columns) {
            out[row * columns + column] = x[row * columns + column] + bias[column];
        }
    }
    """


@cases(add_bias)
def visible_add_bias(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("13 × 29 elements, blocks of 8 × 4", normal(rng, 13, 29), normal(rng, 29), 13, (8, 4))
    yield Case("only the first 11 of 19 rows, blocks of 8 × 4", normal(rng, 19, 29), normal(rng, 29), 11, (8, 4))


@cases(add_bias, hidden=True)
def hidden_add_bias(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("taller than wide, blocks of 7 × 5", normal(rng, 31, 17), normal(rng, 17), 31, (7, 5))
    yield Case("only the first rows, blocks of 16 × 8", normal(rng, 47, 37), normal(rng, 37), int(rng.integers(33, 40)), (16, 8))
    yield Case("only the first rows, as many columns as blocks have", normal(rng, 43, 15), normal(rng, 15), 29, (5, 7))
    yield Case("a multiple of the block", normal(rng, 12, 24), normal(rng, 24), 12, (8, 4))
    yield Case("square, square blocks", normal(rng, 16, 16), normal(rng, 16), 16, (8, 8))
    yield Case("one row", normal(rng, 1, 23), normal(rng, 23), 1, (8, 8))
    yield Case("one column", normal(rng, 23, 1), normal(rng, 1), 23, (8, 8))


@probe(add_bias)
def launch_add_bias(answer: Any, x: Any, bias: Any, rows: int, threads: tuple[int, int]) -> Any:
    from autograder.cuda.trial import Output, try_kernel

    columns = x.shape[1]
    grid = -(-columns // threads[0]), -(-rows // threads[1])
    return try_kernel(answer(), "add_bias", grid, threads, x, bias, Output(x.shape), rows, columns, budget=5 * x.size + 500, races=False).outputs[0]


@mistakes(
    add_bias,
    # A thread that either half of the guard would have let pass reads beyond the bias, as without any guard.
    **{name: hint for name, hint in POSITION_MISTAKES.items() if name != "either_guard"},
    columns_not_guarded="Your guard lets threads to the right of the last column pass. There is no bias for them, and no element.",
    bias_of_the_row="You add the bias of the row. There is one number for each column: bias[column].",
    bias_of_the_thread="You take the bias by the number of the thread in its block: beside the first block that is another column's.",
    bias_of_the_element="You index the bias like x. It has one row only.",
    one_bias="You add the first bias to every column.",
    no_bias="You copy x: the bias is missing.",
    multiplies="You multiply by the bias. It is added.",
    accumulates="You add to what `out` holds already. That memory has never been written: assign.",
)
def add_bias_with(made: Made) -> str:
    row, column, guard, index = position_with(made, "rows", "columns")
    which = (
        "row"
        if made.bias_of_the_row
        else "threadIdx.x"
        if made.bias_of_the_thread
        else "i"
        if made.bias_of_the_element
        else "0"
        if made.one_bias
        else "column"
    )
    value = "x[i]" if made.no_bias else f"x[i] {'*' if made.multiplies else '+'} bias[{which}]"
    return f"""
    {"" if made.no_extern_c else 'extern "C"'} __global__ void add_bias(
            {"" if made.into_an_input else "const"} float* x, const float* bias, float* out, int rows, int columns) {{
        int row = {row};
        int column = {column};
        if ({guard}) {{
            int i = {index};
            {"x" if made.into_an_input else "out"}[i] {"+=" if made.accumulates else "="} {value};
        }}
    }}
    """
