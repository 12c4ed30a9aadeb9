"""RDMs from features: the dissimilarity of every two images."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from math import prod
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat import _blocks, guards
from memfeat._check import advice, count, listed, one_of
from memfeat._labels import IMAGE, LAYER, as_features, layer_names, stamped
from memfeat._pairs import PAIR, filled
from memfeat._progress import bar
from memfeat.errors import ArgumentError, KindError, MemfeatError
from memfeat.rdm.metrics import KERNELS, Metric, own
from memfeat.rdm.options import Options, checked, for_layer, recorded
from memfeat.rdm.plan import Plan
from memfeat.rdm.shape import at_least, labelled

__all__ = ["compute"]

Array = npt.NDArray[np.float64]
#: Dims that are no features unless the user says so: what has RDMs of its own, or repeats.
APART = ("participant", "subject", "roi", "time", "repeat", "run", "session", "trial")


def compute(
    features: xr.Dataset | xr.DataArray,
    *,
    metric: str | Metric = "correlation",
    per: str | Iterable[str] = (),
    memory: int | None = None,
    progress: bool | None = None,
    **options: Unpack[Options],
) -> xr.Dataset:
    """Compute the dissimilarity of every two images, per layer.

    Parameters
    ----------
    features : Dataset or DataArray (image, ...)
        Features, one variable per layer, in memory or lazy. All dims but `image`, `per` and `repeat` are flattened, and
        those that are not a layer's own are named in the attribute `flattened`. Dims called participant, subject, roi,
        time, repeat, run, session or trial must be named by `per` or `repeat`.
    metric : str or callable
        "correlation", "cosine", "euclidean", "sqeuclidean", "cityblock", "mahalanobis", "sqmahalanobis", "crossnobis",
        "poisson"; see Notes. Or a function that takes two blocks of images (k, p) and (l, p), float64, and gives their
        dissimilarities (k, l), as :func:`scipy.spatial.distance.cdist` does.
    per : str or sequence of str
        Dims along which each has an RDM of its own, such as "participant", "roi" or "time".
    memory : int, optional
        Most bytes of features held at once, besides the RDMs themselves; 512 MB unless told. Features on disk are read
        in more passes with less.
    progress : bool, optional
        Whether to show progress, with the time that is left; by default when stderr is a terminal.
    **options : repeat, noise_cov, residuals, shrinkage, prior_lambda, prior_weight
        `repeat` is the dim of repeats or runs: crossnobis needs it, the others average over it. `noise_cov` (variances
        or a covariance of the features, or one per layer; or "images", "repeats", "identity"), `residuals` (sample,
        features) and `shrinkage` ("schaefer-strimmer", "ledoit-wolf", "diagonal", or a share from 0 to 1) say what
        weights features in mahalanobis, sqmahalanobis and crossnobis. `prior_lambda` (1) and `prior_weight` (0.1) are
        for poisson.

    Returns
    -------
    Dataset (layer, ..., pair)
        `rdm (layer, *per, pair)`, float64: 0 to 2 for correlation and cosine, units of the features for euclidean and
        cityblock, their square for sqeuclidean, no unit for the Mahalanobis distances. `first` and `second (pair)` are
        positions into `image (image)`.

    Raises
    ------
    KindError
        If features are not xarray, or not real numbers.
    UnknownNameError
        If an option is unknown, or a layer is missing among covariances or residuals.
    ArgumentError
        If the metric is unknown, an option is for another, a dim is not there, or is one that must be named and is
        not, there are fewer than 3 images, a value is NaN or infinite, a layer has a single feature (correlation,
        cosine), an image has features that are all equal (correlation) or zero (cosine), a rate is negative (poisson),
        or a covariance cannot be inverted.

    Warns
    -----
    RetrainedWarning
        If they are features of the retrained network; `mf.guards.allow` takes it back.

    Notes
    -----
    For images a and b over p features:

    - correlation: 1 − r(a, b); cosine: 1 − a·b / (‖a‖ ‖b‖)
    - euclidean: ‖a − b‖, not squared and not divided by p; sqeuclidean: ‖a − b‖²; cityblock: Σ abs(aₖ − bₖ)
    - mahalanobis: the root of sqmahalanobis, (a − b)ᵀ Σ⁻¹ (a − b)
    - crossnobis: the mean over repeats f of (a_f − b_f)ᵀ Σ⁻¹ (a_g − b_g) / p, with g the mean of the other repeats.
      Its expectation is sqmahalanobis / p of what repeats share, so that it is 0 where there is no difference, and it
      can be negative. That holds if Σ does not come from the same data
    - poisson: Σ (aₖ − bₖ) (log aₖ − log bₖ) / p of rates a = (a₀ + λw) / (1 + w), with λ the rate of the prior and w
      its weight: the symmetric Kullback-Leibler divergence

    Names that scipy knows have scipy's values, mahalanobis only with `shrinkage=0` and a covariance of the images: by
    default Σ is shrunk, and distances between related features differ from scipy's by 30 % and more. Crossnobis and
    poisson have those of rsatoolbox, which are per feature.

    The noise covariance Σ of mahalanobis is estimated from the residuals of repeats about each image's mean, once the
    mean of each repeat is taken out, where `repeat` is named, else from the images themselves; that of crossnobis is
    the identity unless told. "schaefer-strimmer" shrinks correlations of features towards 0 by a share estimated from
    the same rows, and is the default; "ledoit-wolf" shrinks Σ towards the mean variance; "diagonal" leaves variances
    alone; a number is a share of shrinkage towards the diagonal, 0 for none. Features that never vary weigh nothing.

    All but cityblock and functions of your own come from matrix products in float64, over blocks of features.
    Distances are taken from products of features less their means, clipped at zero; Euclidean distances so short that
    this has no digits left are computed feature by feature. Covariances that are not diagonal need products of all
    rows (images times repeats, and residuals) with each other in memory.
    Results are float64: rank correlations turn the ties that float32 would make into a loss of order.

    References
    ----------
    Kriegeskorte N, Mur M, Bandettini P (2008). Representational similarity analysis. Frontiers in Systems
    Neuroscience 2:4.
    Walther A, Nili H, Ejaz N, et al. (2016). Reliability of dissimilarity measures for multi-voxel pattern analysis.
    NeuroImage 137:188-200.
    Schütt HH, Kipnis AD, Diedrichsen J, Kriegeskorte N (2023). Statistical inference on representational geometries.
    eLife 12:e82566.
    Schäfer J, Strimmer K (2005). A shrinkage approach to large-scale covariance matrix estimation. Statistical
    Applications in Genetics and Molecular Biology 4:32.
    Ledoit O, Wolf M (2004). A well-conditioned estimator for large-dimensional covariance matrices. Journal of
    Multivariate Analysis 88:365-411.

    Examples
    --------
    >>> import xarray as xr
    >>> layer = xr.DataArray([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]], dims=["image", "fc:unit"], name="fc")
    >>> compute(layer.assign_coords(image=["a", "b", "c"]), metric="euclidean").rdm.values.round(3)
    array([[5.   , 1.   , 4.243]])
    """
    name = "" if callable(metric) else one_of("metric", metric, KERNELS)
    kernel = partial(own, metric) if callable(metric) else KERNELS[name]
    given = checked(options, name)
    room = _blocks.BLOCK_BYTES if memory is None else count("memory", memory, remedy="It counts bytes: memory=2**29.")
    table = as_features(features)
    names, layers = table[IMAGE].values, layer_names(table)
    at_least(names, "features")
    apart = _apart(per, table, layers, given.get("repeat"))
    flattened = _flattened(table, layers, {IMAGE, *apart, given.get("repeat")})
    facts = guards.analysis(features)
    sizes = tuple(table.sizes[dim] for dim in apart)
    values = np.empty((len(layers), *sizes, len(names) * (len(names) - 1) // 2))
    skip = (IMAGE, *apart, given.get("repeat"))
    widths = [prod(size for dim, size in table[name].sizes.items() if dim not in skip) for name in layers]
    with bar(sum(widths) * prod(sizes), "RDMs", progress, unit="feature") as shown:
        for whole, out in zip((table[name] for name in layers), values, strict=True):
            for cell, layer in _cells(whole, apart):
                with _said(cell, whole):
                    plan = Plan(room, shown.update, for_layer(given, name, layer, cell, whole))
                    kernel(layer, out[tuple(cell.values())], plan)
    coords = {str(c): table[c] for c in table.coords if table[c].dims and set(table[c].dims) <= set(apart)}
    rdms = xr.DataArray(values, dims=(LAYER, *apart, PAIR), coords=coords | {LAYER: np.array(layers, dtype=object)})
    return stamped(
        labelled(rdms, names),
        features.attrs,
        metric=name or f"function {_called(metric)}",
        per=list(apart) or None,
        flattened=flattened or None,
        **recorded(given, name),
        **facts,
    )


def _called(function: Any) -> str:
    """Name a function."""
    return str(getattr(getattr(function, "func", function), "__name__", type(function).__name__))


def _apart(per: Any, table: xr.Dataset, layers: list[str], repeat: str | None) -> tuple[str, ...]:
    """Check the dims that have RDMs of their own, and the dim of repeats."""
    dims = (per,) if isinstance(per, str) else tuple(per) if isinstance(per, Iterable) else None
    if dims is None or not all(isinstance(dim, str) for dim in dims):
        raise KindError(advice("per", "be the name of a dim or several", per))
    if len(set(dims)) < len(dims) or IMAGE in dims or repeat in dims or repeat == IMAGE:
        found = listed(f"per={list(dims)!r}, repeat={repeat!r}")
        raise ArgumentError(advice("per and repeat", "name different dims, none of them 'image'", found))
    for argument, dim in [*(("per", dim) for dim in dims), *([("repeat", repeat)] if repeat else [])]:
        without = [name for name in layers if dim not in table[name].dims]
        if without:
            found = listed(f"{dim!r}, which is missing in {listed.of(without)}")
            remedy = f"Layer {without[0]!r} has {', '.join(map(str, table[without[0]].dims))}."
            raise ArgumentError(advice(argument, "name dims of every layer", found, remedy))
    return dims


def _flattened(table: xr.Dataset, layers: list[str], said: set[str | None]) -> list[str]:
    """Name the dims that are made into features besides others, and refuse those that hardly are."""
    found: set[str] = set()
    for name in layers:
        features = [str(dim) for dim in table[name].dims if dim not in said]
        for dim in (dim for dim in features if dim in APART):
            remedy = (
                f"Pass per={dim!r} for an RDM of each, or repeat={dim!r} for repeats of the same; if these are "
                f"features, give the dim another name: features.rename({dim}='feature')."
            )
            unsaid = listed(f"it in layer {name!r} without a word")
            raise ArgumentError(advice("per or repeat", f"name the dim {dim!r}", unsaid, remedy))
        if len(features) > 1:
            found |= {dim for dim in features if not dim.startswith(f"{name}:")}
    return sorted(found)


def _cells(whole: xr.DataArray, apart: tuple[str, ...]) -> Iterator[tuple[dict[str, int], xr.DataArray]]:
    """Go through a layer along the dims that have RDMs of their own."""
    for index in np.ndindex(*(whole.sizes[dim] for dim in apart)):
        cell = dict(zip(apart, index, strict=True))
        yield cell, whole.isel(cell)


@contextmanager
def _said(cell: Mapping[str, int], whole: xr.DataArray) -> Iterator[None]:
    """Add to an error at which participant, or other place, it came up."""
    try:
        yield
    except MemfeatError as error:
        labels = {dim: whole[dim].values.tolist()[i] if dim in whole.coords else i for dim, i in cell.items()}
        places = [f"{dim} {label!r}" for dim, label in labels.items()]
        if places:
            error.add_note(f"This was at {', '.join(places)}.")
        raise


def _plain(kernel: Callable[[xr.DataArray, Array, Plan], None], layer: xr.DataArray) -> Array:
    """Compute one RDM as a square matrix."""
    n = layer.sizes[IMAGE]
    out = np.empty(n * (n - 1) // 2)
    kernel(layer, out, Plan(_blocks.BLOCK_BYTES, lambda _: None, {}))
    return filled(out, n)


#: Dissimilarities that need nothing but a layer → square matrix.
METRICS: dict[str, Callable[[xr.DataArray], Array]] = {
    name: partial(_plain, KERNELS[name]) for name in ("correlation", "cosine", "euclidean", "sqeuclidean", "cityblock")
}
