"""Are the p-values and intervals of decoding what they say? Each test simulates its null hypothesis 1,000 times.

Seeds are fixed. `make calibrate` writes what was measured into results/.
"""

import numpy as np
import pytest
from decoded import hit_rates, layers, per_image
from record import band, record
from scipy.stats import kstest, norm
from sources import regression_of

from memfeat import regression
from memfeat.regression.metrics import resampled_spearman, spearman
from memfeat.stats import bootstrap_counts, expanded

pytestmark = pytest.mark.timeout(0)
SOURCES, METRICS = regression_of("decoding, ridge"), regression_of("metrics")
SIMULATIONS, PERMUTATIONS = 1_000, 999
#: Tests of this file that judge a rate of .05; their family-wise level is 1 %.
TESTS = 6
LOW, HIGH = band(0.05, SIMULATIONS, tests=TESTS)


def decoded(features, scores, seed, **options):
    options = {"n_permutations": PERMUTATIONS, "n_bootstraps": 0, "rng": seed} | options
    return regression.decode(layers(*features), per_image(scores), **options)


NULLS = {
    "wide layer": lambda rng: (rng.standard_normal((40, 120)), rng.standard_normal(40)),
    "narrow layer": lambda rng: (rng.standard_normal((60, 6)), rng.standard_normal(60)),
    "skewed features, tied hit rates": lambda rng: (rng.standard_exponential((50, 30)) ** 2, hit_rates(rng, 50)),
}


@pytest.mark.parametrize("null", NULLS)
def test_p_is_uniform_when_scores_are_unrelated_to_features(null):
    rng = np.random.default_rng([20, sorted(NULLS).index(null)])
    results = [decoded([x], y, seed) for seed, (x, y) in enumerate(NULLS[null](rng) for _ in range(SIMULATIONS))]
    p = np.array([result["p"].item() for result in results])
    rate, ks = float((p <= 0.05).mean()), float(kstest(p, "uniform").pvalue)
    mean = float(np.mean([result["estimate"].item() for result in results]))
    figures = {"share_below_05": rate, "accepted": [LOW, HIGH], "ks_p": ks, "mean_estimate": mean}
    record(f"regression_p_{null.replace(',', '').replace(' ', '_')}", figures, sources=SOURCES)
    assert LOW <= rate <= HIGH
    assert ks > 0.01 / TESTS


def correlated_layers(rng, n_layers=3, n=40, p=20):
    shared = rng.standard_normal((n, p))
    return [np.sqrt(0.9) * shared + np.sqrt(0.1) * rng.standard_normal((n, p)) for _ in range(n_layers)]


def test_the_largest_statistic_holds_the_family_wise_rate_over_correlated_layers():
    rng = np.random.default_rng(21)
    p = [decoded(correlated_layers(rng), rng.standard_normal(40), seed)["p_corrected"] for seed in range(SIMULATIONS)]
    rate = float(np.mean([values.min() <= 0.05 for values in p]))
    record("regression_family_wise", {"share_below_05": rate, "accepted": [LOW, HIGH]}, sources=SOURCES)
    assert LOW <= rate <= HIGH


def test_empty_layers_beside_a_telling_one_are_rarely_found():
    # permuted scores stand for all layers being empty, so this may be below .05 and must not be above
    rng = np.random.default_rng(22)
    found, told = [], []
    for seed in range(SIMULATIONS):
        signal = rng.standard_normal((40, 5))
        scores = signal.sum(axis=1) + rng.standard_normal(40)
        p = decoded([signal, *correlated_layers(rng, n_layers=2)], scores, seed)["p_corrected"].values
        told.append(p[0] <= 0.05)
        found.append(p[1:].min() <= 0.05)
    figures = {"share_below_05": float(np.mean(found)), "accepted": [0, HIGH], "power": float(np.mean(told))}
    record("regression_family_wise_with_signal", figures, sources=SOURCES)
    assert figures["share_below_05"] <= HIGH
    assert figures["power"] > 0.95


def test_whole_groups_are_permuted_when_features_and_scores_vary_between_groups():
    rng = np.random.default_rng(23)
    group, p = np.repeat(np.arange(12), 5), {"free": [], "whole": []}
    for seed in range(SIMULATIONS):
        features = rng.standard_normal((12, 8))[group] + rng.standard_normal((60, 8))
        scores = rng.standard_normal(12)[group] + rng.standard_normal(60)
        for scheme, values in p.items():
            options = {"blocks": per_image(group), "permute": scheme}
            values.append(decoded([features], scores, seed, **options)["p"].item())
    rates = {scheme: float((np.array(values) <= 0.05).mean()) for scheme, values in p.items()}
    record("regression_groups", {"share_below_05": rates, "accepted_whole": [LOW, HIGH]}, sources=SOURCES)
    assert LOW <= rates["whole"] <= HIGH
    assert rates["free"] > HIGH


def test_noise_is_not_predicted_out_of_fold_and_a_planted_leak_is_seen():
    # a permutation that repeats a leaky pipeline stays uniform, so the mean is looked at instead
    rng = np.random.default_rng(24)
    honest, leaky = [], []
    for seed in range(SIMULATIONS):
        x, y = rng.standard_normal((40, 200)), rng.standard_normal(40)
        chosen = np.argsort(-np.abs(x.T @ (y - y.mean())))[:20]
        for values, features in ((honest, x), (leaky, x[:, chosen])):
            values.append(decoded([features], y, seed, n_permutations=0)["estimate"].item())
    mean = np.mean([honest, leaky], axis=1)
    error = np.std([honest, leaky], axis=1, ddof=1) / np.sqrt(SIMULATIONS)
    figures = {"honest": {"mean": mean[0], "se": error[0]}, "leaky": {"mean": mean[1], "se": error[1]}}
    record("regression_leak", figures, sources=SOURCES)
    assert mean[0] <= 3 * error[0]
    assert mean[1] > 3 * error[1]


def pairs(rng, n, correlation, kind):
    """Fixed predictions and scores of n images."""
    first, second = rng.standard_normal((2, n))
    scores = correlation * first + np.sqrt(1 - correlation**2) * second
    return first, scores if kind == "normal" else np.minimum(np.floor(20 * norm.cdf(0.8 + 0.7 * scores)), 19) / 20


@pytest.mark.parametrize("kind", ["normal", "tied hit rates"])
def test_the_interval_covers_the_correlation_of_fixed_predictions_with_scores(kind):
    rng = np.random.default_rng(25)
    coverage = {}
    for correlation in (0.0, 0.4, 0.8):
        large = pairs(rng, 1_000_000, correlation, kind)
        truth = spearman(large[0][:, None], large[1][:, None])[0]
        for n in (40, 100):
            inside = 0
            for _ in range(2 * SIMULATIONS):
                predicted, scores = pairs(rng, n, correlation, kind)
                draws = resampled_spearman(predicted, scores, bootstrap_counts(n, 1_000, rng=rng))
                low, high = expanded(draws, n=n)
                inside += low <= truth <= high
            coverage[f"n={n}, r={correlation}"] = inside / (2 * SIMULATIONS)
    record(f"regression_coverage_{kind.replace(' ', '_')}", {"coverage": coverage}, sources=METRICS)
    assert all(0.93 <= value <= 0.97 for key, value in coverage.items() if not key.startswith("n=40"))
