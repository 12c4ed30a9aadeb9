"""Labels of sets that change places: all ways that differ, or draws of them."""

from collections import Counter
from itertools import permutations
from math import comb

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from memfeat import sets
from memfeat.sets.relabelling import relabelled

SOURCES = np.repeat([0, 1, 2, 3], [2, 2, 3, 3])


def drawn(label, n, **scheme):
    return relabelled(np.asarray(label), n, np.random.default_rng(1), **scheme)


def ways(found):
    return [tuple(row) for row in found.tolist()]


@given(st.lists(st.integers(0, 2), min_size=1, max_size=6))
def test_all_ways_that_differ_are_listed_once(label):
    every = set(permutations(label))
    found, exact = drawn(label, len(every))
    assert exact
    assert Counter(ways(found)) == Counter(every)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2)), min_size=1, max_size=8))
def test_within_groups_each_group_keeps_its_labels(images):
    label, blocks = np.array(images).T
    found, exact = drawn(label, 10**6, blocks=blocks, permute="within")
    expected = 1
    for group in np.unique(blocks):
        inside = blocks == group
        expected *= comb(int(inside.sum()), int(label[inside].sum()))
        assert (found[:, inside].sum(axis=1) == label[inside].sum()).all()
    assert exact
    assert len(found) == len(set(ways(found))) == expected


def test_whole_groups_change_places_with_those_of_their_size():
    label = np.array([1, 1, 0, 0, 1, 0, 1, 0, 0, 0])
    found, exact = drawn(label, 4, blocks=SOURCES, permute="whole")
    pairs, threes = [(1, 1, 0, 0), (0, 0, 1, 1)], [(1, 0, 1, 0, 0, 0), (0, 0, 0, 1, 0, 1)]
    assert exact
    assert set(ways(found)) == {pair + three for pair in pairs for three in threes}


@pytest.mark.parametrize(
    ("label", "scheme"),
    [
        ([1, 1, 0, 0], {}),
        ([0, 1, 2], {}),
        ([1, 0, 1, 1, 0, 0], {"blocks": np.array([0, 0, 1, 1, 1, 1]), "permute": "within"}),
        ([1, 1, 0, 0, 1, 0, 1, 0, 0, 0], {"blocks": SOURCES, "permute": "whole"}),
    ],
)
def test_draws_are_as_likely_as_each_other(label, scheme):
    every, _ = drawn(label, 100, **scheme)
    many, exact = relabelled(np.asarray(label), 4_000, np.random.default_rng(2), **scheme)
    assert exact
    assert len(many) == len(every)
    some = [drawn_one for seed in range(400) for drawn_one in _some(label, len(every) - 1, seed, scheme)]
    counts = Counter(some)
    assert set(counts) == set(ways(every))
    assert chisquare(list(counts.values())).pvalue > 1e-4


def _some(label, n, seed, scheme):
    found, exact = relabelled(np.asarray(label), n, np.random.default_rng(seed), **scheme)
    assert not exact
    return ways(found)


def test_a_seed_gives_the_same_draw_in_blocks_of_any_size(monkeypatch):
    label = np.arange(12) % 3
    whole = drawn(label, 50)[0]
    monkeypatch.setattr("memfeat.sets.relabelling.BLOCK", 24)
    np.testing.assert_array_equal(drawn(label, 50)[0], whole)
    assert label.tolist() == (np.arange(12) % 3).tolist()


def test_four_images_in_each_set_have_seventy_divisions():
    """p of sets that do not overlap is two in seventy."""
    low, high = ({f"{letter}{k}": float(k + 10 * up) for k in range(4)} for up, letter in enumerate("ab"))
    given = [_series(low), _series(high)]
    one = sets.compare(*given, n_bootstraps=0)
    assert one.attrs["exact"] == "true"
    assert one["p"].sel(statistic="mean_difference") == pytest.approx(2 / 70)
    none = sets.compare(*given, n_bootstraps=0, n_permutations=69)
    assert none.attrs["exact"] == "false"
    three = sets.compare(*given, _series({f"c{k}": float(k) for k in range(9)}), n_bootstraps=0, n_permutations=70)
    assert list(three.attrs["exact"]) == ["true", "false", "false"]
    assert "mean_difference" in three.attrs["holm"]
    assert "70 permutations, or all where there are no more, of images between sets" in sets.paragraph(three)


def _series(values):
    return pd.Series(values, name="hit_rate")
