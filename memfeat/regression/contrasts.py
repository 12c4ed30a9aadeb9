"""Differences between layers or between models, paired: whose predictions agree better with the same scores."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any, NamedTuple, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat import stats
from memfeat._check import advice, count, generator, known_options, listed, looked_up
from memfeat._labels import IMAGE, LAYER, matched, stamped
from memfeat.errors import ArgumentError, KindError
from memfeat.regression.resampled import RESAMPLED, variance
from memfeat.regression.targets import SCORE, Targets, targets_of
from memfeat.stats.exchange import units

__all__ = ["ContrastOptions", "contrast"]

Array = npt.NDArray[np.float64]
CONTRAST, METRIC, REPEAT = "contrast", "metric", "repeat"
#: Mean squared errors that differ by a smaller share are the same.
SAME = 1e-6
#: What the metrics of a decoding are called here.
CALLED = {"estimate": "spearman", "pearson": "pearson", "r2": "r2", "mse": "mse"}


class ContrastOptions(stats.Exchange, total=False):
    """Options of :func:`memfeat.regression.contrast`, besides those of :class:`memfeat.stats.Exchange`.

    `against` : name of the one layer or model that all others are compared with; all pairs by default.
    """

    against: str


def contrast(
    decoded: xr.Dataset | Mapping[str, xr.Dataset],
    scores: xr.DataArray | pd.Series | xr.Dataset | pd.DataFrame,
    *,
    n_bootstraps: int = 1_000,
    rng: int | np.random.Generator = 0,
    **options: Unpack[ContrastOptions],
) -> xr.Dataset:
    """Compare layers, or models, in how well their predictions of held-out images agree with scores.

    Null hypothesis: both agree equally well, among images of this kind. Unit: the image, or as `permute` says. All are
    judged in the same bootstrap samples, predictions held fixed. There is no permutation test: rearranging scores would
    test that neither of the two predicts at all.

    Parameters
    ----------
    decoded : Dataset (layer, image) or mapping
        What :func:`decode` gave, whose layers are compared; or model → what it gave for the layers of that model.
    scores : DataArray (image), pandas.Series, Dataset (image) or pandas.DataFrame
        The scores that were decoded, matched by image name. Where covariates were taken out, predictions are compared
        with what they left.
    n_bootstraps : int
        Bootstrap samples.
    rng : int or numpy.random.Generator
        Seed or source of the samples.
    **options : against, blocks, permute, alternative
        `against`: the one that all others are compared with; all pairs by default. The others are those of
        :class:`memfeat.stats.Exchange`.

    Returns
    -------
    Dataset (contrast, metric)
        `estimate`: agreement of `first (contrast)` less that of `second (contrast)`; `ci_low`, `ci_high` (95 %), `p`
        (two-sided by default), `p_corrected` (over contrasts and scores, for each metric: the largest deviation of any
        in the same samples, in standard errors), `n` images.
        `metric` is "spearman", "pearson", "r2" and "mse" (of which less is better). Several scores add a dim `score`.
        Layers of several models are called "model: layer", or "model" where it has one.

    Raises
    ------
    KindError
        If these are no results of :func:`decode`.
    ArgumentError
        If images differ, scores are others than those that were decoded, or in other units, there are fewer than two to
        compare, or so few images that more than 1 % of the bootstrap samples hold one score only.
    UnknownNameError
        If `against` is none of them, or there is no such option.

    See Also
    --------
    memfeat.evaluation.compare : The same for predictions of any origin, with Zou's interval and Steiger's test.

    Notes
    -----
    Expanded percentile interval (:func:`memfeat.stats.expanded`) of the difference, and the p at which it just touches
    0, which is about 2 / `n_bootstraps` at least. `p_corrected` is that p, or, if larger, the share of samples in which
    any difference deviates from its estimate by as many standard errors as this one from 0
    (:func:`memfeat.stats.largest_deviation`), so that all pairs of many layers can be looked at. Over repeated folds
    the difference is that of the means over repeats. Decode with the same seed, so that all meet the same folds.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> from memfeat.regression import decode
    >>> names = [f"{i:02d}.jpg" for i in range(12)]
    >>> layers = {"a": ("image", np.arange(12.0)), "b": ("image", np.arange(12.0) % 4)}
    >>> features = xr.Dataset(layers, coords={"image": names})
    >>> scores = features["a"] / 10
    >>> result = contrast(decode(features, scores, n_permutations=0), scores)
    >>> result["first"].item(), bool(result["estimate"].sel(metric="spearman").item() > 0)
    ('a', True)
    """
    known_options(options, ContrastOptions)
    count("n_bootstraps", n_bootstraps, least=2)
    random, seed = generator(rng)
    read = _read(decoded, scores)
    exchange: Any = {name: given for name, given in options.items() if name != "against"}
    exchanged = units(exchange, to=read.targets.images[read.held], alternative="two-sided")
    pairs = _pairs(list(read.predictions), options.get("against"))
    counts = stats.bootstrap_counts(len(read.held), n_bootstraps, rng=random, **exchanged.scheme)
    stats.enough(np.array([variance(one[read.held], counts) for score in read.truth for one in score]))
    samples = np.vstack([np.ones((1, len(read.held)), dtype=np.int64), counts])
    values = np.array([_agreement(one, read, samples) for one in read.predictions.values()])
    _must_be_decoded(values[:, list(CALLED).index("mse"), :, 0], read)
    first, second = (values[[pair[side] for pair in pairs]] for side in (0, 1))
    drawn = stats.drawn_units(len(read.held), **exchanged.scheme)
    result = _labelled(first, second, {"drawn": drawn, "alternative": exchanged.alternative}, read, pairs)
    sources = decoded.attrs if isinstance(decoded, xr.Dataset) else {}
    return stamped(
        result,
        sources,
        method="contrast of decoding, paired bootstrap",
        null="both agree equally well with the scores",
        scores=read.targets.names if read.targets.several else read.targets.names[0],
        **exchanged.recorded,
        correction="p_corrected: largest deviation of all contrasts and scores in the same bootstrap samples, in "
        "standard errors, for each metric",
        n_bootstraps=n_bootstraps,
        interval="95 % expanded percentile bootstrap over images, paired, predictions held fixed",
        seed=seed,
    )


class _Read(NamedTuple):
    """Predictions of the same images, in the order of their names."""

    predictions: dict[str, Array]
    """Name → (score, repeat, n)."""
    truth: Array
    """(score, repeat or 1, n), what they are compared with."""
    targets: Targets
    held: npt.NDArray[np.intp]
    errors: Array
    """(name, score), mean squared errors as decode told them; NaN where other images have been chosen since."""


def _read(decoded: Any, scores: Any) -> _Read:
    """Read results of decode, of the same images and scores."""
    several = isinstance(decoded, Mapping) and not isinstance(decoded, xr.Dataset)
    results = dict(decoded) if several else {"": decoded}
    for model, result in results.items():
        if not isinstance(result, xr.Dataset) or "prediction" not in result:
            argument = f"decoded[{model!r}]" if several else "decoded"
            found = listed(type(result).__name__)
            raise KindError(advice(argument, "be what mf.regression.decode gave", found, "Pass its whole result."))
    if not results:
        raise ArgumentError(advice("decoded", "hold two layers or models at least", listed("none")))
    targets = targets_of(scores, next(iter(results.values())))
    predictions: dict[str, Array] = {}
    errors = []
    for model, result in results.items():
        for layer in result[LAYER].values:
            name = str(layer) if not several else model if result.sizes[LAYER] == 1 else f"{model}: {layer}"
            predictions[name] = _by_score(result["prediction"].sel({LAYER: layer}), targets)
            errors.append(_errors(result.sel({LAYER: layer}), targets))
    held = [np.flatnonzero(np.isfinite(one[0, 0])) for one in predictions.values()]
    if any(not np.array_equal(one, held[0]) for one in held):
        found = listed("other images held out in some")
        raise ArgumentError(
            advice("decoded", "be predictions of the same images", found, "Use the same folds for all.")
        )
    return _Read(predictions, _truth(list(results.values()), targets), targets, held[0], np.array(errors))


def _errors(decoded: xr.Dataset, targets: Targets) -> Array:
    """Give what decode told of the errors of one layer (score,)."""
    n_scores = len(targets.names)
    whole = "mse" in decoded and "n" in decoded and IMAGE not in decoded["n"].dims
    there = decoded["prediction"].count(IMAGE)
    told = decoded["mse"].values if whole and (there == decoded["n"]).all() else np.full(n_scores, np.nan)
    return np.reshape(told, n_scores)


def _must_be_decoded(found: Array, read: _Read) -> None:
    """Refuse other scores than those that were decoded, in other units for instance: predictions miss them by more."""
    spread = read.targets.values[read.held].var(axis=0)
    other = np.abs(found - read.errors) > SAME * np.maximum(read.errors, spread)
    if other.any():
        _, score = np.argwhere(other)[0]
        argument = f"scores[{read.targets.names[score]!r}]" if read.targets.several else "scores"
        errors = listed(f"a mean squared error of {found[other][0]:g}, not {read.errors[other][0]:g}")
        remedy = "Pass the same numbers as to decode, in the same unit."
        raise ArgumentError(advice(argument, "be those that were decoded", errors, remedy))


def _truth(results: list[xr.Dataset], targets: Targets) -> Array:
    """Give scores, or what the same covariates left of them in the same folds of all."""
    left = [_by_score(result["residual"], targets) for result in results if "residual" in result]
    if left and (len(left) < len(results) or any(not np.array_equal(one, left[0], equal_nan=True) for one in left)):
        found = listed("other residuals in some")
        remedy = "Decode all with the same covariates, folds and seed, or all without covariates."
        raise ArgumentError(advice("decoded", "be predictions of the same residuals", found, remedy))
    return left[0] if left else targets.values.T[:, None]


def _by_score(layer: xr.DataArray, targets: Targets) -> Array:
    """Give predictions (score, repeat, n) of one layer, of these scores."""
    own = matched(layer, targets.images, argument="decoded", reference="scores")
    own = own if REPEAT in own.dims else own.expand_dims(REPEAT)
    own = own if SCORE in own.dims else own.expand_dims({SCORE: np.array(targets.names[:1], dtype=object)})
    if [str(name) for name in own[SCORE].values] != targets.names:
        remedy = "Pass the same columns as to decode, in the same order."
        raise ArgumentError(advice("scores", "be those that were decoded", listed.of(targets.names), remedy))
    return np.asarray(own.transpose(SCORE, REPEAT, IMAGE).values)


def _pairs(names: list[str], against: str | None) -> list[tuple[int, int]]:
    if len(names) < 2:
        raise ArgumentError(advice("decoded", "hold two layers or models at least", listed.of(names)))
    if against is None:
        return list(combinations(range(len(names)), 2))
    one = names.index(looked_up("against", against, names, f"There are {', '.join(names)}."))
    return [(k, one) for k in range(len(names)) if k != one]


def _agreement(predictions: Array, read: _Read, samples: npt.NDArray[np.int64]) -> Array:
    """Give each metric in the data and in each sample, (metric, score, 1 + draws); means over repeats."""
    pairs = [np.broadcast_arrays(*both) for both in zip(predictions, read.truth, strict=True)]
    return np.array(
        [
            [np.mean([metric(own[read.held], truth[read.held], samples) for own, truth in zip(*both, strict=True)],
                     axis=0) for both in pairs]
            for metric in RESAMPLED.values()
        ]
    )  # fmt: skip


def _largest(first: Array, second: Array, how: dict[str, Any]) -> Array:
    """Compare each difference with the largest of its metric (contrast, metric, score)."""
    # what is not defined, as the correlation of a constant prediction, has no size
    size = np.fmax.reduce(np.fmax(np.abs(first[..., 0]), np.abs(second[..., 0])), axis=0)  # (metric, score)
    gap = (first - second) / np.where(size > 0, size, 1.0)[..., None]
    found = [
        stats.largest_deviation(one[..., 0], one[..., 1:], alternative=how["alternative"], **how["drawn"])
        for one in np.moveaxis(gap, 1, 0)
    ]
    return np.stack(found, axis=1)


def _labelled(
    first: Array, second: Array, how: dict[str, Any], read: _Read, pairs: list[tuple[int, int]]
) -> xr.Dataset:
    """Put labels to differences (contrast, metric, score, 1 + draws)."""
    gap = first - second
    draws = gap[..., 1:]
    low, high = stats.expanded(draws, **how["drawn"])
    p = stats.bootstrap_p(draws, alternative=how["alternative"], **how["drawn"])
    columns = {"estimate": gap[..., 0], "ci_low": low, "ci_high": high, "p": p}
    columns["p_corrected"] = np.maximum(p, _largest(first, second, how)) if p[:, 0].size > 1 else p
    columns |= {"first_estimate": first[..., 0], "second_estimate": second[..., 0]}
    names = list(read.predictions)
    coords: dict[str, Any] = {
        CONTRAST: np.array([f"{names[a]} − {names[b]}" for a, b in pairs], dtype=object),
        "first": (CONTRAST, np.array([names[a] for a, _ in pairs], dtype=object)),
        "second": (CONTRAST, np.array([names[b] for _, b in pairs], dtype=object)),
        METRIC: np.array(list(CALLED.values()), dtype=object),
        SCORE: np.array(read.targets.names, dtype=object),
    }
    variables: dict[str, Any] = {name: ((CONTRAST, METRIC, SCORE), values) for name, values in columns.items()}
    variables["n"] = (CONTRAST, np.full(len(pairs), len(read.held)))
    result = xr.Dataset(variables, coords)
    return result if read.targets.several else result.isel({SCORE: 0}, drop=True)
