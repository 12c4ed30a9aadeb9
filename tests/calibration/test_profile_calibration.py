"""Are p-values, intervals and contrasts of measures by layer what they say?"""

from functools import partial

import numpy as np
import pytest
import xarray as xr
from decoded import hit_rates, names, per_image
from judging import SIMULATIONS, Judge, every
from scipy.stats import norm, pearsonr, rankdata, spearmanr
from sources import profile_of

from memfeat import measures

# among thousands of normal samples of 100 one is skewed by chance
CHANCE = pytest.mark.filterwarnings("ignore:Skewness is beyond 1:memfeat.errors.SkewedWarning")
pytestmark = [pytest.mark.timeout(0), CHANCE]
#: Tests of p-values in this file; their family-wise level is 1 %.
TESTS = 36
JUDGE = Judge("profile_", profile_of)
within_band = partial(JUDGE.within_band, tests=TESTS)
#: Simulations in one call, and its draws.
TEN = 10
DRAWS = {"n_permutations": 999, "n_bootstraps": 0}
CORRELATIONS = {"spearman": spearmanr, "pearson": pearsonr}


def normal_scores(values):
    return norm.ppf(rankdata(values) / (len(values) + 1))


PLACED = {"spearman": rankdata, "pearson": np.asarray, "normal_scores": normal_scores}
#: How skewed measures are: no interval of Pearson's r holds the truth for a skewed one with 100 images.
SKEW = {"spearman": 0.4, "pearson": 0.0, "normal_scores": 0.4}
#: Times as many simulations of intervals: those of partial Pearson correlations hold the truth in 94 %, so that among
#: 1,000 the rate of one of four falls below 93 % too often to tell.
OFTEN = {"pearson": 2}
by_method = pytest.mark.parametrize("method", PLACED)


def by_layer(values):
    """Rows (layer, n) as a measure."""
    layers = {f"layer{k}": ("image", row) for k, row in enumerate(values)}
    return xr.Dataset(layers, {"image": names(values.shape[1])})


def alike(rng, n, k=6, r=0.9):
    """Layers (k, n) that correlate by r, skewed as distances are."""
    return np.exp(np.sqrt(r) * rng.standard_normal(n) + np.sqrt(1 - r) * rng.standard_normal((k, n)))


def shares(values):
    """Hit rates of 20 answers, with ties and a ceiling."""
    return np.minimum(np.floor(20 * norm.cdf(0.8 + 0.7 * values)), 19) / 20


def in_tens(draw, **options):
    """Profiles of ten measures each beside the same scores, which are then ten simulations in one call.

    Kinds are tested by themselves, and measures are independent of each other given scores and permutations.
    """
    for seed in range(SIMULATIONS // TEN):
        scores, draw_measure, more = draw()
        tables = {f"other {k}": by_layer(draw_measure()) for k in range(TEN)}
        first = tables.pop("other 0")
        found = measures.profile(first, per_image(scores), baselines=tables, rng=seed, **DRAWS, **options, **more)
        for kind in dict.fromkeys(found["kind"].values):
            yield found.sel(layer=found["kind"] == kind)


@by_method
def test_p_of_layers_holds_its_level(method):
    """Skewed measures of six layers that are much alike, and hit rates with ties."""
    rng, n = np.random.default_rng([110, len(method)]), 40
    found = {"p": [], "p_corrected": [], "p_fdr": []}
    for one in in_tens(lambda: (hit_rates(rng, n), lambda: alike(rng, n), {}), method=method):
        for name, values in found.items():
            values.append(float(one[name][0] if name == "p" else one[name].min()))
    figures = {"n_images": n, "layers": 6, "layer_correlation": 0.9, "null": "scores are unrelated to the measure"}
    every(
        partial(within_band, values, f"{name}_{method}", figures, discrete=name == "p_fdr")
        for name, values in found.items()
    )


@pytest.mark.parametrize("permute", ["whole", "within"])
def test_p_holds_its_level_where_groups_differ_in_measure_and_scores(permute):
    """20 groups of 5 images; half of the variance of both is between groups."""
    rng = np.random.default_rng([111, len(permute)])
    group = np.repeat(np.arange(20), 5)

    def grouped(k=1):
        return rng.standard_normal((k, 20))[:, group] + rng.standard_normal((k, 100))

    options = {"blocks": per_image(group), "permute": permute}
    p = [one["p"].item() for one in in_tens(lambda: (grouped()[0], grouped, {}), **options)]
    within_band(p, f"p_{permute}", {"n_images": 100, "n_groups": 20, "null": "unrelated, in groups that differ"})


@by_method
def test_p_given_a_covariate_that_drives_both_holds_its_level(method):
    """Measure and scores each share a third to a half of their variance with it; layers are alike beyond it, too."""
    rng, n = np.random.default_rng([112, len(method)]), 100

    def draw():
        z = rng.standard_normal(n)
        scores = shares(0.8 * z + rng.standard_normal(n)) if method == "spearman" else z + 1.4 * rng.standard_normal(n)
        measure = lambda: z + rng.standard_normal(n) + 0.5 * rng.standard_normal((6, n))  # noqa: E731
        return scores, measure, {"covariates": per_image(z)}

    found = {"p": [], "p_corrected": []}
    for one in in_tens(draw, method=method):
        found["p"].append(one["p"].values[0])
        found["p_corrected"].append(one["p_corrected"].values.min())
    figures = {"n_images": n, "layers": 6, "null": "unrelated, given the covariate that drives both"}
    every(partial(within_band, p, f"{name}_covariate_{method}", figures) for name, p in found.items())


def given_a_covariate(n, method):
    """Profiles of a skewed measure and hit rates with ties, which only a covariate, skewed to the left, drives both."""
    rng = np.random.default_rng([118, n])

    def draw():
        z = rng.standard_normal(n)
        measure = lambda: np.exp(z + rng.standard_normal((1, n)))  # noqa: E731
        return shares(0.7 * (z + rng.standard_normal(n))), measure, {"covariates": per_image(-np.exp(-z))}

    figures = {"n_images": n, "null": "unrelated, given the covariate, each a monotone function of normal variables"}
    return [one["p"].item() for one in in_tens(draw, method=method)], figures


@pytest.mark.parametrize("n", [100, 800, 2_000])
def test_p_of_normal_scores_given_a_covariate_holds_its_level_with_many_images(n):
    p, figures = given_a_covariate(n, "normal_scores")
    within_band(p, f"p_covariate_normal_scores_{n}", figures)


@pytest.mark.parametrize("n", [800, 2_000])
def test_p_of_ranks_given_a_covariate_is_reported_with_many_images(n):
    """Ranks of what a covariate drives are not linear in its ranks."""
    p, figures = given_a_covariate(n, "spearman")
    rejected = float(np.mean(np.array(p) <= 0.05))
    JUDGE.keep(f"p_covariate_spearman_{n}", figures | {"rejected": rejected})


def drawn(rng, n, skew):
    """A measure of two layers that goes with scores, strongly and weakly, and a covariate of all."""
    z, true = rng.standard_normal((2, n))
    true = 0.6 * z + 0.8 * true
    x = np.array([[0.8], [0.2]]) * true + 0.6 * rng.standard_normal((2, n)) + 0.3 * z
    return skewed(x, skew), true, z


def skewed(values, skew):
    return np.exp(skew * values) if skew else values


def left(values, z):
    return values - np.polyval(np.polyfit(z, values, 1), z)


@by_method
def test_intervals_hold_the_correlations_of_very_many_images(method):
    """Plain and partial, from the same samples."""
    rng, n = np.random.default_rng([113, len(method)]), 100
    x, true, z = drawn(np.random.default_rng(1), 1_000_000, SKEW[method])
    placed, simulations = PLACED[method], OFTEN.get(method, 1) * SIMULATIONS
    scores, z = placed(shares(true)), placed(z)
    kinds = {
        "plain": [pearsonr(placed(row), scores).statistic for row in x],
        "partial": [pearsonr(left(placed(row), z), left(scores, z)).statistic for row in x],
    }
    covered = {kind: np.empty((simulations, 2), dtype=bool) for kind in kinds}
    options = {"method": method, "n_permutations": 0, "n_bootstraps": 1_000}
    for seed in range(simulations):
        x, true, z = drawn(rng, n, SKEW[method])
        given = by_layer(x), per_image(shares(true))
        found = measures.profile(*given, covariates=per_image(z), rng=seed, **options)
        for kind, prefix in {"plain": "plain_", "partial": ""}.items():
            low, high = (found[f"{prefix}ci_{side}"].values for side in ("low", "high"))
            covered[kind][seed] = (low <= kinds[kind]) & (kinds[kind] <= high)
    every(
        partial(
            JUDGE.covers,
            covered[kind][:, k],
            f"coverage_{kind}_{method}_{strength}",
            {"simulations": simulations, "n_images": n, "n_bootstraps": 1_000, "truth": float(kinds[kind][k])},
        )
        for kind in kinds
        for k, strength in enumerate(("strong", "weak"))
    )


@pytest.mark.parametrize("method", CORRELATIONS)
def test_intervals_of_relative_values_hold_those_of_very_many_images(method):
    """Scores are the mean of two halves, whose noise has half the variance of what they measure."""
    rng, n = np.random.default_rng([114, len(method)]), 100

    def measured(random, size):
        x, true, _ = drawn(random, size, SKEW[method])
        halves = true + 0.7 * random.standard_normal((2, size))
        return x, true, halves

    x, true, halves = measured(np.random.default_rng(1), 1_000_000)
    mean = CORRELATIONS[method](*halves).statistic
    whole = 2 * mean / (1 + mean)
    truth = np.array([CORRELATIONS[method](row, halves.mean(axis=0)).statistic for row in x]) / np.sqrt(whole)
    if method == "pearson":
        np.testing.assert_allclose(truth, [pearsonr(row, true).statistic for row in x], atol=0.005)
    covered = {"halves": [], "number": [], "reliability": []}
    options = {"method": method, "n_permutations": 0, "n_bootstraps": 399}
    for seed in range(SIMULATIONS):
        x, _, halves = measured(rng, n)
        split = xr.DataArray(halves.T, {"image": names(n)}, ("image", "half"))
        twice = xr.Dataset(dict.fromkeys(("halves", "number"), per_image(halves.mean(axis=0))))
        known = {"halves": split, "number": {"spearman_brown": whole}}
        found = measures.profile(by_layer(x), twice, reliability=known, rng=seed, **options)
        for kind in known:
            low, high = (found[f"estimate_relative_ci_{side}"].sel(score=kind).values for side in ("low", "high"))
            covered[kind].append((low <= truth) & (truth <= high))
        low, high = (found[f"reliability_ci_{side}"].sel(score="halves").item() for side in ("low", "high"))
        covered["reliability"].append([low <= whole <= high])
    figures = {"n_images": n, "n_bootstraps": 399, "reliability": float(whole)}
    every(
        partial(JUDGE.covers, one, f"coverage_relative_{kind}_{method}_{strength}", figures | {"truth": float(at)})
        for kind, values in covered.items()
        for one, strength, at in zip(
            np.array(values).T,
            ("strong", "weak") if kind != "reliability" else ("scores",),
            truth if kind != "reliability" else [whole],
            strict=True,
        )
    )


@pytest.mark.parametrize("skew", [0.2, 0.4, 1.0])
def test_the_interval_of_pearson_s_r_is_reported_for_a_skewed_measure(skew):
    """A few images make much of such a correlation, and 100 do not tell how large it is: take ranks."""
    rng, n = np.random.default_rng([116, int(10 * skew)]), 100
    x, true, _ = drawn(np.random.default_rng(1), 1_000_000, skew)
    truth, covered = pearsonr(x[0], shares(true)).statistic, []
    for seed in range(SIMULATIONS):
        x, true, _ = drawn(rng, n, skew)
        options = {"method": "pearson", "n_permutations": 0, "n_bootstraps": 399, "rng": seed}
        found = measures.profile(by_layer(x[:1]), per_image(shares(true)), **options)
        covered.append(found["ci_low"].item() <= truth <= found["ci_high"].item())
    figures = {"n_images": n, "n_bootstraps": 399, "skew": skew, "truth": float(truth)}
    JUDGE.reported(covered, f"coverage_skewed_pearson_{int(10 * skew)}", figures, because="a skewed measure")


@by_method
def test_contrasts_hold_their_level_whether_layers_go_with_scores_or_not(method):
    """Pairs of layers with the same correlation r with scores, which correlate with each other by `between`."""
    rng, n = np.random.default_rng([115, len(method)]), 100
    pairs = [(r, between) for r in (0.0, 0.5) for between in (0.3, 0.9)]
    roots = [np.linalg.cholesky([[1 - r**2, between - r**2], [between - r**2, 1 - r**2]]) for r, between in pairs]
    p, covered = np.empty((2, len(pairs), SIMULATIONS))
    wanted = [f"layer{2 * k} − layer{2 * k + 1}" for k in range(len(pairs))]
    for seed in range(SIMULATIONS):
        scores = rng.standard_normal(n)
        layers = np.concatenate(
            [r * scores + root @ rng.standard_normal((2, n)) for (r, _), root in zip(pairs, roots, strict=True)]
        )
        given = by_layer(skewed(layers, SKEW[method])), per_image(scores)
        found = measures.contrast(*given, method=method, n_bootstraps=599, rng=seed).sel(contrast=wanted)
        p[:, seed] = found["p"]
        covered[:, seed] = (found["ci_low"] <= 0) & (found["ci_high"] >= 0)
    judged = []
    for (r, between), one, inside in zip(pairs, p, covered, strict=True):
        name = f"contrast_{method}_r{int(10 * r)}_layers{int(10 * between)}"
        figures = {"n_images": n, "n_bootstraps": 599, "r": r, "layer_correlation": between}
        figures["null"] = "both layers have the same correlation with the scores"
        judged += [partial(within_band, one, name, figures), partial(JUDGE.covers, inside, f"{name}_coverage", figures)]
    every(judged)


@pytest.mark.parametrize("method", CORRELATIONS)
@pytest.mark.parametrize("r", [0.0, 0.5])
def test_fifteen_contrasts_of_six_layers_alike_hold_their_family_wise_level(method, r):
    """Layers correlate by r with scores, and by .3 to .9 with each other: the first and second three are alike.

    What is corrected is the larger of two p-values, of which either may be cautious: it need only not exceed the level.
    """
    rng, n = np.random.default_rng([117, len(method), int(10 * r)]), 100
    between = np.where(np.eye(6), 1.0, np.where(np.kron(np.eye(2), np.ones((3, 3))), 0.9, 0.3))
    root = np.linalg.cholesky(between - r**2)
    smallest = []
    for seed in range(SIMULATIONS):
        scores = rng.standard_normal(n)
        layers = skewed(r * scores + root @ rng.standard_normal((6, n)), SKEW[method])
        found = measures.contrast(by_layer(layers), per_image(scores), method=method, n_bootstraps=599, rng=seed)
        smallest.append(float(found["p_corrected"].min()))
    figures = {"n_images": n, "n_bootstraps": 599, "contrasts": 15, "r": r}
    figures["null"] = "six layers have the same correlation with the scores"
    within_band(smallest, f"contrast_family_{method}_r{int(10 * r)}", figures, discrete=True)
