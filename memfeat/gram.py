"""One Gram matrix per layer: what RDMs, ridge regression, PCA and comparisons of image sets share."""

from collections.abc import Callable, Iterator
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat import guards
from memfeat._check import advice, finite, listed, one_of
from memfeat._labels import IMAGE, as_features, image_names, layer_names, stamped
from memfeat.errors import ArgumentError, KindError

__all__ = ["compute", "linear", "squared_distances"]

Array = npt.NDArray[np.float64]
#: Most bytes of features that are held as float64 at once.
BLOCK_BYTES = 2**28


def compute(features: xr.Dataset | xr.DataArray, *, centre: str = "none") -> xr.Dataset:
    """Compute the Gram matrix of each layer: the inner product of every two images.

    Parameters
    ----------
    features : Dataset or DataArray (image, ...)
        Features, one variable per layer, in memory or lazy.
    centre : {"none", "features", "images"}
        What is subtracted first; see :func:`linear`.

    Returns
    -------
    Dataset (image, image_2)
        One variable per layer, float64, in squared units of the features. `image_2` repeats the names of `image`.

    Raises
    ------
    KindError
        If features are not xarray, or not real numbers.
    ArgumentError
        If images are not named, a value is NaN or infinite, or `centre` is unknown.

    Warns
    -----
    RetrainedWarning
        If they are features of the retrained network; `mf.guards.allow` takes it back.

    See Also
    --------
    linear : The same for one layer, without labels.

    Examples
    --------
    >>> import xarray as xr
    >>> layer = xr.DataArray([[3.0, 4.0], [1.0, 0.0]], dims=["image", "fc:unit"], coords={"image": ["a", "b"]})
    >>> compute(layer.rename("fc"))["fc"].values
    array([[25.,  3.],
           [ 3.,  1.]])
    """
    table = as_features(features)
    names, facts = table[IMAGE].values, guards.analysis(features)
    dims = (IMAGE, f"{IMAGE}_2")
    grams = {name: (dims, linear(table[name], centre=centre)) for name in layer_names(table)}
    result = xr.Dataset(grams, coords=dict.fromkeys(dims, names) | {dims[1]: (dims[1], names)})
    return stamped(result, features.attrs, method="linear Gram matrix", centre=centre, **facts)


def linear(layer: xr.DataArray, *, centre: str = "none") -> Array:
    """Compute the Gram matrix X Xᵀ of one layer.

    Parameters
    ----------
    layer : DataArray (image, ...)
        One layer, in memory or lazy; all dims but `image` are features.
    centre : {"none", "features", "images"}
        "none" takes the features as they are, "features" subtracts from each feature its mean over images, "images"
        subtracts from each image its mean over features.

    Returns
    -------
    array (n, n)
        Float64, symmetric to the bit, in the layer's own order of images.

    Raises
    ------
    KindError
        If the layer holds no real numbers.
    ArgumentError
        If images are not named, a value is NaN or infinite, or `centre` is unknown.

    Notes
    -----
    Features are read and turned into float64 in blocks of at most 256 MB, so a lazy layer is never held whole and
    float16 or integer features do not overflow. Images are summed in the order of their names, so that another order
    of images gives the same numbers to the bit.
    """
    names = image_names(layer, "features").astype(str)
    kernel = CENTRES[one_of("centre", centre, CENTRES)]
    order = np.argsort(names, kind="stable")
    gram = kernel(block[order] for block in _blocks(layer))
    back = np.argsort(order)
    return gram[np.ix_(back, back)]


def squared_distances(layer: xr.DataArray, first: npt.NDArray[Any], second: npt.NDArray[Any]) -> Array:
    """Compute squared Euclidean distances of some pairs of images directly, feature by feature.

    For pairs so close that ‖a‖² + ‖b‖² − 2 a·b has no digits left.

    Parameters
    ----------
    layer : DataArray (image, ...)
        One layer, in memory or lazy.
    first, second : array (k,) of int
        Positions of the images of each pair.

    Returns
    -------
    array (k,)
        Σ (a − b)² over features, in squared units of the features.
    """
    total = np.zeros(len(first))
    for block in _blocks(layer):
        step = max(1, BLOCK_BYTES // 8 // block.shape[1])
        for start in range(0, len(first), step):
            part = slice(start, start + step)
            gap = block[first[part]] - block[second[part]]
            total[part] += np.einsum("ij,ij->i", gap, gap)
    return total


def _blocks(layer: xr.DataArray) -> Iterator[Array]:
    """Yield the layer as images by features, float64, some features at a time."""
    argument = f"features[{str(layer.name)!r}]"
    if not layer.size:
        raise ArgumentError(advice(argument, "hold at least one image and one feature", listed(f"shape {layer.shape}")))
    if layer.dtype.kind not in "iufb":
        raise KindError(advice(argument, "hold real numbers", listed(f"dtype {layer.dtype}")))
    ordered, names = layer.transpose(IMAGE, ...), list(layer[IMAGE].values)
    most = max(1, BLOCK_BYTES // 8 // max(1, ordered.sizes[IMAGE]))
    for part in _parts(ordered, most):
        block = np.asarray(part.values, dtype=np.float64).reshape(len(names), -1)
        with np.errstate(invalid="ignore", over="ignore"):
            total = block.sum(axis=1)
        finite(argument, total, names, remedy="Drop or mend these images.")
        yield block


def _parts(layer: xr.DataArray, most: int) -> Iterator[xr.DataArray]:
    """Cut a layer along its feature dims, so that no part has more than `most` features."""
    if prod(layer.shape[1:]) <= most:
        yield layer
        return
    dim, inner = layer.dims[1], prod(layer.shape[2:])
    step = max(1, most // inner)
    for start in range(0, layer.sizes[dim], step):
        part = layer.isel({dim: slice(start, start + step)})
        yield from _parts(part.isel({dim: 0}) if inner > most else part, most)


def _plain(blocks: Iterator[Array]) -> Array:
    """Sum X Xᵀ over blocks of features."""
    total: Array = sum((block @ block.T for block in blocks), start=np.zeros(1))
    upper: Array = np.triu(total)
    return upper + np.triu(total, 1).T


def _feature_centred(blocks: Iterator[Array]) -> Array:
    """Sum X Xᵀ, each feature less its mean over images."""
    return _plain(block - block.mean(axis=0) for block in blocks)


def _image_centred(blocks: Iterator[Array]) -> Array:
    """Sum X Xᵀ, each image less its mean over features.

    The mean over all features is not known in the first block. Each image is shifted by its mean there, which leaves
    little to subtract at the end; an image whose features are all alike becomes exactly zero.
    """
    shift: Array | None = None
    sums, width = 0.0, 0

    def shifted() -> Iterator[Array]:
        nonlocal shift, sums, width
        for block in blocks:
            if shift is None:
                shift = block[:, :1] + (block - block[:, :1]).mean(axis=1, keepdims=True)
            moved = block - shift
            sums, width = sums + moved.sum(axis=1), width + moved.shape[1]
            yield moved

    total = _plain(shifted())
    return total - np.outer(sums, sums) / width


CENTRES: dict[str, Callable[[Iterator[Array]], Array]] = {
    "none": _plain,
    "features": _feature_centred,
    "images": _image_centred,
}
