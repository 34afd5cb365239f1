"""Layer norm and attention as kernels, with the softmax computed on the way."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from autograder.exercise import Case, Made, cases, equivalent, exercise, mistakes, probe
from solutions.hardware.kernels import normal
from solutions.hardware.tiles import KERNELS_ARE_TEXT

# ---- layer_norm_rows ---------------------------------------------------------------------------------------------------

# Up to 300 numbers far from 0 are added in single precision, in whatever order.
SUMS_OF_LARGE_NUMBERS = 4.0


@exercise(points=3, rows=["4.3"], without=KERNELS_ARE_TEXT, shares={"far from zero": 0.2}, tolerance=SUMS_OF_LARGE_NUMBERS)
def layer_norm_rows() -> str:
    """The CUDA C source of `extern "C" __global__ void layer_norm_rows(const float* x, const float*
    gain, const float* bias, float* out, int columns, float epsilon)`.

    x and out have rows of `columns` numbers, gain and bias one row. In each row, out is gain
    (x - mean) / √(variance + epsilon) + bias, where mean and variance are those of the row
    of x. The variance is the mean of the squared deviations from the mean, and exact to 3 digits
    also where the mean is 200 times as large as they are. There is one block of 128 threads for
    each row, which may have fewer or more columns. Nothing else is touched.

    Cost: no element of x is read more than 3 times from global memory, and all threads share the
    work: for every 32 columns that were begun, a block's warps make at most 10 requests to read
    global memory.
    """
    return """
    __device__ float block_sum(float value) {
        __shared__ float parts[128];
        int t = threadIdx.x;
        __syncthreads();  // the result of the sum before has been read
        parts[t] = value;
        __syncthreads();
        for (int half = 64; half > 0; half /= 2) {
            if (t < half) {
                parts[t] += parts[t + half];
            }
            __syncthreads();
        }
        return parts[0];
    }

    extern "C" __global__ void layer_norm_rows(
            const float* x, const float* gain, const float* bias, float* out, int columns, float epsilon) {
        x += blockIdx.x * columns;
        out += blockIdx.x * columns;
        float sum = 0;
        for (int j = threadIdx.x; j < columns; j += 128) {
            sum += x[j];
        }
        float mean = block_sum(sum) / columns;
        float squares = 0;
        for (int j = threadIdx.x; j < columns; j += 128) {
            squares += (x[j] - mean) * (x[j] - mean);
        }
        float scale = rsqrtf(block_sum(squares) / columns + epsilon);
        for (int j = threadIdx.x; j < columns; j += 128) {
            out[j] = gain[j] * (x[j] - mean) * scale + bias[j];
        }
    }
    """


def rows_to_normalise(rng: np.random.Generator, rows: int, columns: int) -> list[np.ndarray]:
    x = normal(rng, rows, columns) * np.linspace(0.3, 2, rows, dtype=np.float32)[:, None] + normal(rng, rows, 1)
    return [x, normal(rng, columns), normal(rng, columns)]


@cases(layer_norm_rows)
def visible_layer_norm_rows(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("3 rows of 200", *rows_to_normalise(rng, 3, 200), epsilon=0.1)
    yield Case("5 rows of 37", *rows_to_normalise(rng, 5, 37), epsilon=0.05)


@cases(layer_norm_rows, hidden=True)
def hidden_layer_norm_rows(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("long rows", *rows_to_normalise(rng, 3, int(rng.integers(270, 300))), epsilon=0.2)
    yield Case("one row", *rows_to_normalise(rng, 1, 150), epsilon=0.03)
    yield Case("as many columns as threads", *rows_to_normalise(rng, 4, 128), epsilon=0.3)
    yield Case("as many rows as columns", *rows_to_normalise(rng, 11, 11), epsilon=0.15)
    x, gain, bias = rows_to_normalise(rng, 3, 90)
    x[1] = x[1, 0]
    yield Case("a row of equal numbers", x, gain, bias, epsilon=0.2)
    yield Case("a single column", *rows_to_normalise(rng, 3, 1), epsilon=0.5)
    _, gain, bias = rows_to_normalise(rng, 1, 280)
    far = (2000 + np.round(rng.normal(size=(8, 280)) * 10)).astype(np.float32)
    unstable = "Where the mean is large, the difference of two large numbers keeps few digits: subtract the mean first, then square."
    yield Case("far from zero", far, gain, bias, epsilon=0.1, group="far from zero", hint=unstable)


@probe(layer_norm_rows)
def launch_layer_norm_rows(answer: Any, x: Any, gain: Any, bias: Any, epsilon: float) -> Any:
    import numpy as np

    from autograder.cuda import KernelFault
    from autograder.cuda.trial import Output, try_kernel

    rows, columns = x.shape
    trial = try_kernel(answer(), "layer_norm_rows", (rows,), (128,), x, gain, bias, Output(x.shape), columns, np.float32(epsilon), costs=True)
    expected = gain * (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + epsilon) + bias
    if not np.allclose(trial.outputs[0], expected, 1e-2, 1e-2):
        return trial.outputs[0]  # what is wrong says more than what it costs
    reads = int(trial.reads(0).max())
    if reads > 3:
        raise KernelFault(f"an element of x is read {reads} times from global memory; 3 times are allowed, and all threads of a block share the sums")
    requests, most = trial.cost.global_loads.requests // rows, 10 * -(-columns // 32)
    if requests > most:
        raise KernelFault(
            f"a block makes {requests} requests for a row of {columns} numbers; at most {most} are allowed: let all threads share the work"
        )
    return trial.outputs[0]


@mistakes(
    layer_norm_rows,
    each_thread_sums="The numbers are right, but every thread adds up the whole row by itself. Let each take a part of the row, and add the parts up in shared memory.",
    one_thread_alone="The numbers are right, but one thread of each block does it all, and the others look on. Let each take a part of the row.",
    divided_by_n_minus_1="You divide the squares by columns - 1, as for a sample. Layer norm takes the mean of the squares: divide by columns.",
    epsilon_outside="You add epsilon to the root. It belongs under the root, to the variance.",
    epsilon_missing="Epsilon is missing: where all numbers of a row are equal, you divide by 0.",
    epsilon_fixed="You wrote epsilon into the kernel. It is an argument.",
    no_root="You divide by the variance. Its root, the standard deviation, is in the units of x.",
    not_centred="You do not subtract the mean from x. The variance is right, but out must have mean 0 before gain and bias.",
    squares_not_centred="Your variance is the mean of the squares of x itself. Subtract the mean before you square.",
    root_mean_square="You only divide by the root of the mean square. That is RMS norm; layer norm subtracts the mean first.",
    gain_missing="The gain is missing.",
    bias_missing="The bias is missing.",
    bias_before_gain="You add the bias before you multiply by the gain. It comes last.",
    gain_of_the_row="You take gain and bias by the number of the row. There is one of each for every column.",
    gain_of_the_thread="You take gain and bias by the number of the thread. From the second round of the loop on, that is another column's.",
    own_part_only="Each thread uses the sum of its own part of the row. Mean and variance are those of the whole row: add the parts up.",
    first_columns_only="Each thread works on one column, and the columns from 128 on are left out. A thread takes every 128th column.",
    divided_by_threads="You divide by the number of threads. The mean is the sum divided by the number of columns.",
    barrier_between_sums_missing="Some threads begin the second sum while others still read the first one's result, in the same shared memory. A barrier belongs in between.",
    barrier_in_loop_missing="In each round of your sum, threads add what others have just written. Every round needs a barrier.",
    barrier_in_branch="Your barrier stands inside the branch of those who add. All threads of the block must reach it, the idle ones too.",
    one_round_missing="Your sum stops a round too early: half of the parts are never added to the first.",
)
def layer_norm_rows_with(made: Made) -> str:
    columns = "columns"
    over = "for (int j = threadIdx.x; j < columns; j += 128)"
    if made.one_thread_alone:
        over = "if (threadIdx.x == 0) for (int j = 0; j < columns; ++j)"
    if made.first_columns_only:
        over = "for (int j = threadIdx.x; j < columns && j < 128; j += 128)"
    add_up = "for (int j = 0; j < columns; ++j)" if made.each_thread_sums else over
    total = "" if made.each_thread_sums or made.own_part_only else "block_sum"
    divisor = "128" if made.divided_by_threads else columns
    centre = "0" if made.squares_not_centred or made.root_mean_square else "mean"
    epsilon = "0" if made.epsilon_missing or made.epsilon_outside else "1e-5f" if made.epsilon_fixed else "epsilon"
    spread = f"{total}(squares) / {'(columns - 1)' if made.divided_by_n_minus_1 else divisor} + {epsilon}"
    spread = spread if made.no_root else f"sqrtf({spread})"
    if made.epsilon_outside:
        spread += " + epsilon"
    numerator = "x[j]" if made.not_centred or made.root_mean_square else "(x[j] - mean)"
    c = "blockIdx.x" if made.gain_of_the_row else "threadIdx.x" if made.gain_of_the_thread else "j"
    gain, bias = "1" if made.gain_missing else f"gain[{c}]", "0" if made.bias_missing else f"bias[{c}]"
    value = f"({numerator} / spread + {bias}) * {gain}" if made.bias_before_gain else f"{gain} * {numerator} / spread + {bias}"
    return f"""
    __device__ float block_sum(float value) {{
        __shared__ float parts[128];
        int t = threadIdx.x;
        {"" if made.barrier_between_sums_missing else "__syncthreads();"}
        parts[t] = value;
        __syncthreads();
        for (int half = 64; half > {1 if made.one_round_missing else 0}; half /= 2) {{
            if (t < half) {{
                parts[t] += parts[t + half];
                {"__syncthreads();" if made.barrier_in_branch else ""}
            }}
            {"" if made.barrier_in_branch or made.barrier_in_loop_missing else "__syncthreads();"}
        }}
        {"__syncthreads();" if made.barrier_in_loop_missing or made.barrier_in_branch else ""}
        return parts[0];
    }}

    extern "C" __global__ void layer_norm_rows(
            const float* x, const float* gain, const float* bias, float* out, int columns, float epsilon) {{
        x += blockIdx.x * columns;
        out += blockIdx.x * columns;
        float sum = 0, squares = 0;
        {add_up} sum += x[j];
        float mean = {total}(sum) / {divisor};
        {add_up} squares += (x[j] - {centre}) * (x[j] - {centre});
        float spread = {spread};
        {over} out[j] = {value};
    }}
    """


@mistakes(
    layer_norm_rows,
    squares_minus_square="You compute the variance as the mean of the squares minus the square of the mean. Where the mean is large, that is the difference of two large numbers, and few digits are left of it. Subtract the mean first, then square.",
)
def layer_norm_rows_in_one_pass(made: Made) -> str:
    source = layer_norm_rows_with(made)
    if not made.squares_minus_square:
        return source
    return source.replace("(x[j] - mean) * (x[j] - mean)", "x[j] * x[j]").replace("squares) / columns", "squares) / columns - mean * mean")


# ---- merge_softmax -----------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["4.3"], shares={"large scores": 0.2, "an empty part": 0.1})
def merge_softmax(max_a: float, sum_a: float, max_b: float, sum_b: float) -> tuple[float, float]:
    """The maximum and the sum of all scores, from those of two parts, a and b, such as two tiles.

    The maximum of a part is that of its scores, and its sum is that of exp(score - maximum of
    the part). Scores may be in the thousands. A part without scores has the maximum -inf and the
    sum 0; not both parts are empty.
    """
    together = max(max_a, max_b)
    return together, sum_a * math.exp(max_a - together) + sum_b * math.exp(max_b - together)


def two_parts(rng: np.random.Generator, size_a: int, size_b: int, shift: float = 0) -> list[float]:
    found = []
    for size, mean in ((size_a, shift), (size_b, 0)):
        scores = rng.normal(size=size) + mean
        found += [float(scores.max()), float(np.exp(scores - scores.max()).sum())]
    return found


@cases(merge_softmax)
def visible_merge_softmax(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("scores (1, 3) and (2)", 3.0, 1 + math.exp(-2), 2.0, 1.0)
    yield Case("the second part has the larger maximum", *two_parts(rng, 5, 7, shift=-2))


@cases(merge_softmax, hidden=True)
def hidden_merge_softmax(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("the first part has the larger maximum", *two_parts(rng, 9, 4, shift=2))
    yield Case("all scores negative", *(x - 9 * (k % 2 == 0) for k, x in enumerate(two_parts(rng, 3, 4))))
    largest, sum_a, _, sum_b = two_parts(rng, 6, 8)
    yield Case("equal maxima", largest, sum_a, largest, sum_b)
    yield Case("far apart", *two_parts(rng, 6, 8, shift=5))
    shifted = "Scores may be in the thousands, and exp(1000) is no float any more. Only take exp of differences from the larger maximum."
    yield Case("thousands", *(x + 2000 * (k % 2 == 0) for k, x in enumerate(two_parts(rng, 6, 8))), group="large scores", hint=shifted)
    empty = "Before the first score the maximum is -inf and the sum 0. Merging with that must change nothing."
    yield Case("nothing yet", -math.inf, 0.0, *two_parts(rng, 1, 5)[2:], group="an empty part", hint=empty)
    yield Case("nothing more", *two_parts(rng, 5, 1)[:2], -math.inf, 0.0, group="an empty part", hint=empty)


@mistakes(
    merge_softmax,
    sums_added="You add the two sums as they are. They were taken relative to different maxima: bring both to the common one first.",
    only_a_rescaled="You rescale the sum of a only. If a has the larger maximum, it is b's sum that must shrink.",
    only_b_rescaled="You rescale the sum of b only. If b has the larger maximum, it is a's sum that must shrink.",
    both_by_the_same="You rescale both sums by the same factor. Each has its own: exp of its own maximum minus the common one.",
    factor_upside_down="Your factors grow where they should shrink. The smaller maximum's sum counts less: exp(its maximum - the common one).",
    no_exponential="Your factors are differences of maxima. What was left out of a sum is a factor exp(maximum), so that differences go through exp.",
    ratio="Your factors are ratios of maxima. What was left out of a sum is a factor exp(maximum): the factor is exp of a difference.",
    factors_swapped="You rescale each sum by the other part's factor.",
    smaller_maximum="You keep the smaller maximum. Then exp can overflow: keep the larger one.",
    sum_of_maxima="You add the maxima. The maximum of all scores is the larger of the two.",
    total_unshifted="Your sum is that of exp(score). Return it relative to the common maximum, as the parts' sums are.",
    swapped="You return the sum first. The maximum comes first.",
    sum_only="You return the sum only. Who merges the next part needs the maximum too.",
    through_exponentials="You take exp of a maximum. Scores may be in the thousands, and exp(1000) is no float any more: only take exp of differences.",
    relative_to_a="You bring the sum of b to the maximum of a. If a is empty that is -inf, and the factor infinite: bring both sums to the larger maximum.",
)
def merge_softmax_with(made: Made, max_a: float, sum_a: float, max_b: float, sum_b: float) -> Any:
    together = min(max_a, max_b) if made.smaller_maximum else max_a + max_b if made.sum_of_maxima else max(max_a, max_b)
    if made.through_exponentials:
        return together, float((sum_a * np.exp(max_a) + sum_b * np.exp(max_b)) / np.exp(together))
    if made.relative_to_a:
        return together, float((sum_a + sum_b * np.exp(max_b - max_a)) * np.exp(max_a - together))
    factor_a, factor_b = (float(np.exp((largest - together) * (-1 if made.factor_upside_down else 1))) for largest in (max_a, max_b))
    if made.no_exponential:
        factor_a, factor_b = max_a - together, max_b - together
    if made.ratio:
        factor_a, factor_b = max_a / together, max_b / together
    if made.factors_swapped:
        factor_a, factor_b = factor_b, factor_a
    if made.only_b_rescaled or made.sums_added:
        factor_a = 1
    if made.only_a_rescaled or made.sums_added:
        factor_b = 1
    if made.both_by_the_same:
        factor_a = factor_b = factor_a * factor_b
    total = sum_a * factor_a + sum_b * factor_b
    if made.total_unshifted:
        total *= float(np.exp(together))
    return total if made.sum_only else (total, together) if made.swapped else (together, total)


# ---- attend_to_tiles ---------------------------------------------------------------------------------------------------

Tiles = Iterator[tuple[Float[ndarray, "tile dim"], Float[ndarray, "tile values"]]]


@exercise(points=2, rows=["4.3"], shares={"large scores": 0.2})
def attend_to_tiles(query: Float[ndarray, "dim"], tiles: Tiles) -> Float[ndarray, "values"]:
    """Attention of one query to keys and values that come in tiles.

    Each tile is a pair, some keys and their values; the last may be shorter. The score of a key
    is its dot product with the query divided by √dim, the weights are the softmax of the scores
    of all keys in all tiles, and the result is the sum of all values, each times its weight.
    The tiles come once, and each lies where the one before lay: keep none, add them up as they
    come. Scores may be in the thousands. There is at least one tile.
    """
    largest, total = -math.inf, 0.0
    mixed = np.zeros(1, query.dtype)  # as long as a value from the first tile on
    for keys, values in tiles:
        scores = keys @ query / math.sqrt(len(query))
        new_largest = max(largest, scores.max())
        weights = np.exp(scores - new_largest)
        shrink = math.exp(largest - new_largest)
        total = total * shrink + weights.sum()
        mixed = mixed * shrink + weights @ values
        largest = new_largest
    return mixed / total


NOTHING_BEFORE = "Before the first tile the largest score is -inf, and whatever stands there is multiplied by 0."
equivalent(
    attend_to_tiles,
    {
        "largest, total = (-math.inf, 1.0)": NOTHING_BEFORE,
        "mixed = np.ones(1, query.dtype)": NOTHING_BEFORE,
    },
)


def looked_up(rng: np.random.Generator, keys: int, dim: int, values: int, tile: int) -> tuple[ndarray, ndarray, ndarray, int]:
    return 2 * rng.normal(size=dim), rng.normal(size=(keys, dim)), rng.normal(size=(keys, values)), tile


@cases(attend_to_tiles)
def visible_attend_to_tiles(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("7 keys in tiles of 3", *looked_up(rng, 7, 5, 2, 3))
    yield Case("8 keys in tiles of 4", *looked_up(rng, 8, 3, 3, 4))


@cases(attend_to_tiles, hidden=True)
def hidden_attend_to_tiles(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("many tiles", *looked_up(rng, 31, 7, 3, 4))
    yield Case("one key at a time", *looked_up(rng, 6, 4, 5, 1))
    yield Case("one tile", *looked_up(rng, 5, 3, 2, 8))
    yield Case("the best key comes first", *best_at(rng, 0))
    yield Case("the best key comes last", *best_at(rng, -1))
    shifted = "Scores may be in the thousands, and exp(1000) is no float any more. Only take exp of differences from the largest score so far."
    query, keys, values, tile = looked_up(rng, 11, 5, 3, 4)
    yield Case("scores in the thousands", 1000 * query, keys, values, tile, group="large scores", hint=shifted)
    yield Case("all scores far below 0", query, -300 * np.abs(keys) * np.sign(query), values, tile, group="large scores", hint=shifted)


def best_at(rng: np.random.Generator, k: int) -> tuple[ndarray, ndarray, ndarray, int]:
    query, keys, values, tile = looked_up(rng, 11, 6, 2, 3)
    keys[k] = query
    return query, keys, values, tile


@probe(attend_to_tiles)
def stream_tiles(answer: Any, query: Any, keys: Any, values: Any, tile: int) -> Any:
    import numpy as np

    def tiles() -> Any:
        """Every tile in the same memory, as in a kernel's shared memory."""
        some_keys = np.zeros((tile, keys.shape[1]), keys.dtype)
        some_values = np.zeros((tile, values.shape[1]), values.dtype)
        for first in range(0, len(keys), tile):
            count = min(tile, len(keys) - first)
            some_keys[:count] = keys[first : first + count]
            some_values[:count] = values[first : first + count]
            yield some_keys[:count], some_values[:count]

    return answer(query, tiles())


@mistakes(
    attend_to_tiles,
    tiles_kept="You collect the tiles first. But each lies in the memory of the one before: when you come to use them, all hold the last one. Add each up while it is there.",
    not_scaled="You do not divide the scores by √dim.",
    divided_by_dim="You divide the scores by dim. By its root.",
    never_rescaled="When the maximum grows, what you have added so far was taken relative to the old one. Multiply sum and values by exp(old maximum - new maximum).",
    only_sum_rescaled="When the maximum grows you rescale the sum of the weights, but not the weighted sum of the values. Both were taken relative to the old maximum.",
    only_values_rescaled="When the maximum grows you rescale the weighted sum of the values, but not the sum of the weights. Both were taken relative to the old maximum.",
    new_rescaled="You rescale the new tile as well. Its weights are relative to the new maximum already; only what came before must shrink.",
    shrink_upside_down="Your factor grows where it should shrink: it is exp(old maximum - new maximum), which is at most 1.",
    softmax_of_each_tile="You take the softmax of each tile by itself and add the results up. Weights must be comparable across tiles: divide once, at the end, by the sum of all.",
    mean_of_tiles="You average the results of the tiles. A tile with higher scores weighs more: divide once, at the end, by the sum of all weights.",
    not_divided="You do not divide by the sum of the weights.",
    last_tile_only="Only the last tile counts: you begin anew with each one.",
    first_tile_only="You stop after the first tile.",
    keys_mixed="You mix the keys. The keys decide the weights; what is mixed are the values.",
    weights_without_exp="Your weights are the scores themselves. Softmax takes exp of them.",
    best_only="You return the value of the best key. Softmax mixes all values.",
    no_maximum="You take exp of the scores as they are. In the thousands that is infinite: subtract the largest score so far.",
    largest_starts_at_zero="Your maximum starts at 0. If all scores lie far below, every exp is 0 and so is the sum: start at -infinity.",
)
def attend_to_tiles_with(made: Made, query: ndarray, tiles: Tiles) -> Any:
    largest, total, mixed, count = (0.0 if made.largest_starts_at_zero or made.no_maximum else -math.inf), 0.0, 0.0, 0
    best = None
    for keys, values in list(tiles) if made.tiles_kept else tiles:
        scores = keys @ query / (1 if made.not_scaled else len(query) if made.divided_by_dim else math.sqrt(len(query)))
        new_largest = largest if made.no_maximum else max(largest, scores.max())
        if new_largest > largest:
            best = values[scores.argmax()].copy()
        weights = scores if made.weights_without_exp else np.exp(scores - new_largest)
        if made.softmax_of_each_tile or made.mean_of_tiles:
            weights = weights / weights.sum()
        if made.keys_mixed:
            values = keys[:, : values.shape[1]]
        shrink = float(np.exp(largest - new_largest)) if math.isfinite(largest) else 0.0
        if made.shrink_upside_down and math.isfinite(largest):
            shrink = float(np.exp(new_largest - largest))
        if made.never_rescaled or made.softmax_of_each_tile or made.mean_of_tiles or made.weights_without_exp:
            shrink = 1
        if made.last_tile_only:
            shrink = 0
        if made.new_rescaled and count:
            weights = weights * shrink
        total = total * (1 if made.only_values_rescaled else shrink) + weights.sum()
        mixed = mixed * (1 if made.only_sum_rescaled else shrink) + weights @ values
        largest = new_largest
        count += 1
        if made.first_tile_only:
            break
    if made.best_only:
        return best
    if made.not_divided or made.softmax_of_each_tile:
        return mixed
    return mixed / (count if made.mean_of_tiles else total)


# ---- largest_tile ------------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["4.3"])
def largest_tile(dim: int, shared_bytes: int) -> int:
    """The largest tile of flash attention that fits into a block's shared memory.

    A tile of T queries, T keys and T values, of dim numbers each, and the T × T scores lie in
    shared memory together, all in float32. At least T = 1 fits.
    """
    tile = 1
    while 4 * (3 * (tile + 1) * dim + (tile + 1) ** 2) <= shared_bytes:
        tile += 1
    return tile


equivalent(largest_tile, {"tile = 0": "A tile of 1 fits always."})


@cases(largest_tile)
def visible_largest_tile(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("dim 64, 48 KiB", 64, 48 * 1024)
    yield Case("dim 16, 4 KiB", 16, 4 * 1024)


@cases(largest_tile, hidden=True)
def hidden_largest_tile(rng: np.random.Generator) -> Iterator[Case]:
    for kib in (16, 48, 100, 227):
        yield Case("another dim", int(rng.integers(20, 130)), kib * 1024)
    tile, dim = int(rng.integers(20, 30)), int(rng.integers(30, 50))
    fits = 4 * (3 * tile * dim + tile**2)
    yield Case("to the last byte", dim, fits)
    yield Case("one byte is missing", dim, fits - 1)
    yield Case("only one fits", int(rng.integers(200, 230)), 4096)


@mistakes(
    largest_tile,
    scores_forgotten="You leave the scores out: T × T of them lie in shared memory too.",
    values_forgotten="You count two of the three tiles. Queries, keys and values each take T × dim numbers.",
    one_tile_counted="You count one tile of T × dim numbers. There are three: queries, keys and values.",
    bytes_forgotten="You count numbers where bytes are given. A float32 takes 4 bytes.",
    doubles="You take 8 bytes for a number. A float32 takes 4.",
    all_scores="You make room for T × dim scores. A tile of queries and a tile of keys have T × T.",
    result_counted="You make room for a fourth tile. The result stays in registers here: queries, keys and values are three.",
    one_too_large="Your tile does not fit any more. It is the largest that does.",
    one_too_small="One more would fit: exactly full is allowed.",
    not_whole="Your tile is no whole number. Round it down.",
    rounded_to_16="You round down to a multiple of 16, which kernels like, but the largest tile that fits is asked for.",
)
def largest_tile_with(made: Made, dim: int, shared_bytes: int) -> Any:
    tiles = 2 if made.values_forgotten else 1 if made.one_tile_counted else 4 if made.result_counted else 3
    numbers = shared_bytes / (1 if made.bytes_forgotten else 8 if made.doubles else 4)
    if made.scores_forgotten or made.all_scores:
        tile = numbers / ((tiles + made.all_scores) * dim)
    else:
        tile = (math.sqrt((tiles * dim) ** 2 + 4 * numbers) - tiles * dim) / 2
    if made.not_whole:
        return tile
    whole = int(tile + 1e-9) + made.one_too_large
    if made.one_too_small and whole > 1 and abs(tile - round(tile)) < 1e-9:
        return whole - 1
    return whole // 16 * 16 if made.rounded_to_16 else whole


# ---- flash_attention ---------------------------------------------------------------------------------------------------


@exercise(points=5, rows=["4.3"], without=KERNELS_ARE_TEXT, shares={"large scores": 0.2})
def flash_attention() -> str:
    """The CUDA C source of `extern "C" __global__ void flash_attention(const float* q, const float* k,
    const float* v, float* out, int queries, int keys)`.

    q and out have `queries` rows, k and v have `keys` rows, all of 16 numbers. Row i of out is
    the sum of all rows of v, weighted by the softmax over all keys j of the scores q_i · k_j /
    √16. Blocks have 16 × 16 threads and work on 16 queries each; there are just enough blocks.
    There is at least one key, `queries` and `keys` may be no multiples of 16, and scores may be
    in the thousands. Nothing else is touched.

    Cost: no block reads an element of q, k or v twice from global memory, and each element of
    out is written once.
    """
    return """
    extern "C" __global__ void flash_attention(
            const float* q, const float* k, const float* v, float* out, int queries, int keys) {
        __shared__ float q_tile[16][17], k_tile[16][17], v_tile[16][17], scores[16][17];
        int tx = threadIdx.x, ty = threadIdx.y;
        int row = blockIdx.x * 16 + ty;
        q_tile[ty][tx] = row < queries ? q[row * 16 + tx] : 0;
        float largest = -1e30f, total = 0, mixed = 0;
        for (int first = 0; first < keys; first += 16) {
            int key = first + ty;
            k_tile[ty][tx] = key < keys ? k[key * 16 + tx] : 0;
            v_tile[ty][tx] = key < keys ? v[key * 16 + tx] : 0;
            __syncthreads();
            float score = 0;
            for (int i = 0; i < 16; ++i) {
                score += q_tile[ty][i] * k_tile[tx][i];
            }
            scores[ty][tx] = first + tx < keys ? score / 4 : -1e30f;
            __syncthreads();
            float new_largest = largest;
            for (int j = 0; j < 16; ++j) {
                new_largest = fmaxf(new_largest, scores[ty][j]);
            }
            float shrink = expf(largest - new_largest);
            total *= shrink;
            mixed *= shrink;
            for (int j = 0; j < 16; ++j) {
                float weight = expf(scores[ty][j] - new_largest);
                total += weight;
                mixed += weight * v_tile[j][tx];
            }
            largest = new_largest;
            __syncthreads();
        }
        if (row < queries) {
            out[row * 16 + tx] = mixed / total;
        }
    }
    """


def queries_keys_values(rng: np.random.Generator, queries: int, keys: int) -> list[np.ndarray]:
    return [2 * normal(rng, queries, 16), normal(rng, keys, 16), normal(rng, keys, 16)]


@cases(flash_attention)
def visible_flash_attention(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("21 queries, 37 keys", *queries_keys_values(rng, 21, 37))
    yield Case("16 queries, 32 keys", *queries_keys_values(rng, 16, 32))


@cases(flash_attention, hidden=True)
def hidden_flash_attention(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("more queries than keys", *queries_keys_values(rng, 35, int(rng.integers(17, 24))))
    yield Case("many keys", *queries_keys_values(rng, 5, int(rng.integers(130, 150))))
    yield Case("less than a tile", *queries_keys_values(rng, 7, 11))
    yield Case("one key more than a tile", *queries_keys_values(rng, 3, 17))
    yield Case("one key", *queries_keys_values(rng, 18, 1))
    yield Case("as many queries as keys, no edges", *queries_keys_values(rng, 32, 32))
    q, k, v = queries_keys_values(rng, 17, 40)
    q[:, 0], k[:, 0] = 3, np.linspace(0, 12, 40)
    yield Case("scores that grow from key to key", q, k, v)
    shifted = "Scores may be in the thousands, and exp(1000) is infinite. Only take exp of differences from the largest score so far."
    q, k, v = queries_keys_values(rng, 18, 35)
    q[::2] *= 1000
    yield Case("scores in the thousands", q, k, v, group="large scores", hint=shifted)
    q, k, v = queries_keys_values(rng, 18, 35)
    q[::2], k = np.abs(q[::2]), -300 * np.abs(k)
    q[1::2] = 0
    yield Case("all scores far below 0", q, k, v, group="large scores", hint=shifted)


@probe(flash_attention)
def launch_flash_attention(answer: Any, q: Any, k: Any, v: Any) -> Any:
    import numpy as np

    from autograder.cuda import KernelFault
    from autograder.cuda.trial import Output, try_kernel

    blocks = -(-len(q) // 16)
    trial = try_kernel(answer(), "flash_attention", (blocks,), (16, 16), q, k, v, Output(q.shape), len(q), len(k), costs=True)
    scores = q @ k.T / 4
    weights = np.exp(scores - scores.max(1, keepdims=True))
    if not np.allclose(trial.outputs[0], weights @ v / weights.sum(1, keepdims=True), 1e-2, 1e-2):
        return trial.outputs[0]  # what is wrong says more than what it costs
    for argument, (name, enough) in enumerate((("q", 1), ("k", blocks), ("v", blocks))):
        most = int(trial.reads(argument).max())
        if most > enough:
            raise KernelFault(
                f"an element of {name} is read {most} times from global memory; the blocks that need it are {enough}, and each may read it once"
            )
    if (writes := int(trial.writes(3).max())) > 1:
        raise KernelFault(f"an element of out is written {writes} times; keep the sums in variables and write the result once, at the end")
    return trial.outputs[0]


@mistakes(
    flash_attention,
    straight_from_global="The numbers are right, but every thread reads keys and values from global memory by itself. Load a tile of them into shared memory, together, and read from there.",
    kept_in_out="The numbers are right, but you keep the sums in out, tile after tile. Keep them in variables of the thread, and write once, at the end.",
    not_scaled="You do not divide the scores by √16.",
    divided_by_16="You divide the scores by 16. By its root.",
    tail_counts="Where the last tile hangs over the end, its missing keys count: you set them to 0, which gives them the score 0, and exp(0) is not 0. Their score must be so low that their weight is 0.",
    tail_not_zeroed="Where the last tile hangs over the end, you leave in it what stood there before. Write 0 into those places: nothing times rubbish may be rubbish.",
    loads_not_guarded="Your loads reach beyond the last query or key. The last tiles hang over the end: put 0 there instead.",
    tail_left_out="You round the number of tiles down. The keys that are left at the end, less than a whole tile, count too.",
    store_not_guarded="Your store is not guarded: the last block may have more rows of threads than there are queries left.",
    never_rescaled="When the maximum grows, what you have added so far was taken relative to the old one. Multiply both sums by exp(old maximum - new maximum).",
    only_sum_rescaled="When the maximum grows you rescale the sum of the weights, but not the weighted sum of the values. Both were taken relative to the old maximum.",
    only_values_rescaled="When the maximum grows you rescale the weighted sum of the values, but not the sum of the weights. Both were taken relative to the old maximum.",
    shrink_upside_down="Your factor grows where it should shrink: it is exp(old maximum - new maximum), which is at most 1.",
    no_maximum="You take exp of the scores as they are. In the thousands that is infinite: subtract the largest score so far.",
    largest_starts_at_zero="Your maximum starts at 0. If all scores lie far below, every exp is 0 and so is the sum: start far below every score.",
    softmax_over_queries="Your softmax runs over the queries: maximum and sum go down a column of the scores. Each query, a row, has its own.",
    softmax_of_each_tile="You divide within each tile and add the results up. Weights must be comparable across tiles: divide once, at the end, by the sum of all.",
    not_divided="You do not divide by the sum of the weights.",
    last_tile_only="You begin anew with each tile, so that only the last one counts: set the sums to 0 before the loop.",
    keys_mixed="You mix the keys. The keys decide the weights; what is mixed are the values.",
    values_turned="You read the tile of values by rows. For its number of the result a thread runs down a column of v.",
    keys_turned="You read the tile of keys by columns. The score of key j is the dot product with row j.",
    left_early="Threads beyond the last query leave before the loop. But the block needs them: they load keys and values, and every barrier waits for all threads.",
    barrier_before_reading_missing="Some threads read shared memory before others have written their part of it. The tiles must be whole before scores are computed, and a row of scores before its softmax: a barrier belongs before each.",
    barrier_before_loading_missing="Fast threads load the next tile while slow ones still read this one. There must be a barrier at the end of the loop, too.",
)
def flash_attention_with(made: Made) -> str:
    inside = "true" if made.loads_not_guarded else "key < keys"
    load = "".join(f"{x}_tile[ty][tx] = {inside} ? {x}[key * 16 + tx] : 0; " for x in "kv")
    if made.tail_not_zeroed:
        load = "".join(f"if (key < keys) {x}_tile[ty][tx] = {x}[key * 16 + tx]; " for x in "kv")
    load_q = f"q_tile[ty][tx] = {'true' if made.loads_not_guarded else 'row < queries'} ? q[row * 16 + tx] : 0;"
    of_k = "k_tile[i][tx]" if made.keys_turned else "k_tile[tx][i]"
    of_v = "k_tile[j][tx]" if made.keys_mixed else "v_tile[tx][j]" if made.values_turned else "v_tile[j][tx]"
    if made.straight_from_global:
        of_k = "(first + tx < keys ? k[(first + tx) * 16 + i] : 0)"
        of_v = "(first + j < keys ? v[(first + j) * 16 + tx] : 0)"
    score = "score" if made.not_scaled else "score / 16" if made.divided_by_16 else "score / 4"
    if not made.tail_counts:
        score = f"first + tx < keys ? {score} : -1e30f"
    of_score = "scores[j][tx]" if made.softmax_over_queries else "scores[ty][j]"
    new_largest = "largest" if made.no_maximum else f"fmaxf(new_largest, {of_score})"
    shrink = "expf(new_largest - largest)" if made.shrink_upside_down else "expf(largest - new_largest)"
    if made.shrink_upside_down:
        shrink = f"(first == 0 ? 0 : {shrink})"
    if made.never_rescaled or made.softmax_of_each_tile:
        shrink = "1"
    total_shrink = "0" if made.softmax_of_each_tile or made.last_tile_only else "1" if made.only_values_rescaled else shrink
    mixed_shrink = "0" if made.last_tile_only else "1" if made.only_sum_rescaled else shrink
    start = "0" if made.largest_starts_at_zero or made.no_maximum else "-1e30f"
    mix = f"""
        for (int j = 0; j < 16; ++j) total += expf({of_score} - new_largest);
        for (int j = 0; j < 16; ++j) mixed += expf({of_score} - new_largest) * {of_v}{" / total" if made.softmax_of_each_tile else ""};
    """
    result = "mixed" if made.not_divided or made.softmax_of_each_tile else "mixed / total"
    store = f"if ({'true' if made.store_not_guarded else 'row < queries'}) out[row * 16 + tx] = {result};"
    return f"""
    extern "C" __global__ void flash_attention(
            const float* q, const float* k, const float* v, float* out, int queries, int keys) {{
        __shared__ float q_tile[16][17], k_tile[16][17], v_tile[16][17], scores[16][17];
        int tx = threadIdx.x, ty = threadIdx.y, row = blockIdx.x * 16 + ty;
        {"if (row >= queries) return;" if made.left_early else ""}
        {load_q}
        float largest = {start}, total = 0, mixed = 0;
        for (int first = 0; first < {"keys / 16 * 16" if made.tail_left_out else "keys"}; first += 16) {{
            int key = first + ty;
            {"" if made.straight_from_global else load}
            {"" if made.barrier_before_reading_missing else "__syncthreads();"}
            float score = 0;
            for (int i = 0; i < 16; ++i) score += q_tile[ty][i] * {of_k};
            scores[ty][tx] = {score};
            __syncthreads();
            float new_largest = largest;
            for (int j = 0; j < 16; ++j) new_largest = {new_largest};
            total *= {total_shrink};
            mixed *= {mixed_shrink};
            {mix}
            largest = new_largest;
            {"" if made.barrier_before_loading_missing else "__syncthreads();"}
            {store if made.kept_in_out else ""}
        }}
        {"" if made.kept_in_out else store}
    }}
    """
