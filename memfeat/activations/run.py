"""Extraction: which layers of which images, into memory or into a store, at once or in shards."""

import json
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import pandas as pd
import xarray as xr

from memfeat._check import advice, listed, one_of
from memfeat._kept import Spec, reduction
from memfeat._labels import IMAGE, INHERITED, stamped
from memfeat.activations import cluster, filling, forecasting, headroom, locks, memory, sharding
from memfeat.activations.folding import refuse_folded
from memfeat.activations.job import Job
from memfeat.activations.options import HALVES, RunOptions, resolved
from memfeat.activations.precision import precision
from memfeat.activations.reading import read, stored_batch
from memfeat.activations.store import TAKEN, stored_attributes
from memfeat.errors import ArgumentError, KindError, MemfeatWarning, NoImageError
from memfeat.images.reading import tabled
from memfeat.models import Model
from memfeat.models import layers as list_layers
from memfeat.models.layers import Selection, select

__all__ = ["ExtractOptions", "extract", "extract_shard", "prepare"]

Failures = Mapping[str, tuple[str, str]]


class ExtractOptions(RunOptions, total=False):
    """How to extract: how to run a network, and how to keep what it puts out.

    Attributes
    ----------
    precision : str
        How numbers are kept.
    client : distributed.Client
        The cluster to compute on.
    """

    precision: str
    client: Any


def extract(
    images: Any,
    *,
    model: Model,
    layers: Selection,
    reduce: Spec = "mean",
    store: str | Path | None = None,
    **options: Unpack[ExtractOptions],
) -> xr.Dataset:
    """Read activations of a network's layers, for many images and any number of layers in one pass.

    Parameters
    ----------
    images : Dataset (image), or whatever `mf.images.read` takes
        The images.
    model : Model
        From `mf.models.load` or `mf.models.wrap`. For feature-space analyses "resmem-frozen" with
        `backbone="imagenet"`, not "resmem".
    layers : str, list of str, or callable
        Exact names, globs (`*` stays inside one dotted component, `**` crosses), groups ("blocks", "convolutions",
        "head"), a list of these, or a function of a row of `mf.models.layers(model)`. A module that is called several
        times has one layer per call: `layer1.0.relu@2`.
    reduce : str or callable
        What is kept, applied the moment a module puts out its result. "mean" or "max" over space (over tokens, for a
        transformer); "grid:K", averages over K × K fields; "cls", the first token; "flatten" or "none", everything in
        one row or as it is; "magnitude", the sum of absolute values, the root of the sum of squares and the mean;
        "project:EPS" or "project:EPS:SEED", a sparse random projection that keeps squared distances to within EPS. Or a
        function from Tensor (n, ...) to Tensor or array (n,) or (n, ...), for a measure of your own.
    store : path, optional
        A zarr store to write to. Called again, only what is missing is computed: an interrupted run goes on, further
        images and further layers are added.
    **options
        `precision`, `client`, and how to run the network (`device`, `batch_size`, `progress`, `workers`, `fast`,
        `autocast`, `tf32`): see Other Parameters.

    Returns
    -------
    Dataset (image, ...)
        One variable per layer, in arbitrary units, with dims `image` and `LAYER:channel`, `LAYER:y`,
        `LAYER:x` (or `LAYER:token`, `LAYER:unit`), whatever the reduction left; lazy when read from a store. Images
        stand in the order of the table. Unreadable ones are absent: attrs `n_left_out` and `left_out` say which and
        why. Further attrs: model, variant, weights_sha256, preprocessing, reduction, precision, computation.

    Other Parameters
    ----------------
    precision : {"float32", "float16", "float32:BITS"}
        How numbers are kept: as they are; in half of the bytes (values beyond ±65,504 are refused); or with BITS (1 to
        22) of the mantissa's 23 bits, rounded, which compresses well. The largest error that rounding made, relative to
        the largest value of the same image, is the layer's attribute `largest_rounding_error`.
    client : distributed.Client
        A dask cluster to compute on; needs `store`, on a drive that every worker sees under the same path. Each worker
        holds the network once and writes blocks of its own, one at a time.
    device : str or torch.device
        Where to compute; by default CUDA, else MPS, else the CPU.
    batch_size : int
        Images in one forward pass; by default at most 8 on a CPU, and with a client, and 64 on a GPU; for a store not
        fewer, however few images it begins with. A store keeps the one it was begun with, or fewer for layers of which
        so many do not fit into memory, and warns if another is asked for.
    progress : bool
        Whether to show a progress bar with bytes to write and time left; by default when stderr is a terminal.
    workers : int
        Threads that decode images.
    fast : bool
        Fold batch norms into the convolutions before them, whose own outputs are then not to be had. By default every
        module computes what the released network's computes.
    autocast : {"bfloat16", "float16"}
        Compute in this type what torch.autocast thinks fit for it. What is kept is float32 all the same.
    tf32 : bool
        Let a GPU multiply float32 with 10 bits of mantissa.

    Raises
    ------
    UnknownNameError
        If a layer is not there, or not in fast mode; near names, or the calls of a repeated module, are listed.
    ArgumentError, KindError
        If an argument cannot be used, a layer puts out something else before the images, or features (without a store)
        or the matrices of a projection are larger than the memory that is free.
    NoImageError
        If not a single image can be read.
    StoreError
        If the store holds something else, was made by other weights, preprocessing, reduction, precision or
        computation, an image has changed since, another process is writing to it, or the disk is too small.

    Warns
    -----
    MemfeatWarning
        If images were left out, another batch size is asked for than the store has, or its projection has too few
        components for so many images.

    See Also
    --------
    memfeat.activations.prepare, memfeat.activations.extract_shard : The same in several processes.

    Notes
    -----
    Outputs are copied or reduced inside the hook, so a later in-place ReLU or addition cannot alter them. The network
    runs in evaluation mode without gradients and is left as it was found; hooks are removed, also after an error. A
    pass ends with the last layer that is wanted. Every pass has one shape: the last batch is filled up with black
    images whose rows are dropped. A store holds the same bytes however often its run was interrupted, on one machine
    with the same versions, number of threads and batch size; elsewhere values agree to 1e-5 relative to the layer's
    largest. Dates and durations are in the log beside it.
    """
    path = None if store is None else _store_path(store)
    client = options.pop("client", None)
    if client is not None and path is None:
        remedy = 'For instance store="features.zarr", on a drive that all workers see.'
        raise ArgumentError(advice("store", "be given for a cluster", listed("None"), remedy))
    device = options.get("device")
    work = None if client is None else cluster.work_on(client, device)
    half = options.pop("autocast", None) if client is not None else None
    if client is not None:
        options["device"] = "cpu"  # here the network only lists its layers; each worker chooses for itself
    job, names = _job(images, model, layers, reduce, path, options)
    if half is not None:
        job = replace(job, options=replace(job.options, autocast=one_of("autocast", half, HALVES)))
    readable = _readable(job.images)
    if client is None:
        headroom.must_fit(job, names, len(readable) if path is None else 0)
    if path is None:
        features, failures = memory.compute(job, names, readable)
    else:
        failures = filling.fill(job, names, readable, path, work=work)
        features = read(path, readable, names)
    return _finished(features, job, failures)


def prepare(
    images: Any,
    *,
    model: Model,
    layers: Selection,
    reduce: Spec = "mean",
    store: str | Path,
    **options: Unpack[ExtractOptions],
) -> pd.DataFrame:
    """Make room in a store for an extraction that several processes will do, shard by shard.

    Parameters
    ----------
    images : Dataset (image), or whatever `mf.images.read` takes
        The images; files, not images in memory. The table is kept beside the store, so that shards see the same.
    model : Model
        As for `memfeat.extract`.
    layers : str, list of str, or callable
        As for `memfeat.extract`.
    reduce : str or callable
        As for `memfeat.extract`.
    store : path
        The store, which is made if there is none.
    **options
        As for `memfeat.extract`; `client` has no use here.

    Returns
    -------
    DataFrame
        One row per layer: `layer`, `shape` of what is kept of one image, `bytes` per image before compression. Its
        attrs say `n_images`, `bytes` of all, `block` (images in the smallest unit of work), `n_blocks` (more shards
        than blocks have nothing to do) and `seconds`, the time that one process would take here, image by image.

    Raises
    ------
    ArgumentError, KindError, NoImageError, StoreError, UnknownNameError
        As `memfeat.extract`.

    See Also
    --------
    memfeat.activations.extract_shard : What is to be run next.
    """
    path = _store_path(store)
    job, names = _job(images, model, layers, reduce, path, options)
    readable = _readable(job.images)
    sharding.must_be_files(job.images)
    with (
        filling.writable(),
        locks.alone(path),
        filling.closed_after(filling.prepared(job, names, readable, path)) as made,
    ):
        # Not before the images were found to be those that are stored.
        sharding.remember(job.images, path)
        blocks = {run.block: run.each.block for run in filling.pending(made, names, readable)}
    rows = [
        {"layer": name, "shape": layout.shape, "bytes": int(job.stored_bytes([name]))}
        for name, layout in job.layouts(names).items()
    ]
    table = pd.DataFrame(rows)
    needed = int(table["bytes"].sum()) * len(readable)
    table.attrs["n_images"], table.attrs["bytes"] = len(readable), needed
    table.attrs["block"], table.attrs["n_blocks"] = min(blocks.values(), default=0), len(blocks)
    table.attrs["seconds"] = forecasting.seconds_per_image(job) * len(readable)
    return table


def extract_shard(
    shard: str,
    *,
    model: Model,
    layers: Selection,
    reduce: Spec = "mean",
    store: str | Path,
    **options: Unpack[ExtractOptions],
) -> xr.Dataset:
    """Do one part of an extraction that was prepared; other processes may do the others at the same time.

    Parameters
    ----------
    shard : str
        Which part of how many, counting from 1: "2/4" is the second of four.
    model : Model
        As it was prepared.
    layers : str, list of str, or callable
        As they were prepared.
    reduce : str or callable
        As it was prepared.
    store : path
        The store that was prepared.
    **options
        As for `memfeat.extract`; `client` has no use here.

    Returns
    -------
    Dataset (image, ...)
        Whatever the store holds by now of the layers and images that were prepared, as `memfeat.extract` gives it. The
        shard that finishes last completes the store's description.

    Raises
    ------
    ArgumentError, KindError, UnknownNameError
        As `memfeat.extract`.
    StoreError
        If the store was not prepared, or prepared for something else, or a run of its own is writing to it.

    See Also
    --------
    memfeat.activations.prepare : What is to be run first.

    Notes
    -----
    Shards are sets of whole blocks, so no two processes write to one file, and the store holds the same bytes as if one
    process had done it all with as many threads. A shard that is called again computes only what is missing.
    """
    path = _store_path(store)
    sharding.parsed(shard)
    job, names = _job(sharding.prepared_images(path), model, layers, reduce, path, options)
    headroom.must_fit(job, names, 0)
    readable = _readable(job.images)
    failures = sharding.fill_shard(job, names, readable, path, shard=shard)
    return _finished(read(path, readable, names), job, failures, complete=False)


def _job(
    images: Any, model: Model, layers: Selection, reduce: Spec, path: Path | None, options: ExtractOptions
) -> tuple[Job, list[str]]:
    kept = precision(options.pop("precision", "float32"))
    options.pop("client", None)
    chosen = resolved(options)
    available = list_layers(model)
    selected = select(available, layers)
    names = selected["name"].astype(str).tolist()
    taken = [name for name in names if TAKEN.fullmatch(name) or set(name) & set("/:[]")]
    if taken:
        remedy = "Rename the module, or read the module around it."
        raise ArgumentError(
            advice("layers", "not be called like what a result holds besides", listed.of(taken), remedy)
        )
    if chosen.fast:
        refuse_folded(model.module, selected["module"].astype(str))
    table = tabled(images, progress=chosen.progress)
    if not _readable(table):
        raise NoImageError(_nothing(_left_out(table, {})))
    stored = {} if path is None else stored_attributes(path)
    if path is not None and chosen.batch_size is not None:
        _tell_of_batch(chosen.batch_size, stored_batch(path))
    reduced = reduction(reduce, n_images=table.sizes[IMAGE], stored=stored.get("reduction"))
    return Job(images=table, model=model, table=available, reduce=reduced, precision=kept, options=chosen), names


def _tell_of_batch(wanted: int, stored: int | None) -> None:
    if stored is not None and stored != wanted:
        remedy = f"It goes on in batches of {stored}; for others write to another store."
        message = advice("batch_size", "be the one that the store was begun with", wanted, remedy)
        warnings.warn(message, MemfeatWarning, stacklevel=4)


def _readable(images: xr.Dataset) -> list[str]:
    return [str(name) for name in images[IMAGE].values[np.asarray(images["status"].values == "ok")]]


def _store_path(store: Any) -> Path:
    if not isinstance(store, str | Path):
        remedy = 'For instance store="features.zarr".'
        raise KindError(advice("store", "be a path", listed(type(store).__name__), remedy))
    # One store has one lock, whatever links lead to it.
    return Path(store).expanduser().resolve()


def _left_out(images: xr.Dataset, failures: Failures) -> list[dict[str, str]]:
    table = zip(images[IMAGE].values, images["status"].values, images["reason"].values, strict=True)
    said = ((str(name), *failures.get(str(name), (str(status), str(reason)))) for name, status, reason in table)
    return [{"image": name, "status": status, "reason": reason} for name, status, reason in said if status != "ok"]


def _nothing(left_out: list[dict[str, str]]) -> str:
    which = listed.of(f"{row['image']}: {row['status']}" for row in left_out)
    remedy = "mf.images.ledger(mf.images.read(...)) says why."
    return advice("images", "hold at least one readable image", listed(f"unreadable ones, {which}"), remedy)


def _finished(features: xr.Dataset, job: Job, failures: Failures, *, complete: bool = True) -> xr.Dataset:
    left_out = _left_out(job.images, failures)
    if complete and features.sizes[IMAGE] == 0:
        raise NoImageError(_nothing(left_out))
    if left_out:
        which = listed.of(f"{row['image']}: {row['status']}" for row in left_out)
        message = f"Images left out, {which}. The attribute 'left_out' of the features says why."
        warnings.warn(message, MemfeatWarning, stacklevel=3)
    facts = {"n_images": features.sizes[IMAGE], "n_left_out": len(left_out), "left_out": json.dumps(left_out)}
    stamped(features, None, **job.identity, **facts)
    # A layer that is taken out of the Dataset leaves its attributes behind, and should still say where it came from.
    for layer in features.data_vars.values():
        layer.attrs |= {key: features.attrs[key] for key in INHERITED if key in features.attrs}
    return features
