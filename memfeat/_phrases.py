"""Words that sentences of several rooms are made of."""

from collections.abc import Sequence

__all__ = ["in_words"]


def in_words(words: Sequence[str]) -> str:
    """Write a list as a sentence does.

    Parameters
    ----------
    words : sequence of str
        What is listed.

    Returns
    -------
    str
        The list.

    Examples
    --------
    >>> in_words(["a", "b", "c"]), in_words(["a"]), in_words([])
    ('a, b and c', 'a', '')
    """
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
