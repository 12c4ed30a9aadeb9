"""Are p-values of sets in feature space what they say, and how large a difference do they find?"""

from functools import partial

import numpy as np
import pytest
import xarray as xr
from decoded import names, per_image
from judging import SIMULATIONS, Judge, every
from sources import set_features_of

from memfeat import sets

pytestmark = pytest.mark.timeout(0)
STATISTICS = ("mmd", "energy", "classifier", "neighbours", "frechet")
#: Tests of p-values in this file: five statistics in seven designs, and two corrections of two statistics.
TESTS = 39
JUDGE = Judge("sets_features_", set_features_of)
within_band = partial(JUDGE.within_band, tests=TESTS)
#: Simulations in one call: layers that know nothing of each other, given which image is in which set.
TEN = 10
P = 5


def features(draw, k):
    """Layers that are drawn one by one."""
    return xr.Dataset(
        {
            f"layer{i}": xr.DataArray(x, dims=["image", f"layer{i}:unit"], coords={"image": names(len(x))})
            for i, x in enumerate(draw() for _ in range(k))
        }
    )


def skewed(rng, n):
    """Features as after a ReLU, of which some go together."""
    return np.maximum(rng.standard_normal((n, P)) + 0.7 * rng.standard_normal((n, 1)), -0.3) ** 2


def in_tens(draw, column, simulations=SIMULATIONS, **options):
    """Compare, ten layers at a time: (statistic, simulation) p-values."""
    found = [
        sets.compare_features(features(draw, TEN), per_image(column), statistics=STATISTICS, rng=seed, **options)["p"]
        for seed in range(max(1, simulations // TEN))
    ]
    return np.concatenate(found, axis=1)


def judged(p, name, figures):
    every(partial(within_band, one, f"p_{which}_{name}", figures) for which, one in zip(STATISTICS, p, strict=True))


@pytest.mark.parametrize("sizes", [(20, 20), (8, 32)])
def test_p_holds_its_level(sizes):
    """Half and half, and 20 to 80."""
    rng = np.random.default_rng([120, sizes[0]])
    column = np.repeat([0, 1], sizes)
    p = in_tens(lambda: skewed(rng, sum(sizes)), column)
    null = "images of both sets were drawn from one distribution"
    judged(p, f"{sizes[0]}_{sizes[1]}", {"n_images": list(sizes), "features": P, "null": null})


@pytest.mark.parametrize("k", [8, 15, 30, 60])
def test_p_holds_its_level_where_images_share_a_source(k):
    """Sources of two images in each set; half of the variance is between sources."""
    rng, source = np.random.default_rng([121, k]), np.repeat(np.arange(2 * k), 2)
    column = np.repeat([0, 1], 2 * k)
    options = {"blocks": per_image(source), "permute": "whole", "n_permutations": 199}
    p = in_tens(lambda: skewed(rng, 2 * k)[source] + skewed(rng, 4 * k), column, **options)
    null = "sources of both sets were drawn from one distribution"
    figures = {"n_images": [2 * k, 2 * k], "n_groups": 2 * k, "features": P, "n_permutations": 199, "null": null}
    judged(p, f"clusters{k}", figures)


def test_p_holds_its_level_for_versions_of_the_same_pictures():
    """20 pictures, most of whose variance both versions share."""
    rng, original = np.random.default_rng(122), np.tile(np.arange(20), 2)
    options = {"blocks": per_image(original), "permute": "within"}
    p = in_tens(lambda: 2 * skewed(rng, 20)[original] + skewed(rng, 40), np.repeat([0, 1], 20), **options)
    null = "which version is in which set makes no difference"
    judged(p, "pairs", {"n_images": [20, 20], "n_groups": 20, "features": P, "null": null})


def test_corrected_p_holds_its_level_over_layers_and_contrasts():
    """Three sets of 14 images in four layers that are much alike."""
    rng, column = np.random.default_rng(123), np.repeat([0, 1, 2], 14)
    found = {(name, which): [] for name in ("p_corrected", "p_fdr") for which in ("mmd", "neighbours")}
    for seed in range(SIMULATIONS):
        common = skewed(rng, 42)
        given = features(lambda common=common: common + 0.5 * skewed(rng, 42), 4), per_image(column)
        one = sets.compare_features(*given, statistics=["mmd", "neighbours"], rng=seed)
        for name, which in found:
            found[name, which].append(float(one[name].sel(statistic=which).min()))
    figures = {"n_images": [14, 14, 14], "layers": 4, "contrasts": 3, "null": "no set differs in any layer"}
    # Bonferroni over contrasts and Benjamini-Hochberg over layers that are alike stay below
    every(partial(within_band, p, f"{name}_{which}", figures, discrete=True) for (name, which), p in found.items())


@pytest.mark.parametrize("kind", ["mean", "covariance"])
@pytest.mark.parametrize("effect", [0.5, 1.0])
def test_power_is_reported(kind, effect):
    """Means that lie `effect` SD apart along one of five features, or SDs (1 + effect) times as large in all."""
    rng, n = np.random.default_rng([124, len(kind), int(10 * effect)]), 40

    def draw():
        x = rng.standard_normal((2 * n, P))
        if kind == "mean":
            x[n:, 0] += effect
        else:
            x[n:] *= 1 + effect
        return x

    some = SIMULATIONS * 2 // 5
    p = in_tens(draw, np.repeat([0, 1], n), some, n_permutations=199)
    power = {which: float((one <= 0.05).mean()) for which, one in zip(STATISTICS, p, strict=True)}
    figures = {"n_images": [n, n], "features": P, "effect": effect, "power": power, "n_permutations": 199}
    figures["simulations"] = some
    JUDGE.keep(f"power_{kind}_{int(10 * effect)}", figures)
