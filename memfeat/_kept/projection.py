"""Sparse random projection: fewer numbers, nearly the same distances between images."""

import hashlib
import re
import warnings
from math import sqrt

import numpy as np
import torch
from torch import Tensor

from memfeat._check import advice, listed
from memfeat._kept.axes import Axes
from memfeat.errors import ArgumentError, MemfeatWarning

__all__ = ["Projection", "dimension_for", "projection"]

#: Fewer images have no distance to keep.
FEWEST = 2
#: Bytes of the position of an entry of a matrix, and of the entry with its position.
INDEX, ENTRY = 4, 8
HEADROOM = "Extract all images into a new store, or choose a larger EPS there."


class Projection:
    """A random projection of each layer's flattened output.

    Parameters
    ----------
    eps : float
        How far a squared distance between two images may change, as a share of it.
    seed : int
        Seed of all matrices.
    dim : int
        Number of components.

    Notes
    -----
    The matrix of a layer follows from the seed, the layer's name, its number of values and `dim` alone. It is made when
    first needed and holds about dim × √values numbers that are not 0, at 8 bytes each.
    """

    def __init__(self, eps: float, seed: int, dim: int) -> None:
        self.eps, self.seed, self.dim = eps, seed, dim
        self._matrices: dict[tuple[str, int, str], Tensor] = {}

    @property
    def name(self) -> str:
        """What it is, in full, with the first digits of a hash that tells whether matrices are drawn as ever."""
        return f"project(eps={self.eps!r}, seed={self.seed}, dim={self.dim}, draw={_drawn(self.seed)})"

    def keep(self, layer: str, output: Tensor, axes: Axes) -> tuple[Tensor, Axes]:
        """Project an output.

        Parameters
        ----------
        layer : str
            The layer.
        output : Tensor (n, ...)
            Its output.
        axes : tuple of str
            The output's axes, without the images.

        Returns
        -------
        Tensor (n, component)
            The components; all values as they are (n, unit) if they are no more than `dim`.
        tuple of str
            ("component",) or ("unit",), so that the result says which of the two it is.
        """
        values = output.flatten(1)
        n, width = values.shape
        if width <= self.dim:
            return values, ("unit",)
        if values.is_meta:
            # Matrices are large: nobody who asks for a shape should wait for one.
            return values.new_empty((n, self.dim)), ("component",)
        # torch has no sparse products on Apple's GPUs.
        home = torch.device("cpu") if values.device.type == "mps" else values.device
        matrix = self._matrix(layer, width, home)
        with torch.autocast(home.type, enabled=False):
            projected = matrix @ values.to(home, torch.float32).T
        return projected.T.contiguous(), ("component",)

    def held(self, width: int) -> int:
        """Count bytes of a layer's matrix.

        Parameters
        ----------
        width : int
            Number of values that the layer puts out.

        Returns
        -------
        int
            dim × √width expected entries that are not 0 (SparseRandomProjection's default density is 1 / √width), and
            the beginnings of its rows; 0 for a layer that is kept whole.
        """
        return 0 if width <= self.dim else round(ENTRY * self.dim * sqrt(width)) + INDEX * (self.dim + 1)

    def _matrix(self, layer: str, width: int, device: torch.device) -> Tensor:
        key = (layer, width, str(device))
        if key not in self._matrices:
            self._matrices[key] = self._made(layer, width).to(device)
        return self._matrices[key]

    def _made(self, layer: str, width: int) -> Tensor:
        from sklearn.random_projection import SparseRandomProjection

        maker = SparseRandomProjection(n_components=self.dim, random_state=_seed(self.seed, layer))
        rows = maker.fit(np.zeros((1, width), dtype=np.float32)).components_
        rows.sort_indices()
        with warnings.catch_warnings():
            # torch says once per process that its sparse tensors may change; products are all that is used here.
            warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
            return torch.sparse_csr_tensor(
                torch.from_numpy(rows.indptr.astype(np.int32)),
                torch.from_numpy(rows.indices.astype(np.int32)),
                torch.from_numpy(rows.data),
                size=rows.shape,
                check_invariants=False,
            )


def _drawn(seed: int) -> str:
    """Hash a small matrix: another version of scikit-learn, or another generator, would draw another one."""
    from sklearn.random_projection import SparseRandomProjection

    small = SparseRandomProjection(n_components=8, random_state=_seed(seed, "")).fit(np.zeros((1, 64))).components_
    return hashlib.sha256(small.toarray().astype("<f8").tobytes()).hexdigest()[:8]


def _seed(seed: int, layer: str) -> int:
    words = np.frombuffer(hashlib.sha256(layer.encode()).digest(), dtype="<u4")
    return int(np.random.SeedSequence([seed, *words.tolist()]).generate_state(1)[0])


def dimension_for(eps: float, n_images: int) -> int:
    """Give the Johnson-Lindenstrauss dimension.

    Parameters
    ----------
    eps : float
        How far a squared distance may change, as a share of it.
    n_images : int
        Number of images.

    Returns
    -------
    int
        Components that suffice for all pairs of images, with high probability.
    """
    from sklearn.random_projection import johnson_lindenstrauss_min_dim

    return int(johnson_lindenstrauss_min_dim(max(n_images, FEWEST), eps=eps))


def projection(eps: float, seed: int, *, n_images: int | None, stored: str | None) -> Projection:
    """Choose the dimension of a projection.

    Parameters
    ----------
    eps : float
        How far a squared distance may change, as a share of it; between 0 and 1.
    seed : int
        Seed of all matrices.
    n_images : int, optional
        Number of images.
    stored : str, optional
        Name of the reduction of a store that is to be filled further; a projection of the same `eps` and `seed` gives
        its dimension.

    Returns
    -------
    Projection
        The projection.

    Raises
    ------
    ArgumentError
        If neither the store nor the number of images gives a dimension.

    Warns
    -----
    MemfeatWarning
        If the store's dimension is too small for so many images.
    """
    # A store holds the images it was begun with; its columns cannot grow with their number.
    pattern = re.escape(Projection(eps, seed, 0).name).replace("dim=0", r"dim=(\d+)")
    found = re.fullmatch(pattern, stored or "")
    if found is None and n_images is None:
        remedy = "Say how many images there will be: n_images=2000."
        raise ArgumentError(advice("n_images", "be given for a projection", n_images, remedy))
    needed = None if n_images is None else dimension_for(eps, n_images)
    if found is None:
        return Projection(eps, seed, needed or 1)
    dim = int(found[1])
    if needed is not None and needed > dim:
        message = advice("reduce", f"have {needed} components for {n_images} images", listed(f"{dim}"), HEADROOM)
        warnings.warn(f"{message} Distances may change by more than {eps:g}.", MemfeatWarning, stacklevel=4)
    return Projection(eps, seed, dim)
