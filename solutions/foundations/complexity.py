"""What derivatives cost: multiplications and memory of forward mode, reverse mode, and what lies between them."""

import functools
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from autograder.exercise import Case, Made, cases, equivalent, exercise, mistakes

FORWARD, REVERSE = "forward", "reverse"

# ---- chain_cost ------------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["1.20"])
def chain_cost(sizes: list[int]) -> tuple[int, int]:
    """The multiplications that forward mode and reverse mode need for the Jacobian of a chain of
    functions: (forward, reverse).

    The chain leads from sizes[0] inputs over sizes[1], sizes[2], ... numbers to sizes[-1]
    outputs, so the Jacobian of its first step has the shape (sizes[1], sizes[0]). Forward mode
    multiplies these matrices starting at the input, reverse mode starting at the output. An
    (a, b) times a (b, c) matrix takes a·b·c multiplications. A single step is free: there is
    nothing to multiply.
    """
    inputs, outputs = sizes[0], sizes[-1]
    forward = sum(a * b * inputs for a, b in itertools.pairwise(sizes[1:]))
    reverse = sum(a * b * outputs for a, b in itertools.pairwise(sizes[:-1]))
    return forward, reverse


def some_sizes(rng: np.random.Generator, n: int) -> list[int]:
    return [int(k) for k in rng.permutation([2, 3, 5, 7, 11, 13, 17, 19, 23])[:n]]


@cases(chain_cost)
def visible_chain_cost(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("2 inputs → 3 → 5 → 7 outputs", [2, 3, 5, 7])
    yield Case("a loss: 100 inputs → 50 → 20 → 1", [100, 50, 20, 1])
    yield Case("one input: 1 → 20 → 50 → 100", [1, 20, 50, 100])


@cases(chain_cost, hidden=True)
def hidden_chain_cost(rng: np.random.Generator) -> Iterator[Case]:
    for n in (3, 4, 5, 7):
        yield Case(f"{n - 1} steps", some_sizes(rng, n))
    yield Case("far more outputs than inputs", [2, *some_sizes(rng, 3), 1009])
    yield Case("far more inputs than outputs", [997, *some_sizes(rng, 4), 3])
    yield Case("a single step", some_sizes(rng, 2))


@mistakes(
    chain_cost,
    swapped="You return the costs in the wrong order. Forward mode starts at the input, with matrices that keep as many columns as there are inputs; it comes first.",
    one_direction="Your count is that of a single row or column passing through. Forward mode carries a column for each input, reverse mode a row for each output.",
    other_end="You multiply by the wrong number of directions. What forward mode carries has a column for each input; what reverse mode carries has a row for each output.",
    starts_with_identity="You begin by multiplying by an identity matrix. The first Jacobian can be taken as it is: k steps need k - 1 products.",
    one_product_missing="You leave out a product: k steps need k - 1 of them.",
    reverse_as_forward="Your two costs are equal. The directions differ: what is carried has as many columns as inputs in one, as many rows as outputs in the other.",
    only_products_of_neighbours="You count the products of neighbouring Jacobians, as if each were multiplied by the one after it. It is the result so far that is multiplied.",
    additions_too="You count additions as well. Multiplications alone are asked for.",
    results_only="You count the numbers in each result. Each of them is a sum of b products: a·b·c in all.",
    sizes_multiplied="You multiply all sizes with each other. The products come one after the other, so their costs add up.",
    last_product="You return the cost of the last product. The costs of all products add up.",
    both_ends="You multiply by inputs and outputs at once. Only one of them is carried along.",
    first_last_only="You count as if the chain led from the input to the output in one product.",
)
def chain_cost_with(made: Made, sizes: list[int]) -> Any:
    if made.only_products_of_neighbours:
        total = sum(a * b * c for a, b, c in zip(sizes, sizes[1:], sizes[2:], strict=False))
        return total, total

    def cost(sizes: list[int]) -> int:
        """Starting at the input, of which there are sizes[0]."""
        carried = 1 if made.one_direction else sizes[-1] if made.other_end else sizes[0]
        carried *= sizes[-1] if made.both_ends else 1
        steps = list(itertools.pairwise(sizes[1:]))
        steps = steps[:-1] if made.one_product_missing else steps
        costs = [(b if made.results_only else a * b) * carried + ((a - 1) * b * carried if made.additions_too else 0) for a, b in steps]
        if made.starts_with_identity:
            costs.insert(0, sizes[1] * sizes[0] * carried)
        if made.first_last_only:
            costs = costs and [sizes[0] * sizes[1] * sizes[-1]]
        if made.sizes_multiplied:
            return int(np.prod(sizes))
        return sum(costs[-1:]) if made.last_product else sum(costs)

    forward = cost(sizes)
    reverse = forward if made.reverse_as_forward else cost(sizes[::-1])
    return (reverse, forward) if made.swapped else (forward, reverse)


# ---- best_chain_cost -------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["1.20"], shares={"long chains": 0.2}, seconds=5)
def best_chain_cost(sizes: list[int]) -> int:
    """The fewest multiplications for the Jacobian of a chain of functions, if its matrices may be
    multiplied in any grouping.

    `sizes` and costs are those of `chain_cost`. The order of the factors stays; parentheses may
    stand anywhere. Chains may have 50 steps, for which trying all groupings takes forever.
    """

    @functools.cache
    def best(i: int, j: int) -> int:
        """For the steps that lead from sizes[i] to sizes[j]."""
        if j - i == 1:
            return 0
        return min(best(i, k) + best(k, j) + sizes[i] * sizes[k] * sizes[j] for k in range(i + 1, j))

    return best(0, len(sizes) - 1)


@cases(best_chain_cost)
def visible_best_chain_cost(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("through a bottleneck: 10 → 20 → 1 → 20 → 10", [10, 20, 1, 20, 10])
    yield Case("through a wide middle: 2 → 30 → 3 → 40 → 5", [2, 30, 3, 40, 5])
    yield Case("a loss: 100 → 50 → 20 → 1", [100, 50, 20, 1])


@cases(best_chain_cost, hidden=True)
def hidden_best_chain_cost(rng: np.random.Generator) -> Iterator[Case]:
    for n in (4, 6, 8, 9):
        yield Case(f"{n - 1} steps", some_sizes(rng, n))
    for trap in ([4, 2, 4, 3, 1, 1, 4, 5], [5, 1, 1, 3, 2, 3, 5, 2]):
        factor = int(rng.integers(2, 10))
        yield Case("a trap for quick rules", [factor * size for size in trap])
    yield Case("two bottlenecks", [17, 3, 19, 13, 2, 23, 11])
    yield Case("two steps", some_sizes(rng, 3))
    yield Case("a single step", some_sizes(rng, 2))
    slow = "A chain of 50 steps has more groupings than there are grains of sand. The same parts of the chain come up again and again: remember what they cost."
    yield Case("50 steps", [int(k) for k in rng.integers(2, 60, size=51)], group="long chains", hint=slow)


@mistakes(
    best_chain_cost,
    better_end="You take the better of forward and reverse mode. Grouping may start in the middle, too, and a bottleneck there makes that cheaper.",
    cheapest_first="You always take the cheapest product next. That is not always best: what it leaves behind may be expensive. Compare all ways to split the chain.",
    widest_first="You always remove the widest number in between. That is not always best: compare all ways to split the chain.",
    one_split="You split the chain once and go through each part from one end. The parts may be split again.",
    join_forgotten="You forget what it costs to multiply the two parts of a split with each other.",
    left_forgotten="You forget the cost of the first part of a split.",
    largest="You return the largest cost. The smallest is wanted.",
    halves="You split every chain in its middle. The best place depends on the sizes: try all.",
    narrowest="You split where the chain is narrowest. That is a good guess and not always best: try all.",
    forward_only="That is the cost of forward mode. Any grouping is allowed, and the cheapest is wanted.",
    reverse_only="That is the cost of reverse mode. Any grouping is allowed, and the cheapest is wanted.",
)
def best_chain_cost_with(made: Made, sizes: list[int]) -> int:
    if made.cheapest_first or made.widest_first:
        left, total = list(sizes), 0
        while len(left) > 2:
            price = [left[k - 1] * left[k] * left[k + 1] if made.cheapest_first else -left[k] for k in range(1, len(left) - 1)]
            k = 1 + int(np.argmin(price))
            total += left[k - 1] * left[k] * left[k + 1]
            del left[k]
        return total
    if made.better_end or made.forward_only or made.reverse_only:
        forward, reverse = chain_cost(sizes)
        return forward if made.forward_only else reverse if made.reverse_only else min(forward, reverse)

    @functools.cache
    def best(i: int, j: int) -> int:
        if j - i == 1:
            return 0
        inside = range(i + 1, j)
        if made.one_split and (i, j) != (0, len(sizes) - 1):
            return min(chain_cost(sizes[i : j + 1]))
        if made.halves:
            inside = range((i + j) // 2, (i + j) // 2 + 1)
        if made.narrowest:
            k = min(inside, key=lambda k: sizes[k])
            inside = range(k, k + 1)
        joins = [
            (0 if made.left_forgotten else best(i, k)) + best(k, j) + (0 if made.join_forgotten and j - i > 2 else sizes[i] * sizes[k] * sizes[j])
            for k in inside
        ]
        return max(joins) if made.largest else min(joins)

    return best(0, len(sizes) - 1)


# ---- count_multiplications -------------------------------------------------------------------------------------------


@exercise(points=3, rows=["1.20"])
def count_multiplications(parents: dict[str, list[str]], mode: str) -> int:
    """How many multiplications it takes to get all derivatives of a graph's outputs with respect to
    its inputs.

    `parents[node]` lists the numbers that `node` is computed from; x·x lists x twice. Inputs
    have no parents; outputs are no node's parent. Mode "forward" makes a pass for each input,
    "reverse" one for each output. Each entry of a list of parents that takes part in a pass
    costs one multiplication, by its local derivative. In a forward pass those entries take part
    whose parent is the input or depends on it, in a reverse pass those whose node is the output
    or is needed by it.
    """
    children: dict[str, list[str]] = {node: [] for node in parents}
    for node in parents:
        for parent in parents[node]:
            children[parent].append(node)
    next_to, behind = (children, parents) if mode == "forward" else (parents, children)
    count = 0
    for start in (node for node in parents if not behind[node]):
        reached, waiting = {start}, [start]
        while waiting:
            node = waiting.pop()
            count += len(next_to[node])
            new = set(next_to[node]) - reached
            reached |= new
            waiting.extend(new)
    return count


TWO_OF_THREE = {"a": [], "b": [], "u": ["a", "b"], "v": ["u", "u"], "w": ["b"], "y": ["v", "w"], "z": ["w"]}
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def random_graph(rng: np.random.Generator, inputs: int, inner: int, outputs: int, locality: int = 6) -> dict[str, list[str]]:
    """Each inner node has one to three recent parents, the same one twice now and then; outputs have two."""
    graph: dict[str, list[str]] = {LETTERS[k]: [] for k in range(inputs)}
    for _ in range(inner):
        recent = list(graph)[-locality:]
        graph[LETTERS[len(graph)]] = [str(p) for p in rng.choice(recent, size=rng.integers(1, 4))]
    for k in range(outputs):
        graph[f"y{k}"] = [str(p) for p in rng.choice(list(graph)[inputs : inputs + inner], size=2)]
    return graph


@cases(count_multiplications)
def visible_count_multiplications(rng: np.random.Generator) -> Iterator[Case]:
    for mode in (FORWARD, REVERSE):
        yield Case(f"two inputs, two outputs, {mode}", TWO_OF_THREE, mode)
    for mode in (FORWARD, REVERSE):
        yield Case(f"a sum of three, {mode}", {"a": [], "b": [], "c": [], "u": ["a", "b"], "y": ["u", "c"]}, mode)


@cases(count_multiplications, hidden=True)
def hidden_count_multiplications(rng: np.random.Generator) -> Iterator[Case]:
    for inputs, inner, outputs in ((2, 7, 1), (5, 11, 2), (1, 7, 5)):
        graph = random_graph(rng, inputs, inner, outputs)
        for mode in (FORWARD, REVERSE):
            yield Case(f"{inputs} inputs, {inner} numbers in between, {mode}", graph, mode)
    for mode in (FORWARD, REVERSE):
        yield Case(f"a chain that squares, {mode}", {"x": [], "u": ["x", "x"], "v": ["u", "u"], "w": ["v", "u"], "y": ["w", "w"]}, mode)


@mistakes(
    count_multiplications,
    modes_swapped="Your two modes are swapped. Forward mode makes a pass for each input, reverse mode one for each output.",
    not_pruned="You count the whole graph in every pass. What a pass does not touch costs nothing: in a forward pass, nodes that do not depend on this input; in a reverse pass, nodes that this output does not need.",
    one_pass="You count one pass. Forward mode needs one for each input, reverse mode one for each output.",
    shared_once="You count every entry once, however many passes touch it. Each pass costs its own multiplications.",
    twice_counts_once="A parent that is listed twice counts once in your answer. Each entry has a local derivative of its own and costs a multiplication.",
    nodes_counted="You count nodes. It is entries in the lists of parents that cost a multiplication: one for each arrow of the graph.",
    every_path="You count a node as often as paths lead to it. A pass visits each node once, when all that arrives there has been added up: that is what makes it cheap.",
    start_is_free="You do not count the arrows right at the start of a pass. Every entry costs a multiplication, also by a derivative of 1.",
    neighbours_only="You count the arrows next to the start of each pass only. The pass goes on through the whole graph.",
    pass_for_every_node="You make a pass for every node. Forward mode starts at inputs only, reverse mode at outputs only.",
    times_both="You multiply the arrows by inputs and by outputs. One of the two numbers counts, depending on the mode.",
    last_output="In reverse mode you start at the last node only. All outputs have a pass, every node that is no node's parent.",
)
def count_multiplications_with(made: Made, parents: dict[str, list[str]], mode: str) -> int:
    children: dict[str, list[str]] = {node: [] for node in parents}
    for node, listed in parents.items():
        for parent in listed:
            children[parent].append(node)
    arrows = sum(len(listed) for listed in parents.values())
    forward = (mode == FORWARD) != made.modes_swapped
    next_to, behind = (children, parents) if forward else (parents, children)
    starts = [node for node in parents if made.pass_for_every_node or not behind[node]]
    if made.not_pruned:
        return arrows * len(starts)
    if made.times_both:
        return arrows * sum(not p for p in parents.values()) * sum(not c for c in children.values())
    if made.last_output and not forward:
        starts = starts[-1:]
    starts = starts[:1] if made.one_pass else starts
    count, ever = 0, set()
    for start in starts:
        reached, waiting = {start}, [start]
        while waiting:
            node = waiting.pop()
            if made.shared_once and node in ever:
                continue
            ever.add(node)
            listed = list(dict.fromkeys(next_to[node])) if made.twice_counts_once else next_to[node]
            if not made.nodes_counted and not (made.start_is_free and node == start):
                count += len(listed)
            if made.neighbours_only:
                continue
            new = list(listed) if made.every_path else [k for k in dict.fromkeys(listed) if k not in reached]
            reached.update(new)
            waiting.extend(new)
        if made.nodes_counted:
            count += len(reached)
    return count


# ---- peak_memory -----------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["1.20"])
def peak_memory(parents: dict[str, list[str]]) -> tuple[int, int]:
    """The largest number of values that are in memory at once while a graph is computed: (forward,
    reverse).

    Nodes are computed (inputs: read in) in the order of the dict, in which each comes after its
    parents. A new value enters memory while those of its parents are still there. In forward
    mode a value is dropped right after the last node that uses it has been computed; outputs,
    which no node uses, stay. In reverse mode every value is kept for the way back.
    """
    last_use = {parent: node for node, listed in parents.items() for parent in listed}
    alive: set[str] = set()
    peak = 0
    for node in parents:
        alive.add(node)
        peak = max(peak, len(alive))
        alive -= {value for value in alive if last_use.get(value) == node}
    return peak, len(parents)


equivalent(
    peak_memory,
    {
        "peak = 1": "A graph has at least one value, so the peak is at least 1.",
        "peak = -1": "A graph has at least one value, so the peak is at least 1.",
    },
)


@cases(peak_memory)
def visible_peak_memory(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("a chain of 5", {"x": [], "u": ["x"], "v": ["u"], "w": ["v"], "y": ["w"]})
    yield Case("a value that is needed late", {"x": [], "u": ["x"], "v": ["u", "u"], "w": ["v"], "s": ["w"], "y": ["s", "x"]})
    yield Case("two inputs, two outputs", TWO_OF_THREE)


@cases(peak_memory, hidden=True)
def hidden_peak_memory(rng: np.random.Generator) -> Iterator[Case]:
    for inputs, inner, outputs, locality in ((1, 11, 1, 3), (3, 17, 2, 4), (2, 13, 3, 6), (5, 7, 1, 3)):
        yield Case(f"{inputs} inputs, {inner} numbers in between", random_graph(rng, inputs, inner, outputs, locality))
    yield Case("a long chain", {f"u{k}": [f"u{k - 1}"] if k else [] for k in range(int(rng.integers(50, 90)))})
    order = [LETTERS[k] for k in rng.permutation(7)]
    fan: dict[str, list[str]] = {name: [] for name in order[:4]} | {order[4]: order[:2], order[5]: [order[2], order[3]], order[6]: order[4:6]}
    yield Case("all inputs first", fan)
    a, b, c, d, e, f, g = order
    yield Case("inputs that are read in late", {a: [], b: [a], c: [], d: [b, c], e: [], f: [d, e], g: [f]})
    yield Case("outputs on the way", {"x": [], "y1": ["x"], "u": ["x"], "y2": ["u"], "v": ["u"], "y3": ["v"], "y4": ["v"]})


@mistakes(
    peak_memory,
    saved_values_forgotten="For reverse mode you count as for forward mode. The way back needs the values of the way there: all of them are kept.",
    dropped_too_early="You drop the parents before the new value is there. It is computed from them, so for a moment both are in memory.",
    outputs_dropped="You drop outputs as soon as they are computed. They are the result and stay.",
    inputs_kept="You keep all inputs to the end. In forward mode they are dropped like other values, after their last use.",
    inputs_not_counted="You do not count inputs. They are in memory from the moment they are read in.",
    nothing_dropped="In forward mode you keep everything. A value is dropped right after its last use.",
    dropped_after_first_use="You drop a value after its first use. Later nodes may need it: wait for the last one.",
    at_the_end="You count what is in memory at the end. The largest number at any moment is wanted.",
    always_two="You say that forward mode needs two values. That is so in a chain; other values may wait for a later use.",
    parents_only="For forward mode you count a node and its parents, wherever there are most. Other values may wait for a later use.",
    reverse_without_inputs="In reverse mode you do not count inputs. Local derivatives need them like any other value.",
    reverse_without_outputs="In reverse mode you do not count outputs. Every value counts.",
    gradients_too="In reverse mode you count a gradient for each value as well. Values are asked for.",
    swapped="You return the numbers in the wrong order: forward mode comes first.",
    inputs_from_the_start="You start with all inputs in memory. An input enters memory when its turn comes.",
)
def peak_memory_with(made: Made, parents: dict[str, list[str]]) -> Any:
    used = {p for listed in parents.values() for p in listed}
    uses = [(parent, node) for node, listed in parents.items() for parent in listed]
    drop_at = dict(uses[::-1]) if made.dropped_after_first_use else dict(uses)
    inputs = {node for node, listed in parents.items() if not listed}
    alive: set[str] = set(inputs) if made.inputs_from_the_start else set()
    peak = 0
    for node in parents:
        done = {value for value in alive | {node} if drop_at.get(value) == node}
        if made.nothing_dropped:
            done = set()
        if made.inputs_kept:
            done -= inputs
        if made.dropped_too_early:
            alive -= done
        alive.add(node)
        counted = alive - inputs if made.inputs_not_counted else alive
        peak = len(counted) if made.at_the_end else max(peak, len(counted))
        alive -= done
        if made.outputs_dropped and node not in used:
            alive.discard(node)
        if made.at_the_end:
            peak = len(alive)
    forward = 2 if made.always_two else 1 + max(len(p) for p in parents.values()) if made.parents_only else peak
    reverse = len(parents) - (len(inputs) if made.reverse_without_inputs else 0)
    reverse = reverse - len(set(parents) - used) if made.reverse_without_outputs else 2 * reverse if made.gradients_too else reverse
    reverse = forward if made.saved_values_forgotten else reverse
    return (reverse, forward) if made.swapped else (forward, reverse)


# ---- checkpointing ---------------------------------------------------------------------------------------------------


@exercise(points=3, rows=["1.20"])
def checkpointing(n: int, k: int) -> tuple[int, int]:
    """Memory and extra work of reverse mode with checkpoints: (peak, recomputed).

    A chain of n steps leads from a_0 to a_n. The way back takes the steps from the last to the
    first, and the step from a_i to a_{i+1} needs a_i. On the way there, only the checkpoints
    a_0, a_k, a_2k, ... with an index below n are kept. On the way back, one stretch after the
    other: the values between its checkpoint and the next (or a_n) are computed again, once, and
    kept; when the way back has reached the checkpoint, they and the checkpoint are dropped.
    `peak` is the largest number of values kept at once, `recomputed` how many values are
    computed a second time. 1 <= k <= n.
    """
    peak = recomputed = 0
    for earlier, start in enumerate(range(0, n, k)):
        length = min(k, n - start)
        peak = max(peak, earlier + length)
        recomputed += length - 1
    return peak, recomputed


@cases(checkpointing)
def visible_checkpointing(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("12 steps, every 4th value kept", 12, 4)
    yield Case("11 steps, every 4th value kept", 11, 4)
    yield Case("9 steps, every 4th value kept", 9, 4)


@cases(checkpointing, hidden=True)
def hidden_checkpointing(rng: np.random.Generator) -> Iterator[Case]:
    k = int(rng.integers(5, 9))
    stretches = int(rng.integers(4, 9))
    yield Case("stretches of equal length", k * stretches, k)
    yield Case("the last stretch is shorter by one", k * stretches - 1, k)
    yield Case("the last stretch is short", k * stretches + 2, k)
    yield Case("far more checkpoints than values between them", int(rng.integers(90, 130)), 3)
    yield Case("a few long stretches", int(rng.integers(200, 229)), 50)
    yield Case("every value is a checkpoint", int(rng.integers(20, 40)), 1)
    n = int(rng.integers(20, 40))
    yield Case("one checkpoint only", n, n)


@mistakes(
    checkpointing,
    checkpoints_forgotten="Your peak counts the values of one stretch only. The checkpoints of all earlier stretches are still waiting in memory.",
    stretch_forgotten="Your peak counts the checkpoints only. While a stretch is worked on, its recomputed values are kept as well.",
    last_stretch_as_long="You take the last stretch to be as long as the others. It ends at a_n and may be shorter; the peak may then come one stretch later.",
    peak_in_last_stretch="You look for the peak in the last stretch only. If it is short, the one before it needs more memory.",
    rule_of_thumb="You add the number of checkpoints and k. The checkpoint of a stretch is its first value and counts once; and the last stretch, where all checkpoints are there, may be shorter than k.",
    one_too_many="Your peak is too high by one. The checkpoint of a stretch counts once, not among the checkpoints and again in the stretch; and no step needs the value of a_n.",
    rounded_down="You round n / k down. A last, shorter stretch has a checkpoint, too.",
    checkpoints_recomputed="You recompute checkpoints as well. They are in memory; only the values between them are computed again.",
    one_stretch_recomputed="You count the recomputed values of one stretch. Every stretch is recomputed, so they add up.",
    last_stretch_not_recomputed="You do not recompute the last stretch. Its values, too, were not kept on the way there.",
    no_checkpoints="That is plain reverse mode: everything is kept and nothing is computed again.",
    nothing_dropped="You never drop what was recomputed, so that everything is in memory in the end. A stretch is dropped as soon as it is done.",
    from_the_start="You recompute from a_0 each time. A stretch starts at its own checkpoint.",
    again_for_every_step="You compute the way from the checkpoint again for every single step. The values of a stretch are computed once and kept until it is done.",
    swapped="You return the numbers in the wrong order: the peak comes first.",
    checkpoints_never_dropped="You keep the checkpoints of stretches that are done. They are dropped too, which matters when the last stretch is short.",
)
def checkpointing_with(made: Made, n: int, k: int) -> Any:
    starts = list(range(0, n, k))
    if made.rounded_down and n % k:
        starts = starts[:-1]
    lengths = [k if made.last_stretch_as_long else min(k, n - start) for start in starts]
    waiting = [len(starts) - 1 if made.checkpoints_never_dropped else j for j in range(len(starts))]
    peaks = [w + length for w, length in zip(waiting, lengths, strict=True)]
    if made.checkpoints_forgotten:
        peaks = lengths
    if made.stretch_forgotten:
        peaks = [len(starts)]
    peak = peaks[-1] if made.peak_in_last_stretch else max(peaks)
    peak += int(made.one_too_many)
    again = [length - (0 if made.checkpoints_recomputed else 1) for length in lengths]
    recomputed = again[0] if made.one_stretch_recomputed else sum(again[:-1]) if made.last_stretch_not_recomputed else sum(again)
    if made.rule_of_thumb:
        peak = len(starts) + k
    if made.no_checkpoints or made.nothing_dropped:
        peak = n
    recomputed = 0 if made.no_checkpoints else recomputed
    if made.from_the_start:
        recomputed = sum(start + length - 1 for start, length in zip(starts, lengths, strict=True))
    if made.again_for_every_step:
        recomputed = sum(length * (length - 1) // 2 for length in lengths)
    return (recomputed, peak) if made.swapped else (peak, recomputed)
