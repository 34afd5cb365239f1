"""`cp.testing`: assertions about arrays, wherever they are."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.cuda.standin.creation import asnumpy


def assert_allclose(
    actual: Any,
    desired: Any,
    rtol: float = 1e-7,
    atol: float = 0,
    equal_nan: bool = True,
    err_msg: str = "",
    verbose: bool = True,
    *,
    strict: bool = False,
) -> None:
    """Raises AssertionError, with the elements that differ."""
    np.testing.assert_allclose(asnumpy(actual), asnumpy(desired), rtol, atol, equal_nan, err_msg, verbose, strict=strict)


def assert_array_equal(
    actual: Any, desired: Any, err_msg: str = "", verbose: bool = True, *, strict: bool = False, strides_check: bool = False
) -> None:
    """Raises AssertionError, with the elements that differ, or if strides are to be the same and are not."""
    np.testing.assert_array_equal(asnumpy(actual), asnumpy(desired), err_msg, verbose, strict=strict)
    if strides_check and actual.strides != desired.strides:
        raise AssertionError(f"The strides differ: {actual.strides} and {desired.strides}. {err_msg}")


def assert_array_almost_equal(actual: Any, desired: Any, decimal: int = 6, err_msg: str = "", verbose: bool = True) -> None:
    """Raises AssertionError, with the elements that differ."""
    np.testing.assert_array_almost_equal(asnumpy(actual), asnumpy(desired), decimal, err_msg, verbose)
