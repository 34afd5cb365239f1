// Runs the blocks of a launch, one after another. A thread runs until it returns: finished, faulty, or to wait for others.
#include "runtime.cuh"

// Steps between two looks at whether somebody wants the launch to end: a millisecond of a common loop. What the functions
// of a kernel may take of the host's stack.
enum : u64 { PORTION = 1 << 18, HOST_STACK = 1 << 19 };

typedef u32 (*Kernel)(Thread *, Launch *, u8 *frame);

// ---- warps -----------------------------------------------------------------------------------------------------

// A thread that only arrives at a barrier is counted there, and goes on.
static __device__ __noinline__ u32 run_thread(Thread *thread, Launch *launch, Kernel kernel) {
    for (;;) {
        u32 status = kernel(thread, launch, thread->stack);
        if (status != AT_BARRIER || thread->operation != ARRIVE) return status;
        launch->arrived[thread->operand % BARRIERS]++;
    }
}

// Each runnable lane, to its next stop. FINISHED: all that have not finished wait for other warps.
static __device__ __noinline__ u32 run_lanes(Warp *warp, Kernel kernel) {
    u32 result = FINISHED;
    EACH_LANE(i, warp, ~0u) {
        Thread *thread = lane_of(warp, i);
        if (thread->status == RUNNABLE) thread->status = run_thread(thread, warp->launch, kernel);
        if (thread->status == FAULTED) return FAULTED;
        if (thread->status == IN_WARP && !names(thread->mask, i)) return outside_mask(warp, thread);
        if (thread->status != FINISHED && thread->status != AT_BARRIER) result = RUNNABLE;
        else if (!settle_doubt(thread, warp->launch)) return FAULTED;
    }
    return result;
}

// All operations for which all lanes have come. FINISHED: there is none.
static __device__ __noinline__ u32 run_operations(Warp *warp) {
    u32 status = FINISHED;
    EACH_LANE(i, warp, ~0u) {
        Thread *thread = lane_of(warp, i);
        if (thread->status != IN_WARP) continue;
        u32 lanes = participants(warp, thread);
        if (!lanes) continue;
        status = operate(warp, thread, lanes);
        if (status == FAULTED) return FAULTED;
    }
    return status;
}

// FINISHED: until all its lanes have finished or wait for other warps, or in vain.
static __device__ __noinline__ u32 run_warp(Warp *warp, Kernel kernel) {
    u32 status;
    do {
        status = run_lanes(warp, kernel);
        if (status != RUNNABLE) return status;
        status = warp->launch->events ? step(warp) : run_operations(warp);
        if (status == FINISHED) status = tell_active_lanes(warp);
    } while (status == RUNNABLE);
    return status;
}

// ---- barriers --------------------------------------------------------------------------------------------------

struct Waiting { // the threads at one barrier
    u32 number, count, threads, yes; // `count`: as many as PTX counts, by whole warps; `yes`: whose predicate is true
    Thread *first;
    bool apart; // they wait at different sites
};

static __device__ bool waits_at(Thread *thread, u32 number) { return thread->status == AT_BARRIER && thread->operand == number; }

static __device__ __noinline__ Waiting waiting_at(Launch *launch, u32 number) {
    Waiting waiting = {number, 0, 0, 0, 0, false};
    for (u32 first = 0; first < launch->threads; first += 32) {
        u32 lanes = 0, there = 0;
        for (u32 i = first; i < first + 32 && i < launch->threads; i++, lanes++) {
            Thread *thread = thread_at(launch, i);
            if (!waits_at(thread, number)) continue;
            if (!waiting.first) waiting.first = thread;
            waiting.apart |= thread->site != waiting.first->site;
            waiting.yes += thread->value != 0;
            there++;
        }
        waiting.threads += there;
        waiting.count += there == lanes ? 32 : there; // a last warp counts as a whole one
    }
    waiting.count += launch->arrived[number];
    return waiting;
}

// Every thread of the block waits for the same one, or as many as the barrier asks for.
static __device__ bool is_complete(Launch *launch, Waiting *waiting) {
    if (waiting->first->clamp) return waiting->count >= waiting->first->clamp;
    return waiting->threads == launch->threads && !waiting->apart;
}

static __device__ u32 barrier_result(Thread *thread, Waiting *waiting) {
    switch (thread->operation) {
    case COUNT: return waiting->yes;
    case AND: return waiting->yes == waiting->threads;
    case OR: return waiting->yes != 0;
    default: return 0;
    }
}

static __device__ __noinline__ u32 trace_barrier(Launch *launch, u32 number) {
    for (u32 first = 0; first < launch->threads; first += 32) {
        Warp warp = warp_of(launch, first);
        u32 lanes = 0;
        EACH_LANE(i, &warp, ~0u) lanes |= (u32)waits_at(lane_of(&warp, i), number) << i;
        if (lanes && append_step(&warp, lanes, BARRIER_EVENT) == FAULTED) return FAULTED;
    }
    return RUNNABLE;
}

// A barrier of some threads only is taken to order all that the block did before: it hides races, but invents none.
static __device__ __noinline__ u32 pass(Launch *launch, Waiting *waiting) {
    if (launch->events && trace_barrier(launch, waiting->number) == FAULTED) return FAULTED;
    u64 acquired = 0;
    launch->barrier_epoch = launch->epoch += EPOCH_STEP;
    launch->interval++;
    launch->arrived[waiting->number] = 0;
    for (u32 i = 0; i < launch->threads; i++) {
        Thread *thread = thread_at(launch, i);
        thread->tag = launch->epoch | (u64)i << THREAD_SHIFT;
        acquired = latest(acquired, thread->acquired);
        if (!waits_at(thread, waiting->number)) continue;
        thread->status = RUNNABLE;
        u32 result = barrier_result(thread, waiting);
        answer(thread, result, result != 0);
    }
    if (launch->has_fence)
        for (u32 i = 0; i < launch->threads; i++) thread_at(launch, i)->acquired = acquired;
    return RUNNABLE;
}

// The first barrier that is complete. FINISHED: there is none.
static __device__ __noinline__ u32 pass_barrier(Launch *launch) {
    _Pragma("unroll 1") for (u32 number = 0; number < BARRIERS; number++) {
        Waiting waiting = waiting_at(launch, number);
        if (waiting.first && is_complete(launch, &waiting)) return pass(launch, &waiting);
    }
    return FINISHED;
}

// ---- nobody can go on ------------------------------------------------------------------------------------------

static __device__ __noinline__ Thread *find(Launch *launch, u32 status) {
    for (u32 i = 0; i < launch->threads; i++)
        if (thread_at(launch, i)->status == status) return thread_at(launch, i);
    return 0;
}

static __device__ __noinline__ Fault *blame(Launch *launch, u32 kind, Thread *thread, Thread *other) {
    Fault *fault = new_fault(thread, launch, kind, thread->site);
    if (!fault) return 0;
    fault->other_block = fault->block;
    fault->other_thread = other->number;
    fault->other_site = other->status == FINISHED ? UNKNOWN : other->site;
    fault->extra = thread->mask | (u64)other->status << 32;
    return fault;
}

static __device__ __noinline__ void blame_warp(Launch *launch, Thread *thread) {
    u32 first = thread->number / 32 * 32;
    Warp warp = warp_of(launch, first);
    EACH_LANE(i, &warp, thread->mask) {
        Thread *other = lane_of(&warp, i);
        if (other->status == FINISHED || has_come(thread, other)) continue;
        blame(launch, WARP_APART, thread, other);
        return;
    }
}

// A barrier with a count may be reached at several places.
static __device__ bool waits_elsewhere(Thread *thread, Thread *other) {
    return other->status == AT_BARRIER && (other->operand != thread->operand || (!thread->clamp && other->site != thread->site));
}

static __device__ __noinline__ void blame_barrier(Launch *launch, Thread *thread) {
    for (u32 i = 0; i < launch->threads; i++) {
        if (!waits_elsewhere(thread, thread_at(launch, i))) continue;
        blame(launch, BARRIER_APART, thread, thread_at(launch, i));
        return;
    }
    Thread *other = find(launch, FINISHED);
    Fault *fault = other ? blame(launch, BARRIER_LEFT, thread, other) : 0;
    if (!other) blame(launch, BARRIER_APART, thread, thread); // waits for more threads than the block has
    if (!fault) return;
    Waiting waiting = waiting_at(launch, thread->operand);
    fault->extra = (launch->threads - waiting.threads) | (u64)waiting.threads << 32;
}

static __device__ __noinline__ u32 blame_someone(Launch *launch) {
    Thread *in_warp = find(launch, IN_WARP);
    if (in_warp) blame_warp(launch, in_warp);
    else blame_barrier(launch, find(launch, AT_BARRIER));
    return FAULTED;
}

// ---- the budget ------------------------------------------------------------------------------------------------

static __device__ bool is_interrupted(Launch *launch) { return launch->interrupted && launch->interrupted(); }

// The budget is used up. May the thread go on?
extern "C" __device__ u32 runtime_spent(Thread *thread, Launch *launch, u32 site) {
    if (is_interrupted(launch)) return false;
    if (launch->reserve <= 0) {
        new_fault(thread, launch, ENDLESS, site);
        return false;
    }
    i64 portion = launch->reserve < (i64)PORTION ? launch->reserve : (i64)PORTION;
    launch->reserve -= portion;
    launch->budget += portion;
    return true;
}

// Threads that begin cost no steps, but a large grid takes its time too.
static __device__ __noinline__ bool may_begin(Launch *launch) {
    launch->begun += launch->threads;
    if (launch->begun < PORTION) return true;
    launch->begun = 0;
    return !is_interrupted(launch);
}

// ---- blocks ----------------------------------------------------------------------------------------------------

static __device__ __noinline__ void begin_block(Launch *launch, u64 block) {
    launch->block_index[0] = block % launch->grid_dim[0];
    launch->block_index[1] = block / launch->grid_dim[0] % launch->grid_dim[1];
    launch->block_index[2] = block / launch->grid_dim[0] / launch->grid_dim[1];
    launch->block_epoch = launch->barrier_epoch = launch->epoch += EPOCH_STEP;
    launch->interval = launch->pending_fences = 0;
    _Pragma("unroll 1") for (u32 number = 0; number < BARRIERS; number++) launch->arrived[number] = 0;
    release_of(launch, block)[BEGAN] = launch->epoch;
    for (u32 i = 0; i < launch->threads; i++) {
        Thread *thread = thread_at(launch, i);
        thread->status = RUNNABLE;
        thread->tag = launch->epoch | (u64)i << THREAD_SHIFT;
        thread->fence = thread->released = thread->released_at = thread->acquired = thread->doubt = 0;
        *(u32 *)thread->stack = 0; // the kernel's frame: its state
    }
}

static __device__ __noinline__ u32 run_warps(Launch *launch, Kernel kernel) {
    for (u32 first = 0; first < launch->threads; first += 32) {
        Warp warp = warp_of(launch, first);
        if (run_warp(&warp, kernel) == FAULTED) return FAULTED;
    }
    return RUNNABLE;
}

static __device__ bool has_ended(Launch *launch) {
    return !find(launch, AT_BARRIER) && !find(launch, IN_WARP);
}

static __device__ __noinline__ u32 run_block(Launch *launch, Kernel kernel) {
    for (;;) {
        if (run_warps(launch, kernel) == FAULTED) return FAULTED;
        if (has_ended(launch)) return FINISHED;
        u32 status = pass_barrier(launch);
        if (status == FAULTED) return FAULTED;
        if (status == FINISHED) return blame_someone(launch);
    }
}

static __device__ __noinline__ void place_threads(Launch *launch) {
    for (u32 i = 0; i < launch->threads; i++) {
        Thread *thread = thread_at(launch, i);
        thread->x = i % launch->block_dim[0];
        thread->y = i / launch->block_dim[0] % launch->block_dim[1];
        thread->z = i / launch->block_dim[0] / launch->block_dim[1];
        thread->number = i;
        thread->stack = (u8 *)(thread + 1);
        thread->stack_end = (u8 *)thread + launch->thread_stride;
    }
}

static __device__ __noinline__ void begin_launch(Launch *launch) {
    launch->launch_epoch = launch->epoch += EPOCH_STEP;
    launch->first_block_of_launch = launch->first_block;
    place_threads(launch);
}

// Runs the blocks [first_block, last_block). A launch may be run in parts, in order, with the same `launch`.
extern "C" __device__ u32 run_blocks(Launch *launch, u64 kernel) {
    u32 here;
    launch->host_stack_end = (u64)&here - HOST_STACK;
    if (!launch->launch_epoch) begin_launch(launch);
    for (u64 block = launch->first_block; block < launch->last_block; block++) {
        if (!may_begin(launch)) return FAULTED;
        begin_block(launch, block);
        if (run_block(launch, (Kernel)kernel) == FAULTED) return FAULTED;
    }
    return FINISHED;
}
