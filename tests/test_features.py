"""Features that users bring: tables, arrays, numpy and MATLAB files."""

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.io
import scipy.sparse
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from memfeat import features as mf
from memfeat.errors import ArgumentError, KindError, MissingFileError, UnknownNameError

VALUES = np.arange(6.0).reshape(2, 3)
NAMES = ["b.jpg", "a.jpg"]


@pytest.fixture
def table() -> pd.DataFrame:
    return pd.DataFrame({"image": NAMES, "size": [0, 3], "edges": [1.0, 4.0], "Symmetry (rated)": [2.0, 5.0]})


# --- tables ----------------------------------------------------------------------------------------------------------


def test_a_table_becomes_one_layer_with_named_features(table: pd.DataFrame) -> None:
    before = table.copy(deep=True)
    features = mf.from_table(table, layer="rated")
    assert features["rated"].dims == ("image", "rated:unit")
    assert features["rated"].dtype == np.float64
    assert features.image.values.tolist() == NAMES
    assert features["rated:unit"].values.tolist() == ["size", "edges", "Symmetry (rated)"]
    np.testing.assert_array_equal(features["rated"], VALUES)
    assert features.attrs["source"] == "DataFrame"
    pd.testing.assert_frame_equal(table, before)


def test_a_csv_gives_what_its_data_frame_gives(table: pd.DataFrame, tmp_path: Path) -> None:
    table.to_csv(tmp_path / "rated.csv", index=False)
    features = mf.from_table(tmp_path / "rated.csv")
    assert features.attrs["source"] == "rated.csv"
    xr.testing.assert_equal(features, mf.from_table(table))


def test_names_come_from_the_first_column_the_named_one_or_the_index(table: pd.DataFrame, tmp_path: Path) -> None:
    expected = mf.from_table(table)
    xr.testing.assert_equal(
        mf.from_table(table[["size", "edges", "Symmetry (rated)", "image"]], column="image"), expected
    )
    indexed = table.set_index("image")
    xr.testing.assert_equal(mf.from_table(indexed), expected)
    xr.testing.assert_equal(mf.from_table(indexed.rename_axis(None)), expected)
    indexed.rename_axis(None).to_csv(tmp_path / "indexed.csv")
    xr.testing.assert_equal(mf.from_table(tmp_path / "indexed.csv"), expected)


def test_names_of_digits_stay_as_written(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("id\tx\n001\t1\n1\t2\n")
    assert mf.from_table(tmp_path / "a.tsv").image.values.tolist() == ["001", "1"]


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"image": ["a", "a"]}, ArgumentError, "source must name each image once; got duplicates 1: 'a'"),
        ({"image": ["a", ""]}, ArgumentError, "an empty 'image' in row 2"),
        ({"size": ["big", "small"]}, KindError, r"numbers besides the names; got 1: 'size'.*column= \(now 'image'\)"),
        ({"edges": [np.nan, 1.0]}, ArgumentError, "features must be finite.*NaN or infinity in 1: 'b.jpg'"),
        ({"edges": [np.inf, np.nan]}, ArgumentError, "in 2: 'b.jpg', 'a.jpg'"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(
    table: pd.DataFrame, change: dict[str, object], error: type, words: str
) -> None:
    with pytest.raises(error, match=words):
        mf.from_table(table.assign(**change))


def test_a_table_without_features_or_rows_or_of_another_kind_is_refused(table: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="got 2 rows and 0 columns besides 'image'"):
        mf.from_table(table[["image"]])
    with pytest.raises(ArgumentError, match="got 0 rows and 3 columns besides 'image'"):
        mf.from_table(table[:0])
    with pytest.raises(UnknownNameError, match=r"column must be a column of source; got 'name'. It has: image, size"):
        mf.from_table(table, column="name")
    with pytest.raises(KindError, match="source must be a CSV path or a pandas DataFrame; got ndarray"):
        mf.from_table(VALUES)
    with pytest.raises(MissingFileError, match="source must be a file that exists"):
        mf.from_table(tmp_path / "gone.csv")
    (tmp_path / "a.npy").touch()
    with pytest.raises(ArgumentError, match="source must be a table whose name ends in"):
        mf.from_table(tmp_path / "a.npy")


@pytest.mark.parametrize("layer", ["", "a/b", "a:b", "a[0]", "image", 3])
def test_a_layer_cannot_have_any_name(table: pd.DataFrame, layer: object) -> None:
    for make in (lambda: mf.from_table(table, layer=layer), lambda: mf.from_array(VALUES, NAMES, layer=layer)):
        with pytest.raises(ArgumentError, match="layer must be text without slashes"):
            make()


# --- arrays and files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "dims"),
    [
        ((2, 3), ("image", "x:unit")),
        ((2, 3, 4), ("image", "x:token", "x:channel")),
        ((2, 3, 4, 5), ("image", "x:channel", "x:y", "x:x")),
        ((2, 3, 4, 5, 6), ("image", "x:axis_1", "x:axis_2", "x:axis_3", "x:axis_4")),
    ],
)
def test_the_axes_of_an_array_are_named_by_their_number(shape: tuple[int, ...], dims: tuple[str, ...]) -> None:
    array = np.random.default_rng(0).normal(size=shape)
    before = array.copy()
    features = mf.from_array(array, NAMES, layer="x")
    assert features["x"].dims == dims
    np.testing.assert_array_equal(features["x"], before)
    assert features.image.dtype == object


@pytest.mark.parametrize(("given_", "kept"), [("f4", "f4"), ("f8", "f8"), ("f2", "f8"), ("i4", "f8"), ("?", "f8")])
def test_single_and_double_precision_stay(given_: str, kept: str) -> None:
    assert mf.from_array(VALUES.astype(given_), NAMES)["features"].dtype == np.dtype(kept)


def test_names_may_stand_in_a_text_file(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("b.jpg\r\n a.jpg\n\n", encoding="utf-8-sig")
    xr.testing.assert_identical(mf.from_array(VALUES, tmp_path / "names.txt"), mf.from_array(VALUES, NAMES))


def write_v73(path: Path, variables: dict[str, np.ndarray]) -> None:
    """Write as MATLAB v7.3 does: HDF5 after a 512-byte header, axes in reverse, text as numbers."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, values in variables.items():
            item = file.create_dataset(name, data=np.asarray(values).T)
            item.attrs["MATLAB_class"] = np.bytes_("double")
        text = file.create_dataset("label", data=np.array([[104], [105]], np.uint16))
        text.attrs["MATLAB_class"] = np.bytes_("char")
        empty = file.create_dataset("nothing", data=np.array([0, 0], np.uint64))
        empty.attrs.update({"MATLAB_class": np.bytes_("double"), "MATLAB_empty": np.uint8(1)})
        file.create_group("#refs#").create_dataset("a", data=np.zeros(3))
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\0\x02IM")


def write_mat(version: str):
    def write(path: Path, variables: dict[str, np.ndarray]) -> None:
        scipy.io.savemat(path, variables | {"label": "hi"}, format=version)

    return write


WRITERS = {
    "v4.mat": write_mat("4"),
    "v5.mat": write_mat("5"),
    "v7.mat": lambda path, variables: scipy.io.savemat(path, variables, do_compression=True),
    "v73.mat": write_v73,
    "x.npz": lambda path, variables: np.savez(path, **variables),
    "X.NPZ": lambda path, variables: np.savez_compressed(path.open("wb"), **variables),
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_files_of_every_kind_give_the_array_that_was_written(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name, {"data": VALUES})
    features = mf.from_array(tmp_path / name, NAMES)
    np.testing.assert_array_equal(features["features"], VALUES)
    assert features.attrs["source"] == name


@pytest.mark.parametrize("name", ["v5.mat", "v73.mat", "x.npz"])
def test_a_variable_is_chosen_where_there_are_several(tmp_path: Path, name: str) -> None:
    maps = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    WRITERS[name](tmp_path / name, {"data": VALUES, "maps": maps})
    with pytest.raises(
        ArgumentError, match=rf"{name} with 'data' \(2, 3\), 'maps' \(2, 3, 4, 5\). Pass variable='data'"
    ):
        mf.from_array(tmp_path / name, NAMES)
    with pytest.raises(
        UnknownNameError, match=r"variable must be a numeric array of the file; got 'no'.*'data' \(2, 3\)"
    ):
        mf.from_array(tmp_path / name, NAMES, variable="no")
    features = mf.from_array(tmp_path / name, NAMES, variable="maps")
    np.testing.assert_array_equal(features["features"], maps)
    assert features.attrs["variable"] == "maps"


def test_an_npy_file_and_a_sparse_matrix_are_read(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", VALUES)
    np.testing.assert_array_equal(mf.from_array(str(tmp_path / "x.npy"), NAMES)["features"], VALUES)
    scipy.io.savemat(tmp_path / "s.mat", {"data": scipy.sparse.csc_matrix(VALUES)})
    np.testing.assert_array_equal(mf.from_array(tmp_path / "s.mat", NAMES)["features"], VALUES)


@pytest.mark.parametrize(
    ("array", "names", "error", "words"),
    [
        (VALUES, ["a"], ArgumentError, r"one name per row of the array; got 1 names for 2 rows of shape \(2, 3\)\.$"),
        (VALUES, list("abc"), ArgumentError, "3 names for 2 rows.*If images are in the columns, pass array.T"),
        (VALUES, ["a", "a"], ArgumentError, "names must name each image once; got duplicates 1: 'a'"),
        (VALUES, ["a", ""], ArgumentError, "an empty name at position 1"),
        (VALUES, 2, KindError, "names must be a list of image names or a text file; got int"),
        (VALUES, "/no/names.txt", MissingFileError, "names must be a list, or a text file that exists"),
        (VALUES[0], NAMES, ArgumentError, r"shape \(3,\). One number per image is array\[:, None\]"),
        (np.zeros((2, 0)), NAMES, ArgumentError, r"shape \(2, 0\)"),
        (VALUES + 1j, NAMES, KindError, "array must hold real numbers; got dtype complex128"),
        (np.array([["x"], ["y"]]), NAMES, KindError, "array must hold real numbers"),
        (np.where(VALUES == 4, np.nan, VALUES), NAMES, ArgumentError, "NaN or infinity in 1: 'a.jpg'"),
        ("/no/x.npy", NAMES, MissingFileError, "array must be an array, or a file that exists"),
    ],
)
def test_arrays_and_names_that_do_not_fit_are_refused(array: object, names: object, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        mf.from_array(array, names)


def test_files_that_hold_no_array_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("1 2 3")
    with pytest.raises(ArgumentError, match=r"file of kind .npy, .npz, .mat; got 'x.txt'. A CSV file is read by"):
        mf.from_array(tmp_path / "x.txt", NAMES)
    for ending in ("npy", "npz", "mat"):
        (tmp_path / f"x.{ending}").write_text("no array at all, but text that is long enough " * 20)
        with pytest.raises(ArgumentError, match=f"file that can be read; got x.{ending}, where"):
            mf.from_array(tmp_path / f"x.{ending}", NAMES)
    np.save(tmp_path / "o.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ArgumentError, match="file that can be read; got o.npy"):
        mf.from_array(tmp_path / "o.npy", NAMES)
    scipy.io.savemat(tmp_path / "t.mat", {"label": "text only"})
    with pytest.raises(ArgumentError, match="one numeric array.*got t.mat with none"):
        mf.from_array(tmp_path / "t.mat", NAMES)


# --- the way back ----------------------------------------------------------------------------------------------------


def test_a_layer_of_several_axes_is_laid_out_in_c_order() -> None:
    frame = mf.to_frame(mf.from_array(np.arange(8.0).reshape(2, 2, 2), NAMES))
    assert frame.columns.tolist() == ["image", "0.0", "0.1", "1.0", "1.1"]
    assert frame.iloc[1].tolist() == ["a.jpg", 4.0, 5.0, 6.0, 7.0]


def test_a_layer_is_chosen_where_there_are_several() -> None:
    both = xr.merge([mf.from_array(VALUES, NAMES, layer="p"), mf.from_array(VALUES * 2, NAMES, layer="q")], **MERGE)
    with pytest.raises(
        ArgumentError, match="layer must be chosen when there are several; got 2: 'p', 'q'. Pass layer="
    ):
        mf.to_frame(both)
    with pytest.raises(UnknownNameError, match="layer must be a layer of the features; got 'r'. It has 2: 'p', 'q'"):
        mf.to_frame(both, "r")
    assert mf.to_frame(both, "q").iloc[0, 1:].tolist() == [0.0, 2.0, 4.0]
    assert mf.to_frame(both["q"]).equals(mf.to_frame(both, "q"))


MERGE = {"compat": "override", "join": "exact", "combine_attrs": "drop"}


@given(
    values=hnp.arrays(
        np.float64,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=5),
        elements=st.floats(allow_nan=False, allow_infinity=False),
    )
)
@settings(max_examples=50)
def test_a_table_survives_the_way_there_and_back(values: np.ndarray) -> None:
    names = [f"{i}.jpg" for i in range(len(values))][::-1]
    frame = pd.DataFrame(values, columns=[f"f{i}" for i in range(values.shape[1])])
    frame.insert(0, "image", names)
    features = mf.from_table(frame)
    pd.testing.assert_frame_equal(mf.to_frame(features), frame)
    xr.testing.assert_identical(mf.from_table(mf.to_frame(features)), features)


def test_features_survive_a_file(table: pd.DataFrame, tmp_path: Path) -> None:
    features = mf.from_table(table)
    features.to_netcdf(tmp_path / "f.nc", engine="h5netcdf")
    back = xr.load_dataset(tmp_path / "f.nc", engine="h5netcdf")
    xr.testing.assert_equal(back, features)
    assert back.attrs == features.attrs


# --- real data -------------------------------------------------------------------------------------------------------


@pytest.mark.data
def test_published_attributes_and_concept_tables_are_read(data_folder: Path) -> None:
    folder = data_folder / "isola_attributes"
    names = [f"{i:04d}" for i in range(1482)]
    train = mf.from_array(folder / "train.mat", names)
    assert train["features"].shape == (1482, 923)
    # written by MATLAB as v7.3, where the first axis comes last in the file
    weights = mf.from_array(folder / "w.mat", [f"attribute {i}" for i in range(923)])
    assert weights["features"].shape == (923, 1)


@pytest.mark.data
def test_the_rock_scores_are_a_layer_too(data_folder: Path) -> None:
    source = data_folder / "rocks480" / "image_scores_Exp1_New.csv"
    features = mf.from_table(source, layer="scores")
    assert features["scores"].sel({"image": "I_Andesite_02.png", "scores:unit": "HR"}).item() == 0.4812
    assert features.sizes == {"image": 240, "scores:unit": 4}
