"""Who is left out before anything is scored, and why."""

from collections.abc import Callable
from operator import ge, lt
from pathlib import Path
from typing import Any, NamedTuple, TypedDict, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat._check import advice, listed, looked_up
from memfeat._labels import stamped, storable
from memfeat._tables import texts
from memfeat.errors import ArgumentError, KindError
from memfeat.scores.counts import Counts, derived, tallied
from memfeat.scores.trials import CODES, EXCLUDED, FurtherColumns, coded, columns_of, numbered, read

__all__ = ["ExclusionRules", "exclude"]

Array = npt.NDArray[np.float64]
PARTICIPANT = "participant"


class ExclusionRules(TypedDict, total=False):
    """When a participant is left out.

    `false_alarm_rate` : who calls this share of foils old, or more.
    `vigilance_miss_rate` : who misses this share of vigilance repeats, or more.
    `missing_rate` : who leaves this share of trials without an answer, or more.
    `hit_rate` : who calls a smaller share of targets old.
    `d_prime` : whose d′ (log-linear) is smaller.
    `n_trials` : who has answered in fewer trials.
    """

    false_alarm_rate: float
    vigilance_miss_rate: float
    missing_rate: float
    hit_rate: float
    d_prime: float
    n_trials: int


class _Rule(NamedTuple):
    """When a value leaves its participant out, and how that is written."""

    compare: Callable[[Any, Any], Any]
    sign: str


AT_LEAST, BELOW = _Rule(ge, "≥"), _Rule(lt, "<")
#: What a participant is judged by -> how.
RULES = {
    "false_alarm_rate": AT_LEAST,
    "vigilance_miss_rate": AT_LEAST,
    "missing_rate": AT_LEAST,
    "hit_rate": BELOW,
    "d_prime": BELOW,
    "n_trials": BELOW,
}
#: Limits that are no rates -> the least, the most, and what to do.
WITHIN = {
    "d_prime": (-np.inf, np.inf, ""),
    "n_trials": (0, np.inf, "It is a number of trials with an answer."),
}


def exclude(
    trials: pd.DataFrame | str | Path,
    *,
    rules: ExclusionRules,
    vigilance: str | None = None,
    truth: str | None = None,
    response: str | None = None,
    **columns: Unpack[FurtherColumns],
) -> tuple[pd.DataFrame, xr.Dataset]:
    """Leave out participants who did not do the task, and say who and why.

    Parameters
    ----------
    trials : DataFrame, str or Path
        One row per trial, as for :func:`memfeat.scores.from_trials`.
    rules : dict
        One limit or more, see :class:`memfeat.scores.ExclusionRules`. Decide on them before you see scores.
    vigilance : str, optional
        The column that says which trials are vigilance repeats (yes/no, 1/0, true/false): targets after a short lag
        that whoever attends should know.
    truth, response : str, optional
        Columns, as in :func:`memfeat.scores.from_trials`.
    **columns : image, participant, lag, confidence
        Further columns, see :class:`memfeat.scores.FurtherColumns`.

    Returns
    -------
    DataFrame
        The rows of the others, with all columns: what goes on to scores, which say in `excluded` and `exclusion_rules`
        what was done here.
    Dataset (participant)
        Everybody: counts and rates, `n_trials` with an answer and `n_without_response`, whether `excluded` and, in
        `reason`, by which rules.

    Raises
    ------
    KindError, MissingFileError, UnknownNameError, ArgumentError
        As :func:`memfeat.scores.from_trials`; if there is no rule, a limit is no number, vigilance is asked about and
        not named, or nobody is left.

    See Also
    --------
    from_trials : Scores those who are left.

    Notes
    -----
    A rate that somebody does not have (no foil, no vigilance repeat) leaves nobody out. Vigilance repeats count as
    trials and stay in the table; where they should not be scored, drop them afterwards: `kept[~kept["vigilance"]]`.
    False-alarm rates are over all foils. A common rule for online experiments is a false-alarm rate, or a vigilance
    miss rate, of .7.

    Examples
    --------
    >>> trials = pd.DataFrame({"image": list("abab"), "subject": [1, 1, 2, 2], "truth": [1, 0, 1, 0]})
    >>> trials["response"] = [1, 1, 1, 0]
    >>> kept, people = exclude(trials, rules={"false_alarm_rate": 0.7})
    >>> kept["subject"].unique(), people["reason"].sel(participant="1").item()
    (array([2]), 'false_alarm_rate 1 ≥ 0.7')
    """
    rules = _checked(rules, vigilance)
    chosen: dict[str, Any] = {**columns, "truth": truth, "response": response}
    needs = ("response", PARTICIPANT)
    table, where = columns_of(trials, chosen, needs, of=exclude)
    place, names = numbered(table[where[PARTICIPANT]], PARTICIPANT, where[PARTICIPANT])
    people = _people(_counts(table, where, names), np.bincount(place))
    if vigilance is not None:
        people |= _vigilant(table, where, names, looked_up("vigilance", vigilance, list(table.columns)))
    broken = {name: RULES[name].compare(people[name], limit) for name, limit in rules.items()}
    out = np.logical_or.reduce(list(broken.values()))
    if out.all():
        raise ArgumentError(advice("rules", "leave somebody in", dict(rules), "Check the columns, or loosen a rule."))
    why = [_reason(people, rules, broken, i) for i in range(len(names))]
    variables: dict[str, Any] = people | {"excluded": out, "reason": texts(why)}
    result = xr.Dataset({name: (PARTICIPANT, values) for name, values in variables.items()}, {PARTICIPANT: names})
    facts = {"excluded": f"{int(out.sum())} of {len(names)} participants", "exclusion_rules": rules}
    told = dict(zip(EXCLUDED, (facts["excluded"], storable(rules)), strict=True))
    kept = table.loc[~out[place]].copy()
    earlier = table.attrs
    # who was left out before stays on record
    kept.attrs = earlier | {
        name: f"{earlier[name]}; then {one}" if name in earlier else one for name, one in told.items()
    }
    return kept, stamped(result, method="exclusion of participants", n_participants=len(names), **facts)


def _checked(rules: Any, vigilance: str | None) -> Any:
    """Check limits, and give them as plain numbers."""
    if not isinstance(rules, dict) or not rules:
        raise KindError(advice("rules", "be a dict of one limit or more", rules, "As in {'false_alarm_rate': 0.7}."))
    for name, limit in rules.items():
        looked_up("rules", name, RULES, f"There are {', '.join(RULES)}.")
        if isinstance(limit, bool) or not isinstance(limit, int | float | np.number) or not np.isfinite(limit):
            raise KindError(advice(f"rules[{name!r}]", "be a number", limit, "Leave a rule without a limit out."))
        low, high, remedy = WITHIN.get(name, (0, 1, "A rate is a share: 0.7, not 70 %."))
        if not low <= limit <= high:
            rule = f"lie between {low} and {high}" if high < np.inf else f"be at least {low}"
            raise ArgumentError(advice(f"rules[{name!r}]", rule, storable(limit), remedy))
    if "vigilance_miss_rate" in rules and vigilance is None:
        rule = "name the column of vigilance repeats"
        raise ArgumentError(advice("vigilance", rule, None, "Without one, leave vigilance_miss_rate out."))
    return {name: storable(limit) for name, limit in rules.items()}


def _counts(table: pd.DataFrame, where: dict[str, str], names: npt.NDArray[np.object_]) -> Counts:
    """Count what each participant answered; who has not answered counts 0."""
    found = read(table, where, needs=("response", PARTICIPANT))
    who = np.searchsorted(names.astype(str), found.participants.astype(str))[found.participant]
    return tallied(who, found.old, found.said_old, n_images=len(names))


def _people(counts: Counts, asked: npt.NDArray[np.intp]) -> dict[str, npt.NDArray[Any]]:
    """Say of each participant what rules are about, but for vigilance."""
    n_trials = counts.n_targets + counts.n_foils
    scores = derived(counts, correction="log-linear")
    return {
        "n_trials": n_trials,
        "n_without_response": asked - n_trials,
        "missing_rate": (asked - n_trials) / asked,
        **counts._asdict(),
        **{name: scores[name] for name in ("hit_rate", "false_alarm_rate", "d_prime")},
    }


def _vigilant(
    table: pd.DataFrame, where: dict[str, str], names: npt.NDArray[np.object_], column: str
) -> dict[str, npt.NDArray[Any]]:
    """Say how many vigilance repeats each participant was asked about, and missed."""
    flagged, _ = coded(table[column], "vigilance", CODES)
    rows = np.array([one is True for one in flagged], dtype=bool)
    if not rows.any():
        none, remedy = listed(f"none in column {column!r}"), "Name another column, or leave vigilance_miss_rate out."
        raise ArgumentError(advice("vigilance", "mark a trial", none, remedy))
    counts = _counts(table.loc[rows], where, names)
    n = counts.n_targets
    return {"n_vigilance": n, "vigilance_miss_rate": counts.misses / np.where(n > 0, n, np.nan)}


def _reason(people: dict[str, npt.NDArray[Any]], rules: Any, broken: dict[str, npt.NDArray[np.bool_]], i: int) -> str:
    return "; ".join(
        f"{name} {people[name][i]:.3g} {RULES[name].sign} {rules[name]:g}" for name in rules if broken[name][i]
    )
