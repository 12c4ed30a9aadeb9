"""What the commands write: tables on stdout or JSON, files, and the images that failed on stderr."""

import json
import logging
import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from memfeat import _numerals
from memfeat.cli.replacing import may_be_written

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = [
    "Part", "beside", "destination", "draw_profile", "failures", "figure_at", "give", "give_forecast", "give_layers",
    "shown",
]  # fmt: skip


log = logging.getLogger(__name__)
#: Endings of the files that hold results: the table, or all of it.
ENDINGS = (".csv", ".nc")
#: Endings of figures.
FIGURES = (".svg", ".png", ".pdf")
#: Columns of p-values, beside those whose name ends in _p.
P_COLUMNS = ("p", "p_corrected", "p_fdr")


class Part(NamedTuple):
    """A result, as a table."""

    frame: "pd.DataFrame"
    result: "xr.Dataset"
    printed: "pd.DataFrame"
    """What the terminal shows of it."""
    called: str = "contrasts"
    """What it is beside another result."""


def destination(
    out: Path | None, *others: str, argument: str = "--out", endings: tuple[str, ...] = ENDINGS
) -> Path | None:
    """Make sure, before the work begins, that a result can be written where it shall, and nothing is lost by it.

    Parameters
    ----------
    out : Path, optional
        The file.
    *others : str
        What goes with the result into files of their own (see :func:`beside`).
    argument : str
        What the user calls the file.
    endings : tuple of str
        How its name may end; anyhow if there are none, and then nothing shows that memfeat wrote it.

    Returns
    -------
    Path, optional
        The same; where it is a link, the file that it leads to.

    Raises
    ------
    ArgumentError
        If it ends otherwise, cannot be written, or there is a file that memfeat did not write, a table that was
        changed, or a file that is read, and nobody said --overwrite.
    """
    from memfeat import _frames

    if out is None:
        return None
    file = _frames.prepared(out, argument, endings=endings)
    if file.is_symlink():
        file = _frames.prepared(os.path.realpath(file), argument, endings=endings)
    for one in (file, *(_frames.prepared(beside(file, called), argument) for called in others)):
        may_be_written(one, argument, known=bool(endings))
    return file


def figure_at(figure: Path | None) -> Path | None:
    """Make sure, before the work begins, that a figure can be written where it shall.

    Parameters
    ----------
    figure : Path, optional
        The file.

    Returns
    -------
    Path, optional
        The same, with an ending in small letters, which says what kind of figure it is.

    Raises
    ------
    ArgumentError
        As :func:`destination`.
    """
    known = None if figure is None else figure.parent / f"{figure.stem}{figure.suffix.lower()}"
    return destination(known, argument="--figure", endings=FIGURES)


def draw_profile(result: "xr.Dataset", figure: Path) -> None:
    """Draw a statistic of each layer, and write beside the figure how it was made.

    Parameters
    ----------
    result : Dataset (layer)
        The statistics.
    figure : Path
        The file, as :func:`figure_at` gave it.
    """
    from memfeat import _frames, plot

    plot.save(plot.layer_profile(result), figure)
    _frames.write_attrs(result.attrs, figure)
    log.info("Drew the layer profile in %s.", figure)


def shown(frame: "pd.DataFrame") -> str:
    """Lay a table out for reading.

    Parameters
    ----------
    frame : DataFrame
        The table.

    Returns
    -------
    str
        Text in columns, numbers to three digits after the point, p-values below .001 as "<.001".
    """
    small = {name: _p_value for name in frame.columns if _holds_p(str(name)) and frame[name].dtype.kind == "f"}
    return frame.to_string(index=False, float_format=_to_three, formatters=small, na_rep="")


def _to_three(value: float) -> str:
    return f"{value:.3f}"


def _holds_p(column: str) -> bool:
    return column in P_COLUMNS or column.endswith("_p")


def _p_value(value: float) -> str:
    below = value < _numerals.SMALLEST_P
    return _numerals.p_value(value, "").replace(" ", "") if below else _to_three(value)


def beside(out: Path, called: str = "contrasts") -> Path:
    """Name the file for what goes with a result.

    Parameters
    ----------
    out : Path
        The file for the result.
    called : str
        What goes with it.

    Returns
    -------
    Path
        For example decoding.contrasts.csv, beside decoding.csv.
    """
    return out.with_name(f"{out.stem}.{called}{out.suffix}")


def give(
    frame: "pd.DataFrame",
    result: "xr.Dataset",
    *,
    out: Path | None,
    as_json: bool,
    columns: list[str],
    contrasts: Part | None = None,
) -> None:
    """Write a result to a file, and say on stdout what it is.

    Parameters
    ----------
    frame : DataFrame
        The result as a table.
    result : Dataset
        The result itself.
    out : Path, optional
        A .csv file for the table, beside which a .csv.json says how it was made, or a .nc file for all of it.
    as_json : bool
        Print JSON instead of a table or a summary.
    columns : list of str
        What the printed table shows.
    contrasts : Part, optional
        Contrasts of it, or what else goes with it, which get a file of their own, or stand below.
    """
    from memfeat import _frames

    parts = [Part(frame, result, frame[[name for name in columns if name in frame]])]
    files = [out]
    about: dict[str, Any] = {}
    if contrasts is not None:
        parts.append(contrasts)
        files.append(None if out is None else beside(out, contrasts.called))
        about[contrasts.called] = json.loads(_frames.as_json(contrasts.frame, contrasts.result.attrs))
    for part, file in zip(parts, files, strict=True):
        if file is not None:
            _write(part, file)
    if as_json:
        click.echo(_frames.as_json(frame, result.attrs, **about))
    elif out is None:
        click.echo("\n\n".join(shown(part.printed) for part in parts))
    else:
        for part, file in zip(parts, files, strict=True):
            click.echo(f"Wrote {file} ({len(part.frame)} rows).")


def _write(part: Part, file: Path) -> None:
    """Write a table with what it cannot hold beside it, or all in one file."""
    from memfeat import _frames

    if file.suffix.lower() == ".nc":
        unfinished = file.with_name(f"{file.name}.part")
        part.result.to_netcdf(unfinished, engine="h5netcdf")
        unfinished.replace(file)
    else:
        _frames.write_csv(part.frame, file)
        _frames.write_attrs(part.result.attrs, file)


def give_layers(features: "xr.Dataset", *, out: Path, as_json: bool) -> None:
    """Say on stdout what a store of features now holds.

    Parameters
    ----------
    features : Dataset (image, ...)
        The features.
    out : Path
        The store.
    as_json : bool
        List the layers and the attributes as JSON instead of a summary.
    """
    import pandas as pd

    from memfeat import _frames

    shapes = {str(name): " × ".join(map(str, layer.shape[1:])) for name, layer in features.data_vars.items()}
    if as_json:
        table = pd.DataFrame({"layer": list(shapes), "features": list(shapes.values())})
        click.echo(_frames.as_json(table, features.attrs))
    else:
        click.echo(f"Wrote {out} ({features.sizes['image']} images, {len(shapes)} layers).")


def give_forecast(table: "pd.DataFrame", *, out: Path, as_json: bool) -> None:
    """Say on stdout what a prepared store will take.

    Parameters
    ----------
    table : DataFrame
        What `memfeat.activations.prepare` gave.
    out : Path
        The store.
    as_json : bool
        List layers and totals as JSON instead of a summary.
    """
    from memfeat import _frames

    total = {str(name): value for name, value in table.attrs.items()}
    if as_json:
        shapes = [" × ".join(map(str, shape)) for shape in table["shape"]]
        click.echo(_frames.as_json(table.assign(shape=shapes), total))
        return
    size = f"{total['bytes'] / 1e6:,.1f} MB before compression"
    click.echo(f"Prepared {out} ({total['n_images']} images, {len(table)} layers, {size}).")
    click.echo(f"{total['n_blocks']} blocks of up to {total['block']} images: use at most so many shards.")
    takes = timedelta(seconds=round(total["seconds"]))
    click.echo(f"One process would take about {takes} here, at the speed of a single image.")


def failures(rows: "list[tuple[str, str, str]]", total: int) -> bool:
    """List images that failed on stderr.

    Parameters
    ----------
    rows : list of (str, str, str)
        Image, status and reason.
    total : int
        How many images there were.

    Returns
    -------
    bool
        Whether there are any.
    """
    if rows:
        click.echo(f"{len(rows)} of {total} images failed:", err=True)
    for image, status, reason in rows:
        click.echo(f"  {image}: {status}{f' ({reason})' if reason else ''}", err=True)
    return bool(rows)
