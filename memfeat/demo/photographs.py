"""The photographs that scikit-image, scikit-learn and matplotlib carry: where they lie and whom to thank."""

import filecmp
import importlib.util
import logging
import os
import shutil
from contextlib import ExitStack
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from memfeat._check import advice, listed
from memfeat.errors import ArgumentError, MissingPackageError, NoImageError

__all__ = ["FEWEST", "PHOTOGRAPHS", "Photograph", "collect"]

log = logging.getLogger(__name__)

#: With fewer images than this the statistics cannot be computed at all.
FEWEST = 10
SKIMAGE, SKLEARN, MATPLOTLIB = (
    ("skimage", "data"),
    ("sklearn", "datasets/images"),
    ("matplotlib", "mpl-data/sample_data"),
)
NAMES = {"skimage": "scikit-image", "sklearn": "scikit-learn", "matplotlib": "matplotlib"}
PUBLIC, CC0, FREE, UNSTATED = "public domain", "CC0", "no known restrictions", "terms not stated"


class Photograph(NamedTuple):
    """A photograph inside an installed package.

    Attributes
    ----------
    place : (str, str)
        The package, and the folder in it.
    file : str
        Name of the file.
    shows : str
        What it shows.
    credit : str
        Who made it or where it comes from, as its package says.
    licence : str
        Under which terms.
    """

    place: tuple[str, str]
    file: str
    shows: str
    credit: str
    licence: str


#: What is used. Origins are those given in the docstrings of skimage.data, in scikit-learn's datasets/images/README.txt
#: and in matplotlib's pull request 1599. Drawings, charts, holograms and second views of a scene are left out.
PHOTOGRAPHS = (
    Photograph(SKIMAGE, "astronaut.png", "Astronaut Eileen Collins", "NASA Great Images", PUBLIC),
    Photograph(SKIMAGE, "brick.png", "Brick wall", "CC0Textures, Bricks25", CC0),
    Photograph(SKIMAGE, "camera.png", "Man with a camera", "Lav Varshney", CC0),
    Photograph(SKIMAGE, "chelsea.png", "Cat", "Stefan van der Walt", CC0),
    Photograph(SKIMAGE, "clock_motion.png", "Clock, blurred by motion", "Stefan van der Walt", PUBLIC),
    Photograph(SKIMAGE, "coffee.png", "Cup of coffee", "Rachel Michetti, Pikolo Espresso Bar", CC0),
    Photograph(SKIMAGE, "coins.png", "Greek coins", "Brooklyn Museum Collection", FREE),
    Photograph(SKIMAGE, "grass.png", "Grass", "linolafett, DeviantArt", CC0),
    Photograph(SKIMAGE, "gravel.png", "Gravel", "CC0Textures, Gravel04", CC0),
    Photograph(SKIMAGE, "hubble_deep_field.jpg", "Hubble eXtreme Deep Field", "NASA, HubbleSite", PUBLIC),
    Photograph(SKIMAGE, "ihc.png", "Stained tissue", "Center for Microscopy and Molecular Imaging", FREE),
    Photograph(SKIMAGE, "microaneurysms.png", "Detail of a retina", "Andreas Maier, High-Resolution Fundus", CC0),
    Photograph(SKIMAGE, "moon.png", "Surface of the moon", "maker not stated", UNSTATED),
    Photograph(SKIMAGE, "motorcycle_left.png", "Motorcycle", "Middlebury Stereo 2014, Nesic et al.", UNSTATED),
    Photograph(SKIMAGE, "page.png", "Printed page", "maker not stated", UNSTATED),
    Photograph(SKIMAGE, "retina.jpg", "Retina", "Mikael Häggström, Wikimedia Commons", CC0),
    Photograph(SKIMAGE, "rocket.jpg", "Launch of a Falcon 9", "SpaceX", PUBLIC),
    Photograph(SKIMAGE, "text.png", "Handwriting", "Wikipedia, Corner.png", PUBLIC),
    Photograph(SKLEARN, "china.jpg", "Temple in China", "danielbuechele, Flickr", "CC BY 2.0"),
    Photograph(SKLEARN, "flower.jpg", "Dahlia", "vultilion, Flickr", "CC BY 2.0"),
    Photograph(MATPLOTLIB, "grace_hopper.jpg", "Grace Hopper", "US Navy", PUBLIC),
)


def collect(folder: str | os.PathLike[str]) -> pd.DataFrame:
    """Copy the photographs that are installed into a folder.

    Parameters
    ----------
    folder : path
        Where to; made if need be. Other files in it are left alone.

    Returns
    -------
    DataFrame
        One row per photograph that was found: `image` (its name in the folder), `shows`, `credit`, `licence`,
        `package`. Those that this installation lacks are logged.

    Raises
    ------
    MissingPackageError
        If scikit-image, which carries most of them, is not installed.
    NoImageError
        If too few are there to go on.
    ArgumentError
        If the folder holds another file under the name of one of them.
    """
    if importlib.util.find_spec("skimage") is None:
        rule = "be installed to run the demo"
        remedy = 'It carries most of the photographs: pip install "memfeat[demo]"'
        raise MissingPackageError(advice("scikit-image", rule, listed("nothing"), remedy))
    where = Path(folder).expanduser()
    where.mkdir(parents=True, exist_ok=True)
    there = _copied(where)
    absent = [one.file for one in PHOTOGRAPHS if one not in there]
    if absent:
        log.warning("Not in this installation, left out: %s", ", ".join(absent))
    if len(there) < FEWEST:
        remedy = 'Reinstall the packages that carry them: pip install --force-reinstall "memfeat[demo]"'
        found = listed(f"{len(there)} of {len(PHOTOGRAPHS)}")
        raise NoImageError(advice("photographs", f"number at least {FEWEST}", found, remedy))
    rows = [(one.file, one.shows, one.credit, one.licence, NAMES[one.place[0]]) for one in there]
    return pd.DataFrame(rows, columns=["image", "shows", "credit", "licence", "package"])


def _copied(folder: Path) -> list[Photograph]:
    """Copy the photographs that are installed, none if one would replace another file; give those that are there."""
    with ExitStack() as kept:
        found = {one: kept.enter_context(as_file(source)) for one in PHOTOGRAPHS if (source := _source(one)).is_file()}
        new = {one: path for one, path in found.items() if not (folder / one.file).exists()}
        other = [
            one.file
            for one, path in found.items()
            if one not in new and not filecmp.cmp(path, folder / one.file, shallow=False)
        ]
        if other:
            got = listed(f"{listed.of(other)} with other content in {folder}")
            remedy = "Name another folder, or move what is there."
            raise ArgumentError(advice("folder", "hold no other files of the names of the photographs", got, remedy))
        for one, path in new.items():
            # a copy that was broken off must not pass for somebody else's photograph
            part = folder / f"{one.file}.part"
            shutil.copyfile(path, part)
            part.replace(folder / one.file)
    return list(found)


def _source(one: Photograph) -> Traversable:
    package, inside = one.place
    return files(package).joinpath(*inside.split("/"), one.file)
