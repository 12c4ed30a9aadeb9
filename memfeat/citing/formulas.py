"""Where p-values and intervals come from a formula, whose they are, and whether anything was drawn for them."""

import re
from collections.abc import Iterable

import numpy as np
import xarray as xr

from memfeat._phrases import in_words
from memfeat.citing.facts import Facts
from memfeat.citing.phrases import counted

__all__ = ["alone", "by_formula", "drawn", "interval_of", "p_from"]

#: How the method of a result begins whose tests depend on what was resampled.
COMPARED = re.compile(r"(partial )?RSA(, (?!.*clusters of time)| contrast)")
CONTRAST = "RSA contrast"
#: Test across participants → words, and of differences between them.
ACROSS = {"t": "one-sample t tests", "wilcoxon": "Wilcoxon signed-rank tests [@wilcoxon1945]"}
PAIRED = "paired t tests"
#: What was resampled → the interval of a contrast, of which attributes say less.
INTERVALS = {
    "images": "Student's t, jackknife over images, paired",
    "rdms": "Student's t over participants, paired",
    "both": "Student's t, corrected two-factor bootstrap over images and participants, paired",
}
#: How a number of an evaluation got its interval → the same in words.
OF_ROWS = {
    "BCa bootstrap": "the bias-corrected accelerated bootstrap",
    "t": "Student's t",
    "order statistics": "order statistics [@nyblom1992]",
    "percentile bootstrap": "the percentile bootstrap",
    "delta method": "the delta method",
    "Wilson": "Wilson's",
}
#: How the name of a number of an evaluation begins → what it is. Anything else is a correlation or an error.
OF_WHAT = {
    "bias": "the mean error",
    "error_q": "quantiles of the error",
    "share_below_rmse": "the share of errors below their root mean square",
    "share_at_floor": "shares at a floor",
}
SMOOTH = "correlations and errors"
#: How the method of a comparison of sets is called, and its statistics → what they are and their intervals.
SETS = re.compile(r"comparison of (paired )?sets by their scores")
OF_SETS = {
    "mean_difference": ("the difference of means", "expanded percentile bootstrap"),
    "hedges_g": ("Hedges' g", "studentised bootstrap"),
    "d_z": ("d_z", "studentised bootstrap"),
    "cliffs_delta": ("Cliff's δ", "Feng and Cliff"),
    "auc": ("AUC", "Feng and Cliff"),
    "paired_delta": ("paired δ", "Feng and Cliff"),
    "adjusted_difference": ("the difference at equal covariates", "Student's t"),
}
#: That of the difference of means where there are few clusters.
OF_FEW = {"mean_difference": ("the difference of means", "Student's t")}
#: Statistics of sets whose p is that of a formula unless all rearrangements are listed → what they are.
FORMULAS = {"mann_whitney_u": "Mann and Whitney's U", "wilcoxon_w": "Wilcoxon's W"}
#: What a file that holds several parts of an evaluation puts before the names of the first.
PARTS = ("", "agreement_")
UNBIASED = ", less its estimate of bias"


def p_from(facts: Facts) -> str:
    """Say which formula p-values come from.

    Parameters
    ----------
    facts : Facts
        Of a result.

    Returns
    -------
    str
        Words, with whom to cite; empty where they come from rearrangements, or the result is none of RSA.
    """
    method, resample = facts.text("method"), facts.text("resample")
    if not COMPARED.match(method):
        return ""
    contrast = method.startswith(CONTRAST)
    if resample == "rdms":
        how = PAIRED if contrast else ACROSS.get(facts.text("test"), "")
        return f"{how} over participants" if how else ""
    if resample == "both":
        samples = counted(facts.number("n_bootstraps"), "bootstrap sample")
        return (
            f"Student's t, with the standard error of the corrected two-factor bootstrap over images and participants "
            f"({samples}) and degrees of freedom after Satterthwaite [@schutt2023; @satterthwaite1946]"
        )
    if not contrast:
        return ""
    less = UNBIASED if _unbiased(facts) else ""
    largest = f"; those of the largest deviation from {counted(facts.number('n_bootstraps'), 'bootstrap sample')}"
    return f"Student's t, with the jackknife's standard error{less} [@efron1981]{largest if _several(facts) else ''}"


def interval_of(facts: Facts) -> str:
    """Say what the intervals of a contrast of RSA are, and of results of which each number has its own.

    Parameters
    ----------
    facts : Facts
        Of a result.

    Returns
    -------
    str
        Words; empty for any other result.
    """
    if SETS.fullmatch(facts.text("method")):
        return _of_sets(facts)
    if not facts.text("method").startswith(CONTRAST):
        return _of_rows(facts)
    return f"{INTERVALS.get(facts.text('resample'), '')}{UNBIASED if _unbiased(facts) else ''}"


def by_formula(facts: Facts) -> str:
    """Say which statistic of a comparison of sets has the p of a formula, whatever the others have.

    Parameters
    ----------
    facts : Facts
        Of a result.

    Returns
    -------
    str
        Its name; empty if there is none.
    """
    given = [] if facts.true("exact") else facts.names("holm")
    return in_words([words for name, words in FORMULAS.items() if name in given])


def _of_sets(facts: Facts) -> str:
    """Say which interval each statistic of sets has that has one."""
    low, statistic = xr.broadcast(facts.table["ci_low"], facts.table["statistic"])
    there = set(map(str, statistic.values[low.notnull().values]))
    known = OF_SETS | (OF_FEW if facts.true("few_clusters") else {})
    by: dict[str, list[str]] = {}
    for name, (what, how) in known.items():
        if name in there:
            by.setdefault(how, []).append(what)
    return in_words([f"{how} of {in_words(what)}" for how, what in by.items()])


def _of_rows(facts: Facts) -> str:
    """Say which interval each kind of number has, where a result says it row by row."""
    rows = [row for part in PARTS for row in _rows(facts, part)]
    by: dict[str, list[str]] = {}
    for how, metric in dict.fromkeys(rows):
        by.setdefault(how, []).append(next((what for name, what in OF_WHAT.items() if metric.startswith(name)), SMOOTH))
    said = in_words([f"{OF_ROWS[how]} of {in_words(list(dict.fromkeys(what)))}" for how, what in by.items()])
    over = facts.text("resampling").partition(", resampling ")[2]
    return f"{said}{f', over {over}' if over else ''}" if said else ""


def _rows(facts: Facts, part: str) -> Iterable[tuple[str, str]]:
    pairs = zip(facts.column(f"{part}interval"), facts.column(f"{part}metric"), strict=False)
    return ((how, metric) for how, metric in pairs if how in OF_ROWS)


def drawn(facts: Facts) -> bool:
    """Say whether anything was drawn at random.

    Parameters
    ----------
    facts : Facts
        Of a result.

    Returns
    -------
    bool
        False for results of RSA whose tests and intervals follow a formula; True for others that have a seed.
    """
    method, resample = facts.text("method"), facts.text("resample")
    if not COMPARED.match(method):
        return True
    samples = facts.number("n_bootstraps") > 0
    if resample == "both":
        return samples
    if method.startswith(CONTRAST):
        return resample == "images" and _several(facts)
    rearranged = facts.number("n_permutations") > 0 and not facts.true("exact") and not p_from(facts)
    return rearranged or (samples and _by_samples(facts))


def alone(facts: Facts) -> bool:
    """Say whether there is a single p-value, which had nothing to be corrected for.

    Parameters
    ----------
    facts : Facts
        Of a result.

    Returns
    -------
    bool
        False also for one that was chosen out of several: its corrected p is larger.
    """
    p, p_corrected = facts.finite("p"), facts.finite("p_corrected")
    return p.size == 1 and bool(np.array_equal(p, p_corrected))


def _by_samples(facts: Facts) -> bool:
    bounds = facts.finite("noise_upper_ci_low").size > 0
    return "bootstrap" in facts.text("interval") or bounds


def _unbiased(facts: Facts) -> bool:
    """Say whether the jackknife's estimate of bias was taken out."""
    return facts.finite("bias").size > 0


def _several(facts: Facts) -> bool:
    """Say whether contrasts over images were corrected in bootstrap samples, which a single one is not."""
    return "largest deviation" in facts.text("correction") and not alone(facts)
