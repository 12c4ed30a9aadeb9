"""Several RDMs at once: correlations with what others explain taken out, and the shares that each explains."""

from itertools import combinations
from typing import Any, Literal, NamedTuple, TypedDict, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat import guards, stats
from memfeat._check import advice, count, generator, known_options, listed, one_of
from memfeat._labels import LAYER, stamped
from memfeat._progress import bar
from memfeat.errors import ArgumentError, KindError
from memfeat.rsa.comparison import CORRECTIONS, images_of
from memfeat.rsa.framing import unframed
from memfeat.rsa.intervals import WORDS
from memfeat.rsa.people import IMAGES, RDMS, resampled_unit
from memfeat.rsa.reading import PARTICIPANT, Read, finite, read, stacked
from memfeat.rsa.similarity import COMPARISONS
from memfeat.stats.exchange import units

__all__ = ["ExplainedOptions", "partial", "partition"]

Array = npt.NDArray[Any]
#: Similarities that are correlations, so that they can be taken out of each other.
CORRELATIONS = ("spearman", "pearson")
#: What is left of a variance of 1 below this is rounding.
NOTHING = 1e-10
MOST_MODELS = 4
SUBSET = "subset"
#: What p of a partial correlation says is not there.
NULL = "the mean partial correlation over the population of participants is 0 (random effects)"


class ExplainedOptions(TypedDict, total=False):
    """Options of :func:`memfeat.rsa.partial` and :func:`memfeat.rsa.partition`.

    `blocks` : DataArray (image) or Series, the group of each image.
    `permute` : "free", "within" or "whole", how the bootstrap draws; must be named when blocks are given.
    `resample` : "images" (default) or "rdms" (participants), what results are to hold for others of.
    `progress` : bool or None, whether progress is shown; None shows it when stderr is a terminal.
    """

    blocks: xr.DataArray | pd.Series
    permute: str
    resample: Literal["images", "rdms"]
    progress: bool | None


def partial(
    rdms: xr.Dataset,
    ref: xr.Dataset,
    controls: xr.Dataset | list[xr.Dataset],
    *,
    method: str = "spearman",
    n_bootstraps: int = 1_000,
    rng: int | np.random.Generator = 0,
    **options: Unpack[ExplainedOptions],
) -> xr.Dataset:
    """Compare the RDM of each layer with a reference, with what control RDMs explain taken out of both.

    Over images there is an interval and no p-value: the partial correlation removes only what controls explain linearly
    (in ranks, for Spearman) at the level of pairs. It is no test of conditional independence, and rearranging images
    would reject too often: where a confounder drives both sides, 30 % of the time. Where the control is one number per
    image, :func:`adjusted` tests.

    Over participants, `resample="rdms"`, there is one. Null hypothesis: over the population of participants the mean
    partial correlation is 0, for the images that were shown. Unit: the participant. What controls leave of a
    confounder, because it is not linear or was measured with noise, counts here as agreement, too.

    Parameters
    ----------
    rdms : Dataset (layer, pair)
        RDMs. With a dim `participant` they meet the reference of the same participant.
    ref : Dataset (layer, pair)
        One RDM of the same images; `participant` and further dims as in :func:`compare`.
    controls : Dataset (layer, pair) or list of Dataset
        RDMs whose share is taken out, all at once; each layer of each Dataset is one.
    method : {"spearman", "pearson"}
        Which correlation.
    n_bootstraps : int
        Bootstrap samples of images for the interval over images. 0 gives no such interval.
    rng : int or numpy.random.Generator
        Seed or source of the draws.
    **options : resample, blocks, permute, progress
        `resample`: "images" (default) or "rdms" (participants), what the results hold for others of. `blocks` and
        `permute` say how images are drawn, see :class:`memfeat.stats.Exchange`.

    Returns
    -------
    Dataset (layer, ...)
        `estimate` (mean over participants), `ci_low`, `ci_high` (95 %: expanded percentile bootstrap over images, or
        Student's t over participants), `plain`, the correlation without controls, `n` images. With participants also
        `by_participant (layer, ..., participant)`, which :func:`cluster` tests along time. With `resample="rdms"` also
        `p` (Student's t, two-sided), `p_corrected` (Holm, over all layers and further dims) and `p_fdr`
        (Benjamini-Hochberg over the same).

    Raises
    ------
    KindError, ArgumentError
        As :func:`compare` does; if controls repeat each other, or leave nothing of a layer or of the reference; with
        `resample="rdms"` if there are fewer than two participants, or blocks, which say how images are drawn.

    Warns
    -----
    CircularWarning
        If one side was made of scores that the network of the other side predicted, or one with the same trunk;
        `mf.guards.allow` takes it back.

    Notes
    -----
    With r the correlations of layer a, reference b and controls C, in the same (bootstrap) sample:
    (rₐ♭ − rₐᶜ R⁻¹ rᶜ♭) / √((1 − rₐᶜ R⁻¹ rᶜₐ) (1 − r♭ᶜ R⁻¹ rᶜ♭)), R the correlations of the controls.

    Examples
    --------
    >>> import pandas as pd
    >>> from memfeat import rdm
    >>> scores = pd.Series([9, 5, 6, 8, 7, 1, 4, 3], index=list("abcdefgh"))
    >>> kinds = ("nearest", "min_rank", "max_rank")
    >>> nearest, low, high = (rdm.from_scores(scores, kind=kind) for kind in kinds)
    >>> result = partial(nearest, low, [high], n_bootstraps=0)
    >>> float(result.plain[0].round(3)), float(result.estimate[0].round(3))
    (0.606, 0.932)
    """
    one_of("method", method, CORRELATIONS)
    known_options(options, ExplainedOptions)
    random, seed = generator(rng)
    sides = read(rdms, ref)
    given = [controls] if isinstance(controls, xr.Dataset) else controls
    if not isinstance(given, list | tuple) or not given:
        raise KindError(advice("controls", "be RDMs or a list of them", listed(type(controls).__name__)))
    named = [stacked(one, f"controls[{k}]", sides.names) for k, one in enumerate(given)]
    names, taken = [name for one, _ in named for name in one], np.concatenate([values for _, values in named])
    cautions = guards.related(rdms.attrs, ref.attrs, "rdms")
    finite(sides.layers, sides.coords[LAYER].values, "rdms")
    finite(sides.references, [sides.reference] * len(sides.references), "ref")
    samples = _samples(sides, options, n_bootstraps, random)
    left, plain = _without(sides, taken, method, samples.counts, options.get("progress"))
    result = _left_and_plain(sides, left, plain, samples)
    tested = samples.resample == RDMS
    return stamped(
        result,
        rdms.attrs,
        method=f"partial RSA, {method}",
        metric=rdms.attrs.get("metric"),
        reference=sides.reference,
        controls=names,
        null=NULL if tested else None,
        test="t" if tested else None,
        correction=CORRECTIONS[RDMS] if tested else None,
        n_bootstraps=len(samples.counts) - 1,
        seed=seed,
        **samples.recorded,
        **cautions,
    )


def partition(
    models: xr.Dataset,
    ref: xr.Dataset,
    *,
    method: str = "pearson",
    n_bootstraps: int = 1_000,
    rng: int | np.random.Generator = 0,
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
    n_bootstraps : int
        Bootstrap samples of images for the intervals over images. 0 gives no such intervals.
    rng : int or numpy.random.Generator
        Seed or source of the draws.
    **options : resample, blocks, permute, progress
        `resample`: "images" (default) or "rdms" (participants), what the results hold for others of. `blocks` and
        `permute` say how images are drawn, see :class:`memfeat.stats.Exchange`.

    Returns
    -------
    Dataset (subset, ...)
        For each set of models: `estimate`, the share of variance that exactly these explain in common (of a single one:
        what it alone explains), which is negative where models suppress each other; `r2`, what these explain together;
        `ci_low`, `ci_high`, `r2_ci_low`, `r2_ci_high` (95 %: expanded percentile bootstrap over images, or Student's t
        over participants); `size`, how many models, and `n` images. With participants also `by_participant (subset,
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

    References
    ----------
    Seibold DR, McPhee RD (1979). Commonality analysis: A method for decomposing explained variance in multiple
    regression analyses. Human Communication Research 5:355-365.
    """
    one_of("method", method, CORRELATIONS)
    known_options(options, ExplainedOptions)
    random, seed = generator(rng)
    sides = read(models, ref, argument="models")
    names, values = stacked(models, "models", sides.names)
    finite(sides.references, [sides.reference] * len(sides.references), "ref")
    if not 2 <= len(names) <= MOST_MODELS:
        remedy = "Choose some: models.sel(layer=names)."
        raise ArgumentError(advice("models", f"hold 2 to {MOST_MODELS} RDMs", listed.of(names), remedy))
    cautions = guards.related(models.attrs, ref.attrs, "models")
    samples = _samples(sides, options, n_bootstraps, random)
    references = sides.references.reshape(-1, sides.references.shape[-1])
    group = _Correlated(method, np.concatenate([references, values]), (0, len(references), len(names)))
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
        n_bootstraps=len(samples.counts) - 1,
        seed=seed,
        **samples.recorded,
        **cautions,
    )


def _without(sides: Read, controls: Array, method: str, counts: Array, progress: bool | None) -> tuple[Array, Array]:
    """Correlate without controls, and plainly (layer, cell, participant or 1, data and then draws)."""
    cells, people, size = sides.references.shape
    own = sides.layers.shape[1] > 1
    # participants' own layers meet their own references alone; those of all meet everybody's in one pass
    if own:
        parts = [
            (sides.layers[:, p], sides.references[:, p if people > 1 else 0]) for p in range(sides.layers.shape[1])
        ]
    else:
        parts = [(sides.layers[:, 0], sides.references.reshape(-1, size))]
    found = []
    for layers, references in parts:
        group = _Correlated(
            method, np.concatenate([layers, references, controls]), (len(layers), len(references), len(controls))
        )
        one = group.without(counts, progress)
        _left_over(one[0][..., 0])
        found.append([values.reshape(len(layers), cells, -1, len(counts)) for values in one])
    left, plain = (np.concatenate(values, axis=2) for values in zip(*found, strict=True))
    return left, plain


def _left_and_plain(sides: Read, left: Array, plain: Array, samples: "_Samples") -> xr.Dataset:
    """Put labels to partial and plain correlations (layer, cell, participant or 1, data and then draws)."""
    table = samples.interval(left) | {"plain": plain[..., 0].mean(axis=2)}
    if samples.resample == RDMS:
        each = left[..., 0].reshape(-1, left.shape[2])
        # Student's t draws nothing
        found = stats.across(each, test="t", n_permutations=0, rng=np.random.default_rng(0))
        found["p_fdr"] = stats.fdr(found["p"])
        table |= {name: found[name].reshape(left.shape[:2]) for name in ("p", "p_corrected", "p_fdr")}
    columns: dict[str, Any] = {name: (sides.dims, sides.shaped(values)) for name, values in table.items()}
    columns["n"] = (LAYER, np.full(len(left), len(sides.names)))
    return _with_participants(xr.Dataset(columns, coords=sides.coords), sides, left, sides.dims)


def _shared_out(sides: Read, shares: Array, together: Array, samples: "_Samples") -> xr.Dataset:
    """Put labels to shares and what sets explain (subset, cell, participant or 1, data and then draws)."""
    dims = (SUBSET, *sides.cells)
    whole = samples.interval(together)
    table = samples.interval(shares) | {"r2": whole.pop("estimate")}
    table |= {f"r2_{name}": limit for name, limit in whole.items()}
    columns: dict[str, Any] = {name: (dims, sides.shaped(values)) for name, values in table.items()}
    columns["n"] = (SUBSET, np.full(len(shares), len(sides.names)))
    coords = {name: values for name, values in sides.coords.items() if LAYER not in values.dims}
    return _with_participants(xr.Dataset(columns, coords=coords), sides, shares, dims)


def _with_participants(result: xr.Dataset, sides: Read, values: Array, dims: tuple[str, ...]) -> xr.Dataset:
    """Add the values of each participant, where there are any."""
    if not len(sides.participants):
        return result
    each = ((*dims, PARTICIPANT), sides.shaped(values[..., 0]))
    return result.assign(by_participant=each).assign_coords({PARTICIPANT: (PARTICIPANT, sides.participants)})


class _Correlated(NamedTuple):
    """Layers, references and controls, and their correlations with each other."""

    method: str
    vectors: Array
    sizes: tuple[int, int, int]
    """How many layers, references and controls, in this order."""

    def correlations(self, counts: Array, progress: bool | None) -> tuple[Array, Array, Array]:
        """Correlate what matters: controls with each other, all else with controls, layers with references.

        Each is (draw, one, other).
        """
        k, m, c = self.sizes
        controls = range(k + m, k + m + c)
        plain = [(i, j) for i in range(k) for j in range(k, k + m)]
        cross = [(i, j) for i in range(k + m) for j in controls]
        upper = [(i, j) for i in controls for j in controls if i < j]
        kernel = COMPARISONS[self.method]
        _varied(kernel.scaled, self.vectors)
        with bar(len(counts), "bootstrap", progress, unit="sample") as shown:
            found = kernel.similar(self.vectors, plain + cross + upper, counts, tick=shown.update).T
        of_plain, of_cross, of_upper = np.split(found, [len(plain), len(plain) + len(cross)], axis=1)
        within = np.empty((len(counts), c, c))
        within[:, range(c), range(c)] = 1.0
        for (i, j), column in zip(upper, of_upper.T, strict=True):
            within[:, i - k - m, j - k - m] = within[:, j - k - m, i - k - m] = column
        return within, of_cross.reshape(len(counts), k + m, c), of_plain.reshape(len(counts), k, m)

    def without(self, counts: Array, progress: bool | None) -> tuple[Array, Array]:
        """Correlate layers and references without controls, and plainly (layer, reference, draw)."""
        k = self.sizes[0]
        within, cross, plain = self.correlations(counts, progress)
        _distinct(within[0], "controls")
        solved = cross @ _inverse(within)
        own = 1 - (solved * cross).sum(axis=-1)
        own = np.where(own > NOTHING, own, np.nan)
        rest = plain - solved[:, :k] @ cross[:, k:].transpose(0, 2, 1)
        left = rest / np.sqrt(own[:, :k, None] * own[:, None, k:])
        return np.moveaxis(left, 0, -1), np.moveaxis(plain, 0, -1)

    def explained(
        self, counts: Array, subsets: list[tuple[int, ...]], progress: bool | None
    ) -> dict[frozenset[int], Array]:
        """Squared multiple correlation of references with each set of models, also the empty one (reference, draw)."""
        within, cross, _ = self.correlations(counts, progress)
        _distinct(within[0], "models")
        out = {frozenset[int](): np.zeros(cross.shape[1::-1])}
        for subset in subsets:
            places = np.array(subset)
            side = cross[:, :, places]
            solved = side @ _inverse(within[:, places[:, None], places])
            out[frozenset(subset)] = (solved * side).sum(axis=-1).T
        return out


def _share(r2: dict[frozenset[int], Array], subset: tuple[int, ...], n: int) -> Array:
    """Share that exactly this set explains in common."""
    others = frozenset(range(n)) - frozenset(subset)
    terms = [
        (-1) ** (size + 1) * r2[others | frozenset(part)]
        for size in range(len(subset) + 1)
        for part in combinations(subset, size)
    ]
    return np.asarray(sum(terms))


class _Samples(NamedTuple):
    """The data themselves, and bootstrap samples of images if these are drawn again."""

    counts: Array
    """How often each image stands in each (1 + draw, n)."""
    drawn: dict[str, int]
    resample: str
    recorded: dict[str, Any]

    def interval(self, values: Array) -> dict[str, Array]:
        """Mean over participants and its limits, of (..., participant or 1, data and then draws)."""
        mean = values.mean(axis=-2)
        table = {"estimate": mean[..., 0]}
        if self.resample == RDMS:
            limits = stats.t_interval(values[..., 0])
        elif len(self.counts) > 1:
            limits = stats.expanded(stats.enough(mean[..., 1:]), **self.drawn)
        else:
            unknown = np.full(table["estimate"].shape, np.nan)
            limits = (unknown, unknown)
        return table | dict(zip(("ci_low", "ci_high"), limits, strict=True))


def _samples(sides: Read, options: ExplainedOptions, n_bootstraps: int, rng: np.random.Generator) -> _Samples:
    """Draw samples of images if those are drawn again, the data themselves first."""
    unframed(sides.names, "RDMs")
    count("n_bootstraps", n_bootstraps, least=0)
    resample = resampled_unit(options, sides)
    exchange: Any = {name: value for name, value in options.items() if name in ("blocks", "permute")}
    given = next((name for name, value in exchange.items() if value is not None), None)
    if resample == RDMS and given is not None:
        remedy = "It says how images are drawn, and participants are: use resample='images'."
        raise ArgumentError(advice(given, f"be left out with resample={resample!r}", listed("it"), remedy))
    exchanged = units(exchange, to=images_of(sides), alternative="two-sided")
    n = len(sides.names)
    counts = np.ones((1, n), dtype=np.int64)
    recorded: dict[str, Any] = {name: value for name, value in exchanged.recorded.items() if name != "alternative"}
    recorded |= {
        "resample": resample,
        "interval": WORDS[resample, "t" if resample == RDMS else "percentile"],
        "n_participants": len(sides.participants) or None,
    }
    if n_bootstraps and resample == IMAGES:
        again = stats.bootstrap_counts(n, n_bootstraps, rng=rng, **exchanged.scheme)
        counts = np.concatenate([counts, again])
    return _Samples(counts, stats.drawn_units(n, **exchanged.scheme), resample, recorded)


def _inverse(matrices: Array) -> Array:
    """Invert (draw, k, k); NaN where a sample is undefined."""
    defined = np.isfinite(matrices).all(axis=(1, 2))
    out = np.full(matrices.shape, np.nan)
    out[defined] = np.linalg.pinv(matrices[defined], hermitian=True)
    return out


def _distinct(correlations: Array, argument: str) -> None:
    """Refuse RDMs of which one is made up of the others."""
    if len(correlations) and np.linalg.eigvalsh(correlations)[0] < NOTHING:
        remedy = "Leave out the one that repeats the others."
        raise ArgumentError(advice(argument, "differ from each other", listed("RDMs that repeat each other"), remedy))


def _left_over(estimate: Array) -> None:
    if not np.isfinite(estimate).all():
        remedy = "Leave out the control that is the same as a layer or as the reference."
        found = listed("RDMs of which they leave nothing")
        raise ArgumentError(advice("controls", "leave something of layers and reference", found, remedy))


def _varied(scaled: Any, vectors: Array) -> None:
    if not all(np.isfinite(scaled(vector)).all() for vector in vectors):
        found = listed("one whose dissimilarities are all equal")
        raise ArgumentError(advice("RDMs", "differ between pairs of images", found, "Leave it out."))
