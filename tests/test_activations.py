"""Extraction: what is captured is what modules put out, in memory and in a store that can be killed."""

import copy
import json
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn

import memfeat as mf
from memfeat.activations import store as stores
from memfeat.activations.feed import default_size
from memfeat.activations.reduce import REDUCTIONS
from memfeat.errors import ArgumentError, KindError, MemfeatWarning, NoImageError, StoreError, UnknownNameError
from memfeat.models import preprocessing


class Reused(nn.Module):
    """A small network with what makes capture hard: an in-place ReLU called twice, and an addition in place."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.conv2, self.bn2 = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.fc = nn.Linear(4, 1)

    def forward(self, x):
        first = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(first))
        out += first
        return self.fc(self.relu(out).mean(dim=(2, 3)))


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return mf.models.wrap(Reused().eval(), preprocessing.SquashAndCrop(20, 16), name="reused")


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(0)
    return {f"{i:02}.png": rng.integers(0, 256, (24 + i, 30, 3), dtype=np.uint8) for i in range(11)}


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


# --- reductions -------------------------------------------------------------------------------------------------------


def test_reductions_are_what_their_names_say():
    output = torch.arange(12.0).reshape(1, 2, 2, 3)
    assert REDUCTIONS["mean"].apply(output).tolist() == [[2.5, 8.5]]
    assert REDUCTIONS["max"].apply(output).tolist() == [[5.0, 11.0]]
    assert REDUCTIONS["flatten"].apply(output).tolist() == [list(range(12))]
    assert torch.equal(REDUCTIONS["none"].apply(output), output)
    tokens = torch.tensor([[[1.0, 10.0], [3.0, 30.0]]])
    assert REDUCTIONS["mean"].apply(tokens).tolist() == [[2.0, 20.0]]
    assert REDUCTIONS["max"].apply(torch.tensor([[1.0, 2.0]])).tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize(
    ("reduce", "dims", "shape"),
    [
        ("mean", ("image", "bn1:channel"), (11, 4)),
        ("max", ("image", "bn1:channel"), (11, 4)),
        ("flatten", ("image", "bn1:unit"), (11, 1024)),
        ("none", ("image", "bn1:channel", "bn1:y", "bn1:x"), (11, 4, 16, 16)),
    ],
)
def test_dims_are_what_the_reduction_left(model, table, reduce, dims, shape):
    found = mf.extract(table, model=model, layers="bn1", reduce=reduce)
    assert found["bn1"].dims == dims
    assert found["bn1"].shape == shape
    assert found["bn1"].dtype == np.float32
    assert found.attrs["reduction"] == reduce


@settings(max_examples=15)
@given(size=st.integers(1, 13), n=st.integers(1, 11))
def test_features_do_not_depend_on_the_batch(model, table, size, n):
    some = table.isel(image=slice(0, n))
    whole = mf.extract(table, model=model, layers=["relu@2", "fc"], batch_size=11)
    found = mf.extract(some, model=model, layers=["relu@2", "fc"], batch_size=size)
    xr.testing.assert_allclose(found, whole.isel(image=slice(0, n)), atol=1e-6)


def test_every_reduction_follows_from_the_whole_map(model, table):
    whole = mf.extract(table, model=model, layers="bn1", reduce="none")["bn1"].values
    for reduce, expected in {
        "mean": whole.mean(axis=(2, 3)),
        "max": whole.max(axis=(2, 3)),
        "flatten": whole.reshape(11, -1),
    }.items():
        found = mf.extract(table, model=model, layers="bn1", reduce=reduce)["bn1"].values
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_transformer_blocks_have_tokens_before_channels():
    model = mf.models.load("vit_b_16", weights="random", rng=0)
    pixels = np.zeros((30, 30, 3), dtype=np.uint8)
    found = mf.extract({"a": pixels}, model=model, layers="encoder.layers.encoder_layer_0", reduce="none")
    layer = found["encoder.layers.encoder_layer_0"]
    assert [str(dim).rsplit(":", 1)[-1] for dim in layer.dims] == ["image", "token", "channel"]
    assert layer.shape == (1, 197, 768)


def test_batches_are_no_larger_than_needed():
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    assert [default_size(n, cpu) for n in (1, 16, 17, 20, 32, 800)] == [1, 16, 9, 10, 16, 16]
    assert default_size(800, gpu) == 62


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


# --- the store --------------------------------------------------------------------------------------------------------


def test_a_store_holds_what_memory_holds(model, table, tmp_path):
    in_memory = mf.extract(table, model=model, layers=["conv1", "fc"], reduce="none", batch_size=4)
    stored = mf.extract(
        table, model=model, layers=["conv1", "fc"], reduce="none", batch_size=4, store=tmp_path / "a" / "s.zarr"
    )
    assert stored["conv1"].chunks is not None
    xr.testing.assert_identical(stored.load(), in_memory)


def test_plain_xarray_opens_the_store_without_a_warning(model, table, tmp_path):
    mf.extract(table, model=model, layers="conv1", store=tmp_path / "s.zarr")
    mf.extract(table, model=model, layers="fc", store=tmp_path / "s.zarr")
    code = f"""
        import xarray as xr
        store = xr.open_zarr({str(tmp_path / "s.zarr")!r})
        print(sorted(store.data_vars), store.sizes["image"], sorted(map(str, store.status.values))[0])
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "['conv1', 'fc'] 11 ok"


def test_nothing_but_zarr_nodes_stands_inside_the_store(model, table, tmp_path):
    mf.extract(table, model=model, layers="conv1", store=tmp_path / "s.zarr")
    inside = {path.name for path in (tmp_path / "s.zarr").iterdir()}
    assert inside == {"zarr.json", "conv1", "image", "sha256", "status", "reason", "pass_0"}
    assert {path.name for path in tmp_path.iterdir()} == {"s.zarr", "s.zarr.lock"}


def counted(model):
    """Wrap a network so that the images that go through it can be counted."""
    seen: list[int] = []
    module = copy.deepcopy(model.module)
    module.conv1.register_forward_hook(lambda m, i, o: seen.append(len(o)))
    return mf.models.wrap(module, model.transform, name="reused"), seen


def test_what_is_stored_is_not_computed_again(model, table, tmp_path):
    counting, seen = counted(model)
    store = tmp_path / "s.zarr"
    first = mf.extract(table.isel(image=slice(0, 4)), model=counting, layers="fc", store=store, batch_size=4)
    del seen[:]
    again = mf.extract(table.isel(image=slice(0, 4)), model=counting, layers="fc", store=store)
    assert sum(seen) == 1  # the trial run that lists the layers
    xr.testing.assert_identical(first.load(), again.load())
    del seen[:]
    more = mf.extract(table, model=counting, layers="fc", store=store)
    assert sum(seen) == 1 + 8  # seven images, in whole batches of four
    whole = mf.extract(table, model=counting, layers="fc", batch_size=4)
    xr.testing.assert_allclose(more.load(), whole, atol=1e-6)
    del seen[:]
    both = mf.extract(table, model=counting, layers=["fc", "conv2"], store=store)
    assert sum(seen) == 1 + 12
    assert list(both.data_vars) == ["conv2", "fc"]


def test_images_come_back_in_the_order_of_the_table_that_asks(model, table, tmp_path):
    mf.extract(table, model=model, layers="fc", store=tmp_path / "s.zarr")
    asked = table.isel(image=[7, 2, 9])
    found = mf.extract(asked, model=model, layers="fc", store=tmp_path / "s.zarr")
    assert list(found.image.values) == list(asked.image.values)
    xr.testing.assert_allclose(found.load(), mf.extract(asked, model=model, layers="fc"), atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reduce": "max"}, "store must hold what is asked for; got reduction: stored 'mean', asked for 'max'"),
        ({"model": "other"}, "weights_sha256: stored"),
        ({"model": "transform"}, "preprocessing: stored 'SquashAndCrop\\(resize=20, crop=16\\)'"),
    ],
)
def test_a_store_of_other_numbers_is_refused(model, table, tmp_path, change, message):
    mf.extract(table, model=model, layers="fc", store=tmp_path / "s.zarr")
    torch.manual_seed(99)
    others = {
        "other": mf.models.wrap(Reused(), model.transform, name="reused"),
        "transform": mf.models.wrap(model.module, preprocessing.SquashAndCrop(18, 16), name="reused"),
    }
    asked = {"model": model, "layers": "fc", "store": tmp_path / "s.zarr"} | change
    asked["model"] = others.get(asked["model"], asked["model"]) if isinstance(asked["model"], str) else asked["model"]
    with pytest.raises(StoreError, match=message):
        mf.extract(table, **asked)


def test_a_changed_image_is_noticed(model, files, tmp_path):
    mf.extract(files, model=model, layers="fc", store=tmp_path / "s.zarr")
    Image.new("RGB", (30, 30)).save(files / "03.png")
    with pytest.raises(StoreError, match="images must be unchanged since they were stored; got 1: '03.png'"):
        mf.extract(files, model=model, layers="fc", store=tmp_path / "s.zarr")


def test_what_is_no_store_is_not_written_to(model, table, tmp_path):
    (tmp_path / "notes.zarr").mkdir()
    (tmp_path / "notes.zarr" / "thesis.txt").write_text("years of work")
    with pytest.raises(StoreError, match="store must be a feature store or a new path"):
        mf.extract(table, model=model, layers="fc", store=tmp_path / "notes.zarr")
    xr.Dataset({"a": ("x", [1.0])}).to_zarr(tmp_path / "other.zarr", zarr_format=3, consolidated=False)
    with pytest.raises(StoreError, match="store must have been made by memfeat"):
        mf.extract(table, model=model, layers="fc", store=tmp_path / "other.zarr")


def test_a_store_of_a_newer_memfeat_is_refused_with_advice(model, table, tmp_path):
    mf.extract(table, model=model, layers="fc", store=tmp_path / "s.zarr")
    file = tmp_path / "s.zarr" / "zarr.json"
    content = json.loads(file.read_text())
    content["attributes"]["memfeat_schema"] = 99
    file.write_text(json.dumps(content))
    with pytest.raises(StoreError, match="store must have schema 1 or older; got 99. Update memfeat"):
        mf.extract(table, model=model, layers="fc", store=tmp_path / "s.zarr")


def test_a_second_process_is_refused_while_the_first_one_writes(model, table, tmp_path):
    with (
        stores.locked(tmp_path / "s.zarr"),
        pytest.raises(StoreError, match="store must be used by one process at a time"),
    ):
        mf.extract(table, model=model, layers="fc", store=tmp_path / "s.zarr")
    assert mf.extract(table, model=model, layers="fc", store=tmp_path / "s.zarr").sizes["image"] == 11


def test_a_run_that_does_not_fit_the_disk_is_refused_before_it_starts(model, table, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 10})())
    with pytest.raises(StoreError, match=r"store must fit the free disk; got 0.0 GB to write and 0.0 GB free"):
        mf.extract(table, model=model, layers="fc", store=tmp_path / "s.zarr")


def test_a_disk_that_fills_up_leaves_a_store_that_goes_on(model, table, tmp_path, monkeypatch):
    monkeypatch.setattr(stores, "BLOCK", 4)
    commit, calls = stores.Store.commit, iter(range(100))

    def full(self, *args):
        if next(calls) == 1:
            raise OSError(28, "No space left on device")
        commit(self, *args)

    monkeypatch.setattr(stores.Store, "commit", full)
    with pytest.raises(StoreError, match="store must have room on its disk; got a full disk. Make room and call again"):
        mf.extract(table, model=model, layers="fc", store=tmp_path / "s.zarr", batch_size=4)
    found = mf.extract(table, model=model, layers="fc", store=tmp_path / "s.zarr")
    xr.testing.assert_allclose(found.load(), mf.extract(table, model=model, layers="fc", batch_size=4), atol=1e-6)


KILLED = """
    import os, signal, sys
    import numpy as np, torch
    from pathlib import Path
    sys.path.insert(0, {tests!r})
    import memfeat as mf
    from memfeat.activations import store as stores
    from test_activations import Reused
    from memfeat.models import preprocessing
    stores.BLOCK = 4
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = mf.models.wrap(Reused(), preprocessing.SquashAndCrop(20, 16), name="reused")
    left = [int(sys.argv[2])]
    write = stores._fsync
    def fatal(path):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        write(path)
    stores._fsync = fatal
    mf.extract(Path(sys.argv[1]), model=model, layers=["conv1", "fc"], store=sys.argv[3], batch_size=4)
"""


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system cannot kill a process outright")
@pytest.mark.parametrize("moment", [9])
def test_a_killed_run_goes_on_to_the_same_bytes(files, tmp_path, moment):
    code = textwrap.dedent(KILLED).format(tests=str(Path(__file__).parent))

    def run(moment: int, store: Path) -> int:
        command = [sys.executable, "-c", code, str(files), str(moment), str(store)]
        return subprocess.run(command, check=False, capture_output=True).returncode

    assert run(0, tmp_path / "whole.zarr") == 0
    assert run(moment, tmp_path / "killed.zarr") == -signal.SIGKILL
    assert tree(tmp_path / "killed.zarr") != tree(tmp_path / "whole.zarr")
    (tmp_path / "killed.zarr" / "fc" / "c.abc.partial").write_bytes(b"half a chunk")
    assert run(0, tmp_path / "killed.zarr") == 0
    assert tree(tmp_path / "killed.zarr") == tree(tmp_path / "whole.zarr")


def test_data_are_synced_before_they_are_marked(model, table, tmp_path, monkeypatch):
    order = []
    sync = stores._fsync
    monkeypatch.setattr(stores, "_fsync", lambda path: (order.append(path.relative_to(tmp_path).parts[1]), sync(path)))
    mf.extract(table, model=model, layers=["conv1", "fc"], store=tmp_path / "s.zarr")
    assert order.index("pass_0") > max(i for i, part in enumerate(order) if part in {"conv1", "fc", "status"})


# --- real photographs -------------------------------------------------------------------------------------------------


@pytest.mark.data
def test_frozen_and_retrained_features_of_real_photographs_differ_but_are_related(lnsim_features):
    frozen, retrained = lnsim_features["resmem-frozen"], lnsim_features["resmem"]
    assert frozen.attrs["variant"] == "frozen"
    assert retrained.attrs["variant"] == "retrained"
    assert len([name for name in frozen.data_vars if str(name).startswith("features.layer")]) == 50
    assert frozen.sizes["image"] == 100
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
