"""Contextual distinctiveness: −log p of each image among the others."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.neighbors import KernelDensity

from memfeat.errors import ArgumentError, KindError, UnknownNameError
from memfeat.measures import contextual_distinctiveness
from memfeat.measures.densities import KERNELS, likeliest

NAMES = np.array([f"{i:02d}.jpg" for i in range(30)])


def layer(values, name: str = "fc", names=NAMES) -> xr.DataArray:
    values = np.asarray(values, dtype=float)
    return xr.DataArray(values, dims=["image", f"{name}:unit"], coords={"image": names[: len(values)]}, name=name)


def noise(n: int = 30, p: int = 8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, p)) * np.linspace(3, 1, p)


def scaled(values: np.ndarray, k: int) -> np.ndarray:
    """Place images on principal components by scikit-learn, the farthest image on the positive side."""
    placed = PCA(k, svd_solver="full").fit_transform(values)
    placed *= np.sign(placed[np.abs(placed).argmax(axis=0), np.arange(k)])
    return (placed - placed.min()) / (placed.max() - placed.min())


def naive(points: np.ndarray, bandwidth: float, kernel: str) -> np.ndarray:
    """Fit scikit-learn's density to all other points, for each point in turn."""
    found = []
    for i in range(len(points)):
        density = KernelDensity(bandwidth=bandwidth, kernel=kernel, rtol=0, atol=0).fit(np.delete(points, i, axis=0))
        found.append(-density.score_samples(points[i : i + 1])[0])
    return np.array(found)


def test_density_by_hand():
    # on a line at 0, .25 and 1: neighbours at .25 and .75 count 3/4 (1 − u²), the one at 1 nothing
    found = contextual_distinctiveness(layer([[0], [1], [4]]), n_components=1, bandwidth=1.0)["fc"]
    counted = np.array([1 - 1 / 16, 2 - 1 / 16 - 9 / 16, 1 - 9 / 16])
    np.testing.assert_allclose(found, -np.log(0.75 * counted / 2), rtol=1e-12)


@pytest.mark.parametrize("kernel", KERNELS)
def test_agrees_with_a_loop_over_scikit_learns_density(kernel: str):
    values = noise()
    found = contextual_distinctiveness(layer(values), n_components=3, kernel=kernel)["fc"]
    expected = naive(scaled(values, 3), found.attrs["bandwidth"], kernel)
    np.testing.assert_allclose(found, expected, rtol=1e-8)


@pytest.mark.parametrize("kernel", KERNELS)
def test_no_other_bandwidth_makes_images_likelier(kernel: str):
    values = noise(15)
    found = contextual_distinctiveness(layer(values), n_components=3, kernel=kernel)["fc"]
    points, best = scaled(values, 3), found.attrs["bandwidth"]
    others = [naive(points, size, kernel).mean() for size in best * np.geomspace(0.3, 3, 24)]
    assert found.mean() <= min(others)
    nearby = [naive(points, size, kernel).mean() for size in (best * 0.99, best * 1.01)]
    assert found.mean() < min(nearby)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_likeliest_of_two_points_follows_from_calculus(kernel: str):
    # one neighbour at distance r in d dimensions: h² = r² (d + 2) / d for 1 − u², r² / d for the Gaussian
    squared = np.array([[np.inf, 0.09], [0.09, np.inf]])
    expected = {"epanechnikov": 0.3 * np.sqrt(6 / 4), "gaussian": 0.3 / 2}[kernel]
    assert likeliest(squared, 4, KERNELS[kernel]) == pytest.approx(expected, rel=1e-3)


def test_groups_are_each_their_own_context_in_one_space():
    values, kinds = noise(), np.repeat(["house", "tower"], 15)
    groups = pd.Series(kinds, index=NAMES, name="category")
    found = contextual_distinctiveness(layer(values), groups=groups, n_components=3)["fc"]
    points, sizes = scaled(values, 3), json.loads(found.attrs["bandwidth"])
    assert list(sizes) == ["house", "tower"]
    for kind, size in sizes.items():
        expected = naive(points[kinds == kind], size, "epanechnikov")
        np.testing.assert_allclose(found[kinds == kind], expected, rtol=1e-8)
    entropy = found.groupby(xr.DataArray(kinds, {"image": NAMES}, "image", name="category")).mean()
    assert entropy.sel(category="house").item() == pytest.approx(found[:15].mean().item())
    one = xr.DataArray(kinds, {"image": NAMES}, "image", name="category")
    xr.testing.assert_identical(
        contextual_distinctiveness(layer(values), groups=one[::-1], n_components=3)["fc"], found
    )


def test_context_counts_and_gets_no_value():
    values = noise()
    together = contextual_distinctiveness(layer(values), n_components=3)
    apart = contextual_distinctiveness(layer(values)[:12], context=layer(values)[12:], n_components=3)
    np.testing.assert_allclose(apart["fc"], together["fc"][:12], rtol=1e-12)
    assert list(apart["image"].values) == list(NAMES[:12])
    assert (apart.attrs["n"], apart.attrs["n_context"]) == (12, 30)


def test_groups_cover_the_context():
    values, groups = noise(), pd.Series(np.repeat([1, 2], 15), index=NAMES)
    together = contextual_distinctiveness(layer(values), groups=groups, n_components=3)["fc"]
    order = [0, 1, 2, 20, 21]
    apart = contextual_distinctiveness(
        layer(values)[order], context=layer(values).drop_isel(image=order), groups=groups, n_components=3
    )["fc"]
    np.testing.assert_allclose(apart, together[order], rtol=1e-12)


def test_an_image_far_from_the_others_is_the_most_distinctive():
    values = noise()
    values[7] += 20
    for kernel in KERNELS:
        found = contextual_distinctiveness(layer(values), kernel=kernel, n_components=5)["fc"]
        assert found.values.argmax() == 7


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(list(KERNELS)), st.floats(0.01, 100), st.floats(-5, 5))
def test_neither_order_nor_units_matter(seed: int, kernel: str, unit: float, shift: float):
    values = noise(8, 4, seed)
    order = np.random.default_rng(seed).permutation(8)
    found = contextual_distinctiveness(layer(values), n_components=2, kernel=kernel)["fc"]
    moved = contextual_distinctiveness(layer(values * unit + shift)[order], n_components=2, kernel=kernel)["fc"]
    np.testing.assert_allclose(moved.sel(image=found["image"]), found, rtol=1e-6, atol=1e-6)
    same = contextual_distinctiveness(layer(values)[order], n_components=2, kernel=kernel)["fc"]
    assert (same.sel(image=found["image"]) == found).all()


def test_labels_are_kept_and_inputs_are_not_touched():
    features = xr.Dataset({"a": layer(noise(), "a"), "b": layer(noise(seed=1), "b")}, attrs={"model": "net"})
    before = features.copy(deep=True)
    found = contextual_distinctiveness(features, n_components=2)
    xr.testing.assert_identical(features, before)
    assert list(found) == ["a", "b"]
    assert found["a"].dims == ("image",)
    assert found.attrs["model"] == "net"
    said = {"density": "epanechnikov", "n_components": 2, "bandwidth_by": "leave-one-out likelihood", "unit": "nat"}
    assert said.items() <= found.attrs.items()
    alone = contextual_distinctiveness(features["b"], n_components=2)
    np.testing.assert_array_equal(alone["b"], found["b"])
    lazy = contextual_distinctiveness(features.chunk({"image": 7}), n_components=2)
    np.testing.assert_array_equal(lazy["a"], found["a"])


def bad(n: int = 30, **changes):
    return {"features": layer(noise(n)), "n_components": 3} | changes


@pytest.mark.parametrize(
    ("given_", "error", "message"),
    [
        (bad(kernel="box"), ArgumentError, "kernel must be one of 'epanechnikov', 'gaussian'; got 'box'"),
        (bad(n_components=0), ArgumentError, "n_components must be at least 1; got 0"),
        (bad(n_components=9), ArgumentError, "n_components must be at most 8, the number of directions .*; got 9"),
        (bad(3), ArgumentError, "n_components must be at most 2, the number of directions .*Lower it, add images"),
        (bad(bandwidth="wide"), KindError, "bandwidth must be a number; got 'wide'. Leave it out"),
        (bad(bandwidth=0.0), ArgumentError, "bandwidth must be above 0 and finite; got 0.0. Leave it out"),
        (bad(bandwidth=0.001), ArgumentError, "bandwidth must exceed 0.*30 of 30 have none. Leave it out"),
        (bad(components=3), UnknownNameError, "Did you mean 'n_components'"),
        (bad(context=layer(noise())), ArgumentError, "context must hold other images than features; got 30: '00.jpg'"),
        (
            bad(context=layer(noise(), "fd", names=np.char.add("x", NAMES))),
            ArgumentError,
            "context must hold all layers of features; got none of 1: 'fc'",
        ),
        (
            bad(context=layer(noise(p=5), names=np.char.add("x", NAMES))),
            ArgumentError,
            r"context must have the features of features\['fc'\], .*8.*; got .*5",
        ),
        (bad(groups=pd.Series(1, index=NAMES[:9])), ArgumentError, "must hold the same images"),
        (
            bad(groups=pd.Series(["a"] * 29 + ["b"], index=NAMES)),
            ArgumentError,
            "groups must have at least two images each; got one image, 1: '29.jpg'",
        ),
        ({"features": layer(np.ones((5, 4))), "n_components": 1}, ArgumentError, "be at most 0|differ between images"),
        (
            {"features": layer([[0.0, 1], [2, 5], [0, 1], [2, 5]]), "n_components": 1},
            ArgumentError,
            r"features\['fc'\] must differ between images; got copies only",
        ),
    ],
)
def test_bad_input_is_refused(given_, error, message):
    with pytest.raises(error, match=message):
        contextual_distinctiveness(given_.pop("features"), **given_)


def test_missing_values_are_refused():
    values = noise()
    values[3, 2] = np.nan
    with pytest.raises(ArgumentError, match="must be finite for every image; got NaN or infinity in 1: '03.jpg'"):
        contextual_distinctiveness(layer(values), n_components=2)


def test_some_copies_do_no_harm():
    values = noise()
    values[1] = values[0]
    for kernel in KERNELS:
        assert np.isfinite(contextual_distinctiveness(layer(values), n_components=3, kernel=kernel)["fc"]).all()
