"""Right answers in other styles: chapter 5, convolution."""

from __future__ import annotations

import math

import numpy as np
from numpy import ndarray
from numpy.lib.stride_tricks import as_strided, sliding_window_view


def corr2d__four_loops(x: ndarray, kernel: ndarray) -> ndarray:
    out = np.zeros((x.shape[0] - kernel.shape[0] + 1, x.shape[1] - kernel.shape[1] + 1))
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            for a in range(kernel.shape[0]):
                for b in range(kernel.shape[1]):
                    out[i, j] += x[i + a, j + b] * kernel[a, b]
    return out


def corr2d__einsum(x: ndarray, kernel: ndarray) -> ndarray:
    return np.einsum("ijab,ab->ij", sliding_window_view(x, kernel.shape), kernel).astype(np.result_type(x, kernel, np.float32))


def corr2d__shifted_images(x: ndarray, kernel: ndarray) -> ndarray:
    rows, columns = x.shape[0] - kernel.shape[0] + 1, x.shape[1] - kernel.shape[1] + 1
    return sum(1.0 * k * x[a : a + rows, b : b + columns] for (a, b), k in np.ndenumerate(kernel))


def corr2d__fourier(x: ndarray, kernel: ndarray) -> ndarray:
    product = np.fft.fft2(x.astype(np.float64)) * np.fft.fft2(kernel.astype(np.float64), x.shape).conj()
    return np.fft.ifft2(product).real[: x.shape[0] - kernel.shape[0] + 1, : x.shape[1] - kernel.shape[1] + 1]


def corr2d__strided_and_transposed(x: ndarray, kernel: ndarray) -> ndarray:
    (h, w), (kh, kw) = x.shape, kernel.shape
    windows = as_strided(x, (w - kw + 1, h - kh + 1, kh, kw), (x.strides[1], x.strides[0], *x.strides))
    return (np.tensordot(windows, kernel, 2) * 1.0).T


def conv_output_size__by_counting(n: int, k: int, stride: int = 1, padding: int = 0) -> int:
    return sum(1 for start in range(0, n + 2 * padding, stride) if start + k <= n + 2 * padding)


def conv_output_size__as_in_the_notes(n: int, k: int, stride: int = 1, padding: int = 0) -> int:
    return (n - k + 2 * padding + stride) // stride


def conv_output_size__floor(n: int, k: int, stride: int = 1, padding: int = 0) -> int:
    return math.floor((n + 2 * padding - k) / stride + 1)


def conv_output_size__range(n: int, k: int, stride: int = 1, padding: int = 0) -> int:
    return len(np.arange(-padding, n + padding - k + 1, stride))


def conv_layers_to_reach__formula(n: int, k: int, target: int) -> int:
    return max(0, math.ceil((n - target) / (k - 1)))


def conv_layers_to_reach__recursion(n: int, k: int, target: int) -> int:
    return 0 if n <= target else 1 + conv_layers_to_reach__recursion(n - k + 1, k, target)


def conv_layers_to_reach__numpy_integer(n: int, k: int, target: int) -> np.int64:
    return np.int64(max(n - target + k - 2, 0) // (k - 1))


def same_padding__remainder(n: int, k: int, stride: int) -> tuple[int, int]:
    rest = n % stride or stride
    total = max(k - rest, 0)
    return total // 2, (total + 1) // 2


def same_padding__search(n: int, k: int, stride: int) -> tuple[int, int]:
    total = 0
    while n + total < k or (n + total - k) // stride + 1 < math.ceil(n / stride):
        total += 1
    return divmod(total, 2)[0], sum(divmod(total, 2))


def same_padding__list(n: int, k: int, stride: int) -> list[int]:
    total = max(0, (math.ceil(n / stride) - 1) * stride + k - n)
    return [math.floor(total / 2), math.ceil(total / 2)]


def conv2d__loops(x: ndarray, weight: ndarray, bias: ndarray | None, stride: int = 1, padding: int = 0) -> ndarray:
    (n, _, h, w), (c_out, _, kh, kw) = x.shape, weight.shape
    padded = np.zeros((*x.shape[:2], h + 2 * padding, w + 2 * padding))
    padded[:, :, padding : padding + h, padding : padding + w] = x
    out = np.zeros((n, c_out, (h + 2 * padding - kh) // stride + 1, (w + 2 * padding - kw) // stride + 1))
    for b, o, i, j in np.ndindex(*out.shape):
        window = padded[b, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
        out[b, o, i, j] = (window * weight[o]).sum() + (0 if bias is None else bias[o])
    return out


def conv2d__im2col(x: ndarray, weight: ndarray, bias: ndarray | None, stride: int = 1, padding: int = 0) -> ndarray:
    c_out, c_in, kh, kw = weight.shape
    padded = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    windows = sliding_window_view(padded, (kh, kw), axis=(2, 3))[:, :, ::stride, ::stride]
    n, _, h_out, w_out = windows.shape[:4]
    columns = windows.transpose(0, 2, 3, 1, 4, 5).reshape(n * h_out * w_out, c_in * kh * kw).astype(np.float64)
    out = columns @ weight.reshape(c_out, -1).T
    if bias is not None:
        out = out + bias
    return out.reshape(n, h_out, w_out, c_out).transpose(0, 3, 1, 2)


def conv2d__sum_over_the_kernel(x: ndarray, weight: ndarray, bias: ndarray | None, stride: int = 1, padding: int = 0) -> ndarray:
    padded = np.pad(x, ((0, 0), (0, 0), (padding,) * 2, (padding,) * 2)) * np.float32(1)
    rows, columns = padded.shape[2] - weight.shape[2], padded.shape[3] - weight.shape[3]
    out = 0
    for a, b in np.ndindex(*weight.shape[2:]):
        pixels = padded[:, :, a : a + rows + 1 : stride, b : b + columns + 1 : stride]
        out = out + np.tensordot(weight[:, :, a, b], pixels, axes=(1, 1)).swapaxes(0, 1)
    return out if bias is None else out + np.expand_dims(bias, (0, 2, 3))


def conv2d_backward__loops(grad_output: ndarray, x: ndarray, weight: ndarray, stride: int = 1, padding: int = 0) -> tuple[ndarray, ndarray, ndarray]:
    (_, _, h, w), (_, _, kh, kw) = x.shape, weight.shape
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding))).astype(np.float64)
    dpadded, dweight, dbias = np.zeros(padded.shape), np.zeros(weight.shape), np.zeros(len(weight))
    for n, o, i, j in np.ndindex(*grad_output.shape):
        g = grad_output[n, o, i, j]
        window = (n, slice(None), slice(i * stride, i * stride + kh), slice(j * stride, j * stride + kw))
        dpadded[window] += g * weight[o]
        dweight[o] += g * padded[window]
        dbias[o] += g
    return dpadded[:, :, padding : padding + h, padding : padding + w], dweight, dbias


def conv2d_backward__full_correlation(
    grad_output: ndarray, x: ndarray, weight: ndarray, stride: int = 1, padding: int = 0
) -> tuple[ndarray, ndarray, ndarray]:
    """Spread the gradient by the stride, pad it, and correlate it with the turned kernel."""
    (n, _, h, w), (c_out, _, kh, kw) = x.shape, weight.shape
    spread = np.zeros((n, c_out, h + 2 * padding - kh + 1, w + 2 * padding - kw + 1))
    spread[:, :, ::stride, ::stride] = grad_output
    padded = np.pad(1.0 * x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    dweight = conv2d__im2col(padded.swapaxes(0, 1), spread.swapaxes(0, 1), None).swapaxes(0, 1)
    around = np.pad(spread, ((0, 0), (0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1)))
    dpadded = conv2d__im2col(around, weight[:, :, ::-1, ::-1].swapaxes(0, 1), None)
    return dpadded[:, :, padding : padding + h, padding : padding + w], dweight, spread.sum((0, 2, 3))


def conv2d_backward__im2col(grad_output: ndarray, x: ndarray, weight: ndarray, stride: int = 1, padding: int = 0) -> tuple[ndarray, ndarray, ndarray]:
    c_out, c_in, kh, kw = weight.shape
    n, _, h_out, w_out = grad_output.shape
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding))).astype(float)
    windows = sliding_window_view(padded, (kh, kw), axis=(2, 3))[:, :, ::stride, ::stride].transpose(0, 2, 3, 1, 4, 5)
    g = grad_output.transpose(0, 2, 3, 1).reshape(-1, c_out).astype(float)
    dweight = (g.T @ windows.reshape(-1, c_in * kh * kw)).reshape(weight.shape)
    dwindows = (g @ weight.reshape(c_out, -1)).reshape(n, h_out, w_out, c_in, kh, kw)
    dpadded = np.zeros_like(padded)
    for i in range(h_out):
        for j in range(w_out):
            dpadded[:, :, i * stride : i * stride + kh, j * stride : j * stride + kw] += dwindows[:, i, j]
    inside = slice(padding, -padding if padding else None)
    return dpadded[:, :, inside, inside], dweight, g.sum(0)
