"""Two patterns beside the images, so that distances keep what is lost between images: magnitude and mean activation."""

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat._check import advice, listed
from memfeat._labels import IMAGE, as_features, image_names, layer_names, stamped
from memfeat._pairs import PAIR
from memfeat.errors import ArgumentError

__all__ = ["CONSTANT", "ZERO", "frame", "framing", "unframe", "unframed"]

Array = npt.NDArray[Any]
#: Names of the two patterns.
ZERO, CONSTANT = "(zero)", "(constant)"


def framing(names: Array) -> Array:
    """Say which names are those of the two patterns.

    Parameters
    ----------
    names : array (n,) of str
        Images.

    Returns
    -------
    array (n,) of bool
        Which are no images.
    """
    return np.isin(names, [ZERO, CONSTANT])


def unframed(names: Array, argument: str) -> None:
    """Refuse RDMs with the two patterns, for functions that would draw them as images.

    Parameters
    ----------
    names : array (n,) of str
        Images.
    argument : str
        What the user calls the RDMs.

    Raises
    ------
    ArgumentError
        If the patterns are among them.
    """
    if framing(names).any():
        remedy = "Leave them out: mf.rdm.select(rdms, names), or use mf.rsa.compare, which keeps them in their place."
        raise ArgumentError(advice(argument, "hold images only", listed("the patterns of mf.rsa.frame"), remedy))


def frame(features: xr.Dataset | xr.DataArray) -> xr.Dataset:
    """Add two patterns to the images, all zeros and all ones, so that distances keep magnitude and mean activation.

    Distances between images do not say how strongly each of them drives a layer, nor how strongly on average; distances
    to these two patterns do. Frame both sides of a comparison, take squared Euclidean RDMs, and compare them;
    :func:`unframe` reads magnitude and mean activation back. The two patterns are far from all images on both sides,
    so that framed RDMs agree without any relation; :func:`compare` and :func:`contrast` therefore leave them in their
    place when images are rearranged, drawn or left out.

    Parameters
    ----------
    features : Dataset or DataArray (image, ...)
        Features, one variable per layer, in memory or lazy.

    Returns
    -------
    Dataset (image, ...)
        The same features, and images named "(zero)" and "(constant)"; coordinates along `image` are left out.

    Raises
    ------
    KindError
        If features are not xarray.
    ArgumentError
        If images of these names are there already.

    Examples
    --------
    >>> import xarray as xr
    >>> layer = xr.DataArray([[3.0, 4.0], [0.0, 1.0]], dims=["image", "fc:unit"], name="fc")
    >>> frame(layer.assign_coords(image=["a", "b"]))["fc"].values.tolist()
    [[3.0, 4.0], [0.0, 1.0], [0.0, 0.0], [1.0, 1.0]]
    """
    table = as_features(features)
    names = table[IMAGE].values
    taken = sorted({ZERO, CONSTANT} & set(map(str, names)))
    if taken:
        raise ArgumentError(advice("features", "be framed once", listed(f"images {', '.join(taken)}")))
    wider = np.array([*map(str, names), ZERO, CONSTANT], dtype=object)
    framed = {}
    for name in layer_names(table):
        layer = table[name].reset_coords(drop=True).drop_vars(IMAGE)
        row = layer.isel({IMAGE: [0]})
        framed[name] = xr.concat([layer, xr.zeros_like(row), xr.ones_like(row)], dim=IMAGE)
    return xr.Dataset(framed, coords={IMAGE: wider}, attrs=dict(features.attrs))


def unframe(rdms: xr.Dataset) -> xr.Dataset:
    """Read magnitude and mean activation of each image back from squared Euclidean RDMs of framed features.

    Parameters
    ----------
    rdms : Dataset (..., pair)
        Squared Euclidean RDMs of what :func:`frame` gave.

    Returns
    -------
    Dataset (..., image)
        `magnitude`, the length of each image's features, and `mean_activation`, their mean, in units of the features.

    Raises
    ------
    KindError
        If these are no RDMs.
    ArgumentError
        If the two patterns are not among the images, or distances are not squared Euclidean.

    Notes
    -----
    With d the squared distances, p = d(zero, constant) features: ‖a‖² = d(a, zero) and
    mean a = (‖a‖² + p − d(a, constant)) / 2p.
    """
    names = image_names(rdms, "rdms").astype(str)
    missing = sorted({ZERO, CONSTANT} - set(names))
    if missing:
        remedy = "Make them with mf.rdm.compute(mf.rsa.frame(features), metric='sqeuclidean')."
        raise ArgumentError(advice("rdms", "hold the patterns of frame", listed(f"no {', '.join(missing)}"), remedy))
    if rdms.attrs.get("metric") != "sqeuclidean":
        remedy = "Use mf.rdm.compute(..., metric='sqeuclidean')."
        found = listed(f"metric {rdms.attrs.get('metric')!r}")
        raise ArgumentError(advice("rdms", "be squared Euclidean", found, remedy))
    values = rdms["rdm"].transpose(..., PAIR)
    zero, constant = (_row(values, rdms, int(np.flatnonzero(names == name)[0])) for name in (ZERO, CONSTANT))
    images = np.flatnonzero(~framing(names))
    size = zero[..., np.flatnonzero(names == CONSTANT)]
    squares = np.clip(zero[..., images], 0, None)
    mean = (squares + size - constant[..., images]) / (2 * size)
    dims = (*values.dims[:-1], IMAGE)
    coords: dict[Any, Any] = {
        name: c for name, c in values.coords.items() if PAIR not in c.dims and IMAGE not in c.dims
    }
    coords[IMAGE] = rdms[IMAGE].values[images]
    result = xr.Dataset({"magnitude": (dims, np.sqrt(squares)), "mean_activation": (dims, mean)}, coords=coords)
    return stamped(result, rdms.attrs, method="read from framed RDMs")


def _row(values: xr.DataArray, rdms: xr.Dataset, position: int) -> Array:
    """Distances of one image to all (..., image)."""
    first, second = rdms["first"].values, rdms["second"].values
    out = np.zeros((*values.shape[:-1], rdms.sizes[IMAGE]))
    for one, other in ((first, second), (second, first)):
        mine = one == position
        out[..., other[mine]] = values.values[..., mine]
    return out
