"""What commands write over: files that memfeat wrote and nobody changed, others only with --overwrite."""

import json
from pathlib import Path

import click.testing
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import memfeat as mf
from memfeat import _frames
from memfeat.cli import main
from memfeat.cli.evaluating import to_draw
from memfeat.cli.outputs import figure_at
from memfeat.cli.replacing import MARK
from memfeat.demo import road
from memfeat.errors import ArgumentError
from memfeat.plot.style import WRITTEN

OWN = "image,hit_rate\nmine.png,0.5\n"


def never(*_, **__):
    raise AssertionError("computed before it was clear that nothing is lost")


def run(*arguments):
    runner = click.testing.CliRunner()
    if "mix_stderr" in click.testing.CliRunner.__init__.__code__.co_varnames:  # click before 8.2
        runner = click.testing.CliRunner(mix_stderr=False)
    return runner.invoke(main, [str(one) for one in arguments])


@pytest.fixture
def folder(tmp_path):
    """Predictions with scores, and a reader's own files."""
    rng = np.random.default_rng(0)
    names = [f"{k:02}.png" for k in range(16)]
    table = pd.DataFrame({"image": names, "memorability": rng.random(16), "hit_rate": rng.random(16)})
    table.to_csv(tmp_path / "predictions.csv", index=False)
    (tmp_path / "own.csv").write_text(OWN)
    return tmp_path


def match(folder, out, *more):
    return run("match-sets", folder / "predictions.csv", "--n", 4, "-o", folder / out, *more)


def test_a_table_that_memfeat_did_not_write_is_refused_before_the_work(folder, monkeypatch):
    monkeypatch.setattr(mf.sets, "match", never)
    done = match(folder, "own.csv")
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr == (
        "Error: --out must be a new file, or one that memfeat wrote and nobody changed; got "
        f"'{folder / 'own.csv'}'. Name another file, or add --overwrite to lose this file; nothing has been computed "
        "yet.\n"
    )
    assert (folder / "own.csv").read_text() == OWN
    assert not (folder / "own.csv.json").exists()


def test_it_is_replaced_if_that_is_said(folder):
    done = match(folder, "own.csv", "--overwrite")
    assert done.exit_code == 0, done.stderr
    assert list(pd.read_csv(folder / "own.csv")["set"].value_counts()) == [4, 4]


def test_a_table_that_memfeat_wrote_is_replaced_until_somebody_changes_it(folder):
    assert match(folder, "sets.csv").exit_code == 0
    assert match(folder, "sets.csv", "--seed", 1).exit_code == 0
    text = (folder / "sets.csv").read_text()
    (folder / "sets.csv").write_text(f"{text}mine.png\n")
    assert match(folder, "sets.csv").exit_code == 3
    assert (folder / "sets.csv").read_text() == f"{text}mine.png\n"


def test_what_tells_of_another_table_makes_none_memfeats(folder):
    assert match(folder, "sets.csv").exit_code == 0
    (folder / "own.csv.json").write_text((folder / "sets.csv.json").read_text())
    assert match(folder, "own.csv").exit_code == 3


def test_a_json_of_the_reader_is_no_more_lost_than_a_table(folder):
    (folder / "new.csv.json").write_text('{"mine": 1}')
    assert match(folder, "new.csv").exit_code == 3
    assert (folder / "new.csv.json").read_text() == '{"mine": 1}'


def test_a_table_that_was_deleted_is_written_again(folder):
    assert match(folder, "sets.csv").exit_code == 0
    (folder / "sets.csv").unlink()
    assert match(folder, "sets.csv").exit_code == 0
    assert (folder / "sets.csv").is_file()


def test_what_goes_beside_a_table_is_looked_at_too(folder, monkeypatch):
    (folder / "sets.balance.csv").write_text(OWN)
    monkeypatch.setattr(mf.sets, "match", never)
    done = match(folder, "sets.csv")
    assert done.exit_code == 3
    assert "sets.balance.csv" in done.stderr
    assert (folder / "sets.balance.csv").read_text() == OWN


def test_a_table_that_the_command_reads_is_not_written_over(folder):
    assert match(folder, "pool.csv").exit_code == 0
    made = (folder / "pool.csv").read_bytes()
    done = run("match-sets", folder / "pool.csv", "--n", 2, "-o", folder / "pool.csv")
    assert done.exit_code == 3
    assert "--out must be another file than those that are read" in done.stderr
    assert (folder / "pool.csv").read_bytes() == made


def test_a_netcdf_file_says_itself_whether_memfeat_wrote_it(folder):
    xr.Dataset({"mine": ("image", [1.0])}).to_netcdf(folder / "own.nc", engine="h5netcdf")
    (folder / "broken.nc").write_text("none")
    assert [match(folder, name).exit_code for name in ("own.nc", "broken.nc", "new.nc", "new.nc")] == [3, 3, 0, 0]


def test_a_table_that_was_changed_is_kept_and_a_netcdf_file_that_was_changed_is_not(folder):
    """What README, the tour and the page of the command line say."""
    assert match(folder, "sets.nc").exit_code == 0
    with xr.open_dataset(folder / "sets.nc", engine="h5netcdf") as found:
        changed = found.load().assign(mine=1.0)
    changed.to_netcdf(folder / "sets.nc", engine="h5netcdf")
    assert match(folder, "sets.nc").exit_code == 0
    with xr.open_dataset(folder / "sets.nc", engine="h5netcdf") as found:
        assert "mine" not in found


def test_a_json_of_the_reader_beside_a_netcdf_file_is_none_of_memfeats(folder):
    (folder / "sets.nc.json").write_text('{"mine": 1}')
    assert [match(folder, "sets.nc").exit_code for _ in range(2)] == [0, 0]
    assert (folder / "sets.nc.json").read_text() == '{"mine": 1}'


def test_a_table_of_before_which_has_no_hash_takes_overwrite_once(folder):
    assert match(folder, "sets.csv").exit_code == 0
    for name in ("sets.csv", "sets.balance.csv"):
        told = json.loads((folder / f"{name}.json").read_text())
        del told["file_sha256"]
        (folder / f"{name}.json").write_text(json.dumps(told))
    assert [match(folder, "sets.csv", *more).exit_code for more in ([], ["--overwrite"], [])] == [3, 0, 0]


@pytest.mark.parametrize("name", ["target.csv", "target.txt"])
def test_where_a_link_leads_to_is_written_and_the_link_stays(name, folder):
    (folder / name).write_text(OWN)
    (folder / "link.csv").symlink_to(name)
    done = match(folder, "link.csv", "--overwrite")
    assert (folder / "link.csv").is_symlink()
    if name == "target.txt":
        assert done.exit_code == 3
        assert "--out must end in .csv or .nc; got" in done.stderr
        assert (folder / name).read_text() == OWN
        return
    assert done.exit_code == 0, done.stderr
    assert list(pd.read_csv(folder / name)["set"].value_counts()) == [4, 4]
    assert (folder / "target.csv.json").is_file()
    # and is known again under both names
    assert [match(folder, one).exit_code for one in ("link.csv", name)] == [0, 0]


@pytest.mark.parametrize("figure", [".", ""])
def test_a_figure_without_a_name_is_refused(figure):
    with pytest.raises(ArgumentError, match=r"--figure must end in .svg or .png or .pdf; got '\.'"):
        figure_at(Path(figure))


def test_an_empty_file_is_the_readers(folder):
    (folder / "report.html").touch()
    done = run("compare-sets", folder / "predictions.csv", folder / "own.csv", "--report", folder / "report.html")
    assert done.exit_code == 3
    assert "--report must be a new file, or one that memfeat wrote" in done.stderr


def test_figures_in_a_place_that_is_a_file_are_refused_before_the_work(folder, monkeypatch):
    monkeypatch.setattr(mf.evaluation, "evaluate", never)
    done = run("evaluate", folder / "predictions.csv", "--column", "hit_rate", "--figures", folder / "own.csv")
    assert done.exit_code == 3
    assert "--figures must be a file that can be written; got" in done.stderr
    assert "Choose another place; nothing has been computed yet." in done.stderr


def test_the_files_that_will_be_drawn_are_those_that_are_saved(folder):
    ax = plt.figure().add_subplot()
    saved = mf.plot.save(ax, folder / "calibration_one")
    plt.close(ax.figure)
    assert saved == to_draw(["one"], folder)[: len(WRITTEN)]
    assert saved == [folder / "calibration_one.png", folder / "calibration_one.svg"]
    assert [one.name for one in road.to_write(folder) if one.stem == "map"] == ["map.png", "map.svg"]


def test_the_figures_of_an_evaluation_do_not_replace_others(folder, monkeypatch):
    evaluation = ["evaluate", folder / "predictions.csv", "--column", "hit_rate", "--bootstraps", 0]
    evaluation += ["--figures", folder / "figures"]
    for _ in range(2):
        done = run(*evaluation)
        assert done.exit_code == 0, done.stderr
    assert len(list((folder / "figures").iterdir())) == 6
    ax = plt.figure().add_subplot()
    ax.figure.savefig(folder / "figures" / "cutoff_memorability.svg")
    plt.close(ax.figure)
    monkeypatch.setattr(mf.evaluation, "evaluate", never)
    done = run(*evaluation)
    assert done.exit_code == 3
    assert "--figures must be a new file, or one that memfeat wrote" in done.stderr
    assert "Name another folder, or add --overwrite" in done.stderr


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_figures_say_that_memfeat_wrote_them(ending, folder):
    ax = plt.figure().add_subplot()
    (file,) = mf.plot.save(ax, folder / f"figure.{ending}")
    plt.close(ax.figure)
    assert MARK.search(file.read_bytes())


@pytest.mark.parametrize("name", ["report.html", "report.md"])
def test_a_report_of_sets_is_replaced_and_a_page_of_the_reader_is_not(name, folder):
    table = pd.read_csv(folder / "predictions.csv")
    table[:8].to_csv(folder / "a.csv", index=False)
    table[8:].to_csv(folder / "b.csv", index=False)
    options = ["compare-sets", folder / "a.csv", folder / "b.csv", "--permutations", 9, "--bootstraps", 0]
    for _ in range(2):
        done = run(*options, "--report", folder / name)
        assert done.exit_code == 0, done.stderr
    (folder / name).write_text("my notes")
    assert run(*options, "--report", folder / name).exit_code == 3
    assert (folder / name).read_text() == "my notes"


def test_a_figure_of_the_reader_beside_a_report_in_markdown_is_not_replaced(folder):
    (folder / "report_2024notes.svg").write_text("<svg/>")
    asked = ["compare-sets", folder / "predictions.csv", folder / "own.csv", "--report", folder / "report.md"]
    assert "report_2024notes.svg" not in run(*asked).stderr  # no figure of a report has such a name
    (folder / "report_1.svg").write_text("<svg/>")
    done = run(*asked)
    assert done.exit_code == 3
    assert "--report must be a new file" in done.stderr
    assert "report_1.svg" in done.stderr


def test_a_list_of_references_carries_no_mark_and_is_replaced_when_it_is_said(folder):
    (folder / "references.bib").write_text("@article{mine,}\n")
    options = ["cite", "--style", "bibtex", "-o", folder / "references.bib"]
    done = run(*options)
    assert done.exit_code == 3
    assert "--out must be a new file; got" in done.stderr
    assert (folder / "references.bib").read_text() == "@article{mine,}\n"
    assert run(*options, "--overwrite").exit_code == 0
    assert run(*options).exit_code == 3
    assert "needell2022" in (folder / "references.bib").read_text()


def test_the_demo_leaves_tables_alone_that_it_did_not_write(folder, monkeypatch):
    (folder / "scores.csv").write_text(OWN)
    monkeypatch.setattr(road, "run", never)
    done = run("demo", "--out", folder)
    assert done.exit_code == 3
    assert "scores.csv" in done.stderr
    assert "Name another folder, or add --overwrite" in done.stderr
    assert (folder / "scores.csv").read_text() == OWN


def test_a_user_who_is_not_known_is_no_traceback(folder):
    (folder / "references.bib").write_text("@article{mine,}\n")
    done = run("cite", "~nosuchuser/x.csv", "-o", folder / "references.bib")
    assert done.exit_code == 3
    assert "--out must be a new file; got" in done.stderr


def test_a_file_is_unchanged_as_long_as_its_hash_is_the_one_beside_it(tmp_path):
    file = tmp_path / "one.csv"
    file.write_text("a\n1\n")
    assert not _frames.unchanged(file)
    _frames.write_attrs({"memfeat_version": "0", "seed": 1}, file)
    assert _frames.unchanged(file)
    # sha256 of "a\n1\n", by coreutils
    told = json.loads((tmp_path / "one.csv.json").read_text())
    assert told["file_sha256"] == "309b0e45a73d3fc5325e2b6ed0a01ef8b9cde6b05a5633c1f893f970d52bfddc"
    assert _frames.read_attrs(file) == {"memfeat_version": "0", "seed": 1}
    file.write_text("a\n2\n")
    assert not _frames.unchanged(file)
    file.unlink()
    assert not _frames.unchanged(file)
