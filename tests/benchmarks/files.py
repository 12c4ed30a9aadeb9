"""How many files a store has. See harness.py for the form of these."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

#: The size of a block is a multiple of that of a batch, which by default depends on the number of images.
OPTIONS = {"device": "cpu", "batch_size": 16, "progress": False}


class Deep(nn.Module):
    """Many layers that cost next to nothing."""

    def __init__(self, n_layers: int) -> None:
        super().__init__()
        self.steps = nn.Sequential(*(nn.Conv2d(3, 3, 1) for _ in range(n_layers)))

    def forward(self, x):
        return self.steps(x)


def many_layers(work, output):
    import memfeat as mf
    from memfeat.models import preprocessing

    torch.manual_seed(0)
    model = mf.models.wrap(Deep(work["layers"]).eval(), preprocessing.SquashAndCrop(8, 8), name="deep")
    folder = output.parent / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(work["n"]):
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(folder / f"{i:06}.png")
    store = output / "features.zarr"
    yield
    mf.extract(folder, model=model, layers="steps.*", store=store, **OPTIONS)
    yield
    return {}, {"layers": work["layers"], **facts_of(store, work["n"])}


def resmem(work, output):
    import memfeat as mf

    model = mf.models.load("resmem")
    layers = ["blocks", "convolutions", "sigmoid"]
    store = output / "features.zarr"
    images = [Path(path) for path in work["images"]]
    yield
    found = mf.extract(images, model=model, layers=layers, store=store, **OPTIONS)
    yield
    return {}, {"layers": len(found.data_vars), **facts_of(store, len(images))}


def facts_of(store: Path, n: int) -> dict[str, int]:
    """Count the files of a store, and the images and blocks that they hold."""
    import xarray as xr

    with xr.open_zarr(store) as opened:
        encoding = next(iter(opened.data_vars.values())).encoding
    block = (encoding.get("shards") or encoding["chunks"])[0]
    files = sum(path.is_file() for path in store.rglob("*"))
    return {"block": int(block), "blocks": -(-n // int(block)), "store_files": files}
