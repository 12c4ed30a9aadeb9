"""Are p-values and intervals of components what they say, and are components found where there are none?"""

from functools import partial

import numpy as np
import pytest
import xarray as xr
from decoded import hit_rates, layer, names, per_image
from judging import SIMULATIONS, Judge, every
from scipy.stats import norm, pearsonr, spearmanr
from sources import reduction_of

from memfeat import reduction

pytestmark = pytest.mark.timeout(0)
#: Tests of p-values in this file; their family-wise level is 1 %.
TESTS = 8
JUDGE = Judge("reduction_", reduction_of)
within_band = partial(JUDGE.within_band, tests=TESTS)
CORRELATIONS = {"spearman": spearmanr, "pearson": pearsonr}


def placed(points):
    coords = {"image": names(len(points)), "component": np.arange(points.shape[1])}
    return xr.DataArray(points, dims=["image", "component"], coords=coords)


@pytest.mark.parametrize("method", CORRELATIONS)
def test_p_of_components_holds_its_level(method):
    """Principal components of skewed features, and hit rates with ties."""
    rng, n = np.random.default_rng([90, len(method)]), 40
    found = {"p": [], "p_corrected": [], "p_fdr": []}
    for seed in range(SIMULATIONS):
        features = rng.standard_exponential((n, 12)) ** 2
        vectors, sizes, _ = np.linalg.svd(features - features.mean(axis=0), full_matrices=False)
        options = {"method": method, "n_permutations": 999, "n_bootstraps": 0, "rng": seed}
        one = reduction.relate(placed(vectors[:, :5] * sizes[:5]), per_image(hit_rates(rng, n)), **options)
        for name, values in found.items():
            values.append(float(one[name][0] if name == "p" else one[name].min()))
    figures = {"n_images": n, "components": 5, "null": "scores have nothing to do with where images lie"}
    every(
        partial(within_band, values, f"relate_{name}_{method}", figures, discrete=name == "p_fdr")
        for name, values in found.items()
    )


@pytest.mark.parametrize("method", CORRELATIONS)
def test_the_interval_of_a_component_holds_the_correlation_of_very_many_images(method):
    rng, n = np.random.default_rng([91, len(method)]), 100

    def drawn(random, size):
        points = random.standard_normal((size, 2))
        scores = points @ (0.6, 0.2) + 0.7 * random.standard_normal(size)
        return points, np.minimum(np.floor(20 * norm.cdf(0.8 + 0.7 * scores)), 19) / 20

    points, scores = drawn(np.random.default_rng(1), 1_000_000)
    truth = np.array([CORRELATIONS[method](column, scores).statistic for column in points.T])
    covered = np.empty((SIMULATIONS, 2), dtype=bool)
    for seed in range(SIMULATIONS):
        points, scores = drawn(rng, n)
        options = {"method": method, "n_permutations": 0, "n_bootstraps": 399, "rng": seed}
        found = reduction.relate(placed(points), per_image(scores), **options)
        covered[seed] = (found["ci_low"].values <= truth) & (truth <= found["ci_high"].values)
    figures = {"n_images": n, "n_bootstraps": 399}
    every(
        partial(
            JUDGE.covers,
            covered[:, k],
            f"relate_coverage_{method}_{strength}",
            figures | {"truth": float(truth[k])},
        )
        for k, strength in enumerate(("strong", "weak"))
    )


@pytest.mark.parametrize("kind", ["normal", "skewed"])
def test_no_component_is_above_chance_in_noise(kind):
    """Features that have nothing in common, of different variances."""
    rng, n, size = np.random.default_rng([92, len(kind)]), 40, np.linspace(0.5, 2, 12)
    draw = {"normal": rng.standard_normal, "skewed": rng.standard_exponential}[kind]
    some = []
    for seed in range(SIMULATIONS):
        found = reduction.scree(layer(size * draw((n, 12)), "fc"), rng=seed)
        some.append(found.attrs["n_components"] > 0)
    figures = {"n_images": n, "n_features": 12, "n_draws": 100, "null": "features have nothing in common"}
    within_band(1 - np.array(some), f"scree_{kind}", figures, discrete=True)
