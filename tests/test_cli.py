"""The command line: results on stdout, messages on stderr, exit codes that say how it went."""

import hashlib
import json
import logging
import re
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import click.testing
import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from PIL import Image
from scipy.stats import spearmanr
from torchvision.transforms.functional import to_tensor

import memfeat as mf
from memfeat import _frames, demo, models, prediction
from memfeat.cli import main
from memfeat.cli.manners import messages
from memfeat.errors import ArgumentError, MemfeatWarning
from memfeat.models.preprocessing import SquashAndCrop

VERBS = ["predict", "layers", "extract", "rsa", "decode", "evaluate", "demo"]
N = 14


def never(*_, **__):
    raise AssertionError("computed before the arguments were checked")


def small(image):
    return to_tensor(image.resize((8, 8)))


@pytest.fixture(scope="module")
def tiny():
    """A network with two layers and one output: the mean of red, squashed."""
    convolution = torch.nn.Conv2d(3, 4, 1, bias=False)
    last = torch.nn.Linear(4, 1, bias=False)
    with torch.no_grad():
        convolution.weight[:] = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]])[:, :, None, None]
        last.weight[:] = torch.tensor([[1.0, 0, 0, 0]])
    pool, flat = torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()
    module = torch.nn.Sequential(convolution, pool, flat, last, torch.nn.Sigmoid())
    return mf.models.wrap(module, small, name="tiny")


@pytest.fixture
def command(tiny, monkeypatch):
    """Run a command in this process with the tiny network in place of every other."""
    monkeypatch.setattr("memfeat.prediction.predicting.load", lambda *_, **__: tiny)
    monkeypatch.setattr(models, "load", lambda *_, **__: tiny)

    def run(*arguments):
        runner = click.testing.CliRunner()
        if "mix_stderr" in click.testing.CliRunner.__init__.__code__.co_varnames:  # click before 8.2
            runner = click.testing.CliRunner(mix_stderr=False)
        return runner.invoke(main, [str(one) for one in arguments])

    return run


@pytest.fixture
def photos(tmp_path):
    """Fourteen images whose red grows with their name, in two folders."""
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for k in range(N):
        pixels = rng.integers(0, 256, (10, 12, 3), dtype=np.uint8)
        pixels[..., 0] = 10 * k
        Image.fromarray(pixels).save(folder / ("more" if k % 2 else ".") / f"{k:02}.png")
    return folder


@pytest.fixture
def scored(photos, tmp_path):
    """Scores by image name, in another order."""
    names = sorted(path.relative_to(photos).as_posix() for path in photos.rglob("*.png"))
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"image": names, "hit_rate": rng.random(N), "group": "a"})
    table.sample(frac=1, random_state=0).to_csv(tmp_path / "scores.csv", index=False)
    return tmp_path / "scores.csv"


@pytest.fixture
def store(command, photos, tmp_path):
    done = command("extract", photos, "--layers", "0", "--layers", "3", "-o", tmp_path / "features.zarr")
    assert done.exit_code == 0, done.output
    return tmp_path / "features.zarr"


# manners --------------------------------------------------------------------------------------------------------------


def test_importing_the_command_line_loads_nothing_heavy():
    heavy = ["torch", "xarray", "pandas", "scipy", "sklearn", "matplotlib", "zarr", "numpy"]
    code = f"import memfeat.cli, sys; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    # numpy comes with the checks of arguments, everything else waits
    assert json.loads(done.stdout.replace("'", '"')) in ([], ["numpy"])


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(verb, command):
    done = command(verb, "--help")
    assert done.exit_code == 0
    assert f"Example: memfeat {verb}" in done.stdout


def test_no_two_examples_draw_the_same_figure(command):
    """Who takes the examples in turn keeps what the first of them has drawn."""
    told = [" ".join(command(verb, "--help").stdout.split()).partition("Example: ")[2] for verb in VERBS]
    drawn = [figure for one in told for figure in re.findall(r"--figure (\S+\.svg)", one)]
    assert len(set(drawn)) == len(drawn) >= 2


def test_help_and_version_name_the_verbs_and_the_version(command):
    assert all(verb in command("--help").stdout for verb in VERBS)
    assert command("--version").stdout == f"memfeat, version {mf.__version__}\n"


def test_the_module_runs_like_the_command():
    done = subprocess.run([sys.executable, "-m", "memfeat", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"memfeat, version {mf.__version__}\n"


@pytest.mark.parametrize(
    "arguments", [["predict"], ["predict", "x", "--batch-size", "0"], ["remember"], ["rsa", "nowhere.zarr"]], ids=str
)
def test_wrong_usage_ends_with_two(arguments, command):
    done = command(*arguments)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "Usage:" in done.stderr


def test_an_error_of_ours_ends_with_three_and_is_one_line_of_advice(command, tmp_path):
    done = command("predict", tmp_path / "nowhere")
    assert done.exit_code == 3
    assert done.stdout == ""
    assert done.stderr.startswith("Error: PHOTOS must be a path that exists; got ")
    assert "Traceback" not in done.stderr


def test_advice_is_given_in_the_words_of_the_command_line(command, photos, scored, tmp_path, monkeypatch):
    table = pd.read_csv(scored)

    def said(**columns):
        table.assign(**columns).to_csv(tmp_path / "t.csv", index=False)
        done = command("predict", photos, "--scores", tmp_path / "t.csv", "-o", tmp_path / "out.csv")
        return done.exit_code, done.stderr

    code, message = said(width=1)
    assert code == 3
    assert message.startswith("Error: --scores must not have columns with reserved names; got 1: 'width'.")
    assert "Rename them, e.g. 'width' to 'my_width', or leave them out." in message
    code, message = said(hit_rate=table["hit_rate"].where(table.index > 0))
    assert (code, message) == (0, f"'hit_rate' is NaN for 1 of {N} images, and stays so\n")
    table = table.rename(columns={"image": "name"})
    assert "Call the one that does 'image'." in said(file=table["name"])[1]
    pd.DataFrame({"path": ["gone.jpg"]}).to_csv(tmp_path / "gone.csv", index=False)
    message = command("predict", tmp_path / "gone.csv").stderr
    assert message.startswith("Error: PHOTOS must name files that exist; got none of 1: ")
    assert f"They were looked for in {str(tmp_path)!r}, where the table lies. If these are scores" in message
    assert message.endswith(f" give the folder, and to predict --scores {tmp_path / 'gone.csv'}.\n")
    message = command("predict", photos, "--scores", Path(__file__)).stderr
    assert message.endswith("Save it as CSV.\n")


def test_an_unknown_network_or_backbone_is_refused_in_the_words_of_the_command_line(command, monkeypatch):
    monkeypatch.undo()
    message = command("layers", "resnett").stderr
    assert message.startswith("Error: MODEL must be a known name; got 'resnett'.")
    assert "It is resmem, resmem-frozen or the name of a torchvision network." in message
    assert command("layers", "--backbone", "none").stderr.startswith("Error: --backbone must be one of 'imagenet'")


def test_an_error_that_nobody_foresaw_ends_with_three_and_a_traceback(command, monkeypatch, tmp_path):
    def broken(*_, **__):
        raise ZeroDivisionError("hidden fault")

    monkeypatch.setattr(models, "layers", broken)
    done = command("layers")
    assert done.exit_code == 3
    assert "ZeroDivisionError: hidden fault" in done.stderr
    assert "please report it" in done.stderr


def test_stopping_a_command_ends_with_130(command, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(models, "layers", stopped)
    done = command("layers")
    assert done.exit_code == 130
    assert done.stderr == "Stopped.\n"


def test_a_message_is_shown_once_by_a_command_and_again_by_the_next(capsys):
    for _ in range(2):
        with messages(quiet=False):
            for text in ("the licence", "the licence", "something else", "the licence"):
                logging.getLogger("memfeat.models.weights").info(text)
    assert capsys.readouterr().err == "the licence\nsomething else\n" * 2


def test_messages_are_plain_lines_and_leave_logging_and_warnings_as_they_were(capsys):
    logger = logging.getLogger("memfeat")
    before = logger.level, logger.propagate, list(logger.handlers), warnings.showwarning
    with messages(quiet=False):
        logger.info("step")
        warnings.warn("careful", MemfeatWarning, stacklevel=1)
    assert capsys.readouterr() == ("", "step\ncareful\n")
    with messages(quiet=True):
        logger.info("step")
        warnings.warn("careful", MemfeatWarning, stacklevel=1)
    assert capsys.readouterr() == ("", "")
    assert (logger.level, logger.propagate, list(logger.handlers), warnings.showwarning) == before


# predict --------------------------------------------------------------------------------------------------------------


def test_predict_prints_one_line_per_image_in_name_order(command, photos):
    done = command("predict", photos)
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert len(lines) == N + 1
    names = [line.split()[0] for line in lines[1:]]
    assert names == sorted(names)


def test_predict_writes_a_table_with_fixed_columns_and_says_so(command, photos, tmp_path):
    out = tmp_path / "new" / "scores.csv"
    done = command("predict", photos, "-o", out)
    assert (done.exit_code, done.stdout) == (0, f"Wrote {out} ({N} rows).\n")
    table = pd.read_csv(out, keep_default_na=False)
    assert list(table) == [
        "image", "memorability", "at_floor", "warnings", "width", "height", "mode", "status", "reason", "sha256",
        "path",
    ]  # fmt: skip
    k = table["image"].str.extract(r"(\d\d)\.png")[0].astype(int)
    np.testing.assert_allclose(table["memorability"].astype(float), 1 / (1 + np.exp(-10 * k / 255)), atol=1e-6)
    assert set(table["status"]) == {"ok"}


def test_an_unreadable_image_is_listed_the_others_are_done_and_the_code_is_one(command, photos, tmp_path):
    (photos / "torn.jpg").write_text("no image")
    done = command("predict", photos, "-o", tmp_path / "scores.csv", "--quiet")
    assert done.exit_code == 1
    assert f"1 of {N + 1} images failed:\n  torn.jpg: unreadable" in done.stderr
    table = pd.read_csv(tmp_path / "scores.csv").set_index("image")
    assert table["memorability"].notna().sum() == N
    assert table["status"]["torn.jpg"] == "unreadable"
    assert table["reason"]["torn.jpg"]
    assert list(table.index[table["at_floor"].isna()]) == ["torn.jpg"]
    found = json.loads(command("predict", photos, "--json").stdout)
    assert {row["at_floor"] for row in found["rows"] if row["image"] == "torn.jpg"} == {None}
    assert {row["at_floor"] for row in found["rows"] if row["image"] != "torn.jpg"} == {False}


def test_json_holds_every_row_with_null_for_no_number_and_where_it_came_from(command, photos):
    (photos / "torn.jpg").write_text("no image")
    found = json.loads(command("predict", photos, "--json").stdout)
    assert found["attrs"]["model"] == "tiny"
    rows = {row["image"]: row for row in found["rows"]}
    assert rows["torn.jpg"]["memorability"] is None
    assert rows["00.png"]["memorability"] == pytest.approx(0.5)


def test_views_are_told_where_the_preprocessing_can_be_varied(command, tiny, photos, tmp_path, monkeypatch):
    done = command("predict", photos, "--tta")
    assert (done.exit_code, done.stdout) == (3, "")
    assert "--tta must suit the network's preprocessing" in done.stderr
    assert "In Python mf.predict takes views of your own." in done.stderr
    squashed = models.wrap(tiny.module, SquashAndCrop(8, 6), name="tiny")
    monkeypatch.setattr("memfeat.prediction.predicting.load", lambda *_, **__: squashed)
    done = command("predict", photos, "--tta", "-o", tmp_path / "out.csv")
    assert done.exit_code == 0, done.stderr
    table = pd.read_csv(tmp_path / "out.csv")
    assert {"memorability", "tta_mean", "tta_sd"} <= set(table)
    # the network looks at red alone, of which each image has one shade
    np.testing.assert_allclose(table["tta_sd"], 0, atol=1e-7)
    np.testing.assert_allclose(table["tta_mean"], table["memorability"])
    assert "tta_sd" in command("predict", photos, "--tta").stdout


def test_predict_takes_another_network_and_a_file_of_weights(command, photos, tiny, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(models, "load", lambda name, **given: asked.append((name, given)) or tiny)
    for words in (
        ["--model", "resmem-frozen"],
        ["--model", "resmem-frozen", "--backbone", "imagenet", "--weights", "my.pth"],
        ["--model", "resmem-frozen", "--weights", "my.pth"],
        ["--model", "resnet18", "--weights", "random"],
        ["--model", "resmem"],
    ):
        assert command("predict", photos, *words, "-q").exit_code == 0
    assert asked == [
        ("resmem-frozen", {"backbone": "released"}),
        ("resmem-frozen", {"backbone": "imagenet", "weights": "my.pth"}),
        ("resmem-frozen", {"weights": "my.pth"}),
        ("resnet18", {"weights": "random", "rng": 0}),
        ("resmem", {}),
    ]
    done = command("predict", photos, "--backbone", "imagenet")
    assert done.exit_code == 3
    assert "--model must be named with --backbone or --weights; got None. Name it: --model resmem-frozen" in done.stderr


def test_without_a_network_the_remedies_are_those_of_the_command_line(command, monkeypatch, tmp_path):
    monkeypatch.undo()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def unreachable(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setattr("torch.hub.download_url_to_file", unreachable)
    said = command("layers", "--backbone", "imagenet").stderr
    assert "pass --weights PATH, or use --backbone released, which needs no network" in said
    said = command("layers", "resnet18").stderr
    assert "pass --weights PATH, or --weights random for an untrained network" in said


def test_scores_are_added_by_name(command, photos, scored, tmp_path):
    done = command("predict", photos, "--scores", scored, "-o", tmp_path / "out.csv")
    assert done.exit_code == 0, done.stderr
    ours = pd.read_csv(tmp_path / "out.csv").set_index("image")
    theirs = pd.read_csv(scored).set_index("image")
    pd.testing.assert_series_equal(ours["hit_rate"], theirs["hit_rate"].loc[ours.index])


@pytest.mark.parametrize("column", ["memorability", "at_floor", "warnings"])
def test_a_column_of_scores_called_like_one_of_the_result_is_refused_before_the_work(
    column, command, photos, scored, monkeypatch
):
    monkeypatch.setattr(prediction, "predict", never)
    pd.read_csv(scored).rename(columns={"hit_rate": column}).to_csv(scored, index=False)
    done = command("predict", photos, "--scores", scored)
    assert (done.exit_code, done.stdout) == (3, "")
    assert f"not be called like columns of the result; got 1: '{column}'. Rename it, e.g. human_{column}" in done.stderr


def test_when_no_image_can_be_read_both_verbs_end_with_three_and_predict_keeps_its_table(command, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "torn.jpg").write_text("no image")
    (folder / "empty.jpg").touch()
    done = command("predict", folder, "-o", tmp_path / "scores.csv")
    assert done.exit_code == 3
    assert "2 of 2 images failed:\n  empty.jpg: empty" in done.stderr
    table = pd.read_csv(tmp_path / "scores.csv").set_index("image")
    assert dict(table["status"]) == {"empty.jpg": "empty", "torn.jpg": "unreadable"}
    assert command("extract", folder, "--layers", "0", "-o", tmp_path / "f.zarr").exit_code == 3


def test_several_photos_and_a_netcdf_file_work_too(command, photos, tmp_path):
    done = command("predict", photos / "00.png", photos / "02.png", "-o", tmp_path / "scores.nc")
    assert done.exit_code == 0
    with xr.open_dataset(tmp_path / "scores.nc", engine="h5netcdf") as saved:
        assert list(saved["image"].values) == ["00.png", "02.png"]
        assert saved.attrs["model"] == "tiny"


@pytest.mark.parametrize("name", ["scores.xlsx", "scores", "scores.tsv", "scores.csv.gz"])
def test_a_file_of_another_kind_is_refused_before_the_work(name, command, photos, tmp_path, monkeypatch):
    monkeypatch.setattr(prediction, "predict", never)
    done = command("predict", photos, "-o", tmp_path / name)
    assert done.exit_code == 3
    assert "--out must end in .csv or .nc; got " in done.stderr
    assert "Name it 'scores.csv'; nothing has been computed yet." in done.stderr
    assert not (tmp_path / name).exists()


def test_the_ending_of_a_file_may_be_in_capitals(command, photos, tmp_path):
    assert command("predict", photos / "00.png", "-o", tmp_path / "A.CSV").exit_code == 0
    assert pd.read_csv(tmp_path / "A.CSV")["image"].tolist() == ["00.png"]
    assert command("predict", photos / "00.png", "-o", tmp_path / "A.NC").exit_code == 0
    with xr.open_dataset(tmp_path / "A.NC", engine="h5netcdf") as saved:
        assert saved["image"].values.tolist() == ["00.png"]


def test_a_file_that_cannot_be_written_is_refused_before_the_work(command, photos, tmp_path, monkeypatch):
    monkeypatch.setattr(prediction, "predict", never)
    (tmp_path / "taken").write_text("")
    done = command("predict", photos, "-o", tmp_path / "taken" / "scores.csv")
    assert done.exit_code == 3
    assert "--out must be a file that can be written" in done.stderr


# layers and extract ---------------------------------------------------------------------------------------------------


def test_layers_lists_names_kinds_and_shapes(command):
    lines = command("layers").stdout.splitlines()
    assert lines[0].split() == ["name", "kind", "call", "shape", "bytes", "order"]
    assert [line.split()[:3] for line in lines[1:3]] == [["0", "Conv2d", "1"], ["1", "AdaptiveAvgPool2d", "1"]]
    rows = json.loads(command("layers", "--layers", "[03]", "--json").stdout)["rows"]
    assert [(row["name"], row["shape"]) for row in rows] == [("0", "4 × 8 × 8"), ("3", "1")]
    assert [(row["call"], row["order"]) for row in rows] == [(1, 0), (1, 3)]


def test_layers_says_which_call_of_a_module_is_meant(command, tiny, monkeypatch):
    relu = torch.nn.ReLU()
    twice = models.wrap(torch.nn.Sequential(relu, torch.nn.Conv2d(3, 2, 1), relu), tiny.transform)
    monkeypatch.setattr(models, "load", lambda *_, **__: twice)
    rows = json.loads(command("layers", "--json").stdout)["rows"]
    assert [(row["name"], row["call"]) for row in rows] == [("0@1", 1), ("1", 1), ("0@2", 2)]


def test_layers_gives_the_bytes_of_what_is_kept(command):
    found = {
        reduce: json.loads(command("layers", "--layers", "0", "--reduce", reduce, "--n-images", 9, "--json").stdout)
        for reduce in ("none", "mean", "grid:2", "magnitude", "project:0.9")
    }
    # The layer is 4 × 8 × 8; for 9 images and eps .9 there are 4 ln 9 / (.9² / 2 - .9³ / 3) = 54.2 components.
    assert {key: done["rows"][0]["bytes"] for key, done in found.items()} == {
        "none": 1024, "mean": 16, "grid:2": 64, "magnitude": 12, "project:0.9": 216,
    }  # fmt: skip


def test_bytes_are_missing_where_a_reduction_does_not_fit(command, tiny, monkeypatch):
    tokens = mf.models.wrap(torch.nn.Sequential(*list(tiny.module)[:2], torch.nn.Flatten(2)), tiny.transform)
    monkeypatch.setattr(models, "load", lambda *_, **__: tokens)
    rows = json.loads(command("layers", "--reduce", "cls", "--json").stdout)["rows"]
    assert [row["bytes"] for row in rows] == [None, None, 4]
    assert command("layers", "--reduce", "cls").stdout.splitlines()[1].split() == ["0", "Conv2d", "1", *"4×8×8", "0"]


@pytest.mark.parametrize("verb", ["layers", "extract"])
def test_a_reduction_that_is_not_there_is_an_error_with_advice(verb, command, photos, tmp_path):
    arguments = [photos, "--layers", "0", "-o", tmp_path / "f.zarr"] if verb == "extract" else []
    done = command(verb, *arguments, "--reduce", "median")
    assert done.exit_code == 3
    assert "Error: --reduce must be one of 'mean', 'max', 'flatten', 'none', 'cls'" in done.stderr
    assert "For instance grid:4 or project:0.1" in done.stderr


def test_a_layer_that_is_not_there_is_an_error_with_advice(command):
    done = command("layers", "--layers", "9")
    assert done.exit_code == 3
    assert done.stderr.startswith("Error: --layers must name layers of this network; got '9'.")
    assert "See memfeat layers MODEL; '*' stays" in done.stderr


@pytest.mark.parametrize("verb", ["layers", "extract"])
def test_the_default_backbone_is_said_in_the_help(verb, command):
    said = " ".join(command(verb, "--help").stdout.split())
    assert "For resmem-frozen: released (default here, works offline; the weights of the retrained network" in said


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], True),
        (["--backbone", "released"], False),
        (["--backbone", "imagenet"], False),
        (["--model", "resnet18"], False),
        (["--quiet"], False),
    ],
    ids=str,
)
def test_who_names_no_backbone_is_told_whose_weights_are_read(options, told, command, photos, tmp_path):
    done = command("extract", photos, "--layers", "0", "-o", tmp_path / "f.zarr", *options)
    assert done.exit_code == 0
    lines = [
        line for line in done.stderr.splitlines() if line.startswith("--backbone released: the weights of the retr")
    ]
    assert len(lines) == told
    assert all("For an analysis that you publish: --backbone imagenet" in line for line in lines)


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ([], {"backbone": "released"}),
        (["--backbone", "imagenet"], {"backbone": "imagenet"}),
        (["--backbone", "random"], {"backbone": "random", "rng": 0}),
        (["resnet18"], {}),
    ],
    ids=str,
)
def test_the_backbone_that_is_loaded_is_the_one_that_the_help_says(arguments, options, command, tiny, monkeypatch):
    asked = []
    monkeypatch.setattr(models, "load", lambda _, **given: asked.append(given) or tiny)
    assert command("layers", *arguments).exit_code == 0
    assert asked == [options]


def test_extract_writes_a_store_that_xarray_opens_and_goes_on_with(command, store, photos):
    features = xr.open_zarr(store)
    assert sorted(features.data_vars) == ["0", "3"]
    k = np.array([int(Path(name).stem) for name in features["image"].values])
    np.testing.assert_allclose(features["0"].values[:, 0], 10 * k / 255, atol=1e-6)
    done = command("extract", photos, "--layers", "0", "--layers", "1", "-o", store)
    assert done.stdout == f"Wrote {store} ({N} images, 2 layers).\n"
    assert sorted(xr.open_zarr(store).data_vars) == ["0", "1", "3"]


def test_extract_in_shards_is_prepared_once_and_gives_one_store(command, photos, tmp_path):
    words = [photos, "--layers", "0", "--layers", "3", "--batch-size", "4"]
    prepared = command("extract", *words, "-o", tmp_path / "parts.zarr", "--prepare")
    assert prepared.exit_code == 0
    assert prepared.stdout.splitlines()[0].startswith(
        f"Prepared {tmp_path / 'parts.zarr'} ({N} images, 2 layers, 0.0 MB"
    )
    assert prepared.stdout.splitlines()[1] == "1 blocks of up to 256 images: use at most so many shards."
    assert prepared.stdout.splitlines()[2].startswith("One process would take about 0:00:")
    told = json.loads(command("extract", *words, "-o", tmp_path / "parts.zarr", "--prepare", "--json").stdout)
    assert told["attrs"].pop("seconds") > 0
    assert told["attrs"] == {"n_images": N, "bytes": N * 5 * 4, "block": 256, "n_blocks": 1}
    first = command("extract", *words, "-o", tmp_path / "parts.zarr", "--shard", "2/2")
    assert (first.exit_code, first.stdout) == (0, f"Wrote {tmp_path / 'parts.zarr'} (0 images, 2 layers).\n")
    second = command("extract", *words, "-o", tmp_path / "parts.zarr", "--shard", "1/2")
    assert (second.exit_code, second.stdout) == (0, f"Wrote {tmp_path / 'parts.zarr'} ({N} images, 2 layers).\n")
    command("extract", *words, "-o", tmp_path / "whole.zarr")
    xr.testing.assert_identical(
        xr.open_zarr(tmp_path / "parts.zarr").load(), xr.open_zarr(tmp_path / "whole.zarr").load()
    )
    both = command("extract", *words, "-o", tmp_path / "parts.zarr", "--prepare", "--shard", "1/2")
    assert both.exit_code == 2
    assert "--prepare comes before --shard, in a call of its own." in both.stderr


def test_extract_takes_a_precision_and_says_how_it_computed(command, photos, tmp_path):
    done = command(
        "extract", photos, "--layers", "0", "--precision", "float32:8", "--fast", "-o", tmp_path / "f.zarr", "--json"
    )
    attributes = json.loads(done.stdout)["attrs"]
    assert (attributes["precision"], attributes["computation"]) == ("float32:8", "exact")  # it has no batch norm
    refused = command("extract", photos, "--layers", "0", "--precision", "float8", "-o", tmp_path / "g.zarr")
    assert refused.exit_code == 3
    assert (
        "precision must be one of 'float32', 'float16', 'float32:BITS' with 1 to 22 BITS; got 'float8'"
        in refused.stderr
    )


def test_extract_lists_what_it_left_out_and_ends_with_one(command, photos, tmp_path):
    (photos / "torn.jpg").write_text("no image")
    done = command("extract", photos, "--layers", "0", "-o", tmp_path / "f.zarr", "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["rows"] == [{"layer": "0", "features": "4"}]
    assert f"1 of {N + 1} images failed:\n  torn.jpg: unreadable" in done.stderr


def test_extract_says_what_a_store_cannot_do_as_asked_and_lists_failed_images_once(command, photos, tmp_path):
    words = ["--layers", "0", "--reduce", "project:0.9", "-o", tmp_path / "f.zarr"]
    assert command("extract", photos / "00.png", photos / "02.png", *words).exit_code == 0
    (photos / "torn.jpg").write_text("no image")
    done = command("extract", photos, *words, "--batch-size", "3")
    assert done.exit_code == 1
    # 4 ln n / (.9² / 2 - .9³ / 3) is 17.1 for 2 images and 66.9 for 15
    assert "--reduce must have 66 components for 15 images; got 17." in done.stderr
    assert "Distances may change by more than 0.9." in done.stderr
    assert (
        "--batch-size must be the one that the store was begun with; got 3. It goes on in batches of 8" in done.stderr
    )
    assert "Images left out" not in done.stderr
    assert done.stderr.count("torn.jpg") == 1
    assert "must have" not in command("extract", photos, *words, "--quiet").stderr


# rsa and decode -------------------------------------------------------------------------------------------------------


def test_rsa_prints_a_table_and_agrees_with_scipy(command, store, scored, tmp_path):
    arguments = ["rsa", store, "--scores", scored, "--column", "hit_rate", "--metric", "euclidean", "--kind", "nearest"]
    done = command(*arguments, "--permutations", 99, "-o", tmp_path / "rsa.csv")
    assert (done.exit_code, done.stdout) == (0, f"Wrote {tmp_path / 'rsa.csv'} (2 rows).\n")
    table = pd.read_csv(tmp_path / "rsa.csv", dtype={"layer": str}).set_index("layer")
    features = xr.open_zarr(store)
    scores = pd.read_csv(scored).set_index("image")["hit_rate"].loc[features["image"].values].to_numpy()
    first, second = np.triu_indices(N, 1)
    values = features["0"].values.astype(float)
    distance = np.linalg.norm(values[first] - values[second], axis=1)
    expected = spearmanr(distance, np.abs(scores[first] - scores[second])).statistic
    assert table["estimate"]["0"] == pytest.approx(expected, abs=1e-9)
    assert table["n"]["0"] == N
    told = mf.citing.methods(mf.citing.read(tmp_path / "rsa.csv"))
    assert "were compared with the model “nearest” of hit_rate, in which images are" in told
    printed = command(*arguments, "--permutations", 99).stdout.split()
    assert printed[:4] == ["layer", "estimate", "ci_low", "ci_high"]


@pytest.mark.parametrize("option", ["--kind", "--metric", "--method"])
def test_the_help_of_rsa_lists_what_can_be_chosen(option, command, store, scored):
    done = command(*f"rsa {store} --scores {scored} --column hit_rate --metric euclidean {option} something".split())
    chosen = re.findall(r"'([^']+)'", done.stderr.partition("be one of ")[2].partition("; got")[0])
    assert len(chosen) > 5
    said = " ".join(command("rsa", "--help").stdout.split()).partition(f" {option} TEXT ")[2].partition(" [default")[0]
    assert [word for word in re.split(r"[ ,.:]+", said) if word in chosen] == chosen


@pytest.fixture
def measured(photos, tmp_path):
    """RDMs of five participants in two regions, as an array with names: 12 of the images, and one that is not there."""
    names = sorted(path.relative_to(photos).as_posix() for path in photos.rglob("*.png"))[::-1][:12]
    rng = np.random.default_rng(2)
    matrices = rng.random((2, 5, 13, 13))
    matrices += np.swapaxes(matrices, -1, -2)
    matrices[..., range(13), range(13)] = 0
    np.save(tmp_path / "brain.npy", matrices)
    # as another program calls them: without folder, with another ending
    (tmp_path / "names.txt").write_text("\n".join([*(Path(name).stem + ".jpg" for name in names), "absent.jpg"]))
    return SimpleNamespace(
        matrices=matrices[..., :12, :12],
        names=names,
        arguments=["--reference", tmp_path / "brain.npy", "--names", tmp_path / "names.txt"],
        dims=["--dims", "roi", "--dims", "participant"],
    )


@pytest.mark.parametrize("resample", ["images", "rdms", "both"])
def test_rsa_takes_rdms_of_participants_and_matches_them_by_name(resample, command, store, measured, tmp_path):
    arguments = ["rsa", store, *measured.arguments, *measured.dims, "--metric", "euclidean", "--resample", resample]
    done = command(*arguments, "--permutations", 99, "-o", tmp_path / "rsa.csv")
    assert (done.exit_code, done.stdout) == (0, f"Wrote {tmp_path / 'rsa.csv'} (4 rows).\n"), done.stderr
    assert "Left out, in FEATURES alone: 2: " in done.stderr
    assert "brain.npy alone: 1: 'absent.jpg'" in done.stderr
    table = pd.read_csv(tmp_path / "rsa.csv", dtype={"layer": str}).set_index(["layer", "roi"])
    features = xr.open_zarr(store)
    features = features.assign_coords(image=features["image"].astype(object)).sel(image=measured.names)
    first, second = np.triu_indices(12, 1)
    values = features["0"].values.astype(float)
    distance = np.linalg.norm(values[first] - values[second], axis=1)
    each = [spearmanr(distance, matrix[first, second]).statistic for matrix in measured.matrices[1]]
    assert table["estimate"]["0", 1] == pytest.approx(np.mean(each), abs=1e-9)
    assert table["n"]["0", 1] == 12
    assert (table["noise_lower"] < table["noise_upper"]).all()
    assert json.loads((tmp_path / "rsa.csv.json").read_text())["resample"] == resample
    printed = command(*arguments, "--permutations", 99).stdout.split()
    assert printed[:4] == ["layer", "roi", "estimate", "ci_low"]


def test_rsa_draws_the_mean_over_participants_and_refuses_several_regions(command, store, measured, tmp_path):
    arguments = ["rsa", store, *measured.arguments, "--metric", "euclidean", "--permutations", 9, "--bootstraps", 0]
    arguments += ["--figure", tmp_path / "profile.png"]
    done = command(*arguments, *measured.dims)
    assert (done.exit_code, done.stdout) == (3, "")
    assert "--figure must be of a reference that has one RDM for each participant; got RDMs along roi." in done.stderr
    np.save(tmp_path / "brain.npy", np.load(tmp_path / "brain.npy")[0])
    done = command(*arguments, "--dims", "participant", "--json", "-q")
    assert done.exit_code == 0, done.stderr
    assert len(json.loads(done.stdout)["rows"]) == 2
    told = json.loads((tmp_path / "profile.png.json").read_text())
    assert (told["method"], told["reference"]) == ("RSA, spearman", json.loads(done.stdout)["attrs"]["reference"])
    with Image.open(tmp_path / "profile.png") as picture:
        assert picture.info["Software"] == "memfeat"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "Give either --scores with --column, or --reference."),
        (["--column", "hit_rate"], "Give either --scores with --column, or --reference."),
        (["--scores", "SCORES", "--reference", "SCORES"], "Give either --scores with --column, or --reference."),
        (["--scores", "SCORES"], "Give either --scores with --column, or --reference."),
        (["--scores", "SCORES", "--column", "hit_rate", "--dims", "roi"], "--variable go with --reference."),
        (["--reference", "SCORES", "--groups", "scene"], "--groups names a column of --scores; give that table too."),
    ],
)
def test_rsa_wants_scores_or_a_reference(options, words, command, store, scored):
    done = command("rsa", store, *(scored if option == "SCORES" else option for option in options))
    assert done.exit_code == 2
    assert words in done.stderr


@pytest.fixture
def scenes(scored, tmp_path):
    """A table with scores and groups of two images, without the folder in their names; the first image has no group."""
    table = pd.read_csv(scored).sort_values("image", ignore_index=True)
    table["scene"] = [f"scene {k // 2}" for k in range(N)]
    table.loc[0, "scene"] = None
    table.sample(frac=1, random_state=3).to_csv(tmp_path / "scenes.csv", index=False)
    return table.iloc[1:].set_index("image")


@pytest.mark.parametrize("scheme", ["whole", "within", "free"])
def test_rsa_draws_groups_as_the_library_does(scheme, command, store, scenes, tmp_path):
    scored = ["--scores", tmp_path / "scenes.csv", "--column", "hit_rate", "--kind", "nearest", "--metric", "euclidean"]
    drawn = ["--groups", "scene", "--permute", scheme, "--permutations", 49, "--bootstraps", 40, "--seed", 5]
    done = command("rsa", store, *scored, *drawn, "--method", "pearson", "--json")
    assert done.exit_code == 0, done.stderr
    assert done.stderr.count("Left out, no scene in") == 1
    assert "scenes.csv: 1: '00.png'" in done.stderr
    features = xr.open_zarr(store)
    features = features.assign_coords(image=features["image"].astype(object)).sel(image=scenes.index.tolist()).load()
    expected = mf.rsa.compare(
        mf.rdm.compute(features, metric="euclidean"), mf.rdm.from_scores(scenes["hit_rate"], kind="nearest"),
        method="pearson", blocks=scenes["scene"], permute=scheme, n_permutations=49, n_bootstraps=40, rng=5,
    )  # fmt: skip
    rows = pd.DataFrame(json.loads(done.stdout)["rows"]).set_index("layer")
    for name in ("estimate", "ci_low", "ci_high", "p", "p_corrected"):
        np.testing.assert_allclose(rows[name], expected[name].sel(layer=rows.index.tolist()), atol=1e-6)
    attrs = json.loads(done.stdout)["attrs"]
    assert (attrs["blocks"], attrs["permute"], attrs["n_bootstraps"]) == ("scene", scheme, 40)


def test_groups_of_a_reference_stand_in_the_table_of_images(command, store, scenes, measured, tmp_path):
    arguments = ["rsa", store, *measured.arguments, *measured.dims, "--metric", "euclidean", "--permutations", 19]
    groups = ["--scores", tmp_path / "scenes.csv", "--groups", "scene", "--permute", "whole"]
    done = command(*arguments, *groups, "--bootstraps", 0, "--json")
    assert done.exit_code == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert {row["n"] for row in rows} == {12 - ("00.png" in measured.names)}
    assert all(row["ci_low"] is None for row in rows)
    assert json.loads(done.stdout)["attrs"]["blocks"] == "scene"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--groups", "scene"], "permute must be named when blocks are given"),
        (["--groups", "scene", "--permute", "apart"], "permute must be one of 'free', 'within', 'whole'; got 'apart'"),
        (["--permute", "whole"], "--groups must be given when permute='whole'"),
        (["--groups", "scen", "--permute", "whole"], "--groups must be a known name; got 'scen'. Did you mean 'scene'"),
        (["--groups", "empty", "--permute", "whole"], "--groups must have a group for at least one image; got none"),
    ],
)
def test_groups_that_cannot_be_drawn_are_errors_with_advice(options, words, command, store, scenes, tmp_path):
    pd.read_csv(tmp_path / "scenes.csv").assign(empty=None).to_csv(tmp_path / "scenes.csv", index=False)
    scored = ["--scores", tmp_path / "scenes.csv", "--column", "hit_rate", "--metric", "euclidean"]
    done = command("rsa", store, *scored, *options)
    assert done.exit_code == 3
    assert words in done.stderr


def test_a_reference_of_other_images_is_an_error_with_advice(command, store, measured, tmp_path):
    (tmp_path / "names.txt").write_text("\n".join(f"x{k}" for k in range(13)))
    done = command("rsa", store, *measured.arguments, *measured.dims)
    assert done.exit_code == 3
    assert "--reference must name images of FEATURES; got 13: 'x0'" in done.stderr
    (tmp_path / "names.txt").write_text("\n".join([*measured.names[:3], *(f"x{k}" for k in range(10))]))
    done = command("rsa", store, *measured.arguments, *measured.dims)
    assert done.exit_code == 3
    assert "FEATURES and --reference must share at least 4 images; got 3." in done.stderr


def test_the_same_seed_gives_the_same_table_and_another_another(command, store, scored):
    arguments = ["decode", store, "--scores", scored, "--column", "hit_rate", "--permutations", 49, "--json"]
    first, again, other = (command(*arguments, "--seed", seed).stdout for seed in (3, 3, 4))
    assert first == again
    assert first != other
    assert json.loads(first)["attrs"]["seed"] == "3"
    assert [row["layer"] for row in json.loads(first)["rows"]] == ["0", "3"]


def test_beside_a_csv_lies_how_it_was_made(command, photos, store, scored, tmp_path):
    test = [store, "--scores", scored, "--column", "hit_rate", "--permutations", 19, "--seed", 7]
    made = {}
    # one of the layers has a single unit
    for verb, arguments in {"predict": [photos], "rsa": [*test, "--metric", "euclidean"], "decode": test}.items():
        out = tmp_path / f"{verb}.csv"
        assert command(verb, *arguments, "-o", out).exit_code == 0
        made[verb] = json.loads((tmp_path / f"{verb}.csv.json").read_text())
        digest = made[verb].pop("file_sha256")
        assert digest == hashlib.sha256(out.read_bytes()).hexdigest()
        assert made[verb] == json.loads(command(verb, *arguments, "--json").stdout)["attrs"]
    assert made["predict"]["model"] == "tiny"
    assert {verb: (made[verb]["seed"], made[verb]["n_permutations"]) for verb in ("rsa", "decode")} == {
        "rsa": ("7", 19),
        "decode": ("7", 19),
    }
    assert made["rsa"]["method"] == "RSA, spearman"
    assert not list(tmp_path.glob("*.part"))
    assert command("predict", photos, "-o", tmp_path / "predict.nc").exit_code == 0
    assert not (tmp_path / "predict.nc.json").exists()


@pytest.mark.parametrize(
    ("verb", "default", "options"), [("rsa", 9_999, ["--metric", "euclidean"]), ("decode", 999, [])]
)
def test_the_default_number_of_permutations_is_said_and_taken(verb, default, options, command, store, scored):
    said = " ".join(command(verb, "--help").stdout.split())
    assert re.search(rf"--permutations INTEGER RANGE How many permutations\. \[default: {default}\b", said)
    done = command(verb, store, "--scores", scored, "--column", "hit_rate", "--json", *options)
    assert json.loads(done.stdout)["attrs"]["n_permutations"] == default


def test_images_without_a_score_are_left_out_and_named(command, store, scored):
    table = pd.read_csv(scored).sort_values("image")
    table.iloc[2:].to_csv(scored, index=False)
    done = command("decode", store, "--scores", scored, "--column", "hit_rate", "--permutations", 9)
    assert done.exit_code == 0
    assert "Left out, no hit_rate in" in done.stderr
    assert "2: '00.png', '02.png'" in done.stderr
    assert done.stdout.split()[-1] == str(N - 2)


def test_the_table_of_predict_serves_as_scores(command, photos, store, tmp_path):
    command("predict", photos, "-o", tmp_path / "predicted.csv")
    done = command(
        "rsa",
        store,
        "--scores",
        tmp_path / "predicted.csv",
        "--column",
        "memorability",
        "--metric",
        "euclidean",
        "--permutations",
        9,
    )
    assert done.exit_code == 0, done.stderr
    assert done.stdout.split()[-1] == str(N)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("hit_rat", "--column must be a known name; got 'hit_rat'. Did you mean 'hit_rate'?"),
        ("group", "--column must hold numbers; got 'group'."),
    ],
)
def test_a_column_that_cannot_be_used_is_an_error_with_advice(column, message, command, store, scored):
    done = command("rsa", store, "--scores", scored, "--column", column)
    assert done.exit_code == 3
    assert message in done.stderr


def test_a_folder_that_is_no_store_is_an_error_with_advice(command, photos, scored, tmp_path):
    done = command("rsa", photos, "--scores", scored, "--column", "hit_rate")
    assert done.exit_code == 3
    assert "FEATURES must be a zarr store of features" in done.stderr
    xr.Dataset({"a": ("x", [1.0])}).to_zarr(tmp_path / "other.zarr", zarr_format=2)
    done = command("rsa", tmp_path / "other.zarr", "--scores", scored, "--column", "hit_rate")
    assert done.exit_code == 3
    assert "FEATURES must name its images along a dim 'image'" in done.stderr


# demo -----------------------------------------------------------------------------------------------------------------


def test_without_the_demo_extra_the_demo_says_what_to_install(command, monkeypatch, tmp_path):
    monkeypatch.setattr(demo.photographs.importlib.util, "find_spec", lambda name: None)
    done = command("demo", "--out", tmp_path / "demo")
    assert done.exit_code == 3
    assert 'pip install "memfeat[demo]"' in done.stderr


def test_the_json_of_the_demo_says_that_it_is_an_illustration(command, monkeypatch, tmp_path):
    table = xr.Dataset({"memorability": ("image", [0.5, 0.6])}, {"image": ["a.png", "b.png"]}, {"model": "tiny"})
    monkeypatch.setattr(demo.road, "run", lambda *_, **__: SimpleNamespace(images=table, memory=table))
    found = json.loads(command("demo", "--json", "--out", tmp_path / "demo").stdout)
    assert found["note"].startswith("An illustration, not a finding: 2 photographs are far too few")
    assert (found["attrs"], len(found["rows"])) == ({"model": "tiny"}, 2)


@pytest.mark.parametrize(("known", "there"), [(False, True), (True, True), (False, False)])
def test_the_demo_says_how_its_commands_become_known_to_the_shell(command, monkeypatch, tmp_path, known, there):
    table = xr.Dataset({"memorability": ("image", [0.5, 0.6])}, {"image": ["a.png", "b.png"]}, {"model": "tiny"})
    monkeypatch.setattr(demo.road, "run", lambda *_, **__: SimpleNamespace(images=table, memory=table))
    monkeypatch.setattr(demo.page, "in_short", lambda *_, **__: "")
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}" if known else None)
    script = tmp_path / "of mine" / "bin" / "activate"
    monkeypatch.setattr(sys, "prefix", str(script.parents[1]))
    if there:
        script.parent.mkdir(parents=True)
        script.touch()
    said = command("demo", "--out", tmp_path / "demo").stdout
    assert (f"  source '{script}'\n  memfeat predict PHOTOS" in said) == (there and not known)
    assert "  memfeat predict PHOTOS" in said


# tables ---------------------------------------------------------------------------------------------------------------


def test_a_table_is_written_whole_or_not_at_all(tmp_path):
    file = tmp_path / "table.csv"
    file.write_text("old")

    class Broken(pd.DataFrame):
        def to_csv(self, *_, **__):
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        _frames.write_csv(Broken({"a": [1]}), file)
    assert file.read_text() == "old"
    _frames.write_csv(pd.DataFrame({"a": [0.1 + 0.2, np.nan]}), file)
    assert file.read_text() == 'a\n0.30000000000000004\n""\n'


@pytest.mark.parametrize("place", ["{folder}", "~nobody-of-this-name/x.csv"])
def test_a_folder_is_no_file_to_write_nor_is_one_of_an_unknown_user(tmp_path, place):
    with pytest.raises(ArgumentError, match=r"--out must be a file that can be written; got .*nothing has been"):
        _frames.prepared(place.format(folder=tmp_path), "--out")


# the real network -----------------------------------------------------------------------------------------------------


def test_the_real_thing_predicts_and_keeps_messages_out_of_stdout(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.new("RGB", (227, 227), "black").save(folder / "black.png")
    Image.new("RGB", (227, 227), "white").save(folder / "white.png")
    (folder / "empty.jpg").touch()
    command = [sys.executable, "-W", "error", "-m", "memfeat", "predict", str(folder), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    rows = {row["image"]: row["memorability"] for row in json.loads(done.stdout)["rows"]}
    # published with the released weights: a black and a white square
    assert rows["black.png"] == pytest.approx(0.6936, abs=5e-5)
    assert rows["white.png"] == pytest.approx(0.8907, abs=5e-5)
    assert rows["empty.jpg"] is None
    assert "empty.jpg: empty" in done.stderr
    assert "Warning" not in done.stderr


def test_decode_takes_folds_and_weights_from_the_table_of_scores(command, store, scored):
    table = pd.read_csv(scored).sort_values("image")
    table["scene"], table["split"] = np.arange(N) // 2, np.where(np.arange(N) < 9, "train", "test")
    table["n"] = np.arange(N) + 5
    table.to_csv(scored, index=False)
    start = ["decode", store, "--scores", scored, "--column", "hit_rate", "--permutations", 9, "--json"]
    grouped = json.loads(command(*start, "--groups", "scene", "--permute", "whole", "--folds", 3).stdout)
    assert grouped["attrs"]["fold_groups"] == "scene"
    fixed = json.loads(command(*start, "--split", "split", "--held-out", "test", "--weights", "n").stdout)
    assert [row["n"] for row in fixed["rows"]] == [5, 5]
    assert fixed["attrs"]["weights"] == "n"
    related = json.loads(command(*start, "--split-half", 0.6, "--repeats", 2).stdout)
    assert related["attrs"]["reliability"] == pytest.approx(0.75)
    assert command(*start, "--split-half", 0.6, "--spearman-brown", 0.7).exit_code == 2
    done = command(*start, "--groups", "scene")
    assert "--permute must be named when groups are given" in done.stderr
