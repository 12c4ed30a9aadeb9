"""Heads: fitted, saved, read again, put on the network they were fitted to and on no other."""

import copy
import json
import shutil
import subprocess
import sys
from pathlib import Path

import click.testing
import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from networks import reused
from PIL import Image
from scipy.stats import spearmanr
from sklearn.linear_model import RidgeCV
from torch import nn

import memfeat as mf
from memfeat import models
from memfeat.cli import main
from memfeat.errors import (
    ArgumentError,
    CircularWarning,
    KindError,
    MemfeatWarning,
    MissingFileError,
    StoreError,
    UnknownNameError,
    WeightsError,
)
from memfeat.models import heads, preprocessing, weights
from memfeat.models.heads import read_head
from memfeat.regression import ridge
from memfeat.training import checkpoint, descent, duplicates, fitting, linear, making, pixels, splitting
from memfeat.training.recipe import Recipe

CPU = torch.device("cpu")
N = 24


@pytest.fixture
def pictures():
    """Pictures of a few patches, each unlike the others, whose red grows with their number."""
    made = {}
    for i in range(N):
        coarse = np.random.default_rng(100 + i).integers(0, 256, (6, 6, 3), dtype=np.uint8)
        coarse[..., 0] = 10 * i
        made[f"{i:02}.png"] = np.asarray(Image.fromarray(coarse).resize((40, 30), Image.Resampling.BICUBIC))
    return made


@pytest.fixture
def scores():
    noise = np.random.default_rng(5).normal(0, 0.02, N)
    return pd.Series(0.3 + 0.02 * np.arange(N) + noise, index=[f"{i:02}.png" for i in range(N)], name="hit_rate")


def fit(pictures, scores, **options):
    given = {"model": reused(), "layers": ["conv1", "relu@2"], "rng": 0} | options
    return mf.training.fit_head(pictures, scores, **given)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


# --- the linear readout -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "p"), [(40, 9), (30, 80), (12, 12)])
def test_weights_and_penalty_agree_with_scikit_learn(n, p):
    rng = np.random.default_rng(n)
    features, noise = rng.normal(3, 1, (n, p)), rng.normal(size=n)
    target = features[:, :2].sum(axis=1) + noise
    centred = features - features.mean(axis=0)
    found, penalty = ridge.fitted(centred, target[:, None])
    scale = (centred**2).sum() / n
    theirs = RidgeCV(alphas=ridge.PENALTIES * scale).fit(features, target)
    np.testing.assert_allclose(penalty, theirs.alpha_, rtol=1e-12)
    np.testing.assert_allclose(found[:, 0], theirs.coef_, atol=1e-10)


def test_the_penalty_is_the_one_of_nested_cross_validation():
    rng = np.random.default_rng(2)
    features, target = rng.normal(size=(30, 50)), rng.normal(size=(30, 1))
    fold = np.arange(30) % 2
    predictions, penalties = ridge.out_of_fold(features @ features.T, target, fold)
    inside = features[fold == 1] - features[fold == 1].mean(axis=0)
    found, penalty = ridge.fitted(inside, target[fold == 1])
    np.testing.assert_allclose(penalty, penalties[0], rtol=1e-10)
    outside = (features[fold == 0] - features[fold == 1].mean(axis=0)) @ found + target[fold == 1].mean()
    np.testing.assert_allclose(outside, predictions[fold == 0], atol=1e-10)


def test_a_readout_of_one_feature_without_noise_is_found_by_hand():
    values, train = np.array([0.0, 1.0, 2.0, 3.0, 10.0])[:, None], np.array([True] * 4 + [False])
    found = linear.fitted({"one": values}, np.array([1.0, 3.0, 5.0, 7.0, 0.0]), train)
    # slope 2 and mean 4 at 1.5, but for the smallest penalty there is
    np.testing.assert_allclose(found.predictions, [1, 3, 5, 7, 21], atol=1e-4)
    assert found.tensors["centre"].item() == 1.5
    assert found.tensors["intercept"].item() == 4.0
    np.testing.assert_allclose(found.tensors["weight"].item(), 2, atol=1e-5)


@settings(max_examples=30)
@given(st.floats(1e-3, 1e3), st.floats(-50, 50), st.integers(0, 2**16))
def test_a_layers_scale_and_origin_make_no_difference(times, more, seed):
    rng = np.random.default_rng(seed)
    layers = {"a": rng.normal(size=(20, 4)), "b": rng.normal(size=(20, 30))}
    scores, train = layers["a"][:, 0] + rng.normal(size=20), np.arange(20) < 15
    one = linear.fitted(layers, scores, train)
    other = linear.fitted(layers | {"b": layers["b"] * times + more}, scores, train)
    np.testing.assert_allclose(one.predictions, other.predictions, atol=1e-6)
    assert one.penalty == pytest.approx(other.penalty)


def test_held_out_images_take_no_part():
    rng = np.random.default_rng(3)
    values, scores, train = rng.normal(size=(20, 5)), rng.normal(size=20), np.arange(20) < 15
    one = linear.fitted({"a": values}, scores, train)
    values[15:], scores[15:] = 99, -99
    other = linear.fitted({"a": values}, scores, train)
    assert all(torch.equal(one.tensors[name], other.tensors[name]) for name in one.tensors)


# --- which images -----------------------------------------------------------------------------------------------------


def test_a_split_has_the_size_that_was_asked_for_and_depends_on_the_seed():
    split = [splitting.drawn(68_741, 5_000, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert [(~split[0]).sum(), split[0].sum()] == [63_741, 5_000]
    assert (split[0] == split[1]).all()
    assert not (split[0] == split[2]).all()
    assert splitting.drawn(50, 0.2, np.random.default_rng(0)).sum() == 10
    assert splitting.drawn(50, 0, np.random.default_rng(0)).sum() == 0


@pytest.mark.parametrize(
    ("validation", "error", "message"),
    [
        (1.5, ArgumentError, "validation must lie between 0 and 1; got 1.5"),
        (2, ArgumentError, "leave at least 3 images for training and 3 for validation; got 2 of 20"),
        (18, ArgumentError, "got 18 of 20 images for validation"),
        (-1, ArgumentError, "be at least 0; got -1"),
        ("some", KindError, "validation must be a number; got 'some'"),
        (True, KindError, "validation must be a number; got True"),
    ],
)
def test_a_split_that_cannot_be_drawn_is_refused(validation, error, message):
    with pytest.raises(error, match=message):
        splitting.drawn(20, validation, np.random.default_rng(0))


def test_a_split_that_was_saved_is_taken_by_name(tmp_path):
    names = [f"{i}.jpg" for i in range(8)]
    part = ["train", "validation"] * 4
    table = pd.DataFrame({"image": [*names, "more.jpg"], "part": [*part, "train"]}).iloc[::-1]
    table.to_csv(tmp_path / "split.csv", index=False)
    for source in (table, tmp_path / "split.csv"):
        assert splitting.given(source, names).tolist() == [False, True] * 4
    with pytest.raises(ArgumentError, match="split must name every image; got no row for 1: 'x.jpg'"):
        splitting.given(table, [*names, "x.jpg"])
    with pytest.raises(UnknownNameError, match="split must have a column 'part'; got none. It has: image, set"):
        splitting.given(table.rename(columns={"part": "set"}), names)
    with pytest.raises(ArgumentError, match="split must call its parts 'train' and 'validation'; got 1: 'test'"):
        splitting.given(table.replace("validation", "test"), names)
    with pytest.raises(ArgumentError, match="at least 3 images in each part; got 2 and 2"):
        splitting.given(table, names[:4])


@settings(max_examples=40)
@given(hnp.arrays(np.bool_, (9, 2, 64)), hnp.arrays(np.bool_, (7, 2, 64)), st.integers(0, 64), st.integers(1, 4))
def test_near_duplicates_are_those_of_a_plain_count(first, second, distance, block):
    wanted = []
    for i, one in enumerate(first):
        for j, other in enumerate(second):
            bits = min(int((one[side] != other[0]).sum()) for side in (0, 1))
            if bits <= distance:
                wanted.append((i, j, bits))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duplicates, "BLOCK", block)
        assert duplicates.across(first, second, distance) == sorted(wanted, key=lambda pair: (pair[2], *pair[:2]))


# --- LaMem and MemCat -------------------------------------------------------------------------------------------------


@pytest.fixture
def published(tmp_path, pictures):
    """Twelve images each, laid out as their authors give them out."""
    names = sorted(pictures)
    lamem, memcat = tmp_path / "lamem", tmp_path / "MemCat"
    (lamem / "images").mkdir(parents=True)
    (lamem / "splits").mkdir()
    lines = []
    for i, name in enumerate(names[:12]):
        Image.fromarray(pictures[name]).save(lamem / "images" / f"{i + 1:08}.png")
        lines.append(f"{i + 1:08}.png {0.5 + i / 100:.6f} ")
    (lamem / "splits" / "full.txt").write_text("\n".join(lines) + "\n")
    rows = []
    for i, name in enumerate(names[12:]):
        category, sub = ("animal", "bear") if i % 2 else ("food", "cake")
        (memcat / category / sub).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pictures[name]).save(memcat / category / sub / f"{i:012}.png")
        rows.append(f'"{i + 1}","{i:012}.png","{category}","{sub}",40,30,"coco","{sub}",1,{50 + i},4,98,'
                    f"{(50 + i) / 98},{(46 + i) / 98}")  # fmt: skip
    header = (
        '"","image_file","category","subcategory","current_height","current_width","source","searched_label",'
        '"resize_factor","H","FA","n_resp","memorability_wo_fa_correction","memorability_w_fa_correction"'
    )
    (memcat / "memcat_image_data.csv").write_text("\n".join([header, *rows]) + "\n")
    return lamem, memcat


def test_lamem_is_read_as_it_is_given_out(published):
    lamem, _ = published
    images = mf.training.lamem(lamem)
    assert images.image.values[0] == "lamem/00000001.png"
    np.testing.assert_allclose(images.memorability.values, 0.5 + np.arange(12) / 100)
    assert (images.status == "ok").all()
    # the lists of split 1 together hold the same
    lines = (lamem / "splits" / "full.txt").read_text().splitlines()
    (lamem / "splits" / "full.txt").unlink()
    for name, part in {"train_1": lines[:8], "val_1": lines[8:9], "test_1": lines[9:]}.items():
        (lamem / "splits" / f"{name}.txt").write_text("\n".join(part))
    xr.testing.assert_identical(images, mf.training.lamem(lamem))


def test_memcat_is_read_as_it_is_given_out(published):
    _, memcat = published
    images = mf.training.memcat(memcat)
    assert images.image.values[0] == "memcat/animal/bear/000000000001.png"
    assert images.sizes["image"] == 12
    assert images.memorability.sel(image="memcat/food/cake/000000000002.png").item() == pytest.approx(52 / 98)
    corrected = mf.training.memcat(memcat, corrected=True)
    assert corrected.memorability.sel(image="memcat/food/cake/000000000002.png").item() == pytest.approx(48 / 98)
    # the layout of the authors' two archives
    (memcat / "MemCat_data").mkdir()
    (memcat / "MemCat_images" / "MemCat").mkdir(parents=True)
    (memcat / "memcat_image_data.csv").rename(memcat / "MemCat_data" / "memcat_image_data.csv")
    for name in ("animal", "food"):
        (memcat / name).rename(memcat / "MemCat_images" / "MemCat" / name)
    assert (mf.training.memcat(memcat).memorability == images.memorability).all()


@pytest.mark.data
def test_memcats_own_table_has_the_columns_that_are_read(data_folder, tmp_path, monkeypatch):
    shutil.copy(data_folder / "memcat" / "memcat_image_data.csv", tmp_path)
    seen = {}
    monkeypatch.setattr("memfeat.training.published.read", lambda paths, **more: seen.update(paths=paths, **more))
    (tmp_path / "images" / "animal" / "bear").mkdir(parents=True)
    (tmp_path / "images" / "animal" / "bear" / "000000003481.jpg").touch()
    mf.training.memcat(tmp_path)
    table = pd.read_csv(data_folder / "memcat" / "memcat_image_data.csv")
    assert len(seen["paths"]) == len(seen["scores"]) == 10_000
    np.testing.assert_allclose(seen["scores"].to_numpy(), table["H"] / table["n_resp"], atol=1e-9)


def test_both_are_one_table(published):
    images = mf.training.lamem_and_memcat(*published)
    assert images.sizes["image"] == 24
    assert {str(name).split("/")[0] for name in images.image.values} == {"lamem", "memcat"}


def test_folders_that_hold_something_else_are_refused(published):
    lamem, memcat = published
    with pytest.raises(MissingFileError, match=r"lamem must be LaMem's folder; got no file .*train_1.txt"):
        mf.training.lamem(memcat)
    with pytest.raises(MissingFileError, match="memcat must be MemCat's folder; got its table in none of memcat_image"):
        mf.training.memcat(lamem)
    shutil.rmtree(memcat / "food")
    with pytest.raises(MissingFileError, match="got its first image in none of images/food/cake"):
        mf.training.memcat(memcat)
    (memcat / "memcat_image_data.csv").write_text("image_file,category\na,b\n")
    with pytest.raises(ArgumentError, match="memcat must have the columns .*; got no subcategory in"):
        mf.training.memcat(memcat)
    (lamem / "splits" / "full.txt").write_text("a.jpg 0.5\na.jpg 0.6\n")
    with pytest.raises(ArgumentError, match="give each image one score; got 0.5 and 0.6 for a.jpg"):
        mf.training.lamem(lamem)
    (lamem / "splits" / "full.txt").write_text("a.jpg\n")
    with pytest.raises(ArgumentError, match=r"lists that can be read; got 'a.jpg' \(full.txt, line 1\)"):
        mf.training.lamem(lamem)


# --- decoded images ---------------------------------------------------------------------------------------------------


def test_decoded_images_are_what_the_preprocessing_gives_to_the_bit(pictures, tmp_path):
    model = mf.models.wrap(nn.Identity(), preprocessing.SquashAndCrop(20, 16))
    images = mf.images.read(pictures)
    names = [str(name) for name in images.image.values]
    inside = pixels.decoded(images, names, model, None, False)
    on_disk = pixels.decoded(images, names, model, tmp_path / "kept", False)
    assert (inside.bits == on_disk.bits).all()
    for row, name in enumerate(names):
        wanted = model.transform(Image.fromarray(pictures[name]))
        for found in (inside, on_disk):
            assert torch.equal(torch.from_numpy(np.array(found.pixels[row])).float() / 255, wanted)


def test_decoding_goes_on_where_it_was_stopped(pictures, tmp_path, monkeypatch):
    model = mf.models.wrap(nn.Identity(), preprocessing.SquashAndCrop(20, 16))
    images = mf.images.read(pictures)
    names = [str(name) for name in images.image.values]
    monkeypatch.setattr(pixels, "BLOCK", 5)
    whole = pixels.decoded(images, names, model, None, False)
    decode, asked = pixels.decode, []

    def stopping(table, name):
        asked.append(name)
        if len(asked) == 12:
            raise KeyboardInterrupt
        return decode(table, name)

    monkeypatch.setattr(pixels, "decode", stopping)
    with pytest.raises(KeyboardInterrupt):
        pixels.decoded(images, names, model, tmp_path, False)
    asked.clear()
    monkeypatch.setattr(pixels, "decode", lambda table, name: asked.append(name) or decode(table, name))
    found = pixels.decoded(images, names, model, tmp_path, False)
    assert len(asked) == N - 10
    assert (np.asarray(found.pixels) == whole.pixels).all()
    assert (found.bits == whole.bits).all()


def test_images_that_do_not_fit_are_refused(pictures, monkeypatch, tmp_path):
    model = mf.models.wrap(nn.Identity(), preprocessing.SquashAndCrop(20, 16))
    images = mf.images.read(pictures)
    monkeypatch.setattr(pixels, "IN_MEMORY", 100)
    with pytest.raises(ArgumentError, match="images must fit into memory once decoded.*Give store="):
        pixels.decoded(images, ["00.png"], model, None, False)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pixels.os, "posix_fallocate", full)
    with pytest.raises(StoreError, match="store must have room for .*No space left on device.*Make room"):
        pixels.decoded(images, ["00.png"], model, tmp_path, False)


# --- gradient descent -------------------------------------------------------------------------------------------------


class Small(nn.Module):
    """What a head is to the training: images and logits in, one score out, with dropout and a convolution."""

    def __init__(self):
        super().__init__()
        self.conv, self.drop, self.out = nn.Conv2d(3, 4, 3), nn.Dropout(0.5), nn.Linear(4 + 5, 1)

    def forward(self, image, logits):
        branch = self.conv(image).relu().mean(dim=(2, 3))
        return self.out(self.drop(torch.cat((branch, logits), dim=1)))


def small(seed: int = 0) -> Small:
    torch.manual_seed(seed)
    return Small()


def examples(n: int = 40) -> descent.Examples:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(n, 5)).astype(np.float32)
    target = 0.5 + 0.1 * logits[:, 0] + 0.02 * rng.normal(size=n)
    return descent.Examples(rng.integers(0, 256, (n, 3, 8, 8), dtype=np.uint8), logits, target.astype(np.float32))


def plan(seed: int = 0, **recipe) -> descent.Plan:
    chosen = Recipe(**{"learning_rate": 0.01, "images_per_step": 7, "max_epochs": 12, "patience": 12} | recipe)
    return descent.Plan(np.arange(28), np.arange(28, 40), chosen, seed, CPU)


def descended(seed: int = 0, kept: checkpoint.Checkpoint | None = None, **recipe) -> descent.Trained:
    return descent.descend(small(), examples(), plan(seed, **recipe), checkpoint=kept, progress=False)


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one.keys() | other.keys())


def test_training_finds_what_was_planted():
    trained = descended(max_epochs=60, patience=60)
    assert trained.best > 0.9
    assert len(trained.history) == 60
    assert trained.history[-1][1] < trained.history[0][1] / 2


def test_the_seed_gives_the_weights():
    found = []
    for before in (1, 2):
        network = small()
        torch.manual_seed(before)
        state = torch.random.get_rng_state()
        found.append(descent.descend(network, examples(), plan(), checkpoint=None, progress=False))
        assert torch.equal(state, torch.random.get_rng_state())
    assert same(found[0].weights, found[1].weights)
    assert found[0].history == found[1].history
    assert not same(found[0].weights, descended(seed=1).weights)


def test_the_best_weights_are_kept_and_training_stops_when_nothing_is_gained():
    trained = descended(max_epochs=200, patience=3)
    looks = [row[2] for row in trained.history]
    best = int(np.argmax(looks))
    assert trained.best == looks[best]
    assert trained.best_step == trained.history[best][0]
    assert len(looks) == best + 1 + 3
    network = small()
    network.load_state_dict(trained.weights)
    data = examples()
    found = descent.predictions(network, data, np.arange(28, 40), CPU)
    assert spearmanr(found, data.scores[28:])[0] == pytest.approx(trained.best)


def test_one_step_is_adam_on_the_mean_squared_error():
    trained = descended(max_epochs=1, images_per_step=28)
    network, data = small(), examples()
    order = np.random.default_rng([0, 0, 0]).permutation(np.arange(28))
    seed = int(np.random.SeedSequence([0, 1, 0]).generate_state(1, np.uint64)[0] >> 1)
    adam = torch.optim.Adam(network.parameters(), lr=0.01)
    torch.manual_seed(seed)
    predicted = network(torch.from_numpy(data.pixels[order]) / 255, torch.from_numpy(data.logits[order]))[:, 0]
    ((predicted - torch.from_numpy(data.scores[order])) ** 2).mean().backward()
    adam.step()
    for name, value in network.state_dict().items():
        torch.testing.assert_close(trained.weights[name], value, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("stopped_at", [1, 3, 7])
def test_a_training_that_was_stopped_goes_on_to_the_same_weights(tmp_path, monkeypatch, stopped_at):
    whole = descended()
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    kept = checkpoint.Checkpoint(tmp_path, "one")
    look, looks = descent._look, []

    def stopping(*given):
        looks.append(1)
        if len(looks) == stopped_at + 1:
            raise KeyboardInterrupt
        look(*given)

    monkeypatch.setattr(descent, "_look", stopping)
    with pytest.raises(KeyboardInterrupt):
        descended(kept=kept)
    looks[:] = [1] * N
    again = descended(kept=checkpoint.Checkpoint(tmp_path, "one"))
    assert len(looks) - N == 12 - stopped_at
    assert same(whole.weights, again.weights)
    assert whole.history == again.history


def test_a_training_that_was_killed_goes_on_to_the_same_weights(tmp_path):
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[2]); import test_training as t; from pathlib import Path\n"
        "t.checkpoint.EVERY, write, times = 0.0, t.checkpoint.Checkpoint.write, []\n"
        "def dying(self, state):\n"
        "    write(self, state); times.append(1)\n"
        "    if len(times) == 4: os.kill(os.getpid(), 9)\n"
        "t.checkpoint.Checkpoint.write = dying\n"
        "t.torch.set_num_threads(int(sys.argv[3]))\n"
        "t.descended(kept=t.checkpoint.Checkpoint(Path(sys.argv[1]), 'one'))\n"
    )
    given = [str(tmp_path), str(Path(__file__).parent), str(torch.get_num_threads())]
    done = subprocess.run([sys.executable, "-c", code, *given], capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    kept = checkpoint.Checkpoint(tmp_path, "one")
    state = kept.read()
    assert state is not None
    assert state["step"] == 16
    assert same(descended().weights, descended(kept=kept).weights)


def test_the_state_of_another_training_is_not_taken_up(tmp_path):
    checkpoint.Checkpoint(tmp_path, "a" * 20).write({"step": 1})
    assert checkpoint.Checkpoint(tmp_path, "a" * 20).read() == {"step": 1}
    assert checkpoint.Checkpoint(tmp_path, "a" * 19).read() is None
    assert checkpoint.Checkpoint(tmp_path, "b" * 20).read() is None
    file = next(tmp_path.iterdir())
    file.write_bytes(file.read_bytes()[:-50])
    with pytest.raises(StoreError, match="checkpoint must be whole.*training then begins anew"):
        checkpoint.Checkpoint(tmp_path, "a" * 20).read()


def test_a_rate_that_is_too_high_is_said_to_be():
    wild = examples()._replace(scores=np.full(40, 1e30, dtype=np.float32))
    with pytest.raises(ArgumentError, match="learning_rate must keep the error finite; got 0.9.*a tenth"):
        descent.descend(small(), wild, plan(learning_rate=0.9), checkpoint=None, progress=False)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"learning_rate": 2}, ArgumentError, "learning_rate must lie between 0 and 1; got 2"),
        ({"learning_rate": "fast"}, KindError, "learning_rate must be a number; got 'fast'"),
        ({"patience": 0}, ArgumentError, "patience must be at least 1; got 0"),
        ({"max_epochs": 1.5}, KindError, "max_epochs must be a whole number; got 1.5"),
    ],
)
def test_a_recipe_that_cannot_be_followed_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        Recipe(**options)


def test_an_epoch_with_many_steps_has_several_looks():
    assert Recipe().steps(640) == (20, 20, 400)
    assert Recipe().steps(63_741) == (1992, 250, 39_840)


# --- heads ------------------------------------------------------------------------------------------------------------


def test_a_readout_predicts_through_the_network_what_it_was_fitted_to_predict(pictures, scores):
    model = reused()
    head = fit(pictures, scores, model=model)
    memory = mf.predict(pictures, model=mf.models.with_head(model, head))
    np.testing.assert_allclose(memory.memorability.values, head.split["prediction"], atol=1e-6)
    assert memory.attrs["head"] == "ridge on conv1, relu@2, fitted to 19 images"
    assert memory.attrs["trunk"] == "reused, user"
    held_out = head.split[head.split["part"] == "validation"]
    result = head.facts["result"]
    assert result["n"] == len(held_out) == 5
    assert result["spearman"] == pytest.approx(spearmanr(held_out["score"], held_out["prediction"])[0])
    assert result["mse"] == pytest.approx(((held_out["score"] - held_out["prediction"]) ** 2).mean())
    assert result["spearman_ci_low"] <= result["spearman"] <= result["spearman_ci_high"]


def test_a_readout_agrees_with_features_that_were_extracted_and_with_scikit_learn(pictures, scores):
    model = reused()
    head = fit(pictures, scores, model=model, layers="conv1", validation=0)
    features = mf.extract(pictures, model=model, layers="conv1")["conv1"].values
    scale = ((features - features.mean(axis=0)) ** 2).sum() / N
    theirs = RidgeCV(alphas=ridge.PENALTIES * scale).fit(features.astype(float), scores.to_numpy())
    np.testing.assert_allclose(head.split["prediction"], theirs.predict(features), atol=1e-6)
    assert head.facts["result"] == {}
    assert "No image was held out" in heads.card({"memfeat_schema": 1, "kind": "ridge", **head.facts})


def test_a_saved_head_is_the_same_when_read_again(pictures, scores, tmp_path):
    head = fit(pictures, scores, description="Noise.")
    assert head.save(tmp_path / "head", licence="CC0") == tmp_path / "head"
    for source in (tmp_path / "head", str(tmp_path / "head"), tmp_path / "head" / "head.json"):
        again = read_head(source)
        assert again.kind == head.kind
        assert again.facts == {**json.loads(json.dumps(head.facts)), "licence": "CC0"}
        assert same(dict(again.tensors), dict(head.tensors))
        pd.testing.assert_frame_equal(again.split, head.split)
        assert again.sha256 == head.sha256
    again.save(tmp_path / "copy")
    assert files(tmp_path / "copy") == files(tmp_path / "head")
    shown = (tmp_path / "head" / "README.md").read_text()
    wanted = ["19 images for training and 5", head.facts["trunk_sha256"], "CC0", "Noise.", "leave-one-out"]
    assert all(text in shown for text in wanted)
    assert set(files(tmp_path / "head")) == {"head.safetensors", "head.json", "split.csv", "README.md"}


def test_the_same_seed_gives_the_same_bytes_whatever_the_order_of_images(pictures, scores, tmp_path):
    images = mf.images.read(pictures)
    target = xr.DataArray(scores.to_numpy(), dims="image", coords={"image": scores.index.to_numpy()}, name="hit_rate")
    before = images.copy(deep=True).drop_vars("pixels"), target.copy(deep=True)
    fit(images, target).save(tmp_path / "one")
    shuffled = np.random.default_rng(0).permutation(N)
    fit(images.isel(image=shuffled), target.isel(image=shuffled[::-1])).save(tmp_path / "other")
    fit(images, target, rng=1).save(tmp_path / "third")
    assert files(tmp_path / "one") == files(tmp_path / "other")
    assert files(tmp_path / "one") != files(tmp_path / "third")
    assert before[0].identical(images.drop_vars("pixels"))
    assert before[1].identical(target)
    assert not torch.are_deterministic_algorithms_enabled()


def test_the_split_of_another_head_can_be_taken(pictures, scores, tmp_path):
    first = fit(pictures, scores, rng=3, validation=6)
    first.save(tmp_path / "first")
    again = fit(pictures, scores, rng=4, split=tmp_path / "first" / "split.csv")
    assert again.split["part"].tolist() == first.split["part"].tolist()
    assert same(dict(again.tensors), dict(first.tensors))
    assert again.facts["split"]["source"] == "as given"


def test_pictures_on_both_sides_are_reported(pictures, scores):
    split = pd.DataFrame({"image": scores.index, "part": ["train"] * 18 + ["validation"] * 6})
    pictures["20.png"] = np.ascontiguousarray(pictures["03.png"][:, ::-1])
    with pytest.warns(
        MemfeatWarning, match=r"both sides of the split \(1: '03.png and 20.png'\).*drop one of each pair"
    ):
        head = fit(pictures, scores, split=split)
    assert head.facts["near_duplicates"] == {"distance": 8, "n_pairs": 1, "pairs": [["03.png", "20.png", 0]]}
    assert "- `03.png` (train), `20.png` (validation), 0 bits" in heads.card({"kind": "ridge", **head.facts})


def test_images_that_cannot_be_read_are_left_out(pictures, scores, tmp_path):
    for name, value in pictures.items():
        Image.fromarray(value).save(tmp_path / name)
    (tmp_path / "05.png").write_bytes(b"nothing")
    images = mf.images.read(tmp_path, scores=scores)
    with pytest.warns(MemfeatWarning, match="1"):
        head = fit(images, images["hit_rate"])
    assert len(head.split) == N - 1
    assert "05.png" not in set(head.split["image"])


def test_a_store_is_filled_once_and_used_again(pictures, scores, tmp_path, monkeypatch):
    for name, value in pictures.items():
        Image.fromarray(value).save(tmp_path / name)
    images = mf.images.read(tmp_path)
    one = fit(images, scores, store=tmp_path / "s.zarr")
    assert {"conv1", "relu@2"} <= set(xr.open_zarr(tmp_path / "s.zarr").data_vars)
    monkeypatch.setattr("memfeat.activations.engine.running", lambda *_: pytest.fail("computed again"))
    assert fit(images, scores, store=tmp_path / "s.zarr").sha256 == one.sha256


def test_a_head_is_refused_by_every_other_network(pictures, scores, tmp_path):
    head = fit(pictures, scores)
    other = copy.deepcopy(reused().module)
    with torch.no_grad():
        other.bn1.running_mean += 1e-3
    wrong = mf.models.wrap(other, reused().transform, name="reused")
    with pytest.raises(WeightsError, match=r"head must belong to the weights of this network; got .* Load that\."):
        mf.models.with_head(wrong, head)
    squashed = mf.models.wrap(reused().module, preprocessing.SquashAndCrop(24, 16), name="reused")
    with pytest.raises(WeightsError, match="head must belong to the preprocessing of this network"):
        mf.models.with_head(squashed, head)


def test_a_network_is_left_as_it_was_found(pictures, scores):
    model = reused()
    model.module.train()
    model.module.requires_grad_(True)
    before = weights.digest(model.module)
    head = fit(pictures, scores, model=model)
    attached = mf.models.with_head(model, head)
    mf.predict(pictures, model=attached)
    assert weights.digest(model.module) == before
    assert all(part.training for part in model.module.modules())
    assert all(value.requires_grad for value in model.module.parameters())
    attached.module.train()
    attached.module.network.bn1.train()
    assert not any(part.training for part in attached.module.modules())
    assert not any(part._forward_hooks for part in attached.module.modules())


def test_predictions_of_a_readout_say_on_whose_features_they_stand(pictures, scores):
    network = reused()
    memory = mf.predict(pictures, model=models.with_head(network, fit(pictures, scores)))["memorability"]
    assert memory.attrs["trunk_sha256"] == network.provenance["weights_sha256"] != memory.attrs["weights_sha256"]
    features = mf.extract(pictures, model=network, layers="relu@2")
    with pytest.warns(CircularWarning, match="come from the same network"):
        mf.regression.decode(features, memory, n_permutations=9, n_bootstraps=9)


def test_gradients_reach_the_image_through_a_readout(pictures, scores):
    model = reused()
    attached = mf.models.with_head(model, fit(pictures, scores, model=model))
    batch = torch.rand(2, 3, 16, 16, requires_grad=True)
    attached(batch).sum().backward()
    assert batch.grad is not None
    assert (batch.grad.abs().sum(dim=(1, 2, 3)) > 0).all()


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        (lambda f: (f / "head.safetensors").unlink(), MissingFileError, "head must be the folder of a saved head"),
        (lambda f: (f / "split.csv").unlink(), MissingFileError, "A saved head is a folder with head.json"),
        (
            lambda f: (f / "head.safetensors").write_bytes((f / "head.safetensors").read_bytes()[:-1]),
            WeightsError,
            "have the sha256 that head.json names.*Copy the whole folder again",
        ),
        (lambda f: (f / "head.json").write_text("{"), WeightsError, "head must say how it was fitted"),
        (lambda f: (f / "head.json").write_text("[]"), WeightsError, "head must say how it was fitted"),
        (
            lambda f: (f / "head.json").write_text(
                (f / "head.json").read_text().replace('"memfeat_schema": 1', '"memfeat_schema": 2')
            ),
            WeightsError,
            r"head must have a memfeat_schema of at most 1; got 2, written by a newer memfeat.*Update memfeat",
        ),
    ],
)
def test_a_head_that_is_damaged_or_too_new_is_refused(pictures, scores, tmp_path, damage, error, message):
    fit(pictures, scores).save(tmp_path / "head")
    damage(tmp_path / "head")
    with pytest.raises(error, match=message):
        read_head(tmp_path / "head")


def test_what_is_no_head_is_refused(tmp_path, pictures, scores):
    with pytest.raises(MissingFileError, match="head must be the folder of a saved head; got 'ridge'"):
        mf.models.load("resmem-frozen", backbone="released", head="ridge")
    with pytest.raises(ArgumentError, match="head must be a head or its folder; got 3"):
        mf.models.with_head(reused(), 3)
    with pytest.raises(KindError, match="model must be a memfeat Model; got Reused"):
        mf.models.with_head(reused().module, tmp_path)
    with pytest.raises(ArgumentError, match="options must belong to 'resmem'; got head"):
        mf.models.load("resmem", head="released")
    (tmp_path / "mine.txt").touch()
    head = fit(pictures, scores)
    with pytest.raises(ArgumentError, match="folder must be new, empty or hold a head"):
        head.save(tmp_path)
    head.save(tmp_path / "head")
    head.save(tmp_path / "head")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"head": "forest"}, ArgumentError, "head must be one of 'ridge', 'mlp'; got 'forest'"),
        ({"layers": None}, ArgumentError, "layers must be given for a network other than ResMem"),
        ({"layers": "conv9"}, UnknownNameError, "layers must name layers of this network"),
        ({"head": "mlp"}, ArgumentError, "layers must belong to head='ridge'; got layers for head='mlp'"),
        ({"head": "mlp", "layers": None}, KindError, "model must be 'resmem-frozen' for head='mlp'; got 'reused'"),
        ({"model": "resmem"}, KindError, "model must be a memfeat Model; got str"),
        ({"rng": None}, KindError, "rng must be a whole number"),
        ({"epochs": 3}, KindError, "options must be known; got epochs. There are validation, split"),
        ({"validation": 3, "split": "x.csv"}, ArgumentError, "split must come without validation; got both"),
        ({"validation": 22}, ArgumentError, "leave at least 3 images for training"),
    ],
)
def test_what_cannot_be_fitted_is_refused(pictures, scores, options, error, message):
    with pytest.raises(error, match=message):
        fit(pictures, scores, **options)


def test_scores_that_do_not_fit_are_refused(pictures, scores):
    with pytest.raises(ArgumentError, match="scores and images must hold the same images.*only in images 1"):
        fit(pictures, scores.iloc[1:])
    with pytest.raises(ArgumentError, match="scores must be finite for every image"):
        fit(pictures, scores.where(scores.index != "03.png"))
    with pytest.raises(ArgumentError, match="scores must differ between images; got 0.5 for every training image"):
        fit(pictures, scores * 0 + 0.5)


def test_a_layer_that_does_not_vary_is_refused():
    black = {f"{i}": np.zeros((20, 20, 3), np.uint8) for i in range(12)}
    scores = pd.Series(np.linspace(0.1, 0.9, 12), index=list(black))
    with pytest.raises(ArgumentError, match="layers must differ between images; got 'conv1'"):
        fit(black, scores, layers="conv1", validation=0)


def test_progress_says_how_much_is_left(capfd):
    data, wanted = examples(), plan(max_epochs=2)
    descent.descend(small(), data, wanted, checkpoint=None, progress=True)
    shown = capfd.readouterr().err
    assert "train" in shown
    assert "Spearman" in shown


def never(*_, **__):
    raise AssertionError("nothing is to be computed")


def test_what_cannot_be_fitted_is_refused_before_the_features_are_read(pictures, scores, monkeypatch):
    monkeypatch.setattr(fitting, "extract", never)
    with pytest.raises(ArgumentError, match="validation must leave at least 3 images for training"):
        fit(pictures, scores, validation=22)
    with pytest.raises(UnknownNameError, match="split must have a column 'part'"):
        fit(pictures, scores, split=pd.DataFrame({"image": list(pictures)}))
    with pytest.raises(AssertionError, match="nothing is to be computed"):
        fit(pictures, scores, validation=6)


def test_the_split_that_is_foreseen_is_the_one_that_is_drawn(pictures, scores):
    """Looking ahead takes nothing from the generator."""
    head = fit(pictures, scores, validation=6, rng=np.random.default_rng(3))
    held_out = splitting.drawn(N, 6, np.random.default_rng(3))
    assert list(head.split["part"] == "validation") == list(held_out)


def test_correlations_that_do_not_exist_are_not_made_up(pictures, scores, tmp_path):
    split = pd.DataFrame({"image": sorted(pictures), "part": ["validation"] * 4 + ["train"] * (N - 4)})
    flat = scores.copy()
    flat.iloc[:4] = 0.5
    head = fit(pictures, flat, split=split)
    error = head.split["prediction"][:4] - 0.5
    assert head.facts["result"] == {
        "n": 4,
        "correlations": "none: all scores of the validation images are the same",
        "mse": pytest.approx((error**2).mean()),
        "rmse": pytest.approx(np.sqrt((error**2).mean())),
    }
    card = (head.save(tmp_path / "head") / "README.md").read_text()
    assert "On the validation images:" in card
    assert "| correlations | none: all scores of the validation images are the same |" in card
    alike = dict(pictures) | dict.fromkeys(sorted(pictures)[:4], pictures["00.png"])
    same = fit(alike, scores, split=split)
    assert same.facts["result"]["correlations"] == "none: all predictions of the validation images are the same"


def test_scores_that_the_network_itself_predicted_are_cautioned_against(pictures, scores, tmp_path):
    head = fit(pictures, scores, validation=6)
    assert "cautions" not in head.facts
    network = models.with_head(reused(), head)
    memory = mf.predict(pictures, model=network)["memorability"]
    with pytest.warns(CircularWarning, match=r"the same network.*scores = mf.guards.allow\(scores, 'circular'") as seen:
        again = fit(pictures, memory, validation=6)
    assert [warning.filename for warning in seen] == [__file__]
    assert again.facts["cautions"] == "circular"
    card = (again.save(tmp_path / "head") / "README.md").read_text()
    assert "The scores were not measured; they are predictions of `reused`, the one that it reads" in card
    meant = fit(pictures, mf.guards.allow(memory, "circular", because="a test"), validation=6)
    assert json.loads(meant.facts["allowed"]) == {"circular": "a test"}


def test_a_folder_that_cannot_take_a_head_is_refused_before_the_work(command, photos, tmp_path, monkeypatch):
    monkeypatch.setattr("memfeat.training.fit_head", never)
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "notes.txt").write_text("mine")
    for out in (taken, tmp_path / "scores.csv", tmp_path / "scores.csv" / "head"):
        done = command("train", photos, "--scores", tmp_path / "scores.csv", "--column", "hit_rate", "-o", out)
        assert done.exit_code == 3
        assert done.stderr.startswith("Error: --out must be ")
    assert (taken / "notes.txt").read_text() == "mine"


def test_the_command_predicts_with_a_head_of_ones_own(command, photos, pictures, scores, tmp_path):
    head = fit(mf.images.read(photos), scores, validation=6)
    head.save(tmp_path / "head")
    done = command("predict", photos, "--head", tmp_path / "head", "-o", tmp_path / "out.csv")
    assert done.exit_code == 0, done.stderr
    table = pd.read_csv(tmp_path / "out.csv").set_index("image")
    wanted = head.split.set_index("image")["prediction"]
    np.testing.assert_allclose(table["memorability"], wanted.loc[table.index], atol=1e-5)
    made = json.loads((tmp_path / "out.csv.json").read_text())
    assert made["head"] == "ridge on conv1, relu@2, fitted to 18 images"
    assert made["model"] == "reused"


# --- the frozen ResMem ------------------------------------------------------------------------------------------------


def test_a_readout_of_the_frozen_trunk_needs_no_released_head(frozen, pictures, scores, tmp_path, monkeypatch):
    few = {name: pictures[name] for name in sorted(pictures)[:8]}
    before = weights.digest(frozen.module)
    head = mf.training.fit_head(few, scores[sorted(few)], model=frozen, validation=3, rng=0)
    assert head.facts["layers"] == ["features.layer2.7", "features.layer3.35", "features.layer4.2"]
    assert {name: tuple(value.shape) for name, value in head.tensors.items()} == {
        "weight": (512 + 1024 + 2048,), "centre": (512 + 1024 + 2048,), "intercept": ()
    }  # fmt: skip
    head.save(tmp_path / "head")
    assert sum(len(content) for content in files(tmp_path / "head").values()) < 100_000
    assert weights.digest(frozen.module) == before
    model = mf.models.load("resmem-frozen", head=tmp_path / "head")
    assert model.provenance["backbone"] == "released"
    memory = mf.predict(few, model=model)
    np.testing.assert_allclose(memory.memorability.values, head.split["prediction"], atol=1e-5)
    assert not any("fc6" in name for name, _ in model.named_modules())
    assert "features.layer4.2" in set(mf.models.layers(model)["name"])
    with pytest.raises(
        WeightsError, match="head must belong to the weights.*'released': the ResNet-152 of the released"
    ):
        mf.models.load("resmem-frozen", backbone="random", rng=0, head=head)


def test_an_mlp_head_is_trained_stopped_resumed_saved_and_used(frozen, pictures, scores, tmp_path, monkeypatch):
    """The whole architecture, for two steps on few images."""
    few = sorted(pictures)[:8]
    for name in few:
        Image.fromarray(pictures[name]).save(tmp_path / name)
    images = mf.images.read(tmp_path, scores=scores[few])
    options = {"head": "mlp", "model": frozen, "store": tmp_path / "s.zarr", "rng": 0, "validation": 4}
    options |= {"max_epochs": 2, "images_per_step": 4, "device": "cpu"}
    before = weights.digest(frozen.module)
    whole = mf.training.fit_head(images, images["hit_rate"], **options)
    assert weights.digest(frozen.module) == before
    assert whole.facts["recipe"]["steps"] == 2
    assert not list((tmp_path / "s.zarr.training").glob("*training.pt*"))
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    write = checkpoint.Checkpoint.write

    def stopping(self, state):
        write(self, state)
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint.Checkpoint, "write", stopping)
    with pytest.raises(KeyboardInterrupt):
        mf.training.fit_head(images, images["hit_rate"], **options)
    monkeypatch.setattr(checkpoint.Checkpoint, "write", lambda *_: None)
    again = mf.training.fit_head(images, images["hit_rate"], **options)
    assert again.sha256 == whole.sha256
    assert again.facts == whole.facts
    # the state outlives the training, and a save that fails
    state = list((tmp_path / "s.zarr.training").glob("*training.pt"))
    assert len(state) == 1
    with pytest.raises(ArgumentError, match="folder must be new, empty or hold a head"):
        again.save(tmp_path)
    assert state[0].is_file()
    again.save(tmp_path / "head")
    assert (tmp_path / "head" / "head.json").is_file()
    assert not state[0].exists()
    model = mf.models.load("resmem-frozen", backbone="released", head=again)
    memory = mf.predict(images, model=model)
    np.testing.assert_allclose(memory.memorability.values, whole.split["prediction"], atol=1e-5)
    assert weights.digest(model.module.features) == whole.facts["trunk_sha256"]
    assert memory.attrs["head"] == "mlp on features.fc, fitted to 4 images"


def test_an_mlp_head_asks_for_rates_and_for_images_to_stop_by(frozen, pictures, scores):
    few = {name: pictures[name] for name in sorted(pictures)[:8]}
    target = scores[sorted(few)]
    with pytest.raises(ArgumentError, match=r"scores must lie in \[0, 1\] for head='mlp'"):
        mf.training.fit_head(few, target * 10, head="mlp", model=frozen, validation=3)


def test_the_head_that_is_trained_is_the_released_architecture(resmem):
    own = {name: tuple(value.shape) for name, value in making._initial(0.7).state_dict().items()}
    released = weights.part(resmem.state_dict(), "features.", without=True)
    assert own == {name: tuple(value.shape) for name, value in released.items()}
    assert sum(int(np.prod(shape)) for shape in own.values()) == 131_688_809 - 60_192_808


def test_the_first_predictions_lie_around_the_mean():
    torch.manual_seed(0)
    network = making._initial(0.7).eval()
    with torch.inference_mode():
        found = network(torch.rand(4, 3, 227, 227), torch.randn(4, 1000))
    assert (found - 0.7).abs().max() < 0.1


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def command(monkeypatch):
    """Run a command in this process with the small network in place of every other."""
    monkeypatch.setattr(models, "load", lambda *_, **__: reused())

    def run(*arguments):
        runner = click.testing.CliRunner()
        if "mix_stderr" in click.testing.CliRunner.__init__.__code__.co_varnames:  # click before 8.2
            runner = click.testing.CliRunner(mix_stderr=False)
        return runner.invoke(main, [str(one) for one in arguments])

    return run


@pytest.fixture
def photos(pictures, scores, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, value in pictures.items():
        Image.fromarray(value).save(folder / name)
    scores.rename_axis("image").reset_index().to_csv(tmp_path / "scores.csv", index=False)
    return folder


def test_the_command_fits_saves_and_says_what_came_of_it(command, photos, pictures, scores, tmp_path):
    given = ["train", photos, "--scores", tmp_path / "scores.csv", "--column", "hit_rate", "--layers", "conv1"]
    given += ["--layers", "relu@2", "--validation", "6", "--seed", "2", "--licence", "CC0"]
    done = command(*given, "-o", tmp_path / "head")
    assert done.exit_code == 0, done.stderr
    head = read_head(tmp_path / "head")
    wanted = fit(mf.images.read(photos), scores, rng=2, validation=6)
    assert head.sha256 == wanted.sha256
    result = head.facts["result"]
    interval = f"[{result['spearman_ci_low']:.3f}, {result['spearman_ci_high']:.3f}]"
    said = f"(ridge, 18 images; Spearman {result['spearman']:.3f} {interval} on 6 held out)."
    assert done.stdout == f"Wrote {tmp_path / 'head'} {said}\n"
    assert "CC0" in (tmp_path / "head" / "README.md").read_text()
    assert (tmp_path / "head.zarr").is_dir()
    done = command(*given, "-o", tmp_path / "head", "--json")
    shown = json.loads(done.stdout)
    assert shown["attrs"]["result"] == result
    assert len(shown["rows"]) == N


def test_the_command_trains_on_lamem_and_memcat(command, published, tmp_path):
    lamem, memcat = published
    given = ["train", "--lamem", lamem, "--memcat", memcat, "--layers", "conv1", "--validation", "10"]
    done = command(*given, "-o", tmp_path / "head")
    assert done.exit_code == 0, done.stderr
    head = read_head(tmp_path / "head")
    assert head.facts["split"]["n_train"] == 14
    assert head.facts["data"]["description"].startswith("LaMem (Khosla et al. 2015) and MemCat")
    done = command("train", "--memcat", memcat, "--layers", "conv1", "--split", tmp_path / "head" / "split.csv",
                   "-o", tmp_path / "other")  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert len(read_head(tmp_path / "other").split) == 12


def test_the_command_leaves_out_images_without_scores_and_lists_those_that_failed(command, photos, tmp_path):
    table = pd.read_csv(tmp_path / "scores.csv").iloc[:-2]
    table.to_csv(tmp_path / "fewer.csv", index=False)
    (photos / "03.png").write_bytes(b"nothing")
    done = command("train", photos, "--scores", tmp_path / "fewer.csv", "--column", "hit_rate", "--layers", "conv1",
                   "-o", tmp_path / "head")  # fmt: skip
    assert done.exit_code == 1, done.stderr
    assert "1 of 22 images failed:\n  03.png: unreadable" in done.stderr
    assert "'23.png'" in done.stderr
    assert len(read_head(tmp_path / "head").split) == 21


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "Name PHOTOS with --scores and --column, or --lamem and --memcat"),
        (["photos"], 2, "Name PHOTOS with --scores and --column"),
        (["photos", "--lamem", "."], 2, "leave out PHOTOS, --scores and --column"),
        (["photos", "--column", "x", "--validation", "some"], 2, "neither a number of images"),
        (["photos", "--scores", "scores.csv", "--column", "hit_rat"], 3, "Did you mean 'hit_rate'?"),
    ],
)
def test_the_command_says_what_is_wrong(command, photos, tmp_path, monkeypatch, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    done = command("train", *arguments, "-o", "head")
    assert done.exit_code == code
    assert message in done.stderr


def test_the_command_has_help_with_an_example_and_the_published_training(command):
    shown = command("train", "--help").stdout
    assert "Example: memfeat train" in shown
    assert "memfeat train --lamem lamem/ --memcat MemCat/ --head mlp" in " ".join(shown.split())


# --- real photographs -------------------------------------------------------------------------------------------------


@pytest.mark.data
def test_a_readout_predicts_human_scores_of_photographs_it_has_not_seen(lnsim, lnsim_features, frozen):
    some = lnsim_features["resmem-frozen"]
    values = {name: np.asarray(some[name].values, dtype=float) for name in making.LAST_BLOCKS}
    scores = lnsim["hit_rate"].sel(image=some.image.values).values.astype(float)
    train = np.random.default_rng(0).permutation(len(scores)) < 0.7 * len(scores)
    found = linear.fitted(values, scores, train)
    assert spearmanr(found.predictions[~train], scores[~train])[0] > 0
