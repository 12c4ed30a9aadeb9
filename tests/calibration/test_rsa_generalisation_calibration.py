"""Do tests and intervals of RSA hold for other images, other participants, and both? Contrasts, participants, time.

Every simulation has features, participants and images of its own.
"""

from functools import partial

import numpy as np
import pytest
import simulated
import xarray as xr
from judging import SIMULATIONS
from scipy.spatial.distance import pdist
from scipy.stats import pearsonr, spearmanr
from simulated import covers, dataset, keep, measured, reported

from memfeat import rdm, rsa

pytestmark = pytest.mark.timeout(0)
#: Tests of p-values in this file; their family-wise level is 1 %.
TESTS = 20
CORRELATIONS = {"spearman": spearmanr, "pearson": pearsonr}
within_band = partial(simulated.within_band, tests=TESTS)


# --- contrasts of layers ---------------------------------------------------------------------------------------------


def mixed(rng, n, agreement, alike):
    """Squared distances of two layers and of a reference, with which both correlate by `agreement`.

    Layers correlate with each other by (agreement + (1 − agreement) alike)².
    """
    reference, common = rng.normal(size=(2, n, 8))
    layers = []
    for _ in range(2):
        noise = np.sqrt(alike) * common + np.sqrt(1 - alike) * rng.normal(size=(n, 8))
        layers.append(np.sqrt(agreement) * reference + np.sqrt(1 - agreement) * noise)
    return [pdist(values, "sqeuclidean") for values in (*layers, reference)]


@pytest.mark.parametrize("method", ["spearman", "pearson"])
@pytest.mark.parametrize(("r", "alike"), [(0.0, 0.548), (0.0, 0.949), (0.5, 0.095), (0.5, 0.897)])
def test_a_contrast_of_equal_layers_is_rejected_as_often_as_it_says(method, r, alike):
    rng, n = np.random.default_rng(41), 100
    p, covered, between = np.empty(SIMULATIONS), [], []
    for k in range(SIMULATIONS):
        one, other, reference = mixed(rng, n, r, alike)
        options = {"method": method, "n_bootstraps": 199, "rng": rng}
        got = rsa.contrast(dataset(np.array([one, other])), dataset(reference[None]), **options)
        p[k] = got.p[0]
        covered.append(bool(got.ci_low[0] <= 0 <= got.ci_high[0]))
        between.append(pearsonr(one, other).statistic)
    figures = {"n_images": n, "r": r, "layers_correlate": round(float(np.mean(between)), 3), "n_bootstraps": 199}
    figures |= {"null": "both layers agree with the reference equally well", "covered": float(np.mean(covered))}
    within_band(p, f"contrast_{method}_{r:g}_{alike:g}", figures)


# --- participants ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("test", "participants"), [("t", 5), ("t", 20), ("wilcoxon", 12), ("signs", 12)])
def test_random_effects_keep_their_level_where_participants_differ_in_sign(test, participants):
    """Participants agree with the model or with its opposite, symmetrically around 0."""
    rng, n = np.random.default_rng(43), 20
    model = pdist(rng.normal(size=(n, 4)), "sqeuclidean")
    p = np.empty(SIMULATIONS)
    for k in range(SIMULATIONS):
        away = np.array(
            [0.5 * rng.normal() * model + 6 * rng.exponential(size=len(model)) for _ in range(participants)]
        )
        ref = dataset(away + 20, participants=True)
        options = {"resample": "rdms", "test": test, "n_permutations": 999, "rng": rng, "n_bootstraps": 0}
        p[k] = rsa.compare(dataset(model[None]), ref, method="pearson", **options).p[0]
    figures = {"n_images": n, "n_participants": participants, "null": "the mean over the population is 0"}
    within_band(p, f"participants_{test}_{participants}", figures, discrete=test != "t")


@pytest.mark.parametrize("participants", [5, 20])
def test_an_interval_over_participants_covers_the_mean_of_the_population(participants):
    rng, n = np.random.default_rng(44), 40
    shared = rng.normal(size=(n, 6))
    model = pdist(shared, "sqeuclidean")
    truth = np.mean([pearsonr(model, v).statistic for v in measured(rng, shared, 20_000)])
    covered = []
    for _ in range(SIMULATIONS):
        ref = dataset(measured(rng, shared, participants), participants=True)
        got = rsa.compare(dataset(model[None]), ref, method="pearson", resample="rdms", rng=rng, n_bootstraps=0)
        covered.append(bool(got.ci_low[0] <= truth <= got.ci_high[0]))
    covers(covered, f"coverage_participants_{participants}", {"n_participants": participants, "truth": float(truth)})


@pytest.mark.parametrize(("n", "participants"), [(100, 8), (100, 20)])
def test_an_interval_over_both_covers_other_images_and_other_participants(n, participants):
    """Each participant has features of their own besides shared ones; truth from many of both."""
    rng = np.random.default_rng(45)

    def draw(n_images, people, seed):
        random = np.random.default_rng(seed)
        shared = random.normal(size=(n_images, 6))
        return pdist(shared[:, :3], "sqeuclidean"), measured(random, shared, people)

    truth = np.mean(
        [[pearsonr(model, v).statistic for v in refs] for model, refs in (draw(300, 10, seed) for seed in range(200))]
    )
    covered, images_only = [], []
    for _ in range(SIMULATIONS):
        model, refs = draw(n, participants, rng.integers(2**32))
        options = {"method": "pearson", "n_bootstraps": 300, "n_permutations": 0, "rng": rng, "noise_interval": False}
        sides = dataset(model[None]), dataset(refs, participants=True)
        both, images = (rsa.compare(*sides, resample=how, **options) for how in ("both", "images"))
        covered.append(bool(both.ci_low[0] <= truth <= both.ci_high[0]))
        images_only.append(bool(images.ci_low[0] <= truth <= images.ci_high[0]))
    figures = {"n_images": n, "n_participants": participants, "truth": float(truth)}
    covers(covered, f"coverage_both_{n}_{participants}", figures | {"images_alone": float(np.mean(images_only))})


@pytest.mark.parametrize("resample", ["images", "both"])
def test_p_values_of_a_model_that_nobody_has_anything_of_keep_their_level(resample):
    rng, n, participants = np.random.default_rng(46), 40, 8
    p = np.empty(SIMULATIONS)
    for k in range(SIMULATIONS):
        model = pdist(rng.normal(size=(n, 4)), "sqeuclidean")
        ref = dataset(measured(rng, rng.normal(size=(n, 6)), participants), participants=True)
        options = {"n_permutations": 999, "n_bootstraps": 500 if resample == "both" else 0, "rng": rng}
        got = rsa.compare(dataset(model[None]), ref, resample=resample, method="pearson", **options)
        p[k] = got.p[0]
    figures = {"n_images": n, "n_participants": participants, "null": "the model has nothing to do with the references"}
    # over both the standard error is never below that of one factor alone, so that p may be too large, never too small
    within_band(p, f"p_{resample}_participants", figures, discrete=resample == "both")


# --- other methods, intervals and time -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "n"), [("kendall", 5), ("rho-a", 10), ("whitened_pearson", 10), ("whitened_cosine", 10)]
)
def test_p_values_of_every_method_are_uniform(method, n):
    """Kendall's, which is slow, with so few images that all rearrangements are used."""
    rng = np.random.default_rng(47)
    p = np.empty(SIMULATIONS)
    for k in range(SIMULATIONS):
        one, other = (dataset(pdist(rng.normal(size=(n, 5)), "sqeuclidean")[None]) for _ in range(2))
        p[k] = rsa.compare(one, other, method=method, n_permutations=999, n_bootstraps=0, rng=rng).p[0]
    figures = {"n_images": n, "null": "the layer is unrelated to the reference"}
    within_band(p, f"p_{method}", figures, discrete=method == "kendall")


@pytest.mark.parametrize(("method", "interval"), [("pearson", "percentile"), ("pearson", "bca"), ("spearman", "bca")])
def test_intervals_over_images_cover_the_value_of_very_many(method, interval):
    rng, n = np.random.default_rng(48), 100

    def pairs(random, size):
        shared = random.normal(size=(size, 6))
        return shared, np.concatenate([shared[:, :3], random.normal(size=(size, 3))], axis=1)

    many = np.random.default_rng(1)
    (a, b), (c, d) = pairs(many, 1_000_000), pairs(many, 1_000_000)
    truth = CORRELATIONS[method](np.square(a - c).sum(axis=1), np.square(b - d).sum(axis=1)).statistic
    covered = []
    for _ in range(SIMULATIONS):
        one, other = (dataset(pdist(values, "sqeuclidean")[None]) for values in pairs(rng, n))
        options = {"n_permutations": 0, "n_bootstraps": 399, "rng": rng, "interval": interval}
        got = rsa.compare(one, other, method=method, **options)
        covered.append(bool(got.ci_low[0] <= truth <= got.ci_high[0]))
    name, figures = f"coverage_{interval}_{method}_sqeuclidean", {"n_images": n, "truth": float(truth)}
    if interval == "percentile":
        covers(covered, name, figures)
    else:
        reported(covered, name, figures, because="not the default")


def test_an_interval_of_partial_rsa_covers_the_value_of_very_many_images():
    rng, n = np.random.default_rng(49), 100

    def three(random, size):
        shared, common = random.normal(size=(2, size, 4))
        return [np.concatenate([shared * on, common], 1) + random.normal(size=(size, 8)) for on in (1, 1, 0)]

    many = np.random.default_rng(1)
    a, b, c = (
        np.square(x - y).sum(axis=1) for x, y in zip(three(many, 1_000_000), three(many, 1_000_000), strict=True)
    )
    r = np.corrcoef([a, b, c])
    truth = (r[0, 1] - r[0, 2] * r[1, 2]) / np.sqrt((1 - r[0, 2] ** 2) * (1 - r[1, 2] ** 2))
    covered = []
    for _ in range(SIMULATIONS):
        one, other, control = (dataset(pdist(values, "sqeuclidean")[None]) for values in three(rng, n))
        got = rsa.partial(one, other, control, method="pearson", n_bootstraps=500, rng=rng)
        covered.append(bool(got.ci_low[0] <= truth <= got.ci_high[0]))
    covers(covered, "coverage_partial_pearson", {"n_images": n, "truth": float(truth)})


@pytest.mark.parametrize("alternative", ["two-sided", "greater"])
def test_clusters_of_time_keep_the_family(alternative):
    """Smooth noise without any agreement: some cluster in some layer or time is found in 5 % of the series."""
    rng, times, participants = np.random.default_rng(50), 40, 12
    smooth = np.exp(-np.square(np.subtract.outer(np.arange(times), np.arange(times)) / 3.0) / 2)
    p = np.empty(SIMULATIONS)
    for k in range(SIMULATIONS):
        noise = np.einsum("ts,lsp->ltp", smooth, rng.normal(size=(3, times, participants)))
        coords = {"layer": list("abc"), "time": np.arange(times)}
        result = xr.Dataset({"by_participant": (("layer", "time", "participant"), noise)}, coords=coords)
        p[k] = rsa.cluster(result, n_permutations=999, rng=rng, alternative=alternative).p_cluster.min()
    figures = {"n_participants": participants, "times": times, "n_layers": 3, "null": "no agreement at any time"}
    within_band(p, f"clusters_{alternative}", figures, discrete=True)


def test_weighted_models_of_nothing_agree_with_nothing():
    """Leak test: over many sets of noise the mean agreement with images held out is 0 within three standard errors."""
    rng, n, found = np.random.default_rng(51), 40, []
    for _ in range(SIMULATIONS):
        models = np.array([pdist(rng.normal(size=(n, 5)), "sqeuclidean") for _ in range(5)])
        ref = dataset(pdist(rng.normal(size=(n, 5)), "sqeuclidean")[None])
        found.append(float(rsa.weighted(dataset(models), ref, interval=False, rng=rng).estimate[0]))
    mean, error = float(np.mean(found)), float(np.std(found) / np.sqrt(SIMULATIONS))
    keep("weighted_leak", {"n_images": n, "mean": mean, "standard_error": error})
    assert abs(mean) <= 3 * error


def test_rdm_of_features_is_what_is_simulated():
    values = np.random.default_rng(0).normal(size=(6, 4))
    names = np.array([f"i{k:04}" for k in range(6)], dtype=object)
    layer = xr.DataArray(values, dims=["image", "l0:unit"], coords={"image": names}, name="l0")
    mine = dataset(pdist(values, "sqeuclidean")[None])
    np.testing.assert_allclose(rdm.compute(layer, metric="sqeuclidean").rdm, mine.rdm, atol=1e-10)
