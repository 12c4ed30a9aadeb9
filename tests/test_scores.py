"""Scores from trials and counts: by hand, against SciPy and scikit-learn, and as published sets have them."""

import inspect
import json
from math import log

import click.testing
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, binomtest, norm
from sklearn.metrics import mutual_info_score, roc_auc_score, roc_curve

import memfeat as mf
from memfeat.cli import main
from memfeat.errors import ArgumentError, KindError, NotConvergedWarning, UnknownNameError
from memfeat.scores import lags
from memfeat.scores.counts import Counts, derived, tallied
from memfeat.scores.intervals import Limits, intervals, limits_of, square_and_add

SCORES = ["hit_rate", "false_alarm_rate", "corrected_recognition", "accuracy", "d_prime", "criterion"]
counted = st.tuples(*[st.integers(0, 40)] * 4)


def experiment(rng, *, n_images=12, n_people=30):
    """Every participant sees each image once, as target or foil, and gives yes/no and how sure."""
    image, person = (grid.ravel() for grid in np.meshgrid(np.arange(n_images), np.arange(n_people)))
    old = (image + person) % 2 == 0
    strength = old * (0.5 + image / n_images) + rng.standard_normal(len(image))
    table = {
        "image": [f"{i:02d}.jpg" for i in image],
        "participant": [f"p{i:03d}" for i in person],
        "truth": np.where(old, "old", "new"),
        "response": np.where(strength > 0.7, "yes", "no"),
        "confidence": np.minimum(np.ceil(2 * np.abs(strength - 0.7)), 3),
    }
    return pd.DataFrame(table)


def counts_of(*cells):
    return Counts(*(np.atleast_1d(np.asarray(cell, dtype=np.int64)) for cell in cells))


# --- scores ---------------------------------------------------------------------------------------------------------


def test_scores_by_hand():
    found = derived(counts_of(8, 2, 1, 9), correction="log-linear")
    assert {name: float(value[0]) for name, value in found.items()} == pytest.approx(
        {
            "hit_rate": 0.8,
            "false_alarm_rate": 0.1,
            "corrected_recognition": 0.7,
            "accuracy": 17 / 20,
            "d_prime": norm.ppf(8.5 / 11) - norm.ppf(1.5 / 11),
            "criterion": -(norm.ppf(8.5 / 11) + norm.ppf(1.5 / 11)) / 2,
            "mutual_information": sum(
                p * log(p / q)
                for p, q in zip(
                    np.array([9.1, 2.1, 1.1, 8.1]) / 20.4,
                    np.array([11.2 * 10.2, 11.2 * 10.2, 9.2 * 10.2, 9.2 * 10.2]) / 20.4**2,
                    strict=True,
                )
            ),
        }
    )


def test_mutual_information_is_that_of_scikit_learn_where_a_tenth_does_not_matter():
    cells = 100_000 * np.array([8, 2, 1, 9])
    found = derived(counts_of(*cells), correction="log-linear")["mutual_information"]
    contingency = [[cells[3], cells[1]], [cells[2], cells[0]]]
    assert found[0] == pytest.approx(mutual_info_score(None, None, contingency=contingency), rel=1e-6)


@pytest.mark.parametrize(
    ("correction", "rates"), [("log-linear", (10.5 / 11, 0.5 / 11)), ("1/(2n)", (1 - 1 / 20, 1 / 20))]
)
def test_an_image_that_all_hit_has_a_finite_d_prime(correction, rates):
    found = derived(counts_of(10, 0, 0, 10), correction=correction)
    assert found["d_prime"][0] == pytest.approx(norm.ppf(rates[0]) - norm.ppf(rates[1]))
    assert found["hit_rate"][0] == 1


def test_the_second_correction_leaves_other_rates_alone():
    found = derived(counts_of(8, 2, 1, 9), correction="1/(2n)")
    assert found["d_prime"][0] == pytest.approx(norm.ppf(0.8) - norm.ppf(0.1))
    assert found["criterion"][0] == pytest.approx(-(norm.ppf(0.8) + norm.ppf(0.1)) / 2)


@settings(deadline=None, max_examples=40)
@given(counted)
def test_calling_old_what_was_new_turns_d_prime_around(cells):
    hits, misses, alarms, rejections = cells
    one = derived(counts_of(*cells), correction="log-linear")
    other = derived(counts_of(misses, hits, rejections, alarms), correction="log-linear")
    np.testing.assert_allclose(one["d_prime"], -other["d_prime"], atol=1e-12)
    np.testing.assert_allclose(one["criterion"], -other["criterion"], atol=1e-12)
    np.testing.assert_allclose(one["mutual_information"], other["mutual_information"], atol=1e-12)
    assert np.isnan(one["hit_rate"][0]) == (hits + misses == 0)
    assert np.isnan(one["d_prime"][0]) == (hits + misses == 0 or alarms + rejections == 0)


def test_from_trials_counts_as_a_loop_does():
    trials = experiment(np.random.default_rng(0))
    before = trials.copy()
    found = mf.scores.from_trials(trials)
    for image, rows in trials.groupby("image"):
        here = found.sel(image=image)
        old, said = rows["truth"] == "old", rows["response"] == "yes"
        assert int(here["hits"]) == (old & said).sum()
        assert int(here["misses"]) == (old & ~said).sum()
        assert int(here["false_alarms"]) == (~old & said).sum()
        assert int(here["correct_rejections"]) == (~old & ~said).sum()
        assert float(here["hit_rate"]) == pytest.approx(said[old].mean())
        assert float(here["false_alarm_rate"]) == pytest.approx(said[~old].mean())
        assert float(here["accuracy"]) == pytest.approx((said == old).mean())
    pd.testing.assert_frame_equal(trials, before)
    xr.testing.assert_identical(mf.scores.from_trials(trials.sample(frac=1, random_state=1)), found)
    assert {"n_trials", "n_participants", "truth", "response", "memfeat_version"} <= set(found.attrs)
    assert found.attrs["correction"] == "log-linear, for d_prime and criterion"
    assert all(found[name].dims == ("image",) for name in found.data_vars)


def test_the_kernel_tallies_what_trials_say():
    counts = tallied(
        np.array([0, 0, 1, 1, 1]),
        np.array([True, True, False, False, True]),
        np.array([1, 0, 1, 0, 1], bool),
        n_images=3,
    )
    assert [cell.tolist() for cell in counts] == [[1, 1, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0]]


def test_an_image_that_was_never_a_foil_has_no_false_alarm_rate():
    trials = pd.DataFrame({"image": ["a", "b"], "participant": 1, "truth": [1, 0], "response": [1, 1]})
    found = mf.scores.from_trials(trials)
    assert np.isnan(found["hit_rate"].values).tolist() == [False, True]
    assert np.isnan(found["false_alarm_rate"].values).tolist() == [True, False]
    for name in ["corrected_recognition", "accuracy", "d_prime", "criterion", "mutual_information"]:
        assert found[name].isnull().all()
        assert name == "mutual_information" or found[f"{name}_ci_low"].isnull().all()
    assert (found.attrs["n_images_never_target"], found.attrs["n_images_never_foil"]) == (1, 1)
    assert found["n_foils"].values.tolist() == [0, 1]


def test_from_trials_refuses_unknown_options():
    trials = experiment(np.random.default_rng(0))
    with pytest.raises(ArgumentError, match=r"correction must be one of 'log-linear', '1/\(2n\)'; got 'none'"):
        mf.scores.from_trials(trials, correction="none")
    with pytest.raises(ArgumentError, match="interval must be one of 'wilson', 'jeffreys'; got 'wald'"):
        mf.scores.from_trials(trials, interval="wald")


# --- counts ---------------------------------------------------------------------------------------------------------


def test_rates_of_counts_are_those_of_trials():
    trials = experiment(np.random.default_rng(1))
    found = mf.scores.from_trials(trials, interval="jeffreys", correction="1/(2n)")
    again = mf.scores.rates(found, interval="jeffreys", correction="1/(2n)")
    xr.testing.assert_equal(again, found)
    frame = found[["hits", "n_targets", "correct_rejections", "n_foils"]].to_dataframe().sample(frac=1, random_state=0)
    before = frame.copy()
    xr.testing.assert_equal(mf.scores.rates(frame, interval="jeffreys", correction="1/(2n)"), found)
    pd.testing.assert_frame_equal(frame, before)


def test_counts_without_foils_have_hit_rates_only():
    found = mf.scores.rates(pd.DataFrame({"image": ["b", "a"], "H": [3, 1], "n": 4}), hits="H", n_targets="n")
    assert found["hit_rate"].values.tolist() == [0.25, 0.75]
    assert found["d_prime"].isnull().all()
    assert found.attrs["hits_column"] == "H"
    assert found.attrs["n_images_never_foil"] == 2


def test_bad_counts_are_refused():
    table = pd.DataFrame({"image": ["a", "b"], "hits": [3, 1], "misses": [1, 3]})
    with pytest.raises(ArgumentError, match=r"counts must have two of hits, misses, n_targets; .*Say which: hits="):
        mf.scores.rates(table.drop(columns="misses"))
    with pytest.raises(ArgumentError, match="counts must have two of false_alarms, correct_rejections, n_foils"):
        mf.scores.rates(table.assign(false_alarms=1))
    with pytest.raises(ArgumentError, match="hits must be whole numbers from 0 on; got '0.75' and the like for 1: 'a'"):
        mf.scores.rates(table.assign(hits=[0.75, 1]))
    with pytest.raises(ArgumentError, match="misses must be whole numbers from 0 on; got '-1'"):
        mf.scores.rates(table.assign(misses=[-1, 1]))
    with pytest.raises(ArgumentError, match="misses must be whole numbers from 0 on; got 'nan'"):
        mf.scores.rates(table.assign(misses=[np.nan, 1]))
    with pytest.raises(ArgumentError, match="hits and misses must add up to n_targets; got other numbers for 1: 'b'"):
        mf.scores.rates(table.assign(n_targets=[4, 5]))
    with pytest.raises(ArgumentError, match="hits and misses must add up to n_targets"):
        mf.scores.rates(table[["image", "hits"]].assign(n_targets=[4, 0]))
    with pytest.raises(UnknownNameError, match="hits must be a known name; got 'H'"):
        mf.scores.rates(table, hits="H")
    with pytest.raises(UnknownNameError, match="option must be a known name; got 'hit'. Did you mean 'hits'"):
        mf.scores.rates(table, hit="hits")
    with pytest.raises(ArgumentError, match="name each image once"):
        mf.scores.rates(table.assign(image="a"))


# --- intervals ------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 60), st.data())
def test_intervals_of_rates_are_those_of_scipy(n, data):
    found = data.draw(st.integers(0, n))
    low, high = binomtest(found, n).proportion_ci(0.95, method="wilson")
    ours = limits_of(np.array([float(found)]), np.array([float(n)]), interval="wilson")
    assert (ours.low[0], ours.estimate[0], ours.high[0]) == pytest.approx((low, found / n, high), abs=1e-12)
    ours = limits_of(np.array([float(found)]), np.array([float(n)]), interval="jeffreys")
    low, high = beta(found + 0.5, n - found + 0.5).interval(0.95)
    assert (ours.low[0], ours.high[0]) == pytest.approx((low if found else 0, high if found < n else 1), abs=1e-12)


def test_newcombe_as_published():
    """56 of 70 against 48 of 80, and 9 of 10 against 3 of 10 (Newcombe, 1998, table II, method 10)."""
    first = limits_of(np.array([56.0, 9.0]), np.array([70.0, 10.0]), interval="wilson")
    second = limits_of(np.array([48.0, 3.0]), np.array([80.0, 10.0]), interval="wilson")
    found = square_and_add((1.0, first), (-1.0, second))
    np.testing.assert_allclose(found.low, [0.0524, 0.1705], atol=5e-5)
    np.testing.assert_allclose(found.high, [0.3339, 0.8090], atol=5e-5)


def test_square_and_add_by_hand():
    one, two = Limits(*np.array([[0.5], [0.3], [0.6]])), Limits(*np.array([[0.2], [0.1], [0.5]]))
    found = square_and_add((0.5, one), (0.5, two))
    assert found.estimate[0] == pytest.approx(0.35)
    assert found.low[0] == pytest.approx(0.35 - np.hypot(0.1, 0.05))
    assert found.high[0] == pytest.approx(0.35 + np.hypot(0.05, 0.15))


def test_the_delta_method_by_hand():
    found = intervals(counts_of(8, 2, 1, 9), interval="wilson", correction="log-linear")
    h, f = 8.5 / 11, 1.5 / 11
    error = np.sqrt(sum(p * (1 - p) / 11 / norm.pdf(norm.ppf(p)) ** 2 for p in (h, f)))
    middle = norm.ppf(h) - norm.ppf(f)
    assert found["d_prime"].low[0] == pytest.approx(middle - 1.959964 * error, abs=1e-6)
    assert found["d_prime"].high[0] == pytest.approx(middle + 1.959964 * error, abs=1e-6)
    assert found["criterion"].high[0] - found["criterion"].estimate[0] == pytest.approx(1.959964 * error / 2, abs=1e-6)


@settings(deadline=None, max_examples=40)
@given(counted, st.sampled_from(["wilson", "jeffreys"]), st.sampled_from(["log-linear", "1/(2n)"]))
def test_a_score_lies_in_its_interval(cells, interval, correction):
    counts = counts_of(*cells)
    scores = derived(counts, correction=correction)
    for name, limits in intervals(counts, interval=interval, correction=correction).items():
        np.testing.assert_allclose(limits.estimate, scores[name], atol=1e-12)
        inside = (limits.low <= scores[name] + 1e-12) & (scores[name] - 1e-12 <= limits.high)
        assert (inside | np.isnan(scores[name])).all()
        assert (np.isnan(limits.low) == np.isnan(scores[name])).all()


# --- exclusion ------------------------------------------------------------------------------------------------------


@pytest.fixture
def crowd():
    """Four participants: one attends, one always says old, one misses vigilance repeats, one hardly answers."""
    rows = [
        (who, image, kind, answer)
        for who, answers in {"a": "1100101", "b": "1111111", "c": "1100100", "d": "1------"}.items()
        for image, kind, answer in zip("pqrsxyz", ["t", "t", "f", "f", "v", "f", "v"], answers, strict=True)
    ]
    table = pd.DataFrame(rows, columns=["participant", "image", "kind", "answer"])
    table["answer"] = table["answer"].map({"1": "yes", "0": "no"})
    return table.assign(truth=(table["kind"] != "f").map({True: "old", False: "new"}), check=table["kind"] == "v")


def test_who_is_excluded_and_why(crowd):
    before = crowd.copy()
    rules = {"false_alarm_rate": 0.7, "vigilance_miss_rate": 0.5, "n_trials": 2, "missing_rate": 0.5}
    kept, people = mf.scores.exclude(crowd, rules=rules, vigilance="check")
    assert people["excluded"].values.tolist() == [False, True, True, True]
    assert people["reason"].values.tolist() == [
        "",
        "false_alarm_rate 1 ≥ 0.7",
        "vigilance_miss_rate 0.5 ≥ 0.5",
        "n_trials 1 < 2; missing_rate 0.857 ≥ 0.5",
    ]
    assert people["n_vigilance"].values.tolist() == [2, 2, 2, 0]
    assert people["n_without_response"].values.tolist() == [0, 0, 0, 6]
    assert people["hits"].values.tolist() == [4, 4, 3, 1]
    assert people["false_alarm_rate"].values[:3].tolist() == [0, 1, 0]
    assert np.isnan(people["false_alarm_rate"].values[3])
    pd.testing.assert_frame_equal(kept, crowd[crowd["participant"] == "a"], check_flags=False)
    pd.testing.assert_frame_equal(crowd, before)
    assert (crowd.attrs, people.attrs["excluded"]) == ({}, "3 of 4 participants")


def test_scores_say_who_was_left_out_before(crowd):
    once, _ = mf.scores.exclude(crowd, rules={"false_alarm_rate": 0.7})
    twice, _ = mf.scores.exclude(once, rules={"n_trials": 3})
    scores = mf.scores.from_trials(twice)
    assert scores.attrs["excluded"] == "1 of 4 participants; then 1 of 3 participants"
    assert scores.attrs["exclusion_rules"] == '{"false_alarm_rate": 0.7}; then {"n_trials": 3}'
    assert scores.attrs["n_participants"] == 2
    assert "excluded" not in mf.scores.from_trials(crowd).attrs


def test_rules_by_what_is_too_small(crowd):
    _, people = mf.scores.exclude(crowd, rules={"hit_rate": 0.8})
    assert people["reason"].values.tolist() == ["", "", "hit_rate 0.75 < 0.8", ""]
    kept, people = mf.scores.exclude(crowd, rules={"d_prime": 0.5})
    assert people["excluded"].values.tolist() == [False, True, False, False]
    assert len(kept) == 21


def test_a_participant_without_any_answer_is_counted(crowd):
    crowd.loc[crowd["participant"] == "d", "answer"] = None
    kept, people = mf.scores.exclude(crowd, rules={"n_trials": 1})
    assert people["n_trials"].values.tolist() == [7, 7, 7, 0]
    assert set(kept["participant"]) == {"a", "b", "c"}


def test_bad_rules_are_refused(crowd):
    with pytest.raises(KindError, match=r"rules must be a dict of one limit or more; got \{\}"):
        mf.scores.exclude(crowd, rules={})
    with pytest.raises(UnknownNameError, match="rules must be a known name; got 'hits'. Did you mean 'hit_rate'"):
        mf.scores.exclude(crowd, rules={"hits": 1})
    with pytest.raises(KindError, match=r"rules\['hit_rate'\] must be a number; got True"):
        mf.scores.exclude(crowd, rules={"hit_rate": True})
    with pytest.raises(ArgumentError, match="vigilance must name the column of vigilance repeats; got None. Without"):
        mf.scores.exclude(crowd, rules={"vigilance_miss_rate": 0.7})
    with pytest.raises(ArgumentError, match="vigilance must mark a trial; got none in column 'check'. Name another"):
        mf.scores.exclude(crowd.assign(check="no"), rules={"vigilance_miss_rate": 0.7}, vigilance="check")
    with pytest.raises(UnknownNameError, match="vigilance must be a known name; got 'checks'. Did you mean 'check'"):
        mf.scores.exclude(crowd, rules={"vigilance_miss_rate": 0.7}, vigilance="checks")
    with pytest.raises(ArgumentError, match="rules must leave somebody in"):
        mf.scores.exclude(crowd, rules={"n_trials": 100})
    with pytest.raises(ArgumentError, match="one column that names the participant"):
        mf.scores.exclude(crowd.drop(columns="participant"), rules={"n_trials": 1})


@pytest.mark.parametrize("limit", [np.int64(7), np.float32(0.75), np.float64(7)])
def test_limits_may_come_from_pandas(crowd, limit):
    name = "n_trials" if limit > 1 else "hit_rate"
    kept, people = mf.scores.exclude(crowd, rules={name: limit})
    plain, _ = mf.scores.exclude(crowd, rules={name: float(limit)})
    pd.testing.assert_frame_equal(kept, plain)
    assert json.loads(people.attrs["exclusion_rules"]) == {name: float(limit)}


@pytest.mark.parametrize(
    ("rules", "advice"),
    [
        ({"false_alarm_rate": 70}, r"rules\['false_alarm_rate'\] must lie between 0 and 1; got 70. A rate is a share"),
        ({"hit_rate": -0.1}, "must lie between 0 and 1; got -0.1"),
        ({"missing_rate": 1.01}, "must lie between 0 and 1"),
        ({"n_trials": -3}, r"rules\['n_trials'\] must be at least 0; got -3"),
    ],
)
def test_limits_lie_where_values_do(crowd, rules, advice):
    with pytest.raises(ArgumentError, match=advice):
        mf.scores.exclude(crowd, rules=rules)


@pytest.mark.parametrize(("name", "kind"), [("image", int), ("path", str), ("stimulus", float)])
def test_an_index_that_is_called_like_a_name_names_images(name, kind):
    counts = pd.DataFrame({"hits": [3, 2], "misses": [1, 1]}, index=pd.Index([kind(7), kind(8)], name=name))
    found = mf.scores.rates(counts)
    assert found["hits"].values.tolist() == [3, 2]
    assert [float(one) for one in found["image"].values] == [7, 8]


def test_the_option_that_names_images_is_the_one_that_there_is():
    counts = pd.DataFrame({"hits": [3, 2], "misses": [1, 1], "stim": ["a", "b"]})
    with pytest.raises(
        ArgumentError, match="counts must have one column that names the images.*: image='stim'"
    ) as said:
        mf.scores.rates(counts)
    assert "column='" not in str(said.value)
    assert mf.scores.rates(counts, image="stim")["image"].values.tolist() == ["a", "b"]
    with pytest.raises(ArgumentError, match="Say which: image='…'"):
        mf.scores.rates(counts.drop(columns="stim"))
    with pytest.raises(UnknownNameError, match="image must be a column of counts; got 'picture'"):
        mf.scores.rates(counts, image="picture")


def test_counts_of_an_image_in_several_rows_are_to_be_added():
    counts = pd.DataFrame({"image": ["a", "a", "b"], "hits": [3, 2, 1], "misses": [1, 1, 1]})
    with pytest.raises(ArgumentError, match=r"Add its counts: .*mf\.scores\.split_half for reliability") as said:
        mf.scores.resplit(counts)
    added = eval(str(said.value).partition("counts: ")[2].partition(". If")[0], {"counts": counts})
    assert mf.scores.rates(added)["hits"].values.tolist() == [5, 1]


def test_a_table_of_counts_without_rows_is_refused():
    with pytest.raises(ArgumentError, match="counts must hold at least one image; got no rows"):
        mf.scores.rates(pd.DataFrame({"image": [], "hits": [], "misses": []}))


# --- confidence -----------------------------------------------------------------------------------------------------


def rated(trials):
    """From sure new (lowest) to sure old, in whole numbers."""
    sign = np.where(trials["response"] == "yes", 1, -1)
    return sign * (trials["confidence"] - trials["confidence"].min() + 1)


def test_areas_are_those_of_scikit_learn():
    trials = experiment(np.random.default_rng(2))
    found, rating = mf.scores.roc(trials), rated(trials)
    for image, rows in trials.groupby("image"):
        old = rows["truth"] == "old"
        assert float(found["auc"].sel(image=image)) == pytest.approx(roc_auc_score(old, rating[rows.index]), abs=1e-12)
    whole = mf.scores.roc(trials, by="all")
    false, true, thresholds = roc_curve(trials["truth"] == "old", rating, drop_intermediate=False)
    np.testing.assert_array_equal(whole["threshold"], thresholds)
    np.testing.assert_allclose(whole["hit_rate"], true)
    np.testing.assert_allclose(whole["false_alarm_rate"], false)
    assert whole["auc"].item() == pytest.approx(roc_auc_score(trials["truth"] == "old", rating), abs=1e-12)
    assert whole["auc"].dims == ()
    assert found["hit_rate"].dims == ("image", "threshold")
    assert (found.attrs["by"], whole.attrs["by"]) == ("image", "all")


def test_one_scale_from_new_to_old_gives_the_same_curve():
    trials = experiment(np.random.default_rng(3))
    two = mf.scores.roc(trials.assign(rating=rated(trials)), scale="old", confidence="rating")
    one = mf.scores.roc(trials)
    np.testing.assert_array_equal(one["hit_rate"], two["hit_rate"])
    np.testing.assert_array_equal(one["auc"], two["auc"])
    with pytest.raises(ArgumentError, match="response must be left out with scale='old'"):
        mf.scores.roc(trials, scale="old", response="response")


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(1, 3)), min_size=4, max_size=30))
def test_the_area_counts_pairs(rows):
    old, said, sure = map(np.array, zip(*rows, strict=True))
    table = pd.DataFrame({"image": "a", "truth": old, "response": said, "confidence": sure})
    rating = np.where(said, sure, -sure)
    if len(set(rating)) < 2:
        with pytest.raises(
            ArgumentError, match="confidence must vary; got .* in all trials. Name the column of ratings"
        ):
            mf.scores.roc(table)
        return
    found = mf.scores.roc(table)["auc"].item()
    pairs = [(a > b) + (a == b) / 2 for a in rating[old] for b in rating[~old]]
    assert found == pytest.approx(np.mean(pairs), abs=1e-12) if pairs else np.isnan(found)


def test_bad_confidence_is_refused():
    trials = experiment(np.random.default_rng(3))
    with pytest.raises(ArgumentError, match="confidence must be there in every trial that has an answer"):
        mf.scores.roc(trials.assign(confidence=np.where(trials.index == 3, np.nan, 1)))
    with pytest.raises(ArgumentError, match="by must be one of 'image', 'all'; got 'person'"):
        mf.scores.roc(trials, by="person")
    with pytest.raises(ArgumentError, match="scale must be one of 'confidence', 'old'; got 'new'"):
        mf.scores.roc(trials, scale="new")
    with pytest.raises(ArgumentError, match="one column that says how sure the answer was"):
        mf.scores.roc(trials.drop(columns="confidence"))


# --- lags -----------------------------------------------------------------------------------------------------------


def repeats(rng, *, n_images=40, n=200, slope=-0.05):
    """Targets at lags from 20 to 300, hit as Khosla's model says, and the scores that were planted."""
    score = rng.uniform(0.5, 0.8, n_images)
    lag = np.exp(rng.uniform(np.log(20), np.log(300), (n_images, n))).round()
    hit = rng.random((n_images, n)) < score[:, None] + slope * np.log(lag / 100)
    image = np.repeat([f"{i:02d}" for i in range(n_images)], n)
    return pd.DataFrame({"image": image, "truth": 1, "response": hit.ravel(), "lag": lag.ravel()}), score


def test_the_alternating_fit_settles_at_weighted_least_squares():
    table, _ = repeats(np.random.default_rng(4))
    table = table.sample(frac=0.6, random_state=0)  # images with different numbers of answers
    found = mf.scores.lag_corrected(table)
    names, image = np.unique(table["image"], return_inverse=True)
    weight = 1 / np.sqrt(np.bincount(image)[image])
    design = np.column_stack([np.eye(len(names))[image], np.log(table["lag"] / 100)])
    best = np.linalg.lstsq(design * weight[:, None], table["response"] * weight, rcond=None)[0]
    np.testing.assert_allclose(found["lag_corrected"], best[:-1], atol=1e-9)
    assert found["slope"].item() == pytest.approx(best[-1], abs=1e-9)
    assert (found.attrs["settled"], found.attrs["reference_lag"]) == ("true", 100)


def test_planted_scores_and_slope_are_recovered():
    table, score = repeats(np.random.default_rng(5), n=2_000)
    found = mf.scores.lag_corrected(table)
    assert found["slope"].item() == pytest.approx(-0.05, abs=3 * 0.0022)  # its standard error
    assert np.abs(found["lag_corrected"] - score).max() < 0.04  # of 40, with standard error .011
    none, _ = repeats(np.random.default_rng(6), n=2_000, slope=0)
    assert mf.scores.lag_corrected(none)["slope"].item() == pytest.approx(0, abs=3 * 0.0022)


def test_a_round_by_hand():
    table = pd.DataFrame({"image": list("aabb"), "truth": 1, "response": [1, 0, 1, 1], "lag": np.exp([1, 2, 1, 3])})
    found = mf.scores.lag_corrected(table, reference_lag=1, n_rounds=1)
    # of log lags (1, 2), (1, 3): means of l (x - 1) are -1 and 0, of l² 2.5 and 5
    assert found["slope"].item() == pytest.approx(-1 / 7.5)
    np.testing.assert_allclose(found["lag_corrected"], [0.5 + 1.5 / 7.5, 1 + 2 / 7.5])
    assert found.attrs["n_rounds"] == 1
    np.testing.assert_allclose(found["hit_rate"], [0.5, 1])


def test_another_reference_moves_all_scores_alike():
    table, _ = repeats(np.random.default_rng(7), n=30)
    one, two = mf.scores.lag_corrected(table), mf.scores.lag_corrected(table, reference_lag=75)
    moved = (two["lag_corrected"] - one["lag_corrected"]).values
    np.testing.assert_allclose(moved, one["slope"].item() * log(0.75), atol=1e-9)


def test_foils_need_no_lag_and_images_that_were_only_foils_are_counted():
    table, _ = repeats(np.random.default_rng(8), n_images=3, n=20)
    foils = pd.DataFrame({"image": ["00", "x"], "truth": 0, "response": False, "lag": np.nan})
    found = mf.scores.lag_corrected(pd.concat([table, foils]))
    xr.testing.assert_equal(found, mf.scores.lag_corrected(table))
    assert found.attrs["n_images_never_target"] == 1


def test_bad_lags_are_refused(monkeypatch):
    table, _ = repeats(np.random.default_rng(9), n_images=3, n=20)
    with pytest.raises(ArgumentError, match=r"lag must be above 0 for every target; got 1 trials with 1: '-3.0'"):
        mf.scores.lag_corrected(table.assign(lag=np.where(table.index == 5, -3, table["lag"])))
    with pytest.raises(ArgumentError, match="lag must differ within an image; got one lag for each image"):
        mf.scores.lag_corrected(table.assign(lag=7))
    with pytest.raises(ArgumentError, match="trials must hold targets; got foils only"):
        mf.scores.lag_corrected(table.assign(truth=0))
    for bad, error in [(0, ArgumentError), ("100", KindError), (True, KindError), (np.inf, ArgumentError)]:
        with pytest.raises(error, match="reference_lag must be .*leave it out for 100"):
            mf.scores.lag_corrected(table, reference_lag=bad)
    with pytest.raises(ArgumentError, match="n_rounds must be at least 1"):
        mf.scores.lag_corrected(table, n_rounds=0)
    monkeypatch.setattr(lags, "MOST", 3)
    with pytest.warns(NotConvergedWarning, match="has not settled after 3 rounds"):
        assert mf.scores.lag_corrected(table, reference_lag=1e6).attrs["settled"] == "false"


# --- published sets -------------------------------------------------------------------------------------------------


@pytest.mark.data
@pytest.mark.parametrize("name", ["Exp1_New", "Exp1_Old", "Exp2", "Exp2b"])
def test_trials_of_rocks_give_the_published_scores(data_folder, name):
    table = pd.read_csv(data_folder / "rocks480" / "trials.csv.gz", low_memory=False)
    experiment, _, version = name.partition("_")
    rows = (table["exp"] == experiment) & table["version"].fillna("").str.startswith(version)
    found = mf.scores.from_trials(table[rows], truth="target", response="old")
    published = pd.read_csv(data_folder / "rocks480" / f"image_scores_{name}.csv").set_index("image").sort_index()
    assert found["image"].values.tolist() == published.index.tolist()
    assert found["n_targets"].values.tolist() == published["n_target"].tolist()
    for ours, theirs in [("hit_rate", "HR"), ("false_alarm_rate", "FAR"), ("corrected_recognition", "CR")]:
        assert np.abs(found[ours].values - published[theirs]).max() <= 5e-5 + 1e-12  # four digits


@pytest.mark.data
def test_counts_of_published_sets_give_their_rates(data_folder):
    scenes = data_folder / "figrim" / "amt_counts_630_targets.csv"
    found = mf.scores.rates(scenes, image="file", false_alarms="fa", correct_rejections="cr")
    table = pd.read_csv(scenes).set_index("file").sort_index()
    np.testing.assert_allclose(found["hit_rate"], table["HR"], rtol=1e-14)
    np.testing.assert_allclose(found["false_alarm_rate"], table["FAR"], rtol=1e-14)
    for which in ("set1", "set2"):
        file = data_folder / "rim2025" / f"{which}_memorability.csv"
        columns = dict(zip(Counts._fields, ["target_hit", "target_miss", "target_fa", "target_cr"], strict=True))
        found, table = mf.scores.rates(file, **columns), pd.read_csv(file, dtype={"image_name": str})
        table = table.set_index("image_name").sort_index()
        assert found["image"].values.tolist() == table.index.tolist()
        for ours, theirs in [("hit_rate", "hr"), ("false_alarm_rate", "far"), ("corrected_recognition", "crr")]:
            np.testing.assert_allclose(found[ours], table[f"target_{theirs}"], rtol=0, atol=1e-15)


@pytest.mark.data
def test_counts_of_memcat_give_its_scores(data_folder):
    file = data_folder / "memcat" / "memcat_image_data.csv"
    columns = {"hits": "H", "n_targets": "n_resp", "false_alarms": "FA", "n_foils": "n_resp"}
    found = mf.scores.rates(file, image="image_file", **columns)
    table = pd.read_csv(file).set_index("image_file").sort_index()
    for ours, theirs in [("hit_rate", "wo"), ("corrected_recognition", "w")]:
        np.testing.assert_allclose(found[ours], table[f"memorability_{theirs}_fa_correction"], rtol=0, atol=1e-14)


@pytest.mark.data
def test_trials_in_the_laboratory_rank_scenes_as_those_online(data_folder):
    folder = data_folder / "figrim"
    lab, online = (
        pd.read_csv(folder / "lab_trials_630_targets.csv.gz"),
        pd.read_csv(folder / "amt_counts_630_targets.csv"),
    )
    first = lab.assign(truth="new", response=lab["enc"].map({2: "old", 4: "new"}))
    again = lab.assign(truth="old", response=lab["rec"].map({1: "old", 3: "new"}))
    found = mf.scores.from_trials(pd.concat([first, again], ignore_index=True), image="file")
    hit_rate = online.set_index("file").sort_index()["HR"]
    assert found["image"].values.tolist() == hit_rate.index.tolist()
    rho = pd.Series(found["hit_rate"].values).corr(pd.Series(hit_rate.values), method="spearman")
    assert rho == pytest.approx(0.657, abs=5e-4)
    assert json.loads(json.dumps(found.attrs)) == found.attrs


@pytest.mark.data
def test_how_much_answers_of_the_same_people_to_target_and_foil_have_in_common(data_folder):
    """What docs/scores.md says of intervals that take both as independent."""
    rocks = pd.read_csv(data_folder / "rocks480" / "trials.csv.gz", low_memory=False)
    shown = rocks.groupby(["exp", "version", "participant", "image"], dropna=False)["target"].nunique()
    assert set(shown) == {1}
    lab = pd.read_csv(data_folder / "figrim" / "lab_trials_630_targets.csv.gz")
    lab = lab[(lab["enc"] > 0) & (lab["rec"] > 0)]
    alarm, hit = (lab["enc"] == 2) * 1.0, (lab["rec"] == 1) * 1.0
    within = [one - one.groupby(lab["file"]).transform("mean") for one in (alarm, hit)]
    assert np.corrcoef(*within)[0, 1] == pytest.approx(0.03, abs=0.005)


# --- the command line -----------------------------------------------------------------------------------------------


def run(*arguments):
    runner = click.testing.CliRunner()
    if "mix_stderr" in inspect.signature(click.testing.CliRunner).parameters:  # click before 8.2
        runner = click.testing.CliRunner(mix_stderr=False)
    return runner.invoke(main, ["scores", *map(str, arguments)])


def test_the_command_line_scores_a_table(tmp_path):
    trials = experiment(np.random.default_rng(0)).rename(columns={"truth": "target", "response": "key"})
    trials.loc[trials["participant"] == "p007", "key"] = "yes"
    file, out = tmp_path / "trials.csv", tmp_path / "scores.csv"
    trials.to_csv(file, index=False)
    named = ["--truth", "target", "--response", "key"]
    done = run(file, *named, "--exclude", "false_alarm_rate=0.9", "--interval", "jeffreys", "-o", out)
    assert done.exit_code == 0, done.output
    assert "left out: participant p007, false_alarm_rate 1 ≥ 0.9" in done.stderr
    kept = trials[trials["participant"] != "p007"]
    wanted = mf.scores.from_trials(kept, truth="target", response="key", interval="jeffreys")
    written = pd.read_csv(out)
    assert written.columns.tolist() == ["image", *wanted.data_vars]
    np.testing.assert_allclose(written["d_prime_ci_low"], wanted["d_prime_ci_low"], rtol=1e-12)
    assert json.loads((tmp_path / "scores.csv.json").read_text())["excluded"] == "1 of 30 participants"
    rows = json.loads(run(file, *named, "--json").stdout)["rows"]
    assert len(rows) == 12
    assert run(file, *named, "--exclude", "hits").exit_code == 2
    assert run(file, *named, "--vigilance", "key").exit_code == 2
    failed = run(file)
    assert failed.exit_code == 3
    assert "trials must have one column that says what was shown" in failed.stderr


def numbered_trials():
    """Trials of images that are called by numbers."""
    trials = experiment(np.random.default_rng(1))
    return trials.assign(image=trials["image"].str[:2].astype(int))


def test_scores_of_images_that_are_numbers_go_with_columns_of_the_same_numbers():
    found = mf.scores.from_trials(numbered_trials())
    ratings = pd.DataFrame({"image": np.arange(12)[::-1], "q": np.arange(12.0)[::-1] ** 2})
    text = ratings.assign(image=ratings["image"].astype(str)).set_index("image")["q"]
    options = {"n_permutations": 0, "n_bootstraps": 0}
    plain = mf.measures.profile(found[["hit_rate"]], text, **options)
    for rated in (ratings, ratings.set_index("image")["q"], ratings.set_index("image")):
        same = mf.measures.profile(found[["hit_rate"]], rated, **options)
        np.testing.assert_array_equal(same["estimate"].values.ravel(), plain["estimate"].values)


def test_blocks_of_images_that_are_numbers():
    kinds = pd.Series(["a", "b"] * 6, index=pd.Index(range(12), name="image"))
    options = {"n_splits": 10, "n_bootstraps": 20, "permute": "within", "measures": "hit_rate"}
    found = mf.scores.split_half(numbered_trials(), blocks=kinds, **options)
    same = mf.scores.split_half(numbered_trials(), blocks=kinds.rename(index=str), **options)
    xr.testing.assert_identical(found, same)


@pytest.mark.parametrize("form", ["table", "series", "array"])
def test_numbers_by_trial_go_by_the_names_of_images(form):
    trials = numbered_trials()
    table = pd.DataFrame({"image": np.arange(13)[::-1], "m": np.arange(13.0)[::-1]})
    series = table.set_index("image")["m"]
    given = {"table": table, "series": series, "array": series.to_xarray()}[form]
    found = mf.scores.to_long(trials, memorability=given)
    np.testing.assert_array_equal(found["m"], found["image"].astype(float))
    assert "image" in table.columns


@pytest.mark.parametrize(
    ("memorability", "advice"),
    [
        (pd.Series(np.arange(12.0)), "got numbers of rows. Its index counts rows: name images"),
        (pd.Series(np.arange(12.0), [f"{i:02d}.png" for i in range(12)]), "Names differ in their folder, ending or"),
        (
            pd.Series(np.arange(9.0), [f"{i:02d}.jpg" for i in range(9)]),
            "none for 3: .*Leave their trials out, or give",
        ),
        (
            pd.DataFrame({"n": 1.0, "k": 2.0}, ["x", "y"]),
            r"memorability\['n'\] must have .* got 2: 'x', 'y', and not 12",
        ),
    ],
)
def test_numbers_of_other_images_are_told_what_they_are_called(memorability, advice):
    with pytest.raises(ArgumentError, match=advice):
        mf.scores.to_long(experiment(np.random.default_rng(1)), memorability=memorability)
