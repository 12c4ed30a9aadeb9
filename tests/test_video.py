"""Frames of clips: which are taken, what they show, what happens to damaged clips, and results by clip."""

import gc
import hashlib
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import dask.array
import made
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks import reused
from PIL import Image

import memfeat as mf
from memfeat.cli import main
from memfeat.errors import ArgumentError, KindError, MissingPackageError, NoImageError
from memfeat.images import UnreadableImage, by_clip, decode, decode_file, ledger, read, thumbnails, video
from memfeat.images.clips import Frame
from memfeat.images.passes import Clip, cut_off

av = pytest.importorskip("av")

#: Lossless and without a change of colours, so that what was drawn is what is read.
EXACT = {"codec": "ffv1", "pix": "bgr0"}


def solid(level: int, width: int = 32, height: int = 24) -> np.ndarray:
    """A picture of one colour, from which its number can be told."""
    return np.full((height, width, 3), (level, 255 - level, 40), np.uint8)


def noisy(n: int, width: int = 64, height: int = 48) -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (n, height, width, 3), dtype=np.uint8))


def clip(
    path: Path,
    pictures: list[np.ndarray],
    *,
    rate: int = 10,
    codec: str = "mpeg4",
    pix: str = "yuv420p",
    at: list[int] | None = None,
    prepared=lambda stream: None,
    **options: str,
) -> Path:
    """Write a clip; `at` says in milliseconds when each picture is shown."""
    path.parent.mkdir(parents=True, exist_ok=True)
    into = {"movflags": "faststart"} if path.suffix == ".mp4" else {}
    with av.open(str(path), "w", options=into) as file:
        stream = file.add_stream(codec, rate=rate)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt, stream.options = pix, options
        if at is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        prepared(stream)
        for k, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            if at is not None:
                frame.pts, frame.time_base = at[k], Fraction(1, 1000)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    """Three seconds, ten pictures each; the level of red is eight times the number of the picture."""
    return clip(tmp_path / "colours.mkv", [solid(8 * k) for k in range(30)], **EXACT)


def levels(images: xr.Dataset) -> list[int]:
    return [decode(images, name).getpixel((5, 5))[0] for name in images.image.values]


def directly(path: Path) -> list[np.ndarray]:
    """All frames, decoded by PyAV in one go."""
    with av.open(str(path)) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]


# --- which frames ----------------------------------------------------------------------------------------------------


def test_a_frame_each_second_shows_what_the_clip_shows_then(colours: Path) -> None:
    images = read(colours, fps=1)
    assert images.image.values.tolist() == [f"colours.mkv#0000{k}.000" for k in range(3)]
    assert images["time"].values.tolist() == [0, 1, 2]
    assert set(images["clip"].values) == {"colours.mkv"}
    assert images["status"].values.tolist() == ["ok"] * 3
    assert (images["width"].values.tolist(), images["height"].values.tolist()) == ([32] * 3, [24] * 3)
    assert levels(images) == [0, 80, 160]
    assert decode(images, "colours.mkv#00001.000").getpixel((0, 0)) == (80, 175, 40)


@pytest.mark.parametrize(
    ("fps", "expected"),
    [
        (2, [0, 40, 80, 120, 160, 200]),  # pictures 0, 5, 10 …
        (0.5, [0, 160]),
        (1 / 3, [0]),
        (4, [0, 16, 40, 56, 80, 96, 120, 136, 160, 176, 200, 216]),  # 0.25 s falls into picture 2, shown from 0.2 s
        (10, [8 * k for k in range(30)]),
    ],
)
def test_frames_are_those_shown_at_multiples_of_one_over_fps(colours: Path, fps: float, expected: list[int]) -> None:
    assert levels(read(colours, fps=fps)) == expected


def test_more_frames_than_the_clip_has_repeat_them(tmp_path: Path) -> None:
    path = clip(tmp_path / "two.mkv", [solid(0), solid(90)], rate=2, **EXACT)
    images = read(path, fps=4)
    assert levels(images) == [0, 0, 90, 90]
    assert len(set(images["sha256"].values)) == 4


def test_frames_that_are_not_evenly_spaced_are_taken_by_their_times(tmp_path: Path) -> None:
    at = [0, 100, 150, 400, 410, 500, 900, 1000, 2000, 2100]
    path = clip(tmp_path / "uneven.mkv", [solid(8 * k) for k in range(10)], at=at, **EXACT)
    assert levels(read(path, fps=2)) == [0, 5 * 8, 7 * 8, 7 * 8, 8 * 8]
    # 0.125 s lies between 0.1 s and 0.15 s, 0.375 s before 0.4 s
    assert levels(read(path, fps=8))[:5] == [0, 1 * 8, 2 * 8, 2 * 8, 5 * 8]


def test_thirds_of_a_second_are_not_missed_by_rounding(tmp_path: Path) -> None:
    """At 0.033 s, as the name says, the picture of 1/30 s is not shown yet; it is the one that is meant."""
    path = clip(
        tmp_path / "thirty.mp4", [solid(8 * k) for k in range(30)], rate=30, codec="libx264rgb", pix="rgb24", qp="0"
    )
    images = read(path, fps=30)
    assert images.image.values[:3].tolist() == [f"thirty.mp4#00000.{ms}" for ms in ("000", "033", "067")]
    assert levels(images) == [8 * k for k in range(30)]
    assert images["time"].values[1] == pytest.approx(1 / 30, abs=1e-12)


def test_times_count_from_the_first_frame(tmp_path: Path) -> None:
    path = clip(tmp_path / "late.mkv", [solid(0), solid(80)], at=[5000, 6000], **EXACT)
    images = read(path, fps=1)
    assert images["time"].values.tolist() == [0, 1]
    assert levels(images) == [0, 80]


@given(
    gaps=st.lists(st.integers(1, 900), min_size=1, max_size=12),
    fps=st.sampled_from([0.5, 1, 2, 3, 7.5, 24, 29.97]),
)
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_times_are_multiples_within_the_clip_and_names_sort_in_time(
    tmp_path_factory: pytest.TempPathFactory, gaps: list[int], fps: float
) -> None:
    at = np.concatenate([[0], np.cumsum(gaps)]).tolist()
    path = clip(tmp_path_factory.mktemp("any") / "any.mkv", [solid(8 * k) for k in range(len(at))], at=at, **EXACT)
    images = read(path, fps=fps)
    times = images["time"].values
    assert times * fps == pytest.approx(np.arange(len(times)), abs=1e-9)
    with av.open(str(path)) as file:
        last = max((packet for packet in file.demux(video=0) if packet.size), key=lambda packet: packet.pts)
        duration = (last.pts + last.duration) * last.time_base
    assert times[-1] < duration <= times[-1] + 1 / fps + 1e-9
    assert images.image.values.tolist() == sorted(images.image.values)
    shown = [max(k for k in range(len(at)) if at[k] <= round(1000 * t, 6) + 0.5) for t in times]
    assert levels(images) == [8 * k for k in shown]


# --- what they show --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(64, 48), (62, 46), (130, 98)])
@pytest.mark.parametrize("codec", ["mpeg4", "libx264"])
def test_frames_are_those_that_pyav_decodes(tmp_path: Path, codec: str, size: tuple[int, int]) -> None:
    """In any order, forwards, backwards and at random, and across starts of decoding."""
    path = clip(tmp_path / "noise.mp4", noisy(25, *size), codec=codec, g="7")
    images, expected = read(path, fps=10, verify=False), directly(path)
    assert images.sizes["image"] == 25
    order = [*range(25), *range(24, -1, -1), *np.random.default_rng(1).permutation(25)]
    for k in order:
        np.testing.assert_array_equal(np.asarray(decode(images, images.image.values[k])), expected[k])


def test_an_odd_size_is_kept(tmp_path: Path) -> None:
    images = read(clip(tmp_path / "odd.mkv", noisy(3, 63, 47), **EXACT), fps=10)
    assert (images["width"].values[0], images["height"].values[0]) == (63, 47)
    np.testing.assert_array_equal(np.asarray(decode(images, images.image.values[2])), noisy(3, 63, 47)[2])


@pytest.mark.parametrize(("degrees", "turns"), [(0, 0), (90, 1), (180, 2), (-90, 3)])
def test_rotation_is_applied(tmp_path: Path, degrees: int, turns: int) -> None:
    """A phone stores frames as the sensor lies, and by how much they are to be turned, counterclockwise."""
    if not hasattr(av.VideoStream, "set_display_rotation"):
        pytest.skip("this PyAV cannot write a rotation")
    path = clip(tmp_path / "turned.mp4", noisy(2), prepared=lambda stream: stream.set_display_rotation(degrees))
    images = read(path, fps=10)
    upright = np.rot90(directly(path)[1], turns)
    np.testing.assert_array_equal(np.asarray(decode(images, images.image.values[1])), upright)
    assert (images["height"].values[0], images["width"].values[0]) == upright.shape[:2]


@pytest.mark.parametrize(("aspect", "size"), [(Fraction(4, 3), (85, 48)), (Fraction(1, 2), (64, 96)), (1, (64, 48))])
def test_pixels_are_made_square(tmp_path: Path, aspect: Fraction, size: tuple[int, int]) -> None:
    def wide(stream):
        stream.codec_context.sample_aspect_ratio = Fraction(aspect)

    halves = solid(0, 64, 48)
    halves[:, 32:] = 200
    path = clip(tmp_path / "wide.mp4", [halves] * 2, prepared=wide)
    images = read(path, fps=10)
    picture = decode(images, images.image.values[0])
    assert picture.size == size == (images["width"].values[0], images["height"].values[0])
    grey = np.asarray(picture)[size[1] // 2, :, 0].astype(int)
    assert (grey[: size[0] // 2 - 4] < 40).all()
    assert (grey[size[0] // 2 + 4 :] > 160).all()


@pytest.mark.parametrize(("height", "red", "blue"), [(48, 0.299, 0.114), (720, 0.2126, 0.0722)])
def test_colours_that_are_not_declared_are_taken_for_those_of_the_size(
    tmp_path: Path, height: int, red: float, blue: float
) -> None:
    """BT.601 below 720 lines, BT.709 from there on, by the formulae of both: Y'CbCr in 16–235 and 16–240 to R'G'B'."""
    luma, cb, cr = 120, 90, 170
    with av.open(str(tmp_path / "plain.mkv"), "w") as file:
        stream = file.add_stream("ffv1", rate=1)
        stream.width, stream.height, stream.pix_fmt = 64, height, "yuv444p"
        planes = np.full((3, height, 64), 0, np.uint8) + np.array([luma, cb, cr], np.uint8)[:, None, None]
        file.mux(stream.encode(av.VideoFrame.from_ndarray(planes, "yuv444p")))
        file.mux(stream.encode())
    y, b, r = (luma - 16) / 219, (cb - 128) / 224, (cr - 128) / 224
    r_, b_ = y + 2 * (1 - red) * r, y + 2 * (1 - blue) * b
    g_ = (y - red * r_ - blue * b_) / (1 - red - blue)
    expected = 255 * np.clip([r_, g_, b_], 0, 1)
    images = read(tmp_path / "plain.mkv", fps=1)
    assert np.abs(np.asarray(decode(images, images.image.values[0]))[5, 5] - expected).max() <= 2


def test_a_grey_clip_is_called_grey(tmp_path: Path) -> None:
    images = read(clip(tmp_path / "grey.mkv", [solid(100)], codec="ffv1", pix="gray"), fps=1)
    assert images["mode"].item() == "L"
    assert len(set(decode(images, images.image.item()).getpixel((3, 3)))) == 1


def test_many_threads_get_the_same_frames_without_going_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = clip(tmp_path / "long.mp4", noisy(60), codec="libx264", g="60")
    images, expected = read(path, fps=10, verify=False), directly(path)
    rewound, original = [], Clip._rewind
    monkeypatch.setattr(Clip, "_rewind", lambda self, key: (rewound.append(key), original(self, key))[1])
    names = images.image.values.tolist()
    for name, picture in zip(names, expected, strict=True):
        np.testing.assert_array_equal(np.asarray(decode(images, name)), picture)
    # once when the clip is opened, once to begin
    assert len(rewound) <= 2
    with ThreadPoolExecutor(8) as threads:
        got = list(threads.map(lambda name: np.asarray(decode(images, name)), names))
    assert all((one == other).all() for one, other in zip(got, expected, strict=True))


def test_frames_that_others_wait_for_are_kept_when_they_come_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = clip(tmp_path / "some.mp4", noisy(20), codec="libx264", g="20")
    expected, one = directly(path), Clip(str(path))
    one.picture(0, "first")
    monkeypatch.setattr(Clip, "_rewind", lambda *_: pytest.fail("went back"))
    with one._turn:
        got: dict[int, np.ndarray] = {}
        waiting = [
            threading.Thread(target=lambda k=k: got.update({k: np.asarray(one.picture(100 * k, "x"))}))
            for k in (5, 3, 9)
        ]
        for thread in waiting:
            thread.start()
        while len(one._wanted) < 3:
            pass
    for thread in waiting:
        thread.join()
    assert all((got[k] == expected[k]).all() for k in (3, 5, 9))
    assert not one._kept
    assert not one._wanted


# --- files and threads -----------------------------------------------------------------------------------------------


def let_go() -> None:
    """Close the clips that stay open."""
    while video._open:
        video._open.popitem()[1].close()


@pytest.fixture
def held(tmp_path: Path):
    """Say how many clips of this test are open, and how many threads more than at first; nothing is collected."""
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("open files and threads are counted where the system lists them")
    let_go()
    gc.collect()
    gc.disable()

    def counts() -> tuple[int, int]:
        links = [Path("/proc/self/fd", one) for one in os.listdir("/proc/self/fd")]
        files = [os.readlink(one) for one in links if one.is_symlink()]
        return sum(one.startswith(str(tmp_path)) for one in files), len(os.listdir("/proc/self/task"))

    before = counts()[1]
    yield lambda: (counts()[0], counts()[1] - before)
    gc.enable()
    let_go()


def test_clips_that_were_looked_at_are_closed(damaged: Path, held) -> None:
    for path in sorted(damaged.iterdir()) * 2:
        try:
            video.listing(str(path))
        except UnreadableImage:
            assert path.stem not in ("good", "cut")
    assert held() == (0, 0)


def test_no_more_than_four_clips_stay_open(tmp_path: Path, held) -> None:
    paths = [clip(tmp_path / f"{k}.mp4", noisy(3), codec="libx264") for k in range(9)]
    for path in paths:
        video.frame(Frame(str(path), 100), "x")
    files, threads = held()
    assert files == video.N_OPEN
    one = Clip(str(paths[0]))
    one.picture(0, "x")
    assert held()[0] == files + 1
    per_clip = held()[1] - threads
    assert threads == video.N_OPEN * per_clip
    one.close()
    one.close()
    assert held() == (files, threads)
    # a clip that is opened anew is closed first
    for k in (1, 2, 1, 2):
        clip(paths[8], noisy(3 + k), codec="libx264")
        video.frame(Frame(str(paths[8]), 100), "x")
    assert held() == (files, threads)


def test_a_clip_that_is_waited_for_is_closed_afterwards(tmp_path: Path, held) -> None:
    path = clip(tmp_path / "a.mp4", noisy(6))
    expected, one, got = directly(path), Clip(str(path)), []
    with one._turn:
        waiting = threading.Thread(target=lambda: got.append(np.asarray(one.picture(400, "x"))))
        waiting.start()
        while not one._wanted:
            pass
        # somebody waits, so that this does not
        one.release()
    waiting.join()
    np.testing.assert_array_equal(got[0], expected[4])
    assert held()[0] == 0
    # whoever still has the clip may go on
    np.testing.assert_array_equal(np.asarray(one.picture(200, "x")), expected[2])
    assert held()[0] == 0


def test_clips_of_another_process_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that was forked has the clips of its parent, but not the threads that decode them."""
    paths = [str(clip(tmp_path / f"{k}.mp4", noisy(2))) for k in range(6)]
    let_go()
    monkeypatch.setattr(os, "getpid", lambda: 1)
    video.frame(Frame(paths[0], 0), "x")
    theirs = video._open[1, paths[0]]
    monkeypatch.setattr(os, "getpid", lambda: 2)
    for path in paths:
        video.frame(Frame(path, 0), "x")
    assert list(video._open) == [(1, paths[0]), *((2, path) for path in paths[2:])]
    assert theirs._container is not None
    let_go()


# --- sources ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A folder of two clips and a photograph."""
    folder = tmp_path / "mixed"
    clip(folder / "a.mkv", [solid(8 * k) for k in range(20)], **EXACT)
    clip(folder / "sub" / "b.MP4", [solid(8 * k) for k in range(10)])
    Image.fromarray(solid(77)).save(folder / "photo.png")
    return folder


def test_a_folder_of_clips_and_photographs(mixed: Path) -> None:
    images = read(mixed, fps=1)
    names = ["a.mkv#00000.000", "a.mkv#00001.000", "photo.png", "sub/b.MP4#00000.000"]
    assert images.image.values.tolist() == names
    assert images["clip"].values.tolist() == ["a.mkv", "a.mkv", "", "sub/b.MP4"]
    np.testing.assert_array_equal(images["time"].values, [0, 1, np.nan, 0])
    assert images["time"].attrs["units"] == "s"
    assert images.attrs["n_other_files"] == 0
    assert levels(images)[2] == 77
    assert thumbnails(images, size=8).sizes == {"image": 4, "y": 8, "x": 8, "rgb": 3}
    plain = read(mixed)
    assert plain.image.values.tolist() == ["photo.png"]
    assert plain.attrs["n_other_files"] == 2
    assert "clip" not in plain.coords


def test_lists_tables_and_dicts_of_clips(mixed: Path) -> None:
    a, b = mixed / "a.mkv", mixed / "sub" / "b.MP4"
    listed = read([b, mixed / "photo.png", a], fps=1)
    xr.testing.assert_equal(listed, read(mixed, fps=1))
    table = pd.DataFrame({"path": ["a.mkv", "photo.png"], "hit_rate": [0.5, 0.7]})
    before = table.copy()
    rows = read(table, root=mixed, fps=1)
    assert rows["hit_rate"].values.tolist() == [0.5, 0.5, 0.7]
    pd.testing.assert_frame_equal(table, before)
    named = read({"first": a}, fps=1)
    assert named["clip"].values.tolist() == ["first", "first"]
    assert levels(named) == [0, 80]
    assert by_clip(named["width"]).image.values.tolist() == ["first"]


def test_frames_are_told_of_as_frames(mixed: Path) -> None:
    images = read(mixed, fps=1)
    text = mf.citing.methods(images, mf.predict(images, model=made.network(), device="cpu", progress=False))
    assert "The image set held 3 frames of 2 clips and 1 other. Frames were taken one each second." in text
    assert "Memorability of 3 frames of 2 clips and 1 other was predicted." in text
    assert text.count("one each second") == 1
    features = mf.extract(images, model=made.network(), layers=["0"], device="cpu", progress=False)
    assert "Features of 3 frames of 2 clips and 1 other were read from layer 0" in mf.citing.methods(features)


def test_scores_of_frames_join(colours: Path) -> None:
    images = read(
        colours,
        fps=1,
        scores={"colours.mkv#00002.000": 0.2, "colours.mkv#00000.000": 0.1, "colours.mkv#00001.000": 0.3},
    )
    assert images["score"].values.tolist() == [0.1, 0.3, 0.2]


def test_the_hash_is_of_the_file_and_the_time(colours: Path, tmp_path: Path) -> None:
    images = read(colours, fps=1)
    file = hashlib.sha256(colours.read_bytes()).hexdigest()
    expected = [hashlib.sha256(f"{file}#0000{k}.000".encode()).hexdigest() for k in range(3)]
    assert images["sha256"].values.tolist() == expected
    # neither the number of frames nor the name of the file is part of it
    again = colours.rename(tmp_path / "renamed.mkv")
    assert set(expected) <= set(read(again, fps=2)["sha256"].values)


def test_the_table_survives_a_file_and_a_new_name(colours: Path, tmp_path: Path) -> None:
    images = read(colours, fps=1)
    images.to_netcdf(tmp_path / "images.nc")
    with xr.open_dataset(tmp_path / "images.nc") as back:
        assert levels(back.load()) == [0, 80, 160]
    renamed = images.assign_coords(image=["x", "y", "z"])
    assert levels(renamed) == [0, 80, 160]
    assert decode_file(str(images["path"].values[1])).getpixel((0, 0))[0] == 80


# --- what cannot be used ---------------------------------------------------------------------------------------------


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """Clips that cannot be used, or not in full, beside one that can."""
    folder = tmp_path / "damaged"
    clip(folder / "good.mp4", noisy(10))
    whole = clip(folder / "cut.mp4", noisy(30), codec="libx264").read_bytes()
    (folder / "cut.mp4").write_bytes(whole[: len(whole) * 6 // 10])
    # the part that says where frames are comes last where it is not moved to the front
    with av.open(str(folder / "headless.mp4"), "w") as file:
        stream = file.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for picture in noisy(5):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        file.mux(stream.encode())
    headless = (folder / "headless.mp4").read_bytes()
    (folder / "headless.mp4").write_bytes(headless[: len(headless) // 2])
    with av.open(str(folder / "none.mp4"), "w") as file:
        stream = file.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        file.start_encoding()
    with av.open(str(folder / "sound.mkv"), "w") as file:
        stream = file.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        sound.sample_rate = 8000
        file.mux(stream.encode(sound))
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("no clip" * 100)
    return folder


def test_damaged_clips_are_listed_with_reasons_and_cost_no_other(damaged: Path) -> None:
    images = read(damaged, fps=5)
    bad = ledger(images).set_index("image")
    assert bad["status"].to_dict() == {
        "cut.mp4#00001.800": "truncated",
        "empty.mp4": "empty",
        "headless.mp4": "truncated",
        "none.mp4": "unreadable",
        "sound.mkv": "unreadable",
        "text.mp4": "unreadable",
    }
    assert "ends after" in bad.loc["cut.mp4#00001.800", "reason"]
    assert "no pictures" in bad.loc["sound.mkv", "reason"]
    assert "no format of clips" in bad.loc["text.mp4", "reason"]
    good = images.sel(image=images["status"] == "ok")
    assert sorted(set(good["clip"].values)) == ["cut.mp4", "good.mp4"]
    assert (images["clip"].values == "good.mp4").sum() == 5
    assert images["clip"].sel(image="text.mp4").item() == "text.mp4"
    expected = directly(damaged / "good.mp4")
    np.testing.assert_array_equal(np.asarray(decode(images, "good.mp4#00000.400")), expected[4])
    with pytest.raises(UnreadableImage, match="truncated"):
        decode(images, "cut.mp4#00001.800")


def test_a_frame_that_cannot_be_decoded_costs_no_other(tmp_path: Path) -> None:
    path = clip(tmp_path / "hurt.mov", noisy(6), codec="png", pix="rgb24")
    content, expected = bytearray(path.read_bytes()), directly(path)
    starts = [k for k in range(len(content)) if content[k : k + 4] == b"\x89PNG"]
    content[starts[3] : starts[3] + 60] = bytes(60)
    path.write_bytes(content)
    images = read(path, fps=10)
    assert images["status"].values.tolist() == ["ok", "ok", "ok", "unreadable", "ok", "ok"]
    assert images["reason"].values[3] == "the frame is damaged"
    np.testing.assert_array_equal(np.asarray(decode(images, images.image.values[5])), expected[5])


def test_a_clip_that_has_changed_or_gone_is_refused(colours: Path) -> None:
    images = read(colours, fps=1)
    assert levels(images) == [0, 80, 160]
    clip(colours, [solid(0), solid(90)], rate=1, **EXACT)
    with pytest.raises(UnreadableImage, match="changed: the clip is not the one"):
        decode(images, "colours.mkv#00001.000")
    assert levels(read(colours, fps=1)) == [0, 90]
    colours.unlink()
    with pytest.raises(UnreadableImage, match="missing"):
        decode(images, "colours.mkv#00001.000")


def test_a_list_keeps_clips_that_are_not_there(colours: Path) -> None:
    images = read([colours, colours.with_name("gone.mp4")], fps=1)
    assert images["status"].sel(image="gone.mp4").item() == "missing"


def test_the_lengths_that_a_file_declares_tell_whether_it_is_cut(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.avi"):
        path = clip(tmp_path / name, noisy(5))
        with path.open("rb") as file:
            assert not cut_off(file)
        path.write_bytes(path.read_bytes()[:-1])
        with path.open("rb") as file:
            assert cut_off(file)
    (tmp_path / "other").write_bytes(b"something else")
    with (tmp_path / "other").open("rb") as file:
        assert not cut_off(file)


@pytest.mark.parametrize("fps", ["1", True, [1]])
def test_fps_that_is_no_number_is_refused(colours: Path, fps: object) -> None:
    with pytest.raises(KindError, match="fps must be a number above 0"):
        read(colours, fps=fps)


@pytest.mark.parametrize("fps", [0, -1, 1001, np.nan, np.inf])
def test_fps_beyond_its_range_is_refused(colours: Path, fps: float) -> None:
    with pytest.raises(ArgumentError, match="fps must be a number above 0 and at most 1000"):
        read(colours, fps=fps)


def test_a_clip_without_fps_is_refused_with_advice(colours: Path) -> None:
    with pytest.raises(ArgumentError, match=r"fps must be given with clips; got none, and 1: .* fps=1 takes a frame"):
        read(colours)
    with pytest.raises(NoImageError, match="hold at least one image"):
        read(colours.parent)


def test_columns_that_frames_have_are_refused(colours: Path) -> None:
    table = pd.DataFrame({"path": [str(colours)], "time": ["morning"]})
    with pytest.raises(ArgumentError, match="not have columns with reserved names; got 1: 'time'"):
        read(table, fps=1)


def test_without_pyav_the_error_says_what_to_install(colours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingPackageError, match=r"PyAV \(av\) must be installed.*memfeat\[video\]"):
        read(colours, fps=1)
    assert read({"x": solid(3)}, fps=1).sizes["image"] == 1


def test_importing_and_reading_photographs_needs_no_pyav(mixed: Path) -> None:
    code = (
        f"import sys; sys.modules['av'] = None; import memfeat as mf; print(len(mf.images.read({str(mixed)!r}).image))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"


# --- the road --------------------------------------------------------------------------------------------------------


def test_frames_are_extracted_and_a_store_goes_on(mixed: Path, tmp_path: Path) -> None:
    model, store = reused(), tmp_path / "features.zarr"
    images = read(mixed, fps=5)
    part = images.isel(image=slice(0, 4))
    options = {"model": model, "layers": ["conv1", "fc"], "reduce": "mean", "progress": False}
    mf.extract(part, store=store, **options)
    found = mf.extract(read(mixed, fps=5), store=store, **options).load()
    assert found.image.values.tolist() == images.image.values.tolist()
    photographs = {name: np.asarray(decode(images, name)) for name in images.image.values}
    expected = mf.extract(photographs, **options)
    for layer in ("conv1", "fc"):
        np.testing.assert_array_equal(found[layer].values, expected[layer].values)
    assert found.sizes["image"] == 10 + 5 + 1


def test_a_shard_finds_frames_by_the_prepared_table(mixed: Path, tmp_path: Path) -> None:
    images = read(mixed, fps=2)
    options = {"model": reused(), "layers": ["fc"], "reduce": "mean", "progress": False, "store": tmp_path / "s.zarr"}
    mf.activations.prepare(images, **options)
    for k in (1, 2):
        found = mf.activations.extract_shard(f"{k}/2", **options)
    assert found.image.values.tolist() == images.image.values.tolist()


def test_predictions_and_low_level_statistics_of_frames(mixed: Path, resmem) -> None:
    images = read(mixed, fps=1)
    memory = mf.predict(images, model=resmem, progress=False)
    alone = mf.predict({"x": np.asarray(decode(images, "a.mkv#00001.000"))}, model=resmem, progress=False)
    assert memory["memorability"].sel(image="a.mkv#00001.000").item() == pytest.approx(
        alone["memorability"].item(), abs=1e-6
    )
    assert not any("converted" in said for said in memory["warnings"].values)
    luminance = mf.lowlevel.statistics(images, progress=False)
    assert luminance.image.values.tolist() == images.image.values.tolist()
    clips = by_clip(memory)
    expected = memory["memorability"].sel(image=["a.mkv#00000.000", "a.mkv#00001.000"]).mean().item()
    assert clips["memorability"].sel(image="a.mkv").item() == pytest.approx(expected, abs=1e-12)
    assert clips["n_frames"].to_series().to_dict() == {"a.mkv": 2, "photo.png": 1, "sub/b.MP4": 1}


def test_the_command_predicts_frames(mixed: Path, tmp_path: Path) -> None:
    out = tmp_path / "scores.csv"
    done = CliRunner().invoke(main, ["predict", str(mixed), "--fps", "1", "-o", str(out), "--quiet"])
    assert done.exit_code == 0, done.output
    assert pd.read_csv(out)["image"].tolist() == read(mixed, fps=1).image.values.tolist()


def test_the_command_extracts_frames_also_in_shards(mixed: Path, tmp_path: Path) -> None:
    names = read(mixed, fps=2).image.values.tolist()
    base = ["extract", str(mixed), "--model", "resnet18", "--weights", "random", "--layers", "fc", "--quiet", "-o"]
    for store, parts in (("one", [["--fps", "2"]]), ("two", [["--fps", "2", "--prepare"], ["--shard", "1/1"]])):
        for part in parts:
            done = CliRunner().invoke(main, [*base, str(tmp_path / store), *part])
            assert done.exit_code == 0, done.output
        with xr.open_zarr(tmp_path / store) as found:
            assert sorted(found.image.values.tolist()) == names


# --- results by clip -------------------------------------------------------------------------------------------------

FRAMES = [f"a.mp4#0000{k}.000" for k in range(3)] + ["b/c.mp4#00000.000", "photo.jpg"]


def result() -> xr.Dataset:
    return xr.Dataset(
        {
            "score": ("image", [1.0, 2.0, 6.0, 4.0, 9.0]),
            "flag": ("image", [True, False, False, True, True]),
            "said": ("image", list("abcde")),
            "layer1": (("image", "layer1:channel"), np.arange(10, dtype=np.float32).reshape(5, 2)),
        },
        {"image": FRAMES, "layer1:channel": ["p", "q"]},
        {"model": "resmem", "kind": "features"},
    )


@pytest.mark.parametrize(
    ("statistic", "score"), [("mean", 3), ("median", 2), ("min", 1), ("max", 6), ("std", np.sqrt(14 / 3))]
)
def test_one_value_per_clip(statistic: str, score: float) -> None:
    given = result()
    clips = by_clip(given, statistic=statistic)
    assert clips.image.values.tolist() == ["a.mp4", "b/c.mp4", "photo.jpg"]
    assert clips["n_frames"].values.tolist() == [3, 1, 1]
    assert clips["score"].sel(image="a.mp4").item() == pytest.approx(score)
    assert clips["score"].values[1:].tolist() == ([0, 0] if statistic == "std" else [4, 9])
    assert "said" not in clips
    assert (clips.attrs["statistic"], clips.attrs["model"]) == (statistic, "resmem")
    assert given.identical(result())
    expected = given["layer1"].isel(image=slice(0, 3)).values
    kernel = {"mean": np.mean, "median": np.median, "min": np.min, "max": np.max, "std": np.std}[statistic]
    np.testing.assert_allclose(clips["layer1"].sel(image="a.mp4").values, kernel(expected, axis=0), rtol=1e-6)
    assert clips["layer1"].dims == ("image", "layer1:channel")
    assert clips["layer1:channel"].values.tolist() == ["p", "q"]


def test_flags_become_shares_and_the_order_of_frames_does_not_matter() -> None:
    clips = by_clip(result())
    assert clips["flag"].values == pytest.approx([1 / 3, 1, 1])
    shuffled = by_clip(result().isel(image=[4, 2, 0, 3, 1]))
    xr.testing.assert_allclose(shuffled, clips)


@given(st.lists(st.tuples(st.sampled_from(["b.mp4", "a.mp4", "ab.mp4"]), st.booleans()), min_size=1, max_size=12))
def test_clips_have_the_rows_that_pandas_gives_them(rows: list[tuple[str, bool]]) -> None:
    names = [f"{clip}#{k:05}.000" for k, (clip, _) in enumerate(rows)]
    score = xr.DataArray(np.arange(len(rows)) ** 2.0, dims="image", coords={"image": names})
    status = ["ok" if usable else "unreadable" for _, usable in rows]
    found = by_clip(score.assign_coords(status=("image", status)))
    table = pd.DataFrame(rows, columns=["clip", "usable"]).assign(score=score.values)
    expected = table["score"].where(table["usable"]).groupby(table["clip"]).agg(["mean", "count"])
    assert found.image.values.tolist() == expected.index.tolist()
    np.testing.assert_allclose(found.values, expected["mean"])
    np.testing.assert_array_equal(found["n_frames"].values, expected["count"])


def test_frames_that_were_not_read_are_not_counted() -> None:
    given = result().assign(status=("image", ["ok", "ok", "truncated", "unreadable", "ok"]))
    clips = by_clip(given.assign(score=("image", [1, 2, np.nan, np.nan, 9.0])))
    assert clips["n_frames"].values.tolist() == [2, 0, 1]
    np.testing.assert_array_equal(clips["score"].values, [1.5, np.nan, 9])


def test_a_single_result_and_one_that_is_lazy() -> None:
    scores = by_clip(result()["score"])
    assert isinstance(scores, xr.DataArray)
    assert scores.values.tolist() == [3, 4, 9]
    assert scores.name == "score"
    lazy = by_clip(result().chunk({"image": 2}))
    assert isinstance(lazy["layer1"].data, dask.array.Array)
    xr.testing.assert_allclose(lazy.compute(), by_clip(result()))


def test_by_clip_refuses_what_it_cannot_use() -> None:
    with pytest.raises(ArgumentError, match=r"statistic must be one of 'mean'"):
        by_clip(result(), statistic="mode")
    with pytest.raises(ArgumentError, match=r"result must have frames; got no name like"):
        by_clip(result().isel(image=[4]))
    with pytest.raises(ArgumentError, match=r"result must have numbers"):
        by_clip(result()[["said"]])
    with pytest.raises(ArgumentError, match=r"result must have numbers"):
        by_clip(result()["said"])
    with pytest.raises(KindError, match="result must be an xarray"):
        by_clip({"a.mp4#00000.000": 1})


# --- clips of a published set -----------------------------------------------------------------------------------------


def test_frames_of_memento10k_have_the_score_of_their_clip(tmp_path):
    for name, level in (("run.mkv", 40), ("sit.mkv", 200)):
        clip(tmp_path / "videos" / name, [solid(level)] * 15, **EXACT)
    rows = '[{"filename": "run.mkv", "mem_score": 0.9, "alpha": -0.01}, {"filename": "sit.mkv", "mem_score": 0.6}]'
    (tmp_path / "memento_train_data.json").write_text(rows)
    clips = mf.datasets.table("memento10k", "clips", folder=tmp_path).rename(columns={"clip": "image"})
    with pytest.warns(mf.errors.MemfeatWarning, match="decay"):
        frames = read(clips, root=tmp_path / "videos", fps=1, verify=False)
    assert frames["clip"].values.tolist() == ["run.mkv", "run.mkv", "sit.mkv", "sit.mkv"]
    assert frames["time"].values.tolist() == [0, 1, 0, 1]
    assert frames["memorability"].values.tolist() == [0.9, 0.9, 0.6, 0.6]
    # the set itself gives scores of clips as long as nobody has saved frames
    assert mf.datasets.load("memento10k", folder=tmp_path)["image"].values.tolist() == ["run.mkv", "sit.mkv"]
