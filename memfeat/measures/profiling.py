"""Correlations of a measure with scores, layer by layer, beside baselines."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Unpack
from warnings import warn

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy.stats import skew

from memfeat import guards, stats
from memfeat._check import advice, count, known_options, listed, one_of
from memfeat._check import generator as seeded
from memfeat._labels import LAYER, stamped
from memfeat.errors import ArgumentError, SkewedWarning
from memfeat.measures.reliabilities import Known, known_of
from memfeat.measures.resampled import METHODS, Counts, correlations, permuted, residuals
from memfeat.measures.tables import Columns, Rows, cautions_of, columns_of, covariates_of, rows_of
from memfeat.stats.exchange import Units, units

__all__ = ["SCORE", "ProfileOptions", "Question", "labelled", "profile", "question_of", "warn_of_skewed"]

Array = npt.NDArray[np.float64]
SCORE, KIND, LAYER_NAME = "score", "kind", "layer_name"
#: What is left of a variance below this share is rounding.
NOTHING = 1e-9
#: Skewness of a measure beyond which intervals of Pearson's r are warned about: with 100 images they hold the truth in
#: 94 % where it is 0.7 in the population, 88 % where it is 1.6, 39 % where it is 10, and samples show less than that.
SKEWED = 1.0
#: Whether covariates are taken out -> what is tested.
NULLS = {
    False: "scores are unrelated to the measure in this layer; p_corrected: in every layer",
    True: "given the covariates, scores are unrelated to the measure in this layer (Freedman-Lane); p_corrected: in "
    "every layer",
}


class ProfileOptions(stats.Exchange, total=False):
    """Options of :func:`memfeat.measures.profile`, besides those of :class:`memfeat.stats.Exchange`.

    `method` : "spearman" (default), "pearson" or "normal_scores", which correlation: of ranks, of values, or of normal
    quantiles Φ⁻¹(rank / (n + 1)) of ranks.
    `baselines` : mapping from name to what the measure is to be held against, treated alike: the same measure of an
    untrained network, by layer, or one column of numbers such as luminance.
    `reliability` : {"split_half": r} or {"spearman_brown": r} of the scores; what :func:`memfeat.scores.split_half` or
    :func:`memfeat.scores.reliability` gave; or the scores of both halves of the participants in one or more random
    splits, a DataArray (image, half, split), which are drawn again together with the images, as
    :func:`memfeat.scores.halves` gives them. Of a Dataset the measure called as the scores is taken, or the only one.
    With several scores, such a Dataset, or a mapping from score to any of these.
    """

    method: Literal["spearman", "pearson", "normal_scores"]
    baselines: Mapping[str, Any]
    reliability: Mapping[str, Any] | xr.DataArray | xr.Dataset


class Question(NamedTuple):
    """What is correlated, images in the order of their names."""

    rows: Rows
    scores: Columns
    covariates: Columns
    method: str
    exchanged: Units

    def correlations(self, samples: Counts) -> Array:
        """Correlate in samples of images (row, score, draw), given the covariates."""
        return self._in(samples, self.covariates.values)

    def plain(self, samples: Counts) -> Array:
        """Correlate in samples of images (row, score, draw), whatever the covariates."""
        return self._in(samples, self.covariates.values[:0])

    def permuted(self, index: npt.NDArray[Any]) -> Array:
        """Correlate with rearranged scores, or residuals of them (row, score, permutation)."""
        columns = self.scores.values, self.covariates.values
        return permuted(self.rows.values, *columns, index, ranked=METHODS[self.method])

    def _in(self, samples: Counts, controls: Array) -> Array:
        return correlations(self.rows.values, self.scores.values, controls, samples, ranked=METHODS[self.method])

    @property
    def n(self) -> int:
        """Number of images."""
        return int(self.rows.images.size)

    @property
    def recorded(self) -> dict[str, Any]:
        """What goes into the attributes of the result."""
        scores = self.scores.names if self.scores.several else self.scores.names[0]
        baselines = list(dict.fromkeys(self.rows.kinds))[1:]
        return {"scores": scores, "covariates": self.covariates.names or None, "baselines": baselines or None}


class _Family(NamedTuple):
    """Observed (row, score) and permuted (row, score, permutation) correlations, and how they are compared."""

    observed: Array
    null: Array
    how: dict[str, Any]

    def judged(self, rows: list[int]) -> dict[str, Array]:
        """Test some rows, and correct over them and all scores."""
        observed, null = self.observed[rows], self.null[rows]
        p = stats.p_value(observed, null, **self.how)
        flat = observed.reshape(-1), null.reshape(-1, null.shape[-1])
        corrected = stats.max_statistic(*flat, **self.how).reshape(p.shape)
        return {"p": p, "p_corrected": corrected, "p_fdr": stats.fdr(p.reshape(-1)).reshape(p.shape)}


def profile(
    measure: xr.Dataset | xr.DataArray,
    scores: xr.DataArray | pd.Series | xr.Dataset | pd.DataFrame,
    *,
    covariates: xr.DataArray | pd.Series | xr.Dataset | pd.DataFrame | None = None,
    n_permutations: int = 9_999,
    n_bootstraps: int = 1_000,
    rng: int | np.random.Generator = 0,
    **options: Unpack[ProfileOptions],
) -> xr.Dataset:
    """Correlate a measure with scores in every layer, corrected for having looked at all layers.

    Null hypothesis of the p-values: scores are unrelated to the measure, so that every assignment of scores to images
    was equally likely; with covariates: given these, scores are unrelated to the measure, so that every assignment of
    the residuals of scores was. Unit of exchange: the image, or as `permute` says.

    Parameters
    ----------
    measure : Dataset (image) or DataArray (layer, image)
        One number per image and layer, such as from :func:`magnitude`; one variable per layer in a Dataset.
    scores : DataArray (image), pandas.Series, Dataset (image) or pandas.DataFrame
        One score per image, matched by image name. In a Dataset or DataFrame every column is one (hit rate, false
        alarms, d′).
    covariates : DataArray (image), pandas.Series, Dataset (image) or pandas.DataFrame, optional
        Numbers that scores and measure shall not have in common through, such as low-level statistics. Make 0 and 1
        of categories first.
    n_permutations : int
        How many permutations; if there are no more rearrangements than this, all are used and p is exact. 0 gives no
        p-values.
    n_bootstraps : int
        How many bootstrap samples of images for the intervals. 0 gives no intervals.
    rng : int or numpy.random.Generator
        Seed of permutations and bootstrap samples, in this order.
    **options : method, baselines, reliability, blocks, permute, alternative
        See :class:`memfeat.measures.ProfileOptions`, and for what may be exchanged :class:`memfeat.stats.Exchange`.

    Returns
    -------
    Dataset (layer)
        `estimate`, the correlation, or with covariates the partial one; `ci_low` and `ci_high` (95 %); `p`;
        `p_corrected` (largest statistic over layers and scores) and `p_fdr` (Benjamini-Hochberg over the same), each
        kind by itself; `n` images. With covariates also `plain`, the correlation without them, and its limits. With
        `reliability` also `estimate_relative` and its limits; with halves `reliability`, that of the full scores, and
        its limits. Baselines follow the layers: "untrained: conv1" or "luminance". The coordinates `kind (layer)` says
        "measure" or which baseline it is, and `layer_name (layer)` the layer without that. Several scores add a dim
        `score`.

    Raises
    ------
    KindError
        If measure, scores, covariates or baselines are no labelled numbers.
    ArgumentError
        If images differ or are too few, a value is missing, something does not vary, covariates are made up of each
        other or make up a layer or the scores, groups come without a scheme, more than 1 % of the bootstrap samples
        leave nothing to correlate, or an option has an unknown value.
    UnknownNameError
        If there is no option, or no score, of that name.

    Warns
    -----
    CircularWarning
        If the scores were predicted by the network that the measure was made of, or by one with the same trunk.
    SkewedWarning
        If there are to be intervals of Pearson's r, and in a layer or a baseline skewness is beyond 1 or −1.

    See Also
    --------
    contrast : Tests differences between layers, which two p-values do not.
    memfeat.regression.decode : Predicts scores from all features of a layer.

    Notes
    -----
    The partial correlation is that of the residuals of measure and scores, both regressed on covariates and an
    intercept; "spearman" takes ranks of all of them first, "normal_scores" normal quantiles of these. Permutations
    (Freedman & Lane, 1983) exchange residuals of the scores, and take the covariates out of them once more. Only what
    is linear, between what is correlated, is taken out. Ranks of what a covariate drives are not linear in its ranks,
    so that a little stays, and the more images there are the more often it is found: with a covariate that drives a
    third to a half of both, tests at 5 % rejected 6 % with 100 images, 7 % with 800 and 8 % with 2,000, those of
    normal scores 4 to 5 %. With many images and strong covariates take "normal_scores", which take out all of what
    monotone functions of jointly normal variables share, or "pearson", which does of such variables themselves.

    Intervals are expanded percentiles of bootstrap samples of images (:func:`memfeat.stats.expanded`), in which ranks
    and regressions are made anew; the measure of an image is held fixed, also where it depends on the other images.
    Layers are strongly dependent: do not count significant ones. Pearson's r of a skewed measure, as distances and
    magnitudes often are, hangs on few images, and a sample without these looks less skewed than it ought to: with 100
    images and a strong correlation its interval held the truth in 94, 88 and 39 % of 1,000
    simulations with a measure eᵃˣ, a = .2, .4 and 1, of a normal x. Take ranks, normal scores, or the logarithm of the
    measure.

    `estimate_relative` is the correlation divided by √r_SB, r_SB the reliability of the scores: 2r / (1 + r) with r the
    mean correlation of halves over splits, of what covariates leave of halves if there are any. It says how large the
    correlation would be if scores were free of noise, to the approximation of classical test theory, and may exceed 1.
    A number, named or found by split halves, is held fixed in its interval.

    References
    ----------
    van der Waerden BL (1952). Order tests for the two-sample problem and their power. Indagationes Mathematicae
    14:453-458.
    Freedman D, Lane D (1983). A nonstochastic interpretation of reported significance levels. Journal of Business and
    Economic Statistics 1:292-298.
    Winkler AM, Ridgway GR, Webster MA, et al. (2014). Permutation inference for the general linear model. NeuroImage
    92:381-397.
    Westfall PH, Young SS (1993). Resampling-based multiple testing. Wiley.
    Spearman C (1904). The proof and measurement of association between two things. American Journal of Psychology
    15:72-101.

    Examples
    --------
    >>> import xarray as xr
    >>> names = list("abcd")
    >>> layers = {"conv": ("image", [2.0, 1, 3, 4]), "fc": ("image", [1.0, 2, 3, 4])}
    >>> measure = xr.Dataset(layers, {"image": names})
    >>> scores = xr.DataArray([0.1, 0.4, 0.5, 0.9], {"image": names}, "image", "hit_rate")
    >>> found = profile(measure, scores, n_bootstraps=0, alternative="greater")
    >>> found["estimate"].values, found["p"].values.round(4)
    (array([0.8, 1. ]), array([0.1667, 0.0417]))
    """
    known_options(options, ProfileOptions, profile)
    asked = question_of(measure, scores, covariates, options)
    generator, seed = seeded(rng)
    cautions = cautions_of(asked.rows, asked.scores)
    everyone = np.ones((1, asked.n), dtype=np.int64)
    found: dict[str, Array] = {"estimate": asked.correlations(everyone)[..., 0]}
    drawn: dict[str, Any] = {"n_permutations": 0, "n_bootstraps": n_bootstraps}
    if count("n_permutations", n_permutations, least=0):
        index, exact = stats.permutations(asked.n, n_permutations, rng=generator, **asked.exchanged.scheme)
        how = {"exact": exact, "alternative": asked.exchanged.alternative}
        found |= _by_kind(asked.rows, _Family(found["estimate"], asked.permuted(index), how))
        drawn |= {"n_permutations": len(index), "exact": exact}
    counts = everyone[:0]
    if count("n_bootstraps", n_bootstraps, least=0):
        warn_of_skewed(asked)
        counts = stats.bootstrap_counts(asked.n, n_bootstraps, rng=generator, **asked.exchanged.scheme)
    samples = np.concatenate([everyone, counts])
    given = options.get("reliability")
    known = known_of(
        given, asked.scores, asked.covariates, samples, images=asked.rows.images, ranked=METHODS[asked.method]
    )
    found |= _with_limits(asked, samples, known)
    words = {"correction": "over layers and scores of a kind; p_corrected: max-statistic; p_fdr: Benjamini-Hochberg"}
    words["interval"] = "95 % expanded percentile bootstrap over images"
    partial = "partial " if asked.covariates.names else ""
    facts = {**asked.recorded, **drawn, **asked.exchanged.recorded, **cautions}
    return stamped(
        labelled(found, asked),
        asked.rows.attrs,
        method=f"{partial}{asked.method} correlation by layer",
        measure=asked.rows.attrs.get("method"),
        null=NULLS[bool(partial)],
        **words,
        reliability=None if known is None else known.recorded,
        seed=seed,
        **facts,
    )


def question_of(measure: Any, scores: Any, covariates: Any, options: Mapping[str, Any]) -> Question:
    """Read what is to be correlated, and see to it that there is something.

    Parameters
    ----------
    measure, scores, covariates : object
        As the user gave them.
    options : mapping
        `method`, `baselines`, and those of :class:`memfeat.stats.Exchange`.

    Returns
    -------
    Question
        All of it, checked.

    Raises
    ------
    KindError, ArgumentError
        If it is not as :func:`profile` says.
    """
    method = one_of("method", options.get("method") or "spearman", METHODS)
    rows = rows_of(measure, options.get("baselines"))
    if rows.images.size < 3:
        remedy = "Two points always lie on a line."
        raise ArgumentError(advice("measure", "have three images at least", rows.images.size, remedy))
    columns, controls = columns_of(scores, "scores", rows), covariates_of(covariates, rows)
    exchange: Any = {name: options.get(name) for name in stats.Exchange.__annotations__}
    exchanged = units(exchange, to=rows.images, alternative="two-sided")
    if controls.names:
        ranked = METHODS[method]
        for names, values in ((rows.names, rows.values), (columns.names, columns.values)):
            gone = np.flatnonzero(residuals(values, controls.values, ranked=ranked) <= NOTHING)
            if len(gone):
                found = listed(f"nothing of {listed.of(names[k] for k in gone)}")
                remedy = "Leave out these layers or scores, or the covariates that they are made of."
                raise ArgumentError(advice("covariates", "leave something of measure and scores", found, remedy))
    return Question(rows, columns, controls, method, exchanged)


def warn_of_skewed(asked: Question) -> None:
    """Warn where intervals of Pearson's r are likely to be too narrow.

    Parameters
    ----------
    asked : Question
        What is correlated.

    Warns
    -----
    SkewedWarning
        If values themselves are correlated, and those of a row are skewed.
    """
    skewed = np.flatnonzero(np.abs(skew(asked.rows.values, axis=1)) > SKEWED)
    if METHODS[asked.method] is None and len(skewed):
        text = (
            f"Skewness is beyond {SKEWED:g} in {listed.of(asked.rows.names[k] for k in skewed)}. Pearson's r of such a "
            'measure hangs on few images, and its interval can be much too narrow. Take ranks, method="spearman" or '
            '"normal_scores", or logarithms of the measure.'
        )
        warn(text, SkewedWarning, stacklevel=guards._outside())


def _by_kind(rows: Rows, family: _Family) -> dict[str, Array]:
    """Test each kind by itself, so that baselines change nothing for the measure."""
    found: dict[str, Array] = {}
    for kind in dict.fromkeys(rows.kinds):
        places = rows.of(kind)
        for name, values in family.judged(places).items():
            found.setdefault(name, np.empty(family.observed.shape))[places] = values
    return found


def _with_limits(asked: Question, samples: Counts, known: Known | None) -> dict[str, Array]:
    """Give intervals, and what is had of the same samples (row, score)."""
    values = asked.correlations(samples)
    series = {"": values}
    if asked.covariates.names:
        series["plain"] = asked.plain(samples)
    if known is not None:
        series["estimate_relative"] = values / np.sqrt(known.values)
        if known.halves:
            series["reliability"] = known.values
    drawn = stats.drawn_units(asked.n, **asked.exchanged.scheme)
    found: dict[str, Array] = {name: one[..., 0] for name, one in series.items() if name}
    for name, one in series.items() if len(samples) > 1 else ():
        without = np.isnan(one[..., :1])  # a score without reliability has no draws
        low, high = stats.expanded(stats.enough(np.where(without, 0.0, one[..., 1:])), **drawn)
        prefix = f"{name}_" if name else ""
        found |= {
            f"{prefix}ci_{side}": np.where(without[..., 0], np.nan, x) for side, x in (("low", low), ("high", high))
        }
    return found


def labelled(found: Mapping[str, Array], asked: Question) -> xr.Dataset:
    """Put labels to statistics of rows and scores.

    Parameters
    ----------
    found : mapping of array (row, score) or (score,)
        The statistics.
    asked : Question
        What they are of.

    Returns
    -------
    Dataset (layer, score)
        The statistics; without the dim `score` for one score.
    """
    rows = asked.rows
    variables: dict[str, Any] = {name: ((LAYER, SCORE)[2 - np.ndim(x) :], x) for name, x in found.items()}
    variables["n"] = (LAYER, np.full(len(rows.names), asked.n))
    coords: dict[str, Any] = {
        LAYER: np.array(rows.names, dtype=object),
        SCORE: np.array(asked.scores.names, dtype=object),
    }
    coords |= {name: (LAYER, np.array(x, dtype=object)) for name, x in ((KIND, rows.kinds), (LAYER_NAME, rows.layers))}
    result = xr.Dataset(variables, coords)
    return result if asked.scores.several else result.isel({SCORE: 0}, drop=True)
