"""Published sets by name: small folders in the authors' layout, broken ones too; cards, checks, downloads."""

import hashlib
import http.server
import json
import re
import threading
import warnings
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.io import savemat

import memfeat as mf
from memfeat.datasets import fetching, known
from memfeat.datasets.columns import counted
from memfeat.datasets.folders import legible
from memfeat.datasets.readers import READERS
from memfeat.datasets.readers.reader import Once
from memfeat.errors import (
    ArgumentError,
    FacesWarning,
    MemfeatWarning,
    MissingFileError,
    MissingPackageError,
    UnknownNameError,
)

SCORES = ["hit_rate", "false_alarm_rate", "corrected_recognition"]
COUNTS = ["hits", "misses", "false_alarms", "correct_rejections"]


def photographs(folder: Path, *names: str) -> None:
    for i, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 6), (20 * i, 40, 60)).save(path)


def written(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def one(table: xr.Dataset, image: str, *names: str) -> list[float]:
    return [table[name].sel(image=image).item() for name in names]


# --- cards ----------------------------------------------------------------------------------------------------------


def test_every_set_has_a_card_and_a_reader():
    assert set(mf.datasets.CARDS) == set(READERS)
    for name, card in mf.datasets.CARDS.items():
        assert card.name == name
        assert card.citation
        assert card.licence
        assert card.download
        assert card.layout
        assert READERS[name].checks
        assert mf.datasets.citation(name) == card.citation
        assert all(one in str(card) for one in (card.title, card.citation, card.licence, *card.unverified))


def test_a_card_cannot_be_changed():
    with pytest.raises(AttributeError):
        mf.datasets.CARDS["lamem"].licence = "free"
    with pytest.raises(TypeError):
        mf.datasets.CARDS["mine"] = mf.datasets.CARDS["lamem"]


def test_the_catalogue_says_what_predictors_were_trained_on():
    table = mf.datasets.catalogue()
    assert list(table.index) == list(mf.datasets.CARDS)
    trained = table[table["trained_on"] != ""]
    assert sorted(trained.index) == ["lamem", "memcat"]
    assert set(trained["trained_on"]) == {"resmem, resmem-frozen"}
    assert table.loc["lamem", "n_images"] + table.loc["memcat", "n_images"] == 68_741
    assert table["n_unverified"].tolist() == [len(card.unverified) for card in mf.datasets.CARDS.values()]


def test_what_is_recalled_and_not_read_is_listed():
    said = " ".join(mf.datasets.CARDS["isola"].unverified)
    assert "reliability" in said
    assert "Unverified: " in str(mf.datasets.CARDS["isola"])


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("rim2025", "data/image_level_measure"),
        ("rocks480", ""),
        ("reconmem_isola", "data"),
        ("reconmem_isola", ""),
        ("things_concepts", "data"),
    ],
)
def test_files_are_compared_with_those_that_are_known(name, place, tmp_path, monkeypatch):
    file = "info/a.csv" if name == "rocks480" else "a.csv"
    same = hashlib.sha256(b"1\n").hexdigest()
    monkeypatch.setattr(known, "FILES", {name: {file: same, file.replace("a.", "b."): same}})
    written(tmp_path / place / file, "1")
    written(tmp_path / place / file.replace("a.", "b."), "2")
    what = "files that are the known ones, by their hashes"
    assert mf.datasets.check(name, folder=tmp_path).set_index("check").loc[what].tolist() == ["2", "1", False]
    written(tmp_path / place / file.replace("a.", "b."), "1")
    assert mf.datasets.check(name, folder=tmp_path).set_index("check").loc[what].tolist() == ["2", "2", True]
    assert what not in mf.datasets.check("lnsim", folder=tmp_path)["check"].tolist()


def test_a_card_says_whether_hashes_are_known():
    assert "Hashes: Those of 7 files are known, which check compares." in str(mf.datasets.CARDS["reconmem_isola"])
    assert "Hashes: None is known: check cannot say" in str(mf.datasets.CARDS["massvis"])
    for name in known.FILES:
        assert any("whose hashes are kept" in one for one in mf.datasets.CARDS[name].unverified)


@pytest.mark.parametrize("name", ["isola", "isola_attributes", "reconmem_isola", "figrim", "vischema"])
def test_that_photographs_of_sun_are_new_to_resmem_is_not_claimed(name):
    card = mf.datasets.CARDS[name]
    assert card.trained_on == ()
    assert any(one.startswith("that none of its photographs is in LaMem or MemCat") for one in card.unverified)


def test_what_is_said_of_faces_is_what_mf_predict_says():
    said = mf.datasets.CARDS["faces10k"].warning
    assert "a rank correlation of about .2 on faces is quoted from their release notes" in said


@pytest.mark.parametrize("call", [mf.datasets.load, mf.datasets.trials, mf.datasets.tables, mf.datasets.check])
def test_an_unknown_set_is_refused(call):
    with pytest.raises(UnknownNameError, match="name must be a known name; got 'rocks'. Did you mean 'rocks480'"):
        call("rocks")


def test_tables_and_trials_that_a_set_lacks(tmp_path):
    with pytest.raises(UnknownNameError, match="which must be a known name; got 'mdss'. Did you mean 'mds'"):
        mf.datasets.table("rocks480", "mdss", folder=tmp_path)
    with pytest.raises(UnknownNameError, match="got 'nothing of the kind'. The tables of 'lamem': splits"):
        mf.datasets.table("lamem", "nothing of the kind", folder=tmp_path)
    with pytest.raises(UnknownNameError, match="got 'halves'. 'vischema' has no further tables"):
        mf.datasets.table("vischema", "halves", folder=tmp_path)
    with pytest.raises(
        UnknownNameError, match="name must be one of 'figrim', 'rocks480'; got 'memcat', of which scores"
    ):
        mf.datasets.trials("memcat", folder=tmp_path)


# --- folders --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(mf.datasets.CARDS))
def test_a_missing_folder_says_what_to_download_and_under_which_licence(name, tmp_path, monkeypatch):
    monkeypatch.delenv("MEMFEAT_DATA", raising=False)
    card = mf.datasets.CARDS[name]
    with pytest.raises(MissingFileError, match="variable MEMFEAT_DATA is not set. memfeat downloads nothing") as error:
        mf.datasets.load(name)
    for said in (card.download, card.layout, card.licence):
        assert said in str(error.value)
    with pytest.raises(MissingFileError, match="folder must be the folder of .*nowhere"):
        mf.datasets.check(name, folder=tmp_path / "nowhere")


@pytest.mark.parametrize("name", list(mf.datasets.CARDS))
def test_an_empty_folder_says_what_it_must_look_like(name, tmp_path):
    with pytest.raises(MissingFileError, match="folder must hold .* must look like this"):
        mf.datasets.load(name, folder=tmp_path)
    table = mf.datasets.check(name, folder=tmp_path)
    assert not table["passed"].any()
    assert table["found"].str.contains("folder must hold").any()


def test_the_folder_of_all_sets_is_named_by_a_variable(tmp_path, monkeypatch):
    reconmem(tmp_path / "reconmem_isola")
    monkeypatch.setenv("MEMFEAT_DATA", str(tmp_path))
    assert mf.datasets.load("reconmem_isola").identical(
        mf.datasets.load("reconmem_isola", folder=tmp_path / "reconmem_isola")
    )


# --- readers, on small folders --------------------------------------------------------------------------------------


@given(st.lists(st.tuples(*[st.integers(0, 50)] * 4), min_size=1, max_size=6))
def test_rates_are_those_of_mf_scores(rows):
    table = pd.DataFrame(rows, columns=COUNTS).assign(image=[f"{i}.jpg" for i in range(len(rows))])
    before = table.copy()
    ours, theirs = counted(table), mf.scores.rates(table)
    for name in [*SCORES, *COUNTS, "n_targets", "n_foils"]:
        np.testing.assert_allclose(ours[name].to_numpy(float), theirs[name].values.astype(float), rtol=1e-14)
    pd.testing.assert_frame_equal(table, before)


def lnsim(folder: Path) -> None:
    photographs(folder / "images", "0002.jpg", "0001.jpg")
    header = "image,hit_rate,half1_split01,half2_split01,half1_split02,half2_split02"
    written(folder / "scores.csv", header, "0002.jpg,.7,.6,.8,.5,.9", "0001.jpg,.5,.4,.6,.3,.7")


def test_lnsim(tmp_path):
    lnsim(tmp_path)
    images = mf.datasets.load("lnsim", folder=tmp_path)
    assert images["image"].values.tolist() == ["0001.jpg", "0002.jpg"]
    assert images["hit_rate"].values.tolist() == [0.5, 0.7]
    assert images["width"].values.tolist() == [8, 8]
    halves = mf.datasets.table("lnsim", "halves", folder=tmp_path)
    assert halves["hit_rate"].sel(image="0002.jpg", half=2, split="split02").item() == 0.9
    assert images.attrs["name"] == halves.attrs["name"] == "lnsim"
    assert images.attrs["citation"].startswith("Lu J, Xu M")
    assert images.attrs["trained_on"] == "none"


def test_lnsim_as_its_authors_give_it_out(tmp_path):
    photographs(tmp_path / "Image_data", "0001.jpg", "0003.jpg", "0002.jpg")
    (tmp_path / "Random_splits").mkdir()
    first = np.array([[0.1, 0.2, 0.3], [0.3, 0.4, 0.5]])
    savemat(tmp_path / "Random_splits" / "subject_hrs1.mat", {"subject_hrs1": first})
    savemat(tmp_path / "Random_splits" / "subject_hrs2.mat", {"subject_hrs2": (first + 0.4).T})
    nameless = r"no names: values are matched by rows, numbered as the photographs are \(.*, .* hit_rate is the mean"
    with pytest.warns(MemfeatWarning, match=nameless) as caught:
        images = mf.datasets.load("lnsim", folder=tmp_path)
    assert [Path(warning.filename).name for warning in caught] == ["test_datasets.py"]
    np.testing.assert_allclose(images["hit_rate"].values, [0.4, 0.5, 0.6])
    assert images.attrs["hit_rate_is"] == "mean of the published halves"
    with pytest.warns(MemfeatWarning, match=nameless):
        halves = mf.datasets.table("lnsim", "halves", folder=tmp_path)
    said = "rows, numbered as the photographs are (1 is the first)"
    assert images.attrs["matched_by"] == halves.attrs["matched_by"] == said
    assert halves["hit_rate"].sel(image="0003.jpg", half=2, split="split01").item() == pytest.approx(0.7)
    savemat(tmp_path / "Random_splits" / "subject_hrs2.mat", {"subject_hrs2": np.ones((2, 4))})
    with (
        pytest.warns(MemfeatWarning, match=nameless),
        pytest.raises(ArgumentError, match=r"hold subject_hrs2.mat with a value per photograph; got 3 .* \(2, 4\)"),
    ):
        mf.datasets.load("lnsim", folder=tmp_path)
    savemat(tmp_path / "Random_splits" / "subject_hrs2.mat", {"subject_hrs2": np.ones((3, 3))})
    with (
        pytest.warns(MemfeatWarning, match=nameless),
        pytest.raises(ArgumentError, match=r"hold subject_hrs2.mat with a value per photograph; got 3 .* \(3, 3\)"),
    ):
        mf.datasets.load("lnsim", folder=tmp_path)
    savemat(tmp_path / "Random_splits" / "subject_hrs2.mat", {"subject_hrs2": np.ones((1, 3))})
    with (
        pytest.warns(MemfeatWarning, match=nameless),
        pytest.raises(ArgumentError, match="as many splits in subject_hrs1.mat as in subject_hrs2.mat; got 2 and 1"),
    ):
        mf.datasets.load("lnsim", folder=tmp_path)
    # scores that come with names are joined by them, and nothing is inferred
    lnsim(tmp_path)
    written(tmp_path / "scores.csv", "image,hit_rate", "0002.jpg,.7", "0001.jpg,.5")
    images = mf.datasets.load("lnsim", folder=tmp_path)
    assert "matched_by" not in images.attrs


def test_lnsim_with_the_scores_that_its_authors_name_but_do_not_give_out(tmp_path):
    photographs(tmp_path / "Image_data", "0001.jpg", "0003.jpg", "0002.jpg")
    (tmp_path / "Random_splits").mkdir()
    for half in (1, 2):
        savemat(tmp_path / "Random_splits" / f"subject_hrs{half}.mat", {f"subject_hrs{half}": np.full((2, 3), 0.5)})
    savemat(tmp_path / "hrs.mat", {"scores": [[0.9, 0.8, 0.7]]})
    with pytest.warns(
        MemfeatWarning, match=r"hold no names: .*; hit_rate is the score of all participants \(hrs.mat\)"
    ):
        images = mf.datasets.load("lnsim", folder=tmp_path)
    assert images["image"].values.tolist() == ["0001.jpg", "0002.jpg", "0003.jpg"]
    assert images["hit_rate"].values.tolist() == [0.9, 0.8, 0.7]
    assert images.attrs["hit_rate_is"] == "score of all participants (hrs.mat)"
    for wrong in ({"scores": [0.9, 0.8]}, {"a": [1, 2, 3], "b": [1, 2, 3]}):
        savemat(tmp_path / "hrs.mat", wrong)
        with (
            pytest.warns(MemfeatWarning, match="hold no names"),
            pytest.raises(ArgumentError, match="hold hrs.mat with one value per photograph; got 3 rows, and"),
        ):
            mf.datasets.load("lnsim", folder=tmp_path)


def test_part_of_the_photographs_of_lnsim_take_the_rows_of_their_numbers(tmp_path):
    photographs(tmp_path / "Image_data", "0005.jpg", "0002.jpg")
    (tmp_path / "Random_splits").mkdir()
    rates = np.array([[0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [0.3, 0.4, 0.5, 0.6, 0.7, 0.8], [0.5, 0.6, 0.7, 0.8, 0.9, 1.0]])
    for half in (1, 2):
        savemat(tmp_path / "Random_splits" / f"subject_hrs{half}.mat", {f"subject_hrs{half}": rates})
    numbered = r"hold no names: values are matched by rows, numbered as the photographs are \(1 is the first\), which"
    with pytest.warns(MemfeatWarning, match=numbered):
        images = mf.datasets.load("lnsim", folder=tmp_path)
    assert images["image"].values.tolist() == ["0002.jpg", "0005.jpg"]
    np.testing.assert_allclose(images["hit_rate"].values, [0.4, 0.7])
    with pytest.warns(MemfeatWarning, match=numbered):
        halves = mf.datasets.table("lnsim", "halves", folder=tmp_path)
    said = "rows, numbered as the photographs are (1 is the first)"
    assert images.attrs["matched_by"] == halves.attrs["matched_by"] == said
    np.testing.assert_allclose(halves["hit_rate"].sel(image="0005.jpg", half=1).values, [0.5, 0.7, 0.9])
    savemat(tmp_path / "hrs.mat", {"scores": [[0.9, 0.8, 0.7, 0.6, 0.5, 0.4]]})
    with pytest.warns(MemfeatWarning, match=numbered):
        assert mf.datasets.load("lnsim", folder=tmp_path)["hit_rate"].values.tolist() == [0.8, 0.5]
    # a number that the files have no row for, one that two photographs have, and a name that is none
    for third in ("0007.jpg", "5.jpg", "0000.jpg", "beach.jpg"):
        photographs(tmp_path / "Image_data", third, "0001.jpg")
        with (
            pytest.warns(MemfeatWarning, match="matched by order of rows"),
            pytest.raises(ArgumentError, match="hold subject_hrs1.mat with a value per photograph; got 4 rows, and"),
        ):
            mf.datasets.load("lnsim", folder=tmp_path)
        (tmp_path / "Image_data" / third).unlink()


def rated(folder: Path, n: int, n_splits: int) -> None:
    """Write halves in which row r has r hundredths in each split."""
    (folder / "Random_splits").mkdir()
    rates = np.repeat(np.arange(1, n + 1)[:, None] / 100, n_splits, axis=1)
    for half in (1, 2):
        savemat(folder / "Random_splits" / f"subject_hrs{half}.mat", {f"subject_hrs{half}": rates})


def rows(folder: Path) -> dict[str, int]:
    """Give photograph -> the row whose rate it has."""
    with pytest.warns(MemfeatWarning, match="hold no names"):
        rates = mf.datasets.load("lnsim", folder=folder)["hit_rate"]
    return {name: round(100 * rate) for name, rate in rates.to_series().items()}


def test_files_beside_the_photographs_of_lnsim_take_no_row(tmp_path):
    rated(tmp_path, 4, 25)
    place = tmp_path / "Image_data"
    photographs(place, "b.jpg", "c.jpg", "d.jpg")
    for other in (".DS_Store", "Thumbs.db", "._a.jpg"):
        (place / other).write_bytes(b"no photograph")
        # three photographs for four rows, whose names are no numbers: nobody knows which is missing
        with (
            pytest.warns(MemfeatWarning, match="hold no names"),
            pytest.raises(ArgumentError, match="hold subject_hrs1.mat with a value per photograph; got 3 rows, and"),
        ):
            mf.datasets.load("lnsim", folder=tmp_path)
    photographs(place, "a.jpg")
    assert rows(tmp_path) == {"a.jpg": 1, "b.jpg": 2, "c.jpg": 3, "d.jpg": 4}
    with pytest.warns(MemfeatWarning, match="matched by order of rows, and of the photographs' names, which"):
        mf.datasets.load("lnsim", folder=tmp_path)
    assert mf.datasets.check("lnsim", folder=tmp_path).set_index("check").loc["photographs", "found"] == "4"


def test_all_photographs_of_lnsim_take_the_rows_of_their_numbers_too(tmp_path):
    # in the order of text, 10 comes before 2
    rated(tmp_path, 12, 25)
    photographs(tmp_path / "Image_data", *(f"{number}.jpg" for number in range(1, 13)))
    assert rows(tmp_path) == {f"{number}.jpg": number for number in range(1, 13)}
    (tmp_path / "Image_data" / "4.jpg").unlink()
    assert rows(tmp_path) == {f"{number}.jpg": number for number in range(1, 13) if number != 4}


@pytest.mark.parametrize(
    ("n", "names"),
    [
        # fewer photographs than splits, all of them and some
        (10, [f"{number:04d}.jpg" for number in range(1, 11)]),
        (10, ["0002.jpg", "0007.jpg"]),
        # as many photographs as splits, of more
        (40, [f"{number:04d}.jpg" for number in range(1, 26)]),
    ],
)
def test_splits_of_lnsim_are_not_taken_for_photographs(n, names, tmp_path):
    rated(tmp_path, n, 25)
    for name in names:
        photographs(tmp_path / "Image_data", name)
    assert rows(tmp_path) == {name: int(Path(name).stem) for name in names}


def test_as_many_photographs_of_lnsim_as_the_splits_of_the_authors(tmp_path):
    rated(tmp_path, 25, 3)
    for number in range(1, 26):
        photographs(tmp_path / "Image_data", f"{number}.jpg")
    assert rows(tmp_path) == {f"{number}.jpg": number for number in range(1, 26)}


def test_halves_of_lnsim_of_which_both_axes_fit_are_refused(tmp_path):
    rated(tmp_path, 6, 3)
    photographs(tmp_path / "Image_data", "0001.jpg", "0002.jpg", "0003.jpg")
    both = (
        r"hold subject_hrs1.mat with one axis .* photographs; got shape \(6, 3\) for 3 photographs. The authors' file"
    )
    with pytest.raises(ArgumentError, match=both):
        mf.datasets.load("lnsim", folder=tmp_path)


@pytest.mark.parametrize("file", ["Random_splits/subject_hrs1.mat", "hrs.mat"])
def test_text_in_place_of_rates_is_named(file, tmp_path):
    rated(tmp_path, 2, 25)
    photographs(tmp_path / "Image_data", "0001.jpg", "0002.jpg")
    texts = np.full((2, 25 if "subject" in file else 1), "high", dtype=object)
    savemat(tmp_path / file, {Path(file).stem: texts})
    with (
        pytest.warns(MemfeatWarning, match="hold no names"),
        pytest.raises(ArgumentError, match=f"hold {Path(file).name} as its authors wrote it; got ValueError: .* again"),
    ):
        mf.datasets.load("lnsim", folder=tmp_path)


def test_groups_in_files_of_matlab_are_no_matrices(tmp_path):
    rated(tmp_path, 2, 25)
    photographs(tmp_path / "Image_data", "0001.jpg", "0002.jpg")
    with h5py.File(tmp_path / "hrs.mat", "w") as file:
        file.create_group("#refs#")["a"] = [1]
        file["hrs"] = [[0.8, 0.6]]
    assert rows(tmp_path) == {"0001.jpg": 80, "0002.jpg": 60}


def test_files_that_do_not_join_are_counted_and_named(tmp_path):
    lnsim(tmp_path)
    photographs(tmp_path / "images", "extra.jpg")
    (tmp_path / "images" / "0001.jpg").unlink()
    with pytest.warns(MemfeatWarning) as caught:
        images = mf.datasets.load("lnsim", folder=tmp_path)
    said = " ".join(str(warning.message) for warning in caught)
    assert "scores name images that the source does not hold (1: '0001.jpg')" in said
    assert "some images have no row in scores and keep NaN, or an empty text (1: 'extra.jpg')" in said
    assert {Path(warning.filename).name for warning in caught} == {"test_datasets.py"}
    assert images.attrs["n_scores_without_image"] == images.attrs["n_images_without_score"] == 1
    with warnings.catch_warnings(record=True) as caught:
        table = mf.datasets.check("lnsim", folder=tmp_path).set_index("check")
    assert not caught
    assert table.loc["scores without a photograph"].tolist() == ["0", "1", False]
    assert table.loc["photographs without a score"].tolist() == ["0", "1", False]
    assert table.loc["hit rates"].tolist() == ["2,632 or 800", "2", False]


def test_a_table_without_a_column_or_with_an_image_twice_is_refused(tmp_path):
    lnsim(tmp_path)
    written(tmp_path / "scores.csv", "image,rate", "0001.jpg,.5")
    with pytest.raises(ArgumentError, match="folder must hold scores.csv with image and hit_rate; got no column 'hit_"):
        mf.datasets.load("lnsim", folder=tmp_path)
    written(tmp_path / "scores.csv", "image,hit_rate", "0001.jpg,.5", "0001.jpg,.6")
    with pytest.raises(ArgumentError, match="with each image once; got duplicates 1: '0001.jpg'"):
        mf.datasets.load("lnsim", folder=tmp_path)
    written(tmp_path / "scores.csv", "image,hit_rate", "0001.jpg,.5", ",.6")
    with pytest.raises(ArgumentError, match="with each image once; got an empty name"):
        mf.datasets.load("lnsim", folder=tmp_path)


def rocks(folder: Path) -> None:
    photographs(folder / "images", "I_A_01.jpg", "M_B_01.jpg")
    info = folder / "info"
    general = "image_id,category,sub_category,sub_cat_item,filename"
    written(info / "Rocks480_general.csv", general, "1,I,A,1,I_A_01.png", "2,M,B,1,M_B_01.png")
    written(info / "Rocks480_distinctiveness.csv", "image_id,distinct_rat", "2,5.5", "1,3.5")
    written(info / "Rocks480_MDS8_solution.csv", "image_id,dim1,dim2", "2,.3,.4", "1,.1,.2")
    rows = [
        *(f"Exp1,New_Version_120_Targets,{p},Group1,,I_A_01.png,1,{old},900" for p, old in enumerate([1, 1, 1, 0])),
        *(f"Exp1,New_Version_120_Targets,{p},Group2,,I_A_01.png,0,{old},900" for p, old in enumerate([1, 0], 4)),
        "Exp2,,9,Group1,,M_B_01.png,1,1,700",
    ]
    written(folder / "trials.csv", "exp,version,participant,group,condition,image,target,old,rt", *rows)
    written(folder / "image_scores_Exp1_New.csv", "image,HR,FAR,CR,n_target", "I_A_01.png,.75,.5,.25,4")


def test_rocks480(tmp_path):
    rocks(tmp_path)
    images = mf.datasets.load("rocks480", folder=tmp_path)
    assert images["image"].values.tolist() == ["I_A_01.jpg", "M_B_01.jpg"]
    assert one(images, "I_A_01.jpg", *COUNTS) == [3, 1, 1, 1]
    assert one(images, "I_A_01.jpg", *SCORES) == [0.75, 0.5, 0.25]
    assert one(images, "M_B_01.jpg", "category", "distinctiveness", "hit_rate_exp2") == ["metamorphic", 5.5, 1.0]
    assert np.isnan(images["hit_rate"].sel(image="M_B_01.jpg"))
    assert "without the ending" in images.attrs["naming"]
    mds = mf.datasets.table("rocks480", "mds", folder=tmp_path)
    assert mds["mds"].sel(image="M_B_01.jpg").values.tolist() == [0.3, 0.4]
    trials = mf.datasets.trials("rocks480", folder=tmp_path)
    assert set(trials["experiment"]) == {"Exp1_New", "Exp2"}
    scores = mf.scores.from_trials(trials)
    assert scores["hit_rate"].sel(image="I_A_01.jpg").item() == 0.75
    published = mf.datasets.table("rocks480", "Exp1_New", folder=tmp_path)
    assert one(published, "I_A_01.jpg", *SCORES, "n_targets") == [0.75, 0.5, 0.25, 4]
    checks = mf.datasets.check("rocks480", folder=tmp_path).set_index("check")
    assert checks.loc["image_scores_Exp1_New.csv has the scores of the trials, to four digits", "passed"]
    written(tmp_path / "image_scores_Exp1_New.csv", "image,HR,FAR,CR,n_target", "I_A_01.png,.76,.5,.26,4")
    checks = mf.datasets.check("rocks480", folder=tmp_path).set_index("check")
    assert not checks.loc["image_scores_Exp1_New.csv has the scores of the trials, to four digits", "passed"]
    # rates of no trials are missing in both
    written(tmp_path / "image_scores_Exp2.csv", "image,HR,FAR,CR,n_target", "M_B_01.png,1,,,1")
    checks = mf.datasets.check("rocks480", folder=tmp_path).set_index("check")
    assert checks.loc["image_scores_Exp2.csv has the scores of the trials, to four digits", "passed"]
    # a value that is missing, and an image that is
    for row in ("I_A_01.png,.75,,.25,4", "M_B_01.png,.75,.5,.25,4"):
        written(tmp_path / "image_scores_Exp1_New.csv", "image,HR,FAR,CR,n_target", row)
        checks = mf.datasets.check("rocks480", folder=tmp_path).set_index("check")
        assert not checks.loc["image_scores_Exp1_New.csv has the scores of the trials, to four digits", "passed"]
    assert "not of the same images (2: 'I_A_01.jpg', 'M_B_01.jpg')" in " ".join(checks["found"])


def recorded(folder: Path, *, experiment: str, person: str, keys: str) -> None:
    """Write a file as the authors of the recognition experiments keep it: a photograph is studied, two are tested."""
    group = person.partition("_")[0]
    shown = {"task": "memory_phase", "image_png": "I_A_01.png", "response": None, "rt": None, "group": group}
    asked = [
        {"task": "test_phase", "image_png": image, "item_type": kind, "correct_response": right, "group": group}
        | {"response": None if key == "-" else key, "rt": 500 + i}
        for i, (image, kind, right, key) in enumerate(
            [("I_A_01.png", "Target", "l", keys[0]), ("M_B_01.png", "Foil", "a", keys[1])]
        )
    ]
    written(folder / experiment / f"{person}.json", json.dumps([{"trial_type": "preload"}, shown, *asked]))


def test_rocks480_as_its_authors_give_it_out(tmp_path):
    rocks(tmp_path)
    (tmp_path / "trials.csv").unlink()
    (tmp_path / "image_scores_Exp1_New.csv").unlink()
    for path in list((tmp_path / "images").iterdir()):
        path.unlink()
    (tmp_path / "images").rmdir()
    with pytest.raises(MissingFileError, match=r"hold trials.csv.gz or .* or Exp2b/Analysis/Data/\*.json"):
        mf.datasets.trials("rocks480", folder=tmp_path)
    photographs(tmp_path / "Rocks480", "I_A_01.png", "M_B_01.png")
    new, second = "Exp1/Analysis/Data/New_Version_120_Targets", "Exp2/Analysis/Data"
    recorded(tmp_path, experiment=new, person="Group1_7_2025-09-05", keys="ll")
    recorded(tmp_path, experiment=new, person="Group2_8_2025-09-06", keys="aa")
    recorded(tmp_path, experiment=new, person="Group1_9_2025-09-07", keys="l-")
    recorded(tmp_path, experiment=second, person="Group1_7_2025-11-09_01-24-44", keys="la")
    trials = mf.datasets.trials("rocks480", folder=tmp_path)
    assert trials["experiment"].tolist() == ["Exp1_New"] * 6 + ["Exp2"] * 2
    assert trials["participant"].tolist()[1:4:2] == ["Group1_7_2025-09-05", "Group1_9_2025-09-07"]
    assert trials["image"].tolist() == ["I_A_01.png", "M_B_01.png"] * 4
    assert trials["truth"].tolist() == ["old", "new"] * 4
    answers = ["old", "old", "old", None, "new", "new", "old", "new"]
    assert trials["response"].astype(object).where(trials["response"].notna(), None).tolist() == answers
    assert trials["rt"].tolist() == [500, 501] * 4
    assert trials["group"].tolist()[4] == "Group2"
    images = mf.datasets.load("rocks480", folder=tmp_path)
    assert one(images, "I_A_01.png", "hits", "misses", "hits_exp2") == [2, 1, 1]
    assert one(images, "M_B_01.png", "false_alarms", "correct_rejections", "correct_rejections_exp2") == [1, 1, 1]
    checks = mf.datasets.check("rocks480", folder=tmp_path).set_index("check")
    agree = checks.loc["image_scores_Exp2.csv has the scores of the trials, to four digits"]
    assert agree.tolist() == ["True or no such table", "no such table", True]
    # where answers come from is told of what holds them
    assert images.attrs["answers"] == trials.attrs["answers"] == mf.datasets.CARDS["rocks480"].answers
    assert "answers" not in mf.datasets.table("rocks480", "distinctiveness", folder=tmp_path).attrs
    assert "Answers: The answers are in neither paper" in str(mf.datasets.CARDS["rocks480"])
    assert "Answers: " not in str(mf.datasets.CARDS["lamem"])
    # a table is read in place of the files
    rocks(tmp_path)
    assert len(mf.datasets.trials("rocks480", folder=tmp_path)) == 7


def test_an_answer_to_a_rock_that_is_no_target_and_no_foil_is_named(tmp_path):
    rocks(tmp_path)
    (tmp_path / "trials.csv").unlink()
    written(
        tmp_path / "Exp2b" / "Analysis" / "Data" / "Group1_1.json", '[{"task": "test_phase", "image_png": "a.png"}]'
    )
    with pytest.raises(ArgumentError, match="folder must hold Group1_1.json as its authors wrote it; got KeyError"):
        mf.datasets.trials("rocks480", folder=tmp_path)


def test_a_key_that_was_never_right_is_no_answer_to_a_rock(tmp_path):
    rocks(tmp_path)
    (tmp_path / "trials.csv").unlink()
    place = "Exp2/Analysis/Data"
    recorded(tmp_path, experiment=place, person="Group1_1", keys="lx")
    recorded(tmp_path, experiment=place, person="Group1_2", keys=" l")
    # a participant who was asked about a target only: what the other key is stands in the other files
    (asked,) = json.loads((tmp_path / place / "Group1_1.json").read_text())[2:3]
    written(tmp_path / place / "Group1_3.json", json.dumps([asked | {"response": "a"}]))
    # what macOS leaves beside a file that it copies
    (tmp_path / place / "._Group1_1.json").write_bytes(b"\x00\x05\x16\x07")
    responses = mf.datasets.trials("rocks480", folder=tmp_path)["response"].astype(object)
    assert responses.where(responses.notna(), None).tolist() == ["old", None, None, "old", "new"]


def test_tables_of_rocks_that_do_not_join_are_told(tmp_path):
    rocks(tmp_path)
    complete = mf.datasets.check("rocks480", folder=tmp_path).set_index("check")
    assert complete.loc["images described in each table", "passed"]
    info = tmp_path / "info"
    written(info / "Rocks480_distinctiveness.csv", "image_id,distinct_rat", "1,3.5", "7,2.5")
    written(info / "Rocks480_MDS8_solution.csv", "image_id,dim1,dim2", "2,.3,.4")
    rated = r"Rocks480_distinctiveness.csv has no row for some images \(1: 'M_B_01.jpg'\)"
    beyond = r"distinctiveness.csv has rows that belong to no image; they are left out \(1: '7'\)"
    with pytest.warns(MemfeatWarning, match=rated) as caught, pytest.warns(MemfeatWarning, match=beyond):
        images = mf.datasets.load("rocks480", folder=tmp_path)
    assert {Path(warning.filename).name for warning in caught} == {"test_datasets.py"}
    assert images["image"].values.tolist() == ["I_A_01.jpg", "M_B_01.jpg"]
    np.testing.assert_array_equal(images["distinctiveness"].values, [3.5, np.nan])
    assert images.attrs["n_images_without_distinctiveness"] == 1
    with pytest.warns(MemfeatWarning, match=r"MDS8_solution.csv has no row for some images \(1: 'I_A_01.jpg'\)"):
        mds = mf.datasets.table("rocks480", "mds", folder=tmp_path)
    assert mds["image"].values.tolist() == ["M_B_01.jpg"]
    assert (mds.attrs["n_images_without_row"], mds.attrs["n_rows_without_image"]) == (1, 0)
    rocks(tmp_path)
    with (tmp_path / "trials.csv").open("a") as file:
        file.write("Exp2,,9,Group1,,X_C_01.png,1,1,700\n")
    photographs(tmp_path / "images", "X_C_01.jpg")
    with pytest.warns(MemfeatWarning, match=r"trials name images that Rocks480_general.csv does not .*'X_C_01.jpg'"):
        images = mf.datasets.load("rocks480", folder=tmp_path)
    assert images.attrs["n_images_undescribed"] == 1
    table = mf.datasets.check("rocks480", folder=tmp_path).set_index("check")
    assert table.loc["images described in each table"].tolist() == ["[0, 0]", "[1, 0]", False]


def figrim(folder: Path) -> None:
    photographs(folder / "images", "a.jpg")
    lab = "lab_hits,lab_misses,lab_false_alarms,lab_correct_rejections"
    written(
        folder / "scores_30_images.csv",
        f"file,{lab},category,amt_hits,amt_misses,amt_fa,amt_cr",
        "a.jpg,9,1,2,8,tower,30,10,4,16",
    )
    written(
        folder / "amt_counts_630_targets.csv",
        "file,category,impath,hits,misses,fa,cr",
        "b.jpg,house,x,10,10,5,15",
        "a.jpg,tower,x,30,10,4,16",
    )
    trials = ["a.jpg,tower,1,4,1,1", "a.jpg,tower,2,2,3,1", "a.jpg,tower,3,4,-1,-1", "b.jpg,house,1,-1,3,3"]
    written(folder / "lab_trials_630_targets.csv", "file,category,participant,enc,rec,rec2", *trials)


def test_figrim(tmp_path):
    figrim(tmp_path)
    images = mf.datasets.load("figrim", folder=tmp_path)
    assert one(images, "a.jpg", *SCORES[:2], "hit_rate_lab", "n_foils_lab") == [0.75, 0.2, 0.9, 10]
    targets = mf.datasets.table("figrim", "targets", folder=tmp_path)
    assert targets["image"].values.tolist() == ["a.jpg", "b.jpg"]
    assert targets["corrected_recognition"].values.tolist() == pytest.approx([0.55, 0.25])
    scores = mf.scores.from_trials(mf.datasets.trials("figrim", folder=tmp_path))
    assert one(scores, "a.jpg", *COUNTS) == [1, 1, 1, 2]
    assert one(scores, "b.jpg", *COUNTS) == [0, 1, 0, 0]
    assert mf.datasets.table("figrim", "lab_trials", folder=tmp_path).shape == (4, 6)
    assert (images.attrs["n_scores_without_image"], images.attrs["n_targets_without_image"]) == (0, 1)


def test_figrim_with_all_photographs_as_its_authors_give_them_out(tmp_path):
    figrim(tmp_path)
    (tmp_path / "images" / "a.jpg").unlink()
    (tmp_path / "images").rmdir()
    photographs(tmp_path / "Targets", "tower/a.jpg", "house/b.jpg", "house/filler.jpg")
    with pytest.warns(MemfeatWarning, match=r"no row in scores .*filler.jpg"):
        images = mf.datasets.load("figrim", folder=tmp_path)
    assert images["image"].values.tolist() == ["house/b.jpg", "house/filler.jpg", "tower/a.jpg"]
    np.testing.assert_array_equal(images["hit_rate"], [0.5, np.nan, 0.75])
    np.testing.assert_array_equal(images["hit_rate_lab"], [np.nan, np.nan, 0.9])
    assert images.attrs["n_targets_without_image"] == 0
    assert "not by those whose trials" in images.attrs["experiment"]
    (tmp_path / "Targets" / "house" / "filler.jpg").unlink()
    (tmp_path / "scores_30_images.csv").unlink()
    images = mf.datasets.load("figrim", folder=tmp_path)
    assert images["hit_rate"].values.tolist() == [0.5, 0.75]
    assert "hit_rate_lab" not in images
    assert images.attrs["experiment"] == "online (Amazon Mechanical Turk)"
    figrim(tmp_path / "some")
    (tmp_path / "some" / "amt_counts_630_targets.csv").unlink()
    images = mf.datasets.load("figrim", folder=tmp_path / "some")
    assert one(images, "a.jpg", "hit_rate", "hit_rate_lab") == [0.75, 0.9]
    with pytest.raises(MissingFileError, match="folder must hold amt_counts_630_targets.csv"):
        mf.datasets.table("figrim", "targets", folder=tmp_path / "some")


def structs(rows: list[dict]) -> np.ndarray:
    """An array of structs, as savemat writes it."""
    made = np.empty((1, len(rows)), dtype=[(name, object) for name in rows[0]])
    for i, row in enumerate(rows):
        made[0, i] = tuple(row.values())
    return made


def answered(*answers: list[float]) -> np.ndarray:
    """The participants of an image; those who did not see it have an empty field."""
    return structs([{"fixations": {"enc": [[1, 2]]}, "SDT": np.array(codes, dtype=float)} for codes in answers])


def release(folder: Path, *, foils: bool = True) -> Path:
    """FIGRIM in the layout that its authors' README describes, with what `figrim` has as tables."""
    counts = [("hits", 30, 10), ("misses", 10, 10), ("false_alarms", 4, 5), ("correct_rejections", 16, 15)]
    seen = [
        answered([], [4, 1, 1], [2, 3, 1], [4, np.nan, np.nan]),
        answered([], [np.nan, 3, 3], [], []),
    ]
    rows = [
        {
            "impath": f"Targets/{name}.jpg",
            "AMT_comb": {field: value[i] for field, *value in counts[: 4 if foils else 2]},
            "userdata": seen[i],
        }
        for i, name in enumerate(["tower/a", "house/b"])
    ]
    path = folder / "allImages_release.mat"
    folder.mkdir(parents=True, exist_ok=True)
    savemat(path, {"allImages": structs(rows)})
    return path


@pytest.mark.parametrize("place", [".", "targetData"])
def test_figrim_in_the_file_of_its_authors_is_what_the_tables_are(tmp_path, place):
    figrim(tmp_path / "tables")
    release(tmp_path / "own" / place)
    photographs(tmp_path / "own" / "Targets", "tower/a.jpg", "house/b.jpg")
    read = partial(mf.datasets.table, "figrim")
    ours, theirs = (read("targets", folder=tmp_path / one) for one in ("own", "tables"))
    xr.testing.assert_identical(ours, theirs)
    ours, theirs = (read("lab_trials", folder=tmp_path / one) for one in ("own", "tables"))
    pd.testing.assert_frame_equal(ours[list(theirs)], theirs, check_dtype=False)
    ours, theirs = (mf.datasets.trials("figrim", folder=tmp_path / one) for one in ("own", "tables"))
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False)
    images = mf.datasets.load("figrim", folder=tmp_path / "own")
    assert images["image"].values.tolist() == ["house/b.jpg", "tower/a.jpg"]
    assert one(images, "tower/a.jpg", "category", *COUNTS, "hit_rate") == ["tower", 30, 10, 4, 16, 0.75]
    # a table is taken before the file of MATLAB
    written(tmp_path / "own" / "amt_counts_630_targets.csv", "file,category,hits,misses,fa,cr", "a.jpg,tower,1,1,0,4")
    assert read("targets", folder=tmp_path / "own")["hits"].values.tolist() == [1]


def test_counts_of_foils_that_the_file_lacks_are_not_made_up(tmp_path):
    release(tmp_path, foils=False)
    targets = mf.datasets.table("figrim", "targets", folder=tmp_path)
    assert set(targets.data_vars) == {"category", "hits", "misses", "n_targets", "hit_rate"}
    assert targets["hit_rate"].values.tolist() == [0.75, 0.5]


def test_a_file_of_figrim_that_is_another_is_refused(tmp_path):
    path = release(tmp_path)
    read = partial(mf.datasets.table, "figrim", folder=tmp_path)
    savemat(path, {"others": [1]})
    with pytest.raises(ArgumentError, match="allImages_release.mat as its authors .*; got no variable 'allImages'"):
        read("targets")
    row = {"impath": "Targets/tower/a.jpg", "AMT_comb": {"hits": 1.5, "misses": 1}, "userdata": answered([1, 2])}
    savemat(path, {"allImages": structs([row])})
    with pytest.raises(
        ArgumentError, match="hold allImages_release.mat with whole numbers from 0 on as counts; got 1.5"
    ):
        read("targets")
    good = {"impath": "Targets/tower/a.jpg", "AMT_comb": {"hits": 2, "misses": 1}, "userdata": answered([1, 2, 3])}
    savemat(path, {"allImages": structs([good | {"AMT_comb": {"hits": -2, "misses": 1}}])})
    with pytest.raises(ArgumentError, match="hold allImages_release.mat with whole numbers from 0 on as .*; got -2"):
        read("targets")
    for name, message in {
        "": "with each image once; got an empty name",
        "q.jpg r.jpg": r"with one text in a field; got 2: 'q.jpg', 'r.jpg'",
    }.items():
        several = np.array(name.split(), dtype=object) if name else ""
        savemat(path, {"allImages": structs([good | {"impath": several}] * 2)})
        with pytest.raises(ArgumentError, match=message):
            read("targets")
    savemat(path, {"allImages": structs([row])})
    with pytest.raises(ArgumentError, match="with three answers per participant and image; got 2"):
        read("lab_trials")
    savemat(path, {"allImages": structs([{"impath": "a.jpg", "AMT_comb": {"hits": 1}, "userdata": {"x": 1}}])})
    with pytest.raises(ArgumentError, match=r"as its authors wrote it; got no field 'AMT_comb.misses'"):
        read("targets")
    with pytest.raises(ArgumentError, match=r"as its authors wrote it; got no field 'userdata.SDT'"):
        read("lab_trials")
    path.write_bytes(b"no MATLAB file" * 20)
    with pytest.raises(ArgumentError, match="hold allImages_release.mat as its authors wrote it; .* be damaged"):
        read("targets")
    with h5py.File(path, "w", userblock_size=512) as file:
        file["allImages"] = [1]
    with pytest.raises(
        ArgumentError,
        match=r"before 7.3; got version 7.3. Save it again in MATLAB: load\('all.*mat'\); save\('all.*mat', '-v7'\)",
    ):
        read("targets")


def test_both_games_of_figrim(tmp_path):
    rows = [
        {
            "filename": f"{name}.jpg",
            "category": "tower",
            "amt1": dict(zip(COUNTS, first, strict=True)),
            "amt2": dict(zip(COUNTS, second, strict=True)),
        }
        for name, first, second in (("b", [8, 2, 1, 9], [9, 1, 0, 5]), ("a", [5, 5, 2, 8], [6, 4, 1, 4]))
    ]
    savemat(tmp_path / "image_data_targets.mat", {"image_data_targets": structs(rows)})
    same, every = (mf.datasets.table("figrim", which, folder=tmp_path) for which in ("amt1", "amt2"))
    assert same["image"].values.tolist() == every["image"].values.tolist() == ["a.jpg", "b.jpg"]
    assert one(same, "b.jpg", "category", *COUNTS, *SCORES[:2]) == ["tower", 8, 2, 1, 9, 0.8, 0.1]
    assert one(every, "a.jpg", *COUNTS, *SCORES[:2]) == [6, 4, 1, 4, 0.6, 0.2]
    assert same.attrs["experiment"] == "online, among scenes of the same category"


def memcat(folder: Path) -> None:
    header = (
        "image_file,category,subcategory,source,H,FA,n_resp,memorability_wo_fa_correction,memorability_w_fa_correction"
    )
    written(
        folder / "memcat_image_data.csv",
        header,
        "2.jpg,food,cake,coco,60,10,80,.75,.625",
        "1.jpg,animal,bear,coco,40,0,80,.5,.5",
    )


def test_memcat_with_and_without_photographs(tmp_path):
    memcat(tmp_path)
    scores = mf.datasets.load("memcat", folder=tmp_path)
    assert scores.sizes == {"image": 2}
    assert one(scores, "2.jpg", "hits", "misses", "false_alarms", "n_foils", *SCORES) == [
        60,
        20,
        10,
        80,
        0.75,
        0.125,
        0.625,
    ]
    assert scores.attrs["trained_on"] == ["resmem", "resmem-frozen"]
    photographs(tmp_path / "MemCat_images" / "MemCat", "food/cake/2.jpg", "animal/bear/1.jpg")
    images = mf.datasets.load("memcat", folder=tmp_path)
    assert images["image"].values.tolist() == ["animal/bear/1.jpg", "food/cake/2.jpg"]
    assert images["hit_rate"].values.tolist() == [0.5, 0.75]
    assert (mf.evaluation.training_overlap(images, trained_on="memcat")["in_training"]).all()


def test_signals_of_memcat_are_in_the_order_of_its_table(tmp_path):
    memcat(tmp_path)
    signals = {
        "memcat_CLIP_memscores_layer_LAST": np.array([0.625, 0.5], np.float32),
        "clip_activations_mean": np.arange(26.0).reshape(2, 13),
        "clip_attentions_entropy": np.arange(24.0).reshape(2, 12),
        "image_file": np.array(["2.jpg", "1.jpg"], dtype=object),
    }
    np.savez(tmp_path / "layer_signals.npz", **signals)
    table = mf.datasets.table("memcat", "layer_signals", folder=tmp_path)
    assert table["clip_activations_mean"].sel(image="2.jpg", state=0).item() == 0
    assert table["clip_attentions_entropy"].sel(image="1.jpg", block=12).item() == 23
    check = mf.datasets.check("memcat", folder=tmp_path).set_index("check")
    assert check.loc["signals in the order of the table", "passed"]
    signals["memcat_CLIP_memscores_layer_LAST"] = signals["memcat_CLIP_memscores_layer_LAST"][::-1]
    np.savez(tmp_path / "layer_signals.npz", **signals)
    check = mf.datasets.check("memcat", folder=tmp_path).set_index("check")
    assert check.loc["signals in the order of the table"].tolist() == ["True or no signals", "False", False]
    np.savez(tmp_path / "layer_signals.npz", clip_activations_mean=np.ones((2, 13)))
    check = mf.datasets.check("memcat", folder=tmp_path).set_index("check")
    assert "signals without memcat_CLIP_memscores" in check.loc["signals in the order of the table", "found"]
    np.savez(tmp_path / "layer_signals.npz", clip_activations_mean=np.ones((3, 13)))
    with pytest.raises(ArgumentError, match="hold layer_signals.npz with a row per image; got 2 rows and"):
        mf.datasets.table("memcat", "layer_signals", folder=tmp_path)


def attributes(folder: Path) -> None:
    savemat(folder / "train.mat", {"train": np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]], np.float32)})
    savemat(folder / "test.mat", {"test": np.array([[0.7, 0.8]], np.float32)})
    savemat(folder / "y_train.mat", {"y_train": np.array([[0.5], [0.6], [0.7]])})
    savemat(folder / "y_test.mat", {"y_test": np.array([[0.8]])})
    savemat(folder / "w.mat", {"w": np.array([[1.5], [-2.0]])})


def test_isola_attributes(tmp_path):
    attributes(tmp_path)
    images = mf.datasets.load("isola_attributes", folder=tmp_path)
    assert one(images, "train_0002", "hit_rate", "split") == [0.6, "train"]
    assert one(images, "test_0001", "hit_rate", "split") == [0.8, "test"]
    features = mf.datasets.table("isola_attributes", "attributes", folder=tmp_path)
    assert features["attributes"].sel(image="test_0001").values.tolist() == pytest.approx([0.7, 0.8])
    assert features["image"].values.tolist() == images["image"].values.tolist()
    split = mf.datasets.table("isola_attributes", "split", folder=tmp_path)
    assert split["split"].tolist() == ["train", "train", "train", "test"]
    assert mf.datasets.table("isola_attributes", "weights", folder=tmp_path)["weight"].tolist() == [1.5, -2.0]
    savemat(tmp_path / "y_test.mat", {"y_test": np.ones((2, 1))})
    with pytest.raises(ArgumentError, match="as many rows in test.mat as in y_test.mat; got 1 and 2"):
        mf.datasets.load("isola_attributes", folder=tmp_path)
    savemat(tmp_path / "y_test.mat", {"y": np.ones((1, 1))})
    with pytest.raises(ArgumentError, match="folder must hold y_test.mat with y_test; got y in y_test.mat"):
        mf.datasets.load("isola_attributes", folder=tmp_path)


def reconmem(folder: Path, n: int = 3) -> None:
    header = "Image type,Image index,Memorability score,Distinctiveness,Reconstruction error"
    for layer in range(1, 8):
        rows = [f"Target,{i},{i / 10},{layer * i},{i / 100}" for i in range(n, 0, -1)]
        written(folder / f"Isola_layer_{layer}_dist_rec.csv", header, *rows, "Filler,1,0,1,1")


def test_reconmem_isola(tmp_path):
    reconmem(tmp_path)
    images = mf.datasets.load("reconmem_isola", folder=tmp_path)
    assert images["image"].values.tolist() == ["target_0001", "target_0002", "target_0003"]
    assert images["corrected_recognition"].values.tolist() == [0.1, 0.2, 0.3]
    layers = mf.datasets.table("reconmem_isola", "layers", folder=tmp_path)
    assert layers["distinctiveness"].sel(layer="pool5").values.tolist() == [5, 10, 15]
    assert layers["reconstruction_error"].sel(layer="fc2", image="target_0003").item() == 0.03
    header = "Image type,Image index,Memorability score,Distinctiveness,Reconstruction error"
    written(tmp_path / "Isola_layer_4_dist_rec.csv", header, "Target,1,.1,1,1")
    with pytest.raises(ArgumentError, match="the same images in each file; got 1 in that of layer 4, 3 in that of lay"):
        mf.datasets.table("reconmem_isola", "layers", folder=tmp_path)
    written(tmp_path / "Isola_layer_1_dist_rec.csv", header.replace("Distinctiveness", "D"), "Target,1,.1,1,1")
    with pytest.raises(ArgumentError, match="as its authors wrote it; got no column 'Distinctiveness'"):
        mf.datasets.load("reconmem_isola", folder=tmp_path)


def rim(folder: Path) -> None:
    target = "target_hit,target_miss,target_fa,target_cr,filler_hit,filler_miss,filler_fa,filler_cr"
    for one_set, name in (("set1", "pn1.jpg"), ("set2", "0001.jpg")):
        written(folder / f"{one_set}_memorability.csv", f"image_name,{target}", f"{name},6,2,1,3,0,0,0,0")
        written(folder / f"{one_set}_resmem.csv", "image_name,resmem", f"{name},.7")
        written(folder / f"{one_set}_naturalness.csv", "image_name,naturalness,sd,count", f"{name},6.5,1,40")
        compressed = "image_name,jpeg_based_compressibility,canny_based_compressibility"
        written(folder / f"{one_set}_compressibility.csv", compressed, f"{name},.1,.2")


def test_rim2025(tmp_path):
    rim(tmp_path / "data" / "image_level_measure")
    images = mf.datasets.load("rim2025", folder=tmp_path)
    assert images["image"].values.tolist() == ["0001.jpg", "pn1.jpg"]
    assert images["set"].values.tolist() == ["set2", "set1"]
    assert one(images, "pn1.jpg", *SCORES, "resmem", "naturalness", "n_naturalness") == [0.75, 0.25, 0.5, 0.7, 6.5, 40]
    check = mf.datasets.check("rim2025", folder=tmp_path).set_index("check")
    assert check.loc["files that are the known ones, by their hashes"].tolist() == ["10", "0", False]
    assert mf.datasets.table("rim2025", "set2", folder=tmp_path)["image"].values.tolist() == ["0001.jpg"]
    assert check.loc["images that not all files of their set name", "passed"]
    with pytest.raises(
        MissingFileError, match=r"folder must hold set3_memorability.csv or .* must look like this: set1"
    ):
        mf.datasets.table("rim2025", "set3", folder=tmp_path)


def test_files_of_a_set_that_name_other_images_are_told(tmp_path):
    rim(tmp_path)
    written(tmp_path / "set1_resmem.csv", "image_name,resmem", "other.jpg,.7", "third.jpg,.6")
    lacking = (
        r"set1_memorability.csv lacks images that other tables .* empty there \(2: 'other.jpg', 'third.jpg'\)",
        r"set1_resmem.csv lacks images .* \(1: 'pn1.jpg'\)",
        r"set1_naturalness.csv lacks images .*other.jpg",
        r"set1_compressibility.csv lacks images .*other.jpg",
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        images = mf.datasets.load("rim2025", folder=tmp_path)
    assert len(caught) == 4
    for warning, text in zip(caught, lacking, strict=True):
        assert re.search(text, str(warning.message))
        assert (warning.category, Path(warning.filename).name) == (MemfeatWarning, "test_datasets.py")
    assert images["image"].values.tolist() == ["0001.jpg", "other.jpg", "pn1.jpg", "third.jpg"]
    assert images.attrs["n_images_incomplete"] == 3
    np.testing.assert_array_equal(images["resmem"].sel(image=["other.jpg", "pn1.jpg"]), [0.7, np.nan])
    table = mf.datasets.check("rim2025", folder=tmp_path).set_index("check")
    assert table.loc["images that not all files of their set name"].tolist() == ["0", "3", False]
    with pytest.warns(MemfeatWarning, match="csv lacks images"):
        assert mf.datasets.table("rim2025", "set1", folder=tmp_path).attrs["n_images_incomplete"] == 3


def things(folder: Path) -> None:
    written(folder / "memorability_score_by_concepts.csv", "concept_name,cr", "null,.8", "abacus,.9")
    written(
        folder / "concept_embeddings_cr_cat_16eu.csv", ",0,1,cr,bigcat,cat_name", "0,1,2,.8,1,animal", "1,3,4,.9,2,tool"
    )
    written(folder / "human_rated_typicality.csv", ",cat,concept,typicality", "0,1,1,5.5", "1,2,1,4.5", "2,2,0,3.5")
    written(folder / "spose_embedding_49d_sorted.txt", "0.1 0.2", "0.3 0.4")
    written(folder / "coef_embed.csv", "0,0.5", "0.5,0")


def test_things_concepts(tmp_path):
    things(tmp_path)
    images = mf.datasets.load("things_concepts", folder=tmp_path)
    assert images["image"].values.tolist() == ["abacus", "null"]
    assert one(images, "null", "corrected_recognition", "category", "category_number") == [0.8, "animal", 1]
    spose = mf.datasets.table("things_concepts", "spose", folder=tmp_path)
    assert spose["spose"].sel(image="abacus").values.tolist() == [0.3, 0.4]
    space = mf.datasets.table("things_concepts", "embeddings", folder=tmp_path)
    assert space["embeddings"].sel(image="null").values.tolist() == [1, 2]
    typical = mf.datasets.table("things_concepts", "typicality", folder=tmp_path)
    assert typical["image"].tolist() == ["abacus", "abacus", "null"]
    assert typical["typicality"].tolist() == [5.5, 4.5, 3.5]
    assert mf.datasets.table("things_concepts", "coefficients", folder=tmp_path).shape == (2, 2)
    # rows that are in another order than the scores
    written(
        tmp_path / "concept_embeddings_cr_cat_16eu.csv", ",0,cr,bigcat,cat_name", "0,1,.9,1,animal", "1,3,.8,2,tool"
    )
    with pytest.raises(ArgumentError, match="in the order of memorability_score_by_concepts.csv; got 2 rows for 2"):
        mf.datasets.load("things_concepts", folder=tmp_path)
    written(tmp_path / "human_rated_typicality.csv", "cat,concept,typicality", "1,2,5")
    with pytest.raises(
        ArgumentError, match="number concepts in human_rated_typicality.csv from 0 on; got concept 2 of 2"
    ):
        mf.datasets.table("things_concepts", "typicality", folder=tmp_path)
    written(tmp_path / "spose_embedding_49d_sorted.txt", "0.1 0.2")
    with pytest.raises(ArgumentError, match="sorted.txt with a row per concept; got 1 rows for 2 concepts"):
        mf.datasets.table("things_concepts", "spose", folder=tmp_path)


def test_resmem_golden(tmp_path):
    photographs(tmp_path / "images", "id1.png")
    estimates = {"version1_gray_lm": {"id1.png": 0.75, "id2.png": 0.5}, "version1_color": {"id1.png": 0.8}}
    written(tmp_path / "published_estimates.json", json.dumps(estimates))
    images = mf.datasets.load("resmem_golden", folder=tmp_path)
    assert one(images, "id1.png", "published_resmem", "published_resmem_color", "contents") == [0.75, 0.8, "faces"]
    assert images.attrs["n_estimates_without_image"] == 1
    written(tmp_path / "published_estimates.json", "{}")
    with pytest.raises(ArgumentError, match="json as its authors wrote it; got no 'version1_gray_lm'"):
        mf.datasets.load("resmem_golden", folder=tmp_path)


def test_lamem(tmp_path):
    photographs(tmp_path / "images", "1.jpg", "2.jpg", "3.jpg")
    for number in (1, 2):
        written(tmp_path / "splits" / f"train_{number}.txt", "1.jpg 0.9")
        written(tmp_path / "splits" / f"val_{number}.txt", "images/2.jpg 0.5 extra")
        written(tmp_path / "splits" / f"test_{number}.txt", "3.jpg 0.7")
    images = mf.datasets.load("lamem", folder=tmp_path)
    assert images["memorability"].values.tolist() == [0.9, 0.5, 0.7]
    assert images.attrs["trained_on"] == ["resmem", "resmem-frozen"]
    splits = mf.datasets.table("lamem", "splits", folder=tmp_path)
    assert splits[splits["split"] == 2][["image", "part"]].to_numpy().tolist() == [
        ["1.jpg", "training"], ["2.jpg", "validation"], ["3.jpg", "testing"],
    ]  # fmt: skip
    # the list of all is preferred, and agrees with how mf.training reads it
    written(tmp_path / "splits" / "full.txt", "images/1.jpg 0.8", "2.jpg 0.5", "3.jpg 0.7")
    images = mf.datasets.load("lamem", folder=tmp_path)
    np.testing.assert_array_equal(images["memorability"].values, mf.training.lamem(tmp_path)["memorability"].values)
    written(tmp_path / "splits" / "full.txt", "1.jpg 0.8", "1.jpg 0.9")
    with pytest.raises(ArgumentError, match="folder must give each image one score; got two for 1: '1.jpg'"):
        mf.datasets.load("lamem", folder=tmp_path)
    written(tmp_path / "splits" / "full.txt", "1.jpg 0.8", "2.jpg high")
    with pytest.raises(ArgumentError, match="lists that can be read; got '2.jpg high' in line 2 of full.txt"):
        mf.datasets.load("lamem", folder=tmp_path)


def test_isola_as_its_authors_give_it_out(tmp_path):
    rows = [("a/sun_b_crop.jpg", 8, 2, 1, 9), ("a\\sun_a_crop.jpg", 5, 5, 0, 10)]
    cells = np.empty(2, dtype=object)
    names = ("filepath", *COUNTS)
    cells[:] = [dict(zip(names, row, strict=True)) for row in rows]
    folder = tmp_path / "Data" / "Experiment data"
    folder.mkdir(parents=True)
    savemat(folder / "sorted_target_data.mat", {"sorted_target_data": cells})
    scores = mf.datasets.load("isola", folder=tmp_path)
    assert scores["image"].values.tolist() == ["sun_a_crop.jpg", "sun_b_crop.jpg"]
    assert one(scores, "sun_b_crop.jpg", *COUNTS, *SCORES) == pytest.approx([8, 2, 1, 9, 0.8, 0.1, 0.7])
    photographs(tmp_path / "images", "sun_a_crop.png", "sun_b_crop.png")
    images = mf.datasets.load("isola", folder=tmp_path)
    assert images["hit_rate"].values.tolist() == [0.5, 0.8]
    # rates of halves of the participants are in the order of the targets, one row per split
    with pytest.raises(MissingFileError, match="folder must hold Data/Random splits/subject_hrs1.mat or Random splits"):
        mf.datasets.table("isola", "halves", folder=tmp_path)
    check = mf.datasets.check("isola", folder=tmp_path).set_index("check")
    assert check.loc["pairs of halves"].tolist() == ["25 or no halves", "no halves", True]
    splits = tmp_path / "Data" / "Random splits"
    splits.mkdir()
    for half in (1, 2):
        rates = np.array([[0.5, 0.25], [0.6, 0.35], [0.7, 0.45]]) + half / 8
        savemat(splits / f"subject_hrs{half}.mat", {f"subject_hrs{half}": rates})
    halves = mf.datasets.table("isola", "halves", folder=tmp_path)
    assert halves["image"].values.tolist() == ["sun_a_crop.jpg", "sun_b_crop.jpg"]
    assert halves["hit_rate"].sel(half=2, image="sun_b_crop.jpg").values.tolist() == [0.75, 0.85, 0.95]
    assert halves["hit_rate"].sel(half=1, split="split02", image="sun_a_crop.jpg").item() == pytest.approx(0.475)
    check = mf.datasets.check("isola", folder=tmp_path).set_index("check")
    assert check.loc["pairs of halves"].tolist() == ["25 or no halves", "3", False]
    cells[:] = [{"filepath": "a.jpg", "hits": 1}, {"filepath": "b.jpg", "hits": 2}]
    savemat(folder / "sorted_target_data.mat", {"sorted_target_data": cells})
    with pytest.raises(ArgumentError, match="sorted_target_data.mat as its authors wrote it; got no field 'misses'"):
        mf.datasets.load("isola", folder=tmp_path)


def faces(folder: Path) -> None:
    headers = [
        "Filename",
        "Number of the filename",
        "Hits",
        "Misses",
        "False Alarms",
        "Correct Rejections",
        "Hit Rate (HR)",
        "False Alarm Rate (FAR)",
    ]
    rows = [["b.jpg", 1, 60, 20, 8, 72, 0.75, 0.1], ["a.jpg", 2, 40, 40, 16, 64, 0.5, 0.2]]
    scores = folder / "Memorability Scores"
    scores.mkdir()
    pd.DataFrame(rows, columns=headers).to_excel(scores / "memorability-scores.xlsx", index=False)


def test_the_10k_faces_come_with_the_authors_warning(tmp_path):
    faces(tmp_path)
    with pytest.warns(FacesWarning, match="10k US Adult Faces: ResMem's authors caution against using it for faces"):
        scores = mf.datasets.load("faces10k", folder=tmp_path)
    assert one(scores, "a.jpg", *SCORES, "contents") == pytest.approx([0.5, 0.2, 0.3, "faces"])
    photographs(tmp_path / "10k US Adult Faces Database" / "Face Images", "a.jpg", "b.jpg", "filler.jpg")
    with pytest.warns(FacesWarning):
        images = mf.datasets.load("faces10k", folder=tmp_path)
    assert images["image"].values.tolist() == ["a.jpg", "b.jpg"]
    assert images["hits"].values.tolist() == [40, 60]


def test_the_sheet_of_the_faces_may_be_saved_as_csv_or_be_another(tmp_path, monkeypatch):
    faces(tmp_path)
    sheet = tmp_path / "Memorability Scores" / "memorability-scores.xlsx"
    with pytest.warns(FacesWarning):
        before = mf.datasets.load("faces10k", folder=tmp_path)

    def without(*_: object, **__: object) -> None:
        raise ImportError("Missing optional dependency 'openpyxl'")

    table = pd.read_excel(sheet)
    monkeypatch.setattr(pd, "read_excel", without)
    with pytest.raises(
        MissingPackageError, match=r"openpyxl must be installed; .* pip install \"memfeat\[datasets\]\", or"
    ):
        mf.datasets.load("faces10k", folder=tmp_path)
    table.to_csv(sheet.with_suffix(".csv"), index=False)
    with pytest.warns(FacesWarning):
        assert mf.datasets.load("faces10k", folder=tmp_path).equals(before)
    table.drop(columns="Misses").to_csv(sheet.with_suffix(".csv"), index=False)
    with pytest.raises(ArgumentError, match="with one column each; got none or several for misses among Filename"):
        mf.datasets.load("faces10k", folder=tmp_path)


def massvis(folder: Path) -> None:
    about = "filename,source,category,vistype,title,title location"
    counts = "mem: hits,mem: misses,mem: false alarms,mem: correct rejections"
    written(folder / "targets410_metadata.csv", f"{about},{counts}", 'a.png,Economist,N,Bars,"Food, x",Top,38,53,11,90')
    rates = "mem: at-a-glance HR (%),mem: at-a-glance FAR (%),mem: prolonged HR (%)"
    written(
        folder / "targets393_metadata.csv", f"{about},{rates}", 'a.png,Economist,N,Bars,"Food, x",Top,41.76,10.89,81.82'
    )


def test_massvis(tmp_path):
    massvis(tmp_path / "csv_files")
    scores = mf.datasets.load("massvis", folder=tmp_path)
    assert one(scores, "a.png", "hits", "n_targets", "kind") == [38, 91, "Bars"]
    assert one(scores, "a.png", *SCORES[:2]) == pytest.approx([38 / 91, 11 / 101])
    longer = mf.datasets.table("massvis", "targets393", folder=tmp_path)
    assert one(longer, "a.png", "hit_rate", "prolonged_hit_rate") == pytest.approx([0.4176, 0.8182])
    photographs(tmp_path / "targets", "a.png")
    assert mf.datasets.load("massvis", folder=tmp_path)["width"].values.tolist() == [8]


def test_massvis_in_the_file_of_matlab_is_what_the_table_is(tmp_path):
    massvis(tmp_path / "tables")
    row = {"filename": "a.png", "source": "Economist", "category": 3, "category_label": "N", "vistype": "Bars"}
    row |= {"title": "", "hits": 38, "misses": 53, "false_alarms": 11, "correct_rejections": 90}
    (tmp_path / "own" / "matlab_files").mkdir(parents=True)
    savemat(tmp_path / "own" / "matlab_files" / "targets410_metadata.mat", {"allImages": structs([row])})
    ours, theirs = (mf.datasets.load("massvis", folder=tmp_path / one) for one in ("own", "tables"))
    xr.testing.assert_identical(ours, theirs)


def test_memento10k_with_and_without_frames(tmp_path):
    clips = [
        {"filename": "run.mp4", "mem_score": 0.9, "alpha": -0.01, "captions": ["x"]},
        {"filename": "sit.mp4", "mem_score": 0.6, "alpha": -0.02},
    ]
    written(tmp_path / "memento_train_data.json", json.dumps(clips))
    written(
        tmp_path / "annotations" / "memento_val_data.json", json.dumps([{"filename": "jump.mp4", "mem_score": 0.7}])
    )
    written(tmp_path / "memento_test_data.json", json.dumps([{"filename": "secret.mp4"}]))
    scores = mf.datasets.load("memento10k", folder=tmp_path)
    assert scores["image"].values.tolist() == ["jump.mp4", "run.mp4", "sit.mp4"]
    assert one(scores, "run.mp4", "memorability", "decay", "part") == [0.9, -0.01, "train"]
    photographs(tmp_path / "frames", "run/01.jpg", "run/02.jpg", "sit/01.jpg")
    images = mf.datasets.load("memento10k", folder=tmp_path)
    assert images["memorability"].values.tolist() == [0.9, 0.9, 0.6]
    assert images["clip"].values.tolist() == ["run.mp4", "run.mp4", "sit.mp4"]
    assert images.attrs["n_clips"] == 2
    assert images.attrs["n_clips_without_frames"] == 1
    assert len(mf.datasets.table("memento10k", "clips", folder=tmp_path)) == 3
    both = [*clips, {"filename": "run.avi", "mem_score": 0.8}]
    written(tmp_path / "memento_train_data.json", json.dumps(both))
    with pytest.raises(ArgumentError, match="clips apart by their names without endings; got 2: 'run.mp4', 'run.avi'"):
        mf.datasets.load("memento10k", folder=tmp_path)
    written(tmp_path / "memento_train_data.json", json.dumps([{"filename": "run.mp4"}]))
    with pytest.raises(
        ArgumentError, match="train_data.json with a score of each clip; got a clip without 'mem_score'"
    ):
        mf.datasets.load("memento10k", folder=tmp_path)


def test_things_images(tmp_path):
    written(
        tmp_path / "THINGS_Memorability_Scores.csv",
        "file_path,image_name,cr",
        "images/bear/bear_02.jpg,bear_02,.8",
        "images/axe/axe_01.jpg,axe_01,.7",
    )
    scores = mf.datasets.load("things", folder=tmp_path)
    assert scores["image"].values.tolist() == ["axe/axe_01.jpg", "bear/bear_02.jpg"]
    assert scores["concept"].values.tolist() == ["axe", "bear"]
    photographs(tmp_path / "object_images", "bear/bear_02.jpg", "axe/axe_01.jpg")
    images = mf.datasets.load("things", folder=tmp_path)
    assert images["corrected_recognition"].values.tolist() == [0.7, 0.8]


def test_vischema(tmp_path):
    photographs(tmp_path / "images", "k.jpg")
    written(tmp_path / "scores.csv", "image,hits,misses,false_alarms,correct_rejections", "k.jpg,3,1,1,1")
    assert one(mf.datasets.load("vischema", folder=tmp_path), "k.jpg", *SCORES) == [0.75, 0.5, 0.25]


# --- damaged files --------------------------------------------------------------------------------------------------

#: Set -> how its folder is made, the file that is damaged, and by what.
DAMAGED = {
    "memento10k": (lambda folder: None, "memento_train_data.json", b"[{"),
    "resmem_golden": (lambda folder: photographs(folder / "images", "a.png"), "published_estimates.json", b"{"),
    "isola": (lambda folder: None, "sorted_target_data.mat", b"no MATLAB file" * 20),
    "isola_attributes": (attributes, "train.mat", b"no MATLAB file" * 20),
    "faces10k": (faces, "Memorability Scores/memorability-scores.xlsx", b"no sheet"),
    "lamem": (
        lambda folder: photographs(folder / "images", "1.jpg"),
        "splits/full.txt",
        "1.jpg 0.9 \N{DEGREE SIGN}".encode("latin-1"),
    ),
    "lnsim": (lambda folder: photographs(folder / "images", "1.jpg"), "Random_splits/subject_hrs1.mat", b"no" * 99),
    "memcat": (memcat, "memcat_image_data.csv", b"\xff\xfe\x00"),
    "figrim": (lambda folder: photographs(folder / "images", "a.jpg"), "allImages_release.mat", b"no" * 99),
    "massvis": (lambda folder: None, "matlab_files/targets410_metadata.mat", b"no" * 99),
    "rocks480": (rocks, "trials.csv.gz", b"\x1f\x8b\x08no archive"),
}


@pytest.mark.parametrize("name", list(DAMAGED))
@pytest.mark.filterwarnings("ignore::memfeat.errors.MemfeatWarning")
def test_a_damaged_file_is_named_and_not_a_raw_error(name, tmp_path):
    make, file, content = DAMAGED[name]
    make(tmp_path)
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_bytes(content)
    with pytest.raises(ArgumentError, match="folder must ") as error:
        mf.datasets.load(name, folder=tmp_path)
    assert Path(file).name in str(error.value)
    table = mf.datasets.check(name, folder=tmp_path)
    assert not table["passed"].all()
    assert table["found"].str.contains(Path(file).name, regex=False).any()


def test_further_tables_that_are_damaged(tmp_path):
    memcat(tmp_path)
    (tmp_path / "layer_signals.npz").write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(ArgumentError, match="folder must hold layer_signals.npz as its authors wrote it; got BadZip"):
        mf.datasets.table("memcat", "layer_signals", folder=tmp_path)
    things(tmp_path)
    written(tmp_path / "spose_embedding_49d_sorted.txt", "0.1 high")
    (tmp_path / "membatross_embeddings.npy").write_bytes(b"no array")
    for which, file in (("spose", "spose_embedding_49d_sorted.txt"), ("membatross", "membatross_embeddings.npy")):
        with pytest.raises(ArgumentError, match=f"folder must hold {file} as its authors .* download it again"):
            mf.datasets.table("things_concepts", which, folder=tmp_path)


def test_counts_that_cannot_be_are_named(tmp_path):
    memcat(tmp_path)
    table = tmp_path / "memcat_image_data.csv"
    table.write_text(table.read_text().replace("60,10,80", "sixty,10,80"))
    with pytest.raises(ArgumentError, match="folder must hold numbers from 0 on as counts of hits; got 1: 'sixty'"):
        mf.datasets.load("memcat", folder=tmp_path)
    found = mf.datasets.check("memcat", folder=tmp_path).set_index("check")["found"]
    assert "counts of hits; got 1: 'sixty'" in found["images"]
    table.write_text(table.read_text().replace("sixty,10,80", "-60,10,80"))
    with pytest.raises(ArgumentError, match="folder must hold numbers from 0 on as counts of hits; got 1: '-60'"):
        mf.datasets.load("memcat", folder=tmp_path)
    for counts, rule in {
        "90,10,80": "no more hits of an image than targets were shown of it; got 1: '90'",
        "60,81,80": "no more false alarms of an image than foils were shown of it; got 1: '81'",
    }.items():
        memcat(tmp_path)
        table.write_text(table.read_text().replace("60,10,80", counts))
        with pytest.raises(ArgumentError, match=f"folder must hold {rule}"):
            mf.datasets.load("memcat", folder=tmp_path)


def test_what_nobody_foresaw_is_said_to_be_damage_and_warnings_and_gaps_are_not():
    with (
        pytest.raises(ArgumentError, match="hold a.mat as its authors wrote it; got KeyError: 'y'. It may be") as error,
        legible("a.mat"),
    ):
        {}["y"]
    assert isinstance(error.value.__cause__, KeyError)
    for kind in (MissingFileError, MemfeatWarning, ImportError, MemoryError, PermissionError, KeyboardInterrupt):
        with pytest.raises(kind), legible():
            raise kind("as it is")


@pytest.mark.parametrize("name", ["figrim", "resmem_golden"])
def test_a_folder_of_all_photographs_passes_as_does_one_of_some(name, tmp_path, monkeypatch):
    (tmp_path / "images").mkdir()
    check, whole, some = {
        "figrim": ("photographs", 630, 30), "resmem_golden": ("renders", 2340, 45),
    }[name]  # fmt: skip
    for n, passed in ((some, True), (whole, True), (whole - 1, False)):
        for path in (tmp_path / "images").iterdir():
            path.unlink()
        for k in range(n):
            (tmp_path / "images" / f"{k}.jpg").touch()
        found = READERS[name].checks[check](Once(tmp_path))
        assert (found[1] in found[0]) == passed


def test_scores_of_faces_without_photographs_pass(tmp_path):
    faces(tmp_path)
    table = mf.datasets.check("faces10k", folder=tmp_path).set_index("check")
    said = ["0 or none: scores only", "none: scores only", True]
    assert table.loc["targets without a photograph"].tolist() == said


def test_tables_can_be_saved(tmp_path):
    rocks(tmp_path)
    images = mf.datasets.load("rocks480", folder=tmp_path)
    images.to_netcdf(tmp_path / "rocks.nc")
    with xr.open_dataset(tmp_path / "rocks.nc") as again:
        assert again.attrs["licence"] == mf.datasets.CARDS["rocks480"].licence
        assert again["hit_rate"].equals(images["hit_rate"])


# --- downloads ------------------------------------------------------------------------------------------------------


@pytest.fixture
def server(tmp_path):
    """A local server of a folder; what it was asked for is kept."""
    asked: list[str] = []

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            asked.append(self.path)

    root = tmp_path / "served"
    root.mkdir()
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root)))
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield root, f"http://127.0.0.1:{running.server_port}", asked
    running.shutdown()
    thread.join()
    running.server_close()


def served(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rim(root)
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in root.iterdir()}
    monkeypatch.setattr(fetching, "FILES", {"rim2025": hashes})


def test_a_set_is_downloaded_when_asked_for_once(server, tmp_path, monkeypatch, capfd):
    root, address, asked = server
    served(root, monkeypatch)
    with pytest.raises(MissingFileError):
        mf.datasets.load("rim2025", folder=tmp_path / "mine")
    assert asked == []
    folder = mf.datasets.fetch("rim2025", tmp_path / "mine", source=address)
    assert len(asked) == 8
    assert mf.datasets.load("rim2025", folder=folder).sizes["image"] == 2
    assert mf.datasets.fetch("rim2025", tmp_path / "mine", source=f"{address}/") == folder
    assert len(asked) == 8
    assert capfd.readouterr() == ("", "")


def test_a_file_that_is_another_is_refused_and_not_overwritten(server, tmp_path, monkeypatch):
    root, address, _ = server
    served(root, monkeypatch)
    written(tmp_path / "mine" / "set1_resmem.csv", "my own notes")
    with pytest.raises(
        ArgumentError, match="be empty, or hold these files; got 1: 'set1_resmem.csv' with other content"
    ):
        mf.datasets.fetch("rim2025", tmp_path / "mine", source=address)
    assert (tmp_path / "mine" / "set1_resmem.csv").read_text() == "my own notes\n"
    written(root / "set1_resmem.csv", "changed")
    with pytest.raises(ArgumentError, match="whose hashes are known; got another set1_resmem.csv at http"):
        mf.datasets.fetch("rim2025", tmp_path / "other", source=address)
    assert not (tmp_path / "other" / "set1_resmem.csv").exists()


def test_without_a_network_or_a_file_the_error_says_how_to_do_it_by_hand(server, tmp_path, monkeypatch):
    root, address, _ = server
    served(root, monkeypatch)
    with pytest.raises(MissingFileError, match="source must be reached; got ConnectionError at .*By hand: the reposit"):
        mf.datasets.fetch("rim2025", tmp_path / "mine", source="http://127.0.0.1:9")
    (root / "set2_resmem.csv").unlink()
    with pytest.raises(MissingFileError, match="source must be reached; got HTTPError at .*/set2_resmem.csv"):
        mf.datasets.fetch("rim2025", tmp_path / "mine", source=address)


def test_only_what_may_be_downloaded_is(tmp_path, monkeypatch):
    with pytest.raises(
        UnknownNameError, match="name must be one of 'rim2025'; got 'lamem', which has no .*lamem.tar.gz"
    ):
        mf.datasets.fetch("lamem", tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "pooch", None)
    with pytest.raises(MissingPackageError, match=r"pooch must be installed; .* pip install \"memfeat\[datasets\]\""):
        mf.datasets.fetch("rim2025", tmp_path)
