"""Does RSA keep its promises? p-values at their null, family-wise error over layers, coverage of the interval."""

import numpy as np
import pytest
import xarray as xr
from record import band, record
from scipy.stats import binomtest, norm, pearsonr, spearmanr
from sources import sources_of

from memfeat import rdm, rsa

pytestmark = pytest.mark.timeout(0)
SIMULATIONS = 1_000
#: Tests of p-values in this file; their family-wise level is 1 %.
TESTS = 12
LEVEL = 0.01 / TESTS
N_COVERED = 100
CORRELATIONS = {"spearman": spearmanr, "pearson": pearsonr}


def labelled(values, name):
    names = np.array([f"i{k:04}" for k in range(len(values))], dtype=object)
    dims = ["image", f"{name}:unit"][: values.ndim]
    return xr.DataArray(values, dims=dims, coords={"image": names}, name=name)


def layers_of(values, rng, *, n_layers, noise):
    """Layers that share their images' features but for noise: dependent, as those of a network are."""
    copies = [values + noise * rng.normal(size=values.shape) for _ in range(n_layers)]
    return xr.Dataset({f"l{k}": labelled(copy, f"l{k}") for k, copy in enumerate(copies)})


def unrelated(rng, *, n, n_layers, kind, metric):
    layers = layers_of(rng.normal(size=(n, 6)), rng, n_layers=n_layers, noise=0.7)
    return rdm.compute(layers, metric=metric), rdm.from_scores(labelled(rng.random(n), "score"), kind=kind)


def within_band(rejections, name, figures):
    test = binomtest(rejections, SIMULATIONS, 0.05)
    low, high = band(0.05, SIMULATIONS, tests=TESTS)
    rate = rejections / SIMULATIONS
    record(
        f"rsa_{name}", figures | {"rejected": rate, "accepted": [low, high], "p": test.pvalue}, sources=sources_of(name)
    )
    assert test.pvalue >= LEVEL, f"{name}: {rate} of p-values are at most .05"


@pytest.mark.parametrize(
    ("method", "kind", "metric", "alternative"),
    [
        ("spearman", "nearest", "correlation", "two-sided"),
        ("spearman", "both_memorable", "euclidean", "two-sided"),
        ("spearman", "both_memorable", "euclidean", "greater"),
        ("pearson", "nearest", "sqeuclidean", "two-sided"),
        ("cosine", "both_memorable", "cosine", "greater"),
    ],
)
def test_p_values_are_uniform_and_the_largest_statistic_keeps_the_family(method, kind, metric, alternative):
    rng = np.random.default_rng(20_260)
    p, corrected = np.empty(SIMULATIONS), np.empty(SIMULATIONS)
    for k in range(SIMULATIONS):
        rdms, ref = unrelated(rng, n=14, n_layers=6, kind=kind, metric=metric)
        options = {"method": method, "n_permutations": 999, "n_bootstraps": 0, "rng": rng, "alternative": alternative}
        got = rsa.compare(rdms, ref, **options)
        p[k], corrected[k] = got.p[0], got.p_corrected.min()
    name = f"{method}_{kind}_{alternative}"
    figures = {"n_images": 14, "n_layers": 6, "n_permutations": 999, "simulations": SIMULATIONS, "metric": metric}
    within_band(
        int((corrected <= 0.05).sum()), f"family_{name}", figures | {"null": "no layer is related to the scores"}
    )
    within_band(int((p <= 0.05).sum()), f"p_{name}", figures | {"null": "the layer is unrelated to the scores"})


@pytest.mark.parametrize("permute", ["whole", "free"])
def test_whole_groups_keep_the_level_where_groups_share_features_and_scores(permute):
    """Free permutation is measured, and not required: it is the reason why a scheme must be named."""
    rng = np.random.default_rng(7)
    n_groups, size, p = 10, 3, np.empty(SIMULATIONS)
    groups = labelled(np.repeat(np.arange(n_groups), size), "group")
    for k in range(SIMULATIONS):
        shared, score = (
            np.repeat(rng.normal(size=(n_groups, 6)), size, axis=0),
            np.repeat(rng.normal(size=n_groups), size),
        )
        layers = labelled(shared + 0.5 * rng.normal(size=shared.shape), "l0")
        ref = rdm.from_scores(labelled(score + 0.5 * rng.normal(size=len(score)), "score"), kind="nearest")
        options = {"n_permutations": 999, "n_bootstraps": 0, "rng": rng, "blocks": groups, "permute": permute}
        p[k] = rsa.compare(rdm.compute(layers, metric="euclidean"), ref, **options).p[0]
    figures = {"n_groups": n_groups, "group_size": size, "n_permutations": 999, "simulations": SIMULATIONS}
    rejected = int((p <= 0.05).sum())
    if permute == "whole":
        within_band(rejected, "p_whole_groups", figures)
    else:
        record("rsa_p_groups_ignored", figures | {"rejected": rejected / SIMULATIONS}, sources=sources_of("p"))
        assert rejected / SIMULATIONS > band(0.05, SIMULATIONS, tests=TESTS)[1]


def population(rng, n, kind, strength):
    scores = rng.normal(size=n)
    values = rng.normal(size=(n, 8)) * (np.exp(-0.4 * scores)[:, None] if kind == "both_memorable" else 1)
    if kind == "nearest":
        values[:, 0] += strength * scores
    return scores, values


def truth_of(method, kind, strength):
    """Correlation over a million independent pairs of images, without the code that is tested; SE below .001."""
    rng = np.random.default_rng(99)
    (m, a), (k, b) = (population(rng, 1_000_000, kind, strength) for _ in range(2))
    model = {"nearest": np.abs(m - k), "both_memorable": -(norm.cdf(m) + norm.cdf(k))}[kind]
    return CORRELATIONS[method](np.linalg.norm(a - b, axis=1), model).statistic


@pytest.mark.parametrize(
    ("method", "kind", "strength"),
    [
        ("spearman", "nearest", 2.0),
        ("spearman", "both_memorable", 0.0),
        ("pearson", "nearest", 2.0),
        ("spearman", "nearest", 0.5),
    ],
)
def test_the_interval_covers_the_value_of_very_many_images(method, kind, strength):
    rng = np.random.default_rng(31)
    truth, covered, estimates, widths = truth_of(method, kind, strength), 0, [], []
    for _ in range(SIMULATIONS):
        scores, values = population(rng, N_COVERED, kind, strength)
        rdms = rdm.compute(labelled(values, "l0"), metric="euclidean")
        ref = rdm.from_scores(labelled(scores, "score"), kind=kind)
        got = rsa.compare(rdms, ref, method=method, n_permutations=0, n_bootstraps=399, rng=rng)
        covered += bool(got.ci_low[0] <= truth <= got.ci_high[0])
        estimates.append(float(got.estimate[0]))
        widths.append(float(got.ci_high[0] - got.ci_low[0]))
    figures = {
        "n_images": N_COVERED,
        "simulations": SIMULATIONS,
        "n_bootstraps": 399,
        "truth": round(float(truth), 4),
        "mean_estimate": round(float(np.mean(estimates)), 4),
        "sd_estimate": round(float(np.std(estimates)), 4),
        "mean_width": round(float(np.mean(widths)), 4),
        "covered": covered / SIMULATIONS,
        "required": [0.93, 0.97],
    }
    record(f"rsa_coverage_{method}_{kind}_{strength:g}", figures, sources=sources_of("coverage"))
    assert 0.93 <= covered / SIMULATIONS <= 0.97
