"""A map to point at: what bokeh gets is what the embedding, the pictures and the scores say, and nothing else."""

import base64
import io
import re
import sys

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from bokeh.embed import file_html
from bokeh.models import ColorBar, GlyphRenderer, HoverTool, LinearColorMapper
from bokeh.resources import INLINE
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import memfeat as mf
from memfeat import plot
from memfeat.errors import ArgumentError, KindError, MissingPackageError

#: The third one is a page of its own if it is taken as HTML.
NAMES = ["cat.jpg", "dog.jpg", "<img src=x onerror=alert(1)>.jpg", "gnu.jpg"]
SCORES = xr.DataArray([0.4, 0.9, 0.6, 0.7], dims="image", coords={"image": NAMES}, name="hit_rate")


def space(names=NAMES, n_components=3):
    values = np.random.default_rng(0).normal(size=(len(names), n_components))
    data = {"embedding": (("image", "component"), values)}
    return xr.Dataset(data, coords={"image": names}, attrs={"method": "pca", "layer": "fc"})


def grey(names=NAMES, side=12):
    """Pictures of one grey each, 30 times the position of the image."""
    levels = (30 * np.arange(len(names)) % 256).astype(np.uint8)
    values = np.broadcast_to(levels[:, None, None, None], (len(names), side, side, 3))
    return xr.DataArray(values, dims=("image", "y", "x", "rgb"), coords={"image": names})


def dots(figure):
    (drawn,) = figure.select(GlyphRenderer)
    return drawn.data_source.data


def unpacked(address):
    head, _, data = address.partition(",")
    assert head == "data:image/jpeg;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_dots_lie_where_the_embedding_puts_them_and_show_their_own_picture():
    given = grey().isel(image=[2, 0, 3, 1])
    figure = plot.explore(space(), thumbnails=given, components=(2, 0))
    columns = dots(figure)
    np.testing.assert_array_equal(np.stack([columns["x"], columns["y"]], 1), space()["embedding"].values[:, [2, 0]])
    assert columns["image"] == NAMES
    assert [int(unpacked(one).mean().round()) for one in columns["picture"]] == [0, 30, 60, 90]
    assert figure.xaxis.axis_label == "Principal component 3"
    assert figure.yaxis.axis_label == "Principal component 1"
    assert figure.title.text == "fc; n = 4 images"
    assert list(figure.select(ColorBar)) == []


def test_pointing_at_a_dot_shows_picture_name_and_score():
    figure = plot.explore(space(), thumbnails=grey(), scores=SCORES)
    (hover,) = figure.select(HoverTool)
    assert set(re.findall(r"@(\w+)", hover.tooltips)) == {"picture", "image", "score"}
    assert set(re.findall(r"@(\w+)", hover.tooltips)) <= set(dots(figure))
    (without,) = plot.explore(space(), thumbnails=grey()).select(HoverTool)
    assert "@score" not in without.tooltips


def test_scores_colour_the_dots_whatever_their_order():
    figure = plot.explore(space(), thumbnails=grey(), scores=SCORES[::-1])
    np.testing.assert_array_equal(dots(figure)["score"], SCORES.values)
    (bar,) = figure.select(ColorBar)
    assert bar.title == "Hit rate"
    assert (bar.color_mapper.low, bar.color_mapper.high) == (0.4, 0.9)
    (drawn,) = figure.select(GlyphRenderer)
    assert isinstance(drawn.glyph.fill_color.transform, LinearColorMapper)
    series = plot.explore(space(), thumbnails=grey(), scores=SCORES.to_series())
    np.testing.assert_array_equal(dots(series)["score"], SCORES.values)


def test_pictures_are_those_of_the_image_table_without_the_white_beside_them():
    shapes = {"a.png": (20, 40), "b.png": (40, 10), "c.png": (8, 8)}
    images = mf.images.read({name: np.full((*shape, 3), 200, np.uint8) for name, shape in shapes.items()})
    shown = [unpacked(one) for one in dots(plot.explore(space(list(shapes)), thumbnails=images))["picture"]]
    assert [one.shape[:2] for one in shown] == [(80, 160), (160, 40), (160, 160)]
    assert all(abs(one.astype(int) - 200).max() <= 2 for one in shown)


@settings(deadline=None, max_examples=10)
@given(st.permutations(range(len(NAMES))))
def test_what_a_dot_shows_does_not_depend_on_the_order_of_images(order):
    first = dots(plot.explore(space(), thumbnails=grey(), scores=SCORES))
    again = dots(plot.explore(space().isel(image=order), thumbnails=grey(), scores=SCORES))
    named, turned = (pd.DataFrame(dict(one)).set_index("image") for one in (first, again))
    pd.testing.assert_frame_equal(named, turned.loc[named.index])


def test_the_page_holds_everything_and_no_name_becomes_part_of_it():
    page = file_html(plot.explore(space(), thumbnails=grey(), scores=SCORES), INLINE, title="map")
    assert page.count("data:image/jpeg;base64,") == len(NAMES)
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=.?https?:", page)
    assert "<img src=x" not in page


def test_inputs_are_left_as_they_are():
    given = space(), grey(), SCORES
    before = [one.copy(deep=True) for one in given]
    plot.explore(given[0], thumbnails=given[1], scores=given[2])
    for one, kept in zip(given, before, strict=True):
        xr.testing.assert_identical(one, kept)


CROWD = [f"{k}.jpg" for k in range(2001)]
REFUSED = {
    "space": ({"space": SCORES}, KindError, r"space must come from mf\.reduction\.embed; got DataArray"),
    "components": ({"components": (0, 3)}, ArgumentError, r"components must be two positions below 3; got \(0, 3\)"),
    "crowd": (
        {"space": space(CROWD), "thumbnails": grey(CROWD, 1)},
        ArgumentError,
        r"space must hold at most 2000 images; got 2001. Pass a part: space\.isel\(image=slice\(2000\)\)",
    ),
    "float": ({"thumbnails": grey() / 255}, KindError, r"thumbnails must hold uint8; got float64"),
    "no picture": (
        {"thumbnails": grey(NAMES[1:])},
        ArgumentError,
        r"thumbnails and space must hold the same images; got only in space 1: 'cat.jpg'",
    ),
    "no pictures": ({"thumbnails": SCORES}, KindError, r"thumbnails must come from mf\.images\.thumbnails"),
    "no score": ({"scores": SCORES[1:]}, ArgumentError, r"scores and space must hold the same images"),
}


@pytest.mark.parametrize(("options", "kind", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_shown_is_refused(options, kind, message):
    asked = {"space": space(), "thumbnails": grey()} | options
    with pytest.raises(kind, match=message):
        plot.explore(asked.pop("space"), **asked)


def test_without_bokeh_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "bokeh.models", None)
    with pytest.raises(MissingPackageError, match=r"bokeh must be installed; got no such package.*memfeat\[widgets\]"):
        plot.explore(space(), thumbnails=grey())
