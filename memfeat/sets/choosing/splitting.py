"""Dealing all images to lists that are alike, and turning lists over participants."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple, TypedDict, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy.sparse import csr_array

from memfeat._check import advice, count, generator, known_options, listed, one_of
from memfeat._labels import IMAGE, stamped
from memfeat._tables import texts
from memfeat.errors import ArgumentError
from memfeat.sets.choosing.asking import RATIO, limits_of, ratio_of, seconds_of, set_names, standard
from memfeat.sets.choosing.pools import column_names, labels_of, numbers_of, table_of
from memfeat.sets.choosing.problems import Goal, Problem, clashing
from memfeat.sets.choosing.reporting import SET, facts_of, missed, pool_facts, reached
from memfeat.sets.choosing.solving import METHODS, Method, solved

__all__ = ["FOIL", "ROLE", "TARGET", "VERSION", "SplitOptions", "split"]

Array = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
ROLE, VERSION = "role", "version"
#: What the sets are called that images were in before they were dealt to lists.
CHOSEN = "chosen_set"
#: Roles unless others are asked for: of the first half of the lists, and of the others.
TARGET, FOIL = "target", "foil"


class SplitOptions(TypedDict, total=False):
    """Options of :func:`memfeat.sets.split`.

    `names` : what the lists are called; A, B, … by default.
    `roles` : what participants see each list as, one role per list; by default "target" for the first half of the lists
    and "foil" for the others. From one version to the next, every list takes the role of the list after it.
    `together` : a column of labels; images with the same one (photographs of one person, say) go to the same list.
    `apart` : a column of labels; images with the same one (versions of one source) go to different lists.
    `categories` : a column of labels, or several that make up categories together; lists have equally many of each, or
    differ by one where the number is not divisible.
    `tolerance`, `variance_ratio`, `method`, `seconds`, `best` : as in :class:`memfeat.sets.MatchOptions`.
    """

    names: Sequence[str]
    roles: Sequence[str]
    together: str
    apart: str
    categories: str | Sequence[str]
    tolerance: float | Mapping[str, float]
    variance_ratio: float | None
    method: Method
    seconds: float
    best: bool


class _Units(NamedTuple):
    """Images that go to the same list."""

    of: Places  # (image,) the unit of each
    members: Array  # (category, unit) images; the last row counts all
    clashes: csr_array | None  # (unit, unit)


def split(
    images: xr.Dataset | pd.DataFrame | str | Path,
    k: int,
    *,
    score: str = "memorability",
    covariates: str | Sequence[str] = (),
    rng: int | np.random.Generator = 0,
    **options: Unpack[SplitOptions],
) -> xr.Dataset:
    """Deal all images to lists of equal size that are alike, for counterbalancing.

    Parameters
    ----------
    images : Dataset (image), DataFrame, str or Path
        An image table, predictions, or a table with a column of image names. Images that could not be read (`status`)
        are left out.
    k : int
        How many lists.
    score : str
        The column of memorability, measured or predicted.
    covariates : str or list of str
        Further columns of numbers in which lists shall be equal.
    rng : int or numpy.random.Generator
        Seed of the random start.
    **options : names, roles, together, apart, categories, tolerance, variance_ratio, method, seconds, best
        See :class:`memfeat.sets.SplitOptions`.

    Returns
    -------
    Dataset (image), (version, image)
        The table, with the coordinate `set (image)`, the list of each image (if it had one, as from :func:`match`, that
        is called `chosen_set` now), and `role (version, image)`, what the
        participants of each version see it as: a Latin square, in which every list has every role once. Attributes as
        those of :func:`match`.

    Raises
    ------
    KindError, MissingFileError, UnknownNameError
        If it is no table of images, or there is no column or option of that name.
    ArgumentError
        If images cannot be divided by k, a value is missing, a column does not vary, or what is asked contradicts
        itself.
    OutOfReachError
        If no lists within the limits were found; its attribute `best` holds the nearest.

    Warns
    -----
    OutOfReachWarning
        The same, with `best=True`.

    See Also
    --------
    balance : Takes the result as it is, and tells how alike lists are.
    sequence : Orders the images of each participant.
    match : Chooses some images from many.

    Notes
    -----
    Lists are found as sets are in :func:`match`; images that stay together change places with as many of the same
    categories.

    Examples
    --------
    >>> scores = {"hit_rate": [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2]}
    >>> table = pd.DataFrame(scores | {"image": list("abcdefgh"), "source": list("wxyzwxyz")})
    >>> lists = split(table, 2, score="hit_rate", apart="source")
    >>> first, second = lists["set"].values.reshape(2, 4)  # the two images of each source stand below each other
    >>> bool((first != second).all()), sorted(first.tolist() + second.tolist())
    (True, ['A', 'A', 'A', 'A', 'B', 'B', 'B', 'B'])
    >>> sorted(lists["role"].sel(image="a").values.tolist())
    ['foil', 'target']
    """
    known_options(options, SplitOptions)
    one_of("method", options.get("method", "auto"), METHODS)
    names, roles = _called(k, options)
    columns = [score, *column_names("covariates", covariates)]
    if len(set(columns)) < len(columns):
        raise ArgumentError(advice("covariates", "not hold the score", score, "Lists are equal in it anyway."))
    table, unreadable = table_of(images, "images")
    units = _units(table, k, options)
    z, mean, sd = standard(numbers_of(table, columns, "images"), columns, "images")
    problem = _problem(z, units, limits_of(options.get("tolerance"), columns, Goal("equal")), k, options)
    random, seed = generator(rng)
    seconds = seconds_of(options.get("seconds", 20.0))
    outcome = solved(problem, options.get("method", "auto"), random, seconds)
    if outcome is None:
        found = listed("what stays together or apart, and categories, that cannot all be kept")
        remedy = "Leave one of them out, or take other images."
        raise ArgumentError(advice("images", f"fill {k} lists of {problem.n}", found, remedy))
    of = outcome.deal[units.of]
    kept = table.rename({SET: CHOSEN}) if SET in table.variables else table
    result = kept.assign_coords({SET: (IMAGE, texts(names[s] for s in of))})
    square = np.array([[roles[(s + turn) % k] for s in of] for turn in range(k)], dtype=object)
    result = result.assign({ROLE: ((VERSION, IMAGE), square)}).assign_coords({VERSION: np.arange(1, k + 1)})
    facts = facts_of(problem, columns, outcome) | pool_facts(len(of), columns, mean, sd)
    facts |= {name: options.get(name) for name in ("together", "apart", "categories")}
    about = {"method": "lists dealt by balance", "sets": names, "roles": roles, "n_unreadable": unreadable}
    result = stamped(result, table.attrs, **about, **facts, seed=seed)
    return reached(result, missed(problem, columns, outcome, seconds), best=options.get("best", False))


def _called(k: int, options: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Read names and roles of lists."""
    count("k", k, least=2)
    names = set_names(options.get("names", k), "names")
    roles = [str(role) for role in options.get("roles", [TARGET] * (k // 2) + [FOIL] * (k - k // 2))]
    for argument, given in (("names", names), ("roles", roles)):
        if len(given) != k:
            raise ArgumentError(advice(argument, f"be one for each of {k} lists", given))
    return names, roles


def _units(table: xr.Dataset, k: int, options: Mapping[str, Any]) -> _Units:
    """Make units of images that stay together, and find those that must not meet."""
    n = table.sizes[IMAGE]
    if n % k or n < 2 * k:
        remedy = f"Leave {n % k} out, or add {k - n % k}." if n >= 2 * k else "A list has two images at least."
        raise ArgumentError(advice("images", f"be a multiple of k={k}, and two per list", n, remedy))
    together, apart = (_labels(table, options.get(name)) for name in ("together", "apart"))
    of = np.arange(n) if together is None else np.unique(together, return_inverse=True)[1].reshape(-1)
    cells = _labels(table, options.get("categories"))
    kinds = np.zeros(n, dtype=np.intp) if cells is None else np.unique(cells, return_inverse=True)[1].reshape(-1)
    members = np.zeros((kinds.max() + 2, of.max() + 1))
    np.add.at(members, (kinds, of), 1)
    members[-1] = members[:-1].sum(axis=0)
    return _Units(of, members, None if apart is None else _apart(apart, of, k))


def _labels(table: xr.Dataset, given: Any) -> npt.NDArray[np.str_] | None:
    names = column_names("columns", given)
    return labels_of(table, names, "images") if names else None


def _apart(labels: npt.NDArray[np.str_], of: Places, k: int) -> csr_array | None:
    """Give the pairs of units that hold images of the same source."""
    sources = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    many = [str(labels[rows[0]]) for rows in sources if len(rows) > k]
    if many:
        remedy = f"Each of {k} lists can have one."
        raise ArgumentError(advice("apart", f"label at most {k} images each", listed(f"more of {many[0]!r}"), remedy))
    same = [str(labels[rows[0]]) for rows in sources if len(set(of[rows])) < len(rows)]
    if same:
        found = listed(f"images of {same[0]!r} that also stay together")
        raise ArgumentError(advice("apart", "not contradict together", found))
    pairs = np.array([pair for rows in sources for pair in combinations(of[rows], 2)], dtype=np.intp).reshape(-1, 2)
    return clashing(pairs, int(of.max()) + 1)


def _problem(z: Array, units: _Units, limits: Array, k: int, options: Mapping[str, Any]) -> Problem:
    """Write it in numbers."""
    sums, squares = (np.zeros((units.members.shape[1], z.shape[1])) for _ in range(2))
    np.add.at(sums, units.of, z)
    np.add.at(squares, units.of, z**2)
    each = units.members.sum(axis=1) / k
    return Problem(
        sums,
        squares,
        images=units.members[-1],
        limits=limits,
        kind=np.unique(units.members, axis=1, return_inverse=True)[1].reshape(-1).astype(np.intp),
        members=units.members,
        wanted=(np.floor(each), np.ceil(each)),
        n=len(z) // k,
        n_sets=k,
        goal=Goal("equal"),
        ratio=ratio_of(options.get("variance_ratio", RATIO)),
        clashes=units.clashes,
        everyone=True,
    )
