"""What results share: where p-values and intervals come from, what was corrected, the seed, and the cautions."""

import re
from collections.abc import Callable

from memfeat._labels import ALLOWED, CAUTIONED
from memfeat.citing.facts import Facts
from memfeat.citing.formulas import alone, by_formula, drawn, interval_of, p_from
from memfeat.citing.phrases import counted

__all__ = ["CAUTIONS", "SHARED", "cautions", "method"]

#: Method of correlating → words and whom to cite.
METHODS = {
    "spearman": "Spearman's rank correlation [@spearman1904]",
    "pearson": "Pearson's correlation",
    "cosine": "the cosine",
    "kendall": "Kendall's τ-a",
    "rho-a": "ρ-a, Spearman's correlation without correction for ties [@schutt2023]",
    "normal_scores": "the correlation of normal scores [@vanderwaerden1952]",
    "whitened_pearson": "the whitened Pearson correlation [@diedrichsen2021]",
    "whitened_cosine": "the whitened cosine [@diedrichsen2021]",
}
#: Words in attributes → the same in a sentence, with whom to cite.
SAID = {
    (
        r"(Wilson|Jeffreys), of accuracy, too; corrected_recognition Newcombe from these; d_prime, "
        r"criterion delta method"
    ): (
        r"\1 for rates and accuracy, Newcombe for corrected recognition, the delta method for d′ and the criterion "
        "[@gourevitch1967]"
    ),
    r"max-statistic": "the maximum statistic [@westfall1993; @nichols2002]",
    r"Benjamini-Hochberg": "the Benjamini–Hochberg procedure [@benjamini1995]",
    r"(?<!'s )\bHolm\b": "Holm's procedure [@holm1979]",
    r"^largest deviation of": "the largest deviation [@westfall1993] of",
    r"^largest mass": "the largest mass of a cluster [@maris2007]",
    r" \(Mantel\)": " [@mantel1967]",
    r" \(Freedman-Lane\)": " [@freedman1983; @winkler2014]",
    r"expanded percentile bootstrap": "expanded percentile bootstrap [@hesterberg2015]",
    r"bias-corrected accelerated bootstrap|\bBCa\b": "bias-corrected accelerated bootstrap [@efron1987]",
    r"jackknife": "jackknife [@efron1981]",
    r" after Satterthwaite": " after Satterthwaite [@satterthwaite1946]",
    r"corrected two-factor bootstrap": "corrected two-factor bootstrap [@schutt2023]",
    r"\bWilson\b": "Wilson [@wilson1927; @brown2001]",
    r"\bJeffreys\b": "Jeffreys [@brown2001]",
    r"\bNewcombe\b": "Newcombe [@newcombe1998]",
    r"\bFeng and Cliff\b": "Feng and Cliff [@feng2004]",
    r"d_prime": "d′",
}
MARK = re.compile(r" \[(@[^]]+)\]")
UNITS = {"images": "image", "rdms": "participant", "both": "participant and image"}
#: Unit of a comparison of sets → what changes places.
EXCHANGED = {"clusters": "clusters", "versions of an original": "the versions of each original"}
SIDES = {"two-sided": "two-sided", "greater": "one-sided (greater)", "less": "one-sided (less)"}
P_COLUMNS = ("p", "p_corrected", "p_cluster")
#: Caution → what a reader must know.
CAUTIONS = {
    "circular": "features and scores come from the same network, or from networks that share a trunk, so that what "
    "relates them says how that network works, not how memory does",
    "retrained": "features come from the retrained network of ResMem, which its authors released to predict and not "
    "for analyses of its feature space [@needell2022]",
    "faces": "some images were declared as faces, for which the authors of ResMem caution against its predictions "
    "[@needell2022]",
}
#: The same of a trunk that has been trained on memorability, whatever it is called.
RELEASED = (
    "the trunk of the network has the weights of ResMem's retrained network, which was fitted to memorability scores "
    "[@needell2022]: it serves to try an analysis out, and features may go with memorability because these weights "
    "were trained to; an analysis that is published needs a trunk that was not retrained (backbone imagenet)"
)


def method(name: str) -> str:
    """Say a method of correlating in words.

    Parameters
    ----------
    name : str
        Its name, such as "spearman".

    Returns
    -------
    str
        The words, with whom to cite.
    """
    return METHODS.get(name, name.replace("_", " "))


def _written(text: str) -> str:
    """Put an attribute in the words of a paper, and whom it cites at the end."""
    for pattern, words in SAID.items():
        text = re.sub(pattern, words, text, count=1)
    cited = [key for mark in MARK.findall(text) for key in mark.split("; ")]
    return re.sub(r"(?<=\w\w)_(?=\w\w)", " ", MARK.sub("", text)) + (
        f" [{'; '.join(dict.fromkeys(cited))}]" if cited else ""
    )


def _null(facts: Facts) -> str:
    null = facts.text("null").partition("; p_corrected")[0]
    if not null or not _has_p(facts):
        return ""
    first, _, more = null.partition("; ")
    return f"the null hypothesis was that {_written(first)}{f' ({more})' if more else ''}."


def _has_p(facts: Facts) -> bool:
    return any(_holds(facts, name) for name in P_COLUMNS)


def _exchanged(facts: Facts) -> str:
    """Say what changed places: images, images inside groups, or whole groups; or signs of participants."""
    unit = UNITS.get(facts.text("resample", "images"), "image")
    if facts.text("unit") in EXCHANGED:
        return EXCHANGED[facts.text("unit")]
    blocks = f" by {facts.text('blocks')}" if facts.has("blocks") else ""
    schemes = {"within": f"{unit}s within groups{blocks}", "whole": f"whole groups of {unit}s{blocks}"}
    return schemes.get(facts.text("permute"), f"{unit}s")


def p_values(facts: Facts) -> str:
    """Say where p-values come from.

    Parameters
    ----------
    facts : Facts
        Of a result.

    Returns
    -------
    str
        A sentence; empty where there are none, or the result does not say.
    """
    if not _has_p(facts):
        return ""
    side = f"{SIDES[facts.text('alternative')]} " if facts.text("alternative") in SIDES else ""
    if p_from(facts):
        return f"{side}p-values come from {p_from(facts)}."
    n, whose = facts.number("n_permutations"), by_formula(facts)
    if whose and not n:
        return f"of the statistics only {whose} has p-values, from a formula."
    if facts.text("test") == "t" and n:
        moved = f"{counted(n, 'permutation')} of {_exchanged(facts)}"
        return f"{side}p-values come from Student's t, those of the maximum statistic from {moved} [@phipson2010]."
    if n:
        signs = facts.text("test") == "signs" or "sign flips" in facts.text("null")
        moved = "signs of participants" if signs else _exchanged(facts)
        drawn = f"all rearrangements of {moved}" if facts.true("exact") else f"{counted(n, 'permutation')} of {moved}"
        by = "" if facts.true("exact") else ", with p = (b + 1) / (m + 1) [@phipson2010]"
        return f"{side}p-values come from {drawn}{by}{f'; that of {whose} from a formula' if whose else ''}."
    return (
        f"{side}p-values come from {counted(facts.number('n_bootstraps'), 'bootstrap sample')}."
        if _resampled(facts)
        else ""
    )


def _resampled(facts: Facts) -> bool:
    return facts.number("n_bootstraps") > 0


def corrected(facts: Facts) -> str:
    """Say what p-values were corrected for, and how.

    Parameters
    ----------
    facts : Facts
        Of a result.

    Returns
    -------
    str
        A sentence; empty where nothing was.
    """
    given = facts.text("correction")
    if not given or not _has_p(facts) or ("largest deviation of all" in given and alone(facts)):
        return ""
    named = (part.partition(": ") for part in given.split("; "))
    parts = {first if colon else "over": rest if colon else first for first, colon, rest in named}
    over = f" {parts['over']}" if "over" in parts else ""
    said = []
    for name in ("p_corrected", "p_cluster"):
        if name in parts and _holds(facts, name):
            said.append(f"corrected{over}{',' if ',' in over else ''} by {_written(parts[name])}")
    if "p_fdr" in parts and _holds(facts, "p_fdr"):
        also = ", and also" if said else f"corrected{over}"
        said.append(f"{also} for the false discovery rate by {_written(parts['p_fdr'])}")
    return f"p-values were {''.join(said)}." if said else ""


def _holds(facts: Facts, name: str) -> bool:
    return facts.finite(name).size > 0 or name in facts.different("statistic")


def interval(facts: Facts) -> str:
    """Say what intervals are.

    Parameters
    ----------
    facts : Facts
        Of a result.

    Returns
    -------
    str
        A sentence; empty where there are none.
    """
    given = interval_of(facts) or facts.text("interval") or facts.text("resampling")
    has = any(facts.finite(str(name)).size for name in facts.table.variables if str(name).endswith("ci_low"))
    if not given or given == "none" or not has:
        return ""
    words = re.sub(r"(, )?95 %[,:;]? ?", "", given).removeprefix("credible, ")
    by_samples = any(one in words + facts.text("resampling") for one in ("bootstrap", "percentile", "resampling"))
    again = f"; {counted(facts.number('n_bootstraps'), 'bootstrap sample')}" if _resampled(facts) and by_samples else ""
    sort = "credible" if "credible" in given else "confidence"
    said, mark, cited = _written(words).partition(" [@")
    return f"intervals are 95 % {sort} intervals: {said}{again}{mark}{cited}."


def seed(facts: Facts) -> str:
    """Say what random draws were made with.

    Parameters
    ----------
    facts : Facts
        Of a result.

    Returns
    -------
    str
        A sentence; empty where nothing was drawn.
    """
    given = facts.text("seed")
    if not given or not drawn(facts):
        return ""
    return (
        f"the seed of random draws was {given}."
        if given.isdecimal()
        else ("random draws came from a generator whose state the result records.")
    )


def cautions(facts: Facts) -> list[str]:
    """Say what a reader must know before the result is believed.

    Parameters
    ----------
    facts : Facts
        Of a result.

    Returns
    -------
    list of str
        A sentence for each caution, with the reason why it was accepted, one for scores that were predicted, and one
        for a trunk that has the weights of the retrained network.
    """
    allowed = facts.unpacked(ALLOWED)
    named = [name for name in facts.text(CAUTIONED).split(", ") if name in CAUTIONS]
    said = []
    if facts.has("scores_model"):
        said.append(f"scores were predictions of {facts.text('scores_model')}, not measured.")
    for name in named:
        reason = f", which was accepted for this reason: “{allowed[name]}”" if name in allowed else ""
        said.append(f"note that {CAUTIONS[name]}{reason}.")
    return [*said, *([f"note that {RELEASED}."] if facts.text("backbone") == "released" else [])]


#: What results share, in the order in which it is told. The same sentence of several is told once.
SHARED: dict[str, Callable[[Facts], str]] = {
    "null": _null,
    "p": p_values,
    "correction": corrected,
    "interval": interval,
    "seed": seed,
}
