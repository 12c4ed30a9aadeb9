"""One number per image and layer: the form that all measures have."""

import warnings
from collections.abc import Callable, Iterable, Mapping
from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat import guards
from memfeat._blocks import Tick
from memfeat._check import advice, listed
from memfeat._labels import IMAGE, as_features, layer_names, stamped, storable
from memfeat._progress import bar
from memfeat.errors import ArgumentError, MemfeatWarning

__all__ = ["Kernel", "Measured", "at_least", "called", "labelled", "per_image", "width_of", "without"]

Array = npt.NDArray[np.float64]


class Measured(NamedTuple):
    """What a kernel finds in one layer."""

    values: Array
    """(n,), in the layer's own order of images."""
    notes: Mapping[str, Any] = {}
    """What is to be said of this layer alone: attributes of its variable."""


#: One layer, and what is told the number of features after each block, to one number per image.
Kernel = Callable[[xr.DataArray, Tick], Measured]


def per_image(
    features: xr.Dataset | xr.DataArray, kernel: Kernel, *, progress: bool | None = None, passes: int = 1, **facts: Any
) -> xr.Dataset:
    """Measure each layer, and label what comes out.

    Parameters
    ----------
    features : Dataset or DataArray (image, ...)
        Features, one variable per layer, in memory or lazy.
    kernel : callable
        Measures one layer.
    progress : bool, optional
        Show a progress bar; by default when stderr is a terminal.
    passes : int
        How often the kernel goes through a layer.
    **facts : str, number, list, or what JSON can hold
        Attributes of the result; `method` is what the bar says.

    Returns
    -------
    Dataset (image)
        One variable per layer, float64, named as the layers are. Attributes of a variable are about that layer.

    Raises
    ------
    KindError
        If features are not xarray, or not real numbers.
    ArgumentError
        If images are not named or named twice, a layer is empty, or a value is NaN or infinite.

    Warns
    -----
    RetrainedWarning
        If they are features of the retrained network; `mf.guards.allow` takes it back.
    """
    table = as_features(features)
    names = layer_names(table)
    cautions = guards.analysis(features)
    with bar(passes * sum(width_of(table[name]) for name in names), "measures", progress, unit="feature") as shown:
        found = {name: kernel(table[name], shown.update) for name in names}
    return labelled(found, features, **facts, **cautions)


def labelled(found: Mapping[str, Measured], like: xr.Dataset | xr.DataArray, **facts: Any) -> xr.Dataset:
    """Label what was found in each layer.

    Parameters
    ----------
    found : mapping
        Layer to what was found in it.
    like : Dataset or DataArray (image, ...)
        What it was found in.
    **facts : str, number, list, or what JSON can hold
        Attributes of the result.

    Returns
    -------
    Dataset (image)
        One variable per layer.
    """
    result = xr.Dataset(coords={IMAGE: like[IMAGE].values})
    for name, (values, notes) in found.items():
        attrs = {key: storable(value) for key, value in notes.items()}
        result[name] = xr.DataArray(values, dims=IMAGE, attrs=attrs)
    return stamped(result, like.attrs, n=like.sizes[IMAGE], **facts)


def width_of(layer: xr.DataArray) -> int:
    """Count the features of a layer.

    Parameters
    ----------
    layer : DataArray (image, ...)
        One layer.

    Returns
    -------
    int
        How many numbers it has per image.
    """
    return prod(size for dim, size in layer.sizes.items() if dim != IMAGE)


def called(layer: xr.DataArray) -> listed:
    """Say which layer a message is about.

    Parameters
    ----------
    layer : DataArray (image, ...)
        One layer.

    Returns
    -------
    listed
        `features['NAME']`.
    """
    return listed(f"features[{str(layer.name)!r}]")


def at_least(layer: xr.DataArray, least: int, measure: str) -> None:
    """Refuse fewer images than a measure needs.

    Parameters
    ----------
    layer : DataArray (image, ...)
        One layer.
    least : int
        How many images it takes.
    measure : str
        What is measured.

    Raises
    ------
    ArgumentError
        If there are fewer.
    """
    if layer.sizes[IMAGE] < least:
        found = listed(f"{layer.sizes[IMAGE]}")
        remedy = "Pass more images."
        raise ArgumentError(advice(called(layer), f"hold at least {least} images for {measure}", found, remedy))


def without(names: Iterable[Any], why: str, remedy: str, *, depth: int = 3) -> None:
    """Say which images have no value, to whoever called the measure.

    Parameters
    ----------
    names : iterable
        Their names; nothing is said if there are none.
    why : str
        What they lack, after "they".
    remedy : str
        What to do, a sentence.
    depth : int
        How many calls up the warning points.

    Warns
    -----
    MemfeatWarning
        If there are such images.
    """
    missing = list(names)
    if missing:
        text = f"Images without a value (NaN), {listed.of(missing)}: they {why}. {remedy}"
        warnings.warn(text, MemfeatWarning, stacklevel=depth)
