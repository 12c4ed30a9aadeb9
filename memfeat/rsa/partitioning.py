"""The shares of a reference RDM that several model RDMs explain, alone and in common."""

from itertools import combinations
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat import guards
from memfeat._check import advice, known_options, listed, one_of
from memfeat._labels import LAYER, stamped
from memfeat.errors import ArgumentError
from memfeat.rsa.correlated import CORRELATIONS, Correlated
from memfeat.rsa.explained import ExplainedOptions, Samples, leaving_out, samples_of, with_participants
from memfeat.rsa.intervals import TAILED, WORDS
from memfeat.rsa.people import IMAGES
from memfeat.rsa.reading import Read, finite, read, stacked

__all__ = ["partition"]

Array = npt.NDArray[Any]
MOST_MODELS = 4
SUBSET = "subset"


def partition(
    models: xr.Dataset,
    ref: xr.Dataset,
    *,
    method: str = "pearson",
    interval: bool = True,
    **options: Unpack[ExplainedOptions],
) -> xr.Dataset:
    """Share out the variance of a reference RDM among up to four model RDMs.

    With participants, that of each one's RDM is shared out, and shares are averaged. There is no p-value: what a model
    explains at hand is never below 0, and so its mean over participants is above 0 whether there is anything or not.

    Parameters
    ----------
    models : Dataset (layer, pair)
        Two to four RDMs.
    ref : Dataset (layer, pair)
        One RDM of the same images; `participant` and further dims as in :func:`compare`.
    method : {"pearson", "spearman"}
        Whether dissimilarities or their ranks are explained.
    interval : bool
        Whether to leave out each image in turn for the intervals over images, which takes as long as so many samples.
    **options : resample, blocks, permute, progress
        `resample`: "images" (default) or "rdms" (participants), what the results hold for others of. `blocks` and
        `permute` say how images were drawn, see :class:`memfeat.stats.Exchange`.

    Returns
    -------
    Dataset (subset, ...)
        For each set of models: `estimate`, the share of variance that exactly these explain in common (of a single one:
        what it alone explains), which is negative where models suppress each other; `r2`, what these explain together;
        `ci_low`, `ci_high`, `r2_ci_low`, `r2_ci_high` (95 %: Student's t, jackknife over images or over participants);
        `size`, how many models, and `n` images. With participants also `by_participant (subset,
        ..., participant)`, the shares of each. All `estimate` sum to the `r2` of all models.

    Raises
    ------
    KindError, ArgumentError
        As :func:`compare` does; if there are fewer than two or more than four models, or models repeat each other; with
        `resample="rdms"` if there are fewer than two participants, or blocks, which say how images are drawn.

    Warns
    -----
    CircularWarning
        If one side was made of scores that the network of the other side predicted, or one with the same trunk;
        `mf.guards.allow` takes it back.

    Notes
    -----
    R²(S) = rᵀR⁻¹r is the squared multiple correlation of the reference with the models of S over pairs of images,
    with an intercept and weights of either sign. The share of exactly S is Σ (−1)^(1 + size of T) R²(T ∪ S̄) over T ⊆ S,
    with S̄ the other models (commonality analysis). These are shares of the data at hand, not of data held out.

    Single images weigh much in shares of variance. Over images the standard error is the jackknife's, and Student's t
    has the degrees of freedom that this error is known by, 2n / (κ − 1) with κ the kurtosis of the contributions of the
    n images, n − 1 at most (after Satterthwaite, 1946).

    References
    ----------
    Seibold DR, McPhee RD (1979). Commonality analysis: A method for decomposing explained variance in multiple
    regression analyses. Human Communication Research 5:355-365.
    Satterthwaite FE (1946). An approximate distribution of estimates of variance components. Biometrics Bulletin
    2:110-114.
    """
    one_of("method", method, CORRELATIONS)
    known_options(options, ExplainedOptions)
    sides = read(models, ref, argument="models")
    names, values = stacked(models, "models", sides.names)
    finite(sides.references, [sides.reference] * len(sides.references), "ref")
    if not 2 <= len(names) <= MOST_MODELS:
        remedy = "Choose some: models.sel(layer=names)."
        raise ArgumentError(advice("models", f"hold 2 to {MOST_MODELS} RDMs", listed.of(names), remedy))
    cautions = guards.related(models.attrs, ref.attrs, "models")
    samples = samples_of(sides, options, leaving_out if interval else None, WORDS[IMAGES, TAILED])
    references = sides.references.reshape(-1, sides.references.shape[-1])
    group = Correlated(method, np.concatenate([references, values]), (0, len(references), len(names)))
    subsets = [s for size in range(1, len(names) + 1) for s in combinations(range(len(names)), size)]
    r2 = group.explained(samples.counts, subsets, options.get("progress"))
    shape = (len(subsets), *sides.references.shape[:2], -1)
    shares = np.stack([_share(r2, subset, len(names)) for subset in subsets]).reshape(shape)
    together = np.stack([r2[frozenset(subset)] for subset in subsets]).reshape(shape)
    labels = np.array([" & ".join(names[k] for k in subset) for subset in subsets], dtype=object)
    result = _shared_out(sides, shares, together, samples)
    result = result.assign_coords(subset=labels).assign(size=(SUBSET, np.array([*map(len, subsets)])))
    return stamped(
        result,
        models.attrs,
        method=f"variance partitioning of RDMs, {method}",
        metric=models.attrs.get("metric"),
        reference=sides.reference,
        **samples.recorded,
        **cautions,
    )


def _shared_out(sides: Read, shares: Array, together: Array, samples: Samples) -> xr.Dataset:
    """Put labels to shares and what sets explain (subset, cell, participant or 1, data and then without each)."""
    dims = (SUBSET, *sides.cells)
    whole = samples.interval(together)
    table = samples.interval(shares) | {"r2": whole.pop("estimate")}
    table |= {f"r2_{name}": limit for name, limit in whole.items()}
    columns: dict[str, Any] = {name: (dims, sides.shaped(values)) for name, values in table.items()}
    columns["n"] = (SUBSET, np.full(len(shares), len(sides.names)))
    coords = {name: values for name, values in sides.coords.items() if LAYER not in values.dims}
    return with_participants(xr.Dataset(columns, coords=coords), sides, shares, dims)


def _share(r2: dict[frozenset[int], Array], subset: tuple[int, ...], n: int) -> Array:
    """Share that exactly this set explains in common."""
    others = frozenset(range(n)) - frozenset(subset)
    terms = [
        (-1) ** (size + 1) * r2[others | frozenset(part)]
        for size in range(len(subset) + 1)
        for part in combinations(subset, size)
    ]
    return np.asarray(sum(terms))
