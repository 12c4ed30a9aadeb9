"""Tables for a paper."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from memfeat import _numerals
from memfeat._check import advice, listed, looked_up
from memfeat.errors import ArgumentError, KindError
from memfeat.sets.telling.of_scores import sampled, told_of
from memfeat.sets.telling.wording import LAYER_ROWS, OMNIBUS, SCORE_ROWS

__all__ = ["table"]


def table(result: xr.Dataset, *, statistics: Sequence[str] | None = None) -> pd.DataFrame:
    """Lay a comparison of sets out as a paper does: one row per statistic, or per layer, numbers as text.

    Parameters
    ----------
    result : Dataset
        What `mf.sets.compare` or `mf.sets.compare_features` gave.
    statistics : sequence of str, optional
        Which, in this order; those of :func:`paragraph` by default.

    Returns
    -------
    DataFrame
        Of scores: `Score` (if several), `Contrast`, `Statistic`, `n`, `Estimate`, `95 % CI`, `p` and, of several
        contrasts or scores, `Corrected p`; with a row for equivalence, whose interval is one of 90 %, and rows for all
        sets at once, where these were tested. Of features: `Layer`, `Contrast` (if several), and for each statistic its
        estimate and corrected p. Text; the numbers are in the result.

    Raises
    ------
    KindError
        If the result is no Dataset.
    ArgumentError
        If it is of another kind, or a statistic was not computed.
    UnknownNameError
        If there is no statistic of that name.

    See Also
    --------
    paragraph : The same in words.

    Examples
    --------
    >>> import pandas as pd
    >>> faces = pd.Series([0.8, 0.9, 0.7, 0.85], ["f1", "f2", "f3", "f4"], name="hit_rate")
    >>> scenes = pd.Series([0.5, 0.6, 0.7, 0.65], ["s1", "s2", "s3", "s4"], name="hit_rate")
    >>> from memfeat.sets import compare
    >>> both = compare(faces, scenes, names=["faces", "scenes"], n_bootstraps=0)
    >>> table(both, statistics=["cliffs_delta"])[["Contrast", "Statistic", "n", "Estimate"]].values.tolist()
    [['faces − scenes', "Cliff's δ", '4 and 4', '.94']]
    """
    if not isinstance(result, xr.Dataset):
        raise KindError(advice("result", "be a Dataset that mf.sets gave", listed(type(result).__name__)))
    for name in statistics or []:
        looked_up("statistics", name, {**SCORE_ROWS, **LAYER_ROWS})
    method = str(result.attrs.get("method", ""))
    if method.startswith("comparison of"):
        return _of_scores(result, told_of(result, statistics))
    if method.startswith("image sets in feature space"):
        return _of_layers(result, statistics)
    remedy = "Pass what mf.sets.compare or mf.sets.compare_features gave."
    raise ArgumentError(advice("result", "be a comparison of sets", listed(method or "no method"), remedy))


def _of_scores(result: xr.Dataset, names: Sequence[str]) -> pd.DataFrame:
    several = result.sizes["contrast"] > 1 or len(np.ravel(result.attrs["scores"])) > 1
    rows = []
    for score, part in sampled(result):
        for contrast in part["contrast"].values:
            of = part.sel(contrast=contrast)
            n = " and ".join(str(int(part["n"].sel(set=of[side].item()))) for side in ("first", "second"))
            begun = {"Score": score, "Contrast": str(contrast)}
            for name in names:
                row = begun | {"Statistic": SCORE_ROWS[name].title, "n": n}
                rows.append(row | _cells(of.sel(statistic=name), name, _numerals.places(float(part["sd"].mean()))))
            rows += [begun | {"n": n} | _equivalent(of)] if "equivalence_p" in part else []
        rows += _of_all(part, score) if "omnibus_p" in part else []
    frame = pd.DataFrame(rows)
    hidden = [*([] if "score" in result.dims else ["Score"]), *([] if several else ["Corrected p"])]
    return frame.drop(columns=hidden)


def _equivalent(found: xr.Dataset) -> dict[str, str]:
    """Give the test of equivalence of two sets."""
    digits = _numerals.places(float(found["sd"].mean()))
    bound = _numerals.number(float(found["equivalence_bound"]), digits)
    low, high = (float(found[f"equivalence_ci_{side}"]) for side in ("low", "high"))
    return {
        "Statistic": f"Equivalence within ±{bound} (90 % CI)",
        "Estimate": _numerals.number(float(found["estimate"].sel(statistic="mean_difference")), digits),
        "95 % CI": _numerals.interval(low, high, digits),
        "p": _numerals.p_value(float(found["equivalence_p"]), ""),
        "Corrected p": _numerals.p_value(float(found["equivalence_p_corrected"]), ""),
    }


def _of_all(part: xr.Dataset, score: str) -> list[dict[str, str]]:
    """Give the tests of all sets at once."""
    return [
        {
            "Score": score,
            "Contrast": "all sets",
            "Statistic": OMNIBUS[str(name)],
            "n": str(int(part["n"].sum())),
            "Estimate": _numerals.number(float(part["omnibus_statistic"].sel(test=name))),
            "95 % CI": "–",
            "p": _numerals.p_value(float(part["omnibus_p"].sel(test=name)), ""),
            "Corrected p": _numerals.p_value(float(part["omnibus_p_corrected"].sel(test=name)), ""),
        }
        for name in part["test"].values
    ]


def _cells(cell: xr.Dataset, name: str, digits: int) -> dict[str, str]:
    told = SCORE_ROWS[name]
    how: dict[str, Any] = {"digits": digits if told.in_units else 2, "below_one": told.below_one}
    return {
        "Estimate": _numerals.number(float(cell["estimate"]), **how),
        "95 % CI": _numerals.interval(float(cell["ci_low"]), float(cell["ci_high"]), **how),
        "p": _numerals.p_value(float(cell["p"]), ""),
        "Corrected p": _numerals.p_value(float(cell["p_corrected"]), ""),
    }


def _of_layers(result: xr.Dataset, wanted: Sequence[str] | None) -> pd.DataFrame:
    have = [str(name) for name in result["statistic"].values]
    gone = [name for name in wanted or [] if name not in have]
    if gone:
        remedy = f"There are {', '.join(have)}."
        raise ArgumentError(advice("statistics", "have been computed", listed.of(gone), remedy))
    contrasts = [str(one) for one in result["contrast"].values] if "contrast" in result.dims else [None]
    rows = []
    for layer in result["layer"].values:
        for contrast in contrasts:
            at = result.sel(layer=layer) if contrast is None else result.sel(layer=layer, contrast=contrast)
            row = {"Layer": str(layer)} | ({} if contrast is None else {"Contrast": contrast})
            for name in have if wanted is None else wanted:
                cell = at.sel(statistic=name)
                row[LAYER_ROWS[name]] = _numerals.number(float(cell["estimate"]), 3)
                if "p_corrected" in cell:
                    row[f"{LAYER_ROWS[name]}, corrected p"] = _numerals.p_value(float(cell["p_corrected"]), "")
            rows.append(row)
    return pd.DataFrame(rows)
