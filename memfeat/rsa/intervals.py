"""Intervals and p-values of similarities, for other images, other participants, or both."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from memfeat import stats
from memfeat._check import advice, listed
from memfeat._labels import LAYER
from memfeat.errors import ArgumentError
from memfeat.rsa.design import Design, centred
from memfeat.rsa.leaving import left_out, strata_of
from memfeat.rsa.options import ENOUGH_PARTICIPANTS, Plan
from memfeat.rsa.samples import Bootstrap, drawn_of, exchanged_images, rearranged
from memfeat.stats.participants import t_limits

__all__ = ["NULLS", "TAILED", "WORDS", "Evidence", "limits", "p_values"]

Array = npt.NDArray[Any]
#: A larger share of rearrangements without a value, and there is no test.
UNDEFINED = 0.01

#: What the p-values of a resampled unit say is not there.
NULLS = {
    "images": "which image is which in the reference is unrelated to the layers (Mantel)",
    "rdms": "the mean similarity over the population of participants is 0 (random effects)",
    "both": "the mean similarity over the populations of participants and images is 0",
}
#: Jackknife intervals with degrees of freedom by how much single images weigh.
TAILED = "left out"
WORDS = {
    ("images", "percentile"): "expanded percentile bootstrap over images, 95 %",
    ("images", "bca"): "bias-corrected accelerated bootstrap over images, 95 %",
    ("images", "jackknife"): "Student's t, jackknife over images, less its estimate of bias, 95 %",
    ("images", TAILED): "Student's t, jackknife over images, degrees of freedom after Satterthwaite, 95 %",
    ("rdms", "t"): "Student's t over participants, 95 %",
    ("rdms", "percentile"): "expanded percentile bootstrap over participants, 95 %",
    ("rdms", "bca"): "bias-corrected accelerated bootstrap over participants, 95 %",
    ("both", "t"): "Student's t, corrected two-factor bootstrap over images and participants, 95 %",
}


class Evidence(NamedTuple):
    """What inference starts from."""

    design: Design
    plan: Plan
    values: Array
    """Similarities (layer, cell, participant or 1)."""
    bootstrap: Bootstrap | None
    method: str
    n_permutations: int
    n_bootstraps: int
    rng: np.random.Generator
    alternative: str
    left: stats.Jackknife | None = None
    """What leaving images out says, for methods whose bias is taken out."""

    @property
    def middle(self) -> Array:
        """Mean over participants, less the bias where that is known (layer, cell)."""
        mean: Array = self.values.mean(axis=-1)
        return mean if self.left is None else mean - self.left.bias


def limits(found: Evidence) -> dict[str, Array]:
    """Compute the limits of 95 % intervals.

    Parameters
    ----------
    found : Evidence
        Similarities and their bootstrap values.

    Returns
    -------
    dict
        `ci_low` and `ci_high` (layer, cell), and `bias` where they are corrected for it; empty if none were asked for.

    Raises
    ------
    ArgumentError
        If too many bootstrap samples are undefined, or there are too few participants for percentiles.
    """
    return LIMITS[found.plan.interval](found)


def p_values(found: Evidence) -> dict[str, Any]:
    """Compute p-values, corrected over all layers and further dims.

    Parameters
    ----------
    found : Evidence
        Similarities and their bootstrap values.

    Returns
    -------
    dict
        `p`, `p_corrected` and `p_fdr` (layer, cell), and `exact`; empty if none were asked for. `chance` (layer, cell),
        the mean over rearrangements, where that is not 0.
    """
    table = P_VALUES[found.design.resample](found)
    if not table:
        return {}
    shape = found.values.shape[:2]
    table["p_fdr"] = stats.fdr(np.asarray(table["p"]).reshape(-1))
    return {name: value if name == "exact" else np.reshape(value, shape) for name, value in table.items()}


def _percentile(found: Evidence) -> dict[str, Array]:
    _enough_participants(found)
    if found.bootstrap is None:
        return {}
    design = found.design
    drawn = {"n": found.values.shape[-1]} if design.resample == "rdms" else drawn_of(design)
    return _ends(stats.expanded(stats.enough(found.bootstrap.draws), **drawn))


def _bca(found: Evidence) -> dict[str, Array]:
    _enough_participants(found)
    if found.bootstrap is None:
        return {}
    draws = stats.enough(found.bootstrap.draws)
    mean = found.values.mean(axis=-1)
    if found.design.resample == "rdms":
        n = found.values.shape[-1]
        return _ends(stats.bca(mean, draws, (mean[..., None] * n - found.values) / (n - 1)))
    return _ends(stats.bca(mean, draws, left_out(found.design), strata=strata_of(found.design)))


def _jackknife(found: Evidence) -> dict[str, Array]:
    """Take the bias out; bootstrap samples are not looked at."""
    if found.left is None:
        return {}
    return _corrected(found) | _ends(t_limits(found.middle, found.left.error, found.left.degrees))


def _corrected(found: Evidence) -> dict[str, Array]:
    return {} if found.left is None else {"bias": found.left.bias, "corrected": found.middle}


def _t(found: Evidence) -> dict[str, Array]:
    if found.design.resample == "rdms":
        return _ends(stats.t_interval(found.values))
    if found.bootstrap is None:
        return {}
    middle, error, degrees = found.middle, found.bootstrap.error, found.bootstrap.degrees
    return _corrected(found) | _ends(t_limits(middle, error, degrees))


def _ends(pair: tuple[Array, Array]) -> dict[str, Array]:
    return dict(zip(("ci_low", "ci_high"), pair, strict=True))


LIMITS: dict[str, Callable[[Evidence], dict[str, Array]]] = {
    "percentile": _percentile,
    "bca": _bca,
    "jackknife": _jackknife,
    "t": _t,
}


def _mantel(found: Evidence) -> dict[str, Any]:
    """Rearrange images."""
    if not found.n_permutations:
        return {}
    rows, exact = exchanged_images(found.design, found.n_permutations, found.rng)
    null = rearranged(found.design, rows).reshape(-1, len(rows))
    _nearly_all_defined(found.design, null)
    observed = found.values.mean(axis=-1).reshape(-1)
    table: dict[str, Any] = {"exact": exact}
    if not centred(found.design):
        # the data themselves are one of the rearrangements; in `exact` they are among them
        every = null if exact else np.column_stack([observed, null])
        table["chance"] = chance = np.nanmean(every, axis=1)
        observed, null = observed - chance, null - chance[:, None]
    options: dict[str, Any] = {"exact": exact, "alternative": found.alternative}
    p, corrected = (test(observed, null, **options) for test in (stats.p_value, stats.max_statistic))
    return table | {"p": p, "p_corrected": corrected}


def _nearly_all_defined(design: Design, null: Array) -> None:
    """Refuse RDMs that many rearrangements leave nothing to compare of: too few pairs are there in both."""
    share = 1 - np.isfinite(null).mean(axis=1)
    if share.max() > UNDEFINED:
        layer = design.read.coords[LAYER].values[int(share.argmax()) // len(design.read.references)]
        found = listed(
            f"layer {str(layer)!r}, of which {share.max():.0%} of the rearrangements leave nothing that varies"
        )
        remedy = "Leave it out, take images without missing pairs, or use n_permutations=0."
        raise ArgumentError(advice("rdms and ref", "share pairs that vary when images are rearranged", found, remedy))


def _random_effects(found: Evidence) -> dict[str, Any]:
    """Test across participants."""
    if _untested(found) or (found.plan.test == "signs" and not found.n_permutations):
        return {}
    values = found.values.reshape(-1, found.values.shape[-1])
    options: dict[str, Any] = {"n_permutations": found.n_permutations, "rng": found.rng}
    return stats.across(values, test=found.plan.test, alternative=found.alternative, **options)


def _two_factor(found: Evidence) -> dict[str, Any]:
    """Test against the corrected standard error."""
    if _untested(found) or found.bootstrap is None:
        return {}
    parts = (found.middle, found.bootstrap.error, found.bootstrap.degrees)
    mean, error, degrees = (part.reshape(-1) for part in parts)
    p = stats.student(mean, error, degrees, alternative=found.alternative)
    return {"p": p, "p_corrected": stats.holm(p), "exact": False}


def _untested(found: Evidence) -> bool:
    """Refuse to test what is above 0 without any relation; say that nothing is tested if that was asked for."""
    if centred(found.design):
        return False
    if found.n_permutations:
        what = "framed RDMs" if found.design.kernel.centred else f"method={found.method!r}"
        rule = (
            f"be 0 with {what} and resample={found.design.resample!r}: their similarity is above 0 without any relation"
        )
        remedy = "Use resample='images', a correlation (method='pearson'), or mf.rsa.contrast to compare layers."
        raise ArgumentError(advice("n_permutations", rule, found.n_permutations, remedy))
    return True


P_VALUES: dict[str, Callable[[Evidence], dict[str, Any]]] = {
    "images": _mantel,
    "rdms": _random_effects,
    "both": _two_factor,
}


def _enough_participants(found: Evidence) -> None:
    people = found.values.shape[-1]
    if found.design.resample == "rdms" and people < ENOUGH_PARTICIPANTS:
        rule = f"be 't' with fewer than {ENOUGH_PARTICIPANTS} participants, of whom a bootstrap covers too seldom"
        raise ArgumentError(advice("interval", rule, listed(f"{found.plan.interval!r} with {people}")))
