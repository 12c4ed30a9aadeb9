"""Maps: images placed so that distances on the map are like those between their features."""

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh
from scipy.sparse.csgraph import connected_components
from sklearn.manifold import TSNE, Isomap, smacof
from sklearn.neighbors import kneighbors_graph

from memfeat._check import advice, listed
from memfeat.errors import ArgumentError, MissingPackageError
from memfeat.reduction.spaces import Settings, Space

__all__ = ["isomap", "mds", "nonmetric_mds", "scaled", "tsne", "umap"]

Array = npt.NDArray[np.float64]
#: Relative change of stress below which MDS has arrived.
STILL = 1e-6
#: Spread of the first dimension from which t-SNE starts: small, so that images can pass each other.
START = 1e-4


def scaled(distances: Array, n_components: int) -> Array:
    """Place images by classical scaling: principal coordinates of distances.

    Parameters
    ----------
    distances : array (n, n)
        Distances.
    n_components : int
        How many dimensions.

    Returns
    -------
    array (n, k)
        Coordinates; zeros in dimensions that the distances do not have.

    Notes
    -----
    Eigenvectors of −½ H D² H with H = I − 1/n, each as long as the root of its eigenvalue, with the largest coordinate
    positive.
    """
    squares = distances**2
    mean = squares.mean(axis=0)
    products = -(squares - mean - mean[:, None] + mean.mean()) / 2
    n = len(products)
    values, vectors = eigh(products, subset_by_index=(n - n_components, n - 1))
    points = vectors[:, ::-1] * np.sqrt(np.maximum(values[::-1], 0))
    largest = points[np.argmax(np.abs(points), axis=0), np.arange(n_components)]
    return np.asarray(points * np.where(largest < 0, -1, 1))


def mds(distances: Array, settings: Settings) -> Space:
    """Place images so that distances on the map are those given, as nearly as can be.

    Parameters
    ----------
    distances : array (n, n)
        Distances.
    settings : Settings
        How many dimensions, and `max_iter`.

    Returns
    -------
    Space
        The points, and the stress √(Σ(d − δ)² / Σδ²).
    """
    points, _, steps = _smacof(distances, scaled(distances, settings.n_components), settings, metric=True)
    gaps = np.linalg.norm(points[:, None] - points, axis=-1) - distances
    stress = float(np.sqrt((gaps**2).sum() / (distances**2).sum()))
    return Space(points, converged=steps < settings.options["max_iter"], facts={"stress": stress})


def nonmetric_mds(distances: Array, settings: Settings) -> Space:
    """Place images so that distances on the map are ordered as those given, as nearly as can be.

    Parameters
    ----------
    distances : array (n, n)
        Distances.
    settings : Settings
        How many dimensions, and `max_iter`.

    Returns
    -------
    Space
        The points, and Kruskal's stress 1.
    """
    start = mds(distances, settings).points
    points, stress, steps = _smacof(distances, start, settings, metric=False)
    return Space(points, converged=steps < settings.options["max_iter"], facts={"stress": float(stress)})


def isomap(distances: Array, settings: Settings) -> Space:
    """Place images by classical scaling of their distances along a graph of neighbours.

    Parameters
    ----------
    distances : array (n, n)
        Distances.
    settings : Settings
        How many dimensions, and `n_neighbors`.

    Returns
    -------
    Space
        The points, and what places other images.

    Raises
    ------
    ArgumentError
        If neighbours do not connect all images.
    """
    neighbours = settings.options["n_neighbors"]
    parts, _ = connected_components(kneighbors_graph(distances, neighbours, metric="precomputed"), directed=False)
    if parts > 1:
        found, remedy = listed(f"{neighbours}, which leaves {parts} groups apart"), "Take more neighbours."
        raise ArgumentError(advice("n_neighbors", "connect all images", found, remedy))
    # the dense solver draws nothing at random
    model = Isomap(
        n_neighbors=neighbours, n_components=settings.n_components, metric="precomputed", eigen_solver="dense"
    )
    return Space(np.asarray(model.fit_transform(distances), dtype=np.float64), fitted=model)


def tsne(distances: Array, settings: Settings) -> Space:
    """Place images so that each has the same neighbours on the map, by t-SNE from classical scaling.

    Parameters
    ----------
    distances : array (n, n)
        Distances.
    settings : Settings
        How many dimensions, `perplexity` and `max_iter`.

    Returns
    -------
    Space
        The points, and the Kullback-Leibler divergence that is left.
    """
    start = scaled(distances, settings.n_components)
    model = TSNE(
        settings.n_components,
        perplexity=settings.options["perplexity"],
        max_iter=settings.options["max_iter"],
        metric="precomputed",
        init=(start / start[:, 0].std() * START).astype(np.float32),
        method="barnes_hut" if settings.n_components < 4 else "exact",
        random_state=settings.random_state,
    )
    points = np.asarray(model.fit_transform(distances), dtype=np.float64)
    return Space(points, facts={"kl_divergence": float(model.kl_divergence_)})


def umap(distances: Array, settings: Settings) -> Space:
    """Place images so that each has the same neighbours on the map, by UMAP.

    Parameters
    ----------
    distances : array (n, n)
        Distances.
    settings : Settings
        How many dimensions, the seed, `n_neighbors` and `min_dist`.

    Returns
    -------
    Space
        The points, and what places other images.

    Raises
    ------
    MissingPackageError
        If umap-learn is not installed.
    """
    with warnings.catch_warnings():
        # it tells of what it cannot invert, and of graphs that fall apart, which is its business
        warnings.simplefilter("ignore")
        model = _package().UMAP(
            n_components=settings.n_components,
            n_neighbors=settings.options["n_neighbors"],
            min_dist=settings.options["min_dist"],
            metric="precomputed",
            random_state=settings.random_state,
            n_jobs=1,
        )
        points = np.asarray(model.fit_transform(distances), dtype=np.float64)
    return Space(points, fitted=_Quiet(model))


class _Quiet:
    """A fitted map that places other images without warnings."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def transform(self, distances: Array) -> Array:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.asarray(self.model.transform(distances), dtype=np.float64)


def _smacof(distances: Array, start: Array, settings: Settings, *, metric: bool) -> tuple[Array, float, int]:
    """Majorise stress from a given start, which leaves nothing to chance."""
    points, stress, steps = smacof(
        distances,
        metric=metric,
        n_components=start.shape[1],
        init=start,
        n_init=1,
        max_iter=settings.options["max_iter"],
        eps=STILL,
        random_state=0,
        return_n_iter=True,
    )
    return points, stress, steps


def _package() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import umap
    except ImportError as error:
        remedy = 'Run: pip install "memfeat[umap]"'
        raise MissingPackageError(f"umap-learn must be installed for method='umap'; it is not. {remedy}") from error
    return umap
