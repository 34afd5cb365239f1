// Traced kernels: what each thread does, step by step.
#include "runtime.cuh"

enum EventKind : u32 { BRANCH_EVENT = 3, BARRIER_EVENT, WARP_EVENT }; // below: Access

static __device__ __noinline__ u32 append(Launch *launch, Thread *thread, u32 kind) {
    if (launch->event_count == launch->event_capacity) {
        new_fault(thread, launch, TRACE_FULL, thread->site);
        return FAULTED;
    }
    bool is_access = kind < BRANCH_EVENT;
    Event *event = launch->events + launch->event_count++;
    event->address = is_access ? thread->address : 0;
    event->block = block_number(launch);
    event->thread = thread->number;
    event->site = thread->site;
    event->step = launch->step;
    event->size = is_access || kind == BRANCH_EVENT ? thread->size : 0;
    event->interval = launch->interval < 0xffff ? launch->interval : 0xffff;
    event->access = kind;
    event->space = is_access ? thread->access >> 8 : 0;
    return RUNNABLE;
}

static __device__ u32 event_kind(Thread *thread) {
    return thread->status == AT_BRANCH ? (u32)BRANCH_EVENT : thread->access & 255;
}

// The lanes of `lanes` do something together.
static __device__ __noinline__ u32 append_step(Warp *warp, u32 lanes, u32 kind) {
    EACH_LANE(i, warp, lanes) {
        if (append(warp->launch, lane_of(warp, i), kind) == FAULTED) return FAULTED;
    }
    warp->launch->step++;
    return RUNNABLE;
}

// May the lane move: is it before an access or a branch, or at a warp operation to which all have come?
static __device__ __noinline__ bool may_move(Warp *warp, Thread *thread) {
    if (thread->status == AT_ACCESS || thread->status == AT_BRANCH) return true;
    return thread->status == IN_WARP && participants(warp, thread);
}

// Null: none may move.
static __device__ __noinline__ Thread *next_to_move(Warp *warp) {
    Thread *best = 0;
    EACH_LANE(i, warp, ~0u) {
        Thread *thread = lane_of(warp, i);
        if ((!best || goes_before(thread, best)) && may_move(warp, thread)) best = thread;
    }
    return best;
}

// One step of a warp: RUNNABLE, FAULTED, or FINISHED where no lane may move.
static __device__ __noinline__ u32 step(Warp *warp) {
    Thread *thread = next_to_move(warp);
    if (!thread) return FINISHED;
    if (thread->status == IN_WARP) {
        u32 lanes = participants(warp, thread);
        return append_step(warp, lanes, WARP_EVENT) == FAULTED ? (u32)FAULTED : operate(warp, thread, lanes);
    }
    u32 lanes = lanes_beside(warp, thread);
    if (append_step(warp, lanes, event_kind(thread)) == FAULTED) return FAULTED;
    EACH_LANE(i, warp, lanes) lane_of(warp, i)->status = RUNNABLE;
    return RUNNABLE;
}
