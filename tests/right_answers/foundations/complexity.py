"""Right answers in other styles: what derivatives cost."""

import itertools
import math
from collections import Counter

import numpy as np

# ---- chain_cost ------------------------------------------------------------------------------------------------------


def chain_cost__shapes(sizes):
    """Multiply shapes as if they were matrices."""
    shapes = [(b, a) for a, b in itertools.pairwise(sizes)]

    def cost(pairs):
        total, (rows, columns) = 0, pairs[0]
        for shape in pairs[1:]:
            left, right = (shape, (rows, columns)) if pairs is shapes else ((rows, columns), shape)
            total += left[0] * left[1] * right[1]
            rows, columns = left[0], right[1]
        return total

    return cost(shapes), cost(shapes[::-1])


def chain_cost__loops(sizes):
    forward = reverse = 0
    for i in range(2, len(sizes)):
        forward += sizes[i] * sizes[i - 1] * sizes[0]
    for i in range(len(sizes) - 2, 0, -1):
        reverse += sizes[-1] * sizes[i] * sizes[i - 1]
    return [forward, reverse]


def chain_cost__arrays(sizes):
    s = np.array(sizes)
    entries = s[1:] * s[:-1]
    return s[0] * entries[1:].sum(), s[-1] * entries[:-1].sum()


# ---- best_chain_cost -------------------------------------------------------------------------------------------------


def best_chain_cost__table(sizes):
    n = len(sizes) - 1
    m = np.zeros((n, n), int)
    for length in range(2, n + 1):
        for i in range(n - length + 1):
            j = i + length - 1
            m[i, j] = min(m[i, k] + m[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1] for k in range(i, j))
    return m[0, -1]


def best_chain_cost__remembered_parts(sizes, known=None):
    known = {} if known is None else known
    key = tuple(sizes)
    if len(key) < 3:
        return 0
    if key not in known:
        known[key] = min(
            best_chain_cost__remembered_parts(key[: k + 1], known) + best_chain_cost__remembered_parts(key[k:], known) + key[0] * key[k] * key[-1]
            for k in range(1, len(key) - 1)
        )
    return known[key]


def best_chain_cost__lists(sizes):
    best = {(i, i + 1): 0 for i in range(len(sizes) - 1)}
    for gap in range(2, len(sizes)):
        for i in range(len(sizes) - gap):
            costs = []
            for k in range(i + 1, i + gap):
                costs.append(best[i, k] + best[k, i + gap] + sizes[i] * sizes[k] * sizes[i + gap])
            best[i, i + gap] = sorted(costs)[0]
    return best[0, len(sizes) - 1]


# ---- count_multiplications -------------------------------------------------------------------------------------------


def count_multiplications__along_the_order(parents, mode):
    """Which inputs each node depends on, which outputs need it; then every arrow counts that many times."""
    used = {p for ps in parents.values() for p in ps}
    if mode == "forward":
        depends = {}
        for node, ps in parents.items():
            depends[node] = set().union(*(depends[p] for p in ps)) if ps else {node}
        return sum(len(depends[p]) for ps in parents.values() for p in ps)
    needed = {node: set() if node in used else {node} for node in parents}
    for node in reversed(list(parents)):
        for p in parents[node]:
            needed[p] |= needed[node]
    return sum(len(needed[node]) * len(ps) for node, ps in parents.items())


def count_multiplications__matrices(parents, mode):
    names = list(parents)
    n = len(names)
    arrows = np.zeros((n, n), int)
    for node, ps in parents.items():
        for p, times in Counter(ps).items():
            arrows[names.index(p), names.index(node)] += times
    reach = np.linalg.matrix_power(np.eye(n, dtype=int) + (arrows > 0), 1) > 0
    for _ in range(n):
        reach = (reach.astype(int) @ reach.astype(int)) > 0
    if mode == "forward":
        starts = arrows.sum(0) == 0
        return int((reach[starts].astype(int) @ arrows).sum())
    ends = arrows.sum(1) == 0
    return int((arrows @ reach[:, ends].astype(int)).sum())


def count_multiplications__runs_the_passes(parents, mode):
    count = 0
    users = {p for ps in parents.values() for p in ps}
    if mode == "forward":
        for start in [node for node, ps in parents.items() if len(ps) == 0]:
            moves = {}
            for node, ps in parents.items():
                count += sum(1 for p in ps if moves[p])
                moves[node] = node == start or any(moves[p] for p in ps)
    else:
        for start in parents:
            if start in users:
                continue
            gradient = {start}
            for node in list(parents)[::-1]:
                if node in gradient:
                    for p in parents[node]:
                        count += 1
                        gradient.add(p)
    return count


def count_multiplications__recursion(parents, mode):
    graph = parents
    if mode == "forward":
        graph = {node: [child for child, ps in parents.items() for p in ps if p == node] for node in parents}
    starts = set(graph) - {x for xs in graph.values() for x in xs}

    def visit(node, seen):
        if node in seen:
            return 0
        seen.add(node)
        return len(graph[node]) + sum(visit(x, seen) for x in graph[node])

    return sum(visit(start, set()) for start in starts)


# ---- peak_memory -----------------------------------------------------------------------------------------------------


def peak_memory__counts_uses(parents):
    waiting = Counter(p for ps in parents.values() for p in set(ps))
    outputs = {node for node in parents if not waiting[node]}
    alive, peak = 0, 0
    for ps in parents.values():
        alive += 1
        peak = max(peak, alive)
        for p in set(ps):
            waiting[p] -= 1
            alive -= waiting[p] == 0 and p not in outputs
    return peak, len(parents)


def peak_memory__intervals(parents):
    """From its own turn to its last use, ends included, a value is there."""
    names = list(parents)
    end = [max((t for t, node in enumerate(names) if name in parents[node]), default=len(names)) for name in names]
    return max(sum(i <= t <= end[i] for i in range(len(names))) for t in range(len(names))), len(names)


def peak_memory__differences(parents):
    names = list(parents)
    change = np.zeros(len(names) + 2, int)
    for i, name in enumerate(names):
        uses = [t for t, node in enumerate(names) if name in parents[node]]
        change[i] += 1
        change[(uses[-1] if uses else len(names)) + 1] -= 1
    return [np.cumsum(change)[: len(names)].max(), len(names)]


# ---- checkpointing ---------------------------------------------------------------------------------------------------


def checkpointing__simulated(n, k):
    kept = {i for i in range(n) if i % k == 0}
    peak, again = len(kept), 0
    for start in sorted(kept, reverse=True):
        for i in range(start + 1, min(start + k, n)):
            kept.add(i)
            again += 1
        peak = max(peak, len(kept))
        kept = {i for i in kept if i < start}
    return peak, again


def checkpointing__formula(n, k):
    stretches = math.ceil(n / k)
    last = n - (stretches - 1) * k
    peak = stretches - 1 + last
    if stretches > 1:
        peak = max(peak, stretches - 2 + k)
    return peak, n - stretches


def checkpointing__arrays(n, k):
    starts = np.arange(0, n, k)
    lengths = np.minimum(starts + k, n) - starts
    return (np.arange(len(starts)) + lengths).max(), (lengths - 1).sum()
