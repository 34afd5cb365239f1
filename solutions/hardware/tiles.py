"""Memory that a block shares: tiles of a matrix product, of a transpose, of a convolution."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from autograder.exercise import Case, Made, cases, exercise, mistakes, probe
from solutions.hardware.kernels import NO_ARRAYS_OF_OTHER_KINDS, normal

# Nothing is remembered between two launches of the same text, and counting what a launch costs takes time.
KERNELS_ARE_TEXT = [*NO_ARRAYS_OF_OTHER_KINDS, "twice"]

# ---- matmul_loads ------------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["4.3"])
def matmul_loads(m: int, n: int, k: int, tile: int) -> int:
    """How many numbers a tiled matrix product reads from global memory.

    An m × k matrix times a k × n matrix. Each block computes a tile × tile piece of the result.
    It reads every element of the rows and of the columns that its piece needs once. At the
    edges the pieces are smaller, and what lies outside is not read. A tile of 1 is the product
    without tiles.
    """
    blocks_down, blocks_across = -(-m // tile), -(-n // tile)
    return m * k * blocks_across + k * n * blocks_down


@cases(matmul_loads)
def visible_matmul_loads(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("45 × 40 times 40 × 33, tiles of 16", 45, 33, 40, 16)
    yield Case("the same without tiles", 45, 33, 40, 1)
    yield Case("96 × 32 times 32 × 64, tiles of 32", 96, 64, 32, 32)


@cases(matmul_loads, hidden=True)
def hidden_matmul_loads(rng: np.random.Generator) -> Iterator[Case]:
    for tile in (7, 16, 32):
        m, n, k = (int(v) for v in rng.choice([51, 67, 74, 89, 103, 130], 3, replace=False))
        yield Case("sizes that are no multiple of the tile", m, n, k, tile)
    yield Case("no tiles", 13, int(rng.integers(17, 40)), 11, 1)
    yield Case("one block", 9, 5, int(rng.integers(17, 40)), 16)
    yield Case("all multiples", 64, 160, 96, 32)


@mistakes(
    matmul_loads,
    no_sharing="That is what the product reads without tiles: every thread its own row and column. A block reads them once for all its threads.",
    not_rounded="You divide without rounding. A piece at the edge is smaller, but its block reads a whole row of the first matrix all the same: count blocks, rounded up.",
    rounded_down="You round the number of blocks down. The pieces at the edges have blocks too.",
    full_tiles="You count whole tiles at the edges too. What lies outside the matrices is not read.",
    swapped="An element of the first matrix is needed by all blocks of its *row*, and how many those are follows from n. You have the two numbers of blocks at each other's place.",
    read_once="You count every element once. An element of the first matrix is read again by each block of its row.",
    first_only="You count the first matrix only.",
    second_only="You count the second matrix only.",
    with_stores="You count the m × n results too. They are written, not read.",
    one_block="That is what the first block reads. The others read too.",
    inner_divided="You divide k by the tile. A block goes through all of its k, one tile after the other.",
    divided_twice="You divide by the tile twice. A row of the tile shares one matrix, a column the other: each number is read by a factor of tile less often, not tile².",
)
def matmul_loads_with(made: Made, m: int, n: int, k: int, tile: int) -> Any:
    down: float = -(-m // tile)
    across: float = -(-n // tile)
    if made.no_sharing:
        return 2 * m * n * k
    if made.not_rounded:
        down, across = m / tile, n / tile
    if made.rounded_down:
        down, across = m // tile, n // tile
    if made.full_tiles:
        return 2 * tile * tile * down * across * -(-k // tile)
    if made.swapped:
        down, across = across, down
    if made.read_once:
        down, across = 1, 1
    if made.one_block:
        return (min(m, tile) + min(n, tile)) * k
    if made.divided_twice:
        return 2 * m * n * k / tile**2
    if made.inner_divided:
        k = -(-k // tile)
    first, second = m * k * across, k * n * down
    if made.first_only or made.second_only:
        return first if made.first_only else second
    return first + second + (m * n if made.with_stores else 0)


# ---- tiled_matmul ------------------------------------------------------------------------------------------------------


@exercise(points=4, rows=["4.3"], without=KERNELS_ARE_TEXT)
def tiled_matmul() -> str:
    """The CUDA C source of `extern "C" __global__ void tiled_matmul(const float* a, const float* b,
    float* c, int m, int n, int k)`.

    a has m × k numbers, b k × n and c m × n, all row after row; c becomes the matrix product of
    a and b. Blocks have 16 × 16 threads: x runs along a row of c, y down a column. There are
    just enough blocks. m, n and k may be no multiples of 16. Nothing else is touched.

    Cost: no block reads an element of a or b twice from global memory.
    """
    return """
    extern "C" __global__ void tiled_matmul(const float* a, const float* b, float* c, int m, int n, int k) {
        __shared__ float a_tile[16][16], b_tile[16][16];
        int tx = threadIdx.x, ty = threadIdx.y;
        int row = blockIdx.y * 16 + ty;
        int column = blockIdx.x * 16 + tx;
        float sum = 0;
        for (int first = 0; first < k; first += 16) {
            a_tile[ty][tx] = row < m && first + tx < k ? a[row * k + first + tx] : 0;
            b_tile[ty][tx] = first + ty < k && column < n ? b[(first + ty) * n + column] : 0;
            __syncthreads();
            for (int i = 0; i < 16; ++i) {
                sum += a_tile[ty][i] * b_tile[i][tx];
            }
            __syncthreads();
        }
        if (row < m && column < n) {
            c[row * n + column] = sum;
        }
    }
    """


def factors(rng: np.random.Generator, m: int, n: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    return normal(rng, m, k), normal(rng, k, n)


@cases(tiled_matmul)
def visible_tiled_matmul(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("45 × 40 times 40 × 33", *factors(rng, 45, 33, 40))
    yield Case("16 × 32 times 32 × 16, no edges", *factors(rng, 16, 16, 32))


@cases(tiled_matmul, hidden=True)
def hidden_tiled_matmul(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("wide", *factors(rng, 19, 37, int(rng.integers(20, 31))))
    yield Case("tall", *factors(rng, 35, 7, int(rng.integers(34, 47))))
    yield Case("a square", *factors(rng, 21, 21, 21))
    yield Case("less than a tile", *factors(rng, 5, 11, 3))
    yield Case("one row", *factors(rng, 1, 23, 29))
    yield Case("an outer product", *factors(rng, 17, 18, 1))
    yield Case("all multiples of 16", *factors(rng, 32, 16, 48))


@probe(tiled_matmul)
def launch_tiled_matmul(answer: Any, a: Any, b: Any) -> Any:
    import numpy as np

    from autograder.cuda import KernelFault
    from autograder.cuda.trial import Output, try_kernel

    (m, k), n = a.shape, b.shape[1]
    grid = (-(-n // 16), -(-m // 16))
    trial = try_kernel(answer(), "tiled_matmul", grid, (16, 16), a, b, Output((m, n)), m, n, k, costs=True)
    if not np.allclose(trial.outputs[0], a @ b, 1e-3, 1e-3):
        return trial.outputs[0]  # what is wrong says more than what it costs
    for argument, name in enumerate("ab"):
        most, enough = int(trial.reads(argument).max()), grid[argument]
        if most > enough:
            raise KernelFault(f"an element of {name} is read {most} times from global memory; {enough} blocks need it, and each may read it once")
    return trial.outputs[0]


@mistakes(
    tiled_matmul,
    no_tiles="The product is right, but every thread reads its whole row and column from global memory. Load a tile of each into shared memory, together, and read from there.",
    barrier_after_loading_missing="Some threads read a tile before others have loaded their part of it. Between loading and using there must be a barrier.",
    barrier_before_loading_missing="Fast threads load the next tile while slow ones still read this one. There must be a barrier after using a tile, too.",
    left_early="Threads beside the result leave before the loop. But the block needs them: they load parts of the tiles, and every barrier waits for all threads. Guard the loads and the store, not the loop.",
    tail_not_zeroed="Where a tile hangs over the edge, you leave in it what stood there before, and add it to the sum. Write 0 into those places.",
    loads_not_guarded="Your loads reach outside the matrices. The last tiles hang over the edge: put 0 there instead.",
    tail_left_out="You round the number of tiles down. What is left of k at the end, less than a whole tile, counts too.",
    store_not_guarded="Your store is not guarded: at the edges some threads stand beside the result.",
    axes_swapped="You take the row from x and the column from y: the blocks lie across. x runs along a row, so it counts columns.",
    a_turned="You read the tile of a by columns. The sum for row ty runs along row ty of that tile.",
    b_turned="You read the tile of b by rows. The sum for column tx runs down column tx of that tile.",
    sum_reset="You set the sum to 0 for each tile, so that only the last one counts.",
    adds_to_c="You add to what c holds already. That memory has never been written: keep the sum in a variable, and assign.",
    a_stride="You multiply a's row by n. To get one row further in a you pass k numbers.",
    b_stride="You multiply b's row by k. To get one row further in b you pass n numbers.",
    same_tile="You load the first tile again and again. The next tile begins 16 further: along the row of a, down the column of b.",
    tile_not_multiplied="You move on by one element for each tile. A tile is 16 wide.",
    b_moves_right="Your tile of b moves to the right, as that of a does. It must move down: the sum runs down the columns of b.",
    sum_over_k="You sum over all of k within a tile, which has 16 rows and columns only.",
    one_product="Each thread multiplies the two numbers that it loaded itself. It needs a whole row of one tile and a whole column of the other.",
    integer_sum="You keep the sum in an integer, which cuts fractions off.",
)
def tiled_matmul_with(made: Made) -> str:
    row, column = ("blockIdx.x * 16 + tx", "blockIdx.y * 16 + ty") if made.axes_swapped else ("blockIdx.y * 16 + ty", "blockIdx.x * 16 + tx")
    first = "0" if made.same_tile else "first / 16" if made.tile_not_multiplied else "first"
    a_inside, b_inside = f"row < m && {first} + tx < k", f"{first} + ty < k && column < n"
    a_value = f"a[row * {'n' if made.a_stride else 'k'} + {first} + tx]"
    b_value = f"b[({first} + ty) * {'k' if made.b_stride else 'n'} + column]"
    if made.b_moves_right:
        b_inside, b_value = "ty < k && first + column < n", "b[ty * n + first + column]"
    if made.loads_not_guarded:
        a_inside, b_inside = "true", "true"
    a_load, b_load = f"a_tile[ty][tx] = {a_inside} ? {a_value} : 0;", f"b_tile[ty][tx] = {b_inside} ? {b_value} : 0;"
    if made.tail_not_zeroed:
        a_load, b_load = f"if ({a_inside}) a_tile[ty][tx] = {a_value};", f"if ({b_inside}) b_tile[ty][tx] = {b_value};"
    of_a, of_b = "a_tile[i][ty]" if made.a_turned else "a_tile[ty][i]", "b_tile[tx][i]" if made.b_turned else "b_tile[i][tx]"
    add = f"for (int i = 0; i < {'k' if made.sum_over_k else 16}; ++i) sum += {of_a} * {of_b};"
    if made.one_product:
        add = "sum += a_tile[ty][tx] * b_tile[ty][tx];"
    loop = f"""
        for (int first = 0; first < {"k / 16 * 16" if made.tail_left_out else "k"}; first += 16) {{
            {"sum = 0;" if made.sum_reset else ""}
            {a_load}
            {b_load}
            {"" if made.barrier_after_loading_missing else "__syncthreads();"}
            {add}
            {"" if made.barrier_before_loading_missing else "__syncthreads();"}
        }}
    """
    if made.no_tiles:
        loop = "for (int i = 0; i < k; ++i) if (row < m && column < n) sum += a[row * k + i] * b[i * n + column];"
    return f"""
    extern "C" __global__ void tiled_matmul(const float* a, const float* b, float* c, int m, int n, int k) {{
        __shared__ float a_tile[16][16], b_tile[16][16];
        int tx = threadIdx.x, ty = threadIdx.y;
        int row = {row}, column = {column};
        {"if (row >= m || column >= n) return;" if made.left_early else ""}
        {"int" if made.integer_sum else "float"} sum = 0;
        {loop}
        if ({"true" if made.store_not_guarded else "row < m && column < n"}) {{
            c[row * n + column] {"+=" if made.adds_to_c else "="} sum;
        }}
    }}
    """


# ---- bank_passes -------------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["4.3"])
def bank_passes(words: Int[ndarray, "threads"]) -> int:
    """How many passes one request to shared memory takes.

    Thread t of a warp wants word words[t] of shared memory. Word w lies in bank w mod 32. In
    one pass every bank hands out one word, to all threads that want it.
    """
    banks = np.unique(words) % 32
    return int(np.bincount(banks).max())


LANES = np.arange(32)


@cases(bank_passes)
def visible_bank_passes(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("neighbours", LANES)
    yield Case("a column of 32 × 32 words", 32 * LANES)
    yield Case("a column of 32 × 34 words", 34 * LANES + 3)
    yield Case("anywhere in 128 words", rng.integers(0, 128, 32))


@cases(bank_passes, hidden=True)
def hidden_bank_passes(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("all the same word", np.full(32, int(rng.integers(40, 90))))
    yield Case("every fourth word", 4 * LANES + int(rng.integers(0, 9)))
    yield Case("a column, one word padded", 33 * LANES + int(rng.integers(0, 20)))
    yield Case("a column, eight words padded", 40 * LANES + int(rng.integers(0, 20)))
    for most in (64, 200, 999):
        yield Case("anywhere", rng.integers(0, most, 32))
    yield Case("two rows that share a column", np.concatenate([np.full(16, 37), np.arange(16) * 16]))


@mistakes(
    bank_passes,
    same_word_twice="You count threads that want the same word as if they had to wait for each other. A bank hands a word to all of them at once.",
    banks_used="You count the banks that are used. The more there are, the better; how often must the busiest be asked?",
    extra_passes="You are one too low: without any conflict it takes one pass, not none.",
    bank_by_division="You divide where the remainder is needed: neighbouring words lie in neighbouring banks.",
    banks_of_bytes="You multiply by 4 first, but words are counted here, not bytes.",
    which_bank="You return which bank is busiest. How many words it must hand out is asked for.",
    conflicts_summed="You add the conflicts of all banks. The banks work side by side, so the busiest alone decides.",
    averaged="You return an average. The request is done when the busiest bank is done.",
    distinct_words="You count different words. Up to 32 of them take one pass, if they lie in different banks.",
    yes_or_no="You return whether there is a conflict. How many passes it takes is asked for.",
)
def bank_passes_with(made: Made, words: ndarray) -> Any:
    distinct = words if made.same_word_twice else np.unique(words)
    banks = distinct // 32 if made.bank_by_division else 4 * distinct % 32 if made.banks_of_bytes else distinct % 32
    counts = np.bincount(banks)
    used = int(np.count_nonzero(counts))
    passes = int(counts.max())
    if made.banks_used:
        return used
    if made.extra_passes:
        return passes - 1
    if made.which_bank:
        return int(counts.argmax())
    if made.conflicts_summed:
        return 1 + len(distinct) - used
    if made.averaged:
        return len(distinct) / used
    if made.distinct_words:
        return len(distinct)
    return passes > 1 if made.yes_or_no else passes


# ---- tiled_transpose ---------------------------------------------------------------------------------------------------


@exercise(points=3, rows=["4.3"], without=KERNELS_ARE_TEXT)
def tiled_transpose() -> str:
    """The CUDA C source of `extern "C" __global__ void tiled_transpose(const float* x, float* out,
    int rows, int columns)`.

    x has rows × columns numbers, row after row; out becomes its transpose, columns × rows.
    Blocks have 32 × 32 threads: x runs along a row of the array x, y down a column. There are
    just enough blocks. Nothing else is touched.

    Cost: on average a request to global memory touches at most 5 sectors, reads and writes
    counted apart (32 neighbours lie in 4, or in 5 where they begin in the middle of one). No
    request to shared memory has a bank conflict.
    """
    return """
    extern "C" __global__ void tiled_transpose(const float* x, float* out, int rows, int columns) {
        __shared__ float tile[32][33];
        int tx = threadIdx.x, ty = threadIdx.y;
        int row = blockIdx.y * 32 + ty;
        int column = blockIdx.x * 32 + tx;
        if (row < rows && column < columns) {
            tile[ty][tx] = x[row * columns + column];
        }
        __syncthreads();
        int out_row = blockIdx.x * 32 + ty;
        int out_column = blockIdx.y * 32 + tx;
        if (out_row < columns && out_column < rows) {
            out[out_row * rows + out_column] = tile[tx][ty];
        }
    }
    """


@cases(tiled_transpose)
def visible_tiled_transpose(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("45 × 70", normal(rng, 45, 70))
    yield Case("32 × 64, no edges", normal(rng, 32, 64))


@cases(tiled_transpose, hidden=True)
def hidden_tiled_transpose(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("tall", normal(rng, int(rng.integers(67, 90)), 41))
    yield Case("wide", normal(rng, 37, int(rng.integers(67, 90))))
    yield Case("a square with edges", normal(rng, 50, 50))
    yield Case("a square without edges", normal(rng, 64, 64))
    yield Case("less than a tile", normal(rng, 13, 29))
    yield Case("one row", normal(rng, 1, 40))


@probe(tiled_transpose)
def launch_tiled_transpose(answer: Any, x: Any) -> Any:
    import numpy as np

    from autograder.cuda import KernelFault
    from autograder.cuda.trial import Output, try_kernel

    rows, columns = x.shape
    grid = (-(-columns // 32), -(-rows // 32))
    trial = try_kernel(answer(), "tiled_transpose", grid, (32, 32), x, Output((columns, rows)), rows, columns, costs=True)
    if not np.array_equal(trial.outputs[0], x.T):
        return trial.outputs[0]  # what is wrong says more than what it costs
    for what, traffic in (("reading", trial.cost.global_loads), ("writing", trial.cost.global_stores)):
        if traffic.sectors > 5 * traffic.requests:
            average = traffic.sectors / traffic.requests
            raise KernelFault(f"{what}, a warp touches {average:.0f} sectors of global memory in one request on average; 5 are allowed")
    conflicts = trial.cost.shared_loads.conflicts + trial.cost.shared_stores.conflicts
    if conflicts:
        raise KernelFault(f"requests to shared memory take {conflicts} extra passes because of bank conflicts; none is allowed")
    return trial.outputs[0]


@mistakes(
    tiled_transpose,
    scattered_writes="The transpose is right, but neighbouring threads write to places that lie a whole row apart. Turn the tile in shared memory, so that threads with neighbouring x write side by side.",
    scattered_reads="The transpose is right, but neighbouring threads read from places that lie a whole row apart. Turn the tile in shared memory, so that threads with neighbouring x read side by side.",
    not_padded="Reading a column of your tile, all threads of a warp ask the same bank: their words lie 32 apart. Make the rows of the tile one word longer.",
    barrier_missing="Threads read the tile before others have written their part of it. A barrier belongs between the two.",
    barrier_in_branch="Your barrier stands inside the guard. At the edges some threads never come to it, and the others wait for them: every thread of the block must reach a barrier.",
    left_early="Threads beside the array leave before the barrier, and they are missed afterwards: in the transposed tile it is other threads that have something to write. Guard the read and the write, each by itself.",
    blocks_not_swapped="You turn each tile, but leave it in its place. The tile of block (x, y) belongs at place (y, x) of the result.",
    tile_not_turned="You put each tile in its right place, but do not turn it: read the tile by columns.",
    stride_of_columns="One row of out has as many numbers as x has rows. You multiply by the number of columns.",
    guard_not_swapped="The guard of your write is that of the read. out has as many rows as x has columns, and the other way round.",
    read_not_guarded="Your read is not guarded: at the edges some threads stand beside the array.",
    write_not_guarded="Your write is not guarded: at the edges some threads stand beside the result.",
    copied="You copy the array. In the transpose, row and column are exchanged.",
    turned_by_180="You also reverse the order within the tile. The transpose only exchanges row and column.",
)
def tiled_transpose_with(made: Made) -> str:
    inside, out_inside = "row < rows && column < columns", "out_row < columns && out_column < rows"
    width = 32 if made.not_padded else 33
    out_row, out_column = ("blockIdx.y", "blockIdx.x") if made.blocks_not_swapped else ("blockIdx.x", "blockIdx.y")
    write = f"out[out_row * {'columns' if made.stride_of_columns else 'rows'} + out_column] = tile[tx][ty];"
    if made.tile_not_turned:
        write = write.replace("[tx][ty]", "[ty][tx]")
    if made.turned_by_180:
        write = write.replace("[tx][ty]", "[31 - tx][31 - ty]")
    if made.guard_not_swapped:
        out_inside = "out_row < rows && out_column < columns"
    if made.scattered_writes or made.copied:
        index = "row * columns + column" if made.copied else "column * rows + row"
        out_inside, write = inside, f"out[{index}] = tile[ty][tx];"
    if made.scattered_reads:
        write = "out[out_row * rows + out_column] = x[out_column * columns + out_row];"
    load = f"if ({'true' if made.read_not_guarded else inside}) {{ tile[ty][tx] = x[row * columns + column]; }} __syncthreads();"
    if made.barrier_missing or made.scattered_reads:
        load = load.replace("__syncthreads();", "")
    if made.barrier_in_branch:
        load = f"if ({inside}) {{ tile[ty][tx] = x[row * columns + column]; __syncthreads(); }}"
    if made.left_early:
        load = f"if (!({inside})) return; {load}"
    return f"""
    extern "C" __global__ void tiled_transpose(const float* x, float* out, int rows, int columns) {{
        __shared__ float tile[32][{width}];
        int tx = threadIdx.x, ty = threadIdx.y;
        int row = blockIdx.y * 32 + ty, column = blockIdx.x * 32 + tx;
        {load}
        int out_row = {out_row} * 32 + ty, out_column = {out_column} * 32 + tx;
        if ({"true" if made.write_not_guarded else out_inside}) {{
            {write}
        }}
    }}
    """


# ---- convolve_1d -------------------------------------------------------------------------------------------------------


@exercise(points=3, rows=["4.3"], without=KERNELS_ARE_TEXT)
def convolve_1d() -> str:
    """The CUDA C source of `extern "C" __global__ void convolve_1d(const float* x, const float* w,
    float* out, int n, int radius)`.

    x and out have n numbers, w has 2 radius + 1 weights: out[i] is the sum of w[j] x[i - radius
    + j] over all j, where x is 0 outside. The radius is at most 16. Blocks have 64 threads, one
    for each element of out, and there are just enough blocks. Nothing else is touched.

    Cost: no block reads an element of x twice from global memory.
    """
    return """
    extern "C" __global__ void convolve_1d(const float* x, const float* w, float* out, int n, int radius) {
        __shared__ float tile[64 + 2 * 16];
        int t = threadIdx.x;
        int start = blockIdx.x * 64 - radius;
        for (int s = t; s < 64 + 2 * radius; s += 64) {
            tile[s] = start + s >= 0 && start + s < n ? x[start + s] : 0;
        }
        __syncthreads();
        int i = blockIdx.x * 64 + t;
        if (i < n) {
            float sum = 0;
            for (int j = 0; j <= 2 * radius; ++j) {
                sum += w[j] * tile[t + j];
            }
            out[i] = sum;
        }
    }
    """


def signal(rng: np.random.Generator, n: int, radius: int) -> tuple[np.ndarray, np.ndarray]:
    return normal(rng, n) + np.float32(1), normal(rng, 2 * radius + 1)


@cases(convolve_1d)
def visible_convolve_1d(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("150 elements, radius 3", *signal(rng, 150, 3))
    yield Case("128 elements, radius 5", *signal(rng, 128, 5))


@cases(convolve_1d, hidden=True)
def hidden_convolve_1d(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("several blocks", *signal(rng, int(rng.integers(200, 250)), 7))
    yield Case("a radius of 1", *signal(rng, int(rng.integers(130, 190)), 1))
    yield Case("the largest radius", *signal(rng, int(rng.integers(130, 190)), 16))
    yield Case("the last block has one element", *signal(rng, 129, 4))
    yield Case("one block, not full", *signal(rng, 41, 6))
    yield Case("a radius of 0", *signal(rng, 70, 0))
    yield Case("a signal that is shorter than the window", *signal(rng, 5, 9))


@probe(convolve_1d)
def launch_convolve_1d(answer: Any, x: Any, w: Any) -> Any:
    import numpy as np

    from autograder.cuda import KernelFault
    from autograder.cuda.trial import Output, try_kernel

    n, radius = len(x), len(w) // 2
    blocks = -(-n // 64)
    trial = try_kernel(answer(), "convolve_1d", (blocks,), (64,), x, w, Output(n), n, radius, costs=True)
    if not np.allclose(trial.outputs[0], np.convolve(x, w[::-1])[radius : radius + n], 1e-3, 1e-3):
        return trial.outputs[0]  # what is wrong says more than what it costs
    i = np.arange(n)
    needed_by = np.minimum((i + 16) // 64, blocks - 1) - np.maximum((i - 16) // 64, 0) + 1  # blocks, with the largest halo
    reads = trial.reads(0)
    if (reads > needed_by).any():
        worst = int((reads - needed_by).argmax())
        raise KernelFault(f"x[{worst}] is read {reads[worst]} times from global memory; each block may read it once, into shared memory")
    return trial.outputs[0]


@mistakes(
    convolve_1d,
    no_tile="The numbers are right, but each thread reads all its neighbours from global memory. Let the block load what it needs into shared memory first, each element once.",
    halo_from_global="You load the block's own elements into shared memory, but take the neighbours beyond its ends from global memory each time. Load them into the tile too.",
    no_halo="You take 0 for everything outside the block. The neighbours are there: they belong to the next block, and yours must load them too.",
    left_halo_missing="What lies left of the block is missing: its first outputs need radius elements before its own.",
    right_halo_missing="What lies right of the block is missing: its last outputs need radius elements behind its own.",
    tile_half_loaded="Each thread loads one element, but the tile has more elements than the block has threads: 64 + 2 radius. Some threads must load two.",
    shifted_by_one="Your window is shifted by one. Its middle weight, number radius, meets x[i] itself.",
    not_centred="Your window begins at x[i]. It begins radius before.",
    window_ends_at_i="Your window ends at x[i]. It ends radius behind.",
    flipped="You run through the weights backwards, as a convolution in mathematics does. Here, as in deep learning, w[0] meets the leftmost neighbour.",
    last_weight_missing="You leave out the last weight. There are 2 radius + 1 of them.",
    half_a_window="You stop in the middle of the window: there are 2 radius + 1 weights, not radius + 1.",
    borders_not_guarded="Your block reads before the beginning of x. There the signal is 0: write that into the tile.",
    end_not_guarded="Your block reads beyond the end of x. There the signal is 0: write that into the tile.",
    tile_not_shifted="The first place of your tile holds x[start - radius], but you read as if it held x[start]: for the first threads that lies before the tile.",
    nearest="Beyond the ends you repeat the first and the last element. Here the signal is 0 there.",
    barrier_missing="Threads use the tile before others have loaded their part of it. A barrier belongs between the two.",
    left_early="Threads beyond n leave before the barrier. But the block needs them for loading, and every thread must reach the barrier.",
    store_not_guarded="Your store is not guarded: the last block may have more threads than there are elements left.",
    averaged="You divide by the number of weights. It is a sum; whoever wants a mean puts it into the weights.",
    accumulates="You add to what out holds already. That memory has never been written: assign.",
    integer_sum="You keep the sum in an integer, which cuts fractions off.",
)
def convolve_1d_with(made: Made) -> str:
    shift = "0" if made.not_centred else "2 * radius" if made.window_ends_at_i else "radius - 1" if made.shifted_by_one else "radius"
    inside = (
        "true" if made.borders_not_guarded
        else "start + s >= 0" if made.end_not_guarded
        else "start + s >= 0 && start + s < n"
    )  # fmt: skip
    if made.no_halo or made.left_halo_missing:
        inside += " && s >= radius"
    if made.no_halo or made.right_halo_missing:
        inside += " && s < 64 + radius"
    value = "x[min(max(start + s, 0), n - 1)]" if made.nearest else f"{inside} ? x[start + s] : 0"
    weight = "w[2 * radius - j]" if made.flipped else "w[j]"
    neighbour = "tile[t + j - radius]" if made.tile_not_shifted else "tile[t + j]"
    at = "i + j - radius"
    if made.no_tile:
        neighbour = f"({at} >= 0 && {at} < n ? x[{at}] : 0)"
    if made.halo_from_global:
        neighbour = f"(t + j >= radius && t + j < 64 + radius ? tile[t + j] : {at} >= 0 && {at} < n ? x[{at}] : 0)"
        value = "s >= radius && s < 64 + radius && start + s < n ? x[start + s] : 0"
    last = "< 2 * radius" if made.last_weight_missing else "<= radius" if made.half_a_window else "<= 2 * radius"
    return f"""
    extern "C" __global__ void convolve_1d(const float* x, const float* w, float* out, int n, int radius) {{
        __shared__ float tile[64 + 2 * 16];
        int t = threadIdx.x, i = blockIdx.x * 64 + t;
        int start = blockIdx.x * 64 - ({shift});
        {"if (i >= n) return;" if made.left_early else ""}
        for (int s = t; s < {64 if made.tile_half_loaded else 0 if made.no_tile else "64 + 2 * radius"}; s += 64) tile[s] = {value};
        {"" if made.barrier_missing else "__syncthreads();"}
        if ({"true" if made.store_not_guarded else "i < n"}) {{
            {"int" if made.integer_sum else "float"} sum = 0;
            for (int j = 0; j {last}; ++j) sum += {weight} * {neighbour};
            out[i] {"+=" if made.accumulates else "="} sum{" / (2 * radius + 1)" if made.averaged else ""};
        }}
    }}
    """
