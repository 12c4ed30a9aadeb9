"""Participants as what results are to hold for others of."""

from collections.abc import Mapping
from typing import Any

from memfeat._check import advice, listed, one_of
from memfeat.errors import ArgumentError
from memfeat.rsa.reading import Read

__all__ = ["BOTH", "IMAGES", "RDMS", "UNITS", "enough_people", "resampled_unit"]

#: What may be resampled; both at once is for single comparisons.
UNITS = IMAGES, RDMS, BOTH = "images", "rdms", "both"
#: The fewest participants of whom something can be said about others.
FEWEST = 2


def resampled_unit(options: Mapping[str, Any], sides: Read) -> str:
    """Check what results are to hold for others of.

    Parameters
    ----------
    options : mapping
        What the user gave; `resample` is looked at.
    sides : Read
        What is compared.

    Returns
    -------
    {"images", "rdms"}
        Images, or participants.

    Raises
    ------
    ArgumentError
        If there is no such choice, or there are too few participants.
    """
    resample: str = one_of("resample", options.get("resample") or IMAGES, (IMAGES, RDMS))
    if resample == RDMS:
        enough_people(sides, resample)
    return resample


def enough_people(sides: Read, resample: str) -> None:
    """Check that there are participants to speak of others from.

    Parameters
    ----------
    sides : Read
        What is compared.
    resample : str
        What the user asked for.

    Raises
    ------
    ArgumentError
        If there are fewer than two.
    """
    people = len(sides.participants)
    if people < FEWEST:
        found = listed(f"{people} participants" if people else "no dim 'participant'")
        remedy = "Use resample='images', or give the RDMs of several participants."
        rule = f"have at least {FEWEST} participants for resample={resample!r}"
        raise ArgumentError(advice("ref", rule, found, remedy))
