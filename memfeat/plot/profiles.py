"""One statistic per layer, from the first layer to the last."""

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.axes import Axes

from memfeat._check import advice, listed
from memfeat._labels import LAYER
from memfeat.errors import ArgumentError, KindError
from memfeat.plot.baselines import KIND, MEASURE, draw_baselines
from memfeat.plot.layer_names import name_layers
from memfeat.plot.style import COLOURS, canvas, drawing, note

__all__ = [
    "ALPHA",
    "FEW",
    "counted",
    "criterion",
    "has_interval",
    "layer_profile",
    "noise_bounds",
    "null_of",
    "statistic_label",
]

#: What a statistic is called on an axis, by a word in its attributes `statistic` or `method`.
LABELS = {
    "whitened_pearson": "Whitened Pearson r",
    "whitened_cosine": "Whitened cosine similarity",
    "spearman": "Spearman ρ",
    "pearson": "Pearson r",
    "kendall": "Kendall τ-a",
    "rho-a": "Spearman ρ-a",
    "cosine": "Cosine similarity",
    "mmd_linear": "Squared distance of means",
    "mmd": "Squared MMD",
    "energy": "Energy distance",
    "classifier": "Classifier, area under ROC curve",
    "neighbours": "Share of neighbours in the own set",
    "frechet": "Squared Fréchet distance",
}
#: Layers up to this number are drawn with error bars, more with a band.
FEW = 12
ALPHA = 0.05
POOLED = "pooled over folds"
#: What is drawn: an estimate and its limits.
PLAIN = ("estimate", "ci_low", "ci_high")
#: How well the best model could do, lower and upper, where a result knows.
BOUNDS = ("noise_lower", "noise_upper")
#: Two sets of several, as a comparison of sets calls them.
SET, SIDES = "set", ("first", "second")


def layer_profile(
    result: xr.Dataset,
    *,
    null: float | str | None = "auto",
    relative: bool = False,
    label: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw an estimate with its interval for each layer, and mark the layers that pass the corrected test.

    Parameters
    ----------
    result : Dataset (layer)
        What `mf.rsa.compare`, `mf.regression.decode` or `mf.measures.profile` gave: `estimate`, and where known
        `ci_low`, `ci_high`, `p_corrected`, `n`, `noise_lower` and `noise_upper`; or one statistic, and contrast, of
        `mf.sets.compare_features`. Layers stand in the order of the result, and baselines of a profile beside them.
    null : float or "auto", optional
        Where a line stands for no relation, in units of the estimate; None for no line. "auto" is 0; for cosines
        `chance`, the mean when images are rearranged, if it is known; for sets `expected`, the same, unless the
        estimate has no bias; and no line for correlations pooled over folds: with nothing to find they lie below 0, and
        p is what to look at.
    relative : bool
        Whether `estimate_relative` is drawn, relative to what the reliability of the scores allows.
    label : str, optional
        Label of the vertical axis; what the result says about itself by default.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The Axes. Markers are filled where `p_corrected` is below .05. A grey band lies between the noise bounds of the
        reference; where only the upper one is known, that is a dotted line. Whitened similarities are drawn less their
        bias, as their interval is, and without noise bounds, which are not. Baselines are broken lines with pale bands,
        their intervals; one that is a single number crosses all layers.

    Raises
    ------
    KindError
        If the result is no Dataset.
    ArgumentError
        If it has no `estimate`, or `estimate_relative`, along `layer`.
    """
    if relative:
        _must_have(result, "estimate_relative")
        result = _relative(result)
    _must_have(result, "estimate")
    result, others = _split(_with_chance(result))
    estimate = _values(result, "corrected" if "corrected" in result else "estimate", np.nan)
    ax = canvas(ax)
    place, layers = np.arange(estimate.size), [str(name) for name in result[LAYER].values]
    with drawing():
        line = null_of(result) if null == "auto" else null
        if line is not None:
            ax.axhline(float(line), color=COLOURS["null"], linestyle="--", linewidth=0.7, zorder=1)
        if null == "auto" and "chance" in result:
            ax.plot(place, _values(result, "chance", np.nan), "--", color=COLOURS["null"], linewidth=0.7, zorder=1)
        _draw_bounds(ax, noise_bounds(result))
        _interval(ax, result, place)
        ax.plot(place, estimate, color=COLOURS["data"], zorder=3)
        passed = _values(result, "p_corrected", np.nan) < ALPHA
        for group, face in ((passed, COLOURS["data"]), (~passed, "white")):
            ax.plot(place[group], estimate[group], "o", color=COLOURS["data"], markerfacecolor=face, zorder=4)
        draw_baselines(ax, others, layers)
        prefix = name_layers(ax, layers)
        ax.set_xlabel(f"Layer (in {prefix})" if prefix else "Layer")
        ax.set_ylabel(label or statistic_label(result) + (" / √reliability" if relative else ""))
        note(ax, _caption(result) + ("; broken lines and pale bands: baselines" if others.sizes[LAYER] else ""))
    return ax


def _must_have(result: Any, name: str) -> None:
    if not isinstance(result, xr.Dataset):
        remedy = "Pass the whole result of mf.rsa.compare, mf.regression.decode or mf.measures.profile."
        raise KindError(advice("result", "be a Dataset", listed(type(result).__name__), remedy))
    if name not in result or result[name].dims != (LAYER,) or LAYER not in result.coords:
        raise ArgumentError(advice("result", f"have one {name} for each layer", *_instead(result, name)))


def _instead(result: xr.Dataset, name: str) -> tuple[Any, str]:
    """Say what there is in place of a statistic for each layer, and what to do."""
    if name not in result:
        remedy = "Pass the result of mf.rsa.compare, mf.regression.decode or mf.measures.profile."
        return listed("none"), remedy if name == "estimate" else "Pass reliability= to what made it."
    dims = [str(dim) for dim in result[name].dims]
    further = [dim for dim in dims if dim != LAYER]
    chosen = f"Select one {further[0]} first, as in result.sel({further[0]}=…)." if LAYER in dims and further else ""
    return listed(f"dims {tuple(dims)}"), chosen


def _relative(result: xr.Dataset) -> xr.Dataset:
    """Put relative values in the place of the plain ones, and leave out what goes with these only."""
    others = result.drop_vars([*PLAIN, *BOUNDS, "corrected", "chance"], errors="ignore")
    names = {plain: f"estimate_relative{'' if plain == 'estimate' else f'_{plain}'}" for plain in PLAIN}
    return others.rename({name: plain for plain, name in names.items() if name in others})


def _with_chance(result: xr.Dataset) -> xr.Dataset:
    """Take what sets show when nothing differs for chance, where the estimate is the value that was rearranged."""
    if "expected" not in result or not bool((result["tested"] == result["estimate"]).all()):
        return result
    return result.rename(expected="chance")


def _split(result: xr.Dataset) -> tuple[xr.Dataset, xr.Dataset]:
    """Separate baselines, if a result has any."""
    if KIND not in result.coords or result[KIND].dims != (LAYER,):
        return result, result.isel({LAYER: slice(0)})
    own = (result[KIND] == MEASURE).values
    return result.isel({LAYER: np.flatnonzero(own)}), result.isel({LAYER: np.flatnonzero(~own)})


def _values(result: xr.Dataset, name: str, absent: float) -> npt.NDArray[Any]:
    known = name in result and result[name].dims == (LAYER,)
    return result[name].values.astype(float) if known else np.full(result.sizes[LAYER], absent)


def _interval(ax: Axes, result: xr.Dataset, place: npt.NDArray[Any]) -> None:
    low, high = _values(result, "ci_low", np.nan), _values(result, "ci_high", np.nan)
    if place.size > FEW:
        ax.fill_between(place, low, high, color=COLOURS["fill"], alpha=0.55, linewidth=0, zorder=2)
    else:
        ax.vlines(place, low, high, color=COLOURS["data"], linewidth=0.8, zorder=2)


def noise_bounds(result: xr.Dataset) -> list[float]:
    """Give the noise bounds of the reference that are known.

    Parameters
    ----------
    result : Dataset
        A result that may hold `noise_lower` and `noise_upper`.

    Returns
    -------
    list of float
        Both, the upper one, or none.
    """
    if "noise_upper" not in result or "corrected" in result:
        return []
    return [float(result[name]) for name in BOUNDS if name in result and result[name].ndim == 0]


def _draw_bounds(ax: Axes, bounds: list[float]) -> None:
    if len(bounds) == 2:
        ax.axhspan(bounds[0], bounds[1], color=COLOURS["bound"], linewidth=0, zorder=0)
    for upper in bounds if len(bounds) == 1 else ():
        ax.axhline(upper, color=COLOURS["note"], linestyle=":", linewidth=0.9, zorder=1)


def statistic_label(result: xr.Dataset) -> str:
    """Say what the estimates of a result are, by its attributes.

    Parameters
    ----------
    result : Dataset
        A result with an attribute `statistic` or `method`.

    Returns
    -------
    str
        Such as "Spearman ρ"; "Estimate" if it is not known.
    """
    chosen = str(result["statistic"].item()) if "statistic" in result.coords else ""
    said = f"{chosen} {result.attrs.get('statistic', '')} {result.attrs.get('method', '')}".lower()
    found = next((label for word, label in LABELS.items() if word in said), "Estimate")
    partial = any(f"partial {what}" in said for what in ("rsa", "spearman", "pearson"))
    found = f"Partial {found}" if partial else found
    return f"{found}, less its bias" if "corrected" in result else found


def null_of(result: xr.Dataset) -> float | None:
    """Say where estimates lie when there is nothing to find.

    Parameters
    ----------
    result : Dataset
        A result.

    Returns
    -------
    float or None
        0; None where that is something else.
    """
    pooled = POOLED in str(result.attrs.get("statistic", ""))
    return None if pooled or "baseline" in result.attrs or {"chance", "tested"} <= set(result.variables) else 0.0


def _caption(result: xr.Dataset) -> str:
    parts = [counted(result)]
    if has_interval(result):
        what = "band" if result.sizes[LAYER] > FEW else "bar"
        parts.append(f"{what}: {result.attrs.get('interval', '95 % interval')}")
    if "p_corrected" in result:
        parts.append(f"filled: {criterion(result)}")
    if bounds := len(noise_bounds(result)):
        parts.append("grey: noise bounds of the reference" if bounds == 2 else "dotted: upper noise bound")
    if "chance" in result:
        parts.append("dashed: mean when images are rearranged")
    elif POOLED in str(result.attrs.get("statistic", "")):
        parts.append("with nothing to find, values lie below 0: compare with p")
    return "; ".join(part for part in parts if part)


def has_interval(result: xr.Dataset) -> bool:
    """Say whether there are intervals: without bootstrap samples there are none.

    Parameters
    ----------
    result : Dataset
        A result.

    Returns
    -------
    bool
        Whether any estimate has one.
    """
    return "ci_low" in result and bool(np.isfinite(result["ci_low"]).any())


def criterion(result: xr.Dataset, name: str = "p_corrected") -> str:
    """Say how p-values were corrected.

    Parameters
    ----------
    result : Dataset
        A result.
    name : str
        The p-value, as `correction` in the attributes calls it.

    Returns
    -------
    str
        Such as "p < .05, max-statistic over all comparisons".
    """
    said = str(result.attrs.get("correction", "corrected"))
    return f"p < .05, {said.partition(f'{name}: ')[2].partition(';')[0] or said}"


def counted(result: xr.Dataset) -> str:
    """Say how many images a result rests on.

    Parameters
    ----------
    result : Dataset (layer)
        A result with `n`, or an attribute `n`; of sets, with the `n` of each.

    Returns
    -------
    str
        Such as "n = 20 images"; empty if it is not known.
    """
    if "n" not in result:
        return f"n = {result.attrs['n']} images" if "n" in result.attrs else ""
    if result["n"].dims == (SET,):
        sides = [str(result[side].item()) for side in SIDES if side in result.coords] or result[SET].values
        parts = [f"{int(result['n'].sel({SET: name}))} ({name})" for name in map(str, sides)]
        return f"n = {' + '.join(parts)} images"
    counts = np.unique(result["n"].values)
    return f"n = {counts[0]} images" if counts.size == 1 else f"n = {counts[0]} to {counts[-1]} images"
