"""What the commands read besides photographs: features with the RDMs that they are compared with."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from memfeat._check import advice, listed
from memfeat.cli.stores import read_store
from memfeat.cli.targets import Asked, read_inputs
from memfeat.errors import ArgumentError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Reference", "model_inputs", "own_columns", "reference_inputs", "sources"]

#: The fewest images whose RDMs can be compared.
FEWEST = 4


class Reference(NamedTuple):
    """RDMs in a file, and what the user says about them."""

    file: Path
    names: Path | None
    dims: tuple[str, ...]
    variable: str | None


def sources(photos: tuple[str, ...]) -> str | list[str]:
    """Give one place as it is, and several as a list.

    Parameters
    ----------
    photos : tuple of str
        What stood on the command line.

    Returns
    -------
    str or list of str
        What `mf.images.read` takes.
    """
    return photos[0] if len(photos) == 1 else list(photos)


def own_columns(images: "xr.Dataset") -> "xr.Dataset":
    """Give the columns that the user brought, which stand beside those of a result.

    Parameters
    ----------
    images : Dataset (image)
        An image table.

    Returns
    -------
    Dataset (image)
        These columns alone.

    Raises
    ------
    ArgumentError
        If one is called like a column of the result.
    """
    from memfeat._frames import IMAGE_COLUMNS

    taken = [str(name) for name in images.data_vars if name in IMAGE_COLUMNS]
    if taken:
        remedy = f"Rename it, e.g. human_{taken[0]}; nothing has been computed yet."
        rule = "not be called like columns of the result"
        raise ArgumentError(advice("columns of your table", rule, listed.of(taken), remedy))
    return images.drop_vars([name for name in images.coords if name != "image"])


def model_inputs(store: Path, table: Path, column: str, kind: str) -> "tuple[xr.Dataset, xr.Dataset]":
    """Read features and scores of the images that have both, and make a model RDM of the scores.

    Parameters
    ----------
    store, table : Path
        A feature store, and a CSV.
    column : str
        The column of scores.
    kind : str
        What the scores are said to predict.

    Returns
    -------
    Dataset (image, ...)
        Features.
    Dataset (layer, pair)
        The model RDM of the same images.

    Raises
    ------
    ArgumentError
        If the store is none, the CSV has no such column, too few images have both, or there is no such kind.
    """
    from memfeat import rdm

    read = read_inputs((store,), table, None, Asked((column,)))
    return next(iter(read.features.values())), rdm.from_scores(read.scores[column], kind=kind)


def reference_inputs(store: Path, reference: Reference) -> "tuple[xr.Dataset, xr.Dataset]":
    """Read features and RDMs, and keep the images that both have; say on stderr how many were left out.

    Parameters
    ----------
    store : Path
        A feature store.
    reference : Reference
        A file of RDMs.

    Returns
    -------
    Dataset (image, ...)
        Features.
    Dataset (layer, ..., pair)
        RDMs of the same images.

    Raises
    ------
    ArgumentError
        If the store or the file is none, or too few images are in both.
    """
    import pandas as pd

    from memfeat import rdm
    from memfeat.images.joining import joined

    features, (file, names, dims, variable) = read_store(store), reference
    rdms = rdm.read(file, names, dims=dims, variable=variable, layer=file.stem)
    here, theirs = ([str(name) for name in data["image"].values] for data in (features, rdms))
    try:
        found = joined(pd.Series(theirs, index=theirs, name="other"), here, column=None).columns["other"]
    except ArgumentError as error:
        none = listed(listed.of(theirs))
        remedy = f"Its images are called like {here[0]!r}."
        raise ArgumentError(advice("--reference", "name images of FEATURES", none, remedy)) from error
    there = found.notna().to_numpy()
    kept = [str(name) for name in found[there]]
    for side, left in (
        ("FEATURES", [name for name, has in zip(here, there, strict=True) if not has]),
        (str(file), sorted(set(theirs) - set(kept))),
    ):
        if left:
            click.echo(f"Left out, in {side} alone: {listed.of(left)}", err=True)
    if len(kept) < FEWEST:
        rule = f"share at least {FEWEST} images"
        raise ArgumentError(advice("FEATURES and --reference", rule, listed(str(len(kept)))))
    both = features.isel(image=there)
    return both, rdm.select(rdms, kept).assign_coords(image=both["image"].values)
