"""How much of an image a sparse code leaves over."""

import json
import warnings
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt
import xarray as xr

from memfeat import guards
from memfeat._blocks import Tick
from memfeat._check import advice, count, listed
from memfeat._check import generator as seeded
from memfeat._labels import IMAGE, as_features, in_name_order, layer_names
from memfeat._progress import bar
from memfeat.errors import ArgumentError, KindError, NotConvergedWarning
from memfeat.measures.dictionaries import Dictionary, Work, drawn, kept, learn, must_settle, read
from memfeat.measures.layers import Measured, at_least, called, per_image
from memfeat.measures.sparse_options import SparseOptions, settled

__all__ = ["sparse_coding"]

Array = npt.NDArray[np.float64]
Single = npt.NDArray[np.float32]
Places = npt.NDArray[np.int64]
METHOD = "sparse coding reconstruction error"
#: Whose images an image's dictionary was learned from.
ALL, OTHERS, GIVEN = "all images, itself included", "images of the other folds", "the dictionary that was given"


def sparse_coding(
    features: xr.Dataset | xr.DataArray,
    *,
    dictionary: xr.Dataset | None = None,
    folds: int | None = None,
    rng: int | np.random.Generator = 0,
    progress: bool | None = None,
    **options: Unpack[SparseOptions],
) -> xr.Dataset:
    """Measure how much of each image a sparse code leaves over: reconstruction error after Lin et al. (2024).

    Parameters
    ----------
    features : Dataset or DataArray (image, ...)
        Features, one variable per layer, in memory or lazy.
    dictionary : Dataset, optional
        What :func:`learn_dictionary` gave for the same layers, of these or other images. By default one is learned from
        these images.
    folds : int, optional
        Into how many folds images are dealt, each coded with a dictionary learned from the others. By default all
        images learn one dictionary, as published, where an image helps to learn what it is coded with.
    rng : int or numpy.random.Generator
        Seed of which features are drawn, of the first atoms, the batches and the folds; no effect with `dictionary`.
    progress : bool, optional
        Show a progress bar; by default when stderr is a terminal.
    **options : optional
        How to learn and to code, see :class:`SparseOptions`; with `dictionary` only `device`, as it knows the others.

    Returns
    -------
    Dataset (image)
        Mean squared residual over the features that were drawn, one variable per layer; 0 if nothing is left over.
        In units of the squared percentile by which features are divided, the attribute `scale` of a variable; with
        `folds` it has one for each.

    Raises
    ------
    KindError
        If features are not xarray, or not real numbers, or an option is of another kind.
    UnknownNameError
        If there is no option of that name.
    ArgumentError
        If images are not named, or too few; a value is NaN or infinite; `dictionary` is none of these layers, or comes
        with folds or options; so many features are zero that the percentile is too; or `step` is so large that codes
        grow without end.

    Warns
    -----
    NotConvergedWarning
        If codes of some images had not settled after `max_steps`.
    RetrainedWarning
        If they are features of the retrained network; `mf.guards.allow` takes it back.

    See Also
    --------
    learn_dictionary : Learns atoms, for these or other images.

    Notes
    -----
    Of each layer, 1,000 features are drawn and divided by the 95th percentile of their absolute values over the images
    that the dictionary Φ is learned from, which makes x, less its mean over these images. Its code r starts at zero and
    moves by

        r ← S(r + step · (x − rΦ) Φᵀ),    S(v) = sign(v) · max(abs(v) − penalty, 0)

    until a step changes it by less than `tolerance` · (`tolerance` + ‖r‖). The error is the mean of (x − rΦ)².

    With the published settings a code stops after about a hundred steps, long before it has come to an end: the error
    says how much is left after that much effort. A smaller tolerance gives codes that minimise
    ½ ‖x − rΦ‖² + (penalty / step) Σ abs(r). Each image stops by itself, so that its error depends on nothing but itself
    and the dictionary.

    Not said in what is published, and chosen here: one percentile for all features of a layer, since many features of
    rectified layers are mostly zero; the mean of a batch is taken feature by feature.

    References
    ----------
    Lin Q, Li Z, Lafferty J, Yildirim I (2024). Images with harder-to-reconstruct visual representations leave stronger
    memory traces. Nature Human Behaviour. doi:10.1038/s41562-024-01870-3.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> values = np.random.default_rng(0).standard_normal((20, 4))
    >>> layer = xr.DataArray(values, dims=["image", "fc:unit"], coords={"image": np.arange(20)}, name="fc")
    >>> error = sparse_coding(layer, n_atoms=6, n_iterations=5, folds=2, device="cpu")
    >>> error.sizes, error.attrs["learned_from"]
    (Frozen({'image': 20}), 'images of the other folds')
    """
    if dictionary is not None:
        return _coded_with(dictionary, features, folds, progress, options)
    generator, seed = seeded(rng)
    work = Work(settled(options), options.get("device"), int(generator.integers(2**31)))
    table = as_features(features)
    deal = _dealt(table.sizes[IMAGE], folds, generator)
    total = len(layer_names(table)) * (1 if folds is None else folds) * work.options["n_iterations"]
    words: dict[str, Any] = {"method": METHOD, "learned_from": ALL if folds is None else OTHERS, "folds": folds}
    with bar(total, "sparse coding", progress, unit="batch") as shown:

        def kernel(layer: xr.DataArray, _: Tick) -> Measured:
            return _measured(layer, deal, work._replace(tick=shown.update))

        result = per_image(features, kernel, progress=False, **words, options=work.options, seed=seed)
    return _warned(result)


def _measured(layer: xr.DataArray, deal: Places, work: Work) -> Measured:
    """Learn a dictionary for each fold and code the fold with it; a single fold learns its own."""
    at_least(layer, 2, "a dictionary")
    order = np.argsort(layer[IMAGE].values.astype(str), kind="stable")
    some = drawn(in_name_order(layer), work)
    values, done, scales = np.empty(len(order)), np.empty(len(order), dtype=bool), list[float]()
    for fold in range(int(deal.max()) + 1):
        held = deal == fold
        learners = held if held.all() else ~held
        learned = learn(some._replace(values=some.values[learners]), called(layer), work, fold=fold)
        values[order[held]], done[order[held]] = _coded(some.values[held], learned, called(layer), work)
        scales.append(learned.scale)
    return Measured(values, _notes(scales, len(some.units), done))


def _coded_with(
    dictionary: Any, features: xr.Dataset | xr.DataArray, folds: int | None, progress: bool | None, options: Any
) -> xr.Dataset:
    """Code images with a dictionary that was given."""
    if not isinstance(dictionary, xr.Dataset) or "options" not in dictionary.attrs:
        remedy = "Make one with mf.measures.learn_dictionary."
        raise KindError(advice("dictionary", "be a dictionary", listed(type(dictionary).__name__), remedy))
    settled(options)
    given = {"folds": folds, **options, "device": None}
    for name, value in given.items():
        if value is not None:
            raise ArgumentError(advice(name, "be left out with dictionary=", value, "It has been learned already."))
    work = Work(json.loads(dictionary.attrs["options"]), options.get("device"))

    def kernel(layer: xr.DataArray, tick: Tick) -> Measured:
        learned = kept(dictionary, layer)
        values, done = _coded(read(layer, learned.units, tick), learned, called(layer), work)
        return Measured(values, _notes([learned.scale], len(learned.units), done))

    words: dict[str, Any] = {"method": METHOD, "learned_from": GIVEN, "options": work.options}
    about: dict[str, Any] = {"n_learned_from": dictionary.attrs.get("n"), "seed": dictionary.attrs.get("seed")}
    return _warned(per_image(features, kernel, progress=progress, **words, **about))


def _coded(features: Single, learned: Dictionary, layer: listed, work: Work) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Compute errors (n,), and say which codes have settled."""
    from memfeat.measures.coding import errors

    scaled = features / np.float32(learned.scale)
    values, done = errors(scaled - learned.mean, learned.atoms, work.options, device=work.device)
    must_settle(values, layer, work)
    return values, done


def _notes(scales: list[float], n_units: int, done: npt.NDArray[np.bool_]) -> dict[str, Any]:
    return {"scale": scales if len(scales) > 1 else scales[0], "n_units": n_units, "n_unsettled": int((~done).sum())}


def _warned(result: xr.Dataset) -> xr.Dataset:
    """Warn about codes that have not settled."""
    found = {str(name): int(layer.attrs["n_unsettled"]) for name, layer in result.items()}
    if any(found.values()):
        counts = ", ".join(f"{number} in {name!r}" for name, number in found.items() if number)
        text = f"Codes of some images had not settled: {counts}. Pass a larger max_steps= or tolerance=."
        warnings.warn(text, NotConvergedWarning, stacklevel=guards._outside())
    return result


def _dealt(n_images: int, folds: int | None, generator: np.random.Generator) -> Places:
    """Deal images (n,), in the order of their names, into folds as evenly as can be; into one if there are none."""
    if folds is None:
        return np.zeros(n_images, dtype=np.int64)
    count("folds", folds, least=2)
    if n_images < 2 * folds:
        remedy = "Lower it, or leave it out."
        raise ArgumentError(advice("folds", f"be at most half the number of images ({n_images})", folds, remedy))
    return generator.permutation(np.arange(n_images, dtype=np.int64) % folds)
