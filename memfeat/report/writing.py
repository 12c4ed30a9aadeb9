"""Writing a report."""

import logging
import os
from pathlib import Path
from typing import Any, Unpack

import xarray as xr

from memfeat._frames import prepared
from memfeat._labels import as_features
from memfeat.report import page, thumbs
from memfeat.report.contents import described
from memfeat.report.options import ReportOptions, settled
from memfeat.report.sections import of_features, of_scores, shared

__all__ = ["write"]

log = logging.getLogger(__name__)


def write(
    images: Any,
    features: xr.Dataset | None,
    path: str | os.PathLike[str],
    **options: Unpack[ReportOptions],
) -> Path:
    """Write a report of an image set: one HTML file that opens in any browser and needs nothing else.

    Parameters
    ----------
    images : Dataset (image), or whatever `mf.images.read` takes
        The images with the columns that you have: scores, categories, sets.
    features : Dataset (image, ...) or None
        Features of these images, or of some of them, of :func:`memfeat.extract`: for the map, the dissimilarities and
        the layer profile. None leaves these out.
    path : path
        The file, which ends in .html.
    **options : memory, score, by, layer, profile, title, thumbnail, n_permutations, n_bootstraps, rng, progress
        See :class:`ReportOptions`.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    ArgumentError
        If the file cannot be written, no image has a score, predictions or features are of other images, or an option
        cannot be used.
    KindError
        If images, features or an option are of the wrong kind.
    UnknownNameError
        If there is no such option, column or layer.

    Warns
    -----
    CircularWarning, RetrainedWarning, FacesWarning
        Where a part of the report deserves it; the page says so as well.

    See Also
    --------
    memfeat.sets.compare : What compares the sets.
    memfeat.measures.profile : What the layer profile is.

    Notes
    -----
    The page holds: a grid of pictures that can be searched, sorted and filtered, with scores and flags; the
    distribution of the score; the images along two principal components of a layer; the dissimilarity of every two
    images (1 − Pearson r), or of 400 of them evenly along the score; the layer profile; predictions beside measured
    scores, if `score` names measured ones; the comparison of sets, if `by` names them; files that could not be read;
    where everything came from; and the tables, to download. A part that cannot be made says why, and the others are
    there.

    Nothing is loaded from anywhere: pictures are in the file, packed in blocks of 100 that are unpacked when they are
    shown. With the default size a photograph takes about 4 kB, 5,000 of them 18 MB.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> from memfeat import images
    >>> rng = np.random.default_rng(0)
    >>> table = images.read({f"{k}.png": rng.integers(0, 256, (32, 32, 3), np.uint8) for k in range(4)})
    >>> table["hit_rate"] = "image", [0.6, 0.7, 0.5, 0.9]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = write(table.assign(memorability=table["hit_rate"]), None, f"{folder}/report.html", progress=False)
    ...     file.name, "hit_rate" in file.read_text()
    ('report.html', True)
    """
    chosen = settled(options)
    file = prepared(path, "path", endings=(".html", ".htm"))
    given = None if features is None else as_features(features)
    contents = described(images, chosen)
    given = shared(given, contents, chosen.layer)
    log.info("Computing the parts of the report")
    sections = [*of_features(given, contents, chosen), *of_scores(contents, chosen)]
    pictures = thumbs.packed(contents.table, size=chosen.thumbnail, progress=chosen.progress)
    title = chosen.title or f"{len(contents.names)} images and their {contents.score.replace('_', ' ')}"
    text = page.rendered(contents, pictures, sections, title=title)
    part = file.with_name(f"{file.name}.part")
    part.write_text(text, encoding="utf-8", newline="\n")
    part.replace(file)
    return file
