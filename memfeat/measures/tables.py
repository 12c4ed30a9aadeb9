"""What a profile is made of: a measure and baselines by layer, scores and covariates, in the order of image names."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat import guards
from memfeat._check import advice, listed
from memfeat._columns import of_frame, of_series
from memfeat._labels import CAUTIONED, IMAGE, LAYER, as_features, as_scores, in_name_order, layer_names, matched
from memfeat.errors import ArgumentError, KindError
from memfeat.measures.distances import is_rdm

__all__ = ["MEASURE", "Columns", "Rows", "cautions_of", "columns_of", "covariates_of", "rows_of"]

Array = npt.NDArray[np.float64]
#: The kind of a row that is no baseline.
MEASURE = "measure"
REMEDY = "Compute one first: mf.measures.magnitude(features)."


class Rows(NamedTuple):
    """The measure in each layer, and baselines."""

    names: list[str]
    """The layer; "kind: layer" for a baseline by layer, its name for one column."""
    kinds: list[str]
    """`MEASURE`, or the name of the baseline."""
    layers: list[str]
    """The layer's name in its own table; empty for a baseline of one column."""
    values: Array
    """(row, n)."""
    images: xr.DataArray
    """Image names, sorted."""
    attrs: dict[Any, Any]
    """Attributes of the measure."""

    def of(self, kind: str) -> list[int]:
        """Give the places of the rows of a kind."""
        return [place for place, one in enumerate(self.kinds) if one == kind]


class Columns(NamedTuple):
    """Numbers by image, in the order of the rows."""

    names: list[str]
    values: Array
    """(column, n)."""
    attrs: list[dict[Any, Any]]
    several: bool
    """Whether the user gave a table, so that results are by column."""


def rows_of(measure: Any, baselines: Mapping[str, Any] | None) -> Rows:
    """Read a measure and its baselines.

    Parameters
    ----------
    measure : Dataset (image) or DataArray (layer, image) or (image)
        One number per image and layer.
    baselines : mapping, optional
        Name → another measure, by layer (Dataset, DataFrame or DataArray with layers), or one column of numbers.

    Returns
    -------
    Rows
        All of them.

    Raises
    ------
    KindError, ArgumentError
        If they are no numbers by image, images differ, a row does not vary, or a name stands twice.
    """
    if is_rdm(measure):
        remedy = "Measure images by them first: mf.measures.distinctiveness(rdms)."
        raise KindError(advice("measure", "be one number per image", listed("RDMs"), remedy))
    table, _ = _by_layer(measure, "measure")
    image = in_name_order(table[IMAGE])
    kinds, layers, names, values = [], [], [], []
    for kind, (given, by_layer) in _kinds(table, baselines).items():
        argument = "measure" if kind == MEASURE else f"baselines[{kind!r}]"
        for layer in layer_names(given):
            called = f"{argument}[{layer!r}]" if by_layer else argument
            one = _one_number(given[layer], called)
            one = matched(one, image, argument=argument, reference="measure")
            _must_vary(one.values, called, "Leave it out.")
            kinds.append(kind)
            layers.append(layer if by_layer else "")
            names.append(layer if kind == MEASURE else f"{kind}: {layer}" if by_layer else kind)
            values.append(one.values)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        remedy = "Call the baseline otherwise."
        raise ArgumentError(advice("baselines", "have other names than layers", listed.of(twice), remedy))
    return Rows(names, kinds, layers, np.array(values), image, dict(table.attrs))


def _kinds(measure: xr.Dataset, baselines: Mapping[str, Any] | None) -> dict[str, tuple[xr.Dataset, bool]]:
    """Give each table by its kind, and whether it is by layer."""
    if baselines is not None and (not isinstance(baselines, Mapping) or isinstance(baselines, xr.Dataset)):
        remedy = 'Name them: {"untrained": measure_of_untrained, "luminance": statistics["luminance"]}.'
        raise KindError(
            advice("baselines", "be a mapping from name to baseline", listed(type(baselines).__name__), remedy)
        )
    given = {str(kind): one for kind, one in (baselines or {}).items()}
    if MEASURE in given:
        raise ArgumentError(advice("baselines", "have other names than 'measure'", MEASURE, "Call it otherwise."))
    return {MEASURE: (measure, True)} | {kind: _by_layer(one, f"baselines[{kind!r}]") for kind, one in given.items()}


def _by_layer(given: Any, argument: str) -> tuple[xr.Dataset, bool]:
    """Give a table by layer, and whether it was one."""
    if isinstance(given, pd.DataFrame):
        frame = of_frame(given, argument)
        columns = {str(name): of_series(frame[name], argument) for name in frame}
        return as_features(xr.Dataset(columns, None if columns else {IMAGE: frame.index}), argument), True
    if isinstance(given, pd.Series):
        return as_scores(given, argument).to_dataset(name=argument), False
    if isinstance(given, xr.DataArray) and LAYER in given.dims:
        if LAYER not in given.coords:
            rule = "name its layers"
            raise ArgumentError(advice(argument, rule, listed("none"), "Use .assign_coords(layer=names)."))
        table = given.to_dataset(LAYER)
        return as_features(
            table.rename({name: str(name) for name in table.data_vars}).assign_attrs(given.attrs), argument
        ), True
    return as_features(given, argument), isinstance(given, xr.Dataset) or argument == "measure"


def _one_number(layer: xr.DataArray, argument: str) -> xr.DataArray:
    if layer.dims != (IMAGE,):
        dims = listed(f"dims {tuple(map(str, layer.dims))}")
        raise ArgumentError(advice(argument, "be one number per image", dims, REMEDY))
    return as_scores(layer, argument)


def columns_of(given: Any, argument: str, rows: Rows) -> Columns:
    """Read one column of numbers, or several.

    Parameters
    ----------
    given : DataArray (image), pandas.Series, Dataset (image) or pandas.DataFrame
        One number per image and column.
    argument : str
        What the user calls it.
    rows : Rows
        The measure, whose images they must have.

    Returns
    -------
    Columns
        The numbers.

    Raises
    ------
    KindError, ArgumentError
        If they are no numbers, images differ, there is no column, or one does not vary.
    """
    several = isinstance(given, xr.Dataset | pd.DataFrame)
    given = of_frame(given, argument) if isinstance(given, pd.DataFrame) else given
    parts = {f"{argument}[{str(name)!r}]": given[name] for name in given} if several else {argument: given}
    if not parts:
        raise ArgumentError(advice(argument, "have a column", listed("none"), 'Choose some: images[["hit_rate"]].'))
    read = [(called, as_scores(part, called)) for called, part in parts.items()]
    ordered = [matched(one, rows.images, argument=called, reference="measure") for called, one in read]
    for (called, _), one in zip(read, ordered, strict=True):
        _must_vary(one.values, called, "What is the same for all goes with nothing: leave it out.")
    names = [str(one.name) for one in ordered]
    return Columns(names, np.array([one.values for one in ordered]), [dict(one.attrs) for one in ordered], several)


def covariates_of(given: Any, rows: Rows) -> Columns:
    """Read covariates; none are no columns.

    Parameters
    ----------
    given : DataArray (image), pandas.Series, Dataset (image), pandas.DataFrame or None
        One number per image and covariate.
    rows : Rows
        The measure, whose images they must have.

    Returns
    -------
    Columns
        The covariates.

    Raises
    ------
    KindError, ArgumentError
        If they are no numbers, images differ, there are too many, or one is made up of others.
    """
    if given is None:
        return Columns([], np.empty((0, rows.images.size)), [], False)
    read = columns_of(given, "covariates", rows)
    standard = read.values - read.values.mean(axis=1, keepdims=True)
    standard /= standard.std(axis=1, keepdims=True)
    n = rows.images.size
    if len(read.names) > n - 3 or np.linalg.matrix_rank(standard, 1e-9 * np.sqrt(n)) < len(read.names):
        remedy = "Leave one out: of categories written as 0 and 1, drop one column."
        found = listed(f"{len(read.names)} of {n} images, some made up of the others")
        raise ArgumentError(advice("covariates", "be fewer than images, and differ from each other", found, remedy))
    return read


def _must_vary(values: Array, argument: str, remedy: str) -> None:
    if np.ptp(values) <= 1e-12 * np.abs(values).max():
        raise ArgumentError(advice(argument, "differ between images", listed(f"{values[0]:g} for every image"), remedy))


def cautions_of(rows: Rows, scores: Columns) -> dict[str, Any]:
    """Caution against scores that the network of the measure predicted.

    Parameters
    ----------
    rows : Rows
        The measure.
    scores : Columns
        The scores.

    Returns
    -------
    dict
        Attributes of the result, see :func:`memfeat.guards.related`.

    Warns
    -----
    CircularWarning
        Once for each network that predicted scores and shares weights with that of the measure.
    """
    origins = [guards.origin(attrs, given=guards.SCORES) for attrs in scores.attrs]
    distinct = {json.dumps(one, sort_keys=True, default=str): one for one in origins}
    found = [guards.related(rows.attrs, one, "measure") for one in distinct.values()]
    return max(found, key=lambda facts: len(facts.get(CAUTIONED, "")))
