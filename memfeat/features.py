"""Your own features: any numbers per image, from tables and arrays, as a features Dataset like an extracted one."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from memfeat._arrays import called, loaded, named
from memfeat._check import advice, finite, listed
from memfeat._labels import IMAGE, as_features, dimension, image_names, stamped
from memfeat._tables import read_named, texts
from memfeat.errors import ArgumentError, KindError, UnknownNameError

__all__ = ["from_array", "from_table", "to_frame"]

#: Number of dimensions of an array -> what its axes after the first are called.
AXES = {2: ("unit",), 3: ("token", "channel"), 4: ("channel", "y", "x")}
#: What to do with other files.
TABLE = "A CSV file is read by mf.features.from_table."
LAYER_NAME = re.compile(r"[^/:\[\](){}]+")


def from_table(source: Any, *, column: str | None = None, layer: str = "features") -> xr.Dataset:
    """Make a layer of a table with one row per image and one column per feature.

    Parameters
    ----------
    source : str, path or DataFrame
        A CSV or TSV file, or a table. Every column besides the names holds numbers.
    column : str, optional
        The column of image names; by default the first.
    layer : str
        What the layer is called.

    Returns
    -------
    Dataset (image, <layer>:unit)
        One variable, float64, in the unit of the table. The names of the columns are the coordinate `<layer>:unit`;
        images are in the order of the table.

    Raises
    ------
    KindError
        If the source is no table, or a column holds no numbers; such columns are named.
    MissingFileError
        If the file is not there.
    UnknownNameError
        If there is no such column.
    ArgumentError
        If the file cannot be parsed, an image is missing or named twice, there is no feature, a value is NaN or
        infinite, or the layer's name cannot be used.

    See Also
    --------
    from_array : The same for arrays and MATLAB files.
    to_frame : The way back.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"image": ["a.jpg", "b.jpg"], "size": [1.0, 2.0], "edges": [0.3, 0.1]})
    >>> from_table(table, layer="rated")["rated"].sel({"rated:unit": "edges"}).values.tolist()
    [0.3, 0.1]
    """
    _layer_name(layer)
    table, key = read_named(source, "source", column=column, first=True)
    features = table.drop(columns=key)
    if features.columns.empty or table.empty:
        shape = listed(f"{len(table)} rows and {features.shape[1]} columns besides {key!r}")
        raise ArgumentError(advice("source", "hold at least one image and one feature", shape))
    wrong = [name for name in features.columns if not _is_number(features[name])]
    if wrong:
        remedy = f"Drop or recode them; say which column holds the image names with column= (now {key!r})."
        raise KindError(advice("source", "hold numbers besides the names", listed.of(wrong), remedy))
    values = features.to_numpy(dtype=np.float64, na_value=np.nan)
    units = {dimension(layer, "unit"): texts(features.columns)}
    about = {"source": called(source), "kind": "features"}
    return _layered(values, texts(table[key]), layer, units, about)


def from_array(array: Any, names: Any, *, layer: str = "features", variable: str | None = None) -> xr.Dataset:
    """Make a layer of an array whose first axis is images.

    Parameters
    ----------
    array : array (n, ...), str or path
        Numbers, or a file of them: `.npy`, `.npz`, or MATLAB `.mat` of any version.
    names : sequence of str, length n, or path
        The image of each row, or a text file with one name per line.
    layer : str
        What the layer is called.
    variable : str, optional
        Which variable of a `.npz` or `.mat` file, where it holds several.

    Returns
    -------
    Dataset (image, ...)
        One variable; float32 and float64 stay, other numbers become float64. Dimensions after `image`: `<layer>:unit`
        for two axes, `<layer>:token` and `<layer>:channel` for three, `<layer>:channel`, `<layer>:y` and `<layer>:x`
        for four, else `<layer>:axis_1` and so on. Images are in the order of the array.

    Raises
    ------
    KindError
        If it holds no numbers, or `names` are no names.
    MissingFileError
        If a file is not there.
    UnknownNameError
        If there is no such variable.
    ArgumentError
        If the kind of file is not known, it holds several variables and none was chosen, it has fewer than two axes
        or no values, names are missing, repeated or not one per row, a value is NaN or infinite, or the layer's name
        cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> from_array(np.eye(2), ["a.jpg", "b.jpg"], layer="mine")["mine"].dims
    ('image', 'mine:unit')
    """
    _layer_name(layer)
    values = _numbers(loaded(array, "array", variable=variable, otherwise=TABLE))
    images = named(names)
    if len(images) != len(values):
        found = listed(f"{len(images)} names for {len(values)} rows of shape {values.shape}")
        remedy = "If images are in the columns, pass array.T." if len(images) in values.shape[1:] else ""
        raise ArgumentError(advice("names", "have one name per row of the array", found, remedy))
    about = {"source": called(array), "kind": "features", "variable": variable}
    return _layered(values, images, layer, {}, about)


def to_frame(features: xr.Dataset | xr.DataArray, layer: str | None = None) -> pd.DataFrame:
    """Lay a layer out as a table, one row per image and one column per feature.

    Parameters
    ----------
    features : Dataset or DataArray (image, ...)
        Features; one layer may come as a DataArray.
    layer : str, optional
        Which layer; may be left out when there is just one.

    Returns
    -------
    DataFrame
        The column `image`, then a column per feature: by its name where features have names, else by its position
        along each axis, `3` or `3.0.1`. :func:`from_table` reads it back.

    Raises
    ------
    UnknownNameError
        If there is no such layer.
    ArgumentError
        If there are several and none was chosen.

    Examples
    --------
    >>> import numpy as np
    >>> to_frame(from_array(np.eye(2), ["a.jpg", "b.jpg"])).columns.tolist()
    ['image', '0', '1']
    """
    layers = as_features(features)
    names = [str(name) for name in layers.data_vars]
    if layer is None and len(names) > 1:
        raise ArgumentError(advice("layer", "be chosen when there are several", listed.of(names), "Pass layer=."))
    chosen = names[0] if layer is None else layer
    if chosen not in names:
        raise UnknownNameError(advice("layer", "be a layer of the features", chosen, f"It has {listed.of(names)}."))
    data = layers[chosen].transpose(IMAGE, ...)
    labels = [data[dim].values if dim in data.coords else np.arange(data.sizes[dim]) for dim in data.dims[1:]]
    columns = [".".join(map(str, key)) for key in pd.MultiIndex.from_product(labels)] if labels else [chosen]
    frame = pd.DataFrame(np.asarray(data.values).reshape(data.sizes[IMAGE], -1), columns=columns)
    frame.insert(0, IMAGE, image_names(data, "features"))
    return frame


def _layer_name(layer: str) -> None:
    """Check that a layer can be called that."""
    if not isinstance(layer, str) or not LAYER_NAME.fullmatch(layer) or layer == IMAGE:
        rule = "be text without slashes, colons and brackets, other than 'image'"
        raise ArgumentError(advice("layer", rule, layer))


def _is_number(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_complex_dtype(values)


def _layered(
    values: npt.NDArray[Any],
    names: npt.NDArray[np.object_],
    layer: str,
    units: Mapping[str, npt.NDArray[Any]],
    about: Mapping[str, Any],
) -> xr.Dataset:
    """Put one layer together."""
    finite(layer, values, list(names), remedy="Drop those images, or fill the gaps, before the analysis.")
    axes = AXES.get(values.ndim) or tuple(f"axis_{i}" for i in range(1, values.ndim))
    dims = (IMAGE, *(dimension(layer, axis) for axis in axes))
    return stamped(xr.Dataset({layer: (dims, values)}, coords={IMAGE: names, **units}), None, **about)


def _numbers(value: Any) -> npt.NDArray[Any]:
    """Give an array of numbers with a first axis of images."""
    if hasattr(value, "detach") and hasattr(value, "cpu"):
        value = value.detach().cpu().numpy()
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise KindError(advice("array", "hold real numbers", listed(f"dtype {array.dtype}")))
    if array.ndim < 2 or array.size == 0:
        remedy = "One number per image is array[:, None]." if array.ndim == 1 else ""
        rule = "have images along its first axis and features along at least one more"
        raise ArgumentError(advice("array", rule, listed(f"shape {array.shape}"), remedy))
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)
