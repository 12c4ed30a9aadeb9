"""Several model RDMs as one: weights that are fitted on some images and judged on others."""

from typing import Any, NamedTuple, TypedDict, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy.optimize import nnls

from memfeat import guards, stats
from memfeat._check import advice, count, generator, known_options, listed
from memfeat._labels import LAYER, stamped
from memfeat._pairs import ends
from memfeat._progress import bar
from memfeat.errors import ArgumentError
from memfeat.rsa.comparison import images_of
from memfeat.rsa.options import kernel_for, whitening_allowed
from memfeat.rsa.reading import read, stacked
from memfeat.rsa.similarity import Method, similarities
from memfeat.stats.exchange import grouping

__all__ = ["WeightedOptions", "weighted"]

Array = npt.NDArray[Any]
#: The fewest images that are held out together: six pairs.
FEWEST = 4
#: Methods that see the mean over pairs, which an intercept would take away.
THROUGH_ZERO = ("cosine", "whitened_cosine")


class WeightedOptions(TypedDict, total=False):
    """Options of :func:`memfeat.rsa.weighted`.

    `folds` : int, how many (default 5).
    `blocks` : DataArray (image) or Series, the group of each image; groups are held out as a whole.
    `progress` : bool or None, whether progress is shown; None shows it when stderr is a terminal.
    """

    folds: int
    blocks: xr.DataArray | pd.Series
    progress: bool | None


def weighted(
    models: xr.Dataset,
    ref: xr.Dataset,
    *,
    method: str = "pearson",
    n_bootstraps: int = 1_000,
    rng: int | np.random.Generator = 0,
    **options: Unpack[WeightedOptions],
) -> xr.Dataset:
    """Weigh several model RDMs, without negative weights, to predict a reference RDM of images that were held out.

    Images are dealt into folds. Weights are fitted on pairs of images that are both outside a fold, and judged on pairs
    that are both inside; pairs across are used for neither.

    Parameters
    ----------
    models : Dataset (layer, pair)
        RDMs.
    ref : Dataset (layer, pair)
        One RDM of the same images.
    method : str
        How the prediction is compared with the reference, see :func:`compare`.
    n_bootstraps : int
        Bootstrap samples of the images of each fold, for the intervals. 0 gives no intervals.
    rng : int or numpy.random.Generator
        Seed or source of folds and draws, in this order.
    **options : folds, blocks, progress
        `folds`: how many (default 5), of 4 images or more. `blocks` is a DataArray (image) or Series with the group of
        each image; groups are held out, and drawn, as a whole.

    Returns
    -------
    Dataset (model, held_out, layer)
        Along `model`, "weighted" first and then each RDM alone, on the same pairs: `estimate`, the mean over folds,
        with `ci_low` and `ci_high` (95 %); `gain`, how much the weighted one exceeds it, with `gain_ci_low` and
        `gain_ci_high`; `by_fold (model, held_out)`; `n` images. `weight (held_out, layer)`, units of the reference per
        unit of the model; `fold (image)`.

    Raises
    ------
    KindError, UnknownNameError, ArgumentError
        As :func:`compare` does; if a fold would have fewer than 4 images, or nothing varies in one.

    Warns
    -----
    CircularWarning
        If one side was made of scores that the network of the other side predicted, or one with the same trunk;
        `mf.guards.allow` takes it back.

    Notes
    -----
    Weights minimise the squared error over pairs, with an intercept unless the method is a cosine. A prediction without
    any weight agrees with nothing: 0. Intervals draw images inside folds and hold the weights fixed: they say how the
    agreement varies over images that are predicted, not over those that are learnt from.

    References
    ----------
    Lawson CL, Hanson RJ (1974). Solving least squares problems, chapter 23. Prentice-Hall.
    Khaligh-Razavi SM, Kriegeskorte N (2014). Deep supervised, but not unsupervised, models may explain IT cortical
    representation. PLoS Computational Biology 10:e1003915.
    """
    known_options(options, WeightedOptions)
    count("n_bootstraps", n_bootstraps, least=0)
    random, seed = generator(rng)
    sides = read(models, ref, argument="models")
    names, values = stacked(models, "models", sides.names)
    target = stacked(ref, "ref", sides.names)[1][0]
    whitening_allowed(method, models, ref)
    kernel = kernel_for(method, None, sides.names, n_bootstraps)
    cautions = guards.related(models.attrs, ref.attrs, "models")
    fold, groups = _folds(images_of(sides), options, random)
    parts = [_held_out(fold == k, values, target, method) for k in range(fold.max() + 1)]
    by_fold = np.stack([part.scores(kernel) for part in parts], axis=-1)
    columns: dict[str, Any] = {"estimate": by_fold.mean(axis=-1), "gain": by_fold[0].mean() - by_fold.mean(axis=-1)}
    if n_bootstraps:
        columns |= _intervals(parts, kernel, groups, n_bootstraps, random, options.get("progress"))
    table: dict[str, Any] = {name: ("model", column) for name, column in columns.items()}
    table["by_fold"] = (("model", "held_out"), by_fold)
    table["weight"] = (("held_out", LAYER), np.stack([part.weights for part in parts]))
    table |= {"fold": ("image", fold), "n": ("model", np.full(len(by_fold), len(sides.names)))}
    labels = np.array(["weighted", *names], dtype=object)
    coords = {"model": labels, LAYER: labels[1:], "image": sides.names, "held_out": np.arange(len(parts))}
    return stamped(
        xr.Dataset(table, coords=coords),
        models.attrs,
        method=f"weighted RSA, non-negative least squares, {method}",
        metric=models.attrs.get("metric"),
        reference=sides.reference,
        n_folds=len(parts),
        n_bootstraps=n_bootstraps,
        interval="expanded percentile bootstrap over images of each fold, weights held fixed, 95 %",
        blocks=None if options.get("blocks") is None else "held out as a whole",
        seed=seed,
        **cautions,
    )


class _Fold(NamedTuple):
    """Images that are held out, and what is said of them."""

    inside: Array
    """Which images (n,)."""
    predicted: Array
    """The weighted model, then each alone (model, pair)."""
    target: Array
    weights: Array
    silent: Array
    """Which predictions say nothing: all their dissimilarities are equal (model,)."""

    def scores(self, kernel: Method) -> Array:
        """Compare predictions with what was held out (model,)."""
        out = np.zeros(len(self.predicted))
        heard = ~self.silent
        if heard.any():
            out[heard] = similarities(kernel, self.predicted[heard], self.target[None])[:, 0]
        return out

    def again(self, kernel: Method, counts: Array) -> Array:
        """Compare in bootstrap samples of the images that are held out (model, draw)."""
        out = np.zeros((len(self.predicted), len(counts)))
        heard = np.flatnonzero(~self.silent)
        if len(heard):
            both = np.concatenate([self.predicted, self.target[None]])
            out[heard] = kernel.similar(both, [(int(k), len(both) - 1) for k in heard], counts)
        return out


def _folds(images: xr.DataArray, options: WeightedOptions, rng: np.random.Generator) -> tuple[Array, Array | None]:
    """Deal images, or whole groups of them, into folds."""
    n_folds = count("folds", options.get("folds", 5), least=2)
    n = images.size
    blocks = options.get("blocks")
    groups = None if blocks is None else grouping(blocks, to=images).values
    labels = np.arange(n) if groups is None else groups
    dealt = rng.permutation(np.arange(labels.max() + 1) % n_folds)
    fold = dealt[labels]
    sizes = np.bincount(fold, minlength=n_folds)
    if sizes.min() < FEWEST:
        remedy = f"Take folds={max(2, n // FEWEST)} or fewer, or more images or groups."
        found = listed(f"a fold of {sizes.min()} images")
        raise ArgumentError(advice("folds", f"leave at least {FEWEST} images in every fold", found, remedy))
    return fold, groups


def _held_out(inside: Array, models: Array, target: Array, method: str) -> _Fold:
    """Fit weights outside, and predict inside."""
    first, second = ends(len(inside))
    train, test = ~inside[first] & ~inside[second], inside[first] & inside[second]
    design, seen = models[:, train].T, target[train]
    if method not in THROUGH_ZERO:
        design, seen = design - design.mean(axis=0), seen - seen.mean()
    scale = np.sqrt(np.square(design).mean(axis=0))
    if not (scale > 0).all() or np.ptp(target[test]) == 0:
        remedy = "Take fewer folds, or leave that model out."
        raise ArgumentError(advice("models and ref", "vary inside and outside every fold", listed("constants"), remedy))
    weights = nnls(design / scale, seen)[0] / scale
    alone = models[:, test]
    predicted = np.concatenate([(weights @ alone)[None], alone])
    flat = np.ptp(predicted, axis=1) <= 1e-12 * np.abs(predicted).max(axis=1, initial=0)
    silent = ~predicted.any(axis=1) if method in THROUGH_ZERO else flat
    return _Fold(inside, predicted, target[test], weights, np.asarray(silent))


def _intervals(
    parts: list[_Fold],
    kernel: Method,
    groups: Array | None,
    n_bootstraps: int,
    rng: np.random.Generator,
    progress: bool | None,
) -> dict[str, Array]:
    """Draw images inside each fold, and average over folds."""
    draws = np.zeros((len(parts[0].predicted), n_bootstraps))
    with bar(len(parts), "bootstrap", progress, unit="fold") as shown:
        for part in parts:
            mine = None if groups is None else np.unique(groups[part.inside], return_inverse=True)[1].reshape(-1)
            scheme: dict[str, Any] = {} if mine is None else {"blocks": mine, "permute": "whole"}
            counts = stats.bootstrap_counts(int(part.inside.sum()), n_bootstraps, rng=rng, **scheme)
            draws += part.again(kernel, counts) / len(parts)
            shown.update(1)
    kept = stats.enough(draws)
    # folds are strata; groups that are drawn whole are the units
    n = sum(part.inside.sum() for part in parts) if groups is None else len(np.unique(groups))
    (low, high), (gain_low, gain_high) = (
        stats.expanded(values, n=int(n), strata=len(parts)) for values in (kept, kept[:1] - kept)
    )
    return {"ci_low": low, "ci_high": high, "gain_ci_low": gain_low, "gain_ci_high": gain_high}
