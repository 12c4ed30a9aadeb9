"""The two summaries of recorded calibrations in docs/validation.md: what held, and what did not.

Every rate that tests/calibration recorded is in exactly one of them, and tests/test_calibrated.py sees to that.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

#: Which share of intervals must hold the truth, where that is required.
WHOLE = (0.93, 0.97)
#: What was simulated -> how names of its results begin; the first that fits counts.
FAMILIES = {
    "**RSA** ({py:mod}`memfeat.rsa`): every method; over images, participants and both; several layers, contrasts, "
    "clusters of time, covariates, groups, several models": ("rsa_",),
    "**Decoding** ({py:func}`memfeat.regression.decode`): ridge, partial least squares, principal components, sparse "
    "regressions, pipelines; weights, repeats, fixed splits, covariates, groups, categories, several sets of features, "
    "layers and scores; relative to reliability; contrasts of layers and models": (
        "decoding_", "regression_", "contrast_",
    ),
    "**Single units** ({py:func}`memfeat.regression.unitwise`): alone, corrected, by false discoveries, in groups": (
        "unitwise_",
    ),
    "**Shares** of several sets of features ({py:func}`memfeat.regression.partition`)": ("partition_",),
    "**Components** ({py:func}`memfeat.reduction.relate`, {py:func}`memfeat.reduction.scree`): their relation with "
    "scores, and how many are found in noise": ("reduction_",),
    "**Profiles** of a measure ({py:func}`memfeat.measures.profile`): one layer and all, groups, covariates, relative "
    "to reliability; contrasts": ("profile_",),
    "**Predictors judged** ({py:mod}`memfeat.evaluation`): agreement, errors, calibration, cut-offs, relative to "
    "reliability; two compared": ("evaluation_",),
    "**Drift** between two networks ({py:func}`memfeat.drift.compare`)": ("drift_",),
    "**Scores** ({py:mod}`memfeat.scores`): rates, accuracy, d′ and criterion of single images, reliability by halves, "
    "mixed model": ("scores_", "reliability_", "mixed_model_"),
    "**Sets in feature space** ({py:func}`memfeat.sets.compare_features`): five statistics; images, clusters, pairs; "
    "several layers and contrasts": ("sets_features_",),
    "**Sets** ({py:func}`memfeat.sets.compare`): equal and unequal numbers and spreads, 8 to 60 clusters, pairs, "
    "covariates, equivalence; several sets and scores": ("sets_",),
}  # fmt: skip
#: Columns of the first table: kinds of rates, as `rates` tells them.
COLUMNS = {
    "test": "false alarms of tests",
    "cautious": "false alarms of tests that may be cautious",
    "interval": "intervals that held the truth",
    "few": "the same, where nothing is required",
}


class Rate(NamedTuple):
    """One recorded share of simulations; `kind` is a column of the first table, or "shown": it is no claim."""

    result: str
    key: str
    kind: str
    value: float


class Departure(NamedTuple):
    """What does not come out as it should: in which rates (beginnings of result and key), and what helps."""

    what: str
    rates: tuple[tuple[str, str], ...]
    wanted: str
    advice: str


#: Quantile -> the sets for which nothing is required of its intervals.
FEW = {
    "median": ("normal_20", "normal_80", "rates", "crossed30"),
    "quartile": ("normal_20", "normal_50", "normal_80", "rates", "skewed"),
}


def quantiles(**sets: str) -> tuple[tuple[str, str], ...]:
    """Name results of differences of quantiles; each has the sets of a key of FEW."""
    return tuple((f"sets_coverage_{name}_difference_{how}", "") for name, key in sets.items() for how in FEW[key])


ALARMS, HELD = "5 % false alarms", "95 % held"
#: A rate belongs to the first that names it.
DEPARTURES = (
    Departure(
        "A covariate that drives both features and scores is not named",
        (("rsa_p_covariate_ignored", ""), ("decoding_", "without_covariates")),
        ALARMS,
        "{py:func}`memfeat.rsa.adjusted`, or `covariates=`",
    ),
    Departure(
        "Images come in groups that differ in features and in scores, and groups are not named: tests",
        (("rsa_p_groups_ignored", ""), ("regression_groups", "free"), ("unitwise_groups", "free")),
        ALARMS,
        "`groups=` or `blocks=`, with `permute=`",
    ),
    Departure(
        "The same, an interval of a predictor's bias",
        (("evaluation_coverage_groups", "free"),),
        HELD,
        '`blocks=` with `permute="whole"`',
    ),
    Departure(
        "Partial *rank* correlation of a profile, given a covariate that drives both, 800 and 2,000 images",
        (("profile_p_covariate_spearman_", ""),),
        ALARMS,
        '`method="normal_scores"`',
    ),
    Departure(
        "Does one of two layers predict better? Both were made alike, and fitted to 100 images",
        (("contrast_decoding_ridge", ""),),
        ALARMS,
        "contrasts hold fitted predictions fixed: look whether the difference comes back in another set",
    ),
    Departure(
        "Sets of equal mean and median, but unequal spread: Mann–Whitney, Kruskal–Wallis",
        (("sets_mann_whitney_u_spread2", ""), ("sets_kruskal_wallis_spread2", "")),
        ALARMS,
        "ask for `mean_difference` or `cliffs_delta`, which spread does not disturb",
    ),
    Departure(
        "The same: Kolmogorov–Smirnov, Wasserstein, which are made to find any difference",
        (("sets_kolmogorov_smirnov_spread2", ""), ("sets_wasserstein_spread2", "")),
        ALARMS,
        "as above",
    ),
    Departure(
        "p of the mean squared error (`mse_p`) of decoding given covariates",
        (("decoding_pcr_covariate", "mse"), ("decoding_ridge_covariate", "mse")),
        ALARMS,
        "it is too cautious: take that of `estimate` or `r2`",
    ),
    Departure(
        "Pearson correlation with a skewed measure, 100 images",
        (("profile_coverage_skewed_pearson_4", ""), ("profile_coverage_skewed_pearson_10", "")),
        HELD,
        "ranks (the default), normal scores or logarithms; `SkewedWarning` says so",
    ),
    Departure(
        "Accelerated intervals of RSA (BCa)",
        (("rsa_coverage_bca", ""), ("rsa_coverage_participants_bca", "")),
        HELD,
        "the default, expanded percentiles",
    ),
    Departure(
        "Decoding, taken for the layer itself rather than for these fitted predictions",
        (("decoding_ridge_coverage_folds", ""),),
        HELD,
        "read it as an interval of these predictions",
    ),
    Departure(
        "The same, for the change in decodability between two networks",
        (("drift_refitted", ""),),
        HELD,
        "as above",
    ),
    Departure(
        "Drift (CKA, RDMs) where variance is spread evenly over many units",
        (("drift_coverage_cka_even", ""), ("drift_coverage_rdm_correlation_spearman_even", "")),
        HELD,
        "it is wider than it need be",
    ),
    Departure(
        "*H* − *F*, accuracy, d′ and criterion where the same people answer to target and foil",
        tuple(("scores_coverage_paired", key) for key in ("corrected_recognition", "accuracy", "d_prime", "criterion")),
        HELD,
        "[by how much](scores.md#intervals) depends on how their answers go together",
    ),
    Departure(
        "Difference of deciles of two sets, fewer than 100 images in one, or many equal scores",
        quantiles(decile="quartile", decile9="quartile"),
        HELD,
        "do not lean on them",
    ),
    Departure(
        "The same, medians and quartiles",
        quantiles(median="median", quartile="quartile", quartile3="quartile"),
        HELD,
        "they are rather too wide",
    ),
    Departure(
        "Cliff's δ with 20 images in the first set",
        (("sets_coverage_cliffs_delta_normal_20", ""),),
        HELD,
        "it is a little too wide",
    ),
    Departure(
        "The 95 % quantile of a predictor's errors, 40 images",
        (("evaluation_coverage", "n=40, error_q95"),),
        HELD,
        "there is no interval: one limit is missing",
    ),
    Departure(
        "Other figures of a predictor, and decoding, with 40 images",
        (("evaluation_coverage", "n=40,"), ("regression_coverage", "n=40,")),
        HELD,
        "take 100 images or more",
    ),
)


def rates(name: str, figures: Mapping[str, Any]) -> Iterator[Rate]:
    """Give every share of rejected tests and of intervals that held the truth in a result."""
    low = (figures.get("accepted") or figures.get("accepted_whole") or [None])[0]
    kind = "shown" if low is None else "test" if low > 0 else "cautious"
    for field in ("rejected", "share_below_05", "other_metrics", "false_discovery_rate"):
        for key, value in keyed(figures.get(field)):
            yield Rate(name, key, "shown" if key == "free" else kind, value)
    for field in ("free", "without_covariates"):
        for _, value in keyed(figures.get(field)):
            yield Rate(name, field, "shown", value)
    few = isinstance(figures.get("required"), str)
    for field in ("covered", "coverage", "zou_coverage"):
        for key, value in keyed(figures.get(field)):
            yield Rate(
                name, key, "shown" if key == "free" else "few" if few or key.startswith("n=40,") else "interval", value
            )


def keyed(value: Any) -> Iterator[tuple[str, float]]:
    """Give one figure, or a table of figures, with keys."""
    if isinstance(value, Mapping):
        yield from value.items()
    elif value is not None:
        yield "", value


def departure(rate: Rate) -> Departure | None:
    """Find the departure that a rate belongs to."""
    for one in DEPARTURES:
        if any(rate.result.startswith(name) and rate.key.startswith(key) for name, key in one.rates):
            return one
    return None


def family(name: str) -> str | None:
    """Find what a result is of."""
    return next((what for what, heads in FAMILIES.items() if name.startswith(heads)), None)


def held(every: list[Rate]) -> list[list[str]]:
    """Give the rows of the first table: what was simulated, and the range of each kind of rate."""
    rows = []
    for what in FAMILIES:
        own = [rate for rate in every if family(rate.result) == what and departure(rate) is None]
        rows.append([what, *(span([rate.value for rate in own if rate.kind == kind], count=True) for kind in COLUMNS)])
    return rows


def did_not(every: list[Rate]) -> list[list[str]]:
    """Give the rows of the second table: what does not hold, what is wanted, what was found, what helps."""
    return [
        [one.what, one.wanted, span([rate.value for rate in every if departure(rate) is one]), one.advice]
        for one in DEPARTURES
    ]


def span(values: list[float], *, count: bool = False) -> str:
    """Write the least and the largest of some shares in per cent, and how many there are."""
    if not values:
        return ""
    ends = dict.fromkeys(f"{100 * end:.1f}" for end in (min(values), max(values)))
    return f"{'–'.join(ends)}\N{NO-BREAK SPACE}%" + (f" ({len(values)})" if count else "")
