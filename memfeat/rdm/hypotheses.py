"""Model RDMs: what memorability scores, categories or other columns would predict about which images are alike."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy.stats import rankdata

from memfeat import guards
from memfeat._check import advice, finite, listed, one_of
from memfeat._columns import of_series
from memfeat._labels import IMAGE, LAYER, image_names, stamped
from memfeat._pairs import PAIR, upper
from memfeat._tables import texts
from memfeat.errors import KindError
from memfeat.rdm.shape import at_least, labelled
from memfeat.stats import grouping

__all__ = ["from_categories", "from_column", "from_scores"]

Array = npt.NDArray[Any]
Column = xr.DataArray | pd.Series


def from_scores(scores: Column, *, kind: str = "both_memorable") -> xr.Dataset:
    """Make a model RDM from one score per image, or one for each participant from their own.

    Parameters
    ----------
    scores : DataArray (image, ...) or pandas.Series
        Memorability or any other score; higher means more memorable. A DataArray may have further dims, such as
        `participant`: what each has remembered gives each a model of their own.
    kind : {"both_memorable", "both_forgettable", "min_rank", "max_rank", "product_rank", "nearest"}
        What is said to be alike; see Notes.

    Returns
    -------
    Dataset (layer, ..., pair)
        `rdm` with the single layer `kind`, and the further dims of the scores: in units of the scores for "nearest",
        from 0 to 1 without unit for the others.

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
    - "product_rank": dᵢⱼ = 1 − uᵢ uⱼ. As "both_memorable", and the more so the more memorable both are.

    Ranks are taken anew at each place along further dims.
    "both_memorable" and "both_forgettable" are mirror images: their correlations with any RDM differ in sign only.

    References
    ----------
    Bainbridge WA, Dilks DD, Oliva A (2017). Memorability: A stimulus-driven perceptual neural signature distinctive
    from memory. NeuroImage 149:141-152.
    Bainbridge WA, Rissman J (2018). Dissociating neural markers of stimulus memorability and subjective recognition
    during episodic retrieval. Scientific Reports 8:8679.
    Finn ES, Glerean E, Khojandi AY, et al. (2020). Idiosynchrony: From shared responses to individual differences
    during naturalistic neuroimaging. NeuroImage 215:116828.

    Examples
    --------
    >>> import pandas as pd
    >>> from_scores(pd.Series([0.9, 0.5, 0.6], index=["a", "b", "c"])).rdm.values
    array([[0.5 , 0.25, 0.75]])
    """
    kernel = KINDS[one_of("kind", kind, KINDS)]
    values = _numbers(_column(scores, "scores"), "scores")
    facts = guards.of_scores(values.attrs)
    name = "score" if values.name is None else str(values.name)
    return stamped(_modelled(values, kind, kernel), None, kind=kind, scores=name, **facts)


def from_categories(column: Column) -> xr.Dataset:
    """Make a model RDM from one category per image.

    Parameters
    ----------
    column : DataArray (image, ...) or pandas.Series
        Text or whole numbers. A DataArray may have further dims, such as `participant`.

    Returns
    -------
    Dataset (layer, ..., pair)
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
    groups = _numbered(_column(column, "column"))
    name = "category" if groups.name is None else str(groups.name)
    return stamped(_modelled(groups, name, _differs), kind="categories", scores=name)


def from_column(column: Column, *, kind: str | None = None) -> xr.Dataset:
    """Make a model RDM from any column of an image table.

    Parameters
    ----------
    column : DataArray (image, ...) or pandas.Series
        Numbers or text, such as luminance or a photographer. A DataArray may have further dims, such as `participant`.
    kind : {"difference", "same"}, optional
        "difference" for abs(xᵢ − xⱼ), "same" for 0 if both are the same and else 1; by default the first for numbers,
        and the second for text and truth values.

    Returns
    -------
    Dataset (layer, ..., pair)
        `rdm` with a single layer named as the column: in its unit for "difference", without unit for "same".

    Raises
    ------
    KindError
        If the column is no DataArray or Series, or a difference of text is asked for.
    ArgumentError
        If the kind is unknown, a value is missing or infinite, or there are fewer than 3 images.

    See Also
    --------
    from_scores : More hypotheses about memorability.

    Examples
    --------
    >>> import pandas as pd
    >>> from_column(pd.Series([0.9, 0.5, 0.6], index=["a", "b", "c"])).rdm.values.round(2)
    array([[0.4, 0.3, 0.1]])
    """
    values = _column(column, "column")
    kind = ("difference" if values.dtype.kind in "iuf" else "same") if kind is None else kind
    one_of("kind", kind, ("difference", "same"))
    values = _numbered(values) if kind == "same" else _numbers(values, "column")
    name = "column" if values.name is None else str(values.name)
    model = _modelled(values, name, _differs if kind == "same" else _gap)
    facts = guards.of_scores(values.attrs)
    return stamped(model, None, kind=kind, scores=name, **facts)


def _column(column: Any, argument: str) -> xr.DataArray:
    """Check that images are named, once each; a Series becomes a DataArray."""
    if isinstance(column, pd.Series):
        column = of_series(column, argument)
    if not isinstance(column, xr.DataArray):
        remedy = (
            'Pass one column: images["hit_rate"], or a Series indexed by image name. A table of images by participants '
            "is xr.DataArray(table, dims=('image', 'participant'))."
        )
        raise KindError(advice(argument, "be a DataArray or Series", listed(type(column).__name__), remedy))
    at_least(image_names(column, argument), argument)
    values: xr.DataArray = column.transpose(..., IMAGE)
    return values


def _numbers(values: xr.DataArray, argument: str) -> xr.DataArray:
    """Check that there is a number for every image."""
    if values.dtype.kind not in "iufb":
        raise KindError(advice(argument, "hold numbers", listed(f"dtype {values.dtype}")))
    out = values.astype(np.float64)
    remedy = f"Drop those images: {argument} = {argument}.dropna('image'), then select them in the features too."
    finite(argument, np.moveaxis(out.values, -1, 0), [str(n) for n in values[IMAGE].values], remedy=remedy)
    return out


def _numbered(values: xr.DataArray) -> xr.DataArray:
    """Give categories numbers, at each place along further dims."""
    numbers = values.copy(data=np.zeros(values.shape, dtype=np.int64))
    for index in np.ndindex(values.shape[:-1]):
        one = xr.DataArray(values.values[index], dims=IMAGE, coords={IMAGE: values[IMAGE]}, name=values.name)
        numbers.values[index] = grouping(one, argument="column").values
    return numbers


def _modelled(values: xr.DataArray, name: str, kernel: Callable[[Array], Array]) -> xr.Dataset:
    """Make one RDM at each place along further dims, and label them."""
    n = values.sizes[IMAGE]
    vectors = np.empty((*values.shape[:-1], n * (n - 1) // 2))
    for index in np.ndindex(values.shape[:-1]):
        vectors[index] = upper(kernel(values.values[index]))
    coords = {str(c): coord for c, coord in values.coords.items() if coord.dims and IMAGE not in coord.dims}
    rdms = xr.DataArray(vectors, dims=(*values.dims[:-1], PAIR), coords=coords)
    return labelled(rdms.expand_dims({LAYER: texts([name])}), values[IMAGE].values)


def _differs(numbers: Array) -> Array:
    """Tell whether two are of different kinds."""
    return np.asarray(numbers[:, None] != numbers, dtype=np.float64)


def _summed_ranks(scores: Array) -> Array:
    """Mean of two scaled ranks; ranks are summed before they are divided, so that equal means are equal to the bit."""
    ranks = rankdata(scores) - 1
    return np.asarray(np.add.outer(ranks, ranks) / (2 * (len(scores) - 1)))


def _one_rank(scores: Array, decides: np.ufunc) -> Array:
    """Smaller or larger of two scaled ranks."""
    ranks = (rankdata(scores) - 1) / (len(scores) - 1)
    return np.asarray(decides.outer(ranks, ranks))


def _rank_product(scores: Array) -> Array:
    """Product of two scaled ranks; ranks are multiplied first, so that equal products are equal to the bit."""
    ranks = rankdata(scores) - 1
    return np.asarray(np.multiply.outer(ranks, ranks) / (len(scores) - 1) ** 2)


def _gap(scores: Array) -> Array:
    """Absolute difference; that of whole numbers is exact as it is."""
    if (scores == np.round(scores)).all():
        return np.asarray(np.abs(np.subtract.outer(scores, scores)))
    scale = np.abs(scores).max() or 1.0
    return np.asarray(np.abs(np.subtract.outer(scores, scores) / scale).round(12) * scale)


KINDS: dict[str, Callable[[Array], Array]] = {
    "both_memorable": lambda scores: 1 - _summed_ranks(scores),
    "both_forgettable": _summed_ranks,
    "min_rank": lambda scores: 1 - _one_rank(scores, np.minimum),
    "max_rank": lambda scores: _one_rank(scores, np.maximum),
    "product_rank": lambda scores: 1 - _rank_product(scores),
    "nearest": _gap,
}
