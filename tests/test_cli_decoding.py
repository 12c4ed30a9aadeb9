"""`memfeat decode`: every option gives what the same call gives in Python, and what cannot be meant is refused."""

import json

import click.testing
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import memfeat as mf
from memfeat.cli import main

N = 24
NAMES = [f"{k:02}.png" for k in range(N)]
FAST = {"n_permutations": 19, "n_bootstraps": 20, "folds": 3, "rng": 2}
OPTIONS = ["--permutations", 19, "--bootstraps", 20, "--folds", 3, "--seed", 2]


def never(*_, **__):
    raise AssertionError("computed before the arguments were checked")


def run(*arguments):
    runner = click.testing.CliRunner()
    if "mix_stderr" in click.testing.CliRunner.__init__.__code__.co_varnames:  # click before 8.2
        runner = click.testing.CliRunner(mix_stderr=False)
    return runner.invoke(main, ["decode", *map(str, arguments)])


def layers(*names, seed=0, images=NAMES):
    """Features of a few units per layer, the first unit of which goes with the number in the image's name."""
    rng = np.random.default_rng(seed)
    values = {name: rng.normal(size=(N, 3 + k)) for k, name in enumerate(names)}
    for layer in values.values():
        layer[:, 0] += np.arange(N) / 6
    arrays = {name: (("image", f"{name}:unit"), layer) for name, layer in values.items()}
    whole = xr.Dataset(arrays, coords={"image": np.array(NAMES, dtype=object)})
    return whole.sel(image=list(images))


@pytest.fixture
def folder(tmp_path):
    """A store of two layers, and a table in another order, in which some images lack something."""
    layers("early", "late").to_zarr(tmp_path / "net.zarr", zarr_format=2)
    rng = np.random.default_rng(1)
    hit_rate = np.arange(N) / 40 + 0.2 * rng.random(N)
    table = pd.DataFrame({"hit_rate": hit_rate, "false_alarms": 0.5 - hit_rate / 2 + 0.1 * rng.random(N)}, index=NAMES)
    table["luminance"], table["size"] = rng.random(N), rng.integers(1, 9, N)
    table["scene"], table["part"] = np.arange(N) // 2, np.arange(N) % 4
    for half in ("hr1_a", "hr2_a", "hr1_b", "hr2_b"):
        table[half] = table["hit_rate"] + 0.1 * rng.normal(size=N)
    for half in ("fa1_a", "fa2_a"):
        table[half] = table["false_alarms"] + 0.05 * rng.normal(size=N)
    table["half_1"], table["half_2"], table["kind"] = table["hr1_a"], table["hr2_a"], "photo"
    table.loc["03.png", "false_alarms"] = table.loc["05.png", "luminance"] = table.loc["07.png", "hr2_b"] = np.nan
    table.rename_axis("image").sample(frac=1, random_state=0).to_csv(tmp_path / "scores.csv")
    return tmp_path


@pytest.fixture
def table(folder):
    return pd.read_csv(folder / "scores.csv", dtype={"image": str}).set_index("image").sort_index()


@pytest.fixture
def start(folder):
    return [folder / "net.zarr", "--scores", folder / "scores.csv", *OPTIONS]


def assert_rows(rows, result):
    """Every statistic of every row is that of the result."""
    dims = [name for name in ("layer", "score") if name in result["estimate"].dims]
    statistics = [str(name) for name, values in result.items() if set(values.dims) <= set(result["estimate"].dims)]
    assert len(rows) == result["estimate"].size
    assert {"estimate", "ci_low", "p", "p_corrected", "r2", "n"} <= set(statistics)
    for row in rows:
        one = result.sel({dim: row[dim] for dim in dims})
        found = [np.nan if row[name] is None else row[name] for name in statistics]
        np.testing.assert_allclose(found, [one[name].item() for name in statistics], atol=1e-9)


def decoded(*arguments):
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout), done.stderr


# scores, covariates and reliability -----------------------------------------------------------------------------------


def test_several_columns_are_decoded_at_once(start, folder, table):
    found, said = decoded(*start, "--column", "hit_rate", "--column", "false_alarms")
    assert f"Left out, no false_alarms in {folder / 'scores.csv'}: 1: '03.png'" in said
    kept = table.drop(index="03.png")
    expected = mf.regression.decode(
        layers("early", "late", images=kept.index), kept[["hit_rate", "false_alarms"]], **FAST
    )
    assert_rows(found["rows"], expected)
    assert found["attrs"]["scores"] == ["hit_rate", "false_alarms"]
    printed = run(*start, "--column", "hit_rate", "--column", "false_alarms").stdout.splitlines()
    assert printed[0].split() == ["layer", "score", "estimate", "ci_low", "ci_high", "p", "p_corrected", "n"]
    assert [line.split()[:2] for line in printed[1:]] == [
        [layer, score] for layer in ("early", "late") for score in ("hit_rate", "false_alarms")
    ]


def test_covariates_are_columns_of_the_table(start, folder, table):
    found, said = decoded(*start, "--column", "hit_rate", "--covariates", "luminance", "--covariates", "size")
    assert f"Left out, no luminance in {folder / 'scores.csv'}: 1: '05.png'" in said
    kept = table.drop(index="05.png")
    expected = mf.regression.decode(
        layers("early", "late", images=kept.index), kept["hit_rate"], covariates=kept[["luminance", "size"]], **FAST
    )
    assert_rows(found["rows"], expected)
    assert found["attrs"]["covariates"] == ["luminance", "size"]


@pytest.mark.parametrize(
    ("named", "splits", "gone"),
    [
        ([], [("half_1", "half_2")], []),
        (["--half", "hr1_*", "hr2_*"], [("hr1_a", "hr2_a"), ("hr1_b", "hr2_b")], ["07.png"]),
        (["--half", "hr1_a", "hr2_a", "--half", "half_1", "half_2"], [("hr1_a", "hr2_a"), ("half_1", "half_2")], []),
    ],
)
def test_halves_give_the_reliability_that_they_give_in_python(named, splits, gone, start, folder, table):
    found, said = decoded(*start, "--column", "hit_rate", "--halves", folder / "scores.csv", *named)
    assert ("Left out, no scores of both halves in" in said) == bool(gone)
    kept = table.drop(index=gone)
    values = np.array([[kept[one] for one in split] for split in splits])
    halves = xr.DataArray(values, {"image": kept.index.to_numpy(dtype=object)}, ["split", "half", "image"])
    expected = mf.regression.decode(
        layers("early", "late", images=kept.index), kept["hit_rate"], reliability=halves, **FAST
    )
    assert_rows(found["rows"], expected)
    assert found["attrs"]["reliability"] == f"halves, {len(splits)} splits"
    assert {"estimate_relative", "reliability_spearman", "mse_floor_ci_low"} <= set(found["rows"][0])


def test_each_of_several_scores_has_its_reliability(start, folder, table):
    both = ["--column", "hit_rate", "--column", "false_alarms"]
    halves = ["--halves", folder / "scores.csv", "--half", "hr1_*", "hr2_*", "--half", "fa1_*", "fa2_*"]
    kept = table.drop(index=["03.png", "07.png"])
    images = {"image": kept.index.to_numpy(dtype=object)}
    known = {
        "hit_rate": [["hr1_a", "hr2_a"], ["hr1_b", "hr2_b"]],
        "false_alarms": [["fa1_a", "fa2_a"]],
    }
    reliability = {
        score: xr.DataArray(
            np.array([[kept[one] for one in split] for split in splits]), images, ["split", "half", "image"]
        )
        for score, splits in known.items()
    }
    features, scores = layers("early", "late", images=kept.index), kept[["hit_rate", "false_alarms"]]
    found, _ = decoded(*start, *both, *halves)
    assert_rows(found["rows"], mf.regression.decode(features, scores, reliability=reliability, **FAST))
    kept = table.drop(index="03.png")
    features, scores = layers("early", "late", images=kept.index), kept[["hit_rate", "false_alarms"]]
    numbers = {"hit_rate": {"split_half": 0.7}, "false_alarms": {"split_half": 0.5}}
    found, _ = decoded(*start, *both, "--split-half", 0.7, "--split-half", 0.5)
    assert_rows(found["rows"], mf.regression.decode(features, scores, reliability=numbers, **FAST))


def test_labels_of_images_that_are_left_out_change_no_others(start, folder, table):
    text = table.astype({"part": object})
    text.loc["03.png", "part"] = None
    text.to_csv(folder / "scores.csv")
    options = ["--column", "hit_rate", "--split", "part", "--held-out", "1", "--held-out", "2"]
    found, said = decoded(*start, *options)
    assert "Left out, no part in" in said
    kept = table.drop(index="03.png")
    how = FAST | {"folds": kept["part"], "held_out": ["1", "2"]}
    assert_rows(
        found["rows"], mf.regression.decode(layers("early", "late", images=kept.index), kept["hit_rate"], **how)
    )


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--column", "hit_rate"], 2, "--column names hit_rate twice; give each column once."),
        (["--covariates", "size", "--covariates", "size"], 2, "--covariates names size twice"),
        (["--split-half", 0.7, "--spearman-brown", 0.8], 2, "--halves say the same thing; give one."),
        (["--split-half", 0.7, "--halves", "SCORES"], 2, "--halves say the same thing; give one."),
        (["--split-half", 0.7, "--split-half", 0.6], 2, "Give --split-half once; there are 2."),
        (["--half", "half_1", "half_2"], 2, "--half names columns of --halves; give that table too."),
        (
            ["--column", "false_alarms", "--spearman-brown", 0.7],
            2,
            "Give --spearman-brown once for each --column, in the same order (hit_rate, false_alarms); there are 1.",
        ),
        (
            ["--column", "false_alarms", "--halves", "SCORES"],
            2,
            "Give --half once for each --column, in the same order (hit_rate, false_alarms); there are 0.",
        ),
        (["--covariates", "size", "--split-half", 0.7], 2, "is less reliable than the scores: leave out --split-half"),
        (["--covariates", "size", "--halves", "SCORES"], 2, "is less reliable than the scores: leave out --split-half"),
        (["--covariates", "sizes"], 3, "--covariates must be a known name; got 'sizes'. Did you mean 'size'?"),
        (["--covariates", "kind"], 3, "--covariates must hold numbers; got 'kind'."),
        (
            ["--covariates", "hit_rate"],
            3,
            "--covariates must leave something of each score; got nothing of 1: 'hit_rate'",
        ),
        (["--halves", "SCORES", "--half", "kind", "kind"], 3, "--half must hold numbers; got 'kind'."),
        (["--split-half", 1.7], 3, "--split-half must lie between 0 and 1; got 1.7."),
        (["--column", "flat"], 3, "--column flat must differ between images; got 0.5 for every image."),
        (["--column", "empty"], 3, "FEATURES and --scores must share an image that has hit_rate in "),
    ],
)
def test_columns_that_cannot_be_meant_are_errors_with_advice(options, code, message, start, folder, table):
    table.assign(flat=0.5, empty=np.nan).to_csv(folder / "scores.csv")
    options = [folder / "scores.csv" if option == "SCORES" else option for option in options]
    done = run(*start, "--column", "hit_rate", *options)
    assert done.exit_code == code, done.stderr
    assert message in " ".join(done.stderr.split())


# several sets of features ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("combine", [None, "concatenate", "stack", "banded"])
def test_several_stores_are_used_together_as_sets_are(combine, start, folder, table, tmp_path):
    if combine == "banded":
        pytest.importorskip("himalaya")
    other = layers("late", "wide", seed=5).isel(image=slice(None, 0, -1))
    other.to_zarr(tmp_path / "other.net.zarr", zarr_format=2)
    how = [] if combine is None else ["--combine", combine]
    both = [start[0], tmp_path / "other.net.zarr", *start[1:], "--column", "hit_rate", *how]
    done = run(*both, "-o", tmp_path / "all.nc", "--json")
    assert done.exit_code == 0, done.stderr
    assert "Left out, not in all FEATURES: 1: '00.png'" in done.stderr
    kept = table.drop(index="00.png")
    sets = {"net": layers("early", "late", images=kept.index), "other.net": other}
    expected = mf.regression.decode(sets, kept["hit_rate"], **FAST, **({} if combine is None else {"combine": combine}))
    with xr.open_dataset(tmp_path / "all.nc", engine="h5netcdf") as saved:
        xr.testing.assert_allclose(saved.load().drop_attrs(), expected.drop_attrs())
        assert saved.attrs["combine"] == (combine or "concatenate")
    rows = json.loads(done.stdout)["rows"]
    assert [row["layer"] for row in rows] == ["net & other.net"]
    assert_rows(rows, expected)


def test_stores_that_cannot_be_used_together_are_errors_with_advice(start, folder, tmp_path):
    (tmp_path / "more").mkdir()
    layers("third", seed=3).to_zarr(tmp_path / "more" / "net.zarr", zarr_format=2)
    layers("fourth", seed=4).to_zarr(tmp_path / "fourth.zarr", zarr_format=2)
    elsewhere = layers("third").assign_coords(image=np.array([f"x{name}" for name in NAMES], dtype=object))
    elsewhere.to_zarr(tmp_path / "elsewhere.zarr", zarr_format=2)
    layers("early").to_zarr(tmp_path / "again.zarr", zarr_format=2)

    def refused(*more):
        done = run(start[0], *more, *start[1:], "--column", "hit_rate")
        return done.exit_code, " ".join(done.stderr.split())

    for more, code, message in [
        (["--combine", "stack"], 2, "--combine says how several FEATURES are used together; give more than one."),
        ([tmp_path / "more" / "net.zarr"], 2, "Two FEATURES are called net; results tell them apart by their names"),
        ([tmp_path / "elsewhere.zarr"], 3, "FEATURES must have images in common; got net 24: '00.png', "),
        (
            [tmp_path / "again.zarr"],
            3,
            "FEATURES must hold each layer once; got layer 'early' twice, in 'net' and 'again'",
        ),
        (
            [tmp_path / "fourth.zarr", "--combine", "add"],
            3,
            "--combine must be one of 'concatenate', 'stack', 'banded'",
        ),
    ]:
        found, said = refused(*more)
        assert found == code, said
        assert message in said


# contrasts ------------------------------------------------------------------------------------------------------------


def assert_contrasts(rows, expected):
    assert len(rows) == expected["estimate"].size
    values = ["estimate", "ci_low", "ci_high", "p", "p_corrected", "first_estimate", "second_estimate"]
    for row in rows:
        place = {"contrast": f"{row['first']} − {row['second']}", "metric": row["metric"]}
        one = expected.sel(place | ({"score": row["score"]} if "score" in row else {}))
        np.testing.assert_allclose([row[name] for name in values], [one[name].item() for name in values], atol=1e-9)
        assert row["n"] == one["n"].item()


def test_layers_are_compared_with_one_as_in_python(folder, table, tmp_path):
    features = layers("early", "late", "last")
    features.to_zarr(tmp_path / "three.zarr", zarr_format=2)
    kept = table.drop(index="03.png")
    scores, features = kept[["hit_rate", "false_alarms"]], features.sel(image=kept.index)
    scene = xr.DataArray(kept["scene"].to_numpy(), {"image": features["image"]}, ["image"], name="scene")
    expected = mf.regression.contrast(
        mf.regression.decode(features, scores, groups=scene, permute="whole", **FAST), scores,
        against="late", blocks=scene, permute="whole", n_bootstraps=20, rng=2,
    )  # fmt: skip
    start = [tmp_path / "three.zarr", "--scores", folder / "scores.csv", *OPTIONS, "--against", "late"]
    start += ["--column", "hit_rate", "--column", "false_alarms", "--groups", "scene", "--permute", "whole"]
    found, _ = decoded(*start)
    assert_contrasts(found["contrasts"]["rows"], expected)
    assert found["contrasts"]["attrs"]["method"] == "contrast of decoding, paired bootstrap"
    table_, contrasts = run(*start).stdout.split("\n\n")
    assert len(table_.splitlines()) == 7
    head, *lines = contrasts.splitlines()
    assert head.split() == [
        "first",
        "second",
        "score",
        "metric",
        "estimate",
        "ci_low",
        "ci_high",
        "p",
        "p_corrected",
        "n",
    ]
    assert [line.split()[:4] for line in lines] == [
        [layer, "late", score, "spearman"] for layer in ("early", "last") for score in ("hit_rate", "false_alarms")
    ]


def test_contrasts_beyond_covariates_go_into_a_file_beside(start, folder, table):
    arguments = [*start, "--column", "hit_rate", "--covariates", "size", "--against", "early"]
    done = run(*arguments, "-o", folder / "decoding.csv")
    assert done.exit_code == 0, done.stderr
    beside = folder / "decoding.contrasts.csv"
    assert done.stdout == f"Wrote {folder / 'decoding.csv'} (2 rows).\nWrote {beside} (4 rows).\n"
    result = mf.regression.decode(layers("early", "late"), table["hit_rate"], covariates=table["size"], **FAST)
    expected = mf.regression.contrast(result, table["hit_rate"], against="early", n_bootstraps=20, rng=2)
    assert_rows(pd.read_csv(folder / "decoding.csv").to_dict("records"), result)
    assert_contrasts(pd.read_csv(beside).to_dict("records"), expected)
    assert json.loads((folder / "decoding.contrasts.csv.json").read_text())["n_bootstraps"] == 20
    done = run(*arguments, "-o", folder / "decoding.nc")
    assert done.exit_code == 0, done.stderr
    with xr.open_dataset(folder / "decoding.contrasts.nc", engine="h5netcdf") as saved:
        xr.testing.assert_allclose(saved.load().drop_attrs(), expected.drop_attrs())


def test_contrasts_that_cannot_be_made_are_errors_with_advice_before_the_work(start, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(mf.regression, "decode", never)
    layers("third").to_zarr(tmp_path / "third.zarr", zarr_format=2)
    (folder / "taken.contrasts.csv").mkdir()
    one, *rest = [*start, "--column", "hit_rate"]
    for arguments, code, message in [
        ([one, *rest, "--against", "lat"], 3, "--against must be a known name; got 'lat'. Did you mean 'late'?"),
        ([one, tmp_path / "third.zarr", *rest, "--against", "late"], 2, "--against compares layers of one store;"),
        (
            [one, *rest, "--against", "late", "--bootstraps", 0],
            2,
            "in bootstrap samples; give more than --bootstraps 0.",
        ),
        ([tmp_path / "third.zarr", *rest, "--against", "third"], 3, "FEATURES must hold two layers at least with"),
        ([one, *rest, "--against", "late", "-o", folder / "taken.csv"], 3, "--out must be a file that can be written"),
    ]:
        done = run(*arguments)
        assert done.exit_code == code, done.stderr
        assert message in " ".join(done.stderr.split())


# a figure of the layers -----------------------------------------------------------------------------------------------


def test_the_layer_profile_is_drawn_as_in_python_with_how_it_was_made(start, folder, table, tmp_path):
    done = run(
        *start, "--column", "hit_rate", "-o", folder / "decoding.csv", "--figure", folder / "new" / "profile.SVG"
    )
    assert (done.exit_code, done.stdout) == (0, f"Wrote {folder / 'decoding.csv'} (2 rows).\n"), done.stderr
    file = folder / "new" / "profile.svg"
    assert f"Drew the layer profile in {file}." in done.stderr
    expected = mf.regression.decode(layers("early", "late"), table["hit_rate"], **FAST)
    (drawn,) = mf.plot.save(mf.plot.layer_profile(expected), tmp_path / "expected.svg")
    assert file.read_text() == drawn.read_text()
    told = json.loads((folder / "new" / "profile.svg.json").read_text())
    assert (told["seed"], told["n_permutations"]) == ("2", 19)


def test_a_figure_that_cannot_be_drawn_is_refused_before_the_work(start, folder, monkeypatch):
    monkeypatch.setattr(mf.regression, "decode", never)
    (folder / "mine.svg").write_text("<svg/>")
    for name, message in {
        "profile.jpg": "--figure must end in .svg or .png or .pdf; got",
        "mine.svg": "--figure must be a new file, or one that memfeat wrote",
    }.items():
        done = run(*start, "--column", "hit_rate", "--figure", folder / name)
        assert done.exit_code == 3
        assert message in done.stderr
    done = run(*start, "--column", "hit_rate", "--column", "false_alarms", "--figure", folder / "profile.svg")
    assert done.exit_code == 2
    assert "--figure draws one score; give one --column." in done.stderr
