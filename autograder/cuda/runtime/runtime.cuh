// What compiled kernels, the scheduler and Python share. `layout.py` describes the same structures to Python.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int i32;
typedef long long i64;

// A device address is an allocation's number, and an offset that is counted from the middle of the number's range:
// so an access before the first byte is known for what it is.
enum : u64 { NUMBER_SHIFT = 40, MIDDLE = 1ull << 39, OFFSET_MASK = (1ull << NUMBER_SHIFT) - 1 };
// Numbers of the windows through which generic addresses see shared and local memory, and of the first allocation.
enum : u64 { SHARED_WINDOW = 1, LOCAL_WINDOW = 2, FIRST_NUMBER = 4096 };

// A local address counts the bytes of stack below a depot (a function's local arrays), and the offset within it. Before
// each depot stands a header: DEPOT_MAGIC, the depot's size, and 8 bytes of nothing.
enum : u64 { DEPOT_SHIFT = 20, DEPOT_MASK = (1ull << DEPOT_SHIFT) - 1, DEPOT_MAGIC = 0x10ca1, DEPOT_HEADER = 16 };

// What a compiled function returns: why it stopped.
enum Status : u32 {
    FINISHED,   // the function has returned
    AT_BARRIER, // waits for its block
    IN_WARP,    // waits for the lanes that a mask names
    FAULTED,    // did what it may not: `Launch::fault` says what
    AT_ACCESS,  // traced kernels only: about to touch memory
    AT_BRANCH,  // traced kernels only: about to take a conditional branch, or not
    RUNNABLE,   // set by the scheduler: may go on
};

enum BarrierOperation : u32 { SYNC, COUNT, AND, OR, ARRIVE };
enum : u32 { BARRIERS = 16 }; // of a block

enum WarpOperation : u32 {
    SHUFFLE_UP, SHUFFLE_DOWN, SHUFFLE_XOR, SHUFFLE_INDEX,
    VOTE_ALL, VOTE_ANY, VOTE_UNIFORM, VOTE_BALLOT,
    MATCH_ANY, MATCH_ALL,
    REDUCE_ADD, REDUCE_MIN_SIGNED, REDUCE_MAX_SIGNED, REDUCE_MIN, REDUCE_MAX, REDUCE_AND, REDUCE_OR, REDUCE_XOR,
    SYNC_WARP,
    ACTIVE_MASK, // no mask says who comes
};

enum Access : u32 { LOAD, STORE, ATOMIC };
enum Space : u32 { GLOBAL, SHARED, LOCAL, CONSTANT };

enum FaultKind : u32 {
    NO_FAULT,
    OUT_OF_BOUNDS,       // global or constant memory; `address` says where
    WILD_POINTER,        // null, on the host, freed
    READ_ONLY,           // a store to constant memory
    MISALIGNED,
    SHARED_OUT_OF_BOUNDS,
    LOCAL_OUT_OF_BOUNDS,
    SHARED_UNINITIALISED,
    GLOBAL_UNINITIALISED,
    SHARED_RACE,         // `other_*`: who touched the same bytes before, and `relation`: how
    GLOBAL_RACE,
    BARRIER_APART,       // threads of a block wait at different barriers
    BARRIER_LEFT,        // some wait at a barrier, others have left the kernel
    WARP_APART,          // a warp operation names lanes that never come
    WARP_MASK,           // a warp operation's mask leaves out the caller
    SHUFFLE_DEAD_LANE,   // a shuffle reads from a lane that does not take part
    ASSERTION,           // assert() or __trap()
    ENDLESS,             // the budget of backward branches is used up
    STACK_OVERFLOW,
    BAD_CALL,            // a call through a pointer that is no function
    TRACE_FULL,          // one block does more than a trace can hold
};

// How a race came about: this access, and the one before it that nothing orders.
enum Relation : u32 {
    READ_AFTER_WRITE, WRITE_AFTER_WRITE, WRITE_AFTER_READ,
    OTHER_BLOCK = 4,  // added where the other thread is of another block
    PLAIN_BEFORE = 8, // added where both are atomic, but an unordered plain write came before the other one
};

struct Thread {
    u32 x, y, z;             // threadIdx
    u32 number;              // within its block
    u32 status;              // what it returned last
    u32 site;                // where it stands: an index into the table of sites
    u32 depth;               // bytes of stack below the frame it stands in
    u32 operation;           // BarrierOperation or WarpOperation
    u32 value, value_high;   // a warp operation's value (64 bits for some); a barrier's predicate
    u32 operand, clamp;      // a shuffle's lane and bounds; a barrier's number, and how many threads it waits for (0: all)
    u32 mask;                // the lanes that a warp operation names
    u32 result, result_high; // what the scheduler answers
    u32 predicate;           // a shuffle's or a match's second answer
    u64 address;             // traced kernels: what is touched, how many bytes, and how (Access | Space << 8)
    u32 size, access;        // traced kernels, at a branch: `size` is 1 where it is taken
    u64 tag;                 // the epoch of its last synchronization, and its number: see `Shadow`
    u8 *stack, *stack_end;   // frames of saved registers, local arrays and arguments
    // For the checker. Epochs: of the last warp operation of the whole warp; of the last one that the thread knows
    // each lane to have taken part in; of its last fence, and of the last barrier before it; of the last fence that
    // an atomic published, and of that atomic; and what its atomics may have learnt from others.
    u64 heard_all, heard[32];
    u64 fence, fence_barrier, released, released_at, acquired;
    // A plain read of what others change by atomics, excused if this thread's atomic at the same address follows: so
    // begins a loop around atomicCAS(). The tag that it raced with (0: none), and what `Fault` is to say.
    u64 doubt, doubt_address;
    u32 doubt_site, doubt_access; // bytes | space << 8
};

// What is known about a granule of memory: its last write, and its last reads. Both are tags:
//
//     epoch (37 bits) | site (12) | thread (10) | flags (5)
//
// An epoch is a moment: the runtime counts one more at each barrier, warp operation, fence and block. Epochs are kept
// in the place that they have in a tag, so that they compare with tags directly. Whatever a thread of this block did
// before the last barrier has a tag below `Launch::barrier_epoch`; and so on.
struct Shadow {
    u64 write, read;
};

enum : u64 {
    THREAD_SHIFT = 5,
    SITE_SHIFT = 15,
    EPOCH_SHIFT = 27,
    FLAG_BITS = (1ull << THREAD_SHIFT) - 1,
    THREAD_BITS = (1ull << SITE_SHIFT) - (1ull << THREAD_SHIFT),
    WARP_BITS = (1ull << SITE_SHIFT) - (1ull << (THREAD_SHIFT + 5)),
    EPOCH_STEP = 1ull << EPOCH_SHIFT,
    EPOCH_BITS = ~(EPOCH_STEP - 1),
    LAST_SITE = 4095, // stands for all behind it
};
enum Flag : u32 {
    BY_ATOMIC = 1,
    MANY_IN_WARP = 2,  // other threads of the warp did so too, unordered
    MANY_APART = 4,    // threads of several warps did
    PLAIN_IN_WARP = 8, // an atomic's: since the last barrier there was a plain write, ordered before it for its warp only
    PLAIN_IN_BLOCK = 16, // an atomic's: in this block there was a plain write before it
};
enum : u64 { NEVER_WRITTEN = 0, WRITTEN_BY_HOST = EPOCH_STEP, REDZONE = ~0ull }; // special tags of writes
enum : u32 { UNKNOWN = 0xffffffff }; // a thread, site or block that is not known

struct Allocation {
    u8 *base;
    u64 size;                // 0: freed
    Shadow *shadow;          // one for each `1 << granule_shift` bytes; null: unchecked
    u32 read_only, reserved;
};

struct Fault {
    u32 kind, site, thread, block;
    u32 other_site, other_thread, other_block, relation;
    u64 address;
    u32 size, access;
    u64 extra;
};

struct Event {               // traced kernels: one thread's part in one step of its warp
    u64 address;
    u32 block, thread, site, step; // all lanes of a warp that move together have the same `step`, unique in a launch
    u32 size;                // bytes; at a branch: 1 where it is taken
    u16 interval;            // how many barriers the block has passed
    u8 access, space;        // access 3 is a branch, 4 a barrier, 5 a warp operation
};

struct Launch {
    u32 block_dim[3], grid_dim[3], block_index[3];
    u32 threads;             // in a block
    i64 budget;              // backward branches and calls until the host is asked; compiled code counts it down
    u8 *shared;
    u64 shared_size;
    Shadow *shared_shadow;
    Allocation *allocations; // of the numbers FIRST_NUMBER, FIRST_NUMBER + 1, ...
    u64 allocation_count;
    u8 *parameters;          // the kernel's arguments
    Fault *fault;
    u8 *thread_memory;       // the threads of a block, one each `thread_stride` bytes, each followed by its stack
    u64 thread_stride;
    u64 epoch, block_epoch, launch_epoch; // now; when this block began; when this launch began (0: not yet)
    u32 granule_shift;       // of all shadows in this launch
    u32 has_fence;           // the kernel holds a __threadfence()
    u64 first_block, last_block; // which blocks to run: [first, last)
    Event *events;           // null: not traced
    u64 event_count, event_capacity;
    u8 *printed;             // records of printf
    u64 printed_size, printed_capacity;
    u64 *fences;             // for each block: when it began, what it has released (`Release`)
    u64 barrier_epoch;       // when this block passed its last barrier
    u64 lost_prints;         // records that found no room
    u32 step, interval;      // of the trace: steps so far; barriers that this block has passed
    u32 pending_fences;      // some thread's fence waits for an atomic to publish it
    u32 first_block_of_launch; // the first that ran in this launch
    i64 reserve;             // more of them, granted in portions
    i32 (*interrupted)();    // whether somebody wants the launch to end; null: nobody can
    u64 begun;               // threads since the last look at `interrupted`
    u64 host_stack_end;      // the host's stack must not grow below it
    u32 arrived[BARRIERS];   // threads that each barrier counts and that did not wait for it
};

// Block b has its entries of `Launch::fences` from b * stride on: without fences in the kernel just the first of these,
// with fences all of them, and of the last one as many as there are threads in a block.
enum Release : u32 {
    BEGAN,     // the block's first epoch
    BARRIER,   // all its writes before this epoch are released
    PUBLISHED, // when an atomic last released something
    RELEASED,  // for each thread: its own writes before this epoch are released
};
