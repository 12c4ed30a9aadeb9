"""Extraction into memory."""

from collections.abc import Mapping
from contextlib import closing
from typing import Any

import numpy as np
import xarray as xr

from memfeat import _progress
from memfeat._labels import IMAGE, dimension
from memfeat.activations.feed import default_size
from memfeat.activations.job import Job, filled, rows
from memfeat.activations.store import ROUNDING

__all__ = ["compute"]


def compute(job: Job, layers: list[str], names: list[str]) -> tuple[xr.Dataset, Mapping[str, tuple[str, str]]]:
    """Read layers of images into memory.

    Parameters
    ----------
    job : Job
        What the extraction is about.
    layers, names : list of str
        Layers and images that are asked for.

    Returns
    -------
    Dataset (image, ...)
        The layers of those images that could be read.
    dict
        Image → (status, reason) of the others.
    """
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
    variables: dict[str, Any] = {}
    for layer, layout in layouts.items():
        kept, errors = job.precision.apply(values.pop(layer), layer)
        about = {ROUNDING: float(np.float32(errors.max(initial=0.0)))} if job.precision.rounds else {}
        dims = (IMAGE, *(dimension(layer, axis) for axis in layout.axes))
        variables[layer] = (dims, kept[chosen], about)
    hashes = job.images["sha256"].sel({IMAGE: names}).values
    coords: dict[str, Any] = {IMAGE: np.array(names, dtype=object)[chosen], "sha256": (IMAGE, hashes[chosen])}
    labelled = {layer: layout for layer, layout in layouts.items() if layout.labels}
    coords |= {dimension(layer, each.axes[-1]): np.array(each.labels, dtype=object) for layer, each in labelled.items()}
    return xr.Dataset(variables, coords=coords), failures
