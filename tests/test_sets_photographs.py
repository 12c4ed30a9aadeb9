"""Sets of real photographs in the feature space of real networks."""

import numpy as np
import pytest
import xarray as xr
from scipy.spatial.distance import cdist, pdist
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.neighbors import NearestNeighbors

import memfeat as mf
from memfeat.errors import ArgumentError

pytestmark = pytest.mark.data
SOME = ["features.layer1.0", "features.layer3.20", "features.layer4.2"]


@pytest.fixture(scope="module")
def halves(lnsim, lnsim_features):
    """Photographs that are remembered better than the median, and others."""
    rates = lnsim["hit_rate"].sel(image=lnsim_features["resmem-frozen"]["image"])
    return xr.where(rates > rates.median(), "high", "low").rename("half")


def test_differences_are_those_of_independent_code(lnsim_features, halves):
    features = lnsim_features["resmem-frozen"][SOME]
    wanted = ["mmd", "energy", "neighbours"]
    found = mf.sets.compare_features(features, halves, statistics=wanted, n_permutations=0)
    high = halves.sel(image=features["image"]).values == "high"
    for name in SOME:
        values = features[name].transpose("image", ...).values.astype(float)
        one, other = values[high], values[~high]
        sides = [(one, one), (other, other), (one, other)]
        kernels = [rbf_kernel(*pair, gamma=0.5 / np.median(pdist(values)) ** 2) for pair in sides]
        expected = {"mmd": _unbiased(kernels), "energy": -_unbiased([cdist(*pair) for pair in sides])}
        near = NearestNeighbors(n_neighbors=5).fit(values).kneighbors(return_distance=False)
        expected["neighbours"] = np.mean(high[near] == high[:, None])
        for statistic, value in expected.items():
            estimate = found["estimate"].sel(layer=name, statistic=statistic).item()
            assert estimate == pytest.approx(value, rel=1e-3, abs=1e-5), (name, statistic)


def _unbiased(parts):
    """Means within two sets less twice the mean between them, without images and themselves."""
    one, other, between = parts
    means = [(part.sum() - np.trace(part)) / (len(part) * (len(part) - 1)) for part in (one, other)]
    return sum(means) - 2 * between.mean()


def test_bright_and_dark_photographs_are_told_apart_by_early_layers(lnsim, lnsim_features):
    """Low-level statistics come from the files, features from the network."""
    features = lnsim_features["resmem-frozen"][SOME]
    light = mf.lowlevel.statistics(lnsim.sel(image=features["image"]), which=["luminance"], progress=False)["luminance"]
    sets = xr.where(light > light.median(), "bright", "dark").rename("light")
    found = mf.sets.compare_features(features, sets, statistics="classifier", n_permutations=99)
    first = found.sel(statistic="classifier", layer=SOME[0])
    assert first["estimate"] > 0.8
    assert first["p_corrected"] == pytest.approx(0.01)


def test_features_of_two_networks_are_not_compared(lnsim_features):
    frozen, retrained = (lnsim_features[name] for name in ("resmem-frozen", "resmem"))
    retrained = mf.guards.allow(retrained, "retrained", because="two networks are told apart")
    with pytest.raises(ArgumentError, match="network"):
        mf.sets.compare_features(frozen.isel(image=slice(30)), retrained.isel(image=slice(30, 60)))
