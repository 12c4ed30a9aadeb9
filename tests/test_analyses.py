"""Analyses: scripts and notebooks hold the same code, and scripts run from beginning to end, as notebooks/ does."""

import base64
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from scripts import FEW, NEEDS_DATA, NOTEBOOKS, ROOT, SCRIPTS, made_up_trials, one_by_one
from torchvision.models import ResNet152_Weights

import memfeat as mf
from memfeat import demo

PAIRS = [(path, ROOT / "notebooks" / f"{path.stem}.ipynb") for path in SCRIPTS]
every_pair = pytest.mark.parametrize(("script", "notebook"), PAIRS, ids=[path.stem for path in SCRIPTS])
MEGABYTE = 2**20


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Where analyses write while they are tested; what one has extracted the next one finds."""
    return tmp_path_factory.mktemp("analyses")


def run(script, home, *arguments, **environment):
    """Run a script as a user would, with warnings as errors."""
    known = {key: value for key, value in os.environ.items() if not key.startswith("MEMFEAT_")}
    return subprocess.run(
        [sys.executable, "-W", "error", script, *arguments],
        env=known | {"MEMFEAT_ANALYSES": str(home), "MPLBACKEND": "agg"} | environment,
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def main_road(home):
    """The script that needs no data, run once, with photographs and scores as a user would bring them."""
    photographs = home / "photographs"
    names = sorted(demo.collect(photographs)["image"])
    scores = pd.DataFrame({"image": names, "recall": np.linspace(0.2, 0.9, len(names))})
    scores.sample(frac=1, random_state=0).to_csv(home / "scores.csv", index=False)
    own = {"PHOTOS": str(photographs), "SCORES": str(home / "scores.csv"), "COLUMN": "recall"}
    return run(ROOT / "analyses" / "01_main_road.py", home, **{f"MEMFEAT_{name}": at for name, at in own.items()})


@pytest.fixture(scope="module")
def on_few(home, request):
    """Give a function that runs a script of real data on a few images of each set, once."""
    done = {}

    def ran(script):
        if script not in done:
            data = request.getfixturevalue("data_folder")
            path = ROOT / "analyses" / f"{script}.py"
            done[script] = run(path, home, MEMFEAT_DATA=str(data), MEMFEAT_IMAGES=FEW)
        return done[script]

    return ran


#: A script that runs on one's own photographs -> what it saves along layers of a network.
ON_OWN = {
    "02_alike_to_people": ["memory_p_corrected"],
    "03_read_out": ["trained_p_corrected", "untrained_p_corrected"],
}
#: How many of them are used: enough to fit to.
OWN = 10


@pytest.fixture(scope="module")
def own_data(tmp_path_factory):
    """Photographs and scores as a user may have them: one has no score, one cannot be read, and there are no halves."""
    folder = tmp_path_factory.mktemp("own_data")
    names = sorted(demo.collect(folder / "photos")["image"])
    scores = pd.DataFrame({"image": names, "recall": np.random.default_rng(0).permutation(len(names)) / len(names)})
    (folder / "photos" / "broken.jpg").write_bytes(b"no picture")
    scores.loc[0, "image"] = "broken.jpg"
    scores.to_csv(folder / "scores.csv", index=False)
    paths = {"PHOTOS": folder / "photos", "SCORES": folder / "scores.csv", "COLUMN": "recall"}
    return {f"MEMFEAT_{name}": str(at) for name, at in paths.items()} | {"MEMFEAT_IMAGES": str(OWN)}


@pytest.fixture(scope="module")
def own_home(tmp_path_factory):
    """Where analyses of these write; what one has extracted the next one finds."""
    return tmp_path_factory.mktemp("own_analyses")


def percent(notebook):
    """Write a notebook as a script, without what notebooks add."""
    notebook.metadata = {"jupytext": {"notebook_metadata_filter": "-all", "cell_metadata_filter": "-all"}}
    return jupytext.writes(notebook, fmt="py:percent")


def test_both_folders_hold_the_same_names():
    assert SCRIPTS
    assert [path.stem for path in SCRIPTS] == [path.stem for path in NOTEBOOKS]


@every_pair
def test_the_notebook_turned_back_is_the_script(script, notebook):
    assert percent(nbformat.read(notebook, as_version=4)) == script.read_text(encoding="utf-8")


@every_pair
def test_the_notebook_was_executed_in_order_and_holds_no_error(script, notebook):
    cells = [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert not [output for output in outputs if output.get("name") == "stderr"]


@every_pair
def test_the_notebook_is_small_and_tells_nothing_of_the_machine_it_ran_on(script, notebook):
    text = notebook.read_text(encoding="utf-8")
    assert len(text.encode()) < MEGABYTE
    assert str(ROOT) not in text
    assert "site-packages" not in text
    assert not re.search(r"/(home|Users|root|tmp|work)/", text)


def test_the_figure_of_the_front_page_is_that_of_its_notebook():
    cells = nbformat.read(ROOT / "notebooks" / "03_read_out.ipynb", as_version=4).cells
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    first = next(data["image/png"] for data in outputs if "image/png" in data)
    assert (ROOT / "docs" / "front.png").read_bytes() == base64.b64decode(first)
    assert "![" in (readme := (ROOT / "README.md").read_text(encoding="utf-8"))
    assert "(docs/front.png)" in readme


@every_pair
def test_the_script_asks_a_question_and_asserts_what_it_reports(script, notebook):
    text = script.read_text(encoding="utf-8")
    title = next(line for line in text.splitlines() if line.startswith("# # "))
    assert title.endswith("?")
    assert text.count("\nassert ") >= 5


@one_by_one("script", SCRIPTS)
def test_the_script_runs(script, home, request):
    ready = script.stem in NEEDS_DATA
    done = request.getfixturevalue("on_few")(script.stem) if ready else request.getfixturevalue("main_road")
    assert done.returncode == 0, done.stderr
    assert (home / "results" / f"{script.stem}.nc").stat().st_size
    assert "<svg" in (home / "figures" / f"{script.stem}.svg").read_text(encoding="utf-8")


def test_the_main_road_can_be_walked_with_ones_own_photographs_and_scores(home, main_road):
    names = pd.read_csv(home / "scores.csv")["image"].sort_values()
    with xr.open_dataset(home / "results" / "01_main_road.nc", engine="h5netcdf") as saved:
        np.testing.assert_allclose(saved["scores"].sel(image=list(names)).values, np.linspace(0.2, 0.9, len(names)))
        assert saved.sizes["layer"] == 50
        for name in ("rsa_p_corrected", "decoding_p_corrected"):
            assert bool(((saved[name] > 0) & (saved[name] <= 1)).all())
        assert (saved.attrs["rsa_seed"], saved.attrs["decoding_seed"]) == ("0", "0")
        assert saved.attrs["decoding_scores"] == "recall"


#: Runs scripts one after another, as `python SCRIPT` would, and prints the words with which each ends.
ONE_BY_ONE = """
import runpy, sys
for path in sys.argv[1:]:
    try:
        runpy.run_path(path, run_name="__main__")
    except SystemExit as end:
        print(end.code)
"""


def test_an_analysis_of_real_data_says_what_to_set_where_they_are_not(home):
    """In one process, because what scripts import takes longer than the question."""
    needy = [str(path) for path in SCRIPTS if path.stem in NEEDS_DATA]
    done = run("-c", home, ONE_BY_ONE, *needy)
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert len(said) == len(needy)
    assert all(line.startswith("Set MEMFEAT_DATA to the folder") for line in said)


@pytest.mark.data
def test_layers_and_people_are_compared_and_saved(home, on_few):
    done = on_few("02_alike_to_people")
    assert done.returncode == 0, done.stderr
    with xr.open_dataset(home / "results" / "02_alike_to_people.nc", engine="h5netcdf") as saved:
        assert saved["people_estimate"].sizes == {"network": 2, "layer": 51}
        assert saved["memory_estimate"].sizes == {"layer": 51, "hypothesis": 3}
        for name in ("people_p_corrected", "memory_p_corrected"):
            assert bool(((saved[name] > 0) & (saved[name] <= 1)).all())
        assert bool(((saved["noise_upper"] > 0) & (saved["noise_upper"] <= 1)).all())
        assert saved.attrs["people_frozen_permute"] == "whole"
        assert saved.attrs["people_frozen_correction"] == "p_corrected: max-statistic over 51 layers"
        assert "over 51 layers, times 3 hypotheses" in saved.attrs["memory_correction"]
        assert saved.attrs["people_retrained_allowed"] != ""
        assert saved.attrs["memory_permute"] == "free"
    assert "<svg" in (home / "figures" / "02_alike_to_people_memory.svg").read_text(encoding="utf-8")


@pytest.mark.data
def test_scores_are_read_out_and_saved_with_their_ceilings(home, on_few):
    done = on_few("03_read_out")
    assert done.returncode == 0, done.stderr
    with xr.open_dataset(home / "results" / "03_read_out.nc", engine="h5netcdf") as saved:
        assert saved["trained_estimate"].shape == saved["untrained_estimate"].shape == (51,)
        assert saved["low_level_estimate"].sizes == {"low_level_layer": 1}
        assert saved.attrs["untrained_correction"] == "p_corrected: max-statistic over 51 layers"
        assert saved["across_estimate"].sizes == {"across_layer": 36}
        for name in ("trained_p_corrected", "untrained_p_corrected", "attributes_p", "within_p_fdr"):
            assert bool(((saved[name] > 0) & (saved[name] <= 1)).all())
        ceiling = np.sqrt(saved["trained_reliability_spearman"])
        relative = saved["trained_estimate"] / ceiling
        np.testing.assert_allclose(saved["trained_estimate_relative"], relative)
        assert int(saved["attributes_n"]) == int(FEW)
        assert (saved.attrs["trained_scale"], saved.attrs["untrained_backbone"]) == ("unit", "random")
        assert (saved.attrs["across_permute"], saved.attrs["within_permute"]) == ("whole", "within")
        assert saved.attrs["within_fold_groups"] == "subcategory"
        assert saved.attrs["attributes_folds"] == "split"
        # predictions are images one by one, and what is saved here is about layers
        assert "trained_image" not in saved.dims
    assert "<svg" in (home / "figures" / "03_read_out_transformers.svg").read_text(encoding="utf-8")
    assert "best of four on the test part" in done.stdout


@pytest.mark.data
def test_measures_of_single_images_are_related_and_saved(home, on_few):
    done = on_few("04_standing_out")
    assert done.returncode == 0, done.stderr
    with xr.open_dataset(home / "results" / "04_standing_out.nc", engine="h5netcdf") as saved:
        assert (
            saved["noticed_distance_from_nearest_neighbour_estimate"].shape
            == saved["given_plain"].sel(given_layer=saved["given_kind"] == "measure").shape
            == (51,)
        )
        assert saved["remembered_estimate"].shape == (51, 2)
        assert list(dict.fromkeys(saved["strong_kind"].values))[:2] == ["measure", "untrained"]
        for name in (
            "noticed_reconstruction_error_p_corrected",
            "remembered_p_corrected",
            "strong_p_corrected",
            "given_p",
        ):
            assert bool(((saved[name] > 0) & (saved[name] <= 1)).all())
        relative = saved["strong_estimate"] / np.sqrt(saved["strong_reliability"])
        np.testing.assert_allclose(saved["strong_estimate_relative"], relative)
        assert (saved.attrs["noticed_eccentricity_permute"], saved.attrs["strong_permute"]) == ("whole", "free")
        assert saved["rise_magnitude_first"].item() == "features.layer4.2"
    for name in ("typical", "strength"):
        assert "<svg" in (home / "figures" / f"04_standing_out_{name}.svg").read_text(encoding="utf-8")


@pytest.mark.data
def test_sets_of_images_are_compared_and_saved(home, on_few):
    done = on_few("05_three_kinds")
    assert done.returncode == 0, done.stderr
    with xr.open_dataset(home / "results" / "05_three_kinds.nc", engine="h5netcdf") as saved:
        assert saved["apart_estimate"].sizes == {"apart_statistic": 2, "apart_layer": 51, "apart_contrast": 3}
        assert saved["remembered_n"].values.tolist() == [4, 4, 4]
        for name in ("remembered_p_corrected", "apart_p_corrected"):
            known = saved[name].values[np.isfinite(saved[name].values)]
            assert known.size
            assert ((known > 0) & (known <= 1)).all()
        assert (saved.attrs["remembered_unit"], saved.attrs["apart_permute"]) == ("clusters", "whole")
    assert "P-values come from all 6 rearrangements of whole groups" in " ".join(done.stdout.split())
    assert "<svg" in (home / "figures" / "05_three_kinds_layers.svg").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def on_own_sets(home):
    """Give a function that runs a script on photographs of one's own in two sets, of which one is larger."""
    own = home / "own_sets"
    names = sorted(demo.collect(own / "photos")["image"])
    # the first is the only one of its set, and what is no picture comes last
    scores = pd.DataFrame({"image": names, "recall": np.linspace(0.45, 0.95, len(names)) ** 2})
    scores["place"] = ["elsewhere", *(("out", "in", "out")[k % 3] for k in range(len(names) - 1))]
    (own / "photos" / "z.jpg").write_bytes(b"no picture")
    scores.loc[len(scores)] = ["z.jpg", 0.5, "in"]
    scores.to_csv(own / "scores.csv", index=False)
    places = {"MEMFEAT_PHOTOS": str(own / "photos"), "MEMFEAT_SCORES": str(own / "scores.csv")}

    def ran(script, **environment):
        known = {"MEMFEAT_COLUMN": "recall", "MEMFEAT_IMAGES": "13"} | places | environment
        return own, run(ROOT / "analyses" / f"{script}.py", own, **known)

    return ran


def test_measures_of_photographs_of_ones_own_are_related_to_scores_inside_categories(on_own_sets):
    own, done = on_own_sets("04_standing_out", MEMFEAT_CATEGORY="place")
    assert done.returncode == 0, done.stderr
    assert "1 of 22 photographs cannot be read or have no score, and are left out" in done.stdout
    assert "1 photographs are the only one of their category, and are left out" in done.stdout
    with xr.open_dataset(own / "results" / "04_standing_out.nc", engine="h5netcdf") as saved:
        assert saved["remembered_estimate"].shape == (51, 1)
        assert saved["remembered_score"].values.tolist() == ["recall"]
        for name in ("noticed_eccentricity", "remembered", "strong", "given"):
            assert bool((saved[f"{name}_n"] == 12).all())
            assert saved.attrs[f"{name}_permute"] == "within"
        assert saved.attrs["strong_covariates"] == "out"
        assert "more_estimate" not in saved
    for name in ("", "_typical", "_strength"):
        assert "<svg" in (own / "figures" / f"04_standing_out{name}.svg").read_text(encoding="utf-8")


def test_sets_of_photographs_of_ones_own_are_compared(on_own_sets):
    own, done = on_own_sets("05_three_kinds", MEMFEAT_CATEGORY="place")
    assert done.returncode == 0, done.stderr
    assert "1 of 22 photographs cannot be read or have no score or set, and are left out" in done.stdout
    assert "1 photographs of 1 smaller sets are left out" in done.stdout
    with xr.open_dataset(own / "results" / "05_three_kinds.nc", engine="h5netcdf") as saved:
        assert saved["remembered_set"].values.tolist() == ["in", "out"]
        assert saved["remembered_n"].values.tolist() == [4, 8]
        recall, inside = (np.linspace(0.45, 0.95, 21) ** 2)[1:13], np.arange(12) % 3 == 1
        means = [recall[inside].mean(), recall[~inside].mean()]
        np.testing.assert_allclose(saved["remembered_mean"].values.ravel(), means)
        assert saved.attrs["remembered_unit"] == "images"
        assert saved["apart_estimate"].sizes == {"apart_statistic": 2, "apart_layer": 51}


def test_sets_of_ones_own_need_a_column_that_tells_them_apart(on_own_sets):
    _, done = on_own_sets("05_three_kinds")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("Set MEMFEAT_CATEGORY to the column of")
    _, done = on_own_sets("05_three_kinds", MEMFEAT_CATEGORY="place", MEMFEAT_IMAGES="3")
    assert done.returncode == 1
    assert "There must be two sets of 2 photographs; place has {'elsewhere': 1, 'in': 1, 'out': 1}" in done.stderr


@pytest.mark.data
def test_predictions_are_judged_and_saved(home, on_few):
    done = on_few("06_how_well_predicted")
    assert done.returncode == 0, done.stderr
    with xr.open_dataset(home / "results" / "06_how_well_predicted.nc", engine="h5netcdf") as saved:
        assert saved.sizes["case"] == 6
        value = saved["estimate"].sel(metric=["spearman", "spearman_relative", "reliability_spearman"])
        rho, relative, reliability = value.transpose("metric", "case").values
        np.testing.assert_allclose(relative, rho / np.sqrt(reliability))
        assert bool((saved["cut_share_removed"].sel(cut_cut="predicted").diff("cut_cutoff") >= 0).all())
        assert saved.attrs["model"] == "resmem"
        # eight answers to each of Rim's scenes
        eight = {name: saved[f"eight_answers_{name}"] for name in ("ci_low", "spearman", "ci_high")}
        assert saved["set"].values.tolist() == [1, 2]
        assert bool((eight["ci_low"] <= eight["spearman"]).all() & (eight["spearman"] <= eight["ci_high"]).all())
    with xr.open_dataset(home / "results" / "06_lnsim_predictions.nc", engine="h5netcdf") as kept:
        assert kept.sizes == {"image": int(FEW)}
        assert "n_images" not in kept.attrs


@pytest.mark.parametrize("halved", [True, False])
def test_kept_predictions_of_ones_own_photographs_are_judged_without_a_network(home, halved):
    own = home / f"own_photographs_{halved}"
    demo.collect(own / "photos")
    images = mf.images.read(own / "photos")
    rng = np.random.default_rng(0)
    predicted = rng.uniform(0.45, 0.9, images.sizes["image"])
    kept = images.assign(memorability=("image", predicted)).reset_coords(["status", "reason"])
    kept = kept.assign(at_floor=kept["memorability"] <= 0.42, warnings=("image", [""] * len(predicted)))
    kept.attrs = {"model": "resmem", "floor": 0.42}
    (own / "results").mkdir()
    kept.to_netcdf(own / "results" / "06_own_predictions.nc", engine="h5netcdf")
    halves = predicted[:, None] + rng.normal(0, 0.05, (len(predicted), 2))
    names = {"image": images["image"].values, "recall": halves.mean(axis=1)}
    scores = pd.DataFrame(names | {"half1_1": halves[:, 0], "half2_1": halves[:, 1]})
    # one more, which cannot be read
    (own / "photos" / "broken.jpg").write_bytes(b"no picture")
    scores.loc[len(scores)] = ["broken.jpg", 0.5, 0.5, 0.5]
    # without scores by halves there is no ceiling
    scores[[*scores] if halved else ["image", "recall"]].to_csv(own / "scores.csv", index=False)
    paths = {"MEMFEAT_PHOTOS": str(own / "photos"), "MEMFEAT_SCORES": str(own / "scores.csv")}
    done = run(ROOT / "analyses" / "06_how_well_predicted.py", own, MEMFEAT_COLUMN="recall", **paths)
    assert done.returncode == 0, done.stderr
    with xr.open_dataset(own / "results" / "06_how_well_predicted.nc", engine="h5netcdf") as saved:
        assert saved["case"].values.tolist() == ["own, recall"]
        error = predicted - halves.mean(axis=1)
        np.testing.assert_allclose(saved["estimate"].sel(metric="bias"), [error.mean()])
        assert ("spearman_relative" in saved["metric"]) == halved
    assert f"1 of {len(scores)} photographs cannot be read or have no score, and are left out" in done.stdout


@pytest.mark.parametrize("script", ON_OWN)
def test_ones_own_photographs_are_analysed_without_the_named_sets(script, own_data, own_home):
    expected = "ignore:some images have no row in scores"
    done = run("-W", own_home, expected, str(ROOT / "analyses" / f"{script}.py"), **own_data)
    assert done.returncode == 0, done.stderr
    count = len(list(Path(own_data["MEMFEAT_PHOTOS"]).iterdir()))
    assert f"2 of {count} photographs cannot be read or have no score, and are left out" in done.stdout
    assert "there is no ceiling" in done.stdout
    with xr.open_dataset(own_home / "results" / f"{script}.nc", engine="h5netcdf") as saved:
        for name in ON_OWN[script]:
            assert 51 in saved[name].shape
            assert bool(((saved[name] > 0) & (saved[name] <= 1)).all())
        assert not [name for name in saved if str(name).startswith(("people", "attributes", "across"))]
        assert not [name for name in saved if "noise_upper" in str(name) or "relative" in str(name)]


def test_photographs_of_ones_own_need_scores_and_are_told_so(home):
    needy = ["06_how_well_predicted", "09_distinct_or_hard_to_draw", "10_prototypes"]
    for script in [*ON_OWN, "04_standing_out", "05_three_kinds", *needy]:
        done = run(ROOT / "analyses" / f"{script}.py", home, MEMFEAT_PHOTOS="photos")
        assert done.returncode == 1
        assert done.stderr.startswith("Set MEMFEAT_SCORES to a CSV")
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.data
def test_concepts_are_explained_by_category_typicality_and_dimensions(home, on_few):
    done = on_few("07_concepts")
    assert done.returncode == 0, done.stderr
    with xr.open_dataset(home / "results" / "07_concepts.nc", engine="h5netcdf") as saved:
        assert saved["way"].values.tolist() == ["mixed left out", "mixed are semantic", "mixed are visual"]
        shares, together = saved["estimate"].sum("subset"), saved["r2"].sel(subset="semantic & visual")
        np.testing.assert_allclose(shares, together)
        np.testing.assert_allclose(
            together.sel(way="mixed are semantic"), together.sel(way="mixed are visual"), atol=0.01
        )
        assert saved.sizes["category"] == 27
        assert int(saved["typicality_n"].sum()) == 1_619
        assert bool(((saved["typicality_p_fdr"] >= saved["typicality_p"]) & (saved["typicality_p_fdr"] <= 1)).all())
        assert bool((saved["ci_low"] <= saved["estimate"]).all() & (saved["estimate"] <= saved["ci_high"]).all())
        assert saved.attrs["partition_n_folds"] == 5
        for name in ("dimensions", "category"):
            assert bool(saved[f"{name}_r2_ci_low"] <= saved[f"{name}_r2"] <= saved[f"{name}_r2_ci_high"])
            assert saved.attrs[f"{name}_interval"].endswith("predictions held fixed")
        # the authors' notebook, as quoted in a summary
        by_likeness = saved["likeness_r2"].sel(likeness="Euclidean distance", fitted=["alone", "and embedding"])
        np.testing.assert_allclose(by_likeness, [0.032, 0.296], atol=5e-4)
        assert saved.sizes["likeness"] == 7
    assert "those without a category as one more: 0.234" in done.stdout


@pytest.mark.data
def test_raters_are_counted_from_reliability_and_saved(home, on_few):
    done = on_few("08_how_many_raters")
    assert done.returncode == 0, done.stderr
    with xr.open_dataset(home / "results" / "08_how_many_raters.nc", engine="h5netcdf") as saved:
        assert saved.sizes["measure"] == 3
        r, n = saved["reliability"], saved["answers"]
        wanted = np.ceil(n * 0.8 * (1 - r) / (r * 0.2) - 1e-9).where(r > 0)
        np.testing.assert_allclose(saved["raters"], wanted)
        seen = saved["thinned_observed"]
        assert set(saved["method"].values) == {"pearson", "spearman"}
        assert float(np.abs(seen).max()) <= 1
        np.testing.assert_allclose(saved["thinned_apart"], seen - saved["thinned_expected"])
        # twice as many answers double r / (1 − r), after Spearman and Brown
        assert saved["memcat_answers"].values.tolist() == [4, 8, 16, 32]
        odds = saved["memcat_expected"] / (1 - saved["memcat_expected"])
        np.testing.assert_allclose(odds, odds.isel(memcat_answers=[0]).values * [1, 2, 4, 8])
        assert bool((np.abs(saved["memcat_observed"]) <= 1).all())
        assert saved.attrs["target"] == 0.8


def test_raters_are_counted_from_trials_of_ones_own(home):
    trials = made_up_trials(30)
    # some people see no foils
    trials = trials[(trials["truth"] == "old") | (trials["participant"] < 52)]
    trials.to_csv(home / "trials.csv", index=False)
    own = home / "own"
    own.mkdir()
    done = run(
        ROOT / "analyses" / "08_how_many_raters.py", own, MEMFEAT_TRIALS=str(home / "trials.csv"), MEMFEAT_IMAGES="30"
    )
    assert done.returncode == 0, done.stderr
    with xr.open_dataset(own / "results" / "08_how_many_raters.nc", engine="h5netcdf") as saved:
        assert saved["case"].values.tolist() == ["own trials"]
        answers = saved["answers"].isel(case=0).to_series().to_dict()
        assert answers == {"hit_rate": 60, "false_alarm_rate": 52, "corrected_recognition": 60}
        r = saved["reliability"].isel(case=0).sel(measure="false_alarm_rate").item()
        assert saved["raters"].isel(case=0).sel(measure="false_alarm_rate") == np.ceil(52 * 0.8 * (1 - r) / (r * 0.2))
    assert "MemCat" not in done.stdout


@pytest.mark.data
def test_distances_and_errors_by_layer_are_those_published_and_saved(home, on_few):
    done = on_few("09_distinct_or_hard_to_draw")
    assert done.returncode == 0, done.stderr
    with xr.open_dataset(home / "results" / "09_distinct_or_hard_to_draw.nc", engine="h5netcdf") as saved:
        far = saved["published_estimate"][(saved["published_kind"] == "measure").values]
        hard = saved["published_estimate"][(saved["published_kind"] == "reconstruction error").values]
        # the README of the folder with the data, measured without memfeat
        np.testing.assert_allclose(far, [0.135, 0.140, 0.213, 0.281, 0.354, 0.322, 0.289], atol=5e-4)
        np.testing.assert_allclose(hard, [0.147, 0.158, 0.225, 0.276, 0.343, 0.307, 0.324], atol=5e-4)
        assert saved["trained_estimate"].shape == saved["untrained_estimate"].shape == (102,)
        assert saved["given_p_corrected"].shape == (5, 4)
        assert "magnitude given error" in saved["given_question"].values
        assert saved.attrs["given_correction"] == "Holm, over all 20"
        for name in ("published_p_corrected", "trained_p_corrected", "untrained_p_corrected", "given_p_corrected"):
            assert bool(((saved[name] > 0) & (saved[name] <= 1)).all())
        assert saved["between_contrast"].size == 7
        assert saved.attrs["pearson_2_covariates"] == "pool5"
    assert "which rounds to .30" in done.stdout


@pytest.mark.data
def test_prototypes_are_related_to_hits_and_false_alarms_and_saved(home, on_few):
    done = on_few("10_prototypes")
    assert done.returncode == 0, done.stderr
    with xr.open_dataset(home / "results" / "10_prototypes.nc", engine="h5netcdf") as saved:
        for measure in ("own", "other", "density", "pure"):
            for version in ("new", "old"):
                assert saved[f"{measure}_{version}_estimate"].shape == (52, 4)
                corrected = saved[f"{measure}_{version}_p_corrected"]
                assert bool(((corrected > 0) & (corrected <= 1)).all())
                assert saved.attrs[f"{measure}_{version}_permute"] == "whole"
        assert saved["own_new_kind"].values.tolist() == ["measure"] * 51 + ["people"]
        assert list(saved["own_new_score"].values) == ["hit rate", "false-alarm rate", "d′", "criterion"]
        assert saved.attrs["inside_new_permute"] == "within"
        assert saved["reliability_old_measure"].size == 5
    assert "Distance from own prototype and false-alarm rate, old" in done.stdout


@pytest.mark.data
def test_all_combinations_are_computed_and_saved(home, on_few):
    done = on_few("11_multiverse")
    assert done.returncode == 0, done.stderr
    with xr.open_dataset(home / "results" / "11_multiverse.nc", engine="h5netcdf") as saved:
        sizes = {"rocks": 4 * 2 * 4 * 2 * 3 * 2, "photographs": 4 * 2 * 4 * 2 * 2, "tables": 2 * 7 * 2}
        for name, size in sizes.items():
            assert saved[f"{name}_estimate"].shape == (size,)
            assert bool(((saved[f"{name}_p_joint"] > 0) & (saved[f"{name}_p_joint"] <= 1)).all())
            assert bool((saved[f"{name}_ci_low"] <= saved[f"{name}_ci_high"]).all())
            share = saved[f"{name}_share_of_variance"].values
            assert (share >= 0).all()
            pairs = saved[f"{name}_share_of_variance_of_pair"]
            assert pairs.size == share.size * (share.size - 1) / 2
            assert bool((pairs >= 0).all())
            assert share.sum() + float(pairs.sum()) <= 1 + 1e-9
            assert saved.attrs[f"{name}_combinations"] == size
        assert saved["rocks_choice"].values.tolist() == [
            "distance",
            "metric",
            "stage",
            "blocks",
            "score",
            "coefficient",
        ]
        assert (saved.attrs["rocks_unit"], saved.attrs["photographs_unit"]) == ("kinds", "images")
        assert saved.attrs["tables_share_of_the_other_sign"] == 0


@pytest.mark.data
def test_dissimilarities_are_related_to_both_scores_and_the_circle_is_kept_on_record(home, on_few):
    done = on_few("12_alike_by_stage")
    assert done.returncode == 0, done.stderr
    with xr.open_dataset(home / "results" / "12_alike_by_stage.nc", engine="h5netcdf") as saved:
        assert list(saved["joint"].shape) == [2, 3, 6, 4]
        bounds = saved["joint"].sel(joint_column=["ci_low", "coefficient", "ci_high"])
        assert bool((bounds.diff("joint_column") > 0).all())
        for name in ("profile_mean_hits", "profile_nearest_predictions"):
            assert saved[f"{name}_estimate"].shape == (153,)
            p = saved[f"{name}_p_corrected"]
            assert bool(((p > 0) & (p <= 1)).all())
        assert "circular" in saved.attrs["profile_mean_predictions_cautions"]
        assert "circular" not in saved.attrs.get("profile_mean_hits_cautions", "")
        assert "is the question" in saved.attrs["profile_mean_predictions_allowed"]
        assert int(saved.attrs["joint_n"]) == int(FEW)
        for name in ("retrained", "frozen", "untrained"):
            for what in ("early_less_late", "mean_less_nearest"):
                of = f"difference_{name}_{what}"
                less = saved[f"{of}_first_estimate"] - saved[f"{of}_second_estimate"]
                np.testing.assert_allclose(saved[f"{of}_estimate"], less)
    for name, said in {"retrained": "circular", "frozen": "circular", "untrained": "not circular"}.items():
        assert f"\n{name}: {said}\n" in done.stdout
    assert "<svg" in (home / "figures" / "12_alike_by_stage_joint.svg").read_text(encoding="utf-8")


@pytest.mark.data
def test_two_networks_with_the_same_weights_are_laid_side_by_side(home, on_few):
    done = on_few("13_frozen_or_retrained")
    assert done.returncode == 0, done.stderr
    assert "60,192,808 parameters in 467 tensors are the same; 155 batch norms differ" in done.stdout
    with xr.open_dataset(home / "results" / "13_frozen_or_retrained.nc", engine="h5netcdf") as saved:
        for what in ("batch_statistics_only", "trained_or_not"):
            assert saved[f"drift_{what}_estimate"].shape == (4, 10)
            assert saved[f"drift_{what}_decoded"].shape == (2, 10)
        alike, unlike = (saved[f"drift_{what}_estimate"][0] for what in ("batch_statistics_only", "trained_or_not"))
        assert bool((alike.values > unlike.values).all())
        assert saved.attrs["drift_batch_statistics_only_first_backbone"] == "released"
        assert saved.attrs["drift_batch_statistics_only_second_variant"] == "retrained"
        p = saved["changed_magnitude_frozen_p_corrected"]
        assert bool(((p > 0) & (p <= 1)).all())


@pytest.mark.data
def test_imagenets_network_is_compared_where_its_weights_lie_in_torchs_cache(home, on_few, data_folder, tmp_path):
    assert on_few("13_frozen_or_retrained").returncode == 0
    for name in ("02_lnsim_frozen", "13_lnsim_retrained", "03_lnsim_random"):
        shutil.copytree(home / "results" / f"{name}.zarr", tmp_path / "results" / f"{name}.zarr")
    # weights of the untrained network stand in for ImageNet's
    untrained = mf.models.load("resmem-frozen", backbone="random", rng=0).module.get_submodule("features")
    weights = tmp_path / "hub" / "checkpoints" / Path(ResNet152_Weights.IMAGENET1K_V1.url).name
    weights.parent.mkdir(parents=True)
    torch.save(untrained.state_dict(), weights)
    script = ROOT / "analyses" / "13_frozen_or_retrained.py"
    done = run(script, tmp_path, MEMFEAT_DATA=str(data_folder), MEMFEAT_IMAGES=FEW, TORCH_HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert f"retraining (ImageNet against retrained), n = {FEW}" in done.stdout
    with xr.open_dataset(tmp_path / "results" / "13_frozen_or_retrained.nc", engine="h5netcdf") as saved:
        found, stand_in = (saved[f"drift_{what}_estimate"].values for what in ("retraining", "trained_or_not"))
        np.testing.assert_array_equal(found, stand_in)
        assert "changed_mean_dissimilarity_ImageNet_estimate" in saved


@pytest.mark.data
def test_channels_are_related_to_scores_and_shown_without_a_restricted_photograph(home, on_few):
    done = on_few("14_filters")
    assert done.returncode == 0, done.stderr
    with xr.open_dataset(home / "results" / "14_filters.nc", engine="h5netcdf") as saved:
        assert dict(saved["low_level_r2"].sizes) == {"network": 2, "layer": 50, "quantile": 3}
        assert bool((saved["low_level_r2"].diff("quantile") >= 0).all())
        assert saved["trained_layer4.2_rho"].shape == (2048,)
        assert bool((saved["trained_layer4.2_p_fdr"] >= saved["trained_layer4.2_p"]).all())
        assert saved["halves"].shape == (2, 4, 3)
        assert saved["chosen_layer1.2_name"].sizes == {"features.layer1.2:channel": 1, "extreme": 2, "rank": 9}
        values = saved["chosen_layer1.2_value"].squeeze()
        most, least = (values.sel(extreme=end) for end in ("most", "least"))
        assert bool((most.diff("rank") <= 0).all() & (least.diff("rank") >= 0).all())
        picture = saved["chosen_layer1.2_picture"]
        assert bool(((picture >= 0) & (picture <= 1)).all())
    pictures = (home / "figures" / "14_filters_pictures.svg").read_text(encoding="utf-8")
    # the picture that was made, and a row of those that may be shown
    assert pictures.count("<image ") == 2
    assert "licence" in done.stdout
    assert "terms not stated" not in done.stdout


@pytest.mark.data
def test_scrambled_photographs_are_predicted_and_saved(home, on_few):
    done = on_few("15_scrambled")
    assert done.returncode == 0, done.stderr
    with xr.open_dataset(home / "results" / "15_scrambled.nc", engine="h5netcdf") as saved:
        assert saved["people_layer"].values.tolist() == ["intact", "whole", "whole 2"]
        assert saved["people_n"].values.tolist() == [6, 6, 6]
        for name in ("people_p_corrected", "network_p_corrected", "looks_p_corrected"):
            assert bool(((saved[name] > 0) & (saved[name] <= 1)).all())
        assert saved["less_second"].values.tolist() == ["intact", "intact"]
    # one prediction for each version of each photograph, none twice
    predictions = pd.read_csv(home / "results" / "15_scrambled_predictions.csv")
    assert len(predictions) == predictions["sha256"].nunique() == 18
    assert "amplitudes kept to within rounding" in done.stdout


@pytest.mark.data
def test_contexts_are_compared_and_saved(home, on_few):
    done = on_few("16_context")
    assert done.returncode == 0, done.stderr
    with xr.open_dataset(home / "results" / "16_context.nc", engine="h5netcdf") as saved:
        np.testing.assert_allclose(saved["scenes_all_estimate"], 0.657, atol=5e-4)
        # 51 layers and GIST; two scores of rocks
        assert saved["rocks_estimate"].shape == (52, 2)
        assert saved["outdoor_estimate"].shape == (52,)
        assert saved["inside_kinds_estimate"].shape == saved["entropy_estimate"].shape == (51, 2)
        # rocks that two experiments showed: three of each of five kinds
        assert saved["context_n"].values.tolist() == [15] * 51
        for name in ("rocks", "outdoor", "inside_kinds", "entropy", "context", "outdoor_over_GIST"):
            p = saved[f"{name}_p_corrected"]
            assert bool(((p > 0) & (p <= 1)).all())
        assert (saved.attrs["rocks_permute"], saved.attrs["inside_kinds_permute"]) == ("whole", "within")


@pytest.mark.data
def test_predictions_are_held_against_naturalness_and_saved(home, on_few):
    done = on_few("17_natural_scenes")
    assert done.returncode == 0, done.stderr
    with xr.open_dataset(home / "results" / "17_natural_scenes.nc", engine="h5netcdf") as saved:
        assert saved["set"].values.tolist() == ["first", "second"]
        assert saved["plain_n"].isel(plain_layer=0).values.tolist() == [375, 1104]
        corrected = saved["plain_estimate"].sel(plain_layer="ResMem", plain_score="corrected")
        np.testing.assert_allclose(corrected, [0.493, 0.545], atol=5e-4)
        for name in ("plain_p_corrected", "left_p_corrected", "alike_p_corrected", "ahead_p", "which_p"):
            assert bool(((saved[name] > 0) & (saved[name] <= 1)).all())
        assert saved["ahead_second"].item() == "−naturalness"
        assert saved.attrs["plain_method"] == "pearson correlation by layer"
