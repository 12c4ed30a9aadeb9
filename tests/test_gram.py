import time

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from memfeat import _blocks, gram
from memfeat.errors import ArgumentError, KindError


def layer(values, names=None, name="fc"):
    values = np.asarray(values) if not isinstance(values, da.Array) else values
    dims = ["image", *[f"{name}:{axis}" for axis in ("channel", "y", "x")[: values.ndim - 1]]]
    names = [f"i{k:02}" for k in range(len(values))] if names is None else names
    return xr.DataArray(values, dims=dims, coords={"image": np.array(names, dtype=object)}, name=name)


def noise(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def test_a_gram_matrix_worked_by_hand():
    np.testing.assert_array_equal(gram.linear(layer([[3, 4], [1, 0]])), [[25, 3], [3, 1]])
    np.testing.assert_array_equal(gram.linear(layer([[3, 4], [1, 0]]), centre="features"), [[5, -5], [-5, 5]])
    np.testing.assert_array_equal(gram.linear(layer([[3, 4], [1, 0]]), centre="images"), [[0.5, -0.5], [-0.5, 0.5]])


@pytest.mark.parametrize("centre", ["none", "features", "images"])
@pytest.mark.parametrize("most", [2**28, 700, 8])
def test_blocks_and_lazy_layers_agree_with_one_product(monkeypatch, centre, most):
    monkeypatch.setattr(_blocks, "BLOCK_BYTES", most)
    values = noise(7, 5, 4, 3) + 3
    flat = values.reshape(7, -1)
    flat = {"none": flat, "features": flat - flat.mean(0), "images": flat - flat.mean(1, keepdims=True)}[centre]
    for given_as in (values, da.from_array(values, chunks=(2, 3, 4, 1))):
        np.testing.assert_allclose(gram.linear(layer(given_as), centre=centre), flat @ flat.T, rtol=1e-12, atol=1e-12)


def test_chunks_that_fill_the_memory_are_read_one_after_another():
    values, live, most = noise(12, 40), [], []

    def load(block):
        live.append(1)
        most.append(len(live))
        time.sleep(0.01)
        live.pop()
        return block

    def read(memory):
        most.clear()
        lazy = da.from_array(values, chunks=(2, 40)).map_blocks(load, dtype=float, meta=np.empty((0, 0)))
        with dask.config.set(scheduler="threads", num_workers=4):
            blocks = list(_blocks.checked(layer(lazy), memory=memory))
        np.testing.assert_array_equal(np.concatenate(blocks, axis=1), values)
        return max(most)

    assert read(memory=2 * 8 * 40 * 3) == 1
    assert read(memory=2**20) > 1


def test_a_lazy_layer_is_never_held_whole(monkeypatch):
    # half for six features of ten images as float64, half for six as they come
    monkeypatch.setattr(_blocks, "BLOCK_BYTES", 2 * 8 * 10 * 6)
    seen = []

    def load(block):
        seen.append(block.shape)
        return block

    lazy = da.from_array(noise(10, 24), chunks=(10, 6)).map_blocks(load, dtype=float, meta=np.empty((0, 0)))
    widths = [block.shape[1] for block in _blocks.checked(layer(lazy))]
    assert widths == [6, 6, 6, 6]
    assert len(seen) == 4


@pytest.mark.parametrize("dtype", [np.float16, np.uint8, np.int16, bool])
def test_every_number_type_is_summed_exactly(dtype):
    values = np.random.default_rng(0).integers(0, 200, (4, 9_000)).astype(dtype)
    whole = values.astype(object).astype(int)
    got = gram.linear(layer(values))
    assert got.dtype == np.float64
    np.testing.assert_array_equal(got, whole @ whole.T)


def test_a_large_offset_costs_no_digits():
    values = noise(6, 500) + 1e6
    for centre, axis in {"features": 0, "images": 1}.items():
        exact = values.astype(np.longdouble)
        exact = exact - exact.mean(axis=axis, keepdims=True)
        np.testing.assert_allclose(
            gram.linear(layer(values), centre=centre), (exact @ exact.T).astype(float), atol=1e-7
        )


def test_an_image_of_equal_features_becomes_exactly_zero(monkeypatch):
    monkeypatch.setattr(_blocks, "BLOCK_BYTES", 8 * 3 * 7)
    values = np.stack([np.full(50, 0.1), noise(50), np.full(50, 1e9 / 3)]).astype(np.float32)
    got = gram.linear(layer(values), centre="images")
    assert (np.diagonal(got)[[0, 2]] == 0).all()
    assert got[1, 1] > 0


@settings(max_examples=30)
@given(st.integers(2, 20), st.integers(1, 60), st.sampled_from(list(gram.CENTRES)), st.integers(0, 2**31))
def test_gram_matrices_are_symmetric_and_follow_the_order_of_images_to_the_bit(n, p, centre, seed):
    rng = np.random.default_rng(seed)
    one = layer(rng.normal(size=(n, p)))
    order = rng.permutation(n)
    got, other = gram.linear(one, centre=centre), gram.linear(one[order], centre=centre)
    np.testing.assert_array_equal(got, got.T)
    np.testing.assert_array_equal(other, got[np.ix_(order, order)])


def test_a_triangle_gives_rows_and_diagonal_in_the_order_of_the_layer():
    values = noise(6, 9)
    names = ["f", "b", "e", "a", "d", "c"]
    for order in (names, sorted(names)):
        found = gram.triangle(layer(values, names=order))
        expected = values @ values.T
        np.testing.assert_allclose(found.diagonal(), np.diagonal(expected), rtol=1e-12)
        first, second = np.triu_indices(6, 1)
        condensed = np.full(15, np.nan)
        for i, where, row in found.rows():
            condensed[where] = row
            assert len(row) == 5 - i
        np.testing.assert_allclose(condensed, expected[first, second], rtol=1e-12)
        np.testing.assert_allclose(found.square(), expected, rtol=1e-12)


def test_rows_of_several_dims_are_kept_and_blocks_are_counted(monkeypatch):
    monkeypatch.setattr(_blocks, "SLAB_BYTES", 8 * 12 * 2)
    values, told = noise(4, 3, 5, 2), []
    names = [f"i{k:02}" for k in range(4)]
    one = xr.DataArray(values, dims=["image", "run", "fc:y", "fc:x"], coords={"image": names}, name="fc")
    got = list(_blocks.checked(one, lead=("run", "image"), tick=told.append))
    np.testing.assert_array_equal(np.concatenate(got, axis=1), values.transpose(1, 0, 2, 3).reshape(12, 10))
    assert told == [2, 2, 2, 2, 2]
    values[1, 2, 3, 0] = np.nan
    with pytest.raises(ArgumentError, match="NaN or infinity in 1: 'i01'"):
        list(_blocks.checked(one, lead=("run", "image")))


def test_a_matrix_of_many_rows_is_mirrored_in_pieces(monkeypatch):
    monkeypatch.setattr(gram, "ROWS", 3)
    values = noise(10, 4)
    got = gram.linear(layer(values), centre="images")
    centred = values - values.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(got, centred @ centred.T, atol=1e-12)
    np.testing.assert_array_equal(got, got.T)


def test_squared_distances_agree_with_differences(monkeypatch):
    monkeypatch.setattr(_blocks, "BLOCK_BYTES", 8 * 5 * 6)
    values = noise(5, 4, 3)
    first, second = np.triu_indices(5, 1)
    expected = ((values[first] - values[second]) ** 2).sum(axis=(1, 2))
    np.testing.assert_allclose(gram.squared_distances(layer(values), first, second), expected, rtol=1e-13)


def test_compute_keeps_layers_names_and_provenance_and_leaves_the_features_alone():
    features = xr.Dataset({"a": layer(noise(3, 4), name="a"), "b": layer(noise(3, 2, seed=1), name="b")})
    features.attrs = {"model": "resmem", "reduction": "mean", "other": "x"}
    before = features.copy(deep=True)
    got = gram.compute(features)
    xr.testing.assert_identical(features, before)
    assert list(got) == ["a", "b"]
    assert got["a"].dims == ("image", "image_2")
    assert got.image_2.values.tolist() == features.image.values.tolist()
    for name in got:
        np.testing.assert_array_equal(got[name], gram.linear(features[name]))
    assert got.attrs["model"] == "resmem"
    assert got.attrs["centre"] == "none"
    assert "other" not in got.attrs


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("centre", list(gram.CENTRES))
def test_a_value_that_is_not_finite_names_its_image(bad, centre):
    values = noise(4, 6)
    values[2, 3] = bad
    with pytest.raises(ArgumentError, match=r"features\['fc'\] must be finite .* in 1: 'i02'"):
        gram.linear(layer(values), centre=centre)


def test_errors_are_advice():
    with pytest.raises(ArgumentError, match="centre must be one of 'none', 'features', 'images'; got 'rows'"):
        gram.linear(layer(noise(3, 2)), centre="rows")
    with pytest.raises(KindError, match=r"features\['fc'\] must hold real numbers; got dtype complex128"):
        gram.linear(layer(noise(3, 2) + 1j))
    with pytest.raises(ArgumentError, match=r"must hold at least one image and one feature; got shape \(3, 0\)"):
        gram.linear(layer(noise(3, 0)))
    with pytest.raises(ArgumentError, match="name each image once"):
        gram.linear(layer(noise(3, 2), names=["a", "a", "b"]))
    with pytest.raises(KindError, match="features must be an xarray"):
        gram.compute(noise(3, 2))
