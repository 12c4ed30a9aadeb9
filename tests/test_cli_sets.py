"""`memfeat compare-sets` and `memfeat match-sets`: what is printed and written, and how they end."""

import json
import re

import click.testing
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from PIL import Image
from scenes import scene

from memfeat import sets
from memfeat.cli import main
from memfeat.cli.outputs import shown

QUICK = ["--permutations", "49", "--bootstraps", "49", "--quiet"]


def run(*arguments):
    return click.testing.CliRunner().invoke(main, [str(argument) for argument in arguments])


def scored(n=12, kind="old", seed=0):
    rng = np.random.default_rng(seed)
    values = {"image": [f"{kind}{i:02}.jpg" for i in range(n)], "hit_rate": rng.beta(8, 4, n), "light": rng.random(n)}
    return pd.DataFrame(values).assign(kind=kind)


@pytest.fixture
def tables(tmp_path):
    """Two tables of scores, and both in one."""
    both = {kind: scored(kind=kind, seed=k) for k, kind in enumerate(["old", "new"])}
    for kind, table in both.items():
        table.to_csv(tmp_path / f"{kind}.csv", index=False)
    pd.concat(both.values()).to_csv(tmp_path / "both.csv", index=False)
    return tmp_path


def test_two_tables_are_compared_as_in_python(tables):
    done = run("compare-sets", tables / "old.csv", tables / "new.csv", "--values", "hit_rate", "--json", *QUICK)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    by_name = {kind: scored(kind=kind, seed=k) for k, kind in enumerate(["old", "new"])}
    wanted = sets.compare(by_name, values="hit_rate", n_permutations=49, n_bootstraps=49)
    rows = {row["statistic"]: row for row in found["rows"]}
    assert rows.keys() == set(wanted["statistic"].values)
    for key in ("estimate", "ci_low", "p"):
        value = wanted[key].sel(statistic="mean_difference").item()
        assert rows["mean_difference"][key] == pytest.approx(value, rel=1e-9)
    assert found["attrs"]["n_permutations"] == 49


def test_small_p_values_are_not_shown_as_zero():
    table = pd.DataFrame(
        {
            "name": ["a", "b", "c"],
            "estimate": [0.0001, 0.5, np.nan],
            "p": [0.0001, 0.001, np.nan],
            "p_corrected": [0.000999, 0.04649, 1.0],
            "p_fdr": [0.0, 0.5, 0.25],
            "equivalence_p": [0.0004, 0.2, 0.0123],
            "n_p": [1, 2, 3],
        }
    )
    before = table.copy()
    rows = [row.split() for row in shown(table).splitlines()]
    assert rows[1] == ["a", "0.000", "<.001", "<.001", "<.001", "<.001", "1"]
    assert rows[2] == ["b", "0.500", "0.001", "0.046", "0.500", "0.200", "2"]
    assert rows[3] == ["c", "1.000", "0.250", "0.012", "3"]
    pd.testing.assert_frame_equal(table, before)


def test_the_terminal_shows_small_p_values_and_files_hold_them(tmp_path):
    for kind, low in (("old", 0.1), ("new", 0.8)):
        scored(kind=kind).assign(hit_rate=low + np.arange(12) / 100).to_csv(tmp_path / f"{kind}.csv", index=False)
    sides = ["compare-sets", tmp_path / "old.csv", tmp_path / "new.csv", "--values", "hit_rate"]
    many = ["--permutations", "2999", "--bootstraps", "49", "--quiet"]
    printed, as_json = run(*sides, *many), run(*sides, *many, "--json")
    row = next(line for line in printed.stdout.splitlines() if "mean_difference" in line)
    assert "<.001" in row
    p = next(row["p"] for row in json.loads(as_json.stdout)["rows"] if row["statistic"] == "mean_difference")
    assert p == pytest.approx(1 / 3000)


def test_the_terminal_shows_sets_and_differences(tables):
    done = run("compare-sets", tables / "both.csv", "--by", "kind", "--values", "hit_rate", *QUICK)
    assert done.exit_code == 0, done.output
    first, *rest = done.stdout.splitlines()
    assert first.split() == ["set", "n", "n_unreadable", "mean", "median", "sd"]
    assert [row.split()[0] for row in rest[:2]] == ["new", "old"]
    assert any("mean_difference" in row and "new − old" in row for row in rest)
    assert run("compare-sets", tables / "both.csv", "--by", "sort", *QUICK).exit_code == 3


def test_the_terminal_shows_equivalence_and_all_sets_where_they_were_asked_for(tables):
    third = tables / "third.csv"
    scored(kind="third", seed=4).to_csv(third, index=False)
    files = [tables / "old.csv", tables / "new.csv"]
    plain = run("compare-sets", *files, "--values", "hit_rate", *QUICK).stdout
    assert "equivalence" not in plain
    assert "omnibus" not in plain
    lines = run("compare-sets", *files, third, "--values", "hit_rate", "--bound", "0.1", *QUICK).stdout.splitlines()
    at = next(k for k, line in enumerate(lines) if "equivalence_p" in line)
    assert [line.split()[0] for line in lines[at + 1 : at + 4]] == ["old", "old", "new"]
    assert any(line.split()[:1] == ["kruskal_wallis"] for line in lines)


def test_the_report_is_one_page_and_escapes_names(tables):
    odd = tables / "<script>x & y.csv"
    scored(kind="odd", seed=3).to_csv(odd, index=False)
    page = tables / "report.html"
    done = run(
        "compare-sets", tables / "old.csv", odd, "--values", "hit_rate", "--values", "light", "--report", page, *QUICK
    )
    assert done.exit_code == 0, done.output
    assert f"Wrote {page}." in done.stdout
    text = page.read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;x &amp; y" in text
    assert text.count("data:image/svg+xml;base64,") == 2
    assert not re.search(r'(src|href)="(?!data:)', text)
    for title in (
        "Differences",
        "Methods",
        "Results",
        "References",
        "Near-duplicates",
        "Unreadable files",
    ):
        assert f"<h2>{title}</h2>" in text
    assert "Not looked for: tables hold no pictures, and there are no features." in text
    assert "Difference of means" in text
    assert "by hit_rate and light." in text


def test_the_report_may_be_markdown_with_figures_beside_it(tables):
    done = run("compare-sets", tables / "old.csv", tables / "new.csv", "--values", "hit_rate", *QUICK,
               "--report", tables / "report.md")  # fmt: skip
    assert done.exit_code == 0, done.output
    text = (tables / "report.md").read_text(encoding="utf-8")
    assert text.startswith("# Image sets compared: old, new\n")
    assert "| Contrast | Statistic |" in text
    assert "![hit\\_rate](report_1.svg)" in text
    assert "<svg" in (tables / "report_1.svg").read_text(encoding="utf-8")
    assert run("compare-sets", tables / "old.csv", tables / "new.csv", "--report", tables / "report.pdf").exit_code == 3


def test_covariates_clusters_and_a_bound_are_passed_on(tables):
    done = run("compare-sets", tables / "both.csv", "--by", "kind", "--values", "hit_rate", "--covariates", "light",
               "--bound-sd", "0.5", "-o", tables / "found.csv", *QUICK)  # fmt: skip
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tables / "found.csv")
    assert "adjusted_difference" in table["statistic"].tolist()
    assert table["equivalence_p"].between(0, 1).all()
    attrs = json.loads((tables / "found.csv.json").read_text())
    assert (attrs["bound"], attrs["covariates"]) == (0.5, ["light"])


def test_features_are_compared_by_layer(tables):
    rng = np.random.default_rng(2)
    names = [f"{kind}{i:02}.jpg" for kind in ("old", "new") for i in range(12)][:-1]
    layers = {name: (("image", f"{name}:unit"), rng.normal(size=(23, 30))) for name in ("conv.1", "fc")}
    xr.Dataset(layers, {"image": np.array(names, dtype=object)}).to_zarr(tables / "features.zarr", zarr_format=2)
    asked = ["compare-sets", tables / "both.csv", "--by", "kind", "--values", "hit_rate", *QUICK]
    asked += ["--features", tables / "features.zarr", "--statistics", "energy"]
    done = run(*asked, "-o", tables / "found.csv", "--report", tables / "report.html")
    assert done.exit_code == 0, done.output
    assert "No features of 1 images, such as new11.jpg." in done.stderr
    table = pd.read_csv(tables / "found.features.csv")
    assert table["layer"].tolist() == ["conv.1", "fc"]
    sides = table[["first", "n_first", "second", "n_second"]]
    assert sides.to_numpy().tolist() == [["new", 11, "old", 12]] * 2
    text = (tables / "report.html").read_text(encoding="utf-8")
    assert "<h2>In feature space</h2>" in text
    assert "Energy distance" in text
    assert "None, within sets or between them." in text
    found = json.loads(run(*asked, "--layers", "fc", "--json").stdout)
    assert [row["layer"] for row in found["features"]["rows"]] == ["fc"]


@pytest.mark.parametrize("statistic", ["neighbours", "classifier"])
def test_sets_too_small_for_a_statistic_are_refused_in_words_of_the_command_line(tables, statistic):
    few = pd.concat([scored(n=4, kind=kind) for kind in ("old", "new")])
    few.to_csv(tables / "few.csv", index=False)
    xr.Dataset({"fc": (("image", "fc:unit"), np.eye(8))}, {"image": list(few["image"])}).to_zarr(
        tables / "few.zarr", zarr_format=2
    )
    done = run("compare-sets", tables / "few.csv", "--by", "kind", "--values", "hit_rate", *QUICK,
               "--features", tables / "few.zarr", "--statistics", statistic)  # fmt: skip
    assert done.exit_code == 3
    assert f"Take larger sets, or name statistics other than {statistic}, such as --statistics energy." in done.stderr
    assert "Pass" not in done.stderr


def test_pairs_with_an_unreadable_version_are_reported_without_their_partner(tables):
    plain = scored().assign(status=["unreadable"] + ["ok"] * 11)
    plain.to_csv(tables / "plain.csv", index=False)
    scored(seed=5).to_csv(tables / "edited.csv", index=False)
    pair = [tables / "plain.csv", tables / "edited.csv"]
    asked = ["compare-sets", *pair, "--values", "hit_rate", "--paired", "image", *QUICK]
    done = run(*asked, "--report", tables / "report.html")
    assert done.exit_code == 1
    assert "d_z" in done.stdout
    assert "11 originals" in (tables / "report.html").read_text(encoding="utf-8")
    xr.Dataset({"fc": (("image", "fc:unit"), np.eye(12))}, {"image": list(plain["image"])}).to_zarr(
        tables / "features.zarr", zarr_format=2
    )
    refused = run(*asked, "--features", tables / "features.zarr")
    assert refused.exit_code == 2
    assert "--features holds each image once, by name" in re.sub(r"\s+", " ", refused.stderr)


@pytest.mark.parametrize(("clusters", "scheme"), [("nested", "whole"), ("crossed", "within")])
def test_clusters_change_places_in_feature_space_too(tables, clusters, scheme):
    table = pd.read_csv(tables / "both.csv")
    rows = np.arange(len(table))
    table.assign(nested=rows // 3, crossed=rows % 6).to_csv(tables / "grouped.csv", index=False)
    values = np.random.default_rng(3).normal(size=(len(table), 30))
    values[1] = 2 * values[0]
    layer = {"fc": (("image", "fc:unit"), values)}
    xr.Dataset(layer, {"image": list(table["image"])}).to_zarr(tables / "features.zarr", zarr_format=2)
    asked = ["compare-sets", tables / "grouped.csv", "--by", "kind", "--values", "hit_rate,light", *QUICK]
    asked += ["--clusters", clusters, "--features", tables / "features.zarr", "--statistics", "energy"]
    found = json.loads(run(*asked, "--json", "--report", tables / "report.html").stdout)
    assert found["attrs"]["unit"] == "clusters"
    assert {row["score"] for row in found["rows"]} == {"hit_rate", "light"}
    assert found["features"]["attrs"]["permute"] == scheme
    assert "0 pairs between sets, 1 within." in (tables / "report.html").read_text(encoding="utf-8")


@pytest.fixture
def folders(tmp_path):
    """Two folders of scenes; one scene stands in both, and one file is none."""
    for kind, seeds in {"faces": (0, 1, 2), "scenes": (0, 3, 4)}.items():
        (tmp_path / kind).mkdir()
        for seed in seeds:
            scene(seed).save(tmp_path / kind / f"{kind}{seed}.png")
    (tmp_path / "scenes" / "broken.png").write_bytes(b"no image")
    Image.new("RGB", (60, 60), "gray").save(tmp_path / "faces" / "even.png")
    return tmp_path


def test_photographs_are_predicted_and_near_duplicates_and_unreadable_files_reported(folders, monkeypatch):
    def predict(images, *, progress, device, batch_size):
        values = np.linspace(0.4, 0.9, images.sizes["image"])
        kept = {name: images[name] for name in ("status", "reason", "sha256")}
        table = xr.Dataset({"memorability": ("image", values)}, {"image": images["image"].values} | kept)
        return table.assign_attrs(model="resmem", variant="released")

    monkeypatch.setattr("memfeat.prediction.predict", predict)
    page = folders / "report.html"
    done = run("compare-sets", folders / "faces", folders / "scenes", "--report", page, "--low-level", "luminance",
               *QUICK)  # fmt: skip
    assert done.exit_code == 1, done.output
    assert "1 of 8 images failed" in done.stderr
    text = page.read_text(encoding="utf-8")
    assert "1 pairs between sets, 0 within." in text
    assert "<td>faces0.png</td><td>scenes</td><td>scenes0.png</td>" in text
    assert "scenes: broken.png" in text
    assert "a predicted difference is a reason to measure" in text
    assert "adjusted_difference" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["old.csv", "sub/old.csv"], "Two SETS are called old"),
        (["old.csv", "new.csv", "--by", "kind"], "--by divides a single table"),
        (["old.csv", "new.csv", "--low-level", "luminance"], "--low-level needs photographs"),
        (["old.csv", "new.csv", "--bound", "1", "--bound-sd", "1"], "say the same thing"),
    ],
)
def test_wrong_usage_is_said(tables, arguments, message, monkeypatch):
    (tables / "sub").mkdir()
    scored().to_csv(tables / "sub" / "old.csv", index=False)
    monkeypatch.chdir(tables)
    done = run("compare-sets", *arguments)
    assert done.exit_code == 2
    assert message in re.sub(r"\s+", " ", done.stderr)


def test_sets_are_chosen_and_their_balance_is_printed(tables):
    pool = scored(n=80, kind="pool")
    pool.to_csv(tables / "pool.csv", index=False)
    asked = ["match-sets", tables / "pool.csv", "--n", 15, "--score", "hit_rate", "--covariates", "light", "--quiet"]
    done = run(*asked, "-o", tables / "sets.csv", "--split-half", "0.7")
    assert done.exit_code == 0, done.output
    assert "smd" in done.stdout
    assert f"Wrote {tables / 'sets.csv'} (30 rows)." in done.stdout
    chosen = pd.read_csv(tables / "sets.csv")
    assert chosen["set"].value_counts().tolist() == [15, 15]
    means = chosen.groupby("set")[["hit_rate", "light"]].mean()
    apart = (means.iloc[0] - means.iloc[1]).abs() / pool[["hit_rate", "light"]].std()
    assert apart["hit_rate"] <= 0.05
    assert apart["light"] <= 0.1
    balance = pd.read_csv(tables / "sets.balance.csv")
    assert balance["variable"].tolist() == ["hit_rate", "light"]
    assert not [name for name in balance if name.startswith("p")]
    found = json.loads(run(*asked, "--apart", "1", "--sets", "high,low", "--json").stdout)
    assert found["attrs"]["difference_sd"] >= 1
    assert {row["set"] for row in found["rows"]} == {"high", "low"}


def test_a_pool_that_cannot_do_it_is_an_error_unless_the_nearest_is_asked_for(tables):
    scored(n=24, kind="pool").to_csv(tables / "pool.csv", index=False)
    asked = ["match-sets", tables / "pool.csv", "--n", 12, "--score", "hit_rate", "--apart", "3"]
    done = run(*asked, "--quiet")
    assert done.exit_code == 3
    assert done.stderr.startswith("Error: ")
    assert run(*asked, "--best").exit_code == 0
