"""`memfeat cite`: works and a methods paragraph for the files that other commands wrote."""

import json

import click.testing
import made
import pytest
from PIL import Image

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


def test_a_table_that_was_edited_is_refused(files, tmp_path):
    table = tmp_path / "rsa.csv"
    for one in files.glob("rsa.csv*"):
        (tmp_path / one.name).write_bytes(one.read_bytes())
    assert run("cite", table).exit_code == 0
    lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
    table.write_text("".join(lines[:-1]), encoding="utf-8")
    done = run("cite", table, "--methods")
    assert done.exit_code == 3
    assert "path must be a table as memfeat wrote it; got" in done.stderr
    assert "compute it again, or tell by hand what was changed" in done.stderr
    # of a table from before there were hashes nothing is known
    beside = json.loads((tmp_path / "rsa.csv.json").read_text(encoding="utf-8"))
    del beside["file_sha256"]
    (tmp_path / "rsa.csv.json").write_text(json.dumps(beside), encoding="utf-8")
    assert run("cite", table).exit_code == 0


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


# --- what every command writes --------------------------------------------------------------------------------------

FEW = ["--permutations", "19", "--bootstraps", "20"]
#: Command that writes a result → what it is given. What it writes is called like it.
WRITES = {
    "predict": ["photos"],
    "extract": ["photos", "--layers", "0"],
    "screen": ["photos"],
    "train": ["photos", "--scores", "scores.csv", "--column", "hit_rate", "--layers", "0", "--validation", "4"],
    "scores": ["trials.csv", "--truth", "truth", "--response", "response"],
    "rsa": ["features.zarr", "--scores", "scores.csv", "--column", "hit_rate", *FEW],
    "decode": ["features.zarr", "--scores", "scores.csv", "--column", "hit_rate", *FEW],
    "evaluate": ["predictions.csv", "--scores", "scores.csv", "--column", "hit_rate", "--bootstraps", "20"],
    "compare-sets": [
        "scores.csv", "--by", "kind", "--values", "hit_rate", "--features", "features.zarr", "--statistics", "mmd", *FEW
    ],
    "match-sets": ["pool.csv", "--n", "4", "--covariates", "luminance"],
}  # fmt: skip
#: Commands whose results are no table.
FOLDERS = {"extract": ".zarr", "train": ""}
#: File → how its text begins, or what it says.
TOLD = {
    "predict.csv": "Memorability of 12 images was predicted",
    "extract.zarr": "Features of 12 images were read from layer 0",
    "screen.csv": "In all, 12 images were screened",
    "train": "A head was fitted to hit_rate of 12 images",
    "scores.csv": "of 12 images were computed from 192 answers of 8 participants",
    "rsa.csv": "RDMs of 12 images in 2 layers (conv and fc)",
    "decode.csv": "Scores (hit_rate) of 12 images were predicted from 2 layers",
    "evaluate.csv": "Predictions (memorability) and scores (hit_rate) of 12 images",
    "compare-sets.csv": "The image sets new (n = 5) and old (n = 7) were compared by hit_rate",
    "compare-sets.features.csv": "The image sets new (n = 5) and old (n = 7) were compared in 2 layers (conv and fc)",
    "match-sets.csv": "From a pool of 40 images, 2 sets (A and B) of 4 images each were chosen.",
    "match-sets.balance.csv": "The balance of A (n = 4) and B (n = 4) in memorability and luminance",
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """What every command writes with -o, as table and as .nc."""
    folder = tmp_path_factory.mktemp("written")
    (folder / "photos").mkdir()
    for name in made.names():
        pixels = made.images().sel(image=name)["pixels"].item()
        Image.fromarray(pixels).save(folder / "photos" / name)
    scores = made.scores().to_dataframe().reset_index().assign(kind=["new"] * 5 + ["old"] * 7)
    scores.to_csv(folder / "scores.csv", index=False)
    made.predictions().to_dataframe().reset_index().to_csv(folder / "predictions.csv", index=False)
    made.trials().to_csv(folder / "trials.csv", index=False)
    made.pool().to_dataframe().reset_index().to_csv(folder / "pool.csv", index=False)
    made.layers().to_zarr(folder / "features.zarr", zarr_format=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("memfeat.prediction.predicting.load", lambda *_, **__: made.network())
        patch.setattr(mf.models, "load", lambda *_, **__: made.network())
        for verb, given in WRITES.items():
            for ending in [FOLDERS[verb]] if verb in FOLDERS else [".csv", ".nc"]:
                done = run(verb, *given, "-o", f"results/{verb}{ending}", "--quiet")
                assert done.exit_code == 0, done.output
    return folder / "results"


def test_every_command_that_writes_a_result_is_listed():
    writing = {name for name, one in main.commands.items() if "out" in {option.name for option in one.params}}
    assert writing - {"cite", "demo", "report"} == set(WRITES)


@pytest.mark.parametrize("name", TOLD)
def test_what_every_command_writes_is_told_of_with_names_and_numbers(written, name):
    done = run("cite", written / name, "--methods")
    assert done.exit_code == 0, done.output
    assert TOLD[name] in done.stdout
    assert "  " not in done.stdout.split("\n\n")[0]


@pytest.mark.parametrize("name", [name for name in TOLD if name.endswith(".csv")])
def test_a_table_is_told_of_as_the_netcdf_file_of_the_same_result(written, name):
    table, whole = (mf.citing.methods(mf.citing.read(written / f"{name[:-4]}{end}")) for end in (".csv", ".nc"))
    assert table == whole
