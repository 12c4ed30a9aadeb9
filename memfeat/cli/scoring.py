"""The command that scores images from trials."""

from pathlib import Path
from typing import Any

import click

from memfeat.cli.manners import messages
from memfeat.cli.options import TABLE, manners, written
from memfeat.cli.outputs import destination, give

__all__ = ["scores"]

PRINTED = ["image", "n_targets", "n_foils", "hit_rate", "false_alarm_rate", "corrected_recognition", "d_prime"]


def _rules(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> dict[str, float]:
    """Read rules such as false_alarm_rate=0.7."""
    try:
        return {name.strip(): float(limit) for name, limit in (value.split("=") for value in values)}
    except ValueError:
        raise click.BadParameter("write each as NAME=NUMBER, such as false_alarm_rate=0.7.") from None


@click.command(short_help="Score images from trials of old/new recognition.")
@click.argument("trials", type=TABLE)
@click.option("--truth", help="The column that says what was shown, old or new.")
@click.option("--response", help='The column that says what was answered, "old" or "new".')
@click.option("--image", help="The column that names the image.")
@click.option("--participant", help="The column that names the participant.")
@click.option("--lag", help="The column that says how long ago the image was shown, where images come back.")
@click.option("--correction", default="log-linear", show_default=True, help="For d_prime: log-linear or 1/(2n).")
@click.option("--interval", default="wilson", show_default=True, help="Of rates: wilson or jeffreys.")
@click.option(
    "--exclude",
    "rules",
    multiple=True,
    callback=_rules,
    help="Leave out participants: false_alarm_rate=0.7, n_trials=20 …",
)
@click.option("--vigilance", help="The column that marks vigilance repeats, for --exclude vigilance_miss_rate=0.7.")
@written
@manners
def scores(  # noqa: PLR0913
    trials: Path,
    correction: str,
    interval: str,
    rules: dict[str, Any],
    vigilance: str | None,
    out: Path | None,
    as_json: bool,
    quiet: bool,
    **columns: Any,
) -> None:
    """Score images from TRIALS of old/new recognition, a CSV with one row per answer.

    Who is left out, and why, is said on stderr.

    Example: memfeat scores trials.csv --truth target --response key --exclude false_alarm_rate=0.7 -o scores.csv
    """
    from memfeat import _frames
    from memfeat.scores import exclude, from_trials

    if vigilance and not rules:
        raise click.UsageError("--vigilance needs a rule: --exclude vigilance_miss_rate=0.7.")
    out = destination(out)
    with messages(quiet=quiet):
        table: Any = trials
        if rules:
            given: Any = rules
            table, people = exclude(trials, rules=given, vigilance=vigilance, **columns)
            out_of_it = people.isel(participant=people["excluded"].values)
            for who, why in zip(out_of_it["participant"].values, out_of_it["reason"].values, strict=True):
                if not quiet:
                    click.echo(f"left out: participant {who}, {why}", err=True)
        found = from_trials(table, correction=correction, interval=interval, **columns)
    give(_frames.per_image(found), found, out=out, as_json=as_json, columns=PRINTED)
