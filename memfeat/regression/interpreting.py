"""What a fitted model looks at, unit by unit: weights, and the activation patterns that go with them."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat._labels import layer_names, stamped
from memfeat._progress import bar
from memfeat.regression import ridge
from memfeat.regression.options import Chosen, chosen_of
from memfeat.regression.scaling import Material
from memfeat.regression.spans import span
from memfeat.regression.targets import Targets, cautions_of, targets_of, varying
from memfeat.regression.units import by_unit, count_units, read

__all__ = ["patterns"]

Array = npt.NDArray[np.float64]
STATISTICS = ["weight", "pattern"]


def patterns(
    features: xr.Dataset | xr.DataArray,
    scores: xr.DataArray | pd.Series | xr.Dataset | pd.DataFrame,
    *,
    scale: str = "none",
    weights: xr.DataArray | pd.Series | None = None,
    progress: bool | None = None,
) -> xr.Dataset:
    """Fit ridge regression to all images, and give the weight and the activation pattern of each unit.

    Weights say how the model computes its predictions, patterns what goes with them. Interpret patterns: a unit gets a
    weight without any relation to the score if it cancels the noise of another, and hardly any if others tell the same
    (Haufe et al., 2014). Neither is a test; :func:`decode` says whether the layer tells anything about other images.

    Parameters
    ----------
    features : Dataset or DataArray (image, ...)
        Features, one variable per layer, in memory or lazy.
    scores : DataArray (image), pandas.Series, Dataset (image) or pandas.DataFrame
        One score per image, matched by image name. In a Dataset or DataFrame every column is one, with a model of its
        own.
    scale : {"none", "layer", "unit"}
        What features are divided by first: nothing, one number per layer (the root of their total variance), or each
        by its standard deviation over images.
    weights : DataArray (image) or pandas.Series, optional
        How much each image counts, such as its number of responses; above 0.
    progress : bool, optional
        Whether progress is shown; by default when stderr is a terminal.

    Returns
    -------
    Dataset (statistic, ...)
        For each layer, in its feature dims, `statistic` "weight": units of the score per unit of the feature as it was
        scaled; and "pattern": units of the feature, as it was scaled, per unit of the predicted score. Several scores
        add a dim `score`. The attribute `penalty` holds the penalties, by layer, as JSON, in squared units of the
        features as they were scaled.

    Raises
    ------
    KindError
        If features or scores are no labelled numbers.
    ArgumentError
        If images differ, a value is missing, scores or a layer do not vary, weights are not above 0, there is no such
        scale, or a layer is called "statistic" or "score".

    Warns
    -----
    RetrainedWarning
        If they are features of the retrained network; `mf.guards.allow` takes it back.
    CircularWarning
        If the scores were predicted by the network that the features come from, or by one with the same trunk.

    See Also
    --------
    decode : Predicts held-out images with the same model.
    unitwise : Relates each unit to scores by itself.
    top_units : Lists the units with the largest values.

    Notes
    -----
    The model is that of :func:`decode` with `estimator="ridge"`, its penalty chosen by leave-one-out error, fitted to
    all images. Predictions are ŷ = ȳ + (x − x̄)ᵀw. With K the centred Gram matrix, w = Xᵀα and α = (K + λI)⁻¹(y − ȳ), so
    that features are read twice in blocks and never held whole.

    The pattern of a unit is Cov(x, ŷ) / Var(ŷ) over the images that were fitted to: by how much its feature is larger
    where the predicted score is larger by one. Each score has its own model, and so a pattern of its own. Where the
    model fits its images almost perfectly, as with many features and a weak penalty, patterns are the slopes of
    features on scores; where there is little to predict, ŷ hardly varies, and patterns are large and mean nothing.

    References
    ----------
    Haufe S, Meinecke F, Görgen K, Dähne S, Haynes J-D, Blankertz B, Bießmann F (2014). On the interpretation of weight
    vectors of linear models in multivariate neuroimaging. NeuroImage 87:96-110.

    Examples
    --------
    >>> import xarray as xr
    >>> tells, noise = [1.0, 2, 3, 4], [1.0, -1, -1, 1]
    >>> layer = xr.DataArray([tells, noise], dims=["fc:unit", "image"], coords={"image": list("abcd")}, name="fc")
    >>> layer[0] += noise
    >>> found = patterns(layer, xr.DataArray(tells, dims="image", coords={"image": list("abcd")}))["fc"]
    >>> found.sel(statistic="weight").values.round(3)  # the second unit cancels the noise of the first
    array([ 1., -1.])
    >>> abs(found.sel(statistic="pattern").values.round(3))
    array([1., 0.])
    """
    table = read(features)
    targets = targets_of(scores, table)
    cautions = cautions_of(features, targets)
    given = chosen_of({"scale": scale, "weights": weights}, targets.images, several=False)
    varying(targets, np.arange(len(targets.values)))
    found, penalties = {}, {}
    with bar(count_units(table), "patterns", progress, unit="unit") as shown:
        for name in layer_names(table):
            material = Material(table[name], given.scale)
            found[name], taken = _fitted(material, targets.values, given.weights, shown.update)
            penalties[name] = dict(zip(targets.names, taken.tolist(), strict=True)) if targets.several else taken.item()
    return stamped(
        by_unit(table, found, STATISTICS, targets),
        features.attrs,
        method="ridge, fitted to all images",
        **_recorded(targets, given),
        penalty=penalties,
        **cautions,
    )


def _recorded(targets: Targets, given: Chosen) -> dict[str, object]:
    """Give what goes into the attributes of the result."""
    return {
        "scores": targets.names if targets.several else targets.names[0],
        "scale": given.scale,
        "weights": given.called,
        "penalties": "leave-one-out squared error",
        "n": len(targets.values),
    }


def _fitted(
    material: Material, targets: Array, weights: Array | None, tick: Callable[[int], object]
) -> tuple[Array, Array]:
    """Give weights and patterns of all units, (statistic, score, p), and penalties (score,)."""
    everyone = np.arange(len(targets))
    training = span(material.whole(), everyone, everyone[:0], weights)
    _, penalties = ridge.predicted(training, targets)
    _, z = training.centred(targets)
    rotated = training.vectors.T @ z / (training.values[:, None] + penalties)
    fit = training.vectors @ (training.values[:, None] * rotated)
    size = (fit**2).sum(axis=0)
    toward = np.divide(fit, size, out=np.zeros_like(fit), where=size > 0)
    sides = np.stack([(training.vectors @ rotated).T, toward.T]) * training.root
    found = []
    for block in material.blocks(tick):
        block -= block.mean(axis=0)  # the products need not be centred, but round less
        found.append(sides @ block)
    return np.concatenate(found, axis=-1), penalties
