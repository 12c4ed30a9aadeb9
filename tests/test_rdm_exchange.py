"""RDMs from files, matrices, vectors and tables, and to and from rsatoolbox."""

import builtins
import warnings

import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.io
import xarray as xr
from geometry import names_of, normal
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform

from memfeat import rdm, rsa
from memfeat.errors import ArgumentError, KindError, MissingFileError, MissingPackageError, UnknownNameError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import rsatoolbox


def squares(*lead, n=6, seed=0):
    vectors = np.random.default_rng(seed).uniform(0.5, 2, (*lead, n * (n - 1) // 2))
    return np.apply_along_axis(squareform, -1, vectors)


def vectors_of(matrices):
    return np.stack([squareform(one, checks=False) for one in matrices])


def several(n=6, participants=2):
    """RDMs of two layers and some participants, with an attribute and a coordinate."""
    coords = {"image": names_of(n), "participant": [f"s{k}" for k in range(participants)]}
    values = normal(n, participants, 8)
    layers = {
        name: xr.DataArray(
            values + k * normal(n, participants, 8, seed=1), dims=["image", "participant", f"{name}:unit"]
        )
        for k, name in enumerate(["low", "high"])
    }
    features = xr.Dataset(layers, coords=coords, attrs={"model": "v1"}).assign_coords(
        age=("participant", range(20, 20 + participants))
    )
    return rdm.compute(features, metric="sqeuclidean", per="participant")


# --- squares and vectors ----------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(st.integers(3, 8), st.integers(1, 3), st.integers(0, 2**31))
def test_squares_and_vectors_come_back_as_they_were(n, participants, seed):
    rng = np.random.default_rng(seed)
    rdms = rdm.select(several(n, participants), names_of(n)[rng.permutation(n)])
    back = rdm.from_square(rdm.square(rdms))
    xr.testing.assert_identical(back, rdms)
    vectors = rdm.to_condensed(rdms)
    np.testing.assert_array_equal(vectors, rdms.rdm.values)
    dims = {"layer": rdms.layer.values, "participant": rdms.participant.values}
    again = rdm.from_condensed(vectors, rdms.image.values, dims=dims)
    np.testing.assert_array_equal(again.rdm, rdms.rdm)
    assert again.rdm.dims == rdms.rdm.dims
    assert again.image.values.tolist() == rdms.image.values.tolist()


def test_pairs_in_another_order_are_put_in_scipy_s():
    rdms = several().isel(participant=0)
    mixed = rdms.isel(pair=np.random.default_rng(0).permutation(15))
    swapped = mixed.assign_coords(first=mixed["second"], second=mixed["first"])
    np.testing.assert_array_equal(rdm.to_condensed(swapped), rdms.rdm)
    np.testing.assert_array_equal(squareform(rdm.to_condensed(swapped)[0]), rdm.square(rdms).values[0])


@settings(max_examples=20, deadline=None)
@given(st.integers(3, 7), st.integers(0, 2**31))
def test_the_order_of_rows_and_of_both_ends_changes_nothing(n, seed):
    rng = np.random.default_rng(seed)
    rdms = several(n)
    mixed = rdms.isel(pair=rng.permutation(rdms.sizes["pair"]))
    swap = rng.random(rdms.sizes["pair"]) < 0.5
    ends = {name: ("pair", mixed[name].values) for name in ("first", "second")}
    mixed = mixed.assign_coords(
        first=("pair", np.where(swap, ends["second"][1], ends["first"][1])),
        second=("pair", np.where(swap, ends["first"][1], ends["second"][1])),
    )
    before = mixed.copy(deep=True)
    xr.testing.assert_identical(rdm.square(mixed), rdm.square(rdms))
    chosen = names_of(n)[rng.permutation(n)[: max(2, n - 2)]]
    xr.testing.assert_identical(rdm.select(mixed, chosen), rdm.select(rdms, chosen))
    np.testing.assert_array_equal(rdm.to_rsatoolbox(mixed).dissimilarities, rdm.to_rsatoolbox(rdms).dissimilarities)
    xr.testing.assert_identical(mixed, before)


def test_rows_that_were_cut_out_are_counted():
    rdms = several()
    cut = rdms.isel(pair=[0, 1, 2, 3, 6, 7, 5])  # all of 'i00' with 'i01' to 'i04', 'i01' with 'i02' to 'i04'
    words = r"rdms must hold all pairs of these images; got 8 of 15 pairs missing; the first is 'i00' with 'i05'\. Take"
    for call in (rdm.square, rdm.to_rsatoolbox, lambda given: rdm.select(given, names_of(6))):
        with pytest.raises(ArgumentError, match=words):
            call(cut)
    with pytest.raises(ArgumentError, match="got 3 of 6 pairs missing; the first is 'i04' with 'i03'"):
        rdm.select(cut, ["i00", "i04", "i03", "i02"])
    xr.testing.assert_identical(rdm.select(cut, ["i02", "i00", "i01"]), rdm.select(rdms, ["i02", "i00", "i01"]))
    assert np.isnan(rdm.to_condensed(cut)).sum() == 2 * 2 * 8


def test_names_of_both_sides_may_stand_in_different_orders():
    square = squares()
    labelled = xr.DataArray(
        square, dims=["image_1", "image_2"], coords={"image_1": names_of(6), "image_2": names_of(6)}
    )
    order = [3, 1, 5, 0, 2, 4]
    got = rdm.from_square(labelled.isel(image_2=order))
    np.testing.assert_array_equal(rdm.square(got).values[0], square)
    table = pd.DataFrame(square, index=names_of(6), columns=names_of(6)).iloc[order]
    got = rdm.select(rdm.from_square(table), names_of(6))
    np.testing.assert_array_equal(rdm.square(got).values[0], square)


def test_further_axes_stand_first_or_last():
    both = squares(2)
    for given_as in (both, np.moveaxis(both, 0, -1)):
        got = rdm.from_square(given_as, names_of(6), dims=("participant",), layer="V4")
        assert got.rdm.dims == ("layer", "participant", "pair")
        assert got.layer.item() == "V4"
        assert "participant" not in got.coords
        np.testing.assert_array_equal(rdm.square(got).values[0], both)
    vectors = vectors_of(both)
    for given_as in (vectors, vectors.T):
        got = rdm.from_condensed(given_as, names_of(6), dims={"participant": ["s1", "s2"]})
        np.testing.assert_array_equal(got.rdm.sel(participant="s2").values[0], vectors[1])
    got = rdm.from_condensed(vectors, names_of(6), dims={"layer": ["V1", "V4"]})
    assert got.rdm.dims == ("layer", "pair")
    assert got.layer.values.tolist() == ["V1", "V4"]
    # MATLAB has no vectors
    for one in (vectors[:1], vectors[:1].T):
        np.testing.assert_array_equal(rdm.from_condensed(one, names_of(6)).rdm, vectors[:1])


def test_missing_pairs_stay_missing_and_one_direction_stands_for_both_if_that_is_asked_for():
    square = squares()
    square[1, 2] = square[2, 1] = np.nan
    got = rdm.from_square(square, names_of(6))
    assert np.isnan(rdm.square(got).sel(image_1="i01", image_2="i02").item())
    assert int(np.isnan(got.rdm).sum()) == 1
    square[2, 1] = 0.75
    with pytest.raises(ArgumentError, match="be symmetric; got 1 of 15 pairs"):
        rdm.from_square(square, names_of(6))
    got = rdm.from_square(square, names_of(6), symmetrise=True)
    assert rdm.square(got).sel(image_1="i01", image_2="i02").item() == 0.75
    assert got.attrs["symmetrised"] == "true"


def test_rounding_is_no_asymmetry():
    square = squares() * 1e6
    bent = square * (1 + 1e-12 * normal(6, 6))
    np.testing.assert_allclose(rdm.square(rdm.from_square(bent, names_of(6))).values[0], square, rtol=1e-10)


def wrong(change):
    square = squares()
    change(square)
    return square


def put(place, value):
    return wrong(lambda square: square.__setitem__(place, value))


REFUSED = {
    "asymmetric": ((put((0, 1), 9), names_of(6)), ArgumentError, "1 of 15 pairs .* Pass symmetrise=True to average"),
    "upper half": ((np.triu(squares()), names_of(6)), ArgumentError, r"lower half is empty: pass matrix \+ matrix.T"),
    "lower half": ((np.tril(squares()), names_of(6)), ArgumentError, r"upper half is empty"),
    "diagonal": ((1 - squares() / 9, names_of(6)), ArgumentError, "be 0 on the diagonal; got 1.0. If these are simil"),
    "infinite": (
        (put((0, 1), np.inf), names_of(6)),
        ArgumentError,
        "be finite, or NaN where a pair is missing; got inf",
    ),
    "no names": ((squares(),), ArgumentError, "names must be given for a plain array; got none"),
    "names": (
        (squares(), names_of(5)),
        ArgumentError,
        r"hold 5 × 5 values per RDM for the 5 images named; got shape \(6",
    ),
    "axes": ((squares(2), names_of(6)), ArgumentError, r"dims must name every axis besides those of images; got \[\]"),
    "text": ((np.full((3, 3), "x"), list("abc")), KindError, "matrices must hold real numbers; got dtype <U1"),
    "two": ((np.zeros((2, 2)), list("ab")), ArgumentError, "names must hold at least 3 images; got 2"),
    "twice": ((np.zeros((3, 3)), list("aba")), ArgumentError, "names must name each image once; got duplicates 1: 'a'"),
    "other sides": (
        (pd.DataFrame(np.zeros((3, 3)), index=list("abc"), columns=list("abx")),),
        ArgumentError,
        "matrices must name the same images on both sides; got on one side only 2: 'c', 'x'",
    ),
    "unnamed": (
        (xr.DataArray(np.zeros((3, 3)), dims=["x", "y"]),),
        ArgumentError,
        "have the named dims 'image_1' and 'image_2'",
    ),
    "both": (
        (pd.DataFrame(np.zeros((3, 3)), index=list("abc"), columns=list("abc")), list("abc")),
        ArgumentError,
        "names and dims must be left out for labelled matrices",
    ),
}


@pytest.mark.parametrize(("arguments", "error", "words"), REFUSED.values(), ids=REFUSED)
def test_matrices_that_are_no_rdms_are_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        rdm.from_square(*arguments)


def test_dims_are_checked():
    with pytest.raises(ArgumentError, match=r"dims must have 2 labels for 'participant'; got 3"):
        rdm.from_square(squares(2), names_of(6), dims={"participant": list("abc")})
    for dims in (("image",), ("roi", "roi"), (3,)):
        with pytest.raises(ArgumentError, match="dims must name different dims, none of them 'image' or 'pair'"):
            rdm.from_square(squares(2), names_of(6), dims=dims)
    with pytest.raises(KindError, match="dims must be names of dims; got 3"):
        rdm.from_square(squares(2), names_of(6), dims=3)
    with pytest.raises(ArgumentError, match=r"vectors must hold 15 values per RDM for the 6 images named; got shape"):
        rdm.from_condensed(np.zeros(10), names_of(6))
    with pytest.raises(ArgumentError, match="vectors must be finite, or NaN"):
        rdm.from_condensed([1, np.inf, 2], list("abc"))


# --- tables -----------------------------------------------------------------------------------------------------------


def test_a_tidy_table_comes_back_as_it_was_in_any_order():
    rdms = several()
    table = rdm.to_frame(rdms)
    assert table.columns.tolist() == ["layer", "participant", "first", "second", "rdm"]
    assert len(table) == 2 * 2 * 15
    by_name = table.set_index(table.columns.tolist()[:4])["rdm"]
    expected = rdm.square(rdms).sel(layer="high", participant="s1", image_1="i01", image_2="i04")
    assert by_name["high", "s1", "i01", "i04"] == expected.item()
    xr.testing.assert_equal(rdm.from_frame(table, dims="participant"), rdms.drop_vars("age"))
    shuffled = table.sample(frac=1, random_state=0)
    shuffled.loc[::2, ["first", "second"]] = shuffled.loc[::2, ["second", "first"]].to_numpy()
    back = rdm.select(rdm.from_frame(shuffled, dims="participant"), rdms.image.values)
    plain = rdms.drop_vars("age")
    xr.testing.assert_equal(back.sel(layer=plain.layer, participant=plain.participant), plain)


def test_the_column_of_values_is_found_or_named():
    pairs = pd.DataFrame({"first": list("aab"), "second": list("bcc"), "rating": [1.0, 2, 3], "n": [9, 9, 9]})
    assert rdm.from_frame(pairs, layer="rated").layer.item() == "rated"
    np.testing.assert_array_equal(rdm.from_frame(pairs).rdm, [[1, 2, 3]])
    np.testing.assert_array_equal(rdm.from_frame(pairs, value="n").rdm, [[9, 9, 9]])
    np.testing.assert_array_equal(rdm.from_frame(pairs.drop(columns="rating")).rdm, [[9, 9, 9]])


PAIRS = pd.DataFrame({"first": list("aab"), "second": list("bcc"), "rating": [1.0, 2, 3]})
WRONG_TABLES = {
    "no table": (3, {}, KindError, "table must be a DataFrame; got int"),
    "no ends": (PAIRS.drop(columns="first"), {}, UnknownNameError, "table must have a column 'first'; got 2: 'second'"),
    "no value": (PAIRS, {"value": "x"}, UnknownNameError, "table must have a column 'x'"),
    "two values": (
        PAIRS.assign(a=1, b=2).drop(columns="rating"),
        {},
        ArgumentError,
        "have one column of dissimilarities; got 2: 'a', 'b' besides",
    ),
    "missing": (PAIRS[:2], {}, ArgumentError, "got 1 pairs missing; the first is 'b' with 'c'"),
    "twice": (
        pd.concat([PAIRS, PAIRS[:1].rename(columns={"first": "second", "second": "first"})]),
        {},
        ArgumentError,
        "got 1 pairs more than once; the first is 'a' with 'b'. Average repeated ratings",
    ),
    "itself": (PAIRS.assign(second=list("acc")), {}, ArgumentError, "two different images in every row; got 1 rows"),
    "empty": (PAIRS.assign(first=["a", None, "b"]), {}, ArgumentError, "in every row; got an empty cell in row 2"),
    "text": (PAIRS.assign(rating=list("xyz")), {}, KindError, r"table\['rating'\] must hold numbers"),
    "infinite": (PAIRS.assign(rating=[1, np.inf, 2]), {}, ArgumentError, r"table\['rating'\] must be finite"),
}


@pytest.mark.parametrize(("table", "options", "error", "words"), WRONG_TABLES.values(), ids=WRONG_TABLES)
def test_tables_that_are_no_rdms_are_refused(table, options, error, words):
    with pytest.raises(error, match=words):
        rdm.from_frame(table, **options)


# --- files ------------------------------------------------------------------------------------------------------------


def write_v73(path, variables):
    """MATLAB 7.3: HDF5 behind a header of 512 bytes, axes in reverse."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, values in variables.items():
            file.create_dataset(name, data=np.asarray(values).T).attrs["MATLAB_class"] = np.bytes_("double")
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\x02IM")


WRITERS = {
    "x.npy": lambda path, values: np.save(path, values),
    "x.npz": lambda path, values: np.savez(path, rdm=values),
    "v5.mat": lambda path, values: scipy.io.savemat(path, {"rdm": values, "label": "V4"}),
    "v73.mat": lambda path, values: write_v73(path, {"rdm": values}),
}


@pytest.mark.parametrize("name", WRITERS)
def test_arrays_of_every_form_are_read_from_files(tmp_path, name):
    file, both = tmp_path / name, squares(2)
    (tmp_path / "names.txt").write_text("\n".join(names_of(6)) + "\n")
    forms = {"square": both[0], "condensed": vectors_of(both)[0]}
    for values in forms.values():
        WRITERS[name](file, values)
        got = rdm.read(file, tmp_path / "names.txt", layer="V4")
        np.testing.assert_array_equal(rdm.square(got).values[0], both[0])
        assert got.image.values.tolist() == names_of(6).tolist()
        assert got.attrs["source"] == name
    further = {"squares": both, "MATLAB's": np.moveaxis(both, 0, -1), "vectors": vectors_of(both)}
    for values in further.values():
        WRITERS[name](file, values)
        got = rdm.read(str(file), names_of(6), dims=("participant",))
        assert got.rdm.dims == ("layer", "participant", "pair")
        np.testing.assert_array_equal(rdm.square(got).values[0], both)


def test_vectors_of_three_participants_for_three_images_are_no_matrix(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(9.0).reshape(3, 3))
    got = rdm.read(tmp_path / "x.npy", list("abc"), dims="participant")
    np.testing.assert_array_equal(got.rdm.values[0], np.arange(9.0).reshape(3, 3))
    got = rdm.from_similarity(-np.arange(9.0).reshape(3, 3), list("abc"), dims="participant", maximum=0)
    np.testing.assert_array_equal(got.rdm.values[0], np.arange(9.0).reshape(3, 3))


def test_a_variable_is_chosen(tmp_path):
    np.savez(tmp_path / "x.npz", V1=squares(), V4=squares(seed=1))
    got = rdm.read(tmp_path / "x.npz", names_of(6), variable="V4")
    np.testing.assert_array_equal(rdm.square(got).values[0], squares(seed=1))
    assert got.attrs["variable"] == "V4"
    with pytest.raises(ArgumentError, match="path must hold one numeric array, or variable must say which"):
        rdm.read(tmp_path / "x.npz", names_of(6))


def test_square_and_long_tables_are_read(tmp_path):
    names = ["001", "1", "NA", "d", "e", "f"]
    square = pd.DataFrame(squares(), index=pd.Index(names, name="image"), columns=names)
    square.to_csv(tmp_path / "square.csv")
    got = rdm.read(tmp_path / "square.csv")
    assert got.image.values.tolist() == names
    np.testing.assert_allclose(rdm.square(got).values[0], squares(), rtol=1e-14)
    first, second = np.triu_indices(6, 1)
    long = pd.DataFrame(
        {"first": np.array(names)[first], "second": np.array(names)[second], "d": squares()[first, second]}
    )
    long.to_csv(tmp_path / "long.tsv", sep="\t", index=False)
    got = rdm.read(tmp_path / "long.tsv", variable="d")
    assert got.image.values.tolist() == names
    np.testing.assert_allclose(rdm.square(got).values[0], squares(), rtol=1e-14)
    rdm.to_frame(several()).to_csv(tmp_path / "several.csv.gz", index=False)
    got = rdm.read(tmp_path / "several.csv.gz", dims="participant")
    xr.testing.assert_allclose(got, several().drop_vars("age"))


def test_files_that_cannot_be_read_are_refused(tmp_path):
    with pytest.raises(MissingFileError, match="path must be an array, or a file that exists"):
        rdm.read(tmp_path / "gone.npy", names_of(6))
    np.save(tmp_path / "x.npy", squares())
    with pytest.raises(ArgumentError, match="names must be given for a plain array"):
        rdm.read(tmp_path / "x.npy")
    with pytest.raises(ArgumentError, match="path must hold 5 × 5 values per RDM for the 5 images named"):
        rdm.read(tmp_path / "x.npy", names_of(5))
    (tmp_path / "x.pkl").touch()
    with pytest.raises(ArgumentError, match="be a file of kind .*got 'x.pkl'.*load_rdm.*if you trust it"):
        rdm.read(tmp_path / "x.pkl", names_of(6))
    (tmp_path / "x.h5").write_bytes(b"no")
    with pytest.raises(ArgumentError, match="path must be a file that rsatoolbox saved RDMs in; got x.h5, where"):
        rdm.read(tmp_path / "x.h5")
    rdm.to_frame(several()).to_csv(tmp_path / "x.csv", index=False)
    with pytest.raises(ArgumentError, match="names must be left out for a table of pairs"):
        rdm.read(tmp_path / "x.csv", names_of(6), dims="participant")


def test_a_brain_rdm_that_was_read_can_be_compared(tmp_path):
    values = normal(8, 20)
    np.save(tmp_path / "v4.npy", squareform(pdist(values)))
    mixed = np.random.default_rng(0).permutation(8)
    features = xr.DataArray(values[mixed], dims=["image", "fc:unit"], coords={"image": names_of(8)[mixed]}, name="fc")
    ref = rdm.read(tmp_path / "v4.npy", names_of(8), layer="V4")
    result = rsa.compare(rdm.compute(features, metric="euclidean"), ref, n_permutations=0, n_bootstraps=0)
    assert result.estimate.item() == pytest.approx(1, abs=1e-12)
    assert result.attrs["reference"] == "V4"


def saying(metric, folder):
    """The same RDM by every way in."""
    square, names = squares(), names_of(6)
    vector = squareform(square)
    np.save(folder / "x.npy", square)
    table = rdm.to_frame(rdm.from_square(square, names))
    table.to_csv(folder / "x.csv", index=False)
    labelled = rdm.square(rdm.from_square(square, names)).isel(layer=0, drop=True).assign_attrs(metric="correlation")
    plain = rsatoolbox.rdm.RDMs(vector[None], dissimilarity_measure="Euclidean")
    plain.save(str(folder / "x.h5"), file_type="hdf5", overwrite=True)
    return [
        rdm.read(folder / "x.npy", names, metric=metric),
        rdm.read(folder / "x.csv", metric=metric),
        rdm.read(folder / "x.h5", names, metric=metric),
        rdm.from_square(square, names, metric=metric),
        rdm.from_square(labelled, metric=metric),
        rdm.from_condensed(vector, names, metric=metric),
        rdm.from_frame(table, metric=metric),
        rdm.from_rsatoolbox(plain, names=names, metric=metric),
    ]


def test_the_metric_that_numbers_are_is_said_and_lets_whitened_methods_compare(tmp_path):
    features = xr.DataArray(normal(6, 9), dims=["image", "fc:unit"], coords={"image": names_of(6)}, name="fc")
    rdms = rdm.compute(features, metric="sqeuclidean")
    options = {"method": "whitened_cosine", "n_permutations": 0, "n_bootstraps": 0}
    estimates = []
    for ref in saying("crossnobis", tmp_path):
        assert ref.attrs["metric"] == "crossnobis"
        np.testing.assert_allclose(rdm.square(ref).values[0], squares())
        estimates.append(rsa.compare(rdms, ref, **options).estimate.item())
    np.testing.assert_allclose(estimates, estimates[0])
    said = [ref.attrs.get("metric") for ref in saying(None, tmp_path)]
    assert said == [None, None, "Euclidean", None, "correlation", None, None, "Euclidean"]
    with pytest.raises(ArgumentError, match=r"or say what they are: mf\.rdm\.read\(\.\.\., metric='crossnobis'\)\."):
        rsa.compare(rdms, rdm.read(tmp_path / "x.npy", names_of(6)), **options)


def test_a_measure_per_feature_stays_one_unless_another_metric_is_said():
    theirs = rsatoolbox.rdm.RDMs(vectors_of(squares(1)), dissimilarity_measure="squared euclidean")
    for metric, shared in ((None, "true"), ("sqeuclidean", "true"), ("my own", None)):
        got = rdm.from_rsatoolbox(theirs, names=names_of(6), metric=metric)
        assert (got.attrs["metric"], got.attrs.get("per_feature")) == (metric or "sqeuclidean", shared)


def test_a_metric_without_a_name_is_refused(tmp_path):
    with pytest.raises(KindError, match="metric must be the name of what the numbers are; got 3. Pass metric='cross"):
        saying(3, tmp_path)
    square, names = squares(), names_of(6)
    np.save(tmp_path / "x.npy", square)
    theirs, table = rsatoolbox.rdm.RDMs(vectors_of(squares(1))), rdm.to_frame(rdm.from_square(square, names))
    for call in (
        lambda: rdm.read(tmp_path / "x.npy", names, metric=" "),
        lambda: rdm.from_square(square, names, metric=" "),
        lambda: rdm.from_condensed(squareform(square), names, metric=" "),
        lambda: rdm.from_frame(table, metric=" "),
        lambda: rdm.from_rsatoolbox(theirs, names=names, metric=" "),
    ):
        with pytest.raises(ArgumentError, match="metric must be the name of what the numbers are; got ' '"):
            call()
    with pytest.raises(UnknownNameError, match="option must be a known name; got 'metrik'. Did you mean 'metric'"):
        rdm.read(tmp_path / "x.npy", names, metrik="crossnobis")


# --- rsatoolbox -------------------------------------------------------------------------------------------------------


def test_rdms_go_to_rsatoolbox_and_come_back(tmp_path):
    rdms = several(participants=3)
    theirs = rdm.to_rsatoolbox(rdms)
    assert (theirs.n_rdm, theirs.n_cond) == (6, 6)
    assert theirs.pattern_descriptors["image"] == names_of(6).tolist()
    assert theirs.rdm_descriptors["layer"] == ["low"] * 3 + ["high"] * 3
    assert theirs.rdm_descriptors["participant"] == ["s0", "s1", "s2"] * 2
    assert theirs.rdm_descriptors["age"] == [20, 21, 22] * 2
    assert theirs.descriptors["model"] == "v1"
    np.testing.assert_array_equal(
        theirs.subset("participant", "s1").subset("layer", "high").get_matrices()[0],
        rdm.square(rdms).sel(layer="high", participant="s1"),
    )
    theirs.save(str(tmp_path / "rdms.h5"), file_type="hdf5")
    mixed = rdm.from_rsatoolbox(theirs[[5, 0, 3, 2, 4, 1]])
    xr.testing.assert_equal(mixed.sel(layer=["low", "high"], participant=["s0", "s1", "s2"]), rdms)
    for back in (rdm.from_rsatoolbox(theirs), rdm.read(tmp_path / "rdms.h5")):
        xr.testing.assert_equal(back, rdms)
        assert back.attrs["metric"] == "sqeuclidean"
        assert back.attrs["model"] == "v1"


def test_rdms_that_rsatoolbox_made_are_taken_with_their_descriptors():
    values = normal(3, 5, 7)
    sets = [
        rsatoolbox.data.Dataset(
            one, descriptors={"subject": f"s{k}", "session": 1}, obs_descriptors={"conds": names_of(5).tolist()}
        )
        for k, one in enumerate(values)
    ]
    theirs = rsatoolbox.rdm.calc_rdm(sets, method="euclidean")
    got = rdm.from_rsatoolbox(theirs)
    assert got.rdm.dims == ("layer", "pair")
    assert got.layer.values.tolist() == got.subject.values.tolist() == ["s0", "s1", "s2"]
    assert (got.attrs["metric"], got.attrs["per_feature"]) == ("sqeuclidean", "true")
    got = rdm.from_rsatoolbox(theirs, dims="subject", names="conds", layer="V4")
    assert got.rdm.dims == ("layer", "subject", "pair")
    assert got.layer.item() == "V4"
    assert got.image.values.tolist() == names_of(5).tolist()
    np.testing.assert_allclose(got.rdm.values[0], [pdist(one, "sqeuclidean") / 7 for one in values], rtol=1e-10)
    got = rdm.from_rsatoolbox(theirs[0], names=list("vwxyz"))
    assert got.image.values.tolist() == list("vwxyz")
    assert got.rdm.dims == ("layer", "pair")


def test_what_rsatoolbox_does_not_say_is_asked_for():
    plain = rsatoolbox.rdm.RDMs(vectors_of(squares(2)))
    with pytest.raises(ArgumentError, match="have one pattern descriptor that names images; got none. Say which"):
        rdm.from_rsatoolbox(plain)
    got = rdm.from_rsatoolbox(plain, names=names_of(6))
    assert got.layer.values.tolist() == ["0", "1"]
    with pytest.raises(UnknownNameError, match="names must be a pattern descriptor; got 'conds'"):
        rdm.from_rsatoolbox(plain, names="conds")
    with pytest.raises(UnknownNameError, match="dims must be RDM descriptors; got 'subject'"):
        rdm.from_rsatoolbox(plain, names=names_of(6), dims="subject")
    again = rsatoolbox.rdm.RDMs(vectors_of(squares(2)), rdm_descriptors={"subject": ["a", "a"]})
    with pytest.raises(ArgumentError, match="tell every RDM apart, and leave no gap; got 2 RDMs for 1 places"):
        rdm.from_rsatoolbox(again, names=names_of(6), dims="subject")
    with pytest.raises(KindError, match="rdms must be RDMs of rsatoolbox; got ndarray"):
        rdm.from_rsatoolbox(np.zeros((6, 6)))


@pytest.mark.parametrize("metric", ["correlation", "crossnobis"])
def test_features_go_to_rsatoolbox_and_give_the_same_rdms_there(metric):
    values = normal(6, 3, 4, 2)
    dims, coords = ["image", "run", "fc:channel", "fc:y"], {"image": names_of(6), "run": ["r1", "r2", "r3"]}
    features = xr.DataArray(values, dims=dims, coords=coords, name="fc", attrs={"model": "v1"})
    theirs = rdm.features_to_rsatoolbox(features, repeat="run")
    assert theirs.measurements.shape == (18, 8)
    assert theirs.descriptors == {"layer": "fc", "model": "v1"}
    assert theirs.channel_descriptors == {"channel": [0, 0, 1, 1, 2, 2, 3, 3], "y": [0, 1] * 4}
    if metric == "crossnobis":
        made = rsatoolbox.rdm.calc_rdm(theirs, method=metric, descriptor="image", cv_descriptor="run")
    else:
        made = rsatoolbox.rdm.calc_rdm(theirs, method=metric, descriptor="image")
    ours = rdm.compute(features, metric=metric, repeat="run")
    np.testing.assert_allclose(made.dissimilarities, ours.rdm, rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(rdm.from_rsatoolbox(made).image, ours.image)
    back = rdm.features_from_rsatoolbox(theirs, repeat="run")
    assert back["fc"].dims == ("image", "run", "fc:unit")
    assert back.attrs["model"] == "v1"
    assert back.run.values.tolist() == ["r1", "r2", "r3"]
    np.testing.assert_array_equal(back["fc"].sel(image=names_of(6)), values.reshape(6, 3, 8))


def test_one_layer_without_repeats_goes_and_comes_back():
    features = xr.Dataset(
        {name: (("image", f"{name}:unit"), normal(4, 3)) for name in "ab"},
        coords={"image": names_of(4), "hit_rate": ("image", [0.1, 0.2, 0.3, 0.4]), "b:unit": ["x", "y", "z"]},
    )
    theirs = rdm.features_to_rsatoolbox(features, layer="b")
    assert theirs.obs_descriptors["hit_rate"] == [0.1, 0.2, 0.3, 0.4]
    assert theirs.channel_descriptors == {"unit": ["x", "y", "z"]}
    back = rdm.features_from_rsatoolbox(theirs)
    xr.testing.assert_equal(back["b"], features["b"].drop_vars("hit_rate"))


def test_measurements_that_cannot_be_features_are_refused():
    described = {"stim": ["a", "b", "a", "b"], "run": [0, 0, 1, 1]}
    data = rsatoolbox.data.Dataset(normal(4, 3), obs_descriptors=described)
    with pytest.raises(ArgumentError, match="dataset must hold each image once; got 4 observations of 2 images"):
        rdm.features_from_rsatoolbox(data)
    with pytest.raises(UnknownNameError, match="repeat must be an observation descriptor; got 'session'"):
        rdm.features_from_rsatoolbox(data, repeat="session")
    data.obs_descriptors["run"] = [0, 0, 1, 0]
    with pytest.raises(ArgumentError, match="dataset must hold each image once in every repeat; got 'b' 2 times in 0"):
        rdm.features_from_rsatoolbox(data, repeat="run")
    with pytest.raises(UnknownNameError, match="names must be an observation descriptor; got 'image'"):
        rdm.features_from_rsatoolbox(data, names="image")
    with pytest.raises(ArgumentError, match="names must have one name for each of 4 observations; got 2"):
        rdm.features_from_rsatoolbox(data, names=["a", "b"])
    with pytest.raises(KindError, match="dataset must be a Dataset of rsatoolbox; got int"):
        rdm.features_from_rsatoolbox(3)
    both = xr.Dataset({name: (("image", f"{name}:unit"), normal(4, 3)) for name in "ab"}, coords={"image": names_of(4)})
    with pytest.raises(ArgumentError, match="layer must be chosen when there are several; got 2: 'a', 'b'"):
        rdm.features_to_rsatoolbox(both)
    with pytest.raises(UnknownNameError, match="layer must be a layer of the features; got 'c'"):
        rdm.features_to_rsatoolbox(both, layer="c")
    with pytest.raises(UnknownNameError, match="repeat must be a dim of layer 'a'"):
        rdm.features_to_rsatoolbox(both["a"], repeat="run")


def test_without_rsatoolbox_the_extra_is_named(monkeypatch, tmp_path):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("rsatoolbox"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    (tmp_path / "x.h5").touch()
    calls = [
        lambda: rdm.to_rsatoolbox(several()),
        lambda: rdm.features_to_rsatoolbox(
            xr.DataArray(normal(4, 3), dims=["image", "fc:unit"], coords={"image": names_of(4)}, name="fc")
        ),
        lambda: rdm.read(tmp_path / "x.h5"),
    ]
    for call in calls:
        with pytest.raises(MissingPackageError, match=r'be installed; got nothing. pip install "memfeat\[rsa'):
            call()


# --- subsets with further dims ----------------------------------------------------------------------------------------


def test_images_of_rdms_with_further_dims_are_chosen_and_reordered_by_name():
    rdms = several()
    before = rdms.copy(deep=True)
    chosen = ["i04", "i00", "i03"]
    got = rdm.select(rdms, chosen)
    xr.testing.assert_identical(rdms, before)
    assert got.rdm.dims == ("layer", "participant", "pair")
    assert got.age.values.tolist() == [20, 21]
    assert got.attrs == rdms.attrs
    whole = rdm.square(rdms).sel(image_1=chosen, image_2=chosen)
    xr.testing.assert_identical(rdm.square(got), whole)
