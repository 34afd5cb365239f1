"""Threads that work together: sums with shared memory and with shuffles, softmax, a histogram."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from autograder.exercise import Case, Made, cases, equivalent, exercise, mistakes, probe
from solutions.hardware.kernels import NO_ARRAYS_OF_OTHER_KINDS

NOT_FOUND = 'The kernel is not found under its name, because C++ compiles functions under longer ones. Write extern "C" before __global__.'


def eighths(rng: np.random.Generator, n: int) -> np.ndarray:
    """Numbers whose sums are exact in float32, in whatever order they are added. None is 0."""
    return (rng.integers(1, 40, size=n) * rng.choice([-1, 1, 1], size=n) / 8).astype(np.float32)


def blocks_for(n: int, threads: int) -> int:
    return -(-n // threads)


# ---- launch_config -----------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["4.3"], shares={"nothing to do": 0.2})
def launch_config(n: int, threads_per_block: int, most_blocks: int) -> tuple[tuple[int], tuple[int]]:
    """The grid and the block of a launch for n elements, as CuPy takes them: ((blocks,),
    (threads_per_block,)).

    Every element gets a thread of its own, with no more blocks than that needs; but there are
    at most most_blocks blocks, and at least one. n is at least 0, the other two at least 1.
    """
    blocks = (n + threads_per_block - 1) // threads_per_block
    return (max(1, min(blocks, most_blocks)),), (threads_per_block,)


@cases(launch_config)
def visible_launch_config(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("1000 elements, 256 threads, at most 64 blocks", 1000, 256, 64)
    yield Case("a million elements, 256 threads, at most 64 blocks", 1_000_000, 256, 64)


NO_ELEMENTS = "With n = 0 you ask for a grid without blocks, which CUDA refuses. One block comes, finds nothing to do, and leaves."


@cases(launch_config, hidden=True)
def hidden_launch_config(rng: np.random.Generator) -> Iterator[Case]:
    threads = int(rng.integers(40, 200))
    blocks = int(rng.integers(5, 30))
    yield Case("a few over", blocks * threads + 3, threads, 100)
    yield Case("one over", blocks * threads + 1, threads, 100)
    yield Case("one short", blocks * threads - 1, threads, 100)
    yield Case("a multiple", blocks * threads, threads, 100)
    yield Case("one block too many", blocks * threads + 1, threads, blocks)
    yield Case("far too many", 1000 * threads, threads, blocks)
    yield Case("fewer elements than threads", 17, threads, 3)
    yield Case("nothing to do", 0, threads, blocks, group="nothing to do", hint=NO_ELEMENTS)


@mistakes(
    launch_config,
    rounded_down="You round down: the elements that are left over get no thread. Round up.",
    one_too_many="You always add a block. When the threads divide n exactly, that block has nothing to do.",
    not_limited="You ignore most_blocks. Where the elements need more blocks than that, the grid is cut off, and its threads will loop.",
    limit_as_least="You use most_blocks as the least. It is the most: of it and the blocks that n needs, take the smaller.",
    always_the_most="You always start most_blocks blocks. For a few elements most of them would find nothing to do.",
    limit_on_threads="Your limit counts threads. most_blocks is a number of blocks.",
    no_block_at_all=NO_ELEMENTS,
    plain_numbers="You return two plain numbers. Grid and block are tuples, also where they have one number each: `(blocks,)`, with a comma.",
    swapped="Grid and block are swapped: the grid, which counts blocks, comes first.",
    float_blocks="The number of blocks is a float (`np.ceil` returns one). A grid takes integers.",
    threads_in_all="You return the number of threads in the whole grid. A grid counts blocks.",
    smaller_block="You make the block smaller when there are few elements. The block is given; threads to spare do nothing.",
)
def launch_config_with(made: Made, n: int, threads_per_block: int, most_blocks: int) -> Any:
    needed = blocks_for(n, threads_per_block)
    if made.rounded_down:
        needed = n // threads_per_block
    if made.one_too_many:
        needed = n // threads_per_block + 1
    if made.limit_on_threads:
        needed = blocks_for(min(n, most_blocks), threads_per_block)
    blocks = max(needed, most_blocks) if made.limit_as_least else min(needed, most_blocks)
    blocks = max(1, needed if made.not_limited else most_blocks if made.always_the_most else blocks)
    if made.no_block_at_all:
        blocks = min(needed, most_blocks)
    if made.threads_in_all:
        blocks *= threads_per_block
    threads = min(threads_per_block, n) if made.smaller_block else threads_per_block
    grid: Any = float(blocks) if made.float_blocks else blocks
    if made.plain_numbers:
        return grid, threads
    return ((threads,), (grid,)) if made.swapped else ((grid,), (threads,))


# ---- strided_sums ------------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["4.2", "4.3"], shares={"memory": 0.2}, without=NO_ARRAYS_OF_OTHER_KINDS)
def strided_sums() -> str:
    """The CUDA C source of `extern "C" __global__ void strided_sums(const float* x, float* out,
    int n)`.

    Of the T threads of the whole grid, thread t writes x[t] + x[t + T] + x[t + 2T] + ... to
    out[t], up to the last index below n: out has T numbers, and a thread without an element
    writes 0. Grid and block have one dimension, and T may be smaller or larger than n. What it
    costs: every element of x is read once, and every number of out is written once.
    """
    return """
    extern "C" __global__ void strided_sums(const float* x, float* out, int n) {
        int thread = blockIdx.x * blockDim.x + threadIdx.x;
        int threads = gridDim.x * blockDim.x;
        float sum = 0;
        for (int i = thread; i < n; i += threads) {
            sum += x[i];
        }
        out[thread] = sum;
    }
    """


@cases(strided_sums)
def visible_strided_sums(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("500 elements, 3 blocks of 32 threads", eighths(rng, 500), 3, 32)
    yield Case("50 elements, 2 blocks of 32 threads", eighths(rng, 50), 2, 32)
    yield Case("the memory's traffic, 300 elements, 2 blocks of 32 threads", eighths(rng, 300), 2, 32, True, group="memory", hint=ONCE)


@cases(strided_sums, hidden=True)
def hidden_strided_sums(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("blocks of 48", eighths(rng, 1009), 5, 48)
    yield Case("one block", eighths(rng, 211), 1, 64)
    yield Case("a multiple of all threads", eighths(rng, 4 * 96), 3, 32)
    yield Case("one element more than threads", eighths(rng, 129), 4, 32)
    yield Case("more blocks than elements", eighths(rng, 7), 9, 32)
    yield Case("many elements", eighths(rng, int(rng.integers(2000, 2100))), 2, 128)
    yield Case("the memory's traffic", eighths(rng, 331), 3, 32, True, group="memory", hint=ONCE)


ONCE = "The sums are right, but memory is busier than it need be: every element of x is read once, and every number of out written once."


@probe(strided_sums)
def launch_strided_sums(answer: Any, x: Any, blocks: int, threads: int, costs: bool = False) -> Any:
    from autograder.cuda import KernelFault
    from autograder.cuda.trial import Output, try_kernel

    trial = try_kernel(answer(), "strided_sums", blocks, threads, x, Output(blocks * threads), x.size, costs=costs)
    if costs and trial.reads(0).max() > 1:
        raise KernelFault(f"an element of x is read {trial.reads(0).max()} times; each is read once")
    if costs and trial.writes(1).max() > 1:
        raise KernelFault(f"a number of out is written {trial.writes(1).max()} times; each is written once, when the sum is known")
    return trial.outputs[0]


@mistakes(
    strided_sums,
    neighbours="Each of your threads adds elements that lie side by side. Its next element is T further on, where T is the number of all threads: then neighbours read neighbours.",
    stride_of_a_block="Your threads go on by one block's threads, and meet the elements of other blocks. The stride is the number of all threads in the grid.",
    stride_of_the_grid="Your stride is gridDim.x, which is how many blocks there are. The number of all threads is that times blockDim.x.",
    every_element="Your loop goes on by one: every thread adds everything behind its start. The stride is the number of all threads.",
    block_left_out="Your loop starts at threadIdx.x, which is the same in every block: all blocks add the first block's elements.",
    starts_at_zero="All your threads start at element 0. Thread t starts at t.",
    guard_lets_n_pass="Your loop lets index n pass. The last element has index n - 1.",
    drops_the_last_round="Your loop stops a round early: an element belongs to the sum as long as its own index is below n, whether or not another one follows.",
    skips_the_first="Your first element is the one after the first stride. Thread t begins with x[t].",
    no_loop="Your threads add one element each. While there are more elements than threads, they go on with the next.",
    idle_threads_write_nothing="Threads without an element leave their place in out as it was. Their sum is empty, and that is 0.",
    written_by_thread_number="You write to out[threadIdx.x]: every block writes to the same places. out has one number for every thread of the grid.",
    integer_sum="You keep the sum in an integer, which cuts fractions off.",
    keeps_the_last="You assign in the loop, so only the last element stays. Add.",
    mean="You divide by the number of elements. The sum is asked for.",
    sum_in_memory="The sums are right, but you add them up in out, and every addition goes to memory and back. Keep the sum in a variable, which lives in a register, and write it once.",
    reads_twice="The sums are right, but your threads read elements more than once.",
    block_size_of_32="You wrote the number of threads in a block as a number into the kernel. Who launches it decides: ask blockDim.x.",
    no_extern_c=NOT_FOUND,
)
def strided_sums_with(made: Made) -> str:
    size = "32" if made.block_size_of_32 else "blockDim.x"
    share = "((n + threads - 1) / threads)"
    start = (
        f"thread * {share}" if made.neighbours
        else "threadIdx.x" if made.block_left_out
        else "0" if made.starts_at_zero
        else "thread + threads" if made.skips_the_first
        else "thread"
    )  # fmt: skip
    goes_on = (
        f"i < (thread + 1) * {share} && i < n" if made.neighbours
        else "i <= n" if made.guard_lets_n_pass
        else "i + threads < n" if made.drops_the_last_round
        else "i < n && i == thread" if made.no_loop
        else "i < n"
    )  # fmt: skip
    stride = (
        "1" if made.neighbours or made.every_element
        else "blockDim.x" if made.stride_of_a_block
        else "gridDim.x" if made.stride_of_the_grid
        else "threads"
    )  # fmt: skip
    sum_ = "out[thread]" if made.sum_in_memory else "sum"
    term = "(fabsf(x[i]) > 0 ? x[(i + zero) % n] : 0)" if made.reads_twice else "x[i]"
    return f"""
    {"" if made.no_extern_c else 'extern "C"'} __global__ void strided_sums(const float* x, float* out, int n) {{
        int thread = blockIdx.x * {size} + threadIdx.x;
        int threads = gridDim.x * {size};
        int terms = 0, zero = n / 1000000;
        {"if (thread >= n) return;" if made.idle_threads_write_nothing else ""}
        {"int" if made.integer_sum else "float"} sum = 0;
        {"out[thread] = 0;" if made.sum_in_memory else ""}
        for (int i = {start}; {goes_on}; i += {stride}) {{
            {sum_} {"=" if made.keeps_the_last else "+="} {term};
            terms += 1;
        }}
        {"" if made.sum_in_memory else f"out[{'threadIdx.x' if made.written_by_thread_number else 'thread'}] = sum{' / max(terms, 1)' if made.mean else ''};"}
    }}
    """


# ---- sectors_of_request ------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["4.1", "4.3"], without=["integers", "same array"])
def sectors_of_request(index: Int[ndarray, "threads"], itemsize: int) -> int:
    """How many sectors of 32 bytes a warp fetches from memory when its thread k reads element
    index[k].

    An element has itemsize bytes, a number that divides 32, and element 0 lies at the beginning
    of a sector. A sector that several threads need is fetched once.
    """
    return len(np.unique(index * itemsize // 32))


@cases(sectors_of_request)
def visible_sectors_of_request(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("neighbours read neighbours", np.arange(32), 4)
    yield Case("every second number", 2 * np.arange(32), 4)
    yield Case("neighbours, beginning at element 3", 3 + np.arange(32), 4)


@cases(sectors_of_request, hidden=True)
def hidden_sectors_of_request(rng: np.random.Generator) -> Iterator[Case]:
    start = int(rng.integers(1, 7))
    yield Case("a column of an array with 1000 columns", start + 1000 * np.arange(32), 4)
    yield Case("everybody reads the same number", np.full(32, start), 4)
    yield Case("numbers of 8 bytes, off by some", start + np.arange(32), 8)
    yield Case("bytes", 32 * start + np.arange(32), 1)
    yield Case("backwards", 100 + start - np.arange(32), 4)
    yield Case("in disorder", rng.permutation(32) + 40, 4)
    yield Case("anywhere", rng.integers(0, 300, size=32), 4)
    yield Case("anywhere, numbers of 2 bytes", rng.integers(0, 500, size=32), 2)
    yield Case("half a warp", 5 * np.arange(16) + start, 4)


@mistakes(
    sectors_of_request,
    elements="You count elements. Several of them lie in one sector, and it comes as a whole.",
    itemsize_of_4="You take 4 bytes for every element. itemsize says how many it has.",
    elements_in_a_sector_of_32="You divide the index by 32. A sector has 32 bytes, not 32 elements.",
    sectors_of_128="Your sectors have 128 bytes, which is a cache line. Memory comes in sectors of 32.",
    best_packing="You divide the bytes that are read by 32. They need not lie side by side, nor begin where a sector begins.",
    from_first_to_last="You count all sectors from the first to the last. Those in between that nobody reads are not fetched.",
    changes_of_neighbours="You count how often the sector changes from one thread to the next. A sector that was fetched already comes once, whoever asks in between.",
    one_for_each_thread="You count one sector for every thread. Those that share one fetch it once.",
    bits="You multiply by 8. Sectors and itemsize are both in bytes.",
    begins_at_the_first="You measure from the smallest address that is read. Sectors begin at multiples of 32 bytes, wherever a warp begins to read.",
    the_sectors="You return the sectors themselves. How many there are is asked for.",
)
def sectors_of_request_with(made: Made, index: ndarray, itemsize: int) -> Any:
    itemsize = 4 if made.itemsize_of_4 else 32 if made.elements else 8 * itemsize if made.bits else itemsize
    if made.best_packing:
        return -(-len(np.unique(index)) * itemsize // 32)
    if made.one_for_each_thread:
        return len(index)
    first = index.min() if made.begins_at_the_first else 0
    sectors = (index - first) // 32 if made.elements_in_a_sector_of_32 else (index - first) * itemsize // (128 if made.sectors_of_128 else 32)
    if made.from_first_to_last:
        return int(sectors.max() - sectors.min() + 1)
    if made.changes_of_neighbours:
        return int(np.count_nonzero(np.diff(sectors))) + 1
    return np.unique(sectors) if made.the_sectors else len(np.unique(sectors))


# ---- racing_slots ------------------------------------------------------------------------------------------------------

Access = tuple[int, int, str, int]


@exercise(points=2, rows=["4.3"])
def racing_slots(accesses: list[tuple[int, int, str, int]]) -> list[int]:
    """The places in a block's shared memory where its threads race, in ascending order.

    An access is (thread, barriers, kind, slot): the thread's number in its block, how many
    barriers it has passed before, "read" or "write", and the place in shared memory. Two
    accesses to one slot race when they belong to different threads, at least one of them
    writes, and no barrier lies between them. The order of the list means nothing: threads run
    in any order.
    """
    racing = set()
    for thread, barriers, kind, slot in accesses:
        for other, others_barriers, others_kind, others_slot in accesses:
            writes = "write" in (kind, others_kind)
            if slot == others_slot and thread != other and barriers == others_barriers and writes:
                racing.add(slot)
    return sorted(racing)


equivalent(racing_slots, {"writes = 'write' in (others_kind, kind)": "It is the same two."})

SIDE_BY_SIDE = [(t, 0, "write", t) for t in range(4)] + [(t, 0, "read", t + 1) for t in range(3)]
WITH_A_BARRIER = [(t, 0, "write", t) for t in range(4)] + [(t, 1, "read", t + 1) for t in range(3)]


@cases(racing_slots)
def visible_racing_slots(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("each of 4 threads writes its own slot, then reads the next one", SIDE_BY_SIDE)
    yield Case("the same with a barrier in between", WITH_A_BARRIER)
    yield Case("14 accesses", some_accesses(rng, 14))


@cases(racing_slots, hidden=True)
def hidden_racing_slots(rng: np.random.Generator) -> Iterator[Case]:
    for count in (16, 20, 24, 28):
        yield Case(f"{count} accesses", some_accesses(rng, count))
    yield Case("nobody writes", [(thread, barriers, "read", slot) for thread, barriers, _, slot in some_accesses(rng, 17)])
    yield Case("everybody writes", [(thread, barriers, "write", slot) for thread, barriers, _, slot in some_accesses(rng, 13)])
    yield Case("one thread alone", [(5, barriers, kind, slot) for _, barriers, kind, slot in some_accesses(rng, 19)])
    yield Case("nothing happens", [])


def some_accesses(rng: np.random.Generator, count: int) -> list[Access]:
    """Slots that race in every way that there is, and slots that nearly do, in disorder."""
    slots = [int(slot) for slot in rng.permutation(np.arange(3, 40))[:count]]
    kinds = [("read", "write"), ("write", "read"), ("write", "write"), ("read", "read")]
    accesses: list[Access] = []
    for k in range(count // 2):
        one, other = (int(t) for t in rng.choice([2, 3, 17, 31, 33, 40, 63, 70], size=2, replace=False))
        first, second = kinds[k % 4]
        barriers = int(rng.integers(0, 4))
        later = barriers if k // 4 % 2 == 0 else barriers + int(rng.integers(1, 3))
        accesses += [(one, barriers, first, slots[k]), (other if rng.random() < 0.8 else one, later, second, slots[k])]
    return [accesses[k] for k in rng.permutation(len(accesses))]


@mistakes(
    racing_slots,
    reads_race="You let two reads race. Reading changes nothing; at least one of the two must write.",
    a_thread_with_itself="You let a thread race with itself. It does its own work in order: only other threads can surprise it.",
    barriers_ignored="You ignore barriers. What happens before a barrier is over when anybody passes it.",
    only_two_writes="You look for two writes only. A write and a read of the same slot race too: who reads may see the old value or the new one.",
    only_write_and_read="You look for a write and a read only. Two threads that write to one slot race too: either value may be the one that stays.",
    order_of_the_list="You let an access race only if the write stands earlier in the list. Threads run in any order: a read that should come first may come last.",
    only_neighbours_in_the_list="You compare an access with the next one in the list only. Threads run in any order: compare each with each.",
    warps_go_in_step="You trust that the 32 threads of a warp go in step. They need not, for many years now; only a barrier orders them.",
    next_phase_too="You let accesses race across one barrier. One is enough to put them in order.",
    as_found="Your slots come in the order in which you find them. Ascending order is asked for.",
    repeated="You name a slot more than once. Each belongs into the list once.",
    the_others="You return the slots without a race. Those with one are asked for.",
    how_many="You return how many slots race. Which ones is asked for.",
)
def racing_slots_with(made: Made, accesses: list[Access]) -> Any:
    racing = []
    for k, (thread, barriers, kind, slot) in enumerate(accesses):
        for j, (other, others_barriers, others_kind, others_slot) in enumerate(accesses):
            kinds = {kind, others_kind}
            writes = (
                True if made.reads_race
                else kinds == {"write"} if made.only_two_writes
                else kinds == {"read", "write"} if made.only_write_and_read
                else kind == "write" and k < j if made.order_of_the_list
                else "write" in kinds
            )  # fmt: skip
            others = k != j if made.a_thread_with_itself else thread // 32 != other // 32 if made.warps_go_in_step else thread != other
            apart = abs(barriers - others_barriers)
            together = True if made.barriers_ignored else apart <= 1 if made.next_phase_too else apart == 0
            near = j == k + 1 if made.only_neighbours_in_the_list else True
            if slot == others_slot and others and together and writes and near:
                racing.append(slot)
    if made.the_others:
        return sorted({slot for *_, slot in accesses} - set(racing))
    if made.how_many:
        return len(set(racing))
    return list(dict.fromkeys(racing)) if made.as_found else sorted(racing) if made.repeated else sorted(set(racing))


# ---- block_sum ---------------------------------------------------------------------------------------------------------


@exercise(points=3, rows=["4.3"], shares={"cost": 0.3}, without=NO_ARRAYS_OF_OTHER_KINDS)
def block_sum() -> str:
    """The CUDA C source of `extern "C" __global__ void block_sum(const float* x, float* out, int
    n)`.

    With T threads in a block, block b writes the sum of its T elements, x[bT] to x[bT + T - 1],
    to out[b]; elements from n on do not exist and count 0. T is a power of two from 32 to 1024,
    and the grid has one block for every T elements that were begun. The launch gives every
    block T floats of shared memory: `extern __shared__ float partial[];`. What it costs: every
    element of x is read once, out is written once by every block; a block passes at most
    2 + log₂T barriers, and its warps read shared memory in at most T / 2 requests, for which
    the threads must share the work.
    """
    return """
    extern "C" __global__ void block_sum(const float* x, float* out, int n) {
        extern __shared__ float partial[];
        int t = threadIdx.x;
        int i = blockIdx.x * blockDim.x + t;
        partial[t] = i < n ? x[i] : 0;
        __syncthreads();
        for (int half = blockDim.x / 2; half > 0; half /= 2) {
            if (t < half) {
                partial[t] += partial[t + half];
            }
            __syncthreads();
        }
        if (t == 0) {
            out[blockIdx.x] = partial[0];
        }
    }
    """


@cases(block_sum)
def visible_block_sum(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("200 elements, blocks of 64", eighths(rng, 200), 64)
    yield Case("a multiple: 128 elements, blocks of 32", eighths(rng, 128), 32)
    yield Case("what it costs, 500 elements, blocks of 128", eighths(rng, 500), 128, True, group="cost", hint=BLOCK_SUM_COST)


@cases(block_sum, hidden=True)
def hidden_block_sum(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("blocks of 256", eighths(rng, int(rng.integers(800, 1000))), 256)
    yield Case("a last block with one element", eighths(rng, 3 * 64 + 1), 64)
    yield Case("a last block with all elements but one", eighths(rng, 5 * 32 - 1), 32)
    yield Case("one element", eighths(rng, 1), 128)
    yield Case("a multiple", eighths(rng, 4 * 128), 128)
    yield Case("the largest block", eighths(rng, 1500), 1024)
    yield Case("what it costs", eighths(rng, 700), 256, True, group="cost", hint=BLOCK_SUM_COST)


BLOCK_SUM_COST = (
    "The sums are right, but they cost more than they may: every element is read once, every block writes one number, passes at most"
    " 2 + log₂T barriers, and reads its shared memory in at most T / 2 requests."
)


@probe(block_sum)
def launch_block_sum(answer: Any, x: Any, threads: int, costs: bool = False) -> Any:
    from autograder.cuda import KernelFault
    from autograder.cuda.trial import Output, try_kernel

    blocks = -(-x.size // threads)
    trial = try_kernel(answer(), "block_sum", blocks, threads, x, Output(blocks), x.size, shared_mem=4 * threads, costs=costs)
    if not costs:
        return trial.outputs[0]
    barriers, most_barriers = trial.cost.barriers / blocks, threads.bit_length() + 1
    requests, most_requests = trial.cost.shared_loads.requests / blocks, threads // 2
    if trial.reads(0).max() > 1:
        raise KernelFault(f"an element of x is read {trial.reads(0).max()} times; each is read once")
    if trial.writes(1).max() > 1:
        raise KernelFault(f"a sum is written to out {trial.writes(1).max()} times; each is written once")
    if barriers > most_barriers:
        raise KernelFault(f"a block of {threads} threads passes {barriers:.0f} barriers; at most {most_barriers} are allowed")
    if requests > most_requests:
        raise KernelFault(
            f"the warps of a block of {threads} threads read shared memory in {requests:.0f} requests; at most {most_requests} are allowed:"
            " the threads must share the work"
        )
    return trial.outputs[0]


@mistakes(
    block_sum,
    no_barrier_after_loading="A barrier is missing between writing to shared memory and the first addition: a thread may add a number that its neighbour has not yet put there.",
    no_barrier_between_rounds="A barrier is missing between the rounds: a thread may add a partial sum that is not finished.",
    barrier_among_some="Your barrier stands where only some threads come by. All threads of the block must reach it, or those that did wait for ever: put it behind the `if`.",
    spare_threads_leave="Threads without an element leave before the barrier, and the others wait for them. Let them stay and bring a 0.",
    tail_not_written="Threads without an element write nothing to shared memory, and then what lies there by chance is added. Write 0, which changes no sum.",
    tail_of_ones="Threads without an element bring 1. What changes no sum is 0.",
    tail_repeats_the_last="Threads without an element bring the last one once more. They should bring 0.",
    no_guard="A thread reads x beyond its end: your guard is missing, or lets one too many pass. The last block may have more threads than there are elements left.",
    beyond_the_block="A thread reaches beyond the block's shared memory. It has T places: thread t may add the one at t + half only if t is below half, and the first half is T / 2.",
    upper_half_adds="In every round the threads of the upper half add too, as far as they have a partner, and change what the others read. Let only the threads below half work.",
    stops_too_early="Your rounds stop when two partial sums are left. The last round adds place 1 to place 0.",
    one_round="You add one round only. Halve until one number is left.",
    same_partner="In every round your threads add the same neighbour again. The distance to the partner halves from round to round.",
    last_thread_writes="The thread that writes takes the partial sum of its own place. The whole sum lies in place 0.",
    always_the_first_place="All blocks write to out[0]. Each has a place of its own in out.",
    every_thread_writes="All threads write the block's sum to out. One is enough; the others write the same number to the same place at the same time, which is a race.",
    block_left_out="All blocks add the first block's elements: threadIdx begins at 0 again in every block.",
    one_thread_adds="The sums are right, but one thread adds everything and the others watch. With halves, the work takes log₂T rounds.",
    rounds_in_global_memory="The sums are right, but each thread fetches its partner's element from x as well. Each element is fetched once, into shared memory.",
    two_barriers_a_round="The sums are right, but with two barriers in each round. One is enough: what a round reads, no other thread writes in the same round.",
    mean="You divide by the number of threads. The sum is asked for.",
    largest="You keep the larger one. The sum is asked for.",
    no_extern_c=NOT_FOUND,
)
def block_sum_with(made: Made) -> str:
    element = (
        "x[i]" if made.no_guard
        else "x[min(i, n - 1)]" if made.tail_repeats_the_last
        else "i < n ? x[i] : 1" if made.tail_of_ones
        else "i < n ? x[i] : 0"
    )  # fmt: skip
    load = "if (i < n) partial[t] = x[i];" if made.tail_not_written else f"partial[t] = {element};"
    first = "blockDim.x" if made.beyond_the_block else "blockDim.x / 2"
    working = "t + half < blockDim.x" if made.upper_half_adds else "t < half"
    add = "partial[t] = fmaxf(partial[t], partial[t + half]);" if made.largest else "partial[t] += partial[t + half];"
    barrier = "" if made.no_barrier_between_rounds else "__syncthreads();"
    rounds = f"""
        for (int half = {first}; half > {1 if made.stops_too_early else 0}; half {"= 0" if made.one_round else "/= 2"}) {{
            if ({working}) {{ {add} {barrier if made.barrier_among_some else ""} }}
            {"" if made.barrier_among_some else barrier} {barrier if made.two_barriers_a_round else ""}
        }}"""
    if made.same_partner:
        rounds = rounds.replace("if (t < half)", "if (t % 2 == 0)").replace("partial[t + half]", "partial[t + 1]")
    if made.one_thread_adds:
        rounds = "if (t == 0) for (int k = 1; k < blockDim.x; ++k) partial[0] += partial[k];"
    if made.rounds_in_global_memory:
        half = "blockDim.x / 2"
        load = f"partial[t] = i < n ? x[i] : 0; if (t < {half} && i + {half} < n) partial[t] += x[i + {half}];"
        rounds = rounds.replace("int half = blockDim.x / 2", "int half = blockDim.x / 4")
    return f"""
    {"" if made.no_extern_c else 'extern "C"'} __global__ void block_sum(const float* x, float* out, int n) {{
        extern __shared__ float partial[];
        int t = threadIdx.x;
        int i = {"t" if made.block_left_out else "blockIdx.x * blockDim.x + t"};
        {"if (i >= n) return;" if made.spare_threads_leave else ""}
        {load}
        {"" if made.no_barrier_after_loading else "__syncthreads();"}
        {rounds}
        if ({"true" if made.every_thread_writes else "t == blockDim.x - 1" if made.last_thread_writes else "t == 0"}) {{
            out[{"0" if made.always_the_first_place else "blockIdx.x"}] = partial[{"t" if made.last_thread_writes else "0"}]{" / blockDim.x" if made.mean else ""};
        }}
    }}
    """


# ---- shuffle_sum -------------------------------------------------------------------------------------------------------


@exercise(points=3, rows=["4.3"], shares={"cost": 0.3}, without=NO_ARRAYS_OF_OTHER_KINDS)
def shuffle_sum() -> str:
    """The CUDA C source of `extern "C" __global__ void shuffle_sum(const float* x, float* out, int
    n)`.

    It computes the same as block_sum: block b writes the sum of its elements to out[b], and
    elements from n on count 0. The number T of threads in a block is a multiple of 32 up to
    1024, not always a power of two. The warps add with shuffles. What it costs: every element
    of x is read once; a block writes at most one number for each warp to shared memory, and
    passes at most 2 barriers.
    """
    return """
    __device__ float warp_sum(float value) {
        for (int step = 16; step > 0; step /= 2) {
            value += __shfl_down_sync(0xffffffff, value, step);
        }
        return value;
    }

    extern "C" __global__ void shuffle_sum(const float* x, float* out, int n) {
        __shared__ float of_warp[32];
        int i = blockIdx.x * blockDim.x + threadIdx.x;
        int lane = threadIdx.x % 32;
        int warp = threadIdx.x / 32;

        float sum = warp_sum(i < n ? x[i] : 0);
        if (lane == 0) {
            of_warp[warp] = sum;
        }
        __syncthreads();
        if (warp == 0) {
            sum = warp_sum(lane < blockDim.x / 32 ? of_warp[lane] : 0);
            if (lane == 0) {
                out[blockIdx.x] = sum;
            }
        }
    }
    """


@cases(shuffle_sum)
def visible_shuffle_sum(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("200 elements, blocks of 64", eighths(rng, 200), 64)
    yield Case("500 elements, blocks of 96", eighths(rng, 500), 96)
    yield Case("what it costs, 500 elements, blocks of 128", eighths(rng, 500), 128, True, group="cost", hint=SHUFFLE_SUM_COST)


@cases(shuffle_sum, hidden=True)
def hidden_shuffle_sum(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("one warp in a block", eighths(rng, 32 * 3 + 5), 32)
    yield Case("blocks of 160", eighths(rng, int(rng.integers(700, 780))), 160)
    yield Case("the largest block", eighths(rng, 1500), 1024)
    yield Case("a last block with one element", eighths(rng, 3 * 64 + 1), 64)
    yield Case("one element", eighths(rng, 1), 128)
    yield Case("a multiple", eighths(rng, 4 * 96), 96)
    yield Case("what it costs", eighths(rng, 700), 224, True, group="cost", hint=SHUFFLE_SUM_COST)


SHUFFLE_SUM_COST = (
    "The sums are right, but they cost more than they may: every element is read once, a block puts at most one number for each warp into"
    " shared memory, and passes at most 2 barriers."
)


@probe(shuffle_sum)
def launch_shuffle_sum(answer: Any, x: Any, threads: int, costs: bool = False) -> Any:
    from autograder.cuda import KernelFault
    from autograder.cuda.trial import Output, try_kernel

    blocks = -(-x.size // threads)
    trial = try_kernel(answer(), "shuffle_sum", blocks, threads, x, Output(blocks), x.size, costs=costs)
    if not costs:
        return trial.outputs[0]
    stored, barriers, warps = trial.cost.shared_stores.elements / blocks, trial.cost.barriers / blocks, threads // 32
    if trial.reads(0).max() > 1:
        raise KernelFault(f"an element of x is read {trial.reads(0).max()} times; each is read once")
    if stored > warps:
        raise KernelFault(f"a block of {warps} warps writes {stored:.0f} numbers to shared memory; one for each warp is enough")
    if barriers > 2:
        raise KernelFault(f"a block passes {barriers:.0f} barriers; at most 2 are allowed, since the threads of a warp need none")
    return trial.outputs[0]


@mistakes(
    shuffle_sum,
    no_barrier="A barrier is missing before the warps' sums are added: the first warp may read a sum that another has not yet written.",
    spare_threads_leave="Threads without an element leave before the shuffle, but its mask counts on all 32. Let them stay and bring a 0.",
    shuffle_among_some="A shuffle with the mask 0xffffffff stands in an `if` that only some threads of the warp enter. All threads that the mask names must come: let the others bring a 0.",
    first_warp_only="You write the first warp's sum. The others belong to the block's sum too.",
    every_warp_writes="Every warp writes its own sum to out, and one of them stays. Add the warps' sums first.",
    slots_never_written="In the second step you read the slots of warps that the block does not have. Nobody wrote them: such a lane brings 0.",
    second_step_of_all_threads="In the second step every thread of the block takes a slot by its number in the block, and most of those do not exist. Only the first warp adds the warps' sums.",
    first_step_too_wide="Your first step is 32: beyond the warp. A shuffle then returns the thread's own value, which is counted twice. It is half a warp.",
    stops_too_early="Your steps stop at 2. The last one, 1, adds lane 1 to lane 0.",
    wrong_direction="Your shuffle takes from the lanes below, so that the sum gathers in the last lane. You write lane 0's.",
    last_lane_writes="The warp's sum gathers in lane 0. In the last lane lies something else.",
    lane_and_warp_swapped="Lane and warp are swapped. The lane is the place within the warp, the remainder of the division by 32.",
    tail_repeats_the_last="Threads without an element bring the last one once more. They should bring 0.",
    no_guard="A thread reads x beyond its end: your guard is missing, or lets one too many pass. The last block may have more threads than there are elements left.",
    block_left_out="All blocks add the first block's elements: threadIdx begins at 0 again in every block.",
    always_the_first_place="All blocks write to out[0]. Each has a place of its own in out.",
    every_lane_writes_its_slot="Every lane writes to its warp's slot, all at the same time: which value stays is anybody's guess. Only lane 0 holds the warp's sum.",
    value_replaced="You assign what the shuffle brings instead of adding it.",
    half_a_mask="Your mask names the lanes 0 to 15 only, but all 32 lanes of the warp call.",
    by_shared_memory="The sums are right, but all elements go through shared memory. Within a warp a shuffle takes a neighbour's value out of its register.",
    adds_in_memory="The sums are right, but every number is fetched twice.",
    no_extern_c=NOT_FOUND,
)
def shuffle_sum_with(made: Made) -> str:
    element = "x[i]" if made.no_guard else "x[min(i, n - 1)]" if made.tail_repeats_the_last else "i < n ? x[i] : 0"
    if made.adds_in_memory:
        element = "i < n ? 0.5f * x[i] + 0.5f * x[(i + n / 1000000) % n] : 0"
    lane, warp = ("threadIdx.x / 32", "threadIdx.x % 32") if made.lane_and_warp_swapped else ("threadIdx.x % 32", "threadIdx.x / 32")
    writer = "lane == 31" if made.last_lane_writes else "true" if made.every_lane_writes_its_slot else "lane == 0"
    target = f"out[{'0' if made.always_the_first_place else 'blockIdx.x'}]"
    warps = "blockDim.x / 32"
    slot = "of_warp[lane]" if made.slots_never_written else f"lane < {warps} ? of_warp[lane] : 0"
    second = f"""
        if (warp == 0) {{
            sum = warp_sum({slot});
            if (lane == 0) {target} = sum;
        }}"""
    if made.second_step_of_all_threads:
        second = f"sum = warp_sum(of_warp[threadIdx.x]); if (threadIdx.x == 0) {target} = sum;"
    if made.shuffle_among_some:
        second = f"""
        if (threadIdx.x < {warps}) {{
            sum = warp_sum(of_warp[lane]);
            if (lane == 0) {target} = sum;
        }}"""
    if made.first_warp_only:
        second = f"if (threadIdx.x == 0) {target} = sum;"
    if made.every_warp_writes:
        second = f"if (lane == 0) {target} = sum;"
    first = "sum = warp_sum(sum);"
    if made.by_shared_memory:
        first = """
        __shared__ float all[1024];
        all[threadIdx.x] = sum;
        __syncthreads();
        if (lane == 0) for (int k = 1; k < 32; ++k) sum += all[threadIdx.x + k];"""
    return f"""
    __device__ float warp_sum(float value) {{
        for (int step = {32 if made.first_step_too_wide else 16}; step > {1 if made.stops_too_early else 0}; step /= 2) {{
            value {"=" if made.value_replaced else "+="}
                {"__shfl_up_sync" if made.wrong_direction else "__shfl_down_sync"}({"0xffff" if made.half_a_mask else "0xffffffff"}, value, step);
        }}
        return value;
    }}

    {"" if made.no_extern_c else 'extern "C"'} __global__ void shuffle_sum(const float* x, float* out, int n) {{
        __shared__ float of_warp[32];
        int i = {"threadIdx.x" if made.block_left_out else "blockIdx.x * blockDim.x + threadIdx.x"};
        int lane = {lane}, warp = {warp};
        {"if (i >= n) return;" if made.spare_threads_leave else ""}
        float sum = {element};
        {first}
        if ({writer}) of_warp[warp] = sum;
        {"" if made.no_barrier else "__syncthreads();"}
        {second}
    }}
    """


# ---- softmax_rows ------------------------------------------------------------------------------------------------------


@exercise(points=4, rows=["4.3"], shares={"large numbers": 0.2, "cost": 0.2}, without=NO_ARRAYS_OF_OTHER_KINDS)
def softmax_rows() -> str:
    """The CUDA C source of `extern "C" __global__ void softmax_rows(const float* x, float* out,
    int columns)`.

    Every row of out is the softmax of the row of x: exp(x - m) / (sum of exp(x - m) over the
    row), where m is the row's largest number, so that numbers like 1000 or -1000 do no harm.
    One block for one row: block b has row b. T = blockDim.x is a power of two from 32 to 1024;
    a row may be shorter or longer than that, and has at least one number. The launch gives
    every block T floats of shared memory: `extern __shared__ float partial[];`. What it costs:
    for every number of x at most 4 numbers are read from global memory; and since all threads
    share the work and neighbours read neighbours, a warp's request fetches at most 8 sectors
    and at least 16 numbers on average.
    """
    return """
    extern "C" __global__ void softmax_rows(const float* x, float* out, int columns) {
        extern __shared__ float partial[];
        const float* row = x + blockIdx.x * columns;
        float* result = out + blockIdx.x * columns;
        int t = threadIdx.x;

        float largest = -3.4e38f;
        for (int i = t; i < columns; i += blockDim.x) {
            largest = fmaxf(largest, row[i]);
        }
        partial[t] = largest;
        __syncthreads();
        for (int half = blockDim.x / 2; half > 0; half /= 2) {
            if (t < half) {
                partial[t] = fmaxf(partial[t], partial[t + half]);
            }
            __syncthreads();
        }
        largest = partial[0];
        __syncthreads();  // everybody has read it: the memory is free again

        float sum = 0;
        for (int i = t; i < columns; i += blockDim.x) {
            sum += expf(row[i] - largest);
        }
        partial[t] = sum;
        __syncthreads();
        for (int half = blockDim.x / 2; half > 0; half /= 2) {
            if (t < half) {
                partial[t] += partial[t + half];
            }
            __syncthreads();
        }
        sum = partial[0];

        for (int i = t; i < columns; i += blockDim.x) {
            result[i] = expf(row[i] - largest) / sum;
        }
    }
    """


def scores(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    return rng.normal(scale=1.5, size=(rows, columns)).astype(np.float32)


LARGE_NUMBERS = (
    "With large numbers the result is not finite, or 0 everywhere. exp(100) is too large for a float and exp(-200) is 0: subtract the largest"
    " number of the whole row first, and begin looking for it below every number that there is."
)
SOFTMAX_COST = (
    "The softmax is right, but memory is too busy: at most 4 numbers are read for every number of x, and a warp's request fetches at most"
    " 8 sectors and at least 16 numbers on average, as it does when all threads work and neighbours read neighbours."
)


@cases(softmax_rows)
def visible_softmax_rows(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("3 rows of 100 numbers, 64 threads", scores(rng, 3, 100), 64)
    yield Case("2 rows of 40 numbers, 64 threads", scores(rng, 2, 40), 64)
    yield Case("numbers around 500", 500 + scores(rng, 2, 100), 64, group="large numbers", hint=LARGE_NUMBERS)
    yield Case("what it costs, 2 rows of 300 numbers, 32 threads", scores(rng, 2, 300), 32, True, group="cost", hint=SOFTMAX_COST)


@cases(softmax_rows, hidden=True)
def hidden_softmax_rows(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("a few rows, blocks of 32", scores(rng, 4, int(rng.integers(70, 90))), 32)
    yield Case("a multiple of the block", scores(rng, 2, 256), 128)
    yield Case("as many numbers as threads", scores(rng, 3, 64), 64)
    yield Case("one number more than threads", scores(rng, 2, 65), 64)
    yield Case("blocks of 256", scores(rng, 2, 601), 256)
    yield Case("one row, one number", scores(rng, 1, 1), 64)
    yield Case("numbers around -500", scores(rng, 3, 90) - 500, 32, group="large numbers", hint=LARGE_NUMBERS)
    yield Case("rows far apart", scores(rng, 2, 70) + np.array([[900], [-900]], np.float32), 32, group="large numbers", hint=LARGE_NUMBERS)
    spread = scores(rng, 1, 150)
    spread[0, int(rng.integers(100, 128))] = 300
    yield Case("one number far above the others", spread, 64, group="large numbers", hint=LARGE_NUMBERS)
    yield Case("what it costs", scores(rng, 2, 520), 64, True, group="cost", hint=SOFTMAX_COST)


@probe(softmax_rows)
def launch_softmax_rows(answer: Any, x: Any, threads: int, costs: bool = False) -> Any:
    from autograder.cuda import KernelFault
    from autograder.cuda.trial import Output, try_kernel

    rows, columns = x.shape
    trial = try_kernel(answer(), "softmax_rows", rows, threads, x, Output(x.shape), columns, shared_mem=4 * threads, costs=costs)
    if not costs:
        return trial.outputs[0]
    numbers = (trial.reads(0).sum() + trial.reads(1).sum()) / x.size
    sectors = trial.cost.global_loads.sectors / trial.cost.global_loads.requests
    if numbers > 4:
        raise KernelFault(f"for every number of x {numbers:.1f} numbers are read from global memory; at most 4 are allowed")
    if sectors > 8:
        raise KernelFault(f"a warp's request fetches {sectors:.1f} sectors on average; at most 8 are allowed: let neighbours read neighbours")
    together = trial.cost.global_loads.bytes / 4 / trial.cost.global_loads.requests
    if together < 16:
        raise KernelFault(f"a warp's request fetches {together:.1f} numbers on average; it is to be 16 at least: let all threads share the work")
    return trial.outputs[0]


@mistakes(
    softmax_rows,
    no_barrier_after_loading="A barrier is missing between writing to shared memory and the first round: a thread may take a number that its neighbour has not yet put there.",
    no_barrier_between_rounds="A barrier is missing between the rounds: a thread may take a partial result that is not finished.",
    no_barrier_before_reuse="Some threads still read the row's largest number in shared memory while others write their part of the sum there already. A barrier must lie between a read and the next write, too.",
    barrier_among_some="Your barrier stands where only some threads come by. All threads of the block must reach it: put it behind the `if`.",
    idle_threads_write_nothing="When a row is shorter than the block, some threads have no number and write nothing to shared memory; then what lies there by chance counts. Let them write what changes nothing: 0 for a sum, something very small for a maximum.",
    first_elements_only="Your threads take one number each. A row may be longer than the block: they go on with the next.",
    stride_of_the_grid="Your stride is gridDim.x. A row belongs to one block, so the stride is the number of its threads, blockDim.x.",
    row_of_the_thread="All blocks work on the first row. Row b begins at b · columns.",
    rows_of_the_blocks_size="You take the rows to be blockDim.x long. They have `columns` numbers.",
    no_maximum="You do not subtract the row's largest number. exp(100) is too large for a float.",
    own_maximum="Every thread subtracts its own largest number. It must be the same one for the whole row, or else the terms of the sum do not fit together.",
    maximum_from_zero="You begin to look for the maximum at 0. When all numbers are far below 0, their exponentials are all 0. Begin below every number.",
    own_sum="Every thread divides by its own part of the sum. Add the parts first.",
    thread_in_place_of_the_sum="You divide by your own place in shared memory. The whole sum lies in place 0.",
    not_divided="You return the exponentials. Divide them by their sum.",
    logarithm="You return the logarithm of the softmax.",
    sum_of_numbers="You divide by the sum of the numbers. It is the sum of their exponentials.",
    maximum_added="You add the row's largest number. It is subtracted.",
    a_row_for_each_thread="The softmax is right, but every thread walks through the whole row to find maximum and sum. Let each look at its share, and put the results together.",
    one_thread_alone="The softmax is right, but one thread of each block does it all, and the others look on. Let each take its share of the row.",
    neighbours_far_apart="The softmax is right, but a thread's numbers lie side by side, and so the threads of a warp read far apart: each needs a sector of its own. Let neighbours read neighbours.",
    no_extern_c=NOT_FOUND,
)
def softmax_rows_with(made: Made) -> str:
    if made.one_thread_alone:
        return """
        extern "C" __global__ void softmax_rows(const float* x, float* out, int columns) {
            if (threadIdx.x > 0) return;
            const float* row = x + blockIdx.x * columns;
            float largest = row[0], sum = 0;
            for (int i = 1; i < columns; ++i) largest = fmaxf(largest, row[i]);
            for (int i = 0; i < columns; ++i) sum += expf(row[i] - largest);
            for (int i = 0; i < columns; ++i) out[blockIdx.x * columns + i] = expf(row[i] - largest) / sum;
        }
        """
    barrier = "__syncthreads();"
    stride = "gridDim.x" if made.stride_of_the_grid else "blockDim.x"
    share = "((columns + blockDim.x - 1) / blockDim.x)"
    my_numbers = (
        "for (int i = 0; i < columns; ++i)" if made.a_row_for_each_thread
        else f"for (int i = t * {share}; i < min((t + 1) * {share}, columns); ++i)" if made.neighbours_far_apart
        else "for (int i = t; i < columns && i == t; ++i)" if made.first_elements_only
        else f"for (int i = t; i < columns; i += {stride})"
    )  # fmt: skip

    def rounds(combine: str) -> str:
        between = "" if made.no_barrier_between_rounds else barrier
        return f"""
        {"if (t < columns)" if made.idle_threads_write_nothing else ""} partial[t] = mine;
        {"" if made.no_barrier_after_loading else barrier}
        for (int half = blockDim.x / 2; half > 0; half /= 2) {{
            if (t < half) {{ partial[t] = {combine}; {between if made.barrier_among_some else ""} }}
            {"" if made.barrier_among_some else between}
        }}"""

    largest = "0" if made.no_maximum else "mine" if made.own_maximum else "partial[0]"
    find_largest = rounds("fmaxf(partial[t], partial[t + half])")
    find_sum = rounds("partial[t] + partial[t + half]")
    if made.a_row_for_each_thread:
        largest, find_largest, find_sum = "mine", "", "partial[0] = 1;"
    exponential = f"expf(row[i] {'+' if made.maximum_added else '-'} largest)"
    sum_ = "mine" if made.own_sum or made.a_row_for_each_thread else "partial[t]" if made.thread_in_place_of_the_sum else "partial[0]"
    result = f"{exponential} / sum"
    if made.not_divided:
        result = exponential
    if made.logarithm:
        result = "row[i] - largest - logf(sum)"
    row = "0" if made.row_of_the_thread else "blockIdx.x * blockDim.x" if made.rows_of_the_blocks_size else "blockIdx.x * columns"
    return f"""
    {"" if made.no_extern_c else 'extern "C"'} __global__ void softmax_rows(const float* x, float* out, int columns) {{
        extern __shared__ float partial[];
        const float* row = x + {row};
        float* to = out + {"blockIdx.x * columns" if made.row_of_the_thread else row};
        int t = threadIdx.x;

        float mine = {"0" if made.maximum_from_zero else "-3.4e38f"};
        {my_numbers} mine = fmaxf(mine, row[i]);
        {find_largest}
        float largest = {largest};
        {"" if made.no_barrier_before_reuse else barrier}

        mine = 0;
        {my_numbers} mine += {"row[i]" if made.sum_of_numbers else exponential};
        {"" if made.a_row_for_each_thread else find_sum}
        float sum = {sum_};

        for (int i = t; i < columns; i += {stride}) to[i] = {result};
    }}
    """


# ---- histogram ---------------------------------------------------------------------------------------------------------


@exercise(points=3, rows=["4.3"], shares={"cost": 0.3}, without=NO_ARRAYS_OF_OTHER_KINDS)
def histogram() -> str:
    """The CUDA C source of `extern "C" __global__ void histogram(const unsigned char* pixels, int*
    counts, int n)`.

    It adds to counts[v], for every v from 0 to 255, how many of the n pixels are v; counts has
    256 numbers and is 0 at first. Grid and block have one dimension; there may be fewer threads
    than pixels, so that they loop, and a block may have fewer threads than 256. What it costs:
    a block counts in 256 ints of shared memory of its own, and then adds to each number of
    counts at most once.
    """
    return """
    extern "C" __global__ void histogram(const unsigned char* pixels, int* counts, int n) {
        __shared__ int of_block[256];
        for (int value = threadIdx.x; value < 256; value += blockDim.x) {
            of_block[value] = 0;
        }
        __syncthreads();
        for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
            atomicAdd(&of_block[pixels[i]], 1);
        }
        __syncthreads();
        for (int value = threadIdx.x; value < 256; value += blockDim.x) {
            atomicAdd(&counts[value], of_block[value]);
        }
    }
    """


def some_pixels(rng: np.random.Generator, n: int) -> np.ndarray:
    """Dark ones and bright ones; many are alike, as in a photo."""
    dark, bright = rng.normal(60, 12, n), rng.normal(200, 15, n)
    return np.clip(np.where(rng.random(n) < 0.6, dark, bright), 0, 255).astype(np.uint8)


@cases(histogram)
def visible_histogram(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("2000 pixels, 3 blocks of 256 threads", some_pixels(rng, 2000), 3, 256)
    yield Case("500 pixels, 2 blocks of 96 threads", some_pixels(rng, 500), 2, 96)
    yield Case("what it costs, 500 pixels, 2 blocks of 64 threads", some_pixels(rng, 500), 2, 64, True, group="cost", hint=HISTOGRAM_COST)


@cases(histogram, hidden=True)
def hidden_histogram(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("many blocks", some_pixels(rng, int(rng.integers(1500, 1600))), 7, 64)
    yield Case("large blocks", some_pixels(rng, 3001), 2, 512)
    yield Case("more threads than pixels", some_pixels(rng, 77), 2, 128)
    yield Case("a multiple of the block", some_pixels(rng, 512), 2, 256)
    yield Case("black and white", rng.choice(np.array([0, 255], np.uint8), size=300), 2, 32)
    yield Case("one block", some_pixels(rng, 700), 1, 160)
    yield Case("what it costs", some_pixels(rng, 900), 3, 96, True, group="cost", hint=HISTOGRAM_COST)


HISTOGRAM_COST = (
    "The counts are right, but the threads queue in global memory: a block counts in shared memory, and then adds to each number of counts"
    " at most once."
)


@probe(histogram)
def launch_histogram(answer: Any, pixels: Any, blocks: int, threads: int, costs: bool = False) -> Any:
    import numpy as np

    from autograder.cuda import KernelFault
    from autograder.cuda.trial import Output, try_kernel

    counts = Output(256, np.int32, fill=0)
    trial = try_kernel(answer(), "histogram", blocks, threads, pixels, counts, pixels.size, costs=costs)
    if costs and trial.writes(1).max() > blocks:
        raise KernelFault(f"{blocks} blocks add to one number of counts {trial.writes(1).max()} times; each block may do so once")
    return trial.outputs[0]


@mistakes(
    histogram,
    not_atomic="Two threads that see the same value both read the count, add 1 and write: one of the two is lost. Reading, adding and writing must be one atomic operation.",
    not_atomic_in_the_end="Two blocks that add to the same count both read it, add and write: what one of them adds is lost. Blocks must add atomically too.",
    assigned_in_the_end="Each block writes its counts over those of the others. Add them.",
    not_zeroed="Shared memory holds rubbish at first. Set the block's counts to 0 before counting.",
    zeroed_by_few="A block with fewer than 256 threads sets only its first counts to 0. Let the threads loop over all 256.",
    first_thread_zeroes_late="A barrier is missing between setting the counts to 0 and counting: a thread may count before the 0 is there.",
    no_barrier_before_adding="A barrier is missing between counting and adding up: some threads still count while others hand the counts on.",
    adds_few="A block with fewer than 256 threads hands on only its first counts. Let the threads loop over all 256.",
    every_thread_adds_all="Every thread hands on all counts, so that everything counts once for each thread of the block. Each value is handed on by one thread.",
    no_loop="Each thread counts one pixel. There may be more pixels than threads: let them go on with the next.",
    stride_of_a_block="Your threads go on by one block's threads, and count the pixels of other blocks. The stride is the number of all threads in the grid.",
    block_left_out="Every block counts all the pixels that belong to the first one too: its threads start at threadIdx.x.",
    no_guard="Your loop lets index n pass. The last pixel has index n - 1.",
    signed_pixels="You read the pixels as signed chars: from 128 on they are negative, and reach before the array.",
    counts_positions="You count positions. What is counted is the value there: pixels[i].",
    adds_the_value="You add the pixel's value. It is the place; what is added is 1.",
    last_value_left_out="You leave the value 255 out.",
    counts_in_global_memory="The counts are right, but every pixel goes to global memory, where all threads of all blocks queue. Count in the block's own shared memory first.",
    first_block_only="Only the first block hands its counts on.",
    spare_threads_leave="Threads without a pixel leave before the barrier, and the others wait for them. Let them stay: the loop gives them nothing to do.",
    no_extern_c=NOT_FOUND,
)
def histogram_with(made: Made) -> str:
    barrier = "__syncthreads();"
    values = "for (int value = threadIdx.x; value < 256; value += blockDim.x)"
    few = "int value = threadIdx.x; if (value < 256)"
    zero = "" if made.not_zeroed else f"{{ {few if made.zeroed_by_few else values} of_block[value] = 0; }}"
    if made.first_thread_zeroes_late:
        zero = "if (threadIdx.x == 0) for (int value = 0; value < 256; ++value) of_block[value] = 0;"
    index = "i % 256" if made.counts_positions else "pixels[i]"
    amount = "pixels[i]" if made.adds_the_value else "1"
    count = f"of_block[{index}] += {amount};" if made.not_atomic else f"atomicAdd(&of_block[{index}], {amount});"
    if made.counts_in_global_memory:
        count = "atomicAdd(&counts[pixels[i]], 1);"
    start = "threadIdx.x" if made.block_left_out else "blockIdx.x * blockDim.x + threadIdx.x"
    stride = "blockDim.x" if made.stride_of_a_block else "n" if made.no_loop else "gridDim.x * blockDim.x"
    hand_on = (
        "counts[value] += of_block[value];" if made.not_atomic_in_the_end
        else "counts[value] = of_block[value];" if made.assigned_in_the_end
        else "" if made.counts_in_global_memory
        else "atomicAdd(&counts[value], of_block[value]);"
    )  # fmt: skip
    receivers = (
        few if made.adds_few
        else "for (int value = 0; value < 256; ++value)" if made.every_thread_adds_all
        else values.replace("value < 256", "value < 255") if made.last_value_left_out
        else values
    )  # fmt: skip
    if made.first_block_only:
        receivers = f"if (blockIdx.x == 0) {receivers}"
    return f"""
    {"" if made.no_extern_c else 'extern "C"'} __global__ void histogram(
            const {"signed" if made.signed_pixels else "unsigned"} char* pixels, int* counts, int n) {{
        __shared__ int of_block[256];
        {"if (blockIdx.x * blockDim.x + threadIdx.x >= n) return;" if made.spare_threads_leave else ""}
        {zero}
        {"" if made.first_thread_zeroes_late else barrier}
        for (int i = {start}; i {"<=" if made.no_guard else "<"} n; i += {stride}) {{ {count} }}
        {"" if made.no_barrier_before_adding else barrier}
        {{ {receivers} {{ {hand_on} }} }}
    }}
    """
