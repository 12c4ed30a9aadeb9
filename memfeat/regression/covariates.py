"""What is known about each image besides its features, taken out of scores and features inside every training fold."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from memfeat._check import advice, listed
from memfeat.errors import ArgumentError
from memfeat.regression.rounding import NOTHING, varied
from memfeat.regression.targets import Targets, columns_of

__all__ = ["Covariates", "covariates_of", "taken_out"]

Array = npt.NDArray[np.float64]
Inside = npt.NDArray[np.bool_]


class Covariates(NamedTuple):
    """Columns that are taken out, images in the order of their names."""

    names: list[str]
    terms: Array
    """(n, 1 + covariates): ones, and the covariates with mean 0 and length √n."""

    def among(self, chosen: npt.NDArray[np.intp]) -> "Covariates":
        """Give the same for some of the images."""
        return Covariates(self.names, self.terms[chosen])

    def basis(self, inside: Inside) -> Array:
        """Give combinations of the columns (n, 1 + covariates) that are orthonormal among training images."""
        triangle = np.linalg.qr(self.terms[inside])[1]
        few = inside.sum() <= self.terms.shape[1]
        if few or (np.abs(np.diagonal(triangle)) < NOTHING * np.sqrt(inside.sum())).any():
            found = listed(f"one that is not, among {inside.sum()} training images")
            remedy = "Leave it out, or deal folds so that each training part has images of all kinds (strata=)."
            raise ArgumentError(advice("covariates", "vary, and differ from each other, in every fold", found, remedy))
        return np.asarray(np.linalg.solve(triangle.T, self.terms.T).T)

    def left(self, values: Array, inside: Inside) -> Array:
        """Take what covariates explain among training images out of all images (n, ...)."""
        basis = self.basis(inside)
        # the second time takes out what rounding left, which matters where covariates explain nearly everything
        for _ in range(2):
            values = values - basis @ (basis[inside].T @ values[inside])
        return values

    def left_of_gram(self, gram: Array, inside: Inside) -> Array:
        """Give the Gram matrix of features that covariates are taken out of, which maps images to images."""
        rest = self.left(self.left(gram, inside).T, inside)
        before, after = (float(np.trace(one[np.ix_(inside, inside)])) for one in (gram, rest))
        return rest if after > NOTHING * before else np.zeros_like(rest)


def covariates_of(given: Any, targets: Targets) -> Covariates | None:
    """Read covariates.

    Parameters
    ----------
    given : DataArray (image), pandas.Series, Dataset (image), pandas.DataFrame or None
        One number per image and covariate.
    targets : Targets
        Scores.

    Returns
    -------
    Covariates or None
        The columns, and ones.

    Raises
    ------
    KindError, ArgumentError
        If they are no numbers, a number is missing, images differ from those of the scores, covariates are constant
        or made up of each other, or they leave nothing of a score.
    """
    if given is None:
        return None
    columns, _ = columns_of(given, "covariates", targets.images, reference="scores")
    names, values = [str(one.name) for one in columns], np.column_stack([one.values for one in columns])
    spread = values.std(axis=0)
    flat = ~varied(values, spread)
    if flat.any():
        which = listed.of([name for name, bad in zip(names, flat, strict=True) if bad])
        raise ArgumentError(advice("covariates", "differ between images", which, "Leave it out."))
    terms = np.column_stack([np.ones(len(values)), (values - values.mean(axis=0)) / spread])
    if (
        len(values) < terms.shape[1] + 2
        or np.linalg.matrix_rank(terms, NOTHING * np.sqrt(len(values))) < len(names) + 1
    ):
        remedy = "Leave one out: of categories written as 0 and 1, drop one column."
        found = listed(f"{len(names)} of {len(values)} images, some made up of the others")
        raise ArgumentError(advice("covariates", "be fewer than images, and differ from each other", found, remedy))
    covariates = Covariates(names, terms)
    taken_out(targets, covariates)
    return covariates


def taken_out(targets: Targets, covariates: Covariates | None) -> Array:
    """Take covariates out of scores, all images at once: what is left is what permutations exchange.

    Parameters
    ----------
    targets : Targets
        Scores.
    covariates : Covariates or None
        What is taken out.

    Returns
    -------
    array (n, score)
        Residuals, or the scores themselves if nothing is to be taken out.

    Raises
    ------
    ArgumentError
        If nothing is left.
    """
    if covariates is None:
        return targets.values
    left = covariates.left(targets.values, np.ones(len(targets.values), dtype=bool))
    gone = left.std(axis=0) <= NOTHING * targets.values.std(axis=0)
    if (gone & (targets.values.std(axis=0) > 0)).any():
        which = listed.of([name for name, bad in zip(targets.names, gone, strict=True) if bad])
        raise ArgumentError(advice("covariates", "leave something of each score", listed(f"nothing of {which}")))
    return left
