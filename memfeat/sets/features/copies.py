"""Which images stand in a set twice, or in two sets: the same picture, or nearly so."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple, TypedDict, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat._check import advice, count, known_options, listed, one_of
from memfeat._labels import IMAGE, as_features, layer_names, stamped
from memfeat._progress import bar
from memfeat._tables import texts
from memfeat.errors import ArgumentError, KindError
from memfeat.images.reading import tabled
from memfeat.lowlevel import N_BITS, hash_bits
from memfeat.lowlevel.seeing import each
from memfeat.sets.features.pooling import FIRST, SECOND, is_features, joined, labels_of
from memfeat.sets.features.tiles import Tile, n_tiles, tiles

__all__ = ["CopyOptions", "alike", "near_duplicates"]

Array = npt.NDArray[np.float64]
Bits = npt.NDArray[np.bool_]
METRICS = ("cosine", "correlation")
#: Similarity from which on features count as those of copies, unless told.
THRESHOLD = 0.95
#: 1 − similarity below this is rounding.
ROUNDING = 1e-12
#: A table of more pairs than this is one that nobody reads, and may not fit into memory.
MOST_PAIRS = 1_000_000
HASH = "perceptual hash"


class CopyOptions(TypedDict, total=False):
    """When features are those of copies: options of :func:`memfeat.sets.near_duplicates`.

    `metric` : "cosine" (default) or "correlation" of two images' features.
    `threshold` : from which similarity on, .95 by default. What it catches depends on the layer: look at the pairs.
    `ratio` : also pairs whose distance, 1 − similarity, is at most this share of that to the next nearest image, for
    each of the two or for one; between 0 and 1. Not used unless given.
    """

    metric: Literal["cosine", "correlation"]
    threshold: float
    ratio: float


class _Pair(NamedTuple):
    """Two images, by their positions, and how they were found."""

    first: int
    second: int
    distance: float
    by: str
    layer: str = ""


class _Rule(NamedTuple):
    """When two images are copies."""

    metric: str
    threshold: float
    ratio: float | None


def near_duplicates(
    a: Any,
    b: Any = None,
    *,
    distance: int | None = None,
    progress: bool | None = None,
    **options: Unpack[CopyOptions],
) -> xr.Dataset:
    """Find near-duplicates within and between sets of images, by what pictures look like or by their features.

    Parameters
    ----------
    a : Dataset (image), or whatever `mf.images.read` takes; or features, Dataset or DataArray (image, ...)
        Images, which are compared by perceptual hash; or features, which are compared layer by layer.
    b : same as `a`, or DataArray (image) or pandas.Series, optional
        A second set, images or features as the first is; or the set of each image of `a`. Sets that are given one by
        one are called "a" and "b". The same name may stand in both.
    distance : int, optional
        Bits out of 64 in which the perceptual hashes of near-duplicates differ at most; 8 unless told.
    progress : bool, optional
        Show a progress bar with the time left; by default when stderr is a terminal.
    **options : metric, threshold, ratio
        When features are those of copies; see :class:`CopyOptions`.

    Returns
    -------
    Dataset (pair)
        `image` and `other`, names; `set` and `other_set`; `distance`, bits for hashes and 1 − similarity for features;
        `by`, "perceptual hash", "cosine", "correlation" or "ratio"; `layer`, empty for hashes. Pairs within sets and
        between them, by layer, the nearest first. `.to_dataframe()` shows it. Attributes: n_images, n_within and
        n_between (pairs, each once, in however many layers), n_left_out and left_out: images that cannot be read, or
        show nothing to compare (even pictures, features that are all zero or, for correlations, all alike).

    Raises
    ------
    KindError
        If `a` and `b` are of different kinds, or of none of these.
    UnknownNameError
        If there is no option of that name.
    ArgumentError
        If features come from different networks, are NaN or infinite, there are more than a million pairs, or an option
        cannot be.
    MissingFileError, NoImageError
        If no image table can be made of images.

    See Also
    --------
    memfeat.lowlevel.perceptual_hash : What pictures are told by.
    memfeat.screening.check : Near-duplicates of one set among other warnings.

    Notes
    -----
    Hashes find copies that were scaled, compressed, made grey or brightened, as they are or with one of them mirrored;
    features also find other photographs of the same thing, as far as the layer sees them alike. Which similarity is
    "alike" differs between layers, and between features that were averaged and those that were not: two unrelated
    photographs may have a cosine of .9 after a ReLU. The ratio asks for no similarity, but that nothing else is nearly
    as near. Every pair is compared, in tiles of at most 1 GiB.

    Examples
    --------
    >>> import numpy as np
    >>> scene = np.random.default_rng(0).uniform(size=(6, 6)).repeat(20, 0).repeat(20, 1)
    >>> noise = np.random.default_rng(1).uniform(size=(6, 6)).repeat(20, 0).repeat(20, 1)
    >>> found = near_duplicates({"scene": scene, "noise": noise}, {"mirrored": scene[:, ::-1]})
    >>> found["image"].values, found["other"].values, found["other_set"].values
    (array(['scene'], dtype=object), array(['mirrored'], dtype=object), array(['b'], dtype=object))
    """
    known_options(options, CopyOptions)
    rule = _rule(options)
    if distance is not None:
        count("distance", distance, least=0)
    if _is_layered(a):
        table, sets, number, source = _features(a, b)
        pairs, left_out = _by_features(table, rule, progress)
        facts: dict[str, Any] = {"method": "near-duplicates by features", **rule._asdict()}
        names = table[IMAGE].values
    else:
        names, hashes, sets, number = _hashed(a, b, progress)
        pairs = [_Pair(i, j, float(d), HASH) for i, j, d in alike(hashes, distance)]
        left_out = np.array([not _shows(one) for one in hashes], dtype=np.bool_)
        source, facts = {}, {"method": "near-duplicates by perceptual hash", "distance": _most(distance)}
    # a pair that is alike in several layers is one
    apart = [number[one] != number[other] for one, other in {(pair.first, pair.second) for pair in pairs}]
    counts = {"n_images": len(names), "n_within": len(apart) - sum(apart), "n_between": int(sum(apart))}
    gone = {"n_left_out": int(left_out.sum()), "left_out": [str(name) for name in names[left_out]]}
    return stamped(_table(pairs, names, [sets[k] for k in number]), source, **facts, **counts, **gone)


def alike(hashes: Sequence[Bits | None], distance: int | None = None) -> list[tuple[int, int, int]]:
    """Find pairs among pictures that look alike as they are or mirrored.

    Parameters
    ----------
    hashes : sequence of array (2, 64) of bool, or None
        Perceptual hash of each picture, and of its mirror image; None where there is none. Even pictures, which have no
        bit set and are all alike, are compared with none.
    distance : int, optional
        Bits in which they differ at most.

    Returns
    -------
    list of (int, int, int)
        Two rows, the smaller first, and the bits in which they differ; the nearest pairs first.
    """
    # fitting heads needs torch, which comparing sets does not
    from memfeat.training.duplicates import across

    there = [k for k, one in enumerate(hashes) if _shows(one)]
    bits = np.array([hashes[k] for k in there], dtype=np.bool_).reshape(-1, 2, N_BITS)
    nearest: dict[tuple[int, int], int] = {}
    for one, other, differing in across(bits, bits, _most(distance)):
        if one != other:
            # which of the two is mirrored may matter by a bit; the nearest come first
            nearest.setdefault((there[min(one, other)], there[max(one, other)]), differing)
    return sorted(((i, j, d) for (i, j), d in nearest.items()), key=lambda pair: (pair[2], pair[0], pair[1]))


def _most(distance: int | None) -> int:
    """Say in how many bits copies differ at most."""
    from memfeat.training.duplicates import DISTANCE

    return DISTANCE if distance is None else distance


def _shows(hashed: Bits | None) -> bool:
    """Say whether a picture could be read, and shows anything."""
    return hashed is not None and bool(hashed.any())


def _rule(options: CopyOptions) -> _Rule:
    metric = one_of("metric", options.get("metric", METRICS[0]), METRICS)
    ratio = options.get("ratio")
    numbers = {"threshold": options.get("threshold", THRESHOLD), "ratio": 0.5 if ratio is None else ratio}
    for name, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise KindError(advice(name, "be a number", value))
        if not 0 < value <= 1:
            raise ArgumentError(advice(name, "lie above 0 and be at most 1", value))
    return _Rule(metric, float(numbers["threshold"]), None if ratio is None else float(ratio))


def _is_layered(data: Any) -> bool:
    """Tell features from image tables, whose columns have one value per image."""
    if isinstance(data, xr.DataArray):
        return True
    return isinstance(data, xr.Dataset) and any(variable.ndim > 1 for variable in data.data_vars.values())


def _features(a: Any, b: Any) -> tuple[xr.Dataset, list[str], npt.NDArray[np.int64], dict[str, Any]]:
    """Read features and sets, images in the order of sets and names."""
    table = as_features(a, "a")
    if b is None:
        names, number = [FIRST], np.zeros(table.sizes[IMAGE], dtype=np.int64)
    elif is_features(b):
        second = as_features(b, "b")
        names, number = [FIRST, SECOND], np.repeat([0, 1], [table.sizes[IMAGE], second.sizes[IMAGE]])
        table = joined(table, second)
    else:
        names, number = labels_of(b, table)
    order = np.lexsort((table[IMAGE].values.astype(str), number))
    return table.isel({IMAGE: order}), names, number[order], dict(a.attrs)


def _hashed(
    a: Any, b: Any, progress: bool | None
) -> tuple[npt.NDArray[Any], list[Bits | None], list[str], npt.NDArray[np.int64]]:
    """Hash all images: names, hashes, names of sets, and the set of each image."""
    if is_features(b) and _is_layered(b):
        remedy = "Pass features of both, or images of both."
        raise KindError(advice("a and b", "be of one kind", listed("images and features"), remedy))
    tables = [tabled(a, progress=progress)]
    if isinstance(b, xr.DataArray | pd.Series):
        sets, number = labels_of(b, tables[0])
    else:
        tables += [] if b is None else [tabled(b, progress=progress)]
        sets = [FIRST, SECOND][: len(tables)]
        number = np.repeat(np.arange(len(tables)), [table.sizes[IMAGE] for table in tables])
    found = [one for table in tables for one in each(table, hash_bits, what="perceptual hash", progress=progress)[0]]
    return np.concatenate([table[IMAGE].values for table in tables]), found, sets, number


def _by_features(table: xr.Dataset, rule: _Rule, progress: bool | None) -> tuple[list[_Pair], Bits]:
    """Compare every two images in every layer."""
    names, n = layer_names(table), table.sizes[IMAGE]
    pairs: list[_Pair] = []
    empty = np.zeros(n, dtype=np.bool_)
    with bar(len(names) * n_tiles(n), "near-duplicates", progress, unit="tile") as shown:
        for name in names:
            near = _Nearest.of(n)
            found: dict[tuple[int, int], _Pair] = {}
            for tile in tiles(table[name], centred=False):
                distances, undefined = _distances(tile, rule.metric)
                empty[tile.rows] |= undefined
                found |= {(p.first, p.second): p for p in _close(tile, distances, rule, name)}
                if len(pairs) + len(found) > MOST_PAIRS:
                    remedy = "Raise it, or take a later layer."
                    raise ArgumentError(
                        advice("threshold", f"leave at most {MOST_PAIRS:,} pairs", rule.threshold, remedy)
                    )
                near.add(tile, distances)
                shown.update(1)
            for pair in near.ahead(rule.ratio, name):
                found.setdefault((pair.first, pair.second), pair)
            pairs += sorted(found.values(), key=lambda pair: (pair.distance, pair.first, pair.second))
    return pairs, empty


def _distances(tile: Tile, metric: str) -> tuple[Array, Bits]:
    """Compute 1 − similarity, infinite for an image itself and where it is not defined; and say for which rows."""
    products, (rows, columns) = tile.products, tile.squares
    if metric == "correlation":
        products = products - np.outer(*tile.sums) / tile.width
        left = [square - total**2 / tile.width for square, total in zip(tile.squares, tile.sums, strict=True)]
        # what is left of features that are all alike is rounding
        rows, columns = (
            np.where(value > ROUNDING * square, value, 0) for value, square in zip(left, tile.squares, strict=True)
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        found = 1 - products / np.sqrt(np.outer(rows, columns))
    found[found < ROUNDING] = 0
    found[~np.isfinite(found)] = np.inf
    if tile.is_diagonal:
        np.fill_diagonal(found, np.inf)
    return found, rows == 0


def _close(tile: Tile, distances: Array, rule: _Rule, layer: str) -> Iterator[_Pair]:
    """Give the pairs of a tile that are alike."""
    first, second = np.nonzero(distances <= 1 - rule.threshold + ROUNDING)
    values = distances[first, second]
    for i, j, value in zip(first + tile.rows.start, second + tile.columns.start, values, strict=True):
        if i < j:
            yield _Pair(int(i), int(j), float(value), rule.metric, layer)


class _Nearest(NamedTuple):
    """The two nearest others of each image so far."""

    distances: Array
    """(n, 2), ascending."""
    places: npt.NDArray[np.int64]
    """(n,), position of the nearest."""

    @classmethod
    def of(cls, n: int) -> "_Nearest":
        """Begin with none."""
        return cls(np.full((n, 2), np.inf), np.zeros(n, dtype=np.int64))

    def add(self, tile: Tile, distances: Array) -> None:
        """Look through one tile."""
        self._add(tile.rows, tile.columns, distances)
        if not tile.is_diagonal:
            self._add(tile.columns, tile.rows, distances.T)

    def _add(self, rows: slice, columns: slice, distances: Array) -> None:
        place = distances.argmin(axis=1)
        least = distances[np.arange(len(place)), place]
        nearer = least < self.distances[rows, 0]
        self.places[rows] = np.where(nearer, place + columns.start, self.places[rows])
        two = np.partition(distances, 1, axis=1)[:, :2] if distances.shape[1] > 1 else least[:, None]
        self.distances[rows] = np.sort(np.hstack([self.distances[rows], two]), axis=1)[:, :2]

    def ahead(self, ratio: float | None, layer: str) -> Iterator[_Pair]:
        """Give the images whose nearest is far nearer than the next one."""
        if ratio is None:
            return
        nearest, second = self.distances.T
        for i in np.flatnonzero(np.isfinite(second) & (nearest <= ratio * second) & (second > 0)):
            j = int(self.places[i])
            yield _Pair(min(int(i), j), max(int(i), j), float(nearest[i]), "ratio", layer)


def _table(pairs: list[_Pair], names: npt.NDArray[Any], sets: list[str]) -> xr.Dataset:
    columns = {
        "image": texts(names[pair.first] for pair in pairs),
        "other": texts(names[pair.second] for pair in pairs),
        "set": texts(sets[pair.first] for pair in pairs),
        "other_set": texts(sets[pair.second] for pair in pairs),
        "distance": np.array([pair.distance for pair in pairs], dtype=np.float64),
        "by": texts(pair.by for pair in pairs),
        "layer": texts(pair.layer for pair in pairs),
    }
    return xr.Dataset({name: ("pair", column) for name, column in columns.items()})
