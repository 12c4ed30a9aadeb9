"""Reading a feature store: what was asked for, lazily, and nothing of how it was filled."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr
import zarr

from memfeat._labels import IMAGE, LAYER_ORDER
from memfeat.activations.passes import DONE, ERROR, PASS

__all__ = ["read", "stored_batch"]


def stored_batch(path: Path) -> int | None:
    """Say how many images a store sends through the network at once.

    Parameters
    ----------
    path : Path
        Where it is, or is to be.

    Returns
    -------
    int or None
        The number for its first layers; None if it has none yet.
    """
    marks = path / f"{PASS}0"
    if not (marks / "zarr.json").is_file():
        return None
    return int(str(zarr.open_array(marks, mode="r").attrs["batch_size"]))


def read(path: Path, names: Sequence[str], layers: Sequence[str]) -> xr.Dataset:
    """Read layers of images lazily.

    Parameters
    ----------
    path : Path
        The store.
    names : sequence of str
        The images, in the order wanted.
    layers : sequence of str
        The layers, in the order wanted.

    Returns
    -------
    Dataset (image, ...)
        The layers of those images that could be read.
    """
    stored = xr.open_zarr(path)
    passes = sorted({int(stored[layer].attrs["pass"]) for layer in layers})
    good = np.logical_and.reduce([np.asarray(stored[f"{PASS}{n}"].values, dtype=object) == DONE for n in passes])
    position = {str(name): i for i, name in enumerate(stored[IMAGE].values)}
    rows = [position[name] for name in names if good[position[name]]]
    inner = [name for name in map(str, stored.coords) if name.startswith((PASS, ERROR))]
    chosen = stored[list(layers)].drop_vars(inner, errors="ignore")
    # A plain range keeps the store's own chunks; a list of positions would cut them up.
    if rows != list(range(stored.sizes[IMAGE])):
        chosen = chosen.isel({IMAGE: rows})
    labels = {layer: chosen[layer].attrs.pop("labels", None) for layer in layers}
    for layer in layers:
        chosen[layer].attrs.pop("pass", None)
    # zarr gives numpy's newer text type, which netCDF cannot write.
    texts = {name: (IMAGE, np.asarray(chosen[name].values, dtype=object)) for name in (IMAGE, "sha256")}
    texts |= {chosen[layer].dims[-1]: np.array(names, dtype=object) for layer, names in labels.items() if names}
    chosen.attrs.pop(LAYER_ORDER, None)
    named: xr.Dataset = chosen.drop_vars(["status", "reason"], errors="ignore").assign_coords(texts)
    return named
