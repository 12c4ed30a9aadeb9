"""Analyses: scripts and notebooks hold the same code, and both run from beginning to end."""

import os
import re
import subprocess
import sys
from pathlib import Path

import jupytext
import nbclient
import nbformat
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from memfeat import demo

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "analyses").glob("*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PAIRS = [(path, ROOT / "notebooks" / f"{path.stem}.ipynb") for path in SCRIPTS]
every_pair = pytest.mark.parametrize(("script", "notebook"), PAIRS, ids=[path.stem for path in SCRIPTS])
NEEDS_DATA = {path.stem for path in SCRIPTS if "MEMFEAT_DATA" in path.read_text(encoding="utf-8")}
#: How many images of each set analyses of real data take here: two of each of eight kinds of rock.
FEW = "16"
every_script = pytest.mark.parametrize(
    "script",
    [pytest.param(path, marks=pytest.mark.data if path.stem in NEEDS_DATA else ()) for path in SCRIPTS],
    ids=[path.stem for path in SCRIPTS],
)
MEGABYTE = 2**20


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Where analyses write while they are tested; what one has extracted the next one finds."""
    return tmp_path_factory.mktemp("analyses")


def run(script, home, **environment):
    """Run a script as a user would, with warnings as errors."""
    known = {key: value for key, value in os.environ.items() if not key.startswith("MEMFEAT_")}
    return subprocess.run(
        [sys.executable, "-W", "error", script],
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
def alike_to_people(home, data_folder):
    """The script on real data, run once on a few images of each set."""
    script = ROOT / "analyses" / "02_alike_to_people.py"
    return run(script, home, MEMFEAT_DATA=str(data_folder), MEMFEAT_IMAGES=FEW)


@pytest.fixture(scope="module")
def read_out(home, data_folder):
    """The script that predicts scores, run once on a few images of each set."""
    return run(ROOT / "analyses" / "03_read_out.py", home, MEMFEAT_DATA=str(data_folder), MEMFEAT_IMAGES=FEW)


@pytest.fixture(scope="module")
def standing_out(home, data_folder):
    """The script about single images, run once on a few images of each set."""
    return run(ROOT / "analyses" / "04_standing_out.py", home, MEMFEAT_DATA=str(data_folder), MEMFEAT_IMAGES=FEW)


@pytest.fixture(scope="module")
def three_kinds(home, data_folder):
    """The script about sets of images, run once on a few."""
    return run(ROOT / "analyses" / "05_three_kinds.py", home, MEMFEAT_DATA=str(data_folder), MEMFEAT_IMAGES=FEW)


@pytest.fixture(scope="module")
def alike_by_stage(home, data_folder):
    """The script about mean dissimilarities, run once on a few images."""
    return run(ROOT / "analyses" / "12_alike_by_stage.py", home, MEMFEAT_DATA=str(data_folder), MEMFEAT_IMAGES=FEW)


@pytest.fixture(scope="module")
def frozen_or_retrained(home, data_folder):
    """The script about two networks, run once on a few images."""
    script = ROOT / "analyses" / "13_frozen_or_retrained.py"
    return run(script, home, MEMFEAT_DATA=str(data_folder), MEMFEAT_IMAGES=FEW)


@pytest.fixture(scope="module")
def filters(home, data_folder):
    """The script about single channels, run once on a few images."""
    return run(ROOT / "analyses" / "14_filters.py", home, MEMFEAT_DATA=str(data_folder), MEMFEAT_IMAGES=FEW)


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


@every_pair
def test_the_script_asks_a_question_and_asserts_what_it_reports(script, notebook):
    text = script.read_text(encoding="utf-8")
    title = next(line for line in text.splitlines() if line.startswith("# # "))
    assert title.endswith("?")
    assert text.count("\nassert ") >= 5


@every_script
def test_the_script_runs(script, home, request):
    done = request.getfixturevalue(script.stem.partition("_")[2])
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


def test_an_analysis_of_real_data_says_what_to_set_where_they_are_not(home):
    for script in (path for path in SCRIPTS if path.stem in NEEDS_DATA):
        done = run(script, home)
        assert done.returncode == 1
        assert done.stderr.startswith("Set MEMFEAT_DATA to the folder")
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.data
def test_layers_and_people_are_compared_and_saved(home, alike_to_people):
    assert alike_to_people.returncode == 0, alike_to_people.stderr
    with xr.open_dataset(home / "results" / "02_alike_to_people.nc", engine="h5netcdf") as saved:
        assert saved["people_estimate"].sizes == {"network": 2, "layer": 51}
        assert saved["memory_estimate"].sizes == {"layer": 51, "hypothesis": 3}
        for name in ("people_p_corrected", "memory_p_corrected"):
            assert bool(((saved[name] > 0) & (saved[name] <= 1)).all())
        assert bool(((saved["noise_upper"] > 0) & (saved["noise_upper"] <= 1)).all())
        assert saved.attrs["people_frozen_permute"] == "whole"
        assert saved.attrs["people_retrained_allowed"] != ""
        assert saved.attrs["memory_permute"] == "free"
    assert "<svg" in (home / "figures" / "02_alike_to_people_memory.svg").read_text(encoding="utf-8")


@pytest.mark.data
def test_scores_are_read_out_and_saved_with_their_ceilings(home, read_out):
    assert read_out.returncode == 0, read_out.stderr
    with xr.open_dataset(home / "results" / "03_read_out.nc", engine="h5netcdf") as saved:
        assert saved["released_estimate"].shape == saved["random_estimate"].shape == (51,)
        assert saved["low_level_estimate"].sizes == {"low_level_layer": 1}
        assert saved["across_estimate"].sizes == {"across_layer": 36}
        for name in ("released_p_corrected", "random_p_corrected", "attributes_p", "within_p_fdr"):
            assert bool(((saved[name] > 0) & (saved[name] <= 1)).all())
        ceiling = np.sqrt(saved["released_reliability_spearman"])
        relative = saved["released_estimate"] / ceiling
        np.testing.assert_allclose(saved["released_estimate_relative"], relative)
        assert int(saved["attributes_n"]) == int(FEW)
        assert (saved.attrs["released_scale"], saved.attrs["random_backbone"]) == ("unit", "random")
        assert (saved.attrs["across_permute"], saved.attrs["within_permute"]) == ("whole", "within")
        assert saved.attrs["within_fold_groups"] == "subcategory"
        assert saved.attrs["attributes_folds"] == "split"
        # predictions are images one by one, and what is saved here is about layers
        assert "released_image" not in saved.dims
    assert "<svg" in (home / "figures" / "03_read_out_transformers.svg").read_text(encoding="utf-8")
    assert "best of four on the test part" in read_out.stdout


@pytest.mark.data
def test_measures_of_single_images_are_related_and_saved(home, standing_out):
    assert standing_out.returncode == 0, standing_out.stderr
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
    for name in ("typical", "strength"):
        assert "<svg" in (home / "figures" / f"04_standing_out_{name}.svg").read_text(encoding="utf-8")


@pytest.mark.data
def test_sets_of_images_are_compared_and_saved(home, three_kinds):
    assert three_kinds.returncode == 0, three_kinds.stderr
    with xr.open_dataset(home / "results" / "05_three_kinds.nc", engine="h5netcdf") as saved:
        assert saved["apart_estimate"].sizes == {"apart_statistic": 2, "apart_layer": 51, "apart_contrast": 3}
        assert saved["remembered_n"].values.tolist() == [4, 4, 4]
        for name in ("remembered_p_corrected", "apart_p_corrected"):
            known = saved[name].values[np.isfinite(saved[name].values)]
            assert known.size
            assert ((known > 0) & (known <= 1)).all()
        assert (saved.attrs["remembered_unit"], saved.attrs["apart_permute"]) == ("clusters", "whole")
    assert "P-values come from all 6 rearrangements of whole groups" in " ".join(three_kinds.stdout.split())


@pytest.mark.data
def test_dissimilarities_are_related_to_both_scores_and_the_circle_is_kept_on_record(home, alike_by_stage):
    assert alike_by_stage.returncode == 0, alike_by_stage.stderr
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
    for name, said in {"retrained": "circular", "frozen": "circular", "untrained": "not circular"}.items():
        assert f"\n{name}: {said}\n" in alike_by_stage.stdout
    assert "<svg" in (home / "figures" / "12_alike_by_stage_joint.svg").read_text(encoding="utf-8")


@pytest.mark.data
def test_two_networks_with_the_same_weights_are_laid_side_by_side(home, frozen_or_retrained):
    assert frozen_or_retrained.returncode == 0, frozen_or_retrained.stderr
    assert "60,192,808 parameters in 467 tensors are the same; 155 batch norms differ" in frozen_or_retrained.stdout
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
def test_channels_are_related_to_scores_and_shown_without_a_restricted_photograph(home, filters):
    assert filters.returncode == 0, filters.stderr
    with xr.open_dataset(home / "results" / "14_filters.nc", engine="h5netcdf") as saved:
        assert dict(saved["low_level_r2"].sizes) == {"network": 2, "layer": 50, "quantile": 3}
        assert bool((saved["low_level_r2"].diff("quantile") >= 0).all())
        assert saved["trained_layer4.2_rho"].shape == (2048,)
        assert bool((saved["trained_layer4.2_p_fdr"] >= saved["trained_layer4.2_p"]).all())
        assert saved["halves"].shape == (2, 4, 3)
    pictures = (home / "figures" / "14_filters_pictures.svg").read_text(encoding="utf-8")
    # the picture that was made, and a row of those that may be shown
    assert pictures.count("<image ") == 2
    assert "licence" in filters.stdout
    assert "terms not stated" not in filters.stdout


@pytest.mark.parametrize(
    "notebook", [path for path in NOTEBOOKS if path.stem not in NEEDS_DATA], ids=lambda at: at.stem
)
def test_the_notebook_runs(notebook, home, monkeypatch):
    """Those of real data hold the code of a script that has run, word for word."""
    monkeypatch.setenv("MEMFEAT_ANALYSES", str(home))
    monkeypatch.delenv("MPLBACKEND", raising=False)
    content = nbformat.read(notebook, as_version=4)
    done = nbclient.NotebookClient(content, timeout=600, kernel_name="python3").execute(cwd=str(home))
    figures = [out for cell in done.cells for out in cell.get("outputs", []) if "image/png" in out.get("data", {})]
    assert figures
