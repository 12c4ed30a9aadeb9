"""Are the intervals and p-values of evaluations what they say? Truths come from a million images, seeds are fixed.

`make calibrate` writes what was measured into results/.
"""

import numpy as np
import pytest
import xarray as xr
from record import band, record
from scipy.stats import norm
from sources import evaluation_of

from memfeat import evaluation
from memfeat.evaluation.halves import relative_measures
from memfeat.evaluation.measures import MEASURES

pytestmark = pytest.mark.timeout(0)
SIMULATIONS = 1_000
#: Tests of this file that judge a rate of .05; their family-wise level is 1 %.
TESTS = 20
LOW, HIGH = band(0.05, SIMULATIONS, tests=TESTS)
EVERYONE = np.ones((1, 1_000_000), dtype=np.int64)


def kept(name, figures):
    record(name, figures, sources=evaluation_of(name))


def per_image(values):
    names = np.array([f"{i:04d}" for i in range(len(values))], dtype=object)
    return xr.DataArray(values, dims="image", coords={"image": names}, name="score")


def normal(rng, n):
    """Predictions that lie .1 too low and correlate .5 with the scores."""
    score = 0.7 + 0.12 * rng.standard_normal(n)
    return 0.6 + 0.4 * (score - 0.7) + 0.083 * rng.standard_normal(n), score


def hit_rates(rng, n):
    """Shares of 40 answers, and predictions that are clipped at a floor."""
    true = rng.beta(6, 2.5, n)
    prediction = 0.62 + 0.55 * (true - 0.7) + 0.09 * rng.standard_normal(n)
    return np.maximum(prediction, 0.42), rng.binomial(40, true) / 40


KINDS = {"normal": normal, "tied hit rates": hit_rates}


@pytest.mark.parametrize("kind", KINDS)
def test_intervals_cover_the_metrics_of_a_million_images(kind):
    rng = np.random.default_rng([40, sorted(KINDS).index(kind)])
    large = KINDS[kind](rng, EVERYONE.shape[1])
    truth = np.array([measure.compute(*large, EVERYONE)[0] for measure in MEASURES.values()])
    coverage = {}
    for n in (40, 100, 400):
        inside = np.zeros(len(MEASURES))
        for seed in range(SIMULATIONS):
            prediction, score = map(per_image, KINDS[kind](rng, n))
            found = evaluation.evaluate(prediction, score, rng=seed).sel(metric=list(MEASURES))
            inside += (found["ci_low"].values <= truth) & (truth <= found["ci_high"].values)
        coverage |= {f"n={n}, {name}": float(one) for name, one in zip(MEASURES, inside / SIMULATIONS, strict=True)}
    kept(f"evaluation_coverage_{kind.replace(' ', '_')}", {"coverage": coverage})
    assert {
        key: value for key, value in coverage.items() if not key.startswith("n=40") and not 0.93 <= value <= 0.97
    } == {}


def answers(rng, n, n_splits):
    """Predictions, hit rates among 40 people, and those among random halves of these people (split, half, image)."""
    true = rng.beta(6, 2.5, n)
    prediction = np.maximum(0.62 + 0.55 * (true - 0.7) + 0.09 * rng.standard_normal(n), 0.42)
    remembered = rng.random((n, 40), dtype=np.float32) < true[:, None]
    halves = np.empty((n_splits, 2, n))
    for split in halves:
        people = rng.permutation(40).reshape(2, 20)
        split[:] = [remembered[:, half].mean(axis=1) for half in people]
    return prediction, remembered.mean(axis=1), halves


@pytest.mark.parametrize("n_splits", [1, 4])
def test_values_relative_to_a_reliability_from_halves_are_covered(n_splits):
    """One random split is as a million images have it on average, so that one gives the truth of several."""
    rng = np.random.default_rng([45, n_splits])
    *large, halves = answers(rng, EVERYONE.shape[1], 1)
    measures = relative_measures(halves)
    del measures["mse_floor"]  # which has no interval
    truth = np.array([measure.compute(*large, EVERYONE)[0] for measure in measures.values()])
    estimate, inside = np.zeros((2, len(measures)))
    for seed in range(SIMULATIONS):
        prediction, score, halves = answers(rng, 100, n_splits)
        prediction, score = map(per_image, (prediction, score))
        given = xr.DataArray(halves, dims=["split", "half", "image"], coords={"image": score["image"]})
        found = evaluation.evaluate(prediction, score, reliability=given, n_bootstraps=500, rng=seed)
        found = found.sel(metric=list(measures))
        inside += (found["ci_low"].values <= truth) & (truth <= found["ci_high"].values)
        estimate += found["estimate"].values / SIMULATIONS
    named = [dict(zip(measures, map(float, one), strict=True)) for one in (inside / SIMULATIONS, estimate, truth)]
    figures = {"n_images": 100, "n_splits": n_splits} | dict(
        zip(("coverage", "mean_estimate", "truth"), named, strict=True)
    )
    kept(f"evaluation_coverage_halves_{n_splits}", figures)
    assert {name: value for name, value in figures["coverage"].items() if not 0.93 <= value <= 0.97} == {}


def test_whole_groups_are_covered_when_errors_vary_between_groups():
    rng = np.random.default_rng(41)
    group = np.repeat(np.arange(60), 4)
    inside = {"free": 0, "whole": 0}
    for seed in range(SIMULATIONS):
        score = 0.7 + 0.1 * rng.standard_normal(240)
        prediction = score + 0.08 * rng.standard_normal(60)[group] + 0.08 * rng.standard_normal(240)
        for scheme in inside:
            options = {"blocks": per_image(group), "permute": scheme}
            found = evaluation.evaluate(per_image(prediction), per_image(score), rng=seed, **options).sel(metric="bias")
            inside[scheme] += bool(found["ci_low"] <= 0 <= found["ci_high"])
    coverage = {scheme: count / SIMULATIONS for scheme, count in inside.items()}
    kept("evaluation_coverage_groups", {"coverage": coverage})
    assert 0.93 <= coverage["whole"] <= 0.97
    assert coverage["free"] < 0.93


def test_bins_and_the_line_of_calibration_are_covered():
    rng = np.random.default_rng(42)
    bins, line = [], np.zeros(2)
    for seed in range(SIMULATIONS):
        prediction = np.maximum(0.6 + 0.1 * rng.standard_normal(200), 0.42)
        score = 0.3 + 0.6 * prediction + 0.1 * rng.standard_normal(200)
        found = evaluation.calibration_curve(per_image(prediction), per_image(score), n_bins=5, rng=seed)
        truth = 0.3 + 0.6 * found["prediction"].values
        bins += list((found["ci_low"].values <= truth) & (truth <= found["ci_high"].values))
        low, high = found["coefficient_ci_low"].values, found["coefficient_ci_high"].values
        line += (low <= (0.3, 0.6)) & (high >= (0.3, 0.6))
    coverage = {"bins": float(np.mean(bins)), "intercept": line[0] / SIMULATIONS, "slope": line[1] / SIMULATIONS}
    kept("evaluation_coverage_calibration", {"coverage": coverage})
    assert all(0.93 <= value <= 0.97 for value in coverage.values())


def test_errors_without_images_below_a_cut_are_covered():
    rng = np.random.default_rng(43)
    large = hit_rates(rng, EVERYONE.shape[1])
    inside = np.zeros((2, 3))
    truth = np.empty((2, 3))
    for i, values in enumerate(large):
        error = (large[0] - large[1])[values >= 0.5]
        truth[i] = (error**2).mean(), np.sqrt((error**2).mean()), np.abs(error).mean()
    for seed in range(SIMULATIONS):
        prediction, score = map(per_image, hit_rates(rng, 200))
        found = evaluation.error_by_cutoff(prediction, score, cutoffs=[0.5], rng=seed)
        found = found.sel(removed="below", cutoff=0.5, metric=["mse", "rmse", "mae"]).transpose("cut", "metric")
        inside += (found["ci_low"].values <= truth) & (truth <= found["ci_high"].values)
    keys = [f"{cut}, {metric}" for cut in ("predicted", "measured") for metric in ("mse", "rmse", "mae")]
    coverage = dict(zip(keys, (inside / SIMULATIONS).ravel().tolist(), strict=True))
    kept("evaluation_coverage_cutoff", {"coverage": coverage})
    assert all(0.93 <= value <= 0.97 for value in coverage.values())


def rivals(rng, n, r, between, kind):
    """Two predictors with the same correlation r with the scores, and `between` with each other."""
    matrix = np.array([[1, between, r], [between, 1, r], [r, r, 1.0]])
    first, second, score = np.linalg.cholesky(matrix) @ rng.standard_normal((3, n))
    if kind == "tied hit rates":
        score = np.minimum(np.floor(20 * norm.cdf(0.8 + 0.7 * score)), 19) / 20
    return first, second, score


@pytest.mark.parametrize("kind", ["normal", "tied hit rates"])
@pytest.mark.parametrize(("r", "between"), [(0.0, 0.3), (0.0, 0.9), (0.5, 0.3), (0.5, 0.9)])
def test_p_of_a_contrast_is_right_when_both_predictors_are_as_good(kind, r, between):
    rng = np.random.default_rng([44, int(10 * r), int(10 * between), len(kind)])
    ways = ("paired bootstrap, spearman", "paired bootstrap, pearson", "steiger, pearson", "steiger, spearman")
    rejected = dict.fromkeys(ways, 0)
    covered = 0
    for seed in range(SIMULATIONS):
        first, second, score = map(per_image, rivals(rng, 200, r, between, kind))
        found = evaluation.compare({"a": first, "b": second}, score, n_bootstraps=1_000, rng=seed).isel(contrast=0)
        for name in ("spearman", "pearson"):
            here = found.sel(metric=name)
            rejected[f"paired bootstrap, {name}"] += bool(here["p"] <= 0.05)
            rejected[f"steiger, {name}"] += bool(here["steiger_p"] <= 0.05)
        covered += bool(found["zou_low"].sel(metric="pearson") <= 0 <= found["zou_high"].sel(metric="pearson"))
    rates = {name: count / SIMULATIONS for name, count in rejected.items()}
    figures = {"share_below_05": rates, "accepted": [LOW, HIGH], "zou_coverage": covered / SIMULATIONS}
    kept(f"evaluation_contrast_{kind.replace(' ', '_')}_r{r:g}_between{between:g}", figures)
    assert LOW <= rates["paired bootstrap, spearman"] <= HIGH
    assert LOW <= rates["paired bootstrap, pearson"] <= HIGH
    if kind == "normal":
        assert LOW <= rates["steiger, pearson"] <= HIGH
        assert 0.93 <= figures["zou_coverage"] <= 0.97
