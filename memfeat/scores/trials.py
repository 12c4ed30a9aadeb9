"""Tables of old/new recognition, one row per trial: which column says what, and how it is coded."""

from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import numpy as np
import numpy.typing as npt
import pandas as pd

from memfeat._check import advice, known_options, listed, looked_up
from memfeat._columns import NAME_COLUMNS, word
from memfeat._tables import read_plain, texts
from memfeat.errors import ArgumentError, KindError

__all__ = ["CODES", "FOUND", "FurtherColumns", "TrialColumns", "Trials", "coded", "columns_of", "numbered", "read"]

#: What a column may hold (compared as text, without case) -> whether that means old. As text, a column with gaps that
#: was once numbers holds 1.0.
CODES = {
    "1": True, "true": True, "yes": True, "y": True, "old": True, "1.0": True,
    "0": False, "false": False, "no": False, "n": False, "new": False, "0.0": False,
}  # fmt: skip
#: The same for what was shown, where further words are in use.
SHOWN = CODES | {"target": True, "foil": False, "lure": False}
#: How a code is written in a remedy -> whether it means old.
SIDES = {"'old'": True, "'new'": False}
#: What is read -> column names that say by themselves that they hold it (compared without case). `old`, `target` and
#: `correct` are not among them: each stands for what was shown in some tables, and for what was answered in others.
FOUND: dict[str, tuple[str, ...]] = {
    "image": NAME_COLUMNS,
    "participant": (
        "participant", "participant_id", "subject", "subject_id", "observer", "rater", "worker", "worker_id",
    ),
    "truth": ("truth", "is_target", "is_old", "was_old", "is_repeat"),
    "response": ("response", "answer", "said_old"),
    "lag": ("lag",),
    "confidence": ("confidence",),
}  # fmt: skip
#: What `mf.scores.exclude` writes into the attributes of the table that it gives.
EXCLUDED = ("excluded", "exclusion_rules")
#: What the columns hold, for messages.
MEANING = {
    "image": "names the image",
    "participant": "names the participant",
    "truth": "says what was shown (old or new)",
    "response": 'says what was answered ("old" or "new")',
    "lag": "says how many trials ago the image was shown first",
    "confidence": "says how sure the answer was",
}


class FurtherColumns(TypedDict, total=False):
    """Columns of a table of trials besides truth and response, where their names do not say what they hold.

    `image` : names the image.
    `participant` : names the participant.
    `lag` : says after how many trials a target was shown again.
    `confidence` : says how sure the answer was, the higher the surer.
    """

    image: str
    participant: str
    lag: str
    confidence: str


class TrialColumns(FurtherColumns, total=False):
    """Columns of a table of trials, where their names do not say by themselves what they hold.

    Those of :class:`FurtherColumns`, and

    `truth` : says whether the image was old (a target, shown before) or new (a foil).
    `response` : says whether the answer was "old" or "new". It does not say whether it was right.
    """

    truth: str
    response: str


class Trials(NamedTuple):
    """Trials as whole numbers, without those that have no answer; images and participants are sorted by name."""

    image: npt.NDArray[np.intp]
    """(trial,), positions into `images`."""
    images: npt.NDArray[np.object_]
    """(image,), names."""
    participant: npt.NDArray[np.intp]
    """(trial,), positions into `participants`; -1 if they are unknown."""
    participants: npt.NDArray[np.object_]
    """(participant,), names; empty if they are unknown."""
    old: npt.NDArray[np.bool_]
    """(trial,), whether a target was shown."""
    said_old: npt.NDArray[np.bool_]
    """(trial,), whether the answer was "old"; all False where `response` was neither needed nor named."""
    recorded: dict[str, Any]
    """What goes into the attributes of a result: how columns were read, how many trials there are."""
    lag: npt.NDArray[np.float64] | None = None
    """(trial,), above 0 for targets, NaN for foils; None where it was neither needed nor named."""
    confidence: npt.NDArray[np.float64] | None = None
    """(trial,); None where it was neither needed nor named."""


def read(
    trials: pd.DataFrame | str | Path,
    columns: Mapping[str, Any],
    *,
    needs: Collection[str] = ("response",),
    of: Callable[..., Any] | None = None,
) -> Trials:
    """Read a table of old/new recognition trials.

    Parameters
    ----------
    trials : DataFrame, str or Path
        A table with one row per trial, or a CSV or TSV file of one, gzipped or not.
    columns : mapping of str
        Which column holds what, as in :class:`TrialColumns`; None or absent where its name says so by itself (`FOUND`).
    needs : collection of str
        What must be there besides image and truth. The participant is read if there is such a column; the others are
        if needed or named.
    of : callable, optional
        The function that the user called, for messages about its keywords.

    Returns
    -------
    Trials
        The trials. Those without an answer are left out and counted.

    Raises
    ------
    KindError, MissingFileError
        If it is no table, or not there.
    UnknownNameError
        If there is no column, or nothing to be read, of that name.
    ArgumentError
        If a column is not found, or more than one could be it; one column is named twice; a value is none of `CODES`;
        an image, participant or truth is missing; no trial has an answer; a participant answers to the same image
        twice (as target, or as foil; at the same lag, if there is one); or a lag or confidence cannot be used.

    Examples
    --------
    >>> table = pd.DataFrame({"image": ["b", "a"], "subject": [7, 7], "target": [1, 0], "response": ["old", "OLD"]})
    >>> found = read(table, {"truth": "target"})
    >>> found.image, found.images, found.old, found.said_old
    (array([1, 0]), array(['a', 'b'], dtype=object), array([ True, False]), array([ True,  True]))
    >>> found.recorded["response"]
    "column 'response': OLD, old = old"
    """
    table, where = columns_of(trials, columns, needs, of=of)
    if not len(table):
        raise ArgumentError(
            advice("trials", "hold at least one trial", listed("no rows"), "Look at the file, or at what chose rows.")
        )
    recorded: dict[str, Any] = {}
    old, recorded["truth"] = coded(table[where["truth"]], "truth", SHOWN)
    said = pd.Series(False, index=table.index, dtype=object)
    if "response" in where:
        said, recorded["response"] = coded(table[where["response"]], "response", CODES)
    _complete(old.isna().to_numpy(), "truth", where["truth"])
    answered = said.notna().to_numpy()
    if not answered.any():
        remedy = "Name the column of answers, response='…'."
        raise ArgumentError(advice("response", "be there in one trial at least", listed("none"), remedy))
    image, images = numbered(table[where["image"]], "image", where["image"])
    participant, participants = np.full(len(table), -1, dtype=np.intp), texts([])
    if "participant" in where:
        participant, participants = numbered(table[where["participant"]], "participant", where["participant"])
        _once(table, where, pd.DataFrame({"image": image, "participant": participant, "truth": old.to_numpy()}))
    image, images = _used(image[answered], images)
    participant, participants = _used(participant[answered], participants)
    shown = old.to_numpy(dtype=bool)[answered]
    numbers = {name: _numbers(table.loc[answered, where[name]], name, shown) for name in NUMBERS if name in where}
    recorded |= {f"{name}_column": where[name] for name in where if name not in recorded}
    recorded |= {"n_trials": int(answered.sum()), "n_without_response": int((~answered).sum())}
    recorded |= {"n_participants": len(participants)} if len(participants) else {}
    recorded |= {name: table.attrs[name] for name in EXCLUDED if name in table.attrs}
    said_old = said.to_numpy()[answered].astype(bool)
    return Trials(image, images, participant, participants, shown, said_old, recorded, **numbers)


def columns_of(
    trials: Any, columns: Mapping[str, Any], needs: Collection[str], *, of: Callable[..., Any] | None = None
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Choose the columns of a table of trials.

    Parameters
    ----------
    trials, columns, needs, of : object
        As for :func:`read`.

    Returns
    -------
    DataFrame
        The table.
    dict of str
        What is to be read -> its column.

    Raises
    ------
    KindError, MissingFileError, UnknownNameError, ArgumentError
        As :func:`read`.
    """
    known_options(columns, TrialColumns, of)
    if not isinstance(trials, pd.DataFrame | str | Path):
        kind = listed(type(trials).__name__)
        remedy = "Make it one: pandas.DataFrame(trials)."
        raise KindError(advice("trials", "be a pandas DataFrame or the path of a CSV", kind, remedy))
    table = trials if isinstance(trials, pd.DataFrame) else read_plain(trials, "trials")
    have = [str(name) for name in table.columns]
    if len(set(have)) < len(have):
        twice = listed.of(sorted({name for name in have if have.count(name) > 1}))
        raise ArgumentError(advice("trials", "have each column once", twice, "Rename or drop the second one."))
    named = {name: str(column) for name, column in columns.items() if column is not None}
    _not_in_index(table, have, named)
    where = {name: _column(name, named, have, required={"image", "truth", *needs}) for name in FOUND}
    chosen = {name: column for name, column in where.items() if column is not None}
    for name, column in chosen.items():
        same = [other for other in chosen if other != name and chosen[other] == column]
        if same:
            both = listed(f"column {column!r} for both")
            remedy = f"The table has: {', '.join(have)}."
            raise ArgumentError(advice(f"{name} and {same[0]}", "be different columns", both, remedy))
    if not isinstance(trials, pd.DataFrame):
        # read a second time as plain text, or image 0002 would be the number 2
        table = read_plain(trials, "trials", text=[chosen[n] for n in ("image", "participant") if n in chosen])
    return table.set_axis(have, axis=1), chosen


def _not_in_index(table: pd.DataFrame, have: list[str], named: Mapping[str, str]) -> None:
    """Refuse an index that holds what no column does."""
    for name in FOUND.keys() - named.keys():
        held = [str(level) for level in table.index.names if str(level).lower() in FOUND[name]]
        if held and not any(column.strip().lower() in FOUND[name] for column in have):
            found, remedy = listed(f"an index {held[0]!r}"), "Make it one: trials.reset_index()."
            raise ArgumentError(advice("trials", f"have a column that {MEANING[name]}", found, remedy))


def _column(name: str, named: Mapping[str, str], have: list[str], *, required: Collection[str]) -> str | None:
    """Choose the column of one thing; None if it is not to be read."""
    remedy = f"The table has: {', '.join(have)}."
    if name in named:
        return looked_up(name, named[name], have, remedy)
    if name not in required and name != "participant":
        return None
    found = [column for column in have if column.strip().lower() in FOUND[name]]
    if len(found) == 1 or (not found and name not in required):
        return found[0] if found else None
    shown = listed(f"columns {', '.join(map(repr, have))}")
    count = "one column that" if not found else "only one column that"
    hint = f"Say which: {name}={(found or ['…'])[0]!r}."
    raise ArgumentError(advice("trials", f"have {count} {MEANING[name]}", shown, hint))


def coded(values: pd.Series, argument: str, codes: Mapping[str, bool]) -> tuple[pd.Series, str]:
    """Read a column that says old or new.

    Parameters
    ----------
    values : Series
        The column.
    argument : str
        What the user calls it.
    codes : mapping of bool
        Text in small letters -> whether it means old.

    Returns
    -------
    Series
        True, False, or None where nothing is there.
    str
        Which column it was, and what was read as what.

    Raises
    ------
    ArgumentError
        If a value is none of the codes.
    """
    place, uniques = pd.factorize(values)
    words = [word(value) for value in uniques]
    # an empty cell of text is no answer
    meaning = [None if text == "" else codes.get(text.lower(), text) for text in words]
    unknown = [value for value, one in zip(uniques, meaning, strict=True) if isinstance(one, str)]
    if unknown:
        known = " / ".join(
            ", ".join(code for code, is_old in codes.items() if is_old is which) for which in (True, False)
        )
        found = listed(f"values {_counted(unknown)}")
        raise ArgumentError(advice(argument, f"be coded by {known}", found, _recoded(values, uniques, meaning)))
    read_as = [
        f"{', '.join(sorted(w for w, m in zip(words, meaning, strict=True) if m is which))} = {label}"
        for which, label in ((True, "old"), (False, "new"))
        if which in meaning
    ]
    coded = pd.Series(np.array([*meaning, None], dtype=object)[place], index=values.index)
    return coded, f"column {str(values.name)!r}: {'; '.join(read_as)}"


def _recoded(values: pd.Series, uniques: Any, meaning: list[Any]) -> str:
    """Say how all values of a column are made old, new or nothing."""
    there = [value for value, one in zip(uniques, meaning, strict=True) if one is not None]
    plain = [value.item() if isinstance(value, np.generic) else value for value in there]
    known = [one for one in meaning if one is not None]
    free = [side for side, is_old in SIDES.items() if is_old not in known] + ["np.nan"] * len(known)
    written = {is_old: side for side, is_old in SIDES.items()}
    sides = [written[one] if isinstance(one, bool) else free.pop(0) for one in known]
    shown = ", ".join(f"{value!r}: {side}" for value, side in zip(plain, sides, strict=True))
    return (
        f"Recode it, as in trials[{str(values.name)!r}].replace({{{shown}}}), or the other way "
        "round; np.nan is no answer."
    )


def _complete(empty: npt.NDArray[np.bool_], argument: str, column: str) -> None:
    if empty.any():
        rows = ", ".join(str(i + 1) for i in empty.nonzero()[0][:3])
        where = listed(f"{int(empty.sum())} without one in {column!r}, first in row {rows}")
        raise ArgumentError(advice(argument, "be there in every trial", where, "Fill it in or drop those rows."))


def numbered(values: pd.Series, argument: str, column: str) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.object_]]:
    """Give names as positions into the sorted names.

    Parameters
    ----------
    values : Series
        The names.
    argument : str
        What the user calls them.
    column : str
        The column they are from, for messages.

    Returns
    -------
    array (trial,) of int
        Positions.
    array (name,) of object
        The names as text, each once.

    Raises
    ------
    ArgumentError
        If a name is missing.
    """
    place, uniques = pd.factorize(values)
    names = np.array([word(value) for value in uniques], dtype=object)
    # a missing name has place -1, the last
    _complete(np.append(names == "", True)[place], argument, column)
    ordered, inverse = np.unique(names, return_inverse=True)
    return inverse[place].astype(np.intp), texts(ordered)


def _used(
    place: npt.NDArray[np.intp], names: npt.NDArray[np.object_]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.object_]]:
    """Leave out names that no trial has."""
    if not len(names):
        return place, names
    used, place = np.unique(place, return_inverse=True)
    return place.astype(np.intp), names[used]


def _once(table: pd.DataFrame, where: Mapping[str, str], cells: pd.DataFrame) -> None:
    """Refuse a participant's second answer to the same image, unless a lag tells the two apart."""
    lag = next((c for c in table.columns if str(c).strip().lower() in FOUND["lag"]), None)
    lag = where.get("lag", lag)
    if lag is not None:
        cells = cells.assign(lag=table[lag].to_numpy())
    twice = cells.duplicated().to_numpy()
    if twice.any():
        first = int(twice.nonzero()[0][0])
        keys = [where[name] for name in ("image", "participant", "truth")] + ([lag] if lag is not None else [])
        row = ", ".join(f"{key} {str(table[key].iloc[first])!r}" for key in keys)
        remedy = (
            f"Drop copies with trials.drop_duplicates({keys!r}); tell further repeats apart by a column lag=; give "
            "participants of several experiments different names."
        )
        rows = listed(f"{int(twice.sum())} further rows, first {row} in row {first + 1}")
        raise ArgumentError(advice("trials", "ask each participant once about an image", rows, remedy))


def _numbers(values: pd.Series, name: str, old: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Read lags or confidence."""
    # a time would be read as a count of nanoseconds, or the like
    if values.dtype.kind in "mM" or pd.api.types.infer_dtype(values, skipna=True).startswith(("timedelta", "date")):
        remedy = "Make numbers of times: .dt.total_seconds()." if name == "lag" else "Recode it as numbers."
        raise ArgumentError(advice(name, "hold numbers", listed(f"times, dtype {values.dtype}"), remedy))
    try:
        numbers = pd.to_numeric(values).to_numpy(dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise ArgumentError(advice(name, "hold numbers", listed(f"{error}"), "Recode it as numbers.")) from error
    return NUMBERS[name](numbers, values, old)


def _lag(numbers: npt.NDArray[np.float64], values: pd.Series, old: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    _refuse(
        old & ~(np.isfinite(numbers) & (numbers > 0)),
        values,
        "lag",
        "be above 0 for every target",
        "A lag counts trials from the first showing to the repeat: correct those rows, or drop them.",
    )
    return np.where(old, numbers, np.nan)


def _confidence(
    numbers: npt.NDArray[np.float64], values: pd.Series, old: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    rule = "be there in every trial that has an answer"
    _refuse(~np.isfinite(numbers), values, "confidence", rule, "Drop those rows.")
    return numbers


def _refuse(bad: npt.NDArray[np.bool_], values: pd.Series, argument: str, rule: str, remedy: str) -> None:
    if bad.any():
        found = _counted(values[bad])
        raise ArgumentError(advice(argument, rule, listed(f"{int(bad.sum())} trials with {found}"), remedy))


def _counted(values: Iterable[Any]) -> listed:
    return listed.of(sorted({str(value) for value in values}))


#: What is read as numbers -> how it is checked.
NUMBERS = {"lag": _lag, "confidence": _confidence}
