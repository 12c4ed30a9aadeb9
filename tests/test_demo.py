"""The demo: it walks the whole road offline, its numbers are the results, and its page stands alone."""

import html.parser
import json
import logging
import re
import socket
import xml.etree.ElementTree as ET
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from PIL import Image
from scipy.spatial.distance import pdist
from scipy.stats import rankdata, spearmanr

from memfeat import __version__, _frames, citing, demo, images
from memfeat.demo import page, photographs, road
from memfeat.errors import ArgumentError, MissingPackageError, NoImageError

HOSTILE = "<img src=x onerror=alert(1)>.png"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("demo") / "memfeat-demo"


@pytest.fixture(scope="module")
def loaded(resmem, frozen):
    """The networks, loaded once for all tests, and no way to reach a network of the other kind."""

    def refuse(*_):
        raise AssertionError("the demo must not use the network")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        patch.setattr("memfeat.prediction.predicting.load", lambda _: resmem)
        patch.setattr(
            road.models, "load", lambda name, backbone: {("resmem-frozen", "released"): frozen}[name, backbone]
        )
        yield


@pytest.fixture(scope="module")
def walked(folder, loaded):
    return demo.run(folder, progress=False)


class Seen(html.parser.HTMLParser):
    """Tags with their attributes, and the text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def seen(walked, folder):
    return Seen((folder / "index.html").read_text(encoding="utf-8"))


# photographs ----------------------------------------------------------------------------------------------------------


def test_the_photographs_are_copies_of_those_in_the_packages(tmp_path):
    credit = demo.collect(tmp_path)
    assert len(credit) >= 18
    original = Path(find_spec("skimage").origin).parent / "data" / "coffee.png"
    assert (tmp_path / "coffee.png").read_bytes() == original.read_bytes()
    assert sorted(credit["image"]) == sorted(path.name for path in tmp_path.iterdir())


def test_the_folder_of_photographs_may_be_text(tmp_path):
    credit = demo.collect(str(tmp_path / "new"))
    assert sorted(credit["image"]) == sorted(path.name for path in (tmp_path / "new").iterdir())


def test_another_photograph_of_the_same_name_is_kept_and_none_is_copied(tmp_path):
    (tmp_path / "coffee.png").write_bytes(b"mine")
    rule = "folder must hold no other files of the names of the photographs; got .*'coffee.png' with other content in"
    with pytest.raises(ArgumentError, match=f"{rule}.* Name another folder, or move what is there"):
        demo.collect(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["coffee.png"]
    assert (tmp_path / "coffee.png").read_bytes() == b"mine"


def test_photographs_that_are_there_are_not_copied_again(tmp_path):
    demo.collect(tmp_path)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    demo.collect(tmp_path)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_every_photograph_opens_and_has_somebody_to_thank(tmp_path):
    credit = demo.collect(tmp_path)
    for name in credit["image"]:
        with Image.open(tmp_path / name) as image:
            assert min(image.size) > 100
    assert (credit[["shows", "credit", "licence", "package"]].map(len) > 1).all(axis=None)
    assert set(credit["package"]) == {"scikit-image", "scikit-learn", "matplotlib"}


def test_photographs_that_an_installation_lacks_are_left_out_and_named(tmp_path, monkeypatch, caplog):
    absent = photographs.PHOTOGRAPHS[0]._replace(file="not-there.png")
    monkeypatch.setattr(photographs, "PHOTOGRAPHS", (absent, *photographs.PHOTOGRAPHS[1:]))
    with caplog.at_level(logging.WARNING, logger="memfeat"):
        credit = demo.collect(tmp_path)
    assert "astronaut.png" not in set(credit["image"])
    assert "Not in this installation, left out: not-there.png" in caplog.text


def test_too_few_photographs_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(photographs, "PHOTOGRAPHS", photographs.PHOTOGRAPHS[:3])
    with pytest.raises(NoImageError, match="photographs must number at least 10; got 3 of 3. Reinstall the packages"):
        demo.collect(tmp_path)


def test_without_scikit_image_the_demo_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(photographs.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match=r'scikit-image must be installed .* pip install "memfeat\[demo\]"'):
        demo.run(tmp_path / "out")


def test_a_place_that_cannot_be_written_is_refused_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ArgumentError, match="out must be a file that can be written; got .* Choose another place"):
        demo.run(tmp_path / "file")


# results --------------------------------------------------------------------------------------------------------------


def test_the_folder_holds_everything_it_promises(walked, folder):
    made = {path.relative_to(folder).parts[0] for path in folder.rglob("*")}
    promised = {"photographs", "scores.csv", "credits.csv", "features.zarr", "rdm.nc", "rsa.csv", "decoding.csv"}
    assert promised | {"figures", "index.html"} <= made
    assert all(path.is_file() for path in road.to_write(folder))
    assert not list(folder.rglob("*.part"))


def test_scores_are_those_of_the_released_network_and_stand_in_name_order(walked, folder, resmem):
    table = pd.read_csv(folder / "scores.csv", keep_default_na=False)
    assert list(table["image"]) == sorted(table["image"])
    with Image.open(folder / "photographs" / "coffee.png") as image:
        alone = float(resmem(resmem.transform(image.convert("RGB"))[None]))
    assert float(table.set_index("image")["memorability"]["coffee.png"]) == pytest.approx(alone, abs=1e-6)
    assert walked.memory.attrs["variant"] == "retrained"
    assert walked.features.attrs["variant"] == "frozen"


def test_features_hold_fifty_blocks_and_reopen_without_memfeat(walked, folder):
    stored = xr.open_zarr(folder / "features.zarr")
    assert len(walked.features.data_vars) == len(stored.data_vars) == 50
    name = "features.layer3.20"
    same = stored[name].set_index(image="image").sel(image=walked.features["image"].values)
    np.testing.assert_array_equal(same.values, walked.features[name].values)


def test_rsa_agrees_with_scipy(walked):
    layer = "features.layer2.3"
    # whole numbers, so that equal sums of ranks stay ties
    rank = rankdata(walked.memory["memorability"].values)
    first, second = np.triu_indices(rank.size, 1)
    values = walked.features[layer].values.astype(float)
    found = spearmanr(pdist(values, "correlation"), -(rank[first] + rank[second])).statistic
    assert float(walked.rsa["estimate"].sel(layer=layer)) == pytest.approx(found, abs=1e-6)


def test_decoding_agrees_with_its_own_predictions(walked):
    layer = "features.layer4.2"
    predicted = walked.decoded["prediction"].sel(layer=layer, image=walked.memory["image"].values)
    rho = spearmanr(predicted.values, walked.memory["memorability"].values).statistic
    assert float(walked.decoded["estimate"].sel(layer=layer)) == pytest.approx(rho, abs=1e-9)


def test_the_tour_says_of_decoding_what_comes_out(walked):
    """Its numbers, to the two digits that it gives; README says that most correlations are negative."""
    page = " ".join((Path(__file__).parents[1] / "docs" / "tour.md").read_text(encoding="utf-8").split())
    told = re.search(
        r"negative correlations in (\d+) of (\d+) layers, such as ρ = −(\.\d+) in `(\S+)`.* for (\d+) photographs.* at "
        r"−(\.\d+) on average.* this one p = (\.\d+), and the smallest p of all 50 layers, corrected, is (\.\d+)\.",
        page,
    )
    negative, n_layers, rho, layer, n, null, p, smallest = told.groups()
    one = walked.decoded.sel(layer=layer)
    assert int(n_layers) == walked.decoded.sizes["layer"]
    assert int(n) == len(walked.credits)
    assert int(negative) == int((walked.decoded["estimate"] < 0).sum())
    found = [-one["estimate"], -one["null_mean"], one["p"], walked.decoded["p_corrected"].min()]
    np.testing.assert_allclose([float(x) for x in found], [float(x) for x in (rho, null, p, smallest)], atol=0.01)


def test_saved_tables_hold_what_was_computed(walked, folder):
    for file, result in {"rsa.csv": walked.rsa, "decoding.csv": walked.decoded}.items():
        table = pd.read_csv(folder / file, dtype=str).set_index("layer")
        for column in ("estimate", "ci_low", "ci_high", "p", "p_corrected"):
            np.testing.assert_allclose([float(text) for text in table[column]], result[column].values, rtol=1e-15)
    with xr.open_dataset(folder / "rdm.nc", engine="h5netcdf") as saved:
        xr.testing.assert_equal(saved.load(), walked.rdms)
        assert saved.attrs["metric"] == "correlation"


def test_beside_every_table_lies_how_it_was_made(walked, folder):
    results = {"scores": walked.memory, "rsa": walked.rsa, "decoding": walked.decoded}
    for name, result in results.items():
        assert json.dumps(_frames.read_attrs(folder / f"{name}.csv")) == json.dumps(result.attrs)
    assert _frames.read_attrs(folder / "credits.csv")["memfeat_version"] == __version__
    assert all(_frames.unchanged(path) for path in folder.glob("*.csv"))
    assert citing.methods(citing.read(folder / "rsa.csv")) == citing.methods(walked.rsa)


def test_every_figure_is_written_as_picture_and_as_drawing_with_text(walked, folder):
    for name in page.FIGURES:
        with Image.open(folder / "figures" / f"{name}.png") as image:
            assert image.size[0] >= 1000
        drawing = ET.parse(folder / "figures" / f"{name}.svg")
        words = " ".join(element.text or "" for element in drawing.iter("{http://www.w3.org/2000/svg}text"))
        assert re.search(rf"n = {len(walked.credits)} images", words)


def test_run_again_only_its_own_files_are_replaced_by_equal_ones(walked, folder, monkeypatch):
    (folder / "mine.txt").write_text("keep")
    before = {name: (folder / name).read_bytes() for name in ("scores.csv", "rsa.csv", "decoding.csv", "index.html")}
    monkeypatch.setattr(road, "predict", lambda *_, **__: walked.memory)
    again = demo.run(folder, progress=False)
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert (folder / "mine.txt").read_text() == "keep"
    xr.testing.assert_equal(again.features, walked.features)


# page and table -------------------------------------------------------------------------------------------------------


def test_the_page_needs_nothing_else(seen):
    assert not [tag for tag, _ in seen.tags if tag in ("script", "link", "iframe", "object")]
    sources = [attrs["src"] for _, attrs in seen.tags if "src" in attrs]
    assert len(sources) > len(page.FIGURES)
    assert all(source.startswith("data:image/") for source in sources)
    assert not [attrs for _, attrs in seen.tags if "href" in attrs or "srcset" in attrs]


def test_the_page_says_what_the_statistics_are_worth_and_whom_to_thank(seen, walked):
    words = " ".join(" ".join(seen.words).split())
    assert f"An illustration, not a finding: {len(walked.credits)} photographs" in words
    assert "no human memory was measured" in words
    assert "For an analysis that you publish use backbone imagenet" in words
    assert "Needell" in words
    assert "non-commercial" in words
    for credit in walked.credits["credit"]:
        assert credit in words


def test_the_page_shows_the_numbers_of_the_results(seen, walked):
    words = " ".join(seen.words)
    for value in walked.memory["memorability"].values:
        assert f"{value:.2f}" in words
    for layer in page.SHOWN_LAYERS:
        estimate = float(walked.decoded["estimate"].sel(layer=layer))
        assert f"{estimate:.2f}".replace("-", "−") in words


def test_every_picture_of_the_page_has_a_description(seen):
    assert all("alt" in attrs for tag, attrs in seen.tags if tag == "img")
    described = [attrs["alt"] for tag, attrs in seen.tags if tag == "img" and attrs["alt"]]
    assert len(described) == len(page.FIGURES)


def test_a_file_name_cannot_put_anything_into_the_page(walked, folder, tmp_path):
    def renamed(data):
        names = [HOSTILE if name == "coffee.png" else name for name in data["image"].values]
        return data.assign_coords(image=("image", np.array(names, dtype=object)))

    hostile = walked._replace(
        images=renamed(walked.images),
        memory=renamed(walked.memory),
        credits=walked.credits.replace({"image": {"coffee.png": HOSTILE}, "credit": {"SpaceX": "<script>x</script>"}}),
    )
    page.write(hostile, {"scores": folder / "figures" / "scores.svg"}, tmp_path / "page.html", note="<b>note</b>")
    found = Seen((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert not [attrs for _, attrs in found.tags if "onerror" in attrs]
    assert not {"script", "b"} & {tag for tag, _ in found.tags}
    assert HOSTILE in " ".join(found.words)


def test_an_unreadable_image_stands_in_the_page_with_its_reason(walked, folder, tmp_path):
    bad = walked.images["image"].values == "coffee.png"
    status, reason = np.where(bad, "truncated", "ok"), np.where(bad, "the file ends early", "")
    memory = walked.memory.assign(
        memorability=walked.memory["memorability"].where(~xr.DataArray(bad, dims="image")),
        status=("image", status.astype(object)),
        reason=("image", reason.astype(object)),
    )
    table = walked.images.assign_coords(status=("image", status.astype(object)))
    page.write(walked._replace(images=table, memory=memory), {}, tmp_path / "page.html", note="")
    words = " ".join(Seen((tmp_path / "page.html").read_text(encoding="utf-8")).words)
    assert "truncated: the file ends early" in words
    assert "nan" not in words
    assert images.thumbnails(table).sizes["image"] == len(bad) - 1


def test_the_short_table_holds_scores_layers_and_the_note(walked):
    text = page.in_short(walked, note=road.illustration(walked))
    lines = text.splitlines()
    best = walked.memory["memorability"].to_series().idxmax()
    assert lines[1].split()[0] == best
    assert [line.split()[0] for line in lines if line.startswith("features.")] == list(page.SHOWN_LAYERS)
    assert "An illustration, not a finding" in text
    null = float(walked.decoded["null_mean"].sel(layer=list(page.SHOWN_LAYERS)).mean())
    assert f"ρ of decoding lies about {null:.2f} here".replace("-", "−") in " ".join(text.split())
    assert max(map(len, lines)) <= 110
