"""Comparisons of sets in words and tables: what was done is told, what was not is not, and numbers are the result's."""

import re

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from memfeat import _numerals, sets
from memfeat.errors import ArgumentError, KindError, UnknownNameError

QUICK = {"n_permutations": 99, "n_bootstraps": 99}


def scored(n=20, k=2, seed=0):
    """A table of k sets of n images each."""
    rng = np.random.default_rng(seed)
    names = [f"i{i:03}" for i in range(n * k)]
    kinds = np.repeat(["old", "new", "odd"][:k], n)
    return pd.DataFrame({"image": names, "set": kinds, "hit_rate": rng.beta(8, 4, n * k), "light": rng.random(n * k)})


def compared(table=None, **options):
    return sets.compare(scored() if table is None else table, by="set", values="hit_rate", **QUICK | options)


def parts(text):
    """Methods, findings and references."""
    return text.split("\n\n")


# --- numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.0123, "p = .012"), (0.05, "p = .050"), (0.0009, "p < .001"), (0.001, "p = .001"), (1, "p = 1"),
     (0.9999, "p = 1"), (float("nan"), "")],
)  # fmt: skip
def test_p_is_written_to_three_places_and_never_as_zero(p, text):
    assert _numerals.p_value(p) == text


def test_a_p_below_the_smallest_keeps_its_sign_without_a_name():
    assert _numerals.p_value(0.0001, "") == "< .001"


@settings(max_examples=60, deadline=None)
@given(value=st.floats(-1, 1), digits=st.integers(1, 5))
def test_a_written_number_is_the_number_rounded_and_never_minus_zero(value, digits):
    for below_one in (True, False):
        text = _numerals.number(value, digits, below_one=below_one)
        assert float(text.replace("−", "-")) == pytest.approx(round(value, digits), abs=1e-9)
        assert not re.fullmatch(r"−0?\.?0+", text)


def test_places_show_three_digits_of_a_spread_or_two_of_a_small_one():
    assert [_numerals.places(sd) for sd in (0.1, 0.099, 0.0123, 0.00123, 1, 12, 1234, 0)] == [3, 3, 3, 4, 2, 1, 0, 2]
    assert _numerals.interval(-0.5, 0.5, 2, below_one=True) == "[−.50, .50]"
    assert _numerals.interval(np.nan, 1) == "–"


# --- words ------------------------------------------------------------------------------------------------------------


def test_numbers_of_the_paragraph_are_those_of_the_result():
    found = compared()
    row = found.isel(contrast=0).sel(statistic="mean_difference")
    methods, findings, cited = parts(sets.paragraph(found, statistics=["mean_difference", "cliffs_delta"]))
    assert methods.startswith("The image sets new (n = 20) and old (n = 20) were compared by hit_rate.")
    estimate, low, high = (f"{float(row[name]):.3f}".replace("-", "−") for name in ("estimate", "ci_low", "ci_high"))
    p = f"{float(row['p']):.3f}".removeprefix("0")
    assert f"difference of means = {estimate}, 95 % CI [{low}, {high}], p = {p}; Cliff's δ" in findings
    assert "studentised permutation test (Janssen, 1997; Neubert & Brunner, 2007) with 99 permutations" in methods
    assert "the bootstrap (99 samples) for the difference of means" in methods
    assert "two-sided" in methods
    assert methods.endswith(f"Computed with memfeat {found.attrs['memfeat_version']} (seed 0).")
    assert [line.split(",")[0] for line in cited.splitlines()] == [
        "References", "Feng", "Hesterberg", "Janssen", "Neubert",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "absent"),
    [
        ({"n_permutations": 0}, ["P-values", "p =", "Janssen"]),
        ({"n_bootstraps": 0}, ["bootstrap", "Hesterberg"]),
        (
            {},
            [
                "Equivalence",
                "equivalence",
                "covariates",
                "cluster",
                "pairs",
                "corrected",
                "All sets",
                "predicted",
                "Schuirmann",
            ],
        ),
    ],
)
def test_what_was_not_done_is_not_told(options, absent):
    text = sets.paragraph(compared(**options))
    assert not [word for word in absent if word in text]


def test_each_thing_that_was_done_is_told_and_cited():
    table = scored(k=3).assign(far=np.random.default_rng(1).random(60))
    found = sets.compare(table, by="set", values=["hit_rate", "far"], covariates="light", bound={"sd": 0.5}, **QUICK)
    methods, findings, cited = parts(sets.paragraph(found))
    for told in (
        "compared by hit_rate and far. Covariates were light.",
        "corrected over 3 contrasts and 2 scores by the maximum statistic (Westfall & Young, 1993)",
        "HC3 errors (Long & Ervin, 2000); its p comes from exchanged residuals (Freedman & Lane, 1983)",
        "two one-sided tests (Schuirmann, 1987) and a bound of 0.5 in pooled standard deviations",
        "Welch and Kruskal–Wallis statistics",
    ):
        assert told in methods
    assert findings.count("hit_rate: ") == findings.count("far: ") == 3
    assert findings.count("; test of equivalence of means within ±") == findings.count(": 90 % CI [") == 6
    assert "corrected by Holm's procedure (Holm, 1979)" in methods
    assert "They are not corrected for being several." in methods
    assert findings.count("all sets: Welch = ") == 2
    assert "corrected p" in findings
    for name in ("Freedman", "Hedges", "Hesterberg", "Long", "Schuirmann", "Westfall"):
        assert f"\n{name}" in cited
    one = sets.paragraph(found.sel(score="far"))
    assert "hit_rate:" not in one
    assert "2 scores" in one


def test_clusters_and_pairs_are_told_as_they_are():
    table = scored()
    whole = [f"{kind}{i // 4}" for i, kind in enumerate(table["set"])]
    methods = parts(sets.paragraph(compared(table.assign(scene=whole), clusters="scene", covariates="light")))[0]
    assert "treated as clusters (5 in new and 5 in old; each in one set)" in methods
    assert "permutations of clusters between sets" in methods or "all rearrangements of clusters" in methods
    assert "cluster-robust errors (Cameron et al., 2008); its p comes from a wild bootstrap" in methods
    assert "Janssen" not in methods
    crossed = [f"s{i % 5}" for i in range(40)]
    methods = parts(sets.paragraph(compared(table.assign(scene=crossed), clusters="scene")))[0]
    assert "images of each in every set compared" in methods
    assert "permutations of images inside their cluster between sets" in methods
    paired = compared(table.assign(original=[f"o{i % 20}" for i in range(40)]), paired="original")
    text = sets.paragraph(paired)
    assert "versions of the same 20 originals, which were compared in pairs" in text
    assert "permutations of the versions of each original between sets" in text
    assert "d_z = " in text
    assert "Hedges" not in text


def test_few_images_have_all_rearrangements_and_holm():
    few = compared(scored(n=3, k=3), n_bootstraps=0, n_permutations=999)
    assert few.attrs["exact"] == "true"
    methods = parts(sets.paragraph(few))[0]
    assert "with all rearrangements of images between sets" in methods
    assert "by Holm's procedure (Holm, 1979)" in methods
    formula = parts(sets.paragraph(compared(scored(k=3)), statistics=["mann_whitney_u"]))[0]
    assert "P-values of U come from the two-sided Mann–Whitney test." in formula
    assert "Holm" in formula
    assert "maximum statistic" not in formula


def test_unreadable_images_and_the_limits_of_predictions_are_told():
    table = scored().rename(columns={"hit_rate": "memorability"}).set_index("image")
    table["status"] = ["unreadable", *["ok"] * 39]
    both = {
        name: xr.Dataset.from_dataframe(part).assign_attrs(model="resmem", variant="released")
        for name, part in table.groupby("set")
    }
    methods, findings, cited = parts(sets.paragraph(sets.compare(both, **QUICK)))
    assert "Images that could not be read were left out: 1 of old." in methods
    assert "Memorability was predicted by resmem (Needell & Bainbridge, 2022)." in methods
    assert "a predicted difference is a reason to measure" in findings
    assert "prediction noise SD = 0.0" in findings
    assert "comes from a standard deviation of 0.023 over crops of an image" in methods
    assert "mf.predict" not in findings
    assert "\nNeedell" in cited


def layers(k=2):
    rng = np.random.default_rng(3)
    table = scored(n=12, k=k)
    values = {f"layer{j}": (("image", f"layer{j}:unit"), rng.normal(size=(12 * k, 4))) for j in range(2)}
    values["layer1"][1][:12] += 3
    return xr.Dataset(values, {"image": table["image"].to_numpy(dtype=object)}), table.set_index("image")["set"]


def test_features_and_near_duplicates_join_the_paragraph():
    features, kinds = layers()
    found = sets.compare_features(features, kinds, n_permutations=99, statistics=["mmd", "classifier"])
    copies = sets.near_duplicates(features, kinds, threshold=0.99)
    methods, findings, cited = parts(sets.paragraph(compared(), found, copies))
    assert found.attrs["methods"] in methods
    assert methods.count("Computed with") == 1
    assert "Near-duplicates by features were looked for among 24 images, cosine from 0.99." in methods
    best = found.sel(statistic="mmd", layer="layer1")
    assert float(best["p_corrected"]) == found["p_corrected"].sel(statistic="mmd").min()
    assert f"smallest corrected p of 2 layers in layer1 ({float(best['estimate']):.3f}; corrected p" in findings
    assert "Classifier AUC: smallest corrected p of 2 layers in layer1 (1.000; 0." in findings
    assert f"{copies.attrs['n_between']} pairs between sets" in findings
    assert "\nGretton, A., Borgwardt, K. M., " in cited
    assert "Schilling" not in cited
    alone = sets.paragraph(sets.compare_features(features, kinds, n_permutations=0, statistics="energy"))
    assert "smallest corrected p" not in alone
    features, kinds = layers(k=3)
    several = sets.paragraph(sets.compare_features(features, kinds, n_permutations=49, statistics="energy"))
    assert several.count("Energy distance: smallest corrected p") == 3
    one = sets.paragraph(sets.compare_features(features["layer1"], kinds, n_permutations=49, statistics="energy"))
    assert one.count("Energy distance: in layer1 (") == 3
    assert "smallest" not in one
    chosen = sets.paragraph(found, statistics=["mmd"])
    assert "Squared MMD:" in chosen
    assert "Classifier AUC:" not in chosen


@pytest.mark.parametrize("tell", [sets.paragraph, sets.table])
def test_what_is_no_comparison_is_refused(tell):
    with pytest.raises(KindError, match="results? must be .*; got float"):
        tell(0.5)
    with pytest.raises(ArgumentError, match="results? must be .*; got no method"):
        tell(xr.Dataset())
    with pytest.raises(UnknownNameError, match="statistics must .*cliffs_delta"):
        tell(compared(), statistics=["cliff_delta"])
    with pytest.raises(ArgumentError, match=r"statistics must have been computed; got 1: 'd_z'"):
        tell(compared(), statistics=["d_z"])


def test_a_paragraph_needs_a_result():
    with pytest.raises(ArgumentError, match="results must be one at least; got 0"):
        sets.paragraph()


# --- tables -----------------------------------------------------------------------------------------------------------


def test_the_table_of_scores_has_a_row_for_each_statistic():
    found = compared()
    table = sets.table(found)
    assert list(table) == ["Contrast", "Statistic", "n", "Estimate", "95 % CI", "p"]
    assert table["Statistic"].tolist() == ["Difference of means", "Hedges' g", "Cliff's δ"]
    delta = found["estimate"].sel(statistic="cliffs_delta").item()
    assert table["Estimate"].iloc[2] == f"{delta:.2f}".replace("0.", ".").replace("-", "−")
    assert set(table["n"]) == {"20 and 20"}
    several = sets.table(
        sets.compare(scored(k=3), by="set", values=["hit_rate", "light"], **QUICK), statistics=["wasserstein"]
    )
    assert next(iter(several)) == "Score"
    assert list(several)[-1] == "Corrected p"
    assert (several["Statistic"] == "Wasserstein distance").sum() == 6
    assert set(several["95 % CI"]) == {"–"}


def test_the_table_of_layers_has_a_column_for_each_statistic():
    features, kinds = layers(k=3)
    found = sets.compare_features(features, kinds, n_permutations=49, statistics=["mmd", "energy"])
    table = sets.table(found, statistics=["energy"])
    assert list(table) == ["Layer", "Contrast", "Energy distance", "Energy distance, corrected p"]
    assert len(table) == 6
    assert table["Energy distance"].iloc[0] == f"{found['estimate'].values[1, 0, 0]:.3f}".replace("-", "−")
    with pytest.raises(ArgumentError, match="statistics must have been computed; got 1: 'frechet'"):
        sets.table(found, statistics=["frechet"])
    features, kinds = layers()
    bare = sets.table(sets.compare_features(features, kinds, n_permutations=0, statistics="mmd"))
    assert list(bare) == ["Layer", "Squared MMD"]


def test_results_are_left_as_they_were():
    found = compared()
    before = found.copy(deep=True)
    sets.paragraph(found)
    sets.table(found)
    xr.testing.assert_identical(found, before)


def test_the_table_has_rows_for_equivalence_and_for_all_sets():
    found = compared(scored(k=3), bound=0.05)
    table = sets.table(found, statistics=["mean_difference"])
    assert table["Statistic"].tolist() == 3 * ["Difference of means", "Equivalence within ±0.050 (90 % CI)"] + [
        "Welch",
        "Kruskal–Wallis",
    ]
    first, row = found.isel(contrast=0), table.iloc[1]
    low, high = (f"{float(first[f'equivalence_ci_{side}']):.3f}".replace("-", "−") for side in ("low", "high"))
    assert row["95 % CI"] == f"[{low}, {high}]"
    p = float(first["equivalence_p_corrected"])
    assert row["Corrected p"] == ("1" if p == 1 else f"{p:.3f}".removeprefix("0"))
    assert table.iloc[-1][["Contrast", "n", "95 % CI"]].tolist() == ["all sets", "60", "–"]
    assert sets.table(compared(), statistics=["cliffs_delta"])["Statistic"].tolist() == ["Cliff's δ"]
    # statistics of features only leave the tests that were asked for
    alone = sets.table(compared(bound=0.05), statistics=["mmd"])
    assert alone[["Contrast", "Statistic", "n"]].values.tolist() == [
        ["new − old", "Equivalence within ±0.050 (90 % CI)", "20 and 20"]
    ]
