"""Embeddings of a layer, and new images in the same space."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from memfeat import rdm, reduction, regression
from memfeat.errors import ArgumentError, KindError
from memfeat.reduction import layers, principal


def layer(values, name="fc", first=0):
    values = np.asarray(values)
    dims = ["image", *[f"{name}:{axis}" for axis in ("channel", "y", "x")[: values.ndim - 1]]]
    names = np.array([f"photo-{i:03d}.jpg" for i in range(first, first + len(values))], dtype=object)
    return xr.DataArray(values, dims=dims, coords={"image": names}, name=name, attrs={"model": "toy"})


def random(n, *shape, seed=0, offset=0.0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, *shape)) * np.linspace(1, 3, shape[-1]) + offset


#: route -> images, features
SHAPES = {"gram": (12, 40), "covariance": (40, 12), "square": (15, 15)}


def test_points_on_a_line_are_measured_along_it():
    # (3, 4) has length 5; the middle of the points is the origin of the space
    found = reduction.embed(layer([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]]), n_components=1)
    np.testing.assert_allclose(found["embedding"].values[:, 0], [-5, 0, 5], atol=1e-12)
    np.testing.assert_allclose(found["components"].values, [[0.6, 0.8]])
    np.testing.assert_allclose(found["mean"], [3, 4])
    np.testing.assert_allclose(found["explained_variance_ratio"], [1])


@pytest.mark.parametrize("route", SHAPES)
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_components_agree_with_scikit_learn(route, offset):
    values = random(*SHAPES[route], offset=offset)
    found = reduction.embed(layer(values), "pca", n_components=4)
    rival = PCA(4, svd_solver="full").fit(values)
    signs = np.sign((rival.components_ * found["components"].values).sum(axis=1))
    np.testing.assert_allclose(found["components"], rival.components_ * signs[:, None], atol=1e-6)
    np.testing.assert_allclose(found["embedding"], rival.transform(values) * signs, atol=1e-6)
    np.testing.assert_allclose(found["explained_variance_ratio"], rival.explained_variance_ratio_, atol=1e-8)
    np.testing.assert_allclose(found["mean"], rival.mean_, rtol=1e-12)


@pytest.mark.parametrize("scale", ["none", "layer"])
def test_all_components_stand_for_the_layer(scale):
    """Inner products of centred features are all that these analyses use."""
    values = layer(random(20, 50, offset=3.0))
    whole = reduction.embed(values, n_components=19)["embedding"].rename("fc")
    scores = xr.DataArray(random(20, 1)[:, 0], dims="image", coords={"image": values["image"]})
    options = {"scale": scale, "n_permutations": 9, "n_bootstraps": 0, "rng": 0}
    one, other = (regression.decode(features, scores, **options) for features in (values, whole))
    np.testing.assert_allclose(one["prediction"], other["prediction"], rtol=1e-9)
    np.testing.assert_allclose(one["penalty"], other["penalty"], rtol=1e-9)
    np.testing.assert_allclose(*(rdm.compute(features, metric="euclidean")["rdm"] for features in (values, whole)))
    found = (reduction.dimensionality(features).drop_vars("n_features") for features in (values, whole))
    xr.testing.assert_allclose(*found)
    another = layer(random(20, 7, seed=5), "other")
    np.testing.assert_allclose(*(reduction.cka(xr.merge([features, another])) for features in (values, whole)))


def test_both_routes_give_the_same_space():
    values = layer(random(20, 30))
    one, other = principal._by_gram(values, 5), principal._by_covariance(values, 5)
    for name in ("points", "components", "mean", "ratio"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=1e-9)


@pytest.mark.parametrize("route", SHAPES)
def test_the_largest_loading_is_positive(route):
    values = random(*SHAPES[route])
    for signed in (values, -values):
        loadings = reduction.embed(layer(signed), n_components=5)["components"].values
        assert (loadings[np.arange(5), np.abs(loadings).argmax(axis=1)] > 0).all()


def test_of_two_equal_loadings_the_first_is_positive():
    for values in ([[0.0, 1.0], [1.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]]):
        found = reduction.embed(layer(np.repeat(values, 2, axis=0)), n_components=1)
        np.testing.assert_allclose(found["components"], [[np.sqrt(0.5), -np.sqrt(0.5)]])
    # equal up to rounding
    np.testing.assert_array_equal(principal.signs(np.array([[0.7, -0.7000000001], [-0.7000000001, 0.7]])), [1, -1])


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), route=st.sampled_from(sorted(SHAPES)))
def test_the_order_of_images_makes_no_difference(seed, route):
    straight = layer(random(*SHAPES[route], seed=seed))
    order = np.random.default_rng(seed).permutation(straight.sizes["image"])
    found = reduction.embed(straight.isel(image=order), n_components=3)
    assert found["image"].values.tolist() == straight["image"].values[order].tolist()
    xr.testing.assert_identical(found.sortby("image"), reduction.embed(straight, n_components=3))


@settings(max_examples=20, deadline=None)
@given(shift=st.floats(-5, 5), factor=st.floats(0.01, 100), route=st.sampled_from(sorted(SHAPES)))
def test_moving_the_features_makes_no_difference_and_scaling_scales(shift, factor, route):
    values = layer(random(*SHAPES[route]))
    one, other = reduction.embed(values), reduction.embed(values * factor + shift)
    np.testing.assert_allclose(other["embedding"], one["embedding"] * factor, rtol=1e-7, atol=1e-7 * factor)
    np.testing.assert_allclose(other["explained_variance_ratio"], one["explained_variance_ratio"], rtol=1e-9)


@pytest.mark.parametrize("route", SHAPES)
def test_all_components_keep_every_distance(route):
    values = random(*SHAPES[route])
    points = reduction.embed(layer(values), n_components=min(len(values) - 1, values.shape[1]))["embedding"].values
    wanted = np.linalg.norm(values[:, None] - values[None], axis=-1)
    np.testing.assert_allclose(np.linalg.norm(points[:, None] - points[None], axis=-1), wanted, atol=1e-8)


def test_feature_maps_keep_their_dims_and_everything_its_labels():
    values = layer(random(6, 3, 2, 4)).assign_coords({"fc:channel": ["r", "g", "b"], "width": ("image", range(6))})
    before = values.copy(deep=True)
    found = reduction.embed(values, n_components=2)
    xr.testing.assert_identical(values, before)
    assert found["components"].dims == ("component", "fc:channel", "fc:y", "fc:x")
    assert found["mean"].dims == ("fc:channel", "fc:y", "fc:x")
    assert found["embedding"].dims == ("image", "component")
    assert found["fc:channel"].values.tolist() == ["r", "g", "b"]
    assert found["width"].values.tolist() == list(range(6))
    assert {"model": "toy", "method": "pca", "layer": "fc", "n": 6, "scale": "none"}.items() <= found.attrs.items()
    flat = reduction.embed(layer(values.values.reshape(6, -1)), n_components=2)
    np.testing.assert_array_equal(found["components"].values.reshape(2, -1), flat["components"])


@pytest.mark.parametrize("route", SHAPES)
def test_lazy_layers_and_small_blocks_give_the_same_space(route, monkeypatch, tmp_path):
    values = layer(random(*SHAPES[route]).astype(np.float32))
    expected = reduction.embed(values)
    monkeypatch.setattr(layers, "BLOCK_BYTES", 8 * values.shape[1] * 4)
    found = reduction.embed(values.chunk({"image": 5, "fc:channel": 7}))
    xr.testing.assert_allclose(found, expected)
    found.to_netcdf(tmp_path / "space.nc", engine="h5netcdf")
    xr.testing.assert_identical(xr.load_dataset(tmp_path / "space.nc", engine="h5netcdf"), found)


@pytest.mark.parametrize("route", SHAPES)
def test_images_project_where_scikit_learn_puts_them(route):
    values, others = random(*SHAPES[route], offset=3), random(7, SHAPES[route][1], seed=9)
    space = reduction.embed(layer(values), n_components=3)
    xr.testing.assert_allclose(reduction.project(space, layer(values)), space["embedding"])
    found = reduction.project(space, layer(others, first=100))
    rival = PCA(3, svd_solver="full").fit(values)
    signs = np.sign((rival.components_ * space["components"].values).sum(axis=1))
    np.testing.assert_allclose(found, rival.transform(others) * signs, atol=1e-8)
    assert found["image"].values[0] == "photo-100.jpg"
    assert found.dims == ("image", "component")
    assert {"model": "toy", "method": "pca", "projected": "true"}.items() <= found.attrs.items()


def test_projecting_feature_maps_does_not_depend_on_the_order_of_dims():
    values = layer(random(9, 3, 2, 4))
    space = reduction.embed(values)
    found = reduction.project(space, values.transpose("fc:x", "image", "fc:channel", "fc:y"))
    xr.testing.assert_allclose(found, space["embedding"])


WRONG = {
    "too many": (
        layer(random(5, 9)),
        {"n_components": 5},
        ArgumentError,
        "be at most 4 for 5 images and 9 features; got 5",
    ),
    "more than features": (layer(random(9, 3)), {"n_components": 4}, ArgumentError, "be at most 3 for 9 images"),
    "none": (layer(random(5, 9)), {"n_components": 0}, ArgumentError, "n_components must be at least 1"),
    "not whole": (layer(random(5, 9)), {"n_components": 1.5}, KindError, "n_components must be a whole number"),
    "one image": (layer(random(1, 9)), {"n_components": 1}, ArgumentError, "be at most 0 for 1 images"),
    "constant, few images": (
        layer(np.full((60, 90), 0.1)),
        {},
        ArgumentError,
        "be at most 0, the number of directions",
    ),
    "constant, many images": (
        layer(np.full((90, 60), 0.1)),
        {},
        ArgumentError,
        "be at most 0, the number of directions",
    ),
    "a line, few images": (
        layer(np.outer(range(4), range(7))),
        {},
        ArgumentError,
        "at most 1, .* layer 'fc' differ; got 2",
    ),
    "a line, many images": (
        layer(np.outer(range(7), range(4))),
        {},
        ArgumentError,
        "at most 1, .* layer 'fc' differ; got 2",
    ),
    "NaN, few images": (
        layer(random(5, 9) / [*[1.0] * 8, np.nan]),
        {},
        ArgumentError,
        "finite for every image.*photo-000",
    ),
    "NaN, many images": (
        layer(random(9, 5) / [*[1.0] * 4, np.nan]),
        {},
        ArgumentError,
        "finite for every image.*photo-000",
    ),
    "method": (layer(random(5, 9)), {"method": "lle"}, ArgumentError, "method must be one of 'pca'.*; got 'lle'"),
    "all layers": (
        layer(random(5, 9)).to_dataset(),
        {},
        KindError,
        r"layer must be one layer.*got Dataset\. Choose one: features\['fc'\]",
    ),
    "array": (random(5, 9), {}, KindError, "layer must be an xarray"),
    "text": (layer(random(5, 9)).astype(str), {}, KindError, "layer must hold real numbers; got dtype <U"),
    "no features": (layer(random(5, 9))[:, 0], {}, ArgumentError, "layer must hold images and features"),
    "clock": (layer(random(5, 9)), {"rng": "now"}, KindError, "rng must be a whole number"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_embedded_is_refused_with_advice(case):
    values, options, kind, message = WRONG[case]
    with pytest.raises(kind, match=message):
        reduction.embed(values, **options)


def test_images_of_another_layer_are_not_projected():
    values = layer(random(9, 5))
    space = reduction.embed(values)
    with pytest.raises(ArgumentError, match=r"layer must have the features of space, \{'fc:channel': 5\}; got .*4"):
        reduction.project(space, values[:, :4])
    with pytest.raises(ArgumentError, match="layer must have the features of space"):
        reduction.project(space, layer(random(9, 5), name="conv"))
    named = reduction.embed(values.assign_coords({"fc:channel": list("abcde")}))
    with pytest.raises(ArgumentError, match="space along 'fc:channel'; got units that are not there: 1: 'e'"):
        reduction.project(named, values.assign_coords({"fc:channel": list("abcdf")}))
    with pytest.raises(ArgumentError, match="finite for every image"):
        reduction.project(space, values.where(values["image"] != "photo-002.jpg"))
    with pytest.raises(ArgumentError, match="space must be an embedding with components"):
        reduction.project(space[["embedding"]], values)
    with pytest.raises(ArgumentError, match="space must be an embedding; got DataArray"):
        reduction.project(values, values)
    with pytest.raises(KindError, match="layer must be one layer"):
        reduction.project(space, values.to_dataset())
