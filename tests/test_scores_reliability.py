"""Reliability from halves: by hand, against pandas and scipy, and where it is taken on."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, pearsonr, rankdata, spearmanr

import memfeat as mf
from memfeat.errors import ArgumentError, KindError, UnknownNameError
from memfeat.scores import agreement, halving, summing

CORRELATIONS = {"spearman": spearmanr, "pearson": pearsonr}
MEASURES = list(halving.USUAL)


def study(n_participants=9, n_images=20, seed=0, seen=0.9, spread=0.25):
    """Everyone sees most images as targets and, before, as foils: images and people differ."""
    rng = np.random.default_rng(seed)
    hit, alarm = (np.clip(mean + spread * rng.standard_normal(n_images), 0.02, 0.98) for mean in (0.6, 0.3))
    cells = [(who, image, truth) for who, image, truth in product(range(n_participants), range(n_images), (0, 1))]
    cells = [cell for cell in cells if rng.random() < seen]
    table = pd.DataFrame(cells, columns=["participant", "image", "truth"])
    chance = np.where(table["truth"] == 1, hit[table["image"]], alarm[table["image"]])
    table["response"] = (rng.random(len(table)) < chance).astype(int)
    table["image"] = [f"{i:03d}.jpg" for i in table["image"]]
    return table


def scored_by_hand(table):
    """One row per image, as anyone would with pandas."""
    cells = table.groupby(["image", "truth"])["response"].agg(["sum", "count"]).unstack(fill_value=0)
    k, n = cells["sum"].reindex(columns=[0, 1], fill_value=0), cells["count"].reindex(columns=[0, 1], fill_value=0)
    rate, smooth = (k / n).where(n >= 2), ((k + 0.5) / (n + 1)).where(n >= 2)
    return pd.DataFrame(
        {
            "hit_rate": rate[1],
            "false_alarm_rate": rate[0],
            "corrected_recognition": (rate[1] - rate[0]).round(12),
            "d_prime": (pd.Series(norm.ppf(smooth[1]), rate.index) - norm.ppf(smooth[0])).round(12),
        }
    )


def by_hand(table, dealt, method="spearman"):
    """Correlation of each measure in each split, and how many images it is of."""
    people = sorted(table["participant"].unique(), key=str)
    rows = {name: [] for name in MEASURES}
    for split in dealt:
        first, second = (
            scored_by_hand(
                table[table["participant"].isin([p for p, h in zip(people, split, strict=True) if h == half])]
            )
            for half in (0, 1)
        )
        for name in MEASURES:
            both = pd.concat([first[name], second[name]], axis=1).dropna()
            rows[name].append(CORRELATIONS[method](*both.values.T).statistic)
    return pd.DataFrame(rows)


@pytest.mark.parametrize("method", CORRELATIONS)
def test_every_split_is_what_pandas_gives_for_the_same_participants(method):
    table = study(seen=0.7)
    found = mf.scores.split_half(table, method=method, n_splits=8, n_bootstraps=0, rng=3)
    expected = by_hand(table, halving.splits(9, 8, np.random.default_rng(3)), method)
    assert found["measure"].values.tolist() == MEASURES
    np.testing.assert_allclose(found["correlation"].T, expected[MEASURES], atol=1e-10)
    np.testing.assert_allclose(found["estimate"], expected.mean(), atol=1e-10)
    np.testing.assert_allclose(found["spread"], expected.std(), atol=1e-10)


def test_four_participants_have_three_splits():
    answers = {"a": [1, 1, 1, 0], "b": [1, 0, 0, 0], "c": [0, 0, 1, 1], "d": [1, 1, 1, 1]}
    rows = [(who, image, 1, said) for image, column in answers.items() for who, said in enumerate(column)]
    table = pd.DataFrame(rows, columns=["participant", "image", "truth", "response"])
    found = mf.scores.split_half(table, n_splits=200, n_bootstraps=0, method="pearson")
    # 01|23: (1, .5, 0, 1) with (.5, 0, 1, 1); 02|13: (1, .5, .5, 1), (.5, 0, .5, 1); 03|12: (.5, .5, .5, 1) and
    # (1, 0, .5, 1)
    three = {round(r, 6) for r in (-1 / 11, 1 / 2**0.5, (3 / 11) ** 0.5)}
    assert set(found["correlation"].values.ravel().round(6)) == three
    assert found["measure"].values.tolist() == ["hit_rate"]
    r = found["estimate"].item()
    assert found["reliability"].item() == pytest.approx(2 * r / (1 + r))
    assert found["ceiling"].item() == pytest.approx(np.sqrt(2 * r / (1 + r)))
    assert found.attrs["participants_left_over"] == 0


def test_halves_are_equal_and_one_participant_is_left_over():
    dealt = halving.splits(7, 500, np.random.default_rng(0))
    assert ((dealt == 0).sum(axis=1) == 3).all()
    assert ((dealt == 1).sum(axis=1) == 3).all()
    # each participant is left over, and is with each other one, as often as chance has it
    np.testing.assert_allclose((dealt == -1).mean(axis=0), 1 / 7, atol=0.06)
    np.testing.assert_allclose((dealt[:, 1:] == dealt[:, :1]).mean(axis=0), (6 * 2 / 6) / 7, atol=0.08)


def test_images_without_two_responses_in_each_half_are_dropped_and_counted():
    table = study(n_participants=8, seen=1.0)
    few = (table["image"] == "000.jpg") & (table["participant"] > 2)
    some = (table["image"] == "001.jpg") & (table["participant"] > 4)
    found = mf.scores.split_half(table[~few & ~some], n_splits=50, n_bootstraps=20)
    assert found["n"].values.tolist() == [19] * 4
    assert found["n_dropped"].values.tolist() == [1] * 4
    assert found["n_sometimes_dropped"].values.tolist() == [1] * 4
    halves = mf.scores.halves(table[~few & ~some], n_splits=50)
    assert halves["hit_rate"].sel(image="000.jpg").isnull().any("half").all()
    # of the five who saw it one or four are in the first half
    share = halves["hit_rate"].sel(image="001.jpg").isnull().any("half").mean()
    assert share.item() == pytest.approx(10 / 70, abs=0.1)
    assert halves["hit_rate"].drop_sel(image=["000.jpg", "001.jpg"]).notnull().all()


def test_measures_are_judged_by_the_responses_that_they_need():
    table = study(seen=1.0)
    targets_only = table[(table["truth"] == 1) | (table["image"] > "011.jpg")]
    found = mf.scores.split_half(targets_only, n_splits=10, n_bootstraps=0)
    assert found["n"].to_series().to_dict() == {
        "hit_rate": 20, "false_alarm_rate": 8, "corrected_recognition": 8, "d_prime": 8,
    }  # fmt: skip
    assert mf.scores.split_half(table[table["truth"] == 1], n_splits=10, n_bootstraps=0)["measure"].item() == "hit_rate"


def test_halves_are_those_of_split_half_and_give_the_same_reliability():
    table = study(n_participants=13, seen=0.7)
    table_before, halves = table.copy(), mf.scores.halves(table, n_splits=30, rng=5)
    found = mf.scores.split_half(table, n_splits=30, n_bootstraps=50, rng=5)
    again = mf.scores.reliability(halves, n_bootstraps=0)
    pd.testing.assert_frame_equal(table, table_before)
    for name in (
        "estimate",
        "reliability",
        "ceiling",
        "spread",
        "n",
        "n_dropped",
        "n_sometimes_dropped",
        "correlation",
    ):
        xr.testing.assert_equal(found[name], again[name])
    assert halves["hit_rate"].dims == ("image", "half", "split")
    assert again.attrs["estimator"] == found.attrs["estimator"] == "participants in random halves"
    # those who are left over make the mean of both halves another than that of all
    even = mf.scores.halves(study(n_participants=8, seen=1.0), n_splits=4)
    rate = study(n_participants=8, seen=1.0).query("truth == 1").groupby("image")["response"].mean()
    np.testing.assert_allclose(even["hit_rate"].mean("half"), np.tile(rate.values[:, None], 4))


def test_a_result_does_not_depend_on_the_order_of_trials_or_on_the_size_of_blocks(monkeypatch):
    table = study(n_participants=12)
    options = {"n_splits": 60, "n_bootstraps": 40, "rng": 1}
    whole = mf.scores.split_half(table, **options)
    shuffled = mf.scores.split_half(table.sample(frac=1, random_state=0), **options)
    xr.testing.assert_equal(whole, shuffled)
    monkeypatch.setattr(halving, "ROOM", 100)
    monkeypatch.setattr(agreement, "ROOM", 100)
    xr.testing.assert_allclose(whole, mf.scores.split_half(table, **options), rtol=1e-12)


@pytest.mark.parametrize("method", CORRELATIONS)
def test_resampled_agreement_is_that_of_repeated_images(method):
    rng = np.random.default_rng(4)
    first, second = rng.integers(0, 6, (2, 5, 20)) / 7
    first[1, 3] = second[2, 7] = np.nan
    counts = rng.multinomial(20, np.full(20, 1 / 20), size=8)
    expected = np.zeros((8, 5))
    for d, s in product(range(8), range(5)):
        one, other = (np.repeat(values[s], counts[d]) for values in (first, second))
        there = np.isfinite(one) & np.isfinite(other)
        expected[d, s] = CORRELATIONS[method](one[there], other[there]).statistic
    found = agreement.resampled_agreement(first, second, counts, method=method)
    np.testing.assert_allclose(found, expected.mean(axis=1), atol=1e-12)
    np.testing.assert_allclose(
        agreement.resampled_agreement(first, second, np.ones((1, 20), dtype=np.int64), method=method),
        agreement.agreement(first, second, method=method).mean(),
        atol=1e-12,
    )


def test_the_interval_is_that_of_samples_of_images_moved_to_all_splits():
    halves = mf.scores.halves(study(n_images=25, seen=1.0), n_splits=60, rng=2)["hit_rate"]
    found = mf.scores.reliability(halves, n_bootstraps=10, rng=7)
    counts = mf.stats.bootstrap_counts(25, 10, rng=np.random.default_rng(7))
    two = halves.values.transpose(2, 0, 1)
    r = [[np.corrcoef(rankdata(np.repeat(both, row, axis=0), axis=0).T)[0, 1] for both in two[:50]] for row in counts]
    every = [spearmanr(*both.T).statistic for both in two]
    low, high = mf.stats.expanded(np.mean(r, axis=1), n=25)
    shift = np.mean(every) - np.mean(every[:50])
    np.testing.assert_allclose([found["ci_low"].item(), found["ci_high"].item()], [low + shift, high + shift])
    for name, limit in (("low", low + shift), ("high", high + shift)):
        assert found[f"reliability_ci_{name}"].item() == pytest.approx(2 * limit / (1 + limit))
        assert found[f"ceiling_ci_{name}"].item() == pytest.approx(np.sqrt(max(2 * limit / (1 + limit), 0)))
    assert summing.KEPT == 50


def test_the_interval_with_blocks_draws_whole_groups():
    table = study(n_images=24, seen=1.0)
    images = sorted(table["image"].unique())
    scene = pd.Series(np.repeat(list("abcdef"), 4), index=images, name="scene")
    options = {"n_splits": 20, "n_bootstraps": 100, "measures": "hit_rate"}
    whole = mf.scores.split_half(table, blocks=scene, permute="whole", **options)
    assert whole.attrs["blocks"] == "scene"
    assert whole.attrs["permute"] == "whole"
    assert whole["ci_low"].item() != mf.scores.split_half(table, **options)["ci_low"].item()
    with pytest.raises(ArgumentError, match="permute must be named when blocks are given"):
        mf.scores.split_half(table, blocks=scene, **options)


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(CORRELATIONS)))
def test_agreement_is_symmetric_and_blind_to_scale_and_order(seed, method):
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 9, (2, 3, 10)) / 8
    first[0, 2] = np.nan
    found = agreement.agreement(first, second, method=method)
    order = rng.permutation(10)
    np.testing.assert_allclose(agreement.agreement(second, first, method=method), found, atol=1e-12)
    np.testing.assert_allclose(agreement.agreement(3 * first - 1, second, method=method), found, atol=1e-10)
    np.testing.assert_allclose(agreement.agreement(first[:, order], second[:, order], method=method), found, atol=1e-10)
    assert (np.abs(found[np.isfinite(found)]) <= 1 + 1e-12).all()


def test_scores_that_are_alike_have_no_correlation():
    flat = np.full((1, 6), 0.3)
    assert np.isnan(agreement.agreement(flat, np.arange(6.0)[None], method="spearman")).all()
    assert np.isnan(agreement.agreement(flat, np.arange(6.0)[None], method="pearson")).all()
    assert np.isnan(agreement.resampled_agreement(flat, flat, np.ones((1, 6), dtype=np.int64), method="pearson")).all()
    table = study(seen=1.0).assign(response=1)
    with pytest.raises(
        ArgumentError, match=r"hit_rate must differ between images in both halves; got 100% of the splits"
    ):
        mf.scores.split_half(table, n_splits=5, n_bootstraps=0)


@pytest.mark.parametrize(
    ("change", "options", "error", "words"),
    [
        ({}, {"measures": "percent"}, ArgumentError, "measures must be one of 'hit_rate'"),
        ({}, {"measures": []}, ArgumentError, "measures must name at least one"),
        ({}, {"method": "kendall"}, ArgumentError, "method must be one of 'spearman', 'pearson'"),
        ({}, {"n_splits": 0}, ArgumentError, "n_splits must be at least 1"),
        ({}, {"n_bootstraps": -1}, ArgumentError, "n_bootstraps must be at least 0"),
        ({}, {"rng": None}, KindError, "rng must be a whole number"),
        ({}, {"split": 3}, UnknownNameError, "option must be a known name; got 'split'"),
        ({"participant": 1}, {}, ArgumentError, "trials must"),
        (
            {"truth": 1},
            {"measures": "d_prime"},
            ArgumentError,
            "hold 4 responses of a kind to each of 3 images; got fewer for d_prime",
        ),
    ],
)
def test_what_cannot_be_split_is_refused(change, options, error, words):
    table = study(seen=1.0).drop_duplicates(["participant", "image"]).assign(**change)
    with pytest.raises(error, match=words):
        mf.scores.split_half(table, **options)


def test_trials_without_participants_or_with_too_few_are_refused():
    table = study(seen=1.0)
    with pytest.raises(ArgumentError, match=r"name at least two participants; got no column of participants. Name the"):
        mf.scores.split_half(table.drop(columns="participant"))
    with pytest.raises(ArgumentError, match="name at least two participants; got 1 participants"):
        mf.scores.split_half(table[table["participant"] == 0])
    with pytest.raises(ArgumentError, match="hold 4 responses of a kind to each of 3 images"):
        mf.scores.split_half(table[table["participant"] < 3])


def per_image(halves, name="hit_rate"):
    return halves[name].mean(("half", "split")).rename(name)


def test_decoding_and_evaluation_take_the_halves():
    table = study(n_images=24, n_participants=20, seen=1.0)
    halves = mf.scores.halves(table, n_splits=10)
    scores = per_image(halves)
    rng = np.random.default_rng(0)
    noisy = scores.values[:, None] + 0.1 * rng.standard_normal((24, 3))
    features = xr.DataArray(noisy, {"image": scores["image"]}, ("image", "fc:unit"), "fc")
    options = {"n_permutations": 0, "n_bootstraps": 50}
    found = mf.regression.decode(features, scores, reliability=halves["hit_rate"], **options)
    reliability = mf.scores.reliability(halves["hit_rate"], n_bootstraps=0)["reliability"].item()
    np.testing.assert_allclose(found["estimate_relative"], found["estimate"] / np.sqrt(reliability))
    both = xr.Dataset({name: per_image(halves, name) for name in ("hit_rate", "false_alarm_rate")})
    several = mf.regression.decode(features, both, reliability=halves[["hit_rate", "false_alarm_rate"]], **options)
    np.testing.assert_allclose(several["estimate_relative"].sel(score="hit_rate"), found["estimate_relative"])
    predicted = xr.DataArray(noisy[:, 0], {"image": scores["image"]}, name="memorability")
    judged = mf.evaluation.evaluate(predicted, scores, reliability=halves["hit_rate"], n_bootstraps=50)
    np.testing.assert_allclose(judged["estimate"].sel(metric="reliability_spearman"), reliability)


def taken_on(verb, scores, reliability, n_bootstraps=20):
    """What each function that takes reliabilities makes of one."""
    noisy = np.random.default_rng(0).standard_normal((scores.sizes["image"], 3))
    noisy[:, 0] += 10 * (scores if isinstance(scores, xr.DataArray) else scores["hit_rate"]).values
    features = xr.DataArray(noisy, {"image": scores["image"]}, ("image", "fc:unit"), "fc")
    options = {"reliability": reliability, "n_bootstraps": n_bootstraps}
    if verb == "decode":
        return mf.regression.decode(features, scores, n_permutations=0, **options)
    if verb == "profile":
        return mf.measures.profile(mf.measures.magnitude(features), scores, n_permutations=0, **options)
    return mf.evaluation.evaluate(features[:, 0].rename("prediction"), scores, **options)


VERBS = ("decode", "profile", "evaluate")


@pytest.mark.parametrize("verb", VERBS)
def test_what_split_half_found_is_taken_as_the_number_of_its_measure(verb):
    table = study(n_images=24, n_participants=20, seen=1.0)
    found = mf.scores.split_half(table, n_splits=20, n_bootstraps=0)
    halves = mf.scores.halves(table, n_splits=20)
    scores = per_image(halves)
    before = found.copy(deep=True)
    for measure, summary in {
        "hit_rate": found,
        "false_alarm_rate": found.sel(measure="false_alarm_rate"),
        "d_prime": mf.scores.reliability(halves[["d_prime"]], n_bootstraps=0),
    }.items():
        known = found["reliability"].sel(measure=measure).item()
        result = taken_on(verb, scores, summary)
        wanted = taken_on(verb, scores, {"spearman_brown": known})
        said = f"split_half of {measure}: {known:.4g} (spearman, stepped up)"
        xr.testing.assert_identical(result, wanted.assign_attrs(reliability=said))
    xr.testing.assert_identical(found, before)
    pearson = mf.scores.split_half(table, n_splits=20, n_bootstraps=0, method="pearson").sel(measure="hit_rate")
    said = f"split_half of hit_rate: {pearson['reliability'].item():.4g} (pearson, stepped up)"
    assert taken_on(verb, scores, pearson, 0).attrs["reliability"] == said
    said = f"split_half of hit_rate: {pearson['reliability'].item():.4g} (stepped up)"
    assert taken_on(verb, scores, pearson.drop_attrs(), 0).attrs["reliability"] == said
    with pytest.raises(
        ArgumentError,
        match=r"reliability must have a measure called as the score 'memory'; got measures 4: 'hit_rate', "
        r"'false_alarm_rate', 'corrected_recognition', 'd_prime'. Choose one of them: reliability.sel\(measure='hit",
    ):
        taken_on(verb, scores.rename("memory"), found)


@pytest.mark.parametrize("verb", VERBS)
def test_halves_of_several_measures_are_taken_by_name(verb):
    halves = mf.scores.halves(study(n_images=24, n_participants=20, seen=1.0), n_splits=5)
    scores = per_image(halves)
    wanted = taken_on(verb, scores, halves["hit_rate"])
    xr.testing.assert_identical(taken_on(verb, scores, halves), wanted)
    counts = mf.scores.from_trials(study(n_images=24, n_participants=20, seen=1.0))
    dealt = mf.scores.resplit(counts, measures="hit_rate", n_splits=5)
    one = taken_on(verb, scores.rename("memory"), dealt)
    xr.testing.assert_equal(one.drop_vars("score", errors="ignore"), taken_on(verb, scores, dealt["hit_rate"]))
    choose = r"called as the score 'memory'; got measures 4: .* Choose one of them: reliability\['hit_rate'\]"
    with pytest.raises(ArgumentError, match=choose):
        taken_on(verb, scores.rename("memory"), halves)
    with pytest.raises(ArgumentError, match="called as the score 'hit_rate'; got none. Pass"):
        taken_on(verb, scores, halves[[]])


@pytest.mark.parametrize("verb", ["decode", "profile"])
def test_several_scores_take_the_measures_of_their_names(verb):
    table = study(n_images=24, n_participants=20, seen=1.0)
    found, halves = mf.scores.split_half(table, n_splits=20, n_bootstraps=0), mf.scores.halves(table, n_splits=5)
    both = xr.Dataset({name: per_image(halves, name) for name in ("hit_rate", "false_alarm_rate")})
    numbers = {name: found["reliability"].sel(measure=name).item() for name in both}
    result = taken_on(verb, both, found)
    wanted = taken_on(verb, both, {name: {"spearman_brown": r} for name, r in numbers.items()})
    xr.testing.assert_equal(result, wanted)
    for name, r in numbers.items():
        assert f"split_half of {name}: {r:.4g} (spearman, stepped up)" in result.attrs["reliability"]
    parts = {name: halves[name] for name in both}
    xr.testing.assert_identical(taken_on(verb, both, halves), taken_on(verb, both, parts))
    given = {"hit_rate": found, "false_alarm_rate": halves}
    mixed = taken_on(verb, both, given)
    xr.testing.assert_identical(mixed, taken_on(verb, both, given | {"false_alarm_rate": parts["false_alarm_rate"]}))
    one = taken_on(verb, both, found.sel(measure="hit_rate"))
    assert one["estimate_relative"].sel(score="false_alarm_rate").isnull().all()
    np.testing.assert_allclose(one["estimate_relative"], result["estimate_relative"].where(one["score"] == "hit_rate"))
    whose = r"called as one of the scores 'hit_rate', 'false_alarm_rate'; got measures 1: 'd_prime'. Say whose it is: "
    with pytest.raises(ArgumentError, match=whose + r"\{'hit_rate': reliability.sel\(measure='d_prime'\)\}"):
        taken_on(verb, both, found.sel(measure=["d_prime"]))


@pytest.mark.parametrize("verb", VERBS)
def test_split_halves_that_say_nothing_are_refused(verb):
    halves = mf.scores.halves(study(n_images=24, n_participants=20, seen=1.0), n_splits=2)
    scores = per_image(halves)
    found = mf.scores.split_half(study(n_images=24, n_participants=20, seen=1.0), n_splits=5, n_bootstraps=0)
    for value in (-0.2, 0.0, 1.0, np.nan):
        nothing = found.assign(reliability=found["reliability"] * 0 + value)
        with pytest.raises(ArgumentError, match=f"reliability must lie between 0 and 1; got {value:.4g} for hit_rate"):
            taken_on(verb, scores, nothing)
    with pytest.raises(ArgumentError, match=r"reliability must have dims image, half \(2\) and split; got \{'measure'"):
        taken_on(verb, scores, found["reliability"])


def test_model_rdms_of_halves_bound_what_an_rdm_can_reach():
    halves = mf.scores.halves(study(n_images=14, n_participants=20, seen=1.0), n_splits=6)["hit_rate"]
    scores = per_image(halves.to_dataset())
    ref = mf.rdm.from_scores(scores, kind="nearest")
    reliability = mf.rdm.from_scores(halves, kind="nearest")
    features = xr.DataArray(np.c_[scores, scores**2], {"image": scores["image"]}, ("image", "fc:unit"), "fc")
    rdms = mf.rdm.compute(features, metric="euclidean")
    found = mf.rsa.compare(rdms, ref, n_permutations=0, n_bootstraps=0, reliability=reliability)
    pairs = np.triu_indices(14, 1)
    gap = [[np.abs(np.subtract.outer(one, one))[pairs].round(12) for one in two] for two in halves.values.T]
    r = np.mean([spearmanr(first, second).statistic for first, second in gap])
    np.testing.assert_allclose(found["noise_upper"], np.sqrt(2 * r / (1 + r)))


# reliability by number of raters --------------------------------------------------------------------------------------


def found_in_halves():
    columns = {"reliability": [0.8, 0.5], "reliability_ci_low": [0.6, -0.1], "reliability_ci_high": [0.9, 0.7]}
    table = {name: ("measure", values) for name, values in columns.items()} | {"n": ("measure", [30, 30])}
    return xr.Dataset(table, {"measure": ["hit_rate", "d_prime"]}, {"interval": "95 %, over images"})


def test_reliability_by_raters_by_hand():
    found = mf.scores.by_raters(found_in_halves(), n_raters=10, at=[5, 10, 40])
    # 0.8 of 10 raters: half as many make 0.4 / 0.6, four times as many 3.2 / 3.4
    np.testing.assert_allclose(found["estimate"].sel(measure="hit_rate"), [2 / 3, 0.8, 16 / 17])
    np.testing.assert_allclose(found["ci_low"].sel(measure="hit_rate"), [0.3 / 0.7, 0.6, 2.4 / 2.8])
    np.testing.assert_allclose(found["ci_low"].sel(measure="d_prime"), 0)
    np.testing.assert_allclose(found["measured"], [0.8, 0.5])
    assert found["estimate"].dims == ("measure", "n_raters")
    assert found["n"].values.tolist() == [30, 30]
    assert found.attrs["interval"] == "95 %, over images"
    assert (found.attrs["n_measured"], found.attrs["n_images"]) == (10, "30")


def test_numbers_of_raters_are_whole_and_go_from_one_to_four_times_as_many():
    raters = mf.scores.by_raters({"split_half": 0.5}, n_raters=12.5)["n_raters"].values
    assert (raters[0], raters[-1]) == (1, 50)
    assert (raters == raters.round()).all()
    assert (np.diff(raters) > 0).all()


@given(st.floats(0.05, 0.95), st.integers(1, 200), st.floats(0.05, 0.95))
@settings(deadline=None, max_examples=40)
def test_as_many_raters_as_a_target_needs_reach_it_and_one_less_does_not(r, n, target):
    needed = mf.scores.n_raters(target, reliability={"spearman_brown": r}, n_raters=n)
    at = [needed] if needed == 1 else [needed, needed - 1]
    curve = mf.scores.by_raters({"spearman_brown": r}, n_raters=n, at=at)["estimate"].values
    assert curve[0] >= target - 1e-9
    assert (curve[1:] < target + 1e-9).all()


@pytest.mark.parametrize(
    ("given_as", "options", "error", "message"),
    [
        ({"spearman_brown": 0.5}, {"n_raters": 0}, ArgumentError, "n_raters must be above 0; got 0"),
        ({"spearman_brown": 0.5}, {"n_raters": "40"}, KindError, "n_raters must be a number of raters; got '40'"),
        ({"spearman_brown": 0.5}, {"n_raters": 4, "at": []}, ArgumentError, "at must hold a number of raters at least"),
        ({"spearman_brown": 0.5}, {"n_raters": 4, "at": [-1]}, ArgumentError, "at must be above 0; got -1"),
        ({"r": 0.5}, {"n_raters": 4}, ArgumentError, "reliability must hold one named number"),
        (
            found_in_halves().assign(reliability=("measure", [0.8, -0.2])),
            {"n_raters": 4},
            ArgumentError,
            "reliability must lie between 0 and 1 for each measure; got 0.8, -0.2",
        ),
        (
            found_in_halves().expand_dims(category=["x"]),
            {"n_raters": 4},
            ArgumentError,
            r"reliability must be of one measure or several; got dims \('category', 'measure'\)",
        ),
    ],
)
def test_reliability_by_raters_of_what_is_none_is_refused(given_as, options, error, message):
    with pytest.raises(error, match=message):
        mf.scores.by_raters(given_as, **options)
