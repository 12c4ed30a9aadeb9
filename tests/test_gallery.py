"""The gallery: every figure function is in it, and each figure is what a figure in print must be.

`python tests/test_gallery.py` draws the pictures that figures are compared with anew; look at them before you commit.
"""

import base64
import copy
import html
import importlib.util
import io
import itertools
import json
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib import colormaps
from matplotlib.collections import Collection
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text
from photographic import SHARE, SIDE, holds_photograph, outputs, squares
from PIL import Image
from skimage.color import rgb2lab

from memfeat import plot
from memfeat.demo.photographs import PHOTOGRAPHS
from memfeat.plot.heat import SCALES as OVERLAYS
from memfeat.plot.style import SCALES

ROOT = Path(__file__).parents[1]
BASELINE = Path(__file__).parent / "data" / "baseline"
SCRIPT = ROOT / "docs" / "gallery.py"
#: Names of mf.plot that draw no result, or none for print.
NO_FIGURES = {"STYLE", "WIDTHS", "axes", "explore", "save"}
#: Figures of single pictures, which count nothing.
PICTURES = {"attribution", "image_grid"}
#: Figures with and without pictures, of which PDF files, which take long, are looked into.
PRINTED = {"rdm", "partition_circles"}
#: Figures that show photographs.
SHOWN = {"attribution", "embedding", "image_grid", "memorable", "rdm"}
DPI = 80
#: Pictures are averaged over squares of so many pixels, in which letters of another version of the font differ little;
#: then they differ by at most so much, root mean square of 256 grey levels. One image among sixteen that has another
#: place makes more.
SQUARE, TOLERANCE = 4, 3.0
ENDINGS = {".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".pdf", ".tif", ".tiff", ".bmp"}

needs_tree = pytest.mark.skipif(not SCRIPT.exists(), reason="needs the source tree")
if SCRIPT.exists():
    spec = importlib.util.spec_from_file_location("gallery", SCRIPT)
    gallery = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(gallery)
    FIGURES = gallery.FIGURES
else:
    FIGURES = {}

pytestmark = needs_tree


def png(figure):
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DPI)
    return Image.open(file).convert("RGB")


def averaged(picture):
    width, height = (edge // SQUARE for edge in picture.size)
    cut = picture.crop((0, 0, width * SQUARE, height * SQUARE))
    return np.asarray(cut.resize((width, height), Image.Resampling.BOX), float)


def difference(one, two):
    assert one.size == two.size
    return float(np.sqrt(np.mean((averaged(one) - averaged(two)) ** 2)))


class Call(NamedTuple):
    """A call of a function of mf.plot: what it got, a copy of that from before, and what it gave."""

    given: list
    copies: list
    options: dict
    result: object


class Drawn(NamedTuple):
    """A figure of the gallery in the three widths."""

    name: str
    calls: dict[str, Call]
    picture: Image.Image
    settings: tuple[dict, dict]
    """Those of matplotlib before and after."""

    @property
    def figures(self):
        return {width: call.result.figure for width, call in self.calls.items()}


def spied(name, function, ax):
    """Draw a figure of the gallery and look at what is handed to mf.plot."""
    calls = []

    def spy(*given, ax=None, **options):
        every = [*given, *options.values()]
        copies = copy.deepcopy(every)
        calls.append(Call(every, copies, options, function(*given, ax=ax, **options)))
        assert ax is None or calls[-1].result is ax
        return calls[-1].result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plot, function.__name__, spy)
        made = FIGURES[name](ax)
    (call,) = calls
    assert made is call.result
    return call


@pytest.fixture(scope="module", params=FIGURES)
def drawn(request):
    """Draw each figure once in each width, for all tests of it."""
    name = request.param
    function, before = getattr(plot, gallery.shows(name)), dict(mpl.rcParams)
    calls = {"single": spied(name, function, None)}
    picture = png(calls["single"].result.figure)
    height = calls["single"].result.figure.get_figheight() * 25.4
    for width in ("1.5", "double"):
        calls[width] = spied(name, function, plot.axes(width=width, height=height))
        calls[width].result.figure.draw_without_rendering()
    return Drawn(name, calls, picture, (before, dict(mpl.rcParams)))


def written(figure):
    return [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]


def said(figure):
    return " ".join(text.get_text().replace("\n", " ") for text in written(figure)).replace("\N{NO-BREAK SPACE}", " ")


def same(one, other):
    if isinstance(one, xr.Dataset | xr.DataArray):
        return one.identical(other)
    if isinstance(one, pd.DataFrame | pd.Series):
        return one.equals(other) and one.attrs == other.attrs
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return one == other


def tables(call):
    return [one for one in call.given if isinstance(one, xr.Dataset)]


def test_every_function_that_draws_is_in_the_gallery():
    shown = {gallery.shows(name) for name in FIGURES}
    assert shown == set(plot.__all__) - NO_FIGURES


def test_a_figure_looks_as_it_did(drawn):
    with Image.open(BASELINE / f"{drawn.name}.png") as kept:
        assert difference(drawn.picture, kept.convert("RGB")) <= TOLERANCE


def test_a_figure_is_drawn_where_it_is_wanted_and_is_one_column_wide_otherwise(drawn):
    widths = [figure.get_figwidth() * 25.4 for figure in drawn.figures.values()]
    assert widths == pytest.approx([85, 120, 180])
    assert all(call.result.has_data() or call.result.texts for call in drawn.calls.values())
    assert plt.get_fignums() == []


def test_nothing_is_cut_off_in_any_column_and_all_type_can_be_read(drawn):
    for figure in drawn.figures.values():
        box = figure.get_tightbbox()
        width, height = figure.get_size_inches()
        assert min(box.x0, box.y0) >= -0.01
        assert box.x1 <= width + 0.01
        assert box.y1 <= height + 0.01
        assert min(text.get_fontsize() for text in written(figure)) >= 4.5


def test_a_figure_says_how_many_there_are_what_intervals_are_and_how_tests_were_corrected(drawn):
    call, text = drawn.calls["single"], said(drawn.figures["single"])
    assert drawn.name in PICTURES or re.search(r"n = \d+( images| layers|\))", text)
    every = [(str(name), one) for table in tables(call) for name, one in table.variables.items()]
    known = {name for name, one in every if one.dtype.kind != "f" or np.isfinite(one).any()}
    if known & {"ci_low", "mean_ci_low", "coefficient_ci_low", "r2_ci_low"}:
        assert re.search(r"95 %|intervals: see the table", text)
    else:
        assert "95 %" not in text
    if "p_corrected" in known:
        assert re.search(r"p < \.05, [A-Za-z]|p [=<] ", text)


def test_drawing_changes_neither_what_is_drawn_nor_settings(drawn):
    before, after = drawn.settings
    assert before == after
    for call in drawn.calls.values():
        assert len(call.given) == len(call.copies) > 0
        assert all(same(one, copied) for one, copied in zip(call.given, call.copies, strict=True))


def test_text_stays_text_in_files(drawn, tmp_path):
    ax = drawn.calls["single"].result
    (svg,) = plot.save(ax, tmp_path / drawn.name, formats=["svg"])
    shown = " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", svg.read_text())).split()
    caption = ax.get_title(loc="left").split()
    assert caption
    assert {html.escape(word, quote=False) for word in caption} <= set(shown)
    assert not re.search(r'<use [^>]*href="#DejaVu', svg.read_text())
    if drawn.name in PRINTED:
        (pdf,) = plot.save(ax, tmp_path / drawn.name, formats=["pdf"])
        kinds = set(re.findall(rb"/Subtype /(Type\w+|CIDFontType\w+)", pdf.read_bytes()))
        assert b"Type3" not in kinds
        assert b"CIDFontType2" in kinds


#: What people without one kind of cones see, of linear red, green and blue (Machado, Oliveira & Fernandes, 2009).
EYES = {
    "all cones": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
#: Smallest distance of two colours in CIELAB, of which 2.3 can just be told apart. The nearest of Okabe and Ito's
#: colours that figures use are blue and green: 17 for tritanopia.
APART = 15.0


def looks(colours, eyes):
    """Give colours as they look to some eyes, in CIELAB."""
    values = np.asarray(colours, float)
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.asarray(EYES[eyes]).T, 0, 1)
    screen = np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055)
    return rgb2lab(screen)


def outlined(patch):
    return patch.get_linewidth() > 0 and patch.get_edgecolor()[3] == 1 and max(patch.get_edgecolor()[:3]) < 0.5


def colours_of(figure):
    """Colours that tell things apart: of lines, marks and areas without an outline, not of colour scales and greys."""
    found = set()
    bars = {one for ax in figure.axes if ax.get_label() == "<colorbar>" for one in ax.findobj(Patch)}
    for one in figure.findobj(Line2D):
        found.add(to_rgb(one.get_color()))
        found |= {to_rgb(one.get_markerfacecolor())} if one.get_marker() not in ("", "None", None) else set()
    areas = [one for one in figure.findobj(Patch) if one not in bars and not outlined(one)]
    found |= {to_rgb(one.get_facecolor()) for one in areas if one.get_facecolor()[3] > 0}
    for one in figure.findobj(Collection):
        if one.get_array() is None:
            faces = [tuple(colour[:3]) for colour in [*one.get_facecolor(), *one.get_edgecolor()]]
            found |= set(faces) if len(set(faces)) <= FEW_COLOURS else set()
    return [colour for colour in found if max(colour) - min(colour) > 0.08]


#: More colours than this are a scale.
FEW_COLOURS = 5


def test_colours_can_be_told_apart_by_every_reader(drawn):
    colours = [*colours_of(drawn.figures["single"]), (1, 1, 1)]
    for eyes in EYES:
        for one, other in itertools.combinations(looks(colours, eyes), 2):
            assert np.linalg.norm(one - other) > APART, eyes


@pytest.mark.parametrize("eyes", EYES)
@pytest.mark.parametrize("name", sorted({*SCALES.values(), *OVERLAYS.values()}))
def test_colour_scales_stay_in_order_for_every_reader(name, eyes):
    lightness = looks(colormaps[name](np.linspace(0, 1, 65))[:, :3], eyes)[:, 0]
    sides = [lightness[:33], lightness[:31:-1]] if name == "RdBu_r" else [lightness]
    assert all((np.diff(side) > 0).all() or (np.diff(side) < 0).all() for side in sides)


def test_the_comparison_of_pictures_sees_a_change_and_no_change():
    before = gallery.compared()
    kept = png(plot.layer_profile(before).figure)
    assert difference(png(plot.layer_profile(before).figure), kept) == 0
    moved = before.assign(estimate=before["estimate"].roll(layer=1))
    assert difference(png(plot.layer_profile(moved).figure), kept) > TOLERANCE
    rdms = gallery.mf.rdm.compute(gallery.seen(), metric="euclidean")
    order = gallery.photographs()["hit_rate"]
    swapped = order.copy(data=np.concatenate([order.values[1:], order.values[:1]]))
    first, second = (png(plot.rdm(rdms, order=one).figure) for one in (order, swapped))
    assert difference(first, second) > TOLERANCE


def test_pictures_that_are_kept_are_small_and_none_is_left_over():
    files = sorted(BASELINE.glob("*.png"))
    assert {file.stem for file in files} == set(FIGURES)
    assert max(file.stat().st_size for file in files) < 30_000


def test_photographs_that_are_shown_may_be():
    shown = {str(name) for name in gallery.photographs()["image"].values}
    free = {one.shows for one in PHOTOGRAPHS if one.licence in gallery.FREE}
    assert shown <= free


def test_no_picture_is_in_the_tree_but_those_of_the_gallery():
    """Photographs of research are not to be passed on: what is committed was drawn from the demo's or from numbers."""
    if not (ROOT / ".git").exists():
        pytest.skip("needs the repository")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [Path(name) for name in listed.stdout.split("\0") if name]
    found = {file for file in files if file.suffix.lower() in ENDINGS}
    # the front page's is one of a notebook, and those are looked at below
    assert found <= {BASELINE.relative_to(ROOT) / f"{name}.png" for name in FIGURES} | {Path("docs/front.png")}


ANALYSES = sorted((ROOT / "analyses").glob("*.py"))
#: Analysis -> which pictures of its notebook show photographs: those of the demo, which it collects and draws.
COLLECTED = {"01_main_road": [2], "14_filters": [1], "15_scrambled": [0]}


def committed(stem):
    return json.loads((ROOT / "notebooks" / f"{stem}.ipynb").read_text(encoding="utf-8"))


def test_analyses_draw_no_photographs_but_the_demos():
    """Their notebooks are committed with their figures."""
    pictures = re.compile(r"thumbnails|plot\.memorable|image_grid|imshow")
    drawing = {file.stem: file.read_text() for file in ANALYSES if pictures.search(file.read_text())}
    assert set(drawing) == set(COLLECTED)
    assert all("demo.collect(" in text for text in drawing.values())


def test_no_other_photograph_is_in_the_outputs_of_analyses():
    looked_at = 0
    for file in ANALYSES:
        pictures = outputs(committed(file.stem))
        looked_at += len(pictures)
        found = [at for at, picture in enumerate(pictures) if holds_photograph(picture)]
        assert found == COLLECTED.get(file.stem, []), file.stem
    assert looked_at >= len(ANALYSES)


@pytest.mark.parametrize("stem", ["01_main_road", "14_filters"])
def test_analyses_leave_out_photographs_whose_terms_are_not_stated(stem):
    """They print the names of those that they show."""
    printed = "".join(
        line for cell in committed(stem)["cells"] for out in cell.get("outputs", []) for line in out.get("text", [])
    )
    terms = {one.file: one.licence != "terms not stated" for one in PHOTOGRAPHS}
    assert not all(terms.values())
    assert {name: name in printed for name in terms} == terms


def test_photographs_that_are_kept_are_those_of_the_demo_at_their_places(drawn):
    """Squares of a kept figure that look like a photograph are as the demo's photographs make them."""
    with Image.open(BASELINE / f"{drawn.name}.png") as kept:
        many = squares(kept)
        apart = np.abs(averaged(kept.convert("RGB")) - averaged(drawn.picture))
    if drawn.name not in SHOWN:
        assert many.max() <= SHARE
    n = SIDE // SQUARE
    rows, columns = many.shape
    each = apart[: rows * n, : columns * n].reshape(rows, n, columns, n, 3).mean(axis=(1, 3, 4))
    assert each[many > SHARE].max(initial=0) <= 2 * TOLERANCE


def test_a_photograph_in_a_committed_figure_would_be_found(data_folder):
    """Photographs of research, drawn with the functions that a notebook would use, are seen; grey tiles are not."""
    files = sorted((data_folder / "lnsim").rglob("*.jpg"))[:60:6]
    images = gallery.mf.images.read(files)
    scores = images["width"].astype(float).copy(data=np.arange(10.0)).rename("score")
    shown = gallery.mf.images.thumbnails(images, size=64)
    grey = shown.copy(data=np.broadcast_to(shown.mean(["y", "x", "rgb"]).astype("uint8"), shown.T.shape).T)
    for given, expected in ((shown, True), (grey, False)):
        found = [png(draw.figure) for draw in (plot.memorable(scores, given, n=3), plot.image_grid(given))]
        assert [holds_photograph(one) for one in found] == [expected] * 2
        for kind in ("image/png", "text/html"):
            assert [holds_photograph(one) for one in outputs(as_notebook(found[0], kind))] == [expected]


def as_notebook(picture, kind):
    file = io.BytesIO()
    picture.save(file, format="png")
    text = base64.b64encode(file.getvalue()).decode()
    data = text if kind == "image/png" else [f'<img src="data:image/png;base64,{text}">']
    return {"cells": [{"outputs": [{"data": {kind: data}}]}]}


def test_the_page_shows_each_figure_with_the_lines_that_made_it(tmp_path, monkeypatch):
    some = {name: FIGURES[name] for name in ("reliability", "partition_circles")}
    monkeypatch.setattr(gallery, "FIGURES", some)
    text = gallery.page(tmp_path / "gallery")
    assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == ["Reliability", "Partition circles"]
    assert "{py:func}`memfeat.plot.partition`" in text
    assert 'kind="circles"' in text
    assert sorted(file.name for file in (tmp_path / "gallery").iterdir()) == [f"{name}.svg" for name in sorted(some)]
    svg = (tmp_path / "gallery" / "reliability.svg").read_text()
    assert "Raters (responses per image)" in svg


if __name__ == "__main__":
    BASELINE.mkdir(parents=True, exist_ok=True)
    for made, draw in FIGURES.items():
        png(draw(None).figure).quantize(256, dither=Image.Dither.NONE).save(BASELINE / f"{made}.png", optimize=True)
