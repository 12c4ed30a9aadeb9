"""Tables on the command line: columns in the order of the images, by name, and which of them hold halves of people."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from memfeat._check import advice, listed, looked_up
from memfeat.errors import ArgumentError, UnknownNameError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["HALVES", "Table", "numbers"]

#: What columns of halves are called unless the user says otherwise.
HALVES = ("half_1", "half_2")
#: How columns of several random splits may be called.
EXAMPLE = '--half "half1_*" "half2_*"'


class Table:
    """A table whose rows are brought into the order of the images, by name.

    Parameters
    ----------
    path : Path
        A CSV with one row per image.
    argument : str
        The option that names it.
    names : list of str
        The images.
    """

    def __init__(self, path: Path, argument: str, names: list[str]) -> None:
        from memfeat._tables import read_table

        self._frame, self._key = read_table(path, argument)
        self._path, self._argument, self._names = path, argument, names
        self._others = [str(one) for one in self._frame.columns if one != self._key]
        self._said: set[str] = set()

    def splits(self, first: str, second: str) -> list[tuple[str, str]]:
        """Give the columns of both halves of every split; `*` stands for what names a split in both."""
        if (first, second) == HALVES and not {first, second} <= set(self._others):
            have = f"Name the columns, such as {EXAMPLE}; {self._path} has: {listed.of(self._others)}."
            rule = f"be given where --halves has no {first} and {second}"
            raise UnknownNameError(advice("--half", rule, listed("none"), have))
        one, other = (self._matching(pattern) for pattern in (first, second))
        if not one or one.keys() != other.keys():
            alone = sorted([one.get(key, other.get(key, "")) for key in one.keys() ^ other.keys()])
            found = listed(f"{first} {second}, and only one half: {listed.of(alone)}" if alone else f"{first} {second}")
            remedy = f"{self._path} has: {listed.of(self._others)}."
            raise ArgumentError(advice("--half", "name both halves of each split", found, remedy))
        return [(one[key], other[key]) for key in one]

    def _matching(self, pattern: str) -> dict[str, str]:
        """Give what the `*` stands for → the column."""
        before, star, after = pattern.partition("*")
        if not star:
            return {"": pattern}
        size = len(before) + len(after)
        fitting = [one for one in self._others if one.startswith(before) and one.endswith(after) and len(one) > size]
        return {one[len(before) : len(one) - len(after)]: one for one in fitting}

    def column(self, option: str, name: str, *, aloud: bool = True) -> "pd.Series":
        """Give a column; say once on stderr what did not join, unless others say it."""
        import pandas as pd

        from memfeat.images.joining import joined

        looked_up(option, name, self._others, f"{self._path} has: {', '.join(self._others)}.")
        series = pd.Series(self._frame[name].to_numpy(), index=self._frame[self._key], name="found")
        try:
            found = joined(series, self._names, column=None)
        except ArgumentError as error:
            raise ArgumentError(str(error).replace("scores", self._argument, 1)) from error
        for message in found.messages:
            if aloud and message not in self._said:
                click.echo(f"{self._path.name}: {message}", err=True)
        self._said |= set(found.messages)
        return found.columns["found"].rename(name)


def numbers(series: "pd.Series", option: str) -> "pd.Series":
    """Refuse text.

    Parameters
    ----------
    series : Series
        A column.
    option : str
        The option that names it.

    Returns
    -------
    Series
        Its numbers.

    Raises
    ------
    ArgumentError
        If it holds something else.
    """
    import pandas as pd

    if not pd.api.types.is_numeric_dtype(series):
        raise ArgumentError(advice(option, "hold numbers", str(series.name), "There is text in that column."))
    return series.astype(float)
