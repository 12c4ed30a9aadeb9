"""Whether the images that judge a predictor are among those it was trained on."""

import re
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat._check import advice, listed
from memfeat._labels import IMAGE, RELEASED_HEAD, image_names, stamped
from memfeat._tables import is_table_file, read_table
from memfeat.errors import KindError, MemfeatWarning

__all__ = ["KNOWN", "TRAINED_ON", "noted", "said_of", "training_overlap"]

#: Data sets that memorability predictors were trained on, as they are asked for → as their authors write them.
KNOWN = {"lamem": "LaMem", "memcat": "MemCat"}
#: model → data sets that its released head was trained on (58,741 + 10,000 images, no public list of those held out)
TRAINED_ON = {"resmem": ("lamem", "memcat"), "resmem-frozen": ("lamem", "memcat")}
#: MemCat's score columns, which no other data set has.
COLUMNS = {"memorability_w_fa_correction": "memcat", "memorability_wo_fa_correction": "memcat"}
#: MemCat's folders category/subcategory, and the file names of the four collections its photographs came from.
MEMCAT_CATEGORIES = {"animal", "food", "landscape", "sports", "vehicle"}
MEMCAT_FILE = re.compile(r"(\d{12}|n\d{8}_\d+|sun_[a-z]{16}|[0-9a-f]{16})\.jpe?g", re.IGNORECASE)


class _Training(NamedTuple):
    """What a predictor was trained on."""

    sets: frozenset[str] = frozenset()  # in small letters
    names: frozenset[str] = frozenset()  # file names
    hashes: frozenset[str] = frozenset()


def training_overlap(
    images: xr.Dataset | xr.DataArray,
    *,
    trained_on: Any = None,
    dataset: str | None = None,
) -> xr.Dataset:
    """Say which images a predictor may have been trained on, and how that is known.

    Parameters
    ----------
    images : Dataset or DataArray (image, ...)
        The images: a table, or what `mf.predict` gave. Coordinates `path` and `sha256` are used where they are there.
    trained_on : str, Path, Dataset (image), DataFrame, or a list of these, optional
        What the predictor was trained on: names of data sets ("lamem", "memcat"), image names, an image table, or a
        table in a CSV file, such as the `split.csv` of a head. By default what `images.attrs["model"]` is known to be
        trained on.
    dataset : str, optional
        The data set that the images come from, if you know.

    Returns
    -------
    Dataset (image)
        `in_training` (bool) and `evidence` (text, empty where there is none). Attributes `n_in_training`, `trained_on`.

    Raises
    ------
    KindError
        If images are not labelled, or `trained_on` is of a kind that cannot be used.

    Notes
    -----
    What tells an image, surest first: the `sha256` of its file among those of a table of training images; its file name
    among names of training images; the data set that you declare; MemCat's score columns; a folder whose name contains
    "lamem" or "memcat"; MemCat's folders (`animal/bear/…`) with file names of its sources. memfeat carries no list of
    LaMem's or MemCat's files, so images that were moved or renamed are not recognised: nothing found proves nothing.

    Examples
    --------
    >>> import xarray as xr
    >>> images = xr.Dataset(coords={"image": ["lamem/images/00000001.jpg", "mine/1.jpg"]})
    >>> training_overlap(images, trained_on="lamem")["evidence"].values.tolist()
    ['folder of LaMem', '']
    """
    image_names(images, "images")
    training = _training(trained_on, images.attrs)
    evidence = _evidence(images, training, dataset, None)
    found = xr.Dataset(
        {"in_training": (IMAGE, evidence != ""), "evidence": (IMAGE, evidence)}, {IMAGE: images[IMAGE].values}
    )
    told = sorted(KNOWN.get(name, name) for name in training.sets)
    return stamped(found, dict(images.attrs), n_in_training=int((evidence != "").sum()), trained_on=told)


def said_of(
    images: xr.DataArray,
    facts: Mapping[str, Any],
    *,
    trained_on: Any,
    dataset: str | None,
    scores: Any,
) -> dict[str, Any]:
    """Say in attributes whether an evaluation is one of held-out images, and warn where it is not.

    Parameters
    ----------
    images : DataArray (image)
        Images, with the coordinates of the predictions.
    facts : mapping
        Attributes of the predictions.
    trained_on, dataset : object
        What the user said.
    scores : DataArray or Series
        The scores; their name may tell.

    Returns
    -------
    dict
        `dataset`, `trained_on`, `n_in_training`, `held_out`.

    Warns
    -----
    MemfeatWarning
        If images are recognised as training data and the user has not named their data set.
    """
    training = _training(trained_on, facts)
    said = _said(images, training, dataset, scores)
    if said["n_in_training"] and (dataset is None or _named(dataset) not in training.sets):
        remedy = (
            "To say that you know: dataset='memcat', or whichever it is; to judge the predictor: other images."
            if training.sets
            else "Leave out those that mf.evaluation.training_overlap names."
        )
        text = f"{said['held_out'].removeprefix('no: ')}. These figures are no held-out accuracy. {remedy}"
        warnings.warn(text, MemfeatWarning, stacklevel=3)
    return said


def noted(images: xr.DataArray, facts: Mapping[str, Any], scores: Any) -> dict[str, Any]:
    """Say in attributes, without a warning, whether images are known to be the predictor's training data.

    Parameters
    ----------
    images : DataArray (image)
        Images, with the coordinates of the predictions.
    facts : mapping
        Attributes of the predictions.
    scores : DataArray or Series
        The scores; their name may tell.

    Returns
    -------
    dict
        `n_in_training`, `held_out`.
    """
    said = _said(images, _training(None, facts), None, scores)
    return {name: said[name] for name in ("n_in_training", "held_out")}


def _said(images: xr.DataArray, training: _Training, dataset: str | None, scores: Any) -> dict[str, Any]:
    """Say what is known, and how."""
    evidence = _evidence(images, training, dataset, getattr(scores, "name", None))
    n, n_found = len(evidence), int((evidence != "").sum())
    sets = sorted(KNOWN.get(name, name) for name in training.sets)
    said = {"dataset": dataset, "trained_on": sets or None, "n_in_training": n_found}
    if not n_found:
        known = training.sets or training.names
        return said | {
            "held_out": "none of the images was recognised as training data, which proves nothing"
            if known
            else "not known, as is what the predictor was trained on (trained_on)"
        }
    told = "; ".join(
        f"{name}: {count}" for name, count in zip(*np.unique(evidence, return_counts=True), strict=True) if name
    )
    return said | {"held_out": f"no: {n_found} of {n} images are training data of the predictor ({told})"}


def _named(dataset: str) -> str:
    return dataset.strip().lower()


def _training(trained_on: Any, facts: Mapping[Any, Any]) -> _Training:
    """Read what a predictor was trained on."""
    if trained_on is None:
        released = str(facts.get("head", RELEASED_HEAD)).startswith(RELEASED_HEAD)
        sets = TRAINED_ON.get(str(facts.get("model")), ()) if released else ()
        return _Training(frozenset(sets), frozenset(), frozenset())
    one = isinstance(trained_on, str | Path | pd.DataFrame | xr.Dataset | xr.DataArray)
    parts = [_part(part) for part in ([trained_on] if one or not isinstance(trained_on, Iterable) else trained_on)]
    return _Training(*(frozenset().union(*found) for found in zip(*parts, strict=True))) if parts else _Training()


def _part(said: Any) -> _Training:
    """Read one name, or one table, of what a predictor was trained on."""
    if isinstance(said, xr.Dataset | xr.DataArray):
        hashes = said["sha256"].values.tolist() if "sha256" in said.coords else []
        return _listed([str(name) for name in image_names(said, "trained_on")], hashes)
    if isinstance(said, pd.DataFrame | Path) or (isinstance(said, str) and is_table_file(Path(said))):
        table, key = read_table(said, "trained_on")
        return _listed(table[key], table["sha256"].dropna() if "sha256" in table.columns else [])
    if not isinstance(said, str):
        remedy = 'Name data sets or images: trained_on=["lamem", "memcat"], or pass the table of training images.'
        raise KindError(advice("trained_on", "be names or an image table", listed(type(said).__name__), remedy))
    # a file has an ending, a data set has none
    if PurePosixPath(said).suffix:
        return _listed([said], [])
    return _Training(sets=frozenset({_named(said)}))


def _listed(names: Iterable[Any], hashes: Iterable[Any]) -> _Training:
    return _Training(
        names=frozenset(_file(str(name)) for name in names), hashes=frozenset(str(one) for one in hashes if one)
    )


def _file(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).name


def _evidence(
    images: xr.Dataset | xr.DataArray, training: _Training, dataset: str | None, scores: Any
) -> npt.NDArray[np.object_]:
    """Say for each image how it is known to be training data; the surest sign counts."""
    names = [str(name) for name in images[IMAGE].values]
    paths = [str(path) for path in images["path"].values] if "path" in images.coords else names
    hashes = [str(one) for one in images["sha256"].values] if "sha256" in images.coords else [""] * len(names)
    declared = {_named(dataset): "declared"} if dataset is not None else {}
    if COLUMNS.get(str(scores)):
        declared.setdefault(COLUMNS[str(scores)], f"score column of {KNOWN[COLUMNS[str(scores)]]}")
    everywhere = next((how for name, how in declared.items() if name in training.sets), "")
    found = np.empty(len(names), dtype=object)
    for i, (name, path, digest) in enumerate(zip(names, paths, hashes, strict=True)):
        signs = (
            "same file (sha256)" if digest in training.hashes else "",
            "same file name" if _file(name) in training.names else "",
            everywhere,
            _place(path, training.sets) or _place(name, training.sets),
        )
        found[i] = next(filter(None, signs), "")
    return found


def _place(path: str, sets: frozenset[str]) -> str:
    """Recognise a data set by where its images lie."""
    parts = path.replace("\\", "/").lower().split("/")
    for name in sorted(sets & set(KNOWN)):
        if any(name in part for part in parts[:-1]):
            return f"folder of {KNOWN[name]}"
    like = len(parts) >= 3 and parts[-3] in MEMCAT_CATEGORIES and MEMCAT_FILE.fullmatch(parts[-1])
    return "layout of MemCat" if like and "memcat" in sets else ""
