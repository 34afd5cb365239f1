"""`ElementwiseKernel`: the body of a loop over elements, in CUDA C."""

from __future__ import annotations

import math
from typing import Any

from autograder.cuda.kernel import RawKernel
from autograder.cuda.standin import generated
from autograder.cuda.standin.arrays import ndarray
from autograder.cuda.standin.generated import Bound, GeneratedKernel, Quoted
from autograder.cuda.standin.parameters import broadcast, check_arguments, check_source, decide_types, outputs

MOST_BLOCKS = 2**31 - 1


class ElementwiseKernel(GeneratedKernel):
    """A kernel that does the same to every element, with broadcasting: `ElementwiseKernel("T x, T y", "T z", "z = x + y")`.

    In the operation each name is an element, `i` is its position, and `_ind` has `size()` and the indices `get()`.

    Args:
        in_params: what goes in: types by NumPy's names, or letters that the arrays decide. `raw` before the type gives
            the whole array, indexed as you like.
        out_params: what comes out, in the same way.
        operation: CUDA C, the body of the loop.
        name: the kernel's name.
        reduce_dims: arrays that lie densely are looped over as if they had one axis, so `_ind.get()` has one index.
        preamble: CUDA C before the kernel.
        no_return: a call gives None.
        return_tuple: a call gives a tuple even of one array.
        options: for the compiler.
        loop_prep, after_loop: CUDA C before and after the loop.

    Raises:
        TypeError: a type is unknown, or CUDA C is no string.
        ValueError: a declaration or a name is not valid.
    """

    def __init__(
        self,
        in_params: str,
        out_params: str,
        operation: str,
        name: str = "kernel",
        reduce_dims: bool = True,
        preamble: str = "",
        no_return: bool = False,
        return_tuple: bool = False,
        *,
        options: tuple[str, ...] = (),
        loop_prep: str = "",
        after_loop: str = "",
    ) -> None:
        check_source(operation=operation, preamble=preamble, loop_prep=loop_prep, after_loop=after_loop)
        super().__init__(in_params, out_params, name, reduce_dims, preamble, options)
        self.operation, self.loop_prep, self.after_loop = operation, loop_prep, after_loop
        self.no_return, self.return_tuple = no_return, return_tuple

    def __call__(self, *args: Any, size: int = -1, stream: Any = None, block_size: int = 128, **kwargs: Any) -> Any:
        """Run it on device arrays and numbers, with or without the outputs behind the inputs.

        Args:
            args: a number takes the type that its parameter has.
            size: how many elements, where all arrays are raw.
            stream: has no effect here.
            block_size: the number of threads in a block.

        Raises:
            CompileError: the operation is not valid; the lines are those of the operation.
            KernelFault: an element's thread does what it may not.
            TypeError: a wrong number or type of arguments.
            ValueError: shapes do not fit.
        """
        if kwargs:
            raise TypeError(f"Wrong arguments {kwargs}")
        if block_size <= 0:
            raise ValueError("block_size must be greater than zero")
        if len(args) not in (self.nin, self.nargs):
            raise TypeError(
                f"Wrong number of arguments for {self.name!r}. It must be either {self.nin} or {self.nargs} (with outputs), but given {len(args)}."
            )
        check_arguments(args)
        looped, shape = broadcast(self.params, args, None if size == -1 else size)
        types = decide_types(self.params, args)
        out = outputs(self.out_params, args[self.nin :], types, shape, sized=size != -1)
        if 0 not in shape:
            self._launch([*looped[: self.nin], *out], shape, types, block_size)
        if self.no_return:
            return None
        return out[0] if self.nout == 1 and not self.return_tuple else tuple(out)

    def _launch(self, args: list[Any], shape: tuple[int, ...], types: dict[str, Any], block_size: int) -> None:
        if self.reduce_dims and all(a.flags.c_contiguous for a in self._looped(args)):
            args = [a.reshape(-1) if isinstance(a, ndarray) and not p.raw else a for p, a in zip(self.params, args, strict=True)]
            shape = (math.prod(shape),)
        bound = generated.bind(self.params, args, types)
        declared, made, sides = generated.indexer("_ind", shape)
        key = (len(sides), *(b.kind for b in bound))
        if key not in self._kernels:
            self._kernels[key] = self._compiled(bound, types, declared, made)
        blocks = min(MOST_BLOCKS, -(-math.prod(shape) // block_size))
        args = [*(a for b in bound for a in b.arguments()), *sides]
        generated.launch(self._kernels[key], blocks, min(block_size, math.prod(shape)), args)

    def _looped(self, args: list[Any]) -> list[ndarray]:
        return [a for p, a in zip(self.params, args, strict=True) if isinstance(a, ndarray) and not p.raw]

    def _compiled(self, bound: list[Bound], types: dict[str, Any], declared: str, made: str) -> RawKernel:
        quoted = Quoted()
        operation, loop_prep = quoted.quote(self.operation), quoted.quote(self.loop_prep)
        after_loop, preamble = quoted.quote(self.after_loop), quoted.quote(self.preamble)
        code = f"""{generated.header(bound, types)}{preamble}
extern "C" __global__ void {self.name}({", ".join([*(b.declaration() for b in bound), declared])}) {{
{made}{"".join(b.view() for b in bound)}{{
{"".join(b.whole() for b in bound)}{loop_prep};
for (ptrdiff_t i = (ptrdiff_t)blockIdx.x * blockDim.x + threadIdx.x; i < _ind.size(); i += (ptrdiff_t)blockDim.x * gridDim.x) {{
_ind.set(i);
{"".join(b.one("i", "_ind") for b in bound)}{operation};
}}
{after_loop};
}}
}}
"""
        return generated.compiled(code, self.name, self.options, quoted)
