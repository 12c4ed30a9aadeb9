"""What sets that were chosen, lists that were dealt and balance tables say of themselves, in sentences."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from memfeat import _numerals
from memfeat._phrases import in_words
from memfeat.sets.telling.phrases import Text, cited
from memfeat.sets.telling.wording import REFERENCES

__all__ = ["by_balance", "by_match", "by_split"]

POOL = "standard deviations of the pool"
#: What is wanted of the score → how it is said; sets that shall be equal are so in all columns that have a limit.
GOALS = {
    "least": "to differ by at least {least:.2f} {of} in {score}",
    "largest": "to differ as much as possible in {score}",
}
NEARER = "changed places as long as that brought the {sets} nearer to what was asked"
PROGRAM = f"by a mixed-integer linear program, solved by HiGHS{cited(['huangfu2018'])} through SciPy"
#: How sets were found → how it is said, and whom to cite.
SOLVED = {
    "random draw": ("by a random draw", ()),
    "exchange": (f"by exchange: images of a random draw {NEARER}", ()),
    "program": (PROGRAM, ("huangfu2018",)),
    "program with linearised variance ratios": (f"{PROGRAM}, with variance ratios made linear", ("huangfu2018",)),
    "program, then exchange": (f"{PROGRAM}, from whose solution images {NEARER}", ("huangfu2018",)),
}
#: What is wanted of the score → what the best choice has.
BEST = {"largest": "to have the largest difference possible"}
EVEN = "to be the most even one possible, by the largest |SMD| relative to its limit"
SMD, RATIO, KS = "smd", "variance_ratio", "ks"


def by_match(result: xr.Dataset, _wanted: Sequence[str] | None) -> tuple[Text, list[str]]:
    """Tell of sets that were chosen from a pool.

    Parameters
    ----------
    result : Dataset (image)
        What `mf.sets.match` gave.

    Returns
    -------
    Text
        What was asked and how sets were found.
    list of str
        How near they came, in sentences.
    """
    attrs = result.attrs
    sets = _names(attrs["sets"])
    chosen = f"{len(sets)} sets of {attrs['n']} images ({in_words(sets)}) were chosen"
    text = _asked(f"From a pool of {_images(attrs)}, {chosen} {_aims(attrs)}.", attrs)
    if "categories" in attrs:
        counts = json.loads(attrs["categories"])
        text.sentences.append(f"Each set has {in_words([f'{n} {name}' for name, n in counts.items()])}.")
    if n := attrs["n_pairs_apart"]:
        pairs = "one pair" if n == 1 else f"each of {n} pairs"
        text.sentences.append(f"Of {pairs} of near-duplicates, at most one image was to be chosen.")
    return _found_by(text, attrs, "sets")


def by_split(result: xr.Dataset, _wanted: Sequence[str] | None) -> tuple[Text, list[str]]:
    """Tell of lists to which all images were dealt.

    Parameters
    ----------
    result : Dataset (image)
        What `mf.sets.split` gave.

    Returns
    -------
    Text
        What was asked and how lists were found.
    list of str
        How near they came, in sentences.
    """
    attrs = result.attrs
    lists, roles = _names(attrs["sets"]), _names(attrs["roles"])
    dealt = f"{_images(attrs)} were dealt to {len(lists)} lists of {attrs['n']} ({in_words(lists)})"
    text = _asked(f"{dealt} {_aims(attrs)}.", attrs)
    if "categories" in attrs:
        kinds = " × ".join(_names(attrs["categories"]))
        text.sentences.append(f"Lists hold equally many images of each {kinds}, or differ by one.")
    for name, where in (("together", "the same list"), ("apart", "different lists")):
        if name in attrs:
            text.sentences.append(f"Images of the same {attrs[name]} went to {where}.")
    seen = in_words([f"{one} as {role}" for one, role in zip(lists, roles, strict=True)])
    turns = f"Participants of the first of {len(lists)} versions see {seen}; from one version to the next, every list"
    text.sentences.append(f"{turns} takes the role of the list after it.")
    return _found_by(text, attrs, "lists")


def by_balance(result: xr.Dataset, _wanted: Sequence[str] | None) -> tuple[Text, list[str]]:
    """Tell of a balance table.

    Parameters
    ----------
    result : Dataset (contrast, variable)
        What `mf.sets.balance` gave.

    Returns
    -------
    Text
        What was computed.
    list of str
        How alike sets are, in sentences.
    """
    attrs = result.attrs
    sizes = zip(map(str, result["set"].values), result["n"].values.tolist(), strict=True)
    sets = in_words([f"{name} (n = {n})" for name, n in sizes])
    of = POOL if attrs["sd_of"] == "pool" else f"roots of the {attrs['sd_of']}"
    how = f"standardised mean differences (SMD, in {of}), variance ratios and Kolmogorov–Smirnov distances"
    sentences, keys = [f"The balance of {sets} is described by {how}{cited(['austin2009'])}."], ["austin2009"]
    if attrs["n_unreadable"]:
        sentences.append(f"Images that could not be read were left out: {attrs['n_unreadable']}.")
    if "p_values" in attrs:
        why = "sets that were chosen to be alike leave no null hypothesis to test"
        sentences.append(f"No p-values are given: {why}{cited(['imai2008'])}.")
        keys.append("imai2008")
    factors = {"reliability": "the reliability of the scores", "slope": "the slope of measured on predicted scores"}
    for name, words in factors.items():
        if name in attrs:
            why = f"since scores regress to the mean{cited(['barnett2005'])}"
            value = _numerals.number(attrs[name], below_one=name == "reliability")
            times = f"that of these scores times {words} ({value})"
            again = f"The difference in {attrs['score']} that is expected when the same images are measured again"
            sentences.append(f"{again} is {times}, {why}.")
            keys.append("barnett2005")
    return Text(sentences, [REFERENCES[key] for key in keys]), _balanced(result)


def _images(attrs: Mapping[str, Any]) -> str:
    """Say how many images there were to choose from, and how many there were not."""
    left = [(attrs["n_unreadable"], "unreadable"), (attrs.get("n_excluded", 0), "excluded")]
    without = in_words([f"{n} {why}" for n, why in left if n])
    return f"{attrs['pool_n']} images" + (f" (without {without})" if without else "")


def _names(given: Any) -> list[str]:
    return [str(name) for name in np.atleast_1d(given)]


def _limited(attrs: Mapping[str, Any]) -> dict[str, float]:
    """Give the limit of |SMD| of each column, the score first, then covariates as they were named."""
    limits = json.loads(attrs["tolerance"])
    columns = [str(attrs["score"]), *(_names(attrs["covariates"]) if "covariates" in attrs else [])]
    return {name: limits[name] for name in columns if name in limits}


def _aims(attrs: Mapping[str, Any]) -> str:
    """Say what sets were to have, and not to have, in common."""
    aims = []
    if (goal := attrs["goal"]) in GOALS:
        told = GOALS[goal].format(least=attrs.get("least_difference_sd", 0.0), of=POOL, score=attrs["score"])
        aims.append(told + (", each from the next," if len(_names(attrs["sets"])) > 2 else ""))
    by_limit: dict[float, list[str]] = {}
    for name, limit in _limited(attrs).items():
        by_limit.setdefault(limit, []).append(name)
    equal = in_words([f"in {in_words(names)} (|SMD| ≤ {limit:g})" for limit, names in by_limit.items()])
    return in_words([*aims, *([f"to be equal {equal}"] if equal else [])])


def _asked(first: str, attrs: Mapping[str, Any]) -> Text:
    """Say what SMD is, and what was asked of variances."""
    sentences, keys = [first], []
    columns = list(_limited(attrs))
    if columns:
        sentences.append(f"SMD is the difference of two sets' means in {POOL}.")
    if columns and "variance_ratio" in attrs:
        ratio = float(attrs["variance_ratio"])
        within = f"between {_numerals.number(1 / ratio)} and {_numerals.number(ratio)}{cited(['rubin2001'])}"
        sentences.append(f"The ratio of two sets' variances in {in_words(columns)} was to lie {within}.")
        keys.append("rubin2001")
    return Text(sentences, [REFERENCES[key] for key in keys])


def _found_by(text: Text, attrs: Mapping[str, Any], sets: str) -> tuple[Text, list[str]]:
    """Say how sets were found, whether there are better ones, and how near they came."""
    how, keys = SOLVED[str(attrs["solved_by"])]
    text.sentences.append(f"The {sets} were found {how.format(sets=sets)}.")
    if attrs["goal"] == "largest" or _limited(attrs):
        proven = "is" if attrs["optimal"] == "true" else "is not"
        text.sentences.append(f"The choice {proven} proven {BEST.get(attrs['goal'], EVEN)}.")
    text.references.extend(REFERENCES[key] for key in keys)
    return text, _reached(attrs, sets)


def _reached(attrs: Mapping[str, Any], sets: str) -> list[str]:
    """Say how near sets came to what was asked, and how near any could come."""
    found = []
    if attrs["goal"] in GOALS:
        which, least = (" that follow each other", "at least ") if len(_names(attrs["sets"])) > 2 else ("", "")
        by = f"{least}{_numerals.number(attrs['difference_sd'])} {POOL}"
        found.append(f"The {sets}{which} differ by {by} in {attrs['score']}.")
    if _limited(attrs):
        found.append(f"The largest |SMD| is {_numerals.number(attrs['imbalance'])} times its limit.")
    if attrs["within_limits"] != "true":
        found.append(f"Not everything that was asked is kept: these are the nearest {sets} that were found.")
    if attrs["optimal"] != "true" and attrs.get("bound"):
        bound = _numerals.number(attrs["bound"])
        furthest = f"a difference above {bound} {POOL}"
        least = f"a largest |SMD| below {bound} times its limit"
        found.append(f"No choice has {furthest if attrs['goal'] == 'largest' else least}.")
    return found


def _balanced(result: xr.Dataset) -> list[str]:
    """Say how alike sets are: in the score, in everything else, and in categories."""
    score = result.attrs.get("score")
    others = [str(name) for name in result["variable"].values if str(name) != score]
    found = [] if score is None else [_score(result, str(score))]
    if others:
        many = f"{len(others)} {'variables' if score is None else 'other variables'}"
        named = others[0] if len(others) == 1 else many
        found.append(f"{named}: {_sizes(result.sel(variable=others))}.")
    if "count" in result:
        categories = [str(name) for name in result["category"].values]
        of = {
            str(name): in_words([f"{n} {one}" for one, n in zip(categories, counts, strict=True)])
            for name, counts in zip(result["set"].values, result["count"].values.tolist(), strict=True)
        }
        found.append(f"Images by category: {'; '.join(f'{name} {counts}' for name, counts in of.items())}.")
    return found


def _score(result: xr.Dataset, score: str) -> str:
    part = result.sel(variable=score)
    digits = _numerals.places(float(part["sd"].mean()))
    means = [
        f"{name} M = {_numerals.number(mean, digits)} (SD = {_numerals.number(sd, digits)})"
        for name, mean, sd in zip(part["set"].values, part["mean"].values, part["sd"].values, strict=True)
    ]
    at = int(np.argmax(np.abs(part["difference"].values)))
    largest = "largest difference" if part.sizes["contrast"] > 1 else "difference"
    values = [f"{largest} {part['contrast'].values[at]} = {_numerals.number(part['difference'].values[at], digits)}"]
    if np.isfinite(expected := float(part["expected_difference"].values[at])):
        values.append(f"expected when measured again {_numerals.number(expected, digits)}")
    return f"{score}: {', '.join(means)}; {', '.join(values)}; {_sizes(result.sel(variable=[score]))}."


def _sizes(part: xr.Dataset) -> str:
    """Give the largest |SMD|, the range of variance ratios and the largest distance, and where they are."""
    ratios = part[RATIO].values
    ratios = ratios[np.isfinite(ratios)]
    told = [_largest(part, SMD, "|SMD|", below_one=False)]
    if ratios.size:
        low, high = (_numerals.number(float(value)) for value in (ratios.min(), ratios.max()))
        told.append(f"variance ratio = {low}" if part[RATIO].size == 1 else f"variance ratios from {low} to {high}")
    return ", ".join([*told, _largest(part, KS, "Kolmogorov–Smirnov distance", below_one=True)])


def _largest(part: xr.Dataset, name: str, called: str, *, below_one: bool) -> str:
    values = np.abs(part[name].transpose("contrast", "variable").values)
    contrast, variable = np.unravel_index(np.argmax(np.where(np.isnan(values), -1, values)), values.shape)
    where = [str(part["variable"].values[variable])] if part.sizes["variable"] > 1 else []
    where += [str(part["contrast"].values[contrast])] if part.sizes["contrast"] > 1 else []
    text = (
        f"{called} = {_numerals.number(float(values[contrast, variable]), 2 if below_one else 3, below_one=below_one)}"
    )
    return f"largest {text} ({', '.join(where)})" if where else text
