"""The commands that compare features and predictions with what was measured: rsa, evaluate."""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from memfeat._check import advice, listed
from memfeat.cli.columns import Wanted, read_columns, read_groups
from memfeat.cli.evaluating import evaluated, figures, long, newness, rows, to_draw, wide
from memfeat.cli.inputs import Reference, model_inputs, reference_inputs
from memfeat.cli.manners import messages
from memfeat.cli.options import FILE, FOLDER, TABLE, drawn, halved, manners, profiled, tested, written
from memfeat.cli.outputs import destination, draw_profile, figure_at, give
from memfeat.cli.replacing import may_be_written
from memfeat.cli.tables import HALVES
from memfeat.errors import ArgumentError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["evaluate", "rsa"]

log = logging.getLogger(__name__)
#: Parts of an evaluation that are printed, and their columns.
PRINTED = ("agreement", "category", "contrast")
EVALUATED = ["category", "metric", "estimate", "ci_low", "ci_high", "p", "n", "unit"]
#: Dims of references that results of a layer do not have.
AVERAGED = ("layer", "participant", "pair")
#: What rsa may be asked for, in its help; what reads these words is imported only when it runs.
KINDS = "both_memorable, both_forgettable, min_rank, max_rank, product_rank or nearest"
METRICS = "correlation, cosine, euclidean, sqeuclidean, cityblock, mahalanobis, sqmahalanobis, crossnobis or poisson"
METHODS = "spearman, pearson, cosine, kendall, rho-a, whitened_pearson or whitened_cosine"
STATISTICS = ["estimate", "ci_low", "ci_high", "p", "p_corrected", "noise_lower", "noise_upper", "n"]


def _listed(_ctx: click.Context, _param: click.Parameter, value: str | None) -> list[float] | None:
    """Read 0,0.411,0.5 as numbers."""
    try:
        return None if value is None else [float(one) for one in value.split(",")]
    except ValueError:
        raise click.BadParameter(f"{value!r} is no list of numbers, such as 0,0.411,0.5.") from None


def _compared_with(
    scores: tuple[Path | None, str | None, str],
    reference: tuple[Path | None, Path | None, tuple[str, ...], str | None],
    groups: str | None,
) -> Callable[[Path], "tuple[xr.Dataset, xr.Dataset]"]:
    """Give what reads features and the RDMs that they are compared with: made of scores, or from a file."""
    (table, column, kind), (file, names, dims, variable) = scores, reference
    if groups is not None and table is None:
        raise click.UsageError("--groups names a column of --scores; give that table too.")
    if file is not None and column is None and (table is None or groups is not None):
        return partial(reference_inputs, reference=Reference(file, names, dims, variable))
    if file is None and table is not None and column is not None:
        if names or dims or variable:
            raise click.UsageError("--names, --dims and --variable go with --reference.")
        return partial(model_inputs, table=table, column=column, kind=kind)
    raise click.UsageError("Give either --scores with --column, or --reference.")


def _in_groups(
    features: "xr.Dataset", ref: "xr.Dataset", groups: tuple[Path, str], aloud: bool
) -> "tuple[xr.Dataset, xr.Dataset, xr.DataArray]":
    """Keep the images that have a group, and give these groups."""
    from memfeat import rdm

    found = read_groups(*groups, [str(name) for name in features["image"].values], aloud=aloud)
    kept = features["image"].isin(found["image"]).values
    if kept.all():
        return features, ref, found
    return features.isel(image=kept), rdm.select(ref, found["image"].values), found


@click.command(short_help="Compare layers with scores, or with measured RDMs.")
@click.argument("features", type=FOLDER)
@click.option("--scores", "table", type=TABLE, help="CSV with one row per image.")
@click.option("--column", help="The column of scores.")
@tested(9_999)
@click.option(
    "--kind", default="both_memorable", show_default=True, help=f"What the scores are said to predict: {KINDS}."
)
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
@click.option(
    "--metric", default="correlation", show_default=True, help=f"Dissimilarity of two images in a layer: {METRICS}."
)
@click.option("--method", default="spearman", show_default=True, help=f"How two RDMs are compared: {METHODS}.")
@click.option(
    "--resample",
    default="images",
    show_default=True,
    help="What the result holds for others of: images, rdms (participants) or both.",
)
@drawn
@profiled
@manners
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
    groups: str | None,
    permute: str | None,
    bootstraps: int,
    figure: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Compare the dissimilarities of layers with those that scores predict, or that were measured (RSA).

    Example: memfeat rsa features.zarr --scores scores.csv --column hit_rate -o rsa.csv --figure profile.svg

    With a brain: memfeat rsa features.zarr --reference it.npy --names images.txt --dims participant --resample both

    With images in groups: --groups scene --permute whole, and --scores FILE with the column also where --reference is.
    """
    from memfeat import _frames, rdm
    from memfeat import rsa as analysis

    read = _compared_with((table, column, kind), (reference, names, dims, variable), groups)
    out, figure = destination(out), figure_at(figure)
    progress = False if quiet else None
    with messages(quiet=quiet):
        layer_features, ref = read(features)
        if figure is not None:
            _one_profile(ref)
        options: Any = {"resample": resample, "permute": permute, "progress": progress, "n_bootstraps": bootstraps}
        if groups is not None and table is not None:
            layer_features, ref, options["blocks"] = _in_groups(layer_features, ref, (table, groups), column is None)
        rdms = rdm.compute(layer_features, metric=metric, progress=progress)
        result = analysis.compare(rdms, ref, method=method, n_permutations=permutations, rng=seed, **options)
        if column is not None:
            result.attrs["scores"] = column
    columns = [*map(str, result["estimate"].dims), *STATISTICS]
    give(_frames.per_comparison(result), result, out=out, as_json=as_json, columns=columns)
    if figure is not None:
        with messages(quiet=quiet):
            draw_profile(result, figure)


def _one_profile(ref: "xr.Dataset") -> None:
    """Refuse to draw what is no single line over layers, before the work; participants are averaged."""
    further = [str(dim) for dim in ref["rdm"].dims if dim not in AVERAGED]
    if further:
        remedy = f"Leave --figure out; in Python: mf.plot.layer_profile(result.sel({further[0]}=…))."
        rule = "be of a reference that has one RDM for each participant"
        raise ArgumentError(advice("--figure", rule, listed(f"RDMs along {', '.join(further)}"), remedy))


@click.command()
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
@drawn
@click.option("--split-half", type=float, help="Mean correlation of random halves of the scores.")
@click.option("--spearman-brown", type=float, help="Reliability of the full scores, instead of --split-half.")
@halved
@click.option(
    "--cutoffs", callback=_listed, metavar="NUMBERS", help="Where to cut for the error without low scores: 0,0.411,0.5"
)
@click.option(
    "--trained-on",
    multiple=True,
    help="What it was trained on: lamem, memcat, a saved head or its split.csv, or a CSV of images; known for ResMem.",
)
@click.option("--dataset", help="The data set that the images come from, such as lamem or memcat.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of all random draws.")
@click.option("--figures", "folder", type=FILE, help="Draw calibration, distributions and error by cut-off in here.")
@written
@manners
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
    from memfeat import _frames

    given = {"split_half": split_half, "spearman_brown": spearman_brown}
    reliability = {name: value for name, value in given.items() if value is not None} or None
    if len(reliability or {}) + (halves is not None) > 1:
        raise click.UsageError("--split-half, --spearman-brown and --halves say the same thing; give one.")
    if pairs and halves is None:
        raise click.UsageError("--half names columns of --halves; give that table too.")
    out = destination(out)
    for file in [] if folder is None else to_draw(predicted, folder):
        may_be_written(_frames.prepared(file, "--figures"), "--figures", other="folder")
    origin = {"trained_on": list(trained_on) or None, "dataset": dataset}
    sampling = {"n_bootstraps": bootstraps, "rng": seed} | ({"permute": permute} if permute else {})
    labels = {"--category": category, "--groups": groups}
    with messages(quiet=quiet):
        read = read_columns(predictions, scores, halves, Wanted(predicted, column, labels, pairs or (HALVES,)))
        if cutoffs is not None and not (out or as_json or folder):
            log.info("--cutoffs has an effect only with -o, --json or --figures: errors by cut-off are not printed.")
        found = evaluated(read, reliability=reliability, cutoffs=cutoffs, origin=origin, sampling=sampling)
        for name, one in found["agreement"].items():
            log.info("Were these images new to the predictor, %s? %s", name, newness(one))
        if folder is not None:
            log.info("Drew %d figures in %s.", len(figures(found, folder)) // 2, folder)
        table = long(found)
        if out is not None and out.suffix.lower() == ".csv":
            log.info("The table has one row for each number: %s.", rows(table))
    shown_parts = table if out is not None or as_json else table[table["part"].isin(PRINTED)]
    several = ["predictor"] if len(predicted) > 1 else []
    columns = ["part", *several, *[name for name in EVALUATED if shown_parts.get(name, table["part"]).notna().any()]]
    give(shown_parts, wide(found), out=out, as_json=as_json, columns=columns)
