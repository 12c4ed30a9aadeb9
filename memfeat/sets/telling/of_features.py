"""What comparisons in feature space and searches for near-duplicates say of themselves, in sentences."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from memfeat import _numerals
from memfeat.sets.telling.phrases import Text
from memfeat.sets.telling.wording import LAYER_CITED, LAYER_ROWS, REFERENCES

__all__ = ["by_copies", "by_features"]


def by_features(result: xr.Dataset, wanted: Sequence[str] | None) -> tuple[Text, list[str]]:
    """Tell of a comparison in feature space.

    Parameters
    ----------
    result : Dataset (statistic, layer)
        What `mf.sets.compare_features` gave.
    wanted : sequence of str, optional
        Which statistics; all by default.

    Returns
    -------
    Text
        What was done.
    list of str
        What was found, in sentences.
    """
    have = [str(name) for name in result["statistic"].values]
    names = have if wanted is None else [name for name in wanted if name in have]
    contrasts = result["contrast"].values if "contrast" in result.dims else [None]
    found = []
    for name in names if "p_corrected" in result else []:
        for contrast in contrasts:
            row = result.sel(statistic=name) if contrast is None else result.sel(statistic=name, contrast=contrast)
            found.append(_least(row, LAYER_ROWS[name], "" if contrast is None else f"{contrast}, "))
    keys = [key for name in names for key in LAYER_CITED[name]]
    return Text([str(result.attrs["methods"])], [REFERENCES[key] for key in keys]), found


def _least(row: xr.Dataset, title: str, contrast: str) -> str:
    """Tell of the layer with the smallest corrected p."""
    best = row.isel(layer=int(np.argmin(row["p_corrected"].values)))
    value = _numerals.number(float(best["estimate"]), 3)
    # what has no bias is 0 on average, and needs no comparison
    biased = bool((row["tested"] == row["estimate"]).all())
    expected = f"{_numerals.number(float(best['expected']), 3)} on average when images change sets; " if biased else ""
    n, several = row.sizes["layer"], row.sizes["layer"] > 1 or bool(contrast)
    p = _numerals.p_value(float(best["p_corrected"]), "corrected p" if several else "p")
    which = f"smallest corrected p of {n} layers in {best['layer'].item()}" if n > 1 else f"in {best['layer'].item()}"
    return f"{contrast}{title}: {which} ({value}; {expected}{p})."


def by_copies(result: xr.Dataset, _wanted: Sequence[str] | None) -> tuple[Text, list[str]]:
    """Tell of near-duplicates.

    Parameters
    ----------
    result : Dataset
        What `mf.sets.near_duplicates` gave.

    Returns
    -------
    Text
        What was done.
    list of str
        What was found, in sentences.
    """
    attrs: Mapping[str, Any] = result.attrs
    limit = f", up to {attrs['distance']} of 64 bits apart" if "distance" in attrs else ""
    limit = f", {attrs['metric']} from {attrs['threshold']:g}" if "threshold" in attrs else limit
    if "ratio" in attrs:
        limit += f", or at most {attrs['ratio']:g} times as far apart as the next nearest"
    sought = f"{str(attrs['method']).capitalize()} were looked for among {attrs['n_images']} images{limit}."
    found = f"Near-duplicates: {attrs['n_between']} pairs between sets, {attrs['n_within']} within."
    return Text([sought], []), [found]
