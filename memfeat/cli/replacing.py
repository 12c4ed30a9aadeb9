"""What commands may write over: files that memfeat wrote, and others only where --overwrite says so."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from memfeat._check import advice
from memfeat.errors import ArgumentError

__all__ = ["may_be_written", "overwrite"]

#: Where the context of a command keeps what --overwrite says.
SAID = "memfeat.overwrite"
#: What stands in figures (see `mf.plot.save`) and pages that memfeat wrote, however long ago.
MARK = re.compile(
    rb"<dc:title>memfeat</dc:title>|Software\0memfeat|/Creator \(memfeat\)|"
    rb'<meta name="generator" content="memfeat"|<dt>memfeat</dt>|<!-- memfeat -->\s*\Z'
)


def _remembered(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    ctx.meta[SAID] = value


overwrite = click.option(
    "--overwrite",
    is_flag=True,
    expose_value=False,
    callback=_remembered,
    help="Also replace a file that memfeat did not write, or that was changed since.",
)


def may_be_written(file: Path, argument: str) -> None:
    """Make sure, before the work begins, that nothing is lost when a file is written.

    Parameters
    ----------
    file : Path
        The file.
    argument : str
        What the user calls it.

    Raises
    ------
    ArgumentError
        If there is a file of that name that memfeat did not write, that was changed since, or that the command reads,
        and the command was not told to --overwrite it.
    """
    ctx = click.get_current_context()
    if ctx.meta.get(SAID) or not (file.is_file() or _beside(file).exists()):
        return
    remedy = "Name another file, or add --overwrite to lose this one; nothing has been computed yet."
    if file.resolve() in _read_by(ctx):
        raise ArgumentError(advice(argument, "be another file than those that are read", str(file), remedy))
    if not _by_memfeat(file):
        rule = "be a new file, or one that memfeat wrote and nobody changed"
        raise ArgumentError(advice(argument, rule, str(file), remedy))


def _read_by(ctx: click.Context) -> Iterator[Path]:
    """List the files that a command was told to read: its arguments, and options that name what is there."""
    for one in ctx.command.params:
        if isinstance(one, click.Argument) or getattr(one.type, "exists", False):
            given = ctx.params.get(str(one.name))
            for path in given if isinstance(given, tuple) else (given,):
                if isinstance(path, str | Path):
                    yield Path(path).expanduser().resolve()


def _by_memfeat(file: Path) -> bool:
    """Say whether memfeat wrote a file: by its hash beside it, by its attributes, or by a mark in it."""
    from memfeat import _frames

    if _beside(file).exists():
        return _frames.unchanged(file) if file.exists() else bool(_frames.read_attrs(file))
    return KNOWN.get(file.suffix.lower(), _marked)(file)


def _beside(file: Path) -> Path:
    return file.with_name(f"{file.name}.json")


def _attributed(file: Path) -> bool:
    import h5py

    try:
        with h5py.File(file) as found:
            return "memfeat_version" in found.attrs
    except OSError:
        return False


def _marked(file: Path) -> bool:
    return file.is_file() and MARK.search(file.read_bytes()) is not None


#: Ending → what says whether memfeat wrote the file, where nothing stands beside it.
KNOWN: dict[str, Callable[[Path], bool]] = {".csv": lambda file: False, ".nc": _attributed}
