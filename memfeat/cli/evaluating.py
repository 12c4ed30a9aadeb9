"""What `memfeat evaluate` puts together: columns in, one long table or one Dataset out, and figures."""

import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memfeat.cli.columns import Columns
from memfeat.cli.origins import training_images
from memfeat.errors import MemfeatWarning

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["evaluated", "figures", "long", "newness", "rows", "to_draw", "wide"]

#: At most this many points of a calibration curve, and at least this many images for each.
BINS, IMAGES_PER_BIN = 10, 8
#: How `held_out` of an evaluation begins → what that means for who reads it.
MEANING = {
    "none ": "None of the images was recognised as one that it was trained on. They may be all the same: copies that "
    "were renamed or moved are not recognised.",
    "not known": "What it was trained on is not known, and so neither is whether these images were new to it; say what "
    "it was with --trained-on.",
    "no: ": "{told}. How well it does for images that are new to it cannot be told from them.",
}
#: Part → the function of `mf.plot` that draws it.
DRAWN = {"calibration": "calibration_curve", "distribution": "score_distributions", "cutoff": "error_by_cutoff"}


def evaluated(
    columns: Columns,
    *,
    reliability: dict[str, float] | None,
    cutoffs: list[float] | None,
    origin: dict[str, Any],
    sampling: dict[str, Any],
) -> "dict[str, dict[str, xr.Dataset]]":
    """Run every evaluation of every predictor.

    Parameters
    ----------
    columns : Columns
        Predictions, scores, categories, groups and halves.
    reliability : dict, optional
        As `mf.evaluation.evaluate` takes it, where there are no halves.
    cutoffs : list of float, optional
        As `mf.evaluation.error_by_cutoff` takes them; the usual ones if not given.
    origin : dict
        `trained_on`, as the user says it, and `dataset`.
    sampling : dict
        `n_bootstraps`, `rng` and `permute`.

    Returns
    -------
    dict of dict of Dataset
        Part ("agreement", "category", "calibration", "cutoff", "distribution", "contrast") → predictor → result.
    """
    from memfeat import evaluation

    if "--groups" in columns.labels:
        sampling = sampling | {"blocks": columns.labels["--groups"]}
    if origin["trained_on"]:
        origin = origin | {"trained_on": training_images(origin["trained_on"], dataset=origin["dataset"])}
    scores, category = columns.scores, columns.labels.get("--category")
    n_bins = max(2, min(BINS, scores.size // IMAGES_PER_BIN))
    known = reliability if columns.halves is None else columns.halves
    where: dict[str, Any] = {} if cutoffs is None else {"cutoffs": cutoffs}
    parts: dict[str, Callable[[Any], Any]] = {
        "agreement": lambda one: evaluation.evaluate(one, scores, reliability=known, **origin, **sampling),
        "calibration": lambda one: evaluation.calibration_curve(one, scores, n_bins=n_bins, **sampling),
        "cutoff": lambda one: evaluation.error_by_cutoff(one, scores, **where, **sampling),
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


def newness(result: "xr.Dataset") -> str:
    """Say whether the images of an evaluation were new to the predictor.

    Parameters
    ----------
    result : Dataset
        What `mf.evaluation.evaluate` gave.

    Returns
    -------
    str
        Sentences.
    """
    said = str(result.attrs["held_out"])
    start = next(one for one in MEANING if said.startswith(one))
    return MEANING[start].format(told=said.removeprefix(start))


def rows(table: "pd.DataFrame") -> str:
    """Say what the rows of the long table are.

    Parameters
    ----------
    table : DataFrame
        What :func:`long` gave.

    Returns
    -------
    str
        How many rows each part has.
    """
    counts = table["part"].value_counts(sort=False)
    return ", ".join(f"{part} {n}" for part, n in counts.items())


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

    files: list[Path] = []
    for part, draw in DRAWN.items():
        for name, result in found[part].items():
            files += plot.save(getattr(plot, draw)(result), _figure(folder, part, name))
    return files


def to_draw(predicted: Iterable[str], folder: Path) -> list[Path]:
    """List the files that :func:`figures` will write.

    Parameters
    ----------
    predicted : iterable of str
        What the predictors are called.
    folder : Path
        Where to.

    Returns
    -------
    list of Path
        The files.
    """
    from memfeat.plot.style import WRITTEN

    stems = [_figure(folder, part, name) for part in DRAWN for name in predicted]
    return [stem.with_name(f"{stem.name}.{ending}") for stem in stems for ending in WRITTEN]


def _figure(folder: Path, part: str, name: str) -> Path:
    """Name a figure, without the ending of its file."""
    return folder / f"{part}_{''.join(letter if letter.isalnum() or letter in '-_.' else '_' for letter in name)}"
