"""Counterbalanced lists: what stays together and apart, sizes, roles, and every split of a tiny table."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from test_sets_matching import table

from memfeat import sets
from memfeat.errors import ArgumentError, KindError, OutOfReachError, UnknownNameError


def lists_of(result):
    return {name: set(result["image"].values[result["set"].values == name]) for name in result.attrs["sets"]}


def test_the_split_of_eight_images_is_the_most_even_of_all():
    frame = table(8, covariates=1)
    z = (frame[["hit_rate", "c0"]] - frame[["hit_rate", "c0"]].mean()) / frame[["hit_rate", "c0"]].std() / [0.05, 0.1]
    every = [set(group) for group in combinations(range(8), 4)]
    best = min(abs(z.iloc[list(g)].mean() - z.iloc[list(set(range(8)) - g)].mean()).max() for g in every)
    with pytest.raises(OutOfReachError, match=r"\|SMD\| of 'c0'") as error:
        sets.split(frame, 2, score="hit_rate", covariates="c0", variance_ratio=None)
    assert error.value.best.attrs["imbalance"] == pytest.approx(best, rel=2e-3)
    assert error.value.best.attrs["optimal"] == "true"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_versions_of_a_source_are_apart_and_faces_of_a_person_together_among_all_choices(seed):
    frame = table(8, seed, covariates=0).assign(source=list("aabbccdd"), person=list("pqrsptuq"))
    z = (frame["hit_rate"] - frame["hit_rate"].mean()) / frame["hit_rate"].std() / 0.05
    allowed = []
    for group in combinations(range(8), 4):
        inside = np.isin(np.arange(8), group)
        sources = frame.groupby("source", group_keys=False).apply(lambda g, i=inside: i[g.index].sum() == 1)
        people = frame.groupby("person", group_keys=False).apply(lambda g, i=inside: len(set(i[g.index])) == 1)
        if sources.all() and people.all():
            allowed.append(abs(z[inside].mean() - z[~inside].mean()))
    options = {"apart": "source", "together": "person", "tolerance": 9.0, "variance_ratio": None}
    result = sets.split(frame, 2, score="hit_rate", **options)
    assert result.attrs["imbalance"] * 9 == pytest.approx(min(allowed) * 0.05, abs=9e-3)
    groups = dict(zip(frame["image"], result["set"].values, strict=True))
    for _, rows in frame.groupby("source"):
        assert len({groups[name] for name in rows["image"]}) == 2
    for _, rows in frame.groupby("person"):
        assert len({groups[name] for name in rows["image"]}) == 1


@given(st.integers(2, 4), st.integers(4, 8), st.integers(0, 30), st.booleans(), st.booleans())
@settings(max_examples=10, deadline=None)
def test_lists_hold_every_image_once_and_are_of_one_size(k, size, seed, apart, cells):
    frame = table(k * size, seed).assign(source=[f"s{i // k}" for i in range(k * size)])
    options = ({"apart": "source"} if apart else {}) | ({"categories": "category"} if cells else {})
    try:
        result = sets.split(
            frame, k, score="hit_rate", covariates="c0", rng=seed, method="exchange", tolerance=0.5, **options
        )
    except OutOfReachError as error:
        result = error.best
    assert result["image"].values.tolist() == frame["image"].tolist()
    groups = lists_of(result)
    assert [len(group) for group in groups.values()] == [size] * k
    if apart:
        source = frame.set_index("image")["source"]
        assert all(source[sorted(group)].nunique() == size for group in groups.values())
    if cells:
        counts = result.to_dataframe().reset_index().drop_duplicates("image").groupby(["category", "set"]).size()
        assert (counts.unstack(fill_value=0).pipe(lambda c: c.max(axis=1) - c.min(axis=1)) <= 1).all()


def test_lists_of_many_images_are_alike_and_take_turns_in_their_roles():
    frame = table(120)
    before = frame.copy(deep=True)
    result = sets.split(frame, 4, score="hit_rate", covariates=["c0", "c1"], categories="category", rng=2)
    pd.testing.assert_frame_equal(frame, before)
    found = sets.balance(result)
    assert np.abs(found["smd"].sel(variable="hit_rate")).max() <= 0.05
    assert np.abs(found["smd"]).max() <= 0.1
    assert found["count"].values.tolist() == [[10, 10, 10]] * 4
    assert result["role"].dims == ("version", "image")
    for name in "ABCD":
        roles = result["role"].values[:, result["set"].values == name]
        assert (roles == roles[:, :1]).all()
        assert sorted(roles[:, 0]) == ["foil", "foil", "target", "target"]
    assert ((result["role"] == "target").sum("image") == 60).all()
    again = sets.split(
        frame.sample(frac=1, random_state=0), 4, score="hit_rate", covariates=["c0", "c1"], categories="category", rng=2
    )
    xr.testing.assert_identical(again, result)


def test_roles_and_names_are_those_that_were_asked_for():
    options = {"names": ["one", "two", "three"], "roles": ["shown", "kept", "new"], "best": True}
    result = sets.split(table(30), 3, score="hit_rate", **options, tolerance=1.0)
    assert result.attrs["sets"] == ["one", "two", "three"]
    first = result.isel(image=result["set"].values == "two")["role"]
    assert first.isel(image=0).values.tolist() == ["kept", "new", "shown"]


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"k": 7}, ArgumentError, r"images must be a multiple of k=7, and two per list; got 60. Leave 4 out, or add 3"),
        ({"k": 1}, ArgumentError, r"k must be at least 2; got 1"),
        ({"k": 2.0}, KindError, r"k must be a whole number; got 2.0"),
        ({"k": 60}, ArgumentError, r"two per list; got 60. A list has two images at least"),
        ({"names": ["a", "b", "c"]}, ArgumentError, r"names must be one for each of 2 lists; got \['a', 'b', 'c'\]"),
        ({"roles": ["target"]}, ArgumentError, r"roles must be one for each of 2 lists; got \['target'\]"),
        ({"covariates": ["hit_rate"]}, ArgumentError, r"covariates must not hold the score; got 'hit_rate'"),
        (
            {"apart": "three"},
            ArgumentError,
            r"apart must label at most 2 images each; got more of '0'. Each of 2 lists",
        ),
        (
            {"apart": "pair", "together": "pair"},
            ArgumentError,
            r"apart must not contradict together; got images of '0'",
        ),
        ({"together": "half"}, ArgumentError, r"images must fill 2 lists of 30; got what stays together or apart"),
        ({"apart": "pairs"}, UnknownNameError, r"column must be a known name; got 'pairs'. Did you mean 'pair'"),
        ({"apart": ["pair", 1]}, KindError, r"columns must be names of columns"),
        ({"exclude": []}, UnknownNameError, r"option must be a known name; got 'exclude'"),
        ({"covariates": ["gap"]}, ArgumentError, r"images\['gap'\] must be finite.*NaN or infinity in 1: 'im_002.jpg'"),
    ],
)
def test_what_cannot_be_split_is_refused(change, error, words):
    frame = table(60).assign(gap=1.0, three=np.arange(60) // 3, pair=np.arange(60) // 2, half=np.arange(60) // 40)
    frame.loc[2, "gap"] = np.nan
    with pytest.raises(error, match=words):
        sets.split(frame, **{"k": 2, "score": "hit_rate"} | change)


def test_sets_that_were_chosen_before_stay_known():
    rng = np.random.default_rng(3)
    pool = pd.DataFrame({"image": [f"i{k:02}" for k in range(40)], "hit_rate": rng.random(40)})
    chosen = sets.match(pool, 8, score="hit_rate", difference="largest", sets=["high", "low"])
    lists = sets.split(chosen, 2, score="hit_rate", categories="set", rng=0)
    counts = lists[["chosen_set", "set"]].to_dataframe().value_counts(["chosen_set", "set"])
    assert counts.to_dict() == {(one, other): 4 for one in ("high", "low") for other in "AB"}
