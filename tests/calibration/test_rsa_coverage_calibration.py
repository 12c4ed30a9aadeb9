"""The rest of what RSA promises: intervals of every method and function, and tests that are not in the other files.

Truths are means over large samples of the same kind, or from a million pairs of images; their standard error is below a
tenth of an estimate's.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest
import simulated
import xarray as xr
from judging import SIMULATIONS
from scipy.spatial.distance import pdist
from scipy.stats import pearsonr, zscore
from simulated import covers, dataset, labelled, measured

from memfeat import rdm, rsa

pytestmark = pytest.mark.timeout(0)
#: Tests of p-values in this file; their family-wise level is 1 %.
TESTS = 10
within_band = partial(simulated.within_band, tests=TESTS)
#: Images and samples of the truth.
LARGE, REPEATS = 1_000, 20
QUICK: dict[str, Any] = {"n_permutations": 0, "progress": False}


def distances(values):
    return pdist(values, "sqeuclidean")


# --- intervals -------------------------------------------------------------------------------------------------------


class Case(NamedTuple):
    """What is simulated, and which intervals are looked at."""

    draw: Callable[[np.random.Generator, int], Any]
    """Data of that many images."""
    ask: Callable[..., xr.Dataset]
    """(data, n_bootstraps=, rng=) → result."""
    values: tuple[tuple[str, str, int | None], ...] = (("estimate", "", 0),)
    """Value, what stands before ci_low and ci_high, and which of several."""
    n: int = 100
    n_bootstraps: int = 399
    large: int = LARGE
    repeats: int = REPEATS
    """Images (participants) of the truth, and how often it is taken."""
    required: bool = True
    simulations: int = SIMULATIONS


def related(rng, n):
    """A layer, a reference and a control that share features."""
    shared, common = rng.normal(size=(2, n, 4))
    spaces = [np.concatenate([shared * on, common], axis=1) + rng.normal(size=(n, 8)) for on in (1, 1, 0)]
    return [dataset(distances(space)[None]) for space in spaces]


def unequal(rng, n):
    """Two layers that agree with a reference to a different degree."""
    reference, one, other = rng.normal(size=(3, n, 8))
    layers = [distances(reference + one), distances(reference + 1.5 * other)]
    return dataset(np.array(layers)), dataset(distances(reference)[None])


def explaining(rng, n):
    """Features of two models that share some with each other, and with a reference, which comes last."""
    one, other, both = rng.normal(size=(3, n, 4))
    models = [np.concatenate([one, both], axis=1), np.concatenate([other, both], axis=1)]
    return [*models, np.concatenate([1.2 * one, other, both, rng.normal(size=(n, 2))], axis=1)]


def explained(rng, n):
    """RDMs of these."""
    *models, reference = explaining(rng, n)
    return dataset(np.array([distances(model) for model in models])), dataset(distances(reference)[None])


def grouped(rng, n):
    """Groups of three images that share features."""
    groups = np.repeat(np.arange(n // 3), 3)
    shared, common = (np.repeat(rng.normal(size=(n // 3, 4)), 3, axis=0) for _ in range(2))
    spaces = [np.concatenate([shared, common], axis=1) + rng.normal(size=(len(groups), 8)) for _ in range(2)]
    return [*(dataset(distances(space)[None]) for space in spaces), labelled(groups, "group")]


def crowd(rng, n, participants=5):
    shared = rng.normal(size=(n, 6))
    refs = dataset(measured(rng, shared, participants), participants=True)
    return dataset(distances(shared[:, :3])[None]), refs


def scored(rng, n):
    """Model RDMs of scores and of their halves."""
    true = rng.normal(size=n)
    vectors = [pdist((true + 0.6 * rng.normal(size=n))[:, None]) for _ in range(2)]
    return dataset(pdist(true[:, None])[None]), dataset(np.array(vectors), dims=("half", "pair"))


def people(rng, n):
    """Participants who saw the same 40 images; here n counts participants."""
    shared = np.random.default_rng(7).normal(size=(40, 6))
    return dataset(distances(shared)[None]), dataset(measured(rng, shared, n), participants=True)


def compared(data, *, n_bootstraps, rng, **options):
    return rsa.compare(data[0], data[1], n_bootstraps=n_bootstraps, rng=rng, **(QUICK | options))


def compared_in_groups(data, *, n_bootstraps, rng):
    scheme = {"blocks": data[2], "permute": "whole"}
    return compared(data, n_bootstraps=n_bootstraps, rng=rng, method="pearson", **scheme)


def compared_across(data, *, n_bootstraps, rng, interval):
    kind = interval if n_bootstraps else "t"
    return compared(data, n_bootstraps=n_bootstraps, rng=rng, method="pearson", resample="rdms", interval=kind)


def bounded(data, *, n_bootstraps, rng):
    options = {"method": "pearson", "n_bootstraps": n_bootstraps, "rng": rng}
    return rsa.compare(data[0], data[0], reliability=data[1], **QUICK, **options)


def contrasted(data, *, n_bootstraps, rng):
    return rsa.contrast(*data, method="pearson", n_bootstraps=max(2, n_bootstraps), rng=rng)


def partialled(data, *, n_bootstraps, rng, method):
    return rsa.partial(*data, method=method, n_bootstraps=n_bootstraps, rng=rng)


def partitioned(data, *, n_bootstraps, rng, method):
    return rsa.partition(*data, method=method, interval=n_bootstraps > 0)


BOUNDS = (("noise_lower", "noise_lower_", None), ("noise_upper", "noise_upper_", None))
SHARES = (("estimate", "", 0), ("estimate", "", 2), ("r2", "r2_", 2))
CASES = {
    **{method: Case(related, partial(compared, method=method)) for method in ("rho-a", "cosine")},
    **{
        f"whitened_{kind}": Case(related, partial(compared, method=f"whitened_{kind}"))
        for kind in ("pearson", "cosine")
    },
    # computed anew in each sample, and slow: measured with few images, where a coverage is not required
    "kendall": Case(related, partial(compared, method="kendall"), n=40, n_bootstraps=299, required=False),
    "whole_groups": Case(grouped, compared_in_groups, n=180),
    "participants_percentile": Case(
        people, partial(compared_across, interval="percentile"), n=20, large=60, repeats=60
    ),
    "participants_bca": Case(
        people, partial(compared_across, interval="bca"), n=20, large=60, repeats=60, required=False
    ),
    "contrast": Case(unequal, contrasted),
    # the standard error comes from bootstrap samples, which spread too much for whitened methods
    "both_whitened_cosine": Case(
        crowd,
        partial(compared, method="whitened_cosine", resample="both", noise_interval=False),
        n_bootstraps=99,
        required=False,
        simulations=200,
    ),
    "noise_bounds": Case(crowd, partial(compared, method="pearson"), BOUNDS),
    "noise_from_halves": Case(scored, bounded, BOUNDS[1:]),
    "partial_spearman": Case(related, partial(partialled, method="spearman")),
    "partition": Case(explained, partial(partitioned, method="pearson"), SHARES),
}


def taken(result, name, place):
    values = result[name].values
    return float(values if place is None else values.reshape(-1)[place])


@pytest.mark.parametrize("name", CASES)
def test_an_interval_covers_the_value_of_very_many(name):
    case = CASES[name]
    many, rng = np.random.default_rng(1), np.random.default_rng(60)
    large = [case.ask(case.draw(many, case.large), n_bootstraps=0, rng=0) for _ in range(case.repeats)]
    truths = [np.mean([taken(one, value, place) for one in large]) for value, _, place in case.values]
    covered = np.empty((min(SIMULATIONS, case.simulations), len(truths)))
    for row in covered:
        got = case.ask(case.draw(rng, case.n), n_bootstraps=case.n_bootstraps, rng=rng)
        for k, (truth, (_, before, place)) in enumerate(zip(truths, case.values, strict=True)):
            low, high = (taken(got, f"{before}{end}", place) for end in ("ci_low", "ci_high"))
            row[k] = low <= truth <= high
    figures = {"n": case.n, "n_bootstraps": case.n_bootstraps, "large": case.large, "simulations": len(covered)}
    failed = []
    for k, (value, _, place) in enumerate(case.values):
        which = "" if len(case.values) == 1 else f"_{value}" if place is None else f"_{value}_{place}"
        judge = covers if case.required else partial(simulated.reported, because="few images or not the default")
        try:
            judge(covered[:, k], f"coverage_{name}{which}", figures | {"truth": float(truths[k])})
        except AssertionError as error:
            failed.append(str(error))
    assert not failed, failed


def test_intervals_of_weighted_models_cover_what_their_weights_reach_in_very_many_images():
    """Weights are held fixed, so that each simulation has a truth of its own."""
    rng, many, n = np.random.default_rng(61), np.random.default_rng(2), 200
    ends = zip(explaining(many, 1_000_000), explaining(many, 1_000_000), strict=True)
    *big, target = (np.square(a - b).sum(axis=1) for a, b in ends)
    alone = np.array([pearsonr(model, target).statistic for model in big])
    big, covered = np.array(big), np.empty((SIMULATIONS, 2))
    for row in covered:
        got = rsa.weighted(*explained(rng, n), folds=2, rng=rng)
        reached = np.mean([pearsonr(weights @ big, target).statistic for weights in got.weight.values])
        for k, (truth, before, place) in enumerate(((reached, "", 0), (reached - alone[0], "gain_", 1))):
            row[k] = got[f"{before}ci_low"][place] <= truth <= got[f"{before}ci_high"][place]
    for k, name in enumerate(("estimate", "gain")):
        covers(covered[:, k], f"coverage_weighted_{name}", {"n_images": n, "folds": 2})


# --- tests -----------------------------------------------------------------------------------------------------------


def exact(rng):
    """All 120 rearrangements of five images."""
    one, other = (dataset(distances(rng.normal(size=(5, 4)))[None]) for _ in range(2))
    return rsa.compare(one, other, n_permutations=999, n_bootstraps=0, rng=rng).p[0]


def within(rng):
    """Groups differ in features and in scores, and inside a group the two have nothing to do with each other."""
    groups = np.repeat(np.arange(6), 5)
    centre = 2 * rng.normal(size=(6, 4))
    values, scores = centre[groups] + rng.normal(size=(30, 4)), centre[groups, 0] + rng.normal(size=30)
    ref = rdm.from_scores(labelled(scores, "score"), kind="nearest")
    scheme = {"blocks": labelled(groups, "group"), "permute": "within"}
    rdms = dataset(distances(values)[None])
    return rsa.compare(rdms, ref, n_permutations=999, n_bootstraps=0, rng=rng, **scheme).p[0]


def signs_of_layers(rng):
    """Twelve participants agree with four dependent layers or with their opposite."""
    shared = rng.normal(size=(20, 4))
    layers = np.array([distances(shared + 0.5 * rng.normal(size=shared.shape)) for _ in range(4)])
    mean = layers.mean(axis=0)
    away = [0.5 * rng.normal() * mean + 6 * rng.exponential(size=len(mean)) for _ in range(12)]
    ref = dataset(np.array(away), participants=True)
    options = {"resample": "rdms", "test": "signs", "n_permutations": 999, "n_bootstraps": 0, "rng": rng}
    return rsa.compare(dataset(layers), ref, method="pearson", **options).p_corrected.min()


def contrast_of_participants(rng):
    """Ten participants take something of two layers each, as much of the one as of the other on average."""
    first, second = (zscore(distances(rng.normal(size=(20, 4)))) for _ in range(2))
    second = zscore(second - first * (first @ second) / len(first))
    own = [rng.normal(0.5) * first + rng.normal(0.5) * second + rng.normal(size=len(first)) for _ in range(10)]
    ref = dataset(np.array(own), participants=True)
    return rsa.contrast(dataset(np.array([first, second])), ref, method="pearson", resample="rdms", rng=rng).p[0]


def partial_of_participants(rng):
    """Ten participants have a control in common and, beyond it, agree with a layer or with its opposite."""
    layer, control = (zscore(distances(rng.normal(size=(20, 4)))) for _ in range(2))
    beyond = zscore(layer - control * (layer @ control) / len(layer))
    own = [0.5 * rng.normal() * beyond + control + rng.normal(size=len(layer)) for _ in range(10)]
    sides = (dataset(layer[None]), dataset(np.array(own), participants=True), dataset(control[None]))
    return rsa.partial(*sides, method="pearson", resample="rdms", n_bootstraps=0, rng=rng).p[0]


def contrast_of_both(rng):
    """Two layers hold as much of what ten participants share, each a part of their own."""
    one, other, shared = rng.normal(size=(3, 60, 4))
    layers = np.array([distances(np.concatenate([shared, own], axis=1)) for own in (one, other)])
    ref = dataset(measured(rng, np.concatenate([shared, one, other], axis=1), 10), participants=True)
    options = {"method": "pearson", "resample": "both", "n_bootstraps": 399, "rng": rng}
    return rsa.contrast(dataset(layers), ref, **options).p[0]


def contrast_of_unequal_dimensions(rng):
    """Two layers whose whitened cosine is the same for very many images, one of far more dimensions."""
    reference = rng.normal(size=(100, 8))
    few = reference + np.sqrt(np.sqrt(3) - 1) * rng.normal(size=reference.shape)
    many = np.concatenate([reference, np.sqrt(0.5) * rng.normal(size=(100, 64))], axis=1)
    layers = dataset(np.array([distances(few), distances(many)]))
    return rsa.contrast(layers, dataset(distances(reference)[None]), method="whitened_cosine", rng=rng).p[0]


def family_of_contrasts(rng):
    """Four layers that agree with a reference equally well."""
    reference, *own = rng.normal(size=(5, 60, 6))
    layers = dataset(np.array([distances(reference + one) for one in own]))
    options = {"method": "pearson", "n_bootstraps": 399, "rng": rng}
    return rsa.contrast(layers, dataset(distances(reference)[None]), **options).p_corrected.min()


def framed(rng):
    """Framed features that have nothing to do with each other."""
    sides = (labelled(np.abs(rng.normal(size=(20, 8))) + 1, "l0") for _ in range(2))
    rdms, ref = (rdm.compute(rsa.frame(side), metric="sqeuclidean") for side in sides)
    return rsa.compare(rdms, ref, method="pearson", n_permutations=999, n_bootstraps=0, rng=rng).p[0]


def confounded(rng):
    """Features and scores have nothing in common but a covariate."""
    luminance = rng.normal(size=20)
    values = rng.normal(size=(20, 6)) + np.outer(luminance, rng.normal(size=6))
    scores = labelled(luminance + rng.normal(size=20), "score")
    return labelled(values, "l0"), scores, labelled(luminance, "luminance")


MODELS = {"rdm": partial(rdm.compute, metric="euclidean"), "model": partial(rdm.from_scores, kind="nearest")}


def beyond_a_covariate(rng):
    return rsa.adjusted(*confounded(rng), **MODELS, n_permutations=999, rng=rng).p[0]


def covariate_ignored(rng):
    features, scores, _ = confounded(rng)
    rdms, ref = MODELS["rdm"](features), MODELS["model"](scores)
    return rsa.compare(rdms, ref, n_permutations=999, n_bootstraps=0, rng=rng).p[0]


#: Tests that nothing is drawn for, of which ten times as many take seconds.
FAST = ("contrast_of_participants", "partial_of_participants")
#: name -> one p-value at its null, and whether the test is discrete or errs on the safe side
NULLS = {
    "exact": (exact, True),
    "within_groups": (within, False),
    "family_of_signs": (signs_of_layers, True),
    "contrast_of_participants": (contrast_of_participants, False),
    "partial_of_participants": (partial_of_participants, False),
    # the standard error is never below that of one factor alone
    "contrast_of_both": (contrast_of_both, True),
    # the largest of several is found by bootstrap, whose samples with few images err on either side
    "family_of_contrasts": (family_of_contrasts, False),
    "framed": (framed, False),
    "contrast_of_unequal_dimensions": (contrast_of_unequal_dimensions, False),
    "beyond_a_covariate": (beyond_a_covariate, False),
}


@pytest.mark.parametrize("name", NULLS)
def test_p_values_keep_their_level(name):
    draw, discrete = NULLS[name]
    rng = np.random.default_rng(62)
    p = [float(draw(rng)) for _ in range(SIMULATIONS * (10 if name in FAST else 1))]
    within_band(p, f"p_{name}", {"null": " ".join((draw.__doc__ or confounded.__doc__).split())}, discrete=discrete)


def test_label_permutation_rejects_too_often_where_a_covariate_drives_both():
    """Measured, and not required: it is the reason why covariates are taken out of features and scores."""
    rng = np.random.default_rng(63)
    rejected = float(np.mean([float(covariate_ignored(rng)) <= 0.05 for _ in range(SIMULATIONS)]))
    simulated.keep("p_covariate_ignored", {"rejected": rejected, "null": confounded.__doc__})
    assert rejected > 0.1
