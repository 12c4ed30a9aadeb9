"""Choosing sets: against every choice there is, against SciPy, on photographs, and what cannot be had."""

import json
import warnings
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import memfeat as mf
from memfeat import sets
from memfeat.errors import (
    ArgumentError,
    KindError,
    MemfeatError,
    OutOfReachError,
    OutOfReachWarning,
    UnknownNameError,
)
from memfeat.sets.choosing import exchanging
from memfeat.sets.choosing.asking import set_names
from memfeat.sets.choosing.pools import shared
from memfeat.sets.choosing.problems import Goal, Problem, judged

LOW = ["luminance", "rms_contrast", "saturation", "colourfulness", "edge_density", "spectral_slope"]


def table(n=60, seed=0, covariates=2):
    """A pool whose score goes with its first covariate."""
    rng = np.random.default_rng(seed)
    columns = {f"c{k}": rng.normal(size=n) for k in range(covariates)}
    first = columns["c0"] if covariates else 0
    return pd.DataFrame(
        {
            "image": [f"im_{i:03d}.jpg" for i in range(n)],
            "hit_rate": 0.6 + 0.1 * rng.normal(size=n) + 0.05 * first,
            **columns,
            "category": [("indoor", "outdoor", "people")[i % 3] for i in range(n)],
        }
    )


def covariates(frame):
    return [name for name in frame.columns if name.startswith("c") and name != "category"]


def members(chosen, name):
    return set(chosen["image"].values[chosen["set"].values == name].tolist())


def smd_by_hand(frame, chosen, column, first="A", second="B"):
    values = frame.set_index("image")[column]
    means = [np.mean([values[image] for image in members(chosen, name)]) for name in (first, second)]
    return (means[0] - means[1]) / np.std(values, ddof=1)


# --- every choice there is --------------------------------------------------------------------------------------------


def every_deal(frame, n, k):
    """Every way to choose k sets of n, in order: (deal, set, image of the set) as rows of the table."""

    def further(left, groups):
        if len(groups) == k:
            yield groups
            return
        for group in combinations(left, n):
            yield from further(left - set(group), [*groups, group])

    return np.array(list(further(frozenset(range(len(frame))), [])))


def imbalances(frame, deals, limits):
    over = []
    for column, limit in limits.items():
        means = frame[column].to_numpy()[deals].mean(axis=2)
        over.append(np.ptp(means, axis=1) / frame[column].std() / limit)
    return np.max(over, axis=0)


def gaps(frame, deals):
    means = frame["hit_rate"].to_numpy()[deals].mean(axis=2)
    return -np.diff(means, axis=1).max(axis=1) / frame["hit_rate"].std()


@pytest.mark.parametrize(("n", "k", "seed"), [(3, 2, 0), (2, 2, 1), (2, 3, 2)])
def test_the_program_finds_the_most_even_of_all_choices(n, k, seed):
    frame = table(8, seed)
    limits = {"hit_rate": 0.05, "c0": 0.1, "c1": 0.2}
    best = imbalances(frame, every_deal(frame, n, k), limits).min()
    options = {"variance_ratio": None, "best": True, "sets": k, "tolerance": {"c1": 0.2}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutOfReachWarning)
        chosen = sets.match(frame, n, score="hit_rate", covariates=["c0", "c1"], **options)
    assert chosen.attrs["imbalance"] == pytest.approx(best, rel=2e-3)
    assert chosen.attrs["optimal"] == "true"
    assert chosen.attrs["bound"] == pytest.approx(best, rel=2e-3)


@pytest.mark.parametrize(("n", "k", "seed"), [(3, 2, 0), (2, 2, 1), (2, 3, 2)])
def test_the_program_finds_the_largest_difference_of_all_choices(n, k, seed):
    frame = table(8, seed, covariates=1)
    deals = every_deal(frame, n, k)
    best = gaps(frame, deals[imbalances(frame, deals, {"c0": 0.6}) <= 1]).max()
    chosen = sets.match(
        frame, n, score="hit_rate", covariates="c0", difference="largest", sets=k, tolerance={"c0": 0.6},
        variance_ratio=None,
    )  # fmt: skip
    assert chosen.attrs["difference_sd"] == pytest.approx(best, rel=1e-3)
    assert chosen.attrs["optimal"] == "true"


def test_exchange_proves_nothing_of_the_largest_difference():
    options = {"score": "hit_rate", "covariates": "c0", "difference": "largest", "tolerance": {"c0": 0.6}}
    exchanged = sets.match(table(20, 2), 4, **options, method="exchange", variance_ratio=None).attrs
    best = sets.match(table(20, 2), 4, **options, method="program", variance_ratio=None).attrs
    assert exchanged["difference_sd"] < best["difference_sd"] - 0.1
    assert (exchanged["optimal"], best["optimal"]) == ("false", "true")
    assert "bound" not in exchanged


def test_categories_and_near_duplicates_are_kept_among_all_choices():
    frame = table(9, 3)
    apart = [("im_000.jpg", "im_004.jpg"), ("im_002.jpg", "im_007.jpg")]
    deals = every_deal(frame, 3, 2)
    same = (np.sort(deals % 3, axis=2) == [0, 1, 2]).all(axis=(1, 2))  # rows take turns in their category
    taken = (deals.reshape(len(deals), -1, 1) == np.arange(9)).any(axis=1)
    together = (taken[:, 0] & taken[:, 4]) | (taken[:, 2] & taken[:, 7])
    best = imbalances(frame, deals[same & ~together], {"hit_rate": 0.05, "c0": 0.1}).min()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutOfReachWarning)
        chosen = sets.match(
            frame, 3, score="hit_rate", covariates="c0", categories="category", duplicates=apart, best=True,
            variance_ratio=None,
        )  # fmt: skip
    assert chosen.attrs["imbalance"] == pytest.approx(best, rel=2e-3)
    assert json.loads(chosen.attrs["categories"]) == {"indoor": 1, "outdoor": 1, "people": 1}
    assert chosen.attrs["n_pairs_apart"] == 2
    assert not any(set(pair) <= set(chosen["image"].values.tolist()) for pair in apart)


# --- what comes back --------------------------------------------------------------------------------------------------


@given(
    n=st.integers(4, 12),
    k=st.integers(2, 3),
    seed=st.integers(0, 50),
    difference=st.sampled_from(["equal", {"sd": 0.4}]),
    by=st.sampled_from([None, "category"]),
)
@settings(max_examples=8, deadline=None)
def test_sets_have_their_sizes_and_share_no_image(n, k, seed, difference, by):
    frame = table(60, seed)
    pairs = [(f"im_{i:03d}.jpg", f"im_{i + 1:03d}.jpg") for i in range(0, 20, 2)]
    options = {} if by is None else {"categories": by}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutOfReachWarning)
        chosen = sets.match(
            frame, n, score="hit_rate", covariates=["c0", "c1"], difference=difference, rng=seed, sets=k, best=True,
            duplicates=pairs, exclude=["im_050.jpg", "not there"], method="exchange", **options,
        )  # fmt: skip
    names, counts = np.unique(chosen["set"].values.astype(str), return_counts=True)
    assert names.tolist() == ["A", "B", "C"][:k]
    assert counts.tolist() == [n] * k
    taken = chosen["image"].values.tolist()
    assert len(set(taken)) == n * k
    assert taken == sorted(taken)
    assert "im_050.jpg" not in taken
    assert not any(set(pair) <= set(taken) for pair in pairs)
    np.testing.assert_array_equal(chosen["c1"], frame.set_index("image").loc[taken, "c1"])
    if by is not None:
        cells = chosen.to_dataframe().groupby("category")["set"].value_counts().unstack()
        assert (cells.nunique(axis=1) == 1).all()


def test_what_is_given_keeps_all_limits_by_independent_sums():
    frame = table(120)
    chosen = sets.match(frame, 20, score="hit_rate", covariates=["c0", "c1"], sets=3)
    values = frame.set_index("image")
    for a, b in combinations("ABC", 2):
        assert abs(smd_by_hand(frame, chosen, "hit_rate", a, b)) <= 0.05
        for column in ("hit_rate", "c0", "c1"):
            assert abs(smd_by_hand(frame, chosen, column, a, b)) <= 0.1
            variances = [values.loc[sorted(members(chosen, name)), column].var() for name in (a, b)]
            assert 0.5 <= variances[0] / variances[1] <= 2
    assert chosen.attrs["within_limits"] == "true"
    assert chosen.attrs["solved_by"] == "exchange"
    assert chosen.attrs["n"] == 20


@pytest.mark.parametrize("method", ["exchange", "program"])
def test_a_difference_that_is_asked_for_is_reached(method):
    frame = table(120)
    options = {"method": method, "seconds": 2, "sets": ["memorable", "forgettable"]}
    for difference in ({"sd": 1.2}, {"score": 1.2 * frame["hit_rate"].std()}):
        chosen = sets.match(frame, 15, score="hit_rate", covariates=["c0", "c1"], difference=difference, **options)
        assert smd_by_hand(frame, chosen, "hit_rate", "memorable", "forgettable") >= 1.2 - 1e-9
        assert abs(smd_by_hand(frame, chosen, "c0", "memorable", "forgettable")) <= 0.1
        assert chosen.attrs["least_difference_sd"] == pytest.approx(1.2)


def test_neither_order_nor_kind_of_the_pool_matters_and_it_stays_as_it_was(tmp_path):
    frame = table(60)
    options = {"score": "hit_rate", "covariates": ["c0", "c1"], "rng": 3}
    chosen = sets.match(frame, 12, **options)
    shuffled = frame.sample(frac=1, random_state=1)
    before = shuffled.copy(deep=True)
    data = xr.Dataset.from_dataframe(shuffled.set_index("image"))
    copy = data.copy(deep=True)
    frame.to_csv(tmp_path / "pool.csv", index=False)
    for other in (shuffled, data, shuffled.set_index("image"), tmp_path / "pool.csv"):
        again = sets.match(other, 12, **options)
        assert again["image"].values.tolist() == chosen["image"].values.tolist()
        assert again["set"].values.tolist() == chosen["set"].values.tolist()
    pd.testing.assert_frame_equal(shuffled, before)
    xr.testing.assert_identical(data, copy)
    other = sets.match(frame, 12, **options | {"rng": 4})
    assert other["image"].values.tolist() != chosen["image"].values.tolist()
    assert (chosen.attrs["seed"], other.attrs["seed"]) == ("3", "4")


def test_a_pool_of_predictions_leaves_out_what_could_not_be_read_and_says_whose_they_are():
    frame = table(40)
    data = xr.Dataset.from_dataframe(frame.set_index("image")).rename(hit_rate="memorability")
    data["status"] = ("image", np.where(np.arange(40) < 3, "decode error", "ok"))
    data["memorability"] = data["memorability"].where(data["status"] == "ok")
    data = data.assign_attrs(model="resmem", variant="retrained")
    chosen = sets.match(data, 8, covariates="c0")
    assert chosen.attrs["n_unreadable"] == 3
    assert chosen.attrs["model"] == "resmem"
    assert chosen.attrs["score"] == "memorability"
    assert not {"im_000.jpg", "im_001.jpg", "im_002.jpg"} & set(chosen["image"].values.tolist())


def test_counts_say_how_many_of_each_category():
    chosen = sets.match(
        table(60), 10, score="hit_rate", categories=["category"], counts={"indoor": 7, "outdoor": 3}
    )  # fmt: skip
    cells = chosen.to_dataframe().groupby(["set", "category"]).size()
    assert cells.to_dict() == {(s, c): n for s in "AB" for c, n in (("indoor", 7), ("outdoor", 3))}


@given(st.lists(st.integers(0, 40), min_size=1, max_size=5), st.integers(1, 30))
@settings(deadline=None)
def test_shares_add_up_and_stay_below_what_there_is(there, n):
    there = np.array(there)
    most = there // 2
    if most.sum() < n:
        return
    taken = shared(there, n, most)
    assert taken.sum() == n
    assert (taken <= most).all()
    assert (taken >= np.minimum(np.floor(n * there / there.sum()), most)).all()


def test_an_exchange_never_makes_a_deal_worse_and_keeps_its_books():
    rng = np.random.default_rng(5)
    values = rng.normal(size=(30, 3))
    problem = Problem(
        values, values**2, np.ones(30), np.array([0.05, 0.1, 0.1]), np.arange(30) % 2, np.ones((1, 30)),
        (np.array([8.0]), np.array([8.0])), 8, 2, Goal("equal"), 2.0, None, False,
    )  # fmt: skip
    deal = np.array([0] * 8 + [1] * 8 + [-1] * 14)
    better = exchanging.exchanged(problem, deal, np.random.default_rng(0))
    assert judged(problem, better).imbalance < judged(problem, deal).imbalance
    assert np.bincount(better + 1).tolist() == [14, 8, 8]
    for kind in (0, 1):
        assert np.bincount(better[problem.kind == kind] + 1).tolist() == [7, 4, 4]
    state = exchanging._state(problem, better)
    for s in (0, 1):
        np.testing.assert_allclose(state.sums[s], values[better == s].sum(axis=0))


def test_sets_are_called_by_letters_then_numbers():
    assert set_names(2) == ["A", "B"]
    assert set_names(27)[-1] == "27"
    assert set_names(("x", "y")) == ["x", "y"]


# --- what cannot be had -----------------------------------------------------------------------------------------------


def test_a_pool_that_cannot_do_it_says_what_is_out_of_reach_and_gives_the_nearest():
    frame = table(30)
    options = {"score": "hit_rate", "covariates": "c0", "difference": {"sd": 3.0}, "seconds": 5}
    words = r"a difference of 3 pool SD in 'hit_rate': within the other limits at most 2\.02; no choice of images keeps"
    with pytest.raises(OutOfReachError, match=words) as error:
        sets.match(frame, 10, **options)
    best = error.value.best
    assert best.attrs["within_limits"] == "false"
    largest = sets.match(frame, 10, **options | {"difference": "largest"})
    assert best.attrs["difference_sd"] == pytest.approx(largest.attrs["difference_sd"], rel=1e-3)
    assert abs(smd_by_hand(frame, best, "c0")) <= 0.1
    with pytest.warns(
        OutOfReachWarning, match="These are the nearest sets that were found. Out of reach: a difference"
    ):
        again = sets.match(frame, 10, **options, best=True)
    xr.testing.assert_identical(again, best)


def test_a_covariate_that_cannot_be_equal_is_named_with_the_nearest_figure():
    frame = table(8)
    frame["c0"] = [0, 0, 0, 0, 0, 0, 0, 1.0]
    with pytest.raises(OutOfReachError, match=r"\|SMD\| of 'c0' 0\.707 \(limit 0\.1\).*no choice of images"):
        sets.match(frame, 4, score="hit_rate", covariates="c0", tolerance={"hit_rate": 5.0}, variance_ratio=None)
    frame["c0"] = [0, 0.1, 0, 0.1, 0, 0.1, 0, 9]
    with pytest.raises(OutOfReachError, match=r"variance ratio of 'c0' .*e\+03 \(limit 1\.2\); nothing nearer"):
        sets.match(frame, 4, score="hit_rate", covariates="c0", variance_ratio=1.2, tolerance=9.0)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"n": 31}, ArgumentError, r"pool must hold at least 2 × 31 images; got 60 images. Take n=30 or fewer"),
        ({"n": 2.5}, KindError, r"n must be a whole number; got 2.5"),
        ({"n": 1}, ArgumentError, r"n must be at least 2; got 1"),
        ({"sets": 1}, ArgumentError, r"sets must be at least 2; got 1"),
        ({"sets": ["x", "x"]}, ArgumentError, r"sets must be two different names at least"),
        ({"score": "hits"}, UnknownNameError, r"column must be a known name; got 'hits'. Did you mean 'hit_rate'\?"),
        ({"covariates": ["lum"]}, UnknownNameError, r"column must be a known name; got 'lum'.*pool has hit_rate, c0"),
        ({"covariates": ["c0", "c0"]}, ArgumentError, r"covariates must name each column once"),
        ({"covariates": [3]}, KindError, r"covariates must be names of columns"),
        ({"covariates": ["hit_rate"]}, ArgumentError, r"covariates must not hold the score; got 'hit_rate'"),
        ({"covariates": ["category"]}, KindError, r"pool\['category'\] must hold numbers.*categories=\"category\""),
        ({"covariates": ["gap"]}, ArgumentError, r"pool\['gap'\] must be finite.*NaN or infinity in 1: 'im_002.jpg'"),
        ({"covariates": ["flat"]}, ArgumentError, r"columns of pool must vary over images; got 1: 'flat'"),
        ({"difference": "equals"}, ArgumentError, r"difference must say how sets differ.*\"largest\""),
        ({"difference": {"sd": 1, "score": 2}}, ArgumentError, r"difference must hold one named number"),
        ({"difference": {"sd": 0}}, ArgumentError, r"difference\['sd'\] must be above 0; got 0"),
        ({"difference": {"sd": "1"}}, KindError, r"difference\['sd'\] must be a number; got '1'"),
        ({"tolerance": {"hit_rate": 0.1}, "difference": "largest"}, ArgumentError, r"must not hold the score when"),
        ({"tolerance": {"c9": 0.1}}, UnknownNameError, r"tolerance must be a known name; got 'c9'"),
        ({"tolerance": 0}, ArgumentError, r"tolerance must be above 0; got 0"),
        ({"variance_ratio": 1}, ArgumentError, r"variance_ratio must be above 1, or None; got 1"),
        ({"seconds": -1}, ArgumentError, r"seconds must be above 0; got -1"),
        ({"method": "best"}, ArgumentError, r"method must be one of 'auto', 'exchange', 'program'; got 'best'"),
        ({"limit": 3}, UnknownNameError, r"option must be a known name; got 'limit'"),
        ({"counts": {"indoor": 5}}, ArgumentError, r"counts must come with categories"),
        (
            {"categories": "category", "counts": {"indoor": 4}},
            ArgumentError,
            r"counts must add up to n=5; got 4. They are images per set",
        ),
        ({"categories": "category", "counts": {"indor": 5}}, UnknownNameError, r"Did you mean 'indoor'"),
        ({"categories": "category", "counts": {"indoor": 2.5}}, KindError, r"counts.* must be a whole number; got 2.5"),
        (
            {"n": 12, "categories": "category", "counts": {"indoor": 12}},
            ArgumentError,
            r"counts must be there in the pool for every set; got 12 of 'indoor', of which there are 20. 2 sets",
        ),
        (
            {"n": 20, "sets": 3, "categories": "own"},
            ArgumentError,
            r"categories must give 20 images to each set; got 29 'one', 31 'two'. 3 sets can have 19 each",
        ),
        ({"categories": "words"}, ArgumentError, r"pool\['words'\] must have a label for every image; got none for 1"),
        ({"exclude": ["a.jpg"]}, ArgumentError, r"exclude must name images of the pool; got none of 1: 'a.jpg'"),
        ({"duplicates": ["im_001.jpg"]}, KindError, r"duplicates must be pairs"),
        ({"duplicates": pd.DataFrame({"a": [1]})}, KindError, r"duplicates must be pairs; got columns \['a'\]"),
        ({"rng": None}, KindError, r"rng must be a whole number"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(change, error, words):
    frame = table(60).assign(flat=1.0, gap=1.0, own=["one"] * 29 + ["two"] * 31, words="w")
    frame.loc[2, "gap"] = np.nan
    frame.loc[4, "words"] = None
    arguments = {"n": 5, "score": "hit_rate", "covariates": "c0", "method": "exchange"} | change
    with pytest.raises(error, match=words) as raised:
        sets.match(frame, **arguments)
    assert isinstance(raised.value, MemfeatError)


def test_near_duplicates_that_leave_too_few_are_refused():
    frame = table(6)
    every = list(combinations(frame["image"], 2))
    with pytest.raises(ArgumentError, match=r"pool must hold 2 sets of 2 images; got 6 images, of which some must not"):
        sets.match(frame, 2, score="hit_rate", duplicates=every)


def test_a_pool_that_is_no_table_is_refused():
    with pytest.raises(KindError, match=r"pool must be a table of images; got DataArray. Pass an image table"):
        sets.match(xr.DataArray([1.0], {"image": ["a"]}, ("image",)), 2)
    with pytest.raises(KindError, match="pool must be a table of images; got list"):
        sets.match([1, 2], 2)


# --- the balance table ------------------------------------------------------------------------------------------------


def small():
    return pd.DataFrame(
        {
            "image": list("abcdef"),
            "set": list("AAABBB"),
            "hit_rate": [0.6, 0.7, 0.8, 0.3, 0.5, 0.7],
            "luminance": [1.0, 2.0, 3.0, 2.0, 2.0, 5.0],
            "category": list("xxyxyy"),
        }
    )


def test_the_balance_of_six_images_by_hand():
    found = sets.balance(small(), categories="category").sel(contrast="A − B")
    assert found["variable"].values.tolist() == ["hit_rate", "luminance"]
    np.testing.assert_allclose(found["difference"], [0.2, -1])
    # variances of hit_rate .01 and .04, of luminance 1 and 3
    np.testing.assert_allclose(found["variance_ratio"], [0.25, 1 / 3])
    np.testing.assert_allclose(found["smd"], [0.2 / np.sqrt(0.025), -1 / np.sqrt(2)])
    np.testing.assert_allclose(found["ks"], [2 / 3, 1 / 3])
    assert found["count"].values.tolist() == [[2, 1], [1, 2]]
    assert (found["first"].item(), found["second"].item()) == ("A", "B")
    assert np.isnan(found["expected_difference"]).all()
    assert found.attrs["sd_of"] == "mean variance of the sets"
    assert found.attrs["p_values"].startswith("none")
    assert not [name for name in found if str(name).startswith("p")]


def test_the_balance_agrees_with_scipy_and_pandas():
    frame = table(120)
    chosen = sets.match(frame, 20, score="hit_rate", covariates=["c0", "c1"], sets=3)
    found = sets.balance(chosen)
    groups = dict(list(chosen.to_dataframe().groupby("set")))
    for a, b in combinations("ABC", 2):
        for column in ("hit_rate", "c0", "c1"):
            row = found.sel(contrast=f"{a} − {b}", variable=column)
            first, second = groups[a][column], groups[b][column]
            assert row["ks"].item() == pytest.approx(scipy.stats.ks_2samp(first, second).statistic, abs=1e-12)
            assert row["variance_ratio"].item() == pytest.approx(first.var() / second.var())
            assert row["smd"].item() == pytest.approx((first.mean() - second.mean()) / frame[column].std())
            assert found["mean"].sel(set=a, variable=column).item() == pytest.approx(first.mean())
            assert found["sd"].sel(set=a, variable=column).item() == pytest.approx(first.std())
    assert found["n"].values.tolist() == [20, 20, 20]
    assert found.attrs["sd_of"] == "pool"
    assert found.attrs["score"] == "hit_rate"


def test_expected_differences_are_shrunk_by_reliability_or_slope():
    found = sets.balance(small(), score="hit_rate", reliability={"split_half": 0.6})
    np.testing.assert_allclose(found["expected_difference"].values, [[0.2 * 0.75, np.nan]])
    found = sets.balance(small(), score="hit_rate", slope=0.6)
    np.testing.assert_allclose(found["expected_difference"].values, [[0.12, np.nan]])
    curve = mf.evaluation.calibration_curve(
        pd.Series(np.arange(8) / 8, list("abcdefgh")), pd.Series(np.arange(8) / 16 + 0.3, list("abcdefgh")),
        n_bins=2, n_bootstraps=0,
    )  # fmt: skip
    found = sets.balance(small(), score="hit_rate", slope=curve)
    np.testing.assert_allclose(found["expected_difference"].values, [[0.1, np.nan]])
    assert found.attrs["slope"] == pytest.approx(0.5)


def test_a_chosen_set_is_expected_to_return_to_the_mean_of_its_pool():
    frame = table(60)
    chosen = sets.match(frame, 10, score="hit_rate", difference="largest")
    found = sets.balance(chosen, reliability={"spearman_brown": 0.6})
    mean = frame["hit_rate"].mean()
    expected = mean + 0.6 * (found["mean"].sel(variable="hit_rate") - mean)
    np.testing.assert_allclose(found["expected_mean"].sel(variable="hit_rate"), expected)
    top = np.sort(frame["hit_rate"])
    assert found["difference"].item() == pytest.approx(top[-10:].mean() - top[:10].mean())


def test_selection_on_one_measurement_shrinks_on_the_next_as_the_table_says():
    """Two measurements of one true score, reliability .6: 20 pools, and the mean of what was expected and observed."""
    expected, observed = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        true = rng.normal(size=300) * np.sqrt(0.6)
        first, second = (true + rng.normal(size=300) * np.sqrt(0.4) for _ in range(2))
        pool = pd.DataFrame({"image": [f"{i:03d}" for i in range(300)], "score": first})
        chosen = sets.match(pool, 40, score="score", difference={"sd": 1.5}, method="exchange", rng=seed)
        found = sets.balance(chosen, reliability={"spearman_brown": 0.6})
        expected.append(found["expected_difference"].item())
        again = pd.Series(second, pool["image"])
        observed.append(np.subtract(*(again[sorted(members(chosen, name))].mean() for name in "AB")))
    apart = np.array(observed) - expected
    assert abs(apart.mean()) < 2.5 * scipy.stats.sem(apart)
    assert np.mean(expected) == pytest.approx(0.9, abs=0.05)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"reliability": {"split_half": 0.6}}, ArgumentError, r"score must be named with reliability or slope"),
        ({"score": "hit_rate", "slope": "1"}, KindError, r"slope must be a number or the result of"),
        ({"score": "hit_rate", "slope": xr.Dataset()}, ArgumentError, r"slope must hold a calibration line"),
        (
            {"score": "hit_rate", "slope": 1.0, "reliability": {"split_half": 0.6}},
            ArgumentError,
            r"reliability must not be given with slope",
        ),
        ({"score": "hit_rate", "reliability": 0.6}, KindError, r"reliability must be a named number"),
        ({"score": "hits"}, UnknownNameError, r"score must be a known name; got 'hits'"),
        ({"columns": ["lum"]}, UnknownNameError, r"column must be a known name; got 'lum'"),
    ],
)  # fmt: skip
def test_a_balance_that_cannot_be_made_is_refused(change, error, words):
    with pytest.raises(error, match=words):
        sets.balance(small(), **change)


def test_sets_that_are_no_sets_are_refused():
    with pytest.raises(
        UnknownNameError, match="column must be a known name; got 'set'. Say which set each image is in"
    ):
        sets.balance(small().drop(columns="set"))
    with pytest.raises(ArgumentError, match="chosen must hold two sets at least, of two images each; got set 'A' only"):
        sets.balance(small().assign(set="A"))
    with pytest.raises(ArgumentError, match="got one image in 'C'"):
        sets.balance(small().assign(set=list("AAABBC")))
    with pytest.raises(ArgumentError, match="chosen must have a column of numbers; got none"):
        sets.balance(small()[["image", "set"]])


def test_results_can_be_saved_and_read_again(tmp_path):
    chosen = sets.match(table(40), 8, score="hit_rate", categories="category")
    found = sets.balance(chosen, reliability={"split_half": 0.7})
    for name, one in {"chosen": chosen, "balance": found}.items():
        one.to_netcdf(tmp_path / f"{name}.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "chosen.nc", engine="h5netcdf") as again:
        xr.testing.assert_equal(sets.balance(again, reliability={"split_half": 0.7}), found)


# --- photographs ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scenes(data_folder):
    """800 photographs, shrunk as they are decoded: hit rates and six low-level statistics."""
    scores = pd.read_csv(data_folder / "lnsim" / "scores.csv")
    small = {}
    for name in scores["image"]:
        with Image.open(data_folder / "lnsim" / "images" / name) as file:
            file.draft("RGB", (64, 64))
            small[name] = np.asarray(file.convert("RGB").resize((64, 64)))
    low = mf.lowlevel.statistics(small, which=LOW, progress=False)
    return low.reset_coords(drop=True).assign(hit_rate=("image", scores.set_index("image")["hit_rate"][low["image"]]))


@pytest.mark.data
@pytest.mark.parametrize("difference", ["equal", {"sd": 1.5}])
def test_two_times_100_of_800_scenes_are_matched_in_six_low_level_statistics(scenes, difference):
    chosen = sets.match(scenes, 100, score="hit_rate", covariates=LOW, difference=difference)
    found = sets.balance(chosen, reliability={"split_half": 0.78}).isel(contrast=0)
    assert found["n"].values.tolist() == [100, 100]
    assert (np.abs(found["smd"].sel(variable=LOW)) <= 0.1).all()
    assert found["variance_ratio"].sel(variable=LOW).values.min() >= 0.5
    assert found["variance_ratio"].sel(variable=LOW).values.max() <= 2
    smd = found["smd"].sel(variable="hit_rate").item()
    assert abs(smd) <= 0.05 if difference == "equal" else smd >= 1.5


@pytest.mark.data
def test_scenes_chosen_by_one_half_of_the_participants_differ_as_expected_in_the_other(data_folder):
    halves = mf.scores.read_halves(data_folder / "lnsim" / "scores.csv", name="hit_rate")
    expected, observed, error = [], [], []
    for split in range(25):
        first, second = halves.isel(split=split, half=0), halves.isel(split=split, half=1)
        r = float(np.corrcoef(first, second)[0, 1])
        pool = first.reset_coords(drop=True).to_dataset(name="half1")
        chosen = sets.match(pool, 100, score="half1", difference={"sd": 1.5}, method="exchange", rng=split)
        expected.append(sets.balance(chosen, reliability={"spearman_brown": r})["expected_difference"].item())
        groups = [second.sel(image=sorted(members(chosen, name))).values for name in "AB"]
        observed.append(groups[0].mean() - groups[1].mean())
        error.append(float(second.std()) * np.sqrt((1 - r**2) * 2 / 100))
    assert abs(np.mean(observed) - np.mean(expected)) < np.mean(error)
    # without shrinkage the table would be off by more than that
    assert np.mean(expected) / r - np.mean(observed) > np.mean(error)


def test_categories_that_sets_were_matched_in_are_counted():
    pool = table(60).assign(scene=["sea", "wood", "town"] * 20)
    chosen = sets.match(pool, 9, score="hit_rate", categories="scene", counts={"sea": 3, "wood": 4, "town": 2})
    found = sets.balance(chosen)
    assert found["count"].sel(category=["sea", "wood", "town"]).values.tolist() == [[3, 4, 2]] * 2


def test_pairs_of_which_the_pool_has_none_are_refused():
    with pytest.raises(ArgumentError, match=r"duplicates must name images of the pool; got .*'nope.jpg'"):
        sets.match(table(20), 4, score="hit_rate", duplicates=[("nope.jpg", "x.jpg")])
