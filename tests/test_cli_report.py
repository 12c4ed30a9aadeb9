"""`memfeat report`: what is written and said, and how it ends."""

import json
import re

import click.testing
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from PIL import Image

from memfeat.cli import main
from memfeat.cli.viewing import PROFILES
from memfeat.report.options import PROFILES as REPORT_PROFILES


def run(*arguments):
    return click.testing.CliRunner().invoke(main, ["report", *map(str, arguments)])


@pytest.fixture
def photos(tmp_path):
    """Two folders of pictures, one file that is none, predictions of them, scores and features."""
    rng = np.random.default_rng(3)
    names = [f"{kind}/{k}.png" for kind in ("old", "new") for k in range(6)]
    for name in names:
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (20, 30, 3), np.uint8)).save(tmp_path / "photos" / name)
    (tmp_path / "photos" / "old" / "bad.png").write_bytes(b"none")
    frame = pd.DataFrame({"image": [*names, "old/bad.png"], "memorability": [*rng.uniform(0.5, 0.9, 12), np.nan]})
    frame["warnings"], frame["status"] = "", ["ok"] * 12 + ["unreadable"]
    frame["reason"] = [""] * 12 + ["no picture"]
    frame.to_csv(tmp_path / "memory.csv", index=False)
    frame.assign(hit_rate=rng.uniform(0.4, 0.9, 13))[["image", "hit_rate"]].iloc[:12].to_csv(
        tmp_path / "scores.csv", index=False
    )
    layers = {name: (("image", f"{name}:unit"), rng.normal(size=(12, 4))) for name in ("one", "two")}
    xr.Dataset(layers, coords={"image": names}).to_zarr(tmp_path / "features.zarr", zarr_format=2)
    return tmp_path


def options(folder, *more):
    return [folder / "photos", "--predictions", folder / "memory.csv", "-o", folder / "r.html", "-q", *more]


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    monkeypatch.setattr("memfeat.prediction.predict", lambda *_, **__: pytest.fail("predicted"))


def test_folders_are_sets_and_what_failed_is_listed(photos):
    done = run(*options(photos, "--folders", "--permutations", 19, "--features", photos / "features.zarr"))
    assert done.exit_code == 1, done.output
    assert done.stdout.startswith(f"Wrote {photos / 'r.html'} (13 images, 0.")
    assert "1 of 13 images failed:\n  old/bad.png: unreadable" in done.stderr
    text = (photos / "r.html").read_text("utf-8")
    assert "The image sets new (n = 6) and old (n = 6) were compared by memorability." in text
    assert "two" in text


def remarks(photos):
    text = (photos / "r.html").read_text("utf-8")
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])["notes"]


def test_a_picture_without_remarks_has_none(photos):
    frame = pd.read_csv(photos / "memory.csv")
    frame["warnings"] = ["enlarged from 30 × 20"] + [""] * 12
    frame.to_csv(photos / "memory.csv", index=False)
    run(*options(photos))
    assert sorted(remarks(photos)) == [""] * 11 + ["enlarged from 30 × 20", "unreadable: no picture"]


def test_predictions_may_say_nothing_of_files(photos):
    pd.read_csv(photos / "memory.csv")[["image", "memorability"]].to_csv(photos / "memory.csv", index=False)
    done = run(*options(photos))
    assert (done.exit_code, done.exception.__class__) == (1, SystemExit), done.output
    assert sorted(remarks(photos))[:12] == [""] * 12


def test_json_says_what_was_written(photos):
    found = run(*options(photos, "--json"))
    assert json.loads(found.stdout) == {
        "file": str(photos / "r.html"),
        "bytes": (photos / "r.html").stat().st_size,
        "n_images": 13,
        "n_unreadable": 1,
    }


def test_measured_scores_stand_beside_predictions(photos):
    done = run(*options(photos, "--scores", photos / "scores.csv", "--score", "hit_rate", "--title", "Ours & theirs"))
    assert done.exit_code == 1, done.output
    text = (photos / "r.html").read_text("utf-8")
    assert "<h1>Ours &amp; theirs</h1>" in text
    assert "Predicted memorability beside hit rate, measured: 12 images" in text


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--folders", "--by", "x"], 2, "--folders and --by both say which set"),
        (["--by", "x"], 3, "--by must "),
        (["-o", "r.pdf"], 3, "--out must end in .html or .htm"),
        (["--thumbnail", "4"], 3, "--thumbnail must be at least 32; got 4"),
        (["--predictions", "other.csv"], 3, "--predictions must be of the same images; got 13 images without"),
        (["--score", "hits"], 3, "--score must "),
        (["--profile", "rsa"], 2, "'magnitude', 'distinctiveness', 'decoding'"),
    ],
)
def test_what_cannot_be_used_is_said_in_words_of_the_command(photos, arguments, code, message):
    pd.DataFrame({"image": ["x.png"], "memorability": [0.5]}).to_csv(photos / "other.csv", index=False)
    arguments = [photos / one if one == "other.csv" else one for one in arguments]
    done = run(*options(photos, *arguments))
    assert done.exit_code == code, done.output
    assert message in done.output
    assert not (photos / "r.html").exists()


def test_profiles_are_those_of_a_report():
    assert tuple(REPORT_PROFILES) == PROFILES


def test_predictions_must_be_predictions(photos):
    done = run(photos / "photos", "--predictions", photos / "scores.csv", "-o", photos / "r.html")
    assert done.exit_code == 3
    assert "--predictions must be what memfeat predict wrote, with columns image and memorability" in done.stderr


def test_one_folder_is_no_two_sets(photos):
    done = run(photos / "photos" / "new", "-o", photos / "r.html", "--folders")
    assert done.exit_code == 2
    assert "--folders needs images in several folders; all are in '.'" in done.output
