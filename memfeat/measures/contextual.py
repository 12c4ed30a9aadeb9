"""How unlikely an image is in view of the other images of its context."""

from collections.abc import Mapping
from numbers import Real
from typing import Any, Literal, NamedTuple, TypedDict, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy.linalg import eigh
from scipy.spatial.distance import cdist

from memfeat import gram
from memfeat._blocks import Tick
from memfeat._check import advice, count, known_options, listed, one_of
from memfeat._columns import word
from memfeat._labels import IMAGE, as_features, layer_names
from memfeat.errors import ArgumentError, KindError
from memfeat.measures.densities import KERNELS, likeliest, log_densities
from memfeat.measures.layers import Measured, called, per_image
from memfeat.stats.exchange import grouping

__all__ = ["DensityOptions", "contextual_distinctiveness"]

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
#: Variance below this share of the largest, and spread below this share of the largest coordinate, is rounding.
NEGLIGIBLE, SPREAD = 1e-10, 1e-9
#: What to do about a context that does not fit, and about a bandwidth that cannot be.
SAME = "Extract the same layers, with the same reduction, for these images."
CHOSEN = "Leave it out, and the likeliest is taken."


class DensityOptions(TypedDict, total=False):
    """Options of :func:`memfeat.measures.contextual_distinctiveness`.

    `kernel` : "epanechnikov" (default) or "gaussian", how the nearness of another image counts.
    `n_components` : int, of how many principal components the space is made (default 10).
    `bandwidth` : float, reach of the kernel in units of the scaled space; by default that under which images are
    likeliest in view of the others, for each layer and group.
    """

    kernel: Literal["epanechnikov", "gaussian"]
    n_components: int
    bandwidth: float | None


class _Density(NamedTuple):
    """How a density is estimated, checked."""

    kernel: str
    n_components: int
    bandwidth: float | None


def contextual_distinctiveness(
    features: xr.Dataset | xr.DataArray,
    *,
    context: xr.Dataset | xr.DataArray | None = None,
    groups: xr.DataArray | pd.Series | None = None,
    progress: bool | None = None,
    **options: Unpack[DensityOptions],
) -> xr.Dataset:
    """Measure how unlikely each image is among the others: −log p, after Bylinskii et al. (2015).

    Parameters
    ----------
    features : Dataset or DataArray (image, ...)
        Features, one variable per layer, in memory or lazy.
    context : Dataset or DataArray (image, ...), optional
        The same layers of further images that were seen among those of `features`, such as fillers. They get no value
        of their own.
    groups : DataArray (image) or pandas.Series, optional
        The category of each image, those of `context` included: p is then that of an image in its own category.
    progress : bool, optional
        Show a progress bar; by default when stderr is a terminal.
    **options : kernel, n_components, bandwidth
        How the density is estimated, see :class:`DensityOptions`.

    Returns
    -------
    Dataset (image)
        −log p in nats, one variable per layer; the larger, the more distinctive. Always finite; negative where the
        density exceeds 1. The attribute `bandwidth` of a variable holds h, with groups one for each as JSON.

    Raises
    ------
    KindError
        If features are not xarray, or not real numbers, or an option is of another kind.
    UnknownNameError
        If there is no option of that name.
    ArgumentError
        If images are not named, or are in both `features` and `context`; a value is NaN or infinite; the context has
        other features; images differ in fewer directions than components are asked for; a group has one image, or
        copies only; or an image has no other within the `bandwidth` that was given, where −log p would be infinite.

    Warns
    -----
    RetrainedWarning
        If they are features of the retrained network; `mf.guards.allow` takes it back.

    Notes
    -----
    Each layer is centred and reduced to its first principal components over all images, and all coordinates are scaled
    alike, so that the smallest is 0 and the largest 1; components, scale and bandwidth know of image i. The density at
    image i is

        pᵢ = Σⱼ K(‖xᵢ − xⱼ‖ / h) / ((m − 1) hᵈ)

    over the other images j of its context of m images, in d dimensions. K depends on the distance alone and integrates
    to 1: the Epanechnikov kernel is proportional to 1 − u² up to u = 1 and zero beyond, the Gaussian to exp(−u²/2). The
    bandwidth h maximises Σ log pᵢ. With the Epanechnikov kernel it must then reach from every image to another: one far
    outlier makes it large for all, which matters less with the Gaussian.

    The published code lets each image count in its own density. This adds the same to the sum of every image, so that
    their order is the same at the same h.

    The mean of −log p over a category, with `groups`, is the category's entropy. The difference between the results
    without and with `groups` says how much more an image stands out among all than in its category.

    References
    ----------
    Bylinskii Z, Isola P, Bainbridge C, Torralba A, Oliva A (2015). Intrinsic and extrinsic effects on image
    memorability. Vision Research 116:165-178.

    Examples
    --------
    >>> import xarray as xr
    >>> layer = xr.DataArray([[0.0], [1], [4]], dims=["image", "fc:unit"], coords={"image": ["a", "b", "c"]})
    >>> contextual_distinctiveness(layer.rename("fc"), n_components=1, bandwidth=1.0)["fc"].values.round(4)
    array([1.0454, 0.6624, 1.8075])
    """
    density = _density(options)
    table = as_features(features)
    others = None if context is None else _others(as_features(context, "context"), table)
    names = table[IMAGE].values if others is None else np.concatenate([table[IMAGE].values, others[IMAGE].values])
    order = np.argsort(names.astype(str), kind="stable")
    parts = _parts(groups, names[order])

    def surprise(layer: xr.DataArray, tick: Tick) -> Measured:
        whole = layer if others is None else _joined(layer, others[layer.name], names)
        found, reach = _surprise(_points(whole, density.n_components, tick), parts, density, called(layer))
        values = np.empty(len(order))
        values[order] = found
        return Measured(values[: layer.sizes[IMAGE]], {"bandwidth": reach["all"] if groups is None else reach})

    chosen = "leave-one-out likelihood" if density.bandwidth is None else "given"
    how: dict[str, Any] = {"density": density.kernel, "n_components": density.n_components, "bandwidth_by": chosen}
    words: dict[str, Any] = {"method": "contextual distinctiveness", "unit": "nat", "n_context": len(names)}
    grouped = None if groups is None else str(groups.name if groups.name is not None else "groups")
    return per_image(features, surprise, progress=progress, **words, **how, groups=grouped)


def _surprise(
    points: Array, parts: Mapping[str, Indices], density: _Density, layer: listed
) -> tuple[Array, dict[str, float]]:
    """Compute −log p (n,) of each point in its own part, and the bandwidth of each part."""
    values, reach, kernel = np.empty(len(points)), {}, KERNELS[density.kernel]
    for name, members in parts.items():
        squared = cdist(points[members], points[members], "sqeuclidean")
        np.fill_diagonal(squared, np.inf)
        if density.bandwidth is None and not squared.min(axis=1).any():
            found = listed(f"copies only in {name!r}" if len(parts) > 1 else "copies only")
            raise ArgumentError(advice(layer, "differ between images", found, "Drop the copies, or pass bandwidth=."))
        reach[name] = density.bandwidth or likeliest(squared, points.shape[1], kernel)
        values[members] = -log_densities(squared, reach[name], points.shape[1], kernel)
        if np.isinf(values[members]).any():
            _too_short(values[members], squared, layer, reach[name])
    return values, reach


def _too_short(values: Array, squared: Array, layer: listed, bandwidth: float) -> None:
    least = float(np.sqrt(squared.min(axis=1).max()))
    rule = f"exceed {least:.4g}, so that each image of {layer} has another within reach"
    remedy = f"{np.isinf(values).sum()} of {len(values)} have none. Leave it out, or take kernel='gaussian'."
    raise ArgumentError(advice("bandwidth", rule, bandwidth, remedy))


def _points(layer: xr.DataArray, n_components: int, tick: Tick) -> Array:
    """Place images (n, k), in the order of their names, on the layer's first principal components, between 0 and 1."""
    products = gram.triangle(layer, centre="features", tick=tick).products
    size = len(products)
    first = max(size - n_components, 0)
    values, vectors = eigh(products, lower=False, subset_by_index=(first, size - 1), overwrite_a=True)
    rank = min(int((values > NEGLIGIBLE * values[-1]).sum()), size - 1) if values[-1] > 0 else 0
    if rank < n_components:
        rule = f"be at most {rank}, the number of directions in which the images of {called(layer)} differ"
        remedy = "Lower it, add images, or leave this layer out."
        raise ArgumentError(advice("n_components", rule, n_components, remedy))
    placed = vectors * np.sqrt(values)
    # a component may as well point the other way; the image that lies farthest out settles it
    placed *= np.sign(placed[np.abs(placed).argmax(axis=0), np.arange(n_components)])
    span = float(np.ptp(placed))
    if span <= SPREAD * np.abs(placed).max():
        raise ArgumentError(
            advice(called(layer), "differ between images", listed("all alike"), "Leave this layer out.")
        )
    return np.asarray((placed - placed.min()) / span)


def _others(context: xr.Dataset, table: xr.Dataset) -> xr.Dataset:
    """Check the images of the context."""
    both = sorted(set(map(str, table[IMAGE].values)) & set(map(str, context[IMAGE].values)))
    if both:
        remedy = "Drop them from context."
        raise ArgumentError(advice("context", "hold other images than features", listed.of(both), remedy))
    absent = [name for name in layer_names(table) if name not in layer_names(context)]
    if absent:
        found = listed(f"none of {listed.of(absent)}")
        raise ArgumentError(advice("context", "hold all layers of features", found, SAME))
    return context


def _joined(layer: xr.DataArray, more: xr.DataArray, names: npt.NDArray[Any]) -> xr.DataArray:
    """Put the images of both under each other, in memory or lazy as they are."""
    first, second = (one.transpose(IMAGE, ...).drop_vars(list(one.coords)) for one in (layer, more))
    if first.dims != second.dims or first.shape[1:] != second.shape[1:]:
        shapes = [listed(f"{dict(zip(one.dims[1:], one.shape[1:], strict=True))}") for one in (first, second)]
        raise ArgumentError(advice("context", f"have the features of {called(layer)}, {shapes[0]}", shapes[1], SAME))
    return xr.concat([first, second], dim=IMAGE).assign_coords({IMAGE: names}).rename(layer.name)


def _parts(groups: Any, names: npt.NDArray[Any]) -> dict[str, Indices]:
    """Say which images are each other's context, by the name of the group."""
    if groups is None:
        return {"all": np.arange(len(names))}
    numbers = grouping(groups, to=xr.DataArray(names, {IMAGE: names}, IMAGE), argument="groups").values
    members = [np.flatnonzero(numbers == number) for number in range(int(numbers.max()) + 1)]
    alone = [str(names[part[0]]) for part in members if len(part) == 1]
    if alone:
        found, remedy = listed(f"one image, {listed.of(alone)}"), "Drop these images, or merge groups."
        raise ArgumentError(advice("groups", "have at least two images each", found, remedy))
    labels = groups if isinstance(groups, pd.Series) else groups.to_series()
    kinds = dict(zip(map(word, labels.index), labels, strict=True))
    return {str(kinds[word(names[part[0]])]): part for part in members}


def _density(options: DensityOptions) -> _Density:
    """Check options, and fill in what is usual."""
    known_options(options, DensityOptions)
    kernel = one_of("kernel", options.get("kernel", "epanechnikov"), KERNELS)
    size, bandwidth = count("n_components", options.get("n_components", 10)), options.get("bandwidth")
    if bandwidth is None:
        return _Density(kernel, size, None)
    if isinstance(bandwidth, bool) or not isinstance(bandwidth, Real):
        raise KindError(advice("bandwidth", "be a number", bandwidth, CHOSEN))
    if not 0 < float(bandwidth) < np.inf:
        raise ArgumentError(advice("bandwidth", "be above 0 and finite", bandwidth, CHOSEN))
    return _Density(kernel, size, float(bandwidth))
