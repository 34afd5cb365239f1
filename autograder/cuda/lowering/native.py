"""The native flavour: PTX as plain functions of the host with C's calling convention. The runtime is compiled this way."""

from __future__ import annotations

from llvmlite import ir

from autograder.cuda.faults import NotSupported
from autograder.cuda.layout import Status
from autograder.cuda.lowering import instructions
from autograder.cuda.lowering.calls import call_of
from autograder.cuda.lowering.function import FunctionLowering
from autograder.cuda.lowering.types import DOUBLE, FLOAT, I8, I64, POINTER, VOID, constant, integer, unsupported
from autograder.cuda.ptx.model import (
    Address,
    Function,
    Instruction,
    Module,
    Negated,
    Operand,
    Parameter,
    Prototype,
    Register,
    Symbol,
    Variable,
    size_of,
)


def lower_native(module: Module) -> str:
    """LLVM IR of all functions of a module, under their own names; memory is the host's, and nothing is checked.

    Raises:
        NotSupported: an instruction that only makes sense on a GPU, such as a barrier.
    """
    return str(_NativeModule(module).llvm)


class _NativeModule:
    def __init__(self, module: Module) -> None:
        self.llvm = ir.Module("native")
        self.module = module
        for variable in module.variables.values():
            self._define(variable)
        for function in module.functions.values():
            self.declare(Prototype(function.name, function.parameters, function.results))
        for function in module.functions.values():
            _NativeFunction(self, function).lower(instructions.find)

    def declare(self, prototype: Prototype) -> ir.Function:
        known = self.llvm.globals.get(prototype.name)
        return known or ir.Function(self.llvm, function_type(prototype), prototype.name)

    def _define(self, variable: Variable) -> None:
        if variable.space not in ("global", "const") or variable.pointers:
            raise NotSupported(f"the runtime's variable {variable.name}")
        type_ = ir.ArrayType(I8, variable.size)
        place = ir.GlobalVariable(self.llvm, type_, variable.name)
        place.align = variable.align
        if not variable.external:
            place.initializer = ir.Constant(type_, bytearray((variable.data or b"").ljust(variable.size, b"\0")))


def function_type(prototype: Prototype) -> ir.FunctionType:
    """The type that C gives to a function."""
    result = type_by_value(prototype.results[0]) if prototype.results else VOID
    return ir.FunctionType(result, [type_by_value(parameter) for parameter in prototype.parameters])


def type_by_value(parameter: Parameter) -> ir.Type:
    """A struct is passed as its bytes, and a float mostly as an integer (PTX's `b32`): not what a C compiler's functions expect."""
    if parameter.type is None:
        return ir.ArrayType(I8, parameter.size)
    return {"f32": FLOAT, "f64": DOUBLE}.get(parameter.type, integer(8 * size_of(parameter.type)))


class _NativeFunction(FunctionLowering):
    def __init__(self, module: _NativeModule, function: Function) -> None:
        super().__init__(function, module.llvm.globals[function.name])
        self.module = module
        self.places: dict[str, ir.Value] = {}  # of parameters, results, arguments of calls, local arrays

    def enter(self) -> None:
        for parameter in (*self.function.parameters, *self.function.results):
            self.places[parameter.name] = self.stack_bytes(parameter.name, parameter.size, parameter.align)
        for variable in self.function.variables.values():
            if variable.space == "shared":
                raise NotSupported(f"the runtime's shared variable {variable.name}")
            self.places[variable.name] = self.stack_bytes(variable.name, variable.size, variable.align)
        for parameter, argument in zip(self.function.parameters, self.target.args, strict=True):
            self.builder.store(argument, self.places[parameter.name], align=parameter.align)

    def leave(self) -> None:
        if not self.function.results:
            self.builder.ret_void()
            return
        (result,) = self.function.results
        self.builder.ret(self.builder.load(self.places[result.name], typ=type_by_value(result), align=result.align))

    def exit_thread(self) -> None:
        self.leave()

    def special_register(self, name: str) -> ir.Value:
        raise unsupported(self.instruction, f"{name} in native code")

    def symbol_address(self, name: str) -> ir.Value:
        return self.builder.ptrtoint(self._place_of(name), I64)

    def _place_of(self, name: str) -> ir.Value:
        if name in self.places:
            return self.places[name]
        if name in self.module.module.declared:
            return self.module.declare(self.module.module.declared[name])
        return self.module.llvm.globals[name]

    def parameter_pointer(self, name: str) -> ir.Value:
        return self.places[name]

    def computed_parameter_pointer(self, size: int, operand: Address) -> ir.Value:
        return self.builder.inttoptr(self.address(operand), POINTER)

    def memory_pointer(self, space: str, access: str, size: int, operand: Operand) -> ir.Value:
        if space == "shared":
            raise unsupported(self.instruction, "shared memory in native code")
        return self.builder.inttoptr(self.address(operand), POINTER)

    def to_generic(self, space: str, address: ir.Value) -> ir.Value:
        return address

    def from_generic(self, space: str, address: ir.Value) -> ir.Value:
        return address

    def in_space(self, space: str, address: ir.Value) -> ir.Value:
        return constant(integer(1), space == "global")

    def call(self, instruction: Instruction) -> None:
        call = call_of(instruction)
        if isinstance(call.callee, Symbol):
            target, described = self._place_of(call.callee.name), self._prototype(call.callee.name)
        else:
            described = self.function.prototypes[call.prototype]
            target = self.builder.inttoptr(self.bits(call.callee, 64), function_type(described).as_pointer())
        values = [
            self.builder.load(self.places[name], typ=type_by_value(parameter), align=parameter.align)
            for name, parameter in zip(call.arguments, described.parameters, strict=True)
        ]
        result = self.builder.call(target, values)
        for name in call.results:
            self.builder.store(result, self.places[name], align=described.results[0].align)

    def _prototype(self, name: str) -> Prototype:
        function = self.module.module.functions.get(name)
        return Prototype(name, function.parameters, function.results) if function else self.module.module.declared[name]

    def before_branch(self, condition: Register | Negated | None) -> None:
        """Native loops may run for ever."""

    def trap(self) -> None:
        self.external("llvm.trap", VOID)
        self.builder.unreachable()

    def fence(self) -> None:
        """One thread of the host runs everything."""

    def stop(self, status: Status, operation: int, fields: dict[str, ir.Value]) -> None:
        raise unsupported(self.instruction, "in native code")

    def answer(self, field: str) -> ir.Value:
        raise unsupported(self.instruction, "in native code")
