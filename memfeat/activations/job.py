"""What one extraction is about: images, network, layers, what is kept of them, and how to run."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
import xarray as xr

from memfeat.activations.capture import Wanted
from memfeat.activations.engine import Forwarded, computation, forward
from memfeat.activations.options import Resolved
from memfeat.activations.reduce import Reduction
from memfeat.models import Model

__all__ = ["Job", "Layout", "filled", "rows"]

IDENTITY = ("model", "variant", "backbone", "weights_sha256", "weights_source", "weights_licence", "preprocessing")


@dataclass(frozen=True)
class Layout:
    """Shape of one layer for one image.

    Attributes
    ----------
    axes : tuple of str
        Names of its axes.
    shape : tuple of int
        Their sizes.
    """

    axes: tuple[str, ...]
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Bytes for one image in float32."""
        return 4 * int(np.prod(self.shape, dtype=np.int64))


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
    options : Resolved
        How to run.
    """

    images: xr.Dataset
    model: Model
    table: pd.DataFrame
    reduce: Reduction
    options: Resolved

    @property
    def identity(self) -> dict[str, Any]:
        """What makes the numbers what they are."""
        origin = self.model.provenance
        how = {"reduction": self.reduce.name, "computation": computation(self.model.module, self.options)}
        return {key: origin[key] for key in IDENTITY if key in origin} | how

    def wanted(self, layers: Iterable[str]) -> Wanted:
        """Say which module, and which call of it, each layer is."""
        chosen = self.table[self.table["name"].isin(list(layers))]
        return {str(row["name"]): (str(row["module"]), int(row["call"])) for _, row in chosen.iterrows()}

    def layouts(self, layers: Iterable[str]) -> dict[str, Layout]:
        """Say which shape each layer has after the reduction."""
        chosen = self.table[self.table["name"].isin(list(layers))]
        return {str(row["name"]): self._layout(tuple(row["shape"])) for _, row in chosen.iterrows()}

    def _layout(self, shape: tuple[int, ...]) -> Layout:
        # On the meta device a reduction gives its shape and computes nothing.
        left = self.reduce.apply(torch.empty((1, *shape), device="meta")).shape[1:]
        return Layout(self.reduce.axes(len(shape)), tuple(left))

    def forward(
        self, layers: Sequence[str], groups: Iterable[list[str]], size: int
    ) -> Generator[Forwarded, None, None]:
        """Send groups of images through the network and read layers."""
        capture = (self.wanted(layers), self.reduce)
        return forward(self.images, groups, self.model, capture=capture, size=size, options=self.options)


def rows(layouts: Mapping[str, Layout], n: int) -> dict[str, npt.NDArray[np.float32]]:
    """Make room for the outputs of n images, NaN throughout.

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
    return {layer: np.full((n, *layout.shape), np.nan, dtype=np.float32) for layer, layout in layouts.items()}


def filled(values: Mapping[str, npt.NDArray[np.float32]], group: Forwarded, start: int) -> None:
    """Put one group's outputs in their place; rows of unreadable images stay NaN.

    Parameters
    ----------
    values : mapping of array (n, ...)
        Layer → room, written to.
    group : Forwarded
        Outputs of a group of images.
    start : int
        Position of the group's first image.
    """
    good = [i for i, name in enumerate(group.names) if name not in group.failures]
    for layer, computed in group.values.items():
        values[layer][[start + i for i in good]] = computed[good]
