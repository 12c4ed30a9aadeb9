"""RSA beyond what single numbers per image explain: covariates are taken out of features and of scores."""

from collections.abc import Callable
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat import guards, stats
from memfeat._check import advice, count, generator, known_options, listed
from memfeat._labels import IMAGE, LAYER, as_features, as_scores, in_name_order, layer_names, matched, stamped
from memfeat._pairs import PAIR
from memfeat._progress import bar
from memfeat.errors import ArgumentError, KindError
from memfeat.rsa.options import kernel_for, whitening_allowed
from memfeat.rsa.reading import stacked, vectors
from memfeat.rsa.similarity import Method, similarities
from memfeat.stats.exchange import units

__all__ = ["AdjustedOptions", "adjusted"]

Array = npt.NDArray[Any]
Column = xr.DataArray | pd.Series
Columns = Column | list[Column] | tuple[Column, ...]
PERMUTATION, TERM = "permutation", "term"
#: Bytes of model RDMs that are held at once.
BLOCK_BYTES = 2**27
#: What every result says.
WORDS = {
    "null": "given the covariates, scores are unrelated to features (Freedman-Lane)",
    "correction": "p_corrected: max-statistic over all layers; p_fdr: Benjamini-Hochberg over them",
}
#: What is left of a column below this share of its length is rounding.
NOTHING = 1e-9


class AdjustedOptions(stats.Exchange, total=False):
    """Options of :func:`memfeat.rsa.adjusted`, besides those of :class:`memfeat.stats.Exchange`.

    `method` : how two RDMs are compared, see :func:`memfeat.rsa.compare` (default "spearman").
    `n_permutations` : int, rearrangements of the images (default 9,999).
    `progress` : bool or None, whether progress is shown; None shows it when stderr is a terminal.
    """

    method: str
    n_permutations: int
    progress: bool | None


def adjusted(
    features: xr.Dataset | xr.DataArray,
    scores: Column,
    covariates: Columns,
    *,
    rdm: Callable[[xr.Dataset], xr.Dataset],
    model: Callable[[xr.DataArray], xr.Dataset],
    rng: int | np.random.Generator = 0,
    **options: Unpack[AdjustedOptions],
) -> xr.Dataset:
    """Test whether layers agree with scores beyond covariates that are one number per image, such as luminance.

    Covariates are regressed out of every feature and out of the scores, and the RDMs are made of what is left.
    :func:`partial`, which takes control RDMs out of RDMs, is no such test.

    Null hypothesis: given the covariates, scores are unrelated to features. Unit of exchange: the image, or what
    `permute` names; residuals of the scores change places (Freedman and Lane).

    Parameters
    ----------
    features : Dataset or DataArray (image, ...)
        Features, one variable per layer, in memory or lazy.
    scores : DataArray (image) or pandas.Series
        One score per image.
    covariates : DataArray (image), pandas.Series, or list of them
        Numbers to be taken out, all at once. Make 0 and 1 of categories first.
    rdm : callable
        Features → RDMs: `mf.rdm.compute`, or `functools.partial(mf.rdm.compute, metric="euclidean")`.
    model : callable
        Scores, which may have further dims → model RDMs: `mf.rdm.from_scores`, or
        `functools.partial(mf.rdm.from_scores, kind="nearest")`.
    rng : int or numpy.random.Generator
        Seed or source of the draws.
    **options : method, n_permutations, blocks, permute, alternative, progress
        `method` as in :func:`compare`, "spearman" by default; `n_permutations`, 9,999 by default: if there are no more
        rearrangements than this, all are used and p is exact; the others as in :func:`compare`.

    Returns
    -------
    Dataset (layer)
        `estimate`, the similarity of RDMs of residuals; `p`, `p_corrected` (largest statistic over layers under the
        same rearrangements), `p_fdr` (Benjamini-Hochberg over layers), `n` images.

    Raises
    ------
    KindError, UnknownNameError
        If something is not of the kind above, or an option is unknown.
    ArgumentError
        If images differ, covariates repeat each other or are constant, they leave nothing of the scores, or RDMs cannot
        be compared.

    Warns
    -----
    RetrainedWarning, CircularWarning
        As :func:`memfeat.rdm.compute` and :func:`compare` do; `mf.guards.allow` takes them back.

    Notes
    -----
    With R = I − QQᵀ the residuals of covariates Z and an intercept (Q an orthonormal basis of both), layers are RX, the
    scores Ry, and in each permutation R P (Ry): what the permutation has mixed with the covariates is taken out again.
    It is what is linear that is taken out. Each permutation makes its model RDM anew, which is slower than in
    :func:`compare`.

    References
    ----------
    Freedman D, Lane D (1983). A nonstochastic interpretation of reported significance levels. Journal of Business and
    Economic Statistics 1:292-298.
    Winkler AM, Ridgway GR, Webster MA, et al. (2014). Permutation inference for the general linear model. NeuroImage
    92:381-397.

    Examples
    --------
    >>> import pandas as pd
    >>> import xarray as xr
    >>> from memfeat import rdm
    >>> names = list("abcdef")
    >>> layer = xr.DataArray([[1.0, 2], [2, 1], [3, 5], [4, 4], [5, 9], [6, 7]], dims=["image", "fc:unit"], name="fc")
    >>> scores, size = (pd.Series(v, index=names) for v in ([0.5, 0.9, 0.6, 0.8, 0.7, 0.4], [1, 2, 3, 4, 5, 7]))
    >>> result = adjusted(layer.assign_coords(image=names), scores, size, rdm=rdm.compute, model=rdm.from_scores)
    >>> result.sizes["layer"], result.attrs["exact"]
    (1, 'true')
    """
    known_options(options, AdjustedOptions)
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    exchange: Any = {name: given[name] for name in stats.Exchange.__annotations__ if name in given}
    method = given.get("method", "spearman")
    n_permutations = count("n_permutations", given.get("n_permutations", 9_999))
    random, seed = generator(rng)
    table, target = in_name_order(as_features(features)), as_scores(scores)
    target = matched(target, table[IMAGE], argument="scores", reference="features")
    names = table[IMAGE].values.astype(str)
    kernel = kernel_for(method, None, names, 0)
    taken = _columns(covariates, table)
    basis = _basis(taken)
    left = _left(target.values, basis)
    rdms, ref = rdm(_residuals(table, basis)), model(target.copy(data=left))
    whitening_allowed(method, rdms, ref)
    cautions = guards.related(rdms.attrs, ref.attrs, "rdms")
    layers, data = stacked(rdms, "rdm(features)", names)
    exchanged = units(exchange, to=table, alternative="two-sided")
    rows, exact = stats.permutations(len(names), n_permutations, rng=random, **exchanged.scheme)
    observed = similarities(kernel, data, _models(ref, names, 1))[:, 0]
    _defined(observed, layers)
    null = _null(kernel, data, (left, basis, rows), (model, names), given.get("progress"))
    columns = _tested(observed, null, exact=exact, alternative=exchanged.alternative)
    columns["n"] = np.full(len(layers), len(names))
    result = xr.Dataset({name: (LAYER, values) for name, values in columns.items()}, coords={LAYER: rdms[LAYER].values})
    facts = {"n_permutations": n_permutations, "exact": exact, "seed": seed, "covariates": [str(c.name) for c in taken]}
    facts |= {"reference": ", ".join(map(str, ref[LAYER].values)), "scores": str(target.name)}
    facts |= {"method": f"RSA of residuals, {method}", "metric": rdms.attrs.get("metric")}
    return stamped(result, rdms.attrs, **WORDS, **facts, **exchanged.recorded, **cautions)


def _tested(observed: Array, null: Array, **how: Any) -> dict[str, Array]:
    """Give estimates and their p-values (layer,)."""
    p = stats.p_value(observed, null, **how)
    corrected = stats.max_statistic(observed, null, **how)
    return {"estimate": observed, "p": p, "p_corrected": corrected, "p_fdr": stats.fdr(p)}


def _columns(covariates: Columns, table: xr.Dataset) -> list[xr.DataArray]:
    """Check covariates, and bring them into the order of images."""
    given = covariates if isinstance(covariates, list | tuple) else [covariates]
    if not given:
        raise ArgumentError(advice("covariates", "hold at least one column", listed("none"), "Or use mf.rsa.compare."))
    columns = []
    for k, one in enumerate(given):
        argument = f"covariates[{k}]" if len(given) > 1 else "covariates"
        columns.append(matched(as_scores(one, argument), table[IMAGE], argument=argument, reference="features"))
    return columns


def _basis(columns: list[xr.DataArray]) -> Array:
    """Give an orthonormal basis of an intercept and the covariates (n, term)."""
    values = np.stack([column.values - column.values.mean() for column in columns], axis=1)
    length = np.sqrt(np.square(values).sum(axis=0))
    scaled = values / np.where(length > 0, length, 1.0)
    basis, triangle = np.linalg.qr(np.column_stack([np.full(len(values), len(values) ** -0.5), scaled]))
    if len(values) <= basis.shape[1] or (np.abs(np.diagonal(triangle)) < NOTHING).any():
        found = listed("one that is constant, or made up of the others")
        raise ArgumentError(advice("covariates", "vary, and differ from each other", found, "Leave it out."))
    return np.asarray(basis)


def _left(scores: Array, basis: Array) -> Array:
    """Take covariates out of the scores."""
    left = scores - basis @ (basis.T @ scores)
    if np.square(left).sum() <= NOTHING**2 * np.square(scores - scores.mean()).sum() or np.ptp(scores) == 0:
        found = listed("scores that they make up")
        raise ArgumentError(advice("covariates", "leave something of the scores", found))
    return _rounded(left, left)


def _without(rows: Array, basis: Array, left: Array) -> Array:
    """Residuals of rearranged residuals (permutation, n)."""
    return _rounded(rows - (rows @ basis) @ basis.T, left)


def _rounded(values: Array, left: Array) -> Array:
    """Round to 12 digits of the largest residual, so that what is equal on paper is a tie."""
    scale = np.abs(left).max()
    return np.asarray((values / scale).round(12) * scale)


def _residuals(table: xr.Dataset, basis: Array) -> xr.Dataset:
    """Take covariates out of every feature; lazy features stay lazy."""
    terms = xr.DataArray(basis, dims=(IMAGE, TERM), coords={IMAGE: table[IMAGE].values})
    left = {}
    for name in layer_names(table):
        layer = table[name].astype(np.float64)
        if layer.dtype.kind != "f" or table[name].dtype.kind not in "iufb":
            raise KindError(advice(f"features[{name!r}]", "hold real numbers", listed(f"dtype {table[name].dtype}")))
        fitted = xr.dot(terms, xr.dot(terms, layer, dim=IMAGE), dim=TERM)
        left[name] = (layer - fitted).transpose(*layer.dims)
    return xr.Dataset(left, attrs=dict(table.attrs))


def _models(ref: xr.Dataset, names: Array, count_of: int) -> Array:
    """Read model RDMs of scores and of what was rearranged (permutation, pair)."""
    if not isinstance(ref, xr.Dataset) or not {"rdm", "first", "second"} <= set(ref.variables):
        raise KindError(
            advice("model", "give a Dataset of RDMs", listed(type(ref).__name__), "Use mf.rdm.from_scores.")
        )
    rdms = vectors(ref)
    wanted = {LAYER: 1, PAIR: len(names) * (len(names) - 1) // 2}
    if count_of > 1 or PERMUTATION in rdms.dims:
        wanted[PERMUTATION] = count_of
    sizes = {str(dim): size for dim, size in rdms.sizes.items()}
    if sizes != wanted:
        remedy = "It must keep further dims of the scores, as mf.rdm.from_scores does."
        raise ArgumentError(advice("model", f"give RDMs of sizes {wanted}", listed(sizes), remedy))
    return np.asarray(rdms.transpose(..., PAIR).values.reshape(count_of, -1))


def _null(
    kernel: Method,
    data: Array,
    residuals: tuple[Array, Array, Array],
    models: tuple[Callable[[xr.DataArray], xr.Dataset], Array],
    progress: bool | None,
) -> Array:
    """Compare layers with models of rearranged residuals (layer, permutation)."""
    left, basis, rows = residuals
    model, names = models
    step = max(1, BLOCK_BYTES // (8 * data.shape[1]))
    null = np.empty((len(data), len(rows)))
    with bar(len(rows), "permutations", progress, unit="perm") as shown:
        for start in range(0, len(rows), step):
            block = rows[start : start + step].astype(np.intp)
            moved = xr.DataArray(_without(left[block], basis, left), dims=(PERMUTATION, IMAGE), coords={IMAGE: names})
            null[:, start : start + len(block)] = similarities(kernel, data, _models(model(moved), names, len(block)))
            shown.update(len(block))
    return null


def _defined(observed: Array, layers: list[str]) -> None:
    if not np.isfinite(observed).all():
        which = listed(f"constant ones, of layer {layers[int(np.argmin(np.isfinite(observed)))]!r} or of the scores")
        raise ArgumentError(advice("RDMs", "differ between pairs of images", which, "Leave that layer out."))
