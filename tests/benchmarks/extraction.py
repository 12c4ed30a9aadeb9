"""Ways to get layer activations of photographs: memfeat's, and those of its peers. See harness.py for their form.

Every peer is used with care: on the released network in evaluation mode, without gradients, each batch pooled as soon
as it is computed, so that none has to hold whole maps of all images unless the case asks for just that.
"""

import hashlib
import importlib
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

RESNET152 = (3, 8, 36, 3)
BLOCKS = [f"features.layer{i}.{j}" for i, n in enumerate(RESNET152, 1) for j in range(n)]
CONVOLUTIONS = [
    "features.conv1",
    *(f"{block}.conv{k}" for block in BLOCKS for k in (1, 2, 3)),
    *(f"features.layer{i}.0.downsample.0" for i in (1, 2, 3, 4)),
]
FOUR = ["features.layer1.2", "features.layer2.7", "features.layer3.35", "features.layer4.2"]
#: Images of which every contender hands over its features, to be compared.
CHECKED = 16


# --- memfeat ----------------------------------------------------------------------------------------------------------


def memfeat(work, output):
    import memfeat as mf

    model = mf.models.load(work.get("model", "resmem"), **work.get("loading", {}))
    layers = work["layers"] or list(mf.models.layers(model)["name"])
    spent = _time_of_commits()
    # Libraries are loaded by now, as torch and numpy are for the others; xarray looks for dask when it is first used.
    importlib.import_module("dask.array")
    extract = mf.extract
    mf.images.read([Path(work["images"][0])], progress=False)
    yield
    found = extract(
        [Path(path) for path in work["images"]],
        model=model,
        layers=layers,
        reduce=work["reduce"],
        store=output / "features.zarr",
        device="cpu",
        # By default it depends on the number of images, and so would memory.
        batch_size=work["batch"],
        progress=False,
        **work.get("options", {}),
    )
    yield
    names = [Path(str(name)).name for name in found["image"].values]
    assert names == [Path(path).name for path in work["images"]]
    arrays = {} if work.get("unchecked") else {name: found[name][:CHECKED].values for name in layers}
    return arrays, {"seconds_of_writing": round(sum(spent), 2)} if spent is not None else {}


def _time_of_commits() -> list[float] | None:
    """Note how long every commit of a block takes; None if this memfeat has no such method."""
    from memfeat.activations import store

    commit = getattr(getattr(store, "Store", None), "commit", None)
    if commit is None:
        return None
    spent: list[float] = []

    def timed(*given, **named):
        began = time.perf_counter()
        try:
            return commit(*given, **named)
        finally:
            spent.append(time.perf_counter() - began)

    store.Store.commit = timed
    return spent


def on_a_cluster(work, output):
    """Extract on a local cluster of workers with one core each."""
    import os

    from distributed import Client, LocalCluster

    import memfeat as mf

    model, extract = mf.models.load("resnet18", weights="random", rng=0), mf.extract
    with (
        LocalCluster(n_workers=work["workers"], threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        for core, address in enumerate(client.nthreads()):
            client.run(os.sched_setaffinity, 0, {core}, workers=[address])
        # One block each, so that both have loaded the network and their libraries before the clock starts.
        warm = {"layers": "blocks", "batch_size": work["batch"], "client": client, "progress": False}
        extract([Path(path) for path in work["images"]], model=model, store=output / "warm.zarr", **warm)
        yield
        found = extract([Path(path) for path in work["images"]], model=model, store=output / "features.zarr", **warm)
        yield
        arrays = {str(name): found[name].values[:CHECKED] for name in found.data_vars}
    return arrays, {"sha256_of_the_store": _digest(output / "features.zarr")}


def _digest(store: Path) -> str:
    sha = hashlib.sha256()
    for path in sorted(path for path in store.rglob("*") if path.is_file()):
        sha.update(str(path.relative_to(store)).encode() + b"\0" + path.read_bytes())
    return sha.hexdigest()


# --- the network alone ------------------------------------------------------------------------------------------------


def released_loop(work, output):
    """Do what the README of the released package shows, in batches."""
    network, transformer = _released()
    yield
    scores = [network(batch) for batch in _batches(work, transformer)]
    yield
    return {"prediction": torch.cat(scores)[:CHECKED].numpy()}, {}


def bare(work, output):
    """Run memfeat's network, or a part of it, on images that are in memory: the most that extraction could reach."""
    import memfeat as mf

    model = mf.models.load("resmem")
    network = model.module.to(memory_format=torch.channels_last)
    if work["folded"]:
        fold(network)
    batches = [batch.to(memory_format=torch.channels_last) for batch in _batches(work, model.transform)]
    run = network.get_submodule(work["part"]) if "part" in work else network
    yield
    outputs = [run(batch) for batch in batches]
    yield
    return ({} if "part" in work else {"prediction": torch.cat(outputs)[:CHECKED].numpy()}), {}


def fold(network: nn.Module) -> None:
    """Fold every batch norm into the convolution before it, by torch's own function."""
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    for part in list(network.modules()):
        names = [name for name, child in part.named_children() if isinstance(child, nn.BatchNorm2d)]
        for name in names:
            before = name.replace("bn", "conv") if name.startswith("bn") else str(int(name) - 1)
            folded = fuse_conv_bn_eval(getattr(part, before), getattr(part, name))
            setattr(part, before, folded.to(memory_format=torch.channels_last))
            setattr(part, name, nn.Identity())


# --- peers ------------------------------------------------------------------------------------------------------------


def hooks(work, output):
    """Plain hooks that keep a copy of each output."""
    network, transformer = _released()
    kept: dict[str, Tensor] = {}

    def keep(name, _module, _inputs, put_out):
        kept[name] = put_out.clone()

    for name in work["layers"]:
        network.get_submodule(name).register_forward_hook(partial(keep, name))

    def run(batch: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        kept.clear()
        return network(batch), kept

    yield
    features = _collected(work, transformer, run, output)
    yield
    return _first(features), {}


def torchextractor(work, output):
    import torchextractor as tx

    network, transformer = _released()
    extractor = tx.Extractor(network, work["layers"])
    yield
    features = _collected(work, transformer, extractor, output)
    yield
    return _first(features), {}


def torchvision(work, output):
    from torchvision.models.feature_extraction import create_feature_extractor

    network, transformer = _released()
    extractor = create_feature_extractor(network, return_nodes={name: name for name in work["layers"]})
    yield
    features = _collected(work, transformer, lambda batch: (None, extractor(batch)), output)
    yield
    return _first(features), {}


def thingsvision(work, output):
    import peers

    network, transformer = _released()
    extractor = peers.thingsvision().get_extractor_from_model(model=network, device="cpu", backend="pt")
    yield
    with extractor.batch_extraction(module_names=work["layers"], output_type="tensor") as opened:
        features = _collected(
            work, transformer, lambda batch: (None, opened.extract_batch(batch, flatten_acts=False)), output
        )
    yield
    return _first(features), {}


def _released() -> tuple[nn.Module, Callable[[Image.Image], Tensor]]:
    import resmem

    return resmem.ResMem(pretrained=True).eval(), resmem.transformer


def _batches(work: Mapping[str, Any], transform: Callable[[Image.Image], Tensor]) -> Iterator[Tensor]:
    paths, size = work["images"], work["batch"]
    torch.set_grad_enabled(False)
    for start in range(0, len(paths), size):
        images = [Image.open(path).convert("RGB") for path in paths[start : start + size]]
        yield torch.stack([transform(image) for image in images])


def _collected(work, transform, run, output: Path) -> dict[str, np.ndarray]:
    """Run all batches, reduce every map, join the batches at the end, and save."""
    features: dict[str, list[Tensor]] = {name: [] for name in work["layers"]}
    scores = []
    for batch in _batches(work, transform):
        score, maps = run(batch)
        scores.append(score)
        for name, parts in features.items():
            parts.append(maps[name].mean(dim=(2, 3)) if work["reduce"] == "mean" else maps[name])
    joined = {name: torch.cat(parts).numpy() for name, parts in features.items()}
    if scores[0] is not None:
        joined["prediction"] = torch.cat(scores).numpy()
    np.savez(output / "features.npz", **joined)
    return joined


def _first(features: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: values[:CHECKED] for name, values in features.items()}
