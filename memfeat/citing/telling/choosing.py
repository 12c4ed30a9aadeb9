"""Sets of images: compared, chosen, dealt to lists, put in order, and pictures that look alike."""

import re

from memfeat._phrases import in_words
from memfeat.citing.facts import Facts
from memfeat.citing.phrases import counted, images, layers, were
from memfeat.citing.telling.networks import origin

__all__ = ["balanced", "compared", "duplicated", "in_features", "matched", "sequenced", "split"]

#: Statistic → what it is called, with whom to cite.
STATISTICS = {
    "mean_difference": "the difference of means with studentised permutations [@janssen1997]",
    "hedges_g": "Hedges' g [@hedges1981]",
    "d_z": "d_z [@lakens2013]",
    "cliffs_delta": "Cliff's δ with studentised permutations [@feng2004; @neubert2007]",
    "auc": "the area under the curve [@feng2004]",
    "paired_delta": "the paired δ [@feng2004]",
    "mann_whitney_u": "Mann and Whitney's U [@mann1947]",
    "wilcoxon_w": "Wilcoxon's W [@wilcoxon1945]",
    "kolmogorov_smirnov": "the Kolmogorov–Smirnov distance",
    "wasserstein": "the Wasserstein distance",
    "adjusted_difference": "the difference at equal covariates [@long2000; @freedman1983]",
}
#: The same where images come in clusters.
CLUSTERED = {"adjusted_difference": "the difference at equal covariates with errors robust to clusters [@cameron2008]"}
#: Test of all sets at once → the same in words.
OMNIBUS = {
    "welch": "the numerator of Welch's F [@welch1951]",
    "kruskal_wallis": "Kruskal and Wallis's H [@kruskal1952]",
    "friedman": "Friedman's statistic [@friedman1937]",
}
IN_FEATURES = {
    "mmd": "squared maximum mean discrepancy [@gretton2012]",
    "mmd_linear": "the squared distance of means [@gretton2012]",
    "energy": "energy distance [@szekely2004]",
    "classifier": "a classifier's area under the curve [@lopezpaz2017]",
    "neighbours": "the share of neighbours from the own set [@schilling1986]",
    "frechet": "squared Fréchet distance [@heusel2017; @ledoit2004]",
}
OVERLAP = (
    "How far sets overlap, in balls around images that reach to the k-th nearest image of the own set (k = {k}), was "
    "measured by precision and recall [@kynkaanniemi2019], density and coverage [@naeem2020]."
)
UNITS = {
    "versions of an original": "versions of the same originals, compared in pairs",
    "clusters": "images in clusters",
}
GOALS = {
    "equal": "to be equal",
    "least": "to differ by at least a given amount",
    "largest": "to differ as much as possible",
}
SOLVED = {
    "exchange": "by exchanging images of a random draw as long as that helped",
    "random draw": "by a random draw",
}
NO_P = "No p-values are given: sets that were chosen to be alike leave no null hypothesis to test [@imai2008]."


def _sets(facts: Facts) -> str:
    """Name sets and how many images each had, as far as that is known."""
    names = facts.different("set") or list(dict.fromkeys([*facts.different("first"), *facts.different("second")]))
    sizes = _sizes(facts)
    return in_words([f"{name} (n = {sizes[name]})" if name in sizes else name for name in names])


def _sizes(facts: Facts) -> dict[str, str]:
    """Give set → number of images: of a result along its sets, of a table from the rows of their contrasts."""
    if "n" in facts.table.variables and facts.table["n"].dims == ("set",):
        return dict(zip(facts.different("set"), facts.column("n"), strict=True))
    sides = [zip(facts.column(side), facts.column(f"n_{side}"), strict=False) for side in ("first", "second")]
    return {name: n for side in sides for name, n in side}


def compared(facts: Facts) -> list[str]:
    """Tell of sets compared by scores.

    Parameters
    ----------
    facts : Facts
        Of what `mf.sets.compare` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    names = {**STATISTICS, **(CLUSTERED if facts.text("unit") == "clusters" else {})}
    known = [words for name, words in names.items() if name in facts.different("statistic")]
    unit = f" (units are {UNITS[facts.text('unit')]})" if facts.text("unit") in UNITS else ""
    scores = in_words(facts.names("scores"))
    said = [f"The image sets {_sets(facts)} were compared by {scores}{unit}: {in_words(known)}."]
    if together := [OMNIBUS[name] for name in facts.different("test")]:
        by = ", with p corrected by Holm's procedure" if facts.finite("omnibus_p").size else ""
        said.append(f"All sets at once were compared by {in_words(together)}{by}.")
    if facts.has("covariates"):
        said.append(f"Covariates were {in_words(facts.names('covariates'))}.")
    if facts.has("bound"):
        bound = f"{facts.number('bound'):g} {facts.text('bound_unit')}"
        said.append(
            f"Equivalence of means was tested by two one-sided tests [@schuirmann1987] with a bound of {bound}."
        )
    return [*origin(facts), *said]


def in_features(facts: Facts) -> list[str]:
    """Tell of sets compared in feature space.

    Parameters
    ----------
    facts : Facts
        Of what `mf.sets.compare_features` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    known = [words for name, words in IN_FEATURES.items() if name in facts.different("statistic")]
    where = layers(facts.different("layer"))
    said = [f"The image sets {_sets(facts)} were compared in {where} by {in_words(known)}."]
    if "overlap" in facts.table.variables:
        said.append(OVERLAP.format(k=f"{facts.number('k'):g}"))
    return [*origin(facts), *said]


def duplicated(facts: Facts) -> list[str]:
    """Tell of near-duplicates.

    Parameters
    ----------
    facts : Facts
        Of what `mf.sets.near_duplicates` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    by_hash = "perceptual hash" in facts.text("method")
    how = facts.text("method").removeprefix("near-duplicates by ")
    limit = f" (at most {facts.number('distance'):g} of 64 bits differ)" if by_hash and facts.has("distance") else ""
    cited = " [@zauner2010]" if by_hash else ""
    n = facts.number("n_within") + facts.number("n_between")
    found = f"{counted(n, 'pair') if n else 'no pair'} {'were' if n > 1 else 'was'} found"
    return [f"{images(facts)} {were(facts)} searched for near-duplicates by {how}{cited}{limit}; {found}."]


def _solved(facts: Facts) -> str:
    by = facts.text("solved_by")
    if "program" in by:
        return (
            f"by a mixed-integer linear program [@huangfu2018]{' and exchange of images' if 'exchange' in by else ''}"
        )
    return SOLVED.get(by, f"by {by}")


def _asked(facts: Facts) -> list[str]:
    """Say what was asked of sets or lists, and how near they came."""
    limits = facts.unpacked("tolerance")
    within = in_words([f"{name} (|SMD| ≤ {limit:g})" for name, limit in sorted(limits.items()) if limit is not None])
    said = (
        [f"They were {GOALS.get(facts.text('goal'), facts.text('goal'))} in {facts.text('score')}."]
        if facts.has("goal")
        else []
    )
    if within:
        said.append(f"Standardised mean differences (SMD) [@austin2009] were limited: {within}.")
    if facts.has("variance_ratio"):
        ratio = facts.number("variance_ratio")
        said.append(f"Ratios of variances were to lie between {1 / ratio:g} and {ratio:g} [@rubin2001].")
    proven = "is proven to be" if facts.true("optimal") else "is not proven to be"
    said.append(f"They were found {_solved(facts)}; that choice {proven} the best one.")
    if not facts.true("within_limits"):
        said.append("They do not keep to all limits.")
    return said


def _pool(facts: Facts) -> str:
    left = [(facts.number("n_unreadable"), "unreadable"), (facts.number("n_excluded"), "excluded")]
    without = in_words([f"{n:g} {why}" for n, why in left if n])
    return counted(facts.number("pool_n"), "image") + (f" (without {without})" if without else "")


def matched(facts: Facts) -> list[str]:
    """Tell of sets that were chosen.

    Parameters
    ----------
    facts : Facts
        Of what `mf.sets.match` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    sets = facts.names("sets")
    first = (
        f"From a pool of {_pool(facts)}, {len(sets)} sets ({in_words(sets)}) of "
        f"{facts.number('n'):g} images each were chosen."
    )
    return [first, *_asked(facts), NO_P]


def split(facts: Facts) -> list[str]:
    """Tell of lists to which images were dealt.

    Parameters
    ----------
    facts : Facts
        Of what `mf.sets.split` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    lists, roles = facts.names("sets"), facts.names("roles")
    first = f"{_pool(facts)} were dealt to {len(lists)} lists ({in_words(lists)}) of {facts.text('n')} images."
    turns = f"Lists took the roles {in_words(roles)} in turn, one version for each." if roles else ""
    return [first, *_asked(facts), *([turns] if turns else []), NO_P]


def balanced(facts: Facts) -> list[str]:
    """Tell of a balance table.

    Parameters
    ----------
    facts : Facts
        Of what `mf.sets.balance` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    of = {"pool": "standard deviations of the pool"}.get(facts.text("sd_of"), f"roots of the {facts.text('sd_of')}")
    columns = in_words(facts.different("variable"))
    how = f"standardised mean differences (in {of}), variance ratios and Kolmogorov–Smirnov distances [@austin2009]"
    said = [f"The balance of {_sets(facts) or 'sets'} in {columns} is described by {how}."]
    for name, words in (("reliability", "the reliability of scores"), ("slope", "the slope of scores on predictions")):
        if facts.has(name):
            value = f"{facts.number(name):.2f}"
            said.append(
                f"Differences expected on another measurement are those here times {words} ({value}) [@barnett2005]."
            )
    return [*said, *([NO_P] if facts.has("p_values") else [])]


def sequenced(facts: Facts) -> list[str]:
    """Tell of orders of presentation.

    Parameters
    ----------
    facts : Facts
        Of what `mf.sets.sequence` gave.

    Returns
    -------
    list of str
        Sentences.
    """
    people, trials = facts.size("participant"), facts.finite("trial").size
    design = facts.text("method").removesuffix(" sequence").replace("_", " and ")
    lags = in_words(re.findall(r"\d+", facts.text("lags")))
    repeated = f", in which targets came again after {lags} images" if lags else ""
    watch = facts.number("vigilance")
    also = f"; {watch:g} further repeats checked vigilance" if watch else ""
    each = f" ({counted(trials / people, 'trial')}{' each' if people > 1 else ''})" if people and trials else ""
    what = (
        f"A {design} sequence of {images(facts)} was drawn for "
        f"{counted(people or 1, 'participant')}{each}{repeated}{also}"
    )
    return [f"{what} [@isola2011]."]
