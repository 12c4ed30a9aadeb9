"""Strength and sparseness of responses: by hand, against numpy, and while a network runs."""

import warnings

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import memfeat as mf
from memfeat import _blocks, measures
from memfeat.errors import ArgumentError, KindError, MemfeatWarning, RetrainedWarning
from memfeat.measures.layers import at_least


def layer(values, name="relu"):
    values = np.asarray(values)
    dims = ["image", *[f"{name}:{axis}" for axis in ("channel", "y", "x")[: values.ndim - 1]]]
    names = np.array([f"photo-{i:03d}.jpg" for i in range(len(values))], dtype=object)
    return xr.DataArray(values, dims=dims, coords={"image": names}, name=name, attrs={"model": "toy"})


def responses(n, *shape, seed=0):
    return np.maximum(np.random.default_rng(seed).standard_normal((n, *shape)), 0)


NORMS = {"l2": lambda a: np.linalg.norm(a, axis=1), "l1": lambda a: np.linalg.norm(a, 1, axis=1), "mean": np.mean}


@pytest.mark.parametrize(("norm", "value"), [("l2", 13.0), ("l1", 19.0), ("mean", 19 / 3)])
def test_magnitude_by_hand(norm, value):
    found = measures.magnitude(layer([[3.0, 4, 12], [0, 0, 0]]), norm=norm)
    assert found["relu"].values.tolist() == [pytest.approx(value), 0]
    assert found.attrs["norm"] == norm


@pytest.mark.parametrize("dtype", ["float16", "float32", "int8", "uint8"])
def test_magnitude_agrees_with_numpy_in_any_number_type(dtype):
    values = (responses(7, 3, 4, 5) * 25).astype(dtype)
    flat = values.reshape(7, -1).astype(np.float64)
    for norm, rival in NORMS.items():
        wanted = flat.mean(axis=1) if norm == "mean" else rival(flat)
        np.testing.assert_allclose(measures.magnitude(layer(values), norm=norm)["relu"], wanted, rtol=1e-12)


def test_layers_are_read_in_blocks_and_labels_kept(monkeypatch):
    both = xr.Dataset({"low": layer(responses(9, 4, 5), "low"), "high": layer(responses(9, 11) - 0.5, "high")})
    both = both.assign_attrs(model="toy", reduction="none")
    before = both.copy(deep=True)
    whole = measures.magnitude(both)
    monkeypatch.setattr(_blocks, "SLAB_BYTES", 8 * 9 * 3)
    xr.testing.assert_allclose(measures.magnitude(both.chunk({"image": 4})), whole)
    xr.testing.assert_identical(both, before)
    assert list(whole.data_vars) == ["low", "high"]
    assert whole["image"].values.tolist() == both["image"].values.tolist()
    assert {"model": "toy", "reduction": "none", "n": 9, "method": "response magnitude"}.items() <= whole.attrs.items()
    assert [whole[name].attrs["rectified"] for name in whole] == ["true", "false"]


def test_what_cancels_in_a_mean_is_said():
    mixed = layer([[1.0, -1.0], [2.0, 0.0]])
    assert measures.magnitude(mixed)["relu"].attrs["rectified"] == "false"
    with pytest.warns(MemfeatWarning, match="above and below zero cancel in the mean of 'relu'. Take layers after a"):
        assert measures.magnitude(mixed, norm="mean")["relu"].values.tolist() == [0, 1]


@pytest.mark.parametrize("method", ["treves_rolls", "hoyer"])
def test_one_unit_alone_is_sparse_and_equal_units_are_not(method):
    found = measures.sparseness(layer([[0, 0, 7.0, 0], [2, 2, 2, 2], [3, -3, 3, -3]]), method=method)["relu"]
    np.testing.assert_allclose(found, [1, 0, 0], atol=1e-12)
    assert found.attrs["rectified"] == "false"


def test_sparseness_by_hand():
    values = layer([[3.0, 4, 0, 0]])
    # (Σr/n)² / (Σr²/n) = (7/4)² / (25/4) = .49; (1 − .49) / (3/4) = .68;  (2 − 7/5) / (2 − 1) = .6
    assert measures.sparseness(values)["relu"].item() == pytest.approx(0.68)
    assert measures.sparseness(values, method="hoyer")["relu"].item() == pytest.approx(0.6)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), gain=st.floats(1e-3, 1e3), method=st.sampled_from(["treves_rolls", "hoyer"]))
def test_sparseness_knows_no_gain_and_lies_between_0_and_1(seed, gain, method):
    values = layer(responses(6, 8, seed=seed) + 1e-3)
    found = measures.sparseness(values, method=method)["relu"]
    assert ((found >= 0) & (found <= 1)).all()
    np.testing.assert_allclose(measures.sparseness(values * gain, method=method)["relu"], found, atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), gain=st.floats(1e-3, 1e3), norm=st.sampled_from(sorted(NORMS)))
def test_magnitude_grows_with_gain_and_knows_no_order(seed, gain, norm):
    values = layer(responses(6, 8, seed=seed))
    order = np.random.default_rng(seed).permutation(6)
    found = measures.magnitude(values, norm=norm)["relu"]
    moved = measures.magnitude((values * gain).isel(image=order), norm=norm)["relu"]
    xr.testing.assert_allclose(moved, (found * gain).isel(image=order))


def test_images_that_no_unit_responds_to_have_no_sparseness():
    with pytest.warns(
        MemfeatWarning, match=r"NaN\), 1: 'photo-001.jpg': they leave all units of 'relu' at zero"
    ) as said:
        found = measures.sparseness(layer([[1.0, 0], [0, 0]]))["relu"]
    assert np.isnan(found.values).tolist() == [False, True]
    assert said[0].filename == __file__


@pytest.mark.parametrize("method", ["treves_rolls", "hoyer"])
def test_sparseness_while_a_network_runs_is_that_of_stored_features(method):
    from networks import random_pictures, reused

    model, pictures = reused(), random_pictures(6)
    options = {"model": model, "layers": ["relu@1", "relu@2"], "progress": False}
    online = mf.extract(pictures, reduce=getattr(mf.measures, method), **options)
    stored = measures.sparseness(mf.extract(pictures, reduce="none", **options), method=method)
    assert online.attrs["reduction"].startswith(f"function({method}, ")
    for name in ("relu@1", "relu@2"):
        assert online[name].dims == ("image",)
        np.testing.assert_allclose(online[name], stored[name], atol=2e-6)
        assert stored[name].attrs["rectified"] == "true"


def test_magnitude_while_a_network_runs_is_that_of_stored_features():
    from networks import random_pictures, reused

    options = {"model": reused(), "layers": ["relu@1", "relu@2"], "progress": False}
    online = mf.extract(random_pictures(6), reduce="magnitude", **options)
    stored = mf.extract(random_pictures(6), reduce="none", **options)
    for norm in NORMS:
        one, other = (measures.magnitude(features, norm=norm) for features in (online, stored))
        for name in ("relu@1", "relu@2"):
            np.testing.assert_allclose(one[name], other[name], rtol=1e-6)
            assert "rectified" not in one[name].attrs


def test_online_sparseness_of_halves_and_of_nothing():
    import torch

    output = torch.tensor([[[3.0, 4.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]], dtype=torch.bfloat16)
    for function, value in ((measures.treves_rolls, 0.68), (measures.hoyer, 0.6)):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = function(output)
        assert found[0] == pytest.approx(value)
        assert np.isnan(found[1])


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda a: measures.magnitude(a, norm="max"), ArgumentError, "norm must be one of 'l2', 'l1', 'mean'"),
        (lambda a: measures.sparseness(a, method="gini"), ArgumentError, "method must be one of 'treves_rolls'"),
        (lambda a: measures.sparseness(a[:, :1]), ArgumentError, r"features\['relu'\] must have at least 2 features"),
        (lambda a: measures.magnitude(a * np.nan), ArgumentError, r"features\['relu'\] must be finite for every image"),
        (lambda a: measures.magnitude(a.astype(complex)), KindError, "must hold real numbers; got dtype complex128"),
        (lambda a: measures.magnitude(a.drop_vars("image")), ArgumentError, "features must have a dim 'image'"),
        (lambda a: measures.magnitude(a.values), KindError, "features must be an xarray Dataset or DataArray"),
        (lambda a: measures.magnitude(a[:, :0]), ArgumentError, "must hold at least one image and one feature"),
        (lambda a: measures.magnitude(a, progress=1), KindError, "progress must be True, False or None; got 1"),
        (lambda a: at_least(a, 9, "typicality"), ArgumentError, "must hold at least 9 images for typicality; got 5"),
    ],
)  # fmt: skip
def test_what_cannot_be_measured_is_refused_with_advice(call, kind, message):
    with pytest.raises(kind, match=message):
        call(layer(responses(5, 4)))


def test_the_retrained_network_is_warned_of():
    features = layer(responses(5, 4)).to_dataset().assign_attrs(variant="retrained")
    with pytest.warns(RetrainedWarning, match="trunk was retrained"):
        found = measures.magnitude(features)
    assert found.attrs["cautions"] == "retrained"


@pytest.mark.parametrize(
    "measure",
    [
        measures.typicality,
        lambda a: measures.contextual_distinctiveness(a, n_components=2),
        lambda a: measures.sparse_coding(a, n_atoms=3, n_iterations=2, rng=0, device="cpu"),
    ],
)
def test_names_may_be_text_as_xarray_reads_it_from_a_store(measure, tmp_path):
    values = np.random.default_rng(0).standard_normal((8, 4))
    layer = xr.DataArray(
        values, dims=["image", "fc:unit"], coords={"image": np.array([*"hbcdefga"], object)}, name="fc"
    )
    layer.to_dataset().to_zarr(tmp_path / "fc.zarr", consolidated=False)
    with xr.open_zarr(tmp_path / "fc.zarr", consolidated=False) as stored:
        found = measure(stored)
    np.testing.assert_array_equal(
        found["fc"].sel(image=list("abcdefgh")), measure(layer)["fc"].sel(image=list("abcdefgh"))
    )
