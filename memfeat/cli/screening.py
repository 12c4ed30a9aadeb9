"""The command that looks for images to be wary of: screen."""

from pathlib import Path
from typing import Any

import click

from memfeat.cli.inputs import sources
from memfeat.cli.manners import FAILED, SOME_FAILED, messages
from memfeat.cli.options import machine, manners, written
from memfeat.cli.outputs import destination, failures, give

__all__ = ["screen"]


@click.command(short_help="List photographs that warn, before a study.")
@click.argument("photos", nargs=-1, required=True)
@click.option("--predict", "predicted", is_flag=True, help="Also predict memorability, and name what is at the floor.")
@click.option("--distance", type=click.IntRange(0, 64), default=8, show_default=True,
              help="Bits in which the hashes of near-duplicates differ at most.")  # fmt: skip
@written
@machine
@manners
def screen(
    photos: tuple[str, ...],
    predicted: bool,
    distance: int,
    out: Path | None,
    as_json: bool,
    quiet: bool,
    **machine: Any,
) -> None:
    """List photographs that warn: near-duplicates, what is unlike photographs, small, long, or predicted at the floor.

    The terminal shows those that warn; a file or --json has all.

    Example: memfeat screen photos/ -o screening.csv
    """
    from memfeat import _frames, screening
    from memfeat.images import read
    from memfeat.prediction import predict

    out = destination(out)
    progress = False if quiet else None
    with messages(quiet=quiet):
        images = read(sources(photos), verify=False, progress=progress)
        memory = predict(images, progress=progress, **machine) if predicted else None
        found = screening.check(images, predictions=memory, distance=distance, progress=progress)
    frame = _frames.per_image(found)
    warned = frame[frame["warnings"] != ""]
    if out is None and not as_json:
        click.echo(f"{len(warned)} of {len(frame)} images warn{':' if len(warned) else '.'}")
    if out is not None or as_json or len(warned):
        shown = frame if out is not None or as_json else warned
        give(shown, found, out=out, as_json=as_json, columns=["image", "warnings"])
    bad = frame[frame["status"] != "ok"]
    rows = [(str(r.image), str(r.status), str(r.reason)) for r in bad.itertuples()]
    if failures(rows, len(frame)):
        click.get_current_context().exit(FAILED if len(rows) == len(frame) else SOME_FAILED)
