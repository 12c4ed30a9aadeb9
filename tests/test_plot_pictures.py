"""Pictures in figures, whichever function draws them: too many, missing ones, and those of another order."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import memfeat as mf
from memfeat import plot
from memfeat.errors import ArgumentError, KindError


def named(n):
    return [f"i{k:03}" for k in range(n)]


def tiles(n):
    """A grey tile for each image, darker for earlier ones."""
    values = np.zeros((n, 4, 4, 3), np.uint8) + np.arange(n, dtype=np.uint8)[:, None, None, None]
    return xr.DataArray(values, dims=("image", "y", "x", "rgb"), coords={"image": named(n)})


def scores(n):
    return xr.DataArray(np.linspace(0.1, 0.9, n), dims="image", coords={"image": named(n)}, name="hit_rate")


def space(n):
    points = np.stack([np.arange(n), np.arange(n) % 7], axis=1).astype(float)
    return xr.Dataset({"embedding": (("image", "component"), points)}, {"image": named(n)}, {"method": "umap"})


def square(n):
    values = np.abs(np.subtract.outer(np.arange(n), np.arange(n))).astype(float)
    return xr.DataArray(values, dims=("image_1", "image_2"), coords={"image_1": named(n), "image_2": named(n)})


#: Figures with a picture of each image, of so many images.
DRAW = {
    "embedding": lambda n, given, ax: plot.embedding(space(n), thumbnails=given, ax=ax),
    "rdm": lambda n, given, ax: plot.rdm(square(n), thumbnails=given, ax=ax),
    "memorable": lambda n, given, ax: plot.memorable(scores(n), given, n=n // 2, ax=ax),
}
every_figure = pytest.mark.parametrize("draw", DRAW.values(), ids=DRAW)


@every_figure
def test_more_pictures_than_can_be_seen_are_refused_with_how_many_would_do(draw):
    with pytest.raises(ArgumentError, match=r"must be at most \d+ on \d+ mm; got (250|500)\. Draw on (wider|larger)"):
        draw(500, tiles(500), plot.axes())


def test_more_pictures_in_a_row_than_can_be_seen_are_refused_with_how_many_would_do():
    with pytest.raises(ArgumentError, match=r"pictures must be at most \d+ in a row at this size; got 60\. Draw on"):
        plot.image_grid(tiles(60), columns=60)


@pytest.fixture
def table(tmp_path):
    for k, name in enumerate(named(4)):
        Image.new("RGB", (8, 6), (k, k, k)).save(tmp_path / f"{name}.png")
    found = mf.images.read(tmp_path)
    return found.assign_coords(image=named(4))


@every_figure
def test_a_file_that_has_gone_is_named(draw, table, tmp_path):
    draw(4, table, None)
    (tmp_path / "i002.png").unlink()
    with pytest.raises(mf.images.UnreadableImage, match="i002"):
        draw(4, table, None)


@every_figure
def test_an_image_without_a_picture_is_named(draw):
    with pytest.raises(ArgumentError, match=r"must hold the same images; got only in \w+ 1: 'i005'"):
        draw(6, tiles(6)[:5], None)


@pytest.mark.parametrize("dims", [("image", "channel"), ("image", "y")], ids=str)
def test_a_layer_without_maps_is_no_map(dims):
    flat = xr.DataArray(np.zeros((1, 3)), dims=dims, coords={"image": ["cat.jpg"]}, name="fc")
    with pytest.raises(KindError, match=r"maps must have the dims 'y' and 'x'; got .*'image'.* A layer without maps"):
        plot.attribution(flat)


orders = st.permutations(list(range(6)))


@settings(deadline=None, max_examples=6)
@given(orders, orders)
def test_the_order_of_images_changes_no_figure(one, other):
    def shown(ax):
        return [int(np.asarray(image.get_array()).flat[0]) for image in ax.images]

    ax = plot.memorable(scores(6)[one], tiles(6)[other], n=3)
    assert shown(ax) == [5, 4, 3, 0, 1, 2]
    ax = plot.rdm(square(6)[one][:, one], order=scores(6)[other])
    drawn = np.ma.filled(ax.images[0].get_array(), 0)
    np.testing.assert_array_equal(drawn, square(6).values)
