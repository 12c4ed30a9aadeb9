"""What is said where images are called differently, scores are missing, or a seed is none: advice that helps."""

import ast
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import memfeat
from memfeat import gram, regression
from memfeat._labels import as_scores, matched
from memfeat.errors import ArgumentError, KindError


def layer(names):
    values = np.random.default_rng(0).standard_normal((len(names), 3))
    return xr.DataArray(values, dims=("image", "fc:unit"), coords={"image": names}, name="fc")


NAMES = [f"{i:02d}.jpg" for i in range(12)]


@pytest.mark.parametrize(
    ("called", "advice"),
    [
        (["rock.jpg", *NAMES[1:]], r"Keep the shared images: both = sorted\("),
        ([name.replace(".jpg", ".png") for name in NAMES], "Names differ in their folder, ending or capitals only"),
        ([f"photos/{name}" for name in NAMES], r"features = features.assign_coords\(image=\[…\]\)|scores = scores"),
        ([name.upper() for name in NAMES], "Names differ in their folder, ending or capitals only"),
        ([f"img{name}" for name in NAMES], "No name stands in both: look at each one's image names"),
    ],
)
def test_names_that_differ_are_told_how_they_come_together(called, advice):
    scores = pd.Series(np.arange(12.0), index=called, name="hit_rate")
    with pytest.raises(ArgumentError, match=f"must hold the same images; got .*{advice}"):
        regression.decode(layer(NAMES), scores)


@pytest.mark.parametrize("kind", [xr.Dataset, pd.DataFrame])
def test_missing_scores_of_a_table_are_gone_when_the_advice_is_followed(kind):
    hits = np.where(np.arange(12) == 3, np.nan, np.arange(12.0))
    table = xr.Dataset({"hit_rate": ("image", np.arange(12.0)), "false_alarms": ("image", hits)}, {"image": NAMES})
    scores = table if kind is xr.Dataset else table.to_dataframe()
    with pytest.raises(ArgumentError, match=r"Drop those images: scores = scores\.dropna\(") as said:
        regression.decode(layer(NAMES), scores)
    scope = {"scores": scores}
    exec(str(said.value).partition("Drop those images: ")[2].partition(", then")[0], scope)
    assert len(scope["scores"]["false_alarms"]) == 11
    assert not scope["scores"]["false_alarms"].isnull().any()


def test_a_seed_below_0_is_refused():
    with pytest.raises(ArgumentError, match="rng must be at least 0; got -1"):
        regression.decode(layer(NAMES), pd.Series(np.arange(12.0), index=NAMES), rng=-1)


def test_a_table_of_features_is_told_how_it_is_read():
    with pytest.raises(KindError, match="features must be an xarray Dataset or DataArray; got DataFrame.*from_table"):
        gram.compute(pd.DataFrame({"a": [1.0, 2.0]}, index=["x", "y"]))


ROOMS = ("scores", "measures", "lowlevel", "screening")
FILES = [file for room in ROOMS for file in sorted((Path(memfeat.__file__).parent / room).glob("*.py"))]


@pytest.mark.parametrize(
    "file", [*FILES, Path(memfeat.__file__).parent / "images" / "transforming.py"], ids=lambda file: file.stem
)
def test_every_error_says_what_to_do(file):
    calls = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
    messages = [call for call in calls if ast.unparse(call.func) == "advice"]
    assert [ast.unparse(call) for call in messages if len(call.args) + len(call.keywords) < 4] == []


WHOLE = list(range(12))


@pytest.mark.parametrize("kind", [int, float, np.int32])
def test_names_that_differ_in_type_only_are_the_same(kind):
    numbers = pd.Series(np.arange(12.0)[::-1], index=pd.Index([kind(i) for i in WHOLE[::-1]], name="image"), name="q")
    features = layer([str(i) for i in WHOLE])
    found = matched(as_scores(numbers), features, argument="scores", reference="features")
    assert found["image"].values.tolist() == features["image"].values.tolist()  # names are those of the reference
    assert found.values.tolist() == [float(i) for i in WHOLE]


def test_names_that_are_alike_as_text_are_not_joined():
    ours = xr.DataArray([1.0, 2.0], {"image": np.array([1, 1.5], dtype=object)}, "image")
    theirs = xr.DataArray([1.0, 2.0], {"image": ["1", "1.0"]}, "image")
    with pytest.raises(ArgumentError, match="hold the same images"):
        matched(ours, theirs, argument="ours", reference="theirs")


def test_numbers_of_rows_are_no_names():
    table = pd.DataFrame({"q": np.arange(12.0)})
    features = layer([str(i) for i in WHOLE])
    with pytest.raises(ArgumentError, match=r"only numbers of rows in scores.*scores.rename_axis\('image'\)"):
        matched(as_scores(table["q"]), features, argument="scores", reference="features")
    assert matched(as_scores(table["q"]), layer(WHOLE), argument="scores", reference="features").sizes["image"] == 12
    named = table["q"].rename_axis("image")
    assert matched(as_scores(named), features, argument="scores", reference="features").sizes["image"] == 12


def test_the_index_of_images_and_categories_is_told_which_level_to_keep():
    scores = pd.Series(
        np.arange(3.0), pd.MultiIndex.from_tuples([("x", 1), ("y", 1), ("z", 2)], names=["image", "kind"])
    )
    with pytest.raises(ArgumentError, match=r"scores must have an index that names images; got 2 levels") as said:
        as_scores(scores)
    kept = eval(str(said.value).partition("images: ")[2].rstrip("."), {"scores": scores})
    assert as_scores(kept)["image"].values.tolist() == ["x", "y", "z"]


def test_a_series_is_told_of_pandas_how_names_stand_once():
    scores = pd.Series([1.0, 2.0, 3.0], index=["a", "b", "a"])
    with pytest.raises(ArgumentError, match="scores must name each image once") as said:
        as_scores(scores)
    kept = eval(str(said.value).partition("first ones: ")[2].rstrip("."), {"scores": scores})
    assert as_scores(kept).values.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("column", "advice"),
    [
        (pd.Series([1, 2.5], index=["a", "b"], dtype=object), r"dtype object. .*: scores\.astype\(float\)"),
        (pd.Series(["u", "v"], index=["a", "b"]), r"There is 'u' in it"),
        (pd.Series(["u", "v"], index=["a", "b"], name="image"), r"table\.set_index\('image'\)"),
    ],
)
def test_what_holds_no_numbers_is_told_why(column, advice):
    with pytest.raises(KindError, match=f"scores must hold numbers; got .*{advice}"):
        as_scores(column)


def test_scores_of_no_image_are_refused():
    with pytest.raises(ArgumentError, match="scores must hold an image at least; got none"):
        as_scores(pd.Series([], dtype=float))


def test_the_column_of_a_table_that_counts_rows_names_its_images():
    table = pd.DataFrame({"image": NAMES[::-1], "hit_rate": np.arange(12.0)})
    measure = xr.Dataset({"fc": ("image", np.arange(12.0))}, {"image": NAMES})
    found = memfeat.measures.profile(measure, table, n_permutations=0, n_bootstraps=0)
    assert found["estimate"].values.tolist() == [[-1.0]]
    twice = pd.concat([table, table[["hit_rate"]]], axis=1)
    with pytest.raises(ArgumentError, match="scores must have each column once; got 1: 'hit_rate'"):
        memfeat.measures.profile(measure, twice)
