// The whole check of an access: what the fast paths leave over, and what to report.
#include "runtime.cuh"

struct Touch { // one access
    Thread *thread;
    Launch *launch;
    u64 address;
    u32 site, access, space, bytes;
};

// ---- faults ----------------------------------------------------------------------------------------------------

static __device__ __noinline__ u32 block_number(Launch *launch) {
    u32 *index = launch->block_index, *dim = launch->grid_dim;
    return index[0] + dim[0] * (index[1] + dim[1] * index[2]);
}

// Only the first fault counts: null if there has been one.
static __device__ __noinline__ Fault *new_fault(Thread *thread, Launch *launch, u32 kind, u32 site) {
    Fault *fault = launch->fault;
    if (fault->kind) return 0;
    fault->kind = kind;
    fault->site = site;
    fault->thread = thread->number;
    fault->block = block_number(launch);
    fault->other_site = fault->other_thread = fault->other_block = UNKNOWN;
    return fault;
}

extern "C" __device__ void runtime_fault(Thread *thread, Launch *launch, u32 kind, u32 site) {
    new_fault(thread, launch, kind, site);
}

static __device__ __noinline__ Fault *refuse(Touch *touch, u32 kind) {
    Fault *fault = new_fault(touch->thread, touch->launch, kind, touch->site);
    if (!fault) return 0;
    fault->address = touch->address;
    fault->size = touch->bytes;
    fault->access = touch->access | touch->space << 8;
    return fault;
}

// ---- tags ------------------------------------------------------------------------------------------------------

static __device__ u32 thread_of(u64 tag) { return (tag & THREAD_BITS) >> THREAD_SHIFT; }
static __device__ u32 site_of(u64 tag) { return (u32)(tag >> SITE_SHIFT) & LAST_SITE; }

static __device__ u64 mark(Touch *touch) {
    return touch->thread->tag | (u64)(touch->site < LAST_SITE ? touch->site : LAST_SITE) << SITE_SHIFT;
}

static __device__ bool is_own(Touch *touch, u64 tag) { return thread_of(tag) == touch->thread->number; }
static __device__ bool is_of_own_warp(Touch *touch, u64 tag) { return thread_of(tag) / 32 == touch->thread->number / 32; }

static __device__ Thread *thread_at(Launch *launch, u32 number) {
    return (Thread *)(launch->thread_memory + number * launch->thread_stride);
}

static __device__ u64 *release_of(Launch *launch, u64 block) {
    return launch->fences + block * (launch->has_fence ? RELEASED + (u64)launch->threads : 1);
}

// The block that was running at this epoch of this launch.
static __device__ __noinline__ u32 block_at(Launch *launch, u64 epoch) {
    u32 low = launch->first_block_of_launch, high = block_number(launch);
    while (low < high) {
        u32 middle = low + (high - low + 1) / 2;
        if (release_of(launch, middle)[BEGAN] <= epoch) low = middle;
        else high = middle - 1;
    }
    return low;
}

// ---- what is ordered -------------------------------------------------------------------------------------------

// Has the block released what the tag says? The atomic that does it counts too: others synchronize with it.
static __device__ bool is_released(u64 *of_block, u64 tag) {
    if ((tag & BY_ATOMIC) && (tag & EPOCH_BITS) <= of_block[PUBLISHED]) return true;
    return tag < of_block[RELEASED + thread_of(tag)] || tag < of_block[BARRIER];
}

// Has an earlier block released it, and has this thread acquired it?
static __device__ bool ordered_after_block(Touch *touch, u64 tag) {
    Launch *launch = touch->launch;
    if (!launch->has_fence || touch->thread->acquired < launch->block_epoch) return false;
    return is_released(release_of(launch, block_at(launch, tag)), tag);
}

// The same between threads of a block.
static __device__ bool ordered_by_fence(Touch *touch, u64 tag) {
    Launch *launch = touch->launch;
    if (!launch->has_fence) return false;
    u64 *of_block = release_of(launch, block_number(launch));
    u64 since = tag & BY_ATOMIC ? of_block[PUBLISHED] : thread_at(launch, thread_of(tag))->released_at;
    return since && touch->thread->acquired >= since && is_released(of_block, tag);
}

static __device__ bool ordered_by_warp(Touch *touch, u64 tag) {
    if (!is_of_own_warp(touch, tag) || (tag & MANY_APART)) return false;
    Thread *thread = touch->thread;
    return tag < thread->heard_all || tag < thread->heard[thread_of(tag) % 32];
}

// Does all that the tag stands for come before this access, however the hardware schedules?
static __device__ __noinline__ bool is_ordered(Touch *touch, u64 tag) {
    Launch *launch = touch->launch;
    if (tag < launch->launch_epoch) return true;
    if (tag < launch->block_epoch) return touch->space == SHARED || ordered_after_block(touch, tag);
    if (tag < launch->barrier_epoch) return true;
    if (is_own(touch, tag) && !(tag & (MANY_IN_WARP | MANY_APART))) return true;
    return ordered_by_warp(touch, tag) || ordered_by_fence(touch, tag);
}

// Was it an atomic, without a plain write before it that this access is not behind?
static __device__ bool is_only_atomic(Touch *touch, u64 write) {
    if (!(write & BY_ATOMIC)) return false;
    if (write < touch->launch->block_epoch) return !(write & PLAIN_IN_BLOCK);
    return !(write & PLAIN_IN_WARP) || is_of_own_warp(touch, write);
}

// ---- one granule -----------------------------------------------------------------------------------------------

static __device__ __noinline__ bool race(Touch *touch, u64 tag, u32 relation) {
    Launch *launch = touch->launch;
    Fault *fault = refuse(touch, touch->space == SHARED ? SHARED_RACE : GLOBAL_RACE);
    if (!fault) return false;
    bool is_other_block = tag < launch->block_epoch;
    bool is_known = is_other_block || !is_own(touch, tag); // of many threads the tag may name just this one
    fault->other_site = site_of(tag) == LAST_SITE ? UNKNOWN : site_of(tag);
    fault->other_thread = is_known ? thread_of(tag) : UNKNOWN;
    fault->other_block = is_other_block ? block_at(launch, tag) : fault->block;
    bool both_atomic = touch->access == ATOMIC && relation == WRITE_AFTER_WRITE && (tag & BY_ATOMIC);
    fault->relation = relation | (is_other_block ? OTHER_BLOCK : 0) | (both_atomic ? PLAIN_BEFORE : 0);
    return false;
}

// One more thread does the same, unordered. The tag keeps the first: of those who did, mostly another is the next to write.
static __device__ u64 join(Touch *touch, u64 tag) {
    if (is_own(touch, tag)) return tag;
    return tag | (is_of_own_warp(touch, tag) ? MANY_IN_WARP : MANY_APART);
}

// May an atomic have begun with these reads? In a trace the lanes of a warp do so together: all read, and then all change.
static __device__ bool is_first_look(Touch *touch, u64 read) {
    if (read < touch->launch->barrier_epoch || (read & MANY_APART)) return false;
    return touch->launch->events ? is_of_own_warp(touch, read) : is_own(touch, read) && !(read & MANY_IN_WARP);
}

static __device__ void note_read(Touch *touch, Shadow *shadow) {
    u64 read = shadow->read;
    if (is_ordered(touch, read)) shadow->read = mark(touch);
    // What another block has read stays: a write by any but that block is to be told of it.
    else if (read >= touch->launch->block_epoch) shadow->read = join(touch, read);
}

static __device__ __noinline__ void note_atomic(Touch *touch, Shadow *shadow) {
    u64 write = shadow->write, read = shadow->read, mine = mark(touch) | BY_ATOMIC;
    // What it has read of it before was a first look, and the atomic makes up for it.
    if (touch->thread->doubt_address == touch->address) touch->thread->doubt = 0;
    if (is_first_look(touch, read)) shadow->read = 0;
    if (!is_ordered(touch, write)) { // another atomic
        if (write >= touch->launch->block_epoch) shadow->write = join(touch, write);
        return;
    }
    bool is_plain = !(write & BY_ATOMIC), is_recent = write >= touch->launch->barrier_epoch;
    // This thread's own plain write stays: other threads' atomics are not ordered behind it.
    if (is_recent && is_plain && ((write ^ mine) & (EPOCH_BITS | THREAD_BITS)) == 0) return;
    if (write >= touch->launch->block_epoch && (is_plain || (write & PLAIN_IN_BLOCK))) mine |= PLAIN_IN_BLOCK;
    if (is_recent && (is_plain || (write & PLAIN_IN_WARP))) mine |= PLAIN_IN_WARP;
    shadow->write = mine;
}

static __device__ bool is_uninitialised(Touch *touch, Shadow *shadow) {
    return touch->space == SHARED ? shadow->write < touch->launch->block_epoch : shadow->write == NEVER_WRITTEN;
}

// Reports the read in doubt, if there is one.
static __device__ __noinline__ bool settle_doubt(Thread *thread, Launch *launch) {
    if (!thread->doubt) return true;
    Touch touch = {thread, launch, thread->doubt_address, thread->doubt_site, LOAD, thread->doubt_access >> 8, thread->doubt_access & 255};
    return race(&touch, thread->doubt, READ_AFTER_WRITE);
}

static __device__ bool doubt(Touch *touch, u64 write) {
    Thread *thread = touch->thread;
    if (thread->doubt_address != touch->address && !settle_doubt(thread, touch->launch)) return false;
    thread->doubt = write;
    thread->doubt_address = touch->address;
    thread->doubt_site = touch->site;
    thread->doubt_access = touch->bytes | touch->space << 8;
    return true;
}

static __device__ bool check_last_write(Touch *touch, u64 write) {
    if (is_ordered(touch, write)) return true;
    bool is_atomic = is_only_atomic(touch, write);
    if (is_atomic && touch->access == ATOMIC) return true;
    if (is_atomic && touch->access == LOAD) return doubt(touch, write);
    return race(touch, write, touch->access == LOAD ? READ_AFTER_WRITE : WRITE_AFTER_WRITE);
}

static __device__ bool check_last_reads(Touch *touch, u64 read) {
    if (touch->access == LOAD || is_ordered(touch, read)) return true;
    if (touch->access == ATOMIC && is_first_look(touch, read)) return true;
    return race(touch, read, WRITE_AFTER_READ);
}

static __device__ bool check_granule(Touch *touch, Shadow *shadow) {
    if (!check_last_write(touch, shadow->write) || !check_last_reads(touch, shadow->read)) return false;
    if (touch->access == STORE || !is_uninitialised(touch, shadow)) return true;
    refuse(touch, touch->space == SHARED ? SHARED_UNINITIALISED : GLOBAL_UNINITIALISED);
    return false;
}

static __device__ void note(Touch *touch, Shadow *shadow) {
    if (touch->access == LOAD) note_read(touch, shadow);
    else if (touch->access == ATOMIC) note_atomic(touch, shadow);
    else shadow->write = mark(touch);
}

static __device__ __noinline__ bool check_granules(Touch *touch, Shadow *first) {
    u32 count = touch->bytes >> touch->launch->granule_shift;
    if (!count) count = 1;
    for (u32 i = 0; i < count; i++) {
        if (!check_granule(touch, first + i)) return false;
        note(touch, first + i);
    }
    return true;
}

// ---- fences and atomics ----------------------------------------------------------------------------------------

extern "C" __device__ void runtime_fence(Thread *thread, Launch *launch) {
    launch->epoch += EPOCH_STEP;
    thread->tag = launch->epoch | (u64)thread->number << THREAD_SHIFT;
    thread->fence = launch->epoch;
    thread->fence_barrier = launch->barrier_epoch;
    launch->pending_fences = 1;
}

static __device__ void release(Thread *thread, Launch *launch, u64 *of_block, u64 epoch) {
    if (epoch <= thread->released) return;
    thread->released = of_block[RELEASED + thread->number] = epoch;
    thread->released_at = of_block[PUBLISHED] = launch->epoch;
}

// What came before the thread's fence can now be known to others: its own writes, those of its block before the last
// barrier, and those of its warp that it has heard of.
static __device__ __noinline__ void publish(Thread *thread, Launch *launch, u64 *of_block) {
    u32 first = thread->number / 32 * 32;
    if (of_block[BARRIER] < thread->fence_barrier) of_block[BARRIER] = thread->fence_barrier;
    _Pragma("unroll 1") for (u32 lane = 0; lane < 32 && first + lane < launch->threads; lane++) {
        u64 heard = thread->heard[lane] > thread->heard_all ? thread->heard[lane] : thread->heard_all;
        bool is_self = first + lane == thread->number;
        if (is_self || heard > thread->fence) heard = thread->fence;
        if (heard >= launch->block_epoch) release(thread_at(launch, first + lane), launch, of_block, heard);
    }
}

// An atomic publishes the thread's own fence, and those that a barrier has put before it; and it learns what others
// have published.
static __device__ __noinline__ void synchronize_by_atomic(Thread *thread, Launch *launch) {
    if (launch->pending_fences) {
        u64 *of_block = release_of(launch, block_number(launch));
        launch->epoch += EPOCH_STEP;
        launch->pending_fences = 0;
        for (u32 i = 0; i < launch->threads; i++) {
            Thread *other = thread_at(launch, i);
            if (other->fence <= other->released) continue;
            if (other == thread || other->fence < launch->barrier_epoch) publish(other, launch, of_block);
            else launch->pending_fences = 1;
        }
    }
    thread->acquired = launch->epoch;
}

// ---- the spaces ------------------------------------------------------------------------------------------------

static __device__ __noinline__ bool has_redzone(Touch *touch, Shadow *first) {
    u32 count = touch->bytes >> touch->launch->granule_shift;
    for (u32 i = 0; i == 0 || i < count; i++)
        if (first[i].write == REDZONE) return true;
    return false;
}

extern "C" __device__ __noinline__ u8 *check_shared(Thread *thread, Launch *launch, u64 address, u32 site, u32 access, u32 bytes) {
    Touch touch = {thread, launch, address, site, access, SHARED, bytes};
    bool is_inside = address < launch->shared_size && launch->shared_size - address >= bytes;
    Shadow *shadow = launch->shared_shadow + (address >> launch->granule_shift);
    if (!is_inside || has_redzone(&touch, shadow)) {
        touch.address = (u64)(i64)(i32)address; // what lies before the first variable is negative
        refuse(&touch, SHARED_OUT_OF_BOUNDS);
        return 0;
    }
    if (address & (bytes - 1)) {
        refuse(&touch, MISALIGNED);
        return 0;
    }
    if (access == ATOMIC && launch->has_fence) synchronize_by_atomic(thread, launch);
    return check_granules(&touch, shadow) ? launch->shared + address : 0;
}

static __device__ __noinline__ u32 what_is_wrong(Touch *touch, Allocation *allocation, u64 offset) {
    if (!allocation || !allocation->size) return WILD_POINTER;
    if (offset >= allocation->size || allocation->size - offset < touch->bytes) return OUT_OF_BOUNDS;
    if (touch->address & (touch->bytes - 1)) return MISALIGNED;
    return touch->access != LOAD && allocation->read_only ? READ_ONLY : NO_FAULT;
}

extern "C" __device__ __noinline__ u8 *check_global(Thread *thread, Launch *launch, u64 address, u32 site, u32 access, u32 bytes) {
    Touch touch = {thread, launch, address, site, access, GLOBAL, bytes};
    u64 index = (address >> NUMBER_SHIFT) - FIRST_NUMBER, offset = (address & OFFSET_MASK) - MIDDLE;
    Allocation *allocation = index < launch->allocation_count ? launch->allocations + index : 0;
    u32 kind = what_is_wrong(&touch, allocation, offset);
    if (kind) {
        refuse(&touch, kind);
        return 0;
    }
    if (access == ATOMIC && launch->has_fence) synchronize_by_atomic(thread, launch);
    Shadow *shadow = allocation->shadow;
    if (shadow && !check_granules(&touch, shadow + (offset >> launch->granule_shift))) return 0;
    return allocation->base + offset;
}

static __device__ __noinline__ u32 *depot_header(Thread *thread, u64 below) {
    u64 stack = thread->stack_end - thread->stack;
    if (below < DEPOT_HEADER || below > stack || (below & 15)) return 0;
    u32 *header = (u32 *)(thread->stack + below - DEPOT_HEADER);
    return header[0] == DEPOT_MAGIC && header[1] <= stack - below ? header : 0;
}

// `address` is the offset in the local arrays, and `extra` their size, where it is near enough to be known.
static __device__ __noinline__ void refuse_local(Touch *touch, u64 below, u64 offset) {
    u32 *header = depot_header(touch->thread, below);
    if (!header && (header = depot_header(touch->thread, below + 1))) offset -= DEPOT_MASK + 1;
    Fault *fault = refuse(touch, LOCAL_OUT_OF_BOUNDS);
    if (!fault || !header) return;
    fault->address = offset;
    fault->extra = header[1];
}

extern "C" __device__ __noinline__ u8 *check_local(Thread *thread, Launch *launch, u64 address, u32 site, u32 access, u32 bytes) {
    Touch touch = {thread, launch, address, site, access, LOCAL, bytes};
    u64 below = address >> DEPOT_SHIFT, offset = address & DEPOT_MASK;
    u32 *header = depot_header(thread, below);
    if (!header || offset + bytes > header[1]) {
        refuse_local(&touch, below, offset);
        return 0;
    }
    if (offset & (bytes - 1)) {
        refuse(&touch, MISALIGNED);
        return 0;
    }
    return thread->stack + below + offset;
}

extern "C" __device__ u8 *check_generic(Thread *thread, Launch *launch, u64 address, u32 site, u32 access, u32 bytes) {
    u64 number = address >> NUMBER_SHIFT, offset = address & OFFSET_MASK;
    if (number == LOCAL_WINDOW) return check_local(thread, launch, offset, site, access, bytes);
    if (number == SHARED_WINDOW) return check_shared(thread, launch, offset, site, access, bytes);
    bool is_before_shared = number == SHARED_WINDOW - 1 && offset >= MIDDLE;
    return is_before_shared ? check_shared(thread, launch, address - (SHARED_WINDOW << NUMBER_SHIFT), site, access, bytes)
                            : check_global(thread, launch, address, site, access, bytes);
}
