"""What a report can be told."""

from typing import Any, NamedTuple, TypedDict

import numpy as np
import xarray as xr

from memfeat._check import advice, count, generator, known_options, listed, one_of
from memfeat.errors import ArgumentError, KindError

__all__ = ["PROFILES", "ReportOptions", "Settings", "settled"]

#: What a layer profile can be computed of, and what it shows.
PROFILES = {
    "magnitude": "Correlation of the score with the length of the feature vector (L2 norm)",
    "distinctiveness": "Correlation of the score with the distance to the nearest other image",
    "decoding": "Correlation of the score with what ridge regression predicts from features, out of sample",
}
#: Edge of thumbnails, in pixels: smaller ones show nothing, larger ones make the file large.
SMALLEST, LARGEST = 32, 512


class ReportOptions(TypedDict, total=False):
    """Options of :func:`memfeat.report.write`.

    `memory` : Dataset (image), what `mf.predict` gave; predicted by default, unless the images have a column
    `memorability`.
    `score` : str, the column that images are sorted, coloured and compared by; "memorability" by default.
    `by` : str, the column that says which set an image is of: asks for the comparison of sets.
    `layer` : str, the layer of the map and the RDM; the last one by default.
    `profile` : {"magnitude", "distinctiveness", "decoding"}, what the layer profile shows, or a result along layers of
    your own, of `mf.rsa.compare`, `mf.regression.decode` or `mf.measures.profile`.
    `title` : str, what stands above.
    `thumbnail` : int, longer edge of the pictures in pixels, 32 to 512; 128 by default.
    `n_permutations`, `n_bootstraps` : int, of the statistics; 999 and 1,000 by default.
    `rng` : int or numpy.random.Generator, seed of all random draws.
    `progress` : bool, show progress bars; by default when stderr is a terminal.
    """

    memory: xr.Dataset | None
    score: str
    by: str | None
    layer: str | None
    profile: str | xr.Dataset
    title: str | None
    thumbnail: int
    n_permutations: int
    n_bootstraps: int
    rng: int | np.random.Generator
    progress: bool | None


class Settings(NamedTuple):
    """Options, checked."""

    memory: xr.Dataset | None = None
    score: str = "memorability"
    by: str | None = None
    layer: str | None = None
    profile: Any = "magnitude"
    title: str | None = None
    thumbnail: int = 128
    n_permutations: int = 999
    n_bootstraps: int = 1_000
    rng: Any = 0
    progress: bool | None = None


def settled(options: ReportOptions) -> Settings:
    """Check options before any work begins.

    Parameters
    ----------
    options : ReportOptions
        What the user gave.

    Returns
    -------
    Settings
        All of them.

    Raises
    ------
    UnknownNameError
        If one is unknown.
    KindError, ArgumentError
        If one cannot be used.
    """
    known_options(options, ReportOptions)
    chosen = Settings(**options)
    generator(chosen.rng)
    count("thumbnail", chosen.thumbnail, least=SMALLEST)
    if chosen.thumbnail > LARGEST:
        remedy = "The file grows with its square."
        raise ArgumentError(advice("thumbnail", f"be at most {LARGEST}", chosen.thumbnail, remedy))
    for name, least in (("n_permutations", 1), ("n_bootstraps", 0)):
        count(name, getattr(chosen, name), least=least)
    if not isinstance(chosen.profile, xr.Dataset):
        one_of("profile", chosen.profile, PROFILES)
    if chosen.memory is not None and not (isinstance(chosen.memory, xr.Dataset) and "memorability" in chosen.memory):
        remedy = "Leave it out, and memorability is predicted."
        raise KindError(advice("memory", "be what mf.predict gave", listed(type(chosen.memory).__name__), remedy))
    return chosen
