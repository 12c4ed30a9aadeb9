"""Image tables: what is found, how scores join, what is damaged, and what files become."""

import os
import pickle
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps, ImageSequence

import memfeat.images as mi
from memfeat.errors import (
    ArgumentError,
    KindError,
    MemfeatError,
    MemfeatWarning,
    MissingFileError,
    NoImageError,
    UnknownNameError,
)
from memfeat.images.opening import quiet

COORDS = {"image", "path", "sha256", "width", "height", "mode", "status", "reason"}


def noise(height: int = 40, width: int = 60, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def jpeg(path: Path, *, seed: int = 0, size: tuple[int, int] = (60, 40), **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise(size[1], size[0], seed)).save(path, "JPEG", **options)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three photographs in two folders, two of them with the same stem, and one other file."""
    root = tmp_path / "photos"
    jpeg(root / "b.jpg", seed=1)
    jpeg(root / "sub" / "a.jpg", seed=2)
    jpeg(root / "a.JPEG", seed=3)
    (root / "notes.txt").write_text("not an image")
    return root


def read_quietly(*args: object, **options: object) -> xr.Dataset:
    """Read where a MemfeatWarning is not what is tested."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MemfeatWarning)
        return mi.read(*args, **options)


# --- sources ---------------------------------------------------------------------------------------------------------


def test_a_folder_is_read_with_its_subfolders_sorted_by_relative_path(folder: Path) -> None:
    images = mi.read(folder)
    assert images.image.values.tolist() == ["a.JPEG", "b.jpg", "sub/a.jpg"]
    assert images.image.dtype == object
    assert set(images.coords) == COORDS
    assert images.status.values.tolist() == ["ok"] * 3
    assert images.path.values.tolist() == [(folder / name).as_posix() for name in images.image.values]
    assert (images.width.values.tolist(), images.height.values.tolist()) == ([60] * 3, [40] * 3)
    assert images.attrs["n_other_files"] == 1


def test_the_hash_is_that_of_the_file(folder: Path) -> None:
    import hashlib

    images = mi.read(folder)
    expected = hashlib.sha256((folder / "sub" / "a.jpg").read_bytes()).hexdigest()
    assert images.sha256.sel(image="sub/a.jpg").item() == expected


def test_hidden_files_and_folders_are_left_out(folder: Path) -> None:
    jpeg(folder / ".hidden.jpg")
    jpeg(folder / ".cache" / "c.jpg")
    assert mi.read(folder).sizes["image"] == 3


def test_a_folder_that_links_to_itself_is_read_once(folder: Path) -> None:
    (folder / "sub" / "again").symlink_to(folder, target_is_directory=True)
    assert mi.read(folder).sizes["image"] == 3


def test_one_path_is_a_table_of_one(folder: Path) -> None:
    assert mi.read(str(folder / "sub" / "a.jpg")).image.values.tolist() == ["a.jpg"]
    assert mi.read(folder / "sub" / "a.jpg", root=folder).image.values.tolist() == ["sub/a.jpg"]


def test_a_list_is_named_from_the_folder_that_holds_all_of_it(folder: Path) -> None:
    paths = [folder / "sub" / "a.jpg", str(folder / "b.jpg")]
    assert mi.read(paths).image.values.tolist() == ["b.jpg", "sub/a.jpg"]
    assert mi.read(iter(paths), root=folder.parent).image.values.tolist() == ["photos/b.jpg", "photos/sub/a.jpg"]


@given(order=st.permutations(["a.JPEG", "b.jpg", "sub/a.jpg", "gone.jpg"]))
@settings(max_examples=10)
def test_the_order_of_a_list_does_not_matter(tmp_path_factory: pytest.TempPathFactory, order: list[str]) -> None:
    root = tmp_path_factory.getbasetemp() / "order"
    if not root.exists():
        for seed, name in enumerate(["a.JPEG", "b.jpg", "sub/a.jpg"]):
            jpeg(root / name, seed=seed)
    first = mi.read([root / name for name in sorted(order)])
    xr.testing.assert_identical(mi.read([root / name for name in order]), first)


def test_a_csv_is_looked_up_where_it_lies_and_keeps_its_columns(folder: Path) -> None:
    csv = folder / "scores.csv"
    csv.write_text("file,hit_rate,category,n,seen\nsub/a.jpg,0.5,indoor,3,True\nb.jpg,0.571759,outdoor,4,False\n")
    images = mi.read(csv)
    assert images.image.values.tolist() == ["b.jpg", "sub/a.jpg"]
    assert images.hit_rate.values.tolist() == [0.571759, 0.5]
    assert images.category.values.tolist() == ["outdoor", "indoor"]
    assert (images.n.dtype, images.seen.dtype) == (np.int64, np.bool_)


def test_a_table_may_lie_elsewhere_and_be_separated_by_semicolons(folder: Path, tmp_path: Path) -> None:
    csv = tmp_path / "tables" / "scores.csv"
    csv.parent.mkdir()
    csv.write_text('\ufeff"id, of photo";score\nsub\\a.jpg;0,5\n', encoding="utf-8")
    images = mi.read(csv, root=folder, column="id, of photo")
    assert images.image.values.tolist() == ["sub/a.jpg"]
    assert images.score.values.tolist() == ["0,5"]


def test_a_data_frame_is_not_changed(folder: Path) -> None:
    table = pd.DataFrame({"path": [str(folder / "b.jpg"), str(folder / "sub" / "a.jpg")], "score": [1.0, 2.0]})
    before = table.copy(deep=True)
    images = mi.read(table)
    assert images.image.values.tolist() == ["b.jpg", "sub/a.jpg"]
    pd.testing.assert_frame_equal(table, before)


def test_a_data_frame_may_name_images_in_its_index(folder: Path) -> None:
    table = pd.DataFrame({"score": [1.0, 2.0]}, index=["b.jpg", "sub/a.jpg"])
    assert mi.read(table, root=folder).score.values.tolist() == [1.0, 2.0]


def test_names_that_look_like_numbers_or_gaps_stay_as_written(tmp_path: Path) -> None:
    for name in ("0002", "NA"):
        jpeg(tmp_path / name)
    (tmp_path / "list.csv").write_text("image,score\n0002,1\nNA,2\n")
    assert mi.read(tmp_path / "list.csv").image.values.tolist() == ["0002", "NA"]


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [
        (3, KindError, r"source must be a folder.*got int\. Name a single image"),
        (np.zeros(3), KindError, "source must be a list of paths; got 3 of kind float64"),
        ([], NoImageError, "an empty list"),
        ({}, NoImageError, "an empty dict"),
        ("", MissingFileError, "exists; got ''"),
        ({3: np.zeros((2, 2))}, KindError, "name each image by text; got 3"),
        ({"a": "b", "c": None}, KindError, "image 'c' must be a numpy array.*NoneType"),
        ("/no/such/place", MissingFileError, r"exists; got '/no/such/place'.*nearest folder that exists is '/'"),
        (["/no/1.jpg", "/no/2.jpg"], MissingFileError, r"none of 2: '/no/1.jpg', '/no/2.jpg'"),
        (pd.DataFrame({"path": []}), NoImageError, "without rows"),
        (pd.DataFrame({"a": [1], "b": [2]}), ArgumentError, "columns 'a', 'b'. Say which: column='…'"),
        (pd.DataFrame({"path": ["x"], "file": ["x"]}), ArgumentError, "have only one column that names the images"),
        (pd.DataFrame({"path": ["x", " "]}), ArgumentError, "an empty 'path' in row 2"),
        (pd.DataFrame({"path": ["x", None]}), ArgumentError, "an empty 'path' in row 2"),
        (pd.DataFrame({"path": ["x", "x"]}), ArgumentError, "duplicates 1: 'x'. Keep one row per image"),
        (pd.DataFrame([["x", 1, 2]], columns=["path", "a", "a "]), ArgumentError, "each column once; got 1: 'a'"),
    ],
)
def test_a_source_that_cannot_be_used_is_refused_with_advice(source: object, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        mi.read(source)


def test_a_folder_without_images_says_what_it_holds(tmp_path: Path) -> None:
    with pytest.raises(NoImageError, match="no files"):
        mi.read(tmp_path)
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(NoImageError, match=r"1 files \(endings .txt\).*\.jpg"):
        mi.read(tmp_path)


def test_paths_and_roots_that_do_not_fit_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="root must be a folder that exists"):
        mi.read(folder, root=tmp_path / "gone")
    with pytest.raises(ArgumentError, match=r"root must contain every image.*outside it 1: '.*b\.jpg'"):
        mi.read([folder / "b.jpg", folder / "sub" / "a.jpg"], root=folder / "sub")
    with pytest.raises(ArgumentError, match=r"name each image once; got duplicates 1: 'b.jpg'"):
        mi.read([folder / "b.jpg", folder / "sub" / ".." / "b.jpg", folder / "a.JPEG"])
    with pytest.raises(UnknownNameError, match=r"column must be a column of source; got 'no'. It has: path"):
        mi.read(pd.DataFrame({"path": ["x"]}), column="no")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "table that can be parsed"),
        ("path,a\nx.jpg,1,2\n", "as many cells in every row"),
        ("path,a\nx.jpg\ny.jpg,1,2,3\n", "as many cells in every row"),
    ],
)
def test_a_csv_that_would_lose_cells_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ArgumentError, match=words):
        mi.read(tmp_path / "a.csv")


def test_a_table_in_another_encoding_or_file_type_is_refused(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "a.csv").write_bytes("path,é\nx.jpg,1\n".encode("latin-1"))
    with pytest.raises(ArgumentError, match="UTF-8"):
        mi.read(tmp_path / "a.csv")
    (tmp_path / "a.xlsx").write_bytes(b"PK")
    with pytest.raises(ArgumentError, match=r"ends in .csv.*got 'a.xlsx'.*read_excel"):
        mi.read(folder, scores=tmp_path / "a.xlsx")
    with pytest.raises(MissingFileError, match="scores must be a file that exists"):
        mi.read(folder, scores="nowhere.csv")


# --- columns and scores ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["width", "status", "pixels", "sha256"])
def test_reserved_columns_are_refused_by_name(folder: Path, name: str) -> None:
    with pytest.raises(ArgumentError, match=rf"reserved names; got 1: '{name}'. Rename them.*'my_{name}'"):
        mi.read(pd.DataFrame({"path": ["b.jpg"], name: [1]}), root=folder)


@pytest.mark.parametrize("name", ["features.layer4", "fc:channel", "a/b", "layer", "conv1", "layer1.0.relu@2"])
def test_columns_that_look_like_layers_are_refused_by_name(folder: Path, name: str) -> None:
    with pytest.raises(ArgumentError, match=f"scores must not have columns that look like layers; got 1: '{name}'"):
        mi.read(folder, scores=pd.DataFrame({"image": ["b.jpg"], name: [1]}))


@pytest.mark.parametrize("name", ["hit_rate", "score.1", "layers", "features_used", "player1", "half1_split01"])
def test_ordinary_columns_are_not_taken_for_layers(folder: Path, name: str) -> None:
    assert name in read_quietly(folder, scores=pd.DataFrame({"image": ["b.jpg"], name: [1]}))


def test_columns_are_stored_in_forms_that_files_can_hold(folder: Path, tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "path": ["b.jpg", "sub/a.jpg"],
            "text": ["x", None],
            "kind": pd.Categorical(["in", "out"]),
            "yes": [True, None],
            "whole": pd.array([1, None], dtype="Int64"),
            "day": pd.to_datetime(["2024-01-01", "2024-01-02"]),
            "mixed": ["a", 1.5],
            "single": np.array([0.1, 0.2], np.float32),
        }
    )
    with pytest.warns(MemfeatWarning, match="is NaN for 1 of 2 images"):
        images = mi.read(table, root=folder)
    assert images.text.values.tolist() == ["x", ""]
    assert images.kind.values.tolist() == ["in", "out"]
    np.testing.assert_array_equal(images.yes, [1.0, np.nan])
    np.testing.assert_array_equal(images.whole, [1.0, np.nan])
    assert images.mixed.values.tolist() == ["a", "1.5"]
    assert images.single.dtype == np.float64
    images.to_netcdf(tmp_path / "table.nc", engine="h5netcdf")
    xr.testing.assert_equal(xr.load_dataset(tmp_path / "table.nc", engine="h5netcdf"), images)


def test_columns_of_other_things_are_refused(folder: Path) -> None:
    with pytest.raises(KindError, match="numbers, text, dates or booleans; got list in column 'what'"):
        mi.read(pd.DataFrame({"path": ["b.jpg"], "what": [[1, 2]]}), root=folder)


def test_scores_join_by_name_whatever_their_order(folder: Path) -> None:
    scores = {"sub/a.jpg": 0.3, "a.JPEG": 0.1, "b.jpg": 0.2}
    expected = {"a.JPEG": 0.1, "b.jpg": 0.2, "sub/a.jpg": 0.3}
    for form in (scores, pd.Series(scores), pd.DataFrame({"name": scores.keys(), "score": scores.values()})):
        images = mi.read(folder, scores=form)
        assert dict(zip(images.image.values, images.score.values, strict=True)) == expected
        assert images.attrs["n_scores_joined"] == 3


def test_scores_of_a_saved_series_join(folder: Path, tmp_path: Path) -> None:
    pd.Series({"b.jpg": 0.2, "sub/a.jpg": 0.3, "a.JPEG": 0.1}, name="hit_rate").to_csv(tmp_path / "s.csv")
    assert mi.read(folder, scores=tmp_path / "s.csv").hit_rate.values.tolist() == [0.1, 0.2, 0.3]


def test_scores_join_by_file_name_and_by_stem_where_that_is_unambiguous(tmp_path: Path) -> None:
    for seed, name in enumerate(["one/x.jpg", "one/y.jpg", "two/y.jpg", "two/z.jpg", "two/w.jpg"]):
        jpeg(tmp_path / "photos" / name, seed=seed)
    scores = {"x.jpg": 1.0, "one/y.png": 2.0, "/elsewhere/two/y.png": 3.0, "z": 4.0, "three/w.jpg": 5.0}
    with pytest.warns(MemfeatWarning) as caught:
        images = mi.read(tmp_path / "photos", scores=scores)
    got = dict(zip(images.image.values, images.score.values, strict=True))
    assert {name: value for name, value in got.items() if value == value} == {
        "one/x.jpg": 1.0,
        "one/y.jpg": 2.0,
        "two/y.jpg": 3.0,
        "two/z.jpg": 4.0,
    }
    assert sorted(str(w.message)[:20] for w in caught) == ["scores name images t", "some images have no "]
    assert "1: 'three/w.jpg'" in str(caught[0].message)
    assert (images.attrs["n_scores_without_image"], images.attrs["n_images_without_score"]) == (1, 1)
    assert caught[0].filename == __file__


def test_a_stem_that_fits_two_images_joins_neither(tmp_path: Path) -> None:
    for seed, name in enumerate(["x.jpg", "x.png", "y.jpg"]):
        jpeg(tmp_path / "p" / name, seed=seed)
    with pytest.warns(MemfeatWarning) as caught:
        images = mi.read(tmp_path / "p", scores={"x": 1.0, "y": 2.0, "gone": 3.0})
    said = [str(w.message) for w in caught]
    assert any("scores name images that the source does not hold (1: 'gone')" in one for one in said)
    assert any("names that fit several images, or several that fit one; write whole" in one for one in said)
    assert any("with folder and ending (1: 'x')" in one for one in said)
    assert images.attrs["n_scores_without_image"] == 2
    np.testing.assert_array_equal(images.score, [np.nan, np.nan, 2.0])


def test_two_names_that_fit_one_image_join_neither_but_an_exact_one_wins(tmp_path: Path) -> None:
    for seed, name in enumerate(["x.jpg", "y.jpg"]):
        jpeg(tmp_path / "p" / name, seed=seed)
    with pytest.warns(MemfeatWarning) as caught:
        images = mi.read(tmp_path / "p", scores={"x.png": 1.0, "x.bmp": 2.0, "y.png": 3.0, "y.jpg": 4.0})
    said = " ".join(str(w.message) for w in caught)
    assert "several that fit one; write whole names, with folder and ending (2: 'x.png', 'x.bmp')" in said
    assert "the source does not hold (1: 'y.png')" in said
    np.testing.assert_array_equal(images.score, [np.nan, 4.0])


def test_accents_join_however_they_are_written(tmp_path: Path) -> None:
    jpeg(tmp_path / "p" / "u\u0308.jpg")
    assert mi.read(tmp_path / "p", scores={"\u00fc.jpg": 1.0}).score.item() == 1.0


def test_missing_scores_are_kept_and_counted(folder: Path) -> None:
    with pytest.warns(MemfeatWarning, match="'score' is NaN for 1 of 3 images, and stays so"):
        images = mi.read(folder, scores={"a.JPEG": 0.1, "b.jpg": np.nan, "sub/a.jpg": 0.3})
    np.testing.assert_array_equal(images.score, [0.1, np.nan, 0.3])


@pytest.mark.parametrize(
    ("scores", "error", "words"),
    [
        (3, KindError, "scores must be a CSV path, a DataFrame, a Series.*got int"),
        ({"q.jpg": 1.0}, ArgumentError, r"no joining name among 1: 'q.jpg'. The images are called like 'a.JPEG'"),
        (pd.DataFrame({"image": ["b.jpg", "b.jpg"], "s": [1, 2]}), ArgumentError, "once; got duplicates 1: 'b.jpg'"),
        (pd.DataFrame({"image": ["b.jpg"]}), ArgumentError, "have a column besides the names"),
    ],
)
def test_scores_that_cannot_be_used_are_refused(folder: Path, scores: object, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        mi.read(folder, scores=scores)


def written_by_memfeat(folder: Path) -> pd.DataFrame:
    """A table as `memfeat predict` writes it; paths that would not join show that `image` names the images."""
    table = mi.read(folder).reset_coords().to_dataframe().reset_index()
    scores = np.arange(len(table)) / 10
    return table.assign(path=[f"x/{k}" for k in table.index], memorability=scores, at_floor=False, warnings="")


def test_a_table_that_memfeat_wrote_joins_as_scores(folder: Path, tmp_path: Path) -> None:
    table = written_by_memfeat(folder)
    table.to_csv(tmp_path / "scores.csv", index=False)
    plain = mi.read(folder)
    for scores in (tmp_path / "scores.csv", table, table.set_index("image")):
        images = mi.read(folder, scores=scores)
        assert list(images.data_vars) == ["memorability", "at_floor"]
        np.testing.assert_array_equal(images.memorability, [0.0, 0.1, 0.2])
        xr.testing.assert_equal(images.drop_vars(["memorability", "at_floor"]), plain)
    assert "status" in table


@pytest.mark.parametrize("sign", ["sha256", "status"])
def test_reserved_columns_of_any_other_table_are_still_refused(folder: Path, sign: str) -> None:
    with pytest.raises(ArgumentError, match="scores must not have columns with reserved names"):
        mi.read(folder, scores=written_by_memfeat(folder).drop(columns=sign))


def test_a_column_called_image_is_taken_before_others_and_a_chosen_one_before_it(folder: Path) -> None:
    table = pd.DataFrame({"file": ["b.jpg", "a.JPEG"], "image": ["a.JPEG", "b.jpg"], "s": [1.0, 2.0]})
    assert read_quietly(folder, scores=table).s.sel(image="a.JPEG") == 1.0
    with pytest.raises(ArgumentError, match="reserved names; got 1: 'image'"):
        mi.read(folder, scores=table, column="file")
    with pytest.raises(ArgumentError, match="have only one column that names the images"):
        mi.read(folder, scores=table.rename(columns={"image": "name"}))


def test_scores_that_repeat_a_column_are_refused(folder: Path) -> None:
    table = pd.DataFrame({"path": ["b.jpg"], "hit_rate": [1.0]})
    with pytest.raises(ArgumentError, match="not repeat columns of the source; got 1: 'hit_rate'"):
        mi.read(table, root=folder, scores=pd.Series({"b.jpg": 2.0}, name="hit_rate"))


# --- damaged files ---------------------------------------------------------------------------------------------------


def truncated(path: Path, kind: str, *, keep: float = 0.5) -> Path:
    Image.fromarray(noise(200, 300)).save(path, kind)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])
    return path


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """One whole photograph among files that are not."""
    root = tmp_path / "damaged"
    jpeg(root / "whole.jpg")
    (root / "text.jpg").write_text("hello, I am no image at all")
    (root / "zero.jpg").touch()
    truncated(root / "cut.jpg", "JPEG")
    truncated(root / "head.jpg", "JPEG", keep=0.002)
    truncated(root / "cut.png", "PNG")
    truncated(root / "cut.webp", "WEBP")
    truncated(root / "cut.bmp", "BMP")
    truncated(root / "cut.gif", "GIF")
    bomb(root / "bomb.png", 20_000)
    (root / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    return root


def bomb(path: Path, edge: int) -> None:
    """Write a PNG header that declares edge × edge pixels, and no pixels."""
    import struct
    import zlib

    chunks = b"\x89PNG\r\n\x1a\n"
    for kind, data in ((b"IHDR", struct.pack(">IIBBBBB", edge, edge, 8, 2, 0, 0, 0)), (b"IDAT", b""), (b"IEND", b"")):
        chunks += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    path.write_bytes(chunks)


STATUS = {
    "bomb.png": "too large",
    "cut.bmp": "truncated",
    "cut.gif": "truncated",
    "cut.jpg": "truncated",
    "cut.png": "truncated",
    "cut.webp": "truncated",
    "head.jpg": "truncated",
    "phone.heic": "unreadable",
    "text.jpg": "unreadable",
    "whole.jpg": "ok",
    "zero.jpg": "empty",
}


def test_damaged_files_stay_in_the_table_with_their_status(damaged: Path) -> None:
    images = mi.read(damaged)
    assert dict(zip(images.image.values, images.status.values, strict=True)) == STATUS
    reasons = dict(zip(images.image.values, images.reason.values, strict=True))
    assert reasons["whole.jpg"] == ""
    assert "begins with b'hello" in reasons["text.jpg"]
    assert "register_heif_opener" in reasons["phone.heic"]
    assert all(reason for name, reason in reasons.items() if name != "whole.jpg")


def test_the_ledger_lists_what_is_not_ok(damaged: Path) -> None:
    images = mi.read(damaged)
    table = mi.ledger(images)
    assert table.columns.tolist() == ["image", "path", "status", "reason"]
    assert dict(zip(table.image, table.status, strict=True)) == {k: v for k, v in STATUS.items() if v != "ok"}
    assert mi.ledger(images.sel(image=["whole.jpg"])).empty
    with pytest.raises(KindError, match=r"table of mf.images.read"):
        mi.ledger(images.drop_vars("status"))


def test_a_damaged_file_is_logged_not_warned_about(damaged: Path, caplog: pytest.LogCaptureFixture) -> None:
    mi.read(damaged)
    assert "10: 'bomb.png', 'cut.bmp', 'cut.gif', … of 11 images cannot be used" in caplog.text


def test_without_verifying_damage_is_found_when_decoding(damaged: Path) -> None:
    images = mi.read(damaged, verify=False)
    assert images.status.sel(image="cut.jpg").item() == "ok"
    with pytest.raises(mi.UnreadableImage, match=r"image 'cut.jpg' is truncated: the file ends before"):
        mi.decode(images, "cut.jpg")
    assert images.status.sel(image="zero.jpg").item() == "empty"
    assert images.status.sel(image="text.jpg").item() == "unreadable"


def test_decoding_a_damaged_row_says_its_status(damaged: Path) -> None:
    images = mi.read(damaged)
    for name, status in STATUS.items():
        if status != "ok":
            with pytest.raises(mi.UnreadableImage) as caught:
                mi.decode(images, name)
            assert (caught.value.status, caught.value.image) == (status, name)
            assert caught.value.reason


def test_the_error_survives_a_trip_to_another_process() -> None:
    error = pickle.loads(pickle.dumps(mi.UnreadableImage("a.jpg", "empty", "no bytes")))
    assert (error.image, error.status, error.reason) == ("a.jpg", "empty", "no bytes")
    assert isinstance(error, MemfeatError)


def test_paths_of_a_list_that_are_not_there_stay_as_missing(folder: Path) -> None:
    images = mi.read([folder / "b.jpg", folder / "gone.jpg", folder / "sub"])
    assert images.image.values.tolist() == ["b.jpg", "gone.jpg", "sub"]
    assert images.status.values.tolist() == ["ok", "missing", "unreadable"]
    with pytest.raises(mi.UnreadableImage, match="is missing"):
        mi.decode_file(folder / "gone.jpg")


def test_a_damaged_exif_block_does_not_cost_the_image(tmp_path: Path) -> None:
    path = jpeg(tmp_path / "a.jpg", exif=b"Exif\0\0MM\0*\0\0\0\xff" + bytes(range(60)))
    images = mi.read(tmp_path)
    assert images.status.item() == "ok"
    with pytest.warns(UserWarning, match="EXIF"), Image.open(path) as image:
        expected = image.convert("RGB").tobytes()
    assert mi.decode(images, "a.jpg").tobytes() == expected


def test_a_file_that_pillow_warns_about_is_read_in_silence(tmp_path: Path) -> None:
    edge = 10_000  # 100 million pixels: above Pillow's warning, below its limit
    Image.new("1", (edge, edge)).save(tmp_path / "big.png")
    images = mi.read(tmp_path, verify=False)
    assert (images.status.item(), images.width.item()) == ("ok", edge)


def test_reading_leaves_pillow_and_the_warning_filters_alone(damaged: Path) -> None:
    from PIL import ImageFile

    before = (list(warnings.filters), Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)
    mi.read(damaged)
    assert (list(warnings.filters), Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES) == before


def test_keeping_pillow_quiet_in_a_thread_leaves_the_filters_of_another_alone() -> None:
    before = list(warnings.filters)
    inside, done = threading.Event(), threading.Event()

    def work() -> None:
        with quiet():
            inside.set()
            done.wait()

    worker = threading.Thread(target=work)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        worker.start()
        inside.wait()
    done.set()
    worker.join()
    assert list(warnings.filters) == before


# --- decoding --------------------------------------------------------------------------------------------------------


def test_a_plain_jpeg_is_what_pillow_makes_of_it(folder: Path) -> None:
    images = mi.read(folder)
    for name in images.image.values:
        with Image.open(folder / name) as image:
            assert mi.decode(images, name).tobytes() == image.convert("RGB").tobytes()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("verify", [True, False])
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int, kind: str, verify: bool) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{kind.lower()}"
    options = {"lossless": True} if kind == "WEBP" else {}
    Image.fromarray(noise()).save(path, kind, exif=exif, **options)
    with Image.open(path) as image:
        expected = ImageOps.exif_transpose(image).convert("RGB")
    images = mi.read(tmp_path, verify=verify)
    got = mi.decode(images, path.name)
    assert got.size == expected.size == (images.width.item(), images.height.item())
    assert got.size == ((60, 40) if orientation < 5 else (40, 60))
    assert got.tobytes() == expected.tobytes()


def test_an_orientation_after_the_pixels_of_a_png_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "a.png"
    Image.fromarray(noise()).save(path, exif=exif)
    whole = path.read_bytes()
    start = whole.index(b"eXIf") - 4
    end = start + 12 + int.from_bytes(whole[start : start + 4])
    last = whole.index(b"IEND") - 4
    path.write_bytes(whole[:start] + whole[end:last] + whole[start:end] + whole[last:])
    images = mi.read(tmp_path)
    assert mi.decode(images, "a.png").size == (images.width.item(), images.height.item()) == (40, 60)
    assert mi.decode(images, "a.png").tobytes() == Image.fromarray(noise()).transpose(UPSIDE[6]).tobytes()


UPSIDE = {6: Image.Transpose.ROTATE_270}
GREY = np.tile(np.arange(0, 240, 4, dtype=np.uint8), (40, 1))
ALPHA = np.where(np.arange(60) < 30, 255, 0).astype(np.uint8) * np.ones((40, 1), np.uint8)


INDEX = (GREY // 16).astype(int)
SHOWN = ALPHA[..., None] == 255
GREY3 = np.repeat(GREY[..., None], 3, axis=2)
LOOKED_UP = np.dstack([INDEX * 3, 255 - INDEX, INDEX])


def palette() -> Image.Image:
    image = Image.frombytes("P", (60, 40), INDEX.astype(np.uint8).tobytes())
    image.putpalette([value for i in range(16) for value in (i * 3, 255 - i, i)])
    return image


#: name -> a small image, the options it is saved with, and the RGB that it should become, by hand
MODES = {
    "RGB": (Image.fromarray(noise()), {}, noise()),
    "RGBA": (Image.fromarray(np.dstack([noise(), ALPHA])), {}, np.where(SHOWN, noise(), 255)),
    "LA": (Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(ALPHA)]), {}, np.where(SHOWN, GREY3, 255)),
    "L": (Image.fromarray(GREY), {}, GREY3),
    "1": (Image.fromarray(ALPHA > 0), {}, np.repeat(ALPHA[..., None], 3, axis=2)),
    "P": (palette(), {}, LOOKED_UP),
    "P transparent": (palette(), {"transparency": 5}, np.where((INDEX == 5)[..., None], 255, LOOKED_UP)),
    "P with alphas": (
        palette(),
        {"transparency": bytes([0, 255, 0] + [255] * 13)},
        np.where(np.isin(INDEX, [0, 2])[..., None], 255, LOOKED_UP),
    ),
    "RGB transparent": (
        Image.fromarray(noise()),
        {"transparency": tuple(noise()[0, 0].tolist())},
        np.where((noise() == noise()[0, 0]).all(axis=2)[..., None], 255, noise()),
    ),
    "L transparent": (Image.fromarray(GREY), {"transparency": 8}, np.where(GREY3 == 8, 255, GREY3)),
    "I;16": (Image.fromarray(GREY.astype(np.uint16) * 256 + 77), {}, GREY3),
    "I;16 TIFF": (Image.fromarray(GREY.astype(np.uint16) * 256 + 200), {"format": "TIFF"}, GREY3),
    "I": (Image.fromarray(GREY.astype(np.int32) * 256 + 3), {"format": "TIFF"}, GREY3),
    "F": (Image.fromarray((GREY / 255).astype(np.float32)), {"format": "TIFF"}, GREY3),
}


def mode_file(path: Path, mode: str) -> tuple[Path, np.ndarray]:
    image, options, expected = MODES[mode]
    image.save(path, **({"format": "PNG"} | options))
    return path, expected


@pytest.mark.parametrize("mode", MODES)
def test_each_mode_becomes_the_rgb_that_its_rule_says(tmp_path: Path, mode: str) -> None:
    path, expected = mode_file(tmp_path / "a.png", mode)
    images = mi.read(tmp_path)
    assert images.status.item() == "ok"
    assert images["mode"].item() == mode.split()[0]
    image = mi.decode(images, path.name)
    assert image.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(image), expected)


def test_half_transparent_pixels_are_mixed_with_white(tmp_path: Path) -> None:
    Image.new("RGBA", (4, 4), (0, 100, 255, 128)).save(tmp_path / "a.png")
    got = np.asarray(mi.decode(mi.read(tmp_path), "a.png"))[0, 0]
    np.testing.assert_allclose(got, np.array([0, 100, 255]) * 128 / 255 + 255 * 127 / 255, atol=1)


def test_transparent_16_bit_grey_is_white(tmp_path: Path) -> None:
    Image.fromarray(np.array([[300, 20_000]], np.uint16)).save(tmp_path / "a.png", transparency=300)
    assert np.asarray(mi.decode(mi.read(tmp_path), "a.png"))[0, :, 0].tolist() == [255, 20_000 >> 8]


def test_floating_point_is_rounded_to_the_nearest_of_255_steps(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 0.5, 0.997, 1]], np.float32)).save(tmp_path / "a.tif")
    assert np.asarray(mi.decode(mi.read(tmp_path), "a.tif"))[0, :, 0].tolist() == [0, 128, 254, 255]


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_is_converted_as_pillow_does(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind.lower()}"
    Image.fromarray(noise()).convert("CMYK").save(path, kind)
    with Image.open(path) as image:
        expected = image.convert("RGB")
    images = mi.read(tmp_path)
    assert images["mode"].item() == "CMYK"
    assert mi.decode(images, path.name).tobytes() == expected.tobytes()


def test_ycbcr_is_converted_as_pillow_does() -> None:
    image = Image.fromarray(noise()).convert("YCbCr")
    assert mi.decode(mi.read({"a": image}), "a").tobytes() == image.convert("RGB").tobytes()


def test_the_inverted_cmyk_of_adobe_comes_out_right_way_round(tmp_path: Path) -> None:
    Image.new("CMYK", (16, 16), (0, 0, 0, 0)).save(tmp_path / "white.jpg")
    assert b"Adobe" in (tmp_path / "white.jpg").read_bytes()
    assert np.asarray(mi.decode(mi.read(tmp_path), "white.jpg")).min() > 250


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_the_first_frame_of_several_is_taken(tmp_path: Path, kind: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "green")]
    path = tmp_path / f"a.{kind.lower()}"
    options = {"lossless": True} if kind == "WEBP" else {}
    frames[0].save(path, kind, save_all=True, append_images=frames[1:], **options)
    with Image.open(path) as image:
        assert len(list(ImageSequence.Iterator(image))) == 3
    assert mi.decode(mi.read(tmp_path), path.name).getpixel((3, 3)) == (255, 0, 0)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.array([[0.0, 300.0]], np.float32), r"from 0 to 300 are not in \[0, 1\]"),
        (np.array([[0.0, np.nan]], np.float32), r"are not in \[0, 1\]"),
        (np.array([[0, 70_000]], np.int32), "32-bit integers from 0 to 70000"),
    ],
)
def test_numbers_without_a_defined_white_are_unreadable(tmp_path: Path, values: np.ndarray, words: str) -> None:
    Image.fromarray(values).save(tmp_path / "a.tiff")
    table = mi.ledger(mi.read(tmp_path))
    assert table.status.tolist() == ["unreadable"]
    assert pd.Series(table.reason).str.contains(words).all()


def test_a_name_that_the_table_does_not_hold_is_refused(folder: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"name must be an image of the table; got 'q.jpg'"):
        mi.decode(mi.read(folder), "q.jpg")
    with pytest.raises(KindError, match=r"table of mf.images.read; got str"):
        mi.decode("photos", "q.jpg")


def test_files_decode_the_same_from_many_threads(tmp_path: Path) -> None:
    paths = [mode_file(tmp_path / f"{i}.png", mode)[0] for i, mode in enumerate(MODES)]
    alone = [mi.decode_file(path).tobytes() for path in paths]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda path: mi.decode_file(path).tobytes(), paths * 5)) == alone * 5


@given(
    width=st.integers(1, 40),
    height=st.integers(1, 40),
    mode=st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA"]),
    turn=st.integers(1, 8),
)
@settings(max_examples=40)
def test_decoding_gives_rgb_of_the_size_in_the_table(
    tmp_path_factory: pytest.TempPathFactory, width: int, height: int, mode: str, turn: int
) -> None:
    path = tmp_path_factory.mktemp("sizes") / "a.png"
    exif = Image.Exif()
    exif[0x0112] = turn
    Image.fromarray(noise(height, width)).convert(mode).save(path, exif=exif)
    images = mi.read(path)
    image = mi.decode(images, "a.png")
    assert image.mode == "RGB"
    assert image.size == (images.width.item(), images.height.item())


# --- in memory -------------------------------------------------------------------------------------------------------


class Tensor:
    """What a torch tensor can do, without torch."""

    def __init__(self, values: np.ndarray) -> None:
        self.values, self.shape = values, values.shape

    def detach(self) -> "Tensor":
        return self

    def cpu(self) -> "Tensor":
        return self

    def numpy(self) -> np.ndarray:
        return self.values


def test_every_form_of_an_image_in_memory_gives_the_same_pixels(tmp_path: Path) -> None:
    colour = noise()
    Image.fromarray(colour).save(tmp_path / "file.png")
    forms = {
        "bytes": colour,
        "floats": colour / 255,
        "halves": (colour / 255).astype(np.float32),
        "opaque": np.dstack([colour, np.full((40, 60), 255, np.uint8)]),
        "pillow": Image.fromarray(colour),
        "tensor": Tensor(np.moveaxis(colour, -1, 0)),
        "tensor of floats": Tensor(np.moveaxis(colour / 255, -1, 0).astype(np.float32)),
        "tensor, channels last": Tensor(colour),
        "file": tmp_path / "file.png",
    }
    before = colour.copy()
    images = mi.read(forms)
    assert images.image.values.tolist() == sorted(forms)
    for name in forms:
        np.testing.assert_array_equal(np.asarray(mi.decode(images, name)), colour)
    in_memory = images.sel(image=[name for name in forms if name != "file"])
    assert len(set(in_memory.sha256.values)) == 1
    assert set(in_memory.path.values) == {""}
    np.testing.assert_array_equal(colour, before)


def test_a_real_tensor_is_read() -> None:
    import torch

    colour = noise()
    images = mi.read({"a": torch.from_numpy(colour).permute(2, 0, 1) / 255})
    np.testing.assert_array_equal(images.pixels.values[0], colour)


def test_grey_arrays_have_three_equal_channels() -> None:
    images = mi.read({"flat": GREY, "deep": GREY[..., None], "unit": GREY / 255})
    for pixels in images.pixels.values:
        np.testing.assert_array_equal(pixels, np.repeat(GREY[..., None], 3, axis=2))
    assert set(images["mode"].values) == {"L"}


def test_the_same_bytes_in_another_shape_have_another_hash() -> None:
    images = mi.read({"a": np.zeros((2, 6, 3), np.uint8), "b": np.zeros((3, 4, 3), np.uint8)})
    assert len(set(images.sha256.values)) == 2


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (noise().astype(np.float32), ArgumentError, "These look like values of 0–255: divide by 255"),
        ((noise() / 255 - 0.45) / 0.22, ArgumentError, "These look like ImageNet-normalised values"),
        (np.full((4, 4), -50.0), ArgumentError, r"lie in \[0, 1\].*from -50 to -50. Rescale"),
        (np.full((4, 4), np.nan), ArgumentError, "NaN or infinity"),
        (noise().astype(np.int64), KindError, r"uint8.*got dtype int64.*astype\('uint8'\)"),
        (np.zeros((3, 40, 60), np.uint8), KindError, r"shape \(3, 40, 60\).*transpose\(1, 2, 0\)"),
        (np.zeros((0, 4), np.uint8), KindError, r"shape \(0, 4\)"),
        (np.zeros(5, np.uint8), KindError, r"shape \(5,\)"),
        ("no/such.jpg", None, ""),
        ([1, 2], KindError, "got list"),
    ],
)
def test_images_in_memory_that_cannot_be_used_are_refused(value: object, error: type | None, words: str) -> None:
    if error is None:
        assert mi.read({"x": value}).status.item() == "missing"
        return
    with pytest.raises(error, match=rf"image 'x' must.*{words}"):
        mi.read({"x": value})


def test_a_pillow_image_whose_file_is_cut_off_is_truncated(tmp_path: Path) -> None:
    with Image.open(truncated(tmp_path / "a.jpg", "JPEG")) as lazy:
        images = mi.read({"a": lazy, "b": noise()})
    assert images.status.values.tolist() == ["truncated", "ok"]
    with pytest.raises(mi.UnreadableImage, match="image 'a' is truncated"):
        mi.decode(images, "a")


# --- the table as a whole --------------------------------------------------------------------------------------------


def test_the_table_survives_selection_and_a_file(folder: Path, tmp_path: Path) -> None:
    images = read_quietly(folder, scores={"b.jpg": 0.5})
    part = images.sel(image=["sub/a.jpg", "b.jpg"]).isel(image=slice(1, 2))
    assert part.score.item() == 0.5
    assert mi.decode(part, "b.jpg").size == (60, 40)
    images.to_netcdf(tmp_path / "table.nc", engine="h5netcdf")
    back = xr.load_dataset(tmp_path / "table.nc", engine="h5netcdf")
    xr.testing.assert_equal(back, images)
    assert back.attrs == images.attrs
    assert mi.decode(back, "b.jpg").tobytes() == mi.decode(images, "b.jpg").tobytes()


def test_a_table_in_memory_is_saved_without_its_pixels(tmp_path: Path) -> None:
    images = mi.read({"a": noise(), "b": noise(seed=1)}, scores={"a": 1, "b": 2})
    assert "pixels" in images.isel(image=[1])
    assert mi.decode(images.isel(image=[1]), "b").tobytes() == noise(seed=1).tobytes()
    images.drop_vars("pixels").to_netcdf(tmp_path / "table.nc", engine="h5netcdf")
    assert xr.load_dataset(tmp_path / "table.nc", engine="h5netcdf").score.values.tolist() == [1, 2]


def test_progress_is_shown_only_when_asked_for(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    mi.read(folder)
    assert capfd.readouterr() == ("", "")
    mi.read(folder, progress=True)
    out, err = capfd.readouterr()
    assert (out, "Reading images" in err, "3/3" in err) == ("", True, True)


@given(names=st.lists(st.text("abc/ é.", min_size=1, max_size=6), min_size=1, max_size=6, unique=True))
@settings(max_examples=30)
def test_names_are_unique_and_sorted_whatever_they_are(names: list[str]) -> None:
    images = mi.read(dict.fromkeys(names, GREY))
    assert images.image.values.tolist() == sorted(names)


def test_thumbnails_show_the_whole_image_on_white(tmp_path: Path) -> None:
    Image.new("RGB", (100, 50), "red").save(tmp_path / "wide.png")
    Image.new("RGB", (5, 10), "blue").save(tmp_path / "tall.png")
    (tmp_path / "bad.png").touch()
    images = mi.read(tmp_path)
    small = mi.thumbnails(images, size=20)
    assert small.image.values.tolist() == ["tall.png", "wide.png"]
    assert (small.dims, small.shape, small.dtype) == (("image", "y", "x", "rgb"), (2, 20, 20, 3), np.uint8)
    wide, tall = small.sel(image="wide.png").values, small.sel(image="tall.png").values
    np.testing.assert_array_equal(wide[5:15], np.broadcast_to([255, 0, 0], (10, 20, 3)))
    assert (wide[:5] == 255).all()
    assert (wide[15:] == 255).all()
    np.testing.assert_array_equal(tall[:, 5:15], np.broadcast_to([0, 0, 255], (20, 10, 3)))
    only = mi.thumbnails(images, names=["wide.png"])
    assert only.image.values.tolist() == ["wide.png"]
    assert (only.width.item(), only.height.item()) == (100, 50)
    with pytest.raises(mi.UnreadableImage, match=r"'bad.png' is empty"):
        mi.thumbnails(images, names=["bad.png"])
    with pytest.raises(NoImageError, match="can be decoded"):
        mi.thumbnails(images.sel(image=["bad.png"]))
    with pytest.raises(ArgumentError, match="size must be at least 1"):
        mi.thumbnails(images, size=0)


# --- real photographs ------------------------------------------------------------------------------------------------


@pytest.mark.data
def test_the_lnsim_photographs_read_with_their_hit_rates(data_folder: Path) -> None:
    images = mi.read(data_folder / "lnsim" / "images", scores=data_folder / "lnsim" / "scores.csv")
    assert images.sizes["image"] == 800
    assert (images.status == "ok").all()
    assert images.hit_rate.notnull().all()
    assert (images.image.values[0], images.hit_rate.values[0]) == ("0002.jpg", 0.571759)


@pytest.mark.data
def test_the_rock_scores_join_photographs_with_another_ending(data_folder: Path) -> None:
    rocks = data_folder / "rocks480"
    table = pd.read_csv(rocks / "image_scores_Exp1_New.csv")
    with pytest.warns(MemfeatWarning, match="some images have no row in scores"):
        images = mi.read(rocks / "images", scores=rocks / "image_scores_Exp1_New.csv", verify=False)
    assert images.sizes["image"] == 480
    assert images.attrs["n_scores_joined"] == len(table)
    joined = images.HR.to_series().dropna()
    expected = table.assign(image=table.image.str.replace(".png", ".jpg")).set_index("image").HR
    pd.testing.assert_series_equal(
        joined.sort_index(), expected.sort_index(), check_names=False, check_index_type=False
    )


@pytest.mark.skipif(os.name == "nt" or sys.platform == "darwin", reason="this system takes no such names")
def test_a_name_that_no_table_can_hold_costs_that_file_only(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "good.png")
    with open(os.fsencode(tmp_path) + b"/x\xe9.png", "wb") as file:
        file.write((tmp_path / "good.png").read_bytes())
    images = mi.read(tmp_path)
    assert list(images.image.values) == ["good.png", "x\\xe9.png"]
    assert list(images.status.values) == ["ok", "unreadable"]
    assert mi.ledger(images)["reason"].tolist() == ["the file's name is not UTF-8; rename it"]
    images.to_netcdf(tmp_path / "table.nc", engine="h5netcdf")
