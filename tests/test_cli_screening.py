"""`memfeat screen`: who is named, what is written, and how it ends."""

import json

import click.testing
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from PIL import Image
from scenes import scene

from memfeat.cli import main


@pytest.fixture
def photos(tmp_path):
    """A scene, the same mirrored, another one, and an even image."""
    folder = tmp_path / "photos"
    folder.mkdir()
    scene(0).save(folder / "a.png")
    scene(0).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "b.png")
    scene(1).save(folder / "c.png")
    Image.new("RGB", (200, 200), "gray").save(folder / "even.png")
    return folder


def run(*arguments):
    return click.testing.CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_the_terminal_shows_what_warns(photos):
    done = run("screen", photos)
    assert done.exit_code == 0
    first, _, *rows = done.stdout.splitlines()
    assert first == "3 of 4 images warn:"
    assert [row.split()[0] for row in rows] == ["a.png", "b.png", "even.png"]
    assert "looks like 'b.png' (0 of 64 bits differ)" in rows[0]
    assert run("screen", photos / "c.png").stdout == "0 of 1 images warn.\n"


def test_a_file_has_all_of_it(photos, tmp_path):
    done = run("screen", photos, "-o", tmp_path / "out.csv", "--quiet")
    assert done.stdout == f"Wrote {tmp_path / 'out.csv'} (4 rows).\n"
    table = pd.read_csv(tmp_path / "out.csv", keep_default_na=False)
    assert table["image"].tolist() == ["a.png", "b.png", "c.png", "even.png"]
    assert table["near_duplicate"].tolist() == [True, True, False, False]
    found = json.loads(run("screen", photos, "--json").stdout)
    assert [row["unlike_photographs"] for row in found["rows"]] == [False, False, False, True]
    assert found["attrs"]["n_near_duplicate"] == 2


def test_images_that_cannot_be_read_are_listed(photos):
    (photos / "d.png").write_bytes(b"no image")
    done = run("screen", photos)
    assert done.exit_code == 1
    assert "1 of 5 images failed" in done.stderr
    assert run("screen", photos / "d.png").exit_code == 3
    assert run("screen", photos, "--distance", "65").exit_code == 2


def test_predictions_are_made_when_they_are_asked_for(photos, monkeypatch):
    def predict(images, *, progress, device, batch_size):
        assert device == "cpu"
        flags = np.array([False, False, True, False])
        return xr.Dataset({"at_floor": ("image", flags)}, {"image": images["image"].values})

    monkeypatch.setattr("memfeat.prediction.predict", predict)
    done = run("screen", photos, "--predict", "--device", "cpu")
    assert done.stdout.startswith("4 of 4 images warn:")
    named = [row for row in done.stdout.splitlines() if "at the floor" in row]
    assert [row.split()[0] for row in named] == ["c.png"]
