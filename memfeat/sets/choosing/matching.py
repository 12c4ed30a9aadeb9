"""Choosing sets of images that are alike in what shall not differ."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypedDict, Unpack

import numpy as np
import pandas as pd
import xarray as xr

from memfeat._check import advice, count, generator, known_options, listed, one_of
from memfeat._labels import IMAGE, stamped
from memfeat._tables import texts
from memfeat.errors import ArgumentError
from memfeat.sets.choosing.asking import RATIO, goal_of, limits_of, ratio_of, seconds_of, set_names, standard
from memfeat.sets.choosing.pools import Cells, cells_of, column_names, kept, labels_of, numbers_of, pairs_of, table_of
from memfeat.sets.choosing.problems import NOWHERE, Problem, clashing
from memfeat.sets.choosing.reporting import SET, facts_of, missed, pool_facts, reached
from memfeat.sets.choosing.solving import METHODS, Method, Outcome, solved

__all__ = ["MatchOptions", "match"]


class MatchOptions(TypedDict, total=False):
    """Options of :func:`memfeat.sets.match`.

    `sets` : how many sets (2), or their names. When sets shall differ, the first is the highest in the score.
    `tolerance` : the largest `|SMD|`, one number for all columns or a mapping of some; by default .05 for the score and
    .1 for covariates.
    `variance_ratio` : the largest ratio of variances of two sets, of each column that shall be equal; 2 by default,
    None for no limit.
    `categories` : a column of labels, or several that make up categories together: every set gets as many images of
    each. `counts` : category → images in each set; by default in proportion to the pool.
    `exclude` : names of images that must not be chosen.
    `duplicates` : pairs of images of which at most one may be chosen, a DataFrame with columns image and other, or a
    list of pairs.
    `method` : "auto" (default), "exchange" or "program", see Notes there.
    `seconds` : time limit of the solver, 20 by default.
    `best` : whether the nearest sets are given, with a warning, where the pool does not have what was asked. By default
    that is an error.
    """

    sets: int | Sequence[str]
    tolerance: float | Mapping[str, float]
    variance_ratio: float | None
    categories: str | Sequence[str]
    counts: Mapping[str, int]
    exclude: Sequence[str]
    duplicates: pd.DataFrame | Sequence[tuple[str, str]]
    method: Method
    seconds: float
    best: bool


class _Asked(NamedTuple):
    """A question, read: the table it is about, and the same in numbers."""

    table: xr.Dataset
    columns: list[str]
    sets: list[str]
    cells: Cells
    problem: Problem
    facts: dict[str, Any]


def match(
    pool: xr.Dataset | pd.DataFrame | str | Path,
    n: int,
    *,
    score: str = "memorability",
    covariates: str | Sequence[str] = (),
    difference: Literal["equal", "largest"] | Mapping[str, float] = "equal",
    rng: int | np.random.Generator = 0,
    **options: Unpack[MatchOptions],
) -> xr.Dataset:
    """Choose sets of images that are equal, or differ, in memorability, and are equal in covariates and categories.

    Parameters
    ----------
    pool : Dataset (image), DataFrame, str or Path
        What is chosen from: an image table, predictions, or a table with a column of image names. Images that could not
        be read (`status`) are left out.
    n : int
        How many images each set has.
    score : str
        The column of memorability, measured or predicted.
    covariates : str or list of str
        Columns of numbers in which sets shall be equal.
    difference : {"equal", "largest"} or mapping
        What is wanted of the score: "equal" means; the "largest" difference of means that covariates allow; or at least
        so large a difference, {"sd": 1.5} in standard deviations of the pool, {"score": 0.1} in units of the score. Of
        more than two sets each differs so from the next.
    rng : int or numpy.random.Generator
        Seed of the random start, and so of which images are chosen among many choices as good.
    **options : sets, tolerance, variance_ratio, categories, counts, exclude, duplicates, method, seconds, best
        See :class:`memfeat.sets.MatchOptions`.

    Returns
    -------
    Dataset (image)
        The images that were chosen, in the order of their names, with the pool's columns and the coordinate
        `set (image)`. Attributes: `imbalance`, the largest `|SMD|` relative to its limit; `difference_sd`, that of the
        score between sets that follow each other, the smallest; `optimal`, whether it is proven that nothing better
        exists; `bound` and `gap`, in imbalance or, for the largest difference, in pool SD; `solved_by`; `pool_mean` and
        `pool_sd` of each column, and `pool_n`.

    Raises
    ------
    KindError, MissingFileError, UnknownNameError
        If the pool is no table of images, or there is no column, category or option of that name.
    ArgumentError
        If the pool is too small, a value is missing, a column does not vary, or what is asked contradicts itself.
    OutOfReachError
        If the pool does not have what was asked. It says what is out of reach and how near one comes; its attribute
        `best` holds the nearest sets.

    Warns
    -----
    OutOfReachWarning
        The same, with `best=True`.

    See Also
    --------
    balance : The balance table of sets, with the difference to expect on re-measurement.
    split : Deals all images to lists.

    Notes
    -----
    SMD is the difference of two sets' means divided by the standard deviation of the pool. Sets start as a random draw
    with the right counts. Images change places with others of their category as long as the sum of squared SMDs and log
    variance ratios, each relative to its limit, falls. It ends when that is settled, so that other seeds give other
    sets as good.

    A mixed-integer linear program (HiGHS) is solved where exchange does not keep the limits, where there are no more
    than 60 places (sets × images), and for the largest difference: it minimises the largest `|SMD|` relative to its
    limit, or maximises the difference, and proves a bound. Ratios of variances are not linear: where its solution
    breaks their limit, it is solved again with ratios of mean squares about the means that it found, and then exchange
    goes on from there; the bound is that of the problem without them.

    References
    ----------
    Rubin DB (2001). Using propensity scores to help design observational studies: application to the tobacco
    litigation. Health Services and Outcomes Research Methodology 2:169-188.
    Imai K, King G, Stuart EA (2008). Misunderstandings between experimentalists and observationalists about causal
    inference. Journal of the Royal Statistical Society A 171:481-502.
    Huangfu Q, Hall JAJ (2018). Parallelizing the dual revised simplex method. Mathematical Programming Computation
    10:119-142.

    Examples
    --------
    >>> pool = pd.DataFrame({"image": list("abcdefgh"), "hit_rate": [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]})
    >>> chosen = match(pool, 2, score="hit_rate", difference="largest", sets=["high", "low"])
    >>> chosen["image"].values.tolist(), chosen["set"].values.tolist()
    (['a', 'b', 'g', 'h'], ['low', 'low', 'high', 'high'])
    """
    known_options(options, MatchOptions)
    one_of("method", options.get("method", "auto"), METHODS)
    asked = _asked(pool, n, [score, *column_names("covariates", covariates)], difference, options)
    random, seed = generator(rng)
    seconds = seconds_of(options.get("seconds", 20.0))
    outcome = solved(asked.problem, options.get("method", "auto"), random, seconds)
    if outcome is None:
        remedy = "Take fewer images, or allow more pairs of near-duplicates."
        found = listed(f"{asked.table.sizes[IMAGE]} images, of which some must not be chosen together")
        raise ArgumentError(advice("pool", f"hold {len(asked.sets)} sets of {n} images", found, remedy))
    chosen = _labelled(asked, outcome, seed)
    return reached(chosen, missed(asked.problem, asked.columns, outcome, seconds), best=options.get("best", False))


def _asked(pool: Any, n: int, columns: list[str], difference: Any, options: Mapping[str, Any]) -> _Asked:
    """Read the question."""
    count("n", n, least=2)
    if len(set(columns)) < len(columns):
        remedy = "What sets are matched in or differ in is said by difference= and tolerance=."
        raise ArgumentError(advice("covariates", "not hold the score", columns[0], remedy))
    sets = set_names(options.get("sets", 2))
    table, facts = _pool(pool, n, len(sets), options)
    values = numbers_of(table, columns, "pool")
    z, mean, sd = standard(values, columns, "pool")
    goal = goal_of(difference, columns[0], sd[0])
    cells = _cells(table, n, len(sets), options)
    members = (cells.of == np.arange(len(cells.names))[:, None]).astype(np.float64)
    clashes = clashing(pairs_of(table, options.get("duplicates")), table.sizes[IMAGE])
    wanted = cells.wanted.astype(np.float64)
    limits = limits_of(options.get("tolerance"), columns, goal)
    ratio = ratio_of(options.get("variance_ratio", RATIO))
    problem = Problem(
        z,
        z**2,
        np.ones(len(z)),
        limits,
        cells.of,
        members,
        (wanted, wanted),
        n,
        len(sets),
        goal,
        ratio,
        clashes,
        everyone=False,
    )
    facts |= {"n_pairs_apart": 0 if clashes is None else clashes.nnz // 2}
    facts |= {"category_columns": column_names("categories", options.get("categories")) or None}
    facts |= pool_facts(table.sizes[IMAGE], columns, mean, sd)
    return _Asked(table, columns, sets, cells, problem, facts)


def _pool(pool: Any, n: int, n_sets: int, options: Mapping[str, Any]) -> tuple[xr.Dataset, dict[str, Any]]:
    """Read what images are chosen from, and say how many were left out."""
    table, unreadable = table_of(pool, "pool")
    table, excluded = kept(table, options.get("exclude"))
    if table.sizes[IMAGE] < n * n_sets:
        remedy = f"Take n={table.sizes[IMAGE] // n_sets} or fewer, or a larger pool."
        found = listed(f"{table.sizes[IMAGE]} images")
        raise ArgumentError(advice("pool", f"hold at least {n_sets} × {n} images", found, remedy))
    return table, {"n_unreadable": unreadable, "n_excluded": excluded}


def _cells(table: xr.Dataset, n: int, n_sets: int, options: Mapping[str, Any]) -> Cells:
    names = column_names("categories", options.get("categories"))
    if not names:
        if options.get("counts") is not None:
            remedy = 'Name their column: categories="category".'
            raise ArgumentError(advice("counts", "come with categories", dict(options["counts"]), remedy))
        return Cells(["all"], np.zeros(table.sizes[IMAGE], dtype=np.intp), np.array([n], dtype=np.int64))
    return cells_of(labels_of(table, names, "pool"), options.get("counts"), n, n_sets)


def _labelled(asked: _Asked, outcome: Outcome, seed: str) -> xr.Dataset:
    """Give the images that were chosen, with how."""
    rows = np.flatnonzero(outcome.deal != NOWHERE)
    names = np.array(asked.sets, dtype=object)[outcome.deal[rows]]
    chosen = asked.table.isel({IMAGE: rows}).drop_vars(SET, errors="ignore").assign_coords({SET: (IMAGE, texts(names))})
    counts = dict(zip(asked.cells.names, asked.cells.wanted.tolist(), strict=True))
    return stamped(
        chosen,
        asked.table.attrs,
        method="sets chosen by balance",
        sets=asked.sets,
        categories=counts if len(counts) > 1 else None,
        **facts_of(asked.problem, asked.columns, outcome),
        seed=seed,
        **asked.facts,
    )
