"""Model RDMs: what memorability scores or categories would predict about which images are alike."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy.stats import rankdata

from memfeat import guards
from memfeat._check import one_of
from memfeat._labels import IMAGE, as_scores, stamped
from memfeat.rdm.shape import at_least, one_layer, upper
from memfeat.stats import grouping

__all__ = ["from_categories", "from_scores"]

Array = npt.NDArray[Any]


def from_scores(scores: xr.DataArray | pd.Series, *, kind: str = "both_memorable") -> xr.Dataset:
    """Make a model RDM from one score per image.

    Parameters
    ----------
    scores : DataArray (image) or pandas.Series
        Memorability or any other score; higher means more memorable.
    kind : {"both_memorable", "both_forgettable", "min_rank", "max_rank", "nearest"}
        What is said to be alike; see Notes.

    Returns
    -------
    Dataset (layer, pair)
        `rdm` with the single layer `kind`: in units of the scores for "nearest", from 0 to 1 without unit for the
        others.

    Raises
    ------
    KindError
        If scores are no DataArray or Series, or no numbers.
    ArgumentError
        If the kind is unknown, a score is missing or infinite, or there are fewer than 3 images.

    Notes
    -----
    With mᵢ the score of image i and uᵢ = (rankᵢ − 1) / (n − 1) its rank from 0 (most forgettable) to 1 (most
    memorable), ties sharing their mean rank:

    - "nearest": dᵢⱼ = abs(mᵢ − mⱼ). Images of similar memorability are alike. Rounded to 12 digits of the largest
      score, so that .3 − .2 and .2 − .1 are a tie.
    - "both_memorable": dᵢⱼ = 1 − (uᵢ + uⱼ) / 2. Memorable images are alike, each forgettable image is forgettable
      in its own way (Anna Karenina model; convergence).
    - "both_forgettable": dᵢⱼ = (uᵢ + uⱼ) / 2. The opposite (divergence).
    - "min_rank": dᵢⱼ = 1 − min(uᵢ, uⱼ). As "both_memorable", but the less memorable image of a pair decides.
    - "max_rank": dᵢⱼ = max(uᵢ, uⱼ). As "both_forgettable", but the more memorable image of a pair decides.

    "both_memorable" and "both_forgettable" are mirror images: their correlations with any RDM differ in sign only.

    References
    ----------
    Bainbridge WA, Dilks DD, Oliva A (2017). Memorability: A stimulus-driven perceptual neural signature distinctive
    from memory. NeuroImage 149:141-152.
    Bainbridge WA, Rissman J (2018). Dissociating neural markers of stimulus memorability and subjective recognition
    during episodic retrieval. Scientific Reports 8:8679.

    Examples
    --------
    >>> import pandas as pd
    >>> from_scores(pd.Series([0.9, 0.5, 0.6], index=["a", "b", "c"])).rdm.values
    array([[0.5 , 0.25, 0.75]])
    """
    kernel = KINDS[one_of("kind", kind, KINDS)]
    values = as_scores(scores)
    at_least(values[IMAGE].values, "scores")
    model = one_layer(kind, upper(kernel(values.values)), values[IMAGE].values)
    return stamped(model, None, kind=kind, scores=str(values.name), **guards.origin(values.attrs, given=guards.SCORES))


def from_categories(column: xr.DataArray | pd.Series) -> xr.Dataset:
    """Make a model RDM from one category per image.

    Parameters
    ----------
    column : DataArray (image) or pandas.Series
        Text or whole numbers.

    Returns
    -------
    Dataset (layer, pair)
        `rdm` with a single layer named as the column: 0 for two images of the same category, 1 for others.

    Raises
    ------
    KindError
        If the column is no DataArray or Series.
    ArgumentError
        If a category is missing, or there are fewer than 3 images.

    Examples
    --------
    >>> import pandas as pd
    >>> from_categories(pd.Series(["cat", "dog", "cat"], index=["a", "b", "c"])).rdm.values
    array([[1., 0., 1.]])
    """
    groups = grouping(column, argument="column")
    at_least(groups[IMAGE].values, "column")
    name = "category" if groups.name is None else str(groups.name)
    differs = groups.values[:, None] != groups.values
    model = one_layer(name, upper(differs).astype(np.float64), groups[IMAGE].values)
    return stamped(model, kind="categories", scores=name)


def _summed_ranks(scores: Array) -> Array:
    """Mean of two scaled ranks; ranks are summed before they are divided, so that equal means are equal to the bit."""
    ranks = rankdata(scores) - 1
    return np.asarray(np.add.outer(ranks, ranks) / (2 * (len(scores) - 1)))


def _one_rank(scores: Array, decides: np.ufunc) -> Array:
    """Smaller or larger of two scaled ranks."""
    ranks = (rankdata(scores) - 1) / (len(scores) - 1)
    return np.asarray(decides.outer(ranks, ranks))


def _gap(scores: Array) -> Array:
    """Absolute difference."""
    scale = np.abs(scores).max() or 1.0
    return np.asarray(np.abs(np.subtract.outer(scores, scores) / scale).round(12) * scale)


KINDS: dict[str, Callable[[Array], Array]] = {
    "both_memorable": lambda scores: 1 - _summed_ranks(scores),
    "both_forgettable": _summed_ranks,
    "min_rank": lambda scores: 1 - _one_rank(scores, np.minimum),
    "max_rank": lambda scores: _one_rank(scores, np.maximum),
    "nearest": _gap,
}
