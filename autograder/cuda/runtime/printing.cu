// printf: each call leaves a record, and `printing.py` puts it into words. A record is PrintRecord, the format with its
// final 0, and for each conversion 8 bytes: a value, or a string's length, which the string's bytes follow.
#include "runtime.cuh"

struct PrintRecord {
    u32 bytes, block, thread, format_bytes;
};

struct Writer { // of a record; what does not fit is lost
    u8 *at, *end;
    bool lost;
};

static __device__ __noinline__ void put(Writer *writer, u8 byte) {
    if (writer->at == writer->end) writer->lost = true;
    else *writer->at++ = byte;
}

static __device__ __noinline__ void put_value(Writer *writer, u64 value) {
    for (u32 i = 0; i < 8; i++) put(writer, (u8)(value >> 8 * i));
}

// The bytes from a generic address to the end of its allocation, depot or shared memory; null: it points to nothing.
static __device__ __noinline__ u8 *readable(Thread *thread, Launch *launch, u64 address, u8 **end) {
    u64 number = address >> NUMBER_SHIFT, offset = address & OFFSET_MASK;
    if (number == LOCAL_WINDOW) {
        u32 *header = depot_header(thread, offset >> DEPOT_SHIFT);
        if (!header || (offset & DEPOT_MASK) >= header[1]) return 0;
        u8 *depot = (u8 *)header + DEPOT_HEADER;
        *end = depot + header[1];
        return depot + (offset & DEPOT_MASK);
    }
    if (number == SHARED_WINDOW) {
        *end = launch->shared + launch->shared_size;
        return offset < launch->shared_size ? launch->shared + offset : 0;
    }
    if (number - FIRST_NUMBER >= launch->allocation_count) return 0;
    Allocation *allocation = launch->allocations + (number - FIRST_NUMBER);
    *end = allocation->base + allocation->size;
    return offset - MIDDLE < allocation->size ? allocation->base + (offset - MIDDLE) : 0;
}

static __device__ __noinline__ void put_string(Writer *writer, Thread *thread, Launch *launch, u64 address) {
    u8 *end, *text = readable(thread, launch, address, &end);
    u64 length = 0;
    while (text && text + length < end && writer->at + length < writer->end && text[length]) length++;
    put_value(writer, length);
    for (u64 i = 0; i < length; i++) put(writer, text[i]);
}

struct Arguments { // of a variadic call: each at a multiple of its own size
    u8 *begin, *at, *end;
};

static __device__ __noinline__ u64 next_argument(Arguments *arguments, u32 bytes) {
    u64 offset = (arguments->at - arguments->begin + bytes - 1) / bytes * bytes;
    arguments->at = arguments->begin + offset + bytes;
    if (!arguments->begin || arguments->at > arguments->end) return 0; // fewer than the format has
    u8 *from = arguments->begin + offset;
    return bytes == 8 ? *(u64 *)from : *(u32 *)from;
}

static __device__ __noinline__ bool is_one_of(u8 letter, const char *letters) {
    for (; *letters; letters++)
        if (letter == (u8)*letters) return true;
    return false;
}

// One conversion, from behind its '%'; returns where the format goes on.
static __device__ u8 *put_conversion(Writer *writer, Thread *thread, Launch *launch, u8 *format, u8 *end, Arguments *arguments) {
    bool is_long = false;
    for (; format < end && is_one_of(*format, "0123456789-+ #.*hlLjzt"); format++) {
        if (*format == '*') put_value(writer, next_argument(arguments, 4));
        if (is_one_of(*format, "lLjzt")) is_long = true;
    }
    if (format == end || *format == 0) return format;
    if (*format == 's') put_string(writer, thread, launch, next_argument(arguments, 8));
    else if (*format != '%') put_value(writer, next_argument(arguments, is_long || is_one_of(*format, "fFeEgGaAp") ? 8 : 4));
    return format + 1;
}

static __device__ __noinline__ void put_call(Writer *writer, Thread *thread, Launch *launch, u8 *format, u8 *end, Arguments *arguments) {
    for (u8 *at = format; at < end && *at && !writer->lost; at++) put(writer, *at);
    put(writer, 0);
    for (u8 *at = format; at < end && *at && !writer->lost;) {
        if (*at++ == '%') at = put_conversion(writer, thread, launch, at, end, arguments);
    }
}

extern "C" __device__ void runtime_printf(Thread *thread, Launch *launch, u64 format, u64 arguments) {
    u8 *end, *text = readable(thread, launch, format, &end);
    u64 room = launch->printed_capacity - launch->printed_size;
    if (!text || room < sizeof(PrintRecord)) {
        launch->lost_prints++;
        return;
    }
    Arguments values;
    values.begin = values.at = readable(thread, launch, arguments, &values.end);
    PrintRecord *record = (PrintRecord *)(launch->printed + launch->printed_size);
    Writer writer = {(u8 *)(record + 1), launch->printed + launch->printed_capacity, false};
    put_call(&writer, thread, launch, text, end, &values);
    while ((writer.at - launch->printed) % 8) put(&writer, 0);
    if (writer.lost) {
        launch->lost_prints++;
        return;
    }
    u32 format_bytes = 1;
    while (text + format_bytes - 1 < end && text[format_bytes - 1]) format_bytes++;
    record->bytes = writer.at - (u8 *)record;
    record->block = block_number(launch);
    record->thread = thread->number;
    record->format_bytes = format_bytes;
    launch->printed_size += record->bytes;
}
