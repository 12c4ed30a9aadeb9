"""Chosen sets, dealt lists and balance tables in words: what attributes say is told, and nothing else."""

import warnings

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from memfeat import sets
from memfeat.errors import ArgumentError, KindError, OutOfReachWarning

NO_P = "No p-values are given: sets that were chosen to be alike leave no null hypothesis to test (Imai et al., 2008)."


def pool(n=24):
    rng = np.random.default_rng(0)
    columns = {name: rng.normal(size=n) for name in ("hit_rate", "light")}
    labels = {"place": ["indoor", "outdoor"] * (n // 2), "source": [f"s{i // 2}" for i in range(n)]}
    return pd.DataFrame({"image": [f"i{i:02}" for i in range(n)], **columns, **labels})


def chosen(**attrs):
    """What `match` gives, with attributes by hand."""
    usual = {
        "memfeat_version": "9.9", "method": "sets chosen by balance", "sets": ["old", "new"], "n": 40,
        "score": "hit_rate", "covariates": ["light", "blue"], "goal": "equal", "difference_sd": 0.0,
        "tolerance": '{"blue": 0.2, "hit_rate": 0.05, "light": 0.2}', "variance_ratio": 4.0, "imbalance": 0.625,
        "within_limits": "true", "solved_by": "exchange", "optimal": "false", "bound": 0.0, "seed": "7",
        "n_unreadable": 0, "n_excluded": 0, "n_pairs_apart": 0, "pool_n": 800,
    }  # fmt: skip
    return xr.Dataset(attrs=usual | attrs)


def balanced():
    """Three sets of two: differences by hand."""
    values = {"hit_rate": [0.2, 0.4, 0.5, 0.7, 0.8, 0.8 + 0.2], "light": [1.0, 3.0, 1.0, 5.0, 2.0, 4.0]}
    return pd.DataFrame({"image": list("abcdef"), "set": list("AABBCC"), "kind": list("xyxxxy"), **values})


# --- sets that were chosen --------------------------------------------------------------------------------------------


def test_what_was_asked_of_sets_is_told_as_attributes_say():
    methods, found, cited = sets.paragraph(chosen()).split("\n\n")
    assert methods == (
        "From a pool of 800 images, 2 sets of 40 images (old and new) were chosen to be equal in hit_rate "
        "(|SMD| ≤ 0.05) and in light and blue (|SMD| ≤ 0.2). SMD is the difference of two sets' means in standard "
        "deviations of the pool. The ratio of two sets' variances in hit_rate, light and blue was to lie between 0.25 "
        "and 4.00 (Rubin, 2001). The sets were found by exchange: images of a random draw changed places as long as "
        "that brought the sets nearer to what was asked. The choice is not proven to be the most even one possible, by "
        "the largest |SMD| relative to its limit. Computed with memfeat 9.9 (seed 7)."
    )
    assert found == "The largest |SMD| is 0.62 times its limit."
    assert cited.splitlines()[1:] == [
        "Rubin, D. B. (2001). Using propensity scores to help design observational studies: Application to the tobacco "
        "litigation. Health Services and Outcomes Research Methodology, 2, 169–188."
    ]


@pytest.mark.parametrize(
    ("attrs", "told"),
    [
        ({"n_unreadable": 3, "n_excluded": 2}, "pool of 800 images (without 3 unreadable and 2 excluded), 2 sets"),
        ({"categories": '{"indoor": 15, "outdoor": 25}'}, "Each set has 15 indoor and 25 outdoor."),
        ({"n_pairs_apart": 1}, "Of one pair of near-duplicates, at most one image was to be chosen."),
        ({"n_pairs_apart": 12}, "Of each of 12 pairs of near-duplicates, at most one image was to be chosen."),
        ({"optimal": "true"}, "The choice is proven to be the most even one possible"),
        ({"solved_by": "random draw"}, "The sets were found by a random draw."),
        ({"solved_by": "program"}, "program, solved by HiGHS (Huangfu & Hall, 2018) through SciPy. The"),
        ({"solved_by": "program with linearised variance ratios"}, "SciPy, with variance ratios made linear. The"),
        ({"solved_by": "program, then exchange"}, "SciPy, from whose solution images changed places as long as"),
        ({"within_limits": "false"}, "Not everything that was asked is kept: these are the nearest sets"),
        ({"bound": 0.456}, "No choice has a largest |SMD| below 0.46 times its limit."),
    ],
)  # fmt: skip
def test_each_attribute_has_its_words(attrs, told):
    assert told in sets.paragraph(chosen(**attrs))
    assert told not in sets.paragraph(chosen())


@pytest.mark.parametrize(
    ("attrs", "aim", "found"),
    [
        (
            {"goal": "least", "least_difference_sd": 1.5},
            "chosen to differ by at least 1.50 standard deviations of the pool in hit_rate and to be equal in light",
            "The sets differ by 1.62 standard deviations of the pool in hit_rate.",
        ),
        (
            {"goal": "largest", "sets": ["a", "b", "c"], "bound": 1.7},
            "3 sets of 40 images (a, b and c) were chosen to differ as much as possible in hit_rate, each from the",
            "The sets that follow each other differ by at least 1.62 standard deviations of the pool in hit_rate. The "
            "largest |SMD| is 0.62 times its limit. No choice has a difference above 1.70 standard deviations",
        ),
    ],
)
def test_sets_that_shall_differ_say_by_how_much(attrs, aim, found):
    text = sets.paragraph(chosen(tolerance='{"light": 0.1}', covariates="light", difference_sd=1.618, **attrs))
    assert aim in text
    assert found in text


def test_lists_are_told_with_what_stays_together_and_with_roles():
    lists = sets.split(pool(), 2, score="hit_rate", categories="place", apart="source", best=True, seconds=2)
    methods = sets.paragraph(lists).split("\n\n")[0]
    for told in (
        "24 images were dealt to 2 lists of 12 (A and B) to be equal in hit_rate (|SMD| ≤ 0.05).",
        "Lists hold equally many images of each place, or differ by one. Images of the same source went to different",
        "Participants of the first of 2 versions see A as target and B as foil; from one version to the next,",
        "The lists were found by ",
    ):
        assert told in methods
    assert "same list" not in methods


def asked(difference, covariates, categories, duplicates, exclude, ratio):
    options = {"method": "exchange", "best": True, "variance_ratio": ratio}
    options |= {"categories": "place"} if categories else {}
    options |= {"duplicates": [("i01", "i03")]} if duplicates else {}
    options |= {"exclude": ["i05"]} if exclude else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutOfReachWarning)
        return sets.match(pool(), 4, score="hit_rate", covariates=covariates, difference=difference, **options)


@settings(max_examples=20, deadline=None)
@given(
    difference=st.sampled_from(["equal", "largest", {"sd": 0.5}]),
    covariates=st.sampled_from([(), ("light",)]),
    categories=st.booleans(),
    duplicates=st.booleans(),
    exclude=st.booleans(),
    ratio=st.sampled_from([None, 3.0]),
)
def test_what_was_not_asked_is_not_told(**options):
    text = sets.paragraph(asked(**options))
    limited = options["difference"] == "equal" or bool(options["covariates"])
    assert ("light" in text) == bool(options["covariates"])
    assert ("indoor" in text) == options["categories"]
    assert ("near-duplicates" in text) == options["duplicates"]
    assert ("excluded" in text) == options["exclude"]
    assert ("variances" in text) == ("Rubin" in text) == (options["ratio"] is not None and limited)
    assert ("SMD" in text) == limited
    assert ("as much as possible" in text) == (options["difference"] == "largest")
    assert ("differ by" in text) == (options["difference"] != "equal")
    for never in ("HiGHS", "unreadable", "p-values", "Categories", "is proven to have the largest"):
        assert never not in text


# --- balance ----------------------------------------------------------------------------------------------------------


def test_a_balance_table_tells_the_furthest_of_its_contrasts():
    found = sets.balance(balanced(), score="hit_rate", categories="kind", reliability={"spearman_brown": 0.5})
    methods, findings, cited = sets.paragraph(found).split("\n\n")
    assert methods.startswith(
        "The balance of A (n = 2), B (n = 2) and C (n = 2) is described by standardised mean differences (SMD, in "
        "roots of the mean variance of the sets), variance ratios and Kolmogorov–Smirnov distances (Austin, 2009). "
        + NO_P
    )
    assert (
        "The difference in hit_rate that is expected when the same images are measured again is that of these scores "
        "times the reliability of the scores (.50), since scores regress to the mean (Barnett et al., 2005)."
    ) in methods
    # means .3, .6 and .9, each SD √.02; of light 2, 3 and 3, variances 2, 8 and 2, whose mean is 4
    assert findings == (
        "hit_rate: A M = 0.300 (SD = 0.141), B M = 0.600 (SD = 0.141), C M = 0.900 (SD = 0.141); largest difference "
        "A − C = −0.600, expected when measured again −0.300; largest |SMD| = 4.243 (A − C), variance ratios from 1.00 "
        "to 1.00, largest Kolmogorov–Smirnov distance = 1.00 (A − B). light: largest |SMD| = 0.500 (A − B), variance "
        "ratios from 0.25 to 4.00, largest Kolmogorov–Smirnov distance = .50 (A − B). "
        "Images by category: A 1 x and 1 y; B 2 x and 0 y; C 1 x and 1 y."
    )
    assert [line.split(",")[0] for line in cited.splitlines()] == ["References", "Austin", "Barnett", "Imai"]


def test_a_balance_table_of_two_sets_has_no_largest_and_no_range():
    two = balanced().iloc[:4]
    findings = sets.paragraph(sets.balance(two, score="hit_rate", columns=["hit_rate"])).split("\n\n")[1]
    assert findings == (
        "hit_rate: A M = 0.300 (SD = 0.141), B M = 0.600 (SD = 0.141); difference A − B = −0.300; "
        "|SMD| = 2.121, variance ratio = 1.00, Kolmogorov–Smirnov distance = 1.00."
    )
    none = sets.paragraph(sets.balance(two, columns=["hit_rate", "light"]))
    assert "2 variables: largest |SMD| = 2.121 (hit_rate), variance ratios from 0.25 to 1.00, largest" in none
    assert "measured again" not in none


def test_the_pool_and_the_slope_are_named():
    both = asked({"sd": 0.5}, ("light",), categories=False, duplicates=False, exclude=False, ratio=None)
    text = sets.paragraph(both, sets.balance(both, slope=0.625))
    assert "SMD, in standard deviations of the pool)" in text
    assert "times the slope of measured on predicted scores (0.62)" in text
    assert "reliability" not in text
    assert text.count("Computed with") == 1


def test_flat_variables_have_no_variance_ratio():
    flat = balanced().assign(light=1.0)
    assert "light: largest |SMD| = – (A − B), largest Kolmogorov" in sets.paragraph(
        sets.balance(flat, score="hit_rate")
    )


def test_results_from_a_file_are_told_as_before(tmp_path):
    both = asked("equal", ("light",), categories=True, duplicates=True, exclude=True, ratio=3.0)
    both.to_netcdf(tmp_path / "sets.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "sets.nc", engine="h5netcdf") as again:
        assert sets.paragraph(again) == sets.paragraph(both)


def test_what_has_no_words_is_refused():
    with pytest.raises(KindError, match="results must be Datasets that mf.sets gave; got DataFrame"):
        sets.paragraph(sets.sequence(["a", "b"], ["c", "d", "e"], lags=3))
    with pytest.raises(ArgumentError, match=r"results must be sets compared or chosen; got no method.*match, split or"):
        sets.paragraph(xr.Dataset())
