"""The commands that photographs are given to. Whatever is heavy is imported inside them."""

import json
import shlex
import shutil
import sys
import warnings
from pathlib import Path
from typing import Any

import click

from memfeat._version import __version__
from memfeat.cli.inputs import own_columns, sources
from memfeat.cli.manners import FAILED, SOME_FAILED, Verbs, messages, together
from memfeat.cli.networks import loaded, network
from memfeat.cli.options import FILE, FOLDER, TABLE, machine, manners, overwrite, written
from memfeat.cli.outputs import destination, failures, give, give_forecast, give_layers, shown
from memfeat.cli.replacing import may_be_written

__all__ = ["main"]

REDUCTIONS = "mean, max, flatten, none, cls, magnitude, grid:K, project:EPS or project:EPS:SEED"
PREDICTED = ["image", "memorability", "tta_sd", "warnings", "status"]
LISTED = ["name", "kind", "call", "shape", "bytes", "order"]


_speed = together(
    click.option("--fast", is_flag=True, help="Fold batch norms into convolutions: less time, other last digits."),
    click.option("--autocast", help='Compute in "bfloat16" or "float16" where that does; best on a GPU.'),
    click.option("--tf32", is_flag=True, help="Let a GPU multiply float32 in TF32."),
)
_clips = click.option("--fps", type=float, help="Frames of each second that are taken of clips; needs memfeat[video].")


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="memfeat")
def main() -> None:
    """Layer features of memorability networks, and what they say about memory.

    PHOTOS is a folder, image files, or a CSV with a column of paths. Results go to stdout, messages to stderr. Exit
    codes: 0 done, 1 some images failed (they are listed, the others are done), 2 wrong usage, 3 failed, or no image
    could be read.
    """


@main.command(short_help="Predict how memorable photographs are.")
@click.argument("photos", nargs=-1, required=True)
@click.option("--scores", type=TABLE, help="CSV whose columns are added to the result, by image name.")
@_clips
@click.option(
    "--tta", is_flag=True, help="Also tta_mean and tta_sd over ten views (crops, mirrored); ten times as long."
)
@click.option("--model", help="resmem (what predicts by itself) or resmem-frozen; with --head what it was fitted to.")
@click.option("--head", type=FOLDER, help="The folder of a head that memfeat train wrote.")
@written
@network
@machine
@manners
def predict(  # noqa: PLR0913
    photos: tuple[str, ...],
    scores: Path | None,
    fps: float | None,
    tta: bool,
    model: str | None,
    head: Path | None,
    backbone: str | None,
    weights: str | None,
    out: Path | None,
    as_json: bool,
    quiet: bool,
    **machine: Any,
) -> None:
    """Predict how memorable photographs are: with the released ResMem, its frozen variant, or a head of your own.

    Images that cannot be read are listed and keep a row that says why, even if none can be read.

    Example: memfeat predict photos/ -o memorability.csv

    With a head of your own: memfeat predict photos/ --head my-head -o memorability.csv
    """
    from memfeat import _frames
    from memfeat.images import read
    from memfeat.prediction import predict as predicted

    out = destination(out)
    progress = False if quiet else None
    with messages(quiet=quiet):
        images = read(sources(photos), scores=scores, fps=fps, verify=False, progress=progress)
        own = own_columns(images)
        if any((model, head, backbone, weights)):
            machine["model"] = loaded(model, backbone=backbone, weights=weights, head=head, warned=True)
        memory = predicted(images, tta=tta, progress=progress, **machine).assign(own.data_vars)
    frame = _frames.per_image(memory)
    give(frame, memory, out=out, as_json=as_json, columns=PREDICTED)
    bad = frame[frame["status"] != "ok"]
    rows = [(str(r.image), str(r.status), str(r.reason)) for r in bad.itertuples()]
    if failures(rows, len(frame)):
        click.get_current_context().exit(FAILED if len(rows) == len(frame) else SOME_FAILED)


@main.command()
@click.argument("model", default="resmem-frozen")
@click.option("--layers", "wanted", multiple=True, help="Only these: names, globs or groups, as for extract.")
@click.option("--reduce", help=f"Give the bytes per image of what this keeps, not of all: {REDUCTIONS}.")
@click.option("--n-images", type=click.IntRange(1), help="Number of images, which a projection needs.")
@network
@manners
def layers(  # noqa: PLR0913
    model: str,
    wanted: tuple[str, ...],
    reduce: str | None,
    n_images: int | None,
    backbone: str | None,
    weights: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """List the layers of a network that can be read. MODEL is resmem, resmem-frozen or a torchvision name.

    Example: memfeat layers resnet50 --layers blocks --reduce mean
    """
    from memfeat import _frames, models
    from memfeat.models.layers import select

    with messages(quiet=quiet):
        table = models.layers(loaded(model, backbone=backbone, weights=weights), reduce=reduce, n_images=n_images)
    table = (select(table, list(wanted)) if wanted else table)[LISTED]
    table = table.assign(shape=[" × ".join(map(str, shape)) for shape in table["shape"]])
    # missing where the reduction does not fit the layer
    known = table["bytes"].notna()
    table = table.assign(bytes=table["bytes"].astype(object).where(known, None if as_json else ""))
    click.echo(_frames.as_json(table, {"model": model}) if as_json else shown(table))


@main.command()
@click.argument("photos", nargs=-1, required=True)
@click.option("--model", default="resmem-frozen", show_default=True, help="resmem-frozen, resmem or from torchvision.")
@click.option("--layers", "wanted", multiple=True, default=["blocks"], show_default=True, help="Names, globs, groups.")
@click.option("--reduce", default="mean", show_default=True, help=f"What is kept of an output: {REDUCTIONS}.")
@click.option("--precision", default="float32", show_default=True, help="float32, float16 or float32:BITS, rounded.")
@_clips
@click.option("-o", "--out", type=FILE, required=True, help="The zarr store; called again, it goes on.")
@click.option("--prepare", is_flag=True, help="Only make room for shards, and say what they will take.")
@click.option("--shard", help="Do one part of what was prepared, such as 2/4; PHOTOS are those that were prepared.")
@network
@machine
@_speed
@manners
def extract(  # noqa: PLR0913
    photos: tuple[str, ...],
    model: str,
    wanted: tuple[str, ...],
    fps: float | None,
    out: Path,
    prepare: bool,
    shard: str | None,
    backbone: str | None,
    weights: str | None,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Read features of a network's layers into a store.

    In several processes, such as a job array: the same command with --prepare once, then with --shard 1/8 … 8/8.

    Example: memfeat extract photos/ --layers "features.layer[1-4].*" -o features.zarr
    """
    from memfeat import activations
    from memfeat.errors import MemfeatWarning
    from memfeat.images import read

    if prepare and shard:
        raise click.UsageError("--prepare comes before --shard, in a call of its own.")
    with messages(quiet=quiet), warnings.catch_warnings():
        # they are listed below, with reasons
        warnings.filterwarnings("ignore", message="Images left out", category=MemfeatWarning)
        options |= {"layers": list(wanted), "store": out, "progress": False if quiet else None}
        options["model"] = loaded(model, backbone=backbone, weights=weights, warned=True)
        images: Any = sources(photos)
        if fps is not None and not shard:
            images = read(images, fps=fps, verify=False, progress=options["progress"])
        if prepare:
            give_forecast(activations.prepare(images, **options), out=out, as_json=as_json)
            return
        found = activations.extract_shard(shard, **options) if shard else activations.extract(images, **options)
    give_layers(found, out=out, as_json=as_json)
    bad = json.loads(found.attrs["left_out"])
    if failures([(row["image"], row["status"], row["reason"]) for row in bad], found.sizes["image"] + len(bad)):
        click.get_current_context().exit(SOME_FAILED)


@main.command(short_help="Walk the whole road on photographs of packages.")
@click.option("--out", type=FILE, default=Path("memfeat-demo"), show_default=True, help="The folder to write.")
@overwrite
@click.option("--device", help='Where to compute: "cpu", "cuda" or "mps"; by default the fastest there is.')
@manners
def demo(out: Path, device: str | None, as_json: bool, quiet: bool) -> None:
    """Walk the whole road on the photographs that installed packages carry. Needs no network.

    Example: memfeat demo --out memfeat-demo
    """
    from memfeat import _frames
    from memfeat.demo import page
    from memfeat.demo import road as way

    for file in way.to_write(out):
        may_be_written(file, "--out", other="folder")
    with messages(quiet=quiet):
        road = way.run(out, device=device, progress=False if quiet else None)
    images, note = _frames.per_image(road.memory), way.illustration(road)
    if as_json:
        click.echo(_frames.as_json(images, dict(road.memory.attrs), note=note))
        return
    click.echo(page.in_short(road, note=note))
    click.echo(f"\nLook at {out / 'index.html'}. Next, on a folder of your own:\n")
    click.echo("\n".join(f"  {line}" for line in (*_activating(), *page.NEXT)))


def _activating() -> list[str]:
    """Give the line that makes commands of this environment known to the shell, if they are not."""
    script = Path(sys.prefix) / "bin" / "activate"
    return [] if shutil.which("memfeat") or not script.is_file() else [f"source {shlex.quote(str(script))}"]
