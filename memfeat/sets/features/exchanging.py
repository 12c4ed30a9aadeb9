"""Which image is in which of two sets: as it is, and after images changed places."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from memfeat._check import advice, listed
from memfeat.errors import ArgumentError
from memfeat.sets.relabelling import relabelled

__all__ = ["Contrast", "contrasts_of", "sampled"]

Numbers = npt.NDArray[np.int64]
Places = npt.NDArray[np.intp]


class Contrast(NamedTuple):
    """Two sets, and what they would be if images had changed places."""

    members: Places
    """(m,), positions of their images, ascending."""
    labels: npt.NDArray[np.bool_]
    """(m, 1 + permutation), whether an image is in the first set; the first column is what is."""
    exact: bool
    """Whether these are all rearrangements."""
    n_fixed: int = 0
    """How many images can never change sets."""

    def weights(self, some: slice = slice(None)) -> npt.NDArray[np.float64]:
        """Give 1 / n of the first set, and −1 / n of the second, for some of the members (some, 1 + permutation)."""
        n_first = int(self.labels[:, 0].sum())
        return np.where(self.labels[some], 1 / n_first, -1 / (len(self.members) - n_first))


def contrasts_of(
    number: Numbers,
    pairs: list[tuple[int, int]],
    scheme: Mapping[str, Any],
    n_permutations: int,
    generator: np.random.Generator,
) -> list[Contrast]:
    """Rearrange the images of every two sets.

    Parameters
    ----------
    number : array (n,) of int
        The set of each image, in the order of their names.
    pairs : list of (int, int)
        The sets to compare.
    scheme : mapping
        `blocks` (array or None) and `permute`.
    n_permutations : int
        How many; 0 for none.
    generator : numpy.random.Generator
        Source of the draws.

    Returns
    -------
    list of Contrast
        One for each pair.

    Raises
    ------
    ArgumentError
        If no rearrangement puts an image into the other set.
    """
    return [_contrast(number, pair, scheme, n_permutations, generator) for pair in pairs]


def _contrast(
    number: Numbers,
    pair: tuple[int, int],
    scheme: Mapping[str, Any],
    n_permutations: int,
    generator: np.random.Generator,
) -> Contrast:
    members = np.flatnonzero(np.isin(number, pair))
    is_first = number[members] == pair[0]
    if not n_permutations:
        return Contrast(members, is_first[:, None], False)
    blocks, permute = scheme["blocks"], scheme["permute"]
    some = None if blocks is None else blocks[members]
    fixed = _must_mix(is_first, some, permute)
    labels, exact = relabelled(is_first, n_permutations, generator, blocks=some, permute=permute)
    return Contrast(members, np.concatenate([is_first[None], labels]).T, exact, fixed)


def _must_mix(is_first: npt.NDArray[np.bool_], blocks: Any, permute: str) -> int:
    """See to it that images of the two sets can change places, and count those that cannot."""
    if blocks is None or permute == "free":
        return 0
    share = [is_first[blocks == block] for block in np.unique(blocks)]
    # what cannot be told apart changes nothing: images of a block for "within", blocks of the same size for "whole"
    kinds: dict[Any, set[Any]] = {}
    sizes: dict[Any, int] = {}
    for k, block in enumerate(share):
        pool = k if permute == "within" else len(block)
        kinds.setdefault(pool, set()).update(block.tolist() if permute == "within" else [tuple(block.tolist())])
        sizes[pool] = sizes.get(pool, 0) + len(block)
    if not any(len(kind) > 1 for kind in kinds.values()):
        why = {
            "within": "Every block lies in one set: pass permute='whole' for clusters, 'within' for pairs.",
            "whole": "No block of one set is as large as one of the other: whole blocks change places with blocks of "
            "their own size.",
        }
        rule = f"leave something to exchange with permute={permute!r}"
        raise ArgumentError(advice("blocks", rule, listed(f"{len(share)} blocks"), why[permute]))
    return sum(sizes[pool] for pool, kind in kinds.items() if len(kind) == 1)


def sampled(number: Numbers, most: int, scheme: Mapping[str, Any], generator: np.random.Generator) -> Places:
    """Choose images at random, as many of each set; all if they are not too many.

    Parameters
    ----------
    number : array (n,) of int
        The set of each image.
    most : int
        How many images of all sets together.
    scheme : mapping
        `blocks` and `permute`: blocks that change places as a whole, and pairs, are chosen as a whole.
    generator : numpy.random.Generator
        Source of the draws; untouched if all are taken.

    Returns
    -------
    array (m,) of int
        Their positions, ascending.
    """
    if len(number) <= most:
        return np.arange(len(number))
    alone = scheme["permute"] == "free"
    unit = np.arange(len(number)) if alone else np.unique(scheme["blocks"], return_inverse=True)[1]
    by_unit = np.split(np.argsort(unit, kind="stable"), np.cumsum(np.bincount(unit))[:-1])
    left = np.full(number.max() + 1, most // (number.max() + 1))
    chosen = []
    for k in generator.permutation(len(by_unit)):
        need = np.bincount(number[by_unit[k]], minlength=len(left))
        if (need <= left).all():
            left -= need
            chosen.append(by_unit[k])
    return np.sort(np.concatenate(chosen)) if chosen else np.empty(0, dtype=np.intp)
