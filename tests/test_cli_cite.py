"""`memfeat cite`: works and a methods paragraph for the files that other commands wrote."""

import json

import click.testing
import made
import pytest

import memfeat as mf
from memfeat import _frames
from memfeat.cli import main


def run(*arguments):
    return click.testing.CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A table with its JSON beside it, a netCDF file and a store."""
    folder = tmp_path_factory.mktemp("results")
    found = made.compared()
    _frames.write_csv(_frames.per_comparison(found), folder / "rsa.csv")
    _frames.write_attrs(found.attrs, folder / "rsa.csv")
    made.decoded().to_netcdf(folder / "decoding.nc", engine="h5netcdf")
    made.layers().to_zarr(folder / "features.zarr", consolidated=False)
    (folder / "alone.csv").write_text("image,p\na,1\n")
    return folder


def test_without_files_memfeat_and_resmem_are_cited():
    done = run("cite")
    assert done.exit_code == 0
    assert done.stdout == "\n".join(mf.citing.references()) + "\n"
    assert run("cite", "--style", "bibtex").stdout.count("@") == 2


def test_works_and_a_paragraph_of_files(files):
    results = [mf.citing.read(files / name) for name in ("features.zarr", "rsa.csv", "decoding.nc")]
    done = run("cite", files / "decoding.nc", files / "rsa.csv", files / "features.zarr", "--methods")
    assert done.exit_code == 0
    paragraph, works = done.stdout.rstrip("\n").split("\n\n")
    assert paragraph == mf.citing.methods(*results)
    assert works.split("\n") == mf.citing.references(*results)
    assert "For the RSA, two-sided p-values come from 19 permutations of images" in paragraph


@pytest.mark.parametrize(
    ("style", "cited"), [("apa", "(Mantel, 1967)"), ("bibtex", r"\citep{mantel1967}"), ("csl-json", "[@mantel1967]")]
)
def test_the_text_cites_as_the_references_are_written(files, style, cited):
    done = run("cite", files / "rsa.csv", "--methods", "--style", style)
    assert cited in done.stdout.split("\n\n")[0]


def test_files_are_written_whole(files, tmp_path):
    done = run("cite", files / "rsa.csv", "--style", "csl-json", "-o", tmp_path / "new" / "works.json")
    works = json.loads((tmp_path / "new" / "works.json").read_text(encoding="utf-8"))
    assert done.stdout == f"Wrote {tmp_path / 'new' / 'works.json'} ({len(works)} works).\n"
    assert {"mantel1967", "memfeat"} <= {item["id"] for item in works}


def test_json_holds_all_of_it(files):
    found = json.loads(run("cite", files / "rsa.csv", "--json", "--methods").stdout)
    assert found["methods"].startswith("RDMs of 12 images")
    assert found["versions"]["memfeat"] == mf.__version__
    assert any(one.startswith("Mantel, N. (1967)") for one in found["references"])
    bare = json.loads(run("cite", "--json", "--style", "csl-json").stdout)
    assert [item["id"] for item in bare["references"]] == ["needell2022", "memfeat"]
    assert "methods" not in bare


def test_what_cannot_be_cited_ends_with_advice_and_its_exit_code(files, tmp_path):
    done = run("cite", files / "alone.csv")
    assert done.exit_code == 3
    assert "must say how it was made" in done.stderr
    assert run("cite", tmp_path / "absent.nc").exit_code == 3
    done = run("cite", "--methods")
    assert done.exit_code == 2
    assert "--methods tells what FILES say" in done.stderr
    assert run("cite", "--style", "mla").exit_code == 2
