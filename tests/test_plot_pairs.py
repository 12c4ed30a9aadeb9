"""Figures of sets compared in pairs: lines join versions of one image, and differences are drawn as they are."""

import re

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.text import Text

from memfeat import plot, sets
from memfeat.errors import ArgumentError, KindError, UnknownNameError

NAMES = [f"i{k}" for k in range(6)]
SCORES = {
    "colour": pd.Series([0.9, 0.5, 0.7, 0.8, 0.6, 0.75], NAMES, name="hit_rate"),
    "grey": pd.Series([0.7, 0.55, 0.6, 0.5, 0.65, 0.3], NAMES, name="hit_rate"),
    "blurred": pd.Series([0.4, 0.35, 0.3, 0.1, 0.2, 0.45], NAMES, name="hit_rate"),
}
TWO = {name: SCORES[name] for name in ("colour", "grey")}


def compared(scores=TWO, paired=True, **options):
    return sets.compare(scores, paired=paired, n_permutations=19, n_bootstraps=49, **options)


PAIRED = compared()


def lines(ax):
    """Each line from version to version, as scores from the first row to the last."""
    (found,) = (one for one in ax.collections if one.get_label() == "_image")
    return sorted(tuple(path[:, 0].tolist()) for path in found.get_segments())


def differences(ax):
    """The dots of each row of differences, and the height of the row's dots."""
    below = next(one for one in ax.figure.axes if one is not ax and one.bbox.bounds == ax.bbox.bounds)
    return [one.get_offsets().data for one in below.collections if type(one).__name__ == "PathCollection"]


def texts(ax):
    said = " ".join(text.get_text() for text in ax.figure.findobj(Text))
    return said.replace("\N{NO-BREAK SPACE}", " ").replace("\n", " ")


def test_a_line_joins_the_versions_of_each_image_whatever_their_order():
    ax = plot.sets(PAIRED, {"colour": SCORES["colour"].sample(frac=1, random_state=1), "grey": SCORES["grey"]})
    assert lines(ax) == sorted(zip(SCORES["colour"], SCORES["grey"], strict=True))
    dots = [one for one in ax.collections if type(one).__name__ == "PathCollection"]
    for row, name in enumerate(TWO):
        drawn = dots[row].get_offsets().data
        assert sorted(drawn[:, 0]) == sorted(SCORES[name])
        assert set(drawn[:, 1]) == {-row}


def test_differences_stand_below_with_their_mean_and_its_interval():
    ax = plot.sets(PAIRED, TWO)
    (drawn,) = differences(ax)
    np.testing.assert_allclose(drawn[:, 0], sorted(SCORES["colour"] - SCORES["grey"]))
    assert drawn[:, 1].max() < -1
    below = next(one for one in ax.figure.axes if one is not ax)
    row = PAIRED.sel(contrast="colour − grey", statistic="mean_difference")
    (mean,) = (line.get_xdata()[0] for line in below.lines if line.get_marker() == "D")
    assert mean == pytest.approx(np.mean([0.2, -0.05, 0.1, 0.3, -0.05, 0.45]))
    bars = [one.get_segments()[0] for one in below.collections if type(one).__name__ == "LineCollection"]
    assert [row["ci_low"], row["ci_high"]] in [bar[:, 0].tolist() for bar in bars]
    assert any(bar[:, 0].tolist() == [0, 0] for bar in bars)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["colour", "grey", "colour − grey\n(n = 6)"]
    assert (ax.get_xlabel(), below.get_xlabel()) == ("Hit rate", "Difference: hit rate")


def test_it_is_said_how_many_images_there_are_and_what_marks_mean():
    said = texts(plot.sets(PAIRED, TWO))
    differences = np.array([0.2, -0.05, 0.1, 0.3, -0.05, 0.45])
    effect = f"d_z = {differences.mean() / differences.std(ddof=1):.2f}"
    assert re.search(rf"colour − grey: 0\.158 \[−?0\.\d{{3}}, 0\.\d{{3}}\], {effect}, p = ", said)
    assert "n = 6 images, a line each from version to version; below: their differences" in said
    assert "diamond: mean, 95 % interval; box: quartiles" in said


def test_of_sets_without_pairs_hedges_g_stands_beside_the_difference():
    groups = {name: pd.Series(one.values, [f"{name}{k}" for k in range(6)]) for name, one in TWO.items()}
    a, b = (one.to_numpy() for one in groups.values())
    pooled = np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2)
    # Hedges (1981): the correction for few images, 10 degrees of freedom
    g = (a.mean() - b.mean()) / pooled * (1 - 3 / (4 * 10 - 1))
    result = sets.compare(groups, n_permutations=19, n_bootstraps=19)
    assert result["estimate"].sel(statistic="hedges_g").item() == pytest.approx(g, rel=2e-3)
    assert f"], Hedges' g = {g:.2f}, p = " in texts(plot.sets(result, groups))


def test_of_three_versions_lines_run_through_all_and_each_difference_has_a_row():
    ax = plot.sets(compared(SCORES), SCORES)
    assert lines(ax) == sorted(zip(*SCORES.values(), strict=True))
    pairs = [("colour", "grey"), ("colour", "blurred"), ("grey", "blurred")]
    for drawn, (first, second) in zip(differences(ax), pairs, strict=True):
        np.testing.assert_allclose(drawn[:, 0], sorted(SCORES[first] - SCORES[second]))
    assert "corrected p" in texts(ax)


def test_without_a_bootstrap_differences_have_no_bar_and_no_mark():
    bare = sets.compare(TWO, paired=True, n_permutations=0, n_bootstraps=0)
    ax = plot.sets(bare.assign(ci_low=bare["ci_low"] * np.nan), TWO)
    below = next(one for one in ax.figure.axes if one is not ax)
    assert not [line for line in below.lines if line.get_marker() == "D"]
    assert "colour − grey: 0.158, d_z = 0.80; n = 6 images" in texts(ax)


def tables():
    """Versions with names of their own, a column that says of what, and a photograph that cannot be read."""
    made = {}
    for name, scores in TWO.items():
        frame = scores.to_frame().assign(original=scores.index, status="ok").reset_index(names="image")
        made[name] = frame.assign(image=f"{name}_" + frame["image"]).sample(frac=1, random_state=len(name))
    lost = pd.DataFrame({"image": ["a", "b"], "hit_rate": [np.nan, 0.5], "original": "lost", "status": ["bad", "ok"]})
    return {name: pd.concat([frame, lost.iloc[[k]]]) for k, (name, frame) in enumerate(made.items())}


def test_originals_are_found_by_a_column_or_a_label_of_each_image_and_unread_versions_left_out():
    frames = tables()
    found = compared(frames, "original", values="hit_rate")
    wanted = sorted(zip(*TWO.values(), strict=True))
    labelled = {name: xr.Dataset.from_dataframe(one.set_index("image")) for name, one in frames.items()}
    every = pd.concat(frames.values()).set_index("image")["original"]
    one = pd.concat([frame.assign(kind=name) for name, frame in frames.items()])
    for passed, options in (
        ((frames,), {"paired": "original"}),
        ((labelled,), {"paired": "original"}),
        (tuple(labelled.values()), {"paired": every}),
        ((frames,), {"paired": every.to_xarray()}),
        ((one,), {"paired": "original", "by": "kind"}),
    ):
        assert lines(plot.sets(found, *passed, **options)) == wanted


def test_arrays_are_paired_by_name():
    given = {name: one.rename_axis("image").to_xarray() for name, one in TWO.items()}
    assert lines(plot.sets(PAIRED, given)) == sorted(zip(*TWO.values(), strict=True))


@settings(deadline=None, max_examples=8)
@given(st.permutations(NAMES), st.permutations(NAMES))
def test_the_order_of_images_changes_nothing(one, other):
    ax = plot.sets(PAIRED, {"colour": SCORES["colour"][one], "grey": SCORES["grey"][other]})
    assert lines(ax) == sorted(zip(*TWO.values(), strict=True))
    np.testing.assert_allclose(differences(ax)[0][:, 0], sorted(SCORES["colour"] - SCORES["grey"]))


def test_inputs_settings_and_given_axes_are_kept():
    before, result, copies = dict(mpl.rcParams), PAIRED.copy(deep=True), {k: one.copy() for k, one in TWO.items()}
    ax = plot.axes(width="double", height=80)
    assert plot.sets(PAIRED, TWO, ax=ax) is ax
    assert dict(mpl.rcParams) == before
    xr.testing.assert_identical(PAIRED, result)
    for name, one in copies.items():
        pd.testing.assert_series_equal(TWO[name], one)


UNPAIRED = sets.compare(
    {"a": SCORES["colour"], "b": SCORES["grey"].rename(lambda name: f"{name}b")}, n_permutations=19, n_bootstraps=0
)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: plot.sets(PAIRED, SCORES["colour"], SCORES["grey"][[*NAMES[1:], NAMES[0]]].set_axis(NAMES)),
            ArgumentError,
            r"paired must pair images as they were compared; got d_z = .*, and not .*\. Pass paired= as it was",
        ),
        (
            lambda: plot.sets(PAIRED, SCORES["colour"], SCORES["grey"][1:]),
            ArgumentError,
            "sets must be the sets that were compared; got 5 images .*, and not 6 .* Pass paired= as it was passed",
        ),
        (lambda: plot.sets(PAIRED, TWO, paired=3), KindError, "paired must be True or a column; got int"),
        (
            lambda: plot.sets(PAIRED, {name: one.to_frame() for name, one in TWO.items()}, paired="source"),
            UnknownNameError,
            "paired must .*'source'",
        ),
        (
            lambda: plot.sets(PAIRED, TWO, paired=pd.Series("x", NAMES)),
            ArgumentError,
            "paired must name an original once in 'colour'; got .*'x'",
        ),
        (
            lambda: plot.sets(UNPAIRED, SCORES["colour"], SCORES["grey"], paired=True),
            ArgumentError,
            "paired must be left out where images were not compared in pairs; got True",
        ),
    ],
)
def test_pairs_that_are_not_those_of_the_comparison_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("width", [85, 120, 180])
def test_long_names_of_sets_are_shortened_and_no_formulas(width):
    rng = np.random.default_rng(4)
    names = ["photographs of the coast at sunset, taken in summer", "_" * 60, r"costs $\foo$ and $5"]
    parts = {name: pd.Series(rng.uniform(size=9), [f"{k}{j}" for j in range(9)]) for k, name in enumerate(names)}
    result = sets.compare(parts, n_permutations=19, n_bootstraps=19)
    ax = plot.axes(width=width, height=85)
    plot.sets(result, parts, ax=ax)
    ax.figure.draw_without_rendering()
    frame = ax.figure.bbox
    for text in [ax.title, ax._left_title, ax.xaxis.label, *ax.get_yticklabels()]:
        box = text.get_window_extent()
        assert box.x0 >= frame.x0, text
        assert box.x1 <= frame.x1, text
    assert [one.get_text().count("\n") for one in ax.get_yticklabels()] == [2, 2, 2]
    assert r"$\foo$" in ax.get_yticklabels()[2].get_text().replace("\n", " ")
