import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import pdist, squareform
from scipy.stats import rankdata, spearmanr

from memfeat import _blocks, rdm
from memfeat.errors import ArgumentError, KindError, UnknownNameError

METRICS = ["correlation", "cosine", "euclidean", "sqeuclidean"]
KINDS = ["both_memorable", "both_forgettable", "min_rank", "max_rank", "product_rank", "nearest"]


def names_of(n):
    return np.array([f"i{k:02}" for k in range(n)], dtype=object)


def layer(values, name="fc", names=None):
    dims = ["image", *[f"{name}:{axis}" for axis in ("channel", "y", "x")[: values.ndim - 1]]]
    return xr.DataArray(
        values, dims=dims, coords={"image": names_of(len(values)) if names is None else names}, name=name
    )


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def series(values, names=None, name="hit_rate"):
    return pd.Series(values, index=names_of(len(values)) if names is None else names, name=name)


def test_dissimilarities_worked_by_hand():
    features = layer(np.array([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0], [1.0, 3.0, 5.0]]))
    expected = {
        "correlation": [2, 0, 2],
        "cosine": [1 - 1 / 5, 1 - 13 / np.sqrt(5 * 35), 1 - 5 / np.sqrt(5 * 35)],
        "euclidean": [np.sqrt(8), np.sqrt(14), np.sqrt(30)],
        "sqeuclidean": [8, 14, 30],
    }
    for metric, values in expected.items():
        np.testing.assert_allclose(rdm.compute(features, metric=metric).rdm.values, [values], atol=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_dissimilarities_agree_with_scipy_for_layers_in_memory_and_lazy(monkeypatch, metric):
    monkeypatch.setattr(_blocks, "BLOCK_BYTES", 8 * 15 * 10)
    a, b = noise(15, 4, 3, 2) + 2, noise(15, 40, seed=1).astype(np.float32)
    expected = [pdist(values.reshape(15, -1).astype(float), metric) for values in (a, b)]
    memory = xr.Dataset({"a": layer(a, "a"), "b": layer(b, "b")})
    for features in (memory, memory.chunk({"image": 4, "a:channel": 3})):
        got = rdm.compute(features, metric=metric)
        assert got.layer.values.tolist() == ["a", "b"]
        assert got.rdm.dims == ("layer", "pair")
        np.testing.assert_allclose(got.rdm.values, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("offset", [0, 1e4, 1e7])
@pytest.mark.parametrize("metric", ["correlation", "euclidean", "sqeuclidean"])
def test_a_large_offset_costs_no_digits(metric, offset):
    values = noise(10, 300)
    got = rdm.compute(layer(values + offset), metric=metric).rdm.values[0]
    np.testing.assert_allclose(got, pdist(values, metric), rtol=1e-7 if offset == 1e7 else 1e-9)


def test_images_that_are_nearly_the_same_keep_their_distance():
    values = noise(8, 50)
    values[3] = values[2]
    values[5] = values[4] + 1e-9 * noise(50, seed=1)
    got = squareform(rdm.compute(layer(values), metric="euclidean").rdm.values[0])
    assert got[2, 3] == 0
    np.testing.assert_allclose(got, squareform(pdist(values)), rtol=1e-9)
    assert squareform(rdm.compute(layer(values)).rdm.values[0])[2, 3] < 1e-15


@settings(max_examples=40)
@given(st.integers(3, 12), st.integers(2, 30), st.sampled_from(METRICS), st.integers(0, 2**31))
def test_rdms_follow_the_order_of_images_to_the_bit(n, p, metric, seed):
    rng = np.random.default_rng(seed)
    features = layer(rng.normal(size=(n, p)).astype(np.float32))
    order = rng.permutation(n)
    got = rdm.compute(features, metric=metric)
    other = rdm.compute(features[order], metric=metric)
    assert other.image.values.tolist() == features.image.values[order].tolist()
    np.testing.assert_array_equal(rdm.square(got).values[:, order][:, :, order], rdm.square(other).values)
    xr.testing.assert_identical(rdm.select(got, features.image[order]), other)


def test_results_are_labelled_say_what_was_done_and_leave_the_features_alone():
    features = xr.Dataset({"a": layer(noise(4, 5), "a")}, attrs={"model": "resmem", "weights_sha256": "8e4b"})
    before = features.copy(deep=True)
    got = rdm.compute(features)
    xr.testing.assert_identical(features, before)
    assert got.attrs["metric"] == "correlation"
    assert got.attrs["model"] == "resmem"
    assert got.rdm.dtype == np.float64
    assert got["first"].dtype == got["second"].dtype == np.int32
    assert got["first"].values.tolist() == [0, 0, 0, 1, 1, 2]
    assert got["second"].values.tolist() == [1, 2, 3, 2, 3, 3]
    assert got.image.values.tolist() == ["i00", "i01", "i02", "i03"]
    np.testing.assert_array_equal(rdm.compute(features["a"]).rdm, got.rdm)


def test_rdms_survive_a_file(tmp_path):
    got = rdm.compute(layer(noise(4, 5), "a"))
    got.to_netcdf(tmp_path / "rdm.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "rdm.nc", engine="h5netcdf") as back:
        back = back.load()
    assert rdm.square(back).equals(rdm.square(got))
    assert back.attrs["metric"] == "correlation"


def test_square_matrices_carry_names_on_both_sides_and_keep_further_dims():
    one = rdm.compute(layer(noise(5, 9)), metric="euclidean")
    both = xr.concat([one, one * 2], "participant", coords="minimal", compat="override", join="exact")
    got = rdm.square(both)
    assert got.dims == ("participant", "layer", "image_1", "image_2")
    np.testing.assert_allclose(got.values[1, 0], 2 * squareform(one.rdm.values[0]))
    assert got.image_1.values.tolist() == got.image_2.values.tolist() == names_of(5).tolist()
    assert got.sel(image_1="i03", image_2="i01").values[0, 0] == got.sel(image_1="i01", image_2="i03").values[0, 0]
    assert rdm.select(both, ["i04", "i00", "i02"]).rdm.dims == ("participant", "layer", "pair")


def test_selected_rdms_are_those_of_the_selected_images():
    features = layer(noise(9, 20))
    chosen = ["i07", "i01", "i04", "i05"]
    whole = rdm.compute(features, metric="cosine")
    before = whole.copy(deep=True)
    xr.testing.assert_allclose(rdm.select(whole, chosen), rdm.compute(features.sel(image=chosen), metric="cosine"))
    xr.testing.assert_identical(whole, before)


@pytest.mark.parametrize(
    ("kind", "expected"),
    {
        # scores .9 .5 .6 .6: ranks 4 1 2.5 2.5, scaled 1 0 .5 .5
        "both_memorable": [0.5, 0.25, 0.25, 0.75, 0.75, 0.5],
        "both_forgettable": [0.5, 0.75, 0.75, 0.25, 0.25, 0.5],
        "min_rank": [1, 0.5, 0.5, 1, 1, 0.5],
        "max_rank": [1, 1, 1, 0.5, 0.5, 0.5],
        "product_rank": [1, 0.5, 0.5, 1, 1, 0.75],
        "nearest": [0.4, 0.3, 0.3, 0.1, 0.1, 0],
    }.items(),
)
def test_model_rdms_worked_by_hand(kind, expected):
    scores = series([0.9, 0.5, 0.6, 0.6])
    before = scores.copy()
    got = rdm.from_scores(scores, kind=kind)
    np.testing.assert_allclose(got.rdm.values, [expected], atol=1e-12)
    assert got.layer.values.tolist() == [kind]
    assert (got.attrs["kind"], got.attrs["scores"]) == (kind, "hit_rate")
    assert got.rdm.dims == ("layer", "pair")
    pd.testing.assert_series_equal(scores, before)


def test_differences_that_are_equal_on_paper_are_ties():
    vector = rdm.from_scores(series(np.arange(11) / 10), kind="nearest").rdm.values[0]
    assert len(np.unique(vector)) == 10
    assert len(np.unique(rdm.from_scores(series(np.arange(11) / 7)).rdm.values)) == 19


@settings(max_examples=40)
@given(arrays(float, st.integers(4, 15), elements=st.floats(-3, 3, width=16)))
def test_model_rdms_depend_on_the_right_part_of_the_scores(values):
    scores = series(values)
    for kind in KINDS[:5]:  # of ranks alone
        np.testing.assert_array_equal(
            rdm.from_scores(scores, kind=kind).rdm, rdm.from_scores(series(rankdata(values) * 7 - 2), kind=kind).rdm
        )
    opposite = rdm.from_scores(series(-values), kind="both_memorable").rdm.values
    np.testing.assert_allclose(opposite, rdm.from_scores(scores, kind="both_forgettable").rdm.values, atol=1e-12)
    opposite = rdm.from_scores(series(-values), kind="min_rank").rdm.values
    np.testing.assert_allclose(opposite, rdm.from_scores(scores, kind="max_rank").rdm.values, atol=1e-12)
    gaps = rdm.from_scores(scores, kind="nearest").rdm.values[0]
    np.testing.assert_allclose(gaps, pdist(values[:, None]), atol=1e-11)


def test_memorable_images_that_are_alike_make_the_anna_karenina_model_win():
    rng = np.random.default_rng(0)
    scores = rng.random(60)
    features = layer(rng.normal(size=(60, 200)) * (1.5 - scores)[:, None] + 1)
    data = rdm.compute(features, metric="euclidean").rdm.values[0]
    fit = {kind: spearmanr(data, rdm.from_scores(series(scores), kind=kind).rdm.values[0]).statistic for kind in KINDS}
    assert fit["both_memorable"] > 0.9
    assert fit["both_forgettable"] < -0.9
    assert max(fit, key=fit.get) == "both_memorable"


def test_categories_are_the_same_or_different():
    got = rdm.from_categories(series(["cat", "dog", "cat", "eel"], name="category"))
    assert got.rdm.values.tolist() == [[1, 0, 1, 1, 1, 1]]
    assert got.layer.values.tolist() == ["category"]
    assert rdm.from_categories(series([3, 3, 1], name=None)).rdm.values.tolist() == [[0, 1, 1]]


def test_what_cannot_be_computed_is_an_error_with_advice():
    with pytest.raises(
        ArgumentError, match="metric must be one of 'correlation', 'cosine', 'euclidean', .*, 'poisson'; got 'pearson'"
    ):
        rdm.compute(layer(noise(4, 3)), metric="pearson")
    with pytest.raises(ArgumentError, match="features must hold at least 3 images; got 2"):
        rdm.compute(layer(noise(2, 3)))
    for metric in ("correlation", "cosine"):
        with pytest.raises(ArgumentError, match=r"at least 2 features for metric='.*'; got 1. Use metric='euclidean'"):
            rdm.compute(layer(noise(4, 1)), metric=metric)
    rdm.compute(layer(noise(4, 1)), metric="euclidean")
    flat = noise(4, 3).astype(np.float32)
    flat[1] = 0.1
    with pytest.raises(
        ArgumentError, match=r"features\['fc'\] must have features that differ within an image; got 1: 'i01'"
    ):
        rdm.compute(layer(flat))
    rdm.compute(layer(flat), metric="cosine")
    flat[[1, 2]] = 0
    with pytest.raises(
        ArgumentError, match=r"features\['fc'\] must have features that are not all zero .* got 2: 'i01', 'i02'"
    ):
        rdm.compute(layer(flat), metric="cosine")
    flat[2, 1] = np.nan
    with pytest.raises(ArgumentError, match="must be finite for every image; got NaN or infinity in 1: 'i02'"):
        rdm.compute(layer(flat), metric="euclidean")
    with pytest.raises(ArgumentError, match=r"kind must be one of 'both_memorable', .* got 'anna'"):
        rdm.from_scores(series([1, 2, 3]), kind="anna")
    with pytest.raises(ArgumentError, match="scores must be finite for every image; got NaN or infinity in 1: 'i01'"):
        rdm.from_scores(series([1, np.nan, 3]))
    with pytest.raises(ArgumentError, match="scores must hold at least 3 images; got 2"):
        rdm.from_scores(series([1, 2]))
    with pytest.raises(ArgumentError, match="column must hold at least 3 images; got 2"):
        rdm.from_categories(series(["a", "b"]))


def test_selecting_what_is_not_there_is_an_error():
    rdms = rdm.compute(layer(noise(4, 3)))
    with pytest.raises(UnknownNameError, match="names must be images of the RDMs; got unknown 2: 'x', 'y'"):
        rdm.select(rdms, ["i01", "x", "y"])
    with pytest.raises(
        ArgumentError, match="names must name at least two images, each once; got 3: 'i01', 'i02', 'i01'"
    ):
        rdm.select(rdms, ["i01", "i02", "i01"])
    with pytest.raises(KindError, match=r"rdms must be a Dataset of RDMs; got DataArray\. Make one with"):
        rdm.square(rdms.rdm)
