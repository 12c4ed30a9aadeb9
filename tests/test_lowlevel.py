"""Low-level statistics and GIST: values by hand, other people's code, and what must not change them."""

import colorsys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from skimage import color, filters

import memfeat as mf
from memfeat.errors import ArgumentError, KindError, MemfeatWarning, NoImageError, UnknownNameError
from memfeat.lowlevel import energies, structure
from memfeat.lowlevel.colours import colourfulness, entropy, luminance, rms_contrast, saturation
from memfeat.lowlevel.measuring import STATISTICS, measured
from memfeat.lowlevel.seeing import PIXELS, Seen, seen

PIXEL = hnp.arrays(np.uint8, st.tuples(st.integers(2, 12), st.integers(2, 12), st.just(3)))


def picture(array: np.ndarray) -> Seen:
    return seen(Image.fromarray(array))


def even(*rgb: int, side: int = 64) -> Image.Image:
    return Image.new("RGB", (side, side), rgb)


def halves() -> np.ndarray:
    """Black at the left, white at the right."""
    array = np.zeros((256, 256, 3), np.uint8)
    array[:, 128:] = 255
    return array


def random(seed: int = 0, height: int = 40, width: int = 50) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def fractal(exponent: float, seed: int, side: int = 256) -> np.ndarray:
    """Noise whose amplitudes fall with frequency to the power of -exponent, from 0 to 1."""
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side))
    frequency[0, 0] = 1
    spectrum = np.fft.fft2(np.random.default_rng(seed).normal(size=(side, side)))
    noise = np.fft.ifft2(spectrum / frequency**exponent).real
    return (noise - noise.min()) / np.ptp(noise)


# --- by hand ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("luminance", 0.2126),
        ("rms_contrast", 0),
        ("saturation", 1),
        # no spread; red-green 255, yellow-blue 127.5
        ("colourfulness", 0.3 * np.sqrt(255**2 + 127.5**2)),
        ("edge_density", 0),
        ("spectral_slope", np.nan),
        ("entropy", 0),
        ("aspect_ratio", 1),
    ],
)
def test_statistics_of_plain_red(name, expected):
    np.testing.assert_allclose(measured(even(255, 0, 0), [name]), [expected], atol=1e-12)


def test_statistics_of_a_picture_that_is_half_black_and_half_white():
    found = dict(zip(STATISTICS, measured(Image.fromarray(halves()), STATISTICS), strict=True))
    assert found["luminance"] == pytest.approx(0.5, abs=1e-12)
    assert found["rms_contrast"] == pytest.approx(0.5, abs=1e-12)
    assert found["saturation"] == found["colourfulness"] == 0
    assert found["entropy"] == 1
    # the two columns at which black and white meet
    assert found["edge_density"] == 2 / 256


def test_middle_grey_has_a_fifth_of_the_light_of_white():
    # ((128 / 255 + 0.055) / 1.055) ** 2.4
    assert measured(even(128, 128, 128), ["luminance"])[0] == pytest.approx(0.21586, abs=1e-5)


def test_the_aspect_ratio_is_that_of_the_file():
    assert measured(Image.new("RGB", (900, 600)), ["aspect_ratio"]) == [1.5]


def test_an_edge_is_a_change_of_more_than_a_twentieth_per_pixel():
    for rise, share in ((12, 0.0), (13, 1.0)):
        ramp = np.repeat(np.arange(16, dtype=np.uint8)[None, :, None] * rise, 8, axis=0).repeat(3, axis=2)
        inner = picture(ramp).luma
        # 12 / 255 is below 0.05 and 13 / 255 above; the first and last columns rise over half as much
        assert structure.edge_density(Seen(None, None, inner, None, (0, 0))) == share * 14 / 16


# --- independent code ------------------------------------------------------------------------------------------------


def test_colours_agree_with_other_code():
    array = random()
    seen_as = picture(array)
    light = color.rgb2xyz(array)[..., 1]
    # scikit-image keeps six digits of its matrix
    np.testing.assert_allclose(luminance(seen_as), light.mean(), rtol=1e-4)
    np.testing.assert_allclose(rms_contrast(seen_as), light.std(), rtol=1e-4)
    plain = [colorsys.rgb_to_hsv(*(pixel / 255))[1] for pixel in array.reshape(-1, 3)]
    np.testing.assert_allclose(saturation(seen_as), np.mean(plain), rtol=1e-12)
    rg, yb = [], []
    for r, g, b in array.reshape(-1, 3).astype(float):
        rg.append(r - g)
        yb.append(0.5 * (r + g) - b)
    spread, mean = np.sqrt(np.var(rg) + np.var(yb)), np.sqrt(np.mean(rg) ** 2 + np.mean(yb) ** 2)
    np.testing.assert_allclose(colourfulness(seen_as), spread + 0.3 * mean, rtol=1e-12)
    luma = np.rint(array @ [0.2126, 0.7152, 0.0722]).astype(int)
    np.testing.assert_allclose(entropy(seen_as), scipy.stats.entropy(np.bincount(luma.ravel()), base=2), rtol=1e-12)


def test_edges_agree_with_other_code():
    luma = scipy.ndimage.gaussian_filter(random(3)[..., 0] / 255, 1)
    # scikit-image divides by 4 instead of 8, and the sum of squares by 2
    gradient = filters.sobel(luma, mode="nearest") * np.sqrt(2) / 2
    found = structure.edge_density(Seen(None, None, luma, None, (0, 0)))
    assert found == (gradient > 0.05).mean()
    assert 0.1 < found < 0.9


def test_the_size_as_jpeg_is_that_of_a_file(tmp_path):
    array = random(height=64, width=48)
    Image.fromarray(array).save(tmp_path / "a.jpg", quality=75)
    assert structure.jpeg_size(picture(array)) == (tmp_path / "a.jpg").stat().st_size / (64 * 48)


def test_the_slope_agrees_with_a_plain_loop_over_rings():
    luma = fractal(1, 5, side=48)[:40]
    height, width = luma.shape
    window = np.outer(np.hanning(height), np.hanning(width))
    power = np.abs(np.fft.fft2((luma - (luma * window).sum() / window.sum()) * window)) ** 2
    points = []
    edges = [4 / 40 * (0.4 / (4 / 40)) ** (i / 16) for i in range(17)]
    for low, high in pairwise(edges):
        ring = []
        for y in range(height):
            for x in range(width):
                f = np.hypot(min(y, height - y) / height, min(x, width - x) / width)
                if low <= f < high:
                    ring.append((np.log(f), power[y, x]))
        if ring:
            logs, powers = zip(*ring, strict=True)
            points.append((np.mean(logs), 0.5 * np.log(np.mean(powers))))
    slope = scipy.stats.linregress(*zip(*points, strict=True)).slope
    assert structure.spectral_slope(Seen(None, None, luma, None, (0, 0))) == pytest.approx(slope, abs=1e-8)


@pytest.mark.parametrize("exponent", [0, 0.5, 1, 1.5, 2])
def test_a_planted_spectral_slope_is_found(exponent):
    slopes = [structure.spectral_slope(Seen(None, None, fractal(exponent, seed), None, (0, 0))) for seed in range(8)]
    assert np.mean(slopes) == pytest.approx(-exponent, abs=0.05)


# --- laws ------------------------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(PIXEL)
def test_a_mirror_image_has_the_same_statistics(array):
    names = [name for name in STATISTICS if name != "jpeg_size"]
    one, other = (measured(Image.fromarray(np.ascontiguousarray(x)), names) for x in (array, array[:, ::-1]))
    np.testing.assert_allclose(one, other, atol=1e-9)


@settings(max_examples=30)
@given(PIXEL)
def test_statistics_lie_where_they_must(array):
    found = dict(zip(STATISTICS, measured(Image.fromarray(array), STATISTICS), strict=True))
    for name in ("luminance", "saturation", "edge_density"):
        assert 0 <= found[name] <= 1
    assert 0 <= found["rms_contrast"] <= 0.5 + 1e-12
    assert 0 <= found["entropy"] <= min(8, np.log2(array.shape[0] * array.shape[1])) + 1e-12


@settings(max_examples=10)
@given(st.integers(0, 1000), st.floats(0.05, 3), st.floats(-2, 2))
def test_the_slope_depends_neither_on_contrast_nor_on_brightness(seed, factor, more):
    luma = fractal(1.2, seed, side=64)
    one, other = (structure.spectral_slope(Seen(None, None, x, None, (0, 0))) for x in (luma, factor * luma + more))
    assert one == pytest.approx(other, abs=1e-8)


def test_a_picture_of_any_size_is_measured_at_one():
    for width, height in ((2000, 1000), (300, 3000), (50_000, 30), (257, 256)):
        small = seen(Image.new("RGB", (width, height)))
        assert abs(small.luma.size / PIXELS - 1) < 0.05
        assert small.size == (width, height)
    assert seen(Image.new("RGB", (256, 256))).luma.shape == (256, 256)
    assert seen(Image.new("RGB", (20, 10))).luma.shape == (10, 20)
    large = Image.fromarray(random(1, 8, 8)).resize((1024, 1024), Image.Resampling.BICUBIC)
    names = ["luminance", "rms_contrast", "saturation", "colourfulness"]
    np.testing.assert_allclose(measured(large, names), measured(large.resize((256, 256)), names), rtol=0.01)


def test_pictures_that_are_too_small_have_no_slope():
    assert np.isnan(measured(Image.fromarray(random(0, 31, 60)), ["spectral_slope"])[0])
    assert np.isfinite(measured(Image.fromarray(random(0, 32, 60)), ["spectral_slope"])[0])


# --- tables ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Image.fromarray(random(1)).save(tmp_path / "b.png")
    even(255, 0, 0).save(tmp_path / "a.png")
    (tmp_path / "c.png").write_bytes(b"no image")
    return tmp_path


def test_a_table_of_images_is_measured_by_name(folder, tmp_path):
    images = mf.images.read(folder, verify=False)
    before = images.copy(deep=True)
    found = mf.lowlevel.statistics(images)
    assert list(found.data_vars) == list(STATISTICS)
    assert found.image.values.tolist() == ["a.png", "b.png", "c.png"]
    for name, units in (("luminance", "1"), ("entropy", "bits"), ("jpeg_size", "bytes per pixel")):
        assert found[name].attrs["units"] == units
    np.testing.assert_array_equal(found.sel(image="b.png").to_array(), measured(Image.fromarray(random(1)), STATISTICS))
    assert np.isnan(found.sel(image="c.png").to_array()).all()
    assert found.attrs["n_unreadable"] == 1
    assert found.attrs["unreadable"] == '["c.png"]'
    assert mf.images.ledger(found)["image"].tolist() == ["c.png"]
    assert before.identical(images)
    found.to_netcdf(tmp_path / "found.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "found.nc", engine="h5netcdf") as again:
        np.testing.assert_array_equal(again["entropy"], found["entropy"])
    turned = mf.lowlevel.statistics(images.isel(image=[2, 1, 0]))
    xr.testing.assert_identical(turned.isel(image=[2, 1, 0]).drop_attrs(), found.drop_attrs())


def test_a_file_that_changed_is_named(folder):
    images = mf.images.read(folder, verify=False)
    even(0, 0, 0).save(folder / "b.png")
    found = mf.lowlevel.statistics(images, which=["luminance"])
    assert found.status.values.tolist() == ["ok", "changed", "unreadable"]
    assert np.isnan(found["luminance"].sel(image="b.png"))


def test_statistics_are_chosen_by_name():
    assert list(mf.lowlevel.statistics({"a": halves()}, which=["entropy", "luminance"]).data_vars) == [
        "entropy",
        "luminance",
    ]
    with pytest.raises(UnknownNameError, match="Did you mean 'luminance'"):
        mf.lowlevel.statistics({"a": halves()}, which=["luminosity"])
    with pytest.raises(KindError, match="which must be a list of statistics; got 'entropy'"):
        mf.lowlevel.statistics({"a": halves()}, which="entropy")
    for wrong in ([], ["entropy", "entropy"]):
        with pytest.raises(ArgumentError, match="which must name each statistic once"):
            mf.lowlevel.statistics({"a": halves()}, which=wrong)
    with pytest.raises(KindError, match="images must be an image table"):
        mf.lowlevel.statistics(mf.images.read({"a": halves()}).drop_vars("sha256"))


# --- GIST ------------------------------------------------------------------------------------------------------------

FILTERS = energies.transfer_functions(320)


def wave(frequency: float, degrees: float) -> np.ndarray:
    """A grating that varies in a direction counted anticlockwise from the right, 0 to 255."""
    y, x = np.mgrid[:256, :256]
    along = x * np.cos(np.radians(degrees)) - y * np.sin(np.radians(degrees))
    return 127.5 + 127.5 * np.cos(2 * np.pi * frequency * along)


@pytest.mark.parametrize(("scale", "turn"), [(0, 0), (0, 3), (1, 4), (1, 7), (2, 2), (3, 1)])
def test_a_grating_is_found_at_its_scale_and_orientation(scale, turn):
    found = energies.energies(wave(0.3 / 1.85**scale, 22.5 * turn), FILTERS)
    assert np.unravel_index(found.mean(axis=(2, 3)).argmax(), (4, 8)) == (scale, turn)


def test_energy_is_found_where_it_is():
    grey = np.full((256, 256), 100.0)
    grey[64:128, 192:] = wave(0.3, 0)[64:128, 192:]
    found = energies.energies(grey, FILTERS)[0, 0]
    assert np.unravel_index(found.argmax(), (4, 4)) == (1, 3)


def test_gist_agrees_with_the_formulas_written_out():
    """As the authors define it: frequencies with the mean in the middle, filters one by one."""
    grey = fractal(1, 2) * 255
    side, n = 256, 320
    logs = np.pad(np.log(grey + 1), 5, mode="symmetric")
    centre = (side + 10) // 2
    cycles = np.arange(side + 10) - centre
    s1 = 4 / np.sqrt(np.log(2))
    low = np.fft.ifftshift(np.exp(-(cycles[None] ** 2 + cycles[:, None] ** 2) / s1**2))
    rest = logs - np.real(np.fft.ifft2(np.fft.fft2(logs) * low))
    spread = np.sqrt(np.abs(np.fft.ifft2(np.fft.fft2(rest**2) * low)))
    even_contrast = (rest / (0.2 + spread))[5:-5, 5:-5]
    spectrum = np.fft.fft2(np.pad(even_contrast, 32, mode="symmetric"))
    grid = np.arange(n) - n // 2
    radius = np.sqrt(grid[None] ** 2 + grid[:, None] ** 2) / n
    theta = np.angle(grid[None] + 1j * grid[:, None])
    found = energies.energies(grey, FILTERS)
    for scale, turn in ((0, 0), (1, 2), (2, 5), (3, 7)):
        angle = theta + np.pi / 8 * turn
        angle = np.where(angle < -np.pi, angle + 2 * np.pi, np.where(angle > np.pi, angle - 2 * np.pi, angle))
        transfer = np.exp(-10 * 0.35 * (radius / (0.3 / 1.85**scale) - 1) ** 2 - 2 * 1 * np.pi * angle**2)
        transfer[n // 2, n // 2] = 0
        output = np.abs(np.fft.ifft2(spectrum * np.fft.ifftshift(transfer)))[32:-32, 32:-32]
        for row in range(4):
            for column in range(4):
                part = output[64 * row : 64 * row + 64, 64 * column : 64 * column + 64]
                assert found[scale, turn, row, column] == pytest.approx(part.mean(), rel=1e-9)


def test_a_mirror_image_has_mirrored_gist():
    grey = fractal(1, 4) * 255
    one, other = (energies.energies(x, FILTERS) for x in (grey, grey[:, ::-1]))
    opposite = [-turn % 8 for turn in range(8)]
    turned = one[:, opposite][..., ::-1]
    np.testing.assert_allclose(other[1:], turned[1:], rtol=1e-9)
    # the highest frequency of an even number of pixels has no other side, and only the finest filters reach it
    np.testing.assert_allclose(other[0], turned[0], rtol=1e-3)


def test_gist_is_a_layer_like_others():
    scene = Image.fromarray(random(0, 6, 9)).resize((300, 200), Image.Resampling.BICUBIC)
    dark = Image.fromarray((np.asarray(scene) // 2).astype(np.uint8))
    images = {"b": scene, "a": dark, "even": even(9, 9, 9)}
    features = mf.lowlevel.gist(images)
    assert features["gist"].dims == ("image", "gist:unit")
    assert features["gist"].shape == (3, 512)
    assert features["gist"].dtype == np.float32
    assert features.image.values.tolist() == ["a", "b", "even"]
    assert (features["gist"].sel(image="even") == 0).all()
    names = features["gist:unit"].values
    assert names[0] == "scale 1, 0 degrees, row 1, column 1"
    assert names[-1] == "scale 4, 157.5 degrees, row 4, column 4"
    assert len(set(names)) == 512
    # brightness is stretched away, but for the rounding of halves
    np.testing.assert_allclose(features["gist"][0], features["gist"][1], atol=0.02)
    middle = np.asarray(scene.crop((50, 0, 250, 200)).resize((256, 256), Image.Resampling.BILINEAR)).mean(axis=2)
    wanted = energies.energies((middle - middle.min()) / np.ptp(middle) * 255, FILTERS)
    np.testing.assert_allclose(features["gist"][1], wanted.ravel(), rtol=1e-3)
    assert mf.rdm.compute(features, metric="euclidean")["rdm"].shape == (1, 3)


def test_gist_leaves_out_what_cannot_be_read(folder):
    with pytest.warns(MemfeatWarning, match=r"Images left out, 1: 'c.png: unreadable'"):
        features = mf.lowlevel.gist(folder)
    assert features.image.values.tolist() == ["a.png", "b.png"]
    assert features.attrs["n_left_out"] == 1
    assert '"image": "c.png"' in features.attrs["left_out"]
    with pytest.raises(NoImageError, match="images must hold at least one readable image"):
        mf.lowlevel.gist(folder / "c.png")
