"""Model RDMs with further dims, from columns, from similarities and from coordinates."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform

from memfeat import rdm
from memfeat.errors import ArgumentError, KindError, MissingFileError, UnknownNameError

KINDS = ["both_memorable", "both_forgettable", "min_rank", "max_rank", "product_rank", "nearest"]


def names_of(n):
    return np.array([f"i{k:02}" for k in range(n)], dtype=object)


def column(values, name="hit_rate", **attrs):
    values = np.asarray(values)
    dims, names = ("image", "participant")[: values.ndim], names_of(len(values))
    return xr.DataArray(values, dims=dims, coords={"image": names}, name=name, attrs=attrs)


def test_the_product_of_ranks_worked_by_hand():
    # scores .9 .5 .6 .6: scaled ranks 1 0 .5 .5
    got = rdm.from_scores(column([0.9, 0.5, 0.6, 0.6]), kind="product_rank")
    assert got.rdm.values.tolist() == [[1, 0.5, 0.5, 1, 1, 0.75]]


def test_products_that_are_equal_on_paper_are_ties():
    n = 30
    products = {i * j for i in range(n) for j in range(i)}
    vector = rdm.from_scores(column(np.arange(n) / 7), kind="product_rank").rdm.values
    assert len(np.unique(vector)) == len(products)


@settings(max_examples=30)
@given(st.integers(3, 9), st.integers(1, 4), st.sampled_from(KINDS), st.integers(0, 2**31))
def test_each_participant_s_model_is_that_of_their_own_scores(n, participants, kind, seed):
    # answers of own memory are few and often tie
    values = np.random.default_rng(seed).integers(0, 3, (n, participants))
    scores = column(values).assign_coords(participant=[f"s{k}" for k in range(participants)])
    got = rdm.from_scores(scores, kind=kind)
    assert got.rdm.dims == ("layer", "participant", "pair")
    for k in range(participants):
        alone = rdm.from_scores(scores.isel(participant=k), kind=kind)
        np.testing.assert_array_equal(got.rdm.sel(participant=f"s{k}"), alone.rdm)
        assert alone.rdm.dims == ("layer", "pair")


def test_own_memory_keeps_labels_provenance_and_leaves_the_scores_alone():
    scores = column(np.array([[1, 0], [0, 0], [1, 1]], dtype=bool), "remembered", model="resmem")
    scores = scores.assign_coords(participant=["s1", "s2"], age=("participant", [20, 30])).T
    before = scores.copy(deep=True)
    got = rdm.from_scores(scores)
    xr.testing.assert_identical(scores, before)
    assert got.participant.values.tolist() == ["s1", "s2"]
    assert got.age.values.tolist() == [20, 30]
    assert got.attrs["scores"] == "remembered"
    assert got.attrs["scores_model"] == "resmem"
    # remembered 1 0 1: scaled ranks .75 0 .75
    assert got.rdm.sel(participant="s1").values.tolist() == [[0.625, 0.25, 0.625]]


def test_a_missing_answer_is_named():
    values = np.ones((4, 3))
    values[2, 1] = np.nan
    with pytest.raises(ArgumentError, match="scores must be finite for every image; got NaN or infinity in 1: 'i02'"):
        rdm.from_scores(column(values))
    with pytest.raises(KindError, match=r"got DataFrame\. .*xr.DataArray\(table, dims=\('image', 'participant'\)\)"):
        rdm.from_scores(pd.DataFrame(values))
    with pytest.raises(KindError, match="scores must hold numbers; got dtype <U1"):
        rdm.from_scores(column(["a", "b", "c"]))


def test_categories_of_each_participant():
    got = rdm.from_categories(column(np.array([["a", "x"], ["a", "y"], ["b", "y"]], dtype=object), "sorted"))
    assert got.rdm.dims == ("layer", "participant", "pair")
    assert got.rdm.values.tolist() == [[[0, 1, 1], [1, 1, 0]]]
    assert got.layer.values.tolist() == ["sorted"]


def test_a_column_is_compared_by_difference_or_by_sameness():
    numbers, words = column([0.3, 0.2, 0.1], "luminance", variant="v"), column(["a", "b", "a"], "photographer")
    got = rdm.from_column(numbers)
    np.testing.assert_allclose(got.rdm.values, [[0.1, 0.2, 0.1]], atol=1e-15)
    assert got.rdm.values[0, 0] == got.rdm.values[0, 2]
    assert (got.layer.item(), got.attrs["kind"], got.attrs["scores_variant"]) == ("luminance", "difference", "v")
    assert rdm.from_column(words).rdm.values.tolist() == [[1, 0, 1]]
    assert rdm.from_column(words).attrs["kind"] == "same"
    assert rdm.from_column(column([True, False, True], "indoor")).rdm.values.tolist() == [[1, 0, 1]]
    assert rdm.from_column(column([3, 1, 3], "group")).rdm.values.tolist() == [[2, 0, 2]]
    assert rdm.from_column(column([3, 1, 3], "group"), kind="same").rdm.values.tolist() == [[1, 0, 1]]
    assert rdm.from_column(pd.Series(["a", "b", "a"], index=list("xyz"))).layer.item() == "column"


def test_a_column_that_cannot_be_compared_is_refused():
    with pytest.raises(KindError, match="column must hold numbers; got dtype"):
        rdm.from_column(column(["a", "b", "a"]), kind="difference")
    with pytest.raises(ArgumentError, match="kind must be one of 'difference', 'same'; got 'equal'"):
        rdm.from_column(column([1, 2, 3]), kind="equal")
    with pytest.raises(ArgumentError, match="column must hold at least 3 images; got 2"):
        rdm.from_column(column([1, 2]))
    with pytest.raises(ArgumentError, match="column must be finite for every image; got NaN or infinity in 1: 'i00'"):
        rdm.from_column(column([np.inf, 2, 3]))
    with pytest.raises(ArgumentError, match="column must have a label for every image; got none for 1: 'i01'"):
        rdm.from_column(column(np.array(["a", None, "b"], dtype=object)))
    with pytest.raises(KindError, match="column must be a DataArray or Series; got list"):
        rdm.from_column([1, 2, 3])


# --- similarities -----------------------------------------------------------------------------------------------------

RATED = np.array([[7.0, 6, 2], [6, 7, 1], [2, 1, 7]])


def test_similarities_are_taken_from_the_end_of_the_scale(tmp_path):
    np.testing.assert_array_equal(rdm.from_similarity(RATED, list("abc")).rdm, [[1, 5, 6]])
    np.testing.assert_array_equal(rdm.from_similarity(RATED, list("abc"), maximum=9).rdm, [[3, 7, 8]])
    unknown = RATED.copy()
    np.fill_diagonal(unknown, np.nan)
    got = rdm.from_similarity(unknown, list("abc"), layer="rated")
    np.testing.assert_array_equal(got.rdm, [[0, 4, 5]])
    assert got.layer.item() == "rated"
    assert (got.attrs["kind"], got.attrs["maximum"]) == ("similarity", 6.0)
    table = pd.DataFrame(RATED, index=list("abc"), columns=list("abc"))
    np.testing.assert_array_equal(rdm.from_similarity(table).rdm, [[1, 5, 6]])
    table.to_csv(tmp_path / "rated.csv")
    got = rdm.from_similarity(tmp_path / "rated.csv")
    np.testing.assert_array_equal(got.rdm, [[1, 5, 6]])
    assert got.attrs["source"] == "rated.csv"
    pairs = pd.DataFrame({"first": list("aab"), "second": list("bcc"), "similarity": [6, 2, 1]})
    np.testing.assert_array_equal(rdm.from_similarity(pairs, maximum=7).rdm, [[1, 5, 6]])


def test_similarities_of_participants_and_both_directions():
    both = np.stack([RATED, RATED])
    both[0, 0, 1] = 4
    with pytest.raises(ArgumentError, match="source must be symmetric; got 1 of 6 pairs whose two directions differ"):
        rdm.from_similarity(both, list("abc"), dims="participant")
    got = rdm.from_similarity(both, list("abc"), dims="participant", symmetrise=True)
    np.testing.assert_array_equal(got.rdm, [[[2, 5, 6], [1, 5, 6]]])


def test_a_scale_that_ends_too_early_is_refused():
    with pytest.raises(ArgumentError, match="maximum must be at least the largest similarity, 7; got 5"):
        rdm.from_similarity(RATED, list("abc"), maximum=5)
    with pytest.raises(KindError, match="maximum must be a number; got '7'"):
        rdm.from_similarity(RATED, list("abc"), maximum="7")


# --- coordinates ------------------------------------------------------------------------------------------------------


def test_coordinates_give_distances_in_their_space(tmp_path):
    values = np.random.default_rng(0).normal(size=(6, 3))
    table = pd.DataFrame(values, columns=["dim1", "dim2", "dim3"])
    table.insert(0, "stimulus", names_of(6))
    table.to_csv(tmp_path / "mds.csv", index=False)
    for source in (table, tmp_path / "mds.csv", str(tmp_path / "mds.csv")):
        got = rdm.from_coordinates(source)
        np.testing.assert_allclose(got.rdm.values, [pdist(values)], rtol=1e-10)
        assert got.image.values.tolist() == names_of(6).tolist()
        assert (got.layer.item(), got.attrs["kind"], got.attrs["metric"]) == ("coordinates", "coordinates", "euclidean")
    assert got.attrs["source"] == "mds.csv"
    got = rdm.from_coordinates(table, column="stimulus", metric="cityblock", layer="mds")
    np.testing.assert_allclose(got.rdm.values, [pdist(values, "cityblock")], rtol=1e-10)
    assert got.layer.item() == "mds"


def test_coordinates_of_participants():
    values = np.random.default_rng(0).normal(size=(5, 2, 3))
    places = xr.DataArray(values, dims=["image", "participant", "dimension"], coords={"image": names_of(5)})
    got = rdm.from_coordinates(places, per="participant")
    np.testing.assert_allclose(got.rdm.values[0, 1], pdist(values[:, 1]), rtol=1e-10)


def named_so(*names):
    return rdm.from_coordinates(pd.DataFrame({"image": names, "x": range(len(names))}))


@pytest.mark.parametrize(("old", "new"), [(".png", ".jpg"), ("", ".jpg"), (".png", "")])
def test_names_with_another_ending_are_refused_with_the_line_that_renames_them(old, new):
    rdms = named_so(*(f"set/{name}{old}" for name in "abcd"))
    wanted = [f"set/{name}{new}" for name in "dba"]
    with pytest.raises(UnknownNameError, match="be images of the RDMs; got unknown 3: .* Only the ending") as caught:
        rdm.select(rdms, wanted)
    line = str(caught.value).split("differs: rdms = ")[1].removesuffix(".")
    renamed = eval(line, {"rdms": rdms})
    assert rdm.select(renamed, wanted).image.values.tolist() == wanted


@pytest.mark.parametrize(
    ("names", "wanted"),
    {
        "numbers": (["a.1", "a.2", "a.3"], ["a.4", "a.5"]),
        "mixed": (["a.png", "b.jpg", "c.png"], ["a.jpg", "c.jpg"]),
        "two endings": (["a.png", "b.png", "c.png"], ["a.jpg", "b.gif"]),
        "others": (["a.png", "b.png", "c.png"], ["a.jpg", "x.jpg"]),
    }.values(),
)
def test_no_line_is_offered_that_would_not_rename_them_all(names, wanted):
    with pytest.raises(UnknownNameError, match=r"got unknown 2: '[^']*', '[^']*'\.$"):
        rdm.select(named_so(*names), wanted)


def test_a_table_without_coordinates_is_refused(tmp_path):
    with pytest.raises(KindError, match=r"numbers besides the names; got 1: 'label' without. .*\(now 'image'\)"):
        rdm.from_coordinates(pd.DataFrame({"image": list("abc"), "x": [1, 2, 3], "label": list("xyz")}))
    with pytest.raises(KindError, match="numbers besides the names; got no column"):
        rdm.from_coordinates(pd.DataFrame({"image": list("abc")}))
    with pytest.raises(UnknownNameError, match="column must be a column of source; got 'name'"):
        rdm.from_coordinates(pd.DataFrame({"image": list("abc"), "x": [1, 2, 3]}), column="name")
    with pytest.raises(MissingFileError, match="source must be a file that exists"):
        rdm.from_coordinates(tmp_path / "gone.csv")


@pytest.mark.data
def test_the_space_of_the_rocks_is_the_one_that_was_published(data_folder):
    folder = data_folder / "rocks480" / "info"
    about, solution = pd.read_csv(folder / "Rocks480_general.csv"), pd.read_csv(folder / "Rocks480_MDS8_solution.csv")
    space = solution.merge(about[["image_id", "filename"]], on="image_id").drop(columns="image_id")
    got = rdm.from_coordinates(space, column="filename")
    dims = space.filter(like="dim").to_numpy()
    assert dims.shape == (480, 8)
    np.testing.assert_allclose(got.rdm.values[0], pdist(dims), rtol=1e-9)
    assert got.image.values[0] == "I_Andesite_01.png"
    # rocks of one kind lie together
    kinds = about.set_index("filename")["sub_category"]
    same = squareform(rdm.from_categories(kinds.loc[got.image.values]).rdm.values[0]) == 0
    square = squareform(got.rdm.values[0])
    assert square[same & ~np.eye(480, dtype=bool)].mean() < 0.7 * square[~same].mean()
