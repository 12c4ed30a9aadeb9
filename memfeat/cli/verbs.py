"""The commands, one per step. Whatever is heavy is imported inside them."""

import json
import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from memfeat._version import __version__
from memfeat.cli.columns import HALVES, Wanted, read_columns
from memfeat.cli.evaluating import evaluated, figures, long, wide
from memfeat.cli.inputs import Reference, matched_inputs, own_columns, reference_inputs, sources
from memfeat.cli.manners import FAILED, SOME_FAILED, Verbs, messages, together
from memfeat.cli.networks import loaded, network
from memfeat.cli.outputs import destination, failures, give, give_forecast, give_layers, shown

__all__ = ["main"]

log = logging.getLogger(__name__)
Command = Callable[..., Any]
FILE = click.Path(path_type=Path)
STORE = click.Path(exists=True, file_okay=False, path_type=Path)
TABLE = click.Path(exists=True, dir_okay=False, path_type=Path)
REDUCTIONS = "mean, max, flatten, none, cls, magnitude, grid:K, project:EPS or project:EPS:SEED"
WRITTEN = "Write to this .csv or .nc file; how a FILE.csv was made goes into FILE.csv.json."
#: Parts of an evaluation that are printed, and their columns.
PRINTED = ("agreement", "category", "contrast")
EVALUATED = ["category", "metric", "estimate", "ci_low", "ci_high", "p", "n", "unit"]
PREDICTED = ["image", "memorability", "tta_sd", "warnings", "status"]
LISTED = ["name", "kind", "call", "shape", "bytes", "order"]
STATISTICS = ["estimate", "ci_low", "ci_high", "p", "p_corrected", "noise_lower", "noise_upper", "n"]


_manners = together(
    click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
    click.option("-q", "--quiet", is_flag=True, help="No progress and no remarks; failed images are still listed."),
)
_machine = together(
    click.option("--device", help='Where to compute: "cpu", "cuda" or "mps"; by default the fastest there is.'),
    click.option("--batch-size", type=click.IntRange(1), help="Images in one forward pass."),
)
_speed = together(
    click.option("--fast", is_flag=True, help="Fold batch norms into convolutions: less time, other last digits."),
    click.option("--autocast", help='Compute in "bfloat16" or "float16" where that does; best on a GPU.'),
    click.option("--tf32", is_flag=True, help="Let a GPU multiply float32 in TF32."),
)


def _listed(_ctx: click.Context, _param: click.Parameter, value: str | None) -> list[float] | None:
    """Read 0,0.411,0.5 as numbers."""
    try:
        return None if value is None else [float(one) for one in value.split(",")]
    except ValueError:
        raise click.BadParameter(f"{value!r} is no list of numbers, such as 0,0.411,0.5.") from None


def _test(permutations: int, *, scores: bool = True) -> Callable[[Command], Command]:
    """Give what tests of features have in common, with the number of permutations, and whether scores are needed."""
    return together(
        click.argument("features", type=STORE),
        click.option("--scores", "table", type=TABLE, required=scores, help="CSV with one row per image."),
        click.option("--column", required=scores, help="The column of scores."),
        click.option(
            "--permutations",
            type=click.IntRange(1),
            default=permutations,
            show_default=True,
            help="How many permutations.",
        ),
        click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of all random draws."),
        click.option("-o", "--out", type=FILE, help=WRITTEN),
    )


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="memfeat")
def main() -> None:
    """Layer features of memorability networks, and what they say about memory.

    PHOTOS is a folder, image files, or a CSV with a column of paths. Results go to stdout, messages to stderr. Exit
    codes: 0 done, 1 some images failed (they are listed, the others are done), 2 wrong usage, 3 failed, or no image
    could be read.
    """


@main.command()
@click.argument("photos", nargs=-1, required=True)
@click.option("--scores", type=TABLE, help="CSV whose columns are added to the result, by image name.")
@click.option(
    "--tta", is_flag=True, help="Also tta_mean and tta_sd over ten views (crops, mirrored); ten times as long."
)
@click.option("--model", help="resmem (what predicts by itself) or resmem-frozen; with --head what it was fitted to.")
@click.option("--head", type=STORE, help="The folder of a head that memfeat train wrote.")
@click.option("-o", "--out", type=FILE, help=WRITTEN)
@network
@_machine
@_manners
def predict(  # noqa: PLR0913
    photos: tuple[str, ...],
    scores: Path | None,
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

    Example: memfeat predict photos/ -o scores.csv

    With a head of your own: memfeat predict photos/ --head my-head -o scores.csv
    """
    from memfeat import _frames
    from memfeat.images import read
    from memfeat.prediction import predict as predicted

    out = destination(out)
    progress = False if quiet else None
    with messages(quiet=quiet):
        images = read(sources(photos), scores=scores, verify=False, progress=progress)
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
@_manners
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
@click.option("-o", "--out", type=FILE, required=True, help="The zarr store; called again, it goes on.")
@click.option("--prepare", is_flag=True, help="Only make room for shards, and say what they will take.")
@click.option("--shard", help="Do one part of what was prepared, such as 2/4; PHOTOS are those that were prepared.")
@network
@_machine
@_speed
@_manners
def extract(  # noqa: PLR0913
    photos: tuple[str, ...],
    model: str,
    wanted: tuple[str, ...],
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

    if prepare and shard:
        raise click.UsageError("--prepare comes before --shard, in a call of its own.")
    with messages(quiet=quiet), warnings.catch_warnings():
        # they are listed below, with reasons
        warnings.filterwarnings("ignore", message="Images left out", category=MemfeatWarning)
        options |= {"layers": list(wanted), "store": out, "progress": False if quiet else None}
        options["model"] = loaded(model, backbone=backbone, weights=weights, warned=True)
        if prepare:
            give_forecast(activations.prepare(sources(photos), **options), out=out, as_json=as_json)
            return
        found = (
            activations.extract_shard(shard, **options) if shard else activations.extract(sources(photos), **options)
        )
    give_layers(found, out=out, as_json=as_json)
    bad = json.loads(found.attrs["left_out"])
    if failures([(row["image"], row["status"], row["reason"]) for row in bad], found.sizes["image"] + len(bad)):
        click.get_current_context().exit(SOME_FAILED)


@main.command()
@_test(9_999, scores=False)
@click.option("--kind", default="both_memorable", show_default=True, help="What the scores are said to predict.")
@click.option(
    "--reference",
    type=TABLE,
    help="RDMs of a brain or of behaviour, instead of scores: .npy, .npz, .mat, a CSV, or .h5 of rsatoolbox.",
)
@click.option("--names", type=TABLE, help="Text file with the image of each row of --reference, where it is an array.")
@click.option(
    "--dims", multiple=True, help="What has an RDM of its own in --reference, in order: participant, roi, time."
)
@click.option("--variable", help="Which variable of --reference, where the file holds several.")
@click.option("--metric", default="correlation", show_default=True, help="Dissimilarity of two images in a layer.")
@click.option("--method", default="spearman", show_default=True, help="How two RDMs are compared.")
@click.option(
    "--resample",
    default="images",
    show_default=True,
    help="What the result holds for others of: images, rdms (participants) or both.",
)
@_manners
def rsa(  # noqa: PLR0913
    features: Path,
    table: Path | None,
    column: str | None,
    permutations: int,
    seed: int,
    out: Path | None,
    kind: str,
    reference: Path | None,
    names: Path | None,
    dims: tuple[str, ...],
    variable: str | None,
    metric: str,
    method: str,
    resample: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Compare the dissimilarities of layers with those that scores predict, or that were measured (RSA).

    Example: memfeat rsa features.zarr --scores scores.csv --column hit_rate -o rsa.csv

    With a brain: memfeat rsa features.zarr --reference it.npy --names images.txt --dims participant --resample both
    """
    from memfeat import _frames, rdm
    from memfeat import rsa as analysis

    if (reference is None) == (table is None) or (table is None) != (column is None):
        raise click.UsageError("Give either --scores with --column, or --reference.")
    if reference is None and (names or dims or variable):
        raise click.UsageError("--names, --dims and --variable go with --reference.")
    out = destination(out)
    progress = False if quiet else None
    with messages(quiet=quiet):
        if reference is not None:
            layer_features, ref = reference_inputs(features, Reference(reference, names, dims, variable))
        else:
            assert table is not None
            assert column is not None
            layer_features, scores = matched_inputs(features, table, column)
            ref = rdm.from_scores(scores, kind=kind)
        rdms = rdm.compute(layer_features, metric=metric, progress=progress)
        options: Any = {"resample": resample, "progress": progress}
        result = analysis.compare(rdms, ref, method=method, n_permutations=permutations, rng=seed, **options)
    columns = [*map(str, result["estimate"].dims), *STATISTICS]
    give(_frames.per_comparison(result), result, out=out, as_json=as_json, columns=columns)


@main.command()
@_test(999)
@click.option("--estimator", default="ridge", show_default=True, help="What predicts.")
@click.option("--folds", type=click.IntRange(2), default=5, show_default=True, help="Folds of the cross-validation.")
@_manners
def decode(  # noqa: PLR0913
    features: Path,
    table: Path,
    column: str,
    permutations: int,
    seed: int,
    out: Path | None,
    estimator: str,
    folds: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Predict scores from each layer, for images that were held out.

    Example: memfeat decode features.zarr --scores scores.csv --column hit_rate -o decoding.csv
    """
    from memfeat import _frames, regression

    out = destination(out)
    with messages(quiet=quiet):
        layer_features, scores = matched_inputs(features, table, column)
        result = regression.decode(
            layer_features, scores, estimator=estimator, folds=folds, n_permutations=permutations, rng=seed
        )
    give(_frames.per_layer(result), result, out=out, as_json=as_json, columns=["layer", *STATISTICS])


@main.command()
@click.argument("predictions", type=TABLE)
@click.option("--scores", type=TABLE, help="CSV with the scores; by default they stand in PREDICTIONS.")
@click.option("--column", required=True, help="The column of scores.")
@click.option(
    "--predicted",
    multiple=True,
    default=["memorability"],
    show_default=True,
    help="A column of predictions; give several to compare them.",
)
@click.option("--category", help="A column of categories, to be judged one by one.")
@click.option("--groups", help="A column of groups of images that belong together; with --permute.")
@click.option("--permute", help="How groups are drawn again: whole, within or free.")
@click.option("--split-half", type=float, help="Mean correlation of random halves of the scores.")
@click.option("--spearman-brown", type=float, help="Reliability of the full scores, instead of --split-half.")
@click.option("--halves", type=TABLE, help="CSV with scores of both halves of the participants, instead of either.")
@click.option(
    "--half",
    "pairs",
    nargs=2,
    multiple=True,
    metavar="COLUMN COLUMN",
    help=f"The columns of both halves, * for what names a random split; {' '.join(HALVES)} by default.",
)
@click.option(
    "--cutoffs", callback=_listed, metavar="NUMBERS", help="Where to cut for the error without low scores: 0,0.411,0.5"
)
@click.option(
    "--trained-on",
    multiple=True,
    help="What it was trained on: a data set, or a CSV of images such as a head's split.csv; known for ResMem.",
)
@click.option("--dataset", help="The data set that the images come from, such as lamem or memcat.")
@click.option("--bootstraps", type=click.IntRange(0), default=1_000, show_default=True, help="How many samples.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of all random draws.")
@click.option("--figures", "folder", type=FILE, help="Draw calibration, distributions and error by cut-off in here.")
@click.option("-o", "--out", type=FILE, help=WRITTEN)
@_manners
def evaluate(  # noqa: PLR0913
    predictions: Path,
    scores: Path | None,
    column: str,
    predicted: tuple[str, ...],
    category: str | None,
    groups: str | None,
    permute: str | None,
    split_half: float | None,
    spearman_brown: float | None,
    halves: Path | None,
    pairs: tuple[tuple[str, str], ...],
    cutoffs: list[float] | None,
    trained_on: tuple[str, ...],
    dataset: str | None,
    bootstraps: int,
    seed: int,
    folder: Path | None,
    out: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Judge predictions by scores that were measured. PREDICTIONS is a CSV, such as memfeat predict writes.

    Prints agreement, and with several --predicted their differences. A file, or --json, also holds calibration, error
    by cut-off and distributions.

    Example: memfeat evaluate predictions.csv --scores scores.csv --column hit_rate -o evaluation.csv
    """
    given = {"split_half": split_half, "spearman_brown": spearman_brown}
    reliability = {name: value for name, value in given.items() if value is not None} or None
    if len(reliability or {}) + (halves is not None) > 1:
        raise click.UsageError("--split-half, --spearman-brown and --halves say the same thing; give one.")
    if pairs and halves is None:
        raise click.UsageError("--half names columns of --halves; give that table too.")
    out = destination(out)
    origin = {"trained_on": list(trained_on) or None, "dataset": dataset}
    sampling = {"n_bootstraps": bootstraps, "rng": seed} | ({"permute": permute} if permute else {})
    labels = {"--category": category, "--groups": groups}
    with messages(quiet=quiet):
        read = read_columns(predictions, scores, halves, Wanted(predicted, column, labels, pairs or (HALVES,)))
        found = evaluated(read, reliability=reliability, cutoffs=cutoffs, origin=origin, sampling=sampling)
        for name, one in found["agreement"].items():
            log.info("Held out, %s: %s.", name, one.attrs["held_out"])
        if folder is not None:
            log.info("Drew %d figures in %s.", len(figures(found, folder)) // 2, folder)
    table = long(found)
    shown_parts = table if out is not None or as_json else table[table["part"].isin(PRINTED)]
    several = ["predictor"] if len(predicted) > 1 else []
    columns = ["part", *several, *[name for name in EVALUATED if shown_parts.get(name, table["part"]).notna().any()]]
    give(shown_parts, wide(found), out=out, as_json=as_json, columns=columns)


@main.command()
@click.option("--out", type=FILE, default=Path("memfeat-demo"), show_default=True, help="The folder to write.")
@click.option("--device", help='Where to compute: "cpu", "cuda" or "mps"; by default the fastest there is.')
@_manners
def demo(out: Path, device: str | None, as_json: bool, quiet: bool) -> None:
    """Walk the whole road on the photographs that installed packages carry. Needs no network.

    Example: memfeat demo --out memfeat-demo
    """
    from memfeat import _frames
    from memfeat.demo import page
    from memfeat.demo import road as way

    with messages(quiet=quiet):
        road = way.run(out, device=device, progress=False if quiet else None)
    images, note = _frames.per_image(road.memory), way.illustration(road)
    if as_json:
        click.echo(_frames.as_json(images, dict(road.memory.attrs), note=note))
        return
    click.echo(page.in_short(road, note=note))
    click.echo(f"\nLook at {out / 'index.html'}. Next, on a folder of your own:\n")
    click.echo("\n".join(f"  {line}" for line in page.NEXT))
