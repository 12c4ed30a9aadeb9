"""Reports: what is in the file, what is refused before any work, and what does not stop the rest."""

import base64
import io
import json
import re
import warnings

import matplotlib
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import memfeat as mf
from memfeat import report
from memfeat.errors import ArgumentError, CircularWarning, KindError, UnknownNameError
from memfeat.report.page import MEMFEAT, RESMEM, _embedded, _lines, _once
from memfeat.report.sections import NOT_A_NUMBER, STEPS, _packed
from memfeat.sets.telling import wording

N = 12


def pictures(n=N, seed=0):
    rng = np.random.default_rng(seed)
    return {f"{k:02}.png": rng.integers(0, 256, (24, 36, 3), np.uint8) for k in range(n)}


@pytest.fixture
def images():
    """Named arrays with scores and sets; the score stands in for a prediction, so that no network runs."""
    rng = np.random.default_rng(7)
    table = mf.images.read(pictures())
    columns = {"memorability": rng.uniform(0.5, 0.9, N), "hit_rate": rng.uniform(0.4, 0.9, N)}
    sets = {"kind": np.array(["a", "b"] * (N // 2), dtype=object)}
    return table.assign({name: ("image", values) for name, values in (columns | sets).items()})


@pytest.fixture
def features(images):
    rng = np.random.default_rng(8)
    layers = {name: (("image", f"{name}:channel"), rng.normal(size=(N, 5))) for name in ("one", "two")}
    return xr.Dataset(layers, coords={"image": images.image.values})


QUICK = {"n_permutations": 19, "n_bootstraps": 19, "progress": False}


def data_of(file):
    """What the page's script is given."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', file.read_text("utf-8"), re.DOTALL)
    return json.loads(found[1])


def write(tmp_path, images, features=None, **options):
    return report.write(images, features, tmp_path / "report.html", **QUICK | options)


def test_the_file_holds_the_data(tmp_path, images, features):
    before = images.copy(deep=True), features.copy(deep=True)
    file = write(tmp_path, images, features, by="kind", score="hit_rate")
    assert file == tmp_path / "report.html"
    data = data_of(file)
    assert data["names"] == list(images.image.values)
    columns = {one["name"]: one["values"] for one in data["columns"]}
    np.testing.assert_allclose(columns["hit_rate"], images["hit_rate"], rtol=1e-5)
    assert columns["kind"] == list(images["kind"].values)
    space = mf.reduction.embed(features["two"], "pca", n_components=2)["embedding"].values
    np.testing.assert_allclose(np.array([data["map"]["x"], data["map"]["y"]]).T, space, atol=1e-5)
    assert sum(data["bars"]["counts"]) == N
    profile = mf.measures.profile(
        mf.measures.magnitude(features), images["hit_rate"], n_permutations=19, n_bootstraps=19, rng=0
    )
    table = pd.DataFrame([line.split(",") for line in data["tables"]["profile"].splitlines()[1:]])
    np.testing.assert_allclose(table[1].astype(float), profile["estimate"].values)
    # xarray cannot compare pixels, which are arrays in an object array
    xr.testing.assert_identical(images.drop_vars("pixels"), before[0].drop_vars("pixels"))
    xr.testing.assert_identical(features, before[1])


def test_the_size_is_the_size(tmp_path, images):
    file = write(tmp_path, images)
    said = re.search(r"<dt>File</dt><dd>([\d.]+) MB", file.read_text("utf-8"))[1]
    assert float(said) == round(file.stat().st_size / 1e6, 1)


def test_the_order_of_images_changes_only_the_order(tmp_path, images, features):
    one = data_of(write(tmp_path, images, features))
    other = data_of(write(tmp_path, images.isel(image=slice(None, None, -1)), features))
    assert other["names"] == one["names"][::-1]
    places = [
        {d["names"][i]: (x, y) for i, x, y in zip(*(d["map"][key] for key in ("images", "x", "y")), strict=True)}
        for d in (one, other)
    ]
    assert places[0].keys() == places[1].keys()
    for name, place in places[0].items():
        assert places[1][name] == pytest.approx(place, abs=1e-5)
    assert one["tables"] == other["tables"]
    assert one["rdm"]["pairs"] == other["rdm"]["pairs"]


def test_images_without_features_or_score_are_counted(tmp_path, images, features):
    images["hit_rate"][3] = np.nan
    file = write(tmp_path, images, features.isel(image=slice(0, 9)), score="hit_rate")
    text, data = file.read_text("utf-8"), data_of(file)
    assert "9 of 12 images, those that have features" in text
    assert "<dt>With hit rate</dt><dd>11</dd>" in text
    assert data["map"]["images"] == list(range(9))
    assert {line.split(",")[-1] for line in data["tables"]["profile"].splitlines()[1:]} == {"8"}


def test_a_part_that_cannot_be_made_says_why_and_the_others_stay(tmp_path, images, features):
    features["two"][:] = 1.0
    file = write(tmp_path, images, features, by="kind")
    text = file.read_text("utf-8")
    assert text.count("Not computed:") >= 1
    assert 'id="sets"' in text
    assert "Difference of means" in text


@pytest.mark.parametrize(
    ("attrs", "said"),
    [
        ({}, False),
        ({"long_name": "predicted memorability"}, True),
        ({"long_name": "predicted memorability", "model": "resmem", "floor": 0.42}, True),
        ({"long_name": "predicted memorability", "model": "vitmem"}, False),
    ],
)
def test_resmem_is_cited_and_cautioned_about_where_it_predicted(tmp_path, images, features, attrs, said):
    images["memorability"].attrs = attrs
    text = write(tmp_path, images, features).read_text("utf-8")
    assert ("Needell" in text) is said
    assert ("caution against using it for faces" in text) is said
    assert ("The ResMem weights come with" in text) is said
    assert "The memfeat developers" in text


def test_features_of_resmem_are_cited_where_others_predicted(tmp_path, images, features):
    text = write(tmp_path, images, features.assign_attrs(model="resmem-frozen")).read_text("utf-8")
    assert "Needell" in text
    assert "caution against using it for faces" not in text


def test_a_file_named_like_the_place_of_the_size_keeps_its_name(tmp_path, images):
    odd = images.assign_coords(image=["{size of this file}", *images.image.values[1:]])
    assert data_of(write(tmp_path, odd))["names"][0] == "{size of this file}"


def test_cautions_are_passed_on_and_written_down(tmp_path, images, features):
    origin = {"model": "resmem", "variant": "retrained", "weights_sha256": "x", "trunk_sha256": "t"}
    images["memorability"].attrs |= origin
    features = features.assign_attrs(origin | {"model": "resmem-frozen", "variant": "frozen", "backbone": "released"})
    with pytest.warns(CircularWarning):
        file = write(tmp_path, images, features)
    assert "Caution. Circular" in file.read_text("utf-8")


def test_a_picture_that_is_gone_leaves_a_gap_and_is_named(tmp_path, images):
    for name, values in pictures().items():
        Image.fromarray(values).save(tmp_path / name)
    table = mf.images.read(tmp_path)
    table["memorability"] = "image", images["memorability"].values
    (tmp_path / "03.png").unlink()
    text = write(tmp_path, table).read_text("utf-8")
    assert "1 more could not be read again when this page was written, and has no picture here: 03.png" in text
    (block,) = re.findall(r'id="block-\d">(.*?)</script>', text)
    assert [one is None for one in json.loads(block)] == [k == 3 for k in range(N)]


def test_a_result_of_ones_own_is_the_profile(tmp_path, images, features):
    own = mf.measures.profile(
        mf.measures.magnitude(features), images["hit_rate"], n_permutations=19, n_bootstraps=0, rng=3
    )
    data = data_of(write(tmp_path, images, features, profile=own))
    values = [float(line.split(",")[1]) for line in data["tables"]["profile"].splitlines()[1:]]
    np.testing.assert_allclose(values, own["estimate"].values)


@pytest.mark.parametrize("profile", ["distinctiveness", "decoding"])
def test_other_profiles(tmp_path, images, features, profile):
    more = xr.concat([features, features.assign_coords(image=[f"x{n}" for n in features.image.values])], "image")
    lines = data_of(write(tmp_path, images, more, profile=profile))["tables"]["profile"].splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == ["one", "two"]


def test_many_images_show_some_in_the_rdm(tmp_path, monkeypatch, images, features):
    monkeypatch.setattr("memfeat.report.sections.MOST_IN_RDM", 5)
    file = write(tmp_path, images, features)
    assert "5 of 12 images, evenly along the score" in file.read_text("utf-8")
    data = data_of(file)
    ranks = images["memorability"].to_series().rank().to_numpy()[data["rdm"]["images"]]
    # 1, 3.75, 6.5, 9.25 and 12, to the nearest image
    np.testing.assert_allclose(sorted(ranks), np.linspace(1, 12, 5), atol=0.5)


def test_predictions_are_brought_into_the_order_of_the_images(tmp_path, images):
    own = images.drop_vars(["memorability"])
    memory = images[["memorability"]].isel(image=slice(None, None, -1)).reset_coords(drop=True)
    data = data_of(write(tmp_path, own, memory=memory))
    values = next(one["values"] for one in data["columns"] if one["name"] == "memorability")
    np.testing.assert_allclose(values, images["memorability"], rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"score": "hits"}, UnknownNameError, "score must be .*'hits'.*There are memorability"),
        ({"score": "kind"}, ArgumentError, "score must name a column of numbers; got 'kind'"),
        ({"by": "sort"}, UnknownNameError, "by must .*'sort'"),
        ({"layer": "three"}, UnknownNameError, "layer must .*'three'.*There are one, two"),
        ({"profile": "rsa"}, ArgumentError, "profile must be one of 'magnitude'"),
        ({"thumbnail": 8}, ArgumentError, "thumbnail must be at least 32; got 8"),
        ({"thumbnail": 2000}, ArgumentError, "thumbnail must be at most 512; got 2000"),
        ({"n_permutations": 0}, ArgumentError, "n_permutations must be at least 1; got 0"),
        ({"rng": None}, KindError, "rng must"),
        ({"heading": "x"}, UnknownNameError, "option must .*'heading'.*There are .*title"),
        ({"memory": 3}, KindError, "memory must be what mf.predict gave; got int"),
        ({"progress": "yes"}, KindError, "progress must be True, False or None"),
    ],
)
def test_what_cannot_be_used_is_refused(tmp_path, images, features, change, error, message):
    with pytest.raises(error, match=message):
        write(tmp_path, images, features, **change)
    assert not list(tmp_path.iterdir())


def test_other_images_are_refused(tmp_path, images, features):
    with pytest.raises(
        ArgumentError, match="features must be of the same images; got '00' …. Images are called like '00.png'"
    ):
        write(tmp_path, images, features.assign_coords(image=[n[:2] for n in features.image.values]).isel(image=[0]))
    memory = images[["memorability"]].isel(image=slice(0, 4)).reset_coords(drop=True)
    with pytest.raises(
        ArgumentError,
        match="memory must be of the same images; got 8 images without a prediction, 0 predictions of others",
    ):
        write(tmp_path, images.drop_vars("memorability"), memory=memory)
    with pytest.raises(
        ArgumentError, match="images must have no columns called like those of a prediction; got 1: 'memorability'"
    ):
        write(tmp_path, images, memory=memory)


def test_no_image_and_no_score_are_refused(tmp_path, images):
    with pytest.raises(ArgumentError, match="images must hold at least one image; got none"):
        write(tmp_path, images.isel(image=[]))
    with pytest.raises(ArgumentError, match="score must have a number for at least one image; got 'hit_rate'"):
        write(tmp_path, images.assign(hit_rate=images["hit_rate"] * np.nan), score="hit_rate")


def test_where_nothing_can_be_written_no_work_is_done(tmp_path, images, monkeypatch):
    monkeypatch.setattr("memfeat.report.writing.described", lambda *_: pytest.fail("work was done"))
    with pytest.raises(ArgumentError, match="path must end in .html or .htm"):
        report.write(images, None, tmp_path / "report.pdf")
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(ArgumentError, match="path must be a file that can be written"):
        report.write(images, None, tmp_path / "folder.html")


def test_a_report_that_is_there_stays_if_the_new_one_fails(tmp_path, images, monkeypatch):
    file = write(tmp_path, images)
    before = file.read_bytes()
    monkeypatch.setattr("memfeat.report.page.rendered", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write(tmp_path, images)
    assert file.read_bytes() == before


def test_one_image_alone_makes_a_report(tmp_path, images, features):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        file = write(tmp_path, images.isel(image=[0]), features.isel(image=[0]))
    text = file.read_text("utf-8")
    assert "Not computed" in text
    assert "nan" not in re.sub(r'<script.*?</script>|src="data:[^"]*"', "", text, flags=re.DOTALL).casefold().split()


def test_half_a_character_is_spelt_out(tmp_path, images):
    kinds = np.array(["a\udcff", "b"] * 6, dtype=object)
    file = write(tmp_path, images.assign(kind=("image", kinds)), title="half \udcff")
    assert column(file, "kind")["values"][0] == "a\udcff"
    assert r"<h1>half \udcff</h1>" in file.read_text("utf-8")


@pytest.mark.parametrize(
    ("values", "words"),
    [([0.0, 1.0, np.nan], ["0", "1", None]), (["b", "a", ""], ["b", "a", None]), ([True, False, False], None)],
)
def test_images_that_are_in_no_set_are_left_out_and_counted(tmp_path, images, values, words):
    words = words or ["yes", "no", "no"]
    file = write(tmp_path, images.assign(group=("image", np.array(values * 4))), by="group")
    assert data_of(file)["sets"] == words * 4
    first, second = sorted({*words} - {None})
    sizes = [4 * words.count(name) for name in (first, second)]
    text = file.read_text("utf-8")
    assert f"The image sets {first} (n = {sizes[0]}) and {second} (n = {sizes[1]}) were compared" in text
    assert ("Left out, without group: 4 of 12 images." in text) == (None in words)


def test_each_reference_stands_there_once():
    assert _once(["A.", "B. https://doi.org/1", "C.", "B.", "A."]) == ["A.", "B. https://doi.org/1", "C."]
    assert _once([MEMFEAT, RESMEM, wording.REFERENCES["needell2022"]]) == [MEMFEAT, RESMEM]


def test_a_name_with_dollar_signs_is_no_formula(tmp_path, images):
    before = matplotlib.rcParams["text.parse_math"]
    kinds = np.array(["$\\foo$", "a$b$"] * 6, dtype=object)
    text = write(tmp_path, images.assign(kind=("image", kinds)), by="kind").read_text("utf-8")
    figure = re.search(r'src="data:image/svg\+xml;base64,([^"]*)" alt="Scores of each set', text)[1]
    assert "$\\foo$" in base64.b64decode(figure).decode()
    assert matplotlib.rcParams["text.parse_math"] == before


def column(file, name):
    return next(one for one in data_of(file)["columns"] if one["name"] == name)


def test_yes_and_no_can_be_the_score(tmp_path, images):
    seen = images["hit_rate"].values > 0.6
    file = write(tmp_path, images.assign(seen=("image", seen)), score="seen")
    assert (column(file, "seen")["kind"], column(file, "seen")["values"]) == ("number", seen.astype(int).tolist())
    assert {row.split(",")[-1].strip() for row in data_of(file)["table"][1:]} == {"True", "False"}


def test_whole_numbers_are_whole_and_others_keep_nine_digits(tmp_path, images):
    whole, single = np.arange(N) + 123_456_789, np.float32(0.5) + np.arange(N, dtype=np.float32) * np.float32(2**-24)
    file = write(tmp_path, images.assign(whole=("image", whole), single=("image", single)))
    assert column(file, "whole")["values"] == whole.tolist()
    assert np.array_equal(np.array(column(file, "single")["values"], np.float32), single)


@pytest.mark.parametrize(
    "scores", [np.arange(N) % 11, np.where(np.arange(N) % 2, 0.3, 0.1 + 0.2), np.full(N, -4.0), np.r_[0:11, 1e13]]
)
def test_bars_hold_each_image_once(tmp_path, images, scores):
    bars = data_of(file := write(tmp_path, images.assign(hits=("image", scores)), score="hits"))["bars"]
    values, edges = np.array(column(file, "hits")["values"]), bars["edges"]
    upper = [*edges[1:-1], np.inf]
    assert bars["counts"] == [int(((values >= a) & (values < b)).sum()) for a, b in zip(edges[:-1], upper, strict=True)]
    assert sum(bars["counts"]) == N


def test_cells_of_any_kind_are_shown(tmp_path, images):
    cells = [1, 0, True, "x", None, 2.5, [1, 2], np.nan, "", pd.Timestamp("2026-11-29"), "__proto__", False]
    held = np.empty(N, object)
    held[:] = cells
    infinite = np.r_[np.inf, -np.inf, np.linspace(0, 1, N - 2)]
    file = write(tmp_path, images.assign(held=("image", held), infinite=("image", infinite)))
    shown = ["1", "0", "yes", "x", None, "2.5", "[1, 2]", None, None, "2026-11-29 00:00:00", "__proto__", "no"]
    assert column(file, "held")["values"] == shown
    assert column(file, "infinite")["values"][:3] == [None, None, 0]


def test_images_without_a_prediction_are_not_judged(tmp_path, images):
    images["memorability"][2:4] = np.nan
    file = write(tmp_path, images, score="hit_rate")
    assert "Predicted memorability beside hit rate, measured: 10 images that have both" in file.read_text("utf-8")
    assert set(pd.read_csv(io.StringIO(data_of(file)["tables"]["agreement"]))["n"]) == {10}


texts = st.text(max_size=12)


@settings(deadline=None)
@given(st.lists(st.tuples(texts, texts), max_size=6))
def test_rows_of_the_table_are_those_of_pandas(rows):
    frame = pd.DataFrame(rows, columns=["a,\n", 'b"'], dtype=object)
    lines = _lines(frame)
    assert "".join(lines) == frame.to_csv(index=False, lineterminator="\n")
    assert len(lines) == len(frame) + 1


@settings(deadline=None)
@given(st.recursive(texts, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4)))
def test_data_cannot_leave_its_script(data):
    text = str(_embedded(data))
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == data


@settings(deadline=None)
@given(st.lists(st.floats(0, 2), min_size=1, max_size=30))
def test_distances_keep_four_digits(values):
    array = np.array(values)
    low, high = float(array.min()), float(array.max())
    steps = np.frombuffer(base64.b64decode(_packed(np.append(array, np.nan), low, high)), "<u2")
    assert steps[-1] == NOT_A_NUMBER
    np.testing.assert_allclose(low + steps[:-1] / STEPS * (high - low), array, atol=2e-5)
