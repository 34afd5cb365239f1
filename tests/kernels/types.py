"""Types: structs, unions, templates, lambdas, vectors, half precision, strings, function objects."""

from __future__ import annotations

import numpy as np

from kernels.program import Launch, Program, Within, each, rng, single

F4, F8 = np.float32, np.float64
N = 150
A, B = (rng(f"types {k}").normal(size=N).astype(F4) for k in range(2))
HALF = rng("half").normal(size=N).astype(np.float16)
HALF2 = rng("half 2").normal(size=N).astype(np.float16)
INTS = rng("types i").integers(-1000, 1000, N).astype(np.int32)
INDEX = np.arange(N)

MIXED = np.dtype([("a", "f4"), ("b", "i4"), ("c", "f8")], align=True)
BODY = np.dtype([("position", "f4", 3), ("mass", "f8"), ("kind", "u1")], align=True)
TABLE = np.dtype([("weights", "f4", 5), ("shift", "i2")], align=True)
NESTED = np.dtype([("first", MIXED), ("flag", "u1"), ("rest", TABLE)], align=True)
PIXEL = np.dtype([("r", "u1"), ("g", "u1"), ("b", "u1")])

BODIES = np.zeros(40, BODY)
BODIES["position"] = rng("bodies").normal(size=(40, 3))
BODIES["mass"] = rng("masses").uniform(1, 2, 40)
BODIES["kind"] = INDEX[:40] % 5
MOVED = np.zeros(40, BODY)
MOVED["position"] = BODIES["position"] + np.arange(3, dtype=F4)
MOVED["mass"] = BODIES["mass"] * 2
MOVED["kind"] = 255 - BODIES["kind"]
PIXELS = rng("pixels").integers(0, 256, (50, 3)).astype(np.uint8)


def struct(dtype: np.dtype, *values: object) -> np.ndarray:
    """A struct that is passed by value."""
    return np.array(values, dtype)


def string_hash(text: str) -> int:
    value = 0
    for character in text:
        value = value * 31 + ord(character)
    return value


def applied(x: np.ndarray) -> np.ndarray:
    once = x * F4(2) + F4(1)
    return once * F4(2) + F4(1) - once * F4(2) + once - F4(1)


def bfloat16(x: np.ndarray) -> np.ndarray:
    """Rounded to bfloat16, to nearest even."""
    bits = x.astype(F4).view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).astype(np.uint32).view(F4)


POLYNOMIAL = struct(TABLE, [1, -2, 3, 0.5, 4], -3)
NESTED_VALUE = struct(NESTED, (2.5, -4, 0.25), 7, ([1, 2, 3, 4, 5], 9))
VEC4 = A[:128].reshape(-1, 4)
INT2 = INTS[:128].reshape(-1, 2)
STRING = "Kernels, checked!"

PROGRAMS: list[Program] = [
    single(
        "a struct by value",
        """
struct Mixed { float a; int b; double c; };
extern "C" __global__ void k(Mixed p, double* out) { out[threadIdx.x] = p.a * threadIdx.x + p.b + p.c; }""",
        {"out": 1.5 * np.arange(32) - 2 + 3.25},
        struct(MIXED, 1.5, -2, 3.25), "out",
    ),
    single(
        "an array inside a struct by value, indexed at run time",
        """
struct Table { float weights[5]; short shift; };
extern "C" __global__ void k(Table t, float* out) { int i = threadIdx.x; out[i] = t.weights[(i * 3 + 2) % 5] + t.shift; }""",
        {"out": POLYNOMIAL["weights"][(np.arange(32) * 3 + 2) % 5] - F4(3)},
        POLYNOMIAL, "out",
    ),
    single(
        "structs within structs",
        """
struct Mixed { float a; int b; double c; };
struct Table { float weights[5]; short shift; };
struct Nested { Mixed first; unsigned char flag; Table rest; };
__device__ __noinline__ double use(Nested n, int i) { n.rest.weights[i % 5] += n.first.a; return n.rest.weights[i % 5] * n.flag + n.first.b + n.first.c + n.rest.shift; }
extern "C" __global__ void k(Nested n, double* out) { out[threadIdx.x] = use(n, threadIdx.x); }""",
        {"out": (np.arange(1, 6)[np.arange(32) % 5] + 2.5) * 7 - 4 + 0.25 + 9},
        NESTED_VALUE, "out",
    ),
    single(
        "an array of structs",
        """
struct Body { float position[3]; double mass; unsigned char kind; };
extern "C" __global__ void k(const Body* in, Body* out, int n) {
    int i = threadIdx.x;
    if (i >= n) return;
    Body body = in[i];
    for (int k = 0; k < 3; k++) body.position[k] += k;
    body.mass *= 2;
    body.kind = 255 - body.kind;
    out[i].position[0] = body.position[0];
    out[i].position[1] = body.position[1];
    out[i].position[2] = body.position[2];
    out[i].mass = body.mass;
    out[i].kind = body.kind;
}""",
        {"out": MOVED.view(np.uint8).reshape(40, -1)},
        ("in", BODIES.view(np.uint8).reshape(40, -1)), ("out", np.zeros((40, BODY.itemsize), np.uint8)), np.int32(40),
        block=(64,),
    ),
    single(
        "three bytes are no word",
        """
struct Pixel { unsigned char r, g, b; };
extern "C" __global__ void k(const Pixel* in, Pixel* out, int n) {
    int i = threadIdx.x;
    if (i < n) { Pixel p = in[i]; out[n - 1 - i] = Pixel{p.b, p.r, (unsigned char)(p.g / 2)}; }
}""",
        {"out": np.stack([PIXELS[:, 2], PIXELS[:, 0], PIXELS[:, 1] // 2], 1)[::-1].copy()},
        ("in", PIXELS), "out", np.int32(50),
        block=(64,),
    ),
    each("a union shows the same bits", "Both u; u.f = a[i]; u.parts[1] ^= 0x8000; out[i] = u.f;", -A, A, before="union Both { float f; unsigned short parts[2]; };"),
    each("bit fields", "Fields f; f.low = i; f.middle = i * 7; f.rest = -i; out[i] = f.low * 1000 + f.middle * 10 + f.rest;", ((INDEX & 7) * 1000 + (INDEX * 7 & 31) * 10 + ((-INDEX & 255) ^ 128) - 128).astype(np.int32), INTS, before="struct Fields { unsigned low : 3; unsigned middle : 5; int rest : 8; };"),
    each("enumerations and constant expressions", "Colour c = Colour(i % 3); out[i] = c == Colour::red ? cube(3) : c == Colour::green ? 5 : int(Colour::blue);", np.array([27, 5, 2], np.int32)[INDEX % 3], INTS, before="enum class Colour { red, green, blue }; __device__ constexpr int cube(int x) { return x * x * x; } static_assert(cube(2) == 8, \"\");"),
    single("a template by its name expression", "template <typename T, int FACTOR> __global__ void scale(const T* x, T* out) { out[threadIdx.x] = x[threadIdx.x] * FACTOR; }", {"out": A[:32] * F4(3)}, ("x", A[:32]), "out", kernel="scale<float, 3>"),
    Program(
        "two instances of one template",
        "template <typename T> __global__ void square(const T* x, T* out) { __shared__ T s[32]; int i = threadIdx.x; s[i] = x[i]; __syncthreads(); out[i] = s[31 - i] * s[31 - i]; }",
        (Launch("square<float>", (1,), (32,), ("x", "y")), Launch("square<int>", (1,), (32,), ("m", "n"))),
        {"x": A[:32], "m": INTS[:32], "y": A[:32] * 0, "n": INTS[:32] * 0},
        {"y": (A[:32] * A[:32])[::-1].copy(), "n": (INTS[:32] * INTS[:32])[::-1].copy()},
    ),
    each("function objects and lambdas", "Scale<float> twice{2.f}; auto f = [=](float x) { return twice(x) + 1.f; }; out[i] = apply(f, a[i]);", applied(A), A, before="template <class T> struct Scale { T s; __device__ T operator()(T x) const { return s * x; } }; template <class F> __device__ float apply(F f, float x) { return f(f(x)) - f(x) * 2.f + f(x) - 1.f; }", options=("--fmad=false",)),
    each("variadic templates and folds", "out[i] = sum(a[i], 1, i, 2.5f, (short)3);", Within(A + 1.0 + INDEX + 2.5 + 3, 4, 1e-5), A, before="template <class... T> __device__ float sum(T... xs) { return (0.f + ... + (float)xs); }"),
    each("if constexpr chooses by type", "out[i] = size<double>() * 100 + size<char>() * 10 + size<float>();", np.full(N, 800 + 10 + 40, np.int32), INTS, before="template <class T> __device__ int size() { if constexpr (sizeof(T) == 4) return 40; else return sizeof(T); }"),
    each("operators of a class", "Complex z{a[i], b[i]}, w = z * z + Complex{1.f, 0.f}; out[i] = w.re; out[n + i] = w.im;", np.stack([A * A - B * B + F4(1), A * B + B * A]), A, B, before="struct Complex { float re, im; __device__ Complex operator*(Complex o) const { return {re * o.re - im * o.im, re * o.im + im * o.re}; } __device__ Complex operator+(Complex o) const { return {re + o.re, im + o.im}; } };", options=("--fmad=false",)),
    each("inheritance", "Child c; c.base = a[i]; c.factor = 3; out[i] = c.value();", A * F4(3), A, before="struct Base { float base; }; struct Child : Base { int factor; __device__ float value() const { return base * factor; } };"),
    each("virtual functions", "Square s; Circle c; Shape* shape = i % 2 ? (Shape*)&s : (Shape*)&c; s.side = i; c.radius = i; out[i] = area(shape);", np.where(INDEX % 2, INDEX * INDEX, 3 * INDEX * INDEX).astype(np.int32), INTS, before="struct Shape { __device__ virtual int area() const = 0; }; struct Square : Shape { int side; __device__ int area() const override { return side * side; } }; struct Circle : Shape { int radius; __device__ int area() const override { return 3 * radius * radius; } }; __device__ __noinline__ int area(Shape* s) { return s->area(); }"),
    single("vectors of four floats", 'extern "C" __global__ void k(const float4* x, float4* out) { int i = threadIdx.x; float4 v = x[i]; v.x *= 2; v.y += 1; v.w = -v.w; out[i] = make_float4(v.w, v.z, v.y, v.x); }', {"out": (VEC4 * F4([2, 1, 1, -1]) + F4([0, 1, 0, 0]))[:, ::-1].copy()}, ("x", VEC4), "out"),
    single("vectors of two and of other types", 'extern "C" __global__ void k(const int2* x, short2* out, double2* wide) { int i = threadIdx.x; int2 v = x[i]; out[i] = make_short2(v.y, v.x); wide[i] = make_double2(v.x * 0.5, v.y * 0.25); }', {"out": INT2[:32, ::-1].astype(np.int16), "wide": INT2[:32] * np.array([0.5, 0.25])}, ("x", INT2[:32]), "out", "wide"),
    single("vectors of bytes and 64-bit pairs", 'extern "C" __global__ void k(const uchar4* x, longlong2* out) { int i = threadIdx.x; uchar4 v = x[i]; out[i] = make_longlong2((long long)v.x << 40 | v.y, -(long long)v.z * v.w); }', {"out": np.stack([PIXELS.ravel()[:128].reshape(32, 4)[:, 0].astype(np.int64) << 40 | PIXELS.ravel()[:128].reshape(32, 4)[:, 1], -PIXELS.ravel()[:128].reshape(32, 4)[:, 2].astype(np.int64) * PIXELS.ravel()[:128].reshape(32, 4)[:, 3]], 1)}, ("x", PIXELS.ravel()[:128].reshape(32, 4)), "out"),
    single("a struct that is aligned to 16 bytes", "struct __align__(16) Four { float v[4]; };\n" 'extern "C" __global__ void k(const Four* x, Four* out) { int i = threadIdx.x; Four f = x[i]; float t = f.v[0]; f.v[0] = f.v[3]; f.v[3] = t; out[31 - i] = f; }', {"out": VEC4[::-1, [3, 1, 2, 0]].copy()}, ("x", VEC4), "out"),
    each("booleans", "out[i] = a[i] ? b[i] > 0 : !(b[i] > 0);", np.where(INTS % 2 == 0, INTS % 3 > 0, INTS % 3 <= 0), INTS % 2 == 0, INTS % 3),
    single(
        "a string in the device's memory",
        """
extern "C" __global__ void k(unsigned char* out) {
    const char* text = "Kernels, checked!";
    int n = 0;
    while (text[n]) n++;
    if (threadIdx.x < n) out[threadIdx.x] = text[n - 1 - threadIdx.x];
}""",
        {"out": np.frombuffer(STRING[::-1].encode(), np.uint8)},
        "out",
    ),
    single(
        "a choice of strings",
        """
__device__ __noinline__ const char* name(int i) { switch (i % 3) { case 0: return "zero"; case 1: return "one"; default: return "many"; } }
extern "C" __global__ void k(int* out) { const char* s = name(threadIdx.x); int sum = 0; for (; *s; s++) sum = sum * 31 + *s; out[threadIdx.x] = sum; }""",
        {"out": np.array([string_hash(["zero", "one", "many"][i % 3]) for i in range(32)], np.int32)},
        "out",
    ),
    each("sizes and distances of pointers", "const short* first = a; const short* mine = a + i; out[i] = (mine - first) * 10 + (long long)sizeof(*mine) + ((size_t)mine - (size_t)first);", (INDEX * 12 + 2).astype(np.int64), INTS.astype(np.int16)),
    each("a pointer to a pointer", "const float* p = a + i; const float** q = &p; (*q)++; out[i] = i + 1 < n ? **q : 0.f;", np.append(A[1:], F4(0)), A),
    each("references and swaps", "float x = a[i], y = b[i]; if (x > y) swap(x, y); out[i] = x; out[n + i] = y;", np.stack([np.minimum(A, B), np.maximum(A, B)]), A, B, before="template <class T> __device__ __noinline__ void swap(T& a, T& b) { T t = a; a = b; b = t; }"),
    each("half precision: sums, products, quotients", "__half x = __ushort_as_half(a[i]), y = __ushort_as_half(b[i]); out[i] = __half_as_ushort(x + y); out[n + i] = __half_as_ushort(__hmul(x, y)); out[2 * n + i] = __half_as_ushort(__hsub(x, y)); out[3 * n + i] = __half_as_ushort(__hfma(x, y, x));", np.stack([HALF + HALF2, HALF * HALF2, HALF - HALF2, (HALF.astype(F8) * HALF2 + HALF).astype(np.float16)]).view(np.uint16), HALF.view(np.uint16), HALF2.view(np.uint16), before="#include <cuda_fp16.h>", options=("--fmad=false",)),
    each("half precision: conversions", "__half h = __float2half(a[i] * 1000.f); out[i] = __half2float(h); out[n + i] = __half2float(__float2half_rz(a[i])); out[2 * n + i] = __half2int_rn(h); out[3 * n + i] = __half2float(__int2half_rn((int)(a[i] * 3000.f)));", np.stack([(A * F4(1000)).astype(np.float16).astype(F4), np.where(np.abs(A.astype(np.float16).astype(F4)) > np.abs(A), np.nextafter(A.astype(np.float16), np.float16(0)), A.astype(np.float16)).astype(F4), np.rint((A * F4(1000)).astype(np.float16)).astype(F4), (A * F4(3000)).astype(np.int32).astype(np.float16).astype(F4)]), A, before="#include <cuda_fp16.h>"),
    each("half precision: comparisons and extremes", "__half x = __ushort_as_half(a[i]), y = __ushort_as_half(b[i]); out[i] = __hlt(x, y) + 2 * __hge(x, y) + 4 * __hisnan(x) + 8 * (x == x) + 16 * (__half_as_ushort(__hmax(x, y)) == a[i]);", ((HALF < HALF2) + 2 * (HALF >= HALF2) + 8 + 16 * (HALF >= HALF2)).astype(np.int32), HALF.view(np.uint16), HALF2.view(np.uint16), before="#include <cuda_fp16.h>"),
    single("two halves at once", '#include <cuda_fp16.h>\nextern "C" __global__ void k(const __half2* x, __half2* out) { int i = threadIdx.x; out[i] = __hfma2(x[i], x[i], __float2half2_rn(1.f)); out[32 + i] = __hadd2(x[i], __lowhigh2highlow(x[i])); out[64 + i] = __hmul2(x[i], __low2half2(x[i])); }', {"out": np.stack([(HALF[:64].astype(F8) ** 2 + 1).astype(np.float16).reshape(32, 2), HALF[:64].reshape(32, 2) + HALF[:64].reshape(32, 2)[:, ::-1], HALF[:64].reshape(32, 2) * HALF[:64].reshape(32, 2)[:, :1]])}, ("x", HALF[:64]), "out"),
    each("functions in half precision", "__half x = __ushort_as_half(a[i]); out[i] = __half2float(hexp(x)); out[n + i] = __half2float(hsqrt(__habs(x))); out[2 * n + i] = __half2float(hfloor(x)); out[3 * n + i] = __half2float(hrcp(x));", Within(np.stack([np.exp(HALF.astype(F8)), np.sqrt(np.abs(HALF.astype(F8))), np.floor(HALF.astype(F8)), 1 / HALF.astype(F8)]), 0, np.abs(np.stack([np.exp(HALF.astype(F8)), np.sqrt(np.abs(HALF.astype(F8))), np.zeros(N), 1 / HALF.astype(F8)])) * 2.0**-10), HALF.view(np.uint16), before="#include <cuda_fp16.h>"),
    each("bfloat16", "__nv_bfloat16 x = __float2bfloat16(a[i]), y = __float2bfloat16(b[i]); out[i] = __bfloat162float(x * y); out[n + i] = __bfloat162float(x + y); out[2 * n + i] = __bfloat162float(x); out[3 * n + i] = __hgt(x, y);", np.stack([bfloat16(bfloat16(A) * bfloat16(B)), bfloat16(bfloat16(A) + bfloat16(B)), bfloat16(A), (bfloat16(A) > bfloat16(B)).astype(F4)]), A, B, before="#include <cuda_bf16.h>"),
    each("bfloat16 on machines that have it", "__nv_bfloat16 x = __float2bfloat16(a[i]), y = __float2bfloat16(b[i]); out[i] = __bfloat162float(__hfma(x, y, x)); out[n + i] = __bfloat162float(__hmax(x, y));", np.stack([bfloat16((bfloat16(A).astype(F8) * bfloat16(B) + bfloat16(A)).astype(F4)), np.maximum(bfloat16(A), bfloat16(B))]), A, B, before="#include <cuda_bf16.h>", architecture=80),
    each("bytes are copied and set", "unsigned char t[12]; memset(t, i, 12); memcpy(t + 4, &a[i], 4); int s = 0; for (int k = 0; k < 12; k++) s += t[k] * (k + 1); out[i] = s;", np.array([sum((int(b) if 4 <= k < 8 else i) * (k + 1) for k, b in enumerate([0] * 4 + list(A[i].tobytes()) + [0] * 4)) for i in range(N)], np.int32), A),
]  # fmt: skip
