"""How many components and dimensions: by hand, against scikit-learn, and where the answer is known."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform
from sklearn.decomposition import PCA

from memfeat import _blocks, reduction
from memfeat.errors import ArgumentError, KindError
from memfeat.reduction import dimensions, variances


def layer(values, name="fc"):
    values = np.asarray(values)
    dims = ["image", *[f"{name}:{axis}" for axis in ("channel", "y", "x")[: values.ndim - 1]]]
    names = np.array([f"photo-{i:03d}.jpg" for i in range(len(values))], dtype=object)
    return xr.DataArray(values, dims=dims, coords={"image": names}, name=name, attrs={"model": "toy"})


def noise(n, p, seed=0):
    return np.random.default_rng(seed).standard_normal((n, p))


def with_components(n, p, sizes, seed=0):
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.standard_normal((p, len(sizes))))[0]
    return rng.standard_normal((n, len(sizes))) * sizes @ axes.T + rng.standard_normal((n, p))


# --- scree ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(20, 50), (50, 20), (20, 20)], ids=str)
def test_variances_agree_with_scikit_learn(shape):
    values = noise(*shape) * np.linspace(1, 3, shape[1])
    found = reduction.scree(layer(values), n_draws=0)
    rival = PCA().fit(values)
    most = min(shape[0] - 1, shape[1])
    assert found.sizes["component"] == most
    np.testing.assert_allclose(found["variance"], rival.explained_variance_[:most], atol=1e-9)
    np.testing.assert_allclose(found["explained_variance_ratio"], rival.explained_variance_ratio_[:most], atol=1e-12)
    np.testing.assert_allclose(found["cumulative"][-1], 1)
    assert "chance" not in found
    assert "n_components" not in found.attrs


@pytest.mark.parametrize("shape", [(100, 30), (60, 90)], ids=str)
def test_parallel_analysis_finds_the_components_that_were_put_in(shape):
    values = layer(with_components(*shape, [8.0, 6.0, 5.0]))
    found = reduction.scree(values, n_draws=19, rng=1)
    assert found.attrs["n_components"] == 3
    assert reduction.scree(layer(noise(*shape)), n_draws=19).attrs["n_components"] == 0
    assert {"seed": "1", "quantile": 0.95, "n": shape[0], "layer": "fc", "model": "toy"}.items() <= found.attrs.items()


@pytest.mark.parametrize("shape", [(12, 30), (30, 12)], ids=str)
def test_chance_is_the_quantile_over_permuted_features(shape):
    values = noise(*shape) * np.linspace(1, 3, shape[1]) + 4
    found = reduction.scree(layer(values), n_draws=4, quantile=0.5, rng=3)
    centred = values - values.mean(axis=0)
    drawn = []
    for generator in np.random.default_rng(3).spawn(4):
        mixed = generator.permuted(centred, axis=0)
        np.testing.assert_allclose(np.sort(mixed, axis=0), np.sort(centred, axis=0))
        drawn.append(PCA().fit(mixed).explained_variance_[: found.sizes["component"]])
    np.testing.assert_allclose(found["chance"], np.median(drawn, axis=0), atol=1e-9)


def test_blocks_and_chunks_draw_the_same(monkeypatch):
    values = layer(noise(10, 40))
    whole = reduction.scree(values, n_draws=5)
    monkeypatch.setattr(_blocks, "SLAB_BYTES", 8 * 10 * 7)
    monkeypatch.setattr(variances, "ROOM", 8 * 100 * 2)
    xr.testing.assert_allclose(reduction.scree(values.chunk({"fc:channel": 9}), n_draws=5), whole)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 100), shape=st.sampled_from([(12, 30), (30, 12)]))
def test_the_order_of_images_makes_no_difference_to_scree(seed, shape):
    values = layer(noise(*shape, seed=seed))
    before = values.copy(deep=True)
    order = np.random.default_rng(seed).permutation(shape[0])
    one, other = (reduction.scree(some, n_draws=3) for some in (values, values.isel(image=order)))
    xr.testing.assert_identical(one, other)
    xr.testing.assert_identical(values, before)


@pytest.mark.parametrize(
    ("values", "options", "kind", "message"),
    [
        (layer(noise(5, 9)), {"n_draws": -1}, ArgumentError, "n_draws must be at least 0"),
        (layer(noise(5, 9)), {"quantile": 1.0}, ArgumentError, "quantile must lie between 0 and 1"),
        (layer(noise(5, 9)), {"rng": None}, KindError, "rng must be a whole number"),
        (layer(np.ones((5, 9))), {}, ArgumentError, "layer must differ between images; got layer 'fc', all alike"),
        (layer(np.ones((9, 5))), {}, ArgumentError, "layer must differ between images; got layer 'fc', all alike"),
        (layer(noise(1, 9)), {}, ArgumentError, "layer must hold at least 2 images; got 1"),
        (layer(noise(5, 9)).to_dataset(), {}, KindError, "layer must be one layer"),
        (layer(np.full((5, 9), np.nan)), {}, ArgumentError, "finite for every image"),
    ],
)
def test_what_has_no_scree_is_refused_with_advice(values, options, kind, message):
    with pytest.raises(kind, match=message):
        reduction.scree(values, **options)


# --- dimensionality ---------------------------------------------------------------------------------------------------


def test_equal_variance_along_some_axes_counts_the_axes():
    corners = np.concatenate([np.eye(4), -np.eye(4)])
    found = reduction.dimensionality(layer(np.pad(corners, ((0, 0), (0, 3))) + 5))
    np.testing.assert_allclose(found["participation_ratio"], 4)
    assert found["n_features"].item() == 7
    assert found["n"].item() == 8


def test_the_participation_ratio_is_that_of_the_variances():
    values = noise(40, 10) * np.linspace(1, 4, 10)
    variances = PCA().fit(values).explained_variance_
    found = reduction.dimensionality(layer(values))["participation_ratio"]
    np.testing.assert_allclose(found, variances.sum() ** 2 / (variances**2).sum())


def test_the_corrected_ratio_is_the_mean_over_fours():
    values = noise(7, 3)
    above, below = [], []
    for a, b, c, d in np.array(np.meshgrid(*[range(7)] * 4)).reshape(4, -1).T:
        if len({a, b, c, d}) == 4:
            one, other = values[a] - values[b], values[c] - values[d]
            above.append(one @ one * (other @ other) / 4)
            below.append((one @ other) ** 2 / 4)
    found = reduction.dimensionality(layer(values + 9))["participation_ratio_corrected"].item()
    assert found == pytest.approx(np.mean(above) / np.mean(below))


def test_the_corrected_ratio_does_not_know_how_many_images_there_are():
    few = [reduction.dimensionality(layer(noise(30, 100, seed))) for seed in range(40)]
    assert np.mean([one["participation_ratio"] for one in few]) < 25
    assert np.mean([1 / one["participation_ratio_corrected"] for one in few]) == pytest.approx(1 / 100, rel=0.15)


def brute(values):
    """TwoNN as its authors describe it, in a loop."""
    distances = squareform(pdist(values))
    ratios = sorted(row[2] / row[1] for row in np.sort(distances, axis=1))
    n = len(ratios)
    points = [(np.log(ratio), -np.log(1 - (i + 1) / n)) for i, ratio in enumerate(ratios[: int(n * 0.9)])]
    return sum(x * y for x, y in points) / sum(x * x for x, _ in points)


@pytest.mark.parametrize("d", [1, 2, 5])
def test_twonn_finds_the_dimension_of_a_surface(d):
    flat = np.random.default_rng(d).uniform(size=(1_000, d))
    values = np.concatenate([flat, np.sin(3 * flat), np.cos(3 * flat)], axis=1)
    found = reduction.dimensionality(layer(values))["twonn"].item()
    assert found == pytest.approx(brute(values), rel=1e-6)
    assert found == pytest.approx(d, rel=0.12)


def test_images_that_are_copies_are_counted_and_left_out():
    values = noise(60, 3)
    copied = np.concatenate([values, values[:2]])
    found = reduction.dimensionality(layer(copied))
    assert found["n_copies"].item() == 4
    assert np.isfinite(found["twonn"])
    none = reduction.dimensionality(layer(np.repeat(noise(4, 3), 2, axis=0)))
    assert none["n_copies"].item() == 8
    assert np.isnan(none["twonn"])


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 100), factor=st.floats(0.01, 100), shift=st.floats(-5, 5))
def test_dimensions_know_no_scale_shift_rotation_or_order(seed, factor, shift):
    values = noise(20, 6, seed)
    turned = values @ np.linalg.qr(noise(6, 6, seed + 1))[0] * factor + shift
    order = np.random.default_rng(seed).permutation(20)
    one, other = (reduction.dimensionality(some) for some in (layer(values), layer(turned).isel(image=order)))
    xr.testing.assert_allclose(one, other, rtol=1e-6)


def test_all_layers_are_told_and_none_is_changed():
    both = xr.Dataset({"low": layer(noise(20, 5), "low"), "high": layer(noise(20, 3), "high")}, attrs={"model": "toy"})
    before = both.copy(deep=True)
    found = reduction.dimensionality(both)
    xr.testing.assert_identical(both, before)
    assert found["layer"].values.tolist() == ["low", "high"]
    assert found.attrs["model"] == "toy"
    for name in ("low", "high"):
        np.testing.assert_allclose(
            found["twonn"].sel(layer=name), dimensions._two_nearest(squareform(pdist(both[name])))[0]
        )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (layer(noise(3, 5)), "features must hold at least 4 images; got 3"),
        (
            layer(np.full((8, 5), 0.1)),
            r"features must differ between images; got layer 'fc'. Leave it out: features.drop",
        ),
        (layer(np.full((8, 5), np.nan)), "finite for every image"),
    ],
)
def test_layers_without_dimensions_are_refused_with_advice(values, message):
    with pytest.raises(ArgumentError, match=message):
        reduction.dimensionality(values)
