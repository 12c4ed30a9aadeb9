"""What `memfeat evaluate` reads and puts together: columns of two tables in, one long table or one Dataset out."""

import json
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from memfeat._check import advice, listed, looked_up
from memfeat.errors import ArgumentError, MemfeatWarning

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["Columns", "evaluated", "figures", "long", "read_columns", "wide"]

#: Coordinates that tell whether images are training data.
WHERE = ("path", "sha256")
#: What else an image must have when it is asked for.
NEEDED = {"--category": "a category", "--groups": "a group"}


class Columns(NamedTuple):
    """Columns of the images that have all of them."""

    predictions: "dict[str, xr.DataArray]"
    scores: "xr.DataArray"
    category: "xr.DataArray | None"
    groups: "xr.DataArray | None"


def read_columns(
    table: Path, scores: Path | None, *, predicted: tuple[str, ...], column: str, labels: Mapping[str, str | None]
) -> Columns:
    """Read predictions and scores, and keep the images that have all; say on stderr how many were left out.

    Parameters
    ----------
    table : Path
        A CSV with one row per image and the predictions; what `memfeat predict` wrote beside it is read too.
    scores : Path, optional
        A CSV with the scores, joined by image name; by default they stand in `table`.
    predicted : tuple of str
        Columns of predictions.
    column : str
        The column of scores.
    labels : mapping
        Option (`--category`, `--groups`) → a column of either table, or None.

    Returns
    -------
    Columns
        What was asked for, of the same images.

    Raises
    ------
    ArgumentError
        If no image has everything, or a column holds no numbers.
    UnknownNameError
        If there is no such column.
    """
    import pandas as pd

    from memfeat._tables import read_table

    frame, key = read_table(table, "PREDICTIONS")
    frame = frame.set_index(key)
    names = [str(name) for name in frame.index]
    other = None if scores is None else read_table(scores, "--scores")
    used = {name: _numbers(_found("--predicted", name, frame, table), "--predicted") for name in predicted}
    measured = _found("--column", column, frame, table) if other is None else _joined("--column", column, other, names)
    used[""] = _numbers(measured, "--column")
    for option, name in labels.items():
        if name is not None:
            here = other is None or name in frame.columns
            used[option] = _found(option, name, frame, table) if here else _joined(option, name, other, names)
    whole = pd.DataFrame({name: pd.Series(list(values), index=names) for name, values in used.items()})
    kept = whole.notna().all(axis=1).to_numpy()
    if not kept.any():
        rule = "have a prediction and a score for at least one image"
        raise ArgumentError(advice("PREDICTIONS and --scores", rule, listed("none")))
    if not kept.all():
        missing = [name for name, has in zip(names, kept, strict=True) if not has]
        needed = ["a prediction", "a score", *(words for option, words in NEEDED.items() if option in used)]
        click.echo(f"Left out, without {' or '.join(needed)}: {listed.of(missing)}", err=True)
    make = _maker(frame, names, kept)
    attrs = _attrs(table)
    return Columns(
        {name: make(used[name], name).assign_attrs(attrs if name == "memorability" else {}) for name in predicted},
        make(used[""], column),
        *(make(used[option], str(name)) if name is not None else None for option, name in labels.items()),
    )


def _found(option: str, name: str, frame: "pd.DataFrame", table: Path) -> "pd.Series":
    looked_up(option, name, list(map(str, frame.columns)), f"{table} has: {', '.join(map(str, frame.columns))}.")
    return frame[name]


def _joined(option: str, name: str, other: "tuple[pd.DataFrame, str] | None", names: list[str]) -> "pd.Series":
    """Take a column of the table of scores, in the order of the predictions."""
    import pandas as pd

    from memfeat.images.joining import joined

    assert other is not None
    frame, key = other
    columns = [str(one) for one in frame.columns if one != key]
    looked_up(option, name, columns, f"The table of scores has: {', '.join(columns)}.")
    found = joined(pd.Series(frame[name].to_numpy(), index=frame[key], name="found"), names, column=None)
    for message in found.messages:
        click.echo(message, err=True)
    return found.columns["found"]


def _numbers(series: "pd.Series", option: str) -> "pd.Series":
    import pandas as pd

    if not pd.api.types.is_numeric_dtype(series):
        raise ArgumentError(advice(option, "hold numbers", str(series.name), "There is text in that column."))
    return series.astype(float)


def _maker(frame: "pd.DataFrame", names: list[str], kept: Any) -> "Callable[[pd.Series, str], xr.DataArray]":
    import numpy as np
    import xarray as xr

    coords: dict[str, Any] = {"image": np.array(names, dtype=object)[kept]}
    for one in WHERE:
        if one in frame.columns:
            coords[one] = ("image", frame[one].fillna("").astype(str).to_numpy(dtype=object)[kept])

    def make(series: "pd.Series", name: str) -> xr.DataArray:
        return xr.DataArray(series.to_numpy()[kept], dims="image", coords=coords, name=name)

    return make


def _attrs(table: Path) -> dict[str, Any]:
    """Read how predictions were made, where `memfeat predict` wrote it down."""
    beside = table.with_name(f"{table.name}.json")
    try:
        found = json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def evaluated(
    columns: Columns, *, reliability: dict[str, float] | None, origin: dict[str, Any], sampling: dict[str, Any]
) -> "dict[str, dict[str, xr.Dataset]]":
    """Run every evaluation of every predictor.

    Parameters
    ----------
    columns : Columns
        Predictions, scores, categories and groups.
    reliability : dict, optional
        As `mf.evaluation.evaluate` takes it.
    origin : dict
        `trained_on` and `dataset`.
    sampling : dict
        `n_bootstraps`, `rng` and `permute`.

    Returns
    -------
    dict of dict of Dataset
        Part ("agreement", "category", "calibration", "cutoff", "distribution", "contrast") → predictor → result.
    """
    from memfeat import evaluation

    if columns.groups is not None:
        sampling = sampling | {"blocks": columns.groups}
    scores, category = columns.scores, columns.category
    parts: dict[str, Callable[[Any], Any]] = {
        "agreement": lambda one: evaluation.evaluate(one, scores, reliability=reliability, **origin, **sampling),
        "calibration": lambda one: evaluation.calibration_curve(one, scores, **sampling),
        "cutoff": lambda one: evaluation.error_by_cutoff(one, scores, **sampling),
        "distribution": lambda one: evaluation.score_distributions(one, scores),
    }
    if category is not None:
        parts["category"] = lambda one: evaluation.by_category(one, scores, category, **sampling)
    found = {part: {name: make(one) for name, one in columns.predictions.items()} for part, make in parts.items()}
    if len(columns.predictions) > 1:
        trained_on = dict.fromkeys(columns.predictions, origin["trained_on"])
        with warnings.catch_warnings():
            # each was warned of by itself
            warnings.simplefilter("ignore", MemfeatWarning)
            contrasts = evaluation.compare(
                columns.predictions, scores, trained_on=trained_on, dataset=origin["dataset"], **sampling
            )
        found["contrast"] = {" and ".join(columns.predictions): contrasts}
    return found


def long(found: "Mapping[str, Mapping[str, xr.Dataset]]") -> "pd.DataFrame":
    """Lay all results out in one table.

    Parameters
    ----------
    found : dict of dict of Dataset
        What `evaluated` gave.

    Returns
    -------
    DataFrame
        `part` and `predictor`, then the coordinates of a value, then the value with its interval; empty where a part
        has no such column.
    """
    import pandas as pd

    frames = []
    for part, results in found.items():
        for name, result in results.items():
            for table in _tables(part, result):
                frames.append(table.assign(part=part, predictor=name))
    frame = pd.concat(frames, ignore_index=True)
    first = ["part", "predictor", "metric", "category", "first", "second", "estimate", "ci_low", "ci_high", "p", "n"]
    order = [name for name in first if name in frame] + [name for name in frame if name not in first]
    return frame[order]


def _tables(part: str, result: "xr.Dataset") -> "list[pd.DataFrame]":
    """Give a result as tables, those of other dims than the estimate's apart."""
    main = [str(name) for name, one in result.data_vars.items() if set(one.dims) <= set(result["estimate"].dims)]
    tables = [result[main].to_dataframe().reset_index()]
    if part == "calibration":
        line = result[[name for name in result.data_vars if str(name).startswith("coefficient_")]].to_dataframe()
        line = line.rename(columns=lambda name: str(name).removeprefix("coefficient_")).reset_index()
        tables.append(line.rename(columns={"coefficient": "metric"}).assign(n=result.attrs["n"]))
    if part == "distribution":
        for kind in ("quantile", "statistic"):
            table = result[f"{kind}_value"].rename("estimate").to_dataframe().reset_index()
            names = [f"quantile {one:g}" if kind == "quantile" else str(one) for one in table[kind]]
            tables.append(table.drop(columns=kind).assign(metric=names, n=int(result["n"])))
    return tables


def wide(found: "Mapping[str, Mapping[str, xr.Dataset]]") -> "xr.Dataset":
    """Put all results into one Dataset, which a netCDF file can hold.

    Parameters
    ----------
    found : dict of dict of Dataset
        What `evaluated` gave.

    Returns
    -------
    Dataset
        Every name with its part before it (`cutoff_estimate`), along `predictor`. Attributes are those of the
        agreement of the first.
    """
    import xarray as xr

    pieces = []
    for part, results in found.items():
        several = part != "contrast"
        whole = (
            xr.concat(
                [one.assign_coords(predictor=name) for name, one in results.items()],
                dim="predictor",
                join="outer",
                coords="minimal",
                compat="override",
            )
            if several
            else next(iter(results.values()))
        )
        names = {name: f"{part}_{name}" for name in {*whole.variables, *whole.dims} if name != "predictor"}
        pieces.append(whole.rename(names).drop_attrs())
    merged = xr.merge(pieces, join="exact")
    return merged.assign_attrs(next(iter(found["agreement"].values())).attrs)


def figures(found: "Mapping[str, Mapping[str, xr.Dataset]]", folder: Path) -> list[Path]:
    """Draw calibration, distributions and error by cut-off of each predictor.

    Parameters
    ----------
    found : dict of dict of Dataset
        What `evaluated` gave.
    folder : Path
        Where to; it is made.

    Returns
    -------
    list of Path
        The files, PNG and SVG.
    """
    from memfeat import plot

    drawn: dict[str, Callable[..., Any]] = {
        "calibration": plot.calibration_curve,
        "distribution": plot.score_distributions,
        "cutoff": plot.error_by_cutoff,
    }
    files: list[Path] = []
    for part, draw in drawn.items():
        for name, result in found[part].items():
            safe = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name)
            files += plot.save(draw(result), folder / f"{part}_{safe}")
    return files
