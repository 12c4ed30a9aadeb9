"""Sequences: every lag, every image once, what does not fit, files, and scores from answers to them."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from test_sets_matching import table

import memfeat as mf
from memfeat import sets
from memfeat.errors import ArgumentError, KindError, OutOfReachError, UnknownNameError
from memfeat.sets.choosing.ordering import asked_at, fillers_needed, placed


def names(n, letter="t"):
    return [f"{letter}{i:03d}.jpg" for i in range(n)]


def sound(order, lags):
    """Check by hand that one participant's sequence is what it says."""
    assert order["trial"].tolist() == list(range(1, len(order) + 1))
    seen = {}
    for row in order.itertuples():
        if row.truth == "new":
            assert row.image not in seen
            assert np.isnan(row.lag)
            seen[row.image] = row.trial
        else:
            assert row.lag == row.trial - seen[row.image]
            assert row.lag in lags[row.role]
    times = order.groupby("role")["image"].value_counts()
    for role, expected in (("target", 2), ("vigilance", 2), ("filler", 1), ("foil", 1)):
        if role in times:
            assert (times[role] == expected).all()


@given(
    n=st.integers(1, 20),
    spare=st.integers(0, 60),
    vigilance=st.integers(0, 5),
    low=st.integers(1, 30),
    width=st.integers(0, 20),
    seed=st.integers(0, 99),
)
@settings(max_examples=25, deadline=None)
def test_every_image_comes_as_often_and_after_as_many_trials_as_it_should(n, spare, vigilance, low, width, seed):
    lags = range(low, low + width + 1)
    fillers = names(spare + vigilance, "f")
    try:
        order = sets.sequence(names(n), fillers, lags=lags, vigilance=vigilance, n_participants=2, rng=seed)
    except OutOfReachError as error:
        needed = int(str(error).split(". ")[1].split()[0])
        assert needed > spare
        order = sets.sequence(
            names(n), names(needed + vigilance, "f"), lags=lags, vigilance=vigilance, n_participants=2, rng=seed
        )
    for _, mine in order.groupby("participant"):
        sound(mine, {"target": lags, "vigilance": range(1, 8)})
        assert mine["image"].nunique() == n + len(set(order["image"]) - set(names(n)))


def test_a_lag_of_one_leaves_no_choice():
    order = sets.sequence(["a"], lags=1)
    assert order.drop(columns="lag").to_numpy().tolist() == [
        ["p1", 1, "recognition", 1, "a", "target", "new"],
        ["p1", 1, "recognition", 2, "a", "target", "old"],
    ]
    assert order["lag"].tolist()[1:] == [1.0]


def test_sixty_targets_at_a_lag_of_a_hundred_need_forty_fillers():
    """60 first showings, 40 others, 60 repeats: it cannot be less, as the first repeat comes at place 101."""
    assert fillers_needed([[100]] * 60, np.random.default_rng(0)) == 40
    sound(sets.sequence(names(60), names(40, "f"), lags=100), {"target": [100]})
    words = r"fillers must leave room for the lags; got 60 targets, 0 vigilance images and 39 others. 40 images that"
    with pytest.raises(OutOfReachError, match=words):
        sets.sequence(names(60), names(39, "f"), lags=100)


def test_pairs_that_fit_in_one_way_only_are_found():
    """Two at a lag of 2 fill four places as a b a b; one at 1 and one at 2 cannot, and 4 is beyond the fourth place."""
    assert placed([[1], [1]], 4, np.random.default_rng(0)) is not None
    found = placed([[2], [2]], 4, np.random.default_rng(0))
    assert sorted([*found.first, *found.second]) == [0, 1, 2, 3]
    assert placed([[1], [2]], 4, np.random.default_rng(0)) is None
    assert placed([[4]], 4, np.random.default_rng(0)) is None


def test_targets_are_spread_over_the_sequence():
    orders = sets.sequence(names(10), names(180, "f"), lags=10, n_participants=100)
    first = orders[(orders["role"] == "target") & (orders["truth"] == "new")]["trial"]
    assert first.mean() == pytest.approx(95.5, abs=5)
    assert orders.groupby("participant")["image"].apply(tuple).nunique() == 100


def test_lags_of_a_list_are_dealt_in_equal_shares_and_rotated():
    orders = sets.sequence(names(6), names(60, "f"), lags=[4, 16, 32], n_participants=3)
    old = orders[orders["truth"] == "old"]
    for _, mine in old.groupby("participant"):
        assert sorted(mine["lag"]) == [4, 4, 16, 16, 32, 32]
    for _, image in old.groupby("image"):
        assert sorted(image["lag"]) == [4, 16, 32]


def test_lags_by_image_are_kept():
    lags = {"a": 3, "b": range(5, 7)}
    orders = sets.sequence(["a", "b"], names(20, "f"), lags=lags, n_participants=5)
    old = orders[orders["truth"] == "old"].set_index("image")["lag"]
    assert set(old["a"]) == {3}
    assert set(old["b"]) <= {5, 6}


def test_a_seed_gives_the_same_sequences_whatever_the_order_of_images():
    one = sets.sequence(names(8), names(40, "f"), lags=range(5, 20), vigilance=2, n_participants=3, rng=4)
    frame = pd.DataFrame({"image": names(8)[::-1]})
    two = sets.sequence(frame, np.array(names(40, "f")[::-1]), lags=range(5, 20), vigilance=2, n_participants=3, rng=4)
    pd.testing.assert_frame_equal(one, two)
    data = xr.Dataset(coords={"image": names(8)})
    three = sets.sequence(data, names(40, "f"), lags=range(5, 20), vigilance=2, n_participants=3, rng=5)
    assert three["image"].tolist() != one["image"].tolist()
    assert one.attrs["seed"] == "4"


def test_lists_take_turns_as_targets_and_foils():
    lists = sets.split(table(40), 2, score="hit_rate", rng=1)
    orders = sets.sequence(lists, names(30, "f"), lags=range(2, 40), n_participants=4)
    for person, mine in orders.groupby("participant"):
        version = mine["version"].iloc[0]
        assert version == (int(person[1:]) - 1) % 2 + 1
        roles = mine.drop_duplicates("image").set_index("image")["role"]
        assert roles[lists["image"].values].tolist() == lists["role"].sel(version=version).values.tolist()
        sound(mine, {"target": range(2, 40)})


# --- study and test ---------------------------------------------------------------------------------------------------


@given(st.integers(2, 15), st.integers(1, 15), st.integers(0, 2), st.integers(0, 50))
@settings(max_examples=20, deadline=None)
def test_what_was_studied_is_tested_among_new_images(n, new, vigilance, seed):
    order = sets.sequence(
        names(n), names(new + vigilance, "f"), vigilance=vigilance, design="study-test", vigilance_lags=[1, 2], rng=seed
    )
    sound(order, {"target": range(1, 99), "vigilance": [1, 2]})
    study, test = (order[order["phase"] == phase] for phase in ("study", "test"))
    assert len(study) == n + 2 * vigilance
    assert len(test) == n + new
    assert set(test.loc[test["truth"] == "old", "image"]) == set(names(n))
    assert (test.loc[test["truth"] == "new", "role"] == "filler").all()


def test_lags_from_study_to_test_are_kept_where_that_is_possible():
    lags = range(15, 26)
    order = sets.sequence(names(20), names(20, "f"), lags=lags, design="study-test")
    sound(order, {"target": lags})
    with pytest.raises(OutOfReachError, match=r"lags must fit the lengths of study and test; got lags over 20 study"):
        sets.sequence(names(20), names(20, "f"), lags=range(1, 5), design="study-test")
    assert asked_at(np.array([0, 1]), [[2], [2]], 2, 2, np.random.default_rng(0)).tolist() == [0, 1]
    assert asked_at(np.array([0, 1]), [[3], [1]], 2, 2, np.random.default_rng(0)).tolist() == [1, 0]
    assert asked_at(np.array([0, 1]), [[2], [1]], 2, 2, np.random.default_rng(0)) is None


# --- what cannot be ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"lags": None}, ArgumentError, r"lags must be given for a continuous sequence; got None. Use a number"),
        ({"lags": 0}, ArgumentError, r"lags must be at least 1; got 0"),
        ({"lags": 2.5}, KindError, r"lags must be a whole number; got 2.5"),
        ({"lags": []}, ArgumentError, r"lags must hold a lag; got \[\]"),
        ({"lags": range(5, 5)}, ArgumentError, r"lags must hold a lag; got range\(5, 5\)"),
        ({"lags": {"t000.jpg": 3}}, ArgumentError, r"lags must hold one for every target; got none for 3: 't001.jpg'"),
        ({"lags": {"t00.jpg": 3}}, UnknownNameError, r"lags must be a known name; got 't00.jpg'. Did you mean"),
        ({"fillers": ["t001.jpg"]}, ArgumentError, r"fillers must not be targets; got 1: 't001.jpg'"),
        ({"fillers": ["a", "a"]}, ArgumentError, r"fillers must name each image once; got duplicates 1: 'a'"),
        ({"fillers": "photos"}, KindError, r"fillers must be names of images, or a table of images; got str"),
        ({"targets": []}, ArgumentError, r"targets must hold an image; got none"),
        ({"targets": 3}, KindError, r"targets must be names of images, or a table of images; got int"),
        ({"vigilance": 21}, ArgumentError, r"fillers must hold 0 to be shown once and 21 for vigilance; got 20 images"),
        ({"vigilance": -1}, ArgumentError, r"vigilance must be at least 0; got -1"),
        ({"n_fillers": 30}, ArgumentError, r"fillers must hold 30 to be shown once and 0 for vigilance; got 20 images"),
        ({"n_participants": 0}, ArgumentError, r"n_participants must be at least 1; got 0"),
        ({"design": "test"}, ArgumentError, r"design must be one of 'continuous', 'study-test'; got 'test'"),
        ({"lag": 3}, UnknownNameError, r"option must be a known name; got 'lag'"),
        ({"rng": None}, KindError, r"rng must be a whole number"),
    ],
)
def test_what_cannot_be_ordered_is_refused(change, error, words):
    arguments = {"targets": names(4), "fillers": names(20, "f"), "lags": 5} | change
    with pytest.raises(error, match=words):
        sets.sequence(arguments.pop("targets"), arguments.pop("fillers"), **arguments)


def test_roles_must_be_target_and_foil():
    lists = sets.split(
        table(8), 2, score="hit_rate", roles=["old", "new"], best=True, tolerance=9.0, variance_ratio=None
    )
    with pytest.raises(ArgumentError, match=r"targets must have the roles target and foil; got \['new', 'old'\]"):
        sets.sequence(lists, lags=2)


# --- files and scores -------------------------------------------------------------------------------------------------


def test_files_for_psychopy_and_jspsych_hold_every_trial(tmp_path):
    orders = sets.sequence(names(4), names(20, "f"), lags=[3, 6], vigilance=1, n_participants=2)
    before = orders.copy(deep=True)
    options = {"folder": "photos/", "keys": {"old": "j", "new": "f"}}
    files = sets.to_csv(orders, tmp_path / "order_{participant}.csv", **options)
    assert [file.name for file in files] == ["order_p1.csv", "order_p2.csv"]
    for who, file in zip(("p1", "p2"), files, strict=True):
        mine = orders[orders["participant"] == who].reset_index(drop=True)
        read = pd.read_csv(file)
        assert all(name.isidentifier() for name in read.columns)
        pd.testing.assert_frame_equal(read[mine.columns], mine, check_dtype=False)
        assert (read["picture"] == "photos/" + mine["image"]).all()
        assert read["correct_key"].tolist() == mine["truth"].map({"old": "j", "new": "f"}).tolist()
    files = sets.to_csv(orders, tmp_path / "order_{participant}.json", style="jspsych", **options)
    trials = json.loads(files[1].read_text())
    mine = orders[orders["participant"] == "p2"]
    assert [trial["stimulus"] for trial in trials] == ("photos/" + mine["image"]).tolist()
    assert [trial["data"]["lag"] for trial in trials] == [None if np.isnan(lag) else lag for lag in mine["lag"]]
    assert trials[0]["data"]["trial"] == 1
    pd.testing.assert_frame_equal(orders, before)


@pytest.mark.parametrize("design", ["continuous", "study-test"])
def test_answers_to_a_sequence_are_scored(design, tmp_path):
    """Participants who never err, as written to files and read again: hit rates of 1, false-alarm rates of 0."""
    lists = sets.split(table(20), 2, score="hit_rate", best=True, tolerance=1.0)
    orders = sets.sequence(lists, names(30, "f"), lags=range(2, 40), n_participants=6, design=design)
    files = sets.to_csv(orders, tmp_path / "{participant}.csv")
    answers = pd.concat([pd.read_csv(file) for file in files])
    answers["response"] = answers["truth"].where(answers["phase"] != "study")
    scores = mf.scores.from_trials(answers)
    images = scores.sel(image=lists["image"].values)
    assert (images["hit_rate"] == 1).all()
    assert (images["false_alarm_rate"] == 0).all()
    assert (images["n_targets"] == 3).all()
    assert (images["n_foils"] == (6 if design == "continuous" else 3)).all()
    if design == "continuous":
        assert scores.attrs["n_trials"] == len(orders)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"path": "order.csv"}, ArgumentError, r"path must hold \{participant\} with 2 participants; got 'order.csv'"),
        ({"path": "o_{participant}.txt"}, ArgumentError, r"path must end in .csv; got 'o_p1.txt'"),
        ({"style": "matlab"}, ArgumentError, r"style must be one of 'psychopy', 'jspsych'; got 'matlab'"),
        ({"keys": {"old": "j"}}, ArgumentError, r"keys must be those for old and new; got \{'old': 'j'\}"),
        ({"sequence": pd.DataFrame({"image": ["a"]})}, KindError, r"sequence must be a table of trials"),
    ],
)
def test_what_cannot_be_written_is_refused(change, error, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = {"sequence": sets.sequence(["a"], lags=1, n_participants=2), "path": "o_{participant}.csv"} | change
    with pytest.raises(error, match=words):
        sets.to_csv(arguments.pop("sequence"), arguments.pop("path"), **arguments)
    assert not list(tmp_path.iterdir())


def test_lags_of_a_list_meet_every_image_in_every_version():
    """Two lists, two lags: an image is a target in every second participant, and has one lag, then the other."""
    table = pd.DataFrame({"image": names(8), "hit_rate": np.linspace(0.2, 0.9, 8)})
    lists = sets.split(table, 2, score="hit_rate", rng=0)
    order = sets.sequence(lists, names(60, "f"), lags=[3, 9], n_participants=8, rng=0)
    old = order[(order["truth"] == "old") & (order["role"] == "target")]
    counts = old.groupby("image")["lag"].value_counts().unstack()
    assert (counts == 2).all(axis=None)
    assert counts.shape == (8, 2)
