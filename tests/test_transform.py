"""New stimuli of old ones: what is kept, what changes, and whether it is the same again."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageFilter
from skimage import color

import memfeat as mf
from memfeat.errors import ArgumentError, KindError, UnknownNameError
from memfeat.images.changes import KINDS, blurred, contrasted, greyed, scrambled
from memfeat.images.colour import encoded, linear

VALUES = hnp.arrays(
    np.float64, st.tuples(st.integers(2, 9), st.integers(2, 9), st.just(3)), elements=st.floats(0, 1, width=32)
)


def scene(seed: int = 0, width: int = 60, height: int = 45) -> np.ndarray:
    """Smooth colours in a few patches, neither black nor white."""
    coarse = np.random.default_rng(seed).integers(60, 200, (5, 7, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BILINEAR))


def changed(image: np.ndarray, kind: str, **options) -> np.ndarray:
    return mf.images.transform({"a": image}, kind, **options)["pixels"].item()


# --- phase scrambling ------------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(VALUES, st.floats(0, 1), st.integers(0, 99))
def test_scrambling_keeps_the_amplitudes_and_means(values, strength, seed):
    new = scrambled(values, np.random.default_rng(seed), strength=strength)
    amplitudes = [np.abs(np.fft.fft2(x, axes=(0, 1))) for x in (values, new)]
    np.testing.assert_allclose(*amplitudes, atol=1e-9)
    np.testing.assert_allclose(new.mean(axis=(0, 1)), values.mean(axis=(0, 1)), atol=1e-12)


@pytest.mark.parametrize("shape", [(8, 6), (7, 6), (8, 5), (7, 5)])
def test_scrambling_turns_all_channels_by_the_same_angles(shape):
    values = np.random.default_rng(0).uniform(size=(*shape, 3))
    new = scrambled(values, np.random.default_rng(1), strength=0.5)
    turns = np.angle(np.fft.fft2(new, axes=(0, 1)) / np.fft.fft2(values, axes=(0, 1)))
    np.testing.assert_allclose(turns[..., 1:], turns[..., :1].repeat(2, axis=2), atol=1e-9)
    # half of the phases of white noise, but for frequencies that are their own opposites
    noise = np.angle(np.fft.fft2(np.random.default_rng(1).standard_normal(shape))) / 2
    own = np.zeros(shape, bool)
    own[np.ix_(*[[0, n // 2] if n % 2 == 0 else [0] for n in shape])] = True
    np.testing.assert_allclose(turns[..., 0], np.where(own, 0, noise), atol=1e-9)


def test_scrambling_takes_structure_away_step_by_step():
    image = scene()
    like = [np.corrcoef(image.ravel(), changed(image, "phase_scramble", strength=s).ravel())[0, 1] for s in (0, 0.3, 1)]
    assert like[0] == 1
    assert 0.6 < like[1] < 0.99
    assert abs(like[2]) < 0.5
    np.testing.assert_array_equal(changed(image, "phase_scramble", strength=0), image)


def test_the_spectrum_of_a_scrambled_photograph_is_that_of_the_original():
    image = scene(width=64, height=64)
    new = mf.images.transform({"a": image}, "phase_scramble")
    before, after = (np.abs(np.fft.fft2(x[..., 1].astype(float))) for x in (image, new["pixels"].item()))
    assert new["clipped"].item() < 0.05
    # rounding to whole levels adds noise with a deviation of √(1/12), which is √(4096 / 12) = 18 in each amplitude
    assert np.median(np.abs(after - before)) < 40
    strong = before > 2000
    assert strong.sum() > 10
    np.testing.assert_allclose(after[strong], before[strong], rtol=0.1)


def test_noise_belongs_to_the_name_and_the_seed():
    images = {"a": scene(0), "b": scene(0), "c": scene(2)}
    all_of_them = mf.images.transform(images, "phase_scramble", rng=3)["pixels"]
    alone = mf.images.transform({"b": scene(0)}, "phase_scramble", rng=3)["pixels"]
    turned = mf.images.read(images).isel(image=[2, 0, 1])
    np.testing.assert_array_equal(all_of_them.sel(image="b").item(), alone.item())
    again = mf.images.transform(turned, "phase_scramble", rng=3)
    assert again.image.values.tolist() == ["c", "a", "b"]
    np.testing.assert_array_equal(again["pixels"].sel(image="b").item(), alone.item())
    others = [
        all_of_them.sel(image="a").item(),
        mf.images.transform({"b": scene(0)}, "phase_scramble", rng=4)["pixels"].item(),
    ]
    for other in others:
        assert (other != alone.item()).mean() > 0.5
    generator = np.random.default_rng(3)
    one, two = (mf.images.transform({"b": scene(0)}, "phase_scramble", rng=generator) for _ in range(2))
    np.testing.assert_array_equal(one["pixels"].item(), alone.item())
    assert (two["pixels"].item() != alone.item()).mean() > 0.5


# --- the others ------------------------------------------------------------------------------------------------------


def test_light_and_pixel_values_are_inverse_and_agree_with_other_code():
    values = np.linspace(0, 1, 256)
    np.testing.assert_allclose(encoded(linear(values)), values, atol=1e-6)
    grey = np.repeat(values[None, :, None], 3, axis=2)
    # the weights of scikit-image add up to 1 to six digits
    np.testing.assert_allclose(linear(values), color.rgb2xyz(grey)[0, :, 1], atol=2e-6)


def test_grey_has_the_luminance_of_the_colour():
    array = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    grey = changed(array, "greyscale")
    assert (grey == grey[..., :1]).all()
    assert changed(np.full((2, 2, 3), 77, np.uint8), "greyscale").tolist() == np.full((2, 2, 3), 77).tolist()
    # 0.2126 of the light of white: 1.055 · 0.2126^(1/2.4) − 0.055 = 0.4985 of 255
    red = np.zeros((2, 2, 3), np.uint8)
    red[..., 0] = 255
    assert (changed(red, "greyscale") == 127).all()
    # half a level is at most 2.3 × 0.5 / 255 of the light of white
    light = color.rgb2xyz(array)[..., 1] - color.rgb2xyz(grey)[..., 1]
    assert np.abs(light).max() < 0.005


def test_blur_agrees_with_a_sum_over_neighbours():
    spot = np.zeros((15, 15, 3))
    spot[7, 7] = 1
    y, x = np.mgrid[-7:8, -7:8]
    bell = np.exp(-(x**2 + y**2) / (2 * 1.5**2))
    # scipy cuts the Gaussian off at four deviations
    bell[(np.abs(x) > 6) | (np.abs(y) > 6)] = 0
    np.testing.assert_allclose(blurred(spot, sigma=1.5)[..., 1], bell / bell.sum(), atol=1e-12)
    image = scene()
    inner = (slice(9, -9), slice(9, -9))
    other = np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(2)))
    assert np.abs(changed(image, "blur", sigma=2)[inner].astype(int) - other[inner]).max() <= 3


def test_contrast_is_scaled_about_the_mean_of_each_channel():
    image = np.array([[[10, 50, 200], [30, 90, 100]]], np.uint8)
    assert changed(image, "contrast", factor=0.5).tolist() == [[[15, 60, 175], [25, 80, 125]]]
    assert changed(image, "contrast", factor=1).tolist() == image.tolist()
    assert changed(image, "contrast", factor=0).tolist() == [[[20, 70, 150]] * 2]


def test_in_light_contrast_is_what_is_measured_as_contrast():
    image = {"a": scene(width=200, height=150)}
    before = mf.lowlevel.statistics(image, which=["luminance", "rms_contrast"])
    new = mf.images.transform(image, "contrast", factor=0.5, linear=True)
    after = mf.lowlevel.statistics(new, which=["luminance", "rms_contrast"])
    assert new["clipped"].item() == 0
    assert after["luminance"].item() == pytest.approx(before["luminance"].item(), rel=2e-3)
    assert after["rms_contrast"].item() == pytest.approx(before["rms_contrast"].item() / 2, rel=1e-2)


@settings(max_examples=30)
@given(VALUES, st.floats(0, 3), st.floats(0, 2))
def test_blur_and_contrast_keep_the_mean(values, sigma, factor):
    for new in (blurred(values, sigma=sigma), contrasted(values, factor=factor)):
        np.testing.assert_allclose(new.mean(axis=(0, 1)), values.mean(axis=(0, 1)), atol=1e-9)
    assert greyed(values).min() >= 0


def test_what_is_cut_off_is_counted():
    image = np.full((2, 4, 3), 100, np.uint8)
    image[:, 2:] = 200
    # the mean is 150: factor 3 gives 0 and 300
    new = mf.images.transform({"a": image}, "contrast", factor=3)
    assert new["clipped"].item() == 0.5
    assert sorted(set(new["pixels"].item().ravel().tolist())) == [0, 255]
    assert new["clipped"].attrs["units"] == "1"
    # 255.4 is rounded, not cut off
    image[:, 2:] = 200 - 2
    assert mf.images.transform({"a": image}, "contrast", factor=2.16)["clipped"].item() == 0


# --- tables ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "photos" / "in").mkdir(parents=True)
    Image.fromarray(scene(0)).save(tmp_path / "photos" / "in" / "a.jpg")
    Image.fromarray(scene(1)).save(tmp_path / "photos" / "b.png")
    (tmp_path / "photos" / "c.png").write_bytes(b"no image")
    return tmp_path


def test_the_new_table_is_one_of_images(folder):
    images = mf.images.read(folder / "photos", scores={"in/a.jpg": 0.5, "b.png": 0.7, "c.png": 0.1}, verify=False)
    images = images.assign_coords(set=("image", ["x", "y", "z"])).isel(image=[2, 0, 1])
    before = images.copy(deep=True)
    new = mf.images.transform(images, "phase_scramble", rng=5, strength=0.5)
    assert before.identical(images)
    assert new.image.values.tolist() == images.image.values.tolist() == ["in/a.jpg", "b.png", "c.png"]
    assert new["score"].values.tolist() == [0.5, 0.7, 0.1]
    assert new["set"].values.tolist() == ["z", "x", "y"]
    assert new.path.values.tolist()[:2] == ["", ""]
    assert new.status.values.tolist() == ["ok", "ok", "unreadable"]
    assert mf.images.ledger(new)["image"].tolist() == ["c.png"]
    assert np.isnan(new["clipped"].values[2])
    assert (new.width.values[:2] == 60).all()
    assert set(new.sha256.values[:2]).isdisjoint(images.sha256.values)
    assert np.asarray(mf.images.decode(new, "b.png")).shape == (45, 60, 3)
    twice = mf.images.transform(new, "blur", sigma=1)
    assert json.loads(twice.attrs["transforms"]) == [
        {"kind": "phase_scramble", "strength": 0.5, "linear": False, "seed": "5"},
        {"kind": "blur", "sigma": 1.0, "linear": False},
    ]
    assert twice["clipped"].values[:2].tolist() == [0, 0]
    np.testing.assert_array_equal(mf.lowlevel.statistics(new, which=["entropy"])["entropy"].isnull(), [0, 0, 1])


def test_new_images_are_written_as_png(folder):
    images = mf.images.read(folder / "photos", verify=False)
    new = mf.images.transform(images, "greyscale", folder=folder / "grey")
    assert sorted(p.relative_to(folder / "grey").as_posix() for p in folder.rglob("grey/**/*.png")) == [
        "b.png",
        "in/a.png",
    ]
    assert new.path.sel(image="in/a.jpg").item() == (folder / "grey" / "in" / "a.png").as_posix()
    assert "pixels" not in new
    in_memory = mf.images.transform(images, "greyscale")
    for name in ("b.png", "in/a.jpg"):
        np.testing.assert_array_equal(
            np.asarray(mf.images.decode(new, name)), in_memory["pixels"].sel(image=name).item()
        )
    with pytest.raises(ArgumentError, match=r"folder must hold none of the new files; got 2: .*Choose another folder"):
        mf.images.transform(images, "greyscale", folder=folder / "grey")
    with pytest.raises(ArgumentError, match=r"folder must hold none of the new files; got 2: .*photos/b.png"):
        mf.images.transform(images, "greyscale", folder=folder / "photos")
    with pytest.raises(ArgumentError, match="folder must hold none of the new files"):
        mf.images.transform(images, "greyscale", folder=folder / "photos" / "b.png")


def test_files_stay_inside_of_the_folder_and_apart(tmp_path):
    with pytest.raises(ArgumentError, match="images must be called like files inside of the folder; got '../a'"):
        mf.images.transform({"../a": scene()}, "greyscale", folder=tmp_path / "new")
    with pytest.raises(
        ArgumentError, match=r"images must differ in more than the ending of their names; got 1: .*a.png"
    ):
        mf.images.transform({"a.jpg": scene(), "a.png": scene()}, "greyscale", folder=tmp_path / "new")
    assert not (tmp_path / "new").exists()
    mf.images.transform({"face_0.5": scene(), "face_0.7": scene()}, "greyscale", folder=tmp_path / "new")
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == ["face_0.5.png", "face_0.7.png"]


@pytest.mark.parametrize(
    ("kind", "options", "error", "message"),
    [
        ("sharpen", {}, ArgumentError, "kind must be one of 'phase_scramble', 'greyscale', 'blur', 'contrast'"),
        ("blur", {}, KindError, "sigma must be a number from 0; got None. Pass sigma=."),
        ("blur", {"sigma": -1}, ArgumentError, "sigma must be a number from 0; got -1"),
        ("blur", {"sigma": np.inf}, ArgumentError, "sigma must be a number from 0; got inf"),
        ("contrast", {"factor": "2"}, KindError, "factor must be a number from 0; got '2'"),
        ("contrast", {"factor": True}, KindError, "factor must be a number from 0; got True"),
        ("phase_scramble", {"strength": 1.1}, ArgumentError, "strength must be a number from 0 to 1; got 1.1"),
        ("phase_scramble", {"strength": np.nan}, ArgumentError, "strength must be a number from 0 to 1; got nan"),
        ("phase_scramble", {"sigma": 1}, ArgumentError, "options must belong to 'phase_scramble'; got 1: 'sigma'"),
        ("greyscale", {"linear": True}, ArgumentError, "options must belong to 'greyscale'; .* takes none"),
        ("blur", {"sigma": 1, "linear": 1}, KindError, "linear must be True or False; got 1"),
        ("blur", {"sigm": 1}, UnknownNameError, "Did you mean 'sigma'"),
        ("phase_scramble", {"rng": None}, KindError, "rng must be a whole number"),
    ],
)
def test_what_cannot_be_done_is_refused(kind, options, error, message):
    with pytest.raises(error, match=message):
        mf.images.transform({"a": scene()}, kind, **options)


def test_every_kind_has_been_tested():
    assert list(KINDS) == ["phase_scramble", "greyscale", "blur", "contrast"]


def test_no_images_are_refused():
    table = mf.images.read({"a": scene()})
    with pytest.raises(ArgumentError, match="images must hold an image at least; got none"):
        mf.images.transform(table.isel(image=slice(0)), "greyscale")
