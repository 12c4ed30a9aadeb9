"""Dictionaries of sparse coding: learned from a layer, kept in a Dataset, and read again."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Unpack

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat import _blocks, guards
from memfeat._check import advice, listed
from memfeat._check import generator as seeded
from memfeat._labels import IMAGE, as_features, dimension, in_name_order, layer_names, stamped
from memfeat._progress import bar
from memfeat.errors import ArgumentError
from memfeat.measures.layers import at_least, called, width_of
from memfeat.measures.sparse_options import SparseOptions, settled

__all__ = ["Dictionary", "Drawn", "Work", "drawn", "kept", "learn", "learn_dictionary", "must_settle", "read"]

Single = npt.NDArray[np.float32]
Places = npt.NDArray[np.int64]
ATOM = "atom"


class Work(NamedTuple):
    """How dictionaries are learned, checked."""

    options: Mapping[str, Any]
    """All of :class:`SparseOptions` but the device."""
    device: str | None
    base: int = 0
    """The seed that all layers share."""
    tick: _blocks.Tick | None = None
    """Is told of each batch."""


class Drawn(NamedTuple):
    """What was drawn of a layer."""

    values: Single  # (n, p)
    units: Places  # (p,), which of the layer's features these are, sorted


class Dictionary(NamedTuple):
    """What was learned from a layer."""

    atoms: Single  # (k, p)
    mean: Single  # (p,), of the scaled features that it was learned from
    units: Places  # (p,)
    scale: float


def learn_dictionary(
    features: xr.Dataset | xr.DataArray,
    *,
    rng: int | np.random.Generator = 0,
    progress: bool | None = None,
    **options: Unpack[SparseOptions],
) -> xr.Dataset:
    """Learn for each layer the atoms of which few, added up, make each image, after Olshausen and Field (1996).

    Parameters
    ----------
    features : Dataset or DataArray (image, ...)
        Features, one variable per layer, in memory or lazy.
    rng : int or numpy.random.Generator
        Seed of which features are drawn, of the first atoms and of the batches. All layers get the same draws, so that
        the dictionary of one does not depend on which others there are.
    progress : bool, optional
        Show a progress bar; by default when stderr is a terminal.
    **options : optional
        How to learn and to code, see :class:`SparseOptions`.

    Returns
    -------
    Dataset (atom, ...)
        One variable per layer, the atoms, each of length 1. Its other dim is `<layer>:drawn`, with the places of the
        features that were drawn (in C order over the feature dims) as coordinate; `<layer>:mean` is subtracted from
        scaled features. Attributes of a variable: `scale`, by which features are divided first, and `n_features` of
        the layer. Save it with `to_netcdf` or `to_zarr`.

    Raises
    ------
    KindError
        If features are not xarray, or not real numbers, or an option is of another kind.
    UnknownNameError
        If there is no option of that name.
    ArgumentError
        If images are not named or fewer than two, a value is NaN or infinite, an option has a value that cannot be, so
        many features are zero that the percentile is too, or `step` is so large that codes grow without end.

    Warns
    -----
    RetrainedWarning
        If they are features of the retrained network; `mf.guards.allow` takes it back.

    See Also
    --------
    sparse_coding : Measures how much of each image a dictionary leaves over.

    Notes
    -----
    Codes R of each batch X, scaled and less its mean over images, are found as :func:`sparse_coding` says, but stop
    when those of the batch as a whole have settled. Then the atoms Φ move by `learning_rate` · Rᵀ(X − RΦ), and are
    brought back to length 1. The first atoms are random directions.

    References
    ----------
    Olshausen BA, Field DJ (1996). Emergence of simple-cell receptive field properties by learning a sparse code for
    natural images. Nature 381:607-609.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> values = np.random.default_rng(0).standard_normal((20, 4))
    >>> layer = xr.DataArray(values, dims=["image", "fc:unit"], coords={"image": np.arange(20)}, name="fc")
    >>> dictionary = learn_dictionary(layer, n_atoms=6, n_iterations=5, rng=0, device="cpu")
    >>> dictionary["fc"].sizes, float((dictionary["fc"][0] ** 2).sum().round(4))
    (Frozen({'atom': 6, 'fc:drawn': 4}), 1.0)
    """
    generator, seed = seeded(rng)
    work = Work(settled(options), options.get("device"), int(generator.integers(2**31)))
    table = as_features(features)
    facts = guards.analysis(features)
    names, found = layer_names(table), xr.Dataset()
    with bar(len(names) * work.options["n_iterations"], "sparse coding", progress, unit="batch") as shown:
        for name in names:
            layer = in_name_order(table[name])
            at_least(layer, 2, "a dictionary")
            learned = learn(drawn(layer, work), called(layer), work._replace(tick=shown.update))
            found = found.merge(_labelled(learned, layer))
    words = {"method": "sparse coding dictionary", "options": work.options, "seed": seed}
    return stamped(found, features.attrs, **words, n=table.sizes[IMAGE], **facts)


def drawn(layer: xr.DataArray, work: Work) -> Drawn:
    """Draw the features of a layer that are coded.

    Parameters
    ----------
    layer : DataArray (image, ...)
        One layer.
    work : Work
        How many, and the seed.

    Returns
    -------
    Drawn
        Images in the layer's own order.
    """
    width, options = width_of(layer), work.options
    generator = np.random.default_rng([work.base, 0])
    units = np.sort(generator.choice(width, min(options["n_units"], width), replace=False)).astype(np.int64)
    return Drawn(read(layer, units), units)


def read(layer: xr.DataArray, units: Places, tick: _blocks.Tick | None = None) -> Single:
    """Read some features of a layer.

    Parameters
    ----------
    layer : DataArray (image, ...)
        One layer, in memory or lazy.
    units : array (p,) of int
        Which, sorted.
    tick : callable, optional
        Is told the number of features after each block.

    Returns
    -------
    array (n, p)
        Images in the layer's own order.
    """
    values, start = np.empty((layer.sizes[IMAGE], len(units)), dtype=np.float32), 0
    for block in _blocks.checked(layer, tick=tick):
        here = slice(*np.searchsorted(units, [start, start + block.shape[1]]))
        values[:, here] = block[:, units[here] - start]
        start += block.shape[1]
    return values


def learn(some: Drawn, layer: listed, work: Work, *, fold: int = 0) -> Dictionary:
    """Learn a dictionary from some images, and by what features are scaled.

    Parameters
    ----------
    some : Drawn
        Features of these images, in the order of their names.
    layer : listed
        What the layer is called in messages.
    work : Work
        How.
    fold : int
        Which part of the images is held out, for the seed; 0 if none is.

    Returns
    -------
    Dictionary
        Atoms and mean.

    Raises
    ------
    ArgumentError
        If the percentile of absolute values is zero, or codes grow without end.
    """
    from memfeat.measures.coding import learned

    generator = np.random.default_rng([work.base, 1, fold])
    scale = _scale(some.values, layer, work)
    scaled = some.values / np.float32(scale)
    atoms = learned(scaled, work.options, generator, device=work.device, tick=work.tick)
    must_settle(atoms, layer, work)
    return Dictionary(atoms, scaled.mean(axis=0), some.units, scale)


def _scale(values: Single, layer: listed, work: Work) -> float:
    """Give what features are divided by."""
    percentile = work.options["percentile"]
    scale = float(np.percentile(np.abs(values), percentile))
    if scale == 0:
        found = listed(f"0 at the {percentile:g}th percentile")
        remedy = "Too few features differ from zero: pass a larger percentile=, up to 100."
        raise ArgumentError(advice(layer, "have absolute values above 0 to be scaled by", found, remedy))
    return scale


def must_settle(values: npt.NDArray[Any], layer: listed, work: Work) -> None:
    """Refuse a step with which codes grow without end.

    Parameters
    ----------
    values : array
        What was made of codes.
    layer : listed
        What the layer is called in messages.
    work : Work
        How they were found.

    Raises
    ------
    ArgumentError
        If a value is not finite.
    """
    if not np.isfinite(values).all():
        rule = f"be small enough for codes of {layer} to settle"
        raise ArgumentError(advice("step", rule, work.options["step"], "Pass a smaller one to learn with."))


def _labelled(learned: Dictionary, layer: xr.DataArray) -> xr.Dataset:
    """Name what was learned."""
    name = str(layer.name)
    unit = dimension(name, "drawn")
    attrs = {"scale": learned.scale, "n_features": width_of(layer)}
    atoms = xr.DataArray(learned.atoms, {unit: learned.units}, (ATOM, unit), attrs=attrs)
    return xr.Dataset({name: atoms, dimension(name, "mean"): (unit, learned.mean)})


def kept(dictionary: xr.Dataset, layer: xr.DataArray) -> Dictionary:
    """Read what was learned from a layer, for other images.

    Parameters
    ----------
    dictionary : Dataset
        What :func:`learn_dictionary` gave.
    layer : DataArray (image, ...)
        The layer.

    Returns
    -------
    Dictionary
        The same.

    Raises
    ------
    ArgumentError
        If it is no dictionary of this layer, or the layer had another number of features.
    """
    name = str(layer.name)
    if name not in dictionary or dimension(name, "mean") not in dictionary:
        found = listed(f"none of {name!r}")
        remedy = "Learn it with mf.measures.learn_dictionary, from the same layers."
        raise ArgumentError(advice("dictionary", "hold atoms for each layer", found, remedy))
    atoms, width = dictionary[name], width_of(layer)
    if int(atoms.attrs["n_features"]) != width:
        had = listed(f"{width} features")
        remedy = "Extract this layer as for the dictionary, or learn another one."
        rule = f"have {atoms.attrs['n_features']} features, as in dictionary"
        raise ArgumentError(advice(called(layer), rule, had, remedy))
    unit = dimension(name, "drawn")
    values = atoms.transpose(ATOM, unit).values.astype(np.float32)
    mean = dictionary[dimension(name, "mean")].values.astype(np.float32)
    return Dictionary(values, mean, atoms[unit].values.astype(np.int64), float(atoms.attrs["scale"]))
