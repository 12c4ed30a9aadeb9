"""The command that predicts scores from features: decode."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from memfeat._check import advice, listed, looked_up
from memfeat.cli.manners import messages
from memfeat.cli.options import FOLDER, TABLE, bootstraps, halved, manners, profiled, tested
from memfeat.cli.outputs import Part, destination, draw_profile, figure_at, give
from memfeat.cli.tables import HALVES
from memfeat.cli.targets import Asked, Inputs, read_inputs
from memfeat.errors import ArgumentError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["decode"]

#: What is printed of each layer and score.
PRINTED = ["layer", "score", "estimate", "ci_low", "ci_high", "p", "p_corrected", "estimate_relative", "n"]
#: The same of contrasts, in this order; the file holds more.
CONTRASTED = ["first", "second", "score", "metric", "estimate", "ci_low", "ci_high", "p", "p_corrected", "n"]
#: Options that name columns of labels, or of numbers by which images count.
LABELS = ("groups", "strata", "split", "weights")
Pairs = tuple[tuple[str, str], ...]


@click.command(short_help="Predict scores from each layer, for held-out images.")
@click.argument("features", nargs=-1, required=True, type=FOLDER)
@click.option("--scores", "table", type=TABLE, required=True, help="CSV with one row per image.")
@click.option(
    "--column", "columns", multiple=True, required=True, help="The column of scores; give several to predict them all."
)
@tested(999)
@bootstraps
@click.option("--estimator", default="ridge", show_default=True, help="What predicts.")
@click.option("--folds", type=click.IntRange(2), default=5, show_default=True, help="Folds of the cross-validation.")
@click.option("--repeats", type=click.IntRange(1), default=1, show_default=True, help="How often folds are dealt anew.")
@click.option("--split", help="A column with the fold of each image, instead of --folds.")
@click.option("--held-out", multiple=True, help="Which folds of --split are predicted; all by default.")
@click.option("--groups", help="A column of groups of images that are held out together; with --permute.")
@click.option("--strata", help="A column of kinds of images, of each of which every fold gets its share.")
@click.option("--permute", help="How groups change places: whole, within or free.")
@click.option(
    "--scale", help="none (default), layer (default of several FEATURES), or unit: every feature standardised."
)
@click.option("--combine", help="How several FEATURES are used together: concatenate (default), stack or banded.")
@click.option("--weights", help="A column with the number of responses of each image, by which it counts.")
@click.option("--covariates", multiple=True, help="A column of numbers to take out of features and scores; or several.")
@click.option("--split-half", type=float, multiple=True, help="Mean correlation of random halves of the scores.")
@click.option(
    "--spearman-brown", type=float, multiple=True, help="Reliability of the full scores, instead of --split-half."
)
@halved
@click.option("--against", help="A layer that all others are compared with, paired.")
@profiled
@manners
def decode(  # noqa: PLR0913
    features: tuple[Path, ...],
    table: Path,
    columns: tuple[str, ...],
    permutations: int,
    seed: int,
    out: Path | None,
    bootstraps: int,
    folds: int,
    held_out: tuple[str, ...],
    repeats: int,
    covariates: tuple[str, ...],
    split_half: tuple[float, ...],
    spearman_brown: tuple[float, ...],
    halves: Path | None,
    pairs: Pairs,
    against: str | None,
    figure: Path | None,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Predict scores from each layer, for images that were held out. Several FEATURES are used together.

    Groups, strata, folds, weights and covariates are columns of the table of scores. Without --permutations there are
    999, and 99 where each is fitted by itself (lasso, elastic_net, --weights). With several --column, --split-half,
    --spearman-brown or --half is given once for each, in the same order.

    Example: memfeat decode features.zarr --scores scores.csv --column hit_rate -o decoding.csv --figure decoding.svg

    Several scores: --column hit_rate --column false_alarms --halves halves.csv --half "hr1_*" "hr2_*" --half "fa1_*"
    "fa2_*"

    Is a layer better than others? With --against LAYER their differences stand below, or in decoding.contrasts.csv.

    Several sets of features: memfeat decode early.zarr late.zarr --combine stack --scores scores.csv --column hit_rate
    """
    from memfeat import _frames, regression

    labels = {f"--{name}": options.pop(name) for name in LABELS}
    _once({"--column": columns, "--covariates": covariates})
    reliability = _named(columns, {"split_half": split_half, "spearman_brown": spearman_brown}, halves)
    asked = Asked(columns, covariates, labels, _pairs(columns, halves, pairs))
    if covariates and (reliability is not None or halves is not None):
        left = "What --covariates leave of the scores is less reliable than the scores"
        raise click.UsageError(f"{left}: leave out --split-half, --spearman-brown and --halves.")
    if options["combine"] is not None and len(features) == 1:
        raise click.UsageError("--combine says how several FEATURES are used together; give more than one.")
    _comparable(against, features, bootstraps)
    if figure is not None and len(columns) > 1:
        raise click.UsageError("--figure draws one score; give one --column.")
    told = click.get_current_context().get_parameter_source("permutations") is not ParameterSource.DEFAULT
    out, figure = destination(out, *(["contrasts"] if against is not None else [])), figure_at(figure)
    sampling: dict[str, Any] = {"n_bootstraps": bootstraps, "rng": seed}
    options |= {"repeats": repeats} if repeats > 1 else {}
    options |= {"held_out": list(held_out) or None, "progress": False if quiet else None}
    with messages(quiet=quiet):
        read = read_inputs(features, table, halves, asked)
        _layer(against, read)
        known: dict[str, Any] = {**read.labels, "covariates": read.covariates, **options}
        result = regression.decode(
            _single(read.features),
            _scores(read),
            folds=known.pop("split", folds),
            n_permutations=permutations if told else None,
            reliability=_single(read.halves) if read.halves else reliability,
            **known,
            **sampling,
        )
        contrasts = None if against is None else _contrasts(result, read, against, known["permute"], sampling)
    give(_frames.per_comparison(result), result, out=out, as_json=as_json, columns=PRINTED, contrasts=contrasts)
    if figure is not None:
        with messages(quiet=quiet):
            draw_profile(result, figure)


def _once(given: Mapping[str, tuple[str, ...]]) -> None:
    """Refuse a column that is named twice."""
    for option, names in given.items():
        twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
        if twice:
            raise click.UsageError(f"{option} names {twice[0]} twice; give each column once.")


def _named(columns: tuple[str, ...], given: Mapping[str, tuple[float, ...]], halves: Path | None) -> Any:
    """Give reliabilities that are known as numbers as the library takes them."""
    kinds = [kind for kind, numbers in given.items() if numbers]
    if len(kinds) + (halves is not None) > 1:
        raise click.UsageError("--split-half, --spearman-brown and --halves say the same thing; give one.")
    if not kinds:
        return None
    numbers = given[kinds[0]]
    _one_each(f"--{kinds[0].replace('_', '-')}", len(numbers), columns)
    return _single({name: {kinds[0]: number} for name, number in zip(columns, numbers, strict=True)})


def _pairs(columns: tuple[str, ...], halves: Path | None, pairs: Pairs) -> Pairs:
    """Give what names halves; of one score it may be several splits."""
    if halves is None:
        if pairs:
            raise click.UsageError("--half names columns of --halves; give that table too.")
        return ()
    if len(columns) > 1:
        _one_each("--half", len(pairs), columns)
    return pairs or (HALVES,)


def _one_each(option: str, n: int, columns: tuple[str, ...]) -> None:
    if n != len(columns):
        order = f" once for each --column, in the same order ({', '.join(columns)})" if len(columns) > 1 else " once"
        raise click.UsageError(f"Give {option}{order}; there are {n}.")


def _single(values: Mapping[str, Any]) -> Any:
    """Give the one thing that there is, or all by their names."""
    return values if len(values) > 1 else next(iter(values.values()))


def _scores(read: Inputs) -> Any:
    """Give one column, or a Dataset of several."""
    import xarray as xr

    return xr.Dataset(read.scores) if len(read.scores) > 1 else _single(read.scores)


def _comparable(against: str | None, features: tuple[Path, ...], bootstraps: int) -> None:
    """Refuse contrasts where there is nothing to compare, or to compare by."""
    if against is None:
        return
    if len(features) > 1:
        raise click.UsageError("--against compares layers of one store; several FEATURES are used together as one.")
    if bootstraps == 0:
        raise click.UsageError("--against compares layers in bootstrap samples; give more than --bootstraps 0.")


def _layer(against: str | None, read: Inputs) -> None:
    """Refuse a layer that is not there, before the work."""
    from memfeat._labels import layer_names

    if against is not None:
        layers = layer_names(_single(read.features))
        looked_up("--against", against, layers, f"FEATURES hold: {', '.join(layers)}.")
        if len(layers) == 1:
            raise ArgumentError(advice("FEATURES", "hold two layers at least with --against", listed.of(layers)))


def _contrasts(result: "xr.Dataset", read: Inputs, against: str, permute: str | None, sampling: dict[str, Any]) -> Part:
    """Compare all layers with one; what is printed is the metric that the layers' own table has."""
    from memfeat import _frames, regression

    drawn: dict[str, Any] = {"against": against, "permute": permute, "blocks": read.labels.get("groups")}
    found = regression.contrast(result, _scores(read), **drawn, **sampling)
    frame = _frames.per_comparison(found.reset_coords(["first", "second"])).drop(columns="contrast")
    order = [name for name in CONTRASTED if name in frame]
    frame = frame[[*order, *frame.columns.difference(order, sort=False)]]
    return Part(frame, found, frame.loc[frame["metric"] == "spearman", order])
