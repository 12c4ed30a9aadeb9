"""What the user points at: a folder, files, a table or named images in memory."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from memfeat._check import advice, listed
from memfeat._tables import is_table_file, read_named
from memfeat.errors import ArgumentError, KindError, MissingFileError, NoImageError
from memfeat.images.clips import CLIPS

__all__ = ["EXTENSIONS", "Found", "found"]

#: Endings of the files that a folder is searched for. HEIC is listed so that such a file is reported, not passed over.
EXTENSIONS = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm",
    ".pnm", ".jp2", ".j2k", ".tga", ".avif", ".heic", ".heif",
)  # fmt: skip
WHAT = "a folder, an image, a list of paths, a CSV path, a DataFrame or a dict of named images"


@dataclass(frozen=True)
class Found:
    """Images that were found, one item per name, before anything is read."""

    names: list[str]
    #: paths, or images in memory
    items: list[Any]
    #: the user's own columns, one row per name
    columns: pd.DataFrame | None = None
    facts: dict[str, int] = field(default_factory=dict)


def found(source: Any, *, column: str | None, root: Any, clips: bool = False) -> Found:
    """Find the images of a source.

    Parameters
    ----------
    source : object
        What the user gave.
    column : str, optional
        The column of a table that holds the paths.
    root : str or path, optional
        The folder that names are relative to.
    clips : bool
        Whether folders are searched for clips as well.

    Returns
    -------
    Found
        Unique names, each with a path or an image in memory.

    Raises
    ------
    KindError
        If the source is none of these.
    MissingFileError
        If a path is not there, or none of several is.
    NoImageError
        If a folder or list holds no image.
    ArgumentError
        If an image is named twice, or lies outside `root`.
    """
    base = None if root is None else _folder(root)
    if isinstance(source, Mapping):
        return _named(source)
    if isinstance(source, pd.DataFrame):
        return _table(source, column=column, base=base, home=Path())
    if isinstance(source, str | os.PathLike):
        if not os.fspath(source):  # pathlib would take it for the working directory
            raise MissingFileError(advice("source", "be a path that exists", source))
        endings = (*EXTENSIONS, *CLIPS) if clips else EXTENSIONS
        return _path(Path(source).expanduser(), column=column, base=base, endings=endings)
    if isinstance(source, Iterable) and not isinstance(source, bytes) and not hasattr(source, "detach"):
        return _paths(source, base=base)
    remedy = "Name a single image: mf.images.read({'name': image})."
    raise KindError(advice("source", f"be {WHAT}", listed(type(source).__name__), remedy))


def _folder(root: Any) -> Path:
    """Check that `root` is a folder."""
    path = Path(root).expanduser()
    if not path.is_dir():
        raise MissingFileError(advice("root", "be a folder that exists", str(root)))
    return path


def _path(path: Path, *, column: str | None, base: Path | None, endings: tuple[str, ...]) -> Found:
    """Find the images of one path."""
    if path.is_dir():
        return _in_folder(path, base=base, taken=endings)
    if not path.exists():
        near = next(parent for parent in (*path.parents, Path()) if parent.exists())
        remedy = f"Check the spelling; the nearest folder that exists is {str(near)!r}."
        raise MissingFileError(advice("source", "be a path that exists", str(path), remedy))
    if is_table_file(path):
        return _table(path, column=column, base=base, home=path.parent)
    return Found(*_identified([path], base=base, fallback=path.parent))


def _in_folder(folder: Path, *, base: Path | None, taken: tuple[str, ...]) -> Found:
    """Find the images in and under a folder."""
    files = sorted(_files(folder))
    images = [path for path in files if path.suffix.lower() in taken]
    if not images:
        endings = sorted({path.suffix.lower() or "none" for path in files})
        holds = f"{len(files)} files (endings {', '.join(endings[:5])})" if files else "no files"
        remedy = f"Files that end in {', '.join(taken)} are taken, in subfolders too; hidden ones are not."
        raise NoImageError(advice("source", "hold at least one image", listed(f"{str(folder)!r} with {holds}"), remedy))
    facts = {"n_other_files": len(files) - len(images)}
    return Found(*_identified(images, base=base, fallback=folder), facts=facts)


def _files(folder: Path) -> Iterator[Path]:
    """Walk a folder, links followed once, hidden files and folders left out."""
    seen = set()
    for here, folders, names in os.walk(folder, followlinks=True):
        seen.add(os.path.realpath(here))
        folders[:] = sorted(
            name for name in folders if name[0] != "." and os.path.realpath(os.path.join(here, name)) not in seen
        )
        yield from (Path(here, name) for name in names if name[0] != ".")


def _paths(source: Iterable[Any], *, base: Path | None) -> Found:
    """Find the images of a list of paths."""
    items = list(source)
    wrong = [item for item in items if not isinstance(item, str | os.PathLike)]
    if wrong:
        remedy = "Name images in memory: mf.images.read({'name': image, …})."
        kinds = listed(f"{len(wrong)} of kind {type(wrong[0]).__name__}")
        raise KindError(advice("source", "be a list of paths", kinds, remedy))
    if not items:
        raise NoImageError(advice("source", "hold at least one image", listed("an empty list")))
    paths = [Path(item).expanduser() for item in items]
    _some_exist(paths, "Check the folder they are in.")
    return Found(*_identified(paths, base=base, fallback=None))


def _table(source: Any, *, column: str | None, base: Path | None, home: Path) -> Found:
    """Find the images of a table; its paths are relative to `base`, or to where the table lies."""
    table, key = read_named(source, "source", column=column)
    if table.empty:
        raise NoImageError(advice("source", "hold at least one image", listed("a table without rows")))
    folder = home if base is None else base
    label = "the table" if isinstance(source, pd.DataFrame) else repr(str(source))
    paths = [folder / name.replace("\\", "/") for name in table[key]]
    remedy = (
        f"They were looked for in {str(folder)!r}: say where they are with root=. "
        f"If these are scores, give the folder, and scores={label}."
    )
    _some_exist(paths, remedy)
    fallback = folder if all(_relative(path, folder) for path in paths) else None
    return Found(*_identified(paths, base=base, fallback=fallback), columns=table.drop(columns=key))


def _named(source: Mapping[Any, Any]) -> Found:
    """Take images by the names that the user gave."""
    if not source:
        raise NoImageError(advice("source", "hold at least one image", listed("an empty dict")))
    wrong = [name for name in source if not isinstance(name, str) or not name]
    if wrong:
        raise KindError(advice("source", "name each image by text", wrong[0]))
    items = [Path(item).expanduser() if isinstance(item, str | os.PathLike) else item for item in source.values()]
    return Found(list(source), items)


def _some_exist(paths: list[Path], remedy: str) -> None:
    """Refuse a list of which nothing is there; single files may be missing."""
    if not any(path.exists() for path in paths):
        none = listed(f"none of {listed.of(path.as_posix() for path in paths)}")
        raise MissingFileError(advice("source", "name files that exist", none, remedy))


def _identified(paths: list[Path], *, base: Path | None, fallback: Path | None) -> tuple[list[str], list[Path]]:
    """Name each path relative to `base`, else `fallback`, else the folder that all have in common."""
    folder = base or fallback or Path(os.path.commonpath([os.path.abspath(path.parent) for path in paths]))
    names = [_relative(path, folder) for path in paths]
    outside = [path.as_posix() for path, name in zip(paths, names, strict=True) if name is None]
    if outside:
        where = listed(f"outside it {listed.of(outside)}")
        raise ArgumentError(advice("root", f"contain every image ({str(folder)!r})", where))
    values, counts = np.unique(np.array(names, dtype=str), return_counts=True)
    if (counts > 1).any():
        twice = listed(f"duplicates {listed.of(values[counts > 1])}")
        raise ArgumentError(advice("source", "name each image once", twice, "Drop the second one."))
    return [str(name) for name in names], paths


def _relative(path: Path, folder: Path) -> str | None:
    """Give the path as seen from the folder, or None if it is not inside."""
    try:
        relative = os.path.relpath(path, folder)
    except ValueError:  # another drive
        return None
    name = PurePosixPath(Path(relative).as_posix())
    return None if ".." in name.parts else str(name)
