"""Are p-values and intervals of comparisons of sets what they say, and how large a difference do they find?"""

from functools import partial

import numpy as np
import pytest
from judging import SIMULATIONS, Judge, every
from scipy.stats import norm
from sources import set_scores_of

from memfeat.sets.scores import judging as sets
from memfeat.sets.scores.contrasting import QUANTILES, Pair
from memfeat.sets.scores.judging import Plan, equivalence, judged
from memfeat.sets.scores.omnibus import any_differs
from memfeat.sets.scores.pooling import Pool
from memfeat.sets.scores.weighing import Units, limits_of_mean

pytestmark = pytest.mark.timeout(0)
#: Tests of p-values in this file; their family-wise level is 1 %.
TESTS = 84
JUDGE = Judge("sets_", set_scores_of)
within_band = partial(JUDGE.within_band, tests=TESTS)
#: Tests whose null is that sets are exchangeable, and those that hold where only means, or sides, are equal.
STUDENTISED = ("mean_difference", "cliffs_delta")
EXCHANGEABLE = ("kolmogorov_smirnov", "wasserstein")
#: Differences of quantiles; of 50 images, deciles rest on five, and quartiles on twelve.
LEVELS = ("decile_difference", "quartile_difference", "median_difference", "quartile3_difference", "decile9_difference")
OFF_CENTRE = {*LEVELS} - {"median_difference"}


def independent(rng, sizes, *, ratio=1.0, shift=0.0, draw=np.random.Generator.standard_normal):
    """Images by themselves; the first set has `ratio` times the spread."""
    values = np.r_[shift + ratio * draw(rng, size=sizes[0]), draw(rng, size=sizes[1])]
    return Pair(values[None], member(sizes), Units(np.arange(sum(sizes)), crossed=False), False)


def member(sizes):
    return np.r_[np.ones(sizes[0]), np.zeros(sizes[1])][:, None]


def clustered(rng, clusters, *, size=3, ratio=1.0, shift=0.0, icc=0.3):
    """Clusters of images that lie in one set each; `icc` is the share of the variance between clusters."""
    unit = np.repeat(np.arange(sum(clusters)), size)
    values = np.sqrt(icc) * rng.standard_normal(sum(clusters))[unit] + np.sqrt(1 - icc) * rng.standard_normal(len(unit))
    first = unit < clusters[0]
    values = np.where(first, shift + ratio * values, values)
    return Pair(values[None], first[:, None].astype(float), Units(unit, crossed=False), False)


def crossed(rng, clusters, *, shift=0.0):
    """Clusters with two images in the first set and three in the second."""
    unit = np.repeat(np.arange(clusters), 5)
    first = np.tile([1, 1, 0, 0, 0], clusters)
    values = 1.5 * rng.standard_normal(clusters)[unit] + rng.standard_normal(len(unit)) + shift * first
    return Pair(values[None], first[:, None].astype(float), Units(unit, crossed=True), False)


def paired(rng, n, *, shift=0.0):
    values = rng.standard_normal(n) + 0.7 * rng.standard_normal((2, n))
    values[0] += shift
    return Pair(values.reshape(1, -1), member((n, n)), Units(np.tile(np.arange(n), 2), crossed=True), True)


def plan(seed, *, covariates=None, n_permutations=999, n_bootstraps=0):
    return Plan(n_permutations, n_bootstraps, np.random.default_rng(seed), covariates)


def p_values(draw, rng, names):
    """Test name -> p in each simulation."""
    found = {name: [] for name in names}
    for seed in range(SIMULATIONS):
        pair, covariates = draw(rng)
        one = judged(pair, plan(seed, covariates=None if covariates is None else [covariates]))
        for name in names:
            found[name].append(sets.tested([one], name)["p"].item())
    return found


def judge_p(draw, key, called, names, figures):
    found = p_values(draw, np.random.default_rng([210, *key]), names)
    coarse = {"kolmogorov_smirnov", "mann_whitney_u", "paired_delta", "wilcoxon_w"}
    every(partial(within_band, p, f"{name}_{called}", figures, discrete=name in coarse) for name, p in found.items())


@pytest.mark.parametrize("sizes", [(50, 50), (20, 80)])
def test_p_holds_its_level_where_sets_are_exchangeable(sizes):
    names = (*STUDENTISED, *EXCHANGEABLE, "mann_whitney_u")
    figures = {"n": list(sizes), "sd_ratio": 1.0, "null": "the sets are exchangeable"}
    judge_p(lambda rng: (independent(rng, sizes), None), sizes, f"n{sizes[0]}_{sizes[1]}", names, figures)


@pytest.mark.parametrize("sizes", [(50, 50), (20, 80), (80, 20)])
def test_p_of_means_and_sides_holds_its_level_where_spreads_differ(sizes):
    """Twice the spread in the first set; what tests of exchangeability find is kept beside it."""
    found = p_values(
        lambda rng: (independent(rng, sizes, ratio=2.0), None),
        np.random.default_rng([211, *sizes]),
        (*STUDENTISED, *EXCHANGEABLE, "mann_whitney_u"),
    )
    called = f"spread2_n{sizes[0]}_{sizes[1]}"
    figures = {"n": list(sizes), "sd_ratio": 2.0, "null": "the same mean and median, not the same spread"}
    for name in (*EXCHANGEABLE, "mann_whitney_u"):
        JUDGE.keep(f"{name}_{called}", figures | {"rejected": float(np.mean(np.array(found[name]) <= 0.05))})
    every(partial(within_band, found[name], f"{name}_{called}", figures) for name in STUDENTISED)


@pytest.mark.parametrize("clusters", [8, 15, 30, 60])
def test_p_holds_its_level_with_clusters(clusters):
    names = (*STUDENTISED, *EXCHANGEABLE)
    figures = {"clusters": [clusters] * 2, "images_in_a_cluster": 3, "icc": 0.3, "null": "the sets are exchangeable"}
    judge_p(lambda rng: (clustered(rng, (clusters,) * 2), None), [clusters], f"clusters{clusters}", names, figures)


@pytest.mark.parametrize("clusters", [(8, 8), (8, 24), (15, 30)])
def test_p_of_means_holds_its_level_with_clusters_where_spreads_differ(clusters):
    figures = {"clusters": list(clusters), "images_in_a_cluster": 3, "icc": 0.3, "sd_ratio": 2.0}
    draw = lambda rng: (clustered(rng, clusters, ratio=2.0), None)  # noqa: E731
    called = f"clusters{clusters[0]}_{clusters[1]}_spread2"
    judge_p(draw, clusters, called, STUDENTISED, figures | {"null": "the same mean"})


def test_p_holds_its_level_inside_clusters():
    figures = {"clusters": 15, "images": [30, 45], "null": "images of a cluster are exchangeable"}
    judge_p(lambda rng: (crossed(rng, 15), None), [15, 1], "crossed15", (*STUDENTISED, *EXCHANGEABLE), figures)


def test_p_holds_its_level_in_pairs():
    names = (*STUDENTISED, "paired_delta", "wilcoxon_w", *EXCHANGEABLE)
    figures = {"pairs": 20, "null": "versions of an original are exchangeable"}
    judge_p(lambda rng: (paired(rng, 20), None), [20, 2], "pairs20", names, figures)


def with_covariate(pair, rng, *, between=0.8):
    """Add what a covariate does to scores; it differs between sets and, if there are any, clusters."""
    z = (
        between * pair.member[:, 0]
        + rng.standard_normal(len(pair.member))
        + rng.standard_normal(pair.units.n)[pair.units.unit]
    )
    return pair._replace(values=pair.values + z), z[:, None]


@pytest.mark.parametrize("kind", ["images", "clusters8", "clusters15", "clusters30", "clusters60", "pairs"])
def test_p_at_equal_covariates_holds_its_level(kind):
    """A covariate with another mean in each set drives scores; spreads differ between sets of images."""
    made = {
        "images": lambda rng: independent(rng, (30, 60), ratio=1.5),
        "pairs": lambda rng: paired(rng, 30),
    } | {f"clusters{k}": partial(clustered, clusters=(k, k)) for k in (8, 15, 30, 60)}
    made = made[kind]
    figures = {"kind": kind, "null": "given the covariate, both sets have the same mean"}
    draw = lambda rng: with_covariate(made(rng), rng)  # noqa: E731
    judge_p(
        draw,
        [len(kind), 3, *(int(k) for k in (kind.removeprefix("clusters"),) if k.isdigit())],
        kind,
        ("adjusted_difference",),
        figures,
    )


def several(rng, sizes, *, ratio=1.0, images=1, paired=False):
    """Sets of units of some images each, `ratio` times the spread in the first set; or versions of originals."""
    label = np.repeat(np.arange(len(sizes)), np.multiply(sizes, images))
    unit = np.tile(np.arange(sizes[0]), len(sizes)) if paired else np.repeat(np.arange(sum(sizes)), images)
    values = rng.standard_normal(unit.max() + 1)[unit] + rng.standard_normal(len(unit))
    if images == 1 and not paired:
        values = rng.standard_normal(len(unit))
    values = np.where(label == 0, ratio, 1.0) * values
    tables = dict.fromkeys("abcd"[: len(sizes)])
    return Pool(tables, ["score"], label, values[None], unit, None, paired, [0] * len(sizes))


@pytest.mark.parametrize(
    ("called", "sizes", "options"),
    [
        ("n30_30_30", (30, 30, 30), {}),
        ("n15_30_60", (15, 30, 60), {}),
        ("spread2_n15_30_60", (15, 30, 60), {"ratio": 2.0}),
        *((f"clusters{k}", (k, k, k), {"images": 3}) for k in (8, 15, 30, 60)),
        ("originals20", (20, 20, 20), {"paired": True}),
    ],
)
def test_p_of_all_sets_at_once_holds_its_level(called, sizes, options):
    """Where spreads differ, means and mean ranks are alike: Welch's statistic is for that, the ranks are not."""
    rng, found = np.random.default_rng([216, len(called), *sizes]), {}
    for seed in range(SIMULATIONS):
        pooled = several(rng, sizes, **options)
        for name, one in any_differs(pooled, 999, np.random.default_rng(seed), crossed=pooled.paired).items():
            found.setdefault(name, []).append(one["p"].item())
    spread = options.get("ratio", 1.0)
    figures = {"units": list(sizes), "images_in_a_unit": options.get("images", 1), "sd_ratio": spread}
    figures["null"] = "all sets are exchangeable" if spread == 1 else "the same mean and median, not the same spread"
    judged_ = list(found) if spread == 1 else ["welch"]
    for name in sorted(set(found) - set(judged_)):
        JUDGE.keep(f"{name}_{called}", figures | {"rejected": float(np.mean(np.array(found[name]) <= 0.05))})
    coarse = {"kruskal_wallis", "friedman"}
    every(partial(within_band, found[name], f"{name}_{called}", figures, discrete=name in coarse) for name in judged_)


def test_corrected_p_holds_its_level_over_contrasts_and_scores():
    """Three sets of 20 images, two scores that go together (r = .7)."""
    rng, sizes = np.random.default_rng(217), [20, 20, 20]
    label = np.repeat([0, 1, 2], sizes)
    found = {(name, which): [] for name in STUDENTISED for which in ("p_corrected", "p_fdr")}
    for seed in range(SIMULATIONS):
        first = rng.standard_normal(60)
        values = np.stack([first, 0.7 * first + np.sqrt(0.51) * rng.standard_normal(60)])
        one = plan(seed)
        contrasts = []
        for i, j in ((0, 1), (0, 2), (1, 2)):
            inside = (label == i) | (label == j)
            units = Units(np.arange(inside.sum()), crossed=False)
            contrasts.append(
                judged(Pair(values[:, inside], (label[inside] == i)[:, None].astype(float), units, False), one)
            )
        for name in STUDENTISED:
            tests = sets.tested(contrasts, name)
            for which in ("p_corrected", "p_fdr"):
                found[name, which].append(float(tests[which].min()))
    figures = {"n": sizes, "contrasts": 3, "scores": 2, "null": "no set differs in any score"}
    # contrasts share sets, and labels are exchanged independently between them: both corrections stay below
    every(partial(within_band, p, f"{which}_{name}", figures, discrete=True) for (name, which), p in found.items())


@pytest.mark.parametrize(("sizes", "ratio"), [((50, 50), 1.0), ((20, 80), 2.0), ((80, 20), 2.0)])
def test_equivalence_holds_its_level_at_the_bound(sizes, ratio):
    rng, bound, p, found = np.random.default_rng([212, *sizes]), 1.2, [], []
    nothing = plan(0, n_permutations=0)
    for values, shift in ((p, bound), (found, 0.0)):
        for _ in range(SIMULATIONS):
            pair = independent(rng, sizes, ratio=ratio, shift=shift)
            values.append(equivalence([judged(pair, nothing)], [pair], {"score": bound})["equivalence_p"].item())
    figures = {"n": list(sizes), "sd_ratio": ratio, "bound": bound, "null": "the difference is the bound"}
    figures |= {"found_at_0": float(np.mean(np.array(found) <= 0.05))}
    within_band(p, f"equivalence_n{sizes[0]}_{sizes[1]}", figures)


@pytest.mark.parametrize("called", ["clusters8", "clusters15", "clusters30", "clusters60", "pairs40", "crossed15"])
def test_equivalence_of_units_holds_its_level_at_the_bound(called):
    kind, k = called.rstrip("0123456789"), int(called.lstrip("abcdefghijklmnopqrstuvwxyz"))
    made = {"clusters": lambda rng, d: clustered(rng, (k, k), shift=d), "pairs": lambda rng, d: paired(rng, k, shift=d)}
    made["crossed"] = lambda rng, d: crossed(rng, k, shift=d)
    # at the bound only one of the two tests has any power, so that p is that of one
    rng, bound, p, nothing = np.random.default_rng([219, len(kind), k]), 3.0, [], plan(0, n_permutations=0)
    for _ in range(SIMULATIONS):
        pair = made[kind](rng, bound)
        p.append(equivalence([judged(pair, nothing)], [pair], {"score": bound})["equivalence_p"].item())
    within_band(
        p, f"equivalence_{called}", {"kind": kind, "units": k, "bound": bound, "null": "the difference is the bound"}
    )


def skewed(rng, size):
    return rng.standard_exponential(size) - 1


def rates(rng, size):
    return np.round(40 * norm.cdf(0.7 + 0.8 * rng.standard_normal(size))) / 40


@pytest.mark.parametrize(
    ("called", "sizes", "options"),
    [
        ("normal_50_50", (50, 50), {}),
        ("normal_20_80", (20, 80), {"ratio": 2.0}),
        ("normal_80_20", (80, 20), {"ratio": 2.0}),
        ("rates_60_60", (60, 60), {"draw": rates, "shift": 0.1}),
        ("skewed_60_60", (60, 60), {"draw": skewed}),
        ("normal_20_20", (20, 20), {}),
        ("normal_100_100", (100, 100), {}),
    ],
)
def test_intervals_hold_the_truth(called, sizes, options):
    """Truth from very large sets; with 20 images in a set, and off the centre with fewer than 100, rates are kept."""
    options = {"shift": 0.5} | options
    big = independent(np.random.default_rng(1), (400_000, 400_000), **options)
    truth, rng = truths(big, sizes), np.random.default_rng([213, len(called), *sizes])
    covered = {name: [] for name in truth}
    for seed in range(SIMULATIONS):
        pair = independent(rng, sizes, **options)
        one = judged(pair, plan(seed, n_permutations=0, n_bootstraps=599))
        limits = {name: one.limits[name][:, 0] for name in truth if name in one.limits}
        limits |= {name: one.quantile_limits[:, 0, k] for k, name in enumerate(LEVELS)}
        for name, (low, high) in limits.items():
            covered[name].append(low <= truth[name] <= high)
    figures = {"n": list(sizes), "n_bootstraps": 599}
    # quantiles of tied scores jump from one value to the next, and their intervals with them
    reported = partial(JUDGE.reported, because="few images, or quantiles of tied scores")
    ties = set(LEVELS) if "rates" in called else set()
    few = OFF_CENTRE if min(sizes) < 100 else set()
    required = [name for name in covered if min(sizes) >= 50 and name not in few | ties]
    every(
        partial(
            JUDGE.covers if name in required else reported,
            inside,
            f"coverage_{name}_{called}",
            figures | {"truth": truth[name]},
        )
        for name, inside in covered.items()
    )


def truths(big, sizes):
    """What intervals should hold; the pooled spread is that of sets of these sizes."""
    first = big.member[:, 0] > 0
    a, b = big.values[0][first], big.values[0][~first]
    spread = np.sqrt(((sizes[0] - 1) * a.var() + (sizes[1] - 1) * b.var()) / (sum(sizes) - 2))
    ordered = np.sort(b)
    delta = np.mean(np.searchsorted(ordered, a, "left") + np.searchsorted(ordered, a, "right")) / len(b) - 1
    return {
        "mean_difference": float(a.mean() - b.mean()),
        "hedges_g": float((a.mean() - b.mean()) / spread),
        "cliffs_delta": float(delta),
    } | dict(zip(LEVELS, (np.quantile(a, QUANTILES) - np.quantile(b, QUANTILES)).tolist(), strict=True))


#: Cliff's delta of normal values half a unit apart, whose standard deviation is 1 in clusters and √3.25 across them.
G = {"clusters": 0.5, "crossed": 0.5 / np.sqrt(3.25)}
DELTA = {"clusters": 2 * norm.cdf(0.5 / np.sqrt(2)) - 1, "crossed": 2 * norm.cdf(0.5 / np.sqrt(6.5)) - 1}


@pytest.mark.parametrize(("kind", "n"), [("clusters", k) for k in (8, 15, 30, 60)] + [("pairs", 100), ("crossed", 30)])
def test_intervals_of_units_hold_the_truth(kind, n):
    made = {
        "clusters": lambda rng: clustered(rng, (n, n), shift=0.5),
        "pairs": lambda rng: paired(rng, n, shift=0.5),
        "crossed": lambda rng: crossed(rng, n, shift=0.5),
    }[kind]
    rng = np.random.default_rng([214, len(kind), n])
    sides = 2 * norm.cdf(0.5 / (0.7 * np.sqrt(2))) - 1
    others = {"cliffs_delta": DELTA.get(kind), "hedges_g": G.get(kind), "median_difference": 0.5}
    if kind == "pairs":
        others = {"d_z": 0.5 / (0.7 * np.sqrt(2)), "paired_delta": sides}
    truth = {"mean_difference": 0.5, "adjusted_difference": 0.5} | others
    covered = {name: [] for name in truth}
    for seed in range(SIMULATIONS):
        pair, z = with_covariate(made(rng), rng, between=0.0)
        one = judged(pair, plan(seed, covariates=[z], n_permutations=0, n_bootstraps=599))
        plain = judged(made(rng), plan(seed, n_permutations=0, n_bootstraps=599))
        for name, inside in covered.items():
            of = one if name == "adjusted_difference" else plain
            low, high = of.quantile_limits[:, 0, 2] if name == "median_difference" else of.limits[name][:, 0]
            inside.append(low <= truth[name] <= high)
    figures = {"kind": kind, "units": n, "n_bootstraps": 599}
    # errors of regressions by clusters are for many of them, and so are samples of clusters
    reported = {"adjusted_difference", "median_difference", "hedges_g"} if kind in DELTA and n < 40 else set()
    every(
        partial(JUDGE.reported if name in reported else JUDGE.covers, one, f"coverage_{name}_{kind}{n}", figures)
        for name, one in covered.items()
    )


@pytest.mark.parametrize(("called", "n", "clusters"), [("images20", 20, 0), ("images60", 60, 0), ("clusters40", 40, 3)])
def test_intervals_of_means_of_sets_hold_the_truth(called, n, clusters):
    """Rates of images by themselves, and normal values in clusters of three."""
    rng, inside = np.random.default_rng([218, n]), []
    truth = 0.0 if clusters else float(rates(np.random.default_rng(1), 1_000_000).mean())
    unit = np.repeat(np.arange(n), clusters or 1)
    for _ in range(SIMULATIONS):
        normal = 0.5 * rng.standard_normal(n)[unit] + rng.standard_normal(len(unit))
        values = normal if clusters else rates(rng, n)
        low, high = limits_of_mean(values[None], Units(unit, crossed=False))
        inside.append(low[0] <= truth <= high[0])
    judge = JUDGE.covers if n >= 40 else JUDGE.reported
    judge(inside, f"coverage_set_mean_{called}", {"units": n, "images_in_a_unit": clusters or 1, "truth": truth})


def test_power_is_kept():
    """How often a difference of d standard deviations is found, by images in each set, and by clusters."""
    power, rng, n_simulations = {}, np.random.default_rng(215), max(SIMULATIONS // 2, 1)
    made = {f"images{n}": partial(independent, sizes=(n, n)) for n in (20, 50, 100, 200)}
    made |= {f"clusters{k}": partial(clustered, clusters=(k, k), size=5) for k in (8, 15, 30)}
    for name, draw in made.items():
        for d in (0.2, 0.5, 0.8):
            ones = [judged(draw(rng, shift=d), plan(0, n_permutations=199)) for _ in range(n_simulations)]
            power[f"{name}_d{int(10 * d)}"] = {
                test: float(np.mean([sets.tested([one], test)["p"].item() <= 0.05 for one in ones]))
                for test in (*STUDENTISED, *EXCHANGEABLE)
            }
    JUDGE.keep("power", {"power": power, "n_simulations": n_simulations, "clusters_of": 5, "icc": 0.3})
    assert power["images100_d8"]["mean_difference"] > power["images20_d8"]["mean_difference"] - 0.2
