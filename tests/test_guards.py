"""Guards: who is cautioned, how often, where the warning points, and how it is taken back."""

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import random_pictures, reused

import memfeat as mf
from memfeat import gram, guards
from memfeat.cli import main
from memfeat.errors import ArgumentError, CircularWarning, FacesWarning, KindError, RetrainedWarning
from memfeat.report import page

RETRAINED = {"model": "resmem", "variant": "retrained", "weights_sha256": "8e4b"}
RELEASED = {"model": "resmem-frozen", "variant": "frozen", "backbone": "released", "weights_sha256": "aaaa"}
IMAGENET = {"model": "resmem-frozen", "variant": "frozen", "backbone": "imagenet", "weights_sha256": "bbbb"}
RANDOM = {"model": "resmem-frozen", "variant": "frozen", "backbone": "random", "weights_sha256": "cccc"}
OTHER = {"model": "resnet50", "variant": "published", "weights_sha256": "dddd"}
NAMES = [f"{i:02d}.jpg" for i in range(12)]
ROOT = Path(__file__).parents[1]
#: What is known of faces, and no more: the figure was not measured here, nor read in the paper.
ON_FACES = (
    "authors caution against using it for faces as it is: a rank correlation of about .2 on faces is quoted from their "
    "release notes."
)
QUICK = {"n_permutations": 9, "n_bootstraps": 9}


def features_of(network, layers=("low", "mid", "high"), seed=0):
    rng = np.random.default_rng(seed)
    values = {name: (("image", f"{name}:unit"), rng.normal(size=(len(NAMES), 5))) for name in layers}
    return xr.Dataset(values, coords={"image": NAMES}, attrs=network)


def scores_of(network, name="memorability", seed=1):
    values = np.random.default_rng(seed).random(len(NAMES))
    return xr.DataArray(values, dims="image", coords={"image": NAMES}, name=name, attrs=network)


def pictures_of(n=2):
    return {f"{i}.png": np.full((40, 40, 3), 90 + 20 * i, np.uint8) for i in range(n)}


# --- the retrained feature space --------------------------------------------------------------------------------------

ANALYSES = {
    "rdm.compute": mf.rdm.compute,
    "gram.compute": gram.compute,
    "reduction.embed": lambda features: mf.reduction.embed(features["low"].assign_attrs(features.attrs)),
    "regression.decode": lambda features: mf.regression.decode(features, scores_of({}, "hit_rate"), **QUICK),
}
every_analysis = pytest.mark.parametrize("analysis", ANALYSES.values(), ids=ANALYSES)


@every_analysis
def test_the_retrained_feature_space_is_cautioned_against_once_per_call_at_the_user_s_line(analysis):
    with pytest.warns(RetrainedWarning, match="its authors released it to predict, and not for feature-space") as seen:
        result = analysis(features_of(RETRAINED))
    assert len(seen) == 1
    assert seen[0].filename == __file__
    assert result.attrs["cautions"] == "retrained"
    assert "allowed" not in result.attrs


@every_analysis
@pytest.mark.parametrize("network", [RELEASED, IMAGENET, OTHER, {}], ids=["released", "imagenet", "other", "unknown"])
def test_other_feature_spaces_are_not_cautioned_against(analysis, network):
    assert "cautions" not in analysis(features_of(network)).attrs


@every_analysis
def test_what_is_meant_is_said_once_and_kept_by_the_result(analysis):
    meant = mf.guards.allow(features_of(RETRAINED), "retrained", because="we study the retrained network")
    result = analysis(meant)
    assert result.attrs["cautions"] == "retrained"
    assert json.loads(result.attrs["allowed"]) == {"retrained": "we study the retrained network"}


def test_drift_may_look_at_the_retrained_network():
    result = mf.drift.compare(features_of(IMAGENET), features_of(RETRAINED), n_bootstraps=0)
    assert result.attrs["second_variant"] == "retrained"


def test_a_layer_that_was_taken_out_still_says_where_it_came_from(tmp_path):
    for store in (None, tmp_path / "f.zarr"):
        features = mf.extract(random_pictures(3), model=reused(), layers="conv1", store=store)
        assert features["conv1"].attrs["weights_sha256"] == features.attrs["weights_sha256"]
        assert features["conv1"].attrs["variant"] == "user"


# --- circles ----------------------------------------------------------------------------------------------------------


def decoded(features, scores):
    return mf.regression.decode(features, scores, **QUICK)


def compared(features, scores):
    return mf.rsa.compare(mf.rdm.compute(features), mf.rdm.from_scores(scores), **QUICK)


def turned_round(features, scores):
    rdms = mf.rdm.compute(features)
    return mf.rsa.compare(mf.rdm.from_scores(scores), rdms.sel(layer=["low"]), **QUICK)


def drifted(features, scores):
    return mf.drift.compare(features_of({}), features, scores, n_bootstraps=0)


MEETINGS = {"decode": decoded, "rsa": compared, "rsa, turned round": turned_round, "drift": drifted}
every_meeting = pytest.mark.parametrize("meet", MEETINGS.values(), ids=MEETINGS)


@every_meeting
@pytest.mark.parametrize(
    ("network", "predictor", "said"),
    [
        (OTHER, OTHER, "come from the same network, 'resnet50'"),
        (IMAGENET, IMAGENET, "come from the same network, 'resmem-frozen'"),
        (RELEASED, RETRAINED, "networks with the same weights in their trunks, 'released'"),
        (IMAGENET, IMAGENET | {"weights_sha256": "its own head"}, "the same weights in their trunks, 'imagenet'"),
        (OTHER, OTHER | {"weights_sha256": "with a readout", "trunk_sha256": "dddd"}, "the same network, 'resnet50'"),
    ],
)
def test_features_and_scores_of_one_network_are_a_circle(meet, network, predictor, said):
    with pytest.warns(CircularWarning, match=said) as seen:
        result = meet(features_of(network), scores_of(predictor))
    assert [warning.filename for warning in seen] == [__file__]
    assert result.attrs["cautions"] == "circular"
    assert result.attrs["scores_weights_sha256"] == predictor["weights_sha256"]


@every_meeting
@pytest.mark.parametrize(
    ("network", "predictor"),
    [(IMAGENET, RETRAINED), (OTHER, RETRAINED), (RANDOM, RANDOM | {"weights_sha256": "another seed"}), (OTHER, {})],
    ids=["imagenet", "torchvision", "two seeds", "measured"],
)
def test_features_and_scores_of_two_networks_are_none(meet, network, predictor):
    result = meet(features_of(network), scores_of(predictor))
    assert "cautions" not in result.attrs
    assert result.attrs.get("scores_model") == predictor.get("model")


@every_meeting
def test_a_circle_that_is_meant_is_said_and_kept(meet):
    meant = mf.guards.allow(features_of(RELEASED), "circular", because="a demonstration")
    result = meet(meant, scores_of(RETRAINED))
    assert result.attrs["cautions"] == "circular"
    kept = {key: value for key, value in result.attrs.items() if key.endswith("allowed")}
    assert json.loads(next(iter(kept.values()))) == {"circular": "a demonstration"}


@pytest.mark.parametrize("meet", [decoded, compared, turned_round])
def test_a_circle_may_be_meant_on_the_side_of_the_scores(meet):
    meant = mf.guards.allow(scores_of(RETRAINED), "circular", because="a demonstration")
    result = meet(features_of(RELEASED), meant)
    assert result.attrs["cautions"] == "circular"
    assert json.loads(result.attrs["allowed"]) == {"circular": "a demonstration"}


def test_rdms_against_rdms_of_the_same_network_are_no_circle():
    rdms = mf.rdm.compute(features_of(OTHER))
    assert "cautions" not in mf.rsa.compare(rdms, rdms.sel(layer=["low"]), **QUICK).attrs


def test_both_cautions_of_one_call_are_given_and_kept():
    with pytest.warns() as seen:
        result = decoded(features_of(RETRAINED), scores_of(RETRAINED))
    assert sorted(warning.category.__name__ for warning in seen) == ["CircularWarning", "RetrainedWarning"]
    assert result.attrs["cautions"] == "circular, retrained"


def test_the_caution_of_an_early_stage_stays_with_the_late_one():
    with pytest.warns(RetrainedWarning):
        rdms = mf.rdm.compute(features_of(RETRAINED))
    result = mf.rsa.compare(rdms, mf.rdm.from_scores(scores_of({}, "hit_rate")), **QUICK)
    assert result.attrs["cautions"] == "retrained"
    with pytest.warns(CircularWarning):
        result = mf.rsa.compare(rdms, mf.rdm.from_scores(scores_of(RETRAINED)), **QUICK)
    assert result.attrs["cautions"] == "circular, retrained"


def test_python_s_own_filter_silences_one_caution_and_the_result_still_says_it():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RetrainedWarning)
        result = mf.rdm.compute(features_of(RETRAINED))
    assert result.attrs["cautions"] == "retrained"
    assert "allowed" not in result.attrs


@given(st.text(max_size=3), st.text(max_size=3))
@settings(max_examples=40)
def test_known_weights_are_a_circle_if_and_only_if_they_are_equal(first, second):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        facts = guards.related({"weights_sha256": first}, {"scores_weights_sha256": second}, "features")
    assert len(seen) == (1 if first and first == second else 0)
    assert ("cautions" in facts) is bool(seen)


# --- from prediction to the stage that relates ------------------------------------------------------------------------


def small_features(names, network):
    values = np.random.default_rng(0).normal(size=(len(names), 4))
    return xr.Dataset({"fc": (("image", "fc:unit"), values)}, coords={"image": list(names)}, attrs=network)


def test_predictions_carry_their_network_through_the_table_to_decoding_and_rsa(resmem):
    pictures = pictures_of(6)
    memory = mf.predict(pictures, model=resmem, progress=False)
    images = mf.images.read(pictures, progress=False).assign(predicted=memory["memorability"])
    features = small_features(pictures, RELEASED)
    with pytest.warns(CircularWarning, match="same weights in their trunks"):
        result = mf.regression.decode(features, images["predicted"], folds=2, **QUICK)
    assert result.attrs["scores_weights_sha256"] == resmem.provenance["weights_sha256"]
    ref = mf.rdm.from_scores(memory["memorability"])
    assert "weights_sha256" not in ref.attrs
    with pytest.warns(CircularWarning, match="same network, 'resmem'"):
        mf.rsa.compare(mf.rdm.compute(small_features(pictures, OTHER)).assign_attrs(resmem.provenance), ref, **QUICK)


@pytest.fixture
def table(tmp_path):
    """A table of predictions as the command line writes it, beside photographs, and a store of features."""
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    from PIL import Image

    for name in NAMES:
        Image.fromarray(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(tmp_path / "photos" / name)
    frame = pd.DataFrame({"image": NAMES, "memorability": rng.random(12), "hit_rate": rng.random(12)})
    frame.to_csv(tmp_path / "memory.csv", index=False)
    said = {"memfeat_version": "0.1.0", "at": 1} | RETRAINED
    (tmp_path / "memory.csv.json").write_text(json.dumps(said))
    features = features_of(RELEASED).assign_coords(image=np.array(NAMES, dtype=object))
    features.to_zarr(tmp_path / "features.zarr", zarr_format=2)
    return tmp_path / "memory.csv"


def test_a_table_of_predictions_says_which_network_it_is_from(table):
    images = mf.images.read(table.parent / "photos", scores=table, progress=False)
    assert images["memorability"].attrs == RETRAINED
    assert images["hit_rate"].attrs == {}
    (table.parent / "memory.csv.json").write_text("[1]")
    assert mf.images.read(table.parent / "photos", scores=table, progress=False)["memorability"].attrs == {}


@pytest.mark.parametrize("verb", ["rsa", "decode"])
def test_the_command_line_cautions_too(table, verb):
    folder = table.parent
    words = [verb, str(folder / "features.zarr"), "--scores", str(table), "--permutations", "9"]
    out = ["-o", str(folder / "result.csv")]
    done = CliRunner().invoke(main, [*words, "--column", "memorability", *out])
    assert done.exit_code == 0, done.output
    assert done.stderr.count("Circular: features and scores come from networks with the same weights") == 1
    assert "those of --model resmem-frozen --backbone imagenet." in done.stderr
    assert "mf." not in done.stderr
    assert json.loads((folder / "result.csv.json").read_text())["cautions"] == "circular"
    for more in (["--column", "memorability", "--quiet"], ["--column", "hit_rate"]):
        done = CliRunner().invoke(main, [*words, *more, *out])
        assert done.exit_code == 0, done.output
        assert "Circular" not in done.stderr


# --- faces ------------------------------------------------------------------------------------------------------------


def test_declared_faces_are_cautioned_against_with_the_authors_words(resmem):
    images = mf.images.read(pictures_of(), progress=False).assign(contents=("image", ["face", "a street"]))
    with pytest.warns(FacesWarning, match="1 of 2 images are declared as faces. ResMem's authors caution") as seen:
        memory = mf.predict(images, model=resmem, progress=False)
    assert [warning.filename for warning in seen] == [__file__]
    assert ON_FACES in str(seen[0].message)
    assert memory.attrs["cautions"] == "faces"


def test_the_same_is_said_about_faces_in_docstrings_and_reports():
    assert ON_FACES in guards.CAUTIONS["faces"].text
    assert ON_FACES in " ".join(mf.predict.__doc__.split())
    assert ON_FACES in " ".join(page.CAUTIONS)


@pytest.mark.skipif(not (ROOT / "docs").exists(), reason="needs the source tree")
@pytest.mark.parametrize("place", ["README.md", "docs/purpose.md", "docs/drift.md"])
def test_the_same_is_said_about_faces_on_every_page(place):
    assert ON_FACES in " ".join((ROOT / place).read_text().split())


@pytest.mark.parametrize(
    ("contents", "network", "count"),
    [
        (xr.DataArray("Faces"), RETRAINED, 3),
        (xr.DataArray(["face", " FACE ", "cat"], dims="image"), IMAGENET, 2),
        (xr.DataArray("scenes"), RETRAINED, 0),
        (xr.DataArray("faces"), OTHER, 0),
        (xr.DataArray("faces"), IMAGENET | {"head": "ridge on features.avgpool"}, 0),
        (xr.DataArray("faces"), IMAGENET | {"head": "the released ResMem's"}, 3),
        (None, RETRAINED, 0),
    ],
)
def test_faces_are_counted_where_they_are_declared_and_resmem_predicts(contents, network, count):
    images = xr.Dataset(coords={"image": ["a", "b", "c"]})
    images = images if contents is None else images.assign(contents=contents)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        facts = guards.faces(images, network)
    assert [str(one.message).split(" are")[0] for one in seen] == ([f"{count} of 3 images"] if count else [])
    assert facts == ({"cautions": "faces"} if count else {})


def test_faces_that_are_meant_stay_silent():
    images = xr.Dataset(coords={"image": ["a", "b"]}).assign(contents="faces")
    facts = guards.faces(mf.guards.allow(images, "faces", because="we show that it fails"), RETRAINED)
    assert facts == {"cautions": "faces", "allowed": '{"faces": "we show that it fails"}'}


# --- taking cautions back ---------------------------------------------------------------------------------------------


def test_allowing_adds_up_reaches_each_layer_and_changes_no_input():
    features = features_of(RETRAINED)
    before = features.copy(deep=True)
    meant = mf.guards.allow(mf.guards.allow(features, "retrained", because="one"), "circular", because="two")
    xr.testing.assert_identical(features, before)
    assert json.loads(meant.attrs["allowed"]) == {"circular": "two", "retrained": "one"}
    assert meant["low"].attrs["allowed"] == meant.attrs["allowed"]
    assert meant.attrs["weights_sha256"] == "8e4b"
    xr.testing.assert_equal(meant, features)
    both = mf.guards.allow(features, "circular", "retrained", because="  three ")
    assert json.loads(both.attrs["allowed"]) == {"circular": "three", "retrained": "three"}


def test_what_was_allowed_survives_a_file(tmp_path):
    meant = mf.guards.allow(features_of(RETRAINED), "retrained", because="wir wissen, was wir tun – ja")
    meant.to_netcdf(tmp_path / "f.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "f.nc", engine="h5netcdf") as again:
        result = mf.rdm.compute(again)
    result.to_netcdf(tmp_path / "r.nc", engine="h5netcdf")
    assert json.loads(result.attrs["allowed"]) == {"retrained": "wir wissen, was wir tun – ja"}


@pytest.mark.parametrize(
    ("arguments", "because", "error", "message"),
    [
        ((features_of({}), "circle"), "x", ArgumentError, "cautions must be one of 'circular', 'retrained', 'faces'"),
        ((features_of({}),), "x", ArgumentError, "cautions must name at least one; got none"),
        ((features_of({}), "faces"), " ", ArgumentError, "because must say why; got ' '. Write a sentence"),
        ((np.zeros(3), "faces"), "x", KindError, "data must be an xarray Dataset or DataArray; got ndarray"),
    ],
)
def test_what_cannot_be_allowed_is_refused(arguments, because, error, message):
    with pytest.raises(error, match=message):
        mf.guards.allow(*arguments, because=because)


@pytest.mark.parametrize("name", guards.CAUTIONS)
def test_every_warning_says_how_to_take_it_back(name):
    attrs = {"variant": "retrained", "weights_sha256": "a"}
    images = xr.Dataset(coords={"image": ["a"]}).assign(contents="faces")
    call = {
        "circular": lambda: guards.related(attrs, {"scores_weights_sha256": "a"}, "features"),
        "retrained": lambda: guards.analysis(xr.Dataset(attrs=attrs)),
        "faces": lambda: guards.faces(images, attrs),
    }[name]
    remedy = rf"If it is meant, say why: (\w+) = mf.guards.allow\(\1, '{name}', because='…'\)\.$"
    with pytest.warns(guards.CAUTIONS[name].category, match=remedy):
        call()
