"""The store: what it holds, and that it can be stopped at any moment, added to, and shared by processes."""

import copy
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import Reused, random_pictures, reused
from PIL import Image

import memfeat as mf
from memfeat import activations
from memfeat.activations import durable, locks, passes
from memfeat.activations import store as stores
from memfeat.errors import ArgumentError, KindError, StoreError
from memfeat.models import preprocessing


@pytest.fixture(scope="module")
def model():
    return reused()


@pytest.fixture(scope="module")
def table():
    return mf.images.read(random_pictures())


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, pixels in random_pictures().items():
        Image.fromarray(pixels).save(folder / name)
    return folder


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(passes, "BLOCK", 4)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


# --- what it holds ----------------------------------------------------------------------------------------------------


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


#: Twelve layers of one kind: by name, the tenth and eleventh would come before the third.
DEEP = [f"{i}" for i in range(12)]


@pytest.fixture(scope="module")
def deep():
    torch.manual_seed(0)
    module = torch.nn.Sequential(*[torch.nn.Conv2d(3, 3, 1) for _ in DEEP])
    return mf.models.wrap(module, preprocessing.SquashAndCrop(20, 16), name="deep")


def test_plain_xarray_gives_layers_as_the_network_runs_through_them(deep, table, tmp_path):
    mf.extract(table, model=deep, layers=["11", "2"], store=tmp_path / "s.zarr")
    assert list(xr.open_zarr(tmp_path / "s.zarr").data_vars) == ["2", "11"]
    features = mf.extract(table, model=deep, layers=DEEP, store=tmp_path / "s.zarr")
    assert list(xr.open_zarr(tmp_path / "s.zarr").data_vars) == DEEP == list(features.data_vars)
    assert "layer_order" not in features.attrs


def test_shards_leave_layers_as_the_network_runs_through_them(deep, files, tmp_path):
    images = mf.images.read(files)
    activations.prepare(images, model=deep, layers=DEEP, store=tmp_path / "s.zarr")
    for shard in ("1/2", "2/2"):
        activations.extract_shard(shard, model=deep, layers=DEEP, store=tmp_path / "s.zarr")
    assert list(xr.open_zarr(tmp_path / "s.zarr").data_vars) == DEEP


def test_a_store_of_before_is_read_and_learns_its_order(deep, table, tmp_path):
    store = tmp_path / "s.zarr"
    mf.extract(table, model=deep, layers=DEEP, store=store)
    described = json.loads((store / "zarr.json").read_text())
    del described["attributes"]["layer_order"]
    consolidated = described["consolidated_metadata"]
    consolidated["metadata"] = dict(sorted(consolidated["metadata"].items()))
    (store / "zarr.json").write_text(json.dumps(described))
    assert list(xr.open_zarr(store).data_vars) == sorted(DEEP)
    assert list(mf.extract(table, model=deep, layers=DEEP, store=store).data_vars) == DEEP
    assert list(xr.open_zarr(store).data_vars) == DEEP


def test_nothing_but_zarr_nodes_stands_inside_the_store(model, table, tmp_path):
    mf.extract(table, model=model, layers="conv1", store=tmp_path / "s.zarr")
    inside = {path.name for path in (tmp_path / "s.zarr").iterdir()}
    assert inside == {"zarr.json", "conv1", "image", "sha256", "status", "reason", "pass_0"}
    assert {path.name for path in tmp_path.iterdir()} == {"s.zarr", "s.zarr.lock", "s.zarr.log"}


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
        locks.alone(tmp_path / "s.zarr"),
        pytest.raises(StoreError, match="store must be used by one run at a time"),
    ):
        mf.extract(table, model=model, layers="fc", store=tmp_path / "s.zarr")
    assert mf.extract(table, model=model, layers="fc", store=tmp_path / "s.zarr").sizes["image"] == 11


def test_a_run_that_does_not_fit_the_disk_is_refused_before_it_starts(model, table, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 10})())
    with pytest.raises(StoreError, match=r"store must fit the free disk; got 0.0 GB to write and 0.0 GB free"):
        mf.extract(table, model=model, layers="fc", store=tmp_path / "s.zarr")


@pytest.mark.parametrize("moment", [1, 8, 15, 22, 26])
def test_a_disk_that_fills_up_leaves_a_store_that_goes_on(model, table, tmp_path, small_blocks, monkeypatch, moment):
    """Full for good from some sync on, whatever was being written: images, arrays, blocks or the closing words."""
    sync, calls = durable._fsync, iter(range(10**6))

    def full(path):
        if next(calls) >= moment:
            raise OSError(28, "No space left on device")
        sync(path)

    monkeypatch.setattr(durable, "_fsync", full)
    asked = {"model": model, "layers": "fc", "store": tmp_path / "s.zarr", "batch_size": 4}
    with pytest.raises(StoreError, match="store must have room on its disk; got a full disk. Make room and call again"):
        mf.extract(table, **asked)
    monkeypatch.setattr(durable, "_fsync", sync)
    found = mf.extract(table, **asked)
    xr.testing.assert_allclose(found.load(), mf.extract(table, model=model, layers="fc", batch_size=4), atol=1e-6)


ROUNDED = [("float16", "float16", 2**-11), ("float32:7", "float32", 2**-8)]


@pytest.mark.parametrize(("precision", "dtype", "bound"), ROUNDED)
def test_rounded_values_are_stored_with_their_error(model, table, tmp_path, small_blocks, precision, dtype, bound):
    exact = mf.extract(table, model=model, layers=["conv1", "fc"], batch_size=4)
    options = {"model": model, "layers": ["conv1", "fc"], "precision": precision, "batch_size": 4}
    stored = mf.extract(table, store=tmp_path / "s.zarr", **options)
    assert stored.attrs["precision"] == precision
    assert set(map(str, stored.coords)) == {"image", "sha256"}
    assert stored.sizes.keys() == {"image", "conv1:channel", "fc:channel"}
    assert {str(stored[layer].dtype) for layer in stored.data_vars} == {dtype}
    xr.testing.assert_identical(stored.load(), mf.extract(table, **options))
    worst = 0.0
    for layer in exact.data_vars:
        share = np.abs(stored[layer] - exact[layer]).max(f"{layer}:channel") / np.abs(exact[layer]).max(
            f"{layer}:channel"
        )
        worst = max(worst, float(share.max()))
    told = [layer.attrs["largest_rounding_error"] for layer in xr.open_zarr(tmp_path / "s.zarr").data_vars.values()]
    assert max(told) == pytest.approx(worst, rel=1e-3)
    assert 0 < max(told) <= bound
    with pytest.raises(StoreError, match=f"precision: stored '{precision}', asked for 'float32'"):
        mf.extract(table, model=model, layers="fc", store=tmp_path / "s.zarr")


def test_values_that_do_not_fit_are_counted_and_refused_and_nothing_is_lost(table, tmp_path):
    huge = mf.models.wrap(torch.nn.Sequential(torch.nn.Upsample(2), Scaled()), preprocessing.SquashAndCrop(20, 16))
    with pytest.raises(
        ArgumentError, match=r"precision must hold every value when it is 'float16'; got \d+ values beyond"
    ):
        mf.extract(table, model=huge, layers=["0", "1"], precision="float16", store=tmp_path / "s.zarr")
    assert (
        mf.extract(table, model=huge, layers="0", precision="float16", store=tmp_path / "s.zarr").sizes["image"] == 11
    )


class Scaled(torch.nn.Module):
    def forward(self, x):
        return x * 1e6


def test_named_statistics_come_back_with_their_names(model, table, tmp_path):
    kept = mf.extract(table, model=model, layers="conv1", reduce="magnitude", batch_size=4)
    stored = mf.extract(table, model=model, layers="conv1", reduce="magnitude", store=tmp_path / "s.zarr", batch_size=4)
    assert list(stored["conv1:statistic"].values) == ["l1", "l2", "mean"]
    xr.testing.assert_identical(stored.load(), kept)


def image_mean(output):
    return output.flatten(1).mean(1)


def test_a_measure_of_ones_own_is_stored_as_one_number_per_image(model, table, tmp_path):
    stored = mf.extract(table, model=model, layers="conv1", reduce=image_mean, store=tmp_path / "s.zarr", batch_size=4)
    assert stored["conv1"].dims == ("image",)
    whole = mf.extract(table, model=model, layers="conv1", reduce="none", batch_size=4)["conv1"]
    np.testing.assert_allclose(stored["conv1"], whole.values.reshape(11, -1).mean(1), rtol=1e-5)


def test_a_projection_keeps_its_dimension_when_images_are_added(model, table, tmp_path):
    some = {"model": model, "layers": "conv2", "reduce": "project:0.9", "store": tmp_path / "s.zarr", "batch_size": 4}
    first = mf.extract(table.isel(image=slice(0, 6)), **some)
    with pytest.warns(mf.errors.MemfeatWarning):
        more = mf.extract(table, **some)
    assert more["conv2"].shape[1] == first["conv2"].shape[1]
    xr.testing.assert_allclose(more.isel(image=slice(0, 6)).load(), first.load(), atol=1e-6)


# --- stopped at any moment --------------------------------------------------------------------------------------------


def at_every_sync(monkeypatch, store: Path, run) -> list[Path]:
    """Keep every state that the store is in when something is synced: what a kill at that moment leaves behind."""
    states, sync = [{}], durable._fsync

    def keeping(path):
        if (now := tree(store)) != states[-1]:
            states.append(now)
        sync(path)

    monkeypatch.setattr(durable, "_fsync", keeping)
    run(store)
    monkeypatch.setattr(durable, "_fsync", sync)
    folders = [store.parent.with_name(f"{run.__name__}{k}") / "s.zarr" for k in range(1, len(states))]
    for folder, state in zip(folders, states[1:], strict=True):
        for name, content in state.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    return folders


def test_stopped_at_any_moment_it_goes_on_to_the_same_bytes(model, files, tmp_path, small_blocks, monkeypatch):
    """Two calls: the second one adds images and layers. Each moment of both is gone on from."""
    names = sorted(path.name for path in files.iterdir())
    first = mf.images.read([files / name for name in names[:6]], verify=False)
    whole = mf.images.read(files, verify=False)

    def begin(store):
        mf.extract(first, model=model, layers=["conv1", "fc"], store=store, batch_size=4)

    def add(store):
        mf.extract(whole, model=model, layers=["conv1", "conv2", "fc"], store=store)

    begun = at_every_sync(monkeypatch, tmp_path / "a" / "s.zarr", begin)
    after_begin = tree(tmp_path / "a" / "s.zarr")
    added = at_every_sync(monkeypatch, tmp_path / "a" / "s.zarr", add)
    after_add = tree(tmp_path / "a" / "s.zarr")
    assert len(begun) >= 10
    assert len(added) >= 20
    for moment in begun:
        (moment / "c.abc.partial").write_bytes(b"half a chunk")
        begin(moment)
        assert tree(moment) == after_begin, moment
    for moment in added:
        add(moment)
        assert tree(moment) == after_add, moment


def test_another_call_than_the_one_that_was_stopped_works_too(model, files, tmp_path, small_blocks, monkeypatch):
    def whole(store):
        mf.extract(files, model=model, layers=["conv1", "fc"], store=store, batch_size=4)

    for moment in at_every_sync(monkeypatch, tmp_path / "a" / "s.zarr", whole):
        few = mf.images.read(sorted(files.iterdir())[:3], verify=False)
        found = mf.extract(few, model=model, layers="conv2", store=moment, batch_size=4)
        expected = mf.extract(few, model=model, layers="conv2", batch_size=4)
        xr.testing.assert_allclose(found.load(), expected, atol=1e-6)


KILLED = """
    import os, signal, sys
    import torch
    from pathlib import Path
    sys.path.insert(0, {tests!r})
    import memfeat as mf
    from memfeat.activations import durable
    from memfeat.activations import passes
    from networks import reused
    passes.BLOCK = 4
    torch.set_num_threads(1)
    left = [int(sys.argv[2])]
    write = durable._fsync
    def fatal(path):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        write(path)
    durable._fsync = fatal
    mf.extract(Path(sys.argv[1]), model=reused(), layers=["conv1", "fc"], store=sys.argv[3], batch_size=4)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system cannot kill a process outright")
def test_a_killed_run_lets_go_of_its_lock_and_goes_on_to_the_same_bytes(files, tmp_path):
    code = textwrap.dedent(KILLED).format(tests=str(Path(__file__).parent))

    def run(moment: int, store: Path) -> int:
        command = [sys.executable, "-c", code, str(files), str(moment), str(store)]
        return subprocess.run(command, check=False, capture_output=True).returncode

    assert run(0, tmp_path / "whole.zarr") == 0
    assert run(25, tmp_path / "killed.zarr") == -signal.SIGKILL
    assert tree(tmp_path / "killed.zarr") != tree(tmp_path / "whole.zarr")
    assert run(0, tmp_path / "killed.zarr") == 0
    assert tree(tmp_path / "killed.zarr") == tree(tmp_path / "whole.zarr")


def test_data_are_synced_before_they_are_marked(model, table, tmp_path, monkeypatch):
    order, sync = [], durable._fsync
    name = lambda path: path.relative_to(tmp_path).as_posix()  # noqa: E731
    monkeypatch.setattr(durable, "_fsync", lambda path: (order.append(name(path)), sync(path)))
    mf.extract(table, model=model, layers=["conv1", "fc"], store=tmp_path / "s.zarr")
    marked = order.index("s.zarr/pass_0/c.0.partial")
    for name, chunk in {"conv1": "c.0.0", "fc": "c.0.0", "image": "c.0", "sha256": "c.0"}.items():
        file = order.index(f"s.zarr/{name}/{chunk}.partial")  # before it gets its name, so that no half file has it
        assert file < order.index(f"s.zarr/{name}", file) < marked  # the file, then the folder that lists it
        assert order.index(f"s.zarr/{name}/zarr.json.partial") < marked
    assert order.index(".") < marked  # the folder that lists the store
    assert order.index("s.zarr/status/c.0.partial") > marked


def test_blocks_are_not_computed_twice(model, files, tmp_path, small_blocks, monkeypatch):
    counting, seen = counted(model)
    commit, calls = stores.Store.commit, iter(range(100))

    def stopped(self, *args):
        if next(calls) == 2:
            raise KeyboardInterrupt
        commit(self, *args)

    monkeypatch.setattr(stores.Store, "commit", stopped)
    with pytest.raises(KeyboardInterrupt):
        mf.extract(files, model=counting, layers="fc", store=tmp_path / "s.zarr", batch_size=4)
    del seen[:]
    mf.extract(files, model=counting, layers="fc", store=tmp_path / "s.zarr", progress=False)
    assert sum(seen) == 1 + 4  # the trial run, and the one block of three that was not committed


def test_dates_and_durations_are_beside_the_store(model, table, tmp_path, small_blocks):
    mf.extract(table, model=model, layers="fc", store=tmp_path / "s.zarr", batch_size=4)
    lines = [line.split() for line in (tmp_path / "s.zarr.log").read_text().splitlines()]
    assert [line[1] for line in lines] == ["begin", "block", "block", "block", "end"]
    assert lines[0][2:4] == ["images=11", "layers=1"]
    assert f"torch={torch.__version__}" in lines[0]
    assert {"device=cpu", f"threads={torch.get_num_threads()}"} <= set(lines[0])
    assert lines[2][2:5] == ["pass=0", "first=4", "images=4"]
    mf.extract(table, model=model, layers="fc", store=tmp_path / "s.zarr")
    assert len((tmp_path / "s.zarr.log").read_text().splitlines()) == 5


@pytest.mark.parametrize(("batch_size", "threads"), [(3, 2), (11, 2), (4, 1)])
def test_other_batches_and_threads_give_the_same_values_to_five_digits(model, table, tmp_path, batch_size, threads):
    reference = mf.extract(table, model=model, layers=["conv2", "fc"], reduce="flatten", batch_size=4)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        options = {"batch_size": batch_size, "store": tmp_path / "s.zarr"}
        found = mf.extract(table, model=model, layers=["conv2", "fc"], reduce="flatten", **options).load()
    finally:
        torch.set_num_threads(before)
    for layer in reference.data_vars:
        largest = float(np.abs(reference[layer]).max())
        assert float(np.abs(found[layer] - reference[layer]).max()) <= 1e-5 * largest


@settings(deadline=None, max_examples=15)
@given(parts=st.lists(st.sets(st.integers(0, 10), min_size=1), min_size=1, max_size=4), layers=st.data())
def test_in_whatever_portions_it_is_asked_for_the_values_are_the_same(tmp_path_factory, parts, layers):
    model, table = reused(), mf.images.read(random_pictures())
    whole = mf.extract(table, model=model, layers=["conv1", "fc"], batch_size=4)
    store = tmp_path_factory.mktemp("portions") / "s.zarr"
    for part in parts:
        asked = layers.draw(st.sampled_from([["conv1"], ["fc"], ["conv1", "fc"]]))
        some = table.isel(image=sorted(part))
        found = mf.extract(some, model=model, layers=asked, store=store, batch_size=4).load()
        xr.testing.assert_allclose(found, whole[asked].isel(image=sorted(part)), atol=1e-6)


def test_files_grow_with_blocks_and_not_with_images(model, table, tmp_path, small_blocks):
    mf.extract(table, model=model, layers=["conv1", "fc"], store=tmp_path / "s.zarr", batch_size=4)
    layer = sorted(path.name for path in (tmp_path / "s.zarr" / "conv1").iterdir())
    assert layer == ["c.0.0", "c.1.0", "c.2.0", "zarr.json"]  # 11 images, 4 to a block


# --- shared by processes ----------------------------------------------------------------------------------------------


def test_shards_give_the_same_bytes_as_one_process(model, files, tmp_path, small_blocks):
    asked = {"model": model, "layers": ["conv1", "fc"], "batch_size": 4}
    mf.extract(files, store=tmp_path / "whole.zarr", **asked)
    told = activations.prepare(files, store=tmp_path / "parts.zarr", **asked)
    assert told.attrs.pop("seconds") > 0
    assert told.attrs == {"n_images": 11, "bytes": 11 * 4 * (4 + 1), "block": 4, "n_blocks": 3}
    assert told.to_dict("list") == {"layer": ["conv1", "fc"], "shape": [(4,), (1,)], "bytes": [16, 4]}
    second = activations.extract_shard("2/2", store=tmp_path / "parts.zarr", **asked)
    assert list(second.image.values) == [f"{i:02}.png" for i in range(4, 8)]
    assert second.attrs["n_left_out"] == 0
    first = activations.extract_shard("1/2", store=tmp_path / "parts.zarr", **asked)
    assert first.sizes["image"] == 11
    assert tree(tmp_path / "parts.zarr") == tree(tmp_path / "whole.zarr")
    assert {path.name for path in tmp_path.iterdir() if "shard" in path.name} <= {
        f"parts.zarr.shard-{k}-of-2.lock" for k in (1, 2)
    }


def test_a_shard_sees_the_images_that_were_prepared(model, files, tmp_path):
    asked = {"model": model, "layers": "fc", "store": tmp_path / "s.zarr", "batch_size": 4}
    activations.prepare(files, **asked)
    Image.new("RGB", (30, 30)).save(files / "99.png")
    (files / "03.png").unlink()
    with pytest.warns(mf.errors.MemfeatWarning, match="03.png: missing"):
        found = activations.extract_shard("1/1", **asked)
    assert found.sizes["image"] == 10
    assert "99.png" not in found.image.values


@pytest.mark.parametrize(
    ("shard", "error", "message"),
    [
        ("0/2", ArgumentError, "shard must say which part of how many, such as '2/4'; got '0/2'"),
        ("3/2", ArgumentError, "The first of four is 1/4, the last 4/4."),
        ("two", ArgumentError, "got 'two'"),
        (2, KindError, "shard must say which part of how many, such as '2/4'; got int"),
    ],
)
def test_what_names_no_shard_is_refused(model, tmp_path, shard, error, message):
    with pytest.raises(error, match=message):
        activations.extract_shard(shard, model=model, layers="fc", store=tmp_path / "s.zarr")


def test_a_shard_needs_what_was_prepared(model, files, table, tmp_path):
    store = tmp_path / "s.zarr"
    with pytest.raises(StoreError, match="store must be prepared before a shard is computed; got .*Prepare it once"):
        activations.extract_shard("1/2", model=model, layers="fc", store=store)
    with pytest.raises(ArgumentError, match="images must be files, to be prepared for shards; got images in memory"):
        activations.prepare(table, model=model, layers="fc", store=store)
    activations.prepare(files, model=model, layers="fc", store=store)
    with pytest.raises(StoreError, match="layers must be prepared in the store; got 1: 'conv1'"):
        activations.extract_shard("1/2", model=model, layers="conv1", store=store)
    with pytest.raises(StoreError, match="reduction: stored 'mean', asked for 'max'"):
        activations.extract_shard("1/2", model=model, layers="fc", reduce="max", store=store)
    beside = tmp_path / "s.zarr.images.json"
    beside.write_text(beside.read_text().replace("03.png", "04.png", 1))
    with pytest.raises(StoreError, match="store must have the image table it was prepared with"):
        activations.extract_shard("1/2", model=model, layers="fc", store=store)


def test_shards_keep_others_out_and_the_other_way_round(model, files, tmp_path, monkeypatch):
    store = tmp_path / "s.zarr"
    asked = {"model": model, "layers": "fc", "store": store}
    activations.prepare(files, **asked)
    with (
        locks.as_shard(store, "1-of-2"),
        pytest.raises(StoreError, match="one run at a time; got .*shards that are at work: 1-of-2"),
    ):
        mf.extract(files, **asked)
    with locks.as_shard(store, "1-of-2"), locks.last_one(store) as last:
        assert not last
    monkeypatch.setattr(locks, "PATIENCE", 0.0)
    with locks.alone(store), pytest.raises(StoreError, match="one run at a time"):
        activations.extract_shard("1/2", **asked)
    with locks.last_one(store) as last:
        assert last


def on_a_shared_drive(monkeypatch):
    monkeypatch.setattr(locks, "_on_shared_drive", lambda file: True)
    monkeypatch.setattr(locks, "HEARTBEAT", 0.05)
    monkeypatch.setattr(locks, "STALE", 0.5)


def test_on_a_network_drive_a_lock_is_a_file_that_is_renewed(model, table, tmp_path, monkeypatch):
    on_a_shared_drive(monkeypatch)
    store = tmp_path / "s.zarr"
    with locks.alone(store):
        assert json.loads((tmp_path / "s.zarr.lock").read_text())["process"]
        threading.Event().wait(0.8)  # longer than the lock of a dead process would last
        with pytest.raises(StoreError, match="store must be used by one run at a time"):
            mf.extract(table, model=model, layers="fc", store=store)
    assert not (tmp_path / "s.zarr.lock").exists()
    assert mf.extract(table, model=model, layers="fc", store=store).sizes["image"] == 11


def test_the_lock_of_a_machine_that_died_is_taken_over(tmp_path, monkeypatch):
    on_a_shared_drive(monkeypatch)
    lock = tmp_path / "s.zarr.lock"
    lock.write_text("{}")
    with pytest.raises(StoreError, match="one run at a time"), locks.alone(tmp_path / "s.zarr"):
        pass
    os.utime(lock, (0, 0))
    with locks.alone(tmp_path / "s.zarr"):
        assert "process" in lock.read_text()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("kind", "shared"), [("ext4", False), ("nfs4", True), ("lustre", True), ("fuse.sshfs", True)])
def test_a_network_drive_is_known_by_its_file_system(tmp_path, monkeypatch, kind, shared):
    mounts = f"/dev/sda / ext4 rw 0 0\nserver:/x {str(tmp_path).replace(' ', chr(92) + '040')} {kind} rw 0 0\n"
    monkeypatch.setattr(Path, "read_text", lambda self, **_: mounts)
    assert locks._on_shared_drive(tmp_path / "s.zarr.lock") is shared
    assert locks._on_shared_drive(Path("/etc/s.zarr.lock")) is False


def sequential():
    torch.manual_seed(0)
    parts = [torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(inplace=True), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()]
    return mf.models.wrap(torch.nn.Sequential(*parts), preprocessing.SquashAndCrop(20, 16), name="sequential")


@pytest.fixture(scope="module")
def client():
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as connected,
    ):
        yield connected


def test_two_workers_of_a_cluster_give_the_same_bytes_as_one_process(files, tmp_path, small_blocks, client):
    model, asked = sequential(), {"layers": ["0", "3"], "batch_size": 4}
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // 2))  # as many as each worker gets
        mf.extract(files, model=model, store=tmp_path / "one.zarr", **asked)
    finally:
        torch.set_num_threads(before)
    found = mf.extract(files, model=model, store=tmp_path / "two.zarr", client=client, **asked)
    assert found.sizes["image"] == 11
    assert tree(tmp_path / "two.zarr") == tree(tmp_path / "one.zarr")
    lines = (tmp_path / "two.zarr.log").read_text().splitlines()
    assert sum(" block " in line for line in lines) == 3


def test_a_worker_that_does_not_see_the_store_says_so(tmp_path, client):
    from memfeat.activations.cluster import _unit

    with pytest.raises(StoreError, match="store must be seen by every worker; got .*Put it on a drive"):
        client.submit(_unit, None, None, path=str(tmp_path / "no.zarr"), device="cpu", shares={}).result()


def test_a_cluster_needs_a_client_and_a_store(model, files, tmp_path):
    with pytest.raises(KindError, match="client must be a dask.distributed Client; got str"):
        mf.extract(files, model=model, layers="fc", store=tmp_path / "s.zarr", client="tcp://scheduler")
    with pytest.raises(ArgumentError, match="store must be given for a cluster; got None"):
        mf.extract(files, model=model, layers="fc", client="tcp://scheduler")


def test_workers_that_may_use_the_same_cores_share_them():
    from memfeat.activations.cluster import _shares

    both, own = ("a", (0, 1, 2, 3)), ("a", (4, 5))
    assert _shares({"one": both, "two": both, "three": own, "four": ("b", (0, 1, 2, 3))}) == {
        "one": 2,
        "two": 2,
        "three": 2,
        "four": 4,
    }
    assert _shares({"one": ("a", (0,)), "two": ("a", (0,))}) == {"one": 1, "two": 1}


# --- what a review found ----------------------------------------------------------------------------------------------


def test_the_first_moments_of_a_store_are_gone_on_from(model, table, tmp_path):
    for k, leftover in enumerate([None, "zarr.json.abc.partial"]):
        folder = tmp_path / str(k) / "s.zarr"
        folder.mkdir(parents=True)
        if leftover:
            (folder / leftover).write_text("{")
        assert mf.extract(table, model=model, layers="fc", store=folder).sizes["image"] == 11
        assert not list(folder.rglob("*.partial"))


def test_an_image_that_could_not_be_read_is_tried_again(model, files, tmp_path):
    images = mf.images.read(files, verify=False)
    (files / "03.png").rename(tmp_path / "away.png")
    asked = {"model": model, "layers": "fc", "store": tmp_path / "s.zarr", "batch_size": 4}
    for _ in range(2):
        with pytest.warns(mf.errors.MemfeatWarning, match="03.png: missing"):
            assert mf.extract(images, **asked).sizes["image"] == 10
    lines = (tmp_path / "s.zarr.log").read_text().splitlines()
    assert sum(" block " in line for line in lines) == 1  # nothing new was found, so nothing was written
    (tmp_path / "away.png").rename(files / "03.png")
    assert mf.extract(images, **asked).sizes["image"] == 11
    assert "03.png" in xr.open_zarr(tmp_path / "s.zarr").image.values
    assert set(map(str, xr.open_zarr(tmp_path / "s.zarr").status.values)) == {"ok"}


def test_an_image_that_is_lost_for_one_layer_is_told(model, files, tmp_path):
    images = mf.images.read(files, verify=False)
    asked = {"model": model, "store": tmp_path / "s.zarr", "batch_size": 4}
    mf.extract(images, layers="fc", **asked)
    (files / "03.png").unlink()
    with pytest.warns(mf.errors.MemfeatWarning, match="03.png: missing"):
        both = mf.extract(images, layers=["fc", "conv1"], **asked)
    assert both.attrs["n_left_out"] == 1
    assert json.loads(both.attrs["left_out"])[0]["image"] == "03.png"
    assert mf.extract(images, layers="fc", **asked).sizes["image"] == 11


@pytest.mark.parametrize("store", [False, True])
def test_a_file_that_changes_after_it_was_read_is_not_taken_for_the_old_one(model, files, tmp_path, store):
    images = mf.images.read(files, verify=False)
    Image.new("RGB", (30, 30)).save(files / "03.png")
    with pytest.warns(mf.errors.MemfeatWarning, match="03.png: changed"):
        found = mf.extract(images, model=model, layers="fc", store=tmp_path / "s.zarr" if store else None)
    assert "03.png" not in found.image.values


def test_shards_do_not_take_images_that_were_not_prepared(model, files, tmp_path):
    asked = {"model": model, "layers": "fc", "store": tmp_path / "s.zarr", "batch_size": 4}
    activations.prepare(files, **asked)
    before = (tmp_path / "s.zarr.images.json").read_bytes()
    Image.new("RGB", (30, 30)).save(files / "03.png")
    with pytest.raises(StoreError, match="images must be unchanged since they were stored"):
        activations.prepare(files, **asked)
    assert (tmp_path / "s.zarr.images.json").read_bytes() == before
    with pytest.warns(mf.errors.MemfeatWarning, match="03.png: changed"):
        assert activations.extract_shard("1/1", **asked).sizes["image"] == 10
    table = mf.images.read(files, verify=False)
    activations.sharding.remember(table, tmp_path / "s.zarr")
    with pytest.raises(StoreError, match="images must be those that were prepared; got 1: '03.png'. Prepare it again"):
        activations.extract_shard("1/1", **asked)


def test_the_same_weights_in_another_structure_are_another_network(table, tmp_path):
    def network(last):
        torch.manual_seed(0)
        return mf.models.wrap(torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), last), preprocessing.SquashAndCrop(20, 16))

    mf.extract(table, model=network(torch.nn.ReLU()), layers="1", store=tmp_path / "s.zarr")
    with pytest.raises(StoreError, match="architecture: stored"):
        mf.extract(table, model=network(torch.nn.Sigmoid()), layers="1", store=tmp_path / "s.zarr")
    with pytest.raises(StoreError, match="architecture: stored"):
        mf.extract(table, model=network(torch.nn.LeakyReLU(0.3)), layers="1", store=tmp_path / "s.zarr")


@pytest.mark.parametrize("name", ["image", "sha256", "status", "pass_0", "rounding_3", "a/b", "a:b"])
def test_a_layer_that_is_called_like_a_column_is_refused(table, tmp_path, name):
    class Named(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self._modules[name] = torch.nn.Conv2d(3, 2, 3)

        def forward(self, x):
            return self._modules[name](x)

    with pytest.raises(ArgumentError, match="layers must not be called like what a result holds besides; got 1: "):
        mf.extract(table, model=mf.models.wrap(Named(), preprocessing.SquashAndCrop(20, 16)), layers="**")


def test_a_layer_called_partial_is_no_leftover(table, tmp_path):
    parent = torch.nn.Sequential(torch.nn.Identity())
    parent.add_module("f", torch.nn.Sequential())
    parent.f.add_module("partial", torch.nn.Conv2d(3, 2, 3))
    model = mf.models.wrap(parent, preprocessing.SquashAndCrop(20, 16))
    for _ in range(2):
        found = mf.extract(table, model=model, layers="f.partial", store=tmp_path / "s.zarr")
    assert found["f.partial"].shape == (11, 2)


def test_links_to_a_store_share_its_lock(model, table, tmp_path):
    mf.extract(table, model=model, layers="fc", store=tmp_path / "s.zarr")
    (tmp_path / "link.zarr").symlink_to(tmp_path / "s.zarr")
    with locks.alone(tmp_path / "s.zarr"), pytest.raises(StoreError, match="one run at a time"):
        mf.extract(table, model=model, layers="fc", store=tmp_path / "link.zarr")


def test_parts_of_another_division_wait(model, files, tmp_path):
    asked = {"model": model, "layers": "fc", "store": tmp_path / "s.zarr"}
    activations.prepare(files, **asked)
    with (
        locks.as_shard(tmp_path / "s.zarr", "1-of-2"),
        pytest.raises(StoreError, match="shard must divide as those at work; got 1-of-2. Wait .* in 2 parts"),
    ):
        activations.extract_shard("1/3", **asked)


def test_what_a_killed_shard_left_is_gone_in_the_end(model, files, tmp_path, small_blocks):
    asked = {"model": model, "layers": ["conv1", "fc"], "batch_size": 4}
    mf.extract(files, store=tmp_path / "whole.zarr", **asked)
    activations.prepare(files, store=tmp_path / "parts.zarr", **asked)
    (tmp_path / "parts.zarr" / "fc" / "c.0.0.abc.partial").write_bytes(b"half a chunk")
    for shard in ("1/2", "2/2"):
        activations.extract_shard(shard, store=tmp_path / "parts.zarr", **asked)
    assert tree(tmp_path / "parts.zarr") == tree(tmp_path / "whole.zarr")


def test_a_worker_that_is_still_writing_keeps_others_out(model, files, tmp_path):
    asked = {"model": model, "layers": "fc", "store": tmp_path / "s.zarr"}
    mf.extract(files, **asked)
    with (
        locks.as_worker(tmp_path / "s.zarr", "0-0"),
        pytest.raises(StoreError, match="shards that are at work: worker-"),
    ):
        mf.extract(files, **asked)
    locks.forget_workers(tmp_path / "s.zarr")
    assert not list(tmp_path.glob("*worker*"))


@pytest.mark.parametrize(("number", "message"), [(30, "be on a disk that can be written to"), (13, "be where you may")])
def test_where_nothing_can_be_written_it_says_how_to_read(model, table, tmp_path, monkeypatch, number, message):
    def refused(path):
        raise OSError(number, "no")

    monkeypatch.setattr(durable, "_fsync", refused)
    with pytest.raises(StoreError, match=f"store must {message}.*Read it with xarray.open_zarr"):
        mf.extract(table, model=model, layers="fc", store=tmp_path / "s.zarr")


def test_later_layers_may_have_smaller_batches(model, table, tmp_path, monkeypatch):
    mf.extract(table, model=model, layers="fc", store=tmp_path / "s.zarr")
    monkeypatch.setattr(passes, "BLOCK_BYTES", 3 * 4 * 4 * 16 * 16)  # three images' maps
    found = mf.extract(table, model=model, layers="conv1", reduce="mean", store=tmp_path / "s.zarr")
    assert found.sizes["image"] == 11
    monkeypatch.setattr(passes, "BLOCK_BYTES", 3 * 4 * 4)
    mf.extract(table, model=model, layers="conv2", reduce="mean", store=tmp_path / "s.zarr")
    assert xr.open_zarr(tmp_path / "s.zarr")["conv2"].chunks[0][0] == 3


def test_memory_is_given_back_after_every_block(model, table, tmp_path, small_blocks, monkeypatch):
    from memfeat.activations import filling, trimming

    asked = []
    monkeypatch.setattr(filling, "trim", lambda: asked.append(len(asked)))
    mf.extract(table, model=model, layers="fc", store=tmp_path / "s.zarr", batch_size=4)
    assert len(asked) == 3
    trimming.trim()
    monkeypatch.setattr(trimming, "_asking", lambda: None)  # as where there is no such call
    trimming.trim()


def test_whoever_looks_whether_a_shard_is_at_work_leaves_its_lock_where_it_is(tmp_path):
    lock = tmp_path / "s.zarr.shard-1-of-2.lock"
    lock.touch()
    before = lock.stat().st_ino
    with locks.alone(tmp_path / "s.zarr"):
        pass
    # A shard that has it open would otherwise hold a file that nobody finds.
    assert lock.stat().st_ino == before


def test_a_drive_that_fails_for_a_moment_does_not_end_the_signs_of_life(tmp_path, monkeypatch):
    on_a_shared_drive(monkeypatch)
    asked, renew = [], os.utime

    def failing(file):
        asked.append(file)
        if len(asked) < 3:
            raise OSError(5, "no answer")
        renew(file)

    monkeypatch.setattr(locks.os, "utime", failing)
    with locks.alone(tmp_path / "s.zarr"):
        old = (tmp_path / "s.zarr.lock").stat().st_mtime_ns
        threading.Event().wait(0.4)
        assert len(asked) >= 4
        assert (tmp_path / "s.zarr.lock").stat().st_mtime_ns > old


def test_units_of_one_process_wait_for_each_other(tmp_path, monkeypatch):
    from types import SimpleNamespace

    from memfeat.activations import cluster

    at_work, most = [], []

    def compute(*_given):
        at_work.append(1)
        threading.Event().wait(0.1)
        most.append(len(at_work))
        at_work.pop()

    monkeypatch.setattr(cluster, "compute", compute)
    monkeypatch.setattr(cluster, "Store", lambda path: None)
    monkeypatch.setattr(cluster, "replace", lambda given, **_changes: given)
    monkeypatch.setattr(cluster, "lacking", lambda store, run: run)
    (tmp_path / "zarr.json").touch()
    job = SimpleNamespace(options=SimpleNamespace(workers=1))
    runs = [SimpleNamespace(each=SimpleNamespace(number=0), block=block) for block in range(3)]
    given = {"path": str(tmp_path), "device": "cpu", "shares": {}}
    threads = [threading.Thread(target=cluster._unit, args=(run, job), kwargs=given) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Threads and precision are settings of the process, not of a thread.
    assert most == [1, 1, 1]


class FatalOnce:
    """A preprocessing that kills the first worker that comes to it."""

    def __init__(self, flag: Path) -> None:
        self.flag, self.home = flag, os.getpid()

    def __repr__(self) -> str:
        return "FatalOnce"

    def __call__(self, image):
        if os.getpid() != self.home and not self.flag.exists():
            self.flag.touch()
            os._exit(1)
        return preprocessing.SquashAndCrop(20, 16)(image)


def test_when_a_worker_dies_the_others_do_its_work(files, tmp_path, small_blocks):
    import distributed

    model, asked = sequential(), {"layers": ["0", "3"], "batch_size": 4}
    flag = tmp_path / "died"
    fatal = mf.models.wrap(model.module, FatalOnce(flag), name="sequential")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        found = mf.extract(files, model=fatal, store=tmp_path / "s.zarr", client=client, **asked)
    assert flag.exists()
    assert found.sizes["image"] == 11
    np.testing.assert_allclose(found["3"], mf.extract(files, model=model, **asked)["3"], rtol=1e-5)


def test_when_all_workers_die_each_time_it_says_so_and_nothing_is_lost(
    model, files, tmp_path, small_blocks, monkeypatch
):
    from concurrent.futures import CancelledError

    import distributed

    class Future:
        def __init__(self, run):
            self.run = run

        def result(self):
            # The first block comes back, the others never.
            if self.run.rows[0]:
                raise CancelledError("lost")

    class Client:
        def __init__(self):
            self.sent = []

        def wait_for_workers(self, n, timeout):
            pass

        def run(self, function, on_error):
            return {"tcp://10.0.0.1:1": function()}

        def scatter(self, job, broadcast, hash):
            return job

        def submit(self, _function, run, _job, **_target):
            self.sent.append(run.rows[0])
            return Future(run)

        def cancel(self, futures):
            pass

    monkeypatch.setattr(distributed, "as_completed", lambda futures: futures)
    client = Client()
    asked = {"model": model, "layers": "fc", "store": tmp_path / "s.zarr", "batch_size": 4}
    with pytest.raises(StoreError, match="client must keep its workers; got 2 blocks lost in 3 rounds.*call again"):
        mf.extract(files, client=client, **asked)
    assert client.sent == [0, 4, 8, 4, 8, 4, 8]
    assert mf.extract(files, **asked).sizes["image"] == 11


def test_a_block_that_is_being_computed_lies_on_the_disk(model, table, tmp_path):
    from memfeat.activations.job import Layout
    from memfeat.activations.room import Room

    room = Room({"a": Layout(("y", "x"), (2, 3)), "b": Layout((), ())}, 4, tmp_path)
    room.values["a"][1:3] = np.arange(12).reshape(2, 2, 3)
    room.values["b"][:] = [1, 2, 3, np.nan]
    room.settle()
    np.testing.assert_array_equal(room.values["a"][2], [[6, 7, 8], [9, 10, 11]])
    np.testing.assert_array_equal(room.values["b"], [1, 2, 3, np.nan])
    # The file has no name, so that a kill leaves nothing behind.
    assert list(tmp_path.iterdir()) == []


def test_a_layer_of_a_block_is_out_of_memory_again_before_the_next_is_written(model, table, tmp_path, monkeypatch):
    from memfeat.activations import room, store

    said, array, settle = [], store.Store._array, room.Room.settle
    monkeypatch.setattr(store.Store, "_array", lambda self, name: said.append(name) or array(self, name))
    monkeypatch.setattr(room.Room, "settle", lambda self: said.append("settled") or settle(self))
    mf.extract(table, model=model, layers=["conv1", "fc"], store=tmp_path / "s.zarr", batch_size=16)
    written = said[len(said) - 1 - said[::-1].index("fc") - 2 :]
    assert written[:4] == ["conv1", "settled", "fc", "settled"]


def test_a_disk_without_room_for_a_block_is_told_before_the_network_runs(model, table, tmp_path, monkeypatch):
    from memfeat.activations import room

    def full(*_given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(room.os, "posix_fallocate", full)
    with pytest.raises(StoreError, match="store must have room on its disk; got a full disk. Make room and call again"):
        mf.extract(table, model=model, layers="fc", store=tmp_path / "s.zarr")


def test_a_cluster_without_workers_says_what_to_do(model, files, tmp_path):
    class Client:
        submit = scatter = run = cancel = None

        def wait_for_workers(self, n, timeout):
            raise TimeoutError("Only 0/1 workers arrived")

    with pytest.raises(StoreError, match="client must have workers; got Only 0/1 .*Start workers, wait with"):
        mf.extract(files, model=model, layers="fc", store=tmp_path / "s.zarr", client=Client())


def test_images_with_gaps_between_them_make_one_unit_of_a_block(model, files, tmp_path, small_blocks, client):
    """Every second image has the second layer already: what is left of a block must not go to two workers."""
    model, names = sequential(), sorted(path.name for path in files.iterdir())
    store, asked = tmp_path / "s.zarr", {"batch_size": 4}
    mf.extract(files, model=model, layers="0", store=store, **asked)
    some = mf.images.read([files / name for name in names[::2]], verify=False)
    mf.extract(some, model=model, layers="3", store=store, client=client, **asked)
    found = mf.extract(files, model=model, layers=["0", "3"], store=store, client=client, **asked)
    expected = mf.extract(files, model=model, layers=["0", "3"], **asked)
    for layer in ("0", "3"):
        np.testing.assert_allclose(found[layer], expected[layer], rtol=1e-5)
    lines = (tmp_path / "s.zarr.log").read_text().splitlines()
    # Three blocks each: the first layer, half of the second one, and the rest of that.
    assert sum(" block " in line for line in lines) == 9


def test_a_unit_that_was_done_meanwhile_is_not_done_again(model, files, tmp_path, small_blocks, monkeypatch):
    from memfeat.activations import cluster, filling

    mf.extract(files, model=model, layers="fc", store=tmp_path / "s.zarr", batch_size=4)
    store = stores.Store(tmp_path / "s.zarr")
    run = filling.Run(store.passes[0], (4, 5, 6, 7), store.names[4:8])
    monkeypatch.setattr(cluster, "compute", lambda *given: pytest.fail("computed again"))
    cluster._unit(run, None, path=str(tmp_path / "s.zarr"), device="cpu", shares={})


def test_the_lock_of_a_process_of_this_machine_that_died_is_taken_over_at_once(tmp_path, monkeypatch):
    import socket

    on_a_shared_drive(monkeypatch)
    monkeypatch.setattr(locks, "STALE", 1e6)
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    lock = tmp_path / "s.zarr.lock"
    lock.write_text(json.dumps({"host": socket.gethostname(), "process": child.pid, "thread": 1}))
    with locks.alone(tmp_path / "s.zarr"):
        assert json.loads(lock.read_text())["process"] == os.getpid()
    lock.write_text(json.dumps({"host": "another", "process": child.pid, "thread": 1}))
    message = "one run at a time; got .*a lock whose holder died is free after 1000000 s"
    with pytest.raises(StoreError, match=message), locks.alone(tmp_path / "s.zarr"):
        pass


def test_whoever_waits_for_a_lock_says_so(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(locks, "MOMENT", 0.1)
    with locks.as_worker(tmp_path / "s.zarr", "0-0"):
        monkeypatch.setattr(locks, "PATIENCE", 0.3)
        with pytest.raises(StoreError, match="workers that do not end: worker-0-0"):
            locks.wait_for_workers(tmp_path / "s.zarr")
        with pytest.raises(StoreError, match="one run at a time"), locks.as_worker(tmp_path / "s.zarr", "0-0"):
            pass
    assert "Waiting for s.zarr.shard-worker-0-0.lock, which another process holds" in caplog.text


def test_workers_of_another_working_directory_find_the_images(files, tmp_path, monkeypatch):
    from memfeat.activations.sharding import absolute

    monkeypatch.chdir(tmp_path)
    images = mf.images.read("photos", verify=False)
    located = absolute(images)
    monkeypatch.chdir("/")
    assert all(Path(path).is_file() for path in located["path"].values)
    assert images["path"].values[0] == str(Path("photos") / "00.png")


def test_a_drive_that_cannot_map_files_gets_the_room_in_memory(tmp_path, monkeypatch):
    from memfeat.activations import room
    from memfeat.activations.job import Layout

    mapped = room.mmap.mmap

    def refusing(descriptor, n_bytes):
        if descriptor >= 0:
            raise OSError(19, "No such device")
        return mapped(descriptor, n_bytes)

    monkeypatch.setattr(room.mmap, "mmap", refusing)
    made = room.Room({"a": Layout(("unit",), (3,))}, 2, tmp_path)
    made.values["a"][:] = [[1, 2, 3], [4, 5, 6]]
    made.settle()
    made.check()
    np.testing.assert_array_equal(made.values["a"], [[1, 2, 3], [4, 5, 6]])


def test_where_files_cannot_be_reserved_they_are_written(tmp_path, monkeypatch):
    from memfeat.activations import room
    from memfeat.activations.job import Layout

    monkeypatch.delattr(room.os, "posix_fallocate")
    monkeypatch.setattr(room, "PIECE", 10)
    made = room.Room({"a": Layout(("unit",), (3,))}, 2, tmp_path)
    np.testing.assert_array_equal(made.values["a"], np.zeros((2, 3)))


def test_two_processes_do_not_write_to_one_store(model, files, tmp_path):
    code = """
        import sys, time
        from pathlib import Path
        from memfeat.activations import locks
        with locks.alone(Path(sys.argv[1])):
            print("held", flush=True)
            sys.stdin.readline()
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "s.zarr")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(StoreError, match="store must be used by one run at a time"):
            mf.extract(files, model=model, layers="fc", store=tmp_path / "s.zarr")
        other.stdin.write(b"\n")
        other.stdin.flush()
        assert other.wait(30) == 0
    assert mf.extract(files, model=model, layers="fc", store=tmp_path / "s.zarr").sizes["image"] == 11
