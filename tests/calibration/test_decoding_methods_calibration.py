"""Are the p-values of decoding what they say whatever predicts, and however images are dealt, weighted and exchanged?

Each test simulates its null hypothesis with features and scores of its own. Where every permutation is fitted by
itself there are few images and few permutations, so many that .05 is a level that can be attained.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest
from decoded import hit_rates, layer, layers, per_image
from judging import SIMULATIONS, Judge, every
from sklearn import config_context
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sources import regression_of

from memfeat import regression

pytestmark = pytest.mark.timeout(0)
#: Tests of p-values in this file; their family-wise level is 1 %.
TESTS = 20
JUDGE = Judge("decoding_", regression_of)
within_band = partial(JUDGE.within_band, tests=TESTS)
METRICS = {"spearman": "p", "pearson": "pearson_p", "r2": "r2_p", "mse": "mse_p"}


def decoded(features, scores, seed, **options):
    options = {"n_permutations": 999, "n_bootstraps": 0, "rng": seed, "progress": False} | options
    return regression.decode(features, per_image(scores), **options)


def others(p):
    """Rates of the metrics that are not judged."""
    return {metric: float((values <= 0.05).mean()) for metric, values in p.items() if metric != "spearman"}


# --- estimators, weights, sets and folds -----------------------------------------------------------------------------


class Case(NamedTuple):
    """A null hypothesis, and how it is tested."""

    null: str
    draw: Callable[[np.random.Generator], tuple[Any, Any, dict[str, Any]]]
    """Source → features, scores, and options that are drawn too."""
    options: dict[str, Any]
    smaller: Mapping[str, Any] = {}


def unrelated(rng, n, p):
    return layers(rng.standard_normal((n, p))), rng.standard_normal(n), {}


def skewed(rng, n, p):
    return layers(rng.standard_exponential((n, p)) ** 2), hit_rates(rng, n), {}


def counted(rng):
    """Scores of images with few responses vary more, and these are the weights."""
    responses = rng.integers(5, 60, 40)
    scores = rng.standard_normal(40) / np.sqrt(responses / 30)
    return layers(rng.standard_normal((40, 5))), scores, {"weights": per_image(responses)}


def parted(rng, n):
    """The third of the images that is held out has other features than those that are fitted to."""
    test = np.arange(n) >= 2 * n // 3
    features = rng.standard_normal((n, 4)) + 0.7 * test[:, None]
    return layers(features), rng.standard_normal(n), {"folds": per_image(np.where(test, "b", "a")), "held_out": "b"}


def sparse(rng, n):
    """Fits of either kind cost much, and permute alike."""
    features, scores, options = parted(rng, n)
    return features, scores, options | {"estimator": rng.choice(["lasso", "elastic_net"])}


def sets(rng, n):
    """Two sets that have something in common."""
    common = rng.standard_normal((n, 4))
    features = {"few": common + rng.standard_normal((n, 4)), "many": np.tile(common, 3) + rng.standard_normal((n, 12))}
    return {name: layer(x, name) for name, x in features.items()}, rng.standard_normal(n), {}


def grouped(rng, *, size, n_groups):
    """Features and scores vary between groups."""
    group, n = np.repeat(np.arange(n_groups), size), size * n_groups
    features = 1.5 * rng.standard_normal((n_groups, 6))[group] + rng.standard_normal((n, 6))
    scores = 1.5 * rng.standard_normal(n_groups)[group] + rng.standard_normal(n)
    return layers(features), scores, {"blocks": per_image(group)}


def categories(rng):
    """Features and scores differ between categories, and have nothing in common inside them."""
    group, n = np.repeat([0, 1, 2], [10, 15, 20]), 45
    features = group[:, None] + rng.standard_normal((n, 6))
    return layers(features), group + rng.standard_normal(n), {"blocks": per_image(group)}


#: What is made smaller where it costs most and the level does not depend on it: penalties (30) and mixes (3) that are
#: tried in inner folds (5), and shares of the bands (100).
SPARSE = {"refitting.PENALTIES": np.logspace(0, -1, 3), "refitting.MIXES": (0.5,), "dealing.INNER": 2}
BANDED = {"combining.CANDIDATES": 4}
PIPELINE = make_pipeline(StandardScaler(), LinearRegression())
NOTHING = "scores are unrelated to features"
CASES = {
    "pls": Case(NOTHING, partial(unrelated, n=40, p=4), {"estimator": "pls", "folds": 3}),
    "pcr_unit": Case(NOTHING, partial(skewed, n=40, p=8), {"estimator": "pcr", "folds": 3, "scale": "unit"}),
    "lasso_or_elastic_net": Case(NOTHING, partial(sparse, n=30), {"n_permutations": 19}, SPARSE),
    "pipeline": Case(NOTHING, partial(parted, n=40), {"estimator": PIPELINE, "n_permutations": 19}),
    "ridge_layer_repeats": Case(NOTHING, partial(skewed, n=40, p=8), {"folds": 3, "repeats": 2, "scale": "layer"}),
    "ridge_weights": Case(
        "scores, with their weights, are unrelated to features", counted, {"folds": 2, "n_permutations": 19}
    ),
    "ridge_held_out": Case(NOTHING, partial(parted, n=60), {}),
    "ridge_sets_concatenate": Case(NOTHING, partial(sets, n=40), {"combine": "concatenate", "folds": 3}),
    "ridge_sets_stack": Case(NOTHING, partial(sets, n=40), {"combine": "stack", "folds": 2, "n_permutations": 199}),
    "ridge_sets_banded": Case(
        NOTHING, partial(sets, n=24), {"combine": "banded", "folds": 2, "n_permutations": 99}, BANDED
    ),
    "pcr_whole_groups": Case(
        "groups have nothing in common with features",
        partial(grouped, size=4, n_groups=12),
        {"estimator": "pcr", "folds": 3, "permute": "whole"},
    ),
    "ridge_within_categories": Case(
        "inside their category scores are unrelated to features", categories, {"folds": 3, "permute": "within"}
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_p_holds_its_level(name, monkeypatch):
    """Spearman's is judged; those of the other metrics come from the same fits, and are told."""
    case, rng = CASES[name], np.random.default_rng([70, list(CASES).index(name)])
    for what, value in case.smaller.items():
        monkeypatch.setattr(f"memfeat.regression.{what}", value)
    p = {metric: np.empty(SIMULATIONS) for metric in METRICS}
    for seed in range(SIMULATIONS):
        features, scores, drawn = case.draw(rng)
        with config_context(assume_finite=True, skip_parameter_validation=True):
            found = decoded(features, scores, seed, **case.options, **drawn)
        for metric, variable in METRICS.items():
            p[metric][seed] = found[variable].item()
    figures = {"null": case.null, "n_images": len(scores), "n_permutations": found.attrs["n_permutations"]}
    figures |= {"smaller": {what: np.size(value) if np.ndim(value) else value for what, value in case.smaller.items()}}
    within_band(p["spearman"], name, figures | {"other_metrics": others(p)})


# --- metrics, several layers and scores ------------------------------------------------------------------------------


def test_two_sided_p_of_every_metric_holds_its_level():
    """R² and squared error, which have one side, are tested for being better; with one score both say the same."""
    rng, p = np.random.default_rng(71), {metric: np.empty(SIMULATIONS) for metric in METRICS}
    for seed in range(SIMULATIONS):
        features, scores, _ = skewed(rng, 40, 8)
        found = decoded(features, scores, seed, alternative="two-sided", folds=3)
        for metric, variable in METRICS.items():
            p[metric][seed] = found[variable].item()
    assert (p["mse"] == p["r2"]).all()
    figures = {"n_images": 40, "null": NOTHING}
    judged = ("spearman", "pearson", "r2")
    every(partial(within_band, p[metric], f"ridge_two_sided_{metric}", figures) for metric in judged)


def test_corrections_hold_over_layers_and_scores_together():
    """Three layers that are much alike, and two scores. P-values of layers depend on each other positively."""
    rng, lowest = np.random.default_rng(72), {"p_corrected": [], "p_fdr": []}
    for seed in range(SIMULATIONS):
        common, shared = rng.standard_normal((40, 10)), rng.standard_normal(40)
        features = layers(*(3 * common + rng.standard_normal((40, 10)) for _ in range(3)))
        scores = {name: per_image(shared + rng.standard_normal(40)) for name in ("hit_rate", "false_alarms")}
        options = {"n_permutations": 999, "n_bootstraps": 0, "folds": 2, "rng": seed}
        found = regression.decode(features, features.coords.to_dataset().assign(scores), **options)
        for name, values in lowest.items():
            values.append(float(found[name].min()))
    figures = {"n_images": 40, "layers": 3, "scores": 2, "null": NOTHING}
    every(
        partial(within_band, values, f"ridge_{name}_of_layers_and_scores", figures, discrete=name == "p_fdr")
        for name, values in lowest.items()
    )


# --- covariates ------------------------------------------------------------------------------------------------------


def one_number(rng, n):
    """One number drives features and scores."""
    number = rng.standard_normal(n)
    features = rng.standard_normal(6) * number[:, None] + rng.standard_normal((n, 6))
    return features, 0.7 * number + rng.standard_normal(n), per_image(number)


def numbers_and_categories(rng, n):
    """Four categories, their number of images left to chance, and two skewed numbers; noise is skewed too."""
    dummies = np.eye(4)[rng.permutation(np.arange(n) % 4)][:, 1:]
    known = np.column_stack([dummies, rng.standard_exponential((n, 2))])
    features = known @ rng.standard_normal((5, 6)) + rng.standard_exponential((n, 6))
    scores = known @ np.array([1.5, -1.5, 0.8, 0.8, 0.8]) + rng.standard_exponential(n)
    table = per_image(scores).coords.to_dataset()
    return features, scores, table.assign({f"known{k}": ("image", column) for k, column in enumerate(known.T)})


@pytest.mark.parametrize(
    ("estimator", "confounded"), [("ridge", one_number), ("ridge", numbers_and_categories), ("pcr", one_number)]
)
def test_p_holds_its_level_where_a_covariate_drives_features_and_scores(estimator, confounded):
    """Without the covariate, which is tried in every fifth simulation, it does not."""
    rng, n = np.random.default_rng(73), 48
    p, ignored = {metric: np.empty(SIMULATIONS) for metric in METRICS}, []
    for seed in range(SIMULATIONS):
        features, scores, covariates = confounded(rng, n)
        options = {"estimator": estimator, "folds": 3}
        found = decoded(layers(features), scores, seed, covariates=covariates, **options)
        for metric, variable in METRICS.items():
            p[metric][seed] = found[variable].item()
        if seed % 5 == 0:
            ignored.append(decoded(layers(features), scores, seed, **options)["p"].item())
    rate = float((np.array(ignored) <= 0.05).mean())
    figures = {"n_images": n, "null": f"given the covariates, scores are unrelated to features. {confounded.__doc__}"}
    figures |= {"other_metrics": others(p), "without_covariates": rate}
    within_band(p["spearman"], f"{estimator}_covariate_{confounded.__name__}", figures)
    assert rate > 0.3
