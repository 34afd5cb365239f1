"""Random numbers on the device: CuPy's functions and default types. The numbers that a seed gives are others than CuPy's."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from autograder.cuda.standin.arrays import Shape, ndarray, on_host, to_device

Size = Shape | None


class RandomState:
    """A source of random numbers, `RandomState(seed)`. `method` is there for CuPy's sake."""

    def __init__(self, seed: int | None = None, method: int | None = None) -> None:
        self.seed(seed)

    def seed(self, seed: int | None = None) -> None:
        self._source = np.random.default_rng(seed)

    def rand(self, *size: int, dtype: Any = float) -> ndarray:
        """Uniform in [0, 1), of the shape `size`."""
        return self.random_sample(size, dtype)

    def randn(self, *size: int, dtype: Any = float) -> ndarray:
        """Normal with mean 0 and standard deviation 1, of the shape `size`."""
        return self.standard_normal(size, dtype)

    def random_sample(self, size: Size = None, dtype: Any = float) -> ndarray:
        return _sent(self._source.random(size, _floating(dtype)), dtype)

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Size = None, dtype: Any = float) -> ndarray:
        return _sent(self._source.uniform(on_host(low), on_host(high), size), _floating(dtype))

    def normal(self, loc: Any = 0.0, scale: Any = 1.0, size: Size = None, dtype: Any = float) -> ndarray:
        return _sent(self._source.normal(on_host(loc), on_host(scale), size), _floating(dtype))

    def standard_normal(self, size: Size = None, dtype: Any = float) -> ndarray:
        return _sent(self._source.standard_normal(size, _floating(dtype)), dtype)

    def randint(self, low: int, high: int | None = None, size: Size = None, dtype: Any = int) -> ndarray:
        """Integers from `low` up to but not including `high`, or from 0 up to `low`."""
        return _sent(self._source.integers(low, high, size), dtype)

    def permutation(self, a: Any) -> ndarray:
        """The rows of an array, or the numbers below an integer, in random order."""
        return to_device(self._source.permutation(on_host(a)))

    def shuffle(self, a: ndarray) -> None:
        a[...] = self.permutation(a)

    def choice(self, a: Any, size: Size = None, replace: bool = True, p: Any = None) -> ndarray:
        return to_device(np.asarray(self._source.choice(on_host(a), size, replace, on_host(p))))

    def __getattr__(self, name: str) -> NoReturn:
        raise _missing(name)


class Generator:
    """What `default_rng` gives. As in CuPy, it has `integers` and `standard_normal`, but no `normal`."""

    def __init__(self, seed: int | None = None) -> None:
        self._source = np.random.default_rng(seed)

    def random(self, size: Size = None, dtype: Any = np.float64, out: None = None) -> ndarray:
        return _sent(self._source.random(size, _floating(dtype)), dtype)

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Size = None, dtype: Any = np.float64) -> ndarray:
        return _sent(self._source.uniform(on_host(low), on_host(high), size), _floating(dtype))

    def standard_normal(self, size: Size = None, dtype: Any = np.float64, out: None = None) -> ndarray:
        return _sent(self._source.standard_normal(size, _floating(dtype)), dtype)

    def integers(self, low: int, high: int | None = None, size: Size = None, dtype: Any = np.int64, endpoint: bool = False) -> ndarray:
        return _sent(self._source.integers(low, high, size, endpoint=endpoint), dtype)

    def __getattr__(self, name: str) -> NoReturn:
        raise _missing(name)


def default_rng(seed: int | None = None) -> Generator:
    return Generator(seed)


_state = RandomState()


def seed(seed: int | None = None) -> None:
    """Begin the sequence of this module's functions anew."""
    _state.seed(seed)


def rand(*size: int, dtype: Any = float) -> ndarray:
    return _state.rand(*size, dtype=dtype)


def randn(*size: int, dtype: Any = float) -> ndarray:
    return _state.randn(*size, dtype=dtype)


def random(size: Size = None, dtype: Any = float) -> ndarray:
    return _state.random_sample(size, dtype)


def random_sample(size: Size = None, dtype: Any = float) -> ndarray:
    return _state.random_sample(size, dtype)


def uniform(low: Any = 0.0, high: Any = 1.0, size: Size = None, dtype: Any = float) -> ndarray:
    return _state.uniform(low, high, size, dtype)


def normal(loc: Any = 0.0, scale: Any = 1.0, size: Size = None, dtype: Any = float) -> ndarray:
    return _state.normal(loc, scale, size, dtype)


def standard_normal(size: Size = None, dtype: Any = float) -> ndarray:
    return _state.standard_normal(size, dtype)


def randint(low: int, high: int | None = None, size: Size = None, dtype: Any = "l") -> ndarray:
    return _state.randint(low, high, size, dtype)


def permutation(a: Any) -> ndarray:
    return _state.permutation(a)


def shuffle(a: ndarray) -> None:
    _state.shuffle(a)


def choice(a: Any, size: Size = None, replace: bool = True, p: Any = None) -> ndarray:
    return _state.choice(a, size, replace, p)


def _floating(dtype: Any) -> Any:
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise TypeError("cupy.random only supports float32 and float64")
    return np.dtype(dtype)


def _sent(values: Any, dtype: Any) -> ndarray:
    return to_device(np.asarray(values, dtype))


def _missing(name: str) -> AttributeError:
    return AttributeError(
        f"CuPy's stand-in for machines without a GPU has no random `{name}`: draw with NumPy and copy it to the device with `cp.asarray`"
    )


def __getattr__(name: str) -> NoReturn:
    raise _missing(name)
