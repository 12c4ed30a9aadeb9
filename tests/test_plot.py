"""Figures: what is drawn is what the result says, nothing is clipped, files repeat, nothing is left open or changed."""

import itertools
import re

import matplotlib as mpl
import matplotlib.pyplot as plt
import nbclient
import nbformat
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox
from matplotlib.text import Text
from PIL import Image

import memfeat as mf
from memfeat import plot
from memfeat.attribution.methods import METHODS
from memfeat.errors import ArgumentError, KindError, UnknownNameError

NAMES = ["cat.jpg", "dog.jpg", "elk.jpg", "fox.jpg", "gnu.jpg"]


def per_image(values, name="memorability"):
    return xr.DataArray(np.asarray(values, float), dims="image", coords={"image": NAMES}, name=name)


def predicted():
    table = per_image([0.8, 0.42, 0.6, np.nan, 0.7]).to_dataset()
    return table.assign_attrs(floor=0.42, model="resmem")


def result(layers, **attrs):
    estimate = np.linspace(0, 0.5, len(layers))
    return xr.Dataset(
        {
            "estimate": ("layer", estimate),
            "ci_low": ("layer", estimate - 0.1),
            "ci_high": ("layer", estimate + 0.1),
            "p_corrected": ("layer", np.where(estimate > 0.25, 0.01, 0.05)),
            "n": ("layer", np.full(len(layers), 20)),
        },
        coords={"layer": layers},
        attrs={"method": "spearman"} | attrs,
    )


def blocks():
    counts = {1: 3, 2: 8, 3: 36, 4: 3}
    return [f"features.layer{stage}.{block}" for stage, count in counts.items() for block in range(count)]


def dissimilarities():
    first, second = np.triu_indices(5, 1)
    rdm = np.stack([np.arange(10.0), np.arange(10.0)[::-1]])
    return xr.Dataset(
        {"rdm": (("layer", "pair"), rdm), "first": ("pair", first), "second": ("pair", second)},
        coords={"layer": ["low", "high"], "image": NAMES},
        attrs={"metric": "correlation"},
    )


def space(n_components=2):
    points = np.arange(5 * n_components, dtype=float).reshape(5, -1) ** 1.5
    return xr.Dataset(
        {
            "embedding": (("image", "component"), points),
            "explained_variance_ratio": ("component", np.array([0.5, 0.25, 0.1])[:n_components]),
        },
        coords={"image": NAMES},
        attrs={"method": "pca"},
    )


def pictures(names=NAMES):
    values = np.zeros((len(names), 8, 8, 3), np.uint8)
    values += np.arange(len(names), dtype=np.uint8)[:, None, None, None]
    return xr.DataArray(values, dims=("image", "y", "x", "rgb"), coords={"image": list(names)})


def kinds():
    return xr.DataArray(["b", "a", "b", "a", "b"], dims="image", coords={"image": NAMES}, name="kind")


def size_of(file):
    with Image.open(file) as image:
        return image.size


def texts(ax):
    return " ".join(text.get_text().replace("\n", " ") for text in ax.findobj(Text))


def drifted(layers):
    estimate = np.stack([np.linspace(1, floor, len(layers)) for floor in (0.8, 0.6, 0.4, 1.1)])
    measures = ["cka", "rdm", "units", "decodability"]
    variables = {name: (("measure", "layer"), estimate + by) for name, by in {"estimate": 0, "ci_low": -0.1}.items()}
    variables |= {"ci_high": (("measure", "layer"), estimate + 0.1), "n": ("layer", np.full(len(layers), 20))}
    variables["unit_quantiles"] = (("quantile", "layer"), np.stack([estimate[2] - 0.3, estimate[2] + 0.01]))
    said = {"first_model": "resmem-frozen", "first_backbone": "imagenet", "second_model": "resmem", "method": "pearson"}
    said |= {"interval": "95 % percentile bootstrap over images; the rest", "statistic": "r2", "metric": "sqeuclidean"}
    return xr.Dataset(variables, {"measure": measures, "layer": layers, "quantile": [0.05, 0.95]}, said)


def two_sets():
    """A comparison of sets of 8 and 12 images, as mf.sets.compare lays it out, and their scores."""
    old, new = np.linspace(0.2, 0.9, 8), np.linspace(0.4, 0.8, 12)
    scores = {
        name: pd.Series(values, [f"{name}{k}" for k in range(len(values))], name="hit_rate")
        for name, values in {"old": old, "new": new}.items()
    }
    by_set = {"mean": [0.55, 0.6], "mean_ci_low": [0.4, 0.5], "mean_ci_high": [0.7, 0.7], "sd": [0.24, 0.13]}
    rows = {"estimate": -0.05, "ci_low": -0.2, "ci_high": 0.1, "p": 0.4321, "p_corrected": 0.9}
    variables = {name: ("set", values) for name, values in by_set.items()} | {"n": ("set", [8, 12])}
    variables |= {name: (("contrast", "statistic"), [[value]]) for name, value in rows.items()}
    coords = {"set": ["old", "new"], "contrast": ["old − new"], "statistic": ["mean_difference"]}
    return xr.Dataset(variables, coords, {"scores": ["hit_rate"]}), scores


def sets_by_layer(statistic, *, biased=False):
    """One statistic of mf.sets.compare_features."""
    layers = ["conv1", "layer1", "fc"]
    estimate = np.array([0.5, 0.6, 0.7])
    variables = {"estimate": estimate, "tested": estimate + 0.1 * biased, "expected": np.array([0.5, 0.51, 0.49])}
    variables |= {"p_corrected": np.array([0.5, 0.2, 0.01])}
    table = xr.Dataset({name: ("layer", values) for name, values in variables.items()}, {"layer": layers})
    coords = {"statistic": statistic, "set": ["old", "new", "odd"], "first": "old", "second": "odd"}
    attrs = {"method": "image sets in feature space, by layer", "correction": "p_corrected: max-statistic; p_fdr: B"}
    return table.assign(n=("set", [8, 5, 12])).assign_coords(coords).assign_attrs(attrs)


def heat(*, signed=False):
    """Maps of two images, as mf.attribution.attribute lays them out."""
    values = np.arange(2 * 6 * 6.0).reshape(2, 6, 6) - 30 * signed
    sides = {"left": 1, "top": 2, "right": 11, "bottom": 8, "width": 12, "height": 10}
    coords = {"image": NAMES[:2]} | {name: ("image", [side] * 2) for name, side in sides.items()}
    attrs = {"method": "smoothgrad", "target": "unit", "layer": "conv1", "unit": [3], "model": "resmem"}
    return xr.DataArray(values, coords, ("image", "y", "x"), attrs=attrs | {"long_name": "mean gradient"})


def wide():
    """Maps of panoramas, with the longest name that the values of a method have."""
    longest = max((method.said for method in METHODS.values()), key=len)
    return heat().assign_coords(right=("image", [31] * 2)).assign_attrs(long_name=f"absolute {longest}")


def with_sizes():
    return pictures().assign_coords(width=("image", [12] * 5), height=("image", [10] * 5))


def cuts():
    """Crops of two units, as mf.attribution.crops lays them out."""
    values = np.linspace(0, 1, 2 * 3 * 4 * 4 * 3).reshape(2, 3, 4, 4, 3)
    names = [["a_very_long_name_of_a_file_0001.jpg", "b.jpg", "c.jpg"], ["d.jpg", "e.jpg", "f.jpg"]]
    coords = {"unit": [3, 17], "rank": [1, 2, 3], "name": (("unit", "rank"), names)}
    return xr.DataArray(values, coords, ("unit", "rank", "y", "x", "rgb"))


#: Figures of pictures, which count nothing.
PICTURES = {
    "attribution": lambda ax: plot.attribution(heat(), image="dog.jpg", thumbnails=with_sizes(), ax=ax),
    "attribution, alone": lambda ax: plot.attribution(heat(signed=True)[:1], ax=ax),
    "attribution, wide": lambda ax: plot.attribution(wide(), image="cat.jpg", ax=ax),
    "grid": lambda ax: plot.image_grid(pictures(), ax=ax),
    "grid, rows": lambda ax: plot.image_grid(cuts(), title="conv1: two units", ax=ax),
}
FIGURES = {
    "sets": lambda ax: plot.sets(two_sets()[0], two_sets()[1], ax=ax),
    "scores": lambda ax: plot.scores(predicted(), ax=ax),
    "few_layers": lambda ax: plot.layer_profile(result(["conv1", "layer1", "layer2"]), ax=ax),
    "bounds": lambda ax: plot.layer_profile(bounded(["conv1", "layer1"], lower=0.6, upper=0.7), ax=ax),
    "many_layers": lambda ax: plot.layer_profile(result([*blocks(), "features.avgpool"]), ax=ax),
    "baselines": lambda ax: plot.layer_profile(against_baselines(["conv1", "layer1", "fc"]), ax=ax),
    "drift": lambda ax: plot.drift_profile(drifted(blocks()), ax=ax),
    "drift, few layers": lambda ax: plot.drift_profile(drifted(["layer1", "layer2"]), ax=ax),
    "change": lambda ax: plot.drift_profile(drifted(blocks()), measures="decodability", ax=ax),
    "rdm": lambda ax: plot.rdm(dissimilarities(), layer="low", order=per_image([5, 3, 4, 1, 2]), ax=ax),
    "rdm, groups": lambda ax: plot.rdm(dissimilarities(), layer="low", groups=kinds(), thumbnails=pictures(), ax=ax),
    "dots": lambda ax: plot.embedding(space(), ax=ax),
    "map": lambda ax: plot.embedding(space(), thumbnails=pictures(), scores=per_image([1, 2, 3, 4, 5]), ax=ax),
}
every_figure = pytest.mark.parametrize("draw", (FIGURES | PICTURES).values(), ids=FIGURES | PICTURES)
every_count = pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)


@every_figure
def test_a_figure_returns_the_axes_it_was_given(draw):
    ax = plot.axes()
    assert draw(ax) is ax


@every_figure
def test_without_axes_a_column_wide_figure_is_made_and_none_stays_open(draw):
    figure = draw(None).figure
    assert isinstance(figure, Figure)
    assert figure.get_figwidth() * 25.4 == pytest.approx(85)
    assert plt.get_fignums() == []


@every_figure
def test_drawing_changes_no_setting_of_matplotlib(draw):
    before = dict(mpl.rcParams)
    draw(None)
    assert dict(mpl.rcParams) == before


@every_figure
@pytest.mark.parametrize("size", [("single", 62), ("double", 90), (120, 80)], ids=str)
def test_no_label_is_clipped_and_no_type_is_below_four_and_a_half_points(draw, size):
    ax = draw(plot.axes(width=size[0], height=size[1]))
    canvas = FigureCanvasAgg(ax.figure)
    canvas.draw()
    box = ax.figure.get_tightbbox(canvas.get_renderer())
    width, height = ax.figure.get_size_inches()
    assert min(box.x0, box.y0) >= -0.01
    assert box.x1 <= width + 0.01
    assert box.y1 <= height + 0.01
    assert all(text.get_fontsize() >= 4.5 for text in ax.figure.findobj(Text) if text.get_text())


@every_figure
def test_tick_labels_do_not_overlap(draw):
    ax = draw(plot.axes())
    FigureCanvasAgg(ax.figure).draw()
    for axis in (ax.xaxis, ax.yaxis):
        low = 0 if axis is ax.xaxis else 1
        boxes = [label.get_window_extent().get_points()[:, low] for label in axis.get_ticklabels() if label.get_text()]
        boxes = sorted(map(tuple, boxes))
        assert all(one[1] <= two[0] + 0.5 for one, two in itertools.pairwise(boxes))


@every_figure
def test_files_are_the_same_each_time_and_svg_text_is_text(draw, tmp_path):
    for folder in ("a", "b"):
        plot.save(draw(None), tmp_path / folder / "figure")
    for ending in ("png", "svg"):
        assert (tmp_path / f"a/figure.{ending}").read_bytes() == (tmp_path / f"b/figure.{ending}").read_bytes()
    svg = (tmp_path / "a/figure.svg").read_text()
    assert re.search(r"images|\.jpg", re.sub("<[^>]+>", " ", svg))
    assert "<dc:date>" not in svg


@every_count
def test_the_figure_says_how_many_images(draw):
    assert re.search(r"n = (4|5|20) images", texts(draw(None)))


def test_inputs_are_left_as_they_were():
    inputs = predicted(), result(["a", "b"]), dissimilarities(), space(), pictures(), per_image([5, 3, 4, 1, 2])
    copies = [one.copy(deep=True) for one in inputs]
    plot.scores(inputs[0])
    plot.layer_profile(inputs[1])
    plot.rdm(inputs[2], layer="low", order=inputs[5])
    plot.embedding(inputs[3], thumbnails=inputs[4], scores=inputs[5])
    for one, copy in zip(inputs, copies, strict=True):
        xr.testing.assert_identical(one, copy)


# scores ---------------------------------------------------------------------------------------------------------------


def test_the_histogram_counts_each_scored_image_once():
    ax = plot.scores(predicted())
    assert sum(bar.get_height() for bar in ax.patches) == 4
    assert "n = 4 images (1 without a score left out)" in texts(ax)


def test_the_rug_has_a_tick_at_each_score():
    ax = plot.scores(predicted())
    segments = ax.collections[0].get_segments()
    assert sorted(segment[0][0] for segment in segments) == pytest.approx([0.42, 0.6, 0.7, 0.8])


def test_the_floor_is_drawn_where_the_attributes_say_and_counted():
    ax = plot.scores(predicted())
    assert list(ax.lines[-1].get_xdata()) == [0.42, 0.42]
    assert "0.42 (1 at or below it)" in texts(ax)


def test_without_a_floor_there_is_no_line():
    ax = plot.scores(per_image([0.1, 0.2, 0.3, 0.4, 0.5], name="hit_rate"))
    assert len(ax.lines) == 0
    assert ax.get_xlabel() == "Hit rate"


def test_scores_may_be_a_series_and_a_single_image_is_no_fault():
    ax = plot.scores(pd.Series([0.5], index=["cat.jpg"], name="hit_rate"), floor=0.4)
    assert "n = 1 image;" in texts(ax)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
@settings(deadline=None, max_examples=20)
def test_no_score_falls_out_of_the_histogram(values):
    ax = plot.scores(pd.Series(values, index=[f"i{k}" for k in range(len(values))], name="score"))
    assert sum(bar.get_height() for bar in ax.patches) == len(values)


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (per_image([np.nan] * 5), ArgumentError, "scores must have a number for at least one image; got 5 images"),
        (space(), ArgumentError, "scores must hold memorability; got 2: 'embedding'"),
        ([0.1, 0.2], KindError, "scores must be an xarray Dataset or DataArray; got list"),
        (space()["embedding"], KindError, "scores must hold one number per image"),
        (per_image([1, 2, 3, 4, 5]).astype(str), KindError, "scores must hold one number per image"),
    ],
)
def test_scores_that_cannot_be_drawn_are_refused(bad, error, message):
    with pytest.raises(error, match=message):
        plot.scores(bad)


# sets -----------------------------------------------------------------------------------------------------------------


def test_each_image_is_a_dot_at_its_score_and_each_mean_lies_in_its_interval():
    found, scores = two_sets()
    ax = plot.sets(found, scores)
    dots = [one.get_offsets().data for one in ax.collections if type(one).__name__ == "PathCollection"]
    for drawn, (name, values) in zip(dots, scores.items(), strict=True):
        assert drawn[:, 0].tolist() == sorted(values), name
    assert dots[0][:, 1].min() > dots[1][:, 1].max()
    means = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "D"]
    assert means == [0.55, 0.6]
    bars = [one.get_segments()[0][:, 0].tolist() for one in ax.collections if type(one).__name__ == "LineCollection"]
    assert bars == [[0.4, 0.7], [0.5, 0.7]]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["old\n(n = 8)", "new\n(n = 12)"]
    assert ax.get_xlabel() == "Hit rate"
    assert plot.sets(found, scores, label="Recognised").get_xlabel() == "Recognised"


def test_the_difference_is_told_with_its_interval_and_p():
    found, scores = two_sets()
    said = texts(plot.sets(found, scores)).replace("\N{NO-BREAK SPACE}", " ").replace("\n", " ")
    assert "old − new: −0.050 [−0.200, 0.100], p = .432; n = 20 images" in said
    # corrected where several scores or contrasts were compared
    several = found.assign_attrs(scores=["hit_rate", "far"]).assign_coords(score="hit_rate")
    said = texts(plot.sets(several, scores)).replace("\N{NO-BREAK SPACE}", " ").replace("\n", " ")
    assert "corrected p = .900" in said
    bare = found.assign(ci_low=found["ci_low"] * np.nan, p=found["p"] * np.nan)
    assert "old − new: −0.050; n = 20 images" in texts(plot.sets(bare, scores)).replace("\n", " ")


def test_beyond_six_differences_the_table_is_pointed_at():
    found, scores = two_sets()
    many = xr.concat([found.assign_coords(contrast=[f"c{k}"]) for k in range(8)], "contrast", data_vars="minimal")
    said = texts(plot.sets(many, scores)).replace("\n", " ")
    assert "c5: " in said
    assert "c6: " not in said
    assert "2 more differences in the table" in said


def test_sets_may_come_in_any_form_that_was_compared():
    found, scores = two_sets()
    old, new = scores.values()

    def places(ax):
        return [one.get_offsets().data.tolist() for one in ax.collections if type(one).__name__ == "PathCollection"]

    wanted = places(plot.sets(found, scores))
    table = pd.concat([one.rename_axis("image").reset_index().assign(kind=name) for name, one in scores.items()])
    gone = pd.DataFrame({"image": ["x"], "hit_rate": [np.nan], "kind": ["old"], "status": ["unreadable"]})
    read = pd.concat([table.assign(status="ok"), gone])
    labelled = xr.Dataset.from_dataframe(read.set_index("image"))
    for passed in ((old, new), (old.to_frame(), new.to_xarray()), (dict(reversed(scores.items())),)):
        assert places(plot.sets(found, *passed)) == wanted
    for one in (table, read, labelled):
        assert places(plot.sets(found, one, by="kind")) == wanted


def test_a_set_of_one_value_has_no_violin():
    found, scores = two_sets()
    flat = {"old": pd.Series([0.5] * 8, name="hit_rate"), "new": scores["new"]}
    found["mean"].values[0] = 0.5
    assert len(plot.sets(found, flat).collections) == len(plot.sets(*two_sets()).collections) - 1


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda r, s: (r["mean"], s), KindError, "result must be what mf.sets.compare gave; got DataArray"),
        (lambda r, s: (result(["a"]), s), ArgumentError, "result must be what mf.sets.compare gave; got dims"),
        (
            lambda r, s: (r.expand_dims(score=["hit_rate", "far"]), s),
            ArgumentError,
            r"result must be of one score; got 2: 'hit_rate', 'far'. Select one: result.sel\(score='hit_rate'\).",
        ),
        (lambda r, s: (r, {"old": s["old"]}), ArgumentError, "sets must be the sets that were compared, old, new"),
        (lambda r, s: (r, s["old"], s["new"], s["new"]), ArgumentError, "sets must be the sets .* got 3 of them"),
        (
            lambda r, s: (r, {"old": s["new"], "new": s["old"]}),
            ArgumentError,
            "got 12 images with mean 0.6 in 'old', and not 8 with 0.55.$",
        ),
        (
            lambda r, s: (r, {"old": [1, 2], "new": s["new"]}),
            KindError,
            "sets must hold scores by image name; got list",
        ),
        (
            lambda r, s: (r, {name: one.rename("far").to_frame() for name, one in s.items()}),
            UnknownNameError,
            "sets must .*'old' has far",
        ),
    ],
)
def test_what_is_no_comparison_of_these_sets_is_refused(change, error, message):
    with pytest.raises(error, match=message):
        plot.sets(*change(*two_sets()))


def test_a_table_of_all_sets_goes_with_its_column():
    found, scores = two_sets()
    table = pd.concat([one.to_frame().assign(kind=name) for name, one in scores.items()])
    with pytest.raises(UnknownNameError, match="by must .*There are hit_rate, kind"):
        plot.sets(found, table, by="kinds")
    with pytest.raises(KindError, match="sets must be one table with by=; got Series"):
        plot.sets(found, scores["old"], by="kind")


# layer profile --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statistic", "label"),
    [
        ("classifier", "Classifier, area under ROC curve"),
        ("frechet", "Squared Fréchet distance"),
        ("mmd", "Squared MMD"),
        ("mmd_linear", "Squared distance of means"),
        ("energy", "Energy distance"),
        ("neighbours", "Share of neighbours in the own set"),
    ],
)
def test_a_statistic_of_sets_is_drawn_beside_what_it_is_when_nothing_differs(statistic, label):
    ax = plot.layer_profile(sets_by_layer(statistic))
    assert ax.get_ylabel() == label
    dashed = [line for line in ax.lines if line.get_linestyle() == "--"]
    assert [list(line.get_ydata()) for line in dashed] == [[0.5, 0.51, 0.49]]
    assert "n = 8 (old) + 12 (odd) images" in texts(ax).replace("\n", " ")
    # an estimate without bias is 0 when nothing differs, whatever the biased values that were rearranged are
    (line,) = [
        one for one in plot.layer_profile(sets_by_layer("mmd", biased=True)).lines if one.get_linestyle() == "--"
    ]
    assert list(line.get_ydata()) == [0, 0]
    two = sets_by_layer("mmd").drop_vars(["first", "second"]).isel(set=[0, 1])
    assert "n = 8 (old) + 5 (new) images" in texts(plot.layer_profile(two)).replace("\n", " ")


def test_the_profile_passes_through_the_estimates_in_the_order_of_layers():
    one = result(["z", "a", "m"])
    ax = plot.layer_profile(one)
    line = next(line for line in ax.lines if line.get_marker() == "None" and len(line.get_xdata()) == 3)
    assert list(line.get_ydata()) == list(one["estimate"].values)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["z", "a", "m"]


def test_only_layers_that_pass_the_corrected_test_are_filled():
    ax = plot.layer_profile(result(["a", "b", "c"]))
    passed, failed = (line for line in ax.lines if line.get_marker() == "o")
    assert list(passed.get_ydata()) == [0.5]
    assert list(failed.get_ydata()) == [0.0, 0.25]
    assert passed.get_markerfacecolor() == plot.style.COLOURS["data"]
    assert failed.get_markerfacecolor() == "white"


@pytest.mark.parametrize("layers", [["a", "b", "c"], blocks()], ids=["bars", "band"])
def test_the_interval_is_the_result_s(layers):
    one = result(layers)
    drawn = plot.layer_profile(one).collections[0]
    heights = np.concatenate([path.vertices[:, 1] for path in drawn.get_paths()])
    assert heights.min() == pytest.approx(float(one["ci_low"].min()))
    assert heights.max() == pytest.approx(float(one["ci_high"].max()))


def test_the_null_line_can_be_moved_or_left_out():
    assert list(plot.layer_profile(result(["a", "b"]), null=0.1).lines[0].get_ydata()) == [0.1, 0.1]
    assert len(plot.layer_profile(result(["a", "b"]), null=None).lines) == 3


def bounded(layers, **bounds):
    return result(layers).assign({f"noise_{name}": value for name, value in bounds.items()})


@pytest.mark.parametrize("layers", [["a", "b", "c"], blocks()], ids=["bars", "band"])
def test_noise_bounds_are_a_band_behind_everything(layers):
    ax = plot.layer_profile(bounded(layers, lower=0.55, upper=0.7))
    (band,) = ax.patches
    corners = ax.transData.inverted().transform(band.get_window_extent())
    assert corners[:, 1] == pytest.approx([0.55, 0.7])
    assert band.get_zorder() < min(artist.get_zorder() for artist in [*ax.lines, *ax.collections])
    assert ax.get_ylim()[1] > 0.7
    assert "grey: noise bounds of the reference" in texts(ax)


def test_an_upper_bound_alone_is_a_dotted_line():
    ax = plot.layer_profile(bounded(["a", "b"], upper=0.8))
    dotted = [line for line in ax.lines if line.get_linestyle() == ":"]
    assert [list(line.get_ydata()) for line in dotted] == [[0.8, 0.8]]
    assert not ax.patches
    assert "dotted: upper noise bound" in texts(ax)


def test_without_noise_bounds_none_are_drawn():
    ax = plot.layer_profile(result(["a", "b"]))
    assert not ax.patches
    assert "noise" not in texts(ax)


def test_the_figure_states_interval_and_correction_as_the_result_does():
    said = texts(plot.layer_profile(result(["a", "b"], interval="95 % bootstrap", correction="max-statistic")))
    assert "bar: 95 % bootstrap; filled: p < .05, max-statistic" in said
    assert "Spearman ρ" in said


def test_shared_parts_of_layer_names_are_written_once():
    ax = plot.layer_profile(result(["features.layer1.0", "features.layer2.0"]))
    assert [label.get_text() for label in ax.get_xticklabels()] == ["layer1.0", "layer2.0"]
    assert ax.get_xlabel() == "Layer (in features)"


def test_a_bare_result_and_a_single_layer_can_be_drawn():
    ax = plot.layer_profile(result(["fc"])[["estimate"]].assign_attrs(n=7), label="R²")
    assert "n = 7 images" in texts(ax)
    assert ax.get_ylabel() == "R²"
    assert ax.get_xlabel() == "Layer"


@pytest.mark.parametrize(
    ("method", "label"),
    [
        ("RSA, kendall", "Kendall τ-a"),
        ("partial RSA, spearman", "Partial Spearman ρ"),
        ("partial pearson correlation by layer", "Partial Pearson r"),
        ("partial least squares, out of fold", "Estimate"),
        ("RSA, rho-a", "Spearman ρ-a"),
        ("RSA, whitened_pearson", "Whitened Pearson r"),
        ("RSA, whitened_cosine", "Whitened cosine similarity"),
        ("RSA, pearson", "Pearson r"),
    ],
)
def test_the_axis_says_how_rdms_were_compared(method, label):
    one = result(["a", "b"])
    one.attrs.pop("statistic", None)
    one.attrs["method"] = method
    assert plot.layer_profile(one).get_ylabel() == label


def against_baselines(layers):
    """A profile, the same of an untrained network without the last layer, luminance, and two sizes."""
    baselines = {f"untrained: {name}": ("untrained", name) for name in reversed(layers[:-1])}
    baselines |= {"luminance": ("luminance", ""), "size: width": ("size", "width"), "size: height": ("size", "height")}
    rows = {name: ("measure", name) for name in layers} | baselines
    kinds, names = zip(*rows.values(), strict=True)
    one = result(list(rows), method="spearman correlation by layer")
    return one.assign_coords(kind=("layer", list(kinds)), layer_name=("layer", list(names)))


def test_baselines_stand_beside_the_layers_that_they_belong_to():
    layers = ["a", "b", "c"]
    one = against_baselines(layers)
    ax = plot.layer_profile(one)
    assert [label.get_text() for label in ax.get_xticklabels()] == layers
    drawn = {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}
    assert list(drawn) == ["untrained", "luminance", "size: width", "size: height"]
    expected = one["estimate"].sel(layer=["untrained: a", "untrained: b"])
    np.testing.assert_array_equal(drawn["untrained"].get_xydata(), np.c_[[0, 1], expected])
    for name in ("luminance", "size: width", "size: height"):
        np.testing.assert_array_equal(drawn[name].get_ydata(), [one["estimate"].sel(layer=name)] * 2)
        assert list(drawn[name].get_xdata()) == list(ax.get_xlim())
    profile = next(line for line in ax.lines if len(line.get_xdata()) == 3 and line.get_marker() == "None")
    np.testing.assert_array_equal(profile.get_ydata(), one["estimate"][:3])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(drawn)
    assert drawn["size: width"].get_color() == drawn["size: height"].get_color() != drawn["luminance"].get_color()
    bands = [one.get_paths()[0].vertices[:, 1] for one in ax.collections[1:]]
    assert len(bands) == 4
    luminance = one.sel(layer="luminance")
    np.testing.assert_allclose([bands[1].min(), bands[1].max()], [luminance["ci_low"], luminance["ci_high"]])


def test_relative_values_are_drawn_on_request():
    limits = {"estimate_relative": 0.0, "estimate_relative_ci_low": -0.2, "estimate_relative_ci_high": 0.2}
    one = bounded(["a", "b"], upper=0.8)
    one = one.assign({name: 2 * one["estimate"] + by for name, by in limits.items()})
    ax = plot.layer_profile(one, relative=True)
    line = next(
        line
        for line in ax.lines
        if len(line.get_xdata()) == 2 and line.get_marker() == "None" and line.get_zorder() == 3
    )
    assert list(line.get_ydata()) == [0.0, 1.0]
    heights = np.concatenate([path.vertices[:, 1] for path in ax.collections[0].get_paths()])
    np.testing.assert_allclose([heights.min(), heights.max()], [-0.2, 1.2])
    assert ax.get_ylabel() == "Spearman ρ / √reliability"
    assert "noise" not in texts(ax)
    with pytest.raises(
        ArgumentError, match="result must have one estimate_relative for each layer; got none. Pass reliability="
    ):
        plot.layer_profile(result(["a"]), relative=True)


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (result(["a"])["estimate"], KindError, "result must be a Dataset; got DataArray. Pass the whole result"),
        (result(["a"])[["n"]], ArgumentError, "result must have one estimate for each layer; got none"),
        (
            result(["a"]).expand_dims(reference=["r"]),
            ArgumentError,
            r"Select one reference first, as in result.sel\(reference=…\)",
        ),
    ],
)
def test_a_result_that_is_no_profile_is_refused(bad, error, message):
    with pytest.raises(error, match=message):
        plot.layer_profile(bad)


# RDM ------------------------------------------------------------------------------------------------------------------


def drawn_matrix(ax):
    return np.asarray(ax.images[0].get_array().filled(np.nan))


def test_the_heat_map_shows_each_pair_twice_and_no_diagonal():
    matrix = drawn_matrix(plot.rdm(dissimilarities(), layer="low"))
    assert np.isnan(np.diag(matrix)).all()
    assert matrix[0, 1] == matrix[1, 0] == 0
    assert matrix[3, 4] == matrix[4, 3] == 9


def test_images_are_sorted_by_the_order_and_matched_by_name():
    order = per_image([50, 40, 30, 20, 10])
    shuffled = order.isel(image=[3, 0, 4, 1, 2])
    matrix = drawn_matrix(plot.rdm(dissimilarities(), layer="low", order=order))
    assert matrix[0, 1] == 9
    np.testing.assert_array_equal(matrix, drawn_matrix(plot.rdm(dissimilarities(), layer="low", order=shuffled)))
    names = [label.get_text() for label in plot.rdm(dissimilarities(), layer="low", order=order).get_yticklabels()]
    assert names == NAMES[::-1]


def test_a_square_rdm_is_drawn_as_the_compact_one_is():
    compact = dissimilarities()
    values = np.zeros((2, 5, 5))
    first, second = np.triu_indices(5, 1)
    values[:, first, second] = values[:, second, first] = compact["rdm"].values
    coords = {"layer": ["low", "high"], "image_1": NAMES, "image_2": NAMES}
    square = xr.DataArray(values, dims=("layer", "image_1", "image_2"), coords=coords, attrs=compact.attrs)
    for layer in ("low", "high"):
        np.testing.assert_array_equal(
            drawn_matrix(plot.rdm(square, layer=layer)), drawn_matrix(plot.rdm(compact, layer=layer))
        )


def test_the_colour_bar_is_labelled_with_the_metric_and_the_caption_with_the_layer():
    ax = plot.rdm(dissimilarities(), layer="high", order=per_image([1, 2, 3, 4, 5]))
    assert "Dissimilarity (1 − Pearson r)" in texts(ax.figure)
    assert "high; n = 5 images, sorted by memorability, lowest first" in texts(ax)


def test_image_names_that_would_not_fit_are_left_out():
    names = [f"{k:03}.jpg" for k in range(120)]
    square = xr.DataArray(np.ones((120, 120)), dims=("image_1", "image_2"), coords={"image_1": names, "image_2": names})
    ax = plot.rdm(square)
    assert ax.get_yticklabels() == []
    assert ax.get_ylabel() == "Image"


def test_images_of_a_group_stand_together_in_the_order_given_between_borders():
    order = per_image([50, 40, 30, 20, 10])
    ax = plot.rdm(dissimilarities(), layer="low", order=order, groups=kinds().isel(image=[3, 1, 0, 2, 4]))
    full = np.full((5, 5), np.nan)
    full[np.triu_indices(5, 1)] = dissimilarities()["rdm"].sel(layer="low")
    full = np.fmax(full, full.T)
    place = [3, 1, 4, 2, 0]  # fox, dog of a; gnu, elk, cat of b
    np.testing.assert_array_equal(drawn_matrix(ax), full[np.ix_(place, place)])
    borders = {tuple(line.get_xdata()) for line in ax.lines if line.get_xdata()[0] == line.get_xdata()[1]}
    assert borders == {(1.5, 1.5)}
    named = {text.get_text(): text.get_position()[1] for text in ax.texts}
    assert named == {"a": 0.5, "b": 3.0}
    assert "low; n = 5 images, sorted by kind and memorability, lowest first" in texts(ax)
    series = kinds().to_series()
    np.testing.assert_array_equal(
        drawn_matrix(plot.rdm(dissimilarities(), layer="low", order=order, groups=series)), drawn_matrix(ax)
    )


def test_pictures_stand_along_both_axes_each_at_its_own_row():
    ax = plot.rdm(dissimilarities(), layer="low", order=per_image([5, 3, 4, 1, 2]), thumbnails=pictures())
    small = ax.images[1:]
    assert [int(np.asarray(one.get_array()).max()) for one in small] == [3, 3, 4, 4, 1, 1, 2, 2, 0, 0]
    middles = [np.mean(np.reshape(one.get_extent(), (2, 2)), axis=1) for one in small]
    np.testing.assert_allclose([at[1] for at in middles[::2]], range(5))
    np.testing.assert_allclose([at[0] for at in middles[1::2]], range(5))
    assert max(at[0] for at in middles[::2]) < -0.5
    assert min(at[1] for at in middles[1::2]) > 4.5
    assert ax.get_xlim() == (-0.5, 4.5)


def test_an_image_table_gives_pictures_of_its_files(tmp_path):
    for k, name in enumerate(NAMES):
        Image.new("RGB", (40, 20), (k * 50, 0, 0)).save(tmp_path / name.replace("jpg", "png"))
    table = mf.images.read(tmp_path)
    renamed = table.assign_coords(image=NAMES)
    ax = plot.rdm(dissimilarities(), layer="low", thumbnails=renamed.isel(image=[4, 2, 0, 1, 3]))
    shown = [np.asarray(one.get_array()) for one in ax.images[1::2]]
    assert [int(one[..., 0].mean()) for one in shown] == [0, 50, 100, 150, 200]
    assert {one.shape for one in shown} == {(80, 160, 3)}
    (tmp_path / "fox.png").unlink()
    with pytest.raises(mf.images.UnreadableImage, match="fox"):
        plot.rdm(dissimilarities(), layer="low", thumbnails=renamed)


def test_more_pictures_than_fit_along_an_axis_are_refused():
    names = [f"{k:03}" for k in range(90)]
    square = xr.DataArray(np.ones((90, 90)), dims=("image_1", "image_2"), coords={"image_1": names, "image_2": names})
    with pytest.raises(ArgumentError, match=r"thumbnails must be at most \d+ on \d+ mm; got 90. Draw on wider Axes"):
        plot.rdm(square, thumbnails=pictures(names))
    plot.rdm(square, thumbnails=pictures(names), ax=plot.axes(width="double", height=150))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"layer": "low", "groups": [1, 2]}, KindError, "groups must be a column of categories, .* got list"),
        ({"layer": "low", "groups": kinds()[:3]}, ArgumentError, "groups and rdms must hold the same images"),
        (
            {"layer": "low", "thumbnails": pictures(NAMES[:3])},
            ArgumentError,
            "thumbnails and rdms must hold the same images; got only in rdms 2: 'fox.jpg', 'gnu.jpg'",
        ),
        ({"layer": "low", "thumbnails": 3}, KindError, r"thumbnails must come from mf\.images\.thumbnails or mf\.im"),
        ({}, ArgumentError, "layer must name one of the layers; got None. There are 2: 'low', 'high'."),
        ({"layer": "hig"}, UnknownNameError, "Did you mean 'high'"),
        (
            {"layer": "low", "order": per_image([1, 2, 3, 4, 5]).isel(image=slice(3))},
            ArgumentError,
            "order and rdms must hold the same images; got only in rdms 2: 'fox.jpg', 'gnu.jpg'",
        ),
        ({"layer": "low", "order": [1, 2]}, KindError, "order must be a DataArray or Series; got list"),
    ],
)
def test_an_rdm_that_is_not_said_well_enough_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        plot.rdm(dissimilarities(), **options)


def test_something_else_than_an_rdm_is_refused():
    with pytest.raises(KindError, match=r"rdms must come from mf\.rdm\.compute or mf\.rdm\.square; got Dataset"):
        plot.rdm(space())
    more = xr.DataArray(np.ones((2, 2, 2)), dims=("roi", "image_1", "image_2"))
    with pytest.raises(ArgumentError, match="rdms must be one square per layer"):
        plot.rdm(more)


# map ------------------------------------------------------------------------------------------------------------------


def test_dots_lie_where_the_embedding_puts_them():
    ax = plot.embedding(space(3), components=(2, 0))
    np.testing.assert_array_equal(ax.collections[0].get_offsets(), space(3)["embedding"].values[:, [2, 0]])
    assert ax.get_xlabel() == "Principal component 3 (10 % of variance)"


def test_each_picture_lies_on_its_own_image_whatever_its_order():
    ax = plot.embedding(space(), thumbnails=pictures().isel(image=[4, 2, 0, 1, 3]))
    boxes = [box for box in ax.artists if isinstance(box, AnnotationBbox)]
    assert len(boxes) == 5
    for k, box in enumerate(boxes):
        assert box.xy == tuple(space()["embedding"].values[k])
        assert int(np.asarray(box.offsetbox.get_data()).max()) == k


def test_a_frame_encloses_the_picture_and_not_the_white_that_made_it_square():
    names = NAMES[:3]
    sizes = [(30, 20), (10, 40), (7, 7)]  # width, height
    drawn = {name: Image.new("RGB", size, (9, 9, 9)) for name, size in zip(names, sizes, strict=True)}
    small = mf.images.thumbnails(mf.images.read(drawn), size=12)
    place = xr.Dataset({"embedding": (("image", "component"), np.eye(3)[:, :2])}, coords={"image": names})
    shown = [box.offsetbox.get_data() for box in plot.embedding(place, thumbnails=small).artists]
    assert [picture.shape for picture in shown] == [(8, 12, 3), (12, 3, 3), (12, 12, 3)]
    assert all((picture == 9).all() for picture in shown)


def test_pictures_that_would_cover_others_may_be_left_out():
    place = xr.Dataset(
        {"embedding": (("image", "component"), [[0.0, 0], [0, 0.001], [0.001, 0], [1, 1], [2, 0]])},
        coords={"image": NAMES},
    )
    scores = per_image([1, 2, 3, 4, 5])
    ax = plot.embedding(place, thumbnails=pictures(), scores=scores, overlap="hide")
    figure = ax.figure
    FigureCanvasAgg(figure).draw()
    frames = [box.get_window_extent() for box in ax.artists]
    assert len(frames) == 3
    assert not any(one.overlaps(two) for one, two in itertools.combinations(frames, 2))
    every, hidden = ax.collections[:2]
    assert len(every.get_offsets()) == 5
    assert len(hidden.get_offsets()) == 2
    assert hidden.get_zorder() > max(box.get_zorder() for box in ax.artists)
    assert "n = 5 images; 3 of them as pictures" in texts(ax)
    assert len(plot.embedding(place, thumbnails=pictures()).artists) == 5


def test_any_number_of_images_can_be_drawn_when_covering_pictures_are_left_out():
    names = [f"{k:04}" for k in range(900)]
    points = np.random.default_rng(0).normal(size=(900, 2))
    crowd = xr.Dataset({"embedding": (("image", "component"), points)}, coords={"image": names})
    ax = plot.embedding(crowd, thumbnails=pictures(names), overlap="hide")
    assert 20 < len(ax.artists) < 200


def test_scores_colour_the_dots_by_name():
    scores = per_image([1, 2, 3, 4, 5])
    straight = plot.embedding(space(), scores=scores).collections[0].get_facecolors()
    shuffled = plot.embedding(space(), scores=scores.isel(image=[4, 2, 0, 1, 3])).collections[0].get_facecolors()
    np.testing.assert_array_equal(straight, shuffled)
    assert len(np.unique(straight, axis=0)) == 5


def test_other_methods_have_dimensions_and_no_variance():
    ax = plot.embedding(space().drop_vars("explained_variance_ratio").assign_attrs(method="mds"))
    assert ax.get_xlabel() == "Dimension 1"


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"components": (0, 2)}, ArgumentError, r"components must be two positions below 2; got \(0, 2\)"),
        ({"overlap": "move"}, ArgumentError, "overlap must be one of 'draw', 'hide'; got 'move'"),
        ({"components": (0,)}, ArgumentError, "components must be two positions"),
        ({"thumbnails": pictures(NAMES[:3])}, ArgumentError, "thumbnails and space must hold the same images"),
        ({"thumbnails": space()}, KindError, r"thumbnails must come from mf\.images\.thumbnails"),
        ({"scores": per_image([1, 2, 3, 4, 5])[:4]}, ArgumentError, "scores and space must hold the same images"),
    ],
)
def test_a_map_that_does_not_fit_its_images_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        plot.embedding(space(), **options)


def test_something_else_than_an_embedding_is_refused():
    with pytest.raises(KindError, match=r"space must come from mf\.reduction\.embed; got DataArray"):
        plot.embedding(space()["embedding"])


def test_more_pictures_than_can_be_seen_are_refused_with_the_most_that_fit():
    names = [f"{k:04}" for k in range(900)]
    crowd = xr.Dataset({"embedding": (("image", "component"), np.zeros((900, 2)))}, coords={"image": names})
    with pytest.raises(ArgumentError, match=r"thumbnails must be at most \d+ on \d+ mm; got 900. Draw on wider Axes"):
        plot.embedding(crowd, thumbnails=pictures(names))


# style ----------------------------------------------------------------------------------------------------------------


def test_the_style_file_is_the_style_and_matplotlib_takes_it_without_complaint():
    with plt.rc_context():
        plt.style.use("memfeat.plot.paper")
        assert {key: mpl.rcParams[key] for key in plot.STYLE} == plot.STYLE | {
            "figure.max_open_warning": mpl.rcParams["figure.max_open_warning"]
        }
    assert plot.STYLE["svg.fonttype"] == "none"
    assert plot.STYLE["pdf.fonttype"] == 42


def test_columns_are_as_wide_as_journals_print_them():
    widths = [plot.axes(width=name).figure.get_figwidth() * 25.4 for name in plot.WIDTHS]
    assert widths == pytest.approx([85, 120, 180])


def test_save_writes_one_file_per_format_and_makes_the_folder(tmp_path):
    written = plot.save(plot.axes(), tmp_path / "new" / "fig.v1", formats=["png", "svg", "pdf"])
    assert [file.name for file in written] == ["fig.v1.png", "fig.v1.svg", "fig.v1.pdf"]
    assert all(file.stat().st_size for file in written)
    assert plot.save(plot.axes().figure, tmp_path / "one.svg") == [tmp_path / "one.svg"]


def test_a_saved_png_has_the_asked_size(tmp_path):
    (file,) = plot.save(plot.axes(width=50.8, height=25.4), tmp_path / "size.png", dpi=100)
    assert size_of(file) == (200, 100)


def test_subfigures_are_saved_with_their_figure(tmp_path):
    ax = Figure(figsize=(2, 1)).subfigures(1, 2)[0].add_subplot()
    plot.scores(predicted(), ax=ax)
    (file,) = plot.save(ax, tmp_path / "part.png", dpi=100)
    assert size_of(file) == (200, 100)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: plot.axes(width="triple"),
            ArgumentError,
            "width must be one of 'single', '1.5', 'double'; got 'triple'",
        ),
        (lambda: plot.axes(height=3), ArgumentError, "height must be more than 10 mm; got 3. Sizes are in millimetres"),
        (lambda: plot.save(plot.axes(), "x", formats=["bmp"]), ArgumentError, "formats must be one of 'png', 'svg'"),
        (lambda: plot.save("figure", "x"), KindError, "ax must be Axes or a Figure that is still there; got str"),
        (lambda: plot.scores(predicted(), ax="here"), KindError, r"ax must be matplotlib Axes; got str. Make one with"),
    ],
)
def test_wrong_sizes_formats_and_axes_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_in_a_notebook_each_figure_is_shown_once_and_so_are_the_reader_s_own():
    made = "ax = plot.scores(pd.Series([1.0, 2.0], index=['a', 'b']))"
    cells = [f"import pandas as pd\nfrom memfeat import plot\n{made}", made]
    cells.append("import matplotlib.pyplot as plt\nfigure, own = plt.subplots()")
    cells.append("assert plt.get_fignums() == []")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MPLBACKEND", raising=False)
        nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    shown = [sum("image/png" in output.get("data", {}) for output in cell.outputs) for cell in notebook.cells]
    assert shown == [1, 1, 1, 0]


@pytest.mark.parametrize("n", [4, 9, 16])
@pytest.mark.parametrize("ending", [".jpg", "_with_a_longer_name.jpg"])
def test_names_beside_a_heat_map_are_not_cut_off(n, ending):
    rng = np.random.default_rng(0)
    layer = mf.features.from_array(rng.normal(size=(n, 5)), [f"{i:04}{ending}" for i in range(n)])
    ax = mf.plot.rdm(mf.rdm.compute(layer))
    figure = ax.figure
    FigureCanvasAgg(figure).draw()
    drawn = [label.get_window_extent() for label in [*ax.get_yticklabels(), ax.xaxis.label, ax.title]]
    assert min(box.x0 for box in drawn) >= 0
    assert min(box.y0 for box in drawn) >= 0
    assert max(box.x1 for box in drawn) <= figure.bbox.width
