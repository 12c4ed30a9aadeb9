"""Phrases that all sentences are made of: lists of words, articles, citations."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from memfeat.sets.telling.wording import REFERENCES

__all__ = ["Text", "cited", "with_article"]


class Text(NamedTuple):
    """Sentences about one result, and what they cite."""

    sentences: list[str]
    references: list[str]


def with_article(symbol: str) -> str:
    """Give what has no name of its own its article.

    Parameters
    ----------
    symbol : str
        What a statistic is called in a sentence.

    Returns
    -------
    str
        The same, after "the" where it needs one.

    Examples
    --------
    >>> with_article("difference of means"), with_article("Hedges' g")
    ('the difference of means', "Hedges' g")
    """
    return f"the {symbol}" if symbol.partition(" ")[0] in ("difference", "Wasserstein", "paired") else symbol


def cited(keys: Sequence[str]) -> str:
    """Cite in brackets.

    Parameters
    ----------
    keys : sequence of str
        Keys of `REFERENCES`.

    Returns
    -------
    str
        Authors and years, after a space; empty without keys.

    Examples
    --------
    >>> cited(["feng2004", "cameron2008"])
    ' (Feng & Cliff, 2004; Cameron et al., 2008)'
    """
    return f" ({'; '.join(map(_short, keys))})" if keys else ""


def _short(key: str) -> str:
    authors, _, rest = REFERENCES[key].partition(" (")
    names = re.findall(r"([^,&]+?), (?:[A-Z]\. ?)+", authors)
    who = [name.strip() for name in names]
    return f"{who[0]} et al., {rest[:4]}" if len(who) > 2 else f"{' & '.join(who)}, {rest[:4]}"
