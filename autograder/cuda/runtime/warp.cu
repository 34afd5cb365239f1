// Operations of a warp: what each lane gets, once all lanes that a mask names have come.
#include "runtime.cuh"

struct Warp {
    Launch *launch;
    u32 first, lanes; // its first thread's number in the block; how many lanes exist
};

static __device__ Warp warp_of(Launch *launch, u32 first) {
    u32 lanes = launch->threads - first;
    return {launch, first, lanes < 32 ? lanes : 32};
}

static __device__ Thread *lane_of(Warp *warp, u32 lane) {
    return (Thread *)(warp->launch->thread_memory + (warp->first + lane) * warp->launch->thread_stride);
}

static __device__ bool names(u32 mask, u32 lane) { return (mask >> lane & 1) != 0; }
static __device__ u32 all_lanes(Warp *warp) { return warp->lanes == 32 ? ~0u : (1u << warp->lanes) - 1; }

// For each lane i of a mask that exists. Not unrolled: the runtime is to compile fast.
#define EACH_LANE(i, warp, mask) _Pragma("unroll 1") for (u32 i = 0; i < (warp)->lanes; i++) if (names(mask, i))

// Is the other one where the thread's operation wants it to be?
static __device__ bool has_come(Thread *thread, Thread *other) {
    return other->status == IN_WARP && other->operation == thread->operation && other->mask == thread->mask;
}

// The lanes that take part in a thread's operation: all that its mask names, exist and have not left; 0: not all have come.
static __device__ __noinline__ u32 participants(Warp *warp, Thread *thread) {
    if (thread->operation == ACTIVE_MASK) return 0;
    u32 lanes = 0;
    EACH_LANE(i, warp, thread->mask) {
        Thread *other = lane_of(warp, i);
        if (other->status == FINISHED) continue;
        if (!has_come(thread, other)) return 0;
        lanes |= 1u << i;
    }
    return lanes;
}

// Lanes in the deepest call go first, then those at the lowest site: so they find together again after branches and loops.
static __device__ bool goes_before(Thread *thread, Thread *other) {
    return thread->depth > other->depth || (thread->depth == other->depth && thread->site < other->site);
}

static __device__ __noinline__ u32 lanes_beside(Warp *warp, Thread *thread) {
    u32 lanes = 0;
    EACH_LANE(i, warp, ~0u) {
        Thread *other = lane_of(warp, i);
        if (other->status == thread->status && other->depth == thread->depth && other->site == thread->site) lanes |= 1u << i;
    }
    return lanes;
}

static __device__ u64 value_of(Thread *thread) { return thread->value | (u64)thread->value_high << 32; }

static __device__ void answer(Thread *thread, u32 result, bool predicate) {
    thread->result = result;
    thread->predicate = predicate;
}

// ---- shuffles --------------------------------------------------------------------------------------------------

// The lane that a shuffle reads; `in_range` tells whether it lies within the segment. PTX ISA, "shfl.sync".
static __device__ __noinline__ u32 source_lane(Thread *thread, u32 lane, bool *in_range) {
    u32 clamp = thread->clamp & 31, segment = thread->clamp >> 8 & 31, by = thread->operand & 31;
    i32 lowest = lane & segment, highest = lowest | (clamp & ~segment), source;
    switch (thread->operation) {
    case SHUFFLE_UP: source = (i32)lane - (i32)by; *in_range = source >= highest; break;
    case SHUFFLE_DOWN: source = lane + by; *in_range = source <= highest; break;
    case SHUFFLE_XOR: source = lane ^ by; *in_range = source <= highest; break;
    default: source = lowest | (by & ~segment); *in_range = source <= highest;
    }
    return *in_range ? source : lane;
}

static __device__ __noinline__ u32 dead_lane(Warp *warp, Thread *thread, u32 lane) {
    Fault *fault = new_fault(thread, warp->launch, SHUFFLE_DEAD_LANE, thread->site);
    if (!fault) return FAULTED;
    fault->other_block = fault->block;
    if (lane < warp->lanes) fault->other_thread = warp->first + lane;
    fault->extra = thread->mask | (u64)lane << 32;
    return FAULTED;
}

static __device__ __noinline__ u32 shuffle(Warp *warp, u32 lanes) {
    EACH_LANE(i, warp, lanes) {
        Thread *thread = lane_of(warp, i);
        bool in_range;
        u32 source = source_lane(thread, i, &in_range);
        if (!names(lanes, source)) return dead_lane(warp, thread, source);
        thread->result_high = lane_of(warp, source)->value_high;
        answer(thread, lane_of(warp, source)->value, in_range);
    }
    return RUNNABLE;
}

// ---- votes, matches, reductions --------------------------------------------------------------------------------

static __device__ __noinline__ u32 ballot(Warp *warp, u32 lanes) {
    u32 votes = 0;
    EACH_LANE(i, warp, lanes) votes |= (u32)(lane_of(warp, i)->value != 0) << i;
    return votes;
}

static __device__ __noinline__ void vote(Warp *warp, u32 lanes, Thread *thread) {
    u32 votes = ballot(warp, lanes), operation = thread->operation;
    bool yes = operation == VOTE_ALL ? votes == lanes : operation == VOTE_ANY ? votes != 0 : votes == 0 || votes == lanes;
    EACH_LANE(i, warp, lanes) answer(lane_of(warp, i), operation == VOTE_BALLOT ? votes : yes, yes);
}

static __device__ __noinline__ u32 equal_lanes(Warp *warp, u32 lanes, u64 value) {
    u32 equal = 0;
    EACH_LANE(i, warp, lanes) equal |= (u32)(value_of(lane_of(warp, i)) == value) << i;
    return equal;
}

static __device__ __noinline__ void match(Warp *warp, u32 lanes) {
    EACH_LANE(i, warp, lanes) {
        Thread *thread = lane_of(warp, i);
        u32 equal = equal_lanes(warp, lanes, value_of(thread));
        bool all = equal == lanes;
        answer(thread, thread->operation == MATCH_ANY || all ? equal : 0, all);
    }
}

static __device__ __noinline__ u32 combine(u32 operation, u32 a, u32 b) {
    switch (operation) {
    case REDUCE_ADD: return a + b;
    case REDUCE_MIN_SIGNED: return (i32)a < (i32)b ? a : b;
    case REDUCE_MAX_SIGNED: return (i32)a > (i32)b ? a : b;
    case REDUCE_MIN: return a < b ? a : b;
    case REDUCE_MAX: return a > b ? a : b;
    case REDUCE_AND: return a & b;
    case REDUCE_OR: return a | b;
    default: return a ^ b;
    }
}

static __device__ __noinline__ void reduce(Warp *warp, u32 lanes, Thread *thread) {
    u32 result = thread->value, own = 1u << (thread->number - warp->first);
    EACH_LANE(i, warp, lanes & ~own) result = combine(thread->operation, result, lane_of(warp, i)->value);
    EACH_LANE(i, warp, lanes) answer(lane_of(warp, i), result, false);
}

// ---- what it orders --------------------------------------------------------------------------------------------

static __device__ u64 latest(u64 a, u64 b) { return a > b ? a : b; }

// All that the lanes know of each other, each of them knows from now on.
static __device__ __noinline__ void hear(Warp *warp, u32 lanes, u64 epoch) {
    EACH_LANE(other, warp, ~0u) {
        u64 heard = names(lanes, other) ? epoch : 0;
        EACH_LANE(i, warp, lanes) heard = latest(heard, lane_of(warp, i)->heard[other]);
        EACH_LANE(i, warp, lanes) lane_of(warp, i)->heard[other] = heard;
    }
}

// A warp operation orders memory among its lanes. Most name the whole warp, and then one number says it all.
static __device__ __noinline__ void order_lanes(Warp *warp, u32 lanes, u32 mask) {
    u64 epoch = warp->launch->epoch += EPOCH_STEP, acquired = 0, heard_all = 0;
    bool is_whole = (mask & all_lanes(warp)) == all_lanes(warp);
    EACH_LANE(i, warp, lanes) {
        acquired = latest(acquired, lane_of(warp, i)->acquired);
        heard_all = latest(heard_all, lane_of(warp, i)->heard_all);
    }
    if (is_whole) heard_all = epoch;
    else hear(warp, lanes, epoch);
    EACH_LANE(i, warp, lanes) {
        Thread *thread = lane_of(warp, i);
        thread->tag = epoch | (u64)thread->number << THREAD_SHIFT;
        thread->heard_all = heard_all;
        thread->acquired = acquired;
        thread->status = RUNNABLE;
    }
}

static __device__ __noinline__ u32 outside_mask(Warp *warp, Thread *thread) {
    Fault *fault = new_fault(thread, warp->launch, WARP_MASK, thread->site);
    if (fault) fault->extra = thread->mask;
    return FAULTED;
}

// Does the operation for which `lanes`, the participants, have all come; `thread` is one of them.
static __device__ __noinline__ u32 operate(Warp *warp, Thread *thread, u32 lanes) {
    u32 operation = thread->operation, mask = thread->mask, status = RUNNABLE;
    if (operation <= SHUFFLE_INDEX) status = shuffle(warp, lanes);
    else if (operation <= VOTE_BALLOT) vote(warp, lanes, thread);
    else if (operation <= MATCH_ALL) match(warp, lanes);
    else if (operation <= REDUCE_XOR) reduce(warp, lanes, thread);
    if (status != FAULTED) order_lanes(warp, lanes, mask);
    return status;
}

// No lane can go on, but some ask who is with them: of these, the lanes that stand at the same place. FINISHED: there are none.
static __device__ __noinline__ u32 tell_active_lanes(Warp *warp) {
    Thread *first = 0;
    EACH_LANE(i, warp, ~0u) {
        Thread *thread = lane_of(warp, i);
        bool asks = thread->status == IN_WARP && thread->operation == ACTIVE_MASK;
        if (asks && (!first || goes_before(thread, first))) first = thread;
    }
    if (!first) return FINISHED;
    u32 lanes = lanes_beside(warp, first);
    EACH_LANE(i, warp, lanes) {
        answer(lane_of(warp, i), lanes, true);
        lane_of(warp, i)->status = RUNNABLE;
    }
    return RUNNABLE;
}
