"""What each participant sees when: continuous recognition, or study and test."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypedDict, Unpack

import numpy as np
import pandas as pd
import xarray as xr

from memfeat._check import advice, count, generator, known_options, listed, looked_up, one_of
from memfeat._labels import IMAGE, image_names, storable
from memfeat._tables import read_table
from memfeat._version import __version__
from memfeat.errors import ArgumentError, KindError, OutOfReachError
from memfeat.sets.choosing.ordering import asked_at, fillers_needed, placed
from memfeat.sets.choosing.splitting import FOIL, ROLE, TARGET, VERSION

__all__ = ["COLUMNS", "SequenceOptions", "sequence"]

FILLER, VIGILANCE = "filler", "vigilance"
#: What was shown, as `mf.scores.from_trials` reads it.
OLD, NEW = "old", "new"
COLUMNS = ("participant", VERSION, "phase", "trial", IMAGE, ROLE, "truth", "lag")
#: Lags of vigilance repeats unless others are asked for.
SHORT = range(1, 8)
Lag = int | range
LAGS = 'Use a number of trials, range(91, 110) for any of these, a list of lags to be rotated, or {"a.jpg": 20, …}.'


class SequenceOptions(TypedDict, total=False):
    """Options of :func:`memfeat.sets.sequence`.

    `design` : "continuous" (default), in which targets are repeated in one stream, or "study-test".
    `vigilance_lags` : a range of lags, or a list of them, after which vigilance images are repeated; 1 to 7 by default.
    `n_fillers` : how many fillers a participant sees once; all that are left by default.
    """

    design: Literal["continuous", "study-test"]
    vigilance_lags: range | Sequence[int]
    n_fillers: int


class _Asked(NamedTuple):
    """What all participants have in common."""

    lags: Any
    short: list[int]  # lags of vigilance repeats
    vigilance: int
    once: int  # fillers that are shown once


class _Plan(NamedTuple):
    """What one participant sees."""

    targets: list[str]
    foils: list[str]
    fillers: list[str]  # shown once
    vigilance: list[str]  # shown twice
    lags: list[list[int] | None]  # of each target
    short: list[int]


def sequence(
    targets: Any,
    fillers: Any = (),
    *,
    lags: Lag | Sequence[int] | Mapping[str, Lag] | None = None,
    vigilance: int = 0,
    n_participants: int = 1,
    rng: int | np.random.Generator = 0,
    **options: Unpack[SequenceOptions],
) -> pd.DataFrame:
    """Order images for each participant, with repeats after the lags that are wanted.

    Parameters
    ----------
    targets : sequence of str, Dataset (image), DataFrame or result of :func:`split`
        The images whose memory is measured. With the `role` of :func:`split`, participants take turns in the versions:
        images are targets for some, and foils, shown once, for others.
    fillers : sequence of str, Dataset (image) or DataFrame
        Other images. Each participant sees every one of them once at most, but for vigilance repeats.
    lags : int, range, sequence of int or mapping, optional
        Trials from the first showing of a target to the second: one number; a range of which any will do; a list, whose
        lags are dealt to targets in equal shares and rotated from participant to participant; or image → number or
        range. Lags of "study-test" count the trials of both phases, and may be left out.
    vigilance : int
        How many fillers are repeated after a short lag, to see who pays attention.
    n_participants : int
        How many sequences.
    rng : int or numpy.random.Generator
        Seed of all orders.
    **options : design, vigilance_lags, n_fillers
        See :class:`memfeat.sets.SequenceOptions`.

    Returns
    -------
    DataFrame
        One row per trial: `participant`, `version` (1 if there are no roles), `phase` ("recognition", or "study" and
        "test"), `trial` (from 1, over both phases), `image`, `role` ("target", "foil", "filler" or "vigilance"),
        `truth` ("old" for repeats, else "new") and `lag` (NaN for what is new). Its `attrs` say how it was made.

    Raises
    ------
    KindError, UnknownNameError
        If images are no names, or there is no option of that name.
    ArgumentError
        If an image is named twice, or is target and filler; there are too few fillers; or a lag cannot be used.
    OutOfReachError
        If no order with these lags was found; it says how many fillers would do.

    See Also
    --------
    split : Deals images to lists and roles.
    to_csv : Writes sequences for PsychoPy or jsPsych.
    memfeat.scores.from_trials : Scores images from answers to such a sequence.

    Notes
    -----
    In a continuous sequence pairs are placed at random, those with the longest lags first; where that leaves no room,
    from the left and as tightly as possible. Both are tried in 20 random orders: there may be orders that they miss.
    Study-test orders with lags are matchings of images and test places, found if there is one for the order of study;
    20 of these are tried. There the new images of the test are the foils, or without any the fillers.

    References
    ----------
    Isola P, Xiao J, Torralba A, Oliva A (2011). What makes an image memorable? IEEE Conference on Computer Vision and
    Pattern Recognition, 145-152.

    Examples
    --------
    >>> order = sequence(["a", "b"], ["c", "d", "e"], lags=3, rng=0)
    >>> order.loc[order["truth"] == "old", ["image", "lag"]].sort_values("image").to_numpy().tolist()
    [['a', 3.0], ['b', 3.0]]
    >>> len(order), order["image"].nunique()
    (7, 5)
    """
    known_options(options, SequenceOptions)
    design = one_of("design", options.get("design", "continuous"), DESIGNS)
    roles = _roles(targets)
    others = _names(fillers, "fillers")
    both = sorted(set(others) & roles[0].keys())
    if both:
        raise ArgumentError(advice("fillers", "not be targets", listed.of(both), "Leave them out of one of the two."))
    asked = _asked(roles, len(others), lags, vigilance, options)
    count("n_participants", n_participants)
    random, seed = generator(rng)
    parts = []
    width = len(str(n_participants))
    for turn in range(n_participants):
        # lags go round among participants of the same version: each image meets them all
        plan = _planned(roles[turn % len(roles)], others, asked, turn // len(roles), random)
        rows = pd.DataFrame(DESIGNS[design](plan, random), columns=list(COLUMNS[2:]))
        parts.append(rows.assign(participant=f"p{turn + 1:0{width}d}", version=turn % len(roles) + 1))
    table = pd.concat(parts, ignore_index=True)[list(COLUMNS)]
    facts = {"memfeat_version": __version__, "method": f"{design} sequence", "lags": str(lags), "vigilance": vigilance}
    table.attrs = {name: storable(value) for name, value in (facts | {"seed": seed}).items()}
    return table


def _names(given: Any, argument: str) -> list[str]:
    """Read names of images, sorted."""
    if isinstance(given, xr.Dataset | xr.DataArray):
        return sorted(map(str, image_names(given, argument)))
    if isinstance(given, pd.DataFrame):
        table, key = read_table(given, argument)
        return sorted(table[key])
    if isinstance(given, str) or not isinstance(given, Sequence | np.ndarray | pd.Index):
        rule = "be names of images, or a table of images"
        raise KindError(advice(argument, rule, listed(type(given).__name__)))
    names = sorted(map(str, given))
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ArgumentError(advice(argument, "name each image once", listed(f"duplicates {listed.of(twice)}")))
    return names


def _roles(targets: Any) -> list[dict[str, str]]:
    """Give the role of each image in each version."""
    if not isinstance(targets, xr.Dataset) or ROLE not in targets:
        return [dict.fromkeys(_names(targets, "targets"), TARGET)]
    names, roles = map(str, image_names(targets, "targets")), targets[ROLE].transpose(VERSION, IMAGE).values
    known = {str(role) for role in np.unique(roles.astype(str))}
    if not known <= {TARGET, FOIL}:
        remedy = 'Split with roles=["target", "foil", …].'
        raise ArgumentError(advice("targets", "have the roles target and foil", sorted(known), remedy))
    images = list(names)
    return [dict(zip(images, map(str, row), strict=True)) for row in roles]


def _asked(roles: list[dict[str, str]], n_fillers: int, lags: Any, vigilance: int, options: SequenceOptions) -> _Asked:
    """Check lags and numbers."""
    count("vigilance", vigilance, least=0)
    most = n_fillers - vigilance
    once = count("n_fillers", options.get("n_fillers", max(most, 0)), least=0)
    if once > most:
        found = listed(f"{n_fillers} images")
        raise ArgumentError(advice("fillers", f"hold {once} to be shown once and {vigilance} for vigilance", found))
    if lags is None and options.get("design") != "study-test":
        raise ArgumentError(advice("lags", "be given for a continuous sequence", lags, LAGS))
    if isinstance(lags, Mapping):
        images = [name for name in roles[0] if any(version[name] == TARGET for version in roles)]
        for name in lags:
            looked_up("lags", str(name), images, "Lags are those of targets.")
        lacking = [name for name in images if name not in lags]
        if lacking:
            raise ArgumentError(advice("lags", "hold one for every target", listed(f"none for {listed.of(lacking)}")))
        lags = {name: _allowed(lags[name], f"lags[{name!r}]") for name in images}
    elif isinstance(lags, list | tuple):
        lags = [_allowed(lag, "lags") for lag in lags]
        if not lags:
            raise ArgumentError(advice("lags", "hold a lag", lags, LAGS))
    elif lags is not None:
        lags = [_allowed(lags, "lags")]
    return _Asked(lags, _allowed(options.get("vigilance_lags", SHORT), "vigilance_lags"), vigilance, once)


def _planned(
    shown: Mapping[str, str], others: Sequence[str], asked: _Asked, turn: int, rng: np.random.Generator
) -> _Plan:
    """Choose the fillers of one participant, and the lags of targets."""
    targets, foils = ([name for name, role in shown.items() if role == kind] for kind in (TARGET, FOIL))
    if not targets:
        raise ArgumentError(advice("targets", "hold an image", listed("none")))
    lags: list[list[int] | None] = [None] * len(targets)
    if isinstance(asked.lags, Mapping):
        lags = [asked.lags[name] for name in targets]
    elif asked.lags is not None:
        lags = [asked.lags[(i + turn) % len(asked.lags)] for i in range(len(targets))]
    drawn = [others[i] for i in rng.permutation(len(others))]
    once = drawn[asked.vigilance : asked.vigilance + asked.once]
    return _Plan(targets, foils, once, drawn[: asked.vigilance], lags, asked.short)


def _allowed(lag: Any, argument: str) -> list[int]:
    values = [lag] if not isinstance(lag, range | list | tuple) else list(lag)
    if not values:
        raise ArgumentError(advice(argument, "hold a lag", lag, LAGS))
    return [count(argument, value, remedy=LAGS) for value in values]


def _continuous(plan: _Plan, rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    """Place everything in one stream."""
    allowed = [lags for lags in plan.lags if lags is not None] + [plan.short] * len(plan.vigilance)
    once = [(name, FOIL) for name in plan.foils] + [(name, FILLER) for name in plan.fillers]
    found = placed(allowed, 2 * len(allowed) + len(once), rng)
    if found is None:
        needed = fillers_needed(allowed, rng)
        asked = listed(f"{len(plan.targets)} targets, {len(plan.vigilance)} vigilance images and {len(once)} others")
        rule = "leave room for the lags"
        others = f" with the {len(plan.foils)} foils" if plan.foils else ""
        raise OutOfReachError(
            advice("fillers", rule, asked, f"{needed} images that are shown once are enough{others}.")
        )
    twice = [(name, TARGET) for name in plan.targets] + [(name, VIGILANCE) for name in plan.vigilance]
    rows = dict(_twice(twice, found))
    free = [place for place in range(2 * len(allowed) + len(once)) if place not in rows]
    rows |= {place: (*once[i], NEW, np.nan) for place, i in zip(free, rng.permutation(len(once)), strict=True)}
    for place in range(len(rows)):
        yield ("recognition", place + 1, *rows[place])


def _twice(shown: list[tuple[str, str]], places: Any) -> Iterator[tuple[int, tuple[Any, ...]]]:
    for (name, role), first, second in zip(shown, places.first.tolist(), places.second.tolist(), strict=True):
        yield first, (name, role, NEW, np.nan)
        yield second, (name, role, OLD, float(second - first))


def _study_test(plan: _Plan, rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    """Place targets and vigilance images in the study phase, targets and new images in the test."""
    new = [(name, FOIL) for name in plan.foils] or [(name, FILLER) for name in plan.fillers]
    n_study, n_test = len(plan.targets) + 2 * len(plan.vigilance), len(plan.targets) + len(new)
    watched, studied, asked = _studied(plan, n_study, n_test, rng)
    study = dict(_twice([(name, VIGILANCE) for name in plan.vigilance], watched))
    study |= {place: (name, TARGET, NEW, np.nan) for name, place in zip(plan.targets, studied, strict=True)}
    places = zip(plan.targets, asked, (n_study + asked - studied).astype(float), strict=True)
    test = {int(place): (name, TARGET, OLD, lag) for name, place, lag in places}
    free = [place for place in range(n_test) if place not in test]
    test |= {place: (*new[i], NEW, np.nan) for place, i in zip(free, rng.permutation(len(new)), strict=True)}
    for place in range(n_study):
        yield ("study", place + 1, *study[place])
    for place in range(n_test):
        yield ("test", n_study + place + 1, *test[place])


def _studied(plan: _Plan, n_study: int, n_test: int, rng: np.random.Generator) -> Any:
    """Find an order of study, and test places that keep the lags."""
    for _ in range(20):
        watched = placed([plan.short] * len(plan.vigilance), n_study, rng)
        if watched is None:
            break
        taken = {*watched.first.tolist(), *watched.second.tolist()}
        studied = rng.permutation([place for place in range(n_study) if place not in taken]).astype(np.intp)
        asked = asked_at(studied, plan.lags, n_study, n_test, rng)
        if asked is not None:
            return watched, studied, asked
    found = listed(f"lags over {n_study} study and {n_test} test trials")
    remedy = (
        f"Lags from 1 to {n_study + n_test - 1} exist, most often around {(n_study + n_test) // 2}: widen the range."
    )
    raise OutOfReachError(advice("lags", "fit the lengths of study and test", found, remedy))


#: How images are ordered -> what does it.
DESIGNS: dict[str, Callable[[_Plan, np.random.Generator], Iterator[tuple[Any, ...]]]] = {
    "continuous": _continuous,
    "study-test": _study_test,
}
