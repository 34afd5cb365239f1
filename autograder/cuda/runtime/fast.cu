// The common cases of checked accesses, which kernels call: the access is in bounds, and its shadow says at
// once that nothing is wrong. All else is left to the functions of checker.cu, which also know what to report.
#include "runtime.cuh"

extern "C" __device__ u8 *check_shared(Thread *, Launch *, u64 address, u32 site, u32 access, u32 bytes);
extern "C" __device__ u8 *check_global(Thread *, Launch *, u64 address, u32 site, u32 access, u32 bytes);
extern "C" __device__ u8 *check_local(Thread *, Launch *, u64 address, u32 site, u32 access, u32 bytes);
extern "C" __device__ u8 *check_generic(Thread *, Launch *, u64 address, u32 site, u32 access, u32 bytes);

static __device__ __forceinline__ u64 mark(Thread *thread, u32 site) {
    return thread->tag | (u64)(site < LAST_SITE ? site : LAST_SITE) << SITE_SHIFT;
}

// Does the access touch one granule only? Smaller ones than a granule do not exist.
static __device__ __forceinline__ bool one_granule(Launch *launch, u32 bytes) {
    return bytes == 1 || (bytes == 2 && launch->granule_shift == 1) || (bytes == 4 && launch->granule_shift == 2);
}

// Of a tag since the last barrier: is it this thread's, and nobody else's?
static __device__ __forceinline__ bool is_own(u64 tag, u64 mine) {
    return ((tag ^ mine) & (THREAD_BITS | MANY_IN_WARP | MANY_APART)) == 0;
}

static __device__ __forceinline__ bool settled_shared(Launch *launch, u64 tag, u64 mine) {
    return tag < launch->barrier_epoch || is_own(tag, mine);
}

static __device__ __forceinline__ bool settled_global(Launch *launch, u64 tag, u64 mine) {
    if (tag >= launch->barrier_epoch) return is_own(tag, mine);
    return tag >= launch->block_epoch || tag < launch->launch_epoch;
}

// One more reader since the last barrier. That the epochs are equal says that nothing orders it after the others.
static __device__ __forceinline__ bool join_readers(Launch *launch, Shadow *shadow, u64 read, u64 mine) {
    u64 different = read ^ mine;
    if (read & MANY_APART) return true;
    if ((different & EPOCH_BITS) || launch->has_fence) return false;
    if (!(different & THREAD_BITS)) return true;
    if (different & WARP_BITS) shadow->read = read | MANY_APART;
    else if (!(read & MANY_IN_WARP)) shadow->read = read | MANY_IN_WARP;
    return true;
}

static __device__ __forceinline__ bool note_read(Launch *launch, Shadow *shadow, u64 mine) {
    u64 read = shadow->read;
    if (read >= launch->barrier_epoch) return join_readers(launch, shadow, read, mine);
    shadow->read = mine;
    return true;
}

static __device__ __forceinline__ u8 *shared(Thread *thread, Launch *launch, u64 address, u32 site, u32 access, u32 bytes) {
    if (access == ATOMIC || !one_granule(launch, bytes) || address >= launch->shared_size || launch->shared_size - address < bytes || (address & (bytes - 1)))
        return check_shared(thread, launch, address, site, access, bytes);
    Shadow *shadow = launch->shared_shadow + address / bytes;
    u64 mine = mark(thread, site), write = shadow->write;
    if (access == LOAD) {
        if (write >= launch->block_epoch && settled_shared(launch, write, mine) && note_read(launch, shadow, mine))
            return launch->shared + address;
    } else if (settled_shared(launch, write, mine) && settled_shared(launch, shadow->read, mine)) {
        shadow->write = mine;
        return launch->shared + address;
    }
    return check_shared(thread, launch, address, site, access, bytes);
}

static __device__ __forceinline__ u8 *global(Thread *thread, Launch *launch, u64 address, u32 site, u32 access, u32 bytes) {
    u64 index = (address >> NUMBER_SHIFT) - FIRST_NUMBER;
    if (access == ATOMIC || !one_granule(launch, bytes) || index >= launch->allocation_count || (address & (bytes - 1)))
        return check_global(thread, launch, address, site, access, bytes);
    Allocation *allocation = launch->allocations + index;
    u64 offset = (address & OFFSET_MASK) - MIDDLE;
    if (offset >= allocation->size || allocation->size - offset < bytes || !allocation->shadow)
        return check_global(thread, launch, address, site, access, bytes);
    Shadow *shadow = allocation->shadow + offset / bytes;
    u64 mine = mark(thread, site), write = shadow->write;
    if (access == LOAD) {
        if (write != NEVER_WRITTEN && settled_global(launch, write, mine)) {
            u64 read = shadow->read;
            // What another block has read stays: a write by any but that block is to be told of it.
            if (read >= launch->launch_epoch && read < launch->block_epoch && !launch->has_fence) return allocation->base + offset;
            if ((read < launch->launch_epoch || read >= launch->block_epoch) && note_read(launch, shadow, mine))
                return allocation->base + offset;
        }
    } else if (!allocation->read_only && settled_global(launch, write, mine) && settled_global(launch, shadow->read, mine)) {
        shadow->write = mine;
        return allocation->base + offset;
    }
    return check_global(thread, launch, address, site, access, bytes);
}

// A local address holds the bytes of stack below a depot, and the offset in it. A header before the depot says its size.
static __device__ __forceinline__ u8 *local(Thread *thread, Launch *launch, u64 address, u32 site, u32 access, u32 bytes) {
    u64 below = address >> DEPOT_SHIFT, offset = address & DEPOT_MASK;
    u64 stack = thread->stack_end - thread->stack;
    if (below < DEPOT_HEADER || below + offset + bytes > stack || (below & 15) || (offset & (bytes - 1)))
        return check_local(thread, launch, address, site, access, bytes);
    u32 *header = (u32 *)(thread->stack + below - DEPOT_HEADER);
    if (header[0] != DEPOT_MAGIC || offset + bytes > header[1]) return check_local(thread, launch, address, site, access, bytes);
    return thread->stack + below + offset;
}

static __device__ __forceinline__ u8 *generic(Thread *thread, Launch *launch, u64 address, u32 site, u32 access, u32 bytes) {
    return check_generic(thread, launch, address, site, access, bytes);
}

#define CHECK(space, name, access, bytes) \
    extern "C" __device__ u8 *check_##space##_##name##_##bytes(Thread *thread, Launch *launch, u64 address, u32 site) { \
        return space(thread, launch, address, site, access, bytes); \
    }
#define CHECK_SIZES(space, name, access) \
    CHECK(space, name, access, 1) CHECK(space, name, access, 2) CHECK(space, name, access, 4) \
    CHECK(space, name, access, 8) CHECK(space, name, access, 16)
#define CHECK_SPACE(space) CHECK_SIZES(space, load, LOAD) CHECK_SIZES(space, store, STORE) CHECK_SIZES(space, atomic, ATOMIC)
CHECK_SPACE(shared)
CHECK_SPACE(global)
CHECK_SPACE(local)
CHECK_SPACE(generic)
