"""What a comparison by scores says of itself, in sentences."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from memfeat import _numerals
from memfeat._check import advice, listed
from memfeat._phrases import in_words
from memfeat.errors import ArgumentError
from memfeat.sets.scores.predicted import NOTE
from memfeat.sets.telling.phrases import Text, cited, with_article
from memfeat.sets.telling.wording import OMNIBUS, REFERENCES, SCORE_ROWS

__all__ = ["USUAL", "by_scores", "sampled", "told_of"]

#: What is told of scores unless the user says otherwise, where it was computed.
USUAL = ("mean_difference", "hedges_g", "d_z", "cliffs_delta", "paired_delta", "adjusted_difference")
ADJUSTED = "adjusted_difference"
PAIRS, CLUSTERS = "versions of an original", "clusters"


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
        raise ArgumentError(advice("statistics", "have been computed", listed.of(gone), f"There are {in_words(have)}."))
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


def by_scores(result: xr.Dataset, wanted: Sequence[str] | None) -> tuple[Text, list[str]]:
    """Tell of a comparison by scores.

    Parameters
    ----------
    result : Dataset (contrast, statistic)
        What `mf.sets.compare` gave.
    wanted : sequence of str, optional
        Which statistics.

    Returns
    -------
    Text
        What was done.
    list of str
        What was found, in sentences.

    Raises
    ------
    ArgumentError
        If a statistic was not computed.
    """
    names = told_of(result, wanted)
    text = Text([], [])
    for part in (_sets, _predicted, _tests, _corrected, _intervals, _equivalence, _omnibus):
        one = part(result, names)
        text.sentences.extend(one.sentences)
        text.references.extend(REFERENCES[key] for key in one.references)
    parts = [(score, part, str(name)) for score, part in sampled(result) for name in part["contrast"].values]
    noted = [NOTE.strip()] if "note" in result.attrs else []
    return text, [*(_contrast(*one, names) for one in parts), *_whole(result), *noted]


def _sets(result: xr.Dataset, _names: Sequence[str]) -> Text:
    sizes = dict(zip(map(str, result["set"].values), result["n"].values.tolist(), strict=True))
    sets = in_words([f"{name} (n = {n})" for name, n in sizes.items()])
    scores = in_words([name for name, _ in sampled(result)])
    sentences = [f"The image sets {sets} were compared by {scores}."]
    gone = dict(zip(sizes, result["n_unreadable"].values.tolist(), strict=True))
    if any(gone.values()):
        left = in_words([f"{n} of {name}" for name, n in gone.items() if n])
        partners = " with the other versions of their originals" if result.attrs["unit"] == PAIRS else ""
        sentences.append(f"Images that could not be read were left out{partners}: {left}.")
    unit, units = result.attrs["unit"], result["n_units"].values.tolist()
    if unit == PAIRS:
        sentences.append(f"The sets hold versions of the same {units[0]} originals, which were compared in pairs.")
    if unit == CLUSTERS:
        within = sum(units) > int(result.attrs.get("clusters", sum(units)))
        where = "images of each in every set compared" if within else "each in one set"
        counted = in_words([f"{n} in {name}" for name, n in zip(sizes, units, strict=True)])
        sentences.append(f"Images that share a source were treated as clusters ({counted}; {where}).")
    if "covariates" in result.attrs and ADJUSTED in _names:
        sentences.append(f"Covariates were {in_words(list(np.ravel(result.attrs['covariates'])))}.")
    return Text(sentences, [])


def _predicted(result: xr.Dataset, _names: Sequence[str]) -> Text:
    """Tell that scores are predictions, and of their limits."""
    if "note" not in result.attrs:
        return Text([], [])
    model = str(result.attrs.get("model", "a network"))
    released = model.startswith("resmem")
    sentences = [f"Memorability was predicted by {model}{cited(['needell2022']) if released else ''}."]
    if np.isfinite(result["prediction_noise"]).any():
        sentences.append(f"The noise of predicted differences comes from {result.attrs['noise_from']}.")
    return Text(sentences, ["needell2022"] if released else [])


def _has(result: xr.Dataset, name: str, column: str) -> bool:
    return bool(np.isfinite(result[column].sel(statistic=name)).any())


def _tests(result: xr.Dataset, names: Sequence[str]) -> Text:
    """Tell where p-values come from."""
    alone = result.attrs["unit"] not in (PAIRS, CLUSTERS)
    by_test: dict[str, list[str]] = {}
    sources: dict[str, list[str]] = {}
    for name in names:
        row = SCORE_ROWS[name]
        if row.test and _has(result, name, "p"):
            by_test.setdefault(row.test, []).append(with_article(row.symbol))
            sources.setdefault(row.test, []).extend(row.cited_for_p if alone else ())
    sentences = [
        f"P-values of {in_words(symbols)} come from {test}{cited(sources[test])}" + _rearranged(result, test) + "."
        for test, symbols in by_test.items()
    ]
    references = [key for keys in sources.values() for key in keys]
    if ADJUSTED in names:
        how, keys = _adjustment(result)
        sentences.append(how)
        references += keys
    return Text(sentences, references)


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
    text = "The difference at equal covariates is "
    text += {
        PAIRS: "the intercept of a least-squares regression of differences between versions on those of covariates"
    }.get(unit, "the coefficient of the set in a least-squares regression of scores")
    text += f" with {errors} errors{cited(keys)}"
    if not _has(result, ADJUSTED, "p"):
        return f"{text}.", keys
    if unit == "images":
        return f"{text}; its p comes from exchanged residuals{cited(['freedman1983'])}.", [*keys, "freedman1983"]
    return f"{text}; its p comes from a wild bootstrap{cited(['cameron2008'])}.", [*keys, "cameron2008"]


def _intervals(result: xr.Dataset, names: Sequence[str]) -> Text:
    by_kind: dict[str, list[str]] = {}
    keys: list[str] = []
    for name in names:
        row = SCORE_ROWS[name]
        drawn = _has(result, name, "ci_low") and "bootstrap" in _interval(result, name)
        keys += [key for key in row.cited if key != "hesterberg2015" or drawn]
        if row.interval and _has(result, name, "ci_low"):
            by_kind.setdefault(_interval(result, name), []).append(with_article(row.symbol))
    if not by_kind:
        return Text([], keys)
    samples = f"bootstrap ({int(result.attrs['n_bootstraps']):,} samples)"
    parts = [f"{kind.replace('bootstrap', samples)} for {in_words(symbols)}" for kind, symbols in by_kind.items()]
    several = " They are not corrected for being several." if _is_several(result) else ""
    return Text([f"Intervals are 95 % confidence intervals: {'; '.join(parts)}.{several}"], keys)


def _interval(result: xr.Dataset, name: str) -> str:
    """Say what an interval is; the bootstrap gives way to Student's t where clusters are few."""
    usual = SCORE_ROWS[name].interval
    few = str(result.attrs["few_clusters"])
    if name != "mean_difference" or few == "false":
        return usual
    by_t = "Student's t with clusters as units and Welch's degrees of freedom"
    return by_t if few == "true" else f"{usual}, or {by_t} where a set has fewer than 40,"


def _is_several(result: xr.Dataset) -> bool:
    return result.sizes["contrast"] > 1 or len(np.ravel(result.attrs["scores"])) > 1


def _corrected(result: xr.Dataset, names: Sequence[str]) -> Text:
    if not _is_several(result) or not any(_has(result, name, "p_corrected") for name in names):
        return Text([], [])
    of = {"contrast": result.sizes["contrast"], "score": len(np.ravel(result.attrs["scores"]))}
    over = in_words([f"{n} {what}s" for what, n in of.items() if n > 1])
    by_holm = set(np.ravel(result.attrs.get("holm", [])))
    kinds = [("the maximum statistic", "westfall1993")] if set(names) - by_holm else []
    kinds += [("Holm's procedure", "holm1979")] if set(names) & by_holm else []
    how = " or ".join(f"{kind}{cited([key])}" for kind, key in kinds)
    return Text([f"P-values were corrected over {over} by {how}."], [key for _, key in kinds])


def _equivalence(result: xr.Dataset, _names: Sequence[str]) -> Text:
    if "equivalence_p" not in result:
        return Text([], [])
    bound = f"{result.attrs['bound']:g} {result.attrs['bound_unit']}"
    text = f"Equivalence of means was tested with two one-sided tests{cited(['schuirmann1987'])} and a bound of {bound}"
    if not _is_several(result):
        return Text([f"{text}."], ["schuirmann1987"])
    return Text([f"{text}, corrected by Holm's procedure{cited(['holm1979'])}."], ["schuirmann1987", "holm1979"])


def _omnibus(result: xr.Dataset, _names: Sequence[str]) -> Text:
    if "omnibus_p" not in result or not np.isfinite(result["omnibus_p"]).any():
        return Text([], [])
    tests = [OMNIBUS[str(name)] for name in result["test"].values]
    text = f"All sets at once were compared by {in_words(tests)} statistics, with p by permutation"
    if len(sampled(result)) == 1:
        return Text([f"{text}."], [])
    return Text([f"{text}, corrected over scores by Holm's procedure{cited(['holm1979'])}."], ["holm1979"])


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
        parts.append(f"prediction noise SD = {noise}")
    if "equivalence_p" in row:
        limits = _numerals.interval(float(row["equivalence_ci_low"]), float(row["equivalence_ci_high"]), digits)
        bound = _numerals.number(float(row["equivalence_bound"]), digits)
        key, called = ("_corrected", "corrected p") if _is_several(part) else ("", "p")
        p = _numerals.p_value(float(row[f"equivalence_p{key}"]), called)
        parts.append(f"test of equivalence of means within ±{bound}: 90 % CI {limits}, {p}")
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
    sentences, parts = [], sampled(result)
    key, called = ("p_corrected", "corrected p") if len(parts) > 1 else ("p", "p")
    for score, part in parts:
        tests = []
        for name in map(str, part["test"].values):
            value, p = (float(part[f"omnibus_{one}"].sel(test=name)) for one in ("statistic", key))
            if np.isfinite(p):
                tests.append(f"{OMNIBUS[name]} = {_numerals.number(value)}, {_numerals.p_value(p, called)}")
        sentences += [f"{score}, all sets: {'; '.join(tests)}."] if tests else []
    return sentences
