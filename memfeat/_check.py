"""Checks of arguments. Every message reads: what, the rule, what came, the remedy."""

from collections.abc import Callable, Collection, Iterable, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

from memfeat.errors import ArgumentError, KindError, UnknownNameError

__all__ = ["advice", "count", "finite", "fraction", "generator", "known_options", "listed", "looked_up", "one_of"]


def advice(argument: str, rule: str, value: object, remedy: str = "") -> str:
    """Write an error message: `{argument} must {rule}; got {value!r}. {remedy}`.

    Parameters
    ----------
    argument : str
        Name of the argument, as the user wrote it.
    rule : str
        What it must do, starting with a verb.
    value : object
        What came instead. Text that already describes the value is shown as it is when wrapped by `listed`.
    remedy : str
        What to do next, a sentence.

    Returns
    -------
    str
        The message.
    """
    return f"{argument} must {rule}; got {value!r}. {remedy}".rstrip()


class listed(str):
    """Text that describes a value and is shown without quotes.

    Examples
    --------
    >>> advice("images", "be unique", listed("2 duplicates: 'a.jpg', 'b.jpg'"))
    "images must be unique; got 2 duplicates: 'a.jpg', 'b.jpg'."
    """

    __slots__ = ()

    @classmethod
    def of(cls, names: Iterable[object], *, most: int = 3) -> "listed":
        """Count names and show the first few.

        Parameters
        ----------
        names : iterable
            The names.
        most : int
            How many to show.

        Returns
        -------
        listed
            For example `4: 'a', 'b', 'c', …`.
        """
        items = list(names)
        shown = ", ".join(repr(str(item)) for item in items[:most])
        return cls(f"{len(items)}: {shown}{', …' if len(items) > most else ''}")

    def __repr__(self) -> str:
        """Return the text itself."""
        return str(self)


def one_of(argument: str, value: Any, options: Collection[str]) -> str:
    """Check that a value is one of the options.

    Parameters
    ----------
    argument : str
        Name of the argument.
    value : object
        What the user gave.
    options : collection of str
        What may be given; a dict is read by its keys.

    Returns
    -------
    str
        The value.

    Raises
    ------
    ArgumentError
        If it is none of them; the message lists them all.
    """
    if not isinstance(value, str) or value not in options:
        raise ArgumentError(advice(argument, f"be one of {', '.join(map(repr, options))}", value))
    return value


def count(argument: str, value: Any, *, least: int = 1, remedy: str = "") -> int:
    """Check that a value is a whole number of at least `least`.

    Parameters
    ----------
    argument : str
        Name of the argument.
    value : object
        What the user gave.
    least : int
        The smallest number allowed.
    remedy : str
        What to do if it is smaller.

    Returns
    -------
    int
        The number.

    Raises
    ------
    KindError
        If it is no whole number.
    ArgumentError
        If it is too small.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise KindError(advice(argument, "be a whole number", value, remedy))
    if value < least:
        raise ArgumentError(advice(argument, f"be at least {least}", value, remedy))
    return int(value)


def fraction(argument: str, value: Any) -> float:
    """Check that a value lies strictly between 0 and 1.

    Parameters
    ----------
    argument : str
        Name of the argument.
    value : object
        What the user gave.

    Returns
    -------
    float
        The number.

    Raises
    ------
    KindError
        If it is no number.
    ArgumentError
        If it lies outside.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise KindError(advice(argument, "be a number", value))
    if not 0 < float(value) < 1:
        raise ArgumentError(advice(argument, "lie between 0 and 1", value))
    return float(value)


def finite(
    argument: str, values: np.ndarray[Any, Any], names: Sequence[Any], *, remedy: str = ""
) -> np.ndarray[Any, Any]:
    """Check that every image has finite values.

    Parameters
    ----------
    argument : str
        Name of the argument.
    values : array (n, ...)
        One row per image.
    names : sequence of str, length n
        The images' names, for the message.
    remedy : str
        What to do about it.

    Returns
    -------
    array (n, ...)
        The values, untouched.

    Raises
    ------
    ArgumentError
        If a value is NaN or infinite; the message counts and names the images.
    """
    bad = ~np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
    if bad.any():
        which = listed.of(np.asarray(names)[bad])
        raise ArgumentError(
            advice(argument, "be finite for every image", listed(f"NaN or infinity in {which}"), remedy)
        )
    return values


def generator(rng: int | np.random.Generator | None, argument: str = "rng") -> tuple[np.random.Generator, str]:
    """Make a random generator and the words that record it.

    Parameters
    ----------
    rng : int or numpy.random.Generator
        A seed, or a generator whose state is used and advanced.
    argument : str
        Name of the argument, for the message.

    Returns
    -------
    numpy.random.Generator
        The generator.
    str
        What goes into the `seed` attribute: the seed, or the generator's state as JSON.

    Raises
    ------
    KindError
        If it is neither: a random result must be repeatable, so there is no default from the clock.
    ArgumentError
        If the seed is below 0.
    """
    if isinstance(rng, np.random.Generator):
        import json

        return rng, json.dumps(rng.bit_generator.state, sort_keys=True, default=_plain)
    if isinstance(rng, Integral) and not isinstance(rng, bool):
        count(argument, rng, least=0)
        return np.random.default_rng(int(rng)), str(int(rng))
    raise KindError(
        advice(
            argument,
            "be a whole number (a seed) or a numpy.random.Generator",
            rng,
            f"Pass {argument}=0, and report it.",
        )
    )


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else str(value)


def looked_up(
    argument: str, name: str, table: Callable[[], Collection[str]] | Collection[str], remedy: str = ""
) -> str:
    """Check that a name is known, and suggest the nearest ones when it is not.

    Parameters
    ----------
    argument : str
        Name of the argument.
    name : str
        What the user asked for.
    table : collection of str
        The known names, or a function that gives them.
    remedy : str
        What to do when nothing is near.

    Returns
    -------
    str
        The name.

    Raises
    ------
    UnknownNameError
        If it is unknown; near names are listed.
    """
    from difflib import get_close_matches

    known = list(table() if callable(table) else table)
    if name in known:
        return name
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"Did you mean {', '.join(map(repr, near))}? " if near else ""
    raise UnknownNameError(advice(argument, "be a known name", name, f"{hint}{remedy}".strip()))


def known_options(options: Iterable[str], known: type, of: Callable[..., Any] | None = None) -> None:
    """Check that there are options of these names.

    Parameters
    ----------
    options : iterable of str
        What the user gave.
    known : TypedDict
        The options there are.
    of : callable, optional
        The function whose options they are: its own keywords are suggested, too.

    Raises
    ------
    UnknownNameError
        If one is none of them; the nearest are suggested.
    """
    for name in options:
        if name not in known.__annotations__:
            there = [*known.__annotations__, *_keywords(of)]
            looked_up("option", name, there, f"There are {', '.join(there)}.")


def _keywords(of: Callable[..., Any] | None) -> list[str]:
    """Give what a function may be told by name."""
    from inspect import Parameter, signature

    return [] if of is None else [x.name for x in signature(of).parameters.values() if x.kind is Parameter.KEYWORD_ONLY]
