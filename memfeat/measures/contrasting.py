"""Differences between layers, and between layers and baselines, in how a measure goes with scores: paired."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any, Literal, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat import stats
from memfeat._check import advice, count, generator, known_options, listed, looked_up
from memfeat._labels import stamped
from memfeat.errors import ArgumentError
from memfeat.measures.profiling import SCORE, question_of, warn_of_skewed
from memfeat.measures.tables import MEASURE, Rows, cautions_of

__all__ = ["ContrastOptions", "contrast"]

Array = npt.NDArray[np.float64]
CONTRAST = "contrast"


class ContrastOptions(stats.Exchange, total=False):
    """Options of :func:`memfeat.measures.contrast`, besides those of :class:`memfeat.stats.Exchange`.

    `method` : "spearman" (default), "pearson" or "normal_scores", which correlation, as in :func:`profile`.
    `baselines` : mapping from name to baseline, as :func:`memfeat.measures.profile` takes it.
    `against` : name of the layer that all others are compared with, or of the baseline: each layer is compared with the
    same layer of a baseline by layer, or all with its one column. All pairs of layers by default.
    """

    method: Literal["spearman", "pearson", "normal_scores"]
    baselines: Mapping[str, Any]
    against: str


def contrast(
    measure: xr.Dataset | xr.DataArray,
    scores: xr.DataArray | pd.Series | xr.Dataset | pd.DataFrame,
    *,
    covariates: xr.DataArray | pd.Series | xr.Dataset | pd.DataFrame | None = None,
    n_bootstraps: int = 1_000,
    rng: int | np.random.Generator = 0,
    **options: Unpack[ContrastOptions],
) -> xr.Dataset:
    """Compare layers, or layers with baselines, in how their measure goes with scores.

    Null hypothesis: both have the same correlation with the scores, among images of this kind. Unit: the image, or as
    `permute` says. All are judged in the same bootstrap samples. There is no permutation test: rearranging scores would
    test that neither of the two goes with them at all.

    Parameters
    ----------
    measure, scores, covariates : object
        As :func:`profile` takes them. With covariates, partial correlations are compared.
    n_bootstraps : int
        Bootstrap samples.
    rng : int or numpy.random.Generator
        Seed or source of the samples.
    **options : method, baselines, against, blocks, permute, alternative
        See :class:`memfeat.measures.ContrastOptions`, and for what may be drawn :class:`memfeat.stats.Exchange`.

    Returns
    -------
    Dataset (contrast)
        `estimate`: the correlation of `first (contrast)` less that of `second (contrast)`; `ci_low`, `ci_high` (95 %);
        `p` (two-sided by default); `p_corrected` (over contrasts and scores: the largest deviation of any in the
        same samples, in standard errors); `n` images; `first_estimate`, `second_estimate`. Several scores add a dim
        `score`.

    Raises
    ------
    KindError, ArgumentError
        As :func:`profile`, and if there is nothing to compare.
    UnknownNameError
        If `against` is no layer and no baseline, or there is no such option.

    Warns
    -----
    CircularWarning, SkewedWarning
        As :func:`profile`.

    See Also
    --------
    memfeat.evaluation.compare : The same for plain correlations of columns, with Zou's interval and Steiger's test.

    Notes
    -----
    Expanded percentile interval (:func:`memfeat.stats.expanded`) of the difference, and the p at which it just touches
    0, which is about 2 / `n_bootstraps` at least. `p_corrected` is that p, or, if larger, the share of samples in which
    any difference deviates from its estimate by as many standard errors as this one from 0
    (:func:`memfeat.stats.largest_deviation`), so that all pairs of many layers can be looked at.

    Differences of partial rank correlations hold what ranks of covariates leave, see :func:`profile`: with covariates
    that drive much of measure and scores take "normal_scores".

    Signs count: .3 differs from −.3. Turn the sign of a baseline to compare strengths.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> names = [f"{i:02d}.jpg" for i in range(12)]
    >>> layers = {"conv": ("image", np.arange(12.0) % 4), "fc": ("image", np.arange(12.0))}
    >>> measure = xr.Dataset(layers, {"image": names})
    >>> found = contrast(measure, measure["fc"] / 10, against="conv")
    >>> found["first"].item(), float(found["first_estimate"].item())
    ('fc', 1.0)
    """
    known_options(options, ContrastOptions, contrast)
    count("n_bootstraps", n_bootstraps, least=2)
    random, seed = generator(rng)
    asked = question_of(measure, scores, covariates, options)
    pairs = _pairs(asked.rows, options.get("against"))
    warn_of_skewed(asked)
    cautions = cautions_of(asked.rows, asked.scores)
    counts = stats.bootstrap_counts(asked.n, n_bootstraps, rng=random, **asked.exchanged.scheme)
    values = asked.correlations(np.concatenate([np.ones((1, asked.n), dtype=np.int64), counts]))
    stats.enough(values[..., 1:])
    first, second = (values[[pair[side] for pair in pairs]] for side in (0, 1))  # (contrast, score, 1 + draws)
    drawn = stats.drawn_units(asked.n, **asked.exchanged.scheme)
    found = _judged(first - second, drawn, asked.exchanged.alternative)
    found |= {"first_estimate": first[..., 0], "second_estimate": second[..., 0]}
    names = [(asked.rows.names[a], asked.rows.names[b]) for a, b in pairs]
    partial = "partial " if asked.covariates.names else ""
    result = _labelled(found, names, asked.scores.names).assign(n=(CONTRAST, np.full(len(pairs), asked.n)))
    return stamped(
        result if asked.scores.several else result.isel({SCORE: 0}, drop=True),
        asked.rows.attrs,
        method=f"difference of {partial}{asked.method} correlations, paired bootstrap",
        measure=asked.rows.attrs.get("method"),
        null="both have the same correlation with the scores",
        **asked.recorded,
        **asked.exchanged.recorded,
        correction="p_corrected: largest deviation of all contrasts and scores in the same bootstrap samples, in "
        "standard errors",
        n_bootstraps=n_bootstraps,
        interval="95 % expanded percentile bootstrap over images, paired",
        seed=seed,
        **cautions,
    )


def _pairs(rows: Rows, against: str | None) -> list[tuple[int, int]]:
    """Say which rows are compared."""
    layers = rows.of(MEASURE)
    if against is None:
        found = list(combinations(layers, 2))
    else:
        kinds = [kind for kind in dict.fromkeys(rows.kinds) if kind != MEASURE]
        known = [*(rows.names[k] for k in layers), *kinds]
        looked_up("against", against, known, f"There are {', '.join(known)}.")
        found = _with_kind(rows, against) if against in kinds else _with_layer(rows, against)
    if not found:
        have = listed.of(rows.names)
        remedy = "Measure further layers, or pass baselines=."
        raise ArgumentError(advice("measure", "leave two layers at least, or a layer and its baseline", have, remedy))
    return found


def _with_layer(rows: Rows, against: str) -> list[tuple[int, int]]:
    one = rows.names.index(against)
    return [(k, one) for k in rows.of(MEASURE) if k != one]


def _with_kind(rows: Rows, kind: str) -> list[tuple[int, int]]:
    """Pair each layer with its namesake of a baseline, or with the one column."""
    place = {rows.layers[k]: k for k in rows.of(kind)}
    if "" in place:
        return [(k, place[""]) for k in rows.of(MEASURE)]
    return [(k, place[rows.layers[k]]) for k in rows.of(MEASURE) if rows.layers[k] in place]


def _judged(gap: Array, drawn: dict[str, int], alternative: str) -> dict[str, Array]:
    """Judge differences (contrast, score, 1 + draws)."""
    low, high = stats.expanded(gap[..., 1:], **drawn)
    p = stats.bootstrap_p(gap[..., 1:], alternative=alternative, **drawn)
    corrected = p
    if p.size > 1:
        how: dict[str, Any] = {"alternative": alternative, **drawn}
        largest = stats.largest_deviation(gap[..., 0], gap[..., 1:], **how)
        corrected = np.maximum(p, largest)
    return {"estimate": gap[..., 0], "ci_low": low, "ci_high": high, "p": p, "p_corrected": corrected}


def _labelled(found: Mapping[str, Array], names: list[tuple[str, str]], scores: list[str]) -> xr.Dataset:
    coords: dict[str, Any] = {
        CONTRAST: np.array([f"{first} − {second}" for first, second in names], dtype=object),
        "first": (CONTRAST, np.array([first for first, _ in names], dtype=object)),
        "second": (CONTRAST, np.array([second for _, second in names], dtype=object)),
        SCORE: np.array(scores, dtype=object),
    }
    return xr.Dataset({name: ((CONTRAST, SCORE), values) for name, values in found.items()}, coords)
