"""Extraction: which layers of which images, into memory or into a store."""

import json
import warnings
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import xarray as xr

from memfeat import _progress
from memfeat._check import advice, listed
from memfeat._kept import reduction
from memfeat._labels import IMAGE, dimension, stamped
from memfeat.activations.feed import default_size
from memfeat.activations.filling import fill
from memfeat.activations.job import Job, filled, rows
from memfeat.activations.options import RunOptions, resolved
from memfeat.errors import KindError, MemfeatWarning, NoImageError
from memfeat.images.reading import tabled
from memfeat.models import Model
from memfeat.models import layers as list_layers
from memfeat.models.layers import Selection, select

__all__ = ["extract"]

Failures = Mapping[str, tuple[str, str]]


def extract(
    images: Any,
    *,
    model: Model,
    layers: Selection,
    reduce: str = "mean",
    store: str | Path | None = None,
    **options: Unpack[RunOptions],
) -> xr.Dataset:
    """Read activations of a network's layers, for many images and any number of layers in one pass.

    Parameters
    ----------
    images : Dataset (image), or whatever `mf.images.read` takes
        The images.
    model : Model
        From `mf.models.load` or `mf.models.wrap`. For feature-space analyses "resmem-frozen", not "resmem".
    layers : str, list of str, or callable
        Exact names, globs (`*` stays inside one dotted component, `**` crosses), groups ("blocks", "convolutions",
        "head"), a list of these, or a function of a row of `mf.models.layers(model)`. A module that is called several
        times has one layer per call: `layer1.0.relu@2`.
    reduce : {"mean", "max", "flatten", "none"}
        What is kept, applied the moment a module puts out its result: the mean or maximum over space (over tokens, for
        a transformer), everything in one row, or everything as it is.
    store : path, optional
        A zarr store to write to. Called again, only what is missing is computed: an interrupted run goes on, further
        images and further layers are added.
    **options
        `device`, `batch_size`, `progress`, `workers`: see Other Parameters.

    Returns
    -------
    Dataset (image, ...)
        One variable per layer, float32, in arbitrary units, with dims `image` and `LAYER:channel`, `LAYER:y`,
        `LAYER:x` (or `LAYER:token`, `LAYER:unit`), whatever the reduction left; lazy when read from a store. Images
        stand in the order of the table. Unreadable ones are absent: attrs `n_left_out` and `left_out` say which and
        why. Further attrs: model, variant, weights_sha256, preprocessing, reduction.

    Other Parameters
    ----------------
    device : str or torch.device
        Where to compute; by default CUDA, else MPS, else the CPU.
    batch_size : int
        Images in one forward pass; by default at most 16 on a CPU and 64 on a GPU. A store keeps the one it began with.
    progress : bool
        Whether to show a progress bar with the time left; by default when stderr is a terminal.
    workers : int
        Threads that decode images.

    Raises
    ------
    UnknownNameError
        If a layer is not there; near names, or the calls of a repeated module, are listed.
    ArgumentError, KindError
        If an argument cannot be used.
    NoImageError
        If not a single image can be read.
    StoreError
        If the store holds something else, was made by other weights, preprocessing or reduction, an image has changed
        since, another process is writing to it, or the disk is too small.

    Warns
    -----
    MemfeatWarning
        If images were left out.

    Notes
    -----
    Outputs are copied or reduced inside the hook, so a later in-place ReLU or addition cannot alter them. The network
    runs in evaluation mode without gradients and is left as it was found; hooks are removed, also after an error. Every
    forward pass has one shape: the last batch is filled up with black images whose rows are dropped.
    """
    chosen = resolved(options)
    available = list_layers(model)
    names = select(available, layers)["name"].astype(str).tolist()
    place = None if store is None else _store_path(store)
    table = tabled(images, progress=chosen.progress)
    job = Job(
        images=table,
        model=model,
        table=available,
        reduce=reduction(reduce, n_images=table.sizes[IMAGE]),
        options=chosen,
    )
    readable = [str(name) for name in table[IMAGE].values[np.asarray(table["status"].values == "ok")]]
    if not readable:
        raise NoImageError(_nothing(_left_out(table, {})))
    if place is None:
        features, failures = _in_memory(job, names, readable)
    else:
        features, failures = fill(job, names, readable, place)
    return _finished(features, job, _left_out(table, failures))


def _store_path(store: Any) -> Path:
    if not isinstance(store, str | Path):
        remedy = 'For instance store="features.zarr".'
        raise KindError(advice("store", "be a path", listed(type(store).__name__), remedy))
    return Path(store).expanduser()


def _in_memory(job: Job, layers: list[str], names: list[str]) -> tuple[xr.Dataset, Failures]:
    size = job.options.batch_size or default_size(len(names), job.options.device)
    layouts = job.layouts(layers)
    values = rows(layouts, len(names))
    failures: dict[str, tuple[str, str]] = {}
    groups = [names[start : start + size] for start in range(0, len(names), size)]
    with (
        _progress.bar(len(names), "extract", job.options.progress) as bar,
        closing(job.forward(layers, groups, size)) as stream,
    ):
        for start, group in zip(range(0, len(names), size), stream, strict=True):
            filled(values, group, start)
            failures |= group.failures
            bar.update(len(group.names))
    good = np.array([name not in failures for name in names])
    chosen: Any = slice(None) if good.all() else good
    hashes = job.images["sha256"].sel({IMAGE: names}).values
    variables = {
        layer: ((IMAGE, *(dimension(layer, axis) for axis in layout.axes)), values[layer][chosen])
        for layer, layout in layouts.items()
    }
    coords = {IMAGE: np.array(names, dtype=object)[chosen], "sha256": (IMAGE, hashes[chosen])}
    return xr.Dataset(variables, coords=coords), failures


def _left_out(images: xr.Dataset, failures: Failures) -> list[dict[str, str]]:
    table = zip(images[IMAGE].values, images["status"].values, images["reason"].values, strict=True)
    said = ((str(name), *failures.get(str(name), (str(status), str(reason)))) for name, status, reason in table)
    return [{"image": name, "status": status, "reason": reason} for name, status, reason in said if status != "ok"]


def _nothing(left_out: list[dict[str, str]]) -> str:
    which = listed.of(f"{row['image']}: {row['status']}" for row in left_out)
    remedy = "mf.images.ledger(mf.images.read(...)) says why."
    return advice("images", "hold at least one readable image", listed(f"unreadable ones, {which}"), remedy)


def _finished(features: xr.Dataset, job: Job, left_out: list[dict[str, str]]) -> xr.Dataset:
    if features.sizes[IMAGE] == 0:
        raise NoImageError(_nothing(left_out))
    if left_out:
        which = listed.of(f"{row['image']}: {row['status']}" for row in left_out)
        message = f"Images left out, {which}. The attribute 'left_out' of the features says why."
        warnings.warn(message, MemfeatWarning, stacklevel=3)
    facts = {"n_images": features.sizes[IMAGE], "n_left_out": len(left_out), "left_out": json.dumps(left_out)}
    return stamped(features, None, **job.identity, **facts)
