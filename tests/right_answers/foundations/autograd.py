"""Right answers in other styles: chapter 1, foundations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy import ndarray

# ---- central_difference ----------------------------------------------------------------------------------------------


def central_difference__moves_a_copy(f: Callable[[ndarray], float], x: ndarray, eps: float = 1e-5) -> ndarray:
    point, gradient = np.array(x, dtype=float), np.empty(x.shape)
    for i in np.ndindex(*x.shape):
        here = point[i]
        point[i] = here + eps
        ahead = f(point)
        point[i] = here - eps
        gradient[i] = (ahead - f(point)) / eps / 2
        point[i] = here
    return gradient


def central_difference__in_place_and_restored(f: Callable[[ndarray], float], x: ndarray, eps: float = 1e-6) -> ndarray:
    gradient = []
    for i in range(x.size):
        here = x.flat[i]
        x.flat[i] = here + eps
        change = f(x)
        x.flat[i] = here - eps
        change -= f(x)
        x.flat[i] = here
        gradient.append(change / (2 * eps))
    return np.reshape(gradient, x.shape)


def central_difference__identity(f: Callable[[ndarray], float], x: ndarray, eps: float = 1e-5) -> ndarray:
    steps = eps * np.eye(x.size).reshape(-1, *x.shape)
    return np.asfortranarray(np.array([f(x + step) - f(x - step) for step in steps]).reshape(x.shape) / (2 * eps))


# ---- topological_order -----------------------------------------------------------------------------------------------


def topological_order__counting(root: Any, parents: dict[Any, list[Any]]) -> list[Any]:
    """Kahn (1962), among the nodes that the root needs."""
    needed, waiting = {root}, [root]
    while waiting:
        for parent in parents[waiting.pop()]:
            if parent not in needed:
                needed.add(parent)
                waiting.append(parent)
    children: dict[Any, list[Any]] = {node: [] for node in needed}
    missing = {node: len(parents[node]) for node in needed}
    for node in needed:
        for parent in parents[node]:
            children[parent].append(node)
    ready = sorted(node for node in needed if not missing[node])
    order = []
    while ready:
        order.append(ready.pop(0))
        for child in children[order[-1]]:
            missing[child] -= 1
            if missing[child] == 0:
                ready.append(child)
    return order


def topological_order__stack_of_iterators(root: Any, parents: dict[Any, list[Any]]) -> list[Any]:
    order, seen, stack = [], {root}, [(root, iter(parents[root]))]
    while stack:
        node, rest = stack[-1]
        for parent in rest:
            if parent not in seen:
                seen.add(parent)
                stack.append((parent, iter(parents[parent])))
                break
        else:
            stack.pop()
            order.append(node)
    return order


def topological_order__peels_from_the_root(root: Any, parents: dict[Any, list[Any]]) -> tuple[Any, ...]:
    """From the root down: take a node once nobody who needs it is left."""
    needed, waiting = [root], [root]
    while waiting:
        for parent in parents[waiting.pop()]:
            if parent not in needed:
                needed.append(parent)
                waiting.append(parent)
    uses = dict.fromkeys(needed, 0)
    for node in needed:
        for parent in parents[node]:
            uses[parent] += 1
    free, order = [root], []
    while free:
        node = free.pop()
        order.append(node)
        for parent in parents[node]:
            uses[parent] -= 1
            if uses[parent] == 0:
                free.append(parent)
    return tuple(order[::-1])


def topological_order__looks_again(root: Any, parents: dict[Any, list[Any]]) -> list[Any]:
    done: dict[Any, bool] = {}
    waiting = [root]
    while waiting:
        missing = [p for p in parents[waiting[-1]] if p not in done]
        if missing:
            waiting += missing
        else:
            done[waiting.pop()] = True
    return list(done)


# ---- Value -----------------------------------------------------------------------------------------------------------


class _Operators:
    """What the exercise gives to the student, without its graph."""

    def __neg__(self) -> Any:
        return self * -1

    def __radd__(self, other: float) -> Any:
        return self + other

    def __rsub__(self, other: float) -> Any:
        return (-self) + other

    def __rmul__(self, other: float) -> Any:
        return self * other

    def __rtruediv__(self, other: float) -> Any:
        return other * self**-1

    def __sub__(self, other: Any) -> Any:
        return self + (-other)

    def __truediv__(self, other: Any) -> Any:
        return self * other**-1

    def __add__(self, other: Any) -> Any:
        raise NotImplementedError

    def __mul__(self, other: Any) -> Any:
        raise NotImplementedError

    def __pow__(self, other: float) -> Any:
        raise NotImplementedError


class Value__closures(_Operators):
    """As in micrograd: each result keeps a function that passes its gradient on."""

    def __init__(self, data: float, parents: tuple[Any, ...] = ()) -> None:
        self.data, self.grad, self.parents = data, 0.0, parents
        self._backward: Callable[[], None] = lambda: None

    def _make(self, data: float, parents: tuple[Any, ...], slopes: Callable[[Any], tuple[float, ...]]) -> Any:
        out = Value__closures(data, parents)

        def pass_on() -> None:
            for parent, slope in zip(parents, slopes(out), strict=True):
                parent.grad += slope * out.grad

        out._backward = pass_on
        return out

    def __add__(self, other: Any) -> Any:
        other = other if isinstance(other, Value__closures) else Value__closures(other)
        return self._make(self.data + other.data, (self, other), lambda out: (1, 1))

    def __mul__(self, other: Any) -> Any:
        other = other if isinstance(other, Value__closures) else Value__closures(other)
        return self._make(self.data * other.data, (self, other), lambda out: (other.data, self.data))

    def __pow__(self, n: float) -> Any:
        return self._make(self.data**n, (self,), lambda out: (n * self.data ** (n - 1),))

    def exp(self) -> Any:
        return self._make(np.exp(self.data), (self,), lambda out: (out.data,))

    def log(self) -> Any:
        return self._make(np.log(self.data), (self,), lambda out: (self.data**-1,))

    def tanh(self) -> Any:
        return self._make(np.tanh(self.data), (self,), lambda out: (1 / np.cosh(self.data) ** 2,))

    def relu(self) -> Any:
        return self._make(self.data * (self.data > 0), (self,), lambda out: (int(out.data > 0),))

    def backward(self) -> None:
        seen, order, stack = set(), [], [self]
        while stack:
            node = stack[-1]
            fresh = [p for p in node.parents if id(p) not in seen]
            if fresh:
                stack.extend(fresh)
            else:
                stack.pop()
                if id(node) not in seen:
                    seen.add(id(node))
                    order.append(node)
                    node.grad = 0 if node.parents else node.grad
        self.grad += 1
        for node in order[::-1]:
            node._backward()


class Value__tape(_Operators):
    """All numbers in the order of their making: that order is topological, without a search."""

    tape: ClassVar[list[Any]] = []

    def __init__(self, data: float, slopes: dict[int, float] | None = None) -> None:
        self.data, self.grad, self.slopes = float(data), 0.0, slopes
        self.place = len(self.tape)
        self.tape.append(self)

    def _apply(self, data: float, *pairs: tuple[Any, float]) -> Any:
        slopes: dict[int, float] = {}
        for parent, slope in pairs:
            slopes[parent.place] = slopes.get(parent.place, 0.0) + slope
        return Value__tape(data, slopes)

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, Value__tape):
            return self._apply(self.data + other, (self, 1.0))
        return self._apply(self.data + other.data, (self, 1.0), (other, 1.0))

    def __mul__(self, other: Any) -> Any:
        if not isinstance(other, Value__tape):
            return self._apply(self.data * other, (self, other))
        return self._apply(self.data * other.data, (self, other.data), (other, self.data))

    def __pow__(self, n: float) -> Any:
        return self._apply(self.data**n, (self, n * self.data ** (n - 1)))

    def exp(self) -> Any:
        return self._apply(math.exp(self.data), (self, math.exp(self.data)))

    def log(self) -> Any:
        return self._apply(math.log(self.data), (self, 1 / self.data))

    def tanh(self) -> Any:
        e = math.exp(2 * self.data)
        return self._apply((e - 1) / (e + 1), (self, 4 * e / (e + 1) ** 2))

    def relu(self) -> Any:
        return self if self.data > 0 else self._apply(0.0, (self, 0.0))

    def backward(self) -> None:
        """Gradients of this call apart from those kept: inner nodes add up too, which nothing forbids."""
        flow = {self.place: 1.0}
        for place in range(self.place, -1, -1):
            upstream = flow.get(place, 0.0)
            self.tape[place].grad += upstream
            for parent, slope in (self.tape[place].slopes or {}).items():
                flow[parent] = flow.get(parent, 0.0) + slope * upstream


class Value__counts_uses(_Operators):
    """Passes a node's gradient on when the last of its uses has reported. Data are NumPy numbers."""

    def __init__(self, data: Any, *sources: tuple[Any, Any]) -> None:
        self.data = np.float64(data)
        self.grad = np.float64(0)
        self.sources = sources

    def __add__(self, other: Any) -> Any:
        other = other if isinstance(other, Value__counts_uses) else Value__counts_uses(other)
        return Value__counts_uses(self.data + other.data, (self, 1.0), (other, 1.0))

    def __mul__(self, other: Any) -> Any:
        other = other if isinstance(other, Value__counts_uses) else Value__counts_uses(other)
        return Value__counts_uses(self.data * other.data, (self, other.data), (other, self.data))

    def __pow__(self, n: float) -> Any:
        return Value__counts_uses(self.data**n, (self, n * self.data ** (n - 1)))

    def exp(self) -> Any:
        return Value__counts_uses(np.exp(self.data), (self, np.exp(self.data)))

    def log(self) -> Any:
        return Value__counts_uses(np.log(self.data), (self, np.reciprocal(self.data)))

    def tanh(self) -> Any:
        return Value__counts_uses(np.tanh(self.data), (self, 1 - np.square(np.tanh(self.data))))

    def relu(self) -> Any:
        return Value__counts_uses(np.maximum(self.data, 0), (self, np.float64(self.data > 0)))

    def backward(self) -> None:
        uses: dict[Any, int] = {self: 0}
        waiting = [self]
        while waiting:
            node = waiting.pop()
            if node.sources:
                node.grad = np.zeros_like(node.grad)
            for parent, _ in node.sources:
                if parent not in uses:
                    uses[parent] = 0
                    waiting.append(parent)
                uses[parent] += 1
        self.grad = self.grad + 1
        ready = [self]
        while ready:
            node = ready.pop()
            for parent, slope in node.sources:
                parent.grad = parent.grad + slope * node.grad
                uses[parent] -= 1
                if not uses[parent]:
                    ready.append(parent)


# ---- unbroadcast -----------------------------------------------------------------------------------------------------


def unbroadcast__one_axis_at_a_time(gradient: ndarray, shape: tuple[int, ...]) -> ndarray:
    while gradient.ndim > len(shape):
        gradient = gradient.sum(0)
    for axis in range(len(shape)):
        if shape[axis] == 1 and gradient.shape[axis] != 1:
            gradient = gradient.sum(axis, keepdims=True)
    return gradient


def unbroadcast__loops(gradient: ndarray, shape: tuple[int, ...]) -> ndarray:
    out = np.zeros(shape, gradient.dtype)
    for i in np.ndindex(*gradient.shape):
        place = i[len(i) - len(shape) :]
        out[tuple(0 if size == 1 else k for k, size in zip(place, shape, strict=True))] += gradient[i]
    return out


def unbroadcast__scatter(gradient: ndarray, shape: tuple[int, ...]) -> ndarray:
    """Each place of the gradient says which entry it was copied from."""
    size = math.prod(shape)
    origin = np.broadcast_to(np.arange(size).reshape(shape), gradient.shape)
    return np.bincount(origin.ravel(), weights=gradient.ravel(), minlength=size).reshape(shape)


def unbroadcast__einsum(gradient: ndarray, shape: tuple[int, ...]) -> ndarray:
    letters = "abcdefgh"[: gradient.ndim]
    kept = "".join(c for c, size in zip(letters[gradient.ndim - len(shape) :], shape, strict=True) if size != 1)
    return np.einsum(f"{letters}->{kept}", gradient).reshape(shape)


# ---- Dual ------------------------------------------------------------------------------------------------------------


class _Moving:
    """What the exercise gives to the student, on the pair (value, tangent)."""

    value: Any
    tangent: Any

    def __neg__(self) -> Any:
        return self * -1

    def __sub__(self, other: Any) -> Any:
        return self + other * -1

    def __radd__(self, other: float) -> Any:
        return self + other

    def __rsub__(self, other: float) -> Any:
        return self * -1 + other

    def __rmul__(self, other: float) -> Any:
        return self * other

    def __add__(self, other: Any) -> Any:
        raise NotImplementedError

    def __mul__(self, other: Any) -> Any:
        raise NotImplementedError


class Dual__without_lifting(_Moving):
    def __init__(self, value: float, tangent: float = 0) -> None:
        self.value, self.tangent = value, tangent

    def __add__(self, other: Any) -> Any:
        if isinstance(other, Dual__without_lifting):
            return Dual__without_lifting(self.value + other.value, self.tangent + other.tangent)
        return Dual__without_lifting(self.value + other, self.tangent)

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, Dual__without_lifting):
            return Dual__without_lifting(self.value * other.value, self.value * other.tangent + other.value * self.tangent)
        return Dual__without_lifting(self.value * other, self.tangent * other)

    def __truediv__(self, other: Any) -> Any:
        if isinstance(other, Dual__without_lifting):
            return self * (1 / other)
        return self * (1 / other)

    def __rtruediv__(self, other: float) -> Any:
        return Dual__without_lifting(other / self.value, -other * self.tangent / self.value**2)

    def exp(self) -> Any:
        return Dual__without_lifting(np.exp(self.value), np.exp(self.value) * self.tangent)

    def log(self) -> Any:
        return Dual__without_lifting(np.log(self.value), self.tangent / self.value)

    def tanh(self) -> Any:
        return Dual__without_lifting(np.tanh(self.value), self.tangent / np.cosh(self.value) ** 2)


class Dual__matrices(_Moving):
    """A dual number is the matrix [[a, b], [0, a]]; functions follow from sums, products and inverses."""

    def __init__(self, value: float, tangent: float = 0.0) -> None:
        self.matrix = np.array([[value, tangent], [0.0, value]])

    @property
    def value(self) -> Any:
        return self.matrix[0, 0]

    @property
    def tangent(self) -> Any:
        return self.matrix[0, 1]

    def _other(self, other: Any) -> ndarray:
        return other.matrix if isinstance(other, Dual__matrices) else other * np.eye(2)

    def _new(self, matrix: ndarray) -> Any:
        return Dual__matrices(matrix[0, 0], matrix[0, 1])

    def __add__(self, other: Any) -> Any:
        return self._new(self.matrix + self._other(other))

    def __mul__(self, other: Any) -> Any:
        return self._new(self.matrix @ self._other(other))

    def __truediv__(self, other: Any) -> Any:
        return self._new(self.matrix @ np.linalg.inv(self._other(other)))

    def __rtruediv__(self, other: float) -> Any:
        return self._new(other * np.linalg.inv(self.matrix))

    def exp(self) -> Any:
        e = math.exp(self.value)
        return Dual__matrices(e, e * self.tangent)

    def log(self) -> Any:
        return Dual__matrices(math.log(self.value), self.tangent / self.value)

    def tanh(self) -> Any:
        e = (self * 2).exp()
        return (e - 1) / (e + 1)


class Dual__complex_step(_Moving):
    """A tiny imaginary part behaves as a tangent does."""

    def __init__(self, value: Any, tangent: float = 0.0) -> None:
        self.z = value if isinstance(value, complex) else complex(value, 1e-30 * tangent)

    @property
    def value(self) -> Any:
        return self.z.real

    @property
    def tangent(self) -> Any:
        return self.z.imag * 1e30

    def __add__(self, other: Any) -> Any:
        return Dual__complex_step(self.z + getattr(other, "z", other))

    def __mul__(self, other: Any) -> Any:
        return Dual__complex_step(self.z * getattr(other, "z", other))

    def __truediv__(self, other: Any) -> Any:
        return Dual__complex_step(self.z / getattr(other, "z", other))

    def __rtruediv__(self, other: float) -> Any:
        return Dual__complex_step(other / self.z)

    def exp(self) -> Any:
        return Dual__complex_step(complex(np.exp(self.z)))

    def log(self) -> Any:
        return Dual__complex_step(complex(np.log(self.z)))

    def tanh(self) -> Any:
        return Dual__complex_step(complex(np.tanh(self.z)))
