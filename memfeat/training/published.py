"""LaMem and MemCat as their authors give them out: image tables with scores."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import xarray as xr

from memfeat._check import advice, listed
from memfeat.errors import ArgumentError, MissingFileError
from memfeat.images import read

__all__ = ["lamem", "lamem_and_memcat", "memcat"]

SCORE = "memorability"
#: Which list of LaMem's split 1 to read when there is no list of all.
LISTS = ("train_1.txt", "val_1.txt", "test_1.txt")
#: Where MemCat's table and images lie in what its authors give out, and in copies of it.
TABLES = ("memcat_image_data.csv", "data/memcat_image_data.csv", "MemCat_data/memcat_image_data.csv")
FOLDERS = ("images", "MemCat", "MemCat_images/MemCat", ".")
HIT_RATE, CORRECTED = "memorability_wo_fa_correction", "memorability_w_fa_correction"


def lamem(folder: str | Path, *, progress: bool | None = None) -> xr.Dataset:
    """Read LaMem: 58,741 images with memorability.

    Parameters
    ----------
    folder : path
        The folder that holds `images/` and `splits/`, as the archive unpacks. `splits/full.txt` is read if it is
        there, else `train_1.txt`, `val_1.txt` and `test_1.txt`: one line per image, its file's name, a space and its
        score; what else a line holds is left out.
    progress : bool, optional
        Show a progress bar.

    Returns
    -------
    Dataset (image)
        An image table with `memorability`. Images are called `lamem/NAME`.

    Raises
    ------
    MissingFileError
        If the folder or a list is not there.
    ArgumentError
        If a line cannot be read, or an image stands in the lists twice with different scores.

    References
    ----------
    Khosla A, Raju AS, Torralba A, Oliva A (2015). Understanding and predicting image memorability at a large scale.
    ICCV, 2390-2398.
    """
    return _table(*_lamem(Path(folder).expanduser()), progress=progress)


def memcat(folder: str | Path, *, corrected: bool = False, progress: bool | None = None) -> xr.Dataset:
    """Read MemCat: 10,000 images of five categories with memorability.

    Parameters
    ----------
    folder : path
        The folder that holds `memcat_image_data.csv` (or has it in `data/` or `MemCat_data/`) and the images as
        `CATEGORY/SUBCATEGORY/FILE` (in `images/`, `MemCat/`, `MemCat_images/MemCat/` or the folder itself).
    corrected : bool
        Take hit rates less false-alarm rates (column `memorability_w_fa_correction`) instead of hit rates
        (`memorability_wo_fa_correction`, which is the column that the released ResMem's authors read).
    progress : bool, optional
        Show a progress bar.

    Returns
    -------
    Dataset (image)
        An image table with `memorability`. Images are called `memcat/CATEGORY/SUBCATEGORY/FILE`.

    Raises
    ------
    MissingFileError
        If the folder, its table or all of its images are not there.
    ArgumentError
        If the table has other columns.

    References
    ----------
    Goetschalckx L, Wagemans J (2019). MemCat: a new category-based image set quantified on memorability.
    PeerJ 7:e8169.
    """
    return _table(*_memcat(Path(folder).expanduser(), corrected=corrected), progress=progress)


def lamem_and_memcat(first: str | Path, second: str | Path, *, progress: bool | None = None) -> xr.Dataset:
    """Read what ResMem was trained on: LaMem and MemCat as one table of 68,741 images.

    Parameters
    ----------
    first : path
        LaMem's folder, see :func:`lamem`.
    second : path
        MemCat's folder, see :func:`memcat`.
    progress : bool, optional
        Show a progress bar.

    Returns
    -------
    Dataset (image)
        An image table with `memorability`: LaMem's scores, and MemCat's hit rates.

    Raises
    ------
    MissingFileError, ArgumentError
        As for each.
    """
    tables = [_lamem(Path(first).expanduser()), _memcat(Path(second).expanduser(), corrected=False)]
    paths = {name: path for table, _ in tables for name, path in table.items()}
    scores = {name: score for _, table in tables for name, score in table.items()}
    return _table(paths, scores, progress=progress)


def _table(paths: dict[str, Path], scores: dict[str, float], *, progress: bool | None) -> xr.Dataset:
    return read(paths, scores=pd.Series(scores, name=SCORE), verify=False, progress=progress)


def _lamem(folder: Path) -> tuple[dict[str, Path], dict[str, float]]:
    lists = folder / "splits"
    files = [lists / "full.txt"] if (lists / "full.txt").is_file() else [lists / name for name in LISTS]
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        remedy = "Name the folder that holds images/ and splits/, as LaMem's archive unpacks."
        raise MissingFileError(advice("lamem", "be LaMem's folder", listed(f"no file {missing[0]}"), remedy))
    scores: dict[str, float] = {}
    for file in files:
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            if line.strip():
                _add(scores, *_parsed(line, f"{file.name}, line {number}"))
    return {f"lamem/{name}": folder / "images" / name for name in scores}, {
        f"lamem/{name}": score for name, score in scores.items()
    }


def _parsed(line: str, where: str) -> tuple[str, float]:
    words = line.split()
    try:
        return words[0].removeprefix("images/"), float(words[1])
    except (IndexError, ValueError) as error:
        remedy = "A line is an image's name, a space and its score."
        raise ArgumentError(
            advice("lamem", "have lists that can be read", listed(f"{line!r} ({where})"), remedy)
        ) from error


def _add(scores: dict[str, float], name: str, score: float) -> None:
    if scores.setdefault(name, score) != score:
        raise ArgumentError(
            advice("lamem", "give each image one score", listed(f"{scores[name]} and {score} for {name}"))
        )


def _memcat(folder: Path, *, corrected: bool) -> tuple[dict[str, Path], dict[str, float]]:
    file = _first(folder, TABLES, "its table")
    frame = pd.read_csv(file, dtype={"image_file": str, "category": str, "subcategory": str})
    wanted = ["image_file", "category", "subcategory", CORRECTED if corrected else HIT_RATE]
    absent = [name for name in wanted if name not in frame.columns]
    if absent:
        raise ArgumentError(
            advice("memcat", f"have the columns {', '.join(wanted)}", listed(f"no {absent[0]} in {file}"))
        )
    rows = frame[wanted].itertuples(index=False, name=None)
    scores = {f"{category}/{sub}/{name}": float(score) for name, category, sub, score in rows}
    root = _first(folder, [f"{place}/{next(iter(scores), '')}" for place in FOLDERS], "its first image").parents[2]
    return {f"memcat/{name}": root / name for name in scores}, {f"memcat/{name}": s for name, s in scores.items()}


def _first(folder: Path, places: Iterable[str], what: str) -> Path:
    for place in places:
        if (folder / place).is_file():
            return folder / place
    remedy = "See mf.training.memcat for the layouts that are known."
    raise MissingFileError(
        advice("memcat", "be MemCat's folder", listed(f"{what} in none of {', '.join(places)}"), remedy)
    )
