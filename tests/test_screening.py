"""Screening: what is planted is found, photographs are not, and what is said is true."""

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageDraw
from scenes import scene

import memfeat as mf
from memfeat.errors import ArgumentError, KindError
from memfeat.lowlevel import hash_bits
from memfeat.screening.checking import _pairs
from memfeat.screening.photographs import LIMITS

FLAGS = ["unlike_photographs", "near_duplicate", "enlarged", "squashed"]


def noise(deviation: float, seed: int = 0) -> np.ndarray:
    values = 128 + np.random.default_rng(seed).normal(scale=deviation, size=(200, 300, 3))
    return np.clip(values, 0, 255).astype(np.uint8)


def predicted(names: list[str], floor: list[bool]) -> xr.Dataset:
    flags = np.array(floor)
    return xr.Dataset({"at_floor": ("image", flags)}, {"image": np.array(names, dtype=object)})


def test_ordinary_images_say_nothing():
    found = mf.screening.check({f"s{seed}": scene(seed) for seed in range(6)})
    assert found["warnings"].values.tolist() == [""] * 6
    for flag in FLAGS:
        assert not found[flag].any()
        assert found.attrs[f"n_{flag}"] == 0
    assert "at_floor" not in found
    assert json.loads(found.attrs["near_duplicates"]) == []


@pytest.mark.parametrize(
    ("image", "named"),
    [
        (np.full((200, 300, 3), 128, np.uint8), ["rms_contrast 0, photographs have 0.011 to 0.42", "entropy 0"]),
        (np.zeros((300, 300, 3), np.uint8), ["rms_contrast 0", "entropy 0"]),
        (noise(60), ["spectral_slope"]),
        (noise(12), ["spectral_slope"]),
        (noise(60)[..., :1].repeat(3, axis=2), ["spectral_slope"]),
        (noise(60).repeat(4, axis=0)[:600, :600], ["spectral_slope"]),
    ],
)
def test_uniform_images_and_noise_are_unlike_photographs(image, named):
    found = mf.screening.check({"a": image, "scene": scene(0)})
    assert found["unlike_photographs"].values.tolist() == [True, False]
    for words in named:
        assert words in found["warnings"].values[0]


def test_a_line_drawing_is_unlike_photographs():
    drawing = Image.new("RGB", (300, 300), "white")
    ImageDraw.Draw(drawing).line([(20, 20), (280, 150), (40, 280)], fill="black", width=3)
    assert "entropy" in mf.screening.check({"drawing": drawing})["warnings"].item()


def test_near_duplicates_are_named_in_both_orientations():
    original, other = scene(0), scene(1)
    images = {
        "original": original,
        "small": original.resize((150, 130)),
        "mirrored": original.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        "other": other,
        "even": Image.new("RGB", (200, 200), "gray"),
        "even too": Image.new("RGB", (200, 200), "white"),
    }
    table = mf.images.read(images)
    found = mf.screening.check(table)
    assert found["near_duplicate"].values.tolist() == [
        name in ("original", "small", "mirrored") for name in sorted(images)
    ]
    pairs = json.loads(found.attrs["near_duplicates"])
    assert {(one, two) for one, two, _ in pairs} == {
        ("mirrored", "original"),
        ("mirrored", "small"),
        ("original", "small"),
    }
    assert pairs[0] == ["mirrored", "original", 0]
    bits = {name: hash_bits(image) for name, image in images.items()}
    differing = (bits["original"][0] != bits["small"][0]).sum()
    assert ["original", "small", differing] in pairs
    assert "looks like 'original' (0 of 64 bits differ), and 1 more" in found["warnings"].sel(image="mirrored").item()
    turned = mf.screening.check(table.isel(image=[3, 5, 0, 2, 4, 1]))
    xr.testing.assert_identical(turned.sel(image=found.image.values).drop_attrs(), found.drop_attrs())
    assert turned.attrs == found.attrs


@settings(max_examples=40)
@given(hnp.arrays(np.bool_, st.tuples(st.integers(0, 6), st.just(2), st.just(64))), st.integers(20, 40), st.randoms())
def test_pairs_are_those_of_a_double_loop_in_any_order(bits, distance, random):
    names = [f"i{row}" for row in range(len(bits))]
    wanted = set()
    for i in range(len(bits)):
        for j in range(i + 1, len(bits)):
            if bits[i].any() and bits[j].any():
                both = [(bits[i][0] != bits[j][0]), (bits[i][1] != bits[j][0]), (bits[j][1] != bits[i][0])]
                least = min(int(x.sum()) for x in both)
                if least <= distance:
                    wanted.add((names[i], names[j], least))
    order = list(range(len(bits)))
    random.shuffle(order)
    found = _pairs([names[row] for row in order], [bits[row] for row in order], distance)
    assert set(found) == wanted
    assert len(found) == len(wanted)
    assert found == sorted(found, key=lambda pair: (pair[2], *pair[:2]))


def test_small_and_long_images_are_named():
    found = mf.screening.check({"a": scene(0, 127, 200), "b": scene(1, 128, 200), "c": scene(2, 300, 149)})
    assert found["enlarged"].values.tolist() == [True, False, False]
    assert found["squashed"].values.tolist() == [False, False, True]
    assert found["warnings"].values.tolist() == ["enlarged from 127 × 200", "", "squashed 2.0 : 1"]
    assert found.attrs["n_squashed"] == 1


def test_predictions_at_the_floor_are_named_by_image():
    images = mf.images.read({"a": scene(0), "b": scene(1), "c": scene(2)})
    memory = predicted(["c", "b", "a"], [True, False, False])
    found = mf.screening.check(images, predictions=memory)
    assert found["at_floor"].values.tolist() == [False, False, True]
    assert found["warnings"].values.tolist() == ["", "", "at the floor"]
    assert found.attrs["n_at_floor"] == 1
    with pytest.raises(ArgumentError, match="predictions and images must hold the same images; got only in"):
        mf.screening.check(images, predictions=memory.isel(image=[0, 1]))
    for wrong in (memory["at_floor"], memory.drop_vars("at_floor")):
        with pytest.raises(KindError, match="predictions must be a Dataset with 'at_floor'; .* what mf.predict gives"):
            mf.screening.check(images, predictions=wrong)


def test_what_cannot_be_read_keeps_its_row(tmp_path):
    scene(0).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no image")
    images = mf.images.read(tmp_path, verify=False)
    before = images.copy(deep=True)
    found = mf.screening.check(images)
    assert found["warnings"].values.tolist() == ["", ""]
    assert not any(found[flag].values[1] for flag in FLAGS)
    assert np.isnan(found["entropy"].values[1])
    assert mf.images.ledger(found)["image"].tolist() == ["b.png"]
    assert found.attrs["unreadable"] == '["b.png"]'
    assert found["spectral_slope"].attrs["units"] == "1"
    assert before.identical(images)
    found.to_netcdf(tmp_path / "found.nc", engine="h5netcdf")
    with pytest.raises(ArgumentError, match="distance must be at least 0; got -1"):
        mf.screening.check(images, distance=-1)


@pytest.mark.data
def test_photographs_are_like_photographs(lnsim):
    found = mf.screening.check(lnsim.isel(image=slice(0, 200, 2)))
    assert found.attrs["n_unreadable"] == 0
    assert not found["unlike_photographs"].any()
    assert not found["near_duplicate"].any()
    for name, (low, high) in LIMITS.items():
        assert low < found[name].min() < found[name].max() < high


#: Statistic -> decimal places on the page.
PLACES = {
    **dict.fromkeys(["luminance", "rms_contrast", "saturation", "edge_density", "jpeg_size"], 2),
    **dict.fromkeys(["spectral_slope", "entropy", "aspect_ratio"], 1),
    "colourfulness": 0,
}


def test_the_page_says_what_was_measured():
    """Figures of tests/benchmarks/test_photographs.py, recorded there."""
    root = Path(__file__).parents[1]
    found = json.loads((root / "tests" / "benchmarks" / "results" / "photographs.json").read_text())["figures"]
    page = (root / "docs" / "stimuli.md").read_text(encoding="utf-8")
    assert set(found["statistics"]) == set(PLACES)
    for name, values in found["statistics"].items():
        low, median, high = (f"{value:.{PLACES[name]}f}".replace("-", "−") for value in values)
        row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
        assert row.endswith(f"| {median}, {low} to {high} |")
    named = found["unlike_photographs"]
    assert f"{named['imagenet']} of 400 photographs of ImageNet are named, and {named['figrim']} of 30 scenes" in page


def test_a_hash_has_64_bits():
    with pytest.raises(ArgumentError, match="distance must be at most 64; got 65"):
        mf.screening.check({"a": np.zeros((200, 300), np.uint8)}, distance=65)
