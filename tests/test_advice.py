"""What is said where images are called differently, scores are missing, or a seed is none: advice that helps."""

import ast
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import memfeat
from memfeat import gram, regression
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
    advices = [call for call in calls if ast.unparse(call.func) == "advice"]
    assert [ast.unparse(call) for call in advices if len(call.args) + len(call.keywords) < 4] == []
