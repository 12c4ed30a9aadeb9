"""Components against scores: by hand, against scipy, and under permutation."""

import itertools

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr

from memfeat import reduction, stats
from memfeat.errors import ArgumentError, CircularWarning, KindError, UnknownNameError


def names(n):
    return np.array([f"{i:03d}.jpg" for i in range(n)], dtype=object)


def space(n=30, k=3, seed=0, attrs=None):
    values = np.random.default_rng(seed).standard_normal((n, k))
    coords = {"image": names(n), "component": np.arange(k)}
    return xr.DataArray(values, coords, ("image", "component"), "embedding", attrs or {"method": "pca", "layer": "fc"})


def scores(points, weight=1.0, seed=9):
    noise = np.random.default_rng(seed).standard_normal(len(points))
    return xr.DataArray((weight * points.values[:, 0] + noise).round(1), {"image": points["image"]}, ("image",), "hit")


@pytest.mark.parametrize(("method", "rival"), [("spearman", spearmanr), ("pearson", pearsonr)])
def test_correlations_agree_with_scipy(method, rival):
    points = space()
    target = scores(points)
    found = reduction.relate(points, target, method=method, n_permutations=99, n_bootstraps=50)
    for i in range(3):
        np.testing.assert_allclose(found["estimate"][i], rival(points.values[:, i], target.values)[0])
    assert found["n"].values.tolist() == [30] * 3


def test_all_rearrangements_of_five_images_by_hand():
    points, target = space(n=5, k=2), [3.0, 1.0, 4.0, 2.0, 6.0]
    given_scores = pd.Series(target, index=names(5), name="hit")
    found = reduction.relate(points, given_scores, n_permutations=999, n_bootstraps=0)
    null = np.array(
        [[spearmanr(points.values[:, i], order)[0] for order in itertools.permutations(target)] for i in range(2)]
    )
    for i in range(2):
        observed = abs(found["estimate"].values[i]) - 1e-9
        np.testing.assert_allclose(found["p"][i], np.mean(np.abs(null[i]) >= observed))
        np.testing.assert_allclose(found["p_corrected"][i], np.mean(np.abs(null).max(axis=0) >= observed))
    np.testing.assert_allclose(found["p_fdr"], stats.fdr(found["p"].values))
    assert found.attrs["exact"] == "true"
    assert found.attrs["n_permutations"] == 120
    assert "ci_low" not in found


def test_the_interval_is_that_of_samples_of_images():
    points = space(n=40)
    target = scores(points)
    found = reduction.relate(points, target, n_permutations=0, n_bootstraps=200, rng=4)
    counts = stats.bootstrap_counts(40, 200, rng=np.random.default_rng(4))
    draws = [
        [spearmanr(np.repeat(points.values[:, i], row), np.repeat(target.values, row))[0] for row in counts]
        for i in range(3)
    ]
    low, high = stats.expanded(np.array(draws), n=40)
    np.testing.assert_allclose(found["ci_low"], low)
    np.testing.assert_allclose(found["ci_high"], high)
    assert "p" not in found


def test_what_was_put_in_is_found_and_corrected():
    points = space(n=100, k=8)
    found = reduction.relate(points, scores(points), n_permutations=499, n_bootstraps=100)
    assert found["p_corrected"].values[0] < 0.01
    assert (found["p_corrected"] >= found["p"]).all()
    assert (found["ci_low"] < found["estimate"]).all()
    assert (found["estimate"] < found["ci_high"]).all()


def test_groups_are_kept_together():
    points = space(n=24)
    blocks = xr.DataArray(np.repeat(list("abcdef"), 4), {"image": points["image"]}, ("image",), "scene")
    found = reduction.relate(points, scores(points), n_permutations=99, n_bootstraps=50, blocks=blocks, permute="whole")
    assert found.attrs["permute"] == "whole"
    assert found.attrs["blocks"] == "scene"
    with pytest.raises(ArgumentError, match="permute must be named when blocks are given"):
        reduction.relate(points, scores(points), blocks=blocks)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 100), method=st.sampled_from(["spearman", "pearson"]))
def test_order_makes_no_difference_and_signs_turn(seed, method):
    points = space(n=15, seed=seed)
    target = scores(points)
    options = {"method": method, "n_permutations": 49, "n_bootstraps": 20, "rng": seed}
    found = reduction.relate(points, target, **options)
    order = np.random.default_rng(seed).permutation(15)
    xr.testing.assert_identical(reduction.relate(points.isel(image=order), target, **options), found)
    xr.testing.assert_identical(reduction.relate(points, target.isel(image=order), **options), found)
    turned = reduction.relate(-points, target, **options)
    np.testing.assert_allclose(turned["estimate"], -found["estimate"])
    np.testing.assert_allclose(turned["p"], found["p"])
    np.testing.assert_allclose(turned["ci_low"], -found["ci_high"])


def test_an_embedding_is_taken_as_it_comes_and_left_alone():
    values = np.random.default_rng(0).standard_normal((20, 6))
    layer = xr.DataArray(values, dims=["image", "fc:unit"], coords={"image": names(20)}, name="fc")
    found_space = reduction.embed(layer.assign_attrs(model="toy"), n_components=3)
    before = found_space.copy(deep=True)
    found = reduction.relate(found_space, scores(space(20)), n_permutations=19, n_bootstraps=20)
    xr.testing.assert_identical(found_space, before)
    assert found["component"].values.tolist() == [0, 1, 2]
    assert {
        "model": "toy",
        "layer": "fc",
        "embedding": "pca",
        "scores": "hit",
        "seed": "0",
    }.items() <= found.attrs.items()


def test_scores_of_the_same_network_are_warned_of():
    network = {"model": "net", "variant": "retrained", "weights_sha256": "aa"}
    points = space(attrs=network | {"method": "pca"})
    with pytest.warns(CircularWarning, match="features and scores come from the same network, 'net'"):
        found = reduction.relate(points, scores(points).assign_attrs(network), n_permutations=9, n_bootstraps=0)
    assert found.attrs["cautions"] == "circular"


GOOD = space(n=8)
WRONG = {
    "images": (GOOD, scores(space(n=7)), {}, ArgumentError, "scores and space must hold the same images"),
    "no embedding": (GOOD.values, scores(GOOD), {}, KindError, "space must be an embedding"),
    "scores": (GOOD, scores(GOOD).values, {}, KindError, "scores must be a DataArray or Series"),
    "constant": (
        GOOD,
        xr.zeros_like(scores(GOOD)),
        {},
        ArgumentError,
        "scores must differ between images; got 0 for every image",
    ),
    "constant component": (GOOD * [1, 0, 1], scores(GOOD), {}, ArgumentError, "the same everywhere in component 1"),
    "method": (GOOD, scores(GOOD), {"method": "kendall"}, ArgumentError, "method must be one of 'spearman', 'pearson'"),
    "permutations": (GOOD, scores(GOOD), {"n_permutations": -1}, ArgumentError, "n_permutations must be at least 0"),
    "bootstraps": (GOOD, scores(GOOD), {"n_bootstraps": 0.5}, KindError, "n_bootstraps must be a whole number"),
    "side": (GOOD, scores(GOOD), {"alternative": "more"}, ArgumentError, "alternative must be one of"),
    "option": (GOOD, scores(GOOD), {"block": 1}, UnknownNameError, "block"),
    "rng": (GOOD, scores(GOOD), {"rng": None}, KindError, "rng must be a whole number"),
    "samples": (
        GOOD,
        xr.zeros_like(scores(GOOD)).where(GOOD["image"] != "000.jpg", 1.0),
        {},
        ArgumentError,
        "n_bootstraps must leave something to compare",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_related_is_refused_with_advice(case):
    points, target, options, kind, message = WRONG[case]
    with pytest.raises(kind, match=message):
        reduction.relate(points, target, **({"n_permutations": 9} | options))
