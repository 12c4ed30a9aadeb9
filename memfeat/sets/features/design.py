"""How sets are compared: options, checked, and what is drawn once for all layers."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from memfeat._check import advice, count, listed
from memfeat.errors import ArgumentError, KindError
from memfeat.regression.dealing import Dealing, dealt
from memfeat.sets.features.discrepancies import KERNELS
from memfeat.sets.features.exchanging import Contrast, contrasts_of, sampled
from memfeat.sets.features.pooling import Pool
from memfeat.stats.exchange import units

__all__ = ["MOST", "Design", "Plan", "design_of", "plan_of"]

#: Of how many images at most those statistics are computed that need all distances at once.
MOST = 2_000
FOLDS, NEIGHBOURS = 5, 5
ALONE = "A set of one image has no spread: take more images."


class Plan(NamedTuple):
    """What is computed, and how."""

    statistics: list[str]
    folds: int
    k: int
    bandwidth: float
    most: int

    @property
    def kernels(self) -> list[str]:
        """Statistics of all images, which sum over tiles."""
        return [name for name in self.statistics if name in KERNELS]

    @property
    def others(self) -> list[str]:
        """Statistics that need all distances at once."""
        return [name for name in self.statistics if name not in KERNELS]

    @property
    def recorded(self) -> dict[str, Any]:
        """What goes into the attributes of the result."""
        used: dict[str, dict[str, Any]] = {
            "classifier": {"folds": self.folds},
            "neighbours": {"k": self.k},
            "mmd": {"bandwidth": self.bandwidth},
        }
        return {key: value for name in self.statistics for key, value in used.get(name, {}).items()}

    @property
    def least(self) -> tuple[int, str]:
        """How many images each set must have, and what to do if it has fewer."""
        needs = {
            "classifier": (self.folds, "Pass folds={}, or leave out 'classifier'."),
            "neighbours": (self.k + 1, "Pass k={}, or leave out 'neighbours'."),
        }
        every = [(2, ALONE), *map(needs.get, self.statistics)]
        return max(filter(None, every), key=lambda need: need[0])


class Design(NamedTuple):
    """What is drawn once, the same for all layers."""

    everyone: list[Contrast]
    """Every two sets, members as positions among all images."""
    sample: npt.NDArray[np.intp]
    """(m,), positions of the images that are compared by all distances at once."""
    contrasts: list[Contrast]
    """Every two sets, members as positions in the sample."""
    folds: list[npt.NDArray[np.int64]]
    """For each contrast, the fold of each member; all the same without a classifier."""
    is_whole: bool
    """Whether the sample is everyone."""
    recorded: dict[str, Any]


def plan_of(options: Mapping[str, Any], statistics: Sequence[str]) -> Plan:
    """Check the options that say how statistics are computed.

    Parameters
    ----------
    options : mapping
        `folds`, `k`, `bandwidth` and `most`, if the user gave them.
    statistics : sequence of str
        What is to be computed.

    Returns
    -------
    Plan
        The options, checked.

    Raises
    ------
    KindError, ArgumentError
        If one cannot be, or no statistic is named.
    """
    if not statistics:
        raise ArgumentError(advice("statistics", "name one at least", listed("none"), "For example 'mmd'."))
    width = options.get("bandwidth", 1.0)
    if isinstance(width, bool) or not isinstance(width, int | float):
        raise KindError(advice("bandwidth", "be a number", width))
    if not 0 < width < np.inf:
        raise ArgumentError(advice("bandwidth", "lie above 0", width, "It is in median distances of two images."))
    return Plan(
        list(statistics),
        count("folds", options.get("folds", FOLDS), least=2),
        count("k", options.get("k", NEIGHBOURS)),
        float(width),
        count("most", options.get("most", MOST), least=4),
    )


def design_of(
    pool: Pool, plan: Plan, options: Mapping[str, Any], n_permutations: int, generator: np.random.Generator
) -> Design:
    """Rearrange images, choose some if they are too many, and deal them into folds.

    Parameters
    ----------
    pool : Pool
        Features and sets.
    plan : Plan
        What is computed.
    options : mapping
        `blocks` and `permute`, if the user gave them.
    n_permutations : int
        How many; 0 for none.
    generator : numpy.random.Generator
        Source of the draws.

    Returns
    -------
    Design
        All of it.

    Raises
    ------
    KindError, ArgumentError
        If a set has too few images, blocks are not one label per image, or they leave nothing to exchange.
    """
    given: Any = {name: options.get(name) for name in ("blocks", "permute")}
    exchanged = units(given, to=pool.features, alternative="greater")
    scheme = exchanged.scheme
    _enough(pool.sizes, pool.sets, plan, "hold")
    needs_all = bool(plan.kernels) or len(pool.number) <= plan.most
    everyone = contrasts_of(pool.number, pool.pairs, scheme, n_permutations, generator) if needs_all else []
    sample = sampled(pool.number, plan.most, scheme, generator)
    is_whole = len(sample) == len(pool.number)
    number, blocks = pool.number[sample], None if scheme["blocks"] is None else scheme["blocks"][sample]
    among = {"blocks": blocks, "permute": scheme["permute"]}
    contrasts = everyone
    if not is_whole:
        _enough(np.bincount(number, minlength=len(pool.sets)), pool.sets, plan, "keep, of `most` images,")
        contrasts = contrasts_of(number, pool.pairs, among, n_permutations if plan.others else 0, generator)
    folds = [_folds(one, plan, among, generator) for one in contrasts]
    shown = everyone or contrasts
    recorded = {
        "n_permutations": _one([one.labels.shape[1] - 1 for one in shown]),
        "exact": _one([one.exact for one in shown]),
        "n_fixed": _one([one.n_fixed for one in shown]) if any(one.n_fixed for one in shown) else None,
        "most": None if is_whole else plan.most,
        **exchanged.recorded,
    }
    return Design(everyone, sample, contrasts, folds, is_whole, recorded)


def _one(values: list[Any]) -> Any:
    """Give what is the same in all contrasts as one value."""
    return values[0] if len(set(values)) == 1 else values


def _folds(
    contrast: Contrast, plan: Plan, scheme: Mapping[str, Any], generator: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Deal the images of two sets into folds that do not look at the sets."""
    if "classifier" not in plan.statistics:
        return np.zeros(len(contrast.members), dtype=np.int64)
    groups = None if scheme["permute"] == "free" else scheme["blocks"][contrast.members]
    return dealt(len(contrast.members), plan.folds, Dealing(groups, None, {}), generator)


def _enough(sizes: npt.NDArray[np.int64], sets: list[str], plan: Plan, verb: str) -> None:
    """Refuse sets that are too small for what is to be computed."""
    least, remedy = plan.least
    few = [f"{size} in {name!r}" for name, size in zip(sets, sizes, strict=True) if size < least]
    if few:
        smallest = int(sizes.min())
        told = ALONE if smallest < 2 else remedy.format(smallest - 1 if "k=" in remedy else smallest)
        raise ArgumentError(advice("sets", f"{verb} at least {least} images each", listed(", ".join(few)), told))
