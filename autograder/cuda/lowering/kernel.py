"""The kernel flavour: functions that can stop and go on, and whose every access to memory is checked.

Each becomes `i32 f(Thread *thread, Launch *launch, u8 *frame)`. A function that stops saves its live registers in its
frame, notes in it where it stands, and returns why; called again, it goes on from there. A caller whose callee stopped
does the same, so that barriers work in functions that are not inlined, and in recursion.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from llvmlite import ir

from autograder.cuda.faults import NotSupported
from autograder.cuda.layout import (
    DEPOT_HEADER,
    DEPOT_MAGIC,
    FUNCTION_WINDOW,
    LAUNCH,
    LOCAL_SHIFT,
    LOCAL_WINDOW,
    NUMBER_SHIFT,
    SHARED_WINDOW,
    THREAD,
    Access,
    FaultKind,
    Space,
    Status,
)
from autograder.cuda.lowering import instructions, program
from autograder.cuda.lowering.calls import Call, call_of
from autograder.cuda.lowering.frame import HEADER, LARGEST_STACK, Frame, SharedVariable, frame_of, parameters_offset, shared_memory_of
from autograder.cuda.lowering.function import UNLIKELY, FunctionLowering
from autograder.cuda.lowering.memory import space_of
from autograder.cuda.lowering.types import I8, I32, I64, POINTER, VOID, constant, integer, unsupported
from autograder.cuda.ptx import flow
from autograder.cuda.ptx.model import Address, Function, Instruction, Module, Negated, Operand, Parameter, Register, Symbol

CHECKED_SIZES = (1, 2, 4, 8, 16)
WINDOWS = {"shared": SHARED_WINDOW, "local": LOCAL_WINDOW}

THREAD_REGISTERS = {"%tid.x": "x", "%tid.y": "y", "%tid.z": "z"}
LAUNCH_REGISTERS = {
    f"%{register}.{axis}": f"{field}.{axis}"
    for register, field in (("ntid", "block_dim"), ("nctaid", "grid_dim"), ("ctaid", "block_index"))
    for axis in "xyz"
}
CLOCKS = ("%clock", "%clock64", "%clock_hi", "%globaltimer", "%globaltimer_lo", "%globaltimer_hi")


class Mode(StrEnum):
    """How a kernel is compiled."""

    CHECKED = "checked"
    TRACED = "traced"
    """It also stops before each access and each conditional branch, so that costs can be counted."""
    UNCHECKED = "unchecked"
    """Addresses are the host's own."""


@dataclass(frozen=True)
class Site:
    """A place in a kernel where something may go wrong, or a thread may stop: the source line and PTX's instruction."""

    line: int
    text: str
    kind: str


@dataclass(frozen=True)
class LoweredKernel:
    """A kernel as LLVM IR, and what a launch must know of it.

    `globals` names the module's variables in the order of their addresses below the parameters: that of
    `globals[k]` is the 8 bytes at `parameters - 8 * (k + 1)`. `functions` are the addresses that stand for functions.
    `frame_bytes` is the stack that a thread needs, `recursive` whether it may need more.
    """

    ir: str
    symbol: str
    sites: tuple[Site, ...]
    shared_layout: tuple[SharedVariable, ...]
    dynamic_shared_offset: int
    static_shared_bytes: int
    frame_bytes: int
    recursive: bool
    globals: tuple[str, ...]
    functions: dict[str, int]
    granule_shift: int
    has_fence: bool


def lower_kernel(module: Module, kernel: str, mode: Mode = Mode.CHECKED) -> LoweredKernel:
    """Lower a kernel and all that it calls.

    Raises:
        NotSupported: an instruction that cannot run here; the message names it and its line.
    """
    return _KernelModule(module, kernel, mode).lowered()


class _KernelModule:
    """What the functions of a kernel share."""

    def __init__(self, module: Module, kernel: str, mode: str) -> None:
        self.llvm = ir.Module(kernel)
        self.module, self.kernel, self.mode = module, kernel, mode
        self.sites: list[Site] = []
        self.functions = program.reachable(module, kernel)
        self.shared = shared_memory_of(program.shared_variables(module, self.functions))
        self.shared_offsets = {variable.name: variable.offset for variable in self.shared.variables}
        self.globals = tuple(variable.name for variable in module.variables.values() if variable.space in ("global", "const"))
        device = [function.name for function in module.functions.values() if not function.entry]
        self.function_addresses = {name: (FUNCTION_WINDOW << NUMBER_SHIFT) + 16 * (k + 1) for k, name in enumerate(device)}
        self.stopping = flow.suspending_functions(module)
        self.empty_metadata = self.llvm.add_metadata([])
        for function in self.functions:
            self._declare(function)

    def _declare(self, function: Function) -> None:
        declared = ir.Function(self.llvm, ir.FunctionType(I32, [POINTER, POINTER, POINTER]), symbol_of(function.name))
        declared.attributes.add("nounwind")
        declared.args[0].add_attribute("noalias")
        declared.args[1].add_attribute("noalias")

    def lowered(self) -> LoweredKernel:
        frames = {}
        for function in self.functions:
            code = _KernelFunction(self, function)
            code.lower(instructions.find)
            frames[function.name] = code.frame.size
        frame_bytes, recursive = program.stack_bytes(self.module, self.kernel, frames)
        if frame_bytes > LARGEST_STACK:
            raise NotSupported(f"a thread's local arrays take {frame_bytes} bytes; {LARGEST_STACK} is the most")
        return LoweredKernel(
            ir=str(self.llvm),
            symbol=symbol_of(self.kernel),
            sites=tuple(self.sites),
            shared_layout=self.shared.variables,
            dynamic_shared_offset=self.shared.dynamic_offset,
            static_shared_bytes=self.shared.static_bytes,
            frame_bytes=frame_bytes,
            recursive=recursive,
            globals=self.globals,
            functions=self.function_addresses,
            granule_shift=program.granule_shift(self.functions),
            has_fence=program.has_fence(self.functions),
        )

    def may_stop(self, instruction: Instruction) -> bool:
        """Whether a thread may give way at an instruction."""
        if flow.suspends(instruction):
            return True
        if instruction.name == "call":
            return any(self.mode == Mode.TRACED or name in self.stopping for name in self.callees(instruction))
        return self.mode == Mode.TRACED and (_is_access(instruction) or (instruction.name == "bra" and instruction.guard is not None))

    def callees(self, instruction: Instruction) -> list[str]:
        """The functions of the module that a call may reach."""
        callee = call_of(instruction).callee
        if isinstance(callee, Symbol):
            return [callee.name] if callee.name in self.module.functions else []
        return [function.name for function in self.functions if not function.entry]


def symbol_of(function: str) -> str:
    """A name that is none of the host's: a kernel may be called `malloc`."""
    return f"ptx.{function}"


def _is_access(instruction: Instruction) -> bool:
    return instruction.name in program.ACCESSES and space_of(instruction) != "param"


class _KernelFunction(FunctionLowering):
    def __init__(self, module: _KernelModule, function: Function) -> None:
        super().__init__(function, module.llvm.globals[symbol_of(function.name)])
        self.module = module
        self.thread, self.launch, self.frame_pointer = self.target.args
        self.backward_branches = flow.backward_branches(function)
        self.frame = self._lay_out_frame()
        self.registers |= {name: self.at(self.frame_pointer, offset) for name, offset in self.frame.registers.items()}
        self.resumptions = {index: self.new_block(f"resume.{index}") for index in self.frame.saved}
        self.states = {index: state for state, index in enumerate(self.frame.saved, start=1)}
        self.failed = self.new_block("failed")
        self.arguments: dict[str, ir.Value] = {}  # of calls

    def _lay_out_frame(self) -> Frame:
        live = flow.live_after(self.function)
        keep: dict[int, Iterable[str]] = {}
        for index, item in enumerate(self.function.body):
            if isinstance(item, Instruction) and self.module.may_stop(item):
                kept = live[index] - set(flow.definitions(item))
                if not flow.suspends(item):  # it stops before it does anything
                    kept |= set(flow.uses(item)) & self.function.registers.keys()
                keep[index] = kept
        if self.module.mode != Mode.TRACED:
            return frame_of(self.function, (), keep)
        # It stops so often that saving would be most of the code.
        return frame_of(self.function, set().union(*keep.values()), dict.fromkeys(keep, ()))

    # ---- entering, leaving

    def enter(self) -> None:
        for variable in self.function.variables.values():
            if variable.space == "param":
                self.arguments[variable.name] = self.zero_bytes(variable.name, variable.size, variable.align)
        start = self.new_block("start")
        if self.states:
            resume = self.builder.switch(self.builder.load(self.frame_pointer, typ=I32), start)
            for index, state in self.states.items():
                resume.add_case(state, self.resumptions[index])
        else:
            self.builder.branch(start)
        self._fill_failed()
        self.builder.position_at_end(start)
        self._check_stack()
        for name in self.frame.registers:
            self.builder.store(constant(integer(self.function.registers[name]), 0), self.registers[name], align=1)
        for variable in self.function.variables.values():
            if variable.space == "local":
                self._write_depot_header(variable.name, variable.size)

    def _fill_failed(self) -> None:
        self.builder.position_at_end(self.failed)
        self.builder.ret(constant(I32, Status.FAULTED))

    def _check_stack(self) -> None:
        end = self.builder.ptrtoint(self.at(self.frame_pointer, self.frame.size), I64)
        self._fault_if(self.builder.icmp_unsigned(">", end, self._unchanging(THREAD, "stack_end")), FaultKind.STACK_OVERFLOW)

    def _write_depot_header(self, name: str, size: int) -> None:
        header = self.at(self.frame_pointer, self.frame.depots[name] - DEPOT_HEADER)
        self.builder.store(constant(I32, DEPOT_MAGIC), header)
        self.builder.store(constant(I32, size), self.at(header, 4))
        self.builder.store(constant(I64, 0), self.at(header, 8))

    def leave(self) -> None:
        self.builder.ret(constant(I32, Status.FINISHED))

    def exit_thread(self) -> None:
        if not self.function.entry:
            raise unsupported(self.instruction, "in a function that is not inlined")
        self.leave()

    # ---- faults

    def site(self, kind: str) -> ir.Constant:
        """A new entry in the table of sites, for the instruction that is being lowered."""
        self.module.sites.append(Site(self.instruction.line, self.instruction.text, kind))
        return constant(I32, len(self.module.sites) - 1)

    def _fault_if(self, condition: ir.Value, kind: FaultKind) -> None:
        with self.builder.if_then(condition, likely=False):
            self._fault(kind)

    def _fault(self, kind: FaultKind) -> None:
        self.external("runtime_fault", VOID, self.thread, self.launch, constant(I32, kind), self.site(kind.name.lower()))
        self.builder.branch(self.failed)

    def _fail_if(self, condition: ir.Value) -> None:
        """Return FAULTED; the runtime knows why."""
        onwards = self.new_block("onwards")
        self.builder.cbranch(condition, self.failed, onwards).set_weights(UNLIKELY)
        self.builder.position_at_end(onwards)

    def trap(self) -> None:
        self._fault(FaultKind.ASSERTION)

    def fence(self) -> None:
        self.external("runtime_fence", VOID, self.thread, self.launch)

    # ---- the structures that the runtime shares with kernels

    def _field(self, table: dict[str, tuple[int, int]], name: str) -> tuple[ir.Value, ir.IntType]:
        offset, width = table[name]
        return self.at(self.thread if table is THREAD else self.launch, offset), integer(width)

    def _unchanging(self, table: dict[str, tuple[int, int]], name: str) -> ir.Value:
        """A field that stays what it is while a thread runs."""
        pointer, type_ = self._field(table, name)
        value = self.builder.load(pointer, typ=type_)
        value.set_metadata("invariant.load", self.module.empty_metadata)
        return value

    def _unchanging_pointer(self, table: dict[str, tuple[int, int]], name: str) -> ir.Value:
        return self.builder.inttoptr(self._unchanging(table, name), POINTER)

    def _set_thread(self, name: str, value: ir.Value) -> None:
        pointer, type_ = self._field(THREAD, name)
        self.builder.store(self.resize(value, type_.width), pointer)

    def special_register(self, name: str) -> ir.Value:
        if name in THREAD_REGISTERS:
            return self._unchanging(THREAD, THREAD_REGISTERS[name])
        if name in LAUNCH_REGISTERS:
            return self._unchanging(LAUNCH, LAUNCH_REGISTERS[name])
        if name in CLOCKS:
            cycles = self.external("llvm.readcyclecounter", I64)
            return self.builder.lshr(cycles, constant(I64, 32)) if name.endswith("_hi") else cycles
        if name.startswith("%lanemask_"):
            return self._lane_mask(name.removeprefix("%lanemask_"))
        match name:
            case "%laneid":
                return self.builder.and_(self._unchanging(THREAD, "number"), constant(I32, 31))
            case "%warpid":
                return self.builder.lshr(self._unchanging(THREAD, "number"), constant(I32, 5))
            case "%nwarpid":
                return self.builder.lshr(self.builder.add(self._unchanging(LAUNCH, "threads"), constant(I32, 31)), constant(I32, 5))
            case "%smid" | "%gridid":
                return constant(I32, 0)
            case "%nsmid":
                return constant(I32, 1)
        raise unsupported(self.instruction, name)

    def _lane_mask(self, relation: str) -> ir.Value:
        """Bits of the lanes that are `eq`, `lt`, `le`, `gt`, `ge` this one."""
        own = self.builder.shl(constant(I32, 1), self.special_register("%laneid"))
        below = self.builder.sub(own, constant(I32, 1))
        match relation:
            case "eq":
                return own
            case "lt":
                return below
            case "le":
                return self.builder.or_(below, own)
            case "ge":
                return self.builder.not_(below)
            case "gt":
                return self.builder.not_(self.builder.or_(below, own))
        raise unsupported(self.instruction, f"%lanemask_{relation}")

    # ---- addresses

    def symbol_address(self, name: str) -> ir.Value:
        if name in self.frame.depots:
            return self._depot_address(name)
        if name in self.module.shared_offsets:
            return constant(I64, self.module.shared_offsets[name])
        if name in self.module.globals:
            return self._global_address(name)
        if name in self.module.function_addresses:
            return constant(I64, self.module.function_addresses[name])
        for parameter in self.function.parameters if self.function.entry else ():
            if parameter.name == name:
                return constant(I64, parameter.offset)
        raise unsupported(self.instruction, f"the address of {name}")

    def _depot_address(self, name: str) -> ir.Value:
        depot = self.builder.ptrtoint(self.at(self.frame_pointer, self.frame.depots[name]), I64)
        if self.module.mode == Mode.UNCHECKED:
            return depot
        below = self.builder.sub(depot, self._unchanging(THREAD, "stack"))
        return self.builder.shl(below, constant(I64, LOCAL_SHIFT))

    def _global_address(self, name: str) -> ir.Value:
        table = self._unchanging_pointer(LAUNCH, "parameters")
        address = self.builder.load(self.at(table, -8 * (self.module.globals.index(name) + 1)), typ=I64)
        address.set_metadata("invariant.load", self.module.empty_metadata)
        return address

    def parameter_pointer(self, name: str) -> ir.Value:
        if name in self.arguments:
            return self.arguments[name]
        for places in (self.frame.parameters, self.frame.results):
            if name in places:
                return self.at(self.frame_pointer, places[name])
        offset = next(parameter.offset for parameter in self.function.parameters if parameter.name == name)
        return self.at(self._unchanging_pointer(LAUNCH, "parameters"), offset)

    def computed_parameter_pointer(self, size: int, operand: Address) -> ir.Value:
        if not self.function.entry:
            raise unsupported(self.instruction, "a parameter's address, computed")
        end = max(parameter.offset + parameter.size for parameter in self.function.parameters)
        if size > end:
            raise unsupported(self.instruction, "it reaches beyond the parameters")
        offset = self.address(operand)
        self._fault_if(self.builder.icmp_unsigned(">", offset, constant(I64, end - size)), FaultKind.OUT_OF_BOUNDS)
        return self.builder.gep(self._unchanging_pointer(LAUNCH, "parameters"), [offset], source_etype=I8)

    def to_generic(self, space: str, address: ir.Value) -> ir.Value:
        return self.builder.add(address, self._window(space)) if space in WINDOWS else address

    def from_generic(self, space: str, address: ir.Value) -> ir.Value:
        return self.builder.sub(address, self._window(space)) if space in WINDOWS else address

    def _window(self, space: str) -> ir.Value:
        """What lies between a space's addresses and the generic ones."""
        if self.module.mode != Mode.UNCHECKED:
            return constant(I64, WINDOWS[space] << NUMBER_SHIFT)
        return self._unchanging(LAUNCH, "shared") if space == "shared" else constant(I64, 0)

    def in_space(self, space: str, address: ir.Value) -> ir.Value:
        if self.module.mode == Mode.UNCHECKED:
            raise unsupported(self.instruction, "in unchecked kernels")
        number = self.builder.lshr(address, constant(I64, NUMBER_SHIFT))
        if space in WINDOWS:
            return self.builder.icmp_unsigned("==", number, constant(I64, WINDOWS[space]))
        return self.builder.icmp_unsigned(">", number, constant(I64, FUNCTION_WINDOW))

    def memory_pointer(self, space: str, access: str, size: int, operand: Operand) -> ir.Value:
        if self.module.mode == Mode.UNCHECKED:
            return self._unchecked_pointer(space, operand)
        if size not in CHECKED_SIZES:
            raise unsupported(self.instruction, f"{size} bytes at once")
        site = self.site(f"{space} {access}")
        if self.module.mode == Mode.TRACED:
            self._stop_before_access(space, access, size, operand, site)
        checked_space = "global" if space == "const" else space
        pointer = self.external(f"check_{checked_space}_{access}_{size}", POINTER, self.thread, self.launch, self.address(operand), site)
        self._fail_if(self.builder.icmp_unsigned("==", pointer, ir.Constant(POINTER, None)))
        return pointer

    def _unchecked_pointer(self, space: str, operand: Operand) -> ir.Value:
        address = self.address(operand)
        if space == "shared":
            return self.builder.gep(self._unchanging_pointer(LAUNCH, "shared"), [address], source_etype=I8)
        return self.builder.inttoptr(address, POINTER)

    # ---- stopping

    def stop(self, status: Status, operation: int, fields: dict[str, ir.Value]) -> None:
        self._set_thread("operation", constant(I32, operation))
        self._stop_at(status, self.site("barrier" if status == Status.AT_BARRIER else "warp operation"), fields)

    def _stop_at(self, status: Status, site: ir.Value, fields: dict[str, ir.Value]) -> None:
        for name, value in fields.items():
            self._set_thread(name, value)
        self._set_thread("site", site)
        depth = self.builder.sub(self.builder.ptrtoint(self.frame_pointer, I64), self._unchanging(THREAD, "stack"))
        self._set_thread("depth", depth)
        self._save_registers()
        self.builder.ret(constant(I32, status))
        self._resume()

    def _save_registers(self) -> None:
        self.builder.store(constant(I32, self.states[self.index]), self.frame_pointer)
        for name, offset in self.frame.saved[self.index].items():
            self.builder.store(self.register(name), self.at(self.frame_pointer, offset), align=1)

    def _resume(self) -> None:
        """Where the function goes on when it is called again."""
        self.builder.position_at_end(self.resumptions[self.index])
        for name, offset in self.frame.saved[self.index].items():
            saved = self.builder.load(self.at(self.frame_pointer, offset), typ=integer(self.function.registers[name]), align=1)
            self.builder.store(saved, self.registers[name])

    def answer(self, field: str) -> ir.Value:
        pointer, type_ = self._field(THREAD, field)
        return self.builder.load(pointer, typ=type_)

    def _stop_before_access(self, space: str, access: str, size: int, operand: Operand, site: ir.Value) -> None:
        address, space_number = self._traced_place(space, self.address(operand))
        how = self.builder.or_(constant(I32, Access[access.upper()]), self.builder.shl(space_number, constant(I32, 8)))
        self._stop_at(Status.AT_ACCESS, site, {"address": address, "size": constant(I32, size), "access": how})

    def _traced_place(self, space: str, address: ir.Value) -> tuple[ir.Value, ir.Value]:
        """An address within its space, and the space's number; a generic address's own number tells its space."""
        if space != "generic":
            return address, constant(I32, Space["CONSTANT" if space == "const" else space.upper()])
        number = constant(I32, Space.GLOBAL)
        for name, window in WINDOWS.items():
            inside = self.in_space(name, address)
            number = self.builder.select(inside, constant(I32, Space[name.upper()]), number)
            address = self.builder.select(inside, self.builder.sub(address, constant(I64, window << NUMBER_SHIFT)), address)
        return address, number

    def before_branch(self, condition: Register | Negated | None) -> None:
        if self.module.mode == Mode.TRACED and condition is not None:
            taken = self.builder.zext(self.bits(condition, 1), I32)
            self._stop_at(Status.AT_BRANCH, self.site("branch"), {"size": taken, "access": constant(I32, 0)})
        if self.index in self.backward_branches:
            self._count_down()

    def _count_down(self) -> None:
        """One branch backwards or call less: an endless loop must end."""
        budget, type_ = self._field(LAUNCH, "budget")
        left = self.builder.sub(self.builder.load(budget, typ=type_), constant(I64, 1))
        self.builder.store(left, budget)
        with self.builder.if_then(self.builder.icmp_signed("<", left, constant(I64, 0)), likely=False):
            goes_on = self.external("runtime_spent", I32, self.thread, self.launch, self.site("endless"))
            self._fail_if(self.builder.icmp_unsigned("==", goes_on, constant(I32, 0)))

    # ---- calls

    def call(self, instruction: Instruction) -> None:
        call = call_of(instruction)
        if not isinstance(call.callee, Symbol):
            prototype = self.function.prototypes[call.prototype]
            self._call(call, prototype.parameters, prototype.results)
        elif call.callee.name in self.module.module.functions:
            function = self.module.module.functions[call.callee.name]
            self._call(call, function.parameters, function.results)
        elif call.callee.name == "vprintf":
            format_, arguments = (self.builder.load(self._argument(name, 8), typ=I64) for name in call.arguments)
            self.external("runtime_printf", VOID, self.thread, self.launch, format_, arguments)
        elif call.callee.name == "__assertfail":
            self._fault(FaultKind.ASSERTION)
        else:
            raise NotSupported(f"line {instruction.line}: the function `{call.callee.name}` cannot run without a GPU")

    def _call(self, call: Call, parameters: tuple[Parameter, ...], results: tuple[Parameter, ...]) -> None:
        """Put the arguments into the callee's frame, which lies behind this one; call until it finishes; fetch the result."""
        self._count_down()
        self._check_host_stack()
        frame, parameters_at = self._callee_frame(), parameters_offset(results)
        # The frame must exist before it is filled; its own size, the callee checks.
        end = self.builder.ptrtoint(self.at(frame, parameters_at + sum(p.size + p.align for p in parameters)), I64)
        self._fault_if(self.builder.icmp_unsigned(">", end, self._unchanging(THREAD, "stack_end")), FaultKind.STACK_OVERFLOW)
        self.builder.store(constant(I32, 0), frame)
        for name, parameter in zip(call.arguments, parameters, strict=True):
            self._copy(self.at(frame, parameters_at + parameter.offset), self._argument(name, parameter.size), parameter.size)
        calling = self.new_block("calling")
        self.builder.branch(calling)
        self.builder.position_at_end(calling)
        self._pass_on_unless_finished(self._status_of_call(call), calling)
        for name, result in zip(call.results, results, strict=True):
            self._copy(self._argument(name, result.size), self.at(self._callee_frame(), HEADER + result.offset), result.size)

    def _argument(self, name: str, size: int) -> ir.Value:
        """Where an argument or a result of a call lies, which has so many bytes."""
        if self.parameter_size(name) < size:
            raise unsupported(self.instruction, f"{name} is smaller than what is called has it")
        return self.arguments[name]

    def _check_host_stack(self) -> None:
        """Functions also take of the host's stack: LLVM decides how much."""
        here = self.builder.ptrtoint(self.external("llvm.frameaddress.p0", POINTER, constant(I32, 0)), I64)
        end, _ = self._field(LAUNCH, "host_stack_end")
        self._fault_if(self.builder.icmp_unsigned("<", here, self.builder.load(end, typ=I64)), FaultKind.STACK_OVERFLOW)

    def _callee_frame(self) -> ir.Value:
        return self.at(self.frame_pointer, self.frame.size)

    def _pass_on_unless_finished(self, status: ir.Value, calling: ir.Block) -> None:
        """If the callee has stopped, so does this function; when it goes on, it calls again."""
        finished, stopped = self.new_block("finished"), self.new_block("stopped")
        may_stop = self.index in self.states
        switch = self.builder.switch(status, stopped if may_stop else self.failed)
        switch.add_case(constant(I32, Status.FINISHED), finished)
        self.builder.position_at_end(stopped)
        if may_stop:
            switch.add_case(constant(I32, Status.FAULTED), self.failed)
            self._save_registers()
            self.builder.ret(status)
            self._resume()
            self.builder.branch(calling)
        else:
            self.builder.unreachable()
        self.builder.position_at_end(finished)

    def _status_of_call(self, call: Call) -> ir.Value:
        return self._call_function(call.callee.name) if isinstance(call.callee, Symbol) else self._call_pointer(call)

    def _call_function(self, name: str) -> ir.Value:
        return self.builder.call(self.module.llvm.globals[symbol_of(name)], [self.thread, self.launch, self._callee_frame()])

    def _call_pointer(self, call: Call) -> ir.Value:
        """Through a pointer only a function can be called that fits the prototype."""
        called, nowhere = self.new_block("called"), self.new_block("nowhere")
        switch = self.builder.switch(self.bits(call.callee, 64), nowhere)
        statuses = []
        for name in self.module.callees(self.instruction):
            if self._fits(name, call.prototype):
                block = self.new_block(f"call.{name}")
                switch.add_case(self.module.function_addresses[name], block)
                self.builder.position_at_end(block)
                statuses.append((self._call_function(name), block))
                self.builder.branch(called)
        self.builder.position_at_end(nowhere)
        self._fault(FaultKind.BAD_CALL)
        self.builder.position_at_end(called)
        if not statuses:
            return constant(I32, Status.FAULTED)
        status = self.builder.phi(I32)
        for value, block in statuses:
            status.add_incoming(value, block)
        return status

    def _fits(self, name: str, prototype: str) -> bool:
        function, wanted = self.module.module.functions[name], self.function.prototypes[prototype]

        def shape(parameters: tuple[Parameter, ...]) -> list[tuple[int, int]]:
            return [(parameter.offset, parameter.size) for parameter in parameters]

        return shape(function.parameters) == shape(wanted.parameters) and shape(function.results) == shape(wanted.results)

    def _copy(self, to: ir.Value, from_: ir.Value, size: int) -> None:
        offset = 0
        for width in (8, 4, 2, 1):
            while size - offset >= width:
                value = self.builder.load(self.at(from_, offset), typ=integer(8 * width), align=1)
                self.builder.store(value, self.at(to, offset), align=1)
                offset += width
