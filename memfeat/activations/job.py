"""What one extraction is about: images, network, layers, what is kept of them, and how to run."""

import json
import platform
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import PIL
import torch
import torchvision
import xarray as xr

from memfeat._kept import Layout, Reduction
from memfeat._version import __version__
from memfeat.activations.architecture import architecture
from memfeat.activations.capture import Wanted
from memfeat.activations.engine import Forwarded, computation, forward
from memfeat.activations.options import Resolved
from memfeat.activations.precision import Precision
from memfeat.models import Model

__all__ = ["Job", "Layout", "filled", "rows"]

#: Bytes of one number while it is computed.
FLOAT32 = 4
IDENTITY = (
    "model",
    "variant",
    "backbone",
    "trunk",
    "head",
    "weights_sha256",
    "weights_source",
    "weights_licence",
    "preprocessing",
    "seed",
    "batchnorm",
)


@dataclass(frozen=True)
class Job:
    """What one extraction is about.

    Attributes
    ----------
    images : Dataset (image)
        The image table.
    model : Model
        The network.
    table : DataFrame
        All layers of the network.
    reduce : Reduction
        What is kept of an output.
    precision : Precision
        How numbers are kept.
    options : Resolved
        How to run.
    """

    images: xr.Dataset
    model: Model
    table: pd.DataFrame
    reduce: Reduction
    precision: Precision
    options: Resolved

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What makes the numbers what they are."""
        # As it is now: it may have been trained further since it was loaded.
        origin = self.model.origin()
        how = {"reduction": self.reduce.name, "precision": self.precision.name}
        how |= {"architecture": architecture(self.model, self.table)}
        how |= {"computation": computation(self.model.module, self.options)}
        return {key: _plain(origin[key]) for key in IDENTITY if key in origin} | how

    @property
    def circumstances(self) -> dict[str, str]:
        """What the last digits of numbers depend on besides: versions, the device and the number of threads."""
        found = {name: module.__version__ for name, module in (("torch", torch), ("torchvision", torchvision))}
        found |= {"memfeat": __version__, "Pillow": PIL.__version__, "numpy": np.__version__}
        device = self.options.device
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
        found |= {"device": str(device), "machine": name, "threads": str(torch.get_num_threads())}
        return {key: "_".join(value.split()) for key, value in found.items()}

    def row_bytes(self, layers: Iterable[str]) -> int:
        """Count bytes of one image in memory, all layers together."""
        return sum(layout.nbytes for layout in self.layouts(layers).values())

    def matrix_bytes(self, layers: Iterable[str]) -> int:
        """Count bytes that the reduction itself holds in memory, all layers together."""
        wanted = set(layers)
        listing = zip(self.table["name"], self.table["values"], strict=True)
        return sum(self.reduce.held(int(values)) for name, values in listing if name in wanted)

    def stored_bytes(self, layers: Iterable[str]) -> float:
        """Count bytes of one image on disk before compression, all layers together."""
        return self.row_bytes(layers) * self.precision.dtype.itemsize / FLOAT32

    def wanted(self, layers: Iterable[str]) -> Wanted:
        """Say which module, and which call of it, each layer is."""
        chosen = self.table[self.table["name"].isin(list(layers))]
        rows = zip(chosen["name"], chosen["module"], chosen["call"], strict=True)
        return {str(name): (str(module), int(call)) for name, module, call in rows}

    def layouts(self, layers: Iterable[str]) -> dict[str, Layout]:
        """Say which shape each layer has after the reduction."""
        wanted = set(layers)
        listing = zip(self.table["name"], self.table["shape"], strict=True)
        shapes = {str(name): tuple(shape) for name, shape in listing if name in wanted}
        for layer in shapes.keys() - self._known.keys():
            self._known[layer] = self._reduction.layout(layer, shapes[layer], self.options.device)
        return {layer: self._known[layer] for layer in shapes}

    @cached_property
    def _known(self) -> dict[str, Layout]:
        return {}

    @cached_property
    def _reduction(self) -> Reduction:
        return self.reduce.knowing(dict(zip(self.table["name"], self.table["axes"], strict=True)))

    def forward(
        self, layers: Sequence[str], groups: Iterable[list[str]], size: int
    ) -> Generator[Forwarded, None, None]:
        """Send groups of images through the network and read layers."""
        capture = (self.wanted(layers), self._reduction)
        return forward(self.images, groups, self.model, capture=capture, size=size, options=self.options)


def _plain(value: Any) -> Any:
    # Attributes of a store are compared, and take texts and numbers.
    return value if isinstance(value, str | int | float) else json.dumps(value, sort_keys=True)


def rows(layouts: Mapping[str, Layout], n: int) -> dict[str, npt.NDArray[np.float32]]:
    """Make room in memory for the outputs of n images.

    Parameters
    ----------
    layouts : mapping
        Layer → its shape for one image.
    n : int
        Number of images.

    Returns
    -------
    dict of array (n, ...)
        Layer → room.
    """
    return {layer: np.empty((n, *layout.shape), dtype=np.float32) for layer, layout in layouts.items()}


def filled(values: Mapping[str, npt.NDArray[np.float32]], group: Forwarded, start: int) -> None:
    """Put one group's outputs in their place, and NaN into rows of unreadable images.

    Parameters
    ----------
    values : mapping of array (n, ...)
        Layer → room, written to.
    group : Forwarded
        Outputs of a group of images.
    start : int
        Position of the group's first image.
    """
    stop = start + len(group.names)
    bad = [start + i for i, name in enumerate(group.names) if name in group.failures]
    for layer, room in values.items():
        # Nothing was put out if none of them could be read.
        room[start:stop] = group.values.get(layer, np.nan)
        room[bad] = np.nan
