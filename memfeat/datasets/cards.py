"""What is known of each published set: who made it, under which licence, how reliable it is, where it is to be had."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from memfeat._check import looked_up
from memfeat.datasets.known import FILES

__all__ = ["CARDS", "Card", "carded", "catalogue", "citation"]


@dataclass(frozen=True)
class Card:
    """What is known of a published set.

    Attributes
    ----------
    name : str
        The name to load it by, and that of its folder under `MEMFEAT_DATA`.
    title : str
        What its authors call it.
    what : str
        What was shown to whom, in a sentence or two.
    n_images : int
        How many images (or concepts) have scores in what was published.
    photographs : bool
        Whether its folder holds pictures; otherwise it is a set of scores only.
    scores : str
        Which scores it has, and how they are to be read.
    reliability : str
        How reliable the scores are, as published or measured, and who says so.
    citation : str
        The paper to cite.
    works : tuple of str
        Keys of the same papers in what `mf.citing.references` gives; empty where there is no paper.
    licence : str
        Under which terms it is given out.
    trained_on : tuple of str
        Predictors of memfeat that were trained on it.
    download : str
        What to download, and from where.
    layout : str
        What the folder must look like.
    answers : str
        Where the answers of participants come from, where that is none of the works; else empty. Attributes of what
        holds answers or scores have it, and `mf.citing.methods` tells it.
    contents : str
        What the pictures show, where a predictor is to be warned of it; else empty.
    warning : str
        What the authors of ResMem, or of the set, warn of; shown on loading; else empty.
    unverified : tuple of str
        What could not be checked in the source itself. Check it before you print it.
    """

    name: str
    title: str
    what: str
    n_images: int
    photographs: bool
    scores: str
    reliability: str
    citation: str
    licence: str
    download: str
    layout: str
    works: tuple[str, ...] = ()
    trained_on: tuple[str, ...] = ()
    answers: str = ""
    contents: str = ""
    warning: str = ""
    unverified: tuple[str, ...] = ()

    @property
    def hashes(self) -> str:
        """Whether :func:`check` can tell files that are the authors' from others."""
        n_files = len(FILES.get(self.name, ()))
        if not n_files:
            return "None is known: check cannot say whether a file has the bytes of the authors'."
        return f"Those of {n_files} files are known, which check compares."

    def __str__(self) -> str:
        """Return all of it as text."""
        lines = [
            f"{self.title} ({self.name}): {self.what}",
            f"Images: {self.n_images:,}{'' if self.photographs else ' (scores only)'}",
            f"Scores: {self.scores}",
            f"Reliability: {self.reliability}",
            f"Citation: {self.citation}",
            *([f"Answers: {self.answers}"] if self.answers else []),
            f"Licence: {self.licence}",
            f"Trained on it: {', '.join(self.trained_on) or 'none of memfeat’s predictors'}",
            f"Download: {self.download}",
            f"Folder: {self.layout}",
            f"Hashes: {self.hashes}",
            *([f"Warning: {self.warning}"] if self.warning else []),
            *(f"Unverified: {one}" for one in self.unverified),
        ]
        return "\n".join(lines)


def _read() -> Mapping[str, Card]:
    """Read what stands beside this file; lists are tuples in a card."""
    found = tomllib.loads(Path(__file__).with_name("cards.toml").read_text(encoding="utf-8"))
    cards = {}
    for name, facts in found.items():
        told: dict[str, Any] = {key: tuple(one) if isinstance(one, list) else one for key, one in facts.items()}
        cards[name] = Card(name=name, **told)
    return MappingProxyType(cards)


#: name -> what is known of the set
CARDS: Mapping[str, Card] = _read()


def carded(name: str) -> Card:
    """Find the card of a set.

    Parameters
    ----------
    name : str
        The set.

    Returns
    -------
    Card
        Its card.

    Raises
    ------
    UnknownNameError
        If there is no such set; near names are suggested.
    """
    return CARDS[looked_up("name", name, CARDS, f"There are {', '.join(CARDS)}.")]


def citation(name: str) -> str:
    """Say which paper to cite for a set.

    Parameters
    ----------
    name : str
        The set, one of `CARDS`.

    Returns
    -------
    str
        The reference.

    Raises
    ------
    UnknownNameError
        If there is no such set.

    Examples
    --------
    >>> citation("memcat")[:35]
    'Goetschalckx L, Wagemans J (2019). '
    """
    return carded(name).citation


def catalogue() -> pd.DataFrame:
    """List the sets that can be read.

    Returns
    -------
    DataFrame
        One row per set, with `name` as index: `title`, `n_images`, `photographs` (whether there are pictures, or only
        scores), `scores`, `reliability`, `licence`, `trained_on` (predictors that were trained on it; empty if none)
        and `n_unverified` (facts of its card that could not be checked).

    Examples
    --------
    >>> catalogue().loc["memcat", ["n_images", "trained_on"]].to_dict()
    {'n_images': 10000, 'trained_on': 'resmem, resmem-frozen'}
    """
    rows = [
        {
            "name": card.name,
            "title": card.title,
            "n_images": card.n_images,
            "photographs": card.photographs,
            "scores": card.scores,
            "reliability": card.reliability,
            "licence": card.licence,
            "trained_on": ", ".join(card.trained_on),
            "n_unverified": len(card.unverified),
        }
        for card in CARDS.values()
    ]
    return pd.DataFrame(rows).set_index("name")
