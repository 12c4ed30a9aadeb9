"""Several sets of features together: read by name, and put side by side on a common scale."""

import json
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat._check import advice, listed
from memfeat._labels import ALLOWED, CAUTIONED, IMAGE, INHERITED, as_features, as_scores, layer_names, matched, matrix
from memfeat.errors import ArgumentError
from memfeat.regression.covariates import Covariates
from memfeat.regression.scaling import Fold, Material, Source, spread
from memfeat.regression.targets import Targets, cautions_of
from memfeat.stats.exchange import grouping

__all__ = ["AND", "Features", "Joint", "features_of"]

Array = npt.NDArray[np.float64]
#: Images that are compared first when layers are looked for that stand twice.
FEW = 20
#: Joins the names of sets.
AND = " & "


class Joint:
    """Features side by side, divided by one number if they are to vary as much as others beside them."""

    def __init__(self, parts: list[Source], *, equal: bool) -> None:
        self.parts, self._equal = parts, equal

    @property
    def width(self) -> int:
        """How many features there are."""
        return sum(part.width for part in self.parts)

    def grams(self, fold: Fold) -> Iterator[Array]:
        """Go through folds, and give for each the Gram matrix of all images; see :meth:`Material.grams`."""
        for k, grams in enumerate(zip(*(part.grams(fold) for part in self.parts), strict=True)):
            total = np.sum(grams, axis=0)
            yield total / spread(total, fold != k) if self._equal else total

    def scaled(self, fold: Fold) -> Iterator[Array]:
        """Go through folds, and give for each the features themselves."""
        for k, blocks in enumerate(zip(*(part.scaled(fold) for part in self.parts), strict=True)):
            values = np.concatenate(blocks, axis=1)
            total = float(values[fold != k].var(axis=0).sum())
            yield values / np.sqrt(total) if self._equal and total > 0 else values

    def among(self, chosen: npt.NDArray[np.intp]) -> "Joint":
        """Give the same for some of the images."""
        return Joint([part.among(chosen) for part in self.parts], equal=self._equal)


class Features(NamedTuple):
    """Layers that are each used by themselves, or sets of layers that are used together."""

    tables: dict[str, xr.Dataset]
    """By set, all in the same order of images; one if there are no sets."""
    several: bool

    @property
    def table(self) -> xr.Dataset:
        """Give what the images are called, in the user's order."""
        return next(iter(self.tables.values()))

    @property
    def attrs(self) -> dict[Any, Any]:
        """Give the attributes that all sets have in common."""
        first, *others = (table.attrs for table in self.tables.values())
        return {key: value for key, value in first.items() if all(other.get(key) == value for other in others)}

    @property
    def recorded(self) -> dict[str, Any]:
        """Give what goes into the attributes of the result, where there are sets."""
        if not self.several:
            return {}
        sources = {
            name: {k: v for k, v in table.attrs.items() if k in INHERITED} for name, table in self.tables.items()
        }
        return {"sets": list(self.tables), "sources": sources}

    def cautions(self, targets: Targets) -> dict[str, Any]:
        """Caution against scores that the network of the features predicted; see :func:`cautions_of`."""
        # one warning for all sets of one origin
        origins = {json.dumps(table.attrs, sort_keys=True, default=str): table for table in self.tables.values()}
        found = [cautions_of(table, targets) for table in origins.values()]
        merged: dict[str, Any] = {key: value for facts in found for key, value in facts.items()}
        names = [name for facts in found for name in facts.get(CAUTIONED, "").split(", ") if name]
        allowed = {key: why for facts in found for key, why in json.loads(facts.get(ALLOWED, "{}")).items()}
        kept = {CAUTIONED: ", ".join(dict.fromkeys(names)), ALLOWED: json.dumps(allowed, sort_keys=True)}
        return merged | {key: value for key, value in kept.items() if key in merged}

    def materials(self, scale: str, covariates: Covariates | None) -> dict[str, Any]:
        """Give what is fitted to: each layer by its name, or all sets by theirs."""
        if not self.several:
            return {name: Material(self.table[name], scale, covariates) for name in layer_names(self.table)}
        inside = "unit" if scale == "unit" else "none"
        sets: list[Source] = [
            Joint([Material(table[name], inside, covariates) for name in layer_names(table)], equal=scale != "none")
            for table in self.tables.values()
        ]
        return {AND.join(self.tables): Joint(sets, equal=False)}


def features_of(features: Any) -> Features:
    """Read layers, or sets of them.

    Parameters
    ----------
    features : Dataset or DataArray (image, ...), or mapping
        Layers; or name → layers, columns of numbers, or labels, which become a column of 0 and 1 each.

    Returns
    -------
    Features
        What it is, checked.

    Raises
    ------
    KindError, ArgumentError
        If a set is none of these, images differ between sets, there is only one, two have one name, or a layer stands
        twice.
    """
    if not isinstance(features, Mapping) or isinstance(features, xr.Dataset):
        return Features({"": as_features(features)}, False)
    if len(features) < 2:
        remedy = "Pass the features themselves where there is one set."
        raise ArgumentError(advice("features", "hold two sets at least", listed.of(features), remedy))
    names = [str(name) for name in features]
    if len(set(names)) < len(names) or any(AND in name for name in names):
        remedy = f"A set is called by one of them in tables, and {AND.strip()!r} joins them."
        raise ArgumentError(advice("features", f"have different names without {AND!r}", listed.of(names), remedy))
    read = {str(name): _set(given, f"features[{str(name)!r}]") for name, given in features.items()}
    first = next(iter(read))
    tables = {
        name: matched(table, read[first], argument=f"features[{name!r}]", reference=f"features[{first!r}]")
        for name, table in read.items()
    }
    _must_differ([(name, table[layer]) for name, table in tables.items() for layer in layer_names(table)])
    return Features(tables, True)


def _set(given: Any, argument: str) -> xr.Dataset:
    """Read one set; columns of one number per image become one layer."""
    if isinstance(given, pd.Series | pd.DataFrame):
        # numbers that came with dtype object are numbers
        given = given.infer_objects().rename_axis(IMAGE).to_xarray()
    if isinstance(given, xr.DataArray) and given.dtype.kind in "OUT":
        number = grouping(given, argument=argument)
        return _layer(np.eye(int(number.max()) + 1)[number.values], number, argument, given.attrs)
    table = as_features(given, argument)
    columns = [name for name in layer_names(table) if table[name].dims == (IMAGE,)]
    if not columns:
        return table
    values = [as_scores(table[name], f"{argument}[{name!r}]").values for name in columns]
    together = _layer(np.column_stack(values), table[columns[0]], argument, table.attrs)
    return together.merge(table.drop_vars(columns), combine_attrs="override")


def _layer(values: Array, like: xr.DataArray, argument: str, attrs: Mapping[Any, Any]) -> xr.Dataset:
    layer = xr.DataArray(values, dims=(IMAGE, f"{argument}:unit"), coords={IMAGE: like[IMAGE].values}, name=argument)
    return layer.to_dataset().assign_attrs(attrs)


def _must_differ(layers: list[tuple[str, xr.DataArray]]) -> None:
    """Refuse a layer that stands twice, by whatever name."""
    heads = [matrix(layer.isel({IMAGE: slice(FEW)})) for _, layer in layers]
    for i, j in combinations(range(len(layers)), 2):
        if np.array_equal(heads[i], heads[j]) and np.array_equal(matrix(layers[i][1]), matrix(layers[j][1])):
            sets = " and ".join(repr(name) for name in dict.fromkeys((layers[i][0], layers[j][0])))
            found = listed(f"layer {str(layers[j][1].name)!r} twice, in {sets}")
            raise ArgumentError(advice("features", "hold each layer once", found, "Leave it out of one set."))
