"""Do the intervals of drift cover what they say? CKA, the correlation of RDMs, and the change in decodability.

Seeds are fixed. `make calibrate` writes what was measured into results/.
"""

import numpy as np
import pytest
import xarray as xr
from record import record
from scipy.stats import pearsonr, spearmanr
from sources import stats_of

from memfeat import drift
from memfeat.drift.decodability import STATISTICS
from memfeat.stats import bootstrap_counts, expanded

pytestmark = pytest.mark.timeout(0)
RSA = ("rdm/distances", "rsa/similarity", "rsa/resampling", "rsa/concordance", "rsa/paired")
REGRESSION = ("regression/folds", "regression/metrics", "regression/ridge", "regression/spans")
SOURCES = ("drift", "gram", "reduction/alignment", *RSA, *REGRESSION, *stats_of("drift"))
SIMULATIONS, N_IMAGES, N_BOOTSTRAPS = 1_000, 100, 500
REQUIRED = [0.93, 0.97]
CORRELATIONS = {"spearman": spearmanr, "pearson": pearsonr}
N_UNITS = 200
#: Standard deviation of each direction: as features of a network have it, and all alike.
SPECTRA = {"falling": np.arange(1, N_UNITS + 1) ** -0.5, "even": np.ones(N_UNITS)}


def labelled(values, name):
    names = np.array([f"i{k:04}" for k in range(len(values))], dtype=object)
    dims = ["image", f"{name}:unit"][: values.ndim]
    return xr.DataArray(values, dims=dims, coords={"image": names}, name=name)


def networks(rng, n, spectrum, shared):
    """Two layers whose units correlate `shared` with each other, each unit independent of the rest."""
    common, own = rng.normal(size=(2, n, len(spectrum)))
    return spectrum * common, spectrum * (shared * common + np.sqrt(1 - shared**2) * own)


def dissimilarities(a, b, metric):
    """Of the rows of a from those of b, without the code that is tested."""
    if metric == "euclidean":
        return np.linalg.norm(a - b, axis=1)
    a, b = (x - x.mean(axis=1, keepdims=True) for x in (a, b))
    return 1 - (a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))


def rdm_truth(spectrum, shared, metric, method):
    """Correlation over half a million independent pairs of images; SE below .0015."""
    rng = np.random.default_rng(99)
    parts = []
    for _ in range(50):
        (a, b), (c, d) = (networks(rng, 10_000, spectrum, shared) for _ in range(2))
        parts.append([dissimilarities(a, c, metric), dissimilarities(b, d, metric)])
    first, second = np.concatenate(parts, axis=1)
    return CORRELATIONS[method](first, second).statistic


def covered(results, truth):
    """Share of intervals that hold the truth, and what else there is to say."""
    estimate, low, high = np.array(results).T
    return {
        "n_images": N_IMAGES,
        "simulations": len(results),
        "n_bootstraps": N_BOOTSTRAPS,
        "truth": round(float(truth), 4),
        "mean_estimate": round(float(estimate.mean()), 4),
        "sd_estimate": round(float(estimate.std()), 4),
        "mean_width": round(float((high - low).mean()), 4),
        "covered": float(((low <= truth) & (truth <= high)).mean()),
    }


def picked(result, measure):
    return [result[side].sel(measure=measure).item() for side in ("estimate", "ci_low", "ci_high")]


@pytest.mark.parametrize(
    ("spectrum", "shared", "metric", "method"),
    [
        ("falling", 0.9, "correlation", "spearman"),
        ("falling", 0.6, "euclidean", "pearson"),
        ("even", 0.9, "correlation", "spearman"),
    ],
)
def test_intervals_of_cka_and_of_rdms_cover_the_values_of_very_many_images(spectrum, shared, metric, method):
    """With evenly spread variance that of CKA is wider: the sum over fours varies more with draws than with images."""
    rng = np.random.default_rng(41)
    results = {"cka": [], "rdm": []}
    for _ in range(SIMULATIONS):
        first, second = networks(rng, N_IMAGES, SPECTRA[spectrum], shared)
        options = {"metric": metric, "method": method, "n_bootstraps": N_BOOTSTRAPS, "rng": rng, "progress": False}
        result = drift.compare(labelled(first, "l"), labelled(second, "l"), **options)
        for measure, found in results.items():
            found.append(picked(result, measure))
    truths = {"cka": shared**2, "rdm": rdm_truth(SPECTRA[spectrum], shared, metric, method)}
    shares = {}
    for measure, found in results.items():
        figures = covered(found, truths[measure]) | {"spectrum": spectrum}
        figures["required"] = REQUIRED if spectrum == "falling" else [REQUIRED[0], 1.0]
        shares[measure] = figures["covered"]
        called = "cka" if measure == "cka" else f"rdm_{metric}_{method}"
        record(f"drift_coverage_{called}_{spectrum}_{shared:g}", figures, sources=SOURCES)
    for measure, share in shares.items():
        assert share >= REQUIRED[0], measure
        assert share <= REQUIRED[1] or spectrum == "even", measure


def fixed_predictions(rng, n, strength, tie):
    """Scores and two predictions whose errors correlate `tie`; the second is `strength` times as good."""
    target, common, *own = rng.normal(size=(4, n))
    errors = [np.sqrt(tie) * common + np.sqrt(1 - tie) * one for one in own]
    return target, [gain * target + error for gain, error in zip((0.5, 0.5 * strength), errors, strict=True)]


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize(("strength", "tie"), [(1.0, 0.9), (1.6, 0.3)])
def test_the_paired_interval_covers_the_difference_of_two_fixed_predictions(statistic, strength, tie):
    agreement = STATISTICS[statistic]
    target, predictions = fixed_predictions(np.random.default_rng(98), 1_000_000, strength, tie)
    first, second = (float(agreement.observed(one[:, None], target[:, None])[0]) for one in predictions)
    rng = np.random.default_rng(42)
    results = []
    for _ in range(SIMULATIONS):
        target, predictions = fixed_predictions(rng, N_IMAGES, strength, tie)
        counts = bootstrap_counts(N_IMAGES, N_BOOTSTRAPS, rng=rng)
        values = [float(agreement.observed(one[:, None], target[:, None])[0]) for one in predictions]
        draws = [agreement.resampled(one, target, counts) for one in predictions]
        results.append([values[1] - values[0], *map(float, expanded(draws[1] - draws[0], n=N_IMAGES))])
    figures = covered(results, second - first) | {"required": REQUIRED}
    record(f"drift_coverage_decodability_{statistic}_{strength:g}_{tie:g}", figures, sources=SOURCES)
    assert REQUIRED[0] <= figures["covered"] <= REQUIRED[1]


@pytest.mark.parametrize("statistic", STATISTICS)
def test_how_often_the_interval_holds_the_expected_difference_when_everything_is_fitted_anew(statistic):
    """Measured and not required: the interval holds the fitted predictions fixed, and says so."""
    rng = np.random.default_rng(43)
    results = []
    for _ in range(SIMULATIONS):
        first, second = networks(rng, N_IMAGES, SPECTRA["falling"], 0.8)
        scores = labelled(first[:, :5].sum(axis=1) + rng.normal(size=N_IMAGES), "score")
        options = {"n_bootstraps": N_BOOTSTRAPS, "statistic": statistic, "metric": "euclidean", "method": "pearson"}
        layers = labelled(first, "l"), labelled(second, "l")
        result = drift.compare(*layers, scores, rng=rng, progress=False, **options)
        results.append(picked(result, "decodability"))
    figures = covered(results, np.mean([estimate for estimate, _, _ in results]))
    record(f"drift_refitted_decodability_{statistic}", figures, sources=SOURCES)
