"""One embedding turned, scaled and shifted onto another."""

from typing import Any

import numpy as np
import xarray as xr
from scipy.linalg import svd

from memfeat._check import advice, finite, listed
from memfeat._labels import IMAGE, image_names, matched, stamped
from memfeat.errors import ArgumentError, KindError
from memfeat.reduction.spaces import COMPONENT

__all__ = ["coordinates", "procrustes"]

OTHER = f"{COMPONENT}_2"


def procrustes(
    first: xr.Dataset | xr.DataArray, second: xr.Dataset | xr.DataArray, *, scale: bool = True
) -> xr.Dataset:
    """Lay one embedding over another of the same images, by the rotation, reflection, scale and shift that fit best.

    Parameters
    ----------
    first : Dataset or DataArray (image, component)
        The embedding that stays, from :func:`embed` or :func:`project`.
    second : Dataset or DataArray (image, component)
        The one that moves: the same images, in any order, in as many components.
    scale : bool
        Whether its size may change.

    Returns
    -------
    Dataset (image, component, component_2)
        `embedding (image, component)`, where the second lies then, in units and image order of the first;
        `rotation (component, component_2)`, orthogonal; `scale`, a factor; `shift (component)`; `disparity`, the share
        of the first's squares that is left: 0 if the two are the same shape, and at most 1 with `scale=True`.

    Raises
    ------
    KindError
        If they are no embeddings.
    ArgumentError
        If images or the number of components differ, a value is NaN or infinite, or all images lie on one spot.

    Notes
    -----
    With A and B centred and A'B = U diag(s) V', the rotation is R = U V', the scale Σs / ‖B‖² and the disparity
    ‖A − scale · B R'‖² / ‖A‖². The result is scale · R b + shift for each image's b in the second.

    References
    ----------
    Gower JC (1975). Generalized Procrustes analysis. Psychometrika 40:33-51.

    Examples
    --------
    >>> import xarray as xr
    >>> points = xr.DataArray([[0.0, 0], [2, 0], [0, 1]], dims=["image", "component"], coords={"image": list("abc")})
    >>> found = procrustes(points, points[:, ::-1] * 3 + 1)
    >>> found["embedding"].values.round(6).tolist(), float(found["scale"].round(6))
    ([[0.0, 0.0], [2.0, 0.0], [0.0, 1.0]], 0.333333)
    """
    fixed, moving = coordinates(first, "first"), coordinates(second, "second")
    moving = matched(moving, fixed, argument="second", reference="first")
    if fixed.shape != moving.shape:
        remedy = "Embed both into the same number, or select: .isel(component=slice(2))."
        found = listed(f"{moving.shape[1]}")
        raise ArgumentError(advice("second", f"have {fixed.shape[1]} components like first", found, remedy))
    centres = fixed.values.mean(axis=0), moving.values.mean(axis=0)
    one, other = fixed.values - centres[0], moving.values - centres[1]
    for name, points in {"first": one, "second": other}.items():
        if not points.any():
            raise ArgumentError(advice(name, "differ between images", listed("all on one spot")))
    left, sizes, right = svd(one.T @ other)
    rotation, factor = left @ right, float(sizes.sum() / (other**2).sum()) if scale else 1.0
    turned = factor * other @ rotation.T
    variables: dict[str, Any] = {
        "embedding": ((IMAGE, COMPONENT), turned + centres[0]),
        "rotation": ((COMPONENT, OTHER), rotation),
        "scale": factor,
        "shift": (COMPONENT, centres[0] - factor * rotation @ centres[1]),
        "disparity": float(((one - turned) ** 2).sum() / (one**2).sum()),
    }
    numbers = np.arange(fixed.shape[1])
    result = xr.Dataset(variables, {IMAGE: fixed[IMAGE].values, COMPONENT: numbers, OTHER: numbers})
    return stamped(result, second.attrs, method="Procrustes", onto=first.attrs.get("method"), n=len(fixed))


def coordinates(space: Any, argument: str) -> xr.DataArray:
    """Read where an embedding puts images.

    Parameters
    ----------
    space : Dataset or DataArray
        From :func:`embed` or :func:`project`.
    argument : str
        What the user calls it.

    Returns
    -------
    DataArray (image, component)
        Coordinates, float64.

    Raises
    ------
    KindError
        If it is no embedding.
    ArgumentError
        If images are not named, or a value is NaN or infinite.
    """
    points = space["embedding"] if isinstance(space, xr.Dataset) and "embedding" in space else space
    if not isinstance(points, xr.DataArray) or set(points.dims) != {IMAGE, COMPONENT} or points.dtype.kind not in "iuf":
        remedy = "Make one with mf.reduction.embed(layer)."
        found = listed(f"dims {points.dims}" if isinstance(points, xr.DataArray) else type(space).__name__)
        raise KindError(advice(argument, "be an embedding (image, component)", found, remedy))
    names = image_names(points, argument)
    ordered = points.transpose(IMAGE, COMPONENT).astype(np.float64)
    finite(argument, ordered.values, list(names))
    return ordered
