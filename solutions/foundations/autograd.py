"""Automatic differentiation on single numbers: backwards through the graph, and forwards with dual numbers."""

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from autograder.exercise import Case, Made, cases, equivalent, exercise, mistakes, probe, verify

Node = TypeVar("Node")

# ---- central_difference ----------------------------------------------------------------------------------------------


@exercise(
    points=1,
    rows=["1.12", "1.18"],
    # In float32 a difference of near numbers has few digits left; and f, which reads its weights, may not share them with x.
    without=["float32", "same array"],
    forbid=["scipy.optimize.approx_fprime", "scipy.differentiate.derivative", "scipy.differentiate.jacobian", "numpy.gradient"],
)
def central_difference(f: Callable[[ndarray], float], x: Float[ndarray, "*shape"], eps: float = 1e-5) -> Float[ndarray, "*shape"]:
    """The gradient of f at x, by differences: for each entry of x, how f changes when this entry
    alone moves.

    `f` takes an array of the shape of `x` and returns one number. Each entry moves by `eps` to
    both sides, and the change of f is divided by the distance of the two points. `x` is
    float64.
    """
    gradient = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[i] = eps
        gradient[i] = (f(x + step) - f(x - step)) / (2 * eps)
    return gradient


@probe(central_difference)
def difference_of_a_cubic(answer, x, weights, eps=None):  # type: ignore[no-untyped-def]
    """f(z) = sum(weights · z³) + sin(sum(z)), so every entry has another slope and all entries interact."""
    import numpy as np

    def f(z):  # type: ignore[no-untyped-def]
        return float((weights * z**3).sum() + np.sin(z.sum()))

    return answer(f, x) if eps is None else answer(f, x, eps)


equivalent(central_difference, {"gradient = np.ones_like(x)": "Every element is written over."})


@cases(central_difference)
def visible_central_difference(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("3 numbers, eps 0.1", rng.normal(size=3), rng.normal(size=3), 0.1)
    yield Case("a 2×3 matrix, eps 0.03", rng.normal(size=(2, 3)), rng.normal(size=(2, 3)), 0.03)


@cases(central_difference, hidden=True)
def hidden_central_difference(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("7 numbers, a large eps", rng.normal(size=7), rng.normal(size=7), 0.5)
    yield Case("3 axes", rng.normal(size=(2, 3, 5)), rng.normal(size=(2, 3, 5)), 0.01)
    yield Case("a square matrix", rng.normal(size=(3, 3)), rng.normal(size=(3, 3)), 0.2)
    yield Case("eps not given", rng.normal(size=5), rng.normal(size=5))
    yield Case("a single number", rng.normal(size=1), rng.normal(size=1), 0.1)


@mistakes(
    central_difference,
    forward_difference="You compare f(x + eps) with f(x). That is the forward difference, whose error shrinks like eps; step to both sides, and it shrinks like eps².",
    backward_difference="You compare f(x) with f(x - eps). That is the backward difference, whose error shrinks like eps; step to both sides, and it shrinks like eps².",
    divided_by_eps="The two points lie 2·eps apart, and you divide by eps.",
    not_divided="You return the change of f. Divide it by the distance of the two points.",
    times_eps="In Python, / and * have equal rank and go from left to right: `/ 2 * eps` divides by 2 and multiplies by eps. Put the distance, 2·eps, into parentheses.",
    multiplied="You multiply by the distance of the two points. A slope is the change divided by the distance.",
    half_the_step="You move by half of eps to each side. Here it is eps to each side, so the points are 2·eps apart.",
    all_at_once="You move all entries of x together. A partial derivative moves one entry and holds the others still.",
    not_moved_back="The entries that were moved stay moved while you go on to the next ones. Each partial derivative starts at x itself.",
    wrong_sign="You subtract the two values of f in the wrong order: f(x + eps) comes first.",
    relative_step="You move each entry by eps times its own size. Here the step is eps itself.",
    second_difference="You work out the second derivative: f(x + eps) - 2 f(x) + f(x - eps). The slope is only the difference of the two outer values.",
    flattened="You return a flat array. The gradient has the shape of x: one number for each entry.",
    first_axis_only="You move whole rows. Every single entry of x has a partial derivative of its own.",
)
def central_difference_with(made: Made, f: Callable[[ndarray], float], x: ndarray, eps: float = 1e-5) -> Any:
    gradient, here = np.zeros_like(x), x.copy()
    for i in np.ndindex(x.shape):
        h = eps * abs(x[i]) if made.relative_step else eps / 2 if made.half_the_step else eps
        step = np.zeros_like(x)
        step[... if made.all_at_once else i[0] if made.first_axis_only else i] = h
        ahead = f(here) if made.backward_difference else f(here + step)
        behind = f(here) if made.forward_difference else f(here - step)
        one_sided = made.forward_difference or made.backward_difference
        change = ahead - 2 * f(here) + behind if made.second_difference else behind - ahead if made.wrong_sign else ahead - behind
        distance = h if one_sided or made.divided_by_eps else h**2 if made.second_difference else 2 * h
        slope = change / 2 * eps if made.times_eps else change * distance if made.multiplied else change / distance
        gradient[i] = change if made.not_divided else slope
        if made.not_moved_back:
            here = here + step
    return gradient.ravel() if made.flattened else gradient


# ---- topological_order -----------------------------------------------------------------------------------------------


@exercise(
    points=2,
    rows=["1.18"],
    shares={"deep graphs": 0.2},
    forbid=[
        "graphlib.TopologicalSorter",
        "networkx.topological_sort",
        "networkx.lexicographical_topological_sort",
        "networkx.topological_generations",
        "networkx.all_topological_sorts",
    ],
)
def topological_order(root: Node, parents: Mapping[Node, Sequence[Node]]) -> list[Node]:
    """Every node that `root` is computed from, and `root` itself: each node once, and after all of
    its parents.

    `parents[node]` lists the nodes that `node` is computed from directly. A node without any
    has an empty list, and x·x lists x twice. Any order with these properties is right. Nodes
    that `root` does not need are left out. There are no cycles; graphs may be thousands of
    nodes deep.
    """
    order = []
    seen = set()
    waiting = [(root, False)]
    while waiting:
        node, parents_are_done = waiting.pop()
        if parents_are_done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            waiting.append((node, True))
            waiting.extend((parent, False) for parent in parents[node])
    return order


def renamed(rng: np.random.Generator, parents: dict[str, list[str]], root: str = "L") -> tuple[str, dict[str, list[str]]]:
    """The root and the graph, under random letters and listed in random order: neither gives the order away."""
    letters = dict(zip(parents, rng.permutation(list("abcdefghijklmnopqrstuvw"))[: len(parents)].tolist(), strict=True))
    listed = rng.permutation(list(parents)).tolist()
    return letters[root], {letters[node]: [letters[parent] for parent in parents[node]] for node in listed}


def random_graph(rng: np.random.Generator, nodes: int, leaves: int) -> dict[str, list[str]]:
    """Each node is computed from the one before it and one or two earlier ones, in random order."""
    names = [*(f"n{k}" for k in range(nodes - 1)), "L"]
    earlier = {k: [k - 1, *rng.integers(k, size=rng.integers(1, 3)).tolist()] for k in range(leaves, nodes)}
    return {names[k]: [names[p] for p in rng.permutation(earlier[k]).tolist()] if k in earlier else [] for k in range(nodes)}


SHORT_AND_LONG = {"x": [], "h": ["x", "x"], "u": ["h"], "v": ["u"], "L": ["h", "v"]}
LONG_AND_SHORT = {"x": [], "w": [], "h": ["x", "w"], "u": ["h"], "v": ["u", "w"], "L": ["v", "h"]}


@probe(topological_order)
def order_as_a_list(answer, root, parents):  # type: ignore[no-untyped-def]
    """Who works from the root down likes a deque, which is as good as a list."""
    from collections import deque

    order = answer(root, parents)
    return list(order) if isinstance(order, deque) else order


@cases(topological_order)
def visible_topological_order(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("a chain of 4", "L", {"v": ["u"], "L": ["v"], "x": [], "u": ["x"]})
    yield Case("a diamond: h is used twice", "L", {"L": ["u", "v"], "v": ["h"], "h": ["x"], "u": ["h"], "x": []})
    yield Case("a short way and a long way", "L", {"L": ["h", "v"], "h": ["x", "x"], "u": ["h"], "v": ["u"], "x": []})
    yield Case("a node that L does not need", "L", {"L": ["h", "x"], "h": ["x", "w"], "x": [], "unused": ["h"], "w": []})


@cases(topological_order, hidden=True)
def hidden_topological_order(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("short way first", *renamed(rng, SHORT_AND_LONG))
    yield Case("long way first", *renamed(rng, LONG_AND_SHORT))
    yield Case("a random graph", *renamed(rng, random_graph(rng, 11, 3)))
    yield Case("a larger random graph", *renamed(rng, random_graph(rng, 19, 5)))
    yield Case("a node in the middle is the root", *renamed(rng, random_graph(rng, 13, 2), root="n8"))
    yield Case("nothing but the root", *renamed(rng, {"L": [], "x": []}))
    deep = "A graph may be thousands of nodes deep, and Python allows about a thousand calls inside each other. Keep your own list of waiting nodes instead of calling yourself."
    chain = [f"n{k}" for k in rng.permutation(5000).tolist()]
    links = {node: [chain[k - 1]] if k else [] for k, node in enumerate(chain)}
    yield Case("a chain of 5000 nodes", chain[-1], dict(sorted(links.items())), group="deep graphs", hint=deep)


@verify(topological_order, unique=False)
def parents_come_first(order, root, parents):  # type: ignore[no-untyped-def]
    if len(set(order)) < len(order):
        return "A node stands in your list twice, and so another one is missing. A node that is used twice is still listed once."
    needed, waiting = {root}, [root]
    while waiting:
        new = [p for p in parents[waiting.pop()] if p not in needed]
        needed.update(new)
        waiting.extend(new)
    if set(order) != needed:
        return "Your list holds a node that the root does not need, or misses one that it does."
    position = {node: k for k, node in enumerate(order)}
    backwards = all(position[node] < position[parent] for node in order for parent in parents[node])
    if backwards and len(order) > 1:
        return "Your list runs the wrong way: the root comes last, after everything it is computed from."
    if any(position[parent] > position[node] for node in order for parent in parents[node]):
        return "Somewhere in your list a node comes before one of its parents. A node may be listed only once all of its parents are."
    return None


VISIT_ORDER = (
    "You list nodes in the order in which you first meet them (or the reverse of it). A node that is met early over a short"
    " way may also be needed further up: list a node only when all of its parents are listed."
)


@mistakes(
    topological_order,
    root_first="Your list runs the wrong way: the root comes last, after everything it is computed from.",
    when_met=VISIT_ORDER,
    when_met_reversed=VISIT_ORDER,
    breadth_first="You go level by level, away from the root. A node that lies on a short way and on a long one then comes too late: what counts is its longest way.",
    everything="You list all nodes of the graph. Start at the root and take only what it needs.",
    repeated="A node that is used twice stands in your list twice. Remember which nodes you have seen.",
    no_leaves="Your list has no leaves. Nodes without parents belong to it too.",
    no_root="The root itself is missing; it comes last.",
    parents_only="You list the root's own parents, and not what these are computed from.",
    as_given="You return the nodes in the order in which the dict lists them. That order says nothing.",
    sorted_by_name="You sort nodes by name. Names say nothing about who is computed from whom.",
    recursive="A graph may be thousands of nodes deep, and Python allows about a thousand calls inside each other. Keep your own list of waiting nodes instead of calling yourself.",
)
def topological_order_with(made: Made, root: str, parents: dict[str, list[str]]) -> list[str]:
    if made.parents_only:
        return [*dict.fromkeys(parents[root]), root]
    if made.breadth_first:
        return breadth_first(root, parents)[::-1]
    order = recursively(root, parents) if made.recursive else topological_order(root, parents)
    if made.as_given:
        order = [node for node in parents if node in order]
    if made.sorted_by_name:
        order = sorted(order)
    if made.when_met or made.when_met_reversed:
        order = when_met(root, parents)
    if made.everything:
        order += [node for node in parents if node not in order]
    if made.repeated:
        order = without_memory(root, parents)
    if made.no_leaves:
        order = [node for node in order if parents[node]]
    if made.no_root:
        order = [node for node in order if node != root]
    return order[::-1] if made.root_first or made.when_met_reversed else order


def breadth_first(root: Any, parents: dict[Any, Any]) -> list[Any]:
    """Nodes in the order of their distance from the root."""
    order, waiting = [root], deque([root])
    while waiting:
        for parent in parents[waiting.popleft()]:
            if parent not in order:
                order.append(parent)
                waiting.append(parent)
    return order


def when_met(root: Any, parents: dict[Any, Any], last_first: bool = False) -> list[Any]:
    """Nodes in the order in which a walk into the depth first meets them."""
    order: dict[Any, None] = {}
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node not in order:
            order[node] = None
            waiting.extend(parents[node] if last_first else reversed(parents[node]))
    return list(order)


def without_memory(node: Any, parents: dict[Any, Any]) -> list[Any]:
    """Parents first, once for every way that leads to them."""
    return [*(earlier for parent in parents[node] for earlier in without_memory(parent, parents)), node]


def recursively(root: Any, parents: dict[Any, Any]) -> list[Any]:
    """Parents first, by calls inside each other."""
    order: dict[Any, None] = {}

    def visit(node: Any) -> None:
        for parent in parents[node]:
            if parent not in order:
                visit(parent)
        order[node] = None

    visit(root)
    return list(order)


# ---- Value -----------------------------------------------------------------------------------------------------------


@exercise(
    points=5,
    rows=["1.18", "1.19"],
    shares={"functions": 0.2, "deep graphs": 0.1, "backward again": 0.1, "relu at 0": 0.05},
    forbid=["torch.autograd.grad", "torch.autograd.backward", "torch.Tensor.backward"],
)
class Value:
    """A number that remembers how it was computed.

    `data` is the number. `grad` starts at 0; after `L.backward()` it is the derivative of L
    with respect to this node, for every node that L was computed from.
    """

    def __init__(self, data: float, parents: "tuple[Value, ...]" = (), local_derivatives: tuple[float, ...] = ()) -> None:
        """`local_derivatives[k]` is the derivative of this number with respect to `parents[k]`,
        the others held still.
        """
        self.data = data
        self.grad = 0.0
        self.parents = parents
        self.local_derivatives = local_derivatives

    @staticmethod
    def of(x: "Value | float") -> "Value":
        """A plain number becomes a leaf of its own; a Value stays what it is."""
        return x if isinstance(x, Value) else Value(x)

    def __add__(self, other: "Value | float") -> "Value":
        other = Value.of(other)
        ### BEGIN SOLUTION
        return Value(self.data + other.data, (self, other), (1.0, 1.0))
        ### END SOLUTION

    def __sub__(self, other: "Value | float") -> "Value":
        other = Value.of(other)
        ### BEGIN SOLUTION
        return Value(self.data - other.data, (self, other), (1.0, -1.0))
        ### END SOLUTION

    def __mul__(self, other: "Value | float") -> "Value":
        other = Value.of(other)
        ### BEGIN SOLUTION
        return Value(self.data * other.data, (self, other), (other.data, self.data))
        ### END SOLUTION

    def __truediv__(self, other: "Value | float") -> "Value":
        other = Value.of(other)
        ### BEGIN SOLUTION
        return Value(self.data / other.data, (self, other), (1 / other.data, -self.data / other.data**2))
        ### END SOLUTION

    def __pow__(self, exponent: float) -> "Value":
        """The exponent is a plain number, not a Value."""
        ### BEGIN SOLUTION
        return Value(self.data**exponent, (self,), (exponent * self.data ** (exponent - 1),))
        ### END SOLUTION

    def exp(self) -> "Value":
        ### BEGIN SOLUTION
        result = math.exp(self.data)
        return Value(result, (self,), (result,))
        ### END SOLUTION

    def log(self) -> "Value":
        """The natural logarithm."""
        ### BEGIN SOLUTION
        return Value(math.log(self.data), (self,), (1 / self.data,))
        ### END SOLUTION

    def tanh(self) -> "Value":
        ### BEGIN SOLUTION
        result = math.tanh(self.data)
        return Value(result, (self,), (1 - result**2,))
        ### END SOLUTION

    def relu(self) -> "Value":
        """max(0, x). Its derivative at 0 counts as 0."""
        ### BEGIN SOLUTION
        return Value(max(0.0, self.data), (self,), (1.0 if self.data > 0 else 0.0,))
        ### END SOLUTION

    def __neg__(self) -> "Value":
        return self * -1

    def __radd__(self, other: float) -> "Value":
        return self + other

    def __rsub__(self, other: float) -> "Value":
        return Value(other) - self

    def __rmul__(self, other: float) -> "Value":
        return self * other

    def __rtruediv__(self, other: float) -> "Value":
        return Value(other) / self

    def graph(self) -> "dict[Value, tuple[Value, ...]]":
        """The parents of every node that this one was computed from, as `topological_order` wants
        them.
        """
        parents: dict[Value, tuple[Value, ...]] = {}
        waiting = [self]
        while waiting:
            node = waiting.pop()
            if node not in parents:
                parents[node] = node.parents
                waiting.extend(node.parents)
        return parents

    def backward(self) -> None:
        """Add the derivative of this node to the `grad` of everything that it was computed from;
        its own is 1.

        Leaves (nodes without parents) add up over several calls, also over calls on different
        results that share nodes, until somebody sets their `grad` to 0. Other nodes start every
        call from 0. Graphs may be thousands of nodes deep.
        """
        ### BEGIN SOLUTION
        order = topological_order(self, self.graph())
        for node in order:
            if node.parents:
                node.grad = 0.0
        self.grad += 1.0
        for node in reversed(order):
            for parent, local_derivative in zip(node.parents, node.local_derivatives, strict=True):
                parent.grad += local_derivative * node.grad
        ### END SOLUTION


@probe(Value)
def data_and_gradients(answer, leaves, program, backward, wanted=None):  # type: ignore[no-untyped-def]
    """Run the lines of a program, then `backward` from the named nodes; for each node its data and its gradient."""
    import numpy as np

    nodes = {name: answer(number) for name, number in leaves.items()}
    for line in program:
        name, expression = line.split(" = ")
        nodes[name] = eval(expression, {}, nodes)
    for name in backward:
        nodes[name].backward()
    return {name: np.array([float(nodes[name].data), float(nodes[name].grad)]) for name in wanted or nodes}


def numbers(rng: np.random.Generator, names: str, negative: bool = True) -> dict[str, float]:
    """A number between 0.6 and 1.9 for each name, every other one negative."""
    signs = rng.permutation([-1 if negative and k % 2 else 1 for k in range(len(names))])
    return {name: round(float(s * rng.uniform(0.6, 1.9)), 3) for name, s in zip(names, signs, strict=True)}


USED_TWICE = ["h = a * b", "u = h + c", "L = u * h"]
SHORT_WAY_FIRST = ["h = a * b", "u = h * c", "v = u - a", "L = h * v"]
LONG_WAY_FIRST = ["h = a - b", "u = h * c", "v = u * u", "w = v + b", "L = w * h"]


equivalent(
    Value,
    {
        "return Value(self.data + other.data, (other, self), (1.0, 1.0))": "A sum does not tell its terms apart.",
        "self.grad = 1.0": "It differs only where a leaf is its own result, twice, which the text leaves open.",
    },
)


@cases(Value)
def visible_value(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("a product and a sum", {"a": 2.0, "b": -3.0, "c": 10.0}, ["h = a * b", "L = h + c"], ["L"])
    yield Case("h is used twice", numbers(rng, "abc"), USED_TWICE, ["L"])
    yield Case("x + x and x * x", {"x": 3.0}, ["u = x + x", "v = x * x", "L = u * v"], ["L"])
    yield Case("differences, quotients, powers", numbers(rng, "abc"), ["u = a / b", "v = u - c", "w = v ** 3", "L = w / a"], ["L"])
    yield Case("plain numbers", numbers(rng, "a"), ["u = 2 * a + 1", "v = 3 - u", "w = 1 / v", "L = -w - 0.5"], ["L"])
    program = ["p = a.exp()", "q = b.log()", "r = (p - q).tanh()", "s = (r + a).relu()", "L = s * r + (r - 3).relu()"]
    yield Case("exp, log, tanh, relu", {"a": 0.7, "b": 1.6}, program, ["L"], group="functions")
    again = "A second `backward` must add the same gradients to the leaves once more. Every node that is no leaf starts each call from 0; leaves keep what they have."
    yield Case("backward twice", numbers(rng, "abc"), USED_TWICE, ["L", "L"], ["a", "b", "c"], group="backward again", hint=again)


@cases(Value, hidden=True)
def hidden_value(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("a short way and a long way", numbers(rng, "abc"), SHORT_WAY_FIRST, ["L"])
    yield Case("a long way and a short way", numbers(rng, "abc"), LONG_WAY_FIRST, ["L"])
    yield Case("a node used 3 times", numbers(rng, "ab"), ["h = a * b", "u = h + h", "v = u * h", "w = v - h * a", "L = w / b"], ["L"])
    yield Case("backward from the middle", numbers(rng, "abc"), ["u = a * b", "v = u * c + u", "L = v * v"], ["v"])
    yield Case("backward from a leaf", numbers(rng, "ab"), ["L = a * b"], ["a"])
    yield Case("doubled 3 times", numbers(rng, "ac"), ["u = a * c", "v = u + u", "w = v + v", "L = w + w"], ["L"])
    powers = ["u = a ** 2", "v = b ** -1", "w = c ** 0.5", "L = u * v - w / a"]
    yield Case("powers of 2, -1 and 1/2", numbers(rng, "abc", negative=False), powers, ["L"])
    yield Case("the square of 0", {"x": 0.0, **numbers(rng, "a")}, ["u = x ** 2", "L = u + x * a"], ["L"])
    quotient = ["u = a / b", "v = b / a", "w = 2 / u", "L = w - v * 3"]
    yield Case("quotients", numbers(rng, "ab"), quotient, ["L"])

    positive = numbers(rng, "abc", negative=False)
    yield Case("exp", numbers(rng, "ab"), ["u = a.exp()", "v = (a * b).exp()", "L = u * v + u"], ["L"], group="functions")
    yield Case("log", positive, ["u = a.log()", "v = (b * c).log()", "L = u * v - b"], ["L"], group="functions")
    yield Case("tanh", numbers(rng, "abc"), ["u = a.tanh()", "v = (b * u).tanh()", "L = v * c + u"], ["L"], group="functions")
    relu = ["u = a.relu()", "v = (0 - a).relu()", "w = (u - v) * b", "L = w.relu() + (0 - w).relu() * 2 + (c * c * 0.2).relu()"]
    yield Case("relu", numbers(rng, "abc"), relu, ["L"], group="functions")
    yield Case("relu of 0", {"x": 0.0, **numbers(rng, "a")}, ["u = x.relu()", "L = u * a + 3 * x"], ["L"], group="relu at 0")
    twice = (
        "Leaves add up over calls of `backward`; other nodes start every call from 0. What an earlier call left in them must not be passed on again."
    )
    two_roots = ["h = a * b", "u = h * c", "L = u + a", "M = h * h"]
    yield Case("three calls", numbers(rng, "abc"), LONG_WAY_FIRST, ["L", "L", "L"], ["a", "b", "c"], group="backward again", hint=twice)
    yield Case("two results that share a node", numbers(rng, "abc"), two_roots, ["L", "M"], ["a", "b", "c"], group="backward again", hint=twice)
    yield Case("first the middle, then the end", numbers(rng, "abc"), two_roots, ["u", "L"], ["a", "b", "c"], group="backward again", hint=twice)

    deep = "Graphs may be thousands of nodes deep, and Python allows about a thousand calls inside each other. Walk through the graph with a loop."
    start = numbers(rng, "ab")
    chain = ["n0 = a + b", *(f"n{k} = n{k - 1} + {('a', 'b')[k % 2]}" for k in range(1, 5000)), "L = n4999 * a"]
    yield Case("5000 sums in a row", start, chain, ["L"], ["a", "b", "n0", "n2500"], group="deep graphs", hint=deep)


class ReflectedOperators:
    """`-x` and `2 + x`, `2 - x`, `2 * x`, `2 / x`, in terms of the operators that a subclass has."""

    of: Callable[..., Any]
    __add__: Callable[..., Any]
    __sub__: Callable[..., Any]
    __mul__: Callable[..., Any]
    __truediv__: Callable[..., Any]

    def __neg__(self) -> Any:
        return self * -1

    def __radd__(self, other: float) -> Any:
        return self + other

    def __rsub__(self, other: float) -> Any:
        return self.of(other) - self

    def __rmul__(self, other: float) -> Any:
        return self * other

    def __rtruediv__(self, other: float) -> Any:
        return self.of(other) / self


@mistakes(
    Value,
    overwritten="You write `grad` where you should add to it. A node that is used several times gets a share from each use, and they add up.",
    no_seed="All gradients stay 0: nothing is passed on, because nothing starts it. The derivative of a node with respect to itself is 1.",
    seeded_with_data="You start with the result's data. The derivative of a node with respect to itself is 1.",
    no_upstream="You add local derivatives without multiplying by the gradient of the node that they come from: that is the chain rule.",
    times_data="You multiply local derivatives by the node's data. The chain rule multiplies by the node's gradient.",
    first_parent_only="Only the first parent gets a gradient. Every parent gets one.",
    near_parents_only="Only the nodes next to the result get a gradient. Go on through the whole graph, from the result back to the leaves; in the other direction the gradients are still 0 when you pass them on.",
    when_met="You pass gradients on in the order in which a walk first meets the nodes. A node met early may get more gradient later, over a longer way: go through the topological order backwards.",
    last_parent_first="You pass gradients on in the order in which nodes come off a stack. A node that comes off early may get more gradient later, over a longer way: go through the topological order backwards.",
    breadth_first="You pass gradients on level by level. A node near the result may also lie on a longer way, whose gradient comes later: go through the topological order backwards.",
    every_arrival="You pass a node's whole gradient on each time the walk arrives there, so that the first share counts again. Pass it on once, when all shares are there.",
    leaves_only="Only leaves have a gradient in the end. Every node that the result was computed from keeps its own.",
    difference_constant="Your difference passes nothing to the number that is subtracted. Its derivative is -1.",
    difference_plus="The derivative of a - b with respect to b is -1.",
    difference_swapped="Your difference is the wrong way round: it is self minus other.",
    product_own="In a product the local derivative is the other factor; you take the factor itself.",
    product_ones="You give a product the derivatives of a sum, 1 and 1. They are the other factor, each time.",
    quotient_swapped="Your quotient is upside down: it is self divided by other.",
    quotient_plus="The derivative of a / b with respect to b has a minus: a larger divisor makes the quotient smaller.",
    quotient_no_square="In the derivative of a / b with respect to b, the divisor is squared.",
    quotient_no_numerator="In the derivative of a / b with respect to b you forget the numerator: it is that of 1 / b, times a.",
    quotient_divisor_constant="Your quotient treats the divisor as a constant: it has a derivative too.",
    power_no_factor="The exponent is missing as a factor in the derivative of a power.",
    power_same_exponent="In the derivative of a power the exponent is one less.",
    power_as_exp="You differentiate a power as if the exponent were the variable. The base is; the exponent is a plain number.",
    local_data="You store the results themselves as the local derivatives. A sum, for example, has the local derivatives 1 and 1.",
)
@mistakes(
    Value,
    exp_as_power="You differentiate exp like a power. exp is its own derivative.",
    exp_one="Your exp passes the gradient on unchanged. Its derivative is exp itself.",
    exp_of_input="The derivative of exp is exp(x), and you take x.",
    log_of_log="The derivative of log(x) is one over x; you take one over log(x).",
    log_of_input="The derivative of log(x) is one over x; you take x.",
    log_base_10="That is the logarithm to base 10. The natural one is wanted.",
    log_base_2="That is the logarithm to base 2. The natural one is wanted.",
    tanh_not_squared="In the derivative of tanh, tanh is squared before it is subtracted from 1.",
    tanh_of_input="The derivative of tanh is 1 minus the square of the result; you square the input.",
    tanh_as_sigmoid="That is the derivative of the sigmoid, s · (1 - s). The one of tanh is 1 minus the square of tanh.",
    relu_passes_all="Your relu passes the gradient on for negative inputs too. There the output is constant, and the derivative 0.",
    relu_times_input="Where the input is positive, relu's derivative is 1; you take the value itself.",
    relu_of_negative="Your relu works for negative inputs: it is max(0, x), and its derivative is 1 where x > 0.",
    relu_at_zero="At exactly 0 your relu passes the gradient on. The exercise counts the derivative there as 0.",
    stale="What the first `backward` left in the nodes between is passed on again by the second. Leaves add up; every other node starts each call from 0.",
    leaves_reset="Your `backward` sets the gradients of leaves to 0 (or overwrites them). They add up over calls: two results that share a leaf both count.",
    root_adds_up="The result's own gradient becomes 2 in the second call. Start it from 0 every time, so that it is 1 in every call.",
    recursive="Graphs may be thousands of nodes deep, and Python allows about a thousand calls inside each other. Walk through the graph with a loop.",
)
class ValueWith(ReflectedOperators):
    def __init__(self, made: Made, data: float, parents: tuple[Any, ...] = (), local_derivatives: tuple[float, ...] = ()) -> None:
        self.made, self.data, self.grad, self.parents = made, data, 0.0, parents
        self.local_derivatives = tuple(data for _ in parents) if made.local_data else local_derivatives

    def of(self, x: Any) -> Any:
        return x if isinstance(x, ValueWith) else ValueWith(self.made, x)

    def __add__(self, other: Any) -> Any:
        other = self.of(other)
        return ValueWith(self.made, self.data + other.data, (self, other), (1.0, 1.0))

    def __sub__(self, other: Any) -> Any:
        other, sign = self.of(other), -1.0 if self.made.difference_swapped else 1.0
        slope = 0.0 if self.made.difference_constant else 1.0 if self.made.difference_plus else -sign
        return ValueWith(self.made, sign * (self.data - other.data), (self, other), (sign, slope))

    def __mul__(self, other: Any) -> Any:
        a, b = self.data, self.of(other).data
        slopes = (a, b) if self.made.product_own else (1.0, 1.0) if self.made.product_ones else (b, a)
        return ValueWith(self.made, a * b, (self, self.of(other)), slopes)

    def __truediv__(self, other: Any) -> Any:
        made, parents = self.made, (self, self.of(other))
        a, b = parents[0].data, parents[1].data
        if made.quotient_swapped:
            return ValueWith(made, b / a, parents, (-b / a**2, 1 / a))
        slope = -(1 if made.quotient_no_numerator else a) / (b if made.quotient_no_square else b**2)
        slope = 0.0 if made.quotient_divisor_constant else -slope if made.quotient_plus else slope
        return ValueWith(made, a / b, parents, (1 / b, slope))

    def __pow__(self, n: float) -> Any:
        made, x = self.made, self.data
        slope = (1 if made.power_no_factor else n) * x ** (n if made.power_same_exponent else n - 1)
        if made.power_as_exp:
            slope = x**n * (math.log(abs(x)) if x else 0.0)
        return ValueWith(made, x**n, (self,), (slope,))

    def exp(self) -> Any:
        made, x = self.made, self.data
        slope = x * math.exp(x - 1) if made.exp_as_power else 1.0 if made.exp_one else x if made.exp_of_input else math.exp(x)
        return ValueWith(made, math.exp(x), (self,), (slope,))

    def log(self) -> Any:
        made, x = self.made, self.data
        base = math.log(10) if made.log_base_10 else math.log(2) if made.log_base_2 else 1
        slope = 1 / math.log(x) if made.log_of_log else x if made.log_of_input else 1 / (x * base)
        return ValueWith(made, math.log(x) / base, (self,), (slope,))

    def tanh(self) -> Any:
        made, x, y = self.made, self.data, math.tanh(self.data)
        slope = 1 - y if made.tanh_not_squared else 1 - x**2 if made.tanh_of_input else y * (1 - y) if made.tanh_as_sigmoid else 1 - y**2
        return ValueWith(made, y, (self,), (slope,))

    def relu(self) -> Any:
        made, x = self.made, self.data
        if made.relu_of_negative:
            return ValueWith(made, min(0.0, x), (self,), (float(x < 0),))
        positive = x >= 0 if made.relu_at_zero else x > 0
        slope = 1.0 if made.relu_passes_all else x if made.relu_times_input and positive else float(positive)
        return ValueWith(made, max(0.0, x), (self,), (slope,))

    def backward(self) -> None:
        made, graph = self.made, Value.graph(self)  # type: ignore[arg-type]
        order: list[Any] = topological_order(self, graph)[::-1]  # type: ignore[misc]
        if made.when_met or made.last_parent_first:
            order = when_met(self, graph, made.last_parent_first)
        elif made.breadth_first:
            order = breadth_first(self, graph) if len(graph) < 1000 else order
        elif made.near_parents_only:
            order = order[::-1]
        elif made.recursive:
            order = recursively(self, graph)[::-1]
        for node in order:
            if (node.parents and not made.stale and not (made.root_adds_up and node is self)) or made.leaves_reset:
                node.grad = 0.0
        if not made.no_seed:
            start = self.data if made.seeded_with_data else 1.0
            self.grad = start if made.stale and self.parents else self.grad + start
        if made.every_arrival:
            self.arrive()
        else:
            for node in order:
                node.pass_on()
        if made.leaves_only:
            for node in order:
                node.grad = 0.0 if node.parents else node.grad

    def pass_on(self) -> None:
        """Give every parent its share of this node's gradient."""
        made = self.made
        upstream = 1.0 if made.no_upstream else self.data if made.times_data else self.grad
        for k, (parent, slope) in enumerate(zip(self.parents, self.local_derivatives, strict=True)):
            if not (made.first_parent_only and k):
                parent.grad = slope * upstream if made.overwritten else parent.grad + slope * upstream

    def arrive(self) -> None:
        """Pass on and walk on, however often this node was visited before."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            node.pass_on()
            waiting.extend(node.parents)


# ---- unbroadcast -----------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["1.19"], shares={"no axes": 0.1})
def unbroadcast(gradient: Float[ndarray, "*broadcast"], shape: tuple[int, ...]) -> Float[ndarray, "*shape"]:
    """The gradient with respect to an array of `shape` that broadcasting stretched to the shape of
    `gradient`.

    Each of its entries was copied to several places, and gets the sum of the gradients from all
    of them. NumPy lines shapes up at their last axes: broadcasting adds axes in front and
    stretches axes of size 1. `shape` may be ().
    """
    added = gradient.ndim - len(shape)
    gradient = gradient.sum(axis=tuple(range(added)))
    stretched = tuple(axis for axis, size in enumerate(shape) if size == 1)
    gradient = gradient.sum(axis=stretched, keepdims=True)
    return gradient


@cases(unbroadcast)
def visible_unbroadcast(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("(3, 5) back to (5,)", rng.normal(size=(3, 5)), (5,))
    yield Case("(3, 5) back to (3, 1)", rng.normal(size=(3, 5)), (3, 1))
    yield Case("(2, 3, 5) back to (3, 1)", rng.normal(size=(2, 3, 5)), (3, 1))
    yield Case("nothing was stretched", rng.normal(size=(3, 5)), (3, 5))


@cases(unbroadcast, hidden=True)
def hidden_unbroadcast(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("square, a row", rng.normal(size=(3, 3)), (3,))
    yield Case("square, a column", rng.normal(size=(3, 3)), (3, 1))
    yield Case("square, a row with two axes", rng.normal(size=(3, 3)), (1, 3))
    yield Case("a cube", rng.normal(size=(3, 3, 3)), (1, 3))
    yield Case("two axes in front", rng.normal(size=(2, 3, 5)), (5,))
    yield Case("first and last axis stretched", rng.normal(size=(2, 3, 5)), (1, 3, 1))
    yield Case("4 axes back to (3, 1, 7)", rng.normal(size=(2, 3, 5, 7)), (3, 1, 7))
    yield Case("all axes of size 1", rng.normal(size=(2, 5)), (1, 1))
    yield Case("a single number in a list", rng.normal(size=(2, 5)), (1,))
    yield Case("an axis of size 1 that stayed so", rng.normal(size=(5, 1)), (1, 1))
    yield Case("back to (1, 1, 3)", rng.normal(size=(2, 5, 3)), (1, 1, 3))
    no_axes = "`shape` may be (): a single number was stretched over the whole array, and gets the sum of everything."
    yield Case("a matrix back to ()", rng.normal(size=(3, 5)), (), group="no axes", hint=no_axes)
    yield Case("a vector back to ()", rng.normal(size=7), (), group="no axes", hint=no_axes)


@mistakes(
    unbroadcast,
    mean="You take the mean over the copies. Each copy adds its own part to the result, so the gradients are summed.",
    first_copy="You keep the gradient of the first copy. All copies count: sum them.",
    largest="You take the largest gradient of the copies. All copies count: sum them.",
    added_axes_only="You sum over the axes added in front, but not over stretched axes of size 1.",
    stretched_axes_only="You sum over stretched axes of size 1, but the axes that broadcasting added in front are still there.",
    axes_dropped="Your axes of size 1 are gone. The gradient has exactly the given shape: keep summed axes of size 1.",
    added_axes_kept="The axes that broadcasting added in front are still there, with size 1. The gradient has exactly the given shape.",
    aligned_left="You line shapes up at their first axes. Broadcasting lines them up at their last ones.",
    all_summed="You sum over everything, and give the total to every entry. An entry gets only the gradients of its own copies.",
    one_axis_only="You sum over one stretched axis only. There may be several.",
    untouched="You return the gradient as it is. Where one entry was copied to many places, their gradients are summed.",
    cut_out="You cut numbers off until the shape fits. Every gradient counts: sum those that belong to one entry.",
    summed_in_order_of_memory="You reshape until it fits and then sum, which mixes entries. Sum over the axes that broadcasting stretched.",
    number_forgotten="For the shape () you return the gradient without a sum over all of its axes.",
)
def unbroadcast_with(made: Made, gradient: ndarray, shape: tuple[int, ...]) -> Any:
    if made.untouched or (made.number_forgotten and not shape):
        return gradient * 1
    if made.all_summed:
        return np.full(shape, gradient.sum(), gradient.dtype)
    if made.cut_out:
        return np.resize(gradient.ravel(), shape)
    if made.summed_in_order_of_memory:
        return gradient.reshape(*shape, -1).sum(-1)
    if made.mean:
        reduce: Any = np.mean
    else:
        reduce = np.max if made.largest else first_along if made.first_copy else np.sum
    added = gradient.ndim - len(shape)
    front = tuple(range(len(shape), gradient.ndim)) if made.aligned_left else tuple(range(added))
    if not made.stretched_axes_only:
        gradient = reduce(gradient, axis=front, keepdims=made.added_axes_kept)
    skipped = added if made.stretched_axes_only or made.added_axes_kept else 0
    stretched = tuple(axis + skipped for axis, size in enumerate(shape) if size == 1)
    if made.added_axes_only:
        return gradient
    return reduce(gradient, axis=stretched[:1] if made.one_axis_only else stretched, keepdims=not made.axes_dropped)


def first_along(x: ndarray, axis: tuple[int, ...], keepdims: bool = False) -> Any:
    """The first element along each of these axes."""
    first = x[tuple(slice(1) if k in axis else slice(None) for k in range(x.ndim))]
    return first if keepdims else first.squeeze(axis)


# ---- Dual ------------------------------------------------------------------------------------------------------------


@exercise(
    points=3,
    rows=["1.19"],
    shares={"functions": 0.3},
    forbid=["torch.func.jvp", "torch.func.jacfwd", "torch.func.linearize", "torch.autograd.functional.jvp", "torch.autograd.forward_ad.make_dual"],
)
class Dual:
    """A number and its tangent: how fast it changes while the inputs move. Forward mode in a
    single class.

    An input moves with the tangent that it is given; a plain number is a constant and does not
    move.
    """

    def __init__(self, value: float, tangent: float = 0.0) -> None:
        self.value = value
        self.tangent = tangent

    @staticmethod
    def of(x: "Dual | float") -> "Dual":
        """A plain number becomes a constant; a Dual stays what it is."""
        ### BEGIN SOLUTION
        return x if isinstance(x, Dual) else Dual(x, 0.0)
        ### END SOLUTION

    def __add__(self, other: "Dual | float") -> "Dual":
        other = Dual.of(other)
        ### BEGIN SOLUTION
        return Dual(self.value + other.value, self.tangent + other.tangent)
        ### END SOLUTION

    def __mul__(self, other: "Dual | float") -> "Dual":
        other = Dual.of(other)
        ### BEGIN SOLUTION
        return Dual(self.value * other.value, self.tangent * other.value + self.value * other.tangent)
        ### END SOLUTION

    def __truediv__(self, other: "Dual | float") -> "Dual":
        other = Dual.of(other)
        ### BEGIN SOLUTION
        quotient = self.value / other.value
        return Dual(quotient, (self.tangent - quotient * other.tangent) / other.value)
        ### END SOLUTION

    def exp(self) -> "Dual":
        ### BEGIN SOLUTION
        result = math.exp(self.value)
        return Dual(result, result * self.tangent)
        ### END SOLUTION

    def log(self) -> "Dual":
        """The natural logarithm."""
        ### BEGIN SOLUTION
        return Dual(math.log(self.value), self.tangent / self.value)
        ### END SOLUTION

    def tanh(self) -> "Dual":
        ### BEGIN SOLUTION
        result = math.tanh(self.value)
        return Dual(result, (1 - result**2) * self.tangent)
        ### END SOLUTION

    def __neg__(self) -> "Dual":
        return self * -1

    def __sub__(self, other: "Dual | float") -> "Dual":
        return self + Dual.of(other) * -1

    def __radd__(self, other: float) -> "Dual":
        return self + other

    def __rsub__(self, other: float) -> "Dual":
        return Dual.of(other) - self

    def __rmul__(self, other: float) -> "Dual":
        return self * other

    def __rtruediv__(self, other: float) -> "Dual":
        return Dual.of(other) / self


@probe(Dual)
def values_and_tangents(answer, inputs, program):  # type: ignore[no-untyped-def]
    """Run the lines of a program; for each number its value and its tangent."""
    import numpy as np

    numbers = {name: answer(value, tangent) for name, (value, tangent) in inputs.items()}
    for line in program:
        name, expression = line.split(" = ")
        numbers[name] = eval(expression, {}, numbers)
    return {name: np.array([float(x.value), float(x.tangent)]) for name, x in numbers.items()}


def moving(rng: np.random.Generator, names: str, negative: bool = True) -> dict[str, tuple[float, float]]:
    """For each name a number and a tangent."""
    return {name: (x, round(float(rng.uniform(-2, 2)), 3)) for name, x in numbers(rng, names, negative).items()}


@cases(Dual)
def visible_dual(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("sums and products", {"a": (2.0, 1.0), "b": (-3.0, 0.5)}, ["u = a * b", "v = u + a", "y = v * v"])
    yield Case("only a moves", {"a": (1.5, 1.0), "b": (-0.7, 0.0)}, ["u = a / b", "y = u * a - b"])
    yield Case("plain numbers", moving(rng, "a"), ["u = 2 * a + 1", "v = 3 - u", "w = 1 / v", "y = -w - a / 4"])
    yield Case("exp, log, tanh", moving(rng, "ab", negative=False), ["u = a.exp()", "v = b.log()", "y = (u - v).tanh()"], group="functions")


@cases(Dual, hidden=True)
def hidden_dual(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("products", moving(rng, "abc"), ["u = a * b", "v = u * c", "w = v * v", "y = w + u * a"])
    yield Case("quotients", moving(rng, "abc"), ["u = a / b", "v = c / u", "w = 2 / v", "y = w - u / 3"])
    yield Case("no input moves", {name: (x, 0.0) for name, x in numbers(rng, "ab").items()}, ["u = a * b + 2", "y = u / a"])
    yield Case("constants on both sides", moving(rng, "ab"), ["u = a + 3", "v = 3 + b", "w = 5 * u * 2", "y = w / 2 - 1 / v"])
    yield Case("x * x and x / x", moving(rng, "x"), ["u = x * x", "v = x / x", "y = u + v + x"])
    yield Case("exp", moving(rng, "ab"), ["u = a.exp()", "v = (a * b).exp()", "y = u * v"], group="functions")
    yield Case("log", moving(rng, "ab", negative=False), ["u = a.log()", "v = (a * b).log()", "y = u * v"], group="functions")
    yield Case("tanh", moving(rng, "ab"), ["u = a.tanh()", "v = (u * b).tanh()", "y = u + v"], group="functions")


@mistakes(
    Dual,
    tangents_multiplied="You multiply the tangents of a product with each other. The product rule: each factor's tangent times the other factor, and the two are added.",
    second_factor_still="In a product you forget that the second factor moves too: the product rule has two terms.",
    own_factor="In a product each tangent is multiplied by the other factor; yours is multiplied by its own.",
    product_tangents_added="The tangent of your product is the one of a sum. Each tangent is multiplied by the other factor first.",
    product_difference="The two terms of the product rule are added; you subtract them.",
    sum_keeps_first="Your sum keeps the tangent of the first summand only. Both move.",
    sum_no_tangent="Your sum has no tangent: it moves by what both summands move.",
    divisor_still="In a quotient you forget that the divisor moves too.",
    quotient_plus="The two terms of the quotient rule are subtracted: a growing divisor makes the quotient smaller.",
    quotient_order="The two terms of the quotient rule are the wrong way round: the numerator's tangent comes first.",
    quotient_not_squared="In the quotient rule the divisor is squared.",
    tangents_divided="You divide the tangents by each other. The quotient rule needs the values too.",
    constants_move="Your plain numbers move: you give them the tangent 1. A constant does not move, so its tangent is 0.",
    exp_without_tangent="The tangent of exp is its derivative times the tangent of what goes in. You forget the second factor, which is the chain rule.",
    log_without_tangent="The tangent of log is its derivative times the tangent of what goes in. You forget the second factor, which is the chain rule.",
    tanh_without_tangent="The tangent of tanh is its derivative times the tangent of what goes in. You forget the second factor, which is the chain rule.",
    exp_of_tangent="You apply exp to the tangent. The tangent is multiplied by the derivative at the value.",
    log_of_tangent="You apply log to the tangent. The tangent is multiplied by the derivative at the value.",
    tanh_of_tangent="You apply tanh to the tangent. The tangent is multiplied by the derivative at the value.",
    exp_as_power="You differentiate exp like a power. exp is its own derivative.",
    log_times_value="The derivative of log(x) is one over x: divide the tangent by the value.",
    tanh_not_squared="In the derivative of tanh, tanh is squared before it is subtracted from 1.",
    log_base_10="That is the logarithm to base 10. The natural one is wanted.",
)
class DualWith(ReflectedOperators):
    def __init__(self, made: Made, value: float, tangent: float = 0.0) -> None:
        self.made, self.value, self.tangent = made, value, tangent

    def of(self, x: Any) -> Any:
        return x if isinstance(x, DualWith) else DualWith(self.made, x, float(self.made.constants_move))

    def __add__(self, other: Any) -> Any:
        made, other = self.made, self.of(other)
        tangent = 0.0 if made.sum_no_tangent else self.tangent if made.sum_keeps_first else self.tangent + other.tangent
        return DualWith(made, self.value + other.value, tangent)

    def __mul__(self, other: Any) -> Any:
        made, other = self.made, self.of(other)
        a, b, da, db = self.value, other.value, self.tangent, other.tangent
        if made.tangents_multiplied:
            tangent = da * db
        elif made.product_tangents_added:
            tangent = da + db
        elif made.own_factor:
            tangent = da * a + db * b
        else:
            tangent = da * b + (0 if made.second_factor_still else -1 if made.product_difference else 1) * a * db
        return DualWith(made, a * b, tangent)

    def __truediv__(self, other: Any) -> Any:
        made, other = self.made, self.of(other)
        a, b, da, db = self.value, other.value, self.tangent, other.tangent
        terms = da * b, (0 if made.divisor_still else -1 if made.quotient_plus else 1) * a * db
        change = terms[1] - terms[0] if made.quotient_order else terms[0] - terms[1]
        tangent = change / (b if made.quotient_not_squared else b**2)
        if made.tangents_divided:
            tangent = da / db if db else math.nan
        return DualWith(made, a / b, tangent)

    def exp(self) -> Any:
        made, x, dx = self.made, self.value, self.tangent
        slope = x * math.exp(x - 1) if made.exp_as_power else math.exp(x)
        return DualWith(made, math.exp(x), math.exp(dx) if made.exp_of_tangent else slope * (1 if made.exp_without_tangent else dx))

    def log(self) -> Any:
        made, x, dx = self.made, self.value, self.tangent
        base = math.log(10) if made.log_base_10 else 1
        slope = x if made.log_times_value else 1 / (x * base)
        of_tangent = math.log(dx) if dx > 0 else math.nan
        return DualWith(made, math.log(x) / base, of_tangent if made.log_of_tangent else slope * (1 if made.log_without_tangent else dx))

    def tanh(self) -> Any:
        made, x, dx = self.made, self.value, self.tangent
        y = math.tanh(x)
        slope = 1 - y if made.tanh_not_squared else 1 - y**2
        return DualWith(made, y, math.tanh(dx) if made.tanh_of_tangent else slope * (1 if made.tanh_without_tangent else dx))

    def __sub__(self, other: Any) -> Any:
        return self + self.of(other) * -1
