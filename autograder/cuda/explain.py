"""From the runtime's record of a fault to words: who did what to which element, at which line, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from autograder.cuda import memory
from autograder.cuda.faults import KernelFault, Place
from autograder.cuda.layout import UNKNOWN, Access, Fault, FaultKind, Relation
from autograder.cuda.lowering import SharedVariable, Site

Extent = tuple[int, int, int]

DOES = {Access.LOAD: "reads", Access.STORE: "writes", Access.ATOMIC: "changes atomically"}


@dataclass(frozen=True)
class Scene:
    """What is known where a fault happens. `arrays` says by which names of parameters an allocation is known."""

    source: list[str]
    sites: tuple[Site, ...]
    shared_layout: tuple[SharedVariable, ...]
    grid: Extent
    block: Extent
    arrays: dict[int, list[str]] = field(default_factory=dict)
    shared_bytes: int = 0

    def place(self, site: int) -> Place:
        line = self.sites[site].line if site < len(self.sites) else 0  # the runtime does not know every site
        code = self.source[line - 1].strip() if 0 < line <= len(self.source) else ""
        return Place(line, code)

    def thread(self, number: int) -> str:
        """`thread 5`, or with its coordinates."""
        if number == UNKNOWN:
            return "another thread"
        return f"thread {self._coordinates(number, self.block)}"

    def in_block(self, number: int) -> str:
        if number == UNKNOWN:
            return "another block"
        return f"block {self._coordinates(number, self.grid)}"

    def _coordinates(self, number: int, extent: Extent) -> str:
        axes = max(_dimensions(self.grid), _dimensions(self.block))
        if axes == 1:
            return str(number)
        x, y, _ = extent
        values = (number % x, number // x % y, number // (x * y))
        return "(" + ", ".join(f"{axis}={v}" for axis, v in zip("xyz"[:axes], values, strict=False)) + ")"

    def array(self, number: int) -> str:
        return " or ".join(self.arrays.get(number, ["an array"]))

    def element(self, address: int, size: int) -> str:
        """`x[5]` for a global address that leads to an array."""
        number, offset = memory.split(address)
        allocation = memory.find(number)
        itemsize = allocation.values.itemsize if allocation is not None else size
        return f"{self.array(number)}[{offset // itemsize}]"

    def shared_element(self, offset: int, size: int) -> str:
        """`tile[1][3]` for a place in shared memory, as far as the source shows how the array is declared."""
        name, inside, _ = self.shared_variable(offset)
        if name is None:
            return f"byte {offset} of shared memory"
        index = inside // max(size, 1)
        sides = _declared_sides(self.source, name)
        if not sides or inside < 0 or index >= int(np.prod(sides)):
            return f"{name}[{index}]"
        return name + "".join(f"[{k}]" for k in np.unravel_index(index, sides))

    def shared_variable(self, offset: int) -> tuple[str | None, int, int]:
        """The variable at or before this offset (or the first one): its name, the offset within it, and its size in bytes."""
        layout = [(_plain(v.name), v.offset, v.size or self.shared_bytes) for v in self.shared_layout]
        if not layout:
            return None, offset, 0
        # What lies between two variables belongs to the nearer one.
        name, start, size = min(layout, key=lambda v: max(v[1] - offset, offset - (v[1] + v[2]) + 1, 0))
        return name, offset - start, size


def _dimensions(extent: Extent) -> int:
    return max(k + 1 for k in range(3) if extent[k] > 1 or k == 0)


def _plain(name: str) -> str:
    """The name as the source has it: C++ mangles variables of functions, `_ZZ3sumE4tile`."""
    found = re.match(r"_ZZ.*?E(\d+)(?=\D)", name)
    if not found:
        return name
    start, length = found.end(), int(found[1])
    return name[start : start + length]


def _declared_sides(source: list[str], name: str) -> tuple[int, ...]:
    """The sides of `__shared__ float name[16][TILE + 1];`, where they are numbers, names of numbers, and sums of them."""
    text = "\n".join(source)
    declared = re.search(rf"__shared__[^;]*?\b{re.escape(name)}((?:\s*\[[^\]]*\])+)", text)
    if not declared:
        return ()
    constants = dict(re.findall(r"#define\s+(\w+)\s+(\d+)\b", text)) | dict(re.findall(r"\bconst(?:expr)?\s+\w+\s+(\w+)\s*=\s*(\d+)\s*;", text))
    sides = []
    for side in re.findall(r"\[([^\]]*)\]", declared[1]):
        terms = [constants.get(term.strip(), term.strip()) for term in side.split("+")]
        if not all(term.isdecimal() for term in terms):
            return ()
        sides.append(sum(int(term) for term in terms))
    return tuple(sides)


def explain(fault: Fault, scene: Scene) -> KernelFault:
    """The fault that a launch ended with (`Fault` in runtime.cuh), for people."""
    kind, words = _KINDS[FaultKind(fault.kind)]
    told = words(fault, scene)
    return KernelFault(told.what, kind=kind, summary=told.summary, place=scene.place(fault.site), hint=told.hint)


@dataclass(frozen=True)
class _Told:
    what: str
    summary: str
    hint: str = ""


def _does(fault: Fault) -> str:
    return DOES[Access(fault.access & 0xFF)]


def _who(fault: Fault, scene: Scene) -> str:
    return f"{scene.thread(fault.thread)} of {scene.in_block(fault.block)}"


def _out_of_bounds(fault: Fault, scene: Scene) -> _Told:
    number, offset = memory.split(fault.address)
    allocation = memory.find(number)
    name, doing = scene.array(number), _does(fault)
    if not fault.address:
        what = f"{_who(fault, scene)} reads beyond a struct that the kernel takes as a parameter"
        return _Told(what, "a thread reads beyond a struct that the kernel takes as a parameter")
    if allocation is None:
        return _wild_pointer(fault, scene)
    values = allocation.values
    shape = f" ({' × '.join(map(str, values.shape))})" if values.ndim > 1 else ""
    what = f"{_who(fault, scene)} {doing} {name}[{offset // values.itemsize}], but {name} has {values.size} elements{shape}"
    return _Told(what, what, "" if offset < 0 else "Is a guard missing, such as `if (i < n)`?")


def _wild_pointer(fault: Fault, scene: Scene) -> _Told:
    null = memory.is_near_null(fault.address)
    pointer = "a null pointer" if null else "a pointer that leads to no array on the device"
    doing = _does(fault)
    hint = "" if null else "A NumPy array lies in the CPU's memory, and an array that Python has let go is gone."
    return _Told(f"{_who(fault, scene)} {doing} through {pointer}", f"a thread {doing} through {pointer}", hint)


def _read_only(fault: Fault, scene: Scene) -> _Told:
    name = scene.array(memory.split(fault.address)[0])
    return _Told(f"{_who(fault, scene)} writes to {name}, which is constant", "a thread writes to constant memory")


def _misaligned(fault: Fault, scene: Scene) -> _Told:
    number, offset = memory.split(fault.address)
    where = f"byte {offset} of {scene.array(number)}" if memory.find(number) is not None else f"address {fault.address}"
    what = f"{_who(fault, scene)} {_does(fault)} {fault.size} bytes at {where}, which is no multiple of {fault.size}"
    return _Told(what, f"a thread {_does(fault)} {fault.size} bytes at an address that is no multiple of {fault.size}")


def _shared_out_of_bounds(fault: Fault, scene: Scene) -> _Told:
    name, inside, size = scene.shared_variable(fault.address)
    doing = _does(fault)
    if name is None:
        what = f"{_who(fault, scene)} {doing} shared memory, but the launch gives it none"
        return _Told(what, f"a thread {doing} shared memory that the launch does not give", "Pass `shared_mem=` with a number of bytes.")
    element = scene.shared_element(fault.address, fault.size)
    what = f"{_who(fault, scene)} {doing} {element}, but `{name}` is {size} bytes long"
    dynamic = next((v for v in scene.shared_layout if _plain(v.name) == name and not v.size), None)
    hint = "Its size is what the launch passes as `shared_mem=`, in bytes." if dynamic else ""
    side = "before the beginning" if inside < 0 else "beyond the end"
    return _Told(what, f"a thread {doing} {side} of an array in shared memory", hint)


def _local_out_of_bounds(fault: Fault, scene: Scene) -> _Told:
    what = f"{_who(fault, scene)} {_does(fault)} beyond an array of its own"
    return _Told(what, f"a thread {_does(fault)} beyond an array of its own")


def _shared_uninitialised(fault: Fault, scene: Scene) -> _Told:
    element = scene.shared_element(fault.address, fault.size)
    what = f"{_who(fault, scene)} reads {element}, which no thread of its block has written yet"
    hint = "Shared memory begins as rubbish in every block. If another thread is to write it, all must meet at `__syncthreads()` before it is read."
    return _Told(what, "a thread reads shared memory that no thread of its block has written yet", hint)


def _global_uninitialised(fault: Fault, scene: Scene) -> _Told:
    element = scene.element(fault.address, fault.size)
    name = scene.array(memory.split(fault.address)[0])
    what = f"{_who(fault, scene)} reads {element}, which nobody has written"
    return _Told(what, f"a thread reads an element of {name} that nobody has written", "`cp.empty` gives rubbish; `cp.zeros` does not.")


def _race(shared: bool) -> Callable[[Fault, Scene], _Told]:
    def told(fault: Fault, scene: Scene) -> _Told:
        element = (scene.shared_element if shared else scene.element)(fault.address, fault.size)
        relation, elsewhere = Relation(fault.relation & 3), bool(fault.relation & Relation.OTHER_BLOCK)
        other = scene.thread(fault.other_thread) + (f" of {scene.in_block(fault.other_block)}" if elsewhere else "")
        past = "reads" if relation == Relation.WRITE_AFTER_READ else "writes"
        place = scene.place(fault.other_site)
        at = f" at {place}" if place.line else ""
        between = "nothing to order the two blocks" if elsewhere else "no barrier in between"
        what = f"{_who(fault, scene)} {_does(fault)} {element}, which {other} {past}{at}, with {between}"
        memory_ = "shared memory" if shared else "global memory"
        summary = {
            Relation.READ_AFTER_WRITE: f"a race: a thread reads {memory_} that another one writes, with {between}",
            Relation.WRITE_AFTER_WRITE: f"a race: two threads write to the same place in {memory_}, with {between}",
            Relation.WRITE_AFTER_READ: f"a race: a thread overwrites {memory_} that another one still reads, with {between}",
        }[relation]
        return _Told(what, summary, _race_hint(relation, elsewhere))

    return told


def _race_hint(relation: Relation, elsewhere: bool) -> str:
    if elsewhere:
        return "Blocks run in any order: let each write places of its own, or use an atomic function."
    if relation == Relation.WRITE_AFTER_WRITE:
        return "Give each thread a place of its own, or use an atomic function."
    return "Which comes first is chance: all threads of the block must meet at `__syncthreads()` between the two."


def _barrier_apart(fault: Fault, scene: Scene) -> _Told:
    place = scene.place(fault.other_site)
    other = f"{scene.thread(fault.other_thread)} waits at another one" + (f" ({place})" if place.line else "")
    what = f"{_who(fault, scene)} waits at a barrier that other threads of its block never reach: {other}"
    return _Told(what, "threads of a block wait at different barriers", "A barrier must stand where all threads of the block come by.")


def _barrier_left(fault: Fault, scene: Scene) -> _Told:
    other = f"{scene.thread(fault.other_thread)} has left the kernel"
    what = f"{_who(fault, scene)} waits at a barrier that other threads of its block never reach: {other}"
    hint = "A barrier must stand where all threads of the block come by: not in a branch, and not behind a `return` that some take."
    return _Told(what, "some threads wait at a barrier that others of their block never reach", hint)


def _warp_apart(fault: Fault, scene: Scene) -> _Told:
    what = f"{_who(fault, scene)} waits for {scene.thread(fault.other_thread)}, which its mask names and which never comes"
    return _Told(what, "a warp operation names threads in its mask that do not take part", "All lanes that the mask names must come by.")


def _warp_mask(fault: Fault, scene: Scene) -> _Told:
    what = f"{_who(fault, scene)} calls a warp operation whose mask does not name itself"
    return _Told(what, "a thread calls a warp operation whose mask does not name it")


def _shuffle_dead_lane(fault: Fault, scene: Scene) -> _Told:
    what = f"{_who(fault, scene)} asks {scene.thread(fault.other_thread)} for its value, which does not take part in the shuffle"
    return _Told(what, "a shuffle asks a lane that does not take part in it", "What such a lane answers is undefined.")


def _assertion(fault: Fault, scene: Scene) -> _Told:
    return _Told(f"{_who(fault, scene)} finds that an assertion does not hold", "an assertion in the kernel does not hold")


def _endless(fault: Fault, scene: Scene) -> _Told:
    what = f"{_who(fault, scene)} still runs after more steps than such a launch needs, as if its loop never ended"
    return _Told(what, "a thread still runs after more steps than such a launch needs, as if its loop never ended")


def _stack_overflow(fault: Fault, scene: Scene) -> _Told:
    what = f"{_who(fault, scene)} calls functions more deeply than its stack allows"
    return _Told(what, "a thread calls functions more deeply than its stack allows", "Does the recursion end?")


def _bad_call(fault: Fault, scene: Scene) -> _Told:
    return _Told(
        f"{_who(fault, scene)} calls through a pointer that leads to no function", "a thread calls through a pointer that leads to no function"
    )


def _trace_full(fault: Fault, scene: Scene) -> _Told:
    what = f"{scene.in_block(fault.block)} does more than can be traced: measure a smaller launch"
    return _Told(what, "a block does more than can be traced: measure a smaller launch")


_KINDS: dict[FaultKind, tuple[str, Callable[[Fault, Scene], _Told]]] = {
    FaultKind.OUT_OF_BOUNDS: ("out of bounds", _out_of_bounds),
    FaultKind.WILD_POINTER: ("wild pointer", _wild_pointer),
    FaultKind.READ_ONLY: ("read only", _read_only),
    FaultKind.MISALIGNED: ("misaligned", _misaligned),
    FaultKind.SHARED_OUT_OF_BOUNDS: ("out of bounds", _shared_out_of_bounds),
    FaultKind.LOCAL_OUT_OF_BOUNDS: ("out of bounds", _local_out_of_bounds),
    FaultKind.SHARED_UNINITIALISED: ("uninitialised", _shared_uninitialised),
    FaultKind.GLOBAL_UNINITIALISED: ("uninitialised", _global_uninitialised),
    FaultKind.SHARED_RACE: ("race", _race(shared=True)),
    FaultKind.GLOBAL_RACE: ("race", _race(shared=False)),
    FaultKind.BARRIER_APART: ("divergent barrier", _barrier_apart),
    FaultKind.BARRIER_LEFT: ("divergent barrier", _barrier_left),
    FaultKind.WARP_APART: ("warp mask", _warp_apart),
    FaultKind.WARP_MASK: ("warp mask", _warp_mask),
    FaultKind.SHUFFLE_DEAD_LANE: ("warp mask", _shuffle_dead_lane),
    FaultKind.ASSERTION: ("assertion", _assertion),
    FaultKind.ENDLESS: ("endless", _endless),
    FaultKind.STACK_OVERFLOW: ("stack overflow", _stack_overflow),
    FaultKind.BAD_CALL: ("bad call", _bad_call),
    FaultKind.TRACE_FULL: ("trace full", _trace_full),
}
