"""What commands may write over: files that memfeat wrote, and others only where --overwrite says so.

A table, or a figure beside which a .json says how it was made, is known by the hash in there, and so no longer if
somebody changes it. Other figures, pages and .nc files are known by a mark that memfeat leaves in them, which is still
there after they were edited.
"""

import mmap
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from memfeat._check import advice
from memfeat.errors import ArgumentError

__all__ = ["may_be_written", "overwrite"]

#: Where the context of a command keeps what --overwrite says.
SAID = "memfeat.overwrite"
#: What stands in figures (see `mf.plot.save`) and pages that memfeat wrote, and stays there if they are edited.
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
    help="Also replace a file that memfeat did not write, or a table that was changed since.",
)


def may_be_written(file: Path, argument: str, *, known: bool = True, other: str = "file") -> None:
    """Make sure, before the work begins, that nothing is lost when a file is written.

    Parameters
    ----------
    file : Path
        The file.
    argument : str
        What the user calls it.
    known : bool
        Whether such a file shows that memfeat wrote it.
    other : str
        What the user can name instead: another "file", or another "folder".

    Raises
    ------
    ArgumentError
        If there is a file of that name that memfeat did not write, a table that was changed since, or a file that the
        command reads, and the command was not told to --overwrite it.
    """
    ctx = click.get_current_context()
    if ctx.meta.get(SAID) or not (file.is_file() or _told(file)):
        return
    remedy = f"Name another {other}, or add --overwrite to lose this file; nothing has been computed yet."
    if file.resolve() in _read_by(ctx):
        raise ArgumentError(advice(argument, "be another file than those that are read", str(file), remedy))
    if not (known and _by_memfeat(file)):
        rule = f"be a new file{', or one that memfeat wrote and nobody changed' if known else ''}"
        raise ArgumentError(advice(argument, rule, str(file), remedy))


def _read_by(ctx: click.Context) -> Iterator[Path]:
    """List the files that a command was told to read: its arguments, and options that name what is there."""
    for one in ctx.command.params:
        if isinstance(one, click.Argument) or getattr(one.type, "exists", False):
            given = ctx.params.get(str(one.name))
            for path in given if isinstance(given, tuple) else (given,):
                if isinstance(path, str | Path):
                    # Path.expanduser fails for users that are not known
                    yield Path(os.path.expanduser(path)).resolve()


def _by_memfeat(file: Path) -> bool:
    """Say whether memfeat wrote a file: by its hash beside it, by its attributes, or by a mark in it."""
    from memfeat import _frames

    if _told(file):
        return _frames.unchanged(file) if file.exists() else bool(_frames.read_attrs(file))
    return KNOWN.get(file.suffix.lower(), _marked)(file)


def _told(file: Path) -> bool:
    """Say whether there is a file of the name under which memfeat writes how such a file was made."""
    from memfeat import _frames

    return file.suffix.lower() in TOLD and _frames.attrs_file(file).exists()


def _attributed(file: Path) -> bool:
    import h5py

    try:
        with h5py.File(file) as found:
            return "memfeat_version" in found.attrs
    except OSError:
        return False


def _marked(file: Path) -> bool:
    if not (file.is_file() and file.stat().st_size):  # an empty file cannot be mapped
        return False
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return MARK.search(content) is not None


#: Endings of files that may have a .json beside them, which says how they were made.
TOLD = (".csv", ".svg", ".png", ".pdf")
#: Ending → what says whether memfeat wrote the file, where nothing stands beside it.
KNOWN: dict[str, Callable[[Path], bool]] = {".csv": lambda file: False, ".nc": _attributed}
