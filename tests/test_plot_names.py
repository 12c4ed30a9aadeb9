"""Long names in figures: whole figures at every width, and names that stay apart."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_rgba

from memfeat import plot
from memfeat.errors import ArgumentError
from memfeat.plot.layer_names import LONGEST, fitting, shortened

VIT = [f"encoder.layers.encoder_layer_{k}.{part}" for k in range(12) for part in ("self_attention", "mlp.3")]
SWIN = [f"features.{k}.{j}.attn.qkv_with_relative_position_bias" for k in (1, 3, 5) for j in range(3)]
ENDLESS = [f"{'block' * 11}{k}{'x' * 20}" for k in range(8)]
WIDTHS = (85, 120, 180)


def profile(names, bootstraps=True):
    values = np.linspace(0.1, 0.4, len(names))
    data = {"estimate": values, "p_corrected": values, "n": np.full(len(names), 40)}
    data |= {"ci_low": values - 0.1 if bootstraps else values * np.nan, "ci_high": values + 0.1}
    attrs = {"statistic": "spearman", "interval": "percentile bootstrap, 95 %", "correction": "max-statistic"}
    return xr.Dataset({name: ("layer", one) for name, one in data.items()}, {"layer": names}, attrs)


def similarity(names):
    values = np.eye(len(names)) * 0.5 + 0.4
    coords = {"layer": names, "layer_2": names}
    return xr.DataArray(values, coords, ("layer", "layer_2"), "cka", {"method": "cka", "n": 40})


def by_region(names):
    regions = ["V1", "the posterior part of the lateral occipital complex", "FFA"]
    values = np.linspace(0.1, 0.5, 3 * len(names)).reshape(len(names), 3)
    data = dict.fromkeys(("estimate", "p_corrected"), (("layer", "roi"), values))
    return xr.Dataset(data, {"layer": names, "roi": regions}, {"statistic": "spearman", "n": 40})


def models(names):
    return profile(names).rename(layer="model")


DRAWN = {
    "profile": lambda names, ax: plot.layer_profile(profile(names), ax=ax),
    "similarity": lambda names, ax: plot.layer_similarity(similarity(names), ax=ax),
    "map": lambda names, ax: plot.layer_map(by_region(names), ax=ax),
    "models": lambda names, ax: plot.models(models(names[:8]), ax=ax),
}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("names", [VIT, SWIN, ENDLESS], ids=["vit", "swin", "endless"])
@pytest.mark.parametrize("kind", DRAWN)
def test_nothing_is_clipped_and_the_axes_keep_their_room(kind, names, width):
    ax = DRAWN[kind](names, plot.axes(width=width, height=80))
    figure = ax.figure
    figure.draw_without_rendering()
    box, edge = figure.get_tightbbox(), figure.bbox.size / figure.dpi
    assert min(box.x0, box.y0) >= -0.01
    assert box.x1 <= edge[0] + 0.01
    assert box.y1 <= edge[1] + 0.01
    assert (ax.get_position().size * edge * 25.4 > 20).all()


def test_names_of_transformers_keep_their_number():
    short, shared = shortened(VIT)
    assert shared == "encoder.layers"
    assert short[:3] == ["…0.self_attention", "…0.mlp.3", "…1.self_attention"]
    assert short[-1] == "…11.mlp.3"


def test_short_names_stay_as_they_are():
    assert shortened(["layer1.0", "layer1.1"]) == (["0", "1"], "layer1")
    assert fitting(["conv1", "a_name_of_eighteen"]) == ["conv1", "a_name_of_eighteen"]


@settings(deadline=None)
@given(st.lists(st.text("ab.1_", min_size=1, max_size=60), min_size=1, max_size=12, unique=True))
def test_names_stay_apart_and_short(names):
    short = fitting(names)
    assert len(set(short)) == len(names)
    assert max(map(len, short)) <= max(LONGEST, 4 + LONGEST)


def test_no_figure_speaks_of_intervals_that_are_not_there():
    with_them, without = (plot.layer_profile(profile(["a", "b"], has)).get_title(loc="left") for has in (True, False))
    assert "95 %" in with_them
    assert "95 %" not in without
    rows = (plot.models(profile(["a", "b"], has).rename(layer="model")).get_title(loc="left") for has in (True, False))
    assert ["95 %" in one for one in rows] == [True, False]


def test_the_name_of_a_score_takes_the_lines_it_needs():
    name = "share_of_people_who_said_that_they_had_seen_the_photograph_before_in_the_second_session"
    scores = xr.DataArray([0.1, 0.4, 0.9], {"image": ["a", "b", "c"]}, ("image",), name)
    ax = plot.scores(scores, ax=plot.axes(width=85))
    ax.figure.draw_without_rendering()
    box = ax.xaxis.label.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= ax.figure.bbox.x1
    assert ax.get_xlabel().replace("\n", " ") == name.replace("_", " ")


def test_images_without_a_score_are_grey_dots_and_counted():
    names = ["a", "b", "c"]
    space = xr.Dataset({"embedding": (("image", "component"), [[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]])}, {"image": names})
    scores = xr.DataArray([0.5, np.nan, 0.9], {"image": names}, ("image",), "hit_rate")
    ax = plot.embedding(space, scores=scores)
    colours = ax.collections[0].get_facecolors()
    np.testing.assert_allclose(colours[1], to_rgba("#B0B0B0"))
    assert len({tuple(one) for one in colours}) == 3
    assert "grey: 1 without a score" in ax.get_title(loc="left")
    grey = xr.DataArray(np.full((3, 4, 4, 3), 128, np.uint8), {"image": names}, ("image", "y", "x", "rgb"))
    figure = plot.explore(space, thumbnails=grey, scores=scores)
    assert figure.title.text.endswith("; grey: 1 without a score")
    (mapper,) = (one.color_mapper for one in figure.right)
    assert (mapper.low, mapper.high, mapper.nan_color) == (0.5, 0.9, "#B0B0B0")
    with pytest.raises(
        ArgumentError, match="scores must have a number for at least one image; got none. Leave them out"
    ):
        plot.embedding(space, scores=scores * np.nan)
