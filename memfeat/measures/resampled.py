"""Correlations and partial correlations: in samples of images, and with scores rearranged.

Arrays have images last: rows `(row, n)` are correlated with columns `(column, n)`, given controls `(control, n)`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri
from scipy.stats import rankdata

from memfeat.stats.ranks import resampled_ranks

__all__ = ["METHODS", "correlations", "permuted", "residuals"]

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
#: Mid-ranks from 1 to n, and n -> what is correlated in their place.
Ranked = Callable[[Array, Any], Array]


def _ranks_themselves(ranks: Array, _: Any) -> Array:
    return ranks


def _quantiles(ranks: Array, n: Any) -> Array:
    """Give normal quantiles Φ⁻¹(rank / (n + 1)), van der Waerden's scores."""
    return np.asarray(ndtri(ranks / (n + 1)))


#: method -> what becomes of ranks; None where values themselves are correlated
METHODS: dict[str, Ranked | None] = {"spearman": _ranks_themselves, "pearson": None, "normal_scores": _quantiles}
#: Most numbers that are held for one block of samples or permutations.
ROOM = 2**23
#: Shares of a variance below this are rounding.
NOTHING = 1e-9


def correlations(rows: Array, columns: Array, controls: Array, counts: Counts, *, ranked: Ranked | None) -> Array:
    """Correlate each row with each column in samples of images, given the controls.

    Parameters
    ----------
    rows, columns, controls : array (row, n), (column, n), (control, n)
        Numbers of each image. Without controls these are plain correlations.
    counts : array (draw, n) of int
        How often each image stands in each sample.
    ranked : function, optional
        What becomes of mid-ranks, which are made in each sample anew, see `METHODS`; None for values as they are.

    Returns
    -------
    array (row, column, draw)
        Correlations of what the controls, and an intercept, leave of rows and columns by least squares in the sample;
        NaN where they leave nothing.
    """
    step = max(1, ROOM // (counts.shape[1] * (len(columns) + len(controls) + 4)))
    blocks = [counts[start : start + step] for start in range(0, len(counts), step)]
    empty = np.empty((len(rows), len(columns), 0))
    return np.concatenate([empty, *(_block(rows, columns, controls, one, ranked) for one in blocks)], axis=-1)


def permuted(rows: Array, columns: Array, controls: Array, index: npt.NDArray[Any], *, ranked: Ranked | None) -> Array:
    """Correlate each row with each column whose residuals were rearranged (Freedman-Lane).

    Parameters
    ----------
    rows, columns, controls : array (row, n), (column, n), (control, n)
        Numbers of each image.
    index : array (permutation, n) of int
        Which image takes each image's place.
    ranked : function, optional
        What becomes of mid-ranks, which are made first; None for values as they are.

    Returns
    -------
    array (row, column, permutation)
        With R taking out controls and an intercept, correlations of Rx with R P (Ry). Without controls, of x with Py.
    """
    basis = _basis(_placed(controls, ranked=ranked))
    first, second = (_unit(_left(_placed(values, ranked=ranked), basis)) for values in (rows, columns))
    null = np.empty((len(rows), len(columns), len(index)))
    step = max(1, ROOM // (index.shape[1] * len(columns)))
    for start in range(0, len(index), step):
        moved = second[:, index[start : start + step]]  # (column, step, n)
        # the rows hold nothing of the controls, so that their products with what is taken out once more are 0
        size = np.sqrt(np.maximum(1 - np.square(moved @ basis).sum(axis=-1), NOTHING))
        null[..., start : start + step] = np.tensordot(first, moved, axes=(1, 2)) / size
    return null


def residuals(values: Array, controls: Array, *, ranked: Ranked | None) -> Array:
    """Give what controls leave of the variance of each row.

    Parameters
    ----------
    values, controls : array (row, n), (control, n)
        Numbers of each image.
    ranked : function, optional
        What becomes of mid-ranks, which are made first; None for values as they are.

    Returns
    -------
    array (row,)
        Shares; NaN for a row that does not vary.
    """
    placed = _placed(values, ranked=ranked)
    whole = np.square(placed - placed.mean(axis=-1, keepdims=True)).sum(axis=-1)
    left = np.square(_left(placed, _basis(_placed(controls, ranked=ranked)))).sum(axis=-1)
    return np.asarray(np.divide(left, whole, out=np.full(len(values), np.nan), where=whole > 0))


def _placed(values: Array, *, ranked: Ranked | None) -> Array:
    """Rank along the last axis, or standardise."""
    if ranked is not None:
        return ranked(np.asarray(rankdata(values, axis=-1)), values.shape[-1])
    centred = values - values.mean(axis=-1, keepdims=True)
    spread = centred.std(axis=-1, keepdims=True)
    return np.asarray(centred / np.where(spread > 0, spread, 1.0))


def _basis(controls: Array) -> Array:
    """Give an orthonormal basis of an intercept and the controls (n, term)."""
    n = controls.shape[1]
    centred = controls - controls.mean(axis=-1, keepdims=True)
    return np.asarray(np.linalg.qr(np.column_stack([np.ones(n), *centred]))[0])


def _left(values: Array, basis: Array) -> Array:
    """Take out what a basis explains; the second time takes out what rounding left."""
    for _ in range(2):
        values = values - (values @ basis) @ basis.T
    return values


def _unit(values: Array) -> Array:
    """Give rows length 1; one that is only rounding becomes 0."""
    size = np.sqrt(np.square(values).sum(axis=-1, keepdims=True))
    return np.asarray(np.divide(values, size, out=np.zeros_like(values), where=size > 0))


def _block(rows: Array, columns: Array, controls: Array, counts: Counts, ranked: Ranked | None) -> Array:
    """Correlate in some samples (row, column, draw)."""
    weights = np.sqrt(counts)
    held = np.stack([_drawn(one, counts, weights, ranked=ranked) for one in (*columns, *controls)], axis=1)
    held, known = held[:, : len(columns)], held[:, len(columns) :]  # (draw, column, n), (draw, control, n)
    between = held @ known.swapaxes(1, 2)  # (draw, column, control)
    # controls that say the same in a sample, or nothing, are taken out once, or not at all
    inverse = np.linalg.pinv(known @ known.swapaxes(1, 2), rcond=NOTHING, hermitian=True)
    rest = _rest(held, between @ inverse, between)
    found = np.empty((len(rows), len(columns), len(counts)))
    for values, out in zip(rows, found, strict=True):
        one = _drawn(values, counts, weights, ranked=ranked)[:, None]  # (draw, 1, n)
        with_controls = one @ known.swapaxes(1, 2)
        explained = with_controls @ inverse
        product = (one @ held.swapaxes(1, 2) - explained @ between.swapaxes(1, 2))[:, 0]  # (draw, column)
        out[:] = np.clip(product / np.sqrt(_rest(one, explained, with_controls) * rest), -1, 1).T
    return found


def _rest(values: Array, explained: Array, with_controls: Array) -> Array:
    """Give what controls leave of the variance of each vector (draw, vector); NaN for nothing."""
    whole = np.square(values).sum(axis=-1)
    left = whole - (explained * with_controls).sum(axis=-1)
    return np.where(left > NOTHING, left, np.nan)


def _drawn(values: Array, counts: Counts, weights: Array, *, ranked: Ranked | None) -> Array:
    """Give values in each sample (draw, n), less their mean there and of length 1, each as often as it was drawn.

    Sums of squares and products count an image as often as it was drawn, because each of both factors holds the root of
    that. Values that are all alike in a sample become 0.
    """
    if ranked is not None:
        return _unit(_placed_in(values, counts, ranked) * weights)
    scale = np.abs(values - values.mean()).max()
    standard = (values - values.mean()) / (scale or 1.0)
    centred = standard - (counts @ standard / counts.sum(axis=1))[:, None]
    same = np.abs(np.where(counts > 0, centred, 0.0)).max(axis=1, keepdims=True) < NOTHING
    return _unit(np.where(same, 0.0, centred * weights))


def _placed_in(values: Array, counts: Counts, ranked: Ranked) -> Array:
    """Rank each image among the drawn ones (draw, n), ties at mid-rank; give what becomes of it, less the mean."""
    n = counts.sum(axis=1, keepdims=True)
    placed = ranked(resampled_ranks(values, counts) + (n + 1) / 2, n)
    return np.asarray(placed - (placed * counts).sum(axis=1, keepdims=True) / n)
