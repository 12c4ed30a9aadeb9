"""Several model RDMs as one: weights that are fitted on some images and judged on others."""

from typing import Any, Literal, NamedTuple, TypedDict, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy.optimize import nnls

from memfeat import guards, stats
from memfeat._check import advice, count, generator, known_options, listed, one_of
from memfeat._labels import LAYER, stamped
from memfeat._pairs import ends
from memfeat._progress import bar
from memfeat.errors import ArgumentError
from memfeat.rsa.comparison import images_of
from memfeat.rsa.framing import unframed
from memfeat.rsa.intervals import TAILED, WORDS
from memfeat.rsa.leaving import one_left_out, t_left_out
from memfeat.rsa.options import WHITENING, kernel_for, whitening_allowed
from memfeat.rsa.people import IMAGES, RDMS, resampled_unit
from memfeat.rsa.reading import PARTICIPANT, Read, finite, read, stacked
from memfeat.rsa.similarity import Method, similarities
from memfeat.rsa.whitening import whitened
from memfeat.stats.exchange import grouping

__all__ = ["WeightedOptions", "weighted"]

Array = npt.NDArray[Any]
#: The fewest images that are held out together: six pairs.
FEWEST = 4
#: Whether whole groups of images are dealt and drawn, or single images.
WHOLE, FREE = "whole", "free"
#: Methods that see the mean over pairs, which an intercept would take away.
THROUGH_ZERO = ("cosine", "whitened_cosine")
INTERVALS = {
    resample: f"{WORDS[resample, kind].removesuffix(', 95 %')}, weights held fixed, 95 %"
    for resample, kind in ((IMAGES, TAILED), (RDMS, "t"))
}


class WeightedOptions(TypedDict, total=False):
    """Options of :func:`memfeat.rsa.weighted`.

    `folds` : int, how many (default 5).
    `blocks` : DataArray (image) or Series, the group of each image; groups are held out as a whole.
    `permute` : "whole", which must be named when blocks are given.
    `resample` : "images" (default) or "rdms" (participants), what results are to hold for others of.
    `progress` : bool or None, whether progress is shown; None shows it when stderr is a terminal.
    """

    folds: int
    blocks: xr.DataArray | pd.Series
    permute: Literal["free", "whole"]
    resample: Literal["images", "rdms"]
    progress: bool | None


def weighted(
    models: xr.Dataset,
    ref: xr.Dataset,
    *,
    method: str = "pearson",
    interval: bool = True,
    rng: int | np.random.Generator = 0,
    **options: Unpack[WeightedOptions],
) -> xr.Dataset:
    """Weigh several model RDMs, without negative weights, to predict a reference RDM of images that were held out.

    Images are dealt into folds. Weights are fitted on pairs of images that are both outside a fold, and judged on pairs
    that are both inside; pairs across are used for neither. With participants there is one set of weights, fitted on
    the average of their RDMs and judged on the RDM of each.

    Parameters
    ----------
    models : Dataset (layer, pair)
        RDMs.
    ref : Dataset (layer, pair)
        One RDM of the same images; `participant` may be a further dim.
    method : str
        How the prediction is compared with the reference, see :func:`compare`.
    interval : bool
        Whether to leave out each held-out image in turn for the intervals over images.
    rng : int or numpy.random.Generator
        Seed or source of folds.
    **options : folds, resample, blocks, permute, progress
        `folds`: how many (default 5), of 4 images or more. `resample`: "images" (default) or "rdms" (participants),
        what the intervals hold for others of. `blocks` is a DataArray (image) or Series with the group of each image,
        and then `permute="whole"` must be named: groups are held out, and drawn, as a whole.

    Returns
    -------
    Dataset (model, held_out, layer)
        Along `model`, "weighted" first and then each RDM alone, on the same pairs: `estimate`, the mean over folds and
        participants, with `ci_low` and `ci_high` (95 %); `gain`, how much the weighted one exceeds it, with
        `gain_ci_low` and `gain_ci_high`; `by_fold (model, held_out)`, the mean over participants; with participants
        `by_participant (model, participant)`, the mean over folds; `n` images. `weight (held_out, layer)`, units of the
        reference per unit of the model; `fold (image)`.

    Raises
    ------
    KindError, UnknownNameError, ArgumentError
        As :func:`compare` does; if a fold would have fewer than 4 images, or nothing varies in one; with
        `resample="rdms"` if there are fewer than two participants; if blocks come with another scheme than "whole".

    Warns
    -----
    CircularWarning
        If one side was made of scores that the network of the other side predicted, or one with the same trunk;
        `mf.guards.allow` takes it back.

    Notes
    -----
    Weights minimise the squared error over pairs, with an intercept unless the method is a cosine. For whitened methods
    the error is eᵀV⁻¹e, with V as in :func:`compare` and Σ = I, of dissimilarities less their mean if it is the
    correlation. For methods of ranks (spearman, rho-a, kendall) weights are fitted on dissimilarities all the same, not
    on ranks: the rank of a sum is no sum of ranks. So another set of weights may agree better. A prediction without any
    weight agrees with nothing: 0. Intervals leave out images that are predicted, and hold the weights fixed: they say
    how the agreement varies over images that are predicted, not over those that are learnt from. They are Student's t
    with the jackknife's standard error, folds being strata, and its degrees of freedom as in :func:`partition`.

    Weights are fitted to the average over participants, as Khaligh-Razavi and Kriegeskorte (2014) did. In it each RDM
    of the images that are learnt from counts the same: it is divided by its length (less its mean, unless the method is
    a cosine), and the average is given the mean length. Over participants, too, intervals hold the weights fixed, which
    were learnt from the same participants: whether weights would serve others is not asked.

    References
    ----------
    Lawson CL, Hanson RJ (1974). Solving least squares problems, chapter 23. Prentice-Hall.
    Khaligh-Razavi SM, Kriegeskorte N (2014). Deep supervised, but not unsupervised, models may explain IT cortical
    representation. PLoS Computational Biology 10:e1003915.
    """
    known_options(options, WeightedOptions)
    random, seed = generator(rng)
    sides = read(models, ref, argument="models")
    names, values = stacked(models, "models", sides.names)
    targets = _targets(sides)
    unframed(sides.names, "models")
    whitening_allowed(method, models, ref)
    resample = resampled_unit(options, sides)
    kernel = kernel_for(method, None, sides.names, int(interval))
    cautions = guards.related(models.attrs, ref.attrs, "models")
    fold, groups = _folds(images_of(sides), options, random)
    parts = [_held_out(fold == k, values, targets, method) for k in range(fold.max() + 1)]
    each = np.stack([part.scores(kernel) for part in parts], axis=-1)
    of_people, by_fold = each.mean(axis=-1), each.mean(axis=1)
    columns: dict[str, Any] = {"estimate": by_fold.mean(axis=-1), "gain": by_fold[0].mean() - by_fold.mean(axis=-1)}
    if resample == RDMS:
        columns |= _over_participants(of_people)
    elif interval:
        columns |= _over_images(parts, kernel, groups, columns["estimate"], options.get("progress"))
    result = _labelled(sides, names, parts, columns | {"by_fold": by_fold, "by_participant": of_people})
    result = result.assign(fold=("image", fold))
    return stamped(
        result,
        models.attrs,
        method=f"weighted RSA, non-negative least squares, {method}",
        metric=models.attrs.get("metric"),
        reference=sides.reference,
        n_folds=len(parts),
        resample=resample,
        interval=INTERVALS[resample],
        n_participants=len(sides.participants) or None,
        blocks=None if options.get("blocks") is None else "held out as a whole",
        permute=WHOLE if options.get("blocks") is not None else FREE,
        seed=seed,
        **cautions,
    )


def _labelled(sides: Read, names: list[str], parts: "list[_Fold]", columns: dict[str, Array]) -> xr.Dataset:
    """Put labels to the numbers."""
    by_fold, of_people = columns.pop("by_fold"), columns.pop("by_participant")
    table: dict[str, Any] = {name: ("model", column) for name, column in columns.items()}
    table["by_fold"] = (("model", "held_out"), by_fold)
    table["weight"] = (("held_out", LAYER), np.stack([part.weights for part in parts]))
    table["n"] = ("model", np.full(len(by_fold), len(sides.names)))
    labels = np.array(["weighted", *names], dtype=object)
    coords = {"model": labels, LAYER: labels[1:], "image": sides.names, "held_out": np.arange(len(parts))}
    if len(sides.participants):
        table["by_participant"] = (("model", PARTICIPANT), of_people)
        coords[PARTICIPANT] = sides.participants
    return xr.Dataset(table, coords=coords)


def _targets(sides: Read) -> Array:
    """Give the reference of each participant, or of all (participant or 1, pair)."""
    if sides.cells:
        found = listed(f"dims {', '.join(map(repr, sides.cells))}")
        remedy = "Choose one along each: weights are fitted to one reference."
        raise ArgumentError(advice("ref", "have no further dim but 'participant'", found, remedy))
    finite(sides.references, [sides.reference], "ref")
    return np.asarray(sides.references[0])


class _Fold(NamedTuple):
    """Images that are held out, and what is said of them."""

    inside: Array
    """Which images (n,)."""
    predicted: Array
    """The weighted model, then each alone (model, pair)."""
    targets: Array
    """What was held out (participant or 1, pair)."""
    weights: Array
    silent: Array
    """Which predictions say nothing: all their dissimilarities are equal (model,)."""

    def scores(self, kernel: Method) -> Array:
        """Compare predictions with what was held out (model, participant or 1)."""
        out = np.zeros((len(self.predicted), len(self.targets)))
        heard = ~self.silent
        if heard.any():
            out[heard] = similarities(kernel, self.predicted[heard], self.targets)
        return out

    def again(self, kernel: Method, counts: Array) -> Array:
        """Compare in bootstrap samples of the images that are held out: mean over participants (model, draw)."""
        k, people = self.predicted.shape[0], len(self.targets)
        out = np.zeros((k, len(counts)))
        heard = np.flatnonzero(~self.silent).tolist()
        if heard:
            pairs = [(one, k + p) for one in heard for p in range(people)]
            found = kernel.similar(np.concatenate([self.predicted, self.targets]), pairs, counts)
            out[heard] = found.reshape(len(heard), people, -1).mean(axis=1)
        return out


def _folds(images: xr.DataArray, options: WeightedOptions, rng: np.random.Generator) -> tuple[Array, Array | None]:
    """Deal images, or whole groups of them, into folds."""
    n_folds = count("folds", options.get("folds", 5), least=2)
    n = images.size
    blocks = options.get("blocks")
    permute = options.get("permute")
    if blocks is not None and permute != WHOLE:
        remedy = "Images of a group that were learnt from would tell of those that are held out."
        raise ArgumentError(advice("permute", f"be {WHOLE!r} when blocks are given", permute, remedy))
    if blocks is None and one_of("permute", permute or FREE, (FREE, WHOLE)) == WHOLE:
        raise ArgumentError(advice("blocks", f"be given when permute={permute!r}", blocks, "Or leave it out."))
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


def _held_out(inside: Array, models: Array, targets: Array, method: str) -> _Fold:
    """Fit weights outside, and predict inside."""
    first, second = ends(len(inside))
    train, test = ~inside[first] & ~inside[second], inside[first] & inside[second]
    design, seen = (_seen(side[:, train], method) for side in (models, targets))
    scale, lengths = (np.sqrt(np.square(side).mean(axis=1)) for side in (design, seen))
    if not ((scale > 0).all() and (lengths > 0).all() and (np.ptp(targets[:, test], axis=1) > 0).all()):
        remedy = "Take fewer folds, or leave that model out."
        raise ArgumentError(advice("models and ref", "vary inside and outside every fold", listed("constants"), remedy))
    # participants count the same, whatever the unit of their dissimilarities
    average = (seen / lengths[:, None]).mean(axis=0) * lengths.mean()
    weights = nnls((design / scale[:, None]).T, average)[0] / scale
    alone = models[:, test]
    predicted = np.concatenate([(weights @ alone)[None], alone])
    flat = np.ptp(predicted, axis=1) <= 1e-12 * np.abs(predicted).max(axis=1, initial=0)
    silent = ~predicted.any(axis=1) if method in THROUGH_ZERO else flat
    return _Fold(inside, predicted, targets[:, test], weights, np.asarray(silent))


def _seen(vectors: Array, method: str) -> Array:
    """Give what the method compares, as far as it is linear in dissimilarities: (vector, entry)."""
    centred = vectors if method in THROUGH_ZERO else vectors - vectors.mean(axis=1, keepdims=True)
    return whitened(centred) if method in WHITENING else centred


def _over_images(
    parts: list[_Fold], kernel: Method, groups: Array | None, estimate: Array, progress: bool | None
) -> dict[str, Array]:
    """Leave out images of each fold in turn, or groups of them; all else stays as it is."""
    without, strata = [], []
    with bar(len(parts), "jackknife", progress, unit="fold") as shown:
        for k, part in enumerate(parts):
            mine = {} if groups is None else {"blocks": groups[part.inside], "permute": WHOLE}
            kept = one_left_out(int(part.inside.sum()), mine)
            values = part.again(kernel, kept)
            whole = part.again(kernel, np.ones_like(kept[:1]))
            without.append(estimate[:, None] + (values - whole) / len(parts))
            strata += [k] * len(kept)
            shown.update(1)
    left = np.concatenate(without, axis=1)
    gain = estimate[:1] - estimate
    low, high = t_left_out(estimate, left, strata=np.array(strata))
    gain_low, gain_high = t_left_out(gain, left[:1] - left, strata=np.array(strata))
    return {"ci_low": low, "ci_high": high, "gain_ci_low": gain_low, "gain_ci_high": gain_high}


def _over_participants(values: Array) -> dict[str, Array]:
    """Limits of each model and of its distance to the weighted one (model, participant)."""
    low, high = stats.t_interval(values)
    gain_low, gain_high = stats.t_interval(values[:1] - values)
    return {"ci_low": low, "ci_high": high, "gain_ci_low": gain_low, "gain_ci_high": gain_high}
