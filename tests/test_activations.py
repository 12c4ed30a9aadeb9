"""Extraction: what is captured is what modules put out, in memory and in a store that can be killed."""

import copy
import json
import logging
import os

import numpy as np
import pytest
import torch
import torchvision
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import random_pictures, reused
from PIL import Image

import memfeat as mf
from memfeat._kept.projection import Projection
from memfeat.activations import headroom, memory
from memfeat.activations.feed import default_size
from memfeat.errors import ArgumentError, KindError, MemfeatWarning, NoImageError, UnknownNameError


@pytest.fixture(scope="module")
def model():
    return reused()


@pytest.fixture(scope="module")
def pictures():
    return random_pictures()


@pytest.fixture(scope="module")
def table(pictures):
    return mf.images.read(pictures)


@pytest.fixture
def files(tmp_path, pictures):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, pixels in pictures.items():
        Image.fromarray(pixels).save(folder / name)
    return folder


def batch_of(model, table):
    return torch.stack([model.transform(mf.images.decode(table, name)) for name in table.image.values])


# --- exactness --------------------------------------------------------------------------------------------------------


def test_calls_of_one_module_are_layers_of_their_own(model, table):
    found = mf.extract(table, model=model, layers=["relu@1", "relu@2", "bn2"], reduce="none")
    raw = batch_of(model, table).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        net = model.module
        first = torch.relu(net.bn1(net.conv1(raw)))
        second = net.bn2(net.conv2(first))
    np.testing.assert_allclose(found["relu@1"].values, first.numpy(), atol=1e-6)
    np.testing.assert_allclose(found["bn2"].values, second.numpy(), atol=1e-6)
    np.testing.assert_allclose(found["relu@2"].values, torch.relu(second + first).numpy(), atol=1e-6)


def test_hooks_are_gone_and_modes_restored_also_after_an_error(model, table):
    module = copy.deepcopy(model.module).train()
    module.bn1.eval()
    modes = [part.training for part in module.modules()]

    class Stumbling:
        def __call__(self, image):
            raise KeyboardInterrupt

    seen = iter(range(10**9))

    def transform(image):
        # The first call is the trial run with a black image.
        return model.transform(image) if next(seen) < 1 else Stumbling()(image)

    with pytest.raises(KeyboardInterrupt):
        mf.extract(table, model=mf.models.wrap(module, transform), layers="conv1")
    assert [part.training for part in module.modules()] == modes
    assert not any(part._forward_hooks for part in module.modules())


# --- batches ----------------------------------------------------------------------------------------------------------


@settings(max_examples=15)
@given(size=st.integers(1, 13), n=st.integers(1, 11))
def test_features_do_not_depend_on_the_batch(model, table, size, n):
    some = table.isel(image=slice(0, n))
    whole = mf.extract(table, model=model, layers=["relu@2", "fc"], batch_size=11)
    found = mf.extract(some, model=model, layers=["relu@2", "fc"], batch_size=size)
    xr.testing.assert_allclose(found, whole.isel(image=slice(0, n)), atol=1e-6)


def test_batches_are_no_larger_than_needed():
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    assert [default_size(n, cpu) for n in (1, 16, 17, 20, 32, 800)] == [1, 8, 6, 7, 8, 8]
    assert default_size(800, gpu) == 62


def test_a_store_that_began_with_one_image_has_the_batch_of_one_with_many(model, table, tmp_path):
    for n, store in ((1, "one.zarr"), (11, "all.zarr")):
        mf.extract(table.isel(image=slice(0, n)), model=model, layers="fc", store=tmp_path / store, device="cpu")
    sizes = [xr.open_zarr(tmp_path / store)["pass_0"].attrs["batch_size"] for store in ("one.zarr", "all.zarr")]
    assert sizes == [8, 8]


def test_another_batch_size_than_the_store_has_is_told_and_not_used(model, table, tmp_path):
    asked = {"model": model, "layers": "fc", "store": tmp_path / "s.zarr"}
    few = table.isel(image=slice(0, 3))
    mf.extract(few, batch_size=2, **asked)
    mf.extract(few, batch_size=2, **asked)  # no word about the same one
    rule = (
        "batch_size must be the one that the store was begun with; got 5. It goes on in batches of 2; for others write"
    )
    with pytest.warns(MemfeatWarning, match=rule):
        found = mf.extract(table, batch_size=5, **asked)
    xr.testing.assert_identical(found.load(), mf.extract(table, **asked).load())
    assert xr.open_zarr(tmp_path / "s.zarr")["pass_0"].attrs["batch_size"] == 2


# --- memory -----------------------------------------------------------------------------------------------------------


def test_features_that_do_not_fit_into_memory_are_refused_before_anything_is_computed(
    model, table, tmp_path, monkeypatch
):
    # conv1: 4 maps of 16 × 16 in float32 for 11 images
    needed = 4 * 16 * 16 * 4 * 11
    monkeypatch.setattr(headroom, "available", lambda: needed - 1)
    monkeypatch.setattr(memory, "compute", None)
    asked = {"model": model, "layers": "conv1", "reduce": "none", "device": "cpu"}
    rule = r'store must be given for what does not fit into memory; got 0.0 MB to keep and 0.0 MB free. Give store="'
    with pytest.raises(ArgumentError, match=rule):
        mf.extract(table, **asked)
    assert mf.extract(table, store=tmp_path / "s.zarr", **asked).sizes["image"] == 11
    monkeypatch.undo()
    monkeypatch.setattr(headroom, "available", lambda: needed)
    assert mf.extract(table, **asked).sizes["image"] == 11


def test_a_projection_whose_matrices_do_not_fit_is_refused_and_a_large_one_is_told(
    model, table, tmp_path, monkeypatch, caplog
):
    asked = {"model": model, "layers": ["conv1", "fc"], "reduce": "project:0.9", "device": "cpu"}
    # 4 ln 11 / (.9² / 2 - .9³ / 3) = 59.2 components of 1,024 values: 59 × √1,024 entries of 8 bytes, 60 beginnings
    needed = 8 * 59 * 32 + 4 * 60
    monkeypatch.setattr(headroom, "available", lambda: needed - 1)
    with pytest.raises(
        ArgumentError, match="reduce must leave room in memory for its matrices; got 0.0 MB for 2 layers"
    ):
        mf.extract(table, store=tmp_path / "s.zarr", **asked)
    assert not (tmp_path / "s.zarr").exists()
    monkeypatch.setattr(headroom, "available", lambda: needed)
    monkeypatch.setattr(headroom, "WORTH_A_WORD", needed)
    with caplog.at_level(logging.INFO, logger="memfeat"):
        mf.extract(table, store=tmp_path / "s.zarr", **asked)
    assert "The projection's matrices take 0.0 MB of memory." in caplog.messages


def test_the_size_of_a_matrix_is_known_before_it_is_made():
    made = Projection(0.5, 0, 331)
    matrix = made._made("layer", 50_000)
    held = sum(part.nbytes for part in (matrix.values(), matrix.col_indices(), matrix.crow_indices()))
    assert held == pytest.approx(made.held(50_000), rel=0.02)
    assert made.held(331) == 0


GROUP_2 = (
    "0::/batch/job_7\n",
    {"memory.max": "5000", "memory.current": "4000", "memory.stat": "anon 1\ninactive_file 300"},
)
GROUP_1 = (
    "9:name=systemd:/\n4:memory:/batch/job_7\n",
    {"memory.limit_in_bytes": "6000", "memory.usage_in_bytes": "4000", "memory.stat": "total_inactive_file 300"},
)


@pytest.mark.parametrize(("mine", "files", "root", "left"), [(*GROUP_2, "", 1300), (*GROUP_1, "memory", 2300)])
def test_memory_is_what_the_system_and_the_groups_around_the_process_leave(
    mine, files, root, left, tmp_path, monkeypatch
):
    (tmp_path / "meminfo").write_text("MemTotal: 99 kB\nMemAvailable:      9 kB\n")
    (tmp_path / "mine").write_text(mine)
    group = tmp_path / "groups" / root / "batch" / "job_7"
    group.mkdir(parents=True)
    places = {"MEMINFO": tmp_path / "meminfo", "MINE": tmp_path / "mine", "CGROUPS": tmp_path / "groups"}
    for name, place in places.items():
        monkeypatch.setattr(headroom, name, place)
    assert headroom.available() == 9 * 1024
    for name, text in files.items():
        (group.parent / name).write_text(text)  # a limit of a group around the innermost
    assert headroom.available() == left
    (group.parent / "memory.max").write_text("max")
    (tmp_path / "meminfo").unlink()
    assert headroom.available() >= left
    (tmp_path / "mine").unlink()
    assert headroom.available() == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


# --- labels -----------------------------------------------------------------------------------------------------------


def test_results_are_labelled_and_inputs_left_alone(model, table):
    before, pixels = table.copy(deep=True), [picture.copy() for picture in table["pixels"].values]
    found = mf.extract(table, model=model, layers=["conv1", "fc"])
    xr.testing.assert_identical(table.drop_vars("pixels"), before.drop_vars("pixels"))
    assert all(np.array_equal(now, then) for now, then in zip(table["pixels"].values, pixels, strict=True))
    assert list(found.image.values) == list(table.image.values)
    assert list(found.data_vars) == ["conv1", "fc"]
    assert list(found["sha256"].values) == list(table["sha256"].values)
    assert found.attrs["model"] == "reused"
    assert found.attrs["weights_sha256"] == model.provenance["weights_sha256"]
    assert found.attrs["preprocessing"] == "SquashAndCrop(resize=20, crop=16)"
    assert found.attrs["n_images"] == 11


def test_features_survive_netcdf(model, table, tmp_path):
    found = mf.extract(table, model=model, layers=["relu@1", "fc"], reduce="none")
    found.to_netcdf(tmp_path / "features.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "features.nc", engine="h5netcdf") as back:
        xr.testing.assert_equal(back.load(), found)


# --- bad input --------------------------------------------------------------------------------------------------------


def test_unreadable_images_are_left_out_and_told(model, files):
    (files / "broken.jpg").write_bytes(b"no image")
    (files / "empty.png").write_bytes(b"")
    whole = (files / "03.png").read_bytes()
    (files / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.warns(MemfeatWarning, match="Images left out, 3: 'broken.jpg: unreadable', 'cut.png: truncated'"):
        found = mf.extract(files, model=model, layers="fc")
    assert found.sizes["image"] == 11
    assert found.attrs["n_left_out"] == 3
    told = {row["image"]: row["status"] for row in json.loads(found.attrs["left_out"])}
    assert told == {"broken.jpg": "unreadable", "cut.png": "truncated", "empty.png": "empty"}
    assert np.isfinite(found["fc"].values).all()


@pytest.mark.parametrize("store", [False, True])
def test_a_file_that_goes_bad_after_reading_costs_itself_only(model, files, tmp_path, store):
    table = mf.images.read(files, verify=False)
    (files / "05.png").write_bytes(b"gone bad")
    options = {"store": tmp_path / "s.zarr"} if store else {}
    with pytest.warns(MemfeatWarning, match="Images left out, 1: '05.png"):
        found = mf.extract(table, model=model, layers="fc", batch_size=4, **options)
    assert "05.png" not in found.image.values
    assert found.sizes["image"] == 10
    assert np.isfinite(found["fc"].values).all()


def test_nothing_readable_is_an_error(model, tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"text")
    with pytest.raises(
        NoImageError, match="images must hold at least one readable image; got unreadable ones, 1: 'a.jpg"
    ):
        mf.extract(tmp_path, model=model, layers="fc")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"layers": "conv9"}, UnknownNameError, "layers must name layers of this network; got 'conv9'"),
        ({"layers": "relu"}, UnknownNameError, "called 2 times; say which: relu@1, relu@2"),
        ({"layers": "fc", "reduce": "median"}, ArgumentError, "reduce must be one of 'mean', 'max', 'flatten', 'none'"),
        ({"layers": "fc", "batch_size": 0}, ArgumentError, "batch_size must be at least 1; got 0"),
        ({"layers": "fc", "workers": 1.5}, KindError, "workers must be a whole number; got 1.5"),
        (
            {"layers": "fc", "batchsize": 4},
            KindError,
            "options must be known; got batchsize. There are device, batch_size",
        ),
        ({"layers": "fc", "device": "abacus"}, ArgumentError, "device must be a device that torch knows"),
        ({"layers": "fc", "progress": "yes"}, KindError, "progress must be True, False or None"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_computed(model, table, arguments, error, message):
    with pytest.raises(error, match=message):
        mf.extract(table, model=model, **arguments)


def test_a_transform_must_give_tensors_of_one_shape(model, pictures):
    to_tensor = torchvision.transforms.ToTensor()
    with pytest.raises(
        ArgumentError, match=r"transform must give every image one shape; got \[\(3, 24, 30\), \(3, 25, 30\)"
    ):
        mf.extract(pictures, model=mf.models.wrap(model.module, to_tensor), layers="conv1")
    calls = iter(range(10**9))
    later = mf.models.wrap(model.module, lambda image: to_tensor(image) if next(calls) < 1 else image)
    with pytest.raises(KindError, match="transform must give a tensor; got Image"):
        mf.extract(pictures, model=later, layers="conv1")


def test_what_is_no_table_or_path_is_refused(model, table):
    with pytest.raises(KindError, match="images must be an image table; got a Dataset without path"):
        mf.extract(xr.Dataset(coords={"image": ["a"]}), model=model, layers="fc")
    with pytest.raises(KindError, match="store must be a path; got int. For instance store="):
        mf.extract(table, model=model, layers="fc", store=5)


def test_a_store_in_the_home_folder_is_found(model, table, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    mf.extract(table, model=model, layers="fc", store="~/s.zarr")
    assert (tmp_path / "s.zarr" / "zarr.json").is_file()


def test_what_is_no_model_is_refused(table):
    with pytest.raises(KindError, match="model must be a memfeat Model; got str"):
        mf.extract(table, model="resmem", layers="fc")


# --- real photographs -------------------------------------------------------------------------------------------------


@pytest.mark.data
def test_frozen_and_retrained_features_of_real_photographs_differ_but_are_related(lnsim, lnsim_features):
    frozen, retrained = lnsim_features["resmem-frozen"], lnsim_features["resmem"]
    assert frozen.attrs["variant"] == "frozen"
    assert retrained.attrs["variant"] == "retrained"
    assert len([name for name in frozen.data_vars if str(name).startswith("features.layer")]) == 50
    assert frozen.sizes["image"] == len(lnsim["image"][::3])
    first, second = (f["features.avgpool"].values for f in (frozen, retrained))
    assert np.isfinite(first).all()
    assert not np.allclose(first, second)
    related = [np.corrcoef(a, b)[0, 1] for a, b in zip(first, second, strict=True)]
    assert np.median(related) > 0.5


@pytest.mark.data
def test_a_layer_of_a_real_photograph_is_what_the_network_puts_out(lnsim, lnsim_features, frozen):
    name = lnsim.image.values[0]
    raw = frozen.transform(mf.images.decode(lnsim, name))[None]
    with torch.inference_mode():
        trunk = frozen.module.features
        maps = trunk.maxpool(trunk.relu(trunk.bn1(trunk.conv1(frozen.module.normalise(raw)))))
        expected = trunk.layer2(trunk.layer1(maps)).mean(dim=(2, 3))[0]
    found = lnsim_features["resmem-frozen"]["features.layer2.7"].sel(image=name).values
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-4, atol=1e-5)


def test_progress_is_shown_when_asked_for_and_not_otherwise(model, table, capsys):
    mf.extract(table, model=model, layers="fc", progress=True)
    assert "11/11" in capsys.readouterr().err
    mf.extract(table, model=model, layers="fc")
    assert capsys.readouterr().err == ""
