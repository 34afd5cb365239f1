"""Kernels that attack: each ends in a fault, in a message or in the right result, and the process is as it was.

They run in a process of their own, so that a crash is a test that fails. Assembly in the source can be any PTX at all.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import numpy as np
import pytest

from autograder.cuda import KernelFault, step_budget
from autograder.cuda import standin as cp
from autograder.examiner.workers.host import Worker
from autograder.worker.kinds import WITH_KERNELS
from autograder.worker.limits import Limits

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("kernel safety")]

# Takes kernels from its input, one a line, and says what came of each; `host` is what no kernel may reach.
VICTIM = """
import json, sys
import numpy as np
from autograder.cuda import CompileError, KernelFault, NotSupported, standin as cp

host = np.full(1 << 16, 0x5A, np.uint8)
neighbour = cp.full(64, 7, np.uint64)
for line in sys.stdin:
    source = json.loads(line)
    x = cp.zeros(64, np.uint64)
    try:
        cp.RawKernel(source, "attack")((1,), (32,), (x, np.uint64(host.ctypes.data)))
        said = "done: " + " ".join(str(value) for value in x.get()[:2].tolist())
    except (KernelFault, CompileError, NotSupported) as error:
        said = str(error)
    intact = bool((host == 0x5A).all() and (neighbour.get() == 7).all())
    print("\\n" + json.dumps({"said": said, "intact": intact}), flush=True)
"""


class Victim:
    """The process that is attacked."""

    def __init__(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-c", VICTIM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def attacked_by(self, source: str) -> str:
        """What the process says of a kernel; it must live, and its memory be untouched."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(source) + "\n")
        self.process.stdin.flush()
        while line := self.process.stdout.readline():
            if line.startswith('{"said"'):
                answer = json.loads(line)
                assert answer["intact"], f"memory was changed, and it says: {answer['said']}"
                return str(answer["said"])
        raise AssertionError(f"the kernel ended the process: {self.process.wait()}")


@pytest.fixture(scope="module")
def victim() -> Iterator[Victim]:
    victim = Victim()
    yield victim
    victim.process.kill()
    victim.process.wait()


def attack(body: str, before: str = "") -> str:
    return f'{before}\nextern "C" __global__ void attack(unsigned long long* x, unsigned long long host) {{ if (threadIdx.x) return; {body} }}'


def assembly(code: str, before: str = "") -> str:
    """`%0` is x, `%1` is host; `%%` stands before the assembly's own registers."""
    return attack(f'asm volatile("{{ {code} }}" :: "l"(x), "l"(host) : "memory");', before)


SHARED, LOCAL = 1 << 40, 2 << 40

WILD_POINTERS = {
    "the host's memory": "*(int*) host = 1;",
    "the host's memory, read": "x[0] = *(int*) host;",
    "the host's memory, atomically": "atomicAdd((int*) host, 1);",
    "the host's memory, atomically, 8 bytes": "atomicCAS((unsigned long long*) host, 0x5A5A5A5A5A5A5A5Aull, 1ull);",
    "the host's memory, volatile": "*(volatile char*) host = 1;",
    "the host's memory, 16 bytes": "*(int4*) host = int4{1, 2, 3, 4};",
    "the host's memory, by memcpy": "memcpy((void*) host, x, 4096);",
    "null": "*(int*) 0 = 1;",
    "the end of all addresses": "*(int*) ~3ull = 1;",
    "no number of an array": f"*(int*) {(1 << 63) + (1 << 39)}ull = 1;",
    "far behind": "x[1ull << 35] = 1;",
    "far before": "x[-(1ll << 35)] = 1;",
    "an offset that wraps": "x[1ull << 61] = 1; x[(1ull << 61) - 1] = 1;",
    "across the end, 16 bytes": "*(int4*) (x + 63) = int4{1, 2, 3, 4};",
    "across the end, crooked": "*(long long*) ((char*) x + 63 * 8 + 4) = 1;",
    "across the beginning": "*(int4*) (x - 1) = int4{1, 2, 3, 4};",
    "before shared memory": f"*(int*) {SHARED - 4}ull = 1;",
    "behind shared memory": f"*(int*) {SHARED + (1 << 30)}ull = 1;",
    "the end of the shared window": f"*(int*) {2 * SHARED - 4}ull = 1;",
    "before local memory": f"*(int*) {LOCAL - 4}ull = 1;",
    "local memory without an array": f"*(int*) {LOCAL + (64 << 20)}ull = 1;",
    "the end of the local window": f"*(int*) {LOCAL + (1 << 40) - 4}ull = 1;",
    "a function's code": "((int (*)()) host)();",
    "a function's code, made up": f"((int (*)()) {(3 << 40) + 8}ull)();",
}


@pytest.mark.parametrize("body", WILD_POINTERS.values(), ids=WILD_POINTERS.keys())
def test_a_wild_pointer_is_a_fault(victim: Victim, body: str) -> None:
    said = victim.attacked_by(attack(body))
    assert "thread 0 of block 0" in said


PTX = {
    "shared memory, just before": "st.shared.u32 [-4], 7;",
    "shared memory, just before, 64 bits": ".reg .u64 %%a; mov.u64 %%a, -4; st.shared.u32 [%%a], 7;",
    "parameters, behind": ".reg .u64 %%a; ld.param.u64 %%a, [attack_param_0+4096]; st.global.u64 [%0], %%a;",
    "parameters, before": ".reg .u64 %%a; ld.param.u64 %%a, [attack_param_0+-64]; st.global.u64 [%0], %%a;",
    "parameters, computed": ".reg .u64 %%a; mov.u64 %%a, 4096; ld.param.u64 %%a, [%%a]; st.global.u64 [%0], %%a;",
    "parameters, written": "st.param.u64 [attack_param_0], %1;",
    "an argument, behind": ".param .b32 p; st.param.b32 [p+4096], 7;",
    "an argument that is too small": ".param .b8 p; call vprintf, (p, p);",
    "a gigantic argument": ".param .b8 p[1073741824]; st.param.b32 [p+1000000], 7;",
    "a register that nobody has set": ".reg .u64 %%a; st.global.u64 [%%a], 7;",
    "an argument that nobody has set": ".reg .u64 %%a; .param .b64 p; ld.param.u64 %%a, [p]; st.global.u64 [%%a], 7;",
    "a table of branches, behind": ".reg .u32 %%i; mov.u32 %%i, 77; t: .branchtargets A, B; brx.idx %%i, t; A: B:",
    "a label twice": "A: bra A; A: bra A;",
    "a label nowhere": "bra nowhere;",
    "a call through a number": "p: .callprototype _ (); call %1, (), p;",
    "a call without a prototype": "call %1, (), p;",
    "a billion registers": ".reg .b32 %%q<2000000000>;",
    "a gigantic local array": ".local .b8 p[107374182400000]; st.local.b32 [p], 5;",
    "many local arrays": "".join(f".local .b8 p{k}[1000000];" for k in range(300)) + "st.local.b32 [p7], 5;",
    "a gigantic shared array": ".shared .b8 p[107374182400000]; st.shared.b32 [p], 5;",
    "a gigantic alignment": ".shared .align 1099511627776 .b8 p[16]; st.shared.b32 [p], 5;",
    "no alignment": ".shared .align 0 .b8 p[16]; st.shared.b32 [p], 5;",
    "scopes in scopes": "{" * 5000 + "}" * 5000,
    "operands in operands": "mov.u32 " + "{" * 5000 + "}" * 5000 + ", 1;",
    "another name for a function": "ret; } } .alias foo, bar; .func q() { {",
    "an address of nothing": "ret; } } .global .u64 g = nowhere; .func q() { {",
    "an address in one byte": "ret; } } .global .u8 g1 = 5; .global .u8 g = generic(g1); .func q() { {",
    "a type that is none": ".reg .b32 %%p; ld.global.foo %%p, [%0];",
    "asynchronous copies": "cp.async.ca.shared.global [%1], [%1], 16;",
    "bulk copies": "cp.async.bulk.global.shared::cta.bulk_group [%1], [%1], 16;",
    "the special registers, written": "mov.u32 %%tid.x, 5;",
    "an instruction without operands": "st.global.u32;",
    "the kernel itself": "call attack, (%0, %1);",
}  # fmt: skip


@pytest.mark.parametrize("code", PTX.values(), ids=PTX.keys())
def test_assembly_of_any_kind_is_a_fault_or_refused_in_words(victim: Victim, code: str) -> None:
    said = victim.attacked_by(assembly(code))
    assert not said.startswith("done"), said
    assert len(said) > 20


def test_a_forged_header_of_local_arrays_leads_no_further_than_the_threads_own_stack(victim: Victim) -> None:
    """A local address counts from the stack's beginning; a header says how long an array is. A kernel can write one."""
    forged = """
    volatile unsigned a[64];
    for (int k = 0; k < 64; k += 4) { a[k] = 0x10ca1; a[k + 1] = 0xffff0; a[k + 2] = a[k + 3] = 0; }
    unsigned long long first = (unsigned long long) a;
    for (unsigned long long below = 16; below < 4096; below += 16) ((volatile int*) ((2ull << 40) + (below << 20)))[OFFSET] = 7;"""
    for offset in (0, 1 << 10, 1 << 16, (1 << 18) - 1):
        said = victim.attacked_by(attack(forged.replace("OFFSET", str(offset))))
        assert "thread 0 of block 0" in said


FUNCTIONS = """
#define FUNCTION(name) extern "C" __device__ __noinline__ int name(int q) { return q * q; }
FUNCTION(run_blocks) FUNCTION(check_global) FUNCTION(check_global_store_8) FUNCTION(runtime_fault) FUNCTION(system) FUNCTION(mprotect)
"""


def test_a_kernels_own_functions_may_have_any_name(victim: Victim) -> None:
    calls = "run_blocks(1) + check_global(2) + check_global_store_8(3) + runtime_fault(4) + system(5) + mprotect(6)"
    assert victim.attacked_by(attack(f"x[0] = {calls};", FUNCTIONS)) == "done: 91 0"


@pytest.mark.parametrize("name", ["system", "malloc_usable_size", "run_blocks", "check_global_store_8", "PyRun_SimpleString"])
def test_functions_of_the_process_cannot_be_called(victim: Victim, name: str) -> None:
    said = victim.attacked_by(attack(f'x[0] = {name}("import os");', f'extern "C" __device__ int {name}(const char*);'))
    assert said == f"line 2: the function `{name}` cannot run without a GPU"


NEVER_ENDING = {
    "a loop": ("while (x[0] < 5) x[0] = 0;", ""),
    "calls without any loop": ("x[0] = f(60, x);", "__device__ __noinline__ int f(int n, unsigned long long* x) { return n ? f(n - 1, x) * 3 + f(n - 1, x + 1) : x[0]; }"),
    "recursion": ("x[0] = f(1, x);", "__device__ __noinline__ int f(int n, unsigned long long* x) { return n ? f(n + 1, x) * 3 + x[n] : x[0]; }"),
    "two that call each other": ("x[0] = f(x);", "__device__ int g(unsigned long long* x); __device__ __noinline__ int f(unsigned long long* x) { return g(x) * x[1] + 1; }\n__device__ __noinline__ int g(unsigned long long* x) { return f(x) * x[0] + 3; }"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "before"), NEVER_ENDING.values(), ids=NEVER_ENDING.keys())
def test_what_never_ends_is_ended(victim: Victim, body: str, before: str) -> None:
    said = victim.attacked_by(attack(body, before))
    assert "still runs after more steps" in said or "more deeply than its stack allows" in said or "but x has 64 elements" in said


def test_recursion_with_much_to_remember_does_not_use_up_the_hosts_stack(victim: Victim) -> None:
    """LLVM keeps on the host's stack what finds no place in registers."""
    loads = "".join(f"unsigned long long v{k} = x[{k % 64}] * {k + 3}; " for k in range(1500))
    total = " + ".join(f"(v{k} ^ r)" for k in range(1500))
    function = f"__device__ __noinline__ unsigned long long f(int n, volatile unsigned long long* x) {{ {loads} unsigned long long r = n ? f(n - 1, x) : 1; return {total}; }}"
    assert "more deeply than its stack allows" in victim.attacked_by(attack("x[0] = f(100000, x);", function))


@pytest.mark.parametrize(
    "call",
    [
        'printf("%n %s", x, host)', 'printf("%s %s", host, (const char*) host)', "printf((const char*) host)", 'printf("%y %s", 1, "a")', 'printf("%t")',
        'printf("%hhhd %lt %5.3.2d %*!", 1)', 'printf("%999999999d", 1)', 'printf("%99999999999999999999d", 1)', 'printf("%*d", 2000000000, 1)',
        'printf("%.*f", 2000000000, 1.0)', 'for (int k = 0; k < 1000000; k++) printf("flood %d\\n", k)', "printf((const char*) x)",
    ],
)  # fmt: skip
def test_printf_of_anything_prints_something(victim: Victim, call: str) -> None:
    said = victim.attacked_by(attack(f"{call};"))
    assert said.startswith("done") or "thread 0 of block 0" in said


def test_source_that_includes_a_file_gets_no_more_than_python(victim: Victim) -> None:
    assert "error" in victim.attacked_by(attack("x[0] = 1;", '#include "/nowhere/secret"'))


# ---- pointers that are kept in memory ----------------------------------------------------------------------------------


def test_bytes_of_an_array_that_was_watched_by_words() -> None:
    """The kernel does not get the array itself, only a pointer in another array: what is known of it is finer from now on."""
    words = cp.zeros(4096, np.uint32)
    cp.RawKernel('extern "C" __global__ void k(unsigned* y) { y[threadIdx.x] = 1; }', "k")((1,), (32,), (words,))
    pointers = cp.asarray(np.array([words.data.ptr], np.uint64))
    source = 'extern "C" __global__ void k(unsigned char** p, int n) { for (int i = 0; i < n; i++) p[0][i] = 1; }'
    cp.RawKernel(source, "k")((1,), (1,), (pointers, 4 * 4096))
    assert (words.get() == 0x01010101).all()
    with pytest.raises(KernelFault, match=r"writes an array\[4096\]"):
        cp.RawKernel(source, "k")((1,), (1,), (pointers, 4 * 4096 + 1))


def test_a_pointer_to_an_array_that_is_gone() -> None:
    pointers = cp.asarray(np.array([cp.zeros(8, np.uint32).data.ptr], np.uint64))
    with pytest.raises(KernelFault, match="leads to no array"):
        cp.RawKernel('extern "C" __global__ void k(unsigned** p) { p[0][0] = 1; }', "k")((1,), (1,), (pointers,))


# ---- time and size -----------------------------------------------------------------------------------------------------


class Alarm(BaseException):
    """As what stops a student's answer: no `except Exception` holds it."""


def ring(number: int, frame: FrameType | None) -> None:
    raise Alarm


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no alarms here")
@pytest.mark.parametrize(("body", "grid"), [("while (x[0] < 5) x[0] = 0;", 1), (";", 2**27)], ids=["an endless block", "blocks without end"])
def test_an_alarm_ends_a_launch_at_once(body: str, grid: int) -> None:
    kernel = cp.RawKernel(f'extern "C" __global__ void k(volatile int* x) {{ {body} }}', "k")
    x = cp.zeros(1, np.int32)
    kernel.compile()
    before = signal.signal(signal.SIGALRM, ring)
    begun = time.monotonic()
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        with step_budget(10**15), pytest.raises(Alarm):
            kernel((grid,), (1,), (x,))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - begun < 2
    cp.RawKernel('extern "C" __global__ void k(int* x) { x[0] = 3; }', "k")((1,), (1,), (x,))
    assert x.get().tolist() == [3]


def test_a_launch_too_large_for_this_machine_is_told_so() -> None:
    with pytest.raises(KernelFault, match="need more memory than this machine has"):
        cp.RawKernel('extern "C" __global__ void k() { }', "k")((2**31 - 1, 65535, 65535), (1,), ())


# ---- in the worker -----------------------------------------------------------------------------------------------------


def printed(worker: Worker, source: str) -> str:
    return "".join(o.text if o.output_type == "stream" else o.get("evalue", "") for o in worker.run(source)).strip()


def test_a_kernel_in_the_worker_reaches_no_file_and_no_other_exercises_state() -> None:
    """The other exercise's array is gone for kernels that do not get it, and files are those that Python may open."""
    kernel = 'extern "C" __global__ void k(long long p) { ((char*) p)[0] = 66; }'
    with Worker(Path("/nothing"), Path("/nothing"), Limits(), WITH_KERNELS, unsafe=True) as worker:
        worker.run(
            "import numpy as np\nfrom autograder.cuda import standin as cp\nother = np.full(64, 65, np.uint8)\ndef f(): return other.tobytes()"
        )
        said = printed(worker, f"cp.RawKernel({kernel!r}, 'k')((1,), (1,), (np.int64(other.ctypes.data),))")
        assert "leads to no array on the device" in said
        assert printed(worker, "print(f() == b'A' * 64)") == "True"
        include = '#include "/etc/passwd"\n' + kernel
        assert "root:" not in printed(worker, f"cp.RawKernel({include!r}, 'k').compile()")
        assert printed(worker, "print(f() == b'A' * 64)") == "True"
