"""Predictions: the released network's numbers, with what to know about each."""

import json

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.stats import spearmanr
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LinearRegression
from torch import nn

import memfeat as mf
from memfeat.errors import ArgumentError, KindError
from memfeat.models import Model, preprocessing


class Brightness(nn.Module):
    """A network whose prediction is the mean of its input."""

    def forward(self, x):
        return x.mean(dim=(1, 2, 3))[:, None]


@pytest.fixture(scope="module")
def brightness() -> Model:
    plain = mf.models.wrap(Brightness(), preprocessing.SquashAndCrop(8, 8), name="brightness")
    return Model(plain.name, plain.module, plain.transform, plain.provenance, floor=0.42)


def grey(value: int, size=(300, 300)) -> Image.Image:
    return Image.new("RGB", size, (value,) * 3)


def test_one_number_per_image_by_name(brightness):
    found = mf.predict({"b": grey(255), "a": grey(0), "c": grey(102)}, model=brightness)
    assert list(found.image.values) == ["a", "b", "c"]
    np.testing.assert_allclose(found.memorability.values, [0, 1, 0.4], atol=1e-6)
    assert found.at_floor.values.tolist() == [True, False, True]
    assert found.attrs["floor"] == 0.42
    assert found.attrs["n_at_floor"] == 2
    assert found.attrs["model"] == "brightness"
    assert found.memorability.attrs["units"] == "1"


def test_the_floor_belongs_to_the_head(brightness, resmem):
    assert resmem.floor == 0.42
    without = mf.models.wrap(brightness.module, brightness.transform)
    found = mf.predict({"a": grey(0)}, model=without)
    assert not found.at_floor.values.any()
    assert "floor" not in found.attrs


@settings(max_examples=20)
@given(st.lists(st.integers(0, 255), min_size=1, max_size=12), st.integers(1, 5))
def test_scores_do_not_depend_on_order_or_batch(brightness, values, size):
    pictures = {f"{i}": grey(value) for i, value in enumerate(values)}
    forwards = mf.predict(pictures, model=brightness, batch_size=size)
    backwards = mf.predict(dict(reversed(pictures.items())), model=brightness)
    xr.testing.assert_allclose(forwards, backwards, atol=1e-6)
    for i, value in enumerate(values):
        assert forwards.memorability.sel(image=str(i)).item() == pytest.approx(value / 255, abs=1e-6)


def test_what_makes_a_number_less_trustworthy_is_said(brightness):
    pictures = {
        "a plain": grey(200),
        "b floor": grey(10),
        "c small": grey(200, (7, 12)),
        "d long": grey(200, (900, 300)),
        "e grey": Image.new("L", (300, 300), 200),
    }
    found = mf.predict(pictures, model=brightness)
    said = found.warnings.values.tolist()
    assert said[:4] == ["", "at the floor", "enlarged from 7 × 12", "squashed 3.0 : 1"]
    assert said[4] in {"mode L made RGB", ""}


def test_what_a_network_makes_of_sizes_is_not_guessed(brightness):
    other = mf.models.wrap(brightness.module, lambda image: preprocessing.SquashAndCrop(8, 8)(image))
    assert mf.predict({"a": grey(200, (7, 70))}, model=other).warnings.values.tolist() == [""]


@pytest.mark.parametrize("verify", [True, False])
def test_a_truncated_file_is_told_alike_however_the_table_was_made(brightness, tmp_path, verify):
    Image.effect_noise((64, 60), 90).convert("CMYK").save(tmp_path / "whole.jpg")
    content = (tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(content[: len(content) // 2])
    found = mf.predict(mf.images.read(tmp_path, verify=verify), model=brightness)
    assert found.status.values.tolist() == ["truncated", "ok"]
    assert found.warnings.values.tolist() == ["", "mode CMYK made RGB"]


def test_a_dataset_that_is_no_image_table_is_refused(brightness):
    with pytest.raises(KindError, match=r"images must be an image table; got a Dataset without path.*mf.images.read"):
        mf.predict(xr.Dataset(coords={"image": ["a"]}), model=brightness)


def test_unreadable_images_keep_their_row(brightness, tmp_path):
    grey(51).save(tmp_path / "good.png")
    (tmp_path / "bad.jpg").write_text("text")
    (tmp_path / "none.png").write_bytes(b"")
    found = mf.predict(tmp_path, model=brightness)
    assert list(found.image.values) == ["bad.jpg", "good.png", "none.png"]
    assert found.status.values.tolist() == ["unreadable", "ok", "empty"]
    assert all(reason for reason in found.reason.values[[0, 2]])
    assert np.isnan(found.memorability.values[[0, 2]]).all()
    assert found.memorability.values[1] == pytest.approx(0.2)
    assert not found.at_floor.values[[0, 2]].any()
    assert json.loads(found.attrs["unreadable"]) == ["bad.jpg", "none.png"]
    assert found.attrs["n_unreadable"] == 2


def test_a_file_that_goes_bad_after_reading_is_told(brightness, tmp_path):
    for name in ("a.png", "b.png", "c.png"):
        grey(51).save(tmp_path / name)
    images = mf.images.read(tmp_path, verify=False)
    (tmp_path / "b.png").unlink()
    found = mf.predict(images, model=brightness, batch_size=1)
    assert found.status.values[1] != "ok"
    np.testing.assert_allclose(found.memorability.values, [0.2, np.nan, 0.2], atol=1e-6)


def test_inputs_are_left_alone_and_results_survive_netcdf(brightness, tmp_path):
    images = mf.images.read({"a": grey(20), "b": grey(30)})
    before = images.copy(deep=True)
    found = mf.predict(images, model=brightness)
    xr.testing.assert_identical(images.drop_vars("pixels"), before.drop_vars("pixels"))
    found.to_netcdf(tmp_path / "scores.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "scores.nc", engine="h5netcdf") as back:
        xr.testing.assert_equal(back.load(), found)


def test_a_network_with_many_outputs_is_refused():
    many = mf.models.wrap(nn.Flatten(), preprocessing.SquashAndCrop(4, 4))
    with pytest.raises(ArgumentError, match="model must put out one number per image; got 48 numbers. Use mf.extract"):
        mf.predict({"a": grey(0)}, model=many)


def test_what_is_no_model_is_refused():
    with pytest.raises(KindError, match="model must be a memfeat Model; got str. Load one"):
        mf.predict({"a": grey(0)}, model="resmem")


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.full((30, 30, 3), 200.0, dtype=np.float32), "255"),
        (np.full((30, 30, 3), -1.8, dtype=np.float32), "ormalis"),
        (torch.full((3, 30, 30), 200.0), "255"),
        (torch.full((3, 30, 30), -1.8), "ormalis"),
    ],
)
def test_values_out_of_range_are_refused_with_the_remedy(brightness, pixels, message):
    with pytest.raises(ArgumentError, match=message):
        mf.predict({"a": pixels}, model=brightness)


def test_tensors_and_arrays_of_one_image_score_alike(brightness):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    tensor = torch.from_numpy(pixels).permute(2, 0, 1).float() / 255
    found = mf.predict({"array": pixels, "tensor": tensor, "image": Image.fromarray(pixels)}, model=brightness)
    assert len(set(found.memorability.values.round(6))) == 1


# --- real photographs, real network -----------------------------------------------------------------------------------


@pytest.mark.data
def test_predictions_of_real_photographs_equal_the_released_forward(lnsim, lnsim_predictions, released_scores):
    """An eighth of the 200; `make bench` compares all 800."""
    found = lnsim_predictions.memorability.sel(image=lnsim.image[::8]).values
    np.testing.assert_allclose(found, released_scores, atol=1e-6, rtol=0)


@pytest.mark.data
def test_predictions_rank_photographs_as_people_remember_them(lnsim, lnsim_predictions, record_property):
    """1,196 images of the full set gave .505 [.457, .548]; 100 of them cannot be held to that interval."""
    hits = lnsim["hit_rate"].sel(image=lnsim_predictions.image)
    rho = spearmanr(lnsim_predictions.memorability.values, hits.values).statistic
    record_property("spearman_100", float(rho))
    assert 0.3 < rho < 0.7


@pytest.fixture(scope="module")
def released_scores(lnsim, released):
    """The released package: its own preprocessing and network, image by image in its own batches."""
    scores = []
    paths = [str(path) for path in lnsim["path"].values[::8]]
    with torch.inference_mode():
        for start in range(0, len(paths), 10):
            images = [Image.open(path).convert("RGB") for path in paths[start : start + 10]]
            scores.extend(
                released.network(torch.stack([released.transformer(image) for image in images]))[:, 0].tolist()
            )
    return scores


# --- views of an image ------------------------------------------------------------------------------------------------


def gradient(rising: bool = True, side: int = 300) -> Image.Image:
    row = np.linspace(0, 255, side).astype(np.uint8)
    return Image.fromarray(np.repeat((row if rising else row[::-1])[None, :, None], 3, axis=2).repeat(side, axis=0))


@pytest.fixture(scope="module")
def cropping() -> Model:
    return mf.models.wrap(Brightness(), preprocessing.SquashAndCrop(16, 12), name="cropping")


def test_ten_views_by_hand(cropping):
    found = mf.predict({"a": gradient(), "b": grey(102)}, model=cropping, tta=True)
    plain = mf.predict({"a": gradient(), "b": grey(102)}, model=cropping)
    xr.testing.assert_identical(found["memorability"], plain["memorability"])
    assert found.sizes["view"] == 10
    square = np.asarray(gradient().resize((16, 16), Image.Resampling.BILINEAR))[:, :, 0] / 255
    views = found["tta_views"].sel(image="a")
    for place, (top, left) in {"top left": (0, 0), "bottom right": (4, 4), "bottom left": (4, 0)}.items():
        crop = square[top : top + 12, left : left + 12]
        assert views.sel(view=place).item() == pytest.approx(crop.mean(), abs=1e-6)
        mirrored = np.asarray(gradient(rising=False).resize((16, 16), Image.Resampling.BILINEAR))[:, :, 0] / 255
        crop = mirrored[top : top + 12, left : left + 12]
        assert views.sel(view=f"{place}, mirrored").item() == pytest.approx(crop.mean(), abs=1e-6)
    assert views.sel(view="as trained").item() == plain["memorability"].sel(image="a").item()
    np.testing.assert_allclose(found["tta_mean"], found["tta_views"].mean("view"))
    np.testing.assert_allclose(found["tta_sd"], found["tta_views"].std("view", ddof=1), atol=1e-12)
    assert found["tta_sd"].sel(image="b").item() == pytest.approx(0, abs=1e-7)
    assert found["tta_sd"].sel(image="a").item() > 0.01
    assert found.attrs["tta_n_views"] == 10
    assert found.attrs["tta_preprocessing"][0] == "as trained: SquashAndCrop(resize=16, crop=12)"


def test_views_that_would_be_alike_are_not_shown_twice(brightness):
    found = mf.predict({"a": gradient()}, model=brightness, tta=True)
    assert found["view"].values.tolist() == ["as trained", "centre, mirrored"]


def test_views_of_ones_own_and_unreadable_images(tmp_path):
    other = mf.models.wrap(Brightness(), lambda image: preprocessing.SquashAndCrop(8, 8)(image))
    darker = lambda image: preprocessing.SquashAndCrop(8, 8)(image) / 2  # noqa: E731
    (tmp_path / "torn.jpg").write_text("no image")
    grey(204).save(tmp_path / "good.png")
    found = mf.predict(tmp_path, model=other, tta={"darker": darker})
    np.testing.assert_allclose(found["tta_views"].sel(image="good.png"), [0.8, 0.4], atol=1e-6)
    assert found["tta_sd"].isnull().values.tolist() == [False, True]
    with pytest.raises(ArgumentError, match="tta must suit the network's preprocessing; got .*Name the views yourself"):
        mf.predict({"a": grey(0)}, model=other, tta=True)
    with pytest.raises(ArgumentError, match="tta must hold other views"):
        mf.predict({"a": grey(0)}, model=other, tta={})
    with pytest.raises(KindError, match=r"tta\['x'\] must be callable; got int"):
        mf.predict({"a": grey(0)}, model=other, tta={"x": 3})
    with pytest.raises(KindError, match="tta must be True, False or a mapping; got int"):
        mf.predict({"a": grey(0)}, model=other, tta=10)


def test_views_survive_netcdf(cropping, tmp_path):
    found = mf.predict({"a": gradient(), "b": grey(102)}, model=cropping, tta=True)
    found.to_netcdf(tmp_path / "scores.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "scores.nc", engine="h5netcdf") as back:
        xr.testing.assert_equal(back.load(), found)


@pytest.mark.data
def test_a_mirrored_photograph_moves_resmem_by_as_much_as_was_measured(lnsim, lnsim_predictions, resmem):
    """On 20 photographs a flip moved predictions by .031 on average, at most .074; crops spread by .023."""
    few = lnsim.isel(image=slice(0, 200, 50))
    found = mf.predict(few, model=resmem, tta=True)
    same = lnsim_predictions["memorability"].sel(image=few["image"].values)
    np.testing.assert_allclose(found["memorability"], same, atol=1e-6)
    assert 0.005 < float(found["tta_sd"].mean()) < 0.06
    flipped = found["tta_views"].sel(view="centre, mirrored") - found["memorability"]
    assert 0.005 < float(np.abs(flipped).mean()) < 0.08


# --- recalibration ----------------------------------------------------------------------------------------------------


def named(values, name="score"):
    names = np.array([f"{i:03d}.jpg" for i in range(len(values))], dtype=object)
    return xr.DataArray(np.asarray(values), dims="image", coords={"image": names}, name=name)


def pairs(n=80, seed=0):
    rng = np.random.default_rng(seed)
    prediction = rng.uniform(0.42, 0.95, n)
    return named(prediction, "memorability"), named(0.3 + 0.6 * prediction + 0.05 * rng.standard_normal(n), "hit_rate")


@pytest.mark.parametrize("method", ["linear", "isotonic"])
def test_recalibration_agrees_with_sklearn_fold_by_fold(method):
    prediction, score = pairs()
    result = mf.prediction.recalibrate(prediction, score, method=method, n_folds=4, rng=3)
    fold, x, y = result["fold"].values, prediction.values, score.values
    assert sorted(np.bincount(fold)) == [20] * 4
    for k in range(4):
        train, test = fold != k, fold == k
        if method == "linear":
            fitted = LinearRegression().fit(x[train, None], y[train])
            wanted = fitted.predict(x[test, None])
            assert result["slope"].values[k] == pytest.approx(fitted.coef_[0])
            assert result["intercept"].values[k] == pytest.approx(fitted.intercept_)
        else:
            wanted = IsotonicRegression(out_of_bounds="clip").fit(x[train], y[train]).predict(x[test])
        np.testing.assert_allclose(result["recalibrated"].values[test], wanted, atol=1e-12)
    everything = (
        LinearRegression().fit(x[:, None], y).predict(np.array([[0.1], [0.5], [1.2]]))
        if method == "linear"
        else IsotonicRegression(out_of_bounds="clip").fit(x, y).predict([0.1, 0.5, 1.2])
    )
    new = mf.prediction.rescale(named([0.1, 0.5, 1.2, np.nan]), result)
    np.testing.assert_allclose(new.values, [*everything, np.nan], atol=1e-12)
    assert new.attrs["method"] == method


@settings(max_examples=20)
@given(st.integers(0, 500), st.integers(0, 79), st.sampled_from(["linear", "isotonic"]))
def test_no_image_has_a_say_in_its_own_value(seed, which, method):
    prediction, score = pairs(seed=seed)
    changed = score.copy()
    changed[which] = 50.0
    one, two = (mf.prediction.recalibrate(prediction, y, method=method, rng=seed) for y in (score, changed))
    together = one["fold"].values == one["fold"].values[which]
    np.testing.assert_array_equal(one["recalibrated"].values[together], two["recalibrated"].values[together])
    assert (one["recalibrated"].values[~together] != two["recalibrated"].values[~together]).any()


def test_blocks_are_held_out_as_a_whole_and_order_does_not_matter():
    prediction, score = pairs(60)
    blocks = named(np.repeat([f"scene {i}" for i in range(12)], 5), "scene")
    result = mf.prediction.recalibrate(prediction, score, n_folds=4, blocks=blocks, rng=1)
    assert all(len(set(fold)) == 1 for fold in result["fold"].values.reshape(12, 5))
    assert result.attrs["blocks"] == "scene"
    turned = mf.prediction.recalibrate(prediction[::-1], score, n_folds=4, blocks=blocks, rng=1)
    assert turned["image"].values.tolist() == prediction["image"].values[::-1].tolist()
    xr.testing.assert_identical(turned.sel(image=result["image"].values), result)
    with pytest.raises(ArgumentError, match=r"n_folds must be at most the number of blocks \(12\); got 13"):
        mf.prediction.recalibrate(prediction, score, n_folds=13, blocks=blocks)


def test_a_calibration_survives_a_file_and_inputs_are_left_alone(tmp_path):
    prediction, score = pairs()
    before = prediction.copy(deep=True), score.copy(deep=True)
    memory = prediction.to_dataset().assign_attrs(model="resmem", weights_sha256="ab")
    learned = mf.prediction.recalibrate(memory, score, method="isotonic")
    xr.testing.assert_identical(prediction, before[0])
    xr.testing.assert_identical(score, before[1])
    assert (learned.attrs["model"], learned.attrs["scores"], learned.attrs["n"]) == ("resmem", "hit_rate", 80)
    learned.to_netcdf(tmp_path / "learned.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "learned.nc", engine="h5netcdf") as back:
        xr.testing.assert_equal(
            mf.prediction.rescale(prediction, back.load()), mf.prediction.rescale(prediction, learned)
        )


def test_a_negative_relation_and_a_flat_predictor_give_one_value():
    prediction, score = pairs()
    against = mf.prediction.recalibrate(prediction, 1 - score, method="isotonic")
    for k in range(10):
        held_out = against["fold"].values == k
        np.testing.assert_allclose(against["recalibrated"][held_out], (1 - score.values)[~held_out].mean())
    flat = mf.prediction.recalibrate(named(np.full(80, 0.5)), score, n_folds=2)
    for k in range(2):
        held_out = flat["fold"].values == k
        np.testing.assert_allclose(flat["recalibrated"][held_out], score.values[~held_out].mean())


@pytest.mark.parametrize("value", [0.1, 0.7, 1 / 3])
def test_a_flat_predictor_whose_mean_is_rounded_gives_the_mean_score(value):
    _, score = pairs()
    flat = mf.prediction.recalibrate(named(np.full(80, value)), score, n_folds=3)
    for k in range(3):
        held_out = flat["fold"].values == k
        np.testing.assert_allclose(flat["recalibrated"][held_out], score.values[~held_out].mean())


def test_images_without_a_prediction_are_left_out_of_a_calibration_and_counted():
    prediction, score = pairs()
    status = np.array(["truncated", *["ok"] * 79], dtype=object)
    memory = xr.Dataset({"memorability": prediction.where(status == "ok"), "status": ("image", status)})
    scene = score.copy(data=np.arange(80) // 2)
    for scores in (score, score.to_series()):
        learned = mf.prediction.recalibrate(memory, scores)
        xr.testing.assert_equal(learned, mf.prediction.recalibrate(prediction[1:], score[1:]))
        assert (learned.attrs["n"], learned.attrs["n_left_out"]) == (79, 1)
    grouped = mf.prediction.recalibrate(memory, score, blocks=scene)
    xr.testing.assert_equal(grouped, mf.prediction.recalibrate(prediction[1:], score[1:], blocks=scene[1:]))


def test_a_column_that_was_taken_out_says_whose_it_is(resmem):
    memory = mf.predict({"a": grey(20), "b": grey(30)}, model=resmem)
    column = memory["memorability"]
    assert column.attrs["floor"] == memory.attrs["floor"] == 0.42
    assert column.attrs["head"] == memory.attrs["head"]
    prediction, score = pairs()
    own = prediction.assign_attrs(model="resmem-frozen", head="ridge on fc, fitted to 9 images", weights_sha256="ab")
    learned = mf.prediction.recalibrate(own, score)["recalibrated"]
    assert {key: learned.attrs[key] for key in ("model", "head", "weights_sha256")} == {
        key: own.attrs[key] for key in ("model", "head", "weights_sha256")
    }
    assert "floor" not in learned.attrs


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"method": "spline"}, ArgumentError, "method must be one of 'linear', 'isotonic'; got 'spline'"),
        ({"n_folds": 1}, ArgumentError, "n_folds must be at least 2"),
        ({"n_folds": 81}, ArgumentError, r"n_folds must be at most the number of images \(80\); got 81"),
        ({"scores": pairs()[1][:70]}, ArgumentError, "hold the same images"),
        ({"predictions": xr.Dataset({"vitmem": pairs()[0]})}, ArgumentError, "predictions must hold memorability"),
    ],
)
def test_what_cannot_be_recalibrated_is_refused(change, error, match):
    given = dict(zip(("predictions", "scores"), pairs(), strict=True)) | change
    with pytest.raises(error, match=match):
        mf.prediction.recalibrate(given.pop("predictions"), given.pop("scores"), **given)


def test_what_is_no_calibration_is_refused():
    with pytest.raises(ArgumentError, match="calibration must be what mf.prediction.recalibrate gave; got dict"):
        mf.prediction.rescale(pairs()[0], {})
