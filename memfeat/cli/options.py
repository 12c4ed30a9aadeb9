"""Options that several commands have: files, remarks, what is drawn again, and where to compute."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from memfeat.cli.manners import together
from memfeat.cli.replacing import overwrite
from memfeat.cli.tables import HALVES

__all__ = [
    "FILE", "FOLDER", "TABLE", "bootstraps", "drawn", "halved", "machine", "manners", "overwrite", "profiled", "tested",
    "written",
]  # fmt: skip

FILE = click.Path(path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
TABLE = click.Path(exists=True, dir_okay=False, path_type=Path)

manners = together(
    click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
    click.option("-q", "--quiet", is_flag=True, help="No progress and no remarks; failed images are still listed."),
)
machine = together(
    click.option("--device", help='Where to compute: "cpu", "cuda" or "mps"; by default the fastest there is.'),
    click.option("--batch-size", type=click.IntRange(1), help="Images in one forward pass."),
)
written = together(
    click.option(
        "-o",
        "--out",
        type=FILE,
        help="Write to this .csv or .nc file; how a FILE.csv was made goes into FILE.csv.json.",
    ),
    overwrite,
)
bootstraps = click.option(
    "--bootstraps", type=click.IntRange(0), default=1_000, show_default=True, help="How many samples."
)
drawn = together(
    click.option("--groups", help="A column of groups of images that belong together; with --permute."),
    click.option("--permute", help="How groups are drawn again: whole, within or free."),
    bootstraps,
)
profiled = click.option(
    "--figure", type=FILE, help="Draw the layer profile into this .svg, .png or .pdf file; beside it FILE.json."
)
halved = together(
    click.option("--halves", type=TABLE, help="CSV with scores of both halves of the participants, instead of either."),
    click.option(
        "--half",
        "pairs",
        nargs=2,
        multiple=True,
        metavar="COLUMN COLUMN",
        help=f"The columns of both halves, * for what names a random split; {' '.join(HALVES)} by default.",
    ),
)


def tested(permutations: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give the options of a permutation test.

    Parameters
    ----------
    permutations : int
        How many there are by default.

    Returns
    -------
    callable
        The decorator.
    """
    return together(
        click.option(
            "--permutations",
            type=click.IntRange(1),
            default=permutations,
            show_default=True,
            help="How many permutations.",
        ),
        click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of all random draws."),
        written,
    )
