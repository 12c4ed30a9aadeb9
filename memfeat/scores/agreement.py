"""How well halves agree over images, in many splits and in many samples of images."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from memfeat._progress import bar
from memfeat.stats.ranks import resampled_ranks

__all__ = ["METHODS", "agreement", "resampled_agreement"]

Array = npt.NDArray[np.float64]
#: Fewer images than this in a split, and there is nothing to correlate.
LEAST_IMAGES = 3
#: A spread below this share of the mean square is rounding: all values are alike.
FLAT = 1e-12
#: How many numbers an array of samples may hold.
ROOM = 250_000


def agreement(first: Array, second: Array, *, method: str) -> Array:
    """Correlate two halves over images, split by split.

    Parameters
    ----------
    first, second : array (split, n)
        Scores of both halves; NaN where an image is left out of a split.
    method : {"spearman", "pearson"}
        Which correlation; ties share their mean rank.

    Returns
    -------
    array (split,)
        Correlations over the images that both halves of a split have. NaN for fewer than 3 of them, and where all
        scores of a half are alike.
    """
    there = np.isfinite(first) & np.isfinite(second)
    one, other = (METHODS[method][0](values, there) for values in (first, second))
    total = there.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        one, other = (
            np.where(there, values - values.sum(axis=-1, keepdims=True) / total[:, None], 0) for values in (one, other)
        )
        product, *squares = (np.einsum("si,si->s", a, b) for a, b in ((one, other), (one, one), (other, other)))
        return np.where(total >= LEAST_IMAGES, product / np.sqrt(_positive(squares[0]) * _positive(squares[1])), np.nan)


def resampled_agreement(
    first: Array, second: Array, counts: npt.NDArray[np.int64], *, method: str, progress: bool | None = None
) -> Array:
    """Correlate two halves in samples of images, as the mean over splits.

    Parameters
    ----------
    first, second : array (split, n)
        Scores of both halves; NaN where an image is left out of a split.
    counts : array (draw, n)
        How often each image stands in each sample.
    method : {"spearman", "pearson"}
        Which correlation; images are ranked anew in each sample.
    progress : bool or None
        Whether progress is shown.

    Returns
    -------
    array (draw,)
        Means over the splits that leave something to correlate; NaN where none does.
    """
    prepare = METHODS[method][1]
    there = np.isfinite(first) & np.isfinite(second)
    step = max(1, ROOM // counts.shape[1])
    means = []
    with bar(len(counts), "bootstrap", progress, unit="sample") as shown:
        for start in range(0, len(counts), step):
            block = counts[start : start + step].astype(np.float64)
            total, defined = np.zeros((2, len(block)))
            for one, other, kept in zip(first, second, there, strict=True):
                weights = block if kept.all() else block[:, kept]
                r = _weighted(prepare(one[kept], weights), prepare(other[kept], weights), weights)
                total += np.where(np.isnan(r), 0, r)
                defined += ~np.isnan(r)
            means.append(np.divide(total, defined, out=np.full_like(total, np.nan), where=defined > 0))
            shown.update(len(block))
    return np.concatenate(means)


def _weighted(one: Array, other: Array, weights: Array) -> Array:
    """Correlate rows (draw, n) of weighted mean 0."""
    heavy = weights * one
    product, square = np.einsum("di,di->d", heavy, other), np.einsum("di,di->d", heavy, one)
    return np.asarray(product / np.sqrt(_positive(square) * _positive(np.einsum("di,di,di->d", weights, other, other))))


def _positive(square: Array) -> Array:
    return np.where(square > FLAT, square, np.nan)


def _ranks(values: Array, there: npt.NDArray[np.bool_]) -> Array:
    """Rank each row; what is left out comes last, and counts as 0."""
    return np.where(there, rankdata(np.where(there, values, np.inf), axis=-1), 0.0)


def _standard(values: Array, there: npt.NDArray[np.bool_]) -> Array:
    """Centre each row and divide it by its largest value, so that what is flat can be told from what is small."""
    kept = np.where(there, values, 0.0)
    n = np.maximum(there.sum(axis=-1, keepdims=True), 1)
    mean = kept.sum(axis=-1, keepdims=True) / n
    size = np.abs(kept).max(axis=-1, keepdims=True, initial=0.0)
    return np.where(there, (values - mean) / np.where(size > 0, size, 1.0), 0.0)


def _resampled_values(values: Array, weights: Array) -> Array:
    """Take values less their mean in each sample (draw, n)."""
    centred = _standard(values[None], np.ones((1, len(values)), dtype=bool))[0]
    return np.asarray(centred - (weights @ centred / weights.sum(axis=1))[:, None])


#: method -> what is correlated of rows (split, n), and of one row in samples of images
METHODS: dict[str, tuple[Callable[[Array, npt.NDArray[np.bool_]], Array], Callable[[Array, Array], Array]]] = {
    "spearman": (_ranks, resampled_ranks),
    "pearson": (_standard, _resampled_values),
}
