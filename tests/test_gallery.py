"""The gallery: every figure function is in it, no label is cut off in any column, and figures look as they did.

`python tests/test_gallery.py` draws the pictures that figures are compared with anew; look at them before you commit.
"""

import importlib.util
import io
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from PIL import Image

from memfeat import plot
from memfeat.demo.photographs import PHOTOGRAPHS

ROOT = Path(__file__).parents[1]
BASELINE = Path(__file__).parent / "data" / "baseline"
SCRIPT = ROOT / "docs" / "gallery.py"
#: Names of mf.plot that draw no result, or none for print.
NO_FIGURES = {"STYLE", "WIDTHS", "axes", "explore", "save"}
#: Figures of single pictures, which count nothing.
PICTURES = {"attribution", "image_grid"}
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


def test_every_function_that_draws_is_in_the_gallery():
    shown = {gallery.shows(name) for name in FIGURES}
    assert shown == set(plot.__all__) - NO_FIGURES


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_looks_as_it_did_and_fits_every_column(name):
    figure = FIGURES[name](None).figure
    with Image.open(BASELINE / f"{name}.png") as kept:
        assert difference(png(figure), kept.convert("RGB")) <= TOLERANCE
    height = figure.get_figheight() * 25.4
    counted = name not in PICTURES
    fits(figure, counted=counted)
    for width in ("1.5", "double"):
        fits(FIGURES[name](plot.axes(width=width, height=height)).figure, counted=counted)


def fits(figure, *, counted):
    """Nothing reaches beyond the figure, all type can be read, and it is said how many images there are."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    box = figure.get_tightbbox(canvas.get_renderer())
    width, height = figure.get_size_inches()
    assert min(box.x0, box.y0) >= -0.01
    assert box.x1 <= width + 0.01
    assert box.y1 <= height + 0.01
    written = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    assert min(text.get_fontsize() for text in written) >= 4.5
    said = " ".join(text.get_text().replace("\n", " ") for text in written)
    assert not counted or re.search(r"n = \d+( images| layers|\))", said)


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
    assert found <= {BASELINE.relative_to(ROOT) / f"{name}.png" for name in FIGURES}


def test_analyses_of_restricted_photographs_draw_none_of_them():
    """Their notebooks are committed with their figures."""
    pictures = re.compile(r"thumbnails|plot\.memorable|image_grid|imshow")
    restricted = [file for file in sorted((ROOT / "analyses").glob("*.py")) if "MEMFEAT_DATA" in file.read_text()]
    assert restricted
    assert [file.name for file in restricted if pictures.search(file.read_text())] == []


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
