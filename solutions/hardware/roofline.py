"""The roofline: is a layer limited by arithmetic or by memory, and which device suits it?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from autograder.exercise import Case, Made, cases, equivalent, exercise, mistakes

# ---- matmul_cost -------------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["4.4"])
def matmul_cost(m: int, k: int, n: int, itemsize: int) -> tuple[int, int]:
    """What a matrix product costs a device: (FLOP, bytes).

    A of shape (m, k) times B of shape (k, n). Each of the m·n results takes k multiplications
    and k additions (the first one is to 0). A and B are read from memory once, the product is
    written once; an element takes `itemsize` bytes.
    """
    return 2 * m * k * n, itemsize * (m * k + k * n + m * n)


@cases(matmul_cost)
def visible_matmul_cost(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("(2, 3) times (3, 5) in float32", 2, 3, 5, 4)
    yield Case("(7, 11) times (11, 13) in float16", 7, 11, 13, 2)


@cases(matmul_cost, hidden=True)
def hidden_matmul_cost(rng: np.random.Generator) -> Iterator[Case]:
    for itemsize in (2, 4, 8):
        m, k, n = (int(side) for side in rng.permutation([17, 29, 43, 61])[:3])
        yield Case(f"{itemsize} bytes an element", m, k, n, itemsize)
    yield Case("a layer of 4096 × 4096 for 32 tokens", 32, 4096, 4096, 2)
    yield Case("a row times a matrix", 1, int(rng.integers(50, 90)), 31, 4)


@mistakes(
    matmul_cost,
    mac="You count a multiplication with its addition as one operation. That is one MAC, and it is two FLOP.",
    first_addition="You leave out one addition for each result. Hardware adds the first product too, to 0: k additions.",
    product_not_written="You forget that the product is written to memory.",
    inputs_not_read="You count what is written only. A and B have to be read first.",
    elements="You count elements. Each takes itemsize bytes.",
    bits="You count bits. An element has itemsize bytes.",
    read_again="You read a row and a column from memory for each result. Here every element is read once, and what is needed again waits on the chip.",
    written_twice="You read the product before you write it. It begins with zeros on the chip and is written once.",
    one_side_missing="You multiply two of the sides only. There are m·n results, and each of them takes k products.",
    bytes_first="The numbers are right, in the wrong order: FLOP come first.",
    weights_only="You count the bytes of B only. A is read and the product written as well.",
)
def matmul_cost_with(made: Made, m: int, k: int, n: int, itemsize: int) -> tuple[int, int]:
    flops = m * n * (k if made.mac else 2 * k - 1 if made.first_addition else 2 if made.one_side_missing else 2 * k)
    a, b, c = m * k, k * n, m * n
    if made.read_again:
        a = b = m * n * k
    if made.product_not_written or made.weights_only:
        c = 0
    if made.weights_only or made.inputs_not_read:
        a = 0
    if made.inputs_not_read:
        b = 0
    moved = (a + b + (2 if made.written_twice else 1) * c) * (1 if made.elements else 8 * itemsize if made.bits else itemsize)
    return (moved, flops) if made.bytes_first else (flops, moved)


# ---- conv_cost ---------------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["4.4"])
def conv_cost(images: int, channels_in: int, channels_out: int, height: int, width: int, kernel: int, itemsize: int) -> tuple[int, int]:
    """What a convolution layer costs a device: (FLOP, bytes).

    Each output is a sum over all input channels and a window of kernel × kernel pixels, with one
    multiplication and one addition for each term. The images are padded so that the output has
    the same height and width; products with padding count as work too, but padding is not read.
    There is no bias. Input and weights are read once, the output is written once; an element
    takes `itemsize` bytes.
    """
    pixels = images * height * width
    weights = channels_out * channels_in * kernel * kernel
    return 2 * pixels * weights, itemsize * (pixels * (channels_in + channels_out) + weights)


@cases(conv_cost)
def visible_conv_cost(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("2 images, 3 to 7 channels, 5 × 11 pixels, 3 × 3", 2, 3, 7, 5, 11, 3, 4)
    yield Case("1 image, 5 to 2 channels, 13 × 11 pixels, 5 × 5, float16", 1, 5, 2, 13, 11, 5, 2)


@cases(conv_cost, hidden=True)
def hidden_conv_cost(rng: np.random.Generator) -> Iterator[Case]:
    for kernel, itemsize in ((3, 4), (5, 2), (7, 8)):
        c, d, h, w = (int(side) for side in rng.permutation([11, 13, 17, 19, 23])[:4])
        yield Case(f"{kernel} × {kernel}", int(rng.integers(2, 6)), c, d, h, w, kernel, itemsize)
    yield Case("1 × 1: a matrix product for each pixel", 3, 29, 31, 7, 5, 1, 4)
    yield Case("a layer of ResNet", 32, 256, 256, 14, 14, 3, 2)


@mistakes(
    conv_cost,
    mac="You count a multiplication with its addition as one operation. That is one MAC, and it is two FLOP.",
    one_input_channel="Each output sums over all input channels: your work is that of one.",
    kernel_once="A window has kernel · kernel pixels. You use the side of the kernel once.",
    valid="Your output is smaller than the image. Here it is padded and keeps its height and width.",
    padding_read="You read the padding from memory. It is made of zeros that nobody stores.",
    images_forgotten="You count the work of a single image.",
    weights_for_each_image="You read the weights again for each image. They are read once and stay on the chip.",
    weights_forgotten="You forget the bytes of the weights.",
    output_not_written="You forget that the output is written to memory.",
    windows_read="You read a whole window from memory for each output, as im2col does. Here every input is read once.",
    elements="You count elements. Each takes itemsize bytes.",
    channels_added="Every output channel has a kernel of its own for each input channel: the two numbers multiply.",
    input_size_of_output="You give the input as many channels as the output. The two may differ.",
    bytes_first="The numbers are right, in the wrong order: FLOP come first.",
)
def conv_cost_with(
    made: Made, images: int, channels_in: int, channels_out: int, height: int, width: int, kernel: int, itemsize: int
) -> tuple[int, int]:
    edge = kernel - 1
    out = (height - edge) * (width - edge) if made.valid else height * width
    window = kernel if made.kernel_once else kernel * kernel
    pairs = channels_out if made.one_input_channel else channels_in + channels_out if made.channels_added else channels_in * channels_out
    weights = pairs * window
    n = 1 if made.images_forgotten else images
    flops = (1 if made.mac else 2) * n * out * weights
    stored = (height + edge) * (width + edge) if made.padding_read else height * width
    inputs = images * stored * (channels_out if made.input_size_of_output else channels_in)
    inputs *= window if made.windows_read else 1
    outputs = 0 if made.output_not_written else images * out * channels_out
    held = channels_in * channels_out * kernel * kernel if made.one_input_channel or made.kernel_once or made.channels_added else weights
    held = 0 if made.weights_forgotten else held * images if made.weights_for_each_image else held
    moved = (inputs + outputs + held) * (1 if made.elements else itemsize)
    return (moved, flops) if made.bytes_first else (flops, moved)


# ---- softmax_cost ------------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["4.4"])
def softmax_cost(rows: int, columns: int, itemsize: int, fused: bool) -> tuple[int, int]:
    """What a softmax over each row of a matrix costs a device: (FLOP, bytes).

    Step by step: the maximum m of each row, the differences x - m, their exponentials e, the
    sum s of each row, and the quotients e / s. Every step takes one FLOP for each element of the
    matrix. Not fused, every step is a program of its own: it reads all of its inputs from memory
    once and writes its result (m and s have one number for each row). Fused into one program,
    only x is read and only the quotients are written. A number takes `itemsize` bytes.
    """
    matrix = rows * columns
    moved = 2 * matrix if fused else 8 * matrix + 4 * rows
    return 5 * matrix, itemsize * moved


@cases(softmax_cost)
def visible_softmax_cost(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("3 × 7 in float32, step by step", 3, 7, 4, False)
    yield Case("3 × 7 in float32, fused", 3, 7, 4, True)
    yield Case("5 × 2 in float16, step by step", 5, 2, 2, False)


@cases(softmax_cost, hidden=True)
def hidden_softmax_cost(rng: np.random.Generator) -> Iterator[Case]:
    for fused in (True, False):
        rows, columns = (int(side) for side in rng.permutation([31, 37, 41, 53])[:2])
        yield Case("a tall or wide matrix", rows, columns, 4, fused)
        yield Case("doubles", columns, rows, 8, fused)
        yield Case("one row", 1, int(rng.integers(50, 90)), 2, fused)
        yield Case("one column", int(rng.integers(50, 90)), 1, 4, fused)


@mistakes(
    softmax_cost,
    always_fused="You always count the fused program. Step by step, every result in between goes to memory and comes back.",
    never_fused="You always count step by step. Fused, x is read and the quotients are written: all the rest stays on the chip.",
    rows_forgotten="The maxima and the sums travel too: each is written once and read once, a number for each row.",
    maxima_broadcast="You read or write the maxima and the sums once for each element. There is one number for each row.",
    reads_only="You count what is read. Every step writes its result as well.",
    writes_only="You count what is written. Every step has to read its inputs first.",
    no_maximum="The maximum and its subtraction are missing. They keep the exponential from overflowing.",
    one_flop="You count one operation for each element. There are five steps.",
    elements="You count numbers. Each takes itemsize bytes.",
    fused_does_less="You let the fused program do less work. It does the same operations; it moves fewer bytes.",
    fused_never_writes="You do not count the bytes that the fused program writes. The quotients have to get into memory.",
    differences_kept="You let the exponential follow upon the difference within one program. Here each of the five steps is a program of its own.",
    bytes_first="The numbers are right, in the wrong order: FLOP come first.",
)
def softmax_cost_with(made: Made, rows: int, columns: int, itemsize: int, fused: bool) -> tuple[int, int]:
    fused = (fused or made.always_fused) and not made.never_fused
    matrix = rows * columns
    a_row = 0 if made.rows_forgotten else matrix if made.maxima_broadcast else rows
    x, m, d, e, s, y = matrix, a_row, matrix, matrix, a_row, matrix
    steps = [((x,), m), ((x, m), d), ((d,), e), ((e,), s), ((e, s), y)]
    flops = 5 * matrix
    if made.no_maximum:
        steps = [((x,), e), ((e,), s), ((e, s), y)]
        flops = 3 * matrix
    if made.differences_kept:
        steps = [((x,), m), ((x, m), e), ((e,), s), ((e, s), y)]
    if fused:
        steps = [((x,), 0 if made.fused_never_writes else y)]
    if made.one_flop or (made.fused_does_less and fused):
        flops = matrix
    read, written = sum(sum(inputs) for inputs, _ in steps), sum(result for _, result in steps)
    moved = (0 if made.writes_only else read) + (0 if made.reads_only else written)
    moved *= 1 if made.elements else itemsize
    return (moved, flops) if made.bytes_first else (flops, moved)


# ---- attainable --------------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["4.4"])
def attainable(flops: float, bytes_moved: float, peak: float, bandwidth: float) -> float:
    """The TFLOP/s that a device can reach at most on this work: its roofline.

    `peak` is in TFLOP/s, `bandwidth` in GB/s; T is 10¹² and G is 10⁹. Computing and moving
    bytes go on at the same time, so that the slower of the two decides.
    """
    intensity = flops / bytes_moved
    return min(peak, intensity * bandwidth / 1000)


@cases(attainable)
def visible_attainable(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("3 FLOP a byte, 10 TFLOP/s, 500 GB/s", 3e9, 1e9, 10.0, 500.0)
    yield Case("80 FLOP a byte, 10 TFLOP/s, 500 GB/s", 8e10, 1e9, 10.0, 500.0)
    yield Case("a FLOP for 100 bytes, 10 TFLOP/s, 500 GB/s", 1e7, 1e9, 10.0, 500.0)


@cases(attainable, hidden=True)
def hidden_attainable(rng: np.random.Generator) -> Iterator[Case]:
    for name, low, high in (("left of the ridge", 0.05, 0.7), ("right of the ridge", 1.5, 9.0)):
        for _ in range(3):
            peak, bandwidth, moved = float(rng.uniform(2, 90)), float(rng.uniform(100, 3000)), float(rng.uniform(1e6, 1e10))
            yield Case(name, float(rng.uniform(low, high)) * 1000 * peak / bandwidth * moved, moved, peak, bandwidth)
    yield Case("near the ridge", 21e9, 1e9, 20.0, float(rng.uniform(960, 1000)))
    yield Case("far less than a FLOP a byte", 1e6, 120e6, 30.0, float(rng.uniform(500, 900)))


@mistakes(
    attainable,
    larger="You take the larger of the two. What is slower decides: a device cannot compute faster than its peak, nor faster than its memory feeds it.",
    no_overlap="You add the two times, as if the device waited for all bytes before it computes. Both go on at once: only the slower counts.",
    added="You add the two limits. Each holds by itself, so the lower one decides.",
    peak_only="You return the peak wherever you are. With little work for each byte, memory decides.",
    memory_only="There is no ceiling in your roofline: however much work there is for a byte, the peak cannot be passed.",
    gigabinary="You take GB for GiB. A gigabyte is 10⁹ bytes, a gibibyte 2³⁰, which is 7% more.",
    binary_thousand="You divide by 1024. From giga to tera it is 1000.",
    units="Your units do not fit: GB/s times FLOP for each byte are GFLOP/s, and TFLOP/s are asked for.",
    intensity_inverted="You divide bytes by FLOP. The intensity is how much work there is for each byte.",
    gigabits="You take the bandwidth for gigabits. GB are gigabytes (a small b would be bits).",
    mac="You count two FLOP for each FLOP. The factor 2 belongs to MACs, and was counted already.",
    seconds="You return a time. The rate at which the work is done is asked for.",
    share="You return the share of the peak. The rate itself, in TFLOP/s, is asked for.",
    intensity="You return the FLOP for each byte. That is the place on the horizontal axis; the height of the roof is asked for.",
)
def attainable_with(made: Made, flops: float, bytes_moved: float, peak: float, bandwidth: float) -> float:
    intensity = bytes_moved / flops if made.intensity_inverted else flops / bytes_moved
    intensity *= 2 if made.mac else 1
    giga = 2**30 if made.gigabinary else 1e9 / 8 if made.gigabits else 1e9
    tera = 1e9 if made.units else 1024e9 if made.binary_thousand else 1e12
    fed = intensity * bandwidth * giga / tera
    if made.intensity:
        return intensity
    if made.no_overlap:
        return 1 / (1 / peak + 1 / fed)
    if made.added:
        return peak + fed
    roof = max(peak, fed) if made.larger else peak if made.peak_only else fed if made.memory_only else min(peak, fed)
    return flops / (roof * 1e12) if made.seconds else roof / peak if made.share else roof


# ---- bounds ------------------------------------------------------------------------------------------------------------


@exercise(points=2, rows=["4.4"])
def bounds(costs: list[tuple[float, float]], peak: float, bandwidth: float) -> tuple[float, list[str]]:
    """The ridge point of a device, and what limits each layer on it: (ridge, labels).

    The ridge point is the intensity, in FLOP per byte, from which on the peak can be reached.
    `costs` holds (FLOP, bytes) of each layer. A layer with less FLOP per byte than the ridge is
    limited by "memory"; one at the ridge or beyond is limited by "compute". `peak` is in TFLOP/s,
    `bandwidth` in GB/s.
    """
    ridge = 1000 * peak / bandwidth
    return ridge, ["memory" if flops / moved < ridge else "compute" for flops, moved in costs]


def layers_around(rng: np.random.Generator, ridge: float, *shares: float) -> list[tuple[float, float]]:
    """Costs of layers whose intensities are these shares of the ridge."""
    moved = rng.uniform(1e6, 1e9, size=len(shares))
    return [(share * ridge * float(m), float(m)) for share, m in zip(shares, moved, strict=True)]


@cases(bounds)
def visible_bounds(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("10 TFLOP/s, 500 GB/s", [(3e9, 1e9), (8e10, 1e9), (1.9e7, 1e6), (2.1e7, 1e6)], 10.0, 500.0)
    yield Case("exactly at the ridge", [(2e10, 1e9), (1e10, 1e9)], 4.0, 200.0)


@cases(bounds, hidden=True)
def hidden_bounds(rng: np.random.Generator) -> Iterator[Case]:
    for _ in range(4):
        peak, bandwidth = float(rng.uniform(2, 90)), float(rng.uniform(100, 3000))
        shares = rng.permutation([0.02, 0.3, 0.6, 0.97, 1.03, 1.5, 5.0, 60.0])
        yield Case("layers on both sides", layers_around(rng, 1000 * peak / bandwidth, *shares.tolist()), peak, bandwidth)
    yield Case("a ridge below 1", layers_around(rng, 0.25, 0.5, 2.0, 3.0, 0.9), 0.05, 200.0)
    yield Case("at the ridge", [(64e6, 1e6), (32e6, 1e6), (128e6, 1e6)], 16.0, 250.0)


@mistakes(
    bounds,
    labels_swapped="The labels are swapped. With little work for each byte the device waits for its memory.",
    at_the_ridge="At the ridge the peak is just reached: that counts as limited by compute.",
    inverted="Your ridge is bytes per FLOP. FLOP per byte are asked for.",
    units="Your units do not fit: the peak is in TFLOP/s, the bandwidth in GB/s, a thousand times less.",
    gigabinary="You take GB for GiB. A gigabyte is 10⁹ bytes, a gibibyte 2³⁰.",
    binary_thousand="You multiply by 1024. From giga to tera it is 1000.",
    mac="Your ridge is in MACs: it is half as large. FLOP are asked for, and the peak counts FLOP.",
    by_work="You compare how much work there is. What matters is the work for each byte.",
    all_alike="You give every layer the same label. Each has an intensity of its own.",
    attainable_rates="You return the rates of the layers. A label for each is asked for.",
    short_labels="Your labels are not the words that are asked for: they end in `-bound`.",
    labels_only="The ridge point is missing: return both, the ridge first.",
    labels_first="The ridge comes first, then the labels.",
)
def bounds_with(made: Made, costs: list[tuple[float, float]], peak: float, bandwidth: float) -> Any:
    thousand = 1 if made.units else 1024 if made.binary_thousand else 1e12 / 2**30 if made.gigabinary else 1000
    ridge = thousand * peak / bandwidth
    ridge = 1 / ridge if made.inverted else ridge / 2 if made.mac else ridge
    memory, compute = ("compute", "memory") if made.labels_swapped else ("memory", "compute")
    if made.short_labels:
        memory, compute = "memory-bound", "compute-bound"
    average = sum(flops for flops, _ in costs) / len(costs)
    labels = []
    for flops, moved in costs:
        below = flops / moved <= ridge if made.at_the_ridge else flops < average if made.by_work else flops / moved < ridge
        labels.append(memory if below else compute)
    if made.all_alike:
        labels = [labels[0]] * len(labels)
    if made.attainable_rates:
        return ridge, [min(peak, flops / moved * bandwidth / 1000) for flops, moved in costs]
    return labels if made.labels_only else (labels, ridge) if made.labels_first else (ridge, labels)


# ---- compute_bound_batch -----------------------------------------------------------------------------------------------


@exercise(points=3, rows=["4.4"])
def compute_bound_batch(inputs: int, outputs: int, itemsize: int, ridge: float) -> int:
    """The smallest batch with which a linear layer is limited by compute on a device with this
    ridge point, in FLOP per byte; 0 if no batch is large enough.

    The layer multiplies a batch of shape (batch, inputs) by weights of shape (inputs, outputs).
    A multiplication and an addition are two FLOP. Batch and weights are read once, the product is
    written once; an element takes `itemsize` bytes. At the ridge it is limited by compute.
    """
    a_sample = 2 * inputs * outputs - ridge * itemsize * (inputs + outputs)
    if a_sample <= 0:
        return 0
    return math.ceil(ridge * itemsize * inputs * outputs / a_sample)


def exact_batch(inputs: int, outputs: int, itemsize: int, ridge: float) -> float:
    """The batch at which the layer lies on the ridge; infinite if there is none."""
    a_sample = 2 * inputs * outputs - ridge * itemsize * (inputs + outputs)
    return ridge * itemsize * inputs * outputs / a_sample if a_sample > 0 else math.inf


def clear_ridge(rng: np.random.Generator, inputs: int, outputs: int, itemsize: int, low: float, high: float) -> float:
    """A ridge whose batch does not hang on a rounding error."""
    while True:
        ridge = float(rng.uniform(low, high))
        fraction = exact_batch(inputs, outputs, itemsize, ridge) % 1
        if 0.1 < fraction < 0.4 or 0.6 < fraction < 0.9:
            return ridge


@cases(compute_bound_batch)
def visible_compute_bound_batch(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("1024 to 1024 in float16, ridge 20.1", 1024, 1024, 2, 20.1)
    yield Case("300 to 500 in float32, ridge 10.2", 300, 500, 4, 10.2)
    yield Case("a small layer, 16 to 32 in float32: its batch and product are too large", 16, 32, 4, 20.0)


@cases(compute_bound_batch, hidden=True)
def hidden_compute_bound_batch(rng: np.random.Generator) -> Iterator[Case]:
    for itemsize in (1, 2, 4):
        inputs, outputs = (int(side) for side in rng.permutation([601, 1009, 2003])[:2])
        yield Case(f"{itemsize} bytes an element", inputs, outputs, itemsize, clear_ridge(rng, inputs, outputs, itemsize, 15, 60))
    yield Case("a wide layer", 4096, 16384, 2, clear_ridge(rng, 4096, 16384, 2, 120, 160))
    yield Case("near the limit", 128, 128, 4, clear_ridge(rng, 128, 128, 4, 28, 31))
    yield Case("from the first sample on", 97, 211, 2, float(rng.uniform(0.3, 0.7)))
    yield Case("a tiny layer, near the limit", 3, 5, 1, float(rng.uniform(3.68, 3.7)))
    yield Case("beyond the limit", 61, 53, 2, float(rng.uniform(30, 60)))
    yield Case("just as much as the limit", 32, 32, 2, 16.0)
    yield Case("exactly at the ridge", 32, 32, 4, 4.0)


@mistakes(
    compute_bound_batch,
    mac="You count a MAC as one operation. It is two FLOP, and the ridge counts FLOP.",
    weights_only="You count the bytes of the weights only. Batch and product move as well, and the more samples, the more.",
    product_forgotten="You forget that the product is written.",
    batch_not_read="You forget that the batch is read.",
    elements="You count elements. Each takes itemsize bytes.",
    rounded_down="You round down. With that batch the layer is still limited by memory: round up.",
    rounded="You round to the nearest batch. Where that is down, the layer is still limited by memory: round up.",
    not_rounded="You return a batch with a fraction. There is no half sample.",
    one_more="At the ridge itself the layer is limited by compute. You ask for one sample more.",
    negative="Your batch is negative, or there was a division by 0. Each sample brings work and bytes; where the bytes of its own are too many, no batch is enough: 0.",
    limit_is_one="Where no batch is enough you return 1. In that case 0 is asked for.",
    always_doubles="Your elements always have 4 bytes. How many they have is given.",
    ridge_alone="You return the ridge. It is an intensity; the intensity of a layer depends on its batch, sides and itemsize.",
    weights_again="You read the weights again for every sample. They are read once for the whole batch: that is why a batch helps.",
)
def compute_bound_batch_with(made: Made, inputs: int, outputs: int, itemsize: int, ridge: float) -> Any:
    size = 1 if made.elements else 4 if made.always_doubles else itemsize
    if made.ridge_alone:
        return math.ceil(ridge)
    own = (0 if made.batch_not_read or made.weights_only else inputs) + (0 if made.product_forgotten or made.weights_only else outputs)
    work = (1 if made.mac else 2) * inputs * outputs
    gain = work - ridge * size * own - (ridge * size * inputs * outputs if made.weights_again else 0)
    needed = ridge * size * inputs * outputs
    if made.weights_again:
        return 1 if gain >= 0 else 0
    if gain <= 0:
        if made.negative:
            return math.ceil(needed / gain) if gain else -1
        return (0.0 if made.not_rounded else 0) if not made.limit_is_one else 1
    exact = needed / gain
    if made.not_rounded:
        return exact
    batch = math.floor(exact) if made.rounded_down else round(exact) if made.rounded else math.ceil(exact)
    return math.floor(exact) + 1 if made.one_more else batch


# ---- pick_device -------------------------------------------------------------------------------------------------------


@exercise(points=3, rows=["4.4"])
def pick_device(devices: list[dict[str, Any]], workload: dict[str, Any]) -> str:
    """The name of the device to take for a workload, or "none".

    A device has a "name"; "runs", the list of the kinds of work it can do; its "peak" in TFLOP/s
    and "bandwidth" in GB/s; "watts", its power while it works; and its "price" in dollars. A
    workload has a "kind"; its "flops" and "bytes"; "seconds", the time it may take; and "budget",
    the dollars that the device may cost at most. Its time on a device is the longer of computing
    at peak and moving the bytes at full bandwidth.

    Of the devices that run this kind, are in time and within the budget (just so is enough), take
    the one that needs the least energy, power times time. There are no ties.
    """
    name, least = "none", math.inf
    for device in devices:
        seconds = max(workload["flops"] / (device["peak"] * 1e12), workload["bytes"] / (device["bandwidth"] * 1e9))
        energy = device["watts"] * seconds
        suits = workload["kind"] in device["runs"] and seconds <= workload["seconds"] and device["price"] <= workload["budget"]
        if suits and energy < least:
            name, least = device["name"], energy
    return name


equivalent(pick_device, {"if suits and energy <= least:": "There are no ties."})

# Round numbers of the right size for devices around 2020.
DEVICES: list[dict[str, Any]] = [
    {"name": "CPU", "runs": ["matmul", "convolution", "elementwise", "fft", "branches"], "peak": 2.0, "bandwidth": 100.0, "watts": 150.0, "price": 1500},
    {"name": "GPU", "runs": ["matmul", "convolution", "elementwise", "fft"], "peak": 100.0, "bandwidth": 1000.0, "watts": 350.0, "price": 8000},
    {"name": "DSP", "runs": ["matmul", "convolution", "fft"], "peak": 1.0, "bandwidth": 30.0, "watts": 3.0, "price": 40},
    {"name": "FPGA", "runs": ["matmul", "convolution", "fft", "branches"], "peak": 5.0, "bandwidth": 60.0, "watts": 40.0, "price": 3000},
    {"name": "ASIC", "runs": ["matmul", "convolution"], "peak": 200.0, "bandwidth": 800.0, "watts": 200.0, "price": 12000},
]  # fmt: skip


def workload(kind: str, flops: float, moved: float, seconds: float, budget: float) -> dict[str, Any]:
    return {"kind": kind, "flops": flops, "bytes": moved, "seconds": seconds, "budget": budget}


def random_devices(rng: np.random.Generator) -> list[dict[str, Any]]:
    """Five devices, none better than the others in everything."""
    kinds = ["matmul", "convolution", "elementwise", "fft", "branches"]
    return [
        {
            "name": name,
            "runs": [str(kind) for kind in rng.choice(kinds, size=4, replace=False)],
            "peak": float(rng.uniform(1, 4) * 4**k),
            "bandwidth": float(rng.uniform(20, 60) * 2.5 ** ((k + 2) % 5)),
            "watts": float(rng.uniform(5, 20) * 2.5**k),
            "price": int(rng.integers(100, 300)) * (k + 1),
        }
        for k, name in enumerate(str(name) for name in rng.permutation(["DSP", "CPU", "FPGA", "GPU", "ASIC"]))
    ]


@cases(pick_device)
def visible_pick_device(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("a matrix product, plenty of time and money", DEVICES, workload("matmul", 2e12, 1e10, 10.0, 20000))
    yield Case("the same in a hurry", DEVICES, workload("matmul", 2e12, 1e10, 0.05, 20000))
    yield Case("the same in a hurry, with less money", DEVICES, workload("matmul", 2e12, 1e10, 0.05, 9000))
    yield Case("the same, with no money", DEVICES, workload("matmul", 2e12, 1e10, 0.05, 1000))
    yield Case("a ReLU: hardly any work for a byte", DEVICES, workload("elementwise", 1e9, 8e9, 1.0, 20000))
    yield Case("a search with many branches", DEVICES, workload("branches", 1e11, 4e10, 1.0, 20000))


@cases(pick_device, hidden=True)
def hidden_pick_device(rng: np.random.Generator) -> Iterator[Case]:
    for k in range(30):
        devices = random_devices(rng)
        kind = str(rng.choice(["matmul", "convolution", "elementwise", "fft", "branches"]))
        moved = float(rng.uniform(1e9, 1e11))
        flops = moved * float(rng.choice([0.5, 10, 40, 200, 1000])) * float(rng.uniform(0.7, 1.4))
        times = sorted(max(flops / (d["peak"] * 1e12), moved / (d["bandwidth"] * 1e9)) for d in devices)
        deadline = times[int(rng.integers(1, 5))] * 1.1
        budget = sorted(d["price"] for d in devices)[int(rng.integers(1, 5))]
        yield Case(f"other devices, workload {k + 1}", devices, workload(kind, flops, moved, deadline, budget))
    yield Case("just in time", DEVICES, workload("matmul", 2e12, 1e10, 2.0, int(rng.integers(100, 1400))))
    yield Case("nobody does it", DEVICES, workload("sorting", 1e9, 1e9, 1.0, int(rng.integers(10000, 20000))))


@mistakes(
    pick_device,
    fastest="You take the fastest device. Of those that are in time, the one with the least energy is asked for.",
    cheapest="You take the cheapest device. Of those within the budget, the one with the least energy is asked for.",
    least_power="You take the device with the fewest watts. Energy is power times time: a strong device may be done sooner.",
    best_per_watt="You take the device with the most peak per watt. The time of this workload may be decided by memory.",
    compute_time_only="You leave the memory out: the time is that of computing or of moving the bytes, whichever is longer.",
    memory_time_only="You leave the computing out: the time is that of computing or of moving the bytes, whichever is longer.",
    shorter_time="You take the shorter of the two times. The work is done when both are done.",
    times_added="You add the two times. Computing and moving go on at once.",
    kind_ignored="You give the work to a device that cannot do it: look at what it runs.",
    deadline_ignored="You take a device that is too slow: the workload has a time limit.",
    budget_ignored="You take a device that costs too much: there is a budget.",
    strictly_within="A device that costs just as much as the budget, or takes just as long as it may, is good enough.",
    units="Your units do not fit: peak is in TFLOP/s and bandwidth in GB/s, a factor of 1000.",
    most_energy="You take the device that needs the most energy.",
    price_times_time="You weigh time by price. The energy decides, which is power times time.",
    number="You return the place in the list. The name is asked for.",
    none_value="Where no device suits, you return None. The word \"none\" is asked for.",
    first_that_suits="You take the first device that suits. Others may need less energy.",
)  # fmt: skip
def pick_device_with(made: Made, devices: list[dict[str, Any]], workload: dict[str, Any]) -> Any:
    found: list[tuple[float, int]] = []
    for k, device in enumerate(devices):
        computing = workload["flops"] / (device["peak"] * 1e12)
        moving = workload["bytes"] / (device["bandwidth"] * (1e12 if made.units else 1e9))
        seconds = (
            computing if made.compute_time_only
            else moving if made.memory_time_only
            else computing + moving if made.times_added
            else min(computing, moving) if made.shorter_time
            else max(computing, moving)
        )  # fmt: skip
        if not made.kind_ignored and workload["kind"] not in device["runs"]:
            continue
        if not made.deadline_ignored and seconds > workload["seconds"]:
            continue
        if not made.budget_ignored and device["price"] > workload["budget"]:
            continue
        if made.strictly_within and (seconds == workload["seconds"] or device["price"] == workload["budget"]):
            continue
        by = (
            seconds if made.fastest
            else device["price"] if made.cheapest
            else device["watts"] if made.least_power
            else device["watts"] / device["peak"] if made.best_per_watt
            else device["price"] * seconds if made.price_times_time
            else len(found) if made.first_that_suits
            else device["watts"] * seconds
        )  # fmt: skip
        found.append((by, k))
    if not found:
        return None if made.none_value else -1 if made.number else "none"
    k = (max if made.most_energy else min)(found)[1]
    return k if made.number else devices[k]["name"]
