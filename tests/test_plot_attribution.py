"""Maps over pictures and grids of pictures: what is drawn is what was given."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from memfeat import plot
from memfeat.errors import ArgumentError, KindError, UnknownNameError

NAMES = ["cat.jpg", "dog.jpg"]


def maps(values=None):
    values = np.arange(2 * 3 * 4.0).reshape(2, 3, 4) if values is None else values
    sides = {"left": 1.0, "top": 2.0, "right": 9.0, "bottom": 8.0, "width": 10, "height": 12}
    coords = {"image": NAMES} | {name: ("image", [side] * 2) for name, side in sides.items()}
    attrs = {"method": "integrated_gradients", "target": "score", "model": "resmem"}
    return xr.DataArray(values, coords, ("image", "y", "x"), attrs=attrs)


def squares(n=2, side=12):
    """White squares in which pictures of 10 × 12 pixels stand, darker from one to the next."""
    values = np.full((n, side, side, 3), 255, np.uint8)
    for i in range(n):
        values[i, :, 1:11] = 100 + i
    names = [*NAMES, *(f"{i}.jpg" for i in range(2, n))]
    coords = {"image": names, "width": ("image", [10] * n), "height": ("image", [12] * n)}
    return xr.DataArray(values, coords, ("image", "y", "x", "rgb"))


def texts(ax):
    return [text.get_text() for text in ax.findobj(Text) if text.get_text()]


def test_a_map_lies_where_the_network_saw_the_picture():
    ax = plot.attribution(maps(), image="dog.jpg", thumbnails=squares())
    picture, shown = ax.images
    np.testing.assert_array_equal(shown.get_array(), maps().values[1])
    assert shown.get_extent() == [1, 9, 8, 2]
    assert picture.get_extent() == [0, 10, 12, 0]
    # without the white beside it, in grey, half as dark as it is
    assert picture.get_array().shape == (12, 10)
    np.testing.assert_allclose(picture.get_array(), 0.5 + 0.5 * 101 / 255)
    assert (ax.get_xlim(), ax.get_ylim()) == ((0, 10), (12, 0))
    (frame,) = (patch for patch in ax.patches if isinstance(patch, Rectangle))
    np.testing.assert_array_equal(frame.get_bbox().extents, [1, 2, 9, 8])
    assert "dog.jpg; integrated gradients of the predicted score; resmem" in " ".join(texts(ax)).replace("\n", " ")


def test_maps_with_both_signs_have_their_white_at_zero_and_others_begin_there():
    both = plot.attribution(maps(maps().values - 5), image="cat.jpg").images[0]
    assert both.norm.vmin == -both.norm.vmax
    one = plot.attribution(maps(), image="cat.jpg").images[0]
    assert (one.norm.vmin, one.norm.vmax) == (0, pytest.approx(np.quantile(maps().values[0], 0.99)))


def test_a_map_shows_the_picture_where_it_is_weak():
    shown = plot.attribution(maps(), image="cat.jpg", thumbnails=squares()).images[1]
    alpha = shown.get_alpha()
    assert alpha.shape == (3, 4)
    assert alpha[0, 0] == 0
    assert alpha[-1, -1] == pytest.approx(0.85)


def test_a_map_of_nothing_and_one_without_places_can_be_drawn():
    bare = maps(np.zeros((2, 3, 4))).isel(image=0).drop_vars(["left", "top", "right", "bottom", "width", "height"])
    assert plot.attribution(bare, thumbnails=squares()).images[1].get_extent() == [0, 4, 3, 0]


def test_maps_that_cannot_be_drawn_are_refused():
    with pytest.raises(KindError, match="maps must come from mf.attribution.attribute; got int"):
        plot.attribution(3)
    with pytest.raises(ArgumentError, match="image must be said when there are several; got 2: 'cat.jpg', 'dog.jpg'"):
        plot.attribution(maps())
    with pytest.raises(UnknownNameError, match="image must be a known name; got 'cow.jpg'"):
        plot.attribution(maps(), image="cow.jpg")
    with pytest.raises(UnknownNameError, match="thumbnails must be a known name; got 'dog.jpg'"):
        plot.attribution(maps(), image="dog.jpg", thumbnails=squares()[:1])
    with pytest.raises(KindError, match="thumbnails must come from mf.images.thumbnails; got list"):
        plot.attribution(maps(), image="dog.jpg", thumbnails=[])
    with pytest.raises(ArgumentError, match="maps must be finite; got NaN or infinity"):
        plot.attribution(maps(np.full((2, 3, 4), np.nan)), image="cat.jpg")


def test_pictures_stand_row_by_row_with_their_captions_below():
    ax = plot.image_grid(squares(5), columns=3)
    assert len(ax.images) == 5
    np.testing.assert_allclose(ax.images[4].get_array(), squares(5).values[4] / 255)
    lefts, tops = zip(*((image.get_extent()[0], image.get_extent()[3]) for image in ax.images), strict=True)
    assert lefts[0] == lefts[3] < lefts[1] == lefts[4] < lefts[2]
    assert tops[0] == tops[1] == tops[2] < tops[3] == tops[4]
    said = {text.get_text(): text.get_position() for text in ax.texts}
    assert list(said) == [*NAMES, "2.jpg", "3.jpg", "4.jpg"]
    assert all(place[1] > image.get_extent()[2] for place, image in zip(said.values(), ax.images, strict=True))


def test_a_grid_is_about_square_unless_told():
    lefts = {image.get_extent()[0] for image in plot.image_grid(squares(9)).images}
    assert len(lefts) == 3


def test_of_two_dims_the_first_is_the_rows_and_names_come_with_the_pictures():
    values = np.random.default_rng(0).random((2, 3, 4, 4, 3))
    names = [["a", "b", "c"], ["d", "e", "f"]]
    coords = {"unit": [7, 9], "name": (("unit", "rank"), names)}
    ax = plot.image_grid(xr.DataArray(values, coords, ("unit", "rank", "y", "x", "rgb")), title="layer4")
    assert [text.get_text() for text in ax.texts] == list("abcdef")
    assert [label.get_text() for label in ax.get_yticklabels()] == ["unit 7", "unit 9"]
    assert "layer4" in texts(ax)


def test_captions_are_those_given_and_long_ones_lose_their_middle():
    long = squares().assign_coords(
        image=["a_very_long_name_of_a_photograph_of_a_cat_on_a_mat_in_a_house_0001.jpg", "b"]
    )
    first, second = (text.get_text() for text in plot.image_grid(long).texts)
    assert first.startswith("a_very")
    assert first.endswith("0001.jpg")
    assert "…" in first
    assert second == "b"
    assert [text.get_text() for text in plot.image_grid(squares(), captions=["one", "two"]).texts] == ["one", "two"]


def test_pictures_that_cannot_be_drawn_are_refused():
    with pytest.raises(KindError, match=r"pictures must be a DataArray \(\.\.\., y, x, rgb\); got list"):
        plot.image_grid([])
    with pytest.raises(KindError, match="pictures must have one or two dims besides y, x and rgb"):
        plot.image_grid(squares()[0])
    with pytest.raises(ArgumentError, match="pictures must be uint8 or lie in 0 to 1; got values from 0 to 3"):
        plot.image_grid(squares() * 0.0 + 3 * (squares() == 255))
    with pytest.raises(ArgumentError, match="captions must be one for each of 2 pictures; got 3"):
        plot.image_grid(squares(), captions=["a", "b", "c"])
    with pytest.raises(ArgumentError, match="columns must be at least 1; got 0"):
        plot.image_grid(squares(), columns=0)
    with pytest.raises(ArgumentError, match="columns must be left out where rows are given; got 2"):
        plot.image_grid(xr.concat([squares(), squares()], "row"), columns=2)
    many = xr.concat([squares()[0]] * 60, "rank")
    with pytest.raises(ArgumentError, match=r"pictures must be at most \d+ in a row at this size; got 60"):
        plot.image_grid(many, columns=60)
