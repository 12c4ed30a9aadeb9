"""How strongly a layer responds to an image, and how few of its units do."""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat import _blocks
from memfeat._check import advice, one_of
from memfeat._labels import IMAGE, dimension
from memfeat.errors import ArgumentError, MemfeatWarning
from memfeat.measures.layers import Measured, called, per_image, width_of, without

__all__ = ["hoyer", "magnitude", "sparseness", "treves_rolls"]

Array = npt.NDArray[np.float64]


class _Sums(NamedTuple):
    """Sums over the features of each image, (n,)."""

    total: Array
    absolute: Array
    squares: Array
    lowest: float
    """The smallest feature of any image."""
    width: int


#: norm -> how it follows from sums over features
NORMS: dict[str, Callable[[_Sums], Array]] = {
    "l2": lambda sums: np.sqrt(sums.squares),
    "l1": lambda sums: sums.absolute,
    "mean": lambda sums: sums.total / sums.width,
}


def magnitude(features: xr.Dataset | xr.DataArray, *, norm: str = "l2", progress: bool | None = None) -> xr.Dataset:
    """Measure how strongly each layer responds to each image.

    Parameters
    ----------
    features : Dataset or DataArray (image, ...)
        Features, one variable per layer, in memory or lazy. What `mf.extract(..., reduce="magnitude")` measured while
        the network ran is taken as it is.
    norm : {"l2", "l1", "mean"}
        "l2": root of the sum of squares; "l1": sum of absolute values; "mean": mean over features.
    progress : bool, optional
        Show a progress bar; by default when stderr is a terminal.

    Returns
    -------
    Dataset (image)
        One variable per layer, in units of the features. The attribute `rectified` of a variable says whether none of
        the layer's features lies below zero; it is absent where the network has summed features up already.

    Raises
    ------
    KindError
        If features are not xarray, or not real numbers.
    ArgumentError
        If images are not named or named twice, a value is NaN or infinite, or `norm` is unknown.

    Warns
    -----
    MemfeatWarning
        If `norm` is "mean" and features lie below zero, so that they cancel each other.
    RetrainedWarning
        If they are features of the retrained network; `mf.guards.allow` takes it back.

    See Also
    --------
    memfeat.rsa.split : How much of the distances between images is their magnitude.

    Notes
    -----
    Response magnitude is about rates of firing, which are zero or more: take layers after a ReLU. Of others, the length
    says how far responses lie from zero on either side. Features that were averaged over space (`reduce="mean"`) give
    the magnitude of these averages; the whole output is measured by `reduce="magnitude"`, in float32.

    References
    ----------
    Jaegle A, Mehrpour V, Mohsenzadeh Y, Meyer T, Oliva A, Rust N (2019). Population response magnitude variation in
    inferotemporal cortex predicts image memorability. eLife 8:e47596.

    Examples
    --------
    >>> import xarray as xr
    >>> layer = xr.DataArray([[3.0, 4.0], [0.0, 1.0]], dims=["image", "relu:unit"], name="relu")
    >>> magnitude(layer.assign_coords(image=["a", "b"]))["relu"].values
    array([5., 1.])
    """
    one_of("norm", norm, NORMS)
    result = per_image(features, partial(_magnitude, norm), progress=progress, method="response magnitude", norm=norm)
    mixed = [name for name, layer in result.items() if layer.attrs.get("rectified") == "false"]
    if norm == "mean" and mixed:
        text = (
            f"Responses above and below zero cancel in the mean of {', '.join(map(repr, mixed))}. "
            "Take layers after a ReLU, or norm='l2' or 'l1'."
        )
        warnings.warn(text, MemfeatWarning, stacklevel=2)
    return result


def sparseness(
    features: xr.Dataset | xr.DataArray, *, method: str = "treves_rolls", progress: bool | None = None
) -> xr.Dataset:
    """Measure how few of a layer's units make its response to each image.

    Parameters
    ----------
    features : Dataset or DataArray (image, ...)
        Features, one variable per layer, in memory or lazy.
    method : {"treves_rolls", "hoyer"}
        Which index.
    progress : bool, optional
        Show a progress bar; by default when stderr is a terminal.

    Returns
    -------
    Dataset (image)
        One variable per layer, without unit: 0 if all units respond alike, 1 if a single one does, NaN if none does.
        The attribute `rectified` of a variable says whether none of the layer's features lies below zero.

    Raises
    ------
    KindError
        If features are not xarray, or not real numbers.
    ArgumentError
        If images are not named or named twice, a value is NaN or infinite, a layer has a single feature, or `method` is
        unknown.

    Warns
    -----
    MemfeatWarning
        If no unit of a layer responds to some images, which are named.
    RetrainedWarning
        If they are features of the retrained network; `mf.guards.allow` takes it back.

    See Also
    --------
    treves_rolls, hoyer : The same while a network runs.

    Notes
    -----
    Of n units with absolute responses rₖ:

    - treves_rolls: (1 − a) / (1 − 1/n) with a = (Σ rₖ / n)² / (Σ rₖ² / n), the activity ratio of Treves and Rolls,
      turned so that it grows with sparseness (Vinje and Gallant 2000)
    - hoyer: (√n − Σ rₖ / √Σ rₖ²) / (√n − 1)

    Both rest on the same ratio of norms, so that they put images of a layer in the same order. Neither depends on how
    strong responses are. They are about rates of firing: take layers after a ReLU.

    References
    ----------
    Treves A, Rolls ET (1991). What determines the capacity of autoassociative memories in the brain? Network 2:371-397.
    Vinje WE, Gallant JL (2000). Sparse coding and decorrelation in primary visual cortex during natural vision. Science
    287:1273-1276.
    Hoyer PO (2004). Non-negative matrix factorization with sparseness constraints. Journal of Machine Learning Research
    5:1457-1469.

    Examples
    --------
    >>> import xarray as xr
    >>> layer = xr.DataArray([[2.0, 0, 0, 0], [1, 1, 1, 1]], dims=["image", "relu:unit"], name="relu")
    >>> sparseness(layer.assign_coords(image=["a", "b"]), method="hoyer")["relu"].values
    array([1., 0.])
    """
    one_of("method", method, INDICES)
    result = per_image(features, partial(_sparseness, method), progress=progress, method="sparseness", index=method)
    for name, values in result.items():
        silent = values[IMAGE].values[np.isnan(values.values)]
        without(silent, f"leave all units of {name!r} at zero", 'Drop them before you go on: .dropna("image").')
    return result


def treves_rolls(output: Any) -> Array:
    """Measure sparseness while a network runs: `mf.extract(..., reduce=mf.measures.treves_rolls)`.

    Parameters
    ----------
    output : Tensor (n, ...)
        The output of a layer.

    Returns
    -------
    array (n,)
        Sparseness after Treves and Rolls, as :func:`sparseness` gives it; NaN where all units are at zero.
    """
    return _treves_rolls(*_online(output))


def hoyer(output: Any) -> Array:
    """Measure sparseness while a network runs: `mf.extract(..., reduce=mf.measures.hoyer)`.

    Parameters
    ----------
    output : Tensor (n, ...)
        The output of a layer.

    Returns
    -------
    array (n,)
        Sparseness after Hoyer, as :func:`sparseness` gives it; NaN where all units are at zero.
    """
    return _hoyer(*_online(output))


def _treves_rolls(l1: Array, l2: Array, n: int) -> Array:
    with np.errstate(invalid="ignore"):
        return np.asarray((1 - (l1 / l2) ** 2 / n) / (1 - 1 / n))


def _hoyer(l1: Array, l2: Array, n: int) -> Array:
    with np.errstate(invalid="ignore"):
        return np.asarray((np.sqrt(n) - l1 / l2) / (np.sqrt(n) - 1))


#: method -> the index, from both norms of each image and the number of units
INDICES: dict[str, Callable[[Array, Array, int], Array]] = {"treves_rolls": _treves_rolls, "hoyer": _hoyer}


def _online(output: Any) -> tuple[Array, Array, int]:
    """Take both norms where the tensor is, and bring them here."""
    values = output.flatten(1).float()
    l1, l2 = (values.norm(p=order, dim=1).cpu().double().numpy() for order in (1, 2))
    return l1, l2, values.shape[1]


def _magnitude(norm: str, layer: xr.DataArray, tick: _blocks.Tick) -> Measured:
    statistic = dimension(str(layer.name), "statistic")
    summed = [str(one) for one in layer[statistic].values] if statistic in layer.coords else []
    if norm in summed:
        chosen = layer.isel({statistic: [summed.index(norm)]})
        return Measured(next(_blocks.checked(chosen, tick=tick))[:, 0].astype(np.float64))
    sums = _sums(layer, tick)
    return Measured(NORMS[norm](sums), {"rectified": sums.lowest >= 0})


def _sparseness(method: str, layer: xr.DataArray, tick: _blocks.Tick) -> Measured:
    if width_of(layer) == 1:
        remedy = "Sparseness is about many units: reduce the layer less."
        raise ArgumentError(advice(called(layer), "have at least 2 features", 1, remedy))
    sums = _sums(layer, tick)
    values = INDICES[method](sums.absolute, np.sqrt(sums.squares), sums.width)
    return Measured(np.clip(values, 0, 1), {"rectified": sums.lowest >= 0})


def _sums(layer: xr.DataArray, tick: _blocks.Tick) -> _Sums:
    """Add features up, some at a time."""
    total, absolute, squares = np.zeros((3, layer.sizes[IMAGE]))
    lowest = np.inf
    for block in _blocks.checked(layer, tick=tick):
        values = block.astype(np.float64)
        total += values.sum(axis=1)
        squares += np.einsum("ij,ij->i", values, values)
        lowest = min(lowest, float(values.min()))
        absolute += np.abs(values, out=values).sum(axis=1)
    return _Sums(total, absolute, squares, lowest, width_of(layer))
