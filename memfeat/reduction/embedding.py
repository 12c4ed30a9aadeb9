"""A layer, or an RDM, in a space of few dimensions."""

import warnings
from math import prod
from typing import Any, Unpack

import numpy as np
import xarray as xr

from memfeat import guards
from memfeat._check import advice, count, one_of
from memfeat._check import generator as seeded
from memfeat._labels import IMAGE, stamped
from memfeat.errors import ArgumentError, NotConvergedWarning
from memfeat.reduction.borrowed import method_of
from memfeat.reduction.methods import FEATURES, MAPS, Method, names
from memfeat.reduction.options import EmbedOptions, settled
from memfeat.reduction.sources import read
from memfeat.reduction.spaces import Settings, Space, labelled

__all__ = ["embed"]

USUAL = 2


def embed(
    layer: xr.DataArray | xr.Dataset,
    method: Any = "pca",
    *,
    n_components: int | None = None,
    rng: int | np.random.Generator = 0,
    **options: Unpack[EmbedOptions],
) -> xr.Dataset:
    """Place the images of a layer in a space of few dimensions.

    Parameters
    ----------
    layer : DataArray (image, ...) or Dataset (pair)
        One layer, in memory or lazy; all dims but `image` are features. For maps (from "mds" on) also one RDM,
        `rdms.sel(layer="fc")`.
    method : {"pca", "svd", "factor_analysis", "ica", "nmf", "mds", "nonmetric_mds", "isomap", "tsne", "umap"}
        Which space, see Notes; or any scikit-learn transformer, `SparsePCA(10)` or a pipeline. "umap" needs the extra
        `memfeat[umap]`.
    n_components : int, optional
        How many dimensions, 2 unless told. A transformer says so itself.
    rng : int or numpy.random.Generator
        Seed of methods that draw at random: "svd", "factor_analysis", "ica", "nmf", "umap" and transformers with a
        `random_state` that is None. The others give the same without it.
    **options : max_iter, rotation, n_neighbors, perplexity, min_dist
        What single methods can be told, see :class:`EmbedOptions`.

    Returns
    -------
    Dataset (image, component, ...)
        `embedding (image, component)`, images in the order of the layer. By method also, over the layer's feature dims:
        `components (component, ...)`, what a component looks like in features; `mean (...)`, which is subtracted before
        projecting; `weights (component, ...)`, what centred features are multiplied with if it is not the components;
        `noise_variance (...)`; and `explained_variance_ratio (component)`, between 0 and 1. Attributes say how it was
        made (`stress` or `kl_divergence` for maps; `converged`) and, in `projection`, how :func:`project` places other
        images: "linear", "nonnegative", "refitted" or "none". Save it with `to_netcdf` or `to_zarr`.

    Raises
    ------
    KindError
        If the layer is not one DataArray of real numbers, or the method neither a name nor a transformer.
    UnknownNameError
        If there is no option of that name.
    ArgumentError
        If images are not named or all alike, a value is NaN or infinite, a method or an option is unknown or does not
        go with the data, or the layer has fewer directions in which images differ than components are asked for.
    MissingPackageError
        If "umap" is asked for and not installed.

    Warns
    -----
    RetrainedWarning
        If it is a layer of the retrained network; `mf.guards.allow` takes it back.
    NotConvergedWarning
        If a method ended before it had settled.

    See Also
    --------
    project : Places other images in the same space.

    Notes
    -----
    Features are centred (not for "nmf") and never scaled. Components, in the same units:

    - "pca": principal components, eigenvectors of the covariance of the features, each of length 1. With fewer images
      than features they come from the Gram matrix of the images, XᵀU diag(w)^(−1/2) for its eigenvectors U and
      eigenvalues w, and features are read block by block.
    - "svd": the same approximately, by a randomised singular value decomposition with 10 directions to spare and 5
      power iterations; for layers with very many images and very many features. Reads features a dozen times.
    - "factor_analysis": x = mean + Λᵀz + noise of its own variance in each feature, by maximum likelihood; components
      are the loadings Λ, and the embedding is the expected z.
    - "ica": principal components, scaled to variance 1 and rotated by FastICA (logcosh); the embedding has variance 1.
    - "nmf": X ≈ WH with no negative entry; rows of H have length 1, and W is the best for H.

    Factors, independent components and parts are in the order of the variance (for "nmf", of the squares) they account
    for. The sign of a component is such that its largest absolute loading is positive (the first of them, where two are
    equal), so that neither the order of images nor the route matters. "factor_analysis", "nmf" and transformers hold
    the layer in memory as float64; all else reads it in blocks.

    Maps know distances alone, Euclidean ones from the Gram matrix or those of an RDM:

    - "mds": metric, SMACOF from classical scaling; `stress` is √(Σ(d − δ)² / Σδ²). "nonmetric_mds": the order of
      distances alone, from there; `stress` is Kruskal's stress 1.
    - "isomap": classical scaling of distances along a graph of neighbours.
    - "tsne": from classical scaling. "umap": from its spectral start. In both, neighbours mean something; distances
      between groups, and sizes of groups, do not. Another version of these packages may give another map.

    Images are taken in the order of their names, so that another order gives the same numbers.

    References
    ----------
    Jolliffe IT (2002). Principal component analysis, 2nd edition. Springer.
    Halko N, Martinsson PG, Tropp JA (2011). Finding structure with randomness. SIAM Review 53:217-288.
    Hyvärinen A, Oja E (2000). Independent component analysis. Neural Networks 13:411-430.
    Lee DD, Seung HS (1999). Learning the parts of objects by non-negative matrix factorization. Nature 401:788-791.
    Borg I, Groenen PJF (2005). Modern multidimensional scaling, 2nd edition. Springer.
    Tenenbaum JB, de Silva V, Langford JC (2000). A global geometric framework. Science 290:2319-2323.
    van der Maaten L, Hinton G (2008). Visualizing data using t-SNE. Journal of Machine Learning Research 9:2579-2605.
    McInnes L, Healy J, Melville J (2018). UMAP. arXiv:1802.03426.

    Examples
    --------
    >>> import xarray as xr
    >>> values, images = [[0.0, 1.0], [2.0, 1.0], [4.0, 1.0]], ["a", "b", "c"]
    >>> layer = xr.DataArray(values, dims=["image", "fc:unit"], coords={"image": images}, name="fc")
    >>> embed(layer, n_components=1)["embedding"].values
    array([[-2.],
           [ 0.],
           [ 2.]])
    """
    name, how = _method(method)
    source = read(layer, name)
    generator, seed = seeded(rng)
    settings = Settings(
        _dimensions(n_components, source.like, name),
        int(generator.integers(2**31)) if how.draws else 0,
        settled(options, how.usual, name, source.like.sizes[IMAGE]),
    )
    facts = guards.analysis(layer)
    space = how.fit(source.distances() if name in MAPS else source.like, settings)
    if space.converged is False:
        text = f"{name} had not settled after {settings.options['max_iter']} steps. Pass a larger max_iter=."
        warnings.warn(text, NotConvergedWarning, stacklevel=2)
    result = labelled(space, source.like).sel({IMAGE: layer[IMAGE].values})
    made = _made(name, how, settings, space)
    drawn = {"random_state": settings.random_state, "seed": seed} if how.draws else {}
    given = {} if isinstance(method, str) else {"estimator": repr(method)}
    return stamped(result, layer.attrs, **made, **source.facts, **drawn, **given, **facts)


def _method(method: Any) -> tuple[str, Method]:
    """Look a method up, or make one of a transformer, which goes by the name of its class."""
    if not isinstance(method, str) and method is not None:
        return type(method).__name__, method_of(method)
    name = one_of("method", method, names())
    return name, {**FEATURES, **MAPS}[name]


def _dimensions(given: int | None, data: Any, name: str) -> int:
    """Check how many components there can be."""
    if name not in (*FEATURES, *MAPS):
        if given is not None:
            raise ArgumentError(advice("n_components", f"be left out with {name}", given, "Say so to the transformer."))
        return 0
    wanted, images = count("n_components", USUAL if given is None else given), data.sizes[IMAGE]
    if name in MAPS:
        most, of = images - 1, f"{images} images"
    else:
        features = prod(data.shape[1:])
        most, of = min(images - 1, features), f"{images} images and {features} features"
    if wanted > most:
        raise ArgumentError(advice("n_components", f"be at most {most} for {of}", wanted))
    return wanted


def _made(name: str, how: Method, settings: Settings, space: Space) -> dict[str, Any]:
    """Say how a space was made."""
    return {
        "method": name,
        "options": dict(settings.options),
        "scale": "none",
        "sign": "largest absolute loading is positive" if space.components is not None else None,
        "projection": how.placing,
        "converged": space.converged,
        **space.facts,
    }
