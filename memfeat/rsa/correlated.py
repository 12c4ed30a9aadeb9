"""Correlations of RDMs with each other, with some taken out of the others, in samples of images."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from memfeat._check import advice, listed
from memfeat._progress import bar
from memfeat.errors import ArgumentError
from memfeat.rsa.similarity import COMPARISONS

__all__ = ["CORRELATIONS", "Correlated"]

Array = npt.NDArray[Any]
#: Similarities that are correlations, so that they can be taken out of each other.
CORRELATIONS = ("spearman", "pearson")
#: What is left of a variance of 1 below this is rounding.
NOTHING = 1e-10


class Correlated(NamedTuple):
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


def _varied(scaled: Any, vectors: Array) -> None:
    if not all(np.isfinite(scaled(vector)).all() for vector in vectors):
        found = listed("one whose dissimilarities are all equal")
        raise ArgumentError(advice("RDMs", "differ between pairs of images", found, "Leave it out."))
