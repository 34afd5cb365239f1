"""Right answers in other styles: chapter 7, attention."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def attention_scores__einsum(queries: Tensor, keys: Tensor) -> Tensor:
    return torch.einsum("bqd,bkd->bqk", queries, keys) * queries.shape[-1] ** -0.5


def attention_scores__scaled_on_both_sides(queries: Tensor, keys: Tensor) -> Tensor:
    root = queries.shape[-1] ** 0.25
    return torch.bmm(queries / root, (keys / root).transpose(1, 2))


def attention_scores__loops(queries: Tensor, keys: Tensor) -> Tensor:
    rows = [torch.stack([(q * k).sum() for q in qs for k in ks]).reshape(len(qs), len(ks)) for qs, ks in zip(queries, keys, strict=True)]
    return torch.stack(rows) / math.sqrt(queries.size(2))


def attention_scores__products_summed(queries: Tensor, keys: Tensor) -> Tensor:
    return (queries.unsqueeze(2) * keys.unsqueeze(1)).double().sum(-1) / torch.tensor(queries.shape[-1]).sqrt()


def causal_mask__positions(n: int) -> Tensor:
    position = torch.arange(n)
    return position[:, None] >= position


def causal_mask__triu(n: int) -> Tensor:
    return ~torch.triu(torch.full((n, n), True), diagonal=1)


def causal_mask__loops(n: int) -> Tensor:
    mask = torch.zeros(n, n, dtype=torch.bool)
    for i in range(n):
        mask[i, : i + 1] = True
    return mask


def causal_mask__cumulated(n: int) -> Tensor:
    return torch.eye(n).cumsum(0).bool()


def masked_softmax__where(scores: Tensor, valid_lens: Tensor | None) -> Tensor:
    if valid_lens is None:
        return nn.functional.softmax(scores, dim=2)
    keep = torch.arange(scores.size(2)).expand(scores.shape) < valid_lens.reshape(-1, 1, 1)
    return torch.where(keep, scores, torch.full_like(scores, float("-inf"))).softmax(2)


def masked_softmax__loops(scores: Tensor, valid_lens: Tensor | None) -> Tensor:
    weights = torch.zeros_like(scores)
    for b in range(scores.shape[0]):
        n = scores.shape[2] if valid_lens is None else int(valid_lens[b])
        for q in range(scores.shape[1]):
            row = scores[b, q, :n]
            e = torch.exp(row - row.max())
            weights[b, q, :n] = e / e.sum()
    return weights


def masked_softmax__additive(scores: Tensor, valid_lens: Tensor | None) -> Tensor:
    bias = torch.zeros_like(scores)
    if valid_lens is not None:
        for b, n in enumerate(valid_lens.tolist()):
            bias[b, :, n:] = -torch.inf
    return torch.exp(torch.log_softmax(scores + bias, dim=-1))


def masked_softmax__double_precision(scores: Tensor, valid_lens: Tensor | None) -> Tensor:
    return masked_softmax__where(scores.double(), valid_lens)


def scaled_dot_product_attention__einsum(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None) -> Tensor:
    scores = torch.einsum("bqd,bkd->bqk", queries, keys) * queries.shape[-1] ** -0.5
    if mask is not None:
        scores = torch.where(mask, scores, -torch.inf)
    return torch.einsum("bqk,bkv->bqv", nn.Softmax(dim=2)(scores), values)


def scaled_dot_product_attention__loops(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None) -> Tensor:
    out = torch.zeros(*queries.shape[:2], values.shape[2], dtype=values.dtype)
    for b in range(queries.shape[0]):
        for i in range(queries.shape[1]):
            seen = [j for j in range(keys.shape[1]) if mask is None or mask[b, i, j]]
            scores = torch.stack([queries[b, i] @ keys[b, j] for j in seen]) / math.sqrt(queries.shape[2])
            weights = torch.softmax(scores, 0)
            out[b, i] = sum(w * values[b, j] for w, j in zip(weights, seen, strict=True))
    return out


def scaled_dot_product_attention__scales_queries_first(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None) -> Tensor:
    scores = torch.bmm(queries / torch.sqrt(torch.tensor(queries.shape[2], dtype=queries.dtype)), keys.transpose(1, 2))
    if mask is not None:
        scores = scores.masked_fill(mask == 0, torch.finfo(scores.dtype).min)
    e = torch.exp(scores - scores.max(dim=-1, keepdim=True).values)
    return torch.bmm(e / e.sum(-1, keepdim=True), values)


def scaled_dot_product_attention__not_contiguous(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None) -> Tensor:
    return scaled_dot_product_attention__einsum(queries, keys, values, mask).mT.contiguous().mT


def multi_head_attention__one_head_at_a_time(
    x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, w_o: Tensor, heads: int, mask: Tensor | None = None
) -> Tensor:
    d = x.shape[-1] // heads
    out = []
    for i in range(heads):
        columns = slice(i * d, (i + 1) * d)
        out.append(scaled_dot_product_attention__einsum(x @ w_q[:, columns], x @ w_k[:, columns], x @ w_v[:, columns], mask))
    return torch.cat(out, dim=-1) @ w_o


def multi_head_attention__chunks(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, w_o: Tensor, heads: int, mask: Tensor | None = None) -> Tensor:
    q, k, v = (torch.stack((x @ w).chunk(heads, dim=-1)) for w in (w_q, w_k, w_v))
    scores = torch.einsum("hbqd,hbkd->hbqk", q, k) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores + torch.zeros_like(scores).masked_fill(~mask, -torch.inf)
    pooled = scores.softmax(-1) @ v
    return torch.cat(list(pooled), dim=-1) @ w_o


def multi_head_attention__torchs_own_attention(
    x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, w_o: Tensor, heads: int, mask: Tensor | None = None
) -> Tensor:
    q, k, v = ((x @ w).unflatten(-1, (heads, -1)).transpose(1, 2) for w in (w_q, w_k, w_v))
    seen = None if mask is None else mask.unsqueeze(1)
    return nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=seen).transpose(1, 2).flatten(2) @ w_o
