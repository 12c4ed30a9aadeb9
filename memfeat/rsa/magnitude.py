"""Response magnitude in RSA: how much of a distance it makes."""

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat import gram, guards
from memfeat._labels import IMAGE, LAYER, as_features, layer_names, stamped
from memfeat._pairs import PAIR, ends

__all__ = ["split"]

Array = npt.NDArray[Any]


def split(features: xr.Dataset | xr.DataArray) -> xr.Dataset:
    """Split squared distances into what images differ in magnitude and what they differ in direction.

    Parameters
    ----------
    features : Dataset or DataArray (image, ...)
        Features, one variable per layer, in memory or lazy. All dims but `image` are flattened.

    Returns
    -------
    Dataset (part, layer, pair)
        `rdm` along `part`: "total", "magnitude" and "angle", in squared units of the features; each is an RDM of its
        own, `split(features).sel(part="magnitude")`. `magnitude (layer, image)` is the length ‖a‖ of each image's
        features, in their units.

    Raises
    ------
    KindError
        If features are not xarray, or not real numbers.
    ArgumentError
        If a value is NaN or infinite.

    Warns
    -----
    RetrainedWarning
        If they are features of the retrained network; `mf.guards.allow` takes it back.

    Notes
    -----
    ‖a − b‖² = (‖a‖ − ‖b‖)² + 2 ‖a‖ ‖b‖ (1 − cos). Memorability goes with the magnitude of population responses (Jaegle
    et al. 2019), which correlation and cosine RDMs leave out altogether.

    References
    ----------
    Jaegle A, Mehrpour V, Mohsenzadeh Y, Meyer T, Oliva A, Rust N (2019). Population response magnitude variation in
    inferotemporal cortex predicts image memorability. eLife 8:e47596.

    Examples
    --------
    >>> import xarray as xr
    >>> layer = xr.DataArray([[3.0, 4.0], [0.0, 1.0]], dims=["image", "fc:unit"], name="fc")
    >>> split(layer.assign_coords(image=["a", "b"])).rdm.values[:, 0, 0].round(6).tolist()
    [18.0, 16.0, 2.0]
    """
    table = as_features(features)
    names, layers = table[IMAGE].values, layer_names(table)
    facts = guards.analysis(features)
    first, second = ends(len(names))
    parts, lengths = np.empty((3, len(layers), len(first))), np.empty((len(layers), len(names)))
    for k, name in enumerate(layers):
        product = gram.linear(table[name])
        lengths[k] = np.sqrt(np.diagonal(product))
        parts[1, k] = np.square(lengths[k, first] - lengths[k, second])
        parts[2, k] = np.clip(2 * (lengths[k, first] * lengths[k, second] - product[first, second]), 0, None)
    parts[0] = parts[1] + parts[2]
    coords = {"part": ["total", "magnitude", "angle"], LAYER: np.array(layers, dtype=object), IMAGE: names}
    coords |= {"first": (PAIR, first.astype(np.int32)), "second": (PAIR, second.astype(np.int32))}
    variables = {"rdm": (("part", LAYER, PAIR), parts), "magnitude": ((LAYER, IMAGE), lengths)}
    return stamped(xr.Dataset(variables, coords=coords), features.attrs, metric="parts of sqeuclidean", **facts)
