"""The published sets themselves: their counts, joins and known figures."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.io import savemat
from scipy.stats import pearsonr, spearmanr

import memfeat as mf

pytestmark = pytest.mark.data

HERE = (
    "memcat", "isola_attributes", "reconmem_isola", "figrim", "lnsim", "rim2025", "rocks480", "things_concepts",
    "resmem_golden",
)  # fmt: skip
PAGE = Path(__file__).parents[1] / "docs" / "datasets.md"
#: A block of the page that is run here, because tests/test_project.py has no sets.
SHOWN = re.compile(
    rf"<!-- not run: [^>]*tests/{Path(__file__).name} runs it[^>]*-->\n```python\n(.*?)^```$", re.M | re.S
)
#: Photographs of FIGRIM that are the same, by README.md of cvzoya/figrim.
DUPLICATES = [
    ("sun_bnjxztsvnercygxn.jpg", "sun_bdwttbytrbnqyqsk.jpg"),
    ("sun_awjucfvtjllxrtkv.jpg", "sun_abpqxslcljhrwmck.jpg"),
    ("sun_byoonkqxghujgvkh.jpg", "sun_bjitfqyiepkgfkks.jpg"),
    ("sun_bwrlzawyknljbhcb.jpg", "sun_auwrraazjwdcjcjg.jpg"),
    ("sun_boskvwzgsvsyuhll.jpg", "sun_bgdykfpjgudqpzlu.jpg"),
    ("sun_bzagimnxconenicn.jpg", "sun_bsccnfecifucnavf.jpg"),
]
#: Splits of participants: the spread of a mean of 50 is below .01, as is that of the published figures.
SPLITS = {
    "n_splits": 50,
    "n_bootstraps": 0,
    "rng": 0,
    "measures": ["hit_rate", "false_alarm_rate", "corrected_recognition"],
}


@pytest.fixture(autouse=True)
def named(data_folder, monkeypatch):
    """The sets are found by name."""
    monkeypatch.setenv("MEMFEAT_DATA", str(data_folder))


@pytest.fixture(scope="module")
def rocks(data_folder):
    return mf.datasets.trials("rocks480", folder=data_folder / "rocks480")


@pytest.mark.parametrize("name", HERE)
def test_a_complete_folder_passes_its_checks(name):
    table = mf.datasets.check(name)
    assert table["passed"].all(), table[~table["passed"]].to_string()


@pytest.mark.parametrize(
    ("name", "n", "columns"),
    [
        ("memcat", 10_000, {"hit_rate", "hits", "n_targets", "false_alarms", "n_foils", "category"}),
        ("isola_attributes", 2222, {"hit_rate", "split"}),
        ("reconmem_isola", 2222, {"corrected_recognition"}),
        ("figrim", 30, {"hit_rate", "hits", "hit_rate_lab", "hits_lab", "category"}),
        ("lnsim", 800, {"hit_rate"}),
        ("rim2025", 1479, {"hit_rate", "hits", "resmem", "naturalness", "vitnat", "set"}),
        ("rocks480", 480, {"hit_rate", "hits", "hit_rate_exp2b", "distinctiveness", "subcategory"}),
        ("things_concepts", 1854, {"corrected_recognition", "category"}),
        ("resmem_golden", 45, {"published_resmem", "contents"}),
    ],
)
def test_sets_are_read_whole_with_each_image_once(name, n, columns):
    images = mf.datasets.load(name)
    names = images["image"].values.tolist()
    assert len(set(names)) == len(names) == n
    assert names == sorted(names)
    assert columns <= set(images.data_vars)
    card = mf.datasets.CARDS[name]
    assert [images.attrs[key] for key in ("name", "citation", "licence")] == [name, card.citation, card.licence]
    assert ("path" in images.coords) == (name in ("figrim", "lnsim", "rocks480", "resmem_golden"))
    if "path" in images.coords:
        assert (images["status"] == "ok").all()
        assert images.attrs["n_scores_without_image"] == images.attrs["n_images_without_score"] == 0
    for rate, count, total in (("hit_rate", "hits", "n_targets"), ("false_alarm_rate", "false_alarms", "n_foils")):
        if {rate, count, total} <= set(images.data_vars):
            xr.testing.assert_allclose(images[rate], (images[count] / images[total]).rename(rate), rtol=1e-15)


@pytest.mark.parametrize("name", HERE)
def test_every_further_table_is_read(name):
    for which in mf.datasets.tables(name):
        if (name, which) not in (("rim2025", "set3"), ("figrim", "amt1"), ("figrim", "amt2")):
            table = mf.datasets.table(name, which)
            assert table.attrs["name"] == name
            assert len(table) > 0


@pytest.mark.parametrize(
    ("experiment", "known"),
    [
        ("Exp1_New", [0.81, 0.88, 0.44]),
        ("Exp1_Old", [0.413, 0.496, 0.084]),
        ("Exp2b", [0.539, 0.831, 0.686]),
    ],
)
def test_rocks_are_as_reliable_as_is_known(rocks, experiment, known):
    found = mf.scores.split_half(rocks[rocks["experiment"] == experiment], **SPLITS)
    np.testing.assert_allclose(found["estimate"], known, atol=0.03)


def test_scores_of_rocks_are_those_of_their_trials(rocks):
    images = mf.datasets.load("rocks480")
    for experiment, suffix in (("Exp1_New", ""), ("Exp1_Old", "_exp1_old"), ("Exp2", "_exp2"), ("Exp2b", "_exp2b")):
        scores = mf.scores.from_trials(rocks[rocks["experiment"] == experiment])
        ours = images.sel(image=scores["image"])
        for name in ("hits", "misses", "false_alarms", "correct_rejections", "hit_rate", "corrected_recognition"):
            np.testing.assert_allclose(ours[f"{name}{suffix}"], scores[name], rtol=0, atol=1e-15)
        assert int(images[f"hit_rate{suffix}"].notnull().sum()) == scores.sizes["image"]


def test_scenes_rank_online_as_in_the_laboratory():
    lab = mf.scores.from_trials(mf.datasets.trials("figrim"))
    online = mf.datasets.table("figrim", "targets")
    assert lab["image"].values.tolist() == online["image"].values.tolist()
    assert spearmanr(lab["hit_rate"], online["hit_rate"]).statistic == pytest.approx(0.657, abs=5e-4)
    both = mf.datasets.load("figrim")
    same = online.sel(image=both["image"])
    for name in ("hits", "misses", "false_alarms", "correct_rejections", "hit_rate"):
        np.testing.assert_array_equal(both[name], same[name])
    # of each pair that the authors' README lists as duplicates one is among the targets
    assert [[name in online["image"].values for name in pair] for pair in DUPLICATES] == [[True, False]] * 6
    # 21 categories of 30
    assert pd.Series(online["category"].values).value_counts().tolist() == [30] * 21


def test_scenes_in_the_layout_of_their_authors_are_the_same(tmp_path):
    """Tables of the authors' file, put back into its layout as the README describes it, are read as the tables."""
    read = mf.datasets.table
    some, whole = read("figrim", "targets").isel(image=slice(None, None, 7)), read("figrim", "lab_trials")
    targets, lab = some.to_dataframe(), whole[whole["image"].isin(some["image"].values)]
    n, counts = whole["participant"].max() + 1, ["hits", "misses", "false_alarms", "correct_rejections"]
    rows = np.empty((1, len(targets)), dtype=[("impath", object), ("AMT_comb", object), ("userdata", object)])
    seen = {image: own.set_index("participant") for image, own in lab.groupby("image")}
    for i, (image, row) in enumerate(targets.iterrows()):
        users = np.empty((1, n), dtype=[("SDT", object)])
        for j in range(n):
            answers = seen[image].loc[j, ["enc", "rec", "rec2"]].tolist() if j in seen[image].index else []
            users[0, j] = (np.array([answers], dtype=float),)
        rows[0, i] = (f"Targets/{row['category']}/{image}", {name: float(row[name]) for name in counts}, users)
    savemat(tmp_path / "allImages_release.mat", {"allImages": rows})
    xr.testing.assert_identical(read("figrim", "targets", folder=tmp_path), some)
    order = ["image", "participant"]
    ours = read("figrim", "lab_trials", folder=tmp_path)[list(lab)].sort_values(order, ignore_index=True)
    pd.testing.assert_frame_equal(ours, lab.sort_values(order, ignore_index=True), check_dtype=False)


def test_resmem_predicts_scenes_as_published():
    images = mf.datasets.load("rim2025")
    for which, resmem, natural in (("set1", 0.493, -0.45), ("set2", 0.545, -0.42)):
        some = images.isel(image=(images["set"] == which).values)
        crr = some["corrected_recognition"]
        assert pearsonr(some["resmem"], crr).statistic == pytest.approx(resmem, abs=5e-4)
        assert pearsonr(some["naturalness"], crr).statistic == pytest.approx(natural, abs=5e-3)


def test_layers_of_lin_et_al_2024():
    memorability = mf.datasets.load("reconmem_isola")["corrected_recognition"]
    layers = mf.datasets.table("reconmem_isola", "layers")
    assert layers["image"].values.tolist() == memorability["image"].values.tolist()
    for name, known in {
        "distinctiveness": [0.135, 0.140, 0.213, 0.281, 0.354, 0.322, 0.289],
        "reconstruction_error": [0.147, 0.158, 0.225, 0.276, 0.343, 0.307, 0.324],
    }.items():
        found = [spearmanr(layers[name].isel(layer=i), memorability).statistic for i in range(7)]
        np.testing.assert_allclose(found, known, atol=5.1e-4)
    # of six photographs the nearest neighbour is a copy: the authors leave these out of what follows
    kept = (layers["distinctiveness"] > 0).all("layer").values
    assert kept.sum() == 2216
    near, error = layers["distinctiveness"].sel(layer="pool5"), layers["reconstruction_error"].sel(layer="fc2")
    r = np.corrcoef([one.values[kept] for one in (memorability, near, error)])
    assert r[0, 1] == pytest.approx(0.36, abs=5e-3)
    # printed as .29 [.26, .33]: cut after two digits, as it seems
    assert 0.29 <= r[0, 2] < 0.30
    partial = (r[0, 2] - r[0, 1] * r[1, 2]) / np.sqrt((1 - r[0, 1] ** 2) * (1 - r[1, 2] ** 2))
    assert partial == pytest.approx(0.16, abs=5e-3)
    assert memorability.mean().item() == pytest.approx(0.568, abs=5e-4)
    assert memorability.std().item() == pytest.approx(0.151, abs=5e-4)


def test_counts_of_memcat_are_its_scores(data_folder):
    images = mf.datasets.load("memcat")
    table = pd.read_csv(data_folder / "memcat" / "memcat_image_data.csv").set_index("image_file").sort_index()
    assert images["image"].values.tolist() == table.index.tolist()
    np.testing.assert_array_equal(images["hit_rate"], table["H"] / table["n_resp"])
    np.testing.assert_allclose(
        images["corrected_recognition"], table["memorability_w_fa_correction"], rtol=0, atol=1e-15
    )
    assert images["n_targets"].mean().item() == pytest.approx(99, abs=0.5)


def test_concepts_of_things():
    scores = mf.datasets.load("things_concepts")["corrected_recognition"]
    assert scores.mean().item() == pytest.approx(0.790, abs=5e-4)
    assert scores.std().item() == pytest.approx(0.041, abs=5e-4)
    assert [scores.min().item(), scores.max().item()] == pytest.approx([0.649, 0.910], abs=5e-4)
    pairs = mf.datasets.table("things_concepts", "typicality")
    assert pairs[["image", "category_number"]].duplicated().sum() == 0
    own = scores.sel(image=pairs["image"].to_numpy()).values
    np.testing.assert_array_equal(own, pairs["corrected_recognition"])
    assert pearsonr(pairs["typicality"], own).statistic == pytest.approx(-0.001, abs=5e-4)


def test_halves_of_the_800_scenes():
    halves = mf.datasets.table("lnsim", "halves")["hit_rate"]
    images = mf.datasets.load("lnsim")
    assert halves["image"].values.tolist() == images["image"].values.tolist()
    found = [
        spearmanr(halves.sel(half=1, split=one), halves.sel(half=2, split=one)).statistic for one in halves["split"]
    ]
    # .779 is of all 2,632; a part of 800 is off by the standard error of a correlation, .014
    assert np.mean(found) == pytest.approx(0.779, abs=0.03)
    # halves of equal size make up the whole, to the six digits of the file
    assert abs(halves.mean("half") - images["hit_rate"]).max().item() < 0.02


def test_attributes_of_isola():
    images, features = mf.datasets.load("isola_attributes"), mf.datasets.table("isola_attributes", "attributes")
    assert features["attributes"].shape == (2222, 923)
    assert images["hit_rate"].mean().item() == pytest.approx(0.675, abs=5e-4)
    assert images["hit_rate"].std().item() == pytest.approx(0.136, abs=5e-4)
    test = images["split"].values == "test"
    x, y = features["attributes"].values.astype(float), images["hit_rate"].values
    x = (x - x[~test].mean(0)) / np.where(x[~test].std(0) > 0, x[~test].std(0), 1)
    # dual ridge with a penalty in the middle of the range; the figure that is known has a chosen one
    k = x[~test] @ x[~test].T
    predicted = x[test] @ x[~test].T @ np.linalg.solve(k + 3000 * np.eye(len(k)), y[~test] - y[~test].mean())
    assert spearmanr(predicted, y[test]).statistic == pytest.approx(0.656, abs=0.02)


@pytest.mark.skipif(not PAGE.exists(), reason="needs the source tree")
def test_the_code_that_the_page_shows_runs():
    (code,) = SHOWN.findall(PAGE.read_text())
    names = {"mf": mf}
    exec(compile(code, str(PAGE), "exec"), names)
    assert names["images"].sizes["image"] == 10_000
    assert set(names["some"]["experiment"]) == {"Exp1_New"}
    # as published by Meagher and Nosofsky; 1,000 splits
    found = names["reliability"]["estimate"].sel(measure=SPLITS["measures"])
    np.testing.assert_allclose(found, [0.81, 0.88, 0.44], atol=0.03)
    assert names["mds"].sizes["image"] == 480
