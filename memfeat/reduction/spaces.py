"""What a method finds, and its labels."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat._labels import IMAGE

__all__ = ["COMPONENT", "Settings", "Space", "labelled"]

Array = npt.NDArray[np.float64]
COMPONENT = "component"


class Settings(NamedTuple):
    """What a method is told."""

    n_components: int
    random_state: int
    options: Mapping[str, Any]


class Space(NamedTuple):
    """An embedding and, if there is such a thing, what puts new images into it; the p features in C order."""

    points: Array  # (n, k)
    components: Array | None = None  # (k, p), what a component looks like in features
    mean: Array | None = None  # (p,), what is subtracted first
    weights: Array | None = None  # (k, p), what centred features are multiplied with; the components if None
    ratio: Array | None = None  # (k,), share of variance
    noise: Array | None = None  # (p,), variance that no component explains
    converged: bool | None = None  # None where the method does not say
    facts: Mapping[str, float] = {}
    fitted: Any = None  # has transform(distances to the training images), for maps of distances


def labelled(space: Space, like: xr.DataArray | xr.Dataset) -> xr.Dataset:
    """Name what was found; images in the order of the layer.

    Parameters
    ----------
    space : Space
        What a method found.
    like : DataArray (image, ...) or Dataset (pair)
        The layer, with `image` first, or RDMs.

    Returns
    -------
    Dataset (image, component, ...)
        The same, with coordinates of images and features.
    """
    dims, shape = (like.dims[1:], like.shape[1:]) if isinstance(like, xr.DataArray) else ((), ())
    shared = {*dims, IMAGE} if space.components is not None else {IMAGE}
    kept = {name: coord for name, coord in like.coords.items() if coord.dims and set(coord.dims) <= shared}
    variables: dict[str, Any] = {"embedding": ((IMAGE, COMPONENT), space.points)}
    for name, values in {"components": space.components, "weights": space.weights}.items():
        if values is not None:
            variables[name] = ((COMPONENT, *dims), values.reshape(-1, *shape))
    if space.ratio is not None:
        variables["explained_variance_ratio"] = (COMPONENT, space.ratio)
    for name, values in {"mean": space.mean, "noise_variance": space.noise}.items():
        if values is not None:
            variables[name] = (dims, values.reshape(shape))
    return xr.Dataset(variables, {**kept, COMPONENT: np.arange(space.points.shape[1])})
