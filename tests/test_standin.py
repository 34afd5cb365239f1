"""CuPy's stand-in for machines without a GPU behaves as CuPy does: on the device as NumPy computes, and never on the host by itself."""

from __future__ import annotations

import copy
import math
import operator
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder.cuda import CompileError, KernelFault, NotSupported, measure
from autograder.cuda import standin as cp
from autograder.cuda.standin import cupyx

DTYPES = [np.bool_, np.int8, np.uint8, np.int16, np.int32, np.uint32, np.int64, np.float16, np.float32, np.float64]


def numbers(*shape: int, dtype: Any = np.float32, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-5, 5, shape).astype(dtype)


def same(on_device: Any, right: Any) -> None:
    """It is on the device, and has the values, the shape and the type that NumPy gives."""
    assert isinstance(on_device, cp.ndarray)
    assert on_device.shape == np.shape(right)
    assert on_device.dtype == np.asarray(right).dtype
    np.testing.assert_array_equal(on_device.get(), right)


# ---- to the device and back --------------------------------------------------------------------------------------------


def test_an_array_on_the_device_is_a_copy_and_so_is_what_comes_back() -> None:
    x = np.zeros((2, 3))
    a = cp.asarray(x)
    x[:] = 1
    assert a.get().sum() == 0
    a.get()[:] = 2
    assert a.get().sum() == 0


def test_what_an_array_says_of_itself() -> None:
    a = cp.zeros((2, 3, 4), np.float32)
    assert (a.shape, a.dtype, a.ndim, a.size, a.nbytes, a.itemsize, a.strides, len(a)) == ((2, 3, 4), np.float32, 3, 24, 96, 4, (48, 16, 4), 2)
    assert (a.flags.c_contiguous, a.flags.f_contiguous, a.flags.owndata) == (True, False, True)
    assert a.device == cp.cuda.Device(0)
    assert str(a[0, 0]) == "[0. 0. 0. 0.]"
    assert f"{cp.asarray(0.123456):.2f}" == "0.12"


@pytest.mark.parametrize("given_", [3, 2.5, [1, 2], [[1.0], [2.0]], np.arange(3, dtype=np.int16), (True, False)])
def test_anything_made_of_numbers_goes_to_the_device(given_: Any) -> None:
    same(cp.array(given_), np.array(given_))
    same(cp.asarray(given_, np.float32), np.array(given_, np.float32))


def test_a_list_of_device_arrays_goes_to_the_device() -> None:
    same(cp.array([cp.arange(3), cp.ones(3, int)]), np.array([np.arange(3), np.ones(3, int)]))


def test_asarray_takes_what_is_there_as_it_is_and_array_copies_it() -> None:
    a = cp.arange(3)
    assert cp.asarray(a) is a
    assert cp.ascontiguousarray(a) is a
    assert cp.array(a) is not a
    same(cp.asarray(a, np.float32), np.arange(3, dtype=np.float32))


def test_a_transposed_array_stays_transposed_in_memory_as_in_cupy() -> None:
    x = np.arange(6.0).reshape(2, 3)
    assert cp.asarray(x.T).flags.f_contiguous
    assert cp.asarray(x.T).strides == (8, 24)
    assert cp.asarray(x.T, order="C").flags.c_contiguous
    assert cp.ascontiguousarray(cp.asarray(x.T)).flags.c_contiguous
    same(cp.asarray(x.T), x.T)


def test_strings_and_objects_do_not_go_to_the_device() -> None:
    with pytest.raises(ValueError, match="Unsupported dtype"):
        cp.array(["a"])
    with pytest.raises(ValueError, match="Unsupported dtype object"):
        cp.zeros(3, object)


def test_set_and_get_want_the_same_type_and_shape() -> None:
    a = cp.zeros(3, np.float32)
    a.set(np.arange(3, dtype=np.float32))
    same(a, np.arange(3, dtype=np.float32))
    with pytest.raises(TypeError, match="float64 array cannot be set to float32 array"):
        a.set(np.zeros(3))
    with pytest.raises(ValueError, match="Shape mismatch"):
        a.set(np.zeros(4, np.float32))
    out = np.empty(3, np.float32)
    assert a.get(out=out) is out
    assert out.tolist() == [0, 1, 2]


def test_copies_and_pickles() -> None:
    a = cp.arange(4)
    for b in (a.copy(), copy.copy(a), copy.deepcopy(a), pickle.loads(pickle.dumps(a))):
        b[0] = 9
        assert a.get().tolist() == [0, 1, 2, 3]
        assert b.get().tolist() == [9, 1, 2, 3]


@pytest.mark.parametrize(
    "make",
    [
        lambda xp: xp.zeros((2, 3)),
        lambda xp: xp.ones(4, np.int32),
        lambda xp: xp.full((2, 2), 7),
        lambda xp: xp.full(3, 0.5, np.float32),
        lambda xp: xp.arange(7),
        lambda xp: xp.arange(1, 7, 2),
        lambda xp: xp.arange(3.0),
        lambda xp: xp.linspace(0, 1, 5),
        lambda xp: xp.eye(3),
        lambda xp: xp.eye(2, 4, 1, np.int8),
        lambda xp: xp.identity(2),
        lambda xp: xp.zeros_like(xp.ones((2, 3), np.float32)),
        lambda xp: xp.ones_like(xp.zeros(3), dtype=np.int64),
        lambda xp: xp.full_like(xp.zeros(3), 2),
        lambda xp: xp.tril(xp.ones((3, 3))),
        lambda xp: xp.triu(xp.ones((3, 3)), 1),
        lambda xp: xp.diag(xp.arange(3)),
    ],
)
def test_new_arrays(make: Callable[[Any], Any]) -> None:
    same(make(cp), make(np))


def test_unwritten_memory_is_recognisable() -> None:
    assert np.isnan(cp.empty((2, 3), np.float32).get()).all()
    assert cp.empty(3, np.uint8).get().tolist() == [0xCD] * 3
    assert cp.empty_like(cp.zeros((2, 3), np.int16)).get().tolist() == [[np.int16(-12851)] * 3] * 2


def test_memory_is_unwritten_until_somebody_writes_to_it() -> None:
    a = cp.empty(3)
    assert a._allocation.unwritten().all()
    a[...] = 1
    assert not a._allocation.unwritten().any()
    assert not cp.zeros(3)._allocation.unwritten().any()


# ---- the host stays the host -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("convert", [np.asarray, np.array, lambda a: np.zeros(3).__setitem__(slice(None), a), lambda a: np.float64(a)])
def test_nothing_becomes_a_numpy_array_by_itself(convert: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match=r"Implicit conversion to a NumPy array is not allowed. Please use `.get\(\)`"):
        convert(cp.ones(3))


@pytest.mark.parametrize(
    "mix",
    [
        lambda a, x: a + x,
        lambda a, x: x + a,
        lambda a, x: a < x,
        lambda a, x: x @ a,
        lambda a, x: cp.maximum(a, x),
        lambda a, x: cp.dot(a, x),
        lambda a, x: cp.where(a > 0, a, x),
        lambda a, x: cp.sum(x),
        lambda a, x: cp.concatenate([a, x]),
        lambda a, x: a.__iadd__(x),
        lambda a, x: np.add(a, x),
        lambda a, x: np.add(a, 1, out=x),
        lambda a, x: cp.reshape(x, (3, 1)),
        lambda a, x: operator.add(a, [1, 2, 3]),
    ],
)
def test_arrays_of_the_host_and_of_the_device_do_not_mix(mix: Callable[[Any, Any], Any]) -> None:
    with pytest.raises(TypeError, match=r"Unsupported type <class '(numpy.ndarray|list)'>|must be a cupy.ndarray object"):
        mix(cp.ones(3), np.ones(3))


def test_one_number_comes_to_the_host_when_it_is_asked_for() -> None:
    a = cp.asarray(2.5)
    assert (float(a), int(a), bool(a), complex(a), a.item()) == (2.5, 2, True, 2.5, 2.5)
    assert float(cp.ones((1, 1))) == 1
    assert cp.arange(3).tolist() == [0, 1, 2]
    with pytest.raises(TypeError, match="only length-1 arrays"):
        float(cp.ones(2))
    with pytest.raises(ValueError, match="more than one element is ambiguous"):
        bool(cp.ones(2))
    with pytest.raises(TypeError, match="unsized"):
        len(a)
    with pytest.raises(TypeError, match="iteration over a 0-d array"):
        iter(a)


# ---- arithmetic --------------------------------------------------------------------------------------------------------

BINARY = [operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow]
COMPARISONS = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]


@pytest.mark.parametrize("operation", [*BINARY, *COMPARISONS, divmod], ids=lambda f: f.__name__)
def test_operators_between_arrays_and_with_numbers_on_either_side(operation: Any) -> None:
    x, y = np.abs(numbers(4, 3)) + 1, np.abs(numbers(3, seed=1)) + 1
    a, b = cp.asarray(x), cp.asarray(y)
    for got, right in [(operation(a, b), operation(x, y)), (operation(a, 2), operation(x, 2)), (operation(2, a), operation(2, x))]:
        for g, r in zip(got, right, strict=True) if operation is divmod else [(got, right)]:
            same(g, r)


@pytest.mark.parametrize("operation", [operator.and_, operator.or_, operator.xor, operator.lshift, operator.rshift], ids=lambda f: f.__name__)
def test_operators_on_bits(operation: Any) -> None:
    x, y = np.arange(6), np.arange(6) % 3
    same(operation(cp.asarray(x), cp.asarray(y)), operation(x, y))
    same(~cp.asarray(x), ~x)


@pytest.mark.parametrize("operation", [operator.iadd, operator.isub, operator.imul, operator.itruediv])
def test_operators_in_place_keep_the_array_and_its_type(operation: Any) -> None:
    x = numbers(4, 3)
    a = cp.asarray(x)
    view = a[1:]
    assert operation(a, 3.0) is a
    same(a, operation(x, 3.0))
    same(view, x[1:])
    with pytest.raises(TypeError, match="Cannot cast"):
        operator.iadd(cp.arange(3), 0.5)


@given(st.sampled_from(DTYPES), st.sampled_from(DTYPES), st.sampled_from([operator.add, operator.mul, operator.truediv, operator.lt]))
def test_types_of_results_are_numpys(first: Any, second: Any, operation: Any) -> None:
    x, y = np.ones(3, first), np.ones(3, second)
    same(operation(cp.asarray(x), cp.asarray(y)), operation(x, y))


@given(st.sampled_from(DTYPES), st.sampled_from([2, 0.5, True, np.float64(2), np.int8(2)]))
def test_a_python_number_takes_the_type_of_the_array_that_it_meets(dtype: Any, number: Any) -> None:
    x = np.ones(3, dtype)
    same(cp.asarray(x) * number, x * number)
    same(number * cp.asarray(x), number * x)


def test_a_0d_array_has_a_type_of_its_own() -> None:
    assert (cp.ones(3, np.float32) * cp.asarray(2.0)).dtype == np.float64
    assert (cp.ones(3, np.float32) * 2.0).dtype == np.float32


@given(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=3))
def test_shapes_are_broadcast(shapes: Any) -> None:
    x, y = (numbers(*shape) for shape in shapes.input_shapes)
    same(cp.asarray(x) + cp.asarray(y), np.asarray(x + y))


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="could not be broadcast"):
        cp.ones(3) + cp.ones(4)


@pytest.mark.parametrize(
    "name",
    [
        "exp",
        "log",
        "sqrt",
        "tanh",
        "abs",
        "sin",
        "cos",
        "square",
        "sign",
        "isnan",
        "isfinite",
        "negative",
        "reciprocal",
        "log1p",
        "expm1",
        "floor",
        "ceil",
        "rint",
        "absolute",
        "isinf",
    ],
)
def test_functions_of_one_array(name: str) -> None:
    x = np.array([0.5, 2, np.inf, np.nan, -1, 0], np.float32)
    with np.errstate(all="ignore"):
        right = getattr(np, name)(x)
    same(getattr(cp, name)(cp.asarray(x)), right)
    # NumPy's own function goes to the device, too.
    same(getattr(np, name)(cp.asarray(x)), right)


@pytest.mark.filterwarnings("error")
def test_a_gpu_does_not_warn() -> None:
    assert np.isinf((cp.ones(2) / 0).get()).all()
    assert np.isnan(cp.log(cp.asarray(-1.0)).get())


def test_functions_take_an_output_and_a_type() -> None:
    out = cp.zeros(3)
    assert cp.exp(cp.zeros(3), out) is out
    assert cp.add(out, 1, out=out) is out
    same(out, np.full(3, 2.0))
    same(cp.add(cp.ones(2, np.float32), 1, dtype=np.float64), np.full(2, 2.0))
    with pytest.raises(TypeError, match=r"Wrong arguments \{'foo': 1\}"):
        cp.exp(out, foo=1)
    with pytest.raises(TypeError, match=r"It must be either 1 or 2 .* but given 3"):
        cp.exp(out, out, out)
    with pytest.raises(TypeError, match=r"Unsupported type <class 'numpy.ndarray'>"):
        cp.exp(out, out=np.zeros(3))


@pytest.mark.parametrize(
    "compute",
    [
        lambda xp, a, b: xp.maximum(a, b),
        lambda xp, a, b: xp.minimum(a, 0),
        lambda xp, a, b: xp.power(a, 2),
        lambda xp, a, b: xp.clip(a, -1, 1),
        lambda xp, a, b: a.clip(min=0),
        lambda xp, a, b: xp.where(a > b, a, 0.0),
        lambda xp, a, b: xp.where(a > 0)[1],
        lambda xp, a, b: a @ b.T,
        lambda xp, a, b: xp.dot(a, b.T),
        lambda xp, a, b: a[0].dot(b[0]),
        lambda xp, a, b: xp.matmul(a[None], b.T),
        lambda xp, a, b: xp.outer(a[0], b[1]),
        lambda xp, a, b: xp.einsum("ij,kj->ik", a, b),
        lambda xp, a, b: xp.concatenate([a, b], axis=1),
        lambda xp, a, b: xp.concatenate((a, b), axis=None),
        lambda xp, a, b: xp.stack([a, b], axis=-1),
        lambda xp, a, b: xp.vstack([a, b]),
        lambda xp, a, b: xp.hstack([a, b]),
        lambda xp, a, b: xp.expand_dims(a, 1),
        lambda xp, a, b: xp.broadcast_to(a, (2, 4, 3)),
        lambda xp, a, b: xp.split(a, 2)[1],
        lambda xp, a, b: xp.repeat(a, 2, axis=0),
        lambda xp, a, b: xp.tile(a, (2, 1)),
        lambda xp, a, b: xp.take(a, xp.asarray([0, 2]), axis=1),
        lambda xp, a, b: xp.flip(a, 0),
        lambda xp, a, b: xp.pad(a, ((1, 0), (2, 1))),
        lambda xp, a, b: xp.sort(a, axis=0),
        lambda xp, a, b: xp.argsort(a),
        lambda xp, a, b: xp.cumsum(a, axis=1),
        lambda xp, a, b: xp.swapaxes(a, 0, 1),
        lambda xp, a, b: a.round(1),
        lambda xp, a, b: xp.isclose(a, b),
    ],
)
def test_other_functions(compute: Callable[[Any, Any, Any], Any]) -> None:
    x, y = numbers(4, 3), numbers(4, 3, seed=1)
    same(compute(cp, cp.asarray(x), cp.asarray(y)), compute(np, x, y))


def test_comparisons_of_whole_arrays_give_0d_arrays() -> None:
    a = cp.arange(3.0)
    for got in (cp.allclose(a, a + 1e-9), cp.array_equal(a, a.copy())):
        assert isinstance(got, cp.ndarray)
        assert bool(got)
    assert not cp.array_equal(a, cp.arange(4.0))


# ---- reductions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "std", "var", "prod", "argmax", "argmin", "any", "all"])
@pytest.mark.parametrize("axis", [None, 0, -1])
@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.bool_])
def test_reductions_give_arrays_on_the_device(name: str, axis: int | None, dtype: Any) -> None:
    x = numbers(4, 3, dtype=dtype)
    a = cp.asarray(x)
    right = getattr(np, name)(x, axis=axis, keepdims=True)
    same(getattr(a, name)(axis=axis), getattr(x, name)(axis=axis))
    same(getattr(cp, name)(a, axis, keepdims=True), right)
    same(getattr(np, name)(a, axis=axis, keepdims=True), right)


def test_reductions_along_several_axes_into_an_output_of_another_type() -> None:
    x = numbers(2, 3, 4)
    out = cp.empty(3, np.float64)
    assert cp.asarray(x).sum((0, 2), np.float64, out) is out
    same(out, x.sum((0, 2), np.float64))
    same(cp.asarray(x).var(axis=1, ddof=1), x.var(axis=1, ddof=1))


# ---- views and indices -------------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(st.data())
def test_numbers_and_slices_give_views(data: st.DataObject) -> None:
    x = np.arange(60).reshape(3, 4, 5)
    key = data.draw(hnp.basic_indices(x.shape, allow_newaxis=True))
    a = cp.asarray(x)
    part = a[key]
    same(part, x[key])
    part[...] = -1
    x[key] = -1
    same(a, x)
    if part.size:
        first = np.asarray(x[key]).ctypes.data if np.ndim(x[key]) else None
        assert first is None or part.data.ptr - a.data.ptr == first - x.ctypes.data


@pytest.mark.parametrize(
    "key",
    [
        [0, 2],
        np.array([[0, 2], [1, 1]]),
        (slice(None), [3, 0]),
        ([0, 1], [2, 3]),
        (slice(1, 3), np.array([0, 1]), None),
        np.arange(12).reshape(3, 4) % 3 == 0,
        (np.array([True, False, True]), 1),
        (..., [1, -1]),
        [],
    ],
    ids=str,
)
def test_indices_in_arrays_give_copies(key: Any) -> None:
    x = np.arange(12).reshape(3, 4)
    a = cp.asarray(x)
    on_device = tuple(cp.asarray(k) if isinstance(k, np.ndarray) else k for k in key) if isinstance(key, tuple) else key
    same(a[on_device], x[key])
    same(a[key], x[key])
    a[on_device][...] = -1
    same(a, x)
    a[on_device] = 7
    x[key] = 7
    same(a, x)


def test_indices_in_arrays_wrap_around_as_in_cupy() -> None:
    a = cp.arange(3)
    assert a[cp.asarray([1, 3, -4])].get().tolist() == [1, 0, 2]
    a[[4]] = 9
    assert a.get().tolist() == [0, 9, 2]
    with pytest.raises(IndexError, match="out of bounds"):
        _ = a[3]
    with pytest.raises(IndexError, match="arrays used as indices must be of integer or boolean type"):
        _ = a[cp.asarray([0.5])]


def test_a_slice_is_filled_from_the_device_or_with_a_number() -> None:
    a = cp.zeros((2, 3))
    a[0] = cp.arange(3)
    a[1, 1:] = 5
    a[1, 0] = np.array(7.0)
    assert a.get().tolist() == [[0, 1, 2], [7, 5, 5]]
    with pytest.raises(ValueError, match=r"non-scalar numpy.ndarray cannot be used for fill: copy it to the device with `cp.asarray`"):
        a[0] = np.arange(3)
    with pytest.raises(TypeError, match="Unsupported type <class 'list'>"):
        a[0] = [1, 2, 3]


def test_views_share_memory_and_have_a_base() -> None:
    a = cp.arange(12)
    for view in (a.reshape(3, 4), a.reshape(3, 4).T, a[::2], a.reshape(1, 12).squeeze(), a.ravel(), a.view(np.uint64)):
        assert view.base is a
        assert not view.flags.owndata
        a[0] += 1
        assert int(view.ravel()[0]) == int(a[0])
    assert a.reshape(3, 4).T.ravel().base is None
    assert a.reshape(3, 4)[1].data.ptr == a.data.ptr + 32


def test_iteration_gives_views() -> None:
    a = cp.zeros((3, 2))
    for k, row in enumerate(a):
        row[...] = k
    assert a.get().tolist() == [[0, 0], [1, 1], [2, 2]]


def test_a_kernel_gets_the_first_element_of_a_view_and_knows_nothing_of_strides() -> None:
    double = cp.RawKernel('extern "C" __global__ void twice(float* x, int n) { if (threadIdx.x < n) x[threadIdx.x] *= 2; }', "twice")
    a = cp.ones((3, 4), np.float32)
    double((1,), (4,), (a[1], 4))
    assert a.get().sum(1).tolist() == [4, 8, 4]
    double((1,), (4,), (a.T, 4))
    assert a.get().sum(1).tolist() == [8, 8, 4]


def test_converted_arrays_are_copies_unless_nothing_is_to_do() -> None:
    a = cp.asarray([1.7, -1.7])
    same(a.astype(np.int32), np.array([1, -1], np.int32))
    assert a.astype(float, copy=False) is a
    assert a.astype(float) is not a


# ---- random numbers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("draw", "shape", "dtype"),
    [
        (lambda r: r.rand(2, 3), (2, 3), np.float64),
        (lambda r: r.rand(), (), np.float64),
        (lambda r: r.randn(4, dtype=np.float32), (4,), np.float32),
        (lambda r: r.random_sample((2, 2)), (2, 2), np.float64),
        (lambda r: r.uniform(-1, 1, 5, np.float32), (5,), np.float32),
        (lambda r: r.normal(3, 2, (2, 2)), (2, 2), np.float64),
        (lambda r: r.standard_normal(3, np.float32), (3,), np.float32),
        (lambda r: r.randint(5, size=9), (9,), np.int64),
        (lambda r: r.randint(2, 5, (2, 2), np.int32), (2, 2), np.int32),
        (lambda r: r.permutation(6), (6,), np.int64),
        (lambda r: r.permutation(cp.ones((3, 2))), (3, 2), np.float64),
        (lambda r: r.choice(5, 3), (3,), np.int64),
    ],
)
def test_random_numbers_come_on_the_device_and_a_seed_repeats_them(draw: Callable[[Any], Any], shape: Any, dtype: Any) -> None:
    for source in (cp.random, cp.random.RandomState(1)):
        source.seed(1)
        first = draw(source)
        source.seed(1)
        assert (first.shape, first.dtype) == (shape, dtype)
        same(draw(source), first.get())


def test_distributions_are_what_they_are_called() -> None:
    r = cp.random.RandomState(0)
    assert abs(float(r.normal(3, 2, 10_000).mean()) - 3) < 0.1
    assert abs(float(r.randn(10_000).std()) - 1) < 0.05
    assert set(r.randint(2, 5, 100).tolist()) == {2, 3, 4}
    assert sorted(r.permutation(9).tolist()) == list(range(9))
    x = cp.arange(9)
    r.shuffle(x)
    assert sorted(x.tolist()) == list(range(9))


def test_generators_have_what_cupys_have() -> None:
    r = cp.random.default_rng(3)
    assert r.random(3, np.float32).dtype == np.float32
    assert r.standard_normal((2, 3)).shape == (2, 3)
    assert r.integers(0, 2, 50, endpoint=True).get().max() == 2
    assert r.uniform(5, 6, 3).get().min() >= 5
    with pytest.raises(AttributeError, match="no random `normal`"):
        _ = r.normal
    with pytest.raises(TypeError, match="only supports float32 and float64"):
        r.random(3, np.float16)


# ---- timing, and what is there by name ---------------------------------------------------------------------------------


def test_timing_code_runs() -> None:
    start, end = cp.cuda.Event(), cp.cuda.Event()
    start.record()
    with cp.cuda.Stream(non_blocking=True) as stream:
        assert cp.cuda.get_current_stream() is stream
        cp.ones(3) + 1
        end.record(stream)
    end.synchronize()
    stream.synchronize()
    cp.cuda.Stream.null.synchronize()
    cp.cuda.Device(0).synchronize()
    cp.cuda.runtime.deviceSynchronize()
    assert cp.cuda.get_current_stream() is cp.cuda.Stream.null
    assert 0 < cp.cuda.get_elapsed_time(start, end) < 10_000


def test_an_event_that_was_not_recorded_has_no_time() -> None:
    with pytest.raises(cp.cuda.runtime.CUDARuntimeError, match="known when both are recorded"):
        cp.cuda.get_elapsed_time(cp.cuda.Event(), cp.cuda.Event())


def test_there_is_no_gpu() -> None:
    assert not cp.cuda.is_available()
    assert cp.cuda.runtime.getDeviceCount() == 0
    with pytest.raises(cp.cuda.runtime.CUDARuntimeError, match="no device 1"):
        cp.cuda.Device(1)


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: cp.fft, "no `fft`"),
        (lambda: cp.ones(3).partition, "no `ndarray.partition`"),
        (lambda: cp.cuda.MemoryPool, "no `cuda.MemoryPool`"),
        (lambda: cp.random.gumbel, "no random `gumbel`"),
        (lambda: cupyx.scipy, "`cupyx.scipy` needs real CuPy"),
    ],
)
def test_what_is_missing_says_so_by_name(ask: Callable[[], Any], said: str) -> None:
    with pytest.raises(AttributeError, match=said):
        ask()


def test_what_needs_real_cupy_says_so() -> None:
    with pytest.raises(NotSupported, match=r"`cupyx.jit.rawkernel` needs real CuPy and a GPU: write the kernel in CUDA C"):

        @cupyx.jit.rawkernel()
        def kernel(x: Any) -> None: ...

    with pytest.raises(NotSupported, match="memory of its own"):
        cp.ndarray(3, memptr=1)


def test_numpys_functions_that_are_missing_here_do_not_run_on_the_host() -> None:
    with pytest.raises(TypeError):
        np.fft.fft(cp.ones(3))
    with pytest.raises(TypeError):
        np.percentile(cp.ones(3), 50)


def test_code_for_both_finds_its_module() -> None:
    assert cp.get_array_module(np.ones(3)) is np
    assert cp.get_array_module(1, cp.ones(3)) is cp


def test_assertions_of_the_testing_module() -> None:
    cp.testing.assert_allclose(cp.ones(3), np.ones(3) + 1e-9)
    cp.testing.assert_array_equal(cp.arange(3), [0, 1, 2])
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        cp.testing.assert_allclose(cp.ones(3), 2)


def test_names_of_types_and_numbers() -> None:
    assert (cp.float32, cp.newaxis, cp.pi, cp.inf) == (np.float32, None, math.pi, math.inf)
    assert cp.result_type(cp.ones(2, np.float32), np.int16) == np.float32


# ---- elementwise kernels -----------------------------------------------------------------------------------------------

C_TYPES = [np.bool_, np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64, np.float16, np.float32, np.float64]


def test_an_operation_on_every_element() -> None:
    squared = cp.ElementwiseKernel("float32 x, float32 y", "float32 z", "z = (x - y) * (x - y)", "squared_difference")
    x, y = numbers(5, 7), numbers(5, 7, seed=1)
    same(squared(cp.asarray(x), cp.asarray(y)), (x - y) * (x - y))


@pytest.mark.parametrize("dtype", C_TYPES)
def test_a_letter_stands_for_any_type(dtype: Any) -> None:
    x = np.arange(5).astype(dtype)
    add = cp.ElementwiseKernel("T x, T y", "T z", "z = x + y")
    same(add(cp.asarray(x), cp.asarray(x)), x + x)
    same(add(cp.asarray(x), 1), x + np.array(1, dtype))


def test_half_precision_is_computed_in_single_precision() -> None:
    x, y = numbers(7, dtype=np.float16), numbers(7, dtype=np.float16, seed=1)
    kernel = cp.ElementwiseKernel("T x, T y", "T z", "z = x * y + 0.5f; if (z > 1) z = max(x, y); z -= 1")
    right = (x.astype(np.float32) * y + np.float32(0.5)).astype(np.float16)
    same(kernel(cp.asarray(x), cp.asarray(y)), np.where(right > 1, np.maximum(x, y), right) - np.float16(1))
    same(kernel(cp.asarray(x), 1), np.where(x + np.float16(0.5) > 1, np.maximum(x, np.float16(1)), x + np.float16(0.5)) - np.float16(1))
    assert float(LARGEST(cp.asarray(x))) == x.max()


def test_letters_may_differ() -> None:
    kernel = cp.ElementwiseKernel("T x, S y", "S z, bool less", "z = x * y; less = x < y")
    z, less = kernel(cp.arange(3, dtype=np.int32), cp.ones(3, np.float64))
    same(z, np.arange(3.0))
    same(less, np.array([True, False, False]))


@settings(max_examples=15, deadline=None)
@given(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=4, min_side=0))
def test_arguments_are_broadcast(shapes: Any) -> None:
    x, y = (numbers(*shape) for shape in shapes.input_shapes)
    same(SUBTRACT(cp.asarray(x), cp.asarray(y)), np.asarray(x - y))


SUBTRACT = cp.ElementwiseKernel("T x, T y", "T z", "z = x - y", "subtract")


@pytest.mark.parametrize("key", [np.s_[::2], np.s_[:, ::-1], np.s_[1], np.s_[..., None], np.s_[1:1]], ids=str)
def test_views_are_read_and_written_where_they_lie(key: Any) -> None:
    x = numbers(4, 6)
    a, out = cp.asarray(x), cp.zeros((4, 6), np.float32)
    right = np.zeros_like(x)
    right[key] = x[key] - x.T.reshape(4, 6)[key]
    assert SUBTRACT(a[key], cp.asarray(x.T.reshape(4, 6))[key], out[key]).base is out
    same(out, right)
    same(SUBTRACT(a.T, 1), x.T - 1)


def test_an_array_may_be_changed_in_place() -> None:
    a = cp.arange(4.0)
    SUBTRACT(a, 1, a)
    assert a.get().tolist() == [-1, 0, 1, 2]


def test_numbers_take_the_type_of_their_parameter() -> None:
    same(SUBTRACT(cp.ones(2, np.float32), 0.5), np.full(2, 0.5, np.float32))
    same(cp.ElementwiseKernel("T x, int32 n", "T y", "y = x + n / 2")(cp.ones(2), 3), np.full(2, 2.0))
    with pytest.raises(OverflowError):
        cp.ElementwiseKernel("T x, int8 n", "T y", "y = x + n")(cp.ones(2), 300)


def test_a_raw_array_is_indexed_by_the_operation() -> None:
    backwards = cp.ElementwiseKernel("raw T x", "T y", "y = x[_ind.size() - 1 - i]", "backwards")
    assert backwards(cp.arange(5.0), size=5).tolist() == [4, 3, 2, 1, 0]
    assert backwards(cp.arange(10.0)[::2], size=5).tolist() == [8, 6, 4, 2, 0]
    neighbour = cp.ElementwiseKernel("raw T x, int64 n", "T y", "y = x[(i + 1) % n]")
    assert neighbour(cp.arange(3.0), 3, cp.empty(3)).tolist() == [1, 2, 0]
    transposed = cp.ElementwiseKernel("raw T x", "raw T y", "int at[] = {i % x.shape()[0], i / x.shape()[0]}; y[i] = x[at]")
    out = cp.empty((3, 2))
    transposed(cp.arange(6.0).reshape(2, 3), out, size=6)
    assert out.tolist() == [[0, 3], [1, 4], [2, 5]]


def test_indices_of_every_axis() -> None:
    kernel = cp.ElementwiseKernel("T x", "T y", "y = x + 10 * _ind.get()[0] + _ind.get()[1]", reduce_dims=False)
    assert kernel(cp.zeros((2, 3))).tolist() == [[0, 1, 2], [10, 11, 12]]


def test_preamble_loop_prep_and_after_loop() -> None:
    kernel = cp.ElementwiseKernel(
        "T x, raw T weights",
        "T y, raw int32 done",
        "y = twice(x) * w",
        "weighted",
        preamble="template <typename X> __device__ X twice(X x) { return FACTOR * x; }",
        options=("-DFACTOR=2",),
        loop_prep="T w = weights[0]",
        after_loop="if (i_am_first) done[0] = 1".replace("i_am_first", "blockIdx.x == 0 && threadIdx.x == 0"),
    )
    y, done = cp.empty(3), cp.zeros(1, np.int32)
    kernel(cp.arange(3.0), cp.asarray([5.0]), y, done)
    assert y.tolist() == [0, 10, 20]
    assert done.tolist() == [1]


def test_what_a_call_returns() -> None:
    x = cp.ones(2)
    assert isinstance(cp.ElementwiseKernel("T x", "T y, T z", "y = x; z = x")(x), tuple)
    assert len(cp.ElementwiseKernel("T x", "T y", "y = x", return_tuple=True)(x)) == 1
    assert cp.ElementwiseKernel("T x", "T y", "y = x", no_return=True)(x, cp.empty(2)) is None


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda k: k(), TypeError, "Wrong number of arguments for 'k'. It must be either 2 or 3 \\(with outputs\\), but given 0"),
        (lambda k: k(1, 2), ValueError, "Loop size is undecided"),
        (lambda k: k(cp.ones(2), 2, size=3), ValueError, "Specified 'size' can be used only if all of the ndarray are 'raw'"),
        (lambda k: k(cp.ones(2), cp.ones(2, int)), TypeError, "Type is mismatched. y int64 float64 T"),
        (lambda k: k(cp.ones(2), np.ones(2)), TypeError, "Unsupported type <class 'numpy.ndarray'>"),
        (lambda k: k(cp.ones(2), 1, 2), TypeError, "Output arguments type must be cupy.ndarray"),
        (lambda k: k(cp.ones(2), 1, cp.ones(1)), ValueError, "Out shape is mismatched|could not be broadcast"),
        (lambda k: k(cp.ones(2), cp.ones(3)), ValueError, "shape mismatch"),
        (lambda k: k(cp.ones(2), 1, foo=2), TypeError, "Wrong arguments {'foo': 2}"),
        (lambda k: k(cp.ones(2), 1, block_size=0), ValueError, "block_size must be greater than zero"),
    ],
)
def test_wrong_calls(call: Callable[[Any], Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call(cp.ElementwiseKernel("T x, T y", "T z", "z = x + y", "k"))


def test_sizes_and_types_that_nothing_decides() -> None:
    with pytest.raises(ValueError, match="Output array size is Undecided"):
        cp.ElementwiseKernel("T x", "raw T y", "y[i] = x")(cp.ones(2))
    with pytest.raises(TypeError, match="no array tells what T is in `T x`"):
        cp.ElementwiseKernel("T x", "float32 y", "y = x")(1, size=3)
    with pytest.raises(NotSupported, match="do not compute with complex64"):
        SUBTRACT(cp.ones(2, np.complex64), 1)


@pytest.mark.parametrize(
    ("declared", "error", "said"),
    [
        ("x", ValueError, "Syntax error: x"),
        ("T x,", ValueError, "Syntax error: "),
        ("const T x", ValueError, 'Unknown keyword "const"'),
        ("flaot x", TypeError, "'flaot'"),
        ("T i", ValueError, "Can not use 'i' as a parameter name"),
        ("T x, T x", ValueError, "Two parameters are called 'x'"),
        ("T *x", ValueError, "an array that you index yourself is `raw T x`"),
    ],
)
def test_wrong_declarations(declared: str, error: type[Exception], said: str) -> None:
    for make in (lambda: cp.ElementwiseKernel(declared, "T z", ""), lambda: cp.ReductionKernel(declared, "T z", "", "", "", "0")):
        with pytest.raises(error, match=said):
            make()
    with pytest.raises(TypeError, match="`operation` is CUDA C, a string, not list"):
        cp.ElementwiseKernel("T x", "T y", ["y = x"])
    with pytest.raises(TypeError, match="`reduce_expr` is CUDA C, a string, not int"):
        cp.ReductionKernel("T x", "T y", "x", 0, "y = a", "0")
    with pytest.raises(ValueError, match='Invalid kernel name: "two words"'):
        cp.ElementwiseKernel("T x", "T y", "y = x", "two words")


def test_a_wrong_operation_is_named_with_its_own_line() -> None:
    kernel = cp.ElementwiseKernel("T x", "T y", "T two = 2;\ny = tow * x;", preamble="// a preamble\n")
    with pytest.raises(CompileError, match=r'kernel.cu\(2\): error: identifier "tow" is undefined'):
        kernel(cp.ones(2))
    with pytest.raises(CompileError, match=r"kernel.cu\(1\): error: "):
        cp.ElementwiseKernel("T x", "T y", "x = 1; y = x")(cp.ones(2))


def test_a_wrong_access_is_named_with_the_operations_line() -> None:
    kernel = cp.ElementwiseKernel("raw T x", "T y", "int k = i + 1;\ny = x[k];", "shift")
    with pytest.raises(KernelFault, match=r"line 2, `y = x\[k\];`: thread 4 of block 0 reads x\[5\], but x has 5 elements"):
        kernel(cp.arange(5.0), size=5)


def test_a_bracket_too_few_or_too_many_is_explained() -> None:
    for operation in ("y = (x;", "y = x; {", "y = x; }"):
        with pytest.raises(CompileError, match=r"error: expected a|Lines from 100001 on stand around what you wrote: is a bracket"):
            cp.ElementwiseKernel("T x", "T y", operation)(cp.ones(2))


def test_what_the_operation_leaves_out_stays_unwritten() -> None:
    y = cp.ElementwiseKernel("T x", "T y", "if (x > 1) y = x")(cp.arange(4.0))
    assert y._allocation.unwritten().tolist() == [True, True, False, False]
    with pytest.raises(KernelFault, match=r"line 1, `z = x - y`: thread 0 of block 0 reads .*\[0\], which nobody has written"):
        SUBTRACT(y, 1)


def test_threads_that_write_to_the_same_place_are_found() -> None:
    with pytest.raises(KernelFault, match=r"line 1, `y\[i / 2\] = x`: thread 1 of block 0 writes y\[0\], which thread 0 writes at line 1"):
        cp.ElementwiseKernel("T x", "raw T y", "y[i / 2] = x")(cp.arange(4.0), cp.empty(2))


def test_costs_of_an_elementwise_kernel_are_those_of_its_operation() -> None:
    a = cp.ones(64, np.float32)
    with measure() as costs:
        out = SUBTRACT(a, 1)
    assert (costs[-1].global_loads.elements, costs[-1].global_stores.elements, costs[-1].global_loads.sectors) == (64, 64, 8)
    assert costs[-1].writes(out).tolist() == [1] * 64


# ---- reduction kernels -------------------------------------------------------------------------------------------------

SQUARES = cp.ReductionKernel("T x", "T y", "x * x", "a + b", "y = sqrt(a)", "0", "l2norm")
LARGEST = cp.ReductionKernel("T x", "T y", "x", "max(a, b)", "y = a", "-1e30", "largest")


@pytest.mark.parametrize("shape", [(1,), (7,), (512,), (513,), (3, 5), (2, 3, 4), (2, 600)], ids=str)
def test_all_elements_in_one(shape: tuple[int, ...]) -> None:
    x = numbers(*shape, dtype=np.float64)
    got = SQUARES(cp.asarray(x))
    assert (got.shape, got.dtype) == ((), np.float64)
    np.testing.assert_allclose(got.get(), np.sqrt((x * x).sum()))


@pytest.mark.parametrize("axis", [0, 1, -1, (0, 1), (2, 0), (), None], ids=str)
@pytest.mark.parametrize("keepdims", [False, True])
def test_along_axes(axis: Any, keepdims: bool) -> None:
    x = numbers(3, 5, 70)
    same(LARGEST(cp.asarray(x), axis=axis, keepdims=keepdims), np.asarray(x.max(axis=axis, keepdims=keepdims)))
    same(LARGEST(cp.asarray(x.T), axis=axis, keepdims=keepdims), np.asarray(x.T.max(axis=axis, keepdims=keepdims)))


def test_inputs_of_a_reduction_are_broadcast() -> None:
    product = cp.ReductionKernel("T x, T y", "T z", "x * y", "a + b", "z = a", "0", "inner")
    x, y = numbers(4, 6, dtype=np.float64), numbers(6, dtype=np.float64, seed=1)
    np.testing.assert_allclose(product(cp.asarray(x), cp.asarray(y), axis=1).get(), x @ y)
    np.testing.assert_allclose(product(cp.asarray(x), 2).get(), 2 * x.sum())


def test_a_reduction_of_another_type_than_its_output() -> None:
    mean = cp.ReductionKernel("T x, float64 n", "float32 y", "x", "a + b", "y = a / n", 0, "mean", reduce_type="double")
    x = np.arange(10, dtype=np.int32)
    same(mean(cp.asarray(x), 10), np.float32(4.5))


def test_raw_arrays_and_several_outputs_of_a_reduction() -> None:
    weighted = cp.ReductionKernel("T x, raw T w", "T y, T z", "x * w[i % 3]", "a + b", "y = a; z = 2 * a".replace(";", ","), "0", "weighted")
    y, z = cp.empty(()), cp.empty(())
    weighted(cp.arange(6.0), cp.asarray([1.0, 0.0, 2.0]), y, z)
    assert (float(y), float(z)) == (17, 34)


def test_outputs_of_a_reduction() -> None:
    out = cp.empty(3, np.float32)
    a = cp.asarray(numbers(3, 4))
    assert LARGEST(a, axis=1, out=out) is out
    assert LARGEST(a, out, axis=1) is out
    with pytest.raises(ValueError, match="cannot specify 'out' as both a positional and keyword argument"):
        LARGEST(a, out, out=out)
    with pytest.raises(ValueError, match="Out shape is mismatched"):
        LARGEST(a, out, axis=0)


def test_nothing_is_reduced_to_the_identity() -> None:
    same(SQUARES(cp.zeros((2, 0)), axis=1), np.zeros(2))
    assert LARGEST(cp.zeros((0, 2)), axis=1).shape == (0,)
    with pytest.raises(ValueError, match="zero-size array to reduction operation total which has no identity"):
        cp.ReductionKernel("T x", "T y", "x", "a + b", "y = a", None, "total")(cp.zeros(0))


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: SQUARES(), TypeError, "Wrong number of arguments for l2norm"),
        (lambda: SQUARES(cp.ones(2), foo=1), TypeError, "Wrong arguments"),
        (lambda: SQUARES(1.0), ValueError, "Loop size is undecided"),
        (lambda: SQUARES(cp.ones(2), axis=1), np.exceptions.AxisError, "out of bounds"),
        (lambda: SQUARES(cp.ones(2), axis=(0, 0)), ValueError, "duplicate value in 'axis'"),
        (lambda: SQUARES(np.ones(2)), TypeError, "Unsupported type"),
    ],
)
def test_wrong_calls_of_a_reduction(call: Callable[[], Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call()


def test_a_wrong_expression_is_named_with_its_line_among_the_expressions() -> None:
    with pytest.raises(CompileError, match=r'kernel.cu\(2\): error: identifier "c" is undefined'):
        cp.ReductionKernel("T x", "T y", "x", "a + c", "y = a", "0")(cp.ones(2))
    with pytest.raises(KernelFault, match=r"line 1, `w\[i \+ 9\]`: thread .* reads w\["):
        cp.ReductionKernel("T x, raw T w", "T y", "w[i + 9]", "a + b", "y = a", "0")(cp.ones(2), cp.ones(9))
