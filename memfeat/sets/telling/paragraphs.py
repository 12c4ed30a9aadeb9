"""A paragraph for a methods section, from what results say about themselves."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from memfeat import _numerals
from memfeat._check import advice, listed, looked_up
from memfeat.errors import ArgumentError, KindError
from memfeat.sets.telling.wording import LAYER_ROWS, REFERENCES, SCORE_ROWS

__all__ = ["USUAL", "paragraph", "sampled", "told_of"]

#: What is told of scores unless the user says otherwise, where it was computed.
USUAL = ("mean_difference", "hedges_g", "d_z", "cliffs_delta", "paired_delta", "adjusted_difference")
ADJUSTED = "adjusted_difference"
PAIRS, CLUSTERS = "versions of an original", "clusters"


class _Text(NamedTuple):
    """Sentences about one result, and what they cite."""

    sentences: list[str]
    references: list[str]


def paragraph(*results: xr.Dataset, statistics: Sequence[str] | None = None) -> str:
    """Write what was compared, how, and what was found, for a methods and a results section.

    Parameters
    ----------
    *results : Dataset
        What `mf.sets.compare`, `mf.sets.compare_features` and `mf.sets.near_duplicates` gave.
    statistics : sequence of str, optional
        Which statistics are told; by default of scores the difference of means, its standardised form, Cliff's δ (for
        pairs, d_z and the paired δ) and the difference at equal covariates, where they were computed; of features all.

    Returns
    -------
    str
        A paragraph of methods, one of findings, and a list of references, with empty lines between them. It says what
        the attributes and variables of the results say, and nothing of what was not computed. Numbers are written as
        journals do; p is corrected where several contrasts or scores were compared.

    Raises
    ------
    KindError
        If a result is no Dataset.
    ArgumentError
        If there is none, one is of another kind, or a statistic was not computed.
    UnknownNameError
        If there is no statistic of that name.

    See Also
    --------
    table : The same as a table.

    Examples
    --------
    >>> import pandas as pd
    >>> faces = pd.Series([0.8, 0.9, 0.7, 0.8], ["f1", "f2", "f3", "f4"], name="hit_rate")
    >>> scenes = pd.Series([0.5, 0.6, 0.7, 0.6], ["s1", "s2", "s3", "s4"], name="hit_rate")
    >>> from memfeat.sets import compare
    >>> both = compare(faces, scenes, names=["faces", "scenes"], n_bootstraps=0, n_permutations=0)
    >>> print(paragraph(both, statistics=["mean_difference"]).splitlines()[2])
    hit_rate: faces M = 0.800 (SD = 0.082), scenes M = 0.600 (SD = 0.082); difference of means = 0.200.
    """
    if not results:
        raise ArgumentError(advice("results", "be one at least", 0))
    wanted = None if statistics is None else list(statistics)
    for name in wanted or []:
        looked_up("statistics", name, {**SCORE_ROWS, **LAYER_ROWS})
    told = [_kind(result)(result, wanted) for result in results]
    methods = [sentence for text, _ in told for sentence in text.sentences]
    found = [sentence for _, findings in told for sentence in findings]
    methods.append(_software(results))
    cited = sorted({one for text, _ in told for one in text.references})
    blocks = [" ".join(methods), " ".join(found), "\n".join(["References", *cited]) if cited else ""]
    return "\n\n".join(block for block in blocks if block)


_Teller = Callable[[xr.Dataset, list[str] | None], tuple[_Text, list[str]]]


def _kind(result: Any) -> _Teller:
    """Choose what tells of a result."""
    if not isinstance(result, xr.Dataset):
        raise KindError(advice("results", "be Datasets that mf.sets gave", listed(type(result).__name__)))
    method = str(result.attrs.get("method", ""))
    for beginning, tell in KINDS.items():
        if method.startswith(beginning):
            return tell
    remedy = "Pass what mf.sets.compare, compare_features or near_duplicates gave."
    raise ArgumentError(advice("results", "be comparisons of sets", listed(method or "no method"), remedy))


def _software(results: Sequence[xr.Dataset]) -> str:
    versions = sorted({str(one.attrs["memfeat_version"]) for one in results})
    seeds = sorted({str(one.attrs["seed"]) for one in results if "seed" in one.attrs})
    drawn = f" ({'seed' if len(seeds) == 1 else 'seeds'} {', '.join(seeds)})" if seeds else ""
    return f"Computed with memfeat {', '.join(versions)}{drawn}."


def _listed(words: Sequence[str]) -> str:
    """Write a, b and c."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def _the(symbol: str) -> str:
    """Give what has no name of its own its article."""
    return f"the {symbol}" if symbol.partition(" ")[0] in ("difference", "Wasserstein", "paired") else symbol


def _cited(keys: Sequence[str]) -> str:
    """Write (Author & Author, 2004; Author et al., 1990)."""
    return f" ({'; '.join(map(_short, keys))})" if keys else ""


def _short(key: str) -> str:
    authors, _, rest = REFERENCES[key].partition(" (")
    names = re.findall(r"([^,&]+?), (?:[A-Z]\. ?)+", authors)
    who = [name.strip() for name in names]
    return f"{who[0]} et al., {rest[:4]}" if len(who) > 2 else f"{' & '.join(who)}, {rest[:4]}"


# --- scores -----------------------------------------------------------------------------------------------------------


def told_of(result: xr.Dataset, wanted: Sequence[str] | None) -> list[str]:
    """Say which statistics are told of a comparison by scores.

    Parameters
    ----------
    result : Dataset (contrast, statistic)
        The comparison.
    wanted : sequence of str, optional
        What the user asked for.

    Returns
    -------
    list of str
        Statistics that the result has.

    Raises
    ------
    ArgumentError
        If one was not computed.
    """
    have = [str(name) for name in result["statistic"].values]
    if wanted is None:
        return [name for name in USUAL if name in have]
    gone = [name for name in wanted if name in SCORE_ROWS and name not in have]
    if gone:
        raise ArgumentError(advice("statistics", "have been computed", listed.of(gone), f"There are {_listed(have)}."))
    return [name for name in wanted if name in have]


def sampled(result: xr.Dataset) -> list[tuple[str, xr.Dataset]]:
    """Give the parts of a comparison that are about one score.

    Parameters
    ----------
    result : Dataset (contrast, statistic) or (contrast, statistic, score)
        The comparison.

    Returns
    -------
    list of (str, Dataset)
        Name of the score, and the comparison.
    """
    if "score" in result.dims:
        return [(str(name), result.sel(score=name)) for name in result["score"].values]
    name = result["score"].item() if "score" in result.coords else np.ravel(result.attrs["scores"])[0]
    return [(str(name), result)]


def _scores(result: xr.Dataset, wanted: list[str] | None) -> tuple[_Text, list[str]]:
    """Tell of a comparison by scores."""
    names = told_of(result, wanted)
    text = _Text([], [])
    for part in (_sets, _predicted, _tests, _corrected, _intervals, _equivalence, _omnibus):
        one = part(result, names)
        text.sentences.extend(one.sentences)
        text.references.extend(REFERENCES[key] for key in one.references)
    parts = [(score, part, str(name)) for score, part in sampled(result) for name in part["contrast"].values]
    noted = [str(result.attrs["note"])] if "note" in result.attrs else []
    return text, [*(_contrast(*one, names) for one in parts), *_whole(result), *noted]


def _sets(result: xr.Dataset, _names: Sequence[str]) -> _Text:
    sizes = dict(zip(map(str, result["set"].values), result["n"].values.tolist(), strict=True))
    sets = _listed([f"{name} (n = {n})" for name, n in sizes.items()])
    scores = _listed([name for name, _ in sampled(result)])
    sentences = [f"The image sets {sets} were compared by {scores}."]
    gone = dict(zip(sizes, result["n_unreadable"].values.tolist(), strict=True))
    if any(gone.values()):
        left = _listed([f"{n} of {name}" for name, n in gone.items() if n])
        sentences.append(f"Images that could not be read were left out: {left}.")
    unit, units = result.attrs["unit"], result["n_units"].values.tolist()
    if unit == PAIRS:
        sentences.append(f"The sets hold versions of the same {units[0]} originals, which were compared in pairs.")
    if unit == CLUSTERS:
        within = sum(units) > int(result.attrs.get("clusters", sum(units)))
        where = "images of each in every set compared" if within else "each in one set"
        counted = _listed([f"{n} in {name}" for name, n in zip(sizes, units, strict=True)])
        sentences.append(f"Images that share a source were treated as clusters ({counted}; {where}).")
    if "covariates" in result.attrs and ADJUSTED in _names:
        sentences.append(f"Covariates were {_listed(list(np.ravel(result.attrs['covariates'])))}.")
    return _Text(sentences, [])


def _predicted(result: xr.Dataset, _names: Sequence[str]) -> _Text:
    """Tell that scores are predictions, and of their limits."""
    if "note" not in result.attrs:
        return _Text([], [])
    model = str(result.attrs.get("model", "a network"))
    released = model.startswith("resmem")
    return _Text(
        [f"Memorability was predicted by {model}{_cited(['needell2022']) if released else ''}."],
        ["needell2022"] if released else [],
    )


def _has(result: xr.Dataset, name: str, column: str) -> bool:
    return bool(np.isfinite(result[column].sel(statistic=name)).any())


def _tests(result: xr.Dataset, names: Sequence[str]) -> _Text:
    """Tell where p-values come from."""
    alone = result.attrs["unit"] not in (PAIRS, CLUSTERS)
    by_test: dict[str, list[str]] = {}
    cited: dict[str, list[str]] = {}
    for name in names:
        row = SCORE_ROWS[name]
        if row.test and _has(result, name, "p"):
            by_test.setdefault(row.test, []).append(_the(row.symbol))
            cited.setdefault(row.test, []).extend(row.cited_for_p if alone else ())
    sentences = [
        f"P-values of {_listed(symbols)} come from {test}{_cited(cited[test])}" + _rearranged(result, test) + "."
        for test, symbols in by_test.items()
    ]
    references = [key for keys in cited.values() for key in keys]
    if ADJUSTED in names:
        how, keys = _adjustment(result)
        sentences.append(how)
        references += keys
    return _Text(sentences, references)


def _rearranged(result: xr.Dataset, test: str) -> str:
    """Say what changed places how often."""
    if "permutation" not in test:
        return ""
    unit = str(result.attrs["unit"])
    units = int(result["n_units"].sum())
    within = unit == CLUSTERS and units > int(result.attrs.get("clusters", units))
    moved = "images inside their cluster" if within else {PAIRS: "the versions of each original"}.get(unit, unit)
    drawn = f"{int(result.attrs['n_permutations']):,} permutations"
    told = {"true": "all rearrangements", "false": drawn}
    times = told.get(str(result.attrs["exact"]), f"{drawn}, or all where there are no more,")
    return f" with {times} of {moved} between sets"


def _adjustment(result: xr.Dataset) -> tuple[str, list[str]]:
    """Tell how the difference at equal covariates was judged."""
    unit = result.attrs["unit"]
    keys = ["cameron2008"] if unit == CLUSTERS else ["long2000"]
    errors = "cluster-robust" if unit == CLUSTERS else "HC3"
    text = "The difference at equal covariates is the coefficient of the set in a least-squares regression of scores"
    text += f" with {errors} errors{_cited(keys)}"
    if not _has(result, ADJUSTED, "p"):
        return f"{text}.", keys
    if unit == "images":
        return f"{text}; its p comes from exchanged residuals{_cited(['freedman1983'])}.", [*keys, "freedman1983"]
    return f"{text}; its p comes from a wild bootstrap{_cited(['cameron2008'])}.", [*keys, "cameron2008"]


def _intervals(result: xr.Dataset, names: Sequence[str]) -> _Text:
    by_kind: dict[str, list[str]] = {}
    keys: list[str] = []
    for name in names:
        row = SCORE_ROWS[name]
        drawn = _has(result, name, "ci_low") and "bootstrap" in _interval(result, name)
        keys += [key for key in row.cited if key != "hesterberg2015" or drawn]
        if row.interval and _has(result, name, "ci_low"):
            by_kind.setdefault(_interval(result, name), []).append(_the(row.symbol))
    if not by_kind:
        return _Text([], keys)
    parts = [f"{kind} for {_listed(symbols)}" for kind, symbols in by_kind.items()]
    n_drawn = int(result.attrs["n_bootstraps"])
    samples = f" ({n_drawn:,} bootstrap samples)" if any("bootstrap" in kind for kind in by_kind) else ""
    return _Text([f"Intervals are 95 % confidence intervals: {'; '.join(parts)}{samples}."], keys)


def _interval(result: xr.Dataset, name: str) -> str:
    """Say what an interval is; the bootstrap gives way to Student's t where clusters are few."""
    usual = SCORE_ROWS[name].interval
    few = str(result.attrs["few_clusters"])
    if name != "mean_difference" or few == "false":
        return usual
    by_t = "Student's t with clusters as units"
    return by_t if few == "true" else f"{usual}, or {by_t} where a set has fewer than 40,"


def _is_several(result: xr.Dataset) -> bool:
    return result.sizes["contrast"] > 1 or len(np.ravel(result.attrs["scores"])) > 1


def _corrected(result: xr.Dataset, names: Sequence[str]) -> _Text:
    if not _is_several(result) or not any(_has(result, name, "p_corrected") for name in names):
        return _Text([], [])
    of = {"contrast": result.sizes["contrast"], "score": len(np.ravel(result.attrs["scores"]))}
    over = _listed([f"{n} {what}s" for what, n in of.items() if n > 1])
    by_holm = set(np.ravel(result.attrs.get("holm", [])))
    kinds = [("the maximum statistic", "westfall1993")] if set(names) - by_holm else []
    kinds += [("Holm's procedure", "holm1979")] if set(names) & by_holm else []
    how = " or ".join(f"{kind}{_cited([key])}" for kind, key in kinds)
    return _Text([f"P-values were corrected over {over} by {how}."], [key for _, key in kinds])


def _equivalence(result: xr.Dataset, _names: Sequence[str]) -> _Text:
    if "equivalence_p" not in result:
        return _Text([], [])
    bound = f"{result.attrs['bound']:g} {result.attrs['bound_unit']}"
    text = f"Equivalence was tested with two one-sided tests{_cited(['schuirmann1987'])} and a bound of {bound}."
    return _Text([text], ["schuirmann1987"])


OMNIBUS = {"welch": "Welch", "kruskal_wallis": "Kruskal–Wallis", "friedman": "Friedman"}


def _omnibus(result: xr.Dataset, _names: Sequence[str]) -> _Text:
    if "omnibus_p" not in result or not np.isfinite(result["omnibus_p"]).any():
        return _Text([], [])
    tests = [OMNIBUS.get(str(name), str(name)) for name in result["test"].values]
    return _Text([f"All sets at once were compared by {_listed(tests)} statistics, with p by permutation."], [])


def _contrast(score: str, part: xr.Dataset, name: str, names: Sequence[str]) -> str:
    """Tell what was found of two sets."""
    row = part.sel(contrast=name)
    sides = [str(row[side].item()) for side in ("first", "second")]
    spread = float(part["sd"].mean())
    digits = _numerals.places(spread)
    means = [
        f"{side} M = {_numerals.number(float(part['mean'].sel(set=side)), digits)} "
        f"(SD = {_numerals.number(float(part['sd'].sel(set=side)), digits)})"
        for side in sides
    ]
    values = [_value(row.sel(statistic=one), one, digits, several=_is_several(part)) for one in names]
    parts = [f"{score}: {', '.join(means)}", *values]
    if np.isfinite(row["prediction_noise"]):
        noise = _numerals.number(float(row["prediction_noise"]), digits)
        parts.append(f"SD of the difference that comes from how images are shown to the network {noise}")
    if "equivalence_p" in row:
        limits = _numerals.interval(float(row["equivalence_ci_low"]), float(row["equivalence_ci_high"]), digits)
        bound = _numerals.number(float(row["equivalence_bound"]), digits)
        p = _numerals.p_value(float(row["equivalence_p"]))
        parts.append(f"90 % CI {limits} against ±{bound}, equivalence {p}")
    return f"{'; '.join(parts)}."


def _value(row: xr.Dataset, name: str, digits: int, *, several: bool) -> str:
    told = SCORE_ROWS[name]
    places = digits if told.in_units else 2
    text = f"{told.symbol} = {_numerals.number(float(row['estimate']), places, below_one=told.below_one)}"
    low, high = float(row["ci_low"]), float(row["ci_high"])
    if np.isfinite(low):
        text += f", 95 % CI {_numerals.interval(low, high, places, below_one=told.below_one)}"
    if not told.test and name != ADJUSTED:
        return text
    p = _numerals.p_value(float(row["p_corrected" if several else "p"]), "corrected p" if several else "p")
    return f"{text}, {p}" if p else text


def _whole(result: xr.Dataset) -> list[str]:
    """Tell what was found of all sets at once."""
    if "omnibus_p" not in result:
        return []
    sentences = []
    for score, part in sampled(result):
        tests = []
        for name in map(str, part["test"].values):
            value, p = (float(part[f"omnibus_{key}"].sel(test=name)) for key in ("statistic", "p"))
            if np.isfinite(p):
                tests.append(f"{OMNIBUS.get(name, name)} = {_numerals.number(value)}, {_numerals.p_value(p)}")
        sentences += [f"{score}, all sets: {'; '.join(tests)}."] if tests else []
    return sentences


# --- features, and near-duplicates ------------------------------------------------------------------------------------


def _features(result: xr.Dataset, wanted: list[str] | None) -> tuple[_Text, list[str]]:
    """Tell of a comparison in feature space."""
    have = [str(name) for name in result["statistic"].values]
    names = have if wanted is None else [name for name in wanted if name in have]
    contrasts = result["contrast"].values if "contrast" in result.dims else [None]
    found = []
    for name in names if "p_corrected" in result else []:
        for contrast in contrasts:
            row = result.sel(statistic=name) if contrast is None else result.sel(statistic=name, contrast=contrast)
            found.append(_least(row, LAYER_ROWS[name], "" if contrast is None else f"{contrast}, "))
    cited = [key for one in np.ravel(result.attrs["references"]) for key in str(one).split("; ")]
    return _Text([str(result.attrs["methods"])], cited), found


def _least(row: xr.Dataset, title: str, contrast: str) -> str:
    """Tell of the layer with the smallest corrected p."""
    best = row.isel(layer=int(np.argmin(row["p_corrected"].values)))
    value = _numerals.number(float(best["tested"]), 3)
    expected = _numerals.number(float(best["expected"]), 3)
    p = _numerals.p_value(float(best["p_corrected"]), "corrected p")
    where = f"in {best['layer'].item()} ({value}; {expected} on average when images change sets; {p})"
    return f"{contrast}{title}: smallest corrected p of {row.sizes['layer']} layers {where}."


def _copies(result: xr.Dataset, _wanted: list[str] | None) -> tuple[_Text, list[str]]:
    """Tell of near-duplicates."""
    attrs: Mapping[str, Any] = result.attrs
    limit = f", up to {attrs['distance']} of 64 bits apart" if "distance" in attrs else ""
    limit = f", {attrs['metric']} from {attrs['threshold']:g}" if "threshold" in attrs else limit
    sought = f"{str(attrs['method']).capitalize()} were looked for among {attrs['n_images']} images{limit}."
    found = f"Near-duplicates: {attrs['n_between']} pairs between sets, {attrs['n_within']} within."
    return _Text([sought], []), [found]


#: How the method of a result begins → what tells of it.
KINDS: dict[str, _Teller] = {
    "comparison of": _scores,
    "image sets in feature space": _features,
    "near-duplicates by": _copies,
}
