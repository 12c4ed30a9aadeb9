"""Halves from tables and from counts, how many raters and images a study needs, and reliabilities that are known."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom, pearsonr, rankdata, spearmanr

import memfeat as mf
from memfeat.errors import ArgumentError, KindError, MissingFileError, UnknownNameError


def published(n_images=30, n_splits=4, seed=0):
    rng = np.random.default_rng(seed)
    true = rng.random(n_images)
    columns = {
        f"half{half}_split{split:02d}": (true + 0.2 * rng.standard_normal(n_images)).round(3)
        for split in range(1, n_splits + 1)
        for half in (1, 2)
    }
    return pd.DataFrame({"image": [f"{i:04d}.jpg" for i in range(n_images)], "hit_rate": true, **columns})


def test_halves_are_read_by_a_pattern_of_columns(tmp_path):
    table = published()
    halves = mf.scores.read_halves(table, name="hit_rate")
    assert halves.name == "hit_rate"
    assert dict(halves.sizes) == {"image": 30, "half": 2, "split": 4}
    assert halves["split"].values.tolist() == ["split01", "split02", "split03", "split04"]
    np.testing.assert_array_equal(halves.sel(half=2, split="split03"), table["half2_split03"])
    table.sample(frac=1, random_state=1).to_csv(tmp_path / "halves.csv", index=False)
    xr.testing.assert_identical(mf.scores.read_halves(tmp_path / "halves.csv", name="hit_rate"), halves)
    one = mf.scores.read_halves(table, columns=("half1_split02", "half2_split02"))
    np.testing.assert_array_equal(one.isel(split=0).values, halves.sel(split="split02").values)


def test_halves_are_read_by_columns_that_are_called_by_numbers():
    table = published().rename(columns={"half1_split01": 1, "half2_split01": 2})
    np.testing.assert_array_equal(mf.scores.read_halves(table, columns=(1, 2)).values[:, :, 0], table[[1, 2]])


@pytest.mark.parametrize("columns", [("half1_*", "half1_*"), ("half1_split0*", "half1_split0*"), ["half2_split01"] * 2])
def test_a_half_is_no_other_half(columns):
    with pytest.raises(ArgumentError, match="columns must be different columns; got .*: 'half[12]_split01'"):
        mf.scores.read_halves(published(), columns=columns)


def test_the_column_of_images_can_be_named():
    table = published().rename(columns={"image": "stim"})
    with pytest.raises(ArgumentError, match="table must have one column that names the images.* image='stim'"):
        mf.scores.read_halves(table)
    named = mf.scores.read_halves(table, image="stim")
    xr.testing.assert_identical(named, mf.scores.read_halves(published()))
    with pytest.raises(UnknownNameError, match="image must be a column of table; got 'picture'"):
        mf.scores.read_halves(table, image="picture")


def test_the_reliability_of_halves_in_a_table():
    table = published()
    found = mf.scores.reliability(mf.scores.read_halves(table, name="hit_rate"), n_bootstraps=50)
    r = [spearmanr(table[f"half1_split{s:02d}"], table[f"half2_split{s:02d}"]).statistic for s in range(1, 5)]
    np.testing.assert_allclose(found["correlation"].sel(measure="hit_rate"), r)
    assert found["split"].values[0] == "split01"
    assert found["estimate"].item() == pytest.approx(np.mean(r))
    assert found["ci_low"].item() < np.mean(r) < found["ci_high"].item()
    assert found.attrs["estimator"] == "halves as they were published"
    assert found.attrs["n_splits"] == 4
    plain = mf.scores.reliability(mf.scores.read_halves(table).drop_attrs().isel(split=0, drop=True), n_bootstraps=0)
    assert plain["estimate"].item() == pytest.approx(r[0])
    assert plain.attrs["estimator"] == "halves that were given"
    assert np.isnan(plain["spread"].item())


def test_halves_without_a_score_for_an_image_leave_it_out():
    table = published()
    table.loc[3, "half1_split01"] = np.nan
    found = mf.scores.reliability(mf.scores.read_halves(table), n_bootstraps=0)
    there = table["half1_split01"].notna()
    first = spearmanr(table["half1_split01"][there], table["half2_split01"][there]).statistic
    assert found["correlation"].values[0, 0] == pytest.approx(first)
    assert (found["n"].item(), found["n_dropped"].item(), found["n_sometimes_dropped"].item()) == (30, 0, 1)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ("half1_*", "columns must name the first and the second half"),
        (("first_*", "second_*"), "columns must name both halves of each split; got first_"),
        (("half1_*", "half2_split01"), "only one half: 5: 'half1_split01', 'half1_split02', 'half1_split03'"),
    ],
)
def test_halves_that_are_not_in_the_table_are_refused(columns, words):
    with pytest.raises(ArgumentError, match=words):
        mf.scores.read_halves(published(), columns=columns)


def test_what_is_no_table_of_halves_is_refused():
    with pytest.raises(ArgumentError, match="columns must hold numbers; got 'half1_split01'"):
        mf.scores.read_halves(published().assign(half1_split01="much"))
    with pytest.raises(MissingFileError, match="table must be a file that exists"):
        mf.scores.read_halves("nowhere.csv")
    with pytest.raises(KindError, match="table must be a CSV path or a pandas DataFrame; got list"):
        mf.scores.read_halves([1, 2])


@pytest.mark.parametrize(
    ("halves", "error", "words"),
    [
        ([1, 2], KindError, "halves must be a DataArray or Dataset; got list"),
        (xr.Dataset(coords={"image": ["a"]}), ArgumentError, "halves must hold scores; got no variable"),
        (xr.DataArray(np.ones((3, 2)), dims=("image", "half")), ArgumentError, "halves must have a dim 'image'"),
        (xr.DataArray(np.ones((4, 3)), {"image": list("abcd")}, ("image", "half")), ArgumentError, r"half \(2\) and"),
        (xr.DataArray(np.ones((2, 2)), {"image": list("ab")}, ("image", "half")), ArgumentError, "image .3 or more"),
        (xr.DataArray([["a"] * 2] * 3, {"image": list("abc")}, ("image", "half")), KindError, "hold numbers"),
    ],
)
def test_what_are_no_halves_is_refused(halves, error, words):
    with pytest.raises(error, match=words):
        mf.scores.reliability(halves)


def test_options_of_reliability_are_checked():
    halves = mf.scores.read_halves(published())
    with pytest.raises(ArgumentError, match="method must be one of 'spearman', 'pearson'"):
        mf.scores.reliability(halves, method="kendall")
    with pytest.raises(UnknownNameError, match="option must be a known name; got 'block'"):
        mf.scores.reliability(halves, block=1)
    several = xr.Dataset({"one": halves, "other": halves**2})
    assert mf.scores.reliability(several, n_bootstraps=0)["measure"].values.tolist() == ["one", "other"]


def counted(n_images=40, n=21, seed=0):
    rng = np.random.default_rng(seed)
    hits, alarms = rng.binomial(n, rng.beta(6, 3, n_images)), rng.binomial(n - 1, rng.beta(2, 6, n_images))
    names = [f"{i:03d}" for i in range(n_images)]
    return pd.DataFrame({"image": names, "hits": hits, "n_targets": n, "false_alarms": alarms, "n_foils": n - 1})


def test_responses_are_dealt_into_equal_halves():
    counts = counted()
    halves = mf.scores.resplit(counts, n_splits=300)
    assert list(halves.data_vars) == ["hit_rate", "false_alarm_rate", "corrected_recognition", "d_prime"]
    both = (halves["hit_rate"] * 10).round(9)
    np.testing.assert_array_equal(both, both.round())
    # of 21 responses one is left over, of 20 none
    left = counts["hits"].to_numpy()[:, None] - both.sum("half").values
    assert set(left.ravel()) == {0, 1}
    alarms = (halves["false_alarm_rate"] * 10).sum("half").round(9)
    np.testing.assert_array_equal(alarms, np.tile(counts["false_alarms"].to_numpy()[:, None], 300))
    # each half is hypergeometric
    expected = hypergeom(21, counts["hits"], 10)
    for half in (1, 2):
        drawn = both.sel(half=half)
        np.testing.assert_allclose(drawn.mean("split"), expected.mean(), atol=4.5 * expected.std().max() / 300**0.5)
        np.testing.assert_allclose(drawn.std("split").mean(), expected.std().mean(), rtol=0.05)
    assert halves.attrs["estimator"].startswith("responses in random halves")
    assert mf.scores.reliability(halves, n_bootstraps=0).attrs["estimator"] == halves.attrs["estimator"]


def test_dealing_counts_agrees_with_shuffling_single_responses():
    counts, rng = counted(n_images=60), np.random.default_rng(1)
    found = mf.scores.reliability(mf.scores.resplit(counts, n_splits=200, measures="hit_rate"), n_bootstraps=0)
    said = (np.arange(21) < counts["hits"].to_numpy()[:, None]).astype(float)
    r = []
    for _ in range(200):
        drawn = rng.permuted(said, axis=1)
        r.append(spearmanr(drawn[:, :10].mean(axis=1), drawn[:, 10:20].mean(axis=1)).statistic)
    assert found["estimate"].item() == pytest.approx(np.mean(r), abs=4 * np.std(r) * (2 / 200) ** 0.5)


def test_counts_are_matched_by_name_and_given_as_rates_takes_them():
    counts = counted()
    by_file = mf.scores.resplit(counts, n_splits=3)
    xr.testing.assert_identical(mf.scores.resplit(counts.sample(frac=1, random_state=0), n_splits=3), by_file)
    other = counts.rename(columns={"hits": "H", "n_targets": "n"})
    xr.testing.assert_identical(mf.scores.resplit(other, n_splits=3, hits="H", n_targets="n"), by_file)
    xr.testing.assert_identical(mf.scores.resplit(mf.scores.rates(counts), n_splits=3), by_file)
    only = mf.scores.resplit(counts[["image", "hits", "n_targets"]], n_splits=3)
    assert list(only.data_vars) == ["hit_rate"]


def test_counts_that_cannot_be_dealt_are_refused():
    with pytest.raises(ArgumentError, match="counts must hold 4 responses of a kind to each of 3 images"):
        mf.scores.resplit(counted(n=3))
    with pytest.raises(ArgumentError, match="got fewer for d_prime"):
        mf.scores.resplit(counted()[["image", "hits", "n_targets"]], measures=["hit_rate", "d_prime"])
    with pytest.raises(ArgumentError, match="n_splits must be at least 1"):
        mf.scores.resplit(counted(), n_splits=0)
    with pytest.raises(KindError, match="rng must be a whole number"):
        mf.scores.resplit(counted(), rng=None)


def test_raters_by_hand():
    # .5 of one half is 2/3 of all 10; twice as many have .8, and the formula for .9 gives 4.5 times as many
    assert mf.scores.n_raters(0.8, reliability={"split_half": 0.5}, n_raters=10) == 20
    assert mf.scores.n_raters(0.9, reliability={"spearman_brown": 2 / 3}, n_raters=10) == 45
    assert mf.scores.n_raters(0.5, reliability={"spearman_brown": 0.8}, n_raters=8) == 2
    # 12.5 on average: four times as many
    assert mf.scores.n_raters(0.8, reliability={"spearman_brown": 0.5}, n_raters=np.float32(12.5)) == 50


def test_raters_and_images_take_what_split_halves_found():
    table = pd.DataFrame({"image": list("abcd"), "half1_1": [1.0, 2, 3, 4], "half2_1": [2.0, 1, 3, 4]})
    halves = mf.scores.read_halves(table, name="hit_rate")
    found = mf.scores.reliability(halves, n_bootstraps=0)  # r = .8 by hand: 1 - 6 * 2 / (4 * 15)
    known = {"split_half": 0.8}
    several = mf.scores.reliability(xr.Dataset({"hit_rate": halves, "d_prime": halves}), n_bootstraps=0)
    for one in (found, several.sel(measure="d_prime"), several.sel(measure=["hit_rate"]), found.drop_vars("measure")):
        assert mf.scores.n_raters(0.95, reliability=one, n_raters=30) == mf.scores.n_raters(
            0.95, reliability=known, n_raters=30
        )
        assert mf.scores.n_images(0.2, reliability=one) == mf.scores.n_images(0.2, reliability=known)
    choose = r"have one measure; got 2: 'hit_rate', 'd_prime'. Choose one of them: reliability.sel\(measure='hit_rate'"
    with pytest.raises(ArgumentError, match=choose):
        mf.scores.n_raters(0.9, reliability=several, n_raters=30)
    with pytest.raises(KindError, match=r"that of split halves; got Dataset. mf.scores.reliability makes it"):
        mf.scores.n_images(0.2, reliability=halves.to_dataset())
    perfect = mf.scores.reliability(halves.isel(half=[0, 0]), n_bootstraps=0)
    with pytest.raises(ArgumentError, match="reliability must lie between 0 and 1; got 1 for hit_rate. What does not"):
        mf.scores.n_images(0.2, reliability=perfect)


@settings(max_examples=30)
@given(st.floats(0.05, 0.95), st.floats(0.05, 0.95), st.integers(1, 500))
def test_no_fewer_raters_reach_the_target(target, known, n):
    found = mf.scores.n_raters(target, reliability={"spearman_brown": known}, n_raters=n)

    def reached(raters):
        k = raters / n
        return k * known / (1 + (k - 1) * known)

    assert reached(found) >= target - 1e-9
    assert found == 1 or reached(found - 1) < target + 1e-9


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"target": 1.0}, ArgumentError, "target must lie between 0 and 1; got 1.0"),
        ({"target": "high"}, KindError, "target must be a number"),
        ({"reliability": 0.7}, KindError, "reliability must be a named number"),
        ({"n_raters": 0}, ArgumentError, "n_raters must be above 0 and finite; got 0. Pass the number of raters"),
        ({"n_raters": "ten"}, KindError, "n_raters must be a number; got 'ten'"),
    ],
)
def test_raters_are_asked_for_as_documented(options, error, words):
    with pytest.raises(error, match=words):
        mf.scores.n_raters(**{"target": 0.8, "reliability": {"split_half": 0.5}, "n_raters": 10} | options)


def test_images_by_hand():
    # ((1.959964 + 0.841621) / atanh(.3))² + 3 = 84.93
    assert mf.scores.n_images(0.3, method="pearson") == 85
    # one-sided ((1.644854 + 1.281552) / atanh(.3 · √.5))² + 3 = 187.6
    attenuated = {"reliability": {"spearman_brown": 0.5}, "power": 0.9, "alternative": "greater", "method": "pearson"}
    assert mf.scores.n_images(0.3, **attenuated) == 188
    assert mf.scores.n_images(0.3) == int(np.ceil(((1.959964 + 0.841621 * 1.045**0.5) / np.arctanh(0.3)) ** 2 + 3))
    assert mf.scores.n_images(-0.3, alternative="less") == mf.scores.n_images(0.3, alternative="greater")


def correlated(n, rho, reliability, n_studies, seed):
    """Features and noisy scores of many studies; rho is their correlation without noise."""
    rng = np.random.default_rng(seed)
    true, other, noise = rng.standard_normal((3, n_studies, n))
    feature = rho * true + np.sqrt(1 - rho**2) * other
    return feature, np.sqrt(reliability) * true + np.sqrt(1 - reliability) * noise


@pytest.mark.parametrize(("method", "rho"), [("pearson", 0.3), ("spearman", 0.3), ("spearman", 0.6)])
def test_images_have_the_power_that_was_asked_for(method, rho):
    """4,000 studies: the standard error of a power of .8 is .0063. Few images are a few too many."""
    # of a normal distribution, the rank correlation that goes with rho
    r = 6 / np.pi * np.arcsin(rho * np.sqrt(0.7) / 2) / np.sqrt(0.7) if method == "spearman" else rho
    n = mf.scores.n_images(r, reliability={"spearman_brown": 0.7}, method=method)
    pairs = correlated(n, rho, 0.7, 4_000, seed=8)
    one, other = (rankdata(side, axis=1) if method == "spearman" else side for side in pairs)
    found = pearsonr(one, other, axis=1)
    more = 0.05 if n < 50 else 0.02
    assert 0.78 < np.mean(found.pvalue < 0.05) < 0.8 + more


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"r": 0}, ArgumentError, "r must lie between −1 and 1, and not be 0; got 0. Pass the correlation"),
        ({"r": 1.0}, ArgumentError, "r must lie between −1 and 1"),
        ({"r": True}, KindError, "r must be a number; got True. Pass the correlation"),
        ({"power": 1}, ArgumentError, "power must lie between 0 and 1"),
        ({"alpha": 0}, ArgumentError, "alpha must lie between 0 and 1"),
        ({"method": "kendall"}, ArgumentError, "method must be one of 'pearson', 'spearman'"),
        ({"alternative": "less"}, ArgumentError, "alternative must be the side of r; got 'less'"),
        ({"r": -0.2, "alternative": "greater"}, ArgumentError, "alternative must be the side of r"),
        ({"alternative": "both"}, ArgumentError, "alternative must be one of"),
        ({"reliability": {"alpha": 0.7}}, ArgumentError, "reliability must hold one named number"),
    ],
)
def test_images_are_asked_for_as_documented(options, error, words):
    with pytest.raises(error, match=words):
        mf.scores.n_images(**{"r": 0.3} | options)


#: experiment, version -> mean raw split-half Spearman of hit rate, false-alarm rate and their difference, over random
#: splits: the figures that the README of the folder with the data gives, which were measured without memfeat
KNOWN = {
    ("Exp1", "New"): (0.81, 0.88, 0.44),
    ("Exp1", "Old"): (0.413, 0.496, 0.084),
    ("Exp2b", ""): (0.539, 0.831, 0.686),
}


@pytest.mark.data
def test_rocks_have_the_reliability_that_is_known(data_folder):
    trials = pd.read_csv(data_folder / "rocks480" / "trials.csv.gz", low_memory=False)
    version = trials["version"].fillna("").astype(str)
    measures = ["hit_rate", "false_alarm_rate", "corrected_recognition"]
    for (experiment, kind), known in KNOWN.items():
        some = trials[(trials["exp"] == experiment) & version.str.startswith(kind)]
        options = {"truth": "target", "response": "old", "measures": measures, "n_splits": 200, "n_bootstraps": 0}
        found = mf.scores.split_half(some, **options)
        np.testing.assert_allclose(found["estimate"], known, atol=0.02)
        assert found["n_dropped"].values.tolist() == [0, 0, 0]


@pytest.mark.data
def test_halves_of_lnsim_have_the_reliability_that_is_known(data_folder):
    halves = mf.scores.read_halves(data_folder / "lnsim" / "scores.csv", name="hit_rate")
    assert dict(halves.sizes) == {"image": 800, "half": 2, "split": 25}
    found = mf.scores.reliability(halves, n_bootstraps=100)
    assert found["estimate"].item() == pytest.approx(0.78, abs=0.02)
    assert found["ci_low"].item() < 0.779 < found["ci_high"].item()


@pytest.mark.data
def test_counts_of_memcat_have_the_reliability_that_is_known(data_folder):
    table = pd.read_csv(data_folder / "memcat" / "memcat_image_data.csv")[["image_file", "H", "n_resp"]]
    halves = mf.scores.resplit(table, hits="H", n_targets="n_resp", n_splits=20)
    assert mf.scores.reliability(halves, n_bootstraps=0)["estimate"].item() == pytest.approx(0.777, abs=0.005)


def test_a_reliability_is_not_tested_on_one_side():
    two = xr.DataArray([[0.9, 0.8], [0.7, 0.6], [0.2, 0.3]], {"image": list("abc")}, ["image", "half"], name="hit_rate")
    with pytest.raises(ArgumentError, match="alternative must not be given; got 'greater'. Nothing is tested"):
        mf.scores.reliability(two, alternative="greater")


def test_participants_with_one_trial_count_with_it():
    cells = [(who, image) for who in "abcdef" for image in "uvwxyz"]
    table = pd.DataFrame(cells, columns=["participant", "image"]).assign(truth=1)
    table["response"] = [(3 * i + ord(who)) % 4 > i % 3 for i, who in enumerate(table["participant"])]
    one = pd.DataFrame({"participant": ["g"], "image": ["u"], "truth": 1, "response": True})
    more = pd.concat([table, one])
    found, before = (mf.scores.from_trials(each)["n_targets"] for each in (more, table))
    assert (found - before).values.tolist() == [1, 0, 0, 0, 0, 0]
    halves = mf.scores.halves(more, measures="hit_rate", n_splits=20)["hit_rate"]
    assert halves.sizes == {"image": 6, "half": 2, "split": 20}
    assert np.isfinite(halves).all()


def test_tables_without_images_and_infinite_halves_are_refused():
    empty = pd.DataFrame({"image": [], "half1_1": [], "half2_1": []})
    with pytest.raises(ArgumentError, match="table must have an image at least; got no row"):
        mf.scores.read_halves(empty)
    values = [[0.9, 0.8], [0.7, np.inf], [0.5, 0.55], [0.2, 0.3]]
    two = xr.DataArray(values, {"image": list("abcd")}, ["image", "half"], name="hit_rate")
    with pytest.raises(ArgumentError, match="halves must be finite, or NaN for none; got 1: 'b'"):
        mf.scores.reliability(two)
