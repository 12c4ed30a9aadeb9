"""What limits a difference between predicted scores."""

from typing import Any

import numpy as np
import xarray as xr

from memfeat.sets.scores.pooling import AT_FLOOR, PREDICTED, Pool

__all__ = ["NOTE", "noise_of", "told_of"]

VIEWS, SPREAD = "tta_views", "tta_sd"
#: Mean standard deviation of ResMem's predictions over crops of an image, of 20 photographs.
CROPS = 0.023
NOTE = (
    "These scores are predictions. ResMem's correlated about .5 with hit rates of photographs that it was not trained "
    "on, and its ranks hold better than its values: a predicted difference is a reason to measure, not a measured one. "
)
WHENCE = {
    VIEWS: "the standard deviation over views of the difference of means",
    SPREAD: "the standard deviation over views of each image, as if images were independent",
    "": f"a standard deviation of {CROPS} over crops of an image, measured on 20 photographs",
}
MEASURE = "; mf.predict(images, tta=True) measures that of these images"


def _known(*tables: xr.Dataset) -> str:
    """Say what is known of the noise of predictions in all sets."""
    names = [name for name in (VIEWS, SPREAD) if all(name in table.variables for table in tables)]
    return names[0] if names else ""


def _is_predicted(table: xr.Dataset, score: str) -> bool:
    told = "variant" in table.attrs or any(name in table.variables for name in (SPREAD, AT_FLOOR))
    return score == PREDICTED and told


def noise_of(first: xr.Dataset, second: xr.Dataset, score: str) -> float:
    """Give the standard deviation of the difference of predicted means that comes from how images are shown.

    Parameters
    ----------
    first, second : Dataset (image)
        Two sets.
    score : str
        The score.

    Returns
    -------
    float
        NaN where the score was not predicted by memfeat.
    """
    if not (_is_predicted(first, score) and _is_predicted(second, score)):
        return float("nan")
    known = _known(first, second)
    if known == VIEWS and first.sizes["view"] == second.sizes["view"]:
        means = [np.asarray(table[VIEWS].mean("image").values) for table in (first, second)]
        return float(np.std(means[0] - means[1], ddof=1))
    spreads = [
        np.asarray(table[SPREAD].values) if known else np.full(table.sizes["image"], CROPS) for table in (first, second)
    ]
    return float(np.sqrt(sum((one**2).sum() / one.size**2 for one in spreads)))


def told_of(pooled: Pool) -> dict[str, Any]:
    """Say in words what limits predicted scores.

    Parameters
    ----------
    pooled : Pool
        All sets.

    Returns
    -------
    dict
        `note` and `noise_from`, for the attributes of a result; empty where scores were not predicted.
    """
    tables = list(pooled.tables.values())
    if PREDICTED not in pooled.scores:
        return {}
    others = [name for name, table in pooled.tables.items() if not _is_predicted(table, PREDICTED)]
    if len(others) == len(tables):
        return {}
    if others:
        return {"note": f"{NOTE}It is not known where the scores of {', '.join(others)} come from."}
    known = _known(*tables)
    more = "" if known else MEASURE
    return {"note": f"{NOTE}prediction_noise: from {WHENCE[known]}{more}.", "noise_from": WHENCE[known]}
