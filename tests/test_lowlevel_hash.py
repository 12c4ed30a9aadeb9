"""Perceptual hashes: what changes them and what does not."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageEnhance

import memfeat as mf
from memfeat.errors import KindError
from memfeat.lowlevel import hashing as lowlevel

GREYS = hnp.arrays(np.float64, (32, 32), elements=st.integers(0, 255).map(float))


def scene(seed: int = 0) -> Image.Image:
    """Smooth colours in a few patches, as photographs are at 32 × 32."""
    coarse = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((300, 200), Image.Resampling.BICUBIC)


def differing(one: Image.Image, other: Image.Image) -> int:
    return int((lowlevel.hash_bits(one)[0] != lowlevel.hash_bits(other)[0]).sum())


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(io.BytesIO(file.getvalue())).convert("RGB")


def test_a_single_wave_sets_the_bit_of_its_frequency_only():
    y, x = np.mgrid[:32, :32]
    wave = 100 + 50 * np.cos(np.pi * (2 * y + 1) * 1 / 64) * np.cos(np.pi * (2 * x + 1) * 2 / 64)
    first, mirrored = lowlevel._bits(wave)
    place = [(row, column) for row, column in zip(lowlevel.ROWS, lowlevel.COLUMNS, strict=True)].index((1, 2))
    assert first.nonzero()[0].tolist() == [place]
    # even along x, so its own mirror image
    assert mirrored.nonzero()[0].tolist() == [place]


def test_the_frequencies_are_the_64_lowest_without_the_mean():
    pairs = list(zip(lowlevel.ROWS.tolist(), lowlevel.COLUMNS.tolist(), strict=True))
    assert len(set(pairs)) == 64
    assert (0, 0) not in pairs
    # 1 + 2 + … + 10 = 55 frequencies with a sum of at most 9, one of which is the mean
    assert {(a, b) for a in range(32) for b in range(32) if 0 < a + b <= 9} < set(pairs)
    assert max(a + b for a, b in pairs) == 10


def test_the_coefficients_are_those_of_the_sum_of_cosines():
    grey = np.random.default_rng(1).uniform(0, 255, (32, 32))
    k = np.arange(32)
    waves = np.cos(np.pi * np.outer(k, 2 * k + 1) / 64)
    every = waves @ grey @ waves.T
    # the orthonormal form halves what stands in the first row and column, by √2
    every[0] /= np.sqrt(2)
    every[:, 0] /= np.sqrt(2)
    wanted = every[lowlevel.ROWS, lowlevel.COLUMNS]
    assert (lowlevel._bits(grey)[0] == (wanted > np.median(wanted))).all()


@settings(max_examples=50)
@given(GREYS)
def test_the_second_hash_is_that_of_the_mirror_image(grey):
    assert (lowlevel._bits(grey)[1] == lowlevel._bits(grey[:, ::-1])[0]).all()


@settings(max_examples=50)
@given(GREYS, st.integers(1, 4), st.integers(0, 100))
def test_brightness_and_contrast_change_nothing_while_nothing_is_cut_off(grey, times, more):
    assert (lowlevel._bits(grey)[0] == lowlevel._bits(grey * times + more)[0]).all()


def test_an_even_image_has_no_bit_set_by_rounding():
    for value in (0, 77, 255):
        assert not lowlevel.hash_bits(Image.new("RGB", (50, 40), (value, value, value))).any()


@pytest.mark.parametrize(
    ("change", "most"),
    [
        (lambda i: jpeg(i, 20), 8),
        (lambda i: i.resize((120, 80)), 8),
        (lambda i: i.convert("L").convert("RGB"), 0),
        (lambda i: ImageEnhance.Brightness(i).enhance(0.8), 8),
        (lambda i: ImageEnhance.Contrast(i).enhance(1.1), 8),
    ],
)
def test_copies_stay_near(change, most):
    for seed in range(5):
        assert differing(scene(seed), change(scene(seed))) <= most


def test_other_pictures_are_far():
    assert all(differing(scene(0), scene(seed)) > 16 for seed in range(1, 20))


def test_a_table_of_images_is_hashed_by_name(tmp_path):
    scene(0).save(tmp_path / "b.png")
    scene(1).save(tmp_path / "a.png")
    (tmp_path / "c.png").write_bytes(b"no image")
    images = mf.images.read(tmp_path, verify=False)
    before = images.copy(deep=True)
    hashes = mf.lowlevel.perceptual_hash(images)
    assert hashes.image.values.tolist() == ["a.png", "b.png", "c.png"]
    for name, seed in (("a.png", 1), ("b.png", 0)):
        bits = "".join("1" if bit else "0" for bit in lowlevel.hash_bits(scene(seed))[0])
        assert hashes.sel(image=name).item() == f"{int(bits, 2):016x}"
    assert hashes.sel(image="c.png").item() == ""
    assert hashes.attrs["mirrored"] == "false"
    mirror = mf.lowlevel.perceptual_hash({"m": scene(0).transpose(Image.Transpose.FLIP_LEFT_RIGHT)})
    assert mirror.item() == mf.lowlevel.perceptual_hash(images, mirrored=True).sel(image="b.png").item()
    assert before.identical(images)


def test_what_is_no_table_is_refused():
    with pytest.raises(KindError, match="images must be an image table"):
        mf.lowlevel.perceptual_hash(mf.images.read({"a": scene()}).drop_vars("sha256"))
