"""Right answers in other styles: chapter 6, recurrent networks."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def cell_update__loops(c: Tensor, input_gate: Tensor, forget_gate: Tensor, candidate: Tensor) -> Tensor:
    new = torch.zeros_like(c)
    for n in range(c.shape[0]):
        for k in range(c.shape[1]):
            new[n, k] = forget_gate[n, k] * c[n, k] + input_gate[n, k] * candidate[n, k]
    return new


def cell_update__addcmul(c: Tensor, input_gate: Tensor, forget_gate: Tensor, candidate: Tensor) -> Tensor:
    return torch.addcmul(input_gate.mul(candidate), forget_gate, c)


def cell_update__einsum(c: Tensor, input_gate: Tensor, forget_gate: Tensor, candidate: Tensor) -> Tensor:
    return torch.einsum("kbm,kbm->mb", torch.stack([forget_gate, input_gate]), torch.stack([c, candidate])).T


def cell_update__double_precision(c: Tensor, input_gate: Tensor, forget_gate: Tensor, candidate: Tensor) -> Tensor:
    kept = c.double() * forget_gate.double()
    kept += input_gate.double() * candidate.double()
    return kept


def memory_half_life__quotient_of_logarithms(forget_gate: Tensor) -> Tensor:
    return (math.log(0.5) / torch.log(forget_gate)).abs()


def memory_half_life__base_two(forget_gate: Tensor) -> Tensor:
    steps = -1 / torch.log2(forget_gate)
    return torch.where(forget_gate == 1, torch.full_like(steps, math.inf), steps)


def memory_half_life__math(forget_gate: Tensor) -> Tensor:
    steps = [math.inf if f == 1 else 0.0 if f == 0 else math.log(0.5, f) for f in forget_gate.tolist()]
    return torch.tensor(steps, dtype=forget_gate.dtype)


def memory_half_life__double_precision(forget_gate: Tensor) -> Tensor:
    return math.log(2) / -torch.clamp(forget_gate.double().log(), max=-1e-320)


def forget_gate_bias__math(half_life: Tensor) -> Tensor:
    return torch.tensor([-math.log(math.expm1(math.log(2) / t)) for t in half_life.tolist()], dtype=half_life.dtype)


def forget_gate_bias__logit_in_double_precision(half_life: Tensor) -> Tensor:
    return torch.logit(0.5 ** (1 / half_life.double()))


def forget_gate_bias__log_of_both_parts(half_life: Tensor) -> Tensor:
    log_gate = -math.log(2) / half_life
    return log_gate - torch.log(-torch.special.expm1(log_gate))


def forget_gate_bias__log_odds(half_life: Tensor) -> Tensor:
    gate = torch.pow(torch.tensor(0.5, dtype=torch.float64), torch.reciprocal(half_life.double()))
    return (torch.log(gate) - torch.log1p(-gate)).to(half_life.dtype)


def lstm_gates__slices(x: Tensor, h: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    m = h.shape[1]
    z = torch.matmul(x, w_x) + torch.matmul(h, w_h) + b
    return 1 / (1 + torch.exp(-z[:, :m])), 1 / (1 + torch.exp(-z[:, m : 2 * m])), z[:, 2 * m : 3 * m].sigmoid(), z[:, 3 * m :].tanh()


def lstm_gates__joined_weights(x: Tensor, h: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor) -> list[Tensor]:
    z = torch.cat([x, h], dim=1) @ torch.cat([w_x, w_h])
    parts = torch.split(z + b, h.shape[1], dim=1)
    return [*(torch.sigmoid(p) for p in parts[:3]), torch.tanh(parts[3])]


def lstm_gates__einsum(x: Tensor, h: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor) -> tuple[Tensor, ...]:
    m = h.shape[1]
    z = torch.einsum("bd,dkm->kbm", x, w_x.reshape(-1, 4, m)) + torch.einsum("bn,nkm->kbm", h, w_h.reshape(m, 4, m)) + b.reshape(4, 1, m)
    return (*torch.sigmoid(z[:3]), torch.tanh(z[3]))


def lstm_gates__one_unit_at_a_time(x: Tensor, h: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor) -> tuple[Tensor, ...]:
    m = h.shape[1]
    columns = [x @ w_x[:, k] + h @ w_h[:, k] + b[k] for k in range(4 * m)]
    gates = [torch.stack(columns[k * m : (k + 1) * m]).T for k in range(4)]
    return torch.sigmoid(gates[0]), torch.sigmoid(gates[1]), torch.sigmoid(gates[2]), 2 * torch.sigmoid(2 * gates[3]) - 1


def lstm_cell__slices(x: Tensor, h: Tensor, c: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    m = h.shape[1]
    z = x.mm(w_x) + h.mm(w_h) + b
    i, f, o, g = z[:, :m], z[:, m : 2 * m], z[:, 2 * m : 3 * m], z[:, 3 * m :]
    c_new = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c_new.tanh(), c_new


def lstm_cell__einsum(x: Tensor, h: Tensor, c: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    i, f, o, g = lstm_gates__einsum(x, h, w_x, w_h, b)
    c_new = torch.einsum("bm,bm->bm", f, c) + torch.einsum("bm,bm->bm", i, g)
    return torch.einsum("bm,bm->bm", o, torch.tanh(c_new)), c_new


def lstm_cell__own_sigmoid(x: Tensor, h: Tensor, c: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor) -> list[Tensor]:
    """The usual formula of the sigmoid: exp overflows to inf, and 1/inf is 0."""
    z = torch.nn.functional.linear(x, w_x.T) + torch.nn.functional.linear(h, w_h.T, b)
    m = h.size(-1)
    i, f, o = (1 / (1 + torch.exp(-z[..., k * m : (k + 1) * m])) for k in range(3))
    c_new = torch.clone(c)
    c_new *= f
    c_new += i * torch.tanh(z[..., 3 * m :])
    return [o * c_new.tanh(), c_new]


def lstm_cell__one_sample_at_a_time(x: Tensor, h: Tensor, c: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    h_new, c_new = torch.empty_like(h), torch.empty_like(c)
    for n in range(x.shape[0]):
        i, f, o, g = (x[n] @ w_x + h[n] @ w_h + b).reshape(4, -1)
        c_new[n] = torch.sigmoid(f) * c[n] + torch.sigmoid(i) * torch.tanh(g)
        h_new[n] = torch.sigmoid(o) * torch.tanh(c_new[n])
    return h_new, c_new


def lstm_cell__double_precision(x: Tensor, h: Tensor, c: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    return lstm_cell__slices(x.double(), h.double(), c.double(), w_x.double(), w_h.double(), b.double())


def lstm__slices(x: Tensor, h: Tensor, c: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    outputs = torch.empty(x.shape[0], x.shape[1], h.shape[1], dtype=x.dtype)
    for t in range(x.shape[1]):
        h, c = lstm_cell__slices(x[:, t, :], h, c, w_x, w_h, b)
        outputs[:, t] = h
    return outputs, h, c


def lstm__inputs_projected_at_once(x: Tensor, h: Tensor, c: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    m, outputs = h.shape[1], []
    for from_x in (x @ w_x + b).transpose(0, 1):
        z = from_x + h @ w_h
        i, f, o = torch.sigmoid(z[:, : 3 * m]).chunk(3, 1)
        c = f * c + i * torch.tanh(z[:, 3 * m :])
        h = o * torch.tanh(c)
        outputs.append(h[:, None])
    return torch.cat(outputs, 1), outputs[-1][:, 0], c


def lstm__recursive(x: Tensor, h: Tensor, c: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    h, c = lstm_cell__own_sigmoid(x[:, 0], h, c, w_x, w_h, b)
    if x.shape[1] == 1:
        return h.unsqueeze(1), h, c
    later, h_last, c_last = lstm__recursive(x[:, 1:], h, c, w_x, w_h, b)
    return torch.cat([h.unsqueeze(1), later], dim=1), h_last, c_last


def lstm__not_contiguous(x: Tensor, h: Tensor, c: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor) -> list[Tensor]:
    outputs = []
    for step in x.permute(1, 0, 2):
        h, c = lstm_cell__einsum(step, h, c, w_x, w_h, b)
        outputs += [h]
    return [torch.stack(outputs).permute(1, 0, 2), h, c]


def stacked_lstm__layer_by_layer(x: Tensor, h: Tensor, c: Tensor, weights: list[tuple[Tensor, Tensor, Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
    h_last, c_last = torch.empty_like(h), torch.empty_like(c)
    for k, (w_x, w_h, b) in enumerate(weights):
        x, h_last[k], c_last[k] = lstm__slices(x, h[k], c[k], w_x, w_h, b)
    return x, h_last, c_last


def stacked_lstm__step_by_step(x: Tensor, h: Tensor, c: Tensor, weights: list[tuple[Tensor, Tensor, Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
    hs, cs, outputs = list(h), list(c), []
    for t in range(x.shape[1]):
        below = x[:, t]
        for k in range(len(weights)):
            hs[k], cs[k] = lstm_cell__slices(below, hs[k], cs[k], *weights[k])
            below = hs[k]
        outputs.append(below)
    return torch.stack(outputs, 1), torch.stack(hs), torch.stack(cs)


def stacked_lstm__recursive(x: Tensor, h: Tensor, c: Tensor, weights: list[tuple[Tensor, Tensor, Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
    out, h_0, c_0 = lstm__inputs_projected_at_once(x, h[0], c[0], *weights[0])
    if len(weights) == 1:
        return out, h_0[None], c_0[None]
    out, h_above, c_above = stacked_lstm__recursive(out, h[1:], c[1:], weights[1:])
    return out, torch.cat([h_0[None], h_above]), torch.cat([c_0[None], c_above])


def stacked_lstm__not_contiguous(x: Tensor, h: Tensor, c: Tensor, weights: list[tuple[Tensor, Tensor, Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
    cells = []
    hidden = []
    for k, layer in enumerate(weights):
        x, _, cell = lstm__not_contiguous(x, h[k], c[k], *layer)
        hidden.append(x[:, -1])
        cells.append(cell)
    return x, torch.stack(hidden, -1).permute(2, 0, 1), torch.stack(cells, -1).permute(2, 0, 1)
