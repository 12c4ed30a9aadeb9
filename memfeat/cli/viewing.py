"""The command that writes a report to open in a browser."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from memfeat.cli.gathering import table_at
from memfeat.cli.inputs import sources
from memfeat.cli.manners import FAILED, SOME_FAILED, messages
from memfeat.cli.options import FILE, FOLDER, TABLE, machine, manners, overwrite
from memfeat.cli.outputs import destination, failures
from memfeat.cli.stores import read_store

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["report"]

#: The column of sets that --folders makes.
FOLDERS = "folder"
#: What a report can show of layers; memfeat.report.options says what each is.
PROFILES = ("magnitude", "distinctiveness", "decoding")


def _predictions(file: Path) -> "xr.Dataset":
    """Read what `memfeat predict` wrote, with how it was made."""
    import xarray as xr

    from memfeat._check import advice, listed
    from memfeat.errors import ArgumentError

    if file.suffix.lower() == ".nc":
        with xr.open_dataset(file, engine="h5netcdf") as found:
            read = found.load()
    else:
        read = table_at(file, "--predictions")
        read = read.assign_coords({name: read[name] for name in ("path", "width", "height", "mode") if name in read})
    if "memorability" not in read or "image" not in read.coords:
        rule = "be what memfeat predict wrote, with columns image and memorability"
        raise ArgumentError(advice("--predictions", rule, listed.of(read.variables)))
    known = {
        name: value for name, value in read.attrs.items() if name in ("model", "variant", "floor", "weights_sha256")
    }
    read["memorability"].attrs = {"long_name": "predicted memorability", **known, **read["memorability"].attrs}
    return read


def _by_folder(images: "xr.Dataset") -> "xr.Dataset":
    """Make each image's folder its set."""
    folders = [str(name).rpartition("/")[0] or "." for name in images["image"].values]
    if len(set(folders)) < 2:
        raise click.UsageError(f"--folders needs images in several folders; all are in {folders[0]!r}.")
    return images.assign({FOLDERS: ("image", folders)})


@click.command(short_help="Write a page about photographs, for any browser.")
@click.argument("photos", nargs=-1, required=True)
@click.option("--scores", type=TABLE, help="CSV whose columns are added, by image name.")
@click.option("--score", default="memorability", show_default=True, help="The column to sort, colour and compare by.")
@click.option("--by", help="The column that says which set an image is of: compares the sets.")
@click.option("--folders", is_flag=True, help="The folder of an image is its set.")
@click.option("--predictions", type=TABLE, help="What memfeat predict wrote, .csv or .nc; predicted now by default.")
@click.option("--features", type=FOLDER, help="A store of features: for the map, the dissimilarities, the profile.")
@click.option("--layer", help="The layer of the map and the dissimilarities; the last by default.")
@click.option("--profile", type=click.Choice(PROFILES), default="magnitude", show_default=True, help="Layer by layer.")
@click.option("--title", help="What stands above.")
@click.option("--thumbnail", type=int, default=128, show_default=True, help="Longer edge of the pictures, in pixels.")
@click.option("--permutations", type=click.IntRange(1), default=999, show_default=True, help="How many permutations.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of all random draws.")
@click.option("-o", "--out", type=FILE, default=Path("report.html"), show_default=True, help="The .html file.")
@overwrite
@machine
@manners
def report(  # noqa: PLR0913
    photos: tuple[str, ...],
    scores: Path | None,
    by: str | None,
    folders: bool,
    predictions: Path | None,
    features: Path | None,
    permutations: int,
    seed: int,
    out: Path,
    as_json: bool,
    quiet: bool,
    device: str | None,
    batch_size: int | None,
    **shown: Any,
) -> None:
    """Write a page about PHOTOS that opens in any browser and needs nothing else: one file, no network.

    It holds the pictures with their scores, to search, sort and filter; the distribution; with --features a map, the
    dissimilarities and a layer profile; with --by or --folders a comparison of sets; files that could not be read; and
    where everything came from.

    Example: memfeat report photos/ --features features.zarr -o report.html

    With scores and sets: memfeat report photos/ --scores scores.csv --score hit_rate --by category
    """
    import json

    from memfeat.images import read
    from memfeat.prediction import predict
    from memfeat.report import write

    if folders and by:
        raise click.UsageError("--folders and --by both say which set an image is of; give one.")
    destination(out, endings=(".html", ".htm"))
    progress = False if quiet else None
    with messages(quiet=quiet):
        memory = None if predictions is None else _predictions(predictions)
        store = None if features is None else read_store(features)
        images = read(sources(photos), scores=scores, verify=False, progress=progress)
        images = _by_folder(images) if folders else images
        if memory is None and "memorability" not in images:
            memory = predict(images, progress=progress, device=device, batch_size=batch_size)
        options = shown | {"n_permutations": permutations, "rng": seed, "progress": progress}
        write(images, store, out, memory=memory, by=FOLDERS if folders else by, **options)
    bad = memory if memory is not None and {"status", "reason"} <= set(memory.variables) else images
    rows = [
        (str(image), str(status), str(reason))
        for image, status, reason in zip(*(bad[name].values for name in ("image", "status", "reason")), strict=True)
        if str(status) != "ok"
    ]
    n, size = images.sizes["image"], out.stat().st_size
    if as_json:
        click.echo(json.dumps({"file": str(out), "bytes": size, "n_images": n, "n_unreadable": len(rows)}, indent=1))
    else:
        click.echo(f"Wrote {out} ({n} images, {size / 1e6:.1f} MB).")
    if failures(rows, n):
        click.get_current_context().exit(FAILED if len(rows) == n else SOME_FAILED)
