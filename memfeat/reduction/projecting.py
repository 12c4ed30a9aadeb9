"""Other images in a space that is there."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat._check import advice, listed, one_of
from memfeat._labels import IMAGE, in_name_order, matched, stamped
from memfeat.errors import ArgumentError
from memfeat.reduction.borrowed import method_of
from memfeat.reduction.distances import euclidean
from memfeat.reduction.factors import nonnegative
from memfeat.reduction.layers import called, check_layer, projected, same_units, whole
from memfeat.reduction.methods import MAPS
from memfeat.reduction.spaces import COMPONENT, Settings

__all__ = ["project"]

Array = npt.NDArray[np.float64]
#: How far a space that is made again may lie from the first one, relative to its size.
SAME = 1e-3


def project(
    space: xr.Dataset, layer: xr.DataArray, *, training: xr.DataArray | None = None, estimator: Any = None
) -> xr.DataArray:
    """Place images in a space that was made from other images.

    Parameters
    ----------
    space : Dataset
        What :func:`embed` gave, or what was saved of it.
    layer : DataArray (image, ...)
        The same layer of other images, in memory or lazy. Where units have names on both sides they are matched by
        name, else by place.
    training : DataArray (image, ...), optional
        For "isomap", "umap" and transformers: the layer that `space` was made of. These are fitted to it again with
        the seed that `space` holds, and must give the same embedding.
    estimator : transformer, optional
        The transformer that `space` was made with, if it was one.

    Returns
    -------
    DataArray (image, component)
        Coordinates in the space.

    Raises
    ------
    KindError
        If the layer is not one DataArray of real numbers.
    ArgumentError
        If `space` is no embedding that takes other images, the layer has other features, a value is NaN or infinite,
        or what is needed to fit the space again is absent or gives another space.

    Notes
    -----
    By the attribute `projection` of the space: "linear" is (x − mean) times `weights`, or `components` where there are
    none; "nonnegative" is the combination of `components` with no negative weight that comes nearest to x; "refitted"
    fits again and calls `transform`. t-SNE and MDS ("none") place no other images: embed all images together.

    Examples
    --------
    >>> import xarray as xr
    >>> values, images = [[0.0, 1.0], [2.0, 1.0], [4.0, 1.0]], ["a", "b", "c"]
    >>> layer = xr.DataArray(values, dims=["image", "fc:unit"], coords={"image": images}, name="fc")
    >>> from memfeat.reduction import embed
    >>> space = embed(layer[:2], n_components=1)
    >>> project(space, layer[2:]).values
    array([[3.]])
    """
    how = _placing(space)
    check_layer(layer)
    points = PLACING[how](space, layer, (training, estimator))
    coords = {IMAGE: layer[IMAGE], COMPONENT: space[COMPONENT]}
    result = xr.DataArray(points, coords, (IMAGE, COMPONENT), name="embedding")
    return stamped(result, space.attrs, method=space.attrs.get("method"), layer=called(layer), projected=True)


def _placing(space: Any) -> str:
    """Read how a space takes other images; one that does not say so is linear."""
    if not isinstance(space, xr.Dataset) or "embedding" not in space:
        remedy = 'Make one with mf.reduction.embed(layer, "pca").'
        raise ArgumentError(advice("space", "be an embedding", listed(type(space).__name__), remedy))
    how = str(space.attrs.get("projection", "linear"))
    if how in ("linear", "nonnegative") and "components" not in space:
        raise ArgumentError(advice("space", "be an embedding with components", listed("one without")))
    if how == "none" or (how == "refitted" and space.attrs.get("distances", "euclidean") != "euclidean"):
        method = space.attrs.get("method")
        found = listed(f"method {method!r}" + (" of an RDM" if how == "refitted" else ""))
        remedy = "Embed all images together, or use pca, isomap or umap of the features."
        raise ArgumentError(advice("space", "be made by a method that takes other images", found, remedy))
    return one_of("space.attrs['projection']", how, PLACING)


def _linear(space: xr.Dataset, layer: xr.DataArray, _: Any) -> Array:
    mean = space["mean"]
    return projected(
        same_units(layer, mean),
        _rows(space, "weights" if "weights" in space else "components"),
        mean.values.reshape(-1),
    )


def _nonnegative(space: xr.Dataset, layer: xr.DataArray, _: Any) -> Array:
    return nonnegative(same_units(layer, space["components"].isel({COMPONENT: 0})), _rows(space, "components"))


def _rows(space: xr.Dataset, name: str) -> Array:
    """Lay components or weights out as (k, p)."""
    values = space[name].transpose(COMPONENT, ...)
    return np.asarray(values.values.reshape(space.sizes[COMPONENT], -1))


def _refitted(space: xr.Dataset, layer: xr.DataArray, given: tuple[Any, Any]) -> Array:
    """Fit again, and see to it that the space is the one that is there."""
    training, estimator = given
    attrs = space.attrs
    if training is None:
        remedy = "Pass training=, the layer that space was made of."
        raise ArgumentError(advice("training", f"be given for a space by {attrs['method']}", training, remedy))
    check_layer(training, "training")
    old = in_name_order(matched(training, space, argument="training", reference="space")).transpose(IMAGE, ...)
    new = same_units(layer, old.isel({IMAGE: 0}, drop=True))
    settings = Settings(
        space.sizes[COMPONENT], int(attrs.get("random_state", 0)), json.loads(attrs.get("options", "{}"))
    )
    name = attrs["method"]
    if name in MAPS:
        among, across = _both(old, new)
        found, place = MAPS[name].fit(among, settings), across
    else:
        if estimator is None or type(estimator).__name__ != name:
            raise ArgumentError(advice("estimator", f"be the transformer that made space, {name}", estimator))
        found, place = method_of(estimator, "estimator").fit(old, settings), whole(new)
    _must_agree(found.points, space["embedding"].sel({IMAGE: old[IMAGE].values}).transpose(IMAGE, COMPONENT).values)
    return np.asarray(found.fitted.transform(place), dtype=np.float64)


def _both(old: xr.DataArray, new: xr.DataArray) -> tuple[Array, Array]:
    """Compute distances among the images of a space (n, n), and of others from them (m, n)."""
    n = old.sizes[IMAGE]
    bare = [part.drop_vars(list(part.coords)) for part in (old, new)]
    together = xr.concat(bare, dim=IMAGE).assign_coords({IMAGE: [f"{i:09d}" for i in range(n + new.sizes[IMAGE])]})
    distances = euclidean(together)
    return distances[:n, :n], distances[n:, :n]


def _must_agree(found: Array, known: Array) -> None:
    gap = float(np.abs(found - known).max()) if found.shape == known.shape else np.inf
    if not gap <= SAME * float(np.abs(known).max()):
        remedy = "Pass the layer and the transformer that space was made with, and the same versions of packages."
        raise ArgumentError(advice("training", "give the embedding that space holds", listed("another one"), remedy))


PLACING: dict[str, Callable[[xr.Dataset, xr.DataArray, tuple[Any, Any]], Array]] = {
    "linear": _linear,
    "nonnegative": _nonnegative,
    "refitted": _refitted,
}
