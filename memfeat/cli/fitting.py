"""The command that fits a head."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from memfeat._check import advice, listed, looked_up
from memfeat.cli.inputs import sources
from memfeat.cli.manners import SOME_FAILED, messages
from memfeat.cli.networks import loaded, network
from memfeat.cli.options import FILE, FOLDER, TABLE, machine, manners
from memfeat.cli.outputs import failures
from memfeat.errors import ArgumentError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["train"]

MISSING = "Name PHOTOS with --scores and --column, or --lamem and --memcat."
TWICE = "--lamem and --memcat bring photographs and scores; leave out PHOTOS, --scores and --column."
#: Sets that are read as their authors give them out, and what the model card calls them.
DESCRIBED = {
    "lamem": "LaMem (Khosla et al. 2015)",
    "memcat": "MemCat (Goetschalckx & Wagemans 2019; hit rates)",
}
Sources = dict[str, Any]


def _held(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | float | None:
    """Read 5000 as a number of images and 0.2 as a share."""
    try:
        return None if value is None else int(value) if value.isdecimal() else float(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is neither a number of images (5000) nor a share (0.2).") from None


@click.command(short_help="Fit a head to scores, on top of a network.")
@click.argument("photos", nargs=-1)
@click.option("--scores", "table", type=TABLE, help="CSV with one row per image.")
@click.option("--column", help="The column of scores.")
@click.option("--lamem", type=FOLDER, help="LaMem's folder (images/, splits/), instead of PHOTOS.")
@click.option("--memcat", type=FOLDER, help="MemCat's folder (memcat_image_data.csv, images), instead of PHOTOS.")
@click.option("--head", default="ridge", show_default=True, help="ridge (a linear readout) or mlp (ResMem's own).")
@click.option("--model", default="resmem-frozen", show_default=True, help="resmem-frozen, or another for a readout.")
@click.option("--layers", "wanted", multiple=True, help="What a readout reads: names, globs or groups.")
@click.option("-o", "--out", type=FILE, required=True, help="The folder of the head.")
@click.option("--store", type=FILE, help="Where features are kept; OUT.zarr by default. Called again, it goes on.")
@click.option(
    "--validation", callback=_held, metavar="NUMBER", help="Images to hold out: a number or a share; 0.2 by default."
)
@click.option("--split", type=TABLE, help="A split that was saved (split.csv of a head), instead of drawing one.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of all random draws.")
@click.option("--max-epochs", type=click.IntRange(1), help="For mlp: how often each image is seen at most; 20.")
@click.option("--patience", type=click.IntRange(1), help="For mlp: rounds without gain after which it stops; 5.")
@click.option("--learning-rate", type=float, help="For mlp: of Adam; 0.0001.")
@click.option("--images-per-step", type=click.IntRange(1), help="For mlp: 32.")
@click.option("--description", help="What the images and scores are, for the model card.")
@click.option("--licence", help="Under which terms you pass the head on, for the model card.")
@network
@machine
@manners
def train(  # noqa: PLR0913
    photos: tuple[str, ...],
    model: str,
    wanted: tuple[str, ...],
    out: Path,
    store: Path | None,
    seed: int,
    licence: str | None,
    backbone: str | None,
    weights: str | None,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Fit a head to scores, on top of a network that is not trained.

    PHOTOS with --scores and --column; or what the released ResMem was trained on, with a split of the published sizes:

    memfeat train --lamem lamem/ --memcat MemCat/ --head mlp --backbone imagenet --validation 5000 -o my-resmem

    Called again after it was stopped, it goes on to the same head. What OUT holds is listed in its README.md.

    Example: memfeat train photos/ --scores scores.csv --column hit_rate -o my-head
    """
    from memfeat.models.heads import destination
    from memfeat.training import fit_head

    destination(out, "--out")
    where: Sources = {name: options.pop(name) for name in ("table", "column", "lamem", "memcat")}
    known = " and ".join(words for name, words in DESCRIBED.items() if where[name] is not None)
    given = {"description": known} | {name: value for name, value in options.items() if value is not None}
    progress = False if quiet else None
    with messages(quiet=quiet):
        images, column = _images(photos, where, progress)
        head = fit_head(
            images,
            images[column],
            model=loaded(model, backbone=backbone, weights=weights, warned=True),
            layers=list(wanted) or None,
            store=store or out.with_name(f"{out.name}.zarr"),
            rng=seed,
            progress=progress,
            **given,
        )
        head.save(out, licence=licence)
    _say(head, out, as_json=as_json)
    used = set(head.split["image"])
    rows = zip(images["image"].values, images["status"].values, images["reason"].values, strict=True)
    bad = [(str(name), str(status), str(reason)) for name, status, reason in rows if str(name) not in used]
    if failures(bad, images.sizes["image"]):
        click.get_current_context().exit(SOME_FAILED)


def _say(head: Any, out: Path, *, as_json: bool) -> None:
    from memfeat import _frames

    if as_json:
        columns = head.split[["image", "part", "score", "prediction"]]
        click.echo(_frames.as_json(columns, {key: head.facts[key] for key in ("result", "split", "recipe", "trunk")}))
        return
    result, said = head.facts["result"], f"{head.facts['split']['n_train']} images"
    if "spearman" in result:
        interval = f"[{result['spearman_ci_low']:.3f}, {result['spearman_ci_high']:.3f}]"
        said += f"; Spearman {result['spearman']:.3f} {interval} on {result['n']} held out"
    click.echo(f"Wrote {out} ({head.kind}, {said}).")


def _images(photos: tuple[str, ...], where: Sources, progress: bool | None) -> "tuple[xr.Dataset, str]":
    """Read the images that have a score, and say which column holds it."""
    from memfeat.training import published

    own = {name: where[name] for name in DESCRIBED if where[name] is not None}
    if own and (photos or where["table"] or where["column"]):
        raise click.UsageError(TWICE)
    if own:
        reader = published.lamem_and_memcat if len(own) == 2 else getattr(published, next(iter(own)))
        return reader(*own.values(), progress=progress), published.SCORE
    if not photos or not where["column"]:
        raise click.UsageError(MISSING)
    return _scored(photos, where, progress), where["column"]


def _scored(photos: tuple[str, ...], where: Sources, progress: bool | None) -> "xr.Dataset":
    from memfeat.images import read

    column = where["column"]
    images = read(sources(photos), scores=where["table"], verify=False, progress=progress)
    if column not in images.data_vars:
        have = f"There are: {', '.join(map(str, images.data_vars)) or 'none'}."
        looked_up("--column", column, list(map(str, images.data_vars)), have)
    if images[column].dtype.kind not in "iufb":
        raise ArgumentError(advice("--column", "hold numbers", column, "It holds text."))
    there = images[column].notnull().values
    if not there.any():
        raise ArgumentError(advice("--column", "hold a score", listed("none for any image")))
    return images.isel(image=there)
