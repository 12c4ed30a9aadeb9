"""A paragraph for a methods section, from what results say about themselves."""

from collections.abc import Callable, Sequence
from typing import Any

import xarray as xr

from memfeat._check import advice, listed, looked_up
from memfeat.errors import ArgumentError, KindError
from memfeat.sets.telling.of_choosing import by_balance, by_match, by_split
from memfeat.sets.telling.of_features import by_copies, by_features
from memfeat.sets.telling.of_scores import by_scores
from memfeat.sets.telling.phrases import Text
from memfeat.sets.telling.wording import LAYER_ROWS, SCORE_ROWS

__all__ = ["paragraph"]


def paragraph(*results: xr.Dataset, statistics: Sequence[str] | None = None) -> str:
    """Write what was compared or chosen, how, and what was found, for a methods and a results section.

    Parameters
    ----------
    *results : Dataset
        What `mf.sets.compare`, `mf.sets.compare_features`, `mf.sets.near_duplicates`, `mf.sets.match`, `mf.sets.split`
        and `mf.sets.balance` gave.
    statistics : sequence of str, optional
        Which statistics are told; by default of scores the difference of means, its standardised form, Cliff's δ (for
        pairs, d_z and the paired δ) and the difference at equal covariates, where they were computed; of features all.
        Of sets that were chosen, and their balance, everything is told.

    Returns
    -------
    str
        A paragraph of methods, one of findings, and a list of references, with empty lines between them. It says what
        the attributes and variables of the results say, and nothing of what was not computed. Numbers are written as
        journals do; p is corrected where several contrasts or scores were compared. Of several contrasts in a balance
        table the furthest apart is told.

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


_Teller = Callable[[xr.Dataset, Sequence[str] | None], tuple[Text, list[str]]]
#: How the method of a result begins → what tells of it.
KINDS: dict[str, _Teller] = {
    "comparison of": by_scores,
    "image sets in feature space": by_features,
    "near-duplicates by": by_copies,
    "sets chosen by balance": by_match,
    "lists dealt by balance": by_split,
    "balance of sets": by_balance,
}


def _kind(result: Any) -> _Teller:
    """Choose what tells of a result."""
    if not isinstance(result, xr.Dataset):
        raise KindError(advice("results", "be Datasets that mf.sets gave", listed(type(result).__name__)))
    method = str(result.attrs.get("method", ""))
    for beginning, tell in KINDS.items():
        if method.startswith(beginning):
            return tell
    remedy = "Pass what mf.sets.compare, compare_features, near_duplicates, match, split or balance gave."
    raise ArgumentError(advice("results", "be sets compared or chosen", listed(method or "no method"), remedy))


def _software(results: Sequence[xr.Dataset]) -> str:
    versions = sorted({str(one.attrs["memfeat_version"]) for one in results})
    seeds = sorted({str(one.attrs["seed"]) for one in results if "seed" in one.attrs})
    drawn = f" ({'seed' if len(seeds) == 1 else 'seeds'} {', '.join(seeds)})" if seeds else ""
    return f"Computed with memfeat {', '.join(versions)}{drawn}."
