"""Figures of results side by side: models, shares, maps, similarities, raters, extreme images and networks."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.collections import LineCollection, QuadMesh
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from PIL import Image

import memfeat as mf
from memfeat import plot
from memfeat.errors import ArgumentError, KindError, UnknownNameError
from memfeat.plot.style import COLOURS

NAMES = ["a", "b", "c", "d"]


def texts(ax):
    return " ".join(text.get_text().replace("\n", " ") for text in ax.findobj(Text))


# models ---------------------------------------------------------------------------------------------------------------


def result(dim="model", names=NAMES, **further):
    estimate = np.linspace(0.1, 0.4, len(names))
    columns = {"estimate": estimate, "ci_low": estimate - 0.05, "ci_high": estimate + 0.15}
    columns |= {"p_corrected": np.where(estimate > 0.25, 0.01, 0.2), "n": np.full(len(names), 20)}
    columns |= further
    attrs = {"method": "RSA, spearman", "correction": "p_corrected: Holm over all; p_fdr: B", "interval": "t, 95 %"}
    return xr.Dataset({name: (dim, column) for name, column in columns.items()}, {dim: list(names)}, attrs)


def contrasts(pairs):
    first, second, p = zip(*pairs, strict=True)
    labels = [f"{a} − {b}" for a, b in zip(first, second, strict=True)]
    coords = {"contrast": labels, "first": ("contrast", list(first)), "second": ("contrast", list(second))}
    return xr.Dataset({"p_corrected": ("contrast", list(p))}, coords, {"correction": "p_corrected: Holm; p_fdr: B"})


PAIRS = contrasts([("a", "b", 0.2), ("d", "a", 0.01), ("b", "c", 0.04), ("c", "d", 0.03)])


def dots(ax):
    return {line.get_markerfacecolor(): line.get_xydata().tolist() for line in ax.lines if line.get_marker() == "o"}


def brackets(ax):
    return [line.get_xydata() for line in ax.lines if line.get_label() == "_bracket"]


@pytest.mark.parametrize("dim", ["model", "layer", "roi"])
def test_each_model_is_a_dot_on_its_row_filled_where_it_passes(dim):
    one = result(dim)
    ax = plot.models(one)
    values = one["estimate"].values
    assert dots(ax) == {
        "white": [[values[0], 0], [values[1], 1]],
        COLOURS["data"]: [[values[2], 2], [values[3], 3]],
    }
    assert [label.get_text() for label in ax.get_yticklabels()] == NAMES
    lines = next(one for one in ax.collections if isinstance(one, LineCollection)).get_segments()
    np.testing.assert_allclose([line[:, 0] for line in lines], np.stack([one["ci_low"], one["ci_high"]], axis=1))
    assert ax.get_xlabel() == "Spearman ρ"
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    assert "n = 20 images; line: t, 95 %; filled: p < .05, Holm over all" in texts(ax)
    assert [list(line.get_xdata()) for line in ax.lines if line.get_linestyle() == "--"] == [[0, 0]]


def test_brackets_join_the_models_that_differ_and_never_cover_each_other():
    ax = plot.models(result(), contrasts=PAIRS)
    drawn = brackets(ax)
    rows = sorted((round(one[0, 1]), round(one[-1, 1])) for one in drawn)
    assert rows == [(0, 3), (1, 2), (2, 3)]
    lanes = {}
    for one in drawn:
        lanes.setdefault(round(one[1, 0], 6), []).append((one[0, 1], one[-1, 1]))
    assert all(a[1] < b[0] for lane in lanes.values() for a, b in zip(sorted(lane), sorted(lane)[1:], strict=False))
    assert min(lanes) > 1
    assert "bracket: 3 of 4 differences with p < .05, Holm" in texts(ax)


def test_of_very_many_differences_only_the_number_is_told():
    names = [f"m{k}" for k in range(7)]
    many = contrasts([(a, b, 0.001) for k, a in enumerate(names) for b in names[k + 1 :]])
    ax = plot.models(result(names=names), contrasts=many)
    assert brackets(ax) == []
    assert "; 21 of 21 differences with p < .05, Holm" in texts(ax)
    assert "bracket" not in texts(ax)


def test_noise_bounds_of_models_are_a_band_or_a_line():
    both = plot.models(result().assign(noise_lower=0.5, noise_upper=0.6))
    (band,) = both.patches
    assert (band.get_x(), band.get_width()) == (0.5, pytest.approx(0.1))
    assert "grey: noise bounds" in texts(both)
    upper = plot.models(result().assign(noise_upper=0.6))
    assert [list(line.get_xdata()) for line in upper.lines if line.get_linestyle() == ":"] == [[0.6, 0.6]]


def test_a_bare_estimate_of_models_can_be_drawn():
    ax = plot.models(result()[["estimate"]].assign_attrs(n=9), label="R²")
    assert "n = 9 images" in texts(ax)
    assert ax.get_xlabel() == "R²"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: plot.models(result()["estimate"]), KindError, "result must be a Dataset; got DataArray"),
        (lambda: plot.models(result()[["n"]]), ArgumentError, "result must have one estimate for each model"),
        (
            lambda: plot.models(result().expand_dims(layer=["x"])),
            ArgumentError,
            r"Select along the others first, as in result.sel\(model=",
        ),
        (lambda: plot.models(result(), contrasts=[1]), KindError, "contrasts must be a Dataset; got list"),
        (
            lambda: plot.models(result(), contrasts=PAIRS[[]]),
            ArgumentError,
            "contrasts must have one p_corrected for each contrast; got none",
        ),
        (
            lambda: plot.models(result(), contrasts=contrasts([("a", "z", 0.1)])),
            ArgumentError,
            "contrasts must be of the models of result; got 1: 'z'",
        ),
    ],
)
def test_what_is_no_comparison_of_models_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


# shares ---------------------------------------------------------------------------------------------------------------


def shares(*values, sets=("u", "v", "w")):
    """What a partition into so many sets looks like: shares of single sets, of pairs, of all."""
    n = {3: 2, 7: 3, 15: 4}[len(values)]
    from itertools import combinations

    every = [*sets, "x"][:n]
    subsets = [s for size in range(1, n + 1) for s in combinations(every, size)]
    estimate = np.array(values, float)
    columns = {"estimate": estimate, "ci_low": estimate - 0.02, "ci_high": estimate + 0.03}
    total = float(estimate.sum())
    columns |= {"r2": np.full(len(values), total), "r2_ci_low": np.full(len(values), total - 0.1)}
    columns |= {"r2_ci_high": np.full(len(values), total + 0.1), "size": [len(s) for s in subsets]}
    columns["n"] = np.full(len(values), 30)
    labels = [" & ".join(s) for s in subsets]
    table = {name: ("subset", column) for name, column in columns.items()}
    return xr.Dataset(table, {"subset": labels}, {"interval": "95 % jackknife"})


TWO, THREE = shares(0.2, 0.1, 0.05), shares(0.2, 0.15, 0.1, 0.05, 0.04, 0.03, 0.02)


def test_bars_are_shares_and_below_them_their_sum_with_intervals():
    ax = plot.partition(TWO, label="Share")
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([0.2, 0.1, 0.05, 0.35])
    said = [label.get_text() for label in ax.get_yticklabels()]
    assert said == ["u alone", "v alone", "u and v", "together (R²)"]
    ends = next(one for one in ax.collections if isinstance(one, LineCollection)).get_segments()
    np.testing.assert_allclose(ends[0][:, 0], [0.18, 0.23])
    np.testing.assert_allclose(ends[3][:, 0], [0.25, 0.45])
    assert "n = 30 images; line: 95 % jackknife" in texts(ax)
    assert ax.get_xlabel() == "Share"


def area(path):
    """Area that a closed path of curves encloses (shoelace formula over many points)."""
    points = np.concatenate([np.asarray(one) for one in path.to_polygons(closed_only=True)])
    x, y = points.T
    return abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def test_areas_of_two_circles_are_in_proportion_to_shares():
    ax = plot.partition(TWO, kind="circles")
    regions = [patch for patch in ax.patches if patch.get_path().vertices.shape[0] > 4]
    sizes = np.array([area(patch.get_path().interpolated(1)) for patch in regions])
    np.testing.assert_allclose(sizes / sizes.sum(), np.array([0.2, 0.1, 0.05]) / 0.35, rtol=0.02)
    said = texts(ax)
    assert all(number in said for number in ("0.200", "0.100", "0.050"))
    assert "together 0.350 [0.250, 0.450]; brackets: 95 % jackknife; areas in proportion" in said
    assert {"u", "v"} <= {text.get_text() for text in ax.texts}


def test_three_circles_have_seven_parts_and_say_that_areas_are_approximate():
    ax = plot.partition(THREE, kind="circles")
    assert {"0.200", "0.150", "0.100", "0.050", "0.040", "0.030", "0.020"} <= {one.get_text() for one in ax.texts}
    assert "areas in proportion as nearly as circles allow" in texts(ax)


def test_shares_below_0_have_no_area_and_are_told_in_words():
    ax = plot.partition(shares(0.2, 0.1, -0.05), kind="circles")
    assert "below 0 and without an area: u and v −0.050" in texts(ax)
    bars = plot.partition(shares(0.2, 0.1, -0.05))
    assert bars.patches[2].get_width() == -0.05


@pytest.mark.parametrize(
    ("given", "options", "error", "message"),
    [
        (TWO["estimate"], {}, KindError, "result must be a Dataset; got DataArray. Pass what mf.regression.partition"),
        (TWO[["n"]], {}, ArgumentError, "result must hold estimate, r2 and size by subset; got 1: 'n'"),
        (
            TWO.assign(estimate=TWO["estimate"].expand_dims(roi=["v1"])),
            {},
            ArgumentError,
            r"result must have one share for each subset; .*result.sel\(roi=",
        ),
        (TWO, {"kind": "pie"}, ArgumentError, "kind must be one of 'bars', 'circles'; got 'pie'"),
        (
            shares(*[0.01] * 15),
            {"kind": "circles"},
            ArgumentError,
            "kind must be 'bars' for more than three sets; got 4 sets. Draw kind='bars'",
        ),
        (shares(-0.1, -0.1, -0.1), {"kind": "circles"}, ArgumentError, "result must have a share above 0 for circles"),
        (
            shares(0.04, 0, 0, 0, 0.25, 0.35, 0.36),
            {"kind": "circles"},
            ArgumentError,
            "result must fit circles; got shares that no circles of such sizes can have. Draw kind='bars'",
        ),
    ],
)
def test_what_is_no_partition_or_fits_no_circles_is_refused(given, options, error, message):
    with pytest.raises(error, match=message):
        plot.partition(given, **options)


# similarity of layers -------------------------------------------------------------------------------------------------


def alike(n=3, m=3):
    values = np.linspace(0, 1, n * m).reshape(n, m)
    coords = {"layer": [f"net.l{k}" for k in range(n)], "layer_2": [f"net.l{k}" for k in range(m)]}
    attrs = {"method": "CKA", "n": 24, "unbiased": "true"}
    return xr.DataArray(values, dims=("layer", "layer_2"), coords=coords, name="cka", attrs=attrs)


def test_similarities_are_drawn_where_their_layers_stand_and_written_where_they_fit():
    ax = plot.layer_similarity(alike().transpose("layer_2", "layer"))
    np.testing.assert_array_equal(ax.images[0].get_array(), alike().values)
    assert ax.get_ylim()[0] < ax.get_ylim()[1]
    written = {text.get_position(): text.get_text() for text in ax.texts}
    assert written[1, 0] == ".12"
    assert len(written) == 9
    assert [label.get_text() for label in ax.get_xticklabels()] == ["l0", "l1", "l2"]
    assert ax.get_ylabel() == "Layer (in net)"
    assert "n = 24 images; unbiased; no intervals" in texts(ax)
    assert "CKA" in texts(ax.figure)


def test_many_layers_are_named_as_far_as_there_is_room_and_not_written():
    ax = plot.layer_similarity(alike(50, 40))
    assert not ax.texts
    assert 5 < len(ax.get_yticklabels()) < 25
    assert ax.get_xlabel() == "Layer of the second (in net)"


def test_svcca_is_drawn_with_what_it_is_without_any_relation():
    both = xr.Dataset({"svcca": alike(), "chance": alike() * 0 + 0.51}, attrs={"method": "SVCCA", "n": 24})
    ax = plot.layer_similarity(both)
    assert "without any relation 0.51" in texts(ax)
    assert "SVCCA, mean correlation" in texts(ax.figure)


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (alike().to_dataset(name="x"), KindError, "result must be similarities of layers; got Dataset"),
        (alike().rename(layer_2="roi"), ArgumentError, "result must have the dims 'layer' and 'layer_2' with names"),
    ],
)
def test_what_is_no_similarity_of_layers_is_refused(bad, error, message):
    with pytest.raises(error, match=message):
        plot.layer_similarity(bad)


# maps of layers -------------------------------------------------------------------------------------------------------


def by_time(times=(0.3, 0.1, 0.2)):
    estimate = np.array([[0.1, -0.2, 0.3], [0.4, 0.5, -0.6]])
    columns = {"estimate": (("layer", "time"), estimate), "ci_low": (("layer", "time"), estimate - 1)}
    columns |= {
        "p_corrected": (("layer", "time"), np.where(np.abs(estimate) > 0.35, 0.01, 0.5)),
        "n": ("layer", [9, 9]),
    }
    attrs = {"method": "RSA, pearson", "correction": "p_corrected: max-statistic; p_fdr: B"}
    return xr.Dataset(columns, {"layer": ["low", "high"], "time": list(times)}, attrs)


def mesh(ax):
    return next(one for one in ax.collections if isinstance(one, QuadMesh))


def test_columns_with_numbers_lie_where_their_numbers_say():
    one = by_time()
    ax = plot.layer_map(one)
    np.testing.assert_array_equal(mesh(ax).get_array(), one["estimate"].values[:, [1, 2, 0]])
    np.testing.assert_allclose(mesh(ax).get_coordinates()[0, :, 0], [0.05, 0.15, 0.25, 0.35])
    assert mesh(ax).get_clim() == (-0.6, 0.6)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["low", "high"]
    assert ax.get_xlabel() == "Time"
    said = texts(ax)
    assert "n = 9 images; outlined: p < .05, max-statistic; intervals: see the table" in said
    assert "Pearson r" in texts(ax.figure)
    one["time"].attrs["units"] = "ms"
    assert plot.layer_map(one).get_xlabel() == "Time (ms)"


def test_an_outline_runs_around_what_passes_and_nothing_else():
    ax = plot.layer_map(by_time((0, 1, 2)))
    outline = next(one for one in ax.collections if isinstance(one, LineCollection)).get_segments()
    drawn = {tuple(sorted(map(tuple, line.tolist()))) for line in outline}
    # all three of "high" pass: the outline is that of one bar of three cells
    below = {((c - 0.5, 0.5), (c + 0.5, 0.5)) for c in range(3)} | {((c - 0.5, 1.5), (c + 0.5, 1.5)) for c in range(3)}
    assert drawn == below | {((-0.5, 0.5), (-0.5, 1.5)), ((2.5, 0.5), (2.5, 1.5))}


def test_durations_are_seconds_and_regions_stand_in_their_order():
    one = by_time(np.array([300, 100, 200], "timedelta64[ms]"))
    ax = plot.layer_map(one)
    np.testing.assert_allclose(mesh(ax).get_coordinates()[0, :, 0], [0.05, 0.15, 0.25, 0.35])
    assert ax.get_xlabel() == "Time (s)"
    regions = by_time(("V1", "IT", "PFC")).rename(time="roi")
    ax = plot.layer_map(regions)
    np.testing.assert_array_equal(mesh(ax).get_array(), regions["estimate"].values)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["V1", "IT", "PFC"]
    assert ax.get_xlabel() == "Region"


def test_clusters_of_time_are_outlined():
    times = np.arange(4.0)
    people = np.random.default_rng(0).normal(loc=[[[0], [3], [3], [0]]], size=(1, 4, 8))
    found = xr.Dataset({"by_participant": (("layer", "time", "participant"), people)}, attrs={"method": "RSA, pearson"})
    clusters = mf.rsa.cluster(found.assign_coords(layer=["fc"], time=times), n_permutations=300)
    ax = plot.layer_map(clusters)
    outline = next(one for one in ax.collections if isinstance(one, LineCollection)).get_segments()
    assert {min(line[:, 0]) for line in outline} == {0.5, 1.5, 2.5}
    assert "n = 8 participants; outlined: p < .05, largest mass over all series" in texts(ax)


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (by_time()["estimate"], KindError, "result must be a Dataset; got DataArray"),
        (
            by_time()[["n"]],
            ArgumentError,
            r"result must have estimates along 'layer' and one further dim, .* dims \(\)",
        ),
        (by_time().isel(time=0), ArgumentError, "goes to mf.plot.layer_profile or mf.plot.models"),
        (by_time().expand_dims(roi=["x"]), ArgumentError, "result must have estimates along 'layer' and one further"),
    ],
)
def test_what_is_no_map_of_layers_is_refused(bad, error, message):
    with pytest.raises(error, match=message):
        plot.layer_map(bad)


# raters ---------------------------------------------------------------------------------------------------------------


def halves(measures=("hit_rate", "d_prime")):
    columns = {"reliability": [0.75, 0.5], "reliability_ci_low": [0.6, -0.1], "reliability_ci_high": [0.9, 0.7]}
    table = {name: ("measure", values[: len(measures)]) for name, values in columns.items()}
    table["n"] = ("measure", [50, 50][: len(measures)])
    return xr.Dataset(table, {"measure": list(measures)}, {"interval": "95 % bootstrap over images"})


def test_the_curve_is_what_was_computed_and_the_dot_what_was_measured():
    curve = mf.scores.by_raters(halves(), n_raters=40, at=[1, 40, 160])
    ax = plot.reliability(curve, target=0.9)
    drawn = {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}
    assert list(drawn) == ["hit rate", "d prime"]
    np.testing.assert_array_equal(drawn["hit rate"].get_xydata(), np.c_[[1, 40, 160], curve["estimate"][0]])
    dots = [line.get_xydata()[0].tolist() for line in ax.lines if line.get_marker() == "o"]
    assert dots == [[40, 0.75], [40, 0.5]]
    band = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert band.max() == pytest.approx(float(curve["ci_high"][0].max()))
    assert [list(line.get_ydata()) for line in ax.lines][-1] == [0.9, 0.9]
    said = texts(ax)
    assert "n = 50 images; dot: measured with 40 raters" in said
    assert "band: 95 % bootstrap over images; dashed: 0.9, aimed at" in said


def test_a_named_number_has_a_curve_without_a_band():
    ax = plot.reliability(mf.scores.by_raters({"split_half": 0.6}, n_raters=40))
    assert list(ax.collections) == []
    assert ax.get_legend() is None
    assert "band" not in texts(ax)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: plot.reliability(halves()["reliability"]), KindError, "result must be a Dataset; got DataArray"),
        (lambda: plot.reliability(halves()), ArgumentError, "result must hold estimates by number of raters"),
        (
            lambda: plot.reliability(mf.scores.by_raters(halves(), n_raters=4), target=90),
            ArgumentError,
            "target must lie between 0 and 1; got 90",
        ),
        (
            lambda: plot.reliability(
                xr.concat([mf.scores.by_raters(halves(), n_raters=4)] * 3, "measure", data_vars="minimal")
            ),
            ArgumentError,
            "result must hold at most 5 measures; got 6",
        ),
    ],
)
def test_what_is_no_curve_of_raters_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


# extreme images -------------------------------------------------------------------------------------------------------


def scored(n=6):
    names = [f"i{k}" for k in range(n)]
    return xr.DataArray(np.linspace(0.1, 0.9, n)[::-1], dims="image", coords={"image": names}, name="hit_rate")


def tiles(n=6):
    values = np.zeros((n, 8, 8, 3), np.uint8) + np.arange(n, dtype=np.uint8)[:, None, None, None]
    return xr.DataArray(values, dims=("image", "y", "x", "rgb"), coords={"image": [f"i{k}" for k in range(n)]})


def shown(ax):
    return [int(np.asarray(one.get_array()).max()) for one in ax.images]


def test_the_extreme_images_are_shown_outermost_first_with_their_scores():
    ax = plot.memorable(scored().isel(image=[3, 1, 5, 0, 2, 4]), tiles().isel(image=[5, 4, 3, 2, 1, 0]), n=2)
    assert shown(ax) == [0, 1, 5, 4]
    written = [text.get_text() for text in ax.texts]
    assert written == ["Highest", "0.900", "0.740", "Lowest", "0.100", "0.260"]
    first, second = ax.images[0].get_extent(), ax.images[1].get_extent()
    assert first[1] < second[0]
    assert ax.images[2].get_extent()[3] > first[2]
    assert "n = 6 images, of which 2 at each end; below each: hit rate" in texts(ax)


def test_ties_go_by_name_no_image_stands_at_both_ends_and_those_without_a_score_are_left_out():
    equal = xr.full_like(scored(), 0.5)
    equal[2] = np.nan
    assert shown(plot.memorable(equal, tiles(), n=10)) == [0, 1, 4, 5]
    table = scored().rename("memorability").to_dataset()
    assert shown(plot.memorable(table, tiles(), n=1)) == [0, 5]
    assert shown(plot.memorable(scored().to_series(), tiles(), n=1)) == [0, 5]


def test_only_files_that_are_shown_are_opened(tmp_path):
    for k in range(6):
        Image.new("RGB", (30, 20), (k * 40, 0, 0)).save(tmp_path / f"i{k}.png")
    table = mf.images.read(tmp_path)
    scores = scored().assign_coords(image=table["image"].values)
    (tmp_path / "i2.png").unlink()
    ax = plot.memorable(scores, table, n=2)
    assert [int(np.asarray(one.get_array())[..., 0].mean()) for one in ax.images] == [0, 40, 200, 160]
    (tmp_path / "i5.png").unlink()
    with pytest.raises(mf.images.UnreadableImage, match="i5"):
        plot.memorable(scores, table, n=2)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: plot.memorable(scored(400), tiles(400), n=200, ax=plot.axes()),
            ArgumentError,
            r"n must be at most \d+ on \d+ mm; got 200. Draw on larger Axes",
        ),
        (lambda: plot.memorable(scored(), tiles(), n=0), ArgumentError, "n must be at least 1; got 0"),
        (lambda: plot.memorable(scored()[:1], tiles()), ArgumentError, "scores must have a number for at least two"),
        (lambda: plot.memorable(tiles(), tiles()), KindError, "scores must hold one number per image"),
        (lambda: plot.memorable(tiles().to_dataset(name="x"), tiles()), ArgumentError, "scores must hold memorability"),
        (lambda: plot.memorable(scored(), tiles(3)), ArgumentError, "images and scores must hold the same images"),
        (lambda: plot.memorable(scored(), scored()), KindError, "images must come from mf.images.thumbnails or mf.im"),
    ],
)
def test_extreme_images_that_cannot_be_shown_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


# the network ----------------------------------------------------------------------------------------------------------

RESMEM = Path(__file__).parent / "data" / "resmem_layers.csv"


@pytest.fixture(scope="module")
def table():
    kept = pd.read_csv(RESMEM)
    return kept.assign(shape=[tuple(map(int, shape.split("x"))) for shape in kept["shape"]])


def cells(ax):
    """Cells by the last layer in them, and whether each is filled."""
    mark = COLOURS["mark"]
    small = [one for one in ax.patches if isinstance(one, Rectangle) and one.get_linewidth() == 0]
    return {one.get_label(): to_hex(one.get_facecolor()).upper() == mark for one in small}


def boxes(ax):
    return [one for one in ax.patches if isinstance(one, Rectangle) and one.get_linewidth() > 0]


def test_both_branches_of_resmem_stand_side_by_side_above_the_head(table):
    ax = plot.architecture(table)
    places = {}
    for one in boxes(ax):
        places.setdefault(one.get_x(), []).append((one.get_y(), one.get_label()))
    columns = [[name for _, name in sorted(places[x])] for x in sorted(places)]
    assert columns == [
        ["conv1", "layer1", "layer2", "layer3", "layer4", "avgpool", "fc"],
        ["cat", "fc6", "fc7", "fc8", "fc9", "fc10", "fc11", "fc12"],
        ["conv1", "conv2", "conv3", "conv4", "conv5"],
    ]
    last = max(y for x in (min(places), max(places)) for y, _ in places[x])
    assert min(y for y, _ in places[sorted(places)[1]]) > last
    blocks = [name for name in cells(ax) if name.startswith("features.layer3.")]
    assert len(blocks) == 36
    said = texts(ax)
    assert "2,048 × 8 × 8" in said
    assert "n = 608 layers; beside names" in said
    assert not any(cells(ax).values())


def test_the_layers_that_are_read_are_marked_where_they_are(table):
    ax = plot.architecture(table, ["features.layer3.5.conv2", "relu7", "features.layer4", "features"])
    filled = {name for name, read in cells(ax).items() if read}
    assert filled == {"features.layer3.5", "relu7", "features"}
    framed = [one.get_label() for one in boxes(ax) if one.get_linewidth() > 1]
    assert framed == ["layer4"]
    assert "4 layers are read (filled)" in texts(ax)
    features = xr.Dataset({"relu7": ("image", [0.0])})
    assert {name for name, read in cells(plot.architecture(table, features)).items() if read} == {"relu7"}


def test_another_network_is_one_column():
    rows = [
        ("features.0", "Conv2d", (8, 9, 9)),
        ("features.1", "ReLU", (8, 9, 9)),
        ("features", "Sequential", (8, 9, 9)),
    ]
    rows += [("pool", "AdaptiveAvgPool2d", (8,)), ("flat", "Flatten", (8,)), ("head", "Linear", (4,))]
    small = pd.DataFrame(rows, columns=["name", "kind", "shape"]).assign(module=lambda one: one["name"])
    ax = plot.architecture(small, ["flat"])
    assert [one.get_label() for one in boxes(ax)] == ["features", "pool", "head"]
    assert cells(ax) == {"features.0": False, "features.1": False, "pool": False, "flat": True, "head": False}


def test_plotting_a_network_does_not_import_torch():
    sources = (Path(plot.__file__).parent / "architecture.py").read_text()
    assert "torch" not in sources


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda table: plot.architecture("resmem"),
            KindError,
            "model must be a table of layers; got str. Pass mf.models",
        ),
        (lambda table: plot.architecture(table[["name"]]), KindError, "model must be a table of layers; got 1: 'name'"),
        (lambda table: plot.architecture(table, ["relu77"]), UnknownNameError, "layers must .*Did you mean .*relu7"),
        (
            lambda table: plot.architecture(table, ax=plot.axes(height=40)),
            ArgumentError,
            r"ax must be \d+ mm high for 16 rows; got .* Make them higher: mf.plot.axes\(height=",
        ),
    ],
)
def test_what_is_no_network_or_does_not_fit_is_refused(call, error, message, table):
    with pytest.raises(error, match=message):
        call(table)


# all of them ----------------------------------------------------------------------------------------------------------

DRAWN = {
    "models": (lambda *given: plot.models(given[0], contrasts=given[1]), result(), PAIRS),
    "partition": (plot.partition, TWO),
    "similarity": (plot.layer_similarity, alike()),
    "map": (plot.layer_map, by_time()),
    "memorable": (plot.memorable, scored(), tiles()),
}


@pytest.mark.parametrize("name", DRAWN)
def test_inputs_and_settings_are_left_as_they_were(name):
    draw, *given = DRAWN[name]
    copies, before = [one.copy(deep=True) for one in given], dict(mpl.rcParams)
    draw(*given)
    for one, copy in zip(given, copies, strict=True):
        xr.testing.assert_identical(one, copy)
    assert dict(mpl.rcParams) == before
