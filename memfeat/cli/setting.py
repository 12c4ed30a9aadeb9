"""The commands about sets of images: compare-sets, match-sets."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from memfeat.cli.gathering import Asked, Gathered, gathered
from memfeat.cli.manners import SOME_FAILED, messages
from memfeat.cli.options import FILE, FOLDER, TABLE, bootstraps, machine, manners, tested, written
from memfeat.cli.outputs import Part, destination, failures, give, shown
from memfeat.cli.replacing import may_be_written
from memfeat.cli.stores import read_store

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from memfeat.cli.reporting import Layers

__all__ = ["compare_sets", "match_sets"]

#: What the terminal shows.
BY_SET = ["set", "score", "n", "n_unreadable", "mean", "median", "sd", "share_at_floor"]
ALL_SETS = ["test", "score", "omnibus_statistic", "omnibus_p", "omnibus_p_corrected"]
EQUIVALENCE = [
    "contrast",
    "score",
    *(f"equivalence_{name}" for name in ("bound", "ci_low", "ci_high", "p", "p_corrected")),
]
BY_CONTRAST = ["contrast", "score", "statistic", "estimate", "ci_low", "ci_high", "p", "p_corrected"]
BY_LAYER = ["layer", "contrast", "statistic", "estimate", "tested", "expected", "p", "p_corrected"]
BALANCE = ["contrast", "variable", "smd", "variance_ratio", "ks", "difference", "expected_difference"]
SET, SIDES = "set", ("first", "second")
REPORTS = (".html", ".md")


def _compared(found: Gathered, options: dict[str, Any]) -> "xr.Dataset":
    """Compare scores as far as options were given."""
    from memfeat import sets

    given = {name: value for name, value in options.items() if value not in (None, [])}
    return sets.compare(found.sets, **given)


def _in_layers(store: Path, found: Gathered, options: dict[str, Any]) -> "Layers":
    """Compare features of the images that have any."""
    import pandas as pd

    from memfeat import sets
    from memfeat.cli.reporting import Layers
    from memfeat.models.layers import select

    features = read_store(store)
    layers, wanted, units, reported = (options.pop(name) for name in ("layers", "statistics", "units", "reported"))
    if layers:
        names = [str(name) for name, one in features.data_vars.items() if "image" in one.dims]
        chosen = select(pd.DataFrame({"name": names, "module": names, "kind": ""}), list(layers))["name"]
        features = features[list(chosen)]
    label = found.labels
    if label.index.has_duplicates:
        twice = label.index[label.index.duplicated()][0]
        raise click.UsageError(
            f"--features holds each image once, by name, and {twice} is in two sets: give versions names of their own, "
            "and the column of originals by --paired."
        )
    there = [str(name) for name in features["image"].values if str(name) in label.index]
    gone = sorted(set(label.index) - set(there))
    if gone:
        click.echo(f"No features of {len(gone)} images, such as {gone[0]}.", err=True)
    given: dict[str, Any] = {"statistics": list(wanted)} if wanted else {}
    features, label = features.sel(image=there), label[there]
    compared = sets.compare_features(features, label, **given, **options, **_exchanged(found, there, units))
    last = str(compared["layer"].values[-1])
    copies = sets.near_duplicates(features[[last]], label, progress=options["progress"]) if reported else None
    return Layers(compared, copies)


def _exchanged(found: Gathered, there: list[str], units: str | None) -> dict[str, Any]:
    """Say what changes places in feature space: versions of an original, or clusters."""
    if units is None:
        return {}
    labels, sets = found.column(units)[there], found.labels[there]
    within = sets.groupby(labels).nunique().max() > 1
    return {"blocks": labels, "permute": "within" if within else "whole"}


@click.command("compare-sets", short_help="Compare image sets by their scores and features.")
@click.argument("sets", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--values", multiple=True, help="The column of scores, or several: a,b; memorability by default.")
@click.option("--by", help="The column of a single table that says which set an image is of.")
@click.option("--covariates", multiple=True, help="A column to hold equal, or several: a,b; numbers or categories.")
@click.option("--low-level", multiple=True, help="A low-level statistic of photographs to hold equal, or several.")
@click.option("--clusters", help="The column of what images share as a source.")
@click.option("--paired", help="The column of originals that images are versions of; image where they have one name.")
@click.option("--bound", type=float, help="The largest difference of means that does not matter: asks for equivalence.")
@click.option("--bound-sd", type=float, help="The same in standard deviations.")
@click.option("--features", type=FOLDER, help="A store of features of all images, to be compared layer by layer.")
@click.option("--layers", multiple=True, help="Only these layers: names or globs.")
@click.option("--statistics", multiple=True, help="What is computed of features: mmd, energy, classifier and others.")
@click.option("--report", type=FILE, help="Write an .html page, or .md with figures beside it: table, figure, text.")
@tested(9_999)
@bootstraps
@machine
@manners
def compare_sets(  # noqa: PLR0913
    sets: tuple[Path, ...],
    values: tuple[str, ...],
    by: str | None,
    covariates: tuple[str, ...],
    low_level: tuple[str, ...],
    bound: float | None,
    bound_sd: float | None,
    features: Path | None,
    layers: tuple[str, ...],
    statistics: tuple[str, ...],
    report: Path | None,
    permutations: int,
    seed: int,
    out: Path | None,
    bootstraps: int,
    as_json: bool,
    quiet: bool,
    clusters: str | None,
    paired: str | None,
    **machine: Any,
) -> None:
    """Compare SETS of images by their scores, and in feature space.

    SETS are folders of photographs, whose memorability is predicted, or CSV tables of scores; or one table with --by.

    Example: memfeat compare-sets old.csv new.csv --values hit_rate --report comparison.html

    With photographs: memfeat compare-sets faces/ scenes/ --low-level luminance --report comparison.html
    """
    if bound is not None and bound_sd is not None:
        raise click.UsageError("--bound and --bound-sd say the same thing; give one.")
    out = destination(out, *(["features"] if features is not None else []))
    report = _report(report)
    progress = False if quiet else None
    values, covariates, low_level = map(_each, (values, covariates, low_level))
    options: dict[str, Any] = {
        "values": values[0] if len(values) == 1 else list(values),
        "covariates": [*covariates, *low_level],
    }
    options |= {"clusters": clusters, "paired": paired, "bound": {"sd": bound_sd} if bound_sd is not None else bound}
    drawn = {"n_permutations": permutations, "rng": seed}
    with messages(quiet=quiet):
        found = gathered(Asked(sets, by, low_level, paired), progress=progress, machine=machine)
        result = _compared(found, options | drawn | {"n_bootstraps": bootstraps})
        in_layers = None
        if features is not None:
            asked: dict[str, Any] = {"layers": layers, "statistics": statistics, "progress": progress, **drawn}
            asked |= {"units": paired or clusters, "reported": report is not None}
            in_layers = _in_layers(features, found, asked | {"n_permutations": min(permutations, 999)})
        if report is not None:
            from memfeat.cli.reporting import write

            write(found, result, in_layers, report)
    _give(result, None if in_layers is None else in_layers.compared, out=out, as_json=as_json)
    if report is not None and not as_json:
        click.echo(f"Wrote {report}.")
    if failures(found.unreadable, found.n_images):
        click.get_current_context().exit(SOME_FAILED)


def _report(report: Path | None) -> Path | None:
    """Make sure that a report can be written, and nothing is lost by it and by its figures."""
    file = destination(report, argument="--report", endings=REPORTS)
    if file is not None and file.suffix.lower() == ".md":
        for figure in file.parent.iterdir():
            if re.fullmatch(rf"{re.escape(file.stem)}_\d+\.svg", figure.name):
                may_be_written(figure, "--report")
    return file


def _give(result: "xr.Dataset", in_layers: "xr.Dataset | None", *, out: Path | None, as_json: bool) -> None:
    """Print or write both comparisons."""
    from memfeat import _frames

    if out is None and not as_json:
        for columns in (BY_SET, ALL_SETS, EQUIVALENCE):
            some = result[[name for name in columns if name in result.data_vars]]
            if some.data_vars:
                click.echo(shown(_filled(some.to_dataframe().reset_index(), columns)) + "\n")
    below = None
    if in_layers is not None:
        table = _frames.per_comparison(_with_sets(in_layers))
        below = Part(table, in_layers, _filled(table, BY_LAYER), called="features")
    give(
        _frames.per_comparison(_with_sets(result)),
        result,
        out=out,
        as_json=as_json,
        columns=BY_CONTRAST,
        contrasts=below,
    )


def _with_sets(result: "xr.Dataset") -> "xr.Dataset":
    """Say of each contrast which sets it compares and how many images they have, which its rows would not hold."""
    import xarray as xr

    beside: dict[str, xr.DataArray] = {}
    for place, side in enumerate(SIDES):
        # two sets in feature space have no contrast that names them
        known = (
            result[side].reset_coords(drop=True) if side in result.coords else xr.DataArray(result[SET].values[place])
        )
        beside |= {side: known, f"n_{side}": result["n"].sel({SET: known}).reset_coords(drop=True)}
    return result.drop_vars(SIDES, errors="ignore").assign(beside)


def _filled(frame: "pd.DataFrame", columns: list[str]) -> "pd.DataFrame":
    """Keep the columns that say anything."""
    return frame[[name for name in columns if name in frame and frame[name].notna().any()]]


def _each(names: tuple[str, ...]) -> tuple[str, ...]:
    """Read a,b as names, too, where an option may be given several times."""
    return tuple(one.strip() for name in names for one in name.split(",") if one.strip())


def _separate(_ctx: click.Context, _param: click.Parameter, value: str | None) -> list[str]:
    """Read a,b as names."""
    return [] if value is None else [one.strip() for one in value.split(",") if one.strip()]


@click.command("match-sets", short_help="Choose sets of images that are alike, or differ.")
@click.argument("pool", type=TABLE)
@click.option("--n", "size", type=click.IntRange(2), required=True, help="How many images each set has.")
@click.option("--score", default="memorability", show_default=True, help="The column of memorability.")
@click.option("--covariates", callback=_separate, metavar="NAMES", help="Columns in which sets are equal: a,b,c.")
@click.option("--categories", callback=_separate, metavar="NAMES", help="Columns whose labels sets have alike: a,b.")
@click.option("--sets", "names", callback=_separate, metavar="NAMES", help="What the sets are called: A,B by default.")
@click.option("--apart", type=float, help="How many standard deviations sets differ in the score; equal by default.")
@click.option(
    "--split-half", type=float, help="Correlation of halves of the score: what to expect when measured again."
)
@click.option("--best", is_flag=True, help="Give the nearest sets where the pool does not have what was asked.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of all random draws.")
@written
@manners
def match_sets(  # noqa: PLR0913
    pool: Path,
    size: int,
    score: str,
    covariates: list[str],
    categories: list[str],
    names: list[str],
    apart: float | None,
    split_half: float | None,
    best: bool,
    seed: int,
    out: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Choose sets of images from POOL, a CSV: equal in a score and in covariates, or apart in the score.

    Prints the balance table: no p-values, because sets were chosen and not drawn. The sets go into the file.

    Example: memfeat match-sets pool.csv --n 100 --score hit_rate --covariates luminance,rms_contrast -o sets.csv
    """
    from memfeat import _frames, sets

    out = destination(out, "balance")
    asked: dict[str, Any] = {"score": score, "covariates": covariates, "rng": seed, "best": best}
    asked |= {key: value for key, value in {"categories": categories, "sets": names}.items() if value}
    if apart is not None:
        asked["difference"] = {"sd": apart}
    with messages(quiet=quiet):
        chosen = sets.match(pool, size, **asked)
        again: dict[str, Any] = {"reliability": {"split_half": split_half}} if split_half is not None else {}
        table = sets.balance(chosen, **again)
    frame = _frames.per_image(chosen)
    beside = _with_sets(table)
    kept = [name for name in (*BALANCE, *SIDES, *(f"n_{side}" for side in SIDES)) if name in beside.data_vars]
    balance = beside[kept].to_dataframe().reset_index()
    part = Part(balance, table, _filled(balance, BALANCE), called="balance")
    if out is not None and not as_json:
        click.echo(shown(part.printed) + "\n")
    give(frame, chosen, out=out, as_json=as_json, columns=["image", "set", score], contrasts=part)
