"""Sets of images as users bring them, laid out as one table: which set, which scores, what belongs together."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat._check import advice, finite, listed, looked_up
from memfeat._labels import IMAGE, image_names, in_name_order
from memfeat._tables import read_table, texts
from memfeat.errors import ArgumentError, KindError, UnknownNameError
from memfeat.sets.scores.refusing import (
    must_be_of_one_network,
    must_be_pairs,
    must_not_overlap,
    must_vary,
    warn_of_chosen,
)

__all__ = ["AT_FLOOR", "PREDICTED", "Pool", "Tables", "column", "complete", "labels_of", "pool", "readable"]

Array = npt.NDArray[np.float64]
Tables = dict[str, xr.Dataset]
#: The score that is compared unless the user names one, and what `mf.predict` says beside it.
PREDICTED, AT_FLOOR, STATUS, READ = "memorability", "at_floor", "status", "ok"
#: Where every score of one set lies between 0 and 1 and the median of another is above this, one is in percent.
PERCENT = 10.0
MOST_SETS = 26


class Pool(NamedTuple):
    """Images of all sets, in the order of sets and of names."""

    tables: Tables
    """Name of each set -> its images that could be read, in the order of their names."""
    scores: list[str]
    label: npt.NDArray[np.int64]
    """Which set each image is of (n,)."""
    values: Array
    """(score, n)"""
    unit: npt.NDArray[np.int64]
    """The cluster or original of each image (n,), a number of its own without."""
    grouped: str | None
    """What the units are called, where they are not single images."""
    paired: bool
    n_unreadable: list[int]

    @property
    def sets(self) -> list[str]:
        """Names of the sets."""
        return list(self.tables)

    def floor(self, score: str) -> list[float]:
        """Give the share of images of each set whose score is a prediction at the floor; NaN where it is not known."""
        return [_share_at_floor(table, score) for table in self.tables.values()]


def pool(sets: Sequence[Any], values: Any, options: Mapping[str, Any]) -> Pool:
    """Read sets, and see to it that they can be compared.

    Parameters
    ----------
    sets : sequence
        What the user gave.
    values : str, sequence of str or None
        Which scores.
    options : mapping
        `names`, `by`, `clusters` and `paired`.

    Returns
    -------
    Pool
        All images, checked.

    Raises
    ------
    KindError, ArgumentError, UnknownNameError
        If something is not as :func:`memfeat.sets.compare` says.
    """
    given = _named(sets, options.get("names"), options.get("by"))
    scores = _scores_of(given, values)
    tables = {name: in_name_order(_held(one, name, scores)) for name, one in given.items()}
    paired, clusters = options.get("paired"), options.get("clusters")
    if _is_given(paired) and _is_given(clusters):
        remedy = "Clusters that have images in every set are compared inside: clusters= alone does."
        raise ArgumentError(advice("paired and clusters", "not be given both", listed("both"), remedy))
    if not _is_given(paired):
        must_not_overlap(tables)
    read = {name: readable(table) for name, table in tables.items()}
    n_unreadable = [tables[name].sizes[IMAGE] - read[name].sizes[IMAGE] for name in tables]
    if _is_given(paired):
        must_be_pairs({name: column({name: table}, paired, "paired") for name, table in tables.items()})
        read = complete(read, paired)
    few = {name: table.sizes[IMAGE] for name, table in read.items() if table.sizes[IMAGE] < 2}
    if few:
        remedy = "One image says nothing about how images of its kind vary."
        raise ArgumentError(advice("sets", "have two images at least that could be read", few, remedy))
    unit, grouped = _units(read, paired, clusters)
    label = np.repeat(np.arange(len(read)), [table.sizes[IMAGE] for table in read.values()])
    numbers = np.stack([_numbers(read, score) for score in scores])
    for score, row in zip(scores, numbers, strict=True):
        must_vary(score, {name: row[label == k] for k, name in enumerate(read)})
    if PREDICTED in scores:
        must_be_of_one_network(read)
    warn_of_chosen(read, scores)
    return Pool(read, scores, label, numbers, unit, grouped, _is_given(paired), n_unreadable)


def _units(tables: Tables, paired: Any, clusters: Any) -> tuple[npt.NDArray[np.int64], str | None]:
    """Give numbers to what is exchanged as a whole: originals, clusters, or each image."""
    for given, argument, called in ((paired, "paired", "originals"), (clusters, "clusters", "clusters")):
        if _is_given(given):
            labels = column(tables, given, argument)
            return np.unique(labels, return_inverse=True)[1].reshape(-1).astype(np.int64), called
    return np.arange(sum(table.sizes[IMAGE] for table in tables.values())), None


def _is_given(option: Any) -> bool:
    return option is not None and option is not False


def _named(sets: Sequence[Any], names: Any, by: Any) -> dict[str, Any]:
    """Give each set its name."""
    if by is not None:
        return _split(sets, names, by)
    if len(sets) == 1 and isinstance(sets[0], Mapping) and not isinstance(sets[0], xr.Dataset):
        found = {str(name): one for name, one in sets[0].items()}
        return _enough(found if names is None else {name: found[_known(name, found)] for name in _texts(names)})
    called = [chr(ord("a") + k) for k in range(min(len(sets), MOST_SETS))] if names is None else _texts(names)
    if len(called) != len(sets):
        rule = "name each set once"
        raise ArgumentError(advice("names", rule, listed(f"{len(called)} names for {len(sets)} sets")))
    return _enough(dict(zip(called, sets, strict=True)))


def _texts(names: Any) -> list[str]:
    if isinstance(names, str) or not isinstance(names, Sequence):
        raise KindError(advice("names", "be a list of names", names, 'For example ["intact", "scrambled"].'))
    found = [str(name) for name in names]
    if len(set(found)) < len(found):
        raise ArgumentError(advice("names", "name each set once", names))
    return found


def _known(name: str, sets: Mapping[str, Any]) -> str:
    return looked_up("names", name, sets, f"The sets are {', '.join(sets)}.")


def _enough(found: dict[str, Any]) -> dict[str, Any]:
    if len(found) < 2:
        remedy = 'Pass two sets, a mapping {"name": set}, or one table and by="set".'
        raise ArgumentError(advice("sets", "be two at least", len(found), remedy))
    return found


def _split(sets: Sequence[Any], names: Any, by: Any) -> dict[str, Any]:
    """Divide one table into sets by a column."""
    if len(sets) != 1:
        raise ArgumentError(advice("sets", "be one table with by=", listed(f"{len(sets)} of them")))
    table = _table(sets[0], "sets")
    labels = column({"": table}, by, "by")
    kinds = sorted(set(labels))
    if len(kinds) > MOST_SETS:
        remedy = "Numbers are divided first, for example by pandas.cut."
        raise ArgumentError(advice("by", f"divide images into {MOST_SETS} sets at most", len(kinds), remedy))
    asked = [str(name) for name in np.atleast_1d(table.attrs.get("sets", []))]
    kinds = asked if set(asked) == set(kinds) else kinds
    chosen = kinds if names is None else [_known(name, dict.fromkeys(kinds)) for name in _texts(names)]
    return _enough({name: table.isel({IMAGE: labels == name}) for name in chosen})


def _table(one: Any, argument: str) -> xr.Dataset:
    """Give a set as a Dataset (image)."""
    if isinstance(one, pd.DataFrame):
        frame, key = read_table(one, argument)
        one = xr.Dataset.from_dataframe(frame.set_index(key).rename_axis(IMAGE))
    if isinstance(one, pd.Series):
        index = one.index.to_numpy(dtype=object)
        one = xr.DataArray(one.to_numpy(), {IMAGE: index}, IMAGE, one.name)
    if isinstance(one, xr.DataArray):
        image_names(one, argument)
        name = one.name if one.name is not None else "score"
        one = one.rename(None).to_dataset(name=name).assign_attrs(one.attrs)
    if not isinstance(one, xr.Dataset):
        remedy = "A set is what mf.predict or mf.images.read gives, a table, or one column of scores by image name."
        if isinstance(one, str | Path):
            remedy = "Read it first: pandas.read_csv(path) for a table, mf.predict(folder) for photographs."
        raise KindError(
            advice(argument, "be a Dataset, DataArray, DataFrame or Series", listed(type(one).__name__), remedy)
        )
    image_names(one, argument)
    return one


def _scores_of(sets: Mapping[str, Any], values: Any) -> list[str]:
    """Say which scores are compared."""
    if values is not None:
        found = [values] if isinstance(values, str) else list(values)
        if not found or not all(isinstance(name, str) for name in found) or len(set(found)) < len(found):
            raise ArgumentError(advice("values", "name one score or more, each once", values))
        return found
    alone = {
        str(one.name) for one in sets.values() if isinstance(one, xr.DataArray | pd.Series) and one.name is not None
    }
    single = any(isinstance(one, xr.DataArray | pd.Series) for one in sets.values())
    if len(alone) > 1:
        remedy = "Compare the same score of each set; if they are the same, give them one name: .rename('hit_rate')."
        raise ArgumentError(advice("sets", "hold the same score", listed.of(sorted(alone)), remedy))
    return [next(iter(alone), "score" if single else PREDICTED)]


def _held(one: Any, name: str, scores: list[str]) -> xr.Dataset:
    """Read one set, and look for its scores."""
    unnamed = isinstance(one, xr.DataArray | pd.Series) and one.name is None
    table = _table(one.rename(scores[0]) if unnamed and len(scores) == 1 else one, name)
    for score in scores:
        if score not in table.variables or table[score].dims != (IMAGE,):
            have = [str(key) for key in table.variables if key != IMAGE and table[key].dims == (IMAGE,)]
            remedy = f"It has {', '.join(have) or 'none'}. Say which to compare: values={(have or ['hit_rate'])[0]!r}."
            raise UnknownNameError(advice("values", f"be a column of the set {name!r}", score, remedy))
        if table[score].dtype.kind not in "iufb":
            raise KindError(advice(f"{name}[{score!r}]", "hold numbers", listed(f"dtype {table[score].dtype}")))
    return table


def readable(table: xr.Dataset) -> xr.Dataset:
    """Leave out what `mf.predict` or `mf.images.read` could not read.

    Parameters
    ----------
    table : Dataset (image)
        A set.

    Returns
    -------
    Dataset (image)
        The set, without images whose `status` is not "ok".
    """
    if STATUS not in table.variables or table[STATUS].dims != (IMAGE,):
        return table
    return table.isel({IMAGE: table[STATUS].values.astype(str) == READ})


def column(tables: Tables, given: Any, argument: str) -> npt.NDArray[Any]:
    """Give a label as text for every image of every set.

    Parameters
    ----------
    tables : dict of Dataset (image)
        The sets.
    given : str, True, DataArray (image) or pandas.Series
        Name of a column of each set, True for the image name, or labels by image name.
    argument : str
        What the user calls it.

    Returns
    -------
    array (n,) of object
        Labels as text.

    Raises
    ------
    UnknownNameError, KindError, ArgumentError
        If there is no such column, it is none, or a label is missing.
    """
    return texts(map(_text, labels_of(tables, given, argument)))


def _text(label: Any) -> str:
    """Write a label; whole numbers alike, whether a gap in their column has made them 1.0 or not."""
    return str(int(label)) if isinstance(label, float | np.floating) and float(label).is_integer() else str(label)


def labels_of(tables: Tables, given: Any, argument: str) -> npt.NDArray[Any]:
    """Give a label as it is for every image of every set.

    Parameters
    ----------
    tables, given, argument : object
        As for :func:`column`.

    Returns
    -------
    array (n,) of object
        Labels.

    Raises
    ------
    UnknownNameError, KindError, ArgumentError
        As there.
    """
    parts = [_of_table(table, name, given, argument) for name, table in tables.items()]
    labels = np.concatenate([np.asarray(part, dtype=object) for part in parts])
    missing = pd.isna(labels)
    if missing.any():
        names = np.concatenate([table[IMAGE].values for table in tables.values()])
        found = listed(f"none for {listed.of(names[missing])}")
        remedy = "Leave those images out of their set: table.dropna(subset=[column])."
        raise ArgumentError(advice(argument, "have a value for every image", found, remedy))
    return labels


def _of_table(table: xr.Dataset, name: str, given: Any, argument: str) -> npt.NDArray[Any]:
    if given is True:
        return np.asarray(table[IMAGE].values)
    if isinstance(given, str):
        if given not in table.variables or table[given].dims != (IMAGE,):
            have = [str(key) for key in table.variables if table[key].dims == (IMAGE,)]
            remedy = f"There are {', '.join(have)}."
            where = f"be a column of the set {name!r}" if name else "be a column of the table"
            raise UnknownNameError(advice(argument, where, given, remedy))
        return np.asarray(table[given].values)
    if not isinstance(given, xr.DataArray | pd.Series):
        remedy = "Name a column that each set has, or pass a Series by image name."
        raise KindError(advice(argument, "be a column", listed(type(given).__name__), remedy))
    one = _table(given.rename(argument), argument)
    position = {str(key): k for k, key in enumerate(one[IMAGE].values)}
    wanted = [str(key) for key in table[IMAGE].values]
    gone = [key for key in wanted if key not in position]
    if gone:
        raise ArgumentError(advice(argument, "have a label for every image", listed(f"none for {listed.of(gone)}")))
    return np.asarray(one[argument].values)[[position[key] for key in wanted]]


def _numbers(tables: Tables, score: str) -> Array:
    """Give one score of all images; refuse what is missing, or in another unit."""
    parts: dict[str, Array] = {}
    for name, table in tables.items():
        remedy = "Drop those images; or pass what mf.predict gave as it is, which says what could not be read."
        values = np.asarray(table[score].values, dtype=np.float64)
        parts[name] = finite(f"{name}[{score!r}]", values, [str(key) for key in table[IMAGE].values], remedy=remedy)
    units = {str(table[score].attrs["units"]) for table in tables.values() if "units" in table[score].attrs}
    shares = [name for name, values in parts.items() if values.min() >= 0 and values.max() <= 1]
    percent = [name for name, values in parts.items() if np.median(values) > PERCENT and values.min() >= 0]
    if len(units) > 1 or (shares and percent):
        found = (
            listed.of(sorted(units))
            if len(units) > 1
            else f"{shares[0]!r} up to 1, {percent[0]!r} up to {parts[percent[0]].max():g}"
        )
        remedy = "Bring all to one: percentages divided by 100 are rates."
        raise ArgumentError(advice(f"sets[{score!r}]", "be in the same unit in every set", listed(found), remedy))
    return np.concatenate(list(parts.values()))


def complete(tables: Tables, paired: Any) -> Tables:
    """Keep originals of which every version is there.

    Parameters
    ----------
    tables : dict of Dataset (image)
        The sets, of images that could be read.
    paired : str, True, DataArray (image) or pandas.Series
        The original of each image.

    Returns
    -------
    dict of Dataset (image)
        The same sets, of as many images each.
    """
    labels = {name: column({name: table}, paired, "paired") for name, table in tables.items()}
    kept = set.intersection(*(set(one) for one in labels.values()))
    return {name: table.isel({IMAGE: [label in kept for label in labels[name]]}) for name, table in tables.items()}


def _share_at_floor(table: xr.Dataset, score: str) -> float:
    if score == PREDICTED and AT_FLOOR in table.variables:
        return float(np.asarray(table[AT_FLOOR].values, dtype=bool).mean())
    floor = table.attrs.get("floor", table[score].attrs.get("floor"))
    if score != PREDICTED or floor is None:
        return float("nan")
    return float((table[score].values <= float(floor)).mean())
