"""`ReductionKernel`: elements mapped, reduced along axes, and mapped again, in CUDA C."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograder.cuda.kernel import RawKernel
from autograder.cuda.standin import generated
from autograder.cuda.standin.arrays import Axis, ndarray
from autograder.cuda.standin.generated import Bound, GeneratedKernel, Quoted
from autograder.cuda.standin.parameters import broadcast, check_arguments, check_source, decide_types, outputs

BLOCK = 512


class ReductionKernel(GeneratedKernel):
    """A kernel that reduces along axes: `ReductionKernel("T x", "T y", "x * x", "a + b", "y = sqrt(a)", "0", "l2norm")`.

    Every output gets a group of threads, a power of two. Each thread reduces its share of the elements, and then they
    halve, in shared memory. So `reduce_expr` must not depend on the order, and sums of floats may differ in the last bits.

    Args:
        in_params, out_params: as in `ElementwiseKernel`.
        map_expr: what is reduced, from an element of each input.
        reduce_expr: two of these in one, `a` and `b`.
        post_map_expr: assigns the outputs, from the reduced value `a`.
        identity: what `reduce_expr` begins with.
        name: the kernel's name.
        reduce_type: the type of what is reduced; by default, that of the first output.
        reduce_dims: has no effect here.
        preamble: CUDA C before the kernel.
        options: for the compiler.

    Raises:
        TypeError: a type is unknown, or CUDA C is no string.
        ValueError: a declaration or a name is not valid.
    """

    def __init__(
        self,
        in_params: str,
        out_params: str,
        map_expr: str,
        reduce_expr: str,
        post_map_expr: str,
        identity: Any,
        name: str = "reduce_kernel",
        reduce_type: str | None = None,
        reduce_dims: bool = True,
        preamble: str = "",
        options: tuple[str, ...] = (),
    ) -> None:
        check_source(map_expr=map_expr, reduce_expr=reduce_expr, post_map_expr=post_map_expr, preamble=preamble)
        super().__init__(in_params, out_params, name, reduce_dims, preamble, options)
        if not self.out_params:
            raise IndexError("A reduction needs an output")
        self.map_expr, self.reduce_expr, self.post_map_expr = map_expr, reduce_expr, post_map_expr
        self.identity = "" if identity is None else str(identity)
        self.reduce_type = reduce_type or self.out_params[0].ctype

    def __call__(
        self, *args: Any, out: ndarray | None = None, axis: Axis = None, keepdims: bool = False, stream: Any = None, **kwargs: Any
    ) -> ndarray:
        """Reduce device arrays, with or without the outputs behind the inputs.

        Args:
            args: inputs are broadcast against each other; a number takes the type that its parameter has.
            out: the output, if it does not stand among `args`.
            axis: along which axes; all by default.
            keepdims: whether these stay, with length 1.
            stream: has no effect here.

        Raises:
            CompileError: an expression is not valid; lines are counted through map_expr, reduce_expr and post_map_expr.
            KernelFault: a thread does what it may not.
            TypeError: a wrong number or type of arguments.
            ValueError: shapes do not fit, or nothing is reduced and there is no identity.
        """
        if kwargs:
            raise TypeError(f"Wrong arguments {kwargs}")
        if len(args) not in (self.nin, self.nargs):
            raise TypeError(f"Wrong number of arguments for {self.name}")
        given = list(args[self.nin :])
        if out is not None:
            if self.nout != 1:
                raise NotImplementedError("`out` names one array, and this kernel has several outputs: pass them behind the inputs")
            if given:
                raise ValueError("cannot specify 'out' as both a positional and keyword argument")
            given = [out]
        check_arguments([*args[: self.nin], *given])
        inputs, shape = broadcast(self.in_params, args[: self.nin])
        types = decide_types(self.params, [*inputs, *given])
        reduced, kept = _axes(axis, len(shape))
        out_shape = tuple(1 if k in reduced else side for k, side in enumerate(shape) if keepdims or k in kept)
        out_args = outputs(self.out_params, given, types, out_shape, sized=False)
        if out_args[0].size:
            if not self.identity and 0 in shape:
                raise ValueError(f"zero-size array to reduction operation {self.name} which has no identity")
            self._launch(self._permuted(inputs, kept + reduced), out_args, tuple(shape[k] for k in kept + reduced), out_shape, types)
        return out_args[0]

    def _permuted(self, inputs: list[Any], axes: tuple[int, ...]) -> list[Any]:
        """The inputs with the axes that stay first, so that what one output reduces comes together."""
        return [a.transpose(axes) if isinstance(a, ndarray) and not p.raw else a for p, a in zip(self.in_params, inputs, strict=True)]

    def _launch(
        self, inputs: list[Any], out: list[ndarray], in_shape: tuple[int, ...], out_shape: tuple[int, ...], types: dict[str, np.dtype]
    ) -> None:
        bound = generated.bind(self.params, [*inputs, *out], types)
        in_declared, in_made, in_sides = generated.indexer("_in_ind", in_shape)
        out_declared, out_made, out_sides = generated.indexer("_out_ind", out_shape)
        length = math.prod(in_shape) // math.prod(out_shape)
        group = min(BLOCK, 1 << max(0, length - 1).bit_length())
        key = (group, len(in_sides), len(out_sides), *(b.kind for b in bound))
        if key not in self._kernels:
            self._kernels[key] = self._compiled(bound, types, f"{in_declared}, {out_declared}", in_made + out_made, group)
        blocks = -(-math.prod(out_shape) * group // BLOCK)
        generated.launch(self._kernels[key], blocks, BLOCK, [*(a for b in bound for a in b.arguments()), *in_sides, *out_sides])

    def _compiled(self, bound: list[Bound], types: dict[str, np.dtype], declared: str, made: str, group: int) -> RawKernel:
        quoted = Quoted()
        map_expr, reduce_expr = quoted.quote(self.map_expr), quoted.quote(self.reduce_expr)
        post_map_expr, preamble = quoted.quote(self.post_map_expr), quoted.quote(self.preamble)
        ins, outs = bound[: self.nin], bound[self.nin :]
        code = f"""{generated.header(bound, types)}{preamble}
typedef {self.reduce_type} _type_reduce;
extern "C" __global__ void {self.name}({", ".join([*(b.declaration() for b in bound), declared])}) {{
{made}{"".join(b.view() for b in bound)}{{
{"".join(b.whole() for b in bound)}
__shared__ _type_reduce _shared[{BLOCK}];
auto _reduce = [&](_type_reduce a, _type_reduce b) -> _type_reduce {{ return ({reduce_expr}); }};
const ptrdiff_t _out = ((ptrdiff_t)blockIdx.x * {BLOCK} + threadIdx.x) / {group};
const ptrdiff_t _length = _in_ind.size() / _out_ind.size();
const int _lane = threadIdx.x % {group};
_type_reduce _sum = _type_reduce({self.identity});
if (_out < _out_ind.size()) for (ptrdiff_t _j = _lane; _j < _length; _j += {group}) {{
const ptrdiff_t i = _out * _length + _j;
_in_ind.set(i);
{"".join(b.one("i", "_in_ind") for b in ins)}
_sum = _reduce(_sum, static_cast<_type_reduce>({map_expr}));
}}
_shared[threadIdx.x] = _sum;
for (int _half = {group} / 2; _half > 0; _half /= 2) {{
__syncthreads();
if (_lane < _half) _shared[threadIdx.x] = _reduce(_shared[threadIdx.x], _shared[threadIdx.x + _half]);
}}
if (_lane == 0 && _out < _out_ind.size()) {{
_out_ind.set(_out);
_type_reduce a = _shared[threadIdx.x];
{"".join(b.one("_out", "_out_ind") for b in outs)}{post_map_expr};
}}
}}
}}
"""
        return generated.compiled(code, self.name, self.options, quoted)


def _axes(axis: Axis, ndim: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The axes along which is reduced, and those that stay."""
    given = tuple(range(ndim)) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    if any(not -ndim <= k < ndim for k in given):
        raise np.exceptions.AxisError(next(k for k in given if not -ndim <= k < ndim), ndim)
    reduced = tuple(sorted(k % ndim for k in given))
    if len(set(reduced)) < len(reduced):
        raise ValueError("duplicate value in 'axis'")
    return reduced, tuple(k for k in range(ndim) if k not in reduced)
