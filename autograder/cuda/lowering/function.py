"""One PTX function as an LLVM function: registers, blocks, guards, operands. What depends on the flavour is left to its subclasses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from llvmlite import ir

from autograder.cuda.layout import Status
from autograder.cuda.lowering.types import DOUBLE, FLOAT, FLOATS, HALF, I1, I8, I16, I32, I64, POINTER, constant, integer, suffix, unsupported
from autograder.cuda.ptx.model import (
    WIDTHS,
    Address,
    Function,
    Immediate,
    Instruction,
    Label,
    Negated,
    Operand,
    Register,
    Sink,
    Symbol,
)

# NVRTC passes on a source's own assembly unread: operands may be missing, of another kind, or name what is nowhere.
_ILL_FORMED = (LookupError, ValueError, TypeError, AttributeError, StopIteration, OverflowError)
UNLIKELY = (1, 1_000_000)  # branch weights


class FunctionLowering(ABC):
    """Builds one function.

    Registers are stack slots (`alloca`): LLVM's mem2reg makes values of them, so no phi is made here.
    Every register is an integer of its width; floats are bit casts of it.
    """

    def __init__(self, function: Function, target: ir.Function) -> None:
        self.function = function
        self.target = target
        self.builder = ir.IRBuilder(target.append_basic_block("entry"))
        self.instruction = Instruction("", (), None, 0, "")  # the one that is being lowered
        self.index = 0  # its place in the body
        # What nobody has written is 0: LLVM takes any value for it, another one at each use, and a check would check nothing.
        self.registers: dict[str, ir.Value] = {name: self.zeros(integer(width), name) for name, width in function.registers.items()}
        self.carry = self.zeros(I1, "carry")  # the condition code of add.cc and its like
        self.labels = {item.name: target.append_basic_block(item.name) for item in function.body if isinstance(item, Label)}

    def lower(self, instructions: Callable[[Instruction], Callable[[FunctionLowering, Instruction], None]]) -> None:
        """Build the whole function; `instructions` gives each instruction's lowering."""
        self.enter()
        for index, item in enumerate(self.function.body):
            if isinstance(item, Label):
                self._fall_into(self.labels[item.name])
                continue
            self.instruction, self.index = item, index
            if self.builder.block.is_terminated:  # nothing comes here, but LLVM wants a block
                self.builder.position_at_end(self.new_block("unreachable"))
            try:
                self._guarded(item, instructions(item))
            except _ILL_FORMED as error:
                raise unsupported(item, "it is not well formed") from error
        if not self.builder.block.is_terminated:
            self.leave()

    def _guarded(self, instruction: Instruction, lower: Callable[[FunctionLowering, Instruction], None]) -> None:
        if instruction.guard is None or instruction.name == "bra":  # a branch sees to its guard itself
            lower(self, instruction)
            return
        with self.builder.if_then(self.bits(instruction.guard, 1)):
            lower(self, instruction)

    def _fall_into(self, block: ir.Block) -> None:
        if not self.builder.block.is_terminated:
            self.builder.branch(block)
        self.builder.position_at_end(block)

    def new_block(self, name: str) -> ir.Block:
        return self.target.append_basic_block(name)

    # ---- operands

    def bits(self, operand: Operand, width: int) -> ir.Value:
        """An operand as an integer of `width` bits: cut off or filled with zeros as needed."""
        match operand:
            case Register(name) if name in self.registers:
                return self.resize(self.register(name), width)
            case Register(name):
                return self.resize(self.special_register(name), width)
            case Negated(register):
                return self.builder.not_(self.bits(register, 1))
            case Immediate(bits):
                return constant(integer(width), bits & ((1 << width) - 1))
            case Symbol(name, offset):
                address = self.symbol_address(name)
                return self.resize(self.builder.add(address, constant(I64, offset)) if offset else address, width)
        raise unsupported(self.instruction, f"operand {operand}")

    def register(self, name: str) -> ir.Value:
        return self.builder.load(self.registers[name], typ=integer(self.function.registers[name]))

    def value(self, operand: Operand, type_: str) -> ir.Value:
        """An operand as PTX's type has it: a float for f32 and f64, else an integer."""
        value = self.bits(operand, WIDTHS[type_])
        return self._flushed(self.builder.bitcast(value, FLOATS[type_])) if type_ in FLOATS else value

    def _flushed(self, value: ir.Value) -> ir.Value:
        """With `.ftz`, an f32 too small to be normal is a zero of its sign, be it a source or a result."""
        if value.type != FLOAT or "ftz" not in self.instruction.modifiers:
            return value
        small = self.builder.fcmp_ordered("<", self.intrinsic("fabs", value), constant(FLOAT, 2.0**-126))
        return self.builder.select(small, self.intrinsic("copysign", constant(FLOAT, 0.0), value), value)

    def set(self, destination: Operand, value: ir.Value, *, signed: bool = False) -> None:
        """Write a register. A value narrower than it is filled with zeros, or with its sign; a wider one is cut off."""
        if isinstance(destination, Sink):
            return
        if not isinstance(destination, Register) or destination.name not in self.registers:
            raise unsupported(self.instruction, f"destination {destination}")
        slot = self.registers[destination.name]
        self.builder.store(self.resize(self.as_integer(self._flushed(value)), self.function.registers[destination.name], signed=signed), slot)

    def as_integer(self, value: ir.Value) -> ir.Value:
        same_size = {HALF: I16, FLOAT: I32, DOUBLE: I64}.get(value.type)
        return self.builder.bitcast(value, same_size) if same_size else value

    def resize(self, value: ir.Value, width: int, *, signed: bool = False) -> ir.Value:
        """An integer of another width."""
        if value.type.width == width:
            return value
        if value.type.width > width:
            return self.builder.trunc(value, integer(width))
        return self.builder.sext(value, integer(width)) if signed else self.builder.zext(value, integer(width))

    def address(self, operand: Operand) -> ir.Value:
        """`[base + offset]` in 64 bits. The sum is as wide as the base: shared addresses often are of 32 bits, and wrap."""
        if not isinstance(operand, Address):
            raise unsupported(self.instruction, f"address {operand}")
        width = self.function.registers.get(operand.base.name, 64) if isinstance(operand.base, Register) else 64
        base = self.bits(operand.base, width)
        return self.resize(self.builder.add(base, constant(integer(width), operand.offset)) if operand.offset else base, 64)

    # ---- calls of what is not PTX

    def external(self, name: str, result: ir.Type, *arguments: ir.Value) -> ir.Value:
        """Call a function that other code defines: an intrinsic, libm, the runtime."""
        known = self.target.module.globals.get(name)
        if known is None:
            known = ir.Function(self.target.module, ir.FunctionType(result, [a.type for a in arguments]), name)
        return self.builder.call(known, arguments)

    def intrinsic(self, name: str, *arguments: ir.Value) -> ir.Value:
        """Call `llvm.<name>` for the type of its first argument, which is the result's too."""
        type_ = arguments[0].type
        return self.external(f"llvm.{name}.{suffix(type_)}", type_, *arguments)

    # ---- memory

    def stack_bytes(self, name: str, size: int, align: int) -> ir.Value:
        """Bytes on the host's stack."""
        place = self.builder.alloca(ir.ArrayType(I8, size), name=name)
        return self._as_bytes(place, align)

    def zero_bytes(self, name: str, size: int, align: int) -> ir.Value:
        """Bytes on the host's stack, with zeros in them."""
        return self._as_bytes(self.zeros(ir.ArrayType(I8, size), name), align)

    @staticmethod
    def _as_bytes(place: ir.AllocaInstr, align: int) -> ir.Value:
        place.align = max(align, 8)
        place.type = POINTER  # llvmlite would let only arrays be stored here
        return place

    def zeros(self, type_: ir.Type, name: str) -> ir.AllocaInstr:
        """A value on the host's stack, which begins as 0."""
        place = self.builder.alloca(type_, name=name)
        self.builder.store(ir.Constant(type_, None), place)
        return place

    def at(self, pointer: ir.Value, offset: int) -> ir.Value:
        """`offset` bytes behind a pointer."""
        return self.builder.gep(pointer, [constant(I64, offset)], source_etype=I8) if offset else pointer

    def parameter_size(self, name: str) -> int:
        """Bytes of a parameter, of a result, or of an argument of a call."""
        if name in self.function.variables:
            return self.function.variables[name].size
        return next(parameter.size for parameter in (*self.function.parameters, *self.function.results) if parameter.name == name)

    # ---- what depends on the flavour

    @abstractmethod
    def enter(self) -> None:
        """What a function does first."""

    @abstractmethod
    def leave(self) -> None:
        """`ret`."""

    @abstractmethod
    def exit_thread(self) -> None:
        """`exit`: the whole thread ends."""

    @abstractmethod
    def special_register(self, name: str) -> ir.Value:
        """`%tid.x` and its like, as an integer."""

    @abstractmethod
    def symbol_address(self, name: str) -> ir.Value:
        """A variable's or a function's address, 64 bits."""

    @abstractmethod
    def parameter_pointer(self, name: str) -> ir.Value:
        """Where a parameter, a result, or an argument of a call lies."""

    @abstractmethod
    def computed_parameter_pointer(self, size: int, operand: Address) -> ir.Value:
        """Where `size` bytes of a parameter lie whose address is only known at run time, as in `parameter.items[i]`."""

    @abstractmethod
    def memory_pointer(self, space: str, access: str, size: int, operand: Operand) -> ir.Value:
        """Where `size` bytes lie on the host; `space` and `access` as in the names of the checks."""

    @abstractmethod
    def to_generic(self, space: str, address: ir.Value) -> ir.Value:
        """The generic address of a place in `space`."""

    @abstractmethod
    def from_generic(self, space: str, address: ir.Value) -> ir.Value:
        """The address within `space` that a generic address stands for."""

    @abstractmethod
    def in_space(self, space: str, address: ir.Value) -> ir.Value:
        """Whether a generic address lies in `space`."""

    @abstractmethod
    def call(self, instruction: Instruction) -> None:
        """`call`."""

    @abstractmethod
    def before_branch(self, condition: Register | Negated | None) -> None:
        """What happens before this branch, which may have a condition."""

    @abstractmethod
    def trap(self) -> None:
        """`trap`: an assertion has failed."""

    @abstractmethod
    def fence(self) -> None:
        """`membar`."""

    @abstractmethod
    def stop(self, status: Status, operation: int, fields: dict[str, ir.Value]) -> None:
        """Give way until others have come; `fields` of the thread say what is asked. A thread that goes on goes on behind it."""

    @abstractmethod
    def answer(self, field: str) -> ir.Value:
        """What the scheduler has put into a field of the thread."""
