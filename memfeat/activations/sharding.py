"""One extraction in several processes that know nothing of each other (a job array): prepared, then done in shards."""

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from memfeat import _progress
from memfeat._check import advice, listed
from memfeat._labels import IMAGE
from memfeat.activations import locks, runlog
from memfeat.activations.filling import compute, pending, writable
from memfeat.activations.job import Job
from memfeat.activations.store import Store
from memfeat.errors import ArgumentError, KindError, StoreError

__all__ = ["absolute", "fill_shard", "must_be_files", "parsed", "prepared_images", "remember"]

COLUMNS = ("path", "sha256", "width", "height", "mode", "status", "reason")


def parsed(shard: Any) -> tuple[int, int]:
    """Read "2/4": the second of four.

    Parameters
    ----------
    shard : str
        Which shard of how many, counting from 1.

    Returns
    -------
    (int, int)
        Both numbers.

    Raises
    ------
    KindError
        If it is no text.
    ArgumentError
        If it does not say so.
    """
    rule, remedy = "say which part of how many, such as '2/4'", "The first of four is 1/4, the last 4/4."
    if not isinstance(shard, str):
        raise KindError(advice("shard", rule, listed(type(shard).__name__), remedy))
    found = re.fullmatch(r"(\d+)/(\d+)", shard.strip())
    which, n = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= which <= n:
        raise ArgumentError(advice("shard", rule, shard, remedy))
    return which, n


def must_be_files(images: xr.Dataset) -> None:
    """Refuse images that other processes cannot reach.

    Parameters
    ----------
    images : Dataset (image)
        The image table.

    Raises
    ------
    ArgumentError
        If images are in memory.
    """
    if "pixels" in images:
        remedy = "Save them as PNG files first, or extract in one process."
        raise ArgumentError(advice("images", "be files, to be prepared for shards", listed("images in memory"), remedy))


def absolute(images: xr.Dataset) -> xr.Dataset:
    """Say where the images are from wherever one looks.

    Parameters
    ----------
    images : Dataset (image)
        The image table.

    Returns
    -------
    Dataset (image)
        The same with absolute paths.
    """
    paths = [str(Path(file).resolve()) if file else "" for file in map(str, images["path"].values)]
    located: xr.Dataset = images.assign_coords(path=(IMAGE, np.array(paths, dtype=object)))
    return located


def remember(images: xr.Dataset, path: Path) -> None:
    """Write the image table beside the store, for the shards.

    Parameters
    ----------
    images : Dataset (image)
        The image table.
    path : Path
        The store.
    """
    table = {IMAGE: [str(name) for name in images[IMAGE].values]}
    table |= {column: images[column].values.tolist() for column in COLUMNS}
    table["path"] = absolute(images)["path"].values.tolist()
    content = json.dumps({"sha256_of_table": _digest(table), "table": table})
    file = _beside(path)
    fresh = file.with_name(f"{file.name}.partial")
    fresh.write_text(content, encoding="utf-8")
    fresh.replace(file)


def prepared_images(path: Path) -> xr.Dataset:
    """Read the image table that was prepared for shards.

    Parameters
    ----------
    path : Path
        The store.

    Returns
    -------
    Dataset (image)
        The image table, as it was when it was prepared: shards do not read the photographs' folder again.

    Raises
    ------
    StoreError
        If nothing was prepared, or the table has changed since.
    """
    remedy = "Prepare it once: memfeat extract ... --prepare, or memfeat.activations.prepare(...)."
    try:
        said = json.loads(_beside(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise StoreError(advice("store", "be prepared before a shard is computed", str(path), remedy)) from error
    table = said["table"]
    if _digest(table) != said["sha256_of_table"]:
        raise StoreError(advice("store", "have the image table it was prepared with", str(_beside(path)), remedy))
    numbers = {"width", "height"}
    columns = {name: np.array(table[name], dtype=np.int64 if name in numbers else object) for name in (IMAGE, *COLUMNS)}
    return xr.Dataset(coords={name: (IMAGE, values) for name, values in columns.items()})


def fill_shard(job: Job, layers: list[str], names: list[str], path: Path, *, shard: str) -> dict[str, tuple[str, str]]:
    """Compute those blocks of a prepared store that belong to a shard.

    Parameters
    ----------
    job : Job
        What the extraction is about.
    layers, names : list of str
        Layers and images, as they were prepared.
    path : Path
        The store.
    shard : str
        "2/4": the second of four.

    Returns
    -------
    dict
        Image → (status, reason) of those that could not be read, of all images.

    Raises
    ------
    StoreError
        If the store was prepared for something else, or is in use by a run of its own.
    """
    which, n_shards = parsed(shard)
    with writable(), locks.as_shard(path, f"{which}-of-{n_shards}"):
        store = Store(path)
        store.must_be(job.identity)
        _must_be_prepared(store, layers, job.images)
        runs = [run for run in pending(store, layers, names) if run.block % n_shards == which - 1]
        n = sum(len(run.names) for run in runs)
        runlog.note(path, "shard", which=shard, images=n, **job.circumstances)
        with _progress.bar(n, f"shard {shard} of {path.name}", job.options.progress) as bar:
            compute(store, job, runs, bar.update)
    with writable(), locks.last_one(path) as last:
        if last:
            # Another shard may have been killed while it wrote.
            Store(path).clear_leftovers()
            Store(path).close()
    return Store(path).failures(names, layers)


def _must_be_prepared(store: Store, layers: Iterable[str], images: xr.Dataset) -> None:
    listing = zip(map(str, images[IMAGE].values), images["sha256"].values, images["status"].values, strict=True)
    asked = {name: str(sha256) for name, sha256, status in listing if status == "ok"}
    held = store.hashes
    differing = [name for name in asked if held.get(name) != asked[name]]
    if differing:
        remedy = "Prepare it again: memfeat extract ... --prepare, or memfeat.activations.prepare(...)."
        raise StoreError(advice("images", "be those that were prepared", listed.of(differing), remedy))
    missing = sorted(set(layers) - {layer for each in store.passes for layer in each.layers})
    if missing:
        remedy = "Prepare it with the same layers as its shards."
        raise StoreError(advice("layers", "be prepared in the store", listed(listed.of(missing)), remedy))


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.images.json")


def _digest(table: Any) -> str:
    return hashlib.sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()
