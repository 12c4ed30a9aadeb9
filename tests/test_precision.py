"""How values are rounded for storage, and what is said about it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from memfeat.activations import precision as module
from memfeat.activations.precision import precision
from memfeat.errors import ArgumentError, KindError

TINY = float(np.finfo(np.float32).tiny)
#: Normal numbers that no rounding carries beyond the largest one, and 0.
NUMBERS = st.floats(-(2.0**126), 2.0**126, width=32, allow_subnormal=False)
ROWS = hnp.arrays(np.float32, hnp.array_shapes(min_dims=1, max_dims=3, max_side=5), elements=NUMBERS)
BITS = st.integers(1, 22)


def stored(spec, values):
    return precision(spec).apply(np.asarray(values, dtype=np.float32), "here")[0]


def test_rounding_by_hand():
    # With 2 bits the numbers from 1 to 2 are 1, 1.25, 1.5, 1.75; halfway goes to the even one.
    assert stored("float32:2", [1.0, 1.1, 1.125, 1.13, 1.375, 1.9]).tolist() == [1, 1, 1, 1.25, 1.5, 2]
    assert stored("float32:1", [-1.2, -1.3, 3.0, 0.0, 10.0]).tolist() == [-1, -1.5, 3, 0, 8]
    assert np.signbit(stored("float32:3", [-0.0])).all()
    assert stored("float16", [0.1]).tolist() == [float(np.float16(0.1))]


def test_the_error_by_hand():
    values = np.array([[1.1, -4.0], [0.0, 0.0], [np.nan, np.nan], [np.nan, 1.1], [np.inf, 1.0]], dtype=np.float32)
    kept, error = precision("float32:2").apply(values, "here")
    np.testing.assert_array_equal(kept, np.array([[1, -4], [0, 0], [np.nan, np.nan], [np.nan, 1], [np.inf, 1]]))
    np.testing.assert_allclose(error, [0.1 / 4, 0, 0, 0.1 / 1.1, 0], rtol=1e-6)
    assert error.dtype == np.float64


def test_float32_is_stored_as_it_is():
    values = np.random.default_rng(0).normal(size=(3, 2)).astype(np.float32)
    kept, error = precision("float32").apply(values, "here")
    assert kept is values
    assert error.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("spec", "name", "dtype"),
    [("float32", "float32", "f4"), ("float16", "float16", "f2"), ("float32:07", "float32:7", "f4")],
)
def test_a_precision_says_what_it_is(spec, name, dtype):
    assert precision(spec).name == name
    assert precision(spec).dtype == np.dtype(dtype)


@settings(max_examples=200)
@given(ROWS, BITS)
def test_no_value_moves_by_more_than_half_a_step(values, bits):
    kept, error = precision(f"float32:{bits}").apply(values, "here")
    off = np.abs(kept.astype(np.float64) - values)
    assert (off <= 2.0 ** -(bits + 1) * np.abs(values.astype(np.float64))).all()
    assert (error <= 2.0 ** -(bits + 1)).all()
    assert (np.sign(kept) == np.sign(values)).all()
    dropped = np.uint32(2 ** (23 - bits) - 1)
    assert not (kept.view(np.uint32) & dropped).any()


@settings(max_examples=100)
@given(ROWS, BITS)
def test_rounding_agrees_with_whole_numbers_of_steps(values, bits):
    """Independently: numpy rounds a mantissa, scaled to whole steps, half to even."""
    mantissa, exponent = np.frexp(values.astype(np.float64))
    expected = np.ldexp(np.rint(mantissa * 2.0 ** (bits + 1)), exponent - (bits + 1))
    np.testing.assert_array_equal(stored(f"float32:{bits}", values), expected)


@settings(max_examples=100)
@given(ROWS, BITS, st.sampled_from(["float16", "float32"]))
def test_rounding_twice_is_rounding_once_and_keeps_order(values, bits, kind):
    spec, values = (f"float32:{bits}", values) if kind == "float32" else (kind, np.clip(values, -65_504, 65_504))
    once = stored(spec, values)
    np.testing.assert_array_equal(stored(spec, once), once)
    order = np.argsort(values.ravel(), kind="stable")
    assert (np.diff(once.ravel()[order].astype(np.float64)) >= 0).all()
    np.testing.assert_array_equal(stored(spec, -values), -once)


@settings(max_examples=50)
@given(ROWS)
def test_ten_bits_are_those_of_float16(values):
    """Where float16 has its full mantissa the two agree, though one goes through integers and one through numpy."""
    inside = np.where((np.abs(values) >= 2.0**-14) & (np.abs(values) <= 65_000), values, np.float32(0))
    np.testing.assert_array_equal(stored("float32:10", inside), stored("float16", inside).astype(np.float32))


@settings(max_examples=50)
@given(ROWS, st.sampled_from(["float16", "float32:5"]))
def test_the_error_is_the_largest_one_of_each_image(values, spec):
    values = np.clip(values, -65_504, 65_504)
    kept, error = precision(spec).apply(values, "here")
    for row, true, said in zip(kept.astype(np.float64), values.astype(np.float64), error, strict=True):
        largest = np.abs(true).max()
        assert said == pytest.approx(np.abs(row - true).max() / largest if largest else 0, rel=1e-6, abs=1e-12)


def test_blocks_are_rounded_in_parts_to_the_same_values(monkeypatch):
    values = np.random.default_rng(0).normal(size=(7, 3, 4)).astype(np.float32)
    whole = precision("float32:4").apply(values, "here")
    monkeypatch.setattr(module, "AT_ONCE", 25)
    parts = precision("float32:4").apply(values, "here")
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("spec", ["float16", "float32:6"])
def test_the_input_is_unchanged_and_may_be_a_view_or_empty(spec):
    values = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    before = values.copy()
    np.testing.assert_array_equal(stored(spec, values.T), stored(spec, values).T)
    np.testing.assert_array_equal(values, before)
    for shape in [(0, 3), (2, 0)]:
        kept, error = precision(spec).apply(np.empty(shape, dtype=np.float32), "here")
        assert kept.shape == shape
        assert error.tolist() == [0] * shape[0]


def test_infinity_nan_and_the_smallest_numbers_survive_shortening():
    every_nan = np.array([0x7F800001, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FC00000], dtype=np.uint32).view(np.float32)
    assert np.isnan(stored("float32:1", every_nan)).all()
    assert stored("float32:1", [np.inf, -np.inf]).tolist() == [np.inf, -np.inf]
    assert stored("float32:1", [TINY, -TINY, TINY / 2]).tolist() == [TINY, -TINY, TINY / 2]


def test_values_beyond_float16_are_counted_and_refused():
    values = np.array([[65_504.0, -65_505.0], [70_000.0, np.nan], [np.inf, 1.0]], dtype=np.float32)
    message = "precision must hold every value when it is 'float16'; got 3 values beyond ±65,504 in layer 'here'. Write"
    with pytest.raises(ArgumentError, match=message):
        precision("float16").apply(values, "here")
    assert stored("float16", [65_504.0, -65_504.0]).tolist() == [65_504.0, -65_504.0]


def test_what_rounding_would_make_infinite_is_refused():
    # The largest number with one bit is 1.5 × 2¹²⁷.
    largest = float(np.finfo(np.float32).max)
    with pytest.raises(ArgumentError, match="got 2 values beyond ±2.55212e.38 in layer 'here'"):
        precision("float32:1").apply(np.array([largest, -largest, 1.0, np.inf], dtype=np.float32), "here")


@pytest.mark.parametrize("spec", ["float64", "float32:0", "float32:23", "float32:x", "float16:4", "float32:", ""])
def test_what_is_no_precision_is_refused(spec):
    with pytest.raises(ArgumentError, match=f"precision must be one of 'float32', .*; got '{spec}'. For instance"):
        precision(spec)


def test_a_precision_is_text():
    with pytest.raises(KindError, match="precision must be text; got 16. For instance"):
        precision(16)
