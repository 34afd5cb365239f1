"""The LSTM: a memory cell that three gates write, keep and show."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from autograder.exercise import Case, Made, cases, equivalent, exercise, mistakes

TORCHS_OWN = ["torch.nn.LSTMCell", "torch.nn.LSTM", "torch.lstm_cell", "torch.lstm"]


def normal(rng: np.random.Generator, *shape: int, scale: float = 1.0) -> Tensor:
    return torch.tensor(scale * rng.normal(size=shape), dtype=torch.float32)


def uniform(rng: np.random.Generator, low: float, high: float, *shape: int) -> Tensor:
    return torch.tensor(rng.uniform(low, high, size=shape), dtype=torch.float32)


# ---- cell_update -----------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["6.10"])
def cell_update(
    c: Float[Tensor, "batch units"],
    input_gate: Float[Tensor, "batch units"],
    forget_gate: Float[Tensor, "batch units"],
    candidate: Float[Tensor, "batch units"],
) -> Float[Tensor, "batch units"]:
    """The new cell: keep of the old one what the forget gate lets through, add of the candidate
    what the input gate lets through.

    The gates are open at 1 and shut at 0; they and the candidate are already activated. Gers et
    al. (2000).
    """
    return forget_gate * c + input_gate * candidate


def cell_and_gates(rng: np.random.Generator, batch: int, units: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    size = (batch, units)
    return normal(rng, *size, scale=2), uniform(rng, 0, 1, *size), uniform(rng, 0, 1, *size), uniform(rng, -1, 1, *size)


@cases(cell_update)
def visible_cell_update(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("batch 3, 2 units", *cell_and_gates(rng, 3, 2))


@cases(cell_update, hidden=True)
def hidden_cell_update(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("batch 2, 7 units", *cell_and_gates(rng, 2, 7))
    yield Case("one unit", *cell_and_gates(rng, 5, 1))
    c, _, forget_gate, candidate = cell_and_gates(rng, 3, 5)
    yield Case("input gate shut", c, torch.zeros(3, 5), forget_gate, candidate)


@mistakes(
    cell_update,
    gates_swapped="You multiply the old cell by the input gate and the candidate by the forget gate. The forget gate guards what is already there.",
    no_forget="You keep the whole old cell. Multiply it by the forget gate.",
    no_input="You add the whole candidate. Multiply it by the input gate.",
    inverted_forget="Your forget gate is the wrong way round. In spite of its name, 1 means keep.",
    inverted_input="Your input gate is the wrong way round: 1 means that the candidate comes in.",
    coupled="You use 1 − input gate as forget gate, as a GRU does. An LSTM has a forget gate of its own.",
    coupled_input="You use 1 − forget gate as input gate. An LSTM has an input gate of its own.",
    forgets_the_new="You apply the forget gate to the candidate too. It scales the old cell only.",
    input_on_both="You apply the input gate to the old cell too. It scales the candidate only.",
    no_old_cell="Nothing of the old cell is left: add what the forget gate lets through.",
    no_candidate="Nothing new comes in: add what the input gate lets through of the candidate.",
    squashed_cell="You squash the new cell by tanh. The cell itself is not squashed, or it would fade at every step; that happens only on its way out.",
    squashed_candidate="You squash the candidate once more. It is activated already.",
    gates_activated_again="You put the gates through a sigmoid once more. They are activated already.",
    subtracted="You subtract the candidate. It has a sign of its own: add it.",
)
def cell_update_with(made: Made, c: Tensor, input_gate: Tensor, forget_gate: Tensor, candidate: Tensor) -> Tensor:
    i, f, g = input_gate, forget_gate, candidate
    if made.gates_activated_again:
        i, f = torch.sigmoid(i), torch.sigmoid(f)
    if made.gates_swapped:
        i, f = f, i
    i, f = 1 - f if made.coupled_input else i, 1 - i if made.coupled else f
    f = 1 - f if made.inverted_forget else torch.ones_like(f) if made.no_forget else f * 0 if made.no_old_cell else f
    i = 1 - i if made.inverted_input else torch.ones_like(i) if made.no_input else i * 0 if made.no_candidate else i
    g = torch.tanh(g) if made.squashed_candidate else -g if made.subtracted else g
    old, new = f * c, i * g
    old = old * i if made.input_on_both else old
    new = new * f if made.forgets_the_new else new
    return torch.tanh(old + new) if made.squashed_cell else old + new


# ---- memory_half_life ------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["6.10"], shares={"gates at 0 and 1": 0.2})
def memory_half_life(forget_gate: Float[Tensor, "units"]) -> Float[Tensor, "units"]:
    """The number of steps, a fraction allowed, after which half of a memory is left.

    The forget gate stays where it is, between 0 and 1, and the input gate is shut. A gate of 0
    gives 0, a gate of 1 gives inf.
    """
    return math.log(2) / torch.log(1 / forget_gate)


@cases(memory_half_life)
def visible_half_life(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("forget gates 0.25, 0.5, 0.9, 0.6", torch.tensor([0.25, 0.5, 0.9, 0.6]))


@cases(memory_half_life, hidden=True)
def hidden_half_life(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("7 units", uniform(rng, 0.05, 0.95, 7))
    yield Case("one unit", uniform(rng, 0.55, 0.9, 1))
    ends = "A gate of exactly 1 never forgets: its half-life is +inf, and a gate of 0 has half-life 0. Mind the sign of 0 before you divide by it."
    yield Case("gates of exactly 0 and 1", torch.tensor([1.0, 0.0, float(rng.uniform(0.2, 0.8))]), group="gates at 0 and 1", hint=ends)


@mistakes(
    memory_half_life,
    time_constant="That is the time until 1/e ≈ 37% is left. Half is asked for.",
    upside_down="Your fraction is upside down: the nearer the gate is to 1, the longer the memory lasts.",
    negative="Your half-life is negative: log ½ and log f are both negative, so their quotient is positive.",
    rounded_up="You round up to whole steps. A fraction of a step is allowed.",
    rounded_down="You round down to whole steps. A fraction of a step is allowed.",
    rounded="You round to whole steps. A fraction of a step is allowed.",
    horizon="1/(1 − f) is the sum of f⁰ + f¹ + f² + …, a time scale as well, but not the half-life.",
    linear="You subtract the same amount at every step. The gate multiplies: what is left after n steps is fⁿ.",
    forgotten_part="You treat 1 − f as what is left. The forget gate f is what is kept.",
    decimal="You ask when a tenth is left. Half is asked for.",
    one_step_more="You count one step too many: after n steps fⁿ is left.",
    minus_infinity="A gate of exactly 1 gives −inf in your code: its logarithm is 0, and a negative number divided by 0 is −inf.",
    clipped="You move the gate away from 0 or 1 by a small number. Then a gate of exactly 1 forgets after all; its half-life is inf.",
)
def memory_half_life_with(made: Made, forget_gate: Tensor) -> Tensor:
    f = forget_gate.clamp(1e-6, 1 - 1e-6) if made.clipped else forget_gate
    f = 1 - f if made.forgotten_part else f
    if made.horizon:
        return 1 / (1 - f)
    if made.linear:
        return 0.5 / (1 - f)
    left = math.e if made.time_constant else 10 if made.decimal else 2
    steps = math.log(1 / left) / torch.log(f) if made.minus_infinity else math.log(left) / torch.log(1 / f)
    steps = 1 / steps if made.upside_down else -steps if made.negative else steps + 1 if made.one_step_more else steps
    if made.rounded_up:
        return torch.ceil(steps - 1e-4)
    if made.rounded_down:
        return torch.floor(steps + 1e-4)
    return torch.round(steps) if made.rounded else steps


# ---- forget_gate_bias ------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["6.10"], shares={"very long half-lives": 0.2})
def forget_gate_bias(half_life: Float[Tensor, "units"]) -> Float[Tensor, "units"]:
    """The bias b whose forget gate sigmoid(b) has this half-life, in steps.

    Half-lives are positive. For long ones, up to a million steps, b must stay as exact as for
    short ones, in float32 too.
    """
    return -torch.log(torch.expm1(math.log(2) / half_life))


@cases(forget_gate_bias)
def visible_bias(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("half-lives of 1, 3, 10 and 0.5 steps", torch.tensor([1.0, 3.0, 10.0, 0.5]))


@cases(forget_gate_bias, hidden=True)
def hidden_bias(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("7 units", uniform(rng, 0.3, 50, 7))
    yield Case("short half-lives", uniform(rng, 0.2, 0.9, 3))
    exact = "For a long half-life the gate is nearly 1, and 1 − gate (or 2^(1/T) − 1) loses its digits. `torch.expm1` computes exp(x) − 1 without that loss."
    long = uniform(rng, 2e5, 1e6, 5)
    yield Case("half-lives of up to a million steps", long, group="very long half-lives", hint=exact)


@mistakes(
    forget_gate_bias,
    gate_itself="You return the gate. The bias is what the sigmoid turns into this gate: apply the sigmoid's inverse.",
    sign_flipped="The sign is wrong: long memory needs a gate near 1, so a large positive bias.",
    time_constant="With your bias 1/e ≈ 37% is left after the given number of steps. Half should be left.",
    chrono="log(T − 1) gives the gate 1 − 1/T. That is chrono initialisation; after T steps it leaves about 1/e, not a half.",
    log_of_half_life="log T gives the gate T/(T + 1), and that to the power T is not a half.",
    not_the_root="Your gate is a half to the power T. What is left after T steps is the gate to the power T, so the gate is the T-th root of a half.",
    log_of_gate="You take the logarithm of the gate. The inverse of the sigmoid is log(f / (1 − f)).",
    odds="You return f / (1 − f). The inverse of the sigmoid is the logarithm of that.",
    sigmoid_again="You apply the sigmoid to the gate. You need its inverse.",
    tanh_inverse="You invert tanh. Gates are sigmoids.",
    linear="Your gate loses the same amount at every step. It multiplies: after T steps gate^T is left.",
    digits_lost="Your gate rounds to something too near 1, and what 1 − gate leaves of it has few right digits. `torch.expm1` computes exp(x) − 1 without that loss.",
    clipped="You keep the gate away from 1, and so cut long half-lives short.",
)
def forget_gate_bias_with(made: Made, half_life: Tensor) -> Tensor:
    if made.chrono:
        return torch.log(half_life - 1)
    if made.log_of_half_life:
        return torch.log(half_life)
    exponent = half_life if made.not_the_root else 1 / half_life
    f = (1 / math.e if made.time_constant else 0.5) ** exponent
    f = 1 - 0.5 / half_life if made.linear else f
    f = f.clamp(max=1 - 1e-5) if made.clipped else f
    if made.gate_itself:
        return f
    if made.log_of_gate:
        return torch.log(f)
    if made.odds:
        return f / (1 - f)
    if made.sigmoid_again:
        return torch.sigmoid(f)
    if made.tanh_inverse:
        return torch.atanh(f)
    if made.digits_lost or made.clipped or made.linear or made.time_constant or made.not_the_root:
        return torch.log(f / (1 - f))
    b = -torch.log(torch.expm1(math.log(2) / half_life))
    return -b if made.sign_flipped else b


# ---- lstm_gates ------------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["6.10"])
def lstm_gates(
    x: Float[Tensor, "batch d"],
    h: Float[Tensor, "batch m"],
    w_x: Float[Tensor, "d 4*m"],
    w_h: Float[Tensor, "m 4*m"],
    b: Float[Tensor, "4*m"],
) -> tuple[Float[Tensor, "batch m"], Float[Tensor, "batch m"], Float[Tensor, "batch m"], Float[Tensor, "batch m"]]:
    """Input gate, forget gate, output gate and candidate, activated, in this order.

    The 4m columns of the weights hold the same four in the same order, m columns side by side
    for each.
    """
    input_gate, forget_gate, output_gate, candidate = (x @ w_x + h @ w_h + b).chunk(4, dim=-1)
    return torch.sigmoid(input_gate), torch.sigmoid(forget_gate), torch.sigmoid(output_gate), torch.tanh(candidate)


def gate_inputs(rng: np.random.Generator, batch: int, d: int, m: int, scale: float = 1.0) -> tuple[Tensor, ...]:
    """x, h, w_x, w_h, b, every gate with weights of its own."""
    x, h = normal(rng, batch, d, scale=scale), normal(rng, batch, m)
    return x, h, normal(rng, d, 4 * m, scale=0.6), normal(rng, m, 4 * m, scale=0.6), normal(rng, 4 * m)


equivalent(
    lstm_gates,
    {
        "input_gate, forget_gate, output_gate, candidate = (x @ w_x + h @ w_h + b).chunk(4, dim=1)": "There are two axes, and the last is number 1.",
    },
)


@cases(lstm_gates)
def visible_gates(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("batch 3, 5 inputs, 2 units", *gate_inputs(rng, 3, 5, 2))


@cases(lstm_gates, hidden=True)
def hidden_gates(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("more units than inputs", *gate_inputs(rng, 2, 3, 7))
    yield Case("as many units as inputs", *gate_inputs(rng, 2, 3, 3))
    yield Case("four samples, four units", *gate_inputs(rng, 4, 4, 4))
    yield Case("one sample, one unit", *gate_inputs(rng, 1, 3, 1))


@mistakes(
    lstm_gates,
    order_ifgo="Your order is input, forget, candidate, output, as in PyTorch. Here the candidate comes last.",
    order_fiog="Your order is forget, input, output, candidate. Here the input gate comes first.",
    order_iofg="Your order is input, output, forget, candidate. Here the forget gate comes second.",
    order_gifo="Your order is candidate, input, forget, output. Here the candidate comes last.",
    interleaved="You take every fourth column for a gate, m groups of four. They are four groups of m: each gate's columns lie side by side.",
    split_along_the_batch="You cut along the first axis, the batch. The four parts stand side by side in the columns, the last axis.",
    candidate_sigmoid="Your candidate goes through a sigmoid. It goes through tanh, because what it writes may be negative.",
    candidate_linear="Your candidate is not activated. It goes through tanh.",
    gates_tanh="Your gates go through tanh. Gates are sigmoids, between 0 (shut) and 1 (open).",
    gates_linear="Your gates are not activated. They go through a sigmoid.",
    softmax="Your gates are a softmax, so that opening one shuts others. Each gate is a sigmoid of its own.",
    no_bias="You leave out the bias b.",
    bias_twice="You add the bias twice: there is one b for x and h together.",
    no_h="You ignore h: the gates must know what was shown at the previous step.",
    no_x="You ignore x: the gates must see the input.",
    product="You multiply the part from x by the part from h. Add them.",
    candidate_without_h="Your candidate does not see h. All four parts are made from x, h and b.",
    candidate_without_bias="Your candidate gets no bias. All four parts are made from x, h and b.",
    gates_without_h="Your gates do not see h. All four parts are made from x, h and b.",
    separate_activations="You activate the part from x and the part from h separately. Add them first; then one activation.",
    sigmoid_first="You put everything through a sigmoid, and the candidate through tanh after that. The candidate goes through tanh only.",
    stacked="You return one tensor. Return a tuple of four: input gate, forget gate, output gate, candidate.",
)
def lstm_gates_with(made: Made, x: Tensor, h: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor) -> tuple[Tensor, ...] | Tensor:
    from_x, from_h = x @ w_x, h @ w_h
    order = "ifgo" if made.order_ifgo else "fiog" if made.order_fiog else "iofg" if made.order_iofg else "gifo" if made.order_gifo else "ifog"

    def parts(z: Tensor) -> dict[str, Tensor]:
        if made.interleaved:
            return dict(zip(order, (z[:, k::4] for k in range(4)), strict=True))
        return dict(zip(order, z.chunk(4, dim=0 if made.split_along_the_batch else 1), strict=True))

    if made.separate_activations:
        a, c = parts(from_x + b), parts(from_h)
        return (*(torch.sigmoid(a[k]) + torch.sigmoid(c[k]) for k in "ifo"), torch.tanh(a["g"]) + torch.tanh(c["g"]))
    z = from_x * from_h if made.product else from_h if made.no_x else from_x if made.no_h else from_x + from_h
    z = z if made.no_bias else z + 2 * b if made.bias_twice else z + b
    z = torch.sigmoid(z) if made.sigmoid_first else z
    p = parts(z)
    if made.candidate_without_h:
        p["g"] = parts(from_x + b)["g"]
    if made.candidate_without_bias:
        p["g"] = p["g"] - b.chunk(4)[3]
    if made.gates_without_h:
        p = parts(from_x + b) | {"g": p["g"]}
    gate = torch.tanh if made.gates_tanh else torch.sigmoid
    if made.softmax:
        i, f, o = torch.softmax(torch.stack([p[k] for k in "ifo"]), dim=0)
    else:
        i, f, o = (p[k] if made.gates_linear or made.sigmoid_first else gate(p[k]) for k in "ifo")
    g = torch.sigmoid(p["g"]) if made.candidate_sigmoid else p["g"] if made.candidate_linear else torch.tanh(p["g"])
    return torch.stack([i, f, o, g]) if made.stacked else (i, f, o, g)


# ---- lstm_cell -------------------------------------------------------------------------------------------------------


@exercise(points=3, rows=["6.10"], shares={"large inputs": 0.1}, forbid=TORCHS_OWN)
def lstm_cell(
    x: Float[Tensor, "batch d"],
    h: Float[Tensor, "batch m"],
    c: Float[Tensor, "batch m"],
    w_x: Float[Tensor, "d 4*m"],
    w_h: Float[Tensor, "m 4*m"],
    b: Float[Tensor, "4*m"],
) -> tuple[Float[Tensor, "batch m"], Float[Tensor, "batch m"]]:
    """One step of an LSTM: from the input, the hidden state and the cell to (h_new, c_new).

    The 4m columns hold input gate, forget gate, output gate, candidate, in this order. Large
    inputs must not overflow. Hochreiter and Schmidhuber (1997), with the forget gate of Gers et
    al. (2000).
    """
    input_gate, forget_gate, output_gate, candidate = lstm_gates(x, h, w_x, w_h, b)
    c_new = cell_update(c, input_gate, forget_gate, candidate)
    return output_gate * torch.tanh(c_new), c_new


def cell_inputs(rng: np.random.Generator, batch: int, d: int, m: int, scale: float = 1.0) -> tuple[Tensor, ...]:
    """x, h, c, w_x, w_h, b. The cell is larger than h, as in a trained LSTM."""
    x, h, *weights = gate_inputs(rng, batch, d, m, scale)
    return x, torch.tanh(h), normal(rng, batch, m, scale=1.5), *weights


@cases(lstm_cell)
def visible_cell(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("batch 3, 5 inputs, 2 units", *cell_inputs(rng, 3, 5, 2))


@cases(lstm_cell, hidden=True)
def hidden_cell(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("more units than inputs", *cell_inputs(rng, 2, 3, 7))
    yield Case("as many units as inputs", *cell_inputs(rng, 2, 3, 3))
    yield Case("four samples, four units", *cell_inputs(rng, 4, 4, 4))
    yield Case("one sample, one unit", *cell_inputs(rng, 1, 3, 1))
    x, h, c, *weights = cell_inputs(rng, 2, 3, 5)
    yield Case("h and c are zero", x, h * 0, c * 0, *weights)
    large = "Inputs in the hundreds saturate the gates and must not give NaN: `torch.sigmoid` and `torch.tanh` do not overflow, exponentials do."
    yield Case("inputs in the hundreds", *cell_inputs(rng, 3, 5, 2, scale=300), group="large inputs", hint=large)
    yield Case("inputs in the hundreds, more units", *cell_inputs(rng, 2, 3, 7, scale=300), group="large inputs", hint=large)


@mistakes(
    lstm_cell,
    order_ifgo="Your columns are input, forget, candidate, output, as in PyTorch. Here the candidate comes last.",
    order_fiog="You take the first columns for the forget gate and the second for the input gate (or you apply the two the wrong way round). The input gate comes first.",
    order_iofg="Your columns are input, output, forget, candidate. Here the forget gate comes second.",
    order_figo="Your columns are forget, input, candidate, output. Here they are input, forget, output, candidate.",
    order_gifo="Your columns are candidate, input, forget, output. Here the candidate comes last.",
    order_foig="Your columns are forget, output, input, candidate. Here they are input, forget, output, candidate.",
    interleaved="You take every fourth column for a gate. Each gate's m columns lie side by side.",
    candidate_sigmoid="Your candidate goes through a sigmoid. It goes through tanh, because what it writes may be negative.",
    candidate_linear="Your candidate is not activated. It goes through tanh.",
    gates_tanh="Your gates go through tanh. Gates are sigmoids, between 0 (shut) and 1 (open).",
    gates_linear="Your gates are not activated. They go through a sigmoid.",
    output_gate_linear="Your output gate is not activated. It goes through a sigmoid.",
    output_gate_tanh="Your output gate goes through tanh. It is a sigmoid like the other two.",
    no_tanh_of_cell="Your new hidden state lacks a tanh: the cell is squashed before the output gate shows it.",
    sigmoid_of_cell="You squash the cell by a sigmoid on its way to the hidden state. It is a tanh.",
    old_cell_shown="Your hidden state shows the old cell. It shows the new one.",
    candidate_shown="Your hidden state shows the candidate. It shows the new cell.",
    gate_shown="You return the output gate as hidden state. It scales what is shown of the new cell.",
    no_output_gate="Your hidden state shows the whole cell: the output gate is missing.",
    gate_inside_tanh="You apply the output gate before the tanh. It comes after: first squash the cell, then show part of it.",
    no_bias="You leave out the bias b.",
    bias_twice="You add the bias twice: there is one b for x and h together.",
    no_h="You ignore h: the gates must know what was shown at the previous step.",
    no_x="You ignore x: the gates must see the input.",
    product="You multiply the part from x by the part from h. Add them.",
    cell_into_gates="You feed c into the gates in place of h. The gates see the hidden state.",
    peepholes="Your gates see c besides h (peephole connections). Here they see x and h only.",
    candidate_without_h="Your candidate does not see h. All four parts are made from x, h and b.",
    candidate_without_bias="Your candidate gets no bias. All four parts are made from x, h and b.",
    coupled="You use 1 − input gate as forget gate. The forget gate has columns of its own.",
    no_forget="You keep the whole old cell, as the LSTM of 1997 did. Multiply it by the forget gate.",
    no_input="You add the whole candidate. Multiply it by the input gate.",
    inverted_forget="Your forget gate is the wrong way round. In spite of its name, 1 means keep.",
    forgets_the_new="You apply the forget gate to the candidate too. It scales the old cell only.",
    cell_squashed="You squash the new cell itself. Only what is shown of it is squashed.",
    no_old_cell="Your new cell holds nothing of the old one: add what the forget gate lets through.",
    old_hidden_state_kept="You mix h into the new cell, as a GRU does. What is kept is the old cell c.",
    forget_bias_one="You add 1 to the forget gate. That is a way to initialise b, not a part of the step.",
    swapped="You return (c_new, h_new). The order is (h_new, c_new).",
    hidden_state_twice="You return h_new twice. The second value is the new cell.",
    old_cell_returned="You return the old cell. Return the new one.",
    gated_cell_returned="You return the cell after tanh or after the output gate. The cell goes on unshown, as it is.",
    only_hidden_state="You return h_new only. Return the pair (h_new, c_new).",
    own_tanh="Your tanh is made of exponentials, which overflow for large inputs: ∞/∞ is NaN. `torch.tanh` is safe.",
    own_sigmoid="Your sigmoid divides one exponential by another, and for large inputs ∞/∞ is NaN. `torch.sigmoid` is safe.",
)
def lstm_cell_with(made: Made, x: Tensor, h: Tensor, c: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor) -> tuple[Tensor, Tensor] | Tensor:
    def tanh(z: Tensor) -> Tensor:
        return (z.exp() - (-z).exp()) / (z.exp() + (-z).exp()) if made.own_tanh else torch.tanh(z)

    def sigmoid(z: Tensor) -> Tensor:
        return z.exp() / (1 + z.exp()) if made.own_sigmoid else torch.sigmoid(z)

    i, f, o, g = parts_with(made, x, h, c, w_x, w_h, b)
    g = sigmoid(g) if made.candidate_sigmoid else g if made.candidate_linear else tanh(g)
    if made.gates_tanh:
        i, f, o = tanh(i), tanh(f), tanh(o)
    elif not made.gates_linear:
        i, f = sigmoid(i), sigmoid(f + int(made.forget_bias_one))
        o = o if made.output_gate_linear else tanh(o) if made.output_gate_tanh else sigmoid(o)
    f = 1 - i if made.coupled else 1 - f if made.inverted_forget else torch.ones_like(f) if made.no_forget else f
    f = f * 0 if made.no_old_cell else f
    new = g if made.no_input else i * g * (f if made.forgets_the_new else 1)
    c_new = f * (h if made.old_hidden_state_kept else c) + new
    c_new = tanh(c_new) if made.cell_squashed else c_new
    shown = c if made.old_cell_shown else g if made.candidate_shown else c_new
    shown = o * shown if made.gate_inside_tanh else shown
    squashed = shown if made.no_tanh_of_cell or made.candidate_shown else sigmoid(shown) if made.sigmoid_of_cell else tanh(shown)
    h_new = o if made.gate_shown else squashed if made.no_output_gate or made.gate_inside_tanh else o * squashed
    if made.only_hidden_state:
        return h_new
    c_new = h_new if made.hidden_state_twice else c if made.old_cell_returned else tanh(c_new) if made.gated_cell_returned else c_new
    return (c_new, h_new) if made.swapped else (h_new, c_new)


def parts_with(made: Made, x: Tensor, h: Tensor, c: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor) -> tuple[Tensor, ...]:
    """Input gate, forget gate, output gate and candidate before their activations."""
    from_x, from_h = x @ w_x, (c if made.cell_into_gates else h + c if made.peepholes else h) @ w_h
    z = from_x * from_h if made.product else from_h if made.no_x else from_x if made.no_h else from_x + from_h
    z = z if made.no_bias else z + 2 * b if made.bias_twice else z + b
    orders = {"ifgo": made.order_ifgo, "fiog": made.order_fiog, "iofg": made.order_iofg, "figo": made.order_figo, "gifo": made.order_gifo}
    orders["foig"] = made.order_foig
    order = next((order for order, on in orders.items() if on), "ifog")
    columns = [z[:, k::4] for k in range(4)] if made.interleaved else z.chunk(4, dim=1)
    p = dict(zip(order, columns, strict=True))
    if made.candidate_without_h:
        p["g"] = p["g"] - from_h.chunk(4, dim=1)[3]
    if made.candidate_without_bias:
        p["g"] = p["g"] - b.chunk(4)[3]
    return p["i"], p["f"], p["o"], p["g"]


# ---- lstm ------------------------------------------------------------------------------------------------------------


@exercise(points=3, rows=["6.10"], forbid=TORCHS_OWN, gradients=True)
def lstm(
    x: Float[Tensor, "batch time d"],
    h: Float[Tensor, "batch m"],
    c: Float[Tensor, "batch m"],
    w_x: Float[Tensor, "d 4*m"],
    w_h: Float[Tensor, "m 4*m"],
    b: Float[Tensor, "4*m"],
) -> tuple[Float[Tensor, "batch time m"], Float[Tensor, "batch m"], Float[Tensor, "batch m"]]:
    """Run an LSTM over a sequence of at least one step: (outputs, h_last, c_last).

    `h` and `c` are the state before the first step. `outputs[:, t]` is the hidden state after
    step t. Columns as for `lstm_cell`: input gate, forget gate, output gate, candidate.
    Gradients flow back through all steps.
    """
    outputs = []
    for t in range(x.shape[1]):
        h, c = lstm_cell(x[:, t], h, c, w_x, w_h, b)
        outputs.append(h)
    return torch.stack(outputs, dim=1), h, c


def sequence_inputs(rng: np.random.Generator, batch: int, time: int, d: int, m: int) -> tuple[Tensor, ...]:
    """x, h, c, w_x, w_h, b."""
    _, *others = cell_inputs(rng, batch, d, m)
    return normal(rng, batch, time, d), *others


CELL_FIRST = "A sequence cannot be right before its steps are: does `check(lstm_cell)` pass?"


@cases(lstm)
def visible_lstm(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("batch 2, 5 steps, 3 inputs, 7 units", *sequence_inputs(rng, 2, 5, 3, 7), hint=CELL_FIRST)


@cases(lstm, hidden=True)
def hidden_lstm(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("13 steps", *sequence_inputs(rng, 3, 13, 2, 5), hint=CELL_FIRST)
    yield Case("one step", *sequence_inputs(rng, 3, 1, 5, 2), hint=CELL_FIRST)
    yield Case("as many sequences as steps", *sequence_inputs(rng, 5, 5, 3, 2), hint=CELL_FIRST)
    yield Case("one sequence", *sequence_inputs(rng, 1, 7, 2, 3), hint=CELL_FIRST)


@mistakes(
    lstm,
    along_the_batch="You walk along the first axis, the batch. Time is the second axis.",
    time_first="Your outputs are ordered time, batch, units. Time is the second axis here: batch, time, units.",
    outputs_joined="You join the outputs along the last axis. Time has an axis of its own, the second.",
    cells_as_outputs="Your outputs are the cells. An LSTM shows its hidden states.",
    zero_start="You start from zeros. Start from the `h` and `c` that you are given.",
    zero_cell="You start with a cell of zeros. Start from the `c` that you are given.",
    cell_not_carried="You begin every step with the first cell. Each step continues with the cell of the step before.",
    hidden_not_carried="You begin every step with the first hidden state. Each step continues with that of the step before.",
    nothing_carried="You begin every step with the first state. Each step continues with the state of the step before.",
    backwards="You walk from the last step to the first.",
    outputs_reversed="Your outputs are in reversed order: `outputs[:, 0]` belongs to the first step.",
    outputs_before_the_step="You note the hidden state before each step. `outputs[:, t]` is the one after step t.",
    outputs_aliased="All your outputs equal the last one: they are one and the same tensor, changed at every step.",
    first_step_skipped="You skip the first step.",
    last_step_skipped="You skip the last step.",
    first_input_always="You feed the first step's input at every step.",
    state_swapped="You return (outputs, c_last, h_last). The hidden state comes before the cell.",
    state_carried_swapped="You carry the state over in the wrong order: the cell arrives as h, and h as the cell.",
    first_state_returned="You return the state after the first step. Return the last one.",
    start_returned="You return the state that you were given. Return the one after the last step.",
    last_sequence="Your h_last is the last sequence of the batch. It is the last step of every sequence.",
    state_as_pair="You return (outputs, (h, c)), as PyTorch does. Here it is a triple: (outputs, h_last, c_last).",
    outputs_only="You return the outputs only. Return (outputs, h_last, c_last).",
    no_outputs="You return the last state only. Return (outputs, h_last, c_last).",
    order_ifgo="Your steps take the columns as input, forget, candidate, output, as in PyTorch. Here the candidate comes last.",
    state_detached="The values are right, but you detach the state between steps, and no gradient reaches an earlier step.",
    cell_detached="The values are right, but you detach the cell between steps. It is the very path by which gradients reach earlier steps.",
    outputs_detached="The values are right, but your outputs are cut from the graph, and no gradient comes back through them.",
)
def lstm_with(
    made: Made, x: Tensor, h: Tensor, c: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor
) -> tuple[Tensor, Tensor, Tensor] | tuple[Tensor, tuple[Tensor, Tensor]] | tuple[Tensor, Tensor] | Tensor:
    if made.order_ifgo:
        w_x, w_h, b = (torch.cat([i, f, o, g], dim=-1) for i, f, g, o in (w.chunk(4, dim=-1) for w in (w_x, w_h, b)))
    h_0, c_0 = h, c
    if made.zero_start:
        h, c = torch.zeros_like(h), torch.zeros_like(c)
    c = torch.zeros_like(c) if made.zero_cell else c
    outputs, states = [], []
    inputs = list(x) if made.along_the_batch else list(x.unbind(1))
    inputs = inputs[1:] if made.first_step_skipped else inputs[:-1] if made.last_step_skipped else inputs
    for step in reversed(inputs) if made.backwards else inputs:
        before = h
        h, c = lstm_cell(inputs[0] if made.first_input_always else step, h, c, w_x, w_h, b)
        outputs.append(c if made.cells_as_outputs else before if made.outputs_before_the_step else h)
        states.append((h, c))
        h, c = (h_0 if made.hidden_not_carried or made.nothing_carried else h), (c_0 if made.cell_not_carried or made.nothing_carried else c)
        h, c = (c, h) if made.state_carried_swapped else (h, c)
        h = h.detach() if made.state_detached else h
        c = c.detach() if made.state_detached or made.cell_detached else c
    h, c = (h_0, c_0) if made.start_returned else states[0 if made.first_state_returned else -1]
    outputs = outputs[::-1] if made.outputs_reversed else [h] * len(outputs) if made.outputs_aliased else outputs
    out = torch.cat(outputs, dim=-1) if made.outputs_joined else torch.stack(outputs, dim=0 if made.time_first else 1)
    h = out[-1] if made.last_sequence else h
    out = out.detach() if made.outputs_detached else out
    if made.outputs_only:
        return out
    if made.no_outputs:
        return h, c
    if made.state_as_pair:
        return out, (h, c)
    return (out, c, h) if made.state_swapped else (out, h, c)


# ---- stacked_lstm ----------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["6.10"], forbid=TORCHS_OWN, gradients=True)
def stacked_lstm(
    x: Float[Tensor, "batch time d"],
    h: Float[Tensor, "layers batch m"],
    c: Float[Tensor, "layers batch m"],
    weights: list[tuple[Tensor, Tensor, Tensor]],
) -> tuple[Float[Tensor, "batch time m"], Float[Tensor, "layers batch m"], Float[Tensor, "layers batch m"]]:
    """Run LSTMs on top of each other: (outputs of the top layer, h_last, c_last).

    `weights` holds (w_x, w_h, b) for every layer, from bottom to top. At every step a layer's
    input is what the layer below puts out at that step; the bottom layer's is x. `h[k]` and
    `c[k]` are layer k's state before the first step, `h_last[k]` and `c_last[k]` after the
    last.
    """
    states = []
    for h_0, c_0, layer in zip(h, c, weights, strict=True):
        x, h_last, c_last = lstm(x, h_0, c_0, *layer)
        states.append((h_last, c_last))
    return x, torch.stack([h_last for h_last, _ in states]), torch.stack([c_last for _, c_last in states])


def stack_inputs(
    rng: np.random.Generator, layers: int, batch: int, time: int, d: int, m: int
) -> tuple[Tensor, Tensor, Tensor, list[tuple[Tensor, Tensor, Tensor]]]:
    """x, h, c, weights."""
    below = [d] + [m] * (layers - 1)
    weights = [(normal(rng, width, 4 * m, scale=0.8), normal(rng, m, 4 * m, scale=0.6), normal(rng, 4 * m)) for width in below]
    return normal(rng, batch, time, d), torch.tanh(normal(rng, layers, batch, m)), normal(rng, layers, batch, m), weights


LSTM_FIRST = "A stack cannot be right before its layers are: does `check(lstm)` pass?"


@cases(stacked_lstm)
def visible_stack(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("2 layers, batch 3, 5 steps, 7 inputs, 5 units", *stack_inputs(rng, 2, 3, 5, 7, 5), hint=LSTM_FIRST)


@cases(stacked_lstm, hidden=True)
def hidden_stack(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("2 layers, 13 steps", *stack_inputs(rng, 2, 3, 13, 5, 2), hint=LSTM_FIRST)
    yield Case("3 layers, as many inputs as units", *stack_inputs(rng, 3, 2, 5, 7, 7), hint=LSTM_FIRST)
    yield Case("one layer", *stack_inputs(rng, 1, 2, 3, 7, 5), hint=LSTM_FIRST)
    yield Case("one step", *stack_inputs(rng, 2, 2, 1, 3, 3), hint=LSTM_FIRST)


@mistakes(
    stacked_lstm,
    all_layers_see_x="Every layer of yours sees x. A layer sees what the layer below puts out.",
    same_weights="You use the first layer's weights everywhere. Every layer has its own.",
    first_state_everywhere="You start every layer from the first layer's state. Every layer has its own.",
    state_from_below="You start a layer from the last state of the layer below. It starts from its own `h[k]` and `c[k]`.",
    zero_start="You start from zeros. Start from the `h` and `c` that you are given.",
    bottom_outputs="You return the outputs of the bottom layer. Return the top layer's.",
    outputs_of_all_layers="You return the outputs of all layers. Return the top layer's only.",
    outputs_added="You add a layer's input to its output, a residual connection. Pass on the output alone.",
    delayed="A layer sees what the layer below put out one step earlier. It sees what that layer puts out at the same step.",
    last_output_repeated="A layer sees the last output of the layer below at every step. At step t it sees that layer's output of step t.",
    top_down="You go through the layers from top to bottom. The first one in the list is the bottom layer.",
    states_reversed="Your last states are in reversed order: `h_last[0]` belongs to the bottom layer.",
    state_swapped="You return (outputs, c_last, h_last). The hidden states come before the cells.",
    top_state_only="You return the top layer's state only. Return every layer's.",
    layers_second="Your states are ordered batch, layers, units. The layers come first.",
    squashed_between="You put the outputs through another activation between layers. They are passed on as they are.",
    states_detached="The values are right, but you detach what one layer passes on to the next, and no gradient reaches the layers below.",
)
def stacked_lstm_with(made: Made, x: Tensor, h: Tensor, c: Tensor, weights: list[tuple[Tensor, Tensor, Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
    if made.zero_start:
        h, c = torch.zeros_like(h), torch.zeros_like(c)
    below = x
    outputs: list[Tensor] = []
    states: list[tuple[Tensor, Tensor]] = []
    for k in reversed(range(len(weights))) if made.top_down else range(len(weights)):
        h_0, c_0 = (h[0], c[0]) if made.first_state_everywhere else states[-1] if made.state_from_below and states else (h[k], c[k])
        out, h_k, c_k = lstm(x if made.all_layers_see_x else below, h_0, c_0, *weights[0 if made.same_weights else k])
        outputs.append(out)
        states.append((h_k, c_k))
        if made.delayed:
            out = torch.cat([torch.zeros_like(out[:, :1]), out[:, :-1]], dim=1)
        elif made.last_output_repeated:
            out = out[:, -1:].expand(out.shape)
        elif made.squashed_between:
            out = torch.tanh(out)
        elif made.outputs_added and out.shape == below.shape:
            out = out + below
            outputs[-1] = out
        below = out.detach() if made.states_detached else out
    states = states[::-1] if made.states_reversed or made.top_down else states
    h_last, c_last = (torch.stack(s, dim=1 if made.layers_second else 0) for s in zip(*states, strict=True))
    if made.top_state_only:
        h_last, c_last = h_last[-1], c_last[-1]
    out = torch.stack(outputs) if made.outputs_of_all_layers else outputs[0 if made.bottom_outputs else -1]
    return (out, c_last, h_last) if made.state_swapped else (out, h_last, c_last)
