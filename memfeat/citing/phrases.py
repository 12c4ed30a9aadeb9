"""Phrases that all sentences are made of."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from memfeat._labels import IMAGE
from memfeat._phrases import in_words
from memfeat.citing.facts import Facts

__all__ = ["capital", "counted", "images", "in_letters", "layers", "named", "said", "sampled", "share", "span", "were"]

#: So many layers are named; of more, the first and the last.
NAMED = 4
#: A second in milliseconds, to which names of frames tell time.
SECOND = 1000
#: Whether frames are so many milliseconds apart → how often they were taken. Of others, names tell no exact rate.
OFTEN: tuple[tuple[Callable[[int], bool], str], ...] = (
    (lambda step: step == SECOND, "one each second"),
    (lambda step: 0 < step < SECOND and SECOND % step == 0, "{each:g} each second"),
    (lambda step: step > SECOND and step % (SECOND // 2) == 0, "one every {every:g} seconds"),
)
#: Numbers in words, from one.
WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def counted(n: float, thing: str, several: str = "") -> str:
    """Count things.

    Parameters
    ----------
    n : int
        How many.
    thing, several : str
        What one is called, and more of them.

    Returns
    -------
    str
        Number and name.

    Examples
    --------
    >>> counted(1, "image"), counted(9_999, "permutation")
    ('1 image', '9,999 permutations')
    """
    return f"{n:,.0f} {thing if n == 1 else several or thing + 's'}"


def images(facts: Facts) -> str:
    """Say how many images there were.

    Parameters
    ----------
    facts : Facts
        Of a result.

    Returns
    -------
    str
        "12 images", "10 to 12 images", or "the images" where it is not known. Of a result that has a row for each:
        "3 frames of 1 clip", and how many others.
    """
    low, high = facts.counts
    if not high:
        return "the images"
    frames = facts.frames
    n = sum(map(len, frames.values()))
    if not n or facts.size(IMAGE) != high:
        return span(low, high, "image")
    others = f" and {counted(high - n, 'other')}" if high > n else ""
    return f"{counted(n, 'frame')} of {counted(len(frames), 'clip')}{others}"


def were(facts: Facts) -> str:
    """Give the verb that belongs to how many images there were.

    Parameters
    ----------
    facts : Facts
        Of a result.

    Returns
    -------
    str
        "was" of one image, else "were".
    """
    return "was" if facts.counts[1] == 1 else "were"


def sampled(facts: Facts) -> list[str]:
    """Say how often frames of clips were taken.

    Parameters
    ----------
    facts : Facts
        Of a result.

    Returns
    -------
    list of str
        A sentence; none where there are no frames, or times between them differ.
    """
    between = {int(step) for times in facts.frames.values() for step in np.diff(np.sort(times))}
    if len(between) != 1:
        return []
    step = between.pop()
    often = next((words for fits, words in OFTEN if fits(step)), "")
    return [f"Frames were taken {often.format(each=SECOND / step, every=step / SECOND)}."] if often else []


def span(low: int, high: int, thing: str) -> str:
    """Count things of which there are not always as many.

    Parameters
    ----------
    low, high : int
        The smallest and the largest number.
    thing : str
        What one is called.

    Returns
    -------
    str
        One number where both are the same.

    Examples
    --------
    >>> span(3, 3, "frame"), span(2, 1_000, "frame")
    ('3 frames', '2 to 1,000 frames')
    """
    return counted(high, thing) if low == high else f"{low:,} to {counted(high, thing)}"


def layers(names: Sequence[str], thing: str = "layer") -> str:
    """Name layers.

    Parameters
    ----------
    names : sequence of str
        Their names.
    thing : str
        What one is called.

    Returns
    -------
    str
        How many, with the names of few of them.

    Examples
    --------
    >>> layers(["conv1"]), layers(["a", "b"]), layers(list("abcdef"))
    ('layer conv1', '2 layers (a and b)', '6 layers (a to f)')
    """
    if len(names) == 1:
        return f"{thing} {names[0]}"
    if not names:
        return f"the {thing}s"
    shown = in_words(names) if len(names) <= NAMED else f"{names[0]} to {names[-1]}"
    return f"{counted(len(names), thing)} ({shown})"


def named(table: dict[str, str], name: str) -> str:
    """Say a name in words.

    Parameters
    ----------
    table : dict of str
        Name → words.
    name : str
        The name.

    Returns
    -------
    str
        The words; the name itself where there are none, as of a function of the user's own.
    """
    return table.get(name, name.replace("_", " "))


def said(options: dict[str, Any]) -> str:
    """List options with their values, in brackets after a space; empty without any.

    Parameters
    ----------
    options : dict
        Name → value.

    Returns
    -------
    str
        The list.

    Examples
    --------
    >>> said({"max_iter": 1000, "perplexity": 30.0}), said({})
    (' (max iter 1000, perplexity 30)', '')
    """
    parts = [f"{name.replace('_', ' ')} {_value(value)}" for name, value in sorted(options.items())]
    return f" ({', '.join(parts)})" if parts else ""


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return str(value).lower() if isinstance(value, bool) else str(value)


def share(value: float) -> str:
    """Write a share in per cent.

    Parameters
    ----------
    value : float
        Between 0 and 1.

    Returns
    -------
    str
        For example "20 %".
    """
    return f"{100 * value:g} %"


def capital(sentence: str) -> str:
    """Begin as a sentence does: with a capital letter, unless the first word is a name with others in it, or a number.

    Parameters
    ----------
    sentence : str
        The sentence.

    Returns
    -------
    str
        The same; numbers below ten in words, and words before all others.

    Examples
    --------
    >>> capital("images were read."), capital("memfeat reads."), capital("d′ was computed.")
    ('Images were read.', 'memfeat reads.', 'd′ was computed.')
    >>> capital("2 images were left out."), capital("12 images were read."), capital("2 to 5 images were read.")
    ('Two images were left out.', 'In all, 12 images were read.', 'In all, 2 to 5 images were read.')
    >>> capital("2 × 2 pixels were read.")
    'In all, 2 × 2 pixels were read.'
    """
    begun = re.sub(r"^[1-9](?= (?!to \d)[^\W\d_])", lambda found: in_letters(int(found[0])), sentence)
    begun = f"In all, {begun}" if begun[:1].isdigit() else begun
    return begun if re.match(r"(memfeat|d′)(?!\w)", begun) else begun[:1].upper() + begun[1:]


def in_letters(n: int) -> str:
    """Write a number as running text does.

    Parameters
    ----------
    n : int
        The number.

    Returns
    -------
    str
        "none", a word below ten, else the number.

    Examples
    --------
    >>> in_letters(0), in_letters(2), in_letters(12)
    ('none', 'two', '12')
    """
    return WORDS[n - 1] if 0 < n <= len(WORDS) else f"{n:,}" if n else "none"
