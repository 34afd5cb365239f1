"""What the parser reads from PTX, and what is known about the flow of what it has read."""

from __future__ import annotations

import contextlib
import random
import re
import time
from collections.abc import Callable
from textwrap import dedent

import pytest

from autograder.cuda import NotSupported, ptx
from autograder.cuda.nvrtc import compile_source
from autograder.cuda.ptx import flow, model
from autograder.cuda.ptx.model import Address, Immediate, Instruction, Label, Negated, Pair, Register, Sink, Symbol, Vector

HEADER = ".version 9.5\n.target sm_75\n.address_size 64\n"
REGISTERS = ".reg .pred %p<9>; .reg .b32 %r<9>; .reg .f32 %f<9>; .reg .b64 %rd<9>;"


def function(body: str, head: str = ".visible .entry k()") -> model.Function:
    """The function that a body of PTX makes."""
    (made,) = ptx.parse(f"{HEADER}{head}\n{{ {REGISTERS}\n{body}\n}}").functions.values()
    return made


def instruction(text: str) -> Instruction:
    made = function(text).body[0]
    assert isinstance(made, Instruction)
    return made


def variable(text: str) -> model.Variable:
    (made,) = ptx.parse(HEADER + text).variables.values()
    return made


def compiled(code: str, *options: str, relocatable: bool = False) -> model.Module:
    return ptx.parse(compile_source(dedent(code), options, relocatable=relocatable).ptx)


def instructions(function: model.Function, name: str) -> list[Instruction]:
    return [item for item in function.body if isinstance(item, Instruction) and item.name == name]


# ---- operands ----------------------------------------------------------------------------------------------------------

R1, R2, P1, RD1 = (Register(f"%{name}") for name in ("r1", "r2", "p1", "rd1"))


@pytest.mark.parametrize(
    ("text", "operands"),
    [
        ("add.s32 %r1, %r2, -3;", (R1, R2, Immediate(-3))),
        ("and.b32 %r1, %r2, 0xFFU;", (R1, R2, Immediate(255))),
        ("mov.f32 %r1, 0f3F800000;", (R1, Immediate(0x3F800000))),
        ("mov.f64 %rd1, 0dBFF0000000000000;", (RD1, Immediate(0xBFF0000000000000))),
        ("mov.u32 %r1, %tid.x;", (R1, Register("%tid.x"))),
        ("mov.u32 %r1, WARP_SZ;", (R1, Immediate(32))),
        ("mov.u64 %rd1, table+8;", (RD1, Symbol("table", 8))),
        ("ld.global.f32 %r1, [%rd1];", (R1, Address(RD1))),
        ("ld.global.f32 %r1, [%rd1+-4];", (R1, Address(RD1, -4))),
        ("ld.param.u32 %r1, [k_param_0+4];", (R1, Address(Symbol("k_param_0"), 4))),
        ("st.shared.u32 [16], %r1;", (Address(Immediate(16)), R1)),
        ("ld.v2.u32 {%r1, %r2}, [%rd1];", (Vector((R1, R2)), Address(RD1))),
        ("mov.b64 {%r1, _}, %rd1;", (Vector((R1, Sink())), RD1)),
        ("shfl.sync.idx.b32 %r1|%p1, %r2, 0, 31, -1;", (Pair(R1, P1), R2, Immediate(0), Immediate(31), Immediate(-1))),
        ("selp.b32 %r1, 1, 0, !%p1;", (R1, Immediate(1), Immediate(0), Negated(P1))),
        ("ret;", ()),
    ],
)
def test_operands(text: str, operands: tuple[model.Operand, ...]) -> None:
    assert instruction(text).operands == operands


def test_an_instruction_has_its_opcodes_parts_its_guard_and_its_text() -> None:
    made = instruction("@!%p1   ld.global.L2::128B.v4.f32\t{%f1, %f2, %f3, %f4},\n\t[%rd1]; // four at once")
    assert (made.name, made.modifiers) == ("ld", ("global", "L2::128B", "v4", "f32"))
    assert made.guard == Negated(P1)
    assert made.text == "@!%p1 ld.global.L2::128B.v4.f32 {%f1, %f2, %f3, %f4}, [%rd1];"
    assert instruction("@%p1 bra $L; $L:").guard == P1


# ---- variables ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "data"),
    [
        (".global .align 4 .u32 x = 5;", b"\x05\0\0\0"),
        (".global .align 1 .u8 x = -56;", b"\xc8"),
        (".global .align 8 .u64 x = -1;", b"\xff" * 8),
        (".global .align 4 .f32 x = 0f3F800000;", b"\0\0\x80\x3f"),
        (".const .align 2 .b8 x[6] = {255, 255, 2, 0};", b"\xff\xff\x02\0\0\0"),
        (".const .align 4 .s32 x[2][2] = {{1}, {2, 3}};", b"\x01\0\0\0\0\0\0\0\x02\0\0\0\x03\0\0\0"),
        (".global .align 4 .b8 x[12];", None),
    ],
)
def test_a_variable_begins_with_its_initialiser(text: str, data: bytes | None) -> None:
    assert variable(text).data == data


def test_a_variables_space_size_and_alignment() -> None:
    made = variable(".visible .const .align 8 .b8 weights[24];")
    assert (made.space, made.size, made.align, made.external) == ("const", 24, 8, False)
    assert variable(".global .u64 x;").align == 8
    launched = variable(".extern .shared .align 16 .b8 dynamic[];")
    assert (launched.space, launched.size, launched.align, launched.external) == ("shared", 0, 16, True)


def test_initialisers_may_point_to_variables_and_functions() -> None:
    made = variable(".global .align 8 .u64 x[4] = {7, generic(other)+16, other, f};")
    assert made.pointers == ((8, Symbol("other", 16), True), (16, Symbol("other"), False), (24, Symbol("f"), False))
    assert made.data == b"\x07" + bytes(31)


def test_a_pointer_in_a_packed_structure_is_one_pointer() -> None:
    module = compiled("""
        struct __attribute__((packed)) P { char c; int* p; short s; };
        __device__ int numbers[3];
        __device__ P x = {1, &numbers[1], 3};
        __global__ void k(int* out) { out[0] = *x.p; }
    """)
    (made,) = (v for v in module.variables.values() if v.name == "x")
    assert made.pointers == ((1, Symbol("numbers", 4), True),)
    assert made.data == b"\x01" + bytes(8) + b"\x03\0"


# ---- functions ---------------------------------------------------------------------------------------------------------


def test_parameters_lie_one_behind_the_other_as_in_c() -> None:
    head = """.func (.param .b32 result) f(
        .param .b32 a, .param .u64 .ptr .global .align 4 b, .param .align 1 .b8 c[11], .param .align 16 .b8 d[16]
    )"""
    made = function("ret;", head)
    assert not made.entry
    assert [(p.name, p.type, p.offset, p.size) for p in made.results] == [("result", "b32", 0, 4)]
    assert [(p.name, p.type, p.offset, p.size) for p in made.parameters] == [
        ("a", "b32", 0, 4), ("b", "u64", 8, 8), ("c", None, 16, 11), ("d", None, 32, 16),
    ]  # fmt: skip


def test_registers_have_widths() -> None:
    made = function(".reg .b16 %rs<3>; .reg .f64 a, b; ret;")
    assert [made.registers[name] for name in ("%rs0", "%rs2", "a", "b", "%p1")] == [16, 16, 64, 64, 1]
    assert "%rs3" not in made.registers


def test_a_bound_on_the_threads_of_a_block() -> None:
    assert function("ret;", ".entry k() .maxntid 128, 2, 1 .minnctapersm 2").max_threads == (128, 2, 1)
    assert function("ret;", ".entry k() .maxntid 64").max_threads == (64, 1, 1)
    assert function("ret;").max_threads is None


def test_functions_without_a_body_are_declared() -> None:
    module = ptx.parse(HEADER + ".extern .func (.param .b32 r) vprintf (.param .b64 a, .param .b64 b);\n.func f();\n.func f() { ret; }")
    assert list(module.declared) == ["vprintf"]
    assert [p.offset for p in module.declared["vprintf"].parameters] == [0, 8]
    assert list(module.functions) == ["f"]


def test_kernels_are_the_entries() -> None:
    module = compiled('__device__ __noinline__ int f(int x) { return x * x; } extern "C" __global__ void k(int* x) { *x = f(*x); }')
    assert list(module.kernels) == ["k"]
    assert len(module.functions) == 2


def test_a_functions_own_variables() -> None:
    module = compiled("""
        extern "C" __global__ void k(float* x, int n) {
            __shared__ float tile[33];
            float mine[10];
            for (int i = 0; i < 10; i++) mine[i] = x[i];
            tile[threadIdx.x] = mine[n];
            __syncthreads();
            x[0] = tile[n];
        }
    """)
    spaces = {v.space: v.size for v in module.functions["k"].variables.values()}
    assert spaces == {"local": 40, "shared": 132}


# ---- calls, scopes, tables ---------------------------------------------------------------------------------------------


def test_each_call_has_its_own_parameters() -> None:
    call = "{ .param .b32 param0; st.param.b32 [param0], %r1; .param .b32 retval0; call (retval0), f, (param0); ld.param.b32 %r1, [retval0]; }"
    made = function(call + call)
    assert set(made.variables) == {"param0.1", "retval0.1", "param0.2", "retval0.2"}
    assert [i.operands[0] for i in instructions(made, "st")] == [Address(Symbol("param0.1")), Address(Symbol("param0.2"))]
    assert [i.operands[1] for i in instructions(made, "ld")] == [Address(Symbol("retval0.1")), Address(Symbol("retval0.2"))]


@pytest.mark.parametrize(
    ("text", "operands"),
    [
        ("call f;", (Vector(()), Symbol("f"), Vector(()))),
        ("call.uni f, (a, 3);", (Vector(()), Symbol("f"), Vector((Symbol("a"), Immediate(3))))),
        ("call (r), f, ();", (Vector((Symbol("r"),)), Symbol("f"), Vector(()))),
        ("call (r), %rd1, (a), types;", (Vector((Symbol("r"),)), RD1, Vector((Symbol("a"),)), Symbol("types"))),
    ],
)
def test_a_call_always_has_results_callee_and_arguments(text: str, operands: tuple[model.Operand, ...]) -> None:
    assert instruction(text).operands == operands


def test_a_call_through_a_pointer_has_a_prototype() -> None:
    module = compiled("""
        struct Big { double d; int a[3]; };
        typedef Big (*Function)(int, Big);
        extern "C" __global__ void k(Function* f, Big* x) { *x = (*f)(3, *x); }
    """)
    made = module.functions["k"]
    (call,) = instructions(made, "call")
    name = call.operands[3]
    assert isinstance(name, Symbol)
    prototype = made.prototypes[name.name]
    assert [(p.type, p.size) for p in prototype.results] == [(None, 24)]
    assert [(p.type, p.offset, p.size) for p in prototype.parameters] == [("b32", 0, 4), (None, 8, 24)]


def test_registers_of_an_inner_scope_hide_those_outside() -> None:
    made = function("{ .reg .pred %p1; setp.ne.u32 %p1, %r1, 0; @%p1 mov.u32 %r1, 7; } @%p1 mov.u32 %r2, 8;")
    inner, outer = instructions(made, "mov")
    assert (inner.guard, outer.guard) == (Register("%p1.1"), P1)
    assert made.registers["%p1.1"] == 1


def test_registers_may_stand_close_to_their_type() -> None:
    made = function("{.reg.b32 f,C,nZ; mov.b32 C, 0x3fb8aa3bU; mov.b32 f, C;}")
    assert [i.operands for i in instructions(made, "mov")] == [(Register("C.1"), Immediate(0x3FB8AA3B)), (Register("f.1"), Register("C.1"))]
    assert made.registers.items() >= {"f.1": 32, "C.1": 32, "nZ.1": 32}.items()


def test_labels_of_an_inner_scope_are_its_own() -> None:
    wait = "{ .reg .pred done; AGAIN: setp.eq.u32 done, %r1, 0; @done bra END; bra AGAIN; END: }"
    made = function(wait + wait)
    assert [item.name for item in made.body if isinstance(item, Label)] == ["AGAIN.1", "END.1", "AGAIN.2", "END.2"]
    assert [flow.targets(i) for i in instructions(made, "bra")] == [("END.1",), ("AGAIN.1",), ("END.2",), ("AGAIN.2",)]


def test_a_branch_by_table_names_its_labels() -> None:
    made = function("$table: .branchtargets $A, $B, $A;\nbrx.idx %r1, $table;\n$A: ret;\n$B: ret;")
    assert made.body[0] == Instruction("brx.idx", (R1, Vector((Symbol("$A"), Symbol("$B"), Symbol("$A")))), None, 0, "brx.idx %r1, $table;")


def test_assembly_in_the_source_is_read() -> None:
    module = compiled(r"""
        extern "C" __global__ void k(unsigned* x) {
            asm volatile("{\n .reg .pred p;\n .reg .b32 t<2>;\n setp.eq.u32 p, %1, 3;\n mov.b32 t1, 0x10;\n @p add.u32 %0, t1, -1; }" : "+r"(x[0]) : "r"(x[1]));
        }
    """)
    (made,) = instructions(module.functions["k"], "add")[-1:]
    assert made.guard == Register("p.1")
    assert made.operands[1:] == (Register("t1.1"), Immediate(-1))


# ---- lines -------------------------------------------------------------------------------------------------------------

TWO_FILES = '.file 1 "/somewhere/kernel.cu"\n.file 2 "/somewhere/helper.h"\n'


def lines(body: str) -> list[int]:
    (made,) = ptx.parse(f"{HEADER}.entry k() {{ {body} }}\n{TWO_FILES}").functions.values()
    return [item.line for item in made.body if isinstance(item, Instruction)]


def test_instructions_have_the_lines_of_the_kernels_file() -> None:
    assert lines("ret;\n.loc 1 7 5\nret;\nret;\n.loc 1 9 1\nret;") == [0, 7, 7, 9]


def test_a_function_of_the_same_file_keeps_its_lines_where_it_is_inlined() -> None:
    assert lines(".loc 1 7 5\nret;\n.loc 1 2 9, function_name $name, inlined_at 1 7 5\nret;") == [7, 2]


def test_what_a_header_does_belongs_to_the_line_that_called_it() -> None:
    body = """.loc 1 7 5
    ret;
    .loc 2 30 1, function_name $outer, inlined_at 1 7 5
    ret;
    .loc 2 90 1, function_name $inner, inlined_at 2 30 1
    ret;
    .loc 2 90 1, function_name $inner, inlined_at 2 90 1
    ret;"""
    assert lines(body) == [7, 7, 7, 7]


def test_a_header_knows_no_line_without_a_caller() -> None:
    assert lines(".loc 2 30 1\nret;") == [0]


def test_lines_of_a_real_kernel_with_a_real_header() -> None:
    module = compiled("""\
        #include <cub/block/block_reduce.cuh>
        __device__ int twice(int x) {
            return __mul24(x, 2);
        }
        extern "C" __global__ void k(const int* x, int* out) {
            typedef cub::BlockReduce<int, 128> Reduce;
            __shared__ typename Reduce::TempStorage storage;
            int total = Reduce(storage).Sum(
                twice(x[threadIdx.x]));
            out[threadIdx.x] = total;
        }
    """)
    made = module.functions["k"]
    assert {i.line for i in instructions(made, "shfl")} == {8}
    assert {i.line for i in instructions(made, "bar")} == {8}
    assert {i.line for i in instructions(made, "mul24")} <= {3}
    assert [i.line for i in instructions(made, "st") if "global" in i.modifiers] == [10]


# ---- what is passed over, and what is refused ----------------------------------------------------------------------------


def test_comments_pragmas_and_debug_sections_hold_nothing_that_runs() -> None:
    module = ptx.parse(f'{HEADER}/* two\nlines */ .entry k() {{ .pragma "nounroll"; ret; // done\n }}\n.section .debug_str\n{{\n$name:\n.b8 95,0\n}}')
    assert module.functions["k"].body == [Instruction("ret", (), None, 0, "ret;")]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (".tex .u64 picture;", ".tex .u64 picture"),
        (".global .texref picture;", ".global .texref picture"),
        (".entry k() .maxclusterrank 8 { ret; }", ".entry k() .maxclusterrank 8"),
        (".entry k() { ret; add.f32 %f1, 1.5; }", "add.f32 %f1, 1.5"),
        (".entry k() { .alias f, g; }", ".alias f, g"),
        (".entry k() { @%q1 ret; }", "@%q1 ret"),
        (".entry k() { ld.global.f32 %f1, [%rd1, 3]; }", "ld.global.f32 %f1, [%rd1, 3]"),
        (".global .align 4 .u32 x[1] = {1, 2};", ".global .align 4 .u32 x[1] ="),
        (".global .align 4 .b8 x[-1];", ".global .align 4 .b8 x[-1]"),
        (".entry k() { ret;", "cannot use"),
        (".entry k() { add.u32 %r1", "add.u32 %r1"),
    ],
)
def test_unknown_statements_are_named(text: str, named: str) -> None:
    with pytest.raises(NotSupported) as refusal:
        ptx.parse(HEADER + text)
    assert named in str(refusal.value)
    assert len(str(refusal.value)) < 200


def test_assembly_that_is_no_ptx_is_named_with_its_line() -> None:
    with pytest.raises(NotSupported, match=r"line 2: .*`add\.s32 1 2`"):
        compiled('extern "C" __global__ void k(int* x) {\n    asm volatile("add.s32 1 2;");\n    x[0] = 1;\n}')


def test_a_branch_to_nowhere_is_named_with_its_line() -> None:
    with pytest.raises(NotSupported, match=r"line 2: .*`bra NOWHERE;`"):
        compiled('extern "C" __global__ void k(int* x) {\n    asm volatile("bra NOWHERE;");\n    x[0] = 1;\n}')


@pytest.mark.parametrize("options", [(), ("-G",), ("--use_fast_math",)])
@pytest.mark.parametrize("relocatable", [False, True])
def test_all_that_nvrtc_writes_for_a_large_kernel(options: tuple[str, ...], relocatable: bool) -> None:
    module = compiled(LARGE, *options, relocatable=relocatable)
    names = {item.name for f in module.functions.values() for item in f.body if isinstance(item, Instruction)}
    assert {"ld", "st", "bra", "call", "bar", "vote", "shfl", "atom", "ret"} <= names
    assert "vprintf" in module.declared
    assert "other" in module.functions or not relocatable


def test_a_text_that_ends_early_or_lacks_a_token_is_refused_or_read() -> None:
    """Assembly in a kernel's source reaches the parser as it was written, so anything may."""
    rng = random.Random(6)
    text = compile_source(LARGE).ptx
    tokens = re.findall(r"\s+|[\w.$%]+|.", text)
    for _ in range(60):
        cut, drop = rng.randrange(len(tokens)), rng.randrange(len(tokens))
        for changed in (tokens[:cut], tokens[:drop] + tokens[drop + 1 :]):
            with contextlib.suppress(NotSupported):
                ptx.parse("".join(changed))


# ---- flow --------------------------------------------------------------------------------------------------------------

LOOP = function("""
    mov.u32 %r1, 0;
    mov.u32 %r2, 9;
    $AGAIN:
    add.u32 %r1, %r1, %r2;
    setp.lt.u32 %p1, %r1, 100;
    @%p1 bra $AGAIN;
    st.global.u32 [%rd1], %r1;
    ret;
""")


def test_where_execution_may_go() -> None:
    assert flow.successors(LOOP) == [(1,), (2,), (3,), (4,), (5,), (2, 6), (7,), ()]
    assert flow.successors(function("@%p1 ret;\nbra.uni $END;\nret;\n$END:\nret;")) == [(1,), (3,), (), (4,), ()]


def test_a_loop_has_a_branch_that_goes_back() -> None:
    assert flow.backward_branches(LOOP) == {5}
    assert flow.backward_branches(function("@%p1 bra $END;\nret;\n$END:\nret;")) == set()
    assert flow.backward_branches(function("$t: .branchtargets $A, $END;\n$A:\nbrx.idx %r1, $t;\n$END:\nret;")) == {1}


def test_a_register_lives_until_its_last_use() -> None:
    live = flow.live_after(LOOP)
    assert live[0] == {"%r1", "%rd1"}
    assert live[1] == live[2] == {"%r1", "%r2", "%rd1"}
    assert live[4] == {"%r1", "%r2", "%rd1", "%p1"}
    assert live[6] == frozenset()


def test_a_guard_keeps_the_old_value_alive() -> None:
    live = flow.live_after(function("mov.u32 %r1, 1;\n@%p1 mov.u32 %r1, 2;\nst.global.u32 [%rd1], %r1;\nret;"))
    assert live[0] == {"%r1", "%p1", "%rd1"}


@pytest.mark.parametrize(
    ("text", "written", "read"),
    [
        ("st.shared.v2.u32 [%r1], {%r2, %r3};", (), ("%r1", "%r2", "%r3")),
        ("ld.shared.v2.u32 {%r1, %r2}, [%r3+4];", ("%r1", "%r2"), ("%r3",)),
        ("activemask.b32 %r1;", ("%r1",), ()),
        ("shfl.sync.up.b32 %r1|%p1, %r2, %r3, 0, -1;", ("%r1", "%p1"), ("%r2", "%r3")),
        ("setp.eq.s32 %p1|%p2, %r1, 3;", ("%p1", "%p2"), ("%r1",)),
        ("bar.sync %r1, %r2;", (), ("%r1", "%r2")),
        ("bar.red.or.pred %p1, 0, !%p2;", ("%p1",), ("%p2",)),
        ("@%p1 brx.idx %r1, $t;", (), ("%r1", "%p1")),
        ("atom.global.add.f32 %f1, [%rd1], %f2;", ("%f1",), ("%rd1", "%f2")),
        ("red.global.add.f32 [%rd1], %f2;", (), ("%rd1", "%f2")),
        ("call (%r1), %rd1, (%r2), types;", ("%r1",), ("%rd1", "%r2")),
        ("mov.b64 {_, %r1}, %rd1;", ("%r1",), ("%rd1",)),
        ("nanosleep.u32 %r1;", (), ("%r1",)),
    ],
)
def test_what_an_instruction_writes_and_reads(text: str, written: tuple[str, ...], read: tuple[str, ...]) -> None:
    made = instruction(f"$t: .branchtargets $t1;\n{text}\n$t1: ret;")
    assert flow.definitions(made) == written
    assert flow.uses(made) == read


@pytest.mark.parametrize("seed", range(20))
def test_liveness_is_what_the_definition_says(seed: int) -> None:
    """Against the textbook's equations, solved one instruction at a time."""
    made = random_function(random.Random(seed), length=60)
    following = flow.successors(made)
    live_in: list[set[str]] = [set() for _ in range(len(made.body) + 1)]
    live_out: list[set[str]] = [set() for _ in made.body]
    for _ in range(len(made.body)):
        for index, item in reversed(list(enumerate(made.body))):
            live_out[index] = set().union(*(live_in[after] for after in following[index]))
            read = set(flow.uses(item)) if isinstance(item, Instruction) else set()
            written = set(flow.definitions(item)) if isinstance(item, Instruction) and item.guard is None else set()
            live_in[index] = live_out[index] - written | read
    assert dict(flow.live_after(made)) == dict(enumerate(live_out))


def random_function(rng: random.Random, length: int) -> model.Function:
    def line(index: int) -> str:
        a, b, c, p = (rng.randrange(6) for _ in range(4))
        return rng.choice(
            [
                f"add.u32 %r{a}, %r{b}, %r{c};",
                f"@%p{p} mov.u32 %r{a}, %r{b};",
                f"setp.lt.u32 %p{p}, %r{a}, %r{b};",
                f"st.global.u32 [%rd{a}], %r{b};",
                f"@%p{p} bra $L{rng.randrange(length)};",
                rng.choice([f"bra $L{rng.randrange(length)};", f"@!%p{p} ret;"]),
            ]
        )

    return function("\n".join(f"$L{index}: {line(index)}" for index in range(length)) + "\nret;")


def test_functions_in_which_threads_wait() -> None:
    module = compiled("""
        __device__ __noinline__ int waits(int x) { __syncthreads(); return x * x; }
        __device__ __noinline__ int votes(int x) { return __any_sync(~0u, x); }
        __device__ __noinline__ int calls(int x) { return waits(x) + 1; }
        __device__ __noinline__ int goes_on(int x) { return x * x * x; }
        __device__ __noinline__ int either(int x) { return x > 1 ? either(x / 2 + x % 7) * 3 + goes_on(x) : 1; }
        typedef int (*Function)(int);
        extern "C" __global__ void direct(int* x) { *x = calls(*x); }
        extern "C" __global__ void by_pointer(int* x, Function* f) { *x = (*f)(*x); }
        extern "C" __global__ void alone(int* x) { *x = goes_on(*x) + either(*x) + (x[1] ? votes(3) : 0); }
        extern "C" __global__ void quiet(int* x) { *x = goes_on(*x) + either(*x); }
    """)
    waiting = flow.suspending_functions(module)
    assert {"direct", "by_pointer", "alone"} <= waiting
    assert {name for name in module.functions if name not in module.kernels and name in waiting} == {"_Z5waitsi", "_Z5votesi", "_Z5callsi"}
    assert "quiet" not in waiting


# ---- speed -------------------------------------------------------------------------------------------------------------


def test_a_kernel_of_500_instructions_is_read_in_10_ms_and_one_of_3000_analysed_in_50() -> None:
    steps = [f"$L{k}: @%p1 bra $L{k};\nfma.rn.f32 %f1, %f2, %f3, %f1;\nld.global.f32 %f2, [%rd1+{k}];\n" for k in range(1000)]
    small = f"{HEADER}.entry k() {{ {REGISTERS} {''.join(steps[:167])} ret; }}"
    large = function("".join(steps))
    assert fastest(lambda: ptx.parse(small)) < 0.010
    assert fastest(lambda: flow.live_after(large)) < 0.050


def fastest(work: Callable[[], object]) -> float:
    """CPU seconds of the fastest of several runs: other processes may take the rest."""
    times = []
    for _ in range(7):
        begin = time.thread_time()
        work()
        times.append(time.thread_time() - begin)
    return min(times)


LARGE = r"""
#include <cuda_fp16.h>
struct Node { int value; Node* next; };
__device__ Node second = {2, nullptr}, first = {1, &second};
__constant__ const char* words[2] = {"one", "two"};
__device__ int counter;
extern __shared__ float dynamic[];
typedef float (*Function)(float);
__device__ __noinline__ float twice(float x) { return 2 * x; }
__device__ __noinline__ float square(float x) { return x * x; }
__device__ Function functions[2] = {twice, square};
__device__ __noinline__ int factorial(int n) { return n < 2 ? 1 : n * factorial(n - 1); }
struct Big { int a[5]; double d; };
__device__ __noinline__ Big made(int i, Big in) { Big out; for (int k = 0; k < 5; k++) out.a[k] = in.a[k] + i; out.d = in.d; return out; }
extern "C" __device__ __noinline__ int other(int n) { return n * counter; }
extern "C" __global__ void __launch_bounds__(128, 2) large(float* x, int n, Big big, half* h) {
    __shared__ float tile[128];
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    tile[threadIdx.x] = x[i];
    __syncthreads();
    float y = functions[n & 1](tile[127 - threadIdx.x]) + other(n);
    printf("%d %f\n", i, y);
    assert(n > 0);
    switch (n) {
        case 0: y += 1; break;
        case 1: y *= 3; break;
        case 2: y = sinf(y); break;
        case 3: y = powf(y, x[3]); break;
        case 7: x[5] = factorial(n);
        default: y = 0;
    }
    int local[10];
    for (int k = 0; k < 10; k++) local[k] = x[k];
    y += local[n % 10] + __shfl_down_sync(~0u, y, 1) + atomicAdd(&counter, 1) + made(i, big).a[n % 5] + first.next->value + words[n & 1][0];
    float4 four = ((float4*)x)[3];
    ((float4*)x)[2] = make_float4(four.y, four.x, dynamic[i], 1);
    if (y == 1e30f) __trap();
    h[0] = __hfma(h[1], h[2], __float2half(y));
    x[i] = y + clock() + __popc(__ballot_sync(~0u, y > 0)) + __syncthreads_or(n) + __match_any_sync(~0u, i) + fmodf(y, x[4]);
}
"""
