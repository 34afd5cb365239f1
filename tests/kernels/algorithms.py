"""Whole algorithms, as students write them."""

from __future__ import annotations

import numpy as np

from kernels.program import Empty, Launch, Program, Within, rng, single

F4 = np.float32
r = rng("algorithms")
ROWS, COLUMNS = 12, 50
SCORES = r.normal(size=(ROWS, COLUMNS)).astype(F4)
VECTOR = r.normal(size=COLUMNS).astype(F4)
WORDS = [r.integers(0, 4, n).astype(np.uint8) for n in (40, 31)]
GRAPH = (r.random((40, 40)) < 0.06) & ~np.eye(40, dtype=bool)
LENGTHS = np.where(r.random((32, 32)) < 0.3, r.integers(1, 50, (32, 32)), 10_000).astype(np.int32)
SIGNAL = (r.normal(size=64) + 1j * r.normal(size=64)).astype(np.complex64)
LIFE = (r.random((20, 30)) < 0.4).astype(np.uint8)
PARTICLES = r.normal(size=(48, 4)).astype(F4)
SPARSE = np.where(r.random((30, 40)) < 0.2, r.normal(size=(30, 40)), 0).astype(F4)
STARTS = np.append(0, np.cumsum((SPARSE != 0).sum(1))).astype(np.int32)
IMAGE = r.normal(size=(3, 14, 14)).astype(F4)


def breadth_first(graph: np.ndarray) -> np.ndarray:
    distance = np.where(np.arange(len(graph)) == 0, 0, -1)
    for step in range(8):
        reached = graph[distance == step].any(0) & (distance < 0)
        distance[reached] = step + 1
    return distance.astype(np.int32)


def edit_distance(a: np.ndarray, b: np.ndarray) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        above = row
        row = [i]
        for j, y in enumerate(b, 1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + int(x != y)))
    return row[-1]


def shortest(lengths: np.ndarray) -> np.ndarray:
    d = lengths.copy()
    for k in range(len(d)):
        d = np.minimum(d, d[:, k : k + 1] + d[k])
    return d


def next_generation(cells: np.ndarray) -> np.ndarray:
    around = sum(np.roll(cells, (a, b), (0, 1)) for a in (-1, 0, 1) for b in (-1, 0, 1)) - cells
    return ((around == 3) | ((around == 2) & (cells == 1))).astype(np.uint8)


def forces(p: np.ndarray) -> np.ndarray:
    d = (p[None, :, :3] - p[:, None, :3]).astype(np.float64)
    return (d * (p[None, :, 3:] / ((d**2).sum(2, keepdims=True) + 0.1) ** 1.5)).sum(1)


def pooled(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    windows = image.reshape(3, 7, 2, 7, 2).transpose(0, 1, 3, 2, 4).reshape(3, 7, 7, 4)
    return windows.max(3), windows.argmax(3).astype(np.int32)


SOFTMAX = np.exp(SCORES.astype(np.float64)) / np.exp(SCORES.astype(np.float64)).sum(1, keepdims=True)
FLOYD = "\n".join(
    [
        'extern "C" __global__ void relax(int* d, int k) {',
        "    int i = threadIdx.y + blockIdx.y * blockDim.y, j = threadIdx.x + blockIdx.x * blockDim.x;",
        "    if (i != k && j != k) d[i * 32 + j] = min(d[i * 32 + j], d[i * 32 + k] + d[k * 32 + j]);",
        "}",
    ]
)

PROGRAMS: list[Program] = [
    single(
        "softmax in one pass over each row, a warp a row",
        """
extern "C" __global__ void k(const float* x, float* y, int rows, int columns) {
    int row = blockIdx.x * blockDim.y + threadIdx.y, lane = threadIdx.x;
    if (row >= rows) return;
    const float* mine = x + row * columns;
    float m = -1e30f, s = 0;
    for (int j = lane; j < columns; j += 32) {
        float bigger = fmaxf(m, mine[j]);
        s = s * expf(m - bigger) + expf(mine[j] - bigger);
        m = bigger;
    }
    for (int o = 16; o; o /= 2) {
        float m2 = __shfl_xor_sync(0xffffffffu, m, o), s2 = __shfl_xor_sync(0xffffffffu, s, o);
        float bigger = fmaxf(m, m2);
        s = s * expf(m - bigger) + s2 * expf(m2 - bigger);
        m = bigger;
    }
    for (int j = lane; j < columns; j += 32) y[row * columns + j] = expf(mine[j] - m) / s;
}""",
        {"y": Within(SOFTMAX, 8, 1e-6)},
        ("x", SCORES), "y", np.int32(ROWS), np.int32(COLUMNS),
        grid=(4,), block=(32, 3),
    ),
    single(
        "a matrix times a vector, a block a row",
        """
extern "C" __global__ void k(const float* a, const float* v, float* out, int n) {
    __shared__ float s[64];
    int t = threadIdx.x;
    float sum = 0;
    for (int j = t; j < n; j += 64) sum += a[blockIdx.x * n + j] * v[j];
    s[t] = sum;
    for (int o = 32; o; o /= 2) { __syncthreads(); if (t < o) s[t] += s[t + o]; }
    if (t == 0) out[blockIdx.x] = s[0];
}""",
        {"out": Within(SCORES.astype(np.float64) @ VECTOR, 0, 1e-4)},
        ("a", SCORES), ("v", VECTOR), "out", np.int32(COLUMNS),
        grid=(ROWS,), block=(64,),
    ),
    single(
        "a sparse matrix times a vector",
        """
extern "C" __global__ void k(const int* starts, const int* columns, const float* values, const float* v, float* out, int rows) {
    int row = blockIdx.x * blockDim.x + threadIdx.x;
    if (row >= rows) return;
    float sum = 0;
    for (int k = starts[row]; k < starts[row + 1]; k++) sum += values[k] * v[columns[k]];
    out[row] = sum;
}""",
        {"out": Within(SPARSE.astype(np.float64) @ VECTOR[:40], 0, 1e-5)},
        ("starts", STARTS), ("columns", np.nonzero(SPARSE)[1].astype(np.int32)), ("values", SPARSE[SPARSE != 0]), ("v", VECTOR[:40]), "out", np.int32(30),
    ),
    Program(
        "breadth-first search, a launch a level",
        """
extern "C" __global__ void expand(const unsigned char* graph, int* distance, int level, int n) {
    int i = threadIdx.x + blockIdx.x * blockDim.x;
    if (i >= n) return;
    for (int j = 0; j < n; j++)
        if (graph[j * n + i] && atomicAdd(&distance[j], 0) == level) atomicCAS(&distance[i], -1, level + 1);
}""",
        tuple(Launch("expand", (2,), (32,), ("graph", "distance", np.int32(level), np.int32(40))) for level in range(8)),
        {"graph": GRAPH.astype(np.uint8), "distance": np.where(np.arange(40) == 0, 0, -1).astype(np.int32)},
        {"distance": breadth_first(GRAPH)},
    ),
    single(
        "the edit distance, one diagonal after the other",
        """
extern "C" __global__ void k(const unsigned char* a, const unsigned char* b, int n, int m, int* out) {
    __shared__ int diagonals[3][64];
    int i = threadIdx.x;
    for (int d = 0; d <= n + m; d++) {
        int j = d - i;
        if (i <= n && j >= 0 && j <= m) {
            int v;
            if (i == 0 || j == 0) v = i + j;
            else v = min(min(diagonals[(d + 2) % 3][i - 1], diagonals[(d + 2) % 3][i]) + 1, diagonals[(d + 1) % 3][i - 1] + (a[i - 1] != b[j - 1]));
            diagonals[d % 3][i] = v;
        }
        __syncthreads();
    }
    if (i == n) out[0] = diagonals[(n + m) % 3][n];
}""",
        {"out": np.array([edit_distance(*WORDS)], np.int32)},
        ("a", WORDS[0]), ("b", WORDS[1]), np.int32(40), np.int32(31), "out",
        block=(64,),
    ),
    Program("all shortest paths, a launch a stop", FLOYD, tuple(Launch("relax", (2, 4), (16, 8), ("d", np.int32(k))) for k in range(32)), {"d": np.where(np.eye(32, dtype=bool), 0, LENGTHS).astype(np.int32)}, {"d": shortest(np.where(np.eye(32, dtype=bool), 0, LENGTHS).astype(np.int32))}),
    single(
        "a fast Fourier transform in shared memory",
        """
extern "C" __global__ void k(const float2* x, float2* y) {
    __shared__ float2 s[64];
    int t = threadIdx.x;
    s[t] = x[__brev(t) >> 26];
    __syncthreads();
    for (int half = 1; half < 64; half *= 2) {
        float2 mine = s[t & ~half], other = s[t | half];
        __syncthreads();
        float angle = -(float)(t & (half - 1)) / half, re, im;
        sincospif(angle, &im, &re);
        float2 turned = make_float2(other.x * re - other.y * im, other.x * im + other.y * re);
        s[t] = t & half ? make_float2(mine.x - turned.x, mine.y - turned.y) : make_float2(mine.x + turned.x, mine.y + turned.y);
        __syncthreads();
    }
    y[t] = s[t];
}""",
        {"y": Within(np.fft.fft(SIGNAL.astype(np.complex128)).view(np.float64).reshape(64, 2), 0, 1e-4)},
        ("x", SIGNAL.view(F4).reshape(64, 2)), "y",
        block=(64,),
    ),
    Program(
        "the game of life",
        """
extern "C" __global__ void live(const unsigned char* a, unsigned char* b, int h, int w) {
    int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    if (x >= w || y >= h) return;
    int around = 0;
    for (int dy = -1; dy <= 1; dy++)
        for (int dx = -1; dx <= 1; dx++) around += (dx || dy) && a[(y + dy + h) % h * w + (x + dx + w) % w];
    b[y * w + x] = around == 3 || (around == 2 && a[y * w + x]);
}""",
        (Launch("live", (4, 3), (8, 8), ("a", "b", np.int32(20), np.int32(30))), Launch("live", (4, 3), (8, 8), ("b", "a", np.int32(20), np.int32(30)))),
        {"a": LIFE, "b": Empty((20, 30), np.uint8)},
        {"b": next_generation(LIFE), "a": next_generation(next_generation(LIFE))},
    ),
    single(
        "forces between all bodies, by tiles",
        """
extern "C" __global__ void k(const float4* p, float* out, int n) {
    __shared__ float4 tile[16];
    int i = blockIdx.x * 16 + threadIdx.x;
    float4 me = p[i];
    float x = 0, y = 0, z = 0;
    for (int start = 0; start < n; start += 16) {
        tile[threadIdx.x] = p[start + threadIdx.x];
        __syncthreads();
        for (int j = 0; j < 16; j++) {
            float dx = tile[j].x - me.x, dy = tile[j].y - me.y, dz = tile[j].z - me.z;
            float r = rsqrtf(dx * dx + dy * dy + dz * dz + 0.1f);
            float f = tile[j].w * r * r * r;
            x += f * dx; y += f * dy; z += f * dz;
        }
        __syncthreads();
    }
    out[i * 3] = x; out[i * 3 + 1] = y; out[i * 3 + 2] = z;
}""",
        {"out": Within(forces(PARTICLES), 0, 2e-3)},
        ("p", PARTICLES), "out", np.int32(48),
        grid=(3,), block=(16,),
    ),
    single(
        "max-pooling, with the places of the largest",
        """
extern "C" __global__ void k(const float* x, float* y, int* where, int h, int w) {
    int ox = threadIdx.x, oy = threadIdx.y, c = blockIdx.x;
    float best = -1e30f;
    int place = 0;
    for (int k = 0; k < 4; k++) {
        float v = x[(c * h + 2 * oy + k / 2) * w + 2 * ox + k % 2];
        if (v > best) { best = v; place = k; }
    }
    y[(c * (h / 2) + oy) * (w / 2) + ox] = best;
    where[(c * (h / 2) + oy) * (w / 2) + ox] = place;
}""",
        {"y": pooled(IMAGE)[0], "where": pooled(IMAGE)[1]},
        ("x", IMAGE), "y", "where", np.int32(14), np.int32(14),
        grid=(3,), block=(7, 7),
    ),
]  # fmt: skip
