"""Attention scores and pooling: which keys a query looks at, and what it brings home."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from autograder.exercise import Case, Made, cases, equivalent, exercise, mistakes, verify


def normal(rng: np.random.Generator, *shape: int, scale: float = 1.0) -> Tensor:
    return torch.tensor(scale * rng.normal(size=shape), dtype=torch.float32)


# ---- attention_scores ------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["7.3"], gradients=True)
def attention_scores(
    queries: Float[Tensor, "batch queries dim"],
    keys: Float[Tensor, "batch keys dim"],
) -> Float[Tensor, "batch queries keys"]:
    """How well each query matches each key of its batch element: their dot product, divided by
    √dim.

    Vaswani et al. (2017), the argument of the softmax in equation 1.
    """
    return queries @ keys.mT / math.sqrt(queries.shape[-1])


@cases(attention_scores)
def visible_scores(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("5 queries, 7 keys of width 11", normal(rng, 2, 5, 11), normal(rng, 2, 7, 11))
    yield Case("more queries than keys", normal(rng, 3, 5, 2), normal(rng, 3, 2, 2))


@cases(attention_scores, hidden=True)
def hidden_scores(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("as many queries as keys", normal(rng, 2, 5, 3), normal(rng, 2, 5, 3))
    yield Case("all sizes equal", normal(rng, 3, 3, 3), normal(rng, 3, 3, 3))
    yield Case("a batch of one", normal(rng, 1, 7, 5), normal(rng, 1, 2, 5))
    yield Case("one query", normal(rng, 2, 1, 7), normal(rng, 2, 5, 7))


@mistakes(
    attention_scores,
    not_scaled="You never divide by √dim: the wider the vectors, the larger your scores.",
    divided_by_dim="You divide by dim. The variance of a sum of dim products is dim, its spread √dim.",
    root_of_keys="You divide by √(number of keys). It is √dim, the width of a query.",
    root_of_queries="You divide by √(number of queries). It is √dim, the width of a query.",
    root_of_batch="You divide by the root of the first axis, the batch. It is √dim, the last axis of the queries.",
    multiplied="You multiply by √dim. Divide.",
    swapped="Your rows are keys and your columns queries. Each row belongs to a query.",
    keys_reshaped="You reshape the keys to make the shapes fit. That keeps the numbers in their order in memory; swap the last two axes instead.",
    all_axes_transposed="`keys.T` reverses all axes of a batch. Swap the last two only.",
    softmax_too="You return weights. The scores are the numbers before the softmax.",
    cosine="You divide by the lengths of the vectors (cosine similarity). Divide by √dim only.",
    distance="You compare by distance. Here a query and a key are compared by their dot product.",
    first_keys="You compare every query with the keys of the first batch element. Each batch element has its own keys.",
)
def attention_scores_with(made: Made, queries: Tensor, keys: Tensor) -> Tensor:
    batch, n_queries, dim = queries.shape
    n_keys = keys.shape[1]
    if made.cosine:
        queries, keys = (x / x.norm(dim=-1, keepdim=True) for x in (queries, keys))
    keys = keys[:1] if made.first_keys else keys
    if made.all_axes_transposed:
        scores = queries @ keys.permute(2, 1, 0)
    elif made.keys_reshaped:
        scores = queries @ keys.reshape(-1, dim, n_keys)
    elif made.distance:
        scores = -(queries[:, :, None] - keys[:, None]).square().sum(-1) / 2
    else:
        scores = queries @ keys.mT
    if not (made.not_scaled or made.distance):
        under_the_root = n_keys if made.root_of_keys else n_queries if made.root_of_queries else batch if made.root_of_batch else dim
        scores = scores / (dim if made.divided_by_dim else 1 / math.sqrt(dim) if made.multiplied else math.sqrt(under_the_root))
    if made.softmax_too:
        return torch.softmax(scores, -1)
    return scores.mT if made.swapped else scores


# ---- masked_softmax --------------------------------------------------------------------------------------------------


@exercise(
    points=2,
    rows=["7.4"],
    shares={"large scores": 0.2, "exact zero": 0.1},
)
def masked_softmax(
    scores: Float[Tensor, "batch queries keys"],
    valid_lens: Int[Tensor, "batch"] | None,
) -> Float[Tensor, "batch queries keys"]:
    """Softmax over the keys, in which keys at positions >= valid_lens[b] get weight exactly 0.

    With `valid_lens` None every key counts. Every valid length is at least 1. Large scores must
    not overflow.
    """
    if valid_lens is not None:
        position = torch.arange(scores.shape[-1])
        scores = scores.masked_fill(position >= valid_lens[:, None, None], -math.inf)
    return torch.softmax(scores, dim=-1)


def lengths(rng: np.random.Generator, *numbers: int) -> Tensor:
    return torch.tensor(rng.permutation(numbers))


@cases(masked_softmax)
def visible_masked_softmax(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("3 valid lengths, 5 queries, 7 keys", normal(rng, 3, 5, 7), lengths(rng, 2, 4, 6))
    yield Case("valid_lens is None", normal(rng, 2, 5, 7), None, hint="`valid_lens` may be None: then every key counts.")


@cases(masked_softmax, hidden=True)
def hidden_masked_softmax(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("all keys valid, or one", normal(rng, 2, 3, 5), lengths(rng, 1, 5))
    yield Case("as many queries as keys", normal(rng, 3, 5, 5), lengths(rng, 2, 3, 4))
    yield Case("as many queries as batch elements", normal(rng, 3, 3, 5), lengths(rng, 2, 3, 4))
    yield Case("all scores negative", normal(rng, 3, 5, 7) - 4, lengths(rng, 1, 3, 5))
    large = "Scores of ±1000 must not overflow: subtract each row's largest valid score before `exp`."
    yield Case("scores of ±1000", normal(rng, 3, 5, 7, scale=1000), lengths(rng, 2, 4, 6), group="large scores", hint=large)
    yield Case("scores of ±1000, no mask", normal(rng, 3, 5, 7, scale=1000), None, group="large scores", hint=large)
    rows_apart = normal(rng, 3, 5, 7) + 200.0 * torch.arange(5)[:, None]
    yield Case("rows far apart", rows_apart, lengths(rng, 3, 5, 6), group="large scores", hint=large)
    masked_largest = normal(rng, 3, 5, 7) - 200
    masked_largest[..., 5:] += 400
    yield Case("masked scores are the largest", masked_largest, lengths(rng, 3, 4, 5), group="large scores", hint=large)
    exact = "Whatever the scores, a masked key's weight is exactly 0: only -inf is small enough."
    yield Case("valid scores near -20000", normal(rng, 3, 5, 7) - 2e4, lengths(rng, 2, 4, 6), group="exact zero", hint=exact)


@verify(masked_softmax)
def masked_weights_are_zero(weights, scores, valid_lens):  # type: ignore[no-untyped-def]
    import torch

    if valid_lens is not None:
        masked = torch.arange(scores.shape[-1]) >= valid_lens[:, None, None]
        if (weights * masked).any():
            return "Masked keys get a small weight. It must be exactly 0."


@mistakes(
    masked_softmax,
    no_mask="You ignore `valid_lens`.",
    one_too_many="Key number `valid_lens[b]` still counts. Positions start at 0, so valid are positions < `valid_lens[b]`.",
    one_too_few="You mask one key too many: the last valid key is at position `valid_lens[b] - 1`.",
    inverted="Your mask is the wrong way round: you keep the keys at positions >= `valid_lens[b]`.",
    masks_queries="You mask queries (rows). `valid_lens` counts keys, the last axis.",
    masks_whole_rows="You hide whole rows (queries), and the softmax of a row of -inf is NaN. `valid_lens` counts keys, the last axis.",
    lengths_along_queries="Your valid lengths run along the queries. `valid_lens[b]` belongs to batch element b and holds for all its queries.",
    last_keys_kept="You keep the last `valid_lens[b]` keys. The valid ones stand at the front, at positions < `valid_lens[b]`.",
    over_queries="Your softmax runs over the queries. For every query, the weights of the keys sum to 1: the last axis.",
    over_batch="Your softmax runs over the batch. It runs over the keys, the last axis.",
    over_both="Your softmax runs over queries and keys together. Every row is a softmax of its own.",
    zero_before="You set masked scores to 0 (or something tiny) before the softmax, and exp(0) = 1: they still get weight.",
    zero_times_inf="You multiply the mask by infinity, and 0 · inf is NaN. Choose between two values instead: `masked_fill` or `where`.",
    zero_after="You set masked weights to 0 after the softmax: the other weights of the row no longer sum to 1.",
    renormalised_after="You divide by the sum of the valid weights after a softmax over all keys. If a masked score is by far the largest, the valid weights have vanished by then: mask before the softmax.",
    no_max="exp of large scores overflows. Subtract the largest score of each row first; the result does not change.",
    global_max="You subtract the largest score of the whole tensor, and rows far below it vanish. Each row needs its own.",
    max_over_queries="You subtract a maximum over the wrong axis. Each row needs its own maximum over the keys.",
    min_subtracted="You subtract the smallest score of each row. Subtract the largest: then exp cannot overflow.",
    weak_fill="Your negative number for masked scores is not negative enough for such scores: use -inf.",
    very_weak_fill="Your negative number for masked scores is much too small: scores below it lose against the mask. Use -inf.",
    unnormalised="You never divide by the sum: every row must sum to 1.",
    logarithm="You return the logarithm of the weights.",
    first_length="You use the first valid length for the whole batch. Every batch element has its own.",
    sigmoid="That is a sigmoid of each score by itself; the weights of a row must sum to 1.",
    twice="You apply softmax twice.",
    none_untouched="When `valid_lens` is None there is no mask, but still a softmax.",
)
def masked_softmax_with(made: Made, scores: Tensor, valid_lens: Tensor | None) -> Tensor:
    if valid_lens is None and made.none_untouched:
        return scores
    masked = torch.zeros_like(scores, dtype=torch.bool)
    if valid_lens is not None and not made.no_mask:
        lens = (valid_lens[:, None] if made.lengths_along_queries else valid_lens[:, None, None]) + int(made.one_too_many) - int(made.one_too_few)
        lens = lens[:1].expand(len(scores), 1, 1) if made.first_length else lens
        position = torch.arange(scores.shape[1])[:, None] if made.masks_queries or made.masks_whole_rows else torch.arange(scores.shape[2])
        position = position.flip(0) if made.last_keys_kept else position
        masked = (position >= lens).expand(scores.shape) ^ made.inverted
    fill = 0.0 if made.zero_before else -1000.0 if made.weak_fill else -100.0 if made.very_weak_fill else -math.inf
    fill = -1e9 if made.masks_queries else fill
    if made.zero_times_inf and valid_lens is not None:
        scores = scores + masked.float() * -math.inf
    if not (made.zero_after or made.renormalised_after):
        scores = scores.masked_fill(masked, fill)
    if made.sigmoid:
        return torch.sigmoid(scores)
    axis: tuple[int, ...] = (1,) if made.over_queries else (0,) if made.over_batch else (1, 2) if made.over_both else (2,)
    peak = scores.amax(axis, keepdim=True)
    if made.no_max:
        peak = torch.zeros(())
    elif made.global_max:
        peak = scores.max()
    elif made.max_over_queries:
        peak = scores.amax(1, keepdim=True)
    elif made.min_subtracted:
        peak = scores.amin(axis, keepdim=True)
    weights = torch.exp(scores - peak)
    if made.renormalised_after:
        weights = weights * ~masked
    if not made.unnormalised:
        weights = weights / weights.sum(axis, keepdim=True)
    if made.zero_after:
        weights = weights * ~masked
    if made.twice:
        weights = torch.softmax(weights.masked_fill(masked, -math.inf), -1)
    return weights.log() if made.logarithm else weights


# ---- scaled_dot_product_attention ------------------------------------------------------------------------------------


@exercise(
    points=3,
    rows=["7.6"],
    shares={"large scores": 0.2},
    forbid=[
        "torch.nn.functional.scaled_dot_product_attention",
        "torch._C._nn.scaled_dot_product_attention",
        "torch.nn.attention.flex_attention.flex_attention",
        "torch.nn.functional.multi_head_attention_forward",
        "torch.nn.MultiheadAttention",
    ],
)
def scaled_dot_product_attention(
    queries: Float[Tensor, "batch queries dim"],
    keys: Float[Tensor, "batch keys dim"],
    values: Float[Tensor, "batch keys value_dim"],
    mask: Bool[Tensor, "batch queries keys"] | None = None,
) -> Float[Tensor, "batch queries value_dim"]:
    """Average the values, weighted by how well each key matches each query.

    `mask` is True where a query may look at a key; every query may look somewhere.
    Vaswani et al. (2017), equation 1.
    """
    scores = queries @ keys.mT / math.sqrt(queries.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return torch.softmax(scores, dim=-1) @ values


def queries_keys_values(
    rng: np.random.Generator, batch: int, queries: int, keys: int, dim: int, value_dim: int, scale: float = 1.0
) -> tuple[Tensor, Tensor, Tensor]:
    return normal(rng, batch, queries, dim, scale=scale), normal(rng, batch, keys, dim, scale=scale), normal(rng, batch, keys, value_dim)


def random_mask(rng: np.random.Generator, batch: int, queries: int, keys: int) -> Tensor:
    """Every query may look at two keys or more, but not at all of them."""
    order = rng.random((batch, queries, keys)).argsort(-1)
    return torch.tensor(order < rng.integers(2, keys, size=(batch, queries, 1)))


def window(batch: int, tokens: int) -> Tensor:
    """A token may look at the one before it, at itself and at the two after it."""
    return torch.ones(tokens, tokens).triu(-1).tril(2).bool().expand(batch, tokens, tokens).clone()


@cases(scaled_dot_product_attention)
def visible_attention(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("5 queries, 7 keys", *queries_keys_values(rng, 2, 5, 7, 11, 3))
    yield Case("masked", *queries_keys_values(rng, 2, 5, 7, 11, 3), random_mask(rng, 2, 5, 7))


@cases(scaled_dot_product_attention, hidden=True)
def hidden_attention(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("more queries than keys", *queries_keys_values(rng, 3, 7, 3, 5, 11), mask=random_mask(rng, 3, 7, 3))
    yield Case("self-attention within a window", *queries_keys_values(rng, 2, 5, 5, 3, 7), window(2, 5))
    yield Case("all sizes equal", *queries_keys_values(rng, 3, 3, 3, 3, 3))
    yield Case("a batch of one", *queries_keys_values(rng, 1, 2, 5, 7, 3), random_mask(rng, 1, 2, 5))
    q, k, v = queries_keys_values(rng, 2, 3, 5, 7, 2)
    yield Case("very negative scores", 10 * q.abs(), -k.abs() * 10, v, random_mask(rng, 2, 3, 5), group="large scores")
    large = "Large queries and keys give scores in the hundreds: `exp` must not overflow, and -inf is the only number that masks them all."
    yield Case(
        "large queries and keys", *queries_keys_values(rng, 2, 5, 7, 11, 3, 30), mask=random_mask(rng, 2, 5, 7), group="large scores", hint=large
    )
    yield Case("large queries and keys, no mask", *queries_keys_values(rng, 2, 5, 7, 11, 3, 30), group="large scores", hint=large)


@mistakes(
    scaled_dot_product_attention,
    not_scaled="You compare queries with keys but never divide by √dim: the larger dim is, the more softmax saturates.",
    divided_by_dim="You divide by dim. The variance of a sum of dim products is dim, its spread √dim.",
    root_of_keys="You divide by √(number of keys). It is √dim, the width of a query.",
    root_of_queries="You divide by √(number of queries). It is √dim, the width of a query.",
    root_of_value_dim="You divide by √(width of the values). It is √dim, the width of a query.",
    root_of_batch="You divide by the root of the first axis, the batch. It is √dim, the last axis of the queries.",
    multiplied="You multiply by √dim. Divide.",
    scaled_after="You divide by √dim after the softmax. It belongs to the scores, before the softmax.",
    over_queries="Your softmax runs over the queries. For each query the weights of the keys sum to 1: the last axis.",
    over_batch="Your softmax runs over the batch. For each query the weights of the keys sum to 1: the last axis.",
    no_softmax="There is no softmax: you weight the values by the raw scores.",
    sigmoid="You use a sigmoid where softmax is needed: a query's weights must sum to 1.",
    mask_inverted="Your mask works the other way round: True is where a query may look.",
    mask_ignored="You ignore the mask.",
    masked_to_zero="Hidden scores become 0 (or something tiny) in your code, and exp(0) = 1: hidden keys still get weight.",
    zero_times_inf="You multiply the mask by infinity, and 0 · inf is NaN. Choose between two values instead: `masked_fill` or `where`.",
    all_axes_transposed="`keys.T` reverses all axes of a batch. Swap the last two only.",
    keys_reshaped="You reshape the keys to make the shapes fit. That keeps the numbers in their order in memory; swap the last two axes instead.",
    distance="You compare queries and keys by their distance. Equation 1 takes their dot product.",
    mask_added="You add the mask to the scores as 0 and 1. Hidden scores must become -inf.",
    masked_after="You hide keys after the softmax: the other weights no longer sum to 1. Mask the scores before.",
    weak_fill="Your negative number for hidden scores is not negative enough for such scores: use -inf.",
    overflow="Your own softmax overflows for large scores. Subtract each row's maximum first (or use `torch.softmax`).",
    mask_transposed="You apply the mask with queries and keys swapped.",
    unnormalised="You never divide by the sum of the exponentials.",
    cosine="You divide by the lengths of the vectors (cosine similarity). Equation 1 divides by √dim only.",
    plain_mean="You average all values with equal weights: queries and keys play no part.",
    first_mask="You use the first mask for the whole batch.",
    returns_weights="You return the attention weights. Multiply them by the values.",
    averages_keys="You average the keys. The weights belong to the values.",
)
def attention_with(made: Made, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None) -> Tensor:
    batch, n_queries, dim = queries.shape
    n_keys, value_dim = values.shape[1:]
    if made.cosine:
        queries, keys = (x / x.norm(dim=-1, keepdim=True) for x in (queries, keys))
    if made.distance:
        scores = -(queries[:, :, None] - keys[:, None]).square().sum(-1) / 2
    elif made.keys_reshaped:
        scores = queries @ keys.reshape(batch, dim, n_keys)
    else:
        scores = queries @ (keys.permute(2, 1, 0) if made.all_axes_transposed else keys.mT)
    scores = scores / scale_with(made, batch, n_queries, n_keys, dim, value_dim)
    hidden = torch.zeros_like(scores, dtype=torch.bool)
    if mask is not None and not made.mask_ignored:
        mask = mask[:1].expand(scores.shape) if made.first_mask else mask
        mask = mask.mT if made.mask_transposed else mask
        hidden = mask if made.mask_inverted else ~mask
        if made.mask_added:
            scores = scores + mask
        elif made.zero_times_inf:
            scores = scores + hidden.float() * -math.inf
        elif not made.masked_after:
            fill = 0.0 if made.masked_to_zero else -100.0 if made.weak_fill else -math.inf
            scores = scores.masked_fill(hidden, fill)
    weights = weights_with(made, scores)
    if made.masked_after:
        weights = weights * ~hidden
    if made.scaled_after:
        weights = weights / math.sqrt(dim)
    return weights if made.returns_weights else weights @ (keys if made.averages_keys else values)


def scale_with(made: Made, batch: int, n_queries: int, n_keys: int, dim: int, value_dim: int) -> float:
    if made.not_scaled or made.scaled_after or made.cosine or made.distance:
        return 1.0
    if made.divided_by_dim:
        return dim
    if made.multiplied:
        return 1 / math.sqrt(dim)
    under_the_root = (
        n_keys if made.root_of_keys
        else n_queries if made.root_of_queries
        else value_dim if made.root_of_value_dim
        else batch if made.root_of_batch
        else dim
    )  # fmt: skip
    return math.sqrt(under_the_root)


def weights_with(made: Made, scores: Tensor) -> Tensor:
    if made.no_softmax:
        return scores
    if made.sigmoid:
        return torch.sigmoid(scores)
    if made.plain_mean:
        scores = 0 * scores.masked_fill(scores.isinf(), 0)
    if made.unnormalised:
        return torch.exp(scores)
    if made.overflow:
        return torch.exp(scores) / torch.exp(scores).sum(-1, keepdim=True)
    return torch.softmax(scores, 1 if made.over_queries else 0 if made.over_batch else -1)


# ---- multi_head_attention --------------------------------------------------------------------------------------------


@exercise(
    points=3,
    rows=["7.12"],
    gradients=True,
    forbid=[
        "torch.nn.functional.multi_head_attention_forward",
        "torch.nn.MultiheadAttention",
    ],
)
def multi_head_attention(
    x: Float[Tensor, "batch tokens width"],
    w_q: Float[Tensor, "width width"],
    w_k: Float[Tensor, "width width"],
    w_v: Float[Tensor, "width width"],
    w_o: Float[Tensor, "width width"],
    heads: int,
    mask: Bool[Tensor, "batch tokens tokens"] | None = None,
) -> Float[Tensor, "batch tokens width"]:
    """Self-attention with several heads, each on its own slice of width / heads columns.

    Project with `x @ w_q`, `x @ w_k`, `x @ w_v`; head i takes columns i·d to (i+1)·d of each,
    where d = width / heads. Put the heads' outputs side by side in the same order and project
    with `w_o`. `mask` is True where a token may look. Vaswani et al. (2017), section 3.2.2.
    """
    batch, tokens, width = x.shape
    q, k, v = ((x @ w).reshape(batch, tokens, heads, width // heads).transpose(1, 2) for w in (w_q, w_k, w_v))
    scores = q @ k.mT / math.sqrt(width // heads)
    if mask is not None:
        scores = scores.masked_fill(~mask[:, None], -math.inf)
    pooled = torch.softmax(scores, dim=-1) @ v
    return pooled.transpose(1, 2).reshape(batch, tokens, width) @ w_o


def tokens_and_weights(rng: np.random.Generator, batch: int, tokens: int, width: int) -> tuple[Tensor, ...]:
    weights = (normal(rng, width, width, scale=1.5 / math.sqrt(width)) for _ in range(4))
    return normal(rng, batch, tokens, width), *weights


equivalent(
    multi_head_attention,
    {
        "q, k, v = ((x @ w).reshape(batch, tokens, heads, width // heads).transpose(2, 1) for w in (w_q, w_k, w_v))": "torch's transpose exchanges two axes, in whichever order they are named.",
        "scores = q @ k.mT / math.sqrt(width / heads)": "The width is a multiple of the number of heads.",
        "return pooled.transpose(2, 1).reshape(batch, tokens, width) @ w_o": "torch's transpose exchanges two axes, in whichever order they are named.",
    },
)


@cases(multi_head_attention)
def visible_multi_head(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("5 tokens of width 12, 3 heads", *tokens_and_weights(rng, 2, 5, 12), heads=3)
    yield Case("masked, 2 heads", *tokens_and_weights(rng, 3, 5, 8), heads=2, mask=random_mask(rng, 3, 5, 5))


@cases(multi_head_attention, hidden=True)
def hidden_multi_head(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("one head", *tokens_and_weights(rng, 2, 3, 7), heads=1)
    yield Case("as many heads as columns", *tokens_and_weights(rng, 2, 3, 5), heads=5)
    yield Case("as many heads as tokens", *tokens_and_weights(rng, 2, 3, 6), heads=3, mask=random_mask(rng, 2, 3, 3))
    yield Case("a window as mask", *tokens_and_weights(rng, 3, 7, 6), heads=2, mask=window(3, 7))
    yield Case("as many heads as batch elements", *tokens_and_weights(rng, 3, 5, 6), heads=3, mask=random_mask(rng, 3, 5, 5))
    yield Case("a single token", *tokens_and_weights(rng, 3, 1, 6), heads=2)


@mistakes(
    multi_head_attention,
    scaled_by_width="You divide by √width. Each head compares vectors of width / heads numbers, so its scores spread by √(width / heads).",
    not_scaled="You never divide the scores: each head needs √(width / heads), the root of its own width.",
    root_of_heads="You divide by √heads. Each head needs √(width / heads), the root of its own width.",
    queries_and_keys_swapped="You swap queries and keys: rows of scores belong to queries, made with `w_q`, columns to keys, made with `w_k`.",
    interleaved="Your heads take every heads-th column. A head's columns lie side by side: the first head has the first width / heads of them.",
    view_without_transpose="You reshape to [batch, heads, tokens, d] in one go, which mixes tokens and heads: the numbers keep their order in memory. Split the last axis first, then swap two axes.",
    merged_without_transpose="You put the heads together without swapping heads and tokens back first: the numbers land in other tokens' rows.",
    no_output_projection="The last step is missing: project the heads, side by side, with `w_o`.",
    values_not_projected="The values that you average are the tokens themselves. Project them with `w_v`.",
    keys_from_w_q="You project queries and keys with the same weights. `w_k` belongs to the keys.",
    weights_transposed="You multiply by the transposed weights (as `nn.Linear` stores them). Here it is `x @ w`.",
    heads_averaged="You add or average the heads. They stand side by side.",
    one_head="You use one head whatever `heads` says.",
    mask_inverted="Your mask works the other way round: True is where a token may look.",
    mask_ignored="You ignore the mask.",
    mask_across_heads="Your mask runs along the heads where it should run along the batch. It holds for every head of its batch element: give it an axis for the heads.",
    residual_added="You add the tokens to the result. A Transformer does so later, around this function.",
    over_queries="Your softmax runs over the queries. For each query the weights of the keys sum to 1: the last axis.",
    over_heads="Your softmax runs over the heads. For each query the weights of the keys sum to 1: the last axis.",
    heads_reversed="Your heads come out in reversed order: head i's output goes to columns i·d to (i+1)·d.",
)
def multi_head_with(made: Made, x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, w_o: Tensor, heads: int, mask: Tensor | None = None) -> Tensor:
    batch, tokens, width = x.shape
    heads = 1 if made.one_head else heads
    d = width // heads

    def split(y: Tensor) -> Tensor:
        if made.view_without_transpose:
            return y.reshape(batch, heads, tokens, d)
        if made.interleaved:
            return y.reshape(batch, tokens, d, heads).permute(0, 3, 1, 2)
        return y.reshape(batch, tokens, heads, d).transpose(1, 2)

    def project(w: Tensor) -> Tensor:
        return x @ (w.T if made.weights_transposed else w)

    q = split(project(w_q))
    k = split(project(w_q if made.keys_from_w_q else w_k))
    v = split(x if made.values_not_projected else project(w_v))
    q, k = (k, q) if made.queries_and_keys_swapped else (q, k)
    scores = q @ k.mT / (1 if made.not_scaled else math.sqrt(width if made.scaled_by_width else heads if made.root_of_heads else d))
    if mask is not None and not made.mask_ignored:
        hidden = mask if made.mask_inverted else ~mask
        hidden = hidden if made.mask_across_heads else hidden[:, None]
        scores = scores.masked_fill(hidden, -1e9 if made.over_heads else -math.inf)
    pooled = torch.softmax(scores, 2 if made.over_queries else 1 if made.over_heads else 3) @ v
    if made.heads_averaged:
        pooled = pooled.mean(1, keepdim=True).expand(batch, heads, tokens, d)
    if made.heads_reversed:
        pooled = pooled.flip(1)
    if not made.merged_without_transpose:
        pooled = pooled.permute(0, 2, 3, 1) if made.interleaved else pooled.transpose(1, 2)
    merged = pooled.reshape(batch, tokens, width)
    if made.no_output_projection:
        return merged
    out = merged @ (w_o.T if made.weights_transposed else w_o)
    return out + x if made.residual_added else out


# ---- causal_mask -----------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["7.13"])
def causal_mask(n: int) -> Bool[Tensor, "n n"]:
    """The mask of n tokens that read from left to right: token i (row) may look at itself and at
    those before it.
    """
    return torch.ones(n, n, dtype=torch.bool).tril()


@cases(causal_mask)
def visible_causal_mask(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("5 tokens", 5)
    yield Case("2 tokens", 2)


@cases(causal_mask, hidden=True)
def hidden_causal_mask(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("a few tokens", int(rng.integers(3, 12)))
    yield Case("many tokens", int(rng.integers(13, 97)))
    yield Case("a single token", 1)


@mistakes(
    causal_mask,
    transposed="Rows and columns are swapped: your tokens look at themselves and at the future. Row i says where token i may look.",
    inverted="Your mask is True where looking is forbidden. True is where a token may look.",
    strict="Your tokens cannot look at themselves. The diagonal is True, and the first token sees itself.",
    one_ahead="Your tokens see one token of the future.",
    numbers="Your mask holds numbers. A mask holds True and False (dtype bool).",
    added="You return what is added to the scores, 0 and -inf. A mask holds True and False (dtype bool).",
    batch_axis="Your mask has an axis too many. Its shape is (n, n).",
    last_row="You return one row. Each token has its own: the shape is (n, n).",
    diagonal="Your tokens see only themselves. They may also look at those before.",
    all_true="Your tokens see everything, the future too.",
)
def causal_mask_with(made: Made, n: int) -> Tensor:
    offset = -1 if made.strict else 1 if made.one_ahead else 0
    mask = torch.ones(n, n, dtype=torch.bool).tril(offset)
    if made.transposed:
        return mask.mT
    if made.inverted:
        return ~mask
    if made.diagonal:
        return torch.eye(n, dtype=torch.bool)
    if made.all_true:
        return torch.ones_like(mask)
    if made.numbers:
        return mask.float()
    if made.added:
        return torch.zeros(n, n).masked_fill(~mask, -math.inf)
    if made.last_row:
        return mask[-1]
    return mask[None] if made.batch_axis else mask
