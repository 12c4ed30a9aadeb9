"""How far an image is from others: its nearest neighbour, some of them, or all."""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple, TypedDict, Unpack

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat import gram, guards
from memfeat._blocks import Tick
from memfeat._check import advice, count, known_options, listed, one_of
from memfeat._labels import IMAGE, as_features
from memfeat.errors import ArgumentError
from memfeat.measures.distances import METRICS, beside, is_rdm, squares
from memfeat.measures.layers import Measured, at_least, called, labelled, per_image

__all__ = ["NeighbourOptions", "density", "distinctiveness"]

Array = npt.NDArray[np.float64]
#: Neighbours that count unless told.
NEIGHBOURS = 5


class NeighbourOptions(TypedDict, total=False):
    """Options of :func:`distinctiveness` and :func:`density`.

    `duplicates` : "count" (the default: an image at distance 0 is a neighbour like others) or "skip" (it is none).
    `progress` : bool or None, whether progress is shown; None shows it when stderr is a terminal.
    """

    duplicates: Literal["count", "skip"]
    progress: bool | None


class _Plan(NamedTuple):
    """What is measured, checked."""

    of: Callable[[Array, int], Array]
    """Distances to neighbours (some, m), infinite where there is none, and k → one number per row."""
    k: int
    metric: str
    context: xr.Dataset | None
    duplicates: str


def _nearest(distances: Array, k: int) -> Array:
    return np.asarray(distances.min(axis=1))


def _k_nearest(distances: Array, k: int) -> Array:
    return np.asarray(np.partition(distances, k - 1, axis=1)[:, :k].mean(axis=1))


def _mean(distances: Array, k: int) -> Array:
    counted = np.isfinite(distances)
    return np.asarray(np.where(counted, distances, 0.0).sum(axis=1) / counted.sum(axis=1))


def _log_density(distances: Array, k: int) -> Array:
    with np.errstate(divide="ignore"):
        return np.asarray(-np.log(np.partition(distances, k - 1, axis=1)[:, k - 1]))


#: kind -> what is taken of the distances to others
KINDS: dict[str, Callable[[Array, int], Array]] = {"nearest": _nearest, "k_nearest": _k_nearest, "mean": _mean}


def distinctiveness(
    features: xr.Dataset | xr.DataArray,
    *,
    kind: str = "nearest",
    k: int | None = None,
    metric: str | None = None,
    context: xr.Dataset | xr.DataArray | None = None,
    **options: Unpack[NeighbourOptions],
) -> xr.Dataset:
    """Measure how far each image is from others.

    Parameters
    ----------
    features : Dataset or DataArray (image, ...)
        Features, one variable per layer, in memory or lazy. Or RDMs, as `mf.rdm.compute` gives them: one RDM then
        serves all kinds.
    kind : {"nearest", "k_nearest", "mean"}
        "nearest": distance to the nearest other image; "k_nearest": mean distance to the k nearest; "mean": mean
        distance to all others.
    k : int, optional
        How many neighbours, for "k_nearest"; 5 unless told.
    metric : {"euclidean", "correlation", "cosine"}, optional
        Which distance; Euclidean unless told. 1 − r over features for "correlation", 1 − cosine for "cosine". RDMs
        have their own.
    context : Dataset or DataArray (image, ...), optional
        Features of further images (fillers), which are neighbours and are not measured.
    **options : optional
        `duplicates` and `progress`, see :class:`NeighbourOptions`.

    Returns
    -------
    Dataset (image)
        One variable per layer, in units of the features ("euclidean") or without unit. The attribute `n_duplicates` of
        a variable counts images with another at distance 0.

    Raises
    ------
    KindError
        If features are not xarray, or not real numbers.
    UnknownNameError
        If there is no option of that name.
    ArgumentError
        If images are not named or named twice, stand in the context too, or have no k neighbours; if a value is NaN or
        infinite, an option is unknown or is for another kind, the context has other layers or features, or the metric
        is not defined for an image.

    Warns
    -----
    RetrainedWarning
        If they are features of the retrained network; `mf.guards.allow` takes it back.

    See Also
    --------
    eccentricity : Distance to the mean of all others.
    typicality : Mean correlation with others.

    Notes
    -----
    The kinds measure different things, and published relations to memory differ in sign between them: images with a
    distant nearest neighbour were remembered better (Lin et al. 2024); a large mean distance went with better memory in
    early layers of a network and with worse in late ones (Koch et al. 2020). Report which.

    An image with an exact copy in the set has a nearest neighbour at distance 0. `duplicates="skip"` leaves copies out
    of everybody's neighbours. Lin et al. dropped the images themselves, which are those at 0.

    Distances come from one Gram matrix of all images, context included, in float64; Euclidean distances so short that
    ‖a‖² + ‖b‖² − 2 a·b has no digits left are computed feature by feature. Memory is that of a matrix of all images by
    all images. "correlation" and "cosine" below 1e-12 are rounding and count as 0.

    References
    ----------
    Lin Q, Li Z, Lafferty J, Yildirim I (2024). Images with harder-to-reconstruct visual representations leave stronger
    memory traces. Nature Human Behaviour, doi:10.1038/s41562-024-01870-3.
    Koch GE, Akpan E, Coutanche MN (2020). Image memorability is predicted by discriminability and similarity in
    different stages of a convolutional neural network. Learning & Memory 27:503-509.

    Examples
    --------
    >>> import xarray as xr
    >>> layer = xr.DataArray([[0.0], [1.0], [5.0]], dims=["image", "fc:unit"], coords={"image": list("abc")}, name="fc")
    >>> distinctiveness(layer)["fc"].values, distinctiveness(layer, kind="mean")["fc"].values
    (array([1., 1., 4.]), array([3. , 2.5, 4.5]))
    """
    one_of("kind", kind, KINDS)
    if k is not None and kind != "k_nearest":
        raise ArgumentError(advice("k", f"be left out with kind={kind!r}", k, "Or pass kind='k_nearest'."))
    neighbours = 1 if kind != "k_nearest" else NEIGHBOURS if k is None else count("k", k)
    said = {"method": "distinctiveness", "kind": kind, "k": neighbours if kind == "k_nearest" else None}
    return _measured(features, (KINDS[kind], neighbours, metric, context), options, said)


def density(
    features: xr.Dataset | xr.DataArray,
    *,
    k: int = NEIGHBOURS,
    metric: str | None = None,
    context: xr.Dataset | xr.DataArray | None = None,
    **options: Unpack[NeighbourOptions],
) -> xr.Dataset:
    """Measure how densely other images lie around each image.

    Parameters
    ----------
    features : Dataset or DataArray (image, ...)
        Features, one variable per layer, in memory or lazy. Or RDMs, as `mf.rdm.compute` gives them.
    k : int
        Up to which neighbour one looks.
    metric : {"euclidean", "correlation", "cosine"}, optional
        As for :func:`distinctiveness`.
    context : Dataset or DataArray (image, ...), optional
        Features of further images (fillers), which are neighbours and are not measured.
    **options : optional
        `duplicates` and `progress`, see :class:`NeighbourOptions`.

    Returns
    -------
    Dataset (image)
        One variable per layer: −log of the distance to the k-th nearest other image, the larger, the denser. The
        attribute `n_duplicates` of a variable counts images with another at distance 0.

    Raises
    ------
    KindError, UnknownNameError
        As :func:`distinctiveness`.
    ArgumentError
        As :func:`distinctiveness`, and if an image has k copies, around which density is infinite.

    Warns
    -----
    RetrainedWarning
        If they are features of the retrained network; `mf.guards.allow` takes it back.

    Notes
    -----
    With n images in d dimensions the density around an image is about k / (n v rᵈ), where r is the distance to the k-th
    neighbour and v the volume of the unit ball (Loftsgaarden and Quesenberry 1965). Its logarithm is d times what is
    given here, plus a constant, whatever d is.

    References
    ----------
    Loftsgaarden DO, Quesenberry CP (1965). A nonparametric estimate of a multivariate density function. Annals of
    Mathematical Statistics 36:1049-1051.

    Examples
    --------
    >>> import xarray as xr
    >>> layer = xr.DataArray([[0.0], [1.0], [5.0]], dims=["image", "fc:unit"], coords={"image": list("abc")}, name="fc")
    >>> density(layer, k=2)["fc"].values.round(3)
    array([-1.609, -1.386, -1.609])
    """
    said = {"method": "density, −log of the distance to the k-th neighbour", "k": count("k", k)}
    return _measured(features, (_log_density, k, metric, context), options, said)


def _measured(features: Any, what: tuple[Any, ...], options: NeighbourOptions, said: dict[str, Any]) -> xr.Dataset:
    """Check options, and measure layers or RDMs."""
    of, k, metric, context = what
    known_options(options, NeighbourOptions)
    duplicates = one_of("duplicates", options.get("duplicates", "count"), ("count", "skip"))
    said |= {"duplicates": duplicates}
    if is_rdm(features):
        _not_of_rdms(features, metric, context)
        plan = _Plan(of, k, str(features.attrs.get("metric", "rdm")), None, duplicates)
        found = {name: _neighbours(square, listed(f"RDM {name!r}"), plan) for name, square in squares(features)}
        return labelled(found, features, metric=plan.metric, **said, **guards.analysis(features))
    others = None if context is None else _others(features, context)
    plan = _Plan(of, k, one_of("metric", "euclidean" if metric is None else metric, METRICS), others, duplicates)
    said |= {"metric": plan.metric, "n_context": None if others is None else others.sizes[IMAGE]}
    return per_image(features, partial(_layer, plan), progress=options.get("progress"), **said)


def _not_of_rdms(rdms: xr.Dataset, metric: str | None, context: Any) -> None:
    """Refuse what is fixed once there are RDMs."""
    own = rdms.attrs.get("metric", "rdm")
    if metric not in (None, own):
        raise ArgumentError(advice("metric", f"be that of the RDMs, {own!r}, or left out", metric, "Or pass features."))
    if context is not None:
        remedy = "Pass features, or RDMs of all images, and select the images that count afterwards."
        raise ArgumentError(advice("context", "be left out with RDMs", listed("further images"), remedy))


def _others(features: Any, context: Any) -> xr.Dataset:
    """Check the images that count as neighbours only."""
    table, others = as_features(features), as_features(context, "context")
    shared = sorted(set(table[IMAGE].values) & set(others[IMAGE].values))
    if shared:
        remedy = "An image would be its own neighbour: context.drop_sel(image=...)."
        raise ArgumentError(
            advice("context", "hold other images than features", listed(f"both in {listed.of(shared)}"), remedy)
        )
    return others


def _layer(plan: _Plan, layer: xr.DataArray, tick: Tick) -> Measured:
    n = layer.sizes[IMAGE]
    if plan.context is None:
        at_least(layer, 2, "distances to others")
    joined = layer if plan.context is None else beside(layer, plan.context)
    return _neighbours(METRICS[plan.metric](joined, tick)[:n], called(layer), plan)


def _neighbours(distances: Array, whose: listed, plan: _Plan) -> Measured:
    """Measure images (n,) by their distances to all (n, m), of which the first n are their own; overwrites them."""
    n, duplicates = len(distances), 0
    values = np.empty(n)
    np.fill_diagonal(distances, np.inf)
    for start in range(0, n, gram.ROWS):
        part = distances[start : start + gram.ROWS]
        duplicates += int((part == 0).any(axis=1).sum())
        if plan.duplicates == "skip":
            part[part == 0] = np.inf
        fewest = int(np.isfinite(part).sum(axis=1).min())
        if fewest < plan.k:
            found = listed(f"an image with {fewest}")
            raise ArgumentError(advice(whose, f"have at least {plan.k} neighbours for every image", found, "Lower k."))
        values[start : start + gram.ROWS] = plan.of(part, plan.k)
    if np.isinf(values).any():
        found, remedy = listed(f"{int(np.isinf(values).sum())} with that many"), "Pass duplicates='skip', or raise k."
        raise ArgumentError(advice(whose, f"have fewer than {plan.k} copies of an image for a density", found, remedy))
    return Measured(values, {"n_duplicates": duplicates})
