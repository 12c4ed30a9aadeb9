"""One Gram matrix per layer: what RDMs, ridge regression, PCA and comparisons of image sets share."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.linalg.blas import dgemv, dsyrk

from memfeat import _blocks, guards
from memfeat._check import one_of
from memfeat._labels import IMAGE, as_features, image_names, layer_names, stamped

__all__ = ["compute", "linear", "squared_distances"]

Array = npt.NDArray[np.float64]
#: Rows of a matrix that are worked on together.
ROWS = 256


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
    Features are read in blocks of at most 512 MB and multiplied as float64, so a lazy layer is never held whole and
    float16 or integer features do not overflow. Images are summed in the order of their names, so that another order
    of images gives the same numbers to the bit.
    """
    return triangle(layer, centre=centre).square()


class Triangle(NamedTuple):
    """Products of every two images, images in the order of their names."""

    products: Array
    """(n, n); only the diagonal and what lies above it is filled."""
    order: npt.NDArray[np.intp]
    """Where in the layer each of these images is."""

    def diagonal(self) -> Array:
        """Give the product of each image with itself, in the layer's own order of images.

        Returns
        -------
        array (n,)
            The products.
        """
        values = np.empty(len(self.order))
        values[self.order] = np.diagonal(self.products)
        return values

    def rows(self) -> Iterator[tuple[int, slice, Array]]:
        """Go through the upper triangle in the layer's own order of images, row by row.

        Yields
        ------
        int
            Number of the row.
        slice
            Where its entries stand in the condensed form.
        array
            Its entries right of the diagonal, not to be written to.
        """
        n, start = len(self.order), 0
        is_sorted = bool((self.order == np.arange(n)).all())
        back = np.argsort(self.order)
        full = self.products if is_sorted else _mirrored(self.products)
        for i in range(n - 1):
            where = slice(start, start + n - 1 - i)
            yield i, where, full[i, i + 1 :] if is_sorted else full[back[i]].take(back[i + 1 :])
            start = where.stop

    def square(self) -> Array:
        """Fill the lower triangle too, and give the matrix in the layer's own order of images.

        Returns
        -------
        array (n, n)
            The products, symmetric to the bit.
        """
        full, back = _mirrored(self.products), np.argsort(self.order)
        return full if (back == np.arange(len(back))).all() else full[np.ix_(back, back)]


def triangle(
    layer: xr.DataArray, *, centre: str = "none", memory: int | None = None, tick: _blocks.Tick | None = None
) -> Triangle:
    """Compute one half of the Gram matrix of one layer, which is all that there is to know.

    Parameters
    ----------
    layer : DataArray (image, ...)
        One layer, in memory or lazy; all dims but `image` are features.
    centre : {"none", "features", "images"}
        What is subtracted first; see :func:`linear`.
    memory : int, optional
        Most bytes of features held at once; 512 MB unless told.
    tick : callable, optional
        Is told the number of features after each block.

    Returns
    -------
    Triangle
        The products.

    Notes
    -----
    The product of a matrix with itself costs half of a product of two, and blocks of features are added to it in place.
    """
    kernel = CENTRES[one_of("centre", centre, CENTRES)]()
    order = name_order(layer)
    products = np.zeros((len(order), len(order)), order="F")
    room = np.empty(0)
    for raw in _blocks.slabs(layer, (IMAGE,), memory, tick):
        block = in_order(raw, order)
        if room.size < block.size:
            room = np.empty(block.size)
        moved = room[: block.size].reshape(block.shape)
        with np.errstate(invalid="ignore", over="ignore"):
            kernel.move(block, moved)
            products = dsyrk(1.0, moved.T, beta=1.0, c=products, trans=1, lower=1, overwrite_c=1)
        if not np.isfinite(np.diagonal(products)).all():
            # all that is known is that something is wrong: centred features carry it to every image
            _blocks.must_be_finite(layer, raw, layer[IMAGE].values)
    kernel.end(products.T)
    return Triangle(products.T, order)


def name_order(layer: xr.DataArray) -> npt.NDArray[np.intp]:
    """Find the order of images by name, in which products are summed.

    Parameters
    ----------
    layer : DataArray (image, ...)
        One layer.

    Returns
    -------
    array (n,) of int
        Position in the layer of each image.
    """
    return np.argsort(image_names(layer, "features").astype(str), kind="stable")


def in_order(block: npt.NDArray[Any], order: npt.NDArray[np.intp]) -> npt.NDArray[Any]:
    """Bring rows into an order.

    Parameters
    ----------
    block : array (n, ...)
        The rows.
    order : array (n,) of int
        Position of each.

    Returns
    -------
    array (n, ...)
        The rows; the same array if they are in that order.
    """
    return block if (order == np.arange(len(order))).all() else block.take(order, axis=0)


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
    for block in _blocks.checked(layer):
        step = max(1, _blocks.SLAB_BYTES // 8 // block.shape[1])
        for start in range(0, len(first), step):
            part = slice(start, start + step)
            gap = np.subtract(block[first[part]], block[second[part]], dtype=np.float64)
            total[part] += np.einsum("ij,ij->i", gap, gap)
    return total


def _mirrored(products: Array) -> Array:
    """Fill the lower triangle from the upper one, in place."""
    for start in range(0, len(products), ROWS):
        here, below = slice(start, start + ROWS), slice(start + ROWS, None)
        products[below, here] = products[here, below].T
        corner = products[here, here]
        corner[:] = np.triu(corner) + np.triu(corner, 1).T
    return products


class _Centre(Protocol):
    """What is subtracted from features before they are multiplied."""

    def move(self, block: npt.NDArray[Any], out: Array) -> None:
        """Write the next features, centred, into `out`."""

    def end(self, products: Array) -> None:
        """Correct the upper triangle of the products, in place."""


class _Plain:
    """Nothing is subtracted."""

    def move(self, block: npt.NDArray[Any], out: Array) -> None:
        np.copyto(out, block, casting="unsafe")

    def end(self, products: Array) -> None:
        pass


class _ByFeature(_Plain):
    """Each feature less its mean over images."""

    def move(self, block: npt.NDArray[Any], out: Array) -> None:
        np.subtract(block, block.mean(axis=0, dtype=np.float64), out=out)


class _ByImage(_Plain):
    """Each image less its mean over features.

    The mean over all features is not known in the first block. Each image is shifted by its mean there, which leaves
    little to subtract at the end; an image whose features are all alike becomes exactly zero.
    """

    def __init__(self) -> None:
        self.shift: Array | None = None
        self.sums: Any = 0.0
        self.width = 0

    def move(self, block: npt.NDArray[Any], out: Array) -> None:
        if self.shift is None:
            first = block[:, :1].astype(np.float64)
            np.subtract(block, first, out=out)
            rest = out.mean(axis=1, keepdims=True)
            np.subtract(out, rest, out=out)
            self.shift = first + rest
        else:
            np.subtract(block, self.shift, out=out)
        # numpy brings another BLAS than scipy, whose threads would wait busily while the next product is computed
        self.sums = self.sums + dgemv(1.0, out.T, np.ones(out.shape[1]), trans=1)
        self.width += out.shape[1]

    def end(self, products: Array) -> None:
        for start in range(0, len(products), ROWS):
            stop = start + ROWS
            products[start:stop, start:] -= np.outer(self.sums[start:stop], self.sums[start:]) / self.width


CENTRES: dict[str, Callable[[], _Centre]] = {"none": _Plain, "features": _ByFeature, "images": _ByImage}
