"""Gram matrices as figures: the numbers, in which order, and what is refused."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from memfeat import gram, plot
from memfeat.errors import ArgumentError, KindError, UnknownNameError

NAMES = ["d", "b", "a", "c"]


def features(seed=0, shift=0.0):
    rng = np.random.default_rng(seed)
    layers = {name: (("image", f"{name}:unit"), rng.normal(size=(4, 3)) + shift) for name in ("one", "two")}
    return xr.Dataset(layers, coords={"image": NAMES})


def drawn(ax):
    return np.asarray(ax.images[0].get_array())


def test_inner_products_stand_in_the_order_of_names():
    grams = gram.compute(features())
    before = grams.copy(deep=True)
    ax = plot.gram(grams, layer="two")
    values = features()["two"].sel(image=sorted(NAMES)).values
    np.testing.assert_allclose(drawn(ax), values @ values.T)
    assert "two; n = 4 images, sorted by name" in ax.get_title(loc="left")
    xr.testing.assert_identical(grams, before)


def test_the_scale_says_where_zero_is():
    mixed = plot.gram(gram.compute(features(), centre="features")["one"])
    low, high = mixed.images[0].get_clim()
    assert low == -high == -np.abs(drawn(mixed)).max()
    above = plot.gram(gram.compute(features(shift=9.0))["one"])
    assert above.images[0].get_clim()[0] == drawn(above).min() > 0
    assert mixed.images[0].get_cmap().name != above.images[0].get_cmap().name


def test_the_colour_bar_says_what_was_subtracted():
    label = lambda ax: ax.figure.axes[-1].get_ylabel()  # noqa: E731
    assert label(plot.gram(gram.compute(features()), layer="one")) == "Inner product"
    centred = plot.gram(gram.compute(features(), centre="features"), layer="one")
    assert label(centred) == "Inner product, features centred"


def test_one_layer_alone_may_come_by_itself():
    grams = gram.compute(features())
    (one, same) = (drawn(plot.gram(which, layer="one")) for which in (grams, grams["one"]))
    np.testing.assert_array_equal(one, same)


@settings(deadline=None, max_examples=10)
@given(st.permutations(range(4)), st.lists(st.floats(0, 1), min_size=4, max_size=4, unique=True))
def test_the_order_of_images_does_not_matter(place, scores):
    order = xr.DataArray(scores, dims="image", coords={"image": NAMES}, name="score")
    one = plot.gram(gram.compute(features()), layer="one", order=order)
    other = plot.gram(gram.compute(features().isel(image=list(place))), layer="one", order=order)
    np.testing.assert_allclose(drawn(one), drawn(other))
    best = NAMES[int(np.argmax(scores))]
    assert drawn(one)[-1, -1] == pytest.approx((features()["one"].sel(image=best) ** 2).sum().item())


def test_what_is_no_gram_matrix_is_refused():
    grams = gram.compute(features())
    with pytest.raises(KindError, match="grams must come from mf.gram.compute; got int"):
        plot.gram(3)
    with pytest.raises(KindError, match="grams must come from mf.gram.compute; got Dataset"):
        plot.gram(features())
    with pytest.raises(ArgumentError, match="layer must name one of the layers; got None. There are 2: 'one', 'two'"):
        plot.gram(grams)
    with pytest.raises(UnknownNameError, match="layer must .*'three'"):
        plot.gram(grams, layer="three")
    fewer = xr.DataArray([1.0, 2.0], dims="image", coords={"image": ["a", "b"]})
    with pytest.raises(ArgumentError, match="order and grams must hold the same images; got only in grams 2"):
        plot.gram(grams, layer="one", order=fewer)
