"""Right answers in other styles: chapter 4, the roofline."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np


def matmul_cost__sums(m: int, k: int, n: int, itemsize: int) -> tuple[int, int]:
    multiplications = additions = m * k * n
    return multiplications + additions, sum(itemsize * rows * columns for rows, columns in ((m, k), (k, n), (m, n)))


def matmul_cost__of_arrays(m: int, k: int, n: int, itemsize: int) -> list[int]:
    a, b = (np.broadcast_to(np.zeros(1, f"V{itemsize}"), shape) for shape in ((m, k), (k, n)))
    return [m * n * (k + k), a.nbytes + b.nbytes + m * n * itemsize]


def matmul_cost__numpy_integers(m: int, k: int, n: int, itemsize: int) -> np.ndarray:
    return tuple(np.array([2 * m * k * n, itemsize * (m * k + k * n + m * n)]))


def conv_cost__for_each_output(
    images: int, channels_in: int, channels_out: int, height: int, width: int, kernel: int, itemsize: int
) -> tuple[int, int]:
    outputs = images * channels_out * height * width
    terms = channels_in * kernel**2
    inputs = images * channels_in * height * width
    return outputs * (terms + terms), (inputs + channels_out * terms + outputs) * itemsize


def conv_cost__shapes(images: int, channels_in: int, channels_out: int, height: int, width: int, kernel: int, itemsize: int) -> tuple[int, int]:
    x, w, y = (images, channels_in, height, width), (channels_out, channels_in, kernel, kernel), (images, channels_out, height, width)
    return 2 * math.prod(y) * math.prod(w[1:]), itemsize * sum(map(math.prod, (x, w, y)))


def conv_cost__as_a_matrix_product(
    images: int, channels_in: int, channels_out: int, height: int, width: int, kernel: int, itemsize: int
) -> tuple[int, int]:
    flops, moved = matmul_cost__sums(images * height * width, channels_in * kernel * kernel, channels_out, itemsize)
    return flops, moved - itemsize * images * height * width * channels_in * (kernel * kernel - 1)


def softmax_cost__step_by_step(rows: int, columns: int, itemsize: int, fused: bool) -> tuple[int, int]:
    x = d = e = y = rows * columns
    m = s = rows
    traffic = [x + m, x + m + d, d + e, e + s, e + s + y]
    return 5 * rows * columns, itemsize * (x + y if fused else sum(traffic))


def softmax_cost__for_a_row(rows: int, columns: int, itemsize: int, fused: bool) -> tuple[int, int]:
    numbers = 2 * columns if fused else 8 * columns + 4
    return 5 * columns * rows, numbers * rows * itemsize


def softmax_cost__reads_and_writes(rows: int, columns: int, itemsize: int, fused: bool) -> list[int]:
    matrix, vector = rows * columns * itemsize, rows * itemsize
    reads = matrix if fused else 5 * matrix + 2 * vector
    writes = matrix if fused else 3 * matrix + 2 * vector
    return [5 * rows * columns, reads + writes]


def attainable__times(flops: float, bytes_moved: float, peak: float, bandwidth: float) -> float:
    seconds = max(flops / (peak * 1e12), bytes_moved / (bandwidth * 1e9))
    return flops / seconds / 1e12


def attainable__ridge(flops: float, bytes_moved: float, peak: float, bandwidth: float) -> float:
    ridge = peak * 1e12 / (bandwidth * 1e9)
    intensity = flops / bytes_moved
    return peak if intensity >= ridge else peak * intensity / ridge


def attainable__numpy(flops: float, bytes_moved: float, peak: float, bandwidth: float) -> np.float64:
    return np.minimum(peak, np.float64(flops) * bandwidth * 1e-3 / bytes_moved)


def bounds__times(costs: list[tuple[float, float]], peak: float, bandwidth: float) -> tuple[float, list[str]]:
    flops_a_second, bytes_a_second = peak * 1e12, bandwidth * 1e9
    labels = []
    for flops, moved in costs:
        if flops / flops_a_second >= moved / bytes_a_second:
            labels.append("compute")
        else:
            labels.append("memory")
    return flops_a_second / bytes_a_second, labels


def bounds__numpy(costs: list[tuple[float, float]], peak: float, bandwidth: float) -> tuple[np.float64, list[str]]:
    flops, moved = np.array(costs).T
    ridge = np.float64(peak) * 1e12 / (bandwidth * 1e9)
    return ridge, np.where(flops / moved >= ridge, "compute", "memory").tolist()


def bounds__fractions(costs: list[tuple[float, float]], peak: float, bandwidth: float) -> list[Any]:
    ridge = Fraction(peak) * 1000 / Fraction(bandwidth)
    return [float(ridge), ["compute" if Fraction(flops) >= ridge * Fraction(moved) else "memory" for flops, moved in costs]]


def compute_bound_batch__search(inputs: int, outputs: int, itemsize: int, ridge: float) -> int:
    def bound(batch: int) -> bool:
        moved = itemsize * (batch * inputs + inputs * outputs + batch * outputs)
        return 2 * batch * inputs * outputs >= ridge * moved

    for batch in range(1, 200_000):
        if bound(batch):
            return batch
    return 0


def compute_bound_batch__bisection(inputs: int, outputs: int, itemsize: int, ridge: float) -> int:
    def intensity(batch: int) -> float:
        return 2 * batch * inputs * outputs / (itemsize * (batch * (inputs + outputs) + inputs * outputs))

    low, high = 0, 10**9
    if intensity(high) < ridge:
        return 0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if intensity(middle) >= ridge else (middle, high)
    return high


def compute_bound_batch__reciprocals(inputs: int, outputs: int, itemsize: int, ridge: float) -> int:
    """1 / intensity = itemsize / 2 · (1 / batch + 1 / inputs + 1 / outputs)."""
    left = 2 / (Fraction(ridge) * itemsize) - Fraction(1, inputs) - Fraction(1, outputs)
    return math.ceil(1 / left) if left > 0 else 0


def pick_device__comprehension(devices: list[dict[str, Any]], workload: dict[str, Any]) -> str:
    def seconds(device: dict[str, Any]) -> float:
        return max(workload["flops"] / device["peak"] / 1e12, workload["bytes"] / device["bandwidth"] / 1e9)

    suited = [d for d in devices if workload["kind"] in d["runs"] and seconds(d) <= workload["seconds"] and d["price"] <= workload["budget"]]
    return min(suited, key=lambda d: d["watts"] * seconds(d))["name"] if suited else "none"


def pick_device__sorted(devices: list[dict[str, Any]], workload: dict[str, Any]) -> str:
    ranking = []
    for device in devices:
        if workload["kind"] not in device["runs"] or device["price"] > workload["budget"]:
            continue
        intensity = workload["flops"] / workload["bytes"]
        rate = min(device["peak"] * 1e12, intensity * device["bandwidth"] * 1e9)
        time = workload["flops"] / rate
        if time <= workload["seconds"] * (1 + 1e-12):
            ranking.append((device["watts"] * time, device["name"]))
    return sorted(ranking)[0][1] if ranking else "none"


def pick_device__arrays(devices: list[dict[str, Any]], workload: dict[str, Any]) -> str:
    peak, bandwidth, watts, price = (np.array([d[key] for d in devices]) for key in ("peak", "bandwidth", "watts", "price"))
    seconds = np.maximum(workload["flops"] / 1e12 / peak, workload["bytes"] / 1e9 / bandwidth)
    runs = np.array([workload["kind"] in d["runs"] for d in devices])
    suited = runs & (seconds <= workload["seconds"]) & (price <= workload["budget"])
    energy = np.where(suited, watts * seconds, np.inf)
    return devices[int(energy.argmin())]["name"] if suited.any() else "none"
