"""Are the p-values of single units what they say? Each test simulates its null hypothesis 1,000 times.

Seeds are fixed. `make calibrate` writes what was measured into results/. `MEMFEAT_SIMULATIONS` runs fewer, to try the
file; such runs are judged by the same binomial test, and are not recorded.
"""

import os

import numpy as np
import pytest
import xarray as xr
from decoded import hit_rates, per_image
from record import band, record
from scipy.stats import binomtest
from sources import regression_of

from memfeat import regression

pytestmark = pytest.mark.timeout(0)
SOURCES = regression_of("unitwise")
FULL, PERMUTATIONS = 1_000, 999
SIMULATIONS = int(os.environ.get("MEMFEAT_SIMULATIONS", FULL))
#: Tests of this file that judge a rate; their family-wise level is 1 %.
TESTS = 9


def statistics_of(features, scores, seed, **options):
    """Statistics of the units of one layer (statistic, unit)."""
    layer = xr.DataArray(features, dims=["image", "fc:unit"], coords=per_image(scores).coords, name="fc")
    options = {"n_permutations": PERMUTATIONS, "rng": seed, "progress": False} | options
    return regression.unitwise(layer, per_image(scores), **options)["fc"]


def judged(name, events, figures=None, *, most=False):
    """Judge how often something happened that may happen in 5 % (at most 5 %) of simulations."""
    count = int(np.sum(events))
    test = binomtest(count, SIMULATIONS, 0.05, alternative="greater" if most else "two-sided")
    low, high = band(0.05, SIMULATIONS, tests=TESTS)
    rate = count / SIMULATIONS
    facts = {"simulations": SIMULATIONS, "share_below_05": rate, "accepted": [0.0 if most else low, high]}
    keep(name, facts | (figures or {}))
    assert test.pvalue >= 0.01 / TESTS, f"{name}: {rate}"


def keep(name, figures):
    if SIMULATIONS == FULL:
        record(f"unitwise_{name}", figures, sources=SOURCES)


def relu(rng, n, p):
    """Units with something in common, skewed, many zeros, a tenth of them dead."""
    values = np.maximum(0.7 * rng.standard_normal((n, 1)) + rng.standard_normal((n, p)) - 0.5, 0)
    values[:, : p // 10] = 0
    return values


NULLS = {
    "pearson_normal": ("pearson", lambda rng: (rng.standard_exponential((50, 1)), rng.standard_normal(50))),
    "spearman_tied_hit_rates": ("spearman", lambda rng: (rng.standard_exponential((50, 1)) ** 2, hit_rates(rng, 50))),
    "spearman_sparse_units": ("spearman", lambda rng: (relu(rng, 100, 1), hit_rates(rng, 100))),
    "pearson_tied_hit_rates": ("pearson", lambda rng: (relu(rng, 100, 1), hit_rates(rng, 100))),
}


@pytest.mark.parametrize("null", NULLS)
def test_p_of_one_unit_from_students_t(null):
    method, drawn = NULLS[null]
    rng = np.random.default_rng([30, list(NULLS).index(null)])
    p = [
        statistics_of(*drawn(rng), seed, method=method, n_permutations=0).sel(statistic="p").item()
        for seed in range(SIMULATIONS)
    ]
    judged(f"p_{null}", np.array(p) <= 0.05)


def test_the_largest_statistic_holds_the_family_wise_rate_over_units():
    rng = np.random.default_rng(31)
    events = [
        statistics_of(relu(rng, 60, 100), hit_rates(rng, 60), seed).sel(statistic="p_corrected").min() <= 0.05
        for seed in range(SIMULATIONS)
    ]
    judged("family_wise", events)


def test_nothing_is_discovered_where_there_is_nothing():
    # units depend on each other positively, so that this may be rarer than in 5 %
    rng = np.random.default_rng(32)
    events = [
        statistics_of(relu(rng, 60, 100), hit_rates(rng, 60), seed, n_permutations=0).sel(statistic="p_fdr").min()
        <= 0.05
        for seed in range(SIMULATIONS)
    ]
    judged("fdr_null", events, most=True)


def test_the_share_of_false_discoveries_is_kept():
    rng = np.random.default_rng(33)
    shares, power = [], []
    for seed in range(SIMULATIONS):
        scores, features = rng.standard_normal(100), relu(rng, 100, 200)
        features[:, 150:] += 0.6 * scores[:, None]
        found = statistics_of(features, scores, seed, n_permutations=0).sel(statistic="p_fdr").values <= 0.05
        shares.append(found[:150].sum() / max(found.sum(), 1))
        power.append(found[150:].mean())
    mean, error = float(np.mean(shares)), float(np.std(shares, ddof=1) / np.sqrt(SIMULATIONS))
    figures = {"simulations": SIMULATIONS, "false_discovery_rate": mean, "se": error, "power": float(np.mean(power))}
    keep("fdr", figures | {"accepted": [0.0, 0.05]})
    assert mean <= 0.05 + 3 * error
    assert figures["power"] > 0.8


@pytest.mark.parametrize("statistic", ["p", "p_corrected"])
def test_whole_groups_are_permuted_when_features_and_scores_vary_between_groups(statistic):
    rng = np.random.default_rng(34)
    group, p = np.repeat(np.arange(12), 5), {"free": [], "whole": []}
    for seed in range(SIMULATIONS):
        features = rng.standard_normal((12, 8))[group] + rng.standard_normal((60, 8))
        scores = rng.standard_normal(12)[group] + rng.standard_normal(60)
        for scheme, values in p.items():
            options = {"blocks": per_image(group), "permute": scheme, "test": "permutation"}
            found = statistics_of(features, scores, seed, **options).sel(statistic=statistic)
            values.append(found[0].item() if statistic == "p" else found.min().item())
    free = float((np.array(p["free"]) <= 0.05).mean())
    judged(f"groups_{statistic}", np.array(p["whole"]) <= 0.05, {"free": free})
    assert free > 0.05
