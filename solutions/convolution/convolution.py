"""Convolution layers: one kernel, padding and stride, channels, and the way back."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float, Num
from numpy import ndarray

from autograder.exercise import Case, Made, cases, equivalent, exercise, mistakes

CONVOLUTIONS = [
    *(f"scipy.signal.{name}" for name in ("correlate2d", "convolve2d", "correlate", "convolve", "fftconvolve", "oaconvolve")),
    *(f"scipy.ndimage.{name}" for name in ("correlate", "convolve", "correlate1d", "convolve1d")),
    *(f"torch.nn.functional.conv{name}" for name in ("2d", "3d", "1d", "_transpose2d", "_transpose3d", "_transpose1d")),
    *(f"torch.nn.Conv{name}" for name in ("2d", "3d", "1d", "Transpose2d", "Transpose3d", "Transpose1d")),
    *(f"torch.conv{name}" for name in ("2d", "3d", "1d", "_transpose2d", "_transpose3d", "_transpose1d", "_tbc", "olution")),
]

# ---- corr2d ----------------------------------------------------------------------------------------------------------


@exercise(points=3, rows=["5.3"], shares={"kernel as large as the image": 0.1, "integer image": 0.1}, forbid=CONVOLUTIONS)
def corr2d(x: Num[ndarray, "h w"], kernel: Num[ndarray, "kh kw"]) -> Float[ndarray, "h-kh+1 w-kw+1"]:
    """Cross-correlate an image with a kernel: slide the kernel over the image and sum the
    products.

    out[i, j] = Σ_a Σ_b x[i + a, j + b] · kernel[a, b], for every place where the kernel lies
    inside the image. Integers count as float64. Write it without the convolution functions of
    SciPy and PyTorch.
    """
    h, w = x.shape
    kh, kw = kernel.shape
    out = np.empty((h - kh + 1, w - kw + 1), dtype=np.result_type(x, kernel, np.float32))
    for i in range(h - kh + 1):
        for j in range(w - kw + 1):
            out[i, j] = np.sum(x[i : i + kh, j : j + kw] * kernel)
    return out


def image_and_kernel(rng: np.random.Generator, h: int, w: int, kh: int, kw: int) -> tuple[ndarray, ndarray]:
    return rng.normal(size=(h, w)), rng.normal(size=(kh, kw))


equivalent(
    corr2d,
    {"out = np.empty((h - kh + 1, w - kw + 1))": "It is float64 for all inputs, which is precise enough."},
)


@cases(corr2d)
def visible_corr2d(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("7×11 image, 2×3 kernel", *image_and_kernel(rng, 7, 11, 2, 3))
    yield Case("7×5 image, 3×3 kernel", *image_and_kernel(rng, 7, 5, 3, 3))


@cases(corr2d, hidden=True)
def hidden_corr2d(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("tall kernel", *image_and_kernel(rng, 11, 7, 5, 2))
    yield Case("square image", *image_and_kernel(rng, 7, 7, 2, 3))
    yield Case("1×1 kernel", *image_and_kernel(rng, 5, 3, 1, 1))
    yield Case("kernel of one row", *image_and_kernel(rng, 5, 7, 1, 2))
    fits_once = "A kernel as large as the image fits in one place: the answer has shape (1, 1)."
    yield Case("5×3 image and kernel", *image_and_kernel(rng, 5, 3, 5, 3), group="kernel as large as the image", hint=fits_once)
    fractions = "The pixels of a photo are integers, the kernel's weights are fractions: the answer needs room for fractions."
    yield Case("pixels from 0 to 255", rng.integers(0, 256, (7, 5)), rng.normal(size=(2, 3)), group="integer image", hint=fractions)


@mistakes(
    corr2d,
    flipped="Your kernel is flipped in both directions. Mathematics calls that convolution; here, as in deep learning, `kernel[a, b]` meets `x[i + a, j + b]`.",
    flipped_rows="Your kernel is upside down: its first row belongs to the window's first row.",
    flipped_columns="Your kernel is mirrored from left to right: its first column belongs to the window's first column.",
    transposed_kernel="You use the kernel transposed. Its first axis goes down the image, its second to the right.",
    transposed_image="You go through the image with rows and columns swapped. The first index is the row, the second the column.",
    transposed_output="Rows and columns of your output are swapped: the first index of the output says in which row the window starts.",
    flattened_differently="You flatten window and kernel in different orders, rows first here and columns first there, so the wrong numbers meet.",
    mean="You average the products. The kernel's numbers are the weights already: sum, and do not divide.",
    normalised="You divide by the sum of the kernel. That keeps an image's brightness when one blurs; here the products are just summed.",
    no_kernel="You sum the window without multiplying by the kernel.",
    largest="You take the largest product. Sum the products.",
    overwrites="Only the last product of each window is left: the others are overwritten. Add to the sum instead of replacing it.",
    first_row_only="You sum the products of the kernel's first row only. The sum runs over both axes of the kernel.",
    builtin_sum="Python's own `sum` adds along the first axis only and leaves a row of numbers. Sum over both axes of the window.",
    matmul="You multiply window and kernel as matrices. Multiply them element by element, then sum.",
    multiplies_in_place="A slice of an array is a view: when you multiply the window in place, the image itself changes, and the next window sees the damage.",
    one_short="The last position is missing in both directions: a kernel of k rows fits h - k + 1 times into h rows, not h - k times.",
    last_stays_zero="Your loops stop one position too early: the last row and the last column of the output are never computed.",
    uncropped="Your output is as large as the image, and its last rows and columns stay 0. Only the places where the kernel fits belong to it.",
    same_size="Your output is as large as the image, so you pad it. Here there is no padding: the kernel stays inside.",
    half_kernel_padding="You pad half a kernel on every side. Here there is no padding: the kernel stays inside.",
    full_size="You also count places where kernel and image overlap only partly. Keep those where the kernel lies inside.",
    wraps_around="Your kernel is centred on the pixel, and where it reaches over the upper or left edge a negative index takes pixels from the opposite edge. The window starts at (i, j).",
    nonoverlapping="Your window jumps by its own size. It moves by one pixel each time, so windows overlap.",
    swapped_sizes="You take the kernel's width for its height: the first number of its shape counts the rows.",
    square_kernel="You use the kernel's height for its width too. Kernels need not be square.",
    square_window="Your window is square: it is as wide as the kernel is high. Take height and width from the kernel's shape.",
    square_output="Your output is square: you use its height for its width too.",
    rounded="You store the output as integers: the fractions are cut off.",
    float32_output="You store the output in float32. When image and kernel are float64, half of the digits are lost.",
    image_dtype="You store the output in the image's dtype. When the image holds integers and the kernel fractions, the fractions are cut off.",
    integer_output="With an image and a kernel of integers your answer holds integers. Integers count as float64 here: the answer is floating point.",
)
def corr2d_with(made: Made, x: ndarray, kernel: ndarray) -> ndarray:
    x, kernel = turned_with(made, x, kernel)
    kh, kw = kernel.shape
    if made.swapped_sizes:
        kh, kw = kw, kh
    if made.square_window:
        kw = kh
    if made.square_kernel:
        kw = kh
        kernel = kernel[np.arange(kh)[:, None], np.arange(kw)]
    if made.wraps_around:
        x = np.roll(x, (kh // 2, kw // 2), (0, 1))
    if made.same_size:
        x = np.pad(x, (((kh - 1) // 2, kh // 2), ((kw - 1) // 2, kw // 2)))
    if made.half_kernel_padding:
        x = np.pad(x, ((kh // 2, kh // 2), (kw // 2, kw // 2)))
    if made.full_size:
        x = np.pad(x, ((kh - 1, kh - 1), (kw - 1, kw - 1)))
    step_h, step_w = (kh, kw) if made.nonoverlapping else (1, 1)
    rows, columns = (x.shape[0] - kh) // step_h + 1 - made.one_short, (x.shape[1] - kw) // step_w + 1 - made.one_short
    out = np.zeros((rows, rows if made.square_output else columns), dtype=corr2d_dtype_with(made, x, kernel))
    for i in range(rows - made.last_stays_zero):
        for j in range(columns - made.last_stays_zero):
            top, left = i * step_h, j * step_w
            out[i, j] = window_sum_with(made, x[top : top + kh, left : left + kw], kernel)
    if made.uncropped:
        out = np.pad(out, ((0, x.shape[0] - rows), (0, x.shape[1] - columns)))
    return out.T if made.transposed_output else out


def turned_with(made: Made, x: ndarray, kernel: ndarray) -> tuple[ndarray, ndarray]:
    if made.transposed_kernel:
        kernel = kernel.T
    if made.flattened_differently:
        kernel = kernel.T.reshape(kernel.shape)
    if made.flipped or made.flipped_rows:
        kernel = kernel[::-1]
    if made.flipped or made.flipped_columns:
        kernel = kernel[:, ::-1]
    if made.normalised:
        kernel = kernel / kernel.sum()
    return x.T if made.transposed_image else x, kernel


def window_sum_with(made: Made, window: ndarray, kernel: ndarray) -> Any:
    if made.multiplies_in_place:
        window *= kernel
        return window.sum()
    products = window @ kernel if made.matmul else window if made.no_kernel else window * kernel
    if made.builtin_sum:
        return sum(products)
    if made.mean:
        return products.mean()
    if made.largest:
        return products.max()
    if made.overwrites:
        return products[-1, -1]
    return products[0].sum() if made.first_row_only else products.sum()


def corr2d_dtype_with(made: Made, x: ndarray, kernel: ndarray) -> np.dtype:
    if made.rounded:
        return np.dtype(np.int64)
    if made.float32_output:
        return np.dtype(np.float32)
    if made.image_dtype:
        return x.dtype
    return np.result_type(x, kernel) if made.integer_output else np.result_type(x, kernel, np.float32)


# ---- conv_output_size ------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["5.6"])
def conv_output_size(n: int, k: int, stride: int = 1, padding: int = 0) -> int:
    """How many positions a kernel of size k has along an axis of n pixels, with `padding` zeros on
    each side.

    The kernel moves by `stride` pixels, and a position counts only if the whole kernel lies
    inside the padded axis. It fits at least once.
    """
    return (n + 2 * padding - k) // stride + 1


@cases(conv_output_size)
def visible_output_size(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("32 pixels, kernel 5", 32, 5)
    yield Case("224 pixels, kernel 7, stride 2, padding 3", 224, 7, stride=2, padding=3)
    yield Case("28 pixels, kernel 5, padding 2", 28, 5, padding=2)


@cases(conv_output_size, hidden=True)
def hidden_output_size(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("the stride fits exactly", 31, 3, 4, 2)
    yield Case("pixels are left over", 30, 4, stride=3, padding=1)
    yield Case("no padding, a large stride", 37, 5, stride=7)
    yield Case("kernel larger than the image before padding", 3, 6, 2, 2)
    yield Case("kernel as large as the image", 11, 11)
    for k in (2, 5, 8):
        yield Case("random", int(rng.integers(20, 200)), k, int(rng.integers(2, 6)), int(rng.integers(1, 5)))


@mistakes(
    conv_output_size,
    no_plus_one="The first position is missing: a kernel that can move m steps stands in m + 1 places.",
    rounds_up="You round up. A position where the kernel sticks out does not count: round down.",
    rounds_to_nearest="You round to the nearest integer. A position where the kernel sticks out does not count: round down.",
    total_padding="You take `padding` as the total of both sides, a convention of some books. Here, as in PyTorch, it is the number of zeros on each side.",
    no_padding="You ignore `padding`.",
    no_stride="You ignore `stride`.",
    padding_subtracted="You subtract the padding. It makes the image larger.",
    stride_before_kernel="You divide the padded size by the stride before you take the kernel off. The stride divides what is left once the kernel is placed.",
    adds_one_first="You add 1 before you divide by the stride. The first position costs no step: add it after the division.",
    float_division="You return a fraction. A number of positions is an integer: divide and round down.",
    counted_twice="You count `padding` four times. There are `padding` zeros on each of two sides.",
)
def conv_output_size_with(made: Made, n: int, k: int, stride: int = 1, padding: int = 0) -> float:
    if made.no_padding:
        padding = 0
    if made.no_stride:
        stride = 1
    sides = 1 if made.total_padding else -2 if made.padding_subtracted else 4 if made.counted_twice else 2
    room = n + sides * padding - k
    if made.rounds_up:
        return -(-room // stride) + 1
    if made.rounds_to_nearest:
        return round(room / stride) + 1
    if made.float_division:
        return room / stride + 1
    if made.stride_before_kernel:
        return (n + 2 * padding) // stride - k + 1
    if made.adds_one_first:
        return (room + 1) // stride
    return room // stride + (0 if made.no_plus_one else 1)


# ---- conv_layers_to_reach --------------------------------------------------------------------------------------------


@exercise(points=1, rows=["5.6"])
def conv_layers_to_reach(n: int, k: int, target: int) -> int:
    """How many convolutions, one after another, bring an axis of n pixels down to `target` pixels
    or fewer.

    Every kernel has size k, at least 2, with stride 1 and without padding. `target` is at least
    k - 1, so that every kernel fits; when n is at most `target`, no layer is needed.
    """
    layers = 0
    while n > target:
        n -= k - 1
        layers += 1
    return layers


@cases(conv_layers_to_reach)
def visible_layers(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("from 32 to 4 with kernels of size 5", 32, 5, 4)
    yield Case("from 30 to 10 or fewer with kernels of size 4", 30, 4, 10)


@cases(conv_layers_to_reach, hidden=True)
def hidden_layers(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("small enough already", 7, 3, 11)
    yield Case("as large as the target", 9, 5, 9)
    yield Case("one layer is enough", 12, 7, 7)
    for k in (2, 3, 6):
        target, layers = int(rng.integers(k, 12)), int(rng.integers(9, 30))
        yield Case("reached exactly", target + layers * (k - 1), k, target)
        yield Case("not reached exactly", target + layers * (k - 1) + k // 2, k, target)


@mistakes(
    conv_layers_to_reach,
    divides_by_k="You let each layer take k pixels off. The kernel stands in n - k + 1 places, so a layer takes k - 1.",
    divides_by_k_rounding_down="You let each layer take k pixels off and round down. A layer takes k - 1, and a last step that goes below the target counts too.",
    rounds_down="You stop before the target is reached. When the last step goes below it, that layer counts too: round up.",
    one_layer_more="You go on until the size is smaller than the target. Reaching it is enough.",
    counts_sizes="You count the sizes on the way, and the first one needs no layer.",
    half_a_kernel="You let each layer take half a kernel off. It takes that on both sides.",
    negative="You give a negative number of layers when the axis is small enough already. Then none is needed.",
    one_layer_at_least="You use one layer even when the axis is small enough already. Then none is needed.",
    to_nothing="You ignore the target and go on until no kernel fits.",
    returns_size="You return the size that is left. The number of layers is asked for.",
)
def conv_layers_to_reach_with(made: Made, n: int, k: int, target: int) -> int:
    if made.negative and n < target:
        return -((target - n) // (k - 1))
    step = k if made.divides_by_k or made.divides_by_k_rounding_down else max(k // 2, 1) if made.half_a_kernel else k - 1
    if made.rounds_down or made.divides_by_k_rounding_down:
        return max(n - target, 0) // step
    if made.to_nothing:
        target = k - 1
    layers = 0
    while n > target - made.one_layer_more or (made.one_layer_at_least and layers == 0):
        n -= step
        layers += 1
    return n if made.returns_size else layers + made.counts_sizes


# ---- same_padding ----------------------------------------------------------------------------------------------------


@exercise(points=1, rows=["5.6"])
def same_padding(n: int, k: int, stride: int) -> tuple[int, int]:
    """Zeros to put before and after an axis of n pixels, so that a kernel of size k has ⌈n /
    stride⌉ positions.

    As few zeros as possible, and at least 0. When their number is odd, the extra zero goes
    after the pixels: the convention of PyTorch and TensorFlow.
    """
    positions = -(-n // stride)
    total = max((positions - 1) * stride + k - n, 0)
    return total // 2, total - total // 2


@cases(same_padding)
def visible_same_padding(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("32 pixels, kernel 5, stride 1", 32, 5, 1)
    yield Case("32 pixels, kernel 4, stride 1", 32, 4, 1)
    yield Case("30 pixels, kernel 7, stride 2", 30, 7, 2)


@cases(same_padding, hidden=True)
def hidden_same_padding(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("the stride does not divide the size", 31, 6, 4)
    yield Case("1×1 kernel", 13, 1, 1)
    yield Case("stride greater than the kernel", 20, 2, 5)
    yield Case("stride greater than the kernel, pixels left over", 22, 3, 5)
    for k, stride in ((3, 1), (6, 1), (8, 2), (9, 3), (8, 3)):
        yield Case("random", int(rng.integers(20, 90)), k, stride)


@mistakes(
    same_padding,
    extra_before="Your extra zero goes before the pixels, as in some books. Here it goes after them, as in PyTorch and TensorFlow.",
    half_each_rounded_down="Both of your sides are rounded down: with an odd number of zeros one is missing.",
    half_each_rounded_up="Both of your sides are rounded up: with an odd number of zeros one is too many.",
    half_the_kernel="You pad half a kernel on each side whatever the stride. With an even kernel, or a stride greater than 1, fewer zeros may do.",
    stride_ignored="You pad k - 1 zeros in all, which is right for stride 1. With a larger stride fewer may do: start from the number of positions.",
    size_kept="You pad until there are as many positions as pixels. With a stride, only ⌈n / stride⌉ are wanted.",
    positions_rounded_down="You round the number of positions down. It is n / stride, rounded up.",
    negative="When the stride is greater than the kernel, your padding can be negative. It is at least 0.",
    one_step_more="You count one step too many: between m positions there are m - 1 steps.",
    total_on_each_side="You put the whole padding on both sides. Split it.",
    all_after="You put all the zeros after the pixels. Split them.",
    returns_total="You return the total. Two numbers are asked for: before and after.",
)
def same_padding_with(made: Made, n: int, k: int, stride: int) -> int | tuple[int, int]:
    if made.half_the_kernel:
        return k // 2, k // 2
    positions = n if made.size_kept else n // stride if made.positions_rounded_down else -(-n // stride)
    total = (positions - 1 + made.one_step_more) * stride + k - n
    if made.stride_ignored:
        total = k - 1
    if not made.negative:
        total = max(total, 0)
    before, after = total // 2, total - total // 2
    if made.all_after:
        before, after = 0, total
    if made.half_each_rounded_down:
        return before, before
    if made.half_each_rounded_up:
        return after, after
    if made.total_on_each_side:
        return total, total
    if made.returns_total:
        return total
    return (after, before) if made.extra_before else (before, after)


# ---- conv2d ----------------------------------------------------------------------------------------------------------


@exercise(points=4, rows=["5.7"], shares={"no bias": 0.1, "kernel larger than the image": 0.1, "empty batch": 0.05}, forbid=CONVOLUTIONS)
def conv2d(
    x: Num[ndarray, "n c_in h w"],
    weight: Num[ndarray, "c_out c_in kh kw"],
    bias: Num[ndarray, "c_out"] | None,
    stride: int = 1,
    padding: int = 0,
) -> Float[ndarray, "n c_out h_out w_out"]:
    """A convolution layer: cross-correlate every image with every output channel's kernels, sum
    over input channels, add the bias.

    `padding` zeros are put on each of the four sides first; the window moves by `stride` pixels
    in both directions. h_out = ⌊(h + 2 padding - kh) / stride⌋ + 1, and w_out likewise. The
    padded image is at least as large as the kernel. With `bias` None nothing is added. There
    may be no image at all (n = 0). Integers count as float64. Write it without the convolution
    functions of SciPy and PyTorch.
    """
    x = x.astype(np.result_type(x, weight, np.float32))
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, weight.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
    out: ndarray = np.einsum("nchwab,ocab->nohw", windows, weight, optimize=True)
    return out if bias is None else out + bias[:, None, None]


def images_weight_bias(
    rng: np.random.Generator, n: int, c_in: int, c_out: int, image: tuple[int, int], kernel: tuple[int, int]
) -> tuple[ndarray, ndarray, ndarray]:
    return rng.normal(size=(n, c_in, *image)), rng.normal(size=(c_out, c_in, *kernel)), rng.normal(size=c_out)


@cases(conv2d)
def visible_conv2d(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("2 images of 3 channels, 5 output channels", *images_weight_bias(rng, 2, 3, 5, (7, 11), (2, 3)))
    yield Case("stride 2, padding 1", *images_weight_bias(rng, 2, 3, 5, (7, 11), (3, 2)), stride=2, padding=1)


@cases(conv2d, hidden=True)
def hidden_conv2d(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("padding 2", *images_weight_bias(rng, 3, 2, 5, (7, 5), (3, 4)), 1, 2)
    yield Case("stride 3, the last rows do not fit", *images_weight_bias(rng, 2, 3, 2, (11, 13), (3, 2)), stride=3)
    yield Case("stride 2", *images_weight_bias(rng, 3, 5, 2, (11, 7), (3, 5)), stride=2)
    yield Case("square kernel and image", *images_weight_bias(rng, 2, 3, 5, (7, 7), (3, 3)), stride=2, padding=1)
    yield Case("1×1 kernel, one channel", *images_weight_bias(rng, 2, 1, 3, (5, 7), (1, 1)))
    yield Case("as many channels out as in", *images_weight_bias(rng, 2, 3, 3, (5, 7), (2, 3)), padding=1)
    yield Case("as many columns as output channels", *images_weight_bias(rng, 2, 3, 5, (8, 7), (2, 3)))
    yield Case("1 image, 1 output channel", *images_weight_bias(rng, 1, 2, 1, (5, 7), (2, 3)))
    x, weight, _ = images_weight_bias(rng, 2, 3, 5, (7, 11), (2, 3))
    yield Case("bias is None", x, weight, None, group="no bias", hint="`bias` may be None: then nothing is added.")
    larger = "Once padded, a 3×2 image has room for a 5×4 kernel: look at the padded image's size."
    args = images_weight_bias(rng, 2, 3, 5, (3, 2), (5, 4))
    yield Case("5×4 kernel, 3×2 image, padding 1", *args, padding=1, group="kernel larger than the image", hint=larger)
    nothing = "A batch may be empty: the answer then has shape (0, c_out, h_out, w_out)."
    yield Case("no image", *images_weight_bias(rng, 0, 3, 5, (7, 5), (2, 3)), 1, 1, group="empty batch", hint=nothing)


@mistakes(
    conv2d,
    flipped="Your kernels are flipped. Mathematics calls that convolution; a layer of that name does not flip: `weight[o, c, a, b]` meets the pixel a rows down and b columns to the right of the window's corner.",
    no_stride="You ignore `stride`: your window moves by one pixel.",
    stride_in_size_only="Your output has the right size for this stride, but your window moves by one pixel. Window number i starts i · stride pixels down.",
    rows_stride_only="You use the stride for rows only. It holds for columns too.",
    jumps_by_kernel="Your window jumps by its own size. It moves by `stride` pixels.",
    dilated="Your stride spreads the pixels inside the window. That is dilation; a stride moves the window as a whole.",
    no_padding="You ignore `padding`.",
    half_padding="You split `padding` between the two sides: the other convention. Here it is the number of zeros on each side.",
    padding_before_only="You pad only above and to the left. The zeros are on all four sides.",
    padding_after_only="You pad only below and to the right. The zeros are on all four sides.",
    padding_rows_only="You pad only the height. Pad the width too.",
    edge_padding="You pad by repeating the border. Pad with zeros.",
    reflect_padding="You pad with the image's mirror image. Pad with zeros.",
    pads_with_ones="You pad with ones. Pad with zeros.",
    pads_output="You put the padding around the output. It goes around the images, before the window moves over them.",
    padding_one="You pad by 1 whatever `padding` says.",
    padding_half_kernel="You pad half a kernel on each side whatever `padding` says.",
    pads_all_axes="You pad images and channels too. Only height and width get zeros; give `np.pad` a pair of widths for every axis.",
    size_without_padding="You compute the output's size without the padding. It follows from the padded image.",
    no_bias="You never add the bias.",
    bias_per_channel="You add the bias once for every input channel. It is added once, after the sum over the channels.",
    bias_per_weight="You add the bias to every product inside the window. It is added once, after the sum.",
    bias_last_axis="You add the bias along the last axis, the width. It belongs to the output channels, the second axis.",
    first_bias="You add the first number of `bias` everywhere. Every output channel has its own.",
    first_channel="You use the first input channel only. Sum over all input channels.",
    last_channel="Only the last input channel is left: each overwrites the one before. Add them up.",
    mean_channels="You average over the input channels. Sum over them.",
    same_kernel="Every output channel uses the first one's weights.",
    same_image="Every image gets the first image's result.",
    one_short="The last row and the last column are missing: the output's size is the number of steps plus 1.",
    rounds_up="You also count positions at the end where the kernel sticks out. Round the output's size down.",
    swapped_kernel_size="You mix up height and width of the kernel: `weight` has the shape (out, in, height, width).",
    channels_swapped="You take the first two axes of `weight` the other way round: output channels come first, then input channels.",
    patch_order="You flatten window and weights in different orders, so the wrong numbers meet. Both need the order channel, row, column.",
    weight_reshaped="You reshape the weights so that their last axis counts output channels. `reshape` keeps the order in memory, so it mixes the kernels: flatten each kernel to a row, then transpose.",
    output_reshaped="You turn channels-last into channels-first by `reshape`. That keeps the order in memory and mixes channels and pixels: transpose.",
    channels_last="You return the channels as the last axis. They are the second one.",
    channels_first_of_all="You return the channels as the first axis and the images as the second. It is the other way round.",
    transposed_output="Height and width of your output are swapped.",
    bias_required="You add the bias also when it is None.",
    bias_asked_for_truth="You ask whether the bias is true. An array of several numbers is neither true nor false: ask whether it is None.",
    float32_output="You store the output in float32. When the inputs are float64, half of the digits are lost.",
    integer_output="With integer inputs your answer holds integers. They count as float64 here: the answer is floating point.",
)
def conv2d_with(made: Made, x: ndarray, weight: ndarray, bias: ndarray | None, stride: int = 1, padding: int = 0) -> ndarray:
    n, c_in, h, w = x.shape
    weight = weight_with(made, weight, c_in)
    c_out, _, kh, kw = weight.shape
    x = padded_with(made, x, 0 if made.pads_output else padding, kh, kw)
    if not made.size_without_padding:
        h, w = x.shape[2:]
    if made.swapped_kernel_size:
        kh, kw = kw, kh
    step_h, step_w = (1 if made.no_stride or made.dilated else stride,) * 2
    if made.rows_stride_only:
        step_w = 1
    if made.jumps_by_kernel:
        step_h, step_w = kh, kw
    apart = stride if made.dilated else 1
    room_h, room_w = h - (kh - 1) * apart - 1, w - (kw - 1) * apart - 1
    h_out, w_out = room_h // step_h + 1, room_w // step_w + 1
    if made.rounds_up:
        h_out, w_out = -(-room_h // step_h) + 1, -(-room_w // step_w) + 1
    if made.stride_in_size_only:
        step_h, step_w = 1, 1
    h_out, w_out = h_out - made.one_short, w_out - made.one_short
    out = np.zeros((n, c_out, h_out, w_out), dtype=conv2d_dtype_with(made, x, weight))
    for i in range(h_out):
        for j in range(w_out):
            top, left = i * step_h, j * step_w
            window = x[:, :, top : top + kh * apart : apart, left : left + kw * apart : apart]
            kernels = weight[:, :, : window.shape[2], : window.shape[3]] if made.rounds_up else weight
            out[:, :, i, j] = np.tensordot(window, kernels, ((1, 2, 3), (1, 2, 3)))
    out = biased_with(made, out, bias, c_in, kh, kw)
    if made.pads_output:
        out = np.pad(out, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    if made.same_image:
        out = np.repeat(out[:1], n, axis=0)
    return arranged_with(made, out)


def weight_with(made: Made, weight: ndarray, c_in: int) -> ndarray:
    if made.channels_swapped:
        weight = weight.transpose(1, 0, 2, 3)
    if made.flipped:
        weight = weight[:, :, ::-1, ::-1]
    if made.first_channel:
        weight = weight * (np.arange(c_in) == 0)[:, None, None]
    if made.last_channel:
        weight = weight * (np.arange(c_in) == c_in - 1)[:, None, None]
    if made.mean_channels:
        weight = weight / c_in
    if made.same_kernel:
        weight = np.repeat(weight[:1], len(weight), axis=0)
    c_out, _, kh, kw = weight.shape
    if made.patch_order:
        weight = weight.reshape(c_out, kh, kw, c_in).transpose(0, 3, 1, 2)
    if made.weight_reshaped:
        weight = weight.reshape(-1, c_out).T.reshape(weight.shape)
    return weight


def padded_with(made: Made, x: ndarray, padding: int, kh: int, kw: int) -> ndarray:
    if made.no_padding:
        padding = 0
    if made.half_padding:
        padding = padding // 2
    if made.padding_one:
        padding = 1
    rows = columns = (0 if made.padding_after_only else padding, 0 if made.padding_before_only else padding)
    if made.padding_rows_only:
        columns = (0, 0)
    if made.padding_half_kernel:
        rows, columns = (kh // 2, kh // 2), (kw // 2, kw // 2)
    others = (padding, padding) if made.pads_all_axes else (0, 0)
    widths = (others, others, rows, columns)
    if made.edge_padding and x.size:
        return np.pad(x, widths, mode="edge")
    if made.reflect_padding and x.size:
        return np.pad(x, widths, mode="reflect")
    return np.pad(x, widths, constant_values=1 if made.pads_with_ones else 0)


def conv2d_dtype_with(made: Made, x: ndarray, weight: ndarray) -> np.dtype:
    if made.float32_output:
        return np.dtype(np.float32)
    return np.result_type(x, weight) if made.integer_output else np.result_type(x, weight, np.float32)


def biased_with(made: Made, out: ndarray, bias: Any, c_in: int, kh: int, kw: int) -> Any:
    if made.bias_asked_for_truth:
        return out + bias[:, None, None] if bias else out
    if made.bias_required:
        return out + bias.reshape(-1, 1, 1)
    if bias is None or made.no_bias:
        return out
    if made.float32_output:
        bias = bias.astype(np.float32)
    if made.bias_last_axis:
        return out + bias
    if made.first_bias:
        return out + bias[0]
    times = c_in if made.bias_per_channel else c_in * kh * kw if made.bias_per_weight else 1
    return out + times * bias[:, None, None]


def arranged_with(made: Made, out: ndarray) -> ndarray:
    if made.channels_last:
        return out.transpose(0, 2, 3, 1)
    if made.channels_first_of_all:
        return out.transpose(1, 0, 2, 3)
    if made.output_reshaped:
        return out.transpose(0, 2, 3, 1).reshape(out.shape)
    return out.transpose(0, 1, 3, 2) if made.transposed_output else out


# ---- conv2d_backward -------------------------------------------------------------------------------------------------


@exercise(
    points=4,
    rows=["5.3", "5.7"],
    shares={"pixels left over": 0.15},
    forbid=[*CONVOLUTIONS, "torch.nn.grad.conv2d_input", "torch.nn.grad.conv2d_weight"],
)
def conv2d_backward(
    grad_output: Num[ndarray, "n c_out h_out w_out"],
    x: Num[ndarray, "n c_in h w"],
    weight: Num[ndarray, "c_out c_in kh kw"],
    stride: int = 1,
    padding: int = 0,
) -> tuple[Float[ndarray, "n c_in h w"], Float[ndarray, "c_out c_in kh kw"], Float[ndarray, "c_out"]]:
    """The way back through `conv2d`: from the loss's gradient with respect to its output, those of
    its inputs.

    Returns (dx, dweight, dbias), each shaped like the input it belongs to; `x`, `weight`,
    `stride` and `padding` are what `conv2d` got. A pixel that no window covers has gradient 0.
    Integers count as float64. Write it without the convolution functions of SciPy and PyTorch.
    """
    dtype = np.result_type(grad_output, x, weight, np.float32)
    h, w = x.shape[2:]
    h_out, w_out = grad_output.shape[2:]
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    dpadded = np.zeros(padded.shape, dtype)
    dweight = np.zeros(weight.shape, dtype)
    for a in range(weight.shape[2]):
        for b in range(weight.shape[3]):
            # The pixels that weight[:, :, a, b] meets, one for each position of the window.
            rows, columns = slice(a, a + stride * h_out, stride), slice(b, b + stride * w_out, stride)
            dweight[:, :, a, b] = np.einsum("nohw,nchw->oc", grad_output, padded[:, :, rows, columns], optimize=True)
            dpadded[:, :, rows, columns] += np.einsum("nohw,oc->nchw", grad_output, weight[:, :, a, b], optimize=True)
    dx = dpadded[:, :, padding : padding + h, padding : padding + w]
    dbias = grad_output.sum(axis=(0, 2, 3), dtype=dtype)
    return dx, dweight, dbias


def backward_arguments(
    rng: np.random.Generator,
    n: int,
    c_in: int,
    c_out: int,
    image: tuple[int, int],
    kernel: tuple[int, int],
    stride: int = 1,
    padding: int = 0,
) -> tuple[ndarray, ndarray, ndarray, int, int]:
    out = [(size + 2 * padding - k) // stride + 1 for size, k in zip(image, kernel, strict=True)]
    x, weight, _ = images_weight_bias(rng, n, c_in, c_out, image, kernel)
    return rng.normal(size=(n, c_out, *out)), x, weight, stride, padding


equivalent(conv2d_backward, {"dweight = np.ones(weight.shape, dtype)": "Every element is written over."})


@cases(conv2d_backward)
def visible_backward(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("stride 1, no padding", *backward_arguments(rng, 2, 3, 5, (5, 7), (2, 3)))
    yield Case("stride 2, padding 1", *backward_arguments(rng, 2, 3, 5, (7, 6), (3, 2), 2, 1))


@cases(conv2d_backward, hidden=True)
def hidden_backward(rng: np.random.Generator) -> Iterator[Case]:
    yield Case("padding 2", *backward_arguments(rng, 3, 2, 5, (4, 5), (3, 2), 1, 2))
    yield Case("stride 3", *backward_arguments(rng, 2, 3, 2, (8, 11), (5, 2), 3))
    yield Case("stride 2, square kernel and image, as many channels out as in", *backward_arguments(rng, 2, 3, 3, (7, 7), (3, 3), 2, 1))
    yield Case("1×1 kernel, one channel", *backward_arguments(rng, 3, 1, 2, (2, 5), (1, 1)))
    yield Case("1 image, the window stands in one place", *backward_arguments(rng, 1, 2, 3, (3, 5), (3, 5)))
    left = "Where the stride does not come out even, the last rows or columns meet no window: `dx` still has the shape of `x`, and is 0 there."
    yield Case("stride 3, rows left over", *backward_arguments(rng, 2, 3, 5, (10, 7), (2, 3), 3), group="pixels left over", hint=left)
    yield Case("stride 2, a column left over", *backward_arguments(rng, 2, 2, 3, (5, 6), (3, 3), 2, 1), group="pixels left over", hint=left)


@mistakes(
    conv2d_backward,
    dx_not_flipped="For `dx` the kernel must be turned by 180°: pixel (i + a, j + b) met weight (a, b) on the way to output (i, j), so the way back goes in the opposite direction.",
    dx_overwritten="Windows overlap, so a pixel receives a gradient from each window that covers it. You keep only the last one: add them up.",
    dx_of_padded_image="Your `dx` still has the padding around it. Cut it off: the zeros are no input.",
    dx_from_the_corner="You cut the padding off below and on the right only. It is on all four sides, so the image starts `padding` rows and columns further in.",
    dx_channel_missing="Your `dx` hears from the first output channel only. Every output channel looked at the pixel: sum over all of them.",
    dweight_without_padding="You compute `dweight` from the image without its padding, as if the kernel met other pixels than it did.",
    dweight_flipped="Your `dweight` is flipped: entry (a, b) belongs to the pixels a rows down and b columns to the right of each window's corner.",
    dweight_first_image="Your `dweight` is that of the first image. The weights are shared: sum over all images.",
    dweight_transposed="You swap output and input channels in `dweight`. It has the shape of `weight`: output channels first.",
    batch_mean="You average over the images. The loss's gradient already holds whatever mean the loss takes: sum.",
    dbias_mean="You average `grad_output` for `dbias`. The bias is added at every position of every image: sum.",
    dbias_one_number="You sum everything for `dbias`. Every output channel has its own bias: do not sum over the channels.",
    dbias_over_batch_only="You sum `dbias` over the images only. The bias is added at every pixel too: sum over height and width.",
    dbias_for_each_image="You sum `dbias` over height and width only. The images share the bias: sum over them too.",
    dbias_keeps_axes="Your `dbias` keeps axes of size 1. It has one axis, the output channels.",
    stride_ignored_on_the_way_back="You go back as if the stride were 1. Output (i, j) came from the window whose corner is i · stride rows down and j · stride columns to the right.",
    dx_and_dweight_swapped="You return `dweight` before `dx`. The order is that of the arguments of `conv2d`: image, weight, bias.",
    downhill="Your gradients have the opposite sign. The minus belongs to the step of gradient descent, not to the gradient.",
    forgets_grad_output="You do not multiply by `grad_output`: the chain rule needs it in each of the three.",
    leftover_cut="Your `dx` is too small where the stride does not come out even: rows and columns that no window covers are missing. They are 0.",
    float32_output="You collect the gradients in float32. When the inputs are float64, half of the digits are lost.",
    integer_output="With integer inputs your gradients are integers. They count as float64 here: the answers are floating point.",
)
def conv2d_backward_with(
    made: Made, grad_output: ndarray, x: ndarray, weight: ndarray, stride: int = 1, padding: int = 0
) -> tuple[ndarray, ndarray, ndarray]:
    n, _, h, w = x.shape
    kh, kw = weight.shape[2:]
    h_out, w_out = grad_output.shape[2:]
    dtype = np.result_type(grad_output, x, weight) if made.integer_output else np.result_type(grad_output, x, weight, np.float32)
    dtype = np.dtype(np.float32) if made.float32_output else dtype
    if made.forgets_grad_output:
        grad_output = np.ones_like(grad_output)
    if made.downhill:
        grad_output = -grad_output
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    seen = np.pad(x, ((0, 0), (0, 0), (0, 2 * padding), (0, 2 * padding))) if made.dweight_without_padding else padded
    dpadded, dweight = np.zeros(padded.shape, dtype), np.zeros(weight.shape, dtype)
    step = 1 if made.stride_ignored_on_the_way_back else stride
    turned = weight[:, :, ::-1, ::-1] if made.dx_not_flipped else weight
    images = slice(1) if made.dweight_first_image else slice(None)
    channels = slice(1) if made.dx_channel_missing else slice(None)
    for i in range(h_out):
        for j in range(w_out):
            rows, columns = slice(i * step, i * step + kh), slice(j * step, j * step + kw)
            g = grad_output[:, :, i, j]
            dweight += np.einsum("no,ncab->ocab", g[images], seen[images, :, rows, columns]).astype(dtype)
            dwindow = np.einsum("no,ocab->ncab", g[:, channels], turned[channels]).astype(dtype)
            dpadded[:, :, rows, columns] = dwindow + (0 if made.dx_overwritten else dpadded[:, :, rows, columns])
    if made.leftover_cut:
        dpadded = dpadded[:, :, : (h_out - 1) * stride + kh, : (w_out - 1) * stride + kw]
    if made.dweight_flipped:
        dweight = dweight[:, :, ::-1, ::-1]
    if made.dweight_transposed:
        dweight = dweight.transpose(1, 0, 2, 3)
    dx = dx_with(made, dpadded, h, w, padding)
    dbias = dbias_with(made, grad_output, dtype)
    if made.batch_mean:
        dweight, dbias = dweight / n, dbias / n
    return (dweight, dx, dbias) if made.dx_and_dweight_swapped else (dx, dweight, dbias)


def dx_with(made: Made, dpadded: ndarray, h: int, w: int, padding: int) -> ndarray:
    if made.dx_of_padded_image:
        return dpadded
    first = 0 if made.dx_from_the_corner else padding
    return dpadded[:, :, first : first + h, first : first + w]


def dbias_with(made: Made, grad_output: ndarray, dtype: np.dtype) -> Any:
    if made.dbias_mean:
        return grad_output.mean(axis=(0, 2, 3)).astype(dtype)
    if made.dbias_one_number:
        return grad_output.sum(keepdims=True).reshape(1).astype(dtype)
    if made.dbias_over_batch_only:
        return grad_output.sum(axis=0).astype(dtype)
    if made.dbias_for_each_image:
        return grad_output.sum(axis=(2, 3)).astype(dtype)
    return grad_output.sum(axis=(0, 2, 3), keepdims=made.dbias_keeps_axes).astype(dtype)
